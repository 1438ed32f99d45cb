/*
 * Drives an engine from a test, on a virtual clock and a store in memory (or another). The test's thread holds the clock,
 * so that time passes only inside driver_pass, driver_wait_end and driver_wait_until. What goes wrong is a cmocka failure.
 *
 *	struct driver driver;
 *	driver_open(&driver, types);                 // a NULL-terminated table of stage types
 *	const char *id = driver_start(&driver, "{\"stages\": […]}");
 *	driver_pass(&driver, 500);
 *	driver_cancel(&driver, id);
 *	driver_wait_end(&driver, id);
 *	assert_string_equal(driver_status(&driver, id, "1"), "CANCELED");
 *	driver_close(&driver);
 */
#ifndef LIB_ENGINE_DRIVER_H
#define LIB_ENGINE_DRIVER_H

#include "engine/engine.h"

#define DRIVER_START_MS INT64_C(1700000000000)

struct driver {
	struct clock *clock;
	struct store *store;
	struct stage_registry registry;
	struct world world;
	struct engine *engine;
	struct engine_setup setup; /* may be changed before driver_begin: crash points */
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool told;
	char ids[64][32]; /* of runs, so that callers need not free them */
	size_t id_count;
};

void driver_open(struct driver *driver, const struct stage_type *const *types);
/* The same on STORE (taken), and without an engine: driver_begin starts it. */
void driver_open_store(
	struct driver *driver, const struct stage_type *const *types, struct store *store);
void driver_begin(struct driver *driver);
void driver_crash(struct driver *driver);              /* kill -9; driver_begin goes on */
void driver_stop(struct driver *driver, int drain_ms); /* SIGTERM; time may pass; driver_begin goes on */
void driver_close(struct driver *driver);

/* Starts the pipeline (JSON) and gives the id of the run. */
const char *driver_start(struct driver *driver, const char *json);
const char *driver_start_val(struct driver *driver, struct val pipeline /* taken */);
/* 0, or -1 with the error. *RET may be NULL. Clears the request. */
int driver_ask(struct driver *driver, struct request *request, struct val *ret, struct err *err);
void driver_cancel(struct driver *driver, const char *id);
/* PATCH of the stage with this refId. */
void driver_patch(struct driver *driver, const char *id, const char *ref, const char *json);

/* Lets MS of virtual time pass. */
void driver_pass(struct driver *driver, int64_t ms);
/* Waits until the run is complete, or the engine has died of its crash point: then false. */
bool driver_wait_end(struct driver *driver, const char *id);
/* Waits until IS_TRUE, which is asked after each commit. */
void driver_wait_until(struct driver *driver, bool (*is_true)(void *data), void *data);
int64_t driver_now(struct driver *driver); /* since DRIVER_START_MS */

/* The execution as it is stored; owned. */
struct val driver_execution(struct driver *driver, const char *id);
/* The status of the run (REF NULL) or of the stage with this refId; static text. */
const char *driver_status(struct driver *driver, const char *id, const char *ref);
/* The stage's JSON; owned. */
struct val driver_stage(struct driver *driver, const char *id, const char *ref);
/* A number of engine_metrics. */
int64_t driver_metric(struct driver *driver, const char *name);
/* Journal entries of this kind of the run (NULL = all); owned list. */
struct val driver_events(struct driver *driver, const char *id, const char *kind);

/* {"stages": […]}: COUNT stages made from JSON of one, in which '#' is the stage's number, from 1, and '@' the one before. Owned. */
struct val driver_many(size_t count, const char *json);

#endif
