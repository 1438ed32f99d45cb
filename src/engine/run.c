/*
 * A run: an execution in the engine's hands. Its turn is a number of looks at stages; its end is read off its top-level
 * stages (stages.md 2.6).
 */
#include "engine/internal.h"

#include "base/log.h"

/* ---- making and keeping ------------------------------------------------------------------------------------------------- */

static struct stage_run *stage_run_new(struct run *run, size_t index)
{
	struct stage_run *stage = xnew(struct stage_run);
	stage->run = run;
	stage->index = index;
	return stage;
}

static void stage_run_free(struct stage_run *stage)
{
	heap_remove(&stage->run->engine->timers, &stage->timer);
	wake_forget(stage);
	vec_free(&stage->waiters);
	vec_free(&stage->downstream);
	val_free(&stage->patched);
	val_free(&stage->disabled_why);
	free(stage);
}

static void run_grow(struct run *run, size_t count)
{
	if (count <= run->stage_capacity)
		return;
	size_t capacity = run->stage_capacity ? run->stage_capacity * 2 : 16;
	while (capacity < count)
		capacity *= 2;
	run->stages = xrealloc(run->stages, capacity * sizeof(*run->stages));
	for (size_t i = run->stage_capacity; i < capacity; i++)
		run->stages[i] = NULL;
	run->stage_capacity = capacity;
}

void run_link_stage(struct run *run, size_t index)
{
	const struct stage *stage = run_stage(run, index);
	run_grow(run, index + 1);
	if (!run->stages[index])
		run->stages[index] = stage_run_new(run, index);
	for (size_t i = 0; i < stage->requisite_count; i++) {
		size_t upstream = stage->requisites[i];
		run_grow(run, upstream + 1);
		if (!run->stages[upstream])
			run->stages[upstream] = stage_run_new(run, upstream);
		vec_push(&run->stages[upstream]->downstream, index);
	}
	struct stage_run *mine = run->stages[index];
	while (mine->current < stage->task_count &&
		status_is_complete(stage->tasks[mine->current].status))
		mine->current++;
}

static void run_correlate(struct run *run)
{
	const char *id = val_get_text(run->execution->trigger, "correlationId", "");
	if (!*id)
		return;
	run->correlation = xstrdup(id);
	run->correlated_next = map_put(&run->engine->correlated, str_of(id), run);
}

static void run_uncorrelate(struct run *run)
{
	if (!run->correlation)
		return;
	struct map *all = &run->engine->correlated;
	struct run *at = map_get(all, str_of(run->correlation));
	if (at == run && run->correlated_next)
		map_put(all, str_of(run->correlation), run->correlated_next);
	else if (at == run)
		map_remove(all, str_of(run->correlation));
	for (; at != run; at = at->correlated_next)
		if (at->correlated_next == run) {
			at->correlated_next = run->correlated_next;
			break;
		}
	free(run->correlation);
}

struct run *run_new(struct engine *engine, struct execution *execution)
{
	struct run *run = xnew(struct run);
	struct run *parent = map_get(&engine->runs, str_of(run_parent_id(execution)));
	run->engine = engine;
	run->family = parent ? parent->family : xnew(struct family);
	if (!parent)
		run->family->last = &run->family->first;
	run->family->runs++;
	run->execution = execution;
	run->change = 1;
	run_grow(run, stage_count(execution));
	for (size_t i = 0; i < stage_count(execution); i++) {
		if (!run->stages[i])
			run->stages[i] = stage_run_new(run, i);
		run->running += status_is_going(stage_at(execution, i)->status);
	}
	for (size_t i = 0; i < stage_count(execution); i++)
		run_link_stage(run, i);
	map_put(&engine->runs, str_of(execution->id), run);
	run_correlate(run);
	pthread_mutex_lock(&engine->done_mutex);
	map_put(&engine->active, str_of(execution->id), run);
	pthread_mutex_unlock(&engine->done_mutex);
	atomic_fetch_add(&engine->metric_active, 1);
	return run;
}

void run_free(struct run *run)
{
	for (size_t i = 0; i < run->stage_capacity; i++)
		if (run->stages[i])
			stage_run_free(run->stages[i]);
	free(run->stages);
	vec_free(&run->looks);
	vec_free(&run->dirty);
	run_uncorrelate(run);
	strbuf_free(&run->events.text);
	execution_unref(run->execution);
	if (--run->family->runs == 0)
		free(run->family);
	free(run);
}

void run_release(struct run *run)
{
	struct engine *engine = run->engine;
	if (run->changed) { /* its last changes are not in a batch yet */
		run_flush(run);
		for (size_t i = 0; i < engine->changed.count; i++)
			if (engine->changed.items[i] == run)
				engine->changed.items[i] =
					engine->changed.items[--engine->changed.count];
	}
	map_remove(&engine->runs, str_of(run->execution->id));
	load_spoil(engine, run->execution->id);
	pthread_mutex_lock(&engine->done_mutex);
	map_remove(&engine->active, str_of(run->execution->id));
	pthread_mutex_unlock(&engine->done_mutex);
	atomic_fetch_sub(&engine->metric_active, 1);
	run_free(run);
}

const struct stage *run_stage(const struct run *run, size_t index)
{
	return stage_at(run->execution, index);
}

void run_changed(struct run *run)
{
	if (run->changed)
		return;
	run->changed = true;
	vec_push(&run->engine->changed, run);
}

struct execution *run_edit(struct run *run)
{
	run->dirty_head = true;
	run_changed(run);
	return execution_edit(&run->execution);
}

struct stage *run_stage_edit(struct run *run, size_t index, unsigned parts)
{
	struct stage_run *stage = run->stages[index];
	if (!stage->dirty)
		vec_push(&run->dirty, index);
	stage->dirty |= parts;
	run_changed(run);
	return stage_edit(&run->execution, index);
}

size_t run_add_stage(struct run *run)
{
	size_t index = stage_add(&run->execution);
	run_grow(run, index + 1);
	run->stages[index] = stage_run_new(run, index);
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_ALL);
	ulid_make(&run->engine->ids, clock_now_ms(run->engine->clock), stage->id);
	return index;
}

void run_flush(struct run *run)
{
	struct store_batch *batch = &run->engine->batch->store;
	run->changed = false;
	if (run->dirty_head)
		store_put_execution(batch, run->execution);
	run->dirty_head = false;
	for (size_t i = 0; i < run->dirty.count; i++) {
		struct stage_run *stage = run->stages[run->dirty.items[i]];
		store_put_stage(batch, run->execution, stage->index, stage->dirty);
		stage->dirty = 0;
	}
	run->dirty.count = 0;
	events_flush(run->engine, &run->events, run->execution->id);
}

/* ---- looking -------------------------------------------------------------------------------------------------------------- */

void look(struct run *run, size_t index)
{
	if (!run->stages[index]->queued) {
		run->stages[index]->queued = true;
		vec_push(&run->looks, index);
	}
	run_ready(run);
}

void look_run(struct run *run)
{
	run->look_execution = true;
	run_ready(run);
}

bool run_turn(struct run *run)
{
	int64_t begin_us = clock_stopwatch_us();
	for (unsigned steps = 0; run->look_at < run->looks.count; steps++) {
		if (steps >= LIMIT_TURN_STEPS || clock_stopwatch_us() - begin_us > LIMIT_TURN_US)
			return true;
		size_t index = run->looks.items[run->look_at++];
		atomic_fetch_add(&run->engine->metric_looks, 1);
		run->stages[index]->queued = false;
		if (run->look_at == run->looks.count)
			run->looks.count = run->look_at = 0;
		stage_look(run, index);
	}
	/* Nothing runs and nothing is about to: what cannot start any more (a join behind a STOPPED branch) ends the run. */
	if (run->look_execution || run->running == 0) {
		run->look_execution = false;
		run_look_execution(run);
	}
	return run->look_at < run->looks.count || run->look_execution;
}

void run_look_all_running(struct run *run)
{
	for (size_t i = 0; i < stage_count(run->execution); i++) {
		struct job *job = run->stages[i]->job;
		bool evaluates = job && (job->kind == JOB_EVALUATE || job->kind == JOB_ENABLED);
		if (evaluates && run->winding)
			job_cancel(run->engine, job); /* it may wait for a URL, or for its turn */
		if (status_is_going(run_stage(run, i)->status))
			look(run, i);
	}
}

void run_recover(struct run *run)
{
	for (size_t i = 0; i < stage_count(run->execution); i++) {
		const struct stage *stage = run_stage(run, i);
		bool top = stage->parent == STAGE_NONE;
		if (top && (stage->status == STATUS_TERMINAL || stage->status == STATUS_CANCELED))
			run->winding = true;
		struct stage_run *mine = run->stages[i];
		if (stage->status == STATUS_RUNNING && mine->current < stage->task_count) {
			const struct task *task = &stage->tasks[mine->current];
			mine->interrupted = task->in_flight;
			mine->woken = task->waits_for_key; /* it may have moved meanwhile */
		}
		if (!status_is_complete(stage->status))
			look(run, i);
	}
	run->winding |= run->execution->canceled;
	line_moved(run, STATUS_NOT_STARTED, run->execution->status);
	look_run(run);
}

void run_reopen(struct run *run)
{
	struct engine *engine = run->engine;
	run->completed = run->saved = run->winding = false;
	run->completions++; /* an end that is not committed yet is not the end any more */
	if (run->execution->status != STATUS_RUNNING) {
		struct execution *execution = run_edit(run);
		execution->canceled = false;
		stage_set_text(&execution->canceled_by, NULL);
		stage_set_text(&execution->cancellation_reason, NULL);
		execution->end_ms = 0;
		run_set_status(run, line_admits(run) ? STATUS_RUNNING : STATUS_NOT_STARTED);
	}
	pthread_mutex_lock(&engine->done_mutex);
	map_put(&engine->active, str_of(run->execution->id), run);
	pthread_mutex_unlock(&engine->done_mutex);
}

/* ---- the end of a run ------------------------------------------------------------------------------------------------------- */

void run_set_status(struct run *run, enum status status)
{
	if (!status_may_move(STATUS_OF_EXECUTION, run->execution->status, status)) {
		log_error("illegal move of an execution", "execution", run->execution->id, "from",
			status_name(run->execution->status), "to", status_name(status));
		return;
	}
	enum status before = run->execution->status;
	struct execution *execution = run_edit(run);
	int64_t now = clock_now_ms(run->engine->clock);
	execution->status = status;
	if (status == STATUS_RUNNING && before != STATUS_PAUSED) {
		execution->canceled = false;
		if (!execution->start_ms)
			execution->start_ms = now;
	}
	if (status_is_complete(status) && execution->start_ms)
		execution->end_ms = now;
	event_run(run);
	line_moved(run, before, status);
	if (!status_is_complete(status) || run->completed)
		return;
	run->completed = true;
	run->saved = false;
	run->completions++;
	_cleanup_free_ char *key = xasprintf("run:%s", execution->id);
	wake_moved(run->engine, key); /* a parent may wait for it */
	atomic_fetch_add(&run->engine->metric_completed, 1);
	atomic_fetch_add(&run->engine->metric_runs[status], 1);
	struct effect effect = { .kind = EFFECT_COMPLETE, .completion = run->completions };
	memcpy(effect.execution_id, execution->id, sizeof(effect.execution_id));
	engine_effect(run->engine, effect);
}

/* What the top-level stages amount to. */
struct tally {
	bool all_good, terminal, canceled, stopped, startable, fail_on_stop;
};

static bool stage_is_startable(const struct run *run, const struct stage *stage)
{
	if (stage->status != STATUS_NOT_STARTED)
		return false;
	for (size_t i = 0; i < stage->requisite_count; i++)
		if (!status_lets_downstream_start(run_stage(run, stage->requisites[i])->status))
			return false;
	return true;
}

static struct tally run_tally(const struct run *run)
{
	struct tally tally = { .all_good = true };
	atomic_fetch_add(&run->engine->metric_looks, stage_count(run->execution));
	for (size_t i = 0; i < stage_count(run->execution); i++) {
		const struct stage *stage = run_stage(run, i);
		if (stage->parent != STAGE_NONE)
			continue;
		tally.all_good &= status_lets_downstream_start(stage->status);
		tally.terminal |= stage->status == STATUS_TERMINAL;
		tally.canceled |= stage->status == STATUS_CANCELED;
		tally.stopped |= stage->status == STATUS_STOPPED;
		tally.startable |= stage_is_startable(run, stage);
		tally.fail_on_stop |= stage->status == STATUS_STOPPED &&
			val_get_bool(stage->context, "completeOtherBranchesThenFail", false);
	}
	return tally;
}

static void run_start(struct run *run)
{
	struct execution *execution = run->execution;
	int64_t now = clock_now_ms(run->engine->clock);
	if (execution->expiry_ms && now > execution->expiry_ms) {
		execution = run_edit(run);
		execution->canceled = true;
		stage_set_text(&execution->canceled_by, "gennaker");
		stage_set_text(&execution->cancellation_reason,
			"it could not begin before its startTimeExpiry");
		run_set_status(run, STATUS_CANCELED);
		return;
	}
	if (!line_admits(run))
		return;
	bool initial = false;
	for (size_t i = 0; i < stage_count(execution); i++) {
		const struct stage *stage = run_stage(run, i);
		initial |= stage->requisite_count == 0;
		if (stage->parent == STAGE_NONE && stage_is_startable(run, stage))
			look(run, i); /* in a run that was restarted it may be any */
	}
	if (!initial) {
		execution = run_edit(run);
		execution->canceled = true;
		stage_set_text(&execution->canceled_by, "system");
		stage_set_text(&execution->cancellation_reason,
			"Failed on startup: stages: the pipeline has none, so there is nothing to run");
	}
	run_set_status(run, initial ? STATUS_RUNNING : STATUS_TERMINAL);
}

void run_look_execution(struct run *run)
{
	enum status status = run->execution->status;
	if (status_is_complete(status))
		return;
	if (status == STATUS_NOT_STARTED)
		request_cancel_from_above(run);
	if (run->execution->canceled && status == STATUS_NOT_STARTED) {
		run_set_status(run, STATUS_CANCELED);
		return;
	}
	if (status == STATUS_NOT_STARTED) {
		run_start(run);
		return;
	}
	if (status == STATUS_PAUSED)
		return; /* the resume asks again */
	/* In the order of Orca's CompleteExecution; but the end waits for whatever runs, synthetic stages too. */
	struct tally tally = run_tally(run);
	if (tally.all_good && run->running == 0) {
		run_set_status(run, STATUS_SUCCEEDED);
	} else if (run->winding || tally.terminal || tally.canceled) {
		if (!run->winding) {
			run->winding = true;
			run_look_all_running(run);
		}
		if (run->running > 0)
			return; /* what runs is being cancelled; its end asks for another look */
		run_set_status(run, tally.terminal ? STATUS_TERMINAL : STATUS_CANCELED);
	} else if (tally.stopped && run->running == 0 && !tally.startable) {
		run_set_status(run, tally.fail_on_stop ? STATUS_TERMINAL : STATUS_SUCCEEDED);
	}
}
