#include <stdio.h>

#include "commands.h"

static int version_run(const struct options *options)
{
	(void)options;
	printf("gennaker %s\n", GENNAKER_VERSION);
	return EXIT_OK;
}

const struct command version_command = {
	.name = "version",
	.arguments = "",
	.summary = "Print the version.",
	.run = version_run,
};
