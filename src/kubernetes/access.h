/*
 * What an account may do: whether its API server answers, and which of the verbs that the manifest stages need it has for which kinds.
 */
#ifndef KUBERNETES_ACCESS_H
#define KUBERNETES_ACCESS_H

#include "kubernetes/kubernetes.h"

/* The verbs that are asked for, in order; ends with NULL. */
extern const char *const access_verbs[];

/*
 * Tries ACCOUNT, with one request for its version and then reviews of its own rights in each of NAMESPACES (a list of texts; empty: those of
 * the settings, else the account's own). Never fails; *RET is an owned map:
 *
 *	{"name","context","server","reachable": true,"version": "v1.33.4",
 *	 "access": [{"namespace","kind","resource","may": ["get",…],"mayNot": [],"error": text when it could not be asked}]}
 *	{"name","context","server","reachable": false,"error"}
 *
 * Blocking, any thread.
 */
void access_check(struct kube_account *account, struct val namespaces, struct cancel *cancel,
	struct val *ret);

/* Whether one of RULES (status.resourceRules of a SelfSubjectRulesReview) allows VERB on RESOURCE ("deployments", "pods/log") of GROUP,
 * whatever the object's name. Pure. */
bool access_rules_allow(struct val rules, const char *verb, const char *group, const char *resource);

#endif
