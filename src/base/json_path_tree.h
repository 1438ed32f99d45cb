/* A parsed JSONPath; shared by json_path_parse.c, which makes it, and json_path.c, which follows it. */
#ifndef BASE_JSON_PATH_TREE_H
#define BASE_JSON_PATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

enum path_step_kind {
	PATH_NAMES,   /* .a  ['a']  ['a','b'] */
	PATH_INDEXES, /* [0]  [-1]  [0,2] */
	PATH_SLICE,   /* [1:3] */
	PATH_ALL,     /* .*  [*] */
	PATH_DEEP,    /* .. : the value and all below it */
	PATH_FILTER,  /* [?(…)] */
};

enum path_function {
	PATH_NO_FUNCTION,
	PATH_LENGTH,
	PATH_MIN,
	PATH_MAX,
	PATH_AVG,
	PATH_SUM,
	PATH_KEYS,
	PATH_FIRST,
	PATH_LAST,
};

struct path_filter;

struct path_step {
	enum path_step_kind kind;
	struct val items; /* list of names or indexes */
	bool has_from, has_to;
	int64_t from, to;
	struct path_filter *filter;
};

struct path_tree {
	bool relative; /* begins with '@' */
	bool definite;
	struct path_step *steps;
	size_t count;
	enum path_function function; /* of what the steps lead to */
};

enum path_operator {
	PATH_EQUAL,
	PATH_SAME, /* === : of one kind, too */
	PATH_UNEQUAL,
	PATH_NOT_SAME,
	PATH_LESS,
	PATH_LESS_EQUAL,
	PATH_GREATER,
	PATH_GREATER_EQUAL,
	PATH_IN,
	PATH_NOT_IN,
	PATH_CONTAINS,
	PATH_SIZE,
	PATH_EMPTY,
	PATH_ANY_OF,
	PATH_NONE_OF,
	PATH_SUBSET_OF,
};

struct path_operand {
	struct path_tree *path; /* NULL = the literal */
	struct val literal;
};

struct path_filter {
	enum { FILTER_OR, FILTER_AND, FILTER_NOT, FILTER_HAS, FILTER_COMPARE } kind;
	struct path_filter *left, *right; /* of OR, AND; NOT has only a left one */
	enum path_operator operator;
	struct path_operand a, b; /* HAS: only a */
};

/* The tree of a whole PATH, owned; NULL with ERR_INVALID. */
struct path_tree *path_parse(struct str path, struct err *err);
void path_tree_free(struct path_tree *tree); /* NULL is fine */
DEFINE_CLEANUP(struct path_tree *, path_tree_free)

#endif
