/*
 * One evaluation, or one pass of many over the same root: the host, the arena, the limits, and the
 * failure. Private to expr; belongs to one thread.
 */
#ifndef EXPR_EVAL_H
#define EXPR_EVAL_H

#include "base/vec.h"
#include "expr/arena.h"
#include "expr/expr.h"
#include "expr/value.h"

struct node;
struct node_hint;
struct java_method;
struct expr;

/* What kind of failure; the row of fail_kinds (eval.c) has the Java class. */
enum fail_kind {
	FAIL_NONE,
	FAIL_PARSE,    /* a body that does not parse */
	FAIL_TEMPLATE, /* a string whose `${` … `}` does not end */
	FAIL_EVAL,     /* the language: property, method, operator, conversion … */
	FAIL_HELPER,   /* inside a helper function */
	FAIL_ARITHMETIC,
	FAIL_ARGUMENT, /* IllegalArgumentException */
	FAIL_NUMBER,   /* NumberFormatException */
	FAIL_INDEX,    /* IndexOutOfBoundsException */
	FAIL_STRING_INDEX,
	FAIL_NULL,        /* NullPointerException */
	FAIL_UNSUPPORTED, /* UnsupportedOperationException */
	FAIL_CONVERSION,  /* ConversionFailedException */
	FAIL_DATE,        /* DateTimeException, DateTimeParseException */
	FAIL_LIMIT,       /* one of ours: steps, memory, depth */
	FAIL_BUDGET,      /* not a failure: do it again where there is time */
};

struct changed {
	const void *node; /* of the JSON container that is not to be seen any more */
	struct value value;
};

/* A stage as a value, and its JSON once all of it was asked for. */
struct stage_slot {
	struct bean bean;
	struct val json; /* owned */
	bool loaded;
};

#define HELD_FIRST 8
#define EVAL_FIRST_BYTES 2048

struct eval {
	const struct expr_host *host;
	struct expr_limits limits;
	uint64_t steps, max_steps;   /* max_steps: where FAIL_BUDGET or FAIL_LIMIT is */
	VEC(struct changed) changed; /* containers that were assigned into */
	struct table *assigned;      /* root properties that were assigned, NULL = none */
	struct table *variables;     /* #name = …, NULL = none */
	/* Owned JSON that values refer to, and parsed expressions that literals refer to: the first few without allocating. */
	size_t held_count, tree_count;
	VEC(struct val) more_held;
	VEC(struct expr *) more_trees;
	struct bean execution_bean; /* once it was asked for; its JSON is owned */
	struct stage_slot *stages;  /* once one was asked for */
	size_t stage_count;
	struct value root;
	unsigned depth;
	int last_status; /* that was read off a stage: the next one may well be the same */
	/* The failure, when there is one. */
	enum fail_kind failure;
	const char *message; /* in the arena */
	int position;        /* character of the body, -1 = none */
	bool on_null; /* it is about null where something was wanted; in a chain that stands here: */
	int null_from, null_to;
	/* What follows is not set at the start. */
	struct val held[HELD_FIRST];
	struct expr *trees[HELD_FIRST];
	struct arena arena;
	_Alignas(16) char first[EVAL_FIRST_BYTES]; /* the arena's */
};

/* The object that bare names belong to, and the one that arguments are evaluated against. */
struct frame {
	struct value active;
	struct value scope;
};

void eval_init(struct eval *ev, const struct expr_host *host, const struct expr_limits *limits);
void eval_free(struct eval *ev);
/* What eval_next does with an evaluation that has kept something. */
void eval_drop(struct eval *ev);
/* Forgets a failure, and the arena too when nothing in it is needed by later expressions of the pass. */
static inline void eval_next(struct eval *ev)
{
	ev->failure = FAIL_NONE;
	ev->message = NULL;
	ev->position = -1;
	ev->on_null = false;
	ev->depth = 0;
	if (ev->held_count || ev->tree_count || ev->arena.used)
		eval_drop(ev);
}

int eval_node(struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret);
/* Evaluates EXPR, which must live as long as the evaluation. */
int eval_parsed(struct eval *ev, const struct expr *expr, struct value *ret);
/* Parses (or finds in the cache) and evaluates BODY. */
int eval_body(struct eval *ev, struct str body, struct value *ret);

/* Sets the failure and returns -1. An earlier one stays. */
int fail(struct eval *ev, enum fail_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for FAIL_EVAL, when what a link of a chain works on is null. */
int fail_on_null(struct eval *ev, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The failure's Java class; static. */
const char *fail_exception(enum fail_kind kind);

/* The failure of an evaluation that is past a limit. */
int eval_over(struct eval *ev);

/* Counts COUNT steps: 0, or -1 when the limit of steps or memory is passed. */
static inline int eval_step(struct eval *ev, uint64_t count)
{
	ev->steps += count;
	if (__builtin_expect(ev->steps > ev->max_steps || ev->arena.over, false))
		return eval_over(ev);
	return 0;
}

/* Makes the evaluation the owner of JSON, and returns it. */
static inline struct val eval_hold(struct eval *ev, struct val json)
{
	if (!val_is_counted(json))
		return json;
	if (ev->held_count < HELD_FIRST)
		ev->held[ev->held_count++] = json;
	else
		vec_push(&ev->more_held, json);
	return json;
}
int64_t eval_now_ms(const struct eval *ev);

/* A string in the arena. */
struct value eval_string(struct eval *ev, struct str text);
struct value eval_text(struct eval *ev, const char *text);

/* convert.c — the conversions that Spring's conversion service makes. */
/* As text in a mixed string and in `+`; a map is FAIL_EVAL unless LENIENT (then as Java prints it). Null is "null". */
int value_to_text(struct eval *ev, struct value value, bool lenient, struct strbuf *buf);
/* As Java's String.valueOf prints it: [a, b], {k=v}. */
int value_to_java_text(struct eval *ev, struct value value, struct strbuf *buf);
/* They as a string value; value_text is the lenient one. */
int value_text(struct eval *ev, struct value value, struct value *ret);
int value_to_text_strict(struct eval *ev, struct value value, struct value *ret);
int value_java_text(struct eval *ev, struct value value, struct value *ret);
int value_to_bool(struct eval *ev, struct value value, bool *ret);
/* VALUE as a number of KIND (V_INT … V_DOUBLE): numbers between widths in range, text parsed. */
int value_to_number(struct eval *ev, struct value value, enum value_kind kind, struct value *ret);
int value_to_index(struct eval *ev, struct value value, int64_t *ret);
/* The shortest decimal digits that read back as NUMBER (> 0, finite): how many, and the decimal exponent of the first. */
int java_digits(double number, bool is_float, char digits[24], int *ret_exponent);
/* Java's Double.toString and Float.toString. */
void java_double_text(double number, bool is_float, char ret[40]);

/* operators.c */
/* How an operator is written; one of values, not of selections. */
const char *op_text(int op);
int op_binary(struct eval *ev, int op, struct value left, struct value right, struct value *ret);
/* What arithmetic on numbers gives; false where there is none, or where it can fail. */
bool op_calculate(int op, struct value left, struct value right, struct value *ret);
int op_unary(struct eval *ev, int op, struct value operand, struct value *ret);
bool op_equal(struct eval *ev, struct value left, struct value right);
int op_compare(struct eval *ev, struct value left, struct value right, int *ret);

/* access.c — properties, index, projection and selection. HINT is of the node that names the property. */
int access_property(struct eval *ev, struct value target, struct node_hint *hint, struct value *ret);
int access_index(struct eval *ev, struct value target, struct value index, struct value *ret);
int access_assign_property(struct eval *ev, struct value target, struct str name, struct value value);
int access_assign_index(struct eval *ev, struct value target, struct value index, struct value value);
int access_project(struct eval *ev, struct value target, const struct node *node, struct value *ret);
int access_select(struct eval *ev, struct value target, const struct node *node, struct value *ret);
/* new type[…]{…} */
int array_construct(
	struct eval *ev, const struct frame *frame, const struct node *node, struct value *ret);

/* bean.c — execution, stages, triggers. */
struct value bean_execution(struct eval *ev); /* null when there is none */
struct value bean_stage(struct eval *ev, ptrdiff_t index);
/* The JSON of a stage or bean, and one member of it: BORROWED from the evaluation. */
struct val bean_stage_json(struct eval *ev, ptrdiff_t index);
struct val bean_stage_field(struct eval *ev, ptrdiff_t index, struct str key);
/* One of a stage's texts; bytes NULL = it is no text. BORROWED from the evaluation. */
struct str bean_stage_text_otherwise(struct eval *ev, ptrdiff_t index, enum expr_stage_text text);
static inline struct str bean_stage_text(struct eval *ev, ptrdiff_t index, enum expr_stage_text text)
{
	if (ev->host->stage_text && (size_t)index < ev->stage_count)
		return ev->host->stage_text(ev->host->data, (size_t)index, text);
	return bean_stage_text_otherwise(ev, index, text);
}
struct val bean_json(struct eval *ev, const struct bean *bean);
struct val bean_field(struct eval *ev, const struct bean *bean, struct str key);
bool bean_is_execution(struct value value);
size_t bean_stage_count(struct eval *ev);
void bean_stages_free(struct eval *ev);
int bean_property(struct eval *ev, struct value target, struct node_hint *hint, struct value *ret);
const struct java_method *bean_methods(const struct bean *bean);
/* What METHOD, "getName" or "isName" of one of its properties, gives; *RET_FOUND says whether there is such a one. */
int bean_getter(struct eval *ev, struct value target, struct str method, bool *ret_found,
	struct value *ret);
const char *bean_type_name(const struct bean *bean);
struct value bean_entry(struct eval *ev); /* what selection on a map sees */

#endif
