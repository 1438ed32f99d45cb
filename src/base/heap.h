/*
 * A binary heap of timers: (due_ms, order of insertion, pointer). Items know their place, so that one can be moved or
 * removed in O(log n). Owned by one thread.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in what is waiting; zero bytes = not in a heap. */
struct heap_item {
	int64_t due_ms;
	uint64_t order;
	size_t place; /* index + 1; 0 = not in the heap */
};

struct heap {
	struct heap_item **items;
	size_t count;
	size_t capacity;
	uint64_t next_order;
};

void heap_free(struct heap *heap); /* the array only; items are the caller's */
/* Adds ITEM, or moves it when it is in the heap already. Equal times come out in the order of their setting. */
void heap_set(struct heap *heap, struct heap_item *item, int64_t due_ms);
void heap_remove(struct heap *heap, struct heap_item *item); /* fine when it is in none */
/* The earliest item, or NULL. */
struct heap_item *heap_first(const struct heap *heap);

#endif
