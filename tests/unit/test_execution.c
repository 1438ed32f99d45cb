#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "model/execution.h"

static struct val parsed(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	if (json_parse(str_of(text), NULL, NULL, &value, &err) < 0)
		fail_msg("%s", err_text(&err));
	return value;
}

static struct execution *from_json(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val json = parsed(text);
	struct execution *execution;

	if (execution_from_json(json, &execution, &err) < 0)
		fail_msg("%s", err_text(&err));
	return execution;
}

static void assert_json(struct val value, const char *expected)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);

	assert_string_equal(text, expected);
}

/* Stages a, b, c … with these requisites ("ab" = a and b), and outputs {"from": letter}. */
static struct execution *graph(const char *const *requisites, size_t count)
{
	struct execution *execution = execution_new();

	for (size_t i = 0; i < count; i++) {
		char name[2] = { (char)('a' + i), 0 };
		size_t indexes[8];
		size_t n = strlen(requisites[i]);
		struct stage *stage = stage_edit(&execution, stage_add(&execution));

		stage_set_text(&stage->ref_id, name);
		stage_set_text(&stage->name, name);
		snprintf(stage->id, sizeof(stage->id), "id-%s", name);
		for (size_t j = 0; j < n; j++)
			indexes[j] = (size_t)(requisites[i][j] - 'a');
		stage_set_requisites(&execution, i, indexes, n);
	}
	return execution;
}

static void assert_ancestors(const struct execution *execution, size_t index, const char *expected)
{
	size_t count;
	_cleanup_free_ size_t *ancestors = stage_ancestors(execution, index, &count);
	char text[64] = "";

	assert_true(count < sizeof(text));
	for (size_t i = 0; i < count; i++)
		text[i] = (char)('a' + ancestors[i]);
	assert_string_equal(text, expected);
}

static void put_output(struct execution **execution, size_t index, const char *key, const char *value)
{
	val_set(&stage_edit(execution, index)->outputs, key, val_string(value));
	stage_index_outputs(execution, index);
}

static void assert_sees(
	const struct execution *execution, size_t index, const char *key, const char *expected)
{
	bool found;
	struct val value = context_get(execution, index, str_of(key), &found);

	assert_int_equal(found, expected != NULL);
	if (expected)
		assert_string_equal(val_text(&value), expected);
	else
		assert_true(val_is_null(value));
}

/* Ancestors */

static void requisites_come_in_the_order_written_then_theirs(void **state)
{
	/* d waits for c and b, both for a */
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "a", "cb" }, 4);

	assert_ancestors(execution, 3, "dcba");
	assert_ancestors(execution, 1, "ba");
	assert_ancestors(execution, 0, "a");
}

static void an_ancestor_is_told_once_at_its_nearest_place(void **state)
{
	/* c waits for b and a, b for a as well */
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "ba", "c" }, 4);

	assert_ancestors(execution, 3, "dcba");
}

static void branches_are_walked_one_after_the_other(void **state)
{
	/* e: b ← a, d ← c */
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "", "c", "bd" }, 5);

	assert_ancestors(execution, 4, "ebdac");
}

/* a; b after a with before stages c, d (d after c) and after stage e; f after b */
static struct execution *family(void)
{
	struct execution *execution = graph((const char *[]){ "", "a", "", "c", "", "b" }, 6);

	stage_set_parent(&execution, 2, 1, OWNER_BEFORE);
	stage_set_parent(&execution, 3, 1, OWNER_BEFORE);
	stage_set_parent(&execution, 4, 1, OWNER_AFTER);
	return execution;
}

static void synthetic_stages_look_at_siblings_and_parents(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = family();

	assert_ancestors(execution, 2, "cba");
	assert_ancestors(execution, 3, "dcba");
	assert_ancestors(execution, 4, "ecdba");
	/* a requisite's children come after it */
	assert_ancestors(execution, 5, "fbcdea");
}

/* Lookup */

static void own_context_wins_even_with_null(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a" }, 2);
	bool found;

	put_output(&execution, 0, "x", "far");
	put_output(&execution, 0, "y", "far");
	val_set(&stage_edit(&execution, 1)->context, "x", VAL_NULL);
	assert_true(val_is_null(context_get(execution, 1, STR("x"), &found)));
	assert_true(found);
	assert_sees(execution, 1, "y", "far");
	assert_sees(execution, 1, "z", NULL);
}

static void only_outputs_of_ancestors_are_seen_and_the_nearest_wins(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "b", "" }, 4);

	val_set(&stage_edit(&execution, 0)->context, "hidden", val_string("own"));
	put_output(&execution, 0, "x", "a");
	put_output(&execution, 1, "x", "b");
	put_output(&execution, 3, "x", "d");
	put_output(&execution, 3, "elsewhere", "d");
	assert_sees(execution, 0, "hidden", "own");
	assert_sees(execution, 1, "hidden", NULL);
	assert_sees(execution, 2, "x", "b");
	assert_sees(execution, 0, "x", "a");
	assert_sees(execution, 2, "elsewhere", NULL);
}

static void parallel_branches_follow_the_list_of_requisites(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "a", "cb" }, 4);

	put_output(&execution, 1, "x", "b");
	assert_sees(execution, 3, "x", "b");
	put_output(&execution, 2, "x", "c");
	assert_sees(execution, 3, "x", "c");
}

static void the_whole_view_has_each_key_once(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = family();

	put_output(&execution, 0, "x", "a");
	put_output(&execution, 0, "y", "a");
	put_output(&execution, 4, "x", "e");
	val_set(&stage_edit(&execution, 5)->context, "own", val_int(1));

	_cleanup_(val_free) struct val all = context_all(execution, 5);
	assert_json(all, "{\"own\":1,\"x\":\"e\",\"y\":\"a\"}");
	assert_int_equal(val_count(stage_at(execution, 5)->context), 1);
}

static void outputs_of_a_snapshot_stay_as_they_were(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a" }, 2);

	put_output(&execution, 0, "x", "old");
	_cleanup_(execution_unref_cleanup) struct execution *snapshot = execution_ref(execution);
	put_output(&execution, 0, "x", "new");
	put_output(&execution, 0, "y", "new");
	assert_sees(snapshot, 1, "x", "old");
	assert_sees(snapshot, 1, "y", NULL);
	assert_sees(execution, 1, "y", "new");
}

/* Copy on write */

static void a_snapshot_does_not_change(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "b" }, 3);
	const struct stage *last = stage_at(execution, 2);

	execution_edit(&execution)->status = STATUS_RUNNING;
	_cleanup_(execution_unref_cleanup) struct execution *snapshot = execution_ref(execution);
	_cleanup_(val_free) struct val before = execution_to_json(snapshot, true);

	execution_edit(&execution)->status = STATUS_SUCCEEDED;
	assert_ptr_not_equal(execution, snapshot);
	stage_edit(&execution, 1)->status = STATUS_SUCCEEDED;
	val_set(&stage_edit(&execution, 1)->context, "k", val_int(1));
	stage_set_text(&stage_edit(&execution, 1)->name, "other");
	stage_add(&execution);

	_cleanup_(val_free) struct val after = execution_to_json(snapshot, true);
	assert_true(val_equal(before, after));
	assert_int_equal(stage_count(snapshot), 3);
	assert_int_equal(stage_count(execution), 4);
	/* what did not change is shared */
	assert_ptr_equal(stage_at(execution, 2), last);
	assert_ptr_equal(stage_at(snapshot, 2), last);
}

static void one_owner_changes_in_place(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "" }, 1);
	struct execution *head = execution;
	struct stage *stage = stage_edit(&execution, 0);

	assert_ptr_equal(execution_edit(&execution), head);
	assert_ptr_equal(stage_edit(&execution, 0), stage);
	execution_unref(execution_ref(execution));
	assert_ptr_equal(stage_edit(&execution, 0), stage);
}

static void many_stages_keep_their_places(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = execution_new();

	for (size_t i = 0; i < 1000; i++) {
		_cleanup_(execution_unref_cleanup) struct execution *snapshot = execution_ref(
			execution);
		size_t index = stage_add(&execution);

		assert_int_equal(index, i);
		stage_edit(&execution, index)->start_ms = (int64_t)i;
		assert_int_equal(stage_count(snapshot), i);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(stage_at(execution, i)->start_ms, i);
}

static void *read_snapshots(void *data)
{
	struct execution *snapshot = data;

	for (int i = 0; i < 20; i++) {
		bool found;
		_cleanup_(val_free) struct val json = execution_to_json(snapshot, true);

		context_get(snapshot, 2, STR("x"), &found);
		assert_true(val_is_map(json));
	}
	execution_unref(snapshot);
	return NULL;
}

static void snapshots_are_read_while_the_owner_changes(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "a", "b" }, 3);
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_snapshots, execution_ref(execution)),
			0);
		for (int j = 0; j < 50; j++) {
			char key[8];

			snprintf(key, sizeof(key), "x%d", j);
			execution_edit(&execution)->start_ms = j;
			put_output(&execution, 1, key, "y");
		}
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* Finding */

static void a_top_level_stage_is_found_before_a_synthetic_one(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(
		(const char *[]){ "", "", "" }, 3);

	stage_set_parent(&execution, 0, 2, OWNER_BEFORE);
	stage_set_text(&stage_edit(&execution, 0)->ref_id, "b");
	assert_int_equal(stage_find_ref(execution, STR("b")), 1);
	stage_set_text(&stage_edit(&execution, 0)->ref_id, "c<1");
	assert_int_equal(stage_find_ref(execution, STR("c<1")), 0);
	assert_int_equal(stage_find_ref(execution, STR("no")), STAGE_NONE);
	assert_int_equal(stage_find_id(execution, STR("id-c")), 2);
	assert_int_equal(stage_find_name(execution, STR("c")), 2);
	assert_int_equal(stage_find_name(execution, STR("id-b")), 1);
}

/* JSON */

static const char whole[] =
	"{\"type\":\"PIPELINE\",\"id\":\"01J0000000000000000000000A\",\"application\":\"shop\",\"name\":\"deploy\","
	"\"pipelineConfigId\":\"c1\",\"status\":\"RUNNING\",\"buildTime\":1000,\"startTime\":1001,\"canceled\":true,"
	"\"canceledBy\":\"ann\",\"cancellationReason\":\"why\",\"limitConcurrent\":true,\"maxConcurrentExecutions\":3,"
	"\"keepWaitingPipelines\":false,\"origin\":\"api\","
	"\"notifications\":[],\"authentication\":{\"user\":\"ann\",\"allowedAccounts\":[]},"
	"\"spelEvaluator\":\"v4\",\"partition\":\"east\","
	"\"trigger\":{\"type\":\"manual\"},\"initialConfig\":{\"name\":\"deploy\"},\"stages\":["
	"{\"id\":\"01J0000000000000000000000B\",\"refId\":\"1\",\"type\":\"wait\",\"name\":\"Wait\",\"status\":\"RUNNING\","
	"\"startTime\":1002,\"startTimeExpiry\":5,\"scheduledTime\":6,"
	"\"tasks\":[{\"id\":\"1\",\"name\":\"wait\",\"implementingClass\":\"WaitTask\",\"status\":\"RUNNING\",\"startTime\":1003,"
	"\"stageStart\":true,\"stageEnd\":true,\"loopStart\":false,\"loopEnd\":false,"
	"\"taskExceptionDetails\":{\"exception\":{\"details\":{}}}}],"
	"\"requisiteStageRefIds\":[],\"lastModified\":{\"user\":\"bob\"},"
	"\"context\":{\"waitTime\":30},\"outputs\":{\"o\":[1]}},"
	"{\"id\":\"01J0000000000000000000000C\",\"refId\":\"1<1\",\"type\":\"wait\",\"name\":\"Before\",\"status\":\"NOT_STARTED\","
	"\"tasks\":[],\"syntheticStageOwner\":\"STAGE_BEFORE\","
	"\"parentStageId\":\"01J0000000000000000000000B\",\"requisiteStageRefIds\":[],"
	"\"context\":{},\"outputs\":{}},"
	"{\"id\":\"01J0000000000000000000000D\",\"refId\":\"2\",\"status\":\"NOT_STARTED\","
	"\"tasks\":[],\"requisiteStageRefIds\":[\"1\"],\"context\":{},\"outputs\":{}}]}";

static void the_json_reads_back(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = from_json(whole);
	_cleanup_(val_free) struct val json = execution_to_json(execution, true);
	const struct stage *before = stage_at(execution, 1);

	assert_json(json, whole);
	assert_int_equal(before->parent, 0);
	assert_int_equal(before->owner, OWNER_BEFORE);
	assert_int_equal(stage_at(execution, 0)->child_count, 1);
	assert_int_equal(stage_at(execution, 2)->requisites[0], 0);
	assert_sees(execution, 2, "none", NULL);

	_cleanup_(val_free) struct val head = execution_to_json(execution, false);
	assert_false(val_has(head, "stages"));
}

static void nobody_is_anonymous(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = from_json(
		"{\"id\":\"x\",\"authentication\":{\"user\":\"anonymous\",\"allowedAccounts\":[]}}");
	_cleanup_(val_free) struct val json = execution_to_json(execution, true);

	assert_null(execution->user);
	assert_json(
		val_get(json, "authentication"), "{\"user\":\"anonymous\",\"allowedAccounts\":[]}");
}

static void allowed_accounts_and_unknown_keys_are_kept(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = from_json(
		"{\"id\":\"x\",\"type\":\"ORCHESTRATION\",\"description\":\"d\",\"name\":\"n\",\"paused\":null,"
		"\"authentication\":{\"user\":\"u\",\"allowedAccounts\":[\"prod\"]},\"group\":{\"a\":1}}");
	_cleanup_(val_free) struct val json = execution_to_json(execution, true);

	assert_string_equal(execution->name, "d");
	assert_json(
		val_get(json, "authentication"), "{\"user\":\"u\",\"allowedAccounts\":[\"prod\"]}");
	assert_json(val_get(json, "group"), "{\"a\":1}");
	assert_string_equal(val_get_text(json, "name", ""), "n");
	assert_false(val_has(json, "paused"));
}

static void mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ "[]", "an execution is a map, not list" },
		{ "{}", "id: expected a string of 1 to 26 characters" },
		{ "{\"id\":\"x\",\"status\":\"DONE\"}", "status: \"DONE\" is no status" },
		{ "{\"id\":\"x\",\"buildTime\":\"soon\"}",
			"buildTime: expected a whole number, got string" },
		{ "{\"id\":\"x\",\"stages\":{}}", "stages: expected a list, got map" },
		{ "{\"id\":\"x\",\"stages\":[{\"id\":\"a\",\"context\":3}]}",
			"stages[0]: context: expected map, got int" },
		{ "{\"id\":\"x\",\"stages\":[{\"id\":\"a\",\"requisiteStageRefIds\":[\"9\"]}]}",
			"stages[0]: requisiteStageRefIds[0]: there is no stage \"9\"" },
		{ "{\"id\":\"x\",\"stages\":[{\"id\":\"a\",\"parentStageId\":\"b\"}]}",
			"stages[0]: parentStageId: there is no stage \"b\"" },
		{ "{\"id\":\"x\",\"stages\":[{\"id\":\"a\",\"tasks\":[{\"id\":\"one\"}]}]}",
			"stages[0]: tasks[0]: id: expected a number" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val json = parsed(rows[i].json);
		struct execution *execution;

		assert_int_equal(execution_from_json(json, &execution, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		assert_string_equal(err_text(&err), rows[i].text);
	}
}

static void the_engines_state_reads_back(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = from_json(whole);
	_cleanup_(execution_unref_cleanup) struct execution *other = from_json(whole);
	struct stage *stage = stage_edit(&execution, 0);

	stage->phase = PHASE_TASKS;
	stage->unresolved = stage->after_planned = stage->failure_planned = stage->planning_failed =
		true;
	stage->attempts = 4;
	stage->tasks[0].generation = 2;
	stage->tasks[0].attempts = 3;
	stage->tasks[0].in_flight = true;
	stage->tasks[0].next_run_ms = 1234567890123;

	_cleanup_(val_free) struct val kept = stage_engine_state(stage);
	stage_set_engine_state(stage_edit(&other, 0), kept);
	_cleanup_(val_free) struct val again = stage_engine_state(stage_at(other, 0));
	assert_true(val_equal(kept, again));
	assert_int_equal(stage_at(other, 0)->phase, PHASE_TASKS);
	assert_true(stage_at(other, 0)->tasks[0].in_flight);
	assert_int_equal(stage_at(other, 0)->tasks[0].next_run_ms, 1234567890123);
}

static void names_are_kept_once(void **state)
{
	char text[] = "monitor";

	assert_ptr_equal(intern(text), intern("monitor"));
	assert_ptr_not_equal(intern(text), text);
	assert_null(intern(NULL));
}

/* A chain in which each stage sets a key, reads what the one before it set, and one that nobody set; every step a snapshot. */
static int64_t chain_us(size_t count)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = execution_new();
	int64_t start_us = clock_stopwatch_us();

	for (size_t i = 0; i < count; i++) {
		_cleanup_(execution_unref_cleanup) struct execution *snapshot = execution_ref(
			execution);
		size_t index = stage_count(snapshot);
		size_t before = index - 1;
		char key[24];

		stage_add(&execution);
		if (index > 0)
			stage_set_requisites(&execution, index, &before, 1);
		snprintf(key, sizeof(key), "key%zu", i);
		put_output(&execution, index, key, "v");
		put_output(&execution, index, "same", key);
		assert_sees(execution, index, "nobody", NULL);
		snprintf(key, sizeof(key), "key%zu", before);
		if (index > 0)
			assert_sees(execution, index, key, "v");
	}
	return clock_stopwatch_us() - start_us;
}

static void a_chain_ten_times_as_long_costs_about_ten_times(void **state)
{
	int64_t best = INT64_MAX;

	/* The machine is shared: the best of a few tries counts. */
	for (int i = 0; i < 5 && best > 25; i++) {
		int64_t small = chain_us(1000), large = chain_us(10000);

		if (large / (small + 1) < best)
			best = large / (small + 1);
	}
	assert_true(best <= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requisites_come_in_the_order_written_then_theirs),
		cmocka_unit_test(an_ancestor_is_told_once_at_its_nearest_place),
		cmocka_unit_test(branches_are_walked_one_after_the_other),
		cmocka_unit_test(synthetic_stages_look_at_siblings_and_parents),
		cmocka_unit_test(own_context_wins_even_with_null),
		cmocka_unit_test(only_outputs_of_ancestors_are_seen_and_the_nearest_wins),
		cmocka_unit_test(parallel_branches_follow_the_list_of_requisites),
		cmocka_unit_test(the_whole_view_has_each_key_once),
		cmocka_unit_test(outputs_of_a_snapshot_stay_as_they_were),
		cmocka_unit_test(a_snapshot_does_not_change),
		cmocka_unit_test(one_owner_changes_in_place),
		cmocka_unit_test(many_stages_keep_their_places),
		cmocka_unit_test(snapshots_are_read_while_the_owner_changes),
		cmocka_unit_test(a_top_level_stage_is_found_before_a_synthetic_one),
		cmocka_unit_test(the_json_reads_back),
		cmocka_unit_test(nobody_is_anonymous),
		cmocka_unit_test(allowed_accounts_and_unknown_keys_are_kept),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(the_engines_state_reads_back),
		cmocka_unit_test(names_are_kept_once),
		cmocka_unit_test(a_chain_ten_times_as_long_costs_about_ten_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
