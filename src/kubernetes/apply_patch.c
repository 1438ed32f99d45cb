#include "kubernetes/apply_patch.h"

#include "base/alloc.h"
#include "base/json.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* True when LIVE says all that WANTED says. */
static bool covers(struct val live, struct val wanted)
{
	if (val_is_map(wanted) && val_is_map(live)) {
		for (size_t i = 0; i < val_count(wanted); i++) {
			struct str key = val_key_at(wanted, i);

			if (!covers(val_get_str(live, key), val_value_at(wanted, i)))
				return false;
		}
		return true;
	}
	if (!val_is_list(wanted) || !val_is_list(live))
		return val_equal(live, wanted);
	if (val_count(live) != val_count(wanted))
		return false;
	for (size_t i = 0; i < val_count(wanted); i++) {
		if (!covers(val_at(live, i), val_at(wanted, i)))
			return false;
	}
	return true;
}

static void patch_key(struct val *patch, struct str key, struct val original, struct val modified,
	struct val current)
{
	if (val_is_map(modified) && val_is_map(current)) {
		struct val inner = apply_patch(original, modified, current);

		if (val_count(inner))
			val_set_str(patch, key, inner);
		else
			val_free(&inner);
		return;
	}
	if (val_is_list(modified) && val_equal(original, modified) && covers(current, modified))
		return;
	if (!val_equal(modified, current))
		val_set_str(patch, key, val_ref(modified));
}

struct val apply_patch(struct val original, struct val modified, struct val current)
{
	struct val patch = val_map();

	for (size_t i = 0; i < val_count(modified); i++) {
		struct str key = val_key_at(modified, i);

		patch_key(&patch, key, val_get_str(original, key), val_value_at(modified, i),
			val_get_str(current, key));
	}
	for (size_t i = 0; val_is_map(original) && i < val_count(original); i++) {
		struct str key = val_key_at(original, i);

		if (!val_has_str(modified, key) && val_has_str(current, key))
			val_set_str(&patch, key, VAL_NULL);
	}
	return patch;
}

struct val apply_annotated(struct val manifest)
{
	struct val annotated = val_ref(manifest);
	_cleanup_(val_free) struct val plain = val_ref(manifest);
	_cleanup_free_ char *text = NULL;
	struct val metadata, annotations;

	if (val_has(val_get(val_get(plain, "metadata"), "annotations"), LAST_APPLIED))
		val_remove(val_edit(val_edit(&plain, "metadata"), "annotations"), LAST_APPLIED);
	text = json_text(plain, JSON_COMPACT);
	metadata = val_ref(val_get(annotated, "metadata"));
	annotations = val_ref(val_get(metadata, "annotations"));
	val_set(&annotations, LAST_APPLIED, val_string(text));
	val_set(&metadata, "annotations", annotations);
	val_set(&annotated, "metadata", metadata);
	return annotated;
}

struct val apply_original(struct val live)
{
	struct val text = val_get(val_get(val_get(live, "metadata"), "annotations"), LAST_APPLIED);
	_cleanup_err_ struct err ignored = ERR_INIT;
	struct val original = VAL_NULL;

	if (!val_is_string(text) || json_parse(val_as_str(&text), NULL, NULL, &original, &ignored) < 0)
		return VAL_NULL;
	return original;
}
