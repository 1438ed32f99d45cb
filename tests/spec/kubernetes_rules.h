/*
 * The rules of the manifest stages, each under the name by which tests/spec/kubernetes calls it.
 */
#ifndef SPEC_KUBERNETES_RULES_H
#define SPEC_KUBERNETES_RULES_H

#include "base/err.h"
#include "base/val.h"

/* What the rule says of GIVEN; *RET is owned. -1: it refuses, and why. */
struct rule {
	const char *name;
	int (*apply)(struct val given, struct val *ret, struct err *err);
};

/* Ends with a row without a name. */
extern const struct rule kubernetes_rules[];

#endif
