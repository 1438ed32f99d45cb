#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/str.h"

static void assert_str(struct str text, const char *expected)
{
	if (!str_is(text, expected))
		fail_msg("got \"%.*s\", expected \"%s\"", STR_ARG(text), expected);
}

static void views_compare_by_bytes_and_length(void **state)
{
	assert_true(str_equal(STR("ab"), str_of("ab")));
	assert_false(str_equal(STR("ab"), STR("abc")));
	assert_false(str_equal(STR("a\0b"), STR("a\0c")));
	assert_true(str_equal(STR(""), str_of(NULL)));
	assert_true(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
	assert_false(str_equal_nocase(STR("a["), STR("a{")));
	assert_true(str_compare(STR("a"), STR("ab")) < 0);
	assert_true(str_compare(STR("b"), STR("ab")) > 0);
	assert_true(str_compare(STR("\xc3\xa4"), STR("z")) > 0);
	assert_int_equal(str_compare(STR("ab"), STR("ab")), 0);
}

static void parts_are_found(void **state)
{
	struct str text = STR("one.two.one");
	assert_true(str_starts(text, "one."));
	assert_true(str_starts(text, ""));
	assert_false(str_starts(STR("on"), "one"));
	assert_true(str_ends(text, ".one"));
	assert_false(str_ends(text, "two"));
	assert_true(str_contains(text, "two"));
	assert_int_equal(str_find(text, "one", 0), 0);
	assert_int_equal(str_find(text, "one", 1), 8);
	assert_int_equal(str_find(text, "one", 9), -1);
	assert_int_equal(str_find(text, "", 11), 11);
	assert_int_equal(str_find(text, "", 12), -1);
	assert_str(str_slice(text, 4, 7), "two");
	assert_str(str_slice(text, 8, 100), "one");
	assert_str(str_slice(text, 9, 3), "");
	assert_str(str_trim(STR(" \t\r\n a b \n")), "a b");
	assert_str(str_trim(STR("  ")), "");
}

static void split_gives_every_part_also_empty_ones(void **state)
{
	static const struct {
		const char *text, *parts;
	} cases[] = {
		{ "", "<>" },
		{ "a", "<a>" },
		{ "a,b", "<a><b>" },
		{ ",a,,", "<><a><><>" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_strbuf_ struct strbuf parts = STRBUF_INIT(100);
		struct str rest = str_of(cases[i].text), part;
		while (str_split(&rest, ',', &part))
			strbuf_printf(&parts, "<%.*s>", STR_ARG(part));
		assert_string_equal(parts.bytes, cases[i].parts);
		assert_null(rest.bytes);
	}
}

static void integers_are_whole_texts_in_range(void **state)
{
	int64_t number = 7;
	assert_true(str_to_int(STR("9223372036854775807"), &number) && number == INT64_MAX);
	assert_true(str_to_int(STR("-9223372036854775808"), &number) && number == INT64_MIN);
	assert_true(str_to_int(STR("-0"), &number) && number == 0);
	assert_true(str_to_int(STR("007"), &number) && number == 7);
	static const char *const bad[] = { "", "-", " 1", "1 ", "+1", "1.0", "0x10",
		"9223372036854775808", "-9223372036854775809", "18446744073709551617",
		"99999999999999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_to_int(str_of(bad[i]), &number));
	assert_int_equal(number, 7);
}

static void doubles_round_correctly(void **state)
{
	static const struct {
		const char *text;
		double number;
	} cases[] = {
		{ "0", 0 },
		{ "1.5", 1.5 },
		{ "-0.1", -0.1 },
		{ "1e22", 1e22 },
		{ "1E+23", 1e23 },
		{ "9007199254740993", 9007199254740992.0 },
		{ "9007199254740993.00000000000000000001", 9007199254740994.0 },
		{ "123456789012345678901234567890", 123456789012345678901234567890.0 },
		{ "2.2250738585072011e-308", 2.2250738585072011e-308 },
		{ "5e-324", 5e-324 },
		{ "1e-400", 0 },
		{ "0.000000000000000000000000000001", 1e-30 },
		{ "1.7976931348623157e308", 1.7976931348623157e308 },
		{ "0e99999999999", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double number = -1;
		assert_true(str_to_double(str_of(cases[i].text), &number));
		if (number != cases[i].number)
			fail_msg("%s gave %.17g", cases[i].text, number);
	}
	static const char *const bad[] = { "", "-", "1.", ".5", "1e", "1e+", "0x1p3", "inf", "nan",
		" 1", "1 ", "1,5", "+1", "--1", "1e400", "-1e400", "1..2", "1e5.5" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		double number;
		if (str_to_double(str_of(bad[i]), &number))
			fail_msg("%s was taken", bad[i]);
	}
}

static void a_long_row_of_digits_is_read(void **state)
{
	char digits[3000] = "0.";
	memset(digits + 2, '0', 2500);
	strcpy(digits + 2502, "1e2501");
	double number = 0;
	assert_true(str_to_double(str_of(digits), &number));
	assert_true(number == 1);
	memset(digits, '9', 308);
	digits[308] = 0;
	assert_true(str_to_double(str_of(digits), &number));
	assert_true(number == 1e308);
}

static void hashes_of_different_texts_differ(void **state)
{
	char text[40];
	uint64_t seen[1000];
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%.*skey%u", (int)(i % 25),
			"aaaaaaaaaaaaaaaaaaaaaaaaa", i);
		seen[i] = str_hash(str_of(text));
		assert_true(seen[i] == str_hash(str_of(text)));
		for (unsigned j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
	assert_true(str_hash(STR("")) != str_hash(STR("\0")));
}

static void distance_counts_edits_and_swaps(void **state)
{
	assert_int_equal(str_distance(STR("wait"), STR("wait"), 3), 0);
	assert_int_equal(str_distance(STR("wiat"), STR("wait"), 3), 1);
	assert_int_equal(str_distance(STR("deplyoManifest"), STR("deployManifest"), 3), 1);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 5), 3);
	unsigned best = 3;
	assert_false(str_nearer(STR("wiat"), STR("webhook"), &best));
	assert_int_equal(best, 3);
	assert_true(str_nearer(STR("wiat"), STR("wait"), &best));
	assert_int_equal(best, 1);
	assert_false(str_nearer(STR("wiat"), STR("wiad"), &best)); /* no nearer */
	best = 2;
	assert_true(str_nearer(
		STR("WAITTIME"), STR("waitTime"), &best)); /* seven letters, and no other name */
	assert_int_equal(best, 0);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 3);
	assert_int_equal(str_distance(STR(""), STR("abc"), 3), 3);
	assert_int_equal(str_distance(STR("abcdef"), STR("uvwxyz"), 2), 3);
	assert_int_equal(str_distance(STR("a"), STR("a long text"), 2), 3);
}

static void utf8_is_checked_strictly(void **state)
{
	static const char *const good[] = { "", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(",
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
		"\xe2(\xa1", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
		"\xfe", "\xf0\x90\x80", "\xf8\x88\x80\x80\x80" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(str_is_utf8(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(str_is_utf8(str_of(bad[i])));
}

static void a_buffer_is_always_terminated(void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1000);
	assert_string_equal(buf.bytes, "");
	strbuf_add(&buf, "ab", 2);
	strbuf_add_char(&buf, 'c');
	strbuf_add_str(&buf, STR("de"));
	strbuf_add_text(&buf, "f");
	strbuf_printf(&buf, "-%d-%s", 12, "x");
	assert_string_equal(buf.bytes, "abcdef-12-x");
	assert_int_equal(buf.length, 11);
	strbuf_reset(&buf);
	assert_string_equal(buf.bytes, "");
	for (int i = 0; i < 500; i++)
		strbuf_add_text(&buf, "xy");
	assert_int_equal(strlen(buf.bytes), 1000);
	assert_false(buf.overflowed);
	_cleanup_free_ char *text = strbuf_detach(&buf);
	assert_int_equal(strlen(text), 1000);
	assert_string_equal(buf.bytes, "");
	_cleanup_free_ char *nothing = strbuf_detach(&buf);
	assert_string_equal(nothing, "");
}

static void a_buffer_does_not_grow_over_its_cap(void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(4);
	strbuf_add_text(&buf, "abc");
	strbuf_add_text(&buf, "de");
	assert_true(buf.overflowed);
	strbuf_add_char(&buf, 'd'); /* would fit, but what came before is missing */
	assert_string_equal(buf.bytes, "abc");
	strbuf_reset(&buf);
	strbuf_printf(&buf, "%s", "abcd");
	assert_false(buf.overflowed);
	assert_string_equal(buf.bytes, "abcd");
	strbuf_printf(&buf, "%d", 1);
	assert_true(buf.overflowed);
	assert_string_equal(buf.bytes, "abcd");
}

static void a_taken_buffer_may_be_freed(void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(10);
	strbuf_add_text(&buf, "abc");
	_cleanup_strbuf_ struct strbuf other = take(&buf);
	assert_string_equal(other.bytes, "abc");
}

static void formatted_and_counted_copies(void **state)
{
	_cleanup_free_ char *text = xasprintf("%s-%03d", "a", 7);
	_cleanup_free_ char *part = xstrndup(text, 3);
	_cleanup_free_ char *whole = xstrndup(part, 100);
	assert_string_equal(text, "a-007");
	assert_string_equal(part, "a-0");
	assert_string_equal(whole, "a-0");
	_cleanup_free_ char *none = xmalloc(0);
	_cleanup_free_ char *zero = xcalloc(0, 8);
	assert_non_null(none);
	assert_non_null(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_compare_by_bytes_and_length),
		cmocka_unit_test(parts_are_found),
		cmocka_unit_test(split_gives_every_part_also_empty_ones),
		cmocka_unit_test(integers_are_whole_texts_in_range),
		cmocka_unit_test(doubles_round_correctly),
		cmocka_unit_test(a_long_row_of_digits_is_read),
		cmocka_unit_test(hashes_of_different_texts_differ),
		cmocka_unit_test(distance_counts_edits_and_swaps),
		cmocka_unit_test(utf8_is_checked_strictly),
		cmocka_unit_test(a_buffer_is_always_terminated),
		cmocka_unit_test(a_buffer_does_not_grow_over_its_cap),
		cmocka_unit_test(a_taken_buffer_may_be_freed),
		cmocka_unit_test(formatted_and_counted_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
