#include "kubernetes/stage_common.h"

#include <string.h>

#include "base/alloc.h"

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
	*ret = kubernetes_account(in->world->kubernetes, name, err);
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
