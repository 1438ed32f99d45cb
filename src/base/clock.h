/*
 * Time, in milliseconds since the epoch, and waiting for it; replaceable, so that tests run on a virtual clock.
 *
 * On the virtual clock time moves only when nobody holds it: whoever works (a message in an inbox, a task on a worker, a
 * batch in the store) holds it, whoever waits does not. When the last hold is released, time jumps to the earliest
 * moment that somebody waits for. On the real clock hold and release do nothing.
 * All functions may be called from any thread.
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
void clock_free(struct clock *clock); /* does nothing to the real one */
DEFINE_CLEANUP(struct clock *, clock_free)

int64_t clock_now_ms(struct clock *clock);
bool clock_is_virtual(const struct clock *clock);

void clock_hold(struct clock *clock);
void clock_release(struct clock *clock);

/*
 * Waits on CONDITION (whose MUTEX is held) until it is signalled, spuriously woken, or the clock reaches UNTIL_MS.
 * The caller must not hold the clock itself while it waits, and looks at its own predicate in a loop. CONDITION must be
 * initialised with clock_condition_init. Returns true when the time has come.
 */
bool clock_wait(struct clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ms);
void clock_condition_init(pthread_cond_t *condition);

/* Monotonic microseconds of the machine, for measuring; never virtual. */
int64_t clock_stopwatch_us(void);

#endif
