#include "feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/vec.h"

#define LOST_MS 30000
#define RETRY_MS 500

struct feed {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool moved;
	char *id;
	uint64_t position;
	/* Local */
	struct engine *engine;
	struct store *store;
	/* Remote */
	struct client *client;
	pthread_t thread;
	struct cancel *cancel;
	VEC(struct val) events;
	struct strbuf line;
	struct val next; /* the event that is being received */
	int64_t lost_since_ms;
	struct err err;
	bool broken;
};

static struct feed *feed_new(const char *id)
{
	struct feed *feed = xnew(struct feed);
	pthread_mutex_init(&feed->mutex, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&feed->condition, &attributes);
	pthread_condattr_destroy(&attributes);
	feed->id = xstrdup(id);
	feed->line = STRBUF_INIT(LIMIT_WATCH_LINE_BYTES);
	return feed;
}

static void feed_told(void *data, uint64_t position)
{
	struct feed *feed = data;
	(void)position;
	pthread_mutex_lock(&feed->mutex);
	feed->moved = true;
	pthread_cond_signal(&feed->condition);
	pthread_mutex_unlock(&feed->mutex);
}

struct feed *feed_local(struct engine *engine, struct store *store, const char *id)
{
	struct feed *feed = feed_new(id);
	feed->engine = engine;
	feed->store = store;
	feed->moved = true;
	if (engine)
		engine_on_commit(engine, feed_told, feed);
	return feed;
}

/* ---- a server's stream ---------------------------------------------------------------------------------------------------------- */

/* One line of the stream: "id: 17", "event: stage", "data: {…}", or empty: the event is whole. */
static void remote_line(struct feed *feed, struct str line)
{
	if (str_starts(line, "id:")) {
		int64_t seq;
		if (str_to_int(str_trim(str_slice(line, 3, line.length)), &seq))
			feed->position = (uint64_t)seq;
	} else if (str_starts(line, "event:")) {
		val_set(&feed->next, "event", val_str(str_trim(str_slice(line, 6, line.length))));
	} else if (str_starts(line, "data:")) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct val data;
		if (json_parse(str_trim(str_slice(line, 5, line.length)), NULL, NULL, &data, &err) ==
			0)
			val_set(&feed->next, "data", data);
	} else if (line.length == 0 && val_has(feed->next, "data")) {
		pthread_mutex_lock(&feed->mutex);
		vec_push(&feed->events, feed->next);
		feed->next = VAL_NULL;
		feed->moved = true;
		pthread_cond_signal(&feed->condition);
		pthread_mutex_unlock(&feed->mutex);
	}
}

static int remote_body(void *data, const char *bytes, size_t length)
{
	struct feed *feed = data;
	feed->lost_since_ms = 0;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n') {
			strbuf_add_char(&feed->line, bytes[i]);
			continue;
		}
		struct str line = strbuf_str(&feed->line);
		if (line.length > 0 && line.bytes[line.length - 1] == '\r')
			line.length--;
		remote_line(feed, line);
		strbuf_reset(&feed->line);
	}
	return 0;
}

/* One connection, from the last position on. */
static int remote_connect(struct feed *feed, struct err *err)
{
	_cleanup_free_ char *path = client_path("/executions/%s/events", feed->id);
	_cleanup_free_ char *url = xasprintf("%s%s", feed->client->url, path);
	_cleanup_(val_free) struct val headers = client_headers(feed->client);
	val_set(&headers, "Accept", val_string("text/event-stream"));
	if (feed->position)
		val_set(&headers, "Last-Event-ID",
			val_format("%llu", (unsigned long long)feed->position));
	struct http_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.total_ms = 40000,
		.cancel = feed->cancel,
		.on_body = remote_body,
		.on_body_data = feed,
	};
	struct http_response response = { 0 };
	strbuf_reset(&feed->line);
	int result = http_perform(feed->client->http, &request, &response, err);
	/* Why it is refused is asked for in the form that all commands read. */
	if (result == 0 && response.status >= 300) {
		_cleanup_free_ char *page = xasprintf("%s?limit=1", path);
		if (client_call(feed->client, "GET", page, VAL_NULL, NULL, err) == 0)
			err_set(err, ERR_UNAVAILABLE, "the server answered %d", response.status);
		result = -1;
	}
	http_response_free(&response);
	return result;
}

static void *remote_main(void *data)
{
	struct feed *feed = data;
	while (!cancel_is_set(feed->cancel)) {
		_cleanup_err_ struct err err = ERR_INIT;
		int result = remote_connect(feed, &err);
		if (cancel_is_set(feed->cancel))
			break;
		int64_t now = clock_now_ms(clock_real());
		if (result < 0 && !feed->lost_since_ms)
			feed->lost_since_ms = now;
		if (result < 0 &&
			(err.kind == ERR_NOT_FOUND || err.kind == ERR_DENIED ||
				now - feed->lost_since_ms > LOST_MS)) {
			pthread_mutex_lock(&feed->mutex);
			err_move(&feed->err, &err);
			feed->broken = feed->moved = true;
			pthread_cond_signal(&feed->condition);
			pthread_mutex_unlock(&feed->mutex);
			break;
		}
		_cleanup_err_ struct err canceled = ERR_INIT;
		cancel_sleep(feed->cancel, clock_real(), now + RETRY_MS, &canceled);
	}
	return NULL;
}

struct feed *feed_remote(struct client *client, const char *id)
{
	struct feed *feed = feed_new(id);
	feed->client = client;
	feed->cancel = cancel_new();
	if (pthread_create(&feed->thread, NULL, remote_main, feed))
		abort();
	return feed;
}

void feed_free(struct feed *feed)
{
	if (feed->engine)
		engine_on_commit(feed->engine, NULL, NULL);
	if (feed->client) {
		cancel_set(feed->cancel);
		pthread_join(feed->thread, NULL);
	}
	for (size_t i = 0; i < feed->events.count; i++)
		val_free(&feed->events.items[i]);
	vec_free(&feed->events);
	val_free(&feed->next);
	strbuf_free(&feed->line);
	cancel_unref(feed->cancel);
	err_clear(&feed->err);
	free(feed->id);
	pthread_cond_destroy(&feed->condition);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

static void feed_wait(struct feed *feed, int ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!feed->moved && pthread_cond_timedwait(&feed->condition, &feed->mutex, &until) == 0)
		;
}

static int read_store(struct feed *feed, void (*take_event)(void *data, struct val event),
	void *data, struct err *err)
{
	for (;;) {
		_cleanup_(val_free) struct val events = VAL_NULL;
		uint64_t position;
		if (feed->store->type->read_events(feed->store, feed->id, feed->position,
			    LIMIT_LIST_ROWS, &events, &position, err) < 0)
			return -1;
		for (size_t i = 0; i < val_count(events); i++) {
			feed->position = (uint64_t)val_get_int(val_at(events, i), "seq", 0);
			take_event(data, val_at(events, i));
		}
		if (val_count(events) < LIMIT_LIST_ROWS)
			return 0;
	}
}

int feed_read(struct feed *feed, int ms, void (*take_event)(void *data, struct val event),
	void *data, struct err *err)
{
	pthread_mutex_lock(&feed->mutex);
	feed_wait(feed, ms);
	bool moved = feed->moved || !feed->engine;
	feed->moved = false;
	struct val *events = feed->events.items;
	size_t count = feed->events.count;
	memset(&feed->events, 0, sizeof(feed->events));
	bool broken = feed->broken;
	pthread_mutex_unlock(&feed->mutex);
	for (size_t i = 0; i < count; i++) {
		take_event(data, events[i]);
		val_free(&events[i]);
	}
	free(events);
	if (broken) {
		err_move(err, &feed->err);
		return -1;
	}
	return moved && feed->store ? read_store(feed, take_event, data, err) : 0;
}
