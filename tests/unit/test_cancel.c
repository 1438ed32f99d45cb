#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cancel.h"

struct sleep {
	struct cancel *cancel;
	struct clock *clock;
	int64_t until_ms;
	int64_t woken_ms;
	int result;
	enum err_kind kind;
};

static void *sleep_main(void *data)
{
	struct sleep *sleep = data;
	_cleanup_err_ struct err err = ERR_INIT;

	sleep->result = cancel_sleep(sleep->cancel, sleep->clock, sleep->until_ms, &err);
	sleep->kind = err.kind;
	sleep->woken_ms = clock_now_ms(sleep->clock);
	clock_release(sleep->clock);
	return NULL;
}

static pthread_t sleep_start(struct sleep *sleep)
{
	pthread_t thread;

	clock_hold(sleep->clock);
	assert_int_equal(pthread_create(&thread, NULL, sleep_main, sleep), 0);
	return thread;
}

static bool readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, 0) == 1;
}

static void a_flag_is_set_once_and_stays(void **state)
{
	struct cancel *cancel = cancel_new();

	assert_false(cancel_is_set(NULL));
	assert_false(cancel_is_set(cancel));
	cancel_set(cancel);
	cancel_set(cancel);
	assert_true(cancel_is_set(cancel));
	cancel_unref(cancel_ref(cancel));
	assert_true(cancel_is_set(cancel));
	cancel_unref(cancel);
	cancel_unref(NULL);
}

static void the_descriptor_tells(void **state)
{
	struct cancel *early = cancel_new(), *late = cancel_new();
	int fd = cancel_fd(early);

	assert_true(fd >= 0);
	assert_int_equal(cancel_fd(early), fd);
	assert_false(readable(fd));
	cancel_set(early);
	assert_true(readable(fd));
	assert_true(readable(fd));
	cancel_set(late);
	assert_true(readable(cancel_fd(late)));
	cancel_unref(early);
	cancel_unref(late);
}

static void a_sleep_ends_at_its_moment(void **state)
{
	struct cancel *cancel = cancel_new();
	struct clock *clock = clock_virtual(1000);
	_cleanup_err_ struct err err = ERR_INIT;

	clock_hold(clock);
	assert_int_equal(cancel_sleep(cancel, clock, 3601000, &err), 0);
	assert_int_equal(clock_now_ms(clock), 3601000);
	assert_int_equal(cancel_sleep(cancel, clock, 1, &err), 0);
	assert_int_equal(clock_now_ms(clock), 3601000);
	clock_release(clock);
	clock_free(clock);
	cancel_unref(cancel);
}

static void a_set_flag_lets_nobody_sleep(void **state)
{
	struct cancel *cancel = cancel_new();
	struct clock *clock = clock_virtual(0);
	_cleanup_err_ struct err err = ERR_INIT;

	cancel_set(cancel);
	clock_hold(clock);
	assert_int_equal(cancel_sleep(cancel, clock, 10, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELED);
	assert_int_equal(cancel_sleep(cancel, clock_real(), CLOCK_FOREVER, &err), -1);
	assert_int_equal(clock_now_ms(clock), 0);
	clock_release(clock);
	clock_free(clock);
	cancel_unref(cancel);
}

/* Many times, since what is looked for is a gap between the setting and the waking. */
static void sleepers_wake_at_the_time_of_the_setting(void **state)
{
	for (int round = 0; round < 200; round++) {
		struct clock *clock = clock_virtual(0);
		struct cancel *cancel = cancel_new(), *other = cancel_new();
		struct sleep a = { .cancel = cancel, .clock = clock, .until_ms = 5000 };
		struct sleep b = { .cancel = cancel, .clock = clock, .until_ms = CLOCK_FOREVER };
		_cleanup_err_ struct err err = ERR_INIT;
		pthread_t first, second;

		clock_hold(clock);
		first = sleep_start(&a);
		second = sleep_start(&b);
		assert_int_equal(cancel_sleep(other, clock, 100, &err), 0);
		cancel_set(cancel);
		assert_int_equal(cancel_sleep(other, clock, 200, &err), 0);
		clock_release(clock);
		pthread_join(first, NULL);
		pthread_join(second, NULL);
		assert_int_equal(a.result, -1);
		assert_int_equal(a.kind, ERR_CANCELED);
		assert_int_equal(a.woken_ms, 100);
		assert_int_equal(b.woken_ms, 100);
		cancel_unref(cancel);
		cancel_unref(other);
		clock_free(clock);
	}
}

static void the_real_clock_is_left_at_once_too(void **state)
{
	struct cancel *cancel = cancel_new();
	struct sleep sleep = { .cancel = cancel, .clock = clock_real() };
	_cleanup_err_ struct err err = ERR_INIT;
	pthread_t thread;

	sleep.until_ms = clock_now_ms(sleep.clock) + 600000;
	thread = sleep_start(&sleep);
	cancel_set(cancel);
	pthread_join(thread, NULL);
	assert_int_equal(sleep.result, -1);
	assert_true(sleep.woken_ms < sleep.until_ms);
	cancel_unref(cancel);

	cancel = cancel_new();
	sleep.until_ms = clock_now_ms(sleep.clock) + 10;
	assert_int_equal(cancel_sleep(cancel, sleep.clock, sleep.until_ms, &err), 0);
	assert_true(clock_now_ms(sleep.clock) >= sleep.until_ms);
	cancel_unref(cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flag_is_set_once_and_stays),
		cmocka_unit_test(the_descriptor_tells),
		cmocka_unit_test(a_sleep_ends_at_its_moment),
		cmocka_unit_test(a_set_flag_lets_nobody_sleep),
		cmocka_unit_test(sleepers_wake_at_the_time_of_the_setting),
		cmocka_unit_test(the_real_clock_is_left_at_once_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
