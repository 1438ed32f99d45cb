/*
 * Memory that cannot fail to come.
 *
 * State is durable, so running out of memory aborts the process and the next start goes on from the
 * last commit. In exchange nothing grows without a cap (limits.h).
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* Like malloc, calloc, realloc, strdup and strndup, but never return NULL. Free with free(). */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);

/* printf into a fresh string, owned by the caller. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Allocates one zeroed TYPE. */
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

#endif
