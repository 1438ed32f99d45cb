/*
 * gennaker: finds the subcommand and hands over. Options and wiring of each are in its cmd_NAME.c.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/str.h"
#include "commands.h"

static const struct command *const commands[] = {
	&run_command,
	&serve_command,
	&lint_command,
	&eval_command,
	&version_command,
	NULL,
};

static void print_usage(FILE *to)
{
	fprintf(to,
		"Gennaker runs Spinnaker and CODING CD pipelines.\n\nusage: gennaker COMMAND [options] …\n\n");
	for (const struct command *const *command = commands; *command; command++)
		fprintf(to, "  %-9s %s\n", (*command)->name, (*command)->summary);
	fprintf(to, "\nOptions of a command: gennaker COMMAND --help\n");
}

static int unknown_command(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (str_distance(str_of(name), str_of((*command)->name), 2) <= 2)
			return complain(EXIT_USAGE, "no command \"%s\"; did you mean \"%s\"?", name,
				(*command)->name);
	return complain(EXIT_USAGE, "no command \"%s\"; see gennaker --help", name);
}

/* Connections, warm handles and watches together need more than the usual 1024. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
	for (const struct command *const *command = commands; *command; command++) {
		if (strcmp((*command)->name, name) != 0)
			continue;
		struct options options;
		int parsed = options_parse(*command, argc - 1, argv + 1, &options);
		int status = parsed == 0 ? (*command)->run(&options) :
					   (parsed > 0 ? EXIT_OK : EXIT_USAGE);
		options_free(&options);
		return status;
	}
	return unknown_command(name);
}
