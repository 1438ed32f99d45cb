/* java.util.Formatter: what String.format fills in. Private to expr. */
#ifndef EXPR_FORMAT_H
#define EXPR_FORMAT_H

#include "expr/eval.h"

/* ARGS is an array. A type that does not fit its place is a failure. */
int java_format(struct eval *ev, struct str format, struct value args, struct value *ret);

#endif
