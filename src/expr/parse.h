/* What the two halves of the parser share. Private to parse.c and parse_primary.c. */
#ifndef EXPR_PARSE_H
#define EXPR_PARSE_H

#include <stdbool.h>

#include "base/vec.h"
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

/* Children are gathered in a growing array and then laid into the arena. */
struct gathered {
	VEC(struct node *) list;
	VEC(struct node_step) steps;
};

void gathered_free(struct gathered *gathered);
/* Lays what was gathered into the arena, as TO's children. */
void gathered_move(struct parser *parser, struct gathered *from, struct node *to);

/* An expression; NULL without failure when none stands here. */
struct node *parse_expression(struct parser *parser);
/* A start and the parts behind it. */
struct node *parse_primary(struct parser *parser);

const struct token *parser_peek(const struct parser *parser);
const struct token *parser_take(struct parser *parser);
bool parser_accept(struct parser *parser, enum token_kind kind);
/* A name; `eq`, `not` and their like are names too where one is wanted. */
bool parser_at_name(const struct parser *parser);
bool parser_at_word(const struct parser *parser, const char *word);
/* Both return NULL. The first failure stays. */
struct node *parser_fail(struct parser *parser, int position, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct node *parser_fail_here(struct parser *parser);
/* Takes a token of KIND, or fails. */
bool parser_expect(struct parser *parser, enum token_kind kind);
/* NODE, which must be there: fails when it is NULL. */
struct node *parser_must(struct parser *parser, struct node *node);
struct str parser_keep(struct parser *parser, struct str text);
struct node *node_new(struct parser *parser, enum node_kind kind, int position);
struct node *node_with(struct parser *parser, enum node_kind kind, int position, struct node *a,
	struct node *b, struct node *c);

#endif
