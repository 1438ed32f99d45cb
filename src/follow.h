/*
 * Following a run until it ends, wherever it is: live progress, Ctrl-C, manual judgments, and the exit status by its result.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "client.h"
#include "engine/engine.h"
#include "judgments.h"
#include "options.h"
#include "store/store.h"

#define FOLLOW_OPTIONS                                                                              \
	JUDGE_OPTION,                                                                               \
		{ "output", 'o', "text|json", "json: the finished execution on standard output." }, \
	{                                                                                           \
		"plain", 0, NULL, "One line a change, also on a terminal."                          \
	}

struct follow {
	const struct options *options; /* those above */
	const char *id;
	struct client *client; /* on a server, or … */
	struct engine *engine; /* … in this process */
	struct store *store;
	bool stays;   /* it goes on without this process */
	bool is_ours; /* Ctrl-C cancels it, and waits; else it only ends the watching */
};

/* Checks the options above; -1 after a complaint. Before anything is begun. */
int follow_check_options(const struct options *options);
/* From here on signals are for follow_run; before it they count as well. */
void follow_signals(void);
/* The exit status. */
int follow_run(const struct follow *follow);

#endif
