/*
 * gennaker completion: scripts for shells, made from the tables of commands and options.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "commands.h"
#include "stages.h"

/* ---- what an argument can be ---------------------------------------------------------------------------------------------------- */

enum kind { KIND_TEXT, KIND_FILE, KIND_DIRECTORY, KIND_CHOICE, KIND_TYPE };

/* Arguments are named as in the help: "FILE", "DIR", "text|json", "continue|stop[=INPUT]", or anything else. */
static enum kind kind_of(struct str argument)
{
	if (str_starts(argument, "FILE"))
		return KIND_FILE;
	if (str_starts(argument, "DIR"))
		return KIND_DIRECTORY;
	if (str_starts(argument, "TYPE"))
		return KIND_TYPE;
	if (str_starts(argument, "["))
		argument = str_slice(argument, 1, argument.length);
	return argument.length > 0 && islower((unsigned char)argument.bytes[0]) &&
			str_contains(argument, "|") ?
		KIND_CHOICE :
		KIND_TEXT;
}

/* "continue|stop[=INPUT]" → "continue stop" */
static void put_choices(struct str argument)
{
	const char *separator = "";
	if (argument.length > 0 && argument.bytes[0] == '[')
		argument = str_slice(argument, 1, argument.length);
	for (struct str choice; str_split(&argument, '|', &choice); separator = " ") {
		ptrdiff_t end = str_find(choice, "[", 0);
		choice = str_slice(choice, 0, end < 0 ? choice.length : (size_t)end);
		printf("%s%.*s", separator, STR_ARG(choice));
	}
}

static void put_types(void)
{
	for (const struct stage_type *const *type = stage_registry.types; *type; type++)
		printf("%s%s", type == stage_registry.types ? "" : " ", (*type)->name);
}

static const struct option_row *options_of(const struct command *command)
{
	static const struct option_row none[] = { { 0 } };
	return command->options ? command->options : none;
}

/* Each command that has options, below others too. */
static void for_each(const struct command *const *list, void (*put)(const struct command *command))
{
	for (; *list; list++) {
		put(*list);
		if ((*list)->subcommands)
			for_each((*list)->subcommands, put);
	}
}

/* ---- bash ----------------------------------------------------------------------------------------------------------------------- */

static void bash_words(const struct command *const *list)
{
	for (const char *separator = ""; *list; list++, separator = " ")
		printf("%s%s", separator, command_word(*list));
}

static void bash_option_value(const struct command *command, const struct option_row *row)
{
	struct str argument = str_of(row->argument);
	printf("\t\"%s,--%s\"", command->name, row->name);
	if (row->letter)
		printf(" | \"%s,-%c\"", command->name, row->letter);
	fputs(") ", stdout);
	switch (kind_of(argument)) {
	case KIND_FILE:
		fputs("kind=file", stdout);
		break;
	case KIND_DIRECTORY:
		fputs("kind=directory", stdout);
		break;
	case KIND_CHOICE:
		fputs("kind=word words=\"", stdout);
		put_choices(argument);
		putchar('"');
		break;
	case KIND_TYPE:
	case KIND_TEXT:
		fputs("kind=text", stdout);
		break;
	}
	puts(" ;;");
}

/* The type after "stage", in "stage TYPE". */
static void bash_types(const struct command *command)
{
	if (!command->arguments || !strstr(command->arguments, "stage TYPE"))
		return;
	printf("\t\"%s,stage\") kind=word words=\"", command->name);
	put_types();
	puts("\" ;;");
}

static void bash_option_values(const struct command *command)
{
	bash_types(command);
	for (const struct option_row *row = options_of(command); row->name; row++)
		if (row->argument)
			bash_option_value(command, row);
}

static void bash_arguments(const struct command *command)
{
	struct str rest = str_of(command->arguments);
	const char *kind = "text";
	printf("\t\t\"%s\")\n\t\t\toptions=\"", command->name);
	for (const struct option_row *row = options_of(command); row->name; row++)
		printf("--%s ", row->name);
	printf("--%s\"\n\t\t\twords=\"", help_option.name);
	if (command->subcommands) {
		bash_words(command->subcommands);
		kind = "word";
	}
	for (struct str part; command->arguments && str_split(&rest, ' ', &part);) {
		enum kind found = kind_of(part);
		if (found == KIND_CHOICE)
			put_choices(part);
		kind = found == KIND_FILE       ? "file" :
			found == KIND_DIRECTORY ? "directory" :
			found == KIND_CHOICE    ? "word" :
						  kind;
	}
	printf("\"\n\t\t\tkind=%s ;;\n", kind);
}

static void bash_nested(const struct command *command)
{
	if (command->subcommands)
		printf("\t%s) [ \"$COMP_CWORD\" -gt 2 ] && command+=\" ${COMP_WORDS[2]}\" ;;\n",
			command->name);
}

static int put_bash(void)
{
	fputs("# Completion of gennaker for bash, made by: gennaker completion bash\n"
	      "_gennaker()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} kind= words= options=\n"
	      "\t# \"--output=json\" comes as three words.\n"
	      "\tif [ \"$before\" = = ]; then\n"
	      "\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\telif [ \"$current\" = = ]; then\n"
	      "\t\tcurrent=\n"
	      "\tfi\n"
	      "\t[ \"$COMP_CWORD\" -eq 1 ] && command=\n"
	      "\tcase $command in\n",
		stdout);
	for_each(commands, bash_nested);
	fputs("\tesac\n\tcase $command,$before in\n", stdout);
	for_each(commands, bash_option_values);
	fputs("\tesac\n\tif [ -z \"$kind\" ]; then\n\t\tcase $command in\n"
	      "\t\t\"\") options=--help kind=word words=\"",
		stdout);
	bash_words(commands);
	fputs("\" ;;\n", stdout);
	for_each(commands, bash_arguments);
	fputs("\t\tesac\n"
	      "\t\tcase $current in -*) kind=word words=$options ;; esac\n"
	      "\tfi\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase $kind in\n"
	      "\tword) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
	      "\tfile) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
	      "\tdirectory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
	      "\tesac\n"
	      "}\n"
	      "complete -F _gennaker gennaker\n",
		stdout);
	return EXIT_OK;
}

/* ---- zsh ------------------------------------------------------------------------------------------------------------------------ */

/* Inside of '…' and of a specification of _arguments, where [ ] and : mean something. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		fputs(*text == '\'' ? "'\\''" : (char[2]){ *text, 0 }, stdout);
	}
}

static void zsh_action(struct str argument)
{
	switch (kind_of(argument)) {
	case KIND_FILE:
		fputs("_files", stdout);
		break;
	case KIND_DIRECTORY:
		fputs("_files -/", stdout);
		break;
	case KIND_CHOICE:
		putchar('(');
		put_choices(argument);
		putchar(')');
		break;
	case KIND_TYPE:
		putchar('(');
		put_types();
		putchar(')');
		break;
	case KIND_TEXT:
		putchar(' ');
		break;
	}
}

static void zsh_option(const struct option_row *row)
{
	fputs(" \\\n\t\t'*'", stdout);
	if (row->letter)
		printf("{-%c,--%s}'[", row->letter, row->name);
	else
		printf("'--%s[", row->name);
	zsh_text(row->help);
	putchar(']');
	if (row->argument) {
		putchar(':');
		zsh_text(row->argument);
		putchar(':');
		zsh_action(str_of(row->argument));
	}
	putchar('\'');
}

static void zsh_positional(const struct command *command)
{
	struct str rest = str_of(command->arguments);
	for (struct str part; command->arguments && str_split(&rest, ' ', &part);) {
		if (part.length == 0)
			continue;
		_cleanup_free_ char *name = xstrndup(part.bytes, part.length);
		fputs(" \\\n\t\t'", stdout);
		fputs(command->max_arguments < 0 ? "*:" : ":", stdout);
		zsh_text(name);
		putchar(':');
		zsh_action(part);
		putchar('\'');
	}
}

/* "executions list" → "_gennaker_executions_list" */
static void zsh_name(const char *name)
{
	fputs("_gennaker_", stdout);
	for (; *name; name++)
		putchar(*name == ' ' ? '_' : *name);
}

/* Chooses among LIST by the first word, then goes on with the function of that command. */
static void zsh_choice(const struct command *const *list, const char *within)
{
	fputs("\tlocal -a commands\n\tcommands=(\n", stdout);
	for (const struct command *const *command = list; *command; command++) {
		printf("\t\t'%s:", command_word(*command));
		zsh_text((*command)->summary);
		puts("'");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\telse\n"
	       "\t\tshift words; (( CURRENT-- ))\n\t\t_gennaker_%s${words[1]} 2>/dev/null\n\tfi\n",
		within);
}

static void zsh_function(const struct command *command)
{
	zsh_name(command->name);
	puts("()\n{");
	if (command->subcommands) {
		_cleanup_free_ char *within = xasprintf("%s_", command->name);
		zsh_choice(command->subcommands, within);
	} else {
		fputs("\t_arguments -s", stdout);
		for (const struct option_row *row = options_of(command); row->name; row++)
			zsh_option(row);
		zsh_option(&help_option);
		zsh_positional(command);
		putchar('\n');
	}
	puts("}");
}

static int put_zsh(void)
{
	puts("#compdef gennaker\n# Completion of gennaker for zsh, made by: gennaker completion zsh");
	for_each(commands, zsh_function);
	puts("_gennaker()\n{");
	zsh_choice(commands, "");
	puts("}\n_gennaker \"$@\"");
	return EXIT_OK;
}

static int completion_run(const struct options *options)
{
	const char *shell = options->arguments.items[0];
	if (strcmp(shell, "bash") == 0)
		return put_bash();
	if (strcmp(shell, "zsh") == 0)
		return put_zsh();
	return complain(EXIT_USAGE,
		"completion: there is one for bash and one for zsh, not for \"%s\"", shell);
}

const struct command completion_command = {
	.name = "completion",
	.arguments = "bash|zsh",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Print the completion script of a shell.",
	.details = "bash: source <(gennaker completion bash), or keep it as /etc/bash_completion.d/gennaker.\n"
		   "zsh: keep it as _gennaker in a directory of $fpath.",
	.run = completion_run,
};
