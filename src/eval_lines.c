/*
 * Many evaluations, a line each: {"id"?, "context": {…}, "expr": "text with ${…}" | "source": {…}, "allowUnknownKeys"?: true,
 * "currentStageId"?: "…"} in, {"id", "value", "evaluated", "failures": […]} out, or {"error"}.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "eval.h"
#include "expr/template.h"

/* What has come of one line: a map with the answer, or with why there is none. */
static void answer_error(struct val *answer, const struct err *err)
{
	val_set(answer, "error", val_string(err_text(err)));
}

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

static int check_line(struct val line, struct val *ret_source, struct err *err)
{
	struct val text = val_get(line, "expr"), source = val_get(line, "source");
	struct val context = val_get(line, "context");
	if (!val_is_map(context) && !val_is_null(context))
		return err_set(err, ERR_INVALID, "context: expected an object");
	if (val_has(line, "expr") == val_has(line, "source"))
		return err_set(err, ERR_INVALID, "expected either \"expr\" or \"source\"");
	if (val_has(line, "expr") && !val_is_string(text))
		return err_set(err, ERR_INVALID, "expr: expected a text");
	*ret_source = val_has(line, "expr") ? text : source;
	return 0;
}

static int evaluate_line(
	struct eval_session *session, struct val line, struct val *answer, struct err *err)
{
	struct val source;
	if (check_line(line, &source, err) < 0)
		return -1;
	struct expr_limits limits = { .allow_unknown_keys = val_get_bool(
					      line, "allowUnknownKeys", false) };
	struct template_result result = { 0 };
	struct val value = VAL_NULL;
	eval_session_look_at(
		session, val_get(line, "context"), val_get_text(line, "currentStageId", NULL));
	session->net.fetch.count = 0;
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

static struct val answer_line(struct eval_session *session, const struct strbuf *text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val line = VAL_NULL;
	struct val answer = val_map();
	int result = 0;
	if (text->overflowed)
		result = err_set(&err, ERR_TOO_LARGE, "the line is longer than %zu bytes", text->cap);
	else
		result = json_parse(strbuf_str(text), NULL, NULL, &line, &err);
	if (result == 0 && !val_is_map(line))
		result = err_set(&err, ERR_INVALID, "expected an object");
	if (val_has(line, "id"))
		val_set(&answer, "id", val_ref(val_get(line, "id")));
	if (result == 0)
		result = evaluate_line(session, line, &answer, &err);
	if (result < 0)
		answer_error(&answer, &err);
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
	while (status == EXIT_OK && read_line(input, &line)) {
		_cleanup_(val_free) struct val answer = answer_line(session, &line);
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
