/*
 * The annotations and labels that a deploy writes: whose object it is (application, cluster) and which artifact. Pure.
 */
#ifndef KUBERNETES_DECORATE_H
#define KUBERNETES_DECORATE_H

#include "base/field.h"
#include "base/val.h"

struct decoration {
	const char *application;
	const char *cluster;        /* NULL = "KIND NAME" */
	const char *stack, *detail; /* NULL = not written */
	struct opt_int sequence;  /* of the stage's moniker; the version's number takes its place */
	const char *version;      /* "v003", "" = not versioned */
	const char *content_hash; /* NULL = not written */
	bool no_labels;           /* kubernetes.v2.applyAppLabels is off */
	const char *managed_by;   /* "spinnaker", or with a suffix */
	bool skip_template_labels;
};

/*
 * Annotations are never overwritten; of the labels app.kubernetes.io/managed-by always is, and the sequence when there is
 * one. spec.template.metadata gets both too, where it is there. MANIFEST still has its unversioned name.
 */
void manifest_decorate(struct val *manifest, const struct decoration *decoration);

/* What a deploy produces of MANIFEST: the artifact that later manifests and stages refer to. REFERENCE is the name that
 * it gets. Owned. */
struct val manifest_artifact(
	struct val manifest, const char *version, const char *reference, const char *account);

#endif
