#include "base/share.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"

#define FIRST_CAPACITY 1024 /* a power of two */

void share_free(struct share *share)
{
	for (size_t i = 0; i < share->capacity; i++)
		val_free(&share->slots[i].value);
	free(share->slots);
	vec_free(&share->pending);
	*share = (struct share){ 0 };
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/* The part ITEM of a list or map: texts by their bytes, so that short ones, which have no node, do too. */
static uint64_t hash_part(uint64_t hash, struct val item)
{
	hash = mix(hash, item.kind);
	if (val_is_string(item))
		return mix(hash, str_hash(val_as_str(&item)));
	if (item.kind == VAL_KIND_BOOL)
		return mix(hash, item.boolean);
	if (val_as_digits(&item).length)
		return mix(hash, str_hash(val_as_digits(&item)));
	return item.kind == VAL_KIND_NULL ? hash : mix(hash, (uint64_t)item.integer);
}

/* Whether KNOWN has just the parts ITEMS; those that are lists or maps are one if they are equal. */
static bool has_parts(struct val known, const struct val *items, size_t count)
{
	bool map = val_is_map(known);

	if (val_count(known) * (map ? 2 : 1) != count)
		return false;
	for (size_t i = 0; i < val_count(known); i++) {
		const struct val *item = map ? &items[2 * i + 1] : &items[i];

		if (map && !str_equal(val_key_at(known, i), val_as_str(&items[2 * i])))
			return false;
		if (!val_same(map ? val_value_at(known, i) : val_at(known, i), *item))
			return false;
	}
	return true;
}

static void grow(struct share *share)
{
	size_t capacity = share->capacity ? 2 * share->capacity : FIRST_CAPACITY;
	struct share_slot *slots = xcalloc(capacity, sizeof(*slots));

	for (size_t i = 0; i < share->capacity; i++) {
		size_t at = share->slots[i].hash & (capacity - 1);

		if (val_is_null(share->slots[i].value))
			continue;
		while (!val_is_null(slots[at].value))
			at = (at + 1) & (capacity - 1);
		slots[at] = share->slots[i];
	}
	free(share->slots);
	share->slots = slots;
	share->capacity = capacity;
}

/* What is to be found: a text, or the parts of a list or map. */
struct wanted {
	enum val_kind kind;
	uint64_t hash;
	struct str text;
	const struct val *items;
	size_t count;
};

static bool is_wanted(const struct wanted *wanted, struct val known)
{
	if (val_kind(known) != wanted->kind)
		return false;
	if (wanted->kind == VAL_KIND_STRING)
		return str_equal(val_as_str(&known), wanted->text);
	return has_parts(known, wanted->items, wanted->count);
}

/* The slot where WANTED is, or belongs. */
static struct share_slot *slot_of(struct share *share, const struct wanted *wanted)
{
	struct share_slot *slot;
	size_t at;

	if (4 * share->count >= 3 * share->capacity)
		grow(share);
	at = wanted->hash & (share->capacity - 1);
	for (;; at = (at + 1) & (share->capacity - 1)) {
		slot = &share->slots[at];
		if (val_is_null(slot->value) ||
			(slot->hash == wanted->hash && is_wanted(wanted, slot->value)))
			return slot;
	}
}

/* Takes VALUE into SLOT, which is free; another reference to it. */
static struct val put(struct share *share, struct share_slot *slot, uint64_t hash, struct val value)
{
	slot->hash = hash;
	slot->value = value;
	share->count++;
	return val_ref(value);
}

/* VALUE NULL = a key, of which there is only the text. */
static struct val share_text(struct share *share, struct str text, const struct val *value)
{
	struct wanted wanted = { .kind = VAL_KIND_STRING, .hash = str_hash(text), .text = text };
	struct share_slot *slot;

	if (value && !val_is_counted(*value))
		return *value;
	slot = slot_of(share, &wanted);
	if (!val_is_null(slot->value))
		return val_ref(slot->value);
	return put(share, slot, wanted.hash, value ? val_ref(*value) : val_str(text));
}

static struct val share_at(struct share *share, struct val value, unsigned depth);

/* The parts of VALUE, shared, onto the pile of those that are pending. */
static void push_parts(struct share *share, struct val value, unsigned depth)
{
	for (size_t i = 0; i < val_count(value); i++) {
		struct val item = val_is_map(value) ? val_value_at(value, i) : val_at(value, i);

		if (val_is_map(value))
			vec_push(&share->pending, share_text(share, val_key_at(value, i), NULL));
		item = share_at(share, item, depth);
		vec_push(&share->pending, item);
	}
}

static struct val share_parts(struct share *share, struct val value, unsigned depth)
{
	size_t from = share->pending.count;
	struct wanted wanted = { .kind = val_kind(value), .hash = value.kind };
	struct share_slot *slot;
	struct val made;

	push_parts(share, value, depth);
	wanted.items = &share->pending.items[from];
	wanted.count = share->pending.count - from;
	for (size_t i = 0; i < wanted.count; i++)
		wanted.hash = hash_part(wanted.hash, wanted.items[i]);
	slot = slot_of(share, &wanted);
	if (val_is_null(slot->value)) {
		made = val_is_map(value) ? val_map_of(wanted.items, wanted.count / 2, NULL) :
					   val_list_of(wanted.items, wanted.count);
		share->pending.count = from;
		return put(share, slot, wanted.hash, made);
	}
	made = val_ref(slot->value);
	while (share->pending.count > from)
		val_free(&share->pending.items[--share->pending.count]);
	return made;
}

/* Nested deeper than JSON may be it stays as it is. */
static struct val share_at(struct share *share, struct val value, unsigned depth)
{
	if (val_is_string(value))
		return share_text(share, val_as_str(&value), &value);
	if (val_count(value) == 0 || depth == LIMIT_JSON_DEPTH)
		return val_ref(value);
	return share_parts(share, value, depth + 1);
}

struct val share_value(struct share *share, struct val value)
{
	return share_at(share, value, 0);
}
