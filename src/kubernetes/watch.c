/*
 * Watches. One thread for each (account, kind, namespace) that somebody waits for: list, then follow the stream from the
 * list's version, and keep a copy of the objects. It tells the engine that a key has moved; what that means is the business
 * of the task that then looks.
 *
 *	STARTING ──list──► SYNCED ──stream ends, lasted──► SYNCED (asked anew from the last version seen)
 *	    ▲                 │──stream broke──► once more from that version, at once
 *	    │                 │──410, broke again──► not in sync: list again, after a pause that grows
 *	    │                 └──no right──► REFUSED: the thread ends, waiters poll; tried again after a minute
 *	    └──asked for──── OVER (nobody has asked for a while; the thread ends)
 *
 * All of it is under kubernetes->watch_lock, but the exchanges. The thread has a hold on the clock while it runs; the
 * transport and the pauses give it up. A stream lasts a minute at most, so that a connection that died unnoticed cannot
 * leave a stale copy for longer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/share.h"
#include "kubernetes/internal.h"
#include "kubernetes/status.h"

/* Who waits looks again after LIMIT_WAIT_MS at the latest, so interest ends a minute after that. */
#define LINGER_MS (LIMIT_WAIT_MS + 60000)
#define REFUSED_MS 60000       /* until rights are tried again */
#define SILENCE_SPARE_MS 15000 /* the server ends the stream itself; this much later it is dead */
#define LASTED_MS 1000         /* a stream that ends sooner, without an event, is no good */
#define PAUSE_MS 500
#define LISTS_MS 20000  /* a list that takes longer is not waited for */
#define EXPECT_MS 10000 /* a write of ours that the watch has not shown by then never will be */

/* A name that somebody waits for. */
struct watched_name {
	int64_t asked_ms;
	char *expected; /* resourceVersion of our own write, not seen yet; NULL = none */
	int64_t expected_until_ms;
};

struct kube_watch {
	struct kube_account *account;
	const struct kube_resource *resource;
	char *namespace; /* "" for cluster-scoped kinds */
	char *key;       /* "ACCOUNT/PLURAL.GROUP/NAMESPACE" */
	int slot;
	pthread_t thread;
	bool started; /* the thread is to be joined */
	bool running; /* … and has not decided to end */
	struct cancel *cancel;
	int64_t asked_ms;
	int64_t refused_ms; /* when rights were found missing; 0 = they were not */
	bool synced;
	int64_t lists_until_ms; /* until then a list without trouble is to be expected; 0 = none */
	bool overfull;          /* too many objects: wakes only */
	struct map objects;     /* name → struct val * */
	struct share share;     /* of their parts */
	struct map names;       /* name → struct watched_name * */
	char *version;          /* seen up to here; NULL = list first */
	/* The thread's own. */
	int failures; /* in a row */
	struct strbuf line;
	bool expired; /* 410 in the stream */
	bool saw_event;
	struct err stream_error;
};

static struct clock *clock_of(const struct kube_watch *watch)
{
	return watch->account->kubernetes->world->clock;
}

static void lock(const struct kube_watch *watch)
{
	pthread_mutex_lock(&watch->account->kubernetes->watch_lock);
}

static void unlock(const struct kube_watch *watch)
{
	pthread_mutex_unlock(&watch->account->kubernetes->watch_lock);
}

static char *watch_key(const struct kube_account *account, const struct kube_resource *resource,
	const char *namespace)
{
	_cleanup_free_ char *generation = account->generation ?
		xasprintf("#%u", account->generation) :
		xstrdup("");

	return xasprintf("%s%s/%s.%s/%s", account->name, generation, resource->plural,
		resource->group, kube_effective_namespace(account, resource, namespace));
}

static void objects_clear(struct map *objects)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(objects, &cursor, &key, &value)) {
		val_free(value);
		free(value);
	}
	map_free(objects);
}

static void name_free(struct watched_name *name)
{
	if (name)
		free(name->expected);
	free(name);
}

static void names_clear(struct map *names)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(names, &cursor, &key, &value))
		name_free(value);
	map_free(names);
}

/* The thread has been joined, or never was. */
static void watch_free(struct kube_watch *watch)
{
	objects_clear(&watch->objects);
	share_free(&watch->share);
	names_clear(&watch->names);
	cancel_unref(watch->cancel);
	strbuf_free(&watch->line);
	err_clear(&watch->stream_error);
	free(watch->version);
	free(watch->namespace);
	free(watch->key);
	free(watch);
}

/* "kubernetes:ACCOUNT/deployments.apps/NAMESPACE/NAME"; owned. */
static char *wake_key(const struct kube_watch *watch, struct str name)
{
	return xasprintf("kubernetes:%s/%.*s", watch->key, STR_ARG(name));
}

/* Wakes those who wait for NAME, NULL = all. Not locked by the caller: the engine has locks of its own. */
static void wake(struct kube_watch *watch, const char *name)
{
	struct world *world = watch->account->kubernetes->world;
	VEC(char *) keys = { 0 };
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	lock(watch);
	if (name && map_get(&watch->names, str_of(name)))
		vec_push(&keys, wake_key(watch, str_of(name)));
	while (!name && map_next(&watch->names, &cursor, &key, &value))
		vec_push(&keys, wake_key(watch, key));
	unlock(watch);
	for (size_t i = 0; i < keys.count; i++) {
		world_wake(world, keys.items[i]);
		free(keys.items[i]);
	}
	vec_free(&keys);
}

/* What the objects of a namespace have in common is kept once. */
static struct val *kept_copy(struct kube_watch *watch, struct val object)
{
	_cleanup_(val_free) struct val parts = kube_status_parts(object);
	struct val *copy = xnew(struct val);

	if (watch->share.count > LIMIT_WATCH_SHARED)
		share_free(&watch->share);
	*copy = share_value(&watch->share, parts);
	return copy;
}

static const char *name_of(struct val object)
{
	return val_get_text(val_get(object, "metadata"), "name", "");
}

static const char *version_of(struct val object)
{
	return val_get_text(val_get(object, "metadata"), "resourceVersion", "");
}

/*
 * True when a copy that has seen version SEEN includes EXPECTED. Versions are equal or, where both are numbers, may be compared
 * (Kubernetes 1.35 promises it, etcd's revisions always were so); others never are. SEEN NULL = everything.
 */
static bool has_reached(const char *seen, const char *expected)
{
	size_t length = seen ? strlen(seen) : 0, needed = strlen(expected);

	if (!seen || strcmp(seen, expected) == 0)
		return true;
	if (strspn(seen, "0123456789") != length || strspn(expected, "0123456789") != needed)
		return false;
	return length != needed ? length > needed : strcmp(seen, expected) > 0;
}

/* Locked. Our own write of NAME is in what has been seen up to VERSION. */
static void note_seen(struct watched_name *name, const char *version)
{
	if (name && name->expected && has_reached(version, name->expected)) {
		free(name->expected);
		name->expected = NULL;
	}
}

/* Locked. OBJECT NULL = it is gone. */
static void keep(struct kube_watch *watch, const char *name, const struct val *object)
{
	struct val *old = NULL;

	if (object && !watch->overfull) {
		watch->overfull = watch->objects.count >= LIMIT_WATCH_OBJECTS;
		if (watch->overfull)
			objects_clear(&watch->objects);
		else
			old = map_put(&watch->objects, str_of(name), kept_copy(watch, *object));
	} else if (!object) {
		old = map_remove(&watch->objects, str_of(name));
	}
	if (old)
		val_free(old);
	free(old);
}

/* The copy is not to be believed any more. It is listed anew, but after trouble nobody should count on that. */
static void lose_sync(struct kube_watch *watch, bool trouble)
{
	lock(watch);
	watch->synced = false;
	watch->lists_until_ms = trouble ? 0 : clock_now_ms(clock_of(watch)) + LISTS_MS;
	unlock(watch);
}

/* The thread alone writes it, and may read it without the lock. */
static void set_version(struct kube_watch *watch, const char *version)
{
	lock(watch);
	free(watch->version);
	watch->version = version && *version ? xstrdup(version) : NULL;
	unlock(watch);
}

/* Locked. What waits for a write of ours that LIST, asked for at BEGAN_MS, includes. */
static void note_list(struct kube_watch *watch, const char *version, int64_t began_ms)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(&watch->names, &cursor, &key, &value)) {
		struct watched_name *name = value;

		note_seen(name, name->expected_until_ms - EXPECT_MS < began_ms ? NULL : version);
	}
}

/* Everything anew. */
static int watch_list(struct kube_watch *watch, struct err *err)
{
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_free_ char *version = NULL;
	int64_t began_ms = clock_now_ms(clock_of(watch));

	if (kube_list_at(watch->account, watch->resource, watch->namespace, NULL, watch->cancel,
		    &list, &version, err) < 0)
		return -1;
	set_version(watch, version);
	lock(watch);
	objects_clear(&watch->objects);
	watch->overfull = false;
	for (size_t i = 0; i < val_count(list); i++) {
		struct val object = val_at(list, i);

		keep(watch, name_of(object), &object);
	}
	note_list(watch, version, began_ms);
	watch->synced = true;
	unlock(watch);
	wake(watch, NULL);
	return 0;
}

/* An object came by the stream. */
static void on_object(struct kube_watch *watch, const char *type, struct val object)
{
	_cleanup_free_ char *name = xstrdup(name_of(object));
	bool gone = strcmp(type, "DELETED") == 0;

	set_version(watch, version_of(object));
	watch->saw_event = true;
	if (strcmp(type, "BOOKMARK") == 0 || !*name)
		return;
	lock(watch);
	keep(watch, name, gone ? NULL : &object);
	note_seen(map_get(&watch->names, str_of(name)), version_of(object));
	unlock(watch);
	wake(watch, name);
}

/* A line of the stream; -1 ends it. */
static int on_line(struct kube_watch *watch, struct str line)
{
	_cleanup_(val_free) struct val event = VAL_NULL;
	struct err *err = &watch->stream_error;
	struct val object;
	const char *type;

	line = str_trim(line);
	if (!line.length)
		return 0;
	if (json_parse(line,
		    &(struct json_options){
			    .max_bytes = LIMIT_WATCH_LINE_BYTES, .skip_key = KUBE_OWNERS },
		    NULL, &event, err) < 0) {
		err->kind = ERR_UNAVAILABLE;
		return err_wrap(err, "watch: a line that is no JSON");
	}
	type = val_get_text(event, "type", "");
	object = val_get(event, "object");
	if (strcmp(type, "ERROR") == 0) {
		watch->expired = val_get_int(object, "code", 0) == 410;
		return err_set(err, ERR_UNAVAILABLE, "watch: %s",
			val_get_text(object, "message", "error"));
	}
	if (*type)
		on_object(watch, type, object);
	return 0;
}

/* Pieces become lines. */
static int on_piece(void *data, const char *bytes, size_t length)
{
	struct kube_watch *watch = data;
	const char *end;

	while ((end = memchr(bytes, '\n', length))) {
		size_t head = (size_t)(end - bytes);
		int done;

		strbuf_add(&watch->line, bytes, head);
		if (watch->line.overflowed)
			return err_set(&watch->stream_error, ERR_TOO_LARGE,
				"watch: an event is larger than %u bytes", LIMIT_WATCH_LINE_BYTES);
		done = on_line(watch, strbuf_str(&watch->line));
		strbuf_reset(&watch->line);
		if (done < 0)
			return -1;
		bytes = end + 1;
		length -= head + 1;
	}
	strbuf_add(&watch->line, bytes, length);
	return 0;
}

/* How long the next stream may last: a minute, less when the interest ends before. */
static int stream_ms(struct kube_watch *watch)
{
	int64_t left_ms;

	lock(watch);
	left_ms = watch->asked_ms + LINGER_MS - clock_now_ms(clock_of(watch));
	unlock(watch);
	if (left_ms > LIMIT_WATCH_STREAM_MS)
		return LIMIT_WATCH_STREAM_MS;
	return left_ms < 1000 ? 1000 : (int)left_ms;
}

/* Follows the stream until it ends: 0 when the server ended it. */
static int watch_stream(struct kube_watch *watch, struct err *err)
{
	struct kube_account *account = watch->account;
	_cleanup_free_ char *path = kube_path(account, watch->resource, watch->namespace, NULL, NULL);
	_cleanup_strbuf_ struct strbuf query = STRBUF_INIT(4096);
	int lasts_ms = stream_ms(watch);
	struct kube_request request = {
		.method = "GET",
		.path = path,
		.repeatable = true,
		.cancel = watch->cancel,
		.on_body = on_piece,
		.on_body_data = watch,
		.silence_ms = lasts_ms + SILENCE_SPARE_MS,
		.slot = watch->slot,
	};

	strbuf_printf(&query, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=",
		lasts_ms / 1000);
	url_encode(&query, str_of(watch->version));
	request.query = query.bytes;
	strbuf_reset(&watch->line);
	err_clear(&watch->stream_error);
	watch->expired = watch->saw_event = false;
	if (kube_send(account, &request, NULL, NULL, err) < 0)
		return -1;
	if (watch->stream_error.kind != ERR_NONE) {
		err_move(err, &watch->stream_error);
		return -1;
	}
	return 0;
}

/* Nothing that a new attempt in a moment would change. */
static bool is_refusal(const struct err *err)
{
	return err->kind == ERR_DENIED || err->kind == ERR_NOT_FOUND || err->kind == ERR_UNSUPPORTED;
}

/* Locked. The thread is about to end. */
static void finish(struct kube_watch *watch)
{
	watch->running = false;
	watch->synced = false;
	watch->lists_until_ms = 0;
	objects_clear(&watch->objects);
	share_free(&watch->share);
}

/* Ends the watch when nobody has asked for a while; forgets names that nobody asks for. */
static bool is_wanted(struct kube_watch *watch)
{
	struct map_cursor cursor = { 0 };
	int64_t now_ms = clock_now_ms(clock_of(watch));
	struct str key;
	void *value;
	bool wanted;

	lock(watch);
	wanted = !cancel_is_set(watch->cancel) && now_ms < watch->asked_ms + LINGER_MS;
	while (map_next(&watch->names, &cursor, &key, &value)) {
		struct watched_name *name = value;

		if (now_ms >= name->asked_ms + LINGER_MS)
			name_free(map_remove(&watch->names, key));
	}
	if (!wanted)
		finish(watch);
	unlock(watch);
	return wanted;
}

static void refuse(struct kube_watch *watch, const struct err *err)
{
	log_debug("cannot watch", "watch", watch->key, "error", err_text(err));
	lock(watch);
	watch->refused_ms = clock_now_ms(clock_of(watch));
	finish(watch);
	unlock(watch);
	wake(watch, NULL);
}

/* What the stream's end means for the next round: go on from its version, or list again after a pause. */
static void after_stream(struct kube_watch *watch, int done, int64_t lasted_ms, struct err *err)
{
	bool good = watch->saw_event || lasted_ms >= LASTED_MS;

	if (good)
		watch->failures = 0;
	if (watch->expired) {
		set_version(watch, NULL);
		lose_sync(watch, !good);
		watch->failures += !good;
		return;
	}
	if (done == 0 && good)
		return;
	watch->failures++;
	/* The first time the connection is simply made again; nothing was missed, for it goes on from the last version. */
	if (watch->failures > 1) {
		set_version(watch, NULL);
		lose_sync(watch, true);
		wake(watch, NULL);
	}
	if (err->kind != ERR_NONE && err->kind != ERR_CANCELED)
		log_debug("a watch broke", "watch", watch->key, "error", err_text(err));
}

/* Before the next list, after failures. */
static void pause_after_failures(struct kube_watch *watch)
{
	_cleanup_err_ struct err ignored = ERR_INIT;
	int64_t ms = PAUSE_MS;

	for (int i = 1; i < watch->failures && ms < LIMIT_WATCH_BACKOFF_MS; i++)
		ms *= 2;
	if (ms > LIMIT_WATCH_BACKOFF_MS)
		ms = LIMIT_WATCH_BACKOFF_MS;
	if (watch->failures > 0)
		kube_sleep(watch->account, watch->cancel, ms, &ignored);
}

/* One list or one stream; false when the watch has no right to be. */
static bool watch_step(struct kube_watch *watch)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int64_t began_ms = clock_now_ms(clock_of(watch));
	int done;

	if (!watch->version) {
		done = watch_list(watch, &err);
		watch->failures += done < 0 && !is_refusal(&err);
		if (done < 0)
			lose_sync(watch, true);
		if (done == 0 && !watch->version)
			err_set(&err, ERR_UNSUPPORTED, "the list has no resourceVersion");
	} else {
		done = watch_stream(watch, &err);
		if (kube_error_status(&err) == 410)
			watch->expired = true;
		if (!is_refusal(&err))
			after_stream(watch, done, clock_now_ms(clock_of(watch)) - began_ms, &err);
	}
	if (is_refusal(&err)) {
		refuse(watch, &err);
		return false;
	}
	if (!watch->version)
		pause_after_failures(watch);
	return true;
}

static void *watch_main(void *data)
{
	struct kube_watch *watch = data;
	struct clock *clock = clock_of(watch);

	while (is_wanted(watch) && watch_step(watch))
		;
	clock_release(clock);
	return NULL;
}

typedef VEC(struct kube_watch *) watch_list_type;

/* Locked. Takes out those whose thread has ended and that need not be remembered. */
static void take_dead(struct kubernetes *kubernetes, int64_t now_ms, watch_list_type *dead)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(&kubernetes->watches, &cursor, &key, &value)) {
		struct kube_watch *watch = value;

		if (watch->running || (watch->refused_ms && now_ms < watch->refused_ms + REFUSED_MS))
			continue;
		vec_push(dead, watch);
		map_remove(&kubernetes->watches, key);
	}
}

/* Not locked: the threads may still be about to wake somebody. */
static void bury(watch_list_type *dead)
{
	for (size_t i = 0; i < dead->count; i++) {
		if (dead->items[i]->started)
			pthread_join(dead->items[i]->thread, NULL);
		watch_free(dead->items[i]);
	}
	vec_free(dead);
}

/* Locked. The lowest number that no running watch has; -1 when there are as many as there may be. */
static int free_slot(const struct kubernetes *kubernetes)
{
	bool used[LIMIT_WATCHES] = { false };
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(&kubernetes->watches, &cursor, &key, &value)) {
		const struct kube_watch *watch = value;

		if (watch->running)
			used[watch->slot] = true;
	}
	for (int i = 0; i < LIMIT_WATCHES; i++) {
		if (!used[i])
			return i;
	}
	return -1;
}

/* Locked. The clock is held for the thread from here on. */
static bool start(struct kube_watch *watch)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, LIMIT_WORKER_STACK_BYTES);
	clock_hold(clock_of(watch));
	watch->running = watch->started = pthread_create(&watch->thread, &attributes, watch_main,
						  watch) == 0;
	if (!watch->started)
		clock_release(clock_of(watch));
	pthread_attr_destroy(&attributes);
	return watch->started;
}

/* Locked. A new watch, running; NULL when there are too many. */
static struct kube_watch *add_watch(struct kube_account *account,
	const struct kube_resource *resource, const char *namespace, const char *key)
{
	struct kubernetes *kubernetes = account->kubernetes;
	int slot = free_slot(kubernetes);
	struct kube_watch *watch;

	if (slot < 0)
		return NULL;
	watch = xnew(struct kube_watch);
	watch->account = account;
	watch->resource = resource;
	watch->namespace = xstrdup(kube_effective_namespace(account, resource, namespace));
	watch->key = xstrdup(key);
	watch->slot = slot;
	watch->cancel = cancel_new();
	watch->line = STRBUF_INIT(LIMIT_WATCH_LINE_BYTES);
	watch->asked_ms = clock_now_ms(clock_of(watch));
	watch->lists_until_ms = watch->asked_ms + LISTS_MS;
	if (!start(watch)) {
		watch_free(watch);
		return NULL;
	}
	map_put(&kubernetes->watches, str_of(key), watch);
	return watch;
}

/* Locked. NAME's row, made if it is not there. */
static struct watched_name *ask(struct kube_watch *watch, const char *name, int64_t now_ms)
{
	struct watched_name *waiting = map_get(&watch->names, str_of(name));

	if (!waiting) {
		waiting = xnew(struct watched_name);
		map_put(&watch->names, str_of(name), waiting);
	}
	waiting->asked_ms = watch->asked_ms = now_ms;
	return waiting;
}

static bool may_watch(const struct kube_account *account, const struct kube_resource *resource)
{
	_cleanup_free_ char *kind = kind_text(str_of(resource->kind), str_of(resource->group));

	return resource->can_list && resource->can_watch && account->problem.kind == ERR_NONE &&
		kube_account_is_for(account, kind);
}

char *kube_watch(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, int64_t *ret_poll_ms)
{
	struct kubernetes *kubernetes = account->kubernetes;
	_cleanup_free_ char *key = watch_key(account, resource, namespace);
	int64_t now_ms = clock_now_ms(kubernetes->world->clock);
	watch_list_type dead = { 0 };
	struct kube_watch *watch;

	*ret_poll_ms = LIMIT_WATCH_POLL_MS;
	pthread_mutex_lock(&kubernetes->watch_lock);
	take_dead(kubernetes, now_ms, &dead);
	watch = map_get(&kubernetes->watches, str_of(key));
	if (!watch && may_watch(account, resource))
		watch = add_watch(account, resource, namespace, key);
	if (watch)
		ask(watch, name, now_ms);
	if (watch && watch->synced)
		*ret_poll_ms = LIMIT_WAIT_MS;
	pthread_mutex_unlock(&kubernetes->watch_lock);
	bury(&dead);
	return xasprintf("kubernetes:%s/%s", key, name);
}

/* Locked. What WATCH (may be NULL) knows of NAME; *RET is borrowed. */
static enum kube_seen known(
	const struct kube_watch *watch, const char *name, int64_t now_ms, struct val *ret)
{
	const struct watched_name *waiting = watch ? map_get(&watch->names, str_of(name)) : NULL;
	const struct val *object;

	if (!watch || watch->overfull)
		return KUBE_UNSEEN;
	if (!watch->synced)
		return now_ms < watch->lists_until_ms ? KUBE_SOON : KUBE_UNSEEN;
	if (waiting && waiting->expected && now_ms < waiting->expected_until_ms)
		return KUBE_SOON;
	object = map_get(&watch->objects, str_of(name));
	if (!object)
		return KUBE_GONE;
	*ret = *object;
	return KUBE_SEEN;
}

enum kube_seen kube_watched(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val *ret)
{
	struct kubernetes *kubernetes = account->kubernetes;
	_cleanup_free_ char *key = watch_key(account, resource, namespace);
	int64_t now_ms = clock_now_ms(kubernetes->world->clock);
	struct val object = VAL_NULL;
	enum kube_seen seen;

	pthread_mutex_lock(&kubernetes->watch_lock);
	seen = known(map_get(&kubernetes->watches, str_of(key)), name, now_ms, &object);
	*ret = val_ref(object);
	pthread_mutex_unlock(&kubernetes->watch_lock);
	return seen;
}

void kube_sight_free(struct kube_sight *sight)
{
	val_free(&sight->object);
	free(sight->key);
	*sight = (struct kube_sight){ 0 };
}

int kube_look(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct kube_sight *ret,
	struct err *err)
{
	*ret = (struct kube_sight){ 0 };
	ret->key = kube_watch(account, resource, namespace, name, &ret->poll_ms);
	ret->seen = kube_watched(account, resource, namespace, name, &ret->object);
	if (ret->seen == KUBE_SOON)
		ret->poll_ms = LIMIT_WATCH_POLL_MS;
	if (ret->seen != KUBE_UNSEEN)
		return 0;
	ret->seen = KUBE_SEEN;
	if (kube_get(account, resource, namespace, name, cancel, &ret->object, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	ret->seen = KUBE_GONE;
	return 0;
}

void kube_watch_expect(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val object)
{
	struct kubernetes *kubernetes = account->kubernetes;
	_cleanup_free_ char *key = watch_key(account, resource, namespace);
	int64_t now_ms = clock_now_ms(kubernetes->world->clock);
	const char *version = version_of(object);
	struct watched_name *waiting;
	struct kube_watch *watch;
	bool running;

	pthread_mutex_lock(&kubernetes->watch_lock);
	watch = map_get(&kubernetes->watches, str_of(key));
	running = watch && watch->running && *version;
	if (running && !(watch->version && has_reached(watch->version, version))) {
		waiting = ask(watch, name, now_ms);
		free(waiting->expected);
		waiting->expected = xstrdup(version);
		waiting->expected_until_ms = now_ms + EXPECT_MS;
	}
	pthread_mutex_unlock(&kubernetes->watch_lock);
}

void kube_watches_free(struct kubernetes *kubernetes)
{
	watch_list_type all = { 0 };
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	pthread_mutex_lock(&kubernetes->watch_lock);
	while (map_next(&kubernetes->watches, &cursor, &key, &value)) {
		struct kube_watch *watch = value;

		cancel_set(watch->cancel);
		vec_push(&all, watch);
	}
	map_free(&kubernetes->watches);
	pthread_mutex_unlock(&kubernetes->watch_lock);
	bury(&all);
}
