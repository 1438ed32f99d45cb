#include "base/cancel.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"

/* One cancel_sleep under way. */
struct sleeper {
	struct sleeper *next;
	struct clock *clock;
	bool held; /* cancel_set took a hold for it, so that time stands until it has returned */
};

struct cancel {
	atomic_size_t references;
	atomic_bool set;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct sleeper *sleepers;
	int fd; /* an eventfd, made when first asked for; -1 before */
};

struct cancel *cancel_new(void)
{
	struct cancel *cancel = xnew(struct cancel);

	atomic_init(&cancel->references, 1);
	atomic_init(&cancel->set, false);
	pthread_mutex_init(&cancel->lock, NULL);
	clock_condition_init(&cancel->changed);
	cancel->fd = -1;
	return cancel;
}

struct cancel *cancel_ref(struct cancel *cancel)
{
	atomic_fetch_add_explicit(&cancel->references, 1, memory_order_relaxed);
	return cancel;
}

void cancel_unref(struct cancel *cancel)
{
	if (!cancel || atomic_fetch_sub_explicit(&cancel->references, 1, memory_order_acq_rel) > 1)
		return;
	if (cancel->fd >= 0)
		close(cancel->fd);
	pthread_cond_destroy(&cancel->changed);
	pthread_mutex_destroy(&cancel->lock);
	free(cancel);
}

/* Makes the descriptor readable, for good: nobody reads it. */
static void fd_raise(int fd)
{
	while (eventfd_write(fd, 1) < 0 && errno == EINTR)
		;
}

void cancel_set(struct cancel *cancel)
{
	pthread_mutex_lock(&cancel->lock);
	if (!atomic_exchange(&cancel->set, true)) {
		if (cancel->fd >= 0)
			fd_raise(cancel->fd);
		for (struct sleeper *sleeper = cancel->sleepers; sleeper; sleeper = sleeper->next) {
			clock_hold(sleeper->clock);
			sleeper->held = true;
		}
		pthread_cond_broadcast(&cancel->changed);
	}
	pthread_mutex_unlock(&cancel->lock);
}

bool cancel_is_set(const struct cancel *cancel)
{
	return cancel && atomic_load(&cancel->set);
}

int cancel_fd(struct cancel *cancel)
{
	int fd;

	pthread_mutex_lock(&cancel->lock);
	if (cancel->fd < 0) {
		cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (cancel->fd >= 0 && atomic_load(&cancel->set))
			fd_raise(cancel->fd);
	}
	fd = cancel->fd;
	pthread_mutex_unlock(&cancel->lock);
	return fd;
}

static void sleeper_remove(struct cancel *cancel, const struct sleeper *sleeper)
{
	struct sleeper **link = &cancel->sleepers;

	while (*link != sleeper)
		link = &(*link)->next;
	*link = sleeper->next;
}

int cancel_sleep(struct cancel *cancel, struct clock *clock, int64_t until_ms, struct err *err)
{
	struct sleeper sleeper = { .clock = clock };
	bool canceled;

	pthread_mutex_lock(&cancel->lock);
	sleeper.next = cancel->sleepers;
	cancel->sleepers = &sleeper;
	while (!(canceled = atomic_load(&cancel->set)) && clock_now_ms(clock) < until_ms)
		clock_wait(clock, &cancel->changed, &cancel->lock, until_ms);
	sleeper_remove(cancel, &sleeper);
	pthread_mutex_unlock(&cancel->lock);
	if (sleeper.held)
		clock_release(clock);
	return canceled ? err_set(err, ERR_CANCELED, "canceled") : 0;
}
