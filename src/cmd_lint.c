/*
 * gennaker lint: mistakes in pipeline files, with place, reason and repair. Exit status 0 when nothing is an error.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "commands.h"
#include "lint/lint.h"
#include "settings.h"
#include "stage/preconfigured.h"
#include "stages.h"

struct linting {
	const struct stage_registry *registry;
	bool json;
	const char *language; /* "en" or "zh" */
	struct lint_options options;
	struct val findings; /* with --output json */
	size_t errors;
	bool unread; /* a file could not be read */
};

static const char *level_word(const struct linting *linting, struct val finding)
{
	const char *level = val_get_text(finding, "level", "");
	if (strcmp(linting->language, "zh") != 0)
		return level;
	return strcmp(level, "error") == 0    ? "错误" :
		strcmp(level, "warning") == 0 ? "警告" :
						"提示";
}

/* FILE:LINE: PATH: LEVEL: TEXT */
static void print_finding(const struct linting *linting, const char *file, struct val finding)
{
	int64_t line = val_get_int(finding, "line", 0);
	const char *path = val_get_text(finding, "path", "");
	printf("%s:", file);
	if (line > 0)
		printf("%lld:", (long long)line);
	printf(" %s%s%s: %s\n", path, *path ? ": " : "", level_word(linting, finding),
		val_get_text(val_get(finding, "text"), linting->language, ""));
}

/* FINDINGS is taken. */
static void tell_findings(struct linting *linting, const char *file, struct val findings)
{
	linting->errors += lint_errors(findings);
	for (size_t i = 0; i < val_count(findings); i++) {
		struct val finding = val_at(findings, i);
		if (!linting->json) {
			print_finding(linting, file, finding);
			continue;
		}
		struct val named = val_map();
		val_set(&named, "file", val_string(file));
		val_merge(&named, finding);
		val_append(&linting->findings, named);
	}
	val_free(&findings);
}

static void lint_file(struct linting *linting, const char *file)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	if (file_read(file, LIMIT_BODY_BYTES, &text, &err) < 0) {
		complain(0, "lint: %s", err_text(&err));
		linting->unread = true;
		return;
	}
	tell_findings(
		linting, file, lint_text(strbuf_str(&text), linting->registry, &linting->options));
}

static int lint_files(struct linting *linting, const struct options *options)
{
	for (size_t i = 0; i < options->arguments.count; i++)
		lint_file(linting, options->arguments.items[i]);
	if (linting->json) {
		_cleanup_free_ char *text = json_text(linting->findings, JSON_PRETTY);
		fputs(text, stdout);
	}
	val_free(&linting->findings);
	if (linting->unread)
		return EXIT_USAGE;
	return linting->errors ? EXIT_FAILED : EXIT_OK;
}

static int lint_run(const struct options *options)
{
	const char *output = options_get(options, "output"), *language = options_get(options, "lang");
	if (output && strcmp(output, "json") != 0 && strcmp(output, "text") != 0)
		return complain(EXIT_USAGE, "lint: --output is json or text, not \"%s\"", output);
	if (language && strcmp(language, "en") != 0 && strcmp(language, "zh") != 0)
		return complain(EXIT_USAGE, "lint: --lang is en or zh, not \"%s\"", language);
	/* Webhooks that the settings make stage types are known, as a server with them knows them. */
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = VAL_NULL;
	_cleanup_(preconfigured_free_cleanup) struct preconfigured *webhooks = NULL;
	if (settings_load(options_get(options, "config"), &settings, &err) == 0)
		webhooks = preconfigured_read(val_get(settings, "webhook"), &stage_registry, &err);
	if (!webhooks)
		return complain(EXIT_USAGE, "lint: %s", err_text(&err));
	struct linting linting = {
		.registry = preconfigured_registry(webhooks),
		.json = output && strcmp(output, "json") == 0,
		.language = language ? language : "en",
		.options = { .saving = options_has(options, "save") },
		.findings = val_list(),
	};
	return lint_files(&linting, options);
}

const struct command lint_command = {
	.name = "lint",
	.arguments = "FILE…",
	.min_arguments = 1,
	.max_arguments = -1,
	.summary = "Find mistakes in pipeline files.",
	.details = "FILE is JSON (comments are fine) or YAML; - is standard input. Stage types that the settings add are known.\n"
		   "Exit status: 0 when nothing is an error, 1 otherwise, 2 when a file cannot be read. The rules: docs/reference/lint.md.",
	.options = ROWS(struct option_row,
		{ "output", 'o', "text|json", "json: a list of findings, with repairs as JSON Patch." },
		{ "save", 0, NULL,
			"Also ask for what a pipeline needs to be saved: application and name." },
		{ "config", 'c', "FILE", "Settings; default gennaker.yml if there is one." },
		{ "lang", 0, "en|zh", "The language of text output." }),
	.run = lint_run,
};
