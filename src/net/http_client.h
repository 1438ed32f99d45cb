/*
 * HTTP as a client: one table of two functions, so that tests script the other side. The real one
 * is libcurl with a pool of handles per origin; a call borrows a handle with its warm connection
 * and gives it back. Blocking; called on worker threads (never on the engine thread). Cancelled by
 * request->cancel.
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "base/val.h"
#include "net/address.h"

/* Who we are to the other side, and whom we trust. Borrowed by requests; part of the pool's key
 * by `identity`. */
struct http_tls {
	const char *identity; /* distinguishes pools: same origin, other credential; never shown */
	const char *ca_pem;   /* trusted certificates; NULL = the system's */
	const char *client_cert_pem; /* NULL = none */
	const char *client_key_pem;
	const char *server_name; /* SNI and verification name, NULL = the host's */
	bool insecure;           /* no verification (insecure-skip-tls-verify) */
	const char *proxy;       /* URL of a proxy, NULL = none; the environment is never read */
};

struct http_request {
	const char *method;
	const char *url;
	struct val headers;              /* map name → string or list of strings; borrowed */
	struct str body;                 /* bytes; length 0 and bytes NULL = no body */
	const struct http_tls *tls;      /* NULL = system trust, no client certificate */
	const struct url_policy *policy; /* NULL = any address (accounts); else checked before, at
					    each hop and at connect (of a proxy only the URL is).
					    Must outlive the transport's connections */
	bool follow_redirects; /* at most LIMIT_HTTP_REDIRECTS; on another origin only headers that
				* carry no credentials are sent, and neither client certificate nor
				* proxy nor CA is used */
	int connect_ms;        /* 0 = LIMIT_HTTP_CONNECT_MS */
	int total_ms;          /* 0 = LIMIT_HTTP_READ_MS; the deadline of the whole exchange */
	size_t max_response;   /* 0 = LIMIT_HTTP_RESPONSE_BYTES */
	bool accept_gzip;
	bool prefer_http2;
	struct cancel *cancel; /* NULL = cannot be cancelled */
	/* For streams (watches): called with each piece of the body as it comes; returns 0 to go
	 * on, -1 to end the exchange (which then counts as complete). `response.body` stays empty,
	 * but for answers that are no 2xx: those go there instead. total_ms then limits the silence
	 * between pieces. Streams do not take the place of other calls in the pool. */
	int (*on_body)(void *data, const char *bytes, size_t length);
	void *on_body_data;
};

struct http_response {
	int status; /* 200 … */
	/* map lower-case name → string, or list of strings when it came more than once */
	struct val headers;
	struct strbuf body;
	char *effective_url; /* after redirects */
};
void http_response_free(struct http_response *response);
/* First value of a header, "" when there is none; borrowed. NAME in lower case. */
const char *http_response_header(const struct http_response *response, const char *name);
/* Retry-After in milliseconds (seconds or a date against NOW_MS), or 0. */
int http_retry_after_ms(const struct http_response *response, int64_t now_ms);

/*
 * One exchange: 0 when an answer came, whatever its status. -1: ERR_UNAVAILABLE (resolve, connect,
 * reset), ERR_TIMEOUT, ERR_CANCELED, ERR_DENIED (policy), ERR_TOO_LARGE, ERR_INVALID (URL, header),
 * ERR_FAILED (certificate, protocol, redirects). err->details may hold {"reason":
 * "resolve"|"connect"|"timeout"|"reset"|"tls"|"busy"|"certificate"|"protocol"|"redirect"} for those
 * who must tell them apart; after resolve, connect, tls and busy nothing has reached the other
 * side.
 */
struct http_transport {
	const struct http_transport_type *type;
};
struct http_transport_type {
	int (*perform)(struct http_transport *transport, const struct http_request *request,
		struct http_response *ret, struct err *err);
	void (*free)(struct http_transport *transport);
};
static inline int http_perform(struct http_transport *transport, const struct http_request *request,
	struct http_response *ret, struct err *err)
{
	return transport->type->perform(transport, request, ret, err);
}
void http_transport_free(struct http_transport *transport);
DEFINE_CLEANUP(struct http_transport *, http_transport_free)

/* The real one. CLOCK is only used to give up its hold while the call waits (cancel.h). One a
 * process is enough. */
struct http_transport *http_transport_curl(struct clock *clock, const char *user_agent);

/* "https://host:port" of URL in lower case with the port written out; owned; NULL when URL is
 * none. The slot of a task. */
char *url_origin(const char *url);
/* Percent-encodes TEXT as a path segment or a query value (RFC 3986 unreserved stays). */
void url_encode(struct strbuf *buf, struct str text);
/* Percent-decodes; false on a bad escape or NUL. '+' stays '+', or becomes a blank with PLUS. */
bool url_decode(struct strbuf *buf, struct str text, bool plus);

#endif
