/*
 * Errors: a kind, which decides what happens next, and a text that gains context on its way up.
 *
 *	if (file_read(path, &text, err) < 0)
 *		return err_wrap(err, "settings %s", path);
 *
 * A function that can fail returns int (0 or -1) or a pointer, takes `struct err *err` last, and
 * touches its results only on success. It either logs or returns an error, never both. `err` is
 * never NULL; one that already holds an error is overwritten by err_set.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/val.h"

/* What kind of failure it is. Rows of err_kinds (err.c) say the HTTP status and whether a task retries. */
enum err_kind {
	ERR_NONE,
	ERR_INVALID,     /* the user's input is wrong: 400, no retry */
	ERR_UNSUPPORTED, /* asks for what is not built: 400, no retry */
	ERR_DENIED,      /* refused by a rule or by the other side: 403, no retry */
	ERR_NOT_FOUND,   /* 404, no retry */
	ERR_NOT_ALLOWED, /* not in this state or for this kind of thing: 405, no retry */
	ERR_CONFLICT,    /* 409, no retry */
	ERR_TOO_LARGE,   /* over a cap of limits.h: 413, no retry */
	ERR_UNAVAILABLE, /* cannot be reached, throttled, busy: 503, retried */
	ERR_TIMEOUT,     /* no answer in time: 504, retried */
	ERR_CANCELED,    /* the cancel flag was set: no retry */
	ERR_FAILED,      /* the work itself failed: 500, no retry */
	ERR_INTERNAL,    /* a mistake of ours, or a broken disk: 500, no retry */
};

struct err {
	enum err_kind kind;
	char *text;         /* owned; NULL when kind is ERR_NONE */
	struct val details; /* owned; VAL_NULL or a map that goes into context.exception.details */
	int retry_after_ms; /* the other side asked to wait so long; 0 = it did not say */
};

#define ERR_INIT                 \
	(struct err)             \
	{                        \
		.kind = ERR_NONE \
	}
#define _cleanup_err_ _cleanup_(err_clear)

/* Sets kind and text; always returns -1, so that `return err_set(…)` reads well. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text; keeps the kind; returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees what it holds and makes it ERR_NONE. */
void err_clear(struct err *err);

/* Moves FROM into TO (whose old content is freed) and leaves FROM empty. */
void err_move(struct err *to, struct err *from);

/* The text, never NULL. Borrowed. */
const char *err_text(const struct err *err);

/* What an HTTP answer says for this kind, and whether a task that fails so is run again. */
int err_http_status(enum err_kind kind);
bool err_is_retryable(enum err_kind kind);

/* The kind's name in lower case ("not found"), static. */
const char *err_kind_name(enum err_kind kind);

#endif
