#include "net/http_request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "net/http_client.h"
#include "net/http_message.h"

static struct http_refusal refusal(int status, const char *text)
{
	return (struct http_refusal){ .status = status, .text = text };
}

static const struct http_refusal accepted = { 0 };

static bool is_number(struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.bytes[i]))
			return false;
	}
	return text.length > 0;
}

static bool starts_nocase(struct str text, const char *prefix)
{
	return text.length >= strlen(prefix) &&
		str_equal_nocase(str_slice(text, 0, strlen(prefix)), str_of(prefix));
}

static struct http_refusal look_at(struct http_framing *framing, struct str name, struct str value)
{
	if (++framing->count > LIMIT_SERVER_HEADERS)
		return refusal(431, "too many headers");
	if (!http_is_token(name))
		return refusal(400, "a header's name is not valid");
	if (!http_is_field_value(value))
		return refusal(400, "a header's value holds a control character");
	if (str_equal_nocase(name, STR("Host"))) {
		framing->hosts++;
	} else if (str_equal_nocase(name, STR("Authorization"))) {
		framing->credentials++;
	} else if (str_equal_nocase(name, STR("Content-Length"))) {
		framing->lengths++;
		if (!is_number(value))
			return refusal(400, "Content-Length is not a number");
	} else if (str_equal_nocase(name, STR("Transfer-Encoding"))) {
		framing->codings++;
		if (!str_equal_nocase(value, STR("chunked")))
			return refusal(400, "the only Transfer-Encoding is chunked");
		if (!framing->http11)
			return refusal(400, "HTTP/1.0 has no Transfer-Encoding");
	} else if (starts_nocase(name, "Content-Length") || starts_nocase(name, "Transfer-Encoding")) {
		/* A folded line is glued to the name by some readers. */
		return refusal(400, "a header's name begins like one that frames the message");
	}
	return accepted;
}

void http_framing_see(struct http_framing *framing, struct str name, struct str value)
{
	if (!framing->refusal.status)
		framing->refusal = look_at(framing, name, value);
}

struct http_refusal http_framing_end(const struct http_framing *framing)
{
	if (framing->refusal.status)
		return framing->refusal;
	if (framing->hosts > 1 || framing->lengths > 1 || framing->codings > 1)
		return refusal(400, "Host, Content-Length and Transfer-Encoding may come once");
	if (framing->credentials > 1)
		return refusal(400, "ambiguous credentials: Authorization may come once");
	if (framing->lengths && framing->codings)
		return refusal(400, "Content-Length together with Transfer-Encoding");
	if (framing->http11 && !framing->hosts)
		return refusal(400, "the Host header is missing");
	return accepted;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (c < ' ' || c == 0x7f)
			return true;
	}
	return false;
}

bool http_segment_can_be(struct str text)
{
	return text.length > 0 && str_is_utf8(text) && !has_control(text) &&
		!memchr(text.bytes, '/', text.length) && !memchr(text.bytes, '\\', text.length) &&
		!str_is(text, ".") && !str_is(text, "..");
}

static struct http_refusal parse_segment(struct str raw, struct val *segments)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(raw.length);

	if (!url_decode(&buf, raw, false))
		return refusal(400, "the path holds an invalid escape");
	struct str text = strbuf_str(&buf);

	if (!str_is_utf8(text) || has_control(text))
		return refusal(400, "the path holds bytes that are no text");
	if (text.length == 0)
		return refusal(400, "the path holds an empty segment");
	if (memchr(text.bytes, '/', text.length) || memchr(text.bytes, '\\', text.length))
		return refusal(400, "the path holds a slash inside a segment");
	if (str_is(text, ".") || str_is(text, ".."))
		return refusal(400, "the path holds a dot segment");
	if (val_count(*segments) == LIMIT_SERVER_SEGMENTS)
		return refusal(400, "the path has too many segments");
	val_append(segments, val_str(text));
	return accepted;
}

static struct http_refusal parse_path(struct str path, struct val *segments)
{
	struct str rest = str_slice(path, 1, path.length);

	/* "/a/" is "/a". */
	if (str_ends(rest, "/"))
		rest.length--;
	if (rest.length == 0)
		return accepted;
	for (struct str part; str_split(&rest, '/', &part);) {
		struct http_refusal reason = parse_segment(part, segments);

		if (reason.status)
			return reason;
	}
	return accepted;
}

static bool decode_text(struct strbuf *buf, struct str raw)
{
	return url_decode(buf, raw, true) && str_is_utf8(strbuf_str(buf));
}

static struct http_refusal parse_query(struct str query, struct val *ret)
{
	size_t count = 0;

	for (struct str part; str_split(&query, '&', &part);) {
		ptrdiff_t equals = str_find(part, "=", 0);
		struct str value = equals < 0 ? STR("") :
						str_slice(part, (size_t)equals + 1, part.length);
		_cleanup_strbuf_ struct strbuf name_buf = STRBUF_INIT(part.length);
		_cleanup_strbuf_ struct strbuf value_buf = STRBUF_INIT(part.length);

		if (part.length == 0)
			continue;
		if (++count > LIMIT_SERVER_QUERY)
			return refusal(400, "the query has too many parameters");
		if (!decode_text(&name_buf, equals < 0 ? part : str_slice(part, 0, (size_t)equals)) ||
			!decode_text(&value_buf, value))
			return refusal(400, "the query holds an invalid escape");
		if (!val_has_str(*ret, strbuf_str(&name_buf)))
			val_set_str(ret, strbuf_str(&name_buf), val_str(strbuf_str(&value_buf)));
	}
	return accepted;
}

struct http_refusal http_target_parse(const char *raw, struct http_target *ret)
{
	struct str text = str_of(raw);
	ptrdiff_t mark = str_find(text, "?", 0);

	*ret = (struct http_target){ .segments = val_list(), .query = val_map() };
	ret->raw = xstrdup(raw);
	ret->path = str_slice(str_of(ret->raw), 0, mark < 0 ? text.length : (size_t)mark);
	if (!str_starts(text, "/"))
		return refusal(400, "the request's target is no path");
	for (size_t i = 0; i < text.length; i++) {
		if ((unsigned char)raw[i] <= ' ' || raw[i] == 0x7f || raw[i] == '#' || raw[i] == '\\')
			return refusal(
				400, "the request's target holds a character that must be escaped");
	}
	struct http_refusal reason = parse_path(ret->path, &ret->segments);

	if (reason.status || mark < 0)
		return reason;
	return parse_query(str_slice(text, (size_t)mark + 1, text.length), &ret->query);
}

void http_target_free(struct http_target *target)
{
	free(target->raw);
	val_free(&target->segments);
	val_free(&target->query);
	*target = (struct http_target){ 0 };
}

/* "name:port", "[v6]:port", "name": the port is 80 when none is written. False for anything
 * else. */
static bool split_host(const char *host, struct str *ret_name, int64_t *ret_port)
{
	struct str text = str_of(host);
	size_t name_end = 0;

	if (str_starts(text, "[")) {
		ptrdiff_t bracket = str_find(text, "]", 0);

		if (bracket < 0)
			return false;
		name_end = (size_t)bracket + 1;
	} else {
		ptrdiff_t colon = str_find(text, ":", 0);

		name_end = colon < 0 ? text.length : (size_t)colon;
	}
	*ret_name = str_slice(text, 0, name_end);
	*ret_port = 80;
	if (name_end == text.length)
		return name_end > 0;
	struct str port = str_slice(text, name_end + 1, text.length);

	return name_end > 0 && text.bytes[name_end] == ':' && is_number(port) &&
		str_to_int(port, ret_port);
}

/* "127.0.0.1", "[::1]". */
static bool parse_address(
	struct str name, struct in_addr *ret_v4, struct in6_addr *ret_v6, bool *ret_is_v6)
{
	char text[INET6_ADDRSTRLEN];

	*ret_is_v6 = str_starts(name, "[") && str_ends(name, "]");
	if (*ret_is_v6)
		name = str_slice(name, 1, name.length - 1);
	if (name.length >= sizeof(text))
		return false;
	memcpy(text, name.bytes, name.length);
	text[name.length] = '\0';
	return *ret_is_v6 ? inet_pton(AF_INET6, text, ret_v6) == 1 :
			    inet_pton(AF_INET, text, ret_v4) == 1;
}

/* Addresses cannot be rebound by a name server, and of the names only this one is never asked of
 * one. */
static bool is_own_address(const struct http_guard *guard, struct str name)
{
	struct in_addr v4;
	struct in6_addr v6, bound;
	bool is_v6;

	if (str_equal_nocase(name, STR("localhost")))
		return true;
	if (!parse_address(name, &v4, &v6, &is_v6))
		return false;
	if (strcmp(guard->address, "0.0.0.0") == 0 || strcmp(guard->address, "::") == 0)
		return true;
	if (is_v6)
		return IN6_IS_ADDR_LOOPBACK(&v6) ||
			(inet_pton(AF_INET6, guard->address, &bound) == 1 &&
				memcmp(&v6, &bound, sizeof(v6)) == 0);
	return (ntohl(v4.s_addr) >> 24) == 127 || str_is(name, guard->address);
}

static bool is_own_host(const struct http_guard *guard, const char *host)
{
	struct str name;
	int64_t port;

	if (!split_host(host, &name, &port))
		return false;
	for (size_t i = 0; guard->extra_hosts && i < guard->extra_hosts->count; i++) {
		struct str extra = str_of(guard->extra_hosts->items[i]);

		if (str_equal_nocase(extra, name) || str_equal_nocase(extra, str_of(host)))
			return true;
	}
	if (port != guard->port)
		return false;
	return is_own_address(guard, name);
}

/* The page's origin is the host that it called; behind a proxy it may be https. */
static bool is_same_origin(const char *origin, const char *host)
{
	struct str rest = str_of(origin);

	if (starts_nocase(rest, "http://"))
		rest = str_slice(rest, strlen("http://"), rest.length);
	else if (starts_nocase(rest, "https://"))
		rest = str_slice(rest, strlen("https://"), rest.length);
	else
		return false;
	return str_equal_nocase(rest, str_of(host));
}

struct http_refusal http_guard_check(const struct http_guard *guard, const char *method,
	const char *host, const char *origin, const char *fetch_site)
{
	bool reading = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	if (!host || !is_own_host(guard, host))
		return refusal(403,
			"the request's Host is not this server's; name it in the settings if it is");
	if (origin && !is_same_origin(origin, host))
		return refusal(403, "cross-site request: the page belongs to another origin");
	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 &&
		!(reading && strcmp(fetch_site, "none") == 0))
		return refusal(403, "cross-site request");
	return accepted;
}

bool http_is_known_method(const char *method)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(method, known[i]) == 0)
			return true;
	}
	return false;
}
