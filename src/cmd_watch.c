/*
 * gennaker watch: follows a run on a server.
 */
#include "client.h"
#include "commands.h"
#include "follow.h"

static int watch_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	if (follow_check_options(options) < 0)
		return EXIT_USAGE;
	follow_signals();
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client)
		return complain(EXIT_USAGE, "%s", err_text(&err));
	const struct follow follow = {
		.options = options,
		.id = options->arguments.items[0],
		.client = client,
		.stays = true,
	};
	return follow_run(&follow);
}

const struct command watch_command = {
	.name = "watch",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Watch a run on a server until it ends.",
	.details = "It begins with what has happened so far. On a terminal it asks when a manual judgment waits.\n"
		   "Exit status: 0 succeeded, 1 failed, 2 bad usage or input, 3 canceled. Ctrl-C ends the watching, not the run (130).",
	.options = ROWS(struct option_row, CLIENT_OPTIONS, FOLLOW_OPTIONS),
	.run = watch_run,
};
