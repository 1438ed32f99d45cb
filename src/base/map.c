#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct map_entry {
	struct map_entry *next; /* in the same bucket */
	uint64_t hash;
	void *value;
	size_t key_length;
	char key[];
};

void map_free(struct map *map)
{
	for (size_t i = 0; i < map->bucket_count; i++) {
		struct map_entry *next;

		for (struct map_entry *entry = map->buckets[i]; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	}
	free(map->buckets);
	*map = (struct map){ 0 };
}

/* The link that points to KEY's entry, or the one at the chain's end; NULL when there are no buckets yet. */
static struct map_entry **map_find(const struct map *map, struct str key, uint64_t hash)
{
	struct map_entry **link;

	if (map->bucket_count == 0)
		return NULL;
	link = &map->buckets[hash & (map->bucket_count - 1)];
	for (; *link; link = &(*link)->next) {
		const struct map_entry *entry = *link;

		if (entry->hash == hash &&
			str_equal((struct str){ entry->key, entry->key_length }, key))
			break;
	}
	return link;
}

/* Doubles the buckets, so that a chain holds one entry on average. */
static void map_grow(struct map *map)
{
	size_t count = map->bucket_count ? map->bucket_count * 2 : 16;
	struct map_entry **buckets = xcalloc(count, sizeof(*buckets));

	for (size_t i = 0; i < map->bucket_count; i++) {
		struct map_entry *next;

		for (struct map_entry *entry = map->buckets[i]; entry; entry = next) {
			struct map_entry **head = &buckets[entry->hash & (count - 1)];

			next = entry->next;
			entry->next = *head;
			*head = entry;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->bucket_count = count;
}

void *map_get(const struct map *map, struct str key)
{
	struct map_entry **link = map_find(map, key, str_hash(key));

	return link && *link ? (*link)->value : NULL;
}

void *map_put(struct map *map, struct str key, void *value)
{
	uint64_t hash = str_hash(key);
	struct map_entry **link = map_find(map, key, hash);
	struct map_entry *entry;

	if (link && *link) {
		void *old = (*link)->value;

		(*link)->value = value;
		return old;
	}
	if (map->count >= map->bucket_count) {
		map_grow(map);
		link = map_find(map, key, hash);
	}
	entry = xcalloc(1, sizeof(*entry) + key.length + 1);
	entry->hash = hash;
	entry->value = value;
	entry->key_length = key.length;
	if (key.length)
		memcpy(entry->key, key.bytes, key.length);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are buckets by now */
	*link = entry;
	map->count++;
	return NULL;
}

void *map_remove(struct map *map, struct str key)
{
	struct map_entry **link = map_find(map, key, str_hash(key));
	struct map_entry *entry = link ? *link : NULL;
	void *value;

	if (!entry)
		return NULL;
	value = entry->value;
	*link = entry->next;
	free(entry);
	map->count--;
	return value;
}

bool map_next(const struct map *map, struct map_cursor *cursor, struct str *ret_key, void **ret_value)
{
	struct map_entry *entry;

	while (!cursor->next) {
		if (cursor->bucket >= map->bucket_count)
			return false;
		cursor->next = map->buckets[cursor->bucket++];
	}
	entry = cursor->next;
	cursor->next = entry->next;
	*ret_key = (struct str){ entry->key, entry->key_length };
	*ret_value = entry->value;
	return true;
}
