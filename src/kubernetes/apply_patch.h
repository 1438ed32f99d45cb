/*
 * Client-side apply as values: the patch that turns a live object into what a manifest wants, where a third one, what was applied
 * last, tells which fields the manifest has dropped (kubernetes.md 9.3). Pure, any thread.
 */
#ifndef KUBERNETES_APPLY_PATCH_H
#define KUBERNETES_APPLY_PATCH_H

#include "base/val.h"

/*
 * A JSON merge patch (RFC 7386), owned; an empty map = nothing to do. ORIGINAL: what was applied last, VAL_NULL = unknown. Lists are
 * replaced as a whole, unless the manifest's is as it was and the live one says the same and more (what the server filled in).
 */
struct val apply_patch(struct val original, struct val modified, struct val current);

/* MANIFEST with the annotation that a later client-side apply reads; owned. */
struct val apply_annotated(struct val manifest);
/* What that annotation of LIVE says, owned; VAL_NULL when there is none that can be read. */
struct val apply_original(struct val live);

#endif
