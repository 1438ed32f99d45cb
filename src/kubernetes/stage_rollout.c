#include "kubernetes/stage_rollout.h"

/* Other kinds have no field for it. */
static const char *const deployments[] = { "deployment", NULL };
static const char *const workloads[] = { "deployment", "statefulSet", "daemonSet", NULL };

const struct rollout_action rollout_pausing = { "pause rollout", "pausing", deployments, false };
const struct rollout_action rollout_resuming = { "resume rollout", "resuming", deployments, false };
const struct rollout_action rollout_restarting = { "rolling restart", "restarting", workloads, true };

int rollout_change(const struct task_input *in, struct task_result *out,
	const struct rollout_action *action, struct val patch, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL;

	if (target_open(in, &target, err) < 0 ||
		target_require_kind(&target, action->kinds, action->what, err) < 0 ||
		target_read(in, &target, &object, err) < 0)
		return -1;
	if (action->not_when_paused && val_get_bool(val_get(object, "spec"), "paused", false))
		return err_set(err, ERR_INVALID, "cannot restart the paused %s; resume it first",
			target.full_name);
	if (target_announce(in, out, &target, "%s %s", action->doing, target.full_name))
		return 0;
	if (kube_patch(target.account, target.resource, target.namespace, target.name, NULL,
		    "application/strategic-merge-patch+json", patch, in->cancel, NULL, err) < 0)
		return -1;
	return target_done(in, out, &target);
}
