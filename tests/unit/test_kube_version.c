/* Which objects get a version, and which one. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/version.h"

#define LIVE(name, version, created, more)                                             \
	"{apiVersion: v1, kind: ConfigMap, metadata: {name: x, uid: u-" created ", "   \
	"creationTimestamp: '" created "', annotations: {artifact.spinnaker.io/type: " \
	"kubernetes/configMap, artifact.spinnaker.io/name: " name                      \
	", artifact.spinnaker.io/version: '" version "'" more "}}}"
#define HASHED(hash) ", artifact.gennaker.io/content-hash: " hash
#define APPLIED(json) ", kubectl.kubernetes.io/last-applied-configuration: '" json "'"

static void a_version_is_asked_for(void **state)
{
	static const struct {
		const char *what, *manifest;
		struct opt_bool stage;
		bool wanted;
	} rows[] = {
		{ "by its kind", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", { 0 },
			true },
		{ "not by its kind", "{apiVersion: v1, kind: Service, metadata: {name: a}}", { 0 },
			false },
		{ "not a Deployment", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}",
			{ 0 }, false },
		{ "a ReplicaSet", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}}",
			{ 0 }, true },
		{ "no custom kind of that name",
			"{apiVersion: example.com/v1, kind: ConfigMap, metadata: {name: a}}", { 0 },
			false },
		{ "by the stage", "{apiVersion: v1, kind: Service, metadata: {name: a}}",
			{ true, true }, true },
		{ "not by the stage", "{apiVersion: v1, kind: Secret, metadata: {name: a}}",
			{ false, true }, false },
		{ "the annotation wins over the stage",
			"{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: "
			"{strategy.spinnaker.io/versioned: 'true'}}}",
			{ false, true }, true },
		{ "the annotation wins over the kind",
			"{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: "
			"{strategy.spinnaker.io/versioned: 'false'}}}",
			{ 0 }, false },
		{ "yes means no",
			"{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: "
			"{strategy.spinnaker.io/versioned: 'yes'}}}",
			{ 0 }, false },
		{ "a flag",
			"{apiVersion: v1, kind: Service, metadata: {name: a, annotations: "
			"{strategy.spinnaker.io/versioned: true}}}",
			{ 0 }, true },
		{ "no name yet", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", { 0 },
			false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val manifest = value_of(rows[i].manifest);

		if (manifest_is_versioned(manifest, rows[i].stage, NULL) != rows[i].wanted)
			fail_msg("%s", rows[i].what);
	}
}

static void numbers_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t wanted; /* -1 = none */
	} rows[] = { { "v000", 0 }, { "v003", 3 }, { "v999", 999 }, { "v1000", 1000 },
		{ "v-20", -1 }, { "vabc", -1 }, { "", -1 }, { "v", -1 }, { "3", -1 }, { "V3", -1 },
		{ "v99999999999", -1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t number = -1;

		assert_int_equal(version_number(rows[i].text, &number), rows[i].wanted >= 0);
		assert_int_equal(number, rows[i].wanted);
	}
}

static void the_next_version_is_chosen(void **state)
{
	static const struct {
		const char *what, *live, *wanted; /* with '!' when it is reused */
	} rows[] = {
		{ "nothing there", "[]", "v000" },
		{ "the next", "[" LIVE("web", "v003", "2026-01-01T00:00:00Z", "") "]", "v004" },
		{ "gaps stay",
			"[" LIVE("web", "v000", "2026-01-01T00:00:00Z", "") ", " LIVE(
				"web", "v007", "2026-01-02T00:00:00Z", "") "]",
			"v008" },
		{ "no end at 999", "[" LIVE("web", "v999", "2026-01-01T00:00:00Z", "") "]", "v1000" },
		{ "four digits", "[" LIVE("web", "v1000", "2026-01-01T00:00:00Z", "") "]", "v1001" },
		{ "another name", "[" LIVE("other", "v003", "2026-01-01T00:00:00Z", "") "]", "v000" },
		{ "a negative number", "[" LIVE("web", "v-20", "2026-01-01T00:00:00Z", "") "]",
			"v000" },
		{ "no number", "[" LIVE("web", "vabc", "2026-01-01T00:00:00Z", "") "]", "v000" },
		{ "an empty version", "[" LIVE("web", "", "2026-01-01T00:00:00Z", "") "]", "v000" },
		{ "an object without annotations", "[{metadata: {name: web}}]", "v000" },
		{ "the name alone is no artifact",
			"[{metadata: {name: web, annotations: "
			"{artifact.spinnaker.io/name: web, artifact.spinnaker.io/version: v003}}}]",
			"v000" },
		{ "quoted annotations",
			"[{metadata: {annotations: {artifact.spinnaker.io/type: "
			"'\"kubernetes/configMap\"', artifact.spinnaker.io/name: '\"web\"', "
			"artifact.spinnaker.io/version: '\"v003\"'}}}]",
			"v004" },
		{ "the type is not compared",
			"[{metadata: {annotations: {artifact.spinnaker.io/type: "
			"kubernetes/deployment, artifact.spinnaker.io/name: web, "
			"artifact.spinnaker.io/version: v002}}}]",
			"v003" },
		{ "the same content",
			"[" LIVE("web", "v003", "2026-01-01T00:00:00Z", HASHED("HASH")) "]", "!v003" },
		{ "another content",
			"[" LIVE("web", "v003", "2026-01-01T00:00:00Z", HASHED("aa")) "]", "v004" },
		{ "back to an earlier content",
			"[" LIVE("web", "v005", "2026-01-02T00:00:00Z", HASHED("aa")) ", " LIVE(
				"web", "v003", "2026-01-01T00:00:00Z", HASHED("HASH")) "]",
			"!v003" },
		{ "the oldest of several",
			"[" LIVE("web", "v005", "2026-01-02T00:00:00Z", HASHED("HASH")) ", " LIVE(
				"web", "v003", "2026-01-01T00:00:00Z", HASHED("HASH")) "]",
			"!v003" },
		{ "as kubectl applied it",
			"[" LIVE("web", "v003", "2026-01-01T00:00:00Z",
				APPLIED("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"a\":\"1\"},"
					"\"metadata\":{\"name\":\"web-v003\"}}")) "]",
			"!v003" },
		{ "as kubectl applied another",
			"[" LIVE("web", "v003", "2026-01-01T00:00:00Z",
				APPLIED("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"a\":\"2\"},"
					"\"metadata\":{\"name\":\"web-v003\"}}")) "]",
			"v004" },
		{ "an annotation that is no JSON",
			"[" LIVE("web", "v003", "2026-01-01T00:00:00Z", APPLIED("{")) "]", "v004" },
	};
	_cleanup_(val_free) struct val manifest = value_of(
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: '1'}}");
	_cleanup_free_ char *hash = manifest_content_hash(manifest);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val live = value_of(rows[i].live);
		_cleanup_free_ char *version = NULL, *got = NULL;
		bool reused;

		for (size_t j = 0; j < val_count(live); j++) {
			struct val *annotations = val_edit(
				val_edit(val_edit_at(&live, j), "metadata"), "annotations");

			if (annotations &&
				strcmp(val_get_text(*annotations, ANNOTATION_CONTENT_HASH, ""),
					"HASH") == 0)
				val_set(annotations, ANNOTATION_CONTENT_HASH, val_string(hash));
		}
		version = version_choose(manifest, live, hash, &reused);
		got = xasprintf("%s%s", reused ? "!" : "", version);
		if (strcmp(got, rows[i].wanted) != 0)
			fail_msg("%s: expected %s, got %s", rows[i].what, rows[i].wanted, got);
	}
}

static void the_hash_is_of_the_content_alone(void **state)
{
	static const char *const same[] = {
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: b, labels: {x: y}}, data: {a: '1', "
		"b: '2'}}",
		"{data: {b: '2', a: '1'}, kind: ConfigMap, apiVersion: v1}",
		"{apiVersion: v1, kind: ConfigMap, data: {a: '1', b: '2'}, status: {phase: x}}",
	};
	_cleanup_(val_free) struct val manifest = value_of(
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: '1', b: '2'}}");
	_cleanup_(val_free) struct val other = value_of(
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: '1', b: '3'}}");
	_cleanup_free_ char *hash = manifest_content_hash(manifest);
	_cleanup_free_ char *other_hash = manifest_content_hash(other);

	assert_int_equal(strlen(hash), 64);
	assert_string_not_equal(hash, other_hash);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		_cleanup_(val_free) struct val value = value_of(same[i]);
		_cleanup_free_ char *got = manifest_content_hash(value);

		assert_string_equal(got, hash);
	}
}

#define THREE                                                                                  \
	"[" LIVE("web", "v001", "2026-01-03T00:00:00Z", "") ", " LIVE("web", "v002",           \
		"2026-01-01T00:00:00Z", "") ", " LIVE("other", "v000", "2025-01-01T00:00:00Z", \
		"") ", " LIVE("web", "v000", "2026-01-02T00:00:00Z", "") "]"

static void old_versions_go_by_age(void **state)
{
	static const struct {
		int64_t keep;
		const char *wanted;
	} rows[] = {
		{ 3, "[]" },
		{ 5, "[]" },
		{ 2, "[{name: x, uid: 'u-2026-01-01T00:00:00Z'}]" },
		{ 1,
			"[{name: x, uid: 'u-2026-01-01T00:00:00Z'}, {name: x, uid: "
			"'u-2026-01-02T00:00:00Z'}]" },
		{ 0,
			"[{name: x, uid: 'u-2026-01-01T00:00:00Z'}, {name: x, uid: "
			"'u-2026-01-02T00:00:00Z'}, {name: x, uid: 'u-2026-01-03T00:00:00Z'}]" },
		{ -1, "[]" },
	};
	_cleanup_(val_free) struct val live = value_of(THREE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val gone = versions_to_remove(
			live, "kubernetes/configMap", "web", rows[i].keep);

		assert_value("removed", gone, rows[i].wanted);
	}
}

static void another_type_of_that_name_stays(void **state)
{
	_cleanup_(val_free) struct val live = value_of(THREE);
	_cleanup_(val_free) struct val gone = versions_to_remove(live, "kubernetes/secret", "web", 0);

	assert_int_equal(val_count(gone), 0);
}

static void the_newest_is_that_of_the_highest_number(void **state)
{
	_cleanup_(val_free) struct val live = value_of(THREE);
	struct val newest = version_newest(live, "web");

	assert_string_equal(val_get_text(val_get(newest, "metadata"), "creationTimestamp", ""),
		"2026-01-01T00:00:00Z");
	assert_true(val_is_null(version_newest(live, "none")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_is_asked_for),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(the_next_version_is_chosen),
		cmocka_unit_test(the_hash_is_of_the_content_alone),
		cmocka_unit_test(old_versions_go_by_age),
		cmocka_unit_test(another_type_of_that_name_stays),
		cmocka_unit_test(the_newest_is_that_of_the_highest_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
