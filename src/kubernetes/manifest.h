/*
 * Manifests as values: a request's documents become one flat list of checked objects, and an object says its names.
 * Pure, any thread.
 */
#ifndef KUBERNETES_MANIFEST_H
#define KUBERNETES_MANIFEST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/val.h"
#include "kubernetes/kinds.h"

/*
 * SOURCE (an object, a list of objects and lists, or such as YAML text) as a flat list, owned: nested lists, texts and objects of the
 * kind List are expanded, null is dropped. Each has kind, apiVersion and a name or generateName, and is of a kind that may be deployed.
 * PLACE is what messages call SOURCE: "manifests[2].kind: is required". ERR_INVALID, ERR_TOO_LARGE.
 */
int manifests_flatten(struct val source, const char *place, struct val *ret, struct err *err);

/* Puts NAMESPACE into all that live in one. A custom kind is taken for such unless CUSTOM (of the account, NULL = none) or a
 * CustomResourceDefinition in LIST says that it is not. */
void manifests_override_namespace(
	struct val *list, const char *namespace, const struct kind_list *custom);

/* The places in LIST in the order of sending: by priority, and as written within one. Owned array. */
size_t *manifests_order(struct val list, const struct kind_list *custom);

/* Parts of a checked manifest; texts are borrowed from it, "" when there is none. */
const struct kind *manifest_kind(struct val manifest);
/* … as the account's settings have it, for what they may say: priority, versions, namespace. */
const struct kind *manifest_kind_in(struct val manifest, const struct kind_list *custom);
const char *manifest_name(struct val manifest);
const char *manifest_namespace(struct val manifest);
/* "deployment", "Crontab.stable.example.com"; owned. */
char *manifest_kind_text(struct val manifest);
/* "deployment web"; NAME NULL = the manifest's own, or its generateName. Owned. */
char *manifest_full_name(struct val manifest, const char *name);
/* True for a manifest whose name is still to be made from metadata.generateName. */
bool manifest_is_generated(struct val manifest);

/*
 * An annotation's value, owned; VAL_NULL when there is none. A text in double quotes is read as JSON, since older releases
 * of Spinnaker wrote it so.
 */
struct val manifest_annotation(struct val manifest, const char *key);
/* As text, owned; NULL when there is none. */
char *manifest_annotation_text(struct val manifest, const char *key);
/* "true" in any case. */
bool manifest_annotation_is_true(struct val manifest, const char *key);

/* "deployment web" in its two parts, owned; the kind in its canonical spelling. ERR_INVALID when it is not of that form. */
int manifest_name_parse(const char *text, char **ret_kind, char **ret_name, struct err *err);

/* Adds "KIND NAME" below NAMESPACE to *MAP: {"default": ["deployment web"]}, each once. */
void names_by_namespace_add(struct val *map, const char *namespace, const char *full_name);

/* What of an object may go into outputs: no managed fields; of a Secret neither values nor what would let one guess
 * them. Owned. */
struct val manifest_for_output(struct val object);

/* Takes out of MANIFEST what a server sets and an author left in (managedFields, uid, status, …). */
void manifest_clean(struct val *manifest);

/*
 * Blots the values of a Secret out of an error that the server gave for it. Nothing happens for other kinds.
 */
void manifest_hide_secrets(struct val manifest, struct err *err);

#endif
