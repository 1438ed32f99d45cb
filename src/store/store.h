/*
 * The store: what survives. One contract, several implementations (memory, SQLite, later PostgreSQL), one conformance suite.
 *
 * Writes come as batches of operations from the engine and are committed whole or not at all by one thread (the store
 * thread). Reads are committed reads, each in one transaction of its own, from any thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/val.h"
#include "base/vec.h"
#include "model/execution.h"

#define STORE_MAX_STAGES 65536 /* of one execution; LIMIT_STAGES is below it */

enum store_op_kind {
	STORE_PUT_EXECUTION, /* the head of `execution` (without stages); its application, config_id and build_ms never change */
	STORE_PUT_STAGE, /* `parts` of stage `index` of `execution`, whose head is stored or in the batch before it */
	STORE_DELETE_EXECUTION, /* `key`, with its stages and events */
	STORE_PUT_PIPELINE, /* `value`: the whole document, with id, application, name; keeps the old one as history */
	STORE_DELETE_PIPELINE, /* `key`: its id; what it was stays as history */
	STORE_PUT_APPLICATION, /* `value`: attributes, with name */
	/* `count` events, one after the other, of the execution `key`, or of none (NULL); they get the next positions. Wherever they
	 * stand in the batch; when that execution is not stored after the batch, the events are nobody's. Either `text`, a list in
	 * compact JSON in which no event is longer than LIMIT_INLINE_VALUE_BYTES, or one event of any size in `value`. */
	STORE_EVENTS,
	STORE_PUT_MEMORY, /* `key` → `value`: small facts (settings of the engine, triggers' memory); VAL_NULL deletes */
};

/* Which columns of a stage changed; a status change does not rewrite context and outputs. */
enum stage_parts {
	STAGE_PART_HEAD = 1, /* everything but the others: statuses, times, tasks, engine state */
	STAGE_PART_CONTEXT = 2,
	STAGE_PART_OUTPUTS = 4,
	STAGE_PART_ALL = 7,
};

struct store_op {
	enum store_op_kind kind;
	struct execution *execution; /* a snapshot, counted */
	size_t index;
	unsigned parts;
	char *key;
	struct val value;
	struct strbuf text;
	size_t count;
};

struct store_batch {
	VEC(struct store_op) ops;
	size_t bytes; /* a rough size, for sealing */
};
void store_batch_clear(struct store_batch *batch); /* frees what the operations hold */
/*
 * Whether the operation has what its kind needs (a pipeline its id, application and name, an event a map, …); ERR_INVALID.
 * For implementations: a batch with one that has not changes nothing.
 */
int store_op_check(const struct store_op *op, struct err *err);
/* Appending; all borrow their arguments and take references. Two puts of one stage in one batch may be merged by the caller. */
void store_put_execution(struct store_batch *batch, struct execution *snapshot);
void store_put_stage(
	struct store_batch *batch, struct execution *snapshot, size_t index, unsigned parts);
void store_delete_execution(struct store_batch *batch, const char *id);
void store_put_pipeline(struct store_batch *batch, struct val document);
void store_delete_pipeline(struct store_batch *batch, const char *id);
void store_put_application(struct store_batch *batch, struct val attributes);
/* An event, a map, of any size. */
void store_event(struct store_batch *batch, const char *execution_id, struct val event);
/* COUNT events, at most LIMIT_EVENTS_OF_ROW, as a list in compact JSON, which is taken; the way of those that are not large. */
void store_events(
	struct store_batch *batch, const char *execution_id, struct strbuf *list, size_t count);
void store_put_memory(struct store_batch *batch, const char *key, struct val value);

/* Which executions a list wants. Zero bytes: all, newest first, LIMIT_LIST_ROWS (which is also the most there are). */
struct execution_filter {
	const char *application;       /* NULL = any; case ignored */
	const char *const *config_ids; /* ends with NULL; NULL = any */
	const char *const *ids;
	unsigned statuses; /* bits 1 << enum status; 0 = any */
	size_t limit;      /* in all, from the start of the order; 0 = LIMIT_LIST_ROWS */
	bool per_config; /* `limit` is for each config, its newest ones; what has no config is left out */
	bool oldest_first; /* by build time; else newest first */
	bool without_stages;
	bool heads_only;                    /* without stages, trigger and initialConfig: quick */
	int64_t built_from_ms, built_to_ms; /* build times, both included; built_to_ms 0 = any */
	/* Only what comes behind this one in the order, so that a list can be read page by page; NULL = from the start. */
	const char *behind_id;
	int64_t behind_ms; /* its build time */
};

/* Which complete executions may go, of each pipeline; what has none is counted for its application. */
struct retention {
	int64_t before_ms;   /* those built before, but … */
	size_t keep_newest;  /* … not the newest so many */
	size_t keep_at_most; /* and those beyond the newest so many, however young; 0 = any number */
};

struct store;
struct store_type {
	const char *name;
	/* Commits BATCH whole; position of its last event (or of the newest one) into *RET_POSITION. ERR_UNAVAILABLE: disk full or
	 * busy, try again, nothing happened. ERR_INTERNAL: broken. */
	int (*commit)(struct store *store, const struct store_batch *batch, uint64_t *ret_position,
		struct err *err);
	/* Executions that are not complete, whole, in the order of their ids, for going on. */
	int (*load_active)(struct store *store, void (*found)(void *data, struct execution *owned),
		void *data, struct err *err);
	/* One execution, complete or not, whole, to go on with (a restarted stage); ERR_NOT_FOUND. *RET is owned. */
	int (*load_execution)(
		struct store *store, const char *id, struct execution **ret, struct err *err);
	/* Spinnaker's JSON of one execution; ERR_NOT_FOUND. All reads also give the journal position they reflect. */
	/* For people: what Kubernetes Secrets hold is masked, here and in lists (model/secrets.h). */
	int (*get_execution)(struct store *store, const char *id, struct val *ret,
		uint64_t *ret_position, struct err *err);
	/* The same as compact JSON, appended to *RET; without making values of it where the store can do so. BRIEF: as in lists
	 * (execution_brief). What was appended before an error is there to stay. */
	int (*print_execution)(struct store *store, const char *id, bool brief, struct strbuf *ret,
		uint64_t *ret_position, struct err *err);
	int (*list_executions)(struct store *store, const struct execution_filter *filter,
		struct val *ret_list, uint64_t *ret_position, struct err *err);
	/* By id, or by application (without regard to case) and name (exact); ERR_NOT_FOUND. */
	int (*get_pipeline)(struct store *store, const char *id, struct val *ret, struct err *err);
	int (*find_pipeline)(struct store *store, const char *application, const char *name,
		struct val *ret, struct err *err);
	/* By application and name; APPLICATION NULL = all. */
	int (*list_pipelines)(struct store *store, const char *application, struct val *ret_list,
		struct err *err);
	/* Earlier versions of a pipeline, newest first, at most LIMIT (0 = all that are kept, LIMIT_PIPELINE_HISTORY). */
	int (*pipeline_history)(struct store *store, const char *id, size_t limit,
		struct val *ret_list, struct err *err);
	/* By name. */
	int (*list_applications)(struct store *store, struct val *ret_list, struct err *err);
	/* Events after position AFTER, oldest first, at most LIMIT (0 = LIMIT_LIST_ROWS); each a map with "seq" added.
	 * EXECUTION_ID NULL = all. */
	int (*read_events)(struct store *store, const char *execution_id, uint64_t after,
		size_t limit, struct val *ret_list, uint64_t *ret_position, struct err *err);
	/* VAL_NULL when there is nothing. */
	int (*get_memory)(struct store *store, const char *key, struct val *ret, struct err *err);
	/* These three are NULL where nothing is kept on a disk. */
	/* Ids of what RETENTION lets go, oldest first, at most LIMIT. Reads all heads: seconds when there are very many. */
	int (*list_expired)(struct store *store, const struct retention *retention, size_t limit,
		struct val *ret_ids, struct err *err);
	/* A consistent copy of all of it, while commits go on, as a file without a name: a descriptor that the caller closes. Takes as
	 * long as its size asks for; ERR_CANCELED soon after STOP was set. One at a time. */
	int (*backup)(struct store *store, const atomic_bool *stop, int *ret_file, struct err *err);
	/* For Prometheus: names to numbers. */
	struct val (*metrics)(struct store *store);
	void (*close)(struct store *store);
};
struct store {
	const struct store_type *type;
};
void store_close(struct store *store); /* NULL is fine */
/* The head of the execution of that id; ERR_NOT_FOUND. *RET is owned. Any thread. */
int store_get_head(struct store *store, const char *id, struct val *ret, struct err *err);
DEFINE_CLEANUP(struct store *, store_close)

/* In memory: for `run` without --data-dir and for tests. */
struct store *store_memory_open(void);
/*
 * In DIRECTORY/gennaker.db (made if missing, mode 0700/0600). Takes the directory's lock; errors say who holds it
 * (ERR_CONFLICT), that the directory cannot be written (ERR_DENIED), that the database is of a newer version or another
 * program's (ERR_UNSUPPORTED), or that it is corrupt (ERR_INTERNAL; never overwritten).
 */
struct store *store_sqlite_open(const char *directory, struct err *err);
/*
 * Copies the database of DIRECTORY into PATH, a new file of mode 0600, also while another process serves it. ERR_NOT_FOUND: there is
 * none; ERR_CONFLICT: PATH is there already.
 */
int store_sqlite_backup(const char *directory, const char *path, struct err *err);
/* Whether the file PATH is a sound database of ours; *RET: how many executions and pipelines it holds. Reads all of it. */
int store_sqlite_check(const char *path, struct val *ret, struct err *err);

#endif
