/*
 * A run as people watch it in a terminal: made from journal events, the same for a local run and one on a server. On a terminal the
 * stages stand as a tree that is redrawn in place; otherwise there is one plain line a change. One thread.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/val.h"
#include "model/status.h"

struct progress;

/* TERMINAL: redraw in place (colours too). OUT is borrowed. */
struct progress *progress_new(FILE *out, bool terminal);
void progress_free(struct progress *progress);
DEFINE_CLEANUP(struct progress *, progress_free)

/* Takes one event ({"event", "at", "data"}) in. */
void progress_event(struct progress *progress, struct val event);
/* Redraws running times; a no-op off a terminal. */
void progress_tick(struct progress *progress, int64_t now_ms);
/* What is on the screen stays there; the next tick draws below it. For questions. */
void progress_leave(struct progress *progress);
/* True once the run is complete, and then its status. */
bool progress_is_complete(const struct progress *progress, enum status *ret_status);
/* The last words: how it ended, and why stages failed. */
void progress_summary(struct progress *progress);

#endif
