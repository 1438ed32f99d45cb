/*
 * Events of the cluster about objects that are waited for, and about what belongs to them: a Deployment's trouble is told of its Pods.
 */
#ifndef KUBERNETES_EVENTS_H
#define KUBERNETES_EVENTS_H

#include "kubernetes/kubernetes.h"

/*
 * The warnings of NAMESPACE, owned; none when they may not be listed. All who ask within LIMIT_KUBERNETES_EVENTS_MS get the same list, so
 * that a thousand waiting stages ask once; while one asks, the others get what was there before. Blocking, any thread.
 */
struct val kube_warnings(struct kube_account *account, const char *namespace, struct cancel *cancel);
/* All events of NAMESPACE, owned; none when they may not be listed. */
struct val kube_events(struct kube_account *account, const char *namespace, struct cancel *cancel);

/* ---- over values: pure, any thread ---- */

/* Whether EVENT is about the object of KIND ("deployment") called NAME, or about what its controller made for it. */
bool event_concerns(struct val event, const char *kind, const char *name);
/* When EVENT was last seen, in milliseconds; 0 = it does not say. */
int64_t event_time(struct val event);
/* The newest of EVENTS, not before SINCE_MS, that concerns the object; borrowed, VAL_NULL = none. */
struct val event_newest(struct val events, const char *kind, const char *name, int64_t since_ms);
/* Those of EVENTS that concern the object, oldest first, as event_summary has them; owned. */
struct val events_about(struct val events, const char *kind, const char *name);
/* What is kept of EVENT: {"object": "Pod web-x", "type", "reason", "message", "count", "lastTimestamp"}; owned. */
struct val event_summary(struct val event);

#endif
