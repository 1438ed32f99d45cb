/* The cloud-neutral stage types, each in the file of its name. */
#ifndef STAGE_STAGES_H
#define STAGE_STAGES_H

#include "engine/stage_type.h"

extern const struct stage_type check_preconditions_stage;
extern const struct stage_type evaluate_variables_stage;
extern const struct stage_type execution_window_stage;
extern const struct stage_type manual_judgment_stage;
extern const struct stage_type pipeline_stage;
extern const struct stage_type wait_stage;
extern const struct stage_type webhook_stage;

/* The registry's plan_first: the window stage before a stage that is restricted to one. */
int plan_execution_window(const struct task_input *in, struct stage_plan *plan, struct err *err);
/* *RET_NEXT_MS: 0 when NOW_MS is inside WINDOW (restrictedExecutionWindow) in ZONE, else when it opens next; -1 never. */
int window_next_start(
	struct val window, const char *zone, int64_t now_ms, int64_t *ret_next_ms, struct err *err);
/* ERR_INVALID, with the key of the settings, when there is no time zone ZONE. */
int window_check_zone(const char *zone, struct err *err);

#endif
