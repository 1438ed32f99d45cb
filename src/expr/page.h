/* docs/reference/expressions.md, made from the tables of syntax, helpers, beans and Java classes. */
#ifndef EXPR_PAGE_H
#define EXPR_PAGE_H

#include "base/val.h"

/* The page, owned. Every example is evaluated and its result printed. Dates are in the process's zone: UTC is expected. */
char *expr_page(void);

/* One example: what it belongs to, its text, and what it gave. */
struct page_example {
	const char *subject; /* "java.lang.String.trim()" */
	const char *name; /* the method, helper or property that must be seen in it; NULL = none */
	const char *text; /* NULL: the row has none */
	const char *help;
	bool failed;
	const char *result; /* JSON, or the description of the failure */
};

/* Calls SEEN for each row of every table, in the page's order. */
void expr_page_examples(void (*seen)(void *data, const struct page_example *example), void *data);

#endif
