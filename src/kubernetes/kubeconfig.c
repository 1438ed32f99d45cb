/*
 * kubeconfig files: several are merged (the first definition of a name wins, relative paths belong to the file they stand
 * in), and a context of the result becomes a struct kube_target. Nothing is read but the files themselves; what they
 * point to is read when it is needed, so that a broken context does no harm to the others.
 * Rules: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ and kubernetes.md 9.5.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "kubernetes/internal.h"

#define EXEC_EXTENSION "client.authentication.k8s.io/exec"

void kube_config_free(struct kube_config *config)
{
	val_free(&config->clusters);
	val_free(&config->users);
	val_free(&config->contexts);
	free(config->current);
	free(config->source);
	*config = (struct kube_config){ 0 };
}

/* The names in one of the three lists into *MAP. */
static int add_named(struct val *map, struct val document, const char *list, const char *member,
	const char *directory, struct err *err)
{
	struct val items = val_get(document, list);

	if (!val_is_list(items) && !val_is_null(items))
		return err_set(err, ERR_INVALID, "%s: expected a list, got %s", list,
			val_kind_name(val_kind(items)));
	for (size_t i = 0; i < val_count(items); i++) {
		struct val item = val_at(items, i);
		const char *name = val_get_text(item, "name", NULL);
		struct val entry;

		if (!name)
			return err_set(err, ERR_INVALID, "%s[%zu]: has no name", list, i);
		if (val_has(*map, name))
			continue;
		entry = val_map();
		val_set(&entry, "value", val_ref(val_get(item, member)));
		val_set(&entry, "directory", val_string(directory));
		val_set(map, name, entry);
	}
	return 0;
}

static void add_source(struct kube_config *config, const char *file)
{
	char *source = config->source ? xasprintf("%s, %s", config->source, file) : xstrdup(file);

	free(config->source);
	config->source = source;
}

int kube_config_add(struct kube_config *config, struct str text, const char *file,
	const char *directory, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL;
	const char *current;

	if (yaml_or_json_parse(text, &document, err) < 0)
		return err_wrap(err, "%s", file);
	if (!val_is_map(document) && !val_is_null(document))
		return err_set(err, ERR_INVALID, "%s: is no kubeconfig", file);
	if (add_named(&config->clusters, document, "clusters", "cluster", directory, err) < 0 ||
		add_named(&config->users, document, "users", "user", directory, err) < 0 ||
		add_named(&config->contexts, document, "contexts", "context", directory, err) < 0)
		return err_wrap(err, "%s", file);
	current = val_get_text(document, "current-context", "");
	if (*current && !config->current)
		config->current = xstrdup(current);
	add_source(config, file);
	return 0;
}

/* The folder that PATH stands in; owned. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

char *kube_config_path(const char *path)
{
	const char *home = getenv("HOME");

	return strncmp(path, "~/", 2) == 0 && home ? xasprintf("%s/%s", home, path + 2) :
						     xstrdup(path);
}

int kube_config_add_file(
	struct kube_config *config, const char *file, bool *ret_found, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_KUBERNETES_CONTEXT_BYTES);
	_cleanup_free_ char *path = kube_config_path(file);
	_cleanup_free_ char *directory = NULL;
	struct stat status;

	if (ret_found) {
		*ret_found = stat(path, &status) == 0;
		if (!*ret_found)
			return 0;
	}
	if (file_read(path, LIMIT_KUBERNETES_CONTEXT_BYTES, &text, err) < 0)
		return -1;
	directory = directory_of(path);
	return kube_config_add(config, strbuf_str(&text), path, directory, err);
}

struct val kube_config_default_files(void)
{
	const char *list = getenv("KUBECONFIG");
	struct str rest = str_of(list && *list ? list : "~/.kube/config");
	struct val files = val_list();

	for (struct str part; str_split(&rest, ':', &part);) {
		if (part.length)
			val_append(&files, val_str(part));
	}
	return files;
}

int kube_config_add_default(struct kube_config *config, struct err *err)
{
	_cleanup_(val_free) struct val files = kube_config_default_files();
	bool found;

	for (size_t i = 0; i < val_count(files); i++) {
		struct val path = val_at(files, i);

		if (kube_config_add_file(config, val_text(&path), &found, err) < 0)
			return -1;
	}
	return 0;
}

void kube_pem_free(struct kube_pem *pem)
{
	free(pem->text);
	free(pem->path);
}

void kube_target_free(struct kube_target *target)
{
	free(target->context);
	free(target->server);
	free(target->namespace);
	free(target->server_name);
	free(target->proxy);
	kube_pem_free(&target->ca);
	kube_pem_free(&target->client_cert);
	kube_pem_free(&target->client_key);
	free(target->token);
	free(target->token_file);
	free(target->username);
	free(target->password);
	val_free(&target->impersonation);
	val_free(&target->exec);
	val_free(&target->exec_cluster);
	val_free(&target->oidc);
	free(target->directory);
	*target = (struct kube_target){ 0 };
}

/* A text of MAP, owned; a number counts as its digits, nothing and "" are NULL. */
static char *text_at(struct val map, const char *key)
{
	struct val value = val_get(map, key);

	if (val_is_string(value))
		return *val_text(&value) ? xstrdup(val_text(&value)) : NULL;
	return val_is_number(value) ? json_text(value, JSON_COMPACT) : NULL;
}

/* The same for a path, which is relative to DIRECTORY. */
static char *path_at(struct val map, const char *key, const char *directory)
{
	char *path = text_at(map, key);
	char *whole;

	if (!path || *path == '/')
		return path;
	whole = xasprintf("%s/%s", directory, path);
	free(path);
	return whole;
}

int kube_pem_at(struct val map, const char *name, const char *directory, struct kube_pem *ret,
	struct err *err)
{
	_cleanup_free_ char *data_name = xasprintf("%s-data", name);
	_cleanup_free_ char *data = text_at(map, data_name);
	size_t length;

	if (!data) {
		ret->path = path_at(map, name, directory);
		return 0;
	}
	ret->text = base64_decode(str_of(data), &length);
	if (!ret->text || strlen(ret->text) != length)
		return err_set(err, ERR_INVALID, "%s: is no base64 of a PEM text", data_name);
	return 0;
}

/* The server's URL without a slash at the end; as kubectl does, one without a scheme is https if TLS is spoken of. */
static int read_server(struct val cluster, struct kube_target *target, struct err *err)
{
	_cleanup_free_ char *server = text_at(cluster, "server");
	bool tls = target->ca.text || target->ca.path || target->insecure;
	const char *authority, *slash, *at;
	size_t length;

	if (!server)
		return err_set(err, ERR_INVALID, "has no server");
	target->server = strstr(server, "://") ?
		xstrdup(server) :
		xasprintf("%s://%s", tls ? "https" : "http", server);
	length = strlen(target->server);
	while (length && target->server[length - 1] == '/')
		target->server[--length] = 0;
	authority = strstr(target->server, "://") + 3;
	slash = strchr(authority, '/');
	at = strchr(authority, '@');
	if (at && (!slash || at < slash))
		return err_set(err, ERR_INVALID, "server: must not hold a user name or password");
	if (strncmp(target->server, "https://", 8) != 0 && strncmp(target->server, "http://", 7) != 0)
		return err_set(err, ERR_INVALID, "server: \"%s\" is no http or https URL", server);
	return 0;
}

/* spec.cluster of an ExecCredential, for plugins that ask for it. */
static struct val exec_cluster(struct val cluster, const struct kube_target *target)
{
	static const char *const copied[] = { "tls-server-name", "insecure-skip-tls-verify",
		"proxy-url", "certificate-authority-data" };
	struct val extensions = val_get(cluster, "extensions");
	struct val info = val_map();

	val_set(&info, "server", val_string(target->server));
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
		if (val_has(cluster, copied[i]))
			val_set(&info, copied[i], val_ref(val_get(cluster, copied[i])));
	}
	for (size_t i = 0; i < val_count(extensions); i++) {
		struct val extension = val_at(extensions, i);

		if (strcmp(val_get_text(extension, "name", ""), EXEC_EXTENSION) == 0)
			val_set(&info, "config", val_ref(val_get(extension, "extension")));
	}
	return info;
}

static int read_cluster(const struct kube_config *config, const char *name,
	struct kube_target *target, struct err *err)
{
	struct val entry = val_get(config->clusters, name);
	struct val cluster = val_get(entry, "value");
	const char *directory = val_get_text(entry, "directory", ".");

	if (val_is_null(entry))
		return err_set(err, ERR_INVALID, "is not defined in %s", config->source);
	if (kube_pem_at(cluster, "certificate-authority", directory, &target->ca, err) < 0)
		return -1;
	target->insecure = val_get_bool(cluster, "insecure-skip-tls-verify", false);
	target->server_name = text_at(cluster, "tls-server-name");
	target->proxy = text_at(cluster, "proxy-url");
	if (target->insecure && (target->ca.text || target->ca.path))
		return err_set(err, ERR_INVALID,
			"has both insecure-skip-tls-verify and a certificate authority; remove one of them");
	if (read_server(cluster, target, err) < 0)
		return -1;
	target->exec_cluster = exec_cluster(cluster, target);
	return 0;
}

/* as, as-uid, as-groups, as-user-extra become headers. */
static void read_impersonation(struct val user, struct val *headers)
{
	struct val groups = val_get(user, "as-groups");
	struct val extra = val_get(user, "as-user-extra");
	_cleanup_free_ char *as = text_at(user, "as");
	_cleanup_free_ char *uid = text_at(user, "as-uid");

	if (as)
		val_set(headers, "Impersonate-User", val_string(as));
	if (uid)
		val_set(headers, "Impersonate-Uid", val_string(uid));
	if (val_count(groups))
		val_set(headers, "Impersonate-Group", val_ref(groups));
	for (size_t i = 0; i < val_count(extra); i++) {
		_cleanup_strbuf_ struct strbuf name = STRBUF_INIT(4096);

		strbuf_add_text(&name, "Impersonate-Extra-");
		url_encode(&name, val_key_at(extra, i));
		val_set(headers, name.bytes, val_ref(val_value_at(extra, i)));
	}
}

/* The only old provider that still means something is oidc. */
static int read_auth_provider(struct val provider, struct kube_target *target, struct err *err)
{
	const char *name = val_get_text(provider, "name", "");

	if (strcmp(name, "oidc") != 0)
		return err_set(err, ERR_UNSUPPORTED,
			"auth-provider \"%s\" is not supported; use an exec credential plugin", name);
	target->oidc = val_ref(val_get(provider, "config"));
	return kube_oidc_check(target->oidc, err);
}

static int read_user(const struct kube_config *config, const char *name, struct kube_target *target,
	struct err *err)
{
	struct val entry = val_get(config->users, name);
	struct val user = val_get(entry, "value");
	const char *directory = val_get_text(entry, "directory", ".");
	struct val provider = val_get(user, "auth-provider");

	if (val_is_null(entry))
		return err_set(err, ERR_INVALID, "is not defined in %s", config->source);
	if (kube_pem_at(user, "client-certificate", directory, &target->client_cert, err) < 0 ||
		kube_pem_at(user, "client-key", directory, &target->client_key, err) < 0)
		return -1;
	target->token = text_at(user, "token");
	target->token_file = path_at(user, "tokenFile", directory);
	target->username = text_at(user, "username");
	target->password = text_at(user, "password");
	target->directory = xstrdup(directory);
	read_impersonation(user, &target->impersonation);
	if (val_is_map(val_get(user, "exec")))
		target->exec = val_ref(val_get(user, "exec"));
	if (val_is_map(provider) && !target->token && !target->token_file)
		return read_auth_provider(provider, target, err);
	return 0;
}

static int resolve(const struct kube_config *config, const char *context,
	struct kube_target *target, struct err *err)
{
	struct val value = val_get(val_get(config->contexts, context), "value");
	_cleanup_free_ char *cluster = text_at(value, "cluster");
	_cleanup_free_ char *user = text_at(value, "user");

	target->context = xstrdup(context);
	target->namespace = text_at(value, "namespace");
	if (!target->namespace)
		target->namespace = xstrdup("default");
	if (!cluster)
		return err_set(err, ERR_INVALID, "context \"%s\": names no cluster", context);
	if (read_cluster(config, cluster, target, err) < 0)
		return err_wrap(err, "context \"%s\": cluster \"%s\"", context, cluster);
	if (user && read_user(config, user, target, err) < 0)
		return err_wrap(err, "context \"%s\": user \"%s\"", context, user);
	return 0;
}

/* "a, b, c" */
static char *names_of(struct val map)
{
	struct strbuf names = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);

	for (size_t i = 0; i < val_count(map); i++)
		strbuf_printf(&names, "%s%.*s", i ? ", " : "", STR_ARG(val_key_at(map, i)));
	return strbuf_detach(&names);
}

int kube_target_resolve(const struct kube_config *config, const char *context,
	struct kube_target *ret, struct err *err)
{
	_cleanup_free_ char *names = names_of(config->contexts);
	struct kube_target target = { 0 };

	if (!context)
		context = config->current;
	if (!context && val_count(config->contexts) == 1)
		context = val_key_at(config->contexts, 0).bytes;
	if (!context)
		return err_set(err, ERR_NOT_FOUND, "%s has no current-context; contexts: %s",
			config->source ? config->source : "the kubeconfig", names);
	if (!val_has(config->contexts, context))
		return err_set(err, ERR_NOT_FOUND, "no context \"%s\" in %s; known: %s", context,
			config->source ? config->source : "the kubeconfig", *names ? names : "none");
	if (resolve(config, context, &target, err) < 0) {
		kube_target_free(&target);
		return -1;
	}
	*ret = target;
	return 0;
}

/* The first line of the file NAME in DIRECTORY, owned; NULL when there is none. */
static char *volume_text(const char *directory, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(4096);
	_cleanup_err_ struct err ignored = ERR_INIT;
	struct str line;

	if (file_read(path, 4096, &text, &ignored) < 0)
		return NULL;
	line = str_trim(strbuf_str(&text));
	return line.length ? xstrndup(line.bytes, line.length) : NULL;
}

int kube_target_in_cluster(const char *directory, struct kube_target *ret, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	struct kube_target target = { 0 };

	if (!host || !*host)
		return err_set(
			err, ERR_NOT_FOUND, "this is no Pod: KUBERNETES_SERVICE_HOST is not set");
	target.server = xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
		port && *port ? port : "443");
	target.namespace = volume_text(directory, "namespace");
	if (!target.namespace)
		target.namespace = xstrdup("default");
	target.token_file = xasprintf("%s/token", directory);
	target.ca.path = xasprintf("%s/ca.crt", directory);
	target.directory = xstrdup(directory);
	*ret = target;
	return 0;
}

void kube_target_secrets(const struct kube_target *target, kube_secret_fn found, void *data)
{
	const char *password = target->proxy ? strstr(target->proxy, "://") : NULL;
	_cleanup_free_ char *userinfo = NULL;
	static const char *const keys[] = { "id-token", "refresh-token", "client-secret" };
	struct val env = val_get(target->exec, "env");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		found(data, val_get_text(target->oidc, keys[i], ""));
	if (target->token)
		found(data, target->token);
	if (target->password)
		found(data, target->password);
	if (password && strrchr(password, '@')) {
		userinfo = xstrndup(password + 3, (size_t)(strrchr(password, '@') - password - 3));
		found(data, userinfo);
	}
	for (size_t i = 0; i < val_count(env); i++)
		found(data, val_get_text(val_at(env, i), "value", ""));
}
