/*
 * Time, in milliseconds since the epoch, and waiting for it; replaceable, so that tests run on a virtual clock.
 *
 * On the virtual clock time moves only when nobody holds it. The rule of holding:
 *	- whoever works holds it: a thread from its start to its end (whoever starts the thread takes that hold for it, so
 *	  that time cannot pass before it runs), a batch on its way through the store, a scripted exchange;
 *	- a thread calls clock_wait and cancel_sleep WITH its hold; the hold is given up for the time of the wait and is
 *	  there again on return, however the wait ended;
 *	- a message holds it from its sending to the end of its handling, which covers the time between a signal and the
 *	  moment when its receiver runs: send = lock, append, clock_hold, pthread_cond_signal, unlock; receive = take it
 *	  out, handle it, clock_release.
 * When the last hold goes and somebody waits for a moment, time jumps to the earliest such moment and the one waiter is
 * woken that has waited for it longest; it has its hold back before it runs, so time stands until it waits again. The
 * others of the same moment follow one by one, in the order in which they began to wait. With nobody left who waits for
 * a moment, time stands still until a hold has come and gone.
 *
 * On the real clock hold and release do nothing. All functions may be called from any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define CLOCK_FOREVER INT64_MAX

struct clock;

struct clock *clock_real(void); /* the one real clock; never freed */
struct clock *clock_virtual(int64_t start_ms);
void clock_free(struct clock *clock); /* nobody waits on it any more; does nothing to the real one */
DEFINE_CLEANUP(struct clock *, clock_free)

int64_t clock_now_ms(struct clock *clock);
bool clock_is_virtual(const struct clock *clock);

/* Counted; a release without a hold aborts. Both may be called with any mutex held. */
void clock_hold(struct clock *clock);
void clock_release(struct clock *clock);

/*
 * Waits on CONDITION (whose MUTEX is held) until it is signalled, spuriously woken, or the clock reaches UNTIL_MS
 * (CLOCK_FOREVER = never). The caller has a hold (see above) and looks at its own predicate in a loop, also after the
 * time has come. CONDITION must be initialised with clock_condition_init, used with one mutex only, and may be destroyed
 * as soon as its last clock_wait has returned and nobody signals it. MUTEX may be given up and taken again once more
 * before it returns. Returns true when the time has come; when it had come before the call, at once and without a wait.
 */
bool clock_wait(
	struct clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms);
void clock_condition_init(pthread_cond_t *condition);

/* Monotonic microseconds of the machine, for measuring; never virtual. */
int64_t clock_stopwatch_us(void);

#endif
