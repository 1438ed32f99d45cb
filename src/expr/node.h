/* The tree of a parsed expression. It never changes, so that threads share it. Private to expr. */
#ifndef EXPR_NODE_H
#define EXPR_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "expr/arena.h"
#include "expr/value.h"

struct function;

enum node_kind {
	NODE_LITERAL,  /* literal */
	NODE_CHAIN,    /* children[0], then parts that each work on what stands before */
	NODE_NAME,     /* a property of the active object, or of the part before */
	NODE_METHOD,   /* name(children…) */
	NODE_INDEX,    /* [children[0]] */
	NODE_PROJECT,  /* ![…] */
	NODE_SELECT,   /* ?[…] ^[…] $[…] by op */
	NODE_VARIABLE, /* #name */
	NODE_FUNCTION, /* #name(children…) */
	NODE_LIST,
	NODE_MAP,       /* key, value, key, value … */
	NODE_TYPE,      /* T(name), dimensions in op */
	NODE_NEW,       /* new name(children…) */
	NODE_NEW_ARRAY, /* new name[children[0]]…{…}; a missing size is NULL; initialiser in extra */
	NODE_BEAN,      /* @name: always refused */
	NODE_FOLD,      /* children[0] ops[0] children[1] ops[1] …, from the left */
	NODE_AND,
	NODE_OR,
	NODE_UNARY,
	NODE_TERNARY,
	NODE_ELVIS,
	NODE_ASSIGN,
	NODE_INCREMENT, /* op: OP_PLUS or OP_MINUS; safe = prefix */
};

enum node_op {
	OP_PLUS,
	OP_MINUS,
	OP_TIMES,
	OP_DIVIDE,
	OP_MODULO,
	OP_POWER,
	OP_NOT,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_INSTANCEOF,
	OP_MATCHES,
	OP_BETWEEN,
	OP_FIRST, /* selections */
	OP_LAST,
	OP_ALL,
};

struct node_step {
	uint8_t op;
	int32_t position;
};

/*
 * What the name of a node was found to be in TABLE, so that it is not looked for again: a guess, which whoever asks about another
 * table does not get. The thread that comes first writes it, once; all others read it when it is ready.
 */
struct node_hint {
	struct val_key key; /* of a name, or of an index that is a text: for maps */
	atomic_uchar state; /* 0, then 1 while it is written, then 2 */
	const void *table;
	const void *first, *last; /* rows, both of them in it */
};

static inline void hint_init(struct node_hint *hint, struct str name)
{
	val_key_init(&hint->key, name);
	atomic_init(&hint->state, 0);
}

static inline bool hint_is_of(const struct node_hint *hint, const void *table)
{
	return hint && atomic_load_explicit(&hint->state, memory_order_acquire) == 2 &&
		hint->table == table;
}

static inline void hint_put(
	struct node_hint *hint, const void *table, const void *first, const void *last)
{
	unsigned char empty = 0;
	if (!hint || !atomic_compare_exchange_strong(&hint->state, &empty, 1))
		return;
	hint->table = table;
	hint->first = first;
	hint->last = last;
	atomic_store_explicit(&hint->state, 2, memory_order_release);
}

struct node {
	uint8_t kind;
	uint8_t op;
	bool safe;     /* ?. before it; for an increment: it stands before its operand */
	bool blank;    /* a blank between a function's name and its parenthesis */
	bool constant; /* a list or map of literals */
	bool known;    /* its value is `literal`: it is one, or was calculated when it was parsed */
	int32_t position; /* character in the body */
	uint32_t count;
	union {
		struct str name;      /* lives as long as the tree; not terminated */
		struct value literal; /* of a literal, or a fold */
	};
	union {
		const struct function *function; /* a helper's row; NULL = there is none of that name */
		struct node_hint *hint;          /* of a name, a method or an index */
	};
	struct node **children;
	struct node *extra;
	struct node_step *steps;
};

/* A parsed body, counted. */
struct expr {
	atomic_uint references;
	uint64_t used; /* this and the hash are the cache's */
	struct str text;
	uint64_t hash;
	struct node *tree; /* NULL: does not parse, for the reason in message */
	const char *message;
	int position;
	struct arena arena;
	_Alignas(16) char first[]; /* the arena's; for most trees it is enough */
};

/* Never NULL. */
struct expr *expr_parse(struct str body);
struct expr *expr_ref(struct expr *expr);
void expr_unref(struct expr *expr);

/* The same from the cache of the process, which any thread may use. The caller unrefs. */
struct expr *expr_cached(struct str body);

#endif
