/*
 * Runs the cases of the files given (README.md has their form). TAP on standard output; a failure says file and line.
 *
 *	run_kubernetes [-v] FILE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/yaml.h"
#include "kubernetes_rules.h"
#include "spec_file.h"

#define MAX_FILE_BYTES (1 << 20)
#define MAX_DEPTH 8 /* of values that are made from others */

/* Two lines. */
struct spec {
	unsigned line;
	struct str given, expected;
};

static void complain(struct spec_file *file, unsigned line, const char *what, struct str text)
{
	printf("# %s:%u: %s: %.*s\n", file->path, line, what, STR_ARG(text));
}

/* ---- values --------------------------------------------------------------------------------------- */

/* MORE over *VALUE: maps key by key at every depth, null takes away, all else replaces. */
static void merge(struct val *value, struct val more)
{
	if (!val_is_map(*value) || !val_is_map(more)) {
		val_replace(value, val_ref(more));
		return;
	}
	for (size_t i = 0; i < val_count(more); i++) {
		struct str key = val_key_at(more, i);
		struct val item = val_value_at(more, i);

		if (val_is_null(item))
			val_remove_str(value, key);
		else if (val_is_map(item) && val_is_map(val_get_str(*value, key)))
			merge(val_edit_str(value, key), item);
		else
			val_set_str(value, key, val_ref(item));
	}
}

/* {"base": name, …} becomes the value of that name with the rest over it, at every depth. */
static bool resolve(struct spec_file *file, struct val *value, unsigned depth)
{
	const char *name = val_get_text(*value, "base", NULL);
	_cleanup_(val_free) struct val base = VAL_NULL;

	if (name && val_is_null(val_get(file->names, name))) {
		complain(file, file->line, "no such name", str_of(name));
		return false;
	}
	if (name) {
		base = val_ref(val_get(file->names, name));
		val_remove(value, "base");
		merge(&base, *value);
		val_replace(value, take(&base));
	}
	if (!val_is_map(*value) && !val_is_list(*value))
		return true;
	for (size_t i = 0; depth < MAX_DEPTH && i < val_count(*value); i++) {
		if (!resolve(file, val_edit_at(value, i), depth + 1))
			return false;
	}
	return true;
}

static bool parse(struct spec_file *file, struct str text, struct val *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (yaml_parse(text, ret, &err) < 0) {
		complain(file, file->line, err_text(&err), text);
		return false;
	}
	return resolve(file, ret, 0);
}

/* ---- lines ---------------------------------------------------------------------------------------- */

/* "@name = {…}" */
static bool define(struct spec_file *file, struct str line)
{
	ptrdiff_t equals = str_find(line, " = ", 0);
	struct val value = VAL_NULL;

	if (line.bytes[0] != '@' || equals < 0)
		return false;
	if (parse(file, str_slice(line, (size_t)equals + 3, line.length), &value))
		val_set_str(&file->names, str_slice(line, 1, (size_t)equals), value);
	else
		file->failed++;
	return true;
}

/* "rule NAME": of the cases that follow. */
static bool choose_rule(struct spec_file *file, struct str line)
{
	if (!str_starts(line, "rule "))
		return false;
	file->rule = kubernetes_rules;
	while (file->rule->name && !str_is(str_slice(line, 5, line.length), file->rule->name))
		file->rule++;
	if (!file->rule->name) {
		complain(file, file->line, "no such rule", line);
		file->failed++;
	}
	return true;
}

/* "ERROR" and what must be in the text. */
static bool check_error(struct spec_file *file, const struct spec *spec, const struct err *err)
{
	struct str part = str_trim(str_slice(spec->expected, 5, spec->expected.length));
	_cleanup_free_ char *text = xstrndup(part.bytes, part.length);

	if (err->kind != ERR_NONE && strstr(err_text(err), text))
		return true;
	complain(file, spec->line, "another outcome", str_of(err_text(err)));
	return false;
}

static bool check_value(
	struct spec_file *file, const struct spec *spec, struct val value, const struct err *err)
{
	_cleanup_(val_free) struct val expected = VAL_NULL;
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);

	if (err->kind != ERR_NONE) {
		complain(file, spec->line, "an error", str_of(err_text(err)));
		return false;
	}
	if (!parse(file, spec->expected, &expected))
		return false;
	if (val_equal(expected, value))
		return true;
	complain(file, spec->line, "got", str_of(text));
	return false;
}

static bool run_spec(struct spec_file *file, const struct spec *spec)
{
	_cleanup_(val_free) struct val given = VAL_NULL, value = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *before = NULL, *after = NULL;
	bool good;

	if (!file->rule || !file->rule->name || !parse(file, spec->given, &given))
		return false;
	before = json_text(given, JSON_COMPACT);
	if (file->rule->apply(given, &value, &err) < 0 && err.kind == ERR_NONE)
		abort();
	good = str_starts(spec->expected, "ERROR") ? check_error(file, spec, &err) :
						     check_value(file, spec, value, &err);
	after = json_text(given, JSON_COMPACT);
	if (strcmp(before, after) != 0) {
		complain(file, spec->line, "what was given has changed", str_of(after));
		good = false;
	}
	return good;
}

static void run_file(struct spec_file *file)
{
	struct spec spec;

	while (spec_next_text(file, &spec.given)) {
		spec.line = file->line;
		if (define(file, spec.given) || choose_rule(file, spec.given))
			continue;
		if (!spec_next_line(file, &spec.expected) || !spec.expected.length) {
			complain(file, spec.line, "a case has two lines", spec.given);
			file->failed++;
			continue;
		}
		spec_count(file, spec.line, spec.given, run_spec(file, &spec));
	}
}

int main(int argc, char **argv)
{
	return spec_main(argc, argv, MAX_FILE_BYTES, true, run_file);
}
