/*
 * Artifacts into manifests: an image, ConfigMap or Secret that a workload names is replaced by the very version that was built or
 * deployed. Spinnaker's slots, and imagePullSecrets beside them, which otherwise could not name a versioned Secret. Pure.
 */
#ifndef KUBERNETES_BIND_H
#define KUBERNETES_BIND_H

#include "base/val.h"

/*
 * Replaces in MANIFEST what one of the list CANDIDATES fits: in each slot the first of its type and name, in the manifest's
 * namespace and of ACCOUNT (or of none) if it is an object of Kubernetes. Adds those that were used to *BOUND (a list), each once.
 */
void manifest_bind(
	struct val *manifest, struct val candidates, const char *account, struct val *bound);

/* What stands in the slots of MANIFEST: a list of {"type", "name", "reference"}, each once; owned. */
struct val manifest_slots(struct val manifest);

/*
 * Adds ARTIFACT (taken) at the end; one of the same type, name and location goes. KNOWN, a map that is VAL_NULL at first and belongs to
 * LIST, spares looking through all of it.
 */
void artifacts_put(struct val *list, struct val *known, struct val artifact);

/* Adds ARTIFACT (taken), unless there is one of the same type, name and location. */
void artifacts_add(struct val *list, struct val artifact);

/* "nginx" of "nginx:1.12", "repo:123" of "repo:123@sha256:13", and "reg:5000/r" of itself. Owned. */
char *image_name(const char *image);

#endif
