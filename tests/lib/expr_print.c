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

/* In parentheses unless it stands for itself wherever an operand may stand. */
static void print_operand(struct strbuf *buf, const struct node *node)
{
	bool bare = node->kind == NODE_LITERAL || node->kind == NODE_NAME ||
		node->kind == NODE_METHOD || node->kind == NODE_VARIABLE ||
		node->kind == NODE_FUNCTION || node->kind == NODE_LIST || node->kind == NODE_MAP;
	if (!bare)
		strbuf_add_char(buf, '(');
	expr_print(buf, node);
	if (!bare)
		strbuf_add_char(buf, ')');
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
		print_operand(buf, node->children[i]);
		strbuf_add_text(buf, ": ");
		print_operand(buf, node->children[i + 1]);
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

static void print_chain(struct strbuf *buf, const struct node *node)
{
	print_operand(buf, node->children[0]);
	for (uint32_t i = 1; i < node->count; i++) {
		const struct node *part = node->children[i];
		if (part->kind != NODE_INDEX)
			strbuf_add_text(buf, part->safe ? "?." : ".");
		else if (buf->bytes[buf->length - 1] == '$')
			strbuf_add_char(buf, ' '); /* $[ selects */
		expr_print(buf, part);
	}
}

/* Tokens of a class name stand together, unless they would make a number then. */
static void print_class(struct strbuf *buf, struct str name)
{
	for (size_t i = 0; i < name.length; i++) {
		char before = i ? name.bytes[i - 1] : 'a', here = name.bytes[i];
		bool digit = here >= '0' && here <= '9';
		if (before >= '0' && before <= '9' ? !digit && here != '.' : before == '.' && digit)
			strbuf_add_char(buf, ' ');
		strbuf_add_char(buf, here);
	}
}

static void print_new_array(struct strbuf *buf, const struct node *node)
{
	strbuf_add_text(buf, "new ");
	print_class(buf, node->name);
	for (uint32_t i = 0; i < node->count; i++) {
		strbuf_add_char(buf, '[');
		if (node->children[i])
			expr_print(buf, node->children[i]);
		strbuf_add_char(buf, ']');
	}
	if (node->extra)
		expr_print(buf, node->extra);
}

static void print_between(struct strbuf *buf, const struct node *node, const char *word)
{
	for (uint32_t i = 0; i < node->count; i++) {
		if (i)
			strbuf_printf(buf, " %s ", word ? word : op_text(node->steps[i - 1].op));
		print_operand(buf, node->children[i]);
	}
}

static void print_increment(struct strbuf *buf, const struct node *node)
{
	const char *sign = node->op == OP_PLUS ? "++" : "--";
	strbuf_add_text(buf, node->safe ? sign : "");
	print_operand(buf, node->children[0]);
	strbuf_add_text(buf, node->safe ? "" : sign);
}

static void print_choice(struct strbuf *buf, const struct node *node)
{
	print_operand(buf, node->children[0]);
	strbuf_add_text(buf,
		node->kind == NODE_ELVIS          ? " ?: " :
			node->kind == NODE_ASSIGN ? " = " :
						    " ? ");
	print_operand(buf, node->children[1]);
	if (node->kind != NODE_TERNARY)
		return;
	strbuf_add_text(buf, " : ");
	print_operand(buf, node->children[2]);
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
		strbuf_add_text(buf,
			node->kind == NODE_INDEX           ? "[" :
				node->kind == NODE_PROJECT ? "![" :
							     selections[node->op]);
		print_all(buf, node, "]");
		break;
	case NODE_LIST:
		strbuf_add_char(buf, '{');
		print_all(buf, node, "}");
		break;
	case NODE_MAP:
		print_map(buf, node);
		break;
	case NODE_TYPE:
		strbuf_add_text(buf, "T(");
		print_class(buf, node->name);
		for (int i = 0; i < node->op; i++)
			strbuf_add_text(buf, "[]");
		strbuf_add_char(buf, ')');
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
		print_between(buf, node, NULL);
		break;
	case NODE_AND:
	case NODE_OR:
		print_between(buf, node, node->kind == NODE_AND ? "and" : "or");
		break;
	case NODE_UNARY:
		strbuf_add_text(buf, op_text(node->op));
		print_operand(buf, node->children[0]);
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
	if (a->kind != b->kind || a->op != b->op || a->safe != b->safe ||
		a->constant != b->constant || a->count != b->count || !str_equal(a->name, b->name) ||
		!same_literal(a->literal, b->literal) || !expr_same(a->extra, b->extra))
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!expr_same(a->children[i], b->children[i]))
			return false;
	for (uint32_t i = 1; a->kind == NODE_FOLD && i < a->count; i++)
		if (a->steps[i - 1].op != b->steps[i - 1].op)
			return false;
	return true;
}

/*
 * T is a name only in front of ], else the beginning of T(…): what stands there as the end of an operand, as in [1 + T], has no other
 * form, with parentheses least of all.
 */
static bool has_operand_t(const struct node *node, bool in_brackets)
{
	if (!node)
		return false;
	if (node->kind == NODE_NAME && str_is(node->name, "T"))
		return !in_brackets;
	if (has_operand_t(node->extra, false))
		return true;
	bool brackets = node->kind == NODE_INDEX || node->kind == NODE_PROJECT ||
		node->kind == NODE_SELECT;
	for (uint32_t i = 0; i < node->count; i++)
		if (has_operand_t(node->children[i], brackets))
			return true;
	return false;
}

char *expr_check_print(struct str body)
{
	struct expr *expr = expr_parse(body);
	struct expr *again = NULL;
	char *wrong = NULL;
	struct strbuf print = STRBUF_INIT(1 << 20);
	if (!expr->tree || has_operand_t(expr->tree, false))
		goto out;
	expr_print(&print, expr->tree);
	again = expr_parse(strbuf_str(&print));
	/* The print has more parentheses and blanks than the text had. */
	bool too_much = print.length > LIMIT_EXPR_BODY_BYTES ||
		(again->message && strstr(again->message, "too deeply"));
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
