/*
 * What the manifest stages have in common: whose account, and waiting until objects are what they should be.
 */
#ifndef KUBERNETES_STAGE_COMMON_H
#define KUBERNETES_STAGE_COMMON_H

#include "engine/stage_type.h"
#include "kubernetes/kubernetes.h"

/* The stage's account: `account.name`, else `account`, else `credentials`; "" = none. Borrowed. */
const char *stage_account_name(const struct stage *stage);
/* ERR_INVALID when the stage names none, ERR_NOT_FOUND when it is not set up. No I/O. */
int stage_account(const struct task_input *in, struct kube_account **ret, struct err *err);
/* "account default (context kind-dev, https://127.0.0.1:6443)"; owned. */
char *stage_account_line(const struct task_input *in, const struct kube_account *account);
/* struct task_row.slot of whoever calls the API server. */
char *stage_account_slot(const struct task_input *in);

/* The rows that say whose account, of a stage whose config is TYPE: two texts, ACCOUNT and CREDENTIALS. */
#define ACCOUNT_FIELDS(type, account, credentials)                                             \
	FIELD(type, account, "account", .widget = "account", .title = { "Account", "云账号" }, \
		.help = { "Account that manages the resources.", "管理资源对象的云账号。" }),  \
		FIELD(type, credentials, "credentials", .widget = "account",                   \
			.title = { "Account (older name)", "云账号（旧名称）" },               \
			.help = { "Counts when account is empty.", "account 为空时使用。" }),  \
		FIELD_KNOWN("cloudProvider", FIELD_STRING, .flags = FIELD_UI,                  \
			.title = { "Provider", "云服务" })

/*
 * Deletes the object of that name that has UID, and in the background what it manages: 1 = the server has been told to. 0 = it is gone, or
 * another has its name, so that doing it again deletes nothing that came in its place. -1 = an error.
 */
int stage_delete_uid(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, const char *namespace, const char *name,
	struct val uid, struct err *err);
/*
 * Deletes the object in whose place OBJECT comes, which has UID, and waits until it is gone: *RET_WAITS, and *OUT says when to come again.
 * May be repeated: what has another uid stays.
 */
int stage_remove_object(const struct task_input *in, struct task_result *out,
	struct kube_account *account, const struct kube_resource *resource, struct val object,
	struct val uid, bool *ret_waits, struct err *err);

/* Notes in the context, under Spinnaker's keys (`kato.tasks`, `kato.last.task.id`), that the operation on NAMES (by namespace) is done. */
void stage_note_operation(const struct task_input *in, struct task_result *out, struct val names);

/* For struct stage_type.restart: what the tasks of these stages have noted for themselves. */
void stage_forget(struct val *context, struct val *outputs);

/*
 * The task that ends when all objects of `outputs.manifestNamesByNamespace` (else `manifest.name` in `manifest.location`) are
 * stable or failed, and fails if one has failed, then only.
 */
int wait_stable_run(const struct task_input *in, struct task_result *out, struct err *err);
/* `stableManifestTimeoutMinutes` of newer pipelines, in milliseconds; 0 = not given. */
int64_t wait_stable_timeout(struct val context);

#define WAIT_STABLE_TASK                                                                          \
	{                                                                                         \
		.name = "waitForManifestToStabilize", .run = wait_stable_run,                     \
		.poll_every_ms = 5000, .timeout_ms = 30 * 60 * 1000, .timeout_overridable = true, \
		.timeout_in = wait_stable_timeout, .slot = stage_account_slot                     \
	}

#endif
