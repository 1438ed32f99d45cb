/* How a webhook calls, and what it keeps of an answer (stages.md 4.6). */
#include <ctype.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/http_charset.h"
#include "net/url.h"
#include "stage/webhook.h"

bool webhook_is_blank(const char *text)
{
	return str_trim(str_of(text)).length == 0;
}

/* ---- the request ---- */

static bool header_is(struct str name, const char *text)
{
	return str_equal_nocase(name, str_of(text));
}

/* Names that say who the platform is, or frame the message, are not the user's to set. */
static bool header_is_denied(struct str name)
{
	static const char *const denied[] = { "X-SPINNAKER-USER", "X-SPINNAKER-ACCOUNTS",
		"X-SPINNAKER-ACCOUNT", "X-SPINNAKER-USER-ORIGIN", "X-SPINNAKER-REQUEST-ID",
		"X-SPINNAKER-EXECUTION-ID", "Host", "Content-Length", "Transfer-Encoding",
		"Connection" };
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
			return strncasecmp(val_text(&value), "application/x-www-form-urlencoded",
				       33) == 0;
	}
	return false;
}

static int make_headers(const struct task_input *in, const struct webhook_call *call,
	struct val *ret, struct err *err)
{
	const struct webhook_config *config = in->config;
	_cleanup_(val_free) struct val headers = val_map();
	for (size_t i = 0; i < val_count(config->custom_headers); i++) {
		struct str name = val_key_at(config->custom_headers, i);
		struct val value = val_value_at(config->custom_headers, i);
		if (header_is_denied(name))
			return err_set(err, ERR_INVALID,
				"customHeaders.%.*s: this header may not be set", STR_ARG(name));
		if (val_is_string(value) || val_is_list(value)) {
			val_set_str(&headers, name, val_ref(value));
		} else if (!val_is_null(value)) {
			_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
			val_set_str(&headers, name, val_string(text));
		}
	}
	if (call->has_effect && !has_header(config, "Content-Type"))
		val_set(&headers, "Content-Type", val_string("application/json"));
	if (!has_header(config, "Accept"))
		val_set(&headers, "Accept", val_string("application/json, */*"));
	/* An author's own is the author's promise; a look at the status is no effect, and must not get an old answer. */
	if (call->has_effect && !has_header(config, "Idempotency-Key"))
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
static void write_body(const struct webhook_config *config, struct val payload, struct strbuf *body)
{
	if (val_is_null(payload))
		return;
	if (val_is_string(payload)) {
		strbuf_add_str(body, val_as_str(&payload));
	} else if (val_is_map(payload) && is_form(config)) {
		for (size_t i = 0; i < val_count(payload); i++) {
			struct val value = val_value_at(payload, i);
			struct str key = val_key_at(payload, i);
			for (size_t j = 0; val_is_list(value) && j < val_count(value); j++)
				form_value(body, key, val_at(value, j));
			if (!val_is_list(value))
				form_value(body, key, value);
		}
	} else {
		json_write(body, payload, JSON_COMPACT);
	}
}

int webhook_perform(const struct task_input *in, const struct webhook_call *call,
	struct http_response *ret, struct err *err)
{
	const struct webhook_config *config = in->config;
	_cleanup_(val_free) struct val headers = VAL_NULL;
	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT(LIMIT_BODY_BYTES);
	_cleanup_free_ char *method = xstrdup(call->method);
	if (make_headers(in, call, &headers, err) < 0)
		return -1;
	write_body(config, call->payload, &body);
	if (body.overflowed)
		return err_set(err, ERR_TOO_LARGE, "payload: larger than %u bytes", LIMIT_BODY_BYTES);
	for (char *c = method; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	struct http_request request = {
		.method = method,
		.url = call->url,
		.headers = headers,
		.body = body.length > 0 ? strbuf_str(&body) : (struct str){ 0 },
		.policy = in->world->url_policy,
		.follow_redirects = true,
		.accept_gzip = true,
		.cancel = in->cancel,
	};
	return http_perform(in->world->http, &request, ret, err);
}

char *webhook_shown(const char *method, const char *url)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_url_ struct url parsed = { 0 };
	if (url_parse(url, &parsed, &err) < 0)
		return xstrdup(method);
	_cleanup_free_ char *text = url_text(&parsed);
	return xasprintf("%s %.*s", method, (int)strcspn(text, "?"), text);
}

/* ---- the answer ---- */

/* Spring's names, which expressions compare with ("OK", "CREATED"). */
const char *webhook_status_name(int status)
{
	static const struct {
		int code;
		const char *text;
	} names[] = {
		{ 200, "OK" },
		{ 201, "CREATED" },
		{ 202, "ACCEPTED" },
		{ 203, "NON_AUTHORITATIVE_INFORMATION" },
		{ 204, "NO_CONTENT" },
		{ 205, "RESET_CONTENT" },
		{ 206, "PARTIAL_CONTENT" },
		{ 207, "MULTI_STATUS" },
		{ 300, "MULTIPLE_CHOICES" },
		{ 301, "MOVED_PERMANENTLY" },
		{ 302, "FOUND" },
		{ 303, "SEE_OTHER" },
		{ 304, "NOT_MODIFIED" },
		{ 307, "TEMPORARY_REDIRECT" },
		{ 308, "PERMANENT_REDIRECT" },
		{ 400, "BAD_REQUEST" },
		{ 401, "UNAUTHORIZED" },
		{ 402, "PAYMENT_REQUIRED" },
		{ 403, "FORBIDDEN" },
		{ 404, "NOT_FOUND" },
		{ 405, "METHOD_NOT_ALLOWED" },
		{ 406, "NOT_ACCEPTABLE" },
		{ 408, "REQUEST_TIMEOUT" },
		{ 409, "CONFLICT" },
		{ 410, "GONE" },
		{ 411, "LENGTH_REQUIRED" },
		{ 412, "PRECONDITION_FAILED" },
		{ 413, "PAYLOAD_TOO_LARGE" },
		{ 415, "UNSUPPORTED_MEDIA_TYPE" },
		{ 422, "UNPROCESSABLE_ENTITY" },
		{ 423, "LOCKED" },
		{ 429, "TOO_MANY_REQUESTS" },
		{ 500, "INTERNAL_SERVER_ERROR" },
		{ 501, "NOT_IMPLEMENTED" },
		{ 502, "BAD_GATEWAY" },
		{ 503, "SERVICE_UNAVAILABLE" },
		{ 504, "GATEWAY_TIMEOUT" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == status)
			return names[i].text;
	return NULL;
}

/* Bytes that are no UTF-8 become U+FFFD, so that what is kept is text. */
static struct val kept_text(struct str text)
{
	if (str_is_utf8(text))
		return val_str(text);
	struct strbuf repaired = STRBUF_INIT(3 * text.length + 1);
	while (text.length > 0) {
		size_t length = str_utf8_length(text);
		if (length > 0)
			strbuf_add(&repaired, text.bytes, length);
		else
			strbuf_add_text(&repaired, "\xef\xbf\xbd");
		text = str_slice(text, length > 0 ? length : 1, text.length);
	}
	struct val value = val_str(strbuf_str(&repaired));
	strbuf_free(&repaired);
	return value;
}

/* The answer says that it is JSON, or says nothing and begins like an object or a list. */
static bool is_meant_as_json(const char *type, bool looks)
{
	struct str name, rest = str_of(type);
	if (!*type)
		return looks;
	str_split(&rest, ';', &name);
	name = str_trim(name);
	size_t suffix = name.length > 4 ? name.length - 4 : 0;
	char before = suffix ? name.bytes[suffix - 1] : 0;
	return (before == '/' || before == '+') &&
		str_equal_nocase(str_slice(name, suffix, name.length), STR("json"));
}

/*
 * JSON when it is some; the body of an error reply only if it begins like an object or a list. *RET_WARNING (owned, may stay NULL): why
 * what is meant as JSON is kept as a text.
 */
static struct val kept_body(const struct http_response *response, char **ret_warning)
{
	const char *type = http_response_header(response, "content-type");
	_cleanup_strbuf_ struct strbuf decoded = STRBUF_INIT(4u * LIMIT_HTTP_RESPONSE_BYTES);
	struct str text = strbuf_str(&response->body);
	if (http_decode(type, text, &decoded))
		text = strbuf_str(&decoded);
	if (str_starts(text, "\xef\xbb\xbf")) /* a byte order mark */
		text = str_slice(text, 3, text.length);
	struct str trimmed = str_trim(text);
	bool looks = trimmed.length > 0 && (trimmed.bytes[0] == '{' || trimmed.bytes[0] == '[');
	if (trimmed.length == 0)
		return VAL_NULL;
	if (response->status < 400 || looks) {
		const struct json_options options = { .max_bytes = LIMIT_HTTP_RESPONSE_BYTES };
		_cleanup_err_ struct err err = ERR_INIT;
		struct val parsed;
		if (json_parse(trimmed, &options, NULL, &parsed, &err) == 0)
			return parsed;
		if (is_meant_as_json(type, looks))
			*ret_warning = xasprintf(
				"the body is kept as a text, because it cannot be read as JSON: %s",
				err_text(&err));
	}
	return kept_text(text);
}

static struct val kept_headers(const struct http_response *response)
{
	struct val headers = val_map();
	for (size_t i = 0; i < val_count(response->headers); i++) {
		struct val value = val_value_at(response->headers, i);
		struct val first = val_is_list(value) ? val_at(value, 0) : value;
		val_set_str(
			&headers, val_key_at(response->headers, i), kept_text(val_as_str(&first)));
	}
	return headers;
}

struct val webhook_answer(const struct http_response *response)
{
	const char *name = webhook_status_name(response->status);
	_cleanup_free_ char *warning = NULL;
	struct val answer = val_map();
	val_set(&answer, "statusCode", name ? val_string(name) : val_format("%d", response->status));
	val_set(&answer, "statusCodeValue", val_int(response->status));
	val_set(&answer, "headers", kept_headers(response));
	val_set(&answer, "body", kept_body(response, &warning));
	if (warning)
		val_set(&answer, "warning", val_string(warning));
	return answer;
}

bool webhook_code_is_in(struct val codes, int status)
{
	for (size_t i = 0; i < val_count(codes); i++) {
		struct val code = val_at(codes, i);
		int64_t number;
		if ((val_as_int(code, &number) || str_to_int(str_trim(val_as_str(&code)), &number)) &&
			number == status)
			return true;
	}
	int64_t only;
	if (val_as_int(codes, &only))
		return only == status;
	struct str rest = val_as_str(&codes);
	for (struct str part; val_is_string(codes) && str_split(&rest, ',', &part);) {
		int64_t number;
		if (str_to_int(str_trim(part), &number) && number == status)
			return true;
	}
	return false;
}

int webhook_refused(const char *method, const char *url, int status, struct err *err)
{
	const char *name = webhook_status_name(status);
	_cleanup_free_ char *shown = webhook_shown(method, url);
	err_set(err, ERR_FAILED, "%s answered %d%s%s", shown, status, name ? " " : "",
		name ? name : "");
	val_set(&err->details, "kind", val_string("HTTP"));
	val_set(&err->details, "status", val_int(status));
	val_set(&err->details, "url", val_string(strchr(shown, ' ') ? strchr(shown, ' ') + 1 : ""));
	return -1;
}
