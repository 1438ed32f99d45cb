/*
 * Jobs on their way: from the commit that lets them go to a worker, through the queue of a slot where there is no room, and back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

void job_name_key(const struct run *run, size_t index, struct job *job)
{
	const struct stage *stage = run_stage(run, index);
	if (job->task >= stage->task_count)
		return;
	const struct task *task = &stage->tasks[job->task];
	snprintf(job->key, sizeof(job->key), "%s-%s-%d-%" PRIu32, run->execution->id, stage->id,
		task->id, task->generation);
}

struct job *job_new(struct run *run, size_t index, enum job_kind kind)
{
	struct engine *engine = run->engine;
	const struct stage *stage = run_stage(run, index);
	struct stage_run *mine = run->stages[index];
	struct job *job = xnew(struct job);
	job->kind = kind;
	job->engine = engine;
	memcpy(job->execution_id, run->execution->id, sizeof(job->execution_id));
	job->stage = index;
	job->task = mine->current;
	job->dispatch = ++engine->dispatch;
	mine->dispatch = job->dispatch;
	job->wake_seq = engine->wake_seq;
	job->change = run->change;
	job->type = registry_find_for(engine->setup.registry, stage);
	job->cancel = cancel_new();
	job->now_ms = clock_now_ms(engine->clock);
	if (job->task < stage->task_count)
		job->generation = stage->tasks[job->task].generation;
	job_name_key(run, index, job);
	job->execution = execution_ref(run->execution);
	val_free(&mine->patched);
	return job;
}

void job_clear(struct job *job)
{
	task_result_free(&job->result);
	err_clear(&job->err);
	val_free(&job->evaluated);
	stage_config_free(job->type, job->config);
	execution_unref(job->execution);
	cancel_unref(job->cancel);
	free(job->slot);
	execution_unref(job->prior);
	loaded_free(job);
	if (job->request) {
		request_clear(job->request);
		free(job->request);
	}
}

void job_free(struct job *job)
{
	job_clear(job);
	free(job);
}

void job_track(struct engine *engine, struct job *job)
{
	job->flight_prev = engine->flight_last;
	job->flight_next = NULL;
	if (engine->flight_last)
		engine->flight_last->flight_next = job;
	else
		engine->flight_first = job;
	engine->flight_last = job;
	engine->in_flight++;
	atomic_store(&engine->metric_in_flight, engine->in_flight);
}

/* ---- slots -------------------------------------------------------------------------------------------------------------------------- */

static struct slot *slot_get(struct engine *engine, const char *name)
{
	struct slot *slot = map_get(&engine->slots, str_of(name));
	if (!slot) {
		slot = xnew(struct slot);
		slot->name = xstrdup(name);
		slot->last = &slot->first;
		map_put(&engine->slots, str_of(name), slot);
	}
	return slot;
}

static void slot_free(struct engine *engine, struct slot *slot)
{
	map_remove(&engine->slots, str_of(slot->name));
	free(slot->name);
	free(slot);
}

void slots_free(struct engine *engine)
{
	struct map_cursor cursor = { 0 };
	struct str name;
	for (void *slot; map_next(&engine->slots, &cursor, &name, &slot);)
		slot_free(engine, slot);
	map_free(&engine->slots);
}

/* Stopping: it was not begun, so the next start begins it. */
static void job_take_back(struct engine *engine, struct job *job)
{
	struct run *run = map_get(&engine->runs, str_of(job->execution_id));
	if (run && !job_is_request(job)) {
		const struct stage *stage = run_stage(run, job->stage);
		run->jobs--;
		run->stages[job->stage]->job = NULL;
		if (job->task < stage->task_count && stage->tasks[job->task].in_flight)
			run_stage_edit(run, job->stage, STAGE_PART_HEAD)->tasks[job->task].in_flight =
				false;
	}
	job_forget(engine, job);
}

/* Cancelled before it began: comes back as such, without an effect. */
static void job_return_canceled(struct engine *engine, struct job *job)
{
	job->status = err_set(&job->err, ERR_CANCELED, "canceled before it began");
	task_returned(engine, job);
}

static atomic_size_t *queue_metric(struct engine *engine, const struct slot *slot)
{
	return slot == &engine->at_work ? &engine->metric_worker_queue : &engine->metric_slot_queue;
}

static void job_enqueue(struct engine *engine, struct job *job, struct slot *slot)
{
	job->next = NULL;
	*slot->last = job;
	slot->last = &job->next;
	job->queue = slot;
	atomic_fetch_add(queue_metric(engine, slot), 1);
	job->queued_ms = clock_now_ms(engine->clock);
}

/* Out of the queue that it waits in. */
static void job_unqueue(struct engine *engine, struct job *job)
{
	struct slot *slot = job->queue;
	struct job **link = &slot->first;
	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (!*link)
		slot->last = link;
	job->queue = NULL;
	atomic_fetch_sub(queue_metric(engine, slot), 1);
	struct run *run = map_get(&engine->runs, str_of(job->execution_id));
	if (run) /* time in the queue is no task time */
		run->stages[job->stage]->queued_ms += clock_now_ms(engine->clock) - job->queued_ms;
}

/* To a worker, or into the queue of its slot, or into that of all who wait for a worker. */
void job_release(struct engine *engine, struct job *job)
{
	if (engine->stopping) {
		job_take_back(engine, job);
		return;
	}
	const struct run *run = map_get(&engine->runs, str_of(job->execution_id));
	bool winding = run && run->winding && job->kind != JOB_CANCEL;
	if (winding || cancel_is_set(job->cancel)) {
		job_return_canceled(engine, job);
		return;
	}
	if (job->slot && !job->has_slot) {
		struct slot *slot = slot_get(engine, job->slot);
		if (slot->used >= LIMIT_HTTP_PER_ORIGIN) {
			job_enqueue(engine, job, slot);
			return;
		}
		slot->used++;
		job->has_slot = true;
	}
	if (engine->at_work.used >= LIMIT_WORKERS) {
		job_enqueue(engine, job, &engine->at_work);
		return;
	}
	engine->at_work.used++;
	job->at_work = true;
	job->now_ms = clock_now_ms(engine->clock);
	atomic_fetch_add(&engine->metric_tasks, 1);
	workers_push(engine->workers, job);
}

/* Lets the first who wait in. */
static void slot_pass_on(struct engine *engine, struct slot *slot, size_t limit)
{
	while (slot->first && slot->used < limit && !engine->ended) {
		struct job *next = slot->first;
		job_unqueue(engine, next);
		job_release(engine, next);
	}
}

static void job_leave_slot(struct engine *engine, struct job *job)
{
	if (job->queue)
		job_unqueue(engine, job);
	if (job->at_work) {
		engine->at_work.used--;
		slot_pass_on(engine, &engine->at_work, LIMIT_WORKERS);
	}
	if (!job->has_slot)
		return;
	struct slot *slot = slot_get(engine, job->slot);
	slot->used--;
	slot_pass_on(engine, slot, LIMIT_HTTP_PER_ORIGIN);
	if (slot->used == 0 && !slot->first)
		slot_free(engine, slot);
}

void slots_take_back(struct engine *engine)
{
	for (struct job *job = engine->flight_first, *next; job; job = next) {
		next = job->flight_next;
		if (job->queue)
			job_take_back(engine, job);
	}
}

void job_cancel(struct engine *engine, struct job *job)
{
	cancel_set(job->cancel);
	if (!job->queue)
		return;
	job_unqueue(engine, job);
	job_return_canceled(engine, job);
}

static void job_untrack(struct engine *engine, struct job *job)
{
	if (job->flight_prev)
		job->flight_prev->flight_next = job->flight_next;
	else
		engine->flight_first = job->flight_next;
	if (job->flight_next)
		job->flight_next->flight_prev = job->flight_prev;
	else
		engine->flight_last = job->flight_prev;
	engine->in_flight--;
	atomic_store(&engine->metric_in_flight, engine->in_flight);
}

void job_forget(struct engine *engine, struct job *job)
{
	job_untrack(engine, job);
	job_leave_slot(engine, job);
	if (job->request && job->request->reply) {
		_cleanup_err_ struct err err = ERR_INIT;
		err_set(&err, ERR_UNAVAILABLE, "the server stopped before this was done");
		job->request->reply(job->request->data, VAL_NULL, &err);
	}
	job_free(job);
}
