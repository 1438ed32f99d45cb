/*
 * The typed objects of the root as tables: a property is one row; a name without a row does not exist, as in the original.
 * Rules: reference of expressions, section 3. Private to expr.
 */
#ifndef EXPR_BEAN_H
#define EXPR_BEAN_H

#include "expr/java.h"

/* How a property is read from the JSON; what is missing is null, or the default of a Java primitive. */
enum bean_read {
	READ_ANY,   /* whatever it is: rows leave it out */
	READ_LONG,  /* java.lang.Long */
	READ_FLAG,  /* boolean, false when missing */
	READ_COUNT, /* int, 0 when missing */
	READ_STATUS,
	READ_STAGE_TEXT,   /* .text of a stage */
	READ_STAGE_STATUS, /* the status of one */
	READ_BEAN,         /* of .class */
	READ_BEANS,        /* a list of them */
	READ_TEXT,         /* with .otherwise when missing */
	READ_LIST,         /* empty when missing */
	READ_MAP,          /* empty when missing */
	READ_CALL,
};

struct bean_property {
	const char *name;
	enum bean_read read;
	const struct bean_class *class;
	const char *otherwise;
	enum expr_stage_text text;
	int (*call)(struct eval *ev, const struct bean *bean, struct value *ret);
	const char *only;   /* for triggers: the types that have it, NULL = all */
	const char *result; /* of a call, for the reference page */
	const char *help;
};

struct bean_class {
	const char *name;
	const char *title;   /* for the reference page; NULL: not there */
	const char *example; /* an expression that gives one */
	const struct bean_property *properties;
	const struct java_method *methods;
};

/* All of them that have properties, ends with NULL. */
const struct bean_class *const *bean_classes(void);

/* A bean over JSON, which the evaluation must hold; STAGE only for stages, else -1. */
struct value bean_new(
	struct eval *ev, const struct bean_class *class, struct val json, ptrdiff_t stage);
/* Whether NAME means ROW: as it is, or with a capital, since Spring looks for a getter ("Status" is getStatus, and so "status"). */
bool bean_property_is(const struct bean_property *row, struct str name);
/* The row of a property that BEAN has, or NULL. */
const struct bean_property *bean_find_property(const struct bean *bean, struct str name);
/* The property of CLASS that NAME probably means, or NULL. */
const char *bean_nearest_property(const struct bean_class *class, struct str name);

extern const struct bean_class bean_execution_class, bean_stage_class, bean_task_class,
	bean_trigger_class, bean_artifact_class, bean_expected_artifact_class, bean_scm_class,
	bean_build_info_class;

#endif
