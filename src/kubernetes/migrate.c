/*
 * Before our first server-side apply of an object that was made by client-side apply (kubectl, Spinnaker): fields of such
 * a manager are not removed when a manifest drops them, because it still owns them. So its ownership becomes ours
 * (kubernetes.md 9.3; the same as client-go's csaupgrade).
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define LAST_APPLIED "f:kubectl.kubernetes.io/last-applied-configuration"

static bool is_plain(struct val entry, const char *operation)
{
	return strcmp(val_get_text(entry, "operation", ""), operation) == 0 &&
		!*val_get_text(entry, "subresource", "");
}

/* A client-side apply: by its name, or because it wrote the annotation. */
static bool is_legacy(struct val entry)
{
	const char *manager = val_get_text(entry, "manager", "");
	struct val annotations = val_path(entry, "fieldsV1.f:metadata.f:annotations");

	return is_plain(entry, "Update") &&
		(strcmp(manager, "kubectl-client-side-apply") == 0 ||
			strcmp(manager, "before-first-apply") == 0 ||
			val_has(annotations, LAST_APPLIED));
}

bool kube_is_client_side_applied(struct val object)
{
	struct val managers = val_path(object, "metadata.managedFields");

	for (size_t i = 0; i < val_count(managers); i++) {
		if (is_legacy(val_at(managers, i)))
			return true;
	}
	return false;
}

static bool is_ours(struct val entry)
{
	return is_plain(entry, "Apply") &&
		strcmp(val_get_text(entry, "manager", ""), KUBERNETES_FIELD_MANAGER) == 0;
}

/* All fields of both sets; owned. */
static struct val fields_union(struct val a, struct val b)
{
	struct val all = val_is_map(a) ? val_ref(a) : val_map();

	for (size_t i = 0; i < val_count(b); i++) {
		struct str key = val_key_at(b, i);

		val_set_str(&all, key, fields_union(val_get_str(a, key), val_value_at(b, i)));
	}
	return all;
}

/* MANAGERS with the legacy ones merged into ours; VAL_NULL when there is nothing to do. Owned. */
static struct val migrated(struct val managers)
{
	_cleanup_(val_free) struct val others = val_list();
	_cleanup_(val_free) struct val ours = VAL_NULL;
	_cleanup_(val_free) struct val fields = VAL_NULL;
	size_t legacy = 0;

	for (size_t i = 0; i < val_count(managers); i++) {
		struct val entry = val_at(managers, i);

		if (!is_legacy(entry) && !is_ours(entry)) {
			val_append(&others, val_ref(entry));
			continue;
		}
		legacy += is_legacy(entry);
		if (val_is_null(ours) || is_ours(entry))
			val_replace(&ours, val_ref(entry));
		val_replace(&fields, fields_union(fields, val_get(entry, "fieldsV1")));
	}
	if (!legacy)
		return VAL_NULL;
	val_set(&ours, "manager", val_string(KUBERNETES_FIELD_MANAGER));
	val_set(&ours, "operation", val_string("Apply"));
	val_set(&ours, "fieldsV1", take(&fields));
	val_append(&others, take(&ours));
	return take(&others);
}

static void add_replace(struct val *patch, const char *path, struct val value)
{
	struct val step = val_map();

	val_set(&step, "op", val_string("replace"));
	val_set(&step, "path", val_string(path));
	val_set(&step, "value", value);
	val_append(patch, step);
}

/* Writes MANAGERS (taken) if the object has not changed since LIVE was read: a stale resourceVersion is a 409. */
static int write_managers(struct kube_account *account, const char *path, struct val live,
	struct val managers, struct cancel *cancel, struct err *err)
{
	_cleanup_(val_free) struct val patch = val_list();
	struct kube_request request = {
		.method = "PATCH",
		.path = path,
		.query = "fieldManager=" KUBERNETES_FIELD_MANAGER,
		.content_type = "application/json-patch+json",
		.repeatable = true, /* the second would be a 409 */
		.cancel = cancel,
	};

	add_replace(&patch, "/metadata/managedFields", managers);
	add_replace(&patch, "/metadata/resourceVersion",
		val_ref(val_path(live, "metadata.resourceVersion")));
	_cleanup_free_ char *body = json_text(patch, JSON_COMPACT);
	request.body = str_of(body);
	return kube_send(account, &request, NULL, NULL, err);
}

int kube_migrate_managers(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct err *err)
{
	_cleanup_free_ char *path = kube_path(account, resource, namespace, name, NULL);
	struct kube_request get = {
		.method = "GET",
		.path = path,
		.accept = KUBE_ONLY_METADATA,
		.owners = true,
		.repeatable = true,
		.cancel = cancel,
	};

	for (int number = 0;; number++) {
		_cleanup_(val_free) struct val live = VAL_NULL;
		struct val managers;

		if (kube_send(account, &get, &live, NULL, err) < 0) {
			/* A new object, or one that may be written but not read. */
			if (err->kind != ERR_NOT_FOUND && err->kind != ERR_DENIED)
				return -1;
			err_clear(err);
			return 0;
		}
		managers = migrated(val_path(live, "metadata.managedFields"));
		if (val_is_null(managers) ||
			write_managers(account, path, live, managers, cancel, err) == 0)
			return 0;
		if (err->kind != ERR_CONFLICT || number + 1 >= LIMIT_KUBERNETES_CONFLICTS)
			return err_wrap(err, "take over the fields of client-side apply");
	}
}
