/*
 * Check Preconditions: what must hold before a run goes on (stages.md 4.1). Each entry is checked
 * by a before stage of its own, all in parallel.
 *
 * An expression is evaluated by its task: E as `${E}`; what has `${…}` in it already as it stands.
 * People write "${score} > 60", so that a text which comes out of that is evaluated once more; but
 * it may hold what somebody else wrote (a webhook's answer, a parameter), so that there it sees
 * neither the run nor any helper: literals and operators only.
 */
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/expr.h"
#include "stage/stages.h"

struct check_preconditions_config {
	struct val preconditions;
	/* In the stage of one entry. */
	char *precondition_type;
	struct val context;
};

static int check_run(const struct task_input *in, struct task_result *out, struct err *err);
static bool is_of_an_entry(const struct task_input *in);
static int check_preconditions_check(const struct task_input *in, struct err *err);
static int check_preconditions_plan(
	const struct task_input *in, struct stage_plan *plan, struct err *err);

#define NO_SERVER_GROUPS \
	"clusterSize counts server groups, and no provider that has them is built yet"

static const char *const types[] = { "expression", "clusterSize", "stageStatus", NULL };
static const char *const comparisons[] = { "==", "<", "<=", ">=", ">", NULL };

static const struct field context_fields[] = {
	FIELD_KNOWN("expression", FIELD_STRING, .flags = FIELD_RAW, .widget = "expr",
		.preset = "false", .when = "type == expression", .title = { "Expression", "表达式" },
		.help = { "Must evaluate to true. May be written with or without ${ }.",
			"结果必须为 true，可以省略 ${ }。" }),
	FIELD_KNOWN("stageName", FIELD_STRING, .widget = "select", .when = "type == stageStatus",
		.title = { "Stage", "阶段" },
		.help = { "The first stage of this name is looked at.", "检查第一个同名的阶段。" }),
	FIELD_KNOWN("stageStatus", FIELD_STRING, .widget = "select", .when = "type == stageStatus",
		.title = { "Status", "状态" },
		.help = { "Passes if that stage has exactly this status.",
			"指定阶段处于该状态时通过。" }),
	FIELD_KNOWN("credentials", FIELD_STRING, .widget = "account", .when = "type == clusterSize",
		.title = { "Account", "云账号" }),
	FIELD_KNOWN("regions", FIELD_STR_LIST, .widget = "locations", .when = "type == clusterSize",
		.title = { "Regions", "地域" }),
	FIELD_KNOWN("cluster", FIELD_STRING, .widget = "cluster", .when = "type == clusterSize",
		.title = { "Cluster", "集群" }),
	FIELD_KNOWN("moniker", FIELD_VALUE, .flags = FIELD_MAP, .when = "type == clusterSize"),
	FIELD_KNOWN("comparison", FIELD_STRING, .preset = "==", .choices = comparisons,
		.when = "type == clusterSize", .title = { "Comparison", "比较" }),
	FIELD_KNOWN("expected", FIELD_INT, .preset = "1", .when = "type == clusterSize",
		.title = { "Expected size", "期望规模" },
		.help = { "Number of server groups in every location.",
			"每个地域／命名空间内的服务组数量。" }),
	FIELD_KNOWN("onlyEnabledServerGroups", FIELD_BOOL, .preset = "false",
		.when = "type == clusterSize",
		.title = { "Count enabled only", "仅统计已启用的服务组" }),
	FIELD_KNOWN("expressionResult", FIELD_STRING, .flags = FIELD_RAW | FIELD_SET_AT_RUN,
		.title = { "Result", "结果" },
		.help = { "What the expression came to.", "表达式的求值结果。" }),
	FIELD_KNOWN("failureMessage", FIELD_STRING, .title = { "Failure message", "失败提示" },
		.help = { "Shown when the check fails.", "检查不通过时展示。" }),
	FIELD_KNOWN("statusFailureMessage", FIELD_STRING,
		.title = { "Failure message (older name)", "失败提示（旧名称）" }),
	{ 0 },
};

static const struct field precondition_fields[] = {
	FIELD_KNOWN("type", FIELD_ENUM, .flags = FIELD_REQUIRED, .unsupported_if = "clusterSize",
		.unsupported = NO_SERVER_GROUPS, .preset = "expression", .choices = types,
		.widget = "cards", .title = { "Check", "检查类型" },
		.help = { "What is checked.", "要检查的内容。" }),
	FIELD_KNOWN("context", FIELD_OBJECT, .rows = context_fields, .title = { "Condition", "条件" }),
	FIELD_KNOWN("failPipeline", FIELD_BOOL, .preset = "true",
		.title = { "Fail pipeline", "使部署流程失败" },
		.help = { "Off: only this branch stops.", "不勾选时仅终止当前分支。" }),
	{ 0 },
};

const struct stage_type check_preconditions_stage = {
	.name = "checkPreconditions",
	.title = { "Check Preconditions", "预置条件检查" },
	.summary = { "Checks conditions before going on.",
		"在执行下一步之前检查前置条件，例如检查集群规模或某个阶段的状态。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct check_preconditions_config, preconditions, "preconditions",
			.flags = FIELD_REQUIRED | FIELD_LIST, .rows = precondition_fields,
			.widget = "rows", .title = { "Preconditions", "预置条件" },
			.help = { "All must hold; they are checked at the same time.",
				"所有条件同时检查，必须全部满足。" }),
		FIELD(struct check_preconditions_config, precondition_type, "preconditionType",
			.flags = FIELD_SET_AT_RUN),
		FIELD(struct check_preconditions_config, context, "context", .rows = context_fields,
			.flags = FIELD_SET_AT_RUN)),
	.config_size = sizeof(struct check_preconditions_config),
	.check = check_preconditions_check,
	.renewed = (const char *const[]){ "preconditions", NULL },
	.plan_before = check_preconditions_plan,
	.tasks = ROWS(struct task_row,
		{ .name = "checkPrecondition",
			.run = check_run,
			.is_inline = true,
			.when = is_of_an_entry }),
};

/* ---- one stage an entry ---------------------------------------------------------------------- */

static bool is_of_an_entry(const struct task_input *in)
{
	const struct check_preconditions_config *config = in->config;
	return in->stage->owner != OWNER_NONE && config->precondition_type;
}

/* A run that leans on what is not built does not start. */
static int check_preconditions_check(const struct task_input *in, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	for (size_t i = 0; i < val_count(config->preconditions) && !is_of_an_entry(in); i++)
		if (strcasecmp(val_get_text(val_at(config->preconditions, i), "type", ""),
			    "clusterSize") == 0)
			return err_set(err, ERR_UNSUPPORTED, "preconditions[%zu].type: %s", i,
				NO_SERVER_GROUPS);
	return 0;
}

/* The context of an entry's stage: the parent's, the entry over it. */
static struct val entry_context(struct val parent, struct val entry, const char *type)
{
	static const char *const inner[] = { "cluster", "regions", "credentials" };
	struct val context = val_ref(parent);
	val_remove(&context, "restrictExecutionDuringTimeWindow"); /* the parent has waited for it */
	val_merge(&context, entry);
	val_set(&context, "preconditionType", val_string(type));
	struct val nested = val_is_map(val_get(entry, "context")) ?
		val_ref(val_get(entry, "context")) :
		val_map();
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		if (!val_has(nested, inner[i]) && val_has(context, inner[i]))
			val_set(&nested, inner[i], val_ref(val_get(context, inner[i])));
	val_set(&context, "context", nested);
	return context;
}

static int check_preconditions_plan(
	const struct task_input *in, struct stage_plan *plan, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	if (is_of_an_entry(in))
		return 0;
	for (size_t i = 0; i < val_count(config->preconditions); i++) {
		struct val entry = val_at(config->preconditions, i);
		const char *type = val_get_text(entry, "type", "");
		if (!*type)
			return err_set(err, ERR_INVALID, "preconditions[%zu].type: is required", i);
		_cleanup_free_ char *name = xasprintf("Check precondition (%s)", type);
		stage_plan_add(plan, in->stage->type, name,
			entry_context(in->stage->context, entry, type));
		val_set(val_edit_at(&plan->stages, val_count(plan->stages) - 1), "requisites",
			val_list()); /* side by side */
	}
	return 0;
}

/* ---- the checks ------------------------------------------------------------------------------ */

/* The author's own words when there are some, else OTHERWISE. */
static int check_failed(const struct task_input *in, const char *otherwise, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	struct val message = val_get(config->context, "failureMessage");
	if (!*val_text(&message))
		message = val_get(config->context, "statusFailureMessage");
	if (!*val_text(&message))
		message = val_get(in->stage->context, "statusFailureMessage");
	err_set(err, ERR_FAILED, "%s", *val_text(&message) ? val_text(&message) : otherwise);
	if (*val_text(&message)) {
		struct val errors = val_list();
		val_append(&errors, val_string(otherwise));
		val_set(&err->details, "errors", errors);
	}
	return -1;
}

/* What an expression came to, as text; owned. */
static char *text_of(struct val value)
{
	struct str text = val_as_str(&value);
	return val_is_string(value) ? xstrndup(text.bytes, text.length) :
				      json_text(value, JSON_COMPACT);
}

static void keep_result(const struct task_input *in, const char *result, struct task_result *out)
{
	const struct check_preconditions_config *config = in->config;
	struct val context = val_is_map(config->context) ? val_ref(config->context) : val_map();
	val_set(&context, "expressionResult", val_string(result));
	task_context(out, "context", context);
}

/* A message goes into the context, where `${` would begin an expression; owned. */
static char *without_expressions(const char *message)
{
	struct strbuf plain = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	for (const char *c = message; *c; c++)
		if (c[0] != '$' || c[1] != '{')
			strbuf_add_char(&plain, *c);
	return strbuf_detach(&plain);
}

/* A text that came out of an expression, as an expression that sees nothing; owned. It stays as it
 * is when that cannot be. */
static char *evaluate_again(const struct task_input *in, struct val value)
{
	static const struct expr_host nothing = { .current_stage = -1 };
	const struct expr_limits limits = { .max_steps = LIMIT_EXPR_INLINE_STEPS, .no_io = true };
	_cleanup_free_ char *text = text_of(value);
	_cleanup_(val_free) struct val again = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	const char *exception;
	int position;
	if (!val_is_string(value) || strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
		return take(&text);
	struct expr_host host = nothing;
	host.now_ms = in->now_ms;
	if (expr_evaluate(val_as_str(&value), &host, &limits, &again, &exception, &position, &err) !=
		EXPR_OK)
		return take(&text);
	return text_of(again);
}

static int check_expression(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	struct val expression = val_get(config->context, "expression");
	_cleanup_free_ char *written = val_is_null(expression) ? xstrdup("false") :
								 text_of(expression);
	bool is_template = strstr(written, "${") != NULL;
	_cleanup_free_ char *text = is_template ? xstrdup(written) : xasprintf("${%s}", written);
	_cleanup_(val_free) struct val value = VAL_NULL;
	_cleanup_err_ struct err why = ERR_INIT;
	enum expr_failure failure = task_evaluate(in, text, &value, &why);
	if (failure == EXPR_OVER_BUDGET && !in->cancel)
		return task_on_worker(out);
	_cleanup_free_ char *result = NULL;
	if (failure != EXPR_OK)
		result = xstrdup(text);
	else
		result = is_template ? evaluate_again(in, value) : text_of(value);
	keep_result(in, result, out);
	if (failure == EXPR_OK && strcasecmp(result, "true") == 0)
		return task_done(out);
	_cleanup_free_ char *message = failure == EXPR_OK ?
		xasprintf("Expression \"%.500s\" is \"%.200s\", not true", written, result) :
		xasprintf("Expression \"%.500s\" cannot be evaluated: %s", written, err_text(&why));
	_cleanup_free_ char *plain = without_expressions(message);
	return check_failed(in, plain, err);
}

static const struct stage *first_of_name(const struct execution *execution, const char *name)
{
	for (size_t i = 0; i < stage_count(execution); i++) {
		const struct stage *stage = stage_at(execution, i);
		if (!stage->removed && strcmp(stage->name ? stage->name : "", name) == 0)
			return stage;
	}
	return NULL;
}

static int check_stage_status(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	const char *name = val_get_text(config->context, "stageName", "");
	const char *wanted = val_get_text(config->context, "stageStatus", "");
	if (!*name)
		return err_set(err, ERR_INVALID,
			"stageName: is required for a precondition of type stageStatus");
	if (!*wanted)
		return err_set(err, ERR_INVALID,
			"stageStatus: is required for a precondition of type stageStatus");
	const struct stage *stage = first_of_name(in->execution, name);
	if (!stage)
		return err_set(err, ERR_NOT_FOUND,
			"stageName: there is no stage \"%s\" in this run", name);
	const char *actual = status_name(stage->status);
	if (strcmp(actual, wanted) == 0)
		return task_done(out);
	_cleanup_free_ char *message = xasprintf(
		"The status of stage %s was asserted to be %s but was actually %s", name, wanted,
		actual);
	return check_failed(in, message, err);
}

static int check_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct check_preconditions_config *config = in->config;
	if (strcasecmp(config->precondition_type, "expression") == 0)
		return check_expression(in, out, err);
	if (strcasecmp(config->precondition_type, "stageStatus") == 0)
		return check_stage_status(in, out, err);
	return err_set(err, ERR_INVALID,
		"there is no precondition of type \"%s\" (expression, stageStatus)",
		config->precondition_type);
}
