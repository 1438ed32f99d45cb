/* What lint says, and what it is silent about: one row a case, mostly shapes that real pipelines have. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "lint/internal.h"
#include "lint/lint.h"
#include "lib/values.h"

/* ---- a registry of its own ------------------------------------------------------------------------------------------------------ */

static const struct field entry_fields[] = {
	FIELD_KNOWN("key", FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD_KNOWN("weight", FIELD_INT),
	{ 0 },
};
static const struct field traffic_fields[] = {
	FIELD_KNOWN("enabled", FIELD_BOOL, .unsupported_if = "true",
		.unsupported = "traffic is not built yet"),
	FIELD_KNOWN("services", FIELD_STR_LIST),
	{ 0 },
};
static const struct stage_type wait_type = {
	.name = "wait",
	.fields = ROWS(struct field, FIELD_KNOWN("waitTime", FIELD_SECS),
		FIELD_KNOWN("skipWaitText", FIELD_STRING)),
};
static const struct stage_type judgment_type = {
	.name = "manualJudgment",
	.fields = ROWS(struct field, FIELD_KNOWN("instructions", FIELD_STRING)),
};
static const struct stage_type deploy_type = {
	.name = "deployManifest",
	.category = "kubernetes",
	.fields = ROWS(struct field, FIELD_KNOWN("account", FIELD_STRING, .flags = FIELD_REQUIRED),
		FIELD_KNOWN("manifests", FIELD_VALUE),
		FIELD_KNOWN("skipExpressionEvaluation", FIELD_BOOL),
		FIELD_KNOWN("trafficManagement", FIELD_OBJECT, .rows = traffic_fields),
		FIELD_KNOWN("source", FIELD_STRING),
		FIELD_KNOWN("ordered", FIELD_BOOL, .preset = "true"),
		FIELD_KNOWN("order", FIELD_STRING, .when = "ordered == true",
			.choices = (const char *const[]){ "newest", "oldest", NULL }),
		FIELD_KNOWN("entries", FIELD_VALUE, .flags = FIELD_LIST, .rows = entry_fields),
		FIELD_KNOWN("moniker", FIELD_VALUE, .flags = FIELD_MAP | FIELD_UI)),
};

struct job_config {
	char *name, *mode;
	int64_t tries;
};
/* Refuses as real types do: with the key in front, or without one. */
static int job_check(const struct task_input *in, struct err *err)
{
	const struct job_config *config = in->config;
	if (val_has(in->stage->context, "containers"))
		return err_set(err, ERR_UNSUPPORTED, "containers: are not built yet");
	if (!config->name)
		return err_set(err, ERR_INVALID, "name2: is required");
	if (config->tries < 0)
		return err_set(err, ERR_INVALID, "tries: expected a number from 0 on");
	if (config->mode && strcmp(config->mode, "odd") == 0)
		return err_set(err, ERR_INVALID, "no mode is that odd");
	return in->world->kubernetes ? 0 : err_set(err, ERR_NOT_FOUND, "account: none is there");
}
static const struct stage_type job_type = {
	.name = "job",
	.fields = ROWS(struct field, FIELD(struct job_config, name, "name2"),
		FIELD(struct job_config, mode, "mode"), FIELD(struct job_config, tries, "tries")),
	.config_size = sizeof(struct job_config),
	.check = job_check,
};
static const struct stage_type *const types[] = { &wait_type, &judgment_type, &deploy_type,
	&job_type, NULL };
static const struct stage_registry registry = { .types = types };

/* ---- how cases are written ------------------------------------------------------------------------------------------------------ */

/* One line a finding: "W unknown-key stages[0].waitTIme". */
static char *shown(struct val findings)
{
	struct strbuf buf = STRBUF_INIT(1 << 20);
	for (size_t i = 0; i < val_count(findings); i++) {
		struct val finding = val_at(findings, i);
		strbuf_printf(&buf, "%c %s %s\n", val_get_text(finding, "level", "?")[0] - 32,
			val_get_text(finding, "code", "?"), val_get_text(finding, "path", "?"));
		struct val text = val_get(finding, "text");
		assert_true(*val_get_text(text, "en", "") && *val_get_text(text, "zh", ""));
		assert_null(strchr(val_get_text(text, "en", ""), '%'));
	}
	return strbuf_detach(&buf);
}

struct lint_case {
	const char *pipeline; /* ' stands for " */
	const char *findings;
};

static struct val read_case(const char *text)
{
	_cleanup_free_ char *json = xstrdup(text);
	for (char *at = json; *at; at++)
		*at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
	return value_of(json);
}

static void check_cases(const struct lint_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_(val_free) struct val pipeline = read_case(cases[i].pipeline);
		_cleanup_(val_free) struct val findings = lint_pipeline(pipeline, &registry, NULL);
		_cleanup_free_ char *text = shown(findings);
		if (strcmp(text, cases[i].findings) != 0)
			print_error("%s\n", cases[i].pipeline);
		assert_string_equal(text, cases[i].findings);
	}
}

#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof((cases)[0]))

/* One stage with TEXT as its comments; ` stands for ' in it. */
static struct val lint_comment(const char *pipeline_start, const char *text)
{
	_cleanup_free_ char *json = xasprintf(
		"{%s 'stages': [{'type': 'wait', 'refId': '1', 'name': 'Pause', 'comments': '%s'},"
		"{'type': 'manualJudgment', 'refId': '2', 'name': 'Go?', 'requisiteStageRefIds': ['1']},"
		"{'type': 'wait', 'refId': 'x', 'name': 'Twice', 'requisiteStageRefIds': []},"
		"{'type': 'wait', 'refId': 'y', 'name': 'Twice', 'requisiteStageRefIds': []}]}",
		pipeline_start, text);
	_cleanup_(val_free) struct val pipeline = read_case(json);
	return lint_pipeline(pipeline, &registry, NULL);
}

/* ---- structure ------------------------------------------------------------------------------------------------------------------ */

static void what_people_write_is_fine(void **state)
{
	static const struct lint_case cases[] = {
		/* no refId at all; the order of the list; names as refIds; null and "" for requisites */
		{ "{'stages': [{'type': 'wait'}, {'type': 'wait', 'waitTime': '30'}]}", "" },
		{ "{'stages': [{'type': 'wait', 'refId': 'b', 'requisiteStageRefIds': ['a 1']}, {'type': 'wait', 'refId': 'a 1'}]}",
			"" },
		{ "{'stages': [{'type': 'wait', 'refId': '1', 'requisiteStageRefIds': null},"
		  " {'type': 'wait', 'refId': '2', 'requisiteStageRefIds': ''}]}",
			"" },
		/* any field may hold an expression; "" and null mean not given; unknown keys are kept */
		{ "{'stages': [{'type': 'wait', 'waitTime': '${ 1 + 1 }', 'failPipeline': '${true}', 'isNew': true, 'stageTimeoutMs': ''}]}",
			"" },
		{ "{'index': 3, 'appConfig': null, 'updateTs': '', 'schema': '1', 'spelEvaluator': '', 'locked': {'ui': true},"
		  " 'stages': [{'type': 'wait', 'waitTime': null, 'whatever': {'x': [1]}}]}",
			"" },
		/* the default of an editor: options that do not count */
		{ "{'parameterConfig': [{'name': 'a', 'required': true, 'default': 'x', 'hasOptions': false, 'options': [{'value': ''}]}],"
		  " 'stages': [{'type': 'wait'}]}",
			"" },
		/* enabled: with and without ${ }, without an expression */
		{ "{'stages': [{'type': 'wait', 'stageEnabled': {}},"
		  " {'type': 'wait', 'stageEnabled': {'type': 'expression', 'expression': false}},"
		  " {'type': 'wait', 'stageEnabled': {'type': 'expression', 'expression': '1 > 2'}},"
		  " {'type': 'wait', 'stageEnabled': {'type': 'expression', 'expression': '${ 1 > 2 }'}}]}",
			"" },
	};
	CHECK(cases);
}

static void broken_structure_is_an_error_in_its_place(void **state)
{
	static const struct lint_case cases[] = {
		{ "[]", "E no-pipeline \n" },
		{ "{'stages': {}}", "E no-list stages\n" },
		{ "{'stages': []}", "W no-stages stages\n" },
		{ "{}", "W no-stages stages\n" },
		{ "{'stages': [7, {'name': 'x', 'refId': '1'}]}",
			"E no-stage stages[0]\nE no-type stages[1].type\n" },
		{ "{'stages': [{'type': 'wait', 'refId': '1'}, {'type': 'wait'}]}",
			"E no-ref stages[1].refId\n" },
		{ "{'stages': [{'type': 'wait', 'refId': '1'}, {'type': 'wait', 'refId': '1'}]}",
			"E same-ref stages[1].refId\n" },
		{ "{'stages': [{'type': 'wait', 'refId': '1', 'requisiteStageRefIds': ['9']}]}",
			"E unknown-ref stages[0].requisiteStageRefIds[0]\n" },
		{ "{'stages': [{'type': 'wait', 'refId': '1', 'requisiteStageRefIds': ['2']},"
		  " {'type': 'wait', 'refId': '2', 'requisiteStageRefIds': ['1']}]}",
			"E circle stages[0].requisiteStageRefIds\n" },
		/* a stage behind the circle is not to blame; one that waits for itself is */
		{ "{'stages': [{'type': 'wait', 'refId': '0', 'requisiteStageRefIds': ['1']},"
		  " {'type': 'wait', 'refId': '1', 'requisiteStageRefIds': ['2']},"
		  " {'type': 'wait', 'refId': '2', 'requisiteStageRefIds': ['2']}]}",
			"E circle stages[2].requisiteStageRefIds\n" },
		/* each circle, though the second is behind the first, and no stage of two */
		{ "{'stages': [{'type': 'wait', 'refId': '1', 'requisiteStageRefIds': ['2']},"
		  " {'type': 'wait', 'refId': '2', 'requisiteStageRefIds': ['1']},"
		  " {'type': 'wait', 'refId': '3', 'requisiteStageRefIds': ['2', '4']},"
		  " {'type': 'wait', 'refId': '4', 'requisiteStageRefIds': ['3']},"
		  " {'type': 'wait', 'refId': '5', 'requisiteStageRefIds': ['5']},"
		  " {'type': 'wait', 'refId': '6', 'requisiteStageRefIds': ['5', '3']}]}",
			"E circle stages[0].requisiteStageRefIds\nE circle stages[2].requisiteStageRefIds\n"
			"E circle stages[4].requisiteStageRefIds\n" },
		{ "{'stages': [{'type': 'wait', 'refId': 1}]}", "W number-ref stages[0].refId\n" },
		{ "{'type': 'templatedPipeline', 'schema': 'v2', 'stages': []}",
			"E unsupported type\n" },
	};
	CHECK(cases);
}

static void a_guard_that_guards_nothing_is_told(void **state)
{
#define GUARDED(guard) "{'stages': [{'type': 'wait', 'stageEnabled': " guard "}]}"
	static const struct lint_case cases[] = {
		{ GUARDED("{'type': 'expression'}"), "W guard stages[0].stageEnabled.expression\n" },
		{ GUARDED("{'type': 'expression', 'expression': ' '}"),
			"W guard stages[0].stageEnabled.expression\n" },
		{ GUARDED("{'type': 'expression', 'expression': [1]}"),
			"E guard stages[0].stageEnabled.expression\n" },
		{ GUARDED("{'type': 'expression', 'expression': 0}"),
			"E guard stages[0].stageEnabled.expression\n" },
		{ GUARDED("{'type': 'spel', 'expression': '1 > 2'}"),
			"E wrong-type stages[0].stageEnabled.type\n" },
		{ GUARDED("{'type': 'expression', 'expresion': '1 > 2'}"),
			"W unknown-key stages[0].stageEnabled.expresion\n" },
		{ GUARDED("'${ 1 > 2 }'"), "W guard stages[0].stageEnabled\n" },
		{ GUARDED("false"), "E wrong-type stages[0].stageEnabled\n" },
	};
	CHECK(cases);
}

static void a_window_that_never_opens_is_told(void **state)
{
#define WINDOWED(window)                                                                                               \
	"{'stages': [{'type': 'wait', 'restrictExecutionDuringTimeWindow': true, 'restrictedExecutionWindow': " window \
	"}]}"
#define WINDOW "stages[0].restrictedExecutionWindow"
	static const struct lint_case cases[] = {
		{ WINDOWED("{'days': [1, '7', '${ 1 }'], 'whitelist': [{'startHour': 22, 'startMin': 30, 'endHour': '6', 'endMin': 0},"
			   " {'startHour': '${ 1 + 1 }', 'endHour': 24}], 'jitter': {'enabled': false, 'minDelay': 9, 'maxDelay': 1}}"),
			"" },
		{ WINDOWED("{'days': [9, 'Monday', 3]}"),
			"E window " WINDOW ".days[0]\nE window " WINDOW ".days[1]\n" },
		{ WINDOWED("{'whitelist': [{'startHour': 25, 'startMin': 61, 'endHour': 3, 'endMin': -1}]}"),
			"E window " WINDOW ".whitelist[0].startHour\nE window " WINDOW
			".whitelist[0].startMin\nE window " WINDOW ".whitelist[0].endMin\n" },
		{ WINDOWED("{'whitelist': [{'startHour': 9, 'startMin': 30, 'endHour': 9, 'endMin': 10}]}"),
			"E window " WINDOW ".whitelist[0]\n" },
		{ WINDOWED("{'whitelist': [{'startHour': 9}]}"),
			"W window " WINDOW ".whitelist[0].endHour\n" },
		{ WINDOWED("{'dayz': [1]}"), "W unknown-key " WINDOW ".dayz\n" },
		{ WINDOWED("{}"), "E window " WINDOW "\n" },
		{ WINDOWED("null"), "E window " WINDOW "\n" },
		{ WINDOWED("{'days': [1], 'jitter': {'enabled': true, 'minDelay': 60, 'maxDelay': 5}}"),
			"E window " WINDOW ".jitter.maxDelay\n" },
		{ WINDOWED("{'days': 1}"), "E wrong-type " WINDOW ".days\n" },
		/* switched off, it counts for nothing */
		{ "{'stages': [{'type': 'wait', 'restrictExecutionDuringTimeWindow': false,"
		  " 'restrictedExecutionWindow': {'days': [9]}}]}",
			"" },
	};
	CHECK(cases);
}

static void a_manifest_needs_what_every_server_asks_for(void **state)
{
#define DEPLOYED(manifest) \
	"{'stages': [{'type': 'deployManifest', 'account': 'a', 'manifests': [" manifest "]}]}"
#define MANIFEST "stages[0].manifests[0]"
	static const struct lint_case cases[] = {
		{ DEPLOYED("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'a'}}, '${ #manifest }', {},"
			   " {'apiVersion': '${ v }', 'kind': 'Pod', 'metadata': {'generateName': 'a-'}},"
			   " {'apiVersion': 'v1', 'kind': 'List', 'items': []}, {'${ key }': 1},"
			   " {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': '${ metadata }'}"),
			"" },
		{ DEPLOYED("{'spec': {}}"),
			"E manifest " MANIFEST ".apiVersion\nE manifest " MANIFEST
			".kind\nE manifest " MANIFEST ".metadata.name\n" },
		{ DEPLOYED("{'apiVersion': 'v1', 'kind': '', 'metadata': {'name': ''}}"),
			"E manifest " MANIFEST ".kind\nE manifest " MANIFEST ".metadata.name\n" },
		/* left over */
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'source': 'artifact', 'manifests': [{'spec': 1}]}]}",
			"" },
	};
	CHECK(cases);
}

static void a_word_that_means_nothing_is_told(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'order': 'Newest'},"
		  " {'type': 'deployManifest', 'account': 'a', 'order': '${ order }'},"
		  " {'type': 'deployManifest', 'account': 'a', 'order': 'newst', 'ordered': false},"
		  " {'type': 'deployManifest', 'account': 'a', 'order': 'newst'}]}",
			"W no-choice stages[3].order\n" },
	};
	CHECK(cases);
}

static void an_unknown_type_is_told_once(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'stages': [{'type': 'Policy Stage'}, {'type': 'Policy Stage', 'coment': 1}, {'type': 'weit'}]}",
			"W unknown-type stages[0].type\nW unknown-type stages[2].type\n" },
		{ "{'stages': [{'type': 'wait', 'alias': 'preconfiguredWebhook', 'waittime': []}]}",
			"W unknown-type stages[0].alias\n" },
		{ "{'stages': [{'type': 'runIt', 'alias': 'wait', 'waitTime': []}]}",
			"E wrong-type stages[0].waitTime\n" },
	};
	CHECK(cases);
}

/* ---- fields --------------------------------------------------------------------------------------------------------------------- */

static void fields_are_checked_in_nested_objects_too(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'stages': [{'type': 'wait', 'waitTime': [1]}]}",
			"E wrong-type stages[0].waitTime\n" },
		{ "{'stages': [{'type': 'wait', 'waitTime': 'soon'}]}",
			"E wrong-type stages[0].waitTime\n" },
		{ "{'stages': [{'type': 'wait', 'waitTime': '1+1'}]}",
			"W bare-expression stages[0].waitTime\n" },
		{ "{'stages': [{'type': 'wait', 'waitTIme': 5}]}",
			"W unknown-key stages[0].waitTIme\n" },
		{ "{'stages': [{'type': 'wait', 'waitTIme': 5, 'waitTime': 5}]}", "" },
		{ "{'stages': [{'type': 'wait', 'skipWaitText': {'a': 1}}, {'type': 'wait', 'skipWaitText': [1]}]}",
			"W wrong-type stages[0].skipWaitText\nE wrong-type stages[1].skipWaitText\n" },
		{ "{'stages': [{'type': 'wait', 'failPipeline': 'sometimes'}]}",
			"E wrong-type stages[0].failPipeline\n" },
		{ "{'stages': [{'type': 'deployManifest'}]}", "W required stages[0].account\n" },
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'moniker': 'web'}]}",
			"W wrong-type stages[0].moniker\n" },
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'trafficManagement': {'enabled': true, 'servces': []}}]}",
			"E unsupported stages[0].trafficManagement.enabled\nW unknown-key stages[0].trafficManagement.servces\n" },
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'entries': [{'key': 'a'}, {'kye': 'b', 'weight': {}}]}]}",
			"W required stages[0].entries[1].key\nE wrong-type stages[0].entries[1].weight\n"
			"W unknown-key stages[0].entries[1].kye\n" },
		{ "{'stages': [{'type': 'wait', 'failPipeline': true, 'continuePipeline': true}]}",
			"W failure-flags stages[0].failPipeline\n" },
		{ "{'limitConcurent': true, 'keepWaitingPipelines': [], 'stages': [{'type': 'wait'}]}",
			"E wrong-type keepWaitingPipelines\nW unknown-key limitConcurent\n" },
	};
	CHECK(cases);
}

static void parameters_are_looked_at(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'parameterConfig': [{'default': 1}, {'name': 'a'}, {'name': 'a'}], 'stages': [{'type': 'wait'}]}",
			"W nameless-parameter parameterConfig[0]\nW same-parameter parameterConfig[2]\n" },
		{ "{'parameterConfig': [{'name': 'a', 'hasOptions': true, 'default': 'z', 'options': [{'value': 'x'}]}], 'stages': [{'type': 'wait'}]}",
			"W no-option parameterConfig[0].default\n" },
		{ "{'parameterConfig': [{'name': 'a', 'hasOptions': true, 'default': '', 'options': [{'value': 'x'}]}], 'stages': [{'type': 'wait'}]}",
			"" },
		{ "{'parameterConfig': [{'name': 'a', 'requierd': true, 'hasOptions': 7}], 'stages': [{'type': 'wait'}]}",
			"W wrong-type parameterConfig[0].hasOptions\nW unknown-key parameterConfig[0].requierd\n" },
	};
	CHECK(cases);
}

static void saving_asks_for_application_and_name(void **state)
{
	_cleanup_(val_free) struct val pipeline = value_of(
		"{\"application\": \"\", \"stages\": [{\"type\": \"wait\"}]}");
	_cleanup_(val_free) struct val findings = lint_pipeline(
		pipeline, &registry, &(struct lint_options){ .saving = true });
	_cleanup_free_ char *text = shown(findings);
	assert_string_equal(text, "E no-application application\nE no-name name\n");
	assert_int_equal(lint_errors(findings), 2);
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------------ */

static const struct comment {
	const char *text;
	const char *code; /* "" = silence */
} comments[] = {
	{ "a ${ 1 + } b", "broken-expression" },
	{ "a ${ 1", "open-expression" },
	{ "${VALUES[*]} ${x:-y} ${#list[@]} ${name%.txt}", "foreign-expression" },
	{ "${NAMESPACE} and ${git_token}", "" },
	{ "#!/bin/sh\\n${ a b }", "foreign-expression" },
	{ "${ #stage(`Pause`).status }", "" },
	{ "${ #stage(`Pase`).status }", "unknown-stage" },
	{ "${ #stage(`Twice`).status }", "ambiguous-stage" },
	{ "${ #stage(`Bake in us-east-1`).context.x }", "" },
	{ "${ #stageExists(`Nobody`) }", "" },
	{ "${ #stageByRefId(`x`).name }", "" },
	{ "${ #stageByRefId(`z`).name }", "unknown-stage" },
	{ "${ #stage( #root.execution, `Pause`).status }", "" },
	{ "${ #stage(`Pau` + `se`).status }", "" },
	{ "${ #judgment(`Go?`) == `yes` && #judgement(`Go?`) == `no` }", "" },
	{ "${ #judgment(`Go`) }", "unknown-stage" },
	{ "${ #judgment(`Pause`) }", "no-judgment" },
	{ "${ parameters.version } ${ parameters[`version`] } ${ parameters[version] }", "" },
	{ "${ parameters.versoin }", "unknown-parameter" },
	{ "${ parameters[`versoin`] }", "unknown-parameter" },
	{ "${ trigger.parameters.versoin }", "unknown-parameter" },
	{ "${ trigger[`parameters`][`versoin`] }", "unknown-parameter" },
	{ "${ execution.trigger.parameters.versoin }", "unknown-parameter" },
	{ "${ parameters[`region`] ?: `eu` }", "" },
	{ "${ parameters.containsKey(`region`) ? parameters.region : `eu` }", "" },
	{ "${ parameters.keySet() }", "" },
	{ "${ execution.stages.?[parameters.region == 1].size() }", "" },
	{ "${ parameter.version }", "parameter-word" },
	{ "${ trigger[`anything`][`at`].all + trigger[user] }", "" },
	{ "${ #toInit(`1`) }", "unknown-function" },
	{ "${ #toInt(`1`, `2`) }", "argument-count" },
	{ "${ #currentStage().name } ${ deployedServerGroups[0].region }", "" },
	{ "${ T(java.util.UUID).randomUUID().toString().substring(0, 8) }", "" },
	{ "${ new java.util.Date() } ${ new Integer(`1`) + 1 } ${ new String[2]{`a`, `b`}[0] }", "" },
	{ "${ T(java.lang.Runtime).getRuntime().exec(`x`) }", "unknown-class" },
	{ "${ new java.io.File(`x`) }", "unknown-class" },
	{ "${ T(Math).maximum(1, 2) }", "unknown-method" },
	{ "${ `a`.toUppercase() }", "unknown-method" },
	{ "${ #stage(`Pause`)[`status`].toString() == `SUCCEEDED` }", "" },
	{ "${ T(java.time.Localdate).now() }", "unknown-class" },
	{ "${ execution.stagse }", "unknown-property" },
	{ "${ execution[`aplication`] }", "unknown-property" },
	{ "${ #stage(`Pause`).outptus.x }", "unknown-property" },
	{ "${ execution.stages[0].contxt.a }", "unknown-property" },
	{ "${ execution.stages.^[name == `Pause`].state }", "unknown-property" },
	{ "${ #stage(`Pause`).execution.nome }", "unknown-property" },
	{ "${ execution.stages.?[name == `Pause`][0].context.anything }", "" },
	{ "${ #stage(`Pause`)[`Status`].toString() }", "" },
	{ "${ execution.trigger.anything + execution.stages.size() }", "" },
	{ "${ #stage(`Pause`).getName() + #currentStage().hasSucceeded }", "" },
	{ "${ {{execution: 1}}.![execution.anything] }", "" },
	{ "${ @bean.x }", "bean" },
	{ "${ `` }", "" },
};

static void each_text_is_read_as_a_run_would(void **state)
{
	for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++) {
		_cleanup_(val_free) struct val findings = lint_comment(
			"'parameterConfig': [{'name': 'version'}],", comments[i].text);
		const char *code = val_get_text(val_at(findings, 0), "code", "");
		if (strcmp(code, comments[i].code) != 0)
			print_error("%s\n", comments[i].text);
		assert_string_equal(code, comments[i].code);
		assert_int_equal(lint_errors(findings), 0);
	}
}

static void what_an_expression_can_only_come_to_is_held_against_its_field(void **state)
{
	static const struct lint_case cases[] = {
#define WAIT(text) "{'stages': [{'type': 'wait', 'waitTime': '" text "'}]}"
#define LIST "W never-fits stages[0].waitTime\n"
		{ WAIT("${ {1, 2} }"), LIST },
		{ WAIT("${ {a: 1} }"), LIST },
		{ WAIT("${ 1 == 2 }"), LIST },
		{ WAIT("${ !true }"), LIST },
		{ WAIT("${ true ? {1} : {2} }"), LIST },
		{ WAIT("${ execution.stages.![name] }"), LIST },
		{ WAIT("${ `1,2`.split(`,`) }"), LIST },
		{ WAIT("${ #readJson(`[]`) }"), LIST },
		{ WAIT("${ #toInt(`1`) + 2 }"), "" },
		{ WAIT("${ true ? {1} : 2 }"), "" },
		{ WAIT("${ `12` }"), "" },
		{ WAIT("${ {1, 2}[0] }"), "" },
		{ WAIT("${ {1, 2}.size() }"), "" },
		{ WAIT("${ #readJson(`{}`).a }"), "" },
		{ WAIT("${ execution?.stages.![name] }"), "" },
		{ "{'stages': [{'type': 'manualJudgment', 'instructions': '${ {1} }', 'whatever': '${ {1} }'}]}",
			"W never-fits stages[0].instructions\n" },
#undef LIST
#undef WAIT
	};
	CHECK(cases);
}

static void parameters_that_a_trigger_may_give_are_not_missed(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'triggers': [{'type': 'webhook'}], 'stages': [{'type': 'wait', 'comments': '${parameters.x}'}]}",
			"I not-yet triggers\n" },
		{ "{'trigger': {'parameters': {'x': 1}}, 'stages': [{'type': 'wait', 'comments': '${parameters.x}'}]}",
			"" },
		{ "{'stages': [{'type': 'wait', 'comments': '${parameters.x}'}]}",
			"W unknown-parameter stages[0].comments\n" },
		{ "{'template': {'reference': 'x'}, 'stages': [{'type': 'wait', 'comments': '${parameters.x}'}]}",
			"" },
	};
	CHECK(cases);
}

static void texts_that_a_run_leaves_alone_are_left_alone(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'manifests': [{'apiVersion': 'v1', 'kind': 'A', 'metadata': {'name': 'a'}, 'x': '${ 1 + }'}]}]}",
			"W broken-expression stages[0].manifests[0].x\n" },
		{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'skipExpressionEvaluation': true, 'manifests': [{'apiVersion': 'v1', 'kind': 'A', 'metadata': {'name': 'a'}, 'x': '${ 1 + }'}]}]}",
			"" },
		{ "{'description': '${ 1 + }', 'stages': [{'type': 'wait', '${ 1 + }': 1}]}",
			"W broken-expression stages[0].${ 1 + }\n" },
		{ "{'stages': [{'type': 'wait', 'stageEnabled': {'type': 'expression', 'expression': '1 >'}}]}",
			"W broken-expression stages[0].stageEnabled.expression\n" },
		{ "{'stages': [{'type': 'x', 'preconditions': [{'context': {'expression': '#judgment(`A`) =='}}]}]}",
			"W unknown-type stages[0].type\nW broken-expression stages[0].preconditions[0].context.expression\n" },
	};
	CHECK(cases);
}

/* ---- place, repair, limits -------------------------------------------------------------------------------------------------------- */

static void a_place_inside_a_text_counts_as_browsers_do(void **state)
{
	_cleanup_(val_free) struct val findings = lint_comment("", "😀é ${ 1 + * 2 }");
	struct val finding = val_at(findings, 0);
	assert_int_equal(val_get_int(val_get(finding, "at"), "from", -1), 11);
	assert_int_equal(val_get_int(val_get(finding, "at"), "to", -1), 12);
	assert_string_equal(val_get_text(finding, "refId", ""), "1");
	assert_string_equal(val_get_text(finding, "key", ""), "comments");
	assert_non_null(strstr(val_get_text(val_get(finding, "text"), "en", ""), "column 11"));
}

static const struct repair {
	const char *pipeline, *fix;
} repairs[] = {
	{ "{'stages': [{'type': 'wait', 'waitTIme': 5}]}",
		"[{\"op\":\"move\",\"from\":\"/stages/0/waitTIme\",\"path\":\"/stages/0/waitTime\"}]" },
	{ "{'stages': [{'type': 'deployManifest', 'account': 'a', 'entries': [{'key': 'a', 'weiht': 1}]}]}",
		"[{\"op\":\"move\",\"from\":\"/stages/0/entries/0/weiht\",\"path\":\"/stages/0/entries/0/weight\"}]" },
	{ "{'limitConcurent': true, 'stages': [{'type': 'wait'}]}",
		"[{\"op\":\"move\",\"from\":\"/limitConcurent\",\"path\":\"/limitConcurrent\"}]" },
	{ "{'stages': [{'type': 'wait', 'refId': 7}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/refId\",\"value\":\"7\"}]" },
	{ "{'stages': [{'type': 'wait', 'waitTime': '1+1'}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/waitTime\",\"value\":\"${1+1}\"}]" },
	{ "{'parameterConfig': [{'name': 'version'}], 'stages': [{'type': 'wait', 'a/b~c': ['x ${parameters.versoin} y']}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/a~1b~0c/0\",\"value\":\"x ${parameters.version} y\"}]" },
	{ "{'parameterConfig': [{'name': 'ver-sion'}], 'stages': [{'type': 'wait', 'comments': '${parameters[`ver-soin`]}'}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/comments\",\"value\":\"${parameters['ver-sion']}\"}]" },
	{ "{'stages': [{'type': 'wait', 'name': 'One', 'comments': 'é${#stage(`Onne`).status}'}, {'type': 'wait', 'name': 'Hook'}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/comments\",\"value\":\"é${#stage('One').status}\"}]" },
	{ "{'stages': [{'type': 'wait', 'comments': '${#toint(`1`)}'}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/comments\",\"value\":\"${#toInt('1')}\"}]" },
	{ "{'stages': [{'type': 'wait', 'comments': '${parameter.x}'}]}",
		"[{\"op\":\"replace\",\"path\":\"/stages/0/comments\",\"value\":\"${parameters.x}\"}]" },
};

static void repairs_are_json_patches(void **state)
{
	for (size_t i = 0; i < sizeof(repairs) / sizeof(repairs[0]); i++) {
		_cleanup_(val_free) struct val pipeline = read_case(repairs[i].pipeline);
		_cleanup_(val_free) struct val findings = lint_pipeline(pipeline, &registry, NULL);
		_cleanup_free_ char *fix = json_text(
			val_get(val_at(findings, 0), "fix"), JSON_COMPACT);
		assert_string_equal(fix, repairs[i].fix);
	}
}

static const struct text_case {
	const char *text;
	const char *code;
	int line;
} texts[] = {
	{ "{\n \"stages\": [\n  {\"type\": \"wait\",\n   // why\n   \"waitTIme\": 3}]}",
		"unknown-key", 5 },
	{ "{\n \"stages\": [\n  {\"type\": \"deployManifest\"}]}", "required", 3 },
	{ "{\"stages\": [\n {\"type\": \"wait\", \"comments\": \"a\\\"b\",\n \"waitTime\": []}]}",
		"wrong-type", 3 },
	{ "{\n \"stages\": [,]\n}", "syntax", 2 },
	{ "{\n \"name\": \"a\", \"stages\": [{\"type\": \"wait\"}],\n \"name\": \"b\"}",
		"duplicate-key", 3 },
	{ "{\n \"stages\": [{\"type\": \"wait\"},\n]}", "not-json", 3 },
	{ "\"stages\": [{\"type\": \"wait\"}]", "not-json", 1 },
	{ "{\n\n \"stages\": [ {{ module \"wait.stage\" }} ]}", "template", 3 },
	{ "{\n \"stages\": [ {% for x in y %} ]}", "template", 2 },
	{ "stages:\n- type: wait\n  waitTime: []\n", "wrong-type", 3 },
	{ "# why\nstages:\n- &a\n  type: wait\n  refId: '1'\n- <<: *a\n  waitTime: []\n  refId: '2'\n",
		"wrong-type", 7 },
	{ "stages:\n- {type: wait,\n   waitTime: []}\n", "wrong-type", 3 },
	{ "stages:\n\n- type: deployManifest\n", "required", 3 },
	{ "? [1, 2]\n: x\nstages:\n- type: wait\n  waitTime: []\n", "syntax", 1 },
	{ "stages:\n- type: wait\n  comments: >-\n    a\n    b ${ 1 +\n  waitTime: 3\n",
		"open-expression", 3 },
	{ "stages:\n- type: wait\n  comments: a ${ #root }\n", "yaml-comment", 3 },
	{ "{\"stages\": [{\"type\": \"wait\", \"comments\": \"a ${\"}]}", "open-expression", 1 },
	{ "stages: [\n", "syntax", 2 },
	{ "stages:\n- type: wait\n ---\n- a\n", "syntax", 3 },
	{ "a: 1\n---\nb: 2\n  c: 3\n", "syntax", 4 },
	{ "\"", "syntax", 1 },
	{ "", "no-pipeline", 0 },
};

static void findings_of_a_text_have_its_lines(void **state)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_(val_free) struct val findings = lint_text(
			str_of(texts[i].text), &registry, NULL);
		struct val finding = val_at(findings, 0);
		if (strcmp(val_get_text(finding, "code", ""), texts[i].code) != 0 ||
			val_get_int(finding, "line", 0) != texts[i].line)
			print_error("%s\n", texts[i].text);
		assert_string_equal(val_get_text(finding, "code", ""), texts[i].code);
		assert_int_equal(val_get_int(finding, "line", 0), texts[i].line);
	}
}

static void a_wall_of_mistakes_ends(void **state)
{
	_cleanup_(val_free) struct val pipeline = VAL_NULL,
				       stage = value_of("{\"type\": \"wait\", \"waitTime\": []}");
	struct val stages = val_list();
	for (size_t i = 0; i < LIMIT_LINT_FINDINGS + 50; i++)
		val_append(&stages, val_ref(stage));
	val_set(&pipeline, "stages", stages);
	_cleanup_(val_free) struct val findings = lint_pipeline(pipeline, &registry, NULL);
	assert_int_equal(val_count(findings), LIMIT_LINT_FINDINGS + 1);
	assert_string_equal(val_get_text(val_at(findings, 0), "code", ""), "too-many");
}

static void a_path_of_any_length_is_cut(void **state)
{
	_cleanup_(val_free) struct val pipeline = VAL_NULL;
	struct val stage = value_of("{type: wait}"), stages = val_list();
	_cleanup_free_ char *key = xcalloc(LIMIT_LINT_PATH_BYTES + 10, 1);
	memset(key, 'k', LIMIT_LINT_PATH_BYTES + 9);
	val_set(&stage, key, val_string("${parameter.x}"));
	val_append(&stages, stage);
	val_set(&pipeline, "stages", stages);
	_cleanup_(val_free) struct val findings = lint_pipeline(pipeline, &registry, NULL);
	assert_int_equal(val_count(findings), 1);
	assert_true(strlen(val_get_text(val_at(findings, 0), "path", "")) <= LIMIT_LINT_PATH_BYTES);
	assert_false(val_has(val_at(findings, 0), "fix"));
}

static void every_rule_has_both_languages_and_a_code_of_its_own(void **state)
{
	for (size_t i = 0; i < RULE_COUNT; i++) {
		assert_non_null(rules[i].code);
		assert_true(*rules[i].text.en && *rules[i].text.zh);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rules[i].code, rules[j].code);
	}
}

/* What is missing may come yet; a value that cannot work will not; what only a run can know is not said. */
static void what_a_type_refuses_is_told(void **state)
{
	static const struct lint_case cases[] = {
		{ "{'stages': [{'type': 'job', 'name2': 'a', 'tries': 1}]}", "" },
		{ "{'stages': [{'type': 'job'}]}", "W refused stages[0].name2\n" },
		{ "{'stages': [{'type': 'job', 'name2': 'a', 'tries': -1}]}",
			"E refused stages[0].tries\n" },
		{ "{'stages': [{'type': 'job', 'name2': 'a', 'mode': 'odd'}]}",
			"W refused stages[0]\n" },
		{ "{'stages': [{'type': 'job', 'name2': 'a', 'mode': 'odd', 'comments': '${ 1 }'}]}",
			"" },
		{ "{'stages': [{'type': 'job', 'containers': [{'image': '${ 1 }'}]}]}",
			"E unsupported stages[0].containers\n" },
		/* what cannot be read was told once */
		{ "{'stages': [{'type': 'job', 'tries': []}]}", "E wrong-type stages[0].tries\n" },
		{ "{'stages': [{'type': 'job', 'tries': '${ 1 }'}]}", "" },
	};
	CHECK(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_type_refuses_is_told),
		cmocka_unit_test(what_people_write_is_fine),
		cmocka_unit_test(broken_structure_is_an_error_in_its_place),
		cmocka_unit_test(a_guard_that_guards_nothing_is_told),
		cmocka_unit_test(a_window_that_never_opens_is_told),
		cmocka_unit_test(a_manifest_needs_what_every_server_asks_for),
		cmocka_unit_test(a_word_that_means_nothing_is_told),
		cmocka_unit_test(an_unknown_type_is_told_once),
		cmocka_unit_test(fields_are_checked_in_nested_objects_too),
		cmocka_unit_test(parameters_are_looked_at),
		cmocka_unit_test(saving_asks_for_application_and_name),
		cmocka_unit_test(each_text_is_read_as_a_run_would),
		cmocka_unit_test(what_an_expression_can_only_come_to_is_held_against_its_field),
		cmocka_unit_test(parameters_that_a_trigger_may_give_are_not_missed),
		cmocka_unit_test(texts_that_a_run_leaves_alone_are_left_alone),
		cmocka_unit_test(a_place_inside_a_text_counts_as_browsers_do),
		cmocka_unit_test(repairs_are_json_patches),
		cmocka_unit_test(findings_of_a_text_have_its_lines),
		cmocka_unit_test(a_wall_of_mistakes_ends),
		cmocka_unit_test(a_path_of_any_length_is_cut),
		cmocka_unit_test(every_rule_has_both_languages_and_a_code_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
