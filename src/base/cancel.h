/*
 * A flag that every waiting call looks at: transport, spawner, task_sleep. Counted, any thread.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

struct cancel;

struct cancel *cancel_new(void);
struct cancel *cancel_ref(struct cancel *cancel);
void cancel_unref(struct cancel *cancel); /* NULL is fine */
DEFINE_CLEANUP(struct cancel *, cancel_unref)

void cancel_set(struct cancel *cancel);
bool cancel_is_set(const struct cancel *cancel); /* NULL = never */
/* A file descriptor that becomes readable when the flag is set, for poll; owned by the flag, never read. -1 when the
 * process has no descriptor left: poll ignores it, so bound the wait. */
int cancel_fd(struct cancel *cancel);
/* Sleeps until UNTIL_MS of CLOCK; 0, or -1 with ERR_CANCELED as soon as the flag is set. The caller has a hold on CLOCK
 * (it is a task), which is given up for the time of the sleep. On a virtual clock time stands between cancel_set and the
 * sleeper's return. */
int cancel_sleep(struct cancel *cancel, struct clock *clock, int64_t until_ms, struct err *err);

#endif
