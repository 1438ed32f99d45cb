/*
 * Webhooks that the settings give a stage type of their own (webhook.preconfigured[], as upstream names it; stages.md 4.6, at the
 * end): what an entry sets is fixed, its parameters are the author's.
 */
#ifndef STAGE_PRECONFIGURED_H
#define STAGE_PRECONFIGURED_H

#include "engine/stage_type.h"

/* The rows of `webhook` in the settings. */
extern const struct field webhook_settings_fields[];

struct preconfigured;

/* The types of BASE and those of SETTINGS (its `webhook`, or VAL_NULL); owned. NULL with ERR_INVALID and the place of the mistake. */
struct preconfigured *preconfigured_read(
	struct val settings, const struct stage_registry *base, struct err *err);
/* Borrowed, as long as *PRECONFIGURED lives. */
const struct stage_registry *preconfigured_registry(const struct preconfigured *preconfigured);
/* The list of those that are enabled, as GET /webhooks/preconfigured gives it; owned. Any thread. */
struct val preconfigured_describe(const struct preconfigured *preconfigured);
void preconfigured_free(struct preconfigured *preconfigured); /* NULL is fine */
DEFINE_CLEANUP(struct preconfigured *, preconfigured_free)

#endif
