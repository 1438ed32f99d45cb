/*
 * Reading a request and answering it.
 */
#include "api/internal.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vec.h"

/* ---- the query and the body -------------------------------------------------------------------------------------------- */

int call_query_int(const struct call *call, const char *name, int64_t otherwise, int64_t min,
	int64_t max, int64_t *ret, struct err *err)
{
	const char *text = http_query(call->exchange, name);
	int64_t number = otherwise;
	if (text && (!str_to_int(str_of(text), &number) || number < min))
		return err_set(err, ERR_INVALID,
			"%s: expected a whole number of at least %lld, got \"%s\"", name,
			(long long)min, text);
	*ret = number < max ? number : max;
	return 0;
}

int call_query_bool(
	const struct call *call, const char *name, bool otherwise, bool *ret, struct err *err)
{
	const char *text = http_query(call->exchange, name);
	bool is_true = text && str_equal_nocase(str_of(text), STR("true"));
	if (text && !is_true && !str_equal_nocase(str_of(text), STR("false")))
		return err_set(
			err, ERR_INVALID, "%s: expected true or false, got \"%s\"", name, text);
	*ret = text ? is_true : otherwise;
	return 0;
}

char **call_query_list(const struct call *call, const char *name)
{
	const char *text = http_query(call->exchange, name);
	if (!text)
		return NULL;
	VEC(char *) texts = { 0 };
	struct str rest = str_of(text);
	for (struct str part; str_split(&rest, ',', &part);) {
		part = str_trim(part);
		if (part.length > 0)
			vec_push(&texts, xstrndup(part.bytes, part.length));
	}
	vec_push(&texts, NULL);
	return texts.items;
}

void texts_free(char ***texts)
{
	for (char **text = *texts; text && *text; text++)
		free(*text);
	free(*texts);
	*texts = NULL;
}

int call_query_statuses(const struct call *call, unsigned *ret, struct err *err)
{
	_cleanup_(texts_free) char **names = call_query_list(call, "statuses");
	unsigned statuses = 0;
	for (char **name = names; name && *name; name++) {
		enum status status;
		for (char *c = *name; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (!status_parse(str_of(*name), &status))
			return err_set(
				err, ERR_INVALID, "statuses: there is no status \"%s\"", *name);
		statuses |= 1u << status;
	}
	*ret = statuses;
	return 0;
}

int call_body(const struct call *call, struct val *ret, struct err *err)
{
	struct str body = http_body(call->exchange);
	struct json_notes notes = { 0 };
	*ret = VAL_NULL;
	if (str_trim(body).length == 0)
		return 0;
	if (json_parse(body, NULL, &notes, ret, err) < 0)
		return err_wrap(err, "the request's body");
	if (notes.duplicate_key)
		log_warn("a key stands twice in a request, the last one counts", "key",
			notes.duplicate_key, "path", call->route->path);
	free(notes.duplicate_key);
	return 0;
}

int call_body_map(const struct call *call, const char *what, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val body = VAL_NULL;
	if (call_body(call, &body, err) < 0)
		return -1;
	if (!val_is_map(body))
		return err_set(
			err, ERR_INVALID, "the request's body must be a JSON object: %s", what);
	*ret = take(&body);
	return 0;
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static void reply_text(struct http_exchange *exchange, struct str json, uint64_t position)
{
	_cleanup_(val_free) struct val headers = val_map();
	val_set(&headers, "X-Journal-Seq", val_format("%llu", (unsigned long long)position));
	http_reply(exchange, 200, "application/json", json, headers);
}

int answer_text(struct call *call, struct str json, uint64_t position)
{
	reply_text(call->exchange, json, position);
	return 0;
}

int answer_read(struct call *call, struct val body, uint64_t position)
{
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	return answer_text(call, str_of(text), position);
}

int answer_json(struct call *call, struct val body)
{
	http_reply_json(call->exchange, 200, body);
	return 0;
}

void answer_error(struct http_exchange *exchange, const struct err *err)
{
	if (err->kind == ERR_INTERNAL) {
		struct str path = http_path(exchange); /* with the execution's id, where there is one */
		_cleanup_free_ char *text = xstrndup(path.bytes, path.length);
		log_error("a request failed", "path", text, "error", err_text(err));
	}
	http_reply_error(exchange, err);
}

int print_item(struct store *store, const char *id, bool brief, struct strbuf *list, struct err *err)
{
	size_t before = list->length;
	uint64_t position;
	if (list->bytes[before - 1] != '[')
		strbuf_add_char(list, ',');
	if (store->type->print_execution(store, id, brief, list, &position, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	list->length = before;
	return 0;
}

/* ---- reads ---------------------------------------------------------------------------------------------------------------------- */

int journal_position(struct api *api, uint64_t *ret, struct err *err)
{
	struct store *store = api->setup.store;
	_cleanup_(val_free) struct val none = VAL_NULL;
	return store->type->read_events(store, NULL, INT64_MAX, 1, &none, ret, err);
}

/* ---- writes --------------------------------------------------------------------------------------------------------------------- */

/* What is kept while the engine has the request. */
struct pending {
	struct http_exchange *exchange;
	answer_fn answer;
	struct api *api;
	char *run_id; /* the answer is this run */
};

static void pending_free(struct pending *pending)
{
	free(pending->run_id);
	free(pending);
}

/* On a server thread: a run may be large, and the engine has others. */
static void answer_run(void *data, struct http_exchange *exchange)
{
	struct pending *pending = data;
	struct store *store = pending->api->setup.store;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position;
	if (store->type->print_execution(store, pending->run_id, false, &text, &position, &err) < 0)
		answer_error(exchange, &err);
	else
		reply_text(exchange, strbuf_str(&text), position);
	pending_free(pending);
}

static void replied(void *data, struct val value, const struct err *err)
{
	struct pending *pending = data;
	if (pending->run_id && !err->kind) {
		http_go_on(pending->exchange, answer_run, pending);
		return;
	}
	if (err->kind)
		answer_error(pending->exchange, err);
	else if (pending->answer)
		pending->answer(pending->exchange, value);
	else
		http_reply(pending->exchange, 200, NULL, STR(""), VAL_NULL);
	pending_free(pending);
}

/* PENDING is taken. */
static int submit(struct call *call, struct request *request, struct pending *pending, struct err *err)
{
	struct api *api = call->api;
	pending->exchange = call->exchange;
	pending->api = api;
	request->origin = xstrdup("api");
	if (call->user)
		request->user = xstrdup(call->user);
	/* A value takes a few times the space of its text. */
	request->bytes = 512 + 4 * http_body(call->exchange).length;
	request->reply = replied;
	request->data = pending;
	pthread_rwlock_rdlock(&api->engine_lock);
	int result = api->engine ?
		engine_submit(api->engine, request, err) :
		err_set(err, ERR_UNAVAILABLE, "the server is starting or stopping; try again");
	pthread_rwlock_unlock(&api->engine_lock);
	if (result < 0) {
		pending_free(pending);
		request_clear(request);
	}
	return result;
}

int call_submit(struct call *call, struct request *request, answer_fn answer, struct err *err)
{
	struct pending *pending = xnew(struct pending);
	pending->answer = answer;
	return submit(call, request, pending, err);
}

int call_submit_for_run(struct call *call, struct request *request, struct err *err)
{
	struct pending *pending = xnew(struct pending);
	pending->run_id = xstrdup(request->key);
	return submit(call, request, pending, err);
}
