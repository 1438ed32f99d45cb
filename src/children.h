/*
 * The runs that a followed run waits for: its pipeline stages' children, and theirs. They are learnt from the journal's events, and
 * each is read by a feed of its own while its parent's stage waits. One thread.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "base/vec.h"
#include "feed.h"

struct child {
	char *parent_id;   /* the run that waits for it, … */
	char *stage_id;    /* … by this stage */
	char *id;          /* NULL until it has started */
	char *name;        /* of its pipeline */
	struct feed *feed; /* NULL: not read (yet), or lost */
	bool lost;
};

/* Zeroed but for the source: a client, or a store. */
struct children {
	struct client *client;
	struct store *store;
	VEC(struct child) items;
};

void children_free(struct children *children);
/* Takes one event of any of the runs in. ENDED is called with the id of each run that nobody waits for any more. */
void children_event(struct children *children, struct val event,
	void (*ended)(void *data, const char *id), void *data);
/* Calls TAKE for each new event of the children. Beyond LIMIT_FOLLOWED_CHILDREN at a time they have their turn when others have ended. */
void children_read(
	struct children *children, void (*take_event)(void *data, struct val event), void *data);
/* The name of the child that has ID, or NULL; borrowed. */
const char *children_name(const struct children *children, const char *id);

#endif
