/*
 * What stages that carry manifests share: expressions in them, and the artifacts that may be bound.
 */
#ifndef KUBERNETES_STAGE_SOURCE_H
#define KUBERNETES_STAGE_SOURCE_H

#include "engine/stage_type.h"

/* `source`: text, artifact. */
enum manifest_source { SOURCE_TEXT, SOURCE_ARTIFACT };
extern const char *const source_names[];

/*
 * For struct stage_type.evaluate: evaluates all but what the API server gave back, which is nobody's expression; with
 * skipExpressionEvaluation the keys SOURCES (ends with NULL) stay as they are, too.
 */
enum expr_failure source_evaluate(struct evaluation *evaluation, const char *const *sources);

/* … of a stage without manifests of its own. */
enum expr_failure given_evaluate(struct evaluation *evaluation);

/* All artifacts that upstream stages and the trigger have, nearest first; owned. */
struct val source_artifacts(const struct task_input *in);

#endif
