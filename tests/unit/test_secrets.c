/* Kubernetes Secrets in what people see. */
#include "lib/values.h"

#include "model/secrets.h"

static void values_are_masked_and_keys_stay(void **state)
{
	static const struct {
		const char *what, *value, *wanted;
	} rows[] = {
		{ "data", "{kind: Secret, data: {a: cGxhbnRlZA==, b: ''}}",
			"{kind: Secret, data: {a: '***', b: '***'}}" },
		{ "stringData", "{kind: Secret, stringData: {a: planted, n: 7, deep: {x: planted}}}",
			"{kind: Secret, stringData: {a: '***', n: '***', deep: '***'}}" },
		{ "in any case", "{kind: SECRET, data: {a: planted}}",
			"{kind: SECRET, data: {a: '***'}}" },
		{ "no map", "{kind: Secret, data: '${ planted }', stringData: [planted]}",
			"{kind: Secret, data: '***', stringData: '***'}" },
		{ "null", "{kind: Secret, data: null}", "{kind: Secret, data: null}" },
		{ "deep inside",
			"{stages: [{manifests: [[{kind: List, items: [{kind: Secret, data: {a: "
			"planted}}]}], {kind: ConfigMap, data: {a: shown}}]}]}",
			"{stages: [{manifests: [[{kind: List, items: [{kind: Secret, data: {a: '***'}}]}], "
			"{kind: ConfigMap, data: {a: shown}}]}]}" },
		{ "the annotation",
			"{kind: Secret, metadata: {name: s, annotations: {"
			"kubectl.kubernetes.io/last-applied-configuration: planted, other: shown}}}",
			"{kind: Secret, metadata: {name: s, annotations: {"
			"kubectl.kubernetes.io/last-applied-configuration: '***', other: shown}}}" },
		{ "a Secret inside a Secret",
			"{kind: Secret, extra: {kind: Secret, data: {a: planted}}}",
			"{kind: Secret, extra: {kind: Secret, data: {a: '***'}}}" },
		{ "a patch of one",
			"{manifestName: secret s, patchBody: [{stringData: {a: planted}}, {op: add, path: /data/b, value: planted}]}",
			"{manifestName: secret s, patchBody: [{stringData: {a: '***'}}, {op: add, path: /data/b, value: '***'}]}" },
		{ "a patch of something else",
			"{manifestName: configMap s, patchBody: {data: {a: shown}}}",
			"{manifestName: configMap s, patchBody: {data: {a: shown}}}" },
		{ "no Secret", "{kind: ConfigMap, data: {a: shown}}",
			"{kind: ConfigMap, data: {a: shown}}" },
		{ "a scalar", "planted", "planted" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val value = value_of(rows[i].value);
		_cleanup_(val_free) struct val masked = secrets_masked(value);

		assert_value(rows[i].what, masked, rows[i].wanted);
		assert_value(rows[i].what, value, rows[i].value);
	}
}

static void what_holds_none_is_the_very_same(void **state)
{
	_cleanup_(val_free) struct val value = value_of(
		"{a: [{kind: ConfigMap, data: {b: c}}], d: 1}");
	_cleanup_(val_free) struct val masked = secrets_masked(value);

	assert_true(val_same(value, masked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_masked_and_keys_stay),
		cmocka_unit_test(what_holds_none_is_the_very_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
