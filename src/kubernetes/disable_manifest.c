/*
 * Disable (Manifest): a workload gets no more traffic: the selectors of its Services are taken out of its labels.
 */
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_traffic.h"
#include "kubernetes/stages.h"

static int disable_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "disableManifest", err);
}

static int disable_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	return traffic_run(in, out, false, err);
}

const struct stage_type disable_manifest_stage = {
	.name = "disableManifest",
	.title = { "Disable (Manifest)", "禁用（Manifest）" },
	.summary = { "Disable a Kubernetes object: it no longer gets requests.",
		"禁用 Kubernetes 对象，使其不再处理流量。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TRAFFIC_FIELDS),
	.config_size = sizeof(struct traffic_config),
	.check = disable_check,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		{ .name = "disableManifest",
			.run = disable_run,
			.timeout_ms = 10 * 60 * 1000,
			.repeat = TASK_SAFE,
			.slot = stage_account_slot },
		WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};
