#include "kubernetes/clean_up.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/version.h"

/* How many versions of MANIFEST stay, by its annotation; -1 = it has none. */
static int read_history(struct val manifest, int64_t *ret, struct err *err)
{
	_cleanup_free_ char *text = manifest_annotation_text(manifest, MAX_VERSION_HISTORY);

	*ret = -1;
	if (!text || (str_to_int(str_of(text), ret) && *ret >= 0))
		return 0;
	return err_set(err, ERR_INVALID,
		"metadata.annotations.%s: expected a number from 0 on, got \"%s\"",
		MAX_VERSION_HISTORY, text);
}

int clean_up_check(struct val manifest, struct err *err)
{
	int64_t keep;

	return read_history(manifest, &keep, err);
}

/* An annotation's text, else the OTHER (taken); owned. */
static char *annotation_or(struct val manifest, const char *key, char *other)
{
	char *text = manifest_annotation_text(manifest, key);

	if (!text)
		return other;
	free(other);
	return text;
}

/* How many versions of MANIFEST stay; false: nothing is said of it that can be read, or it was deployed without a version. */
static bool history_of(struct val manifest, int64_t *ret)
{
	_cleanup_err_ struct err ignored = ERR_INIT;
	_cleanup_free_ char *version = manifest_annotation_text(
		manifest, "artifact.spinnaker.io/version");
	int64_t number;

	return read_history(manifest, ret, &ignored) == 0 && *ret >= 0 &&
		(!version || version_number(version, &number));
}

/* Adds the versions to *LIST that are too many of what MANIFEST is one of. */
static void add_targets(struct val manifest, struct val live, int64_t keep, struct val *list)
{
	_cleanup_free_ char *kind = manifest_kind_text(manifest);
	_cleanup_free_ char *type = annotation_or(
		manifest, "artifact.spinnaker.io/type", xasprintf("kubernetes/%s", kind));
	_cleanup_free_ char *name = annotation_or(
		manifest, "artifact.spinnaker.io/name", xstrdup(manifest_name(manifest)));
	_cleanup_(val_free) struct val victims = versions_to_remove(live, type, name, keep);

	for (size_t i = 0; i < val_count(victims); i++) {
		struct val victim = val_at(victims, i), entry = val_map();
		_cleanup_free_ char *full_name = manifest_full_name(
			manifest, val_get_text(victim, "name", ""));

		val_set(&entry, "apiVersion", val_ref(val_get(manifest, "apiVersion")));
		val_set(&entry, "kind", val_ref(val_get(manifest, "kind")));
		val_set(&entry, "location", val_string(manifest_namespace(manifest)));
		val_set(&entry, "name", val_ref(val_get(victim, "name")));
		val_set(&entry, "manifestName", val_string(full_name));
		val_set(&entry, "uid", val_ref(val_get(victim, "uid")));
		val_append(list, entry);
	}
}

static int find_resource(const struct task_input *in, struct kube_account *account,
	struct val object, const struct kube_resource **ret, struct err *err)
{
	return kube_find_resource(account, val_get_text(object, "apiVersion", ""),
		val_get_text(object, "kind", ""), in->cancel, ret, err);
}

/* All of MANIFEST's kind in its namespace, each read once into *LISTS ("kind namespace" to list); borrowed from there. */
static int list_live(const struct task_input *in, struct kube_account *account, struct val manifest,
	struct val *lists, struct val *ret, struct err *err)
{
	const char *namespace = manifest_namespace(manifest);
	_cleanup_free_ char *kind = manifest_kind_text(manifest);
	_cleanup_free_ char *key = xasprintf("%s %s", kind, namespace);
	const struct kube_resource *resource;
	struct val list = VAL_NULL;

	if (!val_has(*lists, key)) {
		if (find_resource(in, account, manifest, &resource, err) < 0 ||
			kube_list_metadata(account, resource, namespace, in->cancel, &list, err) < 0)
			return -1;
		val_set(lists, key, list);
	}
	*ret = val_get(*lists, key);
	return 0;
}

int clean_up_find(const struct task_input *in, struct kube_account *account, struct val manifests,
	struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = val_list(), seen = val_map(), lists = val_map();

	for (size_t i = 0; i < val_count(manifests); i++) {
		struct val manifest = val_at(manifests, i);
		_cleanup_free_ char *full_name = manifest_full_name(manifest, NULL);
		_cleanup_free_ char *key = xasprintf(
			"%s in %s", full_name, manifest_namespace(manifest));
		struct val live;
		int64_t keep;

		if (!history_of(manifest, &keep) || val_has(seen, key))
			continue;
		val_set(&seen, key, val_bool(true));
		if (list_live(in, account, manifest, &lists, &live, err) < 0)
			return -1;
		add_targets(manifest, live, keep, &list);
	}
	*ret = take(&list);
	return 0;
}

int clean_up_delete(const struct task_input *in, struct kube_account *account, struct val targets,
	struct err *err)
{
	for (size_t i = 0; i < val_count(targets); i++) {
		struct val target = val_at(targets, i);
		const struct kube_resource *resource;

		if (find_resource(in, account, target, &resource, err) < 0 ||
			stage_delete_uid(in, account, resource, val_get_text(target, "location", ""),
				val_get_text(target, "name", ""), val_get(target, "uid"), err) < 0)
			return -1;
	}
	return 0;
}
