#include "base/heap.h"

#include <stdlib.h>

#include "base/alloc.h"

void heap_free(struct heap *heap)
{
	free(heap->items);
	*heap = (struct heap){ 0 };
}

static bool item_before(const struct heap_item *a, const struct heap_item *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return a->order < b->order;
}

static void item_put(struct heap *heap, struct heap_item *item, size_t index)
{
	heap->items[index] = item;
	item->place = index + 1;
}

/* Moves ITEM, which belongs at INDEX or above, up to its place. */
static void sift_up(struct heap *heap, struct heap_item *item, size_t index)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (!item_before(item, heap->items[parent]))
			break;
		item_put(heap, heap->items[parent], index);
		index = parent;
	}
	item_put(heap, item, index);
}

/* Moves ITEM, which belongs at INDEX or below, down to its place. */
static void sift_down(struct heap *heap, struct heap_item *item, size_t index)
{
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && item_before(heap->items[child + 1], heap->items[child]))
			child++;
		if (!item_before(heap->items[child], item))
			break;
		item_put(heap, heap->items[child], index);
		index = child;
	}
	item_put(heap, item, index);
}

static void sift(struct heap *heap, struct heap_item *item, size_t index)
{
	sift_up(heap, item, index);
	sift_down(heap, item, item->place - 1);
}

void heap_set(struct heap *heap, struct heap_item *item, int64_t due_ms)
{
	item->due_ms = due_ms;
	item->order = heap->next_order++;
	if (item->place) {
		sift(heap, item, item->place - 1);
		return;
	}
	if (heap->count == heap->capacity) {
		heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
		heap->items = xrealloc(heap->items, heap->capacity * sizeof(*heap->items));
	}
	heap->count++;
	sift_up(heap, item, heap->count - 1);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
	size_t index = item->place - 1;
	struct heap_item *last;

	if (!item->place)
		return;
	last = heap->items[--heap->count];
	item->place = 0;
	if (last != item)
		sift(heap, last, index);
}

struct heap_item *heap_first(const struct heap *heap)
{
	return heap->count ? heap->items[0] : NULL;
}
