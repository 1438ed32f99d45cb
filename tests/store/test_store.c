/*
 * The conformance suite: what every store does alike. Each test runs over each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "store/fixture.h"

#define A "01J0000000000000000000000A"
#define B "01J0000000000000000000000B"
#define C "01J0000000000000000000000C"
#define D "01J0000000000000000000000D"
#define E "01J0000000000000000000000E"

struct fixture {
	struct store *store;
	char *directory; /* NULL: in memory */
};

static int setup_memory(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	fixture->store = store_memory_open();
	*state = fixture;
	return 0;
}

static int setup_sqlite(void **state)
{
	struct fixture *fixture = xnew(struct fixture);

	fixture->directory = temporary_directory();
	fixture->store = must_open(fixture->directory);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	store_close(fixture->store);
	if (fixture->directory)
		temporary_remove(fixture->directory);
	free(fixture);
	return 0;
}

static struct store *store_of(void **state)
{
	return ((struct fixture *)*state)->store;
}

/* Puts a sample and returns it. */
static struct execution *put_sample(struct store *store, const char *id, const char *application,
	const char *config, int64_t build_ms, enum status status)
{
	struct store_batch batch = { 0 };
	struct execution *execution = sample(id, application, config, build_ms, status);

	put_all(&batch, execution);
	commit(store, &batch);
	return execution;
}

static void add_sample(struct store *store, const char *id, const char *application,
	const char *config, int64_t build_ms, enum status status)
{
	execution_unref(put_sample(store, id, application, config, build_ms, status));
}

/* Executions */

static void what_was_put_is_read(void **state)
{
	struct store *store = store_of(state);
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);
	_cleanup_(val_free) struct val expected = execution_to_json(execution, true);
	_cleanup_(val_free) struct val json = read_execution(store, A);

	assert_same_json(json, expected);
	assert_false(has_execution(store, B));
}

static void a_later_head_takes_the_earlier_ones_place(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);

	execution_edit(&execution)->status = STATUS_CANCELED;
	execution->canceled = true;
	stage_set_text(&execution->canceled_by, "ann");
	val_set(&execution->trigger, "late", val_bool(true));
	store_put_execution(&batch, execution);
	commit(store, &batch);

	_cleanup_(val_free) struct val expected = execution_to_json(execution, true);
	_cleanup_(val_free) struct val json = read_execution(store, A);
	assert_same_json(json, expected);
}

/* One change at a time of a stage that has changed in all its parts. */
static void only_the_parts_named_are_written(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);
	struct stage *stage = stage_edit(&execution, 1);

	stage->status = STATUS_TERMINAL;
	val_set(&stage->context, "new", val_int(1));
	val_set(&stage->outputs, "new", val_int(2));
	store_put_stage(&batch, execution, 1, STAGE_PART_HEAD);
	commit(store, &batch);
	_cleanup_(val_free) struct val first = read_execution(store, A);
	assert_string_equal(val_get_text(val_path(first, "stages.1"), "status", ""), "TERMINAL");
	assert_false(val_has(val_path(first, "stages.1.context"), "new"));
	assert_int_equal(val_get_int(val_path(first, "stages.1.context"), "waitTime", 0), 30);
	assert_false(val_has(val_path(first, "stages.1.outputs"), "new"));

	store_put_stage(&batch, execution, 1, STAGE_PART_CONTEXT);
	commit(store, &batch);
	_cleanup_(val_free) struct val second = read_execution(store, A);
	assert_int_equal(val_get_int(val_path(second, "stages.1.context"), "new", 0), 1);
	assert_false(val_has(val_path(second, "stages.1.outputs"), "new"));

	stage_edit(&execution, 1)->status = STATUS_SUCCEEDED;
	store_put_stage(&batch, execution, 1, STAGE_PART_OUTPUTS);
	commit(store, &batch);
	_cleanup_(val_free) struct val third = read_execution(store, A);
	assert_int_equal(val_get_int(val_path(third, "stages.1.outputs"), "new", 0), 2);
	assert_string_equal(val_get_text(val_path(third, "stages.1"), "status", ""), "TERMINAL");
}

static void stages_are_added_later(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);
	size_t index = stage_add(&execution);
	struct stage *stage = stage_edit(&execution, index);

	snprintf(stage->id, sizeof(stage->id), "later");
	stage_set_text(&stage->ref_id, "2>1");
	stage_set_parent(&execution, index, 1, OWNER_AFTER);
	store_put_stage(&batch, execution, index, STAGE_PART_ALL);
	commit(store, &batch);

	_cleanup_(val_free) struct val expected = execution_to_json(execution, true);
	_cleanup_(val_free) struct val json = read_execution(store, A);
	assert_same_json(json, expected);
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *known = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);
	_cleanup_(execution_unref_cleanup) struct execution *unknown = sample(
		B, "shop", "c1", 1, STATUS_RUNNING);
	_cleanup_(val_free) struct val before = read_execution(store, A);
	_cleanup_(val_free) struct val no_id = parsed("{\"name\":\"n\",\"application\":\"a\"}");

	execution_edit(&known)->status = STATUS_SUCCEEDED;
	store_put_execution(&batch, known);
	put_event(&batch, A, "{\"type\":\"x\"}");
	store_put_stage(&batch, unknown, 0, STAGE_PART_ALL);
	assert_int_equal(commit_fails(store, &batch), ERR_INTERNAL);

	store_put_execution(&batch, known);
	store_put_memory(&batch, "k", no_id);
	store_put_pipeline(&batch, no_id);
	assert_int_equal(commit_fails(store, &batch), ERR_INVALID);

	store_delete_execution(&batch, A);
	store_put_stage(&batch, known, 0, STAGE_PART_HEAD);
	assert_int_equal(commit_fails(store, &batch), ERR_INTERNAL);

	_cleanup_(val_free) struct val after = read_execution(store, A);
	_cleanup_(val_free) struct val events = read_events(store, NULL, 0, 0);
	assert_same_json(after, before);
	assert_int_equal(val_count(events), 0);

	/* what failed has not spoilt what comes */
	store_put_execution(&batch, known);
	put_all(&batch, unknown);
	put_event(&batch, A, "{\"type\":\"y\"}");
	assert_int_equal(commit(store, &batch), 1);
	_cleanup_(val_free) struct val last = read_execution(store, A);
	assert_string_equal(val_get_text(last, "status", ""), "SUCCEEDED");
}

static void a_deleted_execution_takes_its_stages_and_events_along(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);

	add_sample(store, B, "shop", "c1", 1000, STATUS_RUNNING);
	put_event(&batch, A, "{\"of\":\"a\"}");
	put_event(&batch, B, "{\"of\":\"b\"}");
	put_event(&batch, NULL, "{\"of\":\"nobody\"}");
	put_event(&batch, A, "{\"of\":\"a\"}");
	commit(store, &batch);
	store_delete_execution(&batch, A);
	store_delete_execution(&batch, "never seen");
	put_event(&batch, A, "{\"deleted\":\"a\"}"); /* stays */
	assert_int_equal(commit(store, &batch), 5);
	assert_false(has_execution(store, A));
	assert_true(has_execution(store, B));

	_cleanup_(val_free) struct val events = read_events(store, NULL, 0, 0);
	assert_int_equal(val_count(events), 3);
	assert_int_equal(val_get_int(val_at(events, 1), "seq", 0), 3);
	assert_int_equal(val_get_int(val_at(events, 2), "seq", 0), 5);
	/* nothing of the old one comes back with the same id */
	store_put_execution(&batch, execution);
	commit(store, &batch);
	_cleanup_(val_free) struct val json = read_execution(store, A);
	assert_int_equal(val_count(val_get(json, "stages")), 0);
}

/* Lists */

static void assert_list(struct store *store, struct execution_filter filter, const char *expected)
{
	_cleanup_free_ char *ids = list_ids(store, &filter);

	assert_string_equal(ids, expected);
}

static void put_five(struct store *store)
{
	add_sample(store, C, "shop", "c1", 300, STATUS_RUNNING);
	add_sample(store, A, "shop", "c1", 100, STATUS_SUCCEEDED);
	add_sample(store, B, "Shop", "c2", 200, STATUS_TERMINAL);
	add_sample(store, D, "other", "c2", 300, STATUS_SUCCEEDED);
	add_sample(store, E, "other", NULL, 50, STATUS_NOT_STARTED);
}

static void lists_are_ordered_by_build_time_and_id(void **state)
{
	struct store *store = store_of(state);

	put_five(store);
	assert_list(store, (struct execution_filter){ 0 }, D " " C " " B " " A " " E);
	assert_list(store, (struct execution_filter){ .oldest_first = true },
		E " " A " " B " " C " " D);
	assert_list(store, (struct execution_filter){ .limit = 2 }, D " " C);
	assert_list(store, (struct execution_filter){ .limit = 2, .oldest_first = true }, E " " A);
}

static void lists_are_filtered(void **state)
{
	struct store *store = store_of(state);
	const char *const c2[] = { "c2", "c9", NULL }, *const none[] = { NULL },
			  *const ids[] = { E, A, "x", NULL };

	put_five(store);
	assert_list(store, (struct execution_filter){ .application = "SHOP" }, C " " B " " A);
	assert_list(store, (struct execution_filter){ .config_ids = c2 }, D " " B);
	assert_list(store, (struct execution_filter){ .config_ids = none }, "");
	assert_list(store, (struct execution_filter){ .ids = ids }, A " " E);
	assert_list(store,
		(struct execution_filter){ .statuses = 1u << STATUS_SUCCEEDED | 1u << STATUS_RUNNING },
		D " " C " " A);
	assert_list(store,
		(struct execution_filter){
			.application = "shop", .config_ids = c2, .statuses = 1u << STATUS_TERMINAL },
		B);
}

static void lists_are_read_page_by_page_and_between_two_times(void **state)
{
	struct store *store = store_of(state);

	put_five(store);
	assert_list(store,
		(struct execution_filter){ .behind_id = D, .behind_ms = 300, .limit = 2 }, C " " B);
	assert_list(store, (struct execution_filter){ .behind_id = B, .behind_ms = 200 }, A " " E);
	assert_list(store,
		(struct execution_filter){ .behind_id = B, .behind_ms = 200, .oldest_first = true },
		C " " D);
	assert_list(store, (struct execution_filter){ .behind_id = E, .behind_ms = 50 }, "");
	assert_list(store, (struct execution_filter){ .built_from_ms = 100, .built_to_ms = 200 },
		B " " A);
	assert_list(store,
		(struct execution_filter){
			.application = "shop", .built_from_ms = 200, .behind_id = C, .behind_ms = 300 },
		B);
}

static void a_limit_per_config_takes_the_newest_of_each(void **state)
{
	struct store *store = store_of(state);
	const char *const both[] = { "c2", "c1", NULL };

	put_five(store);
	assert_list(store,
		(struct execution_filter){ .config_ids = both, .per_config = true, .limit = 1 },
		D " " C);
	assert_list(store,
		(struct execution_filter){ .per_config = true, .limit = 1, .oldest_first = true },
		C " " D);
	assert_list(store, (struct execution_filter){ .per_config = true }, D " " C " " B " " A);
}

static void a_list_has_stages_unless_told_otherwise(void **state)
{
	struct store *store = store_of(state);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		store, A, "shop", "c1", 1000, STATUS_RUNNING);
	_cleanup_(val_free) struct val whole = VAL_NULL;
	_cleanup_(val_free) struct val heads = VAL_NULL;
	_cleanup_(val_free) struct val expected = execution_to_json(execution, true);
	_cleanup_(val_free) struct val expected_head = execution_to_json(execution, false);
	struct execution_filter filter = { 0 };
	uint64_t position;

	assert_int_equal(store->type->list_executions(store, &filter, &whole, &position, &err), 0);
	assert_same_json(val_at(whole, 0), expected);
	filter.without_stages = true;
	assert_int_equal(store->type->list_executions(store, &filter, &heads, &position, &err), 0);
	assert_same_json(val_at(heads, 0), expected_head);
	val_free(&heads);
	filter.heads_only = true;
	val_remove(&expected_head, "trigger");
	val_remove(&expected_head, "initialConfig");
	assert_int_equal(store->type->list_executions(store, &filter, &heads, &position, &err), 0);
	assert_same_json(val_at(heads, 0), expected_head);
}

static void a_list_ends_at_its_limit(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct execution_filter filter = { .limit = LIMIT_LIST_ROWS + 1, .without_stages = true };
	uint64_t position;

	for (int i = 0; i <= LIMIT_LIST_ROWS; i++) {
		char id[ULID_LENGTH + 1];
		_cleanup_(execution_unref_cleanup) struct execution *execution = NULL;

		snprintf(id, sizeof(id), "01J%023d", i);
		execution = sample(id, "shop", "c1", i, STATUS_SUCCEEDED);
		store_put_execution(&batch, execution);
		put_event(&batch, NULL, "{}");
	}
	commit(store, &batch);
	assert_int_equal(store->type->list_executions(store, &filter, &list, &position, &err), 0);
	assert_int_equal(val_count(list), LIMIT_LIST_ROWS);

	_cleanup_(val_free) struct val events = read_events(store, NULL, 0, LIMIT_LIST_ROWS + 1);
	assert_int_equal(val_count(events), LIMIT_LIST_ROWS);
}

/* Pipelines, applications, facts */

static void put_document(struct store *store, const char *json)
{
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val document = parsed(json);

	store_put_pipeline(&batch, document);
	commit(store, &batch);
}

static void assert_pipelines(struct store *store, const char *application, const char *expected)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_strbuf_ struct strbuf ids = STRBUF_INIT(1000);

	assert_int_equal(store->type->list_pipelines(store, application, &list, &err), 0);
	for (size_t i = 0; i < val_count(list); i++)
		strbuf_add_text(&ids, val_get_text(val_at(list, i), "id", ""));
	assert_string_equal(ids.bytes, expected);
}

static void pipelines_are_kept_as_they_came(void **state)
{
	struct store *store = store_of(state);
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_(val_free) struct val expected = parsed(
		"{\"id\":\"1\",\"application\":\"shop\",\"name\":\"b\",\"unknown\":[1,2.0,null]}");

	put_document(store,
		"{\"id\":\"1\",\"application\":\"shop\",\"name\":\"b\",\"unknown\":[1,2.0,null]}");
	put_document(store, "{\"id\":\"2\",\"application\":\"Shop\",\"name\":\"a\"}");
	put_document(store, "{\"id\":\"3\",\"application\":\"other\",\"name\":\"a\"}");
	assert_int_equal(store->type->get_pipeline(store, "1", &document, &err), 0);
	assert_same_json(document, expected);
	val_free(&document);
	assert_int_equal(store->type->find_pipeline(store, "SHOP", "b", &document, &err), 0);
	assert_same_json(document, expected);
	assert_int_equal(store->type->find_pipeline(store, "shop", "B", &document, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(store->type->get_pipeline(store, "4", &document, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_pipelines(store, NULL, "321");
	assert_pipelines(store, "shop", "21");
	assert_pipelines(store, "none", "");
}

static struct val history_of(struct store *store, const char *id, size_t limit)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val history;

	assert_int_equal(store->type->pipeline_history(store, id, limit, &history, &err), 0);
	return history;
}

static void earlier_versions_of_a_pipeline_are_kept(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val none = history_of(store, "1", 0);

	put_document(store, "{\"id\":\"1\",\"application\":\"a\",\"name\":\"n\",\"v\":1}");
	put_document(store, "{\"id\":\"1\",\"application\":\"a\",\"name\":\"n\",\"v\":2}");
	put_document(store, "{\"id\":\"1\",\"application\":\"a\",\"name\":\"n\",\"v\":3}");
	_cleanup_(val_free) struct val two = history_of(store, "1", 0);
	_cleanup_(val_free) struct val one = history_of(store, "1", 1);
	assert_int_equal(val_count(none), 0);
	assert_int_equal(val_count(two), 2);
	assert_int_equal(val_get_int(val_at(two, 0), "v", 0), 2);
	assert_int_equal(val_get_int(val_at(two, 1), "v", 0), 1);
	assert_int_equal(val_count(one), 1);

	store_delete_pipeline(&batch, "1");
	store_delete_pipeline(&batch, "never seen");
	commit(store, &batch);
	_cleanup_(val_free) struct val three = history_of(store, "1", 0);
	assert_pipelines(store, NULL, "");
	assert_int_equal(val_get_int(val_at(three, 0), "v", 0), 3);
}

static void history_has_a_limit(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };

	for (int i = 0; i < LIMIT_PIPELINE_HISTORY + 5; i++) {
		_cleanup_(val_free) struct val document = parsed(
			"{\"id\":\"1\",\"application\":\"a\",\"name\":\"n\"}");

		val_set(&document, "v", val_int(i));
		store_put_pipeline(&batch, document);
	}
	commit(store, &batch);
	_cleanup_(val_free) struct val history = history_of(store, "1", 0);
	assert_int_equal(val_count(history), LIMIT_PIPELINE_HISTORY);
	assert_int_equal(val_get_int(val_at(history, 0), "v", 0), LIMIT_PIPELINE_HISTORY + 3);
}

static void applications_are_kept_by_name_whatever_its_case(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_(val_free) struct val expected = parsed(
		"[{\"name\":\"alpha\"},{\"name\":\"Shop\",\"email\":\"b\"}]");
	const char *const documents[] = { "{\"name\":\"shop\",\"email\":\"a\"}",
		"{\"name\":\"alpha\"}", "{\"name\":\"Shop\",\"email\":\"b\"}" };

	for (size_t i = 0; i < 3; i++) {
		_cleanup_(val_free) struct val attributes = parsed(documents[i]);

		store_put_application(&batch, attributes);
	}
	commit(store, &batch);
	assert_int_equal(store->type->list_applications(store, &list, &err), 0);
	assert_same_json(list, expected);
}

static struct val fact(struct store *store, const char *key)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	assert_int_equal(store->type->get_memory(store, key, &value, &err), 0);
	return value;
}

static void facts_are_put_replaced_and_deleted(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	int64_t number;

	assert_true(val_is_null(fact(store, "k")));
	store_put_memory(&batch, "k", val_int(1));
	store_put_memory(&batch, "k", val_int(2));
	store_put_memory(&batch, "other", val_bool(true));
	commit(store, &batch);
	assert_true(val_as_int(fact(store, "k"), &number));
	assert_int_equal(number, 2);
	store_put_memory(&batch, "k", VAL_NULL);
	commit(store, &batch);
	assert_true(val_is_null(fact(store, "k")));
	assert_false(val_is_null(fact(store, "other")));
}

/* Events */

static void events_have_rising_positions(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val expected = parsed("[{\"n\":2,\"seq\":2},{\"n\":3,\"seq\":3}]");
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		B, "shop", "c1", 1000, STATUS_RUNNING);

	assert_int_equal(commit(store, &batch), 0);
	put_event(&batch, A, "{\"n\":1}");
	put_event(&batch, B, "{\"n\":2}"); /* which is put after it */
	put_all(&batch, execution);
	assert_int_equal(commit(store, &batch), 2);
	put_event(&batch, NULL, "{\"n\":3}");
	assert_int_equal(commit(store, &batch), 3);
	/* without events: that of the newest */
	store_put_memory(&batch, "k", val_int(1));
	assert_int_equal(commit(store, &batch), 3);

	_cleanup_(val_free) struct val events = read_events(store, NULL, 1, 0);
	_cleanup_(val_free) struct val one = read_events(store, NULL, 0, 1);
	_cleanup_(val_free) struct val none = read_events(store, NULL, 3, 0);
	_cleanup_(val_free) struct val of_b = read_events(store, B, 0, 0);
	_cleanup_(val_free) struct val of_a = read_events(store, A, 0, 0);
	assert_same_json(events, expected);
	assert_int_equal(val_count(one), 1);
	assert_int_equal(val_get_int(val_at(one, 0), "n", 0), 1);
	assert_int_equal(val_count(none), 0);
	assert_int_equal(val_count(of_b), 1);
	assert_int_equal(val_get_int(val_at(of_b, 0), "n", 0), 2);
	assert_int_equal(val_count(of_a), 0); /* it is not stored: the event is nobody's */
}

/* Positions FROM to TO of what the test below wrote, in this order and each whole. */
static void assert_events(struct val events, int64_t from, int64_t to)
{
	assert_int_equal(val_count(events), to - from + 1);
	for (size_t i = 0; i < val_count(events); i++) {
		struct val event = val_at(events, i);

		assert_int_equal(val_get_int(event, "seq", 0), from + (int64_t)i);
		assert_int_equal(val_get_int(event, "n", 0), from + (int64_t)i);
		assert_int_equal(strlen(val_get_text(event, "text", "")),
			val_get_int(event, "n", 0) == 150 ? LIMIT_INLINE_VALUE_BYTES + 1 : 0);
	}
}

static void many_events_of_one_commit_are_read_from_any_place(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);

	put_all(&batch, execution);
	for (int64_t n = 1; n <= 200; n++) {
		_cleanup_(val_free) struct val event = val_map();

		val_set(&event, "n", val_int(n));
		if (n == 150)
			val_set(&event, "text", long_text(LIMIT_INLINE_VALUE_BYTES + 1, 1));
		store_event(&batch, n == 100 ? NULL : A, event);
	}
	assert_int_equal(commit(store, &batch), 200);
	for (int64_t after = 0; after <= 200; after++) {
		_cleanup_(val_free) struct val rest = read_events(store, NULL, (uint64_t)after, 0);
		_cleanup_(val_free) struct val some = read_events(store, NULL, (uint64_t)after, 7);

		assert_events(rest, after + 1, 200);
		assert_events(some, after + 1, after + 7 < 200 ? after + 7 : 200);
	}
	_cleanup_(val_free) struct val of_a = read_events(store, A, 90, 20);
	assert_int_equal(val_count(of_a), 20);
	assert_int_equal(val_get_int(val_at(of_a, 9), "seq", 0), 101);
}

static void an_event_without_a_map_is_refused(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };

	store_event(&batch, A, val_int(3));
	assert_int_equal(commit_fails(store, &batch), ERR_INVALID);
}

/* Large values */

/* Also where a document is split: what makes it one stands in the row, what is to be masked in a blob. */
static void secrets_are_masked_wherever_they_lie(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);
	struct val data = val_map(), manifest = val_map();

	val_set(&data, "key", long_text(LIMIT_INLINE_VALUE_BYTES + 1, 1));
	val_set(&manifest, "kind", val_string("SECRET"));
	val_set(&manifest, "stringData", val_string("hidden"));
	/* One that only the engine sees, with a large value before that of the next. */
	val_set(&stage_edit(&execution, 0)->context, "other",
		long_text(LIMIT_INLINE_VALUE_BYTES + 1, 2));
	stage_edit(&execution, 0)->removed = true;
	val_set(&stage_edit(&execution, 1)->context, "kind", val_string("Secret"));
	val_set(&stage_edit(&execution, 1)->context, "data", data);
	val_set(&stage_edit(&execution, 1)->outputs, "manifest", val_ref(manifest));
	val_set(&execution->trigger, "payload", manifest);
	put_all(&batch, execution);
	commit(store, &batch);

	_cleanup_(val_free) struct val json = read_execution(store, A);
	struct val stage = val_at(val_get(json, "stages"), 0);
	assert_string_equal(val_get_text(val_path(stage, "context.data"), "key", ""), "***");
	assert_string_equal(
		val_get_text(val_path(stage, "outputs.manifest"), "stringData", ""), "***");
	assert_string_equal(val_get_text(val_path(json, "trigger.payload"), "stringData", ""), "***");
}

static void large_values_come_back_where_they_were(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);
	struct stage *stage = stage_edit(&execution, 1);
	struct val list = val_list(), changed = val_map();
	_cleanup_(val_free) struct val event = val_map();

	for (unsigned i = 0; i < 3000; i++)
		val_append(&list, val_int(i));
	val_set(&stage->context, "manifest", long_text(LIMIT_INLINE_VALUE_BYTES + 1, 1));
	val_set(&stage->context, "a\"b", list);
	val_set(&stage->context, "after", val_int(1));
	val_set(&stage->outputs, "manifest", long_text(LIMIT_INLINE_VALUE_BYTES + 1, 1));
	val_set(&execution->trigger, "payload", long_text(100000, 2));
	val_set(&execution->config, "stages", long_text(100000, 3));
	val_set(&changed, "manifest", long_text(LIMIT_INLINE_VALUE_BYTES + 1, 1));
	val_set(&changed, "small", val_int(1));
	val_set(&event, "context", changed);
	val_set(&event, "text", long_text(50000, 4));
	put_all(&batch, execution);
	store_event(&batch, A, event);
	commit(store, &batch);

	_cleanup_(val_free) struct val expected = execution_to_json(execution, true);
	_cleanup_(val_free) struct val json = read_execution(store, A);
	assert_same_json(json, expected);
	_cleanup_(val_free) struct val events = read_events(store, NULL, 0, 0);
	val_set(&event, "seq", val_int(1));
	assert_same_json(val_at(events, 0), event);

	/* a value that looks like what the store writes is only a value */
	val_set(&stage_edit(&execution, 1)->context, "manifest", VAL_NULL);
	store_put_stage(&batch, execution, 1, STAGE_PART_CONTEXT);
	commit(store, &batch);
	_cleanup_(val_free) struct val again = read_execution(store, A);
	assert_true(val_is_null(val_path(again, "stages.1.context.manifest")));
	assert_true(val_has(val_path(again, "stages.1.context"), "manifest"));
	assert_int_equal(val_count(val_path(again, "stages.1.context.a\"b")), 3000);
}

/* Going on */

struct loaded {
	VEC(struct execution *) list;
};

static void on_loaded(void *data, struct execution *owned)
{
	struct loaded *loaded = data;

	vec_push(&loaded->list, owned);
}

static void loaded_free(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->list.count; i++)
		execution_unref(loaded->list.items[i]);
	vec_free(&loaded->list);
}

static void load(struct store *store, struct loaded *loaded)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (store->type->load_active(store, on_loaded, loaded, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void assert_same_execution(const struct execution *actual, const struct execution *expected)
{
	_cleanup_(val_free) struct val a = execution_to_json(actual, true);
	_cleanup_(val_free) struct val b = execution_to_json(expected, true);
	bool found;

	assert_same_json(a, b);
	assert_int_equal(stage_count(actual), stage_count(expected));
	for (size_t i = 0; i < stage_count(expected); i++) {
		_cleanup_(val_free) struct val x = stage_engine_state(stage_at(actual, i));
		_cleanup_(val_free) struct val y = stage_engine_state(stage_at(expected, i));

		assert_same_json(x, y);
		assert_int_equal(stage_at(actual, i)->parent, stage_at(expected, i)->parent);
		assert_int_equal(
			stage_at(actual, i)->child_count, stage_at(expected, i)->child_count);
		assert_int_equal(stage_at(actual, i)->requisite_count,
			stage_at(expected, i)->requisite_count);
	}
	context_get(actual, 1, STR("n"), &found);
	assert_true(found);
}

static void what_is_not_complete_is_loaded_as_it_was(void **state)
{
	struct store *store = store_of(state);
	struct store_batch batch = { 0 };
	_cleanup_(loaded_free) struct loaded loaded = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *c = put_sample(
		store, C, "shop", "c1", 100, STATUS_RUNNING);
	_cleanup_(execution_unref_cleanup) struct execution *b = put_sample(
		store, B, "shop", NULL, 200, STATUS_PAUSED);
	_cleanup_(execution_unref_cleanup) struct execution *a = put_sample(
		store, A, "shop", "c1", 300, STATUS_RUNNING);

	add_sample(store, D, "shop", "c1", 400, STATUS_SUCCEEDED);
	execution_edit(&a)->status = STATUS_TERMINAL;
	store_put_execution(&batch, a);
	stage_edit(&b, 0)->tasks[0].next_run_ms = 99;
	stage_edit(&b, 0)->tasks[0].in_flight = false;
	store_put_stage(&batch, b, 0, STAGE_PART_HEAD);
	stage_edit(&b, 2)->removed = true; /* only the engine sees it */
	store_put_stage(&batch, b, 2, STAGE_PART_HEAD);
	commit(store, &batch);
	load(store, &loaded);
	assert_int_equal(loaded.list.count, 2);
	assert_same_execution(loaded.list.items[0], b);
	assert_same_execution(loaded.list.items[1], c);
	assert_int_equal(stage_at(loaded.list.items[0], 0)->tasks[0].next_run_ms, 99);

	/* what was loaded belongs to the caller */
	execution_edit(&loaded.list.items[0])->status = STATUS_CANCELED;
	_cleanup_(val_free) struct val json = read_execution(store, B);
	assert_string_equal(val_get_text(json, "status", ""), "PAUSED");
	assert_int_equal(val_count(val_get(json, "stages")), 2);
}

/* Reading while writing */

struct race {
	struct store *store;
	atomic_bool done;
	atomic_int reads;
	atomic_bool torn;
};

/* Each batch writes the same number into both stages and one event: whoever reads sees it in both, and the event's position. */
static void *read_along(void *data)
{
	struct race *race = data;
	uint64_t last = 0;

	while (!atomic_load(&race->done) && !atomic_load(&race->torn)) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val json = VAL_NULL;
		_cleanup_(val_free) struct val events = VAL_NULL;
		uint64_t position, newest;

		if (race->store->type->get_execution(race->store, A, &json, &position, &err) < 0 ||
			race->store->type->read_events(
				race->store, A, position - 1, 1, &events, &newest, &err) < 0) {
			atomic_store(&race->torn, true);
			break;
		}
		int64_t first = val_get_int(val_path(json, "stages.0.context"), "n", -1);
		int64_t second = val_get_int(val_path(json, "stages.1.outputs"), "n", -2);

		if (first != second || first != (int64_t)position || position < last ||
			newest < position || val_get_int(val_at(events, 0), "n", -3) != first)
			atomic_store(&race->torn, true);
		last = position;
		atomic_fetch_add(&race->reads, 1);
	}
	return NULL;
}

static void write_number(struct store *store, struct execution **execution, int64_t n)
{
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val event = val_map();

	val_set(&stage_edit(execution, 0)->context, "n", val_int(n));
	val_set(&stage_edit(execution, 1)->outputs, "n", val_int(n));
	store_put_stage(&batch, *execution, 0, STAGE_PART_CONTEXT);
	store_put_stage(&batch, *execution, 1, STAGE_PART_OUTPUTS);
	val_set(&event, "n", val_int(n));
	store_event(&batch, A, event);
	assert_int_equal(commit(store, &batch), n);
}

static void readers_see_whole_batches(void **state)
{
	struct race race = { .store = store_of(state) };
	_cleanup_(execution_unref_cleanup) struct execution *execution = put_sample(
		race.store, A, "shop", "c1", 1000, STATUS_RUNNING);
	pthread_t threads[6]; /* more than there are reading connections */

	write_number(race.store, &execution, 1);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_along, &race), 0);
	for (int64_t n = 2; n < 300 || (atomic_load(&race.reads) < 100 && !atomic_load(&race.torn));
		n++)
		write_number(race.store, &execution, n);
	atomic_store(&race.done, true);
	for (size_t i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	assert_false(atomic_load(&race.torn));
}

static void a_batch_knows_about_its_size(void **state)
{
	struct store_batch batch = { 0 };
	_cleanup_(val_free) struct val large = long_text(100000, 1);
	_cleanup_(val_free) struct val list = val_list();

	store_put_memory(&batch, "k", large);
	assert_in_range(batch.bytes, 100000, 101000);
	store_batch_clear(&batch);
	for (int i = 0; i < 10000; i++)
		val_append(&list, val_string("0123456789"));
	store_put_memory(&batch, "k", list);
	assert_in_range(batch.bytes, 100000, 200000);
	store_batch_clear(&batch);
	assert_int_equal(batch.bytes, 0);
}

#define OVER_EACH(test)                                               \
	{ #test " (memory)", test, setup_memory, teardown, NULL },    \
	{                                                             \
#test " (sqlite)", test, setup_sqlite, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_EACH(what_was_put_is_read),
		OVER_EACH(a_later_head_takes_the_earlier_ones_place),
		OVER_EACH(only_the_parts_named_are_written),
		OVER_EACH(stages_are_added_later),
		OVER_EACH(a_batch_is_written_whole_or_not_at_all),
		OVER_EACH(a_deleted_execution_takes_its_stages_and_events_along),
		OVER_EACH(lists_are_ordered_by_build_time_and_id),
		OVER_EACH(lists_are_filtered),
		OVER_EACH(lists_are_read_page_by_page_and_between_two_times),
		OVER_EACH(a_limit_per_config_takes_the_newest_of_each),
		OVER_EACH(a_list_has_stages_unless_told_otherwise),
		OVER_EACH(a_list_ends_at_its_limit),
		OVER_EACH(pipelines_are_kept_as_they_came),
		OVER_EACH(earlier_versions_of_a_pipeline_are_kept),
		OVER_EACH(history_has_a_limit),
		OVER_EACH(applications_are_kept_by_name_whatever_its_case),
		OVER_EACH(facts_are_put_replaced_and_deleted),
		OVER_EACH(events_have_rising_positions),
		OVER_EACH(many_events_of_one_commit_are_read_from_any_place),
		OVER_EACH(an_event_without_a_map_is_refused),
		OVER_EACH(secrets_are_masked_wherever_they_lie),
		OVER_EACH(large_values_come_back_where_they_were),
		OVER_EACH(what_is_not_complete_is_loaded_as_it_was),
		OVER_EACH(readers_see_whole_batches),
		cmocka_unit_test(a_batch_knows_about_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
