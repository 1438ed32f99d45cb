/* The subcommands, each in its file cmd_NAME.c. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "options.h"

#define GENNAKER_VERSION "0.1.0"

extern const struct command run_command;
extern const struct command serve_command;
extern const struct command lint_command;
extern const struct command eval_command;
extern const struct command version_command;

#endif
