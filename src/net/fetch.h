/*
 * A text behind a URL that a user gave, for the expression helpers that fetch (#fromUrl and friends): a GET through the
 * address-checked client, with bounds on size, time and number.
 *
 * What is refused and what is tried again is upstream's (reference expressions.md 6.3): any answer but 2xx fails; 429, 500, 503, 504
 * and a network that fails are tried once more after LIMIT_EXPR_FETCH_RETRY_MS. Ours: no user or password in the URL.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/cancel.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/http_client.h"

/* Those of one pass of expressions share one, so that all of them together are bounded. Not for several threads at once. */
struct fetch {
	struct http_transport *http;
	const struct url_policy *policy;
	struct clock *clock;
	struct cancel *cancel; /* never NULL */
	/* So far: zero at the start. */
	unsigned count;   /* LIMIT_EXPR_FETCHES */
	int64_t begun_ms; /* of CLOCK, with the first; LIMIT_EXPR_FETCH_PASS_MS */
};

/*
 * Puts the body behind URL into *RET_BODY (initialised, with its cap). Blocks: on workers only, which have a hold on the clock.
 * ERR_DENIED (policy), ERR_INVALID, ERR_TOO_LARGE (size, number or time of all), ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_CANCELED,
 * ERR_FAILED (status). Texts name the origin and nothing else of the URL: the rest may hold secrets.
 */
int fetch_text(struct fetch *fetch, struct str url, struct strbuf *ret_body, struct err *err);

#endif
