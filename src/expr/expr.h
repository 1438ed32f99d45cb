/*
 * Spinnaker's expressions (SpEL, closed): one expression body to a value. Pure: no I/O, no clock but the host's, never
 * changes its input; any thread. What it may know about a run it asks of a `struct expr_host`.
 */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/val.h"

/* Texts that every stage has. */
enum expr_stage_text {
	EXPR_STAGE_ID,
	EXPR_STAGE_REF_ID,
	EXPR_STAGE_NAME,
	EXPR_STAGE_TYPE,
	EXPR_STAGE_STATUS,
};

/*
 * What an expression may ask. Members may be NULL (then the thing does not exist). Values are OWNED by the asker; a function with
 * RET_MADE says where the value is: in the host, where it stays as it is until the evaluation ends, or, when it had to be made, in
 * *RET_MADE, which is the asker's; NULL when there is none. Stages are numbered 0 … stage_count-1 in the order of the execution's
 * list. Called on the evaluating thread.
 */
struct expr_host {
	void *data;
	/* A property of the root object: a context key, an ancestor's output, `trigger`, `parameters`, `templateVariables`,
	 * `scmInfo`. `execution` is not asked here. */
	const struct val *(*root)(void *data, struct val_key *name, struct val *ret_made);
	/* The keys of the root object's own context as a map, for #root, #this, containsKey at the root. */
	struct val (*root_map)(void *data);
	/* The execution in Spinnaker's JSON form, without `stages`; NULL when there is none (ad-hoc). */
	struct val (*execution)(void *data);
	size_t (*stage_count)(void *data);
	/* One stage in Spinnaker's JSON form. Unknown index: VAL_NULL. */
	struct val (*stage)(void *data, size_t index);
	/* One member of that form, without the cost of all of it; NULL = it is read from `stage`. */
	const struct val *(*stage_field)(
		void *data, size_t index, struct str key, struct val *ret_made);
	/* One of its texts, where it stays until the evaluation ends; bytes NULL = it is no text. NULL = they are members. */
	struct str (*stage_text)(void *data, size_t index, enum expr_stage_text text);
	/* The first stage whose name or id (or, with BY_REF, refId) is TEXT, or -1. */
	ptrdiff_t (*stage_find)(void *data, struct str text, bool by_ref);
	/* A key of that stage's context, searched in its ancestors' outputs too (stages.md 3.1). */
	const struct val *(*stage_context)(
		void *data, size_t index, struct str key, struct val *ret_made);
	/* The stage that is being run, or -1. */
	ptrdiff_t current_stage;
	const char *user; /* authenticated user, NULL = anonymous */
	const char *(*current_user)(
		void *data); /* instead of USER, when it takes looking; NULL = there is no such */
	int64_t now_ms;      /* for new Date() and the like; 0 = the machine's clock */
	/* Gets a URL for #fromUrl and friends; NULL = these helpers fail with a text that says so. */
	int (*fetch)(void *fetch_data, struct str url, struct strbuf *ret_body, struct err *err);
	void *fetch_data;
	/* The id of a pipeline by name in an application (NULL = the execution's own); VAL_NULL when there is none. Without it, and
	 * without the next, the helpers that ask fail with a text that says so; as with what they put into ERR. */
	struct val (*pipeline_id)(
		void *data, struct str name, const char *application, struct err *err);
	/* The attributes of an application as a map; VAL_NULL when there is none. */
	struct val (*application)(void *data, struct str name, struct err *err);
};

/*
 * A host over one JSON map: the root is CONTEXT (borrowed; must outlive the host); when it holds `execution` (an execution in its
 * JSON form) the stage helpers use it; CURRENT_STAGE_ID may be NULL. Free with expr_host_free.
 */
struct expr_host *expr_host_of_map(struct val context, const char *current_stage_id);
void expr_host_free(struct expr_host *host);

/* Why an evaluation failed. */
enum expr_failure {
	EXPR_OK,
	EXPR_FAILED, /* the user's expression is at fault: description in err */
	EXPR_OVER_BUDGET, /* more than `max_steps`, or a helper that fetches while `no_io`: nothing was done */
};

struct expr_limits {
	uint64_t max_steps; /* 0 = LIMIT_EXPR_STEPS */
	bool no_io;         /* helpers that fetch, or look up pipelines, give EXPR_OVER_BUDGET */
	bool allow_unknown_keys; /* reading a missing key of a map by property syntax is null, not a failure */
};

/*
 * Evaluates one body (what stands between `${` and `}`), trimmed. On EXPR_OK *RET is owned; Java's null is VAL_NULL.
 * On EXPR_FAILED err holds the description, *RET_EXCEPTION the Java class name (static, never NULL), *RET_POSITION the
 * character it is about or -1.
 */
enum expr_failure expr_evaluate(struct str body, const struct expr_host *host,
	const struct expr_limits *limits, struct val *ret, const char **ret_exception,
	int *ret_position, struct err *err);

/*
 * Whether PATTERN, in Java's syntax, matches the whole of TEXT: 1 or 0; -1 with ERR_INVALID when it is no pattern, ERR_TOO_LARGE when the
 * match takes more than MAX_STEPS (0 = LIMIT_EXPR_STEPS).
 */
int expr_text_matches(struct str text, struct str pattern, uint64_t max_steps, struct err *err);

/* Syntax only: 0, or -1 with the description in ERR and the character in *RET_POSITION. */
int expr_check(struct str body, int *ret_position, struct err *err);

#endif
