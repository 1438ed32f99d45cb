/* The registry of all stage types. */
#ifndef STAGES_H
#define STAGES_H

#include "engine/stage_type.h"

extern const struct stage_registry stage_registry;

#endif
