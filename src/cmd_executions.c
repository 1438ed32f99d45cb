/*
 * gennaker executions: the runs on a server.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "client.h"
#include "commands.h"
#include "output.h"

/* ---- list ----------------------------------------------------------------------------------------------------------------------- */

static void cell_id(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "id"));
}

static void cell_application(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "application"));
}

static void cell_name(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "name"));
}

static void cell_status(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "status"));
}

static void cell_start(struct strbuf *buf, struct val row)
{
	output_cell_time(buf, val_get_int(row, "startTime", 0));
}

static void cell_took(struct strbuf *buf, struct val row)
{
	int64_t start = val_get_int(row, "startTime", 0);
	int64_t end = val_get_int(row, "endTime", 0);
	if (start > 0)
		output_cell_duration(buf, (end > 0 ? end : clock_now_ms(clock_real())) - start);
	else
		strbuf_add_char(buf, '-');
}

static void cell_user(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(val_get(row, "authentication"), "user"));
}

static const struct column list_columns[] = {
	{ "ID", cell_id },
	{ "APPLICATION", cell_application },
	{ "PIPELINE", cell_name },
	{ "STATUS", cell_status },
	{ "STARTED", cell_start },
	{ "TOOK", cell_took },
	{ "BY", cell_user },
	{ 0 },
};

static void add_query(struct strbuf *path, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_printf(path, "&%s=", name);
	url_encode(path, str_of(value));
}

static int list_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum output output;
	_cleanup_(val_free) struct val list = VAL_NULL;
	const char *application = options->arguments.count > 0 ? options->arguments.items[0] : NULL;
	const char *limit = options_get(options, "limit");
	int64_t number = 20;
	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	if (limit && (!str_to_int(str_of(limit), &number) || number < 1 || number > LIMIT_LIST_ROWS))
		return complain(EXIT_USAGE, "executions list: --limit is a number from 1 to %d",
			LIMIT_LIST_ROWS);
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT(LIMIT_URL_BYTES);
	_cleanup_free_ char *start = application ?
		client_path("/applications/%s/executions/search", application) :
		xstrdup("/applications/*/executions/search");
	strbuf_printf(&path, "%s?size=%lld", start, (long long)number);
	add_query(&path, "statuses", options_get(options, "status"));
	add_query(&path, "pipelineName", options_get(options, "pipeline"));
	if (!client || client_call(client, "GET", path.bytes, VAL_NULL, &list, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (output == OUTPUT_TABLE)
		output_table(list_columns, list, "there are no such runs");
	else
		output_value(output, list);
	return EXIT_OK;
}

static const struct command list_command = {
	.name = "executions list",
	.arguments = "[APPLICATION]",
	.max_arguments = 1,
	.summary = "The runs on a server, newest first.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS,
		{ "status", 0, "running|succeeded|terminal|canceled|paused|not_started|buffered",
			"Only those; several with commas." },
		{ "pipeline", 0, "NAME", "Only those of this pipeline." },
		{ "limit", 'n', "NUMBER", "At most so many, 1 to 1000; default 20." }, OUTPUT_OPTION),
	.run = list_run,
};

/* ---- get ------------------------------------------------------------------------------------------------------------------------ */

static void cell_ref(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "refId"));
}

static void cell_type(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "type"));
}

/* The first line of what went wrong; else what could not be evaluated. */
static void cell_error(struct strbuf *buf, struct val row)
{
	struct val context = val_get(row, "context");
	struct val details = val_get(val_get(context, "exception"), "details");
	struct val errors = val_get(details, "errors");
	struct val summary = val_get(context, "expressionEvaluationSummary");
	struct val first = val_count(errors) > 0 ? val_at(errors, 0) : val_get(details, "error");
	if (!val_is_string(first) && val_count(summary) > 0)
		first = val_get(val_at(val_value_at(summary, 0), 0), "description");
	if (val_is_string(first))
		strbuf_add_str(buf, val_as_str(&first));
}

static const struct column stage_columns[] = {
	{ "REF", cell_ref },
	{ "STAGE", cell_name },
	{ "TYPE", cell_type },
	{ "STATUS", cell_status },
	{ "STARTED", cell_start },
	{ "TOOK", cell_took },
	{ "ERROR", cell_error },
	{ 0 },
};

static void print_execution(struct val execution)
{
	_cleanup_(val_free) struct val rows = val_list();
	val_append(&rows, val_ref(execution));
	output_table(list_columns, rows, "");
	const char *reason = val_get_text(execution, "cancellationReason", "");
	if (*reason) {
		fputs("canceled: ", stdout);
		output_put_text(stdout, reason);
		putchar('\n');
	}
	putchar('\n');
	output_table(stage_columns, val_get(execution, "stages"), "it has no stages");
}

static int get_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum output output;
	_cleanup_(val_free) struct val execution = VAL_NULL;
	_cleanup_free_ char *path = client_path("/pipelines/%s", options->arguments.items[0]);
	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client || client_call(client, "GET", path, VAL_NULL, &execution, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (output == OUTPUT_TABLE)
		print_execution(execution);
	else
		output_value(output, execution);
	return EXIT_OK;
}

static const struct command get_command = {
	.name = "executions get",
	.arguments = "ID",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "A run and its stages.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS, OUTPUT_OPTION),
	.run = get_run,
};

/* ---- cancel, delete ------------------------------------------------------------------------------------------------------------- */

/* What the server did for one argument, said; returns the exit status. */
typedef int (*said_fn)(const char *id, struct val answer);

/* One call for each argument; goes on after a failure, and says each. */
static int for_each(const struct options *options, const char *method, const char *format,
	const char *query, said_fn said)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client)
		return complain(EXIT_USAGE, "%s", err_text(&err));
	int status = EXIT_OK;
	for (size_t i = 0; i < options->arguments.count; i++) {
		const char *id = options->arguments.items[i];
		_cleanup_free_ char *path = client_path(format, id);
		_cleanup_free_ char *whole = xasprintf("%s%s", path, query);
		_cleanup_(val_free) struct val answer = VAL_NULL;
		int result = client_call(client, method, whole, VAL_NULL, &answer, &err) < 0 ?
			complain(client_exit_status(&err), "%s: %s", id, err_text(&err)) :
			said(id, answer);
		if (result != EXIT_OK)
			status = result;
	}
	return status;
}

/* The server answers with the run's status when that had ended before; else what runs there has to end first. */
static int say_canceled(const char *id, struct val answer)
{
	const char *ended = val_get_text(answer, "status", "");
	bool was_canceled = strcmp(ended, "CANCELED") == 0;
	if (*ended && !was_canceled)
		return complain(EXIT_FAILED, "%s has ended already: %s", id, ended);
	printf(was_canceled ? "%s was canceled before\n" : "%s is being canceled\n", id);
	return EXIT_OK;
}

static int cancel_run(const struct options *options)
{
	_cleanup_strbuf_ struct strbuf query = STRBUF_INIT(LIMIT_URL_BYTES);
	const char *reason = options_get(options, "reason");
	if (reason) {
		strbuf_add_text(&query, "?reason=");
		url_encode(&query, str_of(reason));
	}
	return for_each(options, "PUT", "/pipelines/%s/cancel", query.bytes, say_canceled);
}

static const struct command cancel_command = {
	.name = "executions cancel",
	.arguments = "ID…",
	.min_arguments = 1,
	.max_arguments = -1,
	.summary = "Cancel runs; what is under way there winds down.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS,
		{ "reason", 'r', "TEXT", "Why; it is kept with the run." }),
	.run = cancel_run,
};

static int say_deleted(const char *id, struct val answer)
{
	(void)answer;
	printf("%s is deleted\n", id);
	return EXIT_OK;
}

static int delete_run(const struct options *options)
{
	return for_each(options, "DELETE", "/pipelines/%s", "", say_deleted);
}

static const struct command delete_command = {
	.name = "executions delete",
	.arguments = "ID…",
	.min_arguments = 1,
	.max_arguments = -1,
	.summary = "Delete runs that have ended.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS),
	.run = delete_run,
};

const struct command executions_command = {
	.name = "executions",
	.summary = "List, show, cancel and delete runs on a server.",
	.subcommands = COMMANDS(&list_command, &get_command, &cancel_command, &delete_command),
};
