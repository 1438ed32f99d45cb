#include "lib/expr_print.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "expr/eval.h"

static const char *const selections[] = {
	[OP_FIRST] = "^[",
	[OP_LAST] = "$[",
	[OP_ALL] = "?[",
};

static void print_string(struct strbuf *buf, struct str text)
{
	strbuf_add_char(buf, '\'');
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '\'')
			strbuf_add_char(buf, '\'');
		strbuf_add_char(buf, text.bytes[i]);
	}
	strbuf_add_char(buf, '\'');
}

static void print_literal(struct strbuf *buf, struct value value)
{
	switch ((enum value_kind)value.kind) {
	case V_BOOL:
		strbuf_add_text(buf, value.boolean ? "true" : "false");
		break;
	case V_INT:
	case V_LONG:
		strbuf_printf(
			buf, "%lld%s", (long long)value.integer, value.kind == V_LONG ? "L" : "");
		break;
	case V_FLOAT:
	case V_DOUBLE:
		if (isinf(value.number))
			strbuf_add_text(buf, value.kind == V_FLOAT ? "1e999f" : "1e999");
		else
			strbuf_printf(buf, "%.17e%s", value.number, value.kind == V_FLOAT ? "f" : "");
		break;
	case V_STRING:
		print_string(buf, value_str(value));
		break;
	default:
		strbuf_add_text(buf, "null");
	}
}

/* How tightly what a node is written as holds together: the rules of the grammar (reference of expressions, 2.2) from the loosest. */
enum level {
	LEVEL_EXPRESSION,
	LEVEL_OR,
	LEVEL_AND,
	LEVEL_RELATION,
	LEVEL_SUM,
	LEVEL_PRODUCT,
	LEVEL_POWER,
	LEVEL_UNARY,
	LEVEL_PRIMARY,
	LEVEL_START, /* what a chain may begin with */
};

static enum level fold_level(enum node_op op)
{
	switch (op) {
	case OP_PLUS:
	case OP_MINUS:
		return LEVEL_SUM;
	case OP_TIMES:
	case OP_DIVIDE:
	case OP_MODULO:
		return LEVEL_PRODUCT;
	case OP_POWER:
		return LEVEL_POWER;
	default:
		return LEVEL_RELATION;
	}
}

static enum level node_level(const struct node *node)
{
	switch ((enum node_kind)node->kind) {
	case NODE_TERNARY:
	case NODE_ELVIS:
	case NODE_ASSIGN:
		return LEVEL_EXPRESSION;
	case NODE_OR:
		return LEVEL_OR;
	case NODE_AND:
		return LEVEL_AND;
	case NODE_FOLD:
		return fold_level(node->steps[0].op);
	case NODE_INCREMENT:
		return node->safe ? LEVEL_UNARY : LEVEL_POWER;
	case NODE_UNARY:
		return LEVEL_UNARY;
	case NODE_CHAIN:
		return LEVEL_PRIMARY;
	case NODE_NEW_ARRAY:
		/* An index behind its last size would be one more size. */
		return node->extra ? LEVEL_START : LEVEL_PRIMARY;
	default:
		return LEVEL_START;
	}
}

/*
 * NODE where the grammar wants LEVEL, in parentheses only if it needs them: `T` and `new` are names in front of "]" alone, so that
 * [1 + 2 * T] has no other form.
 */
static void print_at(struct strbuf *buf, const struct node *node, enum level level)
{
	bool bare = node_level(node) >= level;
	strbuf_add_text(buf, bare ? "" : "(");
	expr_print(buf, node);
	strbuf_add_text(buf, bare ? "" : ")");
}

static void print_all(struct strbuf *buf, const struct node *node, const char *end)
{
	for (uint32_t i = 0; i < node->count; i++) {
		strbuf_add_text(buf, i ? ", " : "");
		expr_print(buf, node->children[i]);
	}
	strbuf_add_text(buf, end);
}

static void print_map(struct strbuf *buf, const struct node *node)
{
	strbuf_add_text(buf, node->count ? "{" : "{:");
	for (uint32_t i = 0; i + 1 < node->count; i += 2) {
		strbuf_add_text(buf, i ? ", " : "");
		expr_print(buf, node->children[i]);
		strbuf_add_text(buf, ": ");
		expr_print(buf, node->children[i + 1]);
	}
	strbuf_add_char(buf, '}');
}

/* deployedServerGroups is a helper's name without its sign too. */
static void print_name(struct strbuf *buf, const struct node *node)
{
	bool sign = node->kind == NODE_VARIABLE || node->kind == NODE_FUNCTION;
	strbuf_printf(buf, "%s%.*s", sign ? "#" : "", STR_ARG(node->name));
	if (node->kind == NODE_METHOD || node->kind == NODE_FUNCTION) {
		strbuf_add_text(buf, node->blank ? " (" : "(");
		print_all(buf, node, ")");
	}
}

/* "$[" would select. */
static void print_bracket(struct strbuf *buf)
{
	strbuf_add_text(buf, buf->length && buf->bytes[buf->length - 1] == '$' ? " [" : "[");
}

static void print_chain(struct strbuf *buf, const struct node *node)
{
	print_at(buf, node->children[0], LEVEL_START);
	for (uint32_t i = 1; i < node->count; i++) {
		const struct node *part = node->children[i];
		if (part->kind != NODE_INDEX)
			strbuf_add_text(buf, part->safe ? "?." : ".");
		expr_print(buf, part);
	}
}

/* Its pieces stand apart: two that are numbers would be one. */
static void print_class(struct strbuf *buf, struct str name)
{
	for (size_t i = 0; i < name.length; i++)
		if (name.bytes[i] == '.')
			strbuf_add_text(buf, " . ");
		else
			strbuf_add_char(buf, name.bytes[i]);
}

static void print_new_array(struct strbuf *buf, const struct node *node)
{
	strbuf_add_text(buf, "new ");
	print_class(buf, node->name);
	for (uint32_t i = 0; i < node->count; i++) {
		print_bracket(buf);
		if (node->children[i])
			expr_print(buf, node->children[i]);
		strbuf_add_char(buf, ']');
	}
	if (node->extra)
		expr_print(buf, node->extra);
}

static void print_between(
	struct strbuf *buf, const struct node *node, const char *word, enum level operands)
{
	for (uint32_t i = 0; i < node->count; i++) {
		if (i)
			strbuf_printf(buf, " %s ", word ? word : op_text(node->steps[i - 1].op));
		print_at(buf, node->children[i], operands);
	}
}

static void print_increment(struct strbuf *buf, const struct node *node)
{
	const char *sign = node->op == OP_PLUS ? "++" : "--";
	if (node->safe)
		strbuf_printf(buf, "%s ", sign);
	print_at(buf, node->children[0], LEVEL_UNARY);
	if (!node->safe)
		strbuf_printf(buf, " %s", sign);
}

static void print_choice(struct strbuf *buf, const struct node *node)
{
	bool assign = node->kind == NODE_ASSIGN;
	print_at(buf, node->children[0], LEVEL_OR);
	strbuf_add_text(buf, node->kind == NODE_ELVIS ? " ?: " : assign ? " = " : " ? ");
	print_at(buf, node->children[1], assign ? LEVEL_OR : LEVEL_EXPRESSION);
	if (node->kind != NODE_TERNARY)
		return;
	strbuf_add_text(buf, " : ");
	expr_print(buf, node->children[2]);
}

static void print_inside(struct strbuf *buf, const struct node *node)
{
	if (node->kind == NODE_INDEX)
		print_bracket(buf);
	else
		strbuf_add_text(buf, node->kind == NODE_PROJECT ? "![" : selections[node->op]);
	print_all(buf, node, "]");
}

static void print_type(struct strbuf *buf, const struct node *node)
{
	strbuf_add_text(buf, "T(");
	print_class(buf, node->name);
	for (int i = 0; i < node->op; i++) {
		print_bracket(buf);
		strbuf_add_char(buf, ']');
	}
	strbuf_add_char(buf, ')');
}

void expr_print(struct strbuf *buf, const struct node *node)
{
	switch ((enum node_kind)node->kind) {
	case NODE_LITERAL:
		print_literal(buf, node->literal);
		break;
	case NODE_CHAIN:
		print_chain(buf, node);
		break;
	case NODE_NAME:
	case NODE_METHOD:
	case NODE_VARIABLE:
	case NODE_FUNCTION:
		print_name(buf, node);
		break;
	case NODE_INDEX:
	case NODE_PROJECT:
	case NODE_SELECT:
		print_inside(buf, node);
		break;
	case NODE_LIST:
		strbuf_add_char(buf, '{');
		print_all(buf, node, "}");
		break;
	case NODE_MAP:
		print_map(buf, node);
		break;
	case NODE_TYPE:
		print_type(buf, node);
		break;
	case NODE_NEW:
		strbuf_add_text(buf, "new ");
		print_class(buf, node->name);
		strbuf_add_char(buf, '(');
		print_all(buf, node, ")");
		break;
	case NODE_NEW_ARRAY:
		print_new_array(buf, node);
		break;
	case NODE_BEAN:
		strbuf_add_char(buf, '@'); /* a quoted one may hold a NUL */
		strbuf_add_str(buf, node->name);
		break;
	case NODE_FOLD:
		print_between(buf, node, NULL, node_level(node) + 1);
		break;
	case NODE_AND:
		print_between(buf, node, "and", LEVEL_RELATION);
		break;
	case NODE_OR:
		print_between(buf, node, "or", LEVEL_AND);
		break;
	case NODE_UNARY:
		strbuf_printf(buf, "%s ", op_text(node->op));
		print_at(buf, node->children[0], LEVEL_UNARY);
		break;
	case NODE_TERNARY:
	case NODE_ELVIS:
	case NODE_ASSIGN:
		print_choice(buf, node);
		break;
	case NODE_INCREMENT:
		print_increment(buf, node);
		break;
	}
}

static bool same_literal(struct value a, struct value b)
{
	if (a.kind != b.kind)
		return false;
	if (a.kind == V_STRING)
		return str_equal(value_str(a), value_str(b));
	if (a.kind == V_FLOAT || a.kind == V_DOUBLE)
		return a.number == b.number;
	return a.kind == V_NULL ||
		(a.kind == V_BOOL ? a.boolean == b.boolean : a.integer == b.integer);
}

bool expr_same(const struct node *a, const struct node *b)
{
	if (!a || !b)
		return a == b;
	bool named = a->kind != NODE_LITERAL && a->kind != NODE_FOLD;
	if (a->kind != b->kind || a->op != b->op || a->safe != b->safe || a->constant != b->constant ||
		a->count != b->count || (named && !str_equal(a->name, b->name)) ||
		(a->kind == NODE_LITERAL && !same_literal(a->literal, b->literal)) ||
		!expr_same(a->extra, b->extra))
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!expr_same(a->children[i], b->children[i]))
			return false;
	for (uint32_t i = 1; a->kind == NODE_FOLD && i < a->count; i++)
		if (a->steps[i - 1].op != b->steps[i - 1].op)
			return false;
	return true;
}

char *expr_check_print(struct str body)
{
	struct expr *expr = expr_parse(body);
	struct expr *again = NULL;
	char *wrong = NULL;
	struct strbuf print = STRBUF_INIT(1 << 20);
	if (!expr->tree)
		goto out;
	expr_print(&print, expr->tree);
	again = expr_parse(strbuf_str(&print));
	bool too_much = print.length >
		LIMIT_EXPR_BODY_BYTES; /* of blanks and digits that the text did not have */
	if (!again->tree && !too_much)
		wrong = xasprintf("%s: %s", print.bytes, again->message);
	else if (again->tree && !expr_same(expr->tree, again->tree))
		wrong = xasprintf("%s is another tree", print.bytes);
out:
	expr_unref(expr);
	expr_unref(again);
	strbuf_free(&print);
	return wrong;
}
