/* Bodies of patches: what is taken, what is refused, what is bound in them. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/patch.h"

#define EMPTY                                                                               \
	"!The Patch (Manifest) stage requires a valid patch body. Please add a patch body " \
	"inline or with an artifact."
#define ONE                                                                             \
	"!Only one patch object is valid when patching with strategic and merge patch " \
	"strategies."

static void a_body_is_taken_or_refused(void **state)
{
	static const struct {
		const char *what, *body;
		enum patch_strategy strategy;
		const char *wanted; /* '!' and the error */
	} rows[] = {
		{ "an object", "{spec: {a: 1}}", PATCH_STRATEGIC, "{spec: {a: 1}}" },
		{ "an object", "{spec: {a: null}}", PATCH_MERGE, "{spec: {a: null}}" },
		{ "a list of one", "[{spec: {a: 1}}]", PATCH_STRATEGIC, "{spec: {a: 1}}" },
		{ "a list in a list", "[[{spec: {a: 1}}], null]", PATCH_MERGE, "{spec: {a: 1}}" },
		{ "text", "\"spec: {a: 1}\"", PATCH_STRATEGIC, "{spec: {a: 1}}" },
		{ "nothing", "null", PATCH_STRATEGIC, EMPTY },
		{ "nothing", "null", PATCH_JSON, EMPTY },
		{ "an empty object", "{}", PATCH_MERGE, EMPTY },
		{ "an empty list", "[]", PATCH_JSON, EMPTY },
		{ "a list of empty ones", "[{}, {}]", PATCH_JSON, EMPTY },
		{ "an empty text", "''", PATCH_STRATEGIC, EMPTY },
		{ "two objects", "[{a: 1}, {b: 2}]", PATCH_STRATEGIC, ONE },
		{ "two objects", "[{a: 1}, {b: 2}]", PATCH_MERGE, ONE },
		{ "a number", "3", PATCH_STRATEGIC, "!patchBody: expected an object, got int" },
		{ "a number in a list", "[3]", PATCH_JSON, "!patchBody: expected an object, got int" },
		{ "text that is no object", "just words", PATCH_STRATEGIC,
			"!patchBody: expected an object, got string" },
		{ "operations", "[{op: add, path: /a, value: 1}, {op: remove, path: /b}]",
			PATCH_JSON, "[{op: add, path: /a, value: 1}, {op: remove, path: /b}]" },
		{ "one operation", "{op: replace, path: '', value: null}", PATCH_JSON,
			"[{op: replace, path: '', value: null}]" },
		{ "another operation", "[{op: remove, path: /a}, {op: test, path: /a, value: 1}]",
			PATCH_JSON,
			"!patchBody[1].op: expected replace, add or remove, got \"test\"" },
		{ "no operation", "[{path: /a}]", PATCH_JSON,
			"!patchBody[0].op: expected replace, add or remove, got \"\"" },
		{ "no path", "[{op: remove}]", PATCH_JSON,
			"!patchBody[0].path: expected a path, such as /spec/replicas" },
		{ "no such path", "[{op: remove, path: a}]", PATCH_JSON,
			"!patchBody[0].path: expected a path, such as /spec/replicas" },
		{ "no value", "[{op: add, path: /a}]", PATCH_JSON,
			"!patchBody[0].value: is required" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val body = value_of(rows[i].body), got = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		if (patch_body(body, rows[i].strategy, &got, &err) == 0)
			assert_value(rows[i].what, got, rows[i].wanted);
		else if (strcmp(err_text(&err), rows[i].wanted + 1) != 0)
			fail_msg("%s: %s", rows[i].what, err_text(&err));
	}
}

static void references_in_a_part_are_bound(void **state)
{
	_cleanup_(val_free) struct val patch = value_of(
		"{metadata: {labels: {a: b}}, spec: {template: {spec: {containers: [{name: main, "
		"image: nginx}], volumes: [{configMap: {name: settings}}]}}}}");
	_cleanup_(val_free) struct val other = val_ref(patch);
	_cleanup_(val_free) struct val candidates = value_of(
		"[{type: docker/image, name: nginx, reference: 'nginx:2'}, {type: "
		"kubernetes/configMap, name: settings, location: shop, reference: settings-v001}]");
	_cleanup_(val_free) struct val bound = val_list();

	patch_bind(&patch, "apps/v1", "Deployment", "shop", "prod", candidates, &bound);
	assert_value("bound", patch,
		"{metadata: {labels: {a: b}}, spec: {template: {spec: {containers: [{name: main, "
		"image: 'nginx:2'}], volumes: [{configMap: {name: settings-v001}}]}}}}");
	assert_int_equal(val_count(bound), 2);
	patch_bind(&other, "apps/v1", "Deployment", "elsewhere", "prod", candidates, &bound);
	assert_value("bound", other,
		"{metadata: {labels: {a: b}}, spec: {template: {spec: {containers: [{name: main, "
		"image: 'nginx:2'}], volumes: [{configMap: {name: settings}}]}}}}");
}

static void a_mark_knows_our_own_updates(void **state)
{
	_cleanup_(val_free) struct val object = value_of(
		"{metadata: {resourceVersion: '7', managedFields: [{manager: gennaker, operation: "
		"Apply, time: a}, {manager: gennaker, operation: Update, time: b}, {manager: "
		"gennaker, operation: Update, subresource: scale, time: c}, {manager: kubectl, "
		"operation: Update, time: d}]}}");
	_cleanup_(val_free) struct val mark = patch_mark(object, "gennaker");
	_cleanup_(val_free) struct val operations = value_of("[{op: remove, path: /a}]");
	_cleanup_(val_free) struct val guarded = patch_guarded(operations, mark);

	assert_value("mark", mark,
		"{resourceVersion: '7', ours: {manager: gennaker, operation: Update, time: b}}");
	assert_value("guarded", guarded,
		"[{op: replace, path: /metadata/resourceVersion, value: '7'}, {op: remove, path: "
		"/a}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_taken_or_refused),
		cmocka_unit_test(references_in_a_part_are_bound),
		cmocka_unit_test(a_mark_knows_our_own_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
