#include "lint/schema.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "lint/pipeline_fields.h"

#define DRAFT "https://json-schema.org/draft/2020-12/schema"

/* ---- a field as a schema ---------------------------------------------------------------------------------------------------------- */

/* What reading accepts, by type: kinds of JSON, and for strings a pattern. An expression always fits. */
static const struct shape {
	const char *kinds[3];
	const char *pattern; /* NULL = any */
} shapes[] = {
	[FIELD_STRING] = { { "string", "number", "boolean" }, NULL },
	[FIELD_INT] = { { "integer", "string" }, "^\\s*([-+]?[0-9]+\\s*)?$|\\$\\{" },
	[FIELD_NUMBER] = { { "number", "string" },
		"^\\s*([-+]?[0-9.]+([eE][-+]?[0-9]+)?\\s*)?$|\\$\\{" },
	[FIELD_BOOL] = { { "boolean", "string" },
		"^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|)\\s*$|\\$\\{" },
	[FIELD_SECS] = { { "number", "string" },
		"^\\s*([-+]?[0-9.]+([eE][-+]?[0-9]+)?\\s*)?$|\\$\\{" },
	[FIELD_OPT_INT] = { { "integer", "string" }, "^\\s*([-+]?[0-9]+\\s*)?$|\\$\\{" },
	[FIELD_OPT_BOOL] = { { "boolean", "string" },
		"^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|)\\s*$|\\$\\{" },
	[FIELD_STR_LIST] = { { "array", "string" }, NULL },
	[FIELD_VALUE] = { { NULL }, NULL },
	[FIELD_ENUM] = { { "string" }, NULL },
	[FIELD_OBJECT] = { { "object", "string" }, "^$|\\$\\{" },
};

static void set_kinds(struct val *schema, const char *const kinds[3], bool required)
{
	struct val types = val_list();
	for (size_t i = 0; i < 3 && kinds[i]; i++)
		val_append(&types, val_string(kinds[i]));
	if (!required)
		val_append(&types, val_string("null"));
	val_set(schema, "type", types);
}

static struct val rows_schema(const struct field *rows);

/* A map or a list of free form, with rows for what is in it. */
static void set_container(struct val *schema, const struct field *row, bool required)
{
	bool list = row->flags & FIELD_LIST;
	const char *kinds[3] = { list ? "array" : "object", "string" };
	set_kinds(schema, kinds, required);
	val_set(schema, "pattern", val_string("^$|\\$\\{"));
	if (!row->rows)
		return;
	struct val inner = rows_schema(row->rows);
	if (list) {
		struct val item = val_map(), kinds_of_item = val_list();
		val_append(&kinds_of_item, val_string("object"));
		val_append(&kinds_of_item, val_string("string"));
		val_merge(&item, inner);
		val_set(&item, "type", kinds_of_item);
		val_set(schema, "items", item);
	} else {
		val_merge(schema, inner);
	}
	val_free(&inner);
}

/* The choices in any case, or an expression. */
static void set_choices(struct val *schema, const struct field *row)
{
	struct val pattern = VAL_NULL, examples = val_list();
	struct strbuf buf = STRBUF_INIT(4096);
	strbuf_add_text(&buf, "^\\s*(");
	for (size_t i = 0; row->choices[i]; i++) {
		strbuf_add_text(&buf, i ? "|" : "");
		for (const char *c = row->choices[i]; *c; c++) {
			char lower = (char)(*c | 0x20);
			if (lower >= 'a' && lower <= 'z')
				strbuf_printf(&buf, "[%c%c]", lower - 32, lower);
			else
				strbuf_printf(&buf, strchr("-_", *c) ? "%c" : "\\%c", *c);
		}
		val_append(&examples, val_string(row->choices[i]));
	}
	strbuf_add_text(&buf, ")?\\s*$|\\$\\{");
	pattern = val_string(buf.bytes);
	strbuf_free(&buf);
	if (row->type == FIELD_ENUM)
		val_set(schema, "pattern", pattern);
	else
		val_free(&pattern);
	val_set(schema, "examples", examples);
}

static struct val preset_of(const struct field *row)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	if (row->type == FIELD_STRING || row->type == FIELD_ENUM ||
		json_parse(str_of(row->preset), NULL, NULL, &value, &err) < 0)
		return val_string(row->preset);
	return value;
}

static struct val text2_val(struct text2 text)
{
	struct val value = val_map();
	val_set(&value, "en", val_string(text.en));
	val_set(&value, "zh", val_string(text.zh ? text.zh : text.en));
	return value;
}

static void set_texts(struct val *schema, struct text2 title, struct text2 help)
{
	if (title.en) {
		val_set(schema, "title", val_string(title.en));
		val_set(schema, "x-title", text2_val(title));
	}
	if (help.en) {
		val_set(schema, "description", val_string(help.en));
		val_set(schema, "x-help", text2_val(help));
	}
}

static struct val row_schema(const struct field *row)
{
	struct val schema = val_map();
	const struct shape *shape = &shapes[row->type];
	bool required = row->flags & FIELD_REQUIRED;
	set_texts(&schema, row->title, row->help);
	if (row->flags & (FIELD_MAP | FIELD_LIST))
		set_container(&schema, row, required);
	else if (shape->kinds[0])
		set_kinds(&schema, shape->kinds, required);
	if (shape->pattern)
		val_set(&schema, "pattern", val_string(shape->pattern));
	if (row->choices)
		set_choices(&schema, row);
	if (row->type == FIELD_OBJECT && row->rows) {
		struct val inner = rows_schema(row->rows);
		val_merge(&schema, inner);
		val_free(&inner);
	}
	if (row->preset)
		val_set(&schema, "default", preset_of(row));
	if (row->flags & FIELD_SET_AT_RUN)
		val_set(&schema, "readOnly", val_bool(true));
	if (row->flags & FIELD_SECRET)
		val_set(&schema, "writeOnly", val_bool(true));
	if (row->unsupported)
		val_set(&schema, "x-unsupported", val_string(row->unsupported));
	return schema;
}

static void add_rows(const struct field *rows, struct val *properties, struct val *required)
{
	for (const struct field *row = rows; row && row->name; row++) {
		val_set(properties, row->name, row_schema(row));
		if (row->flags & FIELD_REQUIRED)
			val_append(required, val_string(row->name));
	}
}

static void set_properties(struct val *schema, struct val properties, struct val required)
{
	val_set(schema, "properties", properties);
	if (val_count(required) > 0)
		val_set(schema, "required", required);
	else
		val_free(&required);
}

static struct val rows_schema(const struct field *rows)
{
	struct val schema = val_map(), properties = val_map(), required = val_list();
	add_rows(rows, &properties, &required);
	set_properties(&schema, properties, required);
	return schema;
}

/* ---- stages and pipelines --------------------------------------------------------------------------------------------------------- */

static struct val type_names(const struct stage_type *type)
{
	struct val names = val_list();
	val_append(&names, val_string(type->name));
	for (const char *const *alias = type->aliases; alias && *alias; alias++)
		val_append(&names, val_string(*alias));
	return names;
}

/* Without `$schema`, to be put into a larger one. */
static struct val stage_schema(const struct stage_type *type)
{
	struct val schema = val_map(), properties = val_map(), required = val_list();
	set_texts(&schema, type->title, type->summary);
	val_set(&schema, "type", val_string("object"));
	add_rows(stage_fields, &properties, &required);
	add_rows(type->fields, &properties, &required);
	set_properties(&schema, properties, required);
	return schema;
}

static struct val begin(const char *id)
{
	struct val schema = val_map();
	val_set(&schema, "$schema", val_string(DRAFT));
	val_set(&schema, "$id", val_format("urn:gennaker:%s", id));
	return schema;
}

struct val schema_stage(const struct stage_type *type)
{
	_cleanup_free_ char *id = xasprintf("stage:%s", type->name);
	struct val schema = begin(id), rest = stage_schema(type);
	val_merge(&schema, rest);
	val_free(&rest);
	return schema;
}

/* {"properties": {KEY: {"enum": NAMES}}, "required": [KEY]} */
static struct val has_one_of(const char *key, struct val names)
{
	struct val test = val_map(), properties = val_map(), choice = val_map(),
		   required = val_list();
	val_set(&choice, "enum", names);
	val_set(&properties, key, choice);
	val_append(&required, val_string(key));
	val_set(&test, "properties", properties);
	val_set(&test, "required", required);
	return test;
}

/* The alias decides where there is one (stages.md 1.4). */
static struct val is_of_type(const struct stage_type *type)
{
	struct val any = val_list(), test = val_map(), plain = has_one_of("type", type_names(type));
	struct val no_alias = val_map(), properties = val_map(), empty = val_map(),
		   nothing = val_list();
	val_append(&nothing, val_string(""));
	val_append(&nothing, VAL_NULL);
	val_set(&empty, "enum", nothing);
	val_set(&properties, "alias", empty);
	val_set(&no_alias, "properties", properties);
	struct val both = val_list(), all = val_map();
	val_append(&both, plain);
	val_append(&both, no_alias);
	val_set(&all, "allOf", both);
	val_append(&any, all);
	val_append(&any, has_one_of("alias", type_names(type)));
	val_set(&test, "anyOf", any);
	return test;
}

/* The rule for any stage; definitions go into DEFINITIONS. */
static struct val any_stage(const struct stage_registry *registry, struct val *definitions)
{
	struct val schema = val_map(), rules = val_list(), required = val_list();
	for (const struct stage_type *const *type = registry->types; *type; type++) {
		struct val rule = val_map(), then = val_map();
		_cleanup_free_ char *name = xasprintf("stage.%s", (*type)->name);
		val_set(definitions, name, stage_schema(*type));
		val_set(&then, "$ref", val_format("#/$defs/%s", name));
		val_set(&rule, "if", is_of_type(*type));
		val_set(&rule, "then", then);
		val_append(&rules, rule);
	}
	val_append(&required, val_string("type"));
	val_set(&schema, "type", val_string("object"));
	val_set(&schema, "required", required);
	val_set(&schema, "allOf", rules);
	return schema;
}

struct val schema_stages(const struct stage_registry *registry)
{
	struct val schema = begin("stages"), definitions = val_map();
	struct val rest = any_stage(registry, &definitions);
	val_merge(&schema, rest);
	val_free(&rest);
	val_set(&schema, "$defs", definitions);
	return schema;
}

struct val schema_pipeline(const struct stage_registry *registry)
{
	struct val schema = begin("pipeline"), definitions = val_map(), stages = val_map(),
		   reference = val_map();
	struct val properties = val_map(), required = val_list();
	val_set(&schema, "title", val_string("Pipeline"));
	val_set(&schema, "type", val_string("object"));
	add_rows(pipeline_fields, &properties, &required);
	val_set(&reference, "$ref", val_string("#/$defs/stage"));
	val_merge(&stages, val_get(properties, "stages"));
	val_set(&stages, "type", val_string("array"));
	val_set(&stages, "items", reference);
	val_set(&properties, "stages", stages);
	set_properties(&schema, properties, required);
	struct val stage = any_stage(registry, &definitions);
	val_set(&definitions, "stage", stage);
	val_set(&schema, "$defs", definitions);
	return schema;
}

/* ---- rows, for the console -------------------------------------------------------------------------------------------------------- */

static const char *type_name(const struct field *row)
{
	static const char *const names[] = {
		[FIELD_STRING] = "string",
		[FIELD_INT] = "integer",
		[FIELD_NUMBER] = "number",
		[FIELD_BOOL] = "bool",
		[FIELD_SECS] = "secs",
		[FIELD_OPT_INT] = "integer",
		[FIELD_OPT_BOOL] = "bool",
		[FIELD_STR_LIST] = "strings",
		[FIELD_VALUE] = "json",
		[FIELD_ENUM] = "enum",
		[FIELD_OBJECT] = "object",
	};
	return row->flags & FIELD_LIST ? "list" : row->flags & FIELD_MAP ? "map" : names[row->type];
}

static void describe_flags(struct val *row, unsigned flags)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{ FIELD_REQUIRED, "required" },
		{ FIELD_RAW, "raw" },
		{ FIELD_SET_AT_RUN, "setAtRun" },
		{ FIELD_UI, "ui" },
		{ FIELD_SECRET, "secret" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			val_set(row, names[i].name, val_bool(true));
}

static struct val row_describe(const struct field *row)
{
	struct val described = val_map();
	val_set(&described, "key", val_string(row->name));
	val_set(&described, "type", val_string(type_name(row)));
	describe_flags(&described, row->flags);
	if (row->title.en)
		val_set(&described, "title", text2_val(row->title));
	if (row->help.en)
		val_set(&described, "help", text2_val(row->help));
	if (row->preset)
		val_set(&described, "preset", preset_of(row));
	for (size_t i = 0; row->choices && row->choices[i]; i++) {
		if (i == 0)
			val_set(&described, "choices", val_list());
		val_append(val_edit(&described, "choices"), val_string(row->choices[i]));
	}
	if (row->widget)
		val_set(&described, "widget", val_string(row->widget));
	if (row->when)
		val_set(&described, "when", val_string(row->when));
	if (row->unsupported)
		val_set(&described, "unsupported", val_string(row->unsupported));
	if (row->rows)
		val_set(&described, "rows", fields_describe(row->rows));
	return described;
}

struct val fields_describe(const struct field *rows)
{
	struct val list = val_list();
	for (const struct field *row = rows; row && row->name; row++)
		val_append(&list, row_describe(row));
	return list;
}

struct val stage_describe(const struct stage_type *type, bool summary)
{
	struct val described = val_map(), aliases = val_list();
	for (const char *const *alias = type->aliases; alias && *alias; alias++)
		val_append(&aliases, val_string(*alias));
	val_set(&described, "type", val_string(type->name));
	val_set(&described, "aliases", aliases);
	val_set(&described, "title", text2_val(type->title));
	val_set(&described, "summary", text2_val(type->summary));
	val_set(&described, "category", val_string(type->category ? type->category : "general"));
	if (!summary) {
		val_set(&described, "fields", fields_describe(type->fields));
		val_set(&described, "outputs", fields_describe(type->outputs));
	}
	return described;
}
