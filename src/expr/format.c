#include "expr/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "expr/java.h"
#include "expr/text.h"

#define WIDTH_MOST 10000

/* %[index$][flags][width][.precision]conversion */
struct place {
	size_t index; /* 1 …, 0 = the next */
	bool left, plus, space, zero, comma, paren, sharp;
	int width, precision; /* -1 = not given */
	char conversion;
	struct str text; /* as written */
};

static int number_at(struct str text, size_t *at)
{
	int number = -1;
	while (*at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9') {
		number = (number < 0 ? 0 : number) * 10 + (text.bytes[*at] - '0');
		if (number > WIDTH_MOST)
			number = WIDTH_MOST;
		(*at)++;
	}
	return number;
}

static bool set_flag(struct place *place, char c)
{
	switch (c) {
	case '-':
		return place->left = true;
	case '+':
		return place->plus = true;
	case ' ':
		return place->space = true;
	case '0':
		return place->zero = true;
	case ',':
		return place->comma = true;
	case '(':
		return place->paren = true;
	case '#':
		return place->sharp = true;
	default:
		return false;
	}
}

/* The place that begins at *AT, behind the '%'. */
static bool parse_place(struct str format, size_t *at, struct place *ret)
{
	*ret = (struct place){ .width = -1, .precision = -1 };
	size_t start = *at - 1;
	size_t look = *at;
	int index = number_at(format, &look);
	if (index > 0 && look < format.length && format.bytes[look] == '$') {
		ret->index = (size_t)index;
		*at = look + 1;
	}
	while (*at < format.length && set_flag(ret, format.bytes[*at]))
		(*at)++;
	ret->width = number_at(format, at);
	if (*at < format.length && format.bytes[*at] == '.') {
		(*at)++;
		ret->precision = number_at(format, at);
		if (ret->precision < 0)
			return false;
	}
	if (*at >= format.length)
		return false;
	ret->conversion = format.bytes[(*at)++];
	ret->text = str_slice(format, start, *at);
	return true;
}

static void add_padded(struct strbuf *buf, const struct place *place, struct str text)
{
	size_t units = text_units(text);
	size_t pad = place->width > 0 && (size_t)place->width > units ? (size_t)place->width - units :
									0;
	for (size_t i = 0; !place->left && i < pad; i++)
		strbuf_add_char(buf, ' ');
	strbuf_add_str(buf, text);
	for (size_t i = 0; place->left && i < pad; i++)
		strbuf_add_char(buf, ' ');
}

/* Sign, grouping and zeros around the digits of a decimal number. */
static void add_number(
	struct strbuf *buf, const struct place *place, bool negative, const char *digits)
{
	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	size_t whole = strspn(digits, "0123456789");
	for (size_t i = 0; digits[i]; i++) {
		if (place->comma && i > 0 && i < whole && (whole - i) % 3 == 0)
			strbuf_add_char(&body, ',');
		strbuf_add_char(&body, digits[i]);
	}
	const char *before = negative ? (place->paren ? "(" : "-") :
		place->plus           ? "+" :
		place->space          ? " " :
					"";
	const char *after = negative && place->paren ? ")" : "";
	size_t length = strlen(before) + body.length + strlen(after);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	strbuf_add_text(&text, before);
	for (; place->zero && place->width > 0 && length < (size_t)place->width; length++)
		strbuf_add_char(&text, '0');
	strbuf_add_str(&text, strbuf_str(&body));
	strbuf_add_text(&text, after);
	add_padded(buf, place, strbuf_str(&text));
}

static int mismatch(struct eval *ev, const struct place *place, struct value value)
{
	return fail(ev, FAIL_ARGUMENT, "%c != %s", place->conversion, value_type_name(value));
}

static int format_integer(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	char digits[40];
	if (!value_is_integer(value))
		return mismatch(ev, place, value);
	if (place->conversion == 'd') {
		bool negative = value.integer < 0;
		uint64_t magnitude = negative ? 0 - (uint64_t)value.integer : (uint64_t)value.integer;
		snprintf(digits, sizeof(digits), "%llu", (unsigned long long)magnitude);
		add_number(buf, place, negative, digits);
		return 0;
	}
	unsigned long long bits = value.kind == V_INT ? (uint32_t)value.integer :
							(uint64_t)value.integer;
	char prefixed[48];
	if (place->conversion == 'o')
		snprintf(digits, sizeof(digits), "%llo", bits);
	else if (place->conversion == 'X')
		snprintf(digits, sizeof(digits), "%llX", bits);
	else
		snprintf(digits, sizeof(digits), "%llx", bits);
	snprintf(prefixed, sizeof(prefixed), "%s%s",
		!place->sharp                    ? "" :
			place->conversion == 'o' ? "0" :
						   "0x",
		digits);
	add_number(buf, place, false, prefixed);
	return 0;
}

/* Java rounds half up on the decimal value that it prints, C half to even on the binary one. */
static void fixed_digits(double number, int precision, char *digits, size_t size)
{
	char shortest[40];
	java_double_text(number, false, shortest);
	const char *point = strchr(shortest, '.');
	bool plain = point && !strchr(shortest, 'E');
	snprintf(digits, size, "%.*f", precision, number);
	if (!plain || (int)strlen(point + 1) != precision + 1 || point[1 + precision] != '5')
		return;
	/* Exactly half in decimal: away from zero. */
	snprintf(digits, size, "%.*f", precision,
		nextafter(number, INFINITY) + pow(10, -precision) / 1000);
}

static int format_real(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	if (value.kind != V_DOUBLE && value.kind != V_FLOAT)
		return mismatch(ev, place, value);
	char shortest[40];
	java_double_text(value.number, value.kind == V_FLOAT, shortest);
	double number = strtod(shortest, NULL);
	if (isnan(number) || isinf(number)) {
		add_padded(buf, place, str_of(shortest));
		return 0;
	}
	int precision = place->precision < 0 ? 6 : place->precision > 300 ? 300 : place->precision;
	char digits[700];
	bool negative = signbit(number);
	number = fabs(number);
	if (place->conversion == 'f')
		fixed_digits(number, precision, digits, sizeof(digits));
	else if (place->conversion == 'e')
		snprintf(digits, sizeof(digits), "%.*e", precision, number);
	else if (place->conversion == 'E')
		snprintf(digits, sizeof(digits), "%.*E", precision, number);
	else if (number != 0 && (number < 1e-4 || number >= pow(10, precision ? precision : 1)))
		snprintf(digits, sizeof(digits), "%.*e", precision ? precision - 1 : 0, number);
	else
		snprintf(digits, sizeof(digits), "%.*f",
			(precision ? precision : 1) - 1 - (number ? (int)floor(log10(number)) : 0),
			number);
	add_number(buf, place, negative, digits);
	return 0;
}

/* %s, %b, %c, %h and their capitals: text, cut at the precision. */
static int format_text(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	struct value text;
	char conversion = (char)(place->conversion | 0x20);
	if (conversion == 'b')
		text = eval_text(ev,
			value.kind == V_BOOL         ? (value.boolean ? "true" : "false") :
				value.kind == V_NULL ? "false" :
						       "true");
	else if (value.kind == V_NULL)
		text = eval_text(ev, "null");
	else if (conversion == 'h')
		text = eval_text(ev, arena_printf(&ev->arena, "%x", (unsigned)value_hash(ev, value)));
	else if (conversion == 'c' && value.kind == V_INT)
		value_java_text(ev, value_char((uint16_t)value.integer), &text);
	else if (conversion == 'c' && value.kind != V_CHAR)
		return mismatch(ev, place, value);
	else if (value_java_text(ev, value, &text) < 0)
		return -1;
	if (place->conversion < 'a') {
		struct value upper;
		if (java_call(ev, text, STR("toUpperCase"), NULL, 0, &upper) < 0)
			return -1;
		text = upper;
	}
	struct str view = value_str(text);
	size_t units = text_units(view);
	if (place->precision >= 0 && (size_t)place->precision < units)
		view = text_slice(&ev->arena, view, 0, (size_t)place->precision);
	add_padded(buf, place, view);
	return 0;
}

static int format_place(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	switch (place->conversion) {
	case 's':
	case 'S':
	case 'b':
	case 'B':
	case 'c':
	case 'C':
	case 'h':
	case 'H':
		return format_text(ev, place, value, buf);
	case 'd':
	case 'x':
	case 'X':
	case 'o':
		if (value.kind == V_NULL)
			return format_text(ev, place, value, buf);
		return format_integer(ev, place, value, buf);
	case 'f':
	case 'e':
	case 'E':
	case 'g':
		if (value.kind == V_NULL)
			return format_text(ev, place, value, buf);
		return format_real(ev, place, value, buf);
	default:
		return fail(ev, FAIL_ARGUMENT, "Conversion = '%c' is not known", place->conversion);
	}
}

static int fill(struct eval *ev, struct str format, struct value args, struct strbuf *buf)
{
	size_t next = 1, count = seq_count(args);
	for (size_t at = 0; at < format.length;) {
		char c = format.bytes[at++];
		if (c != '%') {
			strbuf_add_char(buf, c);
			continue;
		}
		struct place place;
		if (!parse_place(format, &at, &place))
			return fail(ev, FAIL_ARGUMENT, "Conversion = '%%'");
		if (eval_step(ev, 2 + (uint64_t)(place.width > 0 ? place.width : 0) / 8) < 0)
			return -1;
		if (place.conversion == 'n' || place.conversion == '%') {
			add_padded(buf, &place, place.conversion == 'n' ? STR("\n") : STR("%"));
			continue;
		}
		size_t index = place.index ? place.index : next++;
		if (index > count)
			return fail(
				ev, FAIL_ARGUMENT, "Format specifier '%.*s'", STR_ARG(place.text));
		if (format_place(ev, &place, seq_at(ev, args, index - 1), buf) < 0)
			return -1;
	}
	return 0;
}

int java_format(struct eval *ev, struct str format, struct value args, struct value *ret)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (fill(ev, format, args, &buf) < 0)
		return -1;
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "A text of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}
