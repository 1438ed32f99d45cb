#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"

static struct val parse(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (yaml_parse(str_of(text), &value, &err) < 0)
		fail_msg("%s in:\n%s", err_text(&err), text);
	return value;
}

/* TEXT reads as JSON. */
static void check(const char *text, const char *json)
{
	_cleanup_(val_free) struct val value = parse(text);
	_cleanup_free_ char *got = json_text(value, JSON_COMPACT);

	if (strcmp(got, json) != 0)
		fail_msg("expected %s, got %s, in:\n%s", json, got, text);
}

struct row {
	const char *yaml;
	const char *json;
};

/* What kubectl makes of each, by go-yaml v2's resolve and the way through JSON. */
static const struct row scalars[] = {
	{ "a", "\"a\"" },
	{ "two words", "\"two words\"" },
	{ "", "null" },
	{ "~", "null" },
	{ "null", "null" },
	{ "Null", "null" },
	{ "NULL", "null" },
	{ "nULL", "\"nULL\"" },
	{ "nil", "\"nil\"" },
	{ "true", "true" },
	{ "True", "true" },
	{ "TRUE", "true" },
	{ "tRUE", "\"tRUE\"" },
	{ "false", "false" },
	{ "False", "false" },
	{ "FALSE", "false" },
	{ "y", "true" },
	{ "Y", "true" },
	{ "yes", "true" },
	{ "Yes", "true" },
	{ "YES", "true" },
	{ "yEs", "\"yEs\"" },
	{ "n", "false" },
	{ "N", "false" },
	{ "no", "false" },
	{ "No", "false" },
	{ "NO", "false" },
	{ "on", "true" },
	{ "On", "true" },
	{ "ON", "true" },
	{ "oN", "\"oN\"" },
	{ "off", "false" },
	{ "Off", "false" },
	{ "OFF", "false" },
	{ "t", "\"t\"" },
	{ "truee", "\"truee\"" },
	{ "\"true\"", "\"true\"" },
	{ "'no'", "\"no\"" },
	{ "0", "0" },
	{ "-0", "0" },
	{ "1", "1" },
	{ "+1", "1" },
	{ "-1", "-1" },
	{ "--1", "\"--1\"" },
	{ "+", "\"+\"" },
	{ "'1'", "\"1\"" },
	{ "1_000", "1000" },
	{ "1__0_", "10" },
	{ "_1", "\"_1\"" },
	{ "-_1", "-1" },
	{ "0755", "493" },
	{ "-0755", "-493" },
	{ "00", "0" },
	{ "08", "8" }, /* no octal, but a float */
	{ "0o17", "15" },
	{ "0O17", "15" },
	{ "0o8", "\"0o8\"" },
	{ "0x1F", "31" },
	{ "0X1f", "31" },
	{ "-0x10", "-16" },
	{ "0x", "\"0x\"" },
	{ "0xg", "\"0xg\"" },
	{ "0b101", "5" },
	{ "-0b11", "-3" },
	{ "0b12", "\"0b12\"" },
	{ "0b", "\"0b\"" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "-9223372036854775808", "-9223372036854775808" },
	{ "9223372036854775808", "9.223372036854776e+18" },
	{ "18446744073709551616", "1.8446744073709552e+19" },
	{ "0xFFFFFFFFFFFFFFFF", "1.8446744073709552e+19" },
	{ "0x10000000000000000", "1.8446744073709552e+19" },
	{ "0777777777777777777777777", "7.777777777777778e+23" },
	{ "1.5", "1.5" },
	{ "+1.5", "1.5" },
	{ "-1.5", "-1.5" },
	{ ".5", "0.5" },
	{ "-.5", "-0.5" },
	{ "+.5e1", "5" },
	{ "1.", "1" },
	{ "1.e2", "100" },
	{ "1.0", "1" },
	{ "17.0", "17" },
	{ "1e3", "1000" },
	{ "1E+3", "1000" },
	{ "1.5e-7", "1.5e-07" },
	{ "1234e5", "123400000" },
	{ "1e30", "1e+30" },
	{ "1e400", "\"1e400\"" },
	{ "1e", "\"1e\"" },
	{ "1e+", "\"1e+\"" },
	{ "e3", "\"e3\"" },
	{ "1.2.3", "\"1.2.3\"" },
	{ "1..2", "\"1..2\"" },
	{ "1.x", "\"1.x\"" },
	{ ".", "\".\"" },
	{ "..", "\"..\"" },
	{ ".e1", "\".e1\"" },
	{ "1_0.5_0", "10.5" },
	{ ".5_0", "\".5_0\"" },
	{ "inf", "\"inf\"" },
	{ "-inf", "\"-inf\"" },
	{ "NaN", "\"NaN\"" },
	{ "Infinity", "\"Infinity\"" },
	{ "1:30", "\"1:30\"" },
	{ "190:20:30", "\"190:20:30\"" },
	{ "1,000", "\"1,000\"" },
	{ "2001-12-14", "\"2001-12-14\"" },
	{ "2001-12-14T21:59:43Z", "\"2001-12-14T21:59:43Z\"" },
	{ "10.0.0.1", "\"10.0.0.1\"" },
	{ "v1.2", "\"v1.2\"" },
	{ "100m", "\"100m\"" },
	{ "1Gi", "\"1Gi\"" },
	{ "-", "[null]" },
	{ "${ parameters.x }", "\"${ parameters.x }\"" },
	{ "a#b", "\"a#b\"" },
	{ "a #b", "\"a\"" },
	{ "中文", "\"中文\"" },
	{ "\"a\\tb\\u4e2d\\x41\\0\"", "\"a\\tb中A\\u0000\"" },
	{ "'it''s'", "\"it's\"" },
	{ "! 1", "\"1\"" }, /* the tag for "no plain scalar" */
	{ "!!str 1", "\"1\"" },
	{ "!!str", "\"\"" },
	{ "!!int '12'", "12" },
	{ "!!int 0x10", "16" },
	{ "!!float 3", "3" },
	{ "!!float '1.5'", "1.5" },
	{ "!!bool 'yes'", "true" },
	{ "!!null ''", "null" },
	{ "!!binary aGVsbG8=", "\"aGVsbG8=\"" },
	{ "!!timestamp 2001-12-14", "\"2001-12-14\"" },
	{ "!<tag:yaml.org,2002:str> true", "\"true\"" },
	{ "!Ref 12", "\"12\"" },
	{ "!!map {a: 1}", "{\"a\":1}" },
	{ "!!set {a, b}", "{\"a\":null,\"b\":null}" },
};

static void scalars_are_typed_as_kubernetes_does(void **state)
{
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
		check(scalars[i].yaml, scalars[i].json);
}

static const struct row structures[] = {
	{ "", "null" },
	{ "# nothing\n", "null" },
	{ "---\n", "null" },
	{ "---\n---\na: 1\n---\n", "{\"a\":1}" },
	{ "\xef\xbb\xbf"
	  "a: 1",
		"{\"a\":1}" },
	{ "a: 1\r\nb:\r\n- x\r\n", "{\"a\":1,\"b\":[\"x\"]}" },
	{ "a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}" },
	{ "a:\n- 1\n- - 2\n  - 3\n- b: 4\n  c: 5\n", "{\"a\":[1,[2,3],{\"b\":4,\"c\":5}]}" },
	{ "{a: 1, \"b\": [x, 'y', ], }", "{\"a\":1,\"b\":[\"x\",\"y\"]}" },
	{ "a: |\n  one\n   two\n\nb: >-\n  three\n  four\n",
		"{\"a\":\"one\\n two\\n\",\"b\":\"three four\"}" },
	{ "a: |+\n  x\n\nb: |-\n  y\n", "{\"a\":\"x\\n\\n\",\"b\":\"y\"}" },
	{ "8080: a\n1.5: b\n0x10: c\ntrue: d\nno: e\n'null': f\n",
		"{\"8080\":\"a\",\"1.5\":\"b\",\"16\":\"c\",\"true\":\"d\",\"false\":\"e\",\"null\":\"f\"}" },
	{ "on: push", "{\"true\":\"push\"}" },
	{ "? a\n: 1\n? b\n", "{\"a\":1,\"b\":null}" },
	{ "a: &x {k: 1}\nb: *x\nc: [*x, *x]",
		"{\"a\":{\"k\":1},\"b\":{\"k\":1},\"c\":[{\"k\":1},{\"k\":1}]}" },
	{ "a: &x 1\nb: &x 2\nc: *x", "{\"a\":1,\"b\":2,\"c\":2}" },
	{ "&k key: *k", "{\"key\":\"key\"}" },
	{ "a: &a [&b 1, *b]", "{\"a\":[1,1]}" },
	{ "base: &b {p: 1, q: 2}\nmine:\n  q: 3\n  <<: *b\n  r: 4",
		"{\"base\":{\"p\":1,\"q\":2},\"mine\":{\"q\":3,\"r\":4,\"p\":1}}" },
	{ "- &a {p: 1}\n- &b {p: 2, q: 2}\n- <<: [*a, *b]",
		"[{\"p\":1},{\"p\":2,\"q\":2},{\"p\":1,\"q\":2}]" },
	{ "<<: {a: 1}\n<<: {b: 2}", "{\"a\":1,\"b\":2}" },
	{ "'<<': 1", "{\"<<\":1}" },
	{ "%YAML 1.2\n---\na: 1\n...\n", "{\"a\":1}" },
	{ "%TAG !e! tag:yaml.org,2002:\n---\n!e!str 1", "\"1\"" },
};

static void structures_become_lists_and_maps(void **state)
{
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
		check(structures[i].yaml, structures[i].json);
}

static const struct row errors[] = {
	{ "a: 1\nb: 2\na: 3\n", "line 3, column 1: the key \"a\" stands twice" },
	{ "1: a\n'1': b\n", "line 2, column 1: the key \"1\" stands twice" },
	{ "{a: {b: 1, b: 2}}", "line 1, column 12: the key \"b\" stands twice" },
	{ "a:\n\t- 1\n", "line 2, column 1: a tab where YAML wants spaces" },
	{ "a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed in this context" },
	{ "a: [1\nb: 2",
		"line 2, column 2: did not find expected ',' or ']'"
		" (while parsing a flow sequence that starts in line 1)" },
	{ "a: \"x\n",
		"line 2, column 1: found unexpected end of stream"
		" (while scanning a quoted scalar that starts in line 1)" },
	{ "[1]: a", "line 1, column 1: a key must be text, not list" },
	{ "? {a: 1}\n: b", "line 1, column 3: a key must be text, not map" },
	{ "~: a", "line 1, column 1: a key must be text, not null" },
	{ "a: *nowhere", "line 1, column 4: there is no anchor \"nowhere\"" },
	{ "a: &x [*x]", "line 1, column 8: the anchor \"x\" contains itself" },
	{ "a: &x 1\n---\nb: *x", "document 2: line 3, column 4: there is no anchor \"x\"" },
	{ "a: .inf", "line 1, column 4: infinity and \"not a number\" are no JSON numbers" },
	{ "a: -.INF", "line 1, column 4: infinity and \"not a number\" are no JSON numbers" },
	{ "a: +.Inf", "line 1, column 4: infinity and \"not a number\" are no JSON numbers" },
	{ ".NaN: 1", "line 1, column 1: infinity and \"not a number\" are no JSON numbers" },
	{ "a: !!int abc", "line 1, column 4: \"abc\" is no !!int" },
	{ "a: !!int 1.5", "line 1, column 4: \"1.5\" is no !!int" },
	{ "a: !!bool 1", "line 1, column 4: \"1\" is no !!bool" },
	{ "a: !!null x", "line 1, column 4: \"x\" is no !!null" },
	{ "<<: 1", "line 1, column 5: \"<<\" merges a map or a list of maps only" },
	{ "<<: [{}, 1]", "line 1, column 5: \"<<\" merges a map or a list of maps only" },
	{ "a: 1\n---\nb: 2\n", "2 documents where one is expected" },
	{ "a: 1\nb: \xff", "line 2, column 4: invalid leading UTF-8 octet" },
	{ "a: 1\nb: \x01", "line 2, column 4: control characters are not allowed" },
	{ "a: '\\ud800'\nb: \"\\ud800\"",
		"line 2, column 7: found invalid Unicode character escape"
		" code (while parsing a quoted scalar that starts in"
		" line 2)" },
	{ "%YAML 3.0\n---\na", "line 1, column 1: found incompatible YAML document" },
};

static void errors_name_line_and_column(void **state)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct val value = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		assert_int_equal(yaml_parse(str_of(errors[i].yaml), &value, &err), -1);
		assert_string_equal(err_text(&err), errors[i].json);
		assert_int_equal(err.kind, ERR_INVALID);
	}
}

static void documents_make_a_list(void **state)
{
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(yaml_parse_all(STR("---\na: 1\n---\n# none\n---\n~\n--- [2]\n...\n---\nx\n"),
				 &list, &err),
		0);
	text = json_text(list, JSON_COMPACT);
	assert_string_equal(text, "[{\"a\":1},[2],\"x\"]");
	val_free(&list);
	assert_int_equal(yaml_parse_all((struct str){ NULL, 0 }, &list, &err), 0);
	assert_true(val_is_list(list));
	assert_int_equal(val_count(list), 0);
}

static void fails(const struct strbuf *text, enum err_kind kind, const char *part)
{
	struct val value = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	assert_false(text->overflowed);
	assert_int_equal(yaml_parse(strbuf_str(text), &value, &err), -1);
	assert_int_equal(err.kind, kind);
	if (!strstr(err_text(&err), part))
		fail_msg("expected \"%s\" in: %s", part, err_text(&err));
}

static void repeat(struct strbuf *buf, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		strbuf_add_text(buf, text);
}

static void depth_is_capped(void **state)
{
	_cleanup_strbuf_ struct strbuf flow = STRBUF_INIT(1 << 20);
	_cleanup_strbuf_ struct strbuf block = STRBUF_INIT(1 << 20);
	_cleanup_strbuf_ struct strbuf alias = STRBUF_INIT(1 << 20);
	_cleanup_(val_free) struct val value = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	repeat(&flow, "[", LIMIT_JSON_DEPTH);
	repeat(&flow, "]", LIMIT_JSON_DEPTH);
	assert_int_equal(yaml_parse(strbuf_str(&flow), &value, &err), 0);
	strbuf_reset(&flow);
	repeat(&flow, "[", 500000);
	fails(&flow, ERR_INVALID, "line 1, column 201: nested too deep");

	repeat(&block, "- ", LIMIT_JSON_DEPTH + 1);
	fails(&block, ERR_INVALID, "nested too deep");

	/* Each part is flat enough, but the alias puts one into the other. */
	strbuf_add_text(&alias, "- &a ");
	repeat(&alias, "[", LIMIT_JSON_DEPTH - 1);
	repeat(&alias, "]", LIMIT_JSON_DEPTH - 1);
	strbuf_add_text(&alias, "\n- *a\n");
	val_free(&value);
	assert_int_equal(yaml_parse(strbuf_str(&alias), &value, &err), 0);
	strbuf_add_text(&alias, "- [*a]\n");
	fails(&alias, ERR_INVALID, "line 3, column 4: nested too deep");
}

static void an_alias_bomb_is_an_error(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(1 << 20);

	strbuf_add_text(&text, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		strbuf_printf(&text, "- &a%d [", i);
		for (int j = 0; j < 10; j++)
			strbuf_printf(&text, "*a%d, ", i - 1);
		strbuf_add_text(&text, "]\n");
	}
	fails(&text, ERR_TOO_LARGE, "too many values");

	strbuf_reset(&text);
	strbuf_add_text(&text, "- &a \"");
	repeat(&text, "0123456789", 10000);
	strbuf_add_text(&text, "\"\n");
	repeat(&text, "- *a\n", 900);
	fails(&text, ERR_TOO_LARGE, "too long when its aliases are expanded");

	strbuf_reset(&text);
	strbuf_add_text(&text, "- &a x\n");
	repeat(&text, "- *a\n", LIMIT_YAML_ALIASES + 1);
	fails(&text, ERR_TOO_LARGE, "too many aliases");
}

static void size_is_capped(void **state)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(2 * LIMIT_BODY_BYTES);

	strbuf_add_text(&text, "[");
	repeat(&text, "1,", LIMIT_YAML_NODES);
	strbuf_add_text(&text, "]");
	fails(&text, ERR_TOO_LARGE, "too many values");
	repeat(&text, "          ", LIMIT_BODY_BYTES / 10);
	fails(&text, ERR_TOO_LARGE, "larger than");
}

static void json_and_yaml_are_told_apart(void **state)
{
	static const struct row fine[] = {
		{ "{\"a\": 1.0}", "{\"a\":1.0}" }, /* JSON keeps its doubles */
		{ "// a comment\n/* and\nanother */ [1]", "[1]" },
		{ "# a comment\n{\"a\": 1}", "{\"a\":1}" },
		{ "{a: b}", "{\"a\":\"b\"}" },
		{ "a: 1", "{\"a\":1}" },
		{ "\n - 1", "[1]" },
		{ "", "null" },
		{ "yes", "true" },
	};
	static const struct row wrong[] = {
		{ "{\"a\": 1", "line 1, column" },
		{ "// x\n{\"a\" 1}", "line 2, column 6: expected ':'" },
		{ "# x\n{\"a\": 1", "did not find expected ',' or '}'" },
		{ "a: [", "did not find expected node content" },
	};
	_cleanup_err_ struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		_cleanup_(val_free) struct val value = VAL_NULL;
		_cleanup_free_ char *got = NULL;

		assert_int_equal(yaml_or_json_parse(str_of(fine[i].yaml), &value, &err), 0);
		assert_int_equal(err.kind, ERR_NONE);
		got = json_text(value, JSON_COMPACT);
		assert_string_equal(got, fine[i].json);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct val value = VAL_NULL;

		assert_int_equal(yaml_or_json_parse(str_of(wrong[i].yaml), &value, &err), -1);
		if (!strstr(err_text(&err), wrong[i].json))
			fail_msg("expected \"%s\" in: %s", wrong[i].json, err_text(&err));
	}
}

static void written_text_is_for_people(void **state)
{
	_cleanup_(val_free) struct val value = parse(
		"{apiVersion: apps/v1, empty: {}, none: [], 'yes': 'no', 'n': null, f: 1.5, list: [a, [b,"
		" c], {d: 1, e: [2]}], script: \"#!/bin/sh\\n\\necho hi\\n\", tail: \"a\\nb\","
		" keep: \"a\\n\\n\", \"a b\": \"x: y\", date: \"2001-01-01\", num: \"08\"}");
	_cleanup_free_ char *text = yaml_text(value);

	assert_string_equal(text,
		"apiVersion: apps/v1\n"
		"empty: {}\n"
		"none: []\n"
		"\"yes\": \"no\"\n"
		"\"n\": null\n"
		"f: 1.5\n"
		"list:\n"
		"- a\n"
		"- - b\n"
		"  - c\n"
		"- d: 1\n"
		"  e:\n"
		"  - 2\n"
		"script: |\n"
		"  #!/bin/sh\n"
		"\n"
		"  echo hi\n"
		"tail: |-\n"
		"  a\n"
		"  b\n"
		"keep: |+\n"
		"  a\n"
		"\n"
		"a b: \"x: y\"\n"
		"date: \"2001-01-01\"\n"
		"num: \"08\"\n");
}

/* Strings that need care, as values, as keys and in lists. */
static const char *const strings[] = {
	"",
	" ",
	" a",
	"a ",
	"a: b",
	"a:",
	"a #b",
	"a#b",
	"#",
	"-",
	"- a",
	"-a",
	"?",
	"? a",
	"?a",
	":",
	": a",
	":a",
	",",
	"[",
	"]",
	"{",
	"}",
	"&a",
	"*a",
	"!a",
	"|",
	">",
	"'",
	"\"",
	"a\"b",
	"a'b",
	"%a",
	"@a",
	"`a",
	"---",
	"--- a",
	"...",
	"<<",
	"=",
	"~",
	"null",
	"yes",
	"y",
	"1",
	"0x1",
	"1e3",
	".5",
	".inf",
	"1:30",
	"2001-01-01",
	"\\",
	"a\\b",
	"\n",
	"\n\n",
	"a\n",
	"a\n\n",
	"a\n\n\n",
	"a\nb",
	"\na",
	" a\nb",
	"\ta\nb",
	"a\n b",
	"a\n\tb",
	"a\n ",
	"a\n \n",
	"a\n  \nb",
	"a \nb",
	"a\nb ",
	"a\r\nb",
	"a\rb",
	"a\tb",
	"\t",
	"a\n# b\n",
	"a\n---\nb",
	"a\n...\n",
	"\x01",
	"\x1b[0m",
	"\x7f",
	"\xc2\x85",
	"\xc2\x9f",
	"\xc2\xa0",
	"a\xe2\x80\xa8"
	"b",
	"\xef\xbb\xbf"
	"a",
	"\xef\xbf\xbe",
	"\xef\xbf\xbf",
	"中文",
	"\xf0\x9f\x98\x80",
	"a\xf0\x9f\x98\x80\nb",
	"{{ x }}",
	"${ x }",
	"a, b",
	"[a",
	"a]",
};

static void check_round_trip(struct val value)
{
	_cleanup_free_ char *text = yaml_text(value);
	_cleanup_(val_free) struct val again = parse(text);

	if (!val_equal(value, again))
		fail_msg("reads back as something else:\n%s", text);
}

static void every_string_reads_back_as_itself(void **state)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		_cleanup_(val_free) struct val map = val_map();
		_cleanup_(val_free) struct val root = val_string(strings[i]);
		struct val list = VAL_NULL, inner = VAL_NULL;

		check_round_trip(root);
		val_append(&inner, val_string(strings[i]));
		val_append(&list, val_string(strings[i]));
		val_append(&list, val_ref(inner));
		val_append(&list, val_string("end"));
		val_set(&map, "value", val_string(strings[i]));
		val_set(&map, strings[i], val_string(strings[i]));
		val_set(&map, "list", list);
		val_set(&map, "map", val_ref(map));
		val_set(&map, "end", inner);
		check_round_trip(map);
	}
}

static void long_keys_and_deep_values_read_back(void **state)
{
	_cleanup_(val_free) struct val value = VAL_NULL;
	_cleanup_strbuf_ struct strbuf key = STRBUF_INIT(1 << 20);

	repeat(&key, "key ", 500);
	strbuf_add_text(&key, "\n");
	value = val_int(1);
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
		struct val outer = VAL_NULL;

		if (i % 3 == 0)
			val_append(&outer, take(&value));
		else
			val_set_str(&outer, i % 3 == 1 ? strbuf_str(&key) : STR("k"), take(&value));
		if (i % 3 == 2)
			val_set(&outer, "l", val_double(0.25));
		value = outer;
	}
	check_round_trip(value);
}

static void values_beyond_the_depth_are_still_written(void **state)
{
	_cleanup_(val_free) struct val value = VAL_NULL;
	_cleanup_free_ char *text = NULL;

	for (int i = 0; i < 20000; i++) {
		struct val outer = VAL_NULL;

		val_append(&outer, take(&value));
		value = outer;
	}
	text = yaml_text(value);
	assert_non_null(strstr(text, "[[[["));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_typed_as_kubernetes_does),
		cmocka_unit_test(structures_become_lists_and_maps),
		cmocka_unit_test(errors_name_line_and_column),
		cmocka_unit_test(documents_make_a_list),
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(an_alias_bomb_is_an_error),
		cmocka_unit_test(size_is_capped),
		cmocka_unit_test(json_and_yaml_are_told_apart),
		cmocka_unit_test(written_text_is_for_people),
		cmocka_unit_test(every_string_reads_back_as_itself),
		cmocka_unit_test(long_keys_and_deep_values_read_back),
		cmocka_unit_test(values_beyond_the_depth_are_still_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
