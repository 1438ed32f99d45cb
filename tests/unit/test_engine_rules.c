/*
 * The rules of the engine about tasks (DESIGN.md §2: 1, 2, 3, 4, 17), each with a test that fails without it. What needs
 * nothing but a pipeline and its end is a scenario (tests/scenario).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/alloc.h"
#include "engine/internal.h"
#include "lib/engine_driver.h"
#include "lib/test_stages.h"

/* What the stages of these tests tell their test. */
static struct {
	atomic_int runs;      /* of the task with an effect */
	atomic_int cancels;   /* of cancel steps */
	atomic_bool happened; /* what `recover` finds */
	char keys[8][128];    /* idempotency keys of the effects */
	struct engine *engine;
} seen;

static int reset(void **state)
{
	memset(&seen, 0, sizeof(seen));
	return 0;
}

/* ---- wake-ups (rule 1) ------------------------------------------------------------------------ */

/* Returns once the engine thread has handled whatever it was told before. */
static void flush_engine(struct engine *engine)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_STATE };

	if (engine_call(engine, &request, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* The key moves while the task runs, before it asks to wait for it. */
static int moved_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	if (in->task->attempts > 0)
		return task_done(out);
	world_wake((struct world *)in->world, "key");
	flush_engine(seen.engine);
	return task_wait(out, "key", in->now_ms + 50000);
}

/* Waits for the key until the context says that it is open. */
static int gate_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	atomic_fetch_add(&seen.runs, 1);
	if (val_get_bool(in->stage->context, "open", false))
		return task_done(out);
	return task_wait(out, "key", in->now_ms + val_get_int(in->stage->context, "most", 50000));
}

static const struct stage_type moved_stage = {
	.name = "moved",
	.tasks = ROWS(struct task_row, { .name = "moved", .run = moved_run }),
};

static const struct stage_type gate_stage = {
	.name = "gate",
	.tasks = ROWS(struct task_row, { .name = "gate", .run = gate_run }),
};

/* ---- effects (rules 4, 17) -------------------------------------------------------------------- */

static int effect_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	int nth = atomic_fetch_add(&seen.runs, 1);

	snprintf(seen.keys[nth], sizeof(seen.keys[nth]), "%s", in->idempotency_key);
	task_output(out, "effect", val_int(nth + 1));
	return task_done(out);
}

static int effect_recover(const struct task_input *in, struct task_result *out, struct err *err)
{
	out->status = atomic_load(&seen.happened) ? STATUS_SUCCEEDED : STATUS_NOT_STARTED;
	return 0;
}

static const struct stage_type safe_stage = {
	.name = "safe",
	.tasks = ROWS(struct task_row, { .name = "effect", .run = effect_run, .repeat = TASK_SAFE }),
};

static const struct stage_type never_stage = {
	.name = "never",
	.tasks = ROWS(struct task_row, { .name = "effect", .run = effect_run, .repeat = TASK_NEVER }),
};

static const struct stage_type checked_stage = {
	.name = "checked",
	.tasks = ROWS(struct task_row,
		{
			.name = "effect",
			.run = effect_run,
			.repeat = TASK_AFTER_CHECK,
			.recover = effect_recover,
		}),
};

/* ---- cancel and timeout (rule 3) -------------------------------------------------------------- */

/* Does not look at its flag. */
static int stubborn_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct cancel *never = cancel_new();
	int result = cancel_sleep(never, in->world->clock, in->now_ms + 5000, err);

	cancel_unref(never);
	task_context(out, "brought", val_int(1));
	task_status(out,
		val_get_bool(in->stage->context, "again", false) ? STATUS_RUNNING : STATUS_SUCCEEDED);
	return result;
}

static int long_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	return task_sleep(in, in->now_ms + 60000, err);
}

/* Cleans up for as long as the context says, or until its own flag is set. */
static int long_cancel(const struct task_input *in, struct task_result *out, struct err *err)
{
	int64_t ms = val_get_int(in->stage->context, "cleaning", 0);

	atomic_fetch_add(&seen.cancels, 1);
	task_context(out, "flagged", val_bool(cancel_is_set(in->cancel)));
	if (ms > 0 && task_sleep(in, in->now_ms + ms, err) < 0)
		task_context(out, "interrupted", val_bool(true));
	task_output(out, "cleaned", val_bool(true));
	return 0;
}

static const struct stage_type stubborn_stage = {
	.name = "stubborn",
	.tasks = ROWS(struct task_row, { .name = "stubborn", .run = stubborn_run }),
};

static const struct stage_type long_stage = {
	.name = "long",
	.tasks = ROWS(struct task_row, { .name = "long", .run = long_run, .cancel = long_cancel }),
};

static const struct stage_type *const types[] = {
	&checked_stage,
	&gate_stage,
	&long_stage,
	&moved_stage,
	&never_stage,
	&safe_stage,
	&stubborn_stage,
	&test_stage,
	NULL,
};

/* ---- the tests -------------------------------------------------------------------------------- */

static void open_driver(struct driver *driver)
{
	driver_open(driver, types);
	seen.engine = driver->engine;
}

static void assert_status(struct driver *driver, const char *id, const char *ref, const char *expected)
{
	assert_string_equal(driver_status(driver, id, ref), expected);
}

static int64_t context_int(struct driver *driver, const char *id, const char *key)
{
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "1");

	return val_get_int(val_get(stage, "context"), key, -1);
}

static bool context_bool(struct driver *driver, const char *id, const char *key)
{
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, "1");

	return val_get_bool(val_get(stage, "context"), key, false);
}

static void test_wake_before_wait(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"moved\"}]}");

	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(driver_now(&driver), 0);
	driver_close(&driver);
}

static void test_wake_while_waiting(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"gate\"}]}");

	driver_pass(&driver, 1000);
	assert_int_equal(atomic_load(&seen.runs), 1);
	world_wake(&driver.world, "another key");
	driver_pass(&driver, 1000);
	assert_int_equal(atomic_load(&seen.runs), 1);
	world_wake(&driver.world, "key"); /* too early: it looks, and waits again */
	driver_pass(&driver, 1000);
	assert_int_equal(atomic_load(&seen.runs), 2);
	driver_patch(&driver, id, "1", "{\"open\":true}"); /* a PATCH counts as a wake-up */
	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 3000);
	assert_int_equal(atomic_load(&seen.runs), 3);
	driver_close(&driver);
}

/* Without a wake-up it looks at its own time, and at least once in LIMIT_WAIT_MS. */
static void test_wait_has_a_deadline(void **state)
{
	struct driver driver;

	open_driver(&driver);
	driver_start(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"gate\",\"most\":20000}]}");
	driver_pass(&driver, 19999);
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_pass(&driver, 2);
	assert_int_equal(atomic_load(&seen.runs), 2);
	driver_close(&driver);

	reset(state);
	open_driver(&driver);
	driver_start(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"gate\",\"most\":9999999}]}");
	driver_pass(&driver, LIMIT_WAIT_MS - 1);
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_pass(&driver, 2);
	assert_int_equal(atomic_load(&seen.runs), 2);
	driver_close(&driver);
}

/* The key may have moved while the process was down. */
static void test_wait_for_key_after_restart(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"gate\"}]}");

	driver_pass(&driver, 1000);
	driver_crash(&driver);
	driver_begin(&driver);
	driver_pass(&driver, 1);
	assert_int_equal(atomic_load(&seen.runs), 2);
	driver_patch(&driver, id, "1", "{\"open\":true}");
	driver_wait_end(&driver, id);
	driver_close(&driver);
}

/* ---- results (rule 2) */

struct forged {
	struct driver *driver;
	const char *id;
	uint64_t dispatch;
};

/* On the engine thread: a result that nobody waits for. */
static void forge(void *data, struct val value, const struct err *err)
{
	struct forged *forged = data;
	struct job *job = xnew(struct job);

	job->kind = JOB_TASK;
	job->engine = forged->driver->engine;
	snprintf(job->execution_id, sizeof(job->execution_id), "%s", forged->id);
	job->dispatch = forged->dispatch;
	job->cancel = cancel_new();
	task_context(&job->result, "forged", val_bool(true));
	job->result.status = STATUS_SUCCEEDED;
	job_track(job->engine, job);

	struct message *message = xnew(struct message);

	message->kind = MESSAGE_RESULT;
	message->job = job;
	inbox_push(job->engine, message);
}

static void send_forged(struct forged *forged)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_STATE, .reply = forge, .data = forged };

	assert_int_equal(engine_submit(forged->driver->engine, &request, &err), 0);
	flush_engine(forged->driver->engine); /* the reply, then the result */
	flush_engine(forged->driver->engine);
}

static void test_wrong_results_are_dropped(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"stubborn\"}]}");
	struct forged other_dispatch = { &driver, id, 999999 };
	struct forged other_run = { &driver, "01HGW2BBG0N0SVCHRVN0000000", 1 };

	driver_pass(&driver, 1000);
	send_forged(&other_dispatch);
	send_forged(&other_run);
	assert_int_equal(driver_metric(&driver, "gennaker_results_dropped_total"), 2);
	assert_status(&driver, id, "1", "RUNNING");
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(driver_now(&driver), 5000);
	assert_int_equal(context_int(&driver, id, "brought"), 1);
	assert_false(context_bool(&driver, id, "forged"));
	_cleanup_(val_free) struct val dropped = driver_events(&driver, id, "dropped");

	assert_int_equal(val_count(dropped), 1);
	driver_close(&driver);
}

static void test_patch_during_flight_wins(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"test\",\"first\":"
		"{\"delay\":1000,\"context\":{\"both\":1,\"task\":1}}}]}");

	driver_pass(&driver, 500);
	driver_patch(&driver, id, "1", "{\"both\":2,\"user\":2}");
	driver_wait_end(&driver, id);
	assert_int_equal(context_int(&driver, id, "both"), 2);
	assert_int_equal(context_int(&driver, id, "user"), 2);
	assert_int_equal(context_int(&driver, id, "task"), 1);
	driver_close(&driver);
}

/* The user's word of an earlier dispatch binds no later one. */
static void test_patch_binds_one_dispatch(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"test\",\"first\":{\"delay\":1000},"
		"\"second\":{\"delay\":1000,\"context\":{\"both\":1}}}]}");

	driver_pass(&driver, 500);
	driver_patch(&driver, id, "1", "{\"both\":2}");
	driver_wait_end(&driver, id);
	assert_int_equal(context_int(&driver, id, "both"), 1);
	driver_close(&driver);
}

/* ---- cancel and timeout (rule 3) */

static void test_cancel_waits_for_the_call(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"stubborn\",\"again\":true},"
		"{\"refId\":\"2\",\"type\":\"test\",\"requisiteStageRefIds\":[\"1\"]}]}");

	driver_pass(&driver, 1000);
	driver_cancel(&driver, id);
	driver_pass(&driver, 3000);
	assert_status(&driver, id, "1", "RUNNING");
	assert_status(&driver, id, NULL, "RUNNING");
	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 5000);
	assert_status(&driver, id, NULL, "CANCELED");
	assert_status(&driver, id, "1", "CANCELED");
	assert_status(&driver, id, "2", "NOT_STARTED");
	assert_int_equal(context_int(&driver, id, "brought"), 1); /* merged all the same */
	driver_close(&driver);
}

static void test_timeout_waits_for_the_call(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"stubborn\",\"again\":true,\"stageTimeoutMs\":2000}]}");

	driver_pass(&driver, 4000);
	assert_status(&driver, id, "1", "RUNNING");
	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 5000);
	assert_status(&driver, id, "1", "TERMINAL");
	assert_int_equal(context_int(&driver, id, "brought"), 1);
	driver_close(&driver);
}

static void test_cancel_step(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"long\",\"cleaning\":2000}]}");

	driver_pass(&driver, 1000);
	driver_cancel(&driver, id);
	driver_pass(&driver, 1000);
	assert_status(&driver, id, "1", "RUNNING");
	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 3000);
	assert_status(&driver, id, "1", "CANCELED");
	assert_int_equal(atomic_load(&seen.cancels), 1);
	assert_false(context_bool(&driver, id, "flagged"));
	assert_false(context_bool(&driver, id, "interrupted"));
	driver_close(&driver);
}

/* Its own deadline: 30 s. */
static void test_cancel_step_has_a_deadline(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"long\",\"cleaning\":3600000}]}");

	driver_pass(&driver, 1000);
	driver_cancel(&driver, id);
	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 31000);
	assert_true(context_bool(&driver, id, "interrupted"));
	driver_close(&driver);
}

/* After a timeout, too; and the stage fails of the timeout. */
static void test_cancel_step_after_timeout(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"long\",\"cleaning\":500,\"stageTimeoutMs\":2000}]}");

	driver_wait_end(&driver, id);
	assert_int_equal(driver_now(&driver), 2500);
	assert_status(&driver, id, "1", "TERMINAL");
	assert_int_equal(atomic_load(&seen.cancels), 1);
	_cleanup_(val_free) struct val stage = driver_stage(&driver, id, "1");

	assert_true(val_get_bool(val_get(stage, "outputs"), "cleaned", false));
	assert_non_null(
		strstr(val_get_text(val_path(stage, "context.exception.details"), "error", ""),
			"timed out"));
	driver_close(&driver);
}

/* Committed once, it is not done again; interrupted, it is. */
static void test_cancel_step_and_crash(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"long\",\"cleaning\":2000}]}");

	driver_pass(&driver, 1000);
	driver_cancel(&driver, id);
	driver_pass(&driver, 1000);
	driver_crash(&driver);
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, "1", "CANCELED");
	assert_int_equal(atomic_load(&seen.cancels), 2);
	driver_close(&driver);
}

/* ---- interrupted tasks (rules 4, 17) */

/* Dies after NTH commits, or before the result when that is 0; and goes on. */
static const char *interrupt(struct driver *driver, const char *json, uint64_t commits)
{
	driver_open_store(driver, types, store_memory_open());
	driver->setup.crash_after_commit = commits;
	driver->setup.crash_before_result = commits ? 0 : 1;
	driver_begin(driver);
	const char *id = driver_start(driver, json);

	assert_false(driver_wait_end(driver, id));
	driver_crash(driver);
	driver_begin(driver);
	driver_wait_end(driver, id);
	return id;
}

static void test_interrupted_safe(void **state)
{
	struct driver driver;
	const char *id = interrupt(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"safe\"}]}", 0);

	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 2);
	assert_string_equal(seen.keys[0], seen.keys[1]);
	assert_int_not_equal(strlen(seen.keys[0]), 0);
	driver_close(&driver);
}

static void test_interrupted_never(void **state)
{
	struct driver driver;
	const char *id = interrupt(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"never\"}]}", 0);

	assert_status(&driver, id, "1", "TERMINAL");
	assert_int_equal(atomic_load(&seen.runs), 1);
	_cleanup_(val_free) struct val stage = driver_stage(&driver, id, "1");

	assert_non_null(
		strstr(val_get_text(val_path(stage, "context.exception.details"), "error", ""),
			"cannot be told whether it took effect"));
	driver_close(&driver);
}

static void test_interrupted_after_check(void **state)
{
	struct driver driver;

	atomic_store(&seen.happened, true);
	const char *id = interrupt(
		&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"checked\"}]}", 0);

	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_close(&driver);

	reset(state);
	id = interrupt(&driver, "{\"stages\":[{\"refId\":\"1\",\"type\":\"checked\"}]}", 0);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 2);
	assert_string_equal(seen.keys[0], seen.keys[1]);
	driver_close(&driver);
}

/* The mark of the first task binds the second one as little as a repeated start does. */
static void test_interrupted_second_task(void **state)
{
	struct driver driver;

	open_driver(&driver);
	const char *id = driver_start(&driver,
		"{\"stages\":[{\"refId\":\"1\",\"type\":\"never\"},"
		"{\"refId\":\"2\",\"type\":\"test\",\"first\":{\"delay\":5000},\"requisiteStageRefIds\":[\"1\"]}]}");

	driver_pass(&driver, 1000);
	driver_crash(&driver);
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_close(&driver);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wake_before_wait),
		TEST(test_wake_while_waiting),
		TEST(test_wait_has_a_deadline),
		TEST(test_wait_for_key_after_restart),
		TEST(test_wrong_results_are_dropped),
		TEST(test_patch_during_flight_wins),
		TEST(test_patch_binds_one_dispatch),
		TEST(test_cancel_waits_for_the_call),
		TEST(test_timeout_waits_for_the_call),
		TEST(test_cancel_step),
		TEST(test_cancel_step_has_a_deadline),
		TEST(test_cancel_step_after_timeout),
		TEST(test_cancel_step_and_crash),
		TEST(test_interrupted_safe),
		TEST(test_interrupted_never),
		TEST(test_interrupted_after_check),
		TEST(test_interrupted_second_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
