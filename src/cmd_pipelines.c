/*
 * gennaker pipelines: the stored pipelines of a server.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "client.h"
#include "commands.h"
#include "document.h"
#include "follow.h"
#include "output.h"

/* ---- list ----------------------------------------------------------------------------------------------------------------------- */

static void cell_application(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "application"));
}

static void cell_name(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "name"));
}

static void cell_id(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "id"));
}

static void cell_stages(struct strbuf *buf, struct val row)
{
	strbuf_printf(buf, "%zu", val_count(val_get(row, "stages")));
}

static void cell_changed(struct strbuf *buf, struct val row)
{
	output_cell_time(buf, val_get_int(row, "lastModified", 0));
}

static void cell_user(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "lastModifiedBy"));
}

static void cell_state(struct strbuf *buf, struct val row)
{
	strbuf_add_text(buf, val_get_bool(row, "disabled", false) ? "disabled" : "enabled");
}

static const struct column columns[] = {
	{ "APPLICATION", cell_application },
	{ "NAME", cell_name },
	{ "STATE", cell_state },
	{ "STAGES", cell_stages },
	{ "CHANGED", cell_changed },
	{ "BY", cell_user },
	{ "ID", cell_id },
	{ 0 },
};

static int list_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum output output;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_free_ char *path = options->arguments.count > 0 ?
		client_path("/applications/%s/pipelineConfigs", options->arguments.items[0]) :
		xstrdup("/pipelineConfigs");
	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client || client_call(client, "GET", path, VAL_NULL, &list, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (output == OUTPUT_TABLE)
		output_table(columns, list, "there are no pipelines");
	else
		output_value(output, list);
	return EXIT_OK;
}

static const struct command list_command = {
	.name = "pipelines list",
	.arguments = "[APPLICATION]",
	.max_arguments = 1,
	.summary = "The stored pipelines.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS, OUTPUT_OPTION),
	.run = list_run,
};

/* ---- get ------------------------------------------------------------------------------------------------------------------------ */

static int get_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum output output;
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_free_ char *path = client_path("/applications/%s/pipelineConfigs/%s",
		options->arguments.items[0], options->arguments.items[1]);
	if (output_read(options, OUTPUT_JSON, &output) < 0)
		return EXIT_USAGE;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client || client_call(client, "GET", path, VAL_NULL, &document, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (output == OUTPUT_TABLE) {
		_cleanup_(val_free) struct val rows = val_list();
		val_append(&rows, take(&document));
		output_table(columns, rows, "");
	} else {
		output_value(output, document);
	}
	return EXIT_OK;
}

static const struct command get_command = {
	.name = "pipelines get",
	.arguments = "APPLICATION NAME",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "A stored pipeline.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS, OUTPUT_OPTION_LIKE("json")),
	.run = get_run,
};

/* ---- save ----------------------------------------------------------------------------------------------------------------------- */

/* As spin does it: what is stored under the name is replaced, whatever id the file has. */
static int take_stored_id(struct client *client, struct val *document, struct err *err)
{
	_cleanup_(val_free) struct val stored = VAL_NULL;
	_cleanup_free_ char *path = client_path("/applications/%s/pipelineConfigs/%s",
		val_get_text(*document, "application", ""), val_get_text(*document, "name", ""));
	if (client_call(client, "GET", path, VAL_NULL, &stored, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return 0;
	}
	if (*val_get_text(stored, "id", ""))
		val_set(document, "id", val_ref(val_get(stored, "id")));
	return 0;
}

/* DOCUMENT is taken. PLACE: what errors call it. */
static int save_one(const struct options *options, struct client *client, const char *place,
	struct val document, struct err *err)
{
	_cleanup_(val_free) struct val mine = document;
	const char *application = options_get(options, "application");
	if (application)
		val_set(&mine, "application", val_string(application));
	if (!*val_get_text(mine, "application", ""))
		return err_set(err, ERR_INVALID,
			"%s: which application? give --application, or \"application\" in the file",
			place);
	if (take_stored_id(client, &mine, err) < 0 ||
		client_call(client, "POST", "/pipelines", mine, NULL, err) < 0)
		return err_wrap(err, "%s", place);
	printf("%s is saved in %s\n", val_get_text(mine, "name", ""),
		val_get_text(mine, "application", ""));
	return 0;
}

/* Each pipeline of the file; one that cannot be saved is told, and the others are. The exit status. */
static int save_file(const struct options *options, struct client *client, const char *path)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val all = VAL_NULL;
	int status = EXIT_OK;
	if (document_read_all(path, &all, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	for (size_t i = 0; i < val_count(all); i++) {
		_cleanup_free_ char *place = val_count(all) > 1 ? xasprintf("%s[%zu]", path, i) :
								  xstrdup(path);
		if (save_one(options, client, place, val_ref(val_at(all, i)), &err) < 0)
			status = complain(client_exit_status(&err), "%s", err_text(&err));
		err_clear(&err);
	}
	return status;
}

static int save_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client)
		return complain(EXIT_USAGE, "%s", err_text(&err));
	int status = EXIT_OK;
	for (size_t i = 0; i < options->arguments.count; i++) {
		int saved = save_file(options, client, options->arguments.items[i]);
		if (saved != EXIT_OK)
			status = saved;
	}
	return status;
}

static const struct command save_command = {
	.name = "pipelines save",
	.arguments = "FILE…",
	.min_arguments = 1,
	.max_arguments = -1,
	.summary = "Save pipelines, each under the name in its file.",
	.details = "A file is JSON (comments are fine) or YAML, and holds one pipeline or a list of them, as gennaker pipelines list\n"
		   "-o json prints it; - is standard input. A pipeline that has the name of a stored one of its application replaces\n"
		   "it; the server keeps the earlier version.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS,
		{ "application", 'a', "NAME", "The application, whatever the file says." }),
	.run = save_run,
};

/* ---- delete --------------------------------------------------------------------------------------------------------------------- */

static int delete_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *application = options->arguments.items[0], *name = options->arguments.items[1];
	_cleanup_free_ char *path = client_path("/pipelines/%s/%s", application, name);
	_cleanup_free_ char *stored = client_path(
		"/applications/%s/pipelineConfigs/%s", application, name);
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	/* The server says yes to a name that it does not know. */
	if (!client || client_call(client, "GET", stored, VAL_NULL, NULL, &err) < 0 ||
		client_call(client, "DELETE", path, VAL_NULL, NULL, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	printf("%s is deleted from %s\n", name, application);
	return EXIT_OK;
}

static const struct command delete_command = {
	.name = "pipelines delete",
	.arguments = "APPLICATION NAME",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "Delete a stored pipeline; its runs stay.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS),
	.run = delete_run,
};

/* ---- start ---------------------------------------------------------------------------------------------------------------------- */

/* Whether there are such parameters; the server knows the pipeline, or says at the start that it does not. */
static int check_parameters(const struct options *options, struct client *client, struct err *err)
{
	_cleanup_(val_free) struct val stored = VAL_NULL;
	_cleanup_err_ struct err unknown = ERR_INIT;
	_cleanup_free_ char *path = client_path("/applications/%s/pipelineConfigs/%s",
		options->arguments.items[0], options->arguments.items[1]);
	if (!options_has(options, "parameter") ||
		client_call(client, "GET", path, VAL_NULL, &stored, &unknown) < 0)
		return 0;
	return document_check_parameters(stored, options, err);
}

/* The id of the new run; owned. */
static int start(const struct options *options, struct client *client, char **ret, struct err *err)
{
	_cleanup_(val_free) struct val trigger = val_map();
	_cleanup_(val_free) struct val answer = VAL_NULL;
	_cleanup_free_ char *path = client_path(
		"/pipelines/%s/%s", options->arguments.items[0], options->arguments.items[1]);
	struct val parameters = val_map();
	int result = document_read_parameters(options, &parameters, err);
	val_set(&trigger, "type", val_string("manual"));
	val_set(&trigger, "parameters", parameters);
	if (result < 0 || check_parameters(options, client, err) < 0 ||
		client_call(client, "POST", path, trigger, &answer, err) < 0)
		return -1;
	const char *slash = strrchr(val_get_text(answer, "ref", ""), '/');
	if (!slash)
		return err_set(err, ERR_UNAVAILABLE, "server %s: no run came back", client->url);
	*ret = xstrdup(slash + 1);
	return 0;
}

static int start_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *id = NULL;
	if (follow_check_options(options) < 0)
		return EXIT_USAGE;
	follow_signals();
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client || start(options, client, &id, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (!options_has(options, "watch")) {
		printf("%s\n", id);
		return EXIT_OK;
	}
	const struct follow follow = {
		.options = options,
		.id = id,
		.client = client,
		.stays = true,
		.is_ours = true,
	};
	return follow_run(&follow);
}

static const struct command start_command = {
	.name = "pipelines start",
	.arguments = "APPLICATION NAME",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "Start a stored pipeline; prints the id of the run.",
	.details = "With --watch it is followed instead; then Ctrl-C cancels it, and the exit status is that of gennaker run.",
	.options = ROWS(struct option_row, PARAMETER_OPTION, CLIENT_OPTIONS,
		{ "watch", 'w', NULL, "Follow the run until it ends." }, FOLLOW_OPTIONS),
	.run = start_run,
};

const struct command pipelines_command = {
	.name = "pipelines",
	.summary = "List, show, save, delete and start the pipelines of a server.",
	.subcommands = COMMANDS(
		&list_command, &get_command, &save_command, &delete_command, &start_command),
};
