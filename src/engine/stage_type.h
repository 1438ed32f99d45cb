/*
 * A stage type is a table: fields, tasks, texts; one `const struct stage_type` at the head of one file. See CONTRIBUTING.md,
 * "Add a stage type in 30 minutes".
 *
 * A task is a plain blocking function on a worker thread. It gets an immutable snapshot and fills in a result. What waits long
 * returns task_again_at or task_wait and holds no thread.
 *
 *	static int wait_run(const struct task_input *in, struct task_result *out, struct err *err)
 *	{
 *		const struct wait_config *config = in->config;
 *		int64_t until = in->stage->start_ms + config->wait_time.ms;
 *		if (config->skip_remaining_wait || in->now_ms > until)
 *			return task_done(out);
 *		return task_again_at(out, until + 1);
 *	}
 */
#ifndef ENGINE_STAGE_TYPE_H
#define ENGINE_STAGE_TYPE_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/field.h"
#include "base/val.h"
#include "engine/world.h"
#include "expr/template.h"
#include "model/execution.h"

struct stage_type;
struct task_row;

/* What a task gets. All borrowed, immutable, good until it returns. */
struct task_input {
	const struct execution *execution; /* the snapshot of its dispatch */
	const struct stage *stage;
	size_t stage_index;
	const struct task *task;
	const void *config; /* the type's config struct, read from the context by its fields; NULL without fields */
	const struct world *world;
	struct cancel *cancel; /* NULL for inline tasks */
	int64_t now_ms;        /* of the dispatch */
	const char *idempotency_key; /* execution, stage, task and generation: the same on every retry and after a crash */
	bool timed_out; /* in a .cancel: the time is up, nobody cancelled */
};

enum task_wait_kind { TASK_WAIT_NONE, TASK_WAIT_UNTIL, TASK_WAIT_KEY };

/* What a task returns. Zeroed before the call; freed by the engine. */
struct task_result {
	enum status status; /* RUNNING (again), SUCCEEDED, SKIPPED, FAILED_CONTINUE, STOPPED, TERMINAL, CANCELED, REDIRECT */
	struct val context; /* only the keys that it changed; a VAL_NULL value stores null */
	struct val outputs;
	struct val remove; /* list of context keys to remove, VAL_NULL = none */
	enum task_wait_kind wait;
	int64_t until_ms; /* when to look again at the latest (RUNNING) */
	struct val keys;  /* list of wake-up keys (TASK_WAIT_KEY) */
	/*
	 * What the engine does in the same commit, so that it happens once: starts a run of a stored pipeline ({"pipeline": id or
	 * name, "application", "trigger", "user"}), whose id and name it puts into the context as executionId and executionName (a start that
	 * is refused fails the task with the reason); cancels a run. Owned; null = nothing.
	 */
	struct val start_run;
	char *cancel_run;
	char *waiting_for; /* one line for people: what is being waited for; owned, NULL = nothing to say */
	struct val events; /* by task_event */
	bool on_worker;    /* by task_on_worker */
};

/* The ways to end a task; each returns 0, so that `return task_done(out)` reads well. */
int task_done(struct task_result *out);
int task_status(struct task_result *out, enum status status);
/* Runs again at AT_MS, or after the row's poll_every when AT_MS is 0. */
int task_again_at(struct task_result *out, int64_t at_ms);
/* Runs again when KEY (kept) moves, at the latest at UNTIL_MS (bounded by LIMIT_WAIT_MS). May be called for several keys. */
int task_wait(struct task_result *out, const char *key, int64_t until_ms);
/* What people see while it waits: "web: 1 of 3 replicas available". */
void task_says(struct task_result *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Puts a value (taken) into the stage's context, or its outputs. */
void task_context(struct task_result *out, const char *key, struct val value);
void task_output(struct task_result *out, const char *key, struct val value);
/* Puts DATA (a map, taken) into the journal as an event of that KIND; run and stage are added. With the result, or never. */
void task_event(struct task_result *out, const char *kind, struct val data);
/* An inline task that needs more than the engine's thread has time for: it runs again at once, on a worker. */
int task_on_worker(struct task_result *out);
void task_result_free(struct task_result *result);

/*
 * TEXT with its `${…}` evaluated once, as the stage sees the run. EXPR_OK: *RET is owned. EXPR_FAILED: it stays as it is, and ERR says
 * why. EXPR_OVER_BUDGET: an inline task returns task_on_worker; elsewhere it took too many steps.
 */
enum expr_failure task_evaluate(
	const struct task_input *in, const char *text, struct val *ret, struct err *err);

/* The context by lookup rules (own, then ancestors' outputs); borrowed from the snapshot. */
struct val task_lookup(const struct task_input *in, const char *key);
/* Sleeps on the world's clock until AT_MS; -1 with ERR_CANCELED when cancelled. */
int task_sleep(const struct task_input *in, int64_t at_ms, struct err *err);

/* What repeating an interrupted run of a task means. */
enum task_repeat {
	TASK_SAFE,        /* run it again */
	TASK_AFTER_CHECK, /* .recover asks whether the effect has happened */
	TASK_NEVER,       /* it fails, and a person decides */
};

struct task_row {
	const char *name;         /* "waitForManifestToStabilize" */
	const char *implementing; /* implementingClass, NULL = made from the name */
	/* Returns 0 with *OUT, or -1 with *ERR: a retryable kind runs it again after its backoff, any other fails it. On a worker
	 * thread, or (inline) on the engine thread. */
	int (*run)(const struct task_input *in, struct task_result *out, struct err *err);
	bool is_inline;           /* does no I/O and is quick */
	int64_t poll_every_ms;    /* backoff between runs; 0 = 1 s */
	int64_t timeout_ms;       /* since the task's start; 0 = none but the stage's */
	bool timeout_overridable; /* stageTimeoutMs takes the place of timeout_ms */
	/* What CONTEXT says of this very stage's limit takes the place of timeout_ms; 0 = nothing. NULL = it says nothing. */
	int64_t (*timeout_in)(struct val context);
	enum task_repeat repeat;
	/* TASK_AFTER_CHECK: did the effect of the interrupted run happen? Fills *OUT as run would, or leaves status NOT_STARTED: run it. */
	int (*recover)(const struct task_input *in, struct task_result *out, struct err *err);
	/* After a cancel or timeout of this task: a step of its own, with its own deadline (30 s) and a cleared flag. May be NULL. */
	int (*cancel)(const struct task_input *in, struct task_result *out, struct err *err);
	/* The origin or account whose slot it needs ("https://host:443", "kubernetes:prod"), owned; NULL = none. */
	char *(*slot)(const struct task_input *in);
	/* Whether the row is part of this stage at all, decided when tasks are planned; NULL = always. */
	bool (*when)(const struct task_input *in);
	bool no_stage_timeout;     /* stageTimeoutMs does not count while this task runs */
	bool loop_start, loop_end; /* REDIRECT of a task between them goes back to the first */
};

/* Synthetic stages to add, as data: a list of maps {"type","name","context":{…}}; linear unless "requisites": [positions]. */
struct stage_plan {
	struct val stages; /* list */
};
void stage_plan_add(struct stage_plan *plan, const char *type, const char *name,
	struct val context /* taken */);

/* The evaluation of a stage's expressions, for types that take it over. */
struct evaluation {
	struct val context;            /* in: as it is; out: evaluated (replace it) */
	const char *evaluator;         /* "v2", "v3", "v4" */
	struct template_result result; /* of what was evaluated so far; evaluation_values adds to it */
	const struct expr_host *host;
	const struct expr_limits *limits;
	int64_t now_ms;
	void *names; /* private to the engine: names defined so far */
};
/* Evaluates VALUE; *RET is owned. EXPR_OVER_BUDGET must be handed up at once. */
enum expr_failure evaluation_values(
	struct evaluation *evaluation, const char *top_key, struct val value, struct val *ret);
/* Makes NAME visible to what is evaluated next. */
void evaluation_define(struct evaluation *evaluation, const char *name, struct val value);

struct stage_type {
	const char *name;
	const char *const *aliases; /* further names, ends with NULL; NULL = none */
	struct text2 title;
	struct text2 summary;
	const struct field *fields; /* NULL = none; the keys common to all stages are in stage_fields */
	size_t config_size;
	const struct task_row *tasks; /* NULL = none */
	const struct field *outputs; /* what later stages see, for docs and lint: names, types, help */
	/* Refuses, before any effect, what is not built yet or cannot work; on the engine thread, over the evaluated config. */
	int (*check)(const struct task_input *in, struct err *err);
	/* What a task fails for before it does anything, for lint: it is known from the config alone. The task calls it itself. */
	int (*needs)(const struct task_input *in, struct err *err);
	/* Synthetic stages before, after, and on failure. On the engine thread; no I/O. */
	int (*plan_before)(const struct task_input *in, struct stage_plan *plan, struct err *err);
	int (*plan_after)(const struct task_input *in, struct stage_plan *plan, struct err *err);
	int (*plan_on_failure)(const struct task_input *in, struct stage_plan *plan, struct err *err);
	/* The type's own way of evaluating its context; NULL = one pass over all of it. */
	enum expr_failure (*evaluate)(struct evaluation *evaluation);
	/* Puts what the settings fix for this type into the context of a new stage, before anything is evaluated; NULL = nothing. */
	void (*fill)(const struct stage_type *type, struct val *context);
	const void *fixed; /* for fill */
	/* Takes out of CONTEXT and OUTPUTS what a restarted stage must not find of its last run; NULL = nothing. */
	void (*restart)(struct val *context, struct val *outputs);
	/* The context keys that a restart takes anew from the pipeline's configuration, in all stages; ends with NULL; NULL = none. */
	const char *const *renewed;
	/* The context key that says that a person may skip the stage (PATCH manualSkip); NULL = nobody may. */
	const char *skippable_key;
	const char *category; /* "general", "kubernetes", "tencent": pages and menus */
};

/* The fields of every stage: name, refId, failPipeline, stageEnabled, stageTimeoutMs, … (stages.md 1.4). */
extern const struct field stage_fields[];

/* All types: the one explicit list, in src/stages.c; ends with NULL. */
struct stage_registry {
	const struct stage_type *const *types;
	/* Stages before the before stages of every stage (execution windows); linear, and all others depend on the last. May be NULL. */
	int (*plan_first)(const struct task_input *in, struct stage_plan *plan, struct err *err);
};
/* By `alias`, else `type`, exact; NULL when unknown. */
const struct stage_type *registry_find(const struct stage_registry *registry, const char *name);
/* The name of the type that NAME, which is none, probably means, or NULL. */
const char *registry_nearest(const struct stage_registry *registry, const char *name);
const struct stage_type *registry_find_for(
	const struct stage_registry *registry, const struct stage *stage);

#endif
