/* What a manifest may be known to have wrong before a server is asked. */
#include "lib/values.h"

#include "kubernetes/manifest.h"

#define DEPLOYMENT(spec) \
	"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: " spec "}"
#define POD(spec) DEPLOYMENT("{template: {metadata: {labels: {app: web}}, spec: " spec "}}")

static const struct {
	const char *source;
	const char *error; /* NULL = fine */
} rows[] = {
	{ "[{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}, {port: '80'}]}}]",
		"m[0].spec.ports[1].port: expected a whole number, got string" },
	{ "[{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80, targetPort: web}, {port: 81, targetPort: 8}]}}]",
		NULL },
	{ "[{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: {port: 80}}}]",
		"m[0].spec.ports: expected a list, got map" },
	{ "[{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [80]}}]",
		"m[0].spec.ports[0]: expected a map, got int" },
	{ "[{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: '${port}'}]}}]",
		"m[0].spec.ports[0].port: expected a whole number, got string whose expression was not resolved" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b, c: 1}}]",
		"m[0].data.c: expected a string, got int" },
	{ "[{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {c: true}}]",
		"m[0].stringData.c: expected a string, got bool" },
	{ "[{apiVersion: v1, kind: Secret, metadata: {name: a}, stringdata: {c: d}}]",
		"m[0].stringdata: a Secret has no such field; it is written stringData" },
	{ "[{apiVersion: v1, kind: Secret, metadata: {name: a}, immutable: planted}]",
		"m[0].immutable: expected true or false, got string" },
	{ "[{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {pw: 'not*base64'}}]",
		"m[0].data.pw: is not base64" },
	{ "[{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {pw: Yg==, n: null}}]", NULL },
	{ "[" DEPLOYMENT(
		  "{selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: b}}}}") "]",
		"m[0].spec.selector.matchLabels.app: is not a label" },
	{ "[" DEPLOYMENT(
		  "{selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a, b: c}}}}") "]",
		NULL },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {x: 1}}}]",
		"m[0].metadata.annotations.x: expected a string, got int" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: yes}}}]",
		"m[0].metadata.labels.x: expected a string, got bool" },
	{ "[" DEPLOYMENT("{replicas: 3, paused: false}") "]", NULL },
	{ "[" DEPLOYMENT("{replicas: '3'}") "]",
		"m[0].spec.replicas: expected a whole number, got string" },
	{ "[" DEPLOYMENT("{replicas: 1.5}") "]",
		"m[0].spec.replicas: expected a whole number, got double" },
	{ "[" DEPLOYMENT("{replicas: null}") "]", NULL },
	{ "[" DEPLOYMENT("{paused: 'true'}") "]",
		"m[0].spec.paused: expected true or false, got string" },
	{ "[" DEPLOYMENT("[a]") "]", "m[0].spec: expected a map, got list" },
	{ "[" DEPLOYMENT("{template: text}") "]", NULL }, /* the server's to say */
	{ "[" POD("{containers: [{image: a, env: [{name: A, value: 1}]}]}") "]",
		"m[0].spec.template.spec.containers[0].env[0].value: expected a string, got int" },
	{ "[" POD("{initContainers: [{image: a, args: [a, 2]}]}") "]",
		"m[0].spec.template.spec.initContainers[0].args[1]: expected a string, got int" },
	{ "[" POD("{containers: [{image: 1.25, ports: [{containerPort: 80}]}]}") "]",
		"m[0].spec.template.spec.containers[0].image: expected a string, got double" },
	{ "[{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{ports: [{containerPort: x}]}]}}]",
		"m[0].spec.containers[0].ports[0].containerPort: expected a whole number, got string" },
	{ "[{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {template: {spec: {nodeSelector: {gpu: true}}}}}}}]",
		"m[0].spec.jobTemplate.spec.template.spec.nodeSelector.gpu: expected a string, got bool" },
	{ "[{apiVersion: example.com/v1, kind: Service, metadata: {name: A_b, labels: {x: 1}}, spec: {ports: [{port: '80'}]}}]",
		NULL }, /* a kind of somebody else */
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: My_App}}]",
		"m[0].metadata.name: \"My_App\" is no name for Kubernetes" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a-}}]",
		"m[0].metadata.name: \"a-\" is no name" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: 'a-${x}'}}]",
		"m[0].metadata.name: an expression was not resolved" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b-9, namespace: Shop}}]",
		"m[0].metadata.namespace: \"Shop\" is no name" },
	{ "[{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: 'system:Node_x'}}]",
		NULL },
	{ "'kind: ConfigMap'", "m.apiVersion: is required" },
	{ "\"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n---\\nkind: Pod\\n\"",
		"m: document 2.apiVersion: is required" },
	{ "[\"a: 1\\na: 2\\n\"]", "m[0]: line 2, column 1: the key \"a\" stands twice" },
	{ "[\"a: 1\\n---\\nb:\\n\\tc: 1\"]", "m[0]: document 2: line 4, column 1: a tab" },
	{ "[hello]", "m[0]: expected an object, got string" },
	{ "['${manifest}']",
		"m[0]: expected an object, got string whose expression was not resolved" },
	{ "[{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, 7]",
		"m[1]: expected an object, got int" },
};

static void mistakes_are_named_by_document_and_field(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val source = value_of(rows[i].source), list = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;
		int done = manifests_flatten(source, "m", &list, &err);

		if (!rows[i].error && done < 0)
			fail_msg("%s: %s", rows[i].source, err_text(&err));
		if (rows[i].error && (done == 0 || !strstr(err_text(&err), rows[i].error)))
			fail_msg("%s: expected %s, got %s", rows[i].source, rows[i].error,
				err_text(&err));
	}
}

static void text_becomes_its_objects(void **state)
{
	_cleanup_(val_free) struct val
		list = VAL_NULL,
		source = value_of(
			"[\"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n---\\n---\\n"
			"{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]}\", "
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]");
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(manifests_flatten(source, "m", &list, &err), 0);
	assert_value("names", list,
		"[{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}, "
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named_by_document_and_field),
		cmocka_unit_test(text_becomes_its_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
