/*
 * Verbs on objects (kubernetes.md 9.1). Each is a path, a body and a sentence that says what was tried.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define MANAGER_QUERY "fieldManager=" KUBERNETES_FIELD_MANAGER
#define APPLY_PATCH "application/apply-patch+yaml"

const char *kube_effective_namespace(const struct kube_account *account,
	const struct kube_resource *resource, const char *namespace)
{
	if (!resource->namespaced)
		return "";
	return namespace && *namespace ? namespace : kube_account_namespace(account);
}

static void add_segment(struct strbuf *path, const char *segment)
{
	strbuf_add_char(path, '/');
	url_encode(path, str_of(segment));
}

char *kube_path(const struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource)
{
	struct strbuf path = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);
	const char *effective = kube_effective_namespace(account, resource, namespace);

	strbuf_add_text(&path, *resource->group ? "/apis" : "/api");
	if (*resource->group)
		add_segment(&path, resource->group);
	add_segment(&path, resource->version);
	if (*effective) {
		strbuf_add_text(&path, "/namespaces");
		add_segment(&path, effective);
	}
	add_segment(&path, resource->plural);
	if (name)
		add_segment(&path, name);
	if (subresource && *subresource)
		add_segment(&path, subresource);
	return strbuf_detach(&path);
}

/* Who it was about: for errors. */
struct subject {
	struct kube_account *account;
	const struct kube_resource *resource;
	const char *namespace;
	const char *name; /* NULL = all */
};

static int failed(struct err *err, const char *verb, const struct subject *subject)
{
	const char *namespace = kube_effective_namespace(
		subject->account, subject->resource, subject->namespace);
	const char *name = subject->name ? subject->name : "";

	return err_wrap(err, "%s %s%s%s%s%s", verb, subject->resource->kind, *name ? " " : "", name,
		*namespace ? " in namespace " : "", namespace);
}

/* The name of MANIFEST into *RET, borrowed. */
static int manifest_name(struct val manifest, const char *verb,
	const struct kube_resource *resource, const char **ret, struct err *err)
{
	struct val metadata = val_get(manifest, "metadata");

	*ret = val_get_text(metadata, "name", "");
	if (!**ret)
		return err_set(err, ERR_INVALID, "%s %s: the manifest has no metadata.name", verb,
			resource->kind);
	return 0;
}

/* A 404 about the path, not the object: what we know of the server's kinds is out of date. */
static bool look_at_missing(struct kube_account *account, const struct err *err)
{
	bool missing = err->kind == ERR_NOT_FOUND && !*kube_error_reason(err);

	if (missing)
		kube_forget_resources(account);
	return missing;
}

/*
 * After a call about RESOURCE that failed: the kind as the server serves it by now, when that is another version, and *ERR cleared; else
 * NULL. An object that is only elsewhere must not be taken for one that is gone.
 */
static const struct kube_resource *moved(struct kube_account *account,
	const struct kube_resource *resource, struct cancel *cancel, struct err *err)
{
	_cleanup_free_ char *kind = kind_text(str_of(resource->kind), str_of(resource->group));
	_cleanup_err_ struct err unknown = ERR_INIT;
	const struct kube_resource *now = NULL;

	if (!look_at_missing(account, err) ||
		kube_find_resource(account, NULL, kind, cancel, &now, &unknown) < 0 ||
		(strcmp(now->group, resource->group) == 0 &&
			strcmp(now->version, resource->version) == 0))
		return NULL;
	err_clear(err);
	return now;
}

/* kube_send with a JSON body. */
static int send_value(struct kube_account *account, struct kube_request *request, struct val body,
	struct val *ret, struct val *ret_warnings, struct err *err)
{
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	int done;

	request->body = str_of(text);
	if (!request->content_type)
		request->content_type = "application/json";
	done = kube_send(account, request, ret, ret_warnings, err);
	if (done < 0)
		look_at_missing(account, err);
	return done;
}

/* A write: what came back is noted for the watch, and handed on. */
static int send_write(struct kube_account *account, struct kube_request *request, struct val body,
	const struct subject *subject, struct val *ret, struct val *ret_warnings, struct err *err)
{
	_cleanup_(val_free) struct val object = VAL_NULL;

	if (send_value(account, request, body, &object, ret_warnings, err) < 0)
		return -1;
	if (subject->name)
		kube_watch_expect(
			account, subject->resource, subject->namespace, subject->name, object);
	if (ret)
		*ret = take(&object);
	return 0;
}

int kube_get(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct val *ret,
	struct err *err)
{
	_cleanup_free_ char *path = kube_path(account, resource, namespace, name, NULL);
	struct kube_request request = {
		.method = "GET", .path = path, .owners = true, .repeatable = true, .cancel = cancel
	};

	if (kube_send(account, &request, ret, NULL, err) < 0) {
		const struct kube_resource *now = moved(account, resource, cancel, err);

		return now ?
			kube_get(account, now, namespace, name, cancel, ret, err) :
			failed(err, "get", &(struct subject){ account, resource, namespace, name });
	}
	return 0;
}

/* Items of a list carry neither apiVersion nor kind, or those of PartialObjectMetadata: they get them from RESOURCE. */
static void add_items(struct val *list, struct val page, const struct kube_resource *resource)
{
	struct val items = val_get(page, "items");

	for (size_t i = 0; i < val_count(items); i++) {
		struct val item = val_ref(val_at(items, i));

		val_set(&item, "apiVersion",
			*resource->group ? val_format("%s/%s", resource->group, resource->version) :
					   val_string(resource->version));
		val_set(&item, "kind", val_string(resource->kind));
		val_append(list, item);
	}
}

/* "limit=500&labelSelector=…&continue=…"; owned. LIMIT 0 = everything in one answer. */
static char *list_query(const char *selector, const char *token, int limit)
{
	struct strbuf query = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);

	if (limit)
		strbuf_printf(&query, "limit=%d", limit);
	if (selector && *selector) {
		strbuf_printf(&query, "%slabelSelector=", query.length ? "&" : "");
		url_encode(&query, str_of(selector));
	}
	if (*token) {
		strbuf_printf(&query, "%scontinue=", query.length ? "&" : "");
		url_encode(&query, str_of(token));
	}
	return strbuf_detach(&query);
}

/* Page after page into *LIST; *VERSION is that of the last, which is the same for all. */
static int list_pages(struct kube_account *account, struct kube_request *request,
	const struct kube_resource *resource, const char *selector, int limit, struct val *list,
	struct val *version, struct err *err)
{
	_cleanup_free_ char *token = xstrdup("");

	do {
		_cleanup_(val_free) struct val page = VAL_NULL;
		_cleanup_free_ char *query = list_query(selector, token, limit);
		struct val metadata;

		request->query = *query ? query : NULL;
		if (kube_send(account, request, &page, NULL, err) < 0)
			return -1;
		add_items(list, page, resource);
		metadata = val_get(page, "metadata");
		free(token);
		token = xstrdup(val_get_text(metadata, "continue", ""));
		val_replace(version, val_ref(val_get(metadata, "resourceVersion")));
	} while (*token);
	return 0;
}

/* All pages, of PAGE objects, of the list that REQUEST (without its path) asks for. */
static int list_all(struct kube_account *account, struct kube_request *request,
	const struct kube_resource *resource, const char *namespace, const char *selector, int page,
	struct val *ret_list, char **ret_version, struct err *err)
{
	_cleanup_free_ char *path = kube_path(account, resource, namespace, NULL, NULL);
	_cleanup_(val_free) struct val list = val_list();
	_cleanup_(val_free) struct val version = VAL_NULL;
	int done;

	request->method = "GET";
	request->path = path;
	request->repeatable = true;
	done = list_pages(account, request, resource, selector, page, &list, &version, err);
	/* The continue token was too old: everything at once then. */
	if (done < 0 && kube_error_status(err) == 410) {
		val_replace(&list, val_list());
		done = list_pages(account, request, resource, selector, 0, &list, &version, err);
	}
	if (done < 0) {
		const struct kube_resource *now = moved(account, resource, request->cancel, err);

		return now ?
			list_all(account, request, now, namespace, selector, page, ret_list,
				ret_version, err) :
			failed(err, "list", &(struct subject){ account, resource, namespace, NULL });
	}
	*ret_list = take(&list);
	if (ret_version)
		*ret_version = xstrdup(val_is_string(version) ? val_text(&version) : "");
	return 0;
}

int kube_list_at(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *selector, struct cancel *cancel, struct val *ret_list,
	char **ret_version, struct err *err)
{
	struct kube_request request = { .cancel = cancel };

	return list_all(account, &request, resource, namespace, selector,
		LIMIT_KUBERNETES_LIST_PAGE, ret_list, ret_version, err);
}

int kube_list(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *selector, struct cancel *cancel, struct val *ret_list,
	struct err *err)
{
	return kube_list_at(account, resource, namespace, selector, cancel, ret_list, NULL, err);
}

int kube_list_metadata(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct cancel *cancel, struct val *ret_list, struct err *err)
{
	struct kube_request request = {
		.accept = KUBE_ONLY_METADATA_LIST, .owners = true, .cancel = cancel
	};

	return list_all(account, &request, resource, namespace, NULL,
		LIMIT_KUBERNETES_METADATA_PAGE, ret_list, NULL, err);
}

/* A forced apply meets a 409 without causes only when it raced with a creation or a deletion. */
static bool is_apply_race(const struct err *err, struct val manifest)
{
	return err->kind == ERR_CONFLICT && !kube_error_has_causes(err) &&
		!val_has(val_get(manifest, "metadata"), "resourceVersion");
}

int kube_apply(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, unsigned flags, struct cancel *cancel,
	struct val *ret, struct val *ret_warnings, struct err *err)
{
	const char *name;

	if (manifest_name(manifest, "apply", resource, &name, err) < 0)
		return -1;
	bool compares = kube_account_compares(account) && !(flags & KUBE_APPLY_BY_SERVER);

	if (compares)
		return kube_apply_client_side(
			account, resource, namespace, name, manifest, cancel, ret, err);
	struct subject subject = { account, resource, namespace, name };
	_cleanup_free_ char *path = kube_path(account, resource, namespace, name, NULL);
	struct kube_request request = {
		.method = "PATCH",
		.path = path,
		.query = flags & KUBE_APPLY_FORCE ? MANAGER_QUERY "&force=true" : MANAGER_QUERY,
		.content_type = APPLY_PATCH,
		.repeatable = true,
		.cancel = cancel,
	};

	for (int number = 0;; number++) {
		if (!(flags & KUBE_APPLY_OURS) &&
			kube_migrate_managers(account, resource, namespace, name, cancel, err) < 0)
			return failed(err, "apply", &subject);
		if (send_write(account, &request, manifest, &subject, ret, ret_warnings, err) == 0)
			return 0;
		if (account->config.apply_mode == APPLY_AUTO && !(flags & KUBE_APPLY_BY_SERVER) &&
			kube_apply_needs_client(err)) {
			err_clear(err);
			return kube_apply_client_side(
				account, resource, namespace, name, manifest, cancel, ret, err);
		}
		if (number + 1 >= LIMIT_KUBERNETES_CONFLICTS || !is_apply_race(err, manifest))
			return failed(err, "apply", &subject);
	}
}

int kube_create(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, struct cancel *cancel, struct val *ret,
	struct err *err)
{
	const char *name = val_get_text(val_get(manifest, "metadata"), "name", NULL);
	struct subject subject = { account, resource, namespace, name };
	_cleanup_free_ char *path = kube_path(account, resource, namespace, NULL, NULL);
	struct kube_request request = {
		.method = "POST",
		.path = path,
		.query = MANAGER_QUERY,
		.cancel = cancel,
	};

	if (send_write(account, &request, manifest, &subject, ret, NULL, err) < 0)
		return failed(err, "create", &subject);
	return 0;
}

/* Sends MANIFEST as it is: to the object's PATH by PUT, or to the collection by POST. */
static int replace_send(const struct subject *subject, const char *method, struct val manifest,
	struct cancel *cancel, struct val *ret, struct err *err)
{
	bool put = strcmp(method, "PUT") == 0;
	_cleanup_free_ char *path = kube_path(subject->account, subject->resource,
		subject->namespace, put ? subject->name : NULL, NULL);
	struct kube_request request = {
		.method = method,
		.path = path,
		.query = MANAGER_QUERY,
		.repeatable = put,
		.cancel = cancel,
	};

	return send_write(subject->account, &request, manifest, subject, ret, NULL, err);
}

/* One PUT with the live object's resourceVersion, or a POST when there is no live object. */
static int replace_once(const struct subject *subject, struct val manifest, struct cancel *cancel,
	struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val live = VAL_NULL;
	_cleanup_(val_free) struct val body = val_ref(manifest);

	if (val_has(val_get(manifest, "metadata"), "resourceVersion"))
		return replace_send(subject, "PUT", manifest, cancel, ret, err);
	if (kube_get(subject->account, subject->resource, subject->namespace, subject->name, cancel,
		    &live, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return replace_send(subject, "POST", manifest, cancel, ret, err);
	}
	val_set(val_edit(&body, "metadata"), "resourceVersion",
		val_ref(val_path(live, "metadata.resourceVersion")));
	return replace_send(subject, "PUT", body, cancel, ret, err);
}

int kube_replace(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, struct cancel *cancel, struct val *ret,
	struct err *err)
{
	const char *name;

	if (manifest_name(manifest, "replace", resource, &name, err) < 0)
		return -1;
	struct subject subject = { account, resource, namespace, name };
	bool versioned = val_has(val_get(manifest, "metadata"), "resourceVersion");

	for (int number = 0;; number++) {
		if (replace_once(&subject, manifest, cancel, ret, err) == 0)
			return 0;
		if (versioned || err->kind != ERR_CONFLICT || number + 1 >= LIMIT_KUBERNETES_CONFLICTS)
			return failed(err, "replace", &subject);
	}
}

int kube_patch(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource, const char *type,
	struct val patch, struct cancel *cancel, struct val *ret, struct err *err)
{
	return kube_patch_as(account, resource, namespace, name, subresource, type,
		KUBERNETES_FIELD_MANAGER, patch, cancel, ret, err);
}

int kube_patch_as(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource, const char *type,
	const char *manager, struct val patch, struct cancel *cancel, struct val *ret,
	struct err *err)
{
	_cleanup_free_ char *query = xasprintf("fieldManager=%s", manager);
	struct subject subject = { account, resource, namespace, name };
	_cleanup_free_ char *path = kube_path(account, resource, namespace, name, subresource);
	struct kube_request request = {
		.method = "PATCH",
		.path = path,
		.query = query,
		.content_type = type,
		.repeatable = strcmp(type, "application/json-patch+json") != 0,
		.cancel = cancel,
	};

	if (send_write(account, &request, patch, &subject, ret, NULL, err) < 0) {
		const struct kube_resource *now = moved(account, resource, cancel, err);

		return now ? kube_patch_as(account, now, namespace, name, subresource, type,
				     manager, patch, cancel, ret, err) :
			     failed(err, "patch", &subject);
	}
	return 0;
}

int kube_delete(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val options, struct cancel *cancel,
	struct val *ret, struct err *err)
{
	struct subject subject = { account, resource, namespace, name };
	_cleanup_free_ char *path = kube_path(account, resource, namespace, name, NULL);
	_cleanup_(val_free) struct val body = val_map();
	struct kube_request request = {
		.method = "DELETE",
		.path = path,
		.repeatable = true,
		.cancel = cancel,
	};

	val_set(&body, "apiVersion", val_string("v1"));
	val_set(&body, "kind", val_string("DeleteOptions"));
	val_merge(&body, options);
	if (send_value(account, &request, body, ret, NULL, err) < 0) {
		const struct kube_resource *now = moved(account, resource, cancel, err);

		return now ? kube_delete(account, now, namespace, name, options, cancel, ret, err) :
			     failed(err, "delete", &subject);
	}
	return 0;
}

int kube_call(struct kube_account *account, const char *method, const char *path, const char *query,
	const char *content_type, struct val body, struct cancel *cancel, struct val *ret,
	struct err *err)
{
	struct kube_request request = {
		.method = method,
		.path = path,
		.query = query,
		.content_type = content_type,
		.owners = true,
		.repeatable = strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0,
		.cancel = cancel,
	};
	int done = val_is_null(body) ? kube_send(account, &request, ret, NULL, err) :
				       send_value(account, &request, body, ret, NULL, err);

	return done < 0 ? err_wrap(err, "%s %s", method, path) : 0;
}
