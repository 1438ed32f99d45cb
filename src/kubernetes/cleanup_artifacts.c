/*
 * Clean up artifacts: deletes old versions of objects, as the annotation strategy.spinnaker.io/max-version-history says. Deploy
 * (Manifest) does it for what it deployed; this does it later, or for what somebody else deployed. Which objects go is read and
 * committed first.
 */
#include <stdlib.h>

#include "kubernetes/clean_up.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stages.h"

struct cleanup_config {
	char *account, *credentials;
	struct val manifests;
};

static int cleanup_check(const struct task_input *in, struct err *err);
static int find_run(const struct task_input *in, struct task_result *out, struct err *err);
static int delete_run(const struct task_input *in, struct task_result *out, struct err *err);

const struct stage_type cleanup_artifacts_stage = {
	.name = "cleanupArtifacts",
	.title = { "Clean Up Artifacts", "清理旧版本" },
	.summary = { "Delete old versions of Kubernetes objects.", "删除 Kubernetes 对象的旧版本。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, ACCOUNT_FIELDS(struct cleanup_config, account, credentials),
		FIELD(struct cleanup_config, manifests, "manifests", .widget = "manifest",
			.title = { "Manifests", "Manifest（资源清单）" },
			.help = { "Kind, name and namespace of what has versions, with the annotation "
				  "strategy.spinnaker.io/max-version-history; without any, what the "
				  "stages before this one deployed to the account.",
				"带有 strategy.spinnaker.io/max-version-history 注解的资源类型、名称与命名空间；"
				"不填时为此前各阶段部署到该云账号的对象。" })),
	.config_size = sizeof(struct cleanup_config),
	.check = cleanup_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row,
		{ .name = "findArtifactsToDelete",
			.run = find_run,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "cleanupArtifacts",
			.run = delete_run,
			.timeout_ms = 60 * 60 * 1000,
			.slot = stage_account_slot }),
	.restart = stage_forget,
	.outputs = ROWS(struct field,
		FIELD_KNOWN("outputs.manifestNamesByNamespace", FIELD_VALUE,
			.help = { "Namespace to \"kind name\" of what was deleted.",
				"命名空间到被删除的「类型 名称」的映射。" })),
};

/* What the stages before this one deployed to its account; owned. */
static struct val deployed_before(const struct task_input *in)
{
	const char *account = stage_account_name(in->stage);
	struct val list = val_list();
	size_t count;
	size_t *ancestors = stage_ancestors(in->execution, in->stage_index, &count);

	for (size_t i = 0; i < count; i++) {
		const struct stage *stage = stage_at(in->execution, ancestors[i]);
		struct val manifests = val_get(stage->outputs, "outputs.manifests");

		if (ancestors[i] == in->stage_index ||
			!str_is(str_of(account), stage_account_name(stage)))
			continue;
		for (size_t j = 0; j < val_count(manifests); j++)
			val_append(&list, val_ref(val_at(manifests, j)));
	}
	free(ancestors);
	return list;
}

static int manifests_of(const struct task_input *in, struct val *ret, struct err *err)
{
	const struct cleanup_config *config = in->config;

	if (!val_is_null(config->manifests) && val_count(config->manifests) > 0)
		return manifests_flatten(config->manifests, "manifests", ret, err);
	*ret = deployed_before(in);
	return 0;
}

/* Without I/O, and so before anything else happens. */
static int prepare(const struct task_input *in, struct kube_account **ret_account, struct val *ret,
	struct err *err)
{
	_cleanup_(val_free) struct val manifests = VAL_NULL;

	if (manifests_of(in, &manifests, err) < 0 || stage_account(in, ret_account, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(manifests); i++) {
		struct val manifest = val_at(manifests, i);
		_cleanup_free_ char *name = manifest_full_name(manifest, NULL);

		if (kube_account_check_namespace(*ret_account, "cleanupArtifacts",
			    manifest_namespace(manifest), err) < 0 ||
			clean_up_check(manifest, err) < 0)
			return err_wrap(err, "manifests[%zu] (%s)", i, name);
	}
	*ret = take(&manifests);
	return 0;
}

static int cleanup_check(const struct task_input *in, struct err *err)
{
	_cleanup_(val_free) struct val manifests = VAL_NULL;
	struct kube_account *account;

	return prepare(in, &account, &manifests, err);
}

static int find_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(val_free) struct val manifests = VAL_NULL, targets = VAL_NULL;
	struct kube_account *account;

	if (prepare(in, &account, &manifests, err) < 0 ||
		clean_up_find(in, account, manifests, &targets, err) < 0)
		return -1;
	task_context(out, "cleanUpTargets", take(&targets));
	return task_done(out);
}

static int delete_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val targets = val_get(in->stage->context, "cleanUpTargets"), names = val_map();
	size_t count = val_count(targets);
	struct kube_account *account;

	if (stage_account(in, &account, err) < 0)
		return -1;
	if (in->task->attempts == 0 && count) {
		_cleanup_free_ char *line = stage_account_line(in, account);

		task_says(out, "deleting %zu old %s from %s", count,
			count == 1 ? "version" : "versions", line);
		return task_again_at(out, in->now_ms);
	}
	if (clean_up_delete(in, account, targets, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		names_by_namespace_add(&names, val_get_text(val_at(targets, i), "location", ""),
			val_get_text(val_at(targets, i), "manifestName", ""));
	stage_note_operation(in, out, names);
	task_output(out, "outputs.manifestNamesByNamespace", val_ref(names));
	task_context(out, "outputs.manifestNamesByNamespace", names);
	return task_done(out);
}
