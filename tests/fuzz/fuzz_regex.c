/*
 * The first line as a regular expression of Java's syntax: what is translated must compile, and using it on the rest may neither crash nor run
 * long.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct str pattern, struct str text)
{
	const struct expr_limits limits = { .max_steps = 20000 };
	struct eval ev;
	struct value value;
	bool matched;
	eval_init(&ev, NULL, &limits);
	regex_matches(&ev, text, pattern, &matched);
	eval_next(&ev);
	regex_replace(&ev, text, pattern, STR("<$0>"), true, &value);
	eval_next(&ev);
	regex_split(&ev, text, pattern, 0, &value);
	eval_free(&ev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, pattern;
	if (!size || !str_is_utf8(rest) || !str_split(&rest, '\n', &pattern))
		return 0;
	const char *why = NULL;
	_cleanup_strbuf_ struct strbuf translated = STRBUF_INIT(1 << 20);
	if (regex_translate(pattern, size & 1, &translated, &why) < 0 && !why)
		abort();
	use(pattern, rest.bytes ? rest : STR(""));
	return 0;
}
