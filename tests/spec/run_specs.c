/*
 * Runs the expression cases of the files given (README.md has their form). TAP on standard output; a failure says file and line.
 *
 *	run_specs [-v] FILE…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "expr/expr.h"
#include "expr/template.h"
#include "lib/expr_print.h"
#include "spec_file.h"

#define MAX_FILE_BYTES (16 << 20)
#define NOW_MS 1704110400123 /* 2024-01-01T12:00:00.123Z */

/* One case: what it is called is its place. */
struct spec {
	unsigned line;
	struct str context, source, expected;
};

struct run {
	struct val value;
	struct template_result result;
};

static void run_free(struct run *run)
{
	val_free(&run->value);
	template_result_free(&run->result);
}

static void complain(struct spec_file *file, const struct spec *spec, const char *what,
	struct str expected, const char *got)
{
	printf("# %s:%u: %s\n#   source:   %.*s\n#   expected: %.*s\n#   got:      %s\n",
		file->path, spec->line, what, STR_ARG(spec->source), STR_ARG(expected), got);
}

static bool parse(struct str text, struct val *ret)
{
	struct err err = ERR_INIT;
	bool good = json_parse(text, NULL, NULL, ret, &err) == 0;
	if (!good)
		printf("# not JSON: %.*s: %s\n", STR_ARG(text), err_text(&err));
	err_clear(&err);
	return good;
}

/* "@name = {…}" keeps a context under its name. */
static bool define(struct spec_file *file, struct str line)
{
	ptrdiff_t equals = str_find(line, " = ", 0);
	struct val value;
	if (line.bytes[0] != '@' || equals < 0)
		return false;
	if (!parse(str_slice(line, (size_t)equals + 3, line.length), &value)) {
		file->failed++;
		return true;
	}
	val_set_str(&file->names, str_slice(line, 1, (size_t)equals), value);
	return true;
}

static bool context_of(struct spec_file *file, struct str line, struct val *ret)
{
	if (line.bytes[0] != '@')
		return parse(line, ret);
	struct str name = str_slice(line, 1, line.length);
	*ret = val_ref(val_get_str(file->names, str_trim(name)));
	if (val_is_null(*ret))
		printf("# no context is called %.*s\n", STR_ARG(name));
	return !val_is_null(*ret);
}

/* Source lines: `map {…}` is a whole map, anything else one string; "strict " forbids unknown keys. */
static bool source_of(const struct spec *spec, bool *ret_strict, struct val *ret)
{
	struct str text = spec->source;
	*ret_strict = str_starts(text, "strict ");
	if (*ret_strict)
		text = str_slice(text, 7, text.length);
	if (str_starts(text, "map "))
		return parse(str_slice(text, 4, text.length), ret);
	*ret = val_str(text);
	return true;
}

static const char *why(const struct run *run)
{
	return val_get_text(val_at(run->result.failure_list, 0), "description", "no failure");
}

/* ERROR or INFO, and what must be in the description or the exception's name. */
static bool check_failure(struct spec_file *file, const struct spec *spec, const struct run *run,
	const char *level, struct str part)
{
	struct val failure = val_at(run->result.failure_list, 0);
	const char *type = val_get_text(failure, "exceptionType", "");
	_cleanup_free_ char *text = xstrndup(part.bytes, part.length);
	if (strcmp(val_get_text(failure, "level", ""), level) != 0) {
		complain(file, spec, "another outcome", spec->expected, why(run));
		return false;
	}
	if (part.length && !strstr(why(run), text) && !strstr(type, text)) {
		complain(file, spec, type, spec->expected, why(run));
		return false;
	}
	return true;
}

static bool check_value(
	struct spec_file *file, const struct spec *spec, struct str expected, const struct run *run)
{
	_cleanup_free_ char *got = json_text(run->value, JSON_COMPACT);
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (!parse(expected, &value))
		return false;
	if (val_equal(value, run->value))
		return true;
	complain(file, spec, "another value", expected, got);
	return false;
}

/* ERROR, ERROR text, either with what the whole map became behind "leaves", INFO, INFO value or a value. */
static bool check(
	struct spec_file *file, const struct spec *spec, struct val source, const struct run *run)
{
	struct str expected = str_trim(spec->expected);
	bool error = str_starts(expected, "ERROR"), info = str_starts(expected, "INFO");
	struct str rest = str_trim(str_slice(expected, error ? 5 : info ? 4 : 0, expected.length));
	ptrdiff_t left = error ? str_find(rest, " leaves ", 0) : -1;
	if (left >= 0) {
		struct str part = str_slice(rest, 0, (size_t)left);
		return check_failure(file, spec, run, "ERROR", part) &&
			check_value(file, spec, str_slice(rest, (size_t)left + 8, rest.length), run);
	}
	if (!error && !info && run->result.failures) {
		complain(file, spec, why(run), expected, "a failure");
		return false;
	}
	if (!error && !info)
		return check_value(file, spec, rest, run);
	if (!check_failure(file, spec, run, error ? "ERROR" : "INFO",
		    error ? rest : (struct str){ "", 0 }))
		return false;
	if (info && rest.length)
		return check_value(file, spec, rest, run);
	/* In a map others may have succeeded. */
	if (val_is_string(source) && !val_equal(run->value, source)) {
		complain(file, spec, "not left as it was", expected, "something else");
		return false;
	}
	return true;
}

/* What the cases see of the world: "body:TEXT" is a URL that answers TEXT, all others fail. */
static int spec_fetch(void *data, struct str url, struct strbuf *ret_body, struct err *err)
{
	if (!str_starts(url, "body:"))
		return err_set(err, ERR_NOT_FOUND, "404 Not Found");
	strbuf_add_str(ret_body, str_slice(url, 5, url.length));
	return 0;
}

/* Each application has one pipeline, p. */
static struct val spec_pipeline_id(
	void *data, struct str name, const char *application, struct err *err)
{
	return str_is(name, "p") ? val_format("%s/p", application ? application : "own") : VAL_NULL;
}

/* There is one application, app. */
static struct val spec_application(void *data, struct str name, struct err *err)
{
	struct val attributes = val_map();
	if (!str_is(name, "app"))
		return VAL_NULL;
	val_set(&attributes, "name", val_str(name));
	val_set(&attributes, "email", val_string("app@example.com"));
	return attributes;
}

static void check_print(void *data, struct str body, size_t offset)
{
	char **wrong = data;
	if (!*wrong)
		*wrong = expr_check_print(body);
}

/* Each expression of the source, written from its tree, must parse to that tree. */
static bool check_prints(struct spec_file *file, const struct spec *spec)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *wrong = NULL;
	template_scan(spec->source, check_print, &wrong, &err);
	if (wrong)
		complain(file, spec, "parsed again it is another tree", spec->expected, wrong);
	return !wrong;
}

static bool run_spec(struct spec_file *file, const struct spec *spec)
{
	_cleanup_(val_free) struct val context = VAL_NULL;
	_cleanup_(val_free) struct val source = VAL_NULL;
	bool strict;
	if (!context_of(file, spec->context, &context) || !source_of(spec, &strict, &source))
		return false;
	_cleanup_free_ char *before = json_text(context, JSON_COMPACT);
	struct expr_host *host = expr_host_of_map(
		context, val_get_text(context, "__currentStageId", NULL));
	host->now_ms = NOW_MS;
	host->fetch = spec_fetch;
	host->pipeline_id = spec_pipeline_id;
	host->application = spec_application;
	struct expr_limits limits = { .allow_unknown_keys = !strict };
	_cleanup_(run_free) struct run run = { 0 };
	enum expr_failure failure = template_evaluate(
		source, NULL, host, &limits, NOW_MS, &run.value, &run.result);
	bool good = failure == EXPR_OK && check(file, spec, source, &run) && check_prints(file, spec);
	expr_host_free(host);
	_cleanup_free_ char *after = json_text(context, JSON_COMPACT);
	if (strcmp(before, after) != 0) {
		complain(file, spec, "the context was changed", spec->context, after);
		good = false;
	}
	return good;
}

static void run_file(struct spec_file *file)
{
	struct spec spec;
	while (spec_next_text(file, &spec.context)) {
		spec.line = file->line;
		if (define(file, spec.context))
			continue;
		if (!spec_next_line(file, &spec.source) || !spec_next_line(file, &spec.expected)) {
			printf("# %s:%u: a case has three lines\n", file->path, spec.line);
			file->failed++;
			return;
		}
		spec_count(file, spec.line, spec.source, run_spec(file, &spec));
	}
}

int main(int argc, char **argv)
{
	setenv("TZ", "UTC", 1);
	return spec_main(argc, argv, MAX_FILE_BYTES, false, run_file);
}
