/*
 * What becomes of the objects that a deleted one manages, and how long it has to end: the stage's `options`, and what the API takes.
 * Pure, any thread.
 */
#ifndef KUBERNETES_DELETE_OPTIONS_H
#define KUBERNETES_DELETE_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

/* As stages write them; NULL and VAL_NULL = not given. */
struct delete_options {
	char *cascading;         /* "true", "false", or a policy's name */
	char *orphan_dependents; /* counts before cascading, the other way round */
	struct val grace_period;
};

/*
 * {"propagationPolicy", "gracePeriodSeconds", "preconditions"}: deletes only the object that has UID (borrowed). Owned. ERR_INVALID:
 * "options.cascading: …". The policy is always there, since the servers' own default leaves the Pods of a Job behind.
 */
int delete_options_body(
	const struct delete_options *options, struct val uid, struct val *ret, struct err *err);

#endif
