/*
 * Mistakes in a pipeline, found before a run: structure, graph, types of fields, misspelt keys, syntax of expressions. Strict where it
 * is surely wrong; a warning or silence where people rightly write otherwise. Pure; any thread.
 */
#ifndef LINT_LINT_H
#define LINT_LINT_H

#include "base/field.h"
#include "base/val.h"
#include "engine/stage_type.h"

/* Calls REPORT for each finding in PIPELINE; returns the number of errors. PATH is "stages[2].waitTime". */
size_t lint_pipeline(struct val pipeline, const struct stage_registry *registry, finding_fn report, void *data);

/* "error", "warning", "info"; static. */
const char *finding_level_name(enum finding_level level);

#endif
