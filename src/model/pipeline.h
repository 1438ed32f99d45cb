/*
 * From a pipeline configuration, as Spinnaker stores it, to an execution that has not started.
 */
#ifndef MODEL_PIPELINE_H
#define MODEL_PIPELINE_H

#include "base/err.h"
#include "base/id.h"
#include "base/val.h"
#include "model/execution.h"

/* One thing wrong with a pipeline, with its place. All borrowed, good until the call returns. */
enum graph_fault {
	GRAPH_NO_PIPELINE, /* the document is no map */
	GRAPH_NO_LIST,     /* `stages` is no list */
	GRAPH_NO_STAGE,    /* an item of it is no map */
	GRAPH_NO_TYPE,
	GRAPH_NO_REF,      /* while other stages have one */
	GRAPH_SAME_REF,    /* subject: the refId */
	GRAPH_UNKNOWN_REF, /* subject: the refId */
	GRAPH_CIRCLE,      /* subject: the refIds */
};
struct graph_problem {
	enum graph_fault fault;
	const char *path; /* "stages[2].requisiteStageRefIds[0]" */
	const char *text;
	const char *subject; /* "" for most */
};

/*
 * Looks at structure only: stages is a list of maps, each with a type, refIds unique, requisites exist, no cycle.
 * Calls REPORT for each problem; returns their number. Numeric refIds are fine (a warning is lint's).
 */
typedef void (*graph_problem_fn)(void *data, const struct graph_problem *problem);
size_t pipeline_check_graph(struct val pipeline, graph_problem_fn report, void *data);

struct pipeline_start {
	struct val pipeline; /* the configuration, borrowed; `trigger` inside is used when TRIGGER is null */
	struct val trigger; /* map or VAL_NULL */
	const char *user;   /* NULL = anonymous */
	const char *origin; /* "api", "cli" */
	int64_t now_ms;
	struct id_source *ids;
	const char *id; /* the execution's id, NULL = a new one */
};

/*
 * Makes the execution: defaults of parameters (1.2), refIds filled in where none has one (1.4), stages with their context, the
 * trigger's common fields, initialConfig. Expressions are evaluated by the caller (the engine) before.
 * A broken graph is ERR_INVALID with every problem in the text, and *RET still is an execution (NOT_STARTED) that can be
 * stored as TERMINAL; *RET is NULL when the document is no pipeline at all.
 */
int pipeline_to_execution(
	const struct pipeline_start *start, struct execution **ret, struct err *err);

/* parameterConfig's defaults under the given PARAMETERS (map or VAL_NULL). Owned map. */
struct val pipeline_parameters(struct val pipeline, struct val parameters);
/*
 * ERR_INVALID when PARAMETERS lack a required one that has no default. It names that one, unless the pipeline cannot start anyway: whoever
 * is asked for a parameter should not give it in vain.
 */
int pipeline_check_parameters(struct val pipeline, struct val parameters, struct err *err);
/* ERR_INVALID when it is disabled. */
int pipeline_check_enabled(struct val pipeline, struct err *err);

#endif
