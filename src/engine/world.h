/*
 * The outside world as tasks see it: everything in here is replaceable, so that a scenario test drives the whole engine on
 * a virtual clock with scripted exchanges. One a process; shared by all threads; changed only by engine_start.
 */
#ifndef ENGINE_WORLD_H
#define ENGINE_WORLD_H

#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"
#include "net/address.h"
#include "net/http_client.h"
#include "net/process.h"

struct store;
struct kubernetes; /* kubernetes/kubernetes.h: the accounts; opaque to the engine */

struct world {
	struct clock *clock;
	struct http_transport *http;
	struct spawner *spawner;
	const struct url_policy *url_policy; /* for URLs that users give */
	bool no_fetch; /* expressions may not fetch URLs (settings, expression.fetch) */
	struct kubernetes *kubernetes; /* NULL when no account is set up */
	struct val settings; /* the whole settings file as read, secrets included: never shown */
	struct store *store; /* of the engine, for reading; set by engine_start */
	pthread_mutex_t wake_lock;                   /* zero bytes are PTHREAD_MUTEX_INITIALIZER */
	void (*wake)(void *engine, const char *key); /* set by engine_start; use world_wake */
	void *engine;
	const char *console_url; /* where people look at runs, NULL = unknown */
};

/* Those who learn that KEY moved (watches) tell the engine so. Nothing happens while there is none. Any thread. */
void world_wake(struct world *world, const char *key);

#endif
