/*
 * Rollouts as values: which revision an undo goes back to, and the patches that pause, resume, restart and undo. Pure, any thread.
 */
#ifndef KUBERNETES_ROLLOUT_H
#define KUBERNETES_ROLLOUT_H

#include "base/err.h"
#include "base/field.h"
#include "base/val.h"

/*
 * The revisions of OWNER (a Deployment, StatefulSet or DaemonSet) among LIVE (its ReplicaSets, or ControllerRevisions): a list of
 * {"revision": 3, "name": "web-5df"}, oldest first. Those of other owners, by uid, are left out. Owned.
 */
struct val rollout_history(struct val owner, struct val live);

/*
 * The entry of HISTORY to go back to: BACK steps from the newest (0 = that one), else REVISION. Borrowed. ERR_INVALID: neither is given,
 * "There are 2 revision(s) in total, cannot rollback 3", or there is no such revision.
 */
int rollout_choose(struct val history, struct opt_int back, struct opt_int revision,
	struct val *ret, struct err *err);

/*
 * JSON Patch that takes DEPLOYMENT back to the template and annotations of REPLICA_SET, and fails with a conflict if the Deployment has
 * changed since it was read; VAL_NULL when it has that template already. Owned.
 */
struct val rollout_undo_deployment(struct val deployment, struct val replica_set);

/* Strategic merge patch that takes OBJECT back to a ControllerRevision, VAL_NULL when it is so already. Owned. */
struct val rollout_undo_controller(struct val object, struct val revision);

/* Merge patches, owned. AT_MS since the epoch. */
struct val rollout_pause(bool paused);
struct val rollout_restart(int64_t at_ms);

#endif
