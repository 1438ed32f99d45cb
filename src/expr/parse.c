/*
 * Tokens to a tree, by the grammar of the reference, 2.2, in the order of its rules. A rule returns its
 * node, NULL when nothing of its kind stands there, and sets parser->failed for a mistake; whoever calls looks at
 * that before he goes on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "expr/lex.h"
#include "expr/node.h"

struct parser {
	struct expr *expr;
	struct arena *arena;
	const struct token *tokens;
	size_t at;
	unsigned depth;
	bool failed;
};

static struct node *parse_expression(struct parser *parser);

static const struct token *peek(const struct parser *parser)
{
	return &parser->tokens[parser->at];
}

static const struct token *take_token(struct parser *parser)
{
	const struct token *token = peek(parser);
	if (token->kind != TOKEN_END)
		parser->at++;
	return token;
}

static bool accept(struct parser *parser, enum token_kind kind)
{
	if (peek(parser)->kind != kind)
		return false;
	take_token(parser);
	return true;
}

/* A name; `eq`, `not` and their like are names too where one is wanted. */
static bool at_name(const struct parser *parser)
{
	return peek(parser)->kind == TOKEN_NAME || peek(parser)->word;
}

static bool at_word(const struct parser *parser, const char *word)
{
	return peek(parser)->kind == TOKEN_NAME && str_equal_nocase(peek(parser)->text, str_of(word));
}

__attribute__((format(printf, 3, 4))) static struct node *parse_fail(
	struct parser *parser, int position, const char *format, ...)
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

static struct node *parse_fail_here(struct parser *parser)
{
	const struct token *token = peek(parser);
	if (token->kind == TOKEN_END)
		return parse_fail(parser, token->position, "EL1044E: Unexpectedly ran out of input");
	return parse_fail(parser, token->position, "EL1043E: Unexpected token '%.*s'",
		STR_ARG(str_slice(token->text, 0, token->text.length < 60 ? token->text.length : 60)));
}

static bool expect(struct parser *parser, enum token_kind kind)
{
	if (parser->failed)
		return false;
	if (accept(parser, kind))
		return true;
	const struct token *token = peek(parser);
	if (token->kind == TOKEN_END)
		parse_fail(parser, token->position, "EL1044E: Unexpectedly ran out of input");
	else
		parse_fail(parser, token->position,
			"EL1043E: Unexpected token. Expected '%s' but was '%.*s'",
			token_kind_text(kind),
			STR_ARG(str_slice(token->text, 0,
				token->text.length < 60 ? token->text.length : 60)));
	return false;
}

static struct node *node_new(struct parser *parser, enum node_kind kind, int position)
{
	struct node *node = arena_new(parser->arena, struct node);
	node->kind = (uint8_t)kind;
	node->position = position;
	return node;
}

static struct str keep(struct parser *parser, struct str text)
{
	return (struct str){ .bytes = arena_copy(parser->arena, text), .length = text.length };
}

/* Children are gathered in a growing array and then laid into the arena. */
struct gathered {
	VEC(struct node *) list;
	VEC(struct node_step) steps;
};

static void gathered_free(struct gathered *gathered)
{
	vec_free(&gathered->list);
	vec_free(&gathered->steps);
}

static void gathered_move(struct parser *parser, struct gathered *from, struct node *to)
{
	size_t bytes = from->list.count * sizeof(*to->children);
	to->count = (uint32_t)from->list.count;
	to->children = arena_alloc(parser->arena, bytes);
	if (bytes)
		memcpy(to->children, from->list.items, bytes);
	bytes = from->steps.count * sizeof(*to->steps);
	to->steps = arena_alloc(parser->arena, bytes);
	if (bytes)
		memcpy(to->steps, from->steps.items, bytes);
}

static struct node *node_with(struct parser *parser, enum node_kind kind, int position,
	struct node *a, struct node *b, struct node *c)
{
	struct node *node = node_new(parser, kind, position);
	node->children = arena_alloc(parser->arena, 3 * sizeof(*node->children));
	node->children[0] = a;
	node->children[1] = b;
	node->children[2] = c;
	node->count = c ? 3 : b ? 2 : 1;
	return node;
}

/* An operand that must be there. */
static struct node *must(struct parser *parser, struct node *node)
{
	if (!node && !parser->failed)
		parse_fail_here(parser);
	return parser->failed ? NULL : node;
}

/* Between two quotes, with the doubled ones made single. */
static struct str unquote(struct parser *parser, struct str text)
{
	char quote = text.bytes[0];
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
		parse_fail(parser, token->position, "%s: The value '%.*s' cannot be parsed as %s",
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
	const struct token *token = peek(parser);
	if (token->kind >= TOKEN_INT && token->kind <= TOKEN_DOUBLE)
		return parse_number(parser, take_token(parser));
	struct node literal = { 0 };
	if (token->kind == TOKEN_STRING)
		literal.literal = value_string(unquote(parser, token->text));
	else if (at_word(parser, "true"))
		literal.literal = value_bool(true);
	else if (at_word(parser, "false"))
		literal.literal = value_bool(false);
	else if (!at_word(parser, "null"))
		return NULL;
	struct node *node = node_new(parser, NODE_LITERAL, token->position);
	node->literal = literal.literal;
	take_token(parser);
	return node;
}

/* "(" a, b ")" into NODE's children. A comma before the ")" is fine: the original's rewriting leaves such. */
static bool parse_arguments(struct parser *parser, struct node *node)
{
	struct gathered gathered = { 0 };
	do {
		take_token(parser);
		if (peek(parser)->kind == TOKEN_RPAREN)
			break;
		struct node *argument = must(parser, parse_expression(parser));
		if (!argument)
			break;
		vec_push(&gathered.list, argument);
	} while (peek(parser)->kind == TOKEN_COMMA);
	bool good = expect(parser, TOKEN_RPAREN);
	if (good)
		gathered_move(parser, &gathered, node);
	gathered_free(&gathered);
	return good;
}

/* The word that upstream replaces by a call of the helper of the same name. */
static bool is_server_groups(struct str name)
{
	return str_is(name, "deployedServerGroups");
}

static struct node *parse_method_or_property(struct parser *parser)
{
	if (!at_name(parser))
		return NULL;
	const struct token *token = take_token(parser);
	bool call = peek(parser)->kind == TOKEN_LPAREN;
	struct node *node = node_new(parser, call ? NODE_METHOD : NODE_NAME, token->position);
	node->name = keep(parser, token->text);
	if (is_server_groups(node->name))
		node->kind = NODE_FUNCTION;
	if (call && !parse_arguments(parser, node))
		return NULL;
	return node;
}

static struct node *parse_function_or_variable(struct parser *parser)
{
	if (peek(parser)->kind != TOKEN_HASH)
		return NULL;
	const struct token *hash = take_token(parser);
	if (!at_name(parser)) {
		expect(parser, TOKEN_NAME);
		return NULL;
	}
	const struct token *name = take_token(parser);
	bool call = peek(parser)->kind == TOKEN_LPAREN;
	struct node *node = node_new(parser, call ? NODE_FUNCTION : NODE_VARIABLE, hash->position);
	node->name = keep(parser, name->text);
	node->blank = peek(parser)->blank;
	if (call && !parse_arguments(parser, node))
		return NULL;
	return node;
}

/* "java.lang.String"; also numbers and words between the dots, as the original has it. */
static bool parse_qualified_name(struct parser *parser, struct str *ret)
{
	char name[256];
	size_t length = 0;
	int position = peek(parser)->position;
	for (;;) {
		const struct token *token = peek(parser);
		bool fits = token->kind == TOKEN_DOT || at_name(parser) || token->kind == TOKEN_INT;
		if (!fits || length + token->text.length >= sizeof(name))
			break;
		memcpy(name + length, token->text.bytes, token->text.length);
		length += token->text.length;
		take_token(parser);
	}
	if (!length) {
		parse_fail(parser, position, "EL1043E: Unexpected token. Expected 'qualified ID'");
		return false;
	}
	*ret = keep(parser, (struct str){ .bytes = name, .length = length });
	return true;
}

/* `T` and `new` right before "]" are bare names: m[T]. */
static struct node *parse_as_key(struct parser *parser, const struct token *token)
{
	if (peek(parser)->kind != TOKEN_RSQUARE)
		return NULL;
	struct node *node = node_new(parser, NODE_NAME, token->position);
	node->name = keep(parser, token->text);
	return node;
}

static struct node *parse_type(struct parser *parser)
{
	if (peek(parser)->kind != TOKEN_NAME || !str_is(peek(parser)->text, "T"))
		return NULL;
	const struct token *token = take_token(parser);
	struct node *key = parse_as_key(parser, token);
	if (key)
		return key;
	struct node *node = node_new(parser, NODE_TYPE, token->position);
	if (!expect(parser, TOKEN_LPAREN) || !parse_qualified_name(parser, &node->name))
		return NULL;
	while (accept(parser, TOKEN_LSQUARE)) {
		if (!expect(parser, TOKEN_RSQUARE))
			return NULL;
		node->op++;
	}
	return expect(parser, TOKEN_RPAREN) ? node : NULL;
}

static struct node *parse_list_or_map(struct parser *parser);

static struct node *parse_new_array(struct parser *parser, struct node *node)
{
	struct gathered gathered = { 0 };
	node->kind = NODE_NEW_ARRAY;
	while (!parser->failed && accept(parser, TOKEN_LSQUARE)) {
		struct node *size = NULL;
		if (peek(parser)->kind != TOKEN_RSQUARE)
			size = must(parser, parse_expression(parser));
		expect(parser, TOKEN_RSQUARE);
		vec_push(&gathered.list, size);
	}
	if (!parser->failed)
		node->extra = parse_list_or_map(parser);
	gathered_move(parser, &gathered, node);
	gathered_free(&gathered);
	return parser->failed ? NULL : node;
}

static struct node *parse_new(struct parser *parser)
{
	if (!at_word(parser, "new"))
		return NULL;
	const struct token *token = take_token(parser);
	struct node *key = parse_as_key(parser, token);
	if (key)
		return key;
	struct node *node = node_new(parser, NODE_NEW, token->position);
	if (!parse_qualified_name(parser, &node->name))
		return NULL;
	if (peek(parser)->kind == TOKEN_LSQUARE)
		return parse_new_array(parser, node);
	if (peek(parser)->kind != TOKEN_LPAREN)
		return parse_fail(parser, token->position,
			"EL1050E: The arguments '(...)' for the constructor call are missing");
	return parse_arguments(parser, node) ? node : NULL;
}

static struct node *parse_bean(struct parser *parser)
{
	enum token_kind kind = peek(parser)->kind;
	if (kind != TOKEN_BEAN && kind != TOKEN_FACTORY_BEAN)
		return NULL;
	struct node *node = node_new(parser, NODE_BEAN, take_token(parser)->position);
	if (!at_name(parser) && peek(parser)->kind != TOKEN_STRING)
		return parse_fail(parser, node->position, "EL1058E: Invalid bean reference");
	node->name = keep(parser, take_token(parser)->text);
	return node;
}

/* ![…] ?[…] ^[…] $[…] */
static struct node *parse_project_or_select(struct parser *parser)
{
	const struct token *token = peek(parser);
	if (token->kind < TOKEN_SELECT || token->kind > TOKEN_PROJECT)
		return NULL;
	take_token(parser);
	struct node *inner = must(parser, parse_expression(parser));
	if (!inner || !expect(parser, TOKEN_RSQUARE))
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
	if (peek(parser)->kind != TOKEN_LSQUARE)
		return NULL;
	const struct token *token = take_token(parser);
	struct node *inner = must(parser, parse_expression(parser));
	if (!inner || !expect(parser, TOKEN_RSQUARE))
		return NULL;
	return node_with(parser, NODE_INDEX, token->position, inner, NULL, NULL);
}

static bool is_constant(const struct node *node)
{
	return node->kind == NODE_LITERAL || node->constant;
}

/* What stands behind the first expression of a list, or the first key of a map, up to "}". */
static void parse_items(struct parser *parser, struct node *node, struct gathered *gathered)
{
	bool map = node->kind == NODE_MAP;
	node->constant = true;
	for (size_t i = 0;; i++) {
		if (i > 0) {
			struct node *item = must(parser, parse_expression(parser));
			if (!item)
				return;
			vec_push(&gathered->list, item);
		}
		if (map) {
			if (!expect(parser, TOKEN_COLON))
				return;
			struct node *value = must(parser, parse_expression(parser));
			if (!value)
				return;
			vec_push(&gathered->list, value);
			node->constant = node->constant && is_constant(value);
		} else {
			node->constant = node->constant &&
				is_constant(gathered->list.items[gathered->list.count - 1]);
		}
		if (!accept(parser, TOKEN_COMMA))
			return;
	}
}

static struct node *parse_list_or_map(struct parser *parser)
{
	if (peek(parser)->kind != TOKEN_LCURLY)
		return NULL;
	struct node *node = node_new(parser, NODE_LIST, take_token(parser)->position);
	if (accept(parser, TOKEN_RCURLY))
		return node;
	if (accept(parser, TOKEN_COLON)) {
		node->kind = NODE_MAP;
		return expect(parser, TOKEN_RCURLY) ? node : NULL;
	}
	struct node *first = must(parser, parse_expression(parser));
	if (!first)
		return NULL;
	struct gathered gathered = { 0 };
	vec_push(&gathered.list, first);
	if (peek(parser)->kind == TOKEN_COLON)
		node->kind = NODE_MAP;
	parse_items(parser, node, &gathered);
	gathered_move(parser, &gathered, node);
	gathered_free(&gathered);
	return expect(parser, TOKEN_RCURLY) ? node : NULL;
}

static struct node *parse_start(struct parser *parser)
{
	static struct node *(*const rules[])(struct parser *) = {
		parse_literal,
		parse_type,
		parse_new,
		parse_method_or_property,
		parse_function_or_variable,
		parse_bean,
		parse_project_or_select,
		parse_index,
		parse_list_or_map,
	};
	if (peek(parser)->kind == TOKEN_LPAREN) {
		take_token(parser);
		struct node *inner = must(parser, parse_expression(parser));
		return inner && expect(parser, TOKEN_RPAREN) ? inner : NULL;
	}
	struct node *node = NULL;
	for (size_t i = 0; !node && !parser->failed && i < sizeof(rules) / sizeof(rules[0]); i++)
		node = rules[i](parser);
	return node;
}

/* One part behind a start: ".name", "?.name()", "[…]"; NULL when there is none. */
static struct node *parse_part(struct parser *parser)
{
	const struct token *token = peek(parser);
	if (token->kind != TOKEN_DOT && token->kind != TOKEN_SAFE)
		return parse_index(parser);
	take_token(parser);
	struct node *node = parse_method_or_property(parser);
	if (!node && !parser->failed)
		node = parse_function_or_variable(parser);
	if (!node && !parser->failed)
		node = parse_project_or_select(parser);
	if (parser->failed)
		return NULL;
	if (!node && peek(parser)->kind == TOKEN_END)
		return parse_fail_here(parser);
	if (!node)
		return parse_fail(parser, token->position,
			"EL1049E: Unexpected data after '.': '%.*s'",
			STR_ARG(str_slice(peek(parser)->text, 0,
				peek(parser)->text.length < 60 ? peek(parser)->text.length : 60)));
	node->safe = token->kind == TOKEN_SAFE;
	return node;
}

static struct node *parse_primary(struct parser *parser)
{
	struct node *start = parse_start(parser);
	if (parser->failed || !start)
		return NULL;
	struct gathered gathered = { 0 };
	vec_push(&gathered.list, start);
	for (struct node *part; (part = parse_part(parser)) != NULL;)
		vec_push(&gathered.list, part);
	struct node *result = start;
	if (gathered.list.count > 1) {
		result = node_new(parser, NODE_CHAIN, start->position);
		gathered_move(parser, &gathered, result);
	}
	gathered_free(&gathered);
	return parser->failed ? NULL : result;
}

static struct node *parse_unary(struct parser *parser)
{
	const struct token *token = peek(parser);
	enum token_kind kind = token->kind;
	bool step = kind == TOKEN_INCREMENT || kind == TOKEN_DECREMENT;
	if (kind != TOKEN_PLUS && kind != TOKEN_MINUS && kind != TOKEN_NOT && !step)
		return parse_primary(parser);
	if (++parser->depth > LIMIT_EXPR_DEPTH)
		return parse_fail(parser, token->position, "Expression is nested too deeply");
	take_token(parser);
	struct node *operand = must(parser, parse_unary(parser));
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

static void fold_step(struct parser *parser, struct gathered *gathered, enum node_op op,
	int position, struct node *right)
{
	struct node_step step = { .op = (uint8_t)op, .position = position };
	vec_push(&gathered->steps, step);
	vec_push(&gathered->list, right);
}

/* LEFT alone, or with what was gathered behind it. Frees GATHERED. */
static struct node *fold_end(
	struct parser *parser, struct gathered *gathered, enum node_kind kind, struct node *left)
{
	struct node *result = left;
	if (!parser->failed && gathered->list.count > 1) {
		result = node_new(parser, kind, left->position);
		gathered_move(parser, gathered, result);
	}
	gathered_free(gathered);
	return parser->failed ? NULL : result;
}

static struct node *parse_power(struct parser *parser)
{
	struct node *left = parse_unary(parser);
	if (parser->failed)
		return NULL;
	const struct token *token = peek(parser);
	if (token->kind == TOKEN_POWER) {
		if (!must(parser, left))
			return NULL;
		struct gathered gathered = { 0 };
		vec_push(&gathered.list, left);
		take_token(parser);
		struct node *right = must(parser, parse_unary(parser));
		fold_step(parser, &gathered, OP_POWER, token->position, right);
		return fold_end(parser, &gathered, NODE_FOLD, left);
	}
	if (left && (token->kind == TOKEN_INCREMENT || token->kind == TOKEN_DECREMENT)) {
		take_token(parser);
		left = node_with(parser, NODE_INCREMENT, token->position, left, NULL, NULL);
		left->op = token->kind == TOKEN_INCREMENT ? OP_PLUS : OP_MINUS;
	}
	return left;
}

/* A row of operators of one precedence, from the left. */
struct level {
	struct {
		enum token_kind token;
		enum node_op op;
	} operators[3];
	struct node *(*operand)(struct parser *);
};

static struct node *parse_level(struct parser *parser, const struct level *level)
{
	struct node *left = level->operand(parser);
	struct gathered gathered = { 0 };
	vec_push(&gathered.list, left);
	for (;;) {
		const struct token *token = peek(parser);
		size_t i = 0;
		while (i < 3 && level->operators[i].token != token->kind)
			i++;
		if (parser->failed || i == 3 || token->kind == TOKEN_END)
			break;
		if (!must(parser, left))
			break;
		take_token(parser);
		struct node *right = must(parser, level->operand(parser));
		fold_step(parser, &gathered, level->operators[i].op, token->position, right);
	}
	return fold_end(parser, &gathered, NODE_FOLD, left);
}

static struct node *parse_product(struct parser *parser)
{
	static const struct level level = {
		{ { TOKEN_STAR, OP_TIMES }, { TOKEN_DIV, OP_DIVIDE }, { TOKEN_MOD, OP_MODULO } },
		parse_power,
	};
	return parse_level(parser, &level);
}

static struct node *parse_sum(struct parser *parser)
{
	static const struct level level = {
		{ { TOKEN_PLUS, OP_PLUS }, { TOKEN_MINUS, OP_MINUS }, { TOKEN_END, OP_PLUS } },
		parse_product,
	};
	return parse_level(parser, &level);
}

static bool relational_operator(const struct parser *parser, enum node_op *ret)
{
	static const struct {
		const char *word;
		enum node_op op;
	} words[] = {
		{ "instanceof", OP_INSTANCEOF },
		{ "matches", OP_MATCHES },
		{ "between", OP_BETWEEN },
	};
	enum token_kind kind = peek(parser)->kind;
	if (kind >= TOKEN_EQ && kind <= TOKEN_GE) {
		*ret = (enum node_op)(OP_EQ + (kind - TOKEN_EQ));
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (at_word(parser, words[i].word)) {
			*ret = words[i].op;
			return true;
		}
	}
	return false;
}

/* Not chainable: 1 < 2 < 3 is left over input. */
static struct node *parse_relational(struct parser *parser)
{
	struct node *left = parse_sum(parser);
	enum node_op op;
	if (parser->failed || !relational_operator(parser, &op))
		return left;
	if (!must(parser, left))
		return NULL;
	struct gathered gathered = { 0 };
	vec_push(&gathered.list, left);
	int position = take_token(parser)->position;
	struct node *right = must(parser, parse_sum(parser));
	fold_step(parser, &gathered, op, position, right);
	return fold_end(parser, &gathered, NODE_FOLD, left);
}

static struct node *parse_logical(struct parser *parser, const char *word, enum token_kind kind,
	enum node_kind node, struct node *(*operand)(struct parser *))
{
	struct node *left = operand(parser);
	struct gathered gathered = { 0 };
	vec_push(&gathered.list, left);
	while (!parser->failed && (at_word(parser, word) || peek(parser)->kind == kind)) {
		if (!must(parser, left))
			break;
		take_token(parser);
		struct node *right = must(parser, operand(parser));
		vec_push(&gathered.list, right);
	}
	return fold_end(parser, &gathered, node, left);
}

static struct node *parse_and(struct parser *parser)
{
	return parse_logical(parser, "and", TOKEN_AND, NODE_AND, parse_relational);
}

static struct node *parse_or(struct parser *parser)
{
	return parse_logical(parser, "or", TOKEN_OR, NODE_OR, parse_and);
}

static struct node *null_literal(struct parser *parser, int position)
{
	return node_new(parser, NODE_LITERAL, position);
}

/* "=", "?:" and "?" behind LEFT; a missing left side is null here. */
static struct node *parse_choice(struct parser *parser, struct node *left)
{
	const struct token *token = peek(parser);
	if (!left)
		left = null_literal(parser, token->position);
	take_token(parser);
	if (token->kind == TOKEN_ASSIGN) {
		struct node *value = must(parser, parse_or(parser));
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
	if (!must(parser, second) || !expect(parser, TOKEN_COLON))
		return NULL;
	struct node *third = must(parser, parse_expression(parser));
	return third ? node_with(parser, NODE_TERNARY, token->position, left, second, third) : NULL;
}

/* NULL without failure when nothing stands here. */
static struct node *parse_expression(struct parser *parser)
{
	if (++parser->depth > LIMIT_EXPR_DEPTH)
		return parse_fail(parser, peek(parser)->position, "Expression is nested too deeply");
	struct node *node = parse_or(parser);
	enum token_kind kind = peek(parser)->kind;
	if (!parser->failed && (kind == TOKEN_ASSIGN || kind == TOKEN_ELVIS || kind == TOKEN_QUESTION))
		node = parse_choice(parser, node);
	parser->depth--;
	return parser->failed ? NULL : node;
}

static void parse_body(struct expr *expr)
{
	struct tokens tokens = { 0 };
	if (lex(expr->text, &tokens) < 0) {
		expr->message = arena_copy(&expr->arena, str_of(tokens.message));
		expr->position = tokens.position;
		tokens_free(&tokens);
		return;
	}
	struct parser parser = { .expr = expr, .arena = &expr->arena, .tokens = tokens.list.items };
	struct node *tree = must(&parser, parse_expression(&parser));
	if (tree && peek(&parser)->kind != TOKEN_END)
		parse_fail(&parser, peek(&parser)->position,
			"EL1041E: After parsing a valid expression, there is still more data in the expression: '%.*s'",
			STR_ARG(str_slice(peek(&parser)->text, 0,
				peek(&parser)->text.length < 60 ? peek(&parser)->text.length : 60)));
	expr->tree = parser.failed ? NULL : tree;
	tokens_free(&tokens);
}

struct expr *expr_parse(struct str body)
{
	struct expr *expr = xnew(struct expr);
	atomic_init(&expr->references, 1);
	arena_init(&expr->arena, SIZE_MAX);
	expr->text = (struct str){ .bytes = arena_copy(&expr->arena, body), .length = body.length };
	expr->hash = str_hash(body);
	expr->position = -1;
	if (body.length > LIMIT_EXPR_BODY_BYTES)
		expr->message = arena_printf(&expr->arena,
			"EL1079E: SpEL expression is too long, exceeding the threshold of '%d' characters",
			LIMIT_EXPR_BODY_BYTES);
	else
		parse_body(expr);
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
