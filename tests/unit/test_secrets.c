/* Kubernetes Secrets in what people see. */
#include <stdio.h>

#include "lib/values.h"

#include "base/json.h"
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
			"{kind: Secret, extra: {kind: '***', data: '***'}}" },
		{ "a misspelt key",
			"{apiVersion: v1, kind: Secret, metadata: {name: s}, type: Opaque, stringdata: {a: planted}, Data: {b: planted}, spec: {c: [planted]}, immutable: planted}",
			"{apiVersion: v1, kind: Secret, metadata: {name: s}, type: Opaque, stringdata: {a: '***'}, Data: {b: '***'}, spec: {c: '***'}, immutable: '***'}" },
		{ "a misspelt kind", "{Kind: Secret, data: {a: planted}, datta: planted}",
			"{Kind: Secret, data: {a: '***'}, datta: '***'}" },
		{ "a stage that is about one",
			"{kind: secret, account: a, cluster: b, immutable: true}",
			"{kind: secret, account: a, cluster: b, immutable: true}" },
		{ "a reference", "{apiVersion: v1, kind: Secret, name: s, uid: u, namespace: n}",
			"{apiVersion: v1, kind: Secret, name: s, uid: u, namespace: n}" },
		{ "a patch of one",
			"{manifestName: secret s, patchBody: [{stringData: {a: planted}}, {op: add, path: /data/b, value: planted}]}",
			"{manifestName: secret s, patchBody: [{stringData: {a: '***'}}, {op: add, path: /data/b, value: '***'}]}" },
		{ "a patch of one that a rule chooses",
			"{kind: Secret, criteria: newest, patchBody: {data: {a: planted}}}",
			"{kind: Secret, criteria: newest, patchBody: {data: {a: '***'}}}" },
		{ "a patch of one, with its group",
			"{manifestName: secret.core s, patchBody: {data: {a: planted}}}",
			"{manifestName: secret.core s, patchBody: {data: {a: '***'}}}" },
		{ "an embedded artifact",
			/* kind: Secret, stringData: {a: planted} */
			"{artifacts: [{type: embedded/base64, name: m, reference: a2luZDogU2VjcmV0CnN0cmluZ0RhdGE6IHthOiBwbGFudGVkfQo=}]}",
			"{artifacts: [{type: embedded/base64, name: m, reference: '***'}]}" },
		{ "an embedded artifact without one",
			"{type: embedded/base64, name: m, reference: a2luZDogQ29uZmlnTWFwCg==}",
			"{type: embedded/base64, name: m, reference: a2luZDogQ29uZmlnTWFwCg==}" },
		{ "a patch of something else",
			"{manifestName: configMap s, patchBody: {data: {a: shown}}}",
			"{manifestName: configMap s, patchBody: {data: {a: shown}}}" },
		{ "no Secret", "{kind: ConfigMap, data: {a: shown}}",
			"{kind: ConfigMap, data: {a: shown}}" },
		{ "a scalar", "planted", "planted" },
	};

	assert_false(secrets_possible(
		STR("{\"kind\":\"ConfigMap\",\"name\":\"s\",\"data\":{\"a\":\"b\"}}")));

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val value = value_of(rows[i].value);
		_cleanup_(val_free) struct val masked = secrets_masked(value);

		_cleanup_free_ char *text = json_text(value, JSON_COMPACT);

		assert_value(rows[i].what, masked, rows[i].wanted);
		assert_value(rows[i].what, value, rows[i].value);
		if (!val_equal(masked, value))
			assert_true(secrets_possible(str_of(text)));
	}
}

static void the_word_is_found_wherever_it_stands(void **state)
{
	static const char *const words[] = { "Secret", "sECRET", "embedded/base64",
		"Embedded/BASE64", "\\\\x53", "\\\\\\\\" };
	static const char *const no_words[] = { "secre", "ecret", "embedded/base6", "\\n\\\\n",
		"\\\\" };
	static const char around[] = "seseccre\\tembembedded/base6secres";
	char text[128];

	for (int i = 0; i < (int)sizeof(around); i++) {
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
			snprintf(text, sizeof(text), "%.*s%s", i, around, words[j]);
			assert_true(secrets_possible(str_of(text)));
			snprintf(text, sizeof(text), "%s%.*s", words[j], i, around);
			assert_true(secrets_possible(str_of(text)));
		}
		for (size_t j = 0; j < sizeof(no_words) / sizeof(no_words[0]); j++) {
			snprintf(text, sizeof(text), "%.*s %s", i, around, no_words[j]);
			assert_false(secrets_possible(str_of(text)));
		}
	}
}

static void what_holds_none_is_the_very_same(void **state)
{
	_cleanup_(val_free) struct val value = value_of(
		"{a: [{kind: ConfigMap, data: {b: c}}], d: 1}");
	_cleanup_(val_free) struct val masked = secrets_masked(value);

	assert_true(val_same(value, masked));
}

static void manifests_that_are_text_are_masked(void **state)
{
	static const char *const texts[] = {
		"kind: Secret\nstringData: {a: planted}\n",
		"apiVersion: v1\nkind: ConfigMap\ndata: {a: shown}\n---\n# c\n  \nkind:   \"Secret\"\ndata:\n  a: planted\n",
		"{\"kind\" :\"Secret\",\"data\":{\"a\":\"planted\"}}",
		"- kind: Secret\n  stringData:\n    a: planted\n- kind: List\n",
		"kind: !!str Secret\nstringData: {a: planted}\n",
		"kind: &k Secret\nstringData: {a: planted}\n",
		"a: &k Secret\nkind: *k\nstringData: {a: planted}\n",
		"kind: >-\n  Secret\nstringData: {a: planted}\n",
		"kind: # what it is\n  Secret\nstringData: {a: planted}\n",
		"kind: \"\\x53ecret\"\nstringData: {a: planted}\n",
		"\"\\u006bind\": \"S\\\n  ecret\"\nstringData: {a: planted}\n",
		"? !!str kind\n: !!str Secret\nstringData: {a: planted}\n",
		"kind: ConfigMap\ndata: {b: \"kind: !x Secret\\ndata: planted\"}\n", /* text in it */
		"kind: !!str Secret\nstringData:\n\ta: planted\n",
		"kind: Secret\nstringData:\n\ta: planted\n", /* a tab: it cannot be read */
		"kind: Secret\nstringData:\n  a: 'planted\n",
		"\"{\\\"kind\\\": \\\"Secret\\\", \\\"data\\\": \\\"planted\\\"}\"", /* text in text */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_(val_free) struct val value = val_map(), masked = VAL_NULL;
		struct val manifests = val_list();
		const char *text;

		val_append(&manifests, val_string(texts[i]));
		val_set(&value, "manifests", manifests);
		masked = secrets_masked(value);
		manifests = val_at(val_get(masked, "manifests"), 0);
		text = val_text(&manifests);
		if (strstr(text, "planted") || !strstr(text, "***"))
			fail_msg("%s became %s", texts[i], text);
		assert_true(i != 1 || strstr(text, "shown"));
	}
}

static void other_texts_stay(void **state)
{
	_cleanup_(val_free) struct val value = value_of(
		"{a: 'kind: ConfigMap', b: 'a kind secret', c: 'kind of: Secret', d: 'kind:', e: kin, "
		"f: 'cannot list secrets: that kind is forbidden', g: 'kind: &', h: 'kind: |', i: 'kind: #', "
		"j: 'a kind: not one, but: secrets', k: 'C:\\users\\x: kind'}");
	_cleanup_(val_free) struct val masked = secrets_masked(value);

	assert_true(val_same(value, masked));
}

/* Keys as expr/template.c makes them. */
static void failed_expressions_of_a_secret_are_masked(void **state)
{
	static const struct {
		const char *context, *summary, *wanted;
	} rows[] = {
		{ "{manifests: [{kind: Secret, stringData: {a: \"${'planted' + missing}\"}}]}",
			"{\"'planted' + missing\": [{level: ERROR, description: 'planted failed'}]}",
			"{'*** (1)': [{level: ERROR, description: Failed to evaluate an expression in the data of a Secret}]}" },
		{ "{manifests: [{kind: Secret, data: {a: 'planted ${open'}}]}",
			"{'planted {open': [{description: planted}]}",
			"{'*** (1)': [{description: Failed to evaluate an expression in the data of a Secret}]}" },
		{ "{manifests: [{kind: Secret, data: {a: 'x ${planted} y ${#stage(two)}'}}]}",
			"{'planted#stage( #root.execution, two)': []}", "{'*** (1)': []}" },
		{ "{manifests: \"kind: Secret\\ndata: {a: '${planted}'}\"}", "{planted: []}",
			"{'*** (1)': []}" },
		{ "{manifestName: secret s, patchBody: {a: '${planted}'}}", "{planted: []}",
			"{'*** (1)': []}" },
		{ "{other: '${shown}', manifests: [{kind: Secret, metadata: {name: '${alsoShown}'}, data: {a: b}}]}",
			"{shown: [], alsoShown: []}", "{shown: [], alsoShown: []}" },
		{ "{manifests: [{kind: ConfigMap, data: {a: '${shown}'}}]}", "{shown: []}",
			"{shown: []}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val context = value_of(rows[i].context);
		_cleanup_(val_free) struct val summary = value_of(rows[i].summary);
		_cleanup_(val_free) struct val masked = secrets_summary_masked(context, summary);

		assert_value(rows[i].context, masked, rows[i].wanted);
	}
}

/* As the whole map would be masked, though the member alone does not say what it is for. */
static void one_member_is_masked_as_its_map_would_be(void **state)
{
	static const struct {
		const char *map, *key, *wanted;
	} rows[] = {
		{ "{manifestName: secret s, patchBody: [{data: {a: planted}}]}", "patchBody",
			"[{data: {a: '***'}}]" },
		{ "{kind: Secret, data: {a: planted}}", "data", "{a: '***'}" },
		{ "{manifests: [{kind: Secret, data: {a: planted}}]}", "manifests",
			"[{kind: Secret, data: {a: '***'}}]" },
		{ "{account: a, data: {a: shown}}", "data", "{a: shown}" },
		{ "{account: a}", "none", "null" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val map = value_of(rows[i].map);
		_cleanup_(val_free) struct val masked = secrets_masked_member(
			map, str_of(rows[i].key));

		assert_value(rows[i].map, masked, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_masked_and_keys_stay),
		cmocka_unit_test(the_word_is_found_wherever_it_stands),
		cmocka_unit_test(what_holds_none_is_the_very_same),
		cmocka_unit_test(manifests_that_are_text_are_masked),
		cmocka_unit_test(other_texts_stay),
		cmocka_unit_test(failed_expressions_of_a_secret_are_masked),
		cmocka_unit_test(one_member_is_masked_as_its_map_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
