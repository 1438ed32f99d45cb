/* The conversions of Spring's conversion service and of Java's printing. Rules: reference of expressions, 1.4, 2.10, 5.4. */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "expr/eval.h"
#include "expr/java.h"
#include "expr/status.h"
#include "expr/text.h"

#define REAL_STEPS 50 /* to find a number's shortest digits */

static int cannot_convert(struct eval *ev, struct value value, const char *to)
{
	return fail(ev, FAIL_EVAL, "EL1001E: Type conversion problem, cannot convert from %s to %s",
		value_type_name(value), to);
}

/* The shortest decimal digits that read back as NUMBER, and the decimal exponent of the first. */
int java_digits(double number, bool is_float, char digits[24], int *ret_exponent)
{
	char text[40];
	/* So many digits always survive: the shortest form is in them, with zeros behind it. The smallest numbers have fewer. */
	int most = is_float ? 8 : 16, least = is_float ? 5 : 14;
	if (number < (is_float ? (double)FLT_MIN : DBL_MIN))
		least = 1;
	for (int precision = least; precision <= most; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, number);
		bool same = is_float ? strtof(text, NULL) == (float)number :
				       strtod(text, NULL) == number;
		if (same)
			break;
	}
	int count = 0;
	char *at = text;
	for (; *at && *at != 'e'; at++)
		if (isdigit((unsigned char)*at))
			digits[count++] = *at;
	*ret_exponent = (int)strtol(at + 1, NULL, 10);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	return count;
}

void java_double_text(double number, bool is_float, char ret[40])
{
	if (isnan(number) || isinf(number) || number == 0) {
		const char *text = isnan(number) ? "NaN" : isinf(number) ? "Infinity" : "0.0";
		snprintf(ret, 40, "%s%s", signbit(number) && !isnan(number) ? "-" : "", text);
		return;
	}
	char digits[24];
	int exponent;
	int count = java_digits(fabs(number), is_float, digits, &exponent);
	size_t at = 0;
	if (number < 0)
		ret[at++] = '-';
	bool plain = exponent >= -3 && exponent < 7;
	int before = plain ? exponent + 1 : 1; /* digits before the point */
	if (before <= 0)
		ret[at++] = '0';
	for (int i = 0; i < before; i++)
		ret[at++] = i < count ? digits[i] : '0';
	ret[at++] = '.';
	for (int i = before; i < 0; i++)
		ret[at++] = '0';
	int first = before < 0 ? 0 : before;
	for (int i = first; i < count; i++)
		ret[at++] = digits[i];
	if (first >= count)
		ret[at++] = '0';
	ret[at] = 0;
	if (!plain)
		snprintf(ret + at, 40 - at, "E%d", exponent);
}

/* What prints the same everywhere; false for containers and objects. */
static bool scalar_to_text(struct value value, struct strbuf *buf)
{
	char text[40];
	switch ((enum value_kind)value.kind) {
	case V_NULL:
		strbuf_add_text(buf, "null");
		return true;
	case V_BOOL:
		strbuf_add_text(buf, value.boolean ? "true" : "false");
		return true;
	case V_INT:
	case V_LONG:
		strbuf_printf(buf, "%lld", (long long)value.integer);
		return true;
	case V_FLOAT:
	case V_DOUBLE:
		java_double_text(value.number, value.kind == V_FLOAT, text);
		strbuf_add_text(buf, text);
		return true;
	case V_CHAR:
		strbuf_add(buf, text, text_encode((uint32_t)value.integer, text));
		return true;
	case V_STRING:
		strbuf_add_str(buf, value_str(value));
		return true;
	case V_STATUS:
		strbuf_add_str(buf, status_at((int)value.integer)->name);
		return true;
	default:
		return false;
	}
}

static int enter(struct eval *ev)
{
	if (ev->depth >= LIMIT_EXPR_DEPTH)
		return fail(ev, FAIL_LIMIT, "A value is nested too deeply to be printed");
	if (eval_step(ev, 1) < 0)
		return -1;
	ev->depth++;
	return 0;
}

static int buffer_result(struct eval *ev, const struct strbuf *buf)
{
	if (buf->overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	return eval_step(ev, 0);
}

/* How Java prints a list or array; ITEMS prints each. */
typedef int (*print_fn)(struct eval *ev, struct value value, struct strbuf *buf);

static int join(struct eval *ev, struct value value, const char *separator, print_fn item,
	struct strbuf *buf)
{
	if (enter(ev) < 0)
		return -1;
	size_t count = seq_count(ev, value);
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_add_text(buf, separator);
		if (eval_step(ev, 1) < 0 || item(ev, seq_at(ev, value, i), buf) < 0)
			return -1;
	}
	ev->depth--;
	return buffer_result(ev, buf);
}

static int map_to_java_text(struct eval *ev, struct value map, struct strbuf *buf)
{
	if (enter(ev) < 0)
		return -1;
	map = map_plain(ev, map);
	size_t count = map_count(ev, map);
	strbuf_add_char(buf, '{');
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_add_text(buf, ", ");
		if (eval_step(ev, 1) < 0 || value_to_java_text(ev, map_key(ev, map, i), buf) < 0)
			return -1;
		strbuf_add_char(buf, '=');
		if (value_to_java_text(ev, map_value(ev, map, i), buf) < 0)
			return -1;
	}
	strbuf_add_char(buf, '}');
	ev->depth--;
	return buffer_result(ev, buf);
}

static int object_to_text(struct eval *ev, struct value value, struct strbuf *buf)
{
	if (value.object->class->text)
		return value.object->class->text(ev, value.object, buf);
	strbuf_printf(buf, "%s@1", value.object->class->name);
	return 0;
}

/* Java prints an array's class and address. */
static const char *array_code(uint8_t element)
{
	static const char *const codes[] = { [V_NULL] = "Ljava.lang.Object;",
		[V_BOOL] = "Z",
		[V_INT] = "I",
		[V_LONG] = "J",
		[V_FLOAT] = "F",
		[V_DOUBLE] = "D",
		[V_CHAR] = "C",
		[V_STRING] = "Ljava.lang.String;" };
	return element == ELEMENT_BYTE ? "B" : codes[element];
}

static inline bool is_real(struct value value)
{
	return value.kind == V_FLOAT || value.kind == V_DOUBLE;
}

int value_to_java_text(struct eval *ev, struct value value, struct strbuf *buf)
{
	if (is_real(value) && eval_step(ev, REAL_STEPS) < 0)
		return -1;
	if (scalar_to_text(value, buf))
		return 0;
	switch ((enum value_kind)value.kind) {
	case V_LIST:
	case V_SET:
	case V_COLLECTION:
		strbuf_add_char(buf, '[');
		if (join(ev, value, ", ", value_to_java_text, buf) < 0)
			return -1;
		strbuf_add_char(buf, ']');
		return 0;
	case V_MAP:
		return map_to_java_text(ev, value, buf);
	case V_OBJECT:
		return object_to_text(ev, value, buf);
	case V_TYPE:
		strbuf_printf(buf, "class %s", value.type->name);
		return 0;
	case V_RAW:
		return value_to_java_text(ev, value.seq->items[0], buf);
	case V_ARRAY:
		strbuf_printf(buf, "[%s@1", array_code(value.element));
		return 0;
	default:
		strbuf_printf(buf, "%s@1", value_type_name(value));
		return 0;
	}
}

static int strict_text(struct eval *ev, struct value value, struct strbuf *buf)
{
	return value_to_text(ev, value, false, buf);
}

static int lenient_text(struct eval *ev, struct value value, struct strbuf *buf)
{
	return value_to_text(ev, value, true, buf);
}

int value_to_text(struct eval *ev, struct value value, bool lenient, struct strbuf *buf)
{
	if (is_real(value) && eval_step(ev, REAL_STEPS) < 0)
		return -1;
	if (scalar_to_text(value, buf))
		return 0;
	if (value_is_seq(value))
		return join(ev, value, ",", lenient ? lenient_text : strict_text, buf);
	const char *name = value.kind == V_OBJECT ? java_enum_name(value.object) : NULL;
	if (name) {
		strbuf_add_text(buf, name);
		return 0;
	}
	bool convertible = value.kind == V_OBJECT && java_object_converts(value.object);
	if (convertible || lenient)
		return value_to_java_text(ev, value, buf);
	return cannot_convert(ev, value, "java.lang.String");
}

static int printed(struct eval *ev, struct value value, print_fn print, struct value *ret)
{
	if (value.kind == V_STRING) {
		*ret = value;
		return 0;
	}
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (print(ev, value, &buf) < 0 || buffer_result(ev, &buf) < 0)
		return -1;
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

int value_text(struct eval *ev, struct value value, struct value *ret)
{
	return printed(ev, value, lenient_text, ret);
}

int value_to_text_strict(struct eval *ev, struct value value, struct value *ret)
{
	return printed(ev, value, strict_text, ret);
}

int value_java_text(struct eval *ev, struct value value, struct value *ret)
{
	return printed(ev, value, value_to_java_text, ret);
}

int value_to_bool(struct eval *ev, struct value value, bool *ret)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {
		{ "true", true },
		{ "on", true },
		{ "yes", true },
		{ "1", true },
		{ "false", false },
		{ "off", false },
		{ "no", false },
		{ "0", false },
	};
	if (value.kind == V_BOOL) {
		*ret = value.boolean;
		return 0;
	}
	if (value_is_seq(value) && seq_count(ev, value))
		return value_to_bool(ev, seq_at(ev, value, 0), ret);
	if (value.kind != V_STRING)
		return cannot_convert(ev, value, "java.lang.Boolean");
	struct str text = str_trim(value_str(value));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_equal_nocase(text, str_of(words[i].text))) {
			*ret = words[i].value;
			return 0;
		}
	}
	return fail(ev, FAIL_EVAL,
		"EL1001E: Type conversion problem, cannot convert from java.lang.String to java.lang.Boolean: Invalid boolean value '%.*s'",
		(int)(text.length < 100 ? text.length : 100), text.bytes);
}

static const struct {
	const char *name;
	int64_t least, most;
} number_kinds[] = {
	[V_INT] = { "java.lang.Integer", INT32_MIN, INT32_MAX },
	[V_LONG] = { "java.lang.Long", INT64_MIN, INT64_MAX },
	[V_FLOAT] = { "java.lang.Float", 0, 0 },
	[V_DOUBLE] = { "java.lang.Double", 0, 0 },
};

/* Text as a number, as Spring's NumberUtils reads it: blanks do not count, 0x… is hexadecimal. */
static int parse_number(struct eval *ev, struct str text, enum value_kind kind, struct value *ret)
{
	char digits[64];
	size_t length = 0;
	for (size_t i = 0; i < text.length && length + 1 < sizeof(digits); i++)
		if (!isspace((unsigned char)text.bytes[i]))
			digits[length++] = text.bytes[i];
	digits[length] = 0;
	struct str clean = { digits, length };
	bool hex = str_starts(clean, "0x") || str_starts(clean, "0X") || str_starts(clean, "#");
	int64_t integer;
	double number;
	if (kind >= V_FLOAT && !hex && str_to_double(clean, &number)) {
		*ret = kind == V_FLOAT ? value_float(strtof(digits, NULL)) : value_double(number);
		return 0;
	}
	if (kind <= V_LONG && hex) {
		char *end;
		const char *start = digits + (digits[0] == '#' ? 1 : 2);
		integer = strtoll(start, &end, 16);
		if (*start && !*end && integer <= number_kinds[kind].most) {
			*ret = kind == V_INT ? value_int(integer) : value_long(integer);
			return 0;
		}
	}
	if (clean.length > 1 && clean.bytes[0] == '+' && isdigit((unsigned char)clean.bytes[1]))
		clean = str_slice(clean, 1, clean.length);
	if (kind <= V_LONG && str_to_int(clean, &integer) && integer >= number_kinds[kind].least &&
		integer <= number_kinds[kind].most) {
		*ret = kind == V_INT ? value_int(integer) : value_long(integer);
		return 0;
	}
	return fail(ev, FAIL_NUMBER, "For input string: \"%.*s\"",
		(int)(text.length < 100 ? text.length : 100), text.bytes);
}

int value_to_number(struct eval *ev, struct value value, enum value_kind kind, struct value *ret)
{
	if (value.kind == V_STRING)
		return parse_number(ev, value_str(value), kind, ret);
	/* Of a list or array the first element counts. */
	if (value_is_seq(value) && seq_count(ev, value) && eval_step(ev, 1) == 0)
		return value_to_number(ev, seq_at(ev, value, 0), kind, ret);
	if (value.kind == V_CHAR)
		value = value_int(value.integer);
	if (!value_is_number(value))
		return cannot_convert(ev, value, number_kinds[kind].name);
	if (kind == V_DOUBLE) {
		*ret = value_double(value_number(value));
	} else if (kind == V_FLOAT) {
		*ret = value_float(value_number(value));
	} else {
		double number = value_number(value);
		bool real = value.kind >= V_FLOAT;
		if (real &&
			(isnan(number) || number < -9223372036854775808.0 ||
				number >= 9223372036854775808.0))
			return cannot_convert(ev, value, number_kinds[kind].name);
		int64_t integer = real ? (int64_t)number : value.integer;
		if (integer < number_kinds[kind].least || integer > number_kinds[kind].most)
			return cannot_convert(ev, value, number_kinds[kind].name);
		*ret = kind == V_INT ? value_int(integer) : value_long(integer);
	}
	return 0;
}

int value_to_index(struct eval *ev, struct value value, int64_t *ret)
{
	struct value index;
	if (value_to_number(ev, value, V_INT, &index) < 0)
		return -1;
	*ret = index.integer;
	return 0;
}

/* To JSON */

static int seq_to_val(struct eval *ev, struct value value, struct val *ret)
{
	size_t count = seq_count(ev, value), done = 0;
	struct val *items = arena_alloc(&ev->arena, count * sizeof(*items));
	while (done < count && eval_step(ev, 1) == 0 &&
		value_to_val(ev, seq_at(ev, value, done), &items[done]) == 0)
		done++;
	if (done == count) {
		*ret = val_list_of(items, count);
		return 0;
	}
	for (size_t i = 0; i < done; i++)
		val_free(&items[i]);
	return -1;
}

static int map_to_val(struct eval *ev, struct value value, struct val *ret)
{
	_cleanup_(val_free) struct val map = val_map();
	size_t count = map_count(ev, value);
	for (size_t i = 0; i < count; i++) {
		struct value key;
		struct val item;
		if (eval_step(ev, 1) < 0 || value_java_text(ev, map_key(ev, value, i), &key) < 0 ||
			value_to_val(ev, map_value(ev, value, i), &item) < 0)
			return -1;
		val_set_str(&map, text_clean(&ev->arena, value_str(key)), item);
	}
	*ret = take(&map);
	return 0;
}

static int bytes_to_val(struct eval *ev, struct value value, struct val *ret)
{
	size_t count = seq_count(ev, value);
	char *bytes = arena_alloc(&ev->arena, count + 1);
	for (size_t i = 0; i < count; i++)
		bytes[i] = (char)seq_at(ev, value, i).integer;
	*ret = val_str(text_base64(&ev->arena, (struct str){ bytes, count }));
	return 0;
}

/* Jackson writes an array of characters as one text, and bytes in base 64. */
static int chars_to_val(struct eval *ev, struct value value, struct val *ret)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	for (size_t i = 0; i < seq_count(ev, value); i++)
		scalar_to_text(seq_at(ev, value, i), &buf);
	if (buffer_result(ev, &buf) < 0)
		return -1;
	*ret = val_str(text_clean(&ev->arena, strbuf_str(&buf)));
	return 0;
}

static int container_to_val(struct eval *ev, struct value value, struct val *ret)
{
	if (value.kind == V_MAP)
		value = map_plain(ev, value);
	/* JSON that nothing was assigned into leaves as it came. */
	if (value.form == FORM_JSON && !ev->changed.count) {
		*ret = val_ref(value_json(value));
		return 0;
	}
	if (enter(ev) < 0)
		return -1;
	int result = value.kind == V_MAP ? map_to_val(ev, value, ret) : seq_to_val(ev, value, ret);
	ev->depth--;
	return result;
}

/* 1.1f is written 1.1, not as the double next to it. */
static struct val float_to_val(struct value value)
{
	char digits[40];
	java_double_text(value.number, true, digits);
	return val_double(strtod(digits, NULL));
}

static int text_to_val(struct eval *ev, struct value value, struct val *ret)
{
	struct value text;
	if (value_java_text(ev, value, &text) < 0)
		return -1;
	*ret = val_str(text_clean(&ev->arena, value_str(text)));
	return 0;
}

int value_export(struct eval *ev, struct value value, struct val *ret)
{
	switch ((enum value_kind)value.kind) {
	case V_NULL:
		*ret = VAL_NULL;
		return 0;
	case V_BOOL:
	case V_INT:
	case V_LONG:
		return value_to_val(ev, value, ret);
	case V_FLOAT:
		*ret = float_to_val(value);
		return 0;
	case V_DOUBLE:
		*ret = val_double(value.number);
		return 0;
	case V_STRING:
		*ret = val_str(text_clean(&ev->arena, value_str(value)));
		return 0;
	case V_ARRAY:
		if (value.element == V_CHAR)
			return chars_to_val(ev, value, ret);
		if (value.element == ELEMENT_BYTE)
			return bytes_to_val(ev, value, ret);
		return container_to_val(ev, value, ret);
	case V_LIST:
	case V_SET:
	case V_COLLECTION:
	case V_MAP:
		return container_to_val(ev, value, ret);
	case V_BEAN:
		*ret = val_ref(bean_json(ev, value.bean));
		return 0;
	case V_RAW:
		return value_to_val(ev, value.seq->items[0], ret);
	case V_OBJECT:
		if (java_object_to_val(ev, value.object, ret))
			return 0;
		break;
	case V_TYPE:
		*ret = val_string(value.type->name);
		return 0;
	case V_CHAR:
	case V_STATUS:
		break;
	}
	return text_to_val(ev, value, ret);
}
