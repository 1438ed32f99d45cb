/*
 * What must hold after a play of a scenario. Each ends the test with everything that is wrong.
 */
#ifndef LIB_SCENARIO_CHECK_H
#define LIB_SCENARIO_CHECK_H

#include "base/json.h"
#include "lib/scenario_play.h"

/* No key that the harness does not know: a misspelt expectation would hold for ever. */
void scenario_check_keys(struct val document);
/* Of every play: it ended, no effect doubled, and the journal gives the execution. */
void scenario_check_outcome(const char *variant, const struct outcome *outcome);
/* `expect`. */
void scenario_check_expected(struct val expect, const struct outcome *outcome);
/* After a crash: the statuses and outputs of the plain play. */
void scenario_check_same(
	const char *variant, const struct outcome *plain, const struct outcome *outcome);
/* After a fault: what `faults` says. */
void scenario_check_fault(const struct variant *variant, struct val faults,
	const struct outcome *plain, const struct outcome *outcome);
const char *scenario_fault_name(enum http_fault fault);

#endif
