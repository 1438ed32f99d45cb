/*
 * Executions, stages and tasks as structs, and their Spinnaker JSON.
 *
 * An execution is a head and a list of stages. Both are counted and copied on write: the engine thread owns the one that
 * changes; a snapshot (execution_ref) is immutable and may be read and freed by any thread. The list of stages is a root of
 * leaves of STAGE_LEAF stages each, so that a snapshot costs one increment, and the first change after it one root, one leaf
 * and one stage.
 */
#ifndef MODEL_EXECUTION_H
#define MODEL_EXECUTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/id.h"
#include "base/val.h"
#include "model/status.h"

#define STAGE_NONE ((size_t)-1)

enum stage_owner { OWNER_NONE, OWNER_BEFORE, OWNER_AFTER };

/* Where a RUNNING stage is. Stored, so that a restart goes on there. */
enum stage_phase {
	PHASE_IDLE,   /* not started, or complete */
	PHASE_BEFORE, /* its before stages run */
	PHASE_TASKS,
	PHASE_AFTER, /* after stages, or on-failure stages, run */
};

/* One task of a stage. Names are interned (intern) and live for ever. */
struct task {
	int id; /* from 1, in the stage's order; "1" in JSON */
	const char *name;
	const char *implementing; /* implementingClass */
	enum status status;
	int64_t start_ms, end_ms; /* 0 = not set */
	bool stage_start, stage_end, loop_start, loop_end;
	bool in_flight; /* handed to a worker and not returned; stored for tasks that must not simply be repeated */
	uint32_t generation; /* rises when a user restarts the stage or the task loops back; part of idempotency keys */
	uint32_t attempts;      /* runs of this generation so far */
	int64_t next_run_ms;    /* when a waiting task looks again; 0 = at once */
	bool waits_for_key;     /* … or earlier, when a key moves; after a restart: at once */
	struct val exception;   /* taskExceptionDetails.exception, VAL_NULL mostly */
	struct val waiting_for; /* one line for people, last told; VAL_NULL = nothing */
};

struct stage {
	atomic_uint refs;
	char id[ULID_LENGTH + 1];
	char *ref_id;
	char *type; /* as written; `alias` in the context decides the implementation */
	char *name;
	enum status status;
	enum stage_phase phase;
	enum stage_owner owner;
	size_t parent;    /* index of the parent, or STAGE_NONE; set by stage_set_parent only */
	size_t *children; /* indexes of its synthetic stages, in the order they were added */
	size_t child_count;
	size_t *requisites; /* indexes of the stages it waits for, in the order written */
	size_t requisite_count;
	int64_t start_ms, end_ms, expiry_ms, scheduled_ms; /* 0 = not set */
	struct val context;                                /* map */
	struct val outputs;                                /* map */
	struct task *tasks;
	size_t task_count;
	bool unresolved; /* an expression is left in the context: evaluate again when something changed */
	bool after_planned;   /* after stages have been planned */
	bool failure_planned; /* on-failure stages have been planned */
	bool removed; /* a synthetic stage that was taken out again before it started: not in the JSON form */
	bool cancel_done;         /* the cancel step of its current task has been committed */
	bool planning_failed;     /* before-stage planning failed: counts as F(TERMINAL) */
	uint32_t attempts;        /* of planning */
	int64_t retry_ms;         /* planning is not tried again before; 0 = at once */
	uint32_t generation;      /* that new tasks begin with; rises with each restart */
	struct val last_modified; /* {user, allowedAccounts, lastModifiedTime} or VAL_NULL */
};

struct stage_vec; /* private: counted root of counted leaves */
struct output_keys; /* private: the keys that any stage ever put into its outputs; one for all snapshots, only grows */

struct execution {
	atomic_uint refs;
	char id[ULID_LENGTH + 1];
	char *application;
	char *name;
	char *config_id;    /* pipelineConfigId, NULL for an ad-hoc run */
	bool orchestration; /* type ORCHESTRATION */
	enum status status;
	int64_t build_ms, start_ms, end_ms, expiry_ms; /* 0 = not set */
	bool canceled;
	char *canceled_by;
	char *cancellation_reason;
	bool limit_concurrent;
	bool keep_waiting;
	int64_t max_concurrent;
	char *origin;         /* "api", "cli", … */
	char *user;           /* authentication.user; NULL = anonymous */
	char *spel_evaluator; /* "v3", "v4"; NULL = default */
	struct val trigger;   /* map */
	struct val config; /* initialConfig: the submitted pipeline after the first pass of expressions */
	struct val notifications, system_notifications, source, template_variables,
		paused;   /* VAL_NULL when absent */
	struct val extra; /* map of further top-level keys of the JSON form */
	struct stage_vec *stages;
	struct output_keys *output_keys;
};

/* Counting. Any thread. */
struct execution *execution_new(void);
struct execution *execution_ref(struct execution *execution);
void execution_unref(struct execution *execution); /* NULL is fine */
DEFINE_CLEANUP(struct execution *, execution_unref)
struct stage *stage_ref(struct stage *stage);
void task_clear(struct task *task);    /* gives back what it owns */
void stage_unref(struct stage *stage); /* NULL is fine */

/* Reading. Borrowed, as long as the execution (this snapshot) lives. */
size_t stage_count(const struct execution *execution);
const struct stage *stage_at(const struct execution *execution, size_t index);
size_t stage_find_id(const struct execution *execution, struct str id); /* or STAGE_NONE */
size_t stage_find_ref(
	const struct execution *execution, struct str ref_id); /* first top-level, else synthetic */
size_t stage_find_name(const struct execution *execution,
	struct str name_or_id); /* first whose name or id it is */

/*
 * Changing: only by the one owner. execution_edit makes *EXECUTION unshared (copying the head when a snapshot holds it) and
 * returns it; stage_edit does so for one stage of it and returns that. Both results are good until the next snapshot.
 */
struct execution *execution_edit(struct execution **execution);
struct stage *stage_edit(struct execution **execution, size_t index);
/* Appends a fresh stage (NOT_STARTED, empty maps) and returns its index. */
size_t stage_add(struct execution **execution);
/* Puts STAGE itself (a reference is taken) at INDEX; the places between the end and INDEX are filled with fresh stages. */
void stage_put(struct execution **execution, size_t index, struct stage *stage);
/* A new execution with the members of HEAD and the stages of OTHER (NULL = none); for the store. */
struct execution *execution_with_stages(const struct execution *head, const struct execution *other);
/* Makes stage INDEX (which has no parent yet) a synthetic stage of PARENT, and one of PARENT's children. */
void stage_set_parent(
	struct execution **execution, size_t index, size_t parent, enum stage_owner owner);
/* Replaces the requisites of stage INDEX by a copy of REQUISITES. */
void stage_set_requisites(
	struct execution **execution, size_t index, const size_t *requisites, size_t count);
/*
 * To be called after each change of a stage's outputs: what it sets can be seen by context_get of others only then.
 * Keys that were removed may stay known; that costs a walk, nothing else.
 */
void stage_index_outputs(struct execution **execution, size_t index);
void stage_set_text(char **where, const char *text); /* frees the old, copies the new; NULL clears */

/* Keeps one copy of TEXT for the life of the process (names of tasks and types; their number is bounded by the code). */
const char *intern(const char *text);

/*
 * Spinnaker's JSON (stages.md 1.5). Null members are left out. Secrets never reach an execution, so nothing is masked here.
 * WITH_STAGES false leaves `stages` out.
 */
struct val execution_to_json(const struct execution *execution, bool with_stages);
struct val stage_to_json(const struct execution *execution, const struct stage *stage);
/* One member of that form; VAL_NULL when there is none. Those that expressions read most cost no more than themselves. */
struct val stage_member_to_json(
	const struct execution *execution, const struct stage *stage, struct str key);
/*
 * That form cut down for lists (`expand=false`): of a stage's context only `group`, no outputs, no tasks; of the run whose stage started
 * this one no stages. Each in place.
 */
void execution_brief(struct val *execution);
void stage_brief(struct val *stage);
void trigger_brief(struct val *trigger);
/*
 * Pieces of that form as compact JSON, appended: a stage without context and outputs, an execution without stages, trigger and
 * initialConfig.
 */
void stage_print_head(
	const struct execution *execution, const struct stage *stage, struct strbuf *buf);
void execution_print_head(const struct execution *execution, struct strbuf *buf);
/*
 * Back again, for the store, tests, `eval --execution` and imports. An execution's keys that it does not know go to `extra`,
 * a stage's are left out. Not in the JSON: what stage_engine_state holds. ERR_INVALID with the path of the mistake.
 */
int execution_from_json(struct val json, struct execution **ret, struct err *err);

/* What the store keeps beside the JSON so that a restart goes on: a map (phase, flags, generations, next runs) as compact JSON. */
void stage_print_engine_state(const struct stage *stage, struct strbuf *buf);
struct val stage_engine_state(const struct stage *stage); /* the same as a value */
void stage_set_engine_state(struct stage *stage, struct val state);

/*
 * Context (stages.md 3.1): own context if it holds KEY, else the nearest ancestor whose outputs hold it. BORROWED from the
 * snapshot; VAL_NULL and *RET_FOUND false when nobody has it.
 */
struct val context_get(
	const struct execution *execution, size_t index, struct str key, bool *ret_found);
/* Where that value is, in the snapshot; NULL when nobody has it. */
const struct val *context_find(const struct execution *execution, size_t index, struct val_key *key);
/* False: no stage of this execution has ever put KEY into its outputs. O(1). */
bool stage_outputs_may_have(const struct execution *execution, struct str key);
/* The ancestors of a stage, itself first, nearest first, in lookup order, each once; an owned array. */
size_t *stage_ancestors(const struct execution *execution, size_t index, size_t *ret_count);
/*
 * The top-level stages in the order of the graph, as upstream sorts them: first those without requisites, then those whose requisites are
 * among these, and so on; within each step in the order of the list. An owned array; what stands in a circle is left out.
 */
size_t *execution_order(const struct execution *execution, size_t *ret_count);
/*
 * As whom a stage runs: the user who continued the nearest judgment before it that hands its identity on
 * (propagateAuthenticationContext), else the run's own; NULL = anonymous. Walks the ancestors. BORROWED.
 */
const char *stage_user(const struct execution *execution, size_t index);
/* All ancestors' outputs merged so that the nearest wins, under the own context on top: what expressions see as the root's keys. Owned. */
struct val context_all(const struct execution *execution, size_t index);

#endif
