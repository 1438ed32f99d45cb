/* Text to tokens. Rules: reference of expressions, 2.1. Private to expr. */
#ifndef EXPR_LEX_H
#define EXPR_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "expr/arena.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_INT,
	TOKEN_LONG,
	TOKEN_HEX,
	TOKEN_HEX_LONG,
	TOKEN_FLOAT,
	TOKEN_DOUBLE,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_LSQUARE,
	TOKEN_RSQUARE,
	TOKEN_LCURLY,
	TOKEN_RCURLY,
	TOKEN_COMMA,
	TOKEN_COLON,
	TOKEN_DOT,
	TOKEN_HASH,
	TOKEN_QUESTION,
	TOKEN_ELVIS,
	TOKEN_SAFE,
	TOKEN_SELECT,
	TOKEN_SELECT_FIRST,
	TOKEN_SELECT_LAST,
	TOKEN_PROJECT,
	TOKEN_BEAN,
	TOKEN_FACTORY_BEAN,
	TOKEN_ASSIGN,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_INCREMENT,
	TOKEN_DECREMENT,
	TOKEN_STAR,
	TOKEN_POWER,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_DIV,
	TOKEN_MOD,
	TOKEN_NOT,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
};

/* Names that mean something where an operator or an operand may stand; in any case but T. */
enum keyword {
	KEYWORD_NONE,
	KEYWORD_T,
	KEYWORD_OR,
	KEYWORD_AND,
	KEYWORD_NEW,
	KEYWORD_TRUE,
	KEYWORD_NULL,
	KEYWORD_FALSE,
	KEYWORD_MATCHES,
	KEYWORD_BETWEEN,
	KEYWORD_INSTANCEOF,
};

struct token {
	uint8_t kind;    /* enum token_kind */
	uint8_t keyword; /* enum keyword, of a name */
	bool word;       /* an operator written as a word: also good as a name */
	bool blank;      /* white space stands before it */
	int position;
	struct str text; /* as written; the digits of a number without suffix */
};

#define TOKENS_FIRST 64

struct tokens {
	struct token *list; /* ends with TOKEN_END; `first`, or owned */
	size_t count, capacity;
	char *message; /* owned; NULL when all is well */
	int position;
	struct token first[TOKENS_FIRST];
};

/* 0, or -1 with message and position. The tokens are views into TEXT. */
int lex(struct str text, struct tokens *ret);
void tokens_free(struct tokens *tokens);
const char *token_kind_text(enum token_kind kind);

#endif
