/*
 * Runs: reading, cancelling, deleting, changing a stage while it runs.
 */
#include "api/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"

#define LIST_LIMIT 10 /* runs of each pipeline in an application's list, Gate's default */
#define LIST_DAYS_MS (14 * 86400000LL) /* and how far back it goes … */
#define LIST_OLD 2                     /* … unless a pipeline has none since: then so many */

/* ---- one run -------------------------------------------------------------------------------------------------------------------- */

static int read_execution(struct call *call, struct val *ret, uint64_t *ret_position, struct err *err)
{
	struct store *store = call->api->setup.store;
	return store->type->get_execution(store, call_param(call, "id"), ret, ret_position, err);
}

int api_execution_get(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	_cleanup_(val_free) struct val skeleton = VAL_NULL;
	uint64_t position;
	bool expand;
	if (call_query_bool(call, "expand", true, &expand, err) < 0)
		return -1;
	if (expand) {
		if (store->type->print_execution(
			    store, call_param(call, "id"), false, &text, &position, err) < 0)
			return -1;
		return answer_text(call, strbuf_str(&text), position);
	}
	/* ours: a skeleton, so that the console can follow a large run */
	if (read_execution(call, &skeleton, &position, err) < 0)
		return -1;
	execution_brief(&skeleton);
	val_set(&skeleton, "initialConfig", val_map());
	return answer_read(call, skeleton, position);
}

/* The stage of EXECUTION with that id, borrowed. */
static int find_stage(struct val execution, const char *id, struct val *ret, struct err *err)
{
	struct val stages = val_get(execution, "stages");
	for (size_t i = 0; i < val_count(stages); i++) {
		*ret = val_at(stages, i);
		if (strcmp(val_get_text(*ret, "id", ""), id) == 0)
			return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "Stage not found (id: %s)", id);
}

int api_execution_stage(struct call *call, struct err *err)
{
	_cleanup_(val_free) struct val execution = VAL_NULL;
	uint64_t position;
	struct val stage;
	if (read_execution(call, &execution, &position, err) < 0 ||
		find_stage(execution, call_param(call, "stageId"), &stage, err) < 0)
		return -1;
	return answer_read(call, stage, position);
}

/* Empty, as of Gate; of a run that had ended before, what became of it. */
static void answer_canceled(struct http_exchange *exchange, struct val value)
{
	if (val_is_null(value))
		http_reply(exchange, 200, NULL, STR(""), VAL_NULL);
	else
		http_reply_json(exchange, 200, value);
}

int api_execution_cancel(struct call *call, struct err *err)
{
	const char *reason = http_query(call->exchange, "reason");
	bool force; /* has no effect in Orca either (stages.md 1.9) */
	if (call_query_bool(call, "force", false, &force, err) < 0)
		return -1;
	struct request request = { .kind = REQUEST_CANCEL, .key = xstrdup(call_param(call, "id")) };
	if (reason)
		request.reason = xstrdup(reason);
	return call_submit(call, &request, answer_canceled, err);
}

int api_execution_delete(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_DELETE_EXECUTION,
		.key = xstrdup(call_param(call, "id")) };
	return call_submit(call, &request, NULL, err);
}

/* Of a run that has ended nothing changes any more. It is read here, for a stage that it has or not: the engine has only those that go on. */
static int check_goes_on(struct call *call, struct err *err)
{
	_cleanup_(val_free) struct val head = VAL_NULL;
	_cleanup_(val_free) struct val execution = VAL_NULL;
	struct val stage;
	uint64_t position;
	enum status status;
	if (store_get_head(call->api->setup.store, call_param(call, "id"), &head, err) < 0)
		return -1;
	struct val text = val_get(head, "status");
	if (!status_parse(val_as_str(&text), &status) || !status_is_complete(status))
		return 0;
	if (read_execution(call, &execution, &position, err) < 0 ||
		find_stage(execution, call_param(call, "stageId"), &stage, err) < 0)
		return -1;
	return err_set(err, ERR_CONFLICT,
		"the run has ended (%s); its stages cannot be changed any more", status_name(status));
}

int api_stage_patch(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_PATCH_STAGE };
	if (call_body_map(call, "what to merge into the stage's context", &request.value, err) < 0)
		return -1;
	if (check_goes_on(call, err) < 0) {
		request_clear(&request);
		return -1;
	}
	request.key = xstrdup(call_param(call, "id"));
	request.stage_id = xstrdup(call_param(call, "stageId"));
	return call_submit_for_run(call, &request, err);
}

int api_execution_pause(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_PAUSE, .key = xstrdup(call_param(call, "id")) };
	return call_submit(call, &request, NULL, err);
}

int api_execution_resume(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_RESUME, .key = xstrdup(call_param(call, "id")) };
	return call_submit(call, &request, NULL, err);
}

/* Clients send a body, which may be missing, {}, or a configuration: what stages take anew at a restart comes from there. */
int api_stage_restart(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_RESTART_STAGE };
	if (call_body(call, &request.value, err) < 0)
		return -1;
	if (!val_is_null(request.value) && !val_is_map(request.value)) {
		request_clear(&request);
		return err_set(err, ERR_INVALID,
			"the request's body must be a JSON object, the pipeline's configuration, or missing");
	}
	request.key = xstrdup(call_param(call, "id"));
	request.stage_id = xstrdup(call_param(call, "stageId"));
	return call_submit_for_run(call, &request, err);
}

/* ---- lists ---------------------------------------------------------------------------------------------------------------------- */

struct started {
	int64_t start_ms;
	struct val execution;
};

/* Oldest start first; those that have not started are the newest. */
static int compare_started(const void *a, const void *b)
{
	const struct started *x = a, *y = b;
	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	return strcmp(val_get_text(x->execution, "id", ""), val_get_text(y->execution, "id", ""));
}

/* The runs of HEADS as they are stored: their texts are put together, and few are parsed. Those that were deleted meanwhile are left out. */
static int answer_list(
	struct call *call, struct val heads, bool expand, uint64_t position, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	strbuf_add_char(&text, '[');
	for (size_t i = 0; i < val_count(heads); i++)
		if (print_item(store, val_get_text(val_at(heads, i), "id", ""), !expand, &text,
			    err) < 0)
			return -1;
	strbuf_add_char(&text, ']');
	return answer_text(call, strbuf_str(&text), position);
}

static void sort_by_start(struct val *list)
{
	VEC(struct started) rows = { 0 };
	for (size_t i = 0; i < val_count(*list); i++) {
		struct val execution = val_at(*list, i);
		struct started row = { val_get_int(execution, "startTime", INT64_MAX), execution };
		vec_push(&rows, row);
	}
	if (rows.count > 1)
		qsort(rows.items, rows.count, sizeof(rows.items[0]), compare_started);
	struct val sorted = val_list();
	for (size_t i = 0; i < rows.count; i++)
		val_append(&sorted, val_ref(rows.items[i].execution));
	vec_free(&rows);
	val_replace(list, sorted);
}

int api_executions(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(texts_free) char **configs = call_query_list(call, "pipelineConfigIds");
	_cleanup_(texts_free) char **ids = call_query_list(call, "executionIds");
	struct execution_filter filter = {
		.config_ids = (const char *const *)configs,
		.ids = (const char *const *)ids,
		.per_config = configs != NULL,
		.heads_only = true,
	};
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	int64_t limit;
	bool expand;
	if (configs && ids)
		return err_set(err, ERR_INVALID, "give pipelineConfigIds or executionIds, not both");
	if (call_query_int(call, "limit", 1, 1, LIMIT_LIST_ROWS, &limit, err) < 0 ||
		call_query_bool(call, "expand", true, &expand, err) < 0 ||
		(!ids && call_query_statuses(call, &filter.statuses, err) < 0))
		return -1;
	if (!configs && !ids) {
		if (journal_position(call->api, &position, err) < 0)
			return -1;
		return answer_list(call, VAL_NULL, expand, position, err);
	}
	filter.limit = ids ? 0 : (size_t)limit;
	if (store->type->list_executions(store, &filter, &list, &position, err) < 0)
		return -1;
	sort_by_start(&list);
	return answer_list(call, list, expand, position, err);
}

/* LIST is by pipeline, newest first. Leaves out what is old, but of a pipeline that has nothing newer the LIST_OLD newest. */
static void leave_out_old(struct val *list)
{
	int64_t since = clock_now_ms(clock_real()) - LIST_DAYS_MS;
	struct map kept = { 0 }; /* config → how many of it */
	struct val recent = val_list();
	for (size_t i = 0; i < val_count(*list); i++) {
		struct val execution = val_at(*list, i);
		struct str config = str_of(val_get_text(execution, "pipelineConfigId", ""));
		size_t count = (size_t)map_get(&kept, config);
		if (val_get_int(execution, "buildTime", INT64_MAX) < since && count >= LIST_OLD)
			continue;
		map_put(&kept, config, (void *)(count + 1));
		val_append(&recent, val_ref(execution));
	}
	map_free(&kept);
	val_replace(list, recent);
}

int api_executions_of_application(struct call *call, struct err *err)
{
	struct store *store = call->api->setup.store;
	struct execution_filter filter = {
		.application = call_param(call, "app"), .per_config = true, .heads_only = true
	};
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	int64_t limit;
	bool expand;
	if (call_query_int(call, "limit", LIST_LIMIT, 0, LIMIT_LIST_ROWS, &limit, err) < 0 ||
		call_query_bool(call, "expand", true, &expand, err) < 0 ||
		call_query_statuses(call, &filter.statuses, err) < 0)
		return -1;
	filter.limit = limit > 0 ? (size_t)limit : LIST_LIMIT; /* 0 counts as absent */
	if (store->type->list_executions(store, &filter, &list, &position, err) < 0)
		return -1;
	leave_out_old(&list);
	return answer_list(call, list, expand, position, err);
}
