/*
 * The task with which stages bind what they produced to their own `expectedArtifacts` (bindProducedArtifacts): the first match among the artifacts
 * that the stage sees, else the default. What was bound is in the outputs `artifacts` and `resolvedExpectedArtifacts`, for later stages.
 */
#ifndef ARTIFACT_BIND_PRODUCED_H
#define ARTIFACT_BIND_PRODUCED_H

#include "engine/stage_type.h"

/* The row, the last one of a stage's tasks; it is there when the stage has expected artifacts. */
#define BIND_PRODUCED_ARTIFACTS                                                  \
	{                                                                        \
		.name = "bindProducedArtifacts", .run = bind_produced_artifacts, \
		.when = has_expected_artifacts, .repeat = TASK_SAFE              \
	}

int bind_produced_artifacts(const struct task_input *in, struct task_result *out, struct err *err);
bool has_expected_artifacts(const struct task_input *in);

#endif
