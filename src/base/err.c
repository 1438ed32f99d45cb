#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/str.h"

static const struct err_row {
	const char *name;
	int http_status;
	bool retryable;
} err_kinds[] = {
	[ERR_NONE] = { "none", 200, false },
	[ERR_INVALID] = { "invalid", 400, false },
	[ERR_UNSUPPORTED] = { "unsupported", 400, false },
	[ERR_DENIED] = { "denied", 403, false },
	[ERR_NOT_FOUND] = { "not found", 404, false },
	[ERR_NOT_ALLOWED] = { "not allowed", 405, false },
	[ERR_CONFLICT] = { "conflict", 409, false },
	[ERR_TOO_LARGE] = { "too large", 413, false },
	[ERR_UNAVAILABLE] = { "unavailable", 503, true },
	[ERR_TIMEOUT] = { "timeout", 504, true },
	[ERR_CANCELED] = { "canceled", 500, false },
	[ERR_FAILED] = { "failed", 500, false },
	[ERR_INTERNAL] = { "internal", 500, false },
};

static const struct err_row *row_of(enum err_kind kind)
{
	bool known = (unsigned)kind < sizeof(err_kinds) / sizeof(err_kinds[0]);
	return &err_kinds[known ? kind : ERR_INTERNAL];
}

/* Cuts TEXT (owned, LENGTH bytes) to the cap without breaking a UTF-8 character, and says that it did. */
static char *capped(char *text, size_t length)
{
	static const char mark[] = " …";
	if (length <= LIMIT_ERROR_TEXT_BYTES)
		return text;
	size_t keep = LIMIT_ERROR_TEXT_BYTES - (sizeof(mark) - 1);
	while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
		keep--;
	memcpy(text + keep, mark, sizeof(mark));
	return text;
}

__attribute__((format(printf, 1, 0))) static char *text_of(const char *format, va_list args)
{
	char *text = NULL;
	int length = vasprintf(&text, format, args);
	if (length < 0)
		return xstrdup("(the error's text could not be formatted)");
	return capped(text, (size_t)length);
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = text_of(format, args); /* before the clearing: ARGS may point into the old text */
	va_end(args);
	err_clear(err);
	err->kind = kind;
	err->text = text;
	return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	_cleanup_free_ char *context = text_of(format, args);
	va_end(args);
	char *text = xasprintf("%s: %s", context, err_text(err));
	free(err->text);
	err->text = capped(text, strlen(text));
	if (err->kind == ERR_NONE)
		err->kind = ERR_INTERNAL;
	return -1;
}

void err_clear(struct err *err)
{
	free(err->text);
	val_free(&err->details);
	*err = ERR_INIT;
}

void err_move(struct err *to, struct err *from)
{
	if (to == from)
		return;
	err_clear(to);
	*to = *from;
	*from = ERR_INIT;
}

const char *err_text(const struct err *err)
{
	return err->text ? err->text : row_of(err->kind)->name;
}

int err_http_status(enum err_kind kind)
{
	return row_of(kind)->http_status;
}

bool err_is_retryable(enum err_kind kind)
{
	return row_of(kind)->retryable;
}

const char *err_kind_name(enum err_kind kind)
{
	return row_of(kind)->name;
}
