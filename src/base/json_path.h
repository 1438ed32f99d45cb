/*
 * JSONPath as Jayway's reader takes it, which Spinnaker uses: how a value is found in an answer.
 *
 *	$.status.phase   status.phase   $['a b'].c   $.items[0]   [-1]   [0,2]   [1:3]   .*   [*]
 *	$..name   $.items[?(@.name == 'web' && @.ready)].phase   $.items.length()
 *
 * A path that can only lead to one place is definite and gives the value there; any other gives a
 * list of all that it leads to, maybe an empty one. Functions stand at the end: length, size, min,
 * max, avg, sum, keys, first, last. Filters know == != === !== < <= > >= in nin contains size empty
 * anyof noneof subsetof && || ! and parentheses; no regular expressions. Pure; any thread.
 */
#ifndef BASE_JSON_PATH_H
#define BASE_JSON_PATH_H

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

/*
 * What PATH leads to in ROOT; *RET is owned. ERR_INVALID: no such path can be written ("column 7: …"; columns count bytes);
 * ERR_NOT_FOUND: it is definite, or begins so, and leads to nothing; ERR_TOO_LARGE: it looks at more than
 * LIMIT_JSON_PATH_LOOKS values.
 */
int json_path_read(struct str path, struct val root, struct val *ret, struct err *err);
/* Only whether PATH can be written so: 0, or -1 with ERR_INVALID. */
int json_path_check(struct str path, struct err *err);

#endif
