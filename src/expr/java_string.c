/* java.lang.String and Character. Rules: reference of expressions, 5.3 and 5.4. */
#include <string.h>

#include <unicode/ucasemap.h>
#include <unicode/uchar.h>

#include "base/limits.h"
#include "expr/format.h"
#include "expr/java.h"
#include "expr/regex.h"
#include "expr/text.h"

static struct str self_str(const struct call *call)
{
	return value_str(call->self);
}

static struct str arg_str(const struct call *call, size_t index)
{
	return value_str(call->args[index]);
}

static int null_argument(struct eval *ev, const struct call *call)
{
	for (size_t i = 0; i < call->count; i++)
		if (call->args[i].kind == V_NULL)
			return fail(ev, FAIL_NULL, "an argument is null");
	return 0;
}

static int string_length(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int64_t)text_units(self_str(call)));
	return 0;
}

static int string_is_empty(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->self.length == 0);
	return 0;
}

static bool is_white(uint32_t code)
{
	return u_isWhitespace((UChar32)code);
}

/* TEXT without what FITS at its ends. */
static struct str strip(struct str text, bool (*fits)(uint32_t), bool front, bool back)
{
	size_t from = 0, to = text.length;
	while (front && from < to) {
		size_t next = from;
		if (!fits(text_next(text, &next)))
			break;
		from = next;
	}
	while (back && to > from) {
		size_t last = to - 1;
		while (last > from && (text.bytes[last] & 0xc0) == 0x80)
			last--;
		size_t next = last;
		if (!fits(text_next(text, &next)))
			break;
		to = last;
	}
	return str_slice(text, from, to);
}

static bool is_control_or_blank(uint32_t code)
{
	return code <= ' ';
}

static int string_trim(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_string(strip(self_str(call), is_control_or_blank, true, true));
	return 0;
}

static int string_strip(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_string(strip(self_str(call), is_white, true, true));
	return 0;
}

static int string_strip_leading(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_string(strip(self_str(call), is_white, true, false));
	return 0;
}

static int string_strip_trailing(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_string(strip(self_str(call), is_white, false, true));
	return 0;
}

static int string_is_blank(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(strip(self_str(call), is_white, true, false).length == 0);
	return 0;
}

/* Upper or lower case, full Unicode. */
static int change_case(struct eval *ev, struct str text, bool upper, struct value *ret)
{
	if (text_is_ascii(text)) {
		char *bytes = arena_copy(&ev->arena, text);
		for (size_t i = 0; i < text.length; i++) {
			char c = bytes[i];
			if (upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z'))
				bytes[i] = (char)(c ^ 0x20);
		}
		*ret = value_string((struct str){ bytes, text.length });
		return eval_step(ev, text.length / 64);
	}
	text = text_clean(&ev->arena, text);
	if (text.length > LIMIT_EXPR_STRING_BYTES / 3)
		return fail(ev, FAIL_LIMIT, "The text is too long to change its case");
	UErrorCode status = U_ZERO_ERROR;
	UCaseMap *map = ucasemap_open("", 0, &status);
	size_t room = text.length * 3 + 1;
	char *bytes = arena_alloc(&ev->arena, room);
	int32_t length = (upper ? ucasemap_utf8ToUpper : ucasemap_utf8ToLower)(
		map, bytes, (int32_t)room, text.bytes, (int32_t)text.length, &status);
	ucasemap_close(map);
	if (U_FAILURE(status))
		return fail(ev, FAIL_ARGUMENT, "%s", u_errorName(status));
	*ret = value_string((struct str){ bytes, (size_t)length });
	return eval_step(ev, 60 + text.length / 8);
}

static int string_upper(struct eval *ev, const struct call *call, struct value *ret)
{
	return change_case(ev, self_str(call), true, ret);
}

static int string_lower(struct eval *ev, const struct call *call, struct value *ret)
{
	return change_case(ev, self_str(call), false, ret);
}

static ptrdiff_t find(struct str text, struct str part, size_t from)
{
	if (from > text.length || part.length > text.length - from)
		return -1;
	if (part.length == 0)
		return (ptrdiff_t)from;
	const char *start = text.bytes + from;
	size_t left = text.length - from;
	const char *found = part.length == 1 ? memchr(start, part.bytes[0], left) :
					       memmem(start, left, part.bytes, part.length);
	return found ? found - text.bytes : -1;
}

static ptrdiff_t find_last(struct str text, struct str part, size_t from)
{
	if (part.length > text.length)
		return -1;
	size_t at = text.length - part.length < from ? text.length - part.length : from;
	for (;; at--) {
		if (memcmp(text.bytes + at, part.bytes, part.length) == 0)
			return (ptrdiff_t)at;
		if (at == 0)
			return -1;
	}
}

static bool ends(struct str text, struct str end)
{
	return text.length >= end.length &&
		memcmp(text.bytes + text.length - end.length, end.bytes, end.length) == 0;
}

static int string_contains(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	*ret = value_bool(find(self_str(call), arg_str(call, 0), 0) >= 0);
	return eval_step(ev, call->self.length / 64);
}

static int string_starts_with(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	struct str text = self_str(call), part = arg_str(call, 0);
	size_t from = 0;
	if (call->count > 1) {
		int64_t units = call->args[1].integer;
		if (units < 0 || (uint64_t)units > text_units(text)) {
			*ret = value_bool(false);
			return 0;
		}
		from = text_byte_of_unit(text, (size_t)units);
	}
	*ret = value_bool(text.length - from >= part.length &&
		memcmp(text.bytes + from, part.bytes, part.length) == 0);
	return 0;
}

static int string_ends_with(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	*ret = value_bool(ends(self_str(call), arg_str(call, 0)));
	return 0;
}

/* indexOf and lastIndexOf; the argument is text or one character's code. */
static int index_of(struct eval *ev, const struct call *call, bool last, struct value *ret)
{
	char bytes[4];
	struct str text = self_str(call), part;
	if (null_argument(ev, call) < 0)
		return -1;
	if (call->args[0].kind == V_STRING)
		part = arg_str(call, 0);
	else
		part = (struct str){ bytes,
			text_encode((uint32_t)call->args[0].integer & 0x1fffff, bytes) };
	int64_t units = (int64_t)text_units(text);
	int64_t from = call->count > 1 ? call->args[1].integer : last ? units : 0;
	*ret = value_int(-1);
	if (last && from < 0)
		return 0;
	size_t start = text_byte_of_unit(text,
		(size_t)(from < 0            ? 0 :
				from > units ? units :
					       from));
	ptrdiff_t at = last ? find_last(text, part, start) : find(text, part, start);
	if (at >= 0)
		*ret = value_int((int64_t)text_unit_of_byte(text, (size_t)at));
	return eval_step(ev, text.length / 16);
}

static int string_index_of(struct eval *ev, const struct call *call, struct value *ret)
{
	return index_of(ev, call, false, ret);
}

static int string_last_index_of(struct eval *ev, const struct call *call, struct value *ret)
{
	return index_of(ev, call, true, ret);
}

static int string_substring(struct eval *ev, const struct call *call, struct value *ret)
{
	struct str text = self_str(call);
	int64_t units = (int64_t)text_units(text);
	int64_t from = call->args[0].integer;
	int64_t to = call->count > 1 ? call->args[1].integer : units;
	if (from < 0 || to > units || from > to)
		return fail(ev, FAIL_STRING_INDEX, "begin %lld, end %lld, length %lld",
			(long long)from, (long long)to, (long long)units);
	*ret = value_string(text_slice(&ev->arena, text, (size_t)from, (size_t)to));
	return eval_step(ev, text.length / 64);
}

static int string_char_at(struct eval *ev, const struct call *call, struct value *ret)
{
	struct str text = self_str(call);
	int64_t at = call->args[0].integer, units = (int64_t)text_units(text);
	if (at < 0 || at >= units)
		return fail(ev, FAIL_STRING_INDEX, "String index out of range: %lld", (long long)at);
	*ret = value_char(text_unit_at(text, (size_t)at));
	return 0;
}

static int string_code_point_at(struct eval *ev, const struct call *call, struct value *ret)
{
	struct str text = self_str(call);
	int64_t at = call->args[0].integer, units = (int64_t)text_units(text);
	if (at < 0 || at >= units)
		return fail(ev, FAIL_STRING_INDEX, "Index %lld out of bounds for length %lld",
			(long long)at, (long long)units);
	size_t byte = text_byte_of_unit(text, (size_t)at);
	uint32_t code = text_next(text, &byte);
	uint16_t unit = text_unit_at(text, (size_t)at);
	*ret = value_int(unit >= 0xdc00 && unit < 0xe000 ? unit : code);
	return 0;
}

static int string_concat(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	struct str a = self_str(call), b = arg_str(call, 0);
	if (a.length + b.length > LIMIT_EXPR_STRING_BYTES)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	char *bytes = arena_alloc(&ev->arena, a.length + b.length + 1);
	memcpy(bytes, a.bytes, a.length);
	memcpy(bytes + a.length, b.bytes, b.length);
	bytes[a.length + b.length] = 0;
	*ret = value_string((struct str){ bytes, a.length + b.length });
	return eval_step(ev, (a.length + b.length) / 64);
}

static int replace_text(
	struct eval *ev, struct str text, struct str part, struct str by, struct value *ret)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	size_t at = 0;
	while (at <= text.length) {
		ptrdiff_t found = find(text, part, at);
		if (found < 0)
			break;
		strbuf_add_str(&buf, str_slice(text, at, (size_t)found));
		strbuf_add_str(&buf, by);
		at = (size_t)found + part.length;
		if (eval_step(ev, 1) < 0)
			return -1;
		if (part.length)
			continue;
		/* An empty part stands before each character, and at the end. */
		size_t next = at;
		if (at < text.length)
			text_next(text, &next);
		strbuf_add_str(&buf, str_slice(text, at, next));
		at = next > at ? next : text.length + 1;
	}
	if (at < text.length)
		strbuf_add_str(&buf, str_slice(text, at, text.length));
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	*ret = eval_string(ev, strbuf_str(&buf));
	return eval_step(ev, text.length / 64);
}

static int string_replace(struct eval *ev, const struct call *call, struct value *ret)
{
	char part[4], by[4];
	if (null_argument(ev, call) < 0)
		return -1;
	if (call->args[0].kind != V_CHAR)
		return replace_text(ev, self_str(call), arg_str(call, 0), arg_str(call, 1), ret);
	struct str from = { part, text_encode((uint32_t)call->args[0].integer, part) };
	struct str to = { by, text_encode((uint32_t)call->args[1].integer, by) };
	return replace_text(ev, self_str(call), from, to, ret);
}

static int string_replace_all(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	return regex_replace(ev, self_str(call), arg_str(call, 0), arg_str(call, 1), true, ret);
}

static int string_replace_first(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	return regex_replace(ev, self_str(call), arg_str(call, 0), arg_str(call, 1), false, ret);
}

static int string_matches(struct eval *ev, const struct call *call, struct value *ret)
{
	bool matched;
	if (null_argument(ev, call) < 0 ||
		regex_matches_whole(ev, self_str(call), arg_str(call, 0), &matched) < 0)
		return -1;
	*ret = value_bool(matched);
	return 0;
}

static int string_split(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	int64_t limit = call->count > 1 ? call->args[1].integer : 0;
	return regex_split(ev, self_str(call), arg_str(call, 0), limit, ret);
}

static int string_equals_ignore_case(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(false);
	if (call->args[0].kind == V_NULL)
		return 0;
	struct str a = self_str(call), b = arg_str(call, 0);
	size_t at_a = 0, at_b = 0;
	while (at_a < a.length && at_b < b.length) {
		UChar32 x = (UChar32)text_next(a, &at_a), y = (UChar32)text_next(b, &at_b);
		if (x != y && u_toupper(x) != u_toupper(y) &&
			u_tolower(u_toupper(x)) != u_tolower(u_toupper(y)))
			return 0;
	}
	*ret = value_bool(at_a == a.length && at_b == b.length);
	return eval_step(ev, a.length / 16);
}

static int string_content_equals(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(
		call->args[0].kind == V_STRING && str_equal(self_str(call), arg_str(call, 0)));
	return 0;
}

static int string_compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	if (null_argument(ev, call) < 0)
		return -1;
	*ret = value_int(text_compare(self_str(call), arg_str(call, 0)));
	return 0;
}

static int string_compare_ignoring_case(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value a, b;
	if (null_argument(ev, call) < 0 || change_case(ev, self_str(call), false, &a) < 0 ||
		change_case(ev, arg_str(call, 0), false, &b) < 0)
		return -1;
	*ret = value_int(text_compare(value_str(a), value_str(b)));
	return 0;
}

static int string_repeat(struct eval *ev, const struct call *call, struct value *ret)
{
	struct str text = self_str(call);
	int64_t count = call->args[0].integer;
	if (count < 0)
		return fail(ev, FAIL_ARGUMENT, "count is negative: %lld", (long long)count);
	if (text.length && (uint64_t)count > LIMIT_EXPR_STRING_BYTES / text.length)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	size_t length = text.length ? text.length * (size_t)count : 0;
	if (eval_step(ev, length / 64) < 0)
		return -1;
	char *bytes = arena_alloc(&ev->arena, length + 1);
	/* Twice as much each time. */
	size_t have = text.length < length ? text.length : length;
	memcpy(bytes, text.bytes, have);
	for (size_t part; have < length; have += part) {
		part = have < length - have ? have : length - have;
		memcpy(bytes + have, bytes, part);
	}
	bytes[length] = 0;
	*ret = value_string((struct str){ bytes, length });
	return 0;
}

/* An element takes more than its byte of the text. */
static int too_many(struct eval *ev, size_t count)
{
	if (count <= LIMIT_EXPR_ARRAY)
		return 0;
	return fail(
		ev, FAIL_LIMIT, "An array of more than %d elements would arise", LIMIT_EXPR_ARRAY);
}

static int string_to_char_array(struct eval *ev, const struct call *call, struct value *ret)
{
	struct str text = self_str(call);
	if (too_many(ev, text.length) < 0)
		return -1;
	struct seq *seq = seq_new(ev, text.length);
	for (size_t at = 0; at < text.length;) {
		uint32_t code = text_next(text, &at);
		if (code >= 0x10000) {
			code -= 0x10000;
			seq_push(ev, seq, value_char((uint16_t)(0xd800 + (code >> 10))));
			code = 0xdc00 + (code & 0x3ff);
		}
		seq_push(ev, seq, value_char((uint16_t)code));
	}
	*ret = value_of_seq(V_ARRAY, seq);
	ret->element = V_CHAR;
	return eval_step(ev, text.length);
}

int java_check_charset(struct eval *ev, struct value name)
{
	struct str text = name.kind == V_STRING ? value_str(name) : STR("null");
	if (str_equal_nocase(text, STR("UTF-8")) || str_equal_nocase(text, STR("UTF8")))
		return 0;
	return fail(ev, FAIL_ARGUMENT, "charset %.*s is not supported, only UTF-8",
		STR_ARG(str_slice(text, 0, text.length < 40 ? text.length : 40)));
}

static int string_get_bytes(struct eval *ev, const struct call *call, struct value *ret)
{
	if (call->count && java_check_charset(ev, call->args[0]) < 0)
		return -1;
	struct str text = text_clean(&ev->arena, self_str(call));
	if (too_many(ev, text.length) < 0)
		return -1;
	struct seq *seq = seq_new(ev, text.length);
	for (size_t i = 0; i < text.length; i++)
		seq_push(ev, seq, value_int((signed char)text.bytes[i]));
	*ret = value_of_seq(V_ARRAY, seq);
	ret->element = ELEMENT_BYTE;
	return eval_step(ev, text.length);
}

/* The next of Java's lines in *REST: they end with \n, \r\n or \r. */
static struct str next_line(struct str *rest)
{
	size_t end = 0;
	while (end < rest->length && rest->bytes[end] != '\n' && rest->bytes[end] != '\r')
		end++;
	struct str line = str_slice(*rest, 0, end);
	size_t skip = end < rest->length;
	if (skip && rest->bytes[end] == '\r' && end + 1 < rest->length && rest->bytes[end + 1] == '\n')
		skip = 2;
	*rest = str_slice(*rest, end + skip, rest->length);
	return line;
}

/* So many blanks before each line, or that many white ones taken away; each line ends with \n then. */
static int string_indent(struct eval *ev, const struct call *call, struct value *ret)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	struct str rest = self_str(call);
	int64_t by = call->args[0].integer;
	while (rest.length && !buf.overflowed) {
		struct str line = next_line(&rest);
		for (int64_t i = 0; i < by && !buf.overflowed; i++)
			strbuf_add_char(&buf, ' ');
		for (int64_t i = by; i < 0 && line.length; i++) {
			size_t next = 0;
			if (!is_white(text_next(line, &next)))
				break;
			line = str_slice(line, next, line.length);
		}
		strbuf_add_str(&buf, line);
		strbuf_add_char(&buf, '\n');
		if (eval_step(ev, 1 + line.length / 16 + (by > 0 ? (uint64_t)by / 16 : 0)) < 0)
			return -1;
	}
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

static int string_format(struct eval *ev, const struct call *call, struct value *ret)
{
	if (call->args[0].kind == V_NULL)
		return fail(ev, FAIL_NULL, "the format is null");
	return java_format(ev, arg_str(call, 0), call->args[1], ret);
}

static int string_formatted(struct eval *ev, const struct call *call, struct value *ret)
{
	return java_format(ev, self_str(call), call->args[0], ret);
}

/* Texts only, as in the original: join(sep, list) with numbers in it fails. */
static int string_join(struct eval *ev, const struct call *call, struct value *ret)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	struct value items = call->args[1];
	if (call->args[0].kind == V_NULL || items.kind == V_NULL)
		return fail(ev, FAIL_NULL, "an argument is null");
	size_t count = seq_count(ev, items);
	for (size_t i = 0; i < count; i++) {
		struct value item = seq_at(ev, items, i);
		if (item.kind != V_STRING && item.kind != V_NULL)
			return fail(ev, FAIL_EVAL,
				"class %s cannot be cast to class java.lang.CharSequence; list.![toString()] makes texts of all",
				value_type_name(item));
		if (i)
			strbuf_add_str(&buf, arg_str(call, 0));
		strbuf_add_str(&buf, item.kind == V_NULL ? STR("null") : value_str(item));
		if (eval_step(ev, 1) < 0)
			return -1;
	}
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

static int string_value_of(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value value = call->args[0];
	/* Java takes null for a missing char array. */
	if (value.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the value is null");
	/* A char array is the text of its characters. */
	if (value.kind != V_ARRAY || value.element != V_CHAR)
		return value_java_text(ev, value, ret);
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	for (size_t i = 0; i < seq_count(ev, value); i++)
		if (value_to_java_text(ev, seq_at(ev, value, i), &buf) < 0)
			return -1;
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

/* Of characters or UTF-8 bytes; all, or COUNT from OFFSET on. */
static int string_of_array(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value array = call->args[0];
	int64_t length = (int64_t)seq_count(ev, array), from = 0, count = length;
	if (call->count == 2 && java_check_charset(ev, call->args[1]) < 0)
		return -1;
	if (call->count == 3) {
		from = call->args[1].integer;
		count = call->args[2].integer;
	}
	if (from < 0 || count < 0 || from > length - count)
		return fail(ev, FAIL_STRING_INDEX, "offset %lld, count %lld, length %lld",
			(long long)from, (long long)count, (long long)length);
	bool is_bytes = array.element == ELEMENT_BYTE;
	struct seq *part = seq_new(ev, is_bytes ? 0 : (size_t)count);
	char *bytes = arena_alloc(&ev->arena, (size_t)count + 1);
	for (int64_t i = 0; i < count; i++) {
		struct value item = seq_at(ev, array, (size_t)(from + i));
		bytes[i] = (char)item.integer;
		if (!is_bytes)
			seq_push(ev, part, item);
	}
	if (eval_step(ev, (uint64_t)count / 4) < 0)
		return -1;
	if (is_bytes) {
		struct str text = { bytes, (size_t)count };
		*ret = value_string(str_is_utf8(text) ? text : text_repair(&ev->arena, text));
		return 0;
	}
	struct value chars = value_of_seq(V_ARRAY, part);
	chars.element = V_CHAR;
	struct call value_of = { .args = &chars, .count = 1 };
	return string_value_of(ev, &value_of, ret);
}

static int string_new(struct eval *ev, const struct call *call, struct value *ret)
{
	if (call->count == 0)
		*ret = value_string((struct str){ "", 0 });
	else if (call->args[0].kind == V_STRING)
		*ret = call->args[0];
	else if (call->args[0].kind == V_NULL)
		return fail(ev, FAIL_NULL, "the text is null");
	else
		return string_value_of(ev, call, ret);
	return 0;
}

static int string_to_string(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->self;
	return 0;
}

static const struct java_method string_methods[] = {
	{ "toString", "", "String", string_to_string, "the text itself", "'a'.toString()" },
	{ "length", "", "int", string_length, "UTF-16 units", "'abc'.length()" },
	{ "isEmpty", "", "boolean", string_is_empty, "whether it has no character", "''.isEmpty()" },
	{ "isBlank", "", "boolean", string_is_blank, "whether it has nothing but blanks",
		"'  '.isBlank()" },
	{ "contains", "q", "boolean", string_contains, "whether the text is in it",
		"'v1.2-rc1'.contains('rc')" },
	{ "startsWith", "s", "boolean", string_starts_with, "whether it begins so",
		"'v1.2'.startsWith('v')" },
	{ "startsWith", "si", "boolean", string_starts_with, "the same from an index",
		"'v1.2'.startsWith('1', 1)" },
	{ "endsWith", "s", "boolean", string_ends_with, "whether it ends so",
		"'app-canary'.endsWith('-canary')" },
	{ "indexOf", "s", "int", string_index_of, "where it is first, or -1", "'a-b-c'.indexOf('-')" },
	{ "indexOf", "si", "int", string_index_of, "the same from an index",
		"'a-b-c'.indexOf('-', 2)" },
	{ "indexOf", "i", "int", string_index_of, "where the character is first",
		"'a-b-c'.indexOf(45)" },
	{ "indexOf", "ii", "int", string_index_of, "the same from an index",
		"'a-b-c'.indexOf(45, 2)" },
	{ "lastIndexOf", "s", "int", string_last_index_of, "where it is last, or -1",
		"'a-b-c'.lastIndexOf('-')" },
	{ "lastIndexOf", "si", "int", string_last_index_of, "the same up to an index",
		"'a-b-c'.lastIndexOf('-', 2)" },
	{ "lastIndexOf", "i", "int", string_last_index_of, "where the character is last",
		"'a-b-c'.lastIndexOf(45)" },
	{ "lastIndexOf", "ii", "int", string_last_index_of, "the same up to an index",
		"'a-b-c'.lastIndexOf(45, 2)" },
	{ "substring", "i", "String", string_substring, "from an index on", "'abcdef'.substring(2)" },
	{ "substring", "ii", "String", string_substring, "from an index up to another",
		"'abcdef'.substring(0, 3)" },
	{ "charAt", "i", "char", string_char_at, "the UTF-16 unit there", "'abc'.charAt(1)" },
	{ "codePointAt", "i", "int", string_code_point_at, "the code point there",
		"'abc'.codePointAt(0)" },
	{ "concat", "s", "String", string_concat, "both texts", "'a'.concat('b')" },
	{ "replace", "qq", "String", string_replace, "each occurrence, taken literally",
		"'1.2.3'.replace('.', '-')" },
	{ "replace", "cc", "String", string_replace, "each occurrence of a character",
		"'1.2'.replace('1'.charAt(0), '9'.charAt(0))" },
	{ "replaceAll", "rs", "String", string_replace_all, "each match; $1 is a group",
		"'a1b22'.replaceAll('([0-9]+)', '<$1>')" },
	{ "replaceFirst", "rs", "String", string_replace_first, "the first match",
		"'a1b22'.replaceFirst('[0-9]+', '#')" },
	{ "matches", "r", "boolean", string_matches, "whether all of it matches",
		"'v1.2'.matches('v[0-9.]+')" },
	{ "split", "r", "String[]", string_split, "the pieces, without empty ones at the end",
		"'a,b,,'.split(',')" },
	{ "split", "ri", "String[]", string_split, "at most so many pieces; -1: all",
		"'a,b,,'.split(',', -1)" },
	{ "toUpperCase", "", "String", string_upper, "in capitals", "'abc'.toUpperCase()" },
	{ "toLowerCase", "", "String", string_lower, "in small letters", "'ABC'.toLowerCase()" },
	{ "trim", "", "String", string_trim, "without blanks at the ends", "' a '.trim()" },
	{ "strip", "", "String", string_strip, "the same by Unicode", "' a '.strip()" },
	{ "stripLeading", "", "String", string_strip_leading, "only at the start",
		"' a '.stripLeading()" },
	{ "stripTrailing", "", "String", string_strip_trailing, "only at the end",
		"' a '.stripTrailing()" },
	{ "equalsIgnoreCase", "s", "boolean", string_equals_ignore_case, "without regard to case",
		"'Yes'.equalsIgnoreCase('YES')" },
	{ "contentEquals", "q", "boolean", string_content_equals, "the same characters",
		"'a'.contentEquals('a')" },
	{ "compareTo", "s", "int", string_compare_to, "below, at or above 0", "'a'.compareTo('c')" },
	{ "compareToIgnoreCase", "s", "int", string_compare_ignoring_case, "without case",
		"'a'.compareToIgnoreCase('B')" },
	{ "indent", "i", "String", string_indent, "each line with so many blanks before it",
		"'a'.indent(2)" },
	{ "repeat", "i", "String", string_repeat, "so many times", "'ab'.repeat(3)" },
	{ "toCharArray", "", "char[]", string_to_char_array, "its UTF-16 units",
		"'ab'.toCharArray().length" },
	{ "getBytes", "", "byte[]", string_get_bytes, "its UTF-8 bytes", "'aé'.getBytes().length" },
	{ "getBytes", "s", "byte[]", string_get_bytes, "its UTF-8 bytes",
		"'aé'.getBytes('UTF-8').length" },
	{ "formatted", "o*", "String", string_formatted, "with % places filled",
		"'%s-%03d'.formatted('v', 7)" },
	{ "intern", "", "String", string_to_string, "the text itself", "'a'.intern()" },
	{ 0 },
};

static const struct java_method string_statics[] = {
	{ "format", "so*", "String", string_format, "with % places filled",
		"T(String).format('%s has %.1f %%', 'disk', 12.34)" },
	{ "join", "qC", "String", string_join, "texts with another between",
		"T(String).join('-', {'a', 'b'})" },
	{ "join", "qq*", "String", string_join, "texts with another between",
		"T(String).join('-', 'a', 'b', 'c')" },
	{ "valueOf", "o", "String", string_value_of, "anything as text", "T(String).valueOf(1.5)" },
	{ "valueOf", "bii", "String", string_of_array, "so many characters from an index on",
		"T(String).valueOf('abcd'.toCharArray(), 1, 2)" },
	{ "copyValueOf", "o", "String", string_value_of, "characters as text",
		"T(String).copyValueOf('abc'.toCharArray())" },
	{ "copyValueOf", "bii", "String", string_of_array, "so many of them from an index on",
		"T(String).copyValueOf('abcd'.toCharArray(), 1, 2)" },
	{ 0 },
};

static const struct java_method string_constructors[] = {
	{ "String", "", "String", string_new, "an empty text", "new String().isEmpty()" },
	{ "String", "b", "String", string_of_array, "of its characters, or UTF-8 bytes",
		"new String('abc'.getBytes())" },
	{ "String", "bs", "String", string_of_array, "the same, with a charset",
		"new String('abc'.getBytes(), 'UTF-8')" },
	{ "String", "bii", "String", string_of_array, "so many of them from an index on",
		"new String('abcd'.toCharArray(), 1, 2)" },
	{ "String", "s", "String", string_new, "the same text", "new String('a')" },
	{ 0 },
};

static const char *const string_refused[] = { "chars", "lines", "subSequence", "codePoints",
	"describeConstable", "transform", "getClass", NULL };

const struct java_class java_string = {
	.name = "java.lang.String",
	.nameable = true,
	.methods = string_methods,
	.statics = string_statics,
	.constructors = string_constructors,
	.refused = string_refused,
};

static int character_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->self;
	return 0;
}

static int character_compare(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.integer - call->args[0].integer);
	return 0;
}

static const struct java_method character_methods[] = {
	{ "charValue", "", "char", character_value, "the character", "'abc'.charAt(0).charValue()" },
	{ "compareTo", "c", "int", character_compare, "below, at or above 0",
		"'abc'.charAt(0).compareTo('abc'.charAt(2))" },
	{ 0 },
};

const struct java_class java_character = {
	.name = "java.lang.Character",
	.methods = character_methods,
};
