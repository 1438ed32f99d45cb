#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/id.h"

static void items_come_out_by_time(void **state)
{
	static const int64_t times[] = { 50, 10, 40, 20, 30 };
	struct heap heap = { 0 };
	struct heap_item items[5] = { 0 };

	assert_null(heap_first(&heap));
	for (int i = 0; i < 5; i++)
		heap_set(&heap, &items[i], times[i]);
	for (int64_t due = 10; due <= 50; due += 10) {
		struct heap_item *first = heap_first(&heap);

		assert_int_equal(first->due_ms, due);
		heap_remove(&heap, first);
		assert_int_equal(first->place, 0);
	}
	assert_null(heap_first(&heap));
	heap_free(&heap);
}

static void equal_times_come_out_in_the_order_of_setting(void **state)
{
	struct heap heap = { 0 };
	struct heap_item items[100] = { 0 };

	for (int i = 0; i < 100; i++)
		heap_set(&heap, &items[i], 7);
	heap_set(&heap, &items[0], 7); /* set anew: behind the others */
	for (int i = 1; i < 100; i++) {
		assert_ptr_equal(heap_first(&heap), &items[i]);
		heap_remove(&heap, &items[i]);
	}
	assert_ptr_equal(heap_first(&heap), &items[0]);
	heap_free(&heap);
}

static void removing_what_is_not_there_is_fine(void **state)
{
	struct heap heap = { 0 };
	struct heap_item item = { 0 };

	heap_remove(&heap, &item);
	heap_set(&heap, &item, 1);
	heap_remove(&heap, &item);
	heap_remove(&heap, &item);
	assert_int_equal(heap.count, 0);
	heap_free(&heap);
}

static void check_first(const struct heap *heap, const struct heap_item *items, size_t count)
{
	const struct heap_item *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct heap_item *item = &items[i];

		if (item->place &&
			(!best || item->due_ms < best->due_ms ||
				(item->due_ms == best->due_ms && item->order < best->order)))
			best = item;
	}
	assert_ptr_equal(heap_first(heap), best);
}

static void random_moves_keep_the_order(void **state)
{
	struct heap heap = { 0 };
	struct heap_item items[64] = { 0 };
	struct id_source source = { .seed = 42 };

	for (int step = 0; step < 20000; step++) {
		uint8_t dice[3];

		random_bytes(&source, dice, sizeof(dice));
		if (dice[0] % 3 == 0)
			heap_remove(&heap, &items[dice[1] % 64]);
		else
			heap_set(&heap, &items[dice[1] % 64], dice[2] % 32);
		check_first(&heap, items, 64);
	}
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_out_by_time),
		cmocka_unit_test(equal_times_come_out_in_the_order_of_setting),
		cmocka_unit_test(removing_what_is_not_there_is_fine),
		cmocka_unit_test(random_moves_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
