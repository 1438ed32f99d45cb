/*
 * What the JSON reader and the JSON writer share; nobody else includes it.
 */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * How many of the LEFT bytes at AT are plain: no quote, no backslash, no control character, and ASCII.
 * Looks at eight bytes at a time: a byte's high bit stays clear unless it was set or the subtraction
 * went below zero.
 */
static inline size_t json_plain_length(const char *at, size_t left)
{
	const uint64_t ones = 0x0101010101010101ull;
	size_t i = 0;
	for (; left - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, at + i, 8);
		uint64_t found = word | (word - ones * 0x20) | ((word ^ ones * '"') - ones) |
			((word ^ ones * '\\') - ones);
		if (found & ones * 0x80)
			break;
	}
	while (i < left && (unsigned char)at[i] >= 0x20 && (unsigned char)at[i] < 0x80 &&
		at[i] != '"' && at[i] != '\\')
		i++;
	return i;
}

#endif
