/* Annotations, labels, names, and the whole way from a manifest to what is sent. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/decorate.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/manifest.h"
#include "kubernetes/version.h"

static const struct decoration plain = {
	.application = "shop", .version = "", .managed_by = "spinnaker"
};

static void check(const char *what, const struct decoration *decoration, const char *manifest,
	const char *path, const char *wanted)
{
	_cleanup_(val_free) struct val value = value_of(manifest);

	manifest_decorate(&value, decoration);
	assert_value(what, *path ? val_path(value, path) : value, wanted);
}

static void every_object_says_whose_it_is(void **state)
{
	check("annotations", &plain,
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: prod}}",
		"metadata.annotations",
		"{artifact.spinnaker.io/type: kubernetes/deployment, artifact.spinnaker.io/name: web, "
		"artifact.spinnaker.io/location: prod, artifact.spinnaker.io/version: '', "
		"moniker.spinnaker.io/application: shop, moniker.spinnaker.io/cluster: deployment web}");
	check("labels", &plain,
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: prod}}",
		"metadata.labels",
		"{app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: spinnaker}");
	check("no namespace, a custom kind", &plain,
		"{apiVersion: stable.example.com/v1, kind: Crontab, metadata: {name: x}}",
		"metadata.annotations",
		"{artifact.spinnaker.io/type: kubernetes/Crontab.stable.example.com, "
		"artifact.spinnaker.io/name: x, artifact.spinnaker.io/location: '', "
		"artifact.spinnaker.io/version: '', moniker.spinnaker.io/application: shop, "
		"moniker.spinnaker.io/cluster: Crontab.stable.example.com x}");
}

static void a_version_is_a_sequence(void **state)
{
	struct decoration decoration = plain;

	decoration.version = "v007";
	decoration.content_hash = "aa";
	decoration.sequence = (struct opt_int){ 3, true };
	check("annotations", &decoration,
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}", "metadata.annotations",
		"{artifact.spinnaker.io/type: kubernetes/configMap, artifact.spinnaker.io/name: web, "
		"artifact.spinnaker.io/location: '', artifact.spinnaker.io/version: v007, "
		"moniker.spinnaker.io/application: shop, moniker.spinnaker.io/cluster: configMap web, "
		"moniker.spinnaker.io/sequence: '7', artifact.gennaker.io/content-hash: aa}");
	check("labels", &decoration, "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}",
		"metadata.labels",
		"{app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: spinnaker, "
		"moniker.spinnaker.io/sequence: '7'}");
	decoration.version = "";
	decoration.content_hash = NULL;
	check("of the moniker", &decoration,
		"{apiVersion: v1, kind: Service, metadata: {name: web, labels: "
		"{moniker.spinnaker.io/sequence: '9'}}}",
		"metadata.labels",
		"{app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: spinnaker, "
		"moniker.spinnaker.io/sequence: '3'}");
}

static void what_the_author_wrote_stays(void **state)
{
	check("annotations", &plain,
		"{apiVersion: v1, kind: Service, metadata: {name: web, annotations: "
		"{moniker.spinnaker.io/application: mine, artifact.spinnaker.io/version: v002, "
		"moniker.spinnaker.io/cluster: c, artifact.spinnaker.io/name: n, "
		"artifact.spinnaker.io/location: l, artifact.spinnaker.io/type: t}}}",
		"metadata.annotations",
		"{moniker.spinnaker.io/application: mine, artifact.spinnaker.io/version: v002, "
		"moniker.spinnaker.io/cluster: c, artifact.spinnaker.io/name: n, "
		"artifact.spinnaker.io/location: l, artifact.spinnaker.io/type: t}");
	check("labels, but for managed-by", &plain,
		"{apiVersion: v1, kind: Service, metadata: {name: web, labels: "
		"{app.kubernetes.io/name: mine, app.kubernetes.io/managed-by: Helm, tier: web}}}",
		"metadata.labels",
		"{app.kubernetes.io/name: mine, app.kubernetes.io/managed-by: spinnaker, tier: web}");
}

static void the_moniker_is_noted(void **state)
{
	struct decoration decoration = plain;

	decoration.cluster = "shop-web";
	decoration.stack = "web";
	decoration.detail = "blue";
	check("moniker", &decoration, "{apiVersion: v1, kind: Service, metadata: {name: web}}",
		"metadata.annotations",
		"{artifact.spinnaker.io/type: kubernetes/service, artifact.spinnaker.io/name: web, "
		"artifact.spinnaker.io/location: '', artifact.spinnaker.io/version: '', "
		"moniker.spinnaker.io/application: shop, moniker.spinnaker.io/cluster: shop-web, "
		"moniker.spinnaker.io/stack: web, moniker.spinnaker.io/detail: blue}");
}

static void null_is_an_empty_map(void **state)
{
	check("labels", &plain,
		"{apiVersion: v1, kind: Service, metadata: {name: web, labels: null, annotations: null}}",
		"metadata.labels",
		"{app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: spinnaker}");
}

static void labels_can_be_off(void **state)
{
	struct decoration decoration = plain;

	decoration.no_labels = true;
	check("none", &decoration,
		"{apiVersion: v1, kind: Service, metadata: {name: web, labels: "
		"{app.kubernetes.io/managed-by: Helm}}}",
		"metadata.labels", "{app.kubernetes.io/managed-by: Helm}");
}

#define TEMPLATE(metadata)                                                                           \
	"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {" metadata \
	"spec: {}}}}"

static void the_pod_template_gets_them_too(void **state)
{
	struct decoration quiet = plain;

	quiet.skip_template_labels = true;
	check("both", &plain, TEMPLATE("metadata: {labels: {app: web}}, "), "spec.template.metadata",
		"{labels: {app: web, app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: "
		"spinnaker}, annotations: {artifact.spinnaker.io/type: kubernetes/deployment, "
		"artifact.spinnaker.io/name: web, artifact.spinnaker.io/location: '', "
		"artifact.spinnaker.io/version: '', moniker.spinnaker.io/application: shop, "
		"moniker.spinnaker.io/cluster: deployment web}}");
	check("no labels", &quiet, TEMPLATE("metadata: {labels: {app: web}}, "),
		"spec.template.metadata.labels", "{app: web}");
	check("without metadata", &plain, TEMPLATE(""), "spec.template", "{spec: {}}");
	check("metadata is null", &plain, TEMPLATE("metadata: null, "), "spec.template",
		"{metadata: null, spec: {}}");
}

static void a_spec_may_be_anything(void **state)
{
	check("list", &plain, "{apiVersion: e.com/v1, kind: X, metadata: {name: a}, spec: [1]}",
		"spec", "[1]");
	check("text", &plain, "{apiVersion: e.com/v1, kind: X, metadata: {name: a}, spec: t}",
		"spec", "t");
	check("template", &plain,
		"{apiVersion: e.com/v1, kind: X, metadata: {name: a}, spec: {template: t}}", "spec",
		"{template: t}");
	check("a CronJob's template is left alone", &plain,
		"{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: "
		"{template: {metadata: {}}}}}}",
		"spec", "{jobTemplate: {spec: {template: {metadata: {}}}}}");
}

static void the_artifact_is_what_later_ones_bind(void **state)
{
	_cleanup_(val_free) struct val map = value_of(
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: prod}}");
	_cleanup_(val_free) struct val job = value_of(
		"{apiVersion: batch/v1, kind: Job, metadata: {generateName: m-}}");
	_cleanup_(val_free) struct val first = manifest_artifact(map, "v003", "web-v003", "acc");
	_cleanup_(val_free) struct val second = manifest_artifact(job, "", "m-abcde", "acc");

	assert_value("map", first,
		"{customKind: false, type: kubernetes/configMap, name: web, location: prod, version: v003, "
		"reference: web-v003, metadata: {account: acc}}");
	assert_value("job", second,
		"{customKind: false, type: kubernetes/job, name: m-abcde, location: '', version: '', "
		"reference: m-abcde, metadata: {account: acc}}");
}

/* ---- the plan --------------------------------------------------------------------------------- */

static void strategies_have_an_order(void **state)
{
	static const struct {
		const char *metadata;
		enum deploy_strategy wanted;
	} rows[] = {
		{ "{name: a}", DEPLOY_APPLY },
		{ "{name: a, annotations: {strategy.spinnaker.io/recreate: 'true'}}",
			DEPLOY_RECREATE },
		{ "{name: a, annotations: {strategy.spinnaker.io/recreate: 'TRUE', "
		  "strategy.spinnaker.io/replace: 'true'}}",
			DEPLOY_RECREATE },
		{ "{name: a, annotations: {strategy.spinnaker.io/replace: 'true', "
		  "strategy.spinnaker.io/server-side-apply: 'true'}}",
			DEPLOY_REPLACE },
		{ "{name: a, annotations: {strategy.spinnaker.io/server-side-apply: 'true'}}",
			DEPLOY_APPLY_GENTLY },
		{ "{name: a, annotations: {strategy.spinnaker.io/server-side-apply: force-conflicts}}",
			DEPLOY_APPLY },
		{ "{name: a, annotations: {strategy.spinnaker.io/server-side-apply: what}}",
			DEPLOY_APPLY },
		{ "{name: a, annotations: {strategy.spinnaker.io/recreate: 'yes'}}", DEPLOY_APPLY },
		{ "{generateName: a-, annotations: {strategy.spinnaker.io/replace: 'true'}}",
			DEPLOY_APPLY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val manifest = val_map();

		val_set(&manifest, "metadata", value_of(rows[i].metadata));
		if (deploy_strategy_of(manifest) != rows[i].wanted)
			fail_msg("%s", rows[i].metadata);
	}
}

static void generated_names_are_settled(void **state)
{
	_cleanup_(val_free) struct val manifest = value_of("{metadata: {generateName: migrate-}}");
	_cleanup_(val_free) struct val lengthy = value_of(
		"{metadata: {generateName: "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}");
	_cleanup_free_ char *first = deploy_generated_name(manifest, "run-1/0");
	_cleanup_free_ char *again = deploy_generated_name(manifest, "run-1/0");
	_cleanup_free_ char *other = deploy_generated_name(manifest, "run-1/1");
	_cleanup_free_ char *cut = deploy_generated_name(lengthy, "run-1/0");

	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	assert_int_equal(strlen(first), strlen("migrate-") + 5);
	assert_int_equal(strlen(cut), 63);
}

static void later_manifests_name_the_new_version(void **state)
{
	_cleanup_(val_free) struct val manifests = value_of(
		"- apiVersion: apps/v1\n"
		"  kind: Deployment\n"
		"  metadata: {name: web}\n"
		"  spec: {replicas: 2, template: {metadata: {}, spec: {volumes: [{configMap: {name: "
		"settings}}]}}}\n"
		"- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}\n");
	_cleanup_(val_free) struct val settings = value_of("{managedBySuffix: blue}");
	_cleanup_(val_free) struct val moniker = value_of("{app: shop, sequence: 4}");
	_cleanup_(val_free) struct val entry = value_of(
		"{index: 1, name: settings-v002, version: v002}");
	_cleanup_(val_free) struct val other = value_of(
		"{index: 0, name: web, version: '', replicas: 7}");
	struct deploy_rules rules = {
		.account = "acc", .application = "local", .moniker = moniker, .settings = settings
	};
	_cleanup_(deploy_walk_free) struct deploy_walk walk = {
		.manifests = manifests, .rules = &rules, .bound = val_list(), .produced = val_list()
	};
	_cleanup_(val_free) struct val map = deploy_walk_bind(&walk, 1);
	_cleanup_(val_free) struct val map_object = deploy_object(map, entry, &rules);
	_cleanup_(val_free) struct val web = VAL_NULL, web_object = VAL_NULL;
	_cleanup_free_ char *hash = manifest_content_hash(map);

	deploy_walk_produce(&walk, map, entry);
	web = deploy_walk_bind(&walk, 0);
	web_object = deploy_object(web, other, &rules);
	deploy_walk_produce(&walk, web, other);
	assert_value("name", val_path(map_object, "metadata.name"), "settings-v002");
	assert_value("the artifact's name is the plain one",
		val_get(val_path(map_object, "metadata.annotations"), "artifact.spinnaker.io/name"),
		"settings");
	assert_string_equal(val_get_text(val_path(map_object, "metadata.annotations"),
				    ANNOTATION_CONTENT_HASH, ""),
		hash);
	assert_value("labels", val_path(map_object, "metadata.labels"),
		"{app.kubernetes.io/name: shop, app.kubernetes.io/managed-by: spinnaker-blue, "
		"moniker.spinnaker.io/sequence: '2'}");
	assert_value("volumes", val_path(web_object, "spec.template.spec.volumes"),
		"[{configMap: {name: settings-v002}}]");
	assert_value("replicas", val_path(web_object, "spec.replicas"), "7");
	assert_int_equal(val_count(walk.bound), 1);
	assert_int_equal(val_count(walk.produced), 2);
}

static void what_is_not_built_is_refused(void **state)
{
	static const struct {
		const char *manifest;
		bool selectors;
		enum err_kind wanted;
	} rows[] = {
		{ "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}", true, ERR_NONE },
		{ "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: "
		  "{traffic.spinnaker.io/load-balancers: '[\"service web\"]'}}}",
			false, ERR_NONE },
		{ "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: "
		  "{traffic.spinnaker.io/load-balancers: '[]'}}}",
			false, ERR_NONE },
		{ "{apiVersion: v1, kind: Service, metadata: {name: a, annotations: "
		  "{traffic.spinnaker.io/load-balancers: '[\"service web\"]'}}}",
			false, ERR_NONE },
		{ "{apiVersion: v1, kind: Service, metadata: {name: a, annotations: "
		  "{strategy.spinnaker.io/replace: 'true'}}}",
			true, ERR_INVALID },
		{ "{apiVersion: v1, kind: Service, metadata: {name: a, annotations: "
		  "{strategy.spinnaker.io/replace: 'true'}}}",
			false, ERR_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val manifest = value_of(rows[i].manifest);
		_cleanup_err_ struct err err = ERR_INIT;
		int result = deploy_check_manifest(manifest, rows[i].selectors, &err);

		assert_int_equal(err.kind, rows[i].wanted);
		assert_int_equal(result, rows[i].wanted ? -1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_says_whose_it_is),
		cmocka_unit_test(a_version_is_a_sequence),
		cmocka_unit_test(what_the_author_wrote_stays),
		cmocka_unit_test(the_moniker_is_noted),
		cmocka_unit_test(null_is_an_empty_map),
		cmocka_unit_test(labels_can_be_off),
		cmocka_unit_test(the_pod_template_gets_them_too),
		cmocka_unit_test(a_spec_may_be_anything),
		cmocka_unit_test(the_artifact_is_what_later_ones_bind),
		cmocka_unit_test(strategies_have_an_order),
		cmocka_unit_test(generated_names_are_settled),
		cmocka_unit_test(later_manifests_name_the_new_version),
		cmocka_unit_test(what_is_not_built_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
