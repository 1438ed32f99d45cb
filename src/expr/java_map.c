/* Maps. get, put, remove and getOrDefault are declared to return Object and not callable in the original. */
#include "expr/java.h"

static int size(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int64_t)map_count(ev, call->self));
	return 0;
}

static int is_empty(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(map_count(ev, call->self) == 0);
	return 0;
}

/* Own keys only: what ancestors put out is not contained, only found. */
static int contains_key(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value value;
	struct value map = call->self;
	if (map.form == FORM_CONTEXT || map.form == FORM_ROOT)
		map = map_plain(ev, map);
	*ret = value_bool(map_get_value(ev, map, call->args[0], &value));
	return 0;
}

static int contains_value(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value map = map_plain(ev, call->self);
	size_t count = map_count(ev, map);
	*ret = value_bool(false);
	for (size_t i = 0; i < count; i++)
		if (value_equals(ev, map_value(ev, map, i), call->args[0]))
			*ret = value_bool(true);
	return eval_step(ev, count);
}

/* A view of the map; the root, whose keys come from several places, is looked at once. */
static int map_view(struct eval *ev, const struct call *call, enum value_kind kind,
	enum value_form form, struct value *ret)
{
	struct value map = map_plain(ev, call->self);
	size_t count = map_count(ev, map);
	*ret = seq_view(ev, kind, form, map, 0, count);
	if (call->self.form != FORM_ROOT)
		return 0;
	struct seq *seq = seq_new(ev, count);
	seq->fixed = true;
	for (size_t i = 0; i < count; i++)
		seq_push(ev, seq, seq_at(ev, *ret, i));
	*ret = value_of_seq(kind, seq);
	return eval_step(ev, count);
}

static int key_set(struct eval *ev, const struct call *call, struct value *ret)
{
	return map_view(ev, call, V_SET, FORM_KEYS, ret);
}

static int values(struct eval *ev, const struct call *call, struct value *ret)
{
	return map_view(ev, call, V_COLLECTION, FORM_VALUES, ret);
}

/* The entries have no readable key and value, as in the original. */
static int entry_set(struct eval *ev, const struct call *call, struct value *ret)
{
	return map_view(ev, call, V_SET, FORM_ENTRIES, ret);
}

static int put_all(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self = call->self, other = call->args[0];
	if (other.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the map is null");
	other = map_plain(ev, other);
	size_t count = map_count(ev, other);
	if (eval_step(ev, count) < 0 || value_make_own(ev, &self) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		table_put(ev, self.table, map_key(ev, other, i), map_value(ev, other, i));
	return 0;
}

static int clear(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self = call->self;
	if (value_make_own(ev, &self) < 0)
		return -1;
	self.table->count = 0;
	return 0;
}

/* remove and replace when the key holds that very value. */
static bool holds(struct eval *ev, struct value self, const struct call *call)
{
	struct value there;
	return map_get_value(ev, self, call->args[0], &there) &&
		value_equals(ev, there, call->args[1]);
}

static int remove_pair(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self = call->self;
	if (value_make_own(ev, &self) < 0)
		return -1;
	*ret = value_bool(holds(ev, self, call));
	if (ret->boolean)
		table_remove(ev, self.table, call->args[0]);
	return eval_step(ev, self.table->count);
}

static int replace_pair(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self = call->self;
	if (value_make_own(ev, &self) < 0)
		return -1;
	*ret = value_bool(holds(ev, self, call));
	if (ret->boolean)
		table_put(ev, self.table, call->args[0], call->args[2]);
	return 0;
}

static const struct java_method map_methods[] = {
	{ "size", "", "int", size, "how many entries", "{a: 1, b: 2}.size()" },
	{ "isEmpty", "", "boolean", is_empty, "whether there is none", "{:}.isEmpty()" },
	{ "containsKey", "o", "boolean", contains_key, "whether the key is there",
		"{a: 1}.containsKey('a')" },
	{ "containsValue", "o", "boolean", contains_value, "whether a key holds it",
		"{a: 1}.containsValue(1)" },
	{ "keySet", "", "Set", key_set, "the keys", "{a: 1, b: 2}.keySet()" },
	{ "values", "", "Collection", values, "the values", "{a: 1, b: 2}.values()" },
	{ "entrySet", "", "Set", entry_set, "the entries", "{a: 1, b: 2}.entrySet().size()" },
	{ "putAll", "M", "void", put_all, "puts all entries into the map itself",
		"labels.putAll({c: 3}) == null ? labels : {:}" },
	{ "remove", "oo", "boolean", remove_pair, "removes the key if it holds that value",
		"labels.remove('app', 'shop') ? labels : 0" },
	{ "replace", "ooo", "boolean", replace_pair, "replaces that value of the key by another",
		"labels.replace('app', 'shop', 'x') ? labels : 0" },
	{ "clear", "", "void", clear, "removes all", "labels.clear() == null ? labels : 0" },
	{ 0 },
};

static const char *const map_refused[] = { "get", "put", "remove", "getOrDefault", "putIfAbsent",
	"computeIfAbsent", "compute", "merge", "replace", "forEach", "getClass", NULL };

const struct java_class java_map = {
	.name = "java.util.LinkedHashMap",
	.methods = map_methods,
	.refused = map_refused,
};
