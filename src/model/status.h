/*
 * Statuses of executions, stages and tasks, with one table of what they mean and one of legal moves (status.c).
 * Source: Orca's ExecutionStatus.
 */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include <stdbool.h>

#include "base/str.h"

enum status {
	STATUS_NOT_STARTED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_SUSPENDED,
	STATUS_REDIRECT,
	STATUS_BUFFERED,
	STATUS_SUCCEEDED,
	STATUS_SKIPPED,
	STATUS_FAILED_CONTINUE,
	STATUS_STOPPED,
	STATUS_TERMINAL,
	STATUS_CANCELED,
	STATUS_COUNT,
};

const char *status_name(enum status status); /* "NOT_STARTED" */
bool status_parse(struct str text, enum status *ret);

bool status_is_complete(enum status status);
bool status_is_going(enum status status); /* RUNNING, PAUSED: begun and not ended */
bool status_is_halt(enum status status); /* STOPPED, TERMINAL, CANCELED: nothing downstream starts */
bool status_is_successful(enum status status); /* SUCCEEDED, SKIPPED, STOPPED (as upstream has it) */
bool status_is_failure(enum status status);    /* FAILED_CONTINUE, STOPPED, TERMINAL */
/* May a stage downstream start after this one: SUCCEEDED, FAILED_CONTINUE, SKIPPED. */
bool status_lets_downstream_start(enum status status);

/* Whose status moves. */
enum status_owner { STATUS_OF_EXECUTION, STATUS_OF_STAGE, STATUS_OF_TASK };
/* True when OWNER may go from FROM to TO. Moving to itself is no move and legal. */
bool status_may_move(enum status_owner owner, enum status from, enum status to);

#endif
