#include "expr/lex.h"

#include <stdio.h>

#include "base/alloc.h"

struct lexer {
	struct str text;
	size_t at;
	struct tokens *tokens;
	bool blank;
};

/* Punctuation, the longer first. */
static const struct {
	const char *text;
	enum token_kind kind;
} marks[] = {
	{ "++", TOKEN_INCREMENT },
	{ "--", TOKEN_DECREMENT },
	{ "==", TOKEN_EQ },
	{ "!=", TOKEN_NE },
	{ "![", TOKEN_PROJECT },
	{ "<=", TOKEN_LE },
	{ ">=", TOKEN_GE },
	{ "&&", TOKEN_AND },
	{ "||", TOKEN_OR },
	{ "?[", TOKEN_SELECT },
	{ "?:", TOKEN_ELVIS },
	{ "?.", TOKEN_SAFE },
	{ "^[", TOKEN_SELECT_FIRST },
	{ "$[", TOKEN_SELECT_LAST },
	{ "+", TOKEN_PLUS },
	{ "-", TOKEN_MINUS },
	{ ":", TOKEN_COLON },
	{ ".", TOKEN_DOT },
	{ ",", TOKEN_COMMA },
	{ "*", TOKEN_STAR },
	{ "/", TOKEN_DIV },
	{ "%", TOKEN_MOD },
	{ "(", TOKEN_LPAREN },
	{ ")", TOKEN_RPAREN },
	{ "[", TOKEN_LSQUARE },
	{ "]", TOKEN_RSQUARE },
	{ "{", TOKEN_LCURLY },
	{ "}", TOKEN_RCURLY },
	{ "#", TOKEN_HASH },
	{ "@", TOKEN_BEAN },
	{ "^", TOKEN_POWER },
	{ "!", TOKEN_NOT },
	{ "=", TOKEN_ASSIGN },
	{ "&", TOKEN_FACTORY_BEAN },
	{ "?", TOKEN_QUESTION },
	{ "<", TOKEN_LT },
	{ ">", TOKEN_GT },
};

/* Operators that may be written as words, in any case. */
static const struct {
	const char *text;
	enum token_kind kind;
} words[] = {
	{ "div", TOKEN_DIV },
	{ "eq", TOKEN_EQ },
	{ "ge", TOKEN_GE },
	{ "gt", TOKEN_GT },
	{ "le", TOKEN_LE },
	{ "lt", TOKEN_LT },
	{ "mod", TOKEN_MOD },
	{ "ne", TOKEN_NE },
	{ "not", TOKEN_NOT },
};

const char *token_kind_text(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_RPAREN:
		return "rparen())";
	case TOKEN_RSQUARE:
		return "rsquare(])";
	case TOKEN_RCURLY:
		return "rcurly(})";
	case TOKEN_COLON:
		return "colon(:)";
	case TOKEN_LPAREN:
		return "lparen(()";
	case TOKEN_NAME:
		return "identifier";
	default:
		return "token";
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static char peek(const struct lexer *lexer, size_t offset)
{
	size_t at = lexer->at + offset;
	return at < lexer->text.length ? lexer->text.bytes[at] : 0;
}

static void push(struct lexer *lexer, enum token_kind kind, size_t from, size_t to, bool word)
{
	struct token token = {
		.kind = kind,
		.word = word,
		.blank = lexer->blank,
		.position = (int)from,
		.text = str_slice(lexer->text, from, to),
	};
	vec_push(&lexer->tokens->list, token);
	lexer->blank = false;
}

static int lex_fail(struct lexer *lexer, size_t position, char *message)
{
	lexer->tokens->message = message;
	lexer->tokens->position = (int)position;
	return -1;
}

static void lex_name(struct lexer *lexer)
{
	size_t from = lexer->at;
	while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
		lexer->at++;
	struct str text = str_slice(lexer->text, from, lexer->at);
	bool short_enough = text.length == 2 || text.length == 3;
	for (size_t i = 0; short_enough && i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_equal_nocase(text, str_of(words[i].text))) {
			push(lexer, words[i].kind, from, lexer->at, true);
			return;
		}
	}
	push(lexer, TOKEN_NAME, from, lexer->at, false);
}

/* The quote of the same kind is doubled inside. */
static int lex_string(struct lexer *lexer)
{
	size_t from = lexer->at;
	char quote = peek(lexer, 0);
	lexer->at++;
	while (lexer->at < lexer->text.length) {
		if (peek(lexer, 0) != quote) {
			lexer->at++;
		} else if (peek(lexer, 1) == quote) {
			lexer->at += 2;
		} else {
			lexer->at++;
			push(lexer, TOKEN_STRING, from, lexer->at, false);
			return 0;
		}
	}
	return lex_fail(lexer, from,
		xasprintf("%s: Cannot find terminating %c for string",
			quote == '"' ? "EL1045E" : "EL1046E", quote));
}

static bool lex_hex(struct lexer *lexer)
{
	if (peek(lexer, 0) != '0' || (peek(lexer, 1) | 0x20) != 'x')
		return false;
	size_t from = lexer->at;
	lexer->at += 2;
	for (char c = peek(lexer, 0); is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
		c = peek(lexer, 0))
		lexer->at++;
	size_t to = lexer->at;
	bool is_long = (peek(lexer, 0) | 0x20) == 'l';
	lexer->at += is_long;
	push(lexer, is_long ? TOKEN_HEX_LONG : TOKEN_HEX, from, to, false);
	return true;
}

static void skip_digits(struct lexer *lexer)
{
	while (is_digit(peek(lexer, 0)))
		lexer->at++;
}

/* An exponent needs a digit; without one it is not part of the number and the parser stops at it. */
static bool lex_exponent(struct lexer *lexer)
{
	if ((peek(lexer, 0) | 0x20) != 'e')
		return false;
	size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
	if (!is_digit(peek(lexer, 1 + sign)))
		return false;
	lexer->at += 1 + sign;
	skip_digits(lexer);
	return true;
}

static int lex_number(struct lexer *lexer)
{
	if (lex_hex(lexer))
		return 0;
	size_t from = lexer->at;
	bool real = false;
	skip_digits(lexer);
	/* "3." is a number and a dot: 3.toString() */
	if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
		real = true;
		lexer->at++;
		skip_digits(lexer);
	}
	real = lex_exponent(lexer) || real;
	size_t to = lexer->at;
	char suffix = peek(lexer, 0) | 0x20;
	enum token_kind kind = real ? TOKEN_DOUBLE : TOKEN_INT;
	if (suffix == 'l' && real)
		return lex_fail(lexer, from,
			xstrdup("EL1048E: Real number cannot be suffixed with a long (L or l) suffix"));
	if (suffix == 'l')
		kind = TOKEN_LONG;
	else if (suffix == 'f')
		kind = TOKEN_FLOAT;
	else if (suffix == 'd')
		kind = TOKEN_DOUBLE;
	lexer->at += suffix == 'l' || suffix == 'f' || suffix == 'd';
	push(lexer, kind, from, to, false);
	return 0;
}

static int lex_mark(struct lexer *lexer)
{
	struct str rest = str_slice(lexer->text, lexer->at, lexer->text.length);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (rest.bytes[0] != marks[i].text[0] || !str_starts(rest, marks[i].text))
			continue;
		size_t from = lexer->at;
		lexer->at += strlen(marks[i].text);
		push(lexer, marks[i].kind, from, lexer->at, false);
		return 0;
	}
	unsigned char c = (unsigned char)peek(lexer, 0);
	if (c == '|')
		return lex_fail(lexer, lexer->at, xstrdup("EL1070E: missing expected character '|'"));
	if (c == '\\')
		return lex_fail(lexer, lexer->at, xstrdup("EL1065E: unexpected escape character"));
	if (c < 0x20 || c >= 0x7f)
		return lex_fail(lexer, lexer->at, xasprintf("Cannot handle (0x%02x) here", c));
	return lex_fail(lexer, lexer->at, xasprintf("Cannot handle (%u) '%c'", c, c));
}

int lex(struct str text, struct tokens *ret)
{
	struct lexer lexer = { .text = text, .tokens = ret };
	/* Room for nearly any text at once. */
	ret->list.capacity = text.length / 2 + 4;
	ret->list.items = xmalloc(ret->list.capacity * sizeof(*ret->list.items));
	while (lexer.at < text.length) {
		char c = text.bytes[lexer.at];
		int result = 0;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			lexer.at++;
			lexer.blank = true;
		} else if (c == '$' && peek(&lexer, 1) == '[') {
			result = lex_mark(&lexer);
		} else if (is_name_start(c)) {
			lex_name(&lexer);
		} else if (is_digit(c)) {
			result = lex_number(&lexer);
		} else if (c == '\'' || c == '"') {
			result = lex_string(&lexer);
		} else {
			result = lex_mark(&lexer);
		}
		if (result < 0)
			return -1;
	}
	push(&lexer, TOKEN_END, text.length, text.length, false);
	return 0;
}

void tokens_free(struct tokens *tokens)
{
	vec_free(&tokens->list);
	free(tokens->message);
}
