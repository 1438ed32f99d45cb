/*
 * What descriptors say, for others: JSON Schema (draft 2020-12) for editors and checkers, and the rows themselves for the console.
 * Pure; any thread. All results are owned.
 */
#ifndef LINT_SCHEMA_H
#define LINT_SCHEMA_H

#include "base/val.h"
#include "engine/stage_type.h"

/* Of one stage type: its own rows and those of every stage. Unknown keys are allowed, and ${…} in place of any scalar. */
struct val schema_stage(const struct stage_type *type);
/* Of any stage: by its type or alias, one of those in the registry; a stage of another type needs a type, no more. */
struct val schema_stages(const struct stage_registry *registry);
/* Of a pipeline with such stages. */
struct val schema_pipeline(const struct stage_registry *registry);

/*
 * A stage type as the console's editor wants it: {"type", "aliases", "title", "summary", "category", "fields": [row], "outputs": [row]},
 * texts as {"en", "zh"}; a row is {"key", "type", …}. With SUMMARY without the rows.
 */
struct val stage_describe(const struct stage_type *type, bool summary);
/* The rows of every stage. */
struct val fields_describe(const struct field *rows);

#endif
