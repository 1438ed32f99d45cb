/*
 * Stored pipelines. They are documents: what we do not know is kept as it came.
 */
#include "api/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/vec.h"
#include "lint/pipeline_fields.h"
#include "model/pipeline.h"

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static void first_fault(void *data, const struct graph_problem *problem)
{
	struct err *err = data;
	bool shape = problem->fault == GRAPH_NO_LIST || problem->fault == GRAPH_NO_STAGE;
	if (shape && !err->kind)
		err_set(err, ERR_INVALID, "%s: %s", problem->path, problem->text);
}

/*
 * What is no pipeline by its shape is not kept: lists that are none, and items of them that are no objects. What an author may still be
 * writing (a type, a refId, a graph with holes) is, as upstream; lint speaks of it.
 */
static int check_shape(struct val document, struct err *err)
{
	pipeline_check_graph(document, first_fault, err);
	for (const struct field *row = pipeline_fields; row->name && !err->kind; row++) {
		struct val list = val_get(document, row->name);
		if (!(row->flags & FIELD_LIST) || val_is_null(list))
			continue;
		if (!val_is_list(list) && field_misfit("a list", list, err) < 0)
			return err_wrap(err, "%s", row->name);
		for (size_t i = 0; i < val_count(list); i++)
			if (!val_is_map(val_at(list, i)) &&
				field_misfit("a map", val_at(list, i), err) < 0)
				return err_wrap(err, "%s[%zu]", row->name, i);
	}
	return err->kind ? -1 : 0;
}

static int save(struct call *call, struct val document /* taken */, answer_fn answer, struct err *err)
{
	struct request request = { .kind = REQUEST_SAVE_PIPELINE, .value = document };
	if (check_shape(document, err) < 0 ||
		call_query_bool(call, "staleCheck", false, &request.stale_check, err) < 0) {
		request_clear(&request);
		return -1;
	}
	return call_submit(call, &request, answer, err);
}

int api_pipeline_save(struct call *call, struct err *err)
{
	struct val document;
	if (call_body_map(call, "the pipeline", &document, err) < 0)
		return -1;
	return save(call, document, NULL, err);
}

static void answer_document(struct http_exchange *exchange, struct val value)
{
	http_reply_json(exchange, 200, value);
}

int api_pipeline_update(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	const char *id = call_param(call, "id");
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_(val_free) struct val stored = VAL_NULL;
	if (call_body_map(call, "the pipeline", &document, err) < 0)
		return -1;
	struct val own = val_get(document, "id");
	if (!val_is_null(own) && !val_is_string(own) && field_misfit("a string", own, err) < 0)
		return err_wrap(err, "id");
	if (strcmp(val_get_text(document, "id", id), id) != 0)
		return err_set(err, ERR_INVALID, "id: the body says \"%s\", the path \"%s\"",
			val_text(&own), id);
	if (store->type->get_pipeline(store, id, &stored, err) < 0)
		return -1;
	val_set(&document, "id", val_string(id));
	return save(call, take(&document), answer_document, err);
}

int api_pipeline_delete(struct call *call, struct err *err)
{
	struct request request = {
		.kind = REQUEST_DELETE_PIPELINE,
		.application = xstrdup(call_param(call, "app")),
		.name = xstrdup(call_param(call, "name")),
	};
	return call_submit(call, &request, NULL, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

int api_pipeline_get(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(val_free) struct val document = VAL_NULL;
	uint64_t position;
	if (journal_position(call->api, &position, err) < 0 ||
		store->type->find_pipeline(store, call_param(call, "app"), call_param(call, "name"),
			&document, err) < 0)
		return -1;
	return answer_read(call, document, position);
}

int api_pipelines_all(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (journal_position(call->api, &position, err) < 0 ||
		store->type->list_pipelines(store, NULL, &list, err) < 0)
		return -1;
	return answer_read(call, list, position);
}

struct row {
	int64_t index;
	const char *name; /* in `document` */
	struct val document;
};

/* By index, where there is one, then by name without regard to case. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	int names = strcasecmp(x->name, y->name);
	return names ? names : strcmp(x->name, y->name);
}

static struct val in_order(struct val list, const char *filter)
{
	VEC(struct row) rows = { 0 };
	for (size_t i = 0; i < val_count(list); i++) {
		struct val document = val_at(list, i);
		struct row row = {
			.index = val_get_int(document, "index", INT64_MAX),
			.name = val_get_text(document, "name", ""),
			.document = document,
		};
		if (!filter || strcasestr(row.name, filter))
			vec_push(&rows, row);
	}
	if (rows.count > 1)
		qsort(rows.items, rows.count, sizeof(rows.items[0]), compare_rows);
	struct val sorted = val_list();
	for (size_t i = 0; i < rows.count; i++) {
		struct val document = val_ref(rows.items[i].document);
		val_set(&document, "index", val_int((int64_t)i));
		val_append(&sorted, document);
	}
	vec_free(&rows);
	return sorted;
}

int api_pipelines_of_application(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (journal_position(call->api, &position, err) < 0 ||
		store->type->list_pipelines(store, call_param(call, "app"), &list, err) < 0)
		return -1;
	_cleanup_(val_free) struct val body = in_order(
		list, http_query(call->exchange, "pipelineNameFilter"));
	return answer_read(call, body, position);
}

static int fail(struct err *err, struct err *reason)
{
	err_move(err, reason);
	return -1;
}

/* What it is now, then what it was, newest first. */
int api_pipeline_history(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	const char *id = call_param(call, "id");
	_cleanup_(val_free) struct val current = VAL_NULL;
	_cleanup_(val_free) struct val earlier = VAL_NULL;
	_cleanup_(val_free) struct val body = val_list();
	_cleanup_err_ struct err missing = ERR_INIT;
	uint64_t position;
	int64_t limit;
	if (call_query_int(call, "limit", 20, 1, LIMIT_PIPELINE_HISTORY, &limit, err) < 0 ||
		journal_position(call->api, &position, err) < 0)
		return -1;
	if (store->type->get_pipeline(store, id, &current, &missing) == 0)
		val_append(&body, take(&current));
	else if (missing.kind != ERR_NOT_FOUND)
		return fail(err, &missing);
	if (store->type->pipeline_history(store, id, (size_t)limit, &earlier, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(earlier) && val_count(body) < (size_t)limit; i++)
		val_append(&body, val_ref(val_at(earlier, i)));
	if (val_count(body) == 0)
		return fail(err, &missing);
	return answer_read(call, body, position);
}
