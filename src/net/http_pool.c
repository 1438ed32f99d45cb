#include "net/http_pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"

/* Somebody in line. The one who gives a handle back hands its slot over by `granted`. */
struct waiter {
	struct waiter *next;
	int fd;
	bool granted;
};

struct http_origin {
	char *key;
	size_t idle;
	/* [0] for calls, [1] for streams */
	size_t lent[2];
	struct waiter *waiters[2];
};

struct http_pool {
	pthread_mutex_t lock;
	struct map origins;
	struct http_handle *newest, *oldest; /* idle ones */
	size_t idle;
};

struct http_pool *http_pool_new(void)
{
	struct http_pool *pool = xnew(struct http_pool);

	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

static struct http_handle *handle_new(struct http_origin *origin, bool stream)
{
	struct http_handle *handle = xnew(struct http_handle);

	handle->easy = curl_easy_init();
	handle->multi = curl_multi_init();
	if (!handle->easy || !handle->multi)
		abort();
	handle->origin = origin;
	handle->stream = stream;
	return handle;
}

static void handle_free(struct http_handle *handle)
{
	curl_easy_cleanup(handle->easy);
	curl_multi_cleanup(handle->multi);
	free(handle);
}

static void idle_remove(struct http_pool *pool, struct http_handle *handle)
{
	*(handle->newer ? &handle->newer->older : &pool->newest) = handle->older;
	*(handle->older ? &handle->older->newer : &pool->oldest) = handle->newer;
	handle->newer = handle->older = NULL;
	handle->origin->idle--;
	pool->idle--;
}

static void idle_add(struct http_pool *pool, struct http_handle *handle)
{
	handle->idle_since_us = clock_stopwatch_us();
	handle->newer = NULL;
	handle->older = pool->newest;
	*(pool->newest ? &pool->newest->newer : &pool->oldest) = handle;
	pool->newest = handle;
	handle->origin->idle++;
	pool->idle++;
}

static void origin_free_if_unused(struct http_pool *pool, struct http_origin *origin)
{
	if (origin->idle || origin->lent[0] || origin->lent[1] || origin->waiters[0] ||
		origin->waiters[1])
		return;
	map_remove(&pool->origins, str_of(origin->key));
	free(origin->key);
	free(origin);
}

/* Takes one handle out that is too old or too many; NULL when there is none. It is freed without
 * the lock. */
static struct http_handle *take_surplus(struct http_pool *pool)
{
	struct http_handle *oldest = pool->oldest;

	if (!oldest ||
		(pool->idle <= LIMIT_HTTP_IDLE &&
			clock_stopwatch_us() - oldest->idle_since_us <
				LIMIT_HTTP_IDLE_MS * INT64_C(1000)))
		return NULL;
	struct http_origin *origin = oldest->origin;

	idle_remove(pool, oldest);
	origin_free_if_unused(pool, origin);
	return oldest;
}

static void drop_surplus(struct http_pool *pool)
{
	struct http_handle *surplus;

	do {
		pthread_mutex_lock(&pool->lock);
		surplus = take_surplus(pool);
		pthread_mutex_unlock(&pool->lock);
		if (surplus)
			handle_free(surplus);
	} while (surplus);
}

void http_pool_free(struct http_pool *pool)
{
	while (pool->oldest) {
		struct http_handle *handle = pool->oldest;
		struct http_origin *origin = handle->origin;

		idle_remove(pool, handle);
		origin_free_if_unused(pool, origin);
		handle_free(handle);
	}
	map_free(&pool->origins);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static struct http_origin *origin_of(struct http_pool *pool, struct str key)
{
	struct http_origin *origin = map_get(&pool->origins, key);

	if (!origin) {
		origin = xnew(struct http_origin);
		origin->key = xstrndup(key.bytes, key.length);
		map_put(&pool->origins, key, origin);
	}
	return origin;
}

static void waiter_append(struct http_origin *origin, bool stream, struct waiter *waiter)
{
	struct waiter **end = &origin->waiters[stream];

	while (*end)
		end = &(*end)->next;
	*end = waiter;
}

static void waiter_remove(struct http_origin *origin, bool stream, struct waiter *waiter)
{
	struct waiter **link = &origin->waiters[stream];

	while (*link && *link != waiter)
		link = &(*link)->next;
	if (*link)
		*link = waiter->next;
}

/* A slot is free: it goes to the first in line, or back. With the lock. */
static void slot_release(struct http_pool *pool, struct http_origin *origin, bool stream)
{
	struct waiter *first = origin->waiters[stream];

	if (first) {
		origin->waiters[stream] = first->next;
		first->granted = true;
		eventfd_write(first->fd, 1);
		return;
	}
	origin->lent[stream]--;
	origin_free_if_unused(pool, origin);
}

/* Sleeps until the waiter is granted, the flag is set or the deadline has passed. Without the
 * lock. */
static void waiter_sleep(struct waiter *waiter, struct cancel *cancel, int64_t deadline_us)
{
	struct pollfd fds[2] = { { .fd = waiter->fd, .events = POLLIN }, { .fd = -1 } };

	if (cancel)
		fds[1] = (struct pollfd){ .fd = cancel_fd(cancel), .events = POLLIN };
	for (;;) {
		int64_t left_us = deadline_us - clock_stopwatch_us();
		int count = poll(fds, 2, left_us > 0 ? (int)(left_us / 1000 + 1) : 0);

		if (count > 0 || (count == 0 && clock_stopwatch_us() >= deadline_us) ||
			(count < 0 && errno != EINTR))
			return;
	}
}

/* With the lock, which is given up while waiting. */
static int wait_in_line(struct http_pool *pool, struct http_origin *origin, bool stream,
	int64_t deadline_us, struct cancel *cancel, struct err *err)
{
	struct waiter waiter = { .fd = eventfd(0, EFD_CLOEXEC) };

	if (waiter.fd < 0)
		return err_set(err, ERR_UNAVAILABLE, "no file descriptor: %s", strerror(errno));
	waiter_append(origin, stream, &waiter);
	pthread_mutex_unlock(&pool->lock);
	waiter_sleep(&waiter, cancel, deadline_us);
	pthread_mutex_lock(&pool->lock);
	close(waiter.fd);
	if (waiter.granted && !cancel_is_set(cancel))
		return 0;
	if (waiter.granted)
		slot_release(pool, origin, stream);
	else
		waiter_remove(origin, stream, &waiter);
	if (cancel_is_set(cancel))
		return err_set(err, ERR_CANCELED, "canceled while waiting for a connection");
	err_set(err, ERR_UNAVAILABLE, "no free connection");
	val_set(&err->details, "reason", val_string("busy"));
	return -1;
}

static struct http_handle *idle_of(struct http_pool *pool, struct http_origin *origin, bool stream)
{
	struct http_handle *handle = pool->newest;

	while (handle && handle->origin != origin)
		handle = handle->older;
	if (!handle)
		return NULL;
	idle_remove(pool, handle);
	handle->stream = stream;
	return handle;
}

int http_pool_borrow(struct http_pool *pool, struct str key, bool stream, int64_t deadline_us,
	struct cancel *cancel, struct http_handle **ret, struct err *err)
{
	size_t most = stream ? LIMIT_HTTP_STREAMS_PER_ORIGIN : LIMIT_HTTP_PER_ORIGIN;
	struct http_handle *handle = NULL;
	int result = 0;

	pthread_mutex_lock(&pool->lock);
	struct http_origin *origin = origin_of(pool, key);

	if (origin->lent[stream] < most)
		origin->lent[stream]++;
	else
		result = wait_in_line(pool, origin, stream, deadline_us, cancel, err);
	if (result == 0)
		handle = idle_of(pool, origin, stream);
	pthread_mutex_unlock(&pool->lock);
	if (result < 0)
		return -1;
	*ret = handle ? handle : handle_new(origin, stream);
	return 0;
}

void http_pool_return(struct http_pool *pool, struct http_handle *handle)
{
	/* Nothing of the call may be kept: it points into the caller's memory. */
	curl_easy_reset(handle->easy);
	pthread_mutex_lock(&pool->lock);
	idle_add(pool, handle);
	slot_release(pool, handle->origin, handle->stream);
	pthread_mutex_unlock(&pool->lock);
	drop_surplus(pool);
}
