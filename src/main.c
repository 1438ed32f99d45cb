/*
 * gennaker: finds the subcommand and hands over. Options and wiring of each are in its cmd_NAME.c.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "commands.h"

const struct command *const commands[] = {
	&run_command,
	&serve_command,
	&watch_command,
	&judge_command,
	&executions_command,
	&pipelines_command,
	&inspect_command,
	&lint_command,
	&eval_command,
	&explain_command,
	&schema_command,
	&config_command,
	&backup_command,
	&password_command,
	&completion_command,
	&man_command,
	&version_command,
	NULL,
};

/* WITHIN: the command whose subcommands LIST holds; NULL at the top. */
static void print_usage(FILE *to, const struct command *const *list, const struct command *within)
{
	int width = 0;
	for (const struct command *const *command = list; *command; command++)
		if ((int)strlen(command_word(*command)) > width)
			width = (int)strlen(command_word(*command));
	fprintf(to, "%s\n\nusage: gennaker %s%sCOMMAND [options] …\n\n",
		within ? within->summary : "Gennaker runs Spinnaker and CODING CD pipelines.",
		within ? within->name : "", within ? " " : "");
	for (const struct command *const *command = list; *command; command++)
		fprintf(to, "  %-*s  %s\n", width, command_word(*command), (*command)->summary);
	fprintf(to, "\nOptions of a command: gennaker %s%sCOMMAND --help\n",
		within ? within->name : "", within ? " " : "");
}

static int unknown_command(
	const char *name, const struct command *const *list, const struct command *within)
{
	const char *above = within ? within->name : "", *blank = within ? " " : "";
	for (const struct command *const *command = list; *command; command++)
		if (str_distance(str_of(name), str_of(command_word(*command)), 2) <= 2)
			return complain(EXIT_USAGE, "no command \"%s%s%s\"; did you mean \"%s\"?",
				above, blank, name, (*command)->name);
	return complain(EXIT_USAGE, "no command \"%s%s%s\"; see gennaker %s%s--help", above, blank,
		name, above, blank);
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int dispatch(
	const struct command *const *list, const struct command *within, int argc, char **argv);

/* `help COMMAND …` is `COMMAND … --help`. ARGV[0] is "help". */
static int dispatch_help(
	const struct command *const *list, const struct command *within, int argc, char **argv)
{
	static char help[] = "--help";
	_cleanup_free_ char **words = xcalloc((size_t)argc + 2, sizeof(*words));
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	words[argc] = help;
	return dispatch(list, within, argc + 1, words);
}

/* ARGV[0] is the word before the command's. */
static int dispatch(
	const struct command *const *list, const struct command *within, int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "help") == 0)
		return dispatch_help(list, within, argc - 1, argv + 1);
	if (argc < 2 || asks_for_help(argv[1])) {
		print_usage(argc < 2 ? stderr : stdout, list, within);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
	for (const struct command *const *command = list; *command; command++) {
		if (strcmp(command_word(*command), name) != 0)
			continue;
		if ((*command)->subcommands)
			return dispatch((*command)->subcommands, *command, argc - 1, argv + 1);
		struct options options;
		int parsed = options_parse(*command, argc - 1, argv + 1, &options);
		int status = parsed == 0 ? (*command)->run(&options) :
					   (parsed > 0 ? EXIT_OK : EXIT_USAGE);
		options_free(&options);
		return status;
	}
	return unknown_command(name, list, within);
}

/*
 * What many threads free stays with their arenas of malloc: with eight a processor, as glibc makes them by itself, waiting for 5,000
 * objects took a quarter more memory, at the same processor time.
 */
static void share_arenas(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	mallopt(M_ARENA_MAX, processors > 2 ? (int)processors : 2);
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
	share_arenas();
	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	return dispatch(commands, NULL, argc, argv);
}
