/* The table of helpers, and those that work on values alone. Rules: reference of expressions, section 4. */
#include "expr/functions.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "expr/node.h"
#include "expr/text.h"

static int no_null(struct eval *ev, const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->count; i++)
		if (call->args[i].kind == V_NULL)
			return fail(ev, FAIL_HELPER, "#%s: the argument is null", name);
	return 0;
}

static int fn_to_int(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t number;
	if (java_parse_integer(ev, call->args[0], 10, INT32_MIN, INT32_MAX, &number) < 0)
		return -1;
	*ret = value_int(number);
	return 0;
}

static int fn_to_float(struct eval *ev, const struct call *call, struct value *ret)
{
	double number;
	if (java_parse_double(ev, call->args[0], true, &number) < 0)
		return -1;
	*ret = value_float(number);
	return 0;
}

static int fn_to_boolean(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text = call->args[0];
	*ret = value_bool(text.kind == V_STRING && str_equal_nocase(value_str(text), STR("true")));
	return 0;
}

static int fn_to_base64(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "toBase64") < 0)
		return -1;
	struct str from = text_clean(&ev->arena, value_str(call->args[0]));
	*ret = value_string(text_base64(&ev->arena, from));
	return eval_step(ev, from.length / 16);
}

static int fn_from_base64(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "fromBase64") < 0)
		return -1;
	struct str from = value_str(call->args[0]);
	char *bytes = arena_alloc(&ev->arena, from.length + 1);
	size_t length = 0, digits = from.length;
	while (digits && from.length - digits < 2 && from.bytes[digits - 1] == '=')
		digits--;
	uint32_t bits = 0;
	for (size_t i = 0; i < digits; i++) {
		const char *at = memchr(text_base64_digits, from.bytes[i], 64);
		if (!at)
			return fail(ev, FAIL_ARGUMENT, "Illegal base64 character %x",
				(unsigned char)from.bytes[i]);
		bits = bits << 6 | (uint32_t)(at - text_base64_digits);
		if (i % 4)
			bytes[length++] = (char)(bits >> (6 - i % 4 * 2));
	}
	if (digits % 4 == 1 || (digits < from.length && from.length % 4))
		return fail(ev, FAIL_ARGUMENT, "Input byte array has wrong 4-byte ending unit");
	struct str text = { bytes, length };
	/* As Java does with what is no UTF-8: the replacement character. */
	*ret = value_string(str_is_utf8(text) ? text : text_repair(&ev->arena, text));
	return eval_step(ev, from.length / 16);
}

static int fn_alphanumerical(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "alphanumerical") < 0)
		return -1;
	struct str from = value_str(call->args[0]);
	char *bytes = arena_alloc(&ev->arena, from.length + 1);
	size_t length = 0;
	for (size_t i = 0; i < from.length; i++) {
		char c = from.bytes[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			bytes[length++] = c;
	}
	*ret = value_string((struct str){ bytes, length });
	return eval_step(ev, from.length / 16);
}

/* Data must not smuggle expressions into a later pass; #doNotEval says that this is meant. */
static int fn_to_json(struct eval *ev, const struct call *call, struct value *ret)
{
	_cleanup_(val_free) struct val json = VAL_NULL;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (value_to_val(ev, call->args[0], &json) < 0)
		return -1;
	json_write(&buf, json, JSON_COMPACT);
	if (buf.overflowed)
		return fail(ev, FAIL_LIMIT, "JSON of more than %u bytes would arise",
			LIMIT_EXPR_STRING_BYTES);
	if (call->args[0].kind != V_RAW && str_contains(strbuf_str(&buf), "${"))
		return fail(ev, FAIL_HELPER, "result for toJson cannot contain an expression");
	*ret = eval_string(ev, strbuf_str(&buf));
	return eval_step(ev, 40 + buf.length / 8);
}

static int fn_do_not_eval(struct eval *ev, const struct call *call, struct value *ret)
{
	struct seq *seq = seq_new(ev, 1);
	seq_push(ev, seq, call->args[0]);
	*ret = value_of_seq(V_RAW, seq);
	return 0;
}

/* The end of the JSON value that TEXT begins with, by its brackets: what stands behind it is ignored. */
static struct str first_value(struct str text)
{
	size_t depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.bytes[i];
		if (quoted) {
			i += c == '\\';
			quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
			return str_slice(text, 0, i + 1);
		}
	}
	return text;
}

static int parse_json(struct eval *ev, const char *name, struct value text, struct value *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val json = VAL_NULL;
	struct str trimmed = str_trim(value_str(text));
	if (eval_step(ev, 100 + trimmed.length / 8) < 0)
		return -1;
	bool list = text.length && text.bytes[0] == '[';
	bool map = trimmed.length && trimmed.bytes[0] == '{';
	if (!list && !map && !str_is(trimmed, "null"))
		return fail(ev, FAIL_HELPER, "#%s: the text is no JSON object or list", name);
	if (json_parse(first_value(trimmed), NULL, NULL, &json, &err) < 0)
		return fail(ev, FAIL_HELPER, "#%s: %s", name, err_text(&err));
	*ret = value_of_val(ev, eval_hold(ev, json));
	return 0;
}

static int fn_read_json(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "readJson") < 0)
		return -1;
	return parse_json(ev, "readJson", call->args[0], ret);
}

static int parse_yaml(
	struct eval *ev, const char *name, struct value text, bool all, struct value *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val yaml = VAL_NULL;
	if (eval_step(ev, 500 + text.length) < 0)
		return -1;
	if ((all ? yaml_parse_all : yaml_parse)(value_str(text), &yaml, &err) < 0 ||
		yaml_check_tags(value_str(text), &err) < 0)
		return fail(ev, FAIL_HELPER, "#%s: %s", name, err_text(&err));
	*ret = value_of_val(ev, eval_hold(ev, take(&yaml)));
	return 0;
}

static int fn_read_yaml(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "readYaml") < 0)
		return -1;
	return parse_yaml(ev, "readYaml", call->args[0], false, ret);
}

static int fn_read_all_yaml(struct eval *ev, const struct call *call, struct value *ret)
{
	if (no_null(ev, call, "readAllYaml") < 0)
		return -1;
	return parse_yaml(ev, "readAllYaml", call->args[0], true, ret);
}

static int fn_fetch_reference(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->args[0];
	return 0;
}

/* The body behind a URL; on the engine's own thread there is no time for it. */
static int fetch(struct eval *ev, const struct call *call, const char *name, struct value *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT(LIMIT_EXPR_STRING_BYTES);
	if (no_null(ev, call, name) < 0)
		return -1;
	if (!ev->host || !ev->host->fetch)
		return fail(ev, FAIL_HELPER, "#%s: fetching URLs is switched off here", name);
	if (ev->limits.no_io)
		return fail(ev, FAIL_BUDGET, "#%s fetches", name);
	if (ev->host->fetch(ev->host->fetch_data, value_str(call->args[0]), &body, &err) < 0)
		return fail(ev, FAIL_HELPER, "#%s: %s", name, err_text(&err));
	if (body.overflowed)
		return fail(ev, FAIL_LIMIT, "#%s: more than %u bytes came", name,
			LIMIT_EXPR_STRING_BYTES);
	struct str text = strbuf_str(&body);
	*ret = eval_string(ev, str_is_utf8(text) ? text : text_repair(&ev->arena, text));
	return 0;
}

static int fn_from_url(struct eval *ev, const struct call *call, struct value *ret)
{
	return fetch(ev, call, "fromUrl", ret);
}

static int fn_json_from_url(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text;
	if (fetch(ev, call, "jsonFromUrl", &text) < 0)
		return -1;
	return parse_json(ev, "jsonFromUrl", text, ret);
}

static int fn_yaml_from_url(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text;
	if (fetch(ev, call, "yamlFromUrl", &text) < 0)
		return -1;
	return parse_yaml(ev, "yamlFromUrl", text, false, ret);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

/* Up to an unescaped separator, or the end, with escapes resolved. */
static struct value property_part(struct eval *ev, struct str line, size_t *at, bool key)
{
	char *bytes = arena_alloc(&ev->arena, line.length * 3 + 4);
	size_t length = 0;
	for (; *at < line.length; (*at)++) {
		char c = line.bytes[*at];
		if (key && (c == '=' || c == ':' || is_blank(c)))
			break;
		if (c != '\\' || *at + 1 >= line.length) {
			bytes[length++] = c;
			continue;
		}
		c = line.bytes[++*at];
		uint32_t code = 0;
		const char *from = "tnrf", *to = "\t\n\r\f", *found = strchr(from, c);
		if (c == 'u' && *at + 4 < line.length) {
			for (int i = 0; i < 4; i++) {
				char digit = line.bytes[++*at];
				code = code << 4 |
					(uint32_t)(digit <= '9' ? digit - '0' :
								  (digit | 0x20) - 'a' + 10);
			}
			length += text_encode(code & 0xffff, bytes + length);
		} else {
			bytes[length++] = found && c ? to[found - from] : c;
		}
	}
	return value_string((struct str){ bytes, length });
}

/* Lines that end in a backslash go on in the next. */
static struct str logical_line(struct eval *ev, struct str *rest)
{
	char *bytes = arena_alloc(&ev->arena, rest->length + 1);
	size_t length = 0;
	for (struct str line; str_split(rest, '\n', &line);) {
		if (line.length && line.bytes[line.length - 1] == '\r')
			line.length--;
		size_t start = 0;
		while (start < line.length && is_blank(line.bytes[start]))
			start++;
		size_t slashes = 0;
		while (slashes < line.length - start && line.bytes[line.length - 1 - slashes] == '\\')
			slashes++;
		bool more = slashes % 2;
		size_t take = line.length - start - more;
		memcpy(bytes + length, line.bytes + start, take);
		length += take;
		if (!more)
			break;
	}
	return (struct str){ bytes, length };
}

static int fn_properties_from_url(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value text;
	if (fetch(ev, call, "propertiesFromUrl", &text) < 0)
		return -1;
	struct table *table = table_new(ev, 8);
	struct str rest = value_str(text);
	while (rest.bytes) {
		struct str line = logical_line(ev, &rest);
		if (eval_step(ev, 1 + line.length / 16) < 0)
			return -1;
		if (!line.length || line.bytes[0] == '#' || line.bytes[0] == '!')
			continue;
		size_t at = 0;
		struct value key = property_part(ev, line, &at, true);
		while (at < line.length && is_blank(line.bytes[at]))
			at++;
		if (at < line.length && (line.bytes[at] == '=' || line.bytes[at] == ':'))
			at++;
		while (at < line.length && is_blank(line.bytes[at]))
			at++;
		table_put(ev, table, key, property_part(ev, line, &at, false));
	}
	*ret = value_of_table(table);
	return 0;
}

static const struct function table[] = {
	/* values */
	{ "toInt", "s", false, fn_to_int, "int", "digits, with a sign or not, as a number",
		"#toInt('12') + 1" },
	{ "toFloat", "s", false, fn_to_float, "float", "text as a 32-bit number", "#toFloat('7')" },
	{ "toBoolean", "s", false, fn_to_boolean, "boolean", "true only for \"true\" in any case",
		"#toBoolean('TRUE')" },
	{ "toBase64", "s", false, fn_to_base64, "text", "the UTF-8 bytes in base 64",
		"#toBase64('hello')" },
	{ "fromBase64", "s", false, fn_from_base64, "text", "base 64 as text",
		"#fromBase64('aGVsbG8=')" },
	{ "alphanumerical", "s", false, fn_alphanumerical, "text", "only A-Z, a-z and 0-9 of it",
		"#alphanumerical('a-b_1')" },
	{ "toJson", "o", false, fn_to_json, "text", "compact JSON; fails when it holds ${",
		"#toJson({a: 1})" },
	{ "doNotEval", "o", false, fn_do_not_eval, "wrapper", "lets #toJson write ${",
		"#toJson(#doNotEval({a: '$' + '{b}'}))" },
	{ "readJson", "s", false, fn_read_json, "map or list", "JSON as a value",
		"#readJson('{\"a\":1}').a" },
	{ "readYaml", "s", false, fn_read_yaml, "value", "one YAML document", "#readYaml('a: 1').a" },
	{ "readAllYaml", "s", false, fn_read_all_yaml, "list", "all YAML documents",
		"#readAllYaml('a: 1')[0].a" },
	{ "fetchReference", "s", false, fn_fetch_reference, "text",
		"the text itself; what ref://… names is not stored here", "#fetchReference('a')" },
	/* network */
	{ "fromUrl", "s", false, fn_from_url, "text", "what a URL answers",
		"#fromUrl('https://example.com/a')" },
	{ "jsonFromUrl", "s", false, fn_json_from_url, "map or list", "the same read as JSON",
		"#jsonFromUrl('https://example.com/a.json').a" },
	{ "yamlFromUrl", "s", false, fn_yaml_from_url, "value", "the same read as YAML",
		"#yamlFromUrl('https://example.com/a.yml').a" },
	{ "propertiesFromUrl", "s", false, fn_properties_from_url, "map",
		"the same read as a Java properties file",
		"#propertiesFromUrl('https://example.com/a.properties')" },
	/* stages and users */
	{ "stage", "s", true, fn_stage, "stage", "the first stage of that name or id",
		"#stage('Bake').status.toString()" },
	{ "stageByRefId", "s", true, fn_stage_by_ref_id, "stage", "the stage of that refId",
		"#stageByRefId('1').name" },
	{ "currentStage", "", true, fn_current_stage, "stage", "the stage being run",
		"#currentStage().name" },
	{ "stageExists", "s", true, fn_stage_exists, "boolean", "whether there is such a stage",
		"#stageExists('Bake')" },
	{ "judgment", "s", true, fn_judgment, "text", "what was chosen at a manual judgment",
		"#judgment('Go?') == 'yes'" },
	{ "judgement", "s", true, fn_judgment, "text", "what was chosen at a manual judgment",
		"#judgement('Go?') == 'yes'" },
	{ "currentUser", "", false, fn_current_user, "text", "who runs it, or anonymous",
		"#currentUser()" },
	/* artifacts and deployments */
	{ "triggerResolvedArtifact", "s", true, fn_trigger_artifact, "artifact",
		"the trigger's bound artifact of that name",
		"#triggerResolvedArtifact('shop').reference" },
	{ "triggerResolvedArtifactByType", "s", true, fn_trigger_artifact_by_type, "artifact",
		"the trigger's bound artifact of that type",
		"#triggerResolvedArtifactByType('docker/image').name" },
	{ "resolvedArtifacts", "", true, fn_resolved_artifacts, "list",
		"the artifacts that stages put out", "#resolvedArtifacts().![name]" },
	{ "deployedServerGroups", "s*", true, fn_deployed_server_groups, "list",
		"server groups that stages (all, or these) deployed",
		"#deployedServerGroups('Servers')[0].serverGroup" },
	{ "manifestLabelValue", "sss", true, fn_manifest_label_value, "text",
		"a label of a manifest that a stage deployed",
		"#manifestLabelValue('Deploy', 'Deployment', 'app')" },
	{ "cfServiceKey", "s", true, fn_cf_service_key, "map", "a Cloud Foundry service key",
		"#cfServiceKey('Key')" },
	/* other services */
	{ "pipelineId", "s", true, fn_pipeline_id, "text",
		"the id of a pipeline of this application", "#pipelineId('Release')" },
	{ "pipelineIdOrNull", "s", true, fn_pipeline_id_or_null, "text", "the same, or null",
		"#pipelineIdOrNull('none')" },
	{ "pipelineIdInApplication", "ss", true, fn_pipeline_id_in_application, "text",
		"the same in another application, or null",
		"#pipelineIdInApplication('Release', 'shop')" },
	{ "applicationMetadata", "s", false, fn_application_metadata, "map",
		"the attributes of an application", "#applicationMetadata('shop').email" },
	{ "canaryConfigNameToId", "ss", false, fn_canary_config_id, "text",
		"the id of a canary configuration; this server keeps none, so it fails",
		"#canaryConfigNameToId('a', 'shop')" },
	{ 0 },
};

const struct function *functions(void)
{
	return table;
}

const struct function *function_find(struct str name)
{
	for (const struct function *function = table; name.length && function->name; function++)
		if (function->name[0] == name.bytes[0] && str_is(name, function->name))
			return function;
	return NULL;
}

static int unknown_function(struct eval *ev, struct str name)
{
	unsigned best = 3;
	const char *near = NULL;
	for (const struct function *function = table; function->name; function++)
		if (str_nearer(name, str_of(function->name), &best))
			near = function->name;
	return fail(ev, FAIL_EVAL, "EL1006E: Function '%.*s' could not be found%s%s%s",
		STR_ARG(name), near ? "; did you mean #" : "", near ? near : "", near ? "?" : "");
}

static int wrong_count(struct eval *ev, const struct function *function, size_t have, size_t wanted)
{
	_cleanup_strbuf_ struct strbuf form = STRBUF_INIT(400);
	java_add_signature(&form, function->name, function->args);
	return fail(ev, FAIL_EVAL,
		"EL1014E: Incorrect number of arguments for function '%s', %zu supplied but function takes %zu: #%s",
		function->name, have, wanted, form.bytes);
}

int function_call(struct eval *ev, const struct node *node, const struct value *args, size_t count,
	struct value *ret)
{
	const struct function *function = node->function;
	if (!function)
		return unknown_function(ev, node->name);
	/* Written out, as the original's rewriting leaves it, or, as authors write it, left out. */
	bool given = function->execution && count > 0 && bean_is_execution(args[0]);
	size_t wanted = strlen(function->args);
	bool variable = wanted && function->args[wanted - 1] == '*';
	size_t have = count - given;
	if (function->execution && !given && node->blank && node->kind == NODE_FUNCTION)
		return fail(ev, FAIL_EVAL,
			"EL1014E: no blank may stand between #%s and its parenthesis",
			function->name);
	if (!variable && have != wanted)
		return wrong_count(ev, function, have, wanted);
	struct value *converted = arena_alloc(&ev->arena, (have + 1) * sizeof(*converted));
	for (size_t i = 0; i < have; i++)
		if (java_convert(ev, function->args[variable ? 0 : i], args[given + i],
			    &converted[i]) < 0)
			return -1;
	struct call call = { .args = converted, .count = have };
	*ret = NULL_VALUE;
	return function->call(ev, &call, ret);
}
