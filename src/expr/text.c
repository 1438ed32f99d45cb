#include "expr/text.h"

#include <string.h>

bool text_is_ascii(struct str text)
{
	size_t i = 0;
	for (; i + 8 <= text.length; i += 8) {
		uint64_t word;
		memcpy(&word, text.bytes + i, 8);
		if (word & 0x8080808080808080u)
			return false;
	}
	for (; i < text.length; i++)
		if (text.bytes[i] & 0x80)
			return false;
	return true;
}

uint32_t text_next(struct str text, size_t *at)
{
	const unsigned char *bytes = (const unsigned char *)text.bytes + *at;
	size_t left = text.length - *at;
	unsigned length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	if (length > left)
		length = 1;
	*at += length;
	switch (length) {
	case 1:
		return bytes[0];
	case 2:
		return (bytes[0] & 0x1fu) << 6 | (bytes[1] & 0x3fu);
	case 3:
		return (bytes[0] & 0x0fu) << 12 | (bytes[1] & 0x3fu) << 6 | (bytes[2] & 0x3fu);
	default:
		return (bytes[0] & 0x07u) << 18 | (bytes[1] & 0x3fu) << 12 |
			(bytes[2] & 0x3fu) << 6 | (bytes[3] & 0x3fu);
	}
}

size_t text_encode(uint32_t code, char ret[4])
{
	if (code < 0x80) {
		ret[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		ret[0] = (char)(0xc0 | code >> 6);
		ret[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		ret[0] = (char)(0xe0 | code >> 12);
		ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | code >> 18);
	ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

size_t text_units(struct str text)
{
	return text_unit_of_byte(text, text.length);
}

size_t text_unit_of_byte(struct str text, size_t byte)
{
	if (text_is_ascii(str_slice(text, 0, byte)))
		return byte;
	size_t units = 0;
	for (size_t at = 0; at < byte;)
		units += text_next(text, &at) >= 0x10000 ? 2 : 1;
	return units;
}

/* Moves to the character that holds unit INDEX; returns how many units into it that is. */
static size_t find_unit(struct str text, size_t index, size_t *ret_byte)
{
	size_t at = 0;
	for (size_t units = 0; at < text.length;) {
		size_t next = at;
		size_t width = text_next(text, &next) >= 0x10000 ? 2 : 1;
		if (units + width > index) {
			*ret_byte = at;
			return index - units;
		}
		units += width;
		at = next;
	}
	*ret_byte = text.length;
	return 0;
}

size_t text_byte_of_unit(struct str text, size_t index)
{
	if (text_is_ascii(text))
		return index < text.length ? index : text.length;
	size_t byte;
	find_unit(text, index, &byte);
	return byte;
}

static uint16_t half_of(uint32_t code, size_t half)
{
	if (code < 0x10000)
		return (uint16_t)code;
	code -= 0x10000;
	return (uint16_t)(half ? 0xdc00 + (code & 0x3ff) : 0xd800 + (code >> 10));
}

uint16_t text_unit_at(struct str text, size_t index)
{
	if (text_is_ascii(text))
		return (unsigned char)text.bytes[index];
	size_t byte;
	size_t half = find_unit(text, index, &byte);
	return half_of(text_next(text, &byte), half);
}

struct str text_slice(struct arena *arena, struct str text, size_t from, size_t to)
{
	if (text_is_ascii(text))
		return str_slice(text, from, to);
	if (from == to)
		return (struct str){ .bytes = text.bytes, .length = 0 };
	size_t begin, end;
	size_t begin_half = find_unit(text, from, &begin);
	size_t end_half = find_unit(text, to, &end);
	if (!begin_half && !end_half)
		return str_slice(text, begin, end);

	char *bytes = arena_alloc(arena, text.length + 6);
	size_t length = 0;
	if (begin_half)
		length += text_encode(half_of(text_next(text, &begin), 1), bytes);
	if (end > begin) {
		memcpy(bytes + length, text.bytes + begin, end - begin);
		length += end - begin;
	}
	if (end_half)
		length += text_encode(half_of(text_next(text, &end), 0), bytes + length);
	return (struct str){ .bytes = bytes, .length = length };
}

int text_compare(struct str a, struct str b)
{
	size_t at_a = 0, at_b = 0;
	while (at_a < a.length && at_b < b.length) {
		uint32_t code_a = text_next(a, &at_a), code_b = text_next(b, &at_b);
		if (code_a == code_b)
			continue;
		int first = (int)half_of(code_a, 0) - (int)half_of(code_b, 0);
		return first ? first : (int)half_of(code_a, 1) - (int)half_of(code_b, 1);
	}
	size_t left_a = text_units(str_slice(a, at_a, a.length));
	size_t left_b = text_units(str_slice(b, at_b, b.length));
	return left_a < left_b ? -(int)(left_b - left_a) : (int)(left_a - left_b);
}

/* Halves begin with the byte 0xed and a second one from 0xa0. */
static bool is_half(struct str text, size_t at)
{
	return at + 3 <= text.length && (unsigned char)text.bytes[at] == 0xed &&
		(unsigned char)text.bytes[at + 1] >= 0xa0;
}

static __attribute__((noinline)) struct str without_halves(struct arena *arena, struct str text)
{
	char *bytes = arena_alloc(arena, text.length);
	size_t length = 0;
	for (size_t at = 0; at < text.length;) {
		bool half = is_half(text, at);
		uint32_t code = text_next(text, &at);
		if (half && code < 0xdc00 && is_half(text, at)) {
			size_t next = at;
			uint32_t low = text_next(text, &next);
			if (low >= 0xdc00) {
				code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
				at = next;
				half = false;
			}
		}
		length += text_encode(half ? '?' : code, bytes + length);
	}
	return (struct str){ .bytes = bytes, .length = length };
}

struct str text_clean(struct arena *arena, struct str text)
{
	/* All of them, and few others, begin with this byte. */
	return memchr(text.bytes, 0xed, text.length) ? without_halves(arena, text) : text;
}

/* How many bytes a valid character at AT has, 0 when there is none. */
static size_t valid_length(struct str text, size_t at)
{
	for (size_t length = 1; length <= 4 && at + length <= text.length; length++)
		if (str_is_utf8(str_slice(text, at, at + length)))
			return length;
	return 0;
}

struct str text_repair(struct arena *arena, struct str bytes)
{
	char *repaired = arena_alloc(arena, bytes.length * 3 + 1);
	size_t length = 0;
	for (size_t at = 0; at < bytes.length;) {
		size_t valid = valid_length(bytes, at);
		if (valid) {
			memcpy(repaired + length, bytes.bytes + at, valid);
			length += valid;
			at += valid;
			continue;
		}
		length += text_encode(0xfffd, repaired + length);
		at++;
	}
	return (struct str){ repaired, length };
}

const char text_base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct str text_base64(struct arena *arena, struct str bytes)
{
	char *text = arena_alloc(arena, bytes.length / 3 * 4 + 8);
	size_t length = 0;
	for (size_t i = 0; i < bytes.length; i += 3) {
		uint32_t bits = 0;
		for (size_t k = i; k < i + 3; k++)
			bits = bits << 8 | (k < bytes.length ? (unsigned char)bytes.bytes[k] : 0);
		for (size_t k = 0; k < 4; k++)
			text[length++] = i + k > bytes.length ?
				'=' :
				text_base64_digits[bits >> (18 - 6 * k) & 63];
	}
	return (struct str){ text, length };
}
