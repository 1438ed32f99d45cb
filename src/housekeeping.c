#include "housekeeping.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/limits.h"
#include "base/log.h"

#define DAY_MS INT64_C(86400000)
#define MEGABYTE (INT64_C(1) << 20)
#define LOOK_MS 100 /* at the stop flag, while the engine deletes */

enum space { SPACE_ENOUGH, SPACE_LOW, SPACE_NONE };

struct housekeeping {
	struct engine *engine;
	struct store *store;
	const char *directory;
	const struct settings *settings;
	struct cancel *stop;
	pthread_t thread;
	enum space space;
	size_t least_free; /* memory, since some was given back */
};

/* ---- the disk ------------------------------------------------------------------------------------------------------------------- */

/* Once it was low, there must be a little more than the limit, so that it does not change with every commit. */
static enum space space_of(const struct housekeeping *mine, int64_t free_bytes)
{
	const struct data_settings *settings = &mine->settings->data;
	int64_t warn = settings->warn_free_mb * MEGABYTE, least = settings->min_free_mb * MEGABYTE;
	if (mine->space >= SPACE_LOW)
		warn += warn / 10;
	if (mine->space == SPACE_NONE)
		least += least / 10;
	if (free_bytes < least)
		return SPACE_NONE;
	return free_bytes < warn ? SPACE_LOW : SPACE_ENOUGH;
}

static void look_at_disk(struct housekeeping *mine)
{
	struct statvfs disk;
	if (statvfs(mine->directory, &disk) < 0)
		return;
	int64_t free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	enum space space = space_of(mine, free_bytes);
	if (space == mine->space)
		return;
	_cleanup_free_ char *left = xasprintf("%lld MB", (long long)(free_bytes / MEGABYTE));
	if (space == SPACE_NONE)
		log_error("the disk of the data directory is nearly full: new runs are refused",
			"free", left);
	else if (space == SPACE_LOW)
		log_warn("the disk of the data directory is getting full", "free", left);
	else
		log_info("the disk of the data directory has space again", "free", left);
	mine->space = space;
	engine_refuse_starts(mine->engine, space == SPACE_NONE);
}

/* ---- old runs ------------------------------------------------------------------------------------------------------------------- */

/* A deletion that the engine was asked for. Counted: ours, and the engine's until its reply. */
struct deletion {
	atomic_int references;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool done;
	enum err_kind kind;
};

static void deletion_unref(struct deletion *deletion)
{
	if (atomic_fetch_sub(&deletion->references, 1) > 1)
		return;
	pthread_cond_destroy(&deletion->condition);
	pthread_mutex_destroy(&deletion->mutex);
	free(deletion);
}

static void deletion_reply(void *data, struct val value, const struct err *err)
{
	struct deletion *deletion = data;
	(void)value;
	pthread_mutex_lock(&deletion->mutex);
	deletion->done = true;
	deletion->kind = err->kind;
	pthread_cond_signal(&deletion->condition);
	pthread_mutex_unlock(&deletion->mutex);
	deletion_unref(deletion);
}

/* Not for ever: a store that cannot write answers when the engine ends, and that waits for us. */
static enum err_kind deletion_wait(struct housekeeping *mine, struct deletion *deletion)
{
	pthread_mutex_lock(&deletion->mutex);
	while (!deletion->done && !cancel_is_set(mine->stop))
		clock_wait(clock_real(), &deletion->condition, &deletion->mutex,
			clock_now_ms(clock_real()) + LOOK_MS);
	enum err_kind kind = deletion->done ? deletion->kind : ERR_CANCELED;
	pthread_mutex_unlock(&deletion->mutex);
	return kind;
}

/* 1: it is gone; 0: it stays, for somebody was faster or has restarted it; -1: no more of it now. */
static int delete_run(struct housekeeping *mine, const char *id, struct err *err)
{
	struct deletion *deletion = xnew(struct deletion);
	struct request request = {
		.kind = REQUEST_DELETE_EXECUTION,
		.key = xstrdup(id),
		.reply = deletion_reply,
		.data = deletion,
	};
	atomic_init(&deletion->references, 2);
	pthread_mutex_init(&deletion->mutex, NULL);
	clock_condition_init(&deletion->condition);
	enum err_kind kind = ERR_CANCELED;
	if (engine_submit(mine->engine, &request, err) < 0) {
		request_clear(&request);
		deletion_unref(deletion); /* the engine's */
	} else {
		kind = deletion_wait(mine, deletion);
	}
	deletion_unref(deletion);
	if (kind == ERR_NONE || kind == ERR_NOT_FOUND || kind == ERR_CONFLICT)
		return kind == ERR_NONE;
	return err->kind ? -1 : err_set(err, kind, "execution %s: %s", id, err_kind_name(kind));
}

/* One commit each, so that nobody waits for more than that. */
static int delete_old(struct housekeeping *mine, size_t *ret_count, struct err *err)
{
	const struct retention_settings *settings = &mine->settings->retention;
	int64_t now = clock_now_ms(clock_real());
	struct retention retention = {
		.before_ms = settings->days > 0 ? now - settings->days * DAY_MS : 0,
		.keep_newest = (size_t)settings->min_runs,
		.keep_at_most = (size_t)settings->max_runs,
	};
	for (size_t before = SIZE_MAX; before != *ret_count;) {
		_cleanup_(val_free) struct val ids = VAL_NULL;
		before = *ret_count;
		if (mine->store->type->list_expired(
			    mine->store, &retention, LIMIT_RETENTION_BATCH, &ids, err) < 0)
			return -1;
		for (size_t i = 0; i < val_count(ids); i++) {
			struct val id = val_at(ids, i);
			int result = delete_run(mine, val_text(&id), err);
			if (result < 0)
				return -1;
			*ret_count += (size_t)result;
		}
	}
	return 0;
}

static void tidy(struct housekeeping *mine)
{
	const struct retention_settings *settings = &mine->settings->retention;
	_cleanup_err_ struct err err = ERR_INIT;
	size_t count = 0;
	if (settings->days == 0 && settings->max_runs == 0)
		return;
	if (delete_old(mine, &count, &err) < 0 && !cancel_is_set(mine->stop))
		log_warn("old runs cannot be deleted", "error", err_text(&err));
	_cleanup_free_ char *number = xasprintf("%zu", count);
	if (count > 0)
		log_info("old runs were deleted", "count", number);
}

/* ---- memory --------------------------------------------------------------------------------------------------------------------- */

/*
 * After a peak, such as a list of thousands of objects, half of what malloc holds may be free: others can use it better. What was free
 * before, at the least, has been given back already, and still counts as free.
 */
static void give_back_memory(struct housekeeping *mine)
{
	size_t free_bytes = mallinfo2().fordblks;
	if (free_bytes < mine->least_free)
		mine->least_free = free_bytes;
	if (free_bytes - mine->least_free < LIMIT_FREE_MEMORY_BYTES)
		return;
	malloc_trim(0);
	mine->least_free = free_bytes;
}

/* ---- the thread ----------------------------------------------------------------------------------------------------------------- */

static void *housekeeping_main(void *data)
{
	struct housekeeping *mine = data;
	int64_t every_ms = mine->settings->retention.interval.ms;
	int64_t tidy_at = clock_now_ms(clock_real()) + every_ms;
	while (!cancel_is_set(mine->stop)) {
		_cleanup_err_ struct err canceled = ERR_INIT;
		int64_t now = clock_now_ms(clock_real());
		int64_t next = now + LIMIT_DISK_LOOK_MS;
		look_at_disk(mine);
		give_back_memory(mine);
		if (now >= tidy_at) {
			tidy(mine);
			tidy_at = clock_now_ms(clock_real()) + every_ms;
		}
		cancel_sleep(mine->stop, clock_real(), next < tidy_at ? next : tidy_at, &canceled);
	}
	return NULL;
}

struct housekeeping *housekeeping_start(struct engine *engine, struct store *store,
	const char *directory, const struct settings *settings, struct err *err)
{
	struct housekeeping *mine = xnew(struct housekeeping);
	mine->engine = engine;
	mine->store = store;
	mine->directory = directory;
	mine->settings = settings;
	mine->stop = cancel_new();
	look_at_disk(mine); /* before the first request */
	int result = pthread_create(&mine->thread, NULL, housekeeping_main, mine);
	if (result == 0)
		return mine;
	err_set(err, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(result));
	cancel_unref(mine->stop);
	free(mine);
	return NULL;
}

void housekeeping_stop(struct housekeeping *mine)
{
	if (!mine)
		return;
	cancel_set(mine->stop);
	pthread_join(mine->thread, NULL);
	cancel_unref(mine->stop);
	free(mine);
}
