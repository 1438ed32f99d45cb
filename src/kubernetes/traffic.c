#include "kubernetes/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "kubernetes/manifest.h"
#include "kubernetes/status.h"

/* ---- references ------------------------------------------------------------------------------- */

int traffic_services(struct val object, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val value = manifest_annotation(object, TRAFFIC_ANNOTATION);
	_cleanup_(val_free) struct val list = VAL_NULL;

	if (val_is_string(value) && str_trim(val_as_str(&value)).length) {
		if (json_parse(val_as_str(&value), NULL, NULL, &list, err) < 0)
			return err_wrap(err, "the annotation %s", TRAFFIC_ANNOTATION);
	} else if (!val_is_string(value)) {
		list = val_ref(value);
	}
	if (!val_is_null(list) && !val_is_list(list))
		return err_set(err, ERR_INVALID,
			"the annotation %s: expected a list, such as [\"service web\"]",
			TRAFFIC_ANNOTATION);
	*ret = val_is_list(list) ? take(&list) : val_list();
	return 0;
}

int traffic_service_name(const char *reference, bool attaching, char **ret, struct err *err)
{
	_cleanup_free_ char *kind = NULL, *name = NULL;
	_cleanup_err_ struct err form = ERR_INIT;

	if (manifest_name_parse(reference, &kind, &name, &form) < 0)
		return err_set(err, ERR_INVALID,
			"Failed to %s load balancer '%s'. Load balancers must be specified in the "
			"form '{kind} {name}', e.g. 'service my-service'.",
			attaching ? "attach" : "perform operation with", reference);
	if (strcmp(kind, "service") != 0)
		return err_set(err, ERR_INVALID,
			"No support for load balancing via %s exists in Spinnaker", kind);
	*ret = take(&name);
	return 0;
}

int traffic_annotate(struct val *manifest, struct val services, struct err *err)
{
	_cleanup_free_ char *now = manifest_annotation_text(*manifest, TRAFFIC_ANNOTATION);
	_cleanup_free_ char *wanted = json_text(services, JSON_COMPACT);
	_cleanup_(val_free) struct val list = VAL_NULL;
	struct val *metadata;

	if (val_count(services) == 0)
		return 0;
	if (now) {
		if (traffic_services(*manifest, &list, err) < 0)
			return -1;
		if (val_equal(list, services))
			return 0;
		return err_set(err, ERR_INVALID,
			"Manifest already has %s annotation set to %s. Failed attempting to set it "
			"to %s.",
			TRAFFIC_ANNOTATION, now, wanted);
	}
	if (!val_has(*manifest, "metadata"))
		val_set(manifest, "metadata", val_map());
	metadata = val_edit(manifest, "metadata");
	if (!val_is_map(val_get(*metadata, "annotations")))
		val_set(metadata, "annotations", val_map());
	val_set(val_edit(metadata, "annotations"), TRAFFIC_ANNOTATION, val_string(wanted));
	return 0;
}

/* ---- labels ----------------------------------------------------------------------------------- */

static bool has_template(struct val object)
{
	return val_is_map(val_get(val_get(val_get(object, "spec"), "template"), "metadata"));
}

/* Where Services look: the labels of the Pod template, else the object's own. Borrowed. */
static struct val labels_of(struct val object)
{
	struct val template = val_get(val_get(object, "spec"), "template");

	return val_get(val_get(has_template(object) ? template : object, "metadata"), "labels");
}

static struct val selector_of(struct val service)
{
	return val_get(val_get(service, "spec"), "selector");
}

void traffic_add_labels(struct val *workload, struct val labels)
{
	struct val *metadata, *own;

	if (val_count(labels) == 0)
		return;
	if (has_template(*workload)) {
		metadata = val_edit(val_edit(val_edit(workload, "spec"), "template"), "metadata");
	} else {
		if (!val_is_map(val_get(*workload, "metadata")))
			val_set(workload, "metadata", val_map());
		metadata = val_edit(workload, "metadata");
	}
	if (!val_is_map(val_get(*metadata, "labels")))
		val_set(metadata, "labels", val_map());
	own = val_edit(metadata, "labels");
	val_merge(own, labels);
}

int traffic_attach(struct val service, struct val *workload, struct err *err)
{
	struct val selector = selector_of(service);

	if (val_count(selector) == 0)
		return err_set(err, ERR_INVALID,
			"Service must have a non-empty selector in order to be attached to a "
			"workload");
	for (size_t i = 0; i < val_count(selector); i++) {
		if (val_has_str(labels_of(*workload), val_key_at(selector, i)))
			return err_set(err, ERR_INVALID,
				"Service selector must have no label keys in common with target "
				"workload");
	}
	traffic_add_labels(workload, selector);
	return 0;
}

/* ---- patches ---------------------------------------------------------------------------------- */

/* PREFIX/KEY as JSON Pointer writes it; owned. */
static struct val pointer(const char *prefix, struct str key)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT(2 * key.length + 64);

	strbuf_add_text(&path, prefix);
	strbuf_add_char(&path, '/');
	for (size_t i = 0; i < key.length; i++) {
		if (key.bytes[i] == '~')
			strbuf_add_text(&path, "~0");
		else if (key.bytes[i] == '/')
			strbuf_add_text(&path, "~1");
		else
			strbuf_add_char(&path, key.bytes[i]);
	}
	return val_str(strbuf_str(&path));
}

static void add_step(struct val *patch, const char *op, struct val path, struct val value)
{
	struct val step = val_map();

	val_set(&step, "op", val_string(op));
	val_set(&step, "path", path);
	if (!val_is_null(value))
		val_set(&step, "value", val_ref(value));
	val_append(patch, step);
}

struct val traffic_patch(struct val service, struct val object, bool enable)
{
	const char *prefix = has_template(object) ? "/spec/template/metadata/labels" :
						    "/metadata/labels";
	struct val selector = selector_of(service), labels = labels_of(object);
	struct val patch = val_list(), none = VAL_NULL;

	/* There must be a map to add to. */
	if (enable && val_count(selector) && !val_is_map(labels)) {
		_cleanup_(val_free) struct val empty = val_map();

		add_step(&patch, "add", val_string(prefix), empty);
	}
	for (size_t i = 0; i < val_count(selector); i++) {
		struct str key = val_key_at(selector, i);
		struct val value = val_value_at(selector, i);
		bool there = val_has_str(labels, key);

		if (enable)
			add_step(&patch, there ? "replace" : "add", pointer(prefix, key), value);
		else if (!enable && there)
			add_step(&patch, "remove", pointer(prefix, key), none);
	}
	return patch;
}

/* ---- strategies ------------------------------------------------------------------------------- */

static bool same_annotation(struct val a, struct val b, const char *key)
{
	_cleanup_free_ char *left = manifest_annotation_text(a, key);
	_cleanup_free_ char *right = manifest_annotation_text(b, key);

	return left && right && strcmp(left, right) == 0;
}

static bool is_replica_set(struct val object)
{
	const char *kind = manifest_kind(object)->name;

	return kind && strcmp(kind, "replicaSet") == 0;
}

static bool is_among(struct val list, struct val object)
{
	for (size_t i = 0; i < val_count(list); i++) {
		struct val other = val_at(list, i);

		if (is_replica_set(other) &&
			strcmp(manifest_name(other), manifest_name(object)) == 0 &&
			strcmp(manifest_namespace(other), manifest_namespace(object)) == 0)
			return true;
	}
	return false;
}

/* The other ReplicaSets of the clusters of those DEPLOYED, each once; owned. */
static struct val others_of(struct val deployed, struct val live)
{
	struct val others = val_list();

	for (size_t i = 0; i < val_count(deployed); i++) {
		struct val mine = val_at(deployed, i);

		for (size_t j = 0; is_replica_set(mine) && j < val_count(live); j++) {
			struct val other = val_at(live, j);

			if (strcmp(manifest_namespace(mine), manifest_namespace(other)) == 0 &&
				same_annotation(mine, other, "moniker.spinnaker.io/application") &&
				same_annotation(mine, other, "moniker.spinnaker.io/cluster") &&
				!is_among(deployed, other) && !is_among(others, other))
				val_append(&others, val_ref(other));
		}
	}
	return others;
}

static void add_follow_up(struct val *list, const char *type, struct val object)
{
	_cleanup_free_ char *name = manifest_full_name(object, NULL);
	struct val entry = val_map();

	val_set(&entry, "type", val_string(type));
	val_set(&entry, "manifestName", val_string(name));
	val_set(&entry, "location", val_string(manifest_namespace(object)));
	val_append(list, entry);
}

/* One that never became ready is not worth keeping; one that is between two sizes is. */
static bool never_came_up(struct val object)
{
	_cleanup_(kube_status_free) struct kube_status status = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	struct val counts = val_get(object, "status");

	if (val_get_int(counts, "readyReplicas", 0) > 0 &&
		val_get_int(counts, "availableReplicas", 0) > 0)
		return false;
	return kube_status_of(object, &status, &err) == 0 && !status.stable.state &&
		!status.failed.state;
}

struct val traffic_follow_ups(const char *strategy, struct val deployed, struct val live)
{
	_cleanup_(val_free) struct val others = others_of(deployed, live);
	bool highlander = strcmp(strategy, "highlander") == 0;
	struct val list = val_list();

	if (!highlander && strcmp(strategy, "redblack") != 0 && strcmp(strategy, "bluegreen") != 0)
		return list;
	for (size_t i = 0; i < val_count(others); i++) {
		bool goes = !highlander && never_came_up(val_at(others, i));

		add_follow_up(&list, goes ? "deleteManifest" : "disableManifest", val_at(others, i));
	}
	for (size_t i = 0; highlander && i < val_count(others); i++)
		add_follow_up(&list, "deleteManifest", val_at(others, i));
	return list;
}
