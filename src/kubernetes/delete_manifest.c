/*
 * Delete (Manifest): deletes objects and waits until those very objects, their uids, are gone. Which they are (one by its name, one by
 * cluster and criteria, all that labels fit) is read and committed first, so that doing it again never deletes an object that took
 * an old one's place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/delete_options.h"
#include "kubernetes/manifest.h"
#include "kubernetes/selectors.h"
#include "kubernetes/stage_common.h"
#include "kubernetes/stage_source.h"
#include "kubernetes/stage_target.h"
#include "kubernetes/stages.h"

static const char *const modes[] = { "static", "dynamic", "label", NULL };

struct delete_config {
	struct target_config target;
	struct str_list kinds;
	struct val label_selectors;
	struct delete_options options;
};

static int delete_check(const struct task_input *in, struct err *err);
static int find_run(const struct task_input *in, struct task_result *out, struct err *err);
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
	.summary = { "Delete Kubernetes objects.", "删除 Kubernetes 对象。" },
	.category = "kubernetes",
	.fields = ROWS(struct field, TARGET_FIELDS(struct delete_config, modes),
		FIELD(struct delete_config, kinds, "kinds", .widget = "multi",
			.when = "mode == label", .title = { "Kinds", "Kind（资源类型）" },
			.help = { "Kinds of the objects that the labels choose.",
				"按标签选择的资源对象类型。" }),
		FIELD(struct delete_config, label_selectors, "labelSelectors", .widget = "labels",
			.when = "mode == label", .title = { "Labels", "Labels（标签规则）" },
			.help = { "No rule: every object of those kinds.",
				"不填写规则表示匹配所有满足指定类型的资源对象。" }),
		FIELD(struct delete_config, options, "options", .rows = option_fields,
			.title = { "Settings", "设置选项" })),
	.config_size = sizeof(struct delete_config),
	.check = delete_check,
	.evaluate = given_evaluate,
	.tasks = ROWS(struct task_row, RESOLVE_TARGET_TASK,
		{ .name = "findObjectsToDelete",
			.run = find_run,
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
	.restart = stage_forget,
	.outputs = ROWS(struct field, TARGET_OUTPUTS),
};

/* ---- what is asked for ------------------------------------------------------------------------- */

/* Without `mode`, as older pipelines have it, the fields decide. */
static bool is_by_labels(const struct delete_config *config)
{
	const char *mode = config->target.mode, *name = config->target.manifest_name;

	if (mode && *mode)
		return strcmp(mode, "label") == 0;
	return !(name && *name) && !(config->target.criteria && *config->target.criteria) &&
		(config->kinds.count || !val_is_null(config->label_selectors));
}

/*
 * Without a rule everything of the kinds goes, as the manual says; so that nobody empties a cluster by leaving a field out, only what
 * lives in a namespace, and only in one that is named. The account comes last: lint has none.
 */
static int check_labels(const struct task_input *in, struct kube_account **ret, struct err *err)
{
	const struct delete_config *config = in->config;
	_cleanup_free_ char *selectors = NULL;

	if (config->kinds.count == 0)
		return err_set(err, ERR_INVALID, "kinds: is required with mode \"label\"");
	if (selectors_text(config->label_selectors, &selectors, err) < 0)
		return -1;
	if (!*selectors && !*target_namespace(in))
		return err_set(err, ERR_INVALID,
			"location: is required when there is no label rule, since then every object "
			"of the kinds in that namespace is deleted");
	if (stage_account(in, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < config->kinds.count; i++) {
		if (kube_account_check_kind(*ret, config->kinds.items[i], err) < 0)
			return err_wrap(err, "kinds[%zu]", i);
	}
	return kube_account_check_namespace(*ret, "deleteManifest", target_namespace(in), err);
}

static int delete_check(const struct task_input *in, struct err *err)
{
	const struct delete_config *config = in->config;
	_cleanup_(val_free) struct val options = VAL_NULL;
	struct kube_account *account;

	if (delete_options_body(&config->options, VAL_NULL, &options, err) < 0)
		return -1;
	if (!is_by_labels(config))
		return target_check(in, "deleteManifest", err);
	return check_labels(in, &account, err);
}

/* ---- which objects that is --------------------------------------------------------------------- */

/*
 * One object to delete, a map in the context's list deleteTargets: "manifestName", "location", and the "uid", which is null when there
 * is no such object: that is fine, then there is nothing to do.
 */
static void add_target(
	struct val *list, const char *full_name, const char *namespace, struct val object)
{
	struct val entry = val_map();

	val_set(&entry, "manifestName", val_string(full_name));
	val_set(&entry, "location", val_string(namespace));
	val_set(&entry, "uid", val_ref(val_get(val_get(object, "metadata"), "uid")));
	val_append(list, entry);
}

static int find_by_name(const struct task_input *in, struct task_result *out, struct err *err)
{
	_cleanup_(target_free) struct target target = { 0 };
	_cleanup_(val_free) struct val object = VAL_NULL;
	struct val list = VAL_NULL;

	if (target_open(in, &target, err) < 0)
		return -1;
	if (kube_get(target.account, target.resource, target.namespace, target.name, in->cancel,
		    &object, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
	}
	add_target(&list, target.full_name, target.namespace, object);
	task_context(out, "deleteTargets", list);
	task_context(out, "manifestName", val_string(target.full_name));
	task_output(out, "manifestName", val_string(target.full_name));
	return task_done(out);
}

/* The objects of one of the kinds that fit. */
static int find_of_kind(const struct task_input *in, struct kube_account *account, const char *kind,
	const char *selectors, struct val *list, struct err *err)
{
	const char *namespace = target_namespace(in);
	_cleanup_(val_free) struct val live = VAL_NULL;
	const struct kube_resource *resource;

	if (kube_find_resource(account, NULL, kind, in->cancel, &resource, err) < 0)
		return -1;
	if (!resource->namespaced && !*selectors)
		return err_set(err, ERR_INVALID,
			"labelSelectors: a rule is required for %s, which lives in no namespace",
			kind);
	if (kube_list(account, resource, namespace, selectors, in->cancel, &live, err) < 0)
		return -1;
	if (val_count(*list) + val_count(live) > LIMIT_KUBERNETES_MANIFESTS)
		return err_set(err, ERR_TOO_LARGE, "more than %d objects in one stage",
			LIMIT_KUBERNETES_MANIFESTS);
	for (size_t i = 0; i < val_count(live); i++) {
		_cleanup_free_ char *full_name = manifest_full_name(val_at(live, i), NULL);

		if (!kube_account_sees(account, val_at(live, i)))
			continue;
		add_target(list, full_name, resource->namespaced ? namespace : "", val_at(live, i));
	}
	return 0;
}

/* All kinds are read before the first object goes: an unknown one means that nothing is deleted. */
static int find_by_labels(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct delete_config *config = in->config;
	_cleanup_(val_free) struct val list = val_list();
	_cleanup_free_ char *selectors = NULL;
	struct kube_account *account;

	if (check_labels(in, &account, err) < 0 ||
		selectors_text(config->label_selectors, &selectors, err) < 0)
		return -1;
	for (size_t i = 0; i < config->kinds.count; i++) {
		if (find_of_kind(in, account, config->kinds.items[i], selectors, &list, err) < 0)
			return -1;
	}
	task_context(out, "deleteTargets", take(&list));
	return task_done(out);
}

static int find_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	if (is_by_labels(in->config))
		return find_by_labels(in, out, err);
	return find_by_name(in, out, err);
}

/* ---- deleting ------------------------------------------------------------------------------------ */

/* Into the context and, for later stages, the outputs. */
static void give(struct task_result *out, const char *key, struct val value)
{
	task_output(out, key, val_ref(value));
	task_context(out, key, value);
}

/* One of deleteTargets with its kind as the server serves it. */
struct victim {
	const char *full_name, *namespace;
	char *kind, *name;
	struct val uid;
	const struct kube_resource *resource;
};

static void victim_free(struct victim *victim)
{
	free(victim->kind);
	free(victim->name);
}

static int victim_open(const struct task_input *in, struct kube_account *account, struct val entry,
	struct victim *ret, struct err *err)
{
	ret->full_name = val_get_text(entry, "manifestName", "");
	ret->namespace = val_get_text(entry, "location", "");
	ret->uid = val_get(entry, "uid");
	if (manifest_name_parse(ret->full_name, &ret->kind, &ret->name, err) < 0)
		return -1;
	return kube_find_resource(account, NULL, ret->kind, in->cancel, &ret->resource, err);
}

static int delete_one(const struct task_input *in, struct kube_account *account, struct val entry,
	struct err *err)
{
	_cleanup_(victim_free) struct victim victim = { 0 };
	const struct delete_config *config = in->config;
	_cleanup_(val_free) struct val options = VAL_NULL;

	if (val_is_null(val_get(entry, "uid")))
		return 0;
	if (victim_open(in, account, entry, &victim, err) < 0 ||
		delete_options_body(&config->options, victim.uid, &options, err) < 0)
		return -1;
	if (kube_delete(account, victim.resource, victim.namespace, victim.name, options,
		    in->cancel, NULL, err) == 0)
		return 0;
	/* Gone already, or another one has its place. */
	if (err->kind != ERR_NOT_FOUND && err->kind != ERR_CONFLICT)
		return -1;
	err_clear(err);
	return 0;
}

/* People learn first what goes, and from where. */
static void announce(const struct task_input *in, struct task_result *out,
	struct kube_account *account, struct val targets)
{
	_cleanup_free_ char *line = stage_account_line(in, account);

	if (val_count(targets) == 1)
		task_says(out, "deleting %s from %s",
			val_get_text(val_at(targets, 0), "manifestName", ""), line);
	else
		task_says(out, "deleting %zu objects from %s", val_count(targets), line);
	task_again_at(out, in->now_ms);
}

static bool is_anything_there(struct val targets)
{
	for (size_t i = 0; i < val_count(targets); i++) {
		if (!val_is_null(val_get(val_at(targets, i), "uid")))
			return true;
	}
	return false;
}

static int delete_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val targets = val_get(in->stage->context, "deleteTargets"), names = val_map();
	struct kube_account *account;

	if (stage_account(in, &account, err) < 0)
		return -1;
	if (in->task->attempts == 0 && is_anything_there(targets)) {
		announce(in, out, account, targets);
		return 0;
	}
	for (size_t i = 0; i < val_count(targets); i++) {
		if (delete_one(in, account, val_at(targets, i), err) < 0)
			return -1;
	}
	for (size_t i = 0; i < val_count(targets); i++)
		names_by_namespace_add(&names, val_get_text(val_at(targets, i), "location", ""),
			val_get_text(val_at(targets, i), "manifestName", ""));
	stage_note_operation(in, out, names);
	give(out, "outputs.manifestNamesByNamespace", names);
	give(out, "manifest.account.name", val_string(kube_account_name(account)));
	give(out, "manifest.location", val_string(target_namespace(in)));
	if (!is_by_labels(in->config))
		give(out, "manifest.name", val_ref(val_get(val_at(targets, 0), "manifestName")));
	return task_done(out);
}

/* ---- waiting until they are gone ------------------------------------------------------------------ */

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

/* Looks at one; if it is still there *LEFT grows, and *OUT waits for it. */
static int look(const struct task_input *in, struct task_result *out, struct kube_account *account,
	struct val entry, size_t *left, struct err *err)
{
	_cleanup_(victim_free) struct victim victim = { 0 };
	_cleanup_(kube_sight_free) struct kube_sight sight = { 0 };
	_cleanup_free_ char *finalizers = NULL;

	if (val_is_null(val_get(entry, "uid")))
		return 0;
	if (victim_open(in, account, entry, &victim, err) < 0)
		return -1;
	if (kube_look(account, victim.resource, victim.namespace, victim.name, in->cancel, &sight,
		    err) < 0)
		return -1;
	if (sight.seen != KUBE_SOON &&
		!val_equal(val_get(val_get(sight.object, "metadata"), "uid"), victim.uid))
		return 0;
	if ((*left)++ == 0) {
		finalizers = finalizers_of(sight.object);
		task_says(out, "%s: waiting until it is gone%s", victim.full_name, finalizers);
	}
	return task_wait(out, sight.key, in->now_ms + sight.poll_ms);
}

static int gone_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val targets = val_get(in->stage->context, "deleteTargets");
	struct kube_account *account;
	size_t left = 0;

	if (stage_account(in, &account, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(targets); i++) {
		if (look(in, out, account, val_at(targets, i), &left, err) < 0)
			return -1;
	}
	return left ? 0 : task_done(out);
}
