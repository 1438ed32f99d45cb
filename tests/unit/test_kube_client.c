/* Calls to an API server: discovery, verbs, what answers mean, when a call is made again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "kubernetes/internal.h"
#include "lib/http_script.h"

#define TOKEN "pl4nted-token-0123456789"
#define START_MS 1700000000000

struct fixture {
	struct clock *clock;
	struct http_script *script;
	struct world world;
	struct kubernetes *kubernetes;
	struct kube_account *account;
	struct err err;
	struct val got;
};

static const struct kube_resource deployments = { "apps", "v1", "Deployment", "deployments",
	.namespaced = true, .can_list = true };
static const struct kube_resource roles = { "rbac.authorization.k8s.io", "v1", "ClusterRole",
	"clusterroles", .can_list = true };
static const struct kube_resource configmaps = { "", "v1", "ConfigMap", "configmaps",
	.namespaced = true, .can_list = true };

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	_cleanup_(val_free) struct val settings = VAL_NULL;

	f->clock = clock_virtual(START_MS);
	clock_hold(f->clock);
	f->script = http_script_new(f->clock, NULL);
	f->world = (struct world){ .clock = f->clock, .http = http_script_transport(f->script) };
	f->kubernetes = kubernetes_new(&f->world);
	f->err = ERR_INIT;
	assert_int_equal(yaml_parse(STR("accounts:\n- name: test\n  kubeconfigContents: |\n"
					"    clusters: [{name: a, cluster: {server: 'https://k8s'}}]\n"
					"    users: [{name: u, user: {token: " TOKEN "}}]\n"
					"    contexts: [{name: c, context: {cluster: a, user: u, "
					"namespace: shop}}]\n"),
				 &settings, &f->err),
		0);
	assert_int_equal(kubernetes_load_settings(f->kubernetes, settings, &f->err), 0);
	f->account = kubernetes_account(f->kubernetes, "test", &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_script_assert_done(f->script);
	kubernetes_free(f->kubernetes);
	http_script_free(f->script);
	val_free(&f->got);
	err_clear(&f->err);
	clock_release(f->clock);
	clock_free(f->clock);
	free(f);
	return 0;
}

static struct val json(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (yaml_parse(str_of(text), &value, &err) < 0)
		fail_msg("%s", err_text(&err));
	return value;
}

static int get(struct fixture *f, const char *name)
{
	return kube_get(f->account, &deployments, "", name, NULL, &f->got, &f->err);
}

static int apply(struct fixture *f, bool force, struct val *ret_warnings)
{
	_cleanup_(val_free) struct val manifest = json(
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}");

	return kube_apply(f->account, &deployments, NULL, manifest, force ? KUBE_APPLY_FORCE : 0,
		NULL, &f->got, ret_warnings, &f->err);
}

#define WEB "/apis/apps/v1/namespaces/shop/deployments/web"
#define NOT_FOUND                                                                                 \
	"{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"deployments.apps \\\"web\\\" " \
	"not found\",\"reason\":\"NotFound\",\"details\":{\"name\":\"web\",\"group\":\"apps\","   \
	"\"kind\":\"deployments\"},\"code\":404}"

static void test_paths_are_escaped_and_scoped(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *a = kube_path(f->account, &roles, "x", "system:node/a b", NULL);
	_cleanup_free_ char *b = kube_path(f->account, &configmaps, "", "c", NULL);
	_cleanup_free_ char *c = kube_path(f->account, &deployments, "prod", "web", "scale");

	assert_string_equal(
		a, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%2Fa%20b");
	assert_string_equal(b, "/api/v1/namespaces/shop/configmaps/c");
	assert_string_equal(c, "/apis/apps/v1/namespaces/prod/deployments/web/scale");
}

static void test_get_sends_the_token_and_says_what_is_missing(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "https://k8s" WEB,
			.header = "Authorization: Bearer " TOKEN,
			.answer = "{\"kind\":\"Deployment\",\"spec\":{\"replicas\":3}}" },
		{ .url = WEB, .status = 404, .answer = NOT_FOUND },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(get(f, "web"), 0);
	assert_int_equal(val_get_int(val_get(f->got, "spec"), "replicas", 0), 3);
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_text(&f->err),
		"get Deployment web in namespace shop: deployments.apps \"web\" not found");
	assert_int_equal(kube_error_status(&f->err), 404);
	assert_string_equal(kube_error_reason(&f->err), "NotFound");
	assert_string_equal(val_get_text(f->err.details, "url", ""), "https://k8s" WEB);
}

/* Answers, and what becomes of them. All to a read, so that what may be repeated is. */
static const struct answer {
	int status;
	const char *body;
	enum err_kind kind;
	size_t sent;
	const char *text;
} answers[] = {
	{ 400, "{\"message\":\"bad\",\"reason\":\"BadRequest\"}", ERR_INVALID, 1, "bad" },
	{ 403, "{\"message\":\"deployments.apps is forbidden: User \\\"nobody\\\" cannot get\"}",
		ERR_DENIED, 1, "User \"nobody\" cannot get" },
	{ 409, "{\"message\":\"the object has been modified\",\"reason\":\"Conflict\"}",
		ERR_CONFLICT, 1, "modified" },
	{ 413, "", ERR_TOO_LARGE, 1, "the server answered 413" },
	{ 415, "{\"message\":\"unknown format\"}", ERR_UNSUPPORTED, 1, "unknown format" },
	{ 422,
		"{\"message\":\"Deployment.apps \\\"d\\\" is invalid: spec.selector: Invalid\","
		"\"details\":{\"causes\":[{\"message\":\"Invalid\",\"field\":\"spec.selector\"},"
		"{\"message\":\"Required value\",\"field\":\"spec.x\"}]}}",
		ERR_INVALID, 1, "spec.selector: Invalid; spec.x: Required value" },
	{ 500, "{\"message\":\"failed to create typed patch object (/d): .spec.x: no\",\"code\":500}",
		ERR_INVALID, 1, "failed to create typed patch object" },
	{ 500,
		"{\"message\":\"failed to convert new object (/a; /v1, Kind=Secret) to proper version: "
		"illegal base64 data\",\"code\":500}",
		ERR_INVALID, 1, "illegal base64 data" },
	{ 500, "{\"message\":\"etcdserver: request timed out\",\"code\":500}", ERR_UNAVAILABLE, 6,
		"etcdserver" },
	{ 502, "<html>Authorization: " TOKEN "</html>", ERR_UNAVAILABLE, 6,
		"the server answered 502" },
	{ 503, "upstream got Bearer " TOKEN, ERR_UNAVAILABLE, 6, "upstream got Bearer ****" },
	{ 504, "{\"message\":\"Timeout\",\"reason\":\"Timeout\"}", ERR_TIMEOUT, 6, "Timeout" },
};

static void test_what_answers_mean(void **state)
{
	static struct http_step steps[sizeof(answers) / sizeof(answers[0])][2];
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct answer *answer = &answers[i];
		size_t before = http_script_count(f->script);

		steps[i][0] = (struct http_step){ .url = WEB,
			.status = answer->status,
			.answer = answer->body,
			.times = (int)answer->sent };
		http_script_add(f->script, steps[i]);
		assert_int_equal(get(f, "web"), -1);
		if (f->err.kind != answer->kind || !strstr(err_text(&f->err), answer->text) ||
			http_script_count(f->script) - before != answer->sent)
			fail_msg("%d %s: %s, kind %s, sent %zu times", answer->status, answer->body,
				err_text(&f->err), err_kind_name(f->err.kind),
				http_script_count(f->script) - before);
		assert_null(strstr(err_text(&f->err), TOKEN));
		_cleanup_free_ char *details = json_text(f->err.details, JSON_COMPACT);

		assert_null(strstr(details, TOKEN));
	}
}

static void test_retry_after_is_obeyed(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .status = 429, .headers = "{\"Retry-After\": \"3\"}" },
		{ .url = WEB,
			.status = 504,
			.answer = "{\"message\":\"m\",\"details\":{\"retryAfterSeconds\":2}}" },
		{ .url = WEB, .answer = "{}" },
		{ .url = WEB, .status = 429, .headers = "{\"Retry-After\": \"60\"}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(get(f, "web"), 0);
	assert_int_equal(http_script_sent(f->script, 1)->at_ms, START_MS + 3000);
	assert_int_equal(http_script_sent(f->script, 2)->at_ms, START_MS + 5000);
	/* That long is the engine's business. */
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
	assert_int_equal(f->err.retry_after_ms, 60000);
}

static void test_pauses_grow(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .error = ERR_UNAVAILABLE, .reason = "reset", .times = 3 },
		{ .url = WEB, .answer = "{}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(get(f, "web"), 0);
	assert_int_equal(http_script_sent(f->script, 1)->at_ms, START_MS + 200);
	assert_int_equal(http_script_sent(f->script, 2)->at_ms, START_MS + 600);
	assert_int_equal(http_script_sent(f->script, 3)->at_ms, START_MS + 1400);
}

static void test_an_unreachable_server_is_named(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .error = ERR_UNAVAILABLE, .reason = "connect", .times = 6 },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(f->err.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(err_text(&f->err),
		"cannot reach the API server https://k8s of account \"test\": "));
	assert_string_equal(val_get_text(f->err.details, "kind", ""), "NETWORK");
	assert_string_equal(kube_error_reason(&f->err), "connect");
}

static void test_a_creation_is_not_sent_twice(void **state)
{
	static const struct http_step steps[] = {
		{ .method = "POST",
			.url = "/api/v1/namespaces/shop/configmaps?fieldManager=gennaker",
			.error = ERR_UNAVAILABLE,
			.reason = "reset" },
		{ .method = "POST", .url = "*", .status = 500 },
		{ .method = "POST", .url = "*", .error = ERR_UNAVAILABLE, .reason = "connect" },
		{ .method = "POST", .url = "*", .status = 429 },
		{ .method = "POST", .url = "*", .status = 201, .answer = "{\"metadata\":{}}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val manifest = json("{metadata: {generateName: x-}}");

	http_script_add(f->script, steps);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			kube_create(f->account, &configmaps, NULL, manifest, NULL, NULL, &f->err),
			-1);
		assert_true(err_is_retryable(f->err.kind));
		err_clear(&f->err);
	}
	/* Nothing has been sent, or it was refused unseen: again. */
	assert_int_equal(
		kube_create(f->account, &configmaps, NULL, manifest, NULL, NULL, &f->err), 0);
}

static void test_a_refused_token_file_is_read_again_once(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB,
			.header = "Authorization: Bearer one",
			.status = 401,
			.answer = "{\"message\":\"Unauthorized\"}" },
		{ .url = WEB, .header = "Authorization: Bearer two", .answer = "{}" },
		{ .url = WEB,
			.header = "Authorization: Bearer two",
			.status = 401,
			.answer = "{\"message\":\"Unauthorized\"}" },
		{ 0 },
	};
	struct fixture *f = *state;
	char path[] = "/tmp/kube-token-XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "one", 3), 3);
	f->account->target.token_file = xstrdup(path);
	http_script_add(f->script, steps);
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *first = NULL;

	assert_int_equal(kube_account_credential(f->account, NULL, NULL, &first, &f->err), 0);
	assert_int_equal(pwrite(fd, "two", 3, 0), 3);
	assert_int_equal(get(f, "web"), 0);
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(f->err.kind, ERR_DENIED);
	assert_int_equal(kube_error_status(&f->err), 401);
	assert_non_null(strstr(err_text(&f->err),
		"the API server https://k8s refuses the credential of account \"test\": Unauthorized"));
	close(fd);
	unlink(path);
}

static void test_lists_are_paged_and_items_get_their_kind(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/apis/apps/v1/namespaces/shop/deployments?limit=500&labelSelector=a%3Db",
			.answer = "{\"metadata\":{\"continue\":\"x/y\"},\"items\":[{\"metadata\":"
				  "{\"name\":\"a\"}}]}" },
		{ .url = "/apis/apps/v1/namespaces/shop/deployments?limit=500&labelSelector=a%3Db"
			 "&continue=x%2Fy",
			.answer = "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":"
				  "{\"name\":\"b\"}}]}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(kube_list(f->account, &deployments, NULL, "a=b", NULL, &f->got, &f->err), 0);
	assert_int_equal(val_count(f->got), 2);
	assert_string_equal(val_get_text(val_at(f->got, 1), "apiVersion", ""), "apps/v1");
	assert_string_equal(val_get_text(val_at(f->got, 1), "kind", ""), "Deployment");
}

static void test_an_expired_page_begins_anew_without_pages(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api/v1/namespaces/shop/configmaps?limit=500",
			.answer = "{\"metadata\":{\"continue\":\"x\"},\"items\":[{},{}]}" },
		{ .url = "/api/v1/namespaces/shop/configmaps?limit=500&continue=x",
			.status = 410,
			.answer = "{\"reason\":\"Expired\",\"message\":\"too old\"}" },
		{ .url = "/api/v1/namespaces/shop/configmaps", .answer = "{\"items\":[{},{},{}]}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(kube_list(f->account, &configmaps, NULL, NULL, NULL, &f->got, &f->err), 0);
	assert_int_equal(val_count(f->got), 3);
}

static void test_lists_of_metadata_are_paged_too(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api/v1/namespaces/shop/configmaps?limit=2000",
			.header = "Accept: " KUBE_ONLY_METADATA_LIST,
			.answer = "{\"metadata\":{\"continue\":\"x\"},\"items\":[{\"metadata\":"
				  "{\"name\":\"a\",\"managedFields\":[{}]}},{}]}" },
		{ .url = "/api/v1/namespaces/shop/configmaps?limit=2000&continue=x",
			.header = "Accept: " KUBE_ONLY_METADATA_LIST,
			.answer = "{\"metadata\":{},\"items\":[{}]}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(
		kube_list_metadata(f->account, &configmaps, NULL, NULL, &f->got, &f->err), 0);
	assert_int_equal(val_count(f->got), 3);
	assert_true(val_has(val_get(val_at(f->got, 0), "metadata"), "managedFields"));
}

static void test_who_owns_fields_is_not_read_of_what_is_applied(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB,
			.answer = "{\"metadata\":{\"uid\":\"u\",\"managedFields\":[{}]}}",
			.times = 2 },
		{ .method = "PATCH",
			.url = "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=gennaker&force=true",
			.answer = "{\"metadata\":{\"managedFields\":[{\"a\":[]}],\"uid\":\"u\"}}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	if (apply(f, true, NULL) < 0)
		fail_msg("%s", err_text(&f->err));
	assert_string_equal(val_get_text(val_get(f->got, "metadata"), "uid", ""), "u");
	assert_false(val_has(val_get(f->got, "metadata"), "managedFields"));
	val_free(&f->got);
	/* By a GET it is: patches are recognised by it. */
	assert_int_equal(get(f, "web"), 0);
	assert_true(val_has(val_get(f->got, "metadata"), "managedFields"));
}

#define APPLY_URL WEB "?fieldManager=gennaker&force=true"

static void test_apply_hands_warnings_back(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .status = 404, .answer = NOT_FOUND },
		{ .method = "PATCH",
			.url = APPLY_URL,
			.header = "Content-Type: application/apply-patch+yaml",
			.body = "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"}}",
			.status = 201,
			.answer = "{\"metadata\":{\"uid\":\"u\"}}",
			.headers = "{\"Warning\": \"299 - \\\"say \\\\\\\"hi\\\\\\\"\\\", 299 - \\\"b\\\" "
				   "\\\"Tue, 14 Nov 2023 22:13:20 GMT\\\"\"}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val warnings = VAL_NULL;

	http_script_add(f->script, steps);
	if (apply(f, true, &warnings) < 0)
		fail_msg("%s", err_text(&f->err));
	assert_int_equal(val_count(warnings), 2);
	struct val first = val_at(warnings, 0), second = val_at(warnings, 1);

	assert_string_equal(val_text(&first), "say \"hi\"");
	assert_string_equal(val_text(&second), "b");
}

static void test_a_field_conflict_names_manager_and_field(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .answer = "{\"metadata\":{}}" },
		{ .method = "PATCH",
			.url = WEB "?fieldManager=gennaker",
			.status = 409,
			.answer = "{\"message\":\"Apply failed with 2 conflicts: conflicts with "
				  "\\\"m1\\\":\\n- .data.a\\n- .data.b\",\"reason\":\"Conflict\","
				  "\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\","
				  "\"message\":\"conflict with \\\"m1\\\"\",\"field\":\".data.a\"}]}}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(apply(f, false, NULL), -1);
	assert_int_equal(f->err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err_text(&f->err), "conflicts with \"m1\": - .data.a - .data.b"));
	assert_true(kube_error_has_causes(&f->err));
}

#define MANAGED(managers) \
	"{\"metadata\":{\"resourceVersion\":\"5\",\"managedFields\":[" managers "]}}"
#define LEGACY                                                                                       \
	"{\"manager\":\"kubectl-client-side-apply\",\"operation\":\"Update\",\"apiVersion\":\"v1\"," \
	"\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:b\":{}}}}"
#define STATUS \
	"{\"manager\":\"kcm\",\"operation\":\"Update\",\"subresource\":\"status\",\"fieldsV1\":{}}"
#define OURS                                                                       \
	"{\"manager\":\"gennaker\",\"operation\":\"Apply\",\"apiVersion\":\"v1\"," \
	"\"fieldsV1\":{\"f:spec\":{\"f:a\":{}}}}"

static void test_fields_of_client_side_apply_become_ours(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .answer = MANAGED(LEGACY "," STATUS "," OURS) },
		/* Somebody was faster: looked at again. */
		{ .method = "PATCH",
			.url = WEB "?fieldManager=gennaker",
			.status = 409,
			.answer = "{\"message\":\"modified\",\"reason\":\"Conflict\"}" },
		{ .url = WEB, .answer = MANAGED(LEGACY "," STATUS "," OURS) },
		{ .method = "PATCH",
			.url = WEB "?fieldManager=gennaker",
			.header = "Content-Type: application/json-patch+json",
			.body = "[{\"op\":\"replace\",\"path\":\"/metadata/managedFields\",\"value\":[" STATUS
				",{\"manager\":\"gennaker\",\"operation\":\"Apply\",\"fieldsV1\":"
				"{\"f:spec\":{\"f:a\":{},\"f:b\":{}}}}]},"
				"{\"op\":\"replace\",\"path\":\"/metadata/resourceVersion\",\"value\":"
				"\"5\"}]",
			.answer = "{}" },
		{ .method = "PATCH", .url = APPLY_URL, .answer = "{}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	if (apply(f, true, NULL) < 0)
		fail_msg("%s", err_text(&f->err));
}

static void test_other_managers_are_left_alone(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .answer = MANAGED(STATUS "," OURS) },
		{ .method = "PATCH", .url = APPLY_URL, .answer = "{}" },
		/* Not allowed to read: applied all the same. */
		{ .url = WEB, .status = 403, .answer = "{\"message\":\"no\"}" },
		{ .method = "PATCH", .url = APPLY_URL, .answer = "{}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(apply(f, true, NULL), 0);
	val_free(&f->got);
	assert_int_equal(apply(f, true, NULL), 0);
}

static void test_replace_takes_the_live_version_or_creates(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .answer = "{\"metadata\":{\"resourceVersion\":\"4\"}}" },
		{ .method = "PUT",
			.url = WEB "?fieldManager=gennaker",
			.body = "{\"metadata\":{\"resourceVersion\":\"4\"}}",
			.status = 409,
			.answer = "{\"message\":\"modified\",\"reason\":\"Conflict\"}" },
		{ .url = WEB, .status = 404, .answer = NOT_FOUND },
		{ .method = "POST",
			.url = "/apis/apps/v1/namespaces/shop/deployments?fieldManager=gennaker",
			.status = 201,
			.answer = "{\"metadata\":{\"name\":\"web\"}}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val manifest = json("{metadata: {name: web}}");

	http_script_add(f->script, steps);
	if (kube_replace(f->account, &deployments, NULL, manifest, NULL, NULL, &f->err) < 0)
		fail_msg("%s", err_text(&f->err));
	assert_false(val_has(val_get(manifest, "metadata"), "resourceVersion"));
}

static void test_delete_sends_its_options(void **state)
{
	static const struct http_step steps[] = {
		{ .method = "DELETE",
			.url = WEB,
			.body = "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
				"\"propagationPolicy\":\"Background\"}",
			.answer = "{\"kind\":\"Status\"}" },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val options = json("{propagationPolicy: Background}");

	http_script_add(f->script, steps);
	assert_int_equal(
		kube_delete(f->account, &deployments, NULL, "web", options, NULL, &f->got, &f->err),
		0);
	assert_string_equal(val_get_text(f->got, "kind", ""), "Status");
}

static void test_a_json_patch_is_not_sent_twice_but_a_merge_patch_is(void **state)
{
	static const struct http_step steps[] = {
		{ .method = "PATCH", .url = WEB "/scale?fieldManager=gennaker", .status = 503 },
		{ .method = "PATCH", .url = WEB "/scale?fieldManager=gennaker", .answer = "{}" },
		{ .method = "PATCH", .url = WEB "?fieldManager=gennaker", .status = 503 },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val patch = json("{spec: {replicas: 2}}");

	http_script_add(f->script, steps);
	assert_int_equal(kube_patch(f->account, &deployments, NULL, "web", "scale",
				 "application/merge-patch+json", patch, NULL, NULL, &f->err),
		0);
	assert_int_equal(kube_patch(f->account, &deployments, NULL, "web", NULL,
				 "application/json-patch+json", patch, NULL, NULL, &f->err),
		-1);
}

#define CORE                                                                                       \
	"{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{},\"versions\":[{"          \
	"\"version\":\"v1\",\"resources\":["                                                       \
	"{\"resource\":\"configmaps\",\"responseKind\":{\"kind\":\"ConfigMap\"},\"scope\":"        \
	"\"Namespaced\",\"singularResource\":\"configmap\",\"verbs\":[\"get\",\"list\",\"watch\"," \
	"\"patch\"],\"shortNames\":[\"cm\"]},"                                                     \
	"{\"resource\":\"namespaces\",\"responseKind\":{\"kind\":\"Namespace\"},\"scope\":"        \
	"\"Cluster\",\"singularResource\":\"namespace\",\"verbs\":[],\"shortNames\":[\"ns\"]}]}]}]}"
#define GROUPS(more)                                                                               \
	"{\"kind\":\"APIGroupDiscoveryList\",\"items\":["                                          \
	"{\"metadata\":{\"name\":\"stable.example.com\"},\"versions\":[{\"version\":\"v1\","       \
	"\"resources\":[{\"resource\":\"deployments\",\"responseKind\":{\"kind\":\"Deployment\"}," \
	"\"scope\":\"Namespaced\"}" more "]}]},"                                                   \
	"{\"metadata\":{\"name\":\"extensions\"},\"versions\":[{\"version\":\"v1beta1\","          \
	"\"resources\":[{\"resource\":\"deployments\",\"responseKind\":{\"kind\":\"Deployment\"}," \
	"\"scope\":\"Namespaced\"}]}]},"                                                           \
	"{\"metadata\":{\"name\":\"apps\"},\"versions\":[{\"version\":\"v1\",\"resources\":["      \
	"{\"resource\":\"deployments\",\"responseKind\":{\"kind\":\"Deployment\"},\"scope\":"      \
	"\"Namespaced\",\"singularResource\":\"deployment\",\"shortNames\":[\"deploy\"]}]},"       \
	"{\"version\":\"v1beta2\",\"resources\":[{\"resource\":\"deployments\",\"responseKind\":"  \
	"{\"kind\":\"Deployment\"},\"scope\":\"Namespaced\"}]}]}]}"

static const struct kind_case {
	const char *api_version, *kind;
	const char *group, *version, *plural; /* group NULL = unknown */
} kind_cases[] = {
	{ "v1", "ConfigMap", "", "v1", "configmaps" },
	{ "apps/v1", "Deployment", "apps", "v1", "deployments" },
	{ "apps/v1beta2", "Deployment", "apps", "v1beta2", "deployments" },
	{ NULL, "configMap", "", "v1", "configmaps" },
	{ NULL, "cm", "", "v1", "configmaps" },
	{ NULL, "ns", "", "v1", "namespaces" },
	{ NULL, "deployment", "apps", "v1", "deployments" },
	{ NULL, "deploy", "apps", "v1", "deployments" },
	{ NULL, "deployment.extensions", "apps", "v1", "deployments" },
	{ NULL, "Deployment.Stable.example.com", "stable.example.com", "v1", "deployments" },
};

static void test_kinds_are_found_as_people_write_them(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api", .answer = CORE },
		{ .url = "/apis", .answer = GROUPS("") },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	for (size_t i = 0; i < sizeof(kind_cases) / sizeof(kind_cases[0]); i++) {
		const struct kind_case *kind = &kind_cases[i];
		const struct kube_resource *found = NULL;

		if (kube_find_resource(
			    f->account, kind->api_version, kind->kind, NULL, &found, &f->err) < 0)
			fail_msg("%s: %s", kind->kind, err_text(&f->err));
		assert_string_equal(found->group, kind->group);
		assert_string_equal(found->version, kind->version);
		assert_string_equal(found->plural, kind->plural);
	}
}

static void test_an_unknown_kind_is_looked_up_once_more(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api", .answer = CORE, .times = 3 },
		{ .url = "/apis", .answer = GROUPS("") },
		{ .url = "/apis",
			.answer = GROUPS(",{\"resource\":\"crontabs\",\"responseKind\":{"
					 "\"kind\":\"CronTab\"},\"scope\":\"Namespaced\"}"),
			.times = 2 },
		{ 0 },
	};
	struct fixture *f = *state;
	const struct kube_resource *before, *found, *after;

	http_script_add(f->script, steps);
	assert_int_equal(
		kube_find_resource(f->account, "apps/v1", "Deployment", NULL, &before, &f->err), 0);
	/* A bare name is searched for in other groups too. */
	assert_int_equal(kube_find_resource(f->account, NULL, "cronTab", NULL, &found, &f->err), 0);
	assert_string_equal(found->group, "stable.example.com");
	assert_int_equal(kube_find_resource(f->account, "x/v1", "Foo", NULL, &found, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	assert_string_equal(
		err_text(&f->err), "the server does not know kind \"Foo\" (apiVersion x/v1)");
	/* What was handed out is still good, and still the same. */
	assert_int_equal(
		kube_find_resource(f->account, "apps/v1", "Deployment", NULL, &after, &f->err), 0);
	assert_ptr_equal(before, after);
}

struct finder {
	struct fixture *fixture;
	pthread_t thread;
	const struct kube_resource *found;
	int64_t at_ms;
};

static void *find_main(void *data)
{
	struct finder *finder = data;
	struct fixture *f = finder->fixture;
	_cleanup_err_ struct err err = ERR_INIT;

	kube_find_resource(f->account, "v1", "ConfigMap", NULL, &finder->found, &err);
	finder->at_ms = clock_now_ms(f->clock);
	clock_release(f->clock);
	return NULL;
}

static void test_many_who_ask_at_once_share_one_discovery(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api", .answer = CORE, .delay_ms = 1000 },
		{ .url = "/apis", .answer = GROUPS(""), .delay_ms = 1000 },
		{ 0 },
	};
	struct fixture *f = *state;
	struct finder finders[4];

	http_script_add(f->script, steps);
	for (size_t i = 0; i < 4; i++) {
		finders[i] = (struct finder){ .fixture = f };
		clock_hold(f->clock);
		assert_int_equal(pthread_create(&finders[i].thread, NULL, find_main, &finders[i]), 0);
	}
	/* Time passes only while all of them wait. */
	clock_release(f->clock);
	for (size_t i = 0; i < 4; i++)
		pthread_join(finders[i].thread, NULL);
	clock_hold(f->clock);
	for (size_t i = 0; i < 4; i++) {
		assert_ptr_equal(finders[i].found, finders[0].found);
		assert_int_equal(finders[i].at_ms, START_MS + 2000);
	}
}

static void test_an_old_server_is_asked_group_by_group(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api", .answer = "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}" },
		{ .url = "/apis",
			.answer = "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"apps\","
				  "\"versions\":[{\"version\":\"v1beta1\"},{\"version\":\"v1\"}],"
				  "\"preferredVersion\":{\"version\":\"v1\"}},{\"name\":\"gone.io\","
				  "\"versions\":[{\"version\":\"v1\"}]}]}" },
		{ .url = "/apis/apps/v1",
			.answer = "{\"resources\":[{\"name\":\"deployments\",\"singularName\":"
				  "\"deployment\",\"namespaced\":true,\"kind\":\"Deployment\","
				  "\"verbs\":[\"list\",\"watch\",\"patch\"],\"shortNames\":[\"deploy\"]},"
				  "{\"name\":\"deployments/scale\",\"kind\":\"Scale\"}]}" },
		{ .url = "/api/v1", .answer = "{\"resources\":[]}" },
		{ 0 },
	};
	struct fixture *f = *state;
	const struct kube_resource *found;

	http_script_add(f->script, steps);
	assert_int_equal(
		kube_find_resource(f->account, "apps/v1", "Deployment", NULL, &found, &f->err), 0);
	assert_true(found->namespaced && found->can_list && found->can_watch && found->can_patch);
	assert_false(found->can_delete_collection);
	assert_int_equal(
		kube_find_resource(f->account, NULL, "deployment", NULL, &found, &f->err), 0);
	assert_string_equal(found->version, "v1");
}

static void test_a_vanished_kind_makes_discovery_start_anew(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api", .answer = CORE, .times = 2 },
		{ .url = "/apis", .answer = GROUPS(""), .times = 2 },
		{ .url = WEB, .status = 404, .answer = "404 page not found\n" },
		{ 0 },
	};
	struct fixture *f = *state;
	const struct kube_resource *found;

	http_script_add(f->script, steps);
	assert_int_equal(
		kube_find_resource(f->account, "apps/v1", "Deployment", NULL, &found, &f->err), 0);
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(
		kube_find_resource(f->account, "apps/v1", "Deployment", NULL, &found, &f->err), 0);
}

/* Somebody took a version of a kind out: an object is at the new place, and not gone. */
static void test_an_object_of_a_version_that_is_gone_is_found_in_another(void **state)
{
	static const struct kube_resource old = { "apps", "v1beta1", "Deployment", "deployments",
		.namespaced = true };
	static const struct http_step steps[] = {
		{ .url = "/apis/apps/v1beta1/namespaces/shop/deployments/web",
			.status = 404,
			.answer = "404 page not found\n" },
		{ .url = "/api", .answer = CORE },
		{ .url = "/apis", .answer = GROUPS("") },
		{ .url = WEB, .answer = "{\"kind\":\"Deployment\",\"spec\":{\"replicas\":3}}" },
		{ .method = "DELETE",
			.url = "/apis/apps/v1beta1/namespaces/shop/deployments/web",
			.status = 404,
			.answer = "404 page not found\n" },
		{ .url = "/api", .answer = CORE },
		{ .url = "/apis", .answer = GROUPS("") },
		{ .method = "DELETE", .url = WEB, .answer = "{\"kind\":\"Status\"}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(kube_get(f->account, &old, NULL, "web", NULL, &f->got, &f->err), 0);
	assert_int_equal(val_get_int(val_get(f->got, "spec"), "replicas", 0), 3);
	assert_int_equal(
		kube_delete(f->account, &old, NULL, "web", VAL_NULL, NULL, NULL, &f->err), 0);
}

static void test_a_path_that_is_not_there_is_told_once_nothing_else_is_known(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WEB, .status = 404, .answer = "404 page not found\n" },
		{ .url = "/api", .answer = CORE },
		{ .url = "/apis", .answer = GROUPS("") },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(get(f, "web"), -1);
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err_text(&f->err), "the server answered 404: 404 page not found"));
}

static void test_raw_calls_give_text_and_json(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/api/v1/namespaces/shop/pods/p/log?tailLines=2",
			.headers = "{\"content-type\": \"text/plain\"}",
			.answer = "a\nb\n" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(kube_call(f->account, "GET", "/api/v1/namespaces/shop/pods/p/log",
				 "tailLines=2", NULL, VAL_NULL, NULL, &f->got, &f->err),
		0);
	assert_string_equal(val_text(&f->got), "a\nb\n");
}

static int cancel_now(void *data, size_t nth)
{
	cancel_set(data);
	return 0;
}

static void test_a_cancelled_call_does_not_wait(void **state)
{
	static const struct http_step steps[] = { { .url = WEB, .status = 503 }, { 0 } };
	struct fixture *f = *state;
	_cleanup_(cancel_unref_cleanup) struct cancel *cancel = cancel_new();

	http_script_add(f->script, steps);
	http_script_after_effect(f->script, cancel_now, cancel);
	assert_int_equal(kube_get(f->account, &deployments, "", "web", cancel, NULL, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_CANCELED);
	assert_int_equal(clock_now_ms(f->clock), START_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_paths_are_escaped_and_scoped),
		TEST(test_get_sends_the_token_and_says_what_is_missing),
		TEST(test_what_answers_mean),
		TEST(test_retry_after_is_obeyed),
		TEST(test_pauses_grow),
		TEST(test_an_unreachable_server_is_named),
		TEST(test_a_creation_is_not_sent_twice),
		TEST(test_a_refused_token_file_is_read_again_once),
		TEST(test_lists_are_paged_and_items_get_their_kind),
		TEST(test_an_expired_page_begins_anew_without_pages),
		TEST(test_lists_of_metadata_are_paged_too),
		TEST(test_who_owns_fields_is_not_read_of_what_is_applied),
		TEST(test_apply_hands_warnings_back),
		TEST(test_a_field_conflict_names_manager_and_field),
		TEST(test_fields_of_client_side_apply_become_ours),
		TEST(test_other_managers_are_left_alone),
		TEST(test_replace_takes_the_live_version_or_creates),
		TEST(test_delete_sends_its_options),
		TEST(test_a_json_patch_is_not_sent_twice_but_a_merge_patch_is),
		TEST(test_kinds_are_found_as_people_write_them),
		TEST(test_an_unknown_kind_is_looked_up_once_more),
		TEST(test_many_who_ask_at_once_share_one_discovery),
		TEST(test_an_old_server_is_asked_group_by_group),
		TEST(test_a_vanished_kind_makes_discovery_start_anew),
		TEST(test_an_object_of_a_version_that_is_gone_is_found_in_another),
		TEST(test_a_path_that_is_not_there_is_told_once_nothing_else_is_known),
		TEST(test_raw_calls_give_text_and_json),
		TEST(test_a_cancelled_call_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
