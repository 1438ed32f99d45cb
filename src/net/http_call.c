#include "net/http_call.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "net/http_message.h"

int http_call_init(struct http_call *call, const struct http_request *request, struct err *err)
{
	if (url_parse(request->url, &call->url, err) < 0)
		return -1;
	call->request = request;
	call->method = request->method;
	call->body = request->body;
	call->tls = request->tls;
	call->total_ms = request->total_ms ? request->total_ms : LIMIT_HTTP_READ_MS;
	call->deadline_us = clock_stopwatch_us() + call->total_ms * INT64_C(1000);
	call->max_response = request->max_response ? request->max_response :
						     LIMIT_HTTP_RESPONSE_BYTES;
	call->response.body = STRBUF_INIT(call->max_response);
	return 0;
}

void http_call_free(struct http_call *call)
{
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	url_free(&call->url);
	http_response_free(&call->response);
	err_clear(&call->denied);
}

void http_call_reset_response(struct http_call *call)
{
	val_free(&call->response.headers);
	strbuf_reset(&call->response.body);
	call->response.status = 0;
	call->header_bytes = 0;
	call->current_status = 0;
}

/* Only 2xx answers are streams; the text of a refusal is kept like any other body. */
static bool is_streaming(const struct http_call *call)
{
	return call->request->on_body && call->current_status >= 200 && call->current_status < 300;
}

static size_t on_body(char *bytes, size_t one, size_t length, void *data)
{
	struct http_call *call = data;

	if (!is_streaming(call)) {
		strbuf_add(&call->response.body, bytes, length);
		if (!call->response.body.overflowed)
			return length;
		call->stopped = HTTP_STOPPED_TOO_LARGE;
		return 0;
	}
	if (call->request->on_body(call->request->on_body_data, bytes, length) < 0) {
		call->stopped = HTTP_STOPPED_BY_READER;
		return 0;
	}
	call->deadline_us = clock_stopwatch_us() + call->total_ms * INT64_C(1000);
	return length;
}

/* "HTTP/1.1 200 OK": 200. A new block of headers begins: those of an interim answer (100, 103)
 * do not count. */
static void start_headers(struct http_call *call, struct str line)
{
	ptrdiff_t blank = str_find(line, " ", 0);
	int64_t status = 0;

	if (blank >= 0)
		str_to_int(str_slice(line, (size_t)blank + 1, (size_t)blank + 4), &status);
	call->current_status = (int)status;
	val_free(&call->response.headers);
	call->response.headers = val_map();
}

static size_t on_header(char *bytes, size_t one, size_t length, void *data)
{
	struct http_call *call = data;
	struct str line = str_trim((struct str){ .bytes = bytes, .length = length });
	ptrdiff_t colon = str_find(line, ":", 0);

	call->header_bytes += length;
	if (call->header_bytes > LIMIT_HTTP_HEADERS_BYTES) {
		call->stopped = HTTP_STOPPED_HEADERS;
		return 0;
	}
	if (str_starts(line, "HTTP/"))
		start_headers(call, line);
	else if (colon > 0)
		http_headers_add(&call->response.headers, str_slice(line, 0, (size_t)colon),
			str_trim(str_slice(line, (size_t)colon + 1, line.length)));
	return length;
}

/* Every connection is opened here, so this is where an address is judged that no trick with
 * names can change. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = data;
	bool by_proxy = call->tls && call->tls->proxy;

	if (call->request->policy && !by_proxy && call->stopped != HTTP_STOPPED_DENIED &&
		url_policy_check_address(call->request->policy, &address->addr, &call->denied) < 0)
		call->stopped = HTTP_STOPPED_DENIED;
	/* Once one address of a name is refused the others are not tried. */
	if (call->stopped == HTTP_STOPPED_DENIED)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static struct curl_slist *append(
	struct curl_slist *list, struct str name, const char *separator, struct str value)
{
	_cleanup_free_ char *line = xasprintf("%.*s%s%.*s", STR_ARG(name), separator, STR_ARG(value));
	struct curl_slist *longer = curl_slist_append(list, line);

	if (!longer)
		abort();
	return longer;
}

/* libcurl takes "Name:" for "leave it out" and "Name;" for an empty value. */
static struct curl_slist *append_value(struct curl_slist *list, struct str name, struct val value)
{
	struct str text = val_as_str(&value);

	if (str_trim(text).length == 0)
		return append(list, name, ";", STR(""));
	return append(list, name, ": ", text);
}

/* The host as it stands in the URL, for a Host header when libcurl is given another name for
 * TLS. */
static char *host_header(const struct url *url)
{
	bool usual = url->port == (strcmp(url->scheme, "https") == 0 ? 443 : 80);
	const char *open = url->ipv6 ? "[" : "";
	const char *close = url->ipv6 ? "]" : "";

	if (usual)
		return xasprintf("%s%s%s", open, url->host, close);
	return xasprintf("%s%s%s:%d", open, url->host, close, url->port);
}

static bool has_server_name(const struct http_call *call)
{
	return call->tls && call->tls->server_name && *call->tls->server_name &&
		strcmp(call->url.scheme, "https") == 0;
}

static struct curl_slist *header_list(const struct http_call *call)
{
	struct val headers = call->request->headers;
	struct curl_slist *list = NULL;
	bool content_type = false;

	for (size_t i = 0; i < val_count(headers); i++) {
		struct str name = val_key_at(headers, i);
		struct val value = val_value_at(headers, i);

		if ((call->foreign && !http_is_harmless_header(name)) ||
			(call->body_dropped && http_is_body_header(name)))
			continue;
		content_type = content_type || str_equal_nocase(name, STR("Content-Type"));
		if (!val_is_list(value))
			list = append_value(list, name, value);
		for (size_t n = 0; val_is_list(value) && n < val_count(value); n++)
			list = append_value(list, name, val_at(value, n));
	}
	if (!content_type)
		list = append(list, STR("Content-Type"), ":", STR(""));
	list = append(list, STR("Expect"), ":", STR(""));
	if (has_server_name(call)) {
		_cleanup_free_ char *host = host_header(&call->url);

		list = append(list, STR("Host"), ": ", str_of(host));
	}
	return list;
}

static void set_message(struct http_call *call, CURL *easy)
{
	bool get = strcmp(call->method, "GET") == 0;
	bool bare = get || strcmp(call->method, "DELETE") == 0 ||
		strcmp(call->method, "OPTIONS") == 0;

	if (strcmp(call->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (call->body.bytes || !bare) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.length);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.bytes ? call->body.bytes : "");
	}
	if (!get || call->body.bytes)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (char *)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };

	curl_easy_setopt(easy, option, &blob);
}

static void set_tls(const struct http_call *call, CURL *easy)
{
	const struct http_tls *tls = call->tls;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* "" keeps libcurl from looking into the environment. */
	curl_easy_setopt(easy, CURLOPT_PROXY, tls && tls->proxy ? tls->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (!tls)
		return;
	if (tls->ca_pem) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca_pem);
	}
	if (tls->client_cert_pem)
		set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->client_cert_pem);
	if (tls->client_key_pem)
		set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->client_key_pem);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
}

/* A server name takes the host's place in the URL (TLS looks there), the connection goes where
 * the URL said. */
static struct curl_slist *set_url(const struct http_call *call, CURL *easy)
{
	if (!has_server_name(call)) {
		curl_easy_setopt(easy, CURLOPT_CURLU, call->url.handle);
		return NULL;
	}
	const char *name = call->tls->server_name;
	CURLU *url = curl_url_dup(call->url.handle);
	_cleanup_free_ char *host = strchr(name, ':') ? xasprintf("[%s]", name) : xstrdup(name);
	char *text = NULL;

	curl_url_set(url, CURLUPART_HOST, host, 0);
	if (curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
		curl_easy_setopt(easy, CURLOPT_URL, text);
	curl_free(text);
	curl_url_cleanup(url);
	_cleanup_free_ char *target = xasprintf("::%s%s%s:%d", call->url.ipv6 ? "[" : "",
		call->url.host, call->url.ipv6 ? "]" : "", call->url.port);

	return curl_slist_append(NULL, target);
}

void http_call_setup(struct http_call *call, CURL *easy, const char *user_agent)
{
	const struct http_request *request = call->request;
	long connect_ms = request->connect_ms ? request->connect_ms : LIMIT_HTTP_CONNECT_MS;

	call->error_text[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error_text);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A cancelled call does not wait for the resolver's thread. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, LIMIT_HTTP_IDLE_MS / 1000L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent);
	if (request->accept_gzip)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		(long)(request->prefer_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	set_message(call, easy);
	set_tls(call, easy);
	curl_slist_free_all(call->headers);
	call->headers = header_list(call);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_slist_free_all(call->connect_to);
	call->connect_to = set_url(call, easy);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, call->connect_to);
}
