/*
 * Kinds as Spinnaker knows them: how they are spelt, in which order a deploy sends them, which get a new version each time.
 * One table (kinds.c); whatever is not in it, custom resources above all, gets the same modest row. Pure, any thread.
 */
#ifndef KUBERNETES_KINDS_H
#define KUBERNETES_KINDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/field.h"
#include "base/str.h"
#include "base/val.h"

#define KIND_REFUSED (-1) /* as a priority: such an object is not deployed */
#define KIND_LOWEST 1000

struct kind {
	const char *name;      /* canonical spelling, "replicaSet"; NULL in the row of all others */
	const char *alias;     /* "rs", NULL = none */
	const char *spinnaker; /* "serverGroups" */
	int priority;          /* lower is sent first */
	bool cluster;          /* without a namespace */
	bool any_name;         /* its name need not be one of DNS: "system:node" */
	bool versioned;        /* "web-v003" */
	bool scales;           /* has spec.replicas that people and autoscalers change */
	bool traffic;          /* Services may be attached to it */
	bool workload;         /* has a Pod template whose images and references are bound */
};

/* The row of NAME (any case, or its alias) in GROUP ("" = core); never NULL. */
const struct kind *kind_find(struct str name, struct str group);

/*
 * Kinds that an account's settings describe (`customResources`), instead of what the table says of them. `items` are owned with their
 * names, which are as kind_text gives them.
 */
struct kind_list {
	struct kind *items;
	size_t count;
};
/* From the settings; ERR_INVALID names the place, "customResources[0].deployPriority: …". */
int kind_list_read(struct val rows, struct kind_list *ret, struct err *err);
void kind_list_free(struct kind_list *list);
/* kind_find, CUSTOM (NULL = none) first. */
const struct kind *kind_find_in(const struct kind_list *custom, struct str name, struct str group);
/* Whether both texts, in any case and by any alias, are one kind. */
bool kind_is_same(const char *a, const char *b);
/* What a row of `customResources` may hold. */
extern const struct field kind_custom_fields[];

/* True for the groups that are not written behind a kind ("", "apps", "batch", …). */
bool kube_group_is_native(struct str group);

/* "Crontab.stable.example.com" at its first dot; without a dot the group is empty. Views into TEXT. */
void kind_split(struct str text, struct str *ret_name, struct str *ret_group);

/* How Spinnaker prints it: "deployment", "Crontab.stable.example.com"; a native kind that is not in the table as it
 * arrived. Owned. */
char *kind_text(struct str name, struct str group);

/* The group of an apiVersion ("apps/v1" → "apps", "v1" → ""). A view. */
struct str api_version_group(const char *api_version);

#endif
