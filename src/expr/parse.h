/* What the two halves of the parser share. Private to parse.c and parse_primary.c. */
#ifndef EXPR_PARSE_H
#define EXPR_PARSE_H

#include <stdbool.h>

#include "expr/lex.h"
#include "expr/node.h"

/* A child of a node that is not finished, and the operator before it. */
struct gathered {
	struct node *node;
	struct node_step step;
};

#define GATHERED_FIRST 32

struct parser {
	struct expr *expr;
	struct arena *arena;
	const struct token *tokens;
	size_t at;
	unsigned depth;
	bool failed;
	/* Children of all unfinished nodes, the innermost on top: `first`, or owned. */
	struct gathered *pile;
	size_t pile_count, pile_capacity;
	struct gathered first[GATHERED_FIRST];
};

/* Puts NODE (it may be NULL) on the pile. */
void gather(struct parser *parser, struct node *node, enum node_op op, int position);
/* Takes what was put on the pile since it was MARK high and makes it TO's children, with steps for a fold. After a failure it
 * only takes it. */
void gather_end(struct parser *parser, size_t mark, struct node *to);

/* An expression; NULL without failure when none stands here. */
struct node *parse_expression(struct parser *parser);
/* A start and the parts behind it. */
struct node *parse_primary(struct parser *parser);

static inline const struct token *parser_peek(const struct parser *parser)
{
	return &parser->tokens[parser->at];
}

static inline const struct token *parser_take(struct parser *parser)
{
	const struct token *token = parser_peek(parser);
	if (token->kind != TOKEN_END)
		parser->at++;
	return token;
}

/* TOKEN's text, where it lives as long as the tree. */
static inline struct str parser_text(const struct parser *parser, const struct token *token)
{
	return (struct str){ parser->expr->text.bytes + token->position, token->text.length };
}

static inline bool parser_accept(struct parser *parser, enum token_kind kind)
{
	if (parser_peek(parser)->kind != kind)
		return false;
	parser_take(parser);
	return true;
}

/* A name; `eq`, `not` and their like are names too where one is wanted. */
static inline bool parser_at_name(const struct parser *parser)
{
	return parser_peek(parser)->kind == TOKEN_NAME || parser_peek(parser)->word;
}

/* Both return NULL. The first failure stays. */
struct node *parser_fail(struct parser *parser, int position, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct node *parser_fail_here(struct parser *parser);
/* Takes a token of KIND, or fails. */
bool parser_expect(struct parser *parser, enum token_kind kind);
/* NODE, which must be there: fails when it is NULL. */
struct node *parser_must(struct parser *parser, struct node *node);
struct node *node_new(struct parser *parser, enum node_kind kind, int position);
struct node *node_with(struct parser *parser, enum node_kind kind, int position, struct node *a,
	struct node *b, struct node *c);

#endif
