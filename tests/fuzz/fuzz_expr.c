/*
 * A body against a context with stages: it may not crash, run long, change the context, or give something that is no JSON, and a failure
 * must point into it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char context[] =
	"{\"a\": 1, \"b\": \"text\", \"l\": [1, \"x\", {\"n\": 2}], \"m\": {\"k\": {\"d\": null}},"
	" \"trigger\": {\"user\": \"u\"}, \"parameters\": {\"p\": \"1.5\"}, \"execution\": {\"id\": \"e\","
	" \"stages\": [{\"id\": \"s1\", \"refId\": \"1\", \"name\": \"A\", \"type\": \"wait\","
	" \"status\": \"SUCCEEDED\", \"context\": {\"c\": [1]}, \"outputs\": {\"o\": 1}},"
	" {\"id\": \"s2\", \"refId\": \"2\", \"requisiteStageRefIds\": [\"1\"], \"name\": \"B\","
	" \"status\": \"RUNNING\", \"context\": {}, \"outputs\": {}}]}}";

static void check_json(struct val value)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	if (!str_is_utf8(str_of(text)))
		abort();
}

static void run_body(struct str text, const struct expr_host *host)
{
	struct expr_limits limits = { .max_steps = 20000, .allow_unknown_keys = true };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val value = VAL_NULL;
	const char *exception;
	int position;
	if (expr_evaluate(text, host, &limits, &value, &exception, &position, &err) == EXPR_OK)
		check_json(value);
	else if (position > (int)text.length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val root = VAL_NULL;
	struct str text = { (const char *)data, size };
	if (!str_is_utf8(text) || json_parse(str_of(context), NULL, NULL, &root, &err) < 0)
		return 0;
	_cleanup_free_ char *before = json_text(root, JSON_COMPACT);
	struct expr_host *host = expr_host_of_map(root, "s2");
	run_body(text, host);
	expr_host_free(host);
	_cleanup_free_ char *after = json_text(root, JSON_COMPACT);
	if (strcmp(before, after) != 0)
		abort();
	return 0;
}
