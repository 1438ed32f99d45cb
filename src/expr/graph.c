#include "expr/graph.h"

static struct val field(const struct graph *graph, size_t index, const char *key)
{
	return graph->field(graph->data, index, str_of(key));
}

static bool requires(const struct graph *graph, size_t index, struct val ref_id)
{
	struct val refs = field(graph, index, "requisiteStageRefIds");
	for (size_t i = 0; i < val_count(refs); i++)
		if (val_is_list(refs) && val_equal(val_at(refs, i), ref_id))
			return true;
	return false;
}

static bool contains(const graph_list *list, size_t index)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == index)
			return true;
	return false;
}

static bool push_once(graph_list *list, size_t index)
{
	if (contains(list, index))
		return false;
	vec_push(list, index);
	return true;
}

ptrdiff_t graph_find_id(const struct graph *graph, struct val id)
{
	for (size_t i = 0; val_is_string(id) && i < graph->count; i++)
		if (val_equal(field(graph, i, "id"), id))
			return (ptrdiff_t)i;
	return -1;
}

void graph_before(const struct graph *graph, size_t index, graph_list *ret)
{
	struct val parent = field(graph, index, "parentStageId");
	for (size_t i = 0; i < graph->count; i++)
		if (i != index && requires(graph, index, field(graph, i, "refId")) &&
			val_equal(field(graph, i, "parentStageId"), parent))
			push_once(ret, i);
}

void graph_children(const struct graph *graph, size_t index, graph_list *ret)
{
	struct val id = field(graph, index, "id");
	for (size_t i = 0; val_is_string(id) && i < graph->count; i++)
		if (val_equal(field(graph, i, "parentStageId"), id))
			push_once(ret, i);
}

static bool is_owned(const struct graph *graph, size_t index, const char *how)
{
	struct val owner = field(graph, index, "syntheticStageOwner");
	return str_is(val_as_str(&owner), how);
}

/* An after stage sees the before stages of its parent first. */
static void add_before_siblings(const struct graph *graph, size_t index, graph_list *ret)
{
	struct val parent = field(graph, index, "parentStageId");
	if (!is_owned(graph, index, "STAGE_AFTER"))
		return;
	for (size_t i = 0; i < graph->count; i++)
		if (val_equal(field(graph, i, "parentStageId"), parent) &&
			is_owned(graph, i, "STAGE_BEFORE"))
			push_once(ret, i);
}

/* The list is its own queue: what is added is looked at in turn. */
void graph_ancestors(const struct graph *graph, size_t index, graph_list *ret)
{
	push_once(ret, index);
	graph_list queue = { 0 };
	vec_push(&queue, index);
	for (size_t at = 0; at < queue.count; at++) {
		size_t here = queue.items[at];
		graph_list before = { 0 };
		graph_before(graph, here, &before);
		for (size_t i = 0; i < before.count; i++)
			push_once(ret, before.items[i]);
		for (size_t i = 0; i < before.count; i++)
			graph_children(graph, before.items[i], ret);
		for (size_t i = 0; i < before.count; i++)
			push_once(&queue, before.items[i]);
		if (!before.count) {
			ptrdiff_t parent = graph_find_id(graph, field(graph, here, "parentStageId"));
			if (parent >= 0) {
				add_before_siblings(graph, here, ret);
				push_once(ret, (size_t)parent);
				push_once(&queue, (size_t)parent);
			}
		}
		vec_free(&before);
	}
	vec_free(&queue);
}

void graph_after(const struct graph *graph, size_t index, bool all, graph_list *ret)
{
	graph_list queue = { 0 };
	vec_push(&queue, index);
	for (size_t at = 0; at < queue.count; at++) {
		struct val ref_id = field(graph, queue.items[at], "refId");
		struct val parent = field(graph, queue.items[at], "parentStageId");
		for (size_t i = 0; i < graph->count; i++)
			if (requires(graph, i, ref_id) &&
				val_equal(field(graph, i, "parentStageId"), parent) &&
				push_once(ret, i) && all)
				push_once(&queue, i);
	}
	vec_free(&queue);
}
