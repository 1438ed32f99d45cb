/*
 * Artifacts and expected artifacts, as Spinnaker has them: what matches, what is bound, and what a stage or another run sees of them. Pure, any
 * thread; an artifact is a map {type, name, version, location, reference, metadata, artifactAccount, …}.
 */
#ifndef MODEL_ARTIFACT_H
#define MODEL_ARTIFACT_H

#include "model/execution.h"

/* The artifact as it is kept: nulls out, what is no key of an artifact into `metadata`, the old `kind` gone. Owned; VAL_NULL for no map. */
struct val artifact_clean(struct val artifact);
/*
 * 1 when ARTIFACT is what WANTED (a matchArtifact) asks for, 0 when not; -1 with ERR_TOO_LARGE when a pattern in it takes too long. Five fields
 * count, each equal or matched whole by the wanted text as a regular expression; nothing wanted is anything.
 */
int artifact_matches(struct val wanted, struct val artifact, struct err *err);
/* Adds the artifact, cleaned, unless an equal one is there. */
void artifact_list_add(struct val *list, struct val artifact);

/* Where expected artifacts are looked for, in this order; then, where they allow it, in their defaults. */
struct artifact_sources {
	struct val current; /* list, borrowed */
	struct val (*prior)(
		void *data); /* for those with usePriorArtifact, asked once: an owned list. NULL = none */
	void *data;
	bool unique; /* more than one match is an error; else the first one wins */
};
struct artifact_binding {
	struct val artifacts; /* each bound one once */
	struct val expected;  /* the expected ones with their boundArtifact */
};
void artifact_binding_free(struct artifact_binding *binding);
/* Binds each of EXPECTED (a list). ERR_INVALID names the one that cannot be. */
int artifacts_resolve(struct val expected, const struct artifact_sources *sources,
	struct artifact_binding *ret, struct err *err);

/*
 * The artifacts of a run that is to be started: those of PIPELINE's expectedArtifacts which *TRIGGER names, or which have a default or may
 * be those of the run before, are bound, and *TRIGGER holds what came of it. Twice is as good as once. PRIOR as above.
 */
int artifacts_resolve_trigger(struct val pipeline, struct val (*prior)(void *data), void *data,
	struct val *trigger, struct err *err);
/*
 * For a run that another one starts: adds to *TRIGGER's expectedArtifactIds those of PIPELINE's expected artifacts that one of its artifacts
 * matches, and those that its triggers on PARENT_CONFIG name.
 */
int artifacts_expect_received(
	struct val pipeline, const char *parent_config, struct val *trigger, struct err *err);

/* What a stage sees: its own context's, then its own and its ancestors' outputs, then the trigger's. Owned list. */
struct val artifacts_visible(const struct execution *execution, size_t index);
/* What a run yields, for others: the last stage's last one first, then the trigger's. Owned list. */
struct val artifacts_of_execution(const struct execution *execution);
/*
 * The artifact that was bound to the expected artifact ID, as a stage sees it, with the account that its matchArtifact gives when it has
 * none. Owned; VAL_NULL when there is none.
 */
struct val artifact_bound(const struct execution *execution, size_t index, const char *id);

#endif
