#include "base/str.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool str_equal_nocase(struct str a, struct str b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++) {
		if (lower(a.bytes[i]) != lower(b.bytes[i]))
			return false;
	}
	return true;
}

int str_compare(struct str a, struct str b)
{
	size_t common = a.length < b.length ? a.length : b.length;
	int order = common ? memcmp(a.bytes, b.bytes, common) : 0;
	return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool str_starts(struct str text, const char *prefix)
{
	size_t length = strlen(prefix);
	return text.length >= length && str_is(str_slice(text, 0, length), prefix);
}

bool str_ends(struct str text, const char *suffix)
{
	size_t length = strlen(suffix);
	return text.length >= length &&
		str_is(str_slice(text, text.length - length, text.length), suffix);
}

bool str_contains(struct str text, const char *part)
{
	return str_find(text, part, 0) >= 0;
}

ptrdiff_t str_find(struct str text, const char *part, size_t from)
{
	size_t length = strlen(part);
	if (from > text.length || length > text.length - from)
		return -1;
	if (length == 0)
		return (ptrdiff_t)from;
	const char *found = memmem(text.bytes + from, text.length - from, part, length);
	return found ? found - text.bytes : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str text)
{
	while (text.length && is_blank(text.bytes[0])) {
		text.bytes++;
		text.length--;
	}
	while (text.length && is_blank(text.bytes[text.length - 1]))
		text.length--;
	return text;
}

struct str str_slice(struct str text, size_t from, size_t to)
{
	if (to > text.length)
		to = text.length;
	if (from > to)
		from = to;
	return (struct str){ .bytes = from ? text.bytes + from : text.bytes, .length = to - from };
}

bool str_split(struct str *rest, char separator, struct str *ret_part)
{
	if (!rest->bytes)
		return false;
	const char *end = rest->length ? memchr(rest->bytes, separator, rest->length) : NULL;
	if (!end) {
		*ret_part = *rest;
		*rest = (struct str){ 0 };
		return true;
	}
	size_t length = (size_t)(end - rest->bytes);
	*ret_part = (struct str){ .bytes = rest->bytes, .length = length };
	*rest = (struct str){ .bytes = end + 1, .length = rest->length - length - 1 };
	return true;
}

bool str_to_int(struct str text, int64_t *ret)
{
	bool negative = text.length && text.bytes[0] == '-';
	uint64_t value = 0;
	if (text.length == negative)
		return false;
	for (size_t i = negative; i < text.length; i++) {
		if (!is_digit(text.bytes[i]))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text.bytes[i] - '0'), &value))
			return false;
	}
	if (value > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = (int64_t)(negative ? -value : value);
	return true;
}

/* A decimal number taken apart: digits as an integer, times a power of ten. */
struct decimal {
	bool negative;
	bool exact; /* all digits are in `digits`, and `power` did not run away */
	uint64_t digits;
	int power;
};

/* Reads digits from *AT on; false when there is none. */
static bool scan_digits(struct str text, size_t *at, struct decimal *decimal, int power_step)
{
	size_t start = *at;
	for (; *at < text.length && is_digit(text.bytes[*at]); (*at)++) {
		if (decimal->digits > (UINT64_MAX - 9) / 10 || *at - start > 1000)
			decimal->exact = false;
		if (!decimal->exact)
			continue;
		decimal->digits = decimal->digits * 10 + (uint64_t)(text.bytes[*at] - '0');
		decimal->power += power_step;
	}
	return *at > start;
}

static bool scan_exponent(struct str text, size_t *at, struct decimal *decimal)
{
	bool negative = *at < text.length && text.bytes[*at] == '-';
	int exponent = 0;
	if (*at < text.length && (text.bytes[*at] == '-' || text.bytes[*at] == '+'))
		(*at)++;
	size_t start = *at;
	for (; *at < text.length && is_digit(text.bytes[*at]); (*at)++) {
		if (exponent < 100000)
			exponent = exponent * 10 + (text.bytes[*at] - '0');
	}
	decimal->power += negative ? -exponent : exponent;
	return *at > start;
}

/* -? digits ( . digits )? ( [eE] [+-]? digits )? */
static bool scan_decimal(struct str text, struct decimal *ret)
{
	struct decimal decimal = { .exact = true };
	size_t at = 0;
	if (text.length && text.bytes[0] == '-') {
		decimal.negative = true;
		at++;
	}
	if (!scan_digits(text, &at, &decimal, 0))
		return false;
	if (at < text.length && text.bytes[at] == '.') {
		at++;
		if (!scan_digits(text, &at, &decimal, -1))
			return false;
	}
	if (at < text.length && (text.bytes[at] == 'e' || text.bytes[at] == 'E')) {
		at++;
		if (!scan_exponent(text, &at, &decimal))
			return false;
	}
	*ret = decimal;
	return at == text.length;
}

/* For what the short way cannot do; strtod rounds correctly but wants a terminated text. */
static bool slow_to_double(struct str text, double *ret)
{
	_cleanup_free_ char *copy = xstrndup(text.bytes, text.length);
	/* glibc answers with its static C locale here: no memory, nothing to free. */
	double number = strtod_l(copy, NULL, newlocale(LC_ALL_MASK, "C", NULL));
	if (!isfinite(number))
		return false;
	*ret = number;
	return true;
}

/*
 * Up to 2^53 and with powers of ten up to 10^22 both numbers are exact doubles, so that one
 * multiplication or division rounds correctly (Clinger, "How to read floating point numbers
 * accurately", 1990).
 */
bool str_to_double(struct str text, double *ret)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	struct decimal decimal;
	if (!scan_decimal(text, &decimal))
		return false;
	if (!decimal.exact || decimal.digits > (1ull << 53) || decimal.power < -22 ||
		decimal.power > 22)
		return slow_to_double(text, ret);
	double number = (double)decimal.digits;
	number = decimal.power < 0 ? number / powers[-decimal.power] : number * powers[decimal.power];
	*ret = decimal.negative ? -number : number;
	return true;
}

/* 0 to 8 bytes as a word, another one for each text of that length; by loads that overlap, since a loop would take longer. */
static uint64_t load_up_to_8(const char *bytes, size_t length)
{
	uint64_t word = 0;
	uint32_t low, high;
	if (length == 8) {
		memcpy(&word, bytes, 8);
	} else if (length >= 4) {
		memcpy(&low, bytes, 4);
		memcpy(&high, bytes + length - 4, 4);
		word = (uint64_t)high << 32 | low;
	} else if (length) {
		word = (uint64_t)(unsigned char)bytes[0] << 16 |
			(uint64_t)(unsigned char)bytes[length / 2] << 8 |
			(unsigned char)bytes[length - 1];
	}
	return word;
}

static uint64_t fold_product(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Multiply and fold, as wyhash does. The seed is this function's address, which the loader chooses anew
 * for each process: keys that all fall into one bucket cannot be prepared.
 */
uint64_t str_hash(struct str text)
{
	const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
	uint64_t hash = fold_product((uint64_t)(uintptr_t)str_hash ^ k0, text.length ^ k1);
	const char *at = text.bytes;
	size_t left = text.length;
	for (; left > 16; left -= 16, at += 16)
		hash = fold_product(load_up_to_8(at, 8) ^ k0 ^ hash, load_up_to_8(at + 8, 8) ^ k1);
	uint64_t a = left ? load_up_to_8(at, left > 8 ? 8 : left) : 0;
	uint64_t b = left > 8 ? load_up_to_8(at + 8, left - 8) : 0;
	return fold_product(a ^ k0 ^ hash, b ^ k1 ^ (hash >> 32));
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned str_distance(struct str a, struct str b, unsigned limit)
{
	size_t gap = a.length > b.length ? a.length - b.length : b.length - a.length;
	if (gap > limit)
		return limit + 1;
	size_t width = b.length + 1;
	_cleanup_free_ unsigned *rows = xcalloc(3 * width, sizeof(*rows));
	unsigned *before = rows, *last = rows + width, *row = rows + 2 * width;
	for (size_t j = 0; j < width; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.length; i++) {
		unsigned *reused = before;
		before = last;
		last = row;
		row = reused;
		row[0] = (unsigned)i;
		unsigned best = row[0];
		for (size_t j = 1; j < width; j++) {
			bool differ = a.bytes[i - 1] != b.bytes[j - 1];
			row[j] = smaller(last[j - 1] + differ, smaller(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.bytes[i - 1] == b.bytes[j - 2] &&
				a.bytes[i - 2] == b.bytes[j - 1])
				row[j] = smaller(row[j], before[j - 2] + 1);
			best = smaller(best, row[j]);
		}
		if (best > limit)
			return limit + 1;
	}
	return smaller(row[b.length], limit + 1);
}

unsigned str_nearness(struct str name, struct str candidate, unsigned limit)
{
	return str_equal_nocase(name, candidate) ? 0 : str_distance(name, candidate, limit);
}

bool str_nearer(struct str name, struct str candidate, unsigned *best)
{
	unsigned distance = str_nearness(name, candidate, *best);
	if (distance >= *best)
		return false;
	*best = distance;
	return true;
}

struct str str_cut(struct str text, size_t most)
{
	if (text.length <= most)
		return text;
	while (most > 0 && ((unsigned char)text.bytes[most] & 0xc0) == 0x80)
		most--;
	return str_slice(text, 0, most);
}

/* Unicode, table 3-7: the second byte's range keeps out overlong forms, surrogates, > U+10FFFF. */
size_t str_utf8_length(struct str text)
{
	const unsigned char *at = (const unsigned char *)text.bytes;
	if (text.length == 0)
		return 0;
	unsigned char first = at[0], low = 0x80, high = 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (text.length < length)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

bool str_is_utf8(struct str text)
{
	while (text.length) {
		size_t length = str_utf8_length(text);
		if (!length)
			return false;
		text = str_slice(text, length, text.length);
	}
	return true;
}
