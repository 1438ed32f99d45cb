/*
 * waitForManifestToStabilize, shared by the stages that change objects: looks when a watch says that an object moved, and
 * holds no thread meanwhile.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/events.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/status.h"

#define WARNINGS_AFTER_MS 5000   /* what becomes stable sooner costs no request for events */
#define WARNINGS_EVERY_MS 30000  /* at most, later on */
#define EARLIER_MS 10000         /* clocks differ */
#define WARNINGS_PENDING_MAX 100 /* of how many objects warnings are looked for */

struct wait {
	const struct task_input *in;
	struct task_result *out;
	struct kube_account *account;
	struct val stable, failed; /* lists of {"manifestName","location"}, owned */
	struct val done;           /* both of earlier rounds: "LOCATION/NAME" → true */
	struct val messages, errors;
	struct val waiting; /* list of {"manifestName","location"}, the first that are pending */
	struct val warning; /* the newest about them */
	size_t pending;
	char *line; /* of the first that is pending */
};

static void wait_free(struct wait *wait)
{
	val_free(&wait->stable);
	val_free(&wait->failed);
	val_free(&wait->done);
	val_free(&wait->messages);
	val_free(&wait->errors);
	val_free(&wait->waiting);
	val_free(&wait->warning);
	free(wait->line);
}

/* Those in LIST are never looked at again. */
static void recall_done(struct wait *wait, struct val list)
{
	for (size_t i = 0; i < val_count(list); i++) {
		struct val entry = val_at(list, i);
		_cleanup_free_ char *key = xasprintf("%s/%s", val_get_text(entry, "location", ""),
			val_get_text(entry, "manifestName", ""));

		val_set(&wait->done, key, val_bool(true));
	}
}

static bool is_done(const struct wait *wait, const char *name, const char *location)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", location, name);

	return val_has(wait->done, key);
}

static void put(struct val *list, const char *name, const char *location)
{
	struct val entry = val_map();

	val_set(&entry, "manifestName", val_string(name));
	val_set(&entry, "location", val_string(location));
	val_append(list, entry);
}

/* Upstream's sentence, which other programs match on. */
static void say(struct wait *wait, struct val *list, const char *name, const char *location,
	const char *text)
{
	val_append(list,
		val_format("'%s' in '%s' for account %s: %s", name, location,
			kube_account_name(wait->account), text));
}

static void is_pending(struct wait *wait, const char *name, const char *location, const char *why)
{
	if (wait->pending++ < WARNINGS_PENDING_MAX)
		put(&wait->waiting, name, location);
	say(wait, &wait->messages, name, location, "waiting for manifest to stabilize");
	if (!wait->line)
		wait->line = xasprintf("%s%s%s", name, *why ? ": " : "", why);
}

static void judge(struct wait *wait, const char *name, const char *location, struct val object)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(kube_status_free) struct kube_status status = { 0 };
	_cleanup_free_ char *line = NULL;

	if (kube_status_of(object, &status, &err) < 0) {
		is_pending(wait, name, location, err_text(&err));
	} else if (status.failed.state) {
		const char *text = status.failed.message ? status.failed.message : "failed";

		put(&wait->failed, name, location);
		say(wait, &wait->messages, name, location, text);
		say(wait, &wait->errors, name, location, text);
	} else if (status.stable.state) {
		put(&wait->stable, name, location);
	} else {
		line = kube_status_line(object, &status);
		is_pending(wait, name, location, line);
	}
}

/* Looks at one object. -1: there is no use in going on. */
static int look(struct wait *wait, const char *full_name, const char *location, struct err *err)
{
	_cleanup_free_ char *kind = NULL, *name = NULL;
	_cleanup_(kube_sight_free) struct kube_sight sight = { 0 };
	const struct kube_resource *resource;
	size_t pending = wait->pending;

	if (manifest_name_parse(full_name, &kind, &name, err) < 0)
		return -1;
	if (!kube_kind_settles(kind)) {
		put(&wait->stable, full_name, location);
		return 0;
	}
	if (kube_find_resource(wait->account, NULL, kind, wait->in->cancel, &resource, err) < 0)
		return -1;
	if (kube_look(wait->account, resource, location, name, wait->in->cancel, &sight, err) < 0) {
		if (err->kind == ERR_CANCELED)
			return -1;
		is_pending(wait, full_name, location, err_text(err));
		err_clear(err);
	} else if (sight.seen == KUBE_SEEN) {
		judge(wait, full_name, location, sight.object);
	} else {
		is_pending(wait, full_name, location, sight.seen == KUBE_GONE ? "is not there" : "");
	}
	if (wait->pending > pending)
		task_wait(wait->out, sight.key, wait->in->now_ms + sight.poll_ms);
	return 0;
}

static int look_at_all(struct wait *wait, struct val names, struct err *err)
{
	for (size_t i = 0; i < val_count(names); i++) {
		const char *location = val_key_at(names, i).bytes;
		struct val list = val_value_at(names, i);

		for (size_t j = 0; j < val_count(list); j++) {
			struct val name = val_at(list, j);

			if (!is_done(wait, val_text(&name), location) &&
				look(wait, val_text(&name), location, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* What is to be waited for: {"namespace": ["kind name"]}; owned. */
static struct val names_of(const struct task_input *in)
{
	struct val names = task_lookup(in, "outputs.manifestNamesByNamespace");
	struct val name = task_lookup(in, "manifest.name");
	struct val location = task_lookup(in, "manifest.location");
	struct val one = VAL_NULL;

	if (val_is_map(names))
		return val_ref(names);
	if (val_is_string(name))
		names_by_namespace_add(&one, val_text(&location), val_text(&name));
	return one;
}

/* Only what changed, so that a look that learns nothing writes nothing. */
static void tell(struct wait *wait, const char *key, struct val value)
{
	if (!val_equal(val_get(wait->in->stage->context, key), value))
		task_context(wait->out, key, val_ref(value));
}

static int failure(struct wait *wait, struct err *err)
{
	struct val first = val_at(wait->errors, 0);

	if (val_count(wait->errors) == 1)
		return err_set(err, ERR_FAILED, "%s", val_text(&first));
	err_set(err, ERR_FAILED, "%zu objects did not become stable", val_count(wait->failed));
	val_set(&err->details, "errors", val_ref(wait->errors));
	return -1;
}

/* The messages of those that had failed in an earlier round are in the context. */
static void recall_errors(struct wait *wait)
{
	struct val old = val_get(wait->in->stage->context, "messages");

	for (size_t i = 0; i < val_count(old); i++) {
		struct val text = val_at(old, i);

		for (size_t j = 0; j < val_count(wait->failed); j++) {
			struct val entry = val_at(wait->failed, j);
			_cleanup_free_ char *start = xasprintf("'%s' in '%s' for account ",
				val_get_text(entry, "manifestName", ""),
				val_get_text(entry, "location", ""));

			if (str_starts(val_as_str(&text), start)) {
				val_append(&wait->errors, val_ref(text));
				val_append(&wait->messages, val_ref(text));
			}
		}
	}
}

int64_t wait_stable_timeout(struct val context)
{
	struct val value = val_get(context, "stableManifestTimeoutMinutes");
	int64_t minutes;

	if (!val_as_int(value, &minutes) && !str_to_int(val_as_str(&value), &minutes))
		return 0;
	return minutes > 0 && minutes <= 60 * 24 * 365 ? minutes * 60 * 1000 : 0;
}

/* ---- events ------------------------------------------------------------------------------------ */

/* The newest warning about what is pending. */
static void find_warning(struct wait *wait)
{
	const struct task_input *in = wait->in;
	int64_t since_ms = in->stage->start_ms - EARLIER_MS;

	for (size_t i = 0; i < val_count(wait->waiting); i++) {
		struct val entry = val_at(wait->waiting, i), event;
		const char *location = val_get_text(entry, "location", "");
		_cleanup_(val_free) struct val warnings = VAL_NULL;
		_cleanup_free_ char *kind = NULL, *name = NULL;
		_cleanup_err_ struct err ignored = ERR_INIT;

		if (manifest_name_parse(
			    val_get_text(entry, "manifestName", ""), &kind, &name, &ignored) < 0)
			continue;
		warnings = kube_warnings(wait->account, location, in->cancel);
		event = event_newest(warnings, kind, name, since_ms);
		if (val_is_null(event))
			continue;
		since_ms = event_time(event);
		val_replace(&wait->warning, event_summary(event));
		val_set(&wait->warning, "manifestName", val_ref(val_get(entry, "manifestName")));
		val_set(&wait->warning, "location", val_string(location));
	}
}

/* A rollout that is stuck moves no key, so its warnings are looked for now and then. */
static void look_for_warnings(struct wait *wait)
{
	const struct task_input *in = wait->in;
	int64_t lasts_ms = in->now_ms - in->task->start_ms, next_ms = lasts_ms;

	if (!wait->pending) {
		if (val_has(in->stage->context, "newestWarning") && !val_count(wait->failed))
			val_append(&wait->out->remove, val_string("newestWarning"));
		return;
	}
	if (lasts_ms >= WARNINGS_AFTER_MS)
		find_warning(wait);
	if (!val_is_null(wait->warning))
		tell(wait, "newestWarning", wait->warning);
	if (next_ms < WARNINGS_AFTER_MS)
		next_ms = WARNINGS_AFTER_MS - lasts_ms;
	else if (next_ms > WARNINGS_EVERY_MS)
		next_ms = WARNINGS_EVERY_MS;
	if (wait->out->until_ms > in->now_ms + next_ms)
		wait->out->until_ms = in->now_ms + next_ms;
}

/* `includeEvents`: all that happened to the objects, once it is over. */
static void include_events(struct wait *wait, struct val names)
{
	_cleanup_(val_free) struct val all = val_list();

	for (size_t i = 0; i < val_count(names); i++) {
		const char *location = val_key_at(names, i).bytes;
		_cleanup_(val_free) struct val events = kube_events(
			wait->account, location, wait->in->cancel);
		struct val list = val_value_at(names, i);

		for (size_t j = 0; j < val_count(list); j++) {
			struct val full_name = val_at(list, j), entry = val_map();
			_cleanup_free_ char *kind = NULL, *name = NULL;
			_cleanup_err_ struct err ignored = ERR_INIT;

			manifest_name_parse(val_text(&full_name), &kind, &name, &ignored);
			val_set(&entry, "manifestName", val_ref(full_name));
			val_set(&entry, "location", val_string(location));
			val_set(&entry, "events",
				name ? events_about(events, kind, name) : val_list());
			val_append(&all, entry);
		}
	}
	tell(wait, "events", all);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void say_what_is_pending(struct wait *wait)
{
	_cleanup_free_ char *more = wait->pending > 1 ?
		xasprintf(" (and %zu more)", wait->pending - 1) :
		xstrdup("");

	if (val_is_null(wait->warning))
		task_says(wait->out, "%s%s", wait->line, more);
	else
		task_says(wait->out, "%s%s; %s: %s: %.300s", wait->line, more,
			val_get_text(wait->warning, "object", ""),
			val_get_text(wait->warning, "reason", ""),
			val_get_text(wait->warning, "message", ""));
}

static int conclude(struct wait *wait, struct err *err)
{
	struct task_result *out = wait->out;

	tell(wait, "messages", wait->messages);
	tell(wait, "stableManifests", wait->stable);
	tell(wait, "failedManifests", wait->failed);
	look_for_warnings(wait);
	if (wait->pending)
		say_what_is_pending(wait);
	if (wait->pending)
		return 0;
	return val_count(wait->failed) ? failure(wait, err) : task_done(out);
}

int wait_stable_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val names = names_of(in);
	_cleanup_(wait_free) struct wait wait = { .in = in, .out = out };
	struct val context = in->stage->context;

	if (stage_account(in, &wait.account, err) < 0)
		return -1;
	wait.stable = val_is_list(val_get(context, "stableManifests")) ?
		val_ref(val_get(context, "stableManifests")) :
		val_list();
	wait.failed = val_is_list(val_get(context, "failedManifests")) ?
		val_ref(val_get(context, "failedManifests")) :
		val_list();
	wait.messages = val_list();
	wait.waiting = val_list();
	recall_done(&wait, wait.stable);
	recall_done(&wait, wait.failed);
	recall_errors(&wait);
	if (look_at_all(&wait, names, err) < 0)
		return -1;
	if (!wait.pending && val_get_bool(context, "includeEvents", false))
		include_events(&wait, names);
	return conclude(&wait, err);
}
