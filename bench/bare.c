/*
 * bare DATABASE NEW COMMITS: what SQLite alone does with the rows that a server has written. Reads the executions, stages and
 * events of DATABASE into memory, makes the same tables and indexes in the file NEW, and inserts each row there once, by
 * prepared statements on one thread, evenly over COMMITS transactions, with WAL and synchronous=FULL as the server has. Prints the
 * seconds of that as JSON. (The server also updates rows, and serves; so this is a bound, not a rival.)
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 16

struct row {
	int table;
	sqlite3_value *values[COLUMNS_MAX];
};

struct table {
	const char *name, *select, *insert;
	int columns;
	sqlite3_stmt *put;
};

/* In the order in which a run's rows are written: its head, its stages, its events. */
static struct table tables[] = {
	{ "executions", "SELECT * FROM executions",
		"INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", 11, NULL },
	{ "stages", "SELECT * FROM stages", "INSERT INTO stages VALUES (?, ?, ?, ?, ?, ?)", 6, NULL },
	{ "events", "SELECT * FROM events", "INSERT INTO events VALUES (?, ?, ?, ?)", 4, NULL },
};

struct place {
	int64_t execution;
	int64_t order;
	struct row row;
};

static struct place *places;
static size_t count, capacity;

static void check(sqlite3 *db, int result)
{
	if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW)
		return;
	fprintf(stderr, "bare: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static double now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t execution_of(int table, sqlite3_stmt *row)
{
	if (table == 0)
		return sqlite3_column_int64(row, 0);
	return table == 1 ? sqlite3_column_int64(row, 0) >> 16 : sqlite3_column_int64(row, 1);
}

static void read_table(sqlite3 *db, int table)
{
	sqlite3_stmt *read;
	check(db, sqlite3_prepare_v2(db, tables[table].select, -1, &read, NULL));
	while (sqlite3_step(read) == SQLITE_ROW) {
		if (count == capacity) {
			capacity = capacity ? 2 * capacity : 65536;
			places = realloc(places, capacity * sizeof(*places));
			if (!places)
				exit(1);
		}
		struct place *place = &places[count++];
		*place = (struct place){ .execution = execution_of(table, read),
			.order = ((int64_t)table << 48) + sqlite3_column_int64(read, 0),
			.row.table = table };
		for (int i = 0; i < tables[table].columns; i++)
			place->row.values[i] = sqlite3_value_dup(sqlite3_column_value(read, i));
	}
	sqlite3_finalize(read);
}

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->execution != y->execution)
		return x->execution < y->execution ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The same tables and indexes, without a row. */
static void make_tables(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *read;
	check(from,
		sqlite3_prepare_v2(from,
			"SELECT sql FROM sqlite_schema WHERE tbl_name IN ('executions', 'stages', 'events') AND type <> 'trigger'"
			" AND sql NOT NULL"
			" ORDER BY type = 'index'",
			-1, &read, NULL));
	while (sqlite3_step(read) == SQLITE_ROW)
		check(to,
			sqlite3_exec(
				to, (const char *)sqlite3_column_text(read, 0), NULL, NULL, NULL));
	sqlite3_finalize(read);
}

int main(int argc, char **argv)
{
	sqlite3 *from, *to;
	if (argc != 4)
		return fputs("usage: bare DATABASE NEW COMMITS\n", stderr), 2;
	sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READONLY, NULL);
	check(from, sqlite3_errcode(from));
	sqlite3_open(argv[2], &to);
	check(to,
		sqlite3_exec(to,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -16000",
			NULL, NULL, NULL));
	make_tables(from, to);
	for (int i = 0; i < 3; i++) {
		read_table(from, i);
		check(to, sqlite3_prepare_v2(to, tables[i].insert, -1, &tables[i].put, NULL));
	}
	qsort(places, count, sizeof(*places), compare);
	size_t commits = (size_t)strtoull(argv[3], NULL, 10), done = 0;
	commits = commits ? commits : 1;
	double begin = now();
	for (size_t commit = 1; commit <= commits; commit++) {
		check(to, sqlite3_exec(to, "BEGIN IMMEDIATE", NULL, NULL, NULL));
		for (; done < count * commit / commits; done++) {
			struct table *table = &tables[places[done].row.table];
			for (int i = 0; i < table->columns; i++)
				sqlite3_bind_value(table->put, i + 1, places[done].row.values[i]);
			check(to, sqlite3_step(table->put));
			sqlite3_reset(table->put);
		}
		check(to, sqlite3_exec(to, "COMMIT", NULL, NULL, NULL));
	}
	printf("{\"rows\": %zu, \"commits\": %zu, \"seconds\": %.4f}\n", count, commits,
		now() - begin);
	return 0;
}
