/*
 * What the files of the SQLite store share.
 *
 * One writing connection, used by one commit at a time; a few reading ones, lent to whoever reads; one for checkpoints, on a
 * thread of its own, so that no commit waits for one.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <pthread.h>

#include "base/map.h"
#include "store/db.h"
#include "store/store.h"

#define READERS 4
#define SQLITE_OWNER 0x476e6b72 /* "Gnkr": marks the file as ours */

/* How long something took: counted by size. Any thread. */
#define TIMING_BOUNDS 12
struct timing {
	atomic_uint_fast64_t counts[TIMING_BOUNDS + 1];
	atomic_uint_fast64_t sum_us;
};
void timing_add(struct timing *timing, int64_t us);

/* What the writer remembers of an execution that goes on: its row, and which trigger and config are in it. */
struct written {
	int64_t key;
	bool has_uses; /* it may have rows in uses: a document of it had a large value, or that is not known */
	struct val trigger, config;
};

struct kept_config {
	struct val value;
	int64_t key;
};

struct sqlite_store {
	struct store base;
	char *directory, *path;
	int lock; /* file descriptor */
	atomic_bool corrupt;

	pthread_mutex_t write_mutex; /* held by a commit */
	struct db *writer;
	struct map written; /* id → struct written * */
	struct map configs; /* config_id → struct kept_config *: the one written last, for those that are the very same */
	uint64_t position; /* of the newest event */
	int wal_pages;
	struct timing commit_time, sync_time; /* the whole of a commit; of it, what the disk takes */

	pthread_mutex_t read_mutex;
	pthread_cond_t read_condition; /* a reader came back */
	struct db *readers[READERS];   /* those that are not lent */
	size_t reader_count, readers_open;

	pthread_mutex_t checkpoint_mutex;
	pthread_cond_t checkpoint_condition;
	pthread_t checkpoint_thread;
	struct db *checkpointer;
	bool checkpoint_wanted, closing;
	atomic_bool catch_up; /* a checkpoint has taken all but what was committed meanwhile */
	bool started;         /* the thread */
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

/* directory.c: the data directory, its lock and its database file. */

/* Makes DIRECTORY if it is missing, and takes its lock: an open file, whose closing gives it back. */
int directory_lock(const char *directory, int *ret_lock, struct err *err);
/* Looks at the database file before SQLite touches it; makes it when it is missing. *RET_UNCLEAN: it was not closed. */
int database_file_check(const char *path, bool *ret_unclean, struct err *err);

/* sqlite_write.c */
int sqlite_commit(struct store *store, const struct store_batch *batch, uint64_t *ret_position,
	struct err *err);
void sqlite_forget_written(struct sqlite_store *store);

/* sqlite_admin.c */
int sqlite_list_expired(struct store *store, const struct retention *retention, size_t limit,
	struct val *ret_ids, struct err *err);
int sqlite_backup(struct store *store, const atomic_bool *stop, int *ret_file, struct err *err);
struct val sqlite_metrics(struct store *store);

/* sqlite.c: a reading connection with a transaction begun; wait for one if all are lent. */
struct db *reader_begin(struct sqlite_store *store, struct err *err);
/* Ends the transaction and gives the connection back. */
void reader_end(struct sqlite_store *store, struct db *db);

/* A connection that goes back at the end of the scope. */
struct reader {
	struct sqlite_store *store;
	struct db *db;
};

static inline void reader_done(struct reader *reader)
{
	if (reader->db)
		reader_end(reader->store, reader->db);
}

#define READER(name, store_, err_)                                                  \
	_cleanup_(reader_done) struct reader name = { .store = sqlite_of(store_) }; \
	name.db = reader_begin(name.store, err_);                                   \
	if (!name.db)                                                               \
	return -1

/* sqlite_read.c */
int sqlite_position(struct db *db, uint64_t *ret, struct err *err);
int sqlite_find_execution(struct db *db, const char *id, int64_t *ret, struct err *err);
int sqlite_load_active(struct store *store, void (*found)(void *data, struct execution *owned),
	void *data, struct err *err);
int sqlite_load_execution(
	struct store *store, const char *id, struct execution **ret, struct err *err);
int sqlite_get_execution(struct store *store, const char *id, struct val *ret,
	uint64_t *ret_position, struct err *err);
int sqlite_list_executions(struct store *store, const struct execution_filter *filter,
	struct val *ret_list, uint64_t *ret_position, struct err *err);
int sqlite_get_pipeline(struct store *store, const char *id, struct val *ret, struct err *err);
int sqlite_find_pipeline(struct store *store, const char *application, const char *name,
	struct val *ret, struct err *err);
int sqlite_list_pipelines(
	struct store *store, const char *application, struct val *ret_list, struct err *err);
int sqlite_pipeline_history(
	struct store *store, const char *id, size_t limit, struct val *ret_list, struct err *err);
int sqlite_list_applications(struct store *store, struct val *ret_list, struct err *err);
int sqlite_read_events(struct store *store, const char *execution_id, uint64_t after, size_t limit,
	struct val *ret_list, uint64_t *ret_position, struct err *err);
int sqlite_get_memory(struct store *store, const char *key, struct val *ret, struct err *err);

/* sqlite_text.c */
int sqlite_print_execution(struct store *store, const char *id, bool brief, struct strbuf *ret,
	uint64_t *ret_position, struct err *err);

#endif
