/*
 * The stage types of this folder.
 */
#ifndef KUBERNETES_STAGES_H
#define KUBERNETES_STAGES_H

#include "engine/stage_type.h"

extern const struct stage_type deploy_manifest_stage;
extern const struct stage_type delete_manifest_stage;
extern const struct stage_type patch_manifest_stage;
extern const struct stage_type cleanup_artifacts_stage;
extern const struct stage_type find_artifacts_stage;
extern const struct stage_type run_job_manifest_stage;
extern const struct stage_type scale_manifest_stage;
extern const struct stage_type enable_manifest_stage;
extern const struct stage_type disable_manifest_stage;
extern const struct stage_type undo_rollout_manifest_stage;
extern const struct stage_type pause_rollout_manifest_stage;
extern const struct stage_type resume_rollout_manifest_stage;
extern const struct stage_type rolling_restart_manifest_stage;

#endif
