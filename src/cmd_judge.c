/*
 * gennaker judge: answers a manual judgment that waits.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "client.h"
#include "commands.h"
#include "judgments.h"

static bool waits(struct val stage)
{
	return strcmp(val_get_text(stage, "type", ""), "manualJudgment") == 0 &&
		strcmp(val_get_text(stage, "status", ""), "RUNNING") == 0 &&
		judgment_is_open(val_get(stage, "context"));
}

static bool is_named(struct val stage, const char *name)
{
	return !name || strcmp(val_get_text(stage, "name", ""), name) == 0 ||
		strcmp(val_get_text(stage, "refId", ""), name) == 0 ||
		strcmp(val_get_text(stage, "id", ""), name) == 0;
}

/* Of a run that waits for a child: the child may be what waits for a judgment. */
static int nothing_waits(struct val execution, struct err *err)
{
	struct val stages = val_get(execution, "stages");
	const char *id = val_get_text(execution, "id", "?");
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		const char *child = val_get_text(val_get(stage, "context"), "executionId", "");
		if (*child && strcmp(val_get_text(stage, "status", ""), "RUNNING") == 0)
			return err_set(err, ERR_CONFLICT,
				"no stage of run %s itself waits for a judgment; \"%s\" waits for run %s, "
				"which may",
				id, val_get_text(stage, "name", ""), child);
	}
	return err_set(err, ERR_CONFLICT, "no stage of run %s waits for a judgment (it is %s)", id,
		val_get_text(execution, "status", "?"));
}

/* The one stage that is meant: borrowed from EXECUTION. */
static int find_stage(struct val execution, const char *name, struct val *ret, struct err *err)
{
	struct val stages = val_get(execution, "stages");
	struct strbuf names = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	size_t found = 0, waiting = 0;
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		if (!waits(stage))
			continue;
		strbuf_printf(&names, "%s\"%s\" (%s)", waiting++ ? ", " : "",
			val_get_text(stage, "name", ""), val_get_text(stage, "refId", ""));
		if (is_named(stage, name) && ++found == 1)
			*ret = stage;
	}
	_cleanup_free_ char *list = strbuf_detach(&names);
	if (found == 1)
		return 0;
	if (waiting == 0)
		return nothing_waits(execution, err);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND,
			"\"%s\" does not wait for a judgment; these do: %s", name, list);
	return err_set(err, ERR_INVALID, "several stages wait: say which with --stage: %s", list);
}

static int judge(const struct options *options, struct client *client, struct err *err)
{
	const char *id = options->arguments.items[0];
	const char *input = options_get(options, "input");
	_cleanup_free_ char *path = client_path("/pipelines/%s", id);
	_cleanup_(val_free) struct val execution = VAL_NULL;
	_cleanup_(val_free) struct val patch = VAL_NULL;
	struct val stage = VAL_NULL;
	if (client_call(client, "GET", path, VAL_NULL, &execution, err) < 0 ||
		find_stage(execution, options_get(options, "stage"), &stage, err) < 0 ||
		judgment_patch_of(str_of(options->arguments.items[1]), str_of(input),
			val_get(stage, "context"), &patch, err) < 0)
		return -1;
	_cleanup_free_ char *stage_path = client_path(
		"/pipelines/%s/stages/%s", id, val_get_text(stage, "id", ""));
	if (client_call(client, "PATCH", stage_path, patch, NULL, err) < 0)
		return -1;
	printf("%s: %s\n", val_get_text(stage, "name", ""),
		val_get_text(patch, "judgmentStatus", ""));
	return 0;
}

static int judge_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val patch = VAL_NULL;
	_cleanup_(client_free_cleanup) struct client *client = NULL;
	/* Before the server is asked: bad usage is told without one. */
	if (judgment_patch_of(str_of(options->arguments.items[1]), STR(""), VAL_NULL, &patch, &err) <
		0)
		return complain(EXIT_USAGE, "judge: %s", err_text(&err));
	client = client_open(options, &err);
	if (!client || judge(options, client, &err) < 0)
		return complain(client_exit_status(&err), "%s", err_text(&err));
	return EXIT_OK;
}

const struct command judge_command = {
	.name = "judge",
	.arguments = "ID continue|stop",
	.min_arguments = 2,
	.max_arguments = 2,
	.summary = "Answer a manual judgment of a run on a server.",
	.details = "ID is the run's. Exit status: 0 it was taken, 2 there is no such run, nothing waits there, or the choice\nis none of the stage's inputs.",
	.options = ROWS(struct option_row, CLIENT_OPTIONS,
		{ "input", 'i', "TEXT", "What is chosen, when the stage offers a choice." },
		{ "stage", 0, "NAME", "Which stage, by name or refId, when several wait." }),
	.run = judge_run,
};
