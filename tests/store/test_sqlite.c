/*
 * What only a store on a disk has: coming back, large values once, broken files, a killed process, a full disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "store/fixture.h"

#define A "01J0000000000000000000000A"
#define B "01J0000000000000000000000B"
#define C "01J0000000000000000000000C"
#define D "01J0000000000000000000000D"
#define DEADLINE_US 30000000

static int setup(void **state)
{
	*state = temporary_directory();
	return 0;
}

static int teardown(void **state)
{
	temporary_remove(*state);
	return 0;
}

/* The database file itself */

static char *database(const char *directory)
{
	return xasprintf("%s/gennaker.db", directory);
}

/* One number of the database, read beside the store. */
static int64_t number(const char *directory, const char *sql)
{
	_cleanup_free_ char *path = database(directory);
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t result;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	result = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return result;
}

static struct strbuf bytes_of(const char *path)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct strbuf bytes;

	if (file_read(path, 1u << 30, &bytes, &err) < 0)
		fail_msg("%s", err_text(&err));
	return bytes;
}

static void overwrite(const char *path, off_t offset, const char *bytes, size_t length)
{
	int file = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(file >= 0);
	assert_int_equal(pwrite(file, bytes, length, offset), length);
	close(file);
}

/* Opening fails with this kind and these words, and leaves the file as it was. */
static void refused(const char *directory, enum err_kind kind, const char *words)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = database(directory);
	_cleanup_strbuf_ struct strbuf before = bytes_of(path);

	assert_null(store_sqlite_open(directory, &err));
	if (err.kind != kind || !strstr(err_text(&err), words) || !strstr(err_text(&err), path))
		fail_msg("kind %d: %s", err.kind, err_text(&err));
	_cleanup_strbuf_ struct strbuf after = bytes_of(path);
	assert_true(str_equal(strbuf_str(&before), strbuf_str(&after)));
}

static void put_sample(struct store *store, const char *id)
{
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		id, "shop", "c1", 1000, STATUS_RUNNING);

	put_all(&batch, execution);
	put_event(&batch, id, "{\"type\":\"started\"}");
	commit(store, &batch);
}

/* Coming back */

static void everything_is_there_after_a_restart(void **state)
{
	struct store_batch batch = { 0 };
	struct store *store = must_open(*state);
	_cleanup_(execution_unref_cleanup) struct execution *execution = NULL;

	put_sample(store, A);
	put_event(&batch, A, "{\"n\":1}");
	assert_int_equal(commit(store, &batch), 2);
	_cleanup_(val_free) struct val before = read_execution(store, A);
	store_close(store);

	store = must_open(*state);
	_cleanup_(val_free) struct val after = read_execution(store, A);
	_cleanup_(val_free) struct val events = read_events(store, A, 0, 0);
	assert_same_json(after, before);
	assert_int_equal(val_count(events), 2);
	/* positions go on, also when the newest are gone */
	store_delete_execution(&batch, A);
	assert_int_equal(commit(store, &batch), 2);
	store_close(store);
	store = must_open(*state);
	put_event(&batch, NULL, "{}");
	assert_int_equal(commit(store, &batch), 3);
	/* an execution that is known only from the file goes on */
	put_sample(store, B);
	store_close(store);
	store = must_open(*state);
	execution = sample(B, "shop", "c1", 1000, STATUS_SUCCEEDED);
	store_put_execution(&batch, execution);
	store_put_stage(&batch, execution, 0, STAGE_PART_HEAD);
	commit(store, &batch);
	assert_int_equal(number(*state, "SELECT count(*) FROM executions"), 1);
	assert_int_equal(number(*state, "SELECT count(*) FROM stages"), 3);
	store_close(store);
}

/* What a webhook or a process may answer must never be what keeps a run from going on. */
static void odd_values_can_be_read_again(void **state)
{
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);
	struct stage *stage = stage_edit(&execution, 0);
	struct val deep = val_int(7);

	for (int i = 0; i < 3 * LIMIT_JSON_DEPTH; i++) {
		struct val list = val_list();

		val_append(&list, deep);
		deep = list;
	}
	val_set(&stage->context, "deep", deep);
	val_set_str(&stage->context, STR("nul\0key"), long_text(20000, 1));
	val_set_str(&stage->context, STR("no\xffutf8"), val_str(STR("\xc3\x28\0\xed\xa0\x80")));
	val_set(&stage->context, "", val_double(1e300 * 1e10));
	put_all(&batch, execution);
	commit(store, &batch);
	store_close(store);

	store = must_open(*state);
	_cleanup_(val_free) struct val json = read_execution(store, A);
	struct val context = val_path(json, "stages.0.context");
	struct val text = val_get_str(context, STR("nul\0key"));
	assert_int_equal(val_as_str(&text).length, 20000);
	assert_true(val_equal(val_get(context, "deep"), val_get(stage->context, "deep")));
	assert_true(val_is_string(val_get(context, "no\xef\xbf\xbdutf8")));
	assert_true(val_has(context, ""));
	store_close(store);
}

static void files_are_for_their_owner_only(void **state)
{
	_cleanup_free_ char *directory = xasprintf("%s/a/b", (char *)*state);
	_cleanup_free_ char *above = xasprintf("%s/a", (char *)*state);
	struct store *store = must_open(directory);
	const char *const names[] = { "", "/gennaker.db", "/gennaker.db-wal", "/gennaker.db-shm",
		"/lock" };

	put_sample(store, A);
	for (size_t i = 0; i < 5; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", directory, names[i]);
		struct stat info;

		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 0777, i == 0 ? 0700 : 0600);
	}
	store_close(store);
	temporary_remove(xstrdup(directory));
	temporary_remove(xstrdup(above));
}

/* Large values */

static void put_context(struct store *store, struct execution **execution, size_t index,
	const char *key, struct val value)
{
	struct store_batch batch = { 0 };

	val_set(&stage_edit(execution, index)->context, key, value);
	store_put_stage(&batch, *execution, index, STAGE_PART_CONTEXT);
	commit(store, &batch);
}

static void assert_blobs(const char *directory, int64_t blobs, int64_t uses)
{
	assert_int_equal(number(directory, "SELECT count(*) FROM blobs"), blobs);
	assert_int_equal(number(directory, "SELECT coalesce(sum(uses), 0) FROM blobs"), uses);
	assert_int_equal(number(directory, "SELECT count(*) FROM uses"), uses);
}

static void a_large_value_is_stored_once_counted_and_freed(void **state)
{
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);
	_cleanup_(val_free) struct val event = val_map();

	put_all(&batch, execution);
	commit(store, &batch);
	put_context(store, &execution, 0, "m", long_text(LIMIT_INLINE_VALUE_BYTES - 2, 1));
	assert_blobs(*state, 0, 0);
	put_context(store, &execution, 0, "m", long_text(LIMIT_INLINE_VALUE_BYTES - 1, 1));
	assert_blobs(*state, 1, 1);
	put_context(store, &execution, 1, "m", long_text(LIMIT_INLINE_VALUE_BYTES - 1, 1));
	put_context(store, &execution, 1, "again", long_text(LIMIT_INLINE_VALUE_BYTES - 1, 1));
	assert_blobs(*state, 1, 3);
	put_context(store, &execution, 0, "m", val_int(1));
	assert_blobs(*state, 1, 2);

	/* an event keeps what the stage has given up */
	val_set(&event, "context", val_map());
	val_set(val_edit(&event, "context"), "m", long_text(LIMIT_INLINE_VALUE_BYTES - 1, 1));
	store_event(&batch, A, event);
	commit(store, &batch);
	assert_blobs(*state, 1, 3);
	put_context(store, &execution, 1, "m", VAL_NULL);
	put_context(store, &execution, 1, "again", long_text(40000, 2));
	assert_blobs(*state, 2, 2);

	store_delete_execution(&batch, A);
	commit(store, &batch);
	assert_blobs(*state, 0, 0);
	store_close(store);
}

static void a_status_change_does_not_write_large_values_again(void **state)
{
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);
	_cleanup_free_ char *log = xasprintf("%s/gennaker.db-wal", (char *)*state);
	struct stat before, after;

	val_set(&execution->trigger, "payload", long_text(1000000, 1));
	val_set(&execution->config, "stages", long_text(1000000, 2));
	put_all(&batch, execution);
	commit(store, &batch);
	put_context(store, &execution, 0, "m", long_text(1000000, 3));
	assert_int_equal(stat(log, &before), 0);
	for (int i = 0; i < 10; i++) {
		execution_edit(&execution)->start_ms = i + 1;
		stage_edit(&execution, 0)->start_ms = i + 1;
		store_put_execution(&batch, execution);
		store_put_stage(&batch, execution, 0, STAGE_PART_HEAD);
		commit(store, &batch);
	}
	assert_int_equal(stat(log, &after), 0);
	assert_in_range(after.st_size - before.st_size, 1, 500000);
	store_close(store);
}

static void a_failed_batch_leaves_no_blobs(void **state)
{
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		A, "shop", "c1", 1000, STATUS_RUNNING);

	val_set(&execution->trigger, "payload", long_text(100000, 1));
	put_all(&batch, execution);
	store_event(&batch, A, VAL_NULL);
	assert_int_equal(commit_fails(store, &batch), ERR_INVALID);
	assert_blobs(*state, 0, 0);
	put_all(&batch, execution);
	commit(store, &batch);
	assert_blobs(*state, 1, 1);
	store_close(store);
}

/* Configurations */

static int64_t configs(const char *directory)
{
	return number(directory, "SELECT count(*) FROM configs");
}

static void put_config(struct store *store, const char *id, const char *config)
{
	struct store_batch batch = { 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = sample(
		id, "shop", "c1", 1000, STATUS_RUNNING);

	val_replace(&execution->config, parsed(config));
	put_all(&batch, execution);
	commit(store, &batch);
}

static void assert_config(struct store *store, const char *id, const char *config)
{
	_cleanup_(val_free) struct val expected = parsed(config);
	_cleanup_(val_free) struct val execution = read_execution(store, id);

	assert_same_json(val_get(execution, "initialConfig"), expected);
}

static void a_configuration_is_stored_once_and_goes_with_its_last_run(void **state)
{
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };

	put_config(store, A, "{\"n\":1}");
	put_config(store, B, "{\"n\":1}");
	assert_int_equal(configs(*state), 1);
	put_config(store, C, "{\"n\":3}");
	assert_int_equal(configs(*state), 2);
	put_config(store, C, "{\"n\":1}"); /* another one */
	assert_int_equal(configs(*state), 1);
	store_close(store);

	store = must_open(*state);
	put_config(store, D, "{\"n\":1}");
	assert_int_equal(configs(*state), 1);
	assert_config(store, A, "{\"n\":1}");
	assert_config(store, D, "{\"n\":1}");
	store_delete_execution(&batch, A);
	store_delete_execution(&batch, B);
	store_delete_execution(&batch, D);
	commit(store, &batch);
	assert_config(store, C, "{\"n\":1}");
	store_delete_execution(&batch, C);
	commit(store, &batch);
	assert_int_equal(configs(*state), 0);
	store_close(store);
}

/* Files that are refused */

static void a_newer_database_is_refused(void **state)
{
	store_close(must_open(*state));
	number(*state, "PRAGMA user_version = 99");
	refused(*state, ERR_UNSUPPORTED, "newer version");
}

/* The first version had a row for each event, and until the third each run had its configuration, whose large values lay apart. */
static void a_database_of_the_first_version_is_brought_up_to_date(void **state)
{
	static const char *const back[] = {
		"UPDATE events SET value = '{\"type\":\"started\"}'",
		"UPDATE executions SET config = '{\"n\":1,\"large\":null}'",
		"INSERT INTO blobs (hash, uses, value) VALUES (x'00', 0, '\"much\"')",
		"INSERT INTO uses SELECT 0, executions.key, -1, 1, '[\"large\"]', blobs.key FROM executions, blobs",
		"DROP TRIGGER executions_delete",
		"DROP TRIGGER executions_config",
		"DROP INDEX executions_by_config_key",
		"ALTER TABLE executions DROP COLUMN config_key",
		"DROP TABLE configs",
		"PRAGMA user_version = 1",
	};
	struct store *store = must_open(*state);
	_cleanup_(val_free) struct val expected = parsed(
		"[{\"type\":\"started\",\"seq\":1},{\"n\":2,\"seq\":2}]");
	struct store_batch batch = { 0 };

	put_sample(store, A);
	store_close(store);
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
		number(*state, back[i]);
	store = must_open(*state);
	put_event(&batch, A, "{\"n\":2}");
	commit(store, &batch);
	_cleanup_(val_free) struct val events = read_events(store, A, 0, 0);
	assert_same_json(events, expected);
	assert_config(store, A, "{\"n\":1,\"large\":\"much\"}");
	put_config(store, A, "{\"n\":2}");
	assert_config(store, A, "{\"n\":2}");
	assert_int_equal(configs(*state), 1);
	assert_blobs(*state, 0, 0);
	store_close(store);
}

static void another_programs_database_is_refused(void **state)
{
	number(*state, "CREATE TABLE notes (text)");
	refused(*state, ERR_UNSUPPORTED, "another program");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	_cleanup_free_ char *path = database(*state);

	overwrite(path, 0, "to whom it may concern", 22);
	refused(*state, ERR_INTERNAL, "corrupt");
	assert_int_equal(truncate(path, 0), 0);
	store_close(must_open(*state));
	overwrite(path, 0, "NOT A DATABASE ANY MORE", 23);
	refused(*state, ERR_INTERNAL, "corrupt");
}

/* Runs WORK with a fresh store in a child that dies at its end without closing. */
static void in_killed_child(const char *directory, void (*work)(struct store *store))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		work(must_open(directory));
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void write_some(struct store *store)
{
	put_sample(store, A);
}

static void an_emptied_file_with_a_log_is_refused(void **state)
{
	_cleanup_free_ char *path = database(*state);
	_cleanup_free_ char *log = xasprintf("%s-wal", path);

	in_killed_child(*state, write_some);
	_cleanup_strbuf_ struct strbuf before = bytes_of(log);
	assert_true(before.length > 0);
	assert_int_equal(truncate(path, 0), 0);
	refused(*state, ERR_INTERNAL, "corrupt");
	_cleanup_strbuf_ struct strbuf after = bytes_of(log);
	assert_true(str_equal(strbuf_str(&before), strbuf_str(&after)));
}

/* Overwrites a page of the file. */
static void break_page(const char *directory, int64_t page)
{
	_cleanup_free_ char *path = database(directory);
	char rubbish[4096];

	memset(rubbish, 0xa5, sizeof(rubbish));
	overwrite(path, 4096 * (page - 1), rubbish, sizeof(rubbish));
}

static void a_broken_page_is_found_after_a_crash(void **state)
{
	int64_t page;

	store_close(must_open(*state));
	page = number(*state, "SELECT rootpage FROM sqlite_schema WHERE name = 'applications'");
	in_killed_child(*state, write_some);
	break_page(*state, page);
	refused(*state, ERR_INTERNAL, "corrupt");
}

/* Pages that only reading finds: reported, and nothing is written from then on. */
static void a_broken_page_ends_all_writing(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = database(*state);
	struct store_batch batch = { 0 };
	struct store *store = must_open(*state);
	struct val json;
	uint64_t position;

	put_sample(store, A);
	store_close(store);
	break_page(
		*state, number(*state, "SELECT rootpage FROM sqlite_schema WHERE name = 'stages'"));
	_cleanup_strbuf_ struct strbuf before = bytes_of(path);

	store = must_open(*state);
	assert_int_equal(store->type->get_execution(store, A, &json, &position, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err_text(&err), "corrupt"));
	put_event(&batch, NULL, "{}");
	assert_int_equal(commit_fails(store, &batch), ERR_INTERNAL);
	store_close(store);
	_cleanup_strbuf_ struct strbuf after = bytes_of(path);
	assert_true(str_equal(strbuf_str(&before), strbuf_str(&after)));
}

/* Directories */

static void a_second_opener_is_told_who_holds_the_directory(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *process = xasprintf("process %d;", (int)getpid());
	struct store *store = must_open(*state);

	assert_null(store_sqlite_open(*state, &err));
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err_text(&err), process));
	store_close(store);
	store_close(must_open(*state));
}

/* In a child without root's rights; its exit status is the number of the check that failed. */
static int open_read_only(const char *directory)
{
	struct err err = ERR_INIT;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	if (store_sqlite_open(directory, &err))
		return 2;
	if (err.kind != ERR_DENIED || !strstr(err_text(&err), directory))
		return 3;
	err_clear(&err);
	return 0;
}

static void assert_child_ends_well(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_directory_without_write_permission_is_refused(void **state)
{
	pid_t child;

	assert_int_equal(chmod(*state, 0555), 0);
	child = fork();
	if (child == 0)
		_exit(open_read_only(*state));
	assert_child_ends_well(child);
	assert_int_equal(chmod(*state, 0700), 0);
}

static void a_file_in_the_directorys_place_is_refused(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *path = xasprintf("%s/file", (char *)*state);

	overwrite(path, 0, "x", 1);
	assert_null(store_sqlite_open(path, &err));
	assert_non_null(strstr(err_text(&err), path));
}

/* A killed process */

/* Commits batch after batch, and tells each number after its commit. */
static void write_until_killed(const char *directory, int pipe)
{
	struct store *store = must_open(directory);
	_cleanup_(val_free) struct val events = read_events(store, NULL, 0, 0);
	uint64_t n = val_count(events);
	struct store_batch batch = { 0 };

	for (;;) {
		_cleanup_(execution_unref_cleanup) struct execution *execution = NULL;
		char id[ULID_LENGTH + 1];

		n++;
		snprintf(id, sizeof(id), "01J%023d", (int)n);
		execution = sample(id, "shop", "c1", (int64_t)n, STATUS_RUNNING);
		val_set(&stage_edit(&execution, 0)->context, "m", long_text(20000, (unsigned)n % 3));
		put_all(&batch, execution);
		put_event(&batch, id, "{\"type\":\"started\"}");
		if (commit(store, &batch) != n || write(pipe, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* Reads numbers until COUNT have come and the child is killed; the last one. */
static uint64_t kill_after(pid_t child, int pipe, int count)
{
	uint64_t n, last = 0;
	int64_t until_us = clock_stopwatch_us() + DEADLINE_US;

	for (int i = 0; read(pipe, &n, sizeof(n)) == sizeof(n); i++) {
		last = n;
		if (i == count)
			kill(child, SIGKILL);
		assert_true(clock_stopwatch_us() < until_us);
	}
	waitpid(child, NULL, 0);
	return last;
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
	for (int round = 0; round < 8; round++) {
		int pipes[2];
		pid_t child;
		uint64_t acknowledged;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (child == 0) {
			close(pipes[0]);
			write_until_killed(*state, pipes[1]);
		}
		close(pipes[1]);
		acknowledged = kill_after(child, pipes[0], 3 + round * 2);
		close(pipes[0]);
		assert_true(acknowledged > 0);

		struct store *store = must_open(*state);
		_cleanup_(val_free) struct val events = read_events(store, NULL, 0, 0);
		size_t count = val_count(events);

		/* one more may have been committed and not told */
		assert_in_range(count, acknowledged, acknowledged + 1);
		for (size_t i = 1; i <= count; i++) {
			char id[ULID_LENGTH + 1];

			snprintf(id, sizeof(id), "01J%023d", (int)i);
			_cleanup_(val_free) struct val json = read_execution(store, id);
			assert_int_equal(val_count(val_get(json, "stages")), 3);
			assert_true(val_is_string(val_path(json, "stages.0.context.m")));
		}
		assert_blobs(*state, count < 3 ? (int64_t)count : 3, (int64_t)count);
		store_close(store);
	}
}

/* A full disk */

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* In a child, because of the limit. */
static int fill_disk(const char *directory)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct store *store = must_open(directory);
	struct store_batch batch = { 0 }, small = { 0 };
	struct err err = ERR_INIT;
	uint64_t position = 0;

	sigaction(SIGXFSZ, &ignore, NULL);
	put_sample(store, A);
	_cleanup_(val_free) struct val text = long_text(3000000, 1);
	_cleanup_(val_free) struct val event = val_map();
	val_set(&event, "text", val_ref(text));
	store_event(&batch, A, event);
	put_event(&small, A, "{}");
	limit_files(1000000);
	if (store->type->commit(store, &batch, &position, &err) == 0 || err.kind != ERR_UNAVAILABLE)
		return 2;
	/* nothing has happened, and what is there is read */
	_cleanup_(val_free) struct val before = read_events(store, NULL, 0, 0);
	if (val_count(before) != 1 || !has_execution(store, A))
		return 3;
	/* the same batch again, when there is room */
	limit_files(RLIM_INFINITY);
	if (store->type->commit(store, &batch, &position, &err) < 0 || position != 2)
		return 4;
	if (store->type->commit(store, &small, &position, &err) < 0 || position != 3)
		return 5;
	_cleanup_(val_free) struct val after = read_events(store, NULL, 1, 0);
	if (val_count(after) != 2 || !val_equal(val_get(val_at(after, 0), "text"), text))
		return 6;
	store_batch_clear(&batch);
	store_batch_clear(&small);
	err_clear(&err);
	store_close(store);
	return 0;
}

static void a_full_disk_changes_nothing_and_the_batch_can_be_tried_again(void **state)
{
	pid_t child = fork();

	if (child == 0)
		_exit(fill_disk(*state));
	assert_child_ends_well(child);
	assert_int_equal(number(*state, "SELECT count(*) FROM events"), 3);
}

/* Checkpoints */

static off_t size_of(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info.st_size : 0;
}

static void the_log_is_brought_into_the_file_beside_the_commits(void **state)
{
	_cleanup_free_ char *path = database(*state);
	struct store *store = must_open(*state);
	struct store_batch batch = { 0 };
	int64_t until_us;
	off_t wanted = (off_t)LIMIT_CHECKPOINT_PAGES * 4096;

	for (unsigned i = 0; i < 5; i++) {
		_cleanup_(val_free) struct val event = val_map();

		val_set(&event, "text", long_text(LIMIT_CHECKPOINT_PAGES * 4096 / 4, i));
		store_event(&batch, NULL, event);
		commit(store, &batch);
	}
	until_us = clock_stopwatch_us() + DEADLINE_US;
	while (size_of(path) < wanted) {
		struct pollfd nothing;

		assert_true(clock_stopwatch_us() < until_us);
		poll(&nothing, 0, 5);
	}
	store_close(store);
	assert_int_equal(size_of(path) % 4096, 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(everything_is_there_after_a_restart),
		WITH_DIRECTORY(odd_values_can_be_read_again),
		WITH_DIRECTORY(files_are_for_their_owner_only),
		WITH_DIRECTORY(a_large_value_is_stored_once_counted_and_freed),
		WITH_DIRECTORY(a_status_change_does_not_write_large_values_again),
		WITH_DIRECTORY(a_failed_batch_leaves_no_blobs),
		WITH_DIRECTORY(a_configuration_is_stored_once_and_goes_with_its_last_run),
		WITH_DIRECTORY(a_newer_database_is_refused),
		WITH_DIRECTORY(a_database_of_the_first_version_is_brought_up_to_date),
		WITH_DIRECTORY(another_programs_database_is_refused),
		WITH_DIRECTORY(a_file_that_is_no_database_is_refused),
		WITH_DIRECTORY(an_emptied_file_with_a_log_is_refused),
		WITH_DIRECTORY(a_broken_page_is_found_after_a_crash),
		WITH_DIRECTORY(a_broken_page_ends_all_writing),
		WITH_DIRECTORY(a_second_opener_is_told_who_holds_the_directory),
		WITH_DIRECTORY(a_directory_without_write_permission_is_refused),
		WITH_DIRECTORY(a_file_in_the_directorys_place_is_refused),
		WITH_DIRECTORY(what_was_acknowledged_survives_a_kill),
		WITH_DIRECTORY(a_full_disk_changes_nothing_and_the_batch_can_be_tried_again),
		WITH_DIRECTORY(the_log_is_brought_into_the_file_beside_the_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
