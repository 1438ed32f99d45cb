#include "base/yaml_scalar.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static const struct word {
	const char *text;
	enum yaml_scalar kind;
	bool value;
} words[] = {
	{ "", YAML_SCALAR_NULL, false },
	{ "~", YAML_SCALAR_NULL, false },
	{ "null", YAML_SCALAR_NULL, false },
	{ "Null", YAML_SCALAR_NULL, false },
	{ "NULL", YAML_SCALAR_NULL, false },
	{ "true", YAML_SCALAR_BOOL, true },
	{ "True", YAML_SCALAR_BOOL, true },
	{ "TRUE", YAML_SCALAR_BOOL, true },
	{ "false", YAML_SCALAR_BOOL, false },
	{ "False", YAML_SCALAR_BOOL, false },
	{ "FALSE", YAML_SCALAR_BOOL, false },
	{ "y", YAML_SCALAR_BOOL, true },
	{ "Y", YAML_SCALAR_BOOL, true },
	{ "yes", YAML_SCALAR_BOOL, true },
	{ "Yes", YAML_SCALAR_BOOL, true },
	{ "YES", YAML_SCALAR_BOOL, true },
	{ "n", YAML_SCALAR_BOOL, false },
	{ "N", YAML_SCALAR_BOOL, false },
	{ "no", YAML_SCALAR_BOOL, false },
	{ "No", YAML_SCALAR_BOOL, false },
	{ "NO", YAML_SCALAR_BOOL, false },
	{ "on", YAML_SCALAR_BOOL, true },
	{ "On", YAML_SCALAR_BOOL, true },
	{ "ON", YAML_SCALAR_BOOL, true },
	{ "off", YAML_SCALAR_BOOL, false },
	{ "Off", YAML_SCALAR_BOOL, false },
	{ "OFF", YAML_SCALAR_BOOL, false },
	{ ".nan", YAML_SCALAR_NOT_FINITE, false },
	{ ".NaN", YAML_SCALAR_NOT_FINITE, false },
	{ ".NAN", YAML_SCALAR_NOT_FINITE, false },
	{ ".inf", YAML_SCALAR_NOT_FINITE, false },
	{ ".Inf", YAML_SCALAR_NOT_FINITE, false },
	{ ".INF", YAML_SCALAR_NOT_FINITE, false },
	{ "+.inf", YAML_SCALAR_NOT_FINITE, false },
	{ "+.Inf", YAML_SCALAR_NOT_FINITE, false },
	{ "+.INF", YAML_SCALAR_NOT_FINITE, false },
	{ "-.inf", YAML_SCALAR_NOT_FINITE, false },
	{ "-.Inf", YAML_SCALAR_NOT_FINITE, false },
	{ "-.INF", YAML_SCALAR_NOT_FINITE, false },
};

#define LONGEST_WORD 5

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return 99;
}

/* Cuts 0x, 0o, 0b or the 0 of a YAML 1.1 octal off *DIGITS, and returns the base. */
static int number_base(const char **digits)
{
	const char *text = *digits;

	if (text[0] != '0' || text[1] == '\0')
		return 10;
	*digits = text + 2;
	switch (text[1] | 0x20) {
	case 'x':
		return 16;
	case 'o':
		return 8;
	case 'b':
		return 2;
	default:
		*digits = text + 1;
		return 8;
	}
}

/*
 * An integer as Go's ParseInt reads it with base 0. One beyond 64 bits becomes a double, but only with a prefix of
 * letters; without one it is left to read_float, as go-yaml does.
 */
static bool read_int(const char *plain, struct val *ret)
{
	bool negative = *plain == '-', fits = true;
	const char *digits = plain + (*plain == '-' || *plain == '+');
	bool octal_by_zero = digits[0] == '0' && is_digit(digits[1]);
	int base = number_base(&digits);
	uint64_t number = 0;
	double wide = 0;

	if (*digits == '\0')
		return false;
	for (; *digits; digits++) {
		int digit = digit_value(*digits);

		if (digit >= base)
			return false;
		fits = fits && !__builtin_mul_overflow(number, (uint64_t)base, &number) &&
			!__builtin_add_overflow(number, (uint64_t)digit, &number);
		wide = wide * base + digit;
	}
	if (fits && number <= (uint64_t)INT64_MAX + negative) {
		*ret = val_int(negative ? (int64_t)-number : (int64_t)number);
		return true;
	}
	if (base == 10 || octal_by_zero || wide - wide != 0)
		return false;
	*ret = val_double(negative ? -wide : wide);
	return true;
}

/*
 * [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )?
 *
 * The text is brought into the form that str_to_double takes, which looks at the rest of the syntax: no plus, digits on
 * both sides of a point.
 */
static bool read_float(const char *plain, struct val *ret)
{
	_cleanup_free_ char *text = xmalloc(strlen(plain) + 2);
	char *next = text;
	double number;
	int64_t integer;

	if (*plain == '-')
		*next++ = '-';
	if (*plain == '-' || *plain == '+')
		plain++;
	if (!is_digit(plain[0]) && !(plain[0] == '.' && is_digit(plain[1])))
		return false;
	if (*plain == '.')
		*next++ = '0';
	for (; *plain; plain++) {
		if (*plain != '.' || is_digit(plain[1]))
			*next++ = *plain;
		else if (plain[1] != '\0' && (plain[1] | 0x20) != 'e')
			return false;
	}
	if (!str_to_double((struct str){ text, (size_t)(next - text) }, &number))
		return false;
	*ret = val_double(number);
	if (val_as_int(*ret, &integer))
		*ret = val_int(integer);
	return true;
}

/* A copy without the underscores, which may stand between digits. */
static char *without_underscores(struct str text)
{
	char *copy = xmalloc(text.length + 1), *next = copy;

	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] != '_')
			*next++ = text.bytes[i];
	}
	*next = '\0';
	return copy;
}

static enum yaml_scalar read_number(struct str text, struct val *ret)
{
	_cleanup_free_ char *plain = NULL;

	if (!text.length || !(is_digit(text.bytes[0]) || strchr("+-.", text.bytes[0])) ||
		memchr(text.bytes, '\0', text.length))
		return YAML_SCALAR_STRING;
	if (text.bytes[0] == '.' && memchr(text.bytes, '_', text.length))
		return YAML_SCALAR_STRING;
	plain = without_underscores(text);
	if (plain[0] != '.' && read_int(plain, ret))
		return YAML_SCALAR_INT;
	return read_float(plain, ret) ? YAML_SCALAR_FLOAT : YAML_SCALAR_STRING;
}

enum yaml_scalar yaml_scalar_read(struct str text, struct val *ret)
{
	enum yaml_scalar kind;

	for (size_t i = 0; text.length <= LONGEST_WORD && i < sizeof(words) / sizeof(*words); i++) {
		if (!str_is(text, words[i].text))
			continue;
		*ret = words[i].kind == YAML_SCALAR_BOOL ? val_bool(words[i].value) : VAL_NULL;
		return words[i].kind;
	}
	kind = read_number(text, ret);
	if (kind == YAML_SCALAR_STRING)
		*ret = val_str(text);
	return kind;
}
