#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

/* Asserts in other threads would jump out of their stacks, so threads count what went wrong. */

#define THREADS 6
#define JUMPS 2000
#define MESSAGES 2000

struct room {
	struct clock *clock;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int waiting; /* messages sent and not yet taken */
	int64_t sent_ms;
	int taken;
	bool closed;
	int order[THREADS];
	int arrived;
	int wrong;
};

static void room_open(struct room *room, int64_t start_ms)
{
	*room = (struct room){ .clock = clock_virtual(start_ms) };
	pthread_mutex_init(&room->mutex, NULL);
	clock_condition_init(&room->changed);
}

static void room_close(struct room *room)
{
	pthread_cond_destroy(&room->changed);
	pthread_mutex_destroy(&room->mutex);
	clock_free(room->clock);
}

/* Starts FUNCTION with a hold of its own. */
static pthread_t start(struct room *room, void *(*function)(void *), void *data)
{
	pthread_t thread;

	clock_hold(room->clock);
	assert_int_equal(pthread_create(&thread, NULL, function, data), 0);
	return thread;
}

/* Sleeps on a mutex and condition of its own, which are gone right after; counts a wake-up at another time. */
static void sleep_until(struct room *room, int64_t until_ms)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition;

	clock_condition_init(&condition);
	pthread_mutex_lock(&mutex);
	while (!clock_wait(room->clock, &condition, &mutex, until_ms))
		;
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&condition);
	pthread_mutex_destroy(&mutex);
	if (clock_now_ms(room->clock) != until_ms)
		__atomic_fetch_add(&room->wrong, 1, __ATOMIC_RELAXED);
}

static void time_stands_while_held(void **state)
{
	struct clock *clock = clock_virtual(1000);

	assert_true(clock_is_virtual(clock));
	clock_hold(clock);
	assert_int_equal(clock_now_ms(clock), 1000);
	clock_release(clock);
	assert_int_equal(clock_now_ms(clock), 1000);
	clock_free(clock);
}

static void time_jumps_to_the_moment_waited_for(void **state)
{
	struct room room;

	room_open(&room, 0);
	clock_hold(room.clock);
	sleep_until(&room, 86400000);
	sleep_until(&room, 86400001);
	clock_release(room.clock);
	assert_int_equal(room.wrong, 0);
	room_close(&room);
}

static void a_moment_that_has_come_needs_no_wait(void **state)
{
	struct room room;

	room_open(&room, 500);
	clock_hold(room.clock);
	pthread_mutex_lock(&room.mutex);
	assert_true(clock_wait(room.clock, &room.changed, &room.mutex, 500));
	assert_true(clock_wait(room.clock, &room.changed, &room.mutex, -1));
	pthread_mutex_unlock(&room.mutex);
	assert_int_equal(clock_now_ms(room.clock), 500);
	clock_release(room.clock);
	room_close(&room);
}

struct runner {
	struct room *room;
	int64_t period_ms;
	int number;
};

static void *run_periods(void *data)
{
	struct runner *runner = data;

	for (int i = 1; i <= JUMPS; i++)
		sleep_until(runner->room, i * runner->period_ms);
	clock_release(runner->room->clock);
	return NULL;
}

static void no_sleeper_is_skipped_in_thousands_of_jumps(void **state)
{
	struct runner runners[THREADS];
	pthread_t threads[THREADS];
	struct room room;

	room_open(&room, 0);
	clock_hold(room.clock); /* until all are there */
	for (int i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){ .room = &room, .period_ms = 7 + i * i };
		threads[i] = start(&room, run_periods, &runners[i]);
	}
	clock_release(room.clock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(room.wrong, 0);
	assert_int_equal(clock_now_ms(room.clock), (7 + (THREADS - 1) * (THREADS - 1)) * JUMPS);
	room_close(&room);
}

static void *arrive(void *data)
{
	struct runner *runner = data;
	struct room *room = runner->room;

	sleep_until(room, runner->number + 1); /* sets the order of the second wait */
	sleep_until(room, 1000);
	/* No lock: only one of them runs at a time. The clock's own lock orders them. */
	room->order[room->arrived++] = runner->number;
	clock_release(room->clock);
	return NULL;
}

static void one_moment_wakes_its_waiters_one_by_one_in_their_order(void **state)
{
	struct runner runners[THREADS];
	pthread_t threads[THREADS];
	struct room room;

	room_open(&room, 0);
	clock_hold(room.clock);
	for (int i = 0; i < THREADS; i++) {
		runners[i] = (struct runner){ .room = &room, .number = i };
		threads[i] = start(&room, arrive, &runners[i]);
	}
	clock_release(room.clock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(room.arrived, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(room.order[i], i);
	room_close(&room);
}

/* Takes messages as the engine's inbox does; with a deadline that would skip ahead if a message lost its hold. */
static void *receive(void *data)
{
	struct runner *runner = data;
	struct room *room = runner->room;

	pthread_mutex_lock(&room->mutex);
	while (!room->closed || room->waiting) {
		if (!room->waiting) {
			clock_wait(room->clock, &room->changed, &room->mutex, runner->period_ms);
			continue;
		}
		room->waiting--;
		room->taken++;
		if (clock_now_ms(room->clock) != room->sent_ms)
			room->wrong++;
		pthread_mutex_unlock(&room->mutex);
		clock_release(room->clock); /* the message's */
		pthread_mutex_lock(&room->mutex);
	}
	pthread_mutex_unlock(&room->mutex);
	clock_release(room->clock);
	return NULL;
}

static void send_messages(struct room *room)
{
	for (int i = 1; i <= MESSAGES; i++) {
		sleep_until(room, i * 10);
		pthread_mutex_lock(&room->mutex);
		room->waiting++;
		room->sent_ms = clock_now_ms(room->clock);
		room->closed = i == MESSAGES;
		clock_hold(room->clock);
		if (room->closed)
			pthread_cond_broadcast(&room->changed);
		else
			pthread_cond_signal(&room->changed);
		pthread_mutex_unlock(&room->mutex);
	}
}

static void run_messages(int64_t receivers_deadline_ms)
{
	struct runner runner;
	pthread_t threads[3];
	struct room room;

	room_open(&room, 0);
	runner = (struct runner){ .room = &room, .period_ms = receivers_deadline_ms };
	clock_hold(room.clock);
	for (int i = 0; i < 3; i++)
		threads[i] = start(&room, receive, &runner);
	send_messages(&room);
	/* The closing is no message with a hold; ours keeps time from passing until all have seen it. */
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	clock_release(room.clock);
	assert_int_equal(room.wrong, 0);
	assert_int_equal(room.taken, MESSAGES);
	assert_int_equal(clock_now_ms(room.clock), MESSAGES * 10);
	room_close(&room);
}

static void a_message_is_handled_at_the_time_of_its_sending(void **state)
{
	run_messages(CLOCK_FOREVER);
}

static void a_receiver_with_a_deadline_does_not_skip_ahead(void **state)
{
	run_messages(MESSAGES * 100);
}

static void *signal_soon(void *data)
{
	struct room *room = data;

	for (int i = 1; i <= JUMPS; i++) {
		sleep_until(room, i);
		pthread_mutex_lock(&room->mutex);
		room->arrived = i;
		clock_hold(room->clock);
		pthread_cond_signal(&room->changed);
		pthread_mutex_unlock(&room->mutex);
	}
	clock_release(room->clock);
	return NULL;
}

static void a_signal_and_the_time_may_come_together(void **state)
{
	struct room room;
	pthread_t thread;

	room_open(&room, 0);
	clock_hold(room.clock);
	thread = start(&room, signal_soon, &room);
	pthread_mutex_lock(&room.mutex);
	for (int i = 1; i <= JUMPS; i++) {
		while (room.arrived < i)
			clock_wait(room.clock, &room.changed, &room.mutex,
				clock_now_ms(room.clock) + 1);
		assert_int_equal(clock_now_ms(room.clock), i);
		clock_release(room.clock); /* the signaller's, for us */
	}
	pthread_mutex_unlock(&room.mutex);
	clock_release(room.clock);
	pthread_join(thread, NULL);
	assert_int_equal(room.wrong, 0);
	room_close(&room);
}

static void with_nobody_waiting_for_a_moment_time_stands(void **state)
{
	struct runner runner;
	struct room room;
	pthread_t thread;

	room_open(&room, 77);
	runner = (struct runner){ .room = &room, .period_ms = CLOCK_FOREVER };
	thread = start(&room, receive, &runner);
	pthread_mutex_lock(&room.mutex);
	room.closed = true;
	pthread_cond_signal(&room.changed);
	pthread_mutex_unlock(&room.mutex);
	pthread_join(thread, NULL);
	assert_int_equal(clock_now_ms(room.clock), 77);
	room_close(&room);
}

static void the_real_clock_waits_really(void **state)
{
	struct clock *clock = clock_real();
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition;
	int64_t until = clock_now_ms(clock) + 20, before = clock_stopwatch_us();

	assert_false(clock_is_virtual(clock));
	assert_true(clock_now_ms(clock) > 1700000000000);
	clock_hold(clock);
	clock_condition_init(&condition);
	pthread_mutex_lock(&mutex);
	while (!clock_wait(clock, &condition, &mutex, until))
		;
	assert_true(clock_wait(clock, &condition, &mutex, until - 100));
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&condition);
	clock_release(clock);
	assert_true(clock_now_ms(clock) >= until);
	assert_true(clock_stopwatch_us() - before >= 10000);
	clock_free(clock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_stands_while_held),
		cmocka_unit_test(time_jumps_to_the_moment_waited_for),
		cmocka_unit_test(a_moment_that_has_come_needs_no_wait),
		cmocka_unit_test(no_sleeper_is_skipped_in_thousands_of_jumps),
		cmocka_unit_test(one_moment_wakes_its_waiters_one_by_one_in_their_order),
		cmocka_unit_test(a_message_is_handled_at_the_time_of_its_sending),
		cmocka_unit_test(a_receiver_with_a_deadline_does_not_skip_ahead),
		cmocka_unit_test(a_signal_and_the_time_may_come_together),
		cmocka_unit_test(with_nobody_waiting_for_a_moment_time_stands),
		cmocka_unit_test(the_real_clock_waits_really),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
