/*
 * Handles of libcurl with their warm connections, by key (origin, TLS identity, policy). At most
 * LIMIT_HTTP_PER_ORIGIN are lent at a time for one key, and LIMIT_HTTP_STREAMS_PER_ORIGIN for
 * streams; who comes later waits in line. Any thread.
 */
#ifndef NET_HTTP_POOL_H
#define NET_HTTP_POOL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct http_pool;
struct http_origin;

struct http_handle {
	CURL *easy;   /* reset; never inside `multi` while it is not lent */
	CURLM *multi; /* of this handle alone: it keeps the connection */
	struct http_origin *origin;
	bool stream;
	int64_t idle_since_us;
	struct http_handle *newer, *older; /* in the list of idle ones */
};

struct http_pool *http_pool_new(void);
/* Nothing may be lent any more. */
void http_pool_free(struct http_pool *pool);

/* Waits until DEADLINE_US of clock_stopwatch_us. ERR_UNAVAILABLE with the reason "busy", or
 * ERR_CANCELED. */
int http_pool_borrow(struct http_pool *pool, struct str key, bool stream, int64_t deadline_us,
	struct cancel *cancel, struct http_handle **ret, struct err *err);
void http_pool_return(struct http_pool *pool, struct http_handle *handle);

#endif
