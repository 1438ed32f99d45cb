#include "document.h"

#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/yaml.h"

/* "examples/hello.json" → "hello"; owned. */
static char *name_of_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = strcmp(path, "-") == 0 ? "stdin" : (slash ? slash + 1 : path);
	const char *dot = strrchr(base, '.');
	return xstrndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

int document_read(const char *path, struct val *ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	_cleanup_(val_free) struct val document = VAL_NULL;
	if (file_read(path, LIMIT_BODY_BYTES, &text, err) < 0)
		return -1;
	int result = yaml_or_json_parse(strbuf_str(&text), &document, err);
	strbuf_free(&text);
	if (result < 0)
		return err_wrap(err, "%s", path);
	if (!val_is_map(document) || !val_has(document, "stages"))
		return err_set(err, ERR_INVALID,
			"%s: a pipeline is an object with a list of \"stages\"", path);
	if (!*val_get_text(document, "name", "")) {
		_cleanup_free_ char *name = name_of_file(path);
		val_set(&document, "name", val_string(name));
	}
	*ret = take(&document);
	return 0;
}

int document_read_parameters(const struct options *options, struct val *parameters, struct err *err)
{
	for (size_t i = 0; i < options->values.count; i++) {
		const struct option_value *value = &options->values.items[i];
		if (strcmp(value->row->name, "parameter") != 0)
			continue;
		const char *equals = strchr(value->text, '=');
		if (!equals || equals == value->text)
			return err_set(err, ERR_INVALID, "-p %s: expected NAME=VALUE", value->text);
		val_set_str(parameters, (struct str){ value->text, (size_t)(equals - value->text) },
			val_string(equals + 1));
	}
	return 0;
}
