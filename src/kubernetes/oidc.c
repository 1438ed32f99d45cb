/*
 * ID tokens of OpenID Connect, as the auth-provider "oidc" of a kubeconfig has them: used until they end, then had anew with the refresh
 * token, as client-go does (plugin/pkg/client/auth/oidc). The kubeconfig is not written: what came anew lives as long as the process,
 * and is shared by all accounts with the same login.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define SPARE_MS 10000 /* an ID token is renewed so long before its end */
#define SHOWN_BYTES 300

static const char *text_of(const struct kube_target *target, const char *key)
{
	return val_get_text(target->oidc, key, "");
}

int kube_oidc_check(struct val config, struct err *err)
{
	const char *refresh = val_get_text(config, "refresh-token", "");
	const char *issuer = val_get_text(config, "idp-issuer-url", "");

	if (!*val_get_text(config, "id-token", "") && !*refresh)
		return err_set(err, ERR_INVALID,
			"auth-provider \"oidc\": has neither id-token nor refresh-token");
	if (*refresh && !*val_get_text(config, "client-id", ""))
		return err_set(err, ERR_INVALID, "auth-provider \"oidc\": client-id is required");
	if (*refresh && strncmp(issuer, "https://", 8) != 0)
		return err_set(err, ERR_INVALID,
			"auth-provider \"oidc\": idp-issuer-url: expected an https URL, got \"%s\"",
			issuer);
	return 0;
}

/* ---- ID tokens ---------------------------------------------------------------------------------- */

/* The claims of TOKEN, "header.claims.signature" in the base 64 of URLs; owned, VAL_NULL when it is no such token. */
static struct val claims_of(const char *token)
{
	const char *from = strchr(token, '.'), *end = from ? strchr(from + 1, '.') : NULL;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_KUBERNETES_PEM_BYTES);
	_cleanup_free_ char *json = NULL;
	_cleanup_err_ struct err ignored = ERR_INIT;
	struct val claims = VAL_NULL;
	size_t length;

	for (const char *c = from ? from + 1 : NULL; end && c < end; c++)
		strbuf_add_char(&text, *c == '-' ? '+' : *c == '_' ? '/' : *c);
	while (text.length % 4)
		strbuf_add_char(&text, '=');
	json = text.length ? base64_decode(strbuf_str(&text), &length) : NULL;
	if (json)
		json_parse((struct str){ json, length }, NULL, NULL, &claims, &ignored);
	return claims;
}

/* When TOKEN is to be renewed; CLOCK_FOREVER = it does not say. */
static int64_t until_ms(const char *token)
{
	_cleanup_(val_free) struct val claims = claims_of(token);
	int64_t seconds;

	if (!val_as_int(val_get(claims, "exp"), &seconds) || seconds < 0 || seconds > INT64_MAX / 1000)
		return CLOCK_FOREVER;
	return seconds * 1000 - SPARE_MS;
}

/* ---- the identity provider -------------------------------------------------------------------- */

struct provider {
	struct kube_account *account;
	struct cancel *cancel;
	struct http_tls tls;
	char *ca, *identity;
	char *token_endpoint;
};

static void provider_free(struct provider *provider)
{
	free(provider->ca);
	free(provider->identity);
	free(provider->token_endpoint);
}

/* One exchange: the answer's JSON, whatever its status, which is returned; -1: there was none. */
static int ask(const struct provider *provider, struct http_request *request, struct val *ret,
	struct err *err)
{
	struct http_response response = { .body = STRBUF_INIT(0) };
	_cleanup_err_ struct err no_json = ERR_INIT;
	int status;

	request->tls = &provider->tls;
	request->total_ms = LIMIT_KUBERNETES_REQUEST_MS;
	request->cancel = provider->cancel;
	*ret = VAL_NULL;
	if (http_perform(provider->account->kubernetes->world->http, request, &response, err) < 0)
		return -1;
	status = response.status;
	json_parse(strbuf_str(&response.body), NULL, NULL, ret, &no_json);
	http_response_free(&response);
	return status;
}

static int open_provider(struct provider *provider, struct err *err)
{
	const struct kube_target *target = &provider->account->target;
	_cleanup_(kube_pem_free) struct kube_pem ca = { 0 };

	if (kube_pem_at(target->oidc, "idp-certificate-authority", target->directory, &ca, err) < 0 ||
		kube_pem_read(&ca, "idp-certificate-authority", &provider->ca, err) < 0)
		return -1;
	provider->identity = xasprintf(
		"oidc:%s#%u", provider->account->name, provider->account->generation);
	provider->tls.identity = provider->identity;
	provider->tls.ca_pem = provider->ca;
	return 0;
}

/* Where tokens are given: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
static int discover(struct provider *provider, struct err *err)
{
	const char *issuer = text_of(&provider->account->target, "idp-issuer-url");
	size_t length = strlen(issuer);
	_cleanup_free_ char *url = xasprintf("%.*s/.well-known/openid-configuration",
		(int)(length && issuer[length - 1] == '/' ? length - 1 : length), issuer);
	_cleanup_(val_free) struct val answer = VAL_NULL;
	struct http_request request = { .method = "GET", .url = url };
	int status = ask(provider, &request, &answer, err);
	const char *endpoint = val_get_text(answer, "token_endpoint", "");

	if (status < 0)
		return -1;
	if (status != 200 || strncmp(endpoint, "https://", 8) != 0)
		return err_set(err, status >= 500 ? ERR_UNAVAILABLE : ERR_DENIED,
			"%s: the answer (%d) names no https token_endpoint", url, status);
	provider->token_endpoint = xstrdup(endpoint);
	return 0;
}

static void add_pair(struct strbuf *form, const char *key, const char *value)
{
	strbuf_printf(form, "%s%s=", form->length ? "&" : "", key);
	url_encode(form, str_of(value));
}

/* "Basic …" of the client, owned: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
static char *basic_of(const struct kube_target *target)
{
	_cleanup_strbuf_ struct strbuf pair = STRBUF_INIT(LIMIT_KUBERNETES_PEM_BYTES);

	url_encode(&pair, str_of(text_of(target, "client-id")));
	strbuf_add_char(&pair, ':');
	url_encode(&pair, str_of(text_of(target, "client-secret")));
	_cleanup_free_ char *encoded = base64_encode(strbuf_str(&pair));

	return xasprintf("Basic %s", encoded);
}

/* The client shows itself in a header, or in the form. */
static int ask_for_token(const struct provider *provider, const char *refresh_token, bool in_form,
	struct val *ret, struct err *err)
{
	const struct kube_target *target = &provider->account->target;
	_cleanup_strbuf_ struct strbuf form = STRBUF_INIT(LIMIT_KUBERNETES_PEM_BYTES);
	_cleanup_(val_free) struct val headers = val_map();
	_cleanup_free_ char *basic = in_form ? NULL : basic_of(target);

	add_pair(&form, "grant_type", "refresh_token");
	add_pair(&form, "refresh_token", refresh_token);
	if (in_form)
		add_pair(&form, "client_id", text_of(target, "client-id"));
	if (in_form && *text_of(target, "client-secret"))
		add_pair(&form, "client_secret", text_of(target, "client-secret"));
	if (basic)
		val_set(&headers, "Authorization", val_string(basic));
	val_set(&headers, "Content-Type", val_string("application/x-www-form-urlencoded"));
	struct http_request request = { .method = "POST",
		.url = provider->token_endpoint,
		.headers = headers,
		.body = strbuf_str(&form) };

	return ask(provider, &request, ret, err);
}

/* An answer without an ID token, in words. */
static int refused(const struct provider *provider, int status, struct val answer,
	const char *refresh_token, struct err *err)
{
	const char *said = val_get_text(answer, "error_description", "");
	_cleanup_free_ char *description = kube_without_secrets(
		provider->account, NULL, strstr(said, refresh_token) ? "" : said);
	const char *error = val_get_text(answer, "error", "");

	if (status == 200)
		return err_set(err, ERR_DENIED,
			"%s: the answer has no id_token; the login may lack the scope openid",
			provider->token_endpoint);
	return err_set(err, status >= 500 ? ERR_UNAVAILABLE : ERR_DENIED,
		"%s: the ID token cannot be renewed (%d%s%s%s%.*s)", provider->token_endpoint, status,
		*error ? ", " : "", error, *description ? ": " : "", SHOWN_BYTES, description);
}

/* With REFRESH_TOKEN another pair of tokens; *RET is the answer. */
static int exchange(const struct provider *provider, const char *refresh_token, struct val *ret,
	struct err *err)
{
	bool in_form = !*text_of(&provider->account->target, "client-secret");
	int status = ask_for_token(provider, refresh_token, in_form, ret, err);

	/* Some providers take the client's secret in one way only; which one is not known before. */
	if (!in_form && (status == 400 || status == 401)) {
		val_free(ret);
		status = ask_for_token(provider, refresh_token, true, ret, err);
	}
	if (status < 0)
		return -1;
	if (status != 200 || !*val_get_text(*ret, "id_token", ""))
		return refused(provider, status, *ret, refresh_token, err);
	return 0;
}

/* ---- logins ------------------------------------------------------------------------------------- */

/* Of all accounts that have begun with the same refresh token; owned. */
static char *login_key(const struct kube_target *target)
{
	return xasprintf("%s\n%s\n%s", text_of(target, "idp-issuer-url"),
		text_of(target, "client-id"), text_of(target, "refresh-token"));
}

/* Within the gate: the tokens of *LOGIN (a map) anew. */
static int renew(
	struct kube_account *account, struct cancel *cancel, struct val *login, struct err *err)
{
	_cleanup_(provider_free) struct provider provider = { .account = account, .cancel = cancel };
	_cleanup_(val_free) struct val answer = VAL_NULL;
	const char *refresh_token = val_get_text(*login, "refresh", "");
	int done = -1;

	if (!*refresh_token)
		return err_set(err, ERR_DENIED,
			"the ID token has ended, and there is no refresh-token to have another");
	if (open_provider(&provider, err) == 0 && discover(&provider, err) == 0)
		done = exchange(&provider, refresh_token, &answer, err);
	if (done < 0)
		return -1;
	val_set(login, "id", val_ref(val_get(answer, "id_token")));
	if (*val_get_text(answer, "refresh_token", ""))
		val_set(login, "refresh", val_ref(val_get(answer, "refresh_token")));
	return 0;
}

int kube_oidc_token(struct kube_account *account, const char *refused_token, struct cancel *cancel,
	char **ret_token, int64_t *ret_until_ms, struct err *err)
{
	struct kubernetes *kubernetes = account->kubernetes;
	struct clock *clock = kubernetes->world->clock;
	_cleanup_free_ char *key = login_key(&account->target);
	_cleanup_(val_free) struct val login = VAL_NULL;
	const char *id;
	int done = 0;

	kube_gate_enter(&kubernetes->login_gate, clock);
	login = val_ref(val_get(kubernetes->logins, key));
	if (val_is_null(login)) {
		val_set(&login, "id", val_ref(val_get(account->target.oidc, "id-token")));
		val_set(&login, "refresh", val_ref(val_get(account->target.oidc, "refresh-token")));
	}
	id = val_get_text(login, "id", "");
	/* Another account may have renewed what this one was refused with. */
	if (!*id || until_ms(id) <= clock_now_ms(clock) ||
		(refused_token && strcmp(refused_token, id) == 0 &&
			*val_get_text(login, "refresh", "")))
		done = renew(account, cancel, &login, err);
	if (done == 0) {
		val_set(&kubernetes->logins, key, val_ref(login));
		id = val_get_text(login, "id", "");
		*ret_token = xstrdup(id);
		*ret_until_ms = until_ms(id);
	}
	kube_gate_leave(&kubernetes->login_gate, clock);
	return done < 0 ? err_wrap(err, "auth-provider \"oidc\"") : 0;
}
