#include "store/sqlite.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "store/migration.h"

#define CHECKPOINT_STACK_BYTES (256u << 10)

/* Readers */

static struct db *take_reader(struct sqlite_store *store)
{
	struct db *db = NULL;

	pthread_mutex_lock(&store->read_mutex);
	while (store->reader_count == 0 && store->readers_open == READERS)
		pthread_cond_wait(&store->read_condition, &store->read_mutex);
	if (store->reader_count > 0)
		db = store->readers[--store->reader_count];
	else
		store->readers_open++;
	pthread_mutex_unlock(&store->read_mutex);
	return db;
}

/* DB NULL: it could not be opened. */
static void give_reader(struct sqlite_store *store, struct db *db)
{
	pthread_mutex_lock(&store->read_mutex);
	if (db)
		store->readers[store->reader_count++] = db;
	else
		store->readers_open--;
	pthread_cond_signal(&store->read_condition);
	pthread_mutex_unlock(&store->read_mutex);
}

struct db *reader_begin(struct sqlite_store *store, struct err *err)
{
	struct db *db = take_reader(store);

	if (!db && db_open(store->path, SQLITE_OPEN_READONLY, &store->corrupt, &db, err) < 0) {
		give_reader(store, NULL);
		return NULL;
	}
	if (db_do(db, SQL_BEGIN_READ, err) < 0) {
		give_reader(store, db);
		return NULL;
	}
	return db;
}

void reader_end(struct sqlite_store *store, struct db *db)
{
	_cleanup_err_ struct err ignored = ERR_INIT;

	db_do(db, SQL_ROLLBACK, &ignored);
	give_reader(store, db);
}

/* Checkpoints */

/* After each commit of the writer; PAGES are in the log. */
static int on_commit(void *data, sqlite3 *handle, const char *name, int pages)
{
	struct sqlite_store *store = data;

	store->wal_pages = pages;
	if (pages < LIMIT_CHECKPOINT_PAGES)
		return SQLITE_OK;
	pthread_mutex_lock(&store->checkpoint_mutex);
	store->checkpoint_wanted = true;
	pthread_cond_signal(&store->checkpoint_condition);
	pthread_mutex_unlock(&store->checkpoint_mutex);
	return SQLITE_OK;
}

static void checkpoint(struct db *db)
{
	_cleanup_err_ struct err err = ERR_INIT;
	int result = sqlite3_wal_checkpoint_v2(
		db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	if (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED)
		return;
	db_error(db, &err);
	log_warn("the log of the database grows: no checkpoint", "error", err_text(&err));
}

static void *checkpoint_main(void *data)
{
	struct sqlite_store *store = data;

	pthread_mutex_lock(&store->checkpoint_mutex);
	while (!store->closing) {
		if (!store->checkpoint_wanted) {
			pthread_cond_wait(&store->checkpoint_condition, &store->checkpoint_mutex);
			continue;
		}
		pthread_mutex_unlock(&store->checkpoint_mutex);
		/* What is committed during the first time is not much, and during the second next to nothing. */
		for (int i = 0; i < 2 && !atomic_load(&store->corrupt); i++)
			checkpoint(store->checkpointer);
		atomic_store(&store->catch_up, true);
		pthread_mutex_lock(&store->checkpoint_mutex);
		store->checkpoint_wanted = false; /* by commits until now: the next one does the rest */
	}
	pthread_mutex_unlock(&store->checkpoint_mutex);
	return NULL;
}

/* Signals are for the program's own threads. */
static int start_checkpoints(struct sqlite_store *store, struct err *err)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	uint64_t position;
	int result;

	/* A connection that has read nothing yet does not know that there is a log. */
	if (db_open(store->path, SQLITE_OPEN_READWRITE, &store->corrupt, &store->checkpointer, err) <
			0 ||
		sqlite_position(store->checkpointer, &position, err) < 0)
		return -1;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, CHECKPOINT_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	result = pthread_create(&store->checkpoint_thread, &attributes, checkpoint_main, store);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	if (result != 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(result));
	store->started = true;
	return 0;
}

/* Opening */

static int read_number(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int result;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
		return db_error(db, err);
	result = db_step(db, statement, err);
	if (result > 0)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result < 0 ? -1 : 0;
}

/* Whose database it is, before anything is written to it. */
static int check_owner(struct sqlite_store *store, int64_t *ret_version, struct err *err)
{
	int64_t application = 0, tables = 0;

	if (read_number(store->writer, "PRAGMA application_id", &application, err) < 0 ||
		read_number(store->writer, "PRAGMA user_version", ret_version, err) < 0 ||
		read_number(store->writer, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
		return -1;
	if (application != SQLITE_OWNER && (application != 0 || tables > 0))
		return err_set(err, ERR_UNSUPPORTED,
			"the database %s belongs to another program; it is left as it is",
			store->path);
	if (*ret_version > migration_count)
		return err_set(err, ERR_UNSUPPORTED,
			"the database %s is of a newer version of this program (schema %d, this one knows %d): "
			"use that version; nothing was changed",
			store->path, (int)*ret_version, migration_count);
	return 0;
}

/* A look at every page takes long for a large file; a page that is broken there shows when it is read. */
static int check_pages(struct sqlite_store *store, struct err *err)
{
	struct stat info;
	sqlite3_stmt *statement;
	int result;

	if (stat(store->path, &info) < 0 || info.st_size > LIMIT_QUICK_CHECK_BYTES)
		return 0;
	if (sqlite3_prepare_v2(store->writer->handle, "PRAGMA quick_check(1)", -1, &statement,
		    NULL) != SQLITE_OK)
		return db_error(store->writer, err);
	result = db_step(store->writer, statement, err);
	if (result > 0 && !str_is(db_column(statement, 0), "ok")) {
		atomic_store(&store->corrupt, true);
		result = err_set(err, ERR_INTERNAL,
			"the database %s is corrupt (%s); it is left as it is: restore a copy, or move it away",
			store->path, db_column(statement, 0).bytes);
	}
	sqlite3_finalize(statement);
	return result < 0 ? -1 : 0;
}

static int migrate(struct sqlite_store *store, int64_t version, struct err *err)
{
	_cleanup_free_ char *marks = xasprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
		SQLITE_OWNER, migration_count);

	if (version == migration_count)
		return 0;
	if (db_do(store->writer, SQL_BEGIN_WRITE, err) < 0)
		return -1;
	for (int i = (int)version; i < migration_count; i++)
		if (db_exec(store->writer, migrations[i].sql, err) < 0)
			return err_wrap(err, "migration %s", migrations[i].name);
	if (db_exec(store->writer, marks, err) < 0)
		return -1;
	return db_do(store->writer, SQL_COMMIT, err);
}

/* At the end of the last connection SQLite copies the log into the file; it must not do that to one that we refuse. */
static void leave_as_it_is(struct db *db, bool on)
{
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on, NULL);
}

static int open_database(struct sqlite_store *store, struct err *err)
{
	int64_t version = 0;
	bool unclean;

	if (database_file_check(store->path, &unclean, err) < 0 ||
		db_open(store->path, SQLITE_OPEN_READWRITE, &store->corrupt, &store->writer, err) < 0)
		return -1;
	leave_as_it_is(store->writer, true);
	if (check_owner(store, &version, err) < 0 || (unclean && check_pages(store, err) < 0))
		return -1;
	if (db_exec(store->writer,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
		    "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY",
		    err) < 0)
		return -1;
	sqlite3_wal_hook(store->writer->handle, on_commit, store);
	if (migrate(store, version, err) < 0 ||
		sqlite_position(store->writer, &store->position, err) < 0)
		return -1;
	leave_as_it_is(store->writer, false);
	return start_checkpoints(store, err);
}

static void sqlite_close(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);

	if (store->started) {
		pthread_mutex_lock(&store->checkpoint_mutex);
		store->closing = true;
		pthread_cond_signal(&store->checkpoint_condition);
		pthread_mutex_unlock(&store->checkpoint_mutex);
		pthread_join(store->checkpoint_thread, NULL);
	}
	for (size_t i = 0; i < store->reader_count; i++)
		db_close(store->readers[i]);
	if (store->writer && atomic_load(&store->corrupt))
		leave_as_it_is(store->writer, true);
	sqlite_forget_written(store);
	db_close(store->checkpointer);
	db_close(store->writer);
	if (store->lock >= 0)
		close(store->lock);
	pthread_mutex_destroy(&store->write_mutex);
	pthread_mutex_destroy(&store->read_mutex);
	pthread_cond_destroy(&store->read_condition);
	pthread_mutex_destroy(&store->checkpoint_mutex);
	pthread_cond_destroy(&store->checkpoint_condition);
	free(store->directory);
	free(store->path);
	free(store);
}

static const struct store_type sqlite_type = {
	.name = "sqlite",
	.commit = sqlite_commit,
	.load_active = sqlite_load_active,
	.load_execution = sqlite_load_execution,
	.get_execution = sqlite_get_execution,
	.print_execution = sqlite_print_execution,
	.list_executions = sqlite_list_executions,
	.get_pipeline = sqlite_get_pipeline,
	.find_pipeline = sqlite_find_pipeline,
	.list_pipelines = sqlite_list_pipelines,
	.pipeline_history = sqlite_pipeline_history,
	.list_applications = sqlite_list_applications,
	.read_events = sqlite_read_events,
	.get_memory = sqlite_get_memory,
	.list_expired = sqlite_list_expired,
	.backup = sqlite_backup,
	.metrics = sqlite_metrics,
	.close = sqlite_close,
};

struct store *store_sqlite_open(const char *directory, struct err *err)
{
	struct sqlite_store *store = xnew(struct sqlite_store);

	store->base.type = &sqlite_type;
	store->directory = xstrdup(directory);
	store->path = xasprintf("%s/gennaker.db", directory);
	store->lock = -1;
	pthread_mutex_init(&store->write_mutex, NULL);
	pthread_mutex_init(&store->read_mutex, NULL);
	pthread_cond_init(&store->read_condition, NULL);
	pthread_mutex_init(&store->checkpoint_mutex, NULL);
	pthread_cond_init(&store->checkpoint_condition, NULL);
	if (directory_lock(directory, &store->lock, err) < 0 || open_database(store, err) < 0) {
		sqlite_close(&store->base);
		return NULL;
	}
	return &store->base;
}
