#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

static void context_is_put_in_front(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	assert_string_equal(err_text(&err), "none");
	assert_int_equal(err_set(&err, ERR_NOT_FOUND, "no %s", "file"), -1);
	assert_int_equal(err_wrap(&err, "settings %d", 3), -1);
	assert_string_equal(err_text(&err), "settings 3: no file");
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_new_error_replaces_the_old_one_and_may_quote_it(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	err_set(&err, ERR_UNAVAILABLE, "first");
	err.retry_after_ms = 500;
	val_set(&err.details, "a long key of details", val_int(1));
	err_set(&err, ERR_FAILED, "gave up: %s", err.text);
	assert_string_equal(err_text(&err), "gave up: first");
	assert_int_equal(err.kind, ERR_FAILED);
	assert_int_equal(err.retry_after_ms, 0);
	assert_true(val_is_null(err.details));
}

static void moving_leaves_nothing_behind(void **state)
{
	_cleanup_err_ struct err from = ERR_INIT, to = ERR_INIT;
	err_set(&to, ERR_FAILED, "old");
	err_set(&from, ERR_TIMEOUT, "new");
	val_set(&from.details, "a", val_int(1));
	err_move(&to, &from);
	assert_string_equal(err_text(&to), "new");
	assert_int_equal(val_get_int(to.details, "a", 0), 1);
	assert_int_equal(from.kind, ERR_NONE);
	assert_null(from.text);
	err_move(&to, &to);
	assert_string_equal(err_text(&to), "new");
}

static void kinds_decide_status_and_retry(void **state)
{
	assert_int_equal(err_http_status(ERR_INVALID), 400);
	assert_int_equal(err_http_status(ERR_UNSUPPORTED), 400);
	assert_int_equal(err_http_status(ERR_DENIED), 403);
	assert_int_equal(err_http_status(ERR_NOT_FOUND), 404);
	assert_int_equal(err_http_status(ERR_CONFLICT), 409);
	assert_int_equal(err_http_status(ERR_TOO_LARGE), 413);
	assert_int_equal(err_http_status(ERR_UNAVAILABLE), 503);
	assert_int_equal(err_http_status(ERR_TIMEOUT), 504);
	assert_int_equal(err_http_status(ERR_INTERNAL), 500);
	for (enum err_kind kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
		assert_non_null(err_kind_name(kind));
		assert_int_equal(
			err_is_retryable(kind), kind == ERR_UNAVAILABLE || kind == ERR_TIMEOUT);
	}
}

static void a_text_is_cut_at_its_cap_between_characters(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	for (size_t shift = 0; shift < 3; shift++) {
		char long_text[3 * LIMIT_ERROR_TEXT_BYTES + 4];
		memset(long_text, 'x', shift);
		for (size_t i = 0; i < LIMIT_ERROR_TEXT_BYTES; i++)
			memcpy(long_text + shift + 3 * i, "€", 3);
		long_text[shift + 3 * LIMIT_ERROR_TEXT_BYTES] = 0;
		err_set(&err, ERR_INVALID, "%s", long_text);
		assert_true(strlen(err_text(&err)) <= LIMIT_ERROR_TEXT_BYTES);
		assert_true(strlen(err_text(&err)) > LIMIT_ERROR_TEXT_BYTES - 8);
		assert_true(str_is_utf8(str_of(err_text(&err))));
		assert_true(str_ends(str_of(err_text(&err)), "…"));
		err_wrap(&err, "context");
		assert_true(strlen(err_text(&err)) <= LIMIT_ERROR_TEXT_BYTES);
		assert_true(str_starts(str_of(err_text(&err)), "context: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(context_is_put_in_front),
		cmocka_unit_test(a_new_error_replaces_the_old_one_and_may_quote_it),
		cmocka_unit_test(moving_leaves_nothing_behind),
		cmocka_unit_test(kinds_decide_status_and_retry),
		cmocka_unit_test(a_text_is_cut_at_its_cap_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
