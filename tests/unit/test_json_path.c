/* JSONPath: what people write leads where Jayway's reader would lead them; what is wrong is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/json_path.h"
#include "base/limits.h"

static const char document[] =
	"{ \"status\": { \"phase\": \"Running\", \"code\": 7, \"none\": null, \"a b\": { \"c.d\": 1 } },"
	"  \"items\": [ { \"name\": \"web\", \"ready\": true, \"weight\": 2, \"tags\": [\"x\", \"y\"] },"
	"               { \"name\": \"db\", \"ready\": false, \"weight\": 5, \"tags\": [] },"
	"               { \"name\": \"job\", \"weight\": \"3\" } ],"
	"  \"numbers\": [ 1, 2.5, 10 ], \"empty\": [], \"name\": \"top\","
	"  \"fields\": { \"status\": { \"name\": \"Done\" } } }";

static struct val read_document(void)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;
	assert_int_equal(json_parse(str_of(document), NULL, NULL, &value, &err), 0);
	return value;
}

static void leads_to(const char *path, const char *wanted)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val root = read_document();
	_cleanup_(val_free) struct val found = VAL_NULL;
	if (json_path_read(str_of(path), root, &found, &err) < 0)
		fail_msg("%s: %s", path, err_text(&err));
	_cleanup_free_ char *text = json_text(found, JSON_COMPACT);
	if (strcmp(text, wanted) != 0)
		fail_msg("%s: expected %s, got %s", path, wanted, text);
	assert_int_equal(json_path_check(str_of(path), &err), 0);
}

static void fails(const char *path, enum err_kind kind, const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val root = read_document();
	_cleanup_(val_free) struct val found = VAL_NULL;
	if (json_path_read(str_of(path), root, &found, &err) == 0)
		fail_msg("%s: it did not fail", path);
	if (err.kind != kind || !strstr(err_text(&err), text))
		fail_msg("%s: expected %s, %s; got %s, %s", path, err_kind_name(kind), text,
			err_kind_name(err.kind), err_text(&err));
}

static void test_definite_paths_give_the_value(void **state)
{
	leads_to("$.status.phase", "\"Running\"");
	leads_to("status.phase", "\"Running\"");
	leads_to("fields.status.name", "\"Done\"");
	leads_to("  $.status.code ", "7");
	leads_to("$['status']['phase']", "\"Running\"");
	leads_to("$[ \"status\" ].phase", "\"Running\"");
	leads_to("$.['status'].phase", "\"Running\"");
	leads_to("$.status['a b']['c.d']", "1");
	leads_to("$.status.none", "null");
	leads_to("$.items[0].name", "\"web\"");
	leads_to("$.items[-1].name", "\"job\"");
	leads_to("items[1].weight", "5");
	leads_to("['name']", "\"top\"");
	leads_to("$.empty", "[]");
	leads_to("$.fields", "{\"status\":{\"name\":\"Done\"}}");
	leads_to("$.items[0]['name','ready','nothing']", "{\"name\":\"web\",\"ready\":true}");
}

static void test_others_give_lists(void **state)
{
	leads_to("$.items[*].name", "[\"web\",\"db\",\"job\"]");
	leads_to("$.items[0,2].name", "[\"web\",\"job\"]");
	leads_to("$.items[1:].name", "[\"db\",\"job\"]");
	leads_to("$.items[:2].name", "[\"web\",\"db\"]");
	leads_to("$.items[1:2].name", "[\"db\"]");
	leads_to("$.items[-2:].name", "[\"db\",\"job\"]");
	leads_to("$.items[:-1].name", "[\"web\",\"db\"]");
	leads_to("$.items[5:9]", "[]");
	leads_to("$.fields.*", "[{\"name\":\"Done\"}]");
	leads_to("$..name", "[\"top\",\"web\",\"db\",\"job\",\"Done\"]");
	leads_to("$..status.name", "[\"Done\"]");
	leads_to("$..tags[0]", "[\"x\"]");
	leads_to("$.items..['ready']", "[true,false]");
	leads_to("$.empty[*]", "[]");
	leads_to("$.items[*].nothing", "[]");
	leads_to("$.numbers.*", "[1,2.5,10]");
}

static void test_filters_choose(void **state)
{
	leads_to("$.items[?(@.name == 'web')].weight", "[2]");
	leads_to("$.items[?(@.name=='web')].weight", "[2]");
	leads_to("$.items[?(@['name'] == \"db\")].weight", "[5]");
	leads_to("$.items[?(@.ready)].name", "[\"web\",\"db\"]");
	leads_to("$.items[?(!@.ready)].name", "[\"job\"]");
	leads_to("$.items[?(@.ready == true)].name", "[\"web\"]");
	leads_to("$.items[?(@.weight > 2)].name", "[\"db\"]");
	leads_to("$.items[?(@.weight >= 2 && @.weight < 5)].name", "[\"web\"]");
	leads_to("$.items[?(@.weight == 3)].name", "[\"job\"]");
	leads_to("$.items[?(@.weight === 3)].name", "[]");
	leads_to("$.items[?(@.weight == 2 || (@.name == 'job' && !(@.ready)))].name",
		"[\"web\",\"job\"]");
	leads_to("$.items[?(@.ready != true)].name", "[\"db\",\"job\"]");
	leads_to("$.items[?(@.name in ['db', 'job'])].name", "[\"db\",\"job\"]");
	leads_to("$.items[?(@.name nin ['db', 'job'])].name", "[\"web\"]");
	leads_to("$.items[?('x' in @.tags)].name", "[\"web\"]");
	leads_to("$.items[?(@.tags contains 'y')].name", "[\"web\"]");
	leads_to("$.items[?(@.name contains 'o')].name", "[\"job\"]");
	leads_to("$.items[?(@.tags size 2)].name", "[\"web\"]");
	leads_to("$.items[?(@.tags empty true)].name", "[\"db\"]");
	leads_to("$.items[?(@.tags anyof ['y', 'z'])].name", "[\"web\"]");
	leads_to("$.items[?(@.tags subsetof ['x', 'y', 'z'])].name", "[\"web\",\"db\"]");
	leads_to("$.items[?(@.name == $.items[1].name)].weight", "[5]");
	leads_to("$.items[?(@.tags[0] == 'x')].name", "[\"web\"]");
	leads_to("$.items[?(@.tags.length() > 1)].name", "[\"web\"]");
	leads_to("$.numbers[?(@ > 2)]", "[2.5,10]");
	leads_to("$.numbers[?(@ == -1.5e0)]", "[]");
	leads_to("$.status[?(@.phase == 'Running')].code", "[7]");
	leads_to("$..[?(@.weight == 5)].name", "[\"db\"]");
}

static void test_functions_stand_at_the_end(void **state)
{
	leads_to("$.items.length()", "3");
	leads_to("$.items.size()", "3");
	leads_to("$.items[*].name.length()", "3");
	leads_to("$.numbers.max()", "10.0");
	leads_to("$.numbers.min()", "1.0");
	leads_to("$.numbers.sum()", "13.5");
	leads_to("$.numbers.avg()", "4.5");
	leads_to("$.numbers.last()", "10");
	leads_to("$.items[0].tags.first()", "\"x\"");
	leads_to("$.status.keys()", "[\"phase\",\"code\",\"none\",\"a b\"]");
	fails("$.empty.max()", ERR_NOT_FOUND, "nothing");
	fails("$.numbers.median()", ERR_INVALID, "unknown function");
	fails("$.numbers.max().x", ERR_INVALID, "nothing may follow a function");
}

static void test_what_leads_to_nothing_is_told_apart(void **state)
{
	fails("$.nothing", ERR_NOT_FOUND, "nothing");
	fails("$.nothing.more", ERR_NOT_FOUND, "nothing");
	fails("$.nothing[*]", ERR_NOT_FOUND, "nothing");
	fails("$.items[3]", ERR_NOT_FOUND, "nothing");
	fails("$.items[-4]", ERR_NOT_FOUND, "nothing");
	fails("$.items.name", ERR_NOT_FOUND, "nothing");
	fails("$.name.x", ERR_NOT_FOUND, "nothing");
	fails("$.name[0]", ERR_NOT_FOUND, "nothing");
	fails("$.name[0:1]", ERR_NOT_FOUND, "nothing");
}

static void test_what_cannot_be_written_so_is_said(void **state)
{
	static const char *const wrong[] = { "", "  ", "$.", "$..", "$...a", "$.a.", "$[", "$[]",
		"$['a'", "$['a", "$[0", "$[a]", "$[0,]", "$[1:x]", "$[?]", "$[?(", "$[?()]",
		"$[?(@.a]", "$[?(@.a ==)]", "$[?(@.a == 'x)]", "$[?(@.a == 1 &&)]",
		"$[?(@.a =~ /x/)]", "$[?(@.a == /x/)]", "$[?((@.a)]", "$[?(@.a == [1,)]", "$.a b",
		"$x", "$.a()", "$[99999999999999999999]", "$.a[?(@.b == 1)", "$.length(",
		"$.items.length()[0]" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		fails(wrong[i], ERR_INVALID, "");
	fails("$.status.a b", ERR_INVALID, "column 11: write ['my name']");
}

static void test_limits_hold(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct strbuf path = STRBUF_INIT(1 << 20);
	strbuf_add_char(&path, '$');
	for (int i = 0; i < LIMIT_JSON_PATH_STEPS; i++)
		strbuf_add_text(&path, ".a");
	assert_int_equal(json_path_check(strbuf_str(&path), &err), 0);
	strbuf_add_text(&path, ".a");
	assert_int_equal(json_path_check(strbuf_str(&path), &err), -1);
	strbuf_reset(&path);
	strbuf_add_text(&path, "$[?(");
	for (int i = 0; i <= LIMIT_JSON_PATH_DEPTH; i++)
		strbuf_add_char(&path, '(');
	fails(path.bytes, ERR_INVALID, "nested too deep");
	strbuf_reset(&path);
	for (int i = 0; i <= LIMIT_JSON_PATH_BYTES; i++)
		strbuf_add_char(&path, 'a');
	fails(path.bytes, ERR_INVALID, "longer than");
	strbuf_free(&path);
}

static void test_a_path_that_explodes_is_stopped(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val deep = val_int(1);
	for (int i = 0; i < 150; i++) {
		struct val map = val_map();
		val_set(&map, "a", deep);
		deep = map;
	}
	_cleanup_(val_free) struct val root = deep;
	_cleanup_(val_free) struct val found = VAL_NULL;
	assert_int_equal(json_path_read(STR("$..*..*..*..*..*"), root, &found, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	assert_int_equal(json_path_read(STR("$..[?($..[?($..[?($..*)])])]"), root, &found, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definite_paths_give_the_value),
		cmocka_unit_test(test_others_give_lists),
		cmocka_unit_test(test_filters_choose),
		cmocka_unit_test(test_functions_stand_at_the_end),
		cmocka_unit_test(test_what_leads_to_nothing_is_told_apart),
		cmocka_unit_test(test_what_cannot_be_written_so_is_said),
		cmocka_unit_test(test_limits_hold),
		cmocka_unit_test(test_a_path_that_explodes_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
