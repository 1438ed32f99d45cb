/*
 * The schema: numbered SQL files (schema/NNN_*.sql), embedded into the program in order. A database's user_version is the
 * number of those that were applied.
 */
#ifndef STORE_MIGRATION_H
#define STORE_MIGRATION_H

struct migration {
	const char *name;
	const char *sql;
};

extern const struct migration migrations[];
extern const int migration_count;

#endif
