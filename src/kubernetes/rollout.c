#include "kubernetes/rollout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "kubernetes/manifest.h"

#define HASH_LABEL "pod-template-hash"

static bool is_owned_by(struct val object, struct val owner)
{
	struct val references = val_get(val_get(object, "metadata"), "ownerReferences");
	struct val uid = val_get(val_get(owner, "metadata"), "uid");

	for (size_t i = 0; i < val_count(references); i++) {
		struct val reference = val_at(references, i);

		if (val_get_bool(reference, "controller", false) &&
			val_equal(val_get(reference, "uid"), uid))
			return true;
	}
	return false;
}

/* ControllerRevisions say it in a field, ReplicaSets in an annotation. */
static bool revision_of(struct val object, int64_t *ret)
{
	_cleanup_free_ char *text = NULL;

	if (val_as_int(val_get(object, "revision"), ret))
		return true;
	text = manifest_annotation_text(object, "deployment.kubernetes.io/revision");
	return text && str_to_int(str_of(text), ret);
}

struct revision {
	int64_t number;
	const char *name;
};

static int revision_compare(const void *a, const void *b)
{
	const struct revision *left = a, *right = b;

	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return strcmp(left->name, right->name);
}

struct val rollout_history(struct val owner, struct val live)
{
	struct revision *found = xcalloc(val_count(live) + 1, sizeof(*found));
	struct val list = val_list();
	size_t count = 0;

	for (size_t i = 0; i < val_count(live); i++) {
		struct val object = val_at(live, i);

		if (!is_owned_by(object, owner) || !revision_of(object, &found[count].number))
			continue;
		found[count++].name = manifest_name(object);
	}
	qsort(found, count, sizeof(*found), revision_compare);
	for (size_t i = 0; i < count; i++) {
		struct val entry = val_map();

		val_set(&entry, "revision", val_int(found[i].number));
		val_set(&entry, "name", val_string(found[i].name));
		val_append(&list, entry);
	}
	free(found);
	return list;
}

int rollout_choose(struct val history, struct opt_int back, struct opt_int revision,
	struct val *ret, struct err *err)
{
	size_t count = val_count(history);

	if (back.given) {
		if (back.value < 0)
			return err_set(err, ERR_INVALID,
				"numRevisionsBack: expected a number from 0 on, got %" PRId64,
				back.value);
		if ((uint64_t)back.value >= count)
			return err_set(err, ERR_INVALID,
				"There are %zu revision(s) in total, cannot rollback %" PRId64,
				count, back.value);
		*ret = val_at(history, count - (size_t)back.value - 1);
		return 0;
	}
	if (!revision.given)
		return err_set(err, ERR_INVALID, "numRevisionsBack: it or revision is required");
	for (size_t i = 0; i < count; i++) {
		if (val_get_int(val_at(history, i), "revision", -1) != revision.value)
			continue;
		*ret = val_at(history, i);
		return 0;
	}
	return err_set(err, ERR_INVALID,
		"revision: there is no revision %" PRId64 " in the history", revision.value);
}

/* ---- patches ----------------------------------------------------------------------------------- */

/* The Pod template of a workload without the label that tells its ReplicaSets apart; owned. */
static struct val plain_template(struct val workload)
{
	struct val template = val_ref(val_get(val_get(workload, "spec"), "template"));
	struct val labels = val_get(val_get(template, "metadata"), "labels");

	if (val_has(labels, HASH_LABEL))
		val_remove(val_edit(val_edit(&template, "metadata"), "labels"), HASH_LABEL);
	return template;
}

/* The annotations that say something of the Deployment itself, and stay. */
static bool stays(struct str key)
{
	static const char *const keys[] = { "kubectl.kubernetes.io/last-applied-configuration",
		"deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history",
		"deployment.kubernetes.io/desired-replicas",
		"deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (str_is(key, keys[i]))
			return true;
	}
	return false;
}

/* Adds to *TO the annotations of OBJECT that stay with a Deployment, or the others. */
static void add_annotations(struct val *to, struct val object, bool staying)
{
	struct val annotations = val_get(val_get(object, "metadata"), "annotations");

	for (size_t i = 0; i < val_count(annotations); i++) {
		struct str key = val_key_at(annotations, i);

		if (stays(key) == staying)
			val_set_str(to, key, val_ref(val_value_at(annotations, i)));
	}
}

static void add_step(struct val *patch, const char *op, const char *path, struct val value)
{
	struct val step = val_map();

	val_set(&step, "op", val_string(op));
	val_set(&step, "path", val_string(path));
	val_set(&step, "value", value);
	val_append(patch, step);
}

struct val rollout_undo_deployment(struct val deployment, struct val replica_set)
{
	_cleanup_(val_free) struct val now = plain_template(deployment);
	_cleanup_(val_free) struct val then = plain_template(replica_set);
	struct val patch = VAL_NULL, annotations = val_map();
	struct val version = val_get(val_get(deployment, "metadata"), "resourceVersion");

	if (val_equal(now, then)) {
		val_free(&annotations);
		return VAL_NULL;
	}
	add_annotations(&annotations, replica_set, false);
	add_annotations(&annotations, deployment, true);
	/* A stale version is answered with a conflict; a test that fails would be an invalid patch. */
	if (val_is_string(version))
		add_step(&patch, "replace", "/metadata/resourceVersion", val_ref(version));
	add_step(&patch, "replace", "/spec/template", val_ref(then));
	add_step(&patch, "add", "/metadata/annotations", annotations);
	return patch;
}

struct val rollout_undo_controller(struct val object, struct val revision)
{
	struct val data = val_get(revision, "data");
	_cleanup_(val_free) struct val template = val_ref(val_get(val_get(data, "spec"), "template"));

	val_remove(&template, "$patch");
	if (val_equal(template, val_get(val_get(object, "spec"), "template")))
		return VAL_NULL;
	return val_ref(data);
}

struct val rollout_pause(bool paused)
{
	struct val patch = val_map(), spec = val_map();

	val_set(&spec, "paused", val_bool(paused));
	val_set(&patch, "spec", spec);
	return patch;
}

static struct val nest(const char *key, struct val value)
{
	struct val map = val_map();

	val_set(&map, key, value);
	return map;
}

struct val rollout_restart(int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	char text[32] = "";
	struct tm parts;

	if (gmtime_r(&seconds, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return nest("spec",
		nest("template",
			nest("metadata",
				nest("annotations",
					nest("kubectl.kubernetes.io/restartedAt", val_string(text))))));
}
