/*
 * Parsed expressions by their text. A pipeline asks for the same few again and again, at every task of every stage,
 * and a tree never changes; so there is one cache for the process. That is state outside of any object, but no
 * caller can see it: a full or an empty cache gives the same values.
 *
 * Entries stand in sets of WAYS by hash; in a full set the one longest unused goes. A set's lock is held for the time
 * of a comparison.
 */
#include <pthread.h>

#include "base/limits.h"
#include "expr/node.h"

#define WAYS 4
#define SETS (LIMIT_EXPR_CACHE / WAYS)
#define LOCKS 16

struct set {
	struct expr *entries[WAYS];
	uint64_t clock;
};

static struct {
	pthread_mutex_t locks[LOCKS];
	struct set sets[SETS];
} cache = {
	.locks = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER },
};

static struct expr *set_find(struct set *set, struct str body, uint64_t hash)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct expr *expr = set->entries[i];
		if (!expr || expr->hash != hash || !str_equal(expr->text, body))
			continue;
		expr->used = ++set->clock;
		return expr_ref(expr);
	}
	return NULL;
}

/* Puts EXPR at the place of the entry longest unused, which is returned. */
static struct expr *set_put(struct set *set, struct expr *expr)
{
	size_t oldest = 0;
	for (size_t i = 0; i < WAYS; i++) {
		if (!set->entries[i]) {
			oldest = i;
			break;
		}
		if (set->entries[i]->used < set->entries[oldest]->used)
			oldest = i;
	}
	struct expr *old = set->entries[oldest];
	set->entries[oldest] = expr_ref(expr);
	expr->used = ++set->clock;
	return old;
}

struct expr *expr_cached(struct str body)
{
	if (body.length > LIMIT_EXPR_BODY_BYTES)
		return expr_parse(body);
	uint64_t hash = str_hash(body);
	struct set *set = &cache.sets[hash % SETS];
	pthread_mutex_t *lock = &cache.locks[hash % SETS % LOCKS];

	pthread_mutex_lock(lock);
	struct expr *expr = set_find(set, body, hash);
	pthread_mutex_unlock(lock);
	if (expr)
		return expr;

	expr = expr_parse(body);
	expr->hash = hash;
	pthread_mutex_lock(lock);
	struct expr *twin = set_find(set, body, hash);
	struct expr *old = twin ? NULL : set_put(set, expr);
	pthread_mutex_unlock(lock);
	expr_unref(twin);
	expr_unref(old);
	return expr;
}
