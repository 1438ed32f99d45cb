/*
 * The engine: one thread owns all executions, takes requests from one inbox, and acts only after the commit.
 *
 *	struct engine *engine = engine_start(&setup, err);       // loads what was active and goes on with it
 *	engine_submit(engine, &request);                         // from any thread; the reply comes after the commit
 *	engine_stop(engine, LIMIT_DRAIN_MS);                     // SIGTERM: hands out nothing more, lets results commit
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/err.h"
#include "base/val.h"
#include "engine/stage_type.h"
#include "engine/world.h"
#include "store/store.h"

struct engine;

struct engine_setup {
	struct world *world; /* must outlive the engine; `wake` and `engine` are set in it */
	struct store *store; /* borrowed; the engine's store thread is its only writer */
	const struct stage_registry *registry;
	uint64_t seed; /* of ids, for tests; 0 = random */
	/* Tests: dies as by kill -9 after its n-th commit, before any effect of it; or when the n-th result of a task arrives, after the
	 * task's effect and before the commit of its result. 0 = never. */
	uint64_t crash_after_commit;
	uint64_t crash_before_result;
};

enum request_kind {
	REQUEST_START, /* a run: of `key` (a pipeline's id) or `application` + `name`, or of the document `value` */
	REQUEST_CANCEL, /* run `key`; `reason` */
	REQUEST_PATCH_STAGE, /* stage `stage_id` of run `key`: `value` merged into its context; wakes it */
	REQUEST_RESTART_STAGE, /* stage `stage_id` of run `key`, which may have ended */
	REQUEST_PAUSE,         /* run `key` */
	REQUEST_RESUME,
	REQUEST_DELETE_EXECUTION, /* `key`; ERR_CONFLICT while it runs */
	REQUEST_SAVE_PIPELINE,    /* `value`, a document; `stale_check` */
	REQUEST_DELETE_PIPELINE, /* `application` and `name` (trimmed, case ignored); unknown is fine */
	REQUEST_STATE, /* what is in flight and waits (inspect); answered without a commit */
};

/*
 * One request. Texts and values are owned by it. REPLY is called exactly once, after the commit, on a thread of the engine: it
 * must be quick and not block. ERR->kind is ERR_NONE on success; VALUE (borrowed) is {"ref": "/pipelines/ID"} for a start, the
 * saved document for a save, null for most: a run that has changed is read from the store.
 */
struct request {
	enum request_kind kind;
	char *key;
	char *stage_id;
	char *application;
	char *name;
	char *reason;
	char *user;   /* NULL = anonymous */
	char *origin; /* "api", "cli" */
	char *id;     /* REQUEST_START: the id the run must get, NULL = a new one */
	bool stale_check;
	bool check_parameters; /* REQUEST_START: a required parameter without value is ERR_INVALID */
	bool keep_refused; /* REQUEST_START: refused, it is answered with the TERMINAL run that says why, not with the error */
	struct val value;
	struct val trigger;
	size_t bytes; /* its share of the inbox's cap; 0 = estimated */
	void (*reply)(void *data, struct val value, const struct err *err);
	void *data;
};
void request_clear(struct request *request);

struct engine *engine_start(const struct engine_setup *setup, struct err *err);

/*
 * Hands a request over (moved: *REQUEST is empty afterwards). -1 with ERR_UNAVAILABLE when the inbox is full or the engine stops;
 * then the request stays the caller's and REPLY is not called. Any thread.
 */
int engine_submit(struct engine *engine, struct request *request, struct err *err);
/* The same, waiting for the reply. *RET is owned and may be NULL. Not on an engine thread, not on a server's event thread. */
int engine_call(struct engine *engine, struct request *request, struct val *ret, struct err *err);

/* The disk is nearly full: new runs are refused with ERR_UNAVAILABLE, what goes on goes on. Any thread. */
void engine_refuse_starts(struct engine *engine, bool refuse);

/* The store cannot write at the moment: requests get ERR_UNAVAILABLE, and only REQUEST_STATE is answered. Any thread. */
bool engine_is_stuck(const struct engine *engine);

/* KEY moved: tasks that wait for it look again. Any thread, never blocks, may come early, late or twice. */
void engine_wake(struct engine *engine, const char *key);

/* Told after each commit, on the store thread: the journal has grown to POSITION. Must be quick. NULL ends it:
 * afterwards it is not called any more. A test's crash tells 0 on the engine thread. */
void engine_on_commit(struct engine *engine, void (*told)(void *data, uint64_t position), void *data);

/* No run is active and nothing is in flight. For `run` and tests: waits until so, or run KEY is complete (KEY not NULL). */
void engine_wait_complete(struct engine *engine, const char *key);

/* Stops: hands out nothing more, waits for results in flight at most DRAIN_MS, commits them, ends the threads, frees. Runs stay as
 * they are in the store. */
void engine_stop(struct engine *engine, int drain_ms);
/* Only begins it, without waiting; engine_stop, on the same thread, must follow. */
void engine_stop_begin(struct engine *engine, int drain_ms);
void engine_free_now(struct engine *engine); /* engine_stop with LIMIT_DRAIN_MS */
DEFINE_CLEANUP(struct engine *, engine_free_now)

/* Tests only: ends as kill -9 would. Nothing further is committed or released; frees. */
void engine_crash(struct engine *engine);
/* Tests only: it died of crash_after_commit or crash_before_result. */
bool engine_is_dead(const struct engine *engine);

/* Prometheus-like numbers: a map of names to numbers. Any thread. */
struct val engine_metrics(struct engine *engine);

#endif
