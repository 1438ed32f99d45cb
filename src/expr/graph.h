/* Who stands before and after whom among an execution's stages. Rules: reference of stages, 3.1. Private to expr. */
#ifndef EXPR_GRAPH_H
#define EXPR_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/val.h"
#include "base/vec.h"

/* Stages by number; a member of a stage's JSON form. */
struct graph {
	size_t count;
	struct val (*field)(void *data, size_t index, struct str key); /* BORROWED */
	void *data;
};

typedef VEC(size_t) graph_list;

/* The stage itself and all before it, nearest first. */
void graph_ancestors(const struct graph *graph, size_t index, graph_list *ret);
/* Those named in requisiteStageRefIds. */
void graph_before(const struct graph *graph, size_t index, graph_list *ret);
/* Those that name it in theirs; with ALL also those behind them. */
void graph_after(const struct graph *graph, size_t index, bool all, graph_list *ret);
/* Those whose parent it is. */
void graph_children(const struct graph *graph, size_t index, graph_list *ret);
/* The stage with that id, or -1. */
ptrdiff_t graph_find_id(const struct graph *graph, struct val id);

#endif
