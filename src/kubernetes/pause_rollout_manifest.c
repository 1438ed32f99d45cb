/*
 * Pause rollout (Manifest): a Deployment stops replacing its Pods. One that is paused already stays so.
 */
#include "kubernetes/rollout.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_rollout.h"
#include "kubernetes/stages.h"

static int pause_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "pauseRolloutManifest", err);
}

static int pause_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val patch = rollout_pause(true);

	return rollout_change(in, out, &rollout_pausing, patch, err);
}

const struct stage_type pause_rollout_manifest_stage = {
	.name = "pauseRolloutManifest",
	.title = { "Pause Rollout (Manifest)", "暂停发布（Manifest）" },
	.summary = { "Pause the rollout of a Deployment.", "暂停 Deployment 的发布。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct rollout_config, target_modes)),
	.config_size = sizeof(struct rollout_config),
	.check = pause_check,
	.evaluate = given_evaluate,
	/* Setting a flag again changes nothing. */
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_IF_DYNAMIC,
		CHANGE_TARGET_TASK("pauseRolloutManifest", pause_run)),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};
