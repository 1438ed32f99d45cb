/*
 * A webhook that waits: its status URL is asked again and again until it says done (stages.md 4.6). A status that cannot be had is
 * asked for again as long as the task has time: asking changes nothing at the other side.
 */
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/json_path.h"
#include "base/limits.h"
#include "stage/webhook.h"

#define FAST_POLLS_MS 60000 /* in the first minute once a second, then … */
#define FAST_POLL_MS 1000
#define SLOW_POLL_MS 15000

/* A failure that is ignored lets the later tasks run (stages.md 2.3); but of a call that failed there is nothing to watch. */
static bool call_has_failed(const struct task_input *in)
{
	const struct stage *stage = in->stage;
	for (size_t i = 0; i < stage->task_count && &stage->tasks[i] != in->task; i++)
		if (stage->tasks[i].status == STATUS_FAILED_CONTINUE)
			return true;
	return false;
}

/* ---- the wait before ---- */

int webhook_wait(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	int64_t until = in->stage->start_ms +
		config->wait_before.ms; /* of the stage: the call counts */
	(void)err;
	if (call_has_failed(in))
		return task_status(out, STATUS_SKIPPED);
	if (config->skip_wait || in->now_ms > until)
		return task_done(out);
	task_says(out, "asking for the status after %lld s",
		(long long)(config->wait_before.ms / 1000));
	return task_again_at(out, until + 1);
}

/* ---- what is kept ---- */

static struct val last_monitor(const struct task_input *in)
{
	return val_get(val_get(in->stage->context, "webhook"), "monitor");
}

/* Puts MONITOR (taken) beside what is known of the first call. */
static void keep_monitor(const struct task_input *in, struct val monitor, struct task_result *out)
{
	struct val webhook = val_ref(val_get(in->stage->context, "webhook"));
	val_set(&webhook, "monitor", monitor);
	task_context(out, "webhook", webhook);
}

static size_t times_seen(struct val codes, int status)
{
	size_t count = 0;
	for (size_t i = 0; i < val_count(codes); i++) {
		int64_t code;
		count += val_as_int(val_at(codes, i), &code) && code == status;
	}
	return count;
}

/* The codes of refusals so far and STATUS, the oldest ones dropped; owned. */
static struct val codes_with(struct val codes, int status)
{
	struct val all = val_is_list(codes) ? val_ref(codes) : val_list();
	while (val_count(all) >= LIMIT_WEBHOOK_PAST_CODES)
		val_list_remove(&all, 0);
	val_append(&all, val_int(status));
	return all;
}

/* Keeps MONITOR (taken) with the error, which fails the stage. */
static int monitor_failed(
	const struct task_input *in, struct val monitor, struct task_result *out, struct err *err)
{
	val_set(&monitor, "error", val_string(err_text(err)));
	keep_monitor(in, monitor, out);
	if (err_is_retryable(err->kind))
		err->kind = ERR_FAILED;
	return -1;
}

/* ---- the next look ---- */

static const char *status_url(const struct webhook_config *config)
{
	return webhook_is_blank(config->status_endpoint) ? config->url : config->status_endpoint;
}

char *webhook_monitor_slot(const struct task_input *in)
{
	const char *url = status_url(in->config);
	return url ? url_origin(url) : NULL;
}

static int again_after(const struct task_input *in, int64_t at_least_ms, struct task_result *out)
{
	int64_t now = clock_now_ms(in->world->clock), floor;
	int64_t pause = now - in->task->start_ms < FAST_POLLS_MS ? FAST_POLL_MS : SLOW_POLL_MS;
	if (val_as_int(val_get(in->stage->context, "backoffPeriodMs"), &floor) && floor > pause)
		pause = floor;
	return task_again_at(out, now + (at_least_ms > pause ? at_least_ms : pause));
}

/* ---- refusals ---- */

/* Whether a refusal is no end. What `retries` lists may be seen so often and no more. */
static bool is_tried_again(const struct webhook_config *config, struct val past, int status)
{
	char code[16];
	snprintf(code, sizeof(code), "%d", status);
	struct val listed = val_get(config->retries, code);
	struct val most = val_get(listed, "maxAttempts");
	int64_t attempts = 0;
	if (!val_as_int(most, &attempts))
		str_to_int(str_trim(val_as_str(&most)), &attempts);
	if (val_is_map(listed))
		return (int64_t)times_seen(past, status) < attempts;
	return status >= 500 || status == 429 ||
		webhook_code_is_in(config->monitor_retry_codes, status);
}

static int monitor_refused(const struct task_input *in, const struct http_response *response,
	struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	struct val past = val_get(last_monitor(in), "pastStatusCodes");
	struct val codes = codes_with(past, response->status);
	bool again = is_tried_again(config, past, response->status);
	webhook_refused("GET", status_url(config), response->status, err);
	if (!again) {
		struct val monitor = webhook_answer(response);
		val_set(&monitor, "pastStatusCodes", codes);
		return monitor_failed(in, monitor, out, err);
	}
	struct val monitor = val_ref(last_monitor(in));
	val_set(&monitor, "pastStatusCodes", codes);
	keep_monitor(in, monitor, out);
	task_says(out, "%s; asking again", err_text(err));
	err_clear(err);
	return again_after(in, http_retry_after_ms(response, in->now_ms), out);
}

static int monitor_unanswered(const struct task_input *in, struct task_result *out, struct err *err)
{
	if (err->kind == ERR_CANCELED)
		return -1;
	if (err->kind != ERR_UNAVAILABLE && err->kind != ERR_TIMEOUT) {
		struct val monitor = val_map();
		if (val_has(last_monitor(in), "pastStatusCodes"))
			val_set(&monitor, "pastStatusCodes",
				val_ref(val_get(last_monitor(in), "pastStatusCodes")));
		return monitor_failed(in, monitor, out, err);
	}
	task_says(out, "%s; asking again", err_text(err));
	int after = err->retry_after_ms;
	err_clear(err);
	return again_after(in, after, out);
}

/* ---- the status ---- */

/* The value at PATH of BODY; failures name KEY. */
static int read_path(
	struct val body, const char *path, const char *key, struct val *ret, struct err *err)
{
	if (json_path_read(str_of(path), body, ret, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_FAILED, "%s: \"%s\" is not in the answer", key, path);
	return err_wrap(err, "%s \"%s\"", key, path);
}

static int read_progress(const struct webhook_config *config, struct val *monitor, struct err *err)
{
	_cleanup_(val_free) struct val progress = VAL_NULL;
	if (webhook_is_blank(config->progress_path))
		return 0;
	if (read_path(val_get(*monitor, "body"), config->progress_path, "progressJsonPath",
		    &progress, err) < 0)
		return -1;
	if (!val_is_string(progress)) {
		val_set(monitor, "resolvedValue", val_ref(progress));
		return err_set(err, ERR_FAILED,
			"progressJsonPath: \"%s\" leads to a %s, not to a text",
			config->progress_path, val_kind_name(val_kind(progress)));
	}
	if (val_as_str(&progress).length > 0)
		val_set(monitor, "progressMessage", take(&progress));
	return 0;
}

static bool is_listed(const char *list, struct str word)
{
	struct str rest = str_of(list);
	for (struct str part; list && str_split(&rest, ',', &part);)
		if (str_equal_nocase(str_trim(part), word))
			return true;
	return false;
}

/* What a status that is a text means: the last of the lists that it is in counts. */
static int judge_text(const struct task_input *in, const char *word, struct val monitor,
	struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	struct str text = str_of(word);
	if (!config->success_statuses) {
		err_set(err, ERR_INVALID,
			"successStatuses: is required when the status is a text (\"%.100s\")", word);
		return monitor_failed(in, val_ref(monitor), out, err);
	}
	if (is_listed(config->terminal_statuses, text)) {
		err_set(err, ERR_FAILED, "the status is \"%.200s\", which counts as failed", word);
		keep_monitor(in, val_ref(monitor), out);
		return -1;
	}
	keep_monitor(in, val_ref(monitor), out);
	if (is_listed(config->canceled_statuses, text)) {
		webhook_cancel(in, out, err);
		return task_status(out, STATUS_CANCELED);
	}
	if (is_listed(config->success_statuses, text))
		return task_done(out);
	const char *progress = val_get_text(monitor, "progressMessage", "");
	task_says(out, "the status is %.100s%s%.200s", word, *progress ? ": " : "", progress);
	return again_after(in, 0, out);
}

static int judge_number(
	const struct task_input *in, struct val value, struct val *monitor, struct task_result *out)
{
	double number = 0;
	val_as_double(value, &number);
	val_set(monitor, "percentComplete", val_ref(value));
	keep_monitor(in, val_ref(*monitor), out);
	if (number == 100)
		return task_done(out);
	task_says(out, "%g %% complete", number);
	return again_after(in, 0, out);
}

static int monitor_answered(const struct task_input *in, const struct http_response *response,
	struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	_cleanup_(val_free) struct val monitor = webhook_answer(response);
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (val_has(last_monitor(in), "pastStatusCodes"))
		val_set(&monitor, "pastStatusCodes",
			val_ref(val_get(last_monitor(in), "pastStatusCodes")));
	if (webhook_is_blank(config->status_path)) {
		keep_monitor(in, take(&monitor), out);
		return task_done(out);
	}
	if (read_path(val_get(monitor, "body"), config->status_path, "statusJsonPath", &value, err) <
		0)
		return monitor_failed(in, take(&monitor), out, err);
	val_set(&monitor, "resolvedValue", val_ref(value));
	if (val_is_null(value) || val_is_list(value) || val_is_map(value)) {
		err_set(err, ERR_FAILED,
			"statusJsonPath: \"%s\" leads to a %s, not to a single value",
			config->status_path, val_kind_name(val_kind(value)));
		return monitor_failed(in, take(&monitor), out, err);
	}
	if (read_progress(config, &monitor, err) < 0)
		return monitor_failed(in, take(&monitor), out, err);
	if (val_is_number(value))
		return judge_number(in, value, &monitor, out);
	_cleanup_free_ char *word = val_is_string(value) ? xstrdup(val_text(&value)) :
							   json_text(value, JSON_COMPACT);
	return judge_text(in, word, monitor, out, err);
}

int webhook_monitor(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	struct http_response response = { 0 };
	const struct webhook_call call = { .method = "GET", .url = status_url(config) };
	if (call_has_failed(in))
		return task_status(out, STATUS_SKIPPED);
	if (webhook_is_blank(call.url)) {
		err_set(err, ERR_INVALID, "statusEndpoint: is required");
		return monitor_failed(in, val_map(), out, err);
	}
	int result = webhook_perform(in, &call, &response, err);
	if (result < 0)
		result = monitor_unanswered(in, out, err);
	else if (response.status >= 400)
		result = monitor_refused(in, &response, out, err);
	else
		result = monitor_answered(in, &response, out, err);
	http_response_free(&response);
	return result;
}

/* ---- cancelling ---- */

static void say(
	const struct task_input *in, struct task_result *out, const char *level, struct val text)
{
	struct val said = val_map();
	val_set(&said, "at", val_int(clock_now_ms(in->world->clock)));
	val_set(&said, "level", val_string(level));
	val_set(&said, "text", text);
	task_event(out, "log", said);
}

int webhook_cancel(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	const char *method = webhook_is_blank(config->cancel_method) ? "POST" : config->cancel_method;
	const struct webhook_call call = {
		.method = method,
		.url = config->cancel_endpoint,
		.payload = config->cancel_payload,
		.has_effect = true,
	};
	struct http_response response = { 0 };
	if (webhook_is_blank(call.url) || in->timed_out)
		return 0;
	_cleanup_free_ char *shown = webhook_shown(method, call.url);
	if (webhook_perform(in, &call, &response, err) < 0)
		say(in, out, "warning", val_format("cancelEndpoint: %s", err_text(err)));
	else
		say(in, out, response.status < 400 ? "info" : "warning",
			val_format("cancelEndpoint: %s answered %d", shown, response.status));
	err_clear(err);
	http_response_free(&response);
	return 0;
}
