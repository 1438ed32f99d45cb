/*
 * A stage from its start to its end, by its state: stages.md 2.4 to 2.7. stage_look reads the state and takes the next step.
 */
#include "engine/internal.h"

#include <strings.h>

#include "base/log.h"

/* ---- status ---------------------------------------------------------------------------------------------------------------- */

void stage_set_status(struct run *run, size_t index, enum status status)
{
	const struct stage *old = run_stage(run, index);
	if (!status_may_move(STATUS_OF_STAGE, old->status, status)) {
		log_error("illegal move of a stage", "execution", run->execution->id, "stage",
			old->ref_id, "from", status_name(old->status), "to", status_name(status));
		return;
	}
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_HEAD);
	int64_t now = clock_now_ms(run->engine->clock);
	run->change++;
	run->running += (size_t)status_is_going(status) - (size_t)status_is_going(stage->status);
	stage->status = status;
	if (status == STATUS_RUNNING && !stage->start_ms)
		stage->start_ms = now;
	if (status_is_complete(status)) {
		stage->end_ms = now;
		stage->phase = PHASE_IDLE;
		atomic_fetch_add(&run->engine->metric_stages[status], 1);
	}
}

static void stage_set_phase(struct run *run, size_t index, enum stage_phase phase)
{
	if (run_stage(run, index)->phase != phase)
		run_stage_edit(run, index, STAGE_PART_HEAD)->phase = phase;
}

enum status stage_failure_status(const struct stage *stage, enum status otherwise)
{
	if (val_get_bool(stage->context, "continuePipeline", false))
		return STATUS_FAILED_CONTINUE;
	struct val fail = val_get(stage->context, "failPipeline");
	bool value = true;
	if (!val_is_null(fail) && !val_as_bool(fail, &value))
		value = strcasecmp(val_text(&fail), "false") != 0;
	return value ? otherwise : STATUS_STOPPED;
}

void stage_merge(
	struct run *run, size_t index, struct val context, struct val outputs, struct val remove)
{
	struct stage_run *mine = run->stages[index];
	struct val changed = VAL_NULL;
	run->change++;
	if (val_count(context) > 0 || val_count(remove) > 0) {
		bool candidate = template_is_candidate(context);
		unsigned parts = STAGE_PART_CONTEXT | (candidate ? STAGE_PART_HEAD : 0);
		struct stage *stage = run_stage_edit(run, index, parts);
		stage->unresolved |= candidate;
		for (size_t i = 0; i < val_count(context); i++) {
			struct str key = val_key_at(context, i);
			struct val value = val_value_at(context, i);
			if (val_has_str(mine->patched, key))
				continue; /* the user's word came after the dispatch */
			if (val_same(val_get_str(stage->context, key), value) &&
				val_has_str(stage->context, key))
				continue;
			val_set_str(&stage->context, key, val_ref(value));
			val_set_str(&changed, key, val_ref(value));
		}
		for (size_t i = 0; i < val_count(remove); i++) {
			struct val key = val_at(remove, i);
			if (val_remove_str(&stage->context, val_as_str(&key)))
				val_set_str(&changed, val_as_str(&key), VAL_NULL);
		}
	}
	if (val_count(outputs) > 0) {
		struct stage *stage = run_stage_edit(run, index, STAGE_PART_OUTPUTS);
		val_merge(&stage->outputs, outputs);
		val_remove(&stage->outputs, "stageTimeoutMs");
		stage_index_outputs(&run->execution, index);
	}
	if (!val_is_null(changed) || val_count(outputs) > 0)
		event_stage(run, index, changed, outputs);
	val_free(&changed);
}

void stage_set_exception(
	struct run *run, size_t index, const char *operation, const struct err *err, bool retryable)
{
	struct val details = val_is_map(err->details) ? val_ref(err->details) : val_map();
	struct val errors = val_list();
	val_append(&errors, val_string(err_text(err)));
	struct val more = val_get(details, "errors");
	for (size_t i = 0; i < val_count(more); i++)
		val_append(&errors, val_ref(val_at(more, i)));
	val_set(&details, "error",
		val_string(err->kind == ERR_INTERNAL ? "Unexpected Task Failure" : err_text(err)));
	val_set(&details, "errors", errors);
	struct val exception = val_map();
	val_set(&exception, "timestamp", val_int(clock_now_ms(run->engine->clock)));
	val_set(&exception, "exceptionType", val_string(err_kind_name(err->kind)));
	val_set(&exception, "operation", val_string(operation));
	val_set(&exception, "shouldRetry", val_bool(retryable));
	val_set(&exception, "details", details);
	struct val context = val_map();
	val_set(&context, "exception", template_verbatim(exception));
	val_free(&exception);
	stage_merge(run, index, context, VAL_NULL, VAL_NULL);
	val_free(&context);
}

void stage_input(
	const struct run *run, size_t index, size_t task, void *config, struct task_input *ret)
{
	const struct stage *stage = run_stage(run, index);
	*ret = (struct task_input){
		.execution = run->execution,
		.stage = stage,
		.stage_index = index,
		.task = task < stage->task_count ? &stage->tasks[task] : NULL,
		.config = config,
		.world = run->engine->world,
		.now_ms = clock_now_ms(run->engine->clock),
	};
}

/* ---- starting ---------------------------------------------------------------------------------------------------------------- */

static bool requisites_let_start(const struct run *run, const struct stage *stage)
{
	for (size_t i = 0; i < stage->requisite_count; i++)
		if (!status_lets_downstream_start(run_stage(run, stage->requisites[i])->status))
			return false;
	return true;
}

static bool may_start(const struct run *run, const struct stage *stage)
{
	if (run->winding || run->execution->status != STATUS_RUNNING || stage->removed)
		return false;
	if (stage->parent != STAGE_NONE) {
		const struct stage *parent = run_stage(run, stage->parent);
		enum stage_phase phase = stage->owner == OWNER_BEFORE ? PHASE_BEFORE : PHASE_AFTER;
		if (parent->status != STATUS_RUNNING || parent->phase != phase)
			return false;
	}
	return requisites_let_start(run, stage);
}

static void evaluate_on_worker(struct run *run, size_t index, enum job_kind kind)
{
	struct job *job = job_new(run, index, kind);
	job->slot = xstrdup("expressions"); /* those that wait for URLs must not take every worker */
	run->stages[index]->job = job;
	run->jobs++;
	job_track(run->engine, job);
	engine_effect(run->engine, (struct effect){ .kind = EFFECT_DISPATCH, .job = job });
}

/* Takes what evaluate_enabled gave (owned): anything but true is no. */
static void take_enabled(struct run *run, size_t index, struct val value)
{
	struct stage_run *mine = run->stages[index];
	bool flag = false;
	mine->enabled = val_as_bool(value, &flag) && flag ? ENABLED_YES : ENABLED_NO;
	val_replace(&mine->disabled_why, val_is_map(value) ? val_ref(value) : VAL_NULL);
	val_free(&value);
}

/* ENABLED_NO when the expression says so or cannot be evaluated to a boolean, ENABLED_UNKNOWN while a worker looks (2.7). */
static int stage_is_enabled(struct run *run, size_t index)
{
	if (run->stages[index]->enabled != ENABLED_UNKNOWN)
		return run->stages[index]->enabled;
	const struct evaluator by = evaluate_here(run->engine);
	_cleanup_free_ char *text = stage_enabled_text(run->execution, index);
	struct val value = VAL_NULL;
	if (!text)
		return ENABLED_YES;
	if (evaluate_enabled(&by, run->execution, index, text, &value) == EXPR_OVER_BUDGET)
		evaluate_on_worker(run, index, JOB_ENABLED);
	else
		take_enabled(run, index, value);
	return run->stages[index]->enabled;
}

/* The keys whose value is another one in AFTER; owned, VAL_NULL when there is none. */
static struct val context_changes(struct val before, struct val after)
{
	struct val changed = VAL_NULL;
	for (size_t i = 0; i < val_count(after); i++) {
		struct str key = val_key_at(after, i);
		struct val old = val_get_str(before, key), new = val_value_at(after, i);
		if (!val_same(old, new) && !val_equal(old, new))
			val_set_str(&changed, key, val_ref(new));
	}
	for (size_t i = 0; i < val_count(before); i++)
		if (!val_has_str(after, val_key_at(before, i)))
			val_set_str(&changed, val_key_at(before, i), VAL_NULL);
	return changed;
}

/* Puts an evaluated context into the stage; what changed of it into the journal, when it is there to stay. */
static void stage_take_evaluated(struct run *run, size_t index, struct val context, bool tell)
{
	const struct stage *stage = run_stage(run, index);
	bool unresolved = template_is_candidate(context);
	struct val changed = context_changes(stage->context, context);
	if (val_is_null(changed) && stage->unresolved == unresolved)
		return;
	struct stage *edited = run_stage_edit(run, index, STAGE_PART_CONTEXT | STAGE_PART_HEAD);
	val_replace(&edited->context, val_ref(context));
	edited->unresolved = unresolved;
	if (!val_is_null(changed) && tell)
		event_stage(run, index, changed, VAL_NULL);
	val_free(&changed);
}

/* Evaluates what is left. False while a worker does it. */
bool stage_evaluate(struct run *run, size_t index)
{
	const struct stage *stage = run_stage(run, index);
	struct stage_run *mine = run->stages[index];
	if (!stage->unresolved || mine->evaluated_at == run->change)
		return true; /* nothing is left, or nothing has changed that it could read */
	const struct evaluator by = evaluate_here(run->engine);
	struct evaluated evaluated = { 0 };
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	if (evaluate_stage(&by, run->execution, index, type, &evaluated) == EXPR_OVER_BUDGET) {
		evaluate_on_worker(run, index, JOB_EVALUATE);
		return false;
	}
	stage_take_evaluated(run, index, evaluated.context, stage->status == STATUS_RUNNING);
	val_free(&evaluated.context);
	mine->evaluated_at = run->change;
	return true;
}

/* What could not be evaluated, SUMMARY (owned), where people look for it (3.5). */
static void stage_set_summary(struct run *run, size_t index, struct val summary)
{
	struct val context = val_map();
	val_set(&context, "expressionEvaluationSummary", summary);
	stage_merge(run, index, context, VAL_NULL, VAL_NULL);
	val_free(&context);
}

/* Too much for one pass, or canceled: said where failed expressions are said. */
static void evaluation_failed(struct run *run, size_t index, const struct err *err)
{
	stage_set_summary(run, index,
		summary_of("(all)", "ERROR", err_text(err), clock_now_ms(run->engine->clock)));
}

void stage_evaluated(struct run *run, struct job *job)
{
	size_t index = job->stage;
	struct stage_run *mine = run->stages[index];
	if (job->kind == JOB_ENABLED) {
		take_enabled(run, index,
			job->status == 0 ? take(&job->evaluated) :
					   summary_of("stageEnabled", "ERROR", err_text(&job->err),
						   clock_now_ms(run->engine->clock)));
	} else if (job->status == 0) {
		/* What a user patched meanwhile wins. */
		for (size_t i = 0; i < val_count(mine->patched); i++)
			val_set_str(&job->evaluated, val_key_at(mine->patched, i),
				val_ref(val_value_at(mine->patched, i)));
		stage_take_evaluated(run, index, job->evaluated, true);
		mine->evaluated_at = job->change; /* what has changed since was not seen */
	} else {
		evaluation_failed(run, index, &job->err);
		mine->evaluated_at = run->change;
	}
	val_free(&mine->patched);
	look(run, index);
}

static void stage_plan_failed(struct run *run, size_t index, const struct err *err)
{
	stage_set_exception(run, index, "plan", err, false);
	struct val context = val_map();
	val_set(&context, "beforeStagePlanningFailed", val_bool(true));
	stage_merge(run, index, context, VAL_NULL, VAL_NULL);
	val_free(&context);
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_HEAD);
	stage->planning_failed = true;
	if (err->kind ==
		ERR_UNSUPPORTED) /* must not pass for an ordinary failure that the pipeline may ignore */
		stage_finish(run, index, STATUS_TERMINAL);
	else
		stage_complete(run, index);
}

static int stage_plan(struct run *run, size_t index, struct err *err)
{
	const struct stage *stage = run_stage(run, index);
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	if (!type)
		return err_set(err, ERR_UNSUPPORTED, "there is no stage type \"%s\" here",
			val_get_text(stage->context, "alias", stage->type));
	if (fields_refuse(stage_fields, stage->context, "", err) < 0)
		return -1;
	void *config;
	if (stage_config(type, stage, &config, err) < 0)
		return -1;
	struct task_input in;
	stage_input(run, index, 0, config, &in);
	int result = type->check ? type->check(&in, err) : 0;
	size_t planned;
	if (result == 0)
		result = plan_stages(run, index, PLAN_BEFORE, config, &planned, err);
	if (result == 0)
		plan_tasks(run, index, type, config);
	stage_config_free(type, config);
	return result;
}

static void stage_retry_planning(struct run *run, size_t index, const struct err *err)
{
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_HEAD);
	stage->attempts++;
	log_warn("planning a stage failed; trying again", "execution", run->execution->id, "stage",
		stage->ref_id, "error", err_text(err));
	stage->retry_ms = clock_now_ms(run->engine->clock) + LIMIT_PLANNING_RETRY_MS;
	look(run, index);
}

static void stage_start(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	const struct stage *stage = run_stage(run, index);
	int64_t now = clock_now_ms(run->engine->clock);
	if (mine->job)
		return; /* its expressions are on a worker */
	if (stage->retry_ms > now) {
		heap_set(&run->engine->timers, &mine->timer, stage->retry_ms);
		return;
	}
	_cleanup_(val_free) struct val before = val_ref(stage->context);
	if (!stage_evaluate(run, index))
		return;
	stage = run_stage(run, index);
	int enabled = stage_is_enabled(run, index);
	if (enabled == ENABLED_UNKNOWN)
		return;
	if (enabled == ENABLED_NO || stage_is_skipped(run, index) ||
		(stage->expiry_ms && now > stage->expiry_ms)) {
		val_replace(&run_stage_edit(run, index, STAGE_PART_CONTEXT)->context, take(&before));
		if (enabled == ENABLED_NO && !val_is_null(mine->disabled_why))
			stage_set_summary(run, index, take(&mine->disabled_why));
		stage_finish(run, index, STATUS_SKIPPED);
		return;
	}
	_cleanup_(val_free) struct val changed = context_changes(before, stage->context);
	_cleanup_err_ struct err err = ERR_INIT;
	run_stage_edit(run, index, STAGE_PART_HEAD)->start_ms = now;
	if (stage_plan(run, index, &err) < 0 && err_is_retryable(err.kind) &&
		run_stage(run, index)->attempts < LIMIT_PLANNING_ATTEMPTS) {
		run_stage_edit(run, index, STAGE_PART_HEAD)->start_ms = 0;
		stage_retry_planning(run, index, &err);
		return;
	}
	stage_set_status(run, index, STATUS_RUNNING);
	stage_set_phase(run, index, PHASE_BEFORE);
	event_stage(run, index, changed, VAL_NULL);
	if (err.kind)
		stage_plan_failed(run, index, &err);
	else
		look(run, index);
}

/* ---- children ------------------------------------------------------------------------------------------------------------------ */

static bool siblings_go_on(const struct stage *child)
{
	return val_get_bool(child->context, "allowSiblingStagesToContinueOnFailure", false);
}

struct children {
	size_t count;
	bool all_complete, any_bad, any_running, any_not_started, any_startable;
};

static struct children look_at_children(const struct run *run, size_t index, enum stage_owner owner)
{
	struct children children = { .all_complete = true };
	const struct stage *parent = run_stage(run, index);
	atomic_fetch_add(&run->engine->metric_looks, parent->child_count);
	for (size_t i = 0; i < parent->child_count; i++) {
		const struct stage *child = run_stage(run, parent->children[i]);
		if (child->owner != owner || child->removed)
			continue;
		children.count++;
		children.all_complete &= status_is_complete(child->status);
		children.any_bad |= status_is_halt(child->status) ||
			(child->status == STATUS_FAILED_CONTINUE && !siblings_go_on(child));
		children.any_running |= child->status == STATUS_RUNNING ||
			child->status == STATUS_PAUSED;
		children.any_not_started |= child->status == STATUS_NOT_STARTED;
		children.any_startable |= child->status == STATUS_NOT_STARTED &&
			requisites_let_start(run, child);
	}
	return children;
}

static void look_at_waiting_children(struct run *run, size_t index, enum stage_owner owner)
{
	const struct stage *parent = run_stage(run, index);
	for (size_t i = 0; i < parent->child_count; i++) {
		const struct stage *child = run_stage(run, parent->children[i]);
		if (child->owner == owner && child->status == STATUS_NOT_STARTED && !child->removed)
			look(run, parent->children[i]);
	}
}

/* Before or after stages: on when all are done, to the end when one went bad, else those that can start do. */
static void children_look(struct run *run, size_t index, enum stage_owner owner)
{
	struct children children = look_at_children(run, index, owner);
	if (children.any_bad || run_stage(run, index)->failure_planned) {
		stage_complete(run, index);
	} else if (run->winding && !children.any_running) {
		stage_finish(run, index, STATUS_CANCELED);
	} else if (!children.all_complete) {
		look_at_waiting_children(run, index, owner);
	} else if (owner == OWNER_BEFORE) {
		stage_set_phase(run, index, PHASE_TASKS);
		task_look(run, index);
	} else {
		stage_complete(run, index);
	}
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------------- */

/* stages.md 2.5: the status that tasks and synthetic stages amount to. */
static enum status stage_sum(const struct run *run, size_t index)
{
	const struct stage *stage = run_stage(run, index);
	unsigned seen = 0;
	bool after_waits = false;
	for (size_t i = 0; i < stage->child_count; i++) {
		const struct stage *child = run_stage(run, stage->children[i]);
		if (child->removed)
			continue;
		seen |= 1u << child->status;
		after_waits |= child->owner == OWNER_AFTER && child->status == STATUS_NOT_STARTED;
	}
	for (size_t i = 0; i < stage->task_count; i++)
		seen |= 1u << stage->tasks[i].status;
	enum status failed = stage_failure_status(stage, STATUS_TERMINAL);
	if (stage->planning_failed)
		seen |= 1u << failed;
	if (!seen)
		return STATUS_NOT_STARTED;
	if (seen & 1u << STATUS_TERMINAL)
		return failed;
	if (seen & 1u << STATUS_STOPPED)
		return STATUS_STOPPED;
	if (seen & 1u << STATUS_CANCELED)
		return STATUS_CANCELED;
	if (seen & 1u << STATUS_FAILED_CONTINUE)
		return STATUS_FAILED_CONTINUE;
	if (!(seen & ~(1u << STATUS_SUCCEEDED | 1u << STATUS_SKIPPED)))
		return STATUS_SUCCEEDED;
	if (after_waits || look_at_children(run, index, OWNER_AFTER).any_running)
		return STATUS_RUNNING;
	log_error("a stage ends in no known way", "execution", run->execution->id, "stage",
		stage->ref_id);
	return STATUS_TERMINAL;
}

/* On-failure stages take the place of the first COUNT children as far as these have not started. */
static void remove_waiting_children(struct run *run, size_t index, size_t count)
{
	const struct stage *parent = run_stage(run, index);
	for (size_t i = 0; i < count; i++)
		if (run_stage(run, parent->children[i])->status == STATUS_NOT_STARTED)
			run_stage_edit(run, parent->children[i], STAGE_PART_HEAD)->removed = true;
}

/* Plans what follows the tasks, once. -1: planning failed. */
static int plan_rest(struct run *run, size_t index, enum plan_kind kind, struct err *err)
{
	const struct stage *stage = run_stage(run, index);
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	if (kind == PLAN_AFTER ? stage->after_planned : stage->failure_planned)
		return 0;
	if (kind == PLAN_AFTER)
		run_stage_edit(run, index, STAGE_PART_HEAD)->after_planned = true;
	else
		run_stage_edit(run, index, STAGE_PART_HEAD)->failure_planned = true;
	if (!type || (kind == PLAN_AFTER ? !type->plan_after : !type->plan_on_failure))
		return 0;
	void *config;
	if (stage_config(type, run_stage(run, index), &config, err) < 0) {
		if (!run_stage(run, index)->planning_failed)
			return -1;
		err_clear(err); /* it has failed of that already */
		return 0;
	}
	size_t planned, before = run_stage(run, index)->child_count;
	int result = plan_stages(run, index, kind, config, &planned, err);
	stage_config_free(type, config);
	if (kind == PLAN_FAILURE && planned > 0)
		remove_waiting_children(run, index, before);
	return result;
}

/* The descriptions of all expressions that could not be evaluated; owned list. */
static struct val failed_expressions(const struct stage *stage)
{
	struct val errors = val_list();
	struct val summary = val_get(stage->context, "expressionEvaluationSummary");
	for (size_t i = 0; i < val_count(summary); i++) {
		struct val list = val_value_at(summary, i);
		for (size_t j = 0; j < val_count(list); j++)
			val_append(&errors, val_ref(val_get(val_at(list, j), "description")));
	}
	return errors;
}

/* What could not be evaluated belongs to the story of a failure. */
static void exception_add_errors(struct run *run, size_t index, struct val errors)
{
	struct val exception = val_ref(val_get(run_stage(run, index)->context, "exception"));
	struct val *list = val_edit(val_edit(&exception, "details"), "errors");
	for (size_t i = 0; list && i < val_count(errors); i++)
		val_append(list, val_ref(val_at(errors, i)));
	struct val context = val_map();
	val_set(&context, "exception", exception);
	stage_merge(run, index, context, VAL_NULL, VAL_NULL);
	val_free(&context);
}

/* Failure to resolve an expression counts only when the author said so (3.5). */
static enum status with_failed_expressions(struct run *run, size_t index, enum status status)
{
	const struct stage *stage = run_stage(run, index);
	_cleanup_(val_free) struct val errors = failed_expressions(stage);
	bool fail = val_get_bool(stage->context, "failOnFailedExpressions", false) &&
		status != STATUS_CANCELED;
	if (val_count(errors) == 0 || (!fail && !status_is_failure(status)))
		return status;
	if (val_is_map(val_get(stage->context, "exception"))) {
		exception_add_errors(run, index, errors);
	} else if (fail) {
		_cleanup_err_ struct err err = ERR_INIT;
		err_set(&err, ERR_FAILED, "Failed Expression Evaluation");
		val_set(&err.details, "errors", val_ref(errors));
		stage_set_exception(run, index, "evaluateExpressions", &err, false);
	}
	return fail ? STATUS_TERMINAL : status;
}

/* True when after stages, or on-failure stages, run or can start: then their end asks again. */
static bool after_stages_go_on(struct run *run, size_t index, enum status status)
{
	struct children after = look_at_children(run, index, OWNER_AFTER);
	bool go_on = after.any_running;
	if (run_stage(run, index)->failure_planned) /* their own failures do not keep the others from running */
		go_on |= after.any_startable && !run->winding;
	else if (after.any_bad)
		go_on = false;
	else
		go_on |= after.any_not_started && !run->winding && status != STATUS_CANCELED;
	if (go_on) {
		stage_set_phase(run, index, PHASE_AFTER);
		look_at_waiting_children(run, index, OWNER_AFTER);
	}
	return go_on;
}

void stage_complete(struct run *run, size_t index)
{
	enum status status = stage_sum(run, index);
	_cleanup_err_ struct err err = ERR_INIT;
	int planned = 0;
	if (run->winding)
		planned = 0;
	else if (status == STATUS_TERMINAL || status == STATUS_STOPPED)
		planned = plan_rest(run, index, PLAN_FAILURE, &err);
	else if (status != STATUS_CANCELED)
		planned = plan_rest(run, index, PLAN_AFTER, &err);
	if (planned < 0) {
		stage_set_exception(run, index, "plan", &err, false);
		stage_finish(run, index, STATUS_TERMINAL);
		return;
	}
	if (after_stages_go_on(run, index, status))
		return;
	if (status == STATUS_NOT_STARTED)
		status = STATUS_SKIPPED;
	if (status == STATUS_RUNNING)
		status = STATUS_CANCELED; /* winding: after stages that will not start any more */
	stage_finish(run, index, with_failed_expressions(run, index, status));
}

void stage_finish(struct run *run, size_t index, enum status status)
{
	stage_set_status(run, index, status);
	struct stage_run *mine = run->stages[index];
	heap_remove(&run->engine->timers, &mine->timer);
	wake_forget(mine);
	event_stage(run, index, VAL_NULL, VAL_NULL);
	const struct stage *stage = run_stage(run, index);
	for (size_t i = 0; i < mine->downstream.count && !status_is_halt(status); i++)
		look(run, mine->downstream.items[i]);
	if (stage->parent != STAGE_NONE)
		look(run, stage->parent);
	else if (status_is_halt(status))
		look_run(run);
	run_ready(run); /* the end of the run is seen when nothing is left that runs */
}

/* ---- skipping by hand (stages.md 2.12) ---------------------------------------------------------------------------------------------- */

bool stage_is_skipped(const struct run *run, size_t index)
{
	while (run_stage(run, index)->parent != STAGE_NONE)
		index = run_stage(run, index)->parent;
	return val_get_bool(run_stage(run, index)->context, "manualSkip", false);
}

/* Once nothing of it is under way any more, what is left of it is SKIPPED. */
static void stage_skip(struct run *run, size_t index)
{
	struct stage_run *mine = run->stages[index];
	bool going = false;
	if (mine->job) {
		job_cancel(run->engine, mine->job);
		return;
	}
	for (size_t i = 0; i < run_stage(run, index)->child_count; i++) {
		size_t child = run_stage(run, index)->children[i];
		const struct stage *stage = run_stage(run, child);
		if (stage->status == STATUS_NOT_STARTED && !stage->removed)
			stage_finish(run, child, STATUS_SKIPPED);
		going |= status_is_going(stage->status);
		if (status_is_going(stage->status))
			look(run, child);
	}
	if (going)
		return; /* their end asks again */
	tasks_skip(run, index);
	stage_finish(run, index, STATUS_SKIPPED);
}

void stage_look(struct run *run, size_t index)
{
	const struct stage *stage = run_stage(run, index);
	if (status_is_complete(stage->status) || run->completed)
		return;
	if (stage->status == STATUS_NOT_STARTED) {
		if (may_start(run, stage))
			stage_start(run, index);
		return;
	}
	if (run->execution->status == STATUS_PAUSED && !run->winding) {
		stage_pause(run, index);
		return;
	}
	if (stage_is_skipped(run, index) && !run->winding) {
		stage_skip(run, index);
		return;
	}
	switch (stage->phase) {
	case PHASE_BEFORE:
		children_look(run, index, OWNER_BEFORE);
		break;
	case PHASE_TASKS:
		task_look(run, index);
		break;
	case PHASE_AFTER:
		children_look(run, index, OWNER_AFTER);
		break;
	case PHASE_IDLE:
		log_error("a running stage without a phase", "execution", run->execution->id,
			"stage", stage->ref_id);
		break;
	}
}
