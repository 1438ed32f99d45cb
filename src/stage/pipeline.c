/*
 * Pipeline: runs another pipeline, and waits for it (stages.md 4.4). The child is started in the commit of this stage's own result, so a
 * crash can neither lose it nor start it twice. Waiting holds no thread: the child's end wakes the stage.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "artifact/bind_produced.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "base/vec.h"
#include "model/artifact.h"
#include "model/secrets.h"
#include "stage/stages.h"
#include "store/store.h"

struct pipeline_config {
	char *application;
	char *pipeline_application;
	char *pipeline;
	char *pipeline_id;
	struct val parameters;
	char *wait_for_completion;
	bool skip_downstream_output;
	char *execution_id;
};

/* ---- starting ------------------------------------------------------------------------------------------------------------------ */

/* The parent as the child's trigger has it; its own parents' stages are left out, so that chains do not grow without end. */
static struct val parent_execution(const struct execution *execution)
{
	_cleanup_(val_free) struct val json = execution_to_json(execution, true);
	struct val *trigger = val_edit(&json, "trigger");
	struct val *grandparent = trigger ? val_edit(trigger, "parentExecution") : NULL;
	if (grandparent && val_is_map(*grandparent)) {
		val_set(grandparent, "stages", val_list());
		val_remove(grandparent, "initialConfig");
	}
	val_remove(&json, "initialConfig");
	return secrets_masked(json);
}

/*
 * How many runs there may be beside the child, itself included, if every run above it has as many siblings as its parent has stages that
 * start some: doubling at each step, recursion is endless long before it is deep.
 */
static int64_t family_size(const struct task_input *in)
{
	const struct execution *parent = in->execution;
	int64_t siblings = 0, before = val_get_int(parent->trigger, "familySize", 1);
	for (size_t i = 0; i < stage_count(parent); i++)
		siblings += strcmp(stage_at(parent, i)->type, in->stage->type) == 0;
	if (before > LIMIT_PIPELINE_FAMILY) /* which somebody has written there */
		before = LIMIT_PIPELINE_FAMILY;
	return before > 1 ? before * siblings : siblings;
}

static int pipeline_needs(const struct task_input *in, struct err *err)
{
	const struct pipeline_config *config = in->config;
	bool named = (config->pipeline && *config->pipeline) ||
		(config->pipeline_id && *config->pipeline_id) || config->execution_id;
	return named ? 0 : err_set(err, ERR_INVALID, "pipeline: is required");
}

static int start_pipeline(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct pipeline_config *config = in->config;
	const struct execution *parent = in->execution;
	const char *user = stage_user(parent, in->stage_index);
	int64_t family = family_size(in);
	if (family > LIMIT_PIPELINE_FAMILY)
		return err_set(err, ERR_TOO_LARGE,
			"pipelines that start several pipelines, which start several, could become more than %d runs",
			LIMIT_PIPELINE_FAMILY);
	if (pipeline_needs(in, err) < 0)
		return -1;
	bool by_pipeline = config->pipeline && *config->pipeline;
	const char *target = by_pipeline ? config->pipeline : config->pipeline_id;
	struct val trigger = val_map();
	val_set(&trigger, "type", val_string("pipeline"));
	val_set(&trigger, "user", val_string(user ? user : "[anonymous]"));
	val_set(&trigger, "parentExecution", parent_execution(parent));
	val_set(&trigger, "parentPipelineId", val_string(parent->id));
	val_set(&trigger, "parentPipelineStageId", val_string(in->stage->id));
	val_set(&trigger, "parameters",
		val_is_map(config->parameters) ? val_ref(config->parameters) : val_map());
	val_set(&trigger, "strategy", val_bool(!by_pipeline));
	val_set(&trigger, "dryRun", val_bool(val_get_bool(parent->trigger, "dryRun", false)));
	val_set(&trigger, "artifacts", artifacts_visible(parent, in->stage_index));
	val_set(&trigger, "correlationId", val_string(in->idempotency_key));
	val_set(&trigger, "familySize", val_int(family));
	val_set(&out->start_run, "pipeline", val_string(target));
	if (user)
		val_set(&out->start_run, "user", val_string(user));
	if (config->pipeline_application || config->application)
		val_set(&out->start_run, "application",
			val_string(config->pipeline_application ? config->pipeline_application :
								  config->application));
	val_set(&out->start_run, "trigger", trigger);
	return task_done(out);
}

static bool must_start(const struct task_input *in)
{
	const struct pipeline_config *config = in->config;
	return !config->execution_id;
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------------- */

static bool must_wait(const struct task_input *in)
{
	const struct pipeline_config *config = in->config;
	return !config->wait_for_completion || strcasecmp(config->wait_for_completion, "false") != 0;
}

static void merge_outputs(struct val *all, struct val outputs)
{
	for (size_t i = 0; i < val_count(outputs); i++) {
		struct str key = val_key_at(outputs, i);
		struct val value = val_value_at(outputs, i), there = val_get_str(*all, key);
		if (!val_is_list(value) || !val_is_list(there)) {
			val_set_str(all, key, val_ref(value));
			continue;
		}
		struct val both = val_ref(there);
		for (size_t j = 0; j < val_count(value); j++) {
			bool known = false;
			for (size_t k = 0; k < val_count(both) && !known; k++)
				known = val_equal(val_at(both, k), val_at(value, j));
			if (!known)
				val_append(&both, val_ref(val_at(value, j)));
		}
		val_set_str(all, key, both);
	}
}

/* The outputs of all top-level stages in the order of the graph; a later one wins, lists are joined (stages.md 1.5). */
static int execution_outputs(struct val json, struct val *ret, struct err *err)
{
	struct execution *execution;
	size_t count;
	if (execution_from_json(json, &execution, err) < 0)
		return err_wrap(err, "the execution of the child");
	size_t *order = execution_order(execution, &count);
	*ret = val_map();
	for (size_t i = 0; i < count; i++)
		merge_outputs(ret, stage_at(execution, order[i])->outputs);
	free(order);
	execution_unref(execution);
	return 0;
}

static bool has_status(struct val map, const char *status)
{
	return strcmp(val_get_text(map, "status", ""), status) == 0;
}

/* A pipeline that runs itself says the same at every step: once is enough. */
static void say_failure(const char *pipeline, const char *stage, const char *why, struct err *err)
{
	_cleanup_free_ char *place = xasprintf(
		"pipeline \"%s\" failed in stage \"%s\"", pipeline, stage);
	bool again = strstr(why, place) != NULL;
	err_set(err, ERR_FAILED, "%s%s%s", again ? "" : place, *why && !again ? ": " : "", why);
}

/* Where the child failed, and what it said there. */
static int child_failed(struct val child, struct err *err)
{
	struct val stages = val_get(child, "stages");
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		if (!has_status(stage, "TERMINAL") && !has_status(stage, "STOPPED"))
			continue;
		struct val errors = val_path(stage, "context.exception.details.errors");
		struct val first = val_count(errors) > 0 ?
			val_at(errors, 0) :
			val_path(stage, "context.exception.details.error");
		say_failure(val_get_text(child, "name", ""), val_get_text(stage, "name", ""),
			val_text(&first), err);
		struct val source = val_map();
		val_set(&source, "executionId", val_ref(val_get(child, "id")));
		val_set(&source, "stageId", val_ref(val_get(stage, "id")));
		val_set(&source, "stageName", val_ref(val_get(stage, "name")));
		val_set(&source, "stageIndex", val_int((int64_t)i));
		val_set(&err->details, "source", source);
		return -1;
	}
	return err_set(err, ERR_FAILED, "pipeline \"%s\" ended %s", val_get_text(child, "name", ""),
		val_get_text(child, "status", ""));
}

/* Which of its stages runs now, for people. */
static void say_progress(struct task_result *out, struct val child)
{
	struct val stages = val_get(child, "stages");
	for (size_t i = 0; i < val_count(stages); i++)
		if (has_status(val_at(stages, i), "RUNNING")) {
			task_says(out, "pipeline \"%s\" is in stage \"%s\"",
				val_get_text(child, "name", ""),
				val_get_text(val_at(stages, i), "name", ""));
			return;
		}
	task_says(out, "pipeline \"%s\" is %s", val_get_text(child, "name", ""),
		val_get_text(child, "status", ""));
}

static int child_ended(const struct pipeline_config *config, struct val child,
	struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val outputs = VAL_NULL;
	if (!config->skip_downstream_output && execution_outputs(child, &outputs, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(outputs); i++)
		val_set_str(&out->outputs, val_key_at(outputs, i), val_ref(val_value_at(outputs, i)));
	task_context(out, "status", val_ref(val_get(child, "status")));
	if (has_status(child, "SUCCEEDED"))
		return task_done(out);
	if (has_status(child, "CANCELED"))
		return task_status(out, STATUS_CANCELED);
	return child_failed(child, err);
}

static int monitor_pipeline(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct pipeline_config *config = in->config;
	struct store *store = in->world->store;
	_cleanup_(val_free) struct val child = VAL_NULL;
	uint64_t position;
	if (!config->execution_id)
		return err_set(err, ERR_INVALID, "executionId: nothing was started");
	if (store->type->get_execution(store, config->execution_id, &child, &position, err) < 0)
		return err_wrap(err, "executionId");
	struct val text = val_get(child, "status");
	enum status status;
	if (status_parse(val_as_str(&text), &status) && status_is_complete(status))
		return child_ended(config, child, out, err);
	_cleanup_free_ char *key = xasprintf("run:%s", config->execution_id);
	say_progress(out, child);
	task_context(out, "status", val_ref(text));
	return task_wait(out, key, in->now_ms + LIMIT_WAIT_MS);
}

static int cancel_child(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct pipeline_config *config = in->config;
	(void)err;
	if (config->execution_id)
		out->cancel_run = xstrdup(config->execution_id);
	return task_done(out);
}

/* Restarted because its child was, it waits for that one again. */
static void pipeline_restart(struct val *context, struct val *outputs)
{
	(void)outputs;
	val_remove(context, "status");
	if (val_remove(context, "_skipPipelineRestart"))
		return;
	val_remove(context, "executionId");
	val_remove(context, "executionName");
}

static const char *const flags[] = { "true", "false", NULL };

const struct stage_type pipeline_stage = {
	.name = "pipeline",
	.title = { "Pipeline", "执行部署流程" },
	.summary = { "Runs another pipeline, and waits for its end.",
		"执行另一个部署流程，并等待其结束。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct pipeline_config, application, "application",
			.title = { "Application", "应用" },
			.help = { "Whose pipeline it is; nothing means this application.",
				"流程所属的应用；不填为当前应用。" }),
		FIELD(struct pipeline_config, pipeline_application, "pipelineApplication",
			.flags = FIELD_UI, .title = { "Application", "应用" }),
		FIELD(struct pipeline_config, pipeline, "pipeline", .title = { "Pipeline", "部署流程" },
			.help = { "Its id, or its name in that application.",
				"流程的 ID，或该应用下的流程名称。" }),
		FIELD(struct pipeline_config, pipeline_id, "pipelineId",
			.title = { "Strategy", "部署策略" },
			.help = { "The id of a deployment strategy.", "部署策略的 ID。" }),
		FIELD(struct pipeline_config, parameters, "pipelineParameters", .flags = FIELD_MAP,
			.title = { "Parameters", "参数" },
			.help = { "Parameters of the child; those that it declares and are not given have their defaults. It starts without one that it requires, too.",
				"传给子流程的参数；未给出的使用其默认值。缺少必填参数时子流程仍会启动。" }),
		FIELD(struct pipeline_config, wait_for_completion, "waitForCompletion",
			.preset = "true", .choices = flags, .title = { "Wait for its end", "等待完成" },
			.help = { "False: this stage succeeds as soon as the other pipeline has started.",
				"为 false 时子流程启动后本阶段即成功。" }),
		FIELD(struct pipeline_config, skip_downstream_output, "skipDownstreamOutput",
			.preset = "false", .title = { "Leave out its outputs", "不传递输出" },
			.help = { "The child's outputs do not become those of this stage.",
				"不将子流程的输出作为本阶段输出。" }),
		FIELD(struct pipeline_config, execution_id, "executionId",
			.flags = FIELD_SET_AT_RUN, .title = { "Run", "执行记录" },
			.help = { "The child that was started.", "已启动的子流程。" }),
		FIELD_KNOWN("skippable", FIELD_BOOL, .title = { "May be skipped", "允许跳过" }),
		FIELD_KNOWN("executionName", FIELD_STRING, .flags = FIELD_SET_AT_RUN)),
	.config_size = sizeof(struct pipeline_config),
	.needs = pipeline_needs,
	.skippable_key = "skippable",
	.restart = pipeline_restart,
	.tasks = ROWS(struct task_row,
		{ .name = "startPipeline", .run = start_pipeline, .is_inline = true, .when = must_start },
		{
			.name = "monitorPipeline",
			.run = monitor_pipeline,
			.cancel = cancel_child,
			.when = must_wait,
			.poll_every_ms = 15000,
			.timeout_ms = 12 * 3600 * 1000,
			.timeout_overridable = true,
		},
		BIND_PRODUCED_ARTIFACTS),
};
