/*
 * Several blocking calls of one task at once: threads that live as long as the call of parallel_run.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#include "base/clock.h"

/*
 * Calls WORK(DATA, 0) … WORK(DATA, COUNT - 1), WIDTH at a time at most, on this thread and others with stacks of
 * LIMIT_WORKER_STACK_BYTES. They begin in this order; once one has given -1 no further one begins. Returns when none runs any
 * more: the lowest index that gave -1, or COUNT. WORK may wait on CLOCK, on which the caller has a hold.
 */
size_t parallel_run(size_t count, unsigned width, struct clock *clock,
	int (*work)(void *data, size_t index), void *data);

#endif
