/*
 * What a request is checked for before anybody sees it: framing, target, and, where nobody signs
 * in, whether a web page of somebody else's sent it. Pure; any thread.
 *
 * libmicrohttpd 0.9.75 lets several ambiguous requests pass (reference security.md §5 rows 52 to
 * 58); a front server that reads them in another way would smuggle.
 */
#ifndef NET_HTTP_REQUEST_H
#define NET_HTTP_REQUEST_H

#include <stdbool.h>

#include "base/field.h"
#include "base/str.h"
#include "base/val.h"

/* Why a request is refused: an HTTP status and a text. status 0 = it is not. */
struct http_refusal {
	int status;
	const char *text; /* static */
};

/* Looks at the headers one by one as they came. */
struct http_framing {
	bool http11;
	size_t count;
	size_t hosts, lengths, codings, credentials;
	struct http_refusal refusal; /* the first reason */
};
void http_framing_see(struct http_framing *framing, struct str name, struct str value);
/* After the last header. */
struct http_refusal http_framing_end(const struct http_framing *framing);

/* A request can have TEXT as a segment of its path, however that is escaped. */
bool http_segment_can_be(struct str text);

/* A target in origin form: decoded segments and query. */
struct http_target {
	char *raw;
	struct str path;     /* into raw */
	struct val segments; /* list of strings */
	struct val query;    /* map name → first value */
};
/* Refuses bad escapes, NUL, "/" and control characters inside a segment, "." and "..", text that
 * is no UTF-8. */
struct http_refusal http_target_parse(const char *raw, struct http_target *ret);
void http_target_free(struct http_target *target);

/* Our own names, for requests without authentication. */
struct http_guard {
	int port;
	const char *address; /* that we are bound to; of all ("0.0.0.0", "::") any address is ours */
	const struct str_list *extra_hosts; /* "name" with any port, or "name:port" */
};
/* HOST, ORIGIN and FETCH_SITE are header values, NULL when absent. */
struct http_refusal http_guard_check(const struct http_guard *guard, const char *method,
	const char *host, const char *origin, const char *fetch_site);

/* Methods that routes may have; the rest gets 405. */
bool http_is_known_method(const char *method);

#endif
