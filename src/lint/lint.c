#include "lint/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "lint/internal.h"
#include "model/pipeline.h"

/* ---- places ------------------------------------------------------------------------------------------------------------------ */

static void write_path(struct strbuf *buf, const struct place *place)
{
	if (!place)
		return;
	write_path(buf, place->up);
	if (place->index >= 0) {
		strbuf_printf(buf, "[%zd]", place->index);
		return;
	}
	if (buf->length)
		strbuf_add_char(buf, '.');
	strbuf_add_str(buf, place->key);
}

char *place_path(const struct place *place)
{
	struct strbuf buf = STRBUF_INIT(LIMIT_LINT_PATH_BYTES);
	write_path(&buf, place);
	return strbuf_detach(&buf);
}

/* RFC 6901. */
static void write_pointer(struct strbuf *buf, const struct place *place)
{
	if (!place)
		return;
	write_pointer(buf, place->up);
	strbuf_add_char(buf, '/');
	if (place->index >= 0) {
		strbuf_printf(buf, "%zd", place->index);
		return;
	}
	for (size_t i = 0; i < place->key.length; i++) {
		char c = place->key.bytes[i];
		strbuf_add(buf,
			c == '~'         ? "~0" :
				c == '/' ? "~1" :
					   &c,
			c == '~' || c == '/' ? 2 : 1);
	}
}

char *place_pointer(const struct place *place)
{
	struct strbuf buf = STRBUF_INIT(LIMIT_LINT_PATH_BYTES);
	write_pointer(&buf, place);
	if (!buf.overflowed)
		return strbuf_detach(&buf);
	strbuf_free(&buf);
	return NULL;
}

struct val fix_replace(const char *pointer, struct val value)
{
	struct val step = val_map(), fix = val_list();
	val_set(&step, "op", val_string("replace"));
	val_set(&step, "path", val_string(pointer));
	val_set(&step, "value", value);
	val_append(&fix, step);
	return fix;
}

/* ---- findings ------------------------------------------------------------------------------------------------------------------ */

/* FORMAT with %1, %2 and %3 filled in. */
static struct val fill_in(const char *format, const char *const args[3])
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	for (const char *at = format; *at; at++) {
		if (at[0] == '%' && at[1] >= '1' && at[1] <= '3')
			strbuf_add_text(&buf, args[*++at - '1']);
		else
			strbuf_add_char(&buf, *at);
	}
	return val_string(buf.bytes);
}

/* How many UTF-16 units the first BYTES of TEXT are. */
static int64_t units(struct str text, size_t bytes)
{
	int64_t count = 0;
	for (size_t i = 0; i < bytes && i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];
		count += (c & 0xc0) == 0x80 ? 0 : c >= 0xf0 ? 2 : 1;
	}
	return count;
}

/* "stages[2].waitTime.x": 3 and "waitTime". 0 when it is about no stage. */
static size_t stage_of_path(const char *path, struct str *ret_key)
{
	size_t index = 0;
	int length = 0;
	struct str rest = str_of(path);
	if (sscanf(path, "stages[%zu]%n", &index, &length) == 1 && length > 0) {
		rest = str_slice(rest, (size_t)length, rest.length);
		if (rest.length && *rest.bytes == '.')
			rest = str_slice(rest, 1, rest.length);
		index++;
	}
	*ret_key = str_slice(rest, 0, strcspn(rest.bytes, ".["));
	return index;
}

static void add_finding(struct lint *lint, struct val finding, size_t stage)
{
	struct told entry = { .stage = stage, .sequence = lint->told.count, .finding = finding };
	vec_push(&lint->told, entry);
}

/* In YAML `${ #stage(…) }` without quotes ends at the '#'. */
static bool is_cut_by_comment(const struct lint *lint, const struct found *found)
{
	struct str text = str_trim(found->text);
	return lint->is_yaml && found->rule == RULE_OPEN_EXPRESSION && text.length >= 2 &&
		memcmp(text.bytes + text.length - 2, "${", 2) == 0;
}

void lint_tell(struct lint *lint, struct found found)
{
	if (is_cut_by_comment(lint, &found))
		found.rule = RULE_YAML_COMMENT;
	const struct rule *rule = &rules[found.rule];
	_cleanup_free_ char *path = found.path ? xstrdup(found.path) : place_path(found.place);
	if (lint->full) {
		val_free(&found.fix);
		return;
	}
	struct str key;
	size_t stage = stage_of_path(path, &key);
	struct val finding = val_map(), text = val_map();
	val_set(&finding, "path", val_string(path));
	struct val ref = stage ? val_get(val_at(lint->stages, stage - 1), "refId") : VAL_NULL;
	if (!val_is_null(ref))
		val_set(&finding, "refId", val_ref(ref));
	if (key.length)
		val_set(&finding, "key", val_str(key));
	val_set(&finding, "level",
		val_string(finding_level_name(found.level ? *found.level : rule->level)));
	val_set(&finding, "code", val_string(rule->code));
	val_set(&text, "en", fill_in(rule->text.en, found.args));
	val_set(&text, "zh", fill_in(rule->text.zh, found.args));
	val_set(&finding, "text", text);
	if (found.to > 0) {
		struct val at = val_map();
		val_set(&at, "from", val_int(units(found.text, found.from)));
		val_set(&at, "to", val_int(units(found.text, found.to)));
		val_set(&finding, "at", at);
	}
	if (!val_is_null(found.fix))
		val_set(&finding, "fix", found.fix);
	add_finding(lint, finding, stage);
	if (lint->told.count < LIMIT_LINT_FINDINGS || found.rule == RULE_TOO_MANY)
		return;
	_cleanup_free_ char *most = xasprintf("%d", LIMIT_LINT_FINDINGS);
	lint_tell(lint, (struct found){ .rule = RULE_TOO_MANY, .args = { most } });
	lint->full = true;
}

bool lint_has_told(const struct lint *lint, const char *path)
{
	for (size_t i = lint->told.count; i > 0; i--)
		if (strcmp(val_get_text(lint->told.items[i - 1].finding, "path", ""), path) == 0)
			return true;
	return false;
}

static int compare_told(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	if (x->stage != y->stage)
		return x->stage < y->stage ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static struct val take_findings(struct lint *lint)
{
	struct val list = val_list();
	if (lint->told.count > 1)
		qsort(lint->told.items, lint->told.count, sizeof(struct told), compare_told);
	for (size_t i = 0; i < lint->told.count; i++)
		val_append(&list, lint->told.items[i].finding);
	vec_free(&lint->told);
	return list;
}

size_t lint_errors(struct val findings)
{
	size_t errors = 0;
	for (size_t i = 0; i < val_count(findings); i++)
		errors += strcmp(val_get_text(val_at(findings, i), "level", ""), "error") == 0;
	return errors;
}

/* ---- structure ----------------------------------------------------------------------------------------------------------------- */

static void graph_problem(void *data, const struct graph_problem *problem)
{
	static const enum lint_rule by_fault[] = {
		[GRAPH_NO_PIPELINE] = RULE_NO_PIPELINE,
		[GRAPH_NO_LIST] = RULE_NO_LIST,
		[GRAPH_NO_STAGE] = RULE_NO_STAGE,
		[GRAPH_NO_TYPE] = RULE_NO_TYPE,
		[GRAPH_NO_REF] = RULE_NO_REF,
		[GRAPH_SAME_REF] = RULE_SAME_REF,
		[GRAPH_UNKNOWN_REF] = RULE_UNKNOWN_REF,
		[GRAPH_CIRCLE] = RULE_CIRCLE,
	};
	lint_tell(data,
		(struct found){ .rule = by_fault[problem->fault],
			.path = problem->path,
			.args = { problem->subject } });
}

static bool is_absent(struct val map, const char *key)
{
	return !*val_get_text(map, key, "");
}

static bool is_templated(struct val pipeline)
{
	return strcmp(val_get_text(pipeline, "type", ""), "templatedPipeline") == 0 ||
		val_is_map(val_get(pipeline, "template"));
}

static void check_head(struct lint *lint)
{
	struct val stages = val_get(lint->pipeline, "stages");
	if (lint->saving && is_absent(lint->pipeline, "application"))
		lint_tell(lint, (struct found){ .rule = RULE_NO_APPLICATION, .path = "application" });
	if (lint->saving && is_absent(lint->pipeline, "name"))
		lint_tell(lint, (struct found){ .rule = RULE_NO_NAME, .path = "name" });
	if (strcmp(val_get_text(lint->pipeline, "type", ""), "templatedPipeline") == 0)
		lint_tell(lint,
			(struct found){ .rule = RULE_UNSUPPORTED,
				.path = "type",
				.args = { "pipeline templates are not built yet; render it first",
					"流程模板，请先渲染" } });
	else if (val_is_map(val_get(lint->pipeline, "pipeline")) && !val_has(lint->pipeline, "stages"))
		lint_tell(lint,
			(struct found){ .rule = RULE_UNSUPPORTED,
				.path = "pipeline",
				.args = { "this is a pipeline template; they are not built yet",
					"流程模板" } });
	else if (val_count(lint->stages) == 0 && !is_templated(lint->pipeline) &&
		(val_is_list(stages) || val_is_null(stages)))
		lint_tell(lint, (struct found){ .rule = RULE_NO_STAGES, .path = "stages" });
	if (val_count(val_get(lint->pipeline, "triggers")) > 0)
		lint_tell(lint,
			(struct found){ .rule = RULE_NOT_YET,
				.path = "triggers",
				.args = { "triggers", "do not fire yet", "尚不会触发" } });
	if (val_count(val_get(lint->pipeline, "notifications")) > 0)
		lint_tell(lint,
			(struct found){ .rule = RULE_NOT_YET,
				.path = "notifications",
				.args = { "notifications", "are not sent yet", "尚不会发送" } });
}

/* The keys of the document whose texts a run evaluates; the stages have their own turn. */
static void check_head_texts(struct lint *lint)
{
	static const char *const keys[] = { "expectedArtifacts", "notifications", "parameterConfig",
		"templateVariables" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct place place = { .key = str_of(keys[i]), .index = -1 };
		check_expressions(lint, val_get(lint->pipeline, keys[i]), &place);
	}
}

/* Manifests may be kept from evaluation. */
static bool is_left_alone(struct val stage, struct str key)
{
	return (str_is(key, "manifests") || str_is(key, "manifest")) &&
		val_get_bool(stage, "skipExpressionEvaluation", false);
}

static void check_stage(struct lint *lint, size_t index)
{
	struct val stage = val_at(lint->stages, index);
	struct place list = { .key = STR("stages"), .index = -1 };
	struct place item = { .up = &list, .index = (ptrdiff_t)index };
	check_stage_fields(lint, index);
	for (size_t i = 0; i < val_count(stage); i++) {
		struct place place = { .up = &item, .key = val_key_at(stage, i), .index = -1 };
		check_key(lint, &place);
		if (!is_left_alone(stage, place.key))
			check_expressions(lint, val_value_at(stage, i), &place);
	}
}

static void lint_document(struct lint *lint)
{
	pipeline_check_graph(lint->pipeline, graph_problem, lint);
	if (!val_is_map(lint->pipeline))
		return;
	lint->references_known = !is_templated(lint->pipeline);
	if (val_is_list(val_get(lint->pipeline, "stages")))
		lint->stages = val_get(lint->pipeline, "stages");
	names_fill(lint);
	check_head(lint);
	check_pipeline_fields(lint);
	check_head_texts(lint);
	for (size_t i = 0; i < val_count(lint->stages) && !lint->full; i++)
		if (val_is_map(val_at(lint->stages, i)))
			check_stage(lint, i);
	names_free(lint);
}

static struct lint lint_begin(
	const struct stage_registry *registry, const struct lint_options *options)
{
	return (struct lint){ .registry = registry, .saving = options && options->saving };
}

struct val lint_pipeline(struct val pipeline, const struct stage_registry *registry,
	const struct lint_options *options)
{
	struct lint lint = lint_begin(registry, options);
	lint.pipeline = pipeline;
	lint_document(&lint);
	return take_findings(&lint);
}

/* ---- texts --------------------------------------------------------------------------------------------------------------------- */

/* The line of the first template marker, or 0. */
static size_t template_line(struct str text)
{
	size_t line = 1;
	for (size_t i = 0; i + 1 < text.length; i++) {
		if (text.bytes[i] == '{' && (text.bytes[i + 1] == '{' || text.bytes[i + 1] == '%'))
			return line;
		line += text.bytes[i] == '\n';
	}
	return 0;
}

/* What a reader says: "line 3, column 7: expected …", "after document 1: line 3, …". */
struct complaint {
	size_t line; /* 0 = none. YAML may find a mistake behind the last line, where no editor can go */
	char *en, *zh; /* the rest, with the column behind it; owned */
};

static void complaint_free(struct complaint *complaint)
{
	free(complaint->en);
	free(complaint->zh);
}

static struct complaint read_complaint(struct str text, const char *message)
{
	struct complaint complaint = { 0 };
	size_t lines = 1, column = 0;
	int end = 0;
	const char *place = strstr(message, "line ");
	for (size_t i = 0; i < text.length; i++)
		lines += text.bytes[i] == '\n';
	if (place && sscanf(place, "line %zu, column %zu: %n", &complaint.line, &column, &end) == 2 &&
		end > 0)
		message = place + end;
	if (complaint.line > lines)
		complaint.line = lines;
	_cleanup_free_ char *zh = chinese(message, "文本不完整或有多余的内容");
	complaint.en = column ? xasprintf("%s (column %zu)", message, column) : xstrdup(message);
	complaint.zh = column ? xasprintf("%s（第 %zu 列）", zh, column) : xstrdup(zh);
	return complaint;
}

static void set_line(struct lint *lint, size_t line)
{
	if (line && lint->told.count)
		val_set(&lint->told.items[lint->told.count - 1].finding, "line",
			val_int((int64_t)line));
}

static void tell_complaint(
	struct lint *lint, enum lint_rule rule, struct str text, const struct err *err)
{
	_cleanup_(complaint_free) struct complaint complaint = read_complaint(text, err_text(err));
	lint_tell(lint,
		(struct found){ .rule = rule, .path = "", .args = { complaint.en, complaint.zh } });
	set_line(lint, complaint.line);
}

static void tell_unread(struct lint *lint, struct str text, const struct err *err)
{
	size_t line = template_line(text);
	if (!line) {
		tell_complaint(lint, RULE_SYNTAX, text, err);
		return;
	}
	lint_tell(lint, (struct found){ .rule = RULE_TEMPLATE, .path = "" });
	set_line(lint, line);
}

/* Whether people mean JSON by it. */
static bool looks_like_json(struct str text)
{
	struct str trimmed = str_trim(text);
	return trimmed.length && strchr("{[\"/", *trimmed.bytes);
}

/* KEY is "name (line 3)", or NULL. */
static void tell_duplicate(struct lint *lint, const char *key)
{
	size_t line;
	const char *place = key ? strrchr(key, '(') : NULL;
	if (!place)
		return;
	_cleanup_free_ char *name = xstrndup(key, (size_t)(place - key) - 1);
	lint_tell(lint, (struct found){ .rule = RULE_DUPLICATE_KEY, .path = "", .args = { name } });
	if (sscanf(place, "(line %zu", &line) == 1)
		set_line(lint, line);
}

/* 0, or -1 when nothing can be read; what is to be said about the text itself is said. */
static int read_text(struct lint *lint, struct str text, struct val *ret)
{
	static const struct json_options options = { .comments = true };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_err_ struct err yaml_err = ERR_INIT;
	struct json_notes notes = { 0 };
	bool json = looks_like_json(text);
	if (json && json_parse(text, &options, &notes, ret, &err) == 0) {
		tell_duplicate(lint, notes.duplicate_key);
		free(notes.duplicate_key);
		return 0;
	}
	free(notes.duplicate_key);
	lint->is_yaml = true;
	if (yaml_or_json_parse(text, ret, &yaml_err) < 0) {
		tell_unread(lint, text, json ? &err : &yaml_err);
		return -1;
	}
	if (json)
		tell_complaint(lint, RULE_NOT_JSON, text, &err);
	return 0;
}

struct val lint_text(
	struct str text, const struct stage_registry *registry, const struct lint_options *options)
{
	struct lint lint = lint_begin(registry, options);
	_cleanup_(val_free) struct val pipeline = VAL_NULL;
	if (read_text(&lint, text, &pipeline) < 0)
		return take_findings(&lint);
	lint.pipeline = pipeline;
	lint_document(&lint);
	struct val findings = take_findings(&lint);
	lines_fill(text, lint.is_yaml, &findings);
	return findings;
}
