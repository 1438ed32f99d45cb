/*
 * One call to the API server: credential, exchange, and what an answer means. The table of kubernetes.md 9.6 is `verdicts`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define SHOWN_BYTES 300 /* of an answer that is no Status */
#define NO_RESPONSE ((struct http_response){ .body = STRBUF_INIT(0) })

/* What a status means: the kind of error, and whether the call may be made again. */
enum again { NEVER, IF_REPEATABLE, ALWAYS };
static const struct verdict {
	int status;
	enum err_kind kind;
	enum again again;
} verdicts[] = {
	{ 400, ERR_INVALID, NEVER },
	{ 401, ERR_DENIED, NEVER }, /* but once with another credential */
	{ 403, ERR_DENIED, NEVER },
	{ 404, ERR_NOT_FOUND, NEVER },
	{ 405, ERR_UNSUPPORTED, NEVER },
	{ 406, ERR_UNSUPPORTED, NEVER },
	{ 409, ERR_CONFLICT, NEVER },
	{ 410, ERR_CONFLICT, NEVER },
	{ 413, ERR_TOO_LARGE, NEVER },
	{ 415, ERR_UNSUPPORTED, NEVER },
	{ 422, ERR_INVALID, NEVER },
	{ 429, ERR_UNAVAILABLE, ALWAYS },
	{ 500, ERR_UNAVAILABLE, IF_REPEATABLE },
	{ 502, ERR_UNAVAILABLE, IF_REPEATABLE },
	{ 503, ERR_UNAVAILABLE, IF_REPEATABLE },
	{ 504, ERR_TIMEOUT, IF_REPEATABLE },
};

static struct verdict verdict_of(int status)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (verdicts[i].status == status)
			return verdicts[i];
	}
	if (status >= 500)
		return (struct verdict){ status, ERR_UNAVAILABLE, IF_REPEATABLE };
	return (struct verdict){ status, status >= 400 ? ERR_INVALID : ERR_FAILED, NEVER };
}

/* A 500 without a reason is either etcd in trouble, or one of these, which are mistakes of the manifest. */
static bool is_rejection(const char *message)
{
	static const char *const texts[] = {
		"failed to create typed patch object",
		"failed to create manager for existing fields",
		"failed to convert new object", /* a quantity, base64 */
		"resourceVersion should not be set on objects to be created",
		"Invalid value",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strstr(message, texts[i]))
			return true;
	}
	return false;
}

int kube_error_status(const struct err *err)
{
	return (int)val_get_int(err->details, "status", 0);
}

const char *kube_error_reason(const struct err *err)
{
	return val_get_text(err->details, "reason", "");
}

bool kube_error_has_causes(const struct err *err)
{
	return val_count(val_get(err->details, "causes")) > 0;
}

int kube_sleep(const struct kube_account *account, struct cancel *cancel, int64_t ms, struct err *err)
{
	struct clock *clock = account->kubernetes->world->clock;
	struct cancel *never = cancel ? NULL : cancel_new();
	int done = cancel_sleep(cancel ? cancel : never, clock, clock_now_ms(clock) + ms, err);

	cancel_unref(never);
	return done;
}

/* The whole URL, owned. It holds no secrets: read_server saw to that. */
static char *url_of(const struct kube_account *account, const struct kube_request *request)
{
	return xasprintf("%s%s%s%s", account->target.server, request->path,
		request->query ? "?" : "", request->query ? request->query : "");
}

/* Adds "; FIELD: MESSAGE" for each cause that the message does not tell. */
static void add_causes(struct strbuf *text, const char *message, struct val causes)
{
	for (size_t i = 0; i < val_count(causes); i++) {
		const char *cause = val_get_text(val_at(causes, i), "message", "");
		const char *field = val_get_text(val_at(causes, i), "field", "");

		if (*cause && !strstr(message, cause))
			strbuf_printf(text, "; %s%s%s", field, *field ? ": " : "", cause);
	}
}

/* In one line: lists that the server puts one under the other follow each other. */
static void one_line(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		bool blank = *from == '\n' || *from == '\r' || *from == '\t' || *from == ' ';

		if (!blank || (to > text && to[-1] != ' '))
			*to++ = blank ? ' ' : *from;
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = 0;
}

/* What people read about an answer: the Status' message and causes, or the text of a proxy; owned. */
static char *answer_text(int status, struct val document, struct str body)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES * 4);
	const char *message = val_get_text(document, "message", "");
	char *line;

	if (*message) {
		strbuf_add_text(&text, message);
		add_causes(&text, message, val_get(val_get(document, "details"), "causes"));
	} else {
		body = str_trim(body);
		strbuf_printf(&text, "the server answered %d", status);
		if (body.length && body.bytes[0] != '<' && !val_is_map(document))
			strbuf_printf(&text, ": %.*s",
				(int)(body.length < SHOWN_BYTES ? body.length : SHOWN_BYTES),
				body.bytes);
	}
	line = xstrndup(text.bytes, text.length);
	one_line(line);
	return line;
}

/* err->details of an exchange; STATUS 0 = no answer. */
static void set_details(const struct kube_account *account, const struct kube_request *request,
	int status, struct val document, struct err *err)
{
	_cleanup_free_ char *url = url_of(account, request);
	struct val details = val_map();

	val_set(&details, "kind", val_string(status ? "HTTP" : "NETWORK"));
	if (status) {
		val_set(&details, "status", val_int(status));
		val_set(&details, "reason", val_ref(val_get(document, "reason")));
		val_set(&details, "causes", val_ref(val_path(document, "details.causes")));
	} else {
		val_set(&details, "reason", val_ref(val_get(err->details, "reason")));
	}
	val_set(&details, "url", val_string(url));
	val_replace(&err->details, details);
}

static int answer_error(const struct kube_account *account, const struct kube_credential *credential,
	const struct kube_request *request, int status, struct str body, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_err_ struct err no_json = ERR_INIT;
	struct verdict verdict = verdict_of(status);
	const char *message;

	if (json_parse(body, NULL, NULL, &document, &no_json) < 0 || !val_is_map(document))
		val_free(&document);
	_cleanup_free_ char *text = answer_text(status, document, body);
	_cleanup_free_ char *clean = kube_without_secrets(account, credential, text);

	message = val_get_text(document, "message", "");
	if (status == 500 && !val_is_string(val_get(document, "reason")) && is_rejection(message))
		verdict.kind = ERR_INVALID;
	err_set(err, verdict.kind, "%s", clean);
	set_details(account, request, status, document, err);
	err->retry_after_ms = (int)val_get_int(val_get(document, "details"), "retryAfterSeconds", 0) *
		1000;
	return -1;
}

/* The transport's error, told as one about the API server. */
static int network_error(const struct kube_account *account,
	const struct kube_credential *credential, const struct kube_request *request, struct err *err)
{
	_cleanup_free_ char *clean = kube_without_secrets(account, credential, err_text(err));
	_cleanup_(val_free) struct val details = val_ref(err->details);

	if (err->kind == ERR_CANCELED)
		return -1;
	/* The transport may have named it already. */
	if (strstr(clean, account->target.server))
		err_set(err, err->kind, "cannot reach the API server of account \"%s\": %s",
			account->name, clean);
	else
		err_set(err, err->kind, "cannot reach the API server %s of account \"%s\": %s",
			account->target.server, account->name, clean);
	err->details = take(&details);
	set_details(account, request, 0, VAL_NULL, err);
	return -1;
}

/* Warning: 299 - "text with \" in it", 299 - "another" */
static void add_warning(struct val *list, struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		_cleanup_strbuf_ struct strbuf warning = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);

		if (text.bytes[i] != '"')
			continue;
		for (i++; i < text.length && text.bytes[i] != '"'; i++) {
			if (text.bytes[i] == '\\' && i + 1 < text.length)
				i++;
			strbuf_add_char(&warning, text.bytes[i]);
		}
		/* A date, which may follow, is no warning. */
		if (warning.length && !str_ends(strbuf_str(&warning), " GMT"))
			val_append(list, val_str(strbuf_str(&warning)));
	}
}

static struct val warnings_of(const struct http_response *response)
{
	struct val header = val_get(response->headers, "warning");
	struct val list = val_list();

	if (val_is_string(header))
		add_warning(&list, val_as_str(&header));
	for (size_t i = 0; val_is_list(header) && i < val_count(header); i++) {
		struct val item = val_at(header, i);

		add_warning(&list, val_as_str(&item));
	}
	return list;
}

/* The request's headers; owned. */
static struct val headers_of(
	const struct kube_credential *credential, const struct kube_request *request)
{
	struct val headers = val_map();

	val_set(&headers, "Accept",
		val_string(request->accept ? request->accept : "application/json"));
	if (request->content_type)
		val_set(&headers, "Content-Type", val_string(request->content_type));
	if (credential->authorization)
		val_set(&headers, "Authorization", val_string(credential->authorization));
	val_merge(&headers, credential->impersonation);
	return headers;
}

static int request_ms(const struct kube_account *account)
{
	int64_t seconds = account->config.request_timeout_s;

	return seconds ? (int)seconds * 1000 : LIMIT_KUBERNETES_REQUEST_MS;
}

/* One exchange: 0 with *RESPONSE when an answer of 2xx came. */
static int exchange(const struct kube_account *account, const struct kube_credential *credential,
	const struct kube_request *request, struct http_response *response, struct err *err)
{
	struct world *world = account->kubernetes->world;
	_cleanup_(val_free) struct val headers = headers_of(credential, request);
	_cleanup_free_ char *url = url_of(account, request);
	_cleanup_free_ char *identity = NULL;
	struct http_tls tls = credential->tls;
	struct http_request http = {
		.method = request->method,
		.url = url,
		.headers = headers,
		.body = request->body,
		.tls = &tls,
		.total_ms = request->on_body ? request->silence_ms : request_ms(account),
		.accept_gzip = !request->on_body,
		.cancel = request->cancel,
		.on_body = request->on_body,
		.on_body_data = request->on_body_data,
	};

	if (request->on_body)
		tls.identity = identity = xasprintf(
			"%s/watch/%d", credential->identity, request->slot);
	if (http_perform(world->http, &http, response, err) < 0)
		return network_error(account, credential, request, err);
	if (response->status >= 200 && response->status < 300)
		return 0;
	answer_error(
		account, credential, request, response->status, strbuf_str(&response->body), err);
	if (http_retry_after_ms(response, clock_now_ms(world->clock)) > 0)
		err->retry_after_ms = http_retry_after_ms(response, clock_now_ms(world->clock));
	return -1;
}

/* Whether the call may be made again after ERR. */
static bool may_repeat(const struct kube_request *request, const struct err *err)
{
	int status = kube_error_status(err);
	const char *reason = kube_error_reason(err);
	enum again again = verdict_of(status).again;

	if (request->on_body || request->once || !err_is_retryable(err->kind))
		return false;
	if (status)
		return again == ALWAYS || (again == IF_REPEATABLE && request->repeatable);
	/* Nothing was sent when there was no connection. */
	return request->repeatable || strcmp(reason, "resolve") == 0 ||
		strcmp(reason, "connect") == 0 || strcmp(reason, "tls") == 0;
}

/* Waits before attempt NUMBER + 1; -1 when there is to be none, with the error of the last one, or of a cancelled wait. */
static int wait_to_repeat(const struct kube_account *account, const struct kube_request *request,
	int number, int64_t until_ms, struct err *err)
{
	int64_t now_ms = clock_now_ms(account->kubernetes->world->clock);
	int64_t wait_ms = err->retry_after_ms ? err->retry_after_ms :
						LIMIT_KUBERNETES_BACKOFF_MS << number;

	if (number >= LIMIT_KUBERNETES_RETRIES || !may_repeat(request, err) ||
		wait_ms > LIMIT_KUBERNETES_RETRY_AFTER_MS || now_ms + wait_ms >= until_ms)
		return -1;
	return kube_sleep(account, request->cancel, wait_ms, err);
}

/* A call that was cancelled while it was tried again says what had gone wrong, for whoever tells that the time was up. */
static int gave_up(const char *last, struct err *err)
{
	if (err->kind == ERR_CANCELED && last)
		val_set(&err->details, "lastError", val_string(last));
	return -1;
}

/* Sends until there is an answer that counts. */
static int send_until_answered(struct kube_account *account, const struct kube_request *request,
	struct http_response *response, struct err *err)
{
	int64_t until_ms = clock_now_ms(account->kubernetes->world->clock) + LIMIT_KUBERNETES_CALL_MS;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *refused = NULL;
	_cleanup_free_ char *last = NULL;

	for (int number = 0;;) {
		_cleanup_(kube_credential_unref_cleanup) struct kube_credential *credential = NULL;
		int status;

		if (kube_account_credential(account, refused, request->cancel, &credential, err) < 0)
			return err_wrap(err, "account \"%s\"", account->name);
		if (refused && credential == refused)
			return err_wrap(err,
				"the API server %s refuses the credential of account \"%s\"",
				account->target.server, account->name);
		if (exchange(account, credential, request, response, err) == 0)
			return 0;
		status = response->status;
		http_response_free(response);
		*response = NO_RESPONSE;
		if (err->kind == ERR_CANCELED)
			return gave_up(last, err);
		free(last);
		last = xstrdup(err_text(err));
		if (status == 401 && !refused) {
			refused = take(&credential);
			continue;
		}
		if (wait_to_repeat(account, request, number++, until_ms, err) < 0)
			return gave_up(last, err);
	}
}

/* TEXT as a string value; bytes that are no UTF-8 (in logs) become '?'. */
static struct val lenient_string(struct str text)
{
	_cleanup_strbuf_ struct strbuf clean = STRBUF_INIT(text.length);

	for (size_t i = 0; i < text.length;) {
		size_t length = str_utf8_length(str_slice(text, i, text.length));

		strbuf_add(&clean, length ? text.bytes + i : "?", length ? length : 1);
		i += length ? length : 1;
	}
	return val_str(strbuf_str(&clean));
}

/* The body as a value: JSON, or text (logs). */
static int read_answer(
	const struct http_response *response, bool owners, struct val *ret, struct err *err)
{
	struct json_options options = { .max_bytes = LIMIT_HTTP_RESPONSE_BYTES,
		.skip_key = owners ? NULL : KUBE_OWNERS };
	struct str body = strbuf_str(&response->body);
	const char *type = http_response_header(response, "content-type");

	if (*type && !strstr(type, "json")) {
		*ret = lenient_string(body);
		return 0;
	}
	if (json_parse(body, &options, NULL, ret, err) < 0)
		return err_wrap(err, "the API server's answer");
	return 0;
}

int kube_send(struct kube_account *account, const struct kube_request *request, struct val *ret,
	struct val *ret_warnings, struct err *err)
{
	struct http_response response = NO_RESPONSE;
	int done;

	if (account->problem.kind != ERR_NONE)
		return err_set(err, account->problem.kind, "%s", err_text(&account->problem));
	if (send_until_answered(account, request, &response, err) < 0)
		return -1;
	done = ret ? read_answer(&response, request->owners, ret, err) : 0;
	if (done == 0 && ret_warnings)
		*ret_warnings = warnings_of(&response);
	http_response_free(&response);
	return done;
}
