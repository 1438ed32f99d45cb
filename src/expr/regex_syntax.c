/*
 * Java's regular expressions in PCRE2's syntax. What means the same is copied; what does not is rewritten, or refused with a
 * reason. The reading follows java.util.regex.Pattern.
 */
#include "expr/regex.h"

#include <ctype.h>
#include <string.h>

#include "base/limits.h"

/* Classes that PCRE2 does not know by these names. */
static const struct {
	const char *name;
	const char *inside; /* of [ ] */
} named_classes[] = {
	{ "Lower", "a-z" },
	{ "Upper", "A-Z" },
	{ "ASCII", "\\x00-\\x7f" },
	{ "Alpha", "A-Za-z" },
	{ "Digit", "0-9" },
	{ "Alnum", "A-Za-z0-9" },
	{ "Punct", "!-\\/:-@\\[-`{-~" },
	{ "Graph", "!-~" },
	{ "Print", " -~" },
	{ "Blank", " \\t" },
	{ "Cntrl", "\\x00-\\x1f\\x7f" },
	{ "XDigit", "0-9A-Fa-f" },
	{ "Space", "\\t-\\r " },
	{ "IsAlphabetic", "\\p{L}\\p{Nl}" },
	{ "IsLetter", "\\p{L}" },
	{ "IsDigit", "\\p{Nd}" },
	{ "IsUppercase", "\\p{Lu}" },
	{ "IsLowercase", "\\p{Ll}" },
	{ "IsPunctuation", "\\p{P}" },
	{ "IsWhite_Space", "\\s" },
	{ "javaLowerCase", "\\p{Ll}" },
	{ "javaUpperCase", "\\p{Lu}" },
	{ "javaWhitespace", "\\s" },
};

/* Java's \b knows all letters, though its \w does not. */
#define WORD "[\\p{L}\\p{Nd}_]"
#define BOUNDARY "(?:(?<=" WORD ")(?!" WORD ")|(?<!" WORD ")(?=" WORD "))"
#define NO_BOUNDARY "(?:(?<=" WORD ")(?=" WORD ")|(?<!" WORD ")(?!" WORD "))"

/* What stands before a quantifier. */
enum before {
	BEFORE_NOTHING, /* the start, "(" or "|" */
	BEFORE_ATOM,
	BEFORE_QUANTIFIER,
};

struct translator {
	struct str from;
	size_t at;
	struct strbuf *to;
	const char *why;
	enum before before;
	unsigned groups; /* that capture, in the whole pattern */
	unsigned depth;
	bool wide;
};

static char peek(const struct translator *tr, size_t offset)
{
	return tr->at + offset < tr->from.length ? tr->from.bytes[tr->at + offset] : 0;
}

static int refuse(struct translator *tr, const char *why)
{
	tr->why = why;
	return -1;
}

static void copy(struct translator *tr, size_t count)
{
	size_t left = tr->from.length - tr->at;
	if (count > left)
		count = left;
	strbuf_add(tr->to, tr->from.bytes + tr->at, count);
	tr->at += count;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of a quantifier at AT with its ? or + behind; 0 when there is none, -1 for a "{" that is none. */
static int quantifier_length(const struct translator *tr, size_t offset)
{
	size_t length = 1;
	char c = peek(tr, offset);
	if (c == '{') {
		while (is_digit(peek(tr, offset + length)))
			length++;
		bool digits = length > 1;
		if (peek(tr, offset + length) == ',')
			length++;
		while (is_digit(peek(tr, offset + length)))
			length++;
		if (!digits || peek(tr, offset + length) != '}')
			return -1;
		length++;
	} else if (!c || !strchr("*+?", c)) {
		return 0;
	}
	char suffix = peek(tr, offset + length);
	return (int)(length + (suffix == '?' || suffix == '+'));
}

/* \p{…} and \P{…} */
static int translate_property(struct translator *tr, bool in_class)
{
	bool negative = peek(tr, 1) == 'P';
	ptrdiff_t end = str_find(tr->from, "}", tr->at);
	if (peek(tr, 2) != '{' || end < 0) {
		copy(tr, 3);
		return 0;
	}
	struct str name = str_slice(tr->from, tr->at + 3, (size_t)end);
	tr->at = (size_t)end + 1;
	for (size_t i = 0; i < sizeof(named_classes) / sizeof(named_classes[0]); i++) {
		if (!str_is(name, named_classes[i].name))
			continue;
		if (in_class && negative)
			return refuse(tr, "a negated named class inside [ ] is not supported");
		if (!in_class)
			strbuf_add_text(tr->to, negative ? "[^" : "[");
		strbuf_add_text(tr->to, named_classes[i].inside);
		if (!in_class)
			strbuf_add_char(tr->to, ']');
		return 0;
	}
	/* \p{IsL}, \p{IsLatin} */
	bool is = str_starts(name, "Is") && name.length > 2;
	struct str bare = is ? str_slice(name, 2, name.length) : name;
	strbuf_printf(tr->to, "\\%c{%.*s}", negative ? 'P' : 'p', STR_ARG(bare));
	return 0;
}

/* \1: a group that does not exist never matches in Java. Digits are taken while such a group exists. */
static int translate_reference(struct translator *tr)
{
	unsigned group = (unsigned)(peek(tr, 1) - '0');
	size_t length = 2;
	while (is_digit(peek(tr, length)) &&
		group * 10 + (unsigned)(peek(tr, length) - '0') <= tr->groups) {
		group = group * 10 + (unsigned)(peek(tr, length) - '0');
		length++;
	}
	if (group <= tr->groups)
		strbuf_printf(tr->to, "\\g{%u}", group);
	else
		strbuf_add_text(tr->to, "(?!)");
	tr->at += length;
	return 0;
}

/* What stands behind a backslash. */
static int translate_escape(struct translator *tr, bool in_class)
{
	char c = peek(tr, 1);
	if (tr->at + 1 >= tr->from.length)
		return refuse(tr, "it ends in a backslash");
	if (c == 'p' || c == 'P')
		return translate_property(tr, in_class);
	if (c >= '1' && c <= '9' && !in_class)
		return translate_reference(tr);
	if (c == 'u') {
		for (size_t i = 2; i < 6; i++)
			if (!isxdigit((unsigned char)peek(tr, i)))
				return refuse(tr, "\\u needs four digits");
		strbuf_printf(
			tr->to, "\\x{%.*s}", STR_ARG(str_slice(tr->from, tr->at + 2, tr->at + 6)));
		tr->at += 6;
		return 0;
	}
	if (c == 'Q') {
		ptrdiff_t end = str_find(tr->from, "\\E", tr->at);
		copy(tr, end < 0 ? SIZE_MAX : (size_t)end + 2 - tr->at);
		return 0;
	}
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (letter && !strchr("abBcdDeEfGhHkLnNrRsStvVwWxXzZAQ", c))
		return refuse(tr, "an escape that Java does not know");
	if (in_class && letter && strchr("bBAGzZXRk", c))
		return refuse(tr, "an escape that has no meaning inside [ ]");
	if (tr->wide && (c == 'b' || c == 'B')) {
		strbuf_add_text(tr->to, c == 'b' ? BOUNDARY : NO_BOUNDARY);
		tr->at += 2;
		return 0;
	}
	if (letter && strchr("bBAGzZ", c) && quantifier_length(tr, 2) > 0) {
		/* PCRE2 repeats groups but no bare anchors. */
		strbuf_printf(tr->to, "(?:\\%c)", c);
		tr->at += 2;
		return 0;
	}
	if ((unsigned char)c >= 0x80)
		tr->at++;
	else
		copy(tr, 2);
	return 0;
}

static int translate_set(struct translator *tr);

/* Closes what was collected of single characters, if any: "[" … "]". Separates it from what stands before. */
static void add_members(struct strbuf *to, struct strbuf *members, bool *first)
{
	if (!members->length)
		return;
	if (!*first)
		strbuf_add_char(to, '|');
	*first = false;
	strbuf_add_char(to, '[');
	strbuf_add_str(to, strbuf_str(members));
	strbuf_add_char(to, ']');
	strbuf_reset(members);
}

/*
 * The members of a set up to "&&" or "]": single characters and ranges as one PCRE2 set, nested sets as alternatives of
 * it. *TR->to gets "(?:[…]|…)".
 */
static int translate_union(struct translator *tr, bool may_start_with_bracket)
{
	_cleanup_strbuf_ struct strbuf members = STRBUF_INIT(LIMIT_EXPR_BODY_BYTES * 8);
	struct strbuf *to = tr->to;
	bool first = true;
	strbuf_add_text(to, "(?:");
	while (tr->at < tr->from.length) {
		char c = peek(tr, 0);
		int result = 0;
		bool end = c == ']' && !may_start_with_bracket;
		if (end || (c == '&' && peek(tr, 1) == '&'))
			break;
		may_start_with_bracket = false;
		if (c == '[') {
			add_members(to, &members, &first);
			if (!first)
				strbuf_add_char(to, '|');
			first = false;
			result = translate_set(tr);
		} else {
			tr->to = &members;
			if (c == '\\') {
				result = translate_escape(tr, true);
			} else if (c == ']') {
				strbuf_add_text(&members, "\\]");
				tr->at++;
			} else if (c == '^') {
				strbuf_add_text(&members, "\\^");
				tr->at++;
			} else {
				copy(tr, 1);
			}
			tr->to = to;
		}
		if (result < 0)
			return -1;
	}
	add_members(to, &members, &first);
	strbuf_add_char(to, ')');
	return first ? refuse(tr, "an empty part of [ ]") : 0;
}

/* […]: each operand of && but the last is looked ahead for; a negated set is any character that is not in it. */
static int translate_set(struct translator *tr)
{
	if (++tr->depth > LIMIT_EXPR_DEPTH / 4)
		return refuse(tr, "[ ] nested too deeply");
	tr->at++;
	bool negated = peek(tr, 0) == '^';
	tr->at += negated;
	strbuf_add_text(tr->to, negated ? "(?:(?!" : "(?:");
	bool first = true;
	for (;;) {
		size_t start = tr->to->length;
		if (translate_union(tr, first) < 0)
			return -1;
		first = false;
		if (tr->at >= tr->from.length)
			return refuse(tr, "an unclosed [");
		if (peek(tr, 0) == ']')
			break;
		tr->at += 2;
		/* "(?:" becomes "(?=" now that another operand follows. */
		if (!tr->to->overflowed)
			tr->to->bytes[start + 2] = '=';
	}
	tr->at++;
	tr->depth--;
	strbuf_add_text(tr->to, negated ? ")(?s:.))" : ")");
	return 0;
}

/* Whether the set at AT is plain: no sets in it and no &&, so that it can be copied. */
static bool is_plain_set(const struct translator *tr)
{
	size_t at = 1 + (peek(tr, 1) == '^');
	for (bool first = true; peek(tr, at); first = false, at++) {
		char c = peek(tr, at);
		if (c == ']')
			return !first;
		if (c == '[' || (c == '&' && peek(tr, at + 1) == '&'))
			return false;
		if (c == '\\' && (peek(tr, at + 1) == 'Q' || peek(tr, at + 1) == 'P'))
			return false;
		at += c == '\\';
	}
	return false;
}

static int translate_class(struct translator *tr)
{
	tr->before = BEFORE_ATOM;
	if (!is_plain_set(tr))
		return translate_set(tr);
	copy(tr, 1);
	while (tr->at < tr->from.length && peek(tr, 0) != ']') {
		if (peek(tr, 0) != '\\')
			copy(tr, 1);
		else if (translate_escape(tr, true) < 0)
			return -1;
	}
	if (tr->at >= tr->from.length) /* an escape has taken the ] */
		return refuse(tr, "an unclosed [");
	copy(tr, 1);
	return 0;
}

static int translate_group(struct translator *tr)
{
	copy(tr, 1);
	tr->before = BEFORE_NOTHING;
	if (peek(tr, 0) == '*')
		return refuse(tr, "Dangling meta character '*'");
	if (peek(tr, 0) != '?')
		return 0;
	char c = peek(tr, 1);
	if (c == ':' || c == '=' || c == '!' || c == '>') {
		copy(tr, 2);
		return 0;
	}
	if (c == '<') {
		copy(tr, peek(tr, 2) == '=' || peek(tr, 2) == '!' ? 3 : 2);
		return 0;
	}
	copy(tr, 1);
	while (peek(tr, 0) && strchr("imsxud-", peek(tr, 0))) {
		/* (?u) and (?d): case and line ends by Unicode's rules, which is what PCRE2 does anyway. */
		if (peek(tr, 0) == 'u' || peek(tr, 0) == 'd')
			tr->at++;
		else
			copy(tr, 1);
	}
	if (peek(tr, 0) != ')' && peek(tr, 0) != ':')
		return refuse(tr, "a kind of group that Java does not know");
	copy(tr, 1);
	return 0;
}

/* Java takes {2} behind nothing, or behind another quantifier, as a repetition of nothing. */
static int translate_quantifier(struct translator *tr)
{
	int length = quantifier_length(tr, 0);
	if (length < 0)
		return refuse(tr, "Illegal repetition near {; write \\\\{ for the character");
	if (tr->before != BEFORE_ATOM && peek(tr, 0) != '{')
		return refuse(tr, "Dangling meta character: nothing to repeat");
	if (tr->before == BEFORE_ATOM)
		copy(tr, (size_t)length);
	else
		tr->at += (size_t)length;
	tr->before = BEFORE_QUANTIFIER;
	return 0;
}

static int translate_one(struct translator *tr)
{
	char c = peek(tr, 0);
	switch (c) {
	case '\\':
		tr->before = BEFORE_ATOM;
		return translate_escape(tr, false);
	case '[':
		return translate_class(tr);
	case '(':
		return translate_group(tr);
	case '{':
	case '*':
	case '+':
	case '?':
		return translate_quantifier(tr);
	case '^':
	case '$':
		tr->before = BEFORE_ATOM;
		if (quantifier_length(tr, 1) > 0) {
			strbuf_printf(tr->to, "(?:%c)", c);
			tr->at++;
			return 0;
		}
		break;
	case '|':
		tr->before = BEFORE_NOTHING;
		break;
	default:
		tr->before = BEFORE_ATOM;
	}
	copy(tr, 1);
	return 0;
}

/* Groups that capture: "(" that is neither escaped, nor in [ ], nor followed by "?" but for (?<name>. */
static unsigned count_groups(struct str pattern)
{
	unsigned groups = 0, depth = 0;
	for (size_t i = 0; i < pattern.length; i++) {
		char c = pattern.bytes[i];
		struct str rest = str_slice(pattern, i, pattern.length);
		if (c == '\\')
			i++;
		else if (c == '[')
			depth++;
		else if (c == ']' && depth)
			depth--;
		else if (c == '(' && !depth)
			groups += !str_starts(rest, "(?") ||
				(str_starts(rest, "(?<") && !str_starts(rest, "(?<=") &&
					!str_starts(rest, "(?<!"));
	}
	return groups;
}

int regex_translate(struct str pattern, bool wide, struct strbuf *buf, const char **ret_why)
{
	struct translator tr = {
		.from = pattern, .to = buf, .groups = count_groups(pattern), .wide = wide
	};
	while (tr.at < pattern.length) {
		if (translate_one(&tr) < 0) {
			*ret_why = tr.why;
			return -1;
		}
	}
	if (buf->overflowed) {
		*ret_why = "it is too long";
		return -1;
	}
	return 0;
}
