/* The subcommands, each in its file cmd_NAME.c. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "options.h"

#define GENNAKER_VERSION "0.1.0"

/* All of them, in the order of the help; ends with NULL. */
extern const struct command *const commands[];

extern const struct command run_command;
extern const struct command serve_command;
extern const struct command lint_command;
extern const struct command eval_command;
extern const struct command explain_command;
extern const struct command schema_command;
extern const struct command version_command;
extern const struct command watch_command;
extern const struct command judge_command;
extern const struct command executions_command;
extern const struct command pipelines_command;
extern const struct command inspect_command;
extern const struct command backup_command;
extern const struct command password_command;
extern const struct command config_command;
extern const struct command completion_command;
extern const struct command man_command;

#endif
