/*
 * The writer. Not recursive: values built by code can be nested deeper than a worker's stack.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/vec.h"

struct member {
	struct str key;
	size_t index;
};

/* A list or map that is being written. */
struct level {
	struct val container; /* borrowed */
	size_t count, next;
	struct member *sorted; /* of a map in canonical style, else NULL; owned */
};

struct writer {
	struct strbuf *buf;
	enum json_style style;
	VEC(struct level) levels;
};

static void write_int(struct strbuf *buf, int64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		digits[--at] = '-';
	strbuf_add(buf, digits + at, sizeof(digits) - at);
}

/* JSON has no word for these; Jackson, and so Spinnaker, writes strings. */
static void write_not_finite(struct strbuf *buf, double number)
{
	strbuf_add_text(buf,
		isnan(number)      ? "\"NaN\"" :
			number > 0 ? "\"Infinity\"" :
				     "\"-Infinity\"");
}

/*
 * 17 digits always suffice (IEEE 754), often 15 do, and fewer near 0, where doubles are coarser. The
 * program never leaves the C locale, so the point is a point.
 */
void json_write_double(struct strbuf *buf, double number)
{
	char text[32];
	double back = 0;
	if (!isfinite(number)) {
		write_not_finite(buf, number);
		return;
	}
	if (fabs(number) < 1e15 && trunc(number) == number) {
		if (number == 0 && signbit(number))
			strbuf_add_char(buf, '-');
		write_int(buf, (int64_t)number);
		strbuf_add_text(buf, ".0");
		return;
	}
	for (int digits = fabs(number) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (str_to_double(str_of(text), &back) && back == number)
			break;
	}
	strbuf_add_text(buf, text);
	if (!strpbrk(text, ".e"))
		strbuf_add_text(buf, ".0");
}

static void write_escape(struct strbuf *buf, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c ? strchr(from, c) : NULL;
	if (found) {
		char escape[2] = { '\\', to[found - from] };
		strbuf_add(buf, escape, 2);
	} else {
		strbuf_printf(buf, "\\u%04x", c);
	}
}

/* Bytes that are no UTF-8 (a process's output, say) become U+FFFD: what is written must be JSON. */
static void write_escaped(struct strbuf *buf, struct str text)
{
	strbuf_add_char(buf, '"');
	size_t from = 0, at = 0;
	for (;;) {
		at += json_plain_length(text.bytes + at, text.length - at);
		if (at == text.length)
			break;
		unsigned char c = (unsigned char)text.bytes[at];
		size_t length = c < 0x80 ? 0 : str_utf8_length(str_slice(text, at, text.length));
		at += length;
		if (length)
			continue;
		strbuf_add(buf, text.bytes + from, at - from);
		if (c < 0x80)
			write_escape(buf, c);
		else
			strbuf_add_text(buf, "\xef\xbf\xbd");
		from = ++at;
	}
	strbuf_add(buf, text.bytes + from, at - from);
	strbuf_add_char(buf, '"');
}

/* A text without "${" needs no mark: it is no template anyway. */
static void write_verbatim(struct strbuf *buf, struct str text)
{
	size_t from = buf->length;
	json_write_string(buf, text);
	if (!str_contains(text, "${"))
		return;
	_cleanup_free_ char *written = xstrndup(buf->bytes + from, buf->length - from);
	buf->length = from;
	for (const char *at = written; *at; at++) {
		if (at[0] == '$' && at[1] == '{')
			strbuf_add_text(buf, "\\u0024");
		else
			strbuf_add_char(buf, *at);
	}
}

void json_write_string(struct strbuf *buf, struct str text)
{
	if (json_plain_length(text.bytes, text.length) < text.length) {
		write_escaped(buf, text);
		return;
	}
	char *to = strbuf_claim(buf, text.length + 2);
	if (!to)
		return;
	*to++ = '"';
	if (text.length > 0)
		memcpy(to, text.bytes, text.length);
	to[text.length] = '"';
}

static void new_line(struct writer *w)
{
	static const char blanks[] = "                                ";
	if (w->style != JSON_PRETTY)
		return;
	strbuf_add_char(w->buf, '\n');
	for (size_t left = 2 * w->levels.count; left > 0;) {
		size_t step = left < sizeof(blanks) - 1 ? left : sizeof(blanks) - 1;
		strbuf_add(w->buf, blanks, step);
		left -= step;
	}
}

static int compare_members(const void *a, const void *b)
{
	return str_compare(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static struct member *sort_members(struct val map)
{
	size_t count = val_count(map);
	struct member *members = xcalloc(count, sizeof(*members));
	for (size_t i = 0; i < count; i++)
		members[i] = (struct member){ .key = val_key_at(map, i), .index = i };
	qsort(members, count, sizeof(*members), compare_members);
	return members;
}

static void open_level(struct writer *w, struct val container)
{
	bool is_map = val_is_map(container);
	struct level level = { .container = container, .count = val_count(container) };
	if (level.count == 0) {
		strbuf_add_text(w->buf, is_map ? "{}" : "[]");
		return;
	}
	if (is_map && w->style == JSON_CANONICAL)
		level.sorted = sort_members(container);
	strbuf_add_char(w->buf, is_map ? '{' : '[');
	vec_push(&w->levels, level);
}

static void write_text(struct writer *w, struct str text, bool is_verbatim)
{
	if (is_verbatim && w->style == JSON_STORED)
		write_verbatim(w->buf, text);
	else
		json_write_string(w->buf, text);
}

static void write_value(struct writer *w, const struct val *value)
{
	switch (val_kind(*value)) {
	case VAL_KIND_NULL:
		strbuf_add_text(w->buf, "null");
		break;
	case VAL_KIND_BOOL:
		strbuf_add_text(w->buf, value->boolean ? "true" : "false");
		break;
	case VAL_KIND_INT:
		write_int(w->buf, value->integer);
		break;
	case VAL_KIND_DOUBLE:
		if (val_as_digits(value).length > 0)
			strbuf_add_str(w->buf, val_as_digits(value));
		else
			json_write_double(w->buf, value->number);
		break;
	case VAL_KIND_STRING:
		write_text(w, val_as_str(value), val_is_verbatim(*value));
		break;
	case VAL_KIND_LIST:
	case VAL_KIND_MAP:
		open_level(w, *value);
		break;
	}
}

static void write_next(struct writer *w, struct level *level)
{
	if (level->next > 0)
		strbuf_add_char(w->buf, ',');
	new_line(w);
	size_t index = level->sorted ? level->sorted[level->next].index : level->next;
	level->next++;
	struct val value;
	if (val_is_map(level->container)) {
		write_text(w, val_key_at(level->container, index),
			val_key_is_verbatim(level->container, index));
		strbuf_add_char(w->buf, ':');
		if (w->style == JSON_PRETTY)
			strbuf_add_char(w->buf, ' ');
		value = val_value_at(level->container, index);
	} else {
		value = val_at(level->container, index);
	}
	write_value(w, &value); /* may move LEVEL */
}

static void close_level(struct writer *w)
{
	struct level *level = &w->levels.items[--w->levels.count];
	free(level->sorted);
	new_line(w);
	strbuf_add_char(w->buf, val_is_map(level->container) ? '}' : ']');
}

void json_write(struct strbuf *buf, struct val value, enum json_style style)
{
	struct writer w = { .buf = buf, .style = style };
	write_value(&w, &value);
	while (w.levels.count) {
		struct level *level = &w.levels.items[w.levels.count - 1];
		if (level->next < level->count && !buf->overflowed)
			write_next(&w, level);
		else
			close_level(&w);
	}
	vec_free(&w.levels);
	if (style == JSON_PRETTY)
		strbuf_add_char(buf, '\n');
}

char *json_text(struct val value, enum json_style style)
{
	struct strbuf buf = STRBUF_INIT(SIZE_MAX / 2);
	json_write(&buf, value, style);
	return strbuf_detach(&buf);
}

/* Members of maps whose keys are known */

void json_put_text(struct strbuf *buf, const char *key, const char *text)
{
	if (!text)
		return;
	json_put_key(buf, key);
	json_write_string(buf, str_of(text));
}

void json_put_int(struct strbuf *buf, const char *key, int64_t number)
{
	json_put_key(buf, key);
	write_int(buf, number);
}

void json_put_nonzero(struct strbuf *buf, const char *key, int64_t number)
{
	if (number)
		json_put_int(buf, key, number);
}

void json_put_bool(struct strbuf *buf, const char *key, bool value)
{
	json_put_key(buf, key);
	strbuf_add_text(buf, value ? "true" : "false");
}

void json_put_value(struct strbuf *buf, const char *key, struct val value)
{
	json_put_key(buf, key);
	json_write(buf, value, JSON_STORED);
}

void json_put_member(struct strbuf *buf, struct str key, struct val value)
{
	if (buf->length > 0 && buf->bytes[buf->length - 1] != '{')
		strbuf_add_char(buf, ',');
	json_write_string(buf, key);
	strbuf_add_char(buf, ':');
	json_write(buf, value, JSON_STORED);
}

struct val json_reread(struct str text)
{
	const struct json_options options = {
		.verbatim = true, .max_bytes = SIZE_MAX, .max_depth = SIZE_MAX
	};
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;
	if (json_parse(text, &options, NULL, &value, &err) < 0) {
		fprintf(stderr, "what was written as JSON is none: %s\n", err_text(&err));
		abort();
	}
	return value;
}
