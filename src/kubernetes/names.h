/*
 * What Spinnaker reads out of an object's name and annotations: application, cluster, sequence, strategy. Pure, any thread.
 */
#ifndef KUBERNETES_NAMES_H
#define KUBERNETES_NAMES_H

#include "base/field.h"
#include "base/val.h"
#include "kubernetes/kinds.h"

/* {"app", "cluster", "stack", "detail", "sequence"}: texts and a number, null where there is none. Owned. */
struct val moniker_of(struct val object);

/*
 * {"deploy": "apply" | "recreate" | "replace" | "server-side-apply", "serverSideApply": "disabled" | "default" | "force-conflicts",
 * "versioned": "default" | "true" | "false", "maxVersionHistory": number or null, "useSourceCapacity": flag}. Owned.
 */
struct val strategy_of(struct val manifest);

/*
 * How a deploy names each of the list MANIFESTS while LIVE are the objects that are there: a list in the same order of moniker_of with
 * "version" ("v003" or null), "name" (null while it is to be made from generateName), "reused" and "strategy". VERSIONED is the stage's
 * field, CUSTOM what an account says of kinds (NULL = nothing). Owned.
 */
struct val names_chosen(struct val manifests, struct val live, struct opt_bool versioned,
	const struct kind_list *custom);

#endif
