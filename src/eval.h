/*
 * The parts of `gennaker eval`: what expressions see, one value printed, many lines, a prompt. One thread.
 */
#ifndef EVAL_H
#define EVAL_H

#include "base/cancel.h"
#include "engine/view.h"
#include "net/fetch.h"
#include "options.h"

/* Fetches URLs as the settings here allow it; they are read when the first is asked for. */
struct eval_net {
	const char *config; /* the settings file, NULL = the usual one */
	bool opened, refused;
	struct url_policy policy;
	struct fetch fetch;
};

struct eval_session {
	struct val context;          /* a map */
	struct execution *execution; /* NULL = the context is all there is */
	struct stage_view *view;     /* of it … */
	struct expr_host *map;       /* … or of the context */
	struct expr_host host;       /* the one of these, and fetching */
	struct eval_net net;
	bool raw;
};

/* By --context, --execution, --stage, --evaluator, --config, --raw. Close it in any case. */
int eval_session_open(const struct options *options, struct eval_session *session, struct err *err);
void eval_session_close(struct eval_session *session);
/* The same over another root (borrowed until the next): for one line of many. */
void eval_session_look_at(struct eval_session *session, struct val root, const char *stage_id);

/* Evaluates TEXT, an expression or a text with ${…}, and prints the value, or why not and where; an exit status. */
int eval_print(struct eval_session *session, const char *text);

/* One JSON object a line from FILE (NULL, "-" = standard input), one on standard output for each; an exit status. */
int eval_lines(struct eval_session *session, const char *file);

/* Asks for expressions until the end of the input; an exit status. */
int eval_prompt(struct eval_session *session);

#endif
