#include "lib/kube_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"

#define ORIGIN "https://cluster.example"

struct kube_server {
	struct clock *clock;
	int64_t start_ms;
	struct val wishes;  /* `cluster` of the document */
	struct val objects; /* path → object */
	struct val served; /* path of a CustomResourceDefinition → since when its kind is served */
	/* How often an object was made at a path, and how often it was written: what comes of that does not depend on which of several
	 * requests at once came first. */
	struct val created, written;
	int beginning; /* how many there were at the start */
};

static const struct served {
	const char *group_version; /* "/api/v1", "/apis/apps/v1" */
	const char *plural, *kind;
	bool namespaced;
} all_served[] = {
	{ "/api/v1", "namespaces", "Namespace", false },
	{ "/api/v1", "configmaps", "ConfigMap", true },
	{ "/api/v1", "secrets", "Secret", true },
	{ "/api/v1", "services", "Service", true },
	{ "/api/v1", "pods", "Pod", true },
	{ "/apis/apps/v1", "deployments", "Deployment", true },
	{ "/apis/apps/v1", "replicasets", "ReplicaSet", true },
	{ "/apis/apps/v1", "statefulsets", "StatefulSet", true },
	{ "/apis/batch/v1", "jobs", "Job", true },
	{ "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition",
		false },
	{ 0 },
};

/* ---- answers ---------------------------------------------------------------------------------- */

static bool answer(struct http_response *response, int status, struct val body)
{
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);

	response->status = status;
	response->headers = val_map();
	val_set(&response->headers, "content-type", val_string("application/json"));
	strbuf_add_text(&response->body, text);
	return true;
}

static bool refuse(struct http_response *response, int code, const char *reason, const char *message)
{
	_cleanup_(val_free) struct val body = val_map();
	struct val details = val_map();

	val_set(&details, "name", val_string("x"));
	val_set(&body, "kind", val_string("Status"));
	val_set(&body, "apiVersion", val_string("v1"));
	val_set(&body, "status", val_string("Failure"));
	val_set(&body, "reason", val_string(reason));
	val_set(&body, "message", val_string(message));
	val_set(&body, "code", val_int(code));
	val_set(&body, "details", details);
	return answer(response, code, body);
}

static int64_t elapsed(const struct kube_server *server)
{
	return clock_now_ms(server->clock) - server->start_ms;
}

/* ---- discovery -------------------------------------------------------------------------------- */

static struct val resource_row(const char *plural, const char *kind, bool namespaced)
{
	static const char *const verbs[] = { "get", "list", "create", "patch", "update", "delete" };
	struct val row = val_map(), list = val_list();

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		val_append(&list, val_string(verbs[i]));
	val_set(&row, "name", val_string(plural));
	val_set(&row, "singularName", val_string(""));
	val_set(&row, "kind", val_string(kind));
	val_set(&row, "namespaced", val_bool(namespaced));
	val_set(&row, "verbs", list);
	return row;
}

static struct val group_row(const char *name, const char *version)
{
	struct val group = val_map(), one = val_map(), versions = val_list();

	val_set(&one, "groupVersion", val_format("%s/%s", name, version));
	val_set(&one, "version", val_string(version));
	val_append(&versions, val_ref(one));
	val_set(&group, "name", val_string(name));
	val_set(&group, "versions", versions);
	val_set(&group, "preferredVersion", one);
	return group;
}

/* The specs of the custom kinds that are served by now; owned. */
static struct val custom_kinds(const struct kube_server *server)
{
	struct val list = val_list();

	for (size_t i = 0; i < val_count(server->served); i++) {
		struct val object = val_get_str(server->objects, val_key_at(server->served, i));
		int64_t since = 0;

		val_as_int(val_value_at(server->served, i), &since);
		if (val_is_map(object) && elapsed(server) >= since)
			val_append(&list, val_ref(val_get(object, "spec")));
	}
	return list;
}

static bool serve_groups(struct kube_server *server, struct http_response *response)
{
	static const char *const native[] = { "apps", "batch", "apiextensions.k8s.io" };
	_cleanup_(val_free) struct val body = val_map(), custom = custom_kinds(server);
	struct val groups = val_list();

	for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++)
		val_append(&groups, group_row(native[i], "v1"));
	for (size_t i = 0; i < val_count(custom); i++)
		val_append(&groups, group_row(val_get_text(val_at(custom, i), "group", ""), "v1"));
	val_set(&body, "kind", val_string("APIGroupList"));
	val_set(&body, "groups", groups);
	return answer(response, 200, body);
}

static bool serve_resources(
	struct kube_server *server, const char *path, struct http_response *response)
{
	_cleanup_(val_free) struct val body = val_map(), custom = custom_kinds(server);
	struct val rows = val_list();

	for (const struct served *row = all_served; row->kind; row++) {
		if (strcmp(path, row->group_version) == 0)
			val_append(&rows, resource_row(row->plural, row->kind, row->namespaced));
	}
	for (size_t i = 0; i < val_count(custom); i++) {
		struct val spec = val_at(custom, i), names = val_get(spec, "names");
		_cleanup_free_ char *group_version = xasprintf(
			"/apis/%s/v1", val_get_text(spec, "group", ""));

		if (strcmp(path, group_version) == 0)
			val_append(&rows,
				resource_row(val_get_text(names, "plural", ""),
					val_get_text(names, "kind", ""),
					strcmp(val_get_text(spec, "scope", ""), "Cluster") != 0));
	}
	val_set(&body, "kind", val_string("APIResourceList"));
	val_set(&body, "groupVersion", val_string(path + (strncmp(path, "/apis/", 6) == 0 ? 6 : 5)));
	val_set(&body, "resources", rows);
	if (val_count(rows) == 0)
		return refuse(response, 404, "NotFound",
			"the server could not find the requested resource");
	return answer(response, 200, body);
}

/* ---- objects ---------------------------------------------------------------------------------- */

static void set_in(struct val *object, const char *key, struct val value)
{
	if (!val_is_map(val_get(*object, "metadata")))
		val_set(object, "metadata", val_map());
	val_set(val_edit(object, "metadata"), key, value);
}

/* Maps key by key, everything else as a whole; null stays (an apply) or takes away (a merge patch). */
static void merge(struct val *into, struct val from, bool patch)
{
	for (size_t i = 0; i < val_count(from); i++) {
		struct str key = val_key_at(from, i);
		struct val value = val_value_at(from, i);

		if (patch && val_is_null(value))
			val_remove_str(into, key);
		else if (val_is_map(value) && val_is_map(val_get_str(*into, key)))
			merge(val_edit_str(into, key), value, patch);
		else
			val_set_str(into, key, val_ref(value));
	}
}

/* Replicas as a rollout leaves them, unless the scenario says otherwise. */
static struct val status_of(struct kube_server *server, const char *path, struct val object)
{
	struct val wishes = val_get(val_get(server->wishes, "status"), path), found = VAL_NULL;
	struct val replicas = val_get(val_get(object, "spec"), "replicas");
	static const char *const keys[] = { "replicas", "updatedReplicas", "readyReplicas",
		"availableReplicas", "fullyLabeledReplicas" };
	struct val status = val_map();

	for (size_t i = 0; i < val_count(wishes); i++) {
		if (val_get_int(val_at(wishes, i), "at", 0) <= elapsed(server))
			found = val_get(val_at(wishes, i), "status");
	}
	for (size_t i = 0; val_is_number(replicas) && i < sizeof(keys) / sizeof(keys[0]); i++)
		val_set(&status, keys[i], val_ref(replicas));
	if (strcmp(val_get_text(object, "kind", ""), "Pod") == 0)
		val_set(&status, "phase", val_string("Running"));
	val_set(&status, "observedGeneration",
		val_ref(val_get(val_get(object, "metadata"), "generation")));
	if (val_is_map(found)) {
		val_free(&status);
		return val_ref(found);
	}
	return status;
}

/* As a reader sees it; VAL_NULL when it is not, or no longer, there. */
static struct val seen(struct kube_server *server, const char *path)
{
	struct val object = val_ref(val_get(server->objects, path));
	struct val deleted = val_get(val_get(object, "metadata"), "deletionTimestamp");

	if (!val_is_map(object))
		return VAL_NULL;
	if (!val_is_null(deleted) &&
		elapsed(server) >= val_get_int(val_get(server->wishes, "gone"), path, 0)) {
		val_remove(&server->objects, path);
		val_free(&object);
		return VAL_NULL;
	}
	val_set(&object, "status", status_of(server, path, object));
	return object;
}

static void note_definition(struct kube_server *server, const char *path, struct val object)
{
	if (strcmp(val_get_text(object, "kind", ""), "CustomResourceDefinition") == 0 &&
		!val_has(server->served, path))
		val_set(&server->served, path,
			val_int(elapsed(server) + val_get_int(server->wishes, "definitions", 0)));
}

/* The namespace and the name of an object are those of its path. */
static void name_by_path(struct val *object, const char *path)
{
	struct str rest = str_of(path), part;
	bool next = false;

	while (str_split(&rest, '/', &part)) {
		if (next && rest.bytes)
			set_in(object, "namespace", val_str(part));
		next = str_is(part, "namespaces");
	}
	set_in(object, "name", val_string(strrchr(path, '/') + 1));
}

/* One more at PATH. */
static int count_up(struct val *counts, const char *path)
{
	int number = (int)val_get_int(*counts, path, 0) + 1;

	val_set(counts, path, val_int(number));
	return number;
}

/* Later than those that were there at the start, and than one of the same path. */
static void be_born(struct kube_server *server, const char *path, struct val *object)
{
	int number = server->beginning + count_up(&server->created, path);

	set_in(object, "uid", val_format("uid-%d", number));
	set_in(object, "creationTimestamp",
		val_format("2026-01-01T00:%02d:%02dZ", number / 60, number % 60));
	set_in(object, "generation", val_int(1));
}

/* Puts OBJECT (taken) at PATH; what the server knows better stays. */
static void store(struct kube_server *server, const char *path, struct val object)
{
	struct val old = val_get(server->objects, path), metadata = val_get(old, "metadata");
	static const char *const kept[] = { "uid", "creationTimestamp", "generation",
		"resourceVersion" };

	name_by_path(&object, path);
	if (val_has(object, "stringData")) { /* the real one encodes */
		val_set(&object, "data", val_ref(val_get(object, "stringData")));
		val_remove(&object, "stringData");
	}
	for (size_t i = 0; val_is_map(old) && i < sizeof(kept) / sizeof(kept[0]); i++)
		set_in(&object, kept[i], val_ref(val_get(metadata, kept[i])));
	if (!val_is_map(old)) {
		be_born(server, path, &object);
	} else if (!val_equal(val_get(old, "spec"), val_get(object, "spec"))) {
		set_in(&object, "generation", val_int(val_get_int(metadata, "generation", 0) + 1));
	}
	if (!val_equal(old, object))
		set_in(&object, "resourceVersion",
			val_format("%d", count_up(&server->written, path)));
	note_definition(server, path, object);
	val_set(&server->objects, path, object);
}

static bool serve_write(struct kube_server *server, const char *path, struct val body, bool whole,
	struct http_response *response)
{
	struct val rule = val_get(val_get(server->wishes, "reject"), path);
	_cleanup_(val_free) struct val there = seen(server, path);
	struct val object;
	bool fresh = !val_is_map(there);

	if (val_is_map(rule))
		return refuse(response, (int)val_get_int(rule, "code", 422),
			val_get_text(rule, "reason", "Invalid"), val_get_text(rule, "message", ""));
	object = whole || fresh ? val_ref(body) : val_ref(val_get(server->objects, path));
	if (!whole && !fresh)
		merge(&object, body, false);
	store(server, path, object);
	/* Without a status, which would be another one when it is sent again later. */
	return answer(response, fresh ? 201 : 200, val_get(server->objects, path));
}

/* The last step of a JSON pointer, without its escapes but "~0"; owned. */
static char *member_of(struct str step)
{
	char *member = xstrndup(step.bytes, step.length), *at = member;

	while ((at = strstr(at, "~1"))) {
		*at++ = '/';
		memmove(at, at + 1, strlen(at));
	}
	return member;
}

/* One step of a JSON Patch; false when its place is not there. */
static bool patch_step(struct val *object, struct val step)
{
	struct str path = str_of(val_get_text(step, "path", "")), part;
	bool removes = strcmp(val_get_text(step, "op", ""), "remove") == 0;
	struct val *where = object;

	str_split(&path, '/', &part);
	while (where && str_split(&path, '/', &part) && path.bytes)
		where = val_edit_str(where, part);
	_cleanup_free_ char *key = member_of(part);

	if (!where || (removes && !val_has(*where, key)))
		return false;
	if (removes)
		val_remove(where, key);
	else
		val_set(where, key, val_ref(val_get(step, "value")));
	return true;
}

/* Notes who sent operations, by fieldManager in QUERY. */
static void note_manager(struct val *object, const char *query)
{
	const char *manager = query ? strstr(query, "fieldManager=") : NULL;
	struct val list = VAL_NULL, entry = val_map();

	val_set(&entry, "manager", val_string(manager ? manager + strlen("fieldManager=") : ""));
	val_set(&entry, "operation", val_string("Update"));
	val_append(&list, entry);
	set_in(object, "managedFields", list);
}

static bool serve_patch(struct kube_server *server, const char *path, const char *query,
	struct val body, struct http_response *response)
{
	struct val old = val_get(server->objects, path);
	_cleanup_(val_free) struct val there = seen(server, path), object = val_ref(old);
	struct val version = val_get(val_get(old, "metadata"), "resourceVersion");

	if (!val_is_map(there))
		return refuse(response, 404, "NotFound", "not found");
	if (val_is_map(body))
		merge(&object, body, true);
	for (size_t i = 0; val_is_list(body) && i < val_count(body); i++) {
		if (!patch_step(&object, val_at(body, i)))
			return refuse(response, 422, "Invalid", "the place is not there");
	}
	if (!val_equal(version, val_get(val_get(object, "metadata"), "resourceVersion")))
		return refuse(response, 409, "Conflict", "the object has been modified");
	if (!val_equal(object, old)) {
		if (val_is_list(body))
			note_manager(&object, query);
		store(server, path, val_ref(object));
	}
	return answer(response, 200, val_get(server->objects, path));
}

static bool serve_delete(struct kube_server *server, const char *path, struct val body,
	struct http_response *response)
{
	_cleanup_(val_free) struct val there = seen(server, path);
	struct val uid = val_get(val_get(body, "preconditions"), "uid");
	int64_t until = val_get_int(val_get(server->wishes, "gone"), path, 0);

	if (!val_is_map(there))
		return refuse(response, 404, "NotFound", "not found");
	if (!val_is_null(uid) && !val_equal(uid, val_get(val_get(there, "metadata"), "uid")))
		return refuse(response, 409, "Conflict", "Precondition failed: UID in precondition");
	if (until <= elapsed(server))
		val_remove(&server->objects, path);
	else
		set_in(val_edit(&server->objects, path), "deletionTimestamp",
			val_string("2026-01-02T00:00:00Z"));
	return answer(response, 200, there);
}

/* The rules "key = value" of a labelSelector; others fit nothing here. */
static bool labels_fit(struct val object, struct str rules)
{
	struct val labels = val_get(val_get(object, "metadata"), "labels");
	struct str rule;

	while (str_split(&rules, ',', &rule)) {
		ptrdiff_t equals = str_find(rule, "=", 0);
		struct val label;

		if (equals < 0)
			return false;
		label = val_get_str(labels, str_trim(str_slice(rule, 0, (size_t)equals)));
		if (!val_is_string(label) ||
			!str_equal(val_as_str(&label),
				str_trim(str_slice(rule, (size_t)equals + 1, rule.length))))
			return false;
	}
	return true;
}

/* The value of labelSelector in QUERY, decoded; owned, "" = none. */
static char *selector_of(const char *query)
{
	const char *start = query ? strstr(query, "labelSelector=") : NULL;
	struct strbuf text = STRBUF_INIT(4096);

	for (start = start ? start + 14 : ""; *start && *start != '&'; start++) {
		unsigned code = (unsigned char)*start;

		if (*start == '%' && sscanf(start + 1, "%2x", &code) == 1)
			start += 2;
		strbuf_add_char(&text, (char)code);
	}
	return strbuf_detach(&text);
}

static bool serve_list(struct kube_server *server, const char *path, const char *query,
	struct http_response *response)
{
	_cleanup_free_ char *selector = selector_of(query);
	_cleanup_(val_free) struct val body = val_map();
	_cleanup_free_ char *start = xasprintf("%s/", path);
	struct val items = val_list(), metadata = val_map();

	for (size_t i = 0; i < val_count(server->objects); i++) {
		struct str key = val_key_at(server->objects, i);
		struct val object;

		if (!str_starts(key, start))
			continue;
		object = seen(server, key.bytes);
		if (val_is_map(object) && (!*selector || labels_fit(object, str_of(selector))))
			val_append(&items, object);
		else
			val_free(&object);
	}
	val_set(&metadata, "resourceVersion", val_string("1"));
	val_set(&body, "kind", val_string("List"));
	val_set(&body, "metadata", metadata);
	val_set(&body, "items", items);
	return answer(response, 200, body);
}

/* ---- requests --------------------------------------------------------------------------------- */

/* How many segments of PATH stand behind the group and version: one or three name a list, two or four an object. */
static size_t depth_of(struct str path)
{
	size_t count = 0, before = str_starts(path, "/apis/") ? 4 : 3;

	for (struct str part; str_split(&path, '/', &part);)
		count++;
	return count < before ? 0 : count - before;
}

static bool serve_object(struct kube_server *server, const struct http_request *request,
	const char *path, struct http_response *response)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val body = VAL_NULL, object = VAL_NULL;

	if (request->body.length && json_parse(request->body, NULL, NULL, &body, &err) < 0)
		return refuse(response, 400, "BadRequest", err_text(&err));
	if (strcmp(request->method, "DELETE") == 0)
		return serve_delete(server, path, body, response);
	if (strcmp(request->method, "PATCH") == 0 &&
		!strstr(val_get_text(request->headers, "Content-Type", ""), "apply-patch"))
		return serve_patch(server, path, strchr(request->url, '?'), body, response);
	if (strcmp(request->method, "PATCH") == 0 || strcmp(request->method, "PUT") == 0)
		return serve_write(server, path, body,
			*request->method == 'P' && request->method[1] == 'U', response);
	object = seen(server, path);
	if (!val_is_map(object))
		return refuse(response, 404, "NotFound", "not found");
	return answer(response, 200, object);
}

bool kube_server_serve(void *data, const struct http_request *request, struct http_response *response)
{
	struct kube_server *server = data;
	const char *query = strchr(request->url, '?');
	size_t length = query ? (size_t)(query - request->url) : strlen(request->url);
	_cleanup_free_ char *path = NULL;
	size_t depth;

	if (strncmp(request->url, ORIGIN "/", sizeof(ORIGIN)) != 0)
		return false;
	path = xstrndup(request->url + sizeof(ORIGIN) - 1, length - (sizeof(ORIGIN) - 1));
	if (strcmp(path, "/api") == 0) {
		_cleanup_(val_free) struct val body = val_map();
		struct val versions = val_list();

		val_append(&versions, val_string("v1"));
		val_set(&body, "kind", val_string("APIVersions"));
		val_set(&body, "versions", versions);
		return answer(response, 200, body);
	}
	if (strcmp(path, "/apis") == 0)
		return serve_groups(server, response);
	if (length > 6 && str_ends(str_of(path), "/scale")) /* its body is a part of the object's */
		path[strlen(path) - strlen("/scale")] = 0;
	depth = depth_of(str_of(path));
	if (depth == 0)
		return serve_resources(server, path, response);
	if (depth % 2 == 1)
		return serve_list(server, path, query, response);
	return serve_object(server, request, path, response);
}

/* ---- beginning and end ------------------------------------------------------------------------ */

static char *path_of(struct val object)
{
	const char *version = val_get_text(object, "apiVersion", "");
	struct val metadata = val_get(object, "metadata");
	const char *namespace = val_get_text(metadata, "namespace", "");
	_cleanup_free_ char *start = xasprintf(
		"%s/%s", strchr(version, '/') ? "/apis" : "/api", version);

	for (const struct served *row = all_served; row->kind; row++) {
		if (strcmp(row->group_version, start) == 0 &&
			strcmp(row->kind, val_get_text(object, "kind", "")) == 0)
			return xasprintf("%s%s%s/%s/%s", start, *namespace ? "/namespaces/" : "",
				namespace, row->plural, val_get_text(metadata, "name", ""));
	}
	fail_msg("no such kind here: %s", val_get_text(object, "kind", ""));
	return NULL;
}

void *kube_server_new(struct clock *clock, struct val document)
{
	struct kube_server *server = xnew(struct kube_server);
	struct val objects = val_get(val_get(document, "cluster"), "objects");

	server->clock = clock;
	server->start_ms = clock_now_ms(clock);
	server->wishes = val_ref(val_get(document, "cluster"));
	server->objects = val_map();
	server->served = val_map();
	server->created = val_map();
	server->written = val_map();
	for (size_t i = 0; i < val_count(objects); i++) {
		_cleanup_free_ char *path = path_of(val_at(objects, i));

		store(server, path, val_ref(val_at(objects, i)));
		server->beginning++;
	}
	val_replace(&server->created, val_map());
	return server;
}

void kube_server_free(void *data)
{
	struct kube_server *server = data;

	val_free(&server->wishes);
	val_free(&server->objects);
	val_free(&server->served);
	val_free(&server->created);
	val_free(&server->written);
	free(server);
}

/* When a restart was asked for is not the same in every life; that it was shows in the generation. */
static void hide_restart(struct val *object)
{
	struct val template = val_get(val_get(*object, "spec"), "template");
	static const char key[] = "kubectl.kubernetes.io/restartedAt";

	if (val_has(val_get(val_get(template, "metadata"), "annotations"), key))
		val_set(val_edit(val_edit(val_edit(val_edit(object, "spec"), "template"), "metadata"),
				"annotations"),
			key, val_string("some time"));
}

struct val kube_server_state(void *data)
{
	struct kube_server *server = data;
	static const char *const hidden[] = { "resourceVersion", "creationTimestamp",
		"managedFields" };
	struct val state = val_map();

	for (size_t i = 0; i < val_count(server->objects); i++) {
		_cleanup_free_ char *path = xstrdup(val_key_at(server->objects, i).bytes);
		struct val object = val_ref(val_get(server->objects, path));

		for (size_t j = 0; j < sizeof(hidden) / sizeof(hidden[0]); j++)
			val_remove(val_edit(&object, "metadata"), hidden[j]);
		hide_restart(&object);
		val_set(&state, path, object);
	}
	return state;
}
