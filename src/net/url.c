#include "net/url.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "net/http_client.h"

static char *part_of(CURLU *handle, CURLUPart part, unsigned flags)
{
	char *text = NULL;

	if (curl_url_get(handle, part, &text, flags) != CURLUE_OK)
		return NULL;
	char *copy = xstrdup(text);

	curl_free(text);
	return copy;
}

static bool has_part(CURLU *handle, CURLUPart part)
{
	_cleanup_free_ char *text = part_of(handle, part, 0);

	return text != NULL;
}

static void to_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Brackets off, one trailing dot off, lower case. */
static char *plain_host(const char *host)
{
	size_t length = strlen(host);

	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	char *plain = xstrndup(host, length);

	to_lower(plain);
	if (length > 1 && plain[length - 1] == '.')
		plain[length - 1] = '\0';
	return plain;
}

/*
 * libcurl turns "127.1" into "127.0.0.1", but leaves "127.1." alone, which a resolver takes for the
 * same: the name is set again without its dot, and what comes out is what will be connected.
 */
static int normalise_host(struct url *url, struct err *err)
{
	_cleanup_free_ char *host = part_of(url->handle, CURLUPART_HOST, 0);

	if (!host || !*host)
		return err_set(err, ERR_INVALID, "the URL has no host");
	url->ipv6 = host[0] == '[';
	url->host = plain_host(host);
	if (url->ipv6 || host[strlen(host) - 1] != '.')
		return 0;

	_cleanup_free_ char *again = xasprintf("%s://%s/", url->scheme, url->host);
	_cleanup_url_ struct url plain = { .handle = curl_url() };

	if (curl_url_set(plain.handle, CURLUPART_URL, again, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "the URL has no valid host");
	char *normal = part_of(plain.handle, CURLUPART_HOST, 0);

	free(url->host);
	url->host = normal ? normal : xstrdup("");
	curl_url_set(url->handle, CURLUPART_HOST, url->host, 0);
	return 0;
}

static int read_parts(struct url *url, struct err *err)
{
	url->scheme = part_of(url->handle, CURLUPART_SCHEME, 0);
	if (!url->scheme)
		return err_set(err, ERR_INVALID, "the URL has no scheme");
	to_lower(url->scheme);
	if (strcmp(url->scheme, "http") != 0 && strcmp(url->scheme, "https") != 0)
		return err_set(err, ERR_INVALID,
			"URLs start with http:// or https://, not %s:", url->scheme);
	if (normalise_host(url, err) < 0)
		return -1;
	_cleanup_free_ char *port = part_of(url->handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);

	int64_t number = 0;

	if (port)
		str_to_int(str_of(port), &number);
	url->port = (int)number;
	url->path = part_of(url->handle, CURLUPART_PATH, 0);
	if (!url->path)
		url->path = xstrdup("/");
	url->zone = has_part(url->handle, CURLUPART_ZONEID);
	url->userinfo = has_part(url->handle, CURLUPART_USER) ||
		has_part(url->handle, CURLUPART_PASSWORD);
	/* Never sent. */
	curl_url_set(url->handle, CURLUPART_FRAGMENT, NULL, 0);
	return 0;
}

/* libcurl is lenient about the number of slashes and guesses schemes; we are not. */
static int check_shape(const char *text, struct err *err)
{
	const char *slashes = strstr(text, "://");

	if (strnlen(text, LIMIT_URL_BYTES + 1) > LIMIT_URL_BYTES)
		return err_set(err, ERR_INVALID, "the URL is longer than %d bytes", LIMIT_URL_BYTES);
	if (!slashes || slashes == text || slashes[3] == '/' || slashes[3] == '\0')
		return err_set(err, ERR_INVALID, "not an absolute URL (https://host/path)");
	for (const char *c = text; c < slashes; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("+-.", *c))
			return err_set(err, ERR_INVALID, "not an absolute URL (https://host/path)");
	}
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return err_set(
				err, ERR_INVALID, "the URL holds a blank or a control character");
	}
	size_t authority = strcspn(slashes + 3, "/?#");

	if (memchr(slashes + 3, '\\', authority))
		return err_set(err, ERR_INVALID, "the URL holds a backslash before its path");
	return 0;
}

int url_parse(const char *text, struct url *ret, struct err *err)
{
	if (check_shape(text, err) < 0)
		return -1;
	_cleanup_url_ struct url url = { .handle = curl_url() };
	CURLUcode code = curl_url_set(
		url.handle, CURLUPART_URL, text, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);

	if (code != CURLUE_OK)
		return err_set(err, ERR_INVALID, "not a valid URL: %s", curl_url_strerror(code));
	if (read_parts(&url, err) < 0)
		return -1;
	*ret = take(&url);
	return 0;
}

int url_resolve(const struct url *base, const char *location, struct url *ret, struct err *err)
{
	_cleanup_url_ struct url url = { .handle = curl_url_dup(base->handle) };

	if (strnlen(location, LIMIT_URL_BYTES + 1) > LIMIT_URL_BYTES)
		return err_set(err, ERR_INVALID, "the redirect's URL is longer than %d bytes",
			LIMIT_URL_BYTES);
	curl_url_set(url.handle, CURLUPART_USER, NULL, 0);
	curl_url_set(url.handle, CURLUPART_PASSWORD, NULL, 0);
	CURLUcode code = curl_url_set(
		url.handle, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);

	if (code != CURLUE_OK)
		return err_set(err, ERR_INVALID, "the redirect leads to no valid URL: %s",
			curl_url_strerror(code));
	_cleanup_free_ char *whole = part_of(url.handle, CURLUPART_URL, 0);

	if (!whole || check_shape(whole, err) < 0 || read_parts(&url, err) < 0)
		return err_wrap(err, "redirect");
	*ret = take(&url);
	return 0;
}

void url_free(struct url *url)
{
	curl_url_cleanup(url->handle);
	free(url->scheme);
	free(url->host);
	free(url->path);
	*url = (struct url){ 0 };
}

char *url_text(const struct url *url)
{
	CURLU *copy = curl_url_dup(url->handle);

	curl_url_set(copy, CURLUPART_USER, NULL, 0);
	curl_url_set(copy, CURLUPART_PASSWORD, NULL, 0);
	char *text = part_of(copy, CURLUPART_URL, 0);

	curl_url_cleanup(copy);
	return text ? text : xstrdup("");
}

char *url_origin_of(const struct url *url)
{
	return xasprintf("%s://%s%s%s:%d", url->scheme, url->ipv6 ? "[" : "", url->host,
		url->ipv6 ? "]" : "", url->port);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->port == b->port && strcmp(a->scheme, b->scheme) == 0 &&
		strcmp(a->host, b->host) == 0;
}

char *url_origin(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_url_ struct url url = { 0 };

	return url_parse(text, &url, &err) < 0 ? NULL : url_origin_of(&url);
}

void url_encode(struct strbuf *buf, struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)) && c)
			strbuf_add_char(buf, (char)c);
		else
			strbuf_printf(buf, "%%%02X", c);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool url_decode(struct strbuf *buf, struct str text, bool plus)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.bytes[i];

		if (c == '%') {
			if (i + 2 >= text.length)
				return false;
			int high = hex_digit(text.bytes[i + 1]);
			int low = hex_digit(text.bytes[i + 2]);

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c)
			return false;
		strbuf_add_char(buf, c);
	}
	return true;
}
