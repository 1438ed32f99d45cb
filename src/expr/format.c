#include "expr/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "expr/java.h"
#include "expr/text.h"

#define WIDTH_MOST 10000

/* %[index$][flags][width][.precision]conversion, where the conversion t is followed by a letter of its own */
struct place {
	size_t index; /* 1 …, 0 = the next */
	bool again;   /* the one before */
	bool left, plus, space, zero, comma, paren, sharp;
	int width, precision; /* -1 = not given */
	char conversion;
	char part;       /* of a date */
	struct str text; /* as written */
};

/* The flags that a conversion may have; its capital form has the same. */
static const struct {
	char conversion;
	bool capital;   /* whether there is one */
	bool precision; /* whether it may have one */
	const char *flags;
} conversions[] = {
	{ 's', true, true, "-" },
	{ 'b', true, true, "-" },
	{ 'h', true, true, "-" },
	{ 'c', true, false, "-" },
	{ 'd', false, false, "-+ 0,(" },
	{ 'x', true, false, "-#0" },
	{ 'o', false, false, "-#0" },
	{ 'f', false, true, "-+ 0,(#" },
	{ 'e', true, true, "-+ 0(#" },
	{ 'g', true, true, "-+ 0,(" },
	{ 'a', true, true, "-+ 0#" },
	{ 't', true, false, "-" },
	{ 'n', false, false, "" },
	{ '%', false, false, "-" },
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
	case '<':
		return place->again = true;
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
	if ((ret->conversion | 0x20) == 't') {
		if (*at >= format.length)
			return false;
		ret->part = format.bytes[(*at)++];
	}
	ret->text = str_slice(format, start, *at);
	return true;
}

/* The first flag of PLACE that is none of ALLOWED, or 0. */
static char foreign_flag(const struct place *place, const char *allowed)
{
	const struct {
		bool set;
		char flag;
	} flags[] = { { place->left, '-' }, { place->plus, '+' }, { place->space, ' ' },
		{ place->zero, '0' }, { place->comma, ',' }, { place->paren, '(' },
		{ place->sharp, '#' } };
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].set && !strchr(allowed, flags[i].flag))
			return flags[i].flag;
	return 0;
}

/* That PLACE asks for something that there is. */
static int check_place(struct eval *ev, const struct place *place)
{
	size_t i = 0, count = sizeof(conversions) / sizeof(conversions[0]);
	char small = (char)(place->conversion >= 'A' && place->conversion <= 'Z' ?
			place->conversion | 0x20 :
			place->conversion);
	while (i < count && conversions[i].conversion != small)
		i++;
	if (i == count || (small != place->conversion && !conversions[i].capital))
		return fail(ev, FAIL_ARGUMENT,
			"Conversion = '%c' is not known in '%.*s'; there are s d f x o e g a b c h t n and %%",
			place->conversion, STR_ARG(place->text));
	char flag = foreign_flag(place, conversions[i].flags);
	if (flag)
		return fail(ev, FAIL_ARGUMENT, "Conversion = %c, Flags = %c: they do not go together",
			place->conversion, flag);
	if ((place->left && place->zero) || (place->plus && place->space))
		return fail(ev, FAIL_ARGUMENT, "Flags = '%s'", place->left ? "-0" : "+ ");
	if ((place->left || place->zero) && place->width < 0)
		return fail(ev, FAIL_ARGUMENT, "'%.*s' wants a width", STR_ARG(place->text));
	if (place->precision >= 0 && !conversions[i].precision)
		return fail(ev, FAIL_ARGUMENT, "'%.*s' may have no precision", STR_ARG(place->text));
	return 0;
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

/* Sign, PREFIX ("0x"), grouping and zeros around the digits of a number. */
static void add_number(struct strbuf *buf, const struct place *place, bool negative,
	const char *prefix, const char *digits)
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
	size_t length = strlen(before) + strlen(prefix) + body.length + strlen(after);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	strbuf_add_text(&text, before);
	strbuf_add_text(&text, prefix);
	for (; place->zero && place->width > 0 && length < (size_t)place->width; length++)
		strbuf_add_char(&text, '0');
	strbuf_add_str(&text, strbuf_str(&body));
	strbuf_add_text(&text, after);
	add_padded(buf, place, strbuf_str(&text));
}

static int mismatch(struct eval *ev, const struct place *place, struct value value)
{
	const char *wanted = strchr("dxXo", place->conversion) ? "a whole number (int or long)" :
		(place->conversion | 0x20) == 'c'              ? "a character" :
								 "a number with a fraction (double)";
	return fail(ev, FAIL_ARGUMENT, "%c != %s: %%%c wants %s", place->conversion,
		value_type_name(value), place->conversion, wanted);
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
		add_number(buf, place, negative, "", digits);
		return 0;
	}
	unsigned long long bits = value.kind == V_INT ? (uint32_t)value.integer :
							(uint64_t)value.integer;
	const char *prefix = !place->sharp ? "" :
		place->conversion == 'o'   ? "0" :
		place->conversion == 'X'   ? "0X" :
					     "0x";
	if (place->conversion == 'o')
		snprintf(digits, sizeof(digits), "%llo", bits);
	else if (place->conversion == 'X')
		snprintf(digits, sizeof(digits), "%llX", bits);
	else
		snprintf(digits, sizeof(digits), "%llx", bits);
	add_number(buf, place, false, prefix, digits);
	return 0;
}

/* Digits of a decimal number with their exponent. */
struct decimal {
	char digits[24];
	int count; /* 0 = zero */
	int exponent;
};

/* KEEP digits of it, rounded half up as Java does: in decimal, on the shortest digits. */
static void decimal_round(struct decimal *decimal, int keep)
{
	if (keep >= decimal->count)
		return;
	bool up = keep >= 0 && decimal->digits[keep] >= '5';
	decimal->count = keep > 0 ? keep : 0;
	int i = decimal->count - 1;
	for (; up && i >= 0; i--) {
		up = decimal->digits[i] == '9';
		decimal->digits[i] = up ? '0' : (char)(decimal->digits[i] + 1);
	}
	if (!up)
		return;
	memmove(decimal->digits + 1, decimal->digits, (size_t)decimal->count);
	decimal->digits[0] = '1';
	decimal->count++;
	decimal->exponent++;
}

static char digit_at(const struct decimal *decimal, int index)
{
	return index >= 0 && index < decimal->count ? decimal->digits[index] : '0';
}

static struct decimal decimal_of(double number)
{
	struct decimal decimal = { 0 };
	if (number != 0)
		decimal.count = java_digits(number, false, decimal.digits, &decimal.exponent);
	return decimal;
}

/* PRECISION digits behind the point. */
static void add_fixed(struct strbuf *buf, double number, int precision)
{
	struct decimal decimal = decimal_of(number);
	decimal_round(&decimal, decimal.exponent + 1 + precision);
	if (!decimal.count)
		decimal.exponent = 0;
	if (decimal.exponent < 0)
		strbuf_add_char(buf, '0');
	for (int i = 0; i <= decimal.exponent; i++)
		strbuf_add_char(buf, digit_at(&decimal, i));
	if (precision)
		strbuf_add_char(buf, '.');
	for (int i = 1; i <= precision; i++)
		strbuf_add_char(buf, digit_at(&decimal, decimal.exponent + i));
}

static void add_scientific(struct strbuf *buf, double number, int precision, char letter)
{
	struct decimal decimal = decimal_of(number);
	decimal_round(&decimal, precision + 1);
	if (!decimal.count)
		decimal.exponent = 0;
	strbuf_add_char(buf, digit_at(&decimal, 0));
	if (precision)
		strbuf_add_char(buf, '.');
	for (int i = 1; i <= precision; i++)
		strbuf_add_char(buf, digit_at(&decimal, i));
	int exponent = decimal.exponent;
	strbuf_printf(buf, "%c%c%02d", letter, exponent < 0 ? '-' : '+',
		exponent < 0 ? -exponent : exponent);
}

/* %a: "1.8p3" of 0x1.8p3, as Java writes it. */
static void add_hexadecimal(struct strbuf *buf, double number, const struct place *place)
{
	char text[64];
	int precision = place->precision == 0 ? 1 : place->precision;
	if (precision < 0 || precision >= 13 || number == 0)
		snprintf(text, sizeof(text), "%a", number);
	else
		snprintf(text, sizeof(text), "%.*a", precision, number);
	size_t point = strcspn(text, "."), power = strcspn(text, "p");
	strbuf_add(buf, text + 2, power - 2);
	if (point > power)
		strbuf_add_text(buf, ".0");
	for (int digits = point > power ? 1 : (int)(power - point) - 1; digits < precision; digits++)
		strbuf_add_char(buf, '0');
	strbuf_printf(buf, "p%s", text + power + 1 + (text[power + 1] == '+'));
	for (size_t i = 0; place->conversion == 'A' && i < buf->length; i++)
		if (buf->bytes[i] >= 'a')
			buf->bytes[i] &= ~0x20;
}

static int format_real(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	if (value.kind != V_DOUBLE && value.kind != V_FLOAT)
		return mismatch(ev, place, value);
	double number = value.number;
	if (isnan(number) || isinf(number)) {
		char text[40];
		java_double_text(number, false, text);
		add_padded(buf, place, str_of(text));
		return 0;
	}
	int precision = place->precision < 0 ? 6 : place->precision > 300 ? 300 : place->precision;
	_cleanup_strbuf_ struct strbuf digits = STRBUF_INIT(2000);
	bool negative = signbit(number);
	number = fabs(number);
	/* %g: the other form for the very small and the large, PRECISION counts all digits. */
	int all = precision ? precision : 1;
	struct decimal decimal = decimal_of(number);
	decimal_round(&decimal, all);
	bool large = number != 0 && (number < 1e-4 || decimal.exponent >= all);
	const char *prefix = place->conversion == 'a' ? "0x" : place->conversion == 'A' ? "0X" : "";
	if (*prefix)
		add_hexadecimal(&digits, number, place);
	else if (place->conversion == 'f')
		add_fixed(&digits, number, precision);
	else if (place->conversion == 'e' || place->conversion == 'E')
		add_scientific(&digits, number, precision, place->conversion);
	else if (large)
		add_scientific(&digits, number, all - 1, place->conversion == 'G' ? 'E' : 'e');
	else
		add_fixed(&digits, number, all - 1 - (number != 0 ? decimal.exponent : 0));
	add_number(buf, place, negative, prefix, digits.bytes);
	return 0;
}

/* TEXT, in capitals for a capital conversion, cut at the precision. */
static int add_text(struct eval *ev, const struct place *place, struct value text, struct strbuf *buf)
{
	if (place->conversion < 'a') {
		struct value upper;
		if (java_call(ev, text, STR("toUpperCase"), NULL, NULL, 0, &upper) < 0)
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

/* %s, %b, %c, %h and their capitals. */
static int format_text(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	struct value text;
	char code[4];
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
	else if (conversion == 'c' && value.kind == V_INT && value.integer >= 0 &&
		value.integer <= 0x10ffff)
		text = eval_string(
			ev, (struct str){ code, text_encode((uint32_t)value.integer, code) });
	else if (conversion == 'c' && value.kind != V_CHAR)
		return mismatch(ev, place, value);
	else if (value_java_text(ev, value, &text) < 0)
		return -1;
	return add_text(ev, place, text, buf);
}

static int format_time(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (value.kind == V_NULL)
		return format_text(ev, place, value, buf);
	if (format_date(ev, place->part, value, &text) < 0)
		return -1;
	return add_text(ev, place, eval_string(ev, strbuf_str(&text)), buf);
}

static int format_place(
	struct eval *ev, const struct place *place, struct value value, struct strbuf *buf)
{
	if ((place->conversion | 0x20) == 't')
		return format_time(ev, place, value, buf);
	if (value.kind == V_NULL || strchr("sSbBcChH", place->conversion))
		return format_text(ev, place, value, buf);
	if (strchr("dxXo", place->conversion))
		return format_integer(ev, place, value, buf);
	return format_real(ev, place, value, buf);
}

static uint64_t place_steps(const struct place *place)
{
	uint64_t width = place->width > 0 ? (uint64_t)place->width : 0;
	uint64_t precision = place->precision > 0 ? (uint64_t)place->precision : 0;
	return 20 + width / 4 + (precision < 300 ? precision * 2 : 600);
}

static int fill(struct eval *ev, struct str format, struct value args, struct strbuf *buf)
{
	size_t next = 1, last = 0, count = seq_count(ev, args);
	if (eval_step(ev, format.length / 64) < 0)
		return -1;
	for (size_t at = 0; at < format.length;) {
		const char *sign = memchr(format.bytes + at, '%', format.length - at);
		size_t plain = sign ? (size_t)(sign - format.bytes) : format.length;
		strbuf_add_str(buf, str_slice(format, at, plain));
		if (!sign)
			break;
		at = plain + 1;
		struct place place;
		if (!parse_place(format, &at, &place))
			return fail(ev, FAIL_ARGUMENT,
				"Conversion = '%%': a %% of its own is written %%%%");
		if (check_place(ev, &place) < 0 || eval_step(ev, place_steps(&place)) < 0)
			return -1;
		if (place.conversion == 'n' || place.conversion == '%') {
			add_padded(buf, &place, place.conversion == 'n' ? STR("\n") : STR("%"));
			continue;
		}
		size_t index = place.again ? last : place.index ? place.index : next++;
		if (index == 0 || index > count)
			return fail(ev, FAIL_ARGUMENT,
				"Format specifier '%.*s': there are %zu arguments for the places",
				STR_ARG(place.text), count);
		last = index;
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
