/*
 * gennaker schema: what pipelines and stages may hold, as JSON Schema; and the reference pages, from the same rows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "commands.h"
#include "expr/page.h"
#include "lint/page.h"
#include "lint/schema.h"
#include "settings.h"
#include "stages.h"

/* TEXT is taken. */
static int write_page(const char *directory, const char *name, char *text)
{
	_cleanup_free_ char *page = text;
	_cleanup_free_ char *path = xasprintf("%s/%s.md", directory, name);
	FILE *file = fopen(path, "w");
	int result = file && fputs(page, file) >= 0 ? 0 : -1;
	if (file && fclose(file) != 0)
		result = -1;
	if (result < 0)
		complain(EXIT_FAILED, "schema: cannot write %s: %s", path, strerror(errno));
	return result;
}

/* DIRECTORY/lint.md, /pipeline.md, /settings.md, /expressions.md, and /stages/TYPE.md for each type. */
static int write_pages(const char *directory)
{
	_cleanup_free_ char *stages = xasprintf("%s/stages", directory);
	if ((mkdir(directory, 0777) < 0 && errno != EEXIST) ||
		(mkdir(stages, 0777) < 0 && errno != EEXIST))
		return complain(EXIT_FAILED, "schema: cannot make %s: %s", stages, strerror(errno));
	/* The examples' dates must not depend on where the page is made. */
	setenv("TZ", "UTC", 1);
	tzset();
	int failed = write_page(directory, "lint", page_rules()) < 0 ||
		write_page(directory, "expressions", expr_page()) < 0 ||
		write_page(directory, "pipeline", page_pipeline()) < 0 ||
		write_page(directory, "settings", page_settings(settings_fields)) < 0 ||
		write_page(stages, "README", page_stages(&stage_registry)) < 0;
	for (const struct stage_type *const *type = stage_registry.types; *type && !failed; type++)
		failed = write_page(stages, (*type)->name, page_stage(*type)) < 0;
	return failed ? EXIT_FAILED : EXIT_OK;
}

static int print_schema(struct val schema)
{
	_cleanup_free_ char *text = json_text(schema, JSON_PRETTY);
	fputs(text, stdout);
	val_free(&schema);
	return EXIT_OK;
}

static int print_stage(const char *name)
{
	const struct stage_type *type = registry_find(&stage_registry, name);
	if (type)
		return print_schema(schema_stage(type));
	const char *near = registry_nearest(&stage_registry, name);
	return complain(EXIT_USAGE, "schema: there is no stage type \"%s\"%s%s%s", name,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int schema_run(const struct options *options)
{
	size_t count = options->arguments.count;
	const char *what = count > 0 ? options->arguments.items[0] : "pipeline";
	const char *directory = options_get(options, "markdown");
	if (directory)
		return count > 0 ?
			complain(EXIT_USAGE,
				"schema: --markdown writes all pages, and takes no argument") :
			write_pages(directory);
	if (strcmp(what, "stage") == 0 && count == 2)
		return print_stage(options->arguments.items[1]);
	if (strcmp(what, "pipeline") == 0 && count < 2)
		return print_schema(schema_pipeline(&stage_registry));
	if (strcmp(what, "stages") == 0 && count < 2)
		return print_schema(schema_stages(&stage_registry));
	return complain(EXIT_USAGE, "schema: expected \"pipeline\", \"stages\" or \"stage TYPE\"");
}

const struct command schema_command = {
	.name = "schema",
	.arguments = "[pipeline|stages|stage TYPE]",
	.max_arguments = 2,
	.summary = "Print JSON Schema of pipelines and stages.",
	.details = "Draft 2020-12, from the same rows that a run reads. Without arguments: of a pipeline.",
	.options = ROWS(struct option_row,
		{ "markdown", 0, "DIR", "Write the reference pages into DIR instead." }),
	.run = schema_run,
};
