/*
 * What a manifest may be known to have wrong before a server is asked: a name that none takes, a scalar of the wrong type where
 * people get it wrong (`port: "80"`, `value: 1`). Everything else is the server's to say. Pure, any thread.
 */
#ifndef KUBERNETES_CHECK_H
#define KUBERNETES_CHECK_H

#include "base/err.h"
#include "base/val.h"

/* PLACE is what messages call MANIFEST: "manifests[2].spec.ports[0].port: expected a number, got a string". ERR_INVALID. */
int manifest_check(struct val manifest, const char *place, struct err *err);

#endif
