/*
 * gennaker run: one pipeline, here and now or on a server, with live progress and an exit status by its result.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "feed.h"
#include "model/pipeline.h"
#include "progress.h"
#include "settings.h"
#include "setup.h"
#include "stages.h"

#define TICK_MS 100

static volatile sig_atomic_t interrupts, terminated;

static void on_signal(int number)
{
	if (number == SIGTERM)
		terminated = 1;
	else if (++interrupts > 2)
		_exit(130);
}

/* One run, wherever it is. */
struct job_run {
	const struct options *options;
	struct val document; /* the pipeline, with application, name and trigger */
	bool json;
	struct setup setup;
	struct store *store;
	struct engine *engine;
	const char *server;
	char *id;
	struct progress *progress;
	bool canceling;
};

/* ---- the file ---------------------------------------------------------------------------------------------------------------- */

/* "examples/hello.json" → "hello"; owned. */
static char *name_of_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = strcmp(path, "-") == 0 ? "stdin" : (slash ? slash + 1 : path);
	const char *dot = strrchr(base, '.');
	return xstrndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

static int read_document(struct job_run *run, struct err *err)
{
	const char *path = run->options->arguments.items[0];
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	if (file_read(path, LIMIT_BODY_BYTES, &text, err) < 0)
		return -1;
	int result = yaml_or_json_parse(strbuf_str(&text), &run->document, err);
	strbuf_free(&text);
	if (result < 0)
		return err_wrap(err, "%s", path);
	if (!val_is_map(run->document) || !val_has(run->document, "stages"))
		return err_set(err, ERR_INVALID,
			"%s: a pipeline is an object with a list of \"stages\"", path);
	if (!*val_get_text(run->document, "name", "")) {
		_cleanup_free_ char *name = name_of_file(path);
		val_set(&run->document, "name", val_string(name));
	}
	if (!*val_get_text(run->document, "application", ""))
		val_set(&run->document, "application", val_string("local"));
	return 0;
}

/* -p NAME=VALUE, as Gate's clients send them: texts in trigger.parameters. */
static int read_parameters(struct job_run *run, struct err *err)
{
	struct val given = val_get(run->document, "trigger");
	struct val trigger = val_is_map(given) ? val_ref(given) : val_map();
	struct val parameters = val_get(trigger, "parameters");
	parameters = val_is_map(parameters) ? val_ref(parameters) : val_map();
	int result = 0;
	for (size_t i = 0; i < run->options->values.count && result == 0; i++) {
		const struct option_value *value = &run->options->values.items[i];
		if (strcmp(value->row->name, "parameter") != 0)
			continue;
		const char *equals = strchr(value->text, '=');
		if (!equals || equals == value->text) {
			result = err_set(err, ERR_INVALID, "-p %s: expected NAME=VALUE", value->text);
			break;
		}
		val_set_str(&parameters, (struct str){ value->text, (size_t)(equals - value->text) },
			val_string(equals + 1));
	}
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

/* A run of this pipeline that an earlier process left unfinished in the data directory: its id, or NULL. */
static char *find_unfinished(struct job_run *run)
{
	static const unsigned unfinished = 1u << STATUS_NOT_STARTED | 1u << STATUS_RUNNING |
		1u << STATUS_PAUSED;
	struct execution_filter filter = {
		.application = val_get_text(run->document, "application", ""),
		.statuses = unfinished,
		.without_stages = true,
	};
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (run->store->type->list_executions(run->store, &filter, &list, &position, &err) < 0)
		return NULL;
	for (size_t i = 0; i < val_count(list); i++) {
		struct val execution = val_at(list, i);
		if (strcmp(val_get_text(execution, "name", ""),
			    val_get_text(run->document, "name", "")) == 0)
			return xstrdup(val_get_text(execution, "id", ""));
	}
	return NULL;
}

static int open_here(struct job_run *run, struct err *err)
{
	const char *directory = options_get(run->options, "data-dir");
	_cleanup_(val_free) struct val settings = VAL_NULL;
	if (settings_load(options_get(run->options, "config"), &settings, err) < 0 ||
		setup_open(&run->setup, settings, true, options_get(run->options, "kubeconfig"),
			err) < 0 ||
		setup_bind_accounts(&run->setup, run->options, err) < 0)
		return -1;
	say_accounts(run);
	run->store = directory ? store_sqlite_open(directory, err) : store_memory_open();
	if (!run->store)
		return -1;
	run->id = find_unfinished(run);
	struct engine_setup setup = {
		.world = &run->setup.world,
		.store = run->store,
		.registry = &stage_registry,
	};
	run->engine = engine_start(&setup, err);
	return run->engine ? 0 : -1;
}

static int start_here(struct job_run *run, struct err *err)
{
	if (run->id) {
		fprintf(stderr, "going on with run %s, which an earlier process left unfinished\n",
			run->id);
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

/* One call; *RET is the answer's JSON. The message of a refusal becomes the error. */
static int call_server(struct job_run *run, const char *method, const char *path, struct val body,
	struct val *ret, struct err *err)
{
	_cleanup_free_ char *url = xasprintf("%s%s", run->server, path);
	_cleanup_(val_free) struct val headers = val_map();
	_cleanup_free_ char *text = val_is_null(body) ? NULL : json_text(body, JSON_COMPACT);
	if (text)
		val_set(&headers, "Content-Type", val_string("application/json"));
	struct http_request request = {
		.method = method,
		.url = url,
		.headers = headers,
		.body = text ? str_of(text) : (struct str){ 0 },
	};
	struct http_response response = { 0 };
	_cleanup_(val_free) struct val answer = VAL_NULL;
	int result = http_perform(run->setup.world.http, &request, &response, err);
	if (result < 0)
		err_wrap(err, "server %s", run->server);
	if (result == 0 && response.body.length > 0) {
		_cleanup_err_ struct err ignored = ERR_INIT;
		json_parse(strbuf_str(&response.body), NULL, NULL, &answer, &ignored);
	}
	if (result == 0 && response.status >= 300)
		result = err_set(err, response.status < 500 ? ERR_INVALID : ERR_UNAVAILABLE, "%s",
			val_get_text(answer, "message", "the server refused it"));
	else if (result == 0 && ret)
		*ret = take(&answer);
	http_response_free(&response);
	return result;
}

static int start_on_server(struct job_run *run, struct err *err)
{
	static const char *const local_only[] = { "data-dir", "kubeconfig", "account" };
	for (size_t i = 0; i < sizeof(local_only) / sizeof(local_only[0]); i++)
		if (options_has(run->options, local_only[i]))
			return err_set(err, ERR_INVALID,
				"--%s is for a run in this process, not for one on a server",
				local_only[i]);
	setup_open_client(&run->setup);
	const char *missing = pipeline_missing_parameter(
		run->document, val_get(val_get(run->document, "trigger"), "parameters"));
	if (missing)
		return err_set(err, ERR_INVALID, "Required parameter %s is missing", missing);
	struct val reply = VAL_NULL;
	if (call_server(run, "POST", "/pipelines/start", run->document, &reply, err) < 0)
		return -1;
	const char *ref = val_get_text(reply, "ref", "");
	const char *slash = strrchr(ref, '/');
	run->id = xstrdup(slash ? slash + 1 : ref);
	val_free(&reply);
	return *run->id ? 0 :
			  err_set(err, ERR_UNAVAILABLE, "server %s: no run came back", run->server);
}

/* ---- watching ---------------------------------------------------------------------------------------------------------------- */

static void cancel(struct job_run *run)
{
	_cleanup_err_ struct err err = ERR_INIT;
	run->canceling = true;
	fprintf(stderr, "canceling; waiting for what is under way\n");
	int result;
	if (run->server) {
		_cleanup_free_ char *path = xasprintf("/pipelines/%s/cancel?reason=Ctrl-C", run->id);
		result = call_server(run, "PUT", path, VAL_NULL, NULL, &err);
	} else {
		struct request request = {
			.kind = REQUEST_CANCEL,
			.key = xstrdup(run->id),
			.reason = xstrdup("Ctrl-C"),
		};
		result = engine_call(run->engine, &request, NULL, &err);
	}
	if (result < 0)
		complain(0, "cannot cancel: %s", err_text(&err));
}

static void take_event(void *data, struct val event)
{
	struct job_run *run = data;
	progress_event(run->progress, event);
}

/* Until the run is complete. 0 and its status; -1 when it was left going. */
static int watch(struct job_run *run, struct feed *feed, enum status *ret_status, struct err *err)
{
	while (!progress_is_complete(run->progress, ret_status)) {
		if (feed_read(feed, TICK_MS, take_event, run, err) < 0)
			return -1;
		progress_tick(run->progress, clock_now_ms(clock_real()));
		if (interrupts && !run->canceling)
			cancel(run);
		if (interrupts > 1)
			return err_set(err, ERR_CANCELED, "interrupted; the run was left as it is");
		if (terminated && (run->server || options_has(run->options, "data-dir")))
			return err_set(err, ERR_CANCELED, "stopped; the run %s",
				run->server ? "goes on on the server" :
					      "goes on when this is started again");
		if (terminated && !run->canceling)
			cancel(run);
	}
	return 0;
}

static int print_execution(struct job_run *run, struct err *err)
{
	struct val execution = VAL_NULL;
	uint64_t position;
	_cleanup_free_ char *path = xasprintf("/pipelines/%s", run->id);
	int result = run->server ?
		call_server(run, "GET", path, VAL_NULL, &execution, err) :
		run->store->type->get_execution(run->store, run->id, &execution, &position, err);
	if (result < 0)
		return -1;
	_cleanup_free_ char *text = json_text(execution, JSON_PRETTY);
	fputs(text, stdout);
	val_free(&execution);
	return 0;
}

static int exit_status_of(enum status status)
{
	if (status == STATUS_SUCCEEDED)
		return EXIT_OK;
	return status == STATUS_CANCELED ? EXIT_CANCELED : EXIT_FAILED;
}

static int follow(struct job_run *run)
{
	_cleanup_err_ struct err err = ERR_INIT;
	FILE *out = run->json ? stderr : stdout;
	run->progress = progress_new(out, isatty(fileno(out)) && !options_has(run->options, "plain"));
	struct feed *feed = run->server ? feed_remote(run->setup.world.http, run->server, run->id) :
					  feed_local(run->engine, run->store, run->id);
	enum status status = STATUS_NOT_STARTED;
	int result = watch(run, feed, &status, &err);
	feed_free(feed);
	if (result < 0)
		return complain(
			terminated ? 143 : (interrupts ? 130 : EXIT_FAILED), "%s", err_text(&err));
	progress_tick(run->progress, clock_now_ms(clock_real()));
	progress_summary(run->progress);
	if (run->json && print_execution(run, &err) < 0)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	return exit_status_of(status);
}

static void close_run(struct job_run *run)
{
	if (run->progress)
		progress_free(run->progress);
	if (run->engine)
		engine_stop(run->engine, LIMIT_DRAIN_MS);
	setup_close(&run->setup);
	store_close(run->store);
	val_free(&run->document);
	free(run->id);
}

static int exit_status_of_error(const struct err *err)
{
	return err_http_status(err->kind) < 500 ? EXIT_USAGE : EXIT_FAILED;
}

static int run_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct job_run run = { .options = options, .server = options_get(options, "server") };
	const char *output = options_get(options, "output");
	if (output && strcmp(output, "json") != 0 && strcmp(output, "text") != 0)
		return complain(EXIT_USAGE, "run: --output is json or text, not \"%s\"", output);
	run.json = output && strcmp(output, "json") == 0;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	int status;
	int result = read_document(&run, &err);
	if (result == 0)
		result = read_parameters(&run, &err);
	if (result == 0 && run.server)
		result = start_on_server(&run, &err);
	else if (result == 0)
		result = open_here(&run, &err) < 0 ? -1 : start_here(&run, &err);
	status = result < 0 ? complain(exit_status_of_error(&err), "%s", err_text(&err)) :
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
	.options = ROWS(struct option_row,
		{ "parameter", 'p', "NAME=VALUE", "A parameter of the pipeline; may be repeated." },
		{ "server", 's', "URL", "Run it on this server instead of in this process." },
		{ "data-dir", 0, "DIR", "Keep the run here; killed and started again, it goes on." },
		{ "kubeconfig", 0, "FILE", "Kubernetes accounts come from here." },
		{ "account", 0, "NAME=CONTEXT",
			"An account of the pipeline is this context; may be repeated." },
		{ "config", 'c', "FILE", "Settings; default gennaker.yml if there is one." },
		{ "output", 'o', "text|json", "json: the finished execution on standard output." },
		{ "plain", 0, NULL, "One line a change, also on a terminal." }),
	.run = run_run,
};
