#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/http_request.h"
#include "net/http_server.h"

/* A server whose handler answers by path. */
struct world {
	struct http_server *server;
	int port;
	atomic_int handled;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_exchange *late; /* waits for its answer */
	struct strbuf feed;         /* what the stream still has to say */
	bool feed_ends;
	atomic_int streams_freed;
};

static void handle_echo(struct world *world, struct http_exchange *exchange)
{
	_cleanup_(val_free) struct val body = val_map();
	_cleanup_(val_free) struct val segments = val_list();

	for (size_t i = 0; i < http_segment_count(exchange); i++)
		val_append(&segments, val_string(http_segment(exchange, i)));
	val_set(&body, "method", val_string(http_method(exchange)));
	val_set(&body, "path", val_str(http_path(exchange)));
	val_set(&body, "segments", val_ref(segments));
	val_set(&body, "q", val_string(http_query(exchange, "q")));
	val_set(&body, "header", val_string(http_header(exchange, "X-Test")));
	val_set(&body, "length", val_int((int64_t)http_body(exchange).length));
	if (http_body(exchange).length < 1000)
		val_set(&body, "body", val_str(http_body(exchange)));
	http_reply_json(exchange, 200, body);
}

static void handle_late(struct world *world, struct http_exchange *exchange)
{
	pthread_mutex_lock(&world->lock);
	world->late = exchange;
	pthread_cond_broadcast(&world->changed);
	pthread_mutex_unlock(&world->lock);
}

static void handle_error(struct world *world, struct http_exchange *exchange)
{
	_cleanup_err_ struct err err = ERR_INIT;

	err_set(&err, ERR_UNAVAILABLE, "come back");
	err.retry_after_ms = 2500;
	http_reply_error(exchange, &err);
}

static int fill(void *data, struct strbuf *buf)
{
	struct world *world = data;

	pthread_mutex_lock(&world->lock);
	strbuf_add_str(buf, strbuf_str(&world->feed));
	strbuf_reset(&world->feed);
	int result = world->feed_ends ? -1 : 0;

	pthread_mutex_unlock(&world->lock);
	return result;
}

static void freed(void *data)
{
	struct world *world = data;

	atomic_fetch_add(&world->streams_freed, 1);
}

static void handle_stream(struct world *world, struct http_exchange *exchange)
{
	http_reply_stream(exchange, 200, "text/event-stream", VAL_NULL, fill, freed, world);
}

static void handle_big(struct world *world, struct http_exchange *exchange)
{
	char *bytes = xcalloc(1, 4u << 20);
	_cleanup_(val_free) struct val headers = val_map();

	memset(bytes, 'b', 4u << 20);
	val_set(&headers, "X-More", val_string("1"));
	val_set(&headers, "X-Bad", val_string("a\r\nSet-Cookie: b"));
	val_set(&headers, "Cache-Control", val_string("no-store"));
	http_reply(exchange, 200, "text/plain", (struct str){ .bytes = bytes, .length = 4u << 20 },
		headers);
	free(bytes);
}

static void handle_empty(struct world *world, struct http_exchange *exchange)
{
	http_reply(exchange, 202, NULL, STR(""), VAL_NULL);
}

static const struct {
	const char *segment;
	void (*handle)(struct world *world, struct http_exchange *exchange);
} routes[] = {
	{ "late", handle_late },
	{ "error", handle_error },
	{ "stream", handle_stream },
	{ "big", handle_big },
	{ "empty", handle_empty },
};

static void handle(void *data, struct http_exchange *exchange)
{
	struct world *world = data;

	atomic_fetch_add(&world->handled, 1);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(http_segment(exchange, 0), routes[i].segment) == 0) {
			routes[i].handle(world, exchange);
			return;
		}
	}
	handle_echo(world, exchange);
}

static int start(void **state, bool guard, int slow_ms)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct world *world = xnew(struct world);
	struct http_server_setup setup = { .address = "127.0.0.1",
		.threads = 2,
		.guard = guard,
		.headers_ms = slow_ms,
		.body_ms = slow_ms,
		.extra_hosts = &(struct str_list){ .items = (char *[]){ (char *)"gennaker.example" },
			.count = 1 },
		.handle = handle,
		.data = world };

	pthread_mutex_init(&world->lock, NULL);
	pthread_cond_init(&world->changed, NULL);
	world->feed = STRBUF_INIT(1u << 20);
	world->server = http_server_start(&setup, &err);
	if (!world->server)
		fail_msg("%s", err_text(&err));
	world->port = http_server_port(world->server);
	*state = world;
	return 0;
}

static int make_world(void **state)
{
	return start(state, false, 0);
}

static int make_guarded_world(void **state)
{
	return start(state, true, 0);
}

static int make_impatient_world(void **state)
{
	return start(state, false, 300);
}

static int end_world(void **state)
{
	struct world *world = *state;

	if (world->server)
		http_server_stop(world->server, 0);
	if (world->late)
		http_reply(world->late, 200, NULL, STR(""), VAL_NULL);
	strbuf_free(&world->feed);
	pthread_cond_destroy(&world->changed);
	pthread_mutex_destroy(&world->lock);
	free(world);
	return 0;
}

static int dial(const struct world *world)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((in_port_t)world->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t count = send(fd, bytes, length, MSG_NOSIGNAL);

		if (count <= 0)
			return false;
		bytes += count;
		length -= (size_t)count;
	}
	return true;
}

/* Reads until ENOUGH (NULL: the end) stands in BUF; false at the end of the connection, or after
 * 10 s. */
static bool read_until(int fd, struct strbuf *buf, const char *enough)
{
	char bytes[65536];

	while (!enough || !strstr(buf->bytes, enough)) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, 10000) <= 0)
			fail_msg("nothing came for 10 s after: %.300s", buf->bytes);
		ssize_t count = recv(fd, bytes, sizeof(bytes), 0);

		if (count <= 0)
			return false;
		strbuf_add(buf, bytes, (size_t)count);
	}
	return true;
}

/* Sends TEXT as it is and returns all that comes back until the server closes. */
static char *talk_bytes(const struct world *world, const char *text, size_t length)
{
	struct strbuf buf = STRBUF_INIT(64u << 20);
	int fd = dial(world);

	send_all(fd, text, length);
	shutdown(fd, SHUT_WR);
	read_until(fd, &buf, NULL);
	close(fd);
	return strbuf_detach(&buf);
}

static char *talk(const struct world *world, const char *text)
{
	return talk_bytes(world, text, strlen(text));
}

static int status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static int count_of(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

#define HEAD(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

static void a_request_reaches_the_handler_as_it_was_meant(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *answer = talk(world,
		HEAD("POST /a%20b/c%C3%BC/?x=1&q=d+e%26&q=2") "x-test: v1\r\nX-Test: v2\r\nContent-Length: 4"
							      "\r\n\r\nbody");

	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\"method\":\"POST\""));
	assert_non_null(strstr(answer, "\"path\":\"/a%20b/c%C3%BC/\""));
	assert_non_null(strstr(answer, "\"segments\":[\"a b\",\"c\xc3\xbc\"]"));
	assert_non_null(strstr(answer, "\"q\":\"d e&\""));
	assert_non_null(strstr(answer, "\"header\":\"v1\""));
	assert_non_null(strstr(answer, "\"body\":\"body\""));
	assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
	assert_null(strstr(answer, "Access-Control"));
	assert_null(strstr(answer, "\r\nServer:"));
}

static void a_chunked_body_is_put_together(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *answer = talk(world,
		HEAD("PUT /x") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n");

	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\"body\":\"abcde\""));
}

/*
 * What a front server might read in another way (security.md rows 52 to 56 and 58). Each is
 * followed by a second request on the same connection, which must never be answered.
 */
static const struct {
	const char *text;
	int status;
	int also; /* libmicrohttpd may refuse it first */
} refused[] = {
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
		400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
		400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400,
		0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", 400, 413 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400, 413 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", 400, 413 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", 400, 413 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 413, 400 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 400, 0 },
	{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400, 0 },
	{ "POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0 },
	{ "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, 0 },
	{ "GET /a HTTP/1.1\r\n\r\n", 400, 0 },
	{ "GET /a HTTP/1.1\r\nHost: x\r\nX(y): z\r\n\r\n", 400, 0 },
	{ "GET /a HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n", 400, 0 },
	{ "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a%5Cb HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a/%2e%2E/b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a//b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a%0d%0aX HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a?q=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a?q=%f HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET http://evil.example/a HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
	{ "TRACE /a HTTP/1.1\r\nHost: x\r\nX-Secret: s3cret\r\n\r\n", 405, 0 },
	{ "CONNECT /a HTTP/1.1\r\nHost: x\r\n\r\n", 405, 0 },
	{ "BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", 405, 0 },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 400 },
};

static void ambiguous_requests_are_refused_and_the_connection_closed(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		_cleanup_free_ char *text = xasprintf(
			"%sGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", refused[i].text);
		_cleanup_free_ char *answer = talk(world, text);
		int status = status_of(answer);

		if ((status != refused[i].status && status != refused[i].also) ||
			count_of(answer, "HTTP/1.1 2") != 0 || strstr(answer, "smuggled") ||
			strstr(answer, "s3cret"))
			fail_msg("%s\ngot %s", refused[i].text, answer);
	}
	assert_int_equal(atomic_load(&world->handled), 0);
}

static void a_refusal_is_json(void **state)
{
	struct world *world = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val body = VAL_NULL;
	_cleanup_free_ char *answer = talk(world, HEAD("GET /a%2fb") "\r\n");

	assert_int_equal(
		json_parse(str_of(strstr(answer, "\r\n\r\n") + 4), NULL, NULL, &body, &err), 0);
	assert_int_equal(val_get_int(body, "status", 0), 400);
	assert_string_equal(val_get_text(body, "error", ""), "Bad Request");
	assert_non_null(strstr(val_get_text(body, "message", ""), "slash"));
	assert_true(val_get_int(body, "timestamp", 0) > 1000000000000);
}

static void too_many_or_too_large_headers_are_refused(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1u << 20);

	strbuf_printf(&text, HEAD("GET /a") "X-Long: %0*d\r\n\r\n", 40000, 1);
	_cleanup_free_ char *large = talk(world, text.bytes);

	assert_int_equal(status_of(large), 431);
	strbuf_reset(&text);
	strbuf_add_text(&text, HEAD("GET /a"));
	for (int i = 0; i < LIMIT_SERVER_HEADERS; i++)
		strbuf_printf(&text, "X-%d: y\r\n", i);
	strbuf_add_text(&text, "\r\n");
	_cleanup_free_ char *many = talk(world, text.bytes);

	assert_int_equal(status_of(many), 431);
	strbuf_reset(&text);
	strbuf_printf(&text, "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", 40000, 1);
	_cleanup_free_ char *long_target = talk(world, text.bytes);

	assert_true(status_of(long_target) == 414 || status_of(long_target) == 431);
	assert_int_equal(atomic_load(&world->handled), 0);
}

static void a_body_over_its_cap_gets_413_and_is_not_kept(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *text = xasprintf(
		HEAD("POST /a") "Content-Length: %u\r\n\r\n", LIMIT_BODY_BYTES + 1);
	_cleanup_free_ char *announced = talk(world, text);

	assert_int_equal(status_of(announced), 413);
	/* Unannounced it is read to the end first. */
	_cleanup_strbuf_ struct strbuf chunked = STRBUF_INIT(64u << 20);
	_cleanup_free_ char *chunk = xcalloc(1, 1u << 20);

	strbuf_add_text(&chunked, HEAD("POST /a") "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < LIMIT_BODY_BYTES / (1u << 20) + 1; i++) {
		strbuf_add_text(&chunked, "100000\r\n");
		strbuf_add(&chunked, chunk, 1u << 20);
		strbuf_add_text(&chunked, "\r\n");
	}
	strbuf_add_text(&chunked, "0\r\n\r\n");
	_cleanup_free_ char *found = talk_bytes(world, chunked.bytes, chunked.length);

	assert_int_equal(status_of(found), 413);
	assert_int_equal(atomic_load(&world->handled), 0);
}

static void a_body_of_the_limit_is_taken(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(64u << 20);
	_cleanup_free_ char *body = xcalloc(1, LIMIT_BODY_BYTES);

	strbuf_printf(&text, HEAD("POST /a") "Content-Length: %u\r\n\r\n", LIMIT_BODY_BYTES);
	strbuf_add(&text, body, LIMIT_BODY_BYTES);
	_cleanup_free_ char *answer = talk_bytes(world, text.bytes, text.length);

	assert_int_equal(status_of(answer), 200);
	assert_non_null(strstr(answer, "\"length\":16777216"));
}

static void bodies_of_all_requests_together_are_bounded(void **state)
{
	enum { ONE_TOO_MANY = LIMIT_SERVER_BODIES_BYTES / LIMIT_BODY_BYTES + 1 };
	struct world *world = *state;
	_cleanup_free_ char *text = xasprintf(
		HEAD("POST /a") "Content-Length: %u\r\n\r\nx", LIMIT_BODY_BYTES);
	_cleanup_strbuf_ struct strbuf answer = STRBUF_INIT(1u << 20);
	struct pollfd fds[ONE_TOO_MANY];
	int status = 503;

	for (int i = 0; i < ONE_TOO_MANY; i++) {
		fds[i] = (struct pollfd){ .fd = dial(world), .events = POLLIN };
		send_all(fds[i].fd, text, strlen(text));
	}
	/* All but one are held, waiting for the rest of their bodies. */
	assert_int_equal(poll(fds, ONE_TOO_MANY, 10000), 1);
	for (int i = 0; i < ONE_TOO_MANY; i++) {
		if (fds[i].revents)
			read_until(fds[i].fd, &answer, NULL);
	}
	assert_int_equal(status_of(answer.bytes), 503);
	assert_non_null(strstr(answer.bytes, "Retry-After: 1\r\n"));
	for (int i = 0; i < ONE_TOO_MANY; i++)
		close(fds[i].fd);
	for (int64_t until = clock_stopwatch_us() + 10000000;
		status == 503 && clock_stopwatch_us() < until;) {
		_cleanup_free_ char *again = talk(
			world, HEAD("POST /a") "Content-Length: 1\r\n\r\nx");

		status = status_of(again);
	}
	assert_int_equal(status, 200);
}

static void a_connection_serves_many_requests(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	int fd = dial(world);

	for (int i = 0; i < 3; i++) {
		strbuf_reset(&buf);
		send_all(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 28);
		assert_true(read_until(fd, &buf, "}"));
		assert_int_equal(status_of(buf.bytes), 200);
	}
	/* Two at once. */
	strbuf_reset(&buf);
	send_all(fd, "GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n", 56);
	assert_true(read_until(fd, &buf, "\"/c\""));
	assert_int_equal(count_of(buf.bytes, "HTTP/1.1 200"), 2);
	close(fd);
}

static struct http_exchange *wait_for_late(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	while (!world->late)
		pthread_cond_wait(&world->changed, &world->lock);
	struct http_exchange *late = world->late;

	world->late = NULL;
	pthread_mutex_unlock(&world->lock);
	return late;
}

static void an_answer_may_come_later_from_another_thread(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	int fd = dial(world);
	const char *text = HEAD("POST /late") "Content-Length: 2\r\n\r\nhi";

	send_all(fd, text, strlen(text));
	struct http_exchange *late = wait_for_late(world);

	/* Others are served meanwhile, more than there are threads. */
	for (int i = 0; i < 5; i++) {
		_cleanup_free_ char *answer = talk(world, HEAD("GET /a") "\r\n");

		assert_int_equal(status_of(answer), 200);
	}
	assert_true(str_is(http_body(late), "hi"));
	http_reply(late, 201, "text/plain", STR("at last"), VAL_NULL);
	read_until(fd, &buf, NULL);
	assert_int_equal(status_of(buf.bytes), 201);
	assert_non_null(strstr(buf.bytes, "at last"));
	close(fd);
}

static void an_answer_to_somebody_who_left_is_dropped(void **state)
{
	struct world *world = *state;
	int fd = dial(world);
	const char *text = HEAD("GET /late") "\r\n";

	send_all(fd, text, strlen(text));
	struct http_exchange *late = wait_for_late(world);

	close(fd);
	http_reply(late, 200, "text/plain", STR("too late"), VAL_NULL);
	_cleanup_free_ char *answer = talk(world, HEAD("GET /a") "\r\n");

	assert_int_equal(status_of(answer), 200);
}

static void answers_carry_what_they_were_given(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *big = talk(world, HEAD("GET /big") "\r\n");
	_cleanup_free_ char *head = talk(world, HEAD("HEAD /big") "\r\n");
	_cleanup_free_ char *empty = talk(world, HEAD("GET /empty") "\r\n");
	_cleanup_free_ char *error = talk(world, HEAD("GET /error") "\r\n");

	assert_int_equal(strlen(strstr(big, "\r\n\r\n") + 4), 4u << 20);
	assert_non_null(strstr(big, "X-More: 1\r\n"));
	assert_null(strstr(big, "Set-Cookie"));
	assert_int_equal(count_of(big, "Cache-Control:"), 1);
	assert_string_equal(strstr(head, "\r\n\r\n") + 4, "");
	assert_int_equal(status_of(empty), 202);
	assert_null(strstr(empty, "Content-Type:"));
	assert_int_equal(status_of(error), 503);
	assert_non_null(strstr(error, "Retry-After: 3\r\n"));
	assert_non_null(strstr(error, "\"message\":\"come back\""));
}

static void feed(struct world *world, const char *text, bool end)
{
	pthread_mutex_lock(&world->lock);
	strbuf_add_text(&world->feed, text);
	world->feed_ends = end;
	pthread_mutex_unlock(&world->lock);
	http_stream_wake(world->server);
}

static void a_stream_brings_what_there_is_when_it_is_woken(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	int fd = dial(world);
	const char *text = HEAD("GET /stream") "\r\n";

	send_all(fd, text, strlen(text));
	assert_true(read_until(fd, &buf, "\r\n\r\n"));
	for (int i = 0; i < 50; i++) {
		_cleanup_free_ char *line = xasprintf("data: %d\n\n", i);

		int64_t start = clock_stopwatch_us();

		feed(world, line, false);
		assert_true(read_until(fd, &buf, line));
		assert_true(clock_stopwatch_us() - start < 900000);
	}
	feed(world, "the end", true);
	assert_false(read_until(fd, &buf, NULL));
	assert_non_null(strstr(buf.bytes, "the end"));
	assert_int_equal(atomic_load(&world->streams_freed), 1);
	close(fd);
}

static void a_stream_ends_when_its_reader_has_left(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	int fd = dial(world);
	const char *text = HEAD("GET /stream") "\r\n";

	send_all(fd, text, strlen(text));
	assert_true(read_until(fd, &buf, "\r\n\r\n"));
	close(fd);
	for (int64_t until = clock_stopwatch_us() + 10000000;
		atomic_load(&world->streams_freed) == 0 && clock_stopwatch_us() < until;)
		feed(world, "x", false);
	assert_int_equal(atomic_load(&world->streams_freed), 1);
}

static void stopping_waits_for_answers_and_ends_streams(void **state)
{
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	int stream = dial(world);
	int late = dial(world);
	const char *text = HEAD("GET /stream") "\r\n";

	send_all(stream, text, strlen(text));
	assert_true(read_until(stream, &buf, "\r\n\r\n"));
	text = HEAD("GET /late") "\r\n";
	send_all(late, text, strlen(text));
	struct http_exchange *exchange = wait_for_late(world);

	/* Nobody answers: it waits as long as it was told, and the answer that comes after that
	 * is dropped. */
	int64_t start = clock_stopwatch_us();

	http_server_stop(world->server, 100);
	world->server = NULL;
	assert_true(clock_stopwatch_us() - start >= 90000);
	assert_int_equal(atomic_load(&world->streams_freed), 1);
	http_reply(exchange, 200, NULL, STR(""), VAL_NULL);
	assert_false(read_until(stream, &buf, NULL));
	strbuf_reset(&buf);
	assert_false(read_until(late, &buf, NULL));
	close(stream);
	close(late);
}

/* Sends a byte now and then until the server has closed. security.md row 57 */
static void drip(int fd)
{
	int64_t until = clock_stopwatch_us() + 10000000;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLRDHUP };

		if (poll(&wait, 1, 50) > 0 || !send_all(fd, "x", 1))
			return;
		if (clock_stopwatch_us() > until)
			fail_msg("who sends a byte now and then is not ended");
	}
}

static void who_sends_too_slowly_is_ended(void **state)
{
	static const char *const starts[] = { "", "GET /", "GET /a HTTP/1.1\r\nHost: x\r\nX: ",
		"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" };
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		int fd = dial(world);

		send_all(fd, starts[i], strlen(starts[i]));
		drip(fd);
		close(fd);
	}
	assert_int_equal(atomic_load(&world->handled), 0);
	/* Working long is not being slow. */
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1u << 20);
	const char *text = HEAD("GET /late") "\r\n";
	int fd = dial(world);
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	send_all(fd, text, strlen(text));
	struct http_exchange *late = wait_for_late(world);

	assert_int_equal(poll(&wait, 1, 1600), 0);
	http_reply(late, 200, NULL, STR(""), VAL_NULL);
	read_until(fd, &buf, NULL);
	assert_int_equal(status_of(buf.bytes), 200);
	close(fd);
}

static void a_port_in_use_is_named(void **state)
{
	struct world *world = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *expected = xasprintf(
		"cannot listen on 127.0.0.1:%d: Address already in use", world->port);
	struct http_server_setup setup = {
		.address = "127.0.0.1", .port = world->port, .handle = handle
	};

	assert_null(http_server_start(&setup, &err));
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err_text(&err), expected);
	setup.address = "nonsense";
	assert_null(http_server_start(&setup, &err));
	assert_int_equal(err.kind, ERR_INVALID);
}

/* security.md 1.5 and row 26; PORT stands for ours */
static const struct {
	const char *method;
	const char *host;
	const char *origin;
	const char *fetch_site;
	bool passes;
} guard_rows[] = {
	{ "GET", "127.0.0.1:8084", NULL, NULL, true },
	{ "POST", "localhost:8084", NULL, NULL, true },
	{ "POST", "LOCALHOST:8084", NULL, NULL, true },
	{ "POST", "[::1]:8084", NULL, NULL, true },
	{ "POST", "127.8.8.8:8084", NULL, NULL, true },
	{ "POST", "gennaker.example", NULL, NULL, true },
	{ "POST", "gennaker.example:443", NULL, NULL, true },
	{ "GET", NULL, NULL, NULL, false },
	{ "GET", "", NULL, NULL, false },
	{ "GET", "localhost", NULL, NULL, false },
	{ "GET", "localhost:80", NULL, NULL, false },
	{ "GET", "localhost:", NULL, NULL, false },
	{ "GET", "localhost:8084x", NULL, NULL, false },
	{ "GET", "localhost:08084 ", NULL, NULL, false },
	{ "GET", "evil.example:8084", NULL, NULL, false },
	{ "GET", "localhost.evil.example:8084", NULL, NULL, false },
	{ "GET", "127.0.0.1.evil.example:8084", NULL, NULL, false },
	{ "GET", "127.1:8084", NULL, NULL, false },
	{ "GET", "[::2]:8084", NULL, NULL, false },
	{ "GET", "[::1:8084", NULL, NULL, false },
	{ "GET", "10.0.0.1:8084", NULL, NULL, false },
	{ "POST", "localhost:8084", "http://localhost:8084", NULL, true },
	{ "POST", "gennaker.example", "https://gennaker.example", "same-origin", true },
	{ "POST", "localhost:8084", "http://127.0.0.1:8084", NULL, false },
	{ "POST", "localhost:8084", "http://localhost:3000", NULL, false },
	{ "POST", "localhost:8084", "http://evil.example", NULL, false },
	{ "POST", "localhost:8084", "null", NULL, false },
	{ "POST", "localhost:8084", "", NULL, false },
	{ "GET", "localhost:8084", "http://evil.example", NULL, false },
	{ "GET", "localhost:8084", NULL, "none", true },
	{ "POST", "localhost:8084", NULL, "none", false },
	{ "POST", "localhost:8084", NULL, "same-origin", true },
	{ "GET", "localhost:8084", NULL, "same-site", false },
	{ "GET", "localhost:8084", NULL, "cross-site", false },
	{ "POST", "localhost:8084", "http://localhost:8084", "cross-site", false },
};

static void web_pages_of_others_are_kept_out(void **state)
{
	struct str_list extra = { .items = (char *[]){ (char *)"gennaker.example" }, .count = 1 };
	struct http_guard guard = { .port = 8084, .address = "127.0.0.1", .extra_hosts = &extra };

	for (size_t i = 0; i < sizeof(guard_rows) / sizeof(guard_rows[0]); i++) {
		struct http_refusal reason = http_guard_check(&guard, guard_rows[i].method,
			guard_rows[i].host, guard_rows[i].origin, guard_rows[i].fetch_site);

		if ((reason.status == 0) != guard_rows[i].passes)
			fail_msg("row %zu: %d %s", i, reason.status, reason.text);
	}
}

static void the_guard_stands_before_the_handler(void **state)
{
	struct world *world = *state;
	_cleanup_free_ char *foreign = talk(world, HEAD("POST /a") "Content-Length: 1\r\n\r\nx");
	_cleanup_free_ char *text = xasprintf(
		"POST /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
		world->port);
	_cleanup_free_ char *cross = xasprintf(
		"POST /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://evil.example\r\nConnection: close\r\n"
		"Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
		world->port);
	_cleanup_free_ char *own = talk(world, text);
	_cleanup_free_ char *crossed = talk(world, cross);

	assert_int_equal(status_of(foreign), 403);
	assert_int_equal(status_of(crossed), 403);
	assert_null(strstr(crossed, "Access-Control"));
	assert_int_equal(status_of(own), 200);
	assert_int_equal(atomic_load(&world->handled), 1);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_request_reaches_the_handler_as_it_was_meant),
		WORLD(a_chunked_body_is_put_together),
		WORLD(ambiguous_requests_are_refused_and_the_connection_closed),
		WORLD(a_refusal_is_json),
		WORLD(too_many_or_too_large_headers_are_refused),
		WORLD(a_body_over_its_cap_gets_413_and_is_not_kept),
		WORLD(a_body_of_the_limit_is_taken),
		WORLD(bodies_of_all_requests_together_are_bounded),
		WORLD(a_connection_serves_many_requests),
		WORLD(an_answer_may_come_later_from_another_thread),
		WORLD(an_answer_to_somebody_who_left_is_dropped),
		WORLD(answers_carry_what_they_were_given),
		WORLD(a_stream_brings_what_there_is_when_it_is_woken),
		WORLD(a_stream_ends_when_its_reader_has_left),
		WORLD(stopping_waits_for_answers_and_ends_streams),
		WORLD(a_port_in_use_is_named),
		cmocka_unit_test_setup_teardown(
			who_sends_too_slowly_is_ended, make_impatient_world, end_world),
		cmocka_unit_test(web_pages_of_others_are_kept_out),
		cmocka_unit_test_setup_teardown(
			the_guard_stands_before_the_handler, make_guarded_world, end_world),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
