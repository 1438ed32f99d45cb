/*
 * ULIDs (26 characters of Crockford's base 32: 48 bits of milliseconds, 80 of randomness) and randomness itself, which
 * tests replace by a seeded one. Within one generator ids rise strictly, also inside one millisecond. A generator
 * belongs to one thread, or its users lock.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define ULID_LENGTH 26

struct id_source {
	uint64_t seed; /* 0 = the system's randomness */
	uint64_t last_ms;
	uint8_t last[10];
};

/* Writes the 26 characters and a terminating 0. */
void ulid_make(struct id_source *source, int64_t now_ms, char ret[ULID_LENGTH + 1]);
bool ulid_is_valid(struct str text);
/* Fills BYTES from the source. */
void random_bytes(struct id_source *source, void *bytes, size_t length);
/* A random UUID (version 4), 36 characters and a terminating 0. */
void uuid_make(struct id_source *source, char ret[37]);

#endif
