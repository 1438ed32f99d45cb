/*
 * Between scenario.c, which says which variants are played and what must hold, and scenario_play.c, which plays one.
 */
#ifndef LIB_SCENARIO_PLAY_H
#define LIB_SCENARIO_PLAY_H

#include "lib/http_script.h"
#include "lib/scenario.h"

#define SCENARIO_START_MS INT64_C(1700000000000)

struct scenario {
	const struct scenario_setup *setup;
	struct val document;
	struct http_step *steps;
	char **texts; /* what the steps borrow */
	size_t text_count;
};

/* One way to play it. */
struct variant {
	char name[96];
	uint64_t crash_after_commit;  /* of the first life */
	uint64_t crash_before_result; /* alike */
	bool crash_always;            /* each life dies so */
	size_t fault_nth;             /* 0 = none */
	enum http_fault fault;
	bool fault_after;
	const char *directory; /* SQLite in there; NULL = memory */
};

/* What came out. */
struct outcome {
	struct val execution; /* VAL_NULL when there is none */
	struct val events;
	struct val cluster; /* what the server holds */
	char *refused;      /* why the start was */
	struct http_script *script;
	size_t lives;
	bool hangs;
	char *complaint;  /* of an action that was not refused, or was */
	struct val state; /* of the engine when it hangs */
};
void outcome_clear(struct outcome *outcome);

void scenario_play(
	const struct scenario *scenario, const struct variant *variant, struct outcome *ret);

#endif
