/*
 * The one object that a manifest stage works on: named, or chosen by cluster and criteria when the stage starts.
 *
 * The choice is a task of its own. Its result, `manifestName`, is committed before anything happens to the object, so
 * that a repetition never takes another one.
 */
#ifndef KUBERNETES_STAGE_TARGET_H
#define KUBERNETES_STAGE_TARGET_H

#include "engine/stage_type.h"
#include "kubernetes/kubernetes.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/target.h"

/* First member, `target`, of a stage's config. */
struct target_config {
	char *account, *credentials;
	char *mode;
	char *location;
	char *manifest_name;
	char *kind, *app, *cluster, *criteria;
	struct val moniker;
};

extern const char *const target_modes[]; /* static, dynamic */

/* The rows of struct target_config, at the head of the fields of a stage whose config is TYPE. MODES: choices of `mode`. */
#define TARGET_FIELDS(type, modes)                                                                   \
	ACCOUNT_FIELDS(type, target.account, target.credentials),                                    \
		FIELD(type, target.mode, "mode", .choices = (modes), .widget = "radio",              \
			.title = { "Selector", "Selector（选择方式）" },                             \
			.help = { "By name; by cluster and rule; by labels.",                        \
				"按名称、按集群与规则、按标签选择。" }),                             \
		FIELD(type, target.location, "location", .widget = "combo",                          \
			.title = { "Namespace", "Namespace（命名空间）" },                           \
			.help = { "Namespace of the object; nothing, or _, for kinds without one.",  \
				"资源对象所在的命名空间。" }),                                       \
		FIELD(type, target.manifest_name, "manifestName", .widget = "combo",                 \
			.when = "mode == static", .title = { "Name", "Name（资源名称）" },           \
			.help = { "Kind and name, such as \"deployment web\".",                      \
				"资源对象名称，例如 `deployment nginx-deployment`。" }),             \
		FIELD(type, target.kind, "kind", .widget = "combo", .when = "mode != label",         \
			.title = { "Kind", "Kind（资源类型）" },                                     \
			.help = { "Kind of the object.", "资源对象类型。" }),                        \
		FIELD(type, target.app, "app", .when = "mode == dynamic",                            \
			.title = { "Application", "应用" },                                          \
			.help = { "Application of the cluster; nothing means that of the pipeline.", \
				"集群所属的应用，不填则为流水线的应用。" }),                         \
		FIELD(type, target.cluster, "cluster", .widget = "combo",                            \
			.when = "mode == dynamic", .title = { "Cluster", "Cluster（集群）" },        \
			.help = { "The cluster that the object belongs to.",                         \
				"资源对象所在的集群。" }),                                           \
		FIELD(type, target.criteria, "criteria", .choices = criteria_names,                  \
			.widget = "select", .when = "mode == dynamic",                               \
			.title = { "Target", "Target（匹配规则）" },                                 \
			.help = { "Which of the cluster's objects.", "选择规则匹配资源对象。" }),    \
		FIELD(type, target.moniker, "moniker", .flags = FIELD_MAP,                           \
			.title = { "Moniker", "命名信息" },                                          \
			.help = { "Its app counts when app is empty.",                               \
				"app 为空时使用其中的 app。" })

/* What such a stage hands on. */
#define TARGET_OUTPUTS                                                                 \
	FIELD_KNOWN("manifestName", FIELD_STRING,                                      \
		.help = { "Kind and name of the object.", "资源对象的类型与名称。" }), \
		FIELD_KNOWN("outputs.manifestNamesByNamespace", FIELD_VALUE,           \
			.help = { "Namespace to \"kind name\".", "命名空间到「类型 名称」的映射。" })

/* The task that turns criteria into manifestName. Nothing to do when the stage names its object. */
#define RESOLVE_TARGET_TASK                                                 \
	{                                                                   \
		.name = "resolveTargetManifest", .run = target_resolve_run, \
		.timeout_ms = 2 * 60 * 1000, .slot = stage_account_slot     \
	}
/* … and is not even there then: of stages that upstream gives none. */
#define RESOLVE_TARGET_IF_DYNAMIC                                                                  \
	{                                                                                          \
		.name = "resolveTargetManifest", .run = target_resolve_run,                        \
		.when = target_is_dynamic, .timeout_ms = 2 * 60 * 1000, .slot = stage_account_slot \
	}
/* The task that changes the object. It may run again: it looks at the object first, or sets what is set already. */
#define CHANGE_TARGET_TASK(task, function)                                       \
	{                                                                        \
		.name = (task), .run = (function), .timeout_ms = 10 * 60 * 1000, \
		.repeat = TASK_SAFE, .slot = stage_account_slot                  \
	}
int target_resolve_run(const struct task_input *in, struct task_result *out, struct err *err);
bool target_is_dynamic(const struct task_input *in);

/* `location` with "_" for none. */
const char *target_namespace(const struct task_input *in);
/* The application of a dynamic choice. */
const char *target_application(const struct task_input *in);

/* Checks that need no server, for struct stage_type.check: account, namespace, name or criteria. OPERATION is for messages. */
int target_check(const struct task_input *in, const char *operation, struct err *err);

/* The object, by its name. Texts are owned but for the namespace. */
struct target {
	struct kube_account *account;
	const struct kube_resource *resource;
	const char *namespace;
	char *kind, *name; /* "deployment", "web" */
	char *full_name;   /* "deployment web" */
};
void target_free(struct target *target);
/* RET->resource is NULL: no I/O. */
int target_name(const struct task_input *in, struct target *ret, struct err *err);
/* … with its kind as the server serves it. */
int target_open(const struct task_input *in, struct target *ret, struct err *err);
/* Reads it; missing: "Could not find kubernetes manifest: deployment web in shop". *RET is owned. */
int target_read(
	const struct task_input *in, const struct target *target, struct val *ret, struct err *err);
/* ERR_INVALID "Resource with deployment web in shop does not support WHAT" unless its kind is one of KINDS (ends with NULL). */
int target_require_kind(
	const struct target *target, const char *const *kinds, const char *what, struct err *err);
/*
 * The first run of a task that changes something says so and comes again, so that it is on record before it happens: true then, and
 * *OUT is filled. FORMAT makes "scaling deployment web to 3", the account is added.
 */
bool target_announce(const struct task_input *in, struct task_result *out,
	const struct target *target, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What was done to which object, for later tasks (the wait for stability) and stages. Fills *OUT as done; returns 0. */
int target_done(const struct task_input *in, struct task_result *out, const struct target *target);

#endif
