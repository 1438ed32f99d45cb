#include "kubernetes/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "kubernetes/internal.h"
#include "kubernetes/kinds.h"

#define REVIEWS "/apis/authorization.k8s.io/v1/"

const char *const access_verbs[] = { "get", "list", "watch", "create", "patch", "update", "delete",
	NULL };

/* Bits are places in access_verbs. */
enum { GET = 1, LIST = 2, WATCH = 4, CREATE = 8, PATCH = 16, UPDATE = 32, DELETE = 64, ALL = 127 };

/* What the stages touch. CLUSTER: asked once, without a namespace. */
static const struct subject {
	const char *kind; /* as Spinnaker has it; NULL = part of the kind before */
	const char *group, *resource;
	unsigned verbs;
	bool cluster;
} subjects[] = {
	{ "deployment", "apps", "deployments", .verbs = ALL },
	{ NULL, "apps", "deployments/scale", .verbs = PATCH },
	{ "replicaSet", "apps", "replicasets", .verbs = ALL },
	{ NULL, "apps", "replicasets/scale", .verbs = PATCH },
	{ "statefulSet", "apps", "statefulsets", .verbs = ALL },
	{ NULL, "apps", "statefulsets/scale", .verbs = PATCH },
	{ "daemonSet", "apps", "daemonsets", .verbs = ALL },
	{ "job", "batch", "jobs", .verbs = ALL },
	{ "cronJob", "batch", "cronjobs", .verbs = ALL },
	{ "pod", "", "pods", .verbs = ALL },
	{ NULL, "", "pods/log", .verbs = GET },
	{ "service", "", "services", .verbs = ALL },
	{ "ingress", "networking.k8s.io", "ingresses", .verbs = ALL },
	{ "configMap", "", "configmaps", .verbs = ALL },
	{ "secret", "", "secrets", .verbs = ALL },
	{ "persistentVolumeClaim", "", "persistentvolumeclaims", .verbs = ALL },
	{ "serviceAccount", "", "serviceaccounts", .verbs = ALL },
	{ "horizontalpodautoscaler", "autoscaling", "horizontalpodautoscalers", .verbs = ALL },
	{ "controllerRevision", "apps", "controllerrevisions", .verbs = GET | LIST },
	{ "event", "", "events", .verbs = LIST },
	{ "namespace", "", "namespaces", .verbs = ALL, .cluster = true },
	{ "customResourceDefinition", "apiextensions.k8s.io", "customresourcedefinitions",
		.verbs = ALL, .cluster = true },
};

/* ---- rules --------------------------------------------------------------------------------------- */

static bool names(struct val list, const char *text)
{
	for (size_t i = 0; i < val_count(list); i++) {
		struct val item = val_at(list, i);

		if (strcmp(val_text(&item), text) == 0)
			return true;
	}
	return false;
}

static bool names_resource(struct val list, const char *resource)
{
	const char *slash = strchr(resource, '/');
	_cleanup_free_ char *any = slash ? xasprintf("*%s", slash) : NULL;

	return names(list, "*") || names(list, resource) || (any && names(list, any));
}

bool access_rules_allow(struct val rules, const char *verb, const char *group, const char *resource)
{
	for (size_t i = 0; i < val_count(rules); i++) {
		struct val rule = val_at(rules, i);
		struct val verbs = val_get(rule, "verbs"), groups = val_get(rule, "apiGroups");

		if (val_count(val_get(rule, "resourceNames")) == 0 &&
			(names(verbs, "*") || names(verbs, verb)) &&
			(names(groups, "*") || names(groups, group)) &&
			names_resource(val_get(rule, "resources"), resource))
			return true;
	}
	return false;
}

/* ---- asking --------------------------------------------------------------------------------------- */

struct asker {
	struct kube_account *account;
	struct cancel *cancel;
	const char *namespace;
	struct val rules;
	bool complete; /* the rules are all there is */
};

/* Sends a review of KIND with SPEC (taken); *RET is its status, owned. */
static int review(const struct asker *asker, const char *kind, const char *plural, struct val spec,
	struct val *ret, struct err *err)
{
	_cleanup_free_ char *path = xasprintf(REVIEWS "%s", plural);
	_cleanup_(val_free) struct val body = val_map(), answer = VAL_NULL;

	val_set(&body, "apiVersion", val_string("authorization.k8s.io/v1"));
	val_set(&body, "kind", val_string(kind));
	val_set(&body, "spec", spec);
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	struct kube_request request = {
		.method = "POST",
		.path = path,
		.content_type = "application/json",
		.body = str_of(text),
		.repeatable = true, /* it changes nothing */
		.cancel = asker->cancel,
	};

	if (kube_send(asker->account, &request, &answer, NULL, err) < 0)
		return err_wrap(err, "ask what the account may do");
	*ret = val_ref(val_get(answer, "status"));
	return 0;
}

static void read_rules(struct asker *asker)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val status = VAL_NULL;
	struct val spec = val_map();

	val_set(&spec, "namespace", val_string(asker->namespace));
	if (review(asker, "SelfSubjectRulesReview", "selfsubjectrulesreviews", spec, &status, &err) <
		0)
		return; /* then each is asked for */
	asker->rules = val_ref(val_get(status, "resourceRules"));
	asker->complete = !val_get_bool(status, "incomplete", false);
}

/* 1 or 0; -1 when it could not be asked. */
static int ask(
	const struct asker *asker, const struct subject *subject, const char *verb, struct err *err)
{
	_cleanup_(val_free) struct val status = VAL_NULL;
	const char *slash = strchr(subject->resource, '/');
	_cleanup_free_ char *resource = xstrndup(subject->resource,
		slash ? (size_t)(slash - subject->resource) : strlen(subject->resource));
	struct val spec = val_map(), attributes = val_map();

	if (!subject->cluster)
		val_set(&attributes, "namespace", val_string(asker->namespace));
	val_set(&attributes, "verb", val_string(verb));
	val_set(&attributes, "group", val_string(subject->group));
	val_set(&attributes, "resource", val_string(resource));
	if (slash)
		val_set(&attributes, "subresource", val_string(slash + 1));
	val_set(&spec, "resourceAttributes", attributes);
	if (review(asker, "SelfSubjectAccessReview", "selfsubjectaccessreviews", spec, &status,
		    err) < 0)
		return -1;
	return val_get_bool(status, "allowed", false);
}

/* By the rules where they are enough: they never allow too much, but a webhook may allow more. */
static int may(
	const struct asker *asker, const struct subject *subject, const char *verb, struct err *err)
{
	bool allowed = !subject->cluster &&
		access_rules_allow(asker->rules, verb, subject->group, subject->resource);

	if (allowed || (asker->complete && !subject->cluster))
		return allowed;
	return ask(asker, subject, verb, err);
}

static void check_subject(const struct asker *asker, const struct subject *subject,
	const char *kind, struct val *list)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val row = val_map(), yes = val_list(), no = val_list();
	int allowed = 0;

	for (size_t i = 0; access_verbs[i] && allowed >= 0; i++) {
		if (!(subject->verbs & 1u << i))
			continue;
		allowed = may(asker, subject, access_verbs[i], &err);
		if (allowed >= 0)
			val_append(allowed ? &yes : &no, val_string(access_verbs[i]));
	}
	val_set(&row, "namespace", val_string(subject->cluster ? "" : asker->namespace));
	val_set(&row, "kind", val_string(kind));
	val_set(&row, "resource", val_string(subject->resource));
	val_set(&row, "may", yes);
	val_set(&row, "mayNot", no);
	if (allowed < 0)
		val_set(&row, "error", val_string(err_text(&err)));
	val_append(list, row);
}

static void check_all(const struct asker *asker, bool cluster, struct val *list)
{
	const char *kind = "";

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (subjects[i].kind)
			kind = subjects[i].kind;
		if (subjects[i].cluster == cluster && kube_account_is_for(asker->account, kind))
			check_subject(asker, &subjects[i], kind, list);
	}
}

static void check_namespaces(struct asker *asker, struct val namespaces, struct val *list)
{
	for (size_t i = 0; i < val_count(namespaces); i++) {
		struct val namespace = val_at(namespaces, i);

		asker->namespace = val_text(&namespace);
		asker->complete = false;
		read_rules(asker);
		check_all(asker, false, list);
		val_free(&asker->rules);
	}
	check_all(asker, true, list);
}

/* Which namespaces count; owned list. */
static struct val namespaces_of(const struct kube_account *account, struct val given)
{
	const struct str_list *settings = &account->config.namespaces;
	struct val list = val_list();

	for (size_t i = 0; i < val_count(given); i++)
		val_append(&list, val_ref(val_at(given, i)));
	for (size_t i = 0; val_count(given) == 0 && i < settings->count; i++)
		val_append(&list, val_string(settings->items[i]));
	if (val_count(list) == 0)
		val_append(&list, val_string(kube_account_namespace(account)));
	return list;
}

void access_check(
	struct kube_account *account, struct val namespaces, struct cancel *cancel, struct val *ret)
{
	struct asker asker = { .account = account, .cancel = cancel };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val version = VAL_NULL, places = VAL_NULL;
	struct kube_request request = {
		.method = "GET", .path = "/version", .cancel = cancel, .once = true
	};
	struct val list = VAL_NULL;
	bool reachable = kube_send(account, &request, &version, NULL, &err) == 0;

	*ret = val_map();
	val_set(ret, "name", val_string(kube_account_name(account)));
	val_set(ret, "context", val_string(account->target.context));
	val_set(ret, "server", val_string(kube_account_server(account)));
	val_set(ret, "reachable", val_bool(reachable));
	if (!reachable) {
		val_set(ret, "error", val_string(err_text(&err)));
		return;
	}
	val_set(ret, "version", val_ref(val_get(version, "gitVersion")));
	list = val_list();
	places = namespaces_of(account, namespaces);
	check_namespaces(&asker, places, &list);
	val_set(ret, "access", list);
}
