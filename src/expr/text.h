/*
 * Java's view of text: UTF-16 units counted over our UTF-8. A half of a surrogate pair, which Java can cut off, is kept as the
 * three bytes that UTF-8 does not allow, and becomes '?' where a value leaves the evaluator. Private to expr.
 */
#ifndef EXPR_TEXT_H
#define EXPR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "expr/arena.h"

bool text_is_ascii(struct str text);
/* Length in UTF-16 units. */
size_t text_units(struct str text);
/* The unit at INDEX, which must be less than text_units. */
uint16_t text_unit_at(struct str text, size_t index);
/* Units FROM … TO, FROM <= TO <= text_units. A view, or a copy in the arena when a pair is cut. */
struct str text_slice(struct arena *arena, struct str text, size_t from, size_t to);
/* The number of units that stand before BYTE. */
size_t text_unit_of_byte(struct str text, size_t byte);
/* The byte where unit INDEX begins (the character's, if it is the second half of a pair). */
size_t text_byte_of_unit(struct str text, size_t index);
/* Java's String.compareTo. */
int text_compare(struct str a, struct str b);
/* The code point at *AT, which is moved behind it. */
uint32_t text_next(struct str text, size_t *at);
/* Writes at most 4 bytes; returns how many. */
size_t text_encode(uint32_t code, char ret[4]);
/* TEXT as valid UTF-8: two halves become a character, a lone one '?'. TEXT itself when nothing is to do. */
struct str text_clean(struct arena *arena, struct str text);

/* BYTES in base 64, with padding. */
struct str text_base64(struct arena *arena, struct str bytes);
extern const char text_base64_digits[65];
/* Any bytes as UTF-8: what is none becomes U+FFFD. */
struct str text_repair(struct arena *arena, struct str bytes);

#endif
