/* Several calls at once: order, width, failures, and time that stands still in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/parallel.h"

#define COUNT 100

struct fixture {
	struct clock *clock;
	struct cancel *never;
	atomic_uint calls, running, most;
	atomic_uint seen[COUNT];
	size_t bad; /* fails; COUNT = none */
	int64_t wait_ms;
};

static int work(void *data, size_t index)
{
	struct fixture *f = data;
	unsigned running = atomic_fetch_add(&f->running, 1) + 1;
	unsigned most = atomic_load(&f->most);
	struct err err = ERR_INIT;

	while (running > most && !atomic_compare_exchange_weak(&f->most, &most, running))
		;
	atomic_fetch_add(&f->calls, 1);
	atomic_fetch_add(&f->seen[index], 1);
	if (f->wait_ms)
		cancel_sleep(f->never, f->clock, clock_now_ms(f->clock) + f->wait_ms, &err);
	err_clear(&err);
	atomic_fetch_sub(&f->running, 1);
	return index == f->bad ? -1 : 0;
}

static struct fixture fixture(void)
{
	return (struct fixture){ .clock = clock_virtual(1000), .never = cancel_new(), .bad = COUNT };
}

static void end(struct fixture *f)
{
	cancel_unref(f->never);
	clock_free(f->clock);
}

static void each_is_called_once(void **state)
{
	struct fixture f = fixture();

	clock_hold(f.clock);
	assert_int_equal(parallel_run(COUNT, 8, f.clock, work, &f), COUNT);
	clock_release(f.clock);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(atomic_load(&f.seen[i]), 1);
	assert_true(atomic_load(&f.most) <= 8);
	end(&f);
}

/* On a clock that only moves when all wait: with 8 at a time, 100 waits of a second take 13. */
static void they_wait_together(void **state)
{
	struct fixture f = fixture();

	f.wait_ms = 1000;
	clock_hold(f.clock);
	assert_int_equal(parallel_run(COUNT, 8, f.clock, work, &f), COUNT);
	assert_int_equal(clock_now_ms(f.clock), 1000 + 13000);
	clock_release(f.clock);
	assert_int_equal(atomic_load(&f.most), 8);
	end(&f);
}

static void alone_they_follow_each_other(void **state)
{
	struct fixture f = fixture();

	f.wait_ms = 1000;
	f.bad = 3;
	clock_hold(f.clock);
	assert_int_equal(parallel_run(COUNT, 1, f.clock, work, &f), 3);
	assert_int_equal(clock_now_ms(f.clock), 1000 + 4000);
	clock_release(f.clock);
	assert_int_equal(atomic_load(&f.calls), 4);
	end(&f);
}

static void none_begins_after_a_failure(void **state)
{
	struct fixture f = fixture();

	f.wait_ms = 1000;
	f.bad = 9;
	clock_hold(f.clock);
	assert_int_equal(parallel_run(COUNT, 8, f.clock, work, &f), 9);
	clock_release(f.clock);
	assert_true(atomic_load(&f.calls) <= 24);
	end(&f);
}

static void nothing_to_do(void **state)
{
	struct fixture f = fixture();

	clock_hold(f.clock);
	assert_int_equal(parallel_run(0, 8, f.clock, work, &f), 0);
	clock_release(f.clock);
	assert_int_equal(parallel_run(1, 8, clock_real(), work, &f), 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_called_once),
		cmocka_unit_test(they_wait_together),
		cmocka_unit_test(alone_they_follow_each_other),
		cmocka_unit_test(none_begins_after_a_failure),
		cmocka_unit_test(nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
