/*
 * struct str: a view of bytes that someone else owns. Not terminated unless said so.
 * struct strbuf: an owned, always terminated, growing buffer with a cap from birth.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

struct str {
	const char *bytes;
	size_t length;
};

#define STR(literal) ((struct str){ .bytes = ("" literal), .length = sizeof(literal) - 1 })
/* For printf: ("%.*s", STR_ARG(view)). */
#define STR_ARG(view) (int)(view).length, (view).bytes

static inline struct str str_of(const char *text)
{
	return (struct str){ .bytes = text ? text : "", .length = text ? strlen(text) : 0 };
}

static inline bool str_equal(struct str a, struct str b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}
static inline bool str_is(struct str a, const char *text)
{
	return str_equal(a, str_of(text));
}
bool str_equal_nocase(struct str a, struct str b); /* ASCII only */
int str_compare(struct str a, struct str b);       /* bytes, shorter first */
bool str_starts(struct str text, const char *prefix);
bool str_ends(struct str text, const char *suffix);
bool str_contains(struct str text, const char *part);
/* Index of PART at or after FROM, or -1. */
ptrdiff_t str_find(struct str text, const char *part, size_t from);
struct str str_trim(struct str text); /* ASCII white space at both ends */
struct str str_slice(struct str text, size_t from, size_t to);
/* Cuts up to SEPARATOR off *REST; false when *REST is exhausted.
 *	for (struct str part; str_split(&rest, ',', &part);)
 * An empty text gives one empty part. *REST ends with bytes == NULL. */
bool str_split(struct str *rest, char separator, struct str *ret_part);
/* Decimal, whole text, no blanks; false when it is none or does not fit. */
bool str_to_int(struct str text, int64_t *ret);
bool str_to_double(struct str text, double *ret);
uint64_t str_hash(struct str text); /* another one in each process: never store it */
/* Edit distance (Levenshtein, with swaps of neighbours as one), at most LIMIT + 1; for "did you mean". */
unsigned str_distance(struct str a, struct str b, unsigned limit);
/* The same, for names: one that differs in nothing but case is at no distance. */
unsigned str_nearness(struct str name, struct str candidate, unsigned limit);
/* CANDIDATE is nearer to NAME than *BEST, which becomes its distance. For the search of the nearest name: begin with one more than is near. */
bool str_nearer(struct str name, struct str candidate, unsigned *best);
bool str_is_utf8(struct str text);
/* The beginning of UTF-8 of at most MOST bytes that ends with a whole character. */
struct str str_cut(struct str text, size_t most);
/* Bytes of the well-formed UTF-8 character that TEXT starts with; 0 when there is none. */
size_t str_utf8_length(struct str text);

/*
 * bytes is never NULL after strbuf_init and always terminated; length <= cap. Once something did not fit,
 * `overflowed` stays true and every later append does nothing: check once at the end.
 */
struct strbuf {
	char *bytes;
	size_t length;
	size_t capacity;
	size_t cap;
	bool overflowed;
};

#define STRBUF_INIT(max)                          \
	(struct strbuf)                           \
	{                                         \
		.bytes = (char *)"", .cap = (max) \
	}
#define _cleanup_strbuf_ _cleanup_(strbuf_free)

void strbuf_free(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* empties, keeps the memory */
void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_add_str(struct strbuf *buf, struct str text);
void strbuf_add_text(struct strbuf *buf, const char *text);
/* TEXT (may be NULL) in a cell of a Markdown table: a bar is escaped, the end of a line becomes a blank. */
void strbuf_add_cell(struct strbuf *buf, const char *text);
char *strbuf_claim_more(
	struct strbuf *buf, size_t length); /* strbuf_claim where the memory does not suffice */
/* Appends LENGTH bytes that the caller fills in; NULL when they do not fit into the cap. */
static inline char *strbuf_claim(struct strbuf *buf, size_t length)
{
	if (buf->overflowed || length > buf->cap - buf->length ||
		buf->length + length >= buf->capacity)
		return strbuf_claim_more(buf, length);
	char *bytes = buf->bytes + buf->length;
	buf->length += length;
	bytes[length] = 0;
	return bytes;
}
/* Room for LENGTH bytes in all, where it is known beforehand about how many will come. */
void strbuf_reserve(struct strbuf *buf, size_t length);
static inline void strbuf_add_char(struct strbuf *buf, char c)
{
	if (buf->length + 1 < buf->capacity && !buf->overflowed && buf->length < buf->cap) {
		buf->bytes[buf->length++] = c;
		buf->bytes[buf->length] = 0;
	} else {
		strbuf_add(buf, &c, 1);
	}
}
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static inline struct str strbuf_str(const struct strbuf *buf)
{
	return (struct str){ .bytes = buf->bytes, .length = buf->length };
}
/* The bytes as an owned, terminated string; the buffer is empty again. */
char *strbuf_detach(struct strbuf *buf);

#endif
