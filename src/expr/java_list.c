/*
 * Lists, sets and the collections that values() gives. What Java declares to return Object is not callable in the original and has no row:
 * get, remove by index, iterator, stream, toArray.
 */
#include <string.h>

#include "base/limits.h"
#include "expr/java.h"

static int size(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int64_t)seq_count(ev, call->self));
	return 0;
}

static int is_empty(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(seq_count(ev, call->self) == 0);
	return 0;
}

static int contains(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(seq_index_of(ev, call->self, call->args[0]) >= 0);
	return eval_step(ev, seq_count(ev, call->self));
}

static int contains_all(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value others = call->args[0];
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	*ret = value_bool(true);
	for (size_t i = 0; i < seq_count(ev, others); i++) {
		if (eval_step(ev, seq_count(ev, call->self)) < 0)
			return -1;
		if (seq_index_of(ev, call->self, seq_at(ev, others, i)) < 0)
			*ret = value_bool(false);
	}
	return 0;
}

static int index_of(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(seq_index_of(ev, call->self, call->args[0]));
	return eval_step(ev, seq_count(ev, call->self));
}

static int last_index_of(struct eval *ev, const struct call *call, struct value *ret)
{
	size_t i = seq_count(ev, call->self);
	while (i > 0 && !value_equals(ev, seq_at(ev, call->self, i - 1), call->args[0]))
		i--;
	*ret = value_int((int64_t)i - 1);
	return eval_step(ev, seq_count(ev, call->self));
}

static int sub_list(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t from = call->args[0].integer, to = call->args[1].integer;
	int64_t count = (int64_t)seq_count(ev, call->self);
	if (from < 0)
		return fail(ev, FAIL_INDEX, "fromIndex = %lld", (long long)from);
	if (to > count)
		return fail(ev, FAIL_INDEX, "toIndex = %lld", (long long)to);
	if (from > to)
		return fail(ev, FAIL_ARGUMENT, "fromIndex(%lld) > toIndex(%lld)", (long long)from,
			(long long)to);
	*ret = seq_view(ev, V_LIST, FORM_PART, call->self, (size_t)from, (size_t)(to - from));
	return 0;
}

/* Puts COUNT of ITEMS at AT of the list. */
static int insert_items(struct eval *ev, const struct call *call, int64_t at,
	const struct value *items, size_t count)
{
	size_t have = seq_count(ev, call->self);
	if (have + count > LIMIT_EXPR_LIST)
		return fail(ev, FAIL_LIMIT, "A list of more than %d elements would arise",
			LIMIT_EXPR_LIST);
	if (at < 0 || (uint64_t)at > have)
		return fail(ev, FAIL_INDEX, "Index: %lld, Size: %zu", (long long)at, have);
	return seq_splice(ev, call->self, (size_t)at, 0, items, count);
}

static int add(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(true);
	return insert_items(ev, call, (int64_t)seq_count(ev, call->self), call->args, 1);
}

static int insert(struct eval *ev, const struct call *call, struct value *ret)
{
	return insert_items(ev, call, call->args[0].integer, call->args + 1, 1);
}

/* All of OTHERS, which may be the list itself. */
static int insert_others(struct eval *ev, const struct call *call, int64_t at, struct value others,
	struct value *ret)
{
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	size_t count = seq_count(ev, others);
	if (eval_step(ev, count) < 0)
		return -1;
	struct value *items = arena_alloc(&ev->arena, (count + 1) * sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = seq_at(ev, others, i);
	*ret = value_bool(count > 0);
	return insert_items(ev, call, at, items, count);
}

static int insert_all(struct eval *ev, const struct call *call, struct value *ret)
{
	return insert_others(ev, call, call->args[0].integer, call->args[1], ret);
}

static int add_all(struct eval *ev, const struct call *call, struct value *ret)
{
	return insert_others(ev, call, (int64_t)seq_count(ev, call->self), call->args[0], ret);
}

static int clear(struct eval *ev, const struct call *call, struct value *ret)
{
	return seq_splice(ev, call->self, 0, seq_count(ev, call->self), NULL, 0);
}

/* The form by value; remove(index) returns Object, so that the original calls this one for numbers too. */
static int remove_value(struct eval *ev, const struct call *call, struct value *ret)
{
	ptrdiff_t at = seq_index_of(ev, call->self, call->args[0]);
	*ret = value_bool(at >= 0);
	if (eval_step(ev, seq_count(ev, call->self)) < 0)
		return -1;
	return seq_splice(ev, call->self, at < 0 ? 0 : (size_t)at, at >= 0, NULL, 0);
}

/* removeAll and retainAll. */
static int keep(struct eval *ev, const struct call *call, bool wanted, struct value *ret)
{
	struct value self = call->self, others = call->args[0];
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	/* Taking nothing away is a change too: an unmodifiable one fails. */
	if (value_is_view(self) ? seq_splice(ev, self, 0, 0, NULL, 0) < 0 :
				  value_make_own(ev, &self) < 0)
		return -1;
	*ret = value_bool(false);
	for (size_t i = 0; i < seq_count(ev, self);) {
		struct value item = seq_at(ev, self, i);
		if (eval_step(ev, seq_count(ev, others)) < 0)
			return -1;
		if ((seq_index_of(ev, others, item) >= 0) == wanted) {
			i++;
			continue;
		}
		*ret = value_bool(true);
		if (seq_splice(ev, self, i, 1, NULL, 0) < 0)
			return -1;
	}
	return 0;
}

static int remove_all(struct eval *ev, const struct call *call, struct value *ret)
{
	return keep(ev, call, false, ret);
}

static int retain_all(struct eval *ev, const struct call *call, struct value *ret)
{
	return keep(ev, call, true, ret);
}

/* SELF is an expression that gives one, of "a" and "b". */
#define COLLECTION_METHODS(self)                                                                    \
	{ "size", "", "int", size, "how many elements", self ".size()" },                           \
		{ "isEmpty", "", "boolean", is_empty, "whether there is none", self ".isEmpty()" }, \
		{ "contains", "o", "boolean", contains, "whether it is an element",                 \
			self ".contains('a')" },                                                    \
	{                                                                                           \
		"containsAll", "C", "boolean", contains_all, "whether all are elements",            \
			self ".containsAll({'a', 'c'})"                                             \
	}

static const struct java_method list_methods[] = {
	COLLECTION_METHODS("{'a', 'b'}"),
	{ "indexOf", "o", "int", index_of, "where it is first, or -1",
		"{'a', 'b', 'a'}.indexOf('a')" },
	{ "lastIndexOf", "o", "int", last_index_of, "where it is last, or -1",
		"{'a', 'b', 'a'}.lastIndexOf('a')" },
	{ "subList", "ii", "List", sub_list, "from an index up to another",
		"{1, 2, 3, 4}.subList(1, 3)" },
	{ "add", "o", "boolean", add, "appends to the list itself", "hosts.add('c') ? hosts : {}" },
	{ "add", "io", "void", insert, "puts it at an index",
		"hosts.add(0, 'c') == null ? hosts : {}" },
	{ "addAll", "iC", "boolean", insert_all, "puts all at an index",
		"hosts.addAll(1, {'c', 'd'}) ? hosts : {}" },
	{ "addAll", "C", "boolean", add_all, "appends all", "hosts.addAll({'c', 'd'}) ? hosts : {}" },
	{ "remove", "o", "boolean", remove_value, "removes the first that is equal",
		"hosts.remove('a') ? hosts : {}" },
	{ "removeAll", "C", "boolean", remove_all, "removes these",
		"hosts.removeAll({'a', 'z'}) ? hosts : {}" },
	{ "retainAll", "C", "boolean", retain_all, "removes all others",
		"hosts.retainAll({'a', 'z'}) ? hosts : {}" },
	{ "clear", "", "void", clear, "removes all", "hosts.clear() == null ? hosts : 0" },
	{ 0 },
};

/* What a map's keys, values and entries can lose, and cannot gain. MAP is an expression that gives one. */
#define VIEW_METHODS(self)                                                                      \
	COLLECTION_METHODS(self),                                                               \
		{ "remove", "o", "boolean", remove_value,                                       \
			"removes the first that is equal, with its entry",                      \
			self ".remove('shop') ? labels : labels" },                             \
		{ "removeAll", "C", "boolean", remove_all, "removes the entries of these",      \
			self ".removeAll({'shop'}) ? labels : labels" },                        \
		{ "retainAll", "C", "boolean", retain_all, "removes the entries of all others", \
			self ".retainAll({'shop'}) ? labels : labels" },                        \
	{                                                                                       \
		"clear", "", "void", clear, "removes all", self ".clear() == null ? labels : 0" \
	}

static const struct java_method set_methods[] = { VIEW_METHODS("labels.keySet()"), { 0 } };
static const struct java_method collection_methods[] = { VIEW_METHODS("labels.values()"), { 0 } };

static const char *const list_refused[] = { "get", "set", "iterator", "listIterator", "stream",
	"parallelStream", "toArray", "forEach", "removeIf", "sort", "replaceAll", "getClass", NULL };

const struct java_class java_list = {
	.name = "java.util.ArrayList",
	.methods = list_methods,
	.refused = list_refused,
};
/* Java has these too, and there they always fail. */
static const char *const view_refused[] = { "add", "addAll", "iterator", "stream", "parallelStream",
	"toArray", "forEach", "removeIf", "getClass", NULL };

const struct java_class java_set = {
	.name = "java.util.Set",
	.methods = set_methods,
	.refused = view_refused,
};
const struct java_class java_collection = {
	.name = "java.util.Collection",
	.methods = collection_methods,
	.refused = view_refused,
};
