/*
 * gennaker lint: mistakes in pipeline files, with place and reason. Exit status 0 when nothing is an error.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "lint/lint.h"
#include "stages.h"

struct linting {
	const char *path; /* of the file */
	bool json;
	struct val findings;
	size_t errors;
};

static void found(void *data, const struct finding *found_here)
{
	struct linting *linting = data;
	enum finding_level level = found_here->level;
	const char *path = found_here->path, *text = found_here->text.en;
	linting->errors += level == FINDING_ERROR;
	if (!linting->json) {
		printf("%s: %s%s%s: %s\n", linting->path, path, *path ? ": " : "",
			finding_level_name(level), text);
		return;
	}
	struct val finding = val_map();
	val_set(&finding, "file", val_string(linting->path));
	val_set(&finding, "path", val_string(path));
	val_set(&finding, "level", val_string(finding_level_name(level)));
	val_set(&finding, "text", val_string(text));
	val_append(&linting->findings, finding);
}

static void lint_file(struct linting *linting)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val pipeline = VAL_NULL;
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	int result = file_read(linting->path, LIMIT_BODY_BYTES, &text, &err);
	if (result == 0)
		result = yaml_or_json_parse(strbuf_str(&text), &pipeline, &err);
	strbuf_free(&text);
	if (result < 0)
		found(linting,
			&(struct finding){ .path = "", .text = { err_text(&err), err_text(&err) } });
	else
		lint_pipeline(pipeline, &stage_registry, found, linting);
}

static int lint_run(const struct options *options)
{
	const char *output = options_get(options, "output");
	if (output && strcmp(output, "json") != 0 && strcmp(output, "text") != 0)
		return complain(EXIT_USAGE, "lint: --output is json or text, not \"%s\"", output);
	struct linting linting = { .json = output && strcmp(output, "json") == 0,
		.findings = val_list() };
	for (size_t i = 0; i < options->arguments.count; i++) {
		linting.path = options->arguments.items[i];
		lint_file(&linting);
	}
	if (linting.json) {
		_cleanup_free_ char *text = json_text(linting.findings, JSON_PRETTY);
		fputs(text, stdout);
	}
	val_free(&linting.findings);
	return linting.errors ? EXIT_FAILED : EXIT_OK;
}

const struct command lint_command = {
	.name = "lint",
	.arguments = "FILE…",
	.min_arguments = 1,
	.max_arguments = -1,
	.summary = "Find mistakes in pipeline files.",
	.details = "Exit status: 0 when nothing is an error, 1 otherwise.",
	.options = ROWS(
		struct option_row, { "output", 'o', "text|json", "json: a list of findings." }),
	.run = lint_run,
};
