/* The two calls of expr.h. */
#include "expr/expr.h"

#include "expr/eval.h"
#include "expr/node.h"

enum expr_failure expr_evaluate(struct str body, const struct expr_host *host,
	const struct expr_limits *limits, struct val *ret, const char **ret_exception,
	int *ret_position, struct err *err)
{
	struct eval ev;
	struct value value;
	eval_init(&ev, host, limits);
	int result = eval_body(&ev, str_trim(body), &value);
	if (result == 0)
		result = value_to_val(&ev, value, ret);
	enum expr_failure failure = result == 0 ? EXPR_OK :
		ev.failure == FAIL_BUDGET       ? EXPR_OVER_BUDGET :
						  EXPR_FAILED;
	*ret_exception = fail_exception(ev.failure);
	/* Counted in what the caller gave. */
	int blank = (int)(str_trim(body).bytes - body.bytes);
	*ret_position = result < 0 && ev.position >= 0 ? ev.position + blank : -1;
	if (result < 0)
		err_set(err, ERR_INVALID, "%s", ev.message);
	eval_free(&ev);
	return failure;
}

int expr_check(struct str body, int *ret_position, struct err *err)
{
	struct expr *expr = expr_cached(str_trim(body));
	int result = expr->tree ? 0 : err_set(err, ERR_INVALID, "%s", expr->message);
	int blank = (int)(str_trim(body).bytes - body.bytes);
	*ret_position = expr->position >= 0 ? expr->position + blank : -1;
	expr_unref(expr);
	return result;
}
