/*
 * Rollout strategies: once the new ReplicaSets are stable, the cluster's others get no more traffic, or go. Which they are is read in a
 * task and committed; the stages that do it are planned from that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/deploy.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/traffic.h"

bool deploy_has_strategy(const struct task_input *in)
{
	return deploy_strategy_name(in->config) != NULL;
}

/* All ReplicaSets of the namespaces of those DEPLOYED, in the order of the lists; owned. */
static int list_replica_sets(const struct task_input *in, struct kube_account *account,
	struct val deployed, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val seen = val_map();
	const struct kube_resource *resource;

	*ret = val_list();
	if (kube_find_resource(account, "apps/v1", "ReplicaSet", in->cancel, &resource, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(deployed); i++) {
		_cleanup_(val_free) struct val list = VAL_NULL;
		const char *namespace = manifest_namespace(val_at(deployed, i));
		const char *kind = manifest_kind(val_at(deployed, i))->name;

		if (!kind || strcmp(kind, "replicaSet") != 0 || val_has(seen, namespace))
			continue;
		if (kube_list(account, resource, namespace, NULL, in->cancel, &list, err) < 0)
			return -1;
		val_set(&seen, namespace, val_bool(true));
		for (size_t j = 0; j < val_count(list); j++)
			val_append(ret, val_ref(val_at(list, j)));
	}
	return 0;
}

int deploy_strategy_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const char *strategy = deploy_strategy_name(in->config);
	struct val deployed = val_get(in->stage->context, "outputs.manifests");
	_cleanup_(val_free) struct val live = VAL_NULL;
	struct kube_account *account;

	if (stage_account(in, &account, err) < 0 ||
		list_replica_sets(in, account, deployed, &live, err) < 0)
		return -1;
	task_context(out, "rolloutFollowUps", traffic_follow_ups(strategy, deployed, live));
	return task_done(out);
}

int deploy_plan_after(const struct task_input *in, struct stage_plan *plan, struct err *err)
{
	struct val follow_ups = val_get(in->stage->context, "rolloutFollowUps");
	const char *application = in->execution->application;

	(void)err;
	for (size_t i = 0; i < val_count(follow_ups); i++) {
		struct val follow_up = val_at(follow_ups, i), context = val_map();
		const char *type = val_get_text(follow_up, "type", "");
		const char *name = val_get_text(follow_up, "manifestName", "");
		_cleanup_free_ char *title = xasprintf(
			"%s %s", strcmp(type, "deleteManifest") == 0 ? "Delete" : "Disable", name);

		val_set(&context, "account", val_string(stage_account_name(in->stage)));
		val_set(&context, "app", val_string(application ? application : ""));
		val_set(&context, "cloudProvider", val_string("kubernetes"));
		val_set(&context, "mode", val_string("static"));
		val_set(&context, "manifestName", val_string(name));
		val_set(&context, "location", val_ref(val_get(follow_up, "location")));
		stage_plan_add(plan, type, title, context);
	}
	return 0;
}
