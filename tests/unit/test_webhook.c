/* What a webhook keeps of an answer, and shows of a URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/limits.h"
#include "stage/webhook.h"

static void keeps(int status, struct str body, const char *wanted)
{
	struct http_response response = { .status = status, .body = STRBUF_INIT(1 << 20) };
	strbuf_add_str(&response.body, body);
	_cleanup_(val_free) struct val answer = webhook_answer(&response);
	_cleanup_free_ char *text = json_text(val_get(answer, "body"), JSON_COMPACT);
	assert_string_equal(text, wanted);
	http_response_free(&response);
}

static void test_a_body_is_json_or_text(void **state)
{
	keeps(200, STR(" {\"a\": 1}\n"), "{\"a\":1}");
	keeps(200, STR("17"), "17");
	keeps(200, STR("fine"), "\"fine\"");
	keeps(200, STR(""), "null");
	keeps(404, STR("{\"a\": 1}"), "{\"a\":1}");
	keeps(404, STR("17"), "\"17\"");
	keeps(500, STR("[not json"), "\"[not json\"");
	keeps(200, STR("\xef\xbb\xbf[1]"), "[1]");
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
	keeps(200, STR("caf\xe9 \xc3\xa9"), "\"caf\xef\xbf\xbd \xc3\xa9\"");
	keeps(200, STR("{\"a\": \"\xff\"}"), "\"{\\\"a\\\": \\\"\xef\xbf\xbd\\\"}\"");
	keeps(200, STR("\xe6\x88"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_the_first_value_of_a_header_is_kept(void **state)
{
	struct http_response response = { .status = 299, .body = STRBUF_INIT(10) };
	struct val list = val_list();
	val_append(&list, val_string("a"));
	val_append(&list, val_string("b"));
	val_set(&response.headers, "x-many", list);
	val_set(&response.headers, "x-bytes", val_str(STR("\xff")));
	_cleanup_(val_free) struct val answer = webhook_answer(&response);
	_cleanup_free_ char *text = json_text(answer, JSON_COMPACT);
	assert_string_equal(text,
		"{\"statusCode\":\"299\",\"statusCodeValue\":299,\"headers\":{\"x-many\":\"a\","
		"\"x-bytes\":\"\xef\xbf\xbd\"},\"body\":null}");
	http_response_free(&response);
}

static void shows(const char *url, const char *wanted)
{
	_cleanup_free_ char *text = webhook_shown("PUT", url);
	assert_string_equal(text, wanted);
}

static void test_a_url_is_shown_without_what_may_be_secret(void **state)
{
	shows("https://joe:pass@ci.example.com/a/b?key=1#x", "PUT https://ci.example.com/a/b");
	shows("http://ci.example.com:8080", "PUT http://ci.example.com:8080/");
	shows("no url?key=1", "PUT");
}

static void has_code(const char *codes, int status, bool wanted)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val value = VAL_NULL;
	assert_int_equal(json_parse(str_of(codes), NULL, NULL, &value, &err), 0);
	assert_int_equal(webhook_code_is_in(value, status), wanted);
}

static void test_codes_come_in_many_forms(void **state)
{
	has_code("[404, 409]", 409, true);
	has_code("[404, \" 409 \"]", 409, true);
	has_code("\"404, 409\"", 409, true);
	has_code("\"409\"", 409, true);
	has_code("409", 409, true);
	has_code("[4090]", 409, false);
	has_code("[]", 409, false);
	has_code("null", 409, false);
	has_code("[null, {}, [409]]", 409, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_body_is_json_or_text),
		cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(test_the_first_value_of_a_header_is_kept),
		cmocka_unit_test(test_a_url_is_shown_without_what_may_be_secret),
		cmocka_unit_test(test_codes_come_in_many_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
