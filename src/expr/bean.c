/*
 * The typed objects of the root: execution, stage, task, trigger and what hangs on them. A property is one row; a name without a row
 * does not exist, as in the original. Rules: reference of expressions, section 3.
 */
#include <string.h>

#include "base/alloc.h"
#include "expr/graph.h"
#include "expr/java.h"
#include "expr/status.h"

/* How a property is read from the JSON; what is missing is null, or the default of a Java primitive. */
enum bean_read {
	READ_ANY,   /* whatever it is: rows leave it out */
	READ_LONG,  /* java.lang.Long */
	READ_FLAG,  /* boolean, false when missing */
	READ_COUNT, /* int, 0 when missing */
	READ_STATUS,
	READ_BEAN,  /* of .class */
	READ_BEANS, /* a list of them */
	READ_TEXT,  /* with .otherwise when missing */
	READ_LIST,  /* empty when missing */
	READ_MAP,   /* empty when missing */
	READ_CALL,
};

struct bean_property {
	const char *name;
	enum bean_read read;
	const struct bean_class *class;
	const char *otherwise;
	int (*call)(struct eval *ev, const struct bean *bean, struct value *ret);
	const char *only; /* for triggers: the types that have it, NULL = all */
};

struct bean_class {
	const char *name;
	const struct bean_property *properties;
	const struct java_method *methods;
};

static const struct bean_class execution_class, stage_class;

static struct value new_bean(
	struct eval *ev, const struct bean_class *class, struct val json, ptrdiff_t stage)
{
	struct bean *bean = arena_new(&ev->arena, struct bean);
	*bean = (struct bean){ .class = class, .json = json, .stage = stage };
	return (struct value){ .kind = V_BEAN, .bean = bean };
}

/* Stages */

size_t bean_stage_count(struct eval *ev)
{
	if (!ev->stages && ev->host && ev->host->stage_count) {
		ev->stage_count = ev->host->stage_count(ev->host->data);
		ev->stages = xcalloc(ev->stage_count + 1, sizeof(*ev->stages));
		ev->stage_loaded = xcalloc(ev->stage_count + 1, sizeof(*ev->stage_loaded));
		ev->stage_beans = xmalloc((ev->stage_count + 1) * sizeof(*ev->stage_beans));
		for (size_t i = 0; i < ev->stage_count; i++)
			ev->stage_beans[i] = (struct bean){ &stage_class, VAL_NULL, (ptrdiff_t)i };
	}
	return ev->stage_count;
}

struct val bean_stage_json(struct eval *ev, ptrdiff_t index)
{
	if (index < 0 || (size_t)index >= bean_stage_count(ev))
		return VAL_NULL;
	if (!ev->stage_loaded[index]) {
		ev->stages[index] = ev->host->stage(ev->host->data, (size_t)index);
		ev->stage_loaded[index] = true;
	}
	return ev->stages[index];
}

struct value bean_stage(struct eval *ev, ptrdiff_t index)
{
	if (index < 0 || (size_t)index >= bean_stage_count(ev))
		return NULL_VALUE;
	return (struct value){ .kind = V_BEAN, .bean = &ev->stage_beans[index] };
}

static struct val stage_of_graph(void *data, size_t index)
{
	return bean_stage_json(data, (ptrdiff_t)index);
}

static struct graph stage_graph(struct eval *ev)
{
	return (struct graph){ .count = bean_stage_count(ev), .stage = stage_of_graph, .data = ev };
}

/* Takes LIST. */
static void stages_of(struct eval *ev, graph_list *list, struct value *ret)
{
	struct seq *seq = seq_new(ev, list->count);
	for (size_t i = 0; i < list->count; i++)
		seq_push(ev, seq, bean_stage(ev, (ptrdiff_t)list->items[i]));
	vec_free(list);
	*ret = value_of_seq(V_LIST, seq);
}

static int stage_execution(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = bean_execution(ev);
	return 0;
}

static int stage_context(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = (struct value){ .kind = V_MAP, .form = FORM_CONTEXT, .stage = bean->stage };
	return 0;
}

static ptrdiff_t parent_of(struct eval *ev, ptrdiff_t index)
{
	struct graph graph = stage_graph(ev);
	return graph_find_id(&graph, val_get(bean_stage_json(ev, index), "parentStageId"));
}

static int stage_parent(struct eval *ev, const struct bean *bean, struct value *ret)
{
	ptrdiff_t parent = parent_of(ev, bean->stage);
	*ret = parent >= 0 ? bean_stage(ev, parent) : NULL_VALUE;
	return 0;
}

static int stage_top_level(struct eval *ev, const struct bean *bean, struct value *ret)
{
	ptrdiff_t index = bean->stage;
	/* Bounded by the number of stages, in case the parents make a ring. */
	for (size_t i = 0; i < bean_stage_count(ev); i++) {
		ptrdiff_t parent = parent_of(ev, index);
		if (parent < 0)
			break;
		index = parent;
	}
	*ret = bean_stage(ev, index);
	return 0;
}

static int has_status(struct eval *ev, const struct bean *bean, const char *name, struct value *ret)
{
	const char *status = val_get_text(bean_json(ev, bean), "status", "");
	*ret = value_bool(strcmp(status, name) == 0);
	return 0;
}

static int stage_succeeded(struct eval *ev, const struct bean *bean, struct value *ret)
{
	return has_status(ev, bean, "SUCCEEDED", ret);
}

static int stage_failed(struct eval *ev, const struct bean *bean, struct value *ret)
{
	return has_status(ev, bean, "TERMINAL", ret);
}

static int context_flag(struct eval *ev, const struct bean *bean, const char *key, struct value *ret)
{
	struct val context = val_get(bean_json(ev, bean), "context");
	*ret = value_bool(val_get_bool(context, key, false));
	return 0;
}

static int stage_continues(struct eval *ev, const struct bean *bean, struct value *ret)
{
	return context_flag(ev, bean, "continuePipelineOnFailure", ret);
}

static int stage_allows_siblings(struct eval *ev, const struct bean *bean, struct value *ret)
{
	if (parent_of(ev, bean->stage) >= 0) {
		*ret = value_bool(false);
		return 0;
	}
	return context_flag(ev, bean, "allowSiblingStagesToContinueOnFailure", ret);
}

static int stage_join(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = value_bool(val_count(val_get(bean_json(ev, bean), "requisiteStageRefIds")) > 1);
	return 0;
}

static int stage_is_judgment(struct eval *ev, const struct bean *bean, struct value *ret)
{
	const char *type = val_get_text(bean_json(ev, bean), "type", "");
	*ret = value_bool(strcmp(type, "manualJudgment") == 0);
	return 0;
}

static int ancestors(struct eval *ev, const struct call *call, struct value *ret)
{
	struct graph graph = stage_graph(ev);
	graph_list list = { 0 };
	graph_ancestors(&graph, (size_t)call->self.bean->stage, &list);
	stages_of(ev, &list, ret);
	return eval_step(ev, graph.count);
}

static int direct_ancestors(struct eval *ev, const struct call *call, struct value *ret)
{
	struct graph graph = stage_graph(ev);
	graph_list list = { 0 };
	graph_before(&graph, (size_t)call->self.bean->stage, &list);
	stages_of(ev, &list, ret);
	return eval_step(ev, graph.count);
}

static int direct_children(struct eval *ev, const struct call *call, struct value *ret)
{
	struct graph graph = stage_graph(ev);
	graph_list list = { 0 };
	graph_children(&graph, (size_t)call->self.bean->stage, &list);
	stages_of(ev, &list, ret);
	return eval_step(ev, graph.count);
}

static int downstream(struct eval *ev, const struct call *call, struct value *ret)
{
	struct graph graph = stage_graph(ev);
	graph_list list = { 0 };
	graph_after(&graph, (size_t)call->self.bean->stage, false, &list);
	stages_of(ev, &list, ret);
	return eval_step(ev, graph.count);
}

static int all_downstream(struct eval *ev, const struct call *call, struct value *ret)
{
	struct graph graph = stage_graph(ev);
	graph_list list = { 0 };
	graph_after(&graph, (size_t)call->self.bean->stage, true, &list);
	stages_of(ev, &list, ret);
	return eval_step(ev, graph.count);
}

static const struct java_method stage_methods[] = {
	{ "ancestors", "", "List", ancestors, "the stage and all before it, nearest first" },
	{ "directAncestors", "", "List", direct_ancestors, "the stages it waits for" },
	{ "directChildren", "", "List", direct_children, "its synthetic stages" },
	{ "downstreamStages", "", "List", downstream, "the stages that wait for it" },
	{ "allDownstreamStages", "", "List", all_downstream, "these and all behind them" },
	{ 0 },
};

static const struct bean_class task_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.TaskExecutionImpl",
	.properties =
		(const struct bean_property[]){
			{ .name = "id" },
			{ .name = "implementingClass" },
			{ .name = "name" },
			{ .name = "startTime", .read = READ_LONG },
			{ .name = "endTime", .read = READ_LONG },
			{ .name = "status", .read = READ_STATUS },
			{ .name = "stageStart", .read = READ_FLAG },
			{ .name = "stageEnd", .read = READ_FLAG },
			{ .name = "loopStart", .read = READ_FLAG },
			{ .name = "loopEnd", .read = READ_FLAG },
			{ .name = "taskExceptionDetails", .read = READ_MAP },
			{ 0 },
		},
};

static const struct bean_class stage_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.StageExecutionImpl",
	.methods = stage_methods,
	.properties =
		(const struct bean_property[]){
			{ .name = "id" },
			{ .name = "refId" },
			{ .name = "type" },
			{ .name = "name" },
			{ .name = "execution", .read = READ_CALL, .call = stage_execution },
			{ .name = "startTime", .read = READ_LONG },
			{ .name = "endTime", .read = READ_LONG },
			{ .name = "startTimeExpiry", .read = READ_LONG },
			{ .name = "status", .read = READ_STATUS },
			{ .name = "context", .read = READ_CALL, .call = stage_context },
			{ .name = "outputs", .read = READ_MAP },
			{ .name = "tasks", .read = READ_BEANS, .class = &task_class },
			{ .name = "parentStageId" },
			{ .name = "requisiteStageRefIds", .read = READ_LIST },
			{ .name = "scheduledTime", .read = READ_LONG },
			{ .name = "additionalMetricTags" },
			{ .name = "parent", .read = READ_CALL, .call = stage_parent },
			{ .name = "topLevelStage", .read = READ_CALL, .call = stage_top_level },
			{ .name = "hasSucceeded", .read = READ_CALL, .call = stage_succeeded },
			{ .name = "hasFailed", .read = READ_CALL, .call = stage_failed },
			{ .name = "allowSiblingStagesToContinueOnFailure",
				.read = READ_CALL,
				.call = stage_allows_siblings },
			{ .name = "continuePipelineOnFailure",
				.read = READ_CALL,
				.call = stage_continues },
			{ .name = "join", .read = READ_CALL, .call = stage_join },
			{ .name = "manualJudgmentType", .read = READ_CALL, .call = stage_is_judgment },
			{ 0 },
		},
};

/* The trigger and what it holds */

static const struct bean_class artifact_class = {
	.name = "com.netflix.spinnaker.kork.artifacts.model.Artifact",
	.properties =
		(const struct bean_property[]){
			{ .name = "type" },
			{ .name = "name" },
			{ .name = "version" },
			{ .name = "location" },
			{ .name = "reference" },
			{ .name = "metadata", .read = READ_MAP },
			{ .name = "artifactAccount" },
			{ .name = "provenance" },
			{ .name = "uuid" },
			{ .name = "customKind", .read = READ_FLAG },
			{ 0 },
		},
};

static const struct bean_class expected_artifact_class = {
	.name = "com.netflix.spinnaker.kork.artifacts.model.ExpectedArtifact",
	.properties =
		(const struct bean_property[]){
			{ .name = "id" },
			{ .name = "matchArtifact", .read = READ_BEAN, .class = &artifact_class },
			{ .name = "usePriorArtifact", .read = READ_FLAG },
			{ .name = "useDefaultArtifact", .read = READ_FLAG },
			{ .name = "defaultArtifact", .read = READ_BEAN, .class = &artifact_class },
			{ .name = "boundArtifact", .read = READ_BEAN, .class = &artifact_class },
			{ 0 },
		},
};

static const struct bean_class scm_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.SourceControl",
	.properties =
		(const struct bean_property[]){
			{ .name = "name" },
			{ .name = "branch" },
			{ .name = "sha1" },
			{ 0 },
		},
};

static const struct bean_class build_info_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.JenkinsBuildInfo",
	.properties =
		(const struct bean_property[]){
			{ .name = "name" },
			{ .name = "number", .read = READ_COUNT },
			{ .name = "url" },
			{ .name = "result" },
			{ .name = "artifacts", .read = READ_LIST },
			{ .name = "scm", .read = READ_BEANS, .class = &scm_class },
			{ .name = "building", .read = READ_FLAG },
			{ .name = "fullDisplayName" },
			{ 0 },
		},
};

#define CI_TYPES "jenkins travis wercker concourse"

/* Keys of the trigger that have no property of their own. */
static int trigger_other(struct eval *ev, const struct bean *bean, struct value *ret);

static int trigger_parent_execution(struct eval *ev, const struct bean *bean, struct value *ret)
{
	struct val json = val_get(bean->json, "parentExecution");
	*ret = val_is_null(json) ? NULL_VALUE : new_bean(ev, &execution_class, json, -1);
	return 0;
}

static const struct bean_class trigger_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.DefaultTrigger",
	.properties =
		(const struct bean_property[]){
			{ .name = "type", .read = READ_TEXT, .otherwise = "none" },
			{ .name = "correlationId" },
			{ .name = "user", .read = READ_TEXT, .otherwise = "[anonymous]" },
			{ .name = "parameters", .read = READ_MAP },
			{ .name = "artifacts", .read = READ_BEANS, .class = &artifact_class },
			{ .name = "notifications", .read = READ_LIST },
			{ .name = "rebake", .read = READ_FLAG },
			{ .name = "dryRun", .read = READ_FLAG },
			{ .name = "strategy", .read = READ_FLAG },
			{ .name = "resolvedExpectedArtifacts",
				.read = READ_BEANS,
				.class = &expected_artifact_class },
			{ .name = "other", .read = READ_CALL, .call = trigger_other },
			{ .name = "master", .only = CI_TYPES },
			{ .name = "job", .only = CI_TYPES },
			{ .name = "buildNumber", .read = READ_COUNT, .only = CI_TYPES },
			{ .name = "propertyFile", .only = CI_TYPES },
			{ .name = "buildInfo",
				.read = READ_BEAN,
				.class = &build_info_class,
				.only = CI_TYPES },
			{ .name = "properties", .read = READ_MAP, .only = CI_TYPES },
			{ .name = "hash", .only = "git" },
			{ .name = "source", .only = "git" },
			{ .name = "project", .only = "git" },
			{ .name = "branch", .only = "git" },
			{ .name = "slug", .only = "git" },
			{ .name = "action", .only = "git" },
			{ .name = "account", .only = "docker" },
			{ .name = "repository", .only = "docker helm" },
			{ .name = "tag", .only = "docker" },
			{ .name = "parentExecution",
				.read = READ_CALL,
				.call = trigger_parent_execution,
				.only = "pipeline" },
			{ .name = "parentPipelineStageId", .only = "pipeline" },
			{ 0 },
		},
};

/* Whether TYPES names TYPE as one of its words. */
static bool has_word(const char *types, const char *type)
{
	size_t length = strlen(type);
	for (const char *at = types; (at = strstr(at, type)) != NULL; at += length)
		if ((at == types || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return length > 0;
	return false;
}

static bool applies(struct eval *ev, const struct bean *bean, const struct bean_property *property)
{
	if (!property->only)
		return true;
	return has_word(property->only, val_get_text(bean_json(ev, bean), "type", "none"));
}

static const struct bean_property *find_property(
	struct eval *ev, const struct bean *bean, struct str name)
{
	const struct bean_property *row = bean->class->properties;
	for (; row && row->name && name.length; row++)
		if (row->name[0] == name.bytes[0] && str_is(name, row->name) && applies(ev, bean, row))
			return row;
	return NULL;
}

static int trigger_other(struct eval *ev, const struct bean *bean, struct value *ret)
{
	struct table *table = table_new(ev, 4);
	for (size_t i = 0; i < val_count(bean->json); i++) {
		struct str key = val_key_at(bean->json, i);
		if (!find_property(ev, bean, key))
			table_put(ev, table, value_string(key),
				value_of_val(ev, val_value_at(bean->json, i)));
	}
	*ret = value_of_table(table);
	return 0;
}

/* The execution */

static const struct bean_class authentication_class = {
	.name = "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution.AuthenticationDetails",
	.properties =
		(const struct bean_property[]){
			{ .name = "user" },
			{ .name = "allowedAccounts", .read = READ_LIST },
			{ 0 },
		},
};

static int paused_flag(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = value_bool(!val_is_null(val_get(bean->json, "pauseTime")) &&
		val_is_null(val_get(bean->json, "resumeTime")));
	return 0;
}

static int paused_ms(struct eval *ev, const struct bean *bean, struct value *ret)
{
	int64_t from = val_get_int(bean->json, "pauseTime", 0);
	int64_t to = val_get_int(bean->json, "resumeTime", 0);
	*ret = value_long(from && to ? to - from : 0);
	return 0;
}

static const struct bean_class paused_class = {
	.name = "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution.PausedDetails",
	.properties =
		(const struct bean_property[]){
			{ .name = "pausedBy" },
			{ .name = "resumedBy" },
			{ .name = "pauseTime", .read = READ_LONG },
			{ .name = "resumeTime", .read = READ_LONG },
			{ .name = "paused", .read = READ_CALL, .call = paused_flag },
			{ .name = "pausedMs", .read = READ_CALL, .call = paused_ms },
			{ 0 },
		},
};

static int execution_stages(struct eval *ev, const struct bean *bean, struct value *ret)
{
	/* A parent's stages are part of its JSON. */
	if (bean != &ev->execution_bean) {
		*ret = value_of_val(ev, val_get(bean->json, "stages"));
		return 0;
	}
	size_t count = bean_stage_count(ev);
	struct seq *seq = seq_new(ev, count);
	for (size_t i = 0; i < count; i++)
		seq_push(ev, seq, bean_stage(ev, (ptrdiff_t)i));
	*ret = value_of_seq(V_LIST, seq);
	return eval_step(ev, count / 8);
}

static const struct bean_class execution_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.PipelineExecutionImpl",
	.properties =
		(const struct bean_property[]){
			{ .name = "id" },
			{ .name = "application" },
			{ .name = "name" },
			{ .name = "buildTime", .read = READ_LONG },
			{ .name = "canceled", .read = READ_FLAG },
			{ .name = "canceledBy" },
			{ .name = "cancellationReason" },
			{ .name = "limitConcurrent", .read = READ_FLAG },
			{ .name = "maxConcurrentExecutions", .read = READ_COUNT },
			{ .name = "keepWaitingPipelines", .read = READ_FLAG },
			{ .name = "context", .read = READ_MAP },
			{ .name = "stages", .read = READ_CALL, .call = execution_stages },
			{ .name = "startTime", .read = READ_LONG },
			{ .name = "endTime", .read = READ_LONG },
			{ .name = "startTimeExpiry", .read = READ_LONG },
			{ .name = "status", .read = READ_STATUS },
			{ .name = "authentication", .read = READ_BEAN, .class = &authentication_class },
			{ .name = "paused", .read = READ_BEAN, .class = &paused_class },
			{ .name = "origin" },
			{ .name = "trigger", .read = READ_BEAN, .class = &trigger_class },
			{ .name = "description" },
			{ .name = "pipelineConfigId" },
			{ .name = "notifications", .read = READ_LIST },
			{ .name = "spelEvaluator" },
			{ .name = "templateVariables" },
			{ .name = "partition" },
			{ 0 },
		},
};

struct value bean_execution(struct eval *ev)
{
	if (!ev->execution_bean.class) {
		if (!ev->host || !ev->host->execution)
			return NULL_VALUE;
		ev->execution_bean.json = ev->host->execution(ev->host->data);
		ev->execution_bean.class = &execution_class;
		ev->execution_bean.stage = -1;
	}
	if (val_is_null(ev->execution_bean.json))
		return NULL_VALUE;
	return (struct value){ .kind = V_BEAN, .bean = &ev->execution_bean };
}

bool bean_is_execution(struct value value)
{
	return value.kind == V_BEAN && value.bean->class == &execution_class;
}

/* The execution without its stages, a stage with all it has. */
struct val bean_json(struct eval *ev, const struct bean *bean)
{
	return bean->class == &stage_class ? bean_stage_json(ev, bean->stage) : bean->json;
}

const char *bean_type_name(const struct bean *bean)
{
	return bean->class->name;
}

const struct java_method *bean_methods(const struct bean *bean)
{
	return bean->class->methods;
}

/* An entry of a map: its key and value cannot be read in the original, and so not here. */
static const struct bean_class entry_class = { .name = "java.util.Map.Entry" };

struct value bean_entry(struct eval *ev)
{
	return new_bean(ev, &entry_class, VAL_NULL, -1);
}

static struct value empty(struct eval *ev, enum bean_read read)
{
	if (read == READ_MAP)
		return value_of_table(table_new(ev, 0));
	return value_of_seq(V_LIST, seq_new(ev, 0));
}

static struct value beans(struct eval *ev, const struct bean_class *class, struct val list)
{
	size_t count = val_is_list(list) ? val_count(list) : 0;
	struct seq *seq = seq_new(ev, count);
	for (size_t i = 0; i < count; i++)
		seq_push(ev, seq, new_bean(ev, class, val_at(list, i), -1));
	return value_of_seq(V_LIST, seq);
}

static struct value status_value(struct val json)
{
	int index = val_is_string(json) ? status_find(val_as_str(&json)) : -1;
	if (index < 0)
		index = status_find(STR("NOT_STARTED"));
	return (struct value){ .kind = V_STATUS, .integer = index };
}

static struct value read_json(struct eval *ev, const struct bean_property *row, struct val json)
{
	int64_t integer;
	bool flag = false;
	switch (row->read) {
	case READ_LONG:
		return val_as_int(json, &integer) ? value_long(integer) : value_of_val(ev, json);
	case READ_COUNT:
		return value_int(val_as_int(json, &integer) ? integer : 0);
	case READ_FLAG:
		return value_bool(val_as_bool(json, &flag) && flag);
	case READ_STATUS:
		return status_value(json);
	case READ_BEAN:
		return val_is_map(json) ? new_bean(ev, row->class, json, -1) : NULL_VALUE;
	case READ_BEANS:
		return beans(ev, row->class, json);
	case READ_TEXT:
		return val_is_string(json) ? value_of_val(ev, json) : eval_text(ev, row->otherwise);
	case READ_LIST:
	case READ_MAP:
		return val_is_null(json) ? empty(ev, row->read) : value_of_val(ev, json);
	default:
		return value_of_val(ev, json);
	}
}

int bean_property(struct eval *ev, struct value target, struct str name, struct value *ret)
{
	const struct bean *bean = target.bean;
	const struct bean_property *row = find_property(ev, bean, name);
	if (!row) {
		unsigned distance = 3;
		const char *near = NULL;
		for (const struct bean_property *at = bean->class->properties; at && at->name; at++) {
			unsigned here = str_distance(name, str_of(at->name), distance);
			if (here < distance) {
				distance = here;
				near = at->name;
			}
		}
		return fail(ev, FAIL_EVAL,
			"EL1008E: Property or field '%.*s' cannot be found on object of type '%s' - maybe not public or not valid?%s%s%s",
			STR_ARG(name), bean->class->name, near ? " Did you mean '" : "",
			near ? near : "", near ? "'?" : "");
	}
	if (row->read == READ_CALL)
		return row->call(ev, bean, ret);
	*ret = read_json(ev, row, val_get_str(bean_json(ev, bean), name));
	return 0;
}
