/* Which of several objects criteria take, and which revision an undo goes back to. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/rollout.h"
#include "kubernetes/selectors.h"
#include "kubernetes/target.h"

#define RS(name, created, replicas, more)                                         \
	"{kind: ReplicaSet, apiVersion: apps/v1, metadata: {name: " name          \
	", creationTimestamp: '" created "', annotations: "                       \
	"{moniker.spinnaker.io/application: shop, moniker.spinnaker.io/cluster: " \
	"replicaSet web" more "}}, spec: {" replicas "}}"
#define SEQUENCE(number) ", moniker.spinnaker.io/sequence: '" number "'"
#define THREE                                                                                       \
	"[" RS("b", "2026-01-02T00:00:00Z", "replicas: 5", "") ", " RS("c", "2026-01-03T00:00:00Z", \
		"replicas: 1", "") ", " RS("a", "2026-01-01T00:00:00Z", "replicas: 3", "") "]"
#define TIED                                                                            \
	"[" RS("a", "2026-01-01T00:00:00Z", "replicas: 2", SEQUENCE("10")) ", " RS(     \
		"b", "2026-01-01T00:00:00Z", "replicas: 2", SEQUENCE("9")) ", " RS("c", \
		"2026-01-01T00:00:00Z", "replicas: 2", SEQUENCE("9")) "]"
#define BARE                                                 \
	"[" RS("a", "2026-01-02T00:00:00Z", "", "") ", " RS( \
		"b", "2026-01-01T00:00:00Z", "replicas: 0", "") "]"

static void criteria_take_one(void **state)
{
	static const struct {
		const char *what, *live, *criteria, *wanted; /* NULL = none */
	} rows[] = {
		{ "the last made", THREE, "newest", "c" },
		{ "the last but one", THREE, "second_newest", "b" },
		{ "the first made", THREE, "oldest", "a" },
		{ "most replicas", THREE, "largest", "b" },
		{ "least replicas", THREE, "smallest", "c" },
		{ "in any case", THREE, "Newest", "c" },
		{ "of none", "[]", "newest", NULL },
		{ "of none", "[]", "oldest", NULL },
		{ "of none", "[]", "second_newest", NULL },
		{ "of none", "[]", "largest", NULL },
		{ "of none", "[]", "smallest", NULL },
		{ "one is not two", "[" RS("a", "2026-01-01T00:00:00Z", "", "") "]",
			"second_newest", NULL },
		{ "one is the newest", "[" RS("a", "2026-01-01T00:00:00Z", "", "") "]", "newest",
			"a" },
		{ "one is the oldest", "[" RS("a", "2026-01-01T00:00:00Z", "", "") "]", "oldest",
			"a" },
		{ "numbers, not texts, decide a tie", TIED, "newest", "a" },
		{ "then names", TIED, "second_newest", "c" },
		{ "the lowest sequence and name", TIED, "oldest", "b" },
		{ "a tie of replicas", TIED, "largest", "a" },
		{ "a tie of replicas", TIED, "smallest", "b" },
		{ "no replicas are less than 0", BARE, "smallest", "a" },
		{ "0 is more than none", BARE, "largest", "b" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val live = value_of(rows[i].live), order = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;
		enum criteria criteria;
		const char *got = NULL;
		ptrdiff_t index;

		assert_int_equal(criteria_parse(rows[i].criteria, &criteria, &err), 0);
		order = target_order(live, criteria);
		index = target_index(val_count(order), criteria);
		if (index >= 0)
			got = val_get_text(
				val_get(val_at(order, (size_t)index), "metadata"), "name", "");
		if (!got != !rows[i].wanted || (got && strcmp(got, rows[i].wanted) != 0))
			fail_msg("%s (%s): expected %s, got %s", rows[i].what, rows[i].criteria,
				rows[i].wanted, got);
	}
}

static void unknown_criteria_are_refused(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum criteria criteria;

	assert_int_equal(criteria_parse("best", &criteria, &err), -1);
	assert_string_equal(err_text(&err),
		"criteria: expected newest, second_newest, oldest, largest or smallest, got \"best\"");
}

static void candidates_are_of_one_cluster(void **state)
{
	static const struct {
		const char *application, *cluster;
		size_t count;
	} rows[] = {
		{ "shop", "replicaSet web", 3 },
		{ "shop", "replicaSet we", 0 },
		{ "Shop", "replicaSet web", 0 },
		{ "", "replicaSet web", 0 },
		{ NULL, "replicaSet web", 3 },
		{ NULL, NULL, 4 },
		{ "shop", NULL, 3 },
	};
	_cleanup_(val_free) struct val live = value_of(THREE);

	val_append(&live,
		value_of("{kind: ReplicaSet, apiVersion: apps/v1, metadata: {name: other}}"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val list = target_candidates(
			live, rows[i].application, rows[i].cluster);

		assert_int_equal(val_count(list), rows[i].count);
	}
}

#define NOTES(text) "metadata: {annotations: {" text "}}"

static void a_sequence_is_read(void **state)
{
	static const struct {
		const char *object;
		int64_t wanted; /* -1 = none */
	} rows[] = {
		{ "{kind: ReplicaSet, apiVersion: apps/v1, " NOTES(
			  "moniker.spinnaker.io/sequence: '3'") "}",
			3 },
		{ "{kind: ReplicaSet, apiVersion: apps/v1, " NOTES(
			  "deployment.kubernetes.io/revision: '7'") "}",
			7 },
		{ "{kind: ReplicaSet, apiVersion: apps/v1, " NOTES(
			  "deployment.kubernetes.io/revision: '7', "
			  "moniker.spinnaker.io/sequence: '3'") "}",
			3 },
		{ "{kind: Deployment, apiVersion: apps/v1, " NOTES(
			  "deployment.kubernetes.io/revision: '7'") "}",
			-1 },
		{ "{kind: ReplicaSet, apiVersion: apps/v1, " NOTES(
			  "moniker.spinnaker.io/sequence: x") "}",
			-1 },
		{ "{kind: ReplicaSet}", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val object = value_of(rows[i].object);
		int64_t number = -1;

		assert_int_equal(object_sequence(object, &number), rows[i].wanted >= 0);
		if (rows[i].wanted >= 0)
			assert_int_equal(number, rows[i].wanted);
	}
}

/* ---- undo ------------------------------------------------------------------------------------ */

#define OWNED(name, uid, revision)                                                   \
	"{metadata: {name: " name ", ownerReferences: [{controller: true, uid: " uid \
	"}], annotations: {deployment.kubernetes.io/revision: '" revision "'}}}"
#define HISTORY                                                                    \
	"[" OWNED("web-b", "u1", "10") ", " OWNED("web-a", "u1", "2") ", " OWNED(  \
		"other", "u2", "3") ", {metadata: {name: web-x, ownerReferences: " \
				    "[{uid: u1}], annotations: "                   \
				    "{deployment.kubernetes.io/revision: '4'}}}, " \
				    "{metadata: {name: web-c, ownerReferences: "   \
				    "[{controller: true, uid: u1}]}, revision: 11}]"

static struct val history_of(const char *live)
{
	_cleanup_(val_free) struct val owner = value_of("{metadata: {uid: u1}}");
	_cleanup_(val_free) struct val list = value_of(live);

	return rollout_history(owner, list);
}

static void the_history_is_that_of_the_owner(void **state)
{
	_cleanup_(val_free) struct val history = history_of(HISTORY);

	assert_value("history", history,
		"[{revision: 2, name: web-a}, {revision: 10, name: web-b}, {revision: 11, name: "
		"web-c}]");
}

static void a_revision_is_chosen(void **state)
{
	static const struct {
		struct opt_int back, revision;
		const char *wanted; /* a name, or a part of the error */
	} rows[] = {
		{ { 0, true }, { 0 }, "web-c" },
		{ { 1, true }, { 0 }, "web-b" },
		{ { 2, true }, { 0 }, "web-a" },
		{ { 1, true }, { 2, true }, "web-b" },
		{ { 0 }, { 2, true }, "web-a" },
		{ { 3, true }, { 0 }, "There are 3 revision(s) in total, cannot rollback 3" },
		{ { -1, true }, { 0 }, "numRevisionsBack: expected a number from 0 on, got -1" },
		{ { 0 }, { 3, true }, "revision: there is no revision 3 in the history" },
		{ { 0 }, { 0 }, "numRevisionsBack: it or revision is required" },
	};
	_cleanup_(val_free) struct val history = history_of(HISTORY);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct val chosen;
		const char *got;

		if (rollout_choose(history, rows[i].back, rows[i].revision, &chosen, &err) == 0)
			got = val_get_text(chosen, "name", "");
		else
			got = err_text(&err);
		assert_string_equal(got, rows[i].wanted);
	}
}

static void a_deployment_goes_back(void **state)
{
	_cleanup_(val_free) struct val deployment = value_of(
		"{metadata: {resourceVersion: '5', annotations: {a: new, deployment.kubernetes.io/"
		"revision: '4', kubectl.kubernetes.io/last-applied-configuration: x}}, spec: "
		"{template: {metadata: {labels: {app: web}}, spec: {x: 2}}}}");
	_cleanup_(val_free) struct val old = value_of(
		"{metadata: {annotations: {a: old, deployment.kubernetes.io/revision: '1'}}, spec: "
		"{template: {metadata: {labels: {app: web, pod-template-hash: abc}}, spec: {x: 1}}}}");
	_cleanup_(val_free) struct val patch = rollout_undo_deployment(deployment, old);
	_cleanup_(val_free) struct val none = rollout_undo_deployment(old, old);

	assert_value("patch", patch,
		"[{op: replace, path: /metadata/resourceVersion, value: '5'}, {op: replace, path: "
		"/spec/template, value: {metadata: {labels: {app: web}}, spec: {x: 1}}}, {op: add, "
		"path: /metadata/annotations, value: {a: old, deployment.kubernetes.io/revision: "
		"'4', kubectl.kubernetes.io/last-applied-configuration: x}}]");
	assert_true(val_is_null(none));
}

static void others_go_back_to_the_data_of_a_revision(void **state)
{
	_cleanup_(val_free) struct val object = value_of("{spec: {template: {spec: {x: 1}}}}");
	_cleanup_(val_free) struct val same = value_of(
		"{data: {spec: {template: {$patch: replace, spec: {x: 1}}}}}");
	_cleanup_(val_free) struct val other = value_of(
		"{data: {spec: {template: {$patch: replace, spec: {x: 2}}}}}");
	_cleanup_(val_free) struct val none = rollout_undo_controller(object, same);
	_cleanup_(val_free) struct val patch = rollout_undo_controller(object, other);

	assert_true(val_is_null(none));
	assert_value("patch", patch, "{spec: {template: {$patch: replace, spec: {x: 2}}}}");
}

static void a_restart_says_when(void **state)
{
	_cleanup_(val_free) struct val patch = rollout_restart(1704110400123);

	assert_value("patch", patch,
		"{spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: "
		"'2024-01-01T12:00:00Z'}}}}}");
}

static void a_workload_selects(void **state)
{
	static const struct {
		const char *workload, *wanted; /* a text, or "!" and the error */
	} rows[] = {
		{ "{spec: {selector: {matchLabels: {a: '1', b: '2'}}}}", "a = 1,b = 2" },
		{ "{spec: {selector: {a: '1'}}}", "a = 1" },
		{ "{spec: {selector: {matchExpressions: [{key: a, operator: In, values: [x, z]}]}}}",
			"a in (x, z)" },
		{ "{spec: {selector: {matchLabels: {z: '0'}, matchExpressions: [{key: a, operator: "
		  "NotIn, values: [x]}, {key: b, operator: Exists}, {key: c, operator: "
		  "DoesNotExist}]}}}",
			"z = 0,a notin (x),b,!c" },
		{ "{spec: {}}", "!spec.selector: selects nothing" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val workload = value_of(rows[i].workload);
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *text = NULL, *got = NULL;

		if (selectors_of_workload(workload, &text, &err) < 0)
			got = xasprintf("!%s", err_text(&err));
		assert_string_equal(got ? got : text, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(criteria_take_one),
		cmocka_unit_test(unknown_criteria_are_refused),
		cmocka_unit_test(candidates_are_of_one_cluster),
		cmocka_unit_test(a_sequence_is_read),
		cmocka_unit_test(the_history_is_that_of_the_owner),
		cmocka_unit_test(a_revision_is_chosen),
		cmocka_unit_test(a_deployment_goes_back),
		cmocka_unit_test(others_go_back_to_the_data_of_a_revision),
		cmocka_unit_test(a_restart_says_when),
		cmocka_unit_test(a_workload_selects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
