#include "api/auth.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

struct digest {
	unsigned char bytes[crypto_generichash_BYTES];
};

struct auth {
	unsigned char key[crypto_generichash_KEYBYTES]; /* of this process */
	bool has_token, has_user;
	struct digest token;
	char *token_user;
	struct digest user;
	char *user_name;
	struct digest password; /* with the user's name; when `hash` is NULL */
	char *hash;
	atomic_uint_fast64_t failures;
	/* The hash takes its time on purpose, so it is computed by one at a time, and what was right is remembered. */
	pthread_mutex_t lock;
	struct digest remembered;
	int64_t remembered_until_ms;
	double allowed; /* wrong passwords, by now */
	int64_t allowed_at_ms;
	int64_t told_ms;
};

static const struct http_refusal accepted = { 0 };
static const struct http_refusal wrong = { .status = 401, .text = "the credentials are wrong" };

/* ---- hashes --------------------------------------------------------------------------------------------------------------------- */

/* Of FIRST, a zero byte and SECOND. */
static struct digest digest_of(const struct auth *auth, struct str first, struct str second)
{
	struct digest digest;
	crypto_generichash_state state;
	crypto_generichash_init(&state, auth->key, sizeof(auth->key), sizeof(digest.bytes));
	crypto_generichash_update(&state, (const unsigned char *)first.bytes, first.length);
	crypto_generichash_update(&state, (const unsigned char *)"", 1);
	crypto_generichash_update(&state, (const unsigned char *)second.bytes, second.length);
	crypto_generichash_final(&state, digest.bytes, sizeof(digest.bytes));
	return digest;
}

static bool digest_equal(const struct digest *a, const struct digest *b)
{
	return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static int sodium_ready(struct err *err)
{
	return sodium_init() < 0 ? err_set(err, ERR_INTERNAL, "libsodium has no randomness") : 0;
}

char *auth_hash_password(const char *password, struct err *err)
{
	char hash[crypto_pwhash_STRBYTES];
	if (sodium_ready(err) < 0)
		return NULL;
	if (crypto_pwhash_str(hash, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
		    crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
		err_set(err, ERR_UNAVAILABLE, "there is not enough memory for the hash");
		return NULL;
	}
	return xstrdup(hash);
}

/* ---- what the settings say ------------------------------------------------------------------------------------------------------ */

static bool is_user_name(const char *name)
{
	static const char *const reserved[] = { "anonymous", "[anonymous]", "system", "unrestricted" };
	if (!*name || strlen(name) > LIMIT_USER_BYTES || strchr(name, ':'))
		return false;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return false;
	return true;
}

static int take_token(struct auth *auth, const struct auth_setup *setup, struct err *err)
{
	const char *name = setup->token_user ? setup->token_user : "api";
	size_t length = strlen(setup->token);
	if (length < AUTH_TOKEN_MIN || length > LIMIT_CREDENTIAL_BYTES)
		return err_set(err, ERR_INVALID,
			"server.auth.token: a token has at least %d characters (try: openssl rand -hex 32)",
			AUTH_TOKEN_MIN);
	for (const char *c = setup->token; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return err_set(err, ERR_INVALID,
				"server.auth.token: a token has no blanks and only ASCII characters");
	if (!is_user_name(name))
		return err_set(
			err, ERR_INVALID, "server.auth.tokenUser: this cannot be a user's name");
	auth->has_token = true;
	auth->token = digest_of(auth, str_of(setup->token), STR(""));
	auth->token_user = xstrdup(name);
	return 0;
}

static int take_user(struct auth *auth, const struct auth_setup *setup, struct err *err)
{
	if (!is_user_name(setup->user))
		return err_set(
			err, ERR_INVALID, "server.auth.basic.user: this cannot be a user's name");
	if (!setup->password == !setup->password_hash)
		return err_set(err, ERR_INVALID,
			"server.auth.basic: give either passwordHash or passwordFile");
	if (setup->password && !*setup->password)
		return err_set(err, ERR_INVALID, "server.auth.basic: the password is empty");
	if (setup->password_hash && strncmp(setup->password_hash, "$argon2id$", 10) != 0)
		return err_set(err, ERR_INVALID,
			"server.auth.basic.passwordHash: expected what \"gennaker password\" prints");
	auth->has_user = true;
	auth->user_name = xstrdup(setup->user);
	auth->user = digest_of(auth, str_of(setup->user), STR(""));
	if (setup->password)
		auth->password = digest_of(auth, str_of(setup->user), str_of(setup->password));
	else
		auth->hash = xstrdup(setup->password_hash);
	return 0;
}

struct auth *auth_new(const struct auth_setup *setup, struct err *err)
{
	_cleanup_(auth_free_cleanup) struct auth *auth = xnew(struct auth);
	pthread_mutex_init(&auth->lock, NULL);
	auth->allowed = LIMIT_AUTH_FAILURES;
	if (sodium_ready(err) < 0)
		return NULL;
	randombytes_buf(auth->key, sizeof(auth->key));
	if ((setup->token && take_token(auth, setup, err) < 0) ||
		(setup->user && take_user(auth, setup, err) < 0))
		return NULL;
	return take(&auth);
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_destroy(&auth->lock);
	free(auth->token_user);
	free(auth->user_name);
	free(auth->hash);
	sodium_memzero(auth, sizeof(*auth));
	free(auth);
}

/* ---- checking ------------------------------------------------------------------------------------------------------------------- */

/* Counts, and says so now and then: not what was tried, which may be a password in the wrong place. */
static struct http_refusal refuse(struct auth *auth)
{
	int64_t now = clock_now_ms(clock_real());
	atomic_fetch_add(&auth->failures, 1);
	pthread_mutex_lock(&auth->lock);
	bool tell = now - auth->told_ms >= LIMIT_AUTH_LOG_MS;
	if (tell)
		auth->told_ms = now;
	pthread_mutex_unlock(&auth->lock);
	if (tell)
		log_warn("a request with wrong credentials was refused");
	return wrong;
}

static struct http_refusal check_token(struct auth *auth, struct str token, char **ret_user)
{
	struct digest given = digest_of(auth, token, STR(""));
	if (!digest_equal(&given, &auth->token) || !auth->has_token)
		return refuse(auth);
	*ret_user = xstrdup(auth->token_user);
	return accepted;
}

/* One of the wrong passwords that may be tried; with the lock. */
static bool may_try(struct auth *auth, int64_t now_ms)
{
	auth->allowed += (double)(now_ms - auth->allowed_at_ms) / LIMIT_AUTH_FAILURE_MS;
	auth->allowed_at_ms = now_ms;
	if (auth->allowed > LIMIT_AUTH_FAILURES)
		auth->allowed = LIMIT_AUTH_FAILURES;
	return auth->allowed >= 1;
}

/* The slow way, by the argon2id hash. GIVEN is the digest of what PASSWORD is a part of. */
static struct http_refusal check_hash(
	struct auth *auth, const struct digest *given, bool is_user, struct str password)
{
	int64_t now = clock_now_ms(clock_real());
	struct http_refusal refusal = accepted;
	pthread_mutex_lock(&auth->lock);
	bool known = now < auth->remembered_until_ms && digest_equal(given, &auth->remembered);
	if (!known && !may_try(auth, now))
		refusal = (struct http_refusal){ .status = 429,
			.text = "too many wrong passwords; try again in a moment" };
	if (!known && !refusal.status) {
		/* For a wrong name too, so that time does not tell which names there are. */
		known = crypto_pwhash_str_verify(auth->hash, password.bytes, password.length) == 0 &&
			is_user;
		if (known) {
			auth->remembered = *given;
			auth->remembered_until_ms = now + LIMIT_AUTH_REMEMBER_MS;
		} else {
			auth->allowed--;
		}
	}
	pthread_mutex_unlock(&auth->lock);
	return known || refusal.status ? refusal : refuse(auth);
}

static struct http_refusal check_password(
	struct auth *auth, struct str name, struct str password, char **ret_user)
{
	struct digest given = digest_of(auth, name, password);
	struct digest given_user = digest_of(auth, name, STR(""));
	bool is_user = digest_equal(&given_user, &auth->user) && auth->has_user;
	struct http_refusal refusal = accepted;
	if (auth->hash)
		refusal = check_hash(auth, &given, is_user, password);
	else if (!digest_equal(&given, &auth->password) || !is_user)
		refusal = refuse(auth);
	if (!refusal.status)
		*ret_user = xstrdup(auth->user_name);
	return refusal;
}

/* "Basic" and then NAME:PASSWORD in base64. */
static struct http_refusal check_basic(struct auth *auth, struct str encoded, char **ret_user)
{
	char text[LIMIT_CREDENTIAL_BYTES];
	size_t length = 0;
	if (sodium_base642bin((unsigned char *)text, sizeof(text) - 1, encoded.bytes,
		    encoded.length, NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return refuse(auth);
	text[length] = '\0'; /* argon2 reads to the length; the end is for us */
	struct str all = { text, length };
	ptrdiff_t colon = str_find(all, ":", 0);
	struct http_refusal refusal = colon < 0 ?
		refuse(auth) :
		check_password(auth, str_slice(all, 0, (size_t)colon),
			str_slice(all, (size_t)colon + 1, length), ret_user);
	sodium_memzero(text, sizeof(text));
	return refusal;
}

static bool takes_scheme(struct str *rest, const char *scheme)
{
	size_t length = strlen(scheme);
	if (rest->length <= length || strncasecmp(rest->bytes, scheme, length) != 0 ||
		rest->bytes[length] != ' ')
		return false;
	*rest = str_trim(str_slice(*rest, length, rest->length));
	return true;
}

struct http_refusal auth_check_url(const struct http_exchange *exchange)
{
	if (!http_query(exchange, "access_token") && !http_query(exchange, "token"))
		return accepted;
	return (struct http_refusal){ .status = 400,
		.text = "a token does not belong in a URL; send it in the header Authorization" };
}

struct http_refusal auth_check(
	struct auth *auth, const struct http_exchange *exchange, char **ret_user)
{
	struct str given = str_of(http_header(exchange, "Authorization"));
	*ret_user = NULL;
	if (!http_header(exchange, "Authorization"))
		return accepted;
	if (takes_scheme(&given, "Bearer"))
		return check_token(auth, given, ret_user);
	if (takes_scheme(&given, "Basic"))
		return check_basic(auth, given, ret_user);
	return refuse(auth);
}

const char *auth_challenge(const struct auth *auth)
{
	return auth->has_user ? "Basic realm=\"gennaker\", charset=\"UTF-8\"" : "Bearer";
}

uint64_t auth_failures(const struct auth *auth)
{
	return atomic_load(&auth->failures);
}
