/*
 * Whether an object has become what its manifest asks for: Spinnaker's rules of stability, one function a kind. Pure.
 */
#ifndef KUBERNETES_STATUS_H
#define KUBERNETES_STATUS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

/* MESSAGE is owned, NULL = none. */
struct kube_condition {
	bool state;
	char *message;
};

/* Independent of each other: a Job may be stable and failed. */
struct kube_status {
	struct kube_condition stable, available, paused, failed;
};
void kube_status_free(struct kube_status *status);

/* Of a live object. ERR_INVALID: a version of a workload's API that nobody serves any more. */
int kube_status_of(struct val object, struct kube_status *ret, struct err *err);

/* False for the kinds whose objects are stable as soon as they are there, so that nobody need look. KIND as in "deployment web". */
bool kube_kind_settles(const char *kind);

/* As much of a live object as these rules, and those of Jobs and of deleting, read: what a watch keeps. Owned. */
struct val kube_status_parts(struct val object);

/* For people: "1 of 3 replicas available, Waiting for all replicas to be available"; "" when there is nothing to say. Owned. */
char *kube_status_line(struct val object, const struct kube_status *status);

#endif
