#include "kubernetes/stage_common.h"

#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"

const char *stage_account_name(const struct stage *stage)
{
	static const char *const keys[] = { "account.name", "account", "credentials" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *name = val_get_text(stage->context, keys[i], "");

		if (*name)
			return name;
	}
	return "";
}

int stage_account(const struct task_input *in, struct kube_account **ret, struct err *err)
{
	const char *name = stage_account_name(in->stage);

	if (!*name)
		return err_set(err, ERR_INVALID, "account: is required");
	if (!in->world->kubernetes)
		return err_set(err, ERR_NOT_FOUND,
			"account: there is no Kubernetes account \"%s\"; none is set up (give a "
			"kubeconfig, or kubernetes.accounts[] in the settings)",
			name);
	*ret = kubernetes_account_since(in->world->kubernetes, name, in->stage->start_ms, err);
	return *ret ? 0 : err_wrap(err, "account");
}

char *stage_account_line(const struct task_input *in, const struct kube_account *account)
{
	_cleanup_(val_free) struct val all = kubernetes_describe(in->world->kubernetes);
	const char *name = kube_account_name(account), *context = "";

	for (size_t i = 0; i < val_count(all); i++) {
		if (strcmp(val_get_text(val_at(all, i), "name", ""), name) == 0)
			context = val_get_text(val_at(all, i), "context", "");
	}
	if (!*context)
		return xasprintf("account %s (%s)", name, kube_account_server(account));
	return xasprintf("account %s (context %s, %s)", name, context, kube_account_server(account));
}

char *stage_account_slot(const struct task_input *in)
{
	return xasprintf("kubernetes:%s", stage_account_name(in->stage));
}

int stage_delete_uid(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, const char *namespace, const char *name,
	struct val uid, struct err *err)
{
	_cleanup_(val_free) struct val options = val_map();
	struct val preconditions = val_map();

	val_set(&preconditions, "uid", val_ref(uid));
	val_set(&options, "preconditions", preconditions);
	val_set(&options, "propagationPolicy", val_string("Background"));
	if (kube_delete(account, resource, namespace, name, options, in->cancel, NULL, err) == 0)
		return 1;
	if (err->kind != ERR_NOT_FOUND && err->kind != ERR_CONFLICT)
		return -1;
	err_clear(err);
	return 0;
}

/* True when there is still the object of UID; -1: it cannot be told. */
static int is_there(const struct task_input *in, struct kube_account *account,
	const struct kube_resource *resource, struct val object, struct val uid, struct err *err)
{
	_cleanup_(val_free) struct val live = VAL_NULL;

	if (kube_get(account, resource, manifest_namespace(object), manifest_name(object),
		    in->cancel, &live, err) == 0)
		return val_equal(val_get(val_get(live, "metadata"), "uid"), uid);
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	return 0;
}

int stage_remove_object(const struct task_input *in, struct task_result *out,
	struct kube_account *account, const struct kube_resource *resource, struct val object,
	struct val uid, bool *ret_waits, struct err *err)
{
	const char *namespace = manifest_namespace(object), *name = manifest_name(object);
	_cleanup_free_ char *key = NULL, *full_name = NULL;
	int64_t poll_ms = 0;
	int there;

	key = kube_watch(account, resource, namespace, name, &poll_ms);
	there = stage_delete_uid(in, account, resource, namespace, name, uid, err);
	if (there > 0)
		there = is_there(in, account, resource, object, uid, err);
	/* It is gone, or another is there: the one that was to come. */
	if (there <= 0)
		return there;
	full_name = manifest_full_name(object, NULL);
	task_says(out, "%s: waiting until the old one is gone", full_name);
	task_wait(out, key, in->now_ms + poll_ms);
	*ret_waits = true;
	return 0;
}

void stage_note_operation(const struct task_input *in, struct task_result *out, struct val names)
{
	struct val tasks = val_list(), task = val_map(), status = val_map(), results = val_list();
	struct val result = val_map(), last = val_map();

	val_set(&status, "status", val_string("Orchestration completed."));
	val_set(&status, "completed", val_bool(true));
	val_set(&status, "failed", val_bool(false));
	val_set(&result, "manifestNamesByNamespace", val_ref(names));
	val_append(&results, result);
	val_set(&task, "id", val_string(in->idempotency_key));
	val_set(&task, "status", status);
	val_set(&task, "history", val_list());
	val_set(&task, "resultObjects", results);
	val_append(&tasks, task);
	val_set(&last, "id", val_string(in->idempotency_key));
	task_context(out, "kato.tasks", tasks);
	task_context(out, "kato.last.task.id", last);
}

void stage_forget(struct val *context, struct val *outputs)
{
	static const char *const keys[] = { "stableManifests", "failedManifests", "messages",
		"warnings", "deployPlan", "kindUnknownSince", "rolloutFollowUps", "deleteTargets",
		"cleanUpTargets", "undoRevision", "patchBefore", "jobPlan", "jobStatus",
		"completionDetails", "propertyFileContents", "propertyFileTries", "deploy.jobs",
		"jobUid", "newestWarning", "events", "kato.tasks", "kato.last.task.id" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		val_remove(context, keys[i]);
		val_remove(outputs, keys[i]);
	}
}
