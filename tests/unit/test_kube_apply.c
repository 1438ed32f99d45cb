/* Client-side apply: the patch, and the requests. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/apply_patch.h"
#include "kubernetes/internal.h"
#include "lib/http_script.h"

#define LAST "kubectl.kubernetes.io/last-applied-configuration"

static void a_patch_takes_the_live_object_to_the_manifest(void **state)
{
	static const struct {
		const char *original, *modified, *current, *patch;
	} rows[] = {
		{ "{a: 1}", "{a: 1}", "{a: 1, status: x}", "{}" },
		{ "{a: 1}", "{a: 2}", "{a: 1}", "{a: 2}" },
		{ "{a: 1}", "{a: 1}", "{a: 5}", "{a: 1}" }, /* somebody else's change is overwritten */
		{ "{a: 1, b: 2}", "{a: 1}", "{a: 1, b: 3}", "{b: null}" },
		{ "{a: 1, b: 2}", "{a: 1}", "{a: 1}", "{}" },
		{ "null", "{a: 1}", "{a: 1, b: 2}", "{}" }, /* whose b is, nobody knows */
		{ "null", "{a: null}", "{a: 1}", "{a: null}" },
		{ "null", "{a: null}", "{}", "{}" },
		{ "{s: {x: 1, z: 2}}", "{s: {x: 1}}", "{s: {x: 1, z: 2, d: 3}}", "{s: {z: null}}" },
		{ "{s: {x: 1}}", "{}", "{s: {x: 1, d: 3}}", "{s: null}" },
		{ "{}", "{s: {x: 1}}", "{s: text}", "{s: {x: 1}}" },
		/* Lists: the server's defaults stay, a change replaces the list. */
		{ "{l: [{x: 1}]}", "{l: [{x: 1}]}", "{l: [{x: 1, d: 2}]}", "{}" },
		{ "{l: [{x: 1}]}", "{l: [{x: 2}]}", "{l: [{x: 1, d: 2}]}", "{l: [{x: 2}]}" },
		{ "{l: [{x: 1, e: 1}]}", "{l: [{x: 1}]}", "{l: [{x: 1, e: 1, d: 2}]}",
			"{l: [{x: 1}]}" },
		{ "{l: [{x: 1}]}", "{l: [{x: 1}]}", "{l: [{x: 1}, {x: 9}]}", "{l: [{x: 1}]}" },
		{ "{l: [1, 2]}", "{l: [1]}", "{l: [1, 2]}", "{l: [1]}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val original = value_of(rows[i].original);
		_cleanup_(val_free) struct val modified = value_of(rows[i].modified);
		_cleanup_(val_free) struct val current = value_of(rows[i].current);
		_cleanup_(val_free) struct val patch = apply_patch(original, modified, current);

		assert_value(rows[i].modified, patch, rows[i].patch);
	}
}

static void the_annotation_holds_the_manifest(void **state)
{
	_cleanup_(val_free) struct val manifest = value_of(
		"{kind: ConfigMap, metadata: {name: a, annotations: {x: 'y', " LAST
		": old}}, data: {a: b}}");
	_cleanup_(val_free) struct val annotated = apply_annotated(manifest);
	_cleanup_(val_free) struct val original = apply_original(annotated);
	_cleanup_(val_free) struct val broken = value_of(
		"{metadata: {annotations: {" LAST ": '{'}}}");

	assert_value("original", original,
		"{kind: ConfigMap, metadata: {name: a, annotations: {x: 'y'}}, data: {a: b}}");
	assert_true(val_is_null(apply_original(broken)));
}

/* ---- requests ---------------------------------------------------------------------------------- */

#define MAPS "/api/v1/namespaces/shop/configmaps"
#define MANIFEST "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: new}}"
#define LIVE(version)                                                                                \
	"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"" version "\",\"annotations\":{\"" LAST \
	"\":\"{\\\"data\\\":{\\\"k\\\":\\\"old\\\",\\\"gone\\\":\\\"x\\\"}}\"}},"                    \
	"\"data\":{\"k\":\"old\",\"gone\":\"x\",\"other\":\"z\"}}"

static const struct kube_resource maps = { "", "v1", "ConfigMap", "configmaps", .namespaced = true,
	.can_list = true };

static void apply(const char *mode, const struct http_step *steps, unsigned flags)
{
	struct clock *clock = clock_virtual(1700000000000);
	clock_hold(clock);
	struct http_script *script = http_script_new(clock, steps);
	struct world world = { .clock = clock, .http = http_script_transport(script) };
	struct kubernetes *kubernetes = kubernetes_new(&world);
	_cleanup_free_ char *text = xasprintf(
		"{accounts: [{name: test, applyMode: %s, kubeconfigContents: \"{clusters: [{name: a, cluster: {server: "
		"'https://k8s'}}], contexts: [{name: c, context: {cluster: a, namespace: shop}}]}\"}]}",
		mode);
	_cleanup_(val_free) struct val settings = value_of(text), manifest = value_of(MANIFEST);
	_cleanup_err_ struct err err = ERR_INIT;

	if (kubernetes_load_settings(kubernetes, settings, &err) < 0 ||
		kube_apply(kubernetes_account(kubernetes, "test", &err), &maps, NULL, manifest,
			flags, NULL, NULL, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
	http_script_assert_done(script);
	kubernetes_free(kubernetes);
	http_script_free(script);
	clock_release(clock);
	clock_free(clock);
}

static void what_is_not_there_is_created(void **state)
{
	static const struct http_step steps[] = {
		{ .url = MAPS "/a",
			.status = 404,
			.answer = "{\"reason\":\"NotFound\",\"message\":\"no\"}" },
		{ .method = "POST",
			.url = MAPS "?fieldManager=gennaker",
			.body = "{\"metadata\":{\"annotations\":{\"" LAST
				"\":\"{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"ConfigMap\\\",\\\"metadata\\\":{\\\"name\\\":"
				"\\\"a\\\"},\\\"data\\\":{\\\"k\\\":\\\"new\\\"}}\"}}}",
			.answer = "{}" },
		{ 0 },
	};

	apply("client-side", steps, KUBE_APPLY_FORCE);
}

static void what_is_there_is_patched_from_what_was_read(void **state)
{
	static const struct http_step steps[] = {
		{ .url = MAPS "/a", .answer = LIVE("5") },
		{ .method = "PATCH",
			.url = MAPS "/a?fieldManager=gennaker",
			.status = 409,
			.answer = "{\"reason\":\"Conflict\",\"message\":\"modified\"}" },
		{ .url = MAPS "/a", .answer = LIVE("6") },
		{ .method = "PATCH",
			.url = MAPS "/a?fieldManager=gennaker",
			.header = "Content-Type: application/merge-patch+json",
			.body = "{\"metadata\":{\"resourceVersion\":\"6\"},\"data\":{\"k\":\"new\",\"gone\":null}}",
			.answer = "{}" },
		{ 0 },
	};

	apply("client-side", steps, KUBE_APPLY_FORCE);
}

#define BY_SERVER MAPS "/a?fieldManager=gennaker&force=true"

static void auto_compares_when_the_server_cannot(void **state)
{
	static const struct http_step steps[] = {
		{ .method = "PATCH",
			.url = BY_SERVER,
			.status = 500,
			.answer = "{\"message\":\"failed to create typed patch object: duplicate entries for key\"}" },
		{ .url = MAPS "/a",
			.status = 404,
			.answer = "{\"reason\":\"NotFound\",\"message\":\"no\"}" },
		{ .method = "POST", .url = MAPS "?fieldManager=gennaker", .answer = "{}" },
		{ 0 },
	};

	apply("auto", steps, KUBE_APPLY_FORCE | KUBE_APPLY_OURS);
}

static void an_annotation_wins_over_the_account(void **state)
{
	static const struct http_step steps[] = {
		{ .method = "PATCH", .url = BY_SERVER, .answer = "{}" },
		{ 0 },
	};

	apply("client-side", steps, KUBE_APPLY_FORCE | KUBE_APPLY_OURS | KUBE_APPLY_BY_SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_patch_takes_the_live_object_to_the_manifest),
		cmocka_unit_test(the_annotation_holds_the_manifest),
		cmocka_unit_test(what_is_not_there_is_created),
		cmocka_unit_test(what_is_there_is_patched_from_what_was_read),
		cmocka_unit_test(auto_compares_when_the_server_cannot),
		cmocka_unit_test(an_annotation_wins_over_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
