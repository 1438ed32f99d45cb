/*
 * The body of a patch as stages write it: a part of an object, or a list of operations. Pure, any thread.
 */
#ifndef KUBERNETES_PATCH_H
#define KUBERNETES_PATCH_H

#include "base/err.h"
#include "base/val.h"

enum patch_strategy { PATCH_STRATEGIC, PATCH_JSON, PATCH_MERGE };
/* "strategic", "json", "merge"; ends with NULL. */
extern const char *const patch_strategies[];
/* "application/merge-patch+json" */
const char *patch_content_type(enum patch_strategy strategy);

/* BODY (an object, a list, or either as YAML text) as it is sent: one object, or a list of operations; owned. ERR_INVALID. */
int patch_body(struct val body, enum patch_strategy strategy, struct val *ret, struct err *err);

/* Binds the list CANDIDATES in *PATCH, a part of an object of KIND and API_VERSION in NAMESPACE; what was used is added to *BOUND. */
void patch_bind(struct val *patch, const char *api_version, const char *kind, const char *namespace,
	const char *account, struct val candidates, struct val *bound);

/*
 * Adds to *PATCH what notes CAUSE in the annotation "kubernetes.io/change-cause" of OBJECT (as it is; VAL_NULL where the strategy is not
 * json), from which `kubectl rollout history` tells why there is a revision. A cause that the patch itself gives stays.
 */
void patch_record(
	struct val *patch, enum patch_strategy strategy, struct val object, const char *cause);

/*
 * What tells whether a list of operations has been sent in the name of MANAGER: {"resourceVersion", "ours"}, where "ours" is what the
 * server notes of that manager's updates of OBJECT. Owned.
 */
struct val patch_mark(struct val object, const char *manager);
/* OPERATIONS that fail with a conflict unless the object is still the one of MARK; owned. */
struct val patch_guarded(struct val operations, struct val mark);

#endif
