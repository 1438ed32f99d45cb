/* What descriptors say about the pipeline and its stages, and the few rules about fields that look at two of them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/node.h"
#include "lint/internal.h"
#include "lint/pipeline_fields.h"

/* "stages[2].a" as "/stages/2/a". Names of descriptors hold neither dots nor brackets; KEY, the last step, may. */
static char *pointer_of(const char *path, const char *key)
{
	struct strbuf buf = STRBUF_INIT(SIZE_MAX);
	size_t head = strlen(path) - strlen(key);
	struct place place = { .key = str_of(key), .index = -1 };
	_cleanup_free_ char *last = place_pointer(&place);
	strbuf_add_char(&buf, '/');
	for (size_t i = 0; i < head; i++) {
		if (path[i] == '.' || path[i] == '[')
			strbuf_add_char(&buf, '/');
		else if (path[i] != ']')
			strbuf_add_char(&buf, path[i]);
	}
	/* "stages[0]." ends in "/", as does the empty head. */
	buf.length--;
	buf.bytes[buf.length] = 0;
	strbuf_add_text(&buf, last);
	return strbuf_detach(&buf);
}

/* JSON Patch: KEY gets another name. */
static struct val fix_rename(const struct finding *finding)
{
	_cleanup_free_ char *from = pointer_of(finding->path, finding->key);
	_cleanup_free_ char *parent = xstrndup(from, (size_t)(strrchr(from, '/') - from));
	struct val step = val_map(), fix = val_list();
	val_set(&step, "op", val_string("move"));
	val_set(&step, "from", val_string(from));
	val_set(&step, "path", val_format("%s/%s", parent, finding->row->name));
	val_append(&fix, step);
	return fix;
}

/* Something is computed in it, so it is more than a word or a number. */
static bool is_bare_expression(struct val value)
{
	if (!val_is_string(value))
		return false;
	struct expr *expr = expr_cached(str_trim(val_as_str(&value)));
	bool computes = expr->tree && expr->tree->kind != NODE_LITERAL &&
		expr->tree->kind != NODE_NAME;
	expr_unref(expr);
	return computes;
}

static bool wants_number(const struct field *row)
{
	return row &&
		(row->type == FIELD_INT || row->type == FIELD_NUMBER || row->type == FIELD_SECS ||
			row->type == FIELD_OPT_INT);
}

static void tell_wrong_type(struct lint *lint, const struct finding *finding)
{
	struct found found = {
		.rule = RULE_WRONG_TYPE,
		.path = finding->path,
		.args = { finding->text.en, finding->text.zh },
		.level = &finding->level,
	};
	/* Tools that render pipelines put a whole one in the place of its id. */
	static const enum finding_level warning = FINDING_WARNING;
	if (finding->row && finding->row->type == FIELD_STRING && val_is_map(finding->value))
		found.level = &warning;
	if (wants_number(finding->row) && is_bare_expression(finding->value)) {
		_cleanup_free_ char *pointer = pointer_of(finding->path, finding->key);
		struct str text = val_as_str(&finding->value);
		found.rule = RULE_BARE_EXPRESSION;
		found.level = NULL;
		found.fix = fix_replace(pointer, val_format("${%.*s}", STR_ARG(text)));
	}
	lint_tell(lint, found);
}

static void tell_field(void *data, const struct finding *finding)
{
	struct lint *lint = data;
	struct found found = { .path = finding->path };
	if (strcmp(finding->code, "wrong-type") == 0) {
		tell_wrong_type(lint, finding);
		return;
	}
	if (strcmp(finding->code, "unknown-key") == 0) {
		if (lint->keys_unknown)
			return;
		found.rule = RULE_UNKNOWN_KEY;
		found.args[0] = finding->row->name;
		found.fix = fix_rename(finding);
	} else if (strcmp(finding->code, "required") == 0) {
		found.rule = RULE_REQUIRED;
		found.args[0] = finding->key;
	} else {
		found.rule = RULE_UNSUPPORTED;
		found.args[0] = finding->text.en;
	}
	_cleanup_free_ char *zh = chinese(finding->text.en, UNSUPPORTED_ZH);
	found.args[1] = zh;
	lint_tell(lint, found);
}

static size_t count_rows(const struct field *rows)
{
	size_t count = 0;
	while (rows && rows[count].name)
		count++;
	return count;
}

/* The rows of every stage and those of TYPE (which may be NULL), as one table; the type's own win. Owned. */
static struct field *all_rows(const struct stage_type *type)
{
	size_t common = count_rows(stage_fields), own = type ? count_rows(type->fields) : 0,
	       count = 0;
	struct field *all = xcalloc(common + own + 1, sizeof(*all));
	for (size_t i = 0; i < common; i++)
		if (!own || !field_find(type->fields, str_of(stage_fields[i].name)))
			all[count++] = stage_fields[i];
	if (own)
		memcpy(all + count, type->fields, own * sizeof(*all));
	return all;
}

static void tell_unknown_type(struct lint *lint, const char *name, const char *path, bool aliased)
{
	if (!*name || map_put(&lint->unknown_types, str_of(name), lint))
		return;
	const char *near = registry_nearest(lint->registry, name);
	_cleanup_free_ char *en = near ? xasprintf(" (did you mean \"%s\"?)", near) : xstrdup("");
	_cleanup_free_ char *zh = near ? xasprintf("（是否应为 \"%s\"？）", near) : xstrdup("");
	_cleanup_free_ char *at = xasprintf("%s.%s", path, aliased ? "alias" : "type");
	lint_tell(lint,
		(struct found){ .rule = RULE_UNKNOWN_TYPE, .path = at, .args = { name, en, zh } });
}

static void check_ref(struct lint *lint, struct val stage, const char *path)
{
	int64_t number;
	if (!val_as_int(val_get(stage, "refId"), &number))
		return;
	_cleanup_free_ char *at = xasprintf("%s.refId", path);
	_cleanup_free_ char *pointer = pointer_of(at, "refId");
	lint_tell(lint,
		(struct found){ .rule = RULE_NUMBER_REF,
			.path = at,
			.fix = fix_replace(pointer, val_format("%lld", (long long)number)) });
}

static void check_failure_flags(struct lint *lint, struct val stage, const char *path)
{
	if (!val_get_bool(stage, "continuePipeline", false) ||
		!val_get_bool(stage, "failPipeline", false))
		return;
	_cleanup_free_ char *at = xasprintf("%s.failPipeline", path);
	lint_tell(lint, (struct found){ .rule = RULE_FAILURE_FLAGS, .path = at });
}

void check_stage_fields(struct lint *lint, size_t index)
{
	struct val stage = val_at(lint->stages, index);
	const char *alias = val_get_text(stage, "alias", "");
	const char *name = *alias ? alias : val_get_text(stage, "type", "");
	const struct stage_type *type = registry_find(lint->registry, name);
	_cleanup_free_ char *path = xasprintf("stages[%zu]", index);
	check_ref(lint, stage, path);
	if (!type)
		tell_unknown_type(lint, name, path, *alias);
	/* The type itself is looked at with the structure. */
	_cleanup_(val_free) struct val fields = val_ref(stage);
	val_set(&fields, "type", val_string("known"));
	_cleanup_free_ struct field *rows = all_rows(type);
	lint->keys_unknown = !type;
	fields_check(rows, fields, path, tell_field, lint);
	lint->keys_unknown = false;
	struct place list = { .key = STR("stages"), .index = -1 };
	struct place item = { .up = &list, .index = (ptrdiff_t)index };
	check_guard(lint, stage, &item);
	check_types(lint, rows, stage, &item);
	check_refusals(lint, stage, type, path);
	check_failure_flags(lint, stage, path);
	check_stage_rules(lint, stage, type, &item);
}

/* ---- parameters ---------------------------------------------------------------------------------------------------------------- */

static bool is_option(struct val options, struct val value)
{
	for (size_t i = 0; i < val_count(options); i++) {
		struct val option = val_at(options, i);
		if (val_equal(val_is_map(option) ? val_get(option, "value") : option, value))
			return true;
	}
	return false;
}

static void check_options(struct lint *lint, struct val parameter, const char *path)
{
	struct val preset = val_get(parameter, "default");
	struct val options = val_get(parameter, "options");
	if (!val_get_bool(parameter, "hasOptions", false) || !val_is_list(options) ||
		!val_is_string(preset) || val_as_str(&preset).length == 0 ||
		str_contains(val_as_str(&preset), "${") || is_option(options, preset))
		return;
	_cleanup_free_ char *at = xasprintf("%s.default", path);
	lint_tell(lint,
		(struct found){ .rule = RULE_NO_OPTION, .path = at, .args = { val_text(&preset) } });
}

static void check_parameters(struct lint *lint)
{
	struct val declared = val_get(lint->pipeline, "parameterConfig");
	struct map seen = { 0 };
	for (size_t i = 0; val_is_list(declared) && i < val_count(declared); i++) {
		struct val parameter = val_at(declared, i);
		const char *name = val_get_text(parameter, "name", "");
		_cleanup_free_ char *path = xasprintf("parameterConfig[%zu]", i);
		if (!val_is_map(parameter))
			continue;
		if (!*name)
			lint_tell(lint,
				(struct found){ .rule = RULE_NAMELESS_PARAMETER, .path = path });
		else if (map_put(&seen, str_of(name), lint))
			lint_tell(lint,
				(struct found){
					.rule = RULE_SAME_PARAMETER, .path = path, .args = { name } });
		check_options(lint, parameter, path);
	}
	map_free(&seen);
}

void check_pipeline_fields(struct lint *lint)
{
	fields_check(pipeline_fields, lint->pipeline, NULL, tell_field, lint);
	check_parameters(lint);
}
