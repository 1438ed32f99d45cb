#include "expr/lex.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct lexer {
	struct str text;
	size_t at;
	struct tokens *tokens;
	bool blank;
};

/* Punctuation: what is most used first, and of those that begin alike the longer. */
static const struct {
	const char *text;
	enum token_kind kind;
} marks[] = {
	{ ".", TOKEN_DOT },
	{ "[", TOKEN_LSQUARE },
	{ "]", TOKEN_RSQUARE },
	{ "(", TOKEN_LPAREN },
	{ ")", TOKEN_RPAREN },
	{ "#", TOKEN_HASH },
	{ "++", TOKEN_INCREMENT },
	{ "+", TOKEN_PLUS },
	{ "==", TOKEN_EQ },
	{ "=", TOKEN_ASSIGN },
	{ ",", TOKEN_COMMA },
	{ ":", TOKEN_COLON },
	{ "?[", TOKEN_SELECT },
	{ "?:", TOKEN_ELVIS },
	{ "?.", TOKEN_SAFE },
	{ "?", TOKEN_QUESTION },
	{ "![", TOKEN_PROJECT },
	{ "!=", TOKEN_NE },
	{ "!", TOKEN_NOT },
	{ "{", TOKEN_LCURLY },
	{ "}", TOKEN_RCURLY },
	{ "--", TOKEN_DECREMENT },
	{ "-", TOKEN_MINUS },
	{ "&&", TOKEN_AND },
	{ "&", TOKEN_FACTORY_BEAN },
	{ "||", TOKEN_OR },
	{ "<=", TOKEN_LE },
	{ "<", TOKEN_LT },
	{ ">=", TOKEN_GE },
	{ ">", TOKEN_GT },
	{ "^[", TOKEN_SELECT_FIRST },
	{ "^", TOKEN_POWER },
	{ "$[", TOKEN_SELECT_LAST },
	{ "*", TOKEN_STAR },
	{ "/", TOKEN_DIV },
	{ "%", TOKEN_MOD },
	{ "@", TOKEN_BEAN },
};

/* Words: operators that may be written so, in any case, and names that are more than names. */
static const struct word {
	const char *text;
	uint8_t kind, keyword;
} words[] = {
	{ "or", TOKEN_NAME, KEYWORD_OR },
	{ "eq", TOKEN_EQ, 0 },
	{ "ge", TOKEN_GE, 0 },
	{ "gt", TOKEN_GT, 0 },
	{ "le", TOKEN_LE, 0 },
	{ "lt", TOKEN_LT, 0 },
	{ "ne", TOKEN_NE, 0 },
	{ "and", TOKEN_NAME, KEYWORD_AND },
	{ "new", TOKEN_NAME, KEYWORD_NEW },
	{ "div", TOKEN_DIV, 0 },
	{ "mod", TOKEN_MOD, 0 },
	{ "not", TOKEN_NOT, 0 },
	{ "true", TOKEN_NAME, KEYWORD_TRUE },
	{ "null", TOKEN_NAME, KEYWORD_NULL },
	{ "false", TOKEN_NAME, KEYWORD_FALSE },
	{ "matches", TOKEN_NAME, KEYWORD_MATCHES },
	{ "between", TOKEN_NAME, KEYWORD_BETWEEN },
	{ "instanceof", TOKEN_NAME, KEYWORD_INSTANCEOF },
};

/* Where the words of each length begin in the table; it ends where the next length begins. */
static const uint8_t words_of_length[] = { 0, 0, 0, 7, 12, 14, 15, 15, 17, 17, 17, 18 };

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
	return (unsigned char)(c - '0') < 10;
}

static bool is_name_start(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26 || c == '_' || c == '$';
}

static char peek(const struct lexer *lexer, size_t offset)
{
	size_t at = lexer->at + offset;
	return at < lexer->text.length ? lexer->text.bytes[at] : 0;
}

static struct token *push(struct lexer *lexer, enum token_kind kind, size_t from, size_t to)
{
	struct tokens *tokens = lexer->tokens;
	if (tokens->count == tokens->capacity) {
		bool own = tokens->list != tokens->first;
		tokens->capacity *= 2;
		struct token *list = xrealloc(
			own ? tokens->list : NULL, tokens->capacity * sizeof(*list));
		if (!own)
			memcpy(list, tokens->first, sizeof(tokens->first));
		tokens->list = list;
	}
	struct token *token = &tokens->list[tokens->count++];
	*token = (struct token){
		.kind = (uint8_t)kind,
		.blank = lexer->blank,
		.position = (int)from,
		.text = { lexer->text.bytes + from, to - from },
	};
	lexer->blank = false;
	return token;
}

static int lex_fail(struct lexer *lexer, size_t position, char *message)
{
	lexer->tokens->message = message;
	lexer->tokens->position = (int)position;
	return -1;
}

static const struct word *find_word(struct str text)
{
	if (text.length < 2 || text.length + 1 >= sizeof(words_of_length))
		return NULL;
	for (size_t i = words_of_length[text.length]; i < words_of_length[text.length + 1]; i++)
		if ((text.bytes[0] | 0x20) == words[i].text[0] &&
			str_equal_nocase(text, (struct str){ words[i].text, text.length }))
			return &words[i];
	return NULL;
}

static void lex_name(struct lexer *lexer)
{
	size_t from = lexer->at, to = from + 1;
	while (to < lexer->text.length &&
		(is_name_start(lexer->text.bytes[to]) || is_digit(lexer->text.bytes[to])))
		to++;
	lexer->at = to;
	struct token *token = push(lexer, TOKEN_NAME, from, to);
	const struct word *word = find_word(token->text);
	if (word) {
		token->kind = word->kind;
		token->keyword = word->keyword;
		token->word = word->kind != TOKEN_NAME;
	} else if (token->text.length == 1 && token->text.bytes[0] == 'T') {
		token->keyword = KEYWORD_T;
	}
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
			push(lexer, TOKEN_STRING, from, lexer->at);
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
	push(lexer, is_long ? TOKEN_HEX_LONG : TOKEN_HEX, from, to);
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
	push(lexer, kind, from, to);
	return 0;
}

static int lex_mark(struct lexer *lexer)
{
	char first = peek(lexer, 0), second = peek(lexer, 1);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = marks[i].text;
		if (first != mark[0] || (mark[1] && second != mark[1]))
			continue;
		size_t from = lexer->at;
		lexer->at += mark[1] ? 2 : 1;
		push(lexer, marks[i].kind, from, lexer->at);
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
	ret->list = ret->first;
	ret->count = 0;
	ret->capacity = TOKENS_FIRST;
	ret->message = NULL;
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
	push(&lexer, TOKEN_END, text.length, text.length);
	return 0;
}

void tokens_free(struct tokens *tokens)
{
	if (tokens->list != tokens->first)
		free(tokens->list);
	free(tokens->message);
}
