/* Stages and their tasks as typed objects. Private to expr. */
#include "base/alloc.h"
#include "expr/bean.h"
#include "expr/graph.h"

size_t bean_stage_count(struct eval *ev)
{
	if (!ev->stages && ev->host && ev->host->stage_count) {
		ev->stage_count = ev->host->stage_count(ev->host->data);
		ev->stages = xcalloc(ev->stage_count + 1, sizeof(*ev->stages));
	}
	return ev->stage_count;
}

void bean_stages_free(struct eval *ev)
{
	for (size_t i = 0; i < ev->stage_count; i++)
		if (ev->stages[i].loaded)
			val_free(&ev->stages[i].json);
	free(ev->stages);
}

static inline bool is_stage(struct eval *ev, ptrdiff_t index)
{
	return index >= 0 && (size_t)index < (ev->stages ? ev->stage_count : bean_stage_count(ev));
}

struct val bean_stage_json(struct eval *ev, ptrdiff_t index)
{
	if (!is_stage(ev, index))
		return VAL_NULL;
	struct stage_slot *slot = &ev->stages[index];
	if (!slot->loaded) {
		slot->json = ev->host->stage(ev->host->data, (size_t)index);
		slot->loaded = true;
	}
	return slot->json;
}

struct val bean_stage_field(struct eval *ev, ptrdiff_t index, struct str key)
{
	if (!is_stage(ev, index))
		return VAL_NULL;
	if (!ev->host->stage_field || ev->stages[index].loaded)
		return val_get_str(bean_stage_json(ev, index), key);
	struct val made;
	const struct val *found = ev->host->stage_field(ev->host->data, (size_t)index, key, &made);
	return !found ? VAL_NULL : found == &made ? eval_hold(ev, made) : *found;
}

struct str bean_stage_text_otherwise(struct eval *ev, ptrdiff_t index, enum expr_stage_text text)
{
	static const char *const keys[] = {
		[EXPR_STAGE_ID] = "id",
		[EXPR_STAGE_REF_ID] = "refId",
		[EXPR_STAGE_NAME] = "name",
		[EXPR_STAGE_TYPE] = "type",
		[EXPR_STAGE_STATUS] = "status",
	};
	if (!is_stage(ev, index))
		return (struct str){ NULL, 0 };
	if (ev->host->stage_text)
		return ev->host->stage_text(ev->host->data, (size_t)index, text);
	struct value value = value_of_val(ev, bean_stage_field(ev, index, str_of(keys[text])));
	return value.kind == V_STRING ? value_str(value) : (struct str){ NULL, 0 };
}

struct value bean_stage(struct eval *ev, ptrdiff_t index)
{
	if (!is_stage(ev, index))
		return NULL_VALUE;
	struct bean *bean = &ev->stages[index].bean;
	bean->class = &bean_stage_class;
	bean->stage = index;
	return (struct value){ .kind = V_BEAN, .bean = bean };
}

static struct val field_of_graph(void *data, size_t index, struct str key)
{
	return bean_stage_field(data, (ptrdiff_t)index, key);
}

static struct graph stage_graph(struct eval *ev)
{
	return (struct graph){ .count = bean_stage_count(ev), .field = field_of_graph, .data = ev };
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
	return graph_find_id(&graph, bean_stage_field(ev, index, STR("parentStageId")));
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
	*ret = value_bool(str_is(bean_stage_text(ev, bean->stage, EXPR_STAGE_STATUS), name));
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
	struct val context = bean_field(ev, bean, STR("context"));
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
	*ret = value_bool(val_count(bean_field(ev, bean, STR("requisiteStageRefIds"))) > 1);
	return 0;
}

static int stage_is_judgment(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = value_bool(
		str_is(bean_stage_text(ev, bean->stage, EXPR_STAGE_TYPE), "manualJudgment"));
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
	{ "ancestors", "", "List", ancestors, "the stage and all before it, nearest first",
		"#stage('Deploy').ancestors().![name]" },
	{ "directAncestors", "", "List", direct_ancestors, "the stages it waits for",
		"#stage('Deploy').directAncestors().![name]" },
	{ "directChildren", "", "List", direct_children, "its synthetic stages",
		"#stage('Deploy').directChildren().size()" },
	{ "downstreamStages", "", "List", downstream, "the stages that wait for it",
		"#stage('Bake').downstreamStages().![name]" },
	{ "allDownstreamStages", "", "List", all_downstream, "these and all behind them",
		"#stage('Bake').allDownstreamStages().![name]" },
	{ 0 },
};

const struct bean_class bean_task_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.TaskExecutionImpl",
	.title = "Task",
	.example = "#stage('Deploy').tasks[0]",
	.properties =
		(const struct bean_property[]){
			{ .name = "id", .help = "its number" },
			{ .name = "implementingClass", .help = "what runs it" },
			{ .name = "name", .help = "its name" },
			{ .name = "startTime", .read = READ_LONG, .help = "when it began, ms" },
			{ .name = "endTime", .read = READ_LONG, .help = "when it ended, ms" },
			{ .name = "status", .read = READ_STATUS, .help = "its status" },
			{ .name = "stageStart",
				.read = READ_FLAG,
				.help = "whether it is the stage's first" },
			{ .name = "stageEnd",
				.read = READ_FLAG,
				.help = "whether it is the stage's last" },
			{ .name = "loopStart",
				.read = READ_FLAG,
				.help = "whether a loop begins with it" },
			{ .name = "loopEnd", .read = READ_FLAG, .help = "whether a loop ends with it" },
			{ .name = "taskExceptionDetails",
				.read = READ_MAP,
				.help = "what went wrong in it" },
			{ 0 },
		},
};

const struct bean_class bean_stage_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.StageExecutionImpl",
	.title = "Stage",
	.example = "#stage('Deploy')",
	.methods = stage_methods,
	.properties =
		(const struct bean_property[]){
			{ .name = "id", .read = READ_STAGE_TEXT, .text = EXPR_STAGE_ID, .help = "its id" },
			{ .name = "refId",
				.read = READ_STAGE_TEXT,
				.text = EXPR_STAGE_REF_ID,
				.help = "its name among requisiteStageRefIds" },
			{ .name = "type",
				.read = READ_STAGE_TEXT,
				.text = EXPR_STAGE_TYPE,
				.help = "its type" },
			{ .name = "name",
				.read = READ_STAGE_TEXT,
				.text = EXPR_STAGE_NAME,
				.help = "its name" },
			{ .name = "execution",
				.read = READ_CALL,
				.call = stage_execution,
				.result = "execution",
				.help = "the execution it belongs to" },
			{ .name = "startTime", .read = READ_LONG, .help = "when it began, ms" },
			{ .name = "endTime", .read = READ_LONG, .help = "when it ended, ms" },
			{ .name = "startTimeExpiry",
				.read = READ_LONG,
				.help = "until when it must begin, ms" },
			{ .name = "status", .read = READ_STAGE_STATUS, .help = "its status" },
			{ .name = "context",
				.read = READ_CALL,
				.call = stage_context,
				.result = "Map",
				.help = "its context; what it lacks is looked up in the outputs before it" },
			{ .name = "outputs", .read = READ_MAP, .help = "what it put out" },
			{ .name = "tasks",
				.read = READ_BEANS,
				.class = &bean_task_class,
				.help = "its tasks" },
			{ .name = "parentStageId", .help = "id of the stage it is a part of" },
			{ .name = "requisiteStageRefIds",
				.read = READ_LIST,
				.help = "the stages it waits for" },
			{ .name = "scheduledTime", .read = READ_LONG, .help = "when it is to begin, ms" },
			{ .name = "additionalMetricTags",
				.result = "Map",
				.help = "labels of its metrics" },
			{ .name = "parent",
				.read = READ_CALL,
				.call = stage_parent,
				.result = "stage",
				.help = "the stage it is a part of" },
			{ .name = "topLevelStage",
				.read = READ_CALL,
				.call = stage_top_level,
				.result = "stage",
				.help = "the outermost stage it is a part of" },
			{ .name = "hasSucceeded",
				.read = READ_CALL,
				.call = stage_succeeded,
				.result = "boolean",
				.help = "whether its status is SUCCEEDED" },
			{ .name = "hasFailed",
				.read = READ_CALL,
				.call = stage_failed,
				.result = "boolean",
				.help = "whether its status is TERMINAL" },
			{ .name = "allowSiblingStagesToContinueOnFailure",
				.read = READ_CALL,
				.call = stage_allows_siblings,
				.result = "boolean",
				.help = "whether other branches go on when it fails" },
			{ .name = "continuePipelineOnFailure",
				.read = READ_CALL,
				.call = stage_continues,
				.result = "boolean",
				.help = "whether the pipeline goes on when it fails" },
			{ .name = "join",
				.read = READ_CALL,
				.call = stage_join,
				.result = "boolean",
				.help = "whether it waits for more than one stage" },
			{ .name = "manualJudgmentType",
				.read = READ_CALL,
				.call = stage_is_judgment,
				.result = "boolean",
				.help = "whether it is a manual judgment" },
			{ 0 },
		},
};
