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
	struct seq *seq = seq_new(ev, (size_t)(to - from));
	for (int64_t i = from; i < to; i++)
		seq_push(ev, seq, seq_at(ev, call->self, (size_t)i));
	*ret = value_of_seq(V_LIST, seq);
	return eval_step(ev, (uint64_t)(to - from));
}

static int own(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->self;
	if (seq_count(ev, call->self) > LIMIT_EXPR_LIST)
		return fail(ev, FAIL_LIMIT, "A list of more than %d elements would arise",
			LIMIT_EXPR_LIST);
	return eval_step(ev, 1) < 0 ? -1 : value_make_own(ev, ret);
}

static int add(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self;
	if (own(ev, call, &self) < 0)
		return -1;
	seq_push(ev, self.seq, call->args[0]);
	*ret = value_bool(true);
	return 0;
}

/* Makes COUNT places at index AT of SELF, which is the evaluation's own. */
static int make_room(struct eval *ev, struct value self, int64_t at, size_t count)
{
	size_t have = self.seq->count;
	if (at < 0 || (uint64_t)at > have)
		return fail(ev, FAIL_INDEX, "Index: %lld, Size: %zu", (long long)at, have);
	if (eval_step(ev, have - (size_t)at + count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		seq_push(ev, self.seq, NULL_VALUE);
	struct value *items = self.seq->items + at;
	memmove(items + count, items, (have - (size_t)at) * sizeof(*items));
	return 0;
}

static int insert(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self;
	int64_t at = call->args[0].integer;
	if (own(ev, call, &self) < 0 || make_room(ev, self, at, 1) < 0)
		return -1;
	self.seq->items[at] = call->args[1];
	return 0;
}

static int insert_all(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self, others = call->args[1];
	int64_t at = call->args[0].integer;
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	size_t count = seq_count(ev, others);
	struct value *items = arena_alloc(&ev->arena, (count + 1) * sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = seq_at(ev, others, i);
	if (own(ev, call, &self) < 0 || make_room(ev, self, at, count) < 0)
		return -1;
	if (count)
		memcpy(self.seq->items + at, items, count * sizeof(*items));
	*ret = value_bool(count > 0);
	return 0;
}

static int add_all(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self, others = call->args[0];
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	if (own(ev, call, &self) < 0)
		return -1;
	size_t count = seq_count(ev, others);
	if (eval_step(ev, count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		seq_push(ev, self.seq, seq_at(ev, others, i));
	*ret = value_bool(count > 0);
	return 0;
}

static int clear(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self;
	if (own(ev, call, &self) < 0)
		return -1;
	self.seq->count = 0;
	return 0;
}

/* The form by value; remove(index) returns Object, so that the original calls this one for numbers too. */
static int remove_value(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self;
	if (own(ev, call, &self) < 0)
		return -1;
	ptrdiff_t at = seq_index_of(ev, self, call->args[0]);
	*ret = value_bool(at >= 0);
	if (at < 0)
		return 0;
	struct value *items = self.seq->items + at;
	self.seq->count--;
	memmove(items, items + 1, (self.seq->count - (size_t)at) * sizeof(*items));
	return 0;
}

/* removeAll and retainAll. */
static int keep(struct eval *ev, const struct call *call, bool wanted, struct value *ret)
{
	struct value self, others = call->args[0];
	if (others.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the collection is null");
	if (own(ev, call, &self) < 0)
		return -1;
	size_t kept = 0;
	for (size_t i = 0; i < self.seq->count; i++) {
		struct value item = self.seq->items[i];
		if (eval_step(ev, seq_count(ev, others)) < 0)
			return -1;
		if ((seq_index_of(ev, others, item) >= 0) == wanted)
			self.seq->items[kept++] = item;
	}
	*ret = value_bool(kept != self.seq->count);
	self.seq->count = kept;
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

static const struct java_method set_methods[] = { COLLECTION_METHODS("{a: 1, b: 2}.keySet()"), { 0 } };
static const struct java_method collection_methods[] = {
	COLLECTION_METHODS("{x: 'a', y: 'b'}.values()"), { 0 }
};

static const char *const list_refused[] = { "get", "set", "iterator", "listIterator", "stream",
	"parallelStream", "toArray", "forEach", "removeIf", "sort", "replaceAll", "getClass", NULL };

const struct java_class java_list = {
	.name = "java.util.ArrayList",
	.methods = list_methods,
	.refused = list_refused,
};
const struct java_class java_set = {
	.name = "java.util.Set",
	.methods = set_methods,
	.refused = list_refused,
};
const struct java_class java_collection = {
	.name = "java.util.Collection",
	.methods = collection_methods,
	.refused = list_refused,
};
