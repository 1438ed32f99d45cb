#include "base/id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Crockford's base 32 leaves out I, L, O and U. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* splitmix64 (Steele, Lea, Flood 2014): any seed gives a full period. */
static uint64_t seeded_next(struct id_source *source)
{
	uint64_t z;

	source->seed += 0x9E3779B97F4A7C15u;
	z = source->seed;
	if (source->seed == 0) /* 0 would switch to the system's randomness */
		source->seed = 0x9E3779B97F4A7C15u;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static void system_bytes(uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t got = getrandom(bytes, length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* a kernel without randomness: nothing is safe to go on with */
		bytes += got;
		length -= (size_t)got;
	}
}

void random_bytes(struct id_source *source, void *bytes, size_t length)
{
	uint8_t *next = bytes;

	if (source->seed == 0) {
		system_bytes(next, length);
		return;
	}
	while (length > 0) {
		uint64_t word = seeded_next(source);
		size_t part = length < sizeof(word) ? length : sizeof(word);

		memcpy(next, &word, part);
		next += part;
		length -= part;
	}
}

/* Adds one to the 80 bits; false when they overflow. */
static bool increment(uint8_t bytes[10])
{
	for (int i = 9; i >= 0; i--) {
		if (++bytes[i] != 0)
			return true;
	}
	return false;
}

/* Sets last_ms and last to the next pair, which is greater than any before, also when the time stands or goes back. */
static void source_advance(struct id_source *source, uint64_t now_ms)
{
	static const uint8_t zeros[10];
	bool fresh = source->last_ms == 0 && memcmp(source->last, zeros, sizeof(zeros)) == 0;

	if (!fresh && now_ms <= source->last_ms) {
		if (increment(source->last))
			return;
		now_ms = source->last_ms + 1;
	}
	source->last_ms = now_ms;
	random_bytes(source, source->last, sizeof(source->last));
}

void ulid_make(struct id_source *source, int64_t now_ms, char ret[ULID_LENGTH + 1])
{
	uint64_t ms;
	unsigned bits = 0, held = 0;
	int at = ULID_LENGTH;

	source_advance(source, now_ms > 0 ? (uint64_t)now_ms : 0);
	ret[at] = '\0';
	/* 80 bits are 16 digits exactly, read from the end. */
	for (int i = 9; i >= 0; i--) {
		held |= (unsigned)source->last[i] << bits;
		bits += 8;
		while (bits >= 5) {
			ret[--at] = digits[held & 31];
			held >>= 5;
			bits -= 5;
		}
	}
	ms = source->last_ms;
	while (at > 0) {
		ret[--at] = digits[ms & 31];
		ms >>= 5;
	}
}

bool ulid_is_valid(struct str text)
{
	if (text.length != ULID_LENGTH || text.bytes[0] > '7')
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '\0' || !strchr(digits, text.bytes[i]))
			return false;
	}
	return true;
}

void uuid_make(struct id_source *source, char ret[37])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bytes[16];
	char *next = ret;

	random_bytes(source, bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*next++ = '-';
		*next++ = hex[bytes[i] >> 4];
		*next++ = hex[bytes[i] & 15];
	}
	*next = '\0';
}
