/*
 * Enable (Manifest): a workload gets the traffic of its Services again: their selectors are added to its labels.
 */
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_traffic.h"
#include "kubernetes/stages.h"

static int enable_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "enableManifest", err);
}

static int enable_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	return traffic_run(in, out, true, err);
}

const struct stage_type enable_manifest_stage = {
	.name = "enableManifest",
	.title = { "Enable (Manifest)", "启用（Manifest）" },
	.summary = { "Enable a Kubernetes object: its Services send it requests.",
		"启用 Kubernetes 对象。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TRAFFIC_FIELDS),
	.config_size = sizeof(struct traffic_config),
	.check = enable_check,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		{ .name = "enableManifest",
			.run = enable_run,
			.timeout_ms = 10 * 60 * 1000,
			.repeat = TASK_SAFE,
			.slot = stage_account_slot },
		WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};
