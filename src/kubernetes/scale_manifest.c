/*
 * Scale (Manifest): sets the number of replicas through the scale subresource and waits until the object is stable.
 */
#include "kubernetes/kinds.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_target.h"
#include "kubernetes/stages.h"

struct scale_config {
	struct target_config target;
	int64_t replicas;
};

static int scale_check(const struct task_input *in, struct err *err);
static int scale_run(const struct task_input *in, struct task_result *out, struct err *err);

const struct stage_type scale_manifest_stage = {
	.name = "scaleManifest",
	.title = { "Scale (Manifest)", "扩缩容（Manifest）" },
	.summary = { "Scale a Kubernetes object.", "对 Kubernetes 对象扩缩容。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct scale_config, target_modes),
		FIELD(struct scale_config, replicas, "replicas", .flags = FIELD_REQUIRED,
			.title = { "Replicas", "副本数" },
			.help = { "How many there shall be.", "期望的副本数。" })),
	.config_size = sizeof(struct scale_config),
	.check = scale_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		/* The number is absolute: setting it again changes nothing. */
		CHANGE_TARGET_TASK("scaleManifest", scale_run), WAIT_STABLE_TASK),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};

static int scale_check(const struct task_input *in, struct err *err)
{
	const struct scale_config *config = in->config;

	if (config->replicas < 0 || config->replicas > INT32_MAX)
		return err_set(err, ERR_INVALID, "replicas: expected a number from 0 on, got %lld",
			(long long)config->replicas);
	return target_check(in, "scaleManifest", err);
}

/* Custom resources may have replicas; the server knows. */
static int check_kind(const struct target *target, struct err *err)
{
	static const char *const kinds[] = { "deployment", "replicaSet", "statefulSet",
		"replicationController", "ReplicationController", NULL };
	struct str name, group;

	kind_split(str_of(target->kind), &name, &group);
	if (group.length)
		return 0;
	return target_require_kind(target, kinds, "scale", err);
}

static int scale_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	static const char *const none[] = { NULL };
	const struct scale_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val patch = val_map(), object = VAL_NULL;
	struct val spec = val_map();

	val_set(&spec, "replicas", val_int(config->replicas));
	val_set(&patch, "spec", spec);
	if (target_open(in, &target, err) < 0 || check_kind(&target, err) < 0 ||
		target_read(in, &target, &object, err) < 0)
		return -1;
	if (target_announce(in, out, &target, "scaling %s to %lld", target.full_name,
		    (long long)config->replicas))
		return 0;
	if (kube_patch(target.account, target.resource, target.namespace, target.name, "scale",
		    "application/merge-patch+json", patch, in->cancel, NULL, err) == 0)
		return target_done(in, out, &target);
	/* The object is there, so what is not found is its subresource. */
	if (err->kind == ERR_NOT_FOUND)
		return target_require_kind(&target, none, "scale", err);
	return -1;
}
