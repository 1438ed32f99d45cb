/* Properties, indexes, projection, selection and arrays. Rules: reference of expressions, 2.4, 2.5, 2.7, 2.12. */
#include <string.h>

#include "base/limits.h"
#include "expr/eval.h"
#include "expr/java.h"
#include "expr/node.h"
#include "expr/text.h"

static const char *nearest_key(struct eval *ev, struct value map, struct str name)
{
	unsigned best = 3;
	const char *near = NULL;
	map = map_plain(ev, map);
	for (size_t i = 0; i < map_count(ev, map); i++) {
		struct value key = map_key(ev, map, i);
		if (key.kind == V_STRING && str_nearer(name, value_str(key), &best))
			near = arena_copy(&ev->arena, value_str(key));
	}
	return near;
}

/* What can be read of TARGET like a property, and is near to NAME; NULL = nothing is. */
static const char *nearest_property(struct eval *ev, struct value target, struct str name)
{
	if (target.kind == V_MAP)
		return nearest_key(ev, target, name);
	const struct java_class *class = java_class_of(target);
	unsigned best = 3;
	const char *near = NULL;
	for (const struct java_method *row = class ? class->methods : NULL; row && row->name; row++)
		if (!*row->args && str_nearer(name, str_of(row->name), &best))
			near = row->name;
	return near;
}

static int unknown_property(struct eval *ev, struct value target, struct str name)
{
	const struct java_class *class = java_class_of(target);
	const char *near = nearest_property(ev, target, name);
	const char *habit = class && target.kind != V_MAP ? java_habit(class, name) : NULL;
	const char *hint = habit ? arena_printf(&ev->arena, "; %s", habit) :
		near             ? arena_printf(&ev->arena, " Did you mean '%s'?", near) :
				   "";
	return fail(ev, FAIL_EVAL,
		"EL1008E: Property or field '%.*s' cannot be found on object of type '%s' - maybe not public or not valid?%s",
		STR_ARG(name), value_type_name(target), hint);
}

/* Of what is neither a map nor a bean. */
static __attribute__((noinline)) int other_property(
	struct eval *ev, struct value target, struct str name, struct value *ret)
{
	if (target.kind == V_NULL)
		return fail_on_null(ev, "EL1007E: Property or field '%.*s' cannot be found on null",
			STR_ARG(name));
	if (target.kind == V_ARRAY && str_is(name, "length")) {
		*ret = value_int((int64_t)seq_count(ev, target));
		return 0;
	}
	bool found;
	if (java_property(ev, target, name, &found, ret) < 0)
		return -1;
	return found ? 0 : unknown_property(ev, target, name);
}

int access_property(struct eval *ev, struct value target, struct node_hint *hint, struct value *ret)
{
	if (target.kind == V_BEAN)
		return bean_property(ev, target, hint, ret);
	if (target.kind != V_MAP)
		return other_property(ev, target, hint->key.text, ret);
	if (map_get_key(ev, target, &hint->key, ret) || ev->limits.allow_unknown_keys)
		return 0;
	return unknown_property(ev, target, hint->key.text);
}

static int seq_index(struct eval *ev, struct value target, struct value index, size_t *ret)
{
	int64_t at;
	if (value_to_index(ev, index, &at) < 0) {
		ev->message = arena_printf(&ev->arena,
			"%s; what stands in [ ] behind a list or array is a number, .?[name == '…'] chooses by what an element has",
			ev->message);
		return -1;
	}
	size_t count = seq_count(ev, target);
	if (at < 0 || (uint64_t)at >= count)
		return fail(ev, FAIL_EVAL, "%s: The %s has '%zu' elements, index '%lld' is invalid",
			target.kind == V_ARRAY ? "EL1024E" : "EL1025E",
			target.kind == V_ARRAY ? "array" : "collection", count, (long long)at);
	*ret = (size_t)at;
	return 0;
}

static int string_index(struct eval *ev, struct value target, struct value index, struct value *ret)
{
	int64_t at;
	if (value_to_index(ev, index, &at) < 0)
		return -1;
	struct str text = value_str(target);
	size_t count = text_units(text);
	if (at < 0 || (uint64_t)at >= count)
		return fail(ev, FAIL_EVAL,
			"EL1026E: The string has '%zu' characters, index '%lld' is invalid", count,
			(long long)at);
	*ret = value_string(text_slice(&ev->arena, text, (size_t)at, (size_t)at + 1));
	return 0;
}

int access_index(struct eval *ev, struct value target, struct value index, struct value *ret)
{
	*ret = NULL_VALUE;
	if (target.kind == V_NULL)
		return fail_on_null(ev, "EL1012E: Cannot index into a null value");
	if (index.kind == V_NULL)
		return fail(ev, FAIL_EVAL, "EL1012E: The index is null");
	if (target.kind == V_MAP) {
		map_get_value(ev, target, index, ret);
		return 0;
	}
	if (value_is_seq(target)) {
		size_t at = 0;
		if (seq_index(ev, target, index, &at) < 0)
			return -1;
		*ret = seq_at(ev, target, at);
		return 0;
	}
	if (target.kind == V_STRING)
		return string_index(ev, target, index, ret);
	if (index.kind == V_STRING) {
		struct node_hint hint;
		hint_init(&hint, value_str(index));
		return access_property(ev, target, &hint, ret);
	}
	return fail(ev, FAIL_EVAL, "EL1027E: Indexing into type '%s' is not supported",
		value_type_name(target));
}

int access_assign_property(struct eval *ev, struct value target, struct str name, struct value value)
{
	if (target.kind == V_NULL)
		return fail_on_null(ev, "EL1009E: Property or field '%.*s' cannot be set on null",
			STR_ARG(name));
	if (target.kind != V_MAP)
		return fail(ev, FAIL_EVAL,
			"EL1010E: Property or field '%.*s' cannot be set on object of type '%s' - maybe not public or not writable?",
			STR_ARG(name), value_type_name(target));
	return access_assign_index(ev, target, value_string(name), value);
}

int access_assign_index(struct eval *ev, struct value target, struct value index, struct value value)
{
	if (target.kind == V_NULL || index.kind == V_NULL)
		return fail(ev, FAIL_EVAL, "EL1012E: Cannot index into a null value");
	if (target.kind == V_MAP) {
		if (value_make_own(ev, &target) < 0)
			return -1;
		table_put(ev, target.table, index, value);
		return 0;
	}
	size_t at = 0;
	if (target.kind != V_LIST && target.kind != V_ARRAY)
		return fail(ev, FAIL_EVAL, "EL1027E: Indexing into type '%s' is not supported",
			value_type_name(target));
	if (seq_index(ev, target, index, &at) < 0)
		return -1;
	return seq_set(ev, target, at, value);
}

/* Evaluates NODE's inner expression with ITEM as the active object. */
static int eval_inner(struct eval *ev, struct value item, const struct node *node, struct value *ret)
{
	const struct frame frame = { .active = item, .scope = item };
	return eval_node(ev, &frame, node->children[0], ret);
}

int access_project(struct eval *ev, struct value target, const struct node *node, struct value *ret)
{
	bool map = target.kind == V_MAP;
	if (target.kind == V_NULL)
		return fail_on_null(ev, "EL1019E: Projection is not supported on null");
	if (!map && !value_is_seq(target))
		return fail(ev, FAIL_EVAL, "EL1019E: Projection is not supported on the type '%s'",
			value_type_name(target));
	if (map)
		target = map_plain(ev, target);
	size_t count = map ? map_count(ev, target) : seq_count(ev, target);
	struct seq *seq = seq_new(ev, count);
	for (size_t i = 0; i < count; i++) {
		struct value item = map ? bean_entry(ev) : seq_at(ev, target, i);
		struct value value;
		if (eval_inner(ev, item, node, &value) < 0)
			return -1;
		seq_push(ev, seq, value);
	}
	*ret = value_of_seq(target.kind == V_ARRAY ? V_ARRAY : V_LIST, seq);
	return 0;
}

static int criterion(struct eval *ev, struct value item, const struct node *node, bool *ret)
{
	struct value value;
	if (eval_inner(ev, item, node, &value) < 0)
		return -1;
	if (value.kind != V_BOOL)
		return fail(ev, FAIL_EVAL,
			"EL1016E: Result of selection criteria is not boolean, but %s%s",
			value_type_name(value),
			node->children[0]->kind == NODE_ASSIGN ? "; = assigns, == compares" : "");
	*ret = value.boolean;
	return 0;
}

/* Entries of a map give a map; the entries themselves have no readable properties, as in the original. */
static int select_entries(
	struct eval *ev, struct value map, const struct node *node, struct value *ret)
{
	map = map_plain(ev, map);
	struct table *table = table_new(ev, 4);
	size_t count = map_count(ev, map);
	for (size_t i = 0; i < count; i++) {
		bool selected = false;
		if (criterion(ev, bean_entry(ev), node, &selected) < 0)
			return -1;
		if (!selected)
			continue;
		if (node->op == OP_LAST)
			table->count = 0;
		table_put(ev, table, map_key(ev, map, i), map_value(ev, map, i));
		if (node->op == OP_FIRST)
			break;
	}
	*ret = value_of_table(table);
	if (node->op != OP_ALL && !table->count)
		*ret = NULL_VALUE;
	return 0;
}

int access_select(struct eval *ev, struct value target, const struct node *node, struct value *ret)
{
	if (target.kind == V_MAP)
		return select_entries(ev, target, node, ret);
	if (target.kind == V_NULL)
		return fail_on_null(ev, "EL1015E: Cannot perform selection on null");
	if (!value_is_seq(target))
		return fail(ev, FAIL_EVAL,
			"EL1015E: Cannot perform selection on input data of type '%s'",
			value_type_name(target));
	struct seq *seq = seq_new(ev, 4);
	*ret = NULL_VALUE;
	size_t count = seq_count(ev, target);
	for (size_t i = 0; i < count; i++) {
		size_t at = node->op == OP_LAST ? count - 1 - i : i;
		struct value item = seq_at(ev, target, at);
		bool selected = false;
		if (criterion(ev, item, node, &selected) < 0)
			return -1;
		if (!selected)
			continue;
		*ret = item;
		if (node->op != OP_ALL)
			return 0;
		seq_push(ev, seq, item);
	}
	if (node->op == OP_ALL)
		*ret = value_of_seq(target.kind == V_ARRAY ? V_ARRAY : V_LIST, seq);
	return 0;
}

/* Arrays */

static const struct {
	const char *name;
	uint8_t kind; /* enum value_kind, or ELEMENT_BYTE */
	char code;    /* of java.h, for what is put into it */
} primitives[] = {
	{ "int", V_INT, 'i' },
	{ "long", V_LONG, 'j' },
	{ "float", V_FLOAT, 'f' },
	{ "double", V_DOUBLE, 'd' },
	{ "boolean", V_BOOL, 'z' },
	{ "char", V_CHAR, 'c' },
	{ "short", V_INT, 'i' },
	{ "byte", ELEMENT_BYTE, 'i' },
};

struct element {
	uint8_t kind; /* V_NULL: objects */
	char code;
};

static int array_element(struct eval *ev, struct str name, struct element *ret)
{
	for (size_t i = 0; i < sizeof(primitives) / sizeof(primitives[0]); i++) {
		if (str_is(name, primitives[i].name)) {
			*ret = (struct element){ primitives[i].kind, primitives[i].code };
			return 0;
		}
	}
	const struct java_class *class = java_class_find(name);
	if (!class || !class->nameable)
		return fail(ev, FAIL_EVAL, "EL1005E: Type cannot be found '%.*s'%s", STR_ARG(name),
			java_class_hint(ev, name));
	*ret = (struct element){ V_NULL, java_class_code(class) };
	return 0;
}

static struct value array_default(uint8_t kind)
{
	switch (kind) {
	case V_BOOL:
		return value_bool(false);
	case V_NULL:
		return NULL_VALUE;
	case V_FLOAT:
		return value_float(0);
	case V_DOUBLE:
		return value_double(0);
	case ELEMENT_BYTE:
		return value_int(0);
	default:
		return (struct value){ .kind = kind };
	}
}

static int array_of_size(struct eval *ev, const struct element *element, const int64_t *sizes,
	size_t dimensions, struct value *ret)
{
	struct seq *seq = seq_new(ev, (size_t)sizes[0]);
	if (eval_step(ev, (uint64_t)sizes[0]) < 0)
		return -1;
	for (int64_t i = 0; i < sizes[0]; i++) {
		struct value item = array_default(element->kind);
		if (dimensions > 1 && array_of_size(ev, element, sizes + 1, dimensions - 1, &item) < 0)
			return -1;
		seq_push(ev, seq, item);
	}
	*ret = value_of_seq(V_ARRAY, seq);
	ret->element = dimensions > 1 ? V_NULL : element->kind;
	return 0;
}

static int array_sizes(
	struct eval *ev, const struct frame *frame, const struct node *node, int64_t *sizes)
{
	uint64_t total = 1;
	for (uint32_t i = 0; i < node->count; i++) {
		struct value size;
		if (!node->children[i])
			return fail(ev, FAIL_EVAL,
				"EL1063E: A required array dimension has not been specified");
		if (eval_node(ev, frame, node->children[i], &size) < 0 ||
			value_to_index(ev, size, &sizes[i]) < 0)
			return -1;
		if (sizes[i] < 0)
			return fail(ev, FAIL_ARGUMENT, "An array cannot have %lld elements",
				(long long)sizes[i]);
		total *= (uint64_t)sizes[i];
		if (sizes[i] >= LIMIT_EXPR_ARRAY || total >= LIMIT_EXPR_ARRAY)
			return fail(ev, FAIL_EVAL,
				"EL1080E: Array has too many elements, exceeding the threshold of '%d'",
				LIMIT_EXPR_ARRAY);
	}
	return 0;
}

static int array_of_items(struct eval *ev, const struct frame *frame, const struct node *node,
	const struct element *element, struct value *ret)
{
	const struct node *items = node->extra;
	if (node->count > 1)
		return fail(ev, FAIL_EVAL,
			"EL1060E: Using an initializer to build a multi-dimensional array is not currently supported");
	struct value size = value_int(items->count);
	if (node->children[0] && eval_node(ev, frame, node->children[0], &size) < 0)
		return -1;
	int64_t count;
	if (value_to_index(ev, size, &count) < 0)
		return -1;
	if (count != items->count || items->kind != NODE_LIST)
		return fail(ev, FAIL_EVAL,
			"EL1064E: array initializer size does not match array dimensions");
	struct seq *seq = seq_new(ev, items->count);
	for (uint32_t i = 0; i < items->count; i++) {
		struct value item;
		if (eval_node(ev, frame, items->children[i], &item) < 0 ||
			java_convert(ev, element->code, item, &item) < 0)
			return -1;
		if (item.kind == V_NULL && element->kind != V_NULL)
			return fail(ev, FAIL_ARGUMENT, "Null conversion result for value [null]");
		seq_push(ev, seq, item);
	}
	*ret = value_of_seq(V_ARRAY, seq);
	ret->element = element->kind;
	return 0;
}

int array_construct(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret)
{
	int64_t sizes[8] = { 0 };
	struct element element;
	if (node->count > sizeof(sizes) / sizeof(sizes[0]))
		return fail(ev, FAIL_EVAL, "an array of more than 8 dimensions");
	if (array_element(ev, node->name, &element) < 0)
		return -1;
	if (node->extra)
		return array_of_items(ev, frame, node, &element, ret);
	if (array_sizes(ev, frame, node, sizes) < 0)
		return -1;
	return array_of_size(ev, &element, sizes, node->count, ret);
}
