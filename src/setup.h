/*
 * The real world, put together from settings: what `run` and `serve` have in common.
 */
#ifndef SETUP_H
#define SETUP_H

#include "engine/world.h"
#include "kubernetes/kubernetes.h"
#include "options.h"
#include "stage/preconfigured.h"

struct setup {
	struct world world;
	struct url_policy policy;
	struct kubernetes *kubernetes;
	struct preconfigured *webhooks; /* its registry holds all stage types */
};

/*
 * Clock, HTTP, processes, URL rules, Kubernetes accounts and stage types. SETTINGS is the whole settings map (VAL_NULL = defaults), kept by
 * reference. KUBECONFIG: accounts come from it (NULL = the usual places) when WITH_KUBECONFIG. Free with setup_close in any case.
 */
int setup_open(struct setup *setup, struct val settings, bool with_kubeconfig,
	const char *kubeconfig, struct err *err);
/* Reads the Kubernetes accounts anew, as setup_open does; what runs goes on (kubernetes_adopt). On an error nothing has changed. */
int setup_reload_accounts(struct setup *setup, struct val settings, bool with_kubeconfig,
	const char *kubeconfig, struct err *err);
/* Each --account NAME=CONTEXT of OPTIONS. */
int setup_bind_accounts(struct setup *setup, const struct options *options, struct err *err);
void setup_close(struct setup *setup);

#endif
