/*
 * Tries of a password against its argon2id hash, which takes its time on purpose: one thread computes one at a time, the requests wait
 * meanwhile without a thread. What was right is remembered for a while; of what may be wrong only so much is tried.
 *
 * Source: security reference 1.8 (argon2id, its cost bounded; a success is remembered as a keyed hash).
 */
#ifndef API_TRIES_H
#define API_TRIES_H

#include <sodium.h>

#include "net/http_server.h"

/* Of a name and a password, with a key of this process. */
struct digest {
	unsigned char bytes[crypto_generichash_BYTES];
};
/* In constant time. */
static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
	return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

enum try_result { TRY_RIGHT, TRY_WRONG, TRY_STOPPED };
/* Called once for each exchange that tries_check has kept; not from within it. */
typedef void (*try_fn)(void *data, struct http_exchange *exchange, enum try_result result);

struct tries;
/* HASH is copied; libsodium is ready. */
struct tries *tries_start(const char *hash, try_fn answer, void *data);
/* Requests that still wait are answered with TRY_STOPPED. NULL is fine. */
void tries_stop(struct tries *tries);
/*
 * Status 0: PASSWORD was right a while ago. 429: too many are being tried or were wrong. HTTP_CHECK_LATER: EXCHANGE is kept and answered
 * later. GIVEN is the digest of the user's name and PASSWORD; IS_USER false: it is wrong in any case, and takes as long. Any thread.
 */
struct http_refusal tries_check(struct tries *tries, const struct digest *given, bool is_user,
	struct str password, struct http_exchange *exchange);

#endif
