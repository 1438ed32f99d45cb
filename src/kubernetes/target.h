/*
 * Which of several live objects a stage means: "the newest of cluster replicaSet web". Pure, any thread.
 */
#ifndef KUBERNETES_TARGET_H
#define KUBERNETES_TARGET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

enum criteria {
	CRITERIA_NEWEST,
	CRITERIA_SECOND_NEWEST,
	CRITERIA_OLDEST,
	CRITERIA_LARGEST,
	CRITERIA_SMALLEST,
};
/* Their names, in that order; ends with NULL. */
extern const char *const criteria_names[];
/* ERR_INVALID: "criteria: …". */
int criteria_parse(const char *name, enum criteria *ret, struct err *err);

/* Those of the list LIVE whose annotations say APPLICATION and CLUSTER, exactly; NULL = any. Owned. */
struct val target_candidates(struct val live, const char *application, const char *cluster);

/*
 * The list LIVE in the order that CRITERIA looks at, from first to last: by creationTimestamp, or by spec.replicas (none is -1);
 * what is equal in that by sequence, then by name. Owned.
 */
struct val target_order(struct val live, enum criteria criteria);

/* The index in what target_order gave, -1 when there are too few. */
ptrdiff_t target_index(size_t count, enum criteria criteria);

/* moniker.spinnaker.io/sequence, else of a ReplicaSet the revision of its Deployment; false when there is none. */
bool object_sequence(struct val object, int64_t *ret);

#endif
