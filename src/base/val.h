/*
 * struct val: a JSON value, 16 bytes, passed by value.
 *
 * Kinds: null, bool, int64, double, string, list, map (insertion order kept, keys unique). Lists, maps
 * and longer strings are counted references to heap nodes. A node with one owner may be changed in
 * place; one with several is immutable, and changing it through one owner copies that owner's path
 * only (a snapshot costs one increment). Counts are atomic: a value may be read and freed by any
 * thread, while each `struct val` variable belongs to one thread at a time.
 *
 * Ownership, the whole rule:
 *	- a function that returns `struct val` returns an OWNED one (val_free it), unless its name is
 *	  in the list of lookups below, which return BORROWED ones that live as long as the container
 *	  is neither freed nor changed;
 *	- arguments are borrowed, except the VALUE of the four functions that put something into a
 *	  container (val_set, val_set_str, val_append, val_list_set): they take it.
 *
 *	_cleanup_(val_free) struct val stage = val_map();
 *	val_set(&stage, "type", val_string("wait"));
 *	val_set(&stage, "waitTime", val_int(30));
 *	int64_t seconds;
 *	if (val_as_int(val_get(stage, "waitTime"), &seconds)) …
 *
 * Nothing here fails: lookups in a wrong kind give VAL_NULL; memory that runs out aborts.
 */
#ifndef BASE_VAL_H
#define BASE_VAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum val_kind {
	VAL_KIND_NULL,
	VAL_KIND_BOOL,
	VAL_KIND_INT,
	VAL_KIND_DOUBLE,
	VAL_KIND_STRING,
	VAL_KIND_LIST,
	VAL_KIND_MAP,
};

/* The head of a counted string, list or map; what follows it is private to val.c, but for a string's bytes. */
struct val_node {
	_Atomic uint32_t refs;
	uint32_t count; /* bytes of a string, items of a list, pairs of a map */
};

struct val {
	uint8_t kind;    /* enum val_kind */
	uint8_t inlined; /* for a string: 1 = the bytes are in `bytes` */
	/* for a double: 1 = an integer beyond 64 bits, whose digits are in `node` */
	uint8_t length;     /* of an inlined string; for one that is not: 1 = it is verbatim */
	char bytes_head[5]; /* an inlined string runs on from here … */
	union {
		bool boolean;
		int64_t integer;
		double number;
		struct val_node *node;
		char bytes_tail[8]; /* … to here: 12 bytes and a terminating 0 */
	};
};
_Static_assert(sizeof(struct val) == 16, "struct val is passed by value in two registers");

#define VAL_NULL                      \
	(struct val)                  \
	{                             \
		.kind = VAL_KIND_NULL \
	}

/* Making. Strings are copied; bytes may hold any UTF-8, also U+0000. */
static inline struct val val_bool(bool value)
{
	return (struct val){ .kind = VAL_KIND_BOOL, .boolean = value };
}
static inline struct val val_int(int64_t value)
{
	return (struct val){ .kind = VAL_KIND_INT, .integer = value };
}
static inline struct val val_double(double value)
{
	return (struct val){ .kind = VAL_KIND_DOUBLE, .number = value };
}
/* An integer beyond 64 bits, by its digits as JSON has them: a double for whoever asks, and written as it was given. */
struct val val_digits(struct str digits);
struct val val_string(const char *text); /* NULL gives VAL_NULL */
struct val val_str(struct str text);
struct val val_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct val val_list(void);
struct val val_map(void);
/*
 * For parsers: a list of COUNT items, or a map of COUNT pairs (a string, its value, a string, …), in one
 * step. What the array holds is taken, the array stays the caller's. Where a key stands twice the last
 * value wins, at the first place; *RET_DUPLICATE (may be NULL) is then the index of the first pair
 * whose key stood before, else -1.
 */
struct val val_list_of(const struct val *items, size_t count);
struct val val_map_of(const struct val *pairs, size_t count, ptrdiff_t *ret_duplicate);

/*
 * A string that is never a template, whatever is in it: what came from outside or out of an expression, and so is not the author's.
 * It is equal to its text in every other way. The mark goes where the value goes, and into the store (JSON_STORED).
 */
static inline bool val_is_verbatim(struct val value)
{
	return value.kind == VAL_KIND_STRING && !value.inlined && value.length;
}
struct val val_verbatim(struct val text); /* owned; anything but a string as it is */
bool val_key_is_verbatim(struct val map, size_t index);

/* Counting. val_ref gives a second owner; val_free takes a pointer so that it is a cleanup, and leaves
 * VAL_NULL. */
struct val val_ref(struct val value);
void val_release(struct val *value); /* what val_free does with a value that is counted */
static inline bool val_is_counted(struct val value)
{
	bool pointed = value.kind > VAL_KIND_STRING ||
		(value.kind == VAL_KIND_STRING && !value.inlined) ||
		(value.kind == VAL_KIND_DOUBLE && value.inlined);
	return pointed && value.node;
}
static inline void val_free(struct val *value)
{
	if (val_is_counted(*value))
		val_release(value);
	else
		*value = VAL_NULL;
}
/* Replaces *WHERE by VALUE (taken), freeing the old one. */
void val_replace(struct val *where, struct val value);

/* Looking (never fail). */
static inline enum val_kind val_kind(struct val value)
{
	return (enum val_kind)value.kind;
}
static inline bool val_is_null(struct val value)
{
	return value.kind == VAL_KIND_NULL;
}
static inline bool val_is_string(struct val value)
{
	return value.kind == VAL_KIND_STRING;
}
static inline bool val_is_list(struct val value)
{
	return value.kind == VAL_KIND_LIST;
}
static inline bool val_is_map(struct val value)
{
	return value.kind == VAL_KIND_MAP;
}
static inline bool val_is_number(struct val value)
{
	return value.kind == VAL_KIND_INT || value.kind == VAL_KIND_DOUBLE;
}
/* "null", "bool", "int", "double", "string", "list", "map"; static. */
const char *val_kind_name(enum val_kind kind);

/*
 * The bytes of a string, of length 0 for other kinds. BORROWED: from the node, or, for an inlined string,
 * from *VALUE itself; hence the pointer. val_text is the same as a terminated C string, "" for other kinds.
 */
static inline struct str val_as_str(const struct val *value)
{
	if (value->kind != VAL_KIND_STRING)
		return STR("");
	if (value->inlined)
		return (struct str){ (const char *)value + offsetof(struct val, bytes_head),
			value->length };
	return (struct str){ (const char *)(value->node + 1), value->node->count };
}
const char *val_text(const struct val *value);

/* Exact reading: true and the result when the kind fits. val_as_int takes ints, and doubles with an integral
 * value in range. val_as_double takes both kinds of number. */
bool val_as_bool(struct val value, bool *ret);
bool val_as_int(struct val value, int64_t *ret);
bool val_as_double(struct val value, double *ret);
/* The digits of a number that was made by val_digits; of length 0 for all others. BORROWED. */
struct str val_as_digits(const struct val *value);

/* Elements of a list, entries of a map (in order), 0 for other kinds. */
static inline size_t val_count(struct val value)
{
	return value.kind > VAL_KIND_STRING && value.node ? value.node->count : 0;
}

/* Lookups: BORROWED results, VAL_NULL when there is none. A key that holds null is told apart by val_has. */
struct val val_get(struct val map, const char *key);
struct val val_get_str(struct val map, struct str key);
bool val_has(struct val map, const char *key);
bool val_has_str(struct val map, struct str key);
struct val val_at(struct val list, size_t index);
struct str val_key_at(struct val map, size_t index); /* view into the map's node, terminated */
struct val val_value_at(struct val map, size_t index);
/* The value at KEY, inside the map; NULL when there is none. */
const struct val *val_find(struct val map, struct str key);
/*
 * A key that maps are asked for again and again, and where it was found last: maps of one shape have it at one place. That is a
 * guess, which is compared with the key that stands there, so any thread may use it with any map.
 */
struct val_key {
	struct str text; /* must live as long */
	struct val pair; /* the text as it lies in a pair; VAL_NULL when it is too long for that */
	_Atomic uint32_t place;
};
void val_key_init(struct val_key *key, struct str text);
/* val_find by such a key. */
const struct val *val_find_key(struct val map, struct val_key *key);
/* The entry's index in the map, or -1. */
ptrdiff_t val_index_of(struct val map, struct str key);
/* Through maps and lists by "a.b.0.c"; for code and tests, not for users' keys that hold dots. */
struct val val_path(struct val root, const char *path);
/* Shorthands with a default: the string (BORROWED from the map, terminated), the flag, the number at KEY. */
const char *val_get_text(struct val map, const char *key, const char *otherwise);
bool val_get_bool(struct val map, const char *key, bool otherwise);
int64_t val_get_int(struct val map, const char *key, int64_t otherwise);

/*
 * Changing. *CONTAINER should be a map (or list); a VAL_NULL, or a value of another kind, becomes an empty one first.
 * These take VALUE. A key that is there keeps its place. KEY and FROM may point into the container itself.
 */
void val_set(struct val *map, const char *key, struct val value);
void val_set_str(struct val *map, struct str key, struct val value);
void val_append(struct val *list, struct val value);
void val_list_set(struct val *list, size_t index, struct val value); /* index < count */
/* True when something was removed. Later entries keep their order. */
bool val_remove(struct val *map, const char *key);
bool val_remove_str(struct val *map, struct str key);
void val_list_remove(struct val *list, size_t index);
/* Each entry of FROM into *MAP, key by key (shallow). */
void val_merge(struct val *map, struct val from);
/*
 * A pointer to the value at KEY (or INDEX) inside *CONTAINER, for changing it in place; NULL when there is none.
 * The path is made unshared first. BORROWED, until the container is changed otherwise.
 */
struct val *val_edit(struct val *map, const char *key);
struct val *val_edit_str(struct val *map, struct str key);
struct val *val_edit_at(struct val *container, size_t index);

/* About as many bytes as its JSON has: LOOKS values are looked at, beyond that the guess goes by what was seen. */
size_t val_rough_size(struct val value, unsigned looks);

/* Deep equality as JSON sees it: maps without regard to order; 1 and 1.0 are different kinds and differ. */
bool val_equal(struct val a, struct val b);
/* True when both are the same node, or the same scalar: quick, for "has it changed at all". */
bool val_same(struct val a, struct val b);
/* A deep copy is never needed; use val_ref. */

#endif
