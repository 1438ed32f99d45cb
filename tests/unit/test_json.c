#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"

#define _cleanup_val_ _cleanup_(val_free)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Parses an exact copy, so that AddressSanitizer sees a read behind the end. */
static int parse(struct str text, const struct json_options *options, struct val *ret, struct err *err)
{
	_cleanup_free_ char *copy = malloc(text.length);
	if (text.length)
		memcpy(copy, text.bytes, text.length);
	return json_parse((struct str){ copy, text.length }, options, NULL, ret, err);
}

static struct val parsed(struct str text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	if (parse(text, NULL, &value, &err) < 0)
		fail_msg("%.*s: %s", STR_ARG(text), err_text(&err));
	return value;
}

static void assert_fails(struct str text, const struct json_options *options, const char *expected)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_val_ struct val value = VAL_NULL;
	if (parse(text, options, &value, &err) == 0)
		fail_msg("%.*s was taken", STR_ARG(text));
	assert_int_equal(err.kind, ERR_INVALID);
	assert_true(val_is_null(value));
	if (expected)
		assert_string_equal(err_text(&err), expected);
}

struct text_case {
	struct str text;
	const char *compact; /* how it is written back */
};

#define CASE(in, out)                           \
	{                                       \
		{ (in), sizeof(in) - 1 }, (out) \
	}

/* After the y_ and i_ files of JSONTestSuite (github.com/nst/JSONTestSuite), which list where parsers go wrong. */
static const struct text_case good[] = {
	CASE("[[]   ]", "[[]]"),
	CASE("[\"\"]", "[\"\"]"),
	CASE("[]", "[]"),
	CASE("[\"a\"]", "[\"a\"]"),
	CASE("[false]", "[false]"),
	CASE("[null, 1, \"1\", {}]", "[null,1,\"1\",{}]"),
	CASE("[1\n]", "[1]"),
	CASE(" [1]", "[1]"),
	CASE("[1,null,null,null,2]", "[1,null,null,null,2]"),
	CASE("[2] ", "[2]"),
	CASE("\t\r\n [\t\r\n 1\t\r\n ,\t\r\n 2\t\r\n ]\t\r\n ", "[1,2]"),
	CASE("{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", "{\"asd\":\"sdf\",\"dfg\":\"fgh\"}"),
	CASE("{\"\":0}", "{\"\":0}"),
	CASE("{\"\":[1],\"a\":{\"\":{}}}", "{\"\":[1],\"a\":{\"\":{}}}"),
	CASE("{\"foo\\u0000bar\": 42}", "{\"foo\\u0000bar\":42}"),
	CASE("{\"a\":[]}", "{\"a\":[]}"),
	CASE("{\n\"a\": \"b\"\n}", "{\"a\":\"b\"}"),
	CASE("{\"title\":\"\\u041f\\u043e\\u043b\"}", "{\"title\":\"Пол\"}"),
	CASE("false", "false"),
	CASE("true", "true"),
	CASE("null", "null"),
	CASE("\"\"", "\"\""),
	CASE("42", "42"),
	CASE("-1", "-1"),
	CASE("\"asd\"", "\"asd\""),
	/* numbers */
	CASE("[123e65]", "[1.23e+67]"),
	CASE("[0e+1]", "[0.0]"),
	CASE("[0e1]", "[0.0]"),
	CASE("[ 4]", "[4]"),
	CASE("[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
		"[-1e-78]"),
	CASE("[20e1]", "[200.0]"),
	CASE("[-0]", "[-0.0]"),
	CASE("[-0.0]", "[-0.0]"),
	CASE("[-123]", "[-123]"),
	CASE("[1E22]", "[1e+22]"),
	CASE("[1E-2]", "[0.01]"),
	CASE("[1E+2]", "[100.0]"),
	CASE("[123.456e78]", "[1.23456e+80]"),
	CASE("[123.456789]", "[123.456789]"),
	CASE("[0]", "[0]"),
	CASE("[123123e-100000]", "[0.0]"),
	CASE("[100000000000000000000]", "[100000000000000000000]"),
	CASE("[-237462374673276894279832749832423479823246327846]",
		"[-237462374673276894279832749832423479823246327846]"),
	/* strings */
	CASE("[\"\\u0060\\u012a\\u12AB\"]", "[\"`Īካ\"]"),
	CASE("[\"\\uD801\\udc37\"]", "[\"𐐷\"]"),
	CASE("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]", "[\"😹💍\"]"),
	CASE("[\"\\uDBFF\\uDFFF\"]", "[\"\xf4\x8f\xbf\xbf\"]"),
	CASE("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"),
	CASE("[\"\\\\u0000\"]", "[\"\\\\u0000\"]"),
	CASE("[\"a/*b*/c/*d//e\"]", "[\"a/*b*/c/*d//e\"]"),
	CASE("[\"\\u0000\"]", "[\"\\u0000\"]"),
	CASE("[\"\\u001f\\u007f\"]", "[\"\\u001f\x7f\"]"),
	CASE("[\"\\uFFFF\"]", "[\"\xef\xbf\xbf\"]"),
	CASE("[\"\xef\xbf\xbf\"]", "[\"\xef\xbf\xbf\"]"),
	CASE("[\"\xf4\x8f\xbf\xbf\"]", "[\"\xf4\x8f\xbf\xbf\"]"),
	CASE("[\"\xe2\x80\xa8\xe2\x80\xa9\"]", "[\"\xe2\x80\xa8\xe2\x80\xa9\"]"),
	CASE("[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\"]",
		"[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\"]"),
	CASE("[\"\x7f\"]", "[\"\x7f\"]"),
	CASE("[\"twelve bytes\",\"thirteen byte\"]", "[\"twelve bytes\",\"thirteen byte\"]"),
	CASE("[\"eight bytes before \\u00e4 and as many after it\"]",
		"[\"eight bytes before ä and as many after it\"]"),
};

/* After the n_ files, and the i_ files that this parser refuses; one a line would be many screens. */
/* clang-format off */
static const struct str bad[] = {
	/* structure */
	STR(""), STR(" "), STR("[1 true]"), STR("[a\xe5]"), STR("[\"\": 1]"), STR("[\"\"],"), STR("[,1]"), STR("[1,,2]"),
	STR("[\"x\",,]"), STR("[\"x\"]]"), STR("[\"\",]"), STR("[\"x\""), STR("[x"), STR("[3[4]]"), STR("[1:2]"),
	STR("[,]"), STR("[-]"), STR("[   , \"\"]"), STR("[\"a\",\n4\n,1,"), STR("[1,]"), STR("[\"\va\"\\f]"), STR("[*]"),
	STR("[1,\n1\n,1"), STR("[{}"), STR("[fals]"), STR("[nul]"), STR("[tru]"), STR("[truth]"), STR("123\0"), STR("["),
	STR("[\0]"), STR("[1]x"), STR("[1]]"), STR("[][]"), STR("2@"), STR("{}}"), STR("{\"\":"), STR("{\"a\":/*c*/\"b\"}"),
	STR("{\"a\": true} \"x\""), STR("[\""), STR("[True]"), STR("]"), STR("{\"x\": true,"), STR("[[\"x\"]"), STR("{"),
	STR("{]"), STR("{,"), STR("{["), STR("{\"a"), STR("{'a'"), STR("[\"\\{[\"\\{["), STR("\xe9"), STR("*"),
	STR("{\"a\":\"b\"}#"), STR("\xe2\x81\xa0[]"), STR("[\\u000A\"\"]"), STR("[1"), STR("[ false, nul"), STR("\f[]"),
	STR("[\f]"), STR("[\xc2\xa0]"), STR("<null>"), STR("[<null>]"), STR("a\xc3\xa5"), STR("\xef\xbb\xbf{}"),
	STR("\xef\xbb\xbf"), STR("\xef\xbb{}"), STR("\xff\xfe[\0]\0"), STR("&"), STR("undefined"), STR("// c\n[]"),
	/* objects */
	STR("[\"a\": 1]"), STR("{\"x\", null}"), STR("{\"x\"::\"b\"}"), STR("{\xf0\x9f\x87\xa8}"), STR("{\"a\":\"a\" 123}"),
	STR("{key: 'value'}"), STR("{\"\xb9\":\"0\",}"), STR("{\"a\" b}"), STR("{:\"b\"}"), STR("{\"a\" \"b\"}"),
	STR("{\"a\":"), STR("{\"a\""), STR("{1:1}"), STR("{9999E9999:1}"), STR("{null:null,null:null}"),
	STR("{\"id\":0,,,,,}"), STR("{'a':0}"), STR("{\"id\":0,}"), STR("{\"a\":\"b\"}/**/"), STR("{\"a\":\"b\"}//"),
	STR("{\"a\":\"b\",,\"c\":\"d\"}"), STR("{a: \"b\"}"), STR("{\"a\":\"a"), STR("{ \"foo\" : \"bar\", \"a\" }"),
	STR("{\"a\":\"b\"} #"), STR("{\"a\":1 \"b\":2}"), STR("{{}}"), STR("{\"a\"}"), STR("{[]:1}"),
	/* numbers */
	STR("[++1234]"), STR("[+1]"), STR("[+Inf]"), STR("[-01]"), STR("[-1.0.]"), STR("[-2.]"), STR("[-NaN]"),
	STR("[.-1]"), STR("[.2e-3]"), STR("[0.1.2]"), STR("[0.3e+]"), STR("[0.3e]"), STR("[0.e1]"), STR("[0E+]"),
	STR("[0E]"), STR("[0e]"), STR("[1.0e+]"), STR("[1.0e-]"), STR("[1.0e]"), STR("[1 000.0]"), STR("[1eE2]"),
	STR("[2.e+3]"), STR("[2.e-3]"), STR("[2.e3]"), STR("[9.e+]"), STR("[Inf]"), STR("[NaN]"), STR("[Infinity]"),
	STR("[-Infinity]"), STR("[\xef\xbc\x91]"), STR("[1+2]"), STR("[0x1]"), STR("[0x42]"), STR("[0e+-1]"),
	STR("[-123.123foo]"), STR("[123\xe5]"), STR("[1e1\xe5]"), STR("[0\xe5]"), STR("[- 1]"), STR("[-012]"),
	STR("[-.123]"), STR("[-1x]"), STR("[1ea]"), STR("[1.]"), STR("[.123]"), STR("[1.2a-3]"), STR("[012]"), STR("00"),
	STR("-"), STR("1."), STR("1e"), STR("[1e400]"), STR("[-1e400]"), STR("[1.5e+9999]"), STR("[0.4e00669999999999]"),
	/* strings */
	STR("[\"\\uD800\\\"]"), STR("[\"\\uD800\\u\"]"), STR("[\"\\uD800\\u1\"]"), STR("[\"\\uD800\\u1x\"]"),
	STR("[\xc3\xa9]"), STR("[\"\\x00\"]"), STR("[\"\\\\\\\"]"), STR("[\"\\\t\"]"), STR("[\"\\\xf0\x9f\x8c\x80\"]"),
	STR("[\"\\\"]"), STR("[\"\\u00A\"]"), STR("[\"\\uD834\\uDd\"]"), STR("[\"\\uD800\\uD800\\x\"]"),
	STR("[\"\\u\xe5\"]"), STR("[\"\\a\"]"), STR("[\"\\uqqqq\"]"), STR("[\"\\\xe5\"]"), STR("[\\u0020\"asd\"]"),
	STR("[\\n]"), STR("\""), STR("['single quote']"), STR("abc"), STR("[\"\\"), STR("[\"a\0a\"]"), STR("[\"new\nline\"]"),
	STR("[\"\t\"]"), STR("[\"\x1f\"]"), STR("\"\\UA66D\""), STR("\"\"x"), STR("[\"\\u"), STR("[\"\\u00"),
	STR("[\"\\uDADA\"]"), STR("[\"\\uD888\\u1234\"]"), STR("[\"\\uD800\\n\"]"), STR("[\"\\uDd1ea\"]"),
	STR("[\"\\uD800\\uD800\\n\"]"), STR("[\"\\ud800abc\"]"), STR("[\"\\uDd1e\\uD834\"]"), STR("[\"\\uDFAA\"]"),
	STR("[\"\\uD800\\uDBFF\"]"), STR("[\"\\uD800"), STR("[\"\\0\"]"), STR("[\"\\u+123\"]"), STR("[\"\\u 123\"]"),
	/* UTF-8 */
	STR("[\"\xff\"]"), STR("[\"\xe6\x97\xa5\xd1\x88\xfa\"]"), STR("[\"\xf4\xbf\xbf\xbf\"]"), STR("[\"\xc0\xaf\"]"),
	STR("[\"\xfc\x83\xbf\xbf\xbf\xbf\"]"), STR("[\"\xfc\x80\x80\x80\x80\x80\"]"), STR("[\"\xe0\xff\"]"),
	STR("[\"\xed\xa0\x80\"]"), STR("[\"\xed\xbf\xbf\"]"), STR("[\"\x81\"]"), STR("[\"\xe9\"]"), STR("[\"\xc3"),
	STR("[\"\xe2\x82"), STR("[\"\xf0\x9f\x98"), STR("[\"\xe0\x80\x80\"]"), STR("[\"\xf0\x80\x80\x80\"]"),
	STR("[\"\xc3\"]"), STR("{\"\xff\":1}"),
};
/* clang-format on */

static void valid_texts_are_read_and_written_back(void **state)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		_cleanup_val_ struct val value = parsed(good[i].text);
		_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
		assert_string_equal(text, good[i].compact);
		_cleanup_free_ char *pretty = json_text(value, JSON_PRETTY);
		_cleanup_val_ struct val again = parsed(str_of(pretty));
		assert_true(val_equal(value, again));
	}
}

static void invalid_texts_are_refused(void **state)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_fails(bad[i], NULL, NULL);
}

/* Whatever the place at which a text is cut off, the parser sees it. */
static void every_prefix_of_a_text_is_refused(void **state)
{
	struct str text = STR(
		"{\"a\":[1,-2.5e+3,true,false,null,\"x\\u00e4\\ud83d\\ude00\\n\xc3\xa4\"],\"b\":{\"c\":{}}}");
	for (size_t length = 0; length < text.length; length++)
		assert_fails(str_slice(text, 0, length), NULL, NULL);
}

static void numbers_keep_their_kind(void **state)
{
	static const struct {
		const char *text;
		enum val_kind kind;
		double number;
		const char *written;
	} cases[] = {
		{ "17", VAL_KIND_INT, 17, "17" },
		{ "17.0", VAL_KIND_DOUBLE, 17, "17.0" },
		{ "1e2", VAL_KIND_DOUBLE, 100, "100.0" },
		{ "9223372036854775807", VAL_KIND_INT, 0x1p63, "9223372036854775807" },
		{ "-9223372036854775808", VAL_KIND_INT, -0x1p63, "-9223372036854775808" },
		{ "9223372036854775808", VAL_KIND_DOUBLE, 0x1p63, "9223372036854775808" },
		{ "-9223372036854775809", VAL_KIND_DOUBLE, -0x1p63, "-9223372036854775809" },
		{ "18446744073709551616", VAL_KIND_DOUBLE, 0x1p64, "18446744073709551616" },
		{ "123456789012345678901234567890", VAL_KIND_DOUBLE,
			123456789012345678901234567890.0, "123456789012345678901234567890" },
		{ "18446744073709551616.0", VAL_KIND_DOUBLE, 0x1p64, "1.8446744073709552e+19" },
		{ "0.1", VAL_KIND_DOUBLE, 0.1, "0.1" },
		{ "0.30000000000000004", VAL_KIND_DOUBLE, 0.1 + 0.2, "0.30000000000000004" },
		{ "1e15", VAL_KIND_DOUBLE, 1e15, "1e+15" },
		{ "999999999999999.0", VAL_KIND_DOUBLE, 999999999999999.0, "999999999999999.0" },
		{ "1234567890123456.0", VAL_KIND_DOUBLE, 1234567890123456.0, "1234567890123456.0" },
		{ "5e-324", VAL_KIND_DOUBLE, 5e-324, "5e-324" },
		{ "2.2250738585072014e-308", VAL_KIND_DOUBLE, DBL_MIN, "2.2250738585072014e-308" },
		{ "1.7976931348623157e308", VAL_KIND_DOUBLE, DBL_MAX, "1.7976931348623157e+308" },
		{ "1.7976931348623158e308", VAL_KIND_DOUBLE, DBL_MAX, "1.7976931348623157e+308" },
		{ "9007199254740993.0", VAL_KIND_DOUBLE, 9007199254740992.0, "9007199254740992.0" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct val value = parsed(str_of(cases[i].text));
		double number = 0;
		assert_int_equal(val_kind(value), cases[i].kind);
		assert_true(val_as_double(value, &number) && number == cases[i].number);
		_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
		assert_string_equal(text, cases[i].written);
		val_free(&value);
	}
	struct val zero = parsed(STR("-0"));
	assert_int_equal(val_kind(zero), VAL_KIND_DOUBLE);
	assert_true(signbit(zero.number));
}

static void integers_beyond_64_bits_are_what_they_are(void **state)
{
	static const char text[] =
		"{\"a\":[18446744073709551617,18446744073709551616],\"b\":-9223372036854775809}";
	_cleanup_(val_free) struct val value = parsed(str_of(text));
	_cleanup_(val_free) struct val same = parsed(str_of(text));
	_cleanup_free_ char *written = json_text(value, JSON_COMPACT);
	struct val list = val_get(value, "a");
	int64_t number;
	assert_string_equal(written, text);
	assert_true(val_equal(value, same));
	/* as doubles they would be one */
	assert_false(val_equal(val_at(list, 0), val_at(list, 1)));
	assert_false(val_same(val_at(list, 0), val_at(list, 1)));
	assert_false(val_as_int(val_get(value, "b"), &number));
	assert_true(val_is_number(val_get(value, "b")));
	/* shared, copied and changed like others */
	_cleanup_(val_free) struct val copy = val_ref(value);
	val_list_set(val_edit(&copy, "a"), 0, val_int(1));
	_cleanup_free_ char *other = json_text(copy, JSON_COMPACT);
	assert_string_equal(other, "{\"a\":[1,18446744073709551616],\"b\":-9223372036854775809}");
	assert_true(val_equal(value, same));
}

static void doubles_survive_a_round_trip(void **state)
{
	uint64_t bits = 88172645463325252ull;
	for (int i = 0; i < 20000; i++) {
		bits ^= bits << 13; /* xorshift */
		bits ^= bits >> 7;
		bits ^= bits << 17;
		double number;
		memcpy(&number, &bits, sizeof(number));
		if (!isfinite(number))
			continue;
		_cleanup_free_ char *text = json_text(val_double(number), JSON_COMPACT);
		struct val back = parsed(str_of(text));
		assert_int_equal(val_kind(back), VAL_KIND_DOUBLE);
		if (memcmp(&back.number, &number, sizeof(number)) != 0)
			fail_msg("%.17g was written as %s", number, text);
	}
}

static void errors_name_line_and_column(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "line 1, column 1: expected a value, but the text ends" },
		{ "{\n  \"a\": 1\n\"b\"}", "line 3, column 1: expected ',' or '}'" },
		{ "{\r\n\t\"a\" 1}", "line 2, column 6: expected ':'" },
		{ "[\"äöü\" 1]", "line 1, column 8: expected ',' or ']'" },
		{ "[1,\n2,\n]", "line 3, column 1: expected a value" },
		{ "{\"a\":1,}", "line 1, column 8: expected a key in quotes" },
		{ "{a:1}", "line 1, column 2: expected a key in quotes or '}'" },
		{ "{\"a\":1", "line 1, column 7: expected ',' or '}', but the text ends" },
		{ "{} []", "line 1, column 4: expected the end of the text" },
		{ "[\"abc\n\"]",
			"line 1, column 6: a control character in a string; it must be written as \\u000a" },
		{ "[\n\"abc", "line 2, column 1: this string does not end" },
		{ "[1e400]", "line 1, column 2: this number is too large" },
		{ "[012]", "line 1, column 2: a number must not have a 0 in front" },
		{ "[1.]", "line 1, column 4: expected a digit" },
		{ "\"\xff\"", "line 1, column 2: this is not valid UTF-8 (byte 0xff)" },
		{ "\"\\ud800\"", "line 1, column 2: a high surrogate without its low one behind it" },
		{ "\"\\udc00\"", "line 1, column 2: a low surrogate without its high one before it" },
		{ "\"\\u12",
			"line 1, column 6: expected four hexadecimal digits after \\u, but the text ends" },
		{ "\xef\xbb\xbf{}", "line 1, column 1: a byte order mark must not stand in front" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_fails(str_of(cases[i].text), NULL, cases[i].error);
}

static void a_template_is_called_one(void **state)
{
	static const char *const templates[] = {
		"{{ body }}",
		"{\"a\": {{ x }} }",
		"[{{ x }}]",
		"{% if a %}{}{% endif %}",
		"{\"a\": 1 {{ more }} }",
		"{\"a\": 1,\n{% for x in y %}\n\"b\": 1}",
	};
	for (size_t i = 0; i < COUNT_OF(templates); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct val value = VAL_NULL;
		assert_int_equal(parse(str_of(templates[i]), NULL, &value, &err), -1);
		assert_non_null(strstr(err_text(&err), "template"));
		assert_non_null(strstr(err_text(&err), "rendered first"));
	}
	_cleanup_val_ struct val quoted = parsed(STR("{\"a\":\"{{ x }}\"}"));
	assert_int_equal(val_count(quoted), 1);
}

static void comments_are_read_when_asked_for(void **state)
{
	const struct json_options options = { .comments = true };
	struct str text = STR(
		"// one\n/* two */ { /**/ \"a\" // x\r\n : /* * / */ 1 /***/ , \"b//\" : [ /* */ ] } // end");
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_val_ struct val value = VAL_NULL;
	assert_int_equal(parse(text, &options, &value, &err), 0);
	_cleanup_free_ char *written = json_text(value, JSON_COMPACT);
	assert_string_equal(written, "{\"a\":1,\"b//\":[]}");
	assert_fails(STR("{} /* x"), &options, "line 1, column 4: this comment does not end");
	assert_fails(STR("{} /*/"), &options, NULL);
	assert_fails(STR("{} /"), &options, NULL);
	assert_fails(STR("[1 / 2]"), &options, NULL);
	assert_fails(STR("// only"), &options, NULL);
}

static void the_last_of_two_keys_wins_at_the_first_place(void **state)
{
	static const struct {
		const char *text, *compact, *note;
	} cases[] = {
		{ "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}", NULL },
		{ "{\"a\":1,\n\"b\":2,\n\"a\":3,\"b\":4}", "{\"a\":3,\"b\":4}", "a (line 3)" },
		{ "{\"a\":{\n\"a long key on the heap\":1,\"\\u0061 long key on the heap\":{}},\"a\":1}",
			"{\"a\":1}", "a long key on the heap (line 2)" },
		{ "[{\"x\":1},{\"x\":1}]", "[{\"x\":1},{\"x\":1}]", NULL },
		{ "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"2\":[]}",
			"{\"1\":1,\"2\":[],\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}",
			"2 (line 1)" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_val_ struct val value = VAL_NULL;
		struct json_notes notes = { 0 };
		assert_int_equal(json_parse(str_of(cases[i].text), NULL, &notes, &value, &err), 0);
		_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
		_cleanup_free_ char *note = notes.duplicate_key;
		assert_string_equal(text, cases[i].compact);
		if (cases[i].note)
			assert_string_equal(note, cases[i].note);
		else
			assert_null(note);
	}
}

/* DEPTH times OPEN, then CLOSE. Owned. */
static char *nested(size_t depth, const char *open, const char *close)
{
	struct strbuf buf = STRBUF_INIT(16u << 20);
	for (size_t i = 0; i < depth; i++)
		strbuf_add_text(&buf, open);
	for (size_t i = 0; i < depth; i++)
		strbuf_add_text(&buf, close);
	return strbuf_detach(&buf);
}

static void nesting_has_a_cap(void **state)
{
	_cleanup_free_ char *most = nested(LIMIT_JSON_DEPTH, "[", "]");
	_cleanup_free_ char *more = nested(LIMIT_JSON_DEPTH + 1, "[", "]");
	_cleanup_free_ char *far_more = nested(1000000, "[{\"\":", "");
	_cleanup_val_ struct val value = parsed(str_of(most));
	_cleanup_free_ char *written = json_text(value, JSON_COMPACT);
	assert_string_equal(written, most);
	assert_fails(str_of(more), NULL, "line 1, column 201: nested deeper than 200 levels");
	assert_fails(str_of(far_more), NULL, NULL);
	assert_fails(STR("[[1]]"), &(struct json_options){ .max_depth = 1 },
		"line 1, column 2: nested deeper than 1 levels");
}

static void a_key_can_be_left_out(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"a\":1,\"x\":{\"b\":[2,{\"x\":{}}]},\"c\":3}", "{\"a\":1,\"c\":3}" },
		{ "{\"x\":[] , \"c\":3}", "{\"c\":3}" },
		{ "[{\"x\" : [[\"]}\",\"\\\"]\\\\\"]]}]", "[{}]" },
		{ "{\"\\u0078\":{\"a\":1}}", "{}" },
		/* Only lists and maps, and only as a key. */
		{ "{\"x\":\"y\",\"a\":[\"x\",{\"x\":[1]}]}", "{\"x\":\"y\",\"a\":[\"x\",{}]}" },
		/* Whatever stands in it. */
		{ "{\"x\":{nonsense},\"a\":1}", "{\"a\":1}" },
	};
	const struct json_options options = { .skip_key = "x" };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_val_ struct val value = VAL_NULL;
		assert_int_equal(parse(str_of(rows[i][0]), &options, &value, &err), 0);
		_cleanup_free_ char *written = json_text(value, JSON_COMPACT);
		assert_string_equal(written, rows[i][1]);
	}
	assert_fails(STR("{\"x\":[1"), &options, "line 1, column 6: this value does not end");
	assert_fails(STR("{\"x\":[\"\\"), &options, NULL);
	assert_fails(STR("{\"x\":[]]"), &options, NULL);
	assert_fails(STR("{\"x\":[] \"y\":1}"), &options, NULL);
}

static void text_has_a_cap(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;
	const struct json_options options = { .max_bytes = 4 };
	assert_int_equal(parse(STR("1234"), &options, &value, &err), 0);
	assert_int_equal(parse(STR("12345"), &options, &value, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	_cleanup_free_ char *blanks = xmalloc(LIMIT_BODY_BYTES + 1);
	memset(blanks, ' ', LIMIT_BODY_BYTES + 1);
	blanks[0] = '1';
	assert_int_equal(
		json_parse((struct str){ blanks, LIMIT_BODY_BYTES }, NULL, NULL, &value, &err), 0);
	assert_int_equal(
		json_parse((struct str){ blanks, LIMIT_BODY_BYTES + 1 }, NULL, NULL, &value, &err),
		-1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
}

static void the_pretty_style_has_two_blanks_and_a_newline(void **state)
{
	_cleanup_val_ struct val value = parsed(STR("{\"b\":[1,{\"c\":[]}],\"a\":{}}"));
	_cleanup_free_ char *text = json_text(value, JSON_PRETTY);
	assert_string_equal(text,
		"{\n  \"b\": [\n    1,\n    {\n      \"c\": []\n    }\n  ],\n  \"a\": {}\n}\n");
}

static void the_canonical_style_sorts_keys(void **state)
{
	_cleanup_val_ struct val a = parsed(
		STR("{\"b\":{\"y\":1,\"x\":2},\"a\":[{\"2\":1,\"10\":1}],\"\":0,\"ab\":1}"));
	_cleanup_free_ char *text = json_text(a, JSON_CANONICAL);
	assert_string_equal(
		text, "{\"\":0,\"a\":[{\"10\":1,\"2\":1}],\"ab\":1,\"b\":{\"x\":2,\"y\":1}}");
}

static void what_json_cannot_say_is_written_as_strings(void **state)
{
	_cleanup_val_ struct val list = VAL_NULL;
	val_append(&list, val_double(NAN));
	val_append(&list, val_double(INFINITY));
	val_append(&list, val_double(-INFINITY));
	val_append(&list,
		val_string("a\xff"
			   "b\xc3"));
	val_append(&list, val_string("\xed\xa0\x80"));
	_cleanup_free_ char *text = json_text(list, JSON_COMPACT);
	assert_string_equal(text,
		"[\"NaN\",\"Infinity\",\"-Infinity\",\"a\xef\xbf\xbd"
		"b\xef\xbf\xbd\","
		"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"]");
}

static void writing_stops_at_the_cap(void **state)
{
	_cleanup_val_ struct val value = parsed(STR("{\"a\":[1,2,3,{\"b\":[1,2,3]}],\"c\":{}}"));
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(12);
	for (int style = JSON_COMPACT; style <= JSON_CANONICAL; style++) {
		strbuf_reset(&buf);
		json_write(&buf, value, (enum json_style)style);
		assert_true(buf.overflowed);
		assert_true(buf.length <= 12);
	}
}

/* Every byte value at every place of a word, for the reader that looks at eight at a time. */
static void every_byte_is_seen_at_every_place(void **state)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < 20; place++) {
			char text[24];
			memset(text, 'x', sizeof(text));
			text[0] = '"';
			text[22] = '"';
			text[1 + place] = (char)byte;
			_cleanup_err_ struct err err = ERR_INIT;
			_cleanup_val_ struct val value = VAL_NULL;
			bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			assert_int_equal(parse((struct str){ text, 23 }, NULL, &value, &err),
				plain ? 0 : -1);
			if (!plain)
				continue;
			_cleanup_free_ char *written = json_text(value, JSON_COMPACT);
			assert_memory_equal(written, text, 23);
		}
	}
}

static void a_verbatim_text_is_marked_for_the_store_alone(void **state)
{
	(void)state;
	const struct json_options stored = { .verbatim = true };
	static const char marked[] =
		"{\"\\u0024{k}\":\"\\u0024{a} $ \\\"\\u0024{b}\\n\",\"mine\":\"${c}\",\"none\":\"$5\"}";
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_val_ struct val value = VAL_NULL;
	assert_int_equal(parse(str_of(marked), &stored, &value, &err), 0);
	assert_true(val_key_is_verbatim(value, 0));
	assert_true(val_is_verbatim(val_value_at(value, 0)));
	assert_false(val_key_is_verbatim(value, 1));
	assert_false(val_is_verbatim(val_value_at(value, 1)));
	_cleanup_free_ char *kept = json_text(value, JSON_STORED);
	assert_string_equal(kept, marked);

	_cleanup_free_ char *shown = json_text(value, JSON_COMPACT);
	assert_string_equal(
		shown, "{\"${k}\":\"${a} $ \\\"${b}\\n\",\"mine\":\"${c}\",\"none\":\"$5\"}");
	_cleanup_val_ struct val plain = parsed(str_of(marked));
	assert_false(val_is_verbatim(val_value_at(plain, 0)));
	assert_true(val_equal(plain, value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_texts_are_read_and_written_back),
		cmocka_unit_test(invalid_texts_are_refused),
		cmocka_unit_test(every_prefix_of_a_text_is_refused),
		cmocka_unit_test(numbers_keep_their_kind),
		cmocka_unit_test(integers_beyond_64_bits_are_what_they_are),
		cmocka_unit_test(doubles_survive_a_round_trip),
		cmocka_unit_test(errors_name_line_and_column),
		cmocka_unit_test(a_template_is_called_one),
		cmocka_unit_test(comments_are_read_when_asked_for),
		cmocka_unit_test(the_last_of_two_keys_wins_at_the_first_place),
		cmocka_unit_test(nesting_has_a_cap),
		cmocka_unit_test(text_has_a_cap),
		cmocka_unit_test(the_pretty_style_has_two_blanks_and_a_newline),
		cmocka_unit_test(the_canonical_style_sorts_keys),
		cmocka_unit_test(what_json_cannot_say_is_written_as_strings),
		cmocka_unit_test(writing_stops_at_the_cap),
		cmocka_unit_test(every_byte_is_seen_at_every_place),
		cmocka_unit_test(a_key_can_be_left_out),
		cmocka_unit_test(a_verbatim_text_is_marked_for_the_store_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
