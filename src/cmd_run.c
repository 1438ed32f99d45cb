/*
 * gennaker run: one pipeline, here and now or on a server, with live progress and an exit status by its result.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "bindings.h"
#include "client.h"
#include "commands.h"
#include "document.h"
#include "follow.h"
#include "model/pipeline.h"
#include "settings.h"
#include "setup.h"

/* One run, wherever it is. */
struct job_run {
	const struct options *options;
	struct val document; /* the pipeline, with application, name and trigger */
	struct setup setup;
	struct store *store;
	struct engine *engine;
	struct client *client;
	char *id;
};

static void add_problem(void *data, const struct graph_problem *problem)
{
	struct strbuf *text = data;
	strbuf_printf(text, "%s%s%s%s", text->length ? "; " : "", problem->path,
		*problem->path ? ": " : "", problem->text);
}

/* A broken pipeline is told as such before anything is asked for that it would need to run. */
static int check_graph(struct val document, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	if (pipeline_check_graph(document, add_problem, &text) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "%s", text.bytes);
}

static int read_document(struct job_run *run, struct err *err)
{
	if (document_read(run->options->arguments.items[0], &run->document, err) < 0 ||
		check_graph(run->document, err) < 0)
		return -1;
	if (!*val_get_text(run->document, "application", ""))
		val_set(&run->document, "application", val_string("local"));
	struct val given = val_get(run->document, "trigger");
	struct val trigger = val_is_map(given) ? val_ref(given) : val_map();
	struct val parameters = val_get(trigger, "parameters");
	parameters = val_is_map(parameters) ? val_ref(parameters) : val_map();
	int result = document_read_parameters(run->options, &parameters, err);
	if (result == 0)
		result = document_check_parameters(run->document, run->options, err);
	val_set(&trigger, "parameters", parameters);
	if (!*val_get_text(trigger, "type", ""))
		val_set(&trigger, "type", val_string("manual"));
	val_set(&run->document, "trigger", trigger);
	return result;
}

/* ---- here ---------------------------------------------------------------------------------------------------------------------- */

/* Says where manifests will go before anything is sent. */
static void say_accounts(struct job_run *run)
{
	struct val stages = val_get(run->document, "stages");
	struct val accounts = kubernetes_describe(run->setup.kubernetes);
	struct val said = val_map();
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		const char *name = val_get_text(
			stage, "account", val_get_text(stage, "credentials", ""));
		for (size_t j = 0; j < val_count(accounts); j++) {
			struct val account = val_at(accounts, j);
			if (strcmp(val_get_text(account, "name", ""), name) != 0 ||
				val_has(said, name))
				continue;
			val_set(&said, name, val_bool(true));
			fprintf(stderr, "account %s: context %s, server %s, namespace %s\n", name,
				val_get_text(account, "context", "?"),
				val_get_text(account, "server", "?"),
				val_get_text(account, "namespace", "default"));
		}
	}
	val_free(&said);
	val_free(&accounts);
}

/* Whether an earlier process left a run of this pipeline unfinished in the data directory; then run->id is its id. */
static int find_unfinished(struct job_run *run, struct err *err)
{
	static const unsigned unfinished = 1u << STATUS_NOT_STARTED | 1u << STATUS_RUNNING |
		1u << STATUS_PAUSED;
	struct execution_filter filter = {
		.statuses = unfinished,
		.without_stages = true,
	};
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (run->store->type->list_executions(run->store, &filter, &list, &position, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(list); i++) {
		struct val execution = val_at(list, i);
		bool same = strcasecmp(val_get_text(execution, "application", ""),
				    val_get_text(run->document, "application", "")) == 0 &&
			strcmp(val_get_text(execution, "name", ""),
				val_get_text(run->document, "name", "")) == 0;
		if (same && !run->id)
			run->id = xstrdup(val_get_text(execution, "id", ""));
		else
			fprintf(stderr, "run %s of \"%s\" in this data directory goes on too\n",
				val_get_text(execution, "id", ""),
				val_get_text(execution, "name", ""));
	}
	return 0;
}

static int open_here(struct job_run *run, struct err *err)
{
	const char *directory = options_get(run->options, "data-dir");
	_cleanup_(val_free) struct val settings = VAL_NULL;
	if (settings_load(options_get(run->options, "config"), &settings, err) < 0 ||
		setup_open(&run->setup, settings, true, options_get(run->options, "kubeconfig"),
			err) < 0)
		return -1;
	run->store = directory ? store_sqlite_open(directory, err) : store_memory_open();
	if (!run->store)
		return -1;
	int bound = directory ? bindings_restore(&run->setup, run->options, directory, err) :
				setup_bind_accounts(&run->setup, run->options, err);
	if (bound < 0)
		return -1;
	say_accounts(run);
	if (find_unfinished(run, err) < 0)
		return -1;
	struct engine_setup setup = {
		.world = &run->setup.world,
		.store = run->store,
		.registry = preconfigured_registry(run->setup.webhooks),
	};
	run->engine = engine_start(&setup, err);
	return run->engine ? 0 : -1;
}

static int start_here(struct job_run *run, struct err *err)
{
	if (run->id) {
		fprintf(stderr, "going on with run %s, which an earlier process left unfinished\n",
			run->id);
		if (options_has(run->options, "parameter"))
			fprintf(stderr, "-p is left aside: that run has its own parameters\n");
		return 0;
	}
	struct request request = {
		.kind = REQUEST_START,
		.value = val_ref(run->document),
		.trigger = val_ref(val_get(run->document, "trigger")),
		.origin = xstrdup("cli"),
		.check_parameters = true,
	};
	struct val reply = VAL_NULL;
	if (engine_call(run->engine, &request, &reply, err) < 0)
		return -1;
	run->id = xstrdup(val_get_text(reply, "id", ""));
	val_free(&reply);
	return 0;
}

/* ---- on a server ---------------------------------------------------------------------------------------------------------------- */

static int start_on_server(struct job_run *run, struct err *err)
{
	static const char *const local_only[] = { "data-dir", "kubeconfig", "account", "config" };
	for (size_t i = 0; i < sizeof(local_only) / sizeof(local_only[0]); i++)
		if (options_has(run->options, local_only[i]))
			return err_set(err, ERR_INVALID,
				"--%s is for a run in this process, not for one on a server (which has its own settings)",
				local_only[i]);
	run->client = client_open(run->options, err);
	if (!run->client)
		return -1;
	struct val parameters = val_get(val_get(run->document, "trigger"), "parameters");
	if (pipeline_check_parameters(run->document, parameters, err) < 0)
		return -1;
	struct val reply = VAL_NULL;
	if (client_call(run->client, "POST", "/pipelines/start", run->document, &reply, err) < 0)
		return -1;
	const char *ref = val_get_text(reply, "ref", "");
	const char *slash = strrchr(ref, '/');
	run->id = xstrdup(slash ? slash + 1 : ref);
	val_free(&reply);
	return *run->id ?
		0 :
		err_set(err, ERR_UNAVAILABLE, "server %s: no run came back", run->client->url);
}

static void close_run(struct job_run *run)
{
	if (run->engine)
		engine_stop(run->engine, LIMIT_DRAIN_MS);
	setup_close(&run->setup);
	client_free(run->client);
	store_close(run->store);
	val_free(&run->document);
	free(run->id);
}

static int follow(struct job_run *run)
{
	const struct follow follow = {
		.options = run->options,
		.id = run->id,
		.client = run->client,
		.engine = run->engine,
		.store = run->store,
		.stays = run->client || options_has(run->options, "data-dir"),
		.is_ours = true,
	};
	return follow_run(&follow);
}

static int run_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct job_run run = { .options = options };
	if (follow_check_options(options) < 0)
		return EXIT_USAGE;
	follow_signals();
	int result = read_document(&run, &err);
	if (result == 0 && options_has(options, "server"))
		result = start_on_server(&run, &err);
	else if (result == 0)
		result = open_here(&run, &err) < 0 ? -1 : start_here(&run, &err);
	int status = result < 0 ? complain(client_exit_status(&err), "%s", err_text(&err)) :
				  follow(&run);
	close_run(&run);
	return status;
}

const struct command run_command = {
	.name = "run",
	.arguments = "FILE",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Run one pipeline here and now, or on a server, and watch it.",
	.details = "FILE is JSON (comments are fine) or YAML; - is standard input. Kubernetes accounts: \"default\" is the current\n"
		   "context of the kubeconfig, each other context is an account of its name.\n"
		   "Exit status: 0 succeeded, 1 failed, 2 bad usage or input, 3 canceled. Ctrl-C cancels and waits.",
	.options = ROWS(struct option_row, PARAMETER_OPTION,
		{ "server", 's', "URL", "Run it on this server instead of in this process." },
		CLIENT_CREDENTIALS,
		{ "data-dir", 0, "DIR", "Keep the run here; killed and started again, it goes on." },
		{ "kubeconfig", 0, "FILE", "Kubernetes accounts come from here." },
		{ "account", 0, "NAME=CONTEXT",
			"An account of the pipeline is this context; may be repeated." },
		{ "config", 'c', "FILE", "Settings; default gennaker.yml if there is one." },
		FOLLOW_OPTIONS),
	.run = run_run,
};
