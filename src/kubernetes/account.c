/*
 * An account: its target, what the settings restrict, and the credential of the moment.
 *
 * A credential is an immutable, counted snapshot, so that calls under way keep the one they began with. Files are read again
 * every minute and after a 401; a plugin runs again when what it gave has expired and after a 401.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/limits.h"
#include "kubernetes/internal.h"
#include "kubernetes/manifest.h"

#define SECRET_BYTES_MIN 6 /* shorter ones would blot out ordinary words */

void kube_gate_init(struct kube_gate *gate)
{
	pthread_mutex_init(&gate->lock, NULL);
	clock_condition_init(&gate->handed);
	gate->busy = false;
	gate->next_ticket = gate->turn = 0;
}

void kube_gate_destroy(struct kube_gate *gate)
{
	pthread_cond_destroy(&gate->handed);
	pthread_mutex_destroy(&gate->lock);
}

void kube_gate_enter(struct kube_gate *gate, struct clock *clock)
{
	pthread_mutex_lock(&gate->lock);
	if (!gate->busy) {
		gate->busy = true;
	} else {
		uint64_t ticket = ++gate->next_ticket;

		while (gate->turn < ticket)
			clock_wait(clock, &gate->handed, &gate->lock, CLOCK_FOREVER);
		clock_release(clock); /* of kube_gate_leave */
	}
	pthread_mutex_unlock(&gate->lock);
}

void kube_gate_leave(struct kube_gate *gate, struct clock *clock)
{
	pthread_mutex_lock(&gate->lock);
	if (gate->turn == gate->next_ticket) {
		gate->busy = false;
	} else {
		gate->turn++;
		clock_hold(clock);
		pthread_cond_broadcast(&gate->handed);
	}
	pthread_mutex_unlock(&gate->lock);
}

struct kube_credential *kube_credential_ref(struct kube_credential *credential)
{
	atomic_fetch_add_explicit(&credential->references, 1, memory_order_relaxed);
	return credential;
}

/* Frees a secret, leaving nothing of it behind. */
static void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void kube_credential_unref(struct kube_credential *credential)
{
	if (!credential ||
		atomic_fetch_sub_explicit(&credential->references, 1, memory_order_acq_rel) > 1)
		return;
	secret_free(credential->authorization);
	free(credential->ca);
	free(credential->client_cert);
	secret_free(credential->client_key);
	val_free(&credential->impersonation);
	free(credential->identity);
	free(credential);
}

static const char *const apply_modes[] = { "server-side", "client-side", "auto", NULL };

const struct field kubernetes_account_fields[] = {
	FIELD(struct kube_account_config, name, "name", .flags = FIELD_REQUIRED,
		.title = { "Name", "名称" },
		.help = { "What stages call the account.", "阶段中使用的账号名。" }),
	FIELD_KNOWN("environment", FIELD_STRING, .title = { "Environment", "环境" },
		.help = { "A label for people.", "供人识别的标签。" }),
	FIELD_KNOWN("accountType", FIELD_STRING, .title = { "Account type", "账号类型" },
		.help = { "A label for people.", "供人识别的标签。" }),
	FIELD(struct kube_account_config, kubeconfig_file, "kubeconfigFile",
		.title = { "Kubeconfig file", "Kubeconfig 文件" },
		.help = { "Path of a kubeconfig; without it $KUBECONFIG or ~/.kube/config.",
			"kubeconfig 的路径；不填时使用 $KUBECONFIG 或 ~/.kube/config。" }),
	FIELD(struct kube_account_config, kubeconfig_contents, "kubeconfigContents",
		.flags = FIELD_SECRET, .title = { "Kubeconfig contents", "Kubeconfig 内容" },
		.help = { "The kubeconfig itself; used when there is no file.",
			"kubeconfig 的内容；仅在未指定文件时使用。" }),
	FIELD(struct kube_account_config, context, "context", .title = { "Context", "上下文" },
		.help = { "Context of the kubeconfig; without it the current one.",
			"kubeconfig 中的上下文；不填时使用当前上下文。" }),
	FIELD(struct kube_account_config, service_account, "serviceAccount",
		.title = { "Service account", "服务账号" },
		.help = { "Use the service account of the Pod this runs in.",
			"使用所在 Pod 的服务账号。" }),
	FIELD_KNOWN("oAuthServiceAccount", FIELD_STRING,
		.unsupported = "use an exec credential plugin in the kubeconfig"),
	FIELD_KNOWN("oAuthScopes", FIELD_STR_LIST),
	FIELD_KNOWN("kubectlExecutable", FIELD_STRING),
	FIELD(struct kube_account_config, request_timeout_s, "kubectlRequestTimeoutSeconds",
		.title = { "Request timeout", "请求超时" },
		.help = { "Seconds one request may take; 0 means 35.",
			"单个请求的最长秒数；0 表示 35。" }),
	FIELD(struct kube_account_config, apply_mode, "applyMode", .choices = apply_modes,
		.preset = "server-side", .title = { "Apply mode", "应用方式" },
		.help = { "server-side; client-side compares with what was applied last, as kubectl "
			  "apply does; auto takes that where the server cannot.",
			"server-side 为服务端应用；client-side 与 kubectl apply 相同，与上次应用的内容比较；"
			"auto 在服务端应用不可行时改用 client-side。" }),
	FIELD(struct kube_account_config, namespaces, "namespaces",
		.title = { "Namespaces", "命名空间" },
		.help = { "Only these may be written to, and no other Namespace be made, changed or deleted; empty means all. For what lies in no namespace the account's rights in the cluster count.",
			"只允许写入这些命名空间，也不允许创建、修改或删除其他 Namespace；为空表示全部。不属于任何命名空间的资源由账号在集群中的权限决定。" }),
	FIELD(struct kube_account_config, omit_namespaces, "omitNamespaces",
		.title = { "Omitted namespaces", "排除的命名空间" },
		.help = { "These must not be written to; not together with namespaces.",
			"禁止写入这些命名空间；不能与 namespaces 同时使用。" }),
	FIELD(struct kube_account_config, kinds, "kinds", .title = { "Kinds", "资源类型" },
		.help = { "Only these kinds are watched and chosen from; empty means all. Objects of "
			  "other kinds are still deployed, with a warning.",
			"只监视这些资源类型并从中选择对象；为空表示全部。其他类型仍可部署，但会给出警告。" }),
	FIELD(struct kube_account_config, omit_kinds, "omitKinds",
		.title = { "Omitted kinds", "排除的资源类型" },
		.help = { "These kinds are not; not together with kinds.",
			"排除这些资源类型；不能与 kinds 同时使用。" }),
	FIELD(struct kube_account_config, custom_resources, "customResources", .flags = FIELD_LIST,
		.rows = kind_custom_fields, .title = { "Custom resources", "自定义资源" },
		.help = { "What holds for kinds: their place in the order, versions, namespace.",
			"指定资源类型的部署顺序、版本化与命名空间属性。" }),
	FIELD_KNOWN("cachingPolicies", FIELD_VALUE, .flags = FIELD_LIST),
	FIELD_KNOWN("cacheThreads", FIELD_INT),
	FIELD_KNOWN("cacheIntervalSeconds", FIELD_INT),
	FIELD_KNOWN("cacheAllApplicationRelationships", FIELD_BOOL),
	FIELD(struct kube_account_config, only_managed, "onlySpinnakerManaged", .preset = "false",
		.title = { "Only managed objects", "仅受管对象" },
		.help = { "Rules that choose objects (labels, criteria) see only those that were "
			  "deployed by Spinnaker or Gennaker.",
			"按标签或规则选择对象时，仅考虑由 Spinnaker 或 Gennaker 部署的对象。" }),
	FIELD_KNOWN("namingStrategy", FIELD_STRING),
	FIELD_KNOWN("metrics", FIELD_BOOL),
	FIELD_KNOWN("debug", FIELD_BOOL),
	FIELD_KNOWN("checkPermissionsOnStartup", FIELD_BOOL),
	FIELD_KNOWN("permissions", FIELD_VALUE, .flags = FIELD_MAP),
	FIELD_KNOWN("requiredGroupMembership", FIELD_STR_LIST),
	FIELD(struct kube_account_config, raw_resources, "rawResourcesEndpointConfig",
		.flags = FIELD_MAP),
	{ 0 },
};

int kube_account_config_check(const struct kube_account_config *config, struct err *err)
{
	struct kind_list kinds;

	if (config->namespaces.count && config->omit_namespaces.count)
		return err_set(err, ERR_INVALID,
			"has both namespaces and omitNamespaces; remove one of them");
	if (config->kinds.count && config->omit_kinds.count)
		return err_set(err, ERR_INVALID, "has both kinds and omitKinds; remove one of them");
	if (val_count(val_get(config->raw_resources, "kindExpressions")) &&
		val_count(val_get(config->raw_resources, "omitKindExpressions")))
		return err_set(err, ERR_INVALID,
			"rawResourcesEndpointConfig has both kindExpressions and omitKindExpressions; "
			"remove one of them");
	if (config->request_timeout_s < 0 || config->request_timeout_s > 3600)
		return err_set(
			err, ERR_INVALID, "kubectlRequestTimeoutSeconds must be from 0 to 3600");
	if (kind_list_read(config->custom_resources, &kinds, err) < 0)
		return -1;
	kind_list_free(&kinds);
	return 0;
}

struct kube_account *kube_account_new(struct kubernetes *kubernetes, const char *name,
	struct kube_target *target, struct kube_account_config *config)
{
	struct kube_account *account = xnew(struct kube_account);

	account->kubernetes = kubernetes;
	account->name = xstrdup(name);
	account->problem = ERR_INIT;
	if (target)
		account->target = take(target);
	if (config)
		account->config = take(config);
	/* They were checked with the rest of CONFIG. */
	kind_list_read(account->config.custom_resources, &account->custom_kinds, &account->problem);
	pthread_mutex_init(&account->user_lock, NULL);
	kube_gate_init(&account->credential_gate);
	kube_gate_init(&account->discovery.gate);
	pthread_mutex_init(&account->warnings_lock, NULL);
	return account;
}

void kube_account_free(struct kube_account *account)
{
	kube_discovery_free(&account->discovery);
	kube_gate_destroy(&account->credential_gate);
	pthread_mutex_destroy(&account->warnings_lock);
	val_free(&account->warnings);
	kube_credential_unref(account->credential);
	kind_list_free(&account->custom_kinds);
	fields_free(kubernetes_account_fields, &account->config);
	kube_target_free(&account->target);
	pthread_mutex_destroy(&account->user_lock);
	val_free(&account->row);
	err_clear(&account->problem);
	free(account->name);
	free(account);
}

int kube_pem_read(const struct kube_pem *pem, const char *what, char **ret, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_KUBERNETES_PEM_BYTES);

	*ret = NULL;
	if (pem->text) {
		*ret = xstrdup(pem->text);
		return 0;
	}
	if (!pem->path)
		return 0;
	if (file_read(pem->path, LIMIT_KUBERNETES_PEM_BYTES, &text, err) < 0)
		return err_wrap(err, "%s", what);
	*ret = xstrndup(text.bytes, text.length);
	return 0;
}

/* "Bearer …" from the token file, which wins, or the token; "Basic …". NULL when there is none. */
static int read_authorization(const struct kube_target *target, char **ret, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_KUBERNETES_PEM_BYTES);
	struct str token = str_of(target->token);

	*ret = NULL;
	if (target->token_file) {
		if (file_read(target->token_file, LIMIT_KUBERNETES_PEM_BYTES, &text, err) < 0)
			return err_wrap(err, "token");
		token = str_trim(strbuf_str(&text));
		if (!token.length)
			return err_set(err, ERR_FAILED, "token: %s is empty", target->token_file);
	}
	if (token.length) {
		*ret = xasprintf("Bearer %.*s", STR_ARG(token));
	} else if (target->username) {
		_cleanup_free_ char *pair = xasprintf(
			"%s:%s", target->username, target->password ? target->password : "");
		_cleanup_free_ char *encoded = base64_encode(str_of(pair));

		*ret = xasprintf("Basic %s", encoded);
		explicit_bzero(pair, strlen(pair));
		explicit_bzero(encoded, strlen(encoded));
	}
	return 0;
}

/* A token and a certificate from the plugin take the place of those that are not in the kubeconfig. */
static int add_exec(struct kube_account *account, struct cancel *cancel,
	struct kube_credential *credential, struct err *err)
{
	struct kube_exec_result result = { 0 };

	if (kube_exec_run(account->kubernetes->world, &account->target, cancel, &result, err) < 0)
		return -1;
	if (result.token && !credential->authorization)
		credential->authorization = xasprintf("Bearer %s", result.token);
	if (result.client_cert && !credential->client_cert) {
		credential->client_cert = take(&result.client_cert);
		credential->client_key = take(&result.client_key);
	}
	credential->until_ms = result.until_ms;
	kube_exec_result_free(&result);
	return 0;
}

/* An ID token, when there is no other. REFUSED may be NULL. */
static int add_oidc(struct kube_account *account, const struct kube_credential *refused,
	struct cancel *cancel, struct kube_credential *credential, struct err *err)
{
	const char *refused_token = refused && refused->authorization ?
		strchr(refused->authorization, ' ') + 1 :
		NULL;
	char *token = NULL;

	if (kube_oidc_token(account, refused_token, cancel, &token, &credential->until_ms, err) < 0)
		return -1;
	credential->authorization = xasprintf("Bearer %s", token);
	secret_free(token);
	return 0;
}

static bool reads_files(const struct kube_target *target)
{
	return target->token_file || (!target->ca.text && target->ca.path) ||
		(!target->client_cert.text && target->client_cert.path);
}

static int fill(struct kube_account *account, const struct kube_credential *refused,
	struct cancel *cancel, struct kube_credential *credential, struct err *err)
{
	const struct kube_target *target = &account->target;
	int64_t now_ms = clock_now_ms(account->kubernetes->world->clock);

	credential->impersonation = val_ref(target->impersonation);
	credential->until_ms = reads_files(target) ? now_ms + LIMIT_KUBERNETES_REREAD_MS :
						     CLOCK_FOREVER;
	if (kube_pem_read(&target->ca, "certificate authority", &credential->ca, err) < 0 ||
		kube_pem_read(&target->client_cert, "client certificate", &credential->client_cert,
			err) < 0 ||
		kube_pem_read(&target->client_key, "client key", &credential->client_key, err) < 0 ||
		read_authorization(target, &credential->authorization, err) < 0)
		return -1;
	if (!credential->client_cert != !credential->client_key)
		return err_set(
			err, ERR_INVALID, "a client certificate needs its key, and the reverse");
	if (val_is_map(target->exec) && !credential->authorization)
		return add_exec(account, cancel, credential, err);
	if (val_is_map(target->oidc) && !credential->authorization)
		return add_oidc(account, refused, cancel, credential, err);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_credential(const struct kube_credential *a, const struct kube_credential *b)
{
	return same_text(a->authorization, b->authorization) && same_text(a->ca, b->ca) &&
		same_text(a->client_cert, b->client_cert) &&
		same_text(a->client_key, b->client_key) &&
		val_equal(a->impersonation, b->impersonation);
}

/* Makes FRESH (taken) the account's credential, unless it says the same as the one that is there. */
static void adopt(struct kube_account *account, struct kube_credential *fresh)
{
	if (account->credential && same_credential(account->credential, fresh)) {
		account->credential->until_ms = fresh->until_ms;
		kube_credential_unref(fresh);
		return;
	}
	/* Of no other account that has had this name: connections are told apart by it. */
	fresh->identity = xasprintf("%s#%u.%llu", account->name, account->generation,
		(unsigned long long)++account->credential_number);
	fresh->tls = (struct http_tls){
		.identity = fresh->identity,
		.ca_pem = fresh->ca,
		.client_cert_pem = fresh->client_cert,
		.client_key_pem = fresh->client_key,
		.server_name = account->target.server_name,
		.insecure = account->target.insecure,
		.proxy = account->target.proxy,
	};
	kube_credential_unref(account->credential);
	account->credential = fresh;
}

/* Within the gate. Files that cannot be read just now (they are being replaced) leave the old credential in place. */
static int renew(struct kube_account *account, const struct kube_credential *refused,
	struct cancel *cancel, struct err *err)
{
	struct kube_credential *fresh = xnew(struct kube_credential);
	int64_t now_ms = clock_now_ms(account->kubernetes->world->clock);

	atomic_init(&fresh->references, 1);
	if (fill(account, refused, cancel, fresh, err) == 0) {
		adopt(account, fresh);
		return 0;
	}
	kube_credential_unref(fresh);
	if (!account->credential || refused || val_is_map(account->target.exec) ||
		val_is_map(account->target.oidc))
		return -1;
	err_clear(err);
	account->credential->until_ms = now_ms + LIMIT_KUBERNETES_REREAD_MS;
	return 0;
}

int kube_account_credential(struct kube_account *account, struct kube_credential *refused,
	struct cancel *cancel, struct kube_credential **ret, struct err *err)
{
	struct clock *clock = account->kubernetes->world->clock;
	int done = 0;

	kube_gate_enter(&account->credential_gate, clock);
	if (!account->credential || account->credential == refused ||
		account->credential->until_ms <= clock_now_ms(clock))
		done = renew(account, refused, cancel, err);
	if (done == 0)
		*ret = kube_credential_ref(account->credential);
	kube_gate_leave(&account->credential_gate, clock);
	return done;
}

void kube_account_renew(struct kube_account *account, struct kube_target *target)
{
	struct clock *clock = account->kubernetes->world->clock;

	kube_gate_enter(&account->credential_gate, clock);
	pthread_mutex_lock(&account->user_lock);
	kube_target_take_user(&account->target, target);
	pthread_mutex_unlock(&account->user_lock);
	if (account->credential)
		account->credential->until_ms = 0;
	kube_gate_leave(&account->credential_gate, clock);
}

/* Blots SECRET out of *TEXT. */
static void blot(void *data, const char *secret)
{
	char **text = data;
	size_t length = secret ? strlen(secret) : 0;

	if (length < SECRET_BYTES_MIN)
		return;
	for (char *at = *text; (at = strstr(at, secret));)
		memset(at, '*', length);
}

char *kube_without_secrets(const struct kube_account *account,
	const struct kube_credential *credential, const char *text)
{
	char *clean = xstrdup(text);
	pthread_mutex_t *lock = (pthread_mutex_t *)&account->user_lock;

	pthread_mutex_lock(lock);
	kube_target_secrets(&account->target, blot, &clean);
	pthread_mutex_unlock(lock);
	if (credential && credential->authorization)
		blot(&clean, strchr(credential->authorization, ' ') + 1);
	if (credential)
		blot(&clean, credential->client_key);
	return clean;
}

const char *kube_account_name(const struct kube_account *account)
{
	return account->name;
}

const char *kube_account_namespace(const struct kube_account *account)
{
	return account->target.namespace ? account->target.namespace : "default";
}

const struct kind_list *kube_account_custom_kinds(const struct kube_account *account)
{
	return &account->custom_kinds;
}

static bool names_kind(const struct str_list *list, const char *kind)
{
	for (size_t i = 0; i < list->count; i++) {
		if (kind_is_same(list->items[i], kind))
			return true;
	}
	return false;
}

bool kube_account_is_for(const struct kube_account *account, const char *kind)
{
	const struct kube_account_config *config = &account->config;

	return config->kinds.count ? names_kind(&config->kinds, kind) :
				     !names_kind(&config->omit_kinds, kind);
}

int kube_account_check_kind(const struct kube_account *account, const char *kind, struct err *err)
{
	if (kube_account_is_for(account, kind))
		return 0;
	return err_set(err, ERR_DENIED,
		"account \"%s\" is not for kind %s (kinds, omitKinds), so that no rule can choose from it",
		account->name, kind);
}

bool kube_account_sees(const struct kube_account *account, struct val object)
{
	_cleanup_free_ char *application = account->config.only_managed ?
		manifest_annotation_text(object, "moniker.spinnaker.io/application") :
		NULL;

	return !account->config.only_managed || (application && *application);
}

bool kube_account_compares(const struct kube_account *account)
{
	return account->config.apply_mode == APPLY_CLIENT_SIDE;
}

const char *kube_account_server(const struct kube_account *account)
{
	return account->target.server ? account->target.server : "";
}

static bool in_list(const struct str_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

int kube_account_check_namespace(const struct kube_account *account, const char *operation,
	const char *namespace, struct err *err)
{
	const struct kube_account_config *config = &account->config;

	if (!namespace || !*namespace)
		return 0;
	if (config->namespaces.count && !in_list(&config->namespaces, namespace))
		return err_set(err, ERR_DENIED,
			"%s: account \"%s\" is not set up for namespace \"%s\" (%s.%s.wrongNamespace)",
			operation, account->name, namespace, operation, namespace);
	if (in_list(&config->omit_namespaces, namespace))
		return err_set(err, ERR_DENIED,
			"%s: account \"%s\" leaves out namespace \"%s\" (%s.%s.omittedNamespace)",
			operation, account->name, namespace, operation, namespace);
	return 0;
}
