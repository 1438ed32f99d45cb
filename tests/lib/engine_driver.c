#include "lib/engine_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"

#define END_OF_TIME_MS (INT64_C(30) * 24 * 3600 * 1000)

static void hear(void *data, uint64_t position)
{
	struct driver *driver = data;

	pthread_mutex_lock(&driver->mutex);
	if (!driver->told)
		clock_hold(driver->clock);
	driver->told = true;
	pthread_cond_signal(&driver->condition);
	pthread_mutex_unlock(&driver->mutex);
}

/* Waits until something is told (false) or the time has come (true). */
static bool wait_until(struct driver *driver, int64_t until_ms)
{
	pthread_mutex_lock(&driver->mutex);
	while (!driver->told)
		if (clock_wait(driver->clock, &driver->condition, &driver->mutex, until_ms))
			break;
	bool told = driver->told;

	if (told)
		clock_release(driver->clock);
	driver->told = false;
	pthread_mutex_unlock(&driver->mutex);
	return !told;
}

static void hear_no_more(struct driver *driver)
{
	engine_on_commit(driver->engine, NULL, NULL);
	pthread_mutex_lock(&driver->mutex);
	if (driver->told)
		clock_release(driver->clock);
	driver->told = false;
	pthread_mutex_unlock(&driver->mutex);
}

void driver_open_store(
	struct driver *driver, const struct stage_type *const *types, struct store *store)
{
	memset(driver, 0, sizeof(*driver));
	driver->clock = clock_virtual(DRIVER_START_MS);
	driver->store = store;
	driver->registry.types = types;
	driver->world.clock = driver->clock;
	driver->setup = (struct engine_setup){ .seed = 1 };
	pthread_mutex_init(&driver->mutex, NULL);
	clock_condition_init(&driver->condition);
	clock_hold(driver->clock);
}

void driver_begin(struct driver *driver)
{
	_cleanup_err_ struct err err = ERR_INIT;

	driver->setup.world = &driver->world;
	driver->setup.store = driver->store;
	driver->setup.registry = &driver->registry;
	driver->setup.seed++;
	driver->engine = engine_start(&driver->setup, &err);
	if (!driver->engine)
		fail_msg("%s", err_text(&err));
	engine_on_commit(driver->engine, hear, driver);
}

void driver_open(struct driver *driver, const struct stage_type *const *types)
{
	driver_open_store(driver, types, store_memory_open());
	driver_begin(driver);
}

void driver_crash(struct driver *driver)
{
	hear_no_more(driver);
	engine_crash(driver->engine);
	driver->engine = NULL;
	driver->setup.crash_after_commit = driver->setup.crash_before_result = 0;
}

void driver_stop(struct driver *driver, int drain_ms)
{
	hear_no_more(driver);
	engine_stop_begin(driver->engine, drain_ms); /* before time may pass */
	clock_release(driver->clock);
	engine_stop(driver->engine, drain_ms);
	clock_hold(driver->clock);
	driver->engine = NULL;
}

void driver_close(struct driver *driver)
{
	if (driver->engine)
		driver_stop(driver, 0);
	clock_release(driver->clock);
	store_close(driver->store);
	clock_free(driver->clock);
	pthread_cond_destroy(&driver->condition);
	pthread_mutex_destroy(&driver->mutex);
}

/* ---- asking ----------------------------------------------------------------------------------- */

int driver_ask(struct driver *driver, struct request *request, struct val *ret, struct err *err)
{
	int result = engine_call(driver->engine, request, ret, err);

	request_clear(request);
	return result;
}

static void must_ask(struct driver *driver, struct request *request, struct val *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (driver_ask(driver, request, ret, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static struct val parsed(const char *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	if (json_parse(str_of(json), NULL, NULL, &value, &err) < 0)
		fail_msg("%s: %s", json, err_text(&err));
	return value;
}

const char *driver_start_val(struct driver *driver, struct val pipeline)
{
	struct request request = { .kind = REQUEST_START, .value = pipeline };
	_cleanup_(val_free) struct val reply = VAL_NULL;
	char *id = driver->ids[driver->id_count++ % 64];

	if (!val_has(pipeline, "application"))
		val_set(&request.value, "application", val_string("test"));
	must_ask(driver, &request, &reply);
	snprintf(id, sizeof(driver->ids[0]), "%s", val_get_text(reply, "id", ""));
	return id;
}

const char *driver_start(struct driver *driver, const char *json)
{
	return driver_start_val(driver, parsed(json));
}

void driver_cancel(struct driver *driver, const char *id)
{
	struct request request = {
		.kind = REQUEST_CANCEL, .key = xstrdup(id), .reason = xstrdup("a test")
	};

	must_ask(driver, &request, NULL);
}

void driver_patch(struct driver *driver, const char *id, const char *ref, const char *json)
{
	_cleanup_(val_free) struct val stage = driver_stage(driver, id, ref);
	struct request request = {
		.kind = REQUEST_PATCH_STAGE,
		.key = xstrdup(id),
		.stage_id = xstrdup(val_get_text(stage, "id", "")),
		.value = parsed(json),
	};

	must_ask(driver, &request, NULL);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

void driver_pass(struct driver *driver, int64_t ms)
{
	int64_t until = clock_now_ms(driver->clock) + ms;

	while (!wait_until(driver, until))
		;
}

int64_t driver_now(struct driver *driver)
{
	return clock_now_ms(driver->clock) - DRIVER_START_MS;
}

static bool is_complete(struct driver *driver, const char *id)
{
	enum status status;

	return status_parse(str_of(driver_status(driver, id, NULL)), &status) &&
		status_is_complete(status);
}

bool driver_wait_end(struct driver *driver, const char *id)
{
	/* A look costs as much as the pipeline is large. One is worth it when a run has ended, and then with the commits that
	 * follow: one may have been told already, one may be on its way, the next one holds the end. */
	int64_t ended = -1;
	int looks = 0;

	for (;;) {
		int64_t now = driver_metric(driver, "gennaker_runs_completed_total");

		looks = now != ended ? 5 : looks - 1;
		ended = now;
		if (looks > 0 && is_complete(driver, id))
			return true;
		if (engine_is_dead(driver->engine))
			return false;
		if (wait_until(driver, DRIVER_START_MS + END_OF_TIME_MS))
			fail_msg("run %s hangs", id);
	}
}

void driver_wait_until(struct driver *driver, bool (*is_true)(void *data), void *data)
{
	while (!is_true(data))
		if (wait_until(driver, DRIVER_START_MS + END_OF_TIME_MS))
			fail_msg("what was waited for does not come");
}

/* ---- looking ---------------------------------------------------------------------------------- */

struct val driver_execution(struct driver *driver, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val execution;
	uint64_t position;

	if (driver->store->type->get_execution(driver->store, id, &execution, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	return execution;
}

struct val driver_stage(struct driver *driver, const char *id, const char *ref)
{
	_cleanup_(val_free) struct val execution = driver_execution(driver, id);
	struct val stages = val_get(execution, "stages");

	for (size_t i = 0; i < val_count(stages); i++)
		if (strcmp(val_get_text(val_at(stages, i), "refId", ""), ref) == 0)
			return val_ref(val_at(stages, i));
	fail_msg("no stage %s", ref);
	return VAL_NULL;
}

/* Without the stages, of which there may be thousands. */
static struct val head_of(struct driver *driver, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	const char *const ids[] = { id, NULL };
	struct execution_filter filter = { .ids = ids, .without_stages = true };
	uint64_t position;

	if (driver->store->type->list_executions(driver->store, &filter, &list, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	return val_ref(val_at(list, 0));
}

const char *driver_status(struct driver *driver, const char *id, const char *ref)
{
	_cleanup_(val_free) struct val what = ref ? driver_stage(driver, id, ref) :
						    head_of(driver, id);
	struct val text = val_get(what, "status");
	enum status status;

	return status_parse(val_as_str(&text), &status) ? status_name(status) : "?";
}

int64_t driver_metric(struct driver *driver, const char *name)
{
	_cleanup_(val_free) struct val metrics = engine_metrics(driver->engine);

	return val_get_int(metrics, name, -1);
}

struct val driver_events(struct driver *driver, const char *id, const char *kind)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val found = val_list();
	uint64_t after = 0, position;

	for (bool more = true; more;) {
		_cleanup_(val_free) struct val page = VAL_NULL;

		if (driver->store->type->read_events(
			    driver->store, id, after, 0, &page, &position, &err) < 0)
			fail_msg("%s", err_text(&err));
		for (size_t i = 0; i < val_count(page); i++) {
			struct val event = val_at(page, i);

			after = (uint64_t)val_get_int(event, "seq", 0);
			if (strcmp(val_get_text(event, "event", ""), kind) == 0)
				val_append(&found, val_ref(event));
		}
		more = val_count(page) > 0;
	}
	return found;
}

struct val driver_many(size_t count, const char *json)
{
	struct val pipeline = val_map(), stages = val_list();

	for (size_t i = 1; i <= count; i++) {
		_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);

		for (const char *c = json; *c; c++) {
			if (*c == '#' || *c == '@')
				strbuf_printf(&text, "%zu", *c == '#' ? i : i - 1);
			else
				strbuf_add_char(&text, *c);
		}
		val_append(&stages, parsed(text.bytes));
	}
	val_set(&pipeline, "stages", stages);
	return pipeline;
}
