/* Artifacts into manifests, and label selectors. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/bind.h"
#include "kubernetes/selectors.h"

#define MAP "{type: kubernetes/configMap, name: m, location: '', reference: m-v001}"
#define SECRET "{type: kubernetes/secret, name: s, location: '', reference: s-v001}"
#define IMAGE "{type: docker/image, name: nginx, reference: 'nginx:2'}"
#define ALL "[" MAP ", " SECRET ", " IMAGE "]"

struct row {
	const char *what;
	const char *spec; /* of the Pod template; else the whole object, with its kind */
	const char *wanted;
};

static void check(const char *what, const char *manifest, const char *candidates, const char *wanted)
{
	_cleanup_(val_free) struct val value = value_of(manifest), bound = VAL_NULL;
	_cleanup_(val_free) struct val list = value_of(candidates);

	manifest_bind(&value, list, "acc", &bound);
	assert_value(what, value, wanted);
}

static void a_workload_has_slots(void **state)
{
	static const struct row rows[] = {
		{ "an image", "{containers: [{image: 'nginx:1'}, {image: redis}]}",
			"{containers: [{image: 'nginx:2'}, {image: redis}]}" },
		{ "an image without a tag", "{containers: [{image: nginx}]}",
			"{containers: [{image: 'nginx:2'}]}" },
		{ "an image by digest", "{containers: [{image: 'nginx@sha256:aa'}]}",
			"{containers: [{image: 'nginx:2'}]}" },
		{ "a tag in front of a digest", "{containers: [{image: 'nginx:1@sha256:aa'}]}",
			"{containers: [{image: 'nginx:1@sha256:aa'}]}" },
		{ "no registry is added", "{containers: [{image: 'library/nginx:1'}]}",
			"{containers: [{image: 'library/nginx:1'}]}" },
		{ "init containers", "{initContainers: [{image: 'nginx:1'}]}",
			"{initContainers: [{image: 'nginx:2'}]}" },
		{ "not ephemeral ones", "{ephemeralContainers: [{image: 'nginx:1'}]}",
			"{ephemeralContainers: [{image: 'nginx:1'}]}" },
		{ "a volume of a ConfigMap", "{volumes: [{emptyDir: {}}, {configMap: {name: m}}]}",
			"{volumes: [{emptyDir: {}}, {configMap: {name: m-v001}}]}" },
		{ "a volume of a Secret", "{volumes: [{secret: {secretName: s}}]}",
			"{volumes: [{secret: {secretName: s-v001}}]}" },
		{ "a Secret is no ConfigMap",
			"{volumes: [{configMap: {name: s}}, {secret: {secretName: "
			"m}}]}",
			"{volumes: [{configMap: {name: s}}, {secret: {secretName: m}}]}" },
		{ "projected volumes",
			"{volumes: [{projected: {sources: [{configMap: {name: m}}, "
			"{secret: {name: s}}, {downwardAPI: {}}]}}]}",
			"{volumes: [{projected: {sources: [{configMap: {name: m-v001}}, "
			"{secret: {name: s-v001}}, {downwardAPI: {}}]}}]}" },
		{ "envFrom",
			"{containers: [{envFrom: [{configMapRef: {name: m}}, {secretRef: {name: "
			"s}}]}], initContainers: [{envFrom: [{configMapRef: {name: m}}, {secretRef: "
			"{name: s}}]}]}",
			"{containers: [{envFrom: [{configMapRef: {name: m-v001}}, {secretRef: {name: "
			"s-v001}}]}], initContainers: [{envFrom: [{configMapRef: {name: m-v001}}, "
			"{secretRef: {name: s-v001}}]}]}" },
		{ "env",
			"{containers: [{env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}, "
			"{name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: C, value: m}]}]}",
			"{containers: [{env: [{name: A, valueFrom: {configMapKeyRef: {name: m-v001, key: "
			"k}}}, {name: B, valueFrom: {secretKeyRef: {name: s-v001, key: k}}}, {name: C, "
			"value: m}]}]}" },
		{ "env of init containers",
			"{initContainers: [{env: [{name: A, valueFrom: "
			"{configMapKeyRef: {name: m, key: k}}}, {name: B, valueFrom: {secretKeyRef: "
			"{name: s, key: k}}}]}]}",
			"{initContainers: [{env: [{name: A, valueFrom: {configMapKeyRef: {name: m-v001, "
			"key: k}}}, {name: B, valueFrom: {secretKeyRef: {name: s-v001, key: k}}}]}]}" },
		{ "pull secrets", "{imagePullSecrets: [{name: s}, {name: m}]}",
			"{imagePullSecrets: [{name: s-v001}, {name: m}]}" },
		{ "shapes that do not fit",
			"{containers: x, volumes: {a: b}, initContainers: [1, "
			"{image: 3}]}",
			"{containers: x, volumes: {a: b}, initContainers: [1, {image: 3}]}" },
	};
	static const char *const kinds[][2] = { { "apps/v1", "Deployment" },
		{ "apps/v1", "ReplicaSet" }, { "apps/v1", "StatefulSet" },
		{ "apps/v1", "DaemonSet" }, { "batch/v1", "Job" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < sizeof(kinds) / sizeof(kinds[0]); j++) {
			_cleanup_free_ char *manifest = xasprintf(
				"{apiVersion: %s, kind: %s, spec: {template: {spec: %s}}}",
				kinds[j][0], kinds[j][1], rows[i].spec);
			_cleanup_free_ char *wanted = xasprintf(
				"{apiVersion: %s, kind: %s, spec: {template: {spec: %s}}}",
				kinds[j][0], kinds[j][1], rows[i].wanted);

			check(rows[i].what, manifest, ALL, wanted);
		}
	}
}

static void other_kinds_have_few(void **state)
{
	static const struct row rows[] = {
		{ "a CronJob's template is deeper",
			"{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: "
			"{spec: {containers: [{image: 'nginx:1'}]}}}}}}",
			"{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: "
			"{spec: {containers: [{image: 'nginx:2'}]}}}}}}" },
		{ "a Pod's image is compared as a whole",
			"{apiVersion: v1, kind: Pod, spec: {containers: [{image: 'nginx:1'}, {image: "
			"nginx}], initContainers: [{image: nginx}], volumes: [{configMap: {name: m}}]}}",
			"{apiVersion: v1, kind: Pod, spec: {containers: [{image: 'nginx:1'}, {image: "
			"'nginx:2'}], initContainers: [{image: nginx}], volumes: [{configMap: {name: "
			"m}}]}}" },
		{ "an autoscaler has a target",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: ReplicaSet, name: r}}}",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: ReplicaSet, name: r-v004}}}" },
		{ "of that kind",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: Deployment, name: r}}}",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: Deployment, name: r}}}" },
		{ "not a StatefulSet",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: StatefulSet, name: r}}}",
			"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: "
			"{scaleTargetRef: {kind: StatefulSet, name: r}}}" },
		{ "a custom kind has none",
			"{apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {template: {spec: "
			"{containers: [{image: 'nginx:1'}]}}}}",
			"{apiVersion: argoproj.io/v1alpha1, kind: Rollout, spec: {template: {spec: "
			"{containers: [{image: 'nginx:1'}]}}}}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].what, rows[i].spec,
			"[" MAP ", " IMAGE ", {type: kubernetes/replicaSet, name: r, location: '', "
			"reference: r-v004}]",
			rows[i].wanted);
}

#define USES_M(namespace)                                                                      \
	"{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: " namespace "}, spec: " \
										   "{template: {spec: {volumes: [{configMap: {name: m}}]}}}}"
#define USES(namespace, name)                                                                                                              \
	"{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: " namespace "}, spec: "                                             \
										   "{template: {spec: {volumes: [{configMap: {name: " name \
										   "}}]}}}}"

static void only_fitting_artifacts_bind(void **state)
{
	static const struct {
		const char *what, *namespace, *candidate;
		bool binds;
	} rows[] = {
		{ "same namespace", "a",
			"{type: kubernetes/configMap, name: m, location: a, reference: x}", true },
		{ "both without", "''", "{type: kubernetes/configMap, name: m, reference: x}", true },
		{ "another namespace", "a",
			"{type: kubernetes/configMap, name: m, location: b, reference: x}", false },
		{ "no namespace is not default", "default",
			"{type: kubernetes/configMap, name: m, location: '', reference: x}", false },
		{ "the account", "a",
			"{type: kubernetes/configMap, name: m, location: a, reference: x, "
			"metadata: {account: acc}}",
			true },
		{ "another account", "a",
			"{type: kubernetes/configMap, name: m, location: a, "
			"reference: x, metadata: {account: other}}",
			false },
		{ "no type", "a", "{name: m, location: a, reference: x}", false },
		{ "no reference", "a", "{type: kubernetes/configMap, name: m, location: a}", false },
		{ "another name", "a",
			"{type: kubernetes/configMap, name: M, location: a, reference: x}", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *manifest = xasprintf(USES("%s", "m"), rows[i].namespace);
		_cleanup_free_ char *wanted = xasprintf(
			USES("%s", "%s"), rows[i].namespace, rows[i].binds ? "x" : "m");
		_cleanup_free_ char *list = xasprintf("[%s]", rows[i].candidate);

		check(rows[i].what, manifest, list, wanted);
	}
}

static void the_first_that_fits_counts(void **state)
{
	_cleanup_(val_free) struct val manifest = value_of(USES_M("''")), bound = VAL_NULL;
	_cleanup_(val_free) struct val list = value_of(
		"[{type: kubernetes/configMap, name: m, reference: first}, {type: kubernetes/configMap, "
		"name: m, reference: second}]");

	manifest_bind(&manifest, list, "acc", &bound);
	assert_value("volumes", val_path(manifest, "spec.template.spec.volumes"),
		"[{configMap: {name: first}}]");
	assert_value("bound", bound, "[{type: kubernetes/configMap, name: m, reference: first}]");
}

static void the_source_is_left_as_it_was(void **state)
{
	_cleanup_(val_free) struct val original = value_of(USES_M("''")), copy = val_ref(original);
	_cleanup_(val_free) struct val list = value_of("[" MAP "]"), bound = VAL_NULL;

	manifest_bind(&copy, list, "acc", &bound);
	assert_value("original", original, USES_M("''"));
}

static void candidates_have_one_place_a_key(void **state)
{
	_cleanup_(val_free) struct val list = value_of("[{type: t, name: a, version: '1'}]");
	_cleanup_(val_free) struct val known = VAL_NULL;

	artifacts_add(&list, value_of("{type: t, name: a, location: '', version: '2'}"));
	artifacts_add(&list, value_of("{type: t, name: b}"));
	assert_value("added", list, "[{type: t, name: a, version: '1'}, {type: t, name: b}]");
	artifacts_put(&list, &known, value_of("{type: t, name: a, version: '3'}"));
	assert_value("put", list, "[{type: t, name: b}, {type: t, name: a, version: '3'}]");
	artifacts_put(&list, &known, value_of("{type: t, name: c}"));
	artifacts_put(&list, &known, value_of("{type: t, name: c, version: '2'}"));
	artifacts_put(&list, &known, value_of("{type: t, name: b, location: x}"));
	assert_value("put more", list,
		"[{type: t, name: b}, {type: t, name: a, version: '3'}, {type: t, name: c, version: '2'}, "
		"{type: t, name: b, location: x}]");
}

static void images_have_names(void **state)
{
	static const char *const rows[][2] = { { "nginx:1.12", "nginx" }, { "nginx", "nginx" },
		{ "reg:5000/r/j:4ab", "reg:5000/r/j" }, { "repo:123@sha256:13", "repo:123" },
		{ "localhost:5000/x@sha256:1", "localhost:5000/x" },
		{ "reg:5000/r/j", "reg:5000/r/j" }, { "", "" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *name = image_name(rows[i][0]);

		assert_string_equal(name, rows[i][1]);
	}
}

/* ---- label selectors -------------------------------------------------------------------------- */

static void selectors_are_written_and_matched(void **state)
{
	static const struct {
		const char *rules, *text;
		bool fits; /* {tier: web, track: stable} */
	} rows[] = {
		{ "[]", "", true },
		{ "[{kind: ANY}]", "", true },
		{ "[{key: tier, kind: EQUALS, values: [web, db]}]", "tier = web", true },
		{ "[{key: tier, kind: EQUALS, values: [db, web]}]", "tier = db", false },
		{ "[{key: none, kind: EQUALS, values: [web]}]", "none = web", false },
		{ "[{key: tier, kind: NOT_EQUALS, values: [db]}]", "tier != db", true },
		{ "[{key: tier, kind: NOT_EQUALS, values: [web]}]", "tier != web", false },
		{ "[{key: none, kind: NOT_EQUALS, values: [web]}]", "none != web", true },
		{ "[{key: tier, kind: CONTAINS, values: [db, web]}]", "tier in (db, web)", true },
		{ "[{key: tier, kind: CONTAINS, values: [db]}]", "tier in (db)", false },
		{ "[{key: none, kind: CONTAINS, values: [db]}]", "none in (db)", false },
		{ "[{key: tier, kind: NOT_CONTAINS, values: [db, web]}]", "tier notin (db, web)",
			false },
		{ "[{key: none, kind: NOT_CONTAINS, values: [db]}]", "none notin (db)", true },
		{ "[{key: tier, kind: EXISTS}]", "tier", true },
		{ "[{key: none, kind: EXISTS}]", "none", false },
		{ "[{key: tier, kind: NOT_EXISTS}]", "!tier", false },
		{ "[{key: none, kind: NOT_EXISTS}]", "!none", true },
		{ "[{key: tier, kind: exists}, {key: track, kind: equals, values: [stable]}]",
			"tier,track = stable", true },
		{ "[{key: tier, kind: EXISTS}, {key: track, kind: EQUALS, values: [canary]}]",
			"tier,track = canary", false },
		{ "[{key: tier, kind: SOUNDS_LIKE}]", NULL, false },
		{ "[{kind: EXISTS}]", NULL, false },
		{ "[{key: tier, kind: EQUALS}]", NULL, false },
	};
	_cleanup_(val_free) struct val labels = value_of("{tier: web, track: stable}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val selectors = val_map();
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *text = NULL;

		val_set(&selectors, "selectors", value_of(rows[i].rules));
		if (selectors_text(selectors, &text, &err) < 0) {
			assert_null(rows[i].text);
			assert_int_equal(err.kind, ERR_INVALID);
			continue;
		}
		assert_string_equal(text, rows[i].text);
		if (selectors_match(selectors, labels) != rows[i].fits)
			fail_msg("%s", rows[i].rules);
	}
	assert_true(selectors_match(VAL_NULL, labels));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_workload_has_slots),
		cmocka_unit_test(other_kinds_have_few),
		cmocka_unit_test(only_fitting_artifacts_bind),
		cmocka_unit_test(the_first_that_fits_counts),
		cmocka_unit_test(the_source_is_left_as_it_was),
		cmocka_unit_test(candidates_have_one_place_a_key),
		cmocka_unit_test(images_have_names),
		cmocka_unit_test(selectors_are_written_and_matched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
