/*
 * gennaker eval: one expression, or a text with ${…}, against a context or an execution.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "expr/template.h"

static int read_map(const char *path, struct val *ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	int result = file_read(path, LIMIT_BODY_BYTES, &text, err);
	if (result == 0)
		result = yaml_or_json_parse(strbuf_str(&text), ret, err);
	strbuf_free(&text);
	if (result < 0)
		return err_wrap(err, "%s", path);
	return val_is_map(*ret) ? 0 : err_set(err, ERR_INVALID, "%s: expected an object", path);
}

/* The stage of EXECUTION with that name or refId; BORROWED. */
static struct val find_stage(struct val execution, const char *wanted)
{
	struct val stages = val_get(execution, "stages");
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		if (strcmp(val_get_text(stage, "name", ""), wanted) == 0 ||
			strcmp(val_get_text(stage, "refId", ""), wanted) == 0)
			return stage;
	}
	return VAL_NULL;
}

/* The root: the context file; with an execution, its stage's context, its trigger, and the execution itself. */
static int read_root(
	const struct options *options, struct val *ret, const char **ret_stage_id, struct err *err)
{
	const char *context = options_get(options, "context"),
		   *file = options_get(options, "execution");
	_cleanup_(val_free) struct val root = val_map();
	if (context) {
		val_free(&root);
		if (read_map(context, &root, err) < 0)
			return -1;
	}
	if (file) {
		struct val execution = VAL_NULL;
		if (read_map(file, &execution, err) < 0)
			return -1;
		const char *wanted = options_get(options, "stage");
		struct val stage = wanted ? find_stage(execution, wanted) : VAL_NULL;
		if (wanted && val_is_null(stage)) {
			val_free(&execution);
			return err_set(err, ERR_INVALID, "%s: no stage \"%s\"", file, wanted);
		}
		val_merge(&root, val_get(stage, "context"));
		if (val_has(execution, "trigger"))
			val_set(&root, "trigger", val_ref(val_get(execution, "trigger")));
		val_set(&root, "execution", execution);
		stage = wanted ? find_stage(val_get(root, "execution"), wanted) : VAL_NULL;
		*ret_stage_id = val_get_text(stage, "id", NULL);
	}
	*ret = take(&root);
	return 0;
}

static void print_value(struct val value, bool raw)
{
	if (raw && val_is_string(value)) {
		struct str text = val_as_str(&value);
		printf("%.*s\n", STR_ARG(text));
		return;
	}
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	puts(text);
}

static int eval_template(struct val source, const struct expr_host *host, bool raw)
{
	struct expr_limits limits = { .allow_unknown_keys = true };
	struct template_result result = { 0 };
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (template_evaluate(source, NULL, host, &limits, clock_now_ms(clock_real()), &value,
		    &result) != EXPR_OK)
		return complain(
			EXIT_FAILED, "the expression needs more than %d steps", LIMIT_EXPR_STEPS);
	int status = result.failures ? EXIT_FAILED : EXIT_OK;
	for (size_t i = 0; i < val_count(result.failure_list); i++)
		complain(0, "%s",
			val_get_text(val_at(result.failure_list, i), "description", "failed"));
	if (status == EXIT_OK)
		print_value(value, raw);
	template_result_free(&result);
	return status;
}

static int eval_body(const char *text, const struct expr_host *host, bool raw)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct expr_limits limits = { .allow_unknown_keys = true };
	_cleanup_(val_free) struct val value = VAL_NULL;
	const char *exception = "";
	int position = -1;
	if (expr_evaluate(str_of(text), host, &limits, &value, &exception, &position, &err) ==
		EXPR_OK) {
		print_value(value, raw);
		return EXIT_OK;
	}
	if (position >= 0)
		fprintf(stderr, "%s\n%*s^\n", text, position, "");
	return complain(EXIT_FAILED, "%s: %s", exception, err_text(&err));
}

static int eval_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *text = options->arguments.items[0];
	_cleanup_(val_free) struct val root = VAL_NULL;
	const char *stage_id = NULL;
	if (read_root(options, &root, &stage_id, &err) < 0)
		return complain(EXIT_USAGE, "%s", err_text(&err));
	struct expr_host *host = expr_host_of_map(root, stage_id);
	bool raw = options_has(options, "raw");
	_cleanup_(val_free) struct val source = val_string(text);
	int status = template_is_candidate(source) ? eval_template(source, host, raw) :
						     eval_body(text, host, raw);
	expr_host_free(host);
	return status;
}

const struct command eval_command = {
	.name = "eval",
	.arguments = "EXPRESSION",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Evaluate an expression, or a text with ${…}, and print the value as JSON.",
	.details = "gennaker eval '${ 1 + 1 }'\n"
		   "gennaker eval \"#stage('Bake').status\" --execution run.json",
	.options = ROWS(struct option_row,
		{ "context", 'c', "FILE", "The root object: a map in JSON or YAML." },
		{ "execution", 'e', "FILE", "An execution, as GET /pipelines/ID gives it." },
		{ "stage", 0, "NAME|REFID", "See it as this stage of the execution does." },
		{ "raw", 'r', NULL, "A text without its quotes." }),
	.run = eval_run,
};
