/*
 * Resume rollout (Manifest): a paused Deployment goes on, and the stage waits until it is stable. One that is not paused stays so.
 */
#include "kubernetes/rollout.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_rollout.h"
#include "kubernetes/stages.h"

static int resume_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "resumeRolloutManifest", err);
}

static int resume_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val patch = rollout_pause(false);

	return rollout_change(in, out, &rollout_resuming, patch, err);
}

const struct stage_type resume_rollout_manifest_stage = {
	.name = "resumeRolloutManifest",
	.title = { "Resume Rollout (Manifest)", "恢复发布（Manifest）" },
	.summary = { "Resume the rollout of a Deployment.", "恢复 Deployment 的发布。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct rollout_config, target_modes)),
	.config_size = sizeof(struct rollout_config),
	.check = resume_check,
	.evaluate = given_evaluate,
	/* Setting a flag again changes nothing. */
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_IF_DYNAMIC,
		CHANGE_TARGET_TASK("resumeRolloutManifest", resume_run), WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};
