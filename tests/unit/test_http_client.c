#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "lib/raw_server.h"
#include "net/http_client.h"
#include "net/http_message.h"

/* A server, a client and what the last request was. */
struct world {
	struct raw_server *server;
	struct raw_server *other; /* another origin */
	struct http_transport *client;
	char *url;
	char *other_url;
	pthread_mutex_t lock;
	char *head; /* of the last request */
	char *body;
	atomic_int requests;
	atomic_int other_requests;
	atomic_int max_at_once, at_once;
};

static void keep(struct world *world, const struct raw_request *request)
{
	pthread_mutex_lock(&world->lock);
	free(world->head);
	free(world->body);
	world->head = xstrdup(request->head);
	world->body = xstrdup(request->body);
	pthread_mutex_unlock(&world->lock);
}

static void answer_hello(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_answer(connection, 200, "Content-Type: text/plain\r\nX-Two: a\r\nX-Two: b\r\n", "hello");
}

static void answer_nothing(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_wait_closed(connection, 20000);
	raw_close(connection);
}

static void answer_reset(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_reset(connection);
}

static void answer_half(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_print(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	raw_close(connection);
}

static void answer_endless(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	static const char block[4096];

	raw_print(connection, "HTTP/1.1 200 OK\r\n\r\n");
	while (raw_write(connection, block, sizeof(block)))
		;
	raw_close(connection);
}

static void answer_slowly(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_print(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	while (!raw_wait_closed(connection, 20) && raw_write(connection, "x", 1))
		;
	raw_close(connection);
}

static void answer_headers(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_print(connection, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 100000 && raw_print(connection, "X-%d: y\r\n", i); i++)
		;
	raw_close(connection);
}

static void answer_upgrade(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_print(connection,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw");
	raw_wait_closed(connection, 20000);
	raw_close(connection);
}

/* Appends COUNT bits of CODE, the highest first, as Huffman codes lie in a deflate stream. */
static void put_code(unsigned char *bytes, size_t *bit, unsigned code, int count)
{
	while (count-- > 0) {
		bytes[*bit / 8] |= (unsigned char)((code >> count & 1) << (*bit % 8));
		(*bit)++;
	}
}

/*
 * RUNS times 258 letters z (and one) as gzip: RFC 1951 with fixed codes, a literal and then copies
 * of the longest run, of 13 bits each. Without the checksum, so the end of a short one is never
 * reached by the reader of `bomb`.
 */
static size_t make_gzip(unsigned char *bytes, size_t runs)
{
	static const unsigned char head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	size_t bit = 8 * sizeof(head);

	memcpy(bytes, head, sizeof(head));
	put_code(bytes, &bit, 6, 3); /* the last block, with fixed codes */
	put_code(bytes, &bit, 0x30 + 'z', 8);
	for (size_t i = 0; i < runs; i++)
		put_code(bytes, &bit, 0xc5 << 5, 13);
	put_code(bytes, &bit, 0, 7);
	return (bit + 7) / 8;
}

static void answer_gzip(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	/* The checksum and length of 259 letters z. */
	static const unsigned char tail[8] = { 0xa7, 0x8a, 0x9f, 0x00, 3, 1, 0, 0 };
	size_t runs = strstr(request->target, "bomb") ? 300000 : 1;
	unsigned char *packed = xcalloc(1, runs * 13 / 8 + 100);
	size_t length = make_gzip(packed, runs);

	memcpy(packed + length, tail, sizeof(tail));
	length += sizeof(tail);
	raw_print(connection,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", length);
	raw_write(connection, packed, length);
	free(packed);
}

static void answer_stream(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_print(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 5; i++)
		raw_print(connection, "6\r\nline%d\n\r\n", i);
	if (strstr(request->target, "end"))
		raw_print(connection, "0\r\n\r\n");
	else
		raw_wait_closed(connection, 20000);
}

static void answer_gone(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_answer(connection, 410, "", "{\"code\":410}");
}

/* Counts how many are being answered at once. */
static void answer_counted(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	int now = atomic_fetch_add(&world->at_once, 1) + 1;
	int most = atomic_load(&world->max_at_once);

	while (now > most && !atomic_compare_exchange_weak(&world->max_at_once, &most, now))
		;
	raw_wait_closed(connection, 20);
	atomic_fetch_sub(&world->at_once, 1);
	raw_answer(connection, 200, "", "counted");
}

/* "/redirect/307/other/rest": to the other server. "/redirect/302/same/rest": to ourselves. */
static void answer_redirect(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	int status = atoi(request->target + strlen("/redirect/"));
	const char *where = request->target + strlen("/redirect/307/");
	const char *rest = strchr(where, '/');
	bool other = strncmp(where, "other", 5) == 0;
	_cleanup_free_ char *location = xasprintf(
		"Location: %s%s\r\n", other ? world->other_url : "", rest ? rest : "/");

	raw_answer(connection, status, location, "moved");
}

static void answer_loop(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	raw_answer(connection, 302, "Location: loop?again\r\n", "");
}

static void answer_to_file(
	struct world *world, struct raw_connection *connection, const struct raw_request *request)
{
	_cleanup_free_ char *location = xasprintf("Location: %s\r\n",
		strchr(request->target, '?') ? strchr(request->target, '?') + 1 : "");

	raw_answer(connection, 302, location, "");
}

static const struct {
	const char *path;
	void (*answer)(struct world *world, struct raw_connection *connection,
		const struct raw_request *request);
} answers[] = {
	{ "/hello", answer_hello },
	{ "/nothing", answer_nothing },
	{ "/reset", answer_reset },
	{ "/half", answer_half },
	{ "/endless", answer_endless },
	{ "/slow", answer_slowly },
	{ "/headers", answer_headers },
	{ "/upgrade", answer_upgrade },
	{ "/gzip", answer_gzip },
	{ "/stream", answer_stream },
	{ "/gone", answer_gone },
	{ "/counted", answer_counted },
	{ "/redirect/", answer_redirect },
	{ "/loop", answer_loop },
	{ "/to", answer_to_file },
};

static void serve(void *data, struct raw_connection *connection, const struct raw_request *request)
{
	struct world *world = data;

	atomic_fetch_add(&world->requests, 1);
	keep(world, request);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strncmp(request->target, answers[i].path, strlen(answers[i].path)) == 0) {
			answers[i].answer(world, connection, request);
			return;
		}
	}
	raw_answer(connection, 404, "", "no such path");
}

static void serve_other(
	void *data, struct raw_connection *connection, const struct raw_request *request)
{
	struct world *world = data;

	atomic_fetch_add(&world->other_requests, 1);
	keep(world, request);
	raw_answer(connection, 200, "", "other");
}

static int make_world(void **state)
{
	struct world *world = xnew(struct world);

	pthread_mutex_init(&world->lock, NULL);
	world->server = raw_server_start("127.0.0.1", NULL, serve, world);
	world->other = raw_server_start("127.0.0.1", NULL, serve_other, world);
	world->url = xasprintf("http://127.0.0.1:%d", raw_server_port(world->server));
	world->other_url = xasprintf("http://127.0.0.1:%d", raw_server_port(world->other));
	world->client = http_transport_curl(clock_real(), "gennaker/test");
	*state = world;
	return 0;
}

static int end_world(void **state)
{
	struct world *world = *state;

	http_transport_free(world->client);
	raw_server_stop(world->server);
	raw_server_stop(world->other);
	pthread_mutex_destroy(&world->lock);
	free(world->url);
	free(world->other_url);
	free(world->head);
	free(world->body);
	free(world);
	return 0;
}

/* One call of PATH; the caller frees RET. Returns the kind of error. */
static enum err_kind call(struct world *world, const char *path, struct http_request request,
	struct http_response *ret, char **ret_reason)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *url = xasprintf("%s%s", world->url, path);

	if (!request.url)
		request.url = url;
	if (!request.method)
		request.method = "GET";
	if (http_perform(world->client, &request, ret, &err) == 0)
		return ERR_NONE;
	if (ret_reason)
		*ret_reason = xstrdup(val_get_text(err.details, "reason", ""));
	assert_true(*err_text(&err));
	*ret = (struct http_response){ .body = STRBUF_INIT(0) };
	return err.kind;
}
#define CALL(world, path, ret, ...) \
	call(world, path, (struct http_request){ __VA_ARGS__ }, ret, NULL)

static void an_answer_is_read_whole(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response response;

	assert_int_equal(CALL(world, "/hello?x=1", &response), ERR_NONE);
	assert_int_equal(response.status, 200);
	assert_string_equal(response.body.bytes, "hello");
	assert_string_equal(http_response_header(&response, "content-type"), "text/plain");
	assert_string_equal(http_response_header(&response, "x-two"), "a");
	assert_int_equal(val_count(val_get(response.headers, "x-two")), 2);
	assert_string_equal(http_response_header(&response, "x-none"), "");
	assert_non_null(strstr(response.effective_url, "/hello?x=1"));
	assert_non_null(strstr(world->head, "GET /hello?x=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(world->head, "User-Agent: gennaker/test\r\n"));
	assert_null(strstr(world->head, "Content-Type"));
	assert_null(strstr(world->head, "Expect"));
}

static void methods_and_bodies_are_sent_as_they_are(void **state)
{
	static const struct {
		const char *method;
		const char *body;
		const char *length;
	} rows[] = {
		{ "POST", "{\"a\":1}", "Content-Length: 7\r\n" },
		{ "POST", NULL, "Content-Length: 0\r\n" },
		{ "PUT", "x", "Content-Length: 1\r\n" },
		{ "PATCH", "", "Content-Length: 0\r\n" },
		{ "DELETE", NULL, NULL },
		{ "DELETE", "{}", "Content-Length: 2\r\n" },
		{ "GET", "q", "Content-Length: 1\r\n" },
		{ "HEAD", NULL, NULL },
		{ "OPTIONS", NULL, NULL },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response;
		struct str body = { .bytes = rows[i].body,
			.length = rows[i].body ? strlen(rows[i].body) : 0 };
		_cleanup_free_ char *line = xasprintf("%s /hello HTTP/1.1\r\n", rows[i].method);

		/* A fresh connection each: the answer to HEAD above carries a body. */
		assert_int_equal(
			CALL(world, "/hello", &response, .method = rows[i].method, .body = body),
			ERR_NONE);
		assert_non_null(strstr(world->head, line));
		assert_string_equal(world->body, rows[i].body ? rows[i].body : "");
		if (rows[i].length)
			assert_non_null(strstr(world->head, rows[i].length));
		else
			assert_null(strstr(world->head, "Content-Length"));
		assert_null(strstr(world->head, "Content-Type"));
	}
}

static struct val headers_of(const char *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val headers = VAL_NULL;

	assert_int_equal(json_parse(str_of(json), NULL, NULL, &headers, &err), 0);
	return headers;
}

static void headers_are_sent_as_they_are(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response response;
	_cleanup_(val_free) struct val headers = headers_of(
		"{\"X-One\":\"1\",\"X-Empty\":\"\",\"X-List\":[\"a\",\"b\"],\"Content-Type\":\"a/b\","
		"\"Accept\":\"c/d\",\"User-Agent\":\"me\"}");

	assert_int_equal(CALL(world, "/hello", &response, .headers = headers), ERR_NONE);
	assert_non_null(strstr(world->head, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(world->head, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(world->head, "\r\nX-List: a\r\nX-List: b\r\n"));
	assert_non_null(strstr(world->head, "\r\nContent-Type: a/b\r\n"));
	assert_non_null(strstr(world->head, "\r\nAccept: c/d\r\n"));
	assert_null(strstr(world->head, "*/*"));
	assert_non_null(strstr(world->head, "\r\nUser-Agent: me\r\n"));
	assert_null(strstr(world->head, "gennaker"));
}

/* security.md rows 40 and 50 */
static void headers_that_break_the_message_are_refused_before_sending(void **state)
{
	static const char *const rows[] = { "{\"X\":\"a\\r\\nY: b\"}", "{\"X\":\"a\\nb\"}",
		"{\"X\":\"a\\u0000b\"}", "{\"X\\r\\nY\":\"a\"}", "{\"X Y\":\"a\"}", "{\"\":\"a\"}",
		"{\"X:\":\"a\"}", "{\"Host\":\"evil\"}", "{\"content-length\":\"1\"}",
		"{\"Transfer-Encoding\":\"chunked\"}", "{\"X\":[\"a\",\"b\\r\"]}", "{\"X\":1}",
		"{\"Connection\":\"close\"}" };
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response;
		_cleanup_(val_free) struct val headers = headers_of(rows[i]);

		if (CALL(world, "/hello", &response, .headers = headers) != ERR_INVALID)
			fail_msg("%s is sent", rows[i]);
	}
	_cleanup_(http_response_free) struct http_response response;

	assert_int_equal(
		CALL(world, "/hello", &response, .method = "GET / HTTP/1.1\r\nX: y"), ERR_INVALID);
	assert_int_equal(atomic_load(&world->requests), 0);
}

static void a_connection_is_kept_and_used_again(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 5; i++) {
		_cleanup_(http_response_free) struct http_response response;

		assert_int_equal(CALL(world, "/hello", &response), ERR_NONE);
	}
	assert_int_equal(raw_server_connections(world->server), 1);
	/* Another identity or policy never takes that connection. */
	struct http_tls tls = { .identity = "someone" };
	_cleanup_(http_response_free) struct http_response response;

	assert_int_equal(CALL(world, "/hello", &response, .tls = &tls), ERR_NONE);
	assert_int_equal(raw_server_connections(world->server), 2);
}

static void failures_are_told_apart(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *refused = xasprintf("http://127.0.0.1:1/");
	const struct {
		const char *path;
		const char *url;
		enum err_kind kind;
		const char *reason;
	} rows[] = {
		{ "/reset", NULL, ERR_UNAVAILABLE, "reset" },
		{ "/half", NULL, ERR_UNAVAILABLE, "reset" },
		{ "/nothing", NULL, ERR_TIMEOUT, "timeout" },
		{ "/slow", NULL, ERR_TIMEOUT, "timeout" },
		{ "/upgrade", NULL, ERR_TIMEOUT, "timeout" },
		{ "", refused, ERR_UNAVAILABLE, "connect" },
		{ "", "http://no.such.host.invalid/", ERR_UNAVAILABLE, "resolve" },
		{ "", "file:///etc/passwd", ERR_INVALID, "" },
		{ "", "nonsense", ERR_INVALID, "" },
		{ "/headers", NULL, ERR_TOO_LARGE, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response;
		_cleanup_free_ char *reason = NULL;
		enum err_kind kind = call(world, rows[i].path,
			(struct http_request){ .url = rows[i].url, .total_ms = 300 }, &response,
			&reason);

		/* Without a resolver the name takes longer than that. */
		if (strcmp(rows[i].reason, "resolve") == 0 && kind == ERR_TIMEOUT)
			continue;
		if (kind != rows[i].kind || strcmp(reason, rows[i].reason) != 0)
			fail_msg("%s%s: %s %s", rows[i].path, rows[i].url ? rows[i].url : "",
				err_kind_name(kind), reason);
	}
}

/* security.md row 42 */
static void an_answer_over_its_cap_is_an_error_and_costs_no_memory(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response endless, bomb, fits;

	assert_int_equal(CALL(world, "/endless", &endless, .max_response = 100000), ERR_TOO_LARGE);
	assert_int_equal(CALL(world, "/gzip/bomb", &bomb, .accept_gzip = true), ERR_TOO_LARGE);
	assert_int_equal(CALL(world, "/hello", &fits, .max_response = 5), ERR_NONE);
	_cleanup_(http_response_free) struct http_response one_less;

	assert_int_equal(CALL(world, "/hello", &one_less, .max_response = 4), ERR_TOO_LARGE);
}

static void gzip_is_asked_for_and_undone(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response response, raw;

	assert_int_equal(CALL(world, "/gzip", &response, .accept_gzip = true), ERR_NONE);
	assert_int_equal(response.body.length, 259);
	assert_non_null(strstr(world->head, "Accept-Encoding: gzip\r\n"));
	assert_int_equal(CALL(world, "/gzip", &raw), ERR_NONE);
	assert_null(strstr(world->head, "Accept-Encoding"));
	assert_true(raw.body.length < 100);
}

struct canceler {
	struct world *world;
	struct cancel *cancel;
	int64_t set_at_us;
};

static void *cancel_once_it_hangs(void *data)
{
	struct canceler *canceler = data;

	while (atomic_load(&canceler->world->requests) == 0)
		sched_yield();
	canceler->set_at_us = clock_stopwatch_us();
	cancel_set(canceler->cancel);
	return NULL;
}

static void a_cancel_ends_the_call_at_once(void **state)
{
	struct world *world = *state;
	_cleanup_(cancel_unref_cleanup) struct cancel *cancel = cancel_new();
	struct canceler canceler = { .world = world, .cancel = cancel };
	_cleanup_(http_response_free) struct http_response response, again;
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_once_it_hangs, &canceler);
	assert_int_equal(CALL(world, "/nothing", &response, .cancel = cancel), ERR_CANCELED);
	int64_t now_us = clock_stopwatch_us();

	pthread_join(thread, NULL);
	assert_true(now_us - canceler.set_at_us < 500000);
	assert_int_equal(CALL(world, "/hello", &again, .cancel = cancel), ERR_CANCELED);
	assert_int_equal(atomic_load(&world->requests), 1);
}

struct caller {
	struct world *world;
	struct cancel *cancel;
	const char *path;
	enum err_kind kind;
};

static void *call_from_thread(void *data)
{
	struct caller *caller = data;
	_cleanup_(http_response_free) struct http_response response;

	caller->kind = CALL(caller->world, caller->path, &response, .cancel = caller->cancel,
		.total_ms = 10000);
	return NULL;
}

static void an_origin_is_called_by_a_few_at_a_time(void **state)
{
	enum { CALLERS = 3 * LIMIT_HTTP_PER_ORIGIN };
	struct world *world = *state;
	struct caller callers[CALLERS];
	pthread_t threads[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){ .world = world, .path = "/counted" };
		pthread_create(&threads[i], NULL, call_from_thread, &callers[i]);
	}
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].kind, ERR_NONE);
	}
	assert_true(atomic_load(&world->max_at_once) <= LIMIT_HTTP_PER_ORIGIN);
	assert_true(raw_server_connections(world->server) <= LIMIT_HTTP_PER_ORIGIN);
}

static void who_waits_for_a_connection_can_be_canceled(void **state)
{
	struct world *world = *state;
	struct caller callers[LIMIT_HTTP_PER_ORIGIN];
	pthread_t threads[LIMIT_HTTP_PER_ORIGIN];
	_cleanup_(cancel_unref_cleanup) struct cancel *all = cancel_new();
	_cleanup_(cancel_unref_cleanup) struct cancel *mine = cancel_new();

	for (int i = 0; i < LIMIT_HTTP_PER_ORIGIN; i++) {
		callers[i] = (struct caller){ .world = world, .path = "/nothing", .cancel = all };
		pthread_create(&threads[i], NULL, call_from_thread, &callers[i]);
	}
	while (atomic_load(&world->requests) < LIMIT_HTTP_PER_ORIGIN)
		sched_yield();
	/* A stream does not take part in that; a short deadline ends the wait; so does the flag. */
	_cleanup_(http_response_free) struct http_response late, stopped;
	_cleanup_free_ char *reason = NULL;

	assert_int_equal(
		call(world, "/hello", (struct http_request){ .total_ms = 50 }, &late, &reason),
		ERR_UNAVAILABLE);
	assert_string_equal(reason, "busy");
	struct caller waiting = { .world = world, .path = "/hello", .cancel = mine };
	pthread_t thread;

	pthread_create(&thread, NULL, call_from_thread, &waiting);
	cancel_set(mine);
	pthread_join(thread, NULL);
	assert_int_equal(waiting.kind, ERR_CANCELED);
	cancel_set(all);
	for (int i = 0; i < LIMIT_HTTP_PER_ORIGIN; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(CALL(world, "/hello", &stopped), ERR_NONE);
}

struct reader {
	struct strbuf text;
	int pieces;
	int most; /* ends after so many lines, 0 = never */
};

static int read_piece(void *data, const char *bytes, size_t length)
{
	struct reader *reader = data;

	reader->pieces++;
	strbuf_add(&reader->text, bytes, length);
	return reader->most && reader->text.length >= (size_t)reader->most * 6 ? -1 : 0;
}

static void a_stream_is_read_piece_by_piece(void **state)
{
	struct world *world = *state;
	struct reader reader = { .text = STRBUF_INIT(1000) };
	_cleanup_(http_response_free) struct http_response whole, ended, silent, gone;

	assert_int_equal(
		CALL(world, "/stream/end", &whole, .on_body = read_piece, .on_body_data = &reader),
		ERR_NONE);
	assert_string_equal(reader.text.bytes, "line0\nline1\nline2\nline3\nline4\n");
	assert_int_equal(whole.body.length, 0);
	assert_int_equal(whole.status, 200);
	strbuf_reset(&reader.text);
	/* The reader has enough: that is no failure. */
	reader.most = 3;
	assert_int_equal(
		CALL(world, "/stream", &ended, .on_body = read_piece, .on_body_data = &reader),
		ERR_NONE);
	assert_int_equal(ended.status, 200);
	/* Silence beyond total_ms is. */
	strbuf_reset(&reader.text);
	reader.most = 0;
	assert_int_equal(CALL(world, "/stream", &silent, .on_body = read_piece,
				 .on_body_data = &reader, .total_ms = 100),
		ERR_TIMEOUT);
	assert_int_equal(reader.text.length, 30);
	/* The text of a refusal is no stream. */
	strbuf_reset(&reader.text);
	assert_int_equal(CALL(world, "/gone", &gone, .on_body = read_piece, .on_body_data = &reader),
		ERR_NONE);
	assert_int_equal(gone.status, 410);
	assert_string_equal(gone.body.bytes, "{\"code\":410}");
	assert_int_equal(reader.text.length, 0);
	strbuf_free(&reader.text);
}

static void redirects_are_followed_when_asked(void **state)
{
	static const struct {
		const char *status;
		const char *method;
		const char *then;
		bool body;
	} rows[] = {
		{ "301", "POST", "GET", false },
		{ "302", "POST", "GET", false },
		{ "302", "PUT", "PUT", true },
		{ "303", "POST", "GET", false },
		{ "303", "DELETE", "GET", false },
		{ "303", "GET", "GET", true },
		{ "307", "POST", "POST", true },
		{ "308", "PATCH", "PATCH", true },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response;
		_cleanup_free_ char *path = xasprintf("/redirect/%s/same/hello", rows[i].status);
		_cleanup_free_ char *line = xasprintf("%s /hello HTTP", rows[i].then);
		_cleanup_(val_free) struct val headers = headers_of(
			"{\"Authorization\":\"secret\",\"Content-Type\":\"a/b\"}");

		assert_int_equal(
			CALL(world, path, &response, .method = rows[i].method,
				.follow_redirects = true, .body = STR("data"), .headers = headers),
			ERR_NONE);
		assert_int_equal(response.status, 200);
		assert_non_null(strstr(world->head, line));
		assert_non_null(strstr(world->head, "Authorization: secret\r\n"));
		assert_string_equal(world->body, rows[i].body ? "data" : "");
		assert_int_equal(strstr(world->head, "Content-Type: a/b") != NULL, rows[i].body);
		assert_non_null(strstr(response.effective_url, "/hello"));
	}
	_cleanup_(http_response_free) struct http_response kept;

	assert_int_equal(CALL(world, "/redirect/302/same/hello", &kept), ERR_NONE);
	assert_int_equal(kept.status, 302);
}

/* security.md row 36 */
static void credentials_do_not_go_to_another_origin(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response response;
	_cleanup_(val_free) struct val headers = headers_of(
		"{\"Authorization\":\"s1\",\"Cookie\":\"s2\",\"X-Api-Key\":\"s3\",\"PRIVATE-TOKEN\":\"s4\","
		"\"Content-Type\":\"a/b\",\"Accept\":\"c/d\"}");

	assert_int_equal(CALL(world, "/redirect/307/other/x", &response, .method = "POST",
				 .follow_redirects = true, .body = STR("data"), .headers = headers),
		ERR_NONE);
	assert_string_equal(response.body.bytes, "other");
	assert_int_equal(atomic_load(&world->other_requests), 1);
	for (const char *const *secret = (const char *const[]){ "s1", "s2", "s3", "s4", NULL };
		*secret; secret++)
		assert_null(strstr(world->head, *secret));
	assert_non_null(strstr(world->head, "Content-Type: a/b"));
	assert_non_null(strstr(world->head, "Accept: c/d"));
	assert_string_equal(world->body, "data");
}

static void bad_redirects_end_the_call(void **state)
{
	struct world *world = *state;
	const struct {
		const char *path;
		enum err_kind kind;
	} rows[] = {
		{ "/loop", ERR_FAILED },
		{ "/to?file:///etc/passwd", ERR_INVALID },
		{ "/to?gopher://127.0.0.1/", ERR_INVALID },
		{ "/to?http://user:pass@127.0.0.1/", ERR_DENIED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response;

		if (CALL(world, rows[i].path, &response, .follow_redirects = true) != rows[i].kind)
			fail_msg("%s", rows[i].path);
	}
	assert_int_equal(atomic_load(&world->requests), LIMIT_HTTP_REDIRECTS + 1 + 3);
}

static void make_policy(const char *json, struct url_policy *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = headers_of(json);

	if (url_policy_read(settings, ret, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* security.md rows 35 and 36: the verdict is about the address that is connected. */
static void the_policy_is_asked_at_each_hop_and_at_the_socket(void **state)
{
	struct world *world = *state;
	_cleanup_(url_policy_free) struct url_policy strict = { 0 }, names = { 0 }, open = { 0 };
	_cleanup_free_ char *by_name = xasprintf(
		"http://localhost:%d/hello", raw_server_port(world->server));
	_cleanup_(http_response_free) struct http_response response;

	make_policy("{}", &strict);
	make_policy("{\"rejectLocalhost\":false,\"rejectedIps\":[\"127.0.0.0/8\",\"::1\"]}", &names);
	make_policy("{\"rejectLocalhost\":false,\"rejectVerbatimIps\":false}", &open);
	assert_int_equal(CALL(world, "/hello", &response, .policy = &strict), ERR_DENIED);
	/* The name passes, its address does not. */
	assert_int_equal(CALL(world, "", &response, .url = by_name, .policy = &names), ERR_DENIED);
	assert_int_equal(atomic_load(&world->requests), 0);
	assert_int_equal(CALL(world, "/hello", &response, .policy = &open), ERR_NONE);
	http_response_free(&response);
	/* A connection that was opened without a policy serves nobody who has one. */
	assert_int_equal(CALL(world, "", &response, .url = by_name), ERR_NONE);
	http_response_free(&response);
	assert_int_equal(CALL(world, "", &response, .url = by_name, .policy = &names), ERR_DENIED);
	/* A redirect to where we may not go. */
	val_append(&open.own_listeners, val_format("127.0.0.1:%d", raw_server_port(world->other)));
	assert_int_equal(CALL(world, "/redirect/302/other/x", &response, .policy = &open,
				 .follow_redirects = true),
		ERR_DENIED);
	assert_int_equal(atomic_load(&world->other_requests), 0);
	assert_int_equal(CALL(world, "/to?http://169.254.169.254/", &response, .policy = &open,
				 .follow_redirects = true),
		ERR_DENIED);
}

/* security.md row 41 */
static void nothing_is_read_from_the_environment(void **state)
{
	struct world *world = *state;
	_cleanup_(http_response_free) struct http_response response;
	_cleanup_free_ char *home = xstrdup("/tmp/gennaker-test-home-XXXXXX");

	assert_non_null(mkdtemp(home));
	_cleanup_free_ char *netrc = xasprintf("%s/.netrc", home);
	FILE *file = fopen(netrc, "w");

	assert_non_null(file);
	fputs("machine 127.0.0.1 login a password b\n", file);
	fclose(file);
	setenv("HOME", home, 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(CALL(world, "/hello", &response), ERR_NONE);
	assert_null(strstr(world->head, "Authorization"));
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unlink(netrc);
	rmdir(home);
}

static void a_proxy_is_used_when_it_is_given(void **state)
{
	struct world *world = *state;
	struct http_tls tls = { .proxy = world->other_url };
	_cleanup_(http_response_free) struct http_response response;

	setenv("no_proxy", "*", 1);
	assert_int_equal(CALL(world, "", &response, .url = "http://api.example:8080/x", .tls = &tls),
		ERR_NONE);
	unsetenv("no_proxy");
	assert_string_equal(response.body.bytes, "other");
	assert_non_null(strstr(world->head, "GET http://api.example:8080/x HTTP/1.1\r\n"));
}

static void an_ipv6_host_is_called(void **state)
{
	struct world *world = *state;
	struct raw_server *server = raw_server_start("::1", NULL, serve_other, world);
	_cleanup_free_ char *url = xasprintf("http://[::1]:%d/x", raw_server_port(server));
	_cleanup_free_ char *host = xasprintf("\r\nHost: [::1]:%d\r\n", raw_server_port(server));
	_cleanup_(http_response_free) struct http_response response;

	assert_int_equal(CALL(world, "", &response, .url = url), ERR_NONE);
	assert_non_null(strstr(world->head, host));
	raw_server_stop(server);
}

static void serve_tls(void *data, struct raw_connection *connection, const struct raw_request *request)
{
	char body[200];

	snprintf(body, sizeof(body), "%s %d", request->server_name, request->client_certificate);
	keep(data, request);
	raw_answer(connection, 200, "", body);
}

static void tls_identity_and_trust_come_from_the_request(void **state)
{
	struct world *world = *state;
	struct raw_tls tls, foreign;
	_cleanup_(http_response_free) struct http_response response;
	_cleanup_free_ char *reason = NULL;

	raw_tls_make("DNS:api.example,IP:127.0.0.1", &tls);
	raw_tls_make("IP:127.0.0.1", &foreign);
	struct raw_server *server = raw_server_start("127.0.0.1", &tls, serve_tls, world);
	_cleanup_free_ char *url = xasprintf("https://127.0.0.1:%d/x", raw_server_port(server));
	struct http_tls trust = { .identity = "a", .ca_pem = tls.ca_pem };
	struct http_tls other = { .identity = "b", .ca_pem = foreign.ca_pem };
	struct http_tls any = { .identity = "c", .ca_pem = foreign.ca_pem, .insecure = true };
	struct http_tls name = { .identity = "d", .ca_pem = tls.ca_pem, .server_name = "api.example" };
	struct http_tls wrong = { .identity = "e", .ca_pem = tls.ca_pem, .server_name = "b.example" };
	struct http_tls client = { .identity = "f",
		.ca_pem = tls.ca_pem,
		.client_cert_pem = tls.client_cert_pem,
		.client_key_pem = tls.client_key_pem };

	assert_int_equal(CALL(world, "", &response, .url = url, .tls = &trust), ERR_NONE);
	assert_string_equal(response.body.bytes, " 0");
	http_response_free(&response);
	assert_int_equal(call(world, "", (struct http_request){ .url = url, .tls = &other },
				 &response, &reason),
		ERR_FAILED);
	assert_string_equal(reason, "certificate");
	assert_int_equal(CALL(world, "", &response, .url = url), ERR_FAILED);
	assert_int_equal(CALL(world, "", &response, .url = url, .tls = &any), ERR_NONE);
	http_response_free(&response);
	assert_int_equal(CALL(world, "", &response, .url = url, .tls = &name), ERR_NONE);
	assert_string_equal(response.body.bytes, "api.example 0");
	_cleanup_free_ char *host = xasprintf("\r\nHost: 127.0.0.1:%d\r\n", raw_server_port(server));

	assert_non_null(strstr(world->head, host));
	http_response_free(&response);
	assert_int_equal(CALL(world, "", &response, .url = url, .tls = &wrong), ERR_FAILED);
	raw_server_stop(server);
	tls.want_client = true;
	server = raw_server_start("127.0.0.1", &tls, serve_tls, world);
	_cleanup_free_ char *strict = xasprintf("https://127.0.0.1:%d/x", raw_server_port(server));

	assert_int_equal(CALL(world, "", &response, .url = strict, .tls = &client), ERR_NONE);
	assert_string_equal(response.body.bytes, " 1");
	http_response_free(&response);
	assert_int_not_equal(CALL(world, "", &response, .url = strict, .tls = &trust), ERR_NONE);
	raw_server_stop(server);
	raw_tls_free(&tls);
	raw_tls_free(&foreign);
}

static void retry_after_is_read_in_both_spellings(void **state)
{
	static const struct {
		const char *text;
		int ms;
	} rows[] = {
		{ "3", 3000 },
		{ " 3 ", 3000 },
		{ "0", 0 },
		{ "-5", 0 },
		{ "99999999999", INT32_MAX },
		{ "Thu, 01 Jan 1970 00:00:12 GMT", 2000 },
		{ "Thu, 01 Jan 1970 00:00:01 GMT", 0 },
		{ "soon", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(http_response_free) struct http_response response = { .body = STRBUF_INIT(
											0) };

		val_set(&response.headers, "retry-after", val_string(rows[i].text));
		assert_int_equal(http_retry_after_ms(&response, 10000), rows[i].ms);
	}
}

static void bytes_that_are_no_utf8_are_taken_for_latin1(void **state)
{
	_cleanup_(val_free) struct val headers = val_map();

	http_headers_add(&headers, STR("X-Name"), STR("caf\xe9"));
	assert_string_equal(val_get_text(headers, "x-name", ""), "caf\xc3\xa9");
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(an_answer_is_read_whole),
		WORLD(methods_and_bodies_are_sent_as_they_are),
		WORLD(headers_are_sent_as_they_are),
		WORLD(headers_that_break_the_message_are_refused_before_sending),
		WORLD(a_connection_is_kept_and_used_again),
		WORLD(failures_are_told_apart),
		WORLD(an_answer_over_its_cap_is_an_error_and_costs_no_memory),
		WORLD(gzip_is_asked_for_and_undone),
		WORLD(a_cancel_ends_the_call_at_once),
		WORLD(an_origin_is_called_by_a_few_at_a_time),
		WORLD(who_waits_for_a_connection_can_be_canceled),
		WORLD(a_stream_is_read_piece_by_piece),
		WORLD(redirects_are_followed_when_asked),
		WORLD(credentials_do_not_go_to_another_origin),
		WORLD(bad_redirects_end_the_call),
		WORLD(the_policy_is_asked_at_each_hop_and_at_the_socket),
		WORLD(nothing_is_read_from_the_environment),
		WORLD(a_proxy_is_used_when_it_is_given),
		WORLD(an_ipv6_host_is_called),
		WORLD(tls_identity_and_trust_come_from_the_request),
		cmocka_unit_test(retry_after_is_read_in_both_spellings),
		cmocka_unit_test(bytes_that_are_no_utf8_are_taken_for_latin1),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
