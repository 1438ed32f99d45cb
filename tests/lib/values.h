/*
 * Values in tests, written as YAML: VALUE("{kind: Pod, metadata: {name: a}}").
 */
#ifndef LIB_VALUES_H
#define LIB_VALUES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/yaml.h"

/* TEXT as a value, owned; a mistake in it fails the test. */
static inline struct val value_of(const char *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (yaml_parse(str_of(text), &value, &err) < 0)
		fail_msg("%s in: %s", err_text(&err), text);
	return value;
}

/* Fails unless VALUE is what WANTED (YAML) says. WHAT names the case. */
static inline void assert_value(const char *what, struct val value, const char *wanted)
{
	_cleanup_(val_free) struct val expected = value_of(wanted);
	_cleanup_free_ char *shown = json_text(value, JSON_COMPACT);

	if (!val_equal(value, expected))
		fail_msg("%s: expected %s, got %s", what, wanted, shown);
}

#endif
