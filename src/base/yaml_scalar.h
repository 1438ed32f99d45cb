/*
 * What a plain YAML scalar means, by the rules of go-yaml v2, which sigs.k8s.io/yaml and so kubectl reads with. The
 * reader asks it for the value, the writer whether a string would be taken for something else.
 */
#ifndef BASE_YAML_SCALAR_H
#define BASE_YAML_SCALAR_H

#include "base/val.h"

enum yaml_scalar {
	YAML_SCALAR_STRING,
	YAML_SCALAR_NULL,
	YAML_SCALAR_BOOL,
	YAML_SCALAR_INT, /* a double when it does not fit into 64 bits */
	YAML_SCALAR_FLOAT, /* an int when it is integral and fits: JSON, through which manifests go, makes no difference */
	YAML_SCALAR_NOT_FINITE, /* .inf and .nan, which JSON has no number for; the value is null */
};

/* The kind of TEXT, and in *RET its value, owned. Any thread. */
enum yaml_scalar yaml_scalar_read(struct str text, struct val *ret);

#endif
