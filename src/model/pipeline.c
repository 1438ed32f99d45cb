#include "model/pipeline.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/map.h"
#include "expr/template.h"

/* ---- structure -------------------------------------------------------------------------------------------------------------- */

/* refIds are strings; a number is taken as its text. Owned, NULL when there is none. */
static char *ref_text(struct val ref)
{
	int64_t number;
	if (val_is_string(ref))
		return xstrdup(val_text(&ref));
	if (val_as_int(ref, &number))
		return xasprintf("%lld", (long long)number);
	return NULL;
}

static bool is_stage_list(struct val pipeline)
{
	struct val stages = val_get(pipeline, "stages");
	return val_is_null(stages) || val_is_list(stages);
}

/* Orca: when no stage has a refId they are numbered and chained in the order of the list. */
static bool has_no_refs(struct val stages)
{
	for (size_t i = 0; i < val_count(stages); i++)
		if (!val_is_null(val_get(val_at(stages, i), "refId")))
			return false;
	return true;
}

/* requisiteStageRefIds as a list; null and "" are none, a single text is one. Owned. */
static struct val requisites_of(struct val stage)
{
	struct val given = val_get(stage, "requisiteStageRefIds");
	if (val_is_list(given))
		return val_ref(given);
	struct val list = val_list();
	if (!val_is_null(given) && !(val_is_string(given) && val_as_str(&given).length == 0))
		val_append(&list, val_ref(given));
	return list;
}

struct graph {
	struct val stages;
	size_t count;
	struct map by_ref; /* refId → index + 1 */
	char **refs;
	bool chained;
	graph_problem_fn report;
	void *data;
	size_t problems;
};

__attribute__((format(printf, 5, 6))) static void graph_report(struct graph *graph,
	enum graph_fault fault, const char *path, const char *subject, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct graph_problem problem = { fault, path, text, subject };
	graph->problems++;
	graph->report(graph->data, &problem);
}

static void graph_read_refs(struct graph *graph)
{
	char path[96];
	for (size_t i = 0; i < graph->count; i++) {
		struct val stage = val_at(graph->stages, i);
		struct val type = val_get(stage, "type");
		snprintf(path, sizeof(path), "stages[%zu].type", i);
		if (!val_is_map(stage)) {
			path[strlen(path) - 5] = '\0';
			graph_report(graph, GRAPH_NO_STAGE, path, "", "expected an object, got %s",
				val_kind_name(val_kind(stage)));
			continue;
		}
		if (!val_is_string(type) || val_as_str(&type).length == 0)
			graph_report(graph, GRAPH_NO_TYPE, path, "", "a stage needs a type");
		graph->refs[i] = graph->chained ? xasprintf("%zu", i) :
						  ref_text(val_get(stage, "refId"));
		snprintf(path, sizeof(path), "stages[%zu].refId", i);
		if (!graph->refs[i]) {
			graph_report(graph, GRAPH_NO_REF, path, "",
				"missing, while other stages have one");
			continue;
		}
		if (map_get(&graph->by_ref, str_of(graph->refs[i])))
			graph_report(graph, GRAPH_SAME_REF, path, graph->refs[i],
				"\"%s\" is used by another stage too", graph->refs[i]);
		else
			map_put(&graph->by_ref, str_of(graph->refs[i]), (void *)(uintptr_t)(i + 1));
	}
}

static size_t graph_find(const struct graph *graph, struct val ref)
{
	_cleanup_free_ char *text = ref_text(ref);
	void *found = text ? map_get(&graph->by_ref, str_of(text)) : NULL;
	return found ? (size_t)(uintptr_t)found - 1 : STAGE_NONE;
}

static void graph_check_requisites(struct graph *graph)
{
	char path[96];
	for (size_t i = 0; i < graph->count && !graph->chained; i++) {
		struct val stage = val_at(graph->stages, i);
		_cleanup_(val_free) struct val requisites = requisites_of(stage);
		for (size_t j = 0; j < val_count(requisites); j++) {
			struct val ref = val_at(requisites, j);
			if (graph_find(graph, ref) != STAGE_NONE)
				continue;
			snprintf(path, sizeof(path), "stages[%zu].requisiteStageRefIds[%zu]", i, j);
			_cleanup_free_ char *text = ref_text(ref);
			graph_report(graph, GRAPH_UNKNOWN_REF, path, text ? text : "?",
				"there is no stage with refId \"%s\"", text ? text : "?");
		}
	}
}

/* What is left to wait for, while stages that wait for nothing are taken away (Kahn). */
struct waiting {
	size_t *waits; /* of each stage: how many it still waits for; 0 = taken away, or about to be */
	size_t *heads; /* its first edge to a stage that waits for it, 0 = none */
	struct edge {
		size_t to, next;
	} * edges; /* from 1 on */
	size_t edge_count, edge_capacity;
	size_t *queue;
	size_t queued, done;
};

static void waiting_add(struct waiting *waiting, size_t from, size_t to)
{
	if (waiting->edge_count + 1 >= waiting->edge_capacity) {
		waiting->edge_capacity = 2 * waiting->edge_capacity + 64;
		waiting->edges = xrealloc(
			waiting->edges, waiting->edge_capacity * sizeof(*waiting->edges));
	}
	waiting->edges[++waiting->edge_count] = (struct edge){ .to = to,
		.next = waiting->heads[from] };
	waiting->heads[from] = waiting->edge_count;
	waiting->waits[to]++;
}

static void waiting_init(struct waiting *waiting, const struct graph *graph)
{
	*waiting = (struct waiting){
		.waits = xcalloc(graph->count + 1, sizeof(size_t)),
		.heads = xcalloc(graph->count + 1, sizeof(size_t)),
		.edges = xcalloc(1, sizeof(struct edge)),
		.edge_capacity = 1,
		.queue = xcalloc(graph->count + 1, sizeof(size_t)),
	};
	for (size_t i = 0; i < graph->count; i++) {
		_cleanup_(val_free) struct val requisites = requisites_of(val_at(graph->stages, i));
		for (size_t j = 0; j < val_count(requisites); j++) {
			size_t from = graph_find(graph, val_at(requisites, j));
			if (from != STAGE_NONE)
				waiting_add(waiting, from, i);
		}
	}
	for (size_t i = 0; i < graph->count; i++)
		if (waiting->waits[i] == 0)
			waiting->queue[waiting->queued++] = i;
}

static void waiting_free(struct waiting *waiting)
{
	free(waiting->waits);
	free(waiting->heads);
	free(waiting->edges);
	free(waiting->queue);
}

/* Takes away what waits for nothing left; what remains stands on a circle or behind one. */
static void waiting_take_away(struct waiting *waiting)
{
	for (; waiting->done < waiting->queued; waiting->done++) {
		size_t edge = waiting->heads[waiting->queue[waiting->done]];
		for (; edge; edge = waiting->edges[edge].next) {
			size_t to = waiting->edges[edge].to;
			if (waiting->waits[to] > 0 && --waiting->waits[to] == 0)
				waiting->queue[waiting->queued++] = to;
		}
	}
}

/* One of the stages that INDEX waits for and that wait themselves. */
static size_t graph_awaited(const struct graph *graph, const size_t *waits, size_t index)
{
	_cleanup_(val_free) struct val requisites = requisites_of(val_at(graph->stages, index));
	for (size_t i = 0; i < val_count(requisites); i++) {
		size_t found = graph_find(graph, val_at(requisites, i));
		if (found != STAGE_NONE && waits[found] > 0)
			return found;
	}
	return index;
}

/* From a stage that waits, always on to one that it waits for: that ends in a circle. Stages behind it are not to blame. The first of it
 * in the list. */
static size_t graph_find_circle(const struct graph *graph, const size_t *waits)
{
	_cleanup_free_ bool *seen = xcalloc(graph->count + 1, sizeof(*seen));
	size_t at = 0, first;
	while (waits[at] == 0)
		at++;
	for (; !seen[at]; at = graph_awaited(graph, waits, at))
		seen[at] = true;
	first = at;
	for (size_t i = graph_awaited(graph, waits, at); i != at; i = graph_awaited(graph, waits, i))
		first = i < first ? i : first;
	return first;
}

/* Tells of the circle that FIRST stands on, and takes its stages away. */
static void graph_report_circle(struct graph *graph, struct waiting *waiting, size_t first)
{
	char text[256] = "", path[96];
	size_t length = 0, at = first, begin = waiting->queued;
	do {
		if (length < sizeof(text) - 32)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%.24s",
				length ? ", " : "", graph->refs[at] ? graph->refs[at] : "?");
		waiting->queue[waiting->queued++] = at;
		at = graph_awaited(graph, waiting->waits, at);
	} while (at != first);
	for (size_t i = begin; i < waiting->queued; i++)
		waiting->waits[waiting->queue[i]] = 0;
	snprintf(path, sizeof(path), "stages[%zu].requisiteStageRefIds", first);
	graph_report(graph, GRAPH_CIRCLE, path, text, "stages wait for each other in a circle: %s",
		text);
}

static void graph_check_circles(struct graph *graph)
{
	struct waiting waiting;
	waiting_init(&waiting, graph);
	waiting_take_away(&waiting);
	for (int i = 0; waiting.queued < graph->count && i < LIMIT_CIRCLES; i++) {
		graph_report_circle(graph, &waiting, graph_find_circle(graph, waiting.waits));
		waiting_take_away(&waiting);
	}
	waiting_free(&waiting);
}

static void graph_init(struct graph *graph, struct val pipeline, graph_problem_fn report, void *data)
{
	*graph = (struct graph){
		.stages = val_get(pipeline, "stages"), .report = report, .data = data
	};
	graph->count = val_count(graph->stages);
	graph->refs = xcalloc(graph->count + 1, sizeof(*graph->refs));
	graph->chained = has_no_refs(graph->stages);
	graph_read_refs(graph);
}

static void graph_free(struct graph *graph)
{
	for (size_t i = 0; i < graph->count; i++)
		free(graph->refs[i]);
	free(graph->refs);
	map_free(&graph->by_ref);
}

size_t pipeline_check_graph(struct val pipeline, graph_problem_fn report, void *data)
{
	if (!val_is_map(pipeline)) {
		report(data,
			&(struct graph_problem){
				GRAPH_NO_PIPELINE, "", "a pipeline is an object", "" });
		return 1;
	}
	if (!is_stage_list(pipeline)) {
		report(data,
			&(struct graph_problem){ GRAPH_NO_LIST, "stages", "expected a list", "" });
		return 1;
	}
	struct graph graph;
	graph_init(&graph, pipeline, report, data);
	graph_check_requisites(&graph);
	if (!graph.chained)
		graph_check_circles(&graph);
	graph_free(&graph);
	return graph.problems;
}

/* All of them in one text. */
struct problems {
	struct strbuf text;
};

static void collect_problem(void *data, const struct graph_problem *problem)
{
	struct problems *problems = data;
	strbuf_printf(&problems->text, "%s%s%s%s", problems->text.length ? "; " : "", problem->path,
		*problem->path ? ": " : "", problem->text);
}

/* ---- parameters ------------------------------------------------------------------------------------------------------------- */

struct val pipeline_parameters(struct val pipeline, struct val parameters)
{
	struct val merged = val_map();
	struct val declared = val_get(pipeline, "parameterConfig");
	for (size_t i = 0; i < val_count(declared); i++) {
		struct val row = val_at(declared, i);
		const char *name = val_get_text(row, "name", NULL);
		if (!name)
			continue;
		if (val_has(parameters, name))
			val_set(&merged, name, val_ref(val_get(parameters, name)));
		else if (val_has(row, "default"))
			val_set(&merged, name, val_ref(val_get(row, "default")));
	}
	val_merge(&merged, parameters);
	return merged;
}

static const char *missing_parameter(struct val pipeline, struct val parameters)
{
	struct val declared = val_get(pipeline, "parameterConfig");
	for (size_t i = 0; i < val_count(declared); i++) {
		struct val row = val_at(declared, i);
		const char *name = val_get_text(row, "name", NULL);
		struct val preset = val_get(row, "default");
		bool has_preset = !val_is_null(preset) &&
			!(val_is_string(preset) && val_as_str(&preset).length == 0);
		if (name && val_get_bool(row, "required", false) && !has_preset &&
			!val_has(parameters, name))
			return name;
	}
	return NULL;
}

int pipeline_check_enabled(struct val pipeline, struct err *err)
{
	if (!val_get_bool(pipeline, "disabled", false))
		return 0;
	return err_set(err, ERR_INVALID, "\"%s\" is disabled", val_get_text(pipeline, "name", ""));
}

int pipeline_check_parameters(struct val pipeline, struct val parameters, struct err *err)
{
	struct problems problems = { .text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES) };
	const char *missing = missing_parameter(pipeline, parameters);
	int result = 0;
	if (missing && (result = pipeline_check_enabled(pipeline, err)) == 0) {
		bool broken = pipeline_check_graph(pipeline, collect_problem, &problems) > 0;
		result = broken ?
			err_set(err, ERR_INVALID, "%s", problems.text.bytes) :
			err_set(err, ERR_INVALID, "Required parameter %s is missing", missing);
	}
	strbuf_free(&problems.text);
	return result;
}

/* ---- the execution ---------------------------------------------------------------------------------------------------------- */

static void set_default(struct val *map, const char *key, struct val value)
{
	if (val_is_null(val_get(*map, key)))
		val_set(map, key, value);
	else
		val_free(&value);
}

/* stages.md 1.7: common members of every trigger. Owned. */
static struct val make_trigger(const struct pipeline_start *start)
{
	struct val given = val_is_map(start->trigger) ? start->trigger :
							val_get(start->pipeline, "trigger");
	struct val trigger = val_is_map(given) ? val_ref(given) : val_map();
	set_default(&trigger, "type", val_string("manual"));
	val_set(&trigger, "user",
		val_string(start->user ? start->user : val_get_text(trigger, "user", "[anonymous]")));
	struct val parameters = pipeline_parameters(start->pipeline, val_get(trigger, "parameters"));
	val_set(&trigger, "parameters", parameters);
	set_default(&trigger, "artifacts", val_list());
	set_default(&trigger, "resolvedExpectedArtifacts", val_list());
	set_default(&trigger, "notifications", val_list());
	set_default(&trigger, "rebake", val_bool(false));
	set_default(&trigger, "dryRun", val_bool(false));
	set_default(&trigger, "strategy", val_bool(false));
	return trigger;
}

/* The pipeline's, then those that whoever starts it adds. Owned; VAL_NULL when there are none. */
static struct val notifications_of(const struct pipeline_start *start)
{
	struct val all = val_ref(val_get(start->pipeline, "notifications"));
	struct val given = val_is_map(start->trigger) ? start->trigger :
							val_get(start->pipeline, "trigger");
	struct val more = val_get(given, "notifications");
	for (size_t i = 0; val_is_list(more) && i < val_count(more); i++)
		val_append(&all, val_ref(val_at(more, i)));
	return all;
}

static int64_t millis_of(struct val text)
{
	int64_t ms = 0;
	if (!val_as_int(text, &ms))
		str_to_int(val_as_str(&text), &ms);
	return ms;
}

static void fill_stage(struct execution **execution, size_t index, struct val config,
	const char *ref, const struct pipeline_start *start)
{
	struct stage *stage = stage_edit(execution, index);
	ulid_make(start->ids, start->now_ms, stage->id);
	stage_set_text(&stage->ref_id, ref);
	stage_set_text(&stage->type, val_get_text(config, "type", ""));
	const char *name = val_get_text(config, "name", "");
	stage_set_text(&stage->name, *name ? name : stage->type);
	stage->expiry_ms = millis_of(val_get(config, "startTimeExpiry"));
	struct val context = val_is_map(config) ? val_ref(config) : val_map();
	static const char *const taken[] = { "refId", "type", "name", "requisiteStageRefIds",
		"startTimeExpiry" };
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		val_remove(&context, taken[i]);
	stage->unresolved = template_is_candidate(context);
	val_replace(&stage->context, context);
}

static void link_stage(struct execution **execution, size_t index, const struct graph *graph)
{
	if (graph->chained) {
		size_t before = index - 1;
		if (index > 0)
			stage_set_requisites(execution, index, &before, 1);
		return;
	}
	_cleanup_(val_free) struct val requisites = requisites_of(val_at(graph->stages, index));
	size_t *indexes = xcalloc(val_count(requisites) + 1, sizeof(*indexes));
	size_t count = 0;
	for (size_t i = 0; i < val_count(requisites); i++) {
		size_t found = graph_find(graph, val_at(requisites, i));
		if (found != STAGE_NONE)
			indexes[count++] = found;
	}
	stage_set_requisites(execution, index, indexes, count);
	free(indexes);
}

static void fill_head(struct execution *execution, const struct pipeline_start *start)
{
	struct val pipeline = start->pipeline;
	if (start->id)
		snprintf(execution->id, sizeof(execution->id), "%s", start->id);
	else
		ulid_make(start->ids, start->now_ms, execution->id);
	stage_set_text(&execution->application, val_get_text(pipeline, "application", ""));
	stage_set_text(&execution->name, val_get_text(pipeline, "name", ""));
	stage_set_text(&execution->config_id, val_get_text(pipeline, "id", NULL));
	stage_set_text(&execution->origin,
		start->origin ? start->origin : val_get_text(pipeline, "origin", "unknown"));
	stage_set_text(&execution->user, start->user);
	stage_set_text(&execution->spel_evaluator, val_get_text(pipeline, "spelEvaluator", NULL));
	execution->build_ms = start->now_ms;
	execution->expiry_ms = millis_of(val_get(pipeline, "startTimeExpiry"));
	execution->limit_concurrent = val_get_bool(pipeline, "limitConcurrent", false);
	execution->keep_waiting = val_get_bool(pipeline, "keepWaitingPipelines", false);
	execution->max_concurrent = val_get_int(pipeline, "maxConcurrentExecutions", 0);
	val_replace(&execution->notifications, notifications_of(start));
	val_replace(&execution->source, val_ref(val_get(pipeline, "source")));
	val_replace(&execution->template_variables, val_ref(val_get(pipeline, "templateVariables")));
	val_replace(&execution->trigger, make_trigger(start));
	val_replace(&execution->config, val_ref(pipeline));
}

int pipeline_to_execution(const struct pipeline_start *start, struct execution **ret, struct err *err)
{
	*ret = NULL;
	if (!val_is_map(start->pipeline) || !is_stage_list(start->pipeline))
		return err_set(
			err, ERR_INVALID, "a pipeline is an object whose \"stages\" is a list");
	struct problems problems = { .text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES) };
	struct graph graph;
	graph_init(&graph, start->pipeline, collect_problem, &problems);
	if (graph.count > LIMIT_STAGES) {
		graph_free(&graph);
		strbuf_free(&problems.text);
		return err_set(err, ERR_TOO_LARGE, "stages: %zu are more than %d", graph.count,
			LIMIT_STAGES);
	}
	graph_check_requisites(&graph);
	if (!graph.chained)
		graph_check_circles(&graph);
	struct execution *execution = execution_new();
	fill_head(execution, start);
	for (size_t i = 0; i < graph.count; i++)
		stage_add(&execution);
	for (size_t i = 0; i < graph.count; i++) {
		fill_stage(&execution, i, val_at(graph.stages, i),
			graph.refs[i] ? graph.refs[i] : "", start);
		link_stage(&execution, i, &graph);
	}
	*ret = execution;
	int result = 0;
	if (graph.problems > 0)
		result = err_set(err, ERR_INVALID, "%s", problems.text.bytes);
	graph_free(&graph);
	strbuf_free(&problems.text);
	return result;
}
