/*
 * A deploy's manifests on their way to the server, as values: in which order, under which names, with which references, and
 * what goes into the stage's outputs. Both tasks of the deploy stage walk alike: the one that chooses names, and the one
 * that sends under the names chosen. Pure, any thread.
 */
#ifndef KUBERNETES_DEPLOY_PLAN_H
#define KUBERNETES_DEPLOY_PLAN_H

#include "base/err.h"
#include "base/field.h"
#include "base/val.h"
#include "kubernetes/kinds.h"

#define MAX_VERSION_HISTORY "strategy.spinnaker.io/max-version-history"

/* What holds for all manifests of a stage. Texts are borrowed. */
struct deploy_rules {
	const char *account;
	const char *application; /* of the run, when the moniker names none */
	struct val moniker;      /* borrowed map */
	struct opt_bool versioned;
	const struct kind_list *kinds; /* of the account; NULL = none */
	struct val settings;           /* borrowed: `kubernetes.v2` of the settings */
	bool skip_template_labels;
};

enum deploy_strategy { DEPLOY_APPLY, DEPLOY_APPLY_GENTLY, DEPLOY_REPLACE, DEPLOY_RECREATE };
/* By the strategy annotations; GENTLY = without taking fields away from others. */
enum deploy_strategy deploy_strategy_of(struct val manifest);

/* By the annotation strategy.spinnaker.io/server-side-apply: whatever the account's applyMode is. */
bool deploy_wants_server_side(struct val manifest);

/*
 * One object of the plan, a map that is committed before anything is sent:
 *
 *	"index"     its place among the stage's manifests
 *	"name"      the name that it gets
 *	"version"   "v003", "" = it is not versioned
 *	"ours"      client-side apply owns nothing in the live object, if there is one
 *	"replicas"  those of the live object, when it keeps them
 *	"uid"       of the live object that has to go first (recreate)
 *	"services"  what its traffic annotation says, ["service web"]
 *	"labels"    the pairs of those Services' selectors
 */
struct deploy_walk {
	struct val manifests; /* borrowed */
	const struct deploy_rules *rules;
	struct val candidates; /* artifacts that may be bound, those produced so far too; owned */
	struct val known;      /* which of them there are: artifacts_put */
	struct val bound;      /* those that were used */
	struct val produced;   /* one a manifest */
};
void deploy_walk_free(struct deploy_walk *walk);
/* The manifest at INDEX with its references bound; owned. */
struct val deploy_walk_bind(struct deploy_walk *walk, size_t index);
/* MANIFEST, which deploy_walk_bind gave, gets the name and version of ENTRY: later ones see it. */
void deploy_walk_produce(struct deploy_walk *walk, struct val manifest, struct val entry);

/* The object as it is sent; owned. */
struct val deploy_object(struct val manifest, struct val entry, const struct deploy_rules *rules);

/* A name made from metadata.generateName; the same for the same SEED. Owned. */
char *deploy_generated_name(struct val manifest, const char *seed);

/* Checks that need no server: ERR_UNSUPPORTED or ERR_INVALID. */
int deploy_check_manifest(struct val manifest, bool has_selectors, struct err *err);

#endif
