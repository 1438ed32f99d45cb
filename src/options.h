/*
 * Command lines from tables: parsing, errors with the nearest option, and --help are all made from the rows.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/field.h"
#include "base/vec.h"

struct option_row {
	const char *name;     /* "data-dir"; ends a table when NULL */
	char letter;          /* 'p', or 0 */
	const char *argument; /* "DIR"; NULL = a flag */
	const char *help;
};

struct options;
struct command {
	const char *name;      /* "run"; below another command with that one's: "executions list" */
	const char *arguments; /* "FILE", "FILE…", "" */
	int min_arguments, max_arguments; /* -1 = any number */
	const char *summary;
	const char *details; /* further lines of --help, NULL = none */
	const struct option_row *options;
	int (*run)(const struct options *options);
	/* Instead of `run`: what may follow the name; ends with NULL. Then arguments and options are theirs. */
	const struct command *const *subcommands;
};
#define COMMANDS(...) ((const struct command *const[]){ __VA_ARGS__, NULL })

struct option_value {
	const struct option_row *row;
	const char *text; /* "" for a flag */
};
struct options {
	const struct command *command;
	VEC(struct option_value) values;
	VEC(const char *) arguments;
};

enum exit_status { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CANCELED = 3 };

/*
 * Reads ARGV[1…]. 0: go on; 1: help was printed (end with EXIT_OK); -1: a line on standard error says what is wrong (EXIT_USAGE). Free
 * with options_free in any case.
 */
int options_parse(const struct command *command, int argc, char **argv, struct options *ret);
void options_free(struct options *options);
/* The last value of NAME, or NULL; whether a flag was given. */
const char *options_get(const struct options *options, const char *name);
bool options_has(const struct options *options, const char *name);

/* The option that every command has beside its own. */
extern const struct option_row help_option;
/* "executions list" → "list": what is typed for COMMAND after the command above it. */
const char *command_word(const struct command *command);

/* One line "gennaker: …" on standard error; always returns STATUS, so that `return complain(EXIT_USAGE, …)` reads well. */
int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
