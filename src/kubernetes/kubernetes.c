/*
 * All accounts: from the settings, or one for each context of the user's kubeconfig. Loaded on one thread; when they are read anew
 * (reload.c), that goes into a table of its own first.
 */
#include "kubernetes/kubernetes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define DEFAULT_ACCOUNT "default"

struct kubernetes *kubernetes_new(struct world *world)
{
	struct kubernetes *kubernetes = xnew(struct kubernetes);

	kubernetes->world = world;
	kubernetes->files = val_list();
	kubernetes->logins = val_map();
	kube_gate_init(&kubernetes->login_gate);
	pthread_mutex_init(&kubernetes->watch_lock, NULL);
	pthread_mutex_init(&kubernetes->accounts_lock, NULL);
	return kubernetes;
}

void kubernetes_free(struct kubernetes *kubernetes)
{
	kube_watches_free(kubernetes);
	for (size_t i = 0; i < kubernetes->order.count; i++)
		kube_account_free(kubernetes->order.items[i]);
	for (size_t i = 0; i < kubernetes->retired.count; i++)
		kube_account_free(kubernetes->retired.items[i]);
	vec_free(&kubernetes->order);
	vec_free(&kubernetes->retired);
	val_free(&kubernetes->files);
	val_free(&kubernetes->logins);
	kube_gate_destroy(&kubernetes->login_gate);
	map_free(&kubernetes->accounts);
	kube_config_free(&kubernetes->config);
	pthread_mutex_destroy(&kubernetes->watch_lock);
	pthread_mutex_destroy(&kubernetes->accounts_lock);
	free(kubernetes);
}

/* Adds ACCOUNT; one of the same name gives way to it. */
static void add_account(struct kubernetes *kubernetes, struct kube_account *account)
{
	struct kube_account *old = map_put(&kubernetes->accounts, str_of(account->name), account);

	for (size_t i = 0; old && i < kubernetes->order.count; i++) {
		if (kubernetes->order.items[i] == old) {
			kubernetes->order.items[i] = account;
			kube_account_free(old);
			return;
		}
	}
	vec_push(&kubernetes->order, account);
}

static void add_file(struct kubernetes *kubernetes, const char *file)
{
	_cleanup_free_ char *path = kube_config_path(file);

	val_append(&kubernetes->files, val_string(path));
}

static void add_default_files(struct kubernetes *kubernetes)
{
	_cleanup_(val_free) struct val files = kube_config_default_files();

	for (size_t i = 0; i < val_count(files); i++) {
		struct val file = val_at(files, i);

		add_file(kubernetes, val_text(&file));
	}
}

/* Without a file of its own an account uses what kubectl would use, else the Pod's service account. */
static int default_target(const char *context, struct kube_target *ret, struct err *err)
{
	struct kube_config config = { 0 };
	int done = kube_config_add_default(&config, err);

	if (done == 0 && !config.source && !context)
		done = kube_target_in_cluster(KUBE_SERVICE_ACCOUNT_DIRECTORY, ret, err);
	else if (done == 0)
		done = kube_target_resolve(&config, context, ret, err);
	kube_config_free(&config);
	return done;
}

static int account_target(struct kubernetes *kubernetes, const struct kube_account_config *settings,
	struct kube_target *ret, struct err *err)
{
	struct kube_config config = { 0 };
	int done;

	if (settings->service_account)
		return kube_target_in_cluster(KUBE_SERVICE_ACCOUNT_DIRECTORY, ret, err) < 0 ?
			err_wrap(err, "serviceAccount") :
			0;
	if (settings->kubeconfig_file)
		add_file(kubernetes, settings->kubeconfig_file);
	else if (!settings->kubeconfig_contents)
		add_default_files(kubernetes);
	if (settings->kubeconfig_file)
		done = kube_config_add_file(&config, settings->kubeconfig_file, NULL, err);
	else if (settings->kubeconfig_contents)
		done = kube_config_add(&config, str_of(settings->kubeconfig_contents),
			"kubeconfigContents", ".", err);
	else
		return default_target(settings->context, ret, err);
	if (done < 0)
		err_wrap(err, "kubeconfigFile");
	else if ((done = kube_target_resolve(&config, settings->context, ret, err)) < 0 &&
		err->kind == ERR_NOT_FOUND)
		err_wrap(err, "context");
	kube_config_free(&config);
	return done;
}

static int add_settings_account(struct kubernetes *kubernetes, struct val row, struct err *err)
{
	struct kube_account_config config = { 0 };
	struct kube_target target = { 0 };
	int done = -1;

	if (!val_is_map(row))
		return err_set(
			err, ERR_INVALID, "expected a map, got %s", val_kind_name(val_kind(row)));
	if (fields_read(kubernetes_account_fields, row, &config, err) < 0)
		return -1;
	if (map_get(&kubernetes->accounts, str_of(config.name))) {
		err_set(err, ERR_INVALID, "name: \"%s\" stands twice", config.name);
	} else if (kube_account_config_check(&config, err) == 0 &&
		account_target(kubernetes, &config, &target, err) == 0) {
		_cleanup_free_ char *name = xstrdup(config.name);

		struct kube_account *account = kube_account_new(kubernetes, name, &target, &config);

		account->row = val_ref(row);
		add_account(kubernetes, account);
		done = 0;
	}
	fields_free(kubernetes_account_fields, &config);
	return done;
}

int kubernetes_load_settings(struct kubernetes *kubernetes, struct val settings, struct err *err)
{
	struct val accounts = val_get(settings, "accounts");

	if (!val_get_bool(settings, "enabled", true))
		return 0;
	if (!val_is_list(accounts) && !val_is_null(accounts))
		return err_set(err, ERR_INVALID, "kubernetes.accounts: expected a list, got %s",
			val_kind_name(val_kind(accounts)));
	for (size_t i = 0; i < val_count(accounts); i++) {
		if (add_settings_account(kubernetes, val_at(accounts, i), err) < 0)
			return err_wrap(err, "kubernetes.accounts[%zu]", i);
	}
	return 0;
}

/* An account for CONTEXT. One that is broken is there too, and says why when it is used. */
static void add_context(struct kubernetes *kubernetes, const char *name, const char *context)
{
	struct kube_target target = { 0 };
	struct err problem = ERR_INIT;
	int done = kube_target_resolve(&kubernetes->config, context, &target, &problem);
	struct kube_account *account = kube_account_new(
		kubernetes, name, done == 0 ? &target : NULL, NULL);

	if (done < 0)
		account->target.context = xstrdup(context);
	err_move(&account->problem, &problem);
	add_account(kubernetes, account);
}

static int add_service_account(struct kubernetes *kubernetes, struct err *err)
{
	struct kube_target target = { 0 };

	if (!getenv("KUBERNETES_SERVICE_HOST") ||
		access(KUBE_SERVICE_ACCOUNT_DIRECTORY "/token", R_OK) != 0)
		return 0;
	if (kube_target_in_cluster(KUBE_SERVICE_ACCOUNT_DIRECTORY, &target, err) < 0)
		return -1;
	add_account(kubernetes, kube_account_new(kubernetes, DEFAULT_ACCOUNT, &target, NULL));
	return 0;
}

int kubernetes_load_kubeconfig(struct kubernetes *kubernetes, const char *path, struct err *err)
{
	struct kube_config *config = &kubernetes->config;
	const char *current;

	kubernetes->files_only = true;
	if (path)
		add_file(kubernetes, path);
	else
		add_default_files(kubernetes);
	if ((path ? kube_config_add_file(config, path, NULL, err) :
		    kube_config_add_default(config, err)) < 0)
		return -1;
	if (!config->source)
		return add_service_account(kubernetes, err);
	current = config->current;
	if (!current && val_count(config->contexts) == 1)
		current = val_key_at(config->contexts, 0).bytes;
	if (current)
		add_context(kubernetes, DEFAULT_ACCOUNT, current);
	for (size_t i = 0; i < val_count(config->contexts); i++) {
		const char *context = val_key_at(config->contexts, i).bytes;

		if (!map_get(&kubernetes->accounts, str_of(context)))
			add_context(kubernetes, context, context);
	}
	return 0;
}

int kubernetes_bind_account(
	struct kubernetes *kubernetes, const char *name, const char *context, struct err *err)
{
	struct kube_target target = { 0 };

	if (kube_target_resolve(&kubernetes->config, context, &target, err) < 0)
		return err_wrap(err, "--account %s=%s", name, context);
	add_account(kubernetes, kube_account_new(kubernetes, name, &target, NULL));
	return 0;
}

static char *known_accounts(const struct kubernetes *kubernetes)
{
	struct strbuf names = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);

	for (size_t i = 0; i < kubernetes->order.count; i++)
		strbuf_printf(&names, "%s%s", i ? ", " : "", kubernetes->order.items[i]->name);
	return strbuf_detach(&names);
}

struct kube_account *kubernetes_account(
	struct kubernetes *kubernetes, const char *name, struct err *err)
{
	struct kube_account *account;
	_cleanup_free_ char *known = NULL;

	pthread_mutex_lock(&kubernetes->accounts_lock);
	account = map_get(&kubernetes->accounts, str_of(name));
	if (!account)
		known = known_accounts(kubernetes);
	pthread_mutex_unlock(&kubernetes->accounts_lock);
	if (!account) {
		if (*known)
			err_set(err, ERR_NOT_FOUND,
				"no Kubernetes account \"%s\"; known: %s (bind one with --account %s=CONTEXT)",
				name, known, name);
		else
			err_set(err, ERR_NOT_FOUND,
				"no Kubernetes account \"%s\"; none is known: a kubeconfig is read from --kubeconfig, "
				"KUBECONFIG or ~/.kube/config, or the settings name accounts (kubernetes.accounts[])",
				name);
		return NULL;
	}
	if (account->problem.kind != ERR_NONE) {
		err_set(err, account->problem.kind, "Kubernetes account \"%s\": %s", name,
			err_text(&account->problem));
		return NULL;
	}
	return account;
}

struct val kubernetes_describe(struct kubernetes *kubernetes)
{
	struct val list = val_list();

	pthread_mutex_lock(&kubernetes->accounts_lock);
	for (size_t i = 0; i < kubernetes->order.count; i++) {
		const struct kube_account *account = kubernetes->order.items[i];
		struct val row = val_map();

		val_set(&row, "name", val_string(account->name));
		val_set(&row, "context", val_string(account->target.context));
		val_set(&row, "server", val_string(kube_account_server(account)));
		val_set(&row, "namespace", val_string(kube_account_namespace(account)));
		val_append(&list, row);
	}
	pthread_mutex_unlock(&kubernetes->accounts_lock);
	return list;
}
