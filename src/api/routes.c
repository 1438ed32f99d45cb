/*
 * The one table of routes. Paths, codes and bodies are those of Gate; what is ours says so.
 */
#include "api/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define GATE_START "Starts a stored pipeline; the body is its trigger"

const struct route routes[] = {
	{ "GET", "/", api_root, "What this is" },
	{ "GET", "/health", api_health, "Whether the server is up" },
	{ "GET", "/version", api_version, "The version of the server" },
	{ "GET", "/auth/user", api_user, "Who is asking" },
	{ "GET", "/credentials", api_credentials, "The accounts" },
	{ "GET", "/credentials/{name}", api_credential, "One account" },

	{ "GET", "/applications", api_applications, "The applications" },
	{ "GET", "/applications/{app}", api_application, "One application" },
	{ "GET", "/applications/{app}/pipelineConfigs", api_pipelines_of_application,
		"The stored pipelines of an application" },
	{ "GET", "/applications/{app}/pipelineConfigs/{name}", api_pipeline_get, "A stored pipeline" },
	{ "POST", "/applications/{app}/pipelineConfigs/{name}", api_start_stored,
		GATE_START " (deprecated path)" },
	{ "GET", "/applications/{app}/pipelines", api_executions_of_application,
		"The newest runs of each pipeline" },
	{ "GET", "/applications/{app}/executions/search", api_executions_search,
		"Looks for runs; * for the application means all" },
	/* spin sends the words "{application}" here: the segment means nothing. */
	{ "PUT", "/applications/{any}/pipelines/{id}/cancel", api_execution_cancel, "Cancels a run" },

	{ "GET", "/pipelineConfigs", api_pipelines_all, "All stored pipelines" },
	{ "GET", "/pipelineConfigs/{id}/history", api_pipeline_history,
		"A pipeline and its earlier versions" },

	{ "POST", "/pipelines", api_pipeline_save, "Saves a pipeline" },
	{ "POST", "/pipelines/start", api_start_document,
		"Runs the pipeline in the body, without saving it" },
	{ "POST", "/pipelines/v2/{app}/{nameOrId}", api_start_stored_v2, GATE_START },
	{ "PUT", "/pipelines/{id}/cancel", api_execution_cancel, "Cancels a run" },
	{ "PUT", "/pipelines/{id}/pause", api_execution_pause, "Pauses a run" },
	{ "PUT", "/pipelines/{id}/resume", api_execution_resume, "Lets a paused run go on" },
	{ "PUT", "/pipelines/{id}/stages/{stageId}/restart", api_stage_restart,
		"Restarts a stage, and what comes after it" },
	{ "POST", "/pipelines/{app}/{nameOrId}", api_start_stored, GATE_START },
	{ "DELETE", "/pipelines/{app}/{name}", api_pipeline_delete, "Deletes a stored pipeline" },
	{ "GET", "/pipelines/{id}", api_execution_get, "A run" },
	{ "PUT", "/pipelines/{id}", api_pipeline_update,
		"Changes a stored pipeline, its name included" },
	{ "DELETE", "/pipelines/{id}", api_execution_delete, "Deletes a run that has ended" },
	{ "GET", "/pipelines/{id}/stages/{stageId}", api_execution_stage,
		"One stage of a run (ours)" },
	{ "PATCH", "/pipelines/{id}/stages/{stageId}", api_stage_patch,
		"Merges the body into a stage's context" },

	{ "GET", "/executions", api_executions, "Runs by id or by pipeline" },
	{ "GET", "/executions/{id}/events", api_execution_events,
		"What happened in a run, or as it happens (ours)" },
	{ "GET", "/events", api_events, "What happened, or as it happens (ours)" },

	{ "GET", "/webhooks/preconfigured", api_preconfigured_webhooks,
		"Webhooks that the settings make stage types" },

	{ "POST", "/lint", api_lint, "Mistakes in the pipeline of the body (ours)" },
	{ "GET", "/schema/pipeline", api_schema_pipeline, "The keys of a pipeline (ours)" },
	{ "GET", "/schema/stages", api_schema_stages, "The stage types and their fields (ours)" },
	{ "GET", "/schema/stages/{type}", api_schema_stage, "One stage type (ours)" },

	{ "GET", "/metrics", api_metrics, "Numbers for Prometheus (ours)" },
	{ "POST", "/admin/backup", api_admin_backup, "A copy of the database (ours)" },
	{ "GET", "/admin/state", api_admin_state, "What is in flight and what waits for what (ours)" },
	{ 0 },
};

/* Cuts the next segment off *PATH, which stands behind a '/'. False at the end. */
static bool next_segment(const char **path, struct str *ret)
{
	if (!*path || !**path)
		return false;
	size_t length = strcspn(*path, "/");
	*ret = (struct str){ .bytes = *path, .length = length };
	*path += length + ((*path)[length] == '/');
	return true;
}

static bool is_parameter(struct str segment)
{
	return segment.length > 2 && segment.bytes[0] == '{';
}

/* Segments of the request; a slash at the end adds none. */
static size_t segment_count(const struct http_exchange *exchange)
{
	size_t count = http_segment_count(exchange);
	return count > 0 && *http_segment(exchange, count - 1) == '\0' ? count - 1 : count;
}

static bool route_matches(const struct route *route, const struct http_exchange *exchange)
{
	const char *rest = route->path + 1;
	size_t count = segment_count(exchange), i = 0;
	for (struct str segment; next_segment(&rest, &segment); i++) {
		const char *given = http_segment(exchange, i);
		if (i >= count || (is_parameter(segment) ? *given == '\0' : !str_is(segment, given)))
			return false;
	}
	return i == count;
}

const char *call_param(const struct call *call, const char *name)
{
	const char *rest = call->route->path + 1;
	size_t i = 0;
	for (struct str segment; next_segment(&rest, &segment); i++)
		if (is_parameter(segment) && str_is(str_slice(segment, 1, segment.length - 1), name))
			return http_segment(call->exchange, i);
	return "";
}

/* Which methods the path knows: the answer to OPTIONS, and to those that it does not know. */
static void answer_methods(struct http_exchange *exchange, struct str methods)
{
	_cleanup_(val_free) struct val headers = val_map();
	val_set(&headers, "Allow", val_str(methods));
	if (strcmp(http_method(exchange), "OPTIONS") == 0) {
		http_reply(exchange, 200, NULL, STR(""), headers);
		return;
	}
	_cleanup_(val_free) struct val body = val_map();
	val_set(&body, "timestamp", val_int(clock_now_ms(clock_real())));
	val_set(&body, "status", val_int(405));
	val_set(&body, "error", val_string("Method Not Allowed"));
	val_set(&body, "message",
		val_format("%s is not possible at this path, which has %.*s", http_method(exchange),
			STR_ARG(methods)));
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	http_reply(exchange, 405, "application/json", str_of(text), headers);
}

/* The route of the request, or NULL; then *METHODS, if not NULL, gets those that its path has. */
static const struct route *find_route(const struct http_exchange *exchange, struct strbuf *methods)
{
	const char *method = http_method(exchange);
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (const struct route *route = routes; route->method; route++) {
		if (!route_matches(route, exchange))
			continue;
		if (strcmp(route->method, method) == 0)
			return route;
		if (methods && !str_contains(strbuf_str(methods), route->method))
			strbuf_printf(methods, "%s%s", methods->length ? ", " : "", route->method);
	}
	return NULL;
}

struct http_refusal routes_check(void *data, struct http_exchange *exchange, char **ret_user)
{
	struct api *api = data;
	struct http_refusal refusal = auth_check_url(exchange);
	if (refusal.status || !api->setup.auth || strcmp(http_method(exchange), "OPTIONS") == 0)
		return refusal; /* browsers ask for OPTIONS without credentials */
	refusal = auth_check(api->setup.auth, exchange, ret_user);
	const struct route *route = find_route(exchange, NULL);
	bool is_public = route && (route->handle == api_health || route->handle == api_user);
	/* What there is, and what there is not, is for those who may ask. */
	if (!refusal.status && !*ret_user && !is_public)
		return (struct http_refusal){ .status = 401,
			.text = "this server needs credentials: a token or a password" };
	return refusal;
}

void routes_handle(void *data, struct http_exchange *exchange)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct strbuf methods = STRBUF_INIT(1000);
	struct call call = {
		.api = data,
		.exchange = exchange,
		.route = find_route(exchange, &methods),
		.user = http_user(exchange),
	};
	if (call.route && call.route->handle(&call, &err) < 0)
		answer_error(exchange, &err);
	else if (!call.route && methods.length > 0)
		answer_methods(exchange, strbuf_str(&methods));
	else if (!call.route) {
		err_set(&err, ERR_NOT_FOUND, "there is nothing at this path; GET / lists the paths");
		answer_error(exchange, &err);
	}
	strbuf_free(&methods);
}
