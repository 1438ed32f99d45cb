#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"

static void the_time_is_the_first_ten_digits(void **state)
{
	struct id_source source = { 0 };
	char id[ULID_LENGTH + 1];

	ulid_make(&source, 1469918176385, id); /* the example of the ULID specification */
	assert_memory_equal(id, "01ARYZ6S41", 10);
	assert_int_equal(strlen(id), ULID_LENGTH);
	assert_true(ulid_is_valid(str_of(id)));
}

static void ids_rise_strictly_also_when_time_stands_or_goes_back(void **state)
{
	struct id_source source = { .seed = 1 };
	char last[ULID_LENGTH + 1] = "", id[ULID_LENGTH + 1];

	for (int i = 0; i < 10000; i++) {
		ulid_make(&source, 1000000 + (i % 7 ? 0 : i - 30), id);
		assert_true(strcmp(last, id) < 0);
		memcpy(last, id, sizeof(last));
	}
}

static void an_overflow_goes_to_the_next_millisecond(void **state)
{
	struct id_source source = { .seed = 1, .last_ms = 1000 };
	char id[ULID_LENGTH + 1], next[ULID_LENGTH + 1];

	memset(source.last, 0xff, sizeof(source.last));
	source.last[9] = 0xfe;
	ulid_make(&source, 1000, id);
	assert_string_equal(id + 10, "ZZZZZZZZZZZZZZZZ");
	ulid_make(&source, 1000, next);
	assert_int_equal(source.last_ms, 1001);
	assert_true(strcmp(id, next) < 0);
}

static void a_seed_repeats_and_the_system_does_not(void **state)
{
	struct id_source a = { .seed = 7 }, b = { .seed = 7 }, c = { 0 }, d = { 0 };
	char first[ULID_LENGTH + 1], second[ULID_LENGTH + 1];

	ulid_make(&a, 0, first);
	ulid_make(&b, 0, second);
	assert_string_equal(first, second);
	assert_string_not_equal(first, "00000000000000000000000001");
	ulid_make(&c, 5, first);
	ulid_make(&d, 5, second);
	assert_string_not_equal(first, second);
}

static void only_26_digits_of_128_bits_are_valid(void **state)
{
	assert_true(ulid_is_valid(STR("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
	assert_false(ulid_is_valid(STR("8ZZZZZZZZZZZZZZZZZZZZZZZZZ")));
	assert_false(ulid_is_valid(STR("01ARYZ6S41TSV4RRFFQ69G5FA")));
	assert_false(ulid_is_valid(STR("01ARYZ6S41TSV4RRFFQ69G5FAVV")));
	assert_false(ulid_is_valid(STR("01ARYZ6S41TSV4RRFFQ69G5FAU")));
	assert_false(ulid_is_valid(STR("01aryz6s41tsv4rrffq69g5fav")));
	assert_false(ulid_is_valid((struct str){ "01ARYZ6S41TSV4RRFFQ69G5FA\0", 26 }));
	assert_false(ulid_is_valid(STR("")));
}

static void uuids_are_version_4(void **state)
{
	struct id_source source = { .seed = 3 };
	char id[37], other[37];

	uuid_make(&source, id);
	uuid_make(&source, other);
	assert_string_not_equal(id, other);
	assert_int_equal(strlen(id), 36);
	assert_int_equal(id[14], '4');
	assert_non_null(strchr("89ab", id[19]));
	for (int i = 0; i < 36; i++)
		assert_int_equal(id[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
}

static void any_length_is_filled(void **state)
{
	struct id_source seeded = { .seed = 9 }, system = { 0 };

	for (size_t length = 0; length < 40; length++) {
		unsigned char bytes[41] = { 0 };
		int used = 0;

		random_bytes(length % 2 ? &seeded : &system, bytes, length);
		assert_int_equal(bytes[length], 0);
		for (size_t i = 0; i < length; i++)
			used += bytes[i] != 0;
		assert_true(length < 8 || used > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_is_the_first_ten_digits),
		cmocka_unit_test(ids_rise_strictly_also_when_time_stands_or_goes_back),
		cmocka_unit_test(an_overflow_goes_to_the_next_millisecond),
		cmocka_unit_test(a_seed_repeats_and_the_system_does_not),
		cmocka_unit_test(only_26_digits_of_128_bits_are_valid),
		cmocka_unit_test(uuids_are_version_4),
		cmocka_unit_test(any_length_is_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
