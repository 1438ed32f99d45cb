/* Whatever is read is written so that it reads back as an equal value, and JSON can write it within the caps. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* VALUE, which YAML gave, reads back as itself from both languages. */
static void check_document(struct val value)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val again = VAL_NULL;
	_cleanup_(val_free) struct val from_json = VAL_NULL;
	_cleanup_free_ char *text = yaml_text(value);
	_cleanup_free_ char *json = json_text(value, JSON_COMPACT);

	if (yaml_parse(str_of(text), &again, &err) < 0 || !val_equal(value, again))
		abort();
	if (json_parse(str_of(json), NULL, NULL, &from_json, &err) < 0 ||
		!val_equal(value, from_json))
		abort();
}

/* VALUE, which JSON may have given, can be written; integral doubles read back as ints. */
static void check_writing(struct val value)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val again = VAL_NULL;
	_cleanup_free_ char *text = yaml_text(value);

	if (yaml_parse(str_of(text), &again, &err) < 0)
		abort();
	check_document(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_(val_free) struct val value = VAL_NULL;

	if (yaml_parse_all(text, &list, &err) < 0 && !str_is_utf8(str_of(err.text)))
		abort();
	for (size_t i = 0; i < val_count(list); i++)
		check_document(val_at(list, i));
	if (yaml_or_json_parse(text, &value, &err) == 0)
		check_writing(value);
	else if (err.kind == ERR_NONE)
		abort();
	return 0;
}
