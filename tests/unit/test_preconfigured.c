/* Webhooks that the settings give a type of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/yaml.h"
#include "stage/preconfigured.h"
#include "stage/stages.h"

static const struct stage_type *const base_types[] = { &wait_stage, &webhook_stage, NULL };
static const struct stage_registry base = { .types = base_types };

static struct val read(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;
	if (yaml_parse(str_of(text), &value, &err) < 0)
		fail_msg("%s", err_text(&err));
	return value;
}

static struct preconfigured *make(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = read(text);
	struct preconfigured *all = preconfigured_read(settings, &base, &err);
	if (!all)
		fail_msg("%s", err_text(&err));
	return all;
}

static void refused(const char *text, const char *wanted)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = read(text);
	assert_null(preconfigured_read(settings, &base, &err));
	if (err.kind != ERR_INVALID || !strstr(err_text(&err), wanted))
		fail_msg("expected \"%s\", got \"%s\"", wanted, err_text(&err));
}

static void test_each_entry_becomes_a_type(void **state)
{
	_cleanup_(preconfigured_free_cleanup) struct preconfigured *all = make(
		"preconfigured:\n"
		"- { type: createBranch, label: Create, description: Makes a branch }\n"
		"- { type: unused, enabled: false }\n");
	const struct stage_registry *registry = preconfigured_registry(all);
	const struct stage_type *type = registry_find(registry, "createBranch");
	assert_non_null(type);
	assert_string_equal(type->title.en, "Create");
	assert_string_equal(type->summary.en, "Makes a branch");
	assert_ptr_equal(type->tasks, webhook_stage.tasks);
	assert_null(registry_find(registry, "unused"));
	assert_ptr_equal(registry_find(registry, "wait"), &wait_stage);
}

static void test_they_are_described(void **state)
{
	_cleanup_(preconfigured_free_cleanup) struct preconfigured *all = make(
		"preconfigured:\n"
		"- { type: a, url: \"https://x.example.com\", waitForCompletion: true, parameters: [ { name: p } ] }\n"
		"- { type: unused, enabled: false }\n");
	_cleanup_(val_free) struct val list = preconfigured_describe(all);
	_cleanup_free_ char *text = json_text(list, JSON_COMPACT);
	assert_string_equal(text,
		"[{\"type\":\"a\",\"label\":\"a\",\"description\":null,\"waitForCompletion\":true,"
		"\"preconfiguredProperties\":[\"url\",\"waitForCompletion\"],"
		"\"noUserConfigurableFields\":false,\"parameters\":[{\"name\":\"p\"}]}]");
}

static void test_nothing_set_is_the_base(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(preconfigured_free_cleanup) struct preconfigured *all = preconfigured_read(
		VAL_NULL, &base, &err);
	const struct stage_registry *registry = preconfigured_registry(all);
	assert_ptr_equal(registry->types[0], &wait_stage);
	assert_ptr_equal(registry->types[1], &webhook_stage);
	assert_null(registry->types[2]);
}

static void test_what_an_entry_sets_wins_and_parameters_have_defaults(void **state)
{
	_cleanup_(preconfigured_free_cleanup) struct preconfigured *all = make(
		"preconfigured:\n"
		"- type: createBranch\n"
		"  url: https://ci.example.com/${parameterValues['owner']}\n"
		"  method: null\n"
		"  waitForCompletion: true\n"
		"  parameters: [ { name: owner, defaultValue: joe }, { name: repo, defaultValue: 7 }, { name: left } ]\n");
	const struct stage_type *type = registry_find(preconfigured_registry(all), "createBranch");
	_cleanup_(val_free) struct val context = read(
		"{ url: https://elsewhere.example.com, method: PUT, parameterValues: { repo: r } }");
	type->fill(type, &context);
	_cleanup_free_ char *text = json_text(context, JSON_CANONICAL);
	assert_string_equal(text,
		"{\"method\":\"PUT\",\"parameterValues\":{\"owner\":\"joe\",\"repo\":\"r\"},"
		"\"url\":\"https://ci.example.com/${parameterValues['owner']}\","
		"\"waitForCompletion\":true}");
}

static void test_mistakes_are_told_with_their_place(void **state)
{
	refused("preconfigured: many", "webhook.preconfigured: expected a list");
	refused("preconfigured: [ { label: x } ]", "webhook.preconfigured[0]: type: is required");
	refused("preconfigured: [ { type: a }, { type: wait } ]",
		"webhook.preconfigured[1].type: there is a stage type \"wait\" already");
	refused("preconfigured: [ { type: a, enabled: false }, { type: a } ]",
		"webhook.preconfigured[1].type: there is a stage type \"a\" already");
	refused("preconfigured: [ { type: a, customHeaders: no } ]",
		"webhook.preconfigured[0].customHeaders: expected a map");
	refused("preconfigured: [ 7 ]", "webhook.preconfigured[0]: expected a map");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_entry_becomes_a_type),
		cmocka_unit_test(test_they_are_described),
		cmocka_unit_test(test_nothing_set_is_the_base),
		cmocka_unit_test(test_what_an_entry_sets_wins_and_parameters_have_defaults),
		cmocka_unit_test(test_mistakes_are_told_with_their_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
