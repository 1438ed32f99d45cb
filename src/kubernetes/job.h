/*
 * Jobs that a stage runs, as values: what may be run, how it went, why it failed, and what its log says. Pure, any thread.
 */
#ifndef KUBERNETES_JOB_H
#define KUBERNETES_JOB_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

/* The one Job of SOURCE (an object, a list, a List) with the annotations that a run gives it; owned. ERR_INVALID. */
int job_manifest(struct val source, const char *place, struct val *ret, struct err *err);

enum job_state { JOB_STATE_RUNNING, JOB_STATE_SUCCEEDED, JOB_STATE_FAILED };
enum job_state job_state_of(struct val job);

/* What people and later stages read of JOB: {"name", "location", "account", "jobState", "reason", "message", …}; owned. */
struct val job_status(struct val job, const char *account);

/*
 * The container that tells most about a failure, of the list PODS: the first that ended with another code than 0, else the first that
 * waits: {"pod", "namespace", "container", "exitCode", "signal", "reason", "message"}; VAL_NULL when there is none. Owned.
 */
struct val job_culprit(struct val pods);

/* "Job: 'a' failed. Reason: …. Details: …. Additional Details: …" from job_status and job_culprit; LOG is the end of its log, "" = none.
 * Owned. */
char *job_failure_text(struct val status, struct val culprit, const char *log);

/* The Pod of PODS whose log is to be read, one that has succeeded if there is one; borrowed, VAL_NULL = none. */
struct val job_log_pod(struct val pods);

/*
 * What a log says in lines with SPINNAKER_PROPERTY_KEY=value (as "key") and SPINNAKER_CONFIG_JSON={…} (all of it): a map, owned, empty
 * when there is nothing. ERR_INVALID: a line's JSON is no object.
 */
int job_properties(struct str log, struct val *ret, struct err *err);

#endif
