/*
 * A task from its start to its end: dispatch, result, backoff, timeout, cancel (stages.md 2.3, 2.9, 2.11). Its jobs: job.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "engine/internal.h"

#define CANCEL_STEP_MS 30000
#define TRYING_AGAIN "trying again: "

static struct task *task_edit(struct run *run, size_t index)
{
	return &run_stage_edit(run, index, STAGE_PART_HEAD)->tasks[run->stages[index]->current];
}

static void task_set_status(struct run *run, size_t index, enum status status)
{
	struct stage_run *mine = run->stages[index];
	const struct task *old = &run_stage(run, index)->tasks[mine->current];
	if (!status_may_move(STATUS_OF_TASK, old->status, status)) {
		log_error("illegal move of a task", "execution", run->execution->id, "task",
			old->name, "from", status_name(old->status), "to", status_name(status));
		return;
	}
	struct task *task = task_edit(run, index);
	int64_t now = clock_now_ms(run->engine->clock);
	task->status = status;
	if (status == STATUS_RUNNING && !task->start_ms)
		task->start_ms = now;
	if (status_is_complete(status))
		task->end_ms = now;
	event_task(run, index, mine->current);
}

static const struct task_row *task_row_of(
	const struct run *run, size_t index, const struct stage_type **ret_type)
{
	const struct stage *stage = run_stage(run, index);
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	*ret_type = type;
	const char *name = stage->tasks[run->stages[index]->current].name;
	for (const struct task_row *row = type ? type->tasks : NULL; row && row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

bool task_holds_run(const struct run *run, const struct execution *child)
{
	struct val id = val_get(child->trigger, "parentPipelineStageId");
	size_t index = stage_find_id(run->execution, val_as_str(&id));
	if (index == STAGE_NONE)
		return false;
	const struct stage *stage = run_stage(run, index);
	const struct stage_type *type;
	if (stage->status != STATUS_RUNNING || run->stages[index]->current >= stage->task_count)
		return false;
	const struct task_row *row = task_row_of(run, index, &type);
	return row && row->cancel &&
		strcmp(val_get_text(stage->context, "executionId", ""), child->id) == 0;
}

/* ---- the end of a task -------------------------------------------------------------------------------------------------------- */

static void task_finish(struct run *run, size_t index, enum status status)
{
	struct stage_run *mine = run->stages[index];
	task_set_status(run, index, status);
	heap_remove(&run->engine->timers, &mine->timer);
	wake_forget(mine);
	mine->woken = mine->timed_out = mine->interrupted = false;
	val_free(&task_edit(run, index)->waiting_for);
	run_stage_edit(run, index, STAGE_PART_HEAD)->cancel_done = false;
	mine->current++;
	if (status_is_halt(status))
		stage_complete(run, index);
	else
		look(run, index);
}

void tasks_skip(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	for (; mine->current < run_stage(run, index)->task_count; mine->current++)
		task_set_status(run, index, STATUS_SKIPPED);
}

/* F(status), with the failure in context.exception and in the task. */
static void task_fail(struct run *run, size_t index, const struct err *err)
{
	struct stage_run *mine = run->stages[index];
	const struct task *task = &run_stage(run, index)->tasks[mine->current];
	stage_set_exception(run, index, task->name, err, false);
	struct task *edited = task_edit(run, index);
	val_replace(
		&edited->exception, val_ref(val_get(run_stage(run, index)->context, "exception")));
	task_finish(run, index, stage_failure_status(run_stage(run, index), STATUS_TERMINAL));
}

/* REDIRECT: back to the first task of the loop; what loops gets a new generation. */
static void task_loop(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_HEAD);
	size_t start = mine->current;
	while (start > 0 && !stage->tasks[start].loop_start)
		start--;
	for (size_t i = start; i <= mine->current; i++) {
		struct task *task = &stage->tasks[i];
		task->status = STATUS_NOT_STARTED;
		task->start_ms = task->end_ms = task->next_run_ms = 0;
		task->attempts = 0;
		task->generation++;
		task->in_flight = false;
	}
	wake_forget(mine);
	mine->current = start;
	look(run, index);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------- */

static bool stage_timeout_of(const struct stage *stage, int64_t *ret_ms)
{
	struct val value = val_get(stage->context, "stageTimeoutMs");
	double number;
	if (!val_as_double(value, &number))
		return false; /* strings are ignored, as upstream does */
	*ret_ms = number > 1e15 ? (int64_t)1e15 : (number < 0 ? 0 : (int64_t)number);
	return true;
}

/* How long the run was paused after SINCE, by its last pause. */
static int64_t pause_credit(const struct run *run, int64_t since)
{
	struct val paused = run->execution->paused;
	int64_t begin = val_get_int(paused, "pauseTime", 0),
		end = val_get_int(paused, "resumeTime", 0);
	return begin > since && end > begin ? end - begin : 0;
}

/* How long those before stages took whose time does not count (execution windows). */
static int64_t free_time(const struct run *run, const struct stage *stage)
{
	int64_t ms = 0;
	for (size_t i = 0; i < stage->child_count; i++) {
		const struct stage *child = run_stage(run, stage->children[i]);
		const struct stage_type *type = registry_find_for(run->engine->setup.registry, child);
		if (!child->removed && child->owner == OWNER_BEFORE && type && type->tasks &&
			type->tasks->no_stage_timeout)
			ms += (child->end_ms ? child->end_ms : clock_now_ms(run->engine->clock)) -
				child->start_ms;
	}
	return ms;
}

/* How long a task of ROW may take in STAGE; 0 = any time. */
static int64_t own_timeout(const struct stage *stage, const struct task_row *row)
{
	int64_t ms;
	if (row->timeout_overridable && stage_timeout_of(stage, &ms))
		return ms;
	ms = row->timeout_in ? row->timeout_in(stage->context) : 0;
	return ms > 0 ? ms : row->timeout_ms;
}

/* When the stage or the task times out: CLOCK_FOREVER = never. */
static int64_t task_deadline(const struct run *run, size_t index, const struct task_row *row)
{
	const struct stage *stage = run_stage(run, index);
	int64_t deadline = CLOCK_FOREVER, ms = own_timeout(stage, row);
	if (ms) {
		const struct task *task = &stage->tasks[run->stages[index]->current];
		const struct stage_run *mine = run->stages[index];
		deadline = task->start_ms + ms + mine->queued_ms;
		if (mine->job && mine->job->queue)
			deadline += clock_now_ms(run->engine->clock) - mine->job->queued_ms;
	}
	if (deadline != CLOCK_FOREVER)
		deadline += pause_credit(run, stage->tasks[run->stages[index]->current].start_ms);
	/* The nearest of self and parents that has one. */
	for (size_t i = index; i != STAGE_NONE && !row->no_stage_timeout;
		i = run_stage(run, i)->parent) {
		const struct stage *at = run_stage(run, i);
		if (!stage_timeout_of(at, &ms))
			continue;
		int64_t end = at->start_ms + ms + pause_credit(run, at->start_ms) +
			free_time(run, at);
		return end < deadline ? end : deadline;
	}
	return deadline;
}

void stage_timer_fired(struct stage_run *stage)
{
	look(stage->run, stage->index);
}

/* ---- dispatch --------------------------------------------------------------------------------------------------------------------- */

/* To a worker, after the commit of what it stands on. */
static void job_hand_out(struct run *run, size_t index, struct job *job)
{
	struct stage_run *mine = run->stages[index];
	mine->job = job;
	run->jobs++;
	job_track(run->engine, job);
	engine_effect(run->engine, (struct effect){ .kind = EFFECT_DISPATCH, .job = job });
	int64_t deadline = job->kind == JOB_CANCEL ? job->now_ms + CANCEL_STEP_MS :
						     task_deadline(run, index, job->row);
	if (deadline != CLOCK_FOREVER)
		heap_set(&run->engine->timers, &mine->timer, deadline);
	else
		heap_remove(&run->engine->timers, &mine->timer);
}

/* Hands the current task out. */
static void task_dispatch(
	struct run *run, size_t index, const struct task_row *row, enum job_kind kind)
{
	struct stage_run *mine = run->stages[index];
	_cleanup_err_ struct err err = ERR_INIT;
	const struct stage_type *type = registry_find_for(
		run->engine->setup.registry, run_stage(run, index));
	void *config;
	if (stage_config(type, run_stage(run, index), &config, &err) < 0) {
		task_fail(run, index, &err);
		return;
	}
	if (row->repeat != TASK_SAFE && kind != JOB_CANCEL)
		task_edit(run, index)->in_flight = true;
	mine->woken = mine->interrupted = false;
	struct job *job = job_new(run, index, kind);
	job->row = row;
	job->config = config;
	job->timed_out = mine->timed_out;
	struct task_input in;
	stage_input(run, index, mine->current, config, &in);
	if (row->slot && kind != JOB_CANCEL) /* which must not wait for those that hang */
		job->slot = row->slot(&in);
	job_hand_out(run, index, job);
}

static void task_handle(struct run *run, size_t index, struct job *job);

static void task_run_inline(struct run *run, size_t index, const struct task_row *row)
{
	struct stage_run *mine = run->stages[index];
	_cleanup_err_ struct err err = ERR_INIT;
	struct job job = {
		.kind = JOB_TASK, .row = row, .task = mine->current, .wake_seq = run->engine->wake_seq
	};
	job.type = registry_find_for(run->engine->setup.registry, run_stage(run, index));
	if (stage_config(job.type, run_stage(run, index), &job.config, &err) < 0) {
		task_fail(run, index, &err);
		return;
	}
	mine->woken = mine->interrupted = false;
	val_free(&mine->patched);
	struct task_input in;
	stage_input(run, index, mine->current, job.config, &in);
	job_name_key(run, index, &job);
	in.idempotency_key = job.key;
	job.status = row->run(&in, &job.result, &job.err);
	if (job.result.on_worker) {
		task_dispatch(run, index, row, JOB_TASK);
	} else {
		atomic_fetch_add(&run->engine->metric_tasks, 1);
		task_handle(run, index, &job);
	}
	job_clear(&job);
}

/* ---- results ---------------------------------------------------------------------------------------------------------------------- */

static void task_tell(struct run *run, size_t index, const char *text)
{
	struct task *task = task_edit(run, index);
	if (!text || strcmp(val_text(&task->waiting_for), text) == 0)
		return;
	val_replace(&task->waiting_for, val_string(text));
	event_stage(run, index, VAL_NULL, VAL_NULL);
}

/* RUNNING: look again at a time, or when a key moves. */
static void task_wait_again(struct run *run, size_t index, struct job *job)
{
	struct stage_run *mine = run->stages[index];
	struct task_result *result = &job->result;
	int64_t now = clock_now_ms(run->engine->clock);
	int64_t backoff = job->row->poll_every_ms ? job->row->poll_every_ms : 1000;
	int64_t floor;
	if (val_as_int(val_get(run_stage(run, index)->context, "backoffPeriodMs"), &floor) &&
		floor > backoff)
		backoff = floor;
	int64_t at = result->wait == TASK_WAIT_NONE || result->until_ms == 0 ? now + backoff :
									       result->until_ms;
	bool moved = val_count(mine->patched) > 0; /* a patch counts as a wake-up */
	wake_forget(mine);
	for (size_t i = 0; result->wait == TASK_WAIT_KEY && i < val_count(result->keys) && !moved;
		i++) {
		struct val key = val_at(result->keys, i);
		moved = wake_wait(run->engine, mine, val_text(&key), job->wake_seq);
	}
	if (result->wait == TASK_WAIT_KEY && at > now + LIMIT_WAIT_MS)
		at = now + LIMIT_WAIT_MS;
	struct task *task = task_edit(run, index);
	task->next_run_ms = at;
	task->attempts++;
	task->waits_for_key = result->wait == TASK_WAIT_KEY;
	mine->woken |= moved;
	task_tell(run, index, result->waiting_for);
	look(run, index);
}

static void task_retry(struct run *run, size_t index, struct job *job)
{
	job->result.wait = TASK_WAIT_NONE;
	if (job->err.retry_after_ms > 0) {
		job->result.wait = TASK_WAIT_UNTIL;
		job->result.until_ms = clock_now_ms(run->engine->clock) + job->err.retry_after_ms;
	}
	free(job->result.waiting_for);
	job->result.waiting_for = xasprintf(TRYING_AGAIN "%s", err_text(&job->err));
	task_wait_again(run, index, job);
}

/* Its cancel step is due as well when it has not begun, but a task before it has had its effect. */
static void task_canceled(struct run *run, size_t index)
{
	const struct stage_type *type;
	const struct task_row *row = task_row_of(run, index, &type);
	size_t current = run->stages[index]->current;
	bool begun = current > 0 || run_stage(run, index)->tasks[current].start_ms;
	if (row && row->cancel && begun && !run_stage(run, index)->cancel_done)
		task_dispatch(run, index, row, JOB_CANCEL);
	else
		task_finish(run, index, STATUS_CANCELED);
}

static void task_timed_out(struct run *run, size_t index)
{
	const struct stage_type *type;
	const struct task_row *row = task_row_of(run, index, &type);
	const struct stage *stage = run_stage(run, index);
	if (row && row->cancel && !stage->cancel_done) {
		run->stages[index]->timed_out = true;
		task_dispatch(run, index, row, JOB_CANCEL);
		return;
	}
	if (val_get_bool(stage->context, "markSuccessfulOnTimeout", false)) {
		task_finish(run, index, STATUS_SUCCEEDED);
		return;
	}
	_cleanup_err_ struct err err = ERR_INIT;
	const struct task *task = &stage->tasks[run->stages[index]->current];
	int64_t ms = clock_now_ms(run->engine->clock) - task->start_ms;
	const char *waiting = val_text(&task->waiting_for);
	/* What was tried in vain says what it was; people need not know the task's name. */
	if (str_starts(str_of(waiting), TRYING_AGAIN))
		err_set(&err, ERR_TIMEOUT,
			"%s; tried again until the time was up (timed out after %" PRId64 ".%03d s)",
			waiting + strlen(TRYING_AGAIN), ms / 1000, (int)(ms % 1000));
	else
		err_set(&err, ERR_TIMEOUT, "%s timed out after %" PRId64 ".%03d s%s%s", task->name,
			ms / 1000, (int)(ms % 1000), *waiting ? ": " : "", waiting);
	task_fail(run, index, &err);
}

/* True: the expressions of the pipeline that it starts go to a worker first, and the task's result comes back with them. */
static bool task_starts_later(struct run *run, size_t index, struct job *job)
{
	if (job->status < 0 || job->request || run->winding || val_is_null(job->result.start_run))
		return false;
	job->status = request_child_prepare(run->engine, run, job);
	if (job->status <= 0)
		return false;
	struct job *later = job_new(run, index, JOB_CHILD);
	later->row = job->row;
	later->wake_seq = job->wake_seq;
	later->slot = xstrdup("expressions");
	later->result = take(&job->result);
	later->request = take(&job->request);
	later->binds = job->binds;
	later->prior = take(&job->prior);
	job_hand_out(run, index, later);
	return true;
}

/* What the task asked the engine to do, in the commit of its result. -1: a start that was refused. */
static int task_act(struct run *run, size_t index, const struct job *job, struct err *err)
{
	const struct task_result *result = &job->result;
	struct run *child;
	if (result->cancel_run) {
		const struct execution *execution = run->execution;
		_cleanup_free_ char *reason = xasprintf(
			"its parent pipeline %s was canceled", execution->id);
		request_cancel_run(run->engine, result->cancel_run, execution->canceled_by, reason);
	}
	if (val_is_null(result->start_run) || job->status < 0)
		return 0;
	if (run->winding)
		return err_set(err, ERR_CANCELED, "the run is coming to its end");
	if (request_child_start(run->engine, job, &child, err) < 0)
		return -1;
	struct val context = val_map();
	val_set(&context, "executionId", val_string(child->execution->id));
	val_set(&context, "executionName", val_string(child->execution->name));
	stage_merge(run, index, context, VAL_NULL, VAL_NULL);
	val_free(&context);
	return 0;
}

/* Takes what a task returned. */
static void task_handle(struct run *run, size_t index, struct job *job)
{
	struct stage_run *mine = run->stages[index];
	struct task_result *result = &job->result;
	if (!val_is_null(result->start_run))
		request_cancel_from_above(run);
	if (task_starts_later(run, index, job))
		return;
	/* A check that could not be made has not said yet whether the effect took place: it is made again. */
	bool unchecked = job->kind == JOB_RECOVER && job->status < 0 &&
		err_is_retryable(job->err.kind);
	if (unchecked)
		mine->interrupted = true;
	else if (run_stage(run, index)->tasks[mine->current].in_flight)
		task_edit(run, index)->in_flight = false;
	/* Its texts are those of servers and clusters, not the author's. */
	val_replace(&result->context, template_verbatim(result->context));
	stage_merge(run, index, result->context, result->outputs, result->remove);
	if (task_act(run, index, job, &job->err) < 0)
		job->status = -1;
	for (size_t i = 0; i < val_count(result->events); i++) {
		struct val event = val_at(result->events, i);
		event_said(run, index, val_get_text(event, "kind", ""), val_get(event, "data"));
	}
	if (job->kind == JOB_CANCEL) {
		run_stage_edit(run, index, STAGE_PART_HEAD)->cancel_done = true;
		if (mine->timed_out)
			task_timed_out(run, index);
		else
			task_canceled(run, index);
		return;
	}
	if (stage_is_skipped(run, index)) {
		look(run, index);
		return;
	}
	if (mine->timed_out && !status_is_complete(result->status)) {
		const char *last = val_get_text(job->err.details, "lastError", "");
		_cleanup_free_ char *trying = xasprintf(TRYING_AGAIN "%s", last);
		if (*last)
			task_tell(run, index, trying);
		task_timed_out(run, index);
		return;
	}
	if (run->winding && (job->status < 0 || !status_is_complete(result->status))) {
		task_canceled(run, index);
		return;
	}
	if (job->status < 0) {
		if (err_is_retryable(job->err.kind))
			task_retry(run, index, job);
		else
			task_fail(run, index, &job->err);
		return;
	}
	switch (result->status) {
	case STATUS_RUNNING:
		task_wait_again(run, index, job);
		break;
	case STATUS_REDIRECT:
		task_loop(run, index);
		break;
	case STATUS_TERMINAL:
	case STATUS_CANCELED:
		task_finish(run, index, stage_failure_status(run_stage(run, index), result->status));
		break;
	default:
		task_finish(run, index, result->status);
	}
}

static bool job_is_current(const struct run *run, const struct job *job)
{
	if (job->stage >= stage_count(run->execution))
		return false;
	const struct stage_run *mine = run->stages[job->stage];
	return mine->job == job && mine->dispatch == job->dispatch;
}

void task_returned(struct engine *engine, struct job *job)
{
	if (job_is_request(job)) {
		job->kind == JOB_SUBMIT ? request_submitted(engine, job) :
					  request_loaded(engine, job);
		job_forget(engine, job);
		return;
	}
	struct run *run = map_get(&engine->runs, str_of(job->execution_id));
	if (!run || !job_is_current(run, job)) {
		atomic_fetch_add(&engine->metric_dropped, 1);
		event_dropped(engine, job);
		job_forget(engine, job);
		return;
	}
	struct stage_run *mine = run->stages[job->stage];
	mine->job = NULL;
	run->jobs--;
	heap_remove(&engine->timers, &mine->timer);
	if (run->completed)
		atomic_fetch_add(&engine->metric_dropped,
			1); /* expressions of a stage that will not start any more */
	else if (job->kind == JOB_EVALUATE || job->kind == JOB_ENABLED)
		stage_evaluated(run, job);
	else
		task_handle(run, job->stage, job);
	run_ready(run); /* a run that is complete is released in its turn */
	job_forget(engine, job);
}

/* ---- the look --------------------------------------------------------------------------------------------------------------------- */

/* A task that was in flight when the process died, and that may not simply be run again. False when that has been dealt with. */
static bool task_recover(struct run *run, size_t index, const struct task_row *row)
{
	if (!run->stages[index]->interrupted || row->repeat == TASK_SAFE)
		return true;
	if (row->repeat == TASK_AFTER_CHECK && row->recover) {
		task_dispatch(run, index, row, JOB_RECOVER);
		return false;
	}
	_cleanup_err_ struct err err = ERR_INIT;
	err_set(&err, ERR_FAILED,
		"the server stopped while this ran and it cannot be told whether it took effect; look, then restart");
	task_edit(run, index)->in_flight = false;
	task_fail(run, index, &err);
	return false;
}

/* It is in flight: the flag is all that can be done. */
static void task_look_in_flight(struct run *run, size_t index, int64_t now, int64_t deadline)
{
	struct stage_run *mine = run->stages[index];
	if (mine->job->kind == JOB_CANCEL) {
		if (now >= mine->job->now_ms + CANCEL_STEP_MS)
			job_cancel(run->engine, mine->job);
		else /* its time began with its release, after the commit */
			heap_set(&run->engine->timers, &mine->timer,
				mine->job->now_ms + CANCEL_STEP_MS);
		return;
	}
	bool late = now >= deadline && !mine->timed_out;
	if (late)
		mine->timed_out = true;
	if (run->winding || late)
		job_cancel(run->engine, mine->job);
	else if (deadline != CLOCK_FOREVER && !mine->timed_out)
		heap_set(&run->engine->timers, &mine->timer, deadline);
}

void task_look(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	const struct stage *stage = run_stage(run, index);
	if (mine->current >= stage->task_count) {
		if (run->winding && stage->task_count == 0)
			stage_finish(run, index, STATUS_CANCELED);
		else if (!mine->job && stage_evaluate(run, index))
			stage_complete(run, index);
		return;
	}
	const struct stage_type *type;
	const struct task_row *row = task_row_of(run, index, &type);
	if (!row) {
		_cleanup_err_ struct err err = ERR_INIT;
		err_set(&err, ERR_UNSUPPORTED, "this version has no task \"%s\" of a stage \"%s\"",
			stage->tasks[mine->current].name, stage->type);
		task_fail(run, index, &err);
		return;
	}
	int64_t now = clock_now_ms(run->engine->clock);
	if (mine->job) {
		task_look_in_flight(run, index, now, task_deadline(run, index, row));
		return;
	}
	if (run->winding) {
		task_canceled(run, index);
		return;
	}
	if (stage->tasks[mine->current].status == STATUS_NOT_STARTED) {
		task_set_status(run, index, STATUS_RUNNING);
		task_edit(run, index)->attempts = 0;
		mine->queued_ms = 0;
		mine->woken = true;
	}
	if (!stage_evaluate(run, index))
		return;
	int64_t deadline = task_deadline(run, index, row);
	if (now >= deadline) {
		task_timed_out(run, index);
		return;
	}
	int64_t next = run_stage(run, index)->tasks[mine->current].next_run_ms;
	if (!mine->woken && next > now) {
		heap_set(&run->engine->timers, &mine->timer, next < deadline ? next : deadline);
		return;
	}
	if (!task_recover(run, index, row))
		return;
	if (row->is_inline)
		task_run_inline(run, index, row);
	else
		task_dispatch(run, index, row, JOB_TASK);
}
