#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "expr/page.h"

struct seen {
	unsigned count, bad;
};

/* NAME as it may be written: itself, or getName and isName as the property. */
static bool mentions(const char *text, const char *name)
{
	return !name || strstr(text, name);
}

static void complain(struct seen *seen, const struct page_example *example, const char *what)
{
	print_error("%s: %s: %s\n", example->subject, what, example->text ? example->text : "-");
	seen->bad++;
}

static void check(void *data, const struct page_example *example)
{
	struct seen *seen = data;
	seen->count++;
	if (!example->text)
		complain(seen, example, "has no example");
	else if (!mentions(example->text, example->name))
		complain(seen, example, "does not occur in its example");
	if (!example->help || !*example->help)
		complain(seen, example, "is not explained");
	/* These two are about failing. */
	bool fails = strcmp(example->subject, "a failure") == 0 ||
		strncmp(example->subject, "canaryConfigNameToId", 20) == 0;
	if (example->text && example->failed != fails)
		complain(seen, example, example->result);
}

static void every_row_has_an_example_that_works(void **state)
{
	struct seen seen = { 0 };
	expr_page_examples(check, &seen);
	assert_int_equal(seen.bad, 0);
	assert_true(seen.count > 400);
}

static void the_page_has_each_example_and_what_it_gives(void **state)
{
	_cleanup_free_ char *page = expr_page();
	assert_non_null(strstr(page, "| `'abc'.substring('1')` | `\"bc\"` |"));
	assert_non_null(strstr(page, "| `#toInt('12') + 1` | `13` |"));
	assert_non_null(strstr(page, "also && \\|\\| !"));
	assert_non_null(
		strstr(page, "| `T(java.time.LocalDate).now().toString()` | `\"2024-01-31\"` |"));
}

static void the_page_is_the_same_each_time(void **state)
{
	_cleanup_free_ char *first = expr_page();
	_cleanup_free_ char *second = expr_page();
	assert_string_equal(first, second);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_an_example_that_works),
		cmocka_unit_test(the_page_has_each_example_and_what_it_gives),
		cmocka_unit_test(the_page_is_the_same_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
