/*
 * Wake-up keys. No wake-up is lost: a key's last move is remembered until every task that was dispatched before it has
 * returned, so that one which then asks to wait for it runs again at once.
 */
#include "engine/internal.h"

static struct wake_key *key_get(struct engine *engine, const char *name)
{
	struct wake_key *key = map_get(&engine->keys, str_of(name));
	if (!key) {
		key = xnew(struct wake_key);
		key->name = xstrdup(name);
		map_put(&engine->keys, str_of(name), key);
	}
	return key;
}

static void key_free(struct engine *engine, struct wake_key *key)
{
	map_remove(&engine->keys, str_of(key->name));
	vec_free(&key->waiters);
	free(key->name);
	free(key);
}

void wake_moved(struct engine *engine, const char *name)
{
	/* Nobody waits and nobody in flight can come to wait: nothing to remember. */
	if (!map_get(&engine->keys, str_of(name)) && !engine->flight_first)
		return;
	struct wake_key *key = key_get(engine, name);
	key->seq = ++engine->wake_seq;
	for (size_t i = 0; i < key->waiters.count; i++) {
		struct stage_run *stage = key->waiters.items[i]->stage;
		stage->woken = true;
		look(stage->run, stage->index);
	}
	if (!key->listed) {
		key->listed = true;
		vec_push(&engine->moved, key);
	}
}

bool wake_wait(struct engine *engine, struct stage_run *stage, const char *name, uint64_t seq)
{
	struct wake_key *key = key_get(engine, name);
	if (key->seq > seq)
		return true;
	struct waiter *waiter = xnew(struct waiter);
	waiter->key = key;
	waiter->stage = stage;
	vec_push(&key->waiters, waiter);
	vec_push(&stage->waiters, waiter);
	return false;
}

void wake_forget(struct stage_run *stage)
{
	struct engine *engine = stage->run->engine;
	for (size_t i = 0; i < stage->waiters.count; i++) {
		struct waiter *waiter = stage->waiters.items[i];
		struct wake_key *key = waiter->key;
		for (size_t j = 0; j < key->waiters.count; j++) {
			if (key->waiters.items[j] == waiter) {
				key->waiters.items[j] = key->waiters.items[--key->waiters.count];
				break;
			}
		}
		free(waiter);
		if (key->waiters.count == 0 && !key->listed)
			key_free(engine, key);
	}
	stage->waiters.count = 0;
}

void wake_purge(struct engine *engine)
{
	/* `moved` is in the order in which keys first moved; one that moved again meanwhile only stays a little longer. */
	uint64_t oldest = engine->flight_first ? engine->flight_first->wake_seq : UINT64_MAX;
	while (engine->moved_at < engine->moved.count) {
		struct wake_key *key = engine->moved.items[engine->moved_at];
		if (key->seq > oldest)
			break;
		engine->moved_at++;
		key->listed = false;
		if (key->waiters.count == 0)
			key_free(engine, key);
	}
	/* A server that is never quiet never comes to its end. */
	if (engine->moved_at > engine->moved.count / 2) {
		engine->moved.count -= engine->moved_at;
		memmove(engine->moved.items, engine->moved.items + engine->moved_at,
			engine->moved.count * sizeof(engine->moved.items[0]));
		engine->moved_at = 0;
	}
}

void wake_free(struct engine *engine)
{
	struct map_cursor cursor = { 0 };
	struct str name;
	for (void *key; map_next(&engine->keys, &cursor, &name, &key);)
		key_free(engine, key);
	map_free(&engine->keys);
	vec_free(&engine->moved);
}
