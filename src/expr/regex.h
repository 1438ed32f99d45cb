/*
 * Java's regular expressions on PCRE2: the syntax is checked and translated where the two differ, and all work
 * is bounded. Private to expr.
 */
#ifndef EXPR_REGEX_H
#define EXPR_REGEX_H

#include "expr/eval.h"

/* The operator `matches`: the whole text; PATTERN of at most 1000 characters. */
int regex_matches(struct eval *ev, struct str text, struct str pattern, bool *ret);
/* String.matches, without that cap. */
int regex_matches_whole(struct eval *ev, struct str text, struct str pattern, bool *ret);
/* String.replaceAll, or replaceFirst. */
int regex_replace(struct eval *ev, struct str text, struct str pattern, struct str replacement,
	bool all, struct value *ret);
/* String.split: an array of strings. */
int regex_split(
	struct eval *ev, struct str text, struct str pattern, int64_t limit, struct value *ret);
/* Java's syntax as PCRE2's: 0, or -1 with a static text in *RET_WHY. WIDE: the text is not all ASCII. */
int regex_translate(struct str pattern, bool wide, struct strbuf *buf, const char **ret_why);

#endif
