/*
 * Accounts follow their files: a thread looks every LIMIT_RELOAD_MS whether the settings or a kubeconfig have changed, and reads the Kubernetes
 * accounts anew. Other sections of the settings need a restart, and it says so.
 */
#ifndef RELOAD_H
#define RELOAD_H

#include "setup.h"

struct reload;

/* SETUP is borrowed. SETTINGS as they are now; FILE, WITH_KUBECONFIG, KUBECONFIG as setup_open and settings_load got them, borrowed. */
struct reload *reload_start(struct setup *setup, struct val settings, const char *file,
	bool with_kubeconfig, const char *kubeconfig, struct err *err);
/* Before SETUP is closed. NULL is fine. */
void reload_stop(struct reload *reload);

#endif
