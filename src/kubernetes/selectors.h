/*
 * Label selectors as stages write them: {"selectors": [{"key", "kind": "EQUALS", "values": ["a"]}]}. Pure.
 */
#ifndef KUBERNETES_SELECTORS_H
#define KUBERNETES_SELECTORS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"

/* As the API server takes them: "a = b,c in (d, e),!f"; owned, "" = no rule. ERR_INVALID with the place of the mistake. */
int selectors_text(struct val selectors, char **ret, struct err *err);

/* Whether LABELS (a map) fit all of SELECTORS, which selectors_text has accepted. */
bool selectors_match(struct val selectors, struct val labels);

/* The text for all that WORKLOAD's spec.selector matches (a LabelSelector, or a map as of a Service); owned. ERR_INVALID: it has none. */
int selectors_of_workload(struct val workload, char **ret, struct err *err);

#endif
