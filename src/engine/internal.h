/*
 * What the files of the engine share. All of it belongs to the engine thread unless a member says otherwise.
 *
 * The form of it: a run is looked at. stage_look (stage_run.c) and run_look_execution (run.c) read the state of a stage or an
 * execution and take the next step that this state allows. Whatever changes something asks for looks at what depends on it; a
 * restart asks for a look at everything. So there is one way on, and nothing but the state decides it.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "engine/engine.h"
#include "model/pipeline.h"

struct run;
struct engine;
struct evaluator;

/* ---- jobs: what workers do ------------------------------------------------------------------------------------- */

enum job_kind {
	JOB_TASK,     /* a task's run */
	JOB_RECOVER,  /* its recover, after a restart */
	JOB_CANCEL,   /* its cancel step */
	JOB_EVALUATE, /* a stage's expressions, when they did not fit into a turn of the engine */
	JOB_ENABLED,  /* its stageEnabled alike */
	JOB_SUBMIT,   /* the same for a pipeline that is to be started */
	JOB_CHILD,    /* … by a task, whose result this is */
	JOB_LOAD,     /* runs that have ended, for a request */
};

/* One piece of work for a worker, and then its result for the engine. Owned by whoever has it at the moment. */
struct job {
	struct job *next;
	enum job_kind kind;
	struct engine *engine;
	/* Addressed results: one that is not current any more is dropped. */
	char execution_id[ULID_LENGTH + 1];
	size_t stage;
	size_t task;
	uint32_t generation;
	uint64_t dispatch;
	uint64_t wake_seq; /* W: keys that moved after it make the task look again */
	/* In */
	struct execution *execution; /* the snapshot */
	const struct stage_type *type;
	const struct task_row *row;
	void *config;
	struct cancel *cancel;
	int64_t now_ms;
	bool timed_out; /* JOB_CANCEL after a timeout */
	char key[128];  /* idempotency key */
	char *slot;     /* NULL = none */
	bool has_slot;
	bool at_work;       /* a worker has it */
	struct slot *queue; /* waits in there … */
	int64_t queued_ms;  /* … since */
	uint64_t change;    /* of the run, at the dispatch */
	/* Out */
	struct task_result result;
	struct err err;
	int status;           /* what run returned */
	struct val evaluated; /* JOB_EVALUATE, JOB_ENABLED, JOB_SUBMIT, JOB_CHILD */
	struct template_result evaluation;
	/* JOB_SUBMIT, JOB_LOAD; of a task that starts a run */
	struct request *request;
	bool binds; /* JOB_SUBMIT, JOB_CHILD: the artifacts of the start, too, are for the worker: it may read the run before … */
	struct execution *prior;        /* … unless it is this one, in memory; or NULL */
	VEC(struct execution *) loaded; /* JOB_LOAD: owned */
	/* In-flight list, in order of dispatch */
	struct job *flight_prev, *flight_next;
};
void job_free(struct job *job);
/* Does the work (worker.c); any thread. */
void job_perform(struct job *job);

struct slot;
struct workers;
struct workers *workers_new(struct engine *engine);
void workers_push(struct workers *workers, struct job *job); /* takes a hold on the clock for the job */
bool workers_starve(
	const struct workers *workers); /* no thread could be started: workers_retry in a while */
void workers_retry(struct workers *workers);
void workers_metrics(struct workers *workers, struct val *metrics);
void workers_free(struct workers *workers); /* joins: jobs must be done or cancelled */

/* ---- messages to the engine ------------------------------------------------------------------------------------- */

struct batch;

enum message_kind {
	MESSAGE_REQUEST,
	MESSAGE_RESULT,
	MESSAGE_COMMITTED,
	MESSAGE_STUCK, /* a commit has failed for LIMIT_STUCK_REPLY_MS */
	MESSAGE_STOP,
};

struct message {
	struct message *next;
	enum message_kind kind;
	struct request request;
	struct job *job;
	size_t bytes; /* counted for a request */
	struct batch *batch;
	bool lost; /* it was not committed: the engine ends */
};

/* Filled by any thread, emptied by the engine thread. */
struct inbox {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	struct message *first, **last;
	struct message *urgent; /* all but requests and results; and REQUEST_STATE of a stuck engine: these overtake the others */
	size_t request_count, request_bytes; /* bounded: LIMIT_INBOX_* */
	struct map keys;                     /* wake-ups: a set, not a queue */
	bool closed;                         /* requests are refused */
};
void inbox_init(struct inbox *inbox);
void inbox_free(struct inbox *inbox);
/* Takes the message; never refuses. Holds the clock for it. */
void inbox_push(struct engine *engine, struct message *message);
/*
 * All messages that are there, waiting for one until UNTIL_MS. BLOCKED: only the urgent ones; the others stay. Each is given
 * back by inbox_done once it is handled, and so is the hold of each key in *RET_KEYS by clock_release.
 */
struct message *inbox_take(
	struct engine *engine, int64_t until_ms, bool blocked, struct map *ret_keys);
void inbox_done(struct engine *engine, struct message *message);
/* The requests that wait, for answering that they cannot be done now; each is given back by inbox_done. */
struct message *inbox_take_requests(struct engine *engine);
void inbox_close(struct engine *engine); /* requests and wake-ups are refused from now on */

/* ---- batches and effects ---------------------------------------------------------------------------------------- */

enum effect_kind {
	EFFECT_REPLY,    /* tell a requester */
	EFFECT_DISPATCH, /* hand a job to a worker */
	EFFECT_COMPLETE, /* a run is complete: tell those who wait for it */
	EFFECT_DELETED,  /* a run is gone */
};

/* What happens only after the commit. */
struct effect {
	enum effect_kind kind;
	struct request request; /* EFFECT_REPLY */
	struct val value;
	struct err err;
	struct job *job;                    /* EFFECT_DISPATCH */
	char execution_id[ULID_LENGTH + 1]; /* EFFECT_COMPLETE, EFFECT_DELETED */
	uint32_t completion; /* which end of the run: it may have been restarted since */
};

struct batch {
	struct store_batch store;
	VEC(struct effect) effects;
};

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

struct waiter;

/* The mutable side of a stage: what is not stored. */
struct stage_run {
	struct heap_item timer; /* first, so that a timer's item is the stage_run */
	struct run *run;
	size_t index;
	unsigned dirty;   /* enum stage_parts not yet in the batch */
	bool queued;      /* a look is asked for */
	bool woken;       /* run the waiting task now */
	bool timed_out;   /* the cancel flag of its job was set by a timeout */
	bool interrupted; /* was in flight when the process died: recover, or fail */
	size_t current;   /* its current task; task_count when none is left */
	struct job *job;
	uint64_t dispatch;
	VEC(size_t) downstream;
	VEC(struct waiter *) waiters;
	struct val patched;    /* keys patched since the dispatch */
	uint64_t evaluated_at; /* run->change when its expressions were evaluated last */
	enum { ENABLED_UNKNOWN, ENABLED_YES, ENABLED_NO } enabled; /* what a worker found */
	struct val disabled_why; /* an expressionEvaluationSummary, where stageEnabled could not be told */
	int64_t queued_ms; /* how long its task has waited for slots */
};

/* Events in the making, one after the other: a list in JSON, without its end. */
struct event_list {
	struct strbuf text;
	size_t count;
	size_t begin; /* of the last one */
};

/* A run and those that its stages have started, and so on: together they have one turn of many. In engine->ready_first while `first`. */
struct family {
	struct run *first, **last; /* those that are ready */
	struct family *next;
	size_t runs; /* in memory */
};

struct run {
	struct engine *engine;
	struct family *family;
	struct execution *execution;
	struct stage_run **stages;
	size_t stage_capacity;
	VEC(size_t) looks; /* stages to look at, first in first out from `look_at` */
	size_t look_at;
	VEC(size_t) dirty;
	bool dirty_head;
	struct event_list events; /* not yet in the batch */
	bool changed;             /* in engine->changed */
	bool look_execution;
	bool ready; /* in family->first */
	bool winding; /* canceled, or a top-level stage is TERMINAL or CANCELED: nothing starts, what runs is cancelled */
	bool completed;
	bool saved; /* … and that is committed: it may leave the memory */
	uint32_t completions;
	bool in_line;    /* waits for another run of its configuration */
	uint64_t change; /* rises with whatever an expression could read; from 1 */
	size_t jobs;
	size_t running; /* stages that are RUNNING, synthetic ones too */
	struct run *ready_next;
	char *correlation;           /* the correlation id of its start, or NULL */
	struct run *correlated_next; /* another run with the same one */
};

/* A wake-up key: who waits for it, and when it moved last. */
struct wake_key {
	char *name;
	uint64_t seq;
	VEC(struct waiter *) waiters;
	bool listed; /* in engine->moved */
};
struct waiter {
	struct wake_key *key;
	struct stage_run *stage;
};

/* A slot: how many tasks may be at one origin or account at a time. */
struct slot {
	char *name;
	size_t used;
	struct job *first, **last; /* those that wait for it */
};

struct engine {
	struct engine_setup setup;
	struct world *world;
	struct clock *clock;
	struct id_source ids;
	struct inbox inbox;
	struct workers *workers;
	pthread_t thread, store_thread;
	bool stopping, ended;
	atomic_bool dead;  /* crashed by a test: nothing is committed or released any more */
	atomic_bool stuck; /* the store cannot write: requests get 503 */
	atomic_bool full;  /* engine_refuse_starts */
	atomic_uint_fast64_t commits;

	struct map runs;       /* id → run */
	struct map correlated; /* correlation id → run, and from there by correlated_next */
	struct map lines;      /* configuration → struct line (line.c) */
	struct map deleted; /* id → anything: runs whose end in the store is not committed yet */
	size_t loads;       /* JOB_LOADs in flight */
	struct map spoiled; /* id → anything: runs that have left memory, or were deleted, since the first of these began */
	struct map pipelines; /* id → struct val * (boxed document) */
	struct family *ready_first, **ready_last;
	size_t ready_count; /* runs in these */
	struct heap timers;
	struct batch *batch; /* being built */
	struct batch *committing; /* with the store thread, which leaves its effects alone; NULL = none */
	VEC(struct run *) changed; /* runs with changes that are not in the batch yet */
	bool stop_begun;           /* of those who stop it */
	int64_t stop_at_ms;        /* end of the drain */
	uint64_t results;          /* of tasks, since the start */
	uint64_t dispatch;
	struct job *flight_first, *flight_last;
	size_t in_flight;
	struct map slots;
	struct slot at_work; /* LIMIT_WORKERS at a time */

	struct map keys;
	uint64_t wake_seq;
	VEC(struct wake_key *)
	moved; /* keys without waiters that are remembered, oldest first from `moved_at` */
	size_t moved_at;

	/* To the store thread. */
	pthread_mutex_t store_mutex;
	pthread_cond_t store_condition, retry_condition;
	struct batch *store_batch;
	bool store_busy; /* as the engine thread sees it */
	bool store_end;

	/* Those who wait for the end of a run. */
	pthread_mutex_t done_mutex;
	pthread_cond_t done_condition;
	struct map active; /* id → anything: started and not complete, as committed */

	void (*told)(void *data, uint64_t position);
	void *told_data;

	atomic_uint_fast64_t metric_started, metric_completed, metric_tasks, metric_dropped;
	atomic_uint_fast64_t metric_looks; /* at stages: what a run costs the engine thread */
	atomic_size_t metric_active, metric_in_flight;
	atomic_size_t metric_slot_queue,
		metric_worker_queue; /* jobs that wait for a slot, for a worker's time */
	atomic_uint_fast64_t metric_runs[STATUS_COUNT], metric_stages[STATUS_COUNT]; /* ended so */
};

/* engine.c */
void engine_effect(struct engine *engine, struct effect effect); /* takes what it holds */
void engine_reply(struct engine *engine, struct request *request, struct val value, struct err *err);
void run_ready(struct run *run);

/* load.c */
/* A job of KIND for REQUEST (taken), which goes to a worker after the commit. */
struct job *request_on_worker(
	struct engine *engine, struct request *request, enum job_kind kind, const char *slot);
bool job_is_request(const struct job *job); /* somebody waits for the answer to its request */
/* REQUEST (taken) comes back by request_loaded, with the run `key` and those above it that have ended. */
void request_load(struct engine *engine, struct request *request);
void load_perform(struct job *job); /* on a worker */
/* The run whose stage has started this one; "" when there is none. */
const char *run_parent_id(const struct execution *execution);
void loaded_free(struct job *job);
/* What may have been read of run ID is old: to be told when it leaves memory or is deleted. */
void load_spoil(struct engine *engine, const char *id);
/* To be called once for each job that came back. False: what it has is old, read it again. */
bool load_is_good(struct engine *engine, struct job *job);
/* The run that is in memory, else as JOB has read it: complete, and out of memory again once it is looked at. NULL: it is gone. */
struct run *load_take(struct engine *engine, const struct job *job, const char *id);

/* request.c */
void request_handle(struct engine *engine, struct request *request);
/* The stored pipeline of that name, in any case of it; borrowed, VAL_NULL when there is none. */
struct val request_find_pipeline(
	struct engine *engine, const char *application, const char *name, bool any_case);
/*
 * The run in memory, or NULL: then it is one that is stored only, or ERR says why not (ERR_NOT_FOUND, or what the store says). *RET_END is
 * its status when it has ended, else none that is complete.
 */
struct run *request_find_run(
	struct engine *engine, const char *id, enum status *ret_end, struct err *err);
/* Whether there is, or just was, a run of that id. -1: the store cannot tell. */
int request_is_known_run(struct engine *engine, const char *id, bool *ret, struct err *err);
void request_loaded(struct engine *engine, struct job *job); /* a JOB_LOAD came back */
/* Cancels a run on behalf of another; one that has ended stays as it is. */
void request_cancel_run(struct engine *engine, const char *id, const char *user, const char *reason);
/*
 * A cancel goes down through the runs that stages wait for, a commit for each generation, and a family may grow faster than that. So a run
 * that is about to start, or to start another one, is canceled here, with those between, if one above is winding down.
 */
void request_cancel_from_above(struct run *run);

/* patch.c */
void request_patch(struct engine *engine, struct request *request);

/* start.c */
void request_start(struct engine *engine, struct request *request);
void request_submitted(struct engine *engine, struct job *job); /* a JOB_SUBMIT came back */
/* Binds the artifacts of JOB->request's start (job->binds); on a worker. */
int start_bind(const struct job *job, const struct evaluator *by, struct err *err);

/*
 * The start of a run that a task of PARENT has asked for (JOB->result.start_run), in two steps. The first puts the request and its
 * evaluated document into JOB; 1 = a worker has to evaluate that (JOB_CHILD). The second starts *RET.
 */
int request_child_prepare(struct engine *engine, const struct run *parent, struct job *job);
int request_child_start(
	struct engine *engine, const struct job *job, struct run **ret, struct err *err);

/* run.c */
struct run *run_new(struct engine *engine, struct execution *execution);
void run_free(struct run *run);
void run_release(struct run *run); /* complete and saved: leaves the engine's memory */
void run_recover(struct run *run);
bool run_turn(
	struct run *run); /* at most LIMIT_TURN_STEPS looks, or LIMIT_TURN_US; true when more is to do */
void run_flush(struct run *run); /* what changed, into the batch */
void run_look_execution(struct run *run);
void run_look_all_running(struct run *run);
void run_set_status(struct run *run, enum status status);
void run_changed(struct run *run);           /* something of it is to go into the batch */
struct execution *run_edit(struct run *run); /* marks the head dirty */
void look(struct run *run, size_t index);    /* asks for a look */
void look_run(struct run *run);
struct stage *run_stage_edit(struct run *run, size_t index, unsigned parts); /* marks it dirty */
const struct stage *run_stage(const struct run *run, size_t index);
size_t run_add_stage(struct run *run);
void run_link_stage(struct run *run, size_t index); /* after its parent and requisites are set */

/* A complete run goes on, as if it had never ended: RUNNING again, or NOT_STARTED where it has to wait for others of its pipeline. */
void run_reopen(struct run *run);

/* line.c */
/* May this run, which has not started, start now? False: it waits in line (or has been turned away). */
bool line_admits(struct run *run);
/* Told of every move of an execution, after it. */
void line_moved(struct run *run, enum status from, enum status to);
void lines_free(struct engine *engine);

/* restart.c */
/*
 * Restarts the top-level stage that stage INDEX belongs to, and what is downstream of it. What stages take anew at a restart
 * (stage_type.renewed) comes from PIPELINE, a configuration or null. ERR_CONFLICT while it runs.
 */
int run_restart_stage(
	struct run *run, size_t index, struct val pipeline, const char *user, struct err *err);
int run_pause(struct run *run, const char *user, struct err *err);
int run_resume(struct run *run, const char *user, struct err *err);
/* Marks a stage, its task and its parents as waiting for the resume. */
void stage_pause(struct run *run, size_t index);

/* stage_run.c */
void stage_look(struct run *run, size_t index);
/* A person has skipped it, or the top-level stage that it belongs to. */
bool stage_is_skipped(const struct run *run, size_t index);
void stage_set_status(struct run *run, size_t index, enum status status);
void stage_complete(struct run *run, size_t index);
void stage_finish(struct run *run, size_t index, enum status status);
/* Evaluates the expressions that are left. False while a worker does it: its end asks for a look. */
bool stage_evaluate(struct run *run, size_t index);
void stage_evaluated(struct run *run, struct job *job); /* a JOB_EVALUATE or JOB_ENABLED came back */
void stage_input(
	const struct run *run, size_t index, size_t task, void *config, struct task_input *ret);
/* F(status) of stages.md 2.3 by the stage's own context. */
enum status stage_failure_status(const struct stage *stage, enum status otherwise);
/* context.exception */
void stage_set_exception(struct run *run, size_t index, const char *operation,
	const struct err *err, bool retryable);
/* Merges into context (keys patched since the dispatch win) and outputs, and keeps the index of outputs right. */
void stage_merge(
	struct run *run, size_t index, struct val context, struct val outputs, struct val remove);

/* task_run.c */
void task_look(struct run *run, size_t index);
/* The stage of RUN that has started CHILD waits for it: canceled, it would cancel that one. */
bool task_holds_run(const struct run *run, const struct execution *child);
void task_returned(struct engine *engine, struct job *job);
void stage_timer_fired(struct stage_run *stage);
void tasks_skip(struct run *run, size_t index); /* what is left of them is SKIPPED */

/* job.c */
struct job *job_new(struct run *run, size_t index, enum job_kind kind);
/* Its idempotency key, into job->key: the same on every retry and after a crash; another one after a restart of the stage, or a loop. */
void job_name_key(const struct run *run, size_t index, struct job *job);
void job_clear(struct job *job); /* what it holds */
/* Counts it as in flight from now on. */
void job_track(struct engine *engine, struct job *job);
void job_release(struct engine *engine, struct job *job); /* after the commit: slot, then worker */
void job_forget(struct engine *engine, struct job *job); /* out of the in-flight list and its slot */
void job_cancel(struct engine *engine,
	struct job *job); /* sets its flag; one that waits for a slot comes back at once */
void slots_take_back(struct engine *engine); /* stopping: what waits for a slot will not get it */
void slots_free(struct engine *engine);

/* plan.c */
enum plan_kind { PLAN_BEFORE, PLAN_AFTER, PLAN_FAILURE };
int plan_stages(struct run *run, size_t index, enum plan_kind kind, void *config, size_t *ret_count,
	struct err *err);
void plan_tasks(struct run *run, size_t index, const struct stage_type *type, void *config);
/* Reads the type's config from the context as it is. *RET is NULL for a type without fields. */
int stage_config(
	const struct stage_type *type, const struct stage *stage, void **ret, struct err *err);
void stage_config_free(const struct stage_type *type, void *config);

/* evaluate.c */
struct evaluated {
	struct val context;
	bool unresolved;
};
/* Where an evaluation takes place, and so what it may do. */
struct evaluator {
	const struct world *world;
	/* Of the worker's job. NULL = the engine thread: few steps, and what fetches a URL is EXPR_OVER_BUDGET. */
	struct cancel *cancel;
	int64_t now_ms;
};
/* On the engine thread, now. */
struct evaluator evaluate_here(const struct engine *engine);
/* Evaluates the stage's context; EXPR_OVER_BUDGET leaves *RET alone. Any thread (over a snapshot). */
enum expr_failure evaluate_stage(const struct evaluator *by, const struct execution *execution,
	size_t index, const struct stage_type *type, struct evaluated *ret);
/* The stageEnabled of a stage, wrapped in `${}` if it is not: NULL when there is none. Owned. */
char *stage_enabled_text(const struct execution *execution, size_t index);
/*
 * What that TEXT says: a boolean; or, when it says neither true nor false or cannot be evaluated, the expressionEvaluationSummary (3.5) that
 * tells why. Owned.
 */
enum expr_failure evaluate_enabled(const struct evaluator *by, const struct execution *execution,
	size_t index, const char *text, struct val *ret);
/* What WHY says of WHAT could not be evaluated, shaped as a summary. Owned. */
struct val summary_of(const char *what, const char *level, const char *why, int64_t now_ms);
/* The pass over a pipeline at submission. Defaults of parameters that are used come first: *TRIGGER then has what they have come to. */
enum expr_failure evaluate_pipeline(const struct evaluator *by, const struct stage_registry *registry,
	struct val pipeline, struct val *trigger, struct val *ret);

/* raw.c: FIELD_RAW. What *CONTEXT holds of it is taken out before a pass, and put back behind it. */
struct val raw_hide(const struct stage_type *type, struct val *context);
void raw_show(const struct stage_type *type, struct val hidden, struct val *context);
/* The same for all stages of a document. */
struct val raw_hide_all(const struct stage_registry *registry, struct val *stages);
void raw_show_all(const struct stage_registry *registry, struct val hidden, struct val *stages);

/* event.c */
/* These are put into the batch with the rest of what changed of their run. */
void event_run(struct run *run);
void event_new_stage(struct run *run, size_t index);
void event_stage(
	struct run *run, size_t index, struct val changed_context, struct val changed_outputs);
void event_task(struct run *run, size_t index, size_t task);
void event_said(struct run *run, size_t index, const char *kind, struct val said); /* by a task */
void events_flush(struct engine *engine, struct event_list *list, const char *execution_id);
/* These at once. */
void event_refused(struct engine *engine, const struct execution *execution); /* which is no run */
void event_config(
	struct engine *engine, struct val document, const char *operation, const char *user);
void event_dropped(struct engine *engine, const struct job *job);

/* wake.c */
void wake_moved(struct engine *engine, const char *name);
/* Registers STAGE for KEY; true when KEY moved after SEQ (then nothing is registered). */
bool wake_wait(struct engine *engine, struct stage_run *stage, const char *name, uint64_t seq);
void wake_forget(struct stage_run *stage); /* it waits for nothing any more */
void wake_purge(struct engine *engine);    /* keys that no task in flight can ask for */
void wake_free(struct engine *engine);

#endif
