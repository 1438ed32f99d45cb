/* The cloud-neutral stage types, each in the file of its name. */
#ifndef STAGE_STAGES_H
#define STAGE_STAGES_H

#include "engine/stage_type.h"

extern const struct stage_type check_preconditions_stage;
extern const struct stage_type evaluate_variables_stage;
extern const struct stage_type manual_judgment_stage;
extern const struct stage_type wait_stage;
extern const struct stage_type webhook_stage;

#endif
