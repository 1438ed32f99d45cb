#include "client.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "commands.h"

#define DEFAULT_SERVER "http://127.0.0.1:8084"
#define DOWNLOAD_SILENCE_MS 60000

/* ---- who and where -------------------------------------------------------------------------------------------------------------- */

static const char *variable(const char *name)
{
	const char *text = getenv(name);
	return text && *text ? text : NULL;
}

static char *basic_authorization(const char *user)
{
	size_t length = strlen(user);
	_cleanup_free_ unsigned char *text = xcalloc(1, 4 * (length / 3 + 1) + 1);
	EVP_EncodeBlock(text, (const unsigned char *)user, (int)length);
	return xasprintf("Basic %s", (const char *)text);
}

/* What is typed wins over what the environment has, whichever of the two kinds it is. */
static int choose_credentials(const struct options *options, struct client *client, struct err *err)
{
	const char *token = options_get(options, "token");
	const char *user = options_get(options, "user");
	if (token && user)
		return err_set(err, ERR_INVALID, "give --token or --user, not both");
	if (!token && !user) {
		token = variable("GENNAKER_TOKEN");
		user = token ? NULL : variable("GENNAKER_USER");
	}
	if (user && (!strchr(user, ':') || strlen(user) > LIMIT_URL_BYTES))
		return err_set(err, ERR_INVALID, "--user: expected NAME:PASSWORD");
	if (token)
		client->authorization = xasprintf("Bearer %s", token);
	else if (user)
		client->authorization = basic_authorization(user);
	return 0;
}

static int choose_server(const struct options *options, struct client *client, struct err *err)
{
	const char *url = options_get(options, "server");
	if (!url)
		url = variable("GENNAKER_SERVER");
	if (!url)
		url = DEFAULT_SERVER;
	_cleanup_free_ char *origin = url_origin(url);
	if (!origin || (!str_starts(str_of(url), "http://") && !str_starts(str_of(url), "https://")) ||
		strpbrk(url, "?#@"))
		return err_set(err, ERR_INVALID, "--server: expected a URL like %s, got \"%s\"",
			DEFAULT_SERVER, strchr(url, '@') ? "one with a user in it" : url);
	size_t length = strlen(url);
	while (length > 0 && url[length - 1] == '/')
		length--;
	client->url = xstrndup(url, length);
	return 0;
}

struct client *client_open(const struct options *options, struct err *err)
{
	_cleanup_(client_free_cleanup) struct client *client = xnew(struct client);
	if (choose_server(options, client, err) < 0 || choose_credentials(options, client, err) < 0)
		return NULL;
	client->http = http_transport_curl(clock_real(), "gennaker/" GENNAKER_VERSION);
	return take(&client);
}

void client_free(struct client *client)
{
	if (!client)
		return;
	if (client->http)
		http_transport_free(client->http);
	free(client->url);
	free(client->authorization);
	free(client);
}

struct val client_headers(const struct client *client)
{
	struct val headers = val_map();
	if (client->authorization)
		val_set(&headers, "Authorization", val_string(client->authorization));
	return headers;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------------- */

static enum err_kind kind_of_status(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 413:
		return ERR_TOO_LARGE;
	default:
		return status < 500 ? ERR_INVALID : ERR_UNAVAILABLE;
	}
}

#define CREDENTIALS                                                                         \
	"--token TOKEN or --user NAME:PASSWORD, or GENNAKER_TOKEN or GENNAKER_USER in the " \
	"environment; the server's are in its settings under server.auth"

/* 401, with where credentials are given. Always -1. SAID: the server's own words. */
static int denied(const struct client *client, const char *said, struct err *err)
{
	return err_set(err, ERR_DENIED, "%s (%s: " CREDENTIALS ")", said,
		client->authorization ? "the credentials that were given are not the server's" :
					"no credentials were given");
}

/* *RET: what the answer holds. */
static int read_answer(const struct client *client, const struct http_response *response,
	struct val *ret, struct err *err)
{
	_cleanup_err_ struct err ignored = ERR_INIT;
	_cleanup_(val_free) struct val answer = VAL_NULL;
	const struct json_options options = { .max_bytes = LIMIT_HTTP_RESPONSE_BYTES };
	bool is_json = response->body.length == 0 ||
		json_parse(strbuf_str(&response->body), &options, NULL, &answer, &ignored) == 0;
	if (response->status >= 300) {
		_cleanup_free_ char *otherwise = xasprintf(
			"%s answered %d", client->url, response->status);
		const char *said = val_get_text(answer, "message", otherwise);
		if (response->status == 401)
			return denied(client, said, err);
		return err_set(err, kind_of_status(response->status), "%s", said);
	}
	if (!is_json)
		return err_set(err, ERR_UNAVAILABLE,
			"%s answered something that is no JSON: is it a "
			"Gennaker server?",
			client->url);
	*ret = take(&answer);
	return 0;
}

/* What could not be reached, and why, stands in ERR. */
static void unreachable(struct err *err)
{
	err_wrap(err, "no answer from the server (gennaker serve starts one, --server names it)");
}

int client_call(struct client *client, const char *method, const char *path, struct val body,
	struct val *ret, struct err *err)
{
	_cleanup_free_ char *url = xasprintf("%s%s", client->url, path);
	_cleanup_(val_free) struct val headers = client_headers(client);
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
	struct val answer = VAL_NULL;
	int result = http_perform(client->http, &request, &response, err);
	if (result < 0)
		unreachable(err);
	else
		result = read_answer(client, &response, &answer, err);
	http_response_free(&response);
	if (result == 0 && ret)
		*ret = answer;
	else
		val_free(&answer);
	return result;
}

static int keep_bytes(void *data, const char *bytes, size_t length)
{
	return fwrite(bytes, 1, length, data) == length ? 0 : -1;
}

int client_download(
	struct client *client, const char *method, const char *path, FILE *file, struct err *err)
{
	_cleanup_free_ char *url = xasprintf("%s%s", client->url, path);
	_cleanup_(val_free) struct val headers = client_headers(client);
	struct http_request request = {
		.method = method,
		.url = url,
		.headers = headers,
		.total_ms = DOWNLOAD_SILENCE_MS,
		.on_body = keep_bytes,
		.on_body_data = file,
	};
	struct http_response response = { 0 };
	struct val nothing = VAL_NULL;
	int result = http_perform(client->http, &request, &response, err);
	if (result < 0)
		unreachable(err);
	else if (response.status >= 300)
		result = read_answer(client, &response, &nothing, err);
	http_response_free(&response);
	return result;
}

char *client_path(const char *format, ...)
{
	struct strbuf path = STRBUF_INIT(LIMIT_URL_BYTES);
	va_list args;
	va_start(args, format);
	for (const char *c = format; *c; c++) {
		if (c[0] == '%' && c[1] == 's') {
			url_encode(&path, str_of(va_arg(args, const char *)));
			c++;
		} else {
			strbuf_add_char(&path, *c);
		}
	}
	va_end(args);
	return strbuf_detach(&path);
}

int client_exit_status(const struct err *err)
{
	return err_http_status(err->kind) < 500 ? EXIT_USAGE : EXIT_FAILED;
}
