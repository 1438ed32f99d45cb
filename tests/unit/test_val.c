#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/val.h"

#define _cleanup_val_ _cleanup_(val_free)

static struct val parsed(const char *text)
{
	struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	if (json_parse(str_of(text), NULL, NULL, &value, &err) < 0)
		fail_msg("%s", err_text(&err));
	return value;
}

static void assert_json(struct val value, const char *expected)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	assert_string_equal(text, expected);
}

/* Short keys lie in the pair, long ones on the heap. */
static const char *key_of(unsigned number, char buf[static 40])
{
	snprintf(buf, 40, number % 2 ? "k%u" : "a key of more than 12 bytes %u", number);
	return buf;
}

static void strings_of_every_length_keep_their_bytes(void **state)
{
	char text[40];
	for (size_t length = 0; length < sizeof(text); length++) {
		memset(text, 'a' + (int)length % 26, sizeof(text));
		if (length > 3)
			text[3] = 0;
		_cleanup_val_ struct val value = val_str((struct str){ text, length });
		_cleanup_val_ struct val second = val_ref(value);
		assert_true(str_equal(val_as_str(&second), (struct str){ text, length }));
		assert_int_equal(val_text(&value)[length], 0);
		assert_true(val_equal(value, second));
		assert_true(val_same(value, second));
	}
	assert_true(val_is_null(val_string(NULL)));
	_cleanup_val_ struct val formatted = val_format("%s is %d", "the answer", 42);
	assert_string_equal(val_text(&formatted), "the answer is 42");
}

static void numbers_are_read_exactly(void **state)
{
	int64_t integer = 5;
	double number = 5;
	bool flag = false;
	assert_true(val_as_int(val_double(17), &integer) && integer == 17);
	assert_true(val_as_int(val_double(-0x1p63), &integer) && integer == INT64_MIN);
	assert_false(val_as_int(val_double(0x1p63), &integer));
	assert_false(val_as_int(val_double(1.5), &integer));
	assert_false(val_as_int(val_double(NAN), &integer));
	assert_false(val_as_int(val_bool(true), &integer));
	assert_true(val_as_double(val_int(3), &number) && number == 3);
	assert_false(val_as_double(VAL_NULL, &number));
	assert_true(val_as_bool(val_bool(true), &flag) && flag);
	assert_false(val_as_bool(val_int(1), &flag));
}

static void lookups_in_the_wrong_kind_give_nothing(void **state)
{
	_cleanup_val_ struct val list = parsed("[1]"), map = parsed("{\"a\":1}");
	_cleanup_val_ struct val text = val_string("a string that is not short");
	struct val wrong[] = { VAL_NULL, val_int(1), val_bool(true), text, list };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(val_is_null(val_get(wrong[i], "a")));
		assert_false(val_has(wrong[i], "a"));
		assert_true(val_is_null(val_value_at(wrong[i], 0)));
		assert_int_equal(val_key_at(wrong[i], 0).length, 0);
		assert_int_equal(val_index_of(wrong[i], STR("a")), -1);
		assert_null(val_edit(&wrong[i], "a"));
		assert_false(val_remove(&wrong[i], "a"));
	}
	assert_true(val_is_null(val_at(map, 0)));
	assert_true(val_is_null(val_at(list, 1)));
	assert_int_equal(val_count(text), 0);
	assert_string_equal(val_text(&map), "");
	assert_string_equal(val_get_text(map, "a", "none"), "none");
}

static void paths_lead_through_maps_and_lists(void **state)
{
	_cleanup_val_ struct val root = parsed(
		"{\"a\":{\"b\":[10,{\"c\":\"x\"}]},\"f\":true,\"n\":null}");
	int64_t number = 0;
	struct val found = val_path(root, "a.b.1.c");
	assert_string_equal(val_text(&found), "x");
	assert_true(val_as_int(val_path(root, "a.b.0"), &number) && number == 10);
	assert_true(val_is_null(val_path(root, "a.b.2")));
	assert_true(val_is_null(val_path(root, "a.b.-1")));
	assert_true(val_is_null(val_path(root, "a.x.0")));
	assert_true(val_get_bool(root, "f", false));
	assert_true(val_get_bool(root, "g", true));
	assert_int_equal(val_get_int(val_path(root, "a"), "b", 9), 9);
	assert_true(val_has(root, "n"));
}

static void a_map_keeps_its_order(void **state)
{
	_cleanup_val_ struct val map = VAL_NULL;
	val_set(&map, "c", val_int(1));
	val_set(&map, "a", val_int(2));
	val_set(&map, "b", val_int(3));
	val_set(&map, "c", val_int(4));
	assert_json(map, "{\"c\":4,\"a\":2,\"b\":3}");
	assert_true(val_remove(&map, "a"));
	assert_false(val_remove(&map, "a"));
	val_set(&map, "a", val_int(5));
	assert_json(map, "{\"c\":4,\"b\":3,\"a\":5}");
}

static void changing_one_owner_leaves_the_other(void **state)
{
	_cleanup_val_ struct val first = parsed("{\"a\":{\"x\":[1,2]},\"b\":{\"y\":1}}");
	_cleanup_val_ struct val snapshot = val_ref(first);
	struct val *list = val_edit(val_edit(&first, "a"), "x");
	val_append(list, val_int(3));
	assert_json(first, "{\"a\":{\"x\":[1,2,3]},\"b\":{\"y\":1}}");
	assert_json(snapshot, "{\"a\":{\"x\":[1,2]},\"b\":{\"y\":1}}");
	/* Only the path was copied. */
	assert_true(val_same(val_get(first, "b"), val_get(snapshot, "b")));
	assert_false(val_same(val_get(first, "a"), val_get(snapshot, "a")));
	val_list_set(val_edit(val_edit_at(&snapshot, 0), "x"), 0, val_string("new"));
	val_list_remove(list, 0);
	assert_json(first, "{\"a\":{\"x\":[2,3]},\"b\":{\"y\":1}}");
	assert_json(snapshot, "{\"a\":{\"x\":[\"new\",2]},\"b\":{\"y\":1}}");
}

static void a_sole_owner_changes_in_place(void **state)
{
	_cleanup_val_ struct val list = parsed("[1,2]");
	struct val_node *node = list.node;
	val_list_set(&list, 1, val_int(5));
	*val_edit_at(&list, 0) = val_int(4);
	assert_ptr_equal(node, list.node);
	assert_json(list, "[4,5]");
	assert_null(val_edit_at(&list, 2));
	val_list_set(&list, 2, val_string("beyond the end, and freed"));
	val_list_remove(&list, 2);
	assert_json(list, "[4,5]");
}

static void a_container_put_into_itself_makes_no_cycle(void **state)
{
	_cleanup_val_ struct val map = parsed("{\"a\":1}"), list = parsed("[1]");
	val_set(&map, "a", val_ref(map));
	val_set(&map, "b", val_ref(map));
	assert_json(map, "{\"a\":{\"a\":1},\"b\":{\"a\":{\"a\":1}}}");
	val_append(&list, val_ref(list));
	val_list_set(&list, 0, val_ref(list));
	assert_json(list, "[[1,[1]],[1]]");
}

static void arguments_may_point_into_the_container(void **state)
{
	_cleanup_val_ struct val map = parsed(
		"{\"name of a long key\":\"the text of a long value\",\"in\":{\"k\":1}}");
	val_set_str(&map, val_as_str(val_edit(&map, "name of a long key")), val_int(1));
	assert_true(val_has(map, "the text of a long value"));
	val_set_str(&map, val_key_at(map, 0), val_int(2));
	assert_json(
		map, "{\"name of a long key\":2,\"in\":{\"k\":1},\"the text of a long value\":1}");
	assert_true(val_remove_str(&map, val_key_at(map, 0)));
	val_set(&map, "in", val_ref(val_get(val_get(map, "in"), "k")));
	assert_json(map, "{\"in\":1,\"the text of a long value\":1}");
}

static void a_value_may_be_replaced_by_its_own_part(void **state)
{
	_cleanup_val_ struct val value = parsed("{\"a\":{\"b\":[\"a text that is on the heap\"]}}");
	val_replace(&value, val_ref(val_path(value, "a.b")));
	assert_json(value, "[\"a text that is on the heap\"]");
	val_replace(&value, val_ref(val_at(value, 0)));
	assert_string_equal(val_text(&value), "a text that is on the heap");
}

static void merge_is_shallow_and_takes_aliases(void **state)
{
	_cleanup_val_ struct val map = parsed("{\"a\":1,\"in\":{\"in\":2,\"z\":{\"q\":1}}}");
	_cleanup_val_ struct val other = parsed("{\"b\":{\"x\":1},\"a\":3}");
	val_merge(&map, other);
	assert_true(val_same(val_get(map, "b"), val_get(other, "b")));
	val_merge(&map, map);
	val_merge(&map, val_get(map, "in")); /* its first key replaces itself */
	assert_json(map, "{\"a\":3,\"in\":2,\"b\":{\"x\":1},\"z\":{\"q\":1}}");
	_cleanup_val_ struct val fresh = VAL_NULL;
	val_merge(&fresh, other);
	val_set(&fresh, "b", val_int(0));
	assert_json(fresh, "{\"b\":0,\"a\":3}");
	assert_json(other, "{\"b\":{\"x\":1},\"a\":3}");
	val_merge(&fresh, val_int(1));
	assert_int_equal(val_count(fresh), 2);
}

static void another_kind_becomes_an_empty_container(void **state)
{
	_cleanup_val_ struct val value = val_string("a string that is not short");
	val_set(&value, "a", val_int(1));
	assert_json(value, "{\"a\":1}");
	val_append(&value, val_int(2));
	assert_json(value, "[2]");
}

static void big_maps_find_set_and_remove(void **state)
{
	enum { COUNT = 5000 };
	char key[40];
	_cleanup_val_ struct val map = val_map();
	for (unsigned i = 0; i < COUNT; i++)
		val_set(&map, key_of(i, key), val_int(i));
	_cleanup_val_ struct val snapshot = val_ref(map);
	for (unsigned i = 0; i < COUNT; i += 3)
		assert_true(val_remove(&map, key_of(i, key)));
	ptrdiff_t left = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		bool removed = i % 3 == 0;
		assert_int_equal(val_get_int(snapshot, key_of(i, key), -1), i);
		assert_int_equal(val_index_of(map, str_of(key)), removed ? -1 : left);
		assert_int_equal(val_get_int(map, key, -1), removed ? -1 : (int)i);
		left += !removed;
	}
	assert_int_equal(left, val_count(map));
	while (val_count(map))
		assert_true(val_remove_str(&map, val_key_at(map, val_count(map) - 1)));
	assert_json(map, "{}");
	val_set(&map, "again", val_int(1));
	assert_json(map, "{\"again\":1}");
	assert_int_equal(val_count(snapshot), COUNT);
}

/* A map made of COUNT pairs, whose keys repeat after the first DISTINCT ones. */
static struct val map_of_pairs(unsigned count, unsigned distinct, ptrdiff_t *ret_duplicate)
{
	char key[40];
	struct val pairs[200];
	for (unsigned i = 0; i < count; i++) {
		pairs[2 * i] = val_string(key_of(i % distinct, key));
		pairs[2 * i + 1] = val_format("the value with number %u", i);
	}
	return val_map_of(pairs, count, ret_duplicate);
}

static void built_maps_drop_doubles(void **state)
{
	/* Both below and above the size from which maps have an index. */
	for (unsigned count = 1; count < 40; count++) {
		ptrdiff_t duplicate = 0;
		_cleanup_val_ struct val single = map_of_pairs(count, count, &duplicate);
		assert_int_equal(duplicate, -1);
		assert_int_equal(val_count(single), count);
		_cleanup_val_ struct val map = map_of_pairs(2 * count, count, &duplicate);
		assert_int_equal(duplicate, count);
		assert_int_equal(val_count(map), count);
		for (unsigned i = 0; i < count; i++) {
			char key[40], expected[40];
			assert_true(str_is(val_key_at(map, i), key_of(i, key)));
			struct val value = val_get(map, key);
			snprintf(expected, sizeof(expected), "the value with number %u", i + count);
			assert_string_equal(val_text(&value), expected);
		}
	}
	assert_json(val_map_of(NULL, 0, NULL), "{}");
	assert_json(val_list_of(NULL, 0), "[]");
}

static void equality_is_deep_and_blind_to_order(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "{\"a\":1,\"b\":[{\"c\":null}]}", "{\"b\":[{\"c\":null}],\"a\":1}", true },
		{ "{\"a\":1}", "{\"a\":1.0}", false },
		{ "{\"a\":null}", "{\"b\":null}", false },
		{ "[1,2]", "[2,1]", false },
		{ "[]", "{}", false },
		{ "[]", "[]", true },
		{ "[[],[[]]]", "[[],[{}]]", false },
		{ "[1]", "[1,1]", false },
		{ "\"a string longer than 12\"", "\"a string longer than 12\"", true },
		{ "\"a string longer than 12\"", "\"a string longer than 13\"", false },
		{ "0.0", "-0.0", true },
		{ "true", "false", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_val_ struct val a = parsed(cases[i].a), b = parsed(cases[i].b);
		if (val_equal(a, b) != cases[i].equal || val_equal(b, a) != cases[i].equal)
			fail_msg("%s, %s", cases[i].a, cases[i].b);
	}
	assert_true(val_equal(val_double(NAN), val_double(NAN)));
}

static struct val nested(size_t depth)
{
	struct val value = val_string("at the bottom of it all");
	for (size_t i = 0; i < depth; i++) {
		struct val outer = VAL_NULL;
		if (i % 2)
			val_append(&outer, value);
		else
			val_set(&outer, "in", value);
		value = outer;
	}
	return value;
}

static void *handle_deep_values(void *unused)
{
	enum { DEPTH = 200000 };
	_cleanup_val_ struct val a = nested(DEPTH), b = nested(DEPTH);
	assert_true(val_equal(a, b));
	_cleanup_free_ char *text = json_text(a, JSON_COMPACT);
	assert_true(strlen(text) > 4 * DEPTH);
	return NULL;
}

static void deep_values_fit_a_worker_stack(void **state)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, LIMIT_WORKER_STACK_BYTES);
	assert_int_equal(pthread_create(&thread, &attributes, handle_deep_values, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

/* Takes and gives back references, and changes copies, while others do the same. */
static void *share(void *argument)
{
	struct val *shared = argument;
	for (int64_t i = 0; i < 2000; i++) {
		struct val mine = val_ref(*shared);
		val_set(val_edit(&mine, "map"), "mine", val_int(i));
		val_append(
			val_edit(&mine, "a list with a long name"), val_ref(val_get(mine, "text")));
		struct val other = val_ref(val_get(mine, "map"));
		val_free(&mine);
		if (val_get_int(other, "mine", -1) != i)
			return (void *)"lost";
		val_free(&other);
	}
	val_free(shared);
	return NULL;
}

static void threads_share_values(void **state)
{
	enum { THREADS = 4 };
	struct val value = parsed(
		"{\"map\":{\"x\":1},\"a list with a long name\":[1],\"text\":\"longer than inline\"}");
	struct val owners[THREADS];
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		owners[i] = val_ref(value);
	val_free(&value); /* the last of the threads frees it */
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, &owners[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result = NULL;
		pthread_join(threads[i], &result);
		assert_null(result);
	}
}

static void a_key_is_found_in_maps_of_any_shape(void **state)
{
	static const char *const texts[] = { "key", "twelve bytes", "more than twelve bytes" };
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		struct val_key key;
		val_key_init(&key, str_of(texts[t]));
		assert_null(val_find_key(VAL_NULL, &key));
		for (int before = 20; before >= 0; before--) {
			_cleanup_(val_free) struct val map = val_map();
			for (int i = 0; i < before; i++) {
				_cleanup_(val_free) struct val other = val_format(
					"%s %d", texts[t], i);
				val_set_str(&map, val_as_str(&other), val_int(-1));
			}
			assert_null(val_find_key(map, &key));
			val_set(&map, texts[t], val_int(before));
			/* The second time at the place where it was found, which the next map has not. */
			for (int i = 0; i < 2; i++) {
				const struct val *found = val_find_key(map, &key);
				assert_non_null(found);
				assert_int_equal(found->integer, before);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_of_every_length_keep_their_bytes),
		cmocka_unit_test(numbers_are_read_exactly),
		cmocka_unit_test(lookups_in_the_wrong_kind_give_nothing),
		cmocka_unit_test(paths_lead_through_maps_and_lists),
		cmocka_unit_test(a_map_keeps_its_order),
		cmocka_unit_test(changing_one_owner_leaves_the_other),
		cmocka_unit_test(a_sole_owner_changes_in_place),
		cmocka_unit_test(a_container_put_into_itself_makes_no_cycle),
		cmocka_unit_test(arguments_may_point_into_the_container),
		cmocka_unit_test(a_value_may_be_replaced_by_its_own_part),
		cmocka_unit_test(merge_is_shallow_and_takes_aliases),
		cmocka_unit_test(another_kind_becomes_an_empty_container),
		cmocka_unit_test(big_maps_find_set_and_remove),
		cmocka_unit_test(built_maps_drop_doubles),
		cmocka_unit_test(equality_is_deep_and_blind_to_order),
		cmocka_unit_test(deep_values_fit_a_worker_stack),
		cmocka_unit_test(threads_share_values),
		cmocka_unit_test(a_key_is_found_in_maps_of_any_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
