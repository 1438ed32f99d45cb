/*
 * What the expressions of a stage see of a run (expressions.md 3), for those who look at a run from outside: eval. Any thread.
 */
#ifndef ENGINE_VIEW_H
#define ENGINE_VIEW_H

#include "expr/expr.h"
#include "model/execution.h"

struct stage_view;

/*
 * A view of EXECUTION (borrowed) as its stage INDEX has it; STAGE_NONE = as the pipeline has it when it starts, and the stages beside.
 * EVALUATOR: "v3", "v4", NULL = the execution's own. NAMES is a map of what the root has beside, and first. Nothing is fetched.
 * Free with stage_view_free.
 */
struct stage_view *stage_view_new(
	const struct execution *execution, size_t index, const char *evaluator, struct val names);
void stage_view_free(struct stage_view *view); /* NULL is fine */
/* Borrowed. */
const struct expr_host *stage_view_host(const struct stage_view *view);

#endif
