/*
 * The evaluator's value: what Java would hold. JSON from the host is referred to, never copied; what
 * an evaluation makes lives in its arena. Private to expr.
 */
#ifndef EXPR_VALUE_H
#define EXPR_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/val.h"

struct eval;
struct java_class;
struct bean_class;

enum value_kind {
	V_NULL,
	V_BOOL,
	V_INT,   /* 32 bits, in .integer */
	V_LONG,  /* 64 bits */
	V_FLOAT, /* rounded to 32 bits, in .number */
	V_DOUBLE,
	V_CHAR,   /* one UTF-16 unit, in .integer */
	V_STRING, /* .bytes and .length: UTF-8; a lone surrogate stands as its three bytes */
	V_LIST,
	V_SET,        /* keySet() and the like */
	V_COLLECTION, /* values() */
	V_ARRAY,      /* .element says of what */
	V_MAP,
	V_STATUS, /* ExecutionStatus, in .integer */
	V_BEAN,   /* execution, stage, task … */
	V_TYPE,   /* T(…) */
	V_OBJECT, /* an instance of a Java class without a kind of its own: Date, UUID, Random … */
	V_RAW,    /* what #doNotEval wraps, in .seq */
};

/* The element of byte arrays, whose items are V_INT. */
#define ELEMENT_BYTE 200

/* How a list or map is held. */
enum value_form {
	FORM_OWN,     /* .seq or .table, in the arena */
	FORM_JSON,    /* .node */
	FORM_STAGES,  /* the execution's stages */
	FORM_ROOT,    /* the root object */
	FORM_CONTEXT, /* a stage's context, .stage: its own keys, then what its ancestors put out */
	/* Views, .view: what becomes of the one is seen in the other. */
	FORM_KEYS,    /* a map's keys … */
	FORM_VALUES,  /* … values … */
	FORM_ENTRIES, /* … and entries */
	FORM_PART,    /* of a list */
};

struct value {
	uint8_t kind; /* enum value_kind */
	uint8_t form; /* enum value_form */
	uint8_t element; /* of an array: enum value_kind of its items or ELEMENT_BYTE; V_NULL = objects */
	uint32_t length; /* of a string, in bytes */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *bytes;
		struct seq *seq;
		struct table *table;
		struct view *view;
		struct bean *bean;
		struct object *object;
		const struct java_class *type;
		ptrdiff_t stage;
		struct val_node *node; /* of JSON, BORROWED from the evaluation, which holds it; NULL = empty */
	};
};
_Static_assert(sizeof(struct value) == 16, "struct value is passed by value in two registers");

/* A list, set, collection or array of its own. */
struct seq {
	struct value *items;
	size_t count;
	size_t capacity;
	bool fixed; /* unmodifiable, as Java's lists of literals are */
};

struct entry {
	struct value key;
	struct value value;
};

/* A map of its own, in order. */
struct table {
	struct entry *entries;
	size_t count;
	size_t capacity;
	bool fixed;
};

/* What keySet(), values(), entrySet() and subList() give. */
struct view {
	struct value of;    /* the map or list */
	size_t from, count; /* of a part */
};

/* A typed object over a piece of JSON; a stage has its number and gets its JSON when it is read. */
struct bean {
	const struct bean_class *class;
	struct val json;
	ptrdiff_t stage;
};

/* An instance of a Java class. Dates keep milliseconds or days and nanoseconds, see java_time.c. */
struct object {
	const struct java_class *class;
	int64_t a, b;
	struct value text;
};

#define NULL_VALUE             \
	(struct value)         \
	{                      \
		.kind = V_NULL \
	}

static inline struct value value_bool(bool boolean)
{
	return (struct value){ .kind = V_BOOL, .boolean = boolean };
}
static inline struct value value_int(int64_t integer)
{
	return (struct value){ .kind = V_INT, .integer = (int32_t)integer };
}
static inline struct value value_long(int64_t integer)
{
	return (struct value){ .kind = V_LONG, .integer = integer };
}
static inline struct value value_float(double number)
{
	return (struct value){ .kind = V_FLOAT, .number = (float)number };
}
static inline struct value value_double(double number)
{
	return (struct value){ .kind = V_DOUBLE, .number = number };
}
static inline struct value value_char(uint16_t unit)
{
	return (struct value){ .kind = V_CHAR, .integer = unit };
}
/* TEXT must live as long as the evaluation. */
static inline struct value value_string(struct str text)
{
	return (struct value){ .kind = V_STRING, .length = (uint32_t)text.length, .bytes = text.bytes };
}
static inline struct str value_str(struct value value)
{
	return (struct str){ .bytes = value.bytes, .length = value.length };
}
static inline struct value value_of_seq(enum value_kind kind, struct seq *seq)
{
	return (struct value){ .kind = (uint8_t)kind, .form = FORM_OWN, .seq = seq };
}
static inline struct value value_of_table(struct table *table)
{
	return (struct value){ .kind = V_MAP, .form = FORM_OWN, .table = table };
}
static inline bool value_is_view(struct value value)
{
	return value.form >= FORM_KEYS;
}
static inline bool value_is_number(struct value value)
{
	return value.kind >= V_INT && value.kind <= V_DOUBLE;
}
static inline bool value_is_integer(struct value value)
{
	return value.kind == V_INT || value.kind == V_LONG;
}
/* A list, set, collection or array. */
static inline bool value_is_seq(struct value value)
{
	return value.kind >= V_LIST && value.kind <= V_ARRAY;
}
static inline double value_number(struct value value)
{
	return value_is_integer(value) ? (double)value.integer : value.number;
}

/* The JSON of a list or map in FORM_JSON: BORROWED. */
static inline struct val value_json(struct value value)
{
	struct val json = { .kind = value.kind == V_MAP ? VAL_KIND_MAP : VAL_KIND_LIST };
	json.node = value.node;
	return json;
}

/* JSON as the evaluator sees it. JSON must be held by the evaluation (eval_hold). */
struct value value_of_val(struct eval *ev, struct val json);
/* The same of one that stays where it is: in a container that the evaluation holds, or in a tree. */
struct value value_at(struct eval *ev, const struct val *json);
/* What value_to_val does with all but the simplest. */
int value_export(struct eval *ev, struct value value, struct val *ret);
/* An evaluator's value as JSON, owned: 0, or -1 with the failure in EV. */
static inline int value_to_val(struct eval *ev, struct value value, struct val *ret)
{
	if (value.kind != V_INT && value.kind != V_LONG && value.kind != V_BOOL)
		return value_export(ev, value, ret);
	*ret = value.kind == V_BOOL ? val_bool(value.boolean) : val_int(value.integer);
	return 0;
}

/* Lists, sets, collections and arrays. */
size_t seq_count(struct eval *ev, struct value value);
struct value seq_at(struct eval *ev, struct value value, size_t index);
struct seq *seq_new(struct eval *ev, size_t capacity);
void seq_grow(struct eval *ev, struct seq *seq);
static inline void seq_push(struct eval *ev, struct seq *seq, struct value item)
{
	if (seq->count == seq->capacity)
		seq_grow(ev, seq);
	seq->items[seq->count++] = item;
}
/* A view of OF: FORM says of what; a part has COUNT items from FROM on. */
struct value seq_view(struct eval *ev, enum value_kind kind, enum value_form form, struct value of,
	size_t from, size_t count);
/* Puts ITEM at INDEX, which is there: 0, or -1 when VALUE is unmodifiable. */
int seq_set(struct eval *ev, struct value value, size_t index, struct value item);
/*
 * Puts COUNT of ITEMS in the place of REMOVED ones at AT of VALUE, a list or array: 0, or -1 when it is unmodifiable. Of a map's view
 * only removing is allowed.
 */
int seq_splice(struct eval *ev, struct value value, size_t at, size_t removed,
	const struct value *items, size_t count);
/* The index of the first item that Java's equals finds equal, or -1. */
ptrdiff_t seq_index_of(struct eval *ev, struct value value, struct value item);

/* Maps. map_get: true when the key is there. */
bool map_get_value(struct eval *ev, struct value map, struct value key, struct value *ret);
bool map_get_name(struct eval *ev, struct value map, struct str name, struct value *ret);
bool map_get_key(struct eval *ev, struct value map, struct val_key *key, struct value *ret);
/* MAP's own entries as JSON or a table: for the root and contexts without what is found elsewhere. To walk a map, do
 * this first. */
struct value map_plain(struct eval *ev, struct value map);
size_t map_count(struct eval *ev, struct value map);
struct value map_key(struct eval *ev, struct value map, size_t index);
struct value map_value(struct eval *ev, struct value map, size_t index);
struct table *table_new(struct eval *ev, size_t capacity);
void table_put(struct eval *ev, struct table *table, struct value key, struct value value);
bool table_get(struct eval *ev, const struct table *table, struct value key, struct value *ret);
bool table_remove(struct eval *ev, struct table *table, struct value key);

/*
 * The container behind VALUE as one that may be changed: what comes from the host is copied once, and
 * from then on the evaluation sees the copy wherever it would have seen the original. 0, or -1 when the
 * container is unmodifiable.
 */
int value_make_own(struct eval *ev, struct value *value);

/* Java's equals() and hashCode(): type-strict, deep. */
bool value_equals(struct eval *ev, struct value a, struct value b);
int32_t value_hash(struct eval *ev, struct value value);
/* The Java class of a value, for messages: "java.lang.Integer"; "null" for null. */
const char *value_type_name(struct value value);

#endif
