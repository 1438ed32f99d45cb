/*
 * The journal, as a list or as a stream (server-sent events). docs/reference/events.md is the page for users.
 *
 * A stream holds a position and at most one page of text: a reader that is slow, or gone, costs nothing but that.
 */
#include "api/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"

#define STREAM_PAGE 32               /* events read at a time */
#define STREAM_PAGE_BYTES (1u << 20) /* after which a page ends early */
#define LIST_TURN_US 200000          /* of looking, for one list */
#define STREAM_TURN_US 50000         /* of looking for something of interest */
#define STREAM_SILENCE_US 15000000

/* What is asked for. */
struct selection {
	char *execution; /* NULL = all */
	char **types;    /* NULL = all; ends with NULL */
	char *application;
};

static void selection_free(struct selection *selection)
{
	free(selection->execution);
	free(selection->application);
	texts_free(&selection->types);
}

static void selection_read(const struct call *call, const char *execution, struct selection *ret)
{
	const char *application = http_query(call->exchange, "application");
	ret->execution = execution ? xstrdup(execution) : NULL;
	ret->application = application ? xstrdup(application) : NULL;
	ret->types = call_query_list(call, "types");
}

/* Of which application is the run? Owned; NULL when it is gone. */
static char *application_of(struct api *api, const char *execution)
{
	_cleanup_(val_free) struct val head = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	if (store_get_head(api->setup.store, execution, &head, &err) < 0)
		return NULL;
	const char *name = val_get_text(head, "application", NULL);
	return name ? xstrdup(name) : NULL;
}

static bool selected(struct api *api, const struct selection *selection, struct val event)
{
	bool found = !selection->types;
	for (char **type = selection->types; type && *type && !found; type++)
		found = strcmp(*type, val_get_text(event, "event", "")) == 0;
	if (!found || !selection->application)
		return found;
	struct val data = val_get(event, "data");
	const char *named = val_get_text(data, "app", NULL);
	const char *run = val_get_text(data, "run", NULL);
	_cleanup_free_ char *owner = !named && run ? application_of(api, run) : NULL;
	if (!named)
		named = owner;
	return named && strcasecmp(named, selection->application) == 0;
}

static int execution_exists(struct api *api, const char *id, struct err *err)
{
	_cleanup_(val_free) struct val head = VAL_NULL;
	return store_get_head(api->setup.store, id, &head, err);
}

/* ---- as a list ------------------------------------------------------------------------------------------------------------------ */

/* NEXT: where to go on. */
static int answer_page_at(struct call *call, struct val body, uint64_t position, uint64_t next)
{
	_cleanup_(val_free) struct val headers = val_map();
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	val_set(&headers, "X-Journal-Seq", val_format("%llu", (unsigned long long)position));
	val_set(&headers, "X-Journal-Next", val_format("%llu", (unsigned long long)next));
	http_reply(call->exchange, 200, "application/json", str_of(text), headers);
	return 0;
}

static int answer_page(
	struct call *call, const struct selection *selection, int64_t from, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_(val_free) struct val body = val_list();
	uint64_t position;
	int64_t limit;
	if (call_query_int(call, "limit", LIMIT_LIST_ROWS, 1, LIMIT_LIST_ROWS, &limit, err) < 0)
		return -1;
	/* Page by page until there are LIMIT of those that are asked for, or enough was looked at: the reader goes on from there. */
	uint64_t after = (uint64_t)from;
	int64_t begin_us = clock_stopwatch_us();
	for (;;) {
		if (store->type->read_events(store, selection->execution, after, (size_t)limit,
			    &list, &position, err) < 0)
			return -1;
		size_t count = val_count(list);
		size_t i;
		for (i = 0; i < count && val_count(body) < (size_t)limit; i++) {
			if (selected(call->api, selection, val_at(list, i)))
				val_append(&body, val_ref(val_at(list, i)));
			after = (uint64_t)val_get_int(val_at(list, i), "seq", INT64_MAX);
		}
		if (count < (size_t)limit && i == count && position > after)
			after = position; /* there is no more */
		if (count < (size_t)limit || val_count(body) >= (size_t)limit ||
			clock_stopwatch_us() - begin_us > LIST_TURN_US)
			break;
		val_free(&list);
	}
	return answer_page_at(call, body, position, after);
}

/* ---- as a stream ---------------------------------------------------------------------------------------------------------------- */

struct stream {
	struct api *api;
	struct selection selection;
	uint64_t position; /* everything up to here is in `text`, has been sent, or is of no interest */
	uint64_t told;     /* the engine's position when we read last */
	bool more;         /* that was not all */
	struct strbuf text; /* a page on its way */
	size_t sent;
	int64_t sent_at_us;
};

static void stream_free(void *data)
{
	struct stream *stream = data;
	selection_free(&stream->selection);
	strbuf_free(&stream->text);
	free(stream);
}

static void stream_add(struct stream *stream, uint64_t seq, const char *event, struct val data)
{
	_cleanup_free_ char *line = json_text(data, JSON_COMPACT);
	if (seq)
		strbuf_printf(&stream->text, "id: %llu\n", (unsigned long long)seq);
	strbuf_add_text(&stream->text, "event: ");
	strbuf_add_text(&stream->text, event);
	strbuf_add_text(&stream->text, "\ndata: ");
	strbuf_add_text(&stream->text, line);
	strbuf_add_text(&stream->text, "\n\n");
}

static void stream_add_event(struct stream *stream, struct val event)
{
	_cleanup_(val_free) struct val data = val_ref(val_get(event, "data"));
	if (!val_is_map(data))
		val_replace(&data, val_map());
	val_set(&data, "at", val_ref(val_get(event, "at")));
	stream_add(stream, (uint64_t)val_get_int(event, "seq", 0),
		val_get_text(event, "event", "message"), data);
}

/* The next page. What is no match moves the position all the same. */
static int stream_read(struct stream *stream)
{
	struct store *store = stream->api->setup.store;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t told = atomic_load(&stream->api->position), position;
	if (store->type->read_events(store, stream->selection.execution, stream->position,
		    STREAM_PAGE, &list, &position, &err) < 0)
		return -1;
	size_t count = val_count(list), i;
	for (i = 0; i < count && stream->text.length < STREAM_PAGE_BYTES; i++) {
		struct val event = val_at(list, i);
		if (selected(stream->api, &stream->selection, event))
			stream_add_event(stream, event);
		stream->position = (uint64_t)val_get_int(event, "seq", (int64_t)stream->position);
	}
	stream->more = count == STREAM_PAGE || i < count;
	if (!stream->more && position > stream->position)
		stream->position = position;
	stream->told = told;
	return stream->text.overflowed ? -1 : 0;
}

/* Moves as much of the page as the connection takes now. */
static void stream_send(struct stream *stream, struct strbuf *buf)
{
	size_t room = buf->cap > buf->length ? buf->cap - buf->length : 0;
	size_t left = stream->text.length - stream->sent;
	size_t length = left < room ? left : room;
	strbuf_add(buf, stream->text.bytes + stream->sent, length);
	stream->sent += length;
	if (stream->sent == stream->text.length) {
		/* Nothing is kept of a large page while the stream is idle. */
		if (stream->text.capacity > STREAM_PAGE_BYTES) {
			strbuf_free(&stream->text);
			stream->text = STRBUF_INIT(LIMIT_STORED_BYTES);
		}
		strbuf_reset(&stream->text);
		stream->sent = 0;
	}
	if (length > 0)
		stream->sent_at_us = clock_stopwatch_us();
}

static int stream_fill(void *data, struct strbuf *buf)
{
	struct stream *stream = data;
	int64_t start_us = clock_stopwatch_us(), now_us = start_us;
	while (stream->text.length == 0 && now_us - start_us < STREAM_TURN_US &&
		(stream->more || atomic_load(&stream->api->position) > stream->told)) {
		if (stream_read(stream) < 0)
			return -1;
		now_us = clock_stopwatch_us();
	}
	/* A comment keeps the connection open; sent in the middle of a long search, it brings us back here at once. */
	if (stream->text.length == 0 &&
		(stream->more || now_us - stream->sent_at_us > STREAM_SILENCE_US))
		strbuf_add_text(&stream->text, ":\n\n");
	stream_send(stream, buf);
	return 0;
}

/* FROM < 0: from now on. A position that the journal has not reached is another journal's: the reader must read all again. */
static int answer_stream(
	struct call *call, struct selection *selection /* moved */, int64_t from, struct err *err)
{
	uint64_t now;
	if (journal_position(call->api, &now, err) < 0)
		return -1;
	struct stream *stream = xnew(struct stream);
	stream->api = call->api;
	stream->selection = take(selection);
	stream->text = STRBUF_INIT(LIMIT_STORED_BYTES);
	stream->more = true;
	stream->sent_at_us = clock_stopwatch_us();
	bool reset = from >= 0 && (uint64_t)from > now;
	stream->position = from < 0 || reset ? now : (uint64_t)from;
	_cleanup_(val_free) struct val hello = val_map();
	val_set(&hello, "seq", val_int((int64_t)now));
	val_set(&hello, "now", val_int(clock_now_ms(clock_real())));
	stream_add(stream, 0, "hello", hello);
	if (reset)
		stream_add(stream, now, "reset", hello);
	_cleanup_(val_free) struct val headers = val_map();
	val_set(&headers, "X-Accel-Buffering", val_string("no"));
	val_set(&headers, "X-Journal-Seq", val_format("%llu", (unsigned long long)now));
	http_reply_stream(call->exchange, 200, "text/event-stream", headers, stream_fill,
		stream_free, stream);
	return 0;
}

/* ---- the routes ---------------------------------------------------------------------------------------------------------------- */

static int answer_events(struct call *call, const char *execution, struct err *err)
{
	_cleanup_(selection_free) struct selection selection = { 0 };
	const char *accept = http_header(call->exchange, "Accept");
	const char *last = http_header(call->exchange, "Last-Event-ID");
	bool stream = accept && strstr(accept, "text/event-stream") &&
		strcmp(http_method(call->exchange), "GET") == 0;
	int64_t from;
	if (call_query_int(call, "from", stream && !execution ? -1 : 0, 0, INT64_MAX, &from, err) < 0)
		return -1;
	if (stream && last && *last && (!str_to_int(str_of(last), &from) || from < 0))
		return err_set(err, ERR_INVALID,
			"Last-Event-ID: expected the id of an event, got \"%s\"", last);
	if (execution && execution_exists(call->api, execution, err) < 0)
		return -1;
	selection_read(call, execution, &selection);
	if (stream)
		return answer_stream(call, &selection, from, err);
	return answer_page(call, &selection, from, err);
}

int api_events(struct call *call, struct err *err)
{
	return answer_events(call, NULL, err);
}

int api_execution_events(struct call *call, struct err *err)
{
	return answer_events(call, call_param(call, "id"), err);
}
