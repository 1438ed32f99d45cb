/*
 * `${…}` in strings, anywhere in a JSON value: the pass that the engine makes over a stage's context.
 * Rules: docs/guide and reference of expressions, "Templates". Pure; any thread.
 */
#ifndef EXPR_TEMPLATE_H
#define EXPR_TEMPLATE_H

#include "expr/expr.h"

/* Counts of one pass. */
struct template_result {
	size_t evaluated; /* candidate strings seen (those that hold "${") */
	size_t failures;  /* ERROR and INFO entries */
	struct val summary; /* owned map, shaped as expressionEvaluationSummary; VAL_NULL without failures */
	/* owned list, one map a failure: {"expression","level","key","description","exceptionType"}, and "position", the byte of the
	 * string that it is about, where that is known; VAL_NULL without any. An entry of the summary has it as "column", from 1. */
	struct val failure_list;
	bool unresolved; /* a string with "${" is left in the value */
};
void template_result_free(struct template_result *result);

/* True when some string or key in VALUE holds "${" and is not verbatim. Quick: no allocation. */
bool template_is_candidate(struct val value);

/*
 * VALUE with every string and key that holds "${" verbatim, so that no pass evaluates it: what an expression has come to, and what
 * came from outside. Owned; what has none of these is shared.
 */
struct val template_verbatim(struct val value);

/*
 * Evaluates every string (and map key) in SOURCE. *RET is owned: SOURCE with what succeeded replaced and verbatim, sharing what did
 * not change (the very same value when there was no candidate). TOP_KEY, when not NULL, is the key of the map that descriptions name.
 * LIMITS->max_steps is for the whole pass. EXPR_OVER_BUDGET: nothing is returned; do it again where there is time.
 * Single strings never make the pass fail: EXPR_FAILED is not returned.
 */
enum expr_failure template_evaluate(struct val source, const char *top_key,
	const struct expr_host *host, const struct expr_limits *limits, int64_t now_ms,
	struct val *ret, struct template_result *ret_result);

/*
 * One piece at a time, for lint: calls FOUND for each `${…}` body in TEXT with its offset; -1 with a description when the text
 * does not parse as a template.
 */
typedef void (*template_body_fn)(void *data, struct str body, size_t offset);
int template_scan(struct str text, template_body_fn found, void *data, struct err *err);

#endif
