/* Literals, names, calls, types, lists and maps, and the chains that begin with them. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "expr/functions.h"
#include "expr/parse.h"

/* Between two quotes, with the doubled ones made single. */
static struct str unquote(struct parser *parser, struct str text)
{
	char quote = text.bytes[0];
	struct str inside = str_slice(text, 1, text.length - 1);
	if (!memchr(inside.bytes, quote, inside.length))
		return inside;
	char *bytes = arena_alloc(parser->arena, text.length);
	size_t length = 0;
	for (size_t i = 1; i + 1 < text.length; i++) {
		bytes[length++] = text.bytes[i];
		if (text.bytes[i] == quote)
			i++;
	}
	bytes[length] = 0;
	return (struct str){ .bytes = bytes, .length = length };
}

static bool parse_integer(
	struct parser *parser, const struct token *token, bool is_long, int base, int64_t *ret)
{
	struct str digits = base == 16 ? str_slice(token->text, 2, token->text.length) : token->text;
	uint64_t limit = is_long ? INT64_MAX : INT32_MAX;
	uint64_t value = 0;
	bool good = digits.length > 0;
	for (size_t i = 0; i < digits.length && good; i++) {
		char c = digits.bytes[i];
		unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
		good = value <= (limit - digit) / (unsigned)base;
		value = value * (unsigned)base + digit;
	}
	if (!good) {
		parser_fail(parser, token->position, "%s: The value '%.*s' cannot be parsed as %s",
			is_long ? "EL1035E" : "EL1036E",
			STR_ARG(str_slice(digits, 0, digits.length < 60 ? digits.length : 60)),
			is_long ? "a long" : "an int; write an L behind it");
		return false;
	}
	*ret = (int64_t)value;
	return true;
}

static struct node *parse_number(struct parser *parser, const struct token *token)
{
	struct node *node = node_new(parser, NODE_LITERAL, token->position);
	bool is_long = token->kind == TOKEN_LONG || token->kind == TOKEN_HEX_LONG;
	bool is_hex = token->kind == TOKEN_HEX || token->kind == TOKEN_HEX_LONG;
	if (token->kind == TOKEN_FLOAT) {
		node->literal = value_float(strtof(arena_copy(parser->arena, token->text), NULL));
	} else if (token->kind == TOKEN_DOUBLE) {
		node->literal = value_double(strtod(arena_copy(parser->arena, token->text), NULL));
	} else {
		int64_t integer = 0;
		if (!parse_integer(parser, token, is_long, is_hex ? 16 : 10, &integer))
			return NULL;
		node->literal = is_long ? value_long(integer) : value_int(integer);
	}
	return node;
}

static struct node *parse_literal(struct parser *parser)
{
	const struct token *token = parser_take(parser);
	if (token->kind >= TOKEN_INT && token->kind <= TOKEN_DOUBLE)
		return parse_number(parser, token);
	struct node *node = node_new(parser, NODE_LITERAL, token->position);
	if (token->kind == TOKEN_STRING)
		node->literal = value_string(unquote(parser, parser_text(parser, token)));
	else if (token->keyword != KEYWORD_NULL)
		node->literal = value_bool(token->keyword == KEYWORD_TRUE);
	return node;
}

/* "(" a, b ")" into NODE's children. A comma before the ")" is fine: the original's rewriting leaves such. */
static bool parse_arguments(struct parser *parser, struct node *node)
{
	size_t mark = parser->pile_count;
	do {
		parser_take(parser);
		if (parser_peek(parser)->kind == TOKEN_RPAREN)
			break;
		struct node *argument = parser_must(parser, parse_expression(parser));
		if (!argument)
			break;
		gather(parser, argument, OP_EQ, 0);
	} while (parser_peek(parser)->kind == TOKEN_COMMA);
	bool good = parser_expect(parser, TOKEN_RPAREN);
	gather_end(parser, mark, node);
	return good;
}

/* The word that upstream replaces by a call of the helper of the same name. */
static bool is_server_groups(struct str name)
{
	return str_is(name, "deployedServerGroups");
}

static struct node *parse_method_or_property(struct parser *parser)
{
	if (!parser_at_name(parser))
		return NULL;
	const struct token *token = parser_take(parser);
	bool call = parser_peek(parser)->kind == TOKEN_LPAREN;
	struct node *node = node_new(parser, call ? NODE_METHOD : NODE_NAME, token->position);
	node->name = parser_text(parser, token);
	if (!call)
		val_key_init(&node->hint->key, node->name);
	if (is_server_groups(node->name)) {
		node->kind = NODE_FUNCTION;
		node->function = function_find(node->name);
	}
	if (call && !parse_arguments(parser, node))
		return NULL;
	return node;
}

static struct node *parse_function_or_variable(struct parser *parser)
{
	if (parser_peek(parser)->kind != TOKEN_HASH)
		return NULL;
	const struct token *hash = parser_take(parser);
	if (!parser_at_name(parser)) {
		parser_expect(parser, TOKEN_NAME);
		return NULL;
	}
	const struct token *name = parser_take(parser);
	bool call = parser_peek(parser)->kind == TOKEN_LPAREN;
	struct node *node = node_new(parser, call ? NODE_FUNCTION : NODE_VARIABLE, hash->position);
	node->name = parser_text(parser, name);
	node->blank = parser_peek(parser)->blank;
	node->function = call ? function_find(node->name) : NULL;
	if (call && !parse_arguments(parser, node))
		return NULL;
	return node;
}

/*
 * "java.lang.String". As in the original, numbers are pieces too and the dots between the pieces do not count: "java lang..String" is
 * the same name.
 */
static bool parse_qualified_name(struct parser *parser, struct str *ret)
{
	char name[256];
	size_t length = 0;
	int position = parser_peek(parser)->position;
	for (;;) {
		const struct token *token = parser_peek(parser);
		bool dot = token->kind == TOKEN_DOT;
		bool fits = dot || parser_at_name(parser) || token->kind == TOKEN_INT;
		if (!fits || length + 1 + token->text.length >= sizeof(name))
			break;
		parser_take(parser);
		if (dot)
			continue;
		if (length)
			name[length++] = '.';
		memcpy(name + length, token->text.bytes, token->text.length);
		length += token->text.length;
	}
	if (!length) {
		parser_fail(parser, position, "EL1043E: Unexpected token. Expected 'qualified ID'");
		return false;
	}
	*ret = (struct str){ arena_copy(parser->arena, (struct str){ name, length }), length };
	return true;
}

/* `T` and `new` right before "]" are bare names: m[T]. */
static struct node *parse_as_key(struct parser *parser, const struct token *token)
{
	if (parser_peek(parser)->kind != TOKEN_RSQUARE)
		return NULL;
	struct node *node = node_new(parser, NODE_NAME, token->position);
	node->name = parser_text(parser, token);
	val_key_init(&node->hint->key, node->name);
	return node;
}

static struct node *parse_type(struct parser *parser)
{
	if (parser_peek(parser)->keyword != KEYWORD_T)
		return NULL;
	const struct token *token = parser_take(parser);
	struct node *key = parse_as_key(parser, token);
	if (key)
		return key;
	struct node *node = node_new(parser, NODE_TYPE, token->position);
	if (!parser_expect(parser, TOKEN_LPAREN) || !parse_qualified_name(parser, &node->name))
		return NULL;
	while (parser_accept(parser, TOKEN_LSQUARE)) {
		if (!parser_expect(parser, TOKEN_RSQUARE))
			return NULL;
		node->op++;
	}
	return parser_expect(parser, TOKEN_RPAREN) ? node : NULL;
}

static struct node *parse_list_or_map(struct parser *parser);

static struct node *parse_new_array(struct parser *parser, struct node *node)
{
	size_t mark = parser->pile_count;
	node->kind = NODE_NEW_ARRAY;
	while (!parser->failed && parser_accept(parser, TOKEN_LSQUARE)) {
		struct node *size = NULL;
		if (parser_peek(parser)->kind != TOKEN_RSQUARE)
			size = parser_must(parser, parse_expression(parser));
		parser_expect(parser, TOKEN_RSQUARE);
		gather(parser, size, OP_EQ, 0);
	}
	if (!parser->failed)
		node->extra = parse_list_or_map(parser);
	gather_end(parser, mark, node);
	return parser->failed ? NULL : node;
}

static struct node *parse_new(struct parser *parser)
{
	if (parser_peek(parser)->keyword != KEYWORD_NEW)
		return NULL;
	const struct token *token = parser_take(parser);
	struct node *key = parse_as_key(parser, token);
	if (key)
		return key;
	struct node *node = node_new(parser, NODE_NEW, token->position);
	if (!parse_qualified_name(parser, &node->name))
		return NULL;
	if (parser_peek(parser)->kind == TOKEN_LSQUARE)
		return parse_new_array(parser, node);
	if (parser_peek(parser)->kind != TOKEN_LPAREN)
		return parser_fail(parser, token->position,
			"EL1050E: The arguments '(...)' for the constructor call are missing");
	return parse_arguments(parser, node) ? node : NULL;
}

static struct node *parse_bean(struct parser *parser)
{
	enum token_kind kind = parser_peek(parser)->kind;
	if (kind != TOKEN_BEAN && kind != TOKEN_FACTORY_BEAN)
		return NULL;
	struct node *node = node_new(parser, NODE_BEAN, parser_take(parser)->position);
	if (!parser_at_name(parser) && parser_peek(parser)->kind != TOKEN_STRING)
		return parser_fail(parser, node->position, "EL1058E: Invalid bean reference");
	node->name = parser_text(parser, parser_take(parser));
	return node;
}

/* ![…] ?[…] ^[…] $[…] */
static struct node *parse_project_or_select(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	if (token->kind < TOKEN_SELECT || token->kind > TOKEN_PROJECT)
		return NULL;
	parser_take(parser);
	struct node *inner = parser_must(parser, parse_expression(parser));
	if (!inner || !parser_expect(parser, TOKEN_RSQUARE))
		return NULL;
	bool project = token->kind == TOKEN_PROJECT;
	struct node *node = node_with(
		parser, project ? NODE_PROJECT : NODE_SELECT, token->position, inner, NULL, NULL);
	node->op = token->kind == TOKEN_SELECT_FIRST ? OP_FIRST :
		token->kind == TOKEN_SELECT_LAST     ? OP_LAST :
						       OP_ALL;
	return node;
}

static struct node *parse_index(struct parser *parser)
{
	if (parser_peek(parser)->kind != TOKEN_LSQUARE)
		return NULL;
	const struct token *token = parser_take(parser);
	struct node *inner = parser_must(parser, parse_expression(parser));
	if (!inner || !parser_expect(parser, TOKEN_RSQUARE))
		return NULL;
	struct node *node = node_with(parser, NODE_INDEX, token->position, inner, NULL, NULL);
	if (inner->kind == NODE_NAME)
		val_key_init(&node->hint->key, inner->name);
	else if (inner->kind == NODE_LITERAL && inner->literal.kind == V_STRING)
		val_key_init(&node->hint->key, value_str(inner->literal));
	return node;
}

static bool is_constant(const struct node *node)
{
	return node->kind == NODE_LITERAL || node->constant;
}

/* What stands behind the first expression of a list, or the first key of a map, up to "}". */
static void parse_items(struct parser *parser, struct node *node)
{
	bool map = node->kind == NODE_MAP;
	node->constant = true;
	for (size_t i = 0;; i++) {
		if (i > 0) {
			struct node *item = parser_must(parser, parse_expression(parser));
			if (!item)
				return;
			gather(parser, item, OP_EQ, 0);
		}
		if (map) {
			if (!parser_expect(parser, TOKEN_COLON))
				return;
			struct node *value = parser_must(parser, parse_expression(parser));
			if (!value)
				return;
			gather(parser, value, OP_EQ, 0);
			node->constant = node->constant && is_constant(value);
		} else {
			node->constant = node->constant &&
				is_constant(parser->pile[parser->pile_count - 1].node);
		}
		if (!parser_accept(parser, TOKEN_COMMA))
			return;
	}
}

static struct node *parse_list_or_map(struct parser *parser)
{
	if (parser_peek(parser)->kind != TOKEN_LCURLY)
		return NULL;
	struct node *node = node_new(parser, NODE_LIST, parser_take(parser)->position);
	node->constant = true;
	if (parser_accept(parser, TOKEN_RCURLY))
		return node;
	if (parser_accept(parser, TOKEN_COLON)) {
		node->kind = NODE_MAP;
		return parser_expect(parser, TOKEN_RCURLY) ? node : NULL;
	}
	struct node *first = parser_must(parser, parse_expression(parser));
	if (!first)
		return NULL;
	size_t mark = parser->pile_count;
	gather(parser, first, OP_EQ, 0);
	if (parser_peek(parser)->kind == TOKEN_COLON)
		node->kind = NODE_MAP;
	parse_items(parser, node);
	gather_end(parser, mark, node);
	return parser_expect(parser, TOKEN_RCURLY) ? node : NULL;
}

static struct node *parse_parenthesized(struct parser *parser)
{
	parser_take(parser);
	struct node *inner = parser_must(parser, parse_expression(parser));
	return inner && parser_expect(parser, TOKEN_RPAREN) ? inner : NULL;
}

/* A name alone, a call, or what its first word makes of it. */
static struct node *parse_named(struct parser *parser)
{
	switch (parser_peek(parser)->keyword) {
	case KEYWORD_TRUE:
	case KEYWORD_FALSE:
	case KEYWORD_NULL:
		return parse_literal(parser);
	case KEYWORD_T:
		return parse_type(parser);
	case KEYWORD_NEW:
		return parse_new(parser);
	default:
		return parse_method_or_property(parser);
	}
}

static struct node *parse_start(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	switch ((enum token_kind)token->kind) {
	case TOKEN_NAME:
		return parse_named(parser);
	case TOKEN_STRING:
	case TOKEN_INT:
	case TOKEN_LONG:
	case TOKEN_HEX:
	case TOKEN_HEX_LONG:
	case TOKEN_FLOAT:
	case TOKEN_DOUBLE:
		return parse_literal(parser);
	case TOKEN_LPAREN:
		return parse_parenthesized(parser);
	case TOKEN_HASH:
		return parse_function_or_variable(parser);
	case TOKEN_BEAN:
	case TOKEN_FACTORY_BEAN:
		return parse_bean(parser);
	case TOKEN_SELECT:
	case TOKEN_SELECT_FIRST:
	case TOKEN_SELECT_LAST:
	case TOKEN_PROJECT:
		return parse_project_or_select(parser);
	case TOKEN_LSQUARE:
		return parse_index(parser);
	case TOKEN_LCURLY:
		return parse_list_or_map(parser);
	default:
		/* An operator written as a word is a name where one is wanted. */
		return token->word ? parse_method_or_property(parser) : NULL;
	}
}

/* One part behind a start: ".name", "?.name()", "[…]"; NULL when there is none. */
static struct node *parse_part(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	if (token->kind != TOKEN_DOT && token->kind != TOKEN_SAFE)
		return parse_index(parser);
	parser_take(parser);
	struct node *node = parse_method_or_property(parser);
	if (!node && !parser->failed)
		node = parse_function_or_variable(parser);
	if (!node && !parser->failed)
		node = parse_project_or_select(parser);
	if (parser->failed)
		return NULL;
	if (!node && parser_peek(parser)->kind == TOKEN_END)
		return parser_fail_here(parser);
	if (!node)
		return parser_fail(parser, token->position,
			"EL1049E: Unexpected data after '.': '%.*s'",
			STR_ARG(str_slice(parser_peek(parser)->text, 0,
				parser_peek(parser)->text.length < 60 ?
					parser_peek(parser)->text.length :
					60)));
	node->safe = token->kind == TOKEN_SAFE;
	return node;
}

struct node *parse_primary(struct parser *parser)
{
	struct node *start = parse_start(parser);
	if (parser->failed || !start)
		return NULL;
	size_t mark = parser->pile_count;
	struct node *result = start;
	for (struct node *part; (part = parse_part(parser)) != NULL;) {
		if (parser->pile_count == mark)
			gather(parser, start, OP_EQ, 0);
		gather(parser, part, OP_EQ, 0);
	}
	if (parser->pile_count > mark) {
		result = node_new(parser, NODE_CHAIN, start->position);
		gather_end(parser, mark, result);
	}
	return parser->failed ? NULL : result;
}
