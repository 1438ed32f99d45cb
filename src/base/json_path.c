/* Follows a parsed JSONPath through a value. */
#include "base/json_path.h"

#include "base/json_path_tree.h"
#include "base/limits.h"

struct walk {
	struct val root;
	uint64_t looks; /* at values, over all paths in filters too */
	unsigned depth; /* of walk_from in itself */
	bool missing;   /* a path that began definite led to nothing before its end */
};

static void walk_from(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	bool definite, struct val *found);
static bool filter_holds(struct walk *walk, const struct path_filter *filter, struct val value);

static bool is_container(struct val value)
{
	return val_is_list(value) || val_is_map(value);
}

static struct val child_at(struct val container, size_t index)
{
	return val_is_map(container) ? val_value_at(container, index) : val_at(container, index);
}

/* ---- steps ---- */

static void step_names(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	bool definite, struct val *found)
{
	const struct path_step *step = &tree->steps[at];
	bool is_last = at + 1 == tree->count, is_one = val_count(step->items) == 1;
	struct val merged = VAL_NULL;
	for (size_t i = 0; i < val_count(step->items); i++) {
		struct val item = val_at(step->items, i);
		struct str name = val_as_str(&item);
		if (!val_has_str(value, name))
			walk->missing |= definite && is_one && !is_last;
		else if (is_one || !is_last)
			walk_from(walk, tree, at + 1, val_get_str(value, name), definite && is_one,
				found);
		else
			val_set_str(&merged, name, val_ref(val_get_str(value, name)));
	}
	if (is_last && !is_one && val_is_map(value))
		val_append(found, val_is_null(merged) ? val_map() : merged);
}

static void step_indexes(struct walk *walk, const struct path_tree *tree, size_t at,
	struct val value, bool definite, struct val *found)
{
	const struct path_step *step = &tree->steps[at];
	int64_t count = (int64_t)val_count(value);
	for (size_t i = 0; i < val_count(step->items); i++) {
		int64_t index = -1;
		val_as_int(val_at(step->items, i), &index);
		if (index < 0)
			index += count;
		if (index >= 0 && index < count)
			walk_from(walk, tree, at + 1, val_at(value, (size_t)index),
				definite && val_count(step->items) == 1, found);
	}
}

static void step_slice(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	struct val *found)
{
	const struct path_step *step = &tree->steps[at];
	int64_t count = (int64_t)val_count(value);
	int64_t from = step->has_from ? step->from : 0, to = step->has_to ? step->to : count;
	if (from < 0)
		from = from + count > 0 ? from + count : 0;
	if (to < 0)
		to += count;
	for (int64_t i = from; i < to && i < count; i++)
		walk_from(walk, tree, at + 1, val_at(value, (size_t)i), false, found);
}

static void step_filter(struct walk *walk, const struct path_tree *tree, size_t at,
	struct val value, struct val *found)
{
	const struct path_filter *filter = tree->steps[at].filter;
	bool each = val_is_list(value) && (at == 0 || tree->steps[at - 1].kind != PATH_DEEP);
	if (val_is_map(value) && filter_holds(walk, filter, value))
		walk_from(walk, tree, at + 1, value, false, found);
	for (size_t i = 0; each && i < val_count(value); i++) /* after '..' each comes by itself */
		if (filter_holds(walk, filter, val_at(value, i)))
			walk_from(walk, tree, at + 1, val_at(value, i), false, found);
}

static void step_deep(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	struct val *found)
{
	walk_from(walk, tree, at + 1, value, false, found);
	for (size_t i = 0; i < val_count(value) && walk->looks <= LIMIT_JSON_PATH_LOOKS; i++)
		if (is_container(child_at(value, i)))
			walk_from(walk, tree, at, child_at(value, i), false, found);
}

static void take_step(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	bool definite, struct val *found)
{
	enum path_step_kind kind = tree->steps[at].kind;
	bool is_list = val_is_list(value);
	if (definite && !is_list && (kind == PATH_INDEXES || kind == PATH_SLICE))
		walk->missing = true;
	switch (kind) {
	case PATH_NAMES:
		step_names(walk, tree, at, value, definite, found);
		break;
	case PATH_INDEXES:
		if (is_list)
			step_indexes(walk, tree, at, value, definite, found);
		break;
	case PATH_SLICE:
		if (is_list)
			step_slice(walk, tree, at, value, found);
		break;
	case PATH_ALL:
		for (size_t i = 0; i < val_count(value); i++)
			walk_from(walk, tree, at + 1, child_at(value, i), false, found);
		break;
	case PATH_DEEP:
		step_deep(walk, tree, at, value, found);
		break;
	case PATH_FILTER:
		step_filter(walk, tree, at, value, found);
		break;
	}
}

/* Follows TREE from step AT on. DEFINITE: every step so far could lead to one place only. */
static void walk_from(struct walk *walk, const struct path_tree *tree, size_t at, struct val value,
	bool definite, struct val *found)
{
	if (++walk->looks > LIMIT_JSON_PATH_LOOKS)
		return;
	if (at == tree->count) {
		val_append(found, val_ref(value));
		return;
	}
	if (++walk->depth > LIMIT_JSON_PATH_WALK)
		walk->looks = LIMIT_JSON_PATH_LOOKS + 1;
	else
		take_step(walk, tree, at, value, definite, found);
	walk->depth--;
}

/* ---- functions ---- */

/* min, max, avg, sum over the numbers of LIST; false when there is none. */
static bool aggregate(enum path_function function, struct val list, struct val *ret)
{
	double sum = 0, least = 0, most = 0;
	size_t count = 0;
	for (size_t i = 0; i < val_count(list); i++) {
		double number;
		if (!val_as_double(val_at(list, i), &number))
			continue;
		least = count == 0 || number < least ? number : least;
		most = count == 0 || number > most ? number : most;
		sum += number;
		count++;
	}
	if (count == 0)
		return false;
	if (function == PATH_MIN)
		*ret = val_double(least);
	else if (function == PATH_MAX)
		*ret = val_double(most);
	else
		*ret = val_double(function == PATH_AVG ? sum / (double)count : sum);
	return true;
}

/* FUNCTION of VALUE; false when it has none. */
static bool function_of(enum path_function function, struct val value, struct val *ret)
{
	size_t count = val_count(value);
	switch (function) {
	case PATH_NO_FUNCTION:
		*ret = val_ref(value);
		return true;
	case PATH_LENGTH:
		*ret = val_int((int64_t)count);
		return is_container(value);
	case PATH_KEYS:
		*ret = val_list();
		for (size_t i = 0; val_is_map(value) && i < count; i++)
			val_append(ret, val_str(val_key_at(value, i)));
		return true;
	case PATH_FIRST:
	case PATH_LAST:
		if (!val_is_list(value) || count == 0)
			return false;
		*ret = val_ref(val_at(value, function == PATH_FIRST ? 0 : count - 1));
		return true;
	default:
		return val_is_list(value) && aggregate(function, value, ret);
	}
}

/* What TREE leads to from ORIGIN; false when that is nothing. */
static bool tree_value(
	struct walk *walk, const struct path_tree *tree, struct val origin, struct val *ret)
{
	_cleanup_(val_free) struct val found = val_list();
	walk->missing = false;
	walk_from(walk, tree, 0, origin, true, &found);
	if (walk->missing || (tree->definite && val_count(found) == 0))
		return false;
	return function_of(tree->function, tree->definite ? val_at(found, 0) : found, ret);
}

/* ---- filters ---- */

/* The value of an operand, owned; false when its path leads to nothing. */
static bool operand_value(
	struct walk *walk, const struct path_operand *operand, struct val here, struct val *ret)
{
	if (operand->path)
		return tree_value(
			walk, operand->path, operand->path->relative ? here : walk->root, ret);
	*ret = val_ref(operand->literal);
	return true;
}

/* A number, or a text that is one. */
static bool number_of(struct val value, double *ret)
{
	return val_as_double(value, ret) ||
		(val_is_string(value) && str_to_double(val_as_str(&value), ret));
}

/* Numbers by their value; a number and a text that reads as one, too. */
static bool is_equal(struct val a, struct val b)
{
	double x, y;
	if ((val_is_number(a) || val_is_number(b)) && number_of(a, &x) && number_of(b, &y))
		return x == y;
	return val_equal(a, b);
}

static bool is_same(struct val a, struct val b)
{
	bool alike = val_is_number(a) ? val_is_number(b) : val_kind(a) == val_kind(b);
	return alike && is_equal(a, b);
}

static bool is_in(struct val item, struct val list)
{
	for (size_t i = 0; val_is_list(list) && i < val_count(list); i++)
		if (is_equal(item, val_at(list, i)))
			return true;
	return false;
}

/* How many items of LIST are in OTHER. */
static size_t common(struct val list, struct val other)
{
	size_t count = 0;
	for (size_t i = 0; val_is_list(list) && i < val_count(list); i++)
		count += is_in(val_at(list, i), other);
	return count;
}

static bool is_ordered(enum path_operator operator, struct val a, struct val b)
{
	double x, y, order;
	if (val_as_double(a, &x) && val_as_double(b, &y))
		order = x < y ? -1 : x > y;
	else if (val_is_string(a) && val_is_string(b))
		order = str_compare(val_as_str(&a), val_as_str(&b));
	else
		return false;
	switch (operator) {
	case PATH_LESS:
		return order < 0;
	case PATH_LESS_EQUAL:
		return order <= 0;
	case PATH_GREATER:
		return order > 0;
	default:
		return order >= 0;
	}
}

static size_t length_of(struct val value)
{
	return val_is_string(value) ? val_as_str(&value).length : val_count(value);
}

static bool has_length(enum path_operator operator, struct val a, struct val b)
{
	int64_t wanted = 0;
	bool empty = false;
	if (!val_is_string(a) && !is_container(a))
		return false;
	if (operator== PATH_EMPTY)
		return val_as_bool(b, &empty) && empty == (length_of(a) == 0);
	return val_as_int(b, &wanted) && (int64_t)length_of(a) == wanted;
}

static bool contains(struct val a, struct val b)
{
	if (val_is_string(a) && val_is_string(b))
		return str_contains(val_as_str(&a), val_text(&b));
	return is_in(b, a);
}

static bool compare(enum path_operator operator, struct val a, struct val b)
{
	switch (operator) {
	case PATH_EQUAL:
		return is_equal(a, b);
	case PATH_SAME:
		return is_same(a, b);
	case PATH_UNEQUAL:
		return !is_equal(a, b);
	case PATH_NOT_SAME:
		return !is_same(a, b);
	case PATH_IN:
		return is_in(a, b);
	case PATH_NOT_IN:
		return !is_in(a, b);
	case PATH_CONTAINS:
		return contains(a, b);
	case PATH_SIZE:
	case PATH_EMPTY:
		return has_length(operator, a, b);
	case PATH_ANY_OF:
		return common(a, b) > 0;
	case PATH_NONE_OF:
		return common(a, b) == 0;
	case PATH_SUBSET_OF:
		return val_is_list(a) && common(a, b) == val_count(a);
	default:
		return is_ordered(operator, a, b);
	}
}

/* What leads to nothing is unequal to everything, and in nothing. */
static bool comparison_holds(struct walk *walk, const struct path_filter *filter, struct val value)
{
	_cleanup_(val_free) struct val a = VAL_NULL;
	_cleanup_(val_free) struct val b = VAL_NULL;
	if (operand_value(walk, &filter->a, value, &a) && operand_value(walk, &filter->b, value, &b))
		return compare(filter->operator, a, b);
	return filter->operator== PATH_UNEQUAL || filter->operator== PATH_NOT_SAME ||
		filter->
		operator== PATH_NOT_IN || filter->
		operator== PATH_NONE_OF;
}

static bool has_value(struct walk *walk, const struct path_operand *operand, struct val value)
{
	_cleanup_(val_free) struct val found = VAL_NULL;
	bool flag;
	if (!operand_value(walk, operand, value, &found))
		return false;
	return operand->path || (val_as_bool(found, &flag) && flag);
}

static bool filter_holds(struct walk *walk, const struct path_filter *filter, struct val value)
{
	bool missing = walk->missing, holds = false; /* what is missing in a filter is no failure */
	switch (filter->kind) {
	case FILTER_OR:
		holds = filter_holds(walk, filter->left, value) ||
			filter_holds(walk, filter->right, value);
		break;
	case FILTER_AND:
		holds = filter_holds(walk, filter->left, value) &&
			filter_holds(walk, filter->right, value);
		break;
	case FILTER_NOT:
		holds = !filter_holds(walk, filter->left, value);
		break;
	case FILTER_HAS:
		holds = has_value(walk, &filter->a, value);
		break;
	case FILTER_COMPARE:
		holds = comparison_holds(walk, filter, value);
		break;
	}
	walk->missing = missing;
	return holds;
}

/* ---- the whole ---- */

int json_path_read(struct str path, struct val root, struct val *ret, struct err *err)
{
	_cleanup_(path_tree_free_cleanup) struct path_tree *tree = path_parse(path, err);
	struct walk walk = { .root = root };
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (!tree)
		return -1;
	bool found = tree_value(&walk, tree, root, &value);
	if (walk.looks > LIMIT_JSON_PATH_LOOKS)
		return err_set(err, ERR_TOO_LARGE,
			"the path looks at more than %d values, or too deep", LIMIT_JSON_PATH_LOOKS);
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "the path leads to nothing");
	*ret = take(&value);
	return 0;
}

int json_path_check(struct str path, struct err *err)
{
	_cleanup_(path_tree_free_cleanup) struct path_tree *tree = path_parse(path, err);
	return tree ? 0 : -1;
}
