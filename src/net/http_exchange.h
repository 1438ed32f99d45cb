/*
 * The inside of the HTTP server, shared by its three files: http_server.c (start, stop, the thread
 * that keeps time), http_exchange.c (a request comes in), http_reply.c (its answer goes out).
 *
 * Life of an exchange: made when the request line is there; its body is collected; the handler is
 * called and, unless it has answered, the connection is suspended; the answer resumes it. Counted:
 * one reference is the connection's, one the handler's until it has answered, one a stream's, one
 * that of a check that goes on.
 * Locks: `server->lock` before `exchange->lock` before those of libmicrohttpd.
 */
#ifndef NET_HTTP_EXCHANGE_H
#define NET_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"
#include "base/str.h"
#include "base/val.h"
#include "net/http_request.h"
#include "net/http_server.h"

/* What a connection is doing, for its deadline. */
enum http_phase {
	HTTP_PHASE_IDLE, /* nothing of a further request has come */
	HTTP_PHASE_HEADERS,
	HTTP_PHASE_BODY,
	HTTP_PHASE_WORKING, /* the handler's time: no deadline */
	HTTP_PHASE_REPLY,
	HTTP_PHASE_STREAM, /* only silence ends it */
};

struct http_connection {
	struct http_connection *next, **link; /* in server->connections */
	int fd;
	enum http_phase phase;
	int64_t since_us;
	size_t bytes; /* of the body so far, or of the reply */
};

struct http_stream {
	int (*fill)(void *data, struct strbuf *buf);
	void (*free_data)(void *data);
	void *data;
	struct strbuf buf;
	size_t sent; /* of buf */
	bool ended;
	bool sleeping; /* suspended until somebody wakes it; with server->lock */
};

struct http_exchange {
	struct http_exchange *next, **link; /* in server->exchanges */
	atomic_int references;
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct http_connection *connection;
	/* The request. Not changed once the handler has been called. */
	char *method;
	struct http_target target;
	struct val headers; /* lower-case name → string or list */
	char *user;         /* found by server->check */
	struct strbuf body;
	struct http_refusal refusal; /* found while the body was coming */
	size_t reserved;             /* of server->body_bytes */
	bool begun, dispatched;
	/* With `lock`: */
	pthread_mutex_t lock;
	bool unchecked;              /* http_checked has not been called yet */
	struct http_refusal verdict; /* of http_checked */
	/* The answer. */
	bool replied, suspended;
	bool dead; /* the connection is gone: `mhd` and `connection` must not be touched */
	int status;
	struct MHD_Response *response;
	void (*go_on)(void *data, struct http_exchange *exchange); /* to be called, or NULL */
	void *go_on_data;
	size_t reply_bytes;
	struct http_stream *stream;
};

struct http_server {
	atomic_int references; /* its starter's and one for each exchange */
	struct MHD_Daemon *daemon;
	int port;
	char *address;
	bool guard;
	struct str_list extra_hosts;
	int headers_ms, body_ms;
	struct http_refusal (*check)(void *data, struct http_exchange *exchange, char **ret_user);
	const char *challenge;
	void (*handle)(void *data, struct http_exchange *exchange);
	void *data;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* an exchange has ended */
	struct http_connection *connections;
	struct http_exchange *exchanges;
	bool stopping;       /* no further requests; streams end */
	atomic_bool killing; /* requests without an answer end too */
	atomic_size_t body_bytes;
	/* The keeper wakes streams and ends connections that are too slow. */
	pthread_t keeper;
	int wake_fd;
	atomic_bool wake_pending;
	atomic_uint_fast64_t wakes;
};

void http_server_unref(struct http_server *server);

/* Callbacks of libmicrohttpd (http_exchange.c). */
void *http_exchange_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_exchange_on_data(void *server, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *bytes, size_t *length, void **exchange);
void http_exchange_on_end(void *server, struct MHD_Connection *mhd, void **exchange,
	enum MHD_RequestTerminationCode why);
void http_exchange_unref(struct http_exchange *exchange);

void http_connection_enter(struct http_connection *connection, struct http_server *server,
	enum http_phase phase, size_t bytes);

/* http_reply.c: calls what http_go_on was given, if it has not been called. */
void http_exchange_go_on(struct http_exchange *exchange);
/* A refusal as JSON, ready to be queued. */
struct MHD_Response *http_refusal_response(struct http_refusal refusal);
void http_stream_free(struct http_stream *stream);

#endif
