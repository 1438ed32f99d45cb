/*
 * Values that say the same become one: texts, lists and maps of a value are replaced by equal ones that were seen before. For many
 * values that stay in memory and are alike, as a cluster's objects are. Owned by one thread.
 *
 *	struct share share = { 0 };
 *	for (…)
 *		val_append(&all, share_value(&share, object));
 *	share_free(&share);
 */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/val.h"
#include "base/vec.h"

struct share_slot {
	uint64_t hash;
	struct val value; /* VAL_NULL = free */
};

/* Zero bytes know nothing. */
struct share {
	struct share_slot *slots;
	size_t capacity, count;  /* count: of values that it knows, and holds */
	VEC(struct val) pending; /* parts of the lists and maps that are being read */
};
void share_free(struct share *share); /* what it gave out stays */

/* A value equal to VALUE, of known parts as far as there are such; owned. What was new is known from now on. */
struct val share_value(struct share *share, struct val value);

#endif
