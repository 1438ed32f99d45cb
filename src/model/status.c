#include "model/status.h"

#define BIT(status) (1u << (status))

static const struct {
	const char *name;
	bool complete, halt, successful, failure;
} statuses[STATUS_COUNT] = {
	[STATUS_NOT_STARTED] = { .name = "NOT_STARTED" },
	[STATUS_RUNNING] = { .name = "RUNNING" },
	[STATUS_PAUSED] = { .name = "PAUSED" },
	[STATUS_SUSPENDED] = { .name = "SUSPENDED" },
	[STATUS_REDIRECT] = { .name = "REDIRECT" },
	[STATUS_BUFFERED] = { .name = "BUFFERED" },
	[STATUS_SUCCEEDED] = { .name = "SUCCEEDED", .complete = true, .successful = true },
	[STATUS_SKIPPED] = { .name = "SKIPPED", .complete = true, .successful = true },
	[STATUS_FAILED_CONTINUE] = { .name = "FAILED_CONTINUE", .complete = true, .failure = true },
	[STATUS_STOPPED] = { .name = "STOPPED",
		.complete = true,
		.halt = true,
		.successful = true,
		.failure = true },
	[STATUS_TERMINAL] = { .name = "TERMINAL", .complete = true, .halt = true, .failure = true },
	[STATUS_CANCELED] = { .name = "CANCELED", .complete = true, .halt = true },
};

#define ALL_COMPLETE                                                                 \
	(BIT(STATUS_SUCCEEDED) | BIT(STATUS_SKIPPED) | BIT(STATUS_FAILED_CONTINUE) | \
		BIT(STATUS_STOPPED) | BIT(STATUS_TERMINAL) | BIT(STATUS_CANCELED))
#define END_OF_RUN (BIT(STATUS_SUCCEEDED) | BIT(STATUS_TERMINAL) | BIT(STATUS_CANCELED))
#define ASLEEP (BIT(STATUS_PAUSED) | BIT(STATUS_SUSPENDED))

/*
 * Where each may go. A complete execution or stage moves again only when a user restarts it. A stage that has not started
 * ends in any way: planning may fail, and an empty one has nothing to run. A task loops back by way of REDIRECT.
 */
static const unsigned moves[][STATUS_COUNT] = {
	[STATUS_OF_EXECUTION] = {
		[STATUS_NOT_STARTED] = BIT(STATUS_RUNNING) | BIT(STATUS_BUFFERED) | END_OF_RUN,
		[STATUS_BUFFERED] = BIT(STATUS_NOT_STARTED) | BIT(STATUS_CANCELED) | BIT(STATUS_TERMINAL),
		[STATUS_RUNNING] = ASLEEP | END_OF_RUN,
		[STATUS_PAUSED] = BIT(STATUS_RUNNING) | END_OF_RUN,
		[STATUS_SUSPENDED] = BIT(STATUS_RUNNING) | END_OF_RUN,
		[STATUS_SUCCEEDED] = BIT(STATUS_RUNNING) | BIT(STATUS_NOT_STARTED),
		[STATUS_TERMINAL] = BIT(STATUS_RUNNING) | BIT(STATUS_NOT_STARTED),
		[STATUS_CANCELED] = BIT(STATUS_RUNNING) | BIT(STATUS_NOT_STARTED),
	},
	[STATUS_OF_STAGE] = {
		[STATUS_NOT_STARTED] = BIT(STATUS_RUNNING) | ALL_COMPLETE,
		[STATUS_RUNNING] = ASLEEP | ALL_COMPLETE,
		[STATUS_PAUSED] = BIT(STATUS_RUNNING) | ALL_COMPLETE,
		[STATUS_SUSPENDED] = BIT(STATUS_RUNNING) | ALL_COMPLETE,
		[STATUS_SUCCEEDED] = BIT(STATUS_NOT_STARTED),
		[STATUS_SKIPPED] = BIT(STATUS_NOT_STARTED),
		[STATUS_FAILED_CONTINUE] = BIT(STATUS_NOT_STARTED),
		[STATUS_STOPPED] = BIT(STATUS_NOT_STARTED),
		[STATUS_TERMINAL] = BIT(STATUS_NOT_STARTED),
		[STATUS_CANCELED] = BIT(STATUS_NOT_STARTED),
	},
	[STATUS_OF_TASK] = {
		[STATUS_NOT_STARTED] = BIT(STATUS_RUNNING) | BIT(STATUS_PAUSED) | ALL_COMPLETE,
		[STATUS_RUNNING] = ASLEEP | BIT(STATUS_REDIRECT) | ALL_COMPLETE,
		[STATUS_PAUSED] = BIT(STATUS_RUNNING) | ALL_COMPLETE,
		[STATUS_SUSPENDED] = BIT(STATUS_RUNNING) | ALL_COMPLETE,
		[STATUS_REDIRECT] = BIT(STATUS_NOT_STARTED) | BIT(STATUS_CANCELED),
		[STATUS_SUCCEEDED] = BIT(STATUS_NOT_STARTED),
		[STATUS_SKIPPED] = BIT(STATUS_NOT_STARTED),
		[STATUS_FAILED_CONTINUE] = BIT(STATUS_NOT_STARTED),
		[STATUS_STOPPED] = BIT(STATUS_NOT_STARTED),
		[STATUS_TERMINAL] = BIT(STATUS_NOT_STARTED),
		[STATUS_CANCELED] = BIT(STATUS_NOT_STARTED),
	},
};

const char *status_name(enum status status)
{
	return statuses[status].name;
}

bool status_parse(struct str text, enum status *ret)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (!str_is(text, statuses[i].name))
			continue;
		*ret = (enum status)i;
		return true;
	}
	return false;
}

bool status_is_complete(enum status status)
{
	return statuses[status].complete;
}

bool status_is_going(enum status status)
{
	return status == STATUS_RUNNING || status == STATUS_PAUSED;
}

bool status_is_halt(enum status status)
{
	return statuses[status].halt;
}

bool status_is_successful(enum status status)
{
	return statuses[status].successful;
}

bool status_is_failure(enum status status)
{
	return statuses[status].failure;
}

bool status_lets_downstream_start(enum status status)
{
	return statuses[status].complete && !statuses[status].halt;
}

bool status_may_move(enum status_owner owner, enum status from, enum status to)
{
	return from == to || (moves[owner][from] & BIT(to));
}
