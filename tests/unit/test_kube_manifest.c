/* Kinds, and a request's documents as one list. */
#include "lib/values.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/manifest.h"

static void kinds_have_one_spelling(void **state)
{
	static const struct {
		const char *name, *group, *text;
	} rows[] = {
		{ "Deployment", "apps", "deployment" },
		{ "DEPLOYMENT", "extensions", "deployment" },
		{ "deploy", "", "deployment" },
		{ "ReplicaSet", "", "replicaSet" },
		{ "replicaset", "apps", "replicaSet" },
		{ "rs", "apps", "replicaSet" },
		{ "HorizontalPodAutoscaler", "autoscaling", "horizontalpodautoscaler" },
		{ "hpa", "", "horizontalpodautoscaler" },
		{ "cm", "", "configMap" },
		{ "svc", "core", "service" },
		{ "CSIDriver", "storage.k8s.io", "csiDriver" },
		{ "sts", "apps", "sts" },
		{ "StatefulSet", "apps", "statefulSet" },
		{ "ReplicationController", "", "ReplicationController" },
		{ "PriorityClass", "scheduling.k8s.io", "PriorityClass" },
		{ "Deployment", "stable.example.com", "Deployment.stable.example.com" },
		{ "Crontab", "Stable.Example.COM", "Crontab.stable.example.com" },
		{ "Service", "serving.knative.dev", "Service.serving.knative.dev" },
		{ "HTTPRoute", "gateway.networking.k8s.io", "HTTPRoute.gateway.networking.k8s.io" },
		{ "Lease", "coordination.k8s.io", "Lease.coordination.k8s.io" },
		{ "Role", "rbac.authorization.k8s.io", "role" },
		{ "Ingress", "networking.k8s.io", "ingress" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = kind_text(str_of(rows[i].name), str_of(rows[i].group));

		assert_string_equal(text, rows[i].text);
	}
}

static void kinds_have_a_place_in_the_order(void **state)
{
	static const struct {
		const char *name, *group;
		int priority;
		bool cluster, versioned;
	} rows[] = {
		{ "Namespace", "", 0, true, false },
		{ "ClusterRole", "rbac.authorization.k8s.io", 20, true, false },
		{ "Role", "rbac.authorization.k8s.io", 20, false, false },
		{ "ClusterRoleBinding", "rbac.authorization.k8s.io", 30, true, false },
		{ "RoleBinding", "rbac.authorization.k8s.io", 30, false, false },
		{ "CustomResourceDefinition", "apiextensions.k8s.io", 30, true, false },
		{ "ServiceAccount", "", 40, false, false },
		{ "StorageClass", "storage.k8s.io", 40, true, false },
		{ "PersistentVolume", "", 40, true, false },
		{ "MutatingWebhookConfiguration", "admissionregistration.k8s.io", 40, true, false },
		{ "ValidatingWebhookConfiguration", "admissionregistration.k8s.io", 40, true, false },
		{ "ConfigMap", "", 50, false, true },
		{ "Secret", "", 50, false, true },
		{ "PersistentVolumeClaim", "", 50, false, false },
		{ "Service", "", 70, false, false },
		{ "Ingress", "networking.k8s.io", 70, false, false },
		{ "NetworkPolicy", "networking.k8s.io", 70, false, false },
		{ "APIService", "apiregistration.k8s.io", 80, true, false },
		{ "LimitRange", "", 90, false, false },
		{ "PodDisruptionBudget", "policy", 90, false, false },
		{ "PodPreset", "settings.k8s.io", 90, false, false },
		{ "PodSecurityPolicy", "policy", 90, true, false },
		{ "Pod", "", 100, false, true },
		{ "ReplicaSet", "apps", 100, false, true },
		{ "Deployment", "apps", 100, false, false },
		{ "StatefulSet", "apps", 100, false, false },
		{ "DaemonSet", "apps", 100, false, false },
		{ "Job", "batch", 100, false, false },
		{ "CronJob", "batch", 100, false, false },
		{ "HorizontalPodAutoscaler", "autoscaling", 110, false, false },
		{ "ControllerRevision", "apps", KIND_REFUSED, false, false },
		{ "Event", "", KIND_REFUSED, false, false },
		{ "ResourceQuota", "", KIND_LOWEST, false, false },
		{ "Deployment", "stable.example.com", KIND_LOWEST, false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct kind *kind = kind_find(str_of(rows[i].name), str_of(rows[i].group));

		if (kind->priority != rows[i].priority || kind->cluster != rows[i].cluster ||
			kind->versioned != rows[i].versioned)
			fail_msg("%s.%s", rows[i].name, rows[i].group);
	}
}

static void a_group_is_split_off_at_the_first_dot(void **state)
{
	struct str name, group;

	kind_split(STR("Crontab.stable.example.com"), &name, &group);
	assert_true(str_is(name, "Crontab") && str_is(group, "stable.example.com"));
	kind_split(STR("deployment"), &name, &group);
	assert_true(str_is(name, "deployment") && str_is(group, ""));
	assert_true(str_is(api_version_group("apps/v1"), "apps"));
	assert_true(str_is(api_version_group("v1"), ""));
}

/* What a list of documents becomes: the names in it, or the error. */
struct row {
	const char *source;
	const char *wanted;
};

static char *flattened(const char *source)
{
	_cleanup_(val_free) struct val value = value_of(source), list = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct strbuf names = STRBUF_INIT(4096);

	if (manifests_flatten(value, "manifests", &list, &err) < 0)
		return xasprintf("error: %s", err_text(&err));
	for (size_t i = 0; i < val_count(list); i++) {
		_cleanup_free_ char *name = manifest_full_name(val_at(list, i), NULL);

		strbuf_printf(&names, "%s%s", i ? "; " : "", name);
	}
	return strbuf_detach(&names);
}

#define CM(name) "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name "}}"

static void lists_become_one(void **state)
{
	static const struct row rows[] = {
		{ "[]", "" },
		{ CM("a"), "configMap a" },
		{ "[" CM("a") ", null, " CM("b") "]", "configMap a; configMap b" },
		{ "[[" CM("a") ", [" CM("b") "]], " CM("c") "]",
			"configMap a; configMap b; configMap c" },
		{ "[{apiVersion: v1, kind: List, items: [" CM("a") ", " CM("b") "]}]",
			"configMap a; configMap b" },
		{ "[{apiVersion: v1, kind: LIST, items: [" CM("a") "]}]", "configMap a" },
		{ "[{apiVersion: v1, kind: List}]", "" },
		{ "[{apiVersion: v1, kind: List, items: [{kind: List, items: [" CM("a") "]}]}]",
			"configMap a" },
		{ "[{apiVersion: v1, kind: ConfigMapList, metadata: {name: x}, items: []}]",
			"ConfigMapList x" },
		{ "[{apiVersion: batch/v1, kind: Job, metadata: {generateName: migrate-}}]",
			"job migrate-" },
		{ "[{apiVersion: stable.example.com/v1, kind: Crontab, metadata: {name: x}}]",
			"Crontab.stable.example.com x" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *got = flattened(rows[i].source);

		assert_string_equal(got, rows[i].wanted);
	}
}

static void a_mistake_is_named_with_its_place(void **state)
{
	static const struct row rows[] = {
		{ "[" CM("a") ", {apiVersion: v1, metadata: {name: b}}]",
			"error: manifests[1].kind: is required" },
		{ "[{kind: Pod, metadata: {name: b}}]",
			"error: manifests[0].apiVersion: is required" },
		{ "[{apiVersion: 1, kind: Pod, metadata: {name: b}}]",
			"error: manifests[0].apiVersion: expected a string, got int" },
		{ "[{apiVersion: v1, kind: '', metadata: {name: b}}]",
			"error: manifests[0].kind: is required" },
		{ "[{apiVersion: v1, kind: Pod}]",
			"error: manifests[0].metadata: expected a map, got nothing" },
		{ "[{apiVersion: v1, kind: Pod, metadata: a}]",
			"error: manifests[0].metadata: expected a map, got string" },
		{ "[{apiVersion: v1, kind: Pod, metadata: {}}]",
			"error: manifests[0].metadata.name: is required" },
		{ "[{apiVersion: v1, kind: Pod, metadata: {name: 5}}]",
			"error: manifests[0].metadata.name: expected a string, got int" },
		{ "[{apiVersion: v1, kind: Pod, metadata: {name: a, labels: [1]}}]",
			"error: manifests[0].metadata.labels: expected a map, got list" },
		{ "[{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: x}}]",
			"error: manifests[0].metadata.annotations: expected a map, got string" },
		{ "[{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 1}}]",
			"error: manifests[0].metadata.namespace: expected a string, got int" },
		{ "[[" CM("a") ", text]]", "error: manifests[0][1]: expected an object, got string" },
		{ "['${ trigger.manifest }']",
			"error: manifests[0]: expected an object, got string "
			"whose expression was not resolved" },
		{ "[{apiVersion: v1, kind: List, items: [{}]}]",
			"error: manifests[0].items[0].kind: is required" },
		{ "[{apiVersion: v1, kind: Event, metadata: {name: e}}]",
			"error: manifests[0].kind: an object of the kind event cannot be deployed" },
		{ "[{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: e}}]",
			"error: manifests[0].kind: an object of the kind controllerRevision cannot be "
			"deployed" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *got = flattened(rows[i].source);

		assert_string_equal(got, rows[i].wanted);
	}
}

static void there_is_a_limit(void **state)
{
	_cleanup_(val_free) struct val many = val_list(), one = value_of(CM("a")), list = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	for (size_t i = 0; i < LIMIT_KUBERNETES_MANIFESTS; i++)
		val_append(&many, val_ref(one));
	assert_int_equal(manifests_flatten(many, "manifests", &list, &err), 0);
	val_append(&many, val_ref(one));
	assert_int_equal(manifests_flatten(many, "manifests", &list, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
}

static void the_order_of_sending_is_stable(void **state)
{
	_cleanup_(val_free) struct val list = value_of(
		"- {apiVersion: stable.example.com/v1, kind: Crontab, metadata: {name: '0'}}\n"
		"- {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: '1'}}\n"
		"- {apiVersion: batch/v1, kind: Job, metadata: {name: '2'}}\n"
		"- {apiVersion: apps/v1, kind: Deployment, metadata: {name: '3'}}\n"
		"- {apiVersion: v1, kind: Service, metadata: {name: '4'}}\n"
		"- {apiVersion: v1, kind: Secret, metadata: {name: '5'}}\n"
		"- {apiVersion: v1, kind: ConfigMap, metadata: {name: '6'}}\n"
		"- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
		"metadata: {name: '7'}}\n"
		"- {apiVersion: v1, kind: Namespace, metadata: {name: '8'}}\n");
	static const size_t wanted[] = { 8, 7, 5, 6, 4, 2, 3, 1, 0 };
	_cleanup_free_ size_t *order = manifests_order(list, NULL);

	assert_memory_equal(order, wanted, sizeof(wanted));
}

static void a_namespace_is_put_where_one_belongs(void **state)
{
	_cleanup_(val_free) struct val list = value_of(
		"- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: old}}\n"
		"- {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n"
		"- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: c}}\n"
		"- {apiVersion: stable.example.com/v1, kind: Crontab, metadata: {name: d}}\n"
		"- {apiVersion: stable.example.com/v1, kind: Planet, metadata: {name: e}}\n"
		"- apiVersion: apiextensions.k8s.io/v1\n"
		"  kind: CustomResourceDefinition\n"
		"  metadata: {name: f}\n"
		"  spec: {group: stable.example.com, scope: Cluster, names: {kind: Planet}}\n");
	_cleanup_(val_free) struct val before = val_ref(list);

	manifests_override_namespace(&list, "shop", NULL);
	assert_string_equal(manifest_namespace(val_at(list, 0)), "shop");
	assert_string_equal(manifest_namespace(val_at(list, 1)), "");
	assert_string_equal(manifest_namespace(val_at(list, 2)), "");
	assert_string_equal(manifest_namespace(val_at(list, 3)), "shop");
	assert_string_equal(manifest_namespace(val_at(list, 4)), "");
	assert_string_equal(manifest_namespace(val_at(list, 5)), "");
	assert_string_equal(manifest_namespace(val_at(before, 0)), "old");
}

static void names_are_read(void **state)
{
	static const struct row rows[] = {
		{ "deployment web", "deployment|web" },
		{ "Deploy web", "deployment|web" },
		{ "replicaSet.apps web-v003", "replicaSet|web-v003" },
		{ "Crontab.Stable.example.com x", "Crontab.stable.example.com|x" },
		{ "deployment", NULL },
		{ "deployment web more", NULL },
		{ "deployment  web", NULL },
		{ " deployment", NULL },
		{ "deployment ", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *kind = NULL, *name = NULL, *got = NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		if (manifest_name_parse(rows[i].source, &kind, &name, &err) < 0) {
			assert_null(rows[i].wanted);
			continue;
		}
		got = xasprintf("%s|%s", kind, name);
		assert_string_equal(got, rows[i].wanted);
	}
}

static void annotations_may_be_quoted(void **state)
{
	_cleanup_(val_free) struct val manifest = value_of(
		"metadata: {annotations: {a: 'True', b: '\"quoted\"', c: true, d: 'yes', e: '\"', "
		"f: '\"3\"'}}");
	_cleanup_free_ char *b = manifest_annotation_text(manifest, "b");
	_cleanup_free_ char *e = manifest_annotation_text(manifest, "e");
	_cleanup_free_ char *f = manifest_annotation_text(manifest, "f");

	assert_true(manifest_annotation_is_true(manifest, "a"));
	assert_true(manifest_annotation_is_true(manifest, "c"));
	assert_false(manifest_annotation_is_true(manifest, "d"));
	assert_false(manifest_annotation_is_true(manifest, "none"));
	assert_string_equal(b, "quoted");
	assert_string_equal(e, "\"");
	assert_string_equal(f, "3");
	assert_null(manifest_annotation_text(manifest, "none"));
}

static void names_are_kept_once_a_namespace(void **state)
{
	_cleanup_(val_free) struct val map = VAL_NULL;

	names_by_namespace_add(&map, "a", "pod x");
	names_by_namespace_add(&map, "a", "pod y");
	names_by_namespace_add(&map, "a", "pod x");
	names_by_namespace_add(&map, "", "namespace z");
	assert_value("names", map, "{a: [pod x, pod y], '': [namespace z]}");
}

static void outputs_hold_no_secrets(void **state)
{
	_cleanup_(val_free) struct val secret = value_of(
		"{apiVersion: v1, kind: Secret, type: Opaque, data: {a: cGxhbnRlZA==}, "
		"stringData: {b: planted}, metadata: {name: s, managedFields: [1], annotations: {"
		"kubectl.kubernetes.io/last-applied-configuration: planted, "
		"artifact.gennaker.io/content-hash: aa, kept: 'yes'}}}");
	_cleanup_(val_free) struct val map = value_of("{apiVersion: v1, kind: ConfigMap, data: {a: b}, "
						      "metadata: {name: c, managedFields: [1]}}");
	_cleanup_(val_free) struct val plain = value_of(
		"{apiVersion: v1, kind: Secret, data: {a: b}}");
	_cleanup_(val_free) struct val out = manifest_for_output(secret);
	_cleanup_(val_free) struct val other = manifest_for_output(map);

	assert_value("secret", out,
		"{apiVersion: v1, kind: Secret, type: Opaque, metadata: {name: s, annotations: {kept: "
		"'yes'}}}");
	assert_value("map", other,
		"{apiVersion: v1, kind: ConfigMap, data: {a: b}, metadata: {name: c}}");
	assert_true(val_has(secret, "data"));
	val_free(&out);
	out = manifest_for_output(plain);
	assert_value("without metadata", out, "{apiVersion: v1, kind: Secret}");
}

static void errors_hold_no_secrets(void **state)
{
	_cleanup_(val_free) struct val secret = value_of(
		"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: cGxhbnRlZA==, n: 12}, "
		"stringData: {b: planted, c: {d: [deeper]}, e: x, f: ''}}");
	_cleanup_(val_free) struct val map = value_of(
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {b: planted}}");
	_cleanup_err_ struct err err = ERR_INIT;

	err_set(&err, ERR_INVALID,
		"bad: planted, cGxhbnRlZA==, 12 of 120, deeper, x-ray taxi, planted");
	err.details = value_of("{causes: [{message: 'got planted'}], url: u}");
	manifest_hide_secrets(map, &err);
	assert_non_null(strstr(err_text(&err), "planted"));
	manifest_hide_secrets(secret, &err);
	assert_string_equal(err_text(&err), "bad: ***, ***, *** of 120, ***, ***-ray taxi, ***");
	assert_value("details", err.details, "{causes: [{message: 'got ***'}], url: u}");
}

static void what_the_server_sets_is_not_sent(void **state)
{
	_cleanup_(val_free) struct val manifest = value_of(
		"{kind: Pod, metadata: {name: a, uid: u, creationTimestamp: null, generation: 3, "
		"selfLink: s, managedFields: [], resourceVersion: '7'}, spec: {}, status: {}}");

	manifest_clean(&manifest);
	assert_value("clean", manifest,
		"{kind: Pod, metadata: {name: a, resourceVersion: '7'}, spec: {}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_one_spelling),
		cmocka_unit_test(kinds_have_a_place_in_the_order),
		cmocka_unit_test(a_group_is_split_off_at_the_first_dot),
		cmocka_unit_test(lists_become_one),
		cmocka_unit_test(a_mistake_is_named_with_its_place),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(the_order_of_sending_is_stable),
		cmocka_unit_test(a_namespace_is_put_where_one_belongs),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(annotations_may_be_quoted),
		cmocka_unit_test(names_are_kept_once_a_namespace),
		cmocka_unit_test(outputs_hold_no_secrets),
		cmocka_unit_test(errors_hold_no_secrets),
		cmocka_unit_test(what_the_server_sets_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
