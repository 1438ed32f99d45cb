/* Kubeconfig files, settings accounts, and the credentials that come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "kubernetes/internal.h"
#include "lib/http_script.h"

#define SECRET "s3cr3t-token-abcdef"
#define PEM_BASE64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" /* -----BEGIN CERTIFICATE----- */

struct fixture {
	struct clock *clock;
	struct http_script *script;
	struct world world;
	struct spawner spawner;
	struct kubernetes *kubernetes;
	char directory[32];
	/* The fake plugin. */
	int runs;
	int status;
	const char *output, *errors;
	char *info; /* KUBERNETES_EXEC_INFO */
	char *command;
	bool saw_own_secret;
};

static int fake_run(struct spawner *spawner, const struct process_request *request,
	struct process_result *ret, struct err *err)
{
	struct fixture *f = (struct fixture *)((char *)spawner - offsetof(struct fixture, spawner));

	f->runs++;
	free(f->command);
	f->command = xstrdup(request->argv[0]);
	for (const char *const *env = request->env; *env; env++) {
		f->saw_own_secret |= strncmp(*env, "GENNAKER_", 9) == 0;
		if (strncmp(*env, "KUBERNETES_EXEC_INFO=", 21) == 0) {
			free(f->info);
			f->info = xstrdup(*env + 21);
		}
	}
	if (f->status == 127)
		return err_set(err, ERR_NOT_FOUND, "%s: No such file or directory", request->argv[0]);
	ret->status = f->status;
	ret->output = STRBUF_INIT(10000);
	ret->errors = STRBUF_INIT(10000);
	strbuf_add_text(&ret->output, f->output ? f->output : "");
	strbuf_add_text(&ret->errors, f->errors ? f->errors : "");
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->clock = clock_virtual(1700000000000);
	clock_hold(f->clock);
	f->script = http_script_new(f->clock, NULL);
	f->spawner.run = fake_run;
	f->world = (struct world){
		.clock = f->clock,
		.http = http_script_transport(f->script),
		.spawner = &f->spawner,
	};
	f->kubernetes = kubernetes_new(&f->world);
	snprintf(f->directory, sizeof(f->directory), "/tmp/kubeconfig-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	setenv("HOME", f->directory, 1);
	*state = f;
	return 0;
}

static void remove_file(const struct fixture *f, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", f->directory, name);

	unlink(path);
}

static int teardown(void **state)
{
	static const char *const names[] = { "config", "other", "token", "ca.crt", "namespace",
		"cert.pem", "key.pem" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove_file(f, names[i]);
	rmdir(f->directory);
	kubernetes_free(f->kubernetes);
	http_script_free(f->script);
	clock_release(f->clock);
	clock_free(f->clock);
	free(f->info);
	free(f->command);
	free(f);
	return 0;
}

/* Writes TEXT into the file NAME and returns its path, owned. */
static char *put(const struct fixture *f, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", f->directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void load(struct fixture *f, const char *text)
{
	_cleanup_free_ char *path = put(f, "config", text);
	_cleanup_err_ struct err err = ERR_INIT;

	if (kubernetes_load_kubeconfig(f->kubernetes, path, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static struct kube_account *account(struct fixture *f, const char *name)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct kube_account *found = kubernetes_account(f->kubernetes, name, &err);

	if (!found)
		fail_msg("%s", err_text(&err));
	return found;
}

/* The Authorization header that ACCOUNT would send now; owned. */
static char *authorization(struct kube_account *account)
{
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *credential = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	if (kube_account_credential(account, NULL, NULL, &credential, &err) < 0)
		fail_msg("%s", err_text(&err));
	return xstrdup(credential->authorization ? credential->authorization : "");
}

static void assert_authorization(struct kube_account *account, const char *expected)
{
	_cleanup_free_ char *got = authorization(account);

	assert_string_equal(got, expected);
}

static void pass(struct fixture *f, int64_t ms)
{
	_cleanup_(cancel_unref_cleanup) struct cancel *never = cancel_new();
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(cancel_sleep(never, f->clock, clock_now_ms(f->clock) + ms, &err), 0);
}

static const char two_contexts[] =
	"current-context: dev\n"
	"clusters:\n"
	"- {name: a, cluster: {server: 'https://a.example:6443/', tls-server-name: inner}}\n"
	"- {name: b, cluster: {server: 'https://b.example/k8s/', insecure-skip-tls-verify: true,\n"
	"                      proxy-url: 'http://u:pr0xy-password@proxy:3128'}}\n"
	"users:\n"
	"- {name: u, user: {token: " SECRET
	", as: jane, as-groups: [x, y], as-user-extra: {a/b: [c]}}}\n"
	"- {name: v, user: {username: joe, password: p4ssw0rd}}\n"
	"contexts:\n"
	"- {name: dev, context: {cluster: a, user: u}}\n"
	"- {name: prod, context: {cluster: b, user: v, namespace: shop}}\n"
	"- {name: broken, context: {cluster: nowhere, user: u}}\n";

static void test_contexts_become_accounts(void **state)
{
	struct fixture *f = *state;
	struct kube_account *dev, *prod;

	load(f, two_contexts);
	dev = account(f, "default");
	assert_string_equal(kube_account_server(dev), "https://a.example:6443");
	assert_string_equal(kube_account_namespace(dev), "default");
	assert_string_equal(dev->target.server_name, "inner");
	assert_authorization(dev, "Bearer " SECRET);
	prod = account(f, "prod");
	assert_string_equal(kube_account_server(prod), "https://b.example/k8s");
	assert_string_equal(kube_account_namespace(prod), "shop");
	assert_true(prod->target.insecure);
	assert_authorization(prod, "Basic am9lOnA0c3N3MHJk");
	assert_ptr_not_equal(account(f, "dev"), dev);
}

static void test_impersonation_becomes_headers(void **state)
{
	struct fixture *f = *state;
	struct val headers;

	load(f, two_contexts);
	headers = account(f, "dev")->target.impersonation;
	assert_string_equal(val_get_text(headers, "Impersonate-User", ""), "jane");
	assert_int_equal(val_count(val_get(headers, "Impersonate-Group")), 2);
	assert_int_equal(val_count(val_get(headers, "Impersonate-Extra-a%2Fb")), 1);
}

static void test_a_broken_context_says_why_when_it_is_used(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;

	load(f, two_contexts);
	assert_null(kubernetes_account(f->kubernetes, "broken", &err));
	assert_non_null(strstr(err_text(&err), "cluster \"nowhere\": is not defined in "));
}

static void test_an_unknown_account_names_those_there_are(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;

	load(f, two_contexts);
	assert_null(kubernetes_account(f->kubernetes, "nudge", &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_text(&err),
		"no Kubernetes account \"nudge\"; known: default, dev, prod, broken "
		"(bind one with --account nudge=CONTEXT)");
	err_clear(&err);
	assert_int_equal(kubernetes_bind_account(f->kubernetes, "nudge", "prod", &err), 0);
	assert_string_equal(kube_account_server(account(f, "nudge")), "https://b.example/k8s");
	assert_int_equal(kubernetes_bind_account(f->kubernetes, "nudge", "nope", &err), -1);
	assert_non_null(strstr(err_text(&err), "no context \"nope\""));
	assert_non_null(strstr(err_text(&err), "known: dev, prod, broken"));
}

static void test_accounts_are_described_without_secrets(void **state)
{
	struct fixture *f = *state;

	load(f, two_contexts);
	_cleanup_(val_free) struct val list = kubernetes_describe(f->kubernetes);
	_cleanup_free_ char *text = yaml_text(list);

	assert_int_equal(val_count(list), 4);
	assert_string_equal(val_get_text(val_at(list, 2), "namespace", ""), "shop");
	assert_null(strstr(text, SECRET));
	assert_null(strstr(text, "p4ssw0rd"));
	assert_null(strstr(text, "pr0xy"));
}

static void test_of_several_files_the_first_definition_wins(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *first = put(f, "config",
		"clusters: [{name: a, cluster: {server: 'https://first'}}]\n"
		"contexts: [{name: x, context: {cluster: a}}]\n");
	_cleanup_free_ char *second = put(f, "other",
		"current-context: z\n"
		"clusters: [{name: a, cluster: {server: 'https://second'}}]\n"
		"contexts: [{name: x, context: {cluster: zzz}}, {name: z, context: {cluster: a}}]\n");
	_cleanup_free_ char *list = xasprintf("%s:/nowhere/config:%s", first, second);
	_cleanup_err_ struct err err = ERR_INIT;

	setenv("KUBECONFIG", list, 1);
	if (kubernetes_load_kubeconfig(f->kubernetes, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_string_equal(kube_account_server(account(f, "default")), "https://first");
	assert_string_equal(kube_account_server(account(f, "x")), "https://first");
	assert_string_equal(account(f, "default")->target.context, "z");
}

static void test_no_kubeconfig_is_no_error_but_a_named_one_must_be_there(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(kubernetes_load_kubeconfig(f->kubernetes, NULL, &err), 0);
	_cleanup_(val_free) struct val list = kubernetes_describe(f->kubernetes);

	assert_int_equal(val_count(list), 0);
	assert_int_equal(kubernetes_load_kubeconfig(f->kubernetes, "/nowhere/config", &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_relative_files_belong_to_the_kubeconfig(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *ca = put(f, "ca.crt", "CA\n");
	_cleanup_free_ char *token = put(f, "token", "one-token\n");
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *first = NULL;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *second = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	load(f,
		"current-context: c\n"
		"clusters: [{name: a, cluster: {server: 'https://a', certificate-authority: ca.crt}}]\n"
		"users: [{name: u, user: {token: old, tokenFile: token}}]\n"
		"contexts: [{name: c, context: {cluster: a, user: u}}]\n");
	assert_int_equal(kube_account_credential(account(f, "default"), NULL, NULL, &first, &err), 0);
	assert_string_equal(first->tls.ca_pem, "CA\n");
	assert_string_equal(first->authorization, "Bearer one-token");
	/* Read again after a minute, not before. */
	_cleanup_free_ char *again = put(f, "token", "two-token");

	assert_authorization(account(f, "default"), "Bearer one-token");
	pass(f, LIMIT_KUBERNETES_REREAD_MS);
	assert_int_equal(
		kube_account_credential(account(f, "default"), NULL, NULL, &second, &err), 0);
	assert_string_equal(second->authorization, "Bearer two-token");
	assert_string_not_equal(first->identity, second->identity);
	/* A moment without the file leaves what was. */
	remove_file(f, "token");
	pass(f, LIMIT_KUBERNETES_REREAD_MS);
	assert_authorization(account(f, "default"), "Bearer two-token");
}

static void test_certificates_come_as_data_before_files(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *key = put(f, "key.pem", "KEY");
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *credential = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	load(f,
		"current-context: c\n"
		"clusters: [{name: a, cluster: {server: 'https://a', certificate-authority-data: " PEM_BASE64
		"}}]\n"
		"users: [{name: u, user: {client-certificate-data: " PEM_BASE64
		", client-certificate: /nowhere, client-key: key.pem}}]\n"
		"contexts: [{name: c, context: {cluster: a, user: u}}]\n");
	if (kube_account_credential(account(f, "default"), NULL, NULL, &credential, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_string_equal(credential->tls.ca_pem, "-----BEGIN CERTIFICATE-----");
	assert_string_equal(credential->tls.client_cert_pem, "-----BEGIN CERTIFICATE-----");
	assert_string_equal(credential->tls.client_key_pem, "KEY");
	assert_null(credential->authorization);
}

/* What is wrong in a kubeconfig, and what is said about it. */
static const struct mistake {
	const char *text;
	const char *said;
} mistakes[] = {
	{ "clusters: 7", "clusters: expected a list, got int" },
	{ "clusters: [{cluster: {}}]", "clusters[0]: has no name" },
	{ "- a", "is no kubeconfig" },
	{ "a: [", "config" },
};

static void test_mistakes_in_a_kubeconfig_have_a_place(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		_cleanup_free_ char *path = put(f, "config", mistakes[i].text);
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(kubernetes_load_kubeconfig(f->kubernetes, path, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		if (!strstr(err_text(&err), mistakes[i].said) || !strstr(err_text(&err), path))
			fail_msg("%s: %s", mistakes[i].text, err_text(&err));
	}
}

static const struct mistake target_mistakes[] = {
	{ "clusters: [{name: a, cluster: {}}]", "cluster \"a\": has no server" },
	{ "clusters: [{name: a, cluster: {server: 'ftp://x'}}]", "is no http or https URL" },
	{ "clusters: [{name: a, cluster: {server: 'https://u:" SECRET "@x'}}]",
		"must not hold a user name or password" },
	{ "clusters: [{name: a, cluster: {server: 'https://x', insecure-skip-tls-verify: true, "
	  "certificate-authority: ca.pem}}]",
		"has both insecure-skip-tls-verify and a certificate authority" },
	{ "clusters: [{name: a, cluster: {server: 'https://x', certificate-authority-data: '!!!'}}]",
		"certificate-authority-data: is no base64" },
	{ "clusters: [{name: a, cluster: {server: 'https://x'}}]\n"
	  "users: [{name: u, user: {auth-provider: {name: gcp}}}]",
		"auth-provider \"gcp\" is not supported" },
	{ "clusters: [{name: a, cluster: {server: 'https://x'}}]\n"
	  "users: [{name: u, user: {auth-provider: {name: oidc, config: {client-id: x}}}}]",
		"auth-provider \"oidc\": has neither id-token nor refresh-token" },
	{ "clusters: [{name: a, cluster: {server: 'https://x'}}]\n"
	  "users: [{name: u, user: {auth-provider: {name: oidc, config: {refresh-token: " SECRET
	  "}}}}]",
		"auth-provider \"oidc\": client-id is required" },
	{ "clusters: [{name: a, cluster: {server: 'https://x'}}]\n"
	  "users: [{name: u, user: {auth-provider: {name: oidc, config: {refresh-token: " SECRET
	  ", client-id: x, idp-issuer-url: 'http://id'}}}}]",
		"auth-provider \"oidc\": idp-issuer-url: expected an https URL" },
};

static void test_mistakes_in_a_context_have_a_place(void **state)
{
	for (size_t i = 0; i < sizeof(target_mistakes) / sizeof(target_mistakes[0]); i++) {
		const struct mistake *mistake = &target_mistakes[i];
		_cleanup_free_ char *text = xasprintf(
			"%s\ncontexts: [{name: c, context: {cluster: a, user: %s}}]\n",
			mistake->text, strstr(mistake->text, "users") ? "u" : "''");
		struct kube_config config = { 0 };
		struct kube_target target = { 0 };
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(kube_config_add(&config, str_of(text), "f", ".", &err), 0);
		if (kube_target_resolve(&config, "c", &target, &err) == 0)
			fail_msg("%s: nothing is wrong", mistake->text);
		if (!strstr(err_text(&err), mistake->said) || strstr(err_text(&err), SECRET))
			fail_msg("%s: %s", mistake->text, err_text(&err));
		kube_config_free(&config);
	}
}

#define EXEC_CONFIG(more)                                                                     \
	"current-context: c\n"                                                                \
	"clusters: [{name: a, cluster: {server: 'https://a'}}]\n"                             \
	"users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "       \
	"command: ./login, args: [get, 7], env: [{name: PASS, value: pl4nted-password}]" more \
	"}}}]\n"                                                                              \
	"contexts: [{name: c, context: {cluster: a, user: u}}]\n"
#define CREDENTIAL(status)                                                                 \
	"{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\"," \
	"\"status\":{" status "}}"

static void test_a_plugin_runs_again_only_when_its_answer_has_expired(void **state)
{
	struct fixture *f = *state;

	setenv("GENNAKER_SECRET", "x", 1);
	load(f, EXEC_CONFIG(", provideClusterInfo: true"));
	f->output = CREDENTIAL("\"token\":\"t1\",\"expirationTimestamp\":\"2023-11-14T22:15:20Z\"");
	assert_authorization(account(f, "default"), "Bearer t1");
	assert_authorization(account(f, "default"), "Bearer t1");
	assert_int_equal(f->runs, 1);
	assert_non_null(strstr(f->info, "\"interactive\":false"));
	assert_non_null(strstr(f->info, "\"server\":\"https://a\""));
	assert_true(str_ends(str_of(f->command), "/./login"));
	assert_false(f->saw_own_secret);
	f->output = CREDENTIAL("\"token\":\"t2\"");
	pass(f, 120000);
	assert_authorization(account(f, "default"), "Bearer t2");
	pass(f, 86400000);
	assert_authorization(account(f, "default"), "Bearer t2");
	assert_int_equal(f->runs, 2);
	unsetenv("GENNAKER_SECRET");
}

static void test_a_plugin_runs_again_after_a_refusal(void **state)
{
	struct fixture *f = *state;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *first = NULL;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *second = NULL;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *third = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	load(f, EXEC_CONFIG(""));
	f->output = CREDENTIAL("\"token\":\"t1\"");
	assert_int_equal(kube_account_credential(account(f, "c"), NULL, NULL, &first, &err), 0);
	f->output = CREDENTIAL("\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\"");
	assert_int_equal(kube_account_credential(account(f, "c"), first, NULL, &second, &err), 0);
	assert_null(second->authorization);
	assert_string_equal(second->tls.client_cert_pem, "C");
	/* Nothing new: the same again, so that the caller gives up. */
	assert_int_equal(kube_account_credential(account(f, "c"), second, NULL, &third, &err), 0);
	assert_ptr_equal(third, second);
	assert_int_equal(f->runs, 3);
}

static const struct plugin_mistake {
	int status;
	const char *output, *errors, *said;
} plugin_mistakes[] = {
	{ 1, SECRET, "denied for pl4nted-password\n", "exit status 1: denied for ****" },
	{ 127, "", "", "No such file" },
	{ 0, SECRET, "", "its output is no JSON" },
	{ 0, "{\"kind\":\"" SECRET "\"}", "", "did not write an ExecCredential" },
	{ 0, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
		"", "answered in apiVersion" },
	{ 0, CREDENTIAL(""), "", "neither a token nor a client certificate" },
	{ 0, CREDENTIAL("\"clientCertificateData\":\"" SECRET "\""), "", "without its key" },
	{ 0, CREDENTIAL("\"token\":\"" SECRET "\",\"expirationTimestamp\":\"soon\""), "",
		"expirationTimestamp that is no time" },
};

static void test_a_failing_plugin_is_told_without_secrets(void **state)
{
	struct fixture *f = *state;

	load(f, EXEC_CONFIG(", installHint: get it"));
	for (size_t i = 0; i < sizeof(plugin_mistakes) / sizeof(plugin_mistakes[0]); i++) {
		const struct plugin_mistake *mistake = &plugin_mistakes[i];
		struct kube_credential *credential = NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		f->status = mistake->status;
		f->output = mistake->output;
		f->errors = mistake->errors;
		assert_int_equal(
			kube_account_credential(account(f, "c"), NULL, NULL, &credential, &err), -1);
		if (!strstr(err_text(&err), mistake->said) || strstr(err_text(&err), SECRET) ||
			strstr(err_text(&err), "pl4nted"))
			fail_msg("%zu: %s", i, err_text(&err));
		assert_false(mistake->status == 127 && !strstr(err_text(&err), "(get it)"));
	}
}

static void test_times(void **state)
{
	int64_t ms;

	assert_true(kube_parse_time("2023-11-14T22:13:20Z", &ms) && ms == 1700000000000);
	assert_true(kube_parse_time("2023-11-15T06:13:20.5+08:00", &ms) && ms == 1700000000500);
	assert_true(kube_parse_time("2023-11-14T21:13:20-01:00", &ms) && ms == 1700000000000);
	assert_false(kube_parse_time("2023-11-14", &ms));
	assert_false(kube_parse_time("2023-11-14T22:13:20", &ms));
	assert_false(kube_parse_time("2023-11-14T22:13:20Zx", &ms));
}

static void test_the_service_account_of_a_pod(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *namespace = put(f, "namespace", "tools\n");
	_cleanup_err_ struct err err = ERR_INIT;
	struct kube_target target = { 0 };

	assert_int_equal(kube_target_in_cluster(f->directory, &target, &err), -1);
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
	assert_int_equal(kube_target_in_cluster(f->directory, &target, &err), 0);
	assert_string_equal(target.server, "https://[fd00::1]:6443");
	assert_string_equal(target.namespace, "tools");
	assert_true(str_ends(str_of(target.token_file), "/token"));
	assert_true(str_ends(str_of(target.ca.path), "/ca.crt"));
	kube_target_free(&target);
	unsetenv("KUBERNETES_SERVICE_HOST");
}

static int load_settings(struct fixture *f, const char *text, struct err *err)
{
	_cleanup_(val_free) struct val settings = VAL_NULL;

	assert_int_equal(yaml_parse(str_of(text), &settings, err), 0);
	return kubernetes_load_settings(f->kubernetes, settings, err);
}

static void test_accounts_of_the_settings(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = put(f, "config", two_contexts);
	_cleanup_free_ char *text = xasprintf(
		"accounts:\n"
		"- {name: a, kubeconfigFile: %s, context: prod, namespaces: [shop],\n"
		"   cacheThreads: 4, dockerRegistries: []}\n"
		"- name: b\n"
		"  omitNamespaces: [kube-system]\n"
		"  kubeconfigContents: |\n"
		"    clusters: [{name: a, cluster: {server: 'https://x'}}]\n"
		"    contexts: [{name: c, context: {cluster: a}}]\n",
		path);
	_cleanup_err_ struct err err = ERR_INIT;

	if (load_settings(f, text, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_string_equal(kube_account_server(account(f, "a")), "https://b.example/k8s");
	assert_string_equal(kube_account_server(account(f, "b")), "https://x");
	assert_int_equal(kube_account_check_namespace(account(f, "a"), "deploy", "shop", &err), 0);
	assert_int_equal(kube_account_check_namespace(account(f, "a"), "deploy", "", &err), 0);
	assert_int_equal(kube_account_check_namespace(account(f, "a"), "deploy", "x", &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(err_text(&err), "deploy.x.wrongNamespace"));
	assert_int_equal(kube_account_check_namespace(account(f, "b"), "deploy", "x", &err), 0);
	assert_int_equal(kube_account_check_namespace(account(f, "b"), "d", "kube-system", &err), -1);
	assert_non_null(strstr(err_text(&err), "d.kube-system.omittedNamespace"));
}

static const struct mistake settings_mistakes[] = {
	{ "accounts: 7", "kubernetes.accounts: expected a list, got int" },
	{ "accounts: [7]", "kubernetes.accounts[0]: expected a map, got int" },
	{ "accounts: [{context: c}]", "kubernetes.accounts[0]: name" },
	{ "accounts: [{name: a, namespaces: [x], omitNamespaces: [y]}]",
		"kubernetes.accounts[0]: has both namespaces and omitNamespaces" },
	{ "accounts: [{name: a, kinds: [x], omitKinds: [y]}]", "has both kinds and omitKinds" },
	{ "accounts: [{name: a, rawResourcesEndpointConfig: {kindExpressions: [x], "
	  "omitKindExpressions: [y]}}]",
		"has both kindExpressions and omitKindExpressions" },
	{ "accounts: [{name: a, kubeconfigFile: /nowhere}]",
		"kubernetes.accounts[0]: kubeconfigFile: cannot read /nowhere" },
	{ "accounts: [{name: a, context: zzz}]", "no context \"zzz\"" },
	{ "accounts: [{name: a, serviceAccount: true}]", "serviceAccount: this is no Pod" },
	{ "accounts: [{name: a, oAuthServiceAccount: x}]", "use an exec credential plugin" },
};

static void test_mistakes_in_the_settings_have_a_place(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(settings_mistakes) / sizeof(settings_mistakes[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(load_settings(f, settings_mistakes[i].text, &err), -1);
		if (!strstr(err_text(&err), settings_mistakes[i].said))
			fail_msg("%s: %s", settings_mistakes[i].text, err_text(&err));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_contexts_become_accounts),
		TEST(test_impersonation_becomes_headers),
		TEST(test_a_broken_context_says_why_when_it_is_used),
		TEST(test_an_unknown_account_names_those_there_are),
		TEST(test_accounts_are_described_without_secrets),
		TEST(test_of_several_files_the_first_definition_wins),
		TEST(test_no_kubeconfig_is_no_error_but_a_named_one_must_be_there),
		TEST(test_relative_files_belong_to_the_kubeconfig),
		TEST(test_certificates_come_as_data_before_files),
		TEST(test_mistakes_in_a_kubeconfig_have_a_place),
		TEST(test_mistakes_in_a_context_have_a_place),
		TEST(test_a_plugin_runs_again_only_when_its_answer_has_expired),
		TEST(test_a_plugin_runs_again_after_a_refusal),
		TEST(test_a_failing_plugin_is_told_without_secrets),
		TEST(test_times),
		TEST(test_the_service_account_of_a_pod),
		TEST(test_accounts_of_the_settings),
		TEST(test_mistakes_in_the_settings_have_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
