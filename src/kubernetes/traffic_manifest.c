/*
 * Enable and Disable (Manifest): a workload gets the traffic of its Services, or gets it no longer: their selectors are added to its labels, or
 * taken out of them.
 */
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_traffic.h"
#include "kubernetes/stages.h"

static int enable_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "enableManifest", err);
}

static int disable_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "disableManifest", err);
}

static int enable_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	return traffic_run(in, out, true, err);
}

static int disable_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	return traffic_run(in, out, false, err);
}

static const struct field traffic_fields[] = { TRAFFIC_FIELDS, { 0 } };
static const struct field traffic_outputs[] = { TARGET_OUTPUTS, { 0 } };

const struct stage_type enable_manifest_stage = {
	.name = "enableManifest",
	.title = { "Enable (Manifest)", "启用（Manifest）" },
	.summary = { "Enable a Kubernetes object: its Services send it requests.",
		"启用 Kubernetes 对象。" },
	.category = "kubernetes",
	.fields = traffic_fields,
	.config_size = sizeof(struct traffic_config),
	.check = enable_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		CHANGE_TARGET_TASK("enableManifest", enable_run), WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = traffic_outputs,
};

const struct stage_type disable_manifest_stage = {
	.name = "disableManifest",
	.title = { "Disable (Manifest)", "禁用（Manifest）" },
	.summary = { "Disable a Kubernetes object: it no longer gets requests.",
		"禁用 Kubernetes 对象，使其不再处理流量。" },
	.category = "kubernetes",
	.fields = traffic_fields,
	.config_size = sizeof(struct traffic_config),
	.check = disable_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		CHANGE_TARGET_TASK("disableManifest", disable_run), WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = traffic_outputs,
};
