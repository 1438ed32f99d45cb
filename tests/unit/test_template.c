#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/template.h"

#define NOW_MS 1700000000000

struct pass {
	struct val source, value;
	struct template_result result;
	enum expr_failure failure;
	struct expr_host *host;
};

static struct val parse(const char *text)
{
	struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	assert_int_equal(json_parse(str_of(text), NULL, NULL, &value, &err), 0);
	return value;
}

static struct pass run(const char *context, const char *source, const char *top_key,
	const struct expr_limits *limits)
{
	struct pass pass = { .source = parse(source) };
	_cleanup_(val_free) struct val root = parse(context);
	struct expr_limits lenient = { .allow_unknown_keys = true };
	pass.host = expr_host_of_map(root, NULL);
	pass.failure = template_evaluate(pass.source, top_key, pass.host,
		limits ? limits : &lenient, NOW_MS, &pass.value, &pass.result);
	return pass;
}

static void pass_free(struct pass *pass)
{
	val_free(&pass->source);
	val_free(&pass->value);
	template_result_free(&pass->result);
	expr_host_free(pass->host);
}
#define _cleanup_pass_ _cleanup_(pass_free)

static void assert_json(struct val value, const char *expected)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	assert_string_equal(text, expected);
}

static void without_candidates_the_very_same_value_comes_back(void **state)
{
	_cleanup_pass_ struct pass pass = run("{}", "{\"a\": [\"$x\", 1, {}]}", NULL, NULL);
	assert_true(val_same(pass.value, pass.source));
	assert_int_equal(pass.result.evaluated, 0);
	assert_true(val_is_null(pass.result.summary));
}

static void what_does_not_change_is_shared(void **state)
{
	_cleanup_pass_ struct pass pass = run(
		"{\"x\": 1}", "{\"big\": {\"k\": [1, 2]}, \"a\": \"${x}\"}", NULL, NULL);
	assert_json(pass.value, "{\"big\":{\"k\":[1,2]},\"a\":1}");
	assert_true(val_same(val_get(pass.value, "big"), val_get(pass.source, "big")));
	assert_json(pass.source, "{\"big\":{\"k\":[1,2]},\"a\":\"${x}\"}");
}

static void failures_are_summed_up_by_expression(void **state)
{
	_cleanup_pass_ struct pass pass = run("{\"x\": 1}",
		"{\"good\": \"${x}\", \"bad\": {\"deep\": \"${x.y}\"}, \"worse\": [\"${x.y}\"], "
		"\"null\": \"a ${nothing} b\", \"open\": \"cost: $5 ${\"}",
		NULL, NULL);
	assert_int_equal(pass.result.evaluated, 5);
	assert_int_equal(pass.result.failures, 4);
	assert_true(pass.result.unresolved);
	struct val summary = pass.result.summary;
	assert_int_equal(val_count(summary), 3);
	assert_int_equal(val_count(val_get(summary, "x.y")), 2);
	struct val entry = val_at(val_get(summary, "x.y"), 0);
	assert_string_equal(val_get_text(entry, "level", ""), "ERROR");
	assert_non_null(strstr(
		val_get_text(entry, "description", ""), "Failed to evaluate [bad, worse] EL1008E"));
	assert_string_equal(val_get_text(entry, "exceptionType", ""),
		"org.springframework.expression.spel.SpelEvaluationException");
	assert_int_equal(val_get_int(entry, "timestamp", 0), NOW_MS);

	entry = val_at(val_get(summary, "a nothing b"), 0);
	assert_string_equal(val_get_text(entry, "level", ""), "INFO");
	assert_true(val_is_null(val_get(entry, "exceptionType")));
	assert_string_equal(val_get_text(entry, "description", ""),
		"Failed to evaluate [null]: a nothing b not found");

	entry = val_at(val_get(summary, "cost: 5 {"), 0);
	assert_non_null(strstr(val_get_text(entry, "description", ""), "No ending suffix '}'"));
	assert_null(strchr(val_get_text(entry, "description", ""), '$'));
}

static void a_given_key_is_the_one_that_is_named(void **state)
{
	_cleanup_pass_ struct pass pass = run("{}", "\"${null.x}\"", "variable", NULL);
	struct val failure = val_at(pass.result.failure_list, 0);
	assert_string_equal(val_get_text(failure, "key", ""), "variable");
	assert_string_equal(val_get_text(failure, "expression", ""), "null.x");
	assert_non_null(strstr(val_get_text(failure, "description", ""), "[variable]"));
}

static void the_summary_shows_helpers_as_the_original_rewrites_them(void **state)
{
	_cleanup_pass_ struct pass pass = run("{}", "{\"k\": \"${#stage('a').b}\"}", NULL, NULL);
	assert_true(val_has(pass.result.summary, "#stage( #root.execution, 'a').b"));
}

static void a_budget_is_for_the_whole_pass(void **state)
{
	struct expr_limits limits = { .max_steps = 25, .allow_unknown_keys = true };
	const char *source = "[\"${a+1+1+1+1}\", \"${a+1+1+1+1}\", \"${a+1+1+1+1}\"]";
	_cleanup_pass_ struct pass over = run("{\"a\": 1}", source, NULL, &limits);
	assert_int_equal(over.failure, EXPR_OVER_BUDGET);
	assert_true(val_is_null(over.value));
	assert_int_equal(over.result.failures, 0);
	limits.max_steps = 300;
	_cleanup_pass_ struct pass within = run("{\"a\": 1}", source, NULL, &limits);
	assert_int_equal(within.failure, EXPR_OK);
	assert_json(within.value, "[5,5,5]");
}

static void a_string_that_takes_too_long_fails_alone(void **state)
{
	_cleanup_pass_ struct pass pass = run("{}",
		"[\"${'x'.repeat(4000000).replaceAll('(x+x+)+[yz]', '')}\", \"${1}\"]", NULL, NULL);
	assert_int_equal(pass.failure, EXPR_OK);
	assert_int_equal(pass.result.failures, 1);
	assert_json(val_at(pass.value, 1), "1");
}

/* Each of these looks thousands of times at a text of a million bytes, or at a long list. */
static void work_is_counted_by_the_length_of_what_is_looked_at(void **state)
{
	static const char *const bodies[] = {
		"new int[5000].![#root.y.hashCode()].size()",
		"new int[5000].![#root.y.equalsIgnoreCase(#root.z)].size()",
		"new int[5000].![#root.y.trim().length()].size()",
		"new int[5000].![#root.y.compareTo(#root.z)].size()",
		"new int[5000].![#root.y.charAt(400000)].size()",
		"new int[5000].![#root.y < #root.z].size()",
		"new int[5000].![#root.y == #root.z].size()",
		"new int[5000].![#root.m == #root.n].size()",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		_cleanup_free_ char *source = xasprintf(
			"[\"${y = 'a'.repeat(1000000)}\", \"${z = 'a'.repeat(999999).concat('b')}\","
			" \"${m = 'a,'.repeat(20000).split(',')}\", \"${n = 'a,'.repeat(20000).split(',')}\","
			" \"${%s}\"]",
			bodies[i]);
		_cleanup_pass_ struct pass pass = run("{}", source, NULL, NULL);
		const char *why = val_get_text(
			val_at(pass.result.failure_list, 0), "description", "nothing");
		if (pass.result.failures != 1 || !strstr(why, "steps"))
			fail_msg("%s: %s", bodies[i], why);
	}
}

static void assignments_last_for_the_pass_only(void **state)
{
	const char *context = "{\"l\": [1], \"m\": {\"k\": {\"d\": 1}}}";
	_cleanup_pass_ struct pass pass = run(context,
		"[\"${x = 5}\", \"${x}\", \"${l.add(2)}\", \"${l}\", \"${m.k.d = 2}\", \"${m}\", "
		"\"${#root}\"]",
		NULL, NULL);
	assert_json(pass.value,
		"[5,5,true,[1,2],2,{\"k\":{\"d\":2}},"
		"{\"l\":[1,2],\"m\":{\"k\":{\"d\":2}},\"x\":5}]");
	_cleanup_pass_ struct pass again = run(context, "[\"${x}\", \"${l}\"]", NULL, NULL);
	assert_json(again.value, "[\"${x}\",[1]]");
}

static void keys_that_become_equal_leave_the_later_value(void **state)
{
	_cleanup_pass_ struct pass pass = run("{\"a\": \"k\"}",
		"{\"k\": 1, \"${a}\": {\"${a}${a}\": \"${a}\"}, \"z\": 3}", NULL, NULL);
	assert_json(pass.value, "{\"k\":{\"kk\":\"k\"},\"z\":3}");
}

struct scanned {
	unsigned count;
	size_t offsets[8];
	char bodies[8][40];
};

static void found(void *data, struct str body, size_t offset)
{
	struct scanned *scanned = data;
	scanned->offsets[scanned->count] = offset;
	memcpy(scanned->bodies[scanned->count], body.bytes, body.length);
	scanned->bodies[scanned->count++][body.length] = 0;
}

static void bodies_are_scanned_with_their_places(void **state)
{
	struct err err = ERR_INIT;
	struct scanned scanned = { 0 };
	assert_int_equal(template_scan(STR("a ${ b } c ${'}'}"), found, &scanned, &err), 0);
	assert_int_equal(scanned.count, 2);
	assert_string_equal(scanned.bodies[0], "b");
	assert_int_equal(scanned.offsets[0], 5);
	assert_string_equal(scanned.bodies[1], "'}'");
	assert_int_equal(scanned.offsets[1], 13);
	assert_int_equal(template_scan(STR("a ${b"), found, &scanned, &err), -1);
	assert_non_null(strstr(err_text(&err), "character 2"));
	err_clear(&err);
}

static void candidates_are_found_at_any_depth(void **state)
{
	static const struct {
		const char *json;
		bool candidate;
	} cases[] = {
		{ "\"${\"", true },
		{ "\"$\"", false },
		{ "\"$$${a}\"", true },
		{ "[[[{\"a\": [\"x${y}\"]}]]]", true },
		{ "{\"${k}\": 1}", true },
		{ "{\"k\": [1, true, null, \"{$}\"]}", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(val_free) struct val value = parse(cases[i].json);
		assert_int_equal(template_is_candidate(value), cases[i].candidate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_candidates_the_very_same_value_comes_back),
		cmocka_unit_test(what_does_not_change_is_shared),
		cmocka_unit_test(failures_are_summed_up_by_expression),
		cmocka_unit_test(a_given_key_is_the_one_that_is_named),
		cmocka_unit_test(the_summary_shows_helpers_as_the_original_rewrites_them),
		cmocka_unit_test(a_budget_is_for_the_whole_pass),
		cmocka_unit_test(a_string_that_takes_too_long_fails_alone),
		cmocka_unit_test(work_is_counted_by_the_length_of_what_is_looked_at),
		cmocka_unit_test(assignments_last_for_the_pass_only),
		cmocka_unit_test(keys_that_become_equal_leave_the_later_value),
		cmocka_unit_test(bodies_are_scanned_with_their_places),
		cmocka_unit_test(candidates_are_found_at_any_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
