/* What expressions in the pipeline may name: stages, parameters, variables. */
#include "base/alloc.h"
#include "base/limits.h"
#include "lint/internal.h"

/* "" when it has none of its own; then it is called by its type. */
static const char *stage_name(struct val stage)
{
	const char *name = val_get_text(stage, "name", "");
	return *name ? name : val_get_text(stage, "type", "");
}

static void add_variables(struct lint *lint, struct val stage)
{
	struct val variables = val_get(stage, "variables");
	for (size_t i = 0; val_is_list(variables) && i < val_count(variables); i++) {
		const char *key = val_get_text(val_at(variables, i), "key", "");
		if (*key)
			map_put(&lint->variables, str_of(key), lint);
	}
}

static void add_stage(struct lint *lint, size_t index)
{
	struct val stage = val_at(lint->stages, index);
	struct val ref = val_get(stage, "refId");
	struct str name = str_of(stage_name(stage));
	if (!val_is_map(stage))
		return;
	if (map_get(&lint->stage_by_name, name))
		map_put(&lint->repeated_names, name, lint);
	else if (name.length)
		map_put(&lint->stage_by_name, name, (void *)(uintptr_t)(index + 1));
	if (val_is_string(ref))
		map_put(&lint->stage_by_ref, val_as_str(&ref), (void *)(uintptr_t)(index + 1));
	add_variables(lint, stage);
}

/* Parameters that nobody declares may still come with a trigger, as long as nobody declares any. */
static void add_parameters(struct lint *lint)
{
	struct val declared = val_get(lint->pipeline, "parameterConfig");
	for (size_t i = 0; val_is_list(declared) && i < val_count(declared); i++) {
		const char *name = val_get_text(val_at(declared, i), "name", "");
		if (*name)
			map_put(&lint->parameters, str_of(name), lint);
	}
	struct val given = val_get(val_get(lint->pipeline, "trigger"), "parameters");
	for (size_t i = 0; val_is_map(given) && i < val_count(given); i++)
		map_put(&lint->parameters, val_key_at(given, i), lint);
	lint->parameters_open = lint->parameters.count == 0 &&
		val_count(val_get(lint->pipeline, "triggers")) > 0;
}

void names_fill(struct lint *lint)
{
	for (size_t i = 0; i < val_count(lint->stages); i++)
		add_stage(lint, i);
	add_parameters(lint);
}

void names_free(struct lint *lint)
{
	map_free(&lint->stage_by_name);
	map_free(&lint->repeated_names);
	map_free(&lint->stage_by_ref);
	map_free(&lint->parameters);
	map_free(&lint->variables);
	map_free(&lint->unknown_types);
}

/* How many letters may differ before it is another name. */
static unsigned tolerance(struct str name)
{
	return name.length < 5 ? 1 : name.length < 12 ? 2 : 3;
}

const char *names_nearest(struct lint *lint, const struct map *map, struct str name)
{
	struct map_cursor cursor = { 0 };
	unsigned best = tolerance(name) + 1;
	const char *near = NULL;
	struct str key;
	void *value;
	while (lint->comparisons < LIMIT_LINT_COMPARISONS && map_next(map, &cursor, &key, &value)) {
		if (key.length > name.length + best || name.length > key.length + best)
			continue;
		lint->comparisons++;
		unsigned distance = str_nearness(key, name, tolerance(name));
		if (distance > best || distance > tolerance(name) ||
			(distance == best && near && str_compare(key, str_of(near)) > 0))
			continue;
		best = distance;
		near = key.bytes;
	}
	return near;
}

char *hint_en(const char *near)
{
	return near ? xasprintf("; did you mean \"%s\"?", near) : xstrdup("");
}

char *hint_zh(const char *near)
{
	return near ? xasprintf("，是否应为 \"%s\"？", near) : xstrdup("");
}
