/*
 * Looking for runs: Gate's search over the executions of one application, or of all.
 */
#include "api/internal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/expr.h"

#define SEARCH_SIZE 10 /* Gate's default */

struct search {
	struct execution_filter filter;
	const char *pipeline;
	const char *event_id;
	char **trigger_types;
	struct val trigger; /* a part of it */
	int64_t start, size, found;
	bool expand;
};

static void search_free(struct search *search)
{
	texts_free(&search->trigger_types);
	val_free(&search->trigger);
}

/* `trigger`: what a trigger must hold, as JSON in base64. */
static int read_trigger(const struct call *call, struct val *ret, struct err *err)
{
	const char *given = http_query(call->exchange, "trigger");
	_cleanup_free_ char *json = NULL;
	size_t length;
	if (!given)
		return 0;
	json = xmalloc(strlen(given) + 1);
	if (sodium_base642bin((unsigned char *)json, strlen(given) + 1, given, strlen(given),
		    "\r\n ", &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 &&
		sodium_base642bin((unsigned char *)json, strlen(given) + 1, given, strlen(given),
			"\r\n =", &length, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return err_set(err, ERR_INVALID, "trigger: expected JSON in base64");
	if (json_parse((struct str){ json, length }, NULL, NULL, ret, err) < 0)
		return err_wrap(err, "trigger");
	if (!val_is_map(*ret))
		return err_set(err, ERR_INVALID, "trigger: expected a JSON object in base64");
	return 0;
}

static int read_search(struct call *call, struct search *search, struct err *err)
{
	const char *application = call_param(call, "app");
	search->filter.application = strcmp(application, "*") == 0 ? NULL : application;
	search->pipeline = http_query(call->exchange, "pipelineName");
	search->event_id = http_query(call->exchange, "eventId");
	search->trigger_types = call_query_list(call, "triggerTypes");
	if (call_query_statuses(call, &search->filter.statuses, err) < 0 ||
		call_query_int(call, "triggerTimeStartBoundary", 0, 0, INT64_MAX,
			&search->filter.built_from_ms, err) < 0 ||
		call_query_int(call, "triggerTimeEndBoundary", INT64_MAX, 0, INT64_MAX,
			&search->filter.built_to_ms, err) < 0 ||
		call_query_int(call, "startIndex", 0, 0, INT64_MAX, &search->start, err) < 0 ||
		call_query_int(call, "size", SEARCH_SIZE, 1, LIMIT_LIST_ROWS, &search->size, err) < 0 ||
		call_query_bool(call, "reverse", false, &search->filter.oldest_first, err) < 0 ||
		call_query_bool(call, "expand", false, &search->expand, err) < 0 ||
		read_trigger(call, &search->trigger, err) < 0)
		return -1;
	if (search->filter.built_to_ms < search->filter.built_from_ms)
		return err_set(err, ERR_INVALID,
			"triggerTimeEndBoundary: it is before triggerTimeStartBoundary");
	if (search->filter.built_to_ms == 0) /* nothing was built then; 0 is no bound to the store */
		search->filter.built_to_ms = -1;
	/* Whole only once it is known which are wanted. */
	search->filter.heads_only = !search->event_id && !search->trigger_types &&
		val_is_null(search->trigger);
	search->filter.without_stages = true;
	return 0;
}

/* ---- a part of a trigger -------------------------------------------------------------------------------------------------------- */

static int holds(struct val stored, struct val wanted, unsigned depth, struct err *err);

/* Equal in any case, or WANTED matches it whole as a pattern. */
static int text_holds(struct val stored, struct val wanted, struct err *err)
{
	_cleanup_err_ struct err why = ERR_INIT;
	struct str text = val_as_str(&stored), pattern = val_as_str(&wanted);
	if (str_equal_nocase(text, pattern))
		return 1;
	int result = expr_text_matches(text, pattern, LIMIT_ARTIFACT_MATCH_STEPS, &why);
	if (result >= 0 || why.kind == ERR_INVALID) /* what is no pattern is equal or not */
		return result > 0;
	return err_set(
		err, ERR_INVALID, "trigger: to match \"%.200s\" takes too long", val_text(&wanted));
}

/* Finds an element of STORED of its own for wanted element AT and those behind it: TAKEN are the others'. */
static int assign(struct val stored, struct val wanted, size_t at, bool *taken, unsigned depth,
	unsigned *steps, struct err *err)
{
	if (at == val_count(wanted))
		return 1;
	for (size_t i = 0; i < val_count(stored); i++) {
		if (taken[i])
			continue;
		if (++*steps > LIMIT_SEARCH_ASSIGN_STEPS)
			return err_set(
				err, ERR_INVALID, "trigger: its lists take too long to compare");
		int result = holds(val_at(stored, i), val_at(wanted, at), depth + 1, err);
		if (result < 0)
			return -1;
		if (result == 0)
			continue;
		taken[i] = true;
		result = assign(stored, wanted, at + 1, taken, depth, steps, err);
		if (result != 0)
			return result;
		taken[i] = false;
	}
	return 0;
}

static int list_holds(struct val stored, struct val wanted, unsigned depth, struct err *err)
{
	if (val_count(wanted) > val_count(stored) || val_count(wanted) > LIMIT_SEARCH_LIST)
		return 0;
	_cleanup_free_ bool *taken = xcalloc(val_count(stored) + 1, sizeof(*taken));
	unsigned steps = 0;
	return assign(stored, wanted, 0, taken, depth, &steps, err);
}

/* 1 when STORED has what is WANTED of it, 0 when not: maps every wanted key, lists each wanted element in any order. */
static int holds(struct val stored, struct val wanted, unsigned depth, struct err *err)
{
	if (val_kind(stored) != val_kind(wanted) || depth > LIMIT_SEARCH_DEPTH)
		return 0;
	if (val_is_string(wanted))
		return text_holds(stored, wanted, err);
	if (val_is_list(wanted))
		return list_holds(stored, wanted, depth, err);
	if (!val_is_map(wanted))
		return val_equal(stored, wanted);
	int result = 1;
	for (size_t i = 0; i < val_count(wanted) && result > 0; i++) {
		struct str key = val_key_at(wanted, i);
		result = val_has_str(stored, key) ?
			holds(val_get_str(stored, key), val_value_at(wanted, i), depth + 1, err) :
			0;
	}
	return result;
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

static int is_found(const struct search *search, struct val execution, struct err *err)
{
	struct val trigger = val_get(execution, "trigger");
	if (search->pipeline && strcmp(val_get_text(execution, "name", ""), search->pipeline) != 0)
		return 0;
	if (search->event_id && strcmp(val_get_text(trigger, "eventId", ""), search->event_id) != 0)
		return 0;
	if (!has_type(search, execution))
		return 0;
	return val_is_null(search->trigger) ? 1 : holds(trigger, search->trigger, 0, err);
}

/* Those of HEADS that are looked for, until there are enough. */
static int add_page(struct store *store, struct search *search, struct val heads,
	struct strbuf *found, struct err *err)
{
	for (size_t i = 0; i < val_count(heads) && search->found < search->size; i++) {
		int result = is_found(search, val_at(heads, i), err);
		if (result < 0)
			return -1;
		if (result == 0 || search->start-- > 0)
			continue;
		size_t before = found->length;
		if (print_item(store, val_get_text(val_at(heads, i), "id", ""), !search->expand,
			    found, err) < 0)
			return -1;
		search->found += found->length > before;
	}
	return 0;
}

/* Answers; when the search ended early, where: the build time of the last run that was looked at. */
static int answer_found(struct call *call, struct strbuf *found, uint64_t position, int64_t reached_ms)
{
	_cleanup_(val_free) struct val headers = val_map();
	strbuf_add_char(found, ']');
	val_set(&headers, "X-Journal-Seq", val_format("%llu", (unsigned long long)position));
	if (reached_ms)
		val_set(&headers, "X-Search-Reached", val_format("%lld", (long long)reached_ms));
	http_reply(call->exchange, 200, "application/json", strbuf_str(found), headers);
	return 0;
}

/* Page by page, over LIMIT_SEARCH_ROWS runs at most. */
static int search_runs(struct call *call, struct search *search, struct err *err)
{
	struct store *store = call->api->setup.store;
	_cleanup_strbuf_ struct strbuf found = STRBUF_INIT(SIZE_MAX / 2);
	_cleanup_free_ char *behind = NULL;
	uint64_t position = 0, first = 0;
	size_t seen = 0;
	if (read_search(call, search, err) < 0)
		return -1;
	strbuf_add_char(&found, '[');
	for (;;) {
		_cleanup_(val_free) struct val heads = VAL_NULL;
		if (store->type->list_executions(store, &search->filter, &heads, &position, err) < 0 ||
			add_page(store, search, heads, &found, err) < 0)
			return -1;
		first = first ? first : position;
		seen += val_count(heads);
		if (val_count(heads) < LIMIT_LIST_ROWS || search->found >= search->size)
			return answer_found(call, &found, first, 0);
		struct val last = val_at(heads, val_count(heads) - 1);
		search->filter.behind_ms = val_get_int(last, "buildTime", 0);
		if (seen >= LIMIT_SEARCH_ROWS)
			return answer_found(call, &found, first, search->filter.behind_ms);
		free(behind);
		behind = xstrdup(val_get_text(last, "id", ""));
		search->filter.behind_id = behind;
	}
}

int api_executions_search(struct call *call, struct err *err)
{
	struct search search = { 0 };
	int result = search_runs(call, &search, err);
	search_free(&search);
	return result;
}
