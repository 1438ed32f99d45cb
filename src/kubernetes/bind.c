#include "kubernetes/bind.h"

#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"

/* Where an artifact of a type may stand; "[]" = each item of a list. */
struct slot {
	const char *type;
	const char *path;
	bool image; /* compared without tag and digest */
};

/* Below spec.template.spec, wherever in the object that is. */
static const struct slot workload_slots[] = {
	{ "docker/image", .path = "containers[].image", .image = true },
	{ "docker/image", .path = "initContainers[].image", .image = true },
	{ "kubernetes/configMap", .path = "volumes[].configMap.name" },
	{ "kubernetes/secret", .path = "volumes[].secret.secretName" },
	{ "kubernetes/configMap", .path = "volumes[].projected.sources[].configMap.name" },
	{ "kubernetes/secret", .path = "volumes[].projected.sources[].secret.name" },
	{ "kubernetes/configMap", .path = "containers[].envFrom[].configMapRef.name" },
	{ "kubernetes/configMap", .path = "initContainers[].envFrom[].configMapRef.name" },
	{ "kubernetes/secret", .path = "containers[].envFrom[].secretRef.name" },
	{ "kubernetes/secret", .path = "initContainers[].envFrom[].secretRef.name" },
	{ "kubernetes/configMap", .path = "containers[].env[].valueFrom.configMapKeyRef.name" },
	{ "kubernetes/configMap", .path = "initContainers[].env[].valueFrom.configMapKeyRef.name" },
	{ "kubernetes/secret", .path = "containers[].env[].valueFrom.secretKeyRef.name" },
	{ "kubernetes/secret", .path = "initContainers[].env[].valueFrom.secretKeyRef.name" },
	{ "kubernetes/secret", .path = "imagePullSecrets[].name" },
	{ 0 },
};

/* Of a bare Pod: the whole text, and no init containers. */
static const struct slot pod_slots[] = {
	{ "docker/image", .path = "spec.containers[].image" },
	{ 0 },
};

static const struct slot deployment_target[] = {
	{ "kubernetes/deployment", .path = "spec.scaleTargetRef.name" },
	{ 0 },
};

static const struct slot replica_set_target[] = {
	{ "kubernetes/replicaSet", .path = "spec.scaleTargetRef.name" },
	{ 0 },
};

struct binding {
	struct val candidates;
	const char *account;
	char *namespace;
	struct val *bound;
	const struct slot *slot;
	struct val *found; /* the slots are read into this list instead; NULL = they are filled */
};

char *image_name(const char *image)
{
	const char *at = strchr(image, '@');
	const char *slash, *colon;

	if (at)
		return xstrndup(image, (size_t)(at - image));
	slash = strrchr(image, '/');
	colon = strrchr(image, ':');
	if (!colon || (slash && colon < slash)) /* the port of a registry */
		return xstrdup(image);
	return xstrndup(image, (size_t)(colon - image));
}

/* What differs most comes first. */
static bool same_key(struct val a, struct val b)
{
	static const char *const keys[] = { "name", "type", "location" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct val left = val_get(a, keys[i]), right = val_get(b, keys[i]);

		if (!str_equal(val_as_str(&left), val_as_str(&right)))
			return false;
	}
	return true;
}

static bool holds_key(struct val list, struct val artifact, size_t *ret_index)
{
	for (size_t i = 0; i < val_count(list); i++) {
		if (same_key(val_at(list, i), artifact)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* Type, name and location as one text; owned. */
static char *key_text(struct val artifact)
{
	return xasprintf("%s\n%s\n%s", val_get_text(artifact, "type", ""),
		val_get_text(artifact, "name", ""), val_get_text(artifact, "location", ""));
}

/* The keys of all in LIST; owned. */
static struct val keys_of(struct val list)
{
	struct val known = val_map();

	for (size_t i = 0; i < val_count(list); i++) {
		_cleanup_free_ char *key = key_text(val_at(list, i));

		val_set(&known, key, val_bool(true));
	}
	return known;
}

void artifacts_put(struct val *list, struct val *known, struct val artifact)
{
	_cleanup_free_ char *key = key_text(artifact);
	size_t index;

	if (val_is_null(*known))
		*known = keys_of(*list);
	while (val_has(*known, key) && holds_key(*list, artifact, &index))
		val_list_remove(list, index);
	val_set(known, key, val_bool(true));
	val_append(list, artifact);
}

void artifacts_add(struct val *list, struct val artifact)
{
	size_t index;

	if (holds_key(*list, artifact, &index))
		val_free(&artifact);
	else
		val_append(list, artifact);
}

static bool may_bind(const struct binding *binding, struct val artifact)
{
	const char *account = val_get_text(val_get(artifact, "metadata"), "account", "");

	if (strcmp(val_get_text(artifact, "type", ""), binding->slot->type) != 0)
		return false;
	if (strncmp(binding->slot->type, "kubernetes/", 11) != 0)
		return true;
	return strcmp(val_get_text(artifact, "location", ""), binding->namespace) == 0 &&
		(!*account || strcmp(account, binding->account) == 0);
}

static void add_bound(struct val *bound, struct val artifact)
{
	for (size_t i = 0; i < val_count(*bound); i++) {
		if (val_equal(val_at(*bound, i), artifact))
			return;
	}
	val_append(bound, val_ref(artifact));
}

static void add_found(const struct binding *binding, const char *name, struct val reference)
{
	_cleanup_(val_free) struct val artifact = val_map();

	val_set(&artifact, "type", val_string(binding->slot->type));
	val_set(&artifact, "name", val_string(name));
	val_set(&artifact, "reference", val_ref(reference));
	add_bound(binding->found, artifact);
}

static void bind_value(const struct binding *binding, struct val *where)
{
	_cleanup_free_ char *name = NULL;

	if (!val_is_string(*where))
		return;
	name = binding->slot->image ? image_name(val_text(where)) : xstrdup(val_text(where));
	if (binding->found)
		add_found(binding, name, *where);
	for (size_t i = 0; i < val_count(binding->candidates); i++) {
		struct val artifact = val_at(binding->candidates, i);
		struct val reference = val_get(artifact, "reference");

		if (!may_bind(binding, artifact) || !val_is_string(reference) ||
			strcmp(val_get_text(artifact, "name", ""), name) != 0)
			continue;
		val_replace(where, val_ref(reference));
		add_bound(binding->bound, artifact);
		return;
	}
}

static void bind_path(const struct binding *binding, struct val *where, struct str path)
{
	struct str part;
	bool each;

	if (!path.length) {
		bind_value(binding, where);
		return;
	}
	str_split(&path, '.', &part);
	each = str_ends(part, "[]");
	if (each)
		part.length -= 2;
	if (!val_is_map(*where) || !val_has_str(*where, part))
		return;
	where = val_edit_str(where, part);
	if (!each) {
		bind_path(binding, where, path);
		return;
	}
	for (size_t i = 0; val_is_list(*where) && i < val_count(*where); i++)
		bind_path(binding, val_edit_at(where, i), path);
}

static void bind_slots(struct binding *binding, const struct slot *slots, struct val *where)
{
	for (; slots->type; slots++) {
		binding->slot = slots;
		bind_path(binding, where, str_of(slots->path));
	}
}

/* Every spec.template.spec, at any depth. */
static void bind_templates(struct binding *binding, struct val *where)
{
	struct val template;

	if (!val_is_map(*where) && !val_is_list(*where))
		return;
	template = val_get(val_get(*where, "spec"), "template");
	if (val_is_map(val_get(template, "spec")))
		bind_slots(binding, workload_slots,
			val_edit(val_edit(val_edit(where, "spec"), "template"), "spec"));
	for (size_t i = 0; i < val_count(*where); i++)
		bind_templates(binding, val_edit_at(where, i));
}

static void bind_autoscaler(struct binding *binding, struct val *manifest)
{
	const char *kind = val_get_text(
		val_get(val_get(*manifest, "spec"), "scaleTargetRef"), "kind", "");

	if (strcmp(kind, "Deployment") == 0 || strcmp(kind, "deployment") == 0)
		bind_slots(binding, deployment_target, manifest);
	if (strcmp(kind, "ReplicaSet") == 0 || strcmp(kind, "replicaSet") == 0)
		bind_slots(binding, replica_set_target, manifest);
}

/* In the slots of MANIFEST's kind. */
static void bind_manifest(struct binding *binding, struct val *manifest)
{
	const struct kind *kind = manifest_kind(*manifest);

	if (!kind->name)
		return;
	if (kind->workload)
		bind_templates(binding, manifest);
	else if (strcmp(kind->name, "pod") == 0)
		bind_slots(binding, pod_slots, manifest);
	else if (strcmp(kind->name, "horizontalpodautoscaler") == 0)
		bind_autoscaler(binding, manifest);
}

void manifest_bind(struct val *manifest, struct val candidates, const char *account, struct val *bound)
{
	_cleanup_free_ char *namespace = xstrdup(manifest_namespace(*manifest));
	struct binding binding = {
		.candidates = candidates, .account = account, .namespace = namespace, .bound = bound
	};

	if (!val_is_list(*bound))
		val_replace(bound, val_list());
	if (val_count(candidates) > 0)
		bind_manifest(&binding, manifest);
}

struct val manifest_slots(struct val manifest)
{
	_cleanup_(val_free) struct val copy = val_ref(manifest);
	struct val list = val_list();
	struct binding binding = { .found = &list };

	bind_manifest(&binding, &copy);
	return list;
}
