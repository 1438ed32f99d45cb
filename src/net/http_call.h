/*
 * One call under way: what is sent on this hop, what has come so far, and the options of libcurl
 * for it. Of one thread.
 */
#ifndef NET_HTTP_CALL_H
#define NET_HTTP_CALL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/http_client.h"
#include "net/url.h"

enum http_stopped {
	HTTP_NOT_STOPPED,
	HTTP_STOPPED_CANCELED,
	HTTP_STOPPED_TIMEOUT,
	HTTP_STOPPED_DENIED, /* the reason is in `denied` */
	HTTP_STOPPED_TOO_LARGE,
	HTTP_STOPPED_HEADERS,
	HTTP_STOPPED_BY_READER, /* on_body has seen enough: no failure */
};

struct http_call {
	const struct http_request *request;
	/* This hop; redirects change them. */
	struct url url;
	const char *method;
	struct str body;
	bool body_dropped; /* a redirect made a GET of it */
	const struct http_tls *tls;
	bool foreign; /* a redirect led to another origin: no credentials from here on */
	struct curl_slist *headers; /* what libcurl borrows during the transfer */
	struct curl_slist *connect_to;
	/* Limits. */
	int total_ms;
	int64_t deadline_us; /* of clock_stopwatch_us; moves with each piece of a stream */
	size_t max_response;
	/* The answer so far. */
	struct http_response response;
	size_t header_bytes;
	int current_status; /* of the header block being read */
	bool sent;          /* the connection stood and the request began to leave */
	enum http_stopped stopped;
	struct err denied;
	char error_text[CURL_ERROR_SIZE];
};

int http_call_init(struct http_call *call, const struct http_request *request, struct err *err);
void http_call_free(struct http_call *call);
/* Forgets the answer, before the next hop. */
void http_call_reset_response(struct http_call *call);

/* All options of EASY (fresh or reset) for this hop; CALL is borrowed until the next reset. */
void http_call_setup(struct http_call *call, CURL *easy, const char *user_agent);

#endif
