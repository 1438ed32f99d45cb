/*
 * The manual judgments of a run that is followed: which wait for an answer, learnt from the journal's events, and what people answer.
 * One thread.
 */
#ifndef JUDGMENTS_H
#define JUDGMENTS_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/val.h"
#include "base/vec.h"
#include "model/status.h"

#define JUDGE_OPTION                                                                                \
	{                                                                                           \
		"judge", 0, "continue|stop[=INPUT]", "Answers manual judgments, instead of asking." \
	}

struct judgment {
	char *run_id, *stage_id;
	char *name; /* "Approve", or "child / Approve" */
	enum status status;
	struct val context; /* as far as it was told */
	bool answered;      /* by us */
	bool refused;       /* by us, and the stage did not take it */
	bool told;          /* that it waits, where nobody can be asked */
};

struct judgments {
	VEC(struct judgment) stages;
};

void judgments_free(struct judgments *judgments);
/* Takes one event ({"event", "data"}) in. CHILD is the name of the child whose event it is, or NULL. */
void judgments_event(struct judgments *judgments, struct val event, const char *child);
/* Nobody waits for run RUN_ID any more, nor for its judgments. */
void judgments_end(struct judgments *judgments, const char *run_id);
/* The first one that waits and was not answered yet, or NULL. Valid until the next event. */
struct judgment *judgments_waiting(struct judgments *judgments);

/* Whether CONTEXT, that of a manualJudgment stage, holds no answer yet. */
bool judgment_is_open(struct val context);
/* "continue, staging or production"; owned; NULL when the stage names no inputs. */
char *judgment_inputs(struct val context);

/*
 * TEXT ("continue", "stop", "c", "s", then "=INPUT" or " INPUT") as what a stage with CONTEXT is patched with. ERR_INVALID: it is no
 * answer, or not one of the inputs that the stage names. VAL_NULL as CONTEXT: any input. Owned.
 */
int judgment_patch(const char *text, struct val context, struct val *ret, struct err *err);
/* The same of what is told apart already; INPUT may be NULL. */
int judgment_patch_of(
	struct str verdict, struct str input, struct val context, struct val *ret, struct err *err);

#endif
