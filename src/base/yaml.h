/*
 * YAML to struct val, on libyaml's events, typed as Kubernetes does it: sigs.k8s.io/yaml reads with go-yaml v2 and goes
 * through JSON. So a plain scalar is a flag (true, yes, on, y and their opposites, in lower case, upper case or
 * capitalised), null (also ~ and nothing), an integer (decimal, 0x, 0o, 0b, octal by a leading 0, with underscores), a
 * float, or else a string; timestamps and base 60 are strings. An integral float that fits is an int; .inf and .nan are
 * errors. Quoted scalars are strings; of the tags !!null, !!bool, !!int and !!float are checked, and any other makes a
 * string (!!binary stays base64). Map keys become strings ("true", "8080"). Merge keys (<<) work; a map's own keys win.
 *
 * Duplicate keys are an error here (manifests). Depth, the number of aliases, and nodes and bytes after their expansion
 * are capped (limits.h: LIMIT_JSON_DEPTH, LIMIT_YAML_…), so an alias bomb is an error, not memory. Text beyond
 * LIMIT_BODY_BYTES is ERR_TOO_LARGE. Pure functions, any thread.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

/* All documents of TEXT as a list (empty and null ones are left out). "line 3, column 7: did not find expected key". */
int yaml_parse_all(struct str text, struct val *ret_list, struct err *err);
/* The one document of TEXT; more than one is ERR_INVALID, none gives null. */
int yaml_parse(struct str text, struct val *ret, struct err *err);
/* ERR_INVALID when TEXT, which is YAML, has a tag that names a type beyond those of YAML itself: "!foo", "!!java.util.Date". */
int yaml_check_tags(struct str text, struct err *err);
/* A file's content that is JSON (with comments) or YAML: JSON is tried if the first byte that is neither blank nor
 * comment is '{' or '[' and no '#' comment stands before it, YAML if it is something else or JSON fails. Where both fail
 * the error is that of the likelier language, hence of JSON in the first case. */
int yaml_or_json_parse(struct str text, struct val *ret, struct err *err);
/* VALUE as block YAML, for people to read; strings that would read back as something else are quoted. Owned. */
char *yaml_text(struct val value);

#endif
