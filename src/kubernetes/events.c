#include "kubernetes/events.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

/* What Kubernetes makes the ends of names from: no vowels, so "web-api" is nothing of "web". */
#define GENERATED "bcdfghjklmnpqrstvwxz2456789"
#define DIGITS "0123456789"

/* ---- over values ------------------------------------------------------------------------------ */

/* Which objects a controller makes, and how their names go on after its own. */
static const struct child {
	const char *owner, *kind;
	const char *first, *second; /* letters of "-first-second"; NULL = there is no second */
} children[] = {
	{ "deployment", "ReplicaSet", GENERATED, NULL },
	{ "deployment", "Pod", GENERATED, GENERATED },
	{ "replicaSet", "Pod", GENERATED, NULL },
	{ "daemonSet", "Pod", GENERATED, NULL },
	{ "job", "Pod", GENERATED, NULL },
	{ "statefulSet", "Pod", DIGITS, NULL },
	{ "cronJob", "Job", DIGITS, NULL },
	{ "cronJob", "Pod", DIGITS, GENERATED },
};

/* "-" and some of LETTERS at *TEXT, which moves behind them. */
static bool takes(const char **text, const char *letters)
{
	size_t length = **text == '-' ? strspn(*text + 1, letters) : 0;

	*text += length ? length + 1 : 0;
	return length > 0;
}

static bool is_child_name(const struct child *child, const char *rest)
{
	return takes(&rest, child->first) && (!child->second || takes(&rest, child->second)) &&
		!*rest;
}

bool event_concerns(struct val event, const char *kind, const char *name)
{
	struct val object = val_get(event, "involvedObject");
	const char *about = val_get_text(object, "kind", "");
	const char *called = val_get_text(object, "name", "");
	size_t length = strlen(name);

	if (strcasecmp(about, kind) == 0 && strcmp(called, name) == 0)
		return true;
	if (strncmp(called, name, length) != 0)
		return false;
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (strcmp(children[i].owner, kind) == 0 && strcmp(children[i].kind, about) == 0 &&
			is_child_name(&children[i], called + length))
			return true;
	}
	return false;
}

static const char *time_text(struct val event)
{
	static const char *const keys[] = { "lastTimestamp", "firstTimestamp", "eventTime" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = val_get_text(event, keys[i], "");

		if (*text)
			return text;
	}
	return "";
}

int64_t event_time(struct val event)
{
	int64_t ms = 0;

	return kube_parse_time(time_text(event), &ms) ? ms : 0;
}

struct val event_newest(struct val events, const char *kind, const char *name, int64_t since_ms)
{
	struct val newest = VAL_NULL;
	int64_t newest_ms = since_ms;

	for (size_t i = 0; i < val_count(events); i++) {
		struct val event = val_at(events, i);
		int64_t ms = event_time(event);

		if (ms < newest_ms || !event_concerns(event, kind, name))
			continue;
		newest = event;
		newest_ms = ms;
	}
	return newest;
}

/* What a cluster says is nobody's expression, wherever it stands in a stage's context. */
static struct val plain(struct val text)
{
	struct strbuf clean = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES * 4);
	struct val result;

	for (const char *c = val_text(&text); *c; c++) {
		strbuf_add_char(&clean, *c);
		if (*c == '$' && c[1] == '{')
			strbuf_add_char(&clean, ' ');
	}
	result = val_str(strbuf_str(&clean));
	strbuf_free(&clean);
	return result;
}

struct val event_summary(struct val event)
{
	struct val object = val_get(event, "involvedObject"), summary = val_map();

	val_set(&summary, "object",
		val_format("%s %s", val_get_text(object, "kind", ""),
			val_get_text(object, "name", "")));
	val_set(&summary, "type", val_ref(val_get(event, "type")));
	val_set(&summary, "reason", plain(val_get(event, "reason")));
	val_set(&summary, "message", plain(val_get(event, "message")));
	val_set(&summary, "count", val_int(val_get_int(event, "count", 1)));
	val_set(&summary, "lastTimestamp", val_string(time_text(event)));
	return summary;
}

struct timed {
	int64_t ms;
	size_t index;
};

static int timed_compare(const void *a, const void *b)
{
	const struct timed *left = a, *right = b;

	if (left->ms != right->ms)
		return left->ms < right->ms ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

struct val events_about(struct val events, const char *kind, const char *name)
{
	struct timed *found = xcalloc(val_count(events) + 1, sizeof(*found));
	struct val list = val_list();
	size_t count = 0;

	for (size_t i = 0; i < val_count(events); i++) {
		if (event_concerns(val_at(events, i), kind, name))
			found[count++] = (struct timed){ event_time(val_at(events, i)), i };
	}
	qsort(found, count, sizeof(*found), timed_compare);
	for (size_t i = 0; i < count; i++)
		val_append(&list, event_summary(val_at(events, found[i].index)));
	free(found);
	return list;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static struct val read_events(struct kube_account *account, const char *namespace,
	const char *query, struct cancel *cancel)
{
	static const struct kube_resource events = { "", "v1", "Event", "events", .namespaced = true };
	_cleanup_free_ char *path = kube_path(account, &events, namespace, NULL, NULL);
	_cleanup_(val_free) struct val answer = VAL_NULL;
	_cleanup_err_ struct err ignored = ERR_INIT;
	struct kube_request request = {
		.method = "GET", .path = path, .query = query, .once = true, .cancel = cancel
	};

	if (kube_send(account, &request, &answer, NULL, &ignored) < 0)
		return val_list();
	return val_is_list(val_get(answer, "items")) ? val_ref(val_get(answer, "items")) : val_list();
}

/* Locked. Notes LIST (borrowed) as what there is now. */
static void keep(struct kube_account *account, const char *namespace, struct val list)
{
	struct val entry = val_map();

	val_set(&entry, "list", val_ref(list));
	val_set(&entry, "at", val_int(clock_now_ms(account->kubernetes->world->clock)));
	val_set(&account->warnings, namespace, entry);
}

/* Whether the list is to be read anew, by whoever asks this: the others take what there is meanwhile. *RET is owned. */
static bool take_turn(struct kube_account *account, const char *namespace, struct val *ret)
{
	struct clock *clock = account->kubernetes->world->clock;
	bool due;

	pthread_mutex_lock(&account->warnings_lock);
	struct val kept = val_get(account->warnings, namespace);

	*ret = val_is_null(kept) ? val_list() : val_ref(val_get(kept, "list"));
	due = val_is_null(kept) ||
		clock_now_ms(clock) - val_get_int(kept, "at", 0) >= LIMIT_KUBERNETES_EVENTS_MS;
	if (due && val_count(account->warnings) >= LIMIT_WATCHES)
		val_free(&account->warnings);
	if (due)
		keep(account, namespace, *ret);
	pthread_mutex_unlock(&account->warnings_lock);
	return due;
}

struct val kube_warnings(struct kube_account *account, const char *namespace, struct cancel *cancel)
{
	struct val list;

	if (!take_turn(account, namespace, &list))
		return list;
	val_replace(&list,
		read_events(account, namespace, "limit=500&fieldSelector=type%3DWarning", cancel));
	pthread_mutex_lock(&account->warnings_lock);
	keep(account, namespace, list);
	pthread_mutex_unlock(&account->warnings_lock);
	return list;
}

struct val kube_events(struct kube_account *account, const char *namespace, struct cancel *cancel)
{
	return read_events(account, namespace, "limit=500", cancel);
}
