#include "follow.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "children.h"
#include "feed.h"
#include "output.h"
#include "progress.h"

#define TICK_MS 100
#define SETTLE_MS 1000
#define LINE_BYTES 4096

static volatile sig_atomic_t interrupts, terminated;

static void on_signal(int number)
{
	if (number == SIGTERM)
		terminated = 1;
	else if (++interrupts > 2)
		_exit(130);
}

void follow_signals(void)
{
	/* Without SA_RESTART, so that a question that waits for its answer ends too. */
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

struct following {
	const struct follow *follow;
	const char *judge; /* --judge */
	FILE *out;
	bool json;
	bool asks; /* there is somebody to ask */
	bool canceling;
	bool unanswerable; /* --judge does not fit a judgment, and nobody else will answer it */
	struct progress *progress;
	struct judgments judgments;
	struct children children;
	bool took;        /* events, in this round */
	int64_t quiet_ms; /* the last round without any, at the latest SETTLE_MS ago */
	char *asked;      /* the stage that the question on the screen is about */
};

/* ---- what is done to the run ---------------------------------------------------------------------------------------------------- */

static int send_cancel(const struct follow *follow, const char *reason, struct err *err)
{
	if (follow->client) {
		_cleanup_free_ char *path = client_path(
			"/pipelines/%s/cancel?reason=%s", follow->id, reason);
		return client_call(follow->client, "PUT", path, VAL_NULL, NULL, err);
	}
	struct request request = {
		.kind = REQUEST_CANCEL,
		.key = xstrdup(follow->id),
		.reason = xstrdup(reason),
	};
	return engine_call(follow->engine, &request, NULL, err);
}

static void cancel(struct following *mine, const char *reason)
{
	_cleanup_err_ struct err err = ERR_INIT;
	mine->canceling = true;
	fprintf(stderr, "canceling; waiting for what is under way\n");
	if (send_cancel(mine->follow, reason, &err) < 0)
		complain(0, "cannot cancel: %s", err_text(&err));
}

/* PATCH is taken. */
static int send_patch(const struct follow *follow, const struct judgment *judgment,
	struct val patch, struct err *err)
{
	if (follow->client) {
		_cleanup_(val_free) struct val body = patch;
		_cleanup_free_ char *path = client_path(
			"/pipelines/%s/stages/%s", judgment->run_id, judgment->stage_id);
		return client_call(follow->client, "PATCH", path, body, NULL, err);
	}
	struct request request = {
		.kind = REQUEST_PATCH_STAGE,
		.key = xstrdup(judgment->run_id),
		.stage_id = xstrdup(judgment->stage_id),
		.value = patch,
	};
	return engine_call(follow->engine, &request, NULL, err);
}

/* ---- judgments ------------------------------------------------------------------------------------------------------------------ */

/* TEXT as the answer; what is wrong with it is said. */
static bool answer(struct following *mine, struct judgment *judgment, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val patch;
	if (judgment_patch(text, judgment->context, &patch, &err) == 0) {
		judgment->answered = true;
		if (send_patch(mine->follow, judgment, patch, &err) == 0)
			return true;
		/* It has ended, or somebody else was faster: then events say so. */
		judgment->answered = err.kind == ERR_CONFLICT;
	}
	complain(0, "%s: %s", judgment->name, err_text(&err));
	return false;
}

static void ask(struct following *mine, const struct judgment *judgment)
{
	_cleanup_free_ char *inputs = judgment_inputs(judgment->context);
	progress_leave(mine->progress);
	fputs("? ", mine->out);
	output_put_text(mine->out, judgment->name);
	fputs(": ", mine->out);
	output_put_text(mine->out, val_get_text(judgment->context, "instructions", ""));
	if (inputs) {
		fputs("\n  one of: ", mine->out);
		output_put_text(mine->out, inputs);
	}
	fprintf(mine->out, "\n  c%s to continue, s to stop? (Ctrl-C %s) ", inputs ? " INPUT" : "",
		mine->follow->is_ours ? "cancels the run" : "ends the watching");
	fflush(mine->out);
}

/* A line, if one was typed by now. */
static bool read_line(struct following *mine, char *line, size_t size)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(&wait, 1, 0) <= 0)
		return false;
	ssize_t length = read(STDIN_FILENO, line, size - 1);
	if (length == 0)
		mine->asks = false;
	line[length > 0 ? length : 0] = '\0';
	return length > 0;
}

static void end_question(struct following *mine)
{
	free(take(&mine->asked));
	progress_leave(mine->progress);
}

/* Asks, and takes an answer if it is there. */
static void ask_people(struct following *mine, struct judgment *judgment)
{
	char line[LINE_BYTES];
	if (!mine->asked) {
		ask(mine, judgment);
		mine->asked = xstrdup(judgment->stage_id);
	}
	if (!read_line(mine, line, sizeof(line)))
		return;
	if (answer(mine, judgment, line) || judgment->answered)
		end_question(mine);
	else
		ask(mine, judgment);
}

static void tell_how(const struct following *mine, struct judgment *judgment)
{
	if (judgment->told)
		return;
	judgment->told = true;
	if (judgment->refused)
		complain(0, "%s: the judgment was not taken", judgment->name);
	else if (mine->follow->client)
		fprintf(stderr, "\"%s\" waits for a judgment: gennaker judge %s continue|stop\n",
			judgment->name, judgment->run_id);
	else
		fprintf(stderr, "\"%s\" waits for a judgment: run it with --judge continue or stop\n",
			judgment->name);
}

/*
 * A server's stream begins with what is past, so that a judgment may look open whose answer is still to come: it counts once
 * nothing more came for a moment.
 */
static bool is_settled(struct following *mine)
{
	int64_t now = clock_now_ms(clock_real());
	bool more = mine->follow->client && mine->took && now - mine->quiet_ms < SETTLE_MS;
	mine->took = false;
	if (!more)
		mine->quiet_ms = now;
	return !more;
}

static void judge(struct following *mine)
{
	struct judgment *judgment = mine->canceling ? NULL : judgments_waiting(&mine->judgments);
	if (mine->asked && (!judgment || strcmp(judgment->stage_id, mine->asked) != 0)) {
		fputs("(it was judged elsewhere, or has ended)\n", mine->out);
		end_question(mine);
	}
	if (!judgment)
		return;
	if (mine->judge && !judgment->refused) {
		if (!answer(mine, judgment, mine->judge)) {
			judgment->refused = judgment->told = true;
			mine->unanswerable = !judgment->answered;
		}
	} else if (mine->asks && !mine->judge) {
		ask_people(mine, judgment);
	} else {
		tell_how(mine, judgment);
	}
}

/* ---- following ------------------------------------------------------------------------------------------------------------------ */

static void child_ended(void *data, const char *id)
{
	struct following *mine = data;
	judgments_end(&mine->judgments, id);
}

static void take_child_event(void *data, struct val event)
{
	struct following *mine = data;
	mine->took = true;
	const char *run_id = val_get_text(val_get(event, "data"), "run", "");
	judgments_event(&mine->judgments, event, children_name(&mine->children, run_id));
	children_event(&mine->children, event, child_ended, mine);
}

static void take_event(void *data, struct val event)
{
	struct following *mine = data;
	take_child_event(data, event);
	progress_event(mine->progress, event);
}

/* A signal came. 0: go on; -1: the run is left going. */
static int interrupted(struct following *mine, struct err *err)
{
	const struct follow *follow = mine->follow;
	if (interrupts && !follow->is_ours)
		return err_set(err, ERR_CANCELED, "the run goes on");
	if (interrupts && !mine->canceling)
		cancel(mine, "Ctrl-C");
	if (interrupts > 1)
		return err_set(err, ERR_CANCELED, "interrupted; the run was left as it is");
	if (terminated && follow->stays)
		return err_set(err, ERR_CANCELED, "stopped; the run %s",
			follow->client ? "goes on on the server" :
					 "goes on when this is started again");
	if (terminated && !mine->canceling)
		cancel(mine, "SIGTERM");
	return 0;
}

/* A judgment that --judge cannot answer would wait for days: our own run is canceled, another's is left going. */
static int give_up(struct following *mine, struct err *err)
{
	if (!mine->unanswerable || mine->canceling)
		return 0;
	if (!mine->follow->is_ours)
		return err_set(
			err, ERR_INVALID, "--judge does not answer the judgment; the run goes on");
	cancel(mine, "--judge does not answer a judgment");
	return 0;
}

/* An ended run may have been restarted since, which a server's stream tells later: then its end is not the last one. */
static bool is_over(const struct following *mine)
{
	_cleanup_err_ struct err none = ERR_INIT;
	_cleanup_(val_free) struct val execution = VAL_NULL;
	_cleanup_free_ char *path = client_path("/pipelines/%s?expand=false", mine->follow->id);
	enum status status;
	if (!mine->follow->client ||
		client_call(mine->follow->client, "GET", path, VAL_NULL, &execution, &none) < 0)
		return true;
	struct val text = val_get(execution, "status");
	return !status_parse(val_as_str(&text), &status) || status_is_complete(status);
}

/* Until the run is complete. 0 and its status; -1 when it was left going. */
static int watch(struct following *mine, struct feed *feed, enum status *ret_status, struct err *err)
{
	while (!progress_is_complete(mine->progress, ret_status) || !is_over(mine)) {
		if (feed_read(feed, TICK_MS, take_event, mine, err) < 0)
			return -1;
		children_read(&mine->children, take_child_event, mine);
		if (!mine->asked)
			progress_tick(mine->progress, clock_now_ms(clock_real()));
		if (is_settled(mine))
			judge(mine);
		if (interrupted(mine, err) < 0 || give_up(mine, err) < 0)
			return -1;
	}
	return 0;
}

static int print_execution(const struct follow *follow, struct err *err)
{
	struct val execution = VAL_NULL;
	uint64_t position;
	_cleanup_free_ char *path = client_path("/pipelines/%s", follow->id);
	int result = follow->client ?
		client_call(follow->client, "GET", path, VAL_NULL, &execution, err) :
		follow->store->type->get_execution(
			follow->store, follow->id, &execution, &position, err);
	if (result < 0)
		return -1;
	output_value(OUTPUT_JSON, execution);
	val_free(&execution);
	return 0;
}

static int exit_status_of(enum status status)
{
	if (status == STATUS_SUCCEEDED)
		return EXIT_OK;
	return status == STATUS_CANCELED ? EXIT_CANCELED : EXIT_FAILED;
}

static int follow_to_end(struct following *mine, struct err *err)
{
	const struct follow *follow = mine->follow;
	struct feed *feed = follow->client ? feed_remote(follow->client, follow->id) :
					     feed_local(follow->engine, follow->store, follow->id);
	enum status status = STATUS_NOT_STARTED;
	int result = watch(mine, feed, &status, err);
	feed_free(feed);
	if (result < 0)
		return terminated ? 143 : (interrupts ? 130 : client_exit_status(err));
	if (mine->asked)
		judge(mine);
	progress_tick(mine->progress, clock_now_ms(clock_real()));
	progress_summary(mine->progress);
	if (mine->json && print_execution(follow, err) < 0)
		return EXIT_FAILED;
	return mine->unanswerable ? EXIT_USAGE : exit_status_of(status);
}

int follow_check_options(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *output = options_get(options, "output"), *judge = options_get(options, "judge");
	_cleanup_(val_free) struct val patch = VAL_NULL;
	if (output && strcmp(output, "json") != 0 && strcmp(output, "text") != 0)
		return complain(-1, "%s: --output is json or text, not \"%s\"",
			options->command->name, output);
	if (judge && judgment_patch(judge, VAL_NULL, &patch, &err) < 0)
		return complain(-1, "%s: --judge: %s", options->command->name, err_text(&err));
	return 0;
}

int follow_run(const struct follow *follow)
{
	_cleanup_err_ struct err err = ERR_INIT;
	const char *output = options_get(follow->options, "output");
	struct following mine = {
		.follow = follow,
		.judge = options_get(follow->options, "judge"),
		.json = output && strcmp(output, "json") == 0,
	};
	mine.children = (struct children){ .client = follow->client, .store = follow->store };
	mine.quiet_ms = clock_now_ms(clock_real());
	mine.out = mine.json ? stderr : stdout;
	bool terminal = isatty(fileno(mine.out));
	mine.asks = terminal && isatty(STDIN_FILENO);
	mine.progress = progress_new(mine.out, terminal && !options_has(follow->options, "plain"));
	int status = follow_to_end(&mine, &err);
	if (err.kind)
		complain(0, "%s", err_text(&err));
	progress_free(mine.progress);
	children_free(&mine.children);
	judgments_free(&mine.judgments);
	free(mine.asked);
	return status;
}
