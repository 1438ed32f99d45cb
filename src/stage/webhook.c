/*
 * Webhook: one HTTP call (stages.md 4.6). It is sent under the same Idempotency-Key on every retry and after a crash, so a
 * server that honours the header sees one effect. Addresses are checked as resolved (net/address.h).
 */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "stage/stages.h"

struct webhook_config {
	char *url;
	char *method;
	struct val payload;
	struct val custom_headers;
	struct val fail_fast_status_codes;
	struct val retry_status_codes;
};

/* ---- the request -------------------------------------------------------------------------------------------------------------- */

static bool header_is(struct str name, const char *text)
{
	return str_equal_nocase(name, str_of(text));
}

/* Names that say who the platform is, or frame the message, are not the user's to set. */
static bool header_is_denied(struct str name)
{
	static const char *const denied[] = { "X-SPINNAKER-USER",	 "X-SPINNAKER-ACCOUNTS", "X-SPINNAKER-ACCOUNT",
					      "X-SPINNAKER-USER-ORIGIN", "X-SPINNAKER-REQUEST-ID",
					      "X-SPINNAKER-EXECUTION-ID", "Host", "Content-Length",
					      "Transfer-Encoding", "Connection" };
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (header_is(name, denied[i]))
			return true;
	return false;
}

static bool has_header(const struct webhook_config *config, const char *wanted)
{
	for (size_t i = 0; i < val_count(config->custom_headers); i++)
		if (header_is(val_key_at(config->custom_headers, i), wanted))
			return true;
	return false;
}

static bool is_form(const struct webhook_config *config)
{
	for (size_t i = 0; i < val_count(config->custom_headers); i++) {
		struct val value = val_value_at(config->custom_headers, i);
		if (header_is(val_key_at(config->custom_headers, i), "Content-Type"))
			return strncasecmp(val_text(&value), "application/x-www-form-urlencoded", 33) == 0;
	}
	return false;
}

static int webhook_headers(const struct webhook_config *config, const struct task_input *in, struct val *ret,
			   struct err *err)
{
	_cleanup_(val_free) struct val headers = val_map();
	for (size_t i = 0; i < val_count(config->custom_headers); i++) {
		struct str name = val_key_at(config->custom_headers, i);
		struct val value = val_value_at(config->custom_headers, i);
		if (header_is_denied(name))
			return err_set(err, ERR_INVALID, "customHeaders.%.*s: this header may not be set",
				       STR_ARG(name));
		if (val_is_string(value) || val_is_list(value)) {
			val_set_str(&headers, name, val_ref(value));
		} else if (!val_is_null(value)) {
			_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
			val_set_str(&headers, name, val_string(text));
		}
	}
	if (!has_header(config, "Content-Type"))
		val_set(&headers, "Content-Type", val_string("application/json"));
	if (!has_header(config, "Accept"))
		val_set(&headers, "Accept", val_string("application/json, */*"));
	if (!has_header(config, "Idempotency-Key")) /* an author's own is the author's promise */
		val_set(&headers, "Idempotency-Key", val_string(in->idempotency_key));
	val_set(&headers, "X-SPINNAKER-EXECUTION-ID", val_string(in->execution->id));
	*ret = take(&headers);
	return 0;
}

static void form_value(struct strbuf *body, struct str key, struct val value)
{
	_cleanup_free_ char *text = val_is_string(value) ? NULL : json_text(value, JSON_COMPACT);
	if (body->length > 0)
		strbuf_add_char(body, '&');
	url_encode(body, key);
	strbuf_add_char(body, '=');
	url_encode(body, text ? str_of(text) : val_as_str(&value));
}

/* JSON, or a form when the author says so and gave a map; a text goes as it is. */
static void webhook_body(const struct webhook_config *config, struct strbuf *body)
{
	if (val_is_null(config->payload))
		return;
	if (val_is_string(config->payload)) {
		strbuf_add_str(body, val_as_str(&config->payload));
	} else if (val_is_map(config->payload) && is_form(config)) {
		for (size_t i = 0; i < val_count(config->payload); i++) {
			struct val value = val_value_at(config->payload, i);
			struct str key = val_key_at(config->payload, i);
			for (size_t j = 0; val_is_list(value) && j < val_count(value); j++)
				form_value(body, key, val_at(value, j));
			if (!val_is_list(value))
				form_value(body, key, value);
		}
	} else {
		json_write(body, config->payload, JSON_COMPACT);
	}
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------- */

/* Spring's names, which expressions compare with ("OK", "CREATED"). */
static const char *status_text(int status)
{
	static const struct {
		int code;
		const char *text;
	} names[] = {
		{ 200, "OK" },		      { 201, "CREATED" },	       { 202, "ACCEPTED" },
		{ 203, "NON_AUTHORITATIVE_INFORMATION" }, { 204, "NO_CONTENT" }, { 205, "RESET_CONTENT" },
		{ 206, "PARTIAL_CONTENT" },   { 207, "MULTI_STATUS" },	       { 300, "MULTIPLE_CHOICES" },
		{ 301, "MOVED_PERMANENTLY" }, { 302, "FOUND" },		       { 303, "SEE_OTHER" },
		{ 304, "NOT_MODIFIED" },      { 307, "TEMPORARY_REDIRECT" },   { 308, "PERMANENT_REDIRECT" },
		{ 400, "BAD_REQUEST" },	      { 401, "UNAUTHORIZED" },	       { 402, "PAYMENT_REQUIRED" },
		{ 403, "FORBIDDEN" },	      { 404, "NOT_FOUND" },	       { 405, "METHOD_NOT_ALLOWED" },
		{ 406, "NOT_ACCEPTABLE" },    { 408, "REQUEST_TIMEOUT" },      { 409, "CONFLICT" },
		{ 410, "GONE" },	      { 411, "LENGTH_REQUIRED" },      { 412, "PRECONDITION_FAILED" },
		{ 413, "PAYLOAD_TOO_LARGE" }, { 415, "UNSUPPORTED_MEDIA_TYPE" },
		{ 422, "UNPROCESSABLE_ENTITY" }, { 423, "LOCKED" },	       { 429, "TOO_MANY_REQUESTS" },
		{ 500, "INTERNAL_SERVER_ERROR" }, { 501, "NOT_IMPLEMENTED" },  { 502, "BAD_GATEWAY" },
		{ 503, "SERVICE_UNAVAILABLE" }, { 504, "GATEWAY_TIMEOUT" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == status)
			return names[i].text;
	return NULL;
}

/* JSON when it is some; the body of an error reply only if it begins like an object or a list. */
static struct val answer_body(const struct http_response *response)
{
	struct str text = strbuf_str(&response->body);
	struct str trimmed = str_trim(text);
	bool looks = trimmed.length > 0 && (trimmed.bytes[0] == '{' || trimmed.bytes[0] == '[');
	if (trimmed.length == 0)
		return VAL_NULL;
	if (response->status < 400 || looks) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct val parsed;
		if (json_parse(trimmed, NULL, NULL, &parsed, &err) == 0)
			return parsed;
	}
	return val_str(text);
}

static struct val answer_headers(const struct http_response *response)
{
	struct val headers = val_map();
	for (size_t i = 0; i < val_count(response->headers); i++) {
		struct val value = val_value_at(response->headers, i);
		val_set_str(&headers, val_key_at(response->headers, i),
			    val_ref(val_is_list(value) ? val_at(value, 0) : value));
	}
	return headers;
}

static void webhook_context(struct task_result *out, const struct http_response *response, const char *error)
{
	struct val webhook = val_map();
	if (response) {
		const char *text = status_text(response->status);
		val_set(&webhook, "statusCode", text ? val_string(text) : val_format("%d", response->status));
		val_set(&webhook, "statusCodeValue", val_int(response->status));
		val_set(&webhook, "headers", answer_headers(response));
		val_set(&webhook, "body", answer_body(response));
	}
	if (error)
		val_set(&webhook, "error", val_string(error));
	task_context(out, "webhook", webhook);
}

/* Numbers, texts of numbers, or one text with commas. */
static bool code_is_in(struct val codes, int status)
{
	for (size_t i = 0; i < val_count(codes); i++) {
		struct val code = val_at(codes, i);
		int64_t number;
		if ((val_as_int(code, &number) || str_to_int(str_trim(val_as_str(&code)), &number)) && number == status)
			return true;
	}
	struct str rest = val_as_str(&codes);
	for (struct str part; val_is_string(codes) && str_split(&rest, ',', &part);) {
		int64_t number;
		if (str_to_int(str_trim(part), &number) && number == status)
			return true;
	}
	return false;
}

static bool fails_fast(const struct webhook_config *config, int status)
{
	if (val_is_null(config->fail_fast_status_codes))
		return status == 504;
	return code_is_in(config->fail_fast_status_codes, status);
}

/* An answer came: on, again, or failed. */
static int webhook_answered(const struct webhook_config *config, const struct task_input *in,
			    const struct http_response *response, struct task_result *out)
{
	int status = response->status;
	_cleanup_free_ char *error = NULL;
	bool fast = fails_fast(config, status);
	bool again = !fast && (status >= 500 || status == 429 || code_is_in(config->retry_status_codes, status));
	if (status >= 400)
		error = xasprintf("%s %s answered %d%s%s", config->method, config->url, status,
				  status_text(status) ? " " : "", status_text(status) ? status_text(status) : "");
	webhook_context(out, response, error);
	if (again) {
		task_says(out, "%s; trying again", error ? error : "the answer asks for another try");
		int after = http_retry_after_ms(response, in->now_ms);
		return task_again_at(out, after > 0 ? in->now_ms + after : 0);
	}
	return fast || status >= 400 ? task_status(out, STATUS_TERMINAL) : task_done(out);
}

/* No answer: a name that does not resolve and a refused connection are tried again, a timeout only where repeating is harmless. */
static int webhook_unanswered(const struct webhook_config *config, struct task_result *out, struct err *err)
{
	const char *reason = val_get_text(err->details, "reason", "");
	bool again = err->kind == ERR_UNAVAILABLE &&
		     (strcmp(reason, "resolve") == 0 || strcmp(reason, "connect") == 0);
	if (err->kind == ERR_TIMEOUT && strcasecmp(config->method, "GET") == 0)
		again = true;
	webhook_context(out, NULL, err_text(err));
	if (!again) {
		if (err_is_retryable(err->kind))
			err->kind = ERR_FAILED;
		return -1;
	}
	task_says(out, "%s; trying again", err_text(err));
	err_clear(err);
	return task_again_at(out, 0);
}

static int create_webhook(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	_cleanup_(val_free) struct val headers = VAL_NULL;
	if (webhook_headers(config, in, &headers, err) < 0)
		return -1;
	struct strbuf body = STRBUF_INIT(LIMIT_BODY_BYTES);
	webhook_body(config, &body);
	_cleanup_free_ char *method = xstrdup(config->method);
	for (char *c = method; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	struct http_request request = {
		.method = method,
		.url = config->url,
		.headers = headers,
		.body = body.length > 0 ? strbuf_str(&body) : (struct str){ 0 },
		.policy = in->world->url_policy,
		.follow_redirects = true,
		.accept_gzip = true,
		.cancel = in->cancel,
	};
	struct http_response response = { 0 };
	int result = body.overflowed ? err_set(err, ERR_TOO_LARGE, "payload: larger than %u bytes", LIMIT_BODY_BYTES)
				     : http_perform(in->world->http, &request, &response, err);
	result = result == 0 ? webhook_answered(config, in, &response, out) : webhook_unanswered(config, out, err);
	http_response_free(&response);
	strbuf_free(&body);
	return result;
}

static char *webhook_slot(const struct task_input *in)
{
	const struct webhook_config *config = in->config;
	return url_origin(config->url);
}

static int webhook_check(const struct task_input *in, struct err *err)
{
	if (val_count(val_get(in->stage->context, "expectedArtifacts")) > 0)
		return err_set(err, ERR_UNSUPPORTED, "expectedArtifacts: binding artifacts is not built yet");
	return 0;
}

#define NOT_BUILT_MONITORING "watching the result of a webhook is not built yet"

const struct stage_type webhook_stage = {
	.name = "webhook",
	.title = { "Webhook", "Webhook" },
	.summary = { "Calls a URL and keeps the answer in the stage's context.", "调用指定 URL，并将响应保存在阶段上下文中。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct webhook_config, url, "url", .flags = FIELD_REQUIRED, .title = { "URL", "Webhook URL" },
		      .help = { "http or https; hosts inside are refused unless the settings allow them.",
				"http 或 https 地址；默认禁止访问内网主机，可在设置中放开。" }),
		FIELD(struct webhook_config, method, "method", .preset = "POST", .title = { "Method", "请求方法" },
		      .help = { "Any HTTP verb.", "任意 HTTP 方法。" },
		      .choices = (const char *const[]){ "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL }),
		FIELD(struct webhook_config, payload, "payload", .title = { "Payload", "请求体" },
		      .help = { "A map, list or text; sent as JSON, or as a form when Content-Type says so.",
				"对象、列表或文本；默认以 JSON 发送，Content-Type 为表单时以表单发送。" }),
		FIELD(struct webhook_config, custom_headers, "customHeaders", .flags = FIELD_MAP,
		      .title = { "Headers", "自定义请求头" },
		      .help = { "Name to value, or to a list of values.", "请求头名称到值（或值列表）的映射。" }),
		FIELD(struct webhook_config, fail_fast_status_codes, "failFastStatusCodes",
		      .title = { "Fail fast on", "立即失败的状态码" },
		      .help = { "Codes that end the stage without a retry; nothing means 504.",
				"出现这些状态码时立即失败，不再重试；默认 504。" }),
		FIELD(struct webhook_config, retry_status_codes, "webhookRetryStatusCodes",
		      .title = { "Retry on", "重试的状态码" },
		      .help = { "Codes tried again, besides 429 and 5xx.", "除 429 与 5xx 外，需要重试的状态码。" }),
		FIELD_KNOWN("waitForCompletion", FIELD_BOOL, .preset = "false", .unsupported_if = "true",
			    .unsupported = NOT_BUILT_MONITORING, .title = { "Wait for completion", "等待完成" },
			    .help = { "Watch the result at a status URL.", "通过状态 URL 监控结果。" }),
		FIELD_KNOWN("monitorOnly", FIELD_BOOL, .preset = "false", .unsupported_if = "true",
			    .unsupported = NOT_BUILT_MONITORING, .title = { "Monitor only", "仅监控" }),
		FIELD_KNOWN("statusUrlResolution", FIELD_STRING, .title = { "Status URL", "状态 URL 来源" },
			    .when = "waitForCompletion == true"),
		FIELD_KNOWN("statusUrlJsonPath", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Status URL JSONPath", "状态 URL 的 JSONPath" }),
		FIELD_KNOWN("statusJsonPath", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Status JSONPath", "状态的 JSONPath" }),
		FIELD_KNOWN("progressJsonPath", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Progress JSONPath", "进度的 JSONPath" }),
		FIELD_KNOWN("successStatuses", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Success statuses", "成功状态" }),
		FIELD_KNOWN("canceledStatuses", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Canceled statuses", "取消状态" }),
		FIELD_KNOWN("terminalStatuses", FIELD_STRING, .when = "waitForCompletion == true",
			    .title = { "Failed statuses", "失败状态" }),
		FIELD_KNOWN("retryStatusCodes", FIELD_VALUE, .when = "waitForCompletion == true"),
		FIELD_KNOWN("retries", FIELD_VALUE, .when = "waitForCompletion == true"),
		FIELD_KNOWN("statusEndpoint", FIELD_STRING, .when = "monitorOnly == true"),
		FIELD_KNOWN("waitBeforeMonitor", FIELD_INT, .when = "waitForCompletion == true"),
		FIELD_KNOWN("cancelEndpoint", FIELD_STRING, .when = "waitForCompletion == true"),
		FIELD_KNOWN("cancelMethod", FIELD_STRING, .when = "waitForCompletion == true"),
		FIELD_KNOWN("cancelPayload", FIELD_VALUE, .when = "waitForCompletion == true"),
		FIELD_KNOWN("signalCancellation", FIELD_BOOL, .flags = FIELD_UI)),
	.config_size = sizeof(struct webhook_config),
	.check = webhook_check,
	.tasks = ROWS(struct task_row, {
		.name = "createWebhook",
		.run = create_webhook,
		.slot = webhook_slot,
		.poll_every_ms = 10000,
		.timeout_ms = 5 * 60 * 1000,
		.repeat = TASK_SAFE,
	}),
};
