/*
 * YAML to struct val, on libyaml's events, with scalars typed as Kubernetes does it (sigs.k8s.io/yaml: YAML 1.1
 * booleans true/True/TRUE/yes/on… only as go-yaml v2 resolves them to bool for a plain scalar: y, Y, yes, on, no, off
 * included; null, ~ and empty = null; decimal, 0x, 0o and leading-zero octal integers; floats; quoted = string;
 * timestamps stay strings). Map keys become strings. Duplicate keys are an error here (manifests). Merge keys (<<) work.
 * Depth, aliases and total nodes after expansion are capped (limits.h), so an alias bomb is an error, not memory.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

/* All documents of TEXT as a list (empty documents are left out). Errors name line and column. */
int yaml_parse_all(struct str text, struct val *ret_list, struct err *err);
/* The one document of TEXT; more than one is ERR_INVALID, none gives null. */
int yaml_parse(struct str text, struct val *ret, struct err *err);
/* A file's content that is JSON (with comments) or YAML: JSON if its first byte that is neither blank nor comment is
 * '{' or '['. Where both fail the error is that of the likelier language. */
int yaml_or_json_parse(struct str text, struct val *ret, struct err *err);
/* VALUE as block YAML, for people to read; strings that would read back as something else are quoted. Owned. */
char *yaml_text(struct val value);

#endif
