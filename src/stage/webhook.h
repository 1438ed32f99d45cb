/*
 * The inside of the webhook stage, shared by its three files: webhook.c (the table and the first call), webhook_monitor.c (what
 * watches the result), webhook_request.c (how it calls and keeps answers).
 */
#ifndef STAGE_WEBHOOK_H
#define STAGE_WEBHOOK_H

#include "engine/stage_type.h"

struct webhook_config {
	char *url;
	char *method;
	struct val payload;
	struct val custom_headers;
	struct val fail_fast_codes;
	struct val call_retry_codes;
	bool wait;
	bool monitor_only;
	char *resolution;
	char *status_url_path;
	char *status_endpoint;
	struct secs wait_before;
	bool skip_wait;
	struct val monitor_retry_codes;
	struct val retries;
	char *status_path;
	char *progress_path;
	char *success_statuses, *canceled_statuses, *terminal_statuses;
	char *cancel_endpoint, *cancel_method;
	struct val cancel_payload;
};

/* ---- webhook_request.c ---- */

struct webhook_call {
	const char *method;
	const char *url;
	struct val payload;
	bool has_effect; /* goes out under the task's Idempotency-Key */
};

/* One exchange with the stage's headers; 0 when an answer came, else as http_perform. */
int webhook_perform(const struct task_input *in, const struct webhook_call *call,
	struct http_response *ret, struct err *err);
/* statusCode, statusCodeValue, headers and body of an answer, and a warning when the body is not what it is said to be; a map, owned. */
struct val webhook_answer(const struct http_response *response);
/* "OK" for 200, as Spring calls it; NULL for a code without a name. */
const char *webhook_status_name(int status);
/* "POST https://host/path": without query, user and password, which may be secrets. Owned. */
char *webhook_shown(const char *method, const char *url);
/* Whether STATUS is among CODES: numbers, texts of numbers, or one text with commas. */
bool webhook_code_is_in(struct val codes, int status);
/* ERR for an answer of that STATUS, with what exceptions of HTTP failures hold (stages.md 1.5); returns -1. */
int webhook_refused(const char *method, const char *url, int status, struct err *err);
/* The text is missing, or holds only blanks. */
bool webhook_is_blank(const char *text);

/* ---- webhook_monitor.c ---- */

int webhook_wait(const struct task_input *in, struct task_result *out, struct err *err);
int webhook_monitor(const struct task_input *in, struct task_result *out, struct err *err);
/* Tells the other side, when the author said how. Best effort: never fails. */
int webhook_cancel(const struct task_input *in, struct task_result *out, struct err *err);
/* The origin of the status URL. */
char *webhook_monitor_slot(const struct task_input *in);

#endif
