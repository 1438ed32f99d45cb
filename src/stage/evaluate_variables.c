/*
 * Evaluate Variables: values under names that later stages can use. With evaluator v4 the variables are evaluated one after
 * the other, each seeing those before it (stages.md 4.2).
 */
#include <strings.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "stage/stages.h"

struct evaluate_variables_config {
	struct val variables;
};

/* The text as written, kept where no later pass takes it for an expression: `${` becomes `{`. */
static struct val source_value(struct val text)
{
	struct str rest = val_as_str(&text);
	struct strbuf plain = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	for (ptrdiff_t at; (at = str_find(rest, "${", 0)) >= 0;) {
		strbuf_add(&plain, rest.bytes, (size_t)at);
		rest = str_slice(rest, (size_t)at + 1, rest.length);
	}
	strbuf_add_str(&plain, rest);
	struct val result = val_str(strbuf_str(&plain));
	strbuf_free(&plain);
	return result;
}

/* And back: each `{` that opens an expression was written `${`; those inside of one were not. */
static struct val written_value(struct val source)
{
	struct str text = val_as_str(&source);
	struct strbuf written = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	unsigned depth = 0;
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '{' && depth++ == 0)
			strbuf_add_char(&written, '$');
		if (text.bytes[i] == '}' && depth > 0)
			depth--;
		strbuf_add_char(&written, text.bytes[i]);
	}
	struct val result = val_str(strbuf_str(&written));
	strbuf_free(&written);
	return result;
}

/* One variable under v4: a text is evaluated, a map or list keeps its inner expressions. */
static enum expr_failure evaluate_variable(struct evaluation *evaluation, struct val *variable)
{
	struct val value = val_get(*variable, "value");
	const char *key = val_get_text(*variable, "key", "");
	struct val evaluated = VAL_NULL;
	if (val_is_string(value) && str_contains(val_as_str(&value), "${")) {
		enum expr_failure failure = evaluation_values(
			evaluation, "variables", value, &evaluated);
		if (failure != EXPR_OK)
			return failure;
		if (!val_has(*variable, "sourceValue"))
			val_set(variable, "sourceValue", source_value(value));
		val_set(variable, "value", val_ref(evaluated));
	} else {
		evaluated = val_ref(value);
	}
	if (val_has(*variable, "description")) {
		struct val description = VAL_NULL;
		enum expr_failure failure = evaluation_values(
			evaluation, "variables", val_get(*variable, "description"), &description);
		if (failure != EXPR_OK) {
			val_free(&evaluated);
			return failure;
		}
		val_set(variable, "description", description);
	}
	if (*key)
		evaluation_define(evaluation, key, evaluated);
	val_free(&evaluated);
	return EXPR_OK;
}

static enum expr_failure evaluate_in_order(struct evaluation *evaluation)
{
	if (strcasecmp(evaluation->evaluator, "v4") != 0) {
		struct val all = VAL_NULL;
		enum expr_failure failure = evaluation_values(
			evaluation, NULL, evaluation->context, &all);
		if (failure == EXPR_OK)
			val_replace(&evaluation->context, all);
		return failure;
	}
	_cleanup_(val_free) struct val variables = val_ref(val_get(evaluation->context, "variables"));
	val_remove(&evaluation->context, "variables");
	struct val others = VAL_NULL;
	enum expr_failure failure = evaluation_values(evaluation, NULL, evaluation->context, &others);
	if (failure != EXPR_OK)
		return failure;
	val_replace(&evaluation->context, others);
	for (size_t i = 0; val_is_list(variables) && i < val_count(variables); i++) {
		_cleanup_(val_free) struct val variable = val_ref(val_at(variables, i));
		if (!val_is_map(variable))
			continue;
		failure = evaluate_variable(evaluation, &variable);
		if (failure != EXPR_OK)
			return failure;
		val_list_set(&variables, i, val_ref(variable));
	}
	val_set(&evaluation->context, "variables", val_ref(variables));
	return EXPR_OK;
}

static int evaluate_variables_run(
	const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct evaluate_variables_config *config = in->config;
	(void)err;
	for (size_t i = 0; i < val_count(config->variables); i++) {
		struct val variable = val_at(config->variables, i);
		const char *key = val_get_text(variable, "key", "");
		if (*key)
			task_output(out, key, val_ref(val_get(variable, "value")));
	}
	return task_done(out);
}

/* Outputs go; values come back from what was written. */
static void evaluate_variables_restart(struct val *context, struct val *outputs)
{
	val_replace(outputs, val_map());
	struct val *variables = val_edit(context, "variables");
	for (size_t i = 0; variables && i < val_count(*variables); i++) {
		struct val source = val_get(val_at(*variables, i), "sourceValue");
		if (!val_is_string(source))
			continue;
		_cleanup_(val_free) struct val written = written_value(source);
		val_set(val_edit_at(variables, i), "value", val_ref(written));
	}
}

const struct stage_type evaluate_variables_stage = {
	.name = "evaluateVariables",
	.title = { "Evaluate Variables", "变量求值" },
	.summary = { "Evaluates expressions and gives the results names that later stages can use.",
		"对表达式求值，并将结果以变量名提供给后续阶段。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct evaluate_variables_config, variables, "variables",
			.flags = FIELD_REQUIRED | FIELD_LIST, .title = { "Variables", "变量" },
			.help = { "A list of {key, value, description}. With spelEvaluator v4 each sees those before it.",
				"{key, value, description} 的列表。spelEvaluator 为 v4 时可引用前面的变量。" })),
	.config_size = sizeof(struct evaluate_variables_config),
	.tasks = ROWS(struct task_row,
		{ .name = "evaluateVariables", .run = evaluate_variables_run, .is_inline = true }),
	.evaluate = evaluate_in_order,
	.restart = evaluate_variables_restart,
};
