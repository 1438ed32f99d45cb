/*
 * Rolling restart (Manifest): a workload replaces all its Pods, one after the other. The stage does not wait for that, as in Spinnaker.
 */
#include "kubernetes/rollout.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_rollout.h"
#include "kubernetes/stages.h"

static int restart_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "rollingRestartManifest", err);
}

/* The time is that of the task's start, which a repetition keeps. */
static int restart_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val patch = rollout_restart(in->task->start_ms);

	return rollout_change(in, out, &rollout_restarting, patch, err);
}

const struct stage_type rolling_restart_manifest_stage = {
	.name = "rollingRestartManifest",
	.title = { "Rolling Restart (Manifest)", "滚动重启（Manifest）" },
	.summary = { "Restart the Pods of a workload one after the other.",
		"逐个重启工作负载的 Pod。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct rollout_config, target_modes)),
	.config_size = sizeof(struct rollout_config),
	.check = restart_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_IF_DYNAMIC,
		CHANGE_TARGET_TASK("rollingRestartManifest", restart_run)),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};
