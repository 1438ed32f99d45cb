/*
 * gennaker man: manual pages, made from the tables of commands and options.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "commands.h"

/* Text for roff: no escapes, no requests, and '-' stays a minus that can be copied. */
static void put_text(FILE *page, const char *text)
{
	for (bool at_start = true; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", page);
		at_start = *text == '\n';
		if (*text == '\\')
			fputs("\\e", page);
		else if (*text == '-')
			fputs("\\-", page);
		else
			fputc(*text, page);
	}
}

/* Details as they were written: a line that begins with a command stays a line of its own, and an empty one ends a paragraph. */
static void put_details(FILE *page, const char *text)
{
	struct str rest = str_of(text), line;
	fputs(".PP\n", page);
	while (str_split(&rest, '\n', &line)) {
		_cleanup_free_ char *copy = xstrndup(line.bytes, line.length);
		bool is_command = str_starts(line, "gennaker ");
		if (line.length == 0) {
			fputs(".PP\n", page);
			continue;
		}
		put_text(page, copy);
		fputs(is_command ? "\n.br\n" : "\n", page);
	}
}

static void put_option(FILE *page, const struct option_row *row)
{
	fputs(".TP\n\\fB", page);
	if (row->letter)
		fprintf(page, "\\-%c\\fR, \\fB", row->letter);
	fputs("\\-\\-", page);
	put_text(page, row->name);
	fputs("\\fR", page);
	if (row->argument) {
		fputs(" \\fI", page);
		put_text(page, row->argument);
		fputs("\\fR", page);
	}
	fputc('\n', page);
	put_text(page, row->help);
	fputc('\n', page);
}

static void put_options(FILE *page, const struct command *command)
{
	fputs(".SH OPTIONS\n", page);
	for (const struct option_row *row = command->options; row && row->name; row++)
		put_option(page, row);
	put_option(page, &help_option);
}

/* Subcommands of a command, or all: each with what it is for. */
static void put_commands(FILE *page, const struct command *const *list)
{
	fputs(".SH COMMANDS\n", page);
	for (; *list; list++) {
		fputs(".TP\n\\fBgennaker ", page);
		put_text(page, (*list)->name);
		fputs("\\fR", page);
		if ((*list)->arguments && *(*list)->arguments) {
			fputs(" \\fI", page);
			put_text(page, (*list)->arguments);
			fputs("\\fR", page);
		}
		fputc('\n', page);
		put_text(page, (*list)->summary);
		fputc('\n', page);
	}
}

/* "executions list" → "gennaker-executions-list"; owned. */
static char *page_name(const struct command *command)
{
	char *name = xasprintf("gennaker%s%s", *command->name ? "-" : "", command->name);
	for (char *c = name; *c; c++)
		if (*c == ' ')
			*c = '-';
	return name;
}

static void put_head(FILE *page, const char *name, const char *summary)
{
	fputs(".\\\" -*- coding: utf-8 -*- made by: gennaker man\n.TH \"", page);
	for (const char *c = name; *c; c++)
		fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, page);
	fputs("\" 1 \"\" \"gennaker " GENNAKER_VERSION "\" \"Gennaker\"\n.SH NAME\n", page);
	put_text(page, name);
	fputs(" \\- ", page);
	put_text(page, summary);
	fputs("\n.SH SYNOPSIS\n", page);
}

/* Opens DIRECTORY/NAME.1 for writing. */
static FILE *open_page(const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.1", directory, name);
	FILE *page = fopen(path, "we");
	if (!page)
		complain(0, "cannot write %s: %s", path, strerror(errno));
	return page;
}

static int close_page(FILE *page, const char *name)
{
	bool failed = ferror(page) != 0;
	if (fclose(page) != 0 || failed)
		return complain(-1, "cannot write %s.1: %s", name, strerror(errno));
	return 0;
}

/* Other pages, by their names. */
static void put_see_also(FILE *page, const struct command *parent, const struct command *const *list)
{
	fputs(".SH SEE ALSO\n", page);
	if (parent) {
		_cleanup_free_ char *name = page_name(parent);
		fprintf(page, ".BR %s (1)%s\n", name, list ? "," : "");
	}
	for (; list && *list; list++) {
		_cleanup_free_ char *name = page_name(*list);
		fprintf(page, ".BR %s (1)%s\n", name, list[1] ? "," : "");
	}
}

/* PARENT: whose subcommand it is; NULL = gennaker's own. */
static int write_command(
	const char *directory, const struct command *parent, const struct command *command)
{
	static const struct command root = { .name = "" };
	_cleanup_free_ char *name = page_name(command);
	FILE *page = open_page(directory, name);
	if (!page)
		return -1;
	put_head(page, name, command->summary);
	fputs(".B gennaker ", page);
	put_text(page, command->name);
	fprintf(page, "\n%s", command->subcommands ? "COMMAND [options] …\n" : "[options]\n");
	if (command->arguments && *command->arguments) {
		fputs(".I ", page);
		put_text(page, command->arguments);
		fputc('\n', page);
	}
	fputs(".SH DESCRIPTION\n", page);
	put_text(page, command->summary);
	fputc('\n', page);
	if (command->details) {
		put_details(page, command->details);
	}
	if (command->subcommands)
		put_commands(page, command->subcommands);
	else
		put_options(page, command);
	put_see_also(page, parent ? parent : &root, command->subcommands);
	return close_page(page, name);
}

static int write_commands(
	const char *directory, const struct command *parent, const struct command *const *list)
{
	for (; *list; list++) {
		if (write_command(directory, parent, *list) < 0)
			return -1;
		if ((*list)->subcommands && write_commands(directory, *list, (*list)->subcommands) < 0)
			return -1;
	}
	return 0;
}

static int write_overview(const char *directory)
{
	FILE *page = open_page(directory, "gennaker");
	if (!page)
		return -1;
	put_head(page, "gennaker", "runs Spinnaker and CODING CD pipelines");
	fputs(".B gennaker\nCOMMAND [options] …\n.SH DESCRIPTION\n"
	      "Gennaker runs continuous\\-deployment pipelines written for Spinnaker and for Tencent's CODING CD against real "
	      "Kubernetes clusters: one at a time in this process, or many on a server with an embedded database.\n",
		page);
	put_commands(page, commands);
	fputs(".SH EXIT STATUS\n"
	      ".TP\n0\nIt succeeded.\n.TP\n1\nIt failed.\n.TP\n2\nBad usage or input.\n.TP\n3\nThe run was canceled.\n"
	      ".TP\n130\nThe watching of a run that goes on was ended by Ctrl\\-C.\n"
	      ".SH ENVIRONMENT\n"
	      ".TP\n.B GENNAKER_SERVER\nThe server of the commands that talk to one.\n"
	      ".TP\n.BR GENNAKER_TOKEN \", \" GENNAKER_USER\nWho we are to it: a token, or NAME:PASSWORD.\n"
	      ".TP\n.BI GENNAKER_ KEY\nThe setting KEY, over the one of the file.\n"
	      ".SH FILES\n"
	      ".TP\n.I gennaker.yml\nThe settings, in the current directory or where \\-\\-config says.\n"
	      ".TP\n.I ~/.local/share/gennaker\nThe data of a server that is not told otherwise.\n",
		page);
	put_see_also(page, NULL, commands);
	return close_page(page, "gennaker");
}

static int man_run(const struct options *options)
{
	const char *directory = options->arguments.items[0];
	if (mkdir(directory, 0777) < 0 && errno != EEXIST)
		return complain(EXIT_FAILED, "cannot make %s: %s", directory, strerror(errno));
	if (write_overview(directory) < 0 || write_commands(directory, NULL, commands) < 0)
		return EXIT_FAILED;
	return EXIT_OK;
}

const struct command man_command = {
	.name = "man",
	.arguments = "DIR",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Write the manual pages into a directory.",
	.details = "gennaker.1, gennaker-run.1, … For example: gennaker man /usr/local/share/man/man1",
	.run = man_run,
};
