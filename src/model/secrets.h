/*
 * Kubernetes Secrets in what people see. An author may write one into a pipeline, and then its values are in stage contexts
 * for ever; they must not reach events, answers or logs.
 */
#ifndef MODEL_SECRETS_H
#define MODEL_SECRETS_H

#include "base/val.h"

/*
 * VALUE with a mask ("***") in place of each value of every object of the kind Secret, at any depth: all but its apiVersion, kind, metadata
 * and type (a key may be misspelt), and in place of the annotation that repeats them. A string that is such an object as YAML or JSON is masked alike; one that says
 * "kind: Secret" but cannot be read is a mask as a whole, and so is an embedded artifact's content. Owned; the very same value when there is none. Pure, any thread.
 */
struct val secrets_masked(struct val value);
/* What secrets_masked(MAP) has at KEY, mostly without a look at the rest. Owned. */
struct val secrets_masked_member(struct val map, struct str key);

/*
 * SUMMARY, an expressionEvaluationSummary of CONTEXT, which holds the manifests before masking: an expression that stands inside a Secret
 * is part of its value, so its text is neither a key nor repeated in a description. Owned. Pure, any thread.
 */
struct val secrets_summary_masked(struct val context, struct val summary);

/* False when secrets_masked would find nothing in the value that was written as this compact JSON. Quick. Pure, any thread. */
bool secrets_possible(struct str json);

#endif
