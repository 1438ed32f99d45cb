/* Values that say the same become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/share.h"

static struct val value_of(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (json_parse(str_of(text), NULL, NULL, &value, &err) < 0)
		fail_msg("%s", err_text(&err));
	return value;
}

/* TEXT as a value of shared parts; owned. It says what it said. */
static struct val shared(struct share *share, const char *text)
{
	_cleanup_(val_free) struct val value = value_of(text);
	struct val result = share_value(share, value);

	assert_true(val_equal(value, result));
	return result;
}

static void equal_parts_are_one(void **state)
{
	struct share share = { 0 };
	_cleanup_(val_free) struct val a = shared(&share,
		"{\"name\":\"the first of them all\",\"spec\":{\"policy\":\"ClusterFirst and so on\",\"n\":[1,2.5,true]}}");
	_cleanup_(val_free) struct val b = shared(&share,
		"{\"name\":\"and the second one\",\"spec\":{\"policy\":\"ClusterFirst and so on\",\"n\":[1,2.5,true]}}");

	assert_true(val_same(val_get(a, "spec"), val_get(b, "spec")));
	assert_false(val_same(a, b));
	assert_ptr_equal(
		val_key_at(val_get(a, "spec"), 0).bytes, val_key_at(val_get(b, "spec"), 0).bytes);
	share_free(&share);
	/* What it gave out stays, and may be changed by its owner alone. */
	val_set(val_edit(&a, "spec"), "n", val_int(3));
	assert_int_equal(val_count(val_path(b, "spec.n")), 3);
}

static void what_differs_stays_apart(void **state)
{
	static const char *const texts[] = { "[1]", "[1.0]", "[true]", "[false]", "[null]", "[0]",
		"[]", "{}", "[\"1\"]", "[[1]]", "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":2}",
		"{\"b\":2,\"a\":1}", "[\"a\",1]", "[9223372036854775808]", "[9223372036854775809]",
		"[[],{}]", "[{},[]]", "\"a text that is no short one\"",
		"[\"a text that is no short one\"]", "[\"\"]", "[null,null]" };
	struct share share = { 0 };
	struct val values[sizeof(texts) / sizeof(texts[0])];
	size_t count = sizeof(texts) / sizeof(texts[0]);

	for (size_t i = 0; i < count; i++)
		values[i] = shared(&share, texts[i]);
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *text = json_text(values[i], JSON_COMPACT);
		_cleanup_(val_free) struct val again = shared(&share, texts[i]);

		assert_string_equal(text, texts[i]);
		assert_true(val_same(values[i], again));
	}
	for (size_t i = 0; i < count; i++)
		val_free(&values[i]);
	share_free(&share);
}

static void the_order_of_keys_is_kept(void **state)
{
	struct share share = { 0 };
	_cleanup_(val_free) struct val a = shared(&share, "{\"first\":1,\"second\":2}");
	_cleanup_(val_free) struct val b = shared(&share, "{\"second\":2,\"first\":1}");

	assert_string_equal(val_key_at(a, 0).bytes, "first");
	assert_string_equal(val_key_at(b, 0).bytes, "second");
	share_free(&share);
}

static void there_may_be_many(void **state)
{
	struct share share = { 0 };
	_cleanup_(val_free) struct val all = val_list();

	for (int round = 0; round < 2; round++) {
		size_t count = share.count;

		for (int i = 0; i < 20000; i++) {
			_cleanup_(val_free) struct val value = val_map();

			val_set(&value, "name", val_format("an object with the number %d", i));
			val_append(&all, share_value(&share, value));
		}
		assert_true(round == 0 ? share.count > 40000 : share.count == count);
	}
	for (size_t i = 0; i < 20000; i++)
		assert_true(val_same(val_at(all, i), val_at(all, i + 20000)));
	share_free(&share);
}

static void what_nests_too_deep_stays_as_it_is(void **state)
{
	struct share share = { 0 };
	_cleanup_(val_free) struct val value = val_string("deep inside there is a text");
	_cleanup_(val_free) struct val result = VAL_NULL;

	for (int i = 0; i < 10 * LIMIT_JSON_DEPTH; i++) {
		struct val outer = val_list();

		val_append(&outer, take(&value));
		value = outer;
	}
	result = share_value(&share, value);
	for (struct val inner = result; val_is_list(inner); inner = val_at(inner, 0))
		assert_int_equal(val_count(inner), 1);
	share_free(&share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_parts_are_one),
		cmocka_unit_test(what_differs_stays_apart),
		cmocka_unit_test(the_order_of_keys_is_kept),
		cmocka_unit_test(there_may_be_many),
		cmocka_unit_test(what_nests_too_deep_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
