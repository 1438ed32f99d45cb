/*
 * Under which name each object goes to the server: read and decided here, committed, and only then used by deploy_send.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/deploy.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/traffic.h"
#include "kubernetes/version.h"

struct chooser {
	const struct task_input *in;
	struct kube_account *account;
	struct val lists; /* "kind namespace" → what the server has, so that each is read once */
};

bool deploy_has_definition(const struct task_input *in)
{
	const struct deploy_config *config = in->config;

	for (size_t i = 0; i < val_count(config->manifests); i++) {
		const char *kind = manifest_kind(val_at(config->manifests, i))->name;

		if (kind && strcmp(kind, "customResourceDefinition") == 0)
			return true;
	}
	for (size_t i = 0; i < stage_count(in->execution); i++) {
		struct val names = val_get(val_get(stage_at(in->execution, i)->outputs,
						   "outputs.manifestNamesByNamespace"),
			"");

		for (size_t j = 0; j < val_count(names); j++) {
			struct val name = val_at(names, j);

			if (str_starts(val_as_str(&name), "customResourceDefinition "))
				return true;
		}
	}
	return false;
}

int deploy_find_kind(const struct task_input *in, struct kube_account *account, struct val manifest,
	const struct kube_resource **ret, struct err *err)
{
	return kube_find_resource(account, val_get_text(manifest, "apiVersion", ""),
		val_get_text(manifest, "kind", ""), in->cancel, ret, err);
}

/* The metadata of everything of MANIFEST's kind where it goes; borrowed from the chooser. RESOURCE NULL: the kind is not there yet. */
static int list_live(struct chooser *chooser, const struct kube_resource *resource,
	struct val manifest, struct val *ret, struct err *err)
{
	_cleanup_free_ char *kind = manifest_kind_text(manifest);
	_cleanup_free_ char *key = xasprintf("%s %s", kind, manifest_namespace(manifest));
	struct val list = VAL_NULL;

	if (resource && !val_has(chooser->lists, key)) {
		if (kube_list_metadata(chooser->account, resource, manifest_namespace(manifest),
			    chooser->in->cancel, &list, err) < 0)
			return -1;
		val_set(&chooser->lists, key, list);
	}
	*ret = val_get(chooser->lists, key);
	return 0;
}

/* The live object NAME, VAL_NULL when there is none; owned. */
static int get_live(struct chooser *chooser, const struct kube_resource *resource,
	struct val manifest, const char *name, struct val *ret, struct err *err)
{
	*ret = VAL_NULL;
	if (!resource ||
		kube_get(chooser->account, resource, manifest_namespace(manifest), name,
			chooser->in->cancel, ret, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	return 0;
}

/* Whether no client-side apply owns fields of the object NAME among LIVE, or there is none: then nobody need look again. */
static bool is_ours(struct val live, const char *name)
{
	for (size_t i = 0; i < val_count(live); i++) {
		if (strcmp(manifest_name(val_at(live, i)), name) == 0)
			return !kube_is_client_side_applied(val_at(live, i));
	}
	return true;
}

static int choose_version(struct chooser *chooser, const struct kube_resource *resource,
	struct val manifest, struct val *entry, struct err *err)
{
	_cleanup_free_ char *hash = manifest_content_hash(manifest), *version = NULL, *name = NULL;
	struct val live;
	bool reused;

	if (list_live(chooser, resource, manifest, &live, err) < 0)
		return -1;
	version = version_choose(manifest, live, hash, &reused);
	name = xasprintf("%s-%s", manifest_name(manifest), version);
	val_set(entry, "version", val_string(version));
	val_set(entry, "name", val_string(name));
	val_set(entry, "ours", val_bool(is_ours(live, name)));
	return 0;
}

/* strategy.spinnaker.io/use-source-capacity: the replicas that there are now. */
static int choose_replicas(struct chooser *chooser, const struct kube_resource *resource,
	struct val manifest, struct val *entry, struct err *err)
{
	_cleanup_(val_free) struct val object = VAL_NULL;
	const char *name = manifest_name(manifest);
	struct val live, replicas;

	if (!manifest_annotation_is_true(manifest, "strategy.spinnaker.io/use-source-capacity") ||
		!manifest_kind(manifest)->scales)
		return 0;
	if (*val_get_text(*entry, "version", "")) {
		if (list_live(chooser, resource, manifest, &live, err) < 0)
			return -1;
		name = manifest_name(version_newest(live, name));
	}
	if (*name && get_live(chooser, resource, manifest, name, &object, err) < 0)
		return -1;
	replicas = val_get(val_get(object, "spec"), "replicas");
	if (val_is_number(replicas))
		val_set(entry, "replicas", val_ref(replicas));
	return 0;
}

/* Which object goes first, so that doing it again does not delete the new one. */
static int choose_victim(struct chooser *chooser, const struct kube_resource *resource,
	struct val manifest, struct val *entry, struct err *err)
{
	_cleanup_(val_free) struct val object = VAL_NULL;
	struct val name = val_get(*entry, "name");

	if (deploy_strategy_of(manifest) != DEPLOY_RECREATE)
		return 0;
	if (get_live(chooser, resource, manifest, val_text(&name), &object, err) < 0)
		return -1;
	if (!val_is_null(object))
		val_set(entry, "uid", val_ref(val_get(val_get(object, "metadata"), "uid")));
	return 0;
}

/* The Service of this request, else the live one; owned. */
static int find_service(struct chooser *chooser, const char *reference, struct val workload,
	struct val *ret, struct err *err)
{
	const struct deploy_config *config = chooser->in->config;
	const char *namespace = manifest_namespace(workload);
	const struct kube_resource *resource;
	_cleanup_free_ char *name = NULL;

	if (traffic_service_name(reference, true, &name, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(config->manifests); i++) {
		struct val manifest = val_at(config->manifests, i);
		const char *kind = manifest_kind(manifest)->name;

		if (kind && strcmp(kind, "service") == 0 &&
			strcmp(manifest_name(manifest), name) == 0 &&
			strcmp(manifest_namespace(manifest), namespace) == 0) {
			*ret = val_ref(manifest);
			return 0;
		}
	}
	if (kube_find_resource(
		    chooser->account, "v1", "Service", chooser->in->cancel, &resource, err) < 0)
		return -1;
	if (kube_get(chooser->account, resource, namespace, name, chooser->in->cancel, ret, err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	return err_set(err, ERR_NOT_FOUND, "Load balancer %s does not exist", reference);
}

/* Adds what attaching each of SERVICES gives *OBJECT, and the pairs to *LABELS. */
static int attach(struct chooser *chooser, struct val services, struct val *object,
	struct val *labels, struct err *err)
{
	for (size_t i = 0; i < val_count(services); i++) {
		_cleanup_(val_free) struct val service = VAL_NULL;
		struct val reference = val_at(services, i);

		if (find_service(chooser, val_text(&reference), *object, &service, err) < 0 ||
			traffic_attach(service, object, err) < 0)
			return -1;
		val_merge(labels, val_get(val_get(service, "spec"), "selector"));
	}
	return 0;
}

/* The stage's Services into the annotation, and those that the annotation names then into the labels. */
static int choose_traffic(
	struct chooser *chooser, struct val manifest, struct val *entry, struct err *err)
{
	const struct deploy_config *config = chooser->in->config;
	const struct deploy_traffic *traffic = &config->traffic;
	_cleanup_(val_free) struct val object = val_ref(manifest), named = val_list();
	_cleanup_(val_free) struct val services = VAL_NULL, labels = val_map();
	int result;

	if (!manifest_kind(manifest)->traffic)
		return 0;
	for (size_t i = 0; traffic->enabled && i < traffic->options.services.count; i++)
		val_append(&named, val_string(traffic->options.services.items[i]));
	result = traffic_annotate(&object, named, err);
	if (result == 0)
		result = traffic_services(object, &services, err);
	if (result == 0 && (!traffic->enabled || traffic->options.enable))
		result = attach(chooser, services, &object, &labels, err);
	if (result < 0)
		return -1;
	if (val_count(services))
		val_set(entry, "services", take(&services));
	if (val_count(labels))
		val_set(entry, "labels", take(&labels));
	return 0;
}

static int choose_one(struct chooser *chooser, struct val manifest, size_t index,
	const struct deploy_rules *rules, struct val *entry, struct err *err)
{
	const struct kube_resource *resource = NULL;

	if (deploy_find_kind(chooser->in, chooser->account, manifest, &resource, err) < 0) {
		if (err->kind != ERR_NOT_FOUND || !deploy_has_definition(chooser->in))
			return -1;
		err_clear(err);
	}
	/* The server puts an object that names no namespace into the account's. */
	if (resource && resource->namespaced && !*manifest_namespace(manifest) &&
		kube_account_check_namespace(chooser->account, "deployManifest",
			kube_account_namespace(chooser->account), err) < 0)
		return -1;
	val_set(entry, "index", val_int((int64_t)index));
	val_set(entry, "version", val_string(""));
	if (choose_traffic(chooser, manifest, entry, err) < 0)
		return -1;
	if (manifest_is_generated(manifest)) {
		_cleanup_free_ char *seed = xasprintf("%s/%zu", chooser->in->idempotency_key, index);
		_cleanup_free_ char *name = deploy_generated_name(manifest, seed);

		val_set(entry, "name", val_string(name));
		return 0;
	}
	val_set(entry, "name", val_string(manifest_name(manifest)));
	if (manifest_is_versioned(manifest, rules->versioned, rules->kinds) &&
		choose_version(chooser, resource, manifest, entry, err) < 0)
		return -1;
	if (choose_replicas(chooser, resource, manifest, entry, err) < 0)
		return -1;
	return choose_victim(chooser, resource, manifest, entry, err);
}

int deploy_choose_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(deploy_walk_free) struct deploy_walk walk = { 0 };
	_cleanup_(val_free) struct val plan = val_list();
	struct chooser chooser = { .in = in, .lists = val_map() };
	struct deploy_rules rules;
	size_t *order;
	int result = 0;

	if (stage_account(in, &chooser.account, err) < 0)
		return -1;
	deploy_walk_start(in, chooser.account, &rules, &walk);
	order = manifests_order(walk.manifests, rules.kinds);
	for (size_t i = 0; i < val_count(walk.manifests); i++) {
		_cleanup_(val_free) struct val manifest = deploy_walk_bind(&walk, order[i]);
		struct val entry = val_map();

		result = choose_one(&chooser, manifest, order[i], &rules, &entry, err);
		if (result < 0) {
			deploy_say_which(manifest, order[i], err);
			val_free(&entry);
			break;
		}
		deploy_walk_produce(&walk, manifest, entry);
		val_append(&plan, entry);
	}
	free(order);
	val_free(&chooser.lists);
	if (result < 0)
		return -1;
	task_context(out, "deployPlan", take(&plan));
	return task_done(out);
}
