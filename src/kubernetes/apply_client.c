/*
 * Client-side apply, for accounts that ask for it (applyMode) and for what server-side apply cannot take: read, compare with what was applied
 * last, patch. A patch carries the resourceVersion that was read, so that nothing is decided from an old state.
 */
#include <string.h>

#include "base/limits.h"
#include "kubernetes/apply_patch.h"
#include "kubernetes/internal.h"

#define MERGE_PATCH "application/merge-patch+json"

/* One round. ERR_CONFLICT: somebody was faster. */
static int apply_once(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val wanted, struct cancel *cancel,
	struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val live = VAL_NULL, original = VAL_NULL, patch = VAL_NULL;

	if (kube_get(account, resource, namespace, name, cancel, &live, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err);
		return kube_create(account, resource, namespace, wanted, cancel, ret, err);
	}
	original = apply_original(live);
	patch = apply_patch(original, wanted, live);
	if (!val_count(patch)) {
		if (ret)
			*ret = take(&live);
		return 0;
	}
	if (!val_has(val_get(wanted, "metadata"), "resourceVersion")) {
		struct val metadata = val_ref(val_get(patch, "metadata"));

		val_set(&metadata, "resourceVersion",
			val_ref(val_path(live, "metadata.resourceVersion")));
		val_set(&patch, "metadata", metadata);
	}
	return kube_patch(
		account, resource, namespace, name, NULL, MERGE_PATCH, patch, cancel, ret, err);
}

int kube_apply_client_side(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val manifest, struct cancel *cancel,
	struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val wanted = apply_annotated(manifest);

	for (int number = 0;; number++) {
		if (apply_once(account, resource, namespace, name, wanted, cancel, ret, err) == 0)
			return 0;
		if (err->kind != ERR_CONFLICT || number + 1 >= LIMIT_KUBERNETES_CONFLICTS)
			return -1;
		err_clear(err);
	}
}

/* What the other mode may take: a server without server-side apply, a list whose keys stand twice, a type that the schema does not fit. */
bool kube_apply_needs_client(const struct err *err)
{
	static const char *const texts[] = { "duplicate entries for key", "failed to create typed",
		"failed to convert", "schema error" };
	int status = kube_error_status(err);

	if (status == 415)
		return true;
	if (status != 400 && status != 422 && status != 500)
		return false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strstr(err_text(err), texts[i]))
			return true;
	}
	return false;
}
