/*
 * The reader: one pass, no recursion. Values wait on a stack until the bracket that closes their list
 * or map, which then takes them in one step (val_list_of, val_map_of). A map's keys wait between its
 * values.
 */
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json_scan.h"
#include "base/limits.h"
#include "base/vec.h"

/* A list or map that is open. */
struct frame {
	bool is_map;
	size_t first_value; /* index into `values` */
	size_t first_key;   /* index into `keys` */
};

struct parser {
	const char *start, *at, *end;
	bool comments, verbatim;
	bool is_verbatim; /* the string that was read last */
	size_t max_depth;
	struct str skip_key; /* empty: none */
	bool skips;          /* the value that comes is to be left out */
	VEC(struct val) values;
	VEC(const char *)
	keys; /* where the keys of the open maps stand, for the note about duplicates */
	VEC(struct frame) frames;
	struct strbuf scratch; /* a string with escapes */
	char *duplicate_key;
	struct err *err;
};

static size_t line_of(const struct parser *p, const char *at)
{
	size_t line = 1;
	for (const char *c = p->start; c < at; c++)
		line += *c == '\n';
	return line;
}

/* In characters, from 1. */
static size_t column_of(const struct parser *p, const char *at)
{
	size_t column = 1;
	for (; at > p->start && at[-1] != '\n'; at--)
		column += ((unsigned char)at[-1] & 0xc0) != 0x80;
	return column;
}

/* Whether AT is inside or before the `{{` or `{%` of a Jinja, Helm or Go template. */
static bool is_template(const struct parser *p, const char *at)
{
	const char *from = at > p->start && at[-1] == '{' ? at - 1 : at;
	return p->end - from >= 2 && from[0] == '{' && (from[1] == '{' || from[1] == '%');
}

/* Always -1. */
__attribute__((format(printf, 3, 4))) static int fail(
	struct parser *p, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	if (is_template(p, at))
		strbuf_add_text(&text,
			"; it looks like a template ({{ }} or {% %}), which must be rendered first");
	else if (at == p->end)
		strbuf_add_text(&text, ", but the text ends");
	return err_set(p->err, ERR_INVALID, "line %zu, column %zu: %s", line_of(p, at),
		column_of(p, at), text.bytes);
}

/* Steps over a comment, if one starts here: 1, 0 when there is none, -1 for one that does not end. */
static int skip_comment(struct parser *p)
{
	if (!p->comments || p->end - p->at < 2 || p->at[0] != '/')
		return 0;
	size_t left = (size_t)(p->end - p->at);
	if (p->at[1] == '/') {
		const char *newline = memchr(p->at, '\n', left);
		p->at = newline ? newline : p->end;
		return 1;
	}
	if (p->at[1] != '*')
		return 0;
	const char *close = memmem(p->at + 2, left - 2, "*/", 2);
	if (!close)
		return fail(p, p->at, "this comment does not end");
	p->at = close + 2;
	return 1;
}

static int skip_blanks(struct parser *p)
{
	int skipped = 0;
	do {
		while (p->at < p->end &&
			(*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
			p->at++;
		skipped = skip_comment(p);
	} while (skipped > 0);
	return skipped;
}

/* Steps over C if it is the next byte. */
static bool next_is(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

/* Strings */

/* Four hexadecimal digits, or -1. */
static int read_hex(struct parser *p, unsigned *ret)
{
	unsigned code = 0;
	for (int i = 0; i < 4; i++, p->at++) {
		char c = p->at < p->end ? *p->at : 0;
		if (c >= '0' && c <= '9')
			code = code * 16 + (unsigned)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			code = code * 16 + (unsigned)((c | 0x20) - 'a' + 10);
		else
			return fail(p, p->at, "expected four hexadecimal digits after \\u");
	}
	*ret = code;
	return 0;
}

static void add_utf8(struct strbuf *buf, unsigned code)
{
	unsigned char bytes[4];
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = length - 1; i > 0; i--, code >>= 6)
		bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
	bytes[0] = (unsigned char)(heads[length] | code);
	strbuf_add(buf, bytes, length);
}

/* What follows `\u`, at FROM with the backslash: one escape, or two that are a surrogate pair (RFC 8259, section 7). */
static int read_unicode_escape(struct parser *p, const char *from)
{
	unsigned code = 0, low = 0;
	if (read_hex(p, &code) < 0)
		return -1;
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(p, from, "a low surrogate without its high one before it");
	if (code >= 0xd800 && code <= 0xdbff) {
		if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
			return fail(p, from, "a high surrogate without its low one behind it");
		p->at += 2;
		if (read_hex(p, &low) < 0)
			return -1;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(p, from, "a high surrogate without its low one behind it");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (p->verbatim && code == '$')
		p->is_verbatim = true; /* nobody else would escape it */
	add_utf8(&p->scratch, code);
	return 0;
}

/* At a backslash. */
static int read_escape(struct parser *p)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *from = p->at++;
	char c = p->at < p->end ? *p->at : 0;
	if (c == 'u') {
		p->at++;
		return read_unicode_escape(p, from);
	}
	const char *name = c ? strchr(names, c) : NULL;
	if (!name)
		return fail(p, p->at,
			"there is no such escape; one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u is expected");
	p->at++;
	strbuf_add_char(&p->scratch, meant[name - names]);
	return 0;
}

/* Behind the opening quote. */
static int read_string(struct parser *p, struct val *ret)
{
	const char *open = p->at - 1, *from = p->at;
	strbuf_reset(&p->scratch);
	p->is_verbatim = false;
	for (;;) {
		p->at += json_plain_length(p->at, (size_t)(p->end - p->at));
		if (p->at == p->end)
			return fail(p, open, "this string does not end");
		struct str rest = { p->at, (size_t)(p->end - p->at) };
		unsigned char c = (unsigned char)*p->at;
		if (c == '"')
			break;
		if (c < 0x20)
			return fail(p, p->at,
				"a control character in a string; it must be written as \\u%04x", c);
		if (c >= 0x80) {
			size_t length = str_utf8_length(rest);
			if (!length)
				return fail(p, p->at, "this is not valid UTF-8 (byte 0x%02x)", c);
			p->at += length;
			continue;
		}
		strbuf_add(&p->scratch, from, (size_t)(p->at - from));
		if (read_escape(p) < 0)
			return -1;
		from = p->at;
	}
	struct str tail = { from, (size_t)(p->at - from) };
	p->at++;
	if (from == open + 1) {
		*ret = val_str(tail);
		return 0;
	}
	strbuf_add_str(&p->scratch, tail);
	*ret = val_str(strbuf_str(&p->scratch));
	if (p->is_verbatim)
		val_replace(ret, val_verbatim(*ret));
	return 0;
}

/* Numbers */

static bool skip_digits(struct parser *p)
{
	const char *from = p->at;
	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return p->at > from;
}

/* -? ( 0 | [1-9] digits ) ( . digits )? ( [eE] [+-]? digits )? */
static int scan_number(struct parser *p, bool *ret_integer)
{
	next_is(p, '-');
	const char *first = p->at;
	if (!skip_digits(p))
		return fail(p, p->at, "expected a digit");
	if (*first == '0' && p->at > first + 1)
		return fail(p, first, "a number must not have a 0 in front");
	*ret_integer = true;
	if (next_is(p, '.')) {
		*ret_integer = false;
		if (!skip_digits(p))
			return fail(p, p->at, "expected a digit");
	}
	if (next_is(p, 'e') || next_is(p, 'E')) {
		*ret_integer = false;
		if (!next_is(p, '+'))
			next_is(p, '-');
		if (!skip_digits(p))
			return fail(p, p->at, "expected a digit");
	}
	return 0;
}

static int read_number(struct parser *p, struct val *ret)
{
	const char *from = p->at;
	bool is_integer = false;
	if (scan_number(p, &is_integer) < 0)
		return -1;
	struct str text = { from, (size_t)(p->at - from) };
	int64_t integer = 0;
	/* An int has no -0. */
	if (is_integer && !str_is(text, "-0") && str_to_int(text, &integer)) {
		*ret = val_int(integer);
		return 0;
	}
	double number = 0;
	if (!str_to_double(text, &number))
		return fail(p, from, "this number is too large");
	*ret = is_integer && number != 0 ? val_digits(text) : val_double(number);
	return 0;
}

/* Structure */

static int read_word(struct parser *p, const char *word, struct val value, struct val *ret)
{
	size_t length = strlen(word);
	if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0)
		return fail(p, p->at, "expected a value");
	p->at += length;
	*ret = value;
	return 0;
}

static int read_scalar(struct parser *p)
{
	struct val value = VAL_NULL;
	int result = -1;
	switch (p->at < p->end ? *p->at : 0) {
	case '"':
		p->at++;
		result = read_string(p, &value);
		break;
	case '-':
	case '0' ... '9':
		result = read_number(p, &value);
		break;
	case 't':
		result = read_word(p, "true", val_bool(true), &value);
		break;
	case 'f':
		result = read_word(p, "false", val_bool(false), &value);
		break;
	case 'n':
		result = read_word(p, "null", VAL_NULL, &value);
		break;
	default:
		return fail(p, p->at, "expected a value");
	}
	if (result == 0)
		vec_push(&p->values, value);
	return result;
}

/* A key and the colon behind it. */
static int read_key(struct parser *p, const char *expected)
{
	if (skip_blanks(p) < 0)
		return -1;
	const char *place = p->at;
	struct val key = VAL_NULL;
	if (!next_is(p, '"'))
		return fail(p, p->at, "expected %s", expected);
	if (read_string(p, &key) < 0)
		return -1;
	vec_push(&p->values, key);
	vec_push(&p->keys, place);
	p->skips = p->skip_key.length > 0 && str_equal(val_as_str(&key), p->skip_key);
	if (skip_blanks(p) < 0)
		return -1;
	return next_is(p, ':') ? 0 : fail(p, p->at, "expected ':'");
}

/* Behind the opening quote: steps over the string. */
static int skip_string(struct parser *p)
{
	const char *open = p->at - 1;
	while (p->at < p->end && *p->at != '"')
		p->at += *p->at == '\\' && p->end - p->at > 1 ? 2 : 1;
	return next_is(p, '"') ? 0 : fail(p, open, "this string does not end");
}

/* Steps over the list or map that starts here, and takes its key back. Always 0 or -1. */
static int skip_value(struct parser *p)
{
	const char *open = p->at;
	size_t depth = 0;
	do {
		if (p->at == p->end)
			return fail(p, open, "this value does not end");
		char c = *p->at++;
		if (c == '"' && skip_string(p) < 0)
			return -1;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
	} while (depth);
	val_free(&p->values.items[--p->values.count]);
	p->keys.count--;
	p->skips = false;
	return 0;
}

/* PLACE is the key's opening quote, so that it is read once more. */
static void note_duplicate(struct parser *p, const char *place)
{
	_cleanup_(val_free) struct val key = VAL_NULL;
	const char *at = p->at;
	p->at = place + 1;
	if (!p->duplicate_key && read_string(p, &key) == 0)
		p->duplicate_key = xasprintf("%s (line %zu)", val_text(&key), line_of(p, place));
	p->at = at;
}

/* Makes the innermost list or map out of the values that wait for it. */
static void close_frame(struct parser *p)
{
	struct frame frame = p->frames.items[p->frames.count - 1];
	size_t count = p->values.count - frame.first_value;
	const struct val *items = count ? &p->values.items[frame.first_value] : NULL;
	struct val value;
	if (frame.is_map) {
		ptrdiff_t duplicate = -1;
		value = val_map_of(items, count / 2, &duplicate);
		if (duplicate >= 0)
			note_duplicate(p, p->keys.items[frame.first_key + (size_t)duplicate]);
		p->keys.count = frame.first_key;
	} else {
		value = val_list_of(items, count);
	}
	p->values.count = frame.first_value;
	p->frames.count--;
	vec_push(&p->values, value);
}

/* At '[' or '{': 1 when a value is due next, 0 when the list or map was empty. */
static int open_frame(struct parser *p)
{
	if (p->frames.count == p->max_depth)
		return fail(p, p->at, "nested deeper than %zu levels", p->max_depth);
	bool is_map = *p->at++ == '{';
	struct frame frame = { is_map, p->values.count, p->keys.count };
	vec_push(&p->frames, frame);
	if (skip_blanks(p) < 0)
		return -1;
	if (next_is(p, is_map ? '}' : ']')) {
		close_frame(p);
		return 0;
	}
	return is_map && read_key(p, "a key in quotes or '}'") < 0 ? -1 : 1;
}

/* Behind a value: 1 when another is due next, 0 when the outermost one is complete. */
static int go_on(struct parser *p)
{
	while (p->frames.count) {
		bool is_map = p->frames.items[p->frames.count - 1].is_map;
		if (skip_blanks(p) < 0)
			return -1;
		if (next_is(p, ','))
			return is_map && read_key(p, "a key in quotes") < 0 ? -1 : 1;
		if (!next_is(p, is_map ? '}' : ']'))
			return fail(p, p->at, is_map ? "expected ',' or '}'" : "expected ',' or ']'");
		close_frame(p);
	}
	return 0;
}

static int read_document(struct parser *p)
{
	int due = 1;
	while (due) {
		if (skip_blanks(p) < 0)
			return -1;
		bool opens = p->at < p->end && (*p->at == '{' || *p->at == '[');
		if (opens && p->skips)
			due = skip_value(p);
		else
			due = opens ? open_frame(p) : read_scalar(p);
		if (due == 0)
			due = go_on(p);
		if (due < 0)
			return -1;
	}
	if (skip_blanks(p) < 0)
		return -1;
	return p->at == p->end ? 0 : fail(p, p->at, "expected the end of the text");
}

int json_parse(struct str text, const struct json_options *options, struct json_notes *ret_notes,
	struct val *ret, struct err *err)
{
	size_t max_bytes = options && options->max_bytes ? options->max_bytes : LIMIT_BODY_BYTES;
	if (text.length > max_bytes)
		return err_set(err, ERR_TOO_LARGE, "the text has %zu bytes, more than %zu",
			text.length, max_bytes);
	const char *start = text.bytes ? text.bytes : "";
	struct parser p = {
		.start = start,
		.at = start,
		.end = start + text.length,
		.comments = options && options->comments,
		.verbatim = options && options->verbatim,
		.max_depth = options && options->max_depth ? options->max_depth : LIMIT_JSON_DEPTH,
		.skip_key = str_of(options ? options->skip_key : NULL),
		.scratch = STRBUF_INIT(max_bytes),
		.err = err,
	};
	int result = str_starts(text, "\xef\xbb\xbf") ?
		fail(&p, start, "a byte order mark must not stand in front") :
		read_document(&p);
	if (result == 0) {
		*ret = p.values.items[0];
		p.values.count = 0;
		if (ret_notes)
			ret_notes->duplicate_key = take(&p.duplicate_key);
	}
	for (size_t i = 0; i < p.values.count; i++)
		val_free(&p.values.items[i]);
	vec_free(&p.values);
	vec_free(&p.keys);
	vec_free(&p.frames);
	strbuf_free(&p.scratch);
	free(p.duplicate_key);
	return result;
}
