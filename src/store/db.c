#include "store/db.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"

#define BUSY_MS 5000

/* Parameters are numbered ?1, ?2 … in the order that the callers bind. */
static const char *const statement_texts[SQL_COUNT] = {
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_POSITION] = "SELECT seq FROM sqlite_sequence WHERE name = 'events'",

	[SQL_FIND_EXECUTION] = "SELECT key FROM executions WHERE id = ?1",
	[SQL_INSERT_EXECUTION] =
		"INSERT INTO executions (id, application, config_id, build_ms, status, complete, head,"
		" trigger, config, config_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9)",
	[SQL_UPDATE_EXECUTION] = "UPDATE executions SET status = ?2, complete = ?3, head = ?4,"
				 " trigger = coalesce(?5, trigger) WHERE key = ?1",
	[SQL_FIND_CONFIG] = "SELECT key FROM configs WHERE hash = ?1",
	[SQL_INSERT_CONFIG] = "INSERT INTO configs (hash, value) VALUES (?1, ?2)",
	[SQL_SET_CONFIG] = "UPDATE executions SET config = '', config_key = ?2 WHERE key = ?1",
	[SQL_PUT_STAGE] =
		"INSERT INTO stages (key, head, state, context, outputs, removed)"
		" VALUES (?1, coalesce(?2, '{}'), coalesce(?3, '{}'), ?4, ?5, coalesce(?6, 0))"
		" ON CONFLICT (key) DO UPDATE SET head = coalesce(?2, head), state = coalesce(?3, state),"
		" context = coalesce(?4, context), outputs = coalesce(?5, outputs), removed = coalesce(?6, removed)",
	[SQL_DELETE_EXECUTION] = "DELETE FROM executions WHERE key = ?1",
	[SQL_DELETE_STAGES] = "DELETE FROM stages WHERE key BETWEEN ?1 << 16 AND (?1 << 16) + 65535",
	[SQL_DELETE_EXECUTION_USES] = "DELETE FROM uses WHERE kind = 0 AND owner = ?1",
	[SQL_DELETE_EVENT_USES] = "DELETE FROM uses WHERE kind = 1 AND owner IN"
				  " (SELECT seq FROM events WHERE execution = ?1 AND large = 1)",
	[SQL_DELETE_EVENTS] = "DELETE FROM events WHERE execution = ?1",
	[SQL_ACTIVE_EXECUTIONS] = "SELECT key FROM executions WHERE complete = 0 ORDER BY id",
	[SQL_READ_EXECUTION] =
		"SELECT head, trigger, coalesce(value, config) FROM executions"
		" LEFT JOIN configs ON configs.key = config_key WHERE executions.key = ?1",
	[SQL_READ_STAGES] =
		"SELECT key & 65535, head, context, outputs, state FROM stages"
		" WHERE key BETWEEN ?1 << 16 AND (?1 << 16) + 65535 AND removed <= ?2 ORDER BY key",
	[SQL_READ_EXECUTION_BLOBS] =
		"SELECT stage, part, path, value FROM uses JOIN blobs ON blobs.key = uses.blob"
		" WHERE kind = 0 AND owner = ?1 ORDER BY stage, part",
	[SQL_LIST_CONFIGS] = "SELECT DISTINCT config_id FROM executions WHERE config_id IS NOT NULL",

	[SQL_FIND_BLOB] = "SELECT key FROM blobs WHERE hash = ?1",
	[SQL_INSERT_BLOB] = "INSERT INTO blobs (hash, uses, value) VALUES (?1, 0, ?2)",
	[SQL_DELETE_USES] =
		"DELETE FROM uses WHERE kind = 0 AND owner = ?1 AND stage = ?2 AND part = ?3",
	[SQL_INSERT_USE] =
		"INSERT INTO uses (kind, owner, stage, part, path, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT DO NOTHING",
	[SQL_SWEEP_BLOBS] = "DELETE FROM blobs WHERE uses = 0",
	[SQL_READ_EVENT_BLOBS] = "SELECT path, value FROM uses JOIN blobs ON blobs.key = uses.blob"
				 " WHERE kind = 1 AND owner = ?1",

	[SQL_INSERT_EVENTS] =
		"INSERT INTO events (seq, execution, value, large) VALUES (?1, ?2, ?3, ?4)",
	[SQL_READ_EVENTS] = "SELECT seq, value, large FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
	[SQL_READ_EXECUTION_EVENTS] =
		"SELECT seq, value, large FROM events WHERE seq > ?1"
		" AND execution = (SELECT key FROM executions WHERE id = ?3) ORDER BY seq LIMIT ?2",
	[SQL_KEEP_HISTORY] = "INSERT INTO pipeline_history (id, document) SELECT id, document FROM pipelines"
			     " WHERE id = ?1",
	[SQL_TRIM_HISTORY] = "DELETE FROM pipeline_history WHERE key IN (SELECT key FROM pipeline_history"
			     " WHERE id = ?1 ORDER BY key DESC LIMIT -1 OFFSET ?2)",
	[SQL_PUT_PIPELINE] =
		"INSERT INTO pipelines (id, application, name, document) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (id) DO UPDATE SET application = ?2, name = ?3, document = ?4",
	[SQL_DELETE_PIPELINE] = "DELETE FROM pipelines WHERE id = ?1",
	[SQL_READ_PIPELINE] = "SELECT document FROM pipelines WHERE id = ?1",
	[SQL_FIND_PIPELINE] =
		"SELECT document FROM pipelines WHERE application = ?1 AND name = ?2 ORDER BY id LIMIT 1",
	[SQL_LIST_PIPELINES] = "SELECT document FROM pipelines ORDER BY application, name, id",
	[SQL_LIST_APPLICATION_PIPELINES] =
		"SELECT document FROM pipelines WHERE application = ?1 ORDER BY name, id",
	[SQL_READ_HISTORY] =
		"SELECT document FROM pipeline_history WHERE id = ?1 ORDER BY key DESC LIMIT ?2",
	[SQL_PUT_APPLICATION] = "INSERT INTO applications (name, attributes) VALUES (?1, ?2)"
				" ON CONFLICT (name) DO UPDATE SET name = ?1, attributes = ?2",
	[SQL_LIST_APPLICATIONS] = "SELECT attributes FROM applications ORDER BY name",
	[SQL_PUT_MEMORY] =
		"INSERT INTO memory (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
	[SQL_DELETE_MEMORY] = "DELETE FROM memory WHERE name = ?1",
	[SQL_READ_MEMORY] = "SELECT value FROM memory WHERE name = ?1",
};

int db_error(struct db *db, struct err *err)
{
	switch (sqlite3_errcode(db->handle)) {
	case SQLITE_FULL:
		return err_set(err, ERR_UNAVAILABLE, "cannot write %s: the disk is full", db->path);
	case SQLITE_IOERR:
		return err_set(err, ERR_UNAVAILABLE, "cannot read or write %s: %s", db->path,
			sqlite3_system_errno(db->handle) ? strerror(sqlite3_system_errno(db->handle)) :
							   sqlite3_errmsg(db->handle));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return err_set(err, ERR_UNAVAILABLE, "%s: %s", db->path, sqlite3_errmsg(db->handle));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		atomic_store(db->corrupt, true);
		return err_set(err, ERR_INTERNAL,
			"the database %s is corrupt (%s); nothing is written to it any more: restore a copy",
			db->path, sqlite3_errmsg(db->handle));
	default:
		return err_set(err, ERR_INTERNAL, "%s: %s", db->path, sqlite3_errmsg(db->handle));
	}
}

int db_open(const char *path, int flags, atomic_bool *corrupt, struct db **ret, struct err *err)
{
	_cleanup_(db_close_cleanup) struct db *db = xnew(struct db);

	db->path = path;
	db->corrupt = corrupt;
	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return db_error(db, err);
	sqlite3_extended_result_codes(db->handle, 0);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	*ret = take(&db);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	free(db);
}

sqlite3_stmt *db_statement(struct db *db, enum statement number, struct err *err)
{
	sqlite3_stmt **place = &db->statements[number];

	if (*place) {
		sqlite3_reset(*place);
		sqlite3_clear_bindings(*place);
		return *place;
	}
	if (sqlite3_prepare_v3(db->handle, statement_texts[number], -1, SQLITE_PREPARE_PERSISTENT,
		    place, NULL) == SQLITE_OK)
		return *place;
	db_error(db, err);
	return NULL;
}

int db_step(struct db *db, sqlite3_stmt *statement, struct err *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_error(db, err);
	}
}

int db_run(struct db *db, sqlite3_stmt *statement, struct err *err)
{
	int result = statement ? db_step(db, statement, err) : -1;

	db_done(&statement);
	return result < 0 ? -1 : 0;
}

int db_do(struct db *db, enum statement number, struct err *err)
{
	return db_run(db, db_statement(db, number, err), err);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, err);
}

void db_bind_str(sqlite3_stmt *statement, int parameter, struct str text)
{
	sqlite3_bind_text64(
		statement, parameter, text.bytes, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

void db_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
	if (text)
		db_bind_str(statement, parameter, str_of(text));
	else
		sqlite3_bind_null(statement, parameter);
}

struct str db_column(sqlite3_stmt *statement, int column)
{
	const char *bytes = (const char *)sqlite3_column_text(statement, column);

	return (struct str){ bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, column) };
}

int db_column_json(
	struct db *db, sqlite3_stmt *statement, int column, struct val *ret, struct err *err)
{
	/* Our own writing: as deep as it was. */
	const struct json_options options = {
		.verbatim = true, .max_bytes = LIMIT_STORED_BYTES, .max_depth = SIZE_MAX
	};

	if (sqlite3_column_type(statement, column) == SQLITE_NULL) {
		*ret = VAL_NULL;
		return 0;
	}
	if (json_parse(db_column(statement, column), &options, NULL, ret, err) == 0)
		return 0;

	_cleanup_err_ struct err reason = ERR_INIT;
	err_move(&reason, err);
	return err_set(err, ERR_INTERNAL,
		"the database %s is corrupt (a document: %s); restore a copy", db->path,
		err_text(&reason));
}
