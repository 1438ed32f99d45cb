/*
 * Credentials from a command (client.authentication.k8s.io/v1 and v1beta1):
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/internal.h"

#define GROUP "client.authentication.k8s.io/"
#define SHOWN_BYTES 400

void kube_exec_result_free(struct kube_exec_result *result)
{
	free(result->token);
	free(result->client_cert);
	free(result->client_key);
	*result = (struct kube_exec_result){ 0 };
}

/* ".123", "Z" or "+08:00" after the seconds. */
static bool parse_time_rest(const char *rest, int64_t *ms)
{
	int hours, minutes, used = 0;

	if (*rest == '.') {
		char *end;

		*ms += (int64_t)(strtod(rest, &end) * 1000);
		rest = end;
	}
	if ((*rest == 'Z' || *rest == 'z') && !rest[1])
		return true;
	if ((*rest != '+' && *rest != '-') ||
		sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || rest[1 + used])
		return false;
	*ms -= (*rest == '-' ? -1 : 1) * (hours * 60 + minutes) * 60000LL;
	return true;
}

bool kube_parse_time(const char *text, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms;

	if (!rest)
		return false;
	ms = (int64_t)timegm(&tm) * 1000;
	if (!parse_time_rest(rest, &ms))
		return false;
	*ret_ms = ms;
	return true;
}

/* The value of KUBERNETES_EXEC_INFO; owned. */
static char *exec_info(const struct kube_target *target, const char *version)
{
	_cleanup_(val_free) struct val info = val_map();
	struct val spec = val_map();

	val_set(&spec, "interactive", val_bool(false));
	if (val_get_bool(target->exec, "provideClusterInfo", false))
		val_set(&spec, "cluster", val_ref(target->exec_cluster));
	val_set(&info, "apiVersion", val_string(version));
	val_set(&info, "kind", val_string("ExecCredential"));
	val_set(&info, "spec", spec);
	return json_text(info, JSON_COMPACT);
}

typedef VEC(char *) texts;

static void texts_free(texts *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	vec_free(list);
}

/* command and args; a relative command with a slash is relative to the kubeconfig. */
static void exec_argv(const struct kube_target *target, texts *argv)
{
	const char *command = val_get_text(target->exec, "command", "");
	struct val args = val_get(target->exec, "args");
	bool relative = *command != '/' && strchr(command, '/');

	vec_push(argv, relative ? xasprintf("%s/%s", target->directory, command) : xstrdup(command));
	for (size_t i = 0; i < val_count(args); i++) {
		struct val arg = val_at(args, i);

		vec_push(argv,
			val_is_string(arg) ? xstrdup(val_text(&arg)) : json_text(arg, JSON_COMPACT));
	}
	vec_push(argv, NULL);
}

static bool is_set_in(struct val env, const char *assignment)
{
	for (size_t i = 0; i < val_count(env); i++) {
		const char *name = val_get_text(val_at(env, i), "name", "");
		size_t length = strlen(name);

		if (strncmp(assignment, name, length) == 0 && assignment[length] == '=')
			return true;
	}
	return false;
}

/* Ours without GENNAKER_*, then what the kubeconfig sets, then the question itself. */
static void exec_env(const struct kube_target *target, const char *version, texts *env)
{
	struct val set = val_get(target->exec, "env");
	_cleanup_free_ char *info = exec_info(target, version);

	for (char **each = environ; *each; each++) {
		if (strncmp(*each, "GENNAKER_", 9) != 0 &&
			strncmp(*each, "KUBERNETES_EXEC_INFO=", 21) != 0 && !is_set_in(set, *each))
			vec_push(env, xstrdup(*each));
	}
	for (size_t i = 0; i < val_count(set); i++)
		vec_push(env,
			xasprintf("%s=%s", val_get_text(val_at(set, i), "name", ""),
				val_get_text(val_at(set, i), "value", "")));
	vec_push(env, xasprintf("KUBERNETES_EXEC_INFO=%s", info));
	vec_push(env, NULL);
}

/* PEM texts and the token out of `status`. The error says what is wrong, never what was there. */
static int read_status(struct val status, struct kube_exec_result *ret, struct err *err)
{
	const char *token = val_get_text(status, "token", "");
	const char *cert = val_get_text(status, "clientCertificateData", "");
	const char *key = val_get_text(status, "clientKeyData", "");
	const char *until = val_get_text(status, "expirationTimestamp", "");
	int64_t until_ms = CLOCK_FOREVER;

	if (!*token && !*cert)
		return err_set(err, ERR_FAILED, "gave neither a token nor a client certificate");
	if (!*cert != !*key)
		return err_set(err, ERR_FAILED,
			"gave a client certificate without its key, or the reverse");
	if (*until && !kube_parse_time(until, &until_ms))
		return err_set(err, ERR_FAILED, "gave an expirationTimestamp that is no time");
	*ret = (struct kube_exec_result){
		.token = *token ? xstrdup(token) : NULL,
		.client_cert = *cert ? xstrdup(cert) : NULL,
		.client_key = *key ? xstrdup(key) : NULL,
		.until_ms = until_ms,
	};
	return 0;
}

static int read_output(
	struct str output, const char *version, struct kube_exec_result *ret, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_err_ struct err broken = ERR_INIT;
	const char *got;

	if (json_parse(output, NULL, NULL, &document, &broken) < 0)
		return err_set(
			err, ERR_FAILED, "did not write an ExecCredential: its output is no JSON");
	got = val_get_text(document, "apiVersion", "");
	if (strcmp(val_get_text(document, "kind", ""), "ExecCredential") != 0)
		return err_set(err, ERR_FAILED, "did not write an ExecCredential");
	if (strcmp(got, version) != 0)
		return err_set(err, ERR_FAILED,
			"answered in apiVersion \"%.60s\", the kubeconfig says \"%s\"", got, version);
	return read_status(val_get(document, "status"), ret, err);
}

/* The end of what a plugin that failed has written, in one line, without the secrets that we know; owned. */
static char *last_words(const struct kube_target *target, const struct strbuf *errors)
{
	struct kube_account nobody = { .target = *target, .user_lock = PTHREAD_MUTEX_INITIALIZER };
	struct str text = str_trim(strbuf_str(errors));
	char *shown;

	if (text.length > SHOWN_BYTES)
		text = str_slice(text, text.length - SHOWN_BYTES, text.length);
	while (text.length && ((unsigned char)text.bytes[0] & 0xc0) == 0x80)
		text = str_slice(text, 1, text.length);
	_cleanup_free_ char *copy = xstrndup(text.bytes, text.length);
	shown = kube_without_secrets(&nobody, NULL, copy);
	for (char *c = shown; *c; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	return shown;
}

static int exec_run(const struct world *world, const struct kube_target *target,
	const char *version, struct cancel *cancel, struct kube_exec_result *ret, struct err *err)
{
	texts argv = { 0 }, env = { 0 };
	struct process_result result = { 0 };
	int done;

	exec_argv(target, &argv);
	exec_env(target, version, &env);
	done = world->spawner->run(world->spawner,
		&(struct process_request){
			.argv = (const char *const *)argv.items,
			.env = (const char *const *)env.items,
			.timeout_ms = LIMIT_KUBERNETES_EXEC_MS,
			.cancel = cancel,
		},
		&result, err);
	texts_free(&argv);
	texts_free(&env);
	if (done < 0)
		return -1;
	if (result.status == 0) {
		done = read_output(strbuf_str(&result.output), version, ret, err);
	} else {
		_cleanup_free_ char *words = last_words(target, &result.errors);

		done = err_set(err, ERR_FAILED, "exit status %d: %s", result.status, words);
	}
	process_result_free(&result);
	return done;
}

int kube_exec_run(const struct world *world, const struct kube_target *target,
	struct cancel *cancel, struct kube_exec_result *ret, struct err *err)
{
	const char *command = val_get_text(target->exec, "command", "");
	const char *version = val_get_text(target->exec, "apiVersion", "");
	const char *hint = val_get_text(target->exec, "installHint", "");
	_cleanup_free_ char *suffix = *hint ? xasprintf(" (%.300s)", hint) : xstrdup("");

	if (!*command)
		return err_set(err, ERR_INVALID, "credential plugin: exec has no command");
	if (strcmp(version, GROUP "v1") != 0 && strcmp(version, GROUP "v1beta1") != 0)
		return err_set(err, ERR_UNSUPPORTED,
			"credential plugin %s: exec.apiVersion must be " GROUP "v1 or " GROUP
			"v1beta1, not \"%s\"",
			command, version);
	if (strcmp(val_get_text(target->exec, "interactiveMode", ""), "Always") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			"credential plugin %s: wants a person at a terminal (interactiveMode: Always)",
			command);
	if (exec_run(world, target, version, cancel, ret, err) < 0) {
		if (err->kind == ERR_NOT_FOUND)
			return err_wrap(err, "credential plugin %s%s", command, suffix);
		return err_wrap(err, "credential plugin %s", command);
	}
	return 0;
}
