#include "stage/preconfigured.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "stage/stages.h"

/* One entry, and the type made of it. */
struct entry {
	char *type, *label, *description;
	bool enabled, no_user_fields;
	struct val parameters;
	struct val fixed; /* map: of webhook's own keys those that the entry sets */
	struct stage_type stage;
};

struct preconfigured {
	VEC(struct entry *) entries;
	VEC(const struct stage_type *) types;
	struct stage_registry registry;
};

static const struct field parameter_fields[] = {
	FIELD_KNOWN("name", FIELD_STRING, .flags = FIELD_REQUIRED, .title = { "Name", "名称" },
		.help = { "Read as parameterValues['name'].", "通过 parameterValues['name'] 引用。" }),
	FIELD_KNOWN("label", FIELD_STRING, .title = { "Label", "标签" }),
	FIELD_KNOWN("description", FIELD_STRING, .title = { "Description", "描述" }),
	FIELD_KNOWN("type", FIELD_STRING, .preset = "string", .title = { "Type", "类型" }),
	FIELD_KNOWN("defaultValue", FIELD_VALUE, .title = { "Default", "默认值" }),
	FIELD_KNOWN("order", FIELD_INT, .title = { "Order", "顺序" }),
	{ 0 },
};

static const struct field entry_fields[] = {
	FIELD(struct entry, type, "type", .flags = FIELD_REQUIRED, .title = { "Type", "阶段类型" },
		.help = { "The stage type that pipelines write.", "部署流程中使用的阶段类型。" }),
	FIELD(struct entry, label, "label", .title = { "Label", "标签" }),
	FIELD(struct entry, description, "description", .title = { "Description", "描述" }),
	FIELD(struct entry, enabled, "enabled", .preset = "true", .title = { "Enabled", "启用" }),
	FIELD(struct entry, parameters, "parameters", .flags = FIELD_LIST, .rows = parameter_fields,
		.title = { "Parameters", "参数" },
		.help = { "What authors fill in; it lands in parameterValues.",
			"由流程作者填写，保存在 parameterValues 中。" }),
	FIELD_KNOWN("permissions", FIELD_VALUE, .title = { "Permissions", "权限" },
		.help = { "Kept for when there are roles.", "保留，待支持角色后生效。" }),
	FIELD(struct entry, no_user_fields, "noUserConfigurableFields", .preset = "false",
		.title = { "No fields of its own", "无可配置项" }),
	FIELD_KNOWN("producesArtifacts", FIELD_BOOL, .flags = FIELD_UI),
	{ 0 },
};

const struct field webhook_settings_fields[] = {
	FIELD_KNOWN("preconfigured", FIELD_VALUE, .flags = FIELD_LIST, .rows = entry_fields,
		.title = { "Preconfigured webhooks", "预置 Webhook" },
		.help = { "Stage types of your own, each a webhook with fixed settings.",
			"自定义阶段类型，每个都是配置固定的 Webhook。" }),
	{ 0 },
};

/* What the entry sets wins over the stage; parameters without a value get their default. */
static void fill(const struct stage_type *type, struct val *context)
{
	const struct entry *entry = type->fixed;
	struct val values = val_get(*context, "parameterValues");
	struct val all = val_is_map(values) ? val_ref(values) : val_map();
	for (size_t i = 0; i < val_count(entry->parameters); i++) {
		struct val parameter = val_at(entry->parameters, i);
		const char *name = val_get_text(parameter, "name", "");
		struct val value = val_get(parameter, "defaultValue");
		if (*name && val_is_null(val_get(all, name)) && !val_is_null(value))
			val_set(&all, name, val_ref(value));
	}
	val_set(context, "parameterValues", all);
	val_merge(context, entry->fixed);
}

static void entry_free(struct entry *entry)
{
	fields_free(entry_fields, entry);
	val_free(&entry->fixed);
	free(entry);
}

static void note_error(void *data, const struct finding *finding)
{
	struct err *err = data;
	if (finding->level == FINDING_ERROR && err->kind == ERR_NONE)
		err_set(err, ERR_INVALID, "%s: %s", finding->path, finding->text.en);
}

/* The webhook's own keys of WRITTEN, checked as those of a stage are. */
static int read_fixed(struct val written, const char *path, struct val *ret, struct err *err)
{
	_cleanup_err_ struct err first = ERR_INIT;
	*ret = val_map();
	for (size_t i = 0; i < val_count(written); i++) {
		struct str key = val_key_at(written, i);
		const struct field *row = field_find(webhook_stage.fields, key);
		if (row && !(row->flags & FIELD_SET_AT_RUN) && !val_is_null(val_value_at(written, i)))
			val_set_str(ret, key, val_ref(val_value_at(written, i)));
	}
	fields_check(webhook_stage.fields, *ret, path, note_error, &first);
	if (first.kind == ERR_NONE)
		return 0;
	err_move(err, &first);
	return -1;
}

static struct entry *entry_read(struct val written, const char *path, struct err *err)
{
	struct entry *entry = xnew(struct entry);
	if (fields_read(entry_fields, written, entry, err) < 0) {
		err_wrap(err, "%s", path);
		free(entry);
		return NULL;
	}
	if (read_fixed(written, path, &entry->fixed, err) < 0) {
		entry_free(entry);
		return NULL;
	}
	entry->stage = webhook_stage;
	entry->stage.name = entry->type;
	entry->stage.title = (struct text2){ entry->label ? entry->label : entry->type,
		entry->label ? entry->label : entry->type };
	if (entry->description)
		entry->stage.summary = (struct text2){ entry->description, entry->description };
	entry->stage.fill = fill;
	entry->stage.fixed = entry;
	return entry;
}

static bool is_taken(const struct preconfigured *all, const char *name)
{
	for (size_t i = 0; i < all->entries.count; i++)
		if (strcmp(all->entries.items[i]->type, name) == 0)
			return true;
	return false;
}

static int add_entry(struct preconfigured *all, const struct stage_registry *base,
	struct val written, const char *path, struct err *err)
{
	struct entry *entry = entry_read(written, path, err);
	if (!entry)
		return -1;
	bool taken = registry_find(base, entry->type) || is_taken(all, entry->type);
	vec_push(&all->entries, entry);
	if (taken)
		return err_set(err, ERR_INVALID, "%s.type: there is a stage type \"%s\" already",
			path, entry->type);
	if (entry->enabled)
		vec_push(&all->types, &entry->stage);
	return 0;
}

struct preconfigured *preconfigured_read(
	struct val settings, const struct stage_registry *base, struct err *err)
{
	struct preconfigured *all = xnew(struct preconfigured);
	struct val list = val_get(settings, "preconfigured");
	int result = 0;
	all->registry = *base;
	for (const struct stage_type *const *type = base->types; *type; type++)
		vec_push(&all->types, *type);
	if (!val_is_null(list) && !val_is_list(list))
		result = err_set(err, ERR_INVALID, "webhook.preconfigured: expected a list");
	for (size_t i = 0; result == 0 && i < val_count(list); i++) {
		_cleanup_free_ char *path = xasprintf("webhook.preconfigured[%zu]", i);
		result = add_entry(all, base, val_at(list, i), path, err);
	}
	vec_push(&all->types, NULL);
	all->registry.types = all->types.items;
	if (result == 0)
		return all;
	preconfigured_free(all);
	return NULL;
}

const struct stage_registry *preconfigured_registry(const struct preconfigured *preconfigured)
{
	return &preconfigured->registry;
}

static struct val describe(const struct entry *entry)
{
	struct val properties = val_list();
	for (size_t i = 0; i < val_count(entry->fixed); i++)
		val_append(&properties, val_str(val_key_at(entry->fixed, i)));
	struct val all = val_map();
	val_set(&all, "type", val_string(entry->type));
	val_set(&all, "label", val_string(entry->stage.title.en));
	val_set(&all, "description", val_string(entry->description));
	val_set(&all, "waitForCompletion",
		val_bool(val_get_bool(entry->fixed, "waitForCompletion", false)));
	val_set(&all, "preconfiguredProperties", properties);
	val_set(&all, "noUserConfigurableFields", val_bool(entry->no_user_fields));
	val_set(&all, "parameters",
		val_is_list(entry->parameters) ? val_ref(entry->parameters) : val_list());
	return all;
}

struct val preconfigured_describe(const struct preconfigured *preconfigured)
{
	struct val list = val_list();
	for (size_t i = 0; i < preconfigured->entries.count; i++)
		if (preconfigured->entries.items[i]->enabled)
			val_append(&list, describe(preconfigured->entries.items[i]));
	return list;
}

void preconfigured_free(struct preconfigured *preconfigured)
{
	if (!preconfigured)
		return;
	for (size_t i = 0; i < preconfigured->entries.count; i++)
		entry_free(preconfigured->entries.items[i]);
	vec_free(&preconfigured->entries);
	vec_free(&preconfigured->types);
	free(preconfigured);
}
