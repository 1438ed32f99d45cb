#include "model/secrets.h"

#define MASK "***"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static bool is_secret(struct val value)
{
	return str_equal_nocase(str_of(val_get_text(value, "kind", "")), STR("secret"));
}

static struct val child_at(struct val value, size_t index)
{
	return val_is_map(value) ? val_value_at(value, index) : val_at(value, index);
}

static bool holds_secret(struct val value)
{
	if (!val_is_map(value) && !val_is_list(value))
		return false;
	if (is_secret(value))
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

static void mask(struct val *where)
{
	struct val annotations;

	if (!holds_secret(*where))
		return;
	for (size_t i = 0; i < val_count(*where); i++)
		mask(val_edit_at(where, i));
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
