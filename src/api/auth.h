/*
 * Who asks: a static bearer token and one user with a password. Secrets are kept as keyed hashes and compared in constant time; what
 * was tried is never logged. A credential that is given and wrong is refused, whatever else would do. Any thread.
 *
 * Source: security reference 1.2 (order of credentials), 1.6 (never in a URL), 1.8 (argon2id, its cost bounded).
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/http_server.h"

struct auth_setup {
	const char *token; /* NULL = none; at least AUTH_TOKEN_MIN characters that a header can carry */
	const char *token_user; /* who that is */
	const char *user;       /* NULL = no basic user; then one of: */
	const char *password;
	const char *password_hash; /* argon2id, as auth_hash_password gives it */
};
#define AUTH_TOKEN_MIN 16

struct auth;
/* NULL with ERR_INVALID when something is missing or unusable; the text names the setting, never its value. Before other threads. */
struct auth *auth_new(const struct auth_setup *setup, struct err *err);
void auth_free(struct auth *auth);
DEFINE_CLEANUP(struct auth *, auth_free)

/* Status 400 when the URL of EXCHANGE holds a token: URLs end up in logs and histories, whether or not anybody asks for one. */
struct http_refusal auth_check_url(const struct http_exchange *exchange);
/*
 * Looks at the credentials of EXCHANGE. Status 0: *RET_USER (owned) is who it is, NULL when none were given. 401: they are wrong. 429: too
 * many wrong ones. HTTP_CHECK_LATER: http_checked will be called, by auth_free at the latest.
 */
struct http_refusal auth_check(struct auth *auth, struct http_exchange *exchange, char **ret_user);
/* For 401 answers: the header WWW-Authenticate. */
const char *auth_challenge(const struct auth *auth);
/* Credentials that were wrong, since the start. */
uint64_t auth_failures(const struct auth *auth);

/* What server.auth.basic.passwordHash wants; owned. */
char *auth_hash_password(const char *password, struct err *err);

#endif
