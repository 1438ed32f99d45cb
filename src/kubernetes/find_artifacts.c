/*
 * Find artifacts from resource (Manifest): reads a live object and hands on the images, ConfigMaps and Secrets that it names, so that
 * what runs in one place can be deployed to another.
 */
#include "artifact/bind_produced.h"
#include "kubernetes/bind.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_target.h"
#include "kubernetes/stages.h"

#define TRIES 5
#define PAUSE_MS 1000

struct find_config {
	struct target_config target;
};

static int find_check(const struct task_input *in, struct err *err)
{
	return target_check(in, "findArtifactsFromResource", err);
}

static int find_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL, artifacts = VAL_NULL;

	if (target_open(in, &target, err) < 0)
		return -1;
	if (target_read(in, &target, &object, err) < 0) {
		if (err->kind != ERR_NOT_FOUND || in->task->attempts + 1 >= TRIES)
			return -1;
		err_clear(err);
		task_says(out, "%s is not there yet", target.full_name);
		return task_again_at(out, in->now_ms + PAUSE_MS);
	}
	artifacts = manifest_slots(object);
	/* The object is the cluster's: in the context its texts would be taken for expressions. */
	task_output(out, "manifest", manifest_for_output(object));
	task_output(out, "artifacts", val_ref(artifacts));
	task_context(out, "artifacts", val_ref(artifacts));
	return task_done(out);
}

const struct stage_type find_artifacts_stage = {
	.name = "findArtifactsFromResource",
	.title = { "Find Artifacts From Resource (Manifest)", "从资源中查找制品（Manifest）" },
	.summary = { "Find the artifacts that a Kubernetes object uses.",
		"查找 Kubernetes 对象所使用的制品。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct find_config, target_modes)),
	.config_size = sizeof(struct find_config),
	.check = find_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		{ .name = "findArtifactsFromResource",
			.run = find_run,
			.timeout_ms = 10 * 60 * 1000,
			.repeat = TASK_SAFE,
			.slot = stage_account_slot },
		BIND_PRODUCED_ARTIFACTS),
	.restart = stage_forget,
	.outputs = ROWS(struct field,
		FIELD_KNOWN("manifest", FIELD_VALUE,
			.help = { "The live object, without the values of a Secret.",
				"集群中的对象，不含 Secret 的值。" }),
		FIELD_KNOWN("artifacts", FIELD_VALUE,
			.help = { "Images, ConfigMaps and Secrets that the object names.",
				"对象所引用的镜像、ConfigMap 与 Secret。" }),
		FIELD_KNOWN("manifestName", FIELD_STRING,
			.help = { "Kind and name of the object.", "资源对象的类型与名称。" })),
};
