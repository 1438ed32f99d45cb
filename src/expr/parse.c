/*
 * Tokens to a tree, by the grammar of the reference, 2.2, in the order of its rules. A rule returns its
 * node, NULL when nothing of its kind stands there, and sets parser->failed for a mistake; whoever calls looks at
 * that before he goes on.
 */
#include "expr/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "expr/eval.h"

/* About what a token makes of the tree: a node, or another's children, steps and hints. */
#define TOKEN_BYTES 96

struct node *parser_fail(struct parser *parser, int position, const char *format, ...)
{
	if (parser->failed)
		return NULL;
	parser->failed = true;
	va_list args;
	va_start(args, format);
	char text[512];
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	parser->expr->message = arena_copy(parser->arena, str_of(text));
	parser->expr->position = position;
	return NULL;
}

struct node *parser_fail_here(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	if (token->kind == TOKEN_END)
		return parser_fail(parser, token->position, "EL1044E: Unexpectedly ran out of input");
	return parser_fail(parser, token->position, "EL1043E: Unexpected token '%.*s'",
		STR_ARG(str_slice(token->text, 0, token->text.length < 60 ? token->text.length : 60)));
}

bool parser_expect(struct parser *parser, enum token_kind kind)
{
	if (parser->failed)
		return false;
	if (parser_accept(parser, kind))
		return true;
	const struct token *token = parser_peek(parser);
	if (token->kind == TOKEN_END)
		parser_fail(parser, token->position, "EL1044E: Unexpectedly ran out of input");
	else
		parser_fail(parser, token->position,
			"EL1043E: Unexpected token. Expected '%s' but was '%.*s'",
			token_kind_text(kind),
			STR_ARG(str_slice(token->text, 0,
				token->text.length < 60 ? token->text.length : 60)));
	return false;
}

struct node *node_new(struct parser *parser, enum node_kind kind, int position)
{
	struct node *node = arena_new(parser->arena, struct node);
	node->kind = (uint8_t)kind;
	node->position = position;
	node->known = kind == NODE_LITERAL;
	if (kind == NODE_NAME || kind == NODE_METHOD || kind == NODE_INDEX)
		node->hint = arena_new(parser->arena, struct node_hint);
	return node;
}

void gather(struct parser *parser, struct node *node, enum node_op op, int position)
{
	if (parser->pile_count == parser->pile_capacity) {
		bool own = parser->pile != parser->first;
		parser->pile_capacity *= 2;
		struct gathered *pile = xrealloc(
			own ? parser->pile : NULL, parser->pile_capacity * sizeof(*pile));
		if (!own)
			memcpy(pile, parser->first, sizeof(parser->first));
		parser->pile = pile;
	}
	parser->pile[parser->pile_count++] = (struct gathered){ node,
		{ .op = (uint8_t)op, .position = position } };
}

void gather_end(struct parser *parser, size_t mark, struct node *to)
{
	const struct gathered *from = parser->pile + mark;
	size_t count = parser->pile_count - mark;
	parser->pile_count = mark;
	if (parser->failed || !count)
		return;
	to->count = (uint32_t)count;
	to->children = arena_alloc(parser->arena, count * sizeof(*to->children));
	for (size_t i = 0; i < count; i++)
		to->children[i] = from[i].node;
	if (to->kind != NODE_FOLD)
		return;
	to->steps = arena_alloc(parser->arena, (count - 1) * sizeof(*to->steps));
	for (size_t i = 1; i < count; i++)
		to->steps[i - 1] = from[i].step;
}

struct node *node_with(struct parser *parser, enum node_kind kind, int position, struct node *a,
	struct node *b, struct node *c)
{
	struct node *node = node_new(parser, kind, position);
	node->count = c ? 3 : b ? 2 : 1;
	node->children = arena_alloc(parser->arena, node->count * sizeof(*node->children));
	struct node *children[] = { a, b, c };
	memcpy(node->children, children, node->count * sizeof(*node->children));
	return node;
}

/* An operand that must be there. */
struct node *parser_must(struct parser *parser, struct node *node)
{
	if (!node && !parser->failed)
		parser_fail_here(parser);
	return parser->failed ? NULL : node;
}

static struct node *parse_unary(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	enum token_kind kind = token->kind;
	bool step = kind == TOKEN_INCREMENT || kind == TOKEN_DECREMENT;
	if (kind != TOKEN_PLUS && kind != TOKEN_MINUS && kind != TOKEN_NOT && !step)
		return parse_primary(parser);
	if (++parser->depth > LIMIT_EXPR_DEPTH)
		return parser_fail(parser, token->position, "Expression is nested too deeply");
	parser_take(parser);
	struct node *operand = parser_must(parser, parse_unary(parser));
	parser->depth--;
	if (!operand)
		return NULL;
	struct node *node = node_with(
		parser, step ? NODE_INCREMENT : NODE_UNARY, token->position, operand, NULL, NULL);
	node->safe = step;
	node->op = kind == TOKEN_PLUS || kind == TOKEN_INCREMENT ? OP_PLUS :
		kind == TOKEN_NOT                                ? OP_NOT :
								   OP_MINUS;
	return node;
}

/* Arithmetic on literals has its value now; what would fail is left to the evaluation. */
static void calculate(struct node *fold)
{
	struct value value = fold->children[0]->literal;
	fold->known = fold->children[0]->known;
	for (uint32_t i = 1; i < fold->count && fold->known; i++)
		fold->known = fold->children[i]->known &&
			op_calculate(
				fold->steps[i - 1].op, value, fold->children[i]->literal, &value);
	if (fold->known)
		fold->literal = value;
}

/* LEFT alone, or a node of KIND of it and what stands on the pile behind it, since it was MARK high. */
static struct node *fold_end(
	struct parser *parser, size_t mark, enum node_kind kind, struct node *left)
{
	if (parser->pile_count == mark)
		return parser->failed ? NULL : left;
	struct node *result = node_new(parser, kind, parser->failed ? 0 : left->position);
	gather_end(parser, mark, result);
	if (parser->failed)
		return NULL;
	if (kind == NODE_FOLD)
		calculate(result);
	return result;
}

/* OP and RIGHT behind LEFT, which is put down with the first of them. */
static void fold_step(struct parser *parser, size_t mark, struct node *left, enum node_op op,
	int position, struct node *right)
{
	if (parser->pile_count == mark)
		gather(parser, left, op, position);
	gather(parser, right, op, position);
}

static struct node *parse_power(struct parser *parser)
{
	struct node *left = parse_unary(parser);
	if (parser->failed)
		return NULL;
	const struct token *token = parser_peek(parser);
	if (token->kind == TOKEN_POWER) {
		if (!parser_must(parser, left))
			return NULL;
		size_t mark = parser->pile_count;
		parser_take(parser);
		struct node *right = parser_must(parser, parse_unary(parser));
		fold_step(parser, mark, left, OP_POWER, token->position, right);
		return fold_end(parser, mark, NODE_FOLD, left);
	}
	if (left && (token->kind == TOKEN_INCREMENT || token->kind == TOKEN_DECREMENT)) {
		parser_take(parser);
		left = node_with(parser, NODE_INCREMENT, token->position, left, NULL, NULL);
		left->op = token->kind == TOKEN_INCREMENT ? OP_PLUS : OP_MINUS;
	}
	return left;
}

/* How tightly operators between two operands bind, the loosest first. */
enum level {
	LEVEL_NONE,
	LEVEL_OR,
	LEVEL_AND,
	LEVEL_RELATION, /* not in a row: 1 < 2 < 3 is left over input */
	LEVEL_SUM,
	LEVEL_PRODUCT,
	LEVEL_POWER, /* has a rule of its own */
};

/* The operator that TOKEN is, if it is one. */
static enum level operator_of(const struct token *token, enum node_op *ret)
{
	static const struct {
		uint8_t level, op;
	} marks[] = {
		[TOKEN_OR] = { LEVEL_OR, OP_EQ },
		[TOKEN_AND] = { LEVEL_AND, OP_EQ },
		[TOKEN_EQ] = { LEVEL_RELATION, OP_EQ },
		[TOKEN_NE] = { LEVEL_RELATION, OP_NE },
		[TOKEN_LT] = { LEVEL_RELATION, OP_LT },
		[TOKEN_LE] = { LEVEL_RELATION, OP_LE },
		[TOKEN_GT] = { LEVEL_RELATION, OP_GT },
		[TOKEN_GE] = { LEVEL_RELATION, OP_GE },
		[TOKEN_PLUS] = { LEVEL_SUM, OP_PLUS },
		[TOKEN_MINUS] = { LEVEL_SUM, OP_MINUS },
		[TOKEN_STAR] = { LEVEL_PRODUCT, OP_TIMES },
		[TOKEN_DIV] = { LEVEL_PRODUCT, OP_DIVIDE },
		[TOKEN_MOD] = { LEVEL_PRODUCT, OP_MODULO },
	}, keywords[] = {
		[KEYWORD_OR] = { LEVEL_OR, OP_EQ },
		[KEYWORD_AND] = { LEVEL_AND, OP_EQ },
		[KEYWORD_MATCHES] = { LEVEL_RELATION, OP_MATCHES },
		[KEYWORD_BETWEEN] = { LEVEL_RELATION, OP_BETWEEN },
		[KEYWORD_INSTANCEOF] = { LEVEL_RELATION, OP_INSTANCEOF },
	};
	bool word = token->keyword != KEYWORD_NONE;
	*ret = (enum node_op)(word ? keywords[token->keyword].op : marks[token->kind].op);
	return (enum level)(word ? keywords[token->keyword].level : marks[token->kind].level);
}

static struct node *parse_operators(struct parser *parser, enum level least);

/* What stands behind LEFT with operators of LEVEL, the first of which comes now. */
static struct node *parse_row(struct parser *parser, struct node *left, enum level level)
{
	enum node_op op;
	size_t mark = parser->pile_count;
	while (!parser->failed && operator_of(parser_peek(parser), &op) == level) {
		if (!parser_must(parser, left))
			break;
		int position = parser_take(parser)->position;
		struct node *right = parser_must(parser, parse_operators(parser, level + 1));
		fold_step(parser, mark, left, op, position, right);
		if (level == LEVEL_RELATION)
			break;
	}
	return fold_end(parser, mark,
		level == LEVEL_OR          ? NODE_OR :
			level == LEVEL_AND ? NODE_AND :
					     NODE_FOLD,
		left);
}

/* An operand, and what follows it with operators that bind at least as tightly as LEAST. */
static struct node *parse_operators(struct parser *parser, enum level least)
{
	struct node *left = parse_power(parser);
	enum level most = LEVEL_PRODUCT;
	enum node_op op;
	while (!parser->failed) {
		enum level level = operator_of(parser_peek(parser), &op);
		if (level < least || level > most || level == LEVEL_NONE)
			return left;
		left = parse_row(parser, left, level);
		most = level - 1;
	}
	return NULL;
}

static struct node *parse_or(struct parser *parser)
{
	return parse_operators(parser, LEVEL_OR);
}

static struct node *null_literal(struct parser *parser, int position)
{
	return node_new(parser, NODE_LITERAL, position);
}

/* "=", "?:" and "?" behind LEFT; a missing left side is null here. */
static struct node *parse_choice(struct parser *parser, struct node *left)
{
	const struct token *token = parser_peek(parser);
	if (!left)
		left = null_literal(parser, token->position);
	parser_take(parser);
	if (token->kind == TOKEN_ASSIGN) {
		struct node *value = parser_must(parser, parse_or(parser));
		return value ? node_with(parser, NODE_ASSIGN, token->position, left, value, NULL) :
			       NULL;
	}
	struct node *second = parse_expression(parser);
	if (parser->failed)
		return NULL;
	if (token->kind == TOKEN_ELVIS) {
		if (!second)
			second = null_literal(parser, token->position);
		return node_with(parser, NODE_ELVIS, token->position, left, second, NULL);
	}
	if (!parser_must(parser, second) || !parser_expect(parser, TOKEN_COLON))
		return NULL;
	struct node *third = parser_must(parser, parse_expression(parser));
	return third ? node_with(parser, NODE_TERNARY, token->position, left, second, third) : NULL;
}

/* NULL without failure when nothing stands here. */
struct node *parse_expression(struct parser *parser)
{
	if (++parser->depth > LIMIT_EXPR_DEPTH)
		return parser_fail(
			parser, parser_peek(parser)->position, "Expression is nested too deeply");
	struct node *node = parse_or(parser);
	enum token_kind kind = parser_peek(parser)->kind;
	if (!parser->failed && (kind == TOKEN_ASSIGN || kind == TOKEN_ELVIS || kind == TOKEN_QUESTION))
		node = parse_choice(parser, node);
	parser->depth--;
	return parser->failed ? NULL : node;
}

static void parse_tokens(struct expr *expr, const struct tokens *tokens)
{
	struct parser parser;
	parser.expr = expr;
	parser.arena = &expr->arena;
	parser.tokens = tokens->list;
	parser.at = 0;
	parser.depth = 0;
	parser.failed = false;
	parser.pile = parser.first;
	parser.pile_count = 0;
	parser.pile_capacity = GATHERED_FIRST;
	struct node *tree = parser_must(&parser, parse_expression(&parser));
	const struct token *rest = parser_peek(&parser);
	if (tree && rest->kind != TOKEN_END)
		parser_fail(&parser, rest->position,
			"EL1041E: After parsing a valid expression, there is still more data in the expression: '%.*s'",
			STR_ARG(str_slice(
				rest->text, 0, rest->text.length < 60 ? rest->text.length : 60)));
	expr->tree = parser.failed ? NULL : tree;
	if (parser.pile != parser.first)
		free(parser.pile);
}

/* With so much memory that a tree of TOKENS seldom needs more. */
static struct expr *expr_new(struct str body, size_t tokens)
{
	size_t text_bytes = (body.length + 16) & ~(size_t)15;
	size_t first_bytes = text_bytes + tokens * TOKEN_BYTES;
	struct expr *expr = xmalloc(sizeof(*expr) + first_bytes);
	atomic_init(&expr->references, 1);
	expr->used = 0;
	expr->hash = 0;
	expr->tree = NULL;
	expr->message = NULL;
	expr->position = -1;
	arena_init(&expr->arena, SIZE_MAX, expr->first, first_bytes);
	expr->text = (struct str){ .bytes = arena_copy(&expr->arena, body), .length = body.length };
	return expr;
}

static struct expr *expr_too_long(struct str body)
{
	struct expr *expr = expr_new(body, 0);
	expr->message = arena_printf(&expr->arena,
		"EL1079E: SpEL expression is too long, exceeding the threshold of '%d' characters",
		LIMIT_EXPR_BODY_BYTES);
	return expr;
}

struct expr *expr_parse(struct str body)
{
	struct tokens tokens; /* lex fills what is used of it */
	if (body.length > LIMIT_EXPR_BODY_BYTES)
		return expr_too_long(body);
	int result = lex(body, &tokens);
	struct expr *expr = expr_new(body, tokens.count);
	if (result == 0) {
		parse_tokens(expr, &tokens);
	} else {
		expr->message = arena_copy(&expr->arena, str_of(tokens.message));
		expr->position = tokens.position;
	}
	tokens_free(&tokens);
	return expr;
}

struct expr *expr_ref(struct expr *expr)
{
	atomic_fetch_add_explicit(&expr->references, 1, memory_order_relaxed);
	return expr;
}

void expr_unref(struct expr *expr)
{
	if (!expr || atomic_fetch_sub_explicit(&expr->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(&expr->arena);
	free(expr);
}
