/*
 * Looking for runs: Gate's search over the executions of one application, or of all.
 */
#include "api/internal.h"

#include <string.h>

#include "base/limits.h"

#define SEARCH_SIZE 10 /* Gate's default */

struct search {
	struct execution_filter filter;
	const char *pipeline;
	char **trigger_types;
	int64_t since_ms, until_ms; /* of the build time */
	int64_t start, size;
	bool expand;
};

static int read_search(struct call *call, struct search *search, struct err *err)
{
	/* What would have to be read inside of triggers is refused rather than left out of account. */
	static const char *const unknown[] = { "eventId", "trigger" };
	const char *application = call_param(call, "app");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (http_query(call->exchange, unknown[i]))
			return err_set(err, ERR_UNSUPPORTED, "%s: searching by it is not built yet",
				unknown[i]);
	search->filter.application = strcmp(application, "*") == 0 ? NULL : application;
	search->pipeline = http_query(call->exchange, "pipelineName");
	search->trigger_types = call_query_list(call, "triggerTypes");
	if (call_query_statuses(call, &search->filter.statuses, err) < 0 ||
		call_query_int(call, "triggerTimeStartBoundary", 0, 0, INT64_MAX, &search->since_ms,
			err) < 0 ||
		call_query_int(call, "triggerTimeEndBoundary", INT64_MAX, 0, INT64_MAX,
			&search->until_ms, err) < 0 ||
		call_query_int(call, "startIndex", 0, 0, INT64_MAX, &search->start, err) < 0 ||
		call_query_int(call, "size", SEARCH_SIZE, 1, LIMIT_LIST_ROWS, &search->size, err) < 0 ||
		call_query_bool(call, "reverse", false, &search->filter.oldest_first, err) < 0 ||
		call_query_bool(call, "expand", false, &search->expand, err) < 0)
		return -1;
	if (search->until_ms < search->since_ms)
		return err_set(err, ERR_INVALID,
			"triggerTimeEndBoundary: it is before triggerTimeStartBoundary");
	search->filter.without_stages = true; /* until it is known which are wanted */
	return 0;
}

static bool has_type(const struct search *search, struct val execution)
{
	const char *type = val_get_text(val_get(execution, "trigger"), "type", "");
	if (!search->trigger_types || !search->trigger_types[0])
		return true;
	for (char **wanted = search->trigger_types; *wanted; wanted++)
		if (strcmp(*wanted, type) == 0)
			return true;
	return false;
}

static bool is_found(const struct search *search, struct val execution)
{
	int64_t built = val_get_int(execution, "buildTime", 0);
	if (search->pipeline && strcmp(val_get_text(execution, "name", ""), search->pipeline) != 0)
		return false;
	return built >= search->since_ms && built <= search->until_ms && has_type(search, execution);
}

/* Adds the run of HEAD with its stages; nothing when it was deleted meanwhile. */
static int add_found(struct store *store, const struct search *search, struct val head,
	struct val *list, struct err *err)
{
	struct val execution;
	uint64_t position;
	if (store->type->get_execution(
		    store, val_get_text(head, "id", ""), &execution, &position, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return 0;
	}
	if (!search->expand)
		execution_unexpand(&execution);
	val_append(list, execution);
	return 0;
}

/* Of the LIMIT_LIST_ROWS newest (or oldest) runs. */
static int search_runs(struct call *call, struct search *search, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_(val_free) struct val heads = VAL_NULL;
	_cleanup_(val_free) struct val found = val_list();
	uint64_t position;
	if (read_search(call, search, err) < 0 ||
		store->type->list_executions(store, &search->filter, &heads, &position, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(heads) && (int64_t)val_count(found) < search->size; i++) {
		if (!is_found(search, val_at(heads, i)) || search->start-- > 0)
			continue;
		if (add_found(store, search, val_at(heads, i), &found, err) < 0)
			return -1;
	}
	return answer_read(call, found, position);
}

int api_executions_search(struct call *call, struct err *err)
{
	struct search search = { 0 };
	int result = search_runs(call, &search, err);
	texts_free(&search.trigger_types);
	return result;
}
