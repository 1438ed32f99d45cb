/*
 * FIELD_RAW: values whose expressions are for the stage itself, when it needs them. They are taken out before a pass over the
 * stage and put back behind it.
 */
#include "engine/internal.h"

static bool has_raw(const struct field *rows)
{
	for (; rows && rows->name; rows++)
		if ((rows->flags & FIELD_RAW) || has_raw(rows->rows))
			return true;
	return false;
}

static struct val hide_in(const struct field *rows, struct val *map);

/* Below ROW: a map, or each item of a list. */
static struct val hide_below(const struct field *row, struct val *value)
{
	if (val_is_map(*value))
		return hide_in(row->rows, value);
	struct val hidden = VAL_NULL;
	for (size_t i = 0; val_is_list(*value) && i < val_count(*value); i++)
		val_append(&hidden, hide_in(row->rows, val_edit_at(value, i)));
	return hidden;
}

/* What was hidden, shaped like MAP: the value itself for a raw key, a map or list for what lies below one; VAL_NULL = nothing. */
static struct val hide_in(const struct field *rows, struct val *map)
{
	struct val hidden = VAL_NULL;
	for (; rows && rows->name && val_is_map(*map); rows++) {
		struct val value = val_get(*map, rows->name);
		struct val taken = VAL_NULL;
		if (!template_is_candidate(value))
			continue;
		if (rows->flags & FIELD_RAW) {
			taken = val_ref(value);
			val_set(map, rows->name, VAL_NULL); /* keeps the place */
		} else if (has_raw(rows->rows)) {
			taken = hide_below(rows, val_edit(map, rows->name));
		}
		if (!val_is_null(taken))
			val_set(&hidden, rows->name, taken);
	}
	return hidden;
}

static void show_in(const struct field *rows, struct val hidden, struct val *map);

static void show_below(const struct field *row, struct val hidden, struct val *value)
{
	if (val_is_map(hidden))
		show_in(row->rows, hidden, value);
	for (size_t i = 0; val_is_list(hidden) && i < val_count(hidden); i++)
		show_in(row->rows, val_at(hidden, i), val_edit_at(value, i));
}

static void show_in(const struct field *rows, struct val hidden, struct val *map)
{
	for (size_t i = 0; map && i < val_count(hidden); i++) {
		struct str key = val_key_at(hidden, i);
		const struct field *row = field_find(rows, key);
		if (row->flags & FIELD_RAW)
			val_set_str(map, key, val_ref(val_value_at(hidden, i)));
		else
			show_below(row, val_value_at(hidden, i), val_edit_str(map, key));
	}
}

struct val raw_hide(const struct stage_type *type, struct val *context)
{
	return type && has_raw(type->fields) ? hide_in(type->fields, context) : VAL_NULL;
}

void raw_show(const struct stage_type *type, struct val hidden, struct val *context)
{
	if (!val_is_null(hidden))
		show_in(type->fields, hidden, context);
}

static const struct stage_type *type_of(const struct stage_registry *registry, struct val stage)
{
	const char *alias = val_get_text(stage, "alias", "");
	return registry_find(registry, *alias ? alias : val_get_text(stage, "type", ""));
}

struct val raw_hide_all(const struct stage_registry *registry, struct val *stages)
{
	struct val hidden = val_list();
	for (size_t i = 0; val_is_list(*stages) && i < val_count(*stages); i++) {
		const struct stage_type *type = type_of(registry, val_at(*stages, i));
		bool raw = type && has_raw(type->fields) && template_is_candidate(val_at(*stages, i));
		val_append(&hidden, raw ? raw_hide(type, val_edit_at(stages, i)) : VAL_NULL);
	}
	return hidden;
}

void raw_show_all(const struct stage_registry *registry, struct val hidden, struct val *stages)
{
	for (size_t i = 0; i < val_count(hidden); i++)
		if (!val_is_null(val_at(hidden, i)))
			raw_show(type_of(registry, val_at(*stages, i)), val_at(hidden, i),
				val_edit_at(stages, i));
}
