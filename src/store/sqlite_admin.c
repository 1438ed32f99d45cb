/*
 * The database as a file: copies of it, what is old in it, how large it is and how long its disk takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "store/sqlite.h"

/* ---- copies ----------------------------------------------------------------------------------- */

#define STEPS_BETWEEN_LOOKS 10000 /* of SQLite's machine: some milliseconds */

static int is_stopped(void *stop)
{
	return atomic_load((const atomic_bool *)stop);
}

static int cannot_copy(const char *path, struct err *err)
{
	return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_UNAVAILABLE,
		"cannot write the copy %s: %s", path, strerror(errno));
}

/* A copy takes as much as the database, and must not be what fills its disk. */
static int check_space(const char *database, const char *path, struct err *err)
{
	_cleanup_free_ char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	struct statvfs disk;
	struct stat info;

	if (slash)
		slash[slash == folder] = 0;
	if (stat(database, &info) < 0 || statvfs(slash ? folder : ".", &disk) < 0)
		return 0; /* what is wrong shows in a moment */
	if ((uint64_t)disk.f_bavail * disk.f_frsize > (uint64_t)info.st_size + LIMIT_COPY_SPARE_BYTES)
		return 0;
	return err_set(err, ERR_UNAVAILABLE,
		"there is not enough space for a copy of %lld bytes at %s", (long long)info.st_size,
		path);
}

static int vacuum_into(struct db *db, const char *path, const atomic_bool *stop, struct err *err)
{
	sqlite3_stmt *statement;
	int result;

	if (sqlite3_prepare_v2(db->handle, "VACUUM INTO ?1", -1, &statement, NULL) != SQLITE_OK)
		return db_error(db, err);
	db_bind_text(statement, 1, path);
	sqlite3_progress_handler(
		db->handle, stop ? STEPS_BETWEEN_LOOKS : 0, is_stopped, (void *)stop);
	result = db_step(db, statement, err);
	sqlite3_finalize(statement);
	if (result < 0 && stop && atomic_load(stop))
		return err_set(err, ERR_CANCELED, "the copy was given up");
	return result < 0 ? -1 : 0;
}

/* Makes PATH, which must not be there yet, for its owner only; on failure it is gone again. */
static int copy_database(
	const char *database, const char *path, const atomic_bool *stop, struct err *err)
{
	atomic_bool corrupt = false;
	_cleanup_(db_close_cleanup) struct db *db = NULL;

	if (check_space(database, path, err) < 0 ||
		db_open(database, SQLITE_OPEN_READONLY, &corrupt, &db, err) < 0)
		return -1;
	int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (file < 0)
		return cannot_copy(path, err);
	int result = vacuum_into(db, path, stop, err);

	if (result == 0 && fsync(file) < 0)
		result = cannot_copy(path, err);
	close(file);
	if (result < 0)
		unlink(path);
	return result;
}

int store_sqlite_backup(const char *directory, const char *path, struct err *err)
{
	_cleanup_free_ char *database = xasprintf("%s/gennaker.db", directory);
	struct stat info;

	if (stat(database, &info) < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no database in %s: %s", directory,
			strerror(errno));
	return copy_database(database, path, NULL, err);
}

int sqlite_backup(struct store *base, const atomic_bool *stop, int *ret_file, struct err *err)
{
	struct sqlite_store *store = sqlite_of(base);
	_cleanup_free_ char *path = xasprintf("%s/copy.tmp", store->directory);

	unlink(path); /* of a process that was killed */
	if (copy_database(store->path, path, stop, err) < 0)
		return -1;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	unlink(path);
	if (file < 0)
		return cannot_copy(path, err);
	*ret_file = file;
	return 0;
}

/* The first column of the only row, as text. */
static int read_text(struct db *db, const char *sql, char **ret, struct err *err)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
		return db_error(db, err);
	int result = db_step(db, statement, err);

	if (result > 0)
		*ret = xstrdup(db_column(statement, 0).bytes);
	else if (result == 0)
		err_set(err, ERR_INTERNAL, "%s: no row came", sql);
	sqlite3_finalize(statement);
	return result > 0 ? 0 : -1;
}

int store_sqlite_check(const char *path, struct val *ret, struct err *err)
{
	static const char *const counted[] = { "executions", "pipelines" };
	atomic_bool corrupt = false;
	_cleanup_(db_close_cleanup) struct db *db = NULL;
	_cleanup_free_ char *said = NULL;
	_cleanup_free_ char *owner = NULL;
	_cleanup_(val_free) struct val found = val_map();

	if (db_open(path, SQLITE_OPEN_READONLY, &corrupt, &db, err) < 0 ||
		read_text(db, "PRAGMA application_id", &owner, err) < 0 ||
		read_text(db, "PRAGMA quick_check(1)", &said, err) < 0)
		return -1;
	if (strcmp(said, "ok") != 0)
		return err_set(err, ERR_INTERNAL, "%s is corrupt: %s", path, said);
	if (strtoll(owner, NULL, 10) != SQLITE_OWNER)
		return err_set(err, ERR_UNSUPPORTED, "%s is no database of this program", path);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		_cleanup_free_ char *sql = xasprintf("SELECT count(*) FROM %s", counted[i]);
		_cleanup_free_ char *count = NULL;

		if (read_text(db, sql, &count, err) < 0)
			return -1;
		val_set(&found, counted[i], val_int(strtoll(count, NULL, 10)));
	}
	*ret = take(&found);
	return 0;
}

/* ---- what is old ------------------------------------------------------------------------------ */

/* Runs without a pipeline are counted for their application. */
static const char expired_sql[] =
	"SELECT id FROM (SELECT id, build_ms, complete, row_number() OVER"
	" (PARTITION BY config_id, CASE WHEN config_id IS NULL THEN application END"
	" ORDER BY build_ms DESC, id DESC) AS place FROM executions)"
	" WHERE complete = 1 AND ((build_ms < ?1 AND place > ?2) OR (?3 > 0 AND place > ?3))"
	" ORDER BY build_ms, id LIMIT ?4";

int sqlite_list_expired(struct store *base, const struct retention *retention, size_t limit,
	struct val *ret_ids, struct err *err)
{
	struct sqlite_store *store = sqlite_of(base);
	struct db *db = reader_begin(store, err);
	sqlite3_stmt *statement = NULL;
	struct val ids = val_list();
	int found = -1;

	if (db && sqlite3_prepare_v2(db->handle, expired_sql, -1, &statement, NULL) != SQLITE_OK)
		db_error(db, err);
	if (statement) {
		sqlite3_bind_int64(statement, 1, retention->before_ms);
		sqlite3_bind_int64(statement, 2, (int64_t)retention->keep_newest);
		sqlite3_bind_int64(statement, 3, (int64_t)retention->keep_at_most);
		sqlite3_bind_int64(statement, 4, (int64_t)limit);
		while ((found = db_step(db, statement, err)) > 0)
			val_append(&ids, val_str(db_column(statement, 0)));
	}
	sqlite3_finalize(statement);
	if (db)
		reader_end(store, db);
	if (found < 0) {
		val_free(&ids);
		return -1;
	}
	*ret_ids = ids;
	return 0;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* In microseconds; what is above the last one only counts for "+Inf". */
static const int64_t bounds_us[TIMING_BOUNDS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000,
	50000, 100000, 250000, 1000000 };

void timing_add(struct timing *timing, int64_t us)
{
	size_t place = 0;

	while (place < TIMING_BOUNDS && us > bounds_us[place])
		place++;
	atomic_fetch_add(&timing->counts[place], 1);
	atomic_fetch_add(&timing->sum_us, (uint64_t)us);
}

static void put_timing(struct val *metrics, const char *name, struct timing *timing)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= TIMING_BOUNDS; i++) {
		_cleanup_free_ char *key = i < TIMING_BOUNDS ?
			xasprintf("%s_bucket{le=\"%g\"}", name, (double)bounds_us[i] / 1e6) :
			xasprintf("%s_bucket{le=\"+Inf\"}", name);

		count += atomic_load(&timing->counts[i]);
		val_set(metrics, key, val_int((int64_t)count));
	}
	_cleanup_free_ char *sum = xasprintf("%s_sum", name);
	_cleanup_free_ char *total = xasprintf("%s_count", name);

	val_set(metrics, sum, val_double((double)atomic_load(&timing->sum_us) / 1e6));
	val_set(metrics, total, val_int((int64_t)count));
}

static int64_t size_of(const char *path, const char *suffix)
{
	_cleanup_free_ char *name = xasprintf("%s%s", path, suffix);
	struct stat info;

	return stat(name, &info) == 0 ? info.st_size : 0;
}

struct val sqlite_metrics(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);
	struct val metrics = val_map();
	struct statvfs disk;

	val_set(&metrics, "gennaker_store_bytes", val_int(size_of(store->path, "")));
	val_set(&metrics, "gennaker_store_log_bytes", val_int(size_of(store->path, "-wal")));
	if (statvfs(store->directory, &disk) == 0)
		val_set(&metrics, "gennaker_store_free_bytes",
			val_int((int64_t)disk.f_bavail * (int64_t)disk.f_frsize));
	put_timing(&metrics, "gennaker_store_commit_seconds", &store->commit_time);
	put_timing(&metrics, "gennaker_store_sync_seconds", &store->sync_time);
	return metrics;
}
