/*
 * The one explicit list of all stage types. A new one is declared in its folder's stages.h and gets a line here.
 */
#include "stages.h"

#include "kubernetes/stages.h"
#include "stage/stages.h"

static const struct stage_type *const stage_types[] = {
	&check_preconditions_stage,
	&deploy_manifest_stage,
	&delete_manifest_stage,
	&scale_manifest_stage,
	&undo_rollout_manifest_stage,
	&pause_rollout_manifest_stage,
	&resume_rollout_manifest_stage,
	&rolling_restart_manifest_stage,
	&patch_manifest_stage,
	&enable_manifest_stage,
	&disable_manifest_stage,
	&run_job_manifest_stage,
	&cleanup_artifacts_stage,
	&find_artifacts_stage,
	&evaluate_variables_stage,
	&execution_window_stage,
	&manual_judgment_stage,
	&pipeline_stage,
	&wait_stage,
	&webhook_stage,
	NULL,
};

const struct stage_registry stage_registry = {
	.types = stage_types,
	.plan_first = plan_execution_window,
};
