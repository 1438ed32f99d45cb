#include "net/http_message.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/http_client.h"

bool http_is_token(struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (c >= 0x80 || (!isalnum(c) && (!c || !strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return text.length > 0;
}

bool http_is_field_value(struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static struct val text_of_bytes(struct str bytes)
{
	if (str_is_utf8(bytes))
		return val_str(bytes);
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(2 * bytes.length);

	for (size_t i = 0; i < bytes.length; i++) {
		unsigned char c = (unsigned char)bytes.bytes[i];

		if (c >= 0x80)
			strbuf_add_char(&buf, (char)(0xc0 | c >> 6));
		strbuf_add_char(&buf, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
	return val_str(strbuf_str(&buf));
}

void http_headers_add(struct val *headers, struct str name, struct str value)
{
	_cleanup_strbuf_ struct strbuf lower = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);

	for (size_t i = 0; i < name.length; i++)
		strbuf_add_char(&lower, (char)tolower((unsigned char)name.bytes[i]));
	struct str key = strbuf_str(&lower);
	struct val *old = val_edit_str(headers, key);

	if (!old) {
		val_set_str(headers, key, text_of_bytes(value));
		return;
	}
	if (!val_is_list(*old)) {
		struct val list = val_list();

		val_append(&list, val_ref(*old));
		val_replace(old, list);
	}
	val_append(old, text_of_bytes(value));
}

/* libcurl writes these itself; a second one would be a second opinion about where the message
 * ends or whom it is for. */
static const char *const framing_headers[] = { "Host", "Content-Length", "Transfer-Encoding",
	"Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect", "Proxy-Connection" };

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_equal_nocase(name, str_of(names[i])))
			return true;
	}
	return false;
}
#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof(names[0]))

static int check_value(struct str name, struct val value, struct err *err)
{
	if (!val_is_string(value))
		return err_set(err, ERR_INVALID, "header %.*s: expected a text, got %s",
			STR_ARG(name), val_kind_name(val_kind(value)));
	if (!http_is_field_value(val_as_str(&value)))
		return err_set(err, ERR_INVALID,
			"header %.*s: its value holds a line end or a control character",
			STR_ARG(name));
	return 0;
}

int http_check_request_headers(struct val headers, struct err *err)
{
	for (size_t i = 0; i < val_count(headers); i++) {
		struct str name = val_key_at(headers, i);
		struct val value = val_value_at(headers, i);

		if (!http_is_token(name))
			return err_set(err, ERR_INVALID, "a header's name is no valid name");
		if (IS_ONE_OF(name, framing_headers))
			return err_set(err, ERR_INVALID, "header %.*s cannot be set", STR_ARG(name));
		if (!val_is_list(value) && check_value(name, value, err) < 0)
			return -1;
		for (size_t n = 0; val_is_list(value) && n < val_count(value); n++) {
			if (check_value(name, val_at(value, n), err) < 0)
				return -1;
		}
	}
	return 0;
}

bool http_is_harmless_header(struct str name)
{
	static const char *const harmless[] = { "Accept", "Accept-Charset", "Accept-Encoding",
		"Accept-Language", "Cache-Control", "Content-Type", "Content-Encoding",
		"Content-Language", "Idempotency-Key", "If-Match", "If-Modified-Since",
		"If-None-Match", "Range", "User-Agent" };

	return IS_ONE_OF(name, harmless);
}

bool http_is_body_header(struct str name)
{
	static const char *const of_body[] = { "Content-Type", "Content-Encoding",
		"Content-Language", "Content-Location", "Content-MD5", "Digest" };

	return IS_ONE_OF(name, of_body);
}

void http_response_free(struct http_response *response)
{
	val_free(&response->headers);
	strbuf_free(&response->body);
	free(response->effective_url);
	*response = (struct http_response){ .body = STRBUF_INIT(0) };
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	if (!val_is_list(val_get(response->headers, name)))
		return val_get_text(response->headers, name, "");
	/* A short text lies in its struct val itself: what is wanted is a pointer into the list,
	 * which only editing gives. Nothing is changed. */
	struct val *list = val_edit((struct val *)&response->headers, name);

	return val_text(val_edit_at(list, 0));
}

int http_retry_after_ms(const struct http_response *response, int64_t now_ms)
{
	struct str text = str_trim(str_of(http_response_header(response, "retry-after")));
	int64_t ms;

	if (str_to_int(text, &ms)) {
		ms = ms > INT32_MAX / 1000 ? INT32_MAX : ms * 1000;
	} else {
		_cleanup_free_ char *date = strndup(text.bytes, text.length);
		time_t when = curl_getdate(date, NULL);

		ms = when < 0 ? 0 : (int64_t)when * 1000 - now_ms;
	}
	return ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

void http_transport_free(struct http_transport *transport)
{
	if (transport)
		transport->type->free(transport);
}
