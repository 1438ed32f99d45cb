/*
 * gennaker inspect: what a server's runs are doing at this moment; for one that is stuck.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client.h"
#include "commands.h"
#include "output.h"

static void cell_run(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "run"));
}

static void cell_stage(struct strbuf *buf, struct val row)
{
	if (val_has(row, "refId"))
		strbuf_printf(buf, "%s (%s)", val_get_text(row, "name", "?"),
			val_get_text(row, "refId", "?"));
}

static void cell_task(struct strbuf *buf, struct val row)
{
	output_cell_text(buf, val_get(row, "task"));
}

static void add_text(struct strbuf *buf, const char *text)
{
	strbuf_printf(buf, "%s%s", buf->length > 0 ? "; " : "", text);
}

static void add_since(struct strbuf *buf, struct val row, const char *key)
{
	strbuf_add_text(buf, " for ");
	output_cell_duration(buf, clock_now_ms(clock_real()) - val_get_int(row, key, 0));
}

static void add_wait(struct strbuf *buf, struct val row)
{
	struct val keys = val_get(row, "waitsFor");
	int64_t next = val_get_int(row, "nextLook", 0);
	for (size_t i = 0; i < val_count(keys); i++) {
		struct val key = val_at(keys, i);
		add_text(buf, "waits for ");
		strbuf_add_str(buf, val_as_str(&key));
	}
	if (next) {
		add_text(buf, "looks again in ");
		output_cell_duration(buf, next - clock_now_ms(clock_real()));
	}
}

static void cell_doing(struct strbuf *buf, struct val row)
{
	const char *text = val_get_text(row, "text", "");
	if (val_get_bool(row, "waitsForWorker", false)) {
		strbuf_add_text(buf, "waits for a worker");
		add_since(buf, row, "queuedSince");
	} else if (val_has(row, "queuedSince")) {
		strbuf_printf(buf, "waits for a slot of %s", val_get_text(row, "slot", "?"));
		add_since(buf, row, "queuedSince");
	} else if (val_get_bool(row, "inFlight", false)) {
		strbuf_add_text(buf, "in flight");
		add_since(buf, row, "since");
		if (val_has(row, "slot"))
			strbuf_printf(buf, ", at %s", val_get_text(row, "slot", "?"));
	} else {
		add_wait(buf, row);
	}
	if (*text)
		add_text(buf, text);
	if (buf->length == 0)
		strbuf_add_text(buf, "waits for its stages");
}

static const struct column columns[] = {
	{ "RUN", cell_run },
	{ "STAGE", cell_stage },
	{ "TASK", cell_task },
	{ "WHAT IT DOES", cell_doing },
	{ 0 },
};

/* One row a stage; of a run that goes on with none at the moment, why. */
static struct val rows_of(struct val state)
{
	struct val rows = val_list();
	for (size_t i = 0; i < val_count(state); i++) {
		struct val stages = val_value_at(state, i);
		struct val run = val_str(val_key_at(state, i));
		for (size_t j = 0; j < val_count(stages); j++) {
			struct val row = val_ref(val_at(stages, j));
			val_set(&row, "run", val_ref(run));
			val_append(&rows, row);
		}
		val_free(&run);
	}
	return rows;
}

static int inspect_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum output output;
	_cleanup_(val_free) struct val state = VAL_NULL;
	const char *id = options->arguments.count > 0 ? options->arguments.items[0] : NULL;
	_cleanup_free_ char *path = id ? client_path("/admin/state?id=%s", id) :
					 xstrdup("/admin/state");
	if (output_read(options, OUTPUT_TABLE, &output) < 0)
		return EXIT_USAGE;
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, &err);
	if (!client || client_call(client, "GET", path, VAL_NULL, &state, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	if (output != OUTPUT_TABLE) {
		output_value(output, state);
		return EXIT_OK;
	}
	_cleanup_(val_free) struct val rows = rows_of(state);
	output_table(columns, rows, id ? "this run is not going on" : "nothing is going on");
	return EXIT_OK;
}

const struct command inspect_command = {
	.name = "inspect",
	.arguments = "[ID]",
	.max_arguments = 1,
	.summary = "What runs on a server are doing now: in flight, waiting for a key, a slot or a time.",
	.details = "ID: only this run. It is the server's memory, not the store: it shows why a run does not go on,\n"
		   "and which of its stages were skipped because their stageEnabled could not be evaluated.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS, OUTPUT_OPTION),
	.run = inspect_run,
};
