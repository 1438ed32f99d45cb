/* One value for people: as JSON, or why there is none, with the place under the text. */
#include <stdio.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "base/json.h"
#include "base/limits.h"
#include "eval.h"
#include "expr/template.h"
#include "output.h"

#define CUT_BYTES 100 /* shown of a long line on either side of the place */

static void print_value(struct val value, bool raw)
{
	_cleanup_free_ char *text = raw && val_is_string(value) ? NULL :
								  json_text(value, JSON_COMPACT);
	struct str shown = text ? str_of(text) : val_as_str(&value);
	fwrite(shown.bytes, 1, shown.length, stdout);
	putchar('\n');
}

/* How many columns of a terminal TEXT takes. */
static int width_of(struct str text)
{
	int width = 0;
	for (int32_t at = 0, length = (int32_t)text.length; at < length;) {
		UChar32 c;
		U8_NEXT(text.bytes, at, length, c);
		int wide = c < 0 ? U_EA_NEUTRAL : u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
		width += wide == U_EA_WIDE || wide == U_EA_FULLWIDTH ? 2 : 1;
	}
	return width;
}

static bool is_inside(struct str text, size_t at)
{
	return at < text.length && ((unsigned char)text.bytes[at] & 0xc0) == 0x80;
}

/* The line of TEXT with the byte POSITION, and a caret under that. */
static void print_place(struct str text, size_t position)
{
	size_t start = position, end = position;
	while (start > 0 && text.bytes[start - 1] != '\n' &&
		(position - start < CUT_BYTES || is_inside(text, start)))
		start--;
	while (end < text.length && text.bytes[end] != '\n' &&
		(end - position < CUT_BYTES || is_inside(text, end)))
		end++;
	struct str before = str_slice(text, start, position);
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	strbuf_printf(&line, "%.*s", (int)(end - start), text.bytes + start);
	for (size_t i = 0; i < line.length; i++)
		if (line.bytes[i] == '\t')
			line.bytes[i] = ' ';
	output_put_text(stderr, line.bytes);
	fprintf(stderr, "\n%*s^\n", width_of(before), "");
}

/* A failure of the template TEXT; false for what merely was null. */
static bool print_failure(struct str text, struct val failure)
{
	bool is_error = strcmp(val_get_text(failure, "level", ""), "ERROR") == 0;
	int64_t position = val_get_int(failure, "position", -1);
	if (position >= 0 && (size_t)position <= text.length)
		print_place(text, (size_t)position);
	complain(0, "%s", val_get_text(failure, "description", "failed"));
	return is_error;
}

static int print_template(struct eval_session *session, struct val source)
{
	struct expr_limits limits = { .allow_unknown_keys = true };
	struct template_result result = { 0 };
	_cleanup_(val_free) struct val value = VAL_NULL;
	if (template_evaluate(source, NULL, &session->host, &limits, clock_now_ms(clock_real()),
		    &value, &result) != EXPR_OK)
		return complain(
			EXIT_FAILED, "the expression needs more than %d steps", LIMIT_EXPR_STEPS);
	int status = result.failures ? EXIT_FAILED : EXIT_OK;
	for (size_t i = 0; i < val_count(result.failure_list); i++)
		print_failure(val_as_str(&source), val_at(result.failure_list, i));
	if (status == EXIT_OK)
		print_value(value, session->raw);
	template_result_free(&result);
	return status;
}

static int print_body(struct eval_session *session, struct str text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct expr_limits limits = { .allow_unknown_keys = true };
	_cleanup_(val_free) struct val value = VAL_NULL;
	const char *exception = "";
	int position = -1;
	if (expr_evaluate(text, &session->host, &limits, &value, &exception, &position, &err) ==
		EXPR_OK) {
		print_value(value, session->raw);
		return EXIT_OK;
	}
	if (position >= 0)
		print_place(text, (size_t)position);
	return complain(EXIT_FAILED, "%s: %s", exception, err_text(&err));
}

int eval_print(struct eval_session *session, const char *text)
{
	_cleanup_(val_free) struct val source = val_string(text);
	session->net.fetch.count = 0;
	return template_is_candidate(source) ? print_template(session, source) :
					       print_body(session, str_of(text));
}
