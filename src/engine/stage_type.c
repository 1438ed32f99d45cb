/*
 * What stage types are made with: the ways to end a task, plans, the fields of every stage, the registry.
 */
#include "engine/stage_type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

int task_done(struct task_result *out)
{
	return task_status(out, STATUS_SUCCEEDED);
}

int task_status(struct task_result *out, enum status status)
{
	out->status = status;
	return 0;
}

int task_again_at(struct task_result *out, int64_t at_ms)
{
	out->status = STATUS_RUNNING;
	out->wait = at_ms ? TASK_WAIT_UNTIL : TASK_WAIT_NONE;
	out->until_ms = at_ms;
	return 0;
}

int task_wait(struct task_result *out, const char *key, int64_t until_ms)
{
	out->status = STATUS_RUNNING;
	if (out->wait != TASK_WAIT_KEY || until_ms < out->until_ms)
		out->until_ms = until_ms;
	out->wait = TASK_WAIT_KEY;
	val_append(&out->keys, val_string(key));
	return 0;
}

void task_says(struct task_result *out, const char *format, ...)
{
	struct strbuf text = STRBUF_INIT(1024);
	va_list args;
	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	free(out->waiting_for);
	out->waiting_for = strbuf_detach(&text);
}

void task_context(struct task_result *out, const char *key, struct val value)
{
	val_set(&out->context, key, value);
}

void task_output(struct task_result *out, const char *key, struct val value)
{
	val_set(&out->outputs, key, value);
}

void task_event(struct task_result *out, const char *kind, struct val data)
{
	struct val event = val_map();
	val_set(&event, "kind", val_string(kind));
	val_set(&event, "data", data);
	val_append(&out->events, event);
}

int task_on_worker(struct task_result *out)
{
	out->status = STATUS_RUNNING;
	out->on_worker = true;
	return 0;
}

void task_result_free(struct task_result *result)
{
	val_free(&result->context);
	val_free(&result->outputs);
	val_free(&result->remove);
	val_free(&result->keys);
	val_free(&result->events);
	val_free(&result->start_run);
	free(result->cancel_run);
	result->cancel_run = NULL;
	free(result->waiting_for);
	result->waiting_for = NULL;
}

struct val task_lookup(const struct task_input *in, const char *key)
{
	bool found;
	return context_get(in->execution, in->stage_index, str_of(key), &found);
}

int task_sleep(const struct task_input *in, int64_t at_ms, struct err *err)
{
	return cancel_sleep(in->cancel, in->world->clock, at_ms, err);
}

void stage_plan_add(struct stage_plan *plan, const char *type, const char *name, struct val context)
{
	struct val stage = val_map();
	val_set(&stage, "type", val_string(type));
	val_set(&stage, "name", val_string(name));
	val_set(&stage, "context", context);
	val_append(&plan->stages, stage);
}

/* Most differ in their first letter, and this is asked at every step of a stage. */
static bool is_name(const char *name, const char *wanted)
{
	return *name == *wanted && strcmp(name, wanted) == 0;
}

const struct stage_type *registry_find(const struct stage_registry *registry, const char *name)
{
	for (const struct stage_type *const *type = registry->types; *type; type++) {
		if (is_name((*type)->name, name))
			return *type;
		for (const char *const *alias = (*type)->aliases; alias && *alias; alias++)
			if (is_name(*alias, name))
				return *type;
	}
	return NULL;
}

const char *registry_nearest(const struct stage_registry *registry, const char *name)
{
	unsigned best = 3;
	const char *near = NULL;
	for (const struct stage_type *const *type = registry->types; *type; type++)
		if (str_nearer(str_of(name), str_of((*type)->name), &best))
			near = (*type)->name;
	return near;
}

const struct stage_type *registry_find_for(
	const struct stage_registry *registry, const struct stage *stage)
{
	const char *alias = val_get_text(stage->context, "alias", "");
	return registry_find(registry, *alias ? alias : stage->type);
}

static const struct field enabled_fields[] = {
	FIELD_KNOWN("type", FIELD_ENUM, .preset = "expression",
		.choices = (const char *const[]){ "expression", NULL }, .title = { "Type", "类型" },
		.help = { "There is no other.", "目前只有这一种。" }),
	FIELD_KNOWN("expression", FIELD_VALUE, .widget = "expr", .title = { "Expression", "表达式" },
		.help = { "With or without ${ }; nothing means that the stage runs.",
			"可以省略 ${ }；不填则总会执行。" }),
	{ 0 },
};

static const struct field span_fields[] = {
	FIELD_KNOWN("startHour", FIELD_INT, .preset = "0", .title = { "From (hour)", "开始（时）" },
		.help = { "0 to 23.", "0 到 23。" }),
	FIELD_KNOWN("startMin", FIELD_INT, .preset = "0",
		.title = { "From (minute)", "开始（分）" }, .help = { "0 to 59.", "0 到 59。" }),
	FIELD_KNOWN("endHour", FIELD_INT, .preset = "0", .title = { "To (hour)", "结束（时）" },
		.help = { "Earlier than startHour: over midnight.", "早于 startHour 表示跨午夜。" }),
	FIELD_KNOWN("endMin", FIELD_INT, .preset = "0", .title = { "To (minute)", "结束（分）" },
		.help = { "The whole minute counts.", "包含该分钟。" }),
	{ 0 },
};

static const struct field jitter_fields[] = {
	FIELD_KNOWN("enabled", FIELD_BOOL, .preset = "false", .title = { "Random wait", "随机等待" }),
	FIELD_KNOWN("skipManual", FIELD_BOOL, .preset = "false",
		.title = { "Not after a manual start", "手动启动时跳过" }),
	FIELD_KNOWN("minDelay", FIELD_INT, .preset = "0", .title = { "At least", "最短" },
		.help = { "Seconds.", "秒。" }),
	FIELD_KNOWN("maxDelay", FIELD_INT, .preset = "0", .title = { "At most", "最长" },
		.help = { "Seconds.", "秒。" }),
	{ 0 },
};

static const struct field window_fields[] = {
	FIELD_KNOWN("whitelist", FIELD_VALUE, .flags = FIELD_LIST, .rows = span_fields,
		.title = { "Hours", "时段" },
		.help = { "The stage starts only inside one of them.",
			"阶段仅在其中某个时段内开始。" }),
	FIELD_KNOWN("days", FIELD_VALUE, .flags = FIELD_LIST, .title = { "Days", "日期" },
		.help = { "1 is Sunday, 7 Saturday; none means every day.",
			"1 为周日，7 为周六；不填为每天。" }),
	FIELD_KNOWN("jitter", FIELD_VALUE, .flags = FIELD_MAP, .rows = jitter_fields,
		.title = { "Jitter", "抖动" },
		.help = { "A random wait once the window is open.", "窗口打开后随机等待一段时间。" }),
	{ 0 },
};

/* stages.md 1.4. refId, type, name, requisiteStageRefIds and startTimeExpiry are taken out of a stage before it becomes a context. */
const struct field stage_fields[] = {
	FIELD_KNOWN("type", FIELD_STRING, .flags = FIELD_REQUIRED, .title = { "Type", "阶段类型" },
		.help = { "What the stage does.", "阶段的类型，决定执行的操作。" }),
	FIELD_KNOWN("name", FIELD_STRING, .title = { "Name", "阶段名称" },
		.help = { "Shown to people; expressions find the stage by it. Nothing means the type.",
			"显示名称，表达式可按名称引用；不填则为阶段类型。" }),
	FIELD_KNOWN("refId", FIELD_STRING, .title = { "Reference id", "引用 ID" },
		.help = { "Unique in the pipeline; other stages name it in requisiteStageRefIds.",
			"流程内唯一，供其他阶段在 requisiteStageRefIds 中引用。" }),
	FIELD_KNOWN("requisiteStageRefIds", FIELD_STR_LIST, .title = { "Depends on", "前置阶段" },
		.help = { "The stages that must have ended well before this one starts.",
			"本阶段开始前必须成功结束的阶段。" }),
	FIELD_KNOWN("failPipeline", FIELD_BOOL, .preset = "true",
		.title = { "Halt the pipeline on failure", "失败时终止流程" },
		.help = { "False: only this branch stops.", "为 false 时只终止当前分支。" }),
	FIELD_KNOWN("continuePipeline", FIELD_BOOL, .preset = "false",
		.title = { "Ignore the failure", "忽略失败" },
		.help = { "The stage becomes FAILED_CONTINUE and the run goes on.",
			"阶段状态为 FAILED_CONTINUE，流程继续执行。" }),
	FIELD_KNOWN("completeOtherBranchesThenFail", FIELD_BOOL, .preset = "false",
		.title = { "Fail once other branches are complete", "其他分支完成后失败" },
		.help = { "With failPipeline false: the run fails after the other branches have ended.",
			"与 failPipeline 为 false 搭配：其他分支结束后流程失败。" }),
	FIELD_KNOWN("allowSiblingStagesToContinueOnFailure", FIELD_BOOL, .preset = "false",
		.flags = FIELD_SET_AT_RUN, .title = { "Siblings go on", "允许同级阶段继续" },
		.help = { "For synthetic stages: a failure that is ignored does not end the parent at once.",
			"用于合成阶段：被忽略的失败不会立即结束父阶段。" }),
	FIELD_KNOWN("failOnFailedExpressions", FIELD_BOOL, .preset = "false",
		.title = { "Fail on failed expressions", "表达式失败则阶段失败" },
		.help = { "An expression that cannot be evaluated makes the stage TERMINAL.",
			"表达式求值失败时阶段终止。" }),
	FIELD_KNOWN("stageEnabled", FIELD_VALUE, .flags = FIELD_MAP, .rows = enabled_fields,
		.title = { "Conditional on expression", "执行条件" },
		.help = { "{\"type\": \"expression\", \"expression\": …}: skipped unless it is true.",
			"{\"type\": \"expression\", \"expression\": …}：结果不为 true 时跳过。" }),
	FIELD_KNOWN("restrictExecutionDuringTimeWindow", FIELD_BOOL, .preset = "false",
		.title = { "Restrict to a time window", "限制执行时间窗口" },
		.help = { "The stage starts only inside restrictedExecutionWindow.",
			"仅在 restrictedExecutionWindow 指定的时间窗口内开始。" }),
	FIELD_KNOWN("restrictedExecutionWindow", FIELD_VALUE, .flags = FIELD_MAP,
		.rows = window_fields, .title = { "Time window", "时间窗口" },
		.help = { "Days, hours and jitter of the window.", "窗口的日期、时间与抖动。" }),
	FIELD_KNOWN("stageTimeoutMs", FIELD_NUMBER, .title = { "Timeout", "超时时间" },
		.help = { "Milliseconds since the stage's start; a number, not a string.",
			"自阶段开始的毫秒数，必须为数字。" }),
	FIELD_KNOWN("overrideTimeout", FIELD_BOOL, .flags = FIELD_UI,
		.title = { "Override the timeout", "自定义超时" }),
	FIELD_KNOWN("backoffPeriodMs", FIELD_NUMBER,
		.title = { "Shortest pause between looks", "最小轮询间隔" },
		.help = { "Milliseconds.", "毫秒。" }),
	FIELD_KNOWN("markSuccessfulOnTimeout", FIELD_BOOL, .preset = "false",
		.title = { "A timeout is a success", "超时视为成功" },
		.help = { "When a task times out it counts as succeeded.", "任务超时时视为成功。" }),
	FIELD_KNOWN("sendNotifications", FIELD_BOOL, .flags = FIELD_UI,
		.title = { "Send notifications", "发送通知" }),
	FIELD_KNOWN("notifications", FIELD_VALUE, .flags = FIELD_UI,
		.title = { "Notifications", "通知" }),
	FIELD_KNOWN("startTimeExpiry", FIELD_STRING,
		.title = { "Start no later than", "最晚开始时间" },
		.help = { "Milliseconds since the epoch, as a string; later the stage is skipped.",
			"毫秒时间戳（字符串），超过则跳过本阶段。" }),
	FIELD_KNOWN("alias", FIELD_STRING, .title = { "Alias", "别名" },
		.help = { "The type whose implementation runs instead of `type`.",
			"实际执行的阶段类型。" }),
	FIELD_KNOWN("comments", FIELD_STRING, .flags = FIELD_UI, .title = { "Comments", "备注" }),
	FIELD_KNOWN("expectedArtifacts", FIELD_VALUE, .title = { "Produces artifacts", "产出制品" },
		.help = { "Artifacts that the stage is expected to produce.", "阶段预期产出的制品。" }),
	FIELD_KNOWN("producesArtifacts", FIELD_VALUE, .flags = FIELD_UI,
		.title = { "Produces artifacts", "产出制品" }),
	FIELD_KNOWN("isNew", FIELD_BOOL, .flags = FIELD_UI),
	FIELD_KNOWN("manualSkip", FIELD_BOOL, .flags = FIELD_SET_AT_RUN,
		.title = { "Skipped by hand", "手动跳过" },
		.help = { "True (by a PATCH) skips the stage, where that is allowed.",
			"通过 PATCH 设为 true 时跳过本阶段（须允许跳过）。" }),
	{ 0 },
};
