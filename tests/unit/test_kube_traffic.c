/* Services and workloads: attaching, patches to enable and disable, strategies. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/traffic.h"

#define SERVICE "{apiVersion: v1, kind: Service, spec: {selector: {lb: web, tier: front}}}"
#define SLASHES "{apiVersion: v1, kind: Service, spec: {selector: {'a/b~c': v}}}"

static void a_workload_is_attached(void **state)
{
	static const struct {
		const char *what, *service, *workload, *wanted; /* '!' and the error */
	} rows[] = {
		{ "to its template", SERVICE,
			"{metadata: {labels: {app: web}}, spec: {template: {metadata: {labels: {app: "
			"web}}}}}",
			"{metadata: {labels: {app: web}}, spec: {template: {metadata: {labels: {app: "
			"web, lb: web, tier: front}}}}}" },
		{ "a template without labels", SERVICE, "{spec: {template: {metadata: {}}}}",
			"{spec: {template: {metadata: {labels: {lb: web, tier: front}}}}}" },
		{ "labels of null", SERVICE, "{spec: {template: {metadata: {labels: null}}}}",
			"{spec: {template: {metadata: {labels: {lb: web, tier: front}}}}}" },
		{ "a Pod", SERVICE, "{metadata: {name: a}}",
			"{metadata: {name: a, labels: {lb: web, tier: front}}}" },
		{ "a template without metadata", SERVICE,
			"{metadata: {}, spec: {template: {spec: {}}}}",
			"{metadata: {labels: {lb: web, tier: front}}, spec: {template: {spec: {}}}}" },
		{ "a template that is none", SERVICE, "{metadata: {}, spec: {template: text}}",
			"{metadata: {labels: {lb: web, tier: front}}, spec: {template: text}}" },
		{ "a spec that is a list", SERVICE, "{metadata: {}, spec: [1]}",
			"{metadata: {labels: {lb: web, tier: front}}, spec: [1]}" },
		{ "a CronJob is labelled itself", SERVICE,
			"{kind: CronJob, metadata: {}, spec: {jobTemplate: {spec: {template: {metadata: "
			"{}}}}}}",
			"{kind: CronJob, metadata: {labels: {lb: web, tier: front}}, spec: "
			"{jobTemplate: {spec: {template: {metadata: {}}}}}}" },
		{ "no selector", "{spec: {}}", "{metadata: {}}",
			"!Service must have a non-empty selector in order to be attached to a "
			"workload" },
		{ "an empty selector", "{spec: {selector: {}}}", "{metadata: {}}",
			"!Service must have a non-empty selector in order to be attached to a "
			"workload" },
		{ "a key with another value", SERVICE,
			"{spec: {template: {metadata: {labels: {lb: other}}}}}",
			"!Service selector must have no label keys in common with target workload" },
		{ "a key with the same value", SERVICE,
			"{spec: {template: {metadata: {labels: {tier: front}}}}}",
			"!Service selector must have no label keys in common with target workload" },
		{ "a key of the object alone", SERVICE,
			"{metadata: {labels: {lb: x}}, spec: {template: {metadata: {}}}}",
			"{metadata: {labels: {lb: x}}, spec: {template: {metadata: {labels: {lb: web, "
			"tier: front}}}}}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val service = value_of(rows[i].service);
		_cleanup_(val_free) struct val workload = value_of(rows[i].workload);
		_cleanup_err_ struct err err = ERR_INIT;

		if (traffic_attach(service, &workload, &err) == 0)
			assert_value(rows[i].what, workload, rows[i].wanted);
		else
			assert_string_equal(err_text(&err), rows[i].wanted + 1);
	}
}

static void patches_are_made_from_what_is_there(void **state)
{
	static const struct {
		const char *what, *service, *object;
		bool enable;
		const char *wanted;
	} rows[] = {
		{ "enable a template", SERVICE,
			"{spec: {template: {metadata: {labels: {app: web}}}}}", true,
			"[{op: add, path: /spec/template/metadata/labels/lb, value: web}, {op: add, "
			"path: /spec/template/metadata/labels/tier, value: front}]" },
		{ "a key that is there is replaced", SERVICE,
			"{spec: {template: {metadata: {labels: {lb: other}}}}}", true,
			"[{op: replace, path: /spec/template/metadata/labels/lb, value: web}, {op: "
			"add, path: /spec/template/metadata/labels/tier, value: front}]" },
		{ "also with its value", SERVICE, "{metadata: {labels: {lb: web, tier: front}}}", true,
			"[{op: replace, path: /metadata/labels/lb, value: web}, {op: replace, path: "
			"/metadata/labels/tier, value: front}]" },
		{ "disable a template", SERVICE,
			"{spec: {template: {metadata: {labels: {app: web, lb: web, tier: front}}}}}",
			false,
			"[{op: remove, path: /spec/template/metadata/labels/lb}, {op: remove, path: "
			"/spec/template/metadata/labels/tier}]" },
		{ "whatever the value", SERVICE, "{metadata: {labels: {lb: other}}}", false,
			"[{op: remove, path: /metadata/labels/lb}]" },
		{ "disabled already", SERVICE, "{metadata: {labels: {app: web}}}", false, "[]" },
		{ "without labels", SERVICE, "{metadata: {}}", false, "[]" },
		{ "enable without labels", SERVICE, "{metadata: {}}", true,
			"[{op: add, path: /metadata/labels, value: {}}, {op: add, path: "
			"/metadata/labels/lb, value: web}, {op: add, path: /metadata/labels/tier, "
			"value: front}]" },
		{ "keys are escaped", SLASHES, "{metadata: {labels: {x: z}}}", true,
			"[{op: add, path: '/metadata/labels/a~1b~0c', value: v}]" },
		{ "keys are escaped", SLASHES, "{metadata: {labels: {'a/b~c': z}}}", false,
			"[{op: remove, path: '/metadata/labels/a~1b~0c'}]" },
		{ "no selector", "{spec: {}}", "{metadata: {labels: {a: b}}}", true, "[]" },
		{ "no selector, no labels", "{spec: {}}", "{metadata: {}}", true, "[]" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val service = value_of(rows[i].service);
		_cleanup_(val_free) struct val object = value_of(rows[i].object);
		_cleanup_(val_free) struct val patch = traffic_patch(service, object, rows[i].enable);

		assert_value(rows[i].what, patch, rows[i].wanted);
	}
}

static void references_have_a_form(void **state)
{
	static const struct {
		const char *text;
		bool attaching;
		const char *wanted; /* '!' and the error */
	} rows[] = {
		{ "service web", true, "web" },
		{ "svc web", true, "web" },
		{ "Service web", false, "web" },
		{ "web", true,
			"!Failed to attach load balancer 'web'. Load balancers must be specified in "
			"the form '{kind} {name}', e.g. 'service my-service'." },
		{ "service  web", false,
			"!Failed to perform operation with load balancer 'service  web'. Load "
			"balancers must be specified in the form '{kind} {name}', e.g. 'service "
			"my-service'." },
		{ "ingress web", true,
			"!No support for load balancing via ingress exists in Spinnaker" },
		{ "Service.serving.knative.dev web", true,
			"!No support for load balancing via Service.serving.knative.dev exists in "
			"Spinnaker" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *name = NULL, *got = NULL;

		if (traffic_service_name(rows[i].text, rows[i].attaching, &name, &err) < 0)
			got = xasprintf("!%s", err_text(&err));
		assert_string_equal(got ? got : name, rows[i].wanted);
	}
}

#define ANNOTATED(text) "{metadata: {annotations: {" TRAFFIC_ANNOTATION ": " text "}}}"

static void the_annotation_is_written_once(void **state)
{
	static const struct {
		const char *manifest, *services, *wanted; /* '!' and the error */
	} rows[] = {
		{ "{metadata: {}}", "[service a]", ANNOTATED("'[\"service a\"]'") },
		{ "{metadata: {annotations: null}}", "[service a]", ANNOTATED("'[\"service a\"]'") },
		{ "{metadata: {}}", "[]", "{metadata: {}}" },
		{ ANNOTATED("'[\"service a\"]'"), "[]", ANNOTATED("'[\"service a\"]'") },
		{ ANNOTATED("'[\"service a\"]'"), "[service a]", ANNOTATED("'[\"service a\"]'") },
		{ ANNOTATED("'[ \"service a\" ]'"), "[service a]", ANNOTATED("'[ \"service a\" ]'") },
		{ ANNOTATED("'[\"service a\",\"service b\"]'"), "[service b, service a]",
			"!Manifest already has traffic.spinnaker.io/load-balancers annotation set to "
			"[\"service a\",\"service b\"]. Failed attempting to set it to [\"service "
			"b\",\"service a\"]." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val manifest = value_of(rows[i].manifest);
		_cleanup_(val_free) struct val services = value_of(rows[i].services);
		_cleanup_err_ struct err err = ERR_INIT;

		if (traffic_annotate(&manifest, services, &err) == 0)
			assert_value("annotated", manifest, rows[i].wanted);
		else
			assert_string_equal(err_text(&err), rows[i].wanted + 1);
	}
}

#define RS(name, cluster, rest)                                                              \
	"{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: " name                     \
	", namespace: shop, generation: 1, annotations: {moniker.spinnaker.io/application: " \
	"shop, moniker.spinnaker.io/cluster: " cluster "}}, " rest "}"
#define READY                                                                            \
	"spec: {replicas: 1}, status: {observedGeneration: 1, fullyLabeledReplicas: 1, " \
	"readyReplicas: 1, availableReplicas: 1}"
#define SCALING                                                                          \
	"spec: {replicas: 3}, status: {observedGeneration: 1, fullyLabeledReplicas: 1, " \
	"readyReplicas: 1, availableReplicas: 1}"
#define NEVER "spec: {replicas: 1}, status: {observedGeneration: 1, fullyLabeledReplicas: 1}"
#define NONE_WANTED "spec: {replicas: 0}, status: {observedGeneration: 1}"
#define FOLLOW_UP(type, name) \
	"{type: " type "Manifest, manifestName: replicaSet " name ", location: shop}"

static void a_strategy_deals_with_the_others(void **state)
{
	static const struct {
		const char *what, *strategy, *live, *wanted;
	} rows[] = {
		{ "none", "none", "[" RS("a", "web", READY) "]", "[]" },
		{ "itself stays", "bluegreen", "[" RS("new", "web", READY) "]", "[]" },
		{ "one that is up", "bluegreen", "[" RS("a", "web", READY) "]",
			"[" FOLLOW_UP("disable", "a") "]" },
		{ "redblack is the same", "redblack", "[" RS("a", "web", READY) "]",
			"[" FOLLOW_UP("disable", "a") "]" },
		{ "one that is scaling", "bluegreen", "[" RS("a", "web", SCALING) "]",
			"[" FOLLOW_UP("disable", "a") "]" },
		{ "one that never came up", "bluegreen", "[" RS("a", "web", NEVER) "]",
			"[" FOLLOW_UP("delete", "a") "]" },
		{ "one of no replicas", "bluegreen", "[" RS("a", "web", NONE_WANTED) "]",
			"[" FOLLOW_UP("disable", "a") "]" },
		{ "no status yet", "bluegreen", "[" RS("a", "web", "spec: {replicas: 1}") "]",
			"[" FOLLOW_UP("delete", "a") "]" },
		{ "another cluster", "bluegreen", "[" RS("a", "other", READY) "]", "[]" },
		{ "in the order of the list", "bluegreen",
			"[" RS("b", "web", READY) ", " RS("a", "web", NEVER) ", " RS(
				"new", "web", READY) "]",
			"[" FOLLOW_UP("disable", "b") ", " FOLLOW_UP("delete", "a") "]" },
		{ "there can be only one", "highlander",
			"[" RS("b", "web", READY) ", " RS("a", "web", NEVER) "]",
			"[" FOLLOW_UP("disable", "b") ", " FOLLOW_UP("disable", "a") ", " FOLLOW_UP(
				"delete", "b") ", " FOLLOW_UP("delete", "a") "]" },
	};
	_cleanup_(val_free) struct val deployed = value_of("[" RS("new", "web", READY) "]");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val live = value_of(rows[i].live);
		_cleanup_(val_free) struct val list = traffic_follow_ups(
			rows[i].strategy, deployed, live);

		assert_value(rows[i].what, list, rows[i].wanted);
	}
}

static void a_deployment_has_no_strategy(void **state)
{
	_cleanup_(val_free) struct val deployed = value_of(
		"[{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, "
		"annotations: {moniker.spinnaker.io/application: shop, "
		"moniker.spinnaker.io/cluster: web}}}]");
	_cleanup_(val_free) struct val live = value_of("[" RS("a", "web", READY) "]");
	_cleanup_(val_free) struct val list = traffic_follow_ups("highlander", deployed, live);

	assert_int_equal(val_count(list), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_workload_is_attached),
		cmocka_unit_test(patches_are_made_from_what_is_there),
		cmocka_unit_test(references_have_a_form),
		cmocka_unit_test(the_annotation_is_written_once),
		cmocka_unit_test(a_strategy_deals_with_the_others),
		cmocka_unit_test(a_deployment_has_no_strategy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
