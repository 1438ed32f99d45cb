/*
 * Any text as a pipeline file: it gives findings with both languages, places inside the text, and repairs that are well formed. The
 * registry has one type of each kind of row.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "lint/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const choices[] = { "one", "two", NULL };
static const struct field inner[] = {
	FIELD_KNOWN("key", FIELD_STRING, .flags = FIELD_REQUIRED),
	FIELD_KNOWN("mode", FIELD_STRING, .unsupported_if = "two",
		.unsupported = "two is not built yet"),
	{ 0 },
};
static const struct stage_type wait_type = {
	.name = "wait",
	.fields = ROWS(struct field, FIELD_KNOWN("waitTime", FIELD_SECS),
		FIELD_KNOWN("count", FIELD_INT), FIELD_KNOWN("rate", FIELD_NUMBER),
		FIELD_KNOWN("flag", FIELD_BOOL), FIELD_KNOWN("names", FIELD_STR_LIST),
		FIELD_KNOWN("choice", FIELD_ENUM, .choices = choices),
		FIELD_KNOWN("object", FIELD_OBJECT, .rows = inner),
		FIELD_KNOWN("variables", FIELD_VALUE, .flags = FIELD_LIST, .rows = inner)),
};
static const struct stage_type judgment_type = { .name = "manualJudgment" };
static const struct stage_type *const types[] = { &wait_type, &judgment_type, NULL };
static const struct stage_registry registry = { .types = types };

static void check(struct val finding, size_t lines)
{
	struct val text = val_get(finding, "text"), at = val_get(finding, "at"),
		   fix = val_get(finding, "fix");
	int64_t line = val_get_int(finding, "line", 0);
	if (!*val_get_text(text, "en", "") || !*val_get_text(text, "zh", "") ||
		!*val_get_text(finding, "code", "") || line < 0 || (size_t)line > lines ||
		!val_has(finding, "path"))
		abort();
	if (val_is_map(at) && val_get_int(at, "from", -1) > val_get_int(at, "to", -1))
		abort();
	if (!val_is_null(fix) && !*val_get_text(val_at(fix, 0), "op", ""))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct lint_options options = { .saving = size & 1 };
	size_t lines = 1; /* at most; what YAML ends a line with: LF, CR, NEL, LS, PS */
	for (size_t i = 0; i < size; i++)
		lines += !!memchr("\n\r\x85\xa8\xa9", data[i], 5);
	_cleanup_(val_free) struct val findings = lint_text(text, &registry, &options);
	for (size_t i = 0; i < val_count(findings); i++)
		check(val_at(findings, i), lines);
	if (val_count(findings) > LIMIT_LINT_FINDINGS + 1)
		abort();
	return 0;
}
