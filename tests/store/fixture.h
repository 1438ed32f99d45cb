/*
 * What the tests of stores share: making executions and batches, and looking at them. Failures end the test.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "base/json.h"
#include "lib/temporary.h"
#include "store/store.h"

/* Opens, or fails the test. */
struct store *must_open(const char *directory);

struct val parsed(const char *json);
/* An execution with two stages and a before stage of the second; BUILD_MS and the id's last characters tell them apart. */
struct execution *sample(const char *id, const char *application, const char *config,
	int64_t build_ms, enum status status);
/* The whole of it into the batch: head and stages. */
void put_all(struct store_batch *batch, struct execution *execution);

/* Commits and clears the batch; the position. */
uint64_t commit(struct store *store, struct store_batch *batch);
/* Commits what must fail, clears; the kind of error. */
enum err_kind commit_fails(struct store *store, struct store_batch *batch);
void put_event(struct store_batch *batch, const char *execution_id, const char *json);

/* Owned. */
struct val read_execution(struct store *store, const char *id);
bool has_execution(struct store *store, const char *id);
struct val read_events(struct store *store, const char *execution_id, uint64_t after, size_t limit);
/* Ids of a list of executions, joined by blanks; owned. */
char *list_ids(struct store *store, const struct execution_filter *filter);
void assert_same_json(struct val actual, struct val expected);
/* A string of LENGTH characters, other ones for another SEED. */
struct val long_text(size_t length, unsigned seed);

#endif
