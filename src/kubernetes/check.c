#include "kubernetes/check.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/limits.h"
#include "kubernetes/kinds.h"
#include "kubernetes/manifest.h"

#define NAME_BYTES_MAX 253 /* of a DNS subdomain */

enum type { TEXT, NUMBER, FLAG, NUMBER_OR_TEXT };

/*
 * Steps of a path are keys; "key[]" goes into each item of a list, "*" into each value of a map. KIND NULL = all; "template": below
 * each Pod's metadata and spec, wherever the kind has them.
 */
static const struct row {
	const char *kind;
	const char *path;
	enum type type;
} rows[] = {
	{ NULL, "metadata.labels.*", TEXT },
	{ NULL, "metadata.annotations.*", TEXT },
	{ "configMap", "data.*", TEXT },
	{ "configMap", "binaryData.*", TEXT },
	{ "secret", "data.*", TEXT },
	{ "secret", "stringData.*", TEXT },
	{ "secret", "immutable", FLAG },
	{ "secret", "type", TEXT },
	{ "service", "spec.selector.*", TEXT },
	{ "service", "spec.ports[].port", NUMBER },
	{ "service", "spec.ports[].nodePort", NUMBER },
	{ "service", "spec.ports[].targetPort", NUMBER_OR_TEXT },
	{ "ingress", "spec.rules[].http.paths[].backend.service.port.number", NUMBER },
	{ "deployment", "spec.replicas", NUMBER },
	{ "deployment", "spec.paused", FLAG },
	{ "deployment", "spec.progressDeadlineSeconds", NUMBER },
	{ "deployment", "spec.selector.matchLabels.*", TEXT },
	{ "replicaSet", "spec.replicas", NUMBER },
	{ "replicaSet", "spec.selector.matchLabels.*", TEXT },
	{ "statefulSet", "spec.replicas", NUMBER },
	{ "statefulSet", "spec.selector.matchLabels.*", TEXT },
	{ "daemonSet", "spec.selector.matchLabels.*", TEXT },
	{ "job", "spec.completions", NUMBER },
	{ "job", "spec.parallelism", NUMBER },
	{ "job", "spec.backoffLimit", NUMBER },
	{ "job", "spec.activeDeadlineSeconds", NUMBER },
	{ "cronJob", "spec.schedule", TEXT },
	{ "cronJob", "spec.suspend", FLAG },
	{ "horizontalpodautoscaler", "spec.minReplicas", NUMBER },
	{ "horizontalpodautoscaler", "spec.maxReplicas", NUMBER },
	{ "template", "metadata.labels.*", TEXT },
	{ "template", "metadata.annotations.*", TEXT },
	{ "template", "spec.nodeSelector.*", TEXT },
	{ "template", "spec.terminationGracePeriodSeconds", NUMBER },
	{ "template", "spec.containers[].image", TEXT },
	{ "template", "spec.containers[].args[]", TEXT },
	{ "template", "spec.containers[].command[]", TEXT },
	{ "template", "spec.containers[].env[].value", TEXT },
	{ "template", "spec.containers[].ports[].containerPort", NUMBER },
	{ "template", "spec.initContainers[].image", TEXT },
	{ "template", "spec.initContainers[].args[]", TEXT },
	{ "template", "spec.initContainers[].command[]", TEXT },
	{ "template", "spec.initContainers[].env[].value", TEXT },
};

/* ---- types ------------------------------------------------------------------------------------- */

static bool fits(struct val value, enum type type)
{
	int64_t number;

	switch (type) {
	case TEXT:
		return val_is_string(value);
	case NUMBER:
		return val_as_int(value, &number);
	case FLAG:
		return val_kind(value) == VAL_KIND_BOOL;
	case NUMBER_OR_TEXT:
		return val_is_string(value) || val_as_int(value, &number);
	}
	return false;
}

static int mistyped(struct val value, const char *wanted, const char *place, struct err *err)
{
	bool unresolved = val_is_string(value) && str_contains(val_as_str(&value), "${");

	return err_set(err, ERR_INVALID, "%s: expected %s, got %s%s", place, wanted,
		val_is_null(value) ? "nothing" : val_kind_name(val_kind(value)),
		unresolved ? " whose expression was not resolved" : "");
}

/* VALUE is what stands at PLACE; REST the steps below it, "" = none. Nothing, or null, is never wrong. */
static int check_path(
	struct val value, const char *rest, enum type type, const char *place, struct err *err);

static int check_items(
	struct val list, const char *rest, enum type type, const char *place, struct err *err)
{
	if (val_is_null(list))
		return 0;
	if (!val_is_list(list))
		return mistyped(list, "a list", place, err);
	for (size_t i = 0; i < val_count(list); i++) {
		_cleanup_free_ char *inner = xasprintf("%s[%zu]", place, i);

		if (check_path(val_at(list, i), rest, type, inner, err) < 0)
			return -1;
	}
	return 0;
}

static int check_values(
	struct val map, const char *rest, enum type type, const char *place, struct err *err)
{
	for (size_t i = 0; i < val_count(map); i++) {
		_cleanup_free_ char *inner = xasprintf("%s.%.*s", place, STR_ARG(val_key_at(map, i)));

		if (check_path(val_value_at(map, i), rest, type, inner, err) < 0)
			return -1;
	}
	return 0;
}

static int check_path(
	struct val value, const char *rest, enum type type, const char *place, struct err *err)
{
	static const char *const wanted[] = { "a string", "a whole number", "true or false",
		"a whole number or a name" };
	const char *dot = strchr(rest, '.');
	size_t length = dot ? (size_t)(dot - rest) : strlen(rest);
	const char *after = dot ? dot + 1 : rest + length;
	bool items = length > 2 && rest[length - 1] == ']';
	struct str key = { .bytes = rest, .length = items ? length - 2 : length };
	_cleanup_free_ char *inner = NULL;

	if (val_is_null(value))
		return 0;
	if (!*rest)
		return fits(value, type) ? 0 : mistyped(value, wanted[type], place, err);
	if (!val_is_map(value))
		return mistyped(value, "a map", place, err);
	if (str_is(key, "*"))
		return check_values(value, after, type, place, err);
	inner = xasprintf("%s.%.*s", place, STR_ARG(key));
	value = val_get_str(value, key);
	return items ? check_items(value, after, type, inner, err) :
		       check_path(value, after, type, inner, err);
}

/* Where a kind has its Pods' metadata and spec, as a path; NULL = nowhere. */
static const char *template_path(const struct kind *kind)
{
	if (strcmp(kind->name, "pod") == 0)
		return "";
	if (strcmp(kind->name, "cronJob") == 0)
		return "spec.jobTemplate.spec.template";
	return kind->workload ? "spec.template" : NULL;
}

static int check_types(
	struct val manifest, const struct kind *kind, const char *place, struct err *err)
{
	const char *path = template_path(kind);
	struct val template = path && *path ? val_path(manifest, path) : manifest;
	_cleanup_free_ char *below = xasprintf(
		"%s%s%s", place, path && *path ? "." : "", path ? path : "");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool inside = row->kind && strcmp(row->kind, "template") == 0;

		if (inside && path && val_is_map(template) &&
			check_path(template, row->path, row->type, below, err) < 0)
			return -1;
		if (!inside && (!row->kind || strcmp(row->kind, kind->name) == 0) &&
			check_path(manifest, row->path, row->type, place, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------- */

/* RFC 1123, as Kubernetes has it: letters in lower case, digits, '-' and '.', no '-' or '.' at an end. */
static bool is_subdomain(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++) {
		bool end = i == 0 || i + 1 == length;
		bool word = (name[i] >= 'a' && name[i] <= 'z') || isdigit((unsigned char)name[i]);

		if (!word && (end || (name[i] != '-' && name[i] != '.')))
			return false;
	}
	return length > 0 && length <= NAME_BYTES_MAX;
}

static int check_name(struct val metadata, const char *key, const char *place, struct err *err)
{
	const char *name = val_get_text(metadata, key, "");

	if (!*name || is_subdomain(name))
		return 0;
	if (strstr(name, "${"))
		return err_set(err, ERR_INVALID, "%s.metadata.%s: an expression was not resolved",
			place, key);
	return err_set(err, ERR_INVALID,
		"%s.metadata.%s: \"%.80s\" is no name for Kubernetes: at most %d lower-case letters, "
		"digits, '-' and '.', with a letter or digit at both ends",
		place, key, name, NAME_BYTES_MAX);
}

/* ---- what a kind of its own has ---------------------------------------------------------------- */

/* Keys that a Secret has not are most likely misspelt, and what stands there a password: the server's error would repeat it. */
static int check_secret_keys(struct val manifest, const char *place, struct err *err)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", "type", "data",
		"stringData", "immutable", "status" };
	size_t count = sizeof(known) / sizeof(known[0]);

	for (size_t i = 0; i < val_count(manifest); i++) {
		struct str key = val_key_at(manifest, i);
		const char *meant = NULL;
		bool found = false;

		for (size_t j = 0; j < count && !found; j++) {
			found = str_is(key, known[j]);
			if (str_equal_nocase(key, str_of(known[j])))
				meant = known[j];
		}
		if (!found)
			return err_set(err, ERR_INVALID, "%s.%.*s: a Secret has no such field%s%s",
				place, STR_ARG(key), meant ? "; it is written " : "",
				meant ? meant : "");
	}
	return 0;
}

static int check_secret_data(struct val manifest, const char *place, struct err *err)
{
	struct val data = val_get(manifest, "data");

	for (size_t i = 0; i < val_count(data); i++) {
		struct val value = val_value_at(data, i);
		_cleanup_free_ char *bytes = NULL;
		size_t length;

		if (!val_is_string(value))
			continue; /* null */
		bytes = base64_decode(val_as_str(&value), &length);
		if (!bytes)
			return err_set(err, ERR_INVALID,
				"%s.data.%.*s: is not base64; plain text belongs into stringData",
				place, STR_ARG(val_key_at(data, i)));
	}
	return 0;
}

static const char *const selecting[] = { "deployment", "replicaSet", "statefulSet", "daemonSet" };

/* The server refuses a workload that would not find its own Pods. */
static int check_selector(
	struct val manifest, const struct kind *kind, const char *place, struct err *err)
{
	struct val wanted = val_path(manifest, "spec.selector.matchLabels");
	struct val labels = val_path(manifest, "spec.template.metadata.labels");
	bool selects = false;

	for (size_t i = 0; i < sizeof(selecting) / sizeof(selecting[0]); i++)
		selects = selects || strcmp(kind->name, selecting[i]) == 0;
	for (size_t i = 0; selects && i < val_count(wanted); i++) {
		struct str key = val_key_at(wanted, i);

		if (!val_equal(val_value_at(wanted, i), val_get_str(labels, key)))
			return err_set(err, ERR_INVALID,
				"%s.spec.selector.matchLabels.%.*s: is not a label of "
				"spec.template.metadata.labels with the same value",
				place, STR_ARG(key));
	}
	return 0;
}

static int check_kind(struct val manifest, const struct kind *kind, const char *place, struct err *err)
{
	if (strcmp(kind->name, "secret") != 0)
		return check_selector(manifest, kind, place, err);
	if (check_secret_keys(manifest, place, err) < 0)
		return -1;
	return check_secret_data(manifest, place, err);
}

int manifest_check(struct val manifest, const char *place, struct err *err)
{
	const struct kind *kind = manifest_kind(manifest);
	struct val metadata = val_get(manifest, "metadata");

	if (check_name(metadata, "namespace", place, err) < 0)
		return -1;
	if (!kind->name)
		return 0;
	if (!kind->any_name && check_name(metadata, "name", place, err) < 0)
		return -1;
	if (check_types(manifest, kind, place, err) < 0)
		return -1;
	return check_kind(manifest, kind, place, err);
}
