/*
 * Run Job (Manifest): runs one Job and waits until it has ended; what its log says becomes outputs.
 *
 * The name that the Job gets, and which older Job has to go, is committed before anything is sent (prepareJob). Sending is an apply under
 * that name, so that doing it again starts no second Job. A cancel or a timeout deletes the Job.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/bind_produced.h"
#include "base/alloc.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/job.h"
#include "kubernetes/job_log.h"
#include "kubernetes/manifest.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stages.h"

#define LONGEST_MS (120 * 60 * 1000)
#define PADDING_MS (5 * 60 * 1000)

static const char *const captures[] = { "none", "propertyFile", "artifact", NULL };

struct job_config {
	char *account, *credentials, *application;
	int source;
	struct val manifest, manifests;
	char *namespace, *namespace_override;
	struct val moniker;
	bool skip_expressions, bind, skip_template_labels;
	bool wait, delete_on_cancel, no_output;
	struct secs limit;
	int capture;
	char *property_file;
};

static int job_check(const struct task_input *in, struct err *err);
static enum expr_failure job_evaluate(struct evaluation *evaluation);
static void job_restart(struct val *context, struct val *outputs);
static int prepare_run(const struct task_input *in, struct task_result *out, struct err *err);
static int start_run(const struct task_input *in, struct task_result *out, struct err *err);
static int complete_run(const struct task_input *in, struct task_result *out, struct err *err);
static int clean_up(const struct task_input *in, struct task_result *out, struct err *err);
static bool waits(const struct task_input *in);

static const char *const aliases[] = { "runJob", NULL };

const struct stage_type run_job_manifest_stage = {
	.name = "runJobManifest",
	.aliases = aliases,
	.title = { "Run Job (Manifest)", "运行 Job（Manifest）" },
	.summary = { "Run a Kubernetes Job and wait for its end.",
		"运行 Kubernetes Job 并等待其结束。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, ACCOUNT_FIELDS(struct job_config, account, credentials),
		FIELD(struct job_config, application, "application", .title = { "Application", "应用" },
			.help = { "Noted on the Job; nothing means that of the pipeline.",
				"标注在 Job 上的应用，不填则为流水线的应用。" }),
		FIELD(struct job_config, source, "source", .choices = source_names,
			.preset = "text", .unsupported_if = "artifact",
			.unsupported = "a Job from an artifact is not built yet; use \"text\"",
			.widget = "radio", .title = { "Manifest source", "制品来源" },
			.help = { "Typed here, or read from an artifact at run time.",
				"静态填写，或运行时使用绑定的制品。" }),
		FIELD(struct job_config, manifest, "manifest", .widget = "manifest",
			.when = "source == text", .title = { "Manifest", "Manifest（资源清单）" },
			.help = { "Exactly one Job.", "仅支持一个 Job。" }),
		FIELD(struct job_config, manifests, "manifests", .when = "source == text",
			.title = { "Manifests", "Manifest 列表" },
			.help = { "Counts when manifest is empty.", "manifest 为空时使用。" }),
		FIELD_KNOWN("manifestArtifactId", FIELD_STRING, .widget = "artifact",
			.when = "source == artifact",
			.title = { "Manifest artifact", "Manifest 制品" }),
		FIELD_KNOWN("manifestArtifact", FIELD_VALUE, .when = "source == artifact",
			.title = { "Manifest artifact, given here", "内联 Manifest 制品" }),
		FIELD_KNOWN("manifestArtifactAccount", FIELD_STRING, .when = "source == artifact",
			.title = { "Account of the artifact", "制品账号" }),
		FIELD(struct job_config, namespace, "namespace", .widget = "combo",
			.title = { "Namespace", "命名空间" },
			.help = { "Takes the place of the manifest's.", "替换清单中的命名空间。" }),
		FIELD(struct job_config, namespace_override, "namespaceOverride", .widget = "combo",
			.title = { "Override namespace", "覆盖命名空间" },
			.help = { "Counts when namespace is empty.", "namespace 为空时使用。" }),
		FIELD(struct job_config, moniker, "moniker", .flags = FIELD_MAP,
			.title = { "Moniker", "命名信息" },
			.help = { "Cluster, stack and detail that are noted on the Job.",
				"标注在 Job 上的集群等信息。" }),
		FIELD(struct job_config, skip_expressions, "skipExpressionEvaluation",
			.preset = "false", .title = { "Skip expression evaluation", "跳过表达式求值" },
			.help = { "Leave `${…}` in the manifest alone.", "保留清单中的 `${…}`。" }),
		FIELD(struct job_config, skip_template_labels, "skipSpecTemplateLabels",
			.preset = "false",
			.title = { "Skip spec template labels", "不添加 Pod 模板标签" }),
		FIELD(struct job_config, bind, "enableArtifactBinding", .preset = "true",
			.title = { "Bind artifacts", "绑定制品" }),
		FIELD_KNOWN("requiredArtifactIds", FIELD_STR_LIST, .widget = "artifacts",
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts to bind", "必须绑定的制品" }),
		FIELD_KNOWN("requiredArtifacts", FIELD_VALUE, .flags = FIELD_LIST,
			.unsupported = "binding expected artifacts is not built yet",
			.title = { "Required artifacts, given here", "内联的必须绑定的制品" }),
		FIELD(struct job_config, wait, "waitForCompletion", .preset = "true",
			.title = { "Wait for completion", "等待完成" },
			.help = { "Off: the stage ends once the Job is there.",
				"关闭后，Job 创建后阶段即结束。" }),
		FIELD(struct job_config, delete_on_cancel, "deleteJobOnCancel", .preset = "true",
			.title = { "Delete the Job on cancel", "取消时删除 Job" },
			.help = { "Also when the stage times out.", "阶段超时时同样生效。" }),
		FIELD(struct job_config, limit, "jobRuntimeLimit",
			.title = { "Time limit", "运行时限" },
			.help = { "Seconds that the Job may take; nothing means two hours.",
				"Job 允许运行的秒数，不填为两小时。" }),
		FIELD(struct job_config, capture, "consumeArtifactSource", .choices = captures,
			.preset = "none", .unsupported_if = "artifact",
			.unsupported = "output from an artifact is not built yet; use \"propertyFile\"",
			.title = { "Capture output from", "输出来源" },
			.help = { "Where outputs for later stages come from.",
				"后续阶段可用输出的来源。" }),
		FIELD(struct job_config, property_file, "propertyFile",
			.when = "consumeArtifactSource == propertyFile",
			.title = { "Container name", "容器名" },
			.help = { "Its log is searched for SPINNAKER_PROPERTY_KEY=value and "
				  "SPINNAKER_CONFIG_JSON={…}.",
				"在其日志中查找 SPINNAKER_PROPERTY_KEY=value 与 "
				"SPINNAKER_CONFIG_JSON={…}。" }),
		FIELD_KNOWN("consumeArtifactId", FIELD_STRING,
			.when = "consumeArtifactSource == artifact", .title = { "Artifact", "制品" }),
		FIELD_KNOWN("consumeArtifact", FIELD_VALUE, .when = "consumeArtifactSource == artifact",
			.title = { "Artifact, given here", "内联制品" }),
		FIELD_KNOWN("consumeArtifactAccount", FIELD_STRING,
			.when = "consumeArtifactSource == artifact",
			.title = { "Account of the artifact", "制品账号" }),
		FIELD(struct job_config, no_output, "noOutput", .preset = "false",
			.title = { "No outputs", "无输出" })),
	.config_size = sizeof(struct job_config),
	.check = job_check,
	.evaluate = job_evaluate,
	.restart = job_restart,
	.tasks = ROWS(struct task_row,
		{ .name = "prepareJob",
			.run = prepare_run,
			.timeout_ms = 2 * 60 * 1000,
			.slot = stage_account_slot },
		{ .name = "runJob",
			.run = start_run,
			.cancel = clean_up,
			.timeout_ms = 30 * 60 * 1000,
			.repeat = TASK_SAFE,
			.slot = stage_account_slot },
		/* Looks only. */
		{ .name = "waitOnJobCompletion",
			.run = complete_run,
			.cancel = clean_up,
			.when = waits,
			.poll_every_ms = 10000,
			.repeat = TASK_SAFE,
			.slot = stage_account_slot },
		BIND_PRODUCED_ARTIFACTS),
	.outputs = ROWS(struct field,
		FIELD_KNOWN("jobStatus", FIELD_VALUE,
			.help = { "Name, state, reason and message.", "名称、状态、原因与信息。" }),
		FIELD_KNOWN("completionDetails", FIELD_VALUE,
			.help = { "Of a failure: exitCode, signal, message, reason.",
				"失败时的 exitCode、signal、message、reason。" }),
		FIELD_KNOWN("propertyFileContents", FIELD_VALUE,
			.help = { "What the log said; each key is an output too.",
				"日志中的属性，每个键同时也是输出。" })),
};

/* ---- what is run -------------------------------------------------------------------------------- */

static enum expr_failure job_evaluate(struct evaluation *evaluation)
{
	static const char *const keys[] = { "manifest", "manifests", NULL };

	return source_evaluate(evaluation, keys);
}

static bool waits(const struct task_input *in)
{
	const struct job_config *config = in->config;

	return config->wait;
}

/* The last run's results stay readable. */
static void job_restart(struct val *context, struct val *outputs)
{
	static const char *const keys[] = { "jobStatus", "completionDetails",
		"propertyFileContents", "deploy.jobs" };
	struct val *details = val_edit(context, "restartDetails");

	for (size_t i = 0; details && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (val_has(*context, keys[i]))
			val_set(details, keys[i], val_ref(val_get(*context, keys[i])));
	}
	stage_forget(context, outputs);
}

/* The Job as the stage has it, in a list of one; owned. */
static int resolve(const struct task_input *in, struct val *ret, struct err *err)
{
	const struct job_config *config = in->config;
	bool single = val_count(config->manifest) > 0 || val_is_string(config->manifest);
	struct val source = single ? config->manifest : config->manifests;
	const char *namespace = config->namespace && *config->namespace ? config->namespace :
									  config->namespace_override;
	struct val job = VAL_NULL;

	if (val_is_null(source))
		return err_set(err, ERR_INVALID, "manifest: No text manifest was specified.");
	if (job_manifest(source, single ? "manifest" : "manifests", &job, err) < 0)
		return -1;
	*ret = val_list();
	val_append(ret, job);
	if (namespace && *namespace)
		manifests_override_namespace(ret, namespace, NULL);
	return 0;
}

static int job_check(const struct task_input *in, struct err *err)
{
	const struct job_config *config = in->config;
	struct val context = in->stage->context;
	_cleanup_(val_free) struct val list = VAL_NULL;
	struct kube_account *account;

	if (val_is_null(config->manifest) && val_is_null(config->manifests) &&
		(val_has(context, "containers") || val_has(context, "container")))
		return err_set(err, ERR_UNSUPPORTED,
			"containers: a Job made from containers, as the first Kubernetes provider did, "
			"cannot be run; give a manifest");
	if (config->capture == 1 && !(config->property_file && *config->property_file))
		return err_set(err, ERR_INVALID, "propertyFile: the name of a container is required");
	if (resolve(in, &list, err) < 0 || stage_account(in, &account, err) < 0)
		return -1;
	const char *namespace = manifest_namespace(val_at(list, 0));
	return kube_account_check_namespace(
		account, "runJob", *namespace ? namespace : kube_account_namespace(account), err);
}

/* A stage's Job on its way to the server. */
struct start {
	struct kube_account *account;
	const struct kube_resource *resource;
	struct deploy_rules rules;
	struct deploy_walk walk;
	struct val list, moniker;
};

static void start_free(struct start *start)
{
	deploy_walk_free(&start->walk);
	val_free(&start->list);
	val_free(&start->moniker);
}

static int start_open(const struct task_input *in, struct start *start, struct err *err)
{
	const struct job_config *config = in->config;
	struct val optional = val_get(val_get(in->stage->context, "jobPlan"), "candidates");

	if (stage_account(in, &start->account, err) < 0 || resolve(in, &start->list, err) < 0 ||
		kube_find_resource(
			start->account, "batch/v1", "Job", in->cancel, &start->resource, err) < 0)
		return -1;
	start->moniker = val_ref(config->moniker);
	if (config->application && *config->application)
		val_set(&start->moniker, "app", val_string(config->application));
	start->rules = (struct deploy_rules){
		.account = stage_account_name(in->stage),
		.application = in->execution->application,
		.moniker = start->moniker,
		.versioned = { .value = false, .given = true },
		.settings = val_get(val_get(in->world->settings, "kubernetes"), "v2"),
		.skip_template_labels = config->skip_template_labels,
	};
	start->walk = (struct deploy_walk){
		.manifests = start->list,
		.rules = &start->rules,
		.candidates = val_is_list(optional) ? val_ref(optional) : val_list(),
		.bound = val_list(),
		.produced = val_list(),
	};
	return 0;
}

/*
 * The plan is a map: "name", "uid" of the old Job that has to go, "candidates" for binding, and "index" and "version" as deploy_object
 * wants them.
 */
static int prepare_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct job_config *config = in->config;
	_cleanup_(start_free) struct start start = { 0 };
	_cleanup_(val_free) struct val plan = val_map(), live = VAL_NULL;
	_cleanup_free_ char *name = NULL;
	struct val job;

	if (start_open(in, &start, err) < 0)
		return -1;
	job = val_at(start.list, 0);
	name = manifest_is_generated(job) ? deploy_generated_name(job, in->idempotency_key) :
					    xstrdup(manifest_name(job));
	val_set(&plan, "index", val_int(0));
	val_set(&plan, "version", val_string(""));
	val_set(&plan, "name", val_string(name));
	val_set(&plan, "candidates", config->bind ? source_artifacts(in) : val_list());
	if (kube_get(start.account, start.resource, manifest_namespace(job), name, in->cancel,
		    &live, err) == 0) {
		val_set(&plan, "uid", val_ref(val_get(val_get(live, "metadata"), "uid")));
	} else {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
	}
	task_context(out, "jobPlan", take(&plan));
	return task_done(out);
}

/* Into the context and, unless the stage wants none, the outputs. */
static void give(
	const struct task_input *in, struct task_result *out, const char *key, struct val value)
{
	const struct job_config *config = in->config;

	if (!config->no_output)
		task_output(out, key, val_ref(value));
	task_context(out, key, value);
}

static int started(
	const struct task_input *in, struct task_result *out, struct start *start, struct val job)
{
	struct val jobs = VAL_NULL;
	_cleanup_free_ char *full_name = manifest_full_name(job, NULL);
	_cleanup_free_ char *logs = manifest_annotation_text(job, "job.spinnaker.io/logs");

	names_by_namespace_add(&jobs, manifest_namespace(job), full_name);
	task_context(out, "jobUid", val_ref(val_get(val_get(job, "metadata"), "uid")));
	task_context(out, "deploy.jobs", val_ref(jobs));
	stage_note_operation(in, out, jobs);
	give(in, out, "outputs.manifestNamesByNamespace", jobs);
	give(in, out, "outputs.boundArtifacts", val_ref(start->walk.bound));
	task_context(out, "deploy.account.name", val_string(start->rules.account));
	if (logs) {
		struct val execution = val_map();

		val_set(&execution, "logs", val_string(logs));
		task_context(out, "execution", execution);
	}
	return task_done(out);
}

static int start_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val plan = val_get(in->stage->context, "jobPlan"), uid = val_get(plan, "uid");
	_cleanup_(start_free) struct start start = { 0 };
	_cleanup_(val_free) struct val bound = VAL_NULL, object = VAL_NULL, returned = VAL_NULL;
	bool comes_again = false;

	if (start_open(in, &start, err) < 0)
		return -1;
	bound = deploy_walk_bind(&start.walk, 0);
	object = deploy_object(bound, plan, &start.rules);
	if (in->task->attempts == 0) {
		_cleanup_free_ char *line = stage_account_line(in, start.account);

		task_says(out, "running job %s on %s", manifest_name(object), line);
		return task_again_at(out, in->now_ms);
	}
	if (!val_is_null(uid) &&
		stage_remove_object(
			in, out, start.account, start.resource, object, uid, &comes_again, err) < 0)
		return -1;
	if (comes_again)
		return 0;
	if (kube_apply(start.account, start.resource, manifest_namespace(object), object,
		    KUBE_APPLY_FORCE, in->cancel, &returned, NULL, err) < 0)
		return -1;
	return started(in, out, &start, returned);
}

/* ---- its end ------------------------------------------------------------------------------------- */

/* The Job that was started, where it is. Texts are borrowed from the context. */
struct running {
	struct kube_account *account;
	const struct kube_resource *resource, *pods;
	const char *namespace, *name;
	struct val uid;
};

static int running_open(const struct task_input *in, struct running *ret, struct err *err)
{
	struct val jobs = val_get(in->stage->context, "deploy.jobs");

	if (stage_account(in, &ret->account, err) < 0 ||
		kube_find_resource(
			ret->account, "batch/v1", "Job", in->cancel, &ret->resource, err) < 0)
		return -1;
	ret->namespace = val_count(jobs) ? val_key_at(jobs, 0).bytes : "";
	ret->name = val_get_text(val_get(in->stage->context, "jobPlan"), "name", "");
	ret->uid = val_get(in->stage->context, "jobUid");
	return 0;
}

/* The stage's own limit, unless stageTimeoutMs takes its place. */
static int64_t deadline_of(const struct task_input *in)
{
	const struct job_config *config = in->config;

	if (val_is_number(val_get(in->stage->context, "stageTimeoutMs")))
		return CLOCK_FOREVER;
	return in->task->start_ms +
		(config->limit.given ? config->limit.ms + PADDING_MS : LONGEST_MS);
}

/* What the log said; each property is an output of its own, too. */
static void give_properties(
	const struct task_input *in, struct task_result *out, struct val properties)
{
	const struct job_config *config = in->config;

	for (size_t i = 0; !config->no_output && i < val_count(properties); i++)
		task_output(
			out, val_key_at(properties, i).bytes, val_ref(val_value_at(properties, i)));
	if (val_count(properties))
		give(in, out, "propertyFileContents", val_ref(properties));
}

static int failed(const struct task_input *in, struct task_result *out,
	const struct running *running, struct val job, struct err *err)
{
	const struct job_config *config = in->config;
	struct val status = job_status(job, kube_account_name(running->account));
	_cleanup_(val_free) struct val pods = VAL_NULL, culprit = VAL_NULL, properties = VAL_NULL;
	_cleanup_free_ char *log = NULL, *text = NULL;
	struct val details = val_map();

	job_read_pods(in, running->account, job, &pods);
	culprit = job_culprit(pods);
	log = job_read_log_end(in, running->account, culprit);
	text = job_failure_text(status, culprit, log);
	if (config->capture == 1)
		job_read_properties(
			in, running->account, pods, config->property_file, &properties, err);
	err_clear(err);
	for (size_t i = 0; i < 4 && !val_is_null(culprit); i++) {
		static const char *const keys[] = { "exitCode", "signal", "message", "reason" };

		val_set(&details, keys[i], val_ref(val_get(culprit, keys[i])));
	}
	val_set(&status, "failureDetails", val_string(text));
	give(in, out, "jobStatus", status);
	give(in, out, "completionDetails", details);
	give_properties(in, out, properties);
	return err_set(err, ERR_FAILED, "%s", text);
}

static int succeeded(const struct task_input *in, struct task_result *out,
	const struct running *running, struct val job, struct err *err)
{
	const struct job_config *config = in->config;
	_cleanup_(val_free) struct val pods = VAL_NULL, properties = VAL_NULL;
	int64_t tries = val_get_int(in->stage->context, "propertyFileTries", 0);

	give(in, out, "jobStatus", job_status(job, kube_account_name(running->account)));
	if (config->capture != 1)
		return task_done(out);
	job_read_pods(in, running->account, job, &pods);
	if (job_read_properties(
		    in, running->account, pods, config->property_file, &properties, err) < 0) {
		if (err->kind == ERR_CANCELED || tries + 1 >= JOB_LOG_TRIES)
			return err_wrap(err,
				"Expected properties file %s but it was either missing, empty or "
				"contained invalid syntax",
				config->property_file);
		task_says(out, "job %s: its log cannot be read yet: %s", running->name,
			err_text(err));
		err_clear(err);
		task_context(out, "propertyFileTries", val_int(tries + 1));
		return task_again_at(out, in->now_ms + JOB_LOG_PAUSE_MS);
	}
	give_properties(in, out, properties);
	return task_done(out);
}

static int still_running(const struct task_input *in, struct task_result *out,
	const struct running *running, const struct kube_sight *sight)
{
	struct val counts = val_get(sight->object, "status");
	int64_t deadline = deadline_of(in);

	if (sight->seen == KUBE_SEEN)
		task_says(out, "job %s: %lld active, %lld succeeded, %lld failed", running->name,
			(long long)val_get_int(counts, "active", 0),
			(long long)val_get_int(counts, "succeeded", 0),
			(long long)val_get_int(counts, "failed", 0));
	task_wait(out, sight->key, in->now_ms + sight->poll_ms);
	if (out->until_ms > deadline)
		out->until_ms = deadline;
	return 0;
}

static int too_late(const struct task_input *in, struct task_result *out,
	const struct running *running, struct err *err)
{
	if (clean_up(in, out, err) < 0)
		return -1;
	return err_set(err, ERR_FAILED, "job %s did not end in %lld minutes", running->name,
		(long long)((in->now_ms - in->task->start_ms) / 60000));
}

static int complete_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(kube_sight_free) struct kube_sight sight = { 0 };
	struct running running;

	if (running_open(in, &running, err) < 0 ||
		kube_look(running.account, running.resource, running.namespace, running.name,
			in->cancel, &sight, err) < 0)
		return -1;
	if (sight.seen == KUBE_GONE)
		return err_set(
			err, ERR_FAILED, "job %s is gone before its end was seen", running.name);
	if (sight.seen == KUBE_SEEN &&
		!val_equal(val_get(val_get(sight.object, "metadata"), "uid"), running.uid))
		return err_set(err, ERR_FAILED, "job %s is gone; another has its name", running.name);
	switch (job_state_of(sight.object)) {
	case JOB_STATE_SUCCEEDED:
		return succeeded(in, out, &running, sight.object, err);
	case JOB_STATE_FAILED:
		return failed(in, out, &running, sight.object, err);
	case JOB_STATE_RUNNING:
		break;
	}
	if (in->now_ms >= deadline_of(in))
		return too_late(in, out, &running, err);
	return still_running(in, out, &running, &sight);
}

/* ---- cleaning up --------------------------------------------------------------------------------- */

/* Whether LIVE is the Job that this stage has started, and not the one that it was to take the place of. */
static bool is_ours(const struct task_input *in, struct val live)
{
	struct val uid = val_get(val_get(live, "metadata"), "uid");
	struct val ours = val_get(in->stage->context, "jobUid");

	if (!val_is_null(ours))
		return val_equal(uid, ours);
	return !val_equal(uid, val_get(val_get(in->stage->context, "jobPlan"), "uid"));
}

static int clean_up(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct job_config *config = in->config;
	_cleanup_(val_free) struct val live = VAL_NULL, list = VAL_NULL;
	struct running running;
	int result = 0;

	if (config->delete_on_cancel)
		result = running_open(in, &running, err) < 0 || resolve(in, &list, err) < 0 ? -1 : 1;
	if (result > 0 &&
		kube_get(running.account, running.resource,
			*running.namespace ? running.namespace : manifest_namespace(val_at(list, 0)),
			running.name, in->cancel, &live, err) < 0)
		result = err->kind == ERR_NOT_FOUND ? 0 : -1;
	if (result > 0 && is_ours(in, live))
		result = stage_delete_uid(in, running.account, running.resource,
			manifest_namespace(live), running.name,
			val_get(val_get(live, "metadata"), "uid"), err);
	if (result < 0)
		return -1;
	err_clear(err);
	return task_done(out);
}
