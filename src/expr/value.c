#include "expr/value.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "expr/eval.h"
#include "expr/java.h"
#include "expr/status.h"
#include "expr/text.h"

/* Statuses of executions, in the order of the reference, section 3. */
static const struct status statuses[] = {
	{ { "NOT_STARTED", 11 }, false, false, false, false },
	{ { "RUNNING", 7 }, false, false, false, false },
	{ { "PAUSED", 6 }, false, false, false, false },
	{ { "SUSPENDED", 9 }, false, false, false, false },
	{ { "SUCCEEDED", 9 }, true, false, true, false },
	{ { "FAILED_CONTINUE", 15 }, true, false, false, true },
	{ { "TERMINAL", 8 }, true, true, false, true },
	{ { "CANCELED", 8 }, true, true, false, false },
	{ { "REDIRECT", 8 }, false, false, false, false },
	{ { "STOPPED", 7 }, true, true, true, true },
	{ { "SKIPPED", 7 }, true, false, true, false },
	{ { "BUFFERED", 8 }, false, false, false, false },
};

int status_find(struct str name)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (str_equal(name, statuses[i].name))
			return (int)i;
	return -1;
}

const struct status *status_at(int index)
{
	return &statuses[index];
}

/* The container that VALUE has become, when it was changed since it was read. */
static struct value current(struct eval *ev, struct value value)
{
	bool container = value.kind == V_LIST || value.kind == V_MAP;
	if (!container || value.form != FORM_JSON)
		return value;
	for (size_t i = 0; i < ev->changed.count; i++)
		if (ev->changed.items[i].node == value.node)
			return ev->changed.items[i].value;
	return value;
}

struct value value_at(struct eval *ev, const struct val *json)
{
	struct value value = NULL_VALUE;
	double number = 0;
	switch (val_kind(*json)) {
	case VAL_KIND_NULL:
		return value;
	case VAL_KIND_BOOL:
		return value_bool(json->boolean);
	case VAL_KIND_INT:
		value.kind = (int32_t)json->integer == json->integer ? V_INT : V_LONG;
		value.integer = json->integer;
		return value;
	case VAL_KIND_DOUBLE:
		val_as_double(*json, &number);
		return value_double(number);
	case VAL_KIND_STRING:
		return value_string(val_as_str(json));
	case VAL_KIND_LIST:
	case VAL_KIND_MAP:
		break;
	}
	value.kind = val_is_list(*json) ? V_LIST : V_MAP;
	value.form = FORM_JSON;
	value.node = json->node;
	return ev->changed.count ? current(ev, value) : value;
}

struct value value_of_val(struct eval *ev, struct val json)
{
	/* The bytes of an inlined string are in our argument. */
	return json.kind == VAL_KIND_STRING && json.inlined ? eval_string(ev, val_as_str(&json)) :
							      value_at(ev, &json);
}

/* Lists */

struct value seq_view(struct eval *ev, enum value_kind kind, enum value_form form, struct value of,
	size_t from, size_t count)
{
	struct view *view = arena_new(&ev->arena, struct view);
	*view = (struct view){ .of = of, .from = from, .count = count };
	return (struct value){ .kind = (uint8_t)kind, .form = (uint8_t)form, .view = view };
}

/* What the list behind a part has of it, should it have become shorter. */
static size_t view_count(struct eval *ev, struct value value)
{
	const struct view *view = value.view;
	struct value of = current(ev, view->of);
	if (value.form != FORM_PART)
		return map_count(ev, of);
	size_t all = seq_count(ev, of);
	size_t left = all > view->from ? all - view->from : 0;
	return left < view->count ? left : view->count;
}

static struct value view_at(struct eval *ev, struct value value, size_t index)
{
	struct value of = current(ev, value.view->of);
	switch ((enum value_form)value.form) {
	case FORM_KEYS:
		return map_key(ev, of, index);
	case FORM_VALUES:
		return map_value(ev, of, index);
	case FORM_ENTRIES:
		return bean_entry(ev);
	default:
		return seq_at(ev, of, value.view->from + index);
	}
}

size_t seq_count(struct eval *ev, struct value value)
{
	return value.form == FORM_OWN     ? value.seq->count :
		value.form == FORM_JSON   ? val_count(value_json(value)) :
		value.form == FORM_STAGES ? bean_stage_count(ev) :
					    view_count(ev, value);
}

struct value seq_at(struct eval *ev, struct value value, size_t index)
{
	if (value.form == FORM_JSON)
		return value_of_val(ev, val_at(value_json(value), index));
	if (value.form == FORM_STAGES)
		return bean_stage(ev, (ptrdiff_t)index);
	if (value_is_view(value))
		return view_at(ev, value, index);
	struct value item = value.seq->items[index];
	return ev->changed.count ? current(ev, item) : item;
}

struct seq *seq_new(struct eval *ev, size_t capacity)
{
	struct seq *seq = arena_new(&ev->arena, struct seq);
	seq->capacity = capacity;
	seq->items = arena_alloc(&ev->arena, capacity * sizeof(*seq->items));
	return seq;
}

void seq_grow(struct eval *ev, struct seq *seq)
{
	size_t size = sizeof(*seq->items);
	seq->capacity = seq->capacity ? seq->capacity * 2 : 8;
	seq->items = arena_resize(&ev->arena, seq->items, seq->count * size, seq->capacity * size);
}

ptrdiff_t seq_index_of(struct eval *ev, struct value value, struct value item)
{
	size_t count = seq_count(ev, value);
	for (size_t i = 0; i < count; i++)
		if (value_equals(ev, seq_at(ev, value, i), item))
			return (ptrdiff_t)i;
	return -1;
}

/* Maps */

struct table *table_new(struct eval *ev, size_t capacity)
{
	struct table *table = arena_new(&ev->arena, struct table);
	table->capacity = capacity;
	table->entries = arena_alloc(&ev->arena, capacity * sizeof(*table->entries));
	return table;
}

static struct entry *table_find(struct eval *ev, const struct table *table, struct value key)
{
	ev->steps += table->count / 8;
	for (size_t i = 0; i < table->count; i++)
		if (value_equals(ev, table->entries[i].key, key))
			return &table->entries[i];
	return NULL;
}

bool table_get(struct eval *ev, const struct table *table, struct value key, struct value *ret)
{
	struct entry *entry = table_find(ev, table, key);
	if (entry)
		*ret = ev->changed.count ? current(ev, entry->value) : entry->value;
	return entry != NULL;
}

void table_put(struct eval *ev, struct table *table, struct value key, struct value value)
{
	struct entry *entry = table_find(ev, table, key);
	if (entry) {
		entry->value = value;
		return;
	}
	if (!table->entries || table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 8;
		struct entry *entries = arena_alloc(&ev->arena, table->capacity * sizeof(*entries));
		if (table->entries)
			memcpy(entries, table->entries, table->count * sizeof(*entries));
		table->entries = entries;
	}
	table->entries[table->count++] = (struct entry){ key, value };
}

bool table_remove(struct eval *ev, struct table *table, struct value key)
{
	struct entry *entry = table_find(ev, table, key);
	if (!entry)
		return false;
	size_t after = (size_t)(table->entries + table->count - entry - 1);
	memmove(entry, entry + 1, after * sizeof(*entry));
	table->count--;
	return true;
}

/* What the host has FOUND, in it or in MADE; false when that is nothing. */
static bool found_by_host(
	struct eval *ev, const struct val *found, const struct val *made, struct value *ret)
{
	if (found)
		*ret = found == made ? value_of_val(ev, eval_hold(ev, *made)) : value_at(ev, found);
	return found != NULL;
}

static __attribute__((noinline)) bool root_get(struct eval *ev, struct val_key *key, struct value *ret)
{
	if (ev->assigned && table_get(ev, ev->assigned, value_string(key->text), ret))
		return true;
	if (str_equal(key->text, STR("execution"))) {
		*ret = bean_execution(ev);
		if (ret->kind != V_NULL)
			return true;
	}
	if (!ev->host || !ev->host->root)
		return false;
	struct val made;
	const struct val *found = ev->host->root(ev->host->data, key, &made);
	return found_by_host(ev, found, &made, ret);
}

static struct val context_json(struct eval *ev, ptrdiff_t stage)
{
	return bean_stage_field(ev, stage, STR("context"));
}

/* A stage's own context, then what its ancestors put out. */
static __attribute__((noinline)) bool context_get(
	struct eval *ev, ptrdiff_t stage, struct str name, struct value *ret)
{
	if (ev->changed.count) {
		struct value own = value_of_val(ev, context_json(ev, stage));
		if (own.kind == V_MAP && map_get_name(ev, own, name, ret))
			return true;
	}
	if (!ev->host || !ev->host->stage_context)
		return false;
	struct val made;
	const struct val *found = ev->host->stage_context(ev->host->data, (size_t)stage, name, &made);
	return found_by_host(ev, found, &made, ret);
}

bool map_get_key(struct eval *ev, struct value map, struct val_key *key, struct value *ret)
{
	const struct val *found;
	*ret = NULL_VALUE;
	switch (map.form) {
	case FORM_JSON:
		found = val_find_key(value_json(map), key);
		if (found)
			*ret = value_at(ev, found);
		return found != NULL;
	case FORM_ROOT:
		return root_get(ev, key, ret);
	case FORM_CONTEXT:
		return context_get(ev, map.stage, key->text, ret);
	default:
		return table_get(ev, map.table, value_string(key->text), ret);
	}
}

bool map_get_name(struct eval *ev, struct value map, struct str name, struct value *ret)
{
	struct val_key key;
	val_key_init(&key, name);
	return map_get_key(ev, map, &key, ret);
}

bool map_get_value(struct eval *ev, struct value map, struct value key, struct value *ret)
{
	if (key.kind == V_STRING)
		return map_get_name(ev, map, value_str(key), ret);
	*ret = NULL_VALUE;
	return map.form == FORM_OWN && table_get(ev, map.table, key, ret);
}

struct value map_plain(struct eval *ev, struct value map)
{
	if (map.form == FORM_CONTEXT)
		return value_of_val(ev, context_json(ev, map.stage));
	if (map.form != FORM_ROOT)
		return map;
	struct val json = VAL_NULL;
	if (ev->host && ev->host->root_map)
		json = eval_hold(ev, ev->host->root_map(ev->host->data));
	if (!ev->assigned)
		return val_is_map(json) ? value_of_val(ev, json) : value_of_table(table_new(ev, 0));
	struct table *table = table_new(ev, val_count(json) + ev->assigned->count);
	for (size_t i = 0; i < val_count(json); i++)
		table_put(ev, table, value_string(val_key_at(json, i)),
			value_of_val(ev, val_value_at(json, i)));
	for (size_t i = 0; i < ev->assigned->count; i++)
		table_put(ev, table, ev->assigned->entries[i].key, ev->assigned->entries[i].value);
	return value_of_table(table);
}

size_t map_count(struct eval *ev, struct value map)
{
	map = map_plain(ev, map);
	return map.form == FORM_JSON ? val_count(value_json(map)) :
		map.kind == V_MAP    ? map.table->count :
				       0;
}

struct value map_key(struct eval *ev, struct value map, size_t index)
{
	map = map_plain(ev, map);
	if (map.form == FORM_JSON)
		return value_string(val_key_at(value_json(map), index));
	return map.table->entries[index].key;
}

struct value map_value(struct eval *ev, struct value map, size_t index)
{
	map = map_plain(ev, map);
	if (map.form == FORM_JSON)
		return value_of_val(ev, val_value_at(value_json(map), index));
	struct value value = map.table->entries[index].value;
	return ev->changed.count ? current(ev, value) : value;
}

/* Changing */

static struct value own_copy(struct eval *ev, struct value value)
{
	if (value.kind == V_LIST) {
		size_t count = seq_count(ev, value);
		struct seq *seq = seq_new(ev, count + 4);
		for (size_t i = 0; i < count; i++)
			seq_push(ev, seq, seq_at(ev, value, i));
		return value_of_seq(V_LIST, seq);
	}
	size_t count = val_count(value_json(value));
	struct table *table = table_new(ev, count + 4);
	for (size_t i = 0; i < count; i++)
		table->entries[i] = (struct entry){ value_string(val_key_at(value_json(value), i)),
			value_of_val(ev, val_value_at(value_json(value), i)) };
	table->count = count;
	return value_of_table(table);
}

static int unmodifiable(struct eval *ev)
{
	return fail(ev, FAIL_UNSUPPORTED, "this collection cannot be changed");
}

int value_make_own(struct eval *ev, struct value *value)
{
	if (value->kind == V_MAP && value->form == FORM_CONTEXT)
		*value = value_of_val(ev, context_json(ev, value->stage));
	if (value->kind == V_MAP && value->form == FORM_ROOT) {
		if (!ev->assigned)
			ev->assigned = table_new(ev, 4);
		*value = value_of_table(ev->assigned);
		return 0;
	}
	if (ev->changed.count)
		*value = current(ev, *value);
	if (value_is_view(*value))
		return unmodifiable(ev);
	if (value->form == FORM_STAGES)
		*value = own_copy(ev, *value);
	if (value->form == FORM_JSON) {
		/* Held, so that no other container can come to stand at the same address. */
		eval_hold(ev, val_ref(value_json(*value)));
		struct changed changed = { .node = value->node };
		changed.value = own_copy(ev, *value);
		vec_push(&ev->changed, changed);
		*value = changed.value;
		return 0;
	}
	bool fixed = value->kind == V_MAP ? value->table->fixed : value->seq->fixed;
	if (fixed || (value->kind != V_MAP && value->kind != V_LIST && value->kind != V_ARRAY))
		return unmodifiable(ev);
	return 0;
}

int seq_set(struct eval *ev, struct value value, size_t index, struct value item)
{
	for (; value.form == FORM_PART; value = value.view->of)
		index += value.view->from;
	if (value_make_own(ev, &value) < 0)
		return -1;
	value.seq->items[index] = item;
	return 0;
}

static int remove_entries(struct eval *ev, struct value map, size_t at, size_t removed)
{
	if (value_make_own(ev, &map) < 0)
		return -1;
	struct table *table = map.table;
	size_t after = table->count - at - removed;
	memmove(table->entries + at, table->entries + at + removed, after * sizeof(*table->entries));
	table->count -= removed;
	return eval_step(ev, 1 + after / 8);
}

int seq_splice(struct eval *ev, struct value value, size_t at, size_t removed,
	const struct value *items, size_t count)
{
	struct value list = value;
	for (; list.form == FORM_PART; list = list.view->of)
		at += list.view->from;
	if (value_is_view(list))
		return count ? unmodifiable(ev) : remove_entries(ev, list.view->of, at, removed);
	if (value_make_own(ev, &list) < 0)
		return -1;
	struct seq *seq = list.seq;
	size_t before = seq->count;
	for (size_t i = removed; i < count; i++)
		seq_push(ev, seq, NULL_VALUE);
	memmove(seq->items + at + count, seq->items + at + removed,
		(before - at - removed) * sizeof(*seq->items));
	if (count)
		memcpy(seq->items + at, items, count * sizeof(*items));
	seq->count = before + count - removed;
	for (; value.form == FORM_PART; value = value.view->of)
		value.view->count += count - removed;
	return eval_step(ev, 1 + count + (before - at) / 8);
}

/* equals and hashCode */

static bool seq_equals(struct eval *ev, struct value a, struct value b)
{
	size_t count = seq_count(ev, a);
	if (count != seq_count(ev, b) || eval_step(ev, count / 4) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!value_equals(ev, seq_at(ev, a, i), seq_at(ev, b, i)))
			return false;
	return true;
}

static bool set_equals(struct eval *ev, struct value a, struct value b)
{
	size_t count = seq_count(ev, a);
	if (count != seq_count(ev, b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (seq_index_of(ev, b, seq_at(ev, a, i)) < 0)
			return false;
	return true;
}

static bool map_equals(struct eval *ev, struct value a, struct value b)
{
	a = map_plain(ev, a);
	b = map_plain(ev, b);
	size_t count = map_count(ev, a);
	if (count != map_count(ev, b) || eval_step(ev, count) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct value other;
		if (!map_get_value(ev, b, map_key(ev, a, i), &other) ||
			!value_equals(ev, map_value(ev, a, i), other))
			return false;
	}
	return true;
}

static bool bean_equals(const struct bean *a, const struct bean *b)
{
	return a->class == b->class && a->stage == b->stage && val_same(a->json, b->json);
}

static bool is_same_container(struct value a, struct value b)
{
	if (a.form != b.form)
		return false;
	if (a.form == FORM_JSON)
		return a.node == b.node;
	if (a.form == FORM_OWN)
		return a.kind == V_MAP ? a.table == b.table : a.seq == b.seq;
	return a.form == FORM_ROOT || a.stage == b.stage;
}

static bool container_equals(struct eval *ev, struct value a, struct value b)
{
	if (is_same_container(a, b))
		return true;
	/* A list can be made to hold itself; past the limit this is no equality that anybody waits for. */
	if (ev->depth >= LIMIT_EXPR_DEPTH || eval_step(ev, 1) < 0)
		return false;
	ev->depth++;
	bool equal = a.kind == V_MAP ? map_equals(ev, a, b) :
		a.kind == V_SET      ? set_equals(ev, a, b) :
				       seq_equals(ev, a, b);
	ev->depth--;
	return equal;
}

/* Double.equals: NaN is itself, the two zeros differ. */
static bool same_number(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	return a == b && signbit(a) == signbit(b);
}

bool value_equals(struct eval *ev, struct value a, struct value b)
{
	if (a.kind != b.kind)
		return false;
	switch ((enum value_kind)a.kind) {
	case V_NULL:
		return true;
	case V_BOOL:
		return a.boolean == b.boolean;
	case V_INT:
	case V_LONG:
	case V_CHAR:
	case V_STATUS:
		return a.integer == b.integer;
	case V_FLOAT:
	case V_DOUBLE:
		return same_number(a.number, b.number);
	case V_STRING: /* a step for what a processor compares in its time */
		return a.length == b.length && eval_step(ev, a.length / 512) == 0 &&
			str_equal(value_str(a), value_str(b));
	case V_LIST:
	case V_SET:
	case V_MAP:
		return container_equals(ev, a, b);
	case V_COLLECTION:
		if (a.form == FORM_VALUES && b.form == FORM_VALUES)
			return is_same_container(current(ev, a.view->of), current(ev, b.view->of));
		return a.seq == b.seq;
	case V_ARRAY:
	case V_RAW:
		return a.seq == b.seq;
	case V_BEAN:
		return bean_equals(a.bean, b.bean);
	case V_TYPE:
		return a.type == b.type;
	case V_OBJECT:
		return a.object == b.object || java_object_equals(a.object, b.object);
	}
	return false;
}

static int32_t string_hash(struct str text)
{
	uint32_t hash = 0;
	for (size_t at = 0; at < text.length;) {
		uint32_t code = text_next(text, &at);
		if (code < 0x10000) {
			hash = hash * 31 + code;
			continue;
		}
		code -= 0x10000;
		hash = hash * 31 + 0xd800 + (code >> 10);
		hash = hash * 31 + 0xdc00 + (code & 0x3ff);
	}
	return (int32_t)hash;
}

static int32_t double_hash(double number)
{
	uint64_t bits;
	if (isnan(number))
		return 0x7ff80000;
	memcpy(&bits, &number, sizeof(bits));
	return (int32_t)(uint32_t)(bits ^ bits >> 32);
}

static int32_t float_hash(double number)
{
	float narrow = (float)number;
	int32_t bits;
	memcpy(&bits, &narrow, sizeof(bits));
	return isnan(number) ? 0x7fc00000 : bits;
}

static int32_t container_hash(struct eval *ev, struct value value)
{
	uint32_t hash = value.kind == V_LIST;
	if (ev->depth >= LIMIT_EXPR_DEPTH || eval_step(ev, 1) < 0)
		return 0;
	ev->depth++;
	if (value.kind == V_MAP)
		value = map_plain(ev, value);
	size_t count = value.kind == V_MAP ? map_count(ev, value) : seq_count(ev, value);
	for (size_t i = 0; i < count; i++) {
		if (value.kind == V_LIST)
			hash = hash * 31 + (uint32_t)value_hash(ev, seq_at(ev, value, i));
		else if (value.kind == V_SET)
			hash += (uint32_t)value_hash(ev, seq_at(ev, value, i));
		else
			hash += (uint32_t)(value_hash(ev, map_key(ev, value, i)) ^
				value_hash(ev, map_value(ev, value, i)));
	}
	ev->depth--;
	return (int32_t)hash;
}

int32_t value_hash(struct eval *ev, struct value value)
{
	switch ((enum value_kind)value.kind) {
	case V_BOOL:
		return value.boolean ? 1231 : 1237;
	case V_INT:
	case V_CHAR:
		return (int32_t)value.integer;
	case V_LONG:
		return (int32_t)(uint32_t)((uint64_t)value.integer ^ (uint64_t)value.integer >> 32);
	case V_FLOAT:
		return float_hash(value.number);
	case V_DOUBLE:
		return double_hash(value.number);
	case V_STRING:
		return string_hash(value_str(value));
	case V_LIST:
	case V_SET:
	case V_MAP:
		return container_hash(ev, value);
	case V_OBJECT:
		return java_object_hash(value.object);
	default:
		return 0;
	}
}

const char *value_type_name(struct value value)
{
	static const char *const names[] = {
		[V_NULL] = "null",
		[V_BOOL] = "java.lang.Boolean",
		[V_INT] = "java.lang.Integer",
		[V_LONG] = "java.lang.Long",
		[V_FLOAT] = "java.lang.Float",
		[V_DOUBLE] = "java.lang.Double",
		[V_CHAR] = "java.lang.Character",
		[V_STRING] = "java.lang.String",
		[V_LIST] = "java.util.ArrayList",
		[V_SET] = "java.util.LinkedHashSet",
		[V_COLLECTION] = "java.util.LinkedHashMap.Values",
		[V_ARRAY] = "an array",
		[V_MAP] = "java.util.LinkedHashMap",
		[V_STATUS] = "com.netflix.spinnaker.orca.api.pipeline.models.ExecutionStatus",
		[V_TYPE] = "java.lang.Class",
		[V_RAW] = "com.netflix.spinnaker.kork.expressions.NotEvaluableExpression",
	};
	if (value.kind == V_BEAN)
		return bean_type_name(value.bean);
	if (value.kind == V_OBJECT)
		return value.object->class->name;
	return names[value.kind];
}
