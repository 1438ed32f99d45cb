/*
 * The server itself, accounts and applications.
 */
#include "api/internal.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static struct val routes_describe(void)
{
	struct val list = val_list();
	for (const struct route *route = routes; route->method; route++) {
		struct val row = val_map();
		val_set(&row, "method", val_string(route->method));
		val_set(&row, "path", val_string(route->path));
		val_set(&row, "summary", val_string(route->summary));
		val_append(&list, row);
	}
	return list;
}

static int root_page(struct call *call)
{
	struct strbuf page = STRBUF_INIT(256u << 10);
	strbuf_printf(&page,
		"<!doctype html><html lang=en><meta charset=utf-8><title>Gennaker</title>"
		"<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
		"color-scheme:light dark}td{padding:.1rem .8rem .1rem 0;vertical-align:top}</style>"
		"<h1>Gennaker %s</h1><p>Runs Spinnaker pipelines. This is its HTTP API, Gate's as far as it is built."
		"<table>",
		call->api->setup.version);
	for (const struct route *route = routes; route->method; route++)
		strbuf_printf(&page, "<tr><td>%s<td><code>%s</code><td>%s", route->method,
			route->path, route->summary);
	strbuf_add_text(&page, "</table>");
	_cleanup_(val_free) struct val headers = val_map();
	val_set(&headers, "Content-Security-Policy",
		val_string("default-src 'none'; style-src 'unsafe-inline'"));
	http_reply(call->exchange, 200, "text/html; charset=utf-8", strbuf_str(&page), headers);
	strbuf_free(&page);
	return 0;
}

int api_root(struct call *call, struct err *err)
{
	const char *accept = http_header(call->exchange, "Accept");
	if (accept && strstr(accept, "text/html"))
		return root_page(call);
	_cleanup_(val_free) struct val body = val_map();
	val_set(&body, "name", val_string("gennaker"));
	val_set(&body, "version", val_string(call->api->setup.version));
	val_set(&body, "routes", routes_describe());
	return answer_json(call, body);
}

int api_health(struct call *call, struct err *err)
{
	struct api *api = call->api;
	_cleanup_(val_free) struct val body = val_map();
	pthread_rwlock_rdlock(&api->engine_lock);
	bool stuck = api->engine && engine_is_stuck(api->engine);
	pthread_rwlock_unlock(&api->engine_lock);
	val_set(&body, "status", val_string(stuck ? "DOWN" : "UP"));
	if (stuck)
		val_set(&body, "reason",
			val_string("the store cannot write (is the disk full?); reads still work"));
	http_reply_json(call->exchange, stuck ? 503 : 200, body);
	return 0;
}

int api_version(struct call *call, struct err *err)
{
	_cleanup_(val_free) struct val body = val_map();
	val_set(&body, "version", val_string(call->api->setup.version));
	return answer_json(call, body);
}

/* Without authentication everyone is the same user; with it, nobody is no user: an empty answer, at which clients sign in. */
int api_user(struct call *call, struct err *err)
{
	const char *name = call->user ? call->user : "anonymous";
	_cleanup_(val_free) struct val body = val_map();
	if (call->api->setup.auth && !call->user) {
		http_reply(call->exchange, 200, NULL, STR(""), VAL_NULL);
		return 0;
	}
	val_set(&body, "email", val_string(name));
	val_set(&body, "username", val_string(name));
	val_set(&body, "firstName", VAL_NULL);
	val_set(&body, "lastName", VAL_NULL);
	val_set(&body, "roles", val_list());
	val_set(&body, "allowedAccounts", val_list());
	val_set(&body, "authorities", val_list());
	val_set(&body, "accountNonExpired", val_bool(true));
	val_set(&body, "accountNonLocked", val_bool(true));
	val_set(&body, "credentialsNonExpired", val_bool(true));
	val_set(&body, "enabled", val_bool(true));
	return answer_json(call, body);
}

/* ---- accounts ---------------------------------------------------------------------------------------------------------------- */

/* An account as Gate gives it; EXPAND adds where it leads to. */
static struct val credential(struct val account, bool expand)
{
	struct val body = val_map();
	val_set(&body, "name", val_ref(val_get(account, "name")));
	val_set(&body, "type", val_string("kubernetes"));
	val_set(&body, "cloudProvider", val_string("kubernetes"));
	val_set(&body, "accountType", val_ref(val_get(account, "name")));
	val_set(&body, "environment", val_ref(val_get(account, "name")));
	val_set(&body, "authorized", val_bool(true));
	val_set(&body, "requiredGroupMembership", val_list());
	val_set(&body, "permissions", val_map());
	val_set(&body, "challengeDestructiveActions", val_bool(false));
	val_set(&body, "primaryAccount", val_bool(false));
	for (size_t i = 0; expand && i < val_count(account); i++)
		if (!val_has_str(body, val_key_at(account, i)))
			val_set_str(&body, val_key_at(account, i), val_ref(val_value_at(account, i)));
	return body;
}

static struct val accounts(struct api *api)
{
	return api->setup.accounts ? api->setup.accounts(api->setup.accounts_data) : val_list();
}

int api_credentials(struct call *call, struct err *err)
{
	bool expand;
	if (call_query_bool(call, "expand", false, &expand, err) < 0)
		return -1;
	_cleanup_(val_free) struct val known = accounts(call->api);
	_cleanup_(val_free) struct val body = val_list();
	for (size_t i = 0; i < val_count(known); i++)
		val_append(&body, credential(val_at(known, i), expand));
	return answer_json(call, body);
}

int api_preconfigured_webhooks(struct call *call, struct err *err)
{
	const struct preconfigured *webhooks = call->api->setup.webhooks;
	_cleanup_(val_free) struct val body = webhooks ? preconfigured_describe(webhooks) :
							 val_list();
	(void)err;
	return answer_json(call, body);
}

int api_credential(struct call *call, struct err *err)
{
	const char *name = call_param(call, "name");
	_cleanup_(val_free) struct val known = accounts(call->api);
	for (size_t i = 0; i < val_count(known); i++) {
		if (strcmp(val_get_text(val_at(known, i), "name", ""), name) != 0)
			continue;
		_cleanup_(val_free) struct val body = credential(val_at(known, i), true);
		return answer_json(call, body);
	}
	return err_set(err, ERR_NOT_FOUND, "Account not found (name: %s)", name);
}

/* ---- applications --------------------------------------------------------------------------------------------------------------- */

static size_t application_at(struct val list, const char *name)
{
	for (size_t i = 0; i < val_count(list); i++)
		if (strcasecmp(val_get_text(val_at(list, i), "name", ""), name) == 0)
			return i;
	return SIZE_MAX;
}

/* Those that are stored, and those that only have pipelines: what somebody saved must be found. By name. */
static int applications(struct api *api, struct val *ret_list, struct err *err)
{
	struct store *store = api->setup.store;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_(val_free) struct val pipelines = VAL_NULL;
	if (store->type->list_applications(store, &list, err) < 0 ||
		store->type->list_pipelines(store, NULL, &pipelines, err) < 0)
		return -1;
	const char *last = "";
	for (size_t i = 0; i < val_count(pipelines); i++) { /* by application */
		const char *name = val_get_text(val_at(pipelines, i), "application", "");
		if (strcasecmp(name, last) == 0 || application_at(list, name) != SIZE_MAX)
			continue;
		last = name;
		struct val application = val_map();
		val_set(&application, "name", val_string(name));
		val_append(&list, application);
	}
	*ret_list = take(&list);
	return 0;
}

int api_applications(struct call *call, struct err *err)
{
	_cleanup_(val_free) struct val body = VAL_NULL;
	uint64_t position;
	if (journal_position(call->api, &position, err) < 0 || applications(call->api, &body, err) < 0)
		return -1;
	return answer_read(call, body, position);
}

int api_application(struct call *call, struct err *err)
{
	const char *name = call_param(call, "app");
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (journal_position(call->api, &position, err) < 0 || applications(call->api, &list, err) < 0)
		return -1;
	size_t at = application_at(list, name);
	if (at == SIZE_MAX)
		return err_set(err, ERR_NOT_FOUND, "Application not found (id: %s)", name);
	_cleanup_(val_free) struct val body = val_map();
	val_set(&body, "name", val_ref(val_get(val_at(list, at), "name")));
	val_set(&body, "attributes", val_ref(val_at(list, at)));
	val_set(&body, "clusters", val_map());
	return answer_read(call, body, position);
}
