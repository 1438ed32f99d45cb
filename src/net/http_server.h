/*
 * HTTP as a server, over libmicrohttpd (epoll, a pool of threads). It checks framing, caps and the
 * loopback guard (Host, Origin, Sec-Fetch-Site), collects the body, and calls one handler; answers
 * may come later from another thread.
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"
#include "net/http_request.h"

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_server_setup {
	const char *address; /* "127.0.0.1" */
	int port;            /* 0 = any free one */
	int threads;         /* 0 = the machine's cores, at least 2 */
	bool guard; /* no authentication: refuse foreign Host, Origin, Sec-Fetch-Site with 403 */
	const struct str_list *extra_hosts; /* further names that count as ours; may be NULL */
	int headers_ms; /* for all headers of a request; 0 = LIMIT_SERVER_HEADERS_MS */
	/* for a body or an answer, and a second more for each 64 kB; 0 = LIMIT_SERVER_BODY_MS */
	int body_ms;
	/* Who asks: called on a server thread when the headers are there and nothing of the body, so that it is quick; a refusal is
	 * answered at once. It may set *RET_USER, owned, for http_user. With status HTTP_CHECK_LATER it leaves that to
	 * http_checked. NULL = nobody has to say who he is. */
	struct http_refusal (*check)(void *data, struct http_exchange *exchange, char **ret_user);
	const char *challenge; /* WWW-Authenticate of a 401 from it; static */
	/* Called once the whole body is there, on a server thread; must answer with http_reply,
	 * now or later, exactly once. */
	void (*handle)(void *data, struct http_exchange *exchange);
	void *data;
};

#define HTTP_CHECK_LATER (-1)
/* What `check` has left open, once, maybe before it has returned: a refusal, or status 0 and USER (copied). Until then the handler is
 * not called and no server thread waits; what has come of the body of somebody refused is dropped. Any thread. */
void http_checked(struct http_exchange *exchange, struct http_refusal refusal, const char *user);

/* Binds and serves. "cannot listen on 127.0.0.1:8084: Address already in use" (ERR_CONFLICT). */
struct http_server *http_server_start(const struct http_server_setup *setup, struct err *err);
int http_server_port(const struct http_server *server);
/* Takes no further requests (503), ends streams, waits for the exchanges under way at most
 * GRACE_MS, then frees. Answers that come later still are dropped. */
void http_server_stop(struct http_server *server, int grace_ms);

/* The request, borrowed until the reply. */
const char *http_method(const struct http_exchange *exchange);
struct str http_path(const struct http_exchange *exchange); /* raw, without the query */
/* Path segments, each percent-decoded on its own; an invalid escape was answered with 400
 * before. */
size_t http_segment_count(const struct http_exchange *exchange);
const char *http_segment(const struct http_exchange *exchange, size_t index); /* "" beyond the end */
/* A query parameter, decoded; NULL when absent. An empty one counts as absent. */
const char *http_query(const struct http_exchange *exchange, const char *name);
const char *http_header(const struct http_exchange *exchange, const char *name); /* NULL when absent */
struct str http_body(const struct http_exchange *exchange);
/* Who asks, as `check` has found; NULL = nobody has said. */
const char *http_user(const struct http_exchange *exchange);

/* Answers; any thread; the exchange must not be touched afterwards. BODY is copied. TYPE NULL = no
 * body, no content type. HEADERS: further ones (map name → string), VAL_NULL for none. */
void http_reply(struct http_exchange *exchange, int status, const char *type, struct str body,
	struct val headers);
void http_reply_json(struct http_exchange *exchange, int status, struct val body);
/* Calls HANDLE once on a server thread, where it may take its time; it must answer, now or later. For a thread that may not:
 * once, and not after a reply. When the client is gone HANDLE is called all the same, maybe at once. Any thread. */
void http_go_on(struct http_exchange *exchange,
	void (*handle)(void *data, struct http_exchange *exchange), void *data);
/* {"timestamp","status","error","message"} with err's HTTP status. */
void http_reply_error(struct http_exchange *exchange, const struct err *err);

/*
 * A stream (server-sent events): FILL is called on a server thread whenever the client can take
 * more; it appends to BUF what is there and returns 0; nothing appended = ask again after
 * http_stream_wake or a second; -1 = the end. FREE is called once.
 */
void http_reply_stream(struct http_exchange *exchange, int status, const char *type,
	struct val headers, int (*fill)(void *data, struct strbuf *buf),
	void (*free_data)(void *data), void *data);
/* Something may be there for all streams of the server. Any thread, cheap. */
void http_stream_wake(struct http_server *server);

#endif
