#include "kubernetes/patch.h"

#include <string.h>

#include "base/yaml.h"
#include "kubernetes/bind.h"

const char *const patch_strategies[] = { "strategic", "json", "merge", NULL };

const char *patch_content_type(enum patch_strategy strategy)
{
	static const char *const types[] = { "application/strategic-merge-patch+json",
		"application/json-patch+json", "application/merge-patch+json" };

	return types[strategy];
}

/* Adds the maps of BODY, which may be lists in lists, to *LIST. */
static int flatten(struct val body, const char *place, struct val *list, struct err *err)
{
	if (val_is_null(body))
		return 0;
	if (val_is_map(body)) {
		if (val_count(body))
			val_append(list, val_ref(body));
		return 0;
	}
	if (!val_is_list(body))
		return err_set(err, ERR_INVALID, "%s: expected an object, got %s", place,
			val_kind_name(val_kind(body)));
	for (size_t i = 0; i < val_count(body); i++) {
		if (flatten(val_at(body, i), place, list, err) < 0)
			return -1;
	}
	return 0;
}

static int parse_text(struct val body, struct val *ret, struct err *err)
{
	if (!val_is_string(body)) {
		*ret = val_ref(body);
		return 0;
	}
	if (yaml_parse_all(val_as_str(&body), ret, err) < 0)
		return err_wrap(err, "patchBody");
	return 0;
}

static int check_operation(struct val operation, size_t index, struct err *err)
{
	const char *op = val_get_text(operation, "op", "");
	struct val path = val_get(operation, "path");

	if (strcmp(op, "replace") != 0 && strcmp(op, "add") != 0 && strcmp(op, "remove") != 0)
		return err_set(err, ERR_INVALID,
			"patchBody[%zu].op: expected replace, add or remove, got \"%s\"", index, op);
	if (!val_is_string(path) || (*val_text(&path) && val_text(&path)[0] != '/'))
		return err_set(err, ERR_INVALID,
			"patchBody[%zu].path: expected a path, such as /spec/replicas", index);
	if (strcmp(op, "remove") != 0 && !val_has(operation, "value"))
		return err_set(err, ERR_INVALID, "patchBody[%zu].value: is required", index);
	return 0;
}

int patch_body(struct val body, enum patch_strategy strategy, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val parsed = VAL_NULL, list = val_list();

	if (parse_text(body, &parsed, err) < 0 || flatten(parsed, "patchBody", &list, err) < 0)
		return -1;
	if (val_count(list) == 0)
		return err_set(err, ERR_INVALID,
			"The Patch (Manifest) stage requires a valid patch body. Please add a patch "
			"body inline or with an artifact.");
	if (strategy != PATCH_JSON && val_count(list) > 1)
		return err_set(err, ERR_INVALID,
			"Only one patch object is valid when patching with strategic and merge patch "
			"strategies.");
	for (size_t i = 0; strategy == PATCH_JSON && i < val_count(list); i++) {
		if (check_operation(val_at(list, i), i, err) < 0)
			return -1;
	}
	*ret = strategy == PATCH_JSON ? take(&list) : val_ref(val_at(list, 0));
	return 0;
}

void patch_bind(struct val *patch, const char *api_version, const char *kind, const char *namespace,
	const char *account, struct val candidates, struct val *bound)
{
	static const char *const keys[] = { "apiVersion", "kind", "metadata" };
	struct val manifest = val_ref(*patch), metadata = val_map();

	val_set(&metadata, "namespace", val_string(namespace));
	val_set(&manifest, "apiVersion", val_string(api_version));
	val_set(&manifest, "kind", val_string(kind));
	val_set(&manifest, "metadata", metadata);
	manifest_bind(&manifest, candidates, account, bound);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (val_has(*patch, keys[i]))
			val_set(&manifest, keys[i], val_ref(val_get(*patch, keys[i])));
		else
			val_remove(&manifest, keys[i]);
	}
	val_replace(patch, manifest);
}

#define CHANGE_CAUSE "kubernetes.io/change-cause"

static struct val add_operation(const char *path, struct val value)
{
	struct val operation = val_map();

	val_set(&operation, "op", val_string("add"));
	val_set(&operation, "path", val_string(path));
	val_set(&operation, "value", value);
	return operation;
}

/* Before the others: what they say of annotations counts. */
static void record_first(struct val *operations, struct val object, const char *cause)
{
	struct val list = val_list();

	if (!val_is_map(val_get(val_get(object, "metadata"), "annotations")))
		val_append(&list, add_operation("/metadata/annotations", val_map()));
	val_append(&list,
		add_operation("/metadata/annotations/kubernetes.io~1change-cause", val_string(cause)));
	for (size_t i = 0; i < val_count(*operations); i++)
		val_append(&list, val_ref(val_at(*operations, i)));
	val_replace(operations, list);
}

void patch_record(
	struct val *patch, enum patch_strategy strategy, struct val object, const char *cause)
{
	struct val metadata = val_get(*patch, "metadata");
	struct val annotations = val_get(metadata, "annotations");

	if (strategy == PATCH_JSON) {
		record_first(patch, object, cause);
		return;
	}
	/* Something else than maps is for the server to refuse. */
	if ((val_has(*patch, "metadata") && !val_is_map(metadata)) ||
		(val_has(metadata, "annotations") && !val_is_map(annotations)) ||
		val_has(annotations, CHANGE_CAUSE))
		return;
	if (!val_is_map(metadata))
		val_set(patch, "metadata", val_map());
	if (!val_is_map(annotations))
		val_set(val_edit(patch, "metadata"), "annotations", val_map());
	val_set(val_edit(val_edit(patch, "metadata"), "annotations"), CHANGE_CAUSE,
		val_string(cause));
}

struct val patch_mark(struct val object, const char *manager)
{
	struct val metadata = val_get(object, "metadata");
	struct val fields = val_get(metadata, "managedFields");
	struct val mark = val_map(), ours = VAL_NULL;

	for (size_t i = 0; i < val_count(fields); i++) {
		struct val entry = val_at(fields, i);

		if (strcmp(val_get_text(entry, "manager", ""), manager) == 0 &&
			strcmp(val_get_text(entry, "operation", ""), "Update") == 0 &&
			!*val_get_text(entry, "subresource", ""))
			ours = entry;
	}
	val_set(&mark, "resourceVersion", val_ref(val_get(metadata, "resourceVersion")));
	val_set(&mark, "ours", val_ref(ours));
	return mark;
}

struct val patch_guarded(struct val operations, struct val mark)
{
	struct val list = val_list(), step = val_map();

	val_set(&step, "op", val_string("replace"));
	val_set(&step, "path", val_string("/metadata/resourceVersion"));
	val_set(&step, "value", val_ref(val_get(mark, "resourceVersion")));
	val_append(&list, step);
	for (size_t i = 0; i < val_count(operations); i++)
		val_append(&list, val_ref(val_at(operations, i)));
	return list;
}
