/* What matches an expected artifact, what is bound to it, and what others see of it (model/artifact.h). */
#include <stdlib.h>

#include "base/cleanup.h"
#include "lib/values.h"
#include "model/artifact.h"

/* ---- matching ---------------------------------------------------------------------------------------------------------------------- */

struct match_case {
	const char *what, *wanted, *artifact;
	bool matches;
};

static const struct match_case match_cases[] = {
	{ "nothing wanted is anything", "{}", "{type: docker/image, name: a}", true },
	{ "no matcher is anything", "null", "{name: a}", true },
	{ "an empty text is anything", "{name: \"\"}", "{type: x}", true },
	{ "null is anything", "{name: null}", "{name: a}", true },
	{ "equal", "{type: docker/image, name: gcr.io/p/app}",
		"{type: docker/image, name: gcr.io/p/app, version: v1}", true },
	{ "another type", "{type: http/file}", "{type: docker/image}", false },
	{ "nothing there is no match, not even of everything", "{version: \".*\"}", "{name: a}",
		false },
	{ "the whole text", "{name: app}", "{name: my-app}", false },
	{ "a pattern", "{version: \"v[0-9]+\"}", "{version: v12}", true },
	{ "a pattern of a part", "{version: \"v[0-9]\"}", "{version: v12}", false },
	{ "Java's dialect", "{name: \"(?i)APP\\\\d++\"}", "{name: app7}", true },
	{ "case counts", "{name: App}", "{name: app}", false },
	{ "a dot is no new line", "{name: \"a.b\"}", "{name: \"a\\nb\"}", false },
	{ "equal, though no pattern", "{reference: \"+++\"}", "{reference: \"+++\"}", true },
	{ "no pattern and not equal", "{reference: \"+++\"}", "{reference: \"++\"}", false },
	{ "base64 is compared as it is", "{reference: \"YQ+/\"}", "{reference: \"YQ+/\"}", true },
	{ "location and reference count", "{location: prod, reference: r}",
		"{location: test, reference: r}", false },
	{ "account, provenance, uuid and metadata do not",
		"{artifactAccount: a, uuid: u, metadata: {x: 1}}",
		"{artifactAccount: b, metadata: {x: 2}}", true },
	{ "embedded is remote", "{type: embedded/base64}", "{type: remote/base64}", true },
	{ "remote is embedded", "{type: remote/base64}", "{type: embedded/base64}", true },
	{ "a number is its text", "{version: \"7\"}", "{version: 7}", true },
};

static void what_matches_and_what_does_not(void **state)
{
	for (size_t i = 0; i < sizeof(match_cases) / sizeof(match_cases[0]); i++) {
		const struct match_case *row = &match_cases[i];
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val wanted = value_of(row->wanted);
		_cleanup_(val_free) struct val artifact = value_of(row->artifact);
		if (artifact_matches(wanted, artifact, &err) != row->matches)
			fail_msg("%s: %s", row->what, err_text(&err));
	}
}

static void a_pattern_that_takes_too_long_is_an_error(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val wanted = value_of("{name: \"(x+x+)+y\"}");
	_cleanup_(val_free) struct val artifact = value_of(
		"{name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyz}");
	assert_int_equal(artifact_matches(wanted, artifact, &err), -1);
	assert_non_null(strstr(err_text(&err), "name: to match"));
}

static void an_artifact_is_cleaned(void **state)
{
	_cleanup_(val_free) struct val artifact = value_of(
		"{type: docker/image, kind: custom, version: 7, location: null, digest: d, metadata: {x: 1}}");
	_cleanup_(val_free) struct val clean = artifact_clean(artifact);
	assert_value("cleaned", clean,
		"{type: docker/image, version: \"7\", customKind: false, metadata: {x: 1, digest: d}}");
	_cleanup_(val_free) struct val again = artifact_clean(clean);
	assert_true(val_equal(again, clean));
	_cleanup_(val_free) struct val none = artifact_clean(val_int(1));
	assert_true(val_is_null(none));
}

/* ---- resolution -------------------------------------------------------------------------------------------------------------------- */

struct resolve_case {
	const char *what, *expected, *current, *prior;
	bool unique;
	const char *bound; /* references of what is bound, in order; or NULL: it fails … */
	const char *error; /* … with this in the text */
	int asked;         /* how often for the prior ones */
};

#define APP "matchArtifact: {type: docker/image, name: app}"
#define A(ref) "{type: docker/image, name: app, reference: " ref "}"

static const struct resolve_case resolve_cases[] = {
	{ "the first match wins", "[{id: x, " APP "}]",
		"[{name: other}, " A("one") ", " A("two") "]", "[]", false, "[one]", NULL, 0 },
	{ "two matches, where one is allowed", "[{id: x, displayName: mine, " APP "}]",
		"[" A("one") ", " A("two") "]", "[]", true, NULL,
		"\"mine\" matches multiple artifacts", 0 },
	{ "equal ones are one", "[{id: x, " APP "}]", "[" A("one") ", " A("one") "]", "[]", true,
		"[one]", NULL, 0 },
	{ "the prior ones, asked once",
		"[{usePriorArtifact: true, " APP "}, {usePriorArtifact: true, " APP "}]",
		"[{name: other}]", "[" A("old") "]", true, "[old, old]", NULL, 1 },
	{ "the prior ones only where that is allowed", "[{id: x, " APP "}]", "[]", "[" A("old") "]",
		true, NULL, "Unmatched expected artifact \"app\" could not be resolved", 0 },
	{ "those here before the prior ones", "[{usePriorArtifact: true, " APP "}]",
		"[" A("new") "]", "[" A("old") "]", true, "[new]", NULL, 0 },
	{ "the default, which need not match",
		"[{usePriorArtifact: true, useDefaultArtifact: true, defaultArtifact: {type: x, reference: d}, " APP
		"}]",
		"[]", "[{name: other}]", true, "[d]", NULL, 1 },
	{ "a default without its flag", "[{defaultArtifact: {reference: d}, " APP "}]", "[]", "[]",
		true, NULL, "could not be resolved", 0 },
	{ "a flag without a default", "[{useDefaultArtifact: true, " APP "}]", "[]", "[]", true,
		NULL, "could not be resolved", 0 },
};

struct asked {
	const char *prior;
	int times;
};

static struct val prior_of(void *data)
{
	struct asked *asked = data;
	asked->times++;
	return value_of(asked->prior);
}

static void expected_artifacts_are_bound(void **state)
{
	for (size_t i = 0; i < sizeof(resolve_cases) / sizeof(resolve_cases[0]); i++) {
		const struct resolve_case *row = &resolve_cases[i];
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val expected = value_of(row->expected);
		_cleanup_(val_free) struct val current = value_of(row->current);
		struct asked asked = { .prior = row->prior };
		const struct artifact_sources sources = {
			.current = current, .prior = prior_of, .data = &asked, .unique = row->unique
		};
		struct artifact_binding binding = { 0 };
		int result = artifacts_resolve(expected, &sources, &binding, &err);
		if (row->error && (result == 0 || !strstr(err_text(&err), row->error)))
			fail_msg("%s: %s", row->what, result == 0 ? "bound" : err_text(&err));
		if (asked.times != row->asked)
			fail_msg("%s: asked %d times", row->what, asked.times);
		if (row->error)
			continue;
		if (result < 0)
			fail_msg("%s: %s", row->what, err_text(&err));
		_cleanup_(val_free) struct val references = val_list();
		for (size_t j = 0; j < val_count(binding.expected); j++)
			val_append(&references,
				val_ref(val_path(
					val_at(binding.expected, j), "boundArtifact.reference")));
		assert_value(row->what, references, row->bound);
		artifact_binding_free(&binding);
	}
}

/* ---- the start of a run ------------------------------------------------------------------------------------------------------------ */

static struct val no_prior(void *data)
{
	return val_list();
}

static const char pipeline_text[] =
	"{receivedArtifacts: [{name: received}], expectedArtifacts: ["
	"{id: named, displayName: d, matchArtifact: {name: app}},"
	"{id: ignored, matchArtifact: {name: nowhere}},"
	"{id: preset, useDefaultArtifact: true, defaultArtifact: {name: default}, matchArtifact: {name: x}}]}";

static void only_what_a_start_is_about_is_resolved_and_written_into_its_trigger(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val pipeline = value_of(pipeline_text);
	_cleanup_(val_free) struct val trigger = value_of(
		"{expectedArtifactIds: [named], artifacts: [{name: app, kind: k}]}");
	assert_int_equal(artifacts_resolve_trigger(pipeline, no_prior, NULL, &trigger, &err), 0);
	static const char artifacts[] =
		"[{name: received, customKind: false, metadata: {}}, {name: app, customKind: false, "
		"metadata: {}}, {name: default, customKind: false, metadata: {}}]";
	static const char expected[] =
		"[{id: named, matchArtifact: {name: app, customKind: false, metadata: {}}, "
		"usePriorArtifact: false, useDefaultArtifact: false, boundArtifact: {name: app, "
		"customKind: false, metadata: {}}}, {id: preset, matchArtifact: {name: x, customKind: false, "
		"metadata: {}}, usePriorArtifact: false, useDefaultArtifact: true, defaultArtifact: {name: "
		"default, customKind: false, metadata: {}}, boundArtifact: {name: default, customKind: "
		"false, metadata: {}}}]";
	assert_value("artifacts", val_get(trigger, "artifacts"), artifacts);
	assert_value("resolved", val_get(trigger, "resolvedExpectedArtifacts"), expected);
	assert_value("expected", val_get(trigger, "expectedArtifacts"), expected);
	_cleanup_(val_free) struct val once = val_ref(trigger);
	assert_int_equal(artifacts_resolve_trigger(pipeline, no_prior, NULL, &trigger, &err), 0);
	assert_true(val_equal(once, trigger));
}

static void what_a_trigger_names_and_nothing_is_keeps_the_run_from_starting(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val pipeline = value_of(pipeline_text);
	_cleanup_(val_free) struct val trigger = value_of("{expectedArtifactIds: [named, ignored]}");
	assert_int_equal(artifacts_resolve_trigger(pipeline, no_prior, NULL, &trigger, &err), -1);
	assert_non_null(strstr(err_text(&err), "expected artifact \"d\""));
}

static void a_child_expects_what_it_receives_and_what_its_trigger_on_the_parent_names(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val pipeline = value_of(
		"{triggers: [{type: pipeline, enabled: true, pipeline: parent, expectedArtifactIds: [t]},"
		"{type: pipeline, pipeline: parent, expectedArtifactIds: [off]},"
		"{type: pipeline, enabled: true, pipeline: other, expectedArtifactIds: [o]}],"
		"expectedArtifacts: [{id: a, matchArtifact: {name: app}}, {id: b, matchArtifact: {name: x}}]}");
	_cleanup_(val_free) struct val trigger = value_of(
		"{artifacts: [{name: app}], expectedArtifactIds: [g]}");
	assert_int_equal(artifacts_expect_received(pipeline, "parent", &trigger, &err), 0);
	assert_value("ids", val_get(trigger, "expectedArtifactIds"), "[g, t, a]");
}

/* ---- what is seen ------------------------------------------------------------------------------------------------------------------ */

static void put(struct execution **execution, size_t index, const char *outputs)
{
	val_replace(&stage_edit(execution, index)->outputs, value_of(outputs));
	stage_index_outputs(execution, index);
}

static struct execution *graph(const size_t *requisites, size_t count)
{
	struct execution *execution = execution_new();
	for (size_t i = 0; i < count; i++) {
		stage_add(&execution);
		if (requisites[i] != STAGE_NONE)
			stage_set_requisites(&execution, i, &requisites[i], 1);
	}
	val_replace(&execution->trigger, value_of("{artifacts: [{name: trigger}]}"));
	return execution;
}

static void a_stage_sees_its_own_then_its_ancestors_then_the_triggers(void **state)
{
	const size_t requisites[] = { STAGE_NONE, 0, STAGE_NONE };
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(requisites, 3);
	put(&execution, 0, "{artifacts: [{name: before}]}");
	put(&execution, 1, "{artifacts: [{name: own}]}");
	put(&execution, 2, "{artifacts: [{name: elsewhere}]}");
	val_replace(&stage_edit(&execution, 1)->context, value_of("{artifacts: [{name: context}]}"));
	_cleanup_(val_free) struct val seen = artifacts_visible(execution, 1);
	assert_value("seen", seen, "[{name: context}, {name: own}, {name: before}, {name: trigger}]");
}

static void a_run_yields_the_last_first_and_leaves_out_synthetic_stages(void **state)
{
	/* 1 after 2 in the list, though it comes before it in the graph; 3 is a child */
	const size_t requisites[] = { STAGE_NONE, 2, STAGE_NONE, STAGE_NONE };
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(requisites, 4);
	stage_set_parent(&execution, 3, 0, OWNER_AFTER);
	put(&execution, 0, "{artifacts: [{name: a}, {name: b}]}");
	put(&execution, 1, "{artifacts: [{name: last}]}");
	put(&execution, 2, "{artifacts: [{name: c}]}");
	put(&execution, 3, "{artifacts: [{name: child}]}");
	_cleanup_(val_free) struct val all = artifacts_of_execution(execution);
	assert_value("all", all, "[{name: last}, {name: c}, {name: b}, {name: a}, {name: trigger}]");
}

static void what_was_bound_is_found_by_its_id_with_the_account_of_its_matcher(void **state)
{
	const size_t requisites[] = { STAGE_NONE, 0 };
	_cleanup_(execution_unref_cleanup) struct execution *execution = graph(requisites, 2);
	put(&execution, 0,
		"{resolvedExpectedArtifacts: [{id: one, matchArtifact: {artifactAccount: mine}, boundArtifact: "
		"{name: bound}}, {id: two, matchArtifact: {artifactAccount: mine}, boundArtifact: {name: bound, "
		"artifactAccount: own}}]}");
	val_set(&execution->trigger, "resolvedExpectedArtifacts",
		value_of("[{id: one, boundArtifact: {name: trigger}}, {id: three, boundArtifact: {name: z}}]"));
	_cleanup_(val_free) struct val one = artifact_bound(execution, 1, "one");
	_cleanup_(val_free) struct val two = artifact_bound(execution, 1, "two");
	_cleanup_(val_free) struct val three = artifact_bound(execution, 1, "three");
	_cleanup_(val_free) struct val none = artifact_bound(execution, 1, "none");
	assert_value("one", one, "{name: bound, artifactAccount: mine}");
	assert_value("two", two, "{name: bound, artifactAccount: own}");
	assert_value("three", three, "{name: z}");
	assert_true(val_is_null(none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matches_and_what_does_not),
		cmocka_unit_test(a_pattern_that_takes_too_long_is_an_error),
		cmocka_unit_test(an_artifact_is_cleaned),
		cmocka_unit_test(expected_artifacts_are_bound),
		cmocka_unit_test(only_what_a_start_is_about_is_resolved_and_written_into_its_trigger),
		cmocka_unit_test(what_a_trigger_names_and_nothing_is_keeps_the_run_from_starting),
		cmocka_unit_test(
			a_child_expects_what_it_receives_and_what_its_trigger_on_the_parent_names),
		cmocka_unit_test(a_stage_sees_its_own_then_its_ancestors_then_the_triggers),
		cmocka_unit_test(a_run_yields_the_last_first_and_leaves_out_synthetic_stages),
		cmocka_unit_test(what_was_bound_is_found_by_its_id_with_the_account_of_its_matcher),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
