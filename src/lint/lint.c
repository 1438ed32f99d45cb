#include "lint/lint.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "expr/template.h"
#include "model/pipeline.h"

struct lint {
	const struct stage_registry *registry;
	finding_fn report;
	void *data;
	size_t errors;
	struct map unknown_types; /* told once each */
};

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = { "error", "warning", "info" };
	return names[level];
}

static void pass_on(void *data, const struct finding *finding)
{
	struct lint *lint = data;
	lint->errors += finding->level == FINDING_ERROR;
	lint->report(lint->data, finding);
}

static void tell(struct lint *lint, enum finding_level level, const char *path, const char *text)
{
	pass_on(lint, &(struct finding){ .level = level, .path = path, .text = { text, text } });
}

static void graph_problem(void *data, const struct graph_problem *problem)
{
	tell(data, FINDING_ERROR, problem->path, problem->text);
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------ */

struct scan {
	struct lint *lint;
	const char *path;
};

static void check_body(void *data, struct str body, size_t offset)
{
	struct scan *scan = data;
	_cleanup_err_ struct err err = ERR_INIT;
	int position;
	if (expr_check(body, &position, &err) == 0)
		return;
	char text[512];
	snprintf(text, sizeof(text), "${%.*s}: %s (column %zu); it stays as it is written",
		(int)(body.length > 80 ? 80 : body.length), body.bytes, err_text(&err),
		offset + (position > 0 ? (size_t)position : 0) + 1);
	tell(scan->lint, FINDING_WARNING, scan->path, text);
}

static void check_text(struct lint *lint, struct val text, const char *path)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct scan scan = { .lint = lint, .path = path };
	if (!template_is_candidate(text))
		return;
	if (template_scan(val_as_str(&text), check_body, &scan, &err) < 0)
		tell(lint, FINDING_WARNING, path, err_text(&err));
}

/* Every text below VALUE. Depth is bounded by the readers (LIMIT_JSON_DEPTH). */
static void check_texts(struct lint *lint, struct val value, const char *path)
{
	char *inner;
	if (val_is_string(value))
		check_text(lint, value, path);
	for (size_t i = 0; i < val_count(value); i++) {
		if (val_is_map(value)) {
			struct str key = val_key_at(value, i);
			inner = xasprintf("%s%s%.*s", path, *path ? "." : "", STR_ARG(key));
			check_texts(lint, val_value_at(value, i), inner);
		} else {
			inner = xasprintf("%s[%zu]", path, i);
			check_texts(lint, val_at(value, i), inner);
		}
		free(inner);
	}
}

/* ---- stages -------------------------------------------------------------------------------------------------------------------- */

static size_t count_rows(const struct field *rows)
{
	size_t count = 0;
	while (rows && rows[count].name)
		count++;
	return count;
}

/* The rows of every stage and those of the type, as one table. Owned. */
static struct field *all_rows(const struct stage_type *type)
{
	size_t common = count_rows(stage_fields), own = count_rows(type->fields);
	struct field *rows = xcalloc(common + own + 1, sizeof(*rows));
	memcpy(rows, stage_fields, common * sizeof(*rows));
	if (own)
		memcpy(rows + common, type->fields, own * sizeof(*rows));
	return rows;
}

static void check_stage(struct lint *lint, struct val stage, const char *path)
{
	const char *type_name = val_get_text(stage, "type", "");
	const char *alias = val_get_text(stage, "alias", "");
	const struct stage_type *type = registry_find(lint->registry, *alias ? alias : type_name);
	int64_t number;
	if (val_as_int(val_get(stage, "refId"), &number)) {
		_cleanup_free_ char *at = xasprintf("%s.refId", path);
		tell(lint, FINDING_WARNING, at, "a refId is a string; Spinnaker refuses a number");
	}
	if (!type) {
		if (!*type_name || map_put(&lint->unknown_types, str_of(type_name), lint))
			return;
		_cleanup_free_ char *at = xasprintf("%s.type", path);
		_cleanup_free_ char *text = xasprintf(
			"there is no stage type \"%s\" here: it is kept, and a run fails when "
			"it gets there",
			*alias ? alias : type_name);
		tell(lint, FINDING_WARNING, at, text);
		return;
	}
	struct field *rows = all_rows(type);
	fields_check(rows, stage, path, pass_on, lint);
	free(rows);
}

size_t lint_pipeline(
	struct val pipeline, const struct stage_registry *registry, finding_fn report, void *data)
{
	struct lint lint = { .registry = registry, .report = report, .data = data };
	if (pipeline_check_graph(pipeline, graph_problem, &lint) > 0 &&
		!val_is_list(val_get(pipeline, "stages")))
		return lint.errors;
	struct val stages = val_get(pipeline, "stages");
	if (val_count(stages) == 0)
		tell(&lint, FINDING_WARNING, "stages",
			"a pipeline without stages ends TERMINAL when it is started");
	for (size_t i = 0; i < val_count(stages); i++) {
		_cleanup_free_ char *path = xasprintf("stages[%zu]", i);
		if (val_is_map(val_at(stages, i)))
			check_stage(&lint, val_at(stages, i), path);
	}
	check_texts(&lint, pipeline, "");
	if (val_count(val_get(pipeline, "triggers")) > 0)
		tell(&lint, FINDING_INFO, "triggers", "triggers are kept, and do not fire yet");
	if (val_count(val_get(pipeline, "notifications")) > 0)
		tell(&lint, FINDING_INFO, "notifications",
			"notifications are kept, and not sent yet");
	map_free(&lint.unknown_types);
	return lint.errors;
}
