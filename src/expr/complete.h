/*
 * What may come next in an expression that is being typed, for prompts and editors: names of the root, keys, properties, helpers, Java's
 * methods and classes, stages. They come out of the tables, and out of evaluating what stands before the last dot, without I/O and
 * within LIMIT_EXPR_INLINE_STEPS. Any thread.
 */
#ifndef EXPR_COMPLETE_H
#define EXPR_COMPLETE_H

#include "expr/expr.h"

/* A word that fits, as it is to be written, with what ends it ("toUpperCase()", "substring(", "Bake')"). Borrowed. HELP may be NULL. */
typedef void (*complete_fn)(void *data, const char *word, const char *help);

/*
 * LEFT is what stands left of the cursor: a body, or a text with an open ${ in it. FOUND is called for every word that goes on from the
 * one begun, in the order of the tables; the length of that one, in bytes, is returned. The same word may come twice.
 */
size_t expr_complete(struct str left, const struct expr_host *host, complete_fn found, void *data);

#endif
