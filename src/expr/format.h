/* java.util.Formatter: what String.format fills in. Private to expr. */
#ifndef EXPR_FORMAT_H
#define EXPR_FORMAT_H

#include "expr/eval.h"

/* ARGS is an array. A type that does not fit its place is a failure. */
int java_format(struct eval *ev, struct str format, struct value args, struct value *ret);

/* format_date.c: the part LETTER of the date or time VALUE, in small letters where %T has capitals. */
int format_date(struct eval *ev, char letter, struct value value, struct strbuf *buf);

#endif
