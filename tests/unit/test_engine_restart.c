/*
 * Restarts that reach beyond one stage: parents, the wait list, preconditions that are given anew, runs that are being deleted; and the artifacts that
 * a run takes over from others.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "lib/engine_driver.h"
#include "lib/test_stages.h"
#include "lib/values.h"
#include "stage/stages.h"

static const struct stage_type *const types[] = { &wait_stage, &evaluate_variables_stage,
	&check_preconditions_stage, &manual_judgment_stage, &pipeline_stage, &test_stage, NULL };

static int open_driver(void **state)
{
	struct driver *driver = xnew(struct driver);
	driver_open(driver, types);
	*state = driver;
	return 0;
}

static int close_driver(void **state)
{
	driver_close(*state);
	free(*state);
	return 0;
}

static void save(struct driver *driver, const char *yaml)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_SAVE_PIPELINE, .value = value_of(yaml) };
	if (driver_ask(driver, &request, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* Starts the stored pipeline with a trigger. The id is owned; NULL with ERR. */
static char *start_with(struct driver *driver, const char *name, const char *trigger, struct err *err)
{
	_cleanup_(val_free) struct val reply = VAL_NULL;
	struct request request = {
		.kind = REQUEST_START,
		.application = xstrdup("app"),
		.name = xstrdup(name),
		.trigger = value_of(trigger),
	};
	if (driver_ask(driver, &request, &reply, err) < 0)
		return NULL;
	return xstrdup(val_get_text(reply, "id", ""));
}

static char *start(struct driver *driver, const char *name, const char *trigger)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *id = start_with(driver, name, trigger, &err);
	if (!id)
		fail_msg("%s", err_text(&err));
	return id;
}

static enum err_kind restart(struct driver *driver, const char *id, const char *ref, const char *body)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, ref);
	struct request request = {
		.kind = REQUEST_RESTART_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(stage, "id", "")),
		.user = xstrdup("joe"),
		.value = body ? value_of(body) : VAL_NULL,
	};
	driver_ask(driver, &request, NULL, &err);
	return err.kind;
}

static char *child_of(struct driver *driver, const char *id, const char *ref)
{
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, ref);
	return xstrdup(val_get_text(val_get(stage, "context"), "executionId", ""));
}

static void assert_status(struct driver *driver, const char *id, const char *ref, const char *status)
{
	assert_string_equal(driver_status(driver, id, ref), status);
}

/* ---- up to the parents --------------------------------------------------------------------------------------------------------------- */

static void save_family(struct driver *driver)
{
	save(driver,
		"{application: app, name: top, stages: [{refId: m, type: pipeline, pipeline: middle}, "
		"{refId: after, type: wait, requisiteStageRefIds: [m]}]}");
	save(driver,
		"{application: app, name: middle, stages: [{refId: c, type: pipeline, pipeline: child}]}");
	save(driver,
		"{application: app, name: child, stages: [{refId: ok, type: wait}, {refId: check, type: "
		"checkPreconditions, requisiteStageRefIds: [ok], preconditions: [{type: expression, context: "
		"{expression: \"1 == 2\"}}]}]}");
}

static const char mended[] = "{stages: [{refId: check, type: checkPreconditions, preconditions: [{type: "
			     "expression, context: {expression: \"1 == 1\"}}]}]}";

static void a_restart_in_a_child_goes_up_to_all_that_wait_for_it(void **state)
{
	struct driver *driver = *state;
	save_family(driver);
	_cleanup_free_ char *top = start(driver, "top", "{}");
	driver_wait_end(driver, top);
	_cleanup_free_ char *middle = child_of(driver, top, "m");
	_cleanup_free_ char *child = child_of(driver, middle, "c");
	assert_status(driver, top, NULL, "TERMINAL");
	assert_status(driver, middle, NULL, "TERMINAL");
	assert_status(driver, child, NULL, "TERMINAL");
	assert_int_equal(restart(driver, child, "check", mended), ERR_NONE);
	driver_wait_end(driver, top);
	assert_status(driver, child, NULL, "SUCCEEDED");
	assert_status(driver, middle, NULL, "SUCCEEDED");
	assert_status(driver, top, NULL, "SUCCEEDED");
	assert_status(driver, top, "after", "SUCCEEDED");
	_cleanup_free_ char *middle_again = child_of(driver, top, "m");
	_cleanup_free_ char *child_again = child_of(driver, middle, "c");
	assert_string_equal(middle_again, middle);
	assert_string_equal(child_again, child);
	/* The mark is gone: restarted for itself, the stage starts another one. */
	_cleanup_(val_free) struct val stage = driver_stage(driver, top, "m");
	assert_false(val_has(val_get(stage, "context"), "_skipPipelineRestart"));
	assert_int_equal(restart(driver, top, "m", NULL), ERR_NONE);
	driver_wait_end(driver, top);
	_cleanup_free_ char *another = child_of(driver, top, "m");
	assert_string_not_equal(another, middle);
}

static void a_restart_in_a_child_goes_up_whatever_the_moment_of_a_crash(void **state)
{
	for (uint64_t commit = 1; commit <= 8; commit++) {
		struct driver *driver = *state;
		save_family(driver);
		_cleanup_free_ char *top = start(driver, "top", "{}");
		driver_wait_end(driver, top);
		_cleanup_free_ char *middle = child_of(driver, top, "m");
		_cleanup_free_ char *child = child_of(driver, middle, "c");
		driver_stop(driver, 0);
		driver->setup.crash_after_commit = commit;
		driver_begin(driver);
		restart(driver, child, "check", mended); /* its answer may have died with the process */
		if (!driver_wait_end(driver, top)) {
			driver_crash(driver);
			driver_begin(driver);
			driver_wait_end(driver, top);
		}
		assert_status(driver, child, NULL, "SUCCEEDED");
		assert_status(driver, top, NULL, "SUCCEEDED");
		close_driver(state);
		open_driver(state);
	}
}

static void a_parent_that_is_gone_is_no_hindrance(void **state)
{
	struct driver *driver = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	save_family(driver);
	_cleanup_free_ char *top = start(driver, "middle", "{}");
	driver_wait_end(driver, top);
	_cleanup_free_ char *child = child_of(driver, top, "c");
	driver_pass(driver, 1000);
	struct request request = { .kind = REQUEST_DELETE_EXECUTION, .key = xstrdup(top) };
	assert_int_equal(driver_ask(driver, &request, NULL, &err), 0);
	assert_int_equal(restart(driver, child, "check", mended), ERR_NONE);
	driver_wait_end(driver, child);
	assert_status(driver, child, NULL, "SUCCEEDED");
}

/* ---- preconditions ------------------------------------------------------------------------------------------------------------------- */

static void a_restart_goes_by_the_preconditions_of_now(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{id: mine, application: app, name: p, stages: [{refId: a, type: checkPreconditions, "
		"preconditions: [{type: expression, context: {expression: \"1 == 1\"}}]}, {refId: b, type: "
		"checkPreconditions, requisiteStageRefIds: [a], preconditions: [{type: expression, context: "
		"{expression: \"1 == 2\"}}]}]}");
	_cleanup_free_ char *id = start(driver, "p", "{}");
	driver_wait_end(driver, id);
	assert_status(driver, id, "b", "TERMINAL");
	/* as they are: it fails again; another type under its refId changes nothing */
	assert_int_equal(
		restart(driver, id, "b", "{stages: [{refId: b, type: wait, preconditions: []}]}"),
		ERR_NONE);
	driver_wait_end(driver, id);
	assert_status(driver, id, "b", "TERMINAL");
	save(driver,
		"{id: mine, application: app, name: p, stages: [{refId: a, type: checkPreconditions, "
		"preconditions: [{type: expression, context: {expression: \"2 == 2\"}}]}, {refId: b, type: "
		"checkPreconditions, preconditions: [{type: expression, context: {expression: \"2 == 2\"}}]}]}");
	assert_int_equal(restart(driver, id, "b", "{}"), ERR_NONE);
	driver_wait_end(driver, id);
	assert_status(driver, id, NULL, "SUCCEEDED");
	_cleanup_(val_free) struct val a = driver_stage(driver, id, "a");
	_cleanup_(val_free) struct val b = driver_stage(driver, id, "b");
	/* of all of them, also of those that are not begun again */
	assert_string_equal(
		val_get_text(val_path(a, "context.preconditions.0.context"), "expression", ""),
		"2 == 2");
	assert_string_equal(
		val_get_text(val_path(b, "context.preconditions.0.context"), "expression", ""),
		"2 == 2");
}

/* ---- the wait list ------------------------------------------------------------------------------------------------------------------- */

static void a_restarted_run_waits_for_the_others_of_its_pipeline(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{id: mine, application: app, name: p, limitConcurrent: true, keepWaitingPipelines: true, "
		"stages: [{refId: a, type: wait, waitTime: 1}, {refId: b, type: wait, waitTime: 5, "
		"requisiteStageRefIds: [a]}]}");
	_cleanup_free_ char *first = start(driver, "p", "{}");
	driver_wait_end(driver, first);
	_cleanup_free_ char *second = start(driver, "p", "{}");
	driver_pass(driver, 100);
	assert_int_equal(restart(driver, first, "b", NULL), ERR_NONE);
	driver_pass(driver, 100);
	assert_status(driver, first, NULL, "NOT_STARTED");
	assert_status(driver, first, "a", "SUCCEEDED");
	assert_status(driver, first, "b", "NOT_STARTED");
	driver_crash(driver);
	driver_begin(driver);
	driver_wait_end(driver, second);
	driver_pass(driver, 100);
	assert_status(driver, first, NULL, "RUNNING");
	driver_wait_end(driver, first);
	assert_status(driver, first, NULL, "SUCCEEDED");
}

/* ---- deleting ------------------------------------------------------------------------------------------------------------------------ */

static int refuse_now;
static int (*real_commit)(struct store *store, const struct store_batch *batch,
	uint64_t *ret_position, struct err *err);

static void heard(void *data, struct val value, const struct err *err)
{
	*(int *)data = err->kind ? (int)err->kind : -1;
}

/* Holds the store back, so that what is asked for is in the engine's hands and not in the store's. */
static int held_commit(struct store *store, const struct store_batch *batch, uint64_t *ret_position,
	struct err *err)
{
	while (__atomic_load_n(&refuse_now, __ATOMIC_SEQ_CST))
		sched_yield();
	return real_commit(store, batch, ret_position, err);
}

static void a_run_that_is_being_deleted_cannot_be_restarted(void **state)
{
	struct driver *driver = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct store_type type = *driver->store->type;
	const struct store_type *real = driver->store->type;
	int deleted = 0, restarted = 0;
	save(driver, "{application: app, name: p, stages: [{refId: a, type: wait}]}");
	_cleanup_free_ char *id = start(driver, "p", "{}");
	driver_wait_end(driver, id);
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "a");
	driver_pass(driver, 1000);
	real_commit = type.commit;
	type.commit = held_commit;
	driver->store->type = &type;
	__atomic_store_n(&refuse_now, 1, __ATOMIC_SEQ_CST);
	struct request deletion = {
		.kind = REQUEST_DELETE_EXECUTION, .key = xstrdup(id), .reply = heard, .data = &deleted
	};
	struct request again = { .kind = REQUEST_RESTART_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(stage, "id", "")),
		.reply = heard,
		.data = &restarted };
	assert_int_equal(engine_submit(driver->engine, &deletion, &err), 0);
	assert_int_equal(engine_submit(driver->engine, &again, &err), 0);
	__atomic_store_n(&refuse_now, 0, __ATOMIC_SEQ_CST);
	driver_pass(driver, 1000);
	assert_int_equal(deleted, -1);
	assert_int_equal(restarted, ERR_NOT_FOUND);
	driver->store->type = real;
	_cleanup_(val_free) struct val found = VAL_NULL;
	uint64_t position;
	assert_int_equal(real->get_execution(driver->store, id, &found, &position, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* ---- artifacts ----------------------------------------------------------------------------------------------------------------------- */

#define EXPECTS \
	"expectedArtifacts: [{id: image, displayName: my image, matchArtifact: {type: docker/image, name: app}"

static struct val bound_of(struct driver *driver, const char *id)
{
	_cleanup_(val_free) struct val execution = driver_execution(driver, id);
	return val_ref(
		val_path(execution, "trigger.resolvedExpectedArtifacts.0.boundArtifact.reference"));
}

static void the_artifacts_of_the_run_before_are_taken_however_it_ended(void **state)
{
	struct driver *driver = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	save(driver,
		"{id: mine, application: app, name: p, " EXPECTS
		", usePriorArtifact: true}], stages: [{refId: "
		"a, type: test, first: {outputs: {artifacts: [{type: docker/image, name: app, reference: "
		"\"app:old\"}]}}}, {refId: b, type: test, first: TERMINAL, requisiteStageRefIds: [a]}]}");
	char *none = start_with(driver, "p", "{}", &err);
	assert_null(none);
	assert_non_null(strstr(err_text(&err), "Unmatched expected artifact \"my image\""));
	_cleanup_free_ char *first = start(driver, "p",
		"{artifacts: [{type: docker/image, name: app, reference: \"app:1\"}]}");
	driver_wait_end(driver, first);
	assert_status(driver, first, NULL, "TERMINAL");
	_cleanup_(val_free) struct val given = bound_of(driver, first);
	assert_string_equal(val_text(&given), "app:1");
	driver_pass(driver, 1000);
	save(driver,
		"{id: mine, application: app, name: p, " EXPECTS
		", usePriorArtifact: true}], stages: [{refId: "
		"a, type: wait, waitTime: 60}]}");
	driver_pass(driver, 1000);
	/* "a" put out the newest one of that run */
	_cleanup_err_ struct err two = ERR_INIT;
	char *ambiguous = start_with(driver, "p", "{}", &two);
	assert_null(ambiguous);
	assert_non_null(strstr(err_text(&two), "matches multiple artifacts"));
}

static void a_run_that_goes_on_is_the_run_before(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{id: mine, application: app, name: p, " EXPECTS
		", usePriorArtifact: true}], stages: [{refId: "
		"a, type: wait, waitTime: 60}]}");
	_cleanup_free_ char *first = start(driver, "p",
		"{artifacts: [{type: docker/image, name: app, reference: \"app:1\"}]}");
	driver_pass(driver, 10);
	_cleanup_free_ char *second = start(driver, "p", "{}");
	_cleanup_(val_free) struct val bound = bound_of(driver, second);
	assert_string_equal(val_text(&bound), "app:1");
	driver_wait_end(driver, first);
	driver_wait_end(driver, second);
	_cleanup_free_ char *third = start(driver, "p", "{}");
	_cleanup_(val_free) struct val again = bound_of(driver, third);
	assert_string_equal(val_text(&again), "app:1");
}

static void a_child_takes_the_artifacts_of_the_run_before_too(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{id: theirs, application: app, name: child, " EXPECTS
		", usePriorArtifact: true}], stages: [{refId: a, type: wait}]}");
	save(driver,
		"{application: app, name: parent, stages: [{refId: p, type: pipeline, pipeline: theirs}]}");
	_cleanup_free_ char *none = start(driver, "parent", "{}");
	driver_wait_end(driver, none);
	_cleanup_(val_free) struct val failed = driver_stage(driver, none, "p");
	_cleanup_(val_free) struct val error = val_ref(
		val_path(failed, "context.exception.details.errors.0"));
	assert_non_null(strstr(val_text(&error), "pipeline \"theirs\": Unmatched expected artifact"));
	_cleanup_free_ char *first = start(driver, "child",
		"{artifacts: [{type: docker/image, name: app, reference: \"app:1\"}]}");
	driver_wait_end(driver, first);
	_cleanup_free_ char *id = start(driver, "parent", "{}");
	driver_wait_end(driver, id);
	_cleanup_free_ char *child = child_of(driver, id, "p");
	_cleanup_(val_free) struct val bound = bound_of(driver, child);
	assert_string_equal(val_text(&bound), "app:1");
}

/* ---- reading the store does not hold the engine -------------------------------------------------------------------------------------- */

static int answered, held; /* the engine answered while a read went on; it did not */
static const struct store_type *real_type;

static void wait_for_an_answer(void)
{
	int64_t until_us = clock_stopwatch_us() + 10000000;
	while (!__atomic_load_n(&answered, __ATOMIC_SEQ_CST) && clock_stopwatch_us() < until_us)
		sched_yield();
	if (!__atomic_load_n(&answered, __ATOMIC_SEQ_CST))
		__atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
}

static int slow_load(struct store *store, const char *id, struct execution **ret, struct err *err)
{
	wait_for_an_answer();
	return real_type->load_execution(store, id, ret, err);
}

static int slow_list(struct store *store, const struct execution_filter *filter, struct val *ret,
	uint64_t *ret_position, struct err *err)
{
	wait_for_an_answer();
	return real_type->list_executions(store, filter, ret, ret_position, err);
}

/* REQUEST, which reads the store, and a question behind it; what became of the request. */
static int ask_behind(struct driver *driver, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct store_type slow = *driver->store->type;
	struct request question = { .kind = REQUEST_STATE };
	int told = 0;
	real_type = driver->store->type;
	slow.load_execution = slow_load;
	slow.list_executions = slow_list;
	answered = held = 0;
	driver->store->type = &slow;
	request->reply = heard;
	request->data = &told;
	assert_int_equal(engine_submit(driver->engine, request, &err), 0);
	assert_int_equal(driver_ask(driver, &question, NULL, &err), 0);
	__atomic_store_n(&answered, 1, __ATOMIC_SEQ_CST);
	driver_pass(driver, 1000);
	driver->store->type = real_type;
	assert_int_equal(held, 0);
	return told;
}

static void what_a_request_reads_of_ended_runs_does_not_hold_the_engine(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{id: mine, application: app, name: p, " EXPECTS
		", usePriorArtifact: true}], stages: [{refId: a, type: wait}]}");
	_cleanup_free_ char *id = start(driver, "p",
		"{artifacts: [{type: docker/image, name: app, reference: \"app:1\"}]}");
	driver_wait_end(driver, id);
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "a");
	driver_pass(driver, 1000);
	struct request again = { .kind = REQUEST_RESTART_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(stage, "id", "")) };
	assert_int_equal(ask_behind(driver, &again), -1);
	driver_wait_end(driver, id);
	struct request prior = { .kind = REQUEST_START,
		.application = xstrdup("app"),
		.name = xstrdup("p"),
		.trigger = value_of("{type: manual}") };
	assert_int_equal(ask_behind(driver, &prior), -1);
}

static int old_load(struct store *store, const char *id, struct execution **ret, struct err *err)
{
	int result = real_type->load_execution(store, id, ret, err);
	wait_for_an_answer();
	return result;
}

static void a_run_that_is_deleted_while_it_is_read_does_not_come_back(void **state)
{
	struct driver *driver = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct store_type slow = *driver->store->type;
	int told = 0;
	save(driver, "{application: app, name: p, stages: [{refId: a, type: wait}]}");
	_cleanup_free_ char *id = start(driver, "p", "{}");
	driver_wait_end(driver, id);
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "a");
	driver_pass(driver, 1000);
	struct request again = { .kind = REQUEST_RESTART_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(stage, "id", "")),
		.reply = heard,
		.data = &told };
	struct request deletion = { .kind = REQUEST_DELETE_EXECUTION, .key = xstrdup(id) };
	real_type = driver->store->type;
	slow.load_execution = old_load;
	answered = held = 0;
	driver->store->type = &slow;
	assert_int_equal(engine_submit(driver->engine, &again, &err), 0);
	assert_int_equal(driver_ask(driver, &deletion, NULL, &err), 0);
	__atomic_store_n(&answered, 1, __ATOMIC_SEQ_CST);
	driver_pass(driver, 1000);
	driver->store->type = real_type;
	assert_int_equal(held, 0);
	assert_int_equal(told, ERR_NOT_FOUND);
	_cleanup_(val_free) struct val found = VAL_NULL;
	uint64_t position;
	assert_int_equal(real_type->get_execution(driver->store, id, &found, &position, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_child_binds_what_its_parents_stage_sees_and_hands_back_its_own(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{application: app, name: child, " EXPECTS
		"}], stages: [{refId: a, type: test, first: {outputs: "
		"{artifacts: [{type: http/file, name: made, reference: r}]}}}]}");
	save(driver,
		"{application: app, name: parent, stages: [{refId: make, type: test, first: {outputs: {artifacts: "
		"[{type: docker/image, name: app, reference: \"app:7\"}]}}}, {refId: p, type: pipeline, "
		"requisiteStageRefIds: [make], pipeline: child, expectedArtifacts: [{id: file, matchArtifact: "
		"{type: http/file}}]}]}");
	_cleanup_free_ char *id = start(driver, "parent", "{}");
	driver_wait_end(driver, id);
	assert_status(driver, id, NULL, "SUCCEEDED");
	_cleanup_free_ char *child = child_of(driver, id, "p");
	_cleanup_(val_free) struct val bound = bound_of(driver, child);
	assert_string_equal(val_text(&bound), "app:7");
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "p");
	assert_value("bound", val_path(stage, "outputs.artifacts"),
		"[{type: http/file, name: made, reference: r, customKind: false, metadata: {}}]");
	assert_string_equal(
		val_get_text(val_path(stage, "outputs.resolvedExpectedArtifacts.0"), "id", ""),
		"file");
}

static void a_child_runs_as_whoever_continued_and_its_last_output_wins_by_the_graph(void **state)
{
	struct driver *driver = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	/* "late" stands first in the list and in the graph behind the others. */
	save(driver,
		"{application: app, name: child, stages: [{refId: late, type: test, requisiteStageRefIds: [early], "
		"first: {outputs: {x: late, l: [1, 2]}}}, {refId: early, type: test, first: {outputs: {x: early, "
		"l: [2, 3]}}}, {refId: other, type: test, first: {outputs: {x: other}}}]}");
	save(driver,
		"{application: app, name: parent, stages: [{refId: j, type: manualJudgment, "
		"propagateAuthenticationContext: true}, {refId: p, type: pipeline, pipeline: child, "
		"requisiteStageRefIds: [j]}]}");
	_cleanup_free_ char *id = start(driver, "parent", "{}");
	driver_pass(driver, 10);
	_cleanup_(val_free) struct val judgment = driver_stage(driver, id, "j");
	struct request request = {
		.kind = REQUEST_PATCH_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(judgment, "id", "")),
		.user = xstrdup("joe"),
		.value = value_of("{judgmentStatus: continue}"),
	};
	assert_int_equal(driver_ask(driver, &request, NULL, &err), 0);
	driver_wait_end(driver, id);
	_cleanup_free_ char *child = child_of(driver, id, "p");
	_cleanup_(val_free) struct val execution = driver_execution(driver, child);
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "p");
	assert_string_equal(val_get_text(val_get(execution, "authentication"), "user", ""), "joe");
	assert_string_equal(val_get_text(val_get(execution, "trigger"), "user", ""), "joe");
	assert_value("outputs", val_get(stage, "outputs"), "{x: late, l: [2, 3, 1]}");
}

/* ---- a child between its start and the wait for it ----------------------------------------------------------------------------------- */

static void a_run_that_is_canceled_between_the_start_of_its_child_and_the_wait_cancels_it(void **state)
{
	struct driver *driver = *state;
	save(driver,
		"{application: app, name: child, stages: [{refId: w, type: wait, waitTime: 60}]}");
	save(driver,
		"{application: app, name: parent, stages: [{refId: p, type: pipeline, pipeline: child}, {refId: "
		"f, type: test, first: TERMINAL}]}");
	/* The other branch fails in the same moment; whichever comes first, no child is left over. */
	_cleanup_free_ char *id = start(driver, "parent", "{}");
	driver_wait_end(driver, id);
	_cleanup_free_ char *child = child_of(driver, id, "p");
	if (!*child)
		return;
	driver_wait_end(driver, child);
	assert_status(driver, child, NULL, "CANCELED");
}

/* ---- refused, and kept --------------------------------------------------------------------------------------------------------------- */

static void a_refused_start_leaves_a_run_that_says_why(void **state)
{
	static const struct {
		const char *pipeline, *reason;
	} rows[] = {
		{ "{application: app, name: p, disabled: true, stages: [{type: wait}]}",
			"is disabled" },
		{ "{application: app, name: p, type: templatedPipeline, stages: []}", "templates" },
		{ "{application: app, name: p, stages: [{refId: a, type: wait, requisiteStageRefIds: [b]}]}",
			"there is no stage" },
		{ "{application: app, name: p, stages: [{type: checkPreconditions, preconditions: [{type: "
		  "clusterSize}]}]}",
			"clusterSize" },
		{ "{application: app, name: p, " EXPECTS
		  ", useDefaultArtifact: true}], stages: [{type: wait}]}",
			"Unmatched expected artifact" },
	};
	struct driver *driver = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val reply = VAL_NULL;
		struct request request = {
			.kind = REQUEST_START,
			.value = value_of(rows[i].pipeline),
			.keep_refused = true,
		};
		if (driver_ask(driver, &request, &reply, &err) < 0)
			fail_msg("%s: %s", rows[i].reason, err_text(&err));
		_cleanup_(val_free) struct val execution = driver_execution(
			driver, val_get_text(reply, "id", ""));
		assert_string_equal(val_get_text(execution, "status", ""), "TERMINAL");
		const char *reason = val_get_text(execution, "cancellationReason", "");
		if (strncmp(reason, "Failed on startup: ", 19) != 0 ||
			!strstr(reason, rows[i].reason))
			fail_msg("expected %s, got %s", rows[i].reason, reason);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_driver, close_driver)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_in_a_child_goes_up_to_all_that_wait_for_it),
		TEST(a_restart_in_a_child_goes_up_whatever_the_moment_of_a_crash),
		TEST(a_parent_that_is_gone_is_no_hindrance),
		TEST(a_restart_goes_by_the_preconditions_of_now),
		TEST(a_restarted_run_waits_for_the_others_of_its_pipeline),
		TEST(a_run_that_is_being_deleted_cannot_be_restarted),
		TEST(the_artifacts_of_the_run_before_are_taken_however_it_ended),
		TEST(a_run_that_goes_on_is_the_run_before),
		TEST(a_child_takes_the_artifacts_of_the_run_before_too),
		TEST(what_a_request_reads_of_ended_runs_does_not_hold_the_engine),
		TEST(a_run_that_is_deleted_while_it_is_read_does_not_come_back),
		TEST(a_child_binds_what_its_parents_stage_sees_and_hands_back_its_own),
		TEST(a_run_that_is_canceled_between_the_start_of_its_child_and_the_wait_cancels_it),
		TEST(a_child_runs_as_whoever_continued_and_its_last_output_wins_by_the_graph),
		TEST(a_refused_start_leaves_a_run_that_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
