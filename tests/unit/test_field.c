#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/field.h"
#include "base/json.h"

struct window {
	struct str_list days;
	int64_t from;
};

struct config {
	char *name;
	int64_t count;
	double ratio;
	bool enabled;
	struct secs wait_time;
	struct opt_int replicas;
	struct opt_bool force;
	struct str_list regions;
	struct val payload;
	struct val labels;
	struct val items;
	int strategy;
	struct window window;
	char *token;
};

static const char *const strategies[] = { "none", "redblack", "highlander", NULL };

static const struct field window_rows[] = {
	FIELD(struct window, days, "days"),
	FIELD(struct window, from, "from", .preset = "7", .flags = FIELD_REQUIRED),
	{ 0 },
};

static const struct field *const rows = ROWS(struct field,
	FIELD(struct config, name, "name", .preset = "nobody"),
	FIELD(struct config, count, "count", .preset = "3"), FIELD(struct config, ratio, "ratio"),
	FIELD(struct config, enabled, "enabled", .preset = "true"),
	FIELD(struct config, wait_time, "waitTime", .preset = "30"),
	FIELD(struct config, replicas, "replicas", .unsupported_if = "13",
		.unsupported = "thirteen is not built yet"),
	FIELD(struct config, force, "force"), FIELD(struct config, regions, "regions"),
	FIELD(struct config, payload, "payload"),
	FIELD(struct config, labels, "labels", .flags = FIELD_MAP),
	FIELD(struct config, items, "items", .flags = FIELD_LIST),
	FIELD(struct config, strategy, "strategy", .preset = "redBlack", .choices = strategies,
		.unsupported_if = "highlander", .unsupported = "strategy highlander is not built yet"),
	FIELD(struct config, window, "restrictedExecutionWindow", .rows = window_rows),
	FIELD(struct config, token, "token", .flags = FIELD_SECRET),
	FIELD_KNOWN("notes", FIELD_STRING, .flags = FIELD_UI),
	FIELD_KNOWN("tricks", FIELD_VALUE, .unsupported = "tricks are not built yet"));

static const struct field *const required_rows = ROWS(struct field,
	FIELD(struct config, name, "name", .flags = FIELD_REQUIRED),
	FIELD(struct config, window, "window", .rows = window_rows));

static struct val parse(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (json_parse(str_of(text), NULL, NULL, &value, &err) < 0)
		fail_msg("%s in: %s", err_text(&err), text);
	return value;
}

static void read_ok(const char *text, struct config *config)
{
	_cleanup_(val_free) struct val object = parse(text);
	_cleanup_err_ struct err err = ERR_INIT;

	*config = (struct config){ 0 };
	if (fields_read(rows, object, config, &err) < 0)
		fail_msg("%s in: %s", err_text(&err), text);
}

static void a_missing_key_means_the_preset(void **state)
{
	struct config config;

	read_ok("{\"count\": null, \"enabled\": \"\"}", &config);
	assert_string_equal(config.name, "nobody");
	assert_int_equal(config.count, 3);
	assert_true(config.enabled);
	assert_int_equal(config.wait_time.ms, 30000);
	assert_false(config.wait_time.given);
	assert_false(config.replicas.given);
	assert_false(config.force.given);
	assert_int_equal(config.regions.count, 0);
	assert_true(val_is_null(config.payload));
	assert_int_equal(config.strategy, 1);
	assert_int_equal(config.window.from, 7); /* required, but its object is not there */
	fields_free(rows, &config);
}

static void members_take_their_values(void **state)
{
	struct config config;

	read_ok("{\"name\": \"a\", \"count\": 5, \"ratio\": 0.25, \"enabled\": false, \"waitTime\": 1.5,"
		" \"replicas\": 0, \"force\": false, \"regions\": [\"x\", \"y\"], \"payload\": [1, null],"
		" \"labels\": {\"a\": \"b\"}, \"items\": [1], \"strategy\": \"none\","
		" \"restrictedExecutionWindow\": {\"days\": [1, 2], \"from\": 9}, \"more\": 1}",
		&config);
	assert_string_equal(config.name, "a");
	assert_int_equal(config.count, 5);
	assert_true(config.ratio == 0.25);
	assert_false(config.enabled);
	assert_int_equal(config.wait_time.ms, 1500);
	assert_true(config.wait_time.given);
	assert_true(config.replicas.given);
	assert_true(config.force.given);
	assert_int_equal(config.regions.count, 2);
	assert_string_equal(config.regions.items[1], "y");
	assert_int_equal(val_count(config.payload), 2);
	assert_string_equal(val_get_text(config.labels, "a", ""), "b");
	assert_int_equal(val_count(config.items), 1);
	assert_int_equal(config.strategy, 0);
	assert_int_equal(config.window.days.count, 2);
	assert_string_equal(config.window.days.items[0], "1");
	assert_int_equal(config.window.from, 9);
	fields_free(rows, &config);
	assert_null(config.name);
	assert_null(config.regions.items);
	assert_null(config.window.days.items);
	assert_int_equal(config.wait_time.ms, 0);
	assert_true(val_is_null(config.payload));
}

static void values_in_strings_are_read_too(void **state)
{
	struct config config;

	read_ok("{\"name\": 17, \"count\": \" 5 \", \"ratio\": \"1e2\", \"enabled\": \"False\","
		" \"waitTime\": \"90\", \"replicas\": \"2.0\", \"force\": \"TRUE\","
		" \"regions\": \"one\", \"payload\": \"\", \"labels\": \"\", \"strategy\": \"NONE\","
		" \"restrictedExecutionWindow\": \"\"}",
		&config);
	assert_string_equal(config.name, "17");
	assert_int_equal(config.count, 5);
	assert_true(config.ratio == 100);
	assert_false(config.enabled);
	assert_int_equal(config.wait_time.ms, 90000);
	assert_int_equal(config.replicas.value, 2);
	assert_true(config.force.value);
	assert_int_equal(config.regions.count, 1);
	assert_string_equal(config.regions.items[0], "one");
	assert_true(val_is_string(config.payload));
	assert_true(val_is_null(config.labels));
	assert_int_equal(config.strategy, 0);
	fields_free(rows, &config);

	read_ok("{\"name\": \"\", \"count\": 4.0}", &config);
	assert_string_equal(config.name, "");
	assert_int_equal(config.count, 4);
	fields_free(rows, &config);
}

static const struct wrong {
	const char *object;
	enum err_kind kind;
	const char *text;
} wrongs[] = {
	{ "[1]", ERR_INVALID, "expected a map, got a list" },
	{ "{\"name\": {}}", ERR_INVALID, "name: expected a string, got a map" },
	{ "{\"count\": 1.5}", ERR_INVALID, "count: expected a whole number, got 1.5" },
	{ "{\"count\": \"9223372036854775808\"}", ERR_INVALID,
		"count: expected a whole number, got \"9223372036854775808\"" },
	{ "{\"count\": true}", ERR_INVALID, "count: expected a whole number, got true" },
	{ "{\"ratio\": \"inf\"}", ERR_INVALID, "ratio: expected a number, got \"inf\"" },
	{ "{\"enabled\": \"yes\"}", ERR_INVALID, "enabled: expected true or false, got \"yes\"" },
	{ "{\"waitTime\": \"soon\"}", ERR_INVALID,
		"waitTime: expected a number of seconds, got \"soon\"" },
	{ "{\"waitTime\": 1e13}", ERR_INVALID,
		"waitTime: expected a number of seconds, got 10000000000000.0" },
	{ "{\"regions\": [\"a\", {}]}", ERR_INVALID, "regions: item 1: expected a string, got a map" },
	{ "{\"regions\": {}}", ERR_INVALID, "regions: expected a list of strings, got a map" },
	{ "{\"labels\": []}", ERR_INVALID, "labels: expected a map, got a list" },
	{ "{\"items\": \"a\"}", ERR_INVALID, "items: expected a list, got \"a\"" },
	{ "{\"strategy\": \"slow\"}", ERR_INVALID,
		"strategy: expected one of \"none\", \"redblack\", \"highlander\", got \"slow\"" },
	{ "{\"restrictedExecutionWindow\": {\"days\": {}, \"from\": 1}}", ERR_INVALID,
		"restrictedExecutionWindow.days: expected a list of strings, got a map" },
	{ "{\"restrictedExecutionWindow\": {}}", ERR_INVALID,
		"restrictedExecutionWindow.from: is required" },
	{ "{\"restrictedExecutionWindow\": 5}", ERR_INVALID,
		"restrictedExecutionWindow: expected a map, got 5" },
	{ "{\"replicas\": \"13\"}", ERR_UNSUPPORTED, "replicas: thirteen is not built yet" },
	{ "{\"strategy\": \"Highlander\"}", ERR_UNSUPPORTED,
		"strategy: strategy highlander is not built yet" },
	{ "{\"tricks\": {\"a\": 1}}", ERR_UNSUPPORTED, "tricks: tricks are not built yet" },
	{ "{\"token\": [\"hunter2\"]}", ERR_INVALID,
		"token: expected a string, got another kind of value" },
	{ "{\"count\": \"0123456789012345678901234567890123456789012345678901234567中中\"}",
		ERR_INVALID,
		"count: expected a whole number, got "
		"\"0123456789012345678901234567890123456789012345678901234567…" },
};

static void what_cannot_be_read_is_an_error_with_its_path(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		_cleanup_(val_free) struct val object = parse(wrongs[i].object);
		_cleanup_err_ struct err err = ERR_INIT;
		struct config config = { 0 };
		static const struct config empty;

		assert_int_equal(fields_read(rows, object, &config, &err), -1);
		assert_string_equal(err_text(&err), wrongs[i].text);
		assert_int_equal(err.kind, wrongs[i].kind);
		assert_memory_equal(&config, &empty, sizeof(config));
	}
}

static void nothing_given_is_nothing_unsupported(void **state)
{
	static const char *const fine[] = { "{\"tricks\": null}", "{\"tricks\": \"\"}",
		"{\"tricks\": []}", "{\"tricks\": {}}", "{\"replicas\": 12}" };

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		struct config config;

		read_ok(fine[i], &config);
		fields_free(rows, &config);
	}
}

static void required_means_there_and_not_empty(void **state)
{
	static const char *const missing[] = { "{}", "{\"name\": null}", "{\"name\": \"\"}" };

	for (size_t i = 0; i < 3; i++) {
		_cleanup_(val_free) struct val object = parse(missing[i]);
		_cleanup_err_ struct err err = ERR_INIT;
		struct config config = { 0 };

		assert_int_equal(fields_read(required_rows, object, &config, &err), -1);
		assert_string_equal(err_text(&err), "name: is required");
	}
}

struct findings {
	char text[2048];
	size_t length;
};

static void note(void *data, const struct finding *finding)
{
	static const char letters[] = "EWI";
	struct findings *findings = data;

	findings->length += (size_t)snprintf(findings->text + findings->length,
		sizeof(findings->text) - findings->length, "%c %s: %s\n", letters[finding->level],
		finding->path, finding->text.en);
	assert_non_null(finding->text.zh);
	assert_non_null(finding->code);
}

static const struct checked {
	const char *object;
	const char *path;
	const char *findings;
} checks[] = {
	{ "{}", NULL, "" },
	{ "{\"count\": \"${x}\", \"enabled\": \"a${x}\", \"labels\": \"${x}\", \"strategy\": \"${x}\","
	  " \"restrictedExecutionWindow\": \"${x}\", \"regions\": \"${x}\"}",
		"", "" },
	{ "{\"count\": \"x\", \"waitTime\": []}", "stages[2]",
		"E stages[2].count: expected a whole number, got \"x\"\n"
		"E stages[2].waitTime: expected a number of seconds, got a list\n" },
	{ "{\"restrictedExecutionWindow\": {\"days\": {}, \"form\": 1}}", "",
		"E restrictedExecutionWindow.days: expected a list of strings, got a map\n"
		"E restrictedExecutionWindow.from: is required\n"
		"W restrictedExecutionWindow.form: unknown key; did you mean \"from\"?\n" },
	{ "{\"waittime\": 1, \"WAITTIME\": 1, \"waitTmie\": 1, \"wait\": 1, \"reginos\": 1}", NULL,
		"W waittime: unknown key; did you mean \"waitTime\"?\n"
		"W WAITTIME: unknown key; did you mean \"waitTime\"?\n"
		"W waitTmie: unknown key; did you mean \"waitTime\"?\n"
		"W reginos: unknown key; did you mean \"regions\"?\n" },
	{ "{\"waitTimes\": 1, \"waitTime\": 1}", NULL, "" }, /* the near one is there itself */
	{ "{\"nam\": 1, \"nme\": 1, \"nm\": 1, \"refId\": 1}", NULL,
		"W nam: unknown key; did you mean \"name\"?\n"
		"W nme: unknown key; did you mean \"name\"?\n" },
	{ "{\"tricks\": 1, \"replicas\": 13, \"notes\": {}}", NULL,
		"E replicas: thirteen is not built yet\n"
		"W notes: expected a string, got a map\n" /* the engine ignores it */
		"E tricks: tricks are not built yet\n" },
	{ "[]", "x", "E x: expected a map\n" },
};

static void findings_name_what_is_wrong_and_what_is_near(void **state)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		_cleanup_(val_free) struct val object = parse(checks[i].object);
		struct findings findings = { 0 };

		fields_check(rows, object, checks[i].path, note, &findings);
		assert_string_equal(findings.text, checks[i].findings);
	}
}

static void a_required_key_that_is_missing_is_found(void **state)
{
	struct findings findings = { 0 };

	fields_check(required_rows, VAL_NULL, "stage", note, &findings);
	assert_string_equal(findings.text, "E stage.name: is required\n");
}

static void a_row_is_found_by_its_name(void **state)
{
	assert_string_equal(field_find(rows, STR("waitTime"))->name, "waitTime");
	assert_int_equal(field_find(rows, STR("notes"))->type, FIELD_STRING);
	assert_null(field_find(rows, STR("waittime")));
	assert_null(field_find(rows, STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_key_means_the_preset),
		cmocka_unit_test(members_take_their_values),
		cmocka_unit_test(values_in_strings_are_read_too),
		cmocka_unit_test(what_cannot_be_read_is_an_error_with_its_path),
		cmocka_unit_test(nothing_given_is_nothing_unsupported),
		cmocka_unit_test(required_means_there_and_not_empty),
		cmocka_unit_test(findings_name_what_is_wrong_and_what_is_near),
		cmocka_unit_test(a_required_key_that_is_missing_is_found),
		cmocka_unit_test(a_row_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
