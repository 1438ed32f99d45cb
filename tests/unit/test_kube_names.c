/* What names and annotations say, and what a deploy makes of them. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/names.h"

#define NAMED(name) "{apiVersion: v1, kind: Service, metadata: {name: " name "}}"
#define NOTED(kind, name, notes) \
	"{apiVersion: apps/v1, kind: " kind ", metadata: {name: " name ", annotations: {" notes "}}}"
#define MONIKER(app, cluster, sequence) \
	"{app: " app ", cluster: " cluster ", stack: null, detail: null, sequence: " sequence "}"

static void a_name_is_read(void **state)
{
	static const struct {
		const char *object, *wanted;
	} rows[] = {
		{ NAMED("web"), MONIKER("web", "web", "null") },
		{ NAMED("app-stack"), MONIKER("app", "app-stack", "null") },
		{ NAMED("app-stack-detail"), MONIKER("app", "app-stack-detail", "null") },
		{ NAMED("app-stack-more-detail"), MONIKER("app", "app-stack-more-detail", "null") },
		{ NAMED("app--detail"), MONIKER("app", "app--detail", "null") },
		{ NAMED("web-v003"), MONIKER("web", "web", "3") },
		{ NAMED("app-stack-v123456"), MONIKER("app", "app-stack", "123456") },
		{ NAMED("web-v000"), MONIKER("web", "web", "0") },
		{ NAMED("web-v03"), MONIKER("web", "web-v03", "null") },
		{ NAMED("web-v1234567"), MONIKER("web", "web-v1234567", "null") },
		{ NAMED("web-003"), MONIKER("web", "web-003", "null") },
		{ NAMED("v003"), MONIKER("v003", "v003", "null") },
		{ NAMED("'web:x'"), MONIKER("null", "null", "null") },
		{ NAMED("'we~b'"), MONIKER("null", "null", "null") },
		{ NAMED("'a-b-c~d^e'"), MONIKER("a", "'a-b-c~d^e'", "null") },
		{ NAMED("'a-b~c'"), MONIKER("null", "null", "null") },
		{ NAMED("-web"), MONIKER("null", "null", "null") },
		{ NAMED("a.b_c"), MONIKER("a.b_c", "a.b_c", "null") },
		{ NAMED("'system:node'"), MONIKER("system", "'system:node'", "null") },
		{ NAMED("'system:node-v004'"), MONIKER("system", "'system:node'", "4") },
		{ NAMED("'system:a:b'"), MONIKER("system", "'system:a:b'", "null") },
		{ "{kind: Pod, metadata: {}}", MONIKER("null", "null", "null") },
		{ NOTED("Deployment", "web-v003",
			  "moniker.spinnaker.io/application: shop, moniker.spinnaker.io/cluster: "
			  "deployment web, moniker.spinnaker.io/sequence: '7'"),
			MONIKER("shop", "deployment web", "7") },
		{ NOTED("Deployment", "a-b-c",
			  "moniker.spinnaker.io/stack: s, moniker.spinnaker.io/detail: d"),
			"{app: a, cluster: a-b-c, stack: s, detail: d, sequence: null}" },
		{ NOTED("ReplicaSet", "web-5df", "deployment.kubernetes.io/revision: '12'"),
			MONIKER("web", "web-5df", "12") },
		{ NOTED("ReplicaSet", "web-v003", "deployment.kubernetes.io/revision: '12'"),
			MONIKER("web", "web", "12") },
		{ NOTED("Deployment", "web", "deployment.kubernetes.io/revision: '12'"),
			MONIKER("web", "web", "null") },
		{ NOTED("Deployment", "'x:y'", "moniker.spinnaker.io/application: shop"),
			MONIKER("shop", "null", "null") },
		{ NOTED("Deployment", "web", "moniker.spinnaker.io/application: '\"shop\"'"),
			MONIKER("shop", "web", "null") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val object = value_of(rows[i].object);
		_cleanup_(val_free) struct val moniker = moniker_of(object);

		assert_value(rows[i].object, moniker, rows[i].wanted);
	}
}

#define S "strategy.spinnaker.io/"
#define STRATEGY(deploy, apply, versioned, history, capacity)                     \
	"{deploy: " deploy ", serverSideApply: " apply ", versioned: '" versioned \
	"', maxVersionHistory: " history ", useSourceCapacity: " capacity "}"

static void a_strategy_is_read(void **state)
{
	static const struct {
		const char *notes, *wanted;
	} rows[] = {
		{ "", STRATEGY("apply", "disabled", "default", "null", "false") },
		{ S "recreate: 'true'", STRATEGY("recreate", "disabled", "default", "null", "false") },
		{ S "recreate: 'TRUE'", STRATEGY("recreate", "disabled", "default", "null", "false") },
		{ S "recreate: 'yes'", STRATEGY("apply", "disabled", "default", "null", "false") },
		{ S "replace: 'true'", STRATEGY("replace", "disabled", "default", "null", "false") },
		{ S "replace: 'true', " S "recreate: 'true'",
			STRATEGY("recreate", "disabled", "default", "null", "false") },
		{ S "server-side-apply: 'true'",
			STRATEGY("server-side-apply", "default", "default", "null", "false") },
		{ S "server-side-apply: force-conflicts",
			STRATEGY("server-side-apply", "force-conflicts", "default", "null", "false") },
		{ S "server-side-apply: 'no'",
			STRATEGY("apply", "disabled", "default", "null", "false") },
		{ S "server-side-apply: 'true', " S "replace: 'true'",
			STRATEGY("replace", "default", "default", "null", "false") },
		{ S "versioned: 'true'", STRATEGY("apply", "disabled", "true", "null", "false") },
		{ S "versioned: 'false'", STRATEGY("apply", "disabled", "false", "null", "false") },
		{ S "versioned: 'yes'", STRATEGY("apply", "disabled", "false", "null", "false") },
		{ S "versioned: ''", STRATEGY("apply", "disabled", "false", "null", "false") },
		{ S "max-version-history: '2'",
			STRATEGY("apply", "disabled", "default", "2", "false") },
		{ S "max-version-history: 2", STRATEGY("apply", "disabled", "default", "2", "false") },
		{ S "max-version-history: two",
			STRATEGY("apply", "disabled", "default", "null", "false") },
		{ S "use-source-capacity: 'true'",
			STRATEGY("apply", "disabled", "default", "null", "true") },
		{ S "use-source-capacity: '1'",
			STRATEGY("apply", "disabled", "default", "null", "false") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = xasprintf(
			NOTED("Deployment", "web", "%s"), rows[i].notes);
		_cleanup_(val_free) struct val manifest = value_of(text);
		_cleanup_(val_free) struct val strategy = strategy_of(manifest);

		assert_value(rows[i].notes, strategy, rows[i].wanted);
	}
}

#define MAP(name, more) \
	"{apiVersion: v1, kind: ConfigMap, metadata: {name: " name more "}, data: {a: b}}"
#define LIVE(kind, namespace, name, version)                                                                                  \
	"{apiVersion: v1, kind: " kind                                                                                        \
	", metadata: {name: x, namespace: " namespace ", creationTimestamp: x, annotations: {artifact.spinnaker.io/type: a, " \
						      "artifact.spinnaker.io/name: " name                                     \
						      ", artifact.spinnaker.io/version: " version                             \
						      "}}}"

static void names_are_chosen(void **state)
{
	static const struct {
		const char *what, *manifests, *live;
		struct opt_bool versioned;
		const char *wanted; /* names and versions */
	} rows[] = {
		{ "the first", "[" MAP("web", "") "]", "[]", { 0 }, "[web-v000, v000]" },
		{ "the next", "[" MAP("web", "") "]",
			"[" LIVE("ConfigMap", "shop", "web", "v004") "]", { 0 }, "[web-v005, v005]" },
		{ "another kind", "[" MAP("web", "") "]",
			"[" LIVE("Secret", "shop", "web", "v004") "]", { 0 }, "[web-v000, v000]" },
		{ "another namespace", "[" MAP("web", ", namespace: a") "]",
			"[" LIVE("ConfigMap", "shop", "web", "v004") "]", { 0 }, "[web-v000, v000]" },
		{ "the same namespace", "[" MAP("web", ", namespace: shop") "]",
			"[" LIVE("ConfigMap", "shop", "web", "v004") "]", { 0 }, "[web-v005, v005]" },
		{ "not versioned by the stage", "[" MAP("web", "") "]", "[]", { false, true },
			"[web, null]" },
		{ "not versioned by its kind", "[" NAMED("web") "]", "[]", { 0 }, "[web, null]" },
		{ "versioned by the stage", "[" NAMED("web") "]", "[]", { true, true },
			"[web-v000, v000]" },
		{ "in the order of the file", "[" NAMED("b") ", " MAP("a", "") "]", "[]", { 0 },
			"[b, null, a-v000, v000]" },
		{ "a name to be made", "[{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}]",
			"[]", { 0 }, "[null, null]" },
		{ "twice the same", "[" MAP("a", "") ", " MAP("a", "") "]", "[]", { 0 },
			"[a-v000, v000, a-v000, v000]" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val manifests = value_of(rows[i].manifests);
		_cleanup_(val_free) struct val live = value_of(rows[i].live), got = val_list();
		_cleanup_(val_free) struct val names = names_chosen(
			manifests, live, rows[i].versioned, NULL);

		for (size_t j = 0; j < val_count(names); j++) {
			val_append(&got, val_ref(val_get(val_at(names, j), "name")));
			val_append(&got, val_ref(val_get(val_at(names, j), "version")));
		}
		assert_value(rows[i].what, got, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_read),
		cmocka_unit_test(a_strategy_is_read),
		cmocka_unit_test(names_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
