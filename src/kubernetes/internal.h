/*
 * What the files of the Kubernetes client share; nobody else includes it.
 *
 *	kubeconfig.c   files → struct kube_target: where a cluster is and how one shows who one is
 *	exec_plugin.c  credentials from a command
 *	oidc.c         ID tokens, renewed with a refresh token
 *	account.c      struct kube_account: its target, its current credential, its filters
 *	request.c      one call with retries: HTTP in, value or error out
 *	client.c       verbs on objects; migrate.c  field ownership before our first apply
 *	discovery.c    which kinds the server has
 *	watch.c        one thread a (account, kind, namespace) that keeps a copy and wakes waiters
 *	kubernetes.c   all accounts; reload.c  others take their place while stages run
 */
#ifndef KUBERNETES_INTERNAL_H
#define KUBERNETES_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/map.h"
#include "base/val.h"
#include "base/vec.h"
#include "engine/world.h"
#include "kubernetes/kinds.h"
#include "kubernetes/kubernetes.h"
#include "net/http_client.h"

/*
 * A mutex for work that takes long (a plugin, discovery): whoever waits for it gives up its hold on the clock (clock.h),
 * and it goes from hand to hand in the order of waiting. Callers have a hold.
 */
struct kube_gate {
	pthread_mutex_t lock;
	pthread_cond_t handed;
	bool busy;
	uint64_t next_ticket; /* of who comes next */
	uint64_t turn;        /* whose ticket it is */
};
void kube_gate_init(struct kube_gate *gate);
void kube_gate_destroy(struct kube_gate *gate);
void kube_gate_enter(struct kube_gate *gate, struct clock *clock);
void kube_gate_leave(struct kube_gate *gate, struct clock *clock);

/* Several kubeconfig files as one. Texts inside are secrets. */
struct kube_config {
	struct val clusters; /* map name → {"value": {…}, "directory": "…"} */
	struct val users;
	struct val contexts;
	char *current; /* NULL = none */
	char *source;  /* the files, for messages */
};
void kube_config_free(struct kube_config *config);
/* Adds TEXT, a kubeconfig from FILE (for messages) in DIRECTORY (of relative paths). What is there wins. */
int kube_config_add(struct kube_config *config, struct str text, const char *file,
	const char *directory, struct err *err);
/* PATH as the system takes it: "~/" is the home directory; owned. */
char *kube_config_path(const char *path);
/* Adds FILE, a path as above. *RET_FOUND (may be NULL) is false when there is none; without it
 * that is ERR_NOT_FOUND. */
int kube_config_add_file(
	struct kube_config *config, const char *file, bool *ret_found, struct err *err);
/* Adds $KUBECONFIG (a list), else ~/.kube/config; a file that is not there adds nothing. */
int kube_config_add_default(struct kube_config *config, struct err *err);
/* The files that the above looks at; owned list. */
struct val kube_config_default_files(void);

/* A PEM text that is given, or to be read from a file whenever a credential is made. */
struct kube_pem {
	char *text;
	char *path;
};
/* MAP's NAME-data, which wins, or its NAME, a path that is relative to DIRECTORY. ERR_INVALID: no base64 of a text. */
int kube_pem_at(struct val map, const char *name, const char *directory, struct kube_pem *ret,
	struct err *err);
/* The text of PEM, read from its file if need be; NULL when there is neither. Owned. WHAT is said before an error. */
int kube_pem_read(const struct kube_pem *pem, const char *what, char **ret, struct err *err);
void kube_pem_free(struct kube_pem *pem);

/* Where the API server is and how to show who one is. Files are not read yet. Owned texts, NULL = not given. */
struct kube_target {
	char *context; /* NULL for the service account */
	char *server;  /* "https://10.0.0.1:6443/prefix", no slash at the end */
	char *namespace;
	char *server_name; /* tls-server-name */
	char *proxy;       /* may hold a password: never shown */
	bool insecure;
	struct kube_pem ca, client_cert, client_key;
	char *token, *token_file, *username, *password;
	struct val impersonation; /* headers */
	struct val exec;          /* the `exec` map, VAL_NULL = none */
	struct val exec_cluster;  /* spec.cluster for the plugin */
	struct val oidc;          /* the `config` map of that auth-provider, VAL_NULL = none */
	char *directory;          /* of the file with the user */
};
void kube_target_free(struct kube_target *target);
/* CONTEXT NULL = the current one. */
int kube_target_resolve(const struct kube_config *config, const char *context,
	struct kube_target *ret, struct err *err);
/* The service account whose volume is at DIRECTORY. */
#define KUBE_SERVICE_ACCOUNT_DIRECTORY "/var/run/secrets/kubernetes.io/serviceaccount"
int kube_target_in_cluster(const char *directory, struct kube_target *ret, struct err *err);

/* What a plugin gave. */
struct kube_exec_result {
	char *token, *client_cert, *client_key;
	int64_t until_ms; /* CLOCK_FOREVER = it did not say */
};
void kube_exec_result_free(struct kube_exec_result *result);
/* Runs TARGET's plugin. What it wrote is shown without secrets only. */
int kube_exec_run(const struct world *world, const struct kube_target *target,
	struct cancel *cancel, struct kube_exec_result *ret, struct err *err);
/* Whether CONFIG of an auth-provider "oidc" can be used. */
int kube_oidc_check(struct val config, struct err *err);
/*
 * The ID token of ACCOUNT's login, owned; had anew when it is about to end, or when it is REFUSED_TOKEN (may be NULL), which the API server
 * did not take. *RET_UNTIL_MS: when to ask again; CLOCK_FOREVER = it does not say.
 */
int kube_oidc_token(struct kube_account *account, const char *refused_token, struct cancel *cancel,
	char **ret_token, int64_t *ret_until_ms, struct err *err);
/* "2026-11-24T06:49:00Z", also with fraction and offset, as milliseconds since the epoch. */
bool kube_parse_time(const char *text, int64_t *ret_ms);

/* How one shows who one is, at a moment; immutable, counted. */
struct kube_credential {
	atomic_size_t references;
	char *authorization; /* header, NULL = none */
	char *ca, *client_cert, *client_key;
	struct val impersonation; /* headers */
	char *identity;
	struct http_tls tls; /* points to the above and into the target */
	int64_t until_ms;    /* when to look again */
};
struct kube_credential *kube_credential_ref(struct kube_credential *credential);
void kube_credential_unref(struct kube_credential *credential);
DEFINE_CLEANUP(struct kube_credential *, kube_credential_unref)

enum kube_apply_mode { APPLY_SERVER_SIDE, APPLY_CLIENT_SIDE, APPLY_AUTO };

/* One row of `kubernetes.accounts[]`, as far as it is used. */
struct kube_account_config {
	char *name;
	char *kubeconfig_file;
	char *kubeconfig_contents;
	char *context;
	bool service_account;
	int64_t request_timeout_s;
	int apply_mode; /* enum kube_apply_mode */
	struct str_list namespaces, omit_namespaces, kinds, omit_kinds;
	struct val raw_resources, custom_resources;
	bool only_managed;
};

/* A kind as discovered, with the names it also goes by. */
struct kube_entry {
	struct kube_resource resource;
	char *singular;
	struct str_list short_names;
};
/* A group and version that the server has. Without `loaded` its entries are fetched when they are asked for. */
struct kube_served {
	char *group, *version;
	bool loaded;
	VEC(struct kube_entry *) entries;
};
struct kube_discovery {
	struct kube_gate gate;
	bool known;
	atomic_bool stale;                    /* kube_forget_resources */
	VEC(struct kube_served) served;       /* of a group the preferred version first */
	VEC(struct kube_entry *) all_entries; /* also those replaced: their texts are handed out */
	struct map newest;                    /* "group/version/plural" → entry */
};
void kube_discovery_free(struct kube_discovery *discovery);

struct kube_account {
	struct kubernetes *kubernetes;
	char *name;
	unsigned generation; /* of accounts that have had this name */
	int64_t until_ms;    /* retired: stages that began before go on with it; 0 = nobody does */
	struct err problem;  /* it cannot be used, and why; ERR_NONE = fine */
	struct kube_target target;
	pthread_mutex_t user_lock; /* of what in target says who one is, for those who are not within credential_gate */
	struct kube_account_config config;
	struct kind_list custom_kinds; /* of config.custom_resources */
	struct val row; /* as the settings have it; VAL_NULL = it is none of theirs */
	struct kube_gate credential_gate;
	struct kube_credential *credential;
	uint64_t credential_number;
	struct kube_discovery discovery;
	pthread_mutex_t warnings_lock; /* never held over a call */
	struct val warnings;           /* events.c: map namespace → {"at","list"} */
};
/* Takes TARGET and CONFIG (either may be NULL = empty). */
struct kube_account *kube_account_new(struct kubernetes *kubernetes, const char *name,
	struct kube_target *target, struct kube_account_config *config);
void kube_account_free(struct kube_account *account);
/* Whether both lead to the same cluster, in the same way; whether they show the same credential there. */
bool kube_target_same_cluster(const struct kube_target *a, const struct kube_target *b);
bool kube_target_same_user(const struct kube_target *a, const struct kube_target *b);
/* Moves who one is from FROM into *TO. */
void kube_target_take_user(struct kube_target *to, struct kube_target *from);
/* ACCOUNT shows from now on what TARGET (the same cluster) shows; calls under way keep what they began with. */
void kube_account_renew(struct kube_account *account, struct kube_target *target);
/* Checks what excludes each other. */
int kube_account_config_check(const struct kube_account_config *config, struct err *err);
/* The credential to use now. REFUSED (may be NULL) was answered with 401: *RET is another one, or REFUSED again when
 * there is none other to be had. */
int kube_account_credential(struct kube_account *account, struct kube_credential *refused,
	struct cancel *cancel, struct kube_credential **ret, struct err *err);
/* TEXT with ACCOUNT's secrets blotted out; owned. CREDENTIAL may be NULL. */
char *kube_without_secrets(const struct kube_account *account,
	const struct kube_credential *credential, const char *text);
/* Adds to BUF (of secrets' texts) … the words of TARGET that must never be shown; borrowed. */
typedef void (*kube_secret_fn)(void *data, const char *secret);
void kube_target_secrets(const struct kube_target *target, kube_secret_fn found, void *data);

struct kubernetes {
	struct world *world;
	struct kube_config config; /* of kubernetes_load_kubeconfig */
	struct val files;          /* list: what the accounts were read from, or would be */
	bool files_only;           /* they come from a kubeconfig, not from settings */
	pthread_mutex_t accounts_lock;
	struct map accounts;
	VEC(struct kube_account *) order;
	VEC(struct kube_account *) retired; /* a task may still use them */
	struct kube_gate login_gate;
	struct val logins; /* oidc.c: a map of secrets, login → {"id","refresh"} */
	pthread_mutex_t watch_lock;
	struct map watches; /* struct kube_watch, by its key */
};
void kube_watches_free(struct kubernetes *kubernetes);

#define KUBE_OWNERS "managedFields" /* key */

/* One call. */
struct kube_request {
	const char *method;
	const char *path;   /* from the root, encoded */
	const char *query;  /* NULL = none */
	const char *accept; /* NULL = JSON */
	const char *content_type;
	struct str body;
	bool owners; /* metadata.managedFields, often half of an object, is read of the answer too */
	bool once;   /* not again, whatever comes of it */
	bool repeatable; /* sending it twice does no harm: reads, apply, put, delete, merge patches */
	struct cancel *cancel;
	/* Streams: see http_client.h. Not repeated; the text of an error is only its status. */
	int (*on_body)(void *data, const char *bytes, size_t length);
	void *on_body_data;
	int silence_ms;
	int slot; /* streams: number of the connection pool, so that they do not use up the common one */
};
/*
 * Sends REQUEST, again where that is right (kubernetes.md 9.6). *RET (may be NULL) is the answer: JSON as a value, else a
 * string. *RET_WARNINGS (may be NULL): a list. Errors have details {"kind","status","reason","causes","url"}.
 */
int kube_send(struct kube_account *account, const struct kube_request *request, struct val *ret,
	struct val *ret_warnings, struct err *err);
/* From err->details: the HTTP status, 0 = there was no answer; the reason, "" = none; whether causes came with it. */
int kube_error_status(const struct err *err);
const char *kube_error_reason(const struct err *err);
bool kube_error_has_causes(const struct err *err);
/* Waits MS of the world's clock; CANCEL may be NULL. */
int kube_sleep(
	const struct kube_account *account, struct cancel *cancel, int64_t ms, struct err *err);

/* "/apis/apps/v1/namespaces/default/deployments/web"; owned. NAME, SUBRESOURCE may be NULL. */
char *kube_path(const struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, const char *subresource);
/* The namespace that counts: "" for cluster-scoped kinds. */
const char *kube_effective_namespace(const struct kube_account *account,
	const struct kube_resource *resource, const char *namespace);
/* kube_list with the list's resourceVersion (owned, may be NULL). */
int kube_list_at(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *selector, struct cancel *cancel, struct val *ret_list,
	char **ret_version, struct err *err);
/* Accept: metadata only, of an object and of a list. */
#define KUBE_ONLY_METADATA \
	"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#define KUBE_ONLY_METADATA_LIST \
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
/* Moves what client-side apply owns in the live object to our manager, if there is such a manager (kubernetes.md 9.3). */
int kube_migrate_managers(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct cancel *cancel, struct err *err);
/* kube_apply by comparing (kubernetes.md 9.3). */
int kube_apply_client_side(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val manifest, struct cancel *cancel,
	struct val *ret, struct err *err);
/* Whether ERR, the answer to a server-side apply, says that the other kind may do better. */
bool kube_apply_needs_client(const struct err *err);
/* A write gave OBJECT back: a watch that has not seen that version yet does not answer kube_watched for it. */
void kube_watch_expect(struct kube_account *account, const struct kube_resource *resource,
	const char *namespace, const char *name, struct val object);

#endif
