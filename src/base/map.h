/*
 * A hash table from strings to pointers. Keys are copied; values belong to the caller. Owned by one thread, or its
 * users lock. Zero bytes are an empty table.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map_entry;

struct map {
	struct map_entry **buckets;
	size_t bucket_count;
	size_t count;
};

void map_free(struct map *map);
void *map_get(const struct map *map, struct str key); /* NULL when there is none */
/* Puts VALUE (not NULL) and returns the one it replaces, or NULL. */
void *map_put(struct map *map, struct str key, void *value);
void *map_remove(struct map *map, struct str key); /* returns what was there, or NULL */
/* Walks in no order: start with *CURSOR zeroed; false at the end. Removing the entry just seen is allowed, putting a
 * new one is not. The key is a view into the entry, terminated. */
struct map_cursor {
	size_t bucket;
	struct map_entry *next;
};
bool map_next(
	const struct map *map, struct map_cursor *cursor, struct str *ret_key, void **ret_value);

#endif
