/*
 * A text with ${…}, as a value and as a key, against a small context, and what is found in it: it may not crash or run long, what
 * it becomes is JSON, and what fails alone stays as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "expr/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void found(void *data, struct str body, size_t offset)
{
	const struct str *text = data;
	if (offset + body.length > text->length || !body.length ||
		memcmp(text->bytes + offset, body.bytes, body.length) != 0)
		abort();
}

static void check_json(struct val value)
{
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	if (!str_is_utf8(str_of(text)))
		abort();
}

static enum expr_failure evaluate(struct val source, const struct expr_host *host, bool lenient,
	struct val *ret, struct template_result *ret_result)
{
	const struct expr_limits limits = { .max_steps = 20000, .allow_unknown_keys = lenient };
	return template_evaluate(source, "key", host, &limits, 1, ret, ret_result);
}

static void as_a_value(struct str text, const struct expr_host *host)
{
	struct template_result result = { 0 };
	_cleanup_(val_free) struct val source = val_str(text), value = VAL_NULL;
	if (evaluate(source, host, text.length & 1, &value, &result) == EXPR_OK) {
		const char *level = val_get_text(val_at(result.failure_list, 0), "level", "");
		check_json(value);
		check_json(result.summary);
		if (strcmp(level, "ERROR") == 0 && !val_equal(source, value))
			abort();
		if (template_is_candidate(source) != (result.evaluated == 1))
			abort();
	}
	template_result_free(&result);
}

static void as_a_key(struct str text, const struct expr_host *host)
{
	struct template_result result = { 0 };
	_cleanup_(val_free) struct val source = val_map(), value = VAL_NULL;
	val_set_str(&source, text, val_str(text));
	if (evaluate(source, host, true, &value, &result) == EXPR_OK) {
		check_json(value);
		if (val_count(value) != 1)
			abort();
	}
	template_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val root = VAL_NULL;
	struct str text = { (const char *)data, size };
	if (!str_is_utf8(text) ||
		json_parse(STR("{\"a\": 1, \"l\": [1, {\"n\": 2}], \"t\": \"x${a}\"}"), NULL, NULL,
			&root, &err) < 0)
		return 0;
	struct expr_host *host = expr_host_of_map(root, NULL);
	as_a_value(text, host);
	as_a_key(text, host);
	template_scan(text, found, &text, &err);
	expr_host_free(host);
	return 0;
}
