/* ExecutionStatus: the statuses and what each means. Rules: reference of expressions, section 3. Private to expr. */
#ifndef EXPR_STATUS_H
#define EXPR_STATUS_H

#include <stdbool.h>

#include "base/str.h"

struct status {
	struct str name; /* terminated */
	bool complete, halt, successful, failure;
};

/* The row of NAME as an index, or -1. */
int status_find(struct str name);
const struct status *status_at(int index);

#endif
