/*
 * What the stages that pause, resume and restart rollouts share.
 */
#ifndef KUBERNETES_STAGE_ROLLOUT_H
#define KUBERNETES_STAGE_ROLLOUT_H

#include "kubernetes/stage_target.h"

struct rollout_config {
	struct target_config target;
};

/* A change of a rollout, for messages, and for which kinds it is. */
struct rollout_action {
	const char *what;         /* "pause rollout" */
	const char *doing;        /* "pausing" */
	const char *const *kinds; /* ends with NULL */
	bool not_when_paused;
};
extern const struct rollout_action rollout_pausing, rollout_resuming, rollout_restarting;

/* The one task of those stages: sends the strategic merge PATCH, which does the same when it is sent again. */
int rollout_change(const struct task_input *in, struct task_result *out,
	const struct rollout_action *action, struct val patch, struct err *err);

#endif
