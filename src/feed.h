/*
 * Journal events of one run, from wherever it is: the engine in this process, or a server's event stream. One reader.
 */
#ifndef FEED_H
#define FEED_H

#include "base/err.h"
#include "base/val.h"
#include "client.h"
#include "engine/engine.h"

struct feed;

/* Of run ID of ENGINE, whose commits it is told of; NULL: each reading looks into STORE. */
struct feed *feed_local(struct engine *engine, struct store *store, const char *id);
/* Of run ID on CLIENT's server, by server-sent events on a thread of its own, resumed when the connection breaks. Borrows CLIENT. */
struct feed *feed_remote(struct client *client, const char *id);
void feed_free(struct feed *feed);

/* Waits at most MS for more and calls TAKE for each new event. -1 when the source is broken for good (remote: gone for 30 s). */
int feed_read(struct feed *feed, int ms, void (*take)(void *data, struct val event), void *data,
	struct err *err);

#endif
