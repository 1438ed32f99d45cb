#include "api/auth.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "api/tries.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

struct auth {
	unsigned char key[crypto_generichash_KEYBYTES]; /* of this process */
	bool has_token, has_user;
	struct digest token;
	char *token_user;
	struct digest user;
	char *user_name;
	struct digest password; /* with the user's name; when `tries` is NULL */
	struct tries *tries;    /* of the password, by its hash */
	atomic_uint_fast64_t failures;
	atomic_int_fast64_t told_ms; /* when the log was told of one */
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

/* ---- refusing ------------------------------------------------------------------------------------------------------------------ */

/* Counts, and says so now and then: not what was tried, which may be a password in the wrong place. */
static struct http_refusal refuse(struct auth *auth)
{
	int64_t now = clock_now_ms(clock_real());
	int_fast64_t told = atomic_load(&auth->told_ms);
	atomic_fetch_add(&auth->failures, 1);
	if (now - told >= LIMIT_AUTH_LOG_MS &&
		atomic_compare_exchange_strong(&auth->told_ms, &told, now))
		log_warn("a request with wrong credentials was refused");
	return wrong;
}

/* What auth_check has left open. On the thread of the tries, or on that of auth_free. */
static void answer_try(void *data, struct http_exchange *exchange, enum try_result result)
{
	static const struct http_refusal stopping = { 503, "the server is stopping" };
	struct auth *auth = data;
	if (result == TRY_RIGHT)
		http_checked(exchange, accepted, auth->user_name);
	else
		http_checked(exchange, result == TRY_WRONG ? refuse(auth) : stopping, NULL);
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
		auth->tries = tries_start(setup->password_hash, answer_try, auth);
	return 0;
}

struct auth *auth_new(const struct auth_setup *setup, struct err *err)
{
	_cleanup_(auth_free_cleanup) struct auth *auth = xnew(struct auth);
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
	tries_stop(auth->tries);
	free(auth->token_user);
	free(auth->user_name);
	sodium_memzero(auth, sizeof(*auth));
	free(auth);
}

/* ---- checking ------------------------------------------------------------------------------------------------------------------- */

static struct http_refusal check_token(struct auth *auth, struct str token, char **ret_user)
{
	struct digest given = digest_of(auth, token, STR(""));
	if (!digest_equal(&given, &auth->token) || !auth->has_token)
		return refuse(auth);
	*ret_user = xstrdup(auth->token_user);
	return accepted;
}

static struct http_refusal check_password(struct auth *auth, struct str name, struct str password,
	struct http_exchange *exchange, char **ret_user)
{
	struct digest given = digest_of(auth, name, password);
	struct digest given_user = digest_of(auth, name, STR(""));
	bool is_user = digest_equal(&given_user, &auth->user) && auth->has_user;
	struct http_refusal refusal = accepted;
	if (auth->tries)
		refusal = tries_check(auth->tries, &given, is_user, password, exchange);
	else if (!digest_equal(&given, &auth->password) || !is_user)
		refusal = refuse(auth);
	if (!refusal.status)
		*ret_user = xstrdup(auth->user_name);
	return refusal;
}

/* "Basic" and then NAME:PASSWORD in base64. */
static struct http_refusal check_basic(
	struct auth *auth, struct str encoded, struct http_exchange *exchange, char **ret_user)
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
			str_slice(all, (size_t)colon + 1, length), exchange, ret_user);
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

struct http_refusal auth_check(struct auth *auth, struct http_exchange *exchange, char **ret_user)
{
	struct str given = str_of(http_header(exchange, "Authorization"));
	*ret_user = NULL;
	if (!http_header(exchange, "Authorization"))
		return accepted;
	if (takes_scheme(&given, "Bearer"))
		return check_token(auth, given, ret_user);
	if (takes_scheme(&given, "Basic"))
		return check_basic(auth, given, exchange, ret_user);
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
