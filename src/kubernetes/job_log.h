/*
 * The Pods of a Job and what their logs say; on worker threads.
 */
#ifndef KUBERNETES_JOB_LOG_H
#define KUBERNETES_JOB_LOG_H

#include "engine/stage_type.h"
#include "kubernetes/kubernetes.h"

/* How often a log is asked for that cannot be read, or says nothing, and the time between. */
#define JOB_LOG_TRIES 6
#define JOB_LOG_PAUSE_MS 5000

/* The Pods of JOB; owned, an empty list when they cannot be read: they are for details only. */
void job_read_pods(
	const struct task_input *in, struct kube_account *account, struct val job, struct val *ret);

/* The last lines of what the container of a job_culprit said; owned, "" when there are none. */
char *job_read_log_end(const struct task_input *in, struct kube_account *account, struct val culprit);

/* The properties in the log of CONTAINER in one of PODS; owned. An empty result is an error, too. */
int job_read_properties(const struct task_input *in, struct kube_account *account, struct val pods,
	const char *container, struct val *ret, struct err *err);

#endif
