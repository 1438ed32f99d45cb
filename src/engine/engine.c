/*
 * The engine thread's loop, batches on their way through the store thread, and what is released after the commit.
 */
#include "engine/internal.h"

#include "base/log.h"

#define STORE_RETRY_MS 100

static struct batch *batch_new(void)
{
	return xnew(struct batch);
}

static void effect_clear(struct effect *effect)
{
	request_clear(&effect->request);
	val_free(&effect->value);
	err_clear(&effect->err);
}

void engine_effect(struct engine *engine, struct effect effect)
{
	vec_push(&engine->batch->effects, effect);
}

void engine_reply(struct engine *engine, struct request *request, struct val value, struct err *err)
{
	struct effect effect = { .kind = EFFECT_REPLY, .request = take(request), .value = value };
	if (err)
		err_move(&effect.err, err);
	engine_effect(engine, effect);
}

static void family_ready(struct engine *engine, struct family *family)
{
	family->next = NULL;
	*engine->ready_last = family;
	engine->ready_last = &family->next;
}

void run_ready(struct run *run)
{
	struct family *family = run->family;
	if (run->ready)
		return;
	run->ready = true;
	run->ready_next = NULL;
	run->engine->ready_count++;
	if (!family->first)
		family_ready(run->engine, family);
	*family->last = run;
	family->last = &run->ready_next;
}

/* The next run of the next family, which then stands behind the others. There is one. */
static struct run *take_ready(struct engine *engine)
{
	struct family *family = engine->ready_first;
	struct run *run = family->first;
	engine->ready_first = family->next;
	if (!engine->ready_first)
		engine->ready_last = &engine->ready_first;
	family->first = run->ready_next;
	if (family->first)
		family_ready(engine, family);
	else
		family->last = &family->first;
	engine->ready_count--;
	return run;
}

/* ---- the store thread -------------------------------------------------------------------------------------------- */

/* Commits until it works: a batch is never dropped. Returns false when the engine ends before. */
static bool store_commit(struct engine *engine, struct batch *batch, uint64_t *ret_position)
{
	struct store *store = engine->setup.store;
	for (unsigned tries = 0;; tries++) {
		_cleanup_err_ struct err err = ERR_INIT;
		if (atomic_load(&engine->dead))
			return false;
		if (store->type->commit(store, &batch->store, ret_position, &err) == 0) {
			if (tries > 0)
				log_info("the store writes again");
			atomic_store(&engine->stuck, false);
			return true;
		}
		if (tries == 0)
			log_error("the store cannot write; trying again", "error", err_text(&err));
		atomic_store(&engine->stuck, true);
		if (tries == LIMIT_STUCK_REPLY_MS / STORE_RETRY_MS) {
			struct message *message = xnew(struct message);
			message->kind = MESSAGE_STUCK;
			inbox_push(engine, message);
		}
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += STORE_RETRY_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&engine->store_mutex);
		bool end = engine->store_end;
		if (!end)
			pthread_cond_clockwait(&engine->retry_condition, &engine->store_mutex,
				CLOCK_MONOTONIC, &until);
		end = engine->store_end;
		pthread_mutex_unlock(&engine->store_mutex);
		if (end)
			return false;
	}
}

static void engine_tell(struct engine *engine, uint64_t position)
{
	pthread_mutex_lock(&engine->done_mutex);
	if (engine->told)
		engine->told(engine->told_data, position);
	pthread_mutex_unlock(&engine->done_mutex);
}

static void *store_main(void *data)
{
	struct engine *engine = data;
	pthread_mutex_lock(&engine->store_mutex);
	for (;;) {
		while (!engine->store_batch && !engine->store_end)
			clock_wait(engine->clock, &engine->store_condition, &engine->store_mutex,
				CLOCK_FOREVER);
		struct batch *batch = engine->store_batch;
		engine->store_batch = NULL;
		if (!batch)
			break;
		pthread_mutex_unlock(&engine->store_mutex);
		uint64_t position = 0;
		bool committed = batch->store.ops.count == 0 ||
			store_commit(engine, batch, &position);
		if (committed && position > 0)
			engine_tell(engine, position);
		struct message *message = xnew(struct message);
		message->kind = MESSAGE_COMMITTED;
		message->batch = batch;
		message->lost = !committed;
		inbox_push(engine, message);
		clock_release(engine->clock); /* the batch's */
		pthread_mutex_lock(&engine->store_mutex);
	}
	pthread_mutex_unlock(&engine->store_mutex);
	clock_release(engine->clock); /* the thread's */
	return NULL;
}

/* ---- after the commit -------------------------------------------------------------------------------------------- */

static void release_complete(struct engine *engine, const struct effect *effect)
{
	const char *id = effect->execution_id;
	struct run *run = map_get(&engine->runs, str_of(id));
	if (run && run->completions != effect->completion)
		return; /* it was restarted meanwhile */
	if (run) {
		run->saved = true;
		run_ready(run);
	}
	pthread_mutex_lock(&engine->done_mutex);
	map_remove(&engine->active, str_of(id));
	pthread_cond_broadcast(&engine->done_condition);
	pthread_mutex_unlock(&engine->done_mutex);
}

static void effect_release(struct engine *engine, struct effect *effect)
{
	switch (effect->kind) {
	case EFFECT_REPLY:
		if (effect->request.reply)
			effect->request.reply(effect->request.data, effect->value, &effect->err);
		break;
	case EFFECT_DISPATCH:
		job_release(engine, effect->job);
		break;
	case EFFECT_COMPLETE:
		release_complete(engine, effect);
		break;
	case EFFECT_DELETED:
		map_remove(&engine->deleted, str_of(effect->execution_id));
		break;
	}
}

/* The batch did not make it: nothing of it may be seen. */
static void effect_drop(struct engine *engine, struct effect *effect)
{
	if (effect->kind == EFFECT_REPLY && effect->request.reply) {
		_cleanup_err_ struct err err = ERR_INIT;
		err_set(&err, ERR_UNAVAILABLE, "the server stopped before this was saved");
		effect->request.reply(effect->request.data, VAL_NULL, &err);
	}
	if (effect->kind == EFFECT_DISPATCH)
		job_forget(engine, effect->job);
}

static void batch_free(struct engine *engine, struct batch *batch, bool release)
{
	for (size_t i = 0; i < batch->effects.count; i++) {
		if (release)
			effect_release(engine, &batch->effects.items[i]);
		else
			effect_drop(engine, &batch->effects.items[i]);
		effect_clear(&batch->effects.items[i]);
	}
	vec_free(&batch->effects);
	store_batch_clear(&batch->store);
	free(batch);
}

static void engine_die(struct engine *engine)
{
	atomic_store(&engine->dead, true);
	engine->ended = true;
	engine_tell(engine, 0);
	pthread_mutex_lock(&engine->done_mutex);
	pthread_cond_broadcast(&engine->done_condition);
	pthread_mutex_unlock(&engine->done_mutex);
}

/* What changed goes into the batch, and the batch to the store thread if that is free. */
static void engine_seal(struct engine *engine)
{
	if (engine->store_busy)
		return;
	for (size_t i = 0; i < engine->changed.count; i++)
		run_flush(engine->changed.items[i]);
	engine->changed.count = 0;
	struct batch *batch = engine->batch;
	if (batch->store.ops.count == 0 && batch->effects.count == 0)
		return;
	engine->batch = batch_new();
	if (batch->store.ops.count == 0) { /* nothing to save: nothing to wait for */
		batch_free(engine, batch, true);
		return;
	}
	engine->store_busy = true;
	engine->committing = batch;
	clock_hold(engine->clock);
	pthread_mutex_lock(&engine->store_mutex);
	engine->store_batch = batch;
	pthread_cond_signal(&engine->store_condition);
	pthread_mutex_unlock(&engine->store_mutex);
}

/* What has been built meanwhile goes to the store first, so that it does not wait for the effects of this one. */
static void batch_committed(struct engine *engine, struct batch *batch, bool lost)
{
	engine->store_busy = false;
	engine->committing = NULL;
	if (batch->store.ops.count > 0 && !lost) {
		uint64_t commits = atomic_fetch_add(&engine->commits, 1) + 1;
		if (commits == engine->setup.crash_after_commit)
			engine_die(engine);
	}
	bool good = !lost && !atomic_load(&engine->dead);
	if (good)
		engine_seal(engine);
	batch_free(engine, batch, good);
}

/* ---- when the store cannot write ----------------------------------------------------------------------------------------------- */

#define UNSAVED                                                                                     \
	"the store cannot write (is the disk full?); this is saved as soon as it can: look before " \
	"you ask for it again"

static void reply_unavailable(struct request *request, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	err_set(&err, ERR_UNAVAILABLE, "%s", text);
	if (request->reply)
		request->reply(request->data, VAL_NULL, &err);
	request->reply = NULL;
}

static void answer_unsaved(struct batch *batch)
{
	for (size_t i = 0; batch && i < batch->effects.count; i++)
		if (batch->effects.items[i].kind == EFFECT_REPLY)
			reply_unavailable(&batch->effects.items[i].request, UNSAVED);
}

/* Nobody waits for an answer until there is space again. What is in a batch stays there. */
static void engine_answer_stuck(struct engine *engine)
{
	if (!atomic_load(&engine->stuck))
		return;
	answer_unsaved(engine->committing);
	answer_unsaved(engine->batch);
	for (struct job *job = engine->flight_first; job; job = job->flight_next)
		if (job_is_request(job)) /* the worker leaves its reply alone */
			reply_unavailable(job->request, UNSAVED);
	for (struct message *message = inbox_take_requests(engine), *next; message; message = next) {
		next = message->next;
		reply_unavailable(&message->request,
			"the store cannot write at the moment (is the disk full?); nothing was changed");
		request_clear(&message->request);
		inbox_done(engine, message);
	}
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

static void message_handle(struct engine *engine, struct message *message)
{
	switch (message->kind) {
	case MESSAGE_REQUEST:
		request_handle(engine, &message->request);
		break;
	case MESSAGE_RESULT:
		if (++engine->results == engine->setup.crash_before_result)
			engine_die(engine);
		if (atomic_load(&engine->dead))
			job_forget(engine, message->job);
		else
			task_returned(engine, message->job);
		break;
	case MESSAGE_COMMITTED:
		batch_committed(engine, message->batch, message->lost);
		break;
	case MESSAGE_STUCK:
		engine_answer_stuck(engine);
		break;
	case MESSAGE_STOP:
		engine->stopping = true;
		engine->ended = atomic_load(&engine->dead);
		slots_take_back(engine);
		break;
	}
}

static void messages_handle(struct engine *engine, struct message *first)
{
	while (first) {
		struct message *message = first;
		first = message->next;
		if (atomic_load(&engine->dead) && message->kind == MESSAGE_REQUEST) {
			struct effect effect = { .kind = EFFECT_REPLY,
				.request = take(&message->request) };
			effect_drop(engine, &effect);
			effect_clear(&effect);
		} else {
			message_handle(engine, message);
		}
		inbox_done(engine, message);
	}
}

static void timers_fire(struct engine *engine)
{
	int64_t now = clock_now_ms(engine->clock);
	for (struct heap_item *item; (item = heap_first(&engine->timers)) && item->due_ms <= now;) {
		heap_remove(&engine->timers, item);
		stage_timer_fired((struct stage_run *)item);
	}
}

/*
 * As many turns as runs are ready, one family after the other; back in the queue when it has more to do. What comes in meanwhile, and
 * the store, do not wait for a long list of runs: the rest of it goes on after a look at the inbox.
 */
static void runs_turn(struct engine *engine)
{
	int64_t begin_us = clock_stopwatch_us();
	size_t left = engine->ready_count;
	for (bool at_end = left == 0; !at_end;) {
		struct run *run = take_ready(engine);
		at_end = --left == 0 || clock_stopwatch_us() - begin_us > LIMIT_BATCH_MS * 1000;
		bool more = run_turn(
			run); /* it stays marked ready, so that its own looks do not put it in again */
		run->ready = false;
		if (more)
			run_ready(run);
		else if (run->completed && run->saved && run->jobs == 0)
			run_release(run);
	}
}

/* Stopping, and what was in flight is saved; or there is no more time to wait for it. */
static bool drained(struct engine *engine)
{
	if (!engine->stopping)
		return false;
	bool late = clock_now_ms(engine->clock) >= engine->stop_at_ms;
	if (engine->store_busy || engine->batch->store.ops.count > 0 || engine->changed.count > 0)
		return late && atomic_load(&engine->stuck);
	return engine->in_flight == 0 || late;
}

/* The keys that moved, with their holds. */
static void keys_handle(struct engine *engine, struct map *keys)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *value; map_next(keys, &cursor, &key, &value);) {
		if (!engine->ended)
			wake_moved(engine, key.bytes);
		clock_release(engine->clock);
	}
	map_free(keys);
}

static bool requests_are_at_work(const struct engine *engine)
{
	for (const struct job *job = engine->flight_first; job; job = job->flight_next)
		if (job_is_request(job))
			return true;
	return false;
}

/* A test's crash: whoever waits for an answer learns that there will be none. */
static void engine_bury(struct engine *engine)
{
	inbox_close(engine);
	for (bool more = true; more;) {
		more = engine->store_busy || requests_are_at_work(engine);
		struct map keys = { 0 };
		messages_handle(engine, inbox_take(engine, more ? CLOCK_FOREVER : 0, false, &keys));
		keys_handle(engine, &keys);
	}
	batch_free(engine, engine->batch, false);
	engine->batch = batch_new();
}

static void *engine_main(void *data)
{
	struct engine *engine = data;
	while (!engine->ended) {
		/* The batch that is being built may wait for one that the store has, and for no more than that. */
		bool full = engine->store_busy &&
			(engine->batch->store.bytes > LIMIT_BATCH_BYTES ||
				atomic_load(&engine->stuck));
		int64_t until = CLOCK_FOREVER;
		struct heap_item *timer = heap_first(&engine->timers);
		if (timer && !full)
			until = timer->due_ms;
		if (engine->stopping && engine->stop_at_ms < until)
			until = engine->stop_at_ms;
		int64_t retry = clock_now_ms(engine->clock) + LIMIT_WORKER_RETRY_MS;
		if (workers_starve(engine->workers) && !full && retry < until)
			until = retry;
		if (engine->ready_first && !full)
			until = 0;
		struct map keys = { 0 };
		struct message *messages = inbox_take(engine, until, full, &keys);
		messages_handle(engine, messages);
		keys_handle(engine, &keys);
		if (engine->ended)
			break;
		if (workers_starve(engine->workers))
			workers_retry(engine->workers);
		if (!full || !engine->store_busy) {
			timers_fire(engine);
			runs_turn(engine);
		}
		wake_purge(engine);
		engine_seal(engine);
		if (drained(engine))
			engine->ended = true;
	}
	for (struct job *job = engine->flight_first; job; job = job->flight_next)
		cancel_set(job->cancel); /* nobody takes its result any more */
	if (atomic_load(&engine->dead))
		engine_bury(engine);
	clock_release(engine->clock);
	return NULL;
}

/* ---- start and stop --------------------------------------------------------------------------------------------------- */

static void engine_loaded(void *data, struct execution *execution)
{
	struct engine *engine = data;
	run_recover(run_new(engine, execution));
}

static int engine_load(struct engine *engine, struct err *err)
{
	struct store *store = engine->setup.store;
	_cleanup_(val_free) struct val pipelines = VAL_NULL;
	if (store->type->list_pipelines(store, NULL, &pipelines, err) < 0)
		return err_wrap(err, "loading pipelines");
	for (size_t i = 0; i < val_count(pipelines); i++) {
		struct val *document = xnew(struct val);
		*document = val_ref(val_at(pipelines, i));
		struct val *old = map_put(
			&engine->pipelines, str_of(val_get_text(*document, "id", "")), document);
		if (old)
			val_free(old);
		free(old);
	}
	if (store->type->load_active(store, engine_loaded, engine, err) < 0)
		return err_wrap(err, "loading active runs");
	return 0;
}

static void wake(void *engine, const char *key)
{
	engine_wake(engine, key);
}

static void world_attach(struct world *world, struct engine *engine)
{
	pthread_mutex_lock(&world->wake_lock);
	world->wake = engine ? wake : NULL;
	world->engine = engine;
	world->store = engine ? engine->setup.store : NULL;
	pthread_mutex_unlock(&world->wake_lock);
}

void world_wake(struct world *world, const char *key)
{
	pthread_mutex_lock(&world->wake_lock);
	if (world->wake)
		world->wake(world->engine, key);
	pthread_mutex_unlock(&world->wake_lock);
}

static struct engine *engine_new(const struct engine_setup *setup)
{
	struct engine *engine = xnew(struct engine);
	engine->setup = *setup;
	engine->world = setup->world;
	engine->clock = setup->world->clock;
	engine->ids.seed = setup->seed;
	engine->ready_last = &engine->ready_first;
	engine->at_work.last = &engine->at_work.first;
	engine->batch = batch_new();
	inbox_init(&engine->inbox);
	pthread_mutex_init(&engine->store_mutex, NULL);
	pthread_mutex_init(&engine->done_mutex, NULL);
	clock_condition_init(&engine->store_condition);
	pthread_cond_init(&engine->retry_condition, NULL);
	pthread_cond_init(&engine->done_condition, NULL);
	engine->workers = workers_new(engine);
	return engine;
}

static void pipelines_free(struct map *pipelines)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *document; map_next(pipelines, &cursor, &key, &document);) {
		val_free(document);
		free(document);
	}
	map_free(pipelines);
}

static void engine_free(struct engine *engine)
{
	workers_free(engine->workers);
	if (engine->world->engine == engine) /* until now workers may have read the store */
		world_attach(engine->world, NULL);
	struct map keys = { 0 };
	/* Results that came after the end, and requests that nobody will answer otherwise. */
	for (struct message *message; (message = inbox_take(engine, 0, false, &keys));) {
		for (struct message *next; message; message = next) {
			next = message->next;
			if (message->kind == MESSAGE_RESULT)
				job_forget(engine, message->job);
			if (message->kind == MESSAGE_COMMITTED)
				batch_free(engine, message->batch, false);
			if (message->kind == MESSAGE_REQUEST) {
				struct effect effect = { .kind = EFFECT_REPLY,
					.request = take(&message->request) };
				effect_drop(engine, &effect);
				effect_clear(&effect);
			}
			inbox_done(engine, message);
		}
		keys_handle(engine, &keys);
	}
	keys_handle(engine, &keys);
	batch_free(engine, engine->batch, false);
	while (engine->flight_first) /* in the queue of a slot */
		job_forget(engine, engine->flight_first);
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *run; map_next(&engine->runs, &cursor, &key, &run);)
		run_free(run);
	map_free(&engine->runs);
	map_free(&engine->correlated);
	slots_free(engine);
	wake_free(engine);
	lines_free(engine);
	pipelines_free(&engine->pipelines);
	heap_free(&engine->timers);
	vec_free(&engine->changed);
	map_free(&engine->active);
	map_free(&engine->deleted);
	map_free(&engine->spoiled);
	inbox_free(&engine->inbox);
	pthread_cond_destroy(&engine->store_condition);
	pthread_cond_destroy(&engine->retry_condition);
	pthread_cond_destroy(&engine->done_condition);
	pthread_mutex_destroy(&engine->store_mutex);
	pthread_mutex_destroy(&engine->done_mutex);
	free(engine);
}

struct engine *engine_start(const struct engine_setup *setup, struct err *err)
{
	struct engine *engine = engine_new(setup);
	if (engine_load(engine, err) < 0) {
		engine_free(engine);
		return NULL;
	}
	world_attach(setup->world, engine);
	clock_hold(engine->clock);
	clock_hold(engine->clock);
	if (pthread_create(&engine->store_thread, NULL, store_main, engine) ||
		pthread_create(&engine->thread, NULL, engine_main, engine)) {
		log_error("cannot start a thread");
		abort();
	}
	return engine;
}

static void engine_end(struct engine *engine)
{
	pthread_join(engine->thread, NULL);
	inbox_close(engine);
	pthread_mutex_lock(&engine->store_mutex);
	engine->store_end = true;
	pthread_cond_signal(&engine->store_condition);
	pthread_cond_signal(&engine->retry_condition);
	pthread_mutex_unlock(&engine->store_mutex);
	pthread_join(engine->store_thread, NULL);
	engine_free(engine);
}

void engine_stop_begin(struct engine *engine, int drain_ms)
{
	engine->stop_begun = true;
	inbox_close(engine);
	struct message *message = xnew(struct message);
	message->kind = MESSAGE_STOP;
	engine->stop_at_ms = clock_now_ms(engine->clock) + drain_ms;
	inbox_push(engine, message);
}

void engine_stop(struct engine *engine, int drain_ms)
{
	if (!engine->stop_begun)
		engine_stop_begin(engine, drain_ms);
	engine_end(engine);
}

void engine_free_now(struct engine *engine)
{
	engine_stop(engine, LIMIT_DRAIN_MS);
}

void engine_crash(struct engine *engine)
{
	atomic_store(&engine->dead, true);
	struct message *message = xnew(struct message);
	message->kind = MESSAGE_STOP;
	inbox_push(engine, message);
	engine_end(engine);
}

bool engine_is_dead(const struct engine *engine)
{
	return atomic_load(&engine->dead);
}

void engine_on_commit(struct engine *engine, void (*told)(void *data, uint64_t position), void *data)
{
	pthread_mutex_lock(&engine->done_mutex);
	engine->told_data = data;
	engine->told = told;
	pthread_mutex_unlock(&engine->done_mutex);
}

void engine_wait_complete(struct engine *engine, const char *key)
{
	pthread_mutex_lock(&engine->done_mutex);
	while (!atomic_load(&engine->dead) &&
		(key ? map_get(&engine->active, str_of(key)) != NULL : engine->active.count > 0))
		pthread_cond_wait(&engine->done_condition, &engine->done_mutex);
	pthread_mutex_unlock(&engine->done_mutex);
}

static void metrics_by_status(struct val *metrics, const char *name, atomic_uint_fast64_t *counts)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (!status_is_complete((enum status)i))
			continue;
		_cleanup_free_ char *key = xasprintf(
			"%s{status=\"%s\"}", name, status_name((enum status)i));
		val_set(metrics, key, val_int((int64_t)atomic_load(&counts[i])));
	}
}

static void metrics_of_inbox(struct val *metrics, struct inbox *inbox)
{
	pthread_mutex_lock(&inbox->mutex);
	val_set(metrics, "gennaker_requests_queued", val_int((int64_t)inbox->request_count));
	val_set(metrics, "gennaker_requests_queued_bytes", val_int((int64_t)inbox->request_bytes));
	pthread_mutex_unlock(&inbox->mutex);
}

struct val engine_metrics(struct engine *engine)
{
	struct val metrics = val_map();
	val_set(&metrics, "gennaker_runs_started_total",
		val_int((int64_t)atomic_load(&engine->metric_started)));
	val_set(&metrics, "gennaker_runs_completed_total",
		val_int((int64_t)atomic_load(&engine->metric_completed)));
	val_set(&metrics, "gennaker_runs_active",
		val_int((int64_t)atomic_load(&engine->metric_active)));
	val_set(&metrics, "gennaker_tasks_run_total",
		val_int((int64_t)atomic_load(&engine->metric_tasks)));
	val_set(&metrics, "gennaker_results_dropped_total",
		val_int((int64_t)atomic_load(&engine->metric_dropped)));
	val_set(&metrics, "gennaker_looks_total",
		val_int((int64_t)atomic_load(&engine->metric_looks)));
	val_set(&metrics, "gennaker_tasks_in_flight",
		val_int((int64_t)atomic_load(&engine->metric_in_flight)));
	val_set(&metrics, "gennaker_commits_total", val_int((int64_t)atomic_load(&engine->commits)));
	val_set(&metrics, "gennaker_tasks_waiting_for_slot",
		val_int((int64_t)atomic_load(&engine->metric_slot_queue)));
	val_set(&metrics, "gennaker_tasks_waiting_for_worker",
		val_int((int64_t)atomic_load(&engine->metric_worker_queue)));
	val_set(&metrics, "gennaker_store_stuck", val_int(atomic_load(&engine->stuck)));
	val_set(&metrics, "gennaker_starts_refused", val_int(atomic_load(&engine->full)));
	metrics_by_status(&metrics, "gennaker_runs_ended_total", engine->metric_runs);
	metrics_by_status(&metrics, "gennaker_stages_ended_total", engine->metric_stages);
	metrics_of_inbox(&metrics, &engine->inbox);
	workers_metrics(engine->workers, &metrics);
	return metrics;
}
