#include "expr/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"

#define BLOCK_LEAST 4096
#define BLOCK_MOST 65536

struct arena_block {
	struct arena_block *older;
	size_t size;
	_Alignas(16) char bytes[];
};

void arena_free(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->older;
		free(block);
	}
}

void arena_reset(struct arena *arena)
{
	arena_free(arena);
	arena_init(arena, arena->cap, arena->first, arena->first_bytes);
}

void arena_grow(struct arena *arena, size_t size)
{
	size_t room = arena->used > BLOCK_MOST ? BLOCK_MOST : arena->used;
	if (room < BLOCK_LEAST)
		room = BLOCK_LEAST;
	if (room < size)
		room = size;
	struct arena_block *block = xmalloc(sizeof(*block) + room);
	block->size = room;
	block->older = arena->blocks;
	arena->blocks = block;
	arena->next = block->bytes;
	arena->left = room;
}

void *arena_resize(struct arena *arena, void *old, size_t old_size, size_t size)
{
	size_t had = (old_size + 15) & ~(size_t)15, wanted = (size + 15) & ~(size_t)15;
	struct arena_block *block = arena->blocks;
	bool is_last = old_size > 0 && arena->next == (char *)old + had;
	if (is_last && wanted - had <= arena->left) {
		arena_alloc(arena, wanted - had);
		return old;
	}
	if (!is_last || !block || old != block->bytes) {
		void *copy = arena_alloc(arena, size);
		if (old_size)
			memcpy(copy, old, old_size);
		return copy;
	}
	/* It has the newest block for itself. */
	block = xrealloc(block, sizeof(*block) + wanted);
	block->size = wanted;
	arena->blocks = block;
	arena->next = block->bytes + wanted;
	arena->left = 0;
	arena->used += wanted - had;
	arena->over |= arena->used > arena->cap;
	return block->bytes;
}

char *arena_copy(struct arena *arena, struct str text)
{
	char *copy = arena_alloc(arena, text.length + 1);
	if (text.length)
		memcpy(copy, text.bytes, text.length);
	copy[text.length] = 0;
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	char *text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}
