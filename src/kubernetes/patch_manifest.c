/*
 * Patch (Manifest): changes a part of a live object and waits until it is stable.
 *
 * A strategic or merge patch does the same when it is sent again. A list of operations may not ("add" to a list), so it is sent for one
 * state of the object, which is committed first, and the server refuses it for any other.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/bind_produced.h"
#include "base/alloc.h"
#include "kubernetes/manifest.h"
#include "kubernetes/patch.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_target.h"
#include "kubernetes/stages.h"

#define TRIES 20 /* at an object that others change all the time */

struct patch_options {
	int strategy;
	bool record;
};

struct patch_config {
	struct target_config target;
	int source;
	struct val body;
	bool skip_expressions;
	struct patch_options options;
};

static int patch_check(const struct task_input *in, struct err *err);
static enum expr_failure patch_evaluate(struct evaluation *evaluation);
static int resolve_run(const struct task_input *in, struct task_result *out, struct err *err);
static int patch_run(const struct task_input *in, struct task_result *out, struct err *err);

static const struct field option_fields[] = {
	FIELD(struct patch_options, strategy, "mergeStrategy", .choices = patch_strategies,
		.preset = "strategic", .widget = "select", .title = { "Merge strategy", "合并策略" },
		.help = { "strategic knows the lists of built-in kinds; merge replaces lists; json is "
			  "a list of operations.",
			"strategic 按内置类型合并列表；merge 替换列表；json 为操作列表。" }),
	FIELD(struct patch_options, record, "record", .preset = "true",
		.title = { "Record patch annotation", "记录更新注解" },
		.help = { "Note which stage it was in the annotation kubernetes.io/change-cause, for "
			  "kubectl rollout history.",
			"将更新来源写入注解 kubernetes.io/change-cause，供 kubectl rollout history 显示。" }),
	{ 0 },
};

const struct stage_type patch_manifest_stage = {
	.name = "patchManifest",
	.title = { "Patch (Manifest)", "更新（Manifest）" },
	.summary = { "Patch a Kubernetes object.", "更新 Kubernetes 对象的一部分。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct patch_config, target_modes),
		FIELD(struct patch_config, source, "source", .choices = source_names,
			.preset = "text", .unsupported_if = "artifact",
			.unsupported = "a patch from an artifact is not built yet; use \"text\"",
			.widget = "radio", .title = { "Manifest source", "制品来源" },
			.help = { "Typed here, or read from an artifact at run time.",
				"静态填写，或运行时使用绑定的制品。" }),
		FIELD(struct patch_config, body, "patchBody", .widget = "manifest",
			.when = "source == text", .title = { "Patch", "更新内容" },
			.help = { "The part of the object that changes; for json a list of op, path, "
				  "value.",
				"需要更新的部分；json 时为 op、path、value 的列表。" }),
		FIELD_KNOWN("manifestArtifactId", FIELD_STRING, .widget = "artifact",
			.when = "source == artifact",
			.title = { "Manifest artifact", "Manifest 制品" }),
		FIELD_KNOWN("manifestArtifact", FIELD_VALUE, .when = "source == artifact",
			.title = { "Manifest artifact, given here", "内联 Manifest 制品" }),
		FIELD_KNOWN("manifestArtifactAccount", FIELD_STRING, .when = "source == artifact",
			.title = { "Account of the artifact", "制品账号" }),
		FIELD(struct patch_config, skip_expressions, "skipExpressionEvaluation",
			.preset = "false", .title = { "Skip expression evaluation", "跳过表达式求值" },
			.help = { "Leave `${…}` in the patch alone.", "保留内容中的 `${…}`。" }),
		FIELD_KNOWN("requiredArtifactIds", FIELD_STR_LIST, .widget = "artifacts",
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts to bind", "必须绑定的制品" }),
		FIELD_KNOWN("requiredArtifacts", FIELD_VALUE, .flags = FIELD_LIST,
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts, given here", "内联的必须绑定的制品" }),
		FIELD(struct patch_config, options, "options", .rows = option_fields,
			.title = { "Patch options", "更新选项" })),
	.config_size = sizeof(struct patch_config),
	.check = patch_check,
	.evaluate = patch_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		{ .name = "resolvePatchSourceManifest", .run = resolve_run, .is_inline = true },
		CHANGE_TARGET_TASK("patchManifest", patch_run), WAIT_STABLE_TASK,
		BIND_PRODUCED_ARTIFACTS),
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS,
		FIELD_KNOWN("outputs.manifests", FIELD_VALUE,
			.help = { "Kind, name and namespace of the object.",
				"资源对象的类型、名称与命名空间。" }),
		FIELD_KNOWN("outputs.boundArtifacts", FIELD_VALUE,
			.help = { "Artifacts that took a place in the patch.",
				"被绑定到更新内容中的制品。" })),
};

static enum expr_failure patch_evaluate(struct evaluation *evaluation)
{
	static const char *const keys[] = { "patchBody", NULL };

	return source_evaluate(evaluation, keys);
}

static int body_of(const struct task_input *in, struct val *ret, struct err *err)
{
	const struct patch_config *config = in->config;

	return patch_body(config->body, (enum patch_strategy)config->options.strategy, ret, err);
}

static int patch_check(const struct task_input *in, struct err *err)
{
	_cleanup_(val_free) struct val body = VAL_NULL;

	if (body_of(in, &body, err) < 0)
		return -1;
	return target_check(in, "patchManifest", err);
}

static int resolve_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	(void)err;
	task_context(out, "requiredArtifacts", val_list());
	task_context(out, "optionalArtifacts", source_artifacts(in));
	return task_done(out);
}

/* The object's values must not come back in an error about a Secret. */
static void hide_values(const struct target *target, struct val body, struct err *err)
{
	_cleanup_(val_free) struct val secret = val_map();

	if (val_is_list(body)) {
		struct val values = val_list();

		for (size_t i = 0; i < val_count(body); i++)
			val_append(&values, val_ref(val_get(val_at(body, i), "value")));
		val_set(&secret, "stringData", values);
	} else {
		val_replace(&secret, val_ref(body));
	}
	val_set(&secret, "kind", val_string(target->resource->kind));
	val_set(&secret, "apiVersion", val_string("v1"));
	if (!*target->resource->group)
		manifest_hide_secrets(secret, err);
}

static int send_patch(const struct task_input *in, const struct target *target, const char *manager,
	struct val body, struct err *err)
{
	const struct patch_config *config = in->config;

	if (kube_patch_as(target->account, target->resource, target->namespace, target->name, NULL,
		    patch_content_type((enum patch_strategy)config->options.strategy), manager,
		    body, in->cancel, NULL, err) == 0)
		return 0;
	hide_values(target, body, err);
	return -1;
}

/* Into the context and, for later stages, the outputs. */
static void give(struct task_result *out, const char *key, struct val value)
{
	task_output(out, key, val_ref(value));
	task_context(out, key, value);
}

static int patched(const struct task_input *in, struct task_result *out,
	const struct target *target, struct val bound)
{
	const struct kube_resource *resource = target->resource;
	struct val list = val_list(), object = val_map(), metadata = val_map();

	val_set(&metadata, "name", val_string(target->name));
	if (*target->namespace)
		val_set(&metadata, "namespace", val_string(target->namespace));
	val_set(&object, "apiVersion",
		val_format("%s%s%s", resource->group, *resource->group ? "/" : "", resource->version));
	val_set(&object, "kind", val_string(resource->kind));
	val_set(&object, "metadata", metadata);
	val_append(&list, object);
	give(out, "outputs.manifests", list);
	give(out, "outputs.boundArtifacts", val_is_list(bound) ? val_ref(bound) : val_list());
	return target_done(in, out, target);
}

/* Whose the operations are: of this very task, so that the server's notes tell whether they have taken effect. Owned. */
static char *manager_of(const struct task_input *in)
{
	return xasprintf("%s-%s", KUBERNETES_FIELD_MANAGER, in->idempotency_key);
}

/* Comes again once the state that the operations are for is on record. */
static int note_state(
	const struct task_input *in, struct task_result *out, struct val mark, struct err *err)
{
	if (in->task->attempts >= TRIES)
		return err_set(err, ERR_CONFLICT,
			"the object changes all the time: %d tries to patch it have failed", TRIES);
	task_context(out, "patchBefore", val_ref(mark));
	return task_again_at(out, in->now_ms);
}

/* What is noted on the object: the same each time that a pipeline does the same; owned. */
static char *cause_of(const struct task_input *in, const struct target *target)
{
	const char *pipeline = in->execution->name, *stage = in->stage->name;

	return xasprintf("gennaker patch %s (pipeline %.200s, stage %.200s)", target->full_name,
		pipeline ? pipeline : "", stage ? stage : "");
}

/*
 * Operations. An object that is no longer as noted was either changed by them, when what the server notes of this task's updates has
 * changed, or by somebody else: then they are for its new state.
 */
static int send_operations(const struct task_input *in, struct task_result *out,
	const struct target *target, struct val body, struct err *err)
{
	struct val mark = val_get(in->stage->context, "patchBefore");
	_cleanup_(val_free) struct val object = VAL_NULL, now = VAL_NULL, guarded = VAL_NULL;
	_cleanup_(val_free) struct val operations = VAL_NULL;
	_cleanup_free_ char *manager = manager_of(in), *cause = cause_of(in, target);
	bool record = ((const struct patch_config *)in->config)->options.record;

	if (target_read(in, target, &object, err) < 0)
		return -1;
	now = patch_mark(object, manager);
	if (val_is_null(mark))
		return note_state(in, out, now, err);
	if (!val_equal(val_get(mark, "resourceVersion"), val_get(now, "resourceVersion"))) {
		if (val_equal(val_get(mark, "ours"), val_get(now, "ours")))
			return note_state(in, out, now, err);
		return patched(in, out, target, VAL_NULL);
	}
	operations = val_ref(body);
	if (record)
		patch_record(&operations, PATCH_JSON, object, cause);
	guarded = patch_guarded(operations, mark);
	if (send_patch(in, target, manager, guarded, err) == 0)
		return patched(in, out, target, VAL_NULL);
	if (err->kind != ERR_CONFLICT)
		return -1;
	/* It is another object by now; the next look tells by whom. */
	err_clear(err);
	return task_again_at(out, in->now_ms);
}

static int send_part(const struct task_input *in, struct task_result *out,
	const struct target *target, struct val body, struct err *err)
{
	_cleanup_(val_free) struct val patch = val_ref(body), bound = val_list();
	_cleanup_free_ char *version = xasprintf("%s%s%s", target->resource->group,
		*target->resource->group ? "/" : "", target->resource->version);
	_cleanup_free_ char *cause = cause_of(in, target);
	const struct patch_config *config = in->config;

	patch_bind(&patch, version, target->resource->kind, target->namespace,
		kube_account_name(target->account),
		val_get(in->stage->context, "optionalArtifacts"), &bound);
	if (config->options.record)
		patch_record(&patch, (enum patch_strategy)config->options.strategy, VAL_NULL, cause);
	if (send_patch(in, target, KUBERNETES_FIELD_MANAGER, patch, err) == 0)
		return patched(in, out, target, bound);
	if (err->kind == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "Could not find kubernetes manifest: %s%s%s",
			target->full_name, *target->namespace ? " in " : "", target->namespace);
	return -1;
}

static int patch_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct patch_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val body = VAL_NULL;

	if (target_open(in, &target, err) < 0 || body_of(in, &body, err) < 0)
		return -1;
	if (target_announce(in, out, &target, "patching %s", target.full_name))
		return 0;
	if (config->options.strategy == PATCH_JSON)
		return send_operations(in, out, &target, body, err);
	return send_part(in, out, &target, body, err);
}
