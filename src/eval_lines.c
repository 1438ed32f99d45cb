/*
 * Many evaluations, a line each: {"id"?, "context": {…}, "expr": "text with ${…}" | "source": {…}, "allowUnknownKeys"?: true,
 * "currentStageId"?: "…"} in, {"id", "value", "evaluated", "failures": […]} out, or {"error"}.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "eval.h"
#include "expr/template.h"

static struct val shown_failures(struct val failures)
{
	static const char *const keys[] = { "expression", "level", "key", "description",
		"exceptionType" };
	struct val list = val_list();
	for (size_t i = 0; i < val_count(failures); i++) {
		struct val shown = val_map();
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			val_set(&shown, keys[k], val_ref(val_get(val_at(failures, i), keys[k])));
		val_append(&list, shown);
	}
	return list;
}

/* What a line may hold; "id" and "source" are of any kind. Other keys are the caller's own. */
static const struct {
	const char *name;
	enum val_kind kind; /* VAL_KIND_NULL: any */
	bool may_be_null;
} fields[] = {
	{ "id", VAL_KIND_NULL, true },
	{ "context", VAL_KIND_MAP, true },
	{ "expr", VAL_KIND_STRING, false },
	{ "source", VAL_KIND_NULL, true },
	{ "allowUnknownKeys", VAL_KIND_BOOL, true },
	{ "currentStageId", VAL_KIND_STRING, true },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static int check_fields(struct val line, struct err *err)
{
	for (size_t i = 0; i < FIELDS; i++) {
		struct val value = val_get(line, fields[i].name);
		if (!val_has(line, fields[i].name) || fields[i].kind == VAL_KIND_NULL ||
			val_kind(value) == fields[i].kind ||
			(fields[i].may_be_null && val_is_null(value)))
			continue;
		return err_set(err, ERR_INVALID, "%s: expected %s, found %s", fields[i].name,
			val_kind_name(fields[i].kind), val_kind_name(val_kind(value)));
	}
	return 0;
}

/* A misspelt name would go unnoticed; short ones are too near to others. */
static int check_names(struct val line, struct err *err)
{
	for (size_t i = 0; i < val_count(line); i++) {
		struct str key = val_key_at(line, i);
		for (size_t k = 0; k < FIELDS; k++) {
			unsigned best = 3;
			struct str name = str_of(fields[k].name);
			if (name.length > 5 && !val_has_str(line, name) &&
				str_nearer(key, name, &best))
				return err_set(err, ERR_INVALID,
					"%.*s: no such field; did you mean \"%s\"?", STR_ARG(key),
					fields[k].name);
		}
	}
	return 0;
}

static int check_line(struct val line, struct val *ret_source, struct err *err)
{
	bool expr = val_has(line, "expr"), source = val_has(line, "source");
	if (check_fields(line, err) < 0 || check_names(line, err) < 0)
		return -1;
	if (expr == source)
		return err_set(err, ERR_INVALID,
			expr ? "expected \"expr\" or \"source\", found both" :
			       "expected \"expr\" or \"source\", found neither");
	*ret_source = val_get(line, expr ? "expr" : "source");
	return 0;
}

static int look_at(struct eval_session *session, struct val line, struct err *err)
{
	const char *stage = val_get_text(line, "currentStageId", NULL);
	eval_session_look_at(session, val_get(line, "context"), stage);
	session->net.fetch.count = 0;
	if (stage && session->host.current_stage < 0)
		return err_set(err, ERR_INVALID,
			"currentStageId: context.execution has no stage with the id \"%s\"", stage);
	return 0;
}

static int evaluate_line(
	struct eval_session *session, struct val line, struct val *answer, struct err *err)
{
	struct val source;
	if (check_line(line, &source, err) < 0 || look_at(session, line, err) < 0)
		return -1;
	struct expr_limits limits = { .allow_unknown_keys = val_get_bool(
					      line, "allowUnknownKeys", false) };
	struct template_result result = { 0 };
	struct val value = VAL_NULL;
	if (template_evaluate(source, NULL, &session->host, &limits, clock_now_ms(clock_real()),
		    &value, &result) != EXPR_OK)
		return err_set(
			err, ERR_TOO_LARGE, "more than %d steps are needed", LIMIT_EXPR_PASS_STEPS);
	val_set(answer, "value", value);
	val_set(answer, "evaluated", val_int((int64_t)result.evaluated));
	val_set(answer, "failures", shown_failures(result.failure_list));
	template_result_free(&result);
	return 0;
}

/* The reader of JSON sees one line only: its "line 1, column 2" is of the line NUMBER here. */
static void set_line(struct err *err, size_t number)
{
	const char *text = err_text(err), *first = "line 1, ";
	bool placed = strncmp(text, first, strlen(first)) == 0;
	_cleanup_free_ char *why = xstrdup(placed ? text + strlen(first) : text);
	err_set(err, err->kind, "line %zu%s%s", number, placed ? ", " : ": ", why);
}

static struct val answer_line(struct eval_session *session, const struct strbuf *text, size_t number)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val line = VAL_NULL;
	struct val answer = val_map();
	int result = 0;
	if (text->overflowed)
		result = err_set(&err, ERR_TOO_LARGE, "longer than %zu bytes", text->cap);
	else
		result = json_parse(strbuf_str(text), NULL, NULL, &line, &err);
	if (result == 0 && !val_is_map(line))
		result = err_set(
			&err, ERR_INVALID, "expected map, found %s", val_kind_name(val_kind(line)));
	if (val_has(line, "id"))
		val_set(&answer, "id", val_ref(val_get(line, "id")));
	if (result == 0)
		result = evaluate_line(session, line, &answer, &err);
	if (result < 0) {
		set_line(&err, number);
		val_set(&answer, "error", val_string(err_text(&err)));
	}
	return answer;
}

/* The next line without its end; false when there is none. What does not fit is read and left out. */
static bool read_line(FILE *input, struct strbuf *line)
{
	int c;
	bool any = false;
	strbuf_reset(line);
	while ((c = getc_unlocked(input)) != EOF && c != '\n') {
		any = true;
		strbuf_add_char(line, (char)c);
	}
	return any || c == '\n';
}

int eval_lines(struct eval_session *session, const char *file)
{
	bool is_file = file && strcmp(file, "-") != 0;
	FILE *input = is_file ? fopen(file, "re") : stdin;
	int status = EXIT_OK;
	if (!input)
		return complain(EXIT_USAGE, "%s: %s", file, strerror(errno));
	struct strbuf line = STRBUF_INIT(LIMIT_BODY_BYTES);
	for (size_t number = 1; status == EXIT_OK && read_line(input, &line); number++) {
		_cleanup_(val_free) struct val answer = answer_line(session, &line, number);
		_cleanup_free_ char *text = json_text(answer, JSON_COMPACT);
		if (puts(text) < 0 || fflush(stdout) != 0)
			status = complain(EXIT_FAILED, "standard output: %s", strerror(errno));
	}
	if (ferror(input))
		status = complain(
			EXIT_FAILED, "%s: %s", is_file ? file : "standard input", strerror(errno));
	strbuf_free(&line);
	if (is_file)
		fclose(input);
	return status;
}
