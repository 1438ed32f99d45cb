#include "document.h"

#include <stdio.h>
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

static int read_file(const char *path, struct val *ret, struct err *err)
{
	struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);
	_cleanup_(val_free) struct val document = VAL_NULL;
	if (file_read(path, LIMIT_BODY_BYTES, &text, err) < 0)
		return -1;
	int result = yaml_or_json_parse(strbuf_str(&text), &document, err);
	strbuf_free(&text);
	if (result < 0)
		return err_wrap(err, "%s", path);
	*ret = take(&document);
	return 0;
}

/* NAME: of a pipeline that has none; NULL = it needs one. */
static int take_pipeline(
	struct val document, const char *path, const char *name, struct val *ret, struct err *err)
{
	if (!val_is_map(document) || !val_has(document, "stages"))
		return err_set(err, ERR_INVALID,
			"%s: a pipeline is an object with a list of \"stages\"", path);
	bool is_named = *val_get_text(document, "name", "");
	if (!is_named && !name)
		return err_set(err, ERR_INVALID, "%s: a pipeline in a list needs a name", path);
	*ret = val_ref(document);
	if (!is_named)
		val_set(ret, "name", val_string(name));
	return 0;
}

int document_read(const char *path, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_free_ char *name = name_of_file(path);
	if (read_file(path, &document, err) < 0)
		return -1;
	if (val_is_list(document))
		return err_set(err, ERR_INVALID,
			"%s: it holds a list of %zu, and one pipeline is run at a time; gennaker pipelines save "
			"takes a list, gennaker pipelines start runs one of them",
			path, val_count(document));
	return take_pipeline(document, path, name, ret, err);
}

int document_read_all(const char *path, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL, all = val_list();
	_cleanup_free_ char *name = name_of_file(path);
	bool is_list;
	if (read_file(path, &document, err) < 0)
		return -1;
	is_list = val_is_list(document);
	if (is_list && val_count(document) == 0)
		return err_set(err, ERR_INVALID, "%s: there are no pipelines in it", path);
	for (size_t i = 0; i < (is_list ? val_count(document) : 1); i++) {
		_cleanup_free_ char *place = is_list ? xasprintf("%s[%zu]", path, i) : xstrdup(path);
		struct val one = VAL_NULL;
		if (take_pipeline(is_list ? val_at(document, i) : document, place,
			    is_list ? NULL : name, &one, err) < 0)
			return -1;
		val_append(&all, one);
	}
	*ret = take(&all);
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

/* Whether the author declared NAME; *RET_NEAR is what was probably meant instead, or NULL. Borrowed from PIPELINE. */
static bool is_declared(struct val pipeline, struct str name, struct val given, const char **ret_near)
{
	struct val declared = val_get(pipeline, "parameterConfig");
	unsigned best = name.length > 3 ? 3 : 2;
	*ret_near = NULL;
	for (size_t i = 0; val_is_list(declared) && i < val_count(declared); i++) {
		const char *known = val_get_text(val_at(declared, i), "name", "");
		if (str_is(name, known))
			return true;
		if (*known && !val_has(given, known) && str_nearer(name, str_of(known), &best))
			*ret_near = known;
	}
	return false;
}

int document_check_parameters(struct val pipeline, const struct options *options, struct err *err)
{
	_cleanup_(val_free) struct val given = val_map();
	if (document_read_parameters(options, &given, err) < 0)
		return -1;
	for (size_t i = 0; i < val_count(given); i++) {
		const char *near;
		struct str name = val_key_at(given, i);
		if (is_declared(pipeline, name, given, &near))
			continue;
		if (near)
			return err_set(err, ERR_INVALID,
				"-p %.*s: the pipeline declares no such parameter; did you mean \"%s\"?",
				STR_ARG(name), near);
		fprintf(stderr, "-p %.*s: the pipeline declares no such parameter; it is passed on\n",
			STR_ARG(name));
	}
	return 0;
}
