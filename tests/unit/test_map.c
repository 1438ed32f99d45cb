#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/map.h"

#define MANY 5000

static struct str key_of(char buffer[16], int number)
{
	snprintf(buffer, 16, "key-%d", number);
	return str_of(buffer);
}

static void an_empty_map_has_nothing(void **state)
{
	struct map map = { 0 };
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	assert_null(map_get(&map, STR("a")));
	assert_null(map_remove(&map, STR("a")));
	assert_false(map_next(&map, &cursor, &key, &value));
	map_free(&map);
}

static void put_returns_what_it_replaces(void **state)
{
	struct map map = { 0 };
	int one, two;

	assert_null(map_put(&map, STR("a"), &one));
	assert_ptr_equal(map_put(&map, STR("a"), &two), &one);
	assert_ptr_equal(map_get(&map, STR("a")), &two);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(map_remove(&map, STR("a")), &two);
	assert_null(map_get(&map, STR("a")));
	assert_int_equal(map.count, 0);
	map_free(&map);
}

static void keys_are_bytes(void **state)
{
	struct map map = { 0 };
	int one, two, empty;

	map_put(&map, (struct str){ "a\0b", 3 }, &one);
	map_put(&map, (struct str){ "a\0c", 3 }, &two);
	map_put(&map, STR(""), &empty);
	assert_ptr_equal(map_get(&map, (struct str){ "a\0b", 3 }), &one);
	assert_ptr_equal(map_get(&map, (struct str){ "a\0c", 3 }), &two);
	assert_ptr_equal(map_get(&map, STR("")), &empty);
	assert_null(map_get(&map, STR("a")));
	map_free(&map);
}

static void many_keys_are_found_again(void **state)
{
	static int values[MANY];
	struct map map = { 0 };
	char buffer[16];

	for (int i = 0; i < MANY; i++)
		assert_null(map_put(&map, key_of(buffer, i), &values[i]));
	assert_int_equal(map.count, MANY);
	for (int i = 0; i < MANY; i += 2)
		assert_ptr_equal(map_remove(&map, key_of(buffer, i)), &values[i]);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(map_get(&map, key_of(buffer, i)), i % 2 ? &values[i] : NULL);
	map_free(&map);
}

static void a_walk_sees_each_once_and_may_remove(void **state)
{
	static int values[MANY];
	struct map map = { 0 };
	struct map_cursor cursor = { 0 };
	char buffer[16];
	struct str key;
	void *value;
	int seen = 0;

	for (int i = 0; i < MANY; i++) {
		values[i] = 0;
		map_put(&map, key_of(buffer, i), &values[i]);
	}
	while (map_next(&map, &cursor, &key, &value)) {
		(*(int *)value)++;
		seen++;
		assert_int_equal(key.bytes[key.length], 0);
		if (seen % 2)
			assert_ptr_equal(map_remove(&map, key), value);
	}
	assert_int_equal(seen, MANY);
	assert_int_equal(map.count, MANY / 2);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(values[i], 1);
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(put_returns_what_it_replaces),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(many_keys_are_found_again),
		cmocka_unit_test(a_walk_sees_each_once_and_may_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
