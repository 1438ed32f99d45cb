/*
 * Webhook: one HTTP call, and, when it waits, the watch over what came of it (stages.md 4.6). The call is sent under the same
 * Idempotency-Key on every retry and after a crash, so a server that honours the header sees one effect. Addresses are checked
 * as resolved (net/address.h), those of status and cancel URLs too.
 */
#include "stage/webhook.h"

#include <stdlib.h>
#include <strings.h>

#include "artifact/bind_produced.h"
#include "base/alloc.h"
#include "base/json_path.h"
#include "base/limits.h"
#include "net/url.h"
#include "stage/stages.h"

static int create_webhook(const struct task_input *in, struct task_result *out, struct err *err);
static char *webhook_slot(const struct task_input *in);
static int webhook_check(const struct task_input *in, struct err *err);
static int webhook_needs(const struct task_input *in, struct err *err);
static bool has_call(const struct task_input *in);
static bool has_wait(const struct task_input *in);
static bool has_monitor(const struct task_input *in);

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	"TRACE", NULL };
static const char *const resolutions[] = { "getMethod", "locationHeader", "webhookResponse", NULL };

const struct stage_type webhook_stage = {
	.name = "webhook",
	.title = { "Webhook", "Webhook" },
	.summary = { "Calls a URL, keeps the answer in the stage's context, and can watch what comes of it.",
		"调用指定 URL，将响应保存在阶段上下文中，并可监控其结果。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct webhook_config, url, "url", .widget = "expr",
			.when = "monitorOnly != true", .title = { "Webhook URL", "Webhook 地址" },
			.help = { "http or https; hosts inside are refused unless the settings allow them.",
				"http 或 https 地址；默认禁止访问内网主机，可在设置中放开。" }),
		FIELD(struct webhook_config, method, "method", .preset = "POST", .widget = "select",
			.choices = methods, .title = { "Method", "方法" },
			.help = { "A verb of HTTP, in any case.", "HTTP 方法，不区分大小写。" }),
		FIELD(struct webhook_config, fail_fast_codes, "failFastStatusCodes",
			.widget = "multi", .title = { "Fail fast HTTP statuses", "立即失败的状态码" },
			.help = { "Replaces the default list, 504; ends the stage without retry.",
				"替换默认列表（504）；返回这些状态码时直接失败，不再重试。" }),
		FIELD(struct webhook_config, call_retry_codes, "webhookRetryStatusCodes",
			.widget = "multi", .title = { "Retry statuses of the call", "调用重试状态码" },
			.help = { "Tried again like 5xx and 429.", "与 5xx、429 一样重试。" }),
		FIELD(struct webhook_config, payload, "payload", .widget = "code:json",
			.title = { "Payload", "请求体" },
			.help = { "A map, list or text; sent as JSON, or as a form when Content-Type says so.",
				"对象、列表或文本；默认以 JSON 发送，Content-Type 为表单时以表单发送。" }),
		FIELD(struct webhook_config, custom_headers, "customHeaders", .flags = FIELD_MAP,
			.widget = "kv", .title = { "Custom headers", "自定义 header" },
			.help = { "Name to value, or to a list of values; sent with the call and with status requests.",
				"名称到值（或值列表）的映射，调用及查询状态时携带。" }),
		FIELD(struct webhook_config, wait, "waitForCompletion", .preset = "false",
			.title = { "Wait for completion", "等待完成" },
			.help = { "Poll a status URL until it says done.", "轮询状态地址直至完成。" }),
		FIELD(struct webhook_config, monitor_only, "monitorOnly", .preset = "false",
			.when = "waitForCompletion == true", .title = { "Only monitor", "仅监控" },
			.help = { "No first call; only the status URL is polled.",
				"不发起调用，仅轮询状态地址。" }),
		FIELD(struct webhook_config, status_endpoint, "statusEndpoint", .widget = "expr",
			.when = "monitorOnly == true", .title = { "Status URL", "状态地址" },
			.help = { "Nothing means the webhook's URL. Set by the stage when it calls.",
				"不填为 Webhook 地址；发起调用时由阶段设置。" }),
		FIELD(struct webhook_config, resolution, "statusUrlResolution", .widget = "radio",
			.choices = resolutions, .when = "waitForCompletion == true",
			.title = { "Status URL", "状态地址来源" },
			.help = { "getMethod: the same URL; locationHeader: the header Location; webhookResponse: in the answer.",
				"getMethod：使用同一地址；locationHeader：响应头 Location；webhookResponse：响应内容。" }),
		FIELD(struct webhook_config, status_url_path, "statusUrlJsonPath",
			.when = "statusUrlResolution == webhookResponse",
			.title = { "Status URL path", "状态地址路径" },
			.help = { "JSONPath in the answer, for example $.statusUrl.",
				"响应中的 JSONPath，例如 $.statusUrl。" }),
		FIELD(struct webhook_config, wait_before, "waitBeforeMonitor", .preset = "0",
			.when = "waitForCompletion == true",
			.title = { "Delay before monitoring", "监控前等待" },
			.help = { "Seconds since the stage's start, for services that need a moment to register the job.",
				"首次查询前的等待时间（自阶段开始的秒数）。" }),
		FIELD(struct webhook_config, monitor_retry_codes, "retryStatusCodes",
			.widget = "multi", .when = "waitForCompletion == true",
			.title = { "Retry HTTP statuses", "监控重试状态码" },
			.help = { "While polling, in addition to 5xx and 429.",
				"轮询时额外重试的状态码。" }),
		FIELD(struct webhook_config, status_path, "statusJsonPath",
			.when = "waitForCompletion == true", .title = { "Status JsonPath", "状态路径" },
			.help = { "Without it any good answer means success.",
				"未填写时，只要返回成功即视为完成。" }),
		FIELD(struct webhook_config, progress_path, "progressJsonPath",
			.when = "waitForCompletion == true",
			.title = { "Progress location", "进度路径" },
			.help = { "Text shown while waiting.", "等待期间展示的进度文本。" }),
		FIELD(struct webhook_config, success_statuses, "successStatuses",
			.when = "waitForCompletion == true",
			.title = { "SUCCESS status mapping", "成功状态值" },
			.help = { "With commas, in any case; a number 100 means done.",
				"以逗号分隔，不区分大小写；数值 100 表示完成。" }),
		FIELD(struct webhook_config, canceled_statuses, "canceledStatuses",
			.when = "waitForCompletion == true",
			.title = { "CANCELED status mapping", "取消状态值" },
			.help = { "With commas, in any case.", "以逗号分隔，不区分大小写。" }),
		FIELD(struct webhook_config, terminal_statuses, "terminalStatuses",
			.when = "waitForCompletion == true",
			.title = { "TERMINAL status mapping", "失败状态值" },
			.help = { "With commas, in any case.", "以逗号分隔，不区分大小写。" }),
		FIELD_KNOWN("signalCancellation", FIELD_BOOL, .flags = FIELD_UI,
			.when = "waitForCompletion == true",
			.title = { "Signal on cancellation", "取消时通知" }),
		FIELD(struct webhook_config, cancel_endpoint, "cancelEndpoint", .widget = "expr",
			.when = "waitForCompletion == true",
			.title = { "Cancellation URL", "取消通知地址" },
			.help = { "Called once when the run is canceled while it is watched, or the status means canceled.",
				"监控期间部署流程被取消，或状态为取消时调用一次。" }),
		FIELD(struct webhook_config, cancel_method, "cancelMethod", .preset = "POST",
			.widget = "select", .choices = methods, .when = "cancelEndpoint set",
			.title = { "Cancellation method", "取消通知方法" }),
		FIELD(struct webhook_config, cancel_payload, "cancelPayload", .widget = "code:json",
			.when = "cancelEndpoint set",
			.title = { "Cancellation payload", "取消通知请求体" }),
		FIELD(struct webhook_config, retries, "retries", .flags = FIELD_MAP, .widget = "kv",
			.when = "waitForCompletion == true",
			.title = { "Retries per status", "各状态码重试次数" },
			.help = { "Status code to {maxAttempts}: so many polls may see this code.",
				"状态码到 {maxAttempts} 的映射：该状态码最多允许出现的次数。" }),
		FIELD(struct webhook_config, skip_wait, "skipRemainingWait",
			.flags = FIELD_SET_AT_RUN, .title = { "Skip the rest", "跳过剩余等待" },
			.help = { "True (by a PATCH of the running stage) ends waitBeforeMonitor at once.",
				"通过 PATCH 设为 true 时立即结束监控前等待。" })),
	.config_size = sizeof(struct webhook_config),
	.check = webhook_check,
	.needs = webhook_needs,
	.tasks = ROWS(struct task_row,
		{
			.name = "createWebhook",
			.run = create_webhook,
			.slot = webhook_slot,
			.when = has_call,
			.poll_every_ms = 10000,
			.timeout_ms = 5 * 60 * 1000,
			.repeat = TASK_SAFE,
		},
		{
			.name = "waitBeforeMonitorWebhook",
			.run = webhook_wait,
			.cancel = webhook_cancel,
			.when = has_wait,
			.is_inline = true,
		},
		{
			.name = "monitorWebhook",
			.run = webhook_monitor,
			.cancel = webhook_cancel,
			.slot = webhook_monitor_slot,
			.when = has_monitor,
			.timeout_ms = 60 * 60 * 1000,
			.timeout_overridable = true,
			.repeat = TASK_SAFE,
		},
		BIND_PRODUCED_ARTIFACTS),
};

/* ---- what is part of it ---- */

static bool has_call(const struct task_input *in)
{
	const struct webhook_config *config = in->config;
	return !config->monitor_only;
}

static bool has_monitor(const struct task_input *in)
{
	const struct webhook_config *config = in->config;
	return config->wait;
}

static bool has_wait(const struct task_input *in)
{
	const struct webhook_config *config = in->config;
	return config->wait && config->wait_before.ms > 0;
}

static int check_path(const char *key, const char *path, struct err *err)
{
	if (webhook_is_blank(path) || json_path_check(str_of(path), err) == 0)
		return 0;
	return err_wrap(err, "%s", key);
}

static bool knows_resolution(const char *text)
{
	for (const char *const *resolution = resolutions; text && *resolution; resolution++)
		if (strcmp(text, *resolution) == 0)
			return true;
	return false;
}

/* One that a server does not know would be answered with a 501, and so be tried again until the time is up. */
static int check_method(const char *key, const char *method, struct err *err)
{
	for (const char *const *known = methods; method && *known; known++)
		if (strcasecmp(method, *known) == 0)
			return 0;
	return err_set(err, ERR_INVALID,
		"%s: expected GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or TRACE, got \"%.80s\"",
		key, method ? method : "");
}

/* What could not work is said before the call, not after it. */
static int webhook_check(const struct task_input *in, struct err *err)
{
	const struct webhook_config *config = in->config;
	if (config->monitor_only && !config->wait)
		return err_set(err, ERR_INVALID, "monitorOnly: needs waitForCompletion");
	if (!config->wait)
		return 0;
	if (!webhook_is_blank(config->cancel_endpoint) && !webhook_is_blank(config->cancel_method) &&
		check_method("cancelMethod", config->cancel_method, err) < 0)
		return -1;
	if (check_path("statusJsonPath", config->status_path, err) < 0 ||
		check_path("progressJsonPath", config->progress_path, err) < 0)
		return -1;
	if (!config->resolution || strcmp(config->resolution, "webhookResponse") != 0)
		return 0;
	return check_path("statusUrlJsonPath", config->status_url_path, err);
}

/* What the call itself fails for, so that its error is kept where that of a call is. */
static int webhook_needs(const struct task_input *in, struct err *err)
{
	const struct webhook_config *config = in->config;
	if (config->monitor_only)
		return 0;
	if (webhook_is_blank(config->url))
		return err_set(err, ERR_INVALID, "url: is required");
	if (check_method("method", config->method, err) < 0)
		return -1;
	if (config->wait && !knows_resolution(config->resolution))
		return err_set(err, ERR_INVALID,
			"statusUrlResolution: waiting needs one of getMethod, locationHeader, webhookResponse");
	return 0;
}

static char *webhook_slot(const struct task_input *in)
{
	const struct webhook_config *config = in->config;
	return config->url ? url_origin(config->url) : NULL;
}

/* ---- the status URL ---- */

/* The same host is asked the same way as it was called: its scheme is kept. */
static char *with_scheme_of(const char *called, const char *text, struct err *err)
{
	_cleanup_url_ struct url base = { 0 };
	_cleanup_url_ struct url status = { 0 };
	if (url_parse(called, &base, err) < 0)
		return NULL;
	if (url_resolve(&base, text, &status, err) < 0)
		return NULL;
	const char *colon = strstr(text, "://");
	if (colon && strcasecmp(base.host, status.host) == 0)
		return xasprintf("%s%s", base.scheme, colon);
	return colon ? xstrdup(text) : url_text(&status);
}

/* Where the status is to be had, owned; NULL with what is wrong. */
static char *find_status_url(const struct webhook_config *config,
	const struct http_response *response, struct val body, struct err *err)
{
	_cleanup_(val_free) struct val found = VAL_NULL;
	if (strcmp(config->resolution, "getMethod") == 0)
		return xstrdup(config->url);
	if (strcmp(config->resolution, "locationHeader") == 0) {
		found = val_string(http_response_header(response, "location"));
	} else if (json_path_read(str_of(config->status_url_path), body, &found, err) < 0) {
		err_wrap(err, "statusUrlJsonPath");
		return NULL;
	}
	struct str text = str_trim(val_as_str(&found));
	if (text.length == 0) {
		err_set(err, ERR_FAILED, "%s",
			val_is_string(found) ? "it is empty" : "it is no text");
		return NULL;
	}
	_cleanup_free_ char *trimmed = xstrndup(text.bytes, text.length);
	return with_scheme_of(
		response->effective_url ? response->effective_url : config->url, trimmed, err);
}

/* ---- the call ---- */

/* Keeps WEBHOOK (taken) with the error, which fails the stage. */
static int call_failed(struct val webhook, struct task_result *out, struct err *err)
{
	val_set(&webhook, "error", val_string(err_text(err)));
	task_context(out, "webhook", webhook);
	if (err_is_retryable(err->kind))
		err->kind = ERR_FAILED;
	return -1;
}

static bool fails_fast(const struct webhook_config *config, int status)
{
	if (val_is_null(config->fail_fast_codes))
		return status == 504;
	return webhook_code_is_in(config->fail_fast_codes, status);
}

/* 4xx, 5xx, and whatever the author lists: again, or failed. */
static int call_refused(const struct task_input *in, const struct http_response *response,
	bool again, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	struct val webhook = webhook_answer(response);
	webhook_refused(config->method, config->url, response->status, err);
	if (!again)
		return call_failed(webhook, out, err);
	if (response->status >= 400)
		val_set(&webhook, "error", val_string(err_text(err)));
	task_context(out, "webhook", webhook);
	task_says(out, "%s; trying again", err_text(err));
	err_clear(err);
	int after = http_retry_after_ms(response, in->now_ms);
	return task_again_at(out, after > 0 ? in->now_ms + after : 0);
}

static int call_answered(const struct task_input *in, const struct http_response *response,
	struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	int status = response->status;
	bool fast = fails_fast(config, status);
	bool again = !fast &&
		(status >= 500 || status == 429 ||
			webhook_code_is_in(config->call_retry_codes, status));
	if (fast || again || status >= 400)
		return call_refused(in, response, again, out, err);
	struct val webhook = webhook_answer(response);
	if (config->wait) {
		_cleanup_free_ char *url = find_status_url(
			config, response, val_get(webhook, "body"), err);
		if (!url) {
			err_wrap(err, "the status URL (statusUrlResolution: %s) cannot be had",
				config->resolution);
			return call_failed(webhook, out, err);
		}
		val_set(&webhook, "statusEndpoint", val_string(url));
		task_context(out, "statusEndpoint", val_string(url));
	} else if (has_expected_artifacts(in)) {
		/* What the answer says that it made; without waiting there is no other place to look. */
		struct val made = val_get(val_get(webhook, "body"), "artifacts");
		task_context(out, "artifacts", val_is_list(made) ? val_ref(made) : val_list());
	}
	task_context(out, "webhook", webhook);
	return task_done(out);
}

/* No answer: a name that does not resolve and a refused connection are tried again, a timeout only where repeating is harmless. */
static int call_unanswered(
	const struct webhook_config *config, struct task_result *out, struct err *err)
{
	const char *reason = val_get_text(err->details, "reason", "");
	bool again = err->kind == ERR_UNAVAILABLE &&
		(strcmp(reason, "resolve") == 0 || strcmp(reason, "connect") == 0);
	if (err->kind == ERR_TIMEOUT && strcasecmp(config->method, "GET") == 0)
		again = true;
	if (err->kind == ERR_CANCELED)
		return -1;
	if (!again)
		return call_failed(val_map(), out, err);
	struct val webhook = val_map();
	val_set(&webhook, "error", val_string(err_text(err)));
	task_context(out, "webhook", webhook);
	task_says(out, "%s; trying again", err_text(err));
	err_clear(err);
	return task_again_at(out, 0);
}

static int create_webhook(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct webhook_config *config = in->config;
	const struct webhook_call call = {
		.method = config->method,
		.url = config->url,
		.payload = config->payload,
		.has_effect = true,
	};
	struct http_response response = { 0 };
	if (webhook_needs(in, err) < 0)
		return call_failed(val_map(), out, err);
	int result = webhook_perform(in, &call, &response, err);
	result = result == 0 ? call_answered(in, &response, out, err) :
			       call_unanswered(config, out, err);
	http_response_free(&response);
	return result;
}
