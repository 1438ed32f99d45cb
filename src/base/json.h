/*
 * JSON text (RFC 8259) to struct val and back. Pure functions, any thread.
 *
 * Numbers keep their kind: 17 is an int; 17.0, 1e2 and an integer outside int64 are doubles (2^63 is
 * 9.223372036854775808E18); a number that no finite double can hold (1e400) is an error. The writer
 * prints a double so that it reads back as the same double and stays a double ("17.0").
 * Duplicate keys: the last wins, at the first one's place, with a note in `duplicate_key`. Invalid UTF-8, lone
 * surrogates, control characters in strings, trailing text and a leading BOM are errors that name line and column.
 * Nesting beyond LIMIT_JSON_DEPTH is ERR_INVALID, text beyond `max_bytes` ERR_TOO_LARGE; neither costs memory.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

struct json_options {
	bool comments;       /* allow // and block comments (files on the command line) */
	bool trailing_comma; /* not allowed anywhere today; kept false */
	bool verbatim; /* what JSON_STORED has marked is verbatim; for what the program itself has written */
	size_t max_bytes; /* 0 = LIMIT_BODY_BYTES */
	size_t max_depth; /* 0 = LIMIT_JSON_DEPTH */
	/*
	 * A key that is left out, wherever it stands, if its value is a list or a map; NULL = none. For what nobody reads in large
	 * answers: only the end of such a value is looked for, whatever stands in it. Not together with `comments`.
	 */
	const char *skip_key;
};

/* What the reader noticed; all owned strings may be NULL. */
struct json_notes {
	char *duplicate_key; /* the first key that stood twice, with its place: "name (line 3)" */
};

/* Parses the whole TEXT. OPTIONS and NOTES may be NULL. ERR_INVALID: "line 3, column 7: expected ',' or '}'". */
int json_parse(struct str text, const struct json_options *options, struct json_notes *ret_notes,
	struct val *ret, struct err *err);

enum json_style {
	JSON_COMPACT,
	JSON_PRETTY,    /* two spaces, a newline at the end */
	JSON_CANONICAL, /* compact, keys sorted by bytes: for hashes */
	/*
	 * Compact, for the program itself: the "${" of what is verbatim is written as "\u0024{", so that a reader with the option
	 * `verbatim` knows it again, and every other reads the same text.
	 */
	JSON_STORED,
};
/* Appends VALUE as JSON; what is no UTF-8 in a string becomes U+FFFD; NaN and infinity are written as strings. */
void json_write(struct strbuf *buf, struct val value, enum json_style style);
/* A string, quoted. */
void json_write_string(struct strbuf *buf, struct str text);
/* The same as an owned string. */
char *json_text(struct val value, enum json_style style);
/*
 * A map written member by member, as JSON_STORED, without a value in between: between a '{' and a '}' that the caller adds. KEY is the program's own,
 * without anything to escape. The comma comes before all members but the first.
 */
static inline void json_put_key(struct strbuf *buf, const char *key)
{
	bool first = buf->length > 0 && buf->bytes[buf->length - 1] == '{';
	size_t length = strlen(key);
	char *to = strbuf_claim(buf, length + 4 - first);
	if (!to)
		return;
	if (!first)
		*to++ = ',';
	*to++ = '"';
	memcpy(to, key, length);
	to[length] = '"';
	to[length + 1] = ':';
}
void json_put_text(struct strbuf *buf, const char *key, const char *text); /* NULL: nothing is put */
void json_put_int(struct strbuf *buf, const char *key, int64_t number);
void json_put_nonzero(struct strbuf *buf, const char *key, int64_t number); /* 0: nothing is put */
void json_put_bool(struct strbuf *buf, const char *key, bool value);
void json_put_value(struct strbuf *buf, const char *key, struct val value);
void json_put_member(struct strbuf *buf, struct str key, struct val value); /* of any key */
/* What the program itself has written as compact JSON or as JSON_STORED, as a value; how deep and how long it is does not matter. Owned. */
struct val json_reread(struct str text);
/* The shortest text that reads back as NUMBER and stays a double: "17.0", "0.1", "1.0E10" is not used, "1e+22" is. */
void json_write_double(struct strbuf *buf, double number);

#endif
