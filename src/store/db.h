/*
 * A connection to an SQLite database, its prepared statements and its errors. A connection belongs to one thread at a time.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

/* One row of statement_texts (db.c) each; prepared when first used, kept as long as the connection. */
enum statement {
	/* transactions */
	SQL_BEGIN_READ,
	SQL_BEGIN_WRITE,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_POSITION,
	/* executions */
	SQL_FIND_EXECUTION,
	SQL_INSERT_EXECUTION,
	SQL_UPDATE_EXECUTION,
	SQL_FIND_CONFIG,
	SQL_INSERT_CONFIG,
	SQL_SET_CONFIG,
	SQL_PUT_STAGE,
	SQL_DELETE_EXECUTION,
	SQL_DELETE_STAGES,
	SQL_DELETE_EXECUTION_USES,
	SQL_DELETE_EVENT_USES,
	SQL_DELETE_EVENTS,
	SQL_ACTIVE_EXECUTIONS,
	SQL_READ_EXECUTION,
	SQL_READ_STAGES,
	SQL_READ_EXECUTION_BLOBS,
	SQL_LIST_CONFIGS,
	/* blobs */
	SQL_FIND_BLOB,
	SQL_INSERT_BLOB,
	SQL_DELETE_USES,
	SQL_INSERT_USE,
	SQL_SWEEP_BLOBS,
	SQL_READ_EVENT_BLOBS,
	/* the rest */
	SQL_INSERT_EVENTS,
	SQL_READ_EVENTS,
	SQL_READ_EXECUTION_EVENTS,
	SQL_KEEP_HISTORY,
	SQL_TRIM_HISTORY,
	SQL_PUT_PIPELINE,
	SQL_DELETE_PIPELINE,
	SQL_READ_PIPELINE,
	SQL_FIND_PIPELINE,
	SQL_LIST_PIPELINES,
	SQL_LIST_APPLICATION_PIPELINES,
	SQL_READ_HISTORY,
	SQL_PUT_APPLICATION,
	SQL_LIST_APPLICATIONS,
	SQL_PUT_MEMORY,
	SQL_DELETE_MEMORY,
	SQL_READ_MEMORY,
	SQL_COUNT,
};

struct db {
	sqlite3 *handle;
	const char *path;     /* borrowed, for errors */
	atomic_bool *corrupt; /* borrowed; set when SQLite says so */
	sqlite3_stmt *statements[SQL_COUNT];
};

/* FLAGS are SQLite's. On failure nothing is left open. */
int db_open(const char *path, int flags, atomic_bool *corrupt, struct db **ret, struct err *err);
void db_close(struct db *db);
DEFINE_CLEANUP(struct db *, db_close)

/*
 * What SQLite says went wrong: ERR_UNAVAILABLE when it may go away (full, busy, I/O), else ERR_INTERNAL. Sets the mark of a
 * corrupt database. Returns -1.
 */
int db_error(struct db *db, struct err *err);

/* A statement, fresh, without bindings; NULL with the error. Borrowed; give it back with db_done, so that it holds no lock. */
sqlite3_stmt *db_statement(struct db *db, enum statement number, struct err *err);
/* 1: a row; 0: at the end; -1: error. */
int db_step(struct db *db, sqlite3_stmt *statement, struct err *err);
/* A statement without rows: steps it and is done with it. STATEMENT NULL is the error that db_statement had. */
int db_run(struct db *db, sqlite3_stmt *statement, struct err *err);
/* The same for one without parameters. */
int db_do(struct db *db, enum statement number, struct err *err);
/* SQL text of ours, with any number of statements. */
int db_exec(struct db *db, const char *sql, struct err *err);
static inline void db_done(sqlite3_stmt **statement)
{
	if (*statement)
		sqlite3_reset(*statement);
}
#define _cleanup_done_ _cleanup_(db_done)

/* Parameters count from 1, columns from 0. The text must live until the statement is done. */
void db_bind_str(sqlite3_stmt *statement, int parameter, struct str text);
void db_bind_text(sqlite3_stmt *statement, int parameter, const char *text); /* NULL = null */
struct str db_column(sqlite3_stmt *statement, int column); /* until the next step */
/* A column that holds JSON; null gives VAL_NULL. A document that does not parse means a corrupt database. */
int db_column_json(
	struct db *db, sqlite3_stmt *statement, int column, struct val *ret, struct err *err);

#endif
