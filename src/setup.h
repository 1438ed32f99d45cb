/*
 * The real world, put together from settings: what `run` and `serve` have in common.
 */
#ifndef SETUP_H
#define SETUP_H

#include "engine/world.h"
#include "kubernetes/kubernetes.h"
#include "options.h"
#include "settings.h"

struct setup {
	struct settings settings;
	struct world world;
	struct kubernetes *kubernetes;
};

/*
 * Settings (of CONFIG, NULL = the usual file), clock, HTTP, processes, URL rules and the Kubernetes accounts of the settings. With
 * WITH_KUBECONFIG also those of KUBECONFIG (NULL = the usual places). Free with setup_close in any case.
 */
int setup_open(struct setup *setup, const char *config, bool with_kubeconfig, const char *kubeconfig, struct err *err);
/* Only what is needed to talk to a server: clock and HTTP. */
void setup_open_client(struct setup *setup);
/* Each --account NAME=CONTEXT of OPTIONS. */
int setup_bind_accounts(struct setup *setup, const struct options *options, struct err *err);
void setup_close(struct setup *setup);

#endif
