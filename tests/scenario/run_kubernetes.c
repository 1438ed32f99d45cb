/*
 * Plays the scenarios of the folder kubernetes (lib/scenario.h) against a small API server (lib/kube_server.h). The account
 * "test" is there, with the namespace shop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kubernetes/kubernetes.h"
#include "kubernetes/stages.h"
#include "lib/kube_server.h"
#include "lib/scenario_files.h"
#include "lib/values.h"
#include "stage/stages.h"

static const struct stage_type *const types[] = {
	&deploy_manifest_stage,
	&delete_manifest_stage,
	&scale_manifest_stage,
	&undo_rollout_manifest_stage,
	&pause_rollout_manifest_stage,
	&resume_rollout_manifest_stage,
	&rolling_restart_manifest_stage,
	&patch_manifest_stage,
	&enable_manifest_stage,
	&disable_manifest_stage,
	&run_job_manifest_stage,
	&cleanup_artifacts_stage,
	&find_artifacts_stage,
	&evaluate_variables_stage,
	&wait_stage,
	NULL,
};

static const struct stage_registry registry = { .types = types };

static const char accounts[] = "accounts:\n"
			       "- name: test\n"
			       "  omitNamespaces: [kube-system]\n"
			       "  kubeconfigContents: |\n"
			       "    clusters: [{name: c, cluster: {server: 'https://cluster.example'}}]\n"
			       "    users: [{name: u, user: {token: t}}]\n"
			       "    contexts: [{name: x, context: {cluster: c, user: u, "
			       "namespace: shop}}]\n"
			       "    current-context: x\n";

static void *open_accounts(struct world *world, struct val document)
{
	_cleanup_(val_free) struct val settings = value_of(accounts);
	_cleanup_err_ struct err err = ERR_INIT;

	world->kubernetes = kubernetes_new(world);
	if (kubernetes_load_settings(world->kubernetes, settings, &err) < 0)
		fail_msg("%s", err_text(&err));
	return world->kubernetes;
}

static void close_accounts(struct world *world, void *opened)
{
	kubernetes_free(opened);
	world->kubernetes = NULL;
}

int main(int argc, char **argv)
{
	static const struct scenario_setup setup = {
		.registry = &registry,
		.open = open_accounts,
		.close = close_accounts,
		.server_new = kube_server_new,
		.server_serve = kube_server_serve,
		.server_state = kube_server_state,
		.server_free = kube_server_free,
	};

	return scenario_files(&setup, SCENARIOS "/kubernetes", argc, argv);
}
