#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/http_exchange.h"

/* Every answer says so: nothing of ours is to be guessed at, framed or loaded by other pages. */
static const struct {
	const char *name;
	const char *value;
} common_headers[] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cache-Control", "private, no-cache" },
};

static void add_common_headers(struct MHD_Response *response)
{
	for (size_t i = 0; i < sizeof(common_headers) / sizeof(common_headers[0]); i++) {
		if (!MHD_get_response_header(response, common_headers[i].name))
			MHD_add_response_header(
				response, common_headers[i].name, common_headers[i].value);
	}
}

static struct MHD_Response *response_of(const char *type, struct str body, struct val headers)
{
	char *copy = xmalloc(body.length + 1);

	if (body.length > 0)
		memcpy(copy, body.bytes, body.length);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body.length, copy, MHD_RESPMEM_MUST_FREE);

	if (!response)
		abort();
	if (type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	/* libmicrohttpd refuses values with line ends. */
	for (size_t i = 0; i < val_count(headers); i++) {
		struct val value = val_value_at(headers, i);

		MHD_add_response_header(response, val_key_at(headers, i).bytes, val_text(&value));
	}
	add_common_headers(response);
	return response;
}

static char *error_body(int status, const char *message)
{
	_cleanup_(val_free) struct val body = val_map();

	val_set(&body, "timestamp", val_int(clock_now_ms(clock_real())));
	val_set(&body, "status", val_int(status));
	val_set(&body, "error", val_string(MHD_get_reason_phrase_for((unsigned)status)));
	val_set(&body, "message", val_string(message));
	return json_text(body, JSON_COMPACT);
}

struct MHD_Response *http_refusal_response(struct http_refusal refusal)
{
	_cleanup_free_ char *body = error_body(refusal.status, refusal.text);
	struct MHD_Response *response = response_of("application/json", str_of(body), VAL_NULL);

	/* What follows on the connection may be the rest of this request. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (refusal.status == 503)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (refusal.status == 405)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
			"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	return response;
}

void http_exchange_go_on(struct http_exchange *exchange)
{
	pthread_mutex_lock(&exchange->lock);
	void (*handle)(void *data, struct http_exchange *exchange) = exchange->go_on;

	exchange->go_on = NULL;
	pthread_mutex_unlock(&exchange->lock);
	if (handle)
		handle(exchange->go_on_data, exchange);
}

void http_go_on(struct http_exchange *exchange,
	void (*handle)(void *data, struct http_exchange *exchange), void *data)
{
	pthread_mutex_lock(&exchange->lock);
	bool dead = exchange->dead;

	exchange->go_on_data = data;
	if (!dead)
		exchange->go_on = handle;
	if (exchange->suspended && !dead) {
		exchange->suspended = false;
		MHD_resume_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&exchange->lock);
	if (dead)
		handle(data, exchange);
}

/* Hands RESPONSE (taken) to the connection, or to nobody when that is gone. Gives back the
 * handler's reference. */
static void reply_with(struct http_exchange *exchange, int status, struct MHD_Response *response)
{
	pthread_mutex_lock(&exchange->lock);
	if (exchange->replied)
		abort(); /* a handler answers once */
	exchange->replied = true;
	bool dead = exchange->dead;

	if (!dead) {
		exchange->status = status;
		exchange->response = response;
	}
	if (exchange->suspended && !dead) {
		exchange->suspended = false;
		MHD_resume_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&exchange->lock);
	if (dead)
		MHD_destroy_response(response);
	http_exchange_unref(exchange);
}

void http_reply(struct http_exchange *exchange, int status, const char *type, struct str body,
	struct val headers)
{
	exchange->reply_bytes = body.length;
	reply_with(exchange, status, response_of(type, body, headers));
}

void http_reply_json(struct http_exchange *exchange, int status, struct val body)
{
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);

	http_reply(exchange, status, "application/json", str_of(text), VAL_NULL);
}

void http_reply_error(struct http_exchange *exchange, const struct err *err)
{
	int status = err_http_status(err->kind);
	_cleanup_free_ char *body = error_body(status, err_text(err));
	_cleanup_(val_free) struct val headers = val_map();

	if (err->kind == ERR_UNAVAILABLE)
		val_set(&headers, "Retry-After",
			val_format("%d",
				err->retry_after_ms ? (err->retry_after_ms + 999) / 1000 : 1));
	http_reply(exchange, status, "application/json", str_of(body), headers);
}

void http_stream_free(struct http_stream *stream)
{
	if (stream->free_data)
		stream->free_data(stream->data);
	strbuf_free(&stream->buf);
	free(stream);
}

/* True when the connection sleeps now, false when something has happened since WAKES was read. */
static bool stream_sleep(struct http_exchange *exchange, uint_fast64_t wakes)
{
	struct http_server *server = exchange->server;
	bool sleeps = false;

	pthread_mutex_lock(&server->lock);
	if (server->stopping) {
		exchange->stream->ended = true;
	} else if (atomic_load(&server->wakes) == wakes) {
		exchange->stream->sleeping = sleeps = true;
		MHD_suspend_connection(exchange->mhd);
	}
	pthread_mutex_unlock(&server->lock);
	return sleeps;
}

/* Called by libmicrohttpd when the client can take more. 0 = suspended. */
static ssize_t stream_read(void *data, uint64_t position, char *bytes, size_t most)
{
	struct http_exchange *exchange = data;
	struct http_stream *stream = exchange->stream;

	while (stream->sent == stream->buf.length) {
		uint_fast64_t wakes = atomic_load(&exchange->server->wakes);

		if (stream->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		strbuf_reset(&stream->buf);
		stream->sent = 0;
		stream->ended = stream->fill(stream->data, &stream->buf) < 0;
		if (stream->buf.overflowed)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (stream->buf.length == 0 && !stream->ended && stream_sleep(exchange, wakes))
			return 0;
	}
	size_t count = stream->buf.length - stream->sent;

	if (count > most)
		count = most;
	memcpy(bytes, stream->buf.bytes + stream->sent, count);
	stream->sent += count;
	return (ssize_t)count;
}

static void stream_end(void *data)
{
	struct http_exchange *exchange = data;
	struct http_stream *stream = exchange->stream;

	pthread_mutex_lock(&exchange->server->lock);
	exchange->stream = NULL;
	pthread_mutex_unlock(&exchange->server->lock);
	http_stream_free(stream);
	http_exchange_unref(exchange);
}

void http_reply_stream(struct http_exchange *exchange, int status, const char *type,
	struct val headers, int (*fill)(void *data, struct strbuf *buf),
	void (*free_data)(void *data), void *data)
{
	struct http_stream *stream = xnew(struct http_stream);
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, 16384, stream_read, exchange, stream_end);

	if (!response)
		abort();
	*stream = (struct http_stream){ .fill = fill, .free_data = free_data, .data = data };
	stream->buf = STRBUF_INIT(LIMIT_SERVER_STREAM_PIECE_BYTES);
	atomic_fetch_add(&exchange->references, 1);
	pthread_mutex_lock(&exchange->server->lock);
	exchange->stream = stream;
	pthread_mutex_unlock(&exchange->server->lock);
	if (type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (size_t i = 0; i < val_count(headers); i++) {
		struct val value = val_value_at(headers, i);

		MHD_add_response_header(response, val_key_at(headers, i).bytes, val_text(&value));
	}
	add_common_headers(response);
	reply_with(exchange, status, response);
}

void http_stream_wake(struct http_server *server)
{
	atomic_fetch_add(&server->wakes, 1);
	if (!atomic_exchange(&server->wake_pending, true))
		eventfd_write(server->wake_fd, 1);
}
