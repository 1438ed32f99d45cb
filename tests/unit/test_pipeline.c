#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "model/pipeline.h"

static struct val parsed(const char *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	if (json_parse(str_of(json), NULL, NULL, &value, &err) < 0)
		fail_msg("%s: %s", json, err_text(&err));
	return value;
}

/* ---- the graph -------------------------------------------------------------------------------- */

static void collect(void *data, const struct graph_problem *problem)
{
	struct strbuf *found = data;

	strbuf_printf(found, "%s%s: %s", found->length ? "\n" : "", problem->path, problem->text);
}

/* The problems must be these, one a line. */
static void assert_problems(const char *json, const char *expected)
{
	_cleanup_(val_free) struct val pipeline = parsed(json);
	_cleanup_strbuf_ struct strbuf found = STRBUF_INIT(8192);
	size_t count = pipeline_check_graph(pipeline, collect, &found);
	size_t lines = *expected != '\0';

	for (const char *c = expected; *c; c++)
		lines += *c == '\n';
	assert_string_equal(found.bytes, expected);
	assert_int_equal(count, lines);
}

static void test_good_graphs(void **state)
{
	assert_problems("{}", "");
	assert_problems("{\"stages\":null}", "");
	assert_problems("{\"stages\":[]}", "");
	assert_problems("{\"stages\":[{\"type\":\"wait\"},{\"type\":\"wait\"}]}", "");
	assert_problems("{\"stages\":[{\"type\":\"a\",\"refId\":1},"
			"{\"type\":\"b\",\"refId\":\"2\",\"requisiteStageRefIds\":[1]},"
			"{\"type\":\"c\",\"refId\":\"x y\",\"requisiteStageRefIds\":\"2\"},"
			"{\"type\":\"d\",\"refId\":\"\",\"requisiteStageRefIds\":[\"1\",\"x y\"]},"
			"{\"type\":\"e\",\"refId\":\"e\",\"requisiteStageRefIds\":null},"
			"{\"type\":\"f\",\"refId\":\"f\",\"requisiteStageRefIds\":\"\"}]}",
		"");
}

static void test_no_pipeline(void **state)
{
	assert_problems("[]", ": a pipeline is an object");
	assert_problems("7", ": a pipeline is an object");
	assert_problems("{\"stages\":{}}", "stages: expected a list");
	assert_problems("{\"stages\":[3,null,\"a\"]}",
		"stages[0]: expected an object, got int\n"
		"stages[1]: expected an object, got null\n"
		"stages[2]: expected an object, got string");
}

static void test_types_and_refs(void **state)
{
	assert_problems(
		"{\"stages\":[{\"refId\":\"1\"},{\"refId\":\"2\",\"type\":\"\"},{\"refId\":\"3\",\"type\":4}]}",
		"stages[0].type: a stage needs a type\n"
		"stages[1].type: a stage needs a type\n"
		"stages[2].type: a stage needs a type");
	assert_problems(
		"{\"stages\":[{\"type\":\"a\",\"refId\":\"1\"},{\"type\":\"a\",\"refId\":1},{\"type\":\"a\"}]}",
		"stages[1].refId: \"1\" is used by another stage too\n"
		"stages[2].refId: missing, while other stages have one");
	assert_problems("{\"stages\":[{\"type\":\"a\",\"refId\":{}}]}",
		"stages[0].refId: missing, while other stages have one");
}

static void test_requisites(void **state)
{
	assert_problems(
		"{\"stages\":[{\"type\":\"a\",\"refId\":\"1\",\"requisiteStageRefIds\":[\"2\",3,{}]},"
		"{\"type\":\"a\",\"refId\":\"2\"}]}",
		"stages[0].requisiteStageRefIds[1]: there is no stage with refId \"3\"\n"
		"stages[0].requisiteStageRefIds[2]: there is no stage with refId \"?\"");
}

static void test_cycles(void **state)
{
	assert_problems(
		"{\"stages\":[{\"type\":\"a\",\"refId\":\"1\",\"requisiteStageRefIds\":[\"1\"]}]}",
		"stages[0].requisiteStageRefIds: stages wait for each other in a circle: 1");
	assert_problems("{\"stages\":[{\"type\":\"a\",\"refId\":\"start\"},"
			"{\"type\":\"a\",\"refId\":\"1\",\"requisiteStageRefIds\":[\"start\",\"3\"]},"
			"{\"type\":\"a\",\"refId\":\"2\",\"requisiteStageRefIds\":[\"1\"]},"
			"{\"type\":\"a\",\"refId\":\"3\",\"requisiteStageRefIds\":[\"2\"]}]}",
		"stages[1].requisiteStageRefIds: stages wait for each other in a circle: 1, 3, 2");
}

/* Names as long as anybody likes, and many of them. */
static void test_long_names(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1 << 20);

	strbuf_add_text(&text, "{\"stages\":[");
	for (int i = 0; i < 50; i++) {
		strbuf_printf(&text, "%s{\"type\":\"a\",\"refId\":\"%d-", i ? "," : "", i);
		for (int j = 0; j < 2000; j++)
			strbuf_add_char(&text, 'x');
		strbuf_printf(&text, "\",\"requisiteStageRefIds\":[\"%dnowhere\"]}", i);
	}
	strbuf_add_text(&text, "]}");
	_cleanup_(val_free) struct val pipeline = parsed(text.bytes);
	_cleanup_strbuf_ struct strbuf found = STRBUF_INIT(1 << 20);

	assert_int_equal(pipeline_check_graph(pipeline, collect, &found), 50);
}

/* ---- parameters ------------------------------------------------------------------------------- */

static void assert_json(struct val value, const char *expected)
{
	_cleanup_(val_free) struct val wanted = parsed(expected);
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);

	if (!val_equal(value, wanted))
		fail_msg("expected %s, got %s", expected, text);
}

static void test_parameters(void **state)
{
	_cleanup_(val_free) struct val pipeline = parsed(
		"{\"parameterConfig\":[{\"name\":\"a\",\"default\":\"1\"},{\"name\":\"b\",\"default\":2},"
		"{\"name\":\"c\"},{\"default\":\"no name\"},{\"name\":\"d\",\"default\":null}]}");
	_cleanup_(val_free) struct val none = pipeline_parameters(pipeline, VAL_NULL);
	_cleanup_(val_free) struct val given = parsed("{\"b\":null,\"a\":false,\"more\":7}");
	_cleanup_(val_free) struct val some = pipeline_parameters(pipeline, given);

	assert_json(none, "{\"a\":\"1\",\"b\":2,\"d\":null}");
	assert_json(some,
		"{\"a\":false,\"b\":null,\"d\":null,\"more\":7}"); /* a given null wins over the default */
}

static void test_missing_parameter(void **state)
{
	_cleanup_(val_free) struct val pipeline = parsed(
		"{\"stages\":[],\"parameterConfig\":[{\"name\":\"a\",\"default\":\"1\",\"required\":true},"
		"{\"name\":\"b\",\"required\":true,\"default\":\"\"},{\"name\":\"c\"}]}");
	_cleanup_(val_free) struct val given = parsed("{\"b\":\"\"}");
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(pipeline_check_parameters(pipeline, given, &err), 0);
	assert_int_equal(pipeline_check_parameters(pipeline, VAL_NULL, &err), -1);
	assert_string_equal(err_text(&err), "Required parameter b is missing");
}

/* Whoever is asked for a parameter should not give it in vain. */
static void test_missing_parameter_of_what_cannot_start(void **state)
{
	_cleanup_(val_free) struct val circle = parsed(
		"{\"name\":\"p\",\"parameterConfig\":[{\"name\":\"a\",\"required\":true}],\"stages\":["
		"{\"refId\":\"1\",\"type\":\"wait\",\"requisiteStageRefIds\":[\"2\"]},"
		"{\"refId\":\"2\",\"type\":\"wait\",\"requisiteStageRefIds\":[\"1\"]}]}");
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_err_ struct err off = ERR_INIT;

	assert_int_equal(pipeline_check_parameters(circle, VAL_NULL, &err), -1);
	assert_non_null(strstr(err_text(&err), "circle"));
	assert_null(strstr(err_text(&err), "Required"));
	val_set(&circle, "disabled", val_bool(true));
	assert_int_equal(pipeline_check_parameters(circle, VAL_NULL, &off), -1);
	assert_string_equal(err_text(&off), "\"p\" is disabled");
}

/* ---- the execution ---------------------------------------------------------------------------- */

static int make(const char *json, const char *trigger, struct execution **ret, struct err *err)
{
	static struct id_source ids = { .seed = 7 };
	_cleanup_(val_free) struct val pipeline = parsed(json);
	_cleanup_(val_free) struct val given = trigger ? parsed(trigger) : VAL_NULL;
	struct pipeline_start start = {
		.pipeline = pipeline,
		.trigger = given,
		.user = "joe",
		.origin = "api",
		.now_ms = 1700000000000,
		.ids = &ids,
	};

	return pipeline_to_execution(&start, ret, err);
}

static struct execution *must_make(const char *json, const char *trigger)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct execution *execution;

	if (make(json, trigger, &execution, &err) < 0)
		fail_msg("%s", err_text(&err));
	return execution;
}

static void test_head(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = must_make(
		"{\"application\":\"app\",\"name\":\"deploy\",\"id\":\"cfg\",\"spelEvaluator\":\"v4\","
		"\"limitConcurrent\":true,\"keepWaitingPipelines\":true,\"maxConcurrentExecutions\":3,"
		"\"startTimeExpiry\":\"1700000005000\",\"notifications\":[{}],\"templateVariables\":{\"a\":1}}",
		NULL);

	assert_string_equal(execution->application, "app");
	assert_string_equal(execution->name, "deploy");
	assert_string_equal(execution->config_id, "cfg");
	assert_string_equal(execution->spel_evaluator, "v4");
	assert_string_equal(execution->user, "joe");
	assert_string_equal(execution->origin, "api");
	assert_true(ulid_is_valid(str_of(execution->id)));
	assert_int_equal(execution->status, STATUS_NOT_STARTED);
	assert_int_equal(execution->build_ms, 1700000000000);
	assert_int_equal(execution->expiry_ms, 1700000005000);
	assert_true(execution->limit_concurrent && execution->keep_waiting);
	assert_int_equal(execution->max_concurrent, 3);
	assert_int_equal(stage_count(execution), 0);
}

static void test_trigger(void **state)
{
	const char *json = "{\"parameterConfig\":[{\"name\":\"env\",\"default\":\"test\"}],"
			   "\"trigger\":{\"type\":\"cron\",\"x\":1}}";
	_cleanup_(execution_unref_cleanup) struct execution *own = must_make(json, NULL);
	_cleanup_(execution_unref_cleanup) struct execution *given = must_make(
		json, "{\"parameters\":{\"env\":\"prod\"},\"dryRun\":true,\"user\":\"eve\"}");

	assert_string_equal(val_get_text(own->trigger, "type", ""), "cron");
	assert_int_equal(val_get_int(own->trigger, "x", 0), 1);
	assert_string_equal(val_get_text(val_get(own->trigger, "parameters"), "env", ""), "test");
	assert_string_equal(val_get_text(given->trigger, "type", ""), "manual");
	assert_string_equal(val_get_text(val_get(given->trigger, "parameters"), "env", ""), "prod");
	assert_string_equal(val_get_text(given->trigger, "user", ""),
		"joe"); /* who asks, not what is claimed */
	assert_true(val_get_bool(given->trigger, "dryRun", false));
	assert_true(val_is_list(val_get(given->trigger, "artifacts")));
	assert_false(val_get_bool(given->trigger, "rebake", true));
}

static void test_stages(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = must_make(
		"{\"stages\":[{\"type\":\"b\",\"refId\":2,\"name\":\"second\",\"requisiteStageRefIds\":[\"1\"],"
		"\"key\":{\"deep\":[1]},\"startTimeExpiry\":\"99\"},"
		"{\"type\":\"a\",\"refId\":\"1\",\"text\":\"${ 1 }\"}]}",
		NULL);
	const struct stage *second = stage_at(execution, 0), *first = stage_at(execution, 1);

	assert_int_equal(stage_count(execution), 2);
	assert_string_equal(second->ref_id, "2");
	assert_string_equal(second->name, "second");
	assert_string_equal(second->type, "b");
	assert_int_equal(second->expiry_ms, 99);
	assert_int_equal(second->requisite_count, 1);
	assert_int_equal(second->requisites[0], 1);
	assert_json(second->context, "{\"key\":{\"deep\":[1]}}");
	assert_string_equal(first->name, "a"); /* no name: the type */
	assert_int_equal(first->requisite_count, 0);
	assert_true(first->unresolved);
	assert_false(second->unresolved);
	assert_true(strcmp(first->id, second->id) > 0);
	assert_int_equal(first->parent, STAGE_NONE);
}

static void test_chain(void **state)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = must_make(
		"{\"stages\":[{\"type\":\"a\"},{\"type\":\"b\"},{\"type\":\"c\"}]}", NULL);

	assert_string_equal(stage_at(execution, 0)->ref_id, "0");
	assert_string_equal(stage_at(execution, 2)->ref_id, "2");
	assert_int_equal(stage_at(execution, 0)->requisite_count, 0);
	assert_int_equal(stage_at(execution, 1)->requisites[0], 0);
	assert_int_equal(stage_at(execution, 2)->requisites[0], 1);
}

static void test_broken(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct execution *execution = NULL;

	assert_int_equal(
		make("{\"stages\":[{\"type\":\"a\",\"refId\":\"1\",\"requisiteStageRefIds\":[\"9\"]},"
		     "{\"refId\":\"1\"},7]}",
			NULL, &execution, &err),
		-1);
	assert_int_equal(err.kind, ERR_INVALID);
	/* All of it, with places. */
	assert_non_null(
		strstr(err_text(&err), "stages[0].requisiteStageRefIds[0]: there is no stage"));
	assert_non_null(strstr(err_text(&err), "stages[1].type: a stage needs a type"));
	assert_non_null(strstr(err_text(&err), "stages[1].refId: \"1\" is used"));
	assert_non_null(strstr(err_text(&err), "stages[2]: expected an object"));
	assert_non_null(execution);
	assert_int_equal(stage_count(execution), 3);
	execution_unref(execution);
}

static void test_no_execution(void **state)
{
	static const char *const texts[] = { "[]", "null", "\"a\"", "{\"stages\":\"a\"}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct execution *execution;

		assert_int_equal(make(texts[i], NULL, &execution, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		assert_null(execution);
	}
}

static void test_too_many_stages(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	struct execution *execution;

	strbuf_add_text(&text, "{\"stages\":[{\"type\":\"a\"}");
	for (int i = 0; i < LIMIT_STAGES; i++)
		strbuf_add_text(&text, ",{\"type\":\"a\"}");
	strbuf_add_text(&text, "]}");
	assert_int_equal(make(text.bytes, NULL, &execution, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	assert_null(execution);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_graphs),
		cmocka_unit_test(test_no_pipeline),
		cmocka_unit_test(test_types_and_refs),
		cmocka_unit_test(test_requisites),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_missing_parameter),
		cmocka_unit_test(test_missing_parameter_of_what_cannot_start),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_trigger),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_no_execution),
		cmocka_unit_test(test_too_many_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
