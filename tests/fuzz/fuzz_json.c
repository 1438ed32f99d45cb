/* Whatever is read is written so that it reads back as an equal value, in each style. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_style(struct val value, enum json_style style)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val again = VAL_NULL;
	_cleanup_free_ char *text = json_text(value, style);
	if (json_parse(str_of(text), NULL, NULL, &again, &err) < 0 || !val_equal(value, again))
		abort();
	_cleanup_free_ char *second = json_text(again, style);
	if (!str_is(str_of(text), second))
		abort();
}

/* What reads as a whole reads without a key, too. */
static void check_skipping(struct str text)
{
	const struct json_options options = { .skip_key = "a" };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (json_parse(text, &options, NULL, &value, &err) < 0)
		abort();
	check_style(value, JSON_COMPACT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_options options = { .comments = size & 1 };
	struct json_notes notes = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (json_parse((struct str){ (const char *)data, size }, &options, &notes, &value, &err) < 0) {
		if (err.kind != ERR_INVALID || !str_is_utf8(str_of(err.text)))
			abort();
		return 0;
	}
	free(notes.duplicate_key);
	if (!options.comments)
		check_skipping((struct str){ (const char *)data, size });
	check_style(value, JSON_COMPACT);
	check_style(value, JSON_PRETTY);
	check_style(value, JSON_CANONICAL);
	return 0;
}
