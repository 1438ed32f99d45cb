/*
 * Each rule calls what the stages call. What they give is made short, so that a case says only what it is about: what is as it
 * usually is is left out.
 */
#include "kubernetes_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/bind.h"
#include "kubernetes/delete_options.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/job.h"
#include "kubernetes/manifest.h"
#include "kubernetes/names.h"
#include "kubernetes/patch.h"
#include "kubernetes/rollout.h"
#include "kubernetes/selectors.h"
#include "kubernetes/status.h"
#include "kubernetes/target.h"
#include "kubernetes/traffic.h"
#include "kubernetes/version.h"

/* ---- help ----------------------------------------------------------------------------------------- */

/* GIVEN's KEY as text; "" when there is none. */
static const char *text_of(struct val given, const char *key)
{
	return val_get_text(given, key, "");
}

static struct opt_bool flag_of(struct val given, const char *key)
{
	struct opt_bool flag = { 0 };

	flag.given = val_as_bool(val_get(given, key), &flag.value);
	return flag;
}

static struct opt_int number_of(struct val given, const char *key)
{
	struct opt_int number = { 0 };

	number.given = val_as_int(val_get(given, key), &number.value);
	return number;
}

static void set_owned_text(struct val *map, const char *key, char *text)
{
	val_set(map, key, val_string(text));
	free(text);
}

/* "deployment web" of each object; owned. */
static struct val full_names(struct val objects)
{
	struct val list = val_list();

	for (size_t i = 0; i < val_count(objects); i++) {
		_cleanup_free_ char *name = manifest_full_name(val_at(objects, i), NULL);

		val_append(&list, val_string(name));
	}
	return list;
}

static void drop_nulls(struct val *map)
{
	for (size_t i = val_count(*map); i > 0; i--) {
		if (val_is_null(val_value_at(*map, i - 1)))
			val_remove_str(map, val_key_at(*map, i - 1));
	}
}

/* ---- stability ------------------------------------------------------------------------------------- */

/* "available", and its opposite. */
static void set_condition(struct val *map, const char *yes, const char *no, bool usual,
	const struct kube_condition *condition)
{
	if (condition->state == usual && !condition->message)
		return;
	val_set(map, condition->state ? yes : no,
		condition->message ? val_string(condition->message) : val_bool(true));
}

static int status_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(kube_status_free) struct kube_status status = { 0 };

	if (kube_status_of(given, &status, err) < 0)
		return -1;
	*ret = val_map();
	set_condition(ret, "stable", "unstable", true, &status.stable);
	set_condition(ret, "available", "unavailable", true, &status.available);
	set_condition(ret, "paused", "not paused", false, &status.paused);
	set_condition(ret, "failed", "not failed", false, &status.failed);
	return 0;
}

static int progress_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(kube_status_free) struct kube_status status = { 0 };
	_cleanup_free_ char *line = NULL;

	if (kube_status_of(given, &status, err) < 0)
		return -1;
	line = kube_status_line(given, &status);
	*ret = val_string(line);
	return 0;
}

static int settles_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = val_bool(kube_kind_settles(val_text(&given)));
	return 0;
}

/* ---- kinds and manifests ---------------------------------------------------------------------------- */

static void add_flag(struct val *list, bool is, const char *name)
{
	if (is)
		val_append(list, val_string(name));
}

static int kind_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct str name, group;
	const struct kind *kind;

	kind_split(val_as_str(&given), &name, &group);
	kind = kind_find(name, group);
	text = kind_text(name, group);
	*ret = val_list();
	val_append(ret, val_string(text));
	val_append(ret, val_int(kind->priority));
	val_append(ret, val_string(kind->spinnaker));
	add_flag(ret, kind->cluster, "cluster");
	add_flag(ret, kind->versioned, "versioned");
	add_flag(ret, kind->scales, "scales");
	add_flag(ret, kind->traffic, "traffic");
	add_flag(ret, kind->workload, "workload");
	return 0;
}

static int full_name_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *name = manifest_full_name(given, NULL);

	*ret = val_string(name);
	return 0;
}

static int parse_name_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *kind = NULL, *name = NULL;

	if (manifest_name_parse(val_text(&given), &kind, &name, err) < 0)
		return -1;
	*ret = val_list();
	val_append(ret, val_string(kind));
	val_append(ret, val_string(name));
	return 0;
}

static int documents_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = VAL_NULL;

	if (manifests_flatten(given, "manifests", &list, err) < 0)
		return -1;
	*ret = full_names(list);
	return 0;
}

static int namespaces_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = val_ref(val_get(given, "manifests"));

	manifests_override_namespace(&list, text_of(given, "override"), NULL);
	*ret = val_list();
	for (size_t i = 0; i < val_count(list); i++)
		val_append(ret, val_string(manifest_namespace(val_at(list, i))));
	return 0;
}

/* "v1 ConfigMap a" as an object; owned. */
static struct val object_of(struct val text)
{
	struct str rest = val_as_str(&text), version, kind;
	struct val object = val_map(), metadata = val_map();

	str_split(&rest, ' ', &version);
	str_split(&rest, ' ', &kind);
	val_set(&metadata, "name", val_str(rest));
	val_set(&object, "apiVersion", val_str(version));
	val_set(&object, "kind", val_str(kind));
	val_set(&object, "metadata", metadata);
	return object;
}

static int order_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val objects = val_list(), sorted = val_list();
	size_t *order;

	for (size_t i = 0; i < val_count(given); i++)
		val_append(&objects, object_of(val_at(given, i)));
	order = manifests_order(objects, NULL);
	for (size_t i = 0; i < val_count(objects); i++)
		val_append(&sorted, val_ref(val_at(objects, order[i])));
	free(order);
	*ret = full_names(sorted);
	return 0;
}

/* GIVEN: the settings' customResources, and objects in short; what comes is sorted, each with what holds for its kind. */
static int custom_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val objects = val_list();
	struct val texts = val_get(given, "objects");
	struct kind_list custom;
	size_t *order;

	if (kind_list_read(val_get(given, "customResources"), &custom, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(texts); i++)
		val_append(&objects, object_of(val_at(texts, i)));
	order = manifests_order(objects, &custom);
	*ret = val_list();
	for (size_t i = 0; i < val_count(objects); i++) {
		struct val object = val_at(objects, order[i]), row = val_list();
		const struct kind *kind = manifest_kind_in(object, &custom);

		val_append(&row, val_string(manifest_name(object)));
		val_append(&row, val_int(kind->priority));
		val_append(&row, val_string(kind->spinnaker));
		if (kind->cluster)
			val_append(&row, val_string("cluster"));
		if (manifest_is_versioned(object, (struct opt_bool){ 0 }, &custom))
			val_append(&row, val_string("versioned"));
		val_append(ret, row);
	}
	free(order);
	kind_list_free(&custom);
	return 0;
}

static int same_kind_rule(struct val given, struct val *ret, struct err *err)
{
	struct val a = val_at(given, 0), b = val_at(given, 1);

	*ret = val_bool(kind_is_same(val_text(&a), val_text(&b)));
	return 0;
}

static int clean_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = val_ref(given);
	manifest_clean(ret);
	return 0;
}

static int output_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = manifest_for_output(given);
	return 0;
}

/* ---- names and versions ----------------------------------------------------------------------------- */

static int moniker_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val object = val_is_string(given) ? val_map() : val_ref(given);

	if (val_is_string(given)) {
		val_set(&object, "metadata", val_map());
		val_set(val_edit(&object, "metadata"), "name", val_ref(given));
	}
	*ret = moniker_of(object);
	drop_nulls(ret);
	return 0;
}

/* GIVEN: the strategy annotations without their prefix, and "generateName". */
static int strategy_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val object = val_map();
	struct val annotations = val_map(), metadata = val_map();
	static const char *const usual[][2] = { { "deploy", "apply" },
		{ "serverSideApply", "disabled" }, { "versioned", "default" } };

	for (size_t i = 0; i < val_count(given); i++) {
		_cleanup_free_ char *key = xasprintf(
			"strategy.spinnaker.io/%.*s", STR_ARG(val_key_at(given, i)));

		val_set(&annotations, key, val_ref(val_value_at(given, i)));
	}
	val_set(&metadata, val_has(given, "generateName") ? "generateName" : "name", val_string("a"));
	val_set(&metadata, "annotations", annotations);
	val_set(&object, "metadata", metadata);
	*ret = strategy_of(object);
	drop_nulls(ret);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(text_of(*ret, usual[i][0]), usual[i][1]) == 0)
			val_remove(ret, usual[i][0]);
	}
	if (!val_get_bool(*ret, "useSourceCapacity", true))
		val_remove(ret, "useSourceCapacity");
	return 0;
}

static int versioned_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = val_bool(
		manifest_is_versioned(val_get(given, "manifest"), flag_of(given, "stage"), NULL));
	return 0;
}

static int version_number_rule(struct val given, struct val *ret, struct err *err)
{
	int64_t number;

	*ret = version_number(val_text(&given), &number) ? val_int(number) : VAL_NULL;
	return 0;
}

static int version_rule(struct val given, struct val *ret, struct err *err)
{
	struct val manifest = val_get(given, "manifest");
	_cleanup_free_ char *hash = manifest_content_hash(manifest);
	bool reused;
	char *version = version_choose(manifest, val_get(given, "live"), hash, &reused);

	*ret = val_map();
	set_owned_text(ret, reused ? "reused" : "new", version);
	return 0;
}

static int same_content_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *first = manifest_content_hash(val_at(given, 0));
	_cleanup_free_ char *second = manifest_content_hash(val_at(given, 1));

	*ret = val_bool(strcmp(first, second) == 0);
	return 0;
}

static int clean_up_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val gone = versions_to_remove(val_get(given, "live"),
		text_of(given, "type"), text_of(given, "name"), val_get_int(given, "keep", -1));

	*ret = val_list();
	for (size_t i = 0; i < val_count(gone); i++)
		val_append(ret, val_ref(val_get(val_at(gone, i), "name")));
	return 0;
}

static int newest_version_rule(struct val given, struct val *ret, struct err *err)
{
	struct val newest = version_newest(val_get(given, "live"), text_of(given, "name"));

	*ret = val_ref(val_get(val_get(newest, "metadata"), "name"));
	return 0;
}

/* Names of a whole request, in the order of its documents. */
static int names_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val manifests = VAL_NULL, rows = VAL_NULL;

	if (manifests_flatten(val_get(given, "manifests"), "manifests", &manifests, err) < 0)
		return -1;
	rows = names_chosen(manifests, val_get(given, "live"), flag_of(given, "versioned"), NULL);
	*ret = val_list();
	for (size_t i = 0; i < val_count(rows); i++)
		val_append(ret, val_ref(val_get(val_at(rows, i), "name")));
	return 0;
}

static int generated_name_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *one = deploy_generated_name(val_get(given, "manifest"), "seed");
	_cleanup_free_ char *same = deploy_generated_name(val_get(given, "manifest"), "seed");
	_cleanup_free_ char *other = deploy_generated_name(val_get(given, "manifest"), "other");
	struct str text = str_of(one);

	if (strcmp(one, same) != 0 || strcmp(one, other) == 0)
		return err_set(err, ERR_FAILED, "%s, %s, %s", one, same, other);
	*ret = val_list();
	val_append(ret, val_str(str_slice(text, 0, text.length - 5)));
	val_append(ret, val_int((int64_t)text.length));
	return 0;
}

/* ---- what a deploy sends ----------------------------------------------------------------------------- */

static int sent_rule(struct val given, struct val *ret, struct err *err)
{
	struct deploy_rules rules = {
		.account = "test",
		.application = "shop",
		.moniker = val_get(given, "moniker"),
		.settings = val_get(given, "settings"),
		.skip_template_labels = val_get_bool(given, "skipSpecTemplateLabels", false),
	};
	_cleanup_(val_free) struct val entry = val_ref(val_get(given, "entry"));
	struct val manifest = val_get(given, "manifest");

	if (!val_has(entry, "name"))
		val_set(&entry, "name", val_string(manifest_name(manifest)));
	*ret = deploy_object(manifest, entry, &rules);
	val_remove(ret, "apiVersion");
	val_remove(ret, "kind");
	return 0;
}

static int check_rule(struct val given, struct val *ret, struct err *err)
{
	if (deploy_check_manifest(
		    val_get(given, "manifest"), val_get_bool(given, "selectors", false), err) < 0)
		return -1;
	*ret = val_string("good");
	return 0;
}

/* The manifest bound, without apiVersion, kind and metadata; "bound" counts what was used. */
static int bind_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val bound = VAL_NULL;
	const char *account = val_get_text(given, "account", "test");

	*ret = val_ref(val_get(given, "manifest"));
	manifest_bind(ret, val_get(given, "artifacts"), account, &bound);
	val_remove(ret, "apiVersion");
	val_remove(ret, "kind");
	val_remove(ret, "metadata");
	val_set(ret, "bound", val_int((int64_t)val_count(bound)));
	return 0;
}

static int image_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *name = image_name(val_text(&given));

	*ret = val_string(name);
	return 0;
}

/* ---- selectors and targets -------------------------------------------------------------------------- */

static int selector_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;

	if (selectors_text(given, &text, err) < 0)
		return -1;
	*ret = val_string(text);
	return 0;
}

static int match_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct val selectors = val_get(given, "selectors");

	if (selectors_text(selectors, &text, err) < 0)
		return -1;
	*ret = val_bool(selectors_match(selectors, val_get(given, "labels")));
	return 0;
}

static int workload_selector_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val workload = val_map();
	_cleanup_free_ char *text = NULL;

	val_set(&workload, "spec", val_map());
	val_set(val_edit(&workload, "spec"), "selector", val_ref(given));
	if (selectors_of_workload(workload, &text, err) < 0)
		return -1;
	*ret = val_string(text);
	return 0;
}

static int target_rule(struct val given, struct val *ret, struct err *err)
{
	enum criteria criteria;
	_cleanup_(val_free) struct val candidates = VAL_NULL, order = VAL_NULL;
	ptrdiff_t index;

	if (criteria_parse(text_of(given, "criteria"), &criteria, err) < 0)
		return -1;
	candidates = target_candidates(val_get(given, "live"), val_get_text(given, "app", NULL),
		val_get_text(given, "cluster", NULL));
	order = target_order(candidates, criteria);
	index = target_index(val_count(order), criteria);
	if (index >= 0)
		*ret = val_string(manifest_name(val_at(order, (size_t)index)));
	return 0;
}

static int sequence_rule(struct val given, struct val *ret, struct err *err)
{
	int64_t sequence;

	*ret = object_sequence(given, &sequence) ? val_int(sequence) : VAL_NULL;
	return 0;
}

/* ---- deleting, patching, rolling back ----------------------------------------------------------------- */

static int delete_rule(struct val given, struct val *ret, struct err *err)
{
	struct val cascading = val_get(given, "cascading");
	struct val orphan = val_get(given, "orphanDependents");
	struct delete_options options = { .grace_period = val_get(given, "gracePeriodSeconds") };
	_cleanup_free_ char *first = val_is_null(cascading) ? NULL : xstrdup(val_text(&cascading));
	_cleanup_free_ char *second = val_is_null(orphan) ? NULL : xstrdup(val_text(&orphan));

	options.cascading = first;
	options.orphan_dependents = second;
	if (delete_options_body(&options, VAL_NULL, ret, err) < 0)
		return -1;
	val_remove(ret, "preconditions");
	return 0;
}

static enum patch_strategy patch_strategy_of(struct val given)
{
	const char *name = val_get_text(given, "strategy", "strategic");
	int strategy = 0;

	while (strcmp(patch_strategies[strategy], name) != 0)
		strategy++;
	return (enum patch_strategy)strategy;
}

static int patch_rule(struct val given, struct val *ret, struct err *err)
{
	return patch_body(val_get(given, "body"), patch_strategy_of(given), ret, err);
}

static int record_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = val_ref(val_get(given, "patch"));
	patch_record(
		ret, patch_strategy_of(given), val_get(given, "object"), text_of(given, "cause"));
	return 0;
}

static int undo_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val history = rollout_history(
		val_get(given, "owner"), val_get(given, "live"));
	struct val chosen;

	if (rollout_choose(history, number_of(given, "back"), number_of(given, "revision"), &chosen,
		    err) < 0)
		return -1;
	*ret = val_ref(val_get(chosen, "name"));
	return 0;
}

static int undo_patch_rule(struct val given, struct val *ret, struct err *err)
{
	*ret = rollout_undo_deployment(val_get(given, "deployment"), val_get(given, "replicaSet"));
	return 0;
}

/* ---- traffic ----------------------------------------------------------------------------------------- */

static struct val service_with(struct val selector)
{
	struct val service = val_map();

	val_set(&service, "spec", val_map());
	val_set(val_edit(&service, "spec"), "selector", val_ref(selector));
	return service;
}

static int attach_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val service = service_with(val_get(given, "selector"));
	_cleanup_(val_free) struct val target = val_ref(val_get(given, "target"));

	if (traffic_attach(service, &target, err) < 0)
		return -1;
	*ret = take(&target);
	return 0;
}

static int enable_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val service = service_with(val_get(given, "selector"));

	*ret = traffic_patch(service, val_get(given, "target"), true);
	return 0;
}

static int disable_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val service = service_with(val_get(given, "selector"));

	*ret = traffic_patch(service, val_get(given, "target"), false);
	return 0;
}

static int service_name_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_free_ char *name = NULL;

	if (traffic_service_name(val_text(&given), true, &name, err) < 0)
		return -1;
	*ret = val_string(name);
	return 0;
}

/* GIVEN: the annotation. */
static struct val annotated(struct val annotation)
{
	struct val object = val_map(), metadata = val_map(), annotations = val_map();

	if (!val_is_null(annotation))
		val_set(&annotations, TRAFFIC_ANNOTATION, val_ref(annotation));
	val_set(&metadata, "annotations", annotations);
	val_set(&object, "metadata", metadata);
	return object;
}

static int services_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val object = annotated(given);

	return traffic_services(object, ret, err);
}

static int annotate_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val object = annotated(val_get(given, "has"));

	if (traffic_annotate(&object, val_get(given, "services"), err) < 0)
		return -1;
	*ret = val_ref(val_get(val_path(object, "metadata.annotations"), TRAFFIC_ANNOTATION));
	return 0;
}

static int rollout_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val steps = traffic_follow_ups(
		text_of(given, "strategy"), val_get(given, "deployed"), val_get(given, "live"));

	*ret = val_list();
	for (size_t i = 0; i < val_count(steps); i++)
		val_append(ret,
			val_format("%s %s", text_of(val_at(steps, i), "type"),
				text_of(val_at(steps, i), "manifestName")));
	return 0;
}

/* ---- Jobs --------------------------------------------------------------------------------------------- */

static int job_rule(struct val given, struct val *ret, struct err *err)
{
	static const char *const names[] = { "Running", "Succeeded", "Failed" };

	*ret = val_string(names[job_state_of(given)]);
	return 0;
}

static int job_manifest_rule(struct val given, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val manifest = VAL_NULL;

	if (job_manifest(given, "manifest", &manifest, err) < 0)
		return -1;
	*ret = val_ref(val_path(manifest, "metadata.annotations"));
	return 0;
}

static int properties_rule(struct val given, struct val *ret, struct err *err)
{
	return job_properties(val_as_str(&given), ret, err);
}

const struct rule kubernetes_rules[] = {
	{ "annotate", annotate_rule },
	{ "attach", attach_rule },
	{ "bind", bind_rule },
	{ "check", check_rule },
	{ "clean", clean_rule },
	{ "clean up", clean_up_rule },
	{ "custom kinds", custom_rule },
	{ "delete", delete_rule },
	{ "disable", disable_rule },
	{ "documents", documents_rule },
	{ "enable", enable_rule },
	{ "full name", full_name_rule },
	{ "generated name", generated_name_rule },
	{ "image", image_rule },
	{ "job", job_rule },
	{ "job manifest", job_manifest_rule },
	{ "kind", kind_rule },
	{ "match", match_rule },
	{ "moniker", moniker_rule },
	{ "names", names_rule },
	{ "namespaces", namespaces_rule },
	{ "newest version", newest_version_rule },
	{ "order", order_rule },
	{ "output", output_rule },
	{ "parse name", parse_name_rule },
	{ "patch", patch_rule },
	{ "progress", progress_rule },
	{ "properties", properties_rule },
	{ "record", record_rule },
	{ "rollout", rollout_rule },
	{ "same content", same_content_rule },
	{ "same kind", same_kind_rule },
	{ "selector", selector_rule },
	{ "sent", sent_rule },
	{ "sequence", sequence_rule },
	{ "service", service_name_rule },
	{ "services", services_rule },
	{ "settles", settles_rule },
	{ "status", status_rule },
	{ "strategy", strategy_rule },
	{ "target", target_rule },
	{ "undo", undo_rule },
	{ "undo patch", undo_patch_rule },
	{ "version", version_rule },
	{ "version number", version_number_rule },
	{ "versioned", versioned_rule },
	{ "workload selector", workload_selector_rule },
	{ 0 },
};
