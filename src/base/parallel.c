#include "base/parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"

struct parallel {
	size_t count;
	struct clock *clock;
	int (*work)(void *data, size_t index);
	void *data;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t ended;
	size_t next;
	size_t failed; /* the lowest index, COUNT = none */
	unsigned helpers;
	bool waiting; /* the caller has given up its hold */
};

/* Takes one after the other until there is none left, or one has failed. */
static void work_through(struct parallel *self)
{
	pthread_mutex_lock(&self->lock);
	while (self->next < self->count && self->failed == self->count) {
		size_t index = self->next++;
		int result;

		pthread_mutex_unlock(&self->lock);
		result = self->work(self->data, index);
		pthread_mutex_lock(&self->lock);
		if (result < 0 && index < self->failed)
			self->failed = index;
	}
	pthread_mutex_unlock(&self->lock);
}

/* The hold of the last one becomes the waiting caller's, so that time does not move in between. */
static void *help(void *data)
{
	struct parallel *self = data;
	bool last;

	work_through(self);
	pthread_mutex_lock(&self->lock);
	last = --self->helpers == 0;
	if (!last || !self->waiting)
		clock_release(self->clock);
	if (last)
		pthread_cond_signal(&self->ended);
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

/* With fewer than asked for when the system has no more threads. */
static unsigned start(struct parallel *self, pthread_t *threads, unsigned wanted)
{
	pthread_attr_t attributes;
	unsigned started = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, LIMIT_WORKER_STACK_BYTES);
	pthread_mutex_lock(&self->lock);
	while (started < wanted) {
		clock_hold(self->clock);
		if (pthread_create(&threads[started], &attributes, help, self) != 0) {
			clock_release(self->clock);
			break;
		}
		started++;
	}
	self->helpers = started;
	pthread_mutex_unlock(&self->lock);
	pthread_attr_destroy(&attributes);
	return started;
}

static void wait_for_helpers(struct parallel *self)
{
	pthread_mutex_lock(&self->lock);
	if (self->helpers > 0) {
		self->waiting = true;
		clock_release(self->clock);
		while (self->helpers > 0)
			pthread_cond_wait(&self->ended, &self->lock);
	}
	pthread_mutex_unlock(&self->lock);
}

size_t parallel_run(size_t count, unsigned width, struct clock *clock,
	int (*work)(void *data, size_t index), void *data)
{
	struct parallel self = {
		.count = count, .clock = clock, .work = work, .data = data, .failed = count
	};
	unsigned wanted = count < width ? (unsigned)count : width, started;
	pthread_t *threads = xcalloc(wanted + 1, sizeof(*threads));

	pthread_mutex_init(&self.lock, NULL);
	pthread_cond_init(&self.ended, NULL);
	started = start(&self, threads, wanted ? wanted - 1 : 0);
	work_through(&self);
	wait_for_helpers(&self);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_cond_destroy(&self.ended);
	pthread_mutex_destroy(&self.lock);
	free(threads);
	return self.failed;
}
