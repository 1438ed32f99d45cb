/*
 * What a server does now and then, on a thread of its own: old runs are deleted, and the disk is looked at, so that new runs are
 * refused before it is full.
 */
#ifndef HOUSEKEEPING_H
#define HOUSEKEEPING_H

#include "base/err.h"
#include "engine/engine.h"
#include "settings.h"
#include "store/store.h"

struct housekeeping;

/* All borrowed; they must outlive it. */
struct housekeeping *housekeeping_start(struct engine *engine, struct store *store,
	const char *directory, const struct settings *settings, struct err *err);
/* Before the engine ends. NULL is fine. */
void housekeeping_stop(struct housekeeping *housekeeping);

#endif
