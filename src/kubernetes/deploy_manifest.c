/*
 * Deploy (Manifest): sends objects to a cluster and waits until they are stable. Names and versions are chosen, and the choice
 * committed, before the first object is sent; sending is server-side apply, so that doing it again does no harm.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/bind_produced.h"
#include "kubernetes/deploy.h"
#include "kubernetes/manifest.h"
#include "kubernetes/selectors.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stages.h"

static const char *const strategies[] = { "none", "redblack", "bluegreen", "highlander", NULL };

static int deploy_check(const struct task_input *in, struct err *err);
static enum expr_failure deploy_evaluate(struct evaluation *evaluation);
static int resolve_run(const struct task_input *in, struct task_result *out, struct err *err);
static bool has_history_limit(const struct task_input *in);

static const struct field traffic_option_fields[] = {
	FIELD(struct deploy_traffic_options, services, "services",
		.title = { "Service(s)", "关联 Service" },
		.help = { "Services that send traffic to the new Pods.",
			"为新 Pod 转发流量的 Service。" }),
	FIELD(struct deploy_traffic_options, enable, "enableTraffic", .preset = "false",
		.title = { "Send client requests to new pods", "将流量转发至新 Pod" }),
	FIELD(struct deploy_traffic_options, strategy, "strategy", .choices = strategies,
		.title = { "Strategy", "策略" },
		.help = { "What becomes of the ReplicaSets that were there.",
			"如何处理已有的 ReplicaSet。" }),
	FIELD_KNOWN("namespace", FIELD_STRING, .flags = FIELD_UI,
		.title = { "Namespace of the Services", "Service 所在的命名空间" }),
	{ 0 },
};

static const struct field traffic_fields[] = {
	FIELD(struct deploy_traffic, enabled, "enabled", .preset = "false",
		.title = { "Manage traffic by strategy", "按策略管理流量" },
		.help = { "Spinnaker manages traffic based on the selected strategy.",
			"根据所选策略管理流量。" }),
	FIELD(struct deploy_traffic, options, "options", .rows = traffic_option_fields,
		.when = "enabled == true", .title = { "Rollout strategy options", "发布策略" }),
	{ 0 },
};

const struct stage_type deploy_manifest_stage = {
	.name = "deployManifest",
	.title = { "Deploy (Manifest)", "部署（Manifest）" },
	.summary = { "Deploy a Kubernetes manifest.",
		"部署资源清单，并用制品覆盖其中的 Docker 镜像、ConfigMap、Secret。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, ACCOUNT_FIELDS(struct deploy_config, account, credentials),
		FIELD(struct deploy_config, source, "source", .choices = source_names,
			.flags = FIELD_REQUIRED, .unsupported_if = "artifact",
			.unsupported = "manifests from an artifact are not built yet; use \"text\"",
			.widget = "radio", .title = { "Manifest source", "制品来源" },
			.help = { "Typed here, or read from an artifact at run time.",
				"静态填写，或运行时使用绑定的制品。" }),
		FIELD(struct deploy_config, manifests, "manifests", .widget = "manifest",
			.when = "source == text", .title = { "Manifest", "Manifest（资源清单）" },
			.help = { "One object a document; nested lists and List objects are expanded.",
				"直接编辑 YAML 内容，可包含多个文档。" }),
		FIELD(struct deploy_config, manifest, "manifest", .when = "source == text",
			.title = { "Manifest (older, single form)", "Manifest（旧的单个形式）" },
			.help = { "Counts when manifests is empty.", "manifests 为空时使用。" }),
		FIELD_KNOWN("manifestArtifactId", FIELD_STRING, .widget = "artifact",
			.when = "source == artifact", .title = { "Manifest artifact", "Manifest 制品" },
			.help = { "A text file that holds manifests.",
				"必须是包含 Manifest 定义的文本文件。" }),
		FIELD_KNOWN("manifestArtifact", FIELD_VALUE, .when = "source == artifact",
			.title = { "Manifest artifact, given here", "内联 Manifest 制品" }),
		FIELD_KNOWN("manifestArtifactAccount", FIELD_STRING, .when = "source == artifact",
			.title = { "Account of the artifact", "制品账号" }),
		FIELD(struct deploy_config, namespace_override, "namespaceOverride",
			.widget = "combo", .title = { "Override namespace", "覆盖命名空间" },
			.help = { "Puts all objects that live in a namespace into this one.",
				"将所有命名空间级别的对象部署到该命名空间。" }),
		FIELD(struct deploy_config, skip_expressions, "skipExpressionEvaluation",
			.preset = "false", .title = { "Skip expression evaluation", "跳过表达式求值" },
			.help = { "Leave `${…}` in manifests alone.", "保留清单中的 `${…}`。" }),
		FIELD_KNOWN("requiredArtifactIds", FIELD_STR_LIST, .widget = "artifacts",
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts to bind", "必须绑定的制品" },
			.help = { "The stage fails if one is not bound.",
				"如果绑定失败，阶段将启动失败。" }),
		FIELD_KNOWN("requiredArtifacts", FIELD_VALUE, .flags = FIELD_LIST,
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts, given here", "内联的必须绑定的制品" }),
		FIELD(struct deploy_config, bind, "enableArtifactBinding", .preset = "true",
			.title = { "Bind artifacts", "绑定制品" },
			.help = { "Off: only what this stage itself deploys is bound.",
				"关闭后仅绑定本阶段部署的对象。" }),
		FIELD(struct deploy_config, moniker, "moniker", .flags = FIELD_MAP,
			.title = { "Moniker", "命名信息" },
			.help = { "Application, cluster, stack and detail that are noted on the objects.",
				"标注在对象上的应用、集群等信息。" }),
		FIELD(struct deploy_config, skip_template_labels, "skipSpecTemplateLabels",
			.preset = "false",
			.title = { "Skip spec template labels", "不添加 Pod 模板标签" },
			.help = { "The Pod template gets no labels of ours, its annotations it does.",
				"不在 Pod 模板中添加标签（注解仍会添加）。" }),
		FIELD(struct deploy_config, label_selectors, "labelSelectors", .flags = FIELD_MAP,
			.widget = "labels", .title = { "Label selectors", "按标签选择部署" },
			.help = { "Only objects whose labels fit are deployed.",
				"仅部署标签匹配的对象。" }),
		FIELD(struct deploy_config, allow_nothing_selected, "allowNothingSelected",
			.preset = "false", .when = "labelSelectors set",
			.title = { "Allow nothing selected", "允许未选中任何对象" },
			.help = { "No object that fits is no error.", "没有匹配的对象时不视为错误。" }),
		FIELD(struct deploy_config, versioned, "versioned", .title = { "Versioned", "版本化" },
			.help = { "Whether objects get a version at the end of their names; nothing "
				  "means what their kind does.",
				"对象名称是否带版本号；不填则由资源类型决定。" }),
		FIELD(struct deploy_config, traffic, "trafficManagement", .rows = traffic_fields,
			.title = { "Rollout strategy", "发布策略" },
			.help = { "Blue/Green and the like, for ReplicaSets.",
				"蓝绿等策略，仅适用于 ReplicaSet。" }),
		FIELD_KNOWN("stableManifestTimeoutMinutes", FIELD_NUMBER,
			.title = { "Minutes to become stable", "稳定超时（分钟）" },
			.help = { "How long to wait for stability; nothing means 30.",
				"等待稳定的最长时间，不填为 30。" }),
		FIELD_KNOWN("includeEvents", FIELD_BOOL, .preset = "false",
			.title = { "Include events", "包含事件" },
			.help = { "Keep what the cluster tells of the objects, in `events`.",
				"将集群中与这些对象有关的事件保存到 `events`。" }),
		FIELD(struct deploy_config, no_output, "noOutput", .preset = "false",
			.title = { "No outputs", "无输出" },
			.help = { "Later stages see nothing of what was deployed.",
				"后续阶段看不到部署的结果。" }),
		FIELD_KNOWN("relationships", FIELD_VALUE, .flags = FIELD_UI,
			.title = { "Relationships", "关联关系" })),
	.config_size = sizeof(struct deploy_config),
	.check = deploy_check,
	.evaluate = deploy_evaluate,
	.tasks = ROWS(struct task_row,
		{ .name = "resolveDeploySourceManifest", .run = resolve_run, .is_inline = true },
		{ .name = "chooseManifestVersions",
			.run = deploy_choose_run,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "deployManifest",
			.run = deploy_send_run,
			.timeout_ms = 60 * 60 * 1000,
			.slot = stage_account_slot },
		WAIT_STABLE_TASK,
		{ .name = "cleanupArtifacts",
			.run = deploy_clean_up_run,
			.when = has_history_limit,
			.timeout_ms = 60 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "resolveRolloutStrategy",
			.run = deploy_strategy_run,
			.when = deploy_has_strategy,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		BIND_PRODUCED_ARTIFACTS),
	.plan_after = deploy_plan_after,
	.restart = stage_forget,
	.outputs = ROWS(struct field,
		FIELD_KNOWN("manifests", FIELD_VALUE,
			.help = { "The manifests as they were resolved.", "解析后的资源清单。" }),
		FIELD_KNOWN("outputs.manifests", FIELD_VALUE,
			.help = { "The objects as the API server gave them back, without the values of "
				  "Secrets.",
				"API 服务器返回的对象，不含 Secret 的值。" }),
		FIELD_KNOWN("outputs.manifestNamesByNamespace", FIELD_VALUE,
			.help = { "Namespace to \"kind name\".", "命名空间到「类型 名称」的映射。" }),
		FIELD_KNOWN("outputs.createdArtifacts", FIELD_VALUE,
			.help = { "One artifact an object.", "每个对象对应一个制品。" }),
		FIELD_KNOWN("outputs.boundArtifacts", FIELD_VALUE,
			.help = { "Artifacts that took a place in a manifest.",
				"被绑定到清单中的制品。" }),
		FIELD_KNOWN("artifacts", FIELD_VALUE,
			.help = { "The same as outputs.createdArtifacts.",
				"与 outputs.createdArtifacts 相同。" })),
};

static int deploy_check(const struct task_input *in, struct err *err)
{
	struct kube_account *account;

	return stage_account(in, &account, err);
}

/* ---- expressions ------------------------------------------------------------------------------ */

static enum expr_failure deploy_evaluate(struct evaluation *evaluation)
{
	static const char *const keys[] = { "manifests", "manifest", NULL };

	return source_evaluate(evaluation, keys);
}

const char *deploy_strategy_name(const struct deploy_config *config)
{
	const struct deploy_traffic *traffic = &config->traffic;

	return traffic->enabled && traffic->options.strategy > 0 ?
		strategies[traffic->options.strategy] :
		NULL;
}

/* A switch from one version to the next needs both. */
static int check_history(const struct deploy_config *config, struct val manifest, struct err *err)
{
	const char *strategy = deploy_strategy_name(config);
	_cleanup_free_ char *text = manifest_annotation_text(manifest, MAX_VERSION_HISTORY);
	int64_t number;

	if (!text || !str_to_int(str_of(text), &number) || number >= 2 || !strategy ||
		strcmp(strategy, "highlander") == 0)
		return 0;
	return err_set(err, ERR_INVALID,
		"the annotation %s is %s, and must be at least 2 with the strategy %s",
		MAX_VERSION_HISTORY, text,
		strcmp(strategy, "redblack") == 0 ? "Red/Black" : "Blue/Green");
}

/* ---- what is deployed ------------------------------------------------------------------------- */

bool deploy_has_selectors(const struct deploy_config *config)
{
	return val_count(val_get(config->label_selectors, "selectors")) > 0;
}

/* The stage's manifests as one list; owned. */
static int resolve(const struct deploy_config *config, const struct kube_account *account,
	struct val *ret, struct err *err)
{
	bool single = val_is_null(config->manifests) ||
		(val_is_list(config->manifests) && val_count(config->manifests) == 0);
	struct val source = single ? config->manifest : config->manifests;

	if (val_is_null(source))
		return err_set(err, ERR_INVALID, "manifests: No text manifest was specified.");
	if (manifests_flatten(source, single ? "manifest" : "manifests", ret, err) < 0)
		return -1;
	if (val_count(*ret) == 0)
		return err_set(err, ERR_INVALID, "manifests: No text manifest was specified.");
	if (config->namespace_override && *config->namespace_override)
		manifests_override_namespace(
			ret, config->namespace_override, kube_account_custom_kinds(account));
	return 0;
}

int deploy_say_which(struct val manifest, size_t index, struct err *err)
{
	_cleanup_free_ char *name = manifest_full_name(manifest, NULL);

	return err_wrap(err, "manifests[%zu] (%s)", index, name);
}

/* Which namespace an object changes: a Namespace itself. */
static const char *namespace_of(struct val manifest)
{
	const char *kind = manifest_kind(manifest)->name;

	return kind && strcmp(kind, "namespace") == 0 ? manifest_name(manifest) :
							manifest_namespace(manifest);
}

static int resolve_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct deploy_config *config = in->config;
	_cleanup_(val_free) struct val manifests = VAL_NULL;
	_cleanup_free_ char *selectors = NULL;
	struct kube_account *account;

	if (stage_account(in, &account, err) < 0 || resolve(config, account, &manifests, err) < 0 ||
		selectors_text(config->label_selectors, &selectors, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(manifests); i++) {
		struct val manifest = val_at(manifests, i);

		if (deploy_check_manifest(manifest, deploy_has_selectors(config), err) < 0 ||
			check_history(config, manifest, err) < 0 ||
			kube_account_check_namespace(
				account, "deployManifest", namespace_of(manifest), err) < 0)
			return deploy_say_which(manifest, i, err);
	}
	task_context(out, "manifests", val_ref(manifests));
	task_context(out, "requiredArtifacts", val_list());
	task_context(out, "optionalArtifacts", config->bind ? source_artifacts(in) : val_list());
	return task_done(out);
}

void deploy_walk_start(const struct task_input *in, const struct kube_account *account,
	struct deploy_rules *rules, struct deploy_walk *walk)
{
	const struct deploy_config *config = in->config;

	*rules = (struct deploy_rules){
		.account = stage_account_name(in->stage),
		.application = in->execution->application,
		.moniker = config->moniker,
		.versioned = config->versioned,
		.kinds = kube_account_custom_kinds(account),
		.settings = val_get(val_get(in->world->settings, "kubernetes"), "v2"),
		.skip_template_labels = config->skip_template_labels,
	};
	*walk = (struct deploy_walk){
		.manifests = config->manifests,
		.rules = rules,
		.candidates = val_ref(val_get(in->stage->context, "optionalArtifacts")),
		.bound = val_list(),
		.produced = val_list(),
	};
}

static bool mentions_history(struct val value)
{
	if (val_is_map(value) && val_has(value, MAX_VERSION_HISTORY))
		return true;
	for (size_t i = 0; i < val_count(value); i++) {
		if (mentions_history(val_is_map(value) ? val_value_at(value, i) : val_at(value, i)))
			return true;
	}
	return false;
}

static bool has_history_limit(const struct task_input *in)
{
	const struct deploy_config *config = in->config;

	return mentions_history(config->manifests) || mentions_history(config->manifest);
}
