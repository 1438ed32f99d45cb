/* Any bytes as a body: the lexer and parser may not crash, and a tree, written, parses to the same tree. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/expr_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *wrong = expr_check_print((struct str){ (const char *)data, size });
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	return 0;
}
