#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

const struct option_row help_option = { .name = "help", .letter = 'h', .help = "Show this help." };

const char *command_word(const struct command *command)
{
	const char *blank = strrchr(command->name, ' ');
	return blank ? blank + 1 : command->name;
}

int complain(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("gennaker: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

static void print_row(const struct option_row *row)
{
	char left[64];
	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", row->letter ? '-' : ' ',
		row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
		row->argument ? " " : "", row->argument ? row->argument : "");
	printf("  %-30s %s\n", left, row->help);
}

static void print_help(const struct command *command)
{
	printf("usage: gennaker %s [options]%s%s\n\n%s\n", command->name,
		*command->arguments ? " " : "", command->arguments, command->summary);
	if (command->details)
		printf("\n%s\n", command->details);
	printf("\noptions:\n");
	for (const struct option_row *row = command->options; row && row->name; row++)
		print_row(row);
	print_row(&help_option);
}

static const struct option_row *find_long(const struct command *command, struct str name)
{
	if (str_is(name, help_option.name))
		return &help_option;
	for (const struct option_row *row = command->options; row && row->name; row++)
		if (str_is(name, row->name))
			return row;
	return NULL;
}

static const struct option_row *find_short(const struct command *command, char letter)
{
	if (letter == help_option.letter)
		return &help_option;
	for (const struct option_row *row = command->options; row && row->name; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

static int unknown_option(const struct command *command, struct str name)
{
	const char *nearest = NULL;
	unsigned best = 3;
	for (const struct option_row *row = command->options; row && row->name; row++)
		if (str_nearer(name, str_of(row->name), &best))
			nearest = row->name;
	if (nearest)
		return complain(-1, "%s: no option --%.*s; did you mean --%s?", command->name,
			STR_ARG(name), nearest);
	return complain(-1, "%s: no option --%.*s; see gennaker %s --help", command->name,
		STR_ARG(name), command->name);
}

/* One argument that begins with '-'. *NEXT is the argument after it, used up (true) when the option takes it. */
static int parse_option(struct options *ret, const char *text, const char *next, bool *ret_used)
{
	const struct command *command = ret->command;
	struct str name = str_of(text + (text[1] == '-' ? 2 : 1));
	const char *value = NULL;
	const struct option_row *row;
	*ret_used = false;
	if (text[1] == '-') {
		ptrdiff_t equals = str_find(name, "=", 0);
		if (equals >= 0) {
			value = name.bytes + equals + 1;
			name = str_slice(name, 0, (size_t)equals);
		}
		row = find_long(command, name);
	} else {
		row = find_short(command, text[1]);
		if (text[2])
			value = text + 2;
	}
	if (!row)
		return unknown_option(command, name);
	if (row == &help_option) {
		print_help(command);
		return 1;
	}
	if (!row->argument && value)
		return complain(-1, "%s: --%s takes no value", command->name, row->name);
	if (row->argument && !value) {
		if (!next)
			return complain(
				-1, "%s: --%s needs %s", command->name, row->name, row->argument);
		value = next;
		*ret_used = true;
	}
	vec_push(&ret->values, ((struct option_value){ .row = row, .text = value ? value : "" }));
	return 0;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *ret)
{
	*ret = (struct options){ .command = command };
	bool only_arguments = false;
	for (int i = 1; i < argc; i++) {
		const char *text = argv[i];
		if (!only_arguments && strcmp(text, "--") == 0) {
			only_arguments = true;
			continue;
		}
		if (only_arguments || text[0] != '-' || text[1] == '\0') {
			vec_push(&ret->arguments, text);
			continue;
		}
		bool used;
		int result = parse_option(ret, text, i + 1 < argc ? argv[i + 1] : NULL, &used);
		if (result != 0)
			return result;
		i += used;
	}
	int count = (int)ret->arguments.count;
	if (count < command->min_arguments)
		return complain(-1, "%s: needs %s; see gennaker %s --help", command->name,
			command->arguments, command->name);
	if (command->max_arguments >= 0 && count > command->max_arguments)
		return complain(-1, "%s: unexpected \"%s\"", command->name,
			ret->arguments.items[command->max_arguments]);
	return 0;
}

void options_free(struct options *options)
{
	vec_free(&options->values);
	vec_free(&options->arguments);
}

const char *options_get(const struct options *options, const char *name)
{
	for (size_t i = options->values.count; i-- > 0;)
		if (strcmp(options->values.items[i].row->name, name) == 0)
			return options->values.items[i].text;
	return NULL;
}

bool options_has(const struct options *options, const char *name)
{
	return options_get(options, name) != NULL;
}
