/*
 * Memory that ends with its owner: a parsed expression, one evaluation. Belongs to one thread.
 *
 * An arena never refuses: past its cap it sets `over`, and its user, who asks at every step, ends
 * the work. A single request is therefore bounded by the caller.
 */
#ifndef EXPR_ARENA_H
#define EXPR_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"

struct arena_block;

/* Zero bytes with `cap` set are an empty arena without memory of its owner's. */
struct arena {
	struct arena_block *blocks;
	char *next;
	size_t left;
	size_t used; /* bytes handed out, to be compared with cap */
	size_t cap;
	char *first; /* what the owner has put at its disposal; used before any block */
	size_t first_bytes;
	bool over;
};

/* FIRST, aligned for anything, must live as long as what is handed out; FIRST_BYTES is a multiple of 16 and may be 0. */
static inline void arena_init(struct arena *arena, size_t cap, char *first, size_t first_bytes)
{
	arena->blocks = NULL;
	arena->next = arena->first = first;
	arena->left = arena->first_bytes = first_bytes;
	arena->used = 0;
	arena->cap = cap;
	arena->over = false;
}
void arena_free(struct arena *arena);
/* Forgets all that was handed out; one block is kept. */
void arena_reset(struct arena *arena);
/* A block with room for SIZE more bytes; for arena_alloc. */
void arena_grow(struct arena *arena, size_t size);

/* SIZE bytes, not cleared, aligned for anything; never NULL. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (__builtin_expect(size > arena->left, false))
		arena_grow(arena, size);
	void *result = arena->next;
	arena->next += size;
	arena->left -= size;
	arena->used += size;
	arena->over |= arena->used > arena->cap;
	return result;
}

/* The same, zeroed. */
static inline void *arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}
/* OLD, of OLD_SIZE bytes, with room for SIZE: where it is, if nothing was handed out after it, else a copy. */
void *arena_resize(struct arena *arena, void *old, size_t old_size, size_t size);

/* A terminated copy. */
char *arena_copy(struct arena *arena, struct str text);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_new(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))

#endif
