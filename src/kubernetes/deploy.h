/*
 * What the files of the deploy stage share; nobody else includes it.
 *
 *	deploy_manifest.c  the stage's table, its expressions, its manifests as one list
 *	deploy_choose.c    names and versions
 *	deploy_send.c      sending, cleaning up
 *	deploy_batch.c     many of one kind at once
 *	deploy_plan.c      the rules of it, over values
 *	deploy_rollout.c   what a rollout strategy does afterwards
 */
#ifndef KUBERNETES_DEPLOY_H
#define KUBERNETES_DEPLOY_H

#include "engine/stage_type.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/kubernetes.h"

struct deploy_traffic_options {
	struct str_list services;
	bool enable;
	int strategy;
};
struct deploy_traffic {
	bool enabled;
	struct deploy_traffic_options options;
};

struct deploy_config {
	char *account, *credentials;
	int source;
	struct val manifests, manifest;
	char *namespace_override;
	bool skip_expressions;
	bool skip_template_labels;
	struct val label_selectors;
	bool allow_nothing_selected;
	bool bind;
	bool no_output;
	struct opt_bool versioned;
	struct val moniker;
	struct deploy_traffic traffic;
};

bool deploy_has_selectors(const struct deploy_config *config);
/* "redblack"; NULL when there is none. */
const char *deploy_strategy_name(const struct deploy_config *config);
/* What the tasks that walk the manifests start with. RULES is good as long as IN, WALK until deploy_walk_free. */
void deploy_walk_start(const struct task_input *in, const struct kube_account *account,
	struct deploy_rules *rules, struct deploy_walk *walk);
/* True when a CustomResourceDefinition is part of this request, or was applied by an earlier stage of this run. */
bool deploy_has_definition(const struct task_input *in);
int deploy_find_kind(const struct task_input *in, struct kube_account *account, struct val manifest,
	const struct kube_resource **ret, struct err *err);

/* Adds to ERR which of the stage's manifests it is about: "manifests[2] (service web): …". Returns -1. */
int deploy_say_which(struct val manifest, size_t index, struct err *err);

int deploy_choose_run(const struct task_input *in, struct task_result *out, struct err *err);
int deploy_send_run(const struct task_input *in, struct task_result *out, struct err *err);
int deploy_clean_up_run(const struct task_input *in, struct task_result *out, struct err *err);
bool deploy_has_strategy(const struct task_input *in);
int deploy_strategy_run(const struct task_input *in, struct task_result *out, struct err *err);
int deploy_plan_after(const struct task_input *in, struct stage_plan *plan, struct err *err);

#endif
