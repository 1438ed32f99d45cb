/*
 * Mistakes in a pipeline, found before a run: structure, graph, fields, references, expressions. Strict where it is surely wrong; a
 * warning or silence where people rightly write otherwise. The rules are a table (rules.h). Pure; any thread.
 *
 * A finding is a map, as the console's editor wants it:
 *
 *	{"path": "stages[2].waitTime", "refId": "3", "key": "waitTime", "level": "error", "code": "wrong-type",
 *	 "text": {"en": …, "zh": …}, "at": {"from": 4, "to": 9}, "fix": [JSON Patch], "line": 12}
 *
 * `path` is "" for the document; `refId` stands where a stage is meant that has one; `key` is the field of the stage, or of the
 * pipeline; `at` counts UTF-16 units inside the text at `path`; `fix` is offered where the repair is all but certain.
 * "unsupported" is the one code for what is right, and not built here yet.
 */
#ifndef LINT_LINT_H
#define LINT_LINT_H

#include <stdbool.h>

#include "base/str.h"
#include "base/val.h"
#include "engine/stage_type.h"

struct lint_options {
	bool saving; /* also what a pipeline needs to be stored: application and name */
};

/* The findings in PIPELINE: an owned list, those of the pipeline before those of its stages. OPTIONS may be NULL. */
struct val lint_pipeline(struct val pipeline, const struct stage_registry *registry,
	const struct lint_options *options);

/* The same for a file's text, JSON (comments are fine) or YAML, with lines. What does not parse is a finding too. */
struct val lint_text(
	struct str text, const struct stage_registry *registry, const struct lint_options *options);

/* How many of FINDINGS are errors. */
size_t lint_errors(struct val findings);

#endif
