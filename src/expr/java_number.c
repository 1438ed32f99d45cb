/* Integer, Long, Float, Double, Byte, Boolean and Math. Rules: reference of expressions, 5.3 and 5.4. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "expr/java.h"
#include "expr/text.h"

static int int_value(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value self = call->self;
	*ret = value_int((int32_t)(uint32_t)(uint64_t)java_long_of(self));
	if (self.kind >= V_FLOAT) {
		int64_t whole = java_long_of(self);
		*ret = value_int(whole > INT32_MAX ? INT32_MAX :
				whole < INT32_MIN  ? INT32_MIN :
						     whole);
	}
	return 0;
}

int64_t java_long_of(struct value value)
{
	if (value_is_integer(value))
		return value.integer;
	if (isnan(value.number))
		return 0;
	if (value.number >= 9223372036854775808.0)
		return INT64_MAX;
	if (value.number <= -9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)value.number;
}

static int long_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(java_long_of(call->self));
	return 0;
}

static int double_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(value_number(call->self));
	return 0;
}

static int float_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_float(value_number(call->self));
	return 0;
}

static int short_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int16_t)(uint16_t)(uint64_t)java_long_of(call->self));
	return 0;
}

static int byte_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((int8_t)(uint8_t)(uint64_t)java_long_of(call->self));
	return 0;
}

static int order(double a, double b)
{
	return a < b ? -1 : a > b ? 1 : 0;
}

static int compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value other = call->args[0];
	if (other.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the other number is null");
	if (value_is_integer(call->self))
		*ret = value_int(
			call->self.integer < other.integer ? -1 : call->self.integer > other.integer);
	else
		*ret = value_int(order(call->self.number, other.number));
	return 0;
}

static int compare(struct eval *ev, const struct call *call, struct value *ret)
{
	struct call method = { .self = call->args[0], .args = call->args + 1, .count = 1 };
	if (method.self.kind == V_BOOL) {
		*ret = value_int(method.self.boolean - call->args[1].boolean);
		return 0;
	}
	return compare_to(ev, &method, ret);
}

static int is_nan(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value value = call->count ? call->args[0] : call->self;
	*ret = value_bool(isnan(value.number));
	return 0;
}

static int is_infinite(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value value = call->count ? call->args[0] : call->self;
	*ret = value_bool(isinf(value.number));
	return 0;
}

static int is_finite(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(isfinite(call->args[0].number));
	return 0;
}

static int double_sum(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(call->args[0].number + call->args[1].number);
	return 0;
}

static int number_format(struct eval *ev, struct value text)
{
	if (text.kind == V_NULL)
		return fail(ev, FAIL_NUMBER, "Cannot parse null string: null");
	return fail(ev, FAIL_NUMBER, "For input string: \"%.*s\"",
		(int)(text.length < 100 ? text.length : 100), text.bytes);
}

/* Java's Integer.parseInt and Long.parseLong: a sign and digits, nothing else. */
int java_parse_integer(struct eval *ev, struct value text, int64_t radix, int64_t least,
	int64_t most, int64_t *ret)
{
	struct str digits = value_str(text);
	if (text.kind != V_STRING || radix < 2 || radix > 36)
		return number_format(ev, text);
	bool negative = digits.length && digits.bytes[0] == '-';
	size_t at = digits.length && (digits.bytes[0] == '-' || digits.bytes[0] == '+');
	if (at == digits.length)
		return number_format(ev, text);
	__int128 value = 0;
	for (; at < digits.length; at++) {
		char c = digits.bytes[at];
		int digit = c >= '0' && c <= '9'               ? c - '0' :
			(c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10 :
								 99;
		value = value * radix + digit;
		if (digit >= radix || value > (__int128)INT64_MAX + 1)
			return number_format(ev, text);
	}
	value = negative ? -value : value;
	if (value < least || value > most)
		return number_format(ev, text);
	*ret = (int64_t)value;
	return 0;
}

static int parse(struct eval *ev, const struct call *call, enum value_kind kind, int64_t least,
	int64_t most, struct value *ret)
{
	int64_t number;
	int64_t radix = call->count > 1 ? call->args[1].integer : 10;
	if (java_parse_integer(ev, call->args[0], radix, least, most, &number) < 0)
		return -1;
	*ret = kind == V_LONG ? value_long(number) : value_int(number);
	return 0;
}

static int parse_int(struct eval *ev, const struct call *call, struct value *ret)
{
	return parse(ev, call, V_INT, INT32_MIN, INT32_MAX, ret);
}

static int parse_long(struct eval *ev, const struct call *call, struct value *ret)
{
	return parse(ev, call, V_LONG, INT64_MIN, INT64_MAX, ret);
}

static int parse_byte(struct eval *ev, const struct call *call, struct value *ret)
{
	return parse(ev, call, V_INT, INT8_MIN, INT8_MAX, ret);
}

/* Java's Double.parseDouble: blanks around are fine, and a suffix d or f. */
int java_parse_double(struct eval *ev, struct value text, bool is_float, double *ret)
{
	char digits[400];
	struct str trimmed = str_trim(value_str(text));
	if (text.kind == V_NULL)
		return fail(ev, FAIL_NULL, "the text is null");
	size_t length = trimmed.length;
	if (length > 1 && length < sizeof(digits) && strchr("dDfF", trimmed.bytes[length - 1]) &&
		!str_starts(trimmed, "0x"))
		length--;
	if (!length || length >= sizeof(digits))
		return number_format(ev, text);
	memcpy(digits, trimmed.bytes, length);
	digits[length] = 0;
	bool word = strcmp(digits, "NaN") == 0 || strstr(digits, "Infinity");
	char *end;
	*ret = is_float ? strtof(digits, &end) : strtod(digits, &end);
	if (*end || (!word && strpbrk(digits, "iInNxX")))
		return number_format(ev, text);
	return 0;
}

static int parse_double(struct eval *ev, const struct call *call, struct value *ret)
{
	double number;
	if (java_parse_double(ev, call->args[0], false, &number) < 0)
		return -1;
	*ret = value_double(number);
	return 0;
}

static int same(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->args[0];
	return 0;
}

static int text_of(struct eval *ev, const struct call *call, struct value *ret)
{
	return value_java_text(ev, call->args[0], ret);
}

/* Digits in RADIX, of the unsigned or the signed value. */
static int in_radix(struct eval *ev, uint64_t bits, bool negative, unsigned radix, struct value *ret)
{
	char digits[70];
	size_t at = sizeof(digits);
	do {
		digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[bits % radix];
		bits /= radix;
	} while (bits);
	if (negative)
		digits[--at] = '-';
	*ret = eval_string(ev, (struct str){ digits + at, sizeof(digits) - at });
	return 0;
}

static int text_in_radix(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t value = call->args[0].integer, radix = call->args[1].integer;
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	return in_radix(
		ev, magnitude, value < 0, radix < 2 || radix > 36 ? 10 : (unsigned)radix, ret);
}

static uint64_t bits_of(struct value value)
{
	return value.kind == V_INT ? (uint32_t)value.integer : (uint64_t)value.integer;
}

static int hex_text(struct eval *ev, const struct call *call, struct value *ret)
{
	return in_radix(ev, bits_of(call->args[0]), false, 16, ret);
}

static int octal_text(struct eval *ev, const struct call *call, struct value *ret)
{
	return in_radix(ev, bits_of(call->args[0]), false, 8, ret);
}

static int binary_text(struct eval *ev, const struct call *call, struct value *ret)
{
	return in_radix(ev, bits_of(call->args[0]), false, 2, ret);
}

static int bit_count(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(__builtin_popcountll(bits_of(call->args[0])));
	return 0;
}

/* SELF is a number of that type as it is written. */
#define NUMBER_METHODS(code, self)                                                                   \
	{ "intValue", "", "int", int_value, "as an int", self ".intValue()" },                       \
		{ "longValue", "", "long", long_value, "as a long", self ".longValue()" },           \
		{ "doubleValue", "", "double", double_value, "as a double", self ".doubleValue()" }, \
		{ "floatValue", "", "float", float_value, "as a float", self ".floatValue()" },      \
		{ "shortValue", "", "short", short_value, "the lowest 16 bits",                      \
			self ".shortValue()" },                                                      \
		{ "byteValue", "", "byte", byte_value, "the lowest 8 bits", self ".byteValue()" },   \
	{                                                                                            \
		"compareTo", code, "int", compare_to, "below, at or above 0",                        \
			self ".compareTo(" self ")"                                                  \
	}

static int math_max(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value a = call->args[0], b = call->args[1];
	if (value_is_integer(a))
		*ret = a.integer > b.integer ? a : b;
	else
		*ret = isnan(a.number) || a.number > b.number ? a : b;
	return 0;
}

static int math_min(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value a = call->args[0], b = call->args[1];
	if (value_is_integer(a))
		*ret = a.integer < b.integer ? a : b;
	else
		*ret = isnan(a.number) || a.number < b.number ? a : b;
	return 0;
}

static int math_abs(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value a = call->args[0];
	if (a.kind == V_INT)
		*ret = value_int((int32_t)(a.integer < 0 ? 0 - (uint32_t)a.integer : a.integer));
	else if (a.kind == V_LONG)
		*ret = value_long(
			(int64_t)(a.integer < 0 ? 0 - (uint64_t)a.integer : (uint64_t)a.integer));
	else if (a.kind == V_FLOAT)
		*ret = value_float(fabs(a.number));
	else
		*ret = value_double(fabs(a.number));
	return 0;
}

/* Half up: -2.5 is -2. */
static int math_round(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value a = call->args[0];
	double below = floor(a.number);
	double rounded = a.number - below >= 0.5 ? below + 1 : below;
	int64_t whole = java_long_of(value_double(rounded));
	if (a.kind == V_DOUBLE)
		*ret = value_long(whole);
	else
		*ret = value_int(whole > INT32_MAX ? INT32_MAX :
				whole < INT32_MIN  ? INT32_MIN :
						     whole);
	return 0;
}

#define MATH_ONE(function)                                                                      \
	static int math_##function(struct eval *ev, const struct call *call, struct value *ret) \
	{                                                                                       \
		*ret = value_double(function(call->args[0].number));                            \
		return 0;                                                                       \
	}
MATH_ONE(floor)
MATH_ONE(ceil)
MATH_ONE(rint)
MATH_ONE(sqrt)
MATH_ONE(exp)
MATH_ONE(log)
MATH_ONE(log10)
MATH_ONE(sin)
MATH_ONE(cos)
MATH_ONE(tan)
MATH_ONE(asin)
MATH_ONE(acos)
MATH_ONE(atan)
MATH_ONE(sinh)
MATH_ONE(cosh)
MATH_ONE(tanh)
MATH_ONE(log1p)
MATH_ONE(expm1)

/* In more digits: glibc's own cbrt(27) is not 3. */
static int math_cbrt(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double((double)cbrtl(call->args[0].number));
	return 0;
}

static int math_atan2(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(atan2(call->args[0].number, call->args[1].number));
	return 0;
}

static int math_to_radians(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(call->args[0].number * 0.017453292519943295);
	return 0;
}

static int math_to_degrees(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(call->args[0].number * 57.29577951308232);
	return 0;
}

/* Overflow wraps. */
static int wrapping_sum(struct eval *ev, const struct call *call, struct value *ret)
{
	uint64_t sum = (uint64_t)call->args[0].integer + (uint64_t)call->args[1].integer;
	*ret = call->args[0].kind == V_INT ? value_int((int32_t)(uint32_t)sum) :
					     value_long((int64_t)sum);
	return 0;
}

static int integer_signum(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int((call->args[0].integer > 0) - (call->args[0].integer < 0));
	return 0;
}

static int math_pow(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(pow(call->args[0].number, call->args[1].number));
	return 0;
}

static int math_hypot(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double(hypot(call->args[0].number, call->args[1].number));
	return 0;
}

static int math_signum(struct eval *ev, const struct call *call, struct value *ret)
{
	double number = call->args[0].number;
	*ret = value_double(number > 0 ? 1 : number < 0 ? -1 : number);
	return 0;
}

static int math_random(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_double((double)(java_random_bits(ev) >> 11) * 0x1p-53);
	return 0;
}

static int floor_parts(struct eval *ev, const struct call *call, bool modulo, struct value *ret)
{
	int64_t a = call->args[0].integer, b = call->args[1].integer;
	if (b == 0)
		return fail(ev, FAIL_ARITHMETIC, "/ by zero");
	int64_t quotient = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
	int64_t rest = b == -1 ? 0 : a % b;
	if (rest != 0 && (rest < 0) != (b < 0)) {
		quotient--;
		rest += b;
	}
	int64_t result = modulo ? rest : quotient;
	*ret = call->args[0].kind == V_INT ? value_int((int32_t)result) : value_long(result);
	return 0;
}

static int math_floor_div(struct eval *ev, const struct call *call, struct value *ret)
{
	return floor_parts(ev, call, false, ret);
}

static int math_floor_mod(struct eval *ev, const struct call *call, struct value *ret)
{
	return floor_parts(ev, call, true, ret);
}

/* addExact and its like: overflow is a failure. */
static int exact(struct eval *ev, __int128 result, bool is_int, struct value *ret)
{
	if (is_int ? result < INT32_MIN || result > INT32_MAX :
		     result < INT64_MIN || result > INT64_MAX)
		return fail(ev, FAIL_ARITHMETIC, "%s overflow", is_int ? "integer" : "long");
	*ret = is_int ? value_int((int64_t)result) : value_long((int64_t)result);
	return 0;
}

static int math_add_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, (__int128)call->args[0].integer + call->args[1].integer,
		call->args[0].kind == V_INT, ret);
}

static int math_subtract_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, (__int128)call->args[0].integer - call->args[1].integer,
		call->args[0].kind == V_INT, ret);
}

static int math_multiply_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, (__int128)call->args[0].integer * call->args[1].integer,
		call->args[0].kind == V_INT, ret);
}

static int math_to_int_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, call->args[0].integer, true, ret);
}

static int math_negate_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, -(__int128)call->args[0].integer, call->args[0].kind == V_INT, ret);
}

static int math_increment_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, (__int128)call->args[0].integer + 1, call->args[0].kind == V_INT, ret);
}

static int math_decrement_exact(struct eval *ev, const struct call *call, struct value *ret)
{
	return exact(ev, (__int128)call->args[0].integer - 1, call->args[0].kind == V_INT, ret);
}

#define ONE_EXACT(name, function, help)                                   \
	{ name, "i", "int", function, help, "T(Math)." name "(5)" },      \
	{                                                                 \
		name, "j", "long", function, help, "T(Math)." name "(5L)" \
	}
#define TWO_INTEGERS(class, name, function, help, a, b)                           \
	{ name, "ii", "int", function, help, class name "(" a ", " b ")" },       \
	{                                                                         \
		name, "jj", "long", function, help, class name "(" a "L, " b "L)" \
	}
#define TWO_NUMBERS(name, function, help)                                                \
	TWO_INTEGERS("T(Math).", name, function, help, "1", "2"),                        \
		{ name, "ff", "float", function, help, "T(Math)." name "(1.5f, 2.5f)" }, \
	{                                                                                \
		name, "dd", "double", function, help, "T(Math)." name "(1.5, 2.5)"       \
	}

static const struct java_method math_statics[] = {
	TWO_NUMBERS("max", math_max, "the larger"),
	TWO_NUMBERS("min", math_min, "the smaller"),
	{ "abs", "i", "int", math_abs, "without sign", "T(Math).abs(-5)" },
	{ "abs", "j", "long", math_abs, "without sign", "T(Math).abs(-5L)" },
	{ "abs", "f", "float", math_abs, "without sign", "T(Math).abs(-1.5f)" },
	{ "abs", "d", "double", math_abs, "without sign", "T(Math).abs(-1.5)" },
	{ "round", "f", "int", math_round, "the nearest whole number, half goes up",
		"T(Math).round(2.5f)" },
	{ "round", "d", "long", math_round, "the nearest whole number, half goes up",
		"T(Math).round(-2.5)" },
	{ "floor", "d", "double", math_floor, "the whole number below", "T(Math).floor(2.7)" },
	{ "ceil", "d", "double", math_ceil, "the whole number above", "T(Math).ceil(2.1)" },
	{ "rint", "d", "double", math_rint, "the nearest whole number, half goes to even",
		"T(Math).rint(2.5)" },
	{ "sqrt", "d", "double", math_sqrt, "square root", "T(Math).sqrt(9)" },
	{ "cbrt", "d", "double", math_cbrt, "cube root", "T(Math).cbrt(27)" },
	{ "exp", "d", "double", math_exp, "e to that power", "T(Math).exp(0)" },
	{ "log", "d", "double", math_log, "natural logarithm", "T(Math).log(1)" },
	{ "log10", "d", "double", math_log10, "decimal logarithm", "T(Math).log10(1000)" },
	{ "sin", "d", "double", math_sin, "sine", "T(Math).sin(0)" },
	{ "cos", "d", "double", math_cos, "cosine", "T(Math).cos(0)" },
	{ "tan", "d", "double", math_tan, "tangent", "T(Math).tan(0)" },
	{ "asin", "d", "double", math_asin, "arc sine", "T(Math).asin(0)" },
	{ "acos", "d", "double", math_acos, "arc cosine", "T(Math).acos(1)" },
	{ "atan", "d", "double", math_atan, "arc tangent", "T(Math).atan(0)" },
	{ "sinh", "d", "double", math_sinh, "hyperbolic sine", "T(Math).sinh(0)" },
	{ "cosh", "d", "double", math_cosh, "hyperbolic cosine", "T(Math).cosh(0)" },
	{ "tanh", "d", "double", math_tanh, "hyperbolic tangent", "T(Math).tanh(0)" },
	{ "log1p", "d", "double", math_log1p, "natural logarithm of 1 more", "T(Math).log1p(0)" },
	{ "expm1", "d", "double", math_expm1, "1 less than e to that power", "T(Math).expm1(0)" },
	{ "atan2", "dd", "double", math_atan2, "the angle of a point", "T(Math).atan2(0, 1)" },
	{ "toRadians", "d", "double", math_to_radians, "degrees as radians",
		"T(Math).toRadians(180)" },
	{ "toDegrees", "d", "double", math_to_degrees, "radians as degrees", "T(Math).toDegrees(0)" },
	{ "pow", "dd", "double", math_pow, "the first to the power of the second",
		"T(Math).pow(2, 10)" },
	{ "hypot", "dd", "double", math_hypot, "length of the hypotenuse", "T(Math).hypot(3, 4)" },
	{ "signum", "d", "double", math_signum, "-1.0, 0.0 or 1.0", "T(Math).signum(-7)" },
	{ "random", "", "double", math_random, "from 0.0 up to 1.0", "T(Math).random() < 1" },
	TWO_INTEGERS("T(Math).", "floorDiv", math_floor_div, "division that rounds down", "-7", "2"),
	TWO_INTEGERS("T(Math).", "floorMod", math_floor_mod, "the rest of such a division", "-7", "2"),
	TWO_INTEGERS("T(Math).", "addExact", math_add_exact, "the sum; overflow fails", "-7", "2"),
	TWO_INTEGERS("T(Math).", "subtractExact", math_subtract_exact,
		"the difference; overflow fails", "-7", "2"),
	TWO_INTEGERS("T(Math).", "multiplyExact", math_multiply_exact,
		"the product; overflow fails", "-7", "2"),
	ONE_EXACT("negateExact", math_negate_exact, "with the other sign; overflow fails"),
	ONE_EXACT("incrementExact", math_increment_exact, "one more; overflow fails"),
	ONE_EXACT("decrementExact", math_decrement_exact, "one less; overflow fails"),
	{ "toIntExact", "j", "int", math_to_int_exact, "as an int; overflow fails",
		"T(Math).toIntExact(7L)" },
	{ 0 },
};

const struct java_class java_math = {
	.name = "java.lang.Math",
	.nameable = true,
	.statics = math_statics,
};

static const struct java_method integer_methods[] = { NUMBER_METHODS("i", "300"), { 0 } };
static const struct java_method long_methods[] = { NUMBER_METHODS("j", "5000000000L"), { 0 } };
static const struct java_method float_methods[] = {
	NUMBER_METHODS("f", "2.5f"),
	{ "isNaN", "", "boolean", is_nan, "whether it is no number", "#toFloat('NaN').isNaN()" },
	{ "isInfinite", "", "boolean", is_infinite, "whether it is infinite",
		"#toFloat('1').isInfinite()" },
	{ 0 },
};
static const struct java_method double_methods[] = {
	NUMBER_METHODS("d", "2.5"),
	{ "isNaN", "", "boolean", is_nan, "whether it is no number", "(0.0 / 0).isNaN()" },
	{ "isInfinite", "", "boolean", is_infinite, "whether it is infinite",
		"(1.0 / 0).isInfinite()" },
	{ 0 },
};

static const struct java_method integer_statics[] = {
	{ "parseInt", "s", "int", parse_int, "digits as an int", "T(Integer).parseInt('12')" },
	{ "parseInt", "si", "int", parse_int, "the same in a radix", "T(Integer).parseInt('ff', 16)" },
	{ "valueOf", "s", "Integer", parse_int, "digits as an int", "T(Integer).valueOf('12')" },
	{ "valueOf", "si", "Integer", parse_int, "the same in a radix",
		"T(Integer).valueOf('z', 36)" },
	{ "valueOf", "i", "Integer", same, "the number itself", "T(Integer).valueOf(12)" },
	{ "toString", "i", "String", text_of, "as text", "T(Integer).toString(12)" },
	{ "toString", "ii", "String", text_in_radix, "as text in a radix",
		"T(Integer).toString(255, 16)" },
	{ "toHexString", "i", "String", hex_text, "in base 16", "T(Integer).toHexString(255)" },
	{ "toOctalString", "i", "String", octal_text, "in base 8", "T(Integer).toOctalString(8)" },
	{ "toBinaryString", "i", "String", binary_text, "in base 2", "T(Integer).toBinaryString(5)" },
	{ "bitCount", "i", "int", bit_count, "bits that are set", "T(Integer).bitCount(255)" },
	{ "compare", "ii", "int", compare, "below, at or above 0", "T(Integer).compare(1, 2)" },
	{ "max", "ii", "int", math_max, "the larger", "T(Integer).max(1, 2)" },
	{ "min", "ii", "int", math_min, "the smaller", "T(Integer).min(1, 2)" },
	{ "sum", "ii", "int", wrapping_sum, "the sum", "T(Integer).sum(1, 2)" },
	{ "signum", "i", "int", integer_signum, "-1, 0 or 1", "T(Integer).signum(-5)" },
	{ 0 },
};

static const struct java_method long_statics[] = {
	{ "parseLong", "s", "long", parse_long, "digits as a long",
		"T(Long).parseLong('9000000000')" },
	{ "parseLong", "si", "long", parse_long, "the same in a radix",
		"T(Long).parseLong('ff', 16)" },
	{ "valueOf", "s", "Long", parse_long, "digits as a long", "T(Long).valueOf('12')" },
	{ "valueOf", "si", "Long", parse_long, "the same in a radix", "T(Long).valueOf('z', 36)" },
	{ "valueOf", "j", "Long", same, "the number itself", "T(Long).valueOf(12L)" },
	{ "toString", "j", "String", text_of, "as text", "T(Long).toString(12L)" },
	{ "toString", "ji", "String", text_in_radix, "as text in a radix",
		"T(Long).toString(255L, 2)" },
	{ "toHexString", "j", "String", hex_text, "in base 16", "T(Long).toHexString(255L)" },
	{ "toOctalString", "j", "String", octal_text, "in base 8", "T(Long).toOctalString(8L)" },
	{ "toBinaryString", "j", "String", binary_text, "in base 2", "T(Long).toBinaryString(5L)" },
	{ "bitCount", "j", "int", bit_count, "bits that are set", "T(Long).bitCount(255L)" },
	{ "compare", "jj", "int", compare, "below, at or above 0", "T(Long).compare(2L, 1L)" },
	{ "sum", "jj", "long", wrapping_sum, "the sum", "T(Long).sum(1L, 2L)" },
	{ "signum", "j", "int", integer_signum, "-1, 0 or 1", "T(Long).signum(-5L)" },
	{ "max", "jj", "long", math_max, "the larger", "T(Long).max(1L, 2L)" },
	{ "min", "jj", "long", math_min, "the smaller", "T(Long).min(1L, 2L)" },
	{ 0 },
};

static const struct java_method double_statics[] = {
	{ "parseDouble", "s", "double", parse_double, "text as a double",
		"T(Double).parseDouble('1.5')" },
	{ "valueOf", "s", "Double", parse_double, "text as a double", "T(Double).valueOf('1e3')" },
	{ "valueOf", "d", "Double", same, "the number itself", "T(Double).valueOf(1.5)" },
	{ "toString", "d", "String", text_of, "as text", "T(Double).toString(12345678.0)" },
	{ "compare", "dd", "int", compare, "below, at or above 0", "T(Double).compare(1.0, 2.0)" },
	{ "isNaN", "d", "boolean", is_nan, "whether it is no number", "T(Double).isNaN(1.0)" },
	{ "isInfinite", "d", "boolean", is_infinite, "whether it is infinite",
		"T(Double).isInfinite(1.0)" },
	{ "isFinite", "d", "boolean", is_finite, "whether it is a number, and not infinite",
		"T(Double).isFinite(1.0)" },
	{ "sum", "dd", "double", double_sum, "the sum", "T(Double).sum(1.5, 2)" },
	{ "max", "dd", "double", math_max, "the larger", "T(Double).max(1.0, 2.5)" },
	{ "min", "dd", "double", math_min, "the smaller", "T(Double).min(1.0, 2.5)" },
	{ 0 },
};

static const struct java_method byte_statics[] = {
	{ "parseByte", "s", "byte", parse_byte, "digits as a byte", "T(Byte).parseByte('12')" },
	{ "valueOf", "s", "Byte", parse_byte, "digits as a byte", "T(Byte).valueOf('-128')" },
	{ 0 },
};

static const struct java_method integer_constructors[] = {
	{ "Integer", "i", "Integer", same, "the number itself", "new Integer(5)" },
	{ "Integer", "s", "Integer", parse_int, "digits as an int", "new Integer('5') + 1" },
	{ 0 },
};
static const struct java_method long_constructors[] = {
	{ "Long", "j", "Long", same, "the number itself", "new Long(5L)" },
	{ "Long", "s", "Long", parse_long, "digits as a long", "new Long('5') + 1" },
	{ 0 },
};
static const struct java_method double_constructors[] = {
	{ "Double", "d", "Double", same, "the number itself", "new Double(1.5)" },
	{ "Double", "s", "Double", parse_double, "text as a double", "new Double('1.5') + 1" },
	{ 0 },
};

const struct java_class java_integer = { .name = "java.lang.Integer",
	.nameable = true,
	.methods = integer_methods,
	.statics = integer_statics,
	.constructors = integer_constructors };
const struct java_class java_long = { .name = "java.lang.Long",
	.nameable = true,
	.methods = long_methods,
	.statics = long_statics,
	.constructors = long_constructors };
const struct java_class java_float = { .name = "java.lang.Float", .methods = float_methods };
const struct java_class java_double = { .name = "java.lang.Double",
	.nameable = true,
	.methods = double_methods,
	.statics = double_statics,
	.constructors = double_constructors };
const struct java_class java_byte = {
	.name = "java.lang.Byte", .nameable = true, .statics = byte_statics
};

/* Boolean */

static int parse_boolean(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text = call->args[0];
	*ret = value_bool(text.kind == V_STRING && str_equal_nocase(value_str(text), str_of("true")));
	return 0;
}

static int boolean_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->self;
	return 0;
}

static int boolean_compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.boolean - call->args[0].boolean);
	return 0;
}

static int logical_and(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->args[0].boolean && call->args[1].boolean);
	return 0;
}

static int logical_or(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->args[0].boolean || call->args[1].boolean);
	return 0;
}

static int logical_xor(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->args[0].boolean != call->args[1].boolean);
	return 0;
}

static const struct java_method boolean_methods[] = {
	{ "booleanValue", "", "boolean", boolean_value, "the value itself", "true.booleanValue()" },
	{ "compareTo", "z", "int", boolean_compare_to, "below, at or above 0",
		"true.compareTo(false)" },
	{ 0 },
};

static const struct java_method boolean_statics[] = {
	{ "parseBoolean", "s", "boolean", parse_boolean, "true only for \"true\" in any case",
		"T(Boolean).parseBoolean('yes')" },
	{ "valueOf", "s", "Boolean", parse_boolean, "true only for \"true\" in any case",
		"T(Boolean).valueOf('True')" },
	{ "valueOf", "z", "Boolean", same, "the value itself", "T(Boolean).valueOf(true)" },
	{ "toString", "z", "String", text_of, "as text", "T(Boolean).toString(true)" },
	{ "compare", "zz", "int", compare, "below, at or above 0", "T(Boolean).compare(false, true)" },
	{ "logicalAnd", "zz", "boolean", logical_and, "both", "T(Boolean).logicalAnd(true, false)" },
	{ "logicalOr", "zz", "boolean", logical_or, "any", "T(Boolean).logicalOr(true, false)" },
	{ "logicalXor", "zz", "boolean", logical_xor, "just one",
		"T(Boolean).logicalXor(true, true)" },
	{ 0 },
};

static const struct java_method boolean_constructors[] = {
	{ "Boolean", "z", "Boolean", same, "the value itself", "new Boolean(true)" },
	{ "Boolean", "s", "Boolean", parse_boolean, "true only for \"true\" in any case",
		"new Boolean('true')" },
	{ 0 },
};

static const char *const boolean_refused[] = { "getBoolean", NULL };

const struct java_class java_boolean = { .name = "java.lang.Boolean",
	.nameable = true,
	.methods = boolean_methods,
	.statics = boolean_statics,
	.constructors = boolean_constructors,
	.refused = boolean_refused };
