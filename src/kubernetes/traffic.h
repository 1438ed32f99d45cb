/*
 * Traffic as labels: a Service sends requests to the Pods that carry its selector, so that attaching a workload means adding the
 * selector's pairs to it. Pure, any thread.
 */
#ifndef KUBERNETES_TRAFFIC_H
#define KUBERNETES_TRAFFIC_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

#define TRAFFIC_ANNOTATION "traffic.spinnaker.io/load-balancers"

/* What the annotation of OBJECT names, ["service web"]; owned, an empty list when there is none. ERR_INVALID: it is no list. */
int traffic_services(struct val object, struct val *ret, struct err *err);

/* "web" of "service web"; owned. ERR_INVALID: another form or kind; ATTACHING decides about the words. */
int traffic_service_name(const char *reference, bool attaching, char **ret, struct err *err);

/* Adds the annotation with the list SERVICES to *MANIFEST. ERR_INVALID: it has one that says something else. */
int traffic_annotate(struct val *manifest, struct val services, struct err *err);

/*
 * Attaches *WORKLOAD to SERVICE: its Pod template (or itself, when it has none) gets the selector's pairs. ERR_INVALID: the Service has no
 * selector, or one of its keys is there already.
 */
int traffic_attach(struct val service, struct val *workload, struct err *err);
/* The same without questions, for pairs that were asked about. */
void traffic_add_labels(struct val *workload, struct val labels);

/* JSON Patch that makes OBJECT (a workload or a Pod) get the traffic of SERVICE, or no more; an empty list when it does, or
 * does not, already. Owned. */
struct val traffic_patch(struct val service, struct val object, bool enable);

/*
 * What a rollout strategy ("redblack", "bluegreen", "highlander") does with a cluster's other ReplicaSets once the list DEPLOYED is
 * stable: a list of {"type": "disableManifest", "manifestName", "location"} in the order of doing. LIVE: all ReplicaSets of the
 * namespaces of those deployed. Owned.
 */
struct val traffic_follow_ups(const char *strategy, struct val deployed, struct val live);

#endif
