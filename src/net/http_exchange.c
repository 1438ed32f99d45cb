#include "net/http_exchange.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "net/http_message.h"

void http_connection_enter(struct http_connection *connection, struct http_server *server,
	enum http_phase phase, size_t bytes)
{
	pthread_mutex_lock(&server->lock);
	if (connection->phase != phase)
		connection->since_us = clock_stopwatch_us();
	connection->phase = phase;
	connection->bytes = bytes;
	pthread_mutex_unlock(&server->lock);
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void *http_exchange_on_target(void *data, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *server = data;
	struct http_exchange *exchange = xnew(struct http_exchange);

	atomic_init(&exchange->references, 1);
	atomic_fetch_add(&server->references, 1);
	exchange->server = server;
	exchange->mhd = mhd;
	exchange->connection = connection_of(mhd);
	exchange->body = STRBUF_INIT(LIMIT_BODY_BYTES);
	pthread_mutex_init(&exchange->lock, NULL);
	exchange->refusal = http_target_parse(target, &exchange->target);
	http_connection_enter(exchange->connection, server, HTTP_PHASE_HEADERS, 0);
	pthread_mutex_lock(&server->lock);
	exchange->next = server->exchanges;
	exchange->link = &server->exchanges;
	if (exchange->next)
		exchange->next->link = &exchange->next;
	server->exchanges = exchange;
	pthread_mutex_unlock(&server->lock);
	return exchange;
}

void http_exchange_unref(struct http_exchange *exchange)
{
	struct http_server *server = exchange->server;

	if (atomic_fetch_sub(&exchange->references, 1) > 1)
		return;
	atomic_fetch_sub(&server->body_bytes, exchange->reserved);
	free(exchange->method);
	free(exchange->user);
	http_target_free(&exchange->target);
	val_free(&exchange->headers);
	strbuf_free(&exchange->body);
	pthread_mutex_destroy(&exchange->lock);
	free(exchange);
	http_server_unref(server);
}

/* Of all requests together only so much may be kept. */
static bool reserve(struct http_exchange *exchange, size_t length)
{
	struct http_server *server = exchange->server;
	size_t before = atomic_fetch_add(&server->body_bytes, length);

	exchange->reserved += length;
	return before + length <= LIMIT_SERVER_BODIES_BYTES;
}

static void unreserve(struct http_exchange *exchange)
{
	atomic_fetch_sub(&exchange->server->body_bytes, exchange->reserved);
	exchange->reserved = 0;
	strbuf_free(&exchange->body);
	exchange->body = STRBUF_INIT(LIMIT_BODY_BYTES);
}

static const struct http_refusal too_large = { 413, "the body is larger than the limit" };
static const struct http_refusal too_busy = { 503, "too many large requests at once; try again" };

struct collected {
	struct http_framing framing;
	struct val *headers;
};

static enum MHD_Result collect_header(void *data, enum MHD_ValueKind kind, const char *name,
	size_t name_length, const char *value, size_t value_length)
{
	struct collected *collected = data;
	struct str key = { .bytes = name, .length = name_length };
	struct str text = { .bytes = value ? value : "", .length = value ? value_length : 0 };

	http_framing_see(&collected->framing, key, text);
	if (!collected->framing.refusal.status)
		http_headers_add(collected->headers, key, text);
	return MHD_YES;
}

static struct http_refusal check_body(struct http_exchange *exchange)
{
	const char *length = http_header(exchange, "content-length");
	int64_t bytes = 0;

	if (!length)
		return (struct http_refusal){ 0 };
	if (!str_to_int(str_of(length), &bytes) || bytes > LIMIT_BODY_BYTES)
		return too_large;
	return reserve(exchange, (size_t)bytes) ? (struct http_refusal){ 0 } : too_busy;
}

static struct http_refusal check_sender(struct http_exchange *exchange)
{
	const struct http_server *server = exchange->server;
	struct http_guard guard = { .port = server->port,
		.address = server->address,
		.extra_hosts = &server->extra_hosts };

	if (!server->guard)
		return (struct http_refusal){ 0 };
	return http_guard_check(&guard, exchange->method, http_header(exchange, "host"),
		http_header(exchange, "origin"), http_header(exchange, "sec-fetch-site"));
}

static struct http_refusal check_user(struct http_exchange *exchange)
{
	struct http_server *server = exchange->server;

	if (!server->check)
		return (struct http_refusal){ 0 };
	/* Before, as the verdict may be there before `check` has returned. */
	exchange->unchecked = true;
	atomic_fetch_add(&exchange->references, 1);
	struct http_refusal reason = server->check(server->data, exchange, &exchange->user);

	if (reason.status == HTTP_CHECK_LATER)
		return (struct http_refusal){ 0 };
	exchange->unchecked = false;
	http_exchange_unref(exchange);
	return reason;
}

void http_checked(struct http_exchange *exchange, struct http_refusal refusal, const char *user)
{
	pthread_mutex_lock(&exchange->lock);
	exchange->unchecked = false;
	exchange->verdict = refusal;
	if (user)
		exchange->user = xstrdup(user);
	if (exchange->suspended && !exchange->dead) {
		exchange->suspended = false;
		MHD_resume_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&exchange->lock);
	http_exchange_unref(exchange);
}

/* All headers are there. The order: what would make us misread the message first. */
static struct http_refusal check_head(struct http_exchange *exchange, const char *version)
{
	struct collected collected = { .framing.http11 = strcmp(version, "HTTP/1.1") == 0,
		.headers = &exchange->headers };

	if (!collected.framing.http11 && strcmp(version, "HTTP/1.0") != 0)
		return (struct http_refusal){ 505, "only HTTP/1.0 and HTTP/1.1 are spoken" };
	MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, collect_header, &collected);
	struct http_refusal reason = http_framing_end(&collected.framing);

	if (!reason.status)
		reason = exchange->refusal;
	if (!reason.status && !http_is_known_method(exchange->method))
		reason = (struct http_refusal){ 405, "the method is not allowed" };
	if (!reason.status)
		reason = check_sender(exchange);
	if (!reason.status)
		reason = check_user(exchange);
	return reason.status ? reason : check_body(exchange);
}

static enum MHD_Result queue(struct http_exchange *exchange, int status, struct MHD_Response *response)
{
	http_connection_enter(exchange->connection, exchange->server,
		exchange->stream ? HTTP_PHASE_STREAM : HTTP_PHASE_REPLY, exchange->reply_bytes);
	return MHD_queue_response(exchange->mhd, (unsigned)status, response);
}

static enum MHD_Result refuse(struct http_exchange *exchange, struct http_refusal reason)
{
	struct MHD_Response *response = http_refusal_response(reason);

	if (reason.status == 401 && exchange->server->challenge)
		MHD_add_response_header(
			response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, exchange->server->challenge);
	enum MHD_Result result = queue(exchange, reason.status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result begin(struct http_exchange *exchange, const char *method, const char *version)
{
	struct http_server *server = exchange->server;

	exchange->begun = true;
	exchange->method = xstrdup(method);
	exchange->refusal = check_head(exchange, version);
	pthread_mutex_lock(&server->lock);
	if (!exchange->refusal.status && server->stopping)
		exchange->refusal = (struct http_refusal){ 503, "the server is stopping" };
	pthread_mutex_unlock(&server->lock);
	if (exchange->refusal.status) {
		exchange->dispatched = true;
		exchange->replied = true;
		return refuse(exchange, exchange->refusal);
	}
	http_connection_enter(exchange->connection, server, HTTP_PHASE_BODY, 0);
	return MHD_YES;
}

/*
 * A piece of the body. An answer can only be given once it has come whole, so what is too large
 * without having said so before (chunked) is read on and dropped, up to as much again; then the
 * connection is cut.
 */
static enum MHD_Result receive(struct http_exchange *exchange, const char *bytes, size_t length)
{
	size_t total = exchange->connection->bytes + length;
	bool announced = http_header(exchange, "content-length") != NULL;

	http_connection_enter(exchange->connection, exchange->server, HTTP_PHASE_BODY, total);
	if (total > 2 * (size_t)LIMIT_BODY_BYTES)
		return MHD_NO;
	if (exchange->refusal.status)
		return MHD_YES;
	pthread_mutex_lock(&exchange->lock);
	exchange->refusal = exchange->verdict;
	pthread_mutex_unlock(&exchange->lock);
	if (exchange->refusal.status)
		; /* somebody who may not send it */
	else if (total > LIMIT_BODY_BYTES)
		exchange->refusal = too_large;
	else if (!announced && !reserve(exchange, length))
		exchange->refusal = too_busy;
	if (exchange->refusal.status)
		unreserve(exchange);
	else
		strbuf_add(&exchange->body, bytes, length);
	return MHD_YES;
}

/* The answer if it is there; else the connection sleeps until http_reply wakes it. */
static enum MHD_Result reply_or_suspend(struct http_exchange *exchange)
{
	pthread_mutex_lock(&exchange->lock);
	while (exchange->go_on) {
		pthread_mutex_unlock(&exchange->lock);
		http_exchange_go_on(exchange);
		pthread_mutex_lock(&exchange->lock);
	}
	struct MHD_Response *response = exchange->response;
	bool dead = exchange->dead || atomic_load(&exchange->server->killing);

	exchange->response = NULL;
	if (!response && !dead) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&exchange->lock);
	if (!response)
		return dead ? MHD_NO : MHD_YES;
	/* Without the lock: the end of a stream takes the server's. */
	enum MHD_Result result = queue(exchange, exchange->status, response);

	MHD_destroy_response(response);
	return result;
}

/* False while it is not known who asks: the connection sleeps until http_checked wakes it, or is to end, as *RET says. */
static bool is_checked(struct http_exchange *exchange, enum MHD_Result *ret)
{
	http_connection_enter(exchange->connection, exchange->server, HTTP_PHASE_WORKING, 0);
	pthread_mutex_lock(&exchange->lock);
	bool dead = exchange->dead || atomic_load(&exchange->server->killing);
	bool waits = exchange->unchecked && !exchange->refusal.status;

	if (waits && !dead) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->mhd);
	}
	if (!waits && !exchange->refusal.status)
		exchange->refusal = exchange->verdict;
	pthread_mutex_unlock(&exchange->lock);
	*ret = dead ? MHD_NO : MHD_YES;
	return !waits;
}

static enum MHD_Result dispatch(struct http_exchange *exchange)
{
	enum MHD_Result result;

	if (!is_checked(exchange, &result))
		return result;
	exchange->dispatched = true;
	if (exchange->refusal.status) {
		exchange->replied = true;
		return refuse(exchange, exchange->refusal);
	}
	atomic_fetch_add(&exchange->references, 1);
	exchange->server->handle(exchange->server->data, exchange);
	return reply_or_suspend(exchange);
}

enum MHD_Result http_exchange_on_data(void *server, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *bytes, size_t *length, void **data)
{
	struct http_exchange *exchange = *data;

	if (!exchange->begun)
		return begin(exchange, method, version);
	if (*length > 0) {
		size_t count = *length;

		*length = 0;
		return receive(exchange, bytes, count);
	}
	return exchange->dispatched ? reply_or_suspend(exchange) : dispatch(exchange);
}

void http_exchange_on_end(
	void *data, struct MHD_Connection *mhd, void **where, enum MHD_RequestTerminationCode why)
{
	struct http_server *server = data;
	struct http_exchange *exchange = *where;

	if (!exchange)
		return;
	*where = NULL;
	pthread_mutex_lock(&exchange->lock);
	struct MHD_Response *response = exchange->response;

	exchange->response = NULL;
	exchange->dead = true;
	pthread_mutex_unlock(&exchange->lock);
	http_exchange_go_on(exchange);
	if (response)
		MHD_destroy_response(response);
	http_connection_enter(exchange->connection, server, HTTP_PHASE_IDLE, 0);
	pthread_mutex_lock(&server->lock);
	*exchange->link = exchange->next;
	if (exchange->next)
		exchange->next->link = exchange->link;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	http_exchange_unref(exchange);
}

const char *http_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

struct str http_path(const struct http_exchange *exchange)
{
	return exchange->target.path;
}

size_t http_segment_count(const struct http_exchange *exchange)
{
	return val_count(exchange->target.segments);
}

const char *http_segment(const struct http_exchange *exchange, size_t index)
{
	/* A short text lies in its struct val itself; the list is of this exchange alone, so
	 * editing copies nothing. */
	struct val *segment = val_edit_at((struct val *)&exchange->target.segments, index);

	return segment ? val_text(segment) : "";
}

const char *http_query(const struct http_exchange *exchange, const char *name)
{
	const char *text = val_get_text(exchange->target.query, name, "");

	return *text ? text : NULL;
}

const char *http_header(const struct http_exchange *exchange, const char *name)
{
	_cleanup_(val_free) struct val lower = VAL_NULL;

	http_headers_add(&lower, str_of(name), STR(""));
	struct str key = val_key_at(lower, 0);
	struct val *value = val_edit_str((struct val *)&exchange->headers, key);

	if (value && val_is_list(*value))
		value = val_edit_at(value, 0);
	return value ? val_text(value) : NULL;
}

const char *http_user(const struct http_exchange *exchange)
{
	return exchange->user;
}

struct str http_body(const struct http_exchange *exchange)
{
	return strbuf_str(&exchange->body);
}
