/*
 * Delete (Manifest): deletes one object by its name and waits until that very object, its uid, is gone. The uid is read and
 * committed first, so that doing it again never deletes an object that took the old one's place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stages.h"

enum mode { MODE_STATIC, MODE_DYNAMIC, MODE_LABEL };
static const char *const modes[] = { "static", "dynamic", "label", NULL };
static const char *const criteria[] = { "newest", "second_newest", "oldest", "largest", "smallest",
	NULL };

struct delete_options {
	char *cascading;
	char *orphan_dependents;
	struct val grace_period;
};

struct delete_config {
	char *account, *credentials;
	int mode;
	char *location;
	char *manifest_name;
	struct delete_options options;
};

static int delete_check(const struct task_input *in, struct err *err);
static int target_run(const struct task_input *in, struct task_result *out, struct err *err);
static int delete_run(const struct task_input *in, struct task_result *out, struct err *err);
static int gone_run(const struct task_input *in, struct task_result *out, struct err *err);

static const struct field option_fields[] = {
	FIELD(struct delete_options, cascading, "cascading", .widget = "bool",
		.title = { "Cascading", "级联删除" },
		.help = { "Delete what it manages too, e.g. the Pods of a ReplicaSet; off may leave "
			  "orphans. Also: background, foreground, orphan.",
			"勾选后，表示删除此资源对象管理的所有资源对象；不勾选可能会产生孤儿资源。" }),
	FIELD(struct delete_options, orphan_dependents, "orphanDependents",
		.title = { "Orphan dependents (older)", "保留从属资源（旧）" },
		.help = { "When it is there it counts instead of cascading, the other way round.",
			"存在时优先于 cascading，含义相反。" }),
	FIELD(struct delete_options, grace_period, "gracePeriodSeconds", .widget = "secs",
		.title = { "Grace period", "Grace Period（宽限期）" },
		.help = { "Overrides the manifest's value.",
			"指定资源对象正式终止的时间，将会覆盖 manifest 设置的时间。" }),
	{ 0 },
};

const struct stage_type delete_manifest_stage = {
	.name = "deleteManifest",
	.title = { "Delete (Manifest)", "删除（Manifest）" },
	.summary = { "Delete a Kubernetes object.", "删除 Kubernetes 对象。" },
	.category = "kubernetes",
	.fields = ROWS(struct field,
		FIELD(struct delete_config, account, "account", .widget = "account",
			.title = { "Account", "云账号" },
			.help = { "Account that manages the resources.", "管理资源对象的云账号。" }),
		FIELD(struct delete_config, credentials, "credentials", .widget = "account",
			.title = { "Account (older name)", "云账号（旧名称）" },
			.help = { "Counts when account is empty.", "account 为空时使用。" }),
		FIELD_KNOWN("cloudProvider", FIELD_STRING, .flags = FIELD_UI,
			.title = { "Provider", "云服务" }),
		FIELD(struct delete_config, mode, "mode", .choices = modes, .widget = "radio",
			.title = { "Selector", "Selector（选择方式）" },
			.help = { "By name; by cluster and rule; by labels.",
				"按名称、按集群与规则、按标签选择。" }),
		FIELD(struct delete_config, location, "location", .widget = "combo",
			.title = { "Namespace", "Namespace（命名空间）" },
			.help = { "Namespace of the object; nothing, or _, for kinds without one.",
				"资源对象所在的命名空间。" }),
		FIELD(struct delete_config, manifest_name, "manifestName", .widget = "combo",
			.when = "mode == static", .title = { "Name", "Name（资源名称）" },
			.help = { "Kind and name, such as \"deployment web\".",
				"资源对象名称，例如 `deployment nginx-deployment`。" }),
		FIELD_KNOWN("kind", FIELD_STRING, .widget = "combo", .when = "mode != label",
			.title = { "Kind", "Kind（资源类型）" },
			.help = { "Kind of the object.", "资源对象类型。" }),
		FIELD_KNOWN("app", FIELD_STRING, .when = "mode == dynamic",
			.title = { "Application", "应用" }),
		FIELD_KNOWN("cluster", FIELD_STRING, .widget = "combo", .when = "mode == dynamic",
			.title = { "Cluster", "Cluster（集群）" },
			.help = { "The cluster that the object belongs to.", "资源对象所在的集群。" }),
		FIELD_KNOWN("criteria", FIELD_STRING, .choices = criteria, .widget = "select",
			.when = "mode == dynamic", .title = { "Target", "Target（匹配规则）" },
			.help = { "Which of the cluster's objects.", "选择规则匹配资源对象。" }),
		FIELD_KNOWN("kinds", FIELD_STR_LIST, .widget = "multi", .when = "mode == label",
			.title = { "Kinds", "Kind（资源类型）" }),
		FIELD_KNOWN("labelSelectors", FIELD_VALUE, .widget = "labels",
			.when = "mode == label", .title = { "Labels", "Labels（标签规则）" },
			.help = { "No rule: every object of those kinds.",
				"不填写规则表示匹配所有满足指定类型的资源对象。" }),
		FIELD(struct delete_config, options, "options", .rows = option_fields,
			.title = { "Settings", "设置选项" }),
		FIELD_KNOWN("moniker", FIELD_VALUE, .flags = FIELD_UI,
			.title = { "Moniker", "命名信息" })),
	.config_size = sizeof(struct delete_config),
	.check = delete_check,
	.tasks = ROWS(struct task_row,
		{ .name = "resolveTargetManifest",
			.run = target_run,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "deleteManifest",
			.run = delete_run,
			.timeout_ms = 10 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "monitorDelete",
			.run = gone_run,
			.poll_every_ms = 5000,
			.timeout_ms = 30 * 60 * 1000,
			.timeout_overridable = true,
			.slot = stage_account_slot }),
	.outputs = ROWS(struct field,
		FIELD_KNOWN("outputs.manifestNamesByNamespace", FIELD_VALUE,
			.help = { "Namespace to \"kind name\".", "命名空间到「类型 名称」的映射。" }),
		FIELD_KNOWN("manifestName", FIELD_STRING,
			.help = { "Kind and name of the object.", "资源对象的类型与名称。" })),
};

/* Without `mode`, as older pipelines have it, the fields decide. */
static enum mode mode_of(const struct task_input *in)
{
	const struct delete_config *config = in->config;
	struct val context = in->stage->context;

	if (*val_get_text(context, "mode", ""))
		return (enum mode)config->mode;
	if (*val_get_text(context, "criteria", ""))
		return MODE_DYNAMIC;
	if (config->manifest_name && *config->manifest_name)
		return MODE_STATIC;
	return val_count(val_get(context, "kinds")) || val_has(context, "labelSelectors") ?
		MODE_LABEL :
		MODE_STATIC;
}

static const char *policy_of(const char *word)
{
	static const char *const rows[][2] = { { "true", "Background" }, { "false", "Orphan" },
		{ "background", "Background" }, { "foreground", "Foreground" },
		{ "orphan", "Orphan" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (str_equal_nocase(str_trim(str_of(word)), str_of(rows[i][0])))
			return rows[i][1];
	}
	return NULL;
}

/* propagationPolicy: the servers' own default leaves the Pods of a Job behind, so it is always sent. */
static const char *propagation(const struct delete_options *options)
{
	if (options->orphan_dependents && *options->orphan_dependents)
		return str_equal_nocase(str_of(options->orphan_dependents), STR("true")) ?
			"Orphan" :
			"Background";
	if (options->cascading && *options->cascading)
		return policy_of(options->cascading);
	return "Background";
}

/* "deployment web" as written, its parts, and its canonical spelling. */
struct target {
	char *kind, *name, *full_name;
	const char *namespace;
	struct kube_account *account;
};

static void target_free(struct target *target)
{
	free(target->kind);
	free(target->name);
	free(target->full_name);
}

static int target_of(const struct task_input *in, struct target *ret, struct err *err)
{
	const struct delete_config *config = in->config;
	const char *location = config->location ? config->location : "";

	if (!config->manifest_name || !*config->manifest_name)
		return err_set(err, ERR_INVALID, "manifestName: is required");
	if (manifest_name_parse(config->manifest_name, &ret->kind, &ret->name, err) < 0)
		return err_wrap(err, "manifestName");
	ret->full_name = xasprintf("%s %s", ret->kind, ret->name);
	ret->namespace = strcmp(location, "_") == 0 ? "" : location;
	return stage_account(in, &ret->account, err);
}

static int delete_check(const struct task_input *in, struct err *err)
{
	const struct delete_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	enum mode mode = mode_of(in);

	if (mode != MODE_STATIC)
		return err_set(err, ERR_UNSUPPORTED,
			"mode: deleting by %s is not built yet; give the object by manifestName "
			"with mode \"static\"",
			mode == MODE_DYNAMIC ? "cluster and criteria" : "labels");
	if (!propagation(&config->options))
		return err_set(err, ERR_INVALID,
			"options.cascading: expected true, false, background, foreground or orphan, "
			"got \"%s\"",
			config->options.cascading);
	if (target_of(in, &target, err) < 0)
		return -1;
	return kube_account_check_namespace(target.account, "deleteManifest", target.namespace, err);
}

static int find_target(const struct task_input *in, struct target *target,
	const struct kube_resource **ret, struct err *err)
{
	if (target_of(in, target, err) < 0)
		return -1;
	return kube_find_resource(target->account, NULL, target->kind, in->cancel, ret, err);
}

/* Which object it is now. None is fine: then there is nothing to do. */
static int target_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL;
	const struct kube_resource *resource;
	struct val uid = VAL_NULL;

	if (find_target(in, &target, &resource, err) < 0)
		return -1;
	if (kube_get(target.account, resource, target.namespace, target.name, in->cancel, &object,
		    err) == 0)
		uid = val_get(val_get(object, "metadata"), "uid");
	else if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	task_context(out, "deleteUid", val_ref(uid));
	task_context(out, "manifestName", val_string(target.full_name));
	task_output(out, "manifestName", val_string(target.full_name));
	return task_done(out);
}

/* Whole seconds; what is none is ignored. 0 is 1: to kill at once was never what people asked for. */
static bool grace_period(const struct delete_options *options, int64_t *ret)
{
	struct val value = options->grace_period;
	int64_t number;

	if (!val_as_int(value, &number) && !str_to_int(str_trim(val_as_str(&value)), &number))
		return false;
	*ret = number == 0 ? 1 : number;
	return number >= 0;
}

static struct val delete_options(const struct delete_config *config, struct val uid)
{
	struct val options = val_map(), preconditions = val_map();
	int64_t seconds;

	val_set(&preconditions, "uid", val_ref(uid));
	val_set(&options, "propagationPolicy", val_string(propagation(&config->options)));
	if (grace_period(&config->options, &seconds))
		val_set(&options, "gracePeriodSeconds", val_int(seconds));
	val_set(&options, "preconditions", preconditions);
	return options;
}

/* Into the context and, for later stages, the outputs. */
static void give(struct task_result *out, const char *key, struct val value)
{
	task_output(out, key, val_ref(value));
	task_context(out, key, value);
}

static int delete_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct delete_config *config = in->config;
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val options = VAL_NULL;
	struct val uid = val_get(in->stage->context, "deleteUid"), names = VAL_NULL;
	const struct kube_resource *resource;

	if (find_target(in, &target, &resource, err) < 0)
		return -1;
	if (in->task->attempts == 0 && !val_is_null(uid)) {
		_cleanup_free_ char *line = stage_account_line(in, target.account);

		task_says(out, "deleting %s from %s", target.full_name, line);
		return task_again_at(out, in->now_ms);
	}
	options = delete_options(config, uid);
	if (!val_is_null(uid) &&
		kube_delete(target.account, resource, target.namespace, target.name, options,
			in->cancel, NULL, err) < 0) {
		/* Gone already, or another one has its place. */
		if (err->kind != ERR_NOT_FOUND && err->kind != ERR_CONFLICT)
			return -1;
		err_clear(err);
	}
	names_by_namespace_add(&names, target.namespace, target.full_name);
	give(out, "outputs.manifestNamesByNamespace", names);
	give(out, "manifest.account.name", val_string(kube_account_name(target.account)));
	give(out, "manifest.name", val_string(target.full_name));
	give(out, "manifest.location", val_string(target.namespace));
	return task_done(out);
}

static char *finalizers_of(struct val object)
{
	struct val list = val_get(val_get(object, "metadata"), "finalizers");
	struct strbuf text = STRBUF_INIT(512);

	for (size_t i = 0; i < val_count(list); i++) {
		struct val name = val_at(list, i);

		strbuf_printf(&text, "%s%s", i ? ", " : " (finalizers: ", val_text(&name));
	}
	if (text.length)
		strbuf_add_char(&text, ')');
	return strbuf_detach(&text);
}

/* From the watch, or by asking; VAL_NULL when there is none. */
static int read_target(const struct task_input *in, const struct target *target,
	const struct kube_resource *resource, struct val *ret, struct err *err)
{
	bool gone = false;

	*ret = VAL_NULL;
	if (kube_watched(target->account, resource, target->namespace, target->name, ret, &gone) ||
		gone)
		return 0;
	if (kube_get(target->account, resource, target->namespace, target->name, in->cancel, ret,
		    err) == 0)
		return 0;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	return 0;
}

static int gone_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL;
	_cleanup_free_ char *key = NULL, *finalizers = NULL;
	struct val uid = val_get(in->stage->context, "deleteUid");
	const struct kube_resource *resource;
	int64_t poll_ms = 0;

	if (val_is_null(uid))
		return task_done(out);
	if (find_target(in, &target, &resource, err) < 0)
		return -1;
	key = kube_watch(target.account, resource, target.namespace, target.name, &poll_ms);
	if (read_target(in, &target, resource, &object, err) < 0)
		return -1;
	if (!val_equal(val_get(val_get(object, "metadata"), "uid"), uid))
		return task_done(out);
	finalizers = finalizers_of(object);
	task_says(out, "%s: waiting until it is gone%s", target.full_name, finalizers);
	return task_wait(out, key, in->now_ms + poll_ms);
}
