/*
 * What an expression can only come to, against what its field can be read from: `${ {1, 2} }` where seconds are wanted. What is not
 * certain is left alone.
 */
#include <string.h>

#include "base/alloc.h"
#include "expr/functions.h"
#include "expr/java.h"
#include "expr/node.h"
#include "expr/template.h"
#include "lint/internal.h"

/* What a value is, as JSON. */
enum kind { KIND_ANY, KIND_LIST, KIND_MAP, KIND_EITHER, KIND_BOOL, KIND_NUMBER, KIND_TEXT };

static const struct text2 kind_names[] = {
	[KIND_LIST] = { "a list", "列表" },
	[KIND_MAP] = { "a map", "对象" },
	[KIND_EITHER] = { "a map or a list", "对象或列表" },
	[KIND_BOOL] = { "true or false", "true 或 false" },
	[KIND_NUMBER] = { "a number", "数字" },
	[KIND_TEXT] = { "a text", "文本" },
};

/* ---- what it comes to ------------------------------------------------------------------------------------------------------- */

/* By the name of a result in the tables of functions and methods. */
static enum kind kind_of_result(const char *name)
{
	static const struct {
		const char *name;
		enum kind kind;
	} rows[] = {
		{ "int", KIND_NUMBER },
		{ "long", KIND_NUMBER },
		{ "float", KIND_NUMBER },
		{ "double", KIND_NUMBER },
		{ "byte", KIND_NUMBER },
		{ "Integer", KIND_NUMBER },
		{ "Long", KIND_NUMBER },
		{ "Double", KIND_NUMBER },
		{ "Byte", KIND_NUMBER },
		{ "boolean", KIND_BOOL },
		{ "Boolean", KIND_BOOL },
		{ "String", KIND_TEXT },
		{ "text", KIND_TEXT },
		{ "List", KIND_LIST },
		{ "Set", KIND_LIST },
		{ "Collection", KIND_LIST },
		{ "String[]", KIND_LIST },
		{ "list", KIND_LIST },
		{ "map", KIND_MAP },
		{ "stage", KIND_MAP },
		{ "artifact", KIND_MAP },
		{ "map or list", KIND_EITHER },
	};
	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].kind;
	return KIND_ANY;
}

/* What the methods of that name among ROWS give: *KIND keeps what all have in common; false when there is none. */
static bool join_methods(const struct java_method *rows, struct str name, bool any, enum kind *kind)
{
	for (const struct java_method *row = rows; row && row->name; row++) {
		enum kind one = kind_of_result(row->result);
		if (!str_is(name, row->name))
			continue;
		*kind = any && *kind != one ? KIND_ANY : one;
		any = true;
	}
	return any;
}

/* Of NAME on a value of a class that is not known, or, with CLASS, of its static methods. */
static enum kind kind_of_method(const struct java_class *class, struct str name)
{
	enum kind kind = KIND_ANY;
	bool any = false;
	if (class) {
		join_methods(class->statics, name, false, &kind);
		return kind;
	}
	for (const struct java_class *const *row = java_classes(); *row; row++)
		any = join_methods((*row)->methods, name, any, &kind);
	join_methods(java_object_methods(), name, any, &kind);
	return kind;
}

static enum kind kind_of(const struct node *node);

static enum kind kind_of_chain(const struct node *chain)
{
	const struct node *last = chain->children[chain->count - 1], *head = chain->children[0];
	const struct java_class *class = chain->count == 2 && head->kind == NODE_TYPE ?
		java_class_find(head->name) :
		NULL;
	if (chain->count == 1)
		return kind_of(head);
	for (uint32_t i = 1; i < chain->count; i++)
		if (chain->children[i]->safe)
			return KIND_ANY; /* it may be null */
	if (last->kind == NODE_PROJECT || (last->kind == NODE_SELECT && last->op == OP_ALL))
		return KIND_LIST;
	if (last->kind != NODE_METHOD || (head->kind == NODE_TYPE && !class))
		return KIND_ANY;
	return kind_of_method(class, last->name);
}

static enum kind kind_of_literal(struct value literal)
{
	if (value_is_number(literal))
		return KIND_NUMBER;
	return literal.kind == V_STRING ? KIND_TEXT : literal.kind == V_BOOL ? KIND_BOOL : KIND_ANY;
}

/* Comparisons give a boolean, a text makes a text of all that follows it, numbers stay numbers. */
static enum kind kind_of_fold(const struct node *node)
{
	enum kind kind = kind_of(node->children[0]);
	for (uint32_t i = 1; i < node->count; i++) {
		enum kind right = kind_of(node->children[i]);
		enum node_op op = node->steps[i - 1].op;
		if (op >= OP_EQ && op <= OP_BETWEEN)
			kind = KIND_BOOL;
		else if (op == OP_PLUS && (kind == KIND_TEXT || right == KIND_TEXT))
			kind = KIND_TEXT;
		else if (kind != KIND_NUMBER || right != KIND_NUMBER)
			kind = KIND_ANY;
	}
	return kind;
}

static enum kind same(const struct node *a, const struct node *b)
{
	enum kind kind = kind_of(a);
	return kind == kind_of(b) ? kind : KIND_ANY;
}

/* Depth is bounded by the parser (LIMIT_EXPR_DEPTH). */
static enum kind kind_of(const struct node *node)
{
	if (!node)
		return KIND_ANY;
	switch ((enum node_kind)node->kind) {
	case NODE_LITERAL:
		return kind_of_literal(node->literal);
	case NODE_CHAIN:
		return kind_of_chain(node);
	case NODE_FUNCTION: {
		const struct function *function = function_find(node->name);
		return function ? kind_of_result(function->result) : KIND_ANY;
	}
	case NODE_LIST:
	case NODE_NEW_ARRAY:
	case NODE_PROJECT:
		return KIND_LIST;
	case NODE_MAP:
		return KIND_MAP;
	case NODE_FOLD:
		return kind_of_fold(node);
	case NODE_AND:
	case NODE_OR:
		return KIND_BOOL;
	case NODE_UNARY:
		return node->op == OP_NOT ? KIND_BOOL : KIND_NUMBER;
	case NODE_TERNARY:
		return same(node->children[1], node->children[2]);
	case NODE_ELVIS:
		return same(node->children[0], node->children[1]);
	default:
		return KIND_ANY;
	}
}

struct scan {
	struct str text;
	size_t count;
	enum kind kind; /* of the last body */
};

static void see_body(void *data, struct str body, size_t offset)
{
	struct scan *scan = data;
	struct expr *expr = expr_cached(body);
	scan->count++;
	scan->kind = kind_of(expr->tree);
	expr_unref(expr);
}

/* Whether TEXT is one body and its braces, maybe with blanks inside of them. */
static bool is_whole(const struct scan *scan)
{
	return scan->count == 1 && str_starts(scan->text, "${") && str_ends(scan->text, "}");
}

static enum kind kind_of_text(struct str text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct scan scan = { .text = text };
	if (template_scan(text, see_body, &scan, &err) < 0 || !scan.count)
		return KIND_ANY; /* that is told elsewhere */
	return is_whole(&scan) ? scan.kind : KIND_TEXT;
}

/* ---- what is wanted --------------------------------------------------------------------------------------------------------- */

/* "expected a number of seconds" in both languages, owned; NULL = what stands there would do. */
struct refusal {
	char *en, *zh;
};

static void see_refusal(void *data, const struct finding *finding)
{
	struct refusal *refusal = data;
	const char *got = strstr(finding->text.en, ", got "), *zh = strstr(finding->text.zh, "，");
	if (strcmp(finding->code, "wrong-type") != 0 || refusal->en)
		return;
	refusal->en = xstrndup(finding->text.en,
		got ? (size_t)(got - finding->text.en) : strlen(finding->text.en));
	refusal->zh = xstrndup(
		finding->text.zh, zh ? (size_t)(zh - finding->text.zh) : strlen(finding->text.zh));
}

static struct val sample_of(enum kind kind)
{
	switch (kind) {
	case KIND_LIST:
		return val_list();
	case KIND_MAP:
	case KIND_EITHER:
		return val_map();
	case KIND_BOOL:
		return val_bool(true);
	case KIND_NUMBER:
		return val_int(1);
	default:
		return val_string("text");
	}
}

/* Whether a value of that kind cannot be read into ROW, by the very reader; REFUSAL says what could. */
static bool never_fits(const struct field *row, enum kind kind, struct refusal *refusal)
{
	bool wants_structure = row->type == FIELD_OBJECT ||
		(row->type == FIELD_VALUE && row->flags & (FIELD_MAP | FIELD_LIST));
	struct field one[2] = { *row, { 0 } };
	one[0].rows = NULL;
	if (kind == KIND_ANY || row->flags & (FIELD_RAW | FIELD_UI) ||
		(kind == KIND_TEXT && !wants_structure) || (kind == KIND_EITHER && wants_structure))
		return false;
	_cleanup_(val_free) struct val object = val_map();
	val_set(&object, row->name, sample_of(kind));
	fields_check(one, object, NULL, see_refusal, refusal);
	return refusal->en != NULL;
}

static void check_value(
	struct lint *lint, const struct field *row, struct val value, const struct place *place)
{
	struct str text = val_as_str(&value);
	enum kind kind = kind_of_text(text);
	struct refusal refusal = { 0 };
	bool fits = !never_fits(row, kind, &refusal);
	_cleanup_free_ char *path = fits ? NULL : place_path(place);
	if (!fits && !lint_has_told(lint, path)) {
		_cleanup_free_ char *en = xasprintf(
			"%s, and the expression gives %s", refusal.en, kind_names[kind].en);
		_cleanup_free_ char *zh = xasprintf(
			"%s，而表达式的结果是%s", refusal.zh, kind_names[kind].zh);
		lint_tell(lint,
			(struct found){ .rule = RULE_NEVER_FITS,
				.place = place,
				.args = { en, zh },
				.text = text });
	}
	free(refusal.en);
	free(refusal.zh);
}

static void check_below(
	struct lint *lint, const struct field *row, struct val value, const struct place *place)
{
	if (val_is_map(value) && !(row->flags & FIELD_LIST))
		check_types(lint, row->rows, value, place);
	for (size_t i = 0; val_is_list(value) && i < val_count(value); i++) {
		struct place item = { .up = place, .index = (ptrdiff_t)i };
		check_types(lint, row->rows, val_at(value, i), &item);
	}
}

/* Depth is that of the tables of rows. */
void check_types(
	struct lint *lint, const struct field *rows, struct val object, const struct place *place)
{
	for (const struct field *row = rows; row && row->name && val_is_map(object); row++) {
		struct val value = val_get(object, row->name);
		struct place inner = { .up = place, .key = str_of(row->name), .index = -1 };
		if (val_is_string(value))
			check_value(lint, row, value, &inner);
		else if (row->rows && !(row->flags & FIELD_RAW))
			check_below(lint, row, value, &inner);
	}
}
