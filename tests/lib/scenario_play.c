#include "lib/scenario_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/limits.h"

#define EXECUTION_ID "01HGW2BBG0SCENAR10000000AA"
#define SECOND_ID "01HGW2BBG0SCENAR10000000BB"
#define END_OF_TIME_MS (INT64_C(30) * 24 * 3600 * 1000)

/* One play: the outside world, which outlives each life of the process, and how far the driver is. */
struct play {
	const struct scenario *scenario;
	const struct variant *variant;
	struct outcome *outcome;
	struct clock *clock;
	struct store *store;
	struct url_policy policy;
	struct engine *engine;
	struct val actions;
	size_t next_action;
	unsigned tries;
	bool started;
	bool dead; /* this life */
	/* Something has been committed, or the engine has died: look. */
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool told;
};

void outcome_clear(struct outcome *outcome)
{
	val_free(&outcome->execution);
	val_free(&outcome->events);
	val_free(&outcome->state);
	val_free(&outcome->cluster);
	free(outcome->refused);
	free(outcome->complaint);
	if (outcome->script)
		http_script_free(outcome->script);
	memset(outcome, 0, sizeof(*outcome));
}

static void hear(void *data, uint64_t position)
{
	struct play *play = data;

	pthread_mutex_lock(&play->mutex);
	if (!play->told)
		clock_hold(play->clock);
	play->told = true;
	pthread_cond_signal(&play->condition);
	pthread_mutex_unlock(&play->mutex);
}

/* Waits, with the driver's hold, until something is told (false: look, and come again) or the time has come (true). */
static bool wait_until(struct play *play, int64_t until_ms)
{
	pthread_mutex_lock(&play->mutex);
	while (!play->told)
		if (clock_wait(play->clock, &play->condition, &play->mutex, until_ms))
			break;
	bool told = play->told;

	if (told)
		clock_release(play->clock);
	play->told = false;
	pthread_mutex_unlock(&play->mutex);
	play->dead = engine_is_dead(play->engine);
	return !told;
}

static struct val read_execution(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val execution = VAL_NULL;
	uint64_t position;

	if (play->store->type->get_execution(
		    play->store, EXECUTION_ID, &execution, &position, &err) < 0 &&
		err.kind != ERR_NOT_FOUND)
		fail_msg("%s", err_text(&err));
	return execution;
}

static bool is_complete(struct play *play)
{
	_cleanup_(val_free) struct val execution = read_execution(play);
	struct val status = val_get(execution, "status");
	enum status parsed;

	return status_parse(val_as_str(&status), &parsed) && status_is_complete(parsed);
}

/* ---- requests --------------------------------------------------------------------------------- */

static struct val pipeline_of(const struct scenario *scenario)
{
	struct val pipeline = val_ref(val_get(scenario->document, "pipeline"));

	if (!val_has(pipeline, "application") && val_is_map(pipeline))
		val_set(&pipeline, "application", val_string("scenario"));
	if (!val_has(pipeline, "name") && val_is_map(pipeline))
		val_set(&pipeline, "name", val_string("scenario"));
	return pipeline;
}

/* 0, or -1 with the error; in a life that died meanwhile the answer means nothing. */
static int ask(struct play *play, struct request *request, struct err *err)
{
	int result = engine_call(play->engine, request, NULL, err);

	request_clear(request);
	play->dead = engine_is_dead(play->engine);
	return result;
}

static int ask_start(struct play *play, const char *id, struct err *err)
{
	struct request request = {
		.kind = REQUEST_START,
		.id = xstrdup(id),
		.user = xstrdup("tester"),
		.value = pipeline_of(play->scenario),
		.trigger = val_ref(val_get(play->scenario->document, "trigger")),
	};

	return ask(play, &request, err);
}

static void start(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val there = read_execution(play);

	play->started = true;
	if (!val_is_null(there))
		return; /* it was committed, only the answer was lost */
	if (ask_start(play, EXECUTION_ID, &err) == 0)
		return;
	if (play->dead)
		play->started = false;
	else
		play->outcome->refused = xstrdup(err_text(&err));
}

/* The id of the stage whose refId (or name) is REF. */
static char *stage_id(struct play *play, struct val ref)
{
	_cleanup_(val_free) struct val execution = read_execution(play);
	struct val stages = val_get(execution, "stages");
	_cleanup_(val_free) struct val text = val_ref(ref);
	int64_t number;

	if (val_as_int(ref, &number))
		val_replace(&text, val_format("%lld", (long long)number));
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);

		if (strcmp(val_get_text(stage, "refId", ""), val_text(&text)) == 0 ||
			strcmp(val_get_text(stage, "name", ""), val_text(&text)) == 0)
			return xstrdup(val_get_text(stage, "id", ""));
	}
	return xstrdup("none");
}

static int act(struct play *play, struct val action, struct err *err)
{
	const char *user = val_get_text(action, "user", "tester");
	struct request request = { .key = xstrdup(EXECUTION_ID), .user = xstrdup(user) };

	if (val_has(action, "start")) {
		request_clear(&request);
		return ask_start(play, SECOND_ID, err);
	}
	if (val_has(action, "cancel")) {
		request.kind = REQUEST_CANCEL;
		request.reason = xstrdup(val_get_text(action, "cancel", ""));
	} else {
		request.kind = REQUEST_PATCH_STAGE;
		request.stage_id = stage_id(play, val_get(action, "stage"));
		request.value = val_ref(val_get(action, "patch"));
	}
	return ask(play, &request, err);
}

static void do_action(struct play *play, struct val action)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *refused = val_get_text(action, "refused", NULL);
	int result = act(play, action, &err);

	if (play->dead && ++play->tries < 3)
		return; /* done again in the next life, but not for ever where each life dies of it */
	play->tries = 0;
	play->next_action++;
	if (play->dead)
		return;
	bool again = play->outcome->lives > 1; /* it may have been committed already */
	bool fits = refused ? result < 0 && strstr(err_text(&err), refused) : result == 0;

	if (!fits && !again && !play->outcome->complaint)
		play->outcome->complaint = xasprintf("action %zu: expected %s, got %s",
			play->next_action, refused ? refused : "no error",
			result < 0 ? err_text(&err) : "no error");
}

static void keep_state(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct request request = { .kind = REQUEST_STATE };

	engine_call(play->engine, &request, &play->outcome->state, &err);
	request_clear(&request);
}

/* ---- one life --------------------------------------------------------------------------------- */

/* What a user does in this life, until the run is over or the process dies. True when all is over. */
static bool drive(struct play *play)
{
	if (!play->started)
		start(play);
	while (!play->dead && play->next_action < val_count(play->actions)) {
		struct val action = val_at(play->actions, play->next_action);

		if (wait_until(play, SCENARIO_START_MS + val_get_int(action, "at", 0)))
			do_action(play, action);
	}
	while (!play->dead && !play->outcome->refused && !is_complete(play)) {
		if (!wait_until(play, SCENARIO_START_MS + END_OF_TIME_MS))
			continue;
		play->outcome->hangs = true;
		keep_state(play);
		return true;
	}
	return !play->dead;
}

static bool live(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct scenario_setup *setup = play->scenario->setup;
	bool first = play->outcome->lives++ == 0;
	struct world world = {
		.clock = play->clock,
		.http = http_script_transport(play->outcome->script),
		.url_policy = &play->policy,
	};
	struct engine_setup engine_setup = {
		.world = &world,
		.store = play->store,
		.registry = setup->registry,
		.seed = play->outcome->lives,
	};
	bool crashes = first || play->variant->crash_always;

	engine_setup.crash_after_commit = crashes ? play->variant->crash_after_commit : 0;
	engine_setup.crash_before_result = crashes ? play->variant->crash_before_result : 0;
	void *opened = setup->open ? setup->open(&world, play->scenario->document) : NULL;

	play->dead = false;
	play->engine = engine_start(&engine_setup, &err);
	if (!play->engine)
		fail_msg("%s", err_text(&err));
	engine_on_commit(play->engine, hear, play);
	play->dead = engine_is_dead(play->engine); /* before it could be heard */
	bool over = drive(play);

	engine_on_commit(play->engine, NULL, NULL);
	if (over)
		engine_stop(play->engine, 0);
	else
		engine_crash(play->engine);
	if (setup->close)
		setup->close(&world, opened);
	pthread_mutex_lock(&play->mutex);
	if (play->told)
		clock_release(play->clock);
	play->told = false;
	pthread_mutex_unlock(&play->mutex);
	return over;
}

static struct store *open_store(const struct variant *variant)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct store *store = variant->directory ? store_sqlite_open(variant->directory, &err) :
						   store_memory_open();

	if (!store)
		fail_msg("%s", err_text(&err));
	return store;
}

static void read_outcome(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position;

	play->outcome->execution = read_execution(play);
	if (play->store->type->read_events(play->store, EXECUTION_ID, 0, LIMIT_LIST_ROWS,
		    &play->outcome->events, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* Where a server is looked at, starting again takes a second: else each life would see the same, for ever. */
static void restart(struct play *play)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct cancel *never = cancel_new();

	if (play->variant->crash_always && play->scenario->setup->server_new)
		cancel_sleep(never, play->clock, clock_now_ms(play->clock) + 1000, &err);
	cancel_unref(never);
	if (!play->variant->directory)
		return;
	store_close(play->store);
	play->store = open_store(play->variant);
}

void scenario_play(const struct scenario *scenario, const struct variant *variant, struct outcome *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const struct scenario_setup *setup = scenario->setup;
	void *server = NULL;
	struct play play = {
		.scenario = scenario,
		.variant = variant,
		.outcome = ret,
		.actions = val_get(scenario->document, "actions"),
		.clock = clock_virtual(SCENARIO_START_MS),
	};

	memset(ret, 0, sizeof(*ret));
	if (getenv("SCENARIO_VERBOSE"))
		print_message("  %s\n", variant->name);
	pthread_mutex_init(&play.mutex, NULL);
	clock_condition_init(&play.condition);
	if (url_policy_read(val_get(scenario->document, "settings"), &play.policy, &err) < 0)
		fail_msg("settings: %s", err_text(&err));
	ret->script = http_script_new(play.clock, scenario->steps);
	if (setup->server_new) {
		server = setup->server_new(play.clock, scenario->document);
		http_script_serve(ret->script, setup->server_serve, server);
	}
	if (variant->crash_after_commit || variant->crash_before_result || variant->fault_nth)
		http_script_allow_repeats(ret->script);
	http_script_fault(ret->script, variant->fault_nth, variant->fault, variant->fault_after);
	play.store = open_store(variant);
	clock_hold(play.clock); /* the driver's */
	while (!live(&play) && ret->lives < 1000)
		restart(&play);
	read_outcome(&play);
	if (setup->server_new) {
		ret->cluster = setup->server_state(server);
		setup->server_free(server);
	}
	clock_release(play.clock);
	store_close(play.store);
	url_policy_free(&play.policy);
	clock_free(play.clock);
	pthread_cond_destroy(&play.condition);
	pthread_mutex_destroy(&play.mutex);
}
