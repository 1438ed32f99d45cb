/*
 * The stage types of this folder.
 */
#ifndef KUBERNETES_STAGES_H
#define KUBERNETES_STAGES_H

#include "engine/stage_type.h"

extern const struct stage_type deploy_manifest_stage;
extern const struct stage_type delete_manifest_stage;

#endif
