#include "kubernetes/stage_traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/manifest.h"
#include "kubernetes/selectors.h"
#include "kubernetes/traffic.h"

struct change {
	const struct task_input *in;
	const struct target *target;
	bool enable;
	struct val services; /* the Services as objects, owned */
};

/* "service web" as an object, into the list *SERVICES. */
static int read_service(
	const struct change *change, const char *reference, struct val *services, struct err *err)
{
	struct kube_account *account = change->target->account;
	const struct kube_resource *resource;
	struct val service = VAL_NULL;
	char *name = NULL;
	int result;

	if (traffic_service_name(reference, false, &name, err) < 0)
		return -1;
	result = kube_find_resource(account, "v1", "Service", change->in->cancel, &resource, err);
	if (result == 0)
		result = kube_get(account, resource, change->target->namespace, name,
			change->in->cancel, &service, err);
	free(name);
	if (result < 0 && err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "Could not find load balancer: %s in %s",
			reference, change->target->namespace);
	if (result == 0)
		val_append(services, service);
	return result;
}

/* Those of the stage, else those of the annotation. */
static int read_services(struct change *change, struct val object, struct err *err)
{
	const struct traffic_config *config = change->in->config;
	_cleanup_(val_free) struct val list = VAL_NULL;

	change->services = val_list();
	for (size_t i = 0; i < config->load_balancers.count; i++) {
		if (read_service(change, config->load_balancers.items[i], &change->services, err) < 0)
			return -1;
	}
	if (config->load_balancers.count)
		return 0;
	if (traffic_services(object, &list, err) < 0)
		return err_wrap(err, "%s", change->target->full_name);
	for (size_t i = 0; i < val_count(list); i++) {
		struct val reference = val_at(list, i);

		if (read_service(change, val_text(&reference), &change->services, err) < 0)
			return -1;
	}
	return 0;
}

/* True for an answer to a patch that was made from an older state of the object. */
static bool is_stale(const struct err *err)
{
	return err->kind == ERR_CONFLICT || err->kind == ERR_INVALID;
}

/*
 * Patches OBJECT (taken) for SERVICE. Somebody may have changed the labels since it was read: then it is read again. *RET (may be NULL)
 * is what it has become; one that is gone is fine for Pods, and VAL_NULL.
 */
static int patch_object(const struct change *change, const struct kube_resource *resource,
	struct val service, struct val object, struct val *ret, struct err *err)
{
	struct kube_account *account = change->target->account;
	const char *namespace = change->target->namespace;
	_cleanup_(val_free) struct val now = object;
	_cleanup_free_ char *name = xstrdup(manifest_name(object));

	for (int number = 0;; number++) {
		_cleanup_(val_free) struct val patch = traffic_patch(service, now, change->enable);
		struct val got = VAL_NULL;

		if (val_count(patch) == 0 ||
			kube_patch(account, resource, namespace, name, NULL,
				"application/json-patch+json", patch, change->in->cancel, &got,
				err) == 0) {
			if (ret)
				*ret = val_count(patch) ? got : val_ref(now);
			else
				val_free(&got);
			return 0;
		}
		if (!is_stale(err) || number + 1 >= LIMIT_KUBERNETES_CONFLICTS)
			return -1;
		err_clear(err);
		val_free(&now);
		if (kube_get(account, resource, namespace, name, change->in->cancel, &now, err) < 0)
			return -1;
	}
}

static bool names_owner(struct val object, const char *name)
{
	struct val references = val_get(val_get(object, "metadata"), "ownerReferences");

	for (size_t i = 0; i < val_count(references); i++) {
		if (strcmp(val_get_text(val_at(references, i), "name", ""), name) == 0)
			return true;
	}
	return false;
}

/* The Pods that a ReplicaSet has: a change of its template is only for new ones. */
static int patch_pods(
	const struct change *change, struct val service, struct val replica_set, struct err *err)
{
	const struct target *target = change->target;
	_cleanup_(val_free) struct val pods = VAL_NULL;
	_cleanup_free_ char *selectors = NULL;
	const struct kube_resource *resource;

	if (selectors_of_workload(replica_set, &selectors, err) < 0 ||
		kube_find_resource(
			target->account, "v1", "Pod", change->in->cancel, &resource, err) < 0 ||
		kube_list(target->account, resource, target->namespace, selectors,
			change->in->cancel, &pods, err) < 0)
		return err_wrap(err, "the Pods of %s", target->full_name);
	for (size_t i = 0; i < val_count(pods); i++) {
		struct val pod = val_at(pods, i);

		if (!names_owner(pod, target->name))
			continue;
		if (patch_object(change, resource, service, val_ref(pod), NULL, err) == 0)
			continue;
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
	}
	return 0;
}

static int change_all(const struct change *change, struct val object, struct err *err)
{
	const struct target *target = change->target;
	_cleanup_(val_free) struct val now = val_ref(object);

	for (size_t i = 0; i < val_count(change->services); i++) {
		struct val service = val_at(change->services, i), next = VAL_NULL;

		if (patch_object(change, target->resource, service, val_ref(now), &next, err) < 0)
			return -1;
		val_replace(&now, next);
		if (strcmp(target->kind, "replicaSet") == 0 &&
			patch_pods(change, service, now, err) < 0)
			return -1;
	}
	return 0;
}

int traffic_run(const struct task_input *in, struct task_result *out, bool enable, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL;
	struct change change = { .in = in, .target = &target, .enable = enable };
	int result;

	if (target_open(in, &target, err) < 0 || target_read(in, &target, &object, err) < 0)
		return -1;
	result = read_services(&change, object, err);
	if (result == 0 &&
		target_announce(in, out, &target, "%s %s for %zu %s",
			enable ? "enabling" : "disabling", target.full_name,
			val_count(change.services),
			val_count(change.services) == 1 ? "Service" : "Services")) {
		val_free(&change.services);
		return 0;
	}
	if (result == 0)
		result = change_all(&change, object, err);
	val_free(&change.services);
	return result < 0 ? -1 : target_done(in, out, &target);
}
