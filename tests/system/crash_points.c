/*
 * Linked into gennaker-crash (meson.build), which is the program as it is with a store that ends the process by SIGKILL at a commit:
 *
 *	CRASH_AT_COMMIT=before:7 gennaker-crash serve …    when the 7th commit is about to begin
 *	CRASH_AT_COMMIT=after:7 gennaker-crash serve …     when it is durable, and nobody has heard of it yet
 *
 * Without the variable it is the program itself. tests/system/test_kill.py uses it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

struct store *__real_store_sqlite_open(const char *directory, struct err *err);
struct store *__wrap_store_sqlite_open(const char *directory, struct err *err);

/* Of the one store that the process writes to; only its store thread comes here. */
static const struct store_type *real_type;
static struct store_type dying_type;
static unsigned long commits, last_commit;
static bool before;

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static int commit_or_die(struct store *store, const struct store_batch *batch,
	uint64_t *ret_position, struct err *err)
{
	bool last = ++commits == last_commit;
	if (last && before)
		die();
	int result = real_type->commit(store, batch, ret_position, err);
	if (last)
		die();
	return result;
}

static void read_crash_point(const char *text)
{
	const char *number = strchr(text, ':');
	before = strncmp(text, "before:", 7) == 0;
	last_commit = number ? strtoul(number + 1, NULL, 10) : 0;
	if (last_commit == 0 || (!before && strncmp(text, "after:", 6) != 0)) {
		fprintf(stderr, "CRASH_AT_COMMIT: expected before:N or after:N, got \"%s\"\n", text);
		exit(2);
	}
}

struct store *__wrap_store_sqlite_open(const char *directory, struct err *err)
{
	const char *text = getenv("CRASH_AT_COMMIT");
	struct store *store = __real_store_sqlite_open(directory, err);
	if (!store || !text)
		return store;
	read_crash_point(text);
	real_type = store->type;
	dying_type = *real_type;
	dying_type.commit = commit_or_die;
	store->type = &dying_type;
	return store;
}
