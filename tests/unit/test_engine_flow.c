/*
 * What lets runs wait, pause and begin again: the wait list of a configuration, execution windows, pause and resume, restart of a
 * stage; on the virtual clock, with the stage types that ship.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "stage/stages.h"

#define START_MS 1700000000000 /* Tuesday, 2023-11-14 22:13:20 UTC: 14:13:20 in Los Angeles */

static const struct stage_type *const types[] = { &wait_stage, &evaluate_variables_stage,
	&execution_window_stage, &pipeline_stage, NULL };
static const struct stage_registry registry = { .types = types, .plan_first = plan_execution_window };

struct house {
	struct world world;
	struct store *store;
	struct engine *engine;
};

static void open_engine(struct house *house)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct engine_setup setup = {
		.world = &house->world, .store = house->store, .registry = &registry
	};
	house->engine = engine_start(&setup, &err);
	assert_non_null(house->engine);
}

static int house_open(void **state)
{
	struct house *house = xnew(struct house);
	house->world.clock = clock_virtual(START_MS);
	house->store = store_memory_open();
	open_engine(house);
	*state = house;
	return 0;
}

static int house_close(void **state)
{
	struct house *house = *state;
	engine_stop(house->engine, 0);
	store_close(house->store);
	val_free(&house->world.settings);
	clock_free(house->world.clock);
	free(house);
	return 0;
}

/* The error's kind; *RET (may be NULL) is the reply. */
static enum err_kind call(struct house *house, struct request *request, struct val *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	return engine_call(house->engine, request, ret, &err) < 0 ? err.kind : ERR_NONE;
}

/* Starts the pipeline in TEXT; the run's id, owned. */
static char *start(struct house *house, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_START };
	assert_int_equal(json_parse(str_of(text), NULL, NULL, &request.value, &err), 0);
	struct val reply = VAL_NULL;
	assert_int_equal(call(house, &request, &reply), ERR_NONE);
	char *id = xstrdup(val_get_text(reply, "id", ""));
	val_free(&reply);
	return id;
}

static enum err_kind ask(
	struct house *house, enum request_kind kind, const char *id, const char *stage_id)
{
	struct request request = { .kind = kind, .key = xstrdup(id) };
	request.stage_id = stage_id ? xstrdup(stage_id) : NULL;
	request.user = xstrdup("joe");
	return call(house, &request, NULL);
}

static struct val read_run(struct house *house, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val execution = VAL_NULL;
	uint64_t position;
	assert_int_equal(
		house->store->type->get_execution(house->store, id, &execution, &position, &err), 0);
	return execution;
}

/* The run as it ended. */
static struct val finish(struct house *house, const char *id)
{
	engine_wait_complete(house->engine, id);
	return read_run(house, id);
}

static void assert_run(struct val execution, const char *status, int64_t start, int64_t end)
{
	assert_string_equal(val_get_text(execution, "status", ""), status);
	if (start >= 0)
		assert_int_equal(val_get_int(execution, "startTime", 0) - START_MS, start);
	if (end >= 0)
		assert_int_equal(val_get_int(execution, "endTime", 0) - START_MS, end);
}

/* Lets nothing happen until all requests of a test are in: time stands while somebody holds the clock. */
static void hold(struct house *house)
{
	clock_hold(house->world.clock);
}

static void release(struct house *house)
{
	clock_release(house->world.clock);
}

#define LIMITED(more) "{\"id\":\"c\"," more "\"stages\":[{\"type\":\"wait\",\"waitTime\":5}]}"

static void a_second_run_waits_until_the_first_has_ended(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *first = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *second = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_(val_free) struct val waiting = read_run(house, second);
	assert_run(waiting, "NOT_STARTED", -1, -1);
	release(house);
	_cleanup_(val_free) struct val one = finish(house, first);
	_cleanup_(val_free) struct val two = finish(house, second);
	assert_run(one, "SUCCEEDED", 0, 5001);
	assert_run(two, "SUCCEEDED", 5001, 10002);
}

static void of_many_that_wait_the_newest_goes_on_and_the_older_are_superseded(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *first = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *older = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *newest = start(house, LIMITED("\"limitConcurrent\":true,"));
	release(house);
	_cleanup_(val_free) struct val one = finish(house, first);
	_cleanup_(val_free) struct val two = finish(house, older);
	_cleanup_(val_free) struct val three = finish(house, newest);
	assert_run(two, "CANCELED", -1, -1);
	assert_non_null(strstr(val_get_text(two, "cancellationReason", ""), "superseded"));
	assert_run(three, "SUCCEEDED", 5001, 10002);
}

static void with_keep_waiting_pipelines_they_go_on_in_their_order(void **state)
{
	struct house *house = *state;
	hold(house);
	const char *text = LIMITED("\"limitConcurrent\":true,\"keepWaitingPipelines\":true,");
	_cleanup_free_ char *first = start(house, text);
	_cleanup_free_ char *second = start(house, text);
	_cleanup_free_ char *third = start(house, text);
	release(house);
	_cleanup_(val_free) struct val two = finish(house, second);
	_cleanup_(val_free) struct val three = finish(house, third);
	assert_run(two, "SUCCEEDED", 5001, 10002);
	assert_run(three, "SUCCEEDED", 10002, 15003);
}

static void max_concurrent_executions_lets_so_many_run(void **state)
{
	struct house *house = *state;
	hold(house);
	const char *text = LIMITED("\"maxConcurrentExecutions\":2,");
	_cleanup_free_ char *first = start(house, text);
	_cleanup_free_ char *second = start(house, text);
	_cleanup_free_ char *third = start(house, text);
	release(house);
	_cleanup_(val_free) struct val two = finish(house, second);
	_cleanup_(val_free) struct val three = finish(house, third);
	assert_run(two, "SUCCEEDED", 0, 5001);
	assert_run(three, "SUCCEEDED", 5001, 10002);
}

static void a_waiting_run_can_be_canceled(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *first = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *second = start(house, LIMITED("\"limitConcurrent\":true,"));
	assert_int_equal(ask(house, REQUEST_CANCEL, second, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val two = finish(house, second);
	assert_run(two, "CANCELED", -1, -1);
	_cleanup_(val_free) struct val one = finish(house, first);
	assert_run(one, "SUCCEEDED", 0, 5001);
}

static void canceling_one_that_waits_leaves_the_others_in_line(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *first = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *second = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *third = start(house, LIMITED("\"limitConcurrent\":true,"));
	assert_int_equal(ask(house, REQUEST_CANCEL, third, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val two = finish(house, second);
	assert_run(two, "SUCCEEDED", 5001, 10002);
}

static void a_run_that_waits_still_waits_after_a_restart_of_the_process(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *first = start(house, LIMITED("\"limitConcurrent\":true,"));
	_cleanup_free_ char *second = start(house, LIMITED("\"limitConcurrent\":true,"));
	engine_crash(house->engine);
	open_engine(house);
	_cleanup_(val_free) struct val waiting = read_run(house, second);
	assert_run(waiting, "NOT_STARTED", -1, -1);
	release(house);
	_cleanup_(val_free) struct val two = finish(house, second);
	assert_run(two, "SUCCEEDED", 5001, 10002);
}

static void too_many_that_wait_are_turned_away(void **state)
{
	struct house *house = *state;
	char *last = NULL;
	hold(house);
	for (int i = 0; i < LIMIT_WAIT_LIST + 2; i++) {
		free(last);
		last = start(house, LIMITED("\"limitConcurrent\":true,"));
	}
	release(house);
	_cleanup_(val_free) struct val turned_away = finish(house, last);
	assert_run(turned_away, "CANCELED", -1, -1);
	free(last);
}

/* ---- pause ------------------------------------------------------------------------------------------------------------------------ */

static const char two_waits[] =
	"{\"stages\":[{\"refId\":\"a\",\"type\":\"wait\",\"waitTime\":5},"
	"{\"refId\":\"b\",\"type\":\"wait\",\"waitTime\":5,\"requisiteStageRefIds\":[\"a\"]}]}";

static struct val stage_of(struct val execution, const char *ref)
{
	struct val stages = val_get(execution, "stages");
	for (size_t i = 0; i < val_count(stages); i++)
		if (strcmp(val_get_text(val_at(stages, i), "refId", ""), ref) == 0)
			return val_at(stages, i);
	fail_msg("no stage %s", ref);
	return VAL_NULL;
}

static void a_paused_run_stands_still_until_it_is_resumed(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	assert_int_equal(ask(house, REQUEST_PAUSE, id, NULL), ERR_NONE);
	assert_int_equal(ask(house, REQUEST_STATE, id, NULL), ERR_NONE);
	_cleanup_(val_free) struct val paused = read_run(house, id);
	assert_run(paused, "PAUSED", 0, -1);
	assert_string_equal(val_get_text(stage_of(paused, "a"), "status", ""), "PAUSED");
	assert_string_equal(val_get_text(val_get(paused, "paused"), "pausedBy", ""), "joe");
	assert_int_equal(ask(house, REQUEST_PAUSE, id, NULL), ERR_CONFLICT);
	release(house);
	hold(house);
	_cleanup_(val_free) struct val still = read_run(house, id);
	assert_run(still, "PAUSED", 0, -1);
	assert_int_equal(ask(house, REQUEST_RESUME, id, NULL), ERR_NONE);
	assert_int_equal(ask(house, REQUEST_RESUME, id, NULL), ERR_CONFLICT);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, -1);
}

static void a_paused_run_can_be_canceled(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	assert_int_equal(ask(house, REQUEST_PAUSE, id, NULL), ERR_NONE);
	assert_int_equal(ask(house, REQUEST_CANCEL, id, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "CANCELED", 0, 0);
}

static void a_pause_outlives_the_process(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	assert_int_equal(ask(house, REQUEST_PAUSE, id, NULL), ERR_NONE);
	engine_crash(house->engine);
	open_engine(house);
	assert_int_equal(ask(house, REQUEST_RESUME, id, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, 10002);
}

/* ---- restart ---------------------------------------------------------------------------------------------------------------------- */

static void a_restarted_stage_runs_again_with_what_is_downstream(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	release(house);
	_cleanup_(val_free) struct val first = finish(house, id);
	assert_run(first, "SUCCEEDED", 0, 10002);
	_cleanup_free_ char *stage = xstrdup(val_get_text(stage_of(first, "b"), "id", ""));
	hold(house);
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, id, stage), ERR_NONE);
	_cleanup_(val_free) struct val going = read_run(house, id);
	assert_run(going, "RUNNING", 0, -1);
	release(house);
	_cleanup_(val_free) struct val again = finish(house, id);
	assert_run(again, "SUCCEEDED", 0, -1);
	struct val a = stage_of(again, "a"), b = stage_of(again, "b");
	assert_int_equal(val_get_int(a, "endTime", 0) - START_MS, 5001);
	assert_true(val_get_int(b, "startTime", 0) - START_MS >= 10002);
	struct val details = val_path(b, "context.restartDetails");
	assert_string_equal(val_get_text(details, "restartedBy", ""), "joe");
}

static void a_running_stage_cannot_be_restarted(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	_cleanup_(val_free) struct val going = read_run(house, id);
	_cleanup_free_ char *stage = xstrdup(val_get_text(stage_of(going, "a"), "id", ""));
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, id, stage), ERR_CONFLICT);
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, id, "nothing"), ERR_NOT_FOUND);
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, "nothing", stage), ERR_NOT_FOUND);
	_cleanup_free_ char *other = start(house, "{\"stages\":[{\"type\":\"wait\"}]}");
	_cleanup_(val_free) struct val other_ended = finish(house, other);
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, other, "nothing"), ERR_NOT_FOUND);
	release(house);
	engine_wait_complete(house->engine, NULL); /* the refused restart has left nothing behind */
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, 10002);
}

static void a_failed_stage_is_restarted_without_its_exception_and_after_a_crash(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house,
		"{\"spelEvaluator\":\"v4\",\"stages\":[{\"refId\":\"a\",\"type\":\"evaluateVariables\","
		"\"failOnFailedExpressions\":true,\"variables\":[{\"key\":\"x\",\"value\":\"${nothing.at.all}\"}]}]}");
	release(house);
	_cleanup_(val_free) struct val failed = finish(house, id);
	assert_run(failed, "TERMINAL", 0, 0);
	assert_true(val_has(val_get(stage_of(failed, "a"), "context"), "exception"));
	_cleanup_free_ char *stage = xstrdup(val_get_text(stage_of(failed, "a"), "id", ""));
	engine_crash(house->engine);
	open_engine(house);
	assert_int_equal(ask(house, REQUEST_RESTART_STAGE, id, stage), ERR_NONE);
	_cleanup_(val_free) struct val again = finish(house, id);
	assert_run(again, "TERMINAL", 0, -1);
	struct val details = val_path(stage_of(again, "a"), "context.restartDetails");
	assert_true(val_is_map(val_get(details, "previousException")));
}

/* ---- windows ---------------------------------------------------------------------------------------------------------------------- */

static void windows_open_when_they_should(void **state)
{
	(void)state;
	static const struct {
		const char *zone, *window;
		int64_t next; /* from START_MS; 0 = inside */
	} rows[] = {
		{ "UTC", "{\"whitelist\":[{\"startHour\":22,\"startMin\":0,\"endHour\":23,\"endMin\":0}]}",
			0 },
		{ "UTC", "{\"whitelist\":[{\"startHour\":22,\"startMin\":13,\"endHour\":22,\"endMin\":13}]}",
			0 },
		{ "UTC", "{\"whitelist\":[{\"startHour\":22,\"startMin\":30,\"endHour\":23,\"endMin\":0}]}",
			1000000 },
		{ "UTC", "{\"whitelist\":[{\"startHour\":22,\"startMin\":0,\"endHour\":3,\"endMin\":0}]}",
			0 },
		{ "UTC", "{\"whitelist\":[{\"startHour\":8,\"startMin\":0,\"endHour\":9,\"endMin\":0}]}",
			35200000 },
		{ "UTC", "{\"days\":[3],\"whitelist\":[]}", 0 },
		{ "UTC", "{\"days\":[4]}", 6400000 },
		{ "UTC", "{\"days\":[2],\"whitelist\":[{\"startHour\":22,\"endHour\":23}]}",
			6 * 86400000LL - 800000 },
		{ "America/Los_Angeles", "{\"whitelist\":[{\"startHour\":14,\"endHour\":15}]}", 0 },
		{ "America/Los_Angeles",
			"{\"whitelist\":[{\"startHour\":\"15\",\"endHour\":\"16\"}]}", 2800000 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val window = VAL_NULL;
		int64_t next;
		assert_int_equal(json_parse(str_of(rows[i].window), NULL, NULL, &window, &err), 0);
		assert_int_equal(window_next_start(window, rows[i].zone, START_MS, &next, &err), 0);
		int64_t wanted = rows[i].next ? START_MS + rows[i].next : 0;
		if (next != wanted)
			fail_msg("row %zu: %lld, not %lld", i, (long long)(next - START_MS),
				(long long)rows[i].next);
	}
}

static void a_window_without_days_and_hours_and_an_unknown_zone_are_errors(void **state)
{
	(void)state;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val window = val_map();
	int64_t next;
	assert_int_equal(window_next_start(window, "UTC", START_MS, &next, &err), -1);
	struct val days = val_list();
	val_append(&days, val_int(1));
	val_set(&window, "days", days);
	assert_int_equal(window_next_start(window, "Mars/Olympus", START_MS, &next, &err), -1);
	assert_non_null(strstr(err_text(&err), "Mars/Olympus"));
}

static const char windowed[] =
	"{\"stages\":[{\"refId\":\"a\",\"type\":\"wait\",\"waitTime\":1,"
	"\"restrictExecutionDuringTimeWindow\":true,\"stageTimeoutMs\":2000,"
	"\"restrictedExecutionWindow\":{\"whitelist\":[{\"startHour\":15,\"endHour\":16}]}}]}";

static void a_stage_with_a_window_starts_when_it_opens_and_its_timeout_does_not_run_before(
	void **state)
{
	struct house *house = *state;
	_cleanup_free_ char *id = start(house, windowed);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, -1);
	struct val gate = stage_of(ended, "a<1");
	assert_string_equal(val_get_text(gate, "type", ""), "restrictExecutionDuringTimeWindow");
	assert_int_equal(val_get_int(gate, "endTime", 0) - START_MS, 2800000);
}

/* The id of that stage once the engine has planned it, owned: each question to the engine is one more round of its loop. */
static char *wait_for_stage(struct house *house, const char *id, const char *ref)
{
	for (int rounds = 0; rounds < 100; rounds++) {
		_cleanup_(val_free) struct val execution = read_run(house, id);
		struct val stages = val_get(execution, "stages");
		for (size_t i = 0; i < val_count(stages); i++)
			if (strcmp(val_get_text(val_at(stages, i), "refId", ""), ref) == 0)
				return xstrdup(val_get_text(val_at(stages, i), "id", ""));
		assert_int_equal(ask(house, REQUEST_STATE, id, NULL), ERR_NONE);
	}
	fail_msg("no stage %s", ref);
	return NULL;
}

static void a_window_can_be_skipped_by_a_patch(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, windowed);
	struct request request = { .kind = REQUEST_PATCH_STAGE, .key = xstrdup(id) };
	request.stage_id = wait_for_stage(house, id, "a<1");
	val_set(&request.value, "skipRemainingWait", val_bool(true));
	assert_int_equal(call(house, &request, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, 1001);
}

/* ---- a pipeline in a pipeline ----------------------------------------------------------------------------------------------------- */

static void save(struct house *house, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_SAVE_PIPELINE };
	assert_int_equal(json_parse(str_of(text), NULL, NULL, &request.value, &err), 0);
	assert_int_equal(call(house, &request, NULL), ERR_NONE);
}

static const char child[] =
	"{\"application\":\"app\",\"name\":\"child\",\"parameterConfig\":[{\"name\":\"a\"},"
	"{\"name\":\"b\",\"default\":\"B\"}],\"stages\":[{\"refId\":\"w\",\"type\":\"wait\",\"waitTime\":3},"
	"{\"refId\":\"v\",\"type\":\"evaluateVariables\",\"requisiteStageRefIds\":[\"w\"],\"variables\":"
	"[{\"key\":\"out\",\"value\":\"${parameters.a}${parameters.b}\"}]}]}";

#define PARENT(more)                                                                                                                   \
	"{\"application\":\"app\",\"name\":\"parent\",\"stages\":[{\"refId\":\"p\",\"type\":\"pipeline\",\"pipeline\":\"child\"," more \
	"\"pipelineParameters\":{\"a\":\"A\"}},{\"refId\":\"v\",\"type\":\"evaluateVariables\","                                       \
	"\"requisiteStageRefIds\":[\"p\"],\"variables\":[{\"key\":\"seen\",\"value\":\"${out}\"}]}]}"

static struct val child_of(struct house *house, struct val parent)
{
	return finish(
		house, val_get_text(val_get(stage_of(parent, "p"), "context"), "executionId", ""));
}

static void a_child_runs_with_its_parameters_and_hands_back_its_outputs(void **state)
{
	struct house *house = *state;
	save(house, child);
	_cleanup_free_ char *id = start(house, PARENT(""));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "SUCCEEDED", 0, 3001);
	assert_string_equal(
		val_get_text(val_get(stage_of(parent, "v"), "outputs"), "seen", ""), "AB");
	_cleanup_(val_free) struct val run = child_of(house, parent);
	assert_run(run, "SUCCEEDED", 0, 3001);
	struct val trigger = val_get(run, "trigger");
	assert_string_equal(val_get_text(trigger, "type", ""), "pipeline");
	assert_string_equal(val_get_text(val_get(trigger, "parentExecution"), "id", ""), id);
}

static void without_waiting_the_parent_goes_on_at_once(void **state)
{
	struct house *house = *state;
	save(house, child);
	_cleanup_free_ char *id = start(house, PARENT("\"waitForCompletion\":false,"));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "SUCCEEDED", 0, 0);
	_cleanup_(val_free) struct val run = child_of(house, parent);
	assert_run(run, "SUCCEEDED", 0, 3001);
}

static void a_child_that_fails_fails_its_parent_with_the_place(void **state)
{
	struct house *house = *state;
	save(house,
		"{\"application\":\"app\",\"name\":\"child\",\"stages\":[{\"refId\":\"1\",\"name\":\"Bad\","
		"\"type\":\"wait\",\"waitTime\":\"soon\"}]}");
	_cleanup_free_ char *id = start(house, PARENT(""));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "TERMINAL", 0, 0);
	struct val details = val_path(stage_of(parent, "p"), "context.exception.details");
	assert_non_null(
		strstr(val_get_text(details, "error", ""), "failed in stage \"Bad\": waitTime"));
	assert_string_equal(val_get_text(val_get(details, "source"), "stageName", ""), "Bad");
}

static void a_child_that_is_not_there_fails_its_parent_by_name(void **state)
{
	struct house *house = *state;
	_cleanup_free_ char *id = start(house, PARENT(""));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "TERMINAL", 0, 0);
	struct val details = val_path(stage_of(parent, "p"), "context.exception.details");
	assert_non_null(strstr(val_get_text(details, "error", ""), "child"));
}

static void canceling_the_parent_cancels_the_child(void **state)
{
	struct house *house = *state;
	save(house, child);
	hold(house);
	_cleanup_free_ char *id = start(house, PARENT(""));
	assert_int_equal(ask(house, REQUEST_STATE, id, NULL), ERR_NONE);
	assert_int_equal(ask(house, REQUEST_STATE, id, NULL), ERR_NONE);
	assert_int_equal(ask(house, REQUEST_CANCEL, id, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "CANCELED", 0, 0);
	_cleanup_(val_free) struct val run = child_of(house, parent);
	assert_run(run, "CANCELED", 0, 0);
}

/* Starts PARENT with the process dying after its first commit, its second, … */
static void crash_at_each_commit(struct house *house, const char *parent)
{
	for (uint64_t commit = 1; commit <= 8; commit++) {
		_cleanup_err_ struct err err = ERR_INIT;
		engine_stop(house->engine, 0);
		struct engine_setup setup = { .world = &house->world,
			.store = house->store,
			.registry = &registry,
			.crash_after_commit = commit };
		house->engine = engine_start(&setup, &err);
		struct request request = { .kind = REQUEST_START };
		assert_int_equal(json_parse(str_of(parent), NULL, NULL, &request.value, &err), 0);
		call(house, &request, NULL); /* its answer may have died with the process */
		engine_wait_complete(house->engine, NULL);
		engine_crash(house->engine);
		open_engine(house);
		engine_wait_complete(house->engine, NULL);
	}
	struct execution_filter filter = { .without_stages = true };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	assert_int_equal(
		house->store->type->list_executions(house->store, &filter, &list, &position, &err),
		0);
	size_t parents = 0, children = 0;
	for (size_t i = 0; i < val_count(list); i++) {
		assert_string_equal(val_get_text(val_at(list, i), "status", ""), "SUCCEEDED");
		parents += strcmp(val_get_text(val_at(list, i), "name", ""), "parent") == 0;
		children += strcmp(val_get_text(val_at(list, i), "name", ""), "child") == 0;
	}
	assert_int_equal(parents, 8);
	assert_int_equal(children, parents);
}

static void a_child_is_started_once_whatever_the_moment_of_a_crash(void **state)
{
	struct house *house = *state;
	save(house, child);
	crash_at_each_commit(house, PARENT(""));
}

/* A child whose document takes more steps than the engine's thread has time for. */
#define TEN(text) text text text text text text text text text text
static const char slow_child[] =
	"{\"application\":\"app\",\"name\":\"child\",\"stages\":[{\"refId\":\"w\",\"type\":\"wait\","
	"\"waitTime\":3,\"note\":\"${parameters.a.![#root.parameters.a.![#this].size()].size()}\"}]}";
#define SLOW_PARENT(more)                                                                   \
	"{\"application\":\"app\",\"name\":\"parent\",\"stages\":[{\"refId\":\"p\"," more   \
	"\"type\":\"pipeline\",\"pipeline\":\"child\",\"pipelineParameters\":{\"a\":[" TEN( \
		TEN("1,2,")) "3]}}]}"

static void a_child_whose_document_takes_long_is_evaluated_on_a_worker(void **state)
{
	struct house *house = *state;
	save(house, slow_child);
	_cleanup_free_ char *id = start(house, SLOW_PARENT("\"waitForCompletion\":false,"));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "SUCCEEDED", 0, 0);
	_cleanup_(val_free) struct val run = child_of(house, parent);
	assert_run(run, "SUCCEEDED", 0, 3001);
	assert_int_equal(val_get_int(val_get(stage_of(run, "w"), "context"), "note", 0), 201);
	/* All tasks of the two run on the engine's thread. */
	_cleanup_(val_free) struct val metrics = engine_metrics(house->engine);
	assert_int_equal(val_get_int(metrics, "gennaker_workers", 0), 1);
}

static void such_a_child_is_started_once_whatever_the_moment_of_a_crash(void **state)
{
	struct house *house = *state;
	save(house, slow_child);
	crash_at_each_commit(house, SLOW_PARENT(""));
}

/* Whether the cancel comes before, while or after a worker evaluates it. */
static void canceling_the_parent_of_such_a_child_leaves_none_running(void **state)
{
	struct house *house = *state;
	save(house, slow_child);
	hold(house);
	_cleanup_free_ char *id = start(house, SLOW_PARENT(""));
	assert_int_equal(ask(house, REQUEST_CANCEL, id, NULL), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "CANCELED", -1, 0);
	if (!val_has(val_get(stage_of(parent, "p"), "context"), "executionId"))
		return;
	_cleanup_(val_free) struct val run = child_of(house, parent);
	assert_run(run, "CANCELED", -1, 0);
}

static enum err_kind skip_stage(struct house *house, const char *id, const char *stage_id)
{
	struct request request = {
		.kind = REQUEST_PATCH_STAGE, .key = xstrdup(id), .stage_id = xstrdup(stage_id)
	};
	val_set(&request.value, "manualSkip", val_bool(true));
	return call(house, &request, NULL);
}

static void a_skippable_stage_is_skipped_by_hand_and_the_run_goes_on(void **state)
{
	struct house *house = *state;
	save(house, child);
	hold(house);
	_cleanup_free_ char *id = start(house, PARENT("\"skippable\":true,"));
	_cleanup_free_ char *stage = wait_for_stage(house, id, "p");
	assert_int_equal(ask(house, REQUEST_STATE, id, NULL), ERR_NONE);
	assert_int_equal(skip_stage(house, id, stage), ERR_NONE);
	release(house);
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "SUCCEEDED", 0, 0);
	assert_string_equal(val_get_text(stage_of(parent, "p"), "status", ""), "SKIPPED");
}

static void a_stage_that_may_not_be_skipped_is_not(void **state)
{
	struct house *house = *state;
	hold(house);
	_cleanup_free_ char *id = start(house, two_waits);
	_cleanup_free_ char *stage = wait_for_stage(house, id, "a");
	assert_int_equal(skip_stage(house, id, stage), ERR_NOT_ALLOWED);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, id);
	assert_run(ended, "SUCCEEDED", 0, 10002);
}

static void a_pipeline_that_starts_itself_ends_with_a_clear_text(void **state)
{
	struct house *house = *state;
	save(house,
		"{\"application\":\"app\",\"name\":\"child\",\"stages\":[{\"refId\":\"p\","
		"\"type\":\"pipeline\",\"pipeline\":\"child\"}]}");
	_cleanup_free_ char *id = start(house, PARENT(""));
	_cleanup_(val_free) struct val parent = finish(house, id);
	assert_run(parent, "TERMINAL", 0, 0);
	struct val details = val_path(stage_of(parent, "p"), "context.exception.details");
	assert_non_null(strstr(val_get_text(details, "error", ""), "deep"));
}

static void a_start_with_the_correlation_id_of_a_run_that_is_going_is_that_run(void **state)
{
	struct house *house = *state;
	static const char text[] = "{\"trigger\":{\"correlationId\":\"x\"},\"stages\":[{\"type\":"
				   "\"wait\",\"waitTime\":5}]}";
	struct request request = { .kind = REQUEST_START };
	_cleanup_err_ struct err err = ERR_INIT;
	hold(house);
	_cleanup_free_ char *first = start(house, text);
	_cleanup_(val_free) struct val reply = VAL_NULL;
	assert_int_equal(json_parse(str_of(text), NULL, NULL, &request.value, &err), 0);
	assert_int_equal(call(house, &request, &reply), ERR_NONE);
	assert_string_equal(val_get_text(reply, "id", ""), first);
	release(house);
	_cleanup_(val_free) struct val ended = finish(house, first);
	assert_run(ended, "SUCCEEDED", 0, 5001);
}

#define CORRELATED(application, seconds)                                  \
	"{\"application\":\"" application                                 \
	"\",\"trigger\":{\"correlationId\":\"x\"},\"stages\":[{\"type\":" \
	"\"wait\",\"waitTime\":" seconds "}]}"

static void runs_of_other_applications_may_have_the_same_correlation_id(void **state)
{
	struct house *house = *state;
	static const char *const texts[] = { CORRELATED("a", "9"), CORRELATED("b", "5"),
		CORRELATED("c", "9") };
	char *ids[3], *again[3];

	hold(house);
	for (size_t i = 0; i < 3; i++)
		ids[i] = start(house, texts[i]);
	for (size_t i = 0; i < 3; i++) {
		again[i] = start(house, texts[i]);
		assert_string_equal(again[i], ids[i]);
		assert_string_not_equal(ids[i], ids[(i + 1) % 3]);
		free(again[i]);
	}
	release(house);
	engine_wait_complete(house->engine, ids[1]);
	hold(house);
	for (size_t i = 0; i < 3; i++) /* the one in the middle has ended */
		again[i] = start(house, texts[i]);
	release(house);
	assert_string_not_equal(again[1], ids[1]);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(val_free) struct val ended = finish(house, again[i]);
		assert_run(ended, "SUCCEEDED", -1, -1);
		free(ids[i]);
		free(again[i]);
	}
}

#define FLOW(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(a_second_run_waits_until_the_first_has_ended),
		FLOW(of_many_that_wait_the_newest_goes_on_and_the_older_are_superseded),
		FLOW(with_keep_waiting_pipelines_they_go_on_in_their_order),
		FLOW(max_concurrent_executions_lets_so_many_run),
		FLOW(a_waiting_run_can_be_canceled),
		FLOW(canceling_one_that_waits_leaves_the_others_in_line),
		FLOW(a_run_that_waits_still_waits_after_a_restart_of_the_process),
		FLOW(too_many_that_wait_are_turned_away),
		FLOW(a_paused_run_stands_still_until_it_is_resumed),
		FLOW(a_paused_run_can_be_canceled),
		FLOW(a_pause_outlives_the_process),
		FLOW(a_restarted_stage_runs_again_with_what_is_downstream),
		FLOW(a_running_stage_cannot_be_restarted),
		FLOW(a_failed_stage_is_restarted_without_its_exception_and_after_a_crash),
		FLOW(windows_open_when_they_should),
		FLOW(a_window_without_days_and_hours_and_an_unknown_zone_are_errors),
		FLOW(a_stage_with_a_window_starts_when_it_opens_and_its_timeout_does_not_run_before),
		FLOW(a_window_can_be_skipped_by_a_patch),
		FLOW(a_child_runs_with_its_parameters_and_hands_back_its_outputs),
		FLOW(without_waiting_the_parent_goes_on_at_once),
		FLOW(a_child_that_fails_fails_its_parent_with_the_place),
		FLOW(a_child_that_is_not_there_fails_its_parent_by_name),
		FLOW(canceling_the_parent_cancels_the_child),
		FLOW(a_child_is_started_once_whatever_the_moment_of_a_crash),
		FLOW(a_child_whose_document_takes_long_is_evaluated_on_a_worker),
		FLOW(such_a_child_is_started_once_whatever_the_moment_of_a_crash),
		FLOW(canceling_the_parent_of_such_a_child_leaves_none_running),
		FLOW(a_skippable_stage_is_skipped_by_hand_and_the_run_goes_on),
		FLOW(a_stage_that_may_not_be_skipped_is_not),
		FLOW(a_pipeline_that_starts_itself_ends_with_a_clear_text),
		FLOW(a_start_with_the_correlation_id_of_a_run_that_is_going_is_that_run),
		FLOW(runs_of_other_applications_may_have_the_same_correlation_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
