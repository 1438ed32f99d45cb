/*
 * Kubernetes accounts and the client: what the manifest stages stand on. Blocking calls on worker threads, over the world's
 * HTTP transport; connections, discovery and credentials are shared by all tasks of an account.
 *
 * Errors: err->kind by what it means (ERR_NOT_FOUND, ERR_CONFLICT, ERR_DENIED, ERR_INVALID, ERR_UNAVAILABLE, …), the text is the
 * API server's message with what we were doing before it, err->details holds {"kind","status","reason","causes","url"} without
 * credentials. Reads and idempotent writes are retried inside (LIMIT_KUBERNETES_RETRIES, Retry-After, 401 refreshes the
 * credential once); what is still unavailable after that is left to the engine's backoff.
 */
#ifndef KUBERNETES_KUBERNETES_H
#define KUBERNETES_KUBERNETES_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/field.h"
#include "base/val.h"
#include "engine/world.h"

#define KUBERNETES_FIELD_MANAGER "gennaker"

struct kubernetes;
struct kube_account;
struct kind_list;

/* Empty; WORLD is borrowed and must outlive it. Sets nothing in WORLD. */
struct kubernetes *kubernetes_new(struct world *world);
void kubernetes_free(struct kubernetes *kubernetes); /* ends its watches */
DEFINE_CLEANUP(struct kubernetes *, kubernetes_free)

/* The rows of `kubernetes.accounts[]` (kubernetes.md 1.1), for settings, lint and pages. */
extern const struct field kubernetes_account_fields[];
/* Adds the accounts of SETTINGS (the value of `kubernetes`). Errors name the place: "kubernetes.accounts[1].context: …". */
int kubernetes_load_settings(struct kubernetes *kubernetes, struct val settings, struct err *err);
/*
 * Adds accounts from a kubeconfig: "default" is its current context, each context an account of its name (the current one too; a
 * context called "default" gives way to the current one). A context that is broken says why when its account is asked for. PATH NULL = $KUBECONFIG
 * (a list of files), else ~/.kube/config, else in-cluster; nothing there is no error (no accounts).
 */
int kubernetes_load_kubeconfig(struct kubernetes *kubernetes, const char *path, struct err *err);
/* `--account NAME=CONTEXT`: NAME stands for that context. ERR_NOT_FOUND lists the contexts there are. */
int kubernetes_bind_account(
	struct kubernetes *kubernetes, const char *name, const char *context, struct err *err);

/* ERR_NOT_FOUND: "no Kubernetes account \"nudge\"; known: default, kind-dev (bind one with --account nudge=CONTEXT)". */
struct kube_account *kubernetes_account(
	struct kubernetes *kubernetes, const char *name, struct err *err);
/* … for a stage that began at BEGAN_MS (0 = not yet): the one that had the name then, if the name is another cluster's by now, or nobody's. */
struct kube_account *kubernetes_account_since(
	struct kubernetes *kubernetes, const char *name, int64_t began_ms, struct err *err);
/*
 * The accounts of FRESH, which was loaded for the same world, take the place of those of KUBERNETES, while tasks run; FRESH is empty
 * afterwards, and to be freed. Accounts that are put aside stay in memory until the end (LIMIT_KUBERNETES_RETIRED). On an error nothing
 * has changed. What became of them is logged.
 */
int kubernetes_adopt(struct kubernetes *kubernetes, struct kubernetes *fresh, struct err *err);
/* The files that accounts were read from, or would be if they were there; owned list. */
struct val kubernetes_files(struct kubernetes *kubernetes);
/* All accounts as a list of maps {"name","context","server","namespace"}, without secrets, for people and GET /credentials. */
struct val kubernetes_describe(struct kubernetes *kubernetes);

const char *kube_account_name(const struct kube_account *account);
/* Namespace for objects that name none: the context's, else "default". */
const char *kube_account_namespace(const struct kube_account *account);
/* Whether kube_apply compares (applyMode: client-side), and so needs to know nothing of owners. */
bool kube_account_compares(const struct kube_account *account);
/* "https://127.0.0.1:6443", for people. */
const char *kube_account_server(const struct kube_account *account);
/* ERR_DENIED when the account's namespaces/omitNamespaces forbid writing there (an empty namespace passes). */
int kube_account_check_namespace(const struct kube_account *account, const char *operation,
	const char *namespace, struct err *err);

/* `customResources`; borrowed. */
const struct kind_list *kube_account_custom_kinds(const struct kube_account *account);
/* Whether KIND ("deployment", "Crontab.stable.example.com") is among `kinds`, or not among `omitKinds`: what the account watches, and what
 * rules may choose from. Objects of other kinds may be written all the same. */
bool kube_account_is_for(const struct kube_account *account, const char *kind);
/* … ERR_DENIED when it is not. */
int kube_account_check_kind(const struct kube_account *account, const char *kind, struct err *err);
/* Whether a rule may choose OBJECT: with `onlySpinnakerManaged` only what has an application's annotation. */
bool kube_account_sees(const struct kube_account *account, struct val object);

/* A kind as the server serves it. Texts live as long as the account. */
struct kube_resource {
	const char *group;   /* "" for core */
	const char *version; /* "v1" */
	const char *kind;    /* "Deployment" */
	const char *plural;  /* "deployments" */
	bool namespaced;
	bool can_list, can_watch, can_patch, can_delete_collection;
};

/*
 * Discovery. By apiVersion and kind as in a manifest; API_VERSION NULL: by Spinnaker's kind ("deployment", "replicaSet.apps",
 * "Crontab.stable.example.com", aliases such as "deploy"), the server's preferred version. Cached; looked up once more when
 * unknown. ERR_NOT_FOUND: "the server does not know kind \"Foo\" (apiVersion example.com/v1)".
 */
int kube_find_resource(struct kube_account *account, const char *api_version, const char *kind,
	struct cancel *cancel, const struct kube_resource **ret, struct err *err);
/* Forgets what was discovered (a CRD was applied). */
void kube_forget_resources(struct kube_account *account);

/* Objects. NAMESPACE is ignored for cluster-scoped kinds; NULL or "" = the account's. *RET is owned and may be NULL. */
int kube_get(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct val *ret,
	struct err *err);
/* All pages as a list of objects, each with kind and apiVersion. SELECTOR NULL = all. */
int kube_list(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *selector, struct cancel *cancel, struct val *ret_list,
	struct err *err);
/* … of which only apiVersion, kind and metadata come. */
int kube_list_metadata(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct cancel *cancel, struct val *ret_list, struct err *err);
/*
 * Applies MANIFEST (as it is sent) in the way that the account's settings say. Server-side apply: Without KUBE_APPLY_OURS after a GET of the live object: what client-side apply owns in
 * it becomes ours first, or fields that the manifest dropped would stay. Without KUBE_APPLY_FORCE field conflicts are ERR_CONFLICT with
 * manager and field in the text. *RET_WARNINGS (may be NULL): list of texts from Warning headers.
 */
enum kube_apply_flags {
	KUBE_APPLY_FORCE = 1,
	KUBE_APPLY_BY_SERVER = 4, /* whatever the account's applyMode says */
	KUBE_APPLY_OURS = 2, /* there is no live object, or kube_is_client_side_applied is false of it */
};
int kube_apply(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, unsigned flags, struct cancel *cancel,
	struct val *ret, struct val *ret_warnings, struct err *err);
/* Whether client-side apply (of kubectl, of Spinnaker) owns fields of a live object. Pure. */
bool kube_is_client_side_applied(struct val object);
int kube_create(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, struct cancel *cancel, struct val *ret,
	struct err *err);
/* PUT; takes the resourceVersion of the live object when MANIFEST has none; creates when it is not there. */
int kube_replace(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, struct val manifest, struct cancel *cancel, struct val *ret,
	struct err *err);
/* TYPE "application/strategic-merge-patch+json", "application/merge-patch+json", "application/json-patch+json". SUBRESOURCE may be NULL. */
int kube_patch(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource, const char *type,
	struct val patch, struct cancel *cancel, struct val *ret, struct err *err);
/* … in the name of MANAGER, of letters, digits and dashes, so that managedFields tells whether it has happened. */
int kube_patch_as(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource, const char *type,
	const char *manager, struct val patch, struct cancel *cancel, struct val *ret,
	struct err *err);
/* OPTIONS: DeleteOptions without kind and apiVersion ({"propagationPolicy", "gracePeriodSeconds", "preconditions"}). Missing is
 * ERR_NOT_FOUND. *RET: the object or Status that came back. */
int kube_delete(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val options, struct cancel *cancel,
	struct val *ret, struct err *err);
/* One raw call for the rest. PATH from the root, QUERY without '?'. */
int kube_call(struct kube_account *account, const char *method, const char *path, const char *query,
	const char *content_type, struct val body, struct cancel *cancel, struct val *ret,
	struct err *err);

/*
 * Watching. kube_watch makes sure that one watch of RESOURCE in NAMESPACE runs (shared by all who wait; it ends a minute after
 * the last who asked can have stopped waiting, which is LIMIT_WAIT_MS after the asking) and returns the wake-up key of the object
 * NAME, owned: the engine is woken by it when the object changes, after each (re)list, and when the watch fails. *RET_POLL_MS: how
 * long to wait at most before looking again: LIMIT_WAIT_MS while the watch is in sync, else LIMIT_WATCH_POLL_MS (not in sync yet or
 * for the moment, no right, no verb, too many watches).
 */
char *kube_watch(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, int64_t *ret_poll_ms);
/*
 * What a running watch knows of an object. *RET is owned: with KUBE_SEEN the newest state that it has seen, as far as it is kept
 * (kube_status_parts), else VAL_NULL.
 */
enum kube_seen {
	KUBE_SEEN,
	KUBE_GONE, /* there is no such object */
	KUBE_SOON, /* it is about to list, or to show what this process wrote last: the key will be woken, so there is no need to ask */
	KUBE_UNSEEN, /* there is no watch, or it is not in sync, or cannot keep so many objects: kube_get */
};
enum kube_seen kube_watched(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val *ret);

/* kube_watch, kube_watched and, where that is of no help, kube_get: for whoever waits for an object. Never KUBE_UNSEEN. */
struct kube_sight {
	enum kube_seen seen;
	struct val object; /* owned */
	char *key;         /* to wait for; owned */
	int64_t poll_ms;   /* how long at most */
};
void kube_sight_free(struct kube_sight *sight);
int kube_look(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct kube_sight *ret,
	struct err *err);

/* Canonical spelling and grouping of kinds (kubernetes.md 2): see kubernetes/kinds.h. */

#endif
