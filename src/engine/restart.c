/*
 * Restarting a stage (stages.md 2.12), and pausing a run (2.11).
 */
#include "engine/internal.h"

/* ---- restart --------------------------------------------------------------------------------------------------------------- */

static size_t top_of(const struct run *run, size_t index)
{
	while (run_stage(run, index)->parent != STAGE_NONE)
		index = run_stage(run, index)->parent;
	return index;
}

/* Synthetic stages go, with all below them. They stay in the list, marked: places in it are for ever. */
static void remove_children(struct run *run, size_t index)
{
	const struct stage *stage = run_stage(run, index);
	for (size_t i = 0; i < stage->child_count; i++) {
		size_t child = run_stage(run, index)->children[i];
		remove_children(run, child);
		run_stage_edit(run, child, STAGE_PART_HEAD)->removed = true;
	}
}

static void note_restart(struct val *context, const char *user, int64_t now)
{
	struct val details = val_map();
	val_set(&details, "restartedBy", val_string(user ? user : "anonymous"));
	val_set(&details, "restartTime", val_int(now));
	if (val_has(*context, "exception"))
		val_set(&details, "previousException", val_ref(val_get(*context, "exception")));
	val_set(context, "restartDetails", details);
	val_remove(context, "exception");
	val_remove(context, "expressionEvaluationSummary");
	val_remove(context, "beforeStagePlanningFailed");
	val_remove(context, "manualSkip");
}

/* Back to NOT_STARTED, with what the author wrote. New tasks get a generation that no earlier one had. */
static void stage_reset(struct run *run, size_t index, const char *user)
{
	remove_children(run, index);
	stage_set_status(run, index, STATUS_NOT_STARTED);
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_ALL);
	for (size_t i = 0; i < stage->task_count; i++) {
		if (stage->tasks[i].generation > stage->generation)
			stage->generation = stage->tasks[i].generation;
		task_clear(&stage->tasks[i]);
	}
	stage->generation++;
	free(stage->tasks);
	stage->tasks = NULL;
	stage->task_count = 0;
	stage->start_ms = stage->end_ms = stage->scheduled_ms = 0;
	stage->after_planned = stage->failure_planned = stage->planning_failed =
		stage->cancel_done = false;
	stage->attempts = 0;
	note_restart(&stage->context, user, clock_now_ms(run->engine->clock));
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	if (type && type->restart)
		type->restart(&stage->context, &stage->outputs);
	stage->unresolved = template_is_candidate(stage->context);
	struct stage_run *mine = run->stages[index];
	mine->current = 0;
	mine->evaluated_at = 0;
	mine->enabled = ENABLED_UNKNOWN;
	stage_index_outputs(&run->execution, index);
	event_stage(run, index, stage->context, stage->outputs);
}

static void reset_downstream(struct run *run, size_t index, const char *user)
{
	const struct stage_run *mine = run->stages[index];
	for (size_t i = 0; i < mine->downstream.count; i++) {
		size_t next = mine->downstream.items[i];
		if (!status_is_complete(run_stage(run, next)->status))
			continue;
		stage_reset(run, next, user);
		reset_downstream(run, next, user);
	}
}

/* The configuration of the stage with this refId in PIPELINE, or VAL_NULL. */
static struct val config_of(struct val pipeline, const char *ref_id)
{
	struct val stages = val_get(pipeline, "stages");
	for (size_t i = 0; i < val_count(stages); i++)
		if (strcmp(val_get_text(val_at(stages, i), "refId", ""), ref_id) == 0)
			return val_at(stages, i);
	return VAL_NULL;
}

/* Those that have ended, and are not begun again, take it too: whoever looks sees what holds now. */
static void renew(struct run *run, struct val pipeline)
{
	for (size_t i = 0; i < stage_count(run->execution) && val_is_map(pipeline); i++) {
		const struct stage *stage = run_stage(run, i);
		const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
		struct val config = config_of(pipeline, stage->ref_id);
		if (stage->parent != STAGE_NONE || !type || !type->renewed ||
			status_is_going(stage->status) ||
			strcmp(val_get_text(config, "type", ""), stage->type) != 0)
			continue;
		for (const char *const *key = type->renewed; *key; key++) {
			struct stage *edited;
			if (!val_has(config, *key))
				continue;
			edited = run_stage_edit(run, i, STAGE_PART_CONTEXT | STAGE_PART_HEAD);
			val_set(&edited->context, *key, val_ref(val_get(config, *key)));
			edited->unresolved = template_is_candidate(edited->context);
		}
	}
}

int run_restart_stage(
	struct run *run, size_t index, struct val pipeline, const char *user, struct err *err)
{
	size_t top = top_of(run, index);
	const struct stage *stage = run_stage(run, top);
	if (!status_is_complete(stage->status) && stage->status != STATUS_NOT_STARTED)
		return err_set(err, ERR_CONFLICT,
			"stage \"%s\" is %s; only one that has ended, or not begun, can be restarted",
			stage->name, status_name(stage->status));
	if (run->winding && !run->completed)
		return err_set(err, ERR_CONFLICT,
			"the run is coming to its end; restart the stage when it has");
	renew(run, pipeline);
	stage_reset(run, top, user);
	reset_downstream(run, top, user);
	run_reopen(run);
	look(run, top);
	return 0;
}

/* ---- pause ------------------------------------------------------------------------------------------------------------------- */

void stage_pause(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	const struct stage *stage = run_stage(run, index);
	if (stage->status != STATUS_RUNNING || mine->job)
		return; /* what is in flight is paused when it comes back */
	heap_remove(&run->engine->timers, &mine->timer);
	if (stage->phase == PHASE_TASKS && mine->current < stage->task_count &&
		stage->tasks[mine->current].status == STATUS_RUNNING)
		run_stage_edit(run, index, STAGE_PART_HEAD)->tasks[mine->current].status =
			STATUS_PAUSED;
	stage_set_status(run, index, STATUS_PAUSED);
	event_stage(run, index, VAL_NULL, VAL_NULL);
}

int run_pause(struct run *run, const char *user, struct err *err)
{
	if (run->execution->status != STATUS_RUNNING || run->winding)
		return err_set(err, ERR_CONFLICT,
			"the run is %s; only one that is RUNNING can be paused",
			status_name(run->execution->status));
	struct val paused = val_map();
	val_set(&paused, "pausedBy", val_string(user ? user : "anonymous"));
	val_set(&paused, "pauseTime", val_int(clock_now_ms(run->engine->clock)));
	val_replace(&run_edit(run)->paused, paused);
	run_set_status(run, STATUS_PAUSED);
	run_look_all_running(run);
	return 0;
}

static void stage_resume(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	const struct stage *stage = run_stage(run, index);
	if (stage->status == STATUS_PAUSED) {
		if (mine->current < stage->task_count &&
			stage->tasks[mine->current].status == STATUS_PAUSED)
			run_stage_edit(run, index, STAGE_PART_HEAD)->tasks[mine->current].status =
				STATUS_RUNNING;
		stage_set_status(run, index, STATUS_RUNNING);
		event_stage(run, index, VAL_NULL, VAL_NULL);
		mine->woken = true;
	}
	if (!status_is_complete(stage->status))
		look(run, index);
}

int run_resume(struct run *run, const char *user, struct err *err)
{
	if (run->execution->status != STATUS_PAUSED)
		return err_set(err, ERR_CONFLICT,
			"the run is %s; only one that is PAUSED can be resumed",
			status_name(run->execution->status));
	struct execution *execution = run_edit(run);
	val_set(&execution->paused, "resumedBy", val_string(user ? user : "anonymous"));
	val_set(&execution->paused, "resumeTime", val_int(clock_now_ms(run->engine->clock)));
	run_set_status(run, STATUS_RUNNING);
	for (size_t i = 0; i < stage_count(run->execution); i++)
		stage_resume(run, i);
	look_run(run);
	return 0;
}
