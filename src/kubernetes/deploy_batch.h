/*
 * Objects of one kind and namespace that follow each other in a deploy: what their live objects say is read at once, and many of them
 * are sent several at a time. On worker threads.
 */
#ifndef KUBERNETES_DEPLOY_BATCH_H
#define KUBERNETES_DEPLOY_BATCH_H

#include "engine/stage_type.h"
#include "kubernetes/kubernetes.h"

/* One object on its way; all owned. */
struct shipment {
	size_t index;        /* its place among the stage's manifests */
	struct val object;   /* as it is sent */
	struct val uid;      /* of the one that has to go first */
	struct val artifact; /* what it produces */
	bool ours;           /* KUBE_APPLY_OURS */
	struct val returned, warnings;
	struct err err;
};
void shipments_free(struct shipment *shipments, size_t count);

/* Sends one; -1: its err says why, without secrets. */
int shipment_send(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipment);

/* How many of SHIPMENTS (COUNT > 0), from the first, belong together: none of them twice. */
size_t batch_length(const struct shipment *shipments, size_t count);

/*
 * Finds out of which objects client-side apply owns fields: one list of their metadata when there are several. When that may not be
 * read they are looked at one by one, as they are sent.
 */
int batch_look(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipments, size_t count,
	struct err *err);

/* Sends all of a batch: the index of the first that failed, or COUNT. After a failure no further one begins, but some may have. */
size_t batch_send(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct shipment *shipments, size_t count);

#endif
