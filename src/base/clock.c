/*
 * The virtual clock has a thread of its own, the timekeeper, which makes the jumps. It alone locks the mutex of a
 * waiter that it wakes, and it holds nothing else then; so hold, release and wait never take a mutex that they were not
 * given, and may be called under any.
 *
 * A waiter registers while it holds its own mutex, which it gives up only by falling asleep. The timekeeper broadcasts
 * under that mutex, hence not before the waiter sleeps: no wake-up falls into the gap. Between choosing a waiter and
 * having broadcast to it the timekeeper needs the waiter's mutex and condition to exist; the waiter is `pinned` then, and
 * if something else has woken it, it stays in clock_wait (without its mutex) until it is let go.
 *
 * Order of locks: a waiter's mutex, then clock->lock.
 */
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/heap.h"

struct clock {
	bool is_virtual; /* the rest is for the virtual clock alone */
	pthread_mutex_t lock;
	pthread_cond_t work;     /* to the timekeeper: holds fell to 0, or stop */
	pthread_cond_t unpinned; /* from the timekeeper: a waiter was let go */
	pthread_t timekeeper;
	int64_t now_ms;
	size_t holds;
	struct heap waiters; /* those that wait for a moment */
	bool stopping;
};

struct waiter {
	struct heap_item item; /* first, so that the heap's item is the waiter */
	pthread_cond_t *condition;
	pthread_mutex_t *mutex;
	bool due; /* its time has come, and the timekeeper has taken a hold for it */
	bool pinned;
};

static void check(int failed)
{
	if (failed)
		abort(); /* a mutex or condition misused: nothing that follows can be trusted */
}

struct clock *clock_real(void)
{
	static struct clock real;

	return &real;
}

static int64_t real_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_stopwatch_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Lets time jump to the moment that WAITER waits for, and wakes it. Called and returns with clock->lock held. */
static void wake(struct clock *clock, struct waiter *waiter)
{
	pthread_mutex_t *mutex = waiter->mutex;

	heap_remove(&clock->waiters, &waiter->item);
	clock->now_ms = waiter->item.due_ms;
	clock->holds++;
	waiter->due = true;
	waiter->pinned = true;
	check(pthread_mutex_unlock(&clock->lock));

	check(pthread_mutex_lock(mutex));
	check(pthread_cond_broadcast(waiter->condition));
	check(pthread_mutex_unlock(mutex));

	check(pthread_mutex_lock(&clock->lock));
	waiter->pinned = false;
	check(pthread_cond_broadcast(&clock->unpinned));
}

static void *timekeeper_main(void *data)
{
	struct clock *clock = data;

	check(pthread_mutex_lock(&clock->lock));
	while (!clock->stopping) {
		struct heap_item *first = heap_first(&clock->waiters);

		if (clock->holds == 0 && first)
			wake(clock, (struct waiter *)first);
		else
			check(pthread_cond_wait(&clock->work, &clock->lock));
	}
	check(pthread_mutex_unlock(&clock->lock));
	return NULL;
}

struct clock *clock_virtual(int64_t start_ms)
{
	struct clock *clock = xnew(struct clock);

	clock->is_virtual = true;
	clock->now_ms = start_ms;
	check(pthread_mutex_init(&clock->lock, NULL));
	check(pthread_cond_init(&clock->work, NULL));
	check(pthread_cond_init(&clock->unpinned, NULL));
	check(pthread_create(&clock->timekeeper, NULL, timekeeper_main, clock));
	return clock;
}

void clock_free(struct clock *clock)
{
	if (!clock || !clock->is_virtual)
		return;
	check(pthread_mutex_lock(&clock->lock));
	clock->stopping = true;
	check(pthread_cond_signal(&clock->work));
	check(pthread_mutex_unlock(&clock->lock));
	check(pthread_join(clock->timekeeper, NULL));
	heap_free(&clock->waiters);
	check(pthread_cond_destroy(&clock->work));
	check(pthread_cond_destroy(&clock->unpinned));
	check(pthread_mutex_destroy(&clock->lock));
	free(clock);
}

int64_t clock_now_ms(struct clock *clock)
{
	int64_t now_ms;

	if (!clock->is_virtual)
		return real_now_ms();
	check(pthread_mutex_lock(&clock->lock));
	now_ms = clock->now_ms;
	check(pthread_mutex_unlock(&clock->lock));
	return now_ms;
}

bool clock_is_virtual(const struct clock *clock)
{
	return clock->is_virtual;
}

void clock_hold(struct clock *clock)
{
	if (!clock->is_virtual)
		return;
	check(pthread_mutex_lock(&clock->lock));
	clock->holds++;
	check(pthread_mutex_unlock(&clock->lock));
}

/* Called with clock->lock held. */
static void release_locked(struct clock *clock)
{
	check(clock->holds == 0);
	if (--clock->holds == 0 && heap_first(&clock->waiters))
		check(pthread_cond_signal(&clock->work));
}

void clock_release(struct clock *clock)
{
	if (!clock->is_virtual)
		return;
	check(pthread_mutex_lock(&clock->lock));
	release_locked(clock);
	check(pthread_mutex_unlock(&clock->lock));
}

/* Conditions run on CLOCK_REALTIME, pthread's default: until_ms is a moment of the calendar. */
void clock_condition_init(pthread_cond_t *condition)
{
	check(pthread_cond_init(condition, NULL));
}

static bool real_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms)
{
	struct timespec until;

	if (until_ms == CLOCK_FOREVER) {
		check(pthread_cond_wait(condition, mutex));
		return false;
	}
	if (until_ms > real_now_ms()) {
		until.tv_sec = (time_t)(until_ms / 1000);
		until.tv_nsec = (long)(until_ms % 1000) * 1000000;
		pthread_cond_timedwait(condition, mutex, &until);
	}
	return until_ms <= real_now_ms();
}

/* Takes WAITER, awake and with its mutex, off the clock and gives it its hold. */
static void waiter_finish(struct clock *clock, struct waiter *waiter)
{
	bool let_go = false;

	check(pthread_mutex_lock(&clock->lock));
	if (!waiter->due) {
		heap_remove(&clock->waiters, &waiter->item);
		clock->holds++;
	}
	while (waiter->pinned) {
		if (!let_go)
			check(pthread_mutex_unlock(waiter->mutex));
		let_go = true;
		check(pthread_cond_wait(&clock->unpinned, &clock->lock));
	}
	check(pthread_mutex_unlock(&clock->lock));
	if (let_go)
		check(pthread_mutex_lock(waiter->mutex));
}

bool clock_wait(
	struct clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms)
{
	struct waiter waiter = { .condition = condition, .mutex = mutex };

	if (!clock->is_virtual)
		return real_wait(condition, mutex, until_ms);

	check(pthread_mutex_lock(&clock->lock));
	if (until_ms <= clock->now_ms) {
		check(pthread_mutex_unlock(&clock->lock));
		return true;
	}
	if (until_ms != CLOCK_FOREVER)
		heap_set(&clock->waiters, &waiter.item, until_ms);
	release_locked(clock);
	check(pthread_mutex_unlock(&clock->lock));

	check(pthread_cond_wait(condition, mutex));
	waiter_finish(clock, &waiter);
	return waiter.due;
}
