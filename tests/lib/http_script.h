/*
 * The other side of HTTP, scripted: a transport that answers from a table and writes down what was
 *sent.
 *
 *	static const struct http_step steps[] = {
 *		{ .method = "POST", .url = "https://ci.example/build", .body = "{\"job\":\"a\"}",
 *.status = 201 }, { .url = "https://ci.example/build/1", .answer = "{\"state\":\"running\"}",
 *.delay_ms = 200 }, { .url = "https://ci.example/build/1", .answer = "{\"state\":\"done\"}", .times
 *= HTTP_STEP_ALWAYS }, { 0 },
 *	};
 *	struct http_script *script = http_script_new(clock, steps);
 *	engine.transport = http_script_transport(script);
 *	…
 *	http_script_assert_done(script);
 *
 * A request takes the first step that is not used up and fits it; so steps of one URL are answered
 *in their order, and requests of several threads do not get into each other's way. A request that
 *fits none fails with ERR_INTERNAL and is remembered as unexpected. Callers hold the clock as tasks
 *do (cancel.h); delays pass on the script's clock. Any thread.
 */
#ifndef LIB_HTTP_SCRIPT_H
#define LIB_HTTP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "net/http_client.h"

#define HTTP_STEP_ALWAYS (-1)

/* A piece of a stream. A table of them ends with an empty row: the end of the answer. */
struct http_piece {
	const char *bytes; /* NULL with a delay: only the delay */
	int delay_ms;      /* before the piece */
	bool hang;  /* silence from here, until the call is cancelled or its total_ms have passed */
	bool reset; /* the connection breaks here */
};

/* One expected exchange. Everything is borrowed; tables end with an empty row. */
struct http_step {
	/* What is expected. */
	const char *method; /* NULL = GET */
	/* whole, or from its '/' on whatever the origin; a '*' at the end = any rest. Never NULL */
	const char *url;
	/* NULL = not looked at. JSON: what must be in the body that was sent (maps may hold
	 * more) */
	const char *body;
	const char *header; /* "name: value" that must have been sent, NULL = not looked at */
	int times; /* 0 = once, HTTP_STEP_ALWAYS = as often as asked, and not needed at the end */
	/* The answer. */
	int status;                      /* 0 = 200 */
	const char *headers;             /* JSON map name → text, NULL = none */
	const char *answer;              /* the body, NULL = empty */
	const struct http_piece *pieces; /* instead of `answer`: piece by piece */
	/* before the answer, on the clock; longer than total_ms = ERR_TIMEOUT after that */
	int delay_ms;
	enum err_kind error; /* no answer comes but this error … */
	const char *reason;  /* … with this in err->details ("connect", "reset", …) */
};

/* What was sent, in the order of arrival. */
struct http_sent {
	char *method;
	char *url;
	struct val headers; /* as given */
	char *body;         /* "" when there was none */
	int64_t at_ms;
	/* NULL: nothing fitted, a function answered, or the fault came before the effect */
	const struct http_step *step;
	bool lost;     /* a fault kept it from reaching the other side: no effect */
	bool repeated; /* answered again, because it had come before (http_script_allow_repeats) */
};

struct http_script;

/* CLOCK may be NULL when no step has a delay. STEPS may be NULL. */
struct http_script *http_script_new(struct clock *clock, const struct http_step *steps);
void http_script_free(struct http_script *script);
DEFINE_CLEANUP(struct http_script *, http_script_free)
/* Borrowed from the script; http_transport_free on it does nothing. */
struct http_transport *http_script_transport(struct http_script *script);
/* More steps, after those that are there. */
void http_script_add(struct http_script *script, const struct http_step *steps);

/*
 * A small server in C instead of steps, asked before them: returns true when the request is its own
 * and it has filled RESPONSE (zeroed, with an empty body buffer). Called with the script locked:
 * one at a time. At most 8.
 */
typedef bool (*http_script_serve_fn)(
	void *data, const struct http_request *request, struct http_response *response);
void http_script_serve(struct http_script *script, http_script_serve_fn serve, void *data);

/*
 * For runs with crashes and faults: a request that fits no step left is answered like the same
 * request (method, URL, body, Idempotency-Key) was before; a GET or HEAD by the last step that fits
 * it.
 */
void http_script_allow_repeats(struct http_script *script);

/* The NTH exchange (from 1, in order of arrival) goes wrong, before its effect, or AFTER it. 0 =
 * none any more. */
enum http_fault {
	HTTP_FAULT_TIMEOUT, /* ERR_TIMEOUT after total_ms */
	HTTP_FAULT_RESET,   /* ERR_UNAVAILABLE, "reset" */
	HTTP_FAULT_429,     /* an answer, with Retry-After: 1 */
	HTTP_FAULT_500,
};
void http_script_fault(struct http_script *script, size_t nth, enum http_fault fault, bool after);

/*
 * Called (unlocked, on the caller's thread) once the NTH exchange has had its effect and before its
 * answer goes out. What returns -1 is the death of the process: the call ends with ERR_CANCELED and
 * nothing of the answer is seen.
 */
void http_script_after_effect(
	struct http_script *script, int (*seen)(void *data, size_t nth), void *data);

/* What was sent so far. The pointers stay good until the script is freed. */
size_t http_script_count(struct http_script *script);
const struct http_sent *http_script_sent(struct http_script *script, size_t index);
/* A header of SENT by its name in any case, "" when there is none. */
const char *http_sent_header(const struct http_sent *sent, const char *name);

/* 0 when every step was used and nothing unexpected came; else -1 and a text that says what. */
int http_script_finish(struct http_script *script, struct err *err);
/* The same as a cmocka failure, with everything that was sent. */
void http_script_assert_done(struct http_script *script);

/* Number of effects (neither lost nor GET/HEAD/OPTIONS) that came again without the same
 * Idempotency-Key: must be 0. */
size_t http_script_doubled_effects(struct http_script *script);

#endif
