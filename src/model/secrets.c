#include "model/secrets.h"

#include <strings.h>

#define MASK "***"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static bool is_secret(struct val value)
{
	return str_equal_nocase(str_of(val_get_text(value, "kind", "")), STR("secret"));
}

/* A stage that patches a Secret: the patch itself does not say what it is for. */
static bool patches_secret(struct val value)
{
	return strncasecmp(val_get_text(value, "manifestName", ""), "secret ", 7) == 0 &&
		val_has(value, "patchBody");
}

static struct val child_at(struct val value, size_t index)
{
	return val_is_map(value) ? val_value_at(value, index) : val_at(value, index);
}

static bool holds_secret(struct val value)
{
	if (!val_is_map(value) && !val_is_list(value))
		return false;
	if (is_secret(value) || patches_secret(value))
		return true;
	for (size_t i = 0; i < val_count(value); i++) {
		if (holds_secret(child_at(value, i)))
			return true;
	}
	return false;
}

/* The keys stay: they help people and give nothing away. */
static void mask_values(struct val *object, const char *key)
{
	struct val *values = val_edit(object, key);

	if (!values || val_is_null(*values))
		return;
	if (!val_is_map(*values)) {
		val_replace(values, val_string(MASK));
		return;
	}
	for (size_t i = 0; i < val_count(*values); i++)
		val_replace(val_edit_at(values, i), val_string(MASK));
}

/* One patch: parts of the object, or an operation of a JSON patch. */
static void mask_patch(struct val *patch)
{
	if (!val_is_map(*patch))
		return;
	mask_values(patch, "data");
	mask_values(patch, "stringData");
	if (val_has(*patch, "op") && val_has(*patch, "value"))
		val_set(patch, "value", val_string(MASK));
}

static void mask_patches(struct val *where)
{
	struct val *body = val_edit(where, "patchBody");

	if (val_is_string(*body))
		val_replace(body, val_string(MASK));
	for (size_t i = 0; val_is_list(*body) && i < val_count(*body); i++)
		mask_patch(val_edit_at(body, i));
	mask_patch(body);
}

static void mask(struct val *where)
{
	struct val annotations;

	if (!holds_secret(*where))
		return;
	for (size_t i = 0; i < val_count(*where); i++)
		mask(val_edit_at(where, i));
	if (patches_secret(*where))
		mask_patches(where);
	if (!is_secret(*where))
		return;
	mask_values(where, "data");
	mask_values(where, "stringData");
	annotations = val_get(val_get(*where, "metadata"), "annotations");
	if (val_has(annotations, LAST_APPLIED))
		val_set(val_edit(val_edit(where, "metadata"), "annotations"), LAST_APPLIED,
			val_string(MASK));
}

struct val secrets_masked(struct val value)
{
	struct val masked = val_ref(value);

	mask(&masked);
	return masked;
}
