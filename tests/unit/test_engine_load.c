/*
 * The rules of the engine about load and about its surroundings (DESIGN.md §2: 6, 7, 8, 9, 11, 14, 15), each with a test
 * that fails without it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "lib/engine_driver.h"
#include "lib/temporary.h"
#include "lib/test_stages.h"
#include "stage/stages.h"

/* ---- stage types ------------------------------------------------------------------------------ */

static struct {
	atomic_int runs, now, most; /* tasks that ran, run, ran at once */
} seen;

static int reset(void **state)
{
	memset(&seen, 0, sizeof(seen));
	return 0;
}

/* A second on a worker, counted. */
static int second_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	int now = atomic_fetch_add(&seen.now, 1) + 1;
	int most = atomic_load(&seen.most);

	while (now > most && !atomic_compare_exchange_weak(&seen.most, &most, now))
		;
	atomic_fetch_add(&seen.runs, 1);
	int result = task_sleep(in, in->now_ms + 1000, err);

	atomic_fetch_sub(&seen.now, 1);
	return result < 0 ? -1 : task_done(out);
}

static char *one_slot(const struct task_input *in)
{
	return xstrdup("https://one.example:443");
}

static const struct stage_type second_stage = {
	.name = "second",
	.tasks = ROWS(struct task_row, { .name = "second", .run = second_run }),
};

static const struct stage_type slotted_stage = {
	.name = "slotted",
	.tasks = ROWS(struct task_row,
		{ .name = "slotted", .run = second_run, .slot = one_slot, .timeout_ms = 1500 }),
};

static const struct stage_type never_stage = {
	.name = "never",
	.tasks = ROWS(struct task_row,
		{ .name = "never", .run = second_run, .slot = one_slot, .repeat = TASK_NEVER }),
};

static const struct stage_type *const types[] = { &never_stage, &second_stage, &slotted_stage,
	&test_inline_stage, &test_stage, &wait_stage, NULL };

static void assert_status(struct driver *driver, const char *id, const char *ref, const char *expected)
{
	assert_string_equal(driver_status(driver, id, ref), expected);
}

/* ---- slots (rule 7) --------------------------------------------------------------------------- */

static void test_slots(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start_val(&driver,
		driver_many(LIMIT_HTTP_PER_ORIGIN + 1, "{\"refId\":\"#\",\"type\":\"slotted\"}"));

	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.most), LIMIT_HTTP_PER_ORIGIN);
	/* The last one ran from 1000 to 2000: the time in the queue is no task time, or its 1500 ms would be over. */
	assert_int_equal(driver_now(&driver), 2000);
	driver_close(&driver);
}

static void test_slots_pass_on_what_is_canceled(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start_val(
		&driver, driver_many(700, "{\"refId\":\"#\",\"type\":\"slotted\"}"));

	driver_pass(&driver, 100);
	const char *other = driver_start_val(
		&driver, driver_many(20, "{\"refId\":\"#\",\"type\":\"slotted\"}"));

	driver_pass(&driver, 400);
	driver_cancel(&driver, id);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "CANCELED");
	assert_int_equal(driver_now(&driver), 500); /* those in the queue come back at once, too */
	driver_wait_end(&driver, other);
	assert_status(&driver, other, NULL, "SUCCEEDED");
	assert_int_equal(driver_now(&driver), 2500);
	assert_int_equal(atomic_load(&seen.runs), LIMIT_HTTP_PER_ORIGIN + 20);
	assert_int_equal(atomic_load(&seen.most), LIMIT_HTTP_PER_ORIGIN);
	driver_close(&driver);
}

static void test_workers_are_bounded(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start_val(
		&driver, driver_many(LIMIT_WORKERS + 44, "{\"refId\":\"#\",\"type\":\"second\"}"));

	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.most), LIMIT_WORKERS);
	assert_int_equal(driver_now(&driver), 2000);
	driver_close(&driver);
}

/* ---- many at once ----------------------------------------------------------------------------- */

static void test_many_timers_at_once(void **state)
{
	enum { RUNS = 10, STAGES = 1000 };
	const char *ids[RUNS];
	struct driver driver;

	driver_open(&driver, types);
	for (size_t i = 0; i < RUNS; i++)
		ids[i] = driver_start_val(&driver,
			driver_many(STAGES, "{\"refId\":\"#\",\"type\":\"wait\",\"waitTime\":5}"));
	int64_t before = driver_metric(&driver, "gennaker_commits_total");

	for (size_t i = 0; i < RUNS; i++) {
		driver_wait_end(&driver, ids[i]);
		assert_status(&driver, ids[i], NULL, "SUCCEEDED");
		_cleanup_(val_free) struct val last = driver_stage(&driver, ids[i], "1000");

		assert_int_equal(val_get_int(last, "endTime", 0) - DRIVER_START_MS, 5001);
	}
	assert_int_equal(driver_now(&driver), 5001);
	/* One commit serves many of them. */
	assert_in_range(
		driver_metric(&driver, "gennaker_commits_total") - before, 1, RUNS * STAGES / 10);
	driver_close(&driver);
}

/* ---- fair turns (rule 6) ---------------------------------------------------------------------- */

static uint64_t end_of(struct driver *driver, const char *id)
{
	_cleanup_(val_free) struct val events = driver_events(driver, id, "run");

	return (uint64_t)val_get_int(val_at(events, val_count(events) - 1), "seq", 0);
}

/* Both wake at the same moment, the long one first. */
static void test_fair_turns(void **state)
{
	struct val long_one = driver_many(
		5000, "{\"refId\":\"#\",\"type\":\"testInline\",\"requisiteStageRefIds\":[\"@\"]}");
	struct val *stages = val_edit(&long_one, "stages");
	struct val first = val_map();
	struct driver driver;

	val_set(&first, "refId", val_string("0"));
	val_set(&first, "type", val_string("wait"));
	val_set(&first, "waitTime", val_int(1));
	val_append(stages, first);
	driver_open(&driver, types);
	const char *hog = driver_start_val(&driver, long_one);
	const char *id = driver_start(&driver, "{\"stages\":[{\"type\":\"wait\",\"waitTime\":1}]}");

	driver_wait_end(&driver, hog);
	driver_wait_end(&driver, id);
	assert_status(&driver, hog, NULL, "SUCCEEDED");
	assert_int_equal(driver_now(&driver), 1001);
	_cleanup_(val_free) struct val hog_events = driver_events(&driver, hog, "stage");
	uint64_t end = end_of(&driver, id);
	size_t before = 0, all = val_count(hog_events);

	for (size_t i = 0; i < all; i++)
		before += (uint64_t)val_get_int(val_at(hog_events, i), "seq", 0) < end;
	/* 5001 of them tell of the start; a turn is LIMIT_TURN_STEPS looks, and a stage tells of at most four things. */
	assert_in_range(before - 5001, 0, 3 * LIMIT_TURN_STEPS * 4);
	assert_true(end < end_of(&driver, hog));
	driver_close(&driver);
}

/* ---- the price of a chain (rule 14) ----------------------------------------------------------- */

/* A store that counts what is put into it, and that can be full. */
struct watched_store {
	struct store store;
	struct store_type type;
	struct store *inner;
	atomic_size_t ops;
	atomic_size_t failures;
	atomic_bool full;
};

static int watched_commit(struct store *store, const struct store_batch *batch,
	uint64_t *ret_position, struct err *err)
{
	struct watched_store *watched = (struct watched_store *)store;

	if (atomic_load(&watched->full)) {
		atomic_fetch_add(&watched->failures, 1);
		return err_set(err, ERR_UNAVAILABLE, "the disk is full");
	}
	atomic_fetch_add(&watched->ops, batch->ops.count);
	return watched->inner->type->commit(watched->inner, batch, ret_position, err);
}

static int watched_load(struct store *store, void (*found)(void *data, struct execution *owned),
	void *data, struct err *err)
{
	struct store *inner = ((struct watched_store *)store)->inner;

	return inner->type->load_active(inner, found, data, err);
}

static int watched_get(struct store *store, const char *id, struct val *ret, uint64_t *ret_position,
	struct err *err)
{
	struct store *inner = ((struct watched_store *)store)->inner;

	return inner->type->get_execution(inner, id, ret, ret_position, err);
}

static int watched_list(struct store *store, const struct execution_filter *filter,
	struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	struct store *inner = ((struct watched_store *)store)->inner;

	return inner->type->list_executions(inner, filter, ret_list, ret_position, err);
}

static int watched_pipelines(
	struct store *store, const char *application, struct val *ret_list, struct err *err)
{
	struct store *inner = ((struct watched_store *)store)->inner;

	return inner->type->list_pipelines(inner, application, ret_list, err);
}

static int watched_events(struct store *store, const char *execution_id, uint64_t after,
	size_t limit, struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	struct store *inner = ((struct watched_store *)store)->inner;

	return inner->type->read_events(
		inner, execution_id, after, limit, ret_list, ret_position, err);
}

static void watched_close(struct store *store)
{
	store_close(((struct watched_store *)store)->inner);
	free(store);
}

static struct watched_store *watched_open(struct store *inner)
{
	struct watched_store *watched = xnew(struct watched_store);

	watched->inner = inner;
	watched->type = *inner->type;
	watched->type.commit = watched_commit;
	watched->type.load_active = watched_load;
	watched->type.get_execution = watched_get;
	watched->type.list_executions = watched_list;
	watched->type.list_pipelines = watched_pipelines;
	watched->type.read_events = watched_events;
	watched->type.close = watched_close;
	watched->store.type = &watched->type;
	return watched;
}

/* What a chain of COUNT stages costs: operations of the store, and looks of the engine. */
static void chain_cost(size_t count, const char *stage, size_t *ret_ops, size_t *ret_looks)
{
	struct watched_store *store = watched_open(store_memory_open());
	struct val pipeline = driver_many(count, stage);
	struct driver driver;

	val_remove(val_edit_at(val_edit(&pipeline, "stages"), 0), "requisiteStageRefIds");
	driver_open_store(&driver, types, &store->store);
	driver_begin(&driver);
	const char *id = driver_start_val(&driver, pipeline);

	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	*ret_ops = atomic_load(&store->ops);
	*ret_looks = (size_t)driver_metric(&driver, "gennaker_looks_total");
	driver_close(&driver);
}

static void check_chain(const char *stage)
{
	size_t ops, looks, ops_of_ten, looks_of_ten;

	chain_cost(1000, stage, &ops, &looks);
	chain_cost(10000, stage, &ops_of_ten, &looks_of_ten);
	print_message("1,000: %zu operations, %zu looks; 10,000: %zu, %zu\n", ops, looks,
		ops_of_ten, looks_of_ten);
	assert_in_range(ops_of_ten, ops * 9, ops * 12);
	assert_in_range(looks_of_ten, looks * 5, looks * 15);
}

static void test_chain_inline(void **state)
{
	check_chain("{\"refId\":\"#\",\"type\":\"testInline\",\"requisiteStageRefIds\":[\"@\"]}");
}

static void test_chain_of_waits(void **state)
{
	check_chain(
		"{\"refId\":\"#\",\"type\":\"wait\",\"waitTime\":1,\"requisiteStageRefIds\":[\"@\"]}");
}

/* ---- a full disk (rule 9) --------------------------------------------------------------------- */

/* Until commits have failed a few times more. Real time passes: the store tries again every 100 ms. */
static void wait_for_failures(struct watched_store *store)
{
	size_t enough = atomic_load(&store->failures) + 2;
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 30000 && atomic_load(&store->failures) < enough; i++)
		nanosleep(&pause, NULL);
	assert_true(atomic_load(&store->failures) >= enough);
}

static void test_full_disk(void **state)
{
	struct watched_store *store = watched_open(store_memory_open());
	_cleanup_err_ struct err err = ERR_INIT;
	struct driver driver;

	driver_open_store(&driver, types, &store->store);
	driver_begin(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"type\":\"wait\",\"waitTime\":1},{\"type\":\"second\"}]}");

	driver_pass(&driver, 500);
	atomic_store(&store->full, true);
	clock_release(driver.clock); /* the wait ends, and what follows cannot be saved */
	wait_for_failures(store);
	clock_hold(driver.clock);
	assert_int_equal(driver_now(&driver), 1001);
	assert_int_equal(atomic_load(&seen.runs), 0); /* nothing is released */
	assert_status(&driver, id, "0", "RUNNING");   /* reads serve what is committed */

	struct request request = { .kind = REQUEST_CANCEL, .key = xstrdup(id) };

	assert_int_equal(driver_ask(&driver, &request, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_UNAVAILABLE);
	wait_for_failures(store);
	assert_int_equal(atomic_load(&seen.runs), 0);

	atomic_store(&store->full, false);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 1);
	assert_int_equal(driver_now(&driver), 2001);
	driver_close(&driver);
}

static void count_unavailable(void *data, struct val value, const struct err *err)
{
	if (err->kind == ERR_UNAVAILABLE)
		atomic_fetch_add((atomic_int *)data, 1);
}

/* Who asked before that was known, and waits for the commit, gets an answer too; and whoever looks at the engine. */
static void test_full_disk_answers(void **state)
{
	struct watched_store *store = watched_open(store_memory_open());
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val going = VAL_NULL;
	struct timespec pause = { .tv_nsec = 1000000 };
	atomic_int unavailable = 0;
	struct driver driver;

	driver_open_store(&driver, types, &store->store);
	driver_begin(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"type\":\"wait\",\"waitTime\":1000}]}");

	driver_pass(&driver, 500);
	atomic_store(&store->full, true);
	/* One in the batch that fails, one in the next batch, and one in the inbox, more or less. */
	for (int i = 0; i < 3; i++) {
		struct request request = {
			.kind = REQUEST_CANCEL,
			.key = xstrdup(i == 0 ? id : "none"),
			.reply = count_unavailable,
			.data = &unavailable,
		};
		if (engine_submit(driver.engine, &request, &err) < 0) {
			request_clear(&request);
			atomic_fetch_add(&unavailable, 1);
		}
	}
	for (int i = 0; i < 30000 && atomic_load(&unavailable) < 3; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(atomic_load(&unavailable), 3);
	assert_true(engine_is_stuck(driver.engine));
	struct request request = { .kind = REQUEST_STATE };

	assert_int_equal(driver_ask(&driver, &request, &going, &err), 0);
	assert_int_equal(val_count(going), 1);
	atomic_store(&store->full, false);
	driver_wait_end(&driver,
		id); /* it was kept, though its answer said that it could not be saved yet */
	assert_status(&driver, id, NULL, "CANCELED");
	assert_false(engine_is_stuck(driver.engine));
	driver_close(&driver);
}

/* ---- threads that cannot be started ----------------------------------------------------------- */

static atomic_bool no_threads;

int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data)
{
	return atomic_load(&no_threads) ? EAGAIN :
					  __real_pthread_create(thread, attributes, run, data);
}

/* The task waits, and is begun once a thread can be started: the engine tries again whenever it looks about. */
static void test_no_worker(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct driver driver;

	driver_open(&driver, types);
	atomic_store(&no_threads, true);
	const char *id = driver_start(&driver, "{\"stages\":[{\"type\":\"second\"}]}");

	for (int i = 0; i < 3; i++) {
		struct request request = { .kind = REQUEST_STATE };

		assert_int_equal(driver_ask(&driver, &request, NULL, &err), 0);
	}
	assert_status(&driver, id, "0", "RUNNING");
	atomic_store(&no_threads, false);
	struct request request = { .kind = REQUEST_STATE };

	assert_int_equal(driver_ask(&driver, &request, NULL, &err), 0);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	driver_close(&driver);
}

/* SIGTERM while the disk is full: it ends, and the next start goes on from the last commit. */
static void test_full_disk_at_the_end(void **state)
{
	struct watched_store *store = watched_open(store_memory_open());
	struct driver driver;

	driver_open_store(&driver, types, &store->store);
	driver_begin(&driver);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"type\":\"wait\",\"waitTime\":1},{\"type\":\"second\"}]}");

	driver_pass(&driver, 500);
	atomic_store(&store->full, true);
	clock_release(driver.clock);
	wait_for_failures(store);
	clock_hold(driver.clock);
	world_wake(&driver.world, "key"); /* it looks at it, and then at nothing but the store */
	wait_for_failures(store);
	driver_stop(&driver, 0);
	assert_int_equal(atomic_load(&seen.runs), 0);
	atomic_store(&store->full, false);
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_close(&driver);
}

/* ---- a slow reader (rule 11) ------------------------------------------------------------------ */

struct slow_reader {
	struct driver *driver;
	const char *other;
	size_t found;
};

/* In the middle of a read of everything: a whole run is made meanwhile. */
static void read_slowly(void *data, struct execution *owned)
{
	struct slow_reader *reader = data;

	execution_unref(owned);
	if (reader->found++ > 0)
		return;
	const char *id = driver_start(reader->driver, "{\"stages\":[{\"type\":\"second\"}]}");

	driver_wait_end(reader->driver, id);
	assert_status(reader->driver, id, NULL, "SUCCEEDED");
	assert_status(reader->driver, reader->other, "0", "RUNNING");
}

static void slow_reader(struct store *store)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct driver driver;

	driver_open_store(&driver, types, store);
	driver_begin(&driver);
	struct slow_reader reader = {
		.driver = &driver,
		.other = driver_start(&driver, "{\"stages\":[{\"type\":\"wait\",\"waitTime\":60}]}"),
	};

	driver_pass(&driver, 1);
	if (store->type->load_active(store, read_slowly, &reader, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_int_equal(reader.found, 1); /* the other run came after its read had begun */
	driver_close(&driver);
}

static void test_slow_reader(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char *directory = temporary_directory();
	struct store *store = store_sqlite_open(directory, &err);

	slow_reader(store_memory_open());
	if (!store)
		fail_msg("%s", err_text(&err));
	slow_reader(store);
	temporary_remove(directory);
}

/* ---- the inbox is bounded (rule 8) ------------------------------------------------------------ */

static atomic_int answers;

static void count_answer(void *data, struct val value, const struct err *err)
{
	atomic_fetch_add(&answers, 1);
}

/* A reply that keeps the engine thread from its inbox until this many requests have been refused. */
struct flood {
	struct driver *driver;
	int accepted, refused;
	struct err err;
};

static void flood_inbox(void *data, struct val value, const struct err *err)
{
	struct flood *flood = data;

	while (flood->refused < 3) {
		struct request request = {
			.kind = REQUEST_STATE, .key = xstrdup("none"), .reply = count_answer
		};

		err_clear(&flood->err);
		if (engine_submit(flood->driver->engine, &request, &flood->err) < 0)
			flood->refused++;
		else
			flood->accepted++;
		request_clear(&request);
	}
}

static bool all_answered(void *data)
{
	const struct flood *flood = data;

	return atomic_load(&answers) == flood->accepted;
}

static void test_inbox_is_bounded(void **state)
{
	struct driver driver;
	struct flood flood = { .driver = &driver, .err = ERR_INIT };
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_STATE, .reply = flood_inbox, .data = &flood };

	atomic_store(&answers, 0);
	driver_open(&driver, types);
	assert_int_equal(engine_submit(driver.engine, &request, &err), 0);
	struct request after = { .kind = REQUEST_STATE };

	while (driver_ask(&driver, &after, NULL, &err) < 0 ||
		!all_answered(&flood)) /* refused while it is full */
		after.kind = REQUEST_STATE;
	assert_in_range(flood.accepted, LIMIT_INBOX_MESSAGES - 2, LIMIT_INBOX_MESSAGES);
	assert_int_equal(flood.err.kind, ERR_UNAVAILABLE);
	assert_true(flood.err.retry_after_ms > 0);
	err_clear(&flood.err);
	driver_close(&driver);
}

/* ---- SIGTERM (rule 15) ------------------------------------------------------------------------ */

static void test_stop_drains(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start(
		&driver, "{\"stages\":[{\"type\":\"second\"},{\"type\":\"second\"}]}");

	driver_pass(&driver, 500);
	driver_stop(&driver, 10000);
	assert_int_equal(driver_now(&driver), 1000); /* it waited for the result, and no longer */
	assert_status(&driver, id, NULL, "RUNNING");
	assert_status(&driver, id, "0", "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 1);
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), 2); /* nothing was done twice */
	driver_close(&driver);
}

static void test_stop_has_a_limit(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start(&driver, "{\"stages\":[{\"type\":\"second\"}]}");

	driver_pass(&driver, 100);
	driver_stop(&driver, 300);
	assert_int_equal(driver_now(&driver), 400);
	assert_status(&driver, id, NULL, "RUNNING");
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	driver_close(&driver);
}

/* What waited for a slot was never begun: no reason to fail it at the next start. */
static void test_stop_takes_back_what_waits(void **state)
{
	struct driver driver;

	driver_open(&driver, types);
	const char *id = driver_start_val(&driver,
		driver_many(LIMIT_HTTP_PER_ORIGIN + 4, "{\"refId\":\"#\",\"type\":\"never\"}"));

	driver_pass(&driver, 500);
	driver_stop(&driver, 10000);
	assert_int_equal(atomic_load(&seen.runs), LIMIT_HTTP_PER_ORIGIN);
	driver_begin(&driver);
	driver_wait_end(&driver, id);
	assert_status(&driver, id, NULL, "SUCCEEDED");
	assert_int_equal(atomic_load(&seen.runs), LIMIT_HTTP_PER_ORIGIN + 4);
	driver_close(&driver);
}

static void test_stop_refuses_requests(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_STATE };
	struct driver driver;

	driver_open(&driver, types);
	driver_start(&driver, "{\"stages\":[{\"type\":\"second\"}]}");
	driver_stop(&driver, 0);
	driver_begin(&driver);
	assert_int_equal(driver_ask(&driver, &request, NULL, &err), 0);
	driver_close(&driver);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots),
		TEST(test_slots_pass_on_what_is_canceled),
		TEST(test_workers_are_bounded),
		TEST(test_many_timers_at_once),
		TEST(test_fair_turns),
		TEST(test_chain_inline),
		TEST(test_chain_of_waits),
		TEST(test_full_disk),
		TEST(test_full_disk_answers),
		TEST(test_no_worker),
		TEST(test_full_disk_at_the_end),
		TEST(test_slow_reader),
		TEST(test_inbox_is_bounded),
		TEST(test_stop_drains),
		TEST(test_stop_has_a_limit),
		TEST(test_stop_takes_back_what_waits),
		TEST(test_stop_refuses_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
