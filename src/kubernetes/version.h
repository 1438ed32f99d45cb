/*
 * Versions of ConfigMaps, Secrets and the like: "web" becomes "web-v003". Which objects get one, and which number; Spinnaker's
 * rules, and a hash of the content by which an object that is there already is found again. Pure, any thread.
 */
#ifndef KUBERNETES_VERSION_H
#define KUBERNETES_VERSION_H

#include "base/field.h"
#include "base/val.h"
#include "kubernetes/kinds.h"

/* Hex of the SHA-256 of an object's canonical JSON without metadata and status, as it was before we decorated it. */
#define ANNOTATION_CONTENT_HASH "artifact.gennaker.io/content-hash"

/* By the annotation strategy.spinnaker.io/versioned, else the stage, else the kind, as CUSTOM (of the account, NULL = none) or the
 * table has it. Never with generateName alone. */
bool manifest_is_versioned(
	struct val manifest, struct opt_bool stage, const struct kind_list *custom);

/* Owned. */
char *manifest_content_hash(struct val manifest);

/*
 * The version for MANIFEST, whose references are bound and which nobody has decorated yet, among the objects LIVE of its
 * kind and namespace (in any order): that of the oldest with the same content, else one more than the highest, else
 * "v000". Owned. *RET_REUSED: it has been deployed before.
 */
char *version_choose(
	struct val manifest, struct val live, const char *content_hash, bool *ret_reused);

/* "v003" → 3; false for anything else, also for negative numbers and those beyond 31 bits. */
bool version_number(const char *version, int64_t *ret);

/* Of the objects LIVE that are versions of NAME the ones that go when the newest KEEP stay: a list of maps {"name","uid"},
 * oldest first, owned. One without a number is no version. */
struct val versions_to_remove(struct val live, const char *type, const char *name, int64_t keep);

/* The one among LIVE of the highest version of NAME; borrowed, VAL_NULL when there is none. */
struct val version_newest(struct val live, const char *name);

#endif
