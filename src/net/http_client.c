#include "net/http_client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "net/http_call.h"
#include "net/http_message.h"
#include "net/http_pool.h"

struct curl_transport {
	struct http_transport transport;
	struct clock *clock;
	char *user_agent;
	struct http_pool *pool;
};

static int fail(struct err *err, enum err_kind kind, const char *reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct err *err, enum err_kind kind, const char *reason, const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	va_list args;

	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	err_set(err, kind, "%s", text.bytes);
	val_set(&err->details, "reason", val_string(reason));
	return -1;
}

/* What libcurl says, in our terms. Codes that are not here are ERR_FAILED, "protocol". */
static const struct {
	CURLcode code;
	enum err_kind kind;
	const char *reason;
} curl_errors[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, "resolve" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_UNAVAILABLE, "resolve" },
	{ CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, "connect" },
	{ CURLE_PROXY, ERR_UNAVAILABLE, "connect" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "connect" },
	{ CURLE_SSL_CONNECT_ERROR, ERR_UNAVAILABLE, "tls" },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_FAILED, "certificate" },
	{ CURLE_SSL_CERTPROBLEM, ERR_FAILED, "certificate" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_FAILED, "certificate" },
	{ CURLE_SSL_ISSUER_ERROR, ERR_FAILED, "certificate" },
	{ CURLE_SEND_ERROR, ERR_UNAVAILABLE, "reset" },
	{ CURLE_RECV_ERROR, ERR_UNAVAILABLE, "reset" },
	{ CURLE_GOT_NOTHING, ERR_UNAVAILABLE, "reset" },
	{ CURLE_PARTIAL_FILE, ERR_UNAVAILABLE, "reset" },
	{ CURLE_HTTP2, ERR_UNAVAILABLE, "reset" },
	{ CURLE_HTTP2_STREAM, ERR_UNAVAILABLE, "reset" },
	{ CURLE_URL_MALFORMAT, ERR_INVALID, "url" },
};

static int fail_as_curl(const struct http_call *call, CURLcode code, struct err *err)
{
	_cleanup_free_ char *origin = url_origin_of(&call->url);
	const char *text = call->error_text[0] ? call->error_text : curl_easy_strerror(code);

	for (size_t i = 0; i < sizeof(curl_errors) / sizeof(curl_errors[0]); i++) {
		if (curl_errors[i].code == code)
			return fail(err, curl_errors[i].kind, curl_errors[i].reason, "%s: %s",
				origin, text);
	}
	return fail(err, ERR_FAILED, "protocol", "%s: %s", origin, text);
}

/* Why the call is over although libcurl was not done, or was made to end by one of our
 * callbacks. */
static int fail_as_stopped(struct http_call *call, CURLcode code, struct err *err)
{
	_cleanup_free_ char *origin = url_origin_of(&call->url);

	switch (call->stopped) {
	case HTTP_STOPPED_CANCELED:
		return err_set(err, ERR_CANCELED, "canceled during the call to %s", origin);
	case HTTP_STOPPED_TIMEOUT:
		return fail(err, ERR_TIMEOUT, call->sent ? "timeout" : "connect",
			call->request->on_body ? "%s: nothing came for %d ms" :
						 "%s: no answer within %d ms",
			origin, call->total_ms);
	case HTTP_STOPPED_DENIED:
		err_move(err, &call->denied);
		return err_wrap(err, "%s", origin);
	case HTTP_STOPPED_TOO_LARGE:
		return err_set(err, ERR_TOO_LARGE, "the answer of %s is larger than %zu bytes",
			origin, call->max_response);
	case HTTP_STOPPED_HEADERS:
		return err_set(err, ERR_TOO_LARGE,
			"the headers of %s's answer are larger than %u bytes", origin,
			LIMIT_HTTP_HEADERS_BYTES);
	case HTTP_STOPPED_BY_READER:
	case HTTP_NOT_STOPPED:
		break;
	}
	return fail_as_curl(call, code, err);
}

/* -1 when the deadline has passed; else the milliseconds to wait at most. */
static int left_ms(const struct http_call *call)
{
	int64_t left_us = call->deadline_us - clock_stopwatch_us();

	if (left_us <= 0)
		return -1;
	return left_us > INT64_C(1000) * INT_MAX ? INT_MAX : (int)((left_us + 999) / 1000);
}

static bool take_result(CURLM *multi, CURLcode *ret)
{
	int left;

	for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
		if (message->msg == CURLMSG_DONE) {
			*ret = message->data.result;
			return true;
		}
	}
	return false;
}

/* Drives MULTI until the one transfer in it is done, or the call is to stop. */
static CURLcode drive(struct http_call *call, CURLM *multi)
{
	struct cancel *cancel = call->request->cancel;
	struct curl_waitfd waits[1];
	unsigned wait_count = 0;
	CURLcode code = CURLE_OK;

	if (cancel)
		waits[wait_count++] = (struct curl_waitfd){ .fd = cancel_fd(cancel),
			.events = CURL_WAIT_POLLIN };
	for (;;) {
		int running;

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (take_result(multi, &code))
			return code;
		int wait_ms = left_ms(call);

		if (cancel_is_set(cancel) || wait_ms < 0) {
			call->stopped = wait_ms < 0 ? HTTP_STOPPED_TIMEOUT : HTTP_STOPPED_CANCELED;
			return CURLE_ABORTED_BY_CALLBACK;
		}
		curl_multi_poll(multi, waits, wait_count, wait_ms, NULL);
	}
}

/*
 * What may be shared between calls: the connections of one origin, of one identity, and, as
 * connections were judged when they were opened, of one policy.
 */
static void write_key(const struct http_call *call, struct strbuf *key)
{
	const struct http_tls *tls = call->tls;
	_cleanup_free_ char *origin = url_origin_of(&call->url);

	strbuf_printf(key, "%s %p", origin, (const void *)call->request->policy);
	if (!tls)
		return;
	strbuf_printf(key, " %d %llx %llx %llx %s %s %s", tls->insecure,
		(unsigned long long)str_hash(str_of(tls->ca_pem)),
		(unsigned long long)str_hash(str_of(tls->client_cert_pem)),
		(unsigned long long)str_hash(str_of(tls->client_key_pem)),
		tls->server_name ? tls->server_name : "", tls->proxy ? tls->proxy : "",
		tls->identity ? tls->identity : "");
}

/* One exchange with one origin, without redirects. */
static int perform_hop(struct curl_transport *self, struct http_call *call, struct err *err)
{
	_cleanup_strbuf_ struct strbuf key = STRBUF_INIT(2 * LIMIT_URL_BYTES);
	struct http_handle *handle;

	write_key(call, &key);
	if (http_pool_borrow(self->pool, strbuf_str(&key), call->request->on_body != NULL,
		    call->deadline_us, call->request->cancel, &handle, err) < 0)
		return -1;
	http_call_setup(call, handle->easy, self->user_agent);
	curl_multi_add_handle(handle->multi, handle->easy);
	CURLcode code = drive(call, handle->multi);

	curl_off_t pretransfer_us = 0;

	curl_multi_remove_handle(handle->multi, handle->easy);
	curl_easy_getinfo(handle->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
	call->sent = pretransfer_us > 0;
	if (code == CURLE_OK || call->stopped == HTTP_STOPPED_BY_READER) {
		long status = 0;

		curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
		call->response.status = (int)status;
		code = CURLE_OK;
	}
	http_pool_return(self->pool, handle);
	return code == CURLE_OK ? 0 : fail_as_stopped(call, code, err);
}

static int check_target(const struct http_call *call, struct err *err)
{
	if (!call->request->policy)
		return 0;
	_cleanup_free_ char *text = url_text(&call->url);

	return url_policy_check_url(call->request->policy, call->method, text, err);
}

static bool is_redirect(const struct http_response *response)
{
	int status = response->status;

	return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
		*http_response_header(response, "location");
}

/* The Fetch standard, "HTTP-redirect fetch": which methods become a GET without a body. */
static void change_method(struct http_call *call)
{
	int status = call->response.status;
	bool post = strcmp(call->method, "POST") == 0;
	bool reading = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;

	if (((status == 301 || status == 302) && post) || (status == 303 && !reading)) {
		call->method = "GET";
		call->body = (struct str){ 0 };
		call->body_dropped = true;
	}
}

static int follow(struct http_call *call, struct err *err)
{
	_cleanup_url_ struct url next = { 0 };

	if (url_resolve(&call->url, http_response_header(&call->response, "location"), &next, err) < 0)
		return -1;
	if (next.userinfo)
		return err_set(
			err, ERR_DENIED, "redirect: a user or password in the URL is not allowed");
	if (call->request->policy && strcmp(call->url.scheme, "https") == 0 &&
		strcmp(next.scheme, "http") == 0)
		return err_set(err, ERR_DENIED, "redirect from https to http on %s", next.host);
	change_method(call);
	if (!url_same_origin(&call->url, &next)) {
		call->foreign = true;
		call->tls = NULL;
	}
	url_free(&call->url);
	call->url = take(&next);
	http_call_reset_response(call);
	return check_target(call, err) < 0 ? err_wrap(err, "redirect") : 0;
}

static int perform_hops(struct curl_transport *self, struct http_call *call, struct err *err)
{
	for (int hops = 0;; hops++) {
		if (perform_hop(self, call, err) < 0)
			return -1;
		if (!call->request->follow_redirects || !is_redirect(&call->response))
			return 0;
		if (hops == LIMIT_HTTP_REDIRECTS)
			return fail(err, ERR_FAILED, "redirect",
				"more than %d redirects, the last by %s", LIMIT_HTTP_REDIRECTS,
				call->url.host);
		if (follow(call, err) < 0)
			return -1;
	}
}

static int check_request(const struct http_request *request, struct err *err)
{
	if (!http_is_token(str_of(request->method)))
		return err_set(err, ERR_INVALID, "not a valid HTTP method");
	if (http_check_request_headers(request->headers, err) < 0)
		return -1;
	if (cancel_is_set(request->cancel))
		return err_set(err, ERR_CANCELED, "canceled before the call");
	return 0;
}

static int curl_perform(struct http_transport *transport, const struct http_request *request,
	struct http_response *ret, struct err *err)
{
	struct curl_transport *self = (struct curl_transport *)transport;
	_cleanup_(http_call_free) struct http_call call = { 0 };

	if (check_request(request, err) < 0 || http_call_init(&call, request, err) < 0 ||
		check_target(&call, err) < 0)
		return -1;
	if (self->clock)
		clock_release(self->clock);
	int result = perform_hops(self, &call, err);

	if (self->clock)
		clock_hold(self->clock);
	if (result < 0)
		return -1;
	call.response.effective_url = url_text(&call.url);
	*ret = call.response;
	call.response = (struct http_response){ .body = STRBUF_INIT(0) };
	return 0;
}

static void curl_free_transport(struct http_transport *transport)
{
	struct curl_transport *self = (struct curl_transport *)transport;

	http_pool_free(self->pool);
	free(self->user_agent);
	free(self);
}

static const struct http_transport_type curl_transport_type = {
	.perform = curl_perform,
	.free = curl_free_transport,
};

struct http_transport *http_transport_curl(struct clock *clock, const char *user_agent)
{
	struct curl_transport *self = xnew(struct curl_transport);

	/* Counted and, in the libcurl that we need, safe to call from several threads. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	self->transport.type = &curl_transport_type;
	self->clock = clock;
	self->user_agent = xstrdup(user_agent);
	self->pool = http_pool_new();
	return &self->transport;
}
