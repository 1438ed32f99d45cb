/* Text to tokens. Rules: reference of expressions, 2.1. Private to expr. */
#ifndef EXPR_LEX_H
#define EXPR_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
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

struct token {
	enum token_kind kind;
	bool word;  /* an operator written as a word: also good as a name */
	bool blank; /* white space stands before it */
	int position;
	struct str text; /* as written; the digits of a number without suffix */
};

struct tokens {
	VEC(struct token) list; /* ends with TOKEN_END */
	char *message;          /* owned; NULL when all is well */
	int position;
};

/* 0, or -1 with message and position. The tokens are views into TEXT. */
int lex(struct str text, struct tokens *ret);
void tokens_free(struct tokens *tokens);
const char *token_kind_text(enum token_kind kind);

#endif
