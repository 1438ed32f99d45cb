/*
 * The writer: block style as kubectl prints it (two spaces, lists at the indentation of their key), scripts and other
 * longer texts as literal blocks, strings in double quotes wherever a plain one would not read back as itself.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "base/yaml_scalar.h"

/* libyaml takes at most 1024 characters for a key without a question mark. */
#define SIMPLE_KEY_BYTES 1000

static void write_map(struct strbuf *buf, struct val map, int indent, bool inlined);
static void write_list(struct strbuf *buf, struct val list, int indent, bool inlined);

static void write_indent(struct strbuf *buf, int indent)
{
	strbuf_printf(buf, "%*s", indent, "");
}

/*
 * The length of the character at AT; a byte that is no UTF-8 counts as one. *RET_SPECIAL says whether YAML does not take
 * it as it is, or gives it a meaning: control characters, Unicode's line breaks, the byte order mark, noncharacters.
 */
static size_t character(struct str text, size_t at, bool *ret_special)
{
	const unsigned char *c = (const unsigned char *)text.bytes + at;
	size_t length = c[0] < 0x80 ? 1 : str_utf8_length(str_slice(text, at, text.length));

	*ret_special = false;
	if (length == 0)
		*ret_special = true;
	else if (length == 1)
		*ret_special = c[0] < 0x20 || c[0] == 0x7f;
	else if (length == 2)
		*ret_special = c[0] == 0xc2 && c[1] < 0xa0; /* C1, with U+0085 */
	else if (length == 3)
		*ret_special = /* U+2028, U+2029; U+FEFF; U+FFFE, U+FFFF */
			(c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9)) ||
			(c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf) ||
			(c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe);
	return length ? length : 1;
}

/* The special character of LENGTH bytes; U+FFFD for a byte that is none. */
static unsigned code_point(const char *bytes, size_t length)
{
	const unsigned char *c = (const unsigned char *)bytes;

	if (length == 1)
		return c[0] < 0x80 ? c[0] : 0xfffd;
	if (length == 2)
		return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
	return (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
}

static void write_quoted(struct strbuf *buf, struct str text)
{
	size_t length;

	strbuf_add_char(buf, '"');
	for (size_t i = 0; i < text.length; i += length) {
		const char *c = text.bytes + i;
		bool special;

		length = character(text, i, &special);
		if (*c == '\n')
			strbuf_add_text(buf, "\\n");
		else if (*c == '\t')
			strbuf_add_text(buf, "\\t");
		else if (*c == '"' || *c == '\\')
			strbuf_printf(buf, "\\%c", *c);
		else if (special)
			strbuf_printf(buf, "\\u%04x", code_point(c, length));
		else
			strbuf_add(buf, c, length);
	}
	strbuf_add_char(buf, '"');
}

static bool has_special(struct str text, bool newlines_too)
{
	bool special = false;

	for (size_t i = 0; i < text.length && !special;) {
		char c = text.bytes[i];

		i += character(text, i, &special);
		special = special && (newlines_too || c != '\n');
	}
	return special;
}

/* Other YAML readers take dates for times and 1:30 for a number of base 60; they are quoted for their sake. */
static bool looks_like_time(struct str text)
{
	bool separated = false;

	if (text.bytes[0] < '0' || text.bytes[0] > '9')
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (!strchr("0123456789:-+.TtZz ", text.bytes[i]))
			return false;
		separated = separated || text.bytes[i] == ':' || text.bytes[i] == '-';
	}
	return separated;
}

/* Whether TEXT stands for itself without quotes, in block style, as a value and as a key. */
static bool is_plain(struct str text)
{
	_cleanup_(val_free) struct val read = VAL_NULL;

	if (!text.length || has_special(text, true) ||
		yaml_scalar_read(text, &read) != YAML_SCALAR_STRING || looks_like_time(text))
		return false;
	if (strchr(" ,[]{}#&*!|>'\"%@`", text.bytes[0]) || str_ends(text, " ") ||
		str_ends(text, ":") || str_contains(text, ": ") || str_contains(text, " #"))
		return false;
	if (strchr("-?:", text.bytes[0]) && (text.length == 1 || text.bytes[1] == ' '))
		return false;
	return !str_starts(text, "---") && !str_starts(text, "...") && !str_is(text, "<<") &&
		!str_is(text, "=");
}

static void write_string(struct strbuf *buf, struct str text)
{
	if (is_plain(text))
		strbuf_add_str(buf, text);
	else
		write_quoted(buf, text);
}

/* Whether TEXT is of several lines that a literal block gives back as they are. */
static bool is_literal(struct str text)
{
	if (text.length < 2 || strchr(" \t\n", text.bytes[0]) || has_special(text, false))
		return false;
	return memchr(text.bytes, '\n', text.length) && !str_ends(text, " ");
}

static void write_literal(struct strbuf *buf, struct str text, int indent)
{
	struct str line;

	strbuf_add_text(buf, !str_ends(text, "\n") ? "|-" : str_ends(text, "\n\n") ? "|+" : "|");
	if (str_ends(text, "\n"))
		text.length--;
	while (str_split(&text, '\n', &line)) {
		strbuf_add_char(buf, '\n');
		if (line.length)
			write_indent(buf, indent);
		strbuf_add_str(buf, line);
	}
}

/* A scalar or an empty container. INDENT is that of the lines of a block; negative where there can be none. */
static void write_leaf(struct strbuf *buf, struct val value, int indent)
{
	struct str text = val_as_str(&value);

	if (!val_is_string(value))
		json_write(buf, value, JSON_COMPACT);
	else if (indent > 0 && is_literal(text))
		write_literal(buf, text, indent);
	else
		write_string(buf, text);
}

/* Beyond the depth that the reader takes a value is written as JSON in a line, which costs no stack. */
static bool is_leaf(struct val value, int indent)
{
	return val_count(value) == 0 || indent >= 2 * LIMIT_JSON_DEPTH;
}

/* KEY and the colon; a long one has them on two lines. */
static void write_key(struct strbuf *buf, struct str key, int indent)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	bool simple;

	write_string(&text, key);
	simple = text.length <= SIMPLE_KEY_BYTES;
	if (!simple)
		strbuf_add_text(buf, "? ");
	strbuf_add_str(buf, strbuf_str(&text));
	if (!simple) {
		strbuf_add_char(buf, '\n');
		write_indent(buf, indent);
	}
	strbuf_add_char(buf, ':');
}

/* INLINED: the first line's indentation is there already. */
static void write_map(struct strbuf *buf, struct val map, int indent, bool inlined)
{
	for (size_t i = 0; i < val_count(map); i++) {
		struct val value = val_value_at(map, i);

		if (i > 0 || !inlined)
			write_indent(buf, indent);
		write_key(buf, val_key_at(map, i), indent);
		if (is_leaf(value, indent)) {
			strbuf_add_char(buf, ' ');
			write_leaf(buf, value, indent + 2);
			strbuf_add_char(buf, '\n');
		} else if (val_is_map(value)) {
			strbuf_add_char(buf, '\n');
			write_map(buf, value, indent + 2, false);
		} else {
			strbuf_add_char(buf, '\n');
			write_list(buf, value, indent, false);
		}
	}
}

static void write_list(struct strbuf *buf, struct val list, int indent, bool inlined)
{
	for (size_t i = 0; i < val_count(list); i++) {
		struct val value = val_at(list, i);

		if (i > 0 || !inlined)
			write_indent(buf, indent);
		strbuf_add_text(buf, "- ");
		if (is_leaf(value, indent)) {
			write_leaf(buf, value, indent + 2);
			strbuf_add_char(buf, '\n');
		} else if (val_is_map(value)) {
			write_map(buf, value, indent + 2, true);
		} else {
			write_list(buf, value, indent + 2, true);
		}
	}
}

char *yaml_text(struct val value)
{
	struct strbuf buf = STRBUF_INIT(SIZE_MAX / 2);

	if (is_leaf(value, 0)) {
		write_leaf(&buf, value, -1);
		strbuf_add_char(&buf, '\n');
	} else if (val_is_map(value)) {
		write_map(&buf, value, 0, false);
	} else {
		write_list(&buf, value, 0, false);
	}
	return strbuf_detach(&buf);
}
