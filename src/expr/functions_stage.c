/* Helpers that look at the execution. Rules: reference of expressions, 4.3 to 4.5. */
#include <string.h>

#include "expr/functions.h"
#include "expr/node.h"

static struct str argument(const struct call *call, size_t index)
{
	return value_str(call->args[index]);
}

#define HINT_STAGES 1000 /* looked at for what was probably meant */

static bool is_missing(const struct call *call, size_t index)
{
	return call->args[index].kind != V_STRING;
}

static ptrdiff_t find(struct eval *ev, const struct call *call, bool by_ref)
{
	if (is_missing(call, 0) || !ev->host || !ev->host->stage_find)
		return -1;
	return ev->host->stage_find(ev->host->data, argument(call, 0), by_ref);
}

/* "; did you mean [Bake]?" for the stage whose text comes nearest to what was asked for, or "". */
static const char *stage_hint(struct eval *ev, const struct call *call, enum expr_stage_text which)
{
	struct str wanted = argument(call, 0);
	size_t count = is_missing(call, 0) ? 0 : bean_stage_count(ev);
	struct str near = { NULL, 0 };
	unsigned best = 3;
	for (size_t i = 0; i < count && i < HINT_STAGES; i++) {
		struct str name = bean_stage_text(ev, (ptrdiff_t)i, which);
		if (name.bytes && str_nearer(wanted, name, &best))
			near = name;
	}
	if (is_missing(call, 0))
		return "; the argument is null: a name is a text, in quotes";
	return near.bytes ? arena_printf(&ev->arena, "; did you mean [%.*s]?", STR_ARG(near)) : "";
}

int fn_stage(struct eval *ev, const struct call *call, struct value *ret)
{
	ptrdiff_t index = find(ev, call, false);
	if (index < 0)
		return fail(ev, FAIL_HELPER,
			"Unable to locate [%.*s] using #stage(%.*s) in execution%s",
			STR_ARG(argument(call, 0)), STR_ARG(argument(call, 0)),
			stage_hint(ev, call, EXPR_STAGE_NAME));
	*ret = bean_stage(ev, index);
	return 0;
}

int fn_stage_by_ref_id(struct eval *ev, const struct call *call, struct value *ret)
{
	ptrdiff_t index = find(ev, call, true);
	if (index < 0)
		return fail(ev, FAIL_HELPER,
			"Unable to locate [%.*s] using #stageByRefId(%.*s) in execution%s",
			STR_ARG(argument(call, 0)), STR_ARG(argument(call, 0)),
			stage_hint(ev, call, EXPR_STAGE_REF_ID));
	*ret = bean_stage(ev, index);
	return 0;
}

int fn_current_stage(struct eval *ev, const struct call *call, struct value *ret)
{
	if (!ev->host || ev->host->current_stage < 0)
		return fail(ev, FAIL_HELPER, "No stage found to be currently executing");
	*ret = bean_stage(ev, ev->host->current_stage);
	return 0;
}

int fn_stage_exists(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(find(ev, call, false) >= 0);
	return 0;
}

static bool field_is(struct val stage, const char *key, struct str text)
{
	struct val value = val_get(stage, key);
	return val_is_string(value) && str_equal(val_as_str(&value), text);
}

static bool stage_is(struct eval *ev, size_t index, enum expr_stage_text which, struct str wanted)
{
	struct str text = bean_stage_text(ev, (ptrdiff_t)index, which);
	return text.bytes && str_equal(text, wanted);
}

int fn_judgment(struct eval *ev, const struct call *call, struct value *ret)
{
	size_t count = bean_stage_count(ev);
	for (size_t i = 0; i < count && !is_missing(call, 0); i++) {
		struct value context = { .kind = V_MAP, .form = FORM_CONTEXT, .stage = (ptrdiff_t)i };
		if (!stage_is(ev, i, EXPR_STAGE_TYPE, STR("manualJudgment")) ||
			!stage_is(ev, i, EXPR_STAGE_NAME, argument(call, 0)))
			continue;
		if (map_get_name(ev, context, STR("judgmentInput"), ret) && ret->kind != V_NULL)
			return eval_step(ev, i / 8);
	}
	return fail(ev, FAIL_HELPER,
		"Unable to locate manual Judgment stage [%.*s] using #judgment(%.*s) in execution%s",
		STR_ARG(argument(call, 0)), STR_ARG(argument(call, 0)),
		find(ev, call, false) >= 0 ? "; the stage of that name has no judgmentInput" :
					     stage_hint(ev, call, EXPR_STAGE_NAME));
}

int fn_current_user(struct eval *ev, const struct call *call, struct value *ret)
{
	const char *user = ev->host ? ev->host->user : NULL;
	if (ev->host && ev->host->current_user)
		user = ev->host->current_user(ev->host->data);
	*ret = eval_text(ev, user && *user ? user : "anonymous");
	return 0;
}

/* The property NAME of BEAN, or null. */
static struct value get(struct eval *ev, struct value bean, const char *name)
{
	struct value value;
	struct node_hint hint;
	hint_init(&hint, str_of(name));
	if (bean.kind != V_BEAN || bean_property(ev, bean, &hint, &value) < 0)
		return NULL_VALUE;
	return value;
}

static int trigger_artifact(struct eval *ev, const struct call *call, const char *field,
	const char *name, struct value *ret)
{
	struct value trigger = get(ev, bean_execution(ev), "trigger");
	struct value list = get(ev, trigger, "resolvedExpectedArtifacts");
	for (size_t i = 0; list.kind == V_LIST && i < seq_count(ev, list); i++) {
		struct value bound = get(ev, seq_at(ev, list, i), "boundArtifact");
		struct value value = get(ev, bound, field);
		if (value.kind == V_STRING && !is_missing(call, 0) &&
			str_equal(value_str(value), argument(call, 0))) {
			*ret = bound;
			return 0;
		}
	}
	return fail(ev, FAIL_HELPER, "Unable to locate artifact [%.*s] using #%s in the trigger",
		STR_ARG(argument(call, 0)), name);
}

int fn_trigger_artifact(struct eval *ev, const struct call *call, struct value *ret)
{
	return trigger_artifact(ev, call, "name", "triggerResolvedArtifact", ret);
}

int fn_trigger_artifact_by_type(struct eval *ev, const struct call *call, struct value *ret)
{
	return trigger_artifact(ev, call, "type", "triggerResolvedArtifactByType", ret);
}

int fn_resolved_artifacts(struct eval *ev, const struct call *call, struct value *ret)
{
	struct seq *seq = seq_new(ev, 8);
	size_t count = bean_stage_count(ev);
	for (size_t i = 0; i < count; i++) {
		struct val outputs = bean_stage_field(ev, (ptrdiff_t)i, STR("outputs"));
		struct val artifacts = val_get(outputs, "artifacts");
		for (size_t k = 0; val_is_list(artifacts) && k < val_count(artifacts); k++)
			seq_push(ev, seq, value_of_val(ev, val_at(artifacts, k)));
	}
	*ret = value_of_seq(V_LIST, seq);
	return eval_step(ev, count + seq->count);
}

static bool is_deployment(struct eval *ev, size_t index)
{
	static const struct str types[] = { { "deploy", 6 }, { "createServerGroup", 17 },
		{ "cloneServerGroup", 16 }, { "rollingPush", 11 } };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (stage_is(ev, index, EXPR_STAGE_TYPE, types[i]))
			return stage_is(ev, index, EXPR_STAGE_STATUS, STR("SUCCEEDED"));
	return false;
}

/* kato.tasks[].resultObjects[].deployments[] */
static struct value deployments(struct eval *ev, struct val context)
{
	struct seq *seq = seq_new(ev, 4);
	struct val tasks = val_get(context, "kato.tasks");
	for (size_t i = 0; val_is_list(tasks) && i < val_count(tasks); i++) {
		struct val results = val_get(val_at(tasks, i), "resultObjects");
		for (size_t k = 0; val_is_list(results) && k < val_count(results); k++) {
			struct val list = val_get(val_at(results, k), "deployments");
			for (size_t m = 0; val_is_list(list) && m < val_count(list); m++)
				seq_push(ev, seq, value_of_val(ev, val_at(list, m)));
		}
	}
	return value_of_seq(V_LIST, seq);
}

static void put(struct eval *ev, struct table *table, const char *key, struct value value)
{
	table_put(ev, table, eval_text(ev, key), value);
}

/* The entry of one stage; false when it has no region. */
static bool server_group(struct eval *ev, struct val context, struct value *ret)
{
	static const char *const copied[] = { "account", "capacity", "parentStage" };
	struct val zones = val_get(context, "availabilityZones");
	struct val region = val_get(context, "region");
	struct value name = value_of_val(ev, region);
	if (name.kind != V_STRING && val_is_map(zones) && val_count(zones))
		name = value_string(val_key_at(zones, 0));
	if (name.kind != V_STRING)
		return false;
	struct table *table = table_new(ev, 8);
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		put(ev, table, copied[i], value_of_val(ev, val_get(context, copied[i])));
	put(ev, table, "region", name);
	struct val details = val_get(context, "deploymentDetails");
	for (size_t i = 0; val_is_list(details) && i < val_count(details); i++) {
		struct val detail = val_at(details, i);
		for (size_t k = 0;
			field_is(detail, "region", value_str(name)) && k < val_count(detail); k++)
			table_put(ev, table, value_string(val_key_at(detail, k)),
				value_of_val(ev, val_value_at(detail, k)));
	}
	struct val groups = val_get_str(val_get(context, "deploy.server.groups"), value_str(name));
	put(ev, table, "serverGroup", value_of_val(ev, val_at(groups, 0)));
	put(ev, table, "deployments", deployments(ev, context));
	*ret = value_of_table(table);
	return true;
}

static bool is_wanted(struct eval *ev, const struct call *call, size_t index)
{
	if (call->count == 0)
		return true;
	for (size_t i = 0; i < call->count; i++)
		if (!is_missing(call, i) &&
			(stage_is(ev, index, EXPR_STAGE_NAME, argument(call, i)) ||
				stage_is(ev, index, EXPR_STAGE_ID, argument(call, i))))
			return true;
	return false;
}

int fn_deployed_server_groups(struct eval *ev, const struct call *call, struct value *ret)
{
	struct seq *seq = seq_new(ev, 4);
	size_t count = bean_stage_count(ev);
	for (size_t i = 0; i < count; i++) {
		if (!is_deployment(ev, i) || !is_wanted(ev, call, i))
			continue;
		struct val context = bean_stage_field(ev, (ptrdiff_t)i, STR("context"));
		struct value entry;
		if (val_has(context, "deploy.server.groups") && server_group(ev, context, &entry))
			seq_push(ev, seq, entry);
	}
	*ret = value_of_seq(V_LIST, seq);
	return eval_step(ev, count);
}

/* The context of the first stage of TYPE with that name (or id) that succeeded. */
static struct val succeeded_context(struct eval *ev, struct str type, struct str name, bool or_id)
{
	size_t count = bean_stage_count(ev);
	for (size_t i = 0; i < count; i++) {
		bool named = stage_is(ev, i, EXPR_STAGE_NAME, name) ||
			(or_id && stage_is(ev, i, EXPR_STAGE_ID, name));
		if (named && stage_is(ev, i, EXPR_STAGE_TYPE, type) &&
			stage_is(ev, i, EXPR_STAGE_STATUS, STR("SUCCEEDED")))
			return bean_stage_field(ev, (ptrdiff_t)i, STR("context"));
	}
	return VAL_NULL;
}

int fn_manifest_label_value(struct eval *ev, const struct call *call, struct value *ret)
{
	if (is_missing(call, 0) || is_missing(call, 1) || is_missing(call, 2))
		return fail(ev, FAIL_HELPER, "#manifestLabelValue: an argument is null");
	struct str kind = argument(call, 1);
	if (!str_is(kind, "Deployment") && !str_is(kind, "ReplicaSet"))
		return fail(ev, FAIL_ARGUMENT,
			"Only Deployments and ReplicaSets are valid kinds for this function");
	struct val context = succeeded_context(ev, STR("deployManifest"), argument(call, 0), false);
	struct val manifests = val_get(context, "outputs.manifests");
	for (size_t i = 0; val_is_list(manifests) && i < val_count(manifests); i++) {
		struct val manifest = val_at(manifests, i);
		if (!field_is(manifest, "kind", kind))
			continue;
		struct val labels = val_path(manifest, "spec.template.metadata.labels");
		struct val label = val_get_str(labels, argument(call, 2));
		if (val_is_null(label))
			break;
		*ret = value_of_val(ev, label);
		return 0;
	}
	return fail(ev, FAIL_HELPER,
		"No label %.*s of a manifest of kind %.*s was found in a successful stage named %.*s",
		STR_ARG(argument(call, 2)), STR_ARG(kind), STR_ARG(argument(call, 0)));
}

int fn_cf_service_key(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_of_table(table_new(ev, 0));
	if (is_missing(call, 0))
		return 0;
	struct val context = succeeded_context(ev, STR("createServiceKey"), argument(call, 0), true);
	struct val task = val_at(val_get(context, "kato.tasks"), 0);
	struct val key = val_get(val_at(val_get(task, "resultObjects"), 0), "serviceKey");
	if (val_is_map(key))
		*ret = value_of_val(ev, key);
	return 0;
}

static int pipeline_id(struct eval *ev, struct str name, const char *application, struct value *ret)
{
	if (!ev->host || !ev->host->pipeline_id)
		return fail(ev, FAIL_HELPER, "pipelines cannot be looked up here");
	if (ev->limits.no_io)
		return fail(ev, FAIL_BUDGET, "a pipeline is looked up");
	_cleanup_err_ struct err err = ERR_INIT;
	struct val id = ev->host->pipeline_id(ev->host->data, name, application, &err);
	if (err.kind)
		return fail(ev, FAIL_HELPER, "the pipeline cannot be looked up: %s", err_text(&err));
	*ret = value_of_val(ev, eval_hold(ev, id));
	return 0;
}

int fn_pipeline_id_or_null(struct eval *ev, const struct call *call, struct value *ret)
{
	if (is_missing(call, 0) || call->args[0].length == 0)
		return fail(ev, FAIL_ARGUMENT, "pipelineName must be specified for #pipelineId");
	return pipeline_id(ev, argument(call, 0), NULL, ret);
}

int fn_pipeline_id(struct eval *ev, const struct call *call, struct value *ret)
{
	if (fn_pipeline_id_or_null(ev, call, ret) < 0)
		return -1;
	if (ret->kind == V_NULL)
		return fail(ev, FAIL_HELPER,
			"Pipeline with name '%.*s' could not be found in this application",
			STR_ARG(argument(call, 0)));
	return 0;
}

int fn_pipeline_id_in_application(struct eval *ev, const struct call *call, struct value *ret)
{
	if (is_missing(call, 1) || call->args[1].length == 0)
		return fail(ev, FAIL_ARGUMENT,
			"applicationName must be specified for #pipelineIdInApplication");
	if (is_missing(call, 0))
		return fail(ev, FAIL_ARGUMENT,
			"pipelineName must be specified for #pipelineIdInApplication");
	const char *application = arena_copy(&ev->arena, argument(call, 1));
	return pipeline_id(ev, argument(call, 0), application, ret);
}

int fn_application_metadata(struct eval *ev, const struct call *call, struct value *ret)
{
	if (is_missing(call, 0))
		return fail(ev, FAIL_HELPER, "#applicationMetadata: the name is null");
	if (!ev->host || !ev->host->application)
		return fail(ev, FAIL_HELPER, "applications cannot be looked up here");
	if (ev->limits.no_io)
		return fail(ev, FAIL_BUDGET, "an application is looked up");
	_cleanup_err_ struct err err = ERR_INIT;
	struct val attributes = ev->host->application(ev->host->data, argument(call, 0), &err);
	if (err.kind)
		return fail(
			ev, FAIL_HELPER, "the application cannot be looked up: %s", err_text(&err));
	if (val_is_null(attributes))
		return fail(ev, FAIL_HELPER, "Application '%.*s' could not be found",
			STR_ARG(argument(call, 0)));
	*ret = value_of_val(ev, eval_hold(ev, attributes));
	return 0;
}

/* Canary configurations belong to a service that is not part of this server: there is none of any name. */
int fn_canary_config_id(struct eval *ev, const struct call *call, struct value *ret)
{
	if (is_missing(call, 0) || is_missing(call, 1) || !call->args[0].length ||
		!call->args[1].length)
		return fail(ev, FAIL_ARGUMENT,
			"name and application must be specified for #canaryConfigNameToId");
	return fail(ev, FAIL_HELPER,
		"Canary config '%.*s' could not be found: this server keeps no canary configurations",
		STR_ARG(argument(call, 0)));
}
