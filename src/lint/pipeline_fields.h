/* The keys of a pipeline as rows: for lint, schema and pages. The engine reads them itself (model/pipeline.c). */
#ifndef LINT_PIPELINE_FIELDS_H
#define LINT_PIPELINE_FIELDS_H

#include "base/field.h"

/* Each ends with a row without name. `stages` holds what stage types describe. */
extern const struct field pipeline_fields[];
extern const struct field parameter_fields[];
extern const struct field expected_artifact_fields[];

#endif
