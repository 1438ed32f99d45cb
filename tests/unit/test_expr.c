#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Before cmocka, which has a macro that is called like our fail(). */
#include "expr/eval.h"

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"

/* A host that counts what it is asked for. */
struct fake {
	struct expr_host host;
	unsigned roots, stages, fetches;
	const char *body; /* what a URL answers, NULL = it fails */
};

static const struct val *fake_root(void *data, struct val_key *key, struct val *ret_made)
{
	struct str name = key->text;
	struct fake *fake = data;
	fake->roots++;
	*ret_made = str_is(name, "a") ? val_int(5) : VAL_NULL;
	return str_is(name, "a") || str_is(name, "nothing") ? ret_made : NULL;
}

static size_t fake_stage_count(void *data)
{
	return 3;
}

static struct val fake_stage(void *data, size_t index)
{
	struct fake *fake = data;
	struct val stage = val_map();
	fake->stages++;
	val_set(&stage, "id", val_format("id%zu", index));
	val_set(&stage, "name", val_format("stage number %zu", index));
	val_set(&stage, "status", val_string("SUCCEEDED"));
	return stage;
}

static ptrdiff_t fake_stage_find(void *data, struct str text, bool by_ref)
{
	return str_is(text, by_ref ? "1" : "one") ? 1 : -1;
}

static const struct val *fake_stage_context(
	void *data, size_t index, struct str key, struct val *ret_made)
{
	if (!str_is(key, "deep"))
		return NULL;
	*ret_made = val_format("from an ancestor of %zu", index);
	return ret_made;
}

static struct val fake_execution(void *data)
{
	struct val execution = val_map();
	val_set(&execution, "id", val_string("an execution's identifier"));
	return execution;
}

static int fake_fetch(void *data, struct str url, struct strbuf *ret_body, struct err *err)
{
	struct fake *fake = data;
	fake->fetches++;
	if (!fake->body)
		return err_set(err, ERR_UNAVAILABLE, "%.*s does not answer", STR_ARG(url));
	strbuf_add_text(ret_body, fake->body);
	return 0;
}

static struct val fake_pipeline_id(
	void *data, struct str name, const char *application, struct err *err)
{
	if (str_is(name, "broken")) {
		err_set(err, ERR_INTERNAL, "the disk is gone");
		return VAL_NULL;
	}
	return str_is(name, "p") ? val_format("%s/p", application ? application : "own") : VAL_NULL;
}

static struct fake new_fake(void)
{
	return (struct fake){
		.host = {
			.root = fake_root,
			.execution = fake_execution,
			.stage_count = fake_stage_count,
			.stage = fake_stage,
			.stage_find = fake_stage_find,
			.stage_context = fake_stage_context,
			.fetch = fake_fetch,
			.pipeline_id = fake_pipeline_id,
			.current_stage = -1,
		},
	};
}

struct outcome {
	enum expr_failure failure;
	char *json; /* owned, NULL when it failed */
	char *text; /* owned, of the failure */
	const char *exception;
	int position;
};

static void outcome_free(struct outcome *outcome)
{
	free(outcome->json);
	free(outcome->text);
}
#define _cleanup_outcome_ _cleanup_(outcome_free)

static struct outcome evaluate(const char *body, struct fake *fake, const struct expr_limits *limits)
{
	struct err err = ERR_INIT;
	struct outcome outcome = { 0 };
	struct val value = VAL_NULL;
	if (fake)
		fake->host.data = fake->host.fetch_data = fake;
	outcome.failure = expr_evaluate(str_of(body), fake ? &fake->host : NULL, limits, &value,
		&outcome.exception, &outcome.position, &err);
	if (outcome.failure == EXPR_OK)
		outcome.json = json_text(value, JSON_COMPACT);
	outcome.text = xstrdup(err_text(&err));
	val_free(&value);
	err_clear(&err);
	return outcome;
}

static void assert_value(const char *body, const char *json)
{
	struct fake fake = new_fake();
	struct expr_limits limits = { .allow_unknown_keys = true };
	_cleanup_outcome_ struct outcome outcome = evaluate(body, &fake, &limits);
	assert_int_equal(outcome.failure, EXPR_OK);
	assert_string_equal(outcome.json, json);
}

static void a_host_gives_what_an_expression_asks_for(void **state)
{
	assert_value("a + 1", "6");
	assert_value("nothing", "null");
	assert_value("unknown", "null");
	assert_value("execution.id", "\"an execution's identifier\"");
	assert_value("execution.stages.size()", "3");
	assert_value("#stage('one').name", "\"stage number 1\"");
	assert_value("#stageByRefId('1').id", "\"id1\"");
	assert_value("#stage('one').context.deep", "\"from an ancestor of 1\"");
	assert_value("#pipelineId('p')", "\"own/p\"");
	assert_value("#pipelineIdInApplication('p', 'other')", "\"other/p\"");
	assert_value("#pipelineIdOrNull('q')", "null");
}

static void a_look_up_that_fails_is_no_null(void **state)
{
	struct fake fake = new_fake();
	struct expr_limits limits = { .allow_unknown_keys = true };
	_cleanup_outcome_ struct outcome outcome = evaluate(
		"#pipelineIdOrNull('broken')", &fake, &limits);
	assert_int_equal(outcome.failure, EXPR_FAILED);
	assert_non_null(strstr(outcome.text, "the disk is gone"));
}

static void no_host_is_an_empty_root(void **state)
{
	struct expr_limits limits = { .allow_unknown_keys = true };
	_cleanup_outcome_ struct outcome a = evaluate("a", NULL, &limits);
	_cleanup_outcome_ struct outcome b = evaluate("#stage('x')", NULL, NULL);
	_cleanup_outcome_ struct outcome c = evaluate("size() + 1", NULL, NULL);
	assert_string_equal(a.json, "null");
	assert_int_equal(b.failure, EXPR_FAILED);
	assert_string_equal(c.json, "1");
}

static void only_the_stages_that_are_looked_at_are_asked_for(void **state)
{
	struct fake fake = new_fake();
	_cleanup_outcome_ struct outcome outcome = evaluate(
		"execution.stages[2].name + execution.stages[2].status", &fake, NULL);
	assert_string_equal(outcome.json, "\"stage number 2SUCCEEDED\"");
	assert_int_equal(fake.stages, 1);
	assert_int_equal(fake.roots, 0);
}

static void unknown_keys_fail_unless_they_are_allowed(void **state)
{
	struct fake fake = new_fake();
	_cleanup_outcome_ struct outcome outcome = evaluate("unknown", &fake, NULL);
	assert_int_equal(outcome.failure, EXPR_FAILED);
	assert_non_null(strstr(outcome.text, "EL1008E"));
	assert_string_equal(
		outcome.exception, "org.springframework.expression.spel.SpelEvaluationException");
}

static void a_failure_says_where(void **state)
{
	static const struct {
		const char *body;
		int position;
	} cases[] = {
		{ "1 + null", 2 },
		{ "1 + + ", 5 },
		{ "  1 + ", 5 },
		{ "a b", 2 },
		{ "1 == 1 and null.x", 16 },
		{ "#nope(1)", 0 },
		{ "'abc'.lenght()", 6 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct expr_limits limits = { .allow_unknown_keys = true };
		_cleanup_outcome_ struct outcome outcome = evaluate(cases[i].body, NULL, &limits);
		assert_int_equal(outcome.failure, EXPR_FAILED);
		if (outcome.position != cases[i].position)
			fail_msg("%s: position %d", cases[i].body, outcome.position);
	}
}

static void the_syntax_alone_can_be_checked(void **state)
{
	struct err err = ERR_INIT;
	int position;
	assert_int_equal(expr_check(STR(" #stage('a').b ?: 1"), &position, &err), 0);
	assert_int_equal(position, -1);
	assert_int_equal(expr_check(STR(" a b"), &position, &err), -1);
	assert_int_equal(position, 3);
	assert_non_null(strstr(err_text(&err), "EL1041E"));
	err_clear(&err);
}

static void a_small_budget_gives_up_and_a_large_one_does_not(void **state)
{
	struct fake fake = new_fake();
	struct expr_limits small = { .max_steps = 50 };
	const char *body = "{1,2,3,4,5,6,7,8,9,10}.?[#this > 5].![#this * 2].size()";
	_cleanup_outcome_ struct outcome first = evaluate(body, &fake, &small);
	_cleanup_outcome_ struct outcome second = evaluate(body, &fake, NULL);
	assert_int_equal(first.failure, EXPR_OVER_BUDGET);
	assert_string_equal(second.json, "5");
}

static void fetching_needs_time_and_a_host_that_does_it(void **state)
{
	struct fake fake = new_fake();
	struct expr_limits no_io = { .no_io = true };
	_cleanup_outcome_ struct outcome inlined = evaluate("#fromUrl('http://x')", &fake, &no_io);
	assert_int_equal(inlined.failure, EXPR_OVER_BUDGET);
	assert_int_equal(fake.fetches, 0);

	_cleanup_outcome_ struct outcome failed = evaluate("#fromUrl('http://x')", &fake, NULL);
	assert_int_equal(failed.failure, EXPR_FAILED);
	assert_non_null(strstr(failed.text, "http://x does not answer"));

	fake.body = "{\"a\": [1, 2]}";
	_cleanup_outcome_ struct outcome json = evaluate("#jsonFromUrl('u').a[1]", &fake, NULL);
	assert_string_equal(json.json, "2");

	fake.body = "# c\na=1\n b : two words\\\n  and more\nc\\=d=\\u00e4\n";
	_cleanup_outcome_ struct outcome map = evaluate("#propertiesFromUrl('u')", &fake, NULL);
	assert_string_equal(map.json, "{\"a\":\"1\",\"b\":\"two wordsand more\",\"c=d\":\"ä\"}");

	fake.host.fetch = NULL;
	_cleanup_outcome_ struct outcome off = evaluate("#fromUrl('u')", &fake, &no_io);
	assert_int_equal(off.failure, EXPR_FAILED);
	assert_non_null(strstr(off.text, "switched off"));
}

static char *repeated(const char *before, const char *part, size_t count, const char *after)
{
	struct strbuf buf = STRBUF_INIT(1 << 20);
	strbuf_add_text(&buf, before);
	for (size_t i = 0; i < count; i++)
		strbuf_add_text(&buf, part);
	strbuf_add_text(&buf, after);
	return strbuf_detach(&buf);
}

static void each_limit_ends_in_a_failure(void **state)
{
	const struct {
		const char *before, *part;
		size_t count;
		const char *after;
		bool good;
	} cases[] = {
		{ "", "(", LIMIT_EXPR_DEPTH - 1, "1", false },
		{ "", "!", LIMIT_EXPR_DEPTH + 1, "true", false },
		{ "", "{", LIMIT_EXPR_DEPTH + 1, "", false },
		{ "1", "+1", 3000, "", true },
		{ "a", ".a", 3000, "", false },
		{ "true", " and true", 1000, "", true },
		{ "'", "a", LIMIT_EXPR_BODY_BYTES - 2, "'", true },
		{ "'", "a", LIMIT_EXPR_BODY_BYTES - 1, "'", false },
		{ "'a'", ".repeat(1000)", 3, ".length()", false },
		{ "'a'", ".repeat(100)", 3, ".length()", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *body = repeated(
			cases[i].before, cases[i].part, cases[i].count, cases[i].after);
		_cleanup_outcome_ struct outcome outcome = evaluate(body, NULL, NULL);
		if ((outcome.failure == EXPR_OK) != cases[i].good)
			fail_msg("case %zu: %s", i, outcome.text);
	}
}

/* Each of these would run for minutes, or take the machine's memory, where nothing counts. The work is bounded, not timed. */
static void hostile_expressions_end_soon(void **state)
{
	static const struct {
		const char *body;
		unsigned megabytes; /* of its arena, at most */
	} cases[] = {
		{ "'a'.repeat(1000000).matches('(a*)*b')", 2 },
		{ "('a'.repeat(5000) + 'b').matches('(a|a)*c')", 1 },
		{ "'x'.repeat(4000000).replaceAll('x', 'yyyyyyyy')", 5 },
		{ "'x'.repeat(4000000).replaceAll('(x+x+)+[yz]', '')", 5 },
		/* Each place of the text is the start of a long run: the square of a million. */
		{ "'x'.repeat(1000000).replaceAll('x+[yz]', '').length()", 2 },
		{ "'x'.repeat(1000000).replaceAll('x{0,1000}[yz]', '').length()", 2 },
		{ "'x'.repeat(1000000).matches('(?:(?=x+[yz])|x)*')", 2 },
		{ "'x'.repeat(1000000).matches('(x{1,1000})(?:\\1[yz]|x)*')", 2 },
		{ "' '.repeat(1000000).concat('a').split('[ ]+$').length", 3 },
		{ "'x'.repeat(4000000).concat('x'.repeat(4000000)).concat('x'.repeat(4000000))", 9 },
		{ "'x'.repeat(10000000)", 1 },
		{ "'x'.repeat(4000000).split('').length", 9 },
		{ "'x'.repeat(1000000).split('').length", 9 },
		{ "'x'.repeat(1000000).split('x', -1).length", 9 },
		{ "'x,'.repeat(1000000).split(',').![#this + 'y'].length", 16 },
		{ "'x'.repeat(4000000).toCharArray().length", 5 },
		{ "'x'.repeat(4000000).getBytes().length", 5 },
		{ "new String('x'.repeat(260000).getBytes()).toCharArray().length", 16 },
		{ "'x'.repeat(4000000).indent(2000000)", 9 },
		{ "'x'.repeat(1000000) matches '(x|xx)*y'", 2 },
		{ "'x'.repeat(30) matches '(x?){30}x{30}y'", 1 },
		{ "'x'.repeat(1000000) matches '.*.*.*y'", 2 },
		{ "new int[262143].![#this + 1].![#this * 2].![#this + '']", 16 },
		{ "'' + new int[262143]", 9 },
		{ "T(String).join('x'.repeat(1000), 'a '.repeat(50000).split(' '))", 9 },
		{ "T(java.net.URLEncoder).encode('é'.repeat(1000000), 'UTF-8').length()", 9 },
		{ "#toJson('\"'.repeat(4000000))", 9 },
		{ "#readJson('['.repeat(1000000))", 2 },
		{ "{1,2,3,4,5,6,7,8}.![{1,2,3,4,5,6,7,8}.![{1,2,3,4,5,6,7,8}.![{1,2,3,4,5,6,7,8}.![{1,2,3,4,5,6,7,8}.![{1,2,3,4,5,6,7,8}.![#this]]]]]]",
			17 },
		{ "{1}.![{1}.![{1}.!['a'.repeat(4000000) + 'b']]]", 9 },
		{ "new int[500][500].![#this.![#this + 1]]", 16 },
		{ "new int[262145]", 1 },
		{ "'a'.repeat(4000000).split('a').![T(String).format('%9999s', #this)]", 16 },
		{ "T(String).format('%999999999s', 'x')", 5 },
		{ "new java.text.SimpleDateFormat('y'.repeat(10000)).format(new java.util.Date())",
			1 },
		{ "new java.text.SimpleDateFormat('y'.repeat(1000000)).format(new java.util.Date())",
			3 },
		{ "T(java.time.LocalDate).of(1, 1, 1).plusDays(9223372036854775807L)", 1 },
	};
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eval ev;
		struct value value;
		eval_init(&ev, NULL, NULL);
		eval_body(&ev, str_of(cases[i].body), &value);
		size_t megabytes = (ev.arena.used + (1 << 20) - 1) >> 20;
		/* The last step may be a large one. */
		if (ev.steps > 2 * LIMIT_EXPR_STEPS || megabytes > cases[i].megabytes)
			fail_msg("%s: %llu steps, %zu MB", cases[i].body,
				(unsigned long long)ev.steps, megabytes);
		eval_free(&ev);
	}
}

/* Forty nested brackets of each kind parse; what is nested deeper than the limit is refused before it is evaluated. */
static void deep_nesting_is_refused_by_the_parser(void **state)
{
	static const char *const brackets[][2] = { { "(", ")" }, { "{", "}" }, { "a[", "]" },
		{ "a.![", "]" }, { "#f(", ")" }, { "-", "" }, { "a?b:", "" } };
	for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
		for (size_t depth = 40; depth <= 2000; depth += 1960) {
			_cleanup_free_ char *open = repeated("", brackets[i][0], depth, "1");
			_cleanup_free_ char *body = repeated(open, brackets[i][1], depth, "");
			struct err err = ERR_INIT;
			int position;
			assert_int_equal(
				expr_check(str_of(body), &position, &err), depth == 40 ? 0 : -1);
			err_clear(&err);
		}
	}
}

static void *evaluate_many(void *data)
{
	unsigned *wrong = data;
	for (int i = 0; i < 300; i++) {
		char body[40];
		snprintf(body, sizeof(body), "'%d'.length() + %d", i % 50, i % 50);
		_cleanup_outcome_ struct outcome outcome = evaluate(body, NULL, NULL);
		char want[20];
		snprintf(want, sizeof(want), "%d", i % 50 + (i % 50 < 10 ? 1 : 2));
		*wrong += outcome.failure != EXPR_OK || strcmp(outcome.json, want) != 0;
	}
	return NULL;
}

static void threads_share_the_parsed_expressions(void **state)
{
	pthread_t threads[4];
	unsigned wrong[4] = { 0 };
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, evaluate_many, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

static void more_expressions_than_the_cache_holds_work(void **state)
{
	for (int i = 0; i < LIMIT_EXPR_CACHE * 2; i++) {
		char body[20], want[20];
		snprintf(body, sizeof(body), "%d + 1", i);
		snprintf(want, sizeof(want), "%d", i + 1);
		_cleanup_outcome_ struct outcome outcome = evaluate(body, NULL, NULL);
		assert_string_equal(outcome.json, want);
	}
}

static void arithmetic_on_literals_takes_no_steps(void **state)
{
	const struct expr_limits limits = { .max_steps = 1 };
	_cleanup_outcome_ struct outcome sum = evaluate("2 * (3 + 4) - 1L", NULL, &limits);
	assert_int_equal(sum.failure, EXPR_OK);
	assert_string_equal(sum.json, "13");
	_cleanup_outcome_ struct outcome text = evaluate("'a' + 1", NULL, &limits);
	assert_int_equal(text.failure, EXPR_OVER_BUDGET);
	_cleanup_outcome_ struct outcome failed = evaluate("1 + 2 / 0", NULL, NULL);
	assert_int_equal(failed.failure, EXPR_FAILED);
	assert_string_equal(failed.exception, "java.lang.ArithmeticException");
	assert_int_equal(failed.position, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_on_literals_takes_no_steps),
		cmocka_unit_test(a_host_gives_what_an_expression_asks_for),
		cmocka_unit_test(a_look_up_that_fails_is_no_null),
		cmocka_unit_test(no_host_is_an_empty_root),
		cmocka_unit_test(only_the_stages_that_are_looked_at_are_asked_for),
		cmocka_unit_test(unknown_keys_fail_unless_they_are_allowed),
		cmocka_unit_test(a_failure_says_where),
		cmocka_unit_test(the_syntax_alone_can_be_checked),
		cmocka_unit_test(a_small_budget_gives_up_and_a_large_one_does_not),
		cmocka_unit_test(fetching_needs_time_and_a_host_that_does_it),
		cmocka_unit_test(each_limit_ends_in_a_failure),
		cmocka_unit_test(hostile_expressions_end_soon),
		cmocka_unit_test(deep_nesting_is_refused_by_the_parser),
		cmocka_unit_test(threads_share_the_parsed_expressions),
		cmocka_unit_test(more_expressions_than_the_cache_holds_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
