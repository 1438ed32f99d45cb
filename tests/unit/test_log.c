#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"

/* Standard error as it was, while a pipe stands in its place. */
struct capture {
	int standard_error;
	int pipe[2];
	char text[4 * LIMIT_LOG_LINE_BYTES];
};

static void capture_start(struct capture *capture)
{
	assert_int_equal(pipe(capture->pipe), 0);
	capture->standard_error = dup(STDERR_FILENO);
	dup2(capture->pipe[1], STDERR_FILENO);
	close(capture->pipe[1]);
}

/* The text that was written, and a real standard error again. */
static const char *capture_end(struct capture *capture)
{
	size_t length = 0;
	ssize_t got;

	dup2(capture->standard_error, STDERR_FILENO);
	close(capture->standard_error);
	while ((got = read(capture->pipe[0], capture->text + length,
			sizeof(capture->text) - 1 - length)) > 0)
		length += (size_t)got;
	capture->text[length] = '\0';
	close(capture->pipe[0]);
	return capture->text;
}

static struct val parse(const char *line)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (json_parse(str_of(line), NULL, NULL, &value, &err) < 0)
		fail_msg("%s in: %s", err_text(&err), line);
	return value;
}

static void people_read_time_level_message_and_pairs(void **state)
{
	struct capture capture;
	const char *text;

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_HUMAN);
	capture_start(&capture);
	log_warn("task failed", "id", "01ARYZ", "error", "no such \"thing\"", "empty", "",
		"missing", (const char *)NULL, "a", "x=y");
	text = capture_end(&capture);
	assert_int_equal(text[2], ':');
	assert_int_equal(text[5], ':');
	assert_string_equal(text + 8,
		" warn  task failed id=01ARYZ error=\"no such \\\"thing\\\"\""
		" empty=\"\" a=\"x=y\"\n");
}

static void programs_read_a_json_object_a_line(void **state)
{
	struct capture capture;
	const char *text;

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO); /* a pipe is no terminal */
	capture_start(&capture);
	log_info("hello", "name", "a \"b\"\n\x01\xe4\xb8\xad", "missing", (const char *)NULL);
	text = capture_end(&capture);

	_cleanup_(val_free) struct val line = parse(text);
	assert_string_equal(val_get_text(line, "level", ""), "info");
	assert_string_equal(val_get_text(line, "message", ""), "hello");
	assert_string_equal(val_get_text(line, "name", ""), "a \"b\"\n\x01\xe4\xb8\xad");
	assert_int_equal(val_count(line), 4);
	text = val_get_text(line, "time", "");
	assert_int_equal(strlen(text), strlen("2026-01-02T03:04:05.678Z"));
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[19], '.');
	assert_int_equal(text[23], 'Z');
}

static void lower_levels_are_silent(void **state)
{
	struct capture capture;

	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_JSON);
	capture_start(&capture);
	log_debug("no");
	log_info("no");
	assert_string_equal(capture_end(&capture), "");
	log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
	capture_start(&capture);
	log_debug("yes");
	log_error("yes");
	assert_non_null(strstr(capture_end(&capture), "\"debug\""));
	assert_non_null(strstr(capture.text, "\"error\""));
}

static void a_line_stays_one_line_and_steers_no_terminal(void **state)
{
	struct capture capture;
	const char *text;

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_HUMAN);
	capture_start(&capture);
	log_info("two\nlines", "esc", "\x1b[31m", "c1",
		"\xc2\x9b"
		"31m",
		"bad", "\xff\xc0\x80");
	text = capture_end(&capture);
	assert_string_equal(text + 8,
		" info  two\\nlines esc=\"\\u001b[31m\" c1=\\u009b31m"
		" bad=\\xff\\xc0\\x80\n");
}

static void bytes_that_are_no_utf8_do_not_break_the_json(void **state)
{
	struct capture capture;

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_start(&capture);
	log_info("m", "bad", "a\xff\xed\xa0\x80z\xe4\xb8");
	_cleanup_(val_free) struct val line = parse(capture_end(&capture));
	assert_string_equal(val_get_text(line, "bad", ""),
		"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf"
		"\xbd");
}

/* Every length around the cap: a line is cut, never broken. */
static void long_lines_are_cut_and_stay_valid(void **state)
{
	static char value[LIMIT_LOG_LINE_BYTES + 100];

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	for (size_t length = LIMIT_LOG_LINE_BYTES - 200; length < sizeof(value) - 1; length++) {
		struct capture capture;
		const char *text;

		memset(value, 'x', length);
		value[length] = '\0';
		value[length - 1] = '\n';
		capture_start(&capture);
		log_info("m", "value", value, "after", "b");
		text = capture_end(&capture);
		assert_true(strlen(text) <= LIMIT_LOG_LINE_BYTES);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		_cleanup_(val_free) struct val line = parse(text);
		assert_string_equal(val_get_text(line, "message", ""), "m");
	}
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_HUMAN);
	for (size_t length = LIMIT_LOG_LINE_BYTES - 100; length < sizeof(value) - 1; length++) {
		struct capture capture;
		const char *text;

		memset(value, ' ', length);
		value[length] = '\0';
		capture_start(&capture);
		log_info("m", "value", value, "after", "b");
		text = capture_end(&capture);
		assert_true(strlen(text) <= LIMIT_LOG_LINE_BYTES);
		assert_int_equal(text[strlen(text) - 1], '\n');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_read_time_level_message_and_pairs),
		cmocka_unit_test(programs_read_a_json_object_a_line),
		cmocka_unit_test(lower_levels_are_silent),
		cmocka_unit_test(a_line_stays_one_line_and_steers_no_terminal),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_break_the_json),
		cmocka_unit_test(long_lines_are_cut_and_stay_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
