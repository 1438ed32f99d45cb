/*
 * Undo rollout (Manifest): takes a workload back to an earlier revision and waits until it is stable. Which revision that is, is
 * committed first: "one back" of an undo that was made would be the revision that was left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/manifest.h"
#include "kubernetes/rollout.h"
#include "kubernetes/selectors.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_target.h"
#include "kubernetes/stages.h"

struct undo_config {
	struct target_config target;
	struct opt_int back;
	struct opt_int revision;
};

static int undo_check(const struct task_input *in, struct err *err);
static int choose_run(const struct task_input *in, struct task_result *out, struct err *err);
static int undo_run(const struct task_input *in, struct task_result *out, struct err *err);

const struct stage_type undo_rollout_manifest_stage = {
	.name = "undoRolloutManifest",
	.title = { "Undo Rollout (Manifest)", "回滚（Manifest）" },
	.summary = { "Take a workload back to an earlier revision.", "将工作负载回滚到之前的版本。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct undo_config, target_modes),
		FIELD(struct undo_config, back, "numRevisionsBack",
			.title = { "Revisions back", "回退版本数" },
			.help = { "How many revisions before the newest; 0 is the newest itself.",
				"相对最新版本回退的版本数，0 表示最新版本。" }),
		FIELD(struct undo_config, revision, "revision", .title = { "Revision", "版本" },
			.help = { "The revision itself; counts when no number of revisions is given.",
				"指定版本号，未填写回退版本数时使用。" })),
	.config_size = sizeof(struct undo_config),
	.check = undo_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_IF_DYNAMIC,
		{ .name = "chooseRevision",
			.run = choose_run,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		/* What has the revision's template already is left alone. */
		CHANGE_TARGET_TASK("undoRolloutManifest", undo_run), WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};

static int undo_check(const struct task_input *in, struct err *err)
{
	const struct undo_config *config = in->config;

	if (!config->back.given && !config->revision.given)
		return err_set(err, ERR_INVALID, "numRevisionsBack: it or revision is required");
	if (config->back.given && config->back.value < 0)
		return err_set(err, ERR_INVALID, "numRevisionsBack: expected a number from 0 on");
	return target_check(in, "undoRolloutManifest", err);
}

/* Opens the target and reads it; what cannot be undone is refused. */
static int open_workload(
	const struct task_input *in, struct target *target, struct val *ret, struct err *err)
{
	static const char *const kinds[] = { "deployment", "statefulSet", "daemonSet", NULL };

	if (target_open(in, target, err) < 0 ||
		target_require_kind(target, kinds, "undo rollout", err) < 0 ||
		target_read(in, target, ret, err) < 0)
		return -1;
	if (val_get_bool(val_get(*ret, "spec"), "paused", false))
		return err_set(err, ERR_INVALID, "cannot rollback the paused %s; resume it first",
			target->full_name);
	return 0;
}

static const char *revision_kind(const struct target *target)
{
	return strcmp(target->kind, "deployment") == 0 ? "replicaSet" : "controllerRevision";
}

static int find_revisions(const struct task_input *in, const struct target *target,
	const struct kube_resource **ret, struct err *err)
{
	const char *version = "apps/v1";
	bool deployment = strcmp(target->kind, "deployment") == 0;

	return kube_find_resource(target->account, version,
		deployment ? "ReplicaSet" : "ControllerRevision", in->cancel, ret, err);
}

static int choose_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct undo_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL, live = VAL_NULL, history = VAL_NULL;
	_cleanup_free_ char *selectors = NULL;
	const struct kube_resource *resource;
	struct val chosen;

	if (open_workload(in, &target, &object, err) < 0 ||
		find_revisions(in, &target, &resource, err) < 0 ||
		selectors_of_workload(object, &selectors, err) < 0 ||
		kube_list(target.account, resource, target.namespace, selectors, in->cancel, &live,
			err) < 0)
		return -1;
	history = rollout_history(object, live);
	if (rollout_choose(history, config->back, config->revision, &chosen, err) < 0)
		return err_wrap(err, "%s", target.full_name);
	task_context(out, "undoRevision", val_ref(chosen));
	return task_done(out);
}

/* The patch for what the object is now. VAL_NULL: it is there already. */
static int make_patch(const struct task_input *in, struct target *target, const char **ret_type,
	struct val *ret, struct err *err)
{
	struct val chosen = val_get(in->stage->context, "undoRevision");
	_cleanup_(val_free) struct val object = VAL_NULL, revision = VAL_NULL;
	const struct kube_resource *resource;

	if (open_workload(in, target, &object, err) < 0 ||
		find_revisions(in, target, &resource, err) < 0)
		return -1;
	if (kube_get(target->account, resource, target->namespace, val_get_text(chosen, "name", ""),
		    in->cancel, &revision, err) < 0)
		return err_wrap(err, "revision %lld of %s",
			(long long)val_get_int(chosen, "revision", 0), target->full_name);
	if (strcmp(revision_kind(target), "replicaSet") == 0) {
		*ret_type = "application/json-patch+json";
		*ret = rollout_undo_deployment(object, revision);
	} else {
		*ret_type = "application/strategic-merge-patch+json";
		*ret = rollout_undo_controller(object, revision);
	}
	return 0;
}

static int undo_once(const struct task_input *in, struct target *target, struct err *err)
{
	_cleanup_(val_free) struct val patch = VAL_NULL;
	const char *type = "";

	target_free(target);
	if (make_patch(in, target, &type, &patch, err) < 0)
		return -1;
	if (val_is_null(patch))
		return 0;
	return kube_patch(target->account, target->resource, target->namespace, target->name, NULL,
		type, patch, in->cancel, NULL, err);
}

static int undo_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	struct val chosen = val_get(in->stage->context, "undoRevision");

	if (target_name(in, &target, err) < 0)
		return -1;
	if (target_announce(in, out, &target, "taking %s back to revision %lld", target.full_name,
		    (long long)val_get_int(chosen, "revision", 0)))
		return 0;
	for (int number = 0;; number++) {
		if (undo_once(in, &target, err) == 0)
			return target_done(in, out, &target);
		if (err->kind != ERR_CONFLICT || number + 1 >= LIMIT_KUBERNETES_CONFLICTS)
			return -1;
		err_clear(err);
	}
}
