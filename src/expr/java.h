/*
 * Java's classes as tables: a method is one row and a short function. There is no reflection: what has no row does not exist.
 * Private to expr.
 */
#ifndef EXPR_JAVA_H
#define EXPR_JAVA_H

#include "expr/eval.h"

/*
 * What a method works on. Arguments have the kinds that the row's codes ask for:
 *	s String   q CharSequence   o Object   C Collection   M Map
 *	i int   j long   f float   d double   z boolean   c char
 *	b byte[] or char[]
 *	r regular expression (a String)   D Date   L LocalDate   T LocalDateTime   I Instant   W DayOfWeek   K ChronoUnit
 *	U UUID   * after the last: any number of it, as one array
 */
struct call {
	struct value self;
	const struct value *args;
	size_t count;
};

typedef int (*java_fn)(struct eval *ev, const struct call *call, struct value *ret);

struct java_method {
	const char *name;
	const char *args;
	const char *result; /* Java's name of its type, for the reference page */
	java_fn call;
	const char *help;
	const char *example; /* of the reference page, where its value is shown; over the context of page.c */
};

/* Tables end with a row without name and may be NULL. */
struct java_class {
	const char *name; /* java.lang.String */
	bool nameable;    /* by T(…), new and instanceof */
	const struct java_method *methods;
	const struct java_method *statics;
	const struct java_method *constructors; /* their name is the class's short one */
	const char *const *refused;             /* names that Java has and the original forbids */
	int (*text)(struct eval *ev, const struct object *object, struct strbuf *buf); /* toString */
	int (*compare)(const struct object *a, const struct object *b); /* compareTo, or NULL */
};

/* What people who know other languages mean by NAME of CLASS (NULL = an array), or NULL; static. */
const char *java_habit(const struct java_class *class, struct str name);
/* What every object has. */
const struct java_method *java_object_methods(void);
/* The class that NAME means ("String", "java.lang.String"), or NULL. */
const struct java_class *java_class_find(struct str name);
/* The name of the nameable one that NAME was probably meant to be, or NULL; static. */
const char *java_class_nearest(struct str name);
/* " (did you mean X?)" for a type that cannot be found, or ""; in the arena. */
const char *java_class_hint(struct eval *ev, struct str name);
/* All of them, ends with NULL. */
const struct java_class *const *java_classes(void);
/* The class whose methods VALUE has; NULL for beans and arrays. */
const struct java_class *java_class_of(struct value value);

/* HINT, of the node that names the method, may be NULL. */
int java_call(struct eval *ev, struct value target, struct str name, struct node_hint *hint,
	const struct value *args, size_t count, struct value *ret);
int java_call_static(struct eval *ev, const struct java_class *class, struct str name,
	const struct value *args, size_t count, struct value *ret);
int java_construct(struct eval *ev, struct str type, const struct value *args, size_t count,
	struct value *ret);
/* NAME as getName(), isName() or name(). *RET_FOUND says whether there is such a method. */
int java_property(
	struct eval *ev, struct value target, struct str name, bool *ret_found, struct value *ret);
bool java_is_instance(struct value value, const struct java_class *class);

/* The row for these arguments, and the arguments converted: 0; -1 with a failure; *RET NULL when none fits. */
int java_choose(struct eval *ev, const struct java_method *rows, struct str name,
	const struct value *args, size_t count, const struct java_method **ret,
	struct call *ret_call);

/* "name(String, int)", as people write it. */
void java_add_signature(struct strbuf *buf, const char *name, const char *args);

/* VALUE as an argument of CODE. */
int java_convert(struct eval *ev, char code, struct value value, struct value *ret);
/* The code of arguments of CLASS. */
char java_class_code(const struct java_class *class);

struct value java_object(struct eval *ev, const struct java_class *class, int64_t a, int64_t b);
/* By both of its numbers: what `compare` is for all that have one. */
int java_object_compare(const struct object *a, const struct object *b);
/* compareTo by that: a method. */
int java_compare_to(struct eval *ev, const struct call *call, struct value *ret);
bool java_object_equals(const struct object *a, const struct object *b);
int32_t java_object_hash(const struct object *object);
/* Whether Spring's conversion service makes text of it: Date and UUID yes, LocalDate and the like no. */
bool java_object_converts(const struct object *object);
/* The name of an enum's constant where toString() gives another text, else NULL: conversions take the name. */
const char *java_enum_name(const struct object *object);
/* As Jackson writes it; false when that is just its text. */
bool java_object_to_val(struct eval *ev, const struct object *object, struct val *ret);

/* A number as a long, as Java narrows it. */
int64_t java_long_of(struct value value);
/* Integer.parseInt and its like: NumberFormatException on failure. */
int java_parse_integer(struct eval *ev, struct value text, int64_t radix, int64_t least,
	int64_t most, int64_t *ret);
int java_parse_double(struct eval *ev, struct value text, bool is_float, double *ret);
/* Whether NAME is a charset that there is: only UTF-8, which is what servers run with. */
int java_check_charset(struct eval *ev, struct value name);
uint64_t java_random_bits(struct eval *ev);

extern const struct java_class java_string, java_character, java_boolean, java_byte, java_integer,
	java_long, java_float, java_double, java_math, java_list, java_set, java_collection,
	java_map, java_status, java_uuid, java_random, java_url_encoder;

#endif
