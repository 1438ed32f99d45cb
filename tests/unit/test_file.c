#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

/* A file of LENGTH times 'x'; returns its path, which the caller unlinks. */
static const char *file_make(size_t length)
{
	static char path[64];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_file_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	for (size_t i = 0; i < length; i++)
		fputc('x', file);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void a_file_is_read_whole(void **state)
{
	static const size_t lengths[] = { 0, 1, 16384, 100000 };

	for (size_t i = 0; i < 4; i++) {
		const char *path = file_make(lengths[i]);
		_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(0);
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(file_read(path, 100000, &buf, &err), 0);
		assert_int_equal(buf.length, lengths[i]);
		assert_int_equal(strlen(buf.bytes), lengths[i]);
		unlink(path);
	}
}

static void a_larger_file_is_too_large(void **state)
{
	const char *path = file_make(1001);
	struct strbuf buf = STRBUF_INIT(0);
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(file_read(path, 1000, &buf, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	assert_non_null(strstr(err_text(&err), "is larger than 1000 bytes"));
	assert_int_equal(buf.length, 0);
	unlink(path);
}

static void errors_name_the_path_and_the_reason(void **state)
{
	struct strbuf buf = STRBUF_INIT(0);
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(file_read("/nowhere/pipeline.json", 10, &buf, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(
		err_text(&err), "cannot read /nowhere/pipeline.json: No such file or directory");
	assert_int_equal(file_read("/", 10, &buf, &err), -1);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_string_equal(err_text(&err), "cannot read /: Is a directory");
}

static void a_dash_is_standard_input(void **state)
{
	int standard_input = dup(STDIN_FILENO), ends[2];
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(0);
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(file_read("-", 10, &buf, &err), 0);
	assert_string_equal(buf.bytes, "hello");
	dup2(standard_input, STDIN_FILENO);
	close(standard_input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_larger_file_is_too_large),
		cmocka_unit_test(errors_name_the_path_and_the_reason),
		cmocka_unit_test(a_dash_is_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
