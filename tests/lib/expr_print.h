/* Writes the tree of an expression as text that parses to the same tree, and compares trees. */
#ifndef LIB_EXPR_PRINT_H
#define LIB_EXPR_PRINT_H

#include "base/str.h"
#include "expr/node.h"

void expr_print(struct strbuf *buf, const struct node *node);
/* Positions are not compared. */
bool expr_same(const struct node *a, const struct node *b);
/* Parses BODY; when that succeeds, prints the tree, parses the print and compares. NULL when all is well, else an owned text. */
char *expr_check_print(struct str body);

#endif
