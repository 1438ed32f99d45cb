/*
 * Old versions of what was deployed: which ones the annotation strategy.spinnaker.io/max-version-history has too many of, and their
 * deletion. Blocking, on a worker.
 */
#ifndef KUBERNETES_CLEAN_UP_H
#define KUBERNETES_CLEAN_UP_H

#include "engine/stage_type.h"
#include "kubernetes/kubernetes.h"

/* ERR_INVALID when the annotation of MANIFEST is no number. Pure. */
int clean_up_check(struct val manifest, struct err *err);

/*
 * The versions that are too many of the objects MANIFESTS, which are as a server gave them back, or as an author wrote them: a list of maps {"apiVersion","kind",
 * "location","name","manifestName","uid"}, owned, each object once. Objects without the annotation, or deployed without a version, have none.
 */
int clean_up_find(const struct task_input *in, struct kube_account *account, struct val manifests,
	struct val *ret, struct err *err);

/* Deletes the objects of such a list, by their uid: doing it again deletes nothing that came in their place. */
int clean_up_delete(const struct task_input *in, struct kube_account *account, struct val targets,
	struct err *err);

#endif
