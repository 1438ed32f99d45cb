#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "net/process.h"

/* Runs SCRIPT with sh; the kind of error. The caller frees RET. */
static enum err_kind run(
	const char *script, struct process_request request, struct process_result *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *argv[] = { "sh", "-c", script, NULL };
	struct spawner *spawner = spawner_real();

	if (!request.argv)
		request.argv = argv;
	if (!request.timeout_ms)
		request.timeout_ms = 20000;
	*ret = (struct process_result){ .output = STRBUF_INIT(0), .errors = STRBUF_INIT(0) };
	if (spawner->run(spawner, &request, ret, &err) == 0)
		return ERR_NONE;
	assert_true(*err_text(&err));
	return err.kind;
}
#define RUN(script, ret, ...) run(script, (struct process_request){ __VA_ARGS__ }, ret)
#define _cleanup_result_ _cleanup_(process_result_free)

static void both_streams_and_the_status_come_back(void **state)
{
	_cleanup_result_ struct process_result result, killed;

	assert_int_equal(RUN("echo out; echo err >&2; exit 7", &result), ERR_NONE);
	assert_int_equal(result.status, 7);
	assert_string_equal(result.output.bytes, "out\n");
	assert_string_equal(result.errors.bytes, "err\n");
	assert_int_equal(RUN("kill -9 $$", &killed), ERR_NONE);
	assert_int_equal(killed.status, 128 + 9);
}

static void arguments_are_not_read_by_a_shell(void **state)
{
	const char *argv[] = { "printf", "%s", "$(id); `id` 'a' \"b\" *", NULL };
	_cleanup_result_ struct process_result result;

	assert_int_equal(RUN(NULL, &result, .argv = argv), ERR_NONE);
	assert_string_equal(result.output.bytes, argv[2]);
}

static void input_is_fed_while_output_is_read(void **state)
{
	size_t length = 3u << 20;
	_cleanup_free_ char *bytes = xmalloc(length);
	_cleanup_result_ struct process_result result, deaf;
	struct str input = { .bytes = bytes, .length = length };

	memset(bytes, 'i', length);
	assert_int_equal(RUN("cat", &result, .input = input), ERR_NONE);
	assert_int_equal(result.output.length, length);
	assert_memory_equal(result.output.bytes, bytes, length);
	/* One that does not listen does not kill us. */
	assert_int_equal(RUN("exec <&-; exit 3", &deaf, .input = input), ERR_NONE);
	assert_int_equal(deaf.status, 3);
}

static void the_environment_is_as_told_or_without_our_own(void **state)
{
	const char *const env[] = { "ONLY=this", "PATH=/usr/bin:/bin", NULL };
	_cleanup_result_ struct process_result inherited, given;

	setenv("GENNAKER_SECRET", "s3cret", 1);
	setenv("OTHER_VARIABLE", "kept", 1);
	assert_int_equal(RUN("env", &inherited), ERR_NONE);
	assert_null(strstr(inherited.output.bytes, "s3cret"));
	assert_non_null(strstr(inherited.output.bytes, "OTHER_VARIABLE=kept"));
	assert_int_equal(RUN("env", &given, .env = env), ERR_NONE);
	assert_non_null(strstr(given.output.bytes, "ONLY=this"));
	assert_null(strstr(given.output.bytes, "OTHER_VARIABLE"));
}

static void the_directory_is_as_told(void **state)
{
	_cleanup_result_ struct process_result result, missing;

	assert_int_equal(RUN("pwd", &result, .directory = "/usr"), ERR_NONE);
	assert_string_equal(result.output.bytes, "/usr\n");
	assert_int_equal(RUN("pwd", &missing, .directory = "/no/such"), ERR_NOT_FOUND);
}

static void no_descriptor_is_inherited(void **state)
{
	_cleanup_result_ struct process_result result;
	int fd = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	_cleanup_free_ char *script = xasprintf("test ! -e /proc/self/fd/%d", dup2(fd, 77));

	assert_int_equal(RUN(script, &result), ERR_NONE);
	assert_int_equal(result.status, 0);
	close(fd);
	close(77);
}

static void what_cannot_be_started_is_named(void **state)
{
	const char *missing[] = { "no-such-program-here", NULL };
	const char *denied[] = { "/etc/passwd", NULL };
	_cleanup_result_ struct process_result result;

	assert_int_equal(RUN(NULL, &result, .argv = missing), ERR_NOT_FOUND);
	assert_int_equal(RUN(NULL, &result, .argv = denied), ERR_DENIED);
}

static void output_over_the_cap_ends_it(void **state)
{
	_cleanup_result_ struct process_result result, fits;

	assert_int_equal(RUN("cat /dev/zero", &result), ERR_TOO_LARGE);
	assert_int_equal(RUN("cat /dev/zero >&2", &result, .max_output = 1000), ERR_TOO_LARGE);
	assert_int_equal(RUN("printf 12345", &fits, .max_output = 5), ERR_NONE);
	assert_int_equal(RUN("printf 123456", &result, .max_output = 5), ERR_TOO_LARGE);
}

static bool is_alive(pid_t pid)
{
	char path[64];
	char state = 'X';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(file);
	return state != 'Z' && state != 'X';
}

static pid_t pid_in(const char *path)
{
	FILE *file = fopen(path, "r");
	int pid = 0;

	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

struct canceler {
	struct cancel *cancel;
	const char *path; /* set the flag once this holds a number */
};

static void *cancel_when_it_runs(void *data)
{
	struct canceler *canceler = data;

	while (pid_in(canceler->path) == 0)
		sched_yield();
	cancel_set(canceler->cancel);
	return NULL;
}

static void assert_gone(pid_t pid)
{
	assert_true(pid > 0);
	for (int64_t until = clock_stopwatch_us() + 5000000;
		is_alive(pid) && clock_stopwatch_us() < until;)
		sched_yield();
	assert_false(is_alive(pid));
}

static void a_cancel_ends_the_whole_group_at_once(void **state)
{
	char directory[] = "/tmp/gennaker-process-XXXXXX";

	assert_non_null(mkdtemp(directory));
	_cleanup_free_ char *path = xasprintf("%s/pid", directory);
	_cleanup_free_ char *part = xasprintf("%s/part", directory);
	_cleanup_free_ char *script = xasprintf(
		"sleep 1000 & echo $! > %s; mv %s %s; sleep 1000", part, part, path);
	_cleanup_(cancel_unref_cleanup) struct cancel *cancel = cancel_new();
	_cleanup_result_ struct process_result result;
	struct canceler canceler = { .cancel = cancel, .path = path };
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_when_it_runs, &canceler);
	int64_t start = clock_stopwatch_us();

	assert_int_equal(RUN(script, &result, .cancel = cancel), ERR_CANCELED);
	assert_true(clock_stopwatch_us() - start < 2000000);
	pthread_join(thread, NULL);
	assert_gone(pid_in(path));
	/* Set before the start it is not started at all. */
	assert_int_equal(RUN("exit 0", &result, .cancel = cancel), ERR_CANCELED);
	unlink(path);
	rmdir(directory);
}

static void a_timeout_ends_even_who_ignores_the_request_to(void **state)
{
	_cleanup_result_ struct process_result result;
	int64_t start = clock_stopwatch_us();

	assert_int_equal(RUN("sleep 1000", &result, .timeout_ms = 50), ERR_TIMEOUT);
	assert_true(clock_stopwatch_us() - start < 1500000);
	start = clock_stopwatch_us();
	assert_int_equal(RUN("trap '' TERM; while :; do sleep 1000; done", &result, .timeout_ms = 50),
		ERR_TIMEOUT);
	assert_true(clock_stopwatch_us() - start < (LIMIT_PROCESS_GRACE_MS + 2000) * INT64_C(1000));
}

static void what_it_leaves_behind_is_ended_and_not_waited_for(void **state)
{
	_cleanup_result_ struct process_result result;
	int64_t start = clock_stopwatch_us();

	assert_int_equal(RUN("sleep 1000 & echo $!", &result), ERR_NONE);
	assert_true(clock_stopwatch_us() - start < 5000000);
	assert_gone(atoi(result.output.bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_streams_and_the_status_come_back),
		cmocka_unit_test(arguments_are_not_read_by_a_shell),
		cmocka_unit_test(input_is_fed_while_output_is_read),
		cmocka_unit_test(the_environment_is_as_told_or_without_our_own),
		cmocka_unit_test(the_directory_is_as_told),
		cmocka_unit_test(no_descriptor_is_inherited),
		cmocka_unit_test(what_cannot_be_started_is_named),
		cmocka_unit_test(output_over_the_cap_ends_it),
		cmocka_unit_test(a_cancel_ends_the_whole_group_at_once),
		cmocka_unit_test(a_timeout_ends_even_who_ignores_the_request_to),
		cmocka_unit_test(what_it_leaves_behind_is_ended_and_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
