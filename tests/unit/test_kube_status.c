/* Stability of every kind that has rules for it, a row each. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/status.h"

/*
 * WANTED: what differs from stable and available, in the order stable, available, paused, failed, with the message in
 * brackets; "" = stable and available without a word.
 */
struct row {
	const char *what;
	const char *object; /* without apiVersion and kind */
	const char *wanted;
};

#define WAITS_GENERATION \
	"unstable(Waiting for status generation to match updated object generation)"

static const struct row deployment_rows[] = {
	{ "no status", "{spec: {replicas: 1}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "an empty status is a status",
		"{metadata: {generation: 1}, spec: {replicas: 1}, status: {}}", WAITS_GENERATION },
	{ "an old generation",
		"{metadata: {generation: 2}, spec: {replicas: 1}, "
		"status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1, "
		"readyReplicas: 1}}",
		WAITS_GENERATION },
	{ "an old generation hides a failure",
		"{metadata: {generation: 2}, spec: {replicas: 1}, "
		"status: {observedGeneration: 1, conditions: [{type: Progressing, status: 'False', "
		"reason: ProgressDeadlineExceeded}]}}",
		WAITS_GENERATION },
	{ "complete",
		"{metadata: {generation: 2}, spec: {replicas: 3}, "
		"status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3, "
		"readyReplicas: 3}}",
		"" },
	{ "none wanted",
		"{metadata: {generation: 1}, spec: {replicas: 0}, "
		"status: {observedGeneration: 1}}",
		"" },
	{ "replicas not said count as none",
		"{metadata: {generation: 1}, spec: {}, "
		"status: {observedGeneration: 1}}",
		"" },
	{ "not all updated",
		"{metadata: {generation: 1}, spec: {replicas: 3}, "
		"status: {observedGeneration: 1, replicas: 4, updatedReplicas: 2, availableReplicas: 3, "
		"readyReplicas: 3}}",
		"unstable(Waiting for all replicas to be updated)" },
	{ "old ones are still there",
		"{metadata: {generation: 1}, spec: {replicas: 3}, "
		"status: {observedGeneration: 1, replicas: 4, updatedReplicas: 3, availableReplicas: 3, "
		"readyReplicas: 3}}",
		"unstable(Waiting for old replicas to finish termination)" },
	{ "not all available",
		"{metadata: {generation: 1}, spec: {replicas: 3}, "
		"status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 1, "
		"readyReplicas: 3}}",
		"unstable(Waiting for all replicas to be available)" },
	{ "not all ready",
		"{metadata: {generation: 1}, spec: {replicas: 3}, "
		"status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3, "
		"readyReplicas: 2}}",
		"unstable(Waiting for all replicas to be ready)" },
	{ "condition Available is False",
		"{metadata: {generation: 1}, spec: {replicas: 0}, "
		"status: {observedGeneration: 1, conditions: [{type: Available, status: 'False', "
		"message: too few}]}}",
		"unstable(too few) unavailable(too few)" },
	{ "the replicas' message wins",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, "
		"conditions: [{type: Available, status: 'False', message: too few}]}}",
		"unstable(Waiting for all replicas to be available) unavailable(too few)" },
	{ "condition Available is True",
		"{metadata: {generation: 1}, spec: {replicas: 0}, "
		"status: {observedGeneration: 1, conditions: [{type: Available, status: 'True', "
		"message: fine}]}}",
		"" },
	{ "the deadline has passed",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, "
		"conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}}",
		"unstable(Waiting for all replicas to be available) "
		"failed(Deployment exceeded its progress deadline)" },
	{ "the reason under another condition",
		"{metadata: {generation: 1}, spec: {replicas: 0}, "
		"status: {observedGeneration: 1, conditions: [{type: Available, status: 'True', "
		"reason: ProgressDeadlineExceeded}]}}",
		"" },
	{ "paused and complete",
		"{metadata: {generation: 1}, spec: {replicas: 0}, "
		"status: {observedGeneration: 1, conditions: [{type: Progressing, status: Unknown, "
		"reason: DeploymentPaused, message: Deployment is paused}]}}",
		"paused(Deployment is paused)" },
	{ "paused and not complete",
		"{metadata: {generation: 1}, spec: {replicas: 1}, "
		"status: {observedGeneration: 1, conditions: [{type: Progressing, status: Unknown, "
		"reason: DeploymentPaused, message: Deployment is paused}]}}",
		"unstable(Waiting for all replicas to be updated) paused(Deployment is paused)" },
	{ 0 },
};

static const struct row replica_set_rows[] = {
	{ "no status", "{spec: {replicas: 1}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "not all labelled",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, fullyLabeledReplicas: 1, readyReplicas: 2, "
		"availableReplicas: 2}}",
		"unstable(Waiting for all replicas to be fully-labeled) "
		"unavailable(Waiting for all replicas to be fully-labeled)" },
	{ "not all ready",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, fullyLabeledReplicas: 2, readyReplicas: 1, "
		"availableReplicas: 2}}",
		"unstable(Waiting for all replicas to be ready) "
		"unavailable(Waiting for all replicas to be ready)" },
	{ "not all available",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, fullyLabeledReplicas: 2, readyReplicas: 2}}",
		"unstable(Waiting for all replicas to be available) "
		"unavailable(Waiting for all replicas to be available)" },
	{ "complete",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, "
		"availableReplicas: 2}}",
		"" },
	{ "the generation is asked last",
		"{metadata: {generation: 2}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, fullyLabeledReplicas: 2, readyReplicas: 2, "
		"availableReplicas: 2}}",
		"unstable(Waiting for replicaset spec update to be observed)" },
	{ "an old generation and too few",
		"{metadata: {generation: 2}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1}}",
		"unstable(Waiting for all replicas to be fully-labeled) "
		"unavailable(Waiting for all replicas to be fully-labeled)" },
	{ "scaled down",
		"{metadata: {generation: 2}, spec: {replicas: 1}, "
		"status: {observedGeneration: 2, replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 3, "
		"availableReplicas: 3}}",
		"" },
	{ 0 },
};

static const struct row stateful_set_rows[] = {
	{ "no status", "{spec: {replicas: 1}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "OnDelete needs no status", "{spec: {replicas: 1, updateStrategy: {type: OnDelete}}}", "" },
	{ "OnDelete with a bad status",
		"{metadata: {generation: 3}, "
		"spec: {replicas: 1, updateStrategy: {type: OnDelete}}, status: {observedGeneration: 1}}",
		"" },
	{ "an old generation",
		"{metadata: {generation: 2}, spec: {replicas: 1}, "
		"status: {observedGeneration: 1}}",
		WAITS_GENERATION },
	{ "too few",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 1, readyReplicas: 1}}",
		"unstable(Waiting for at least the desired replica count to be met)" },
	{ "not all ready",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 1}}",
		"unstable(Waiting for all updated replicas to be ready)" },
	{ "the partition is not through",
		"{metadata: {generation: 1}, "
		"spec: {replicas: 5, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}, "
		"status: {observedGeneration: 1, replicas: 5, readyReplicas: 5, updatedReplicas: 2}}",
		"unstable(Waiting for partitioned roll out to finish)" },
	{ "the partition is through",
		"{metadata: {generation: 1}, "
		"spec: {replicas: 5, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}, "
		"status: {observedGeneration: 1, replicas: 5, readyReplicas: 5, updatedReplicas: 3, "
		"currentReplicas: 2, currentRevision: a, updateRevision: b}}",
		"stable(Partitioned roll out complete)" },
	{ "the server's default partition",
		"{metadata: {generation: 1}, "
		"spec: {replicas: 2, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 1}}",
		"unstable(Waiting for partitioned roll out to finish)" },
	{ "rollingUpdate without a partition",
		"{metadata: {generation: 1}, "
		"spec: {replicas: 2, updateStrategy: {type: RollingUpdate, rollingUpdate: {}}}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 1}}",
		"stable(Partitioned roll out complete)" },
	{ "none updated yet: the revisions decide",
		"{metadata: {generation: 1}, "
		"spec: {replicas: 2, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentReplicas: 2, "
		"currentRevision: a, updateRevision: b}}",
		"unstable(Waiting for the updated revision to match the current revision)" },
	{ "not all scheduled",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentReplicas: 1, "
		"currentRevision: a, updateRevision: a}}",
		"unstable(Waiting for all updated replicas to be scheduled)" },
	{ "complete",
		"{metadata: {generation: 1}, spec: {replicas: 2}, "
		"status: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentReplicas: 2, "
		"currentRevision: a, updateRevision: a}}",
		"" },
	{ 0 },
};

static const struct row daemon_set_rows[] = {
	{ "no status", "{spec: {}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "an old generation",
		"{metadata: {generation: 2}, spec: {updateStrategy: {type: OnDelete}}, "
		"status: {observedGeneration: 1}}",
		WAITS_GENERATION },
	{ "another strategy",
		"{metadata: {generation: 1}, spec: {updateStrategy: {type: OnDelete}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 3}}",
		"" },
	{ "no strategy",
		"{metadata: {generation: 1}, spec: {}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 3}}",
		"" },
	{ "not all scheduled",
		"{metadata: {generation: 1}, "
		"spec: {updateStrategy: {type: RollingUpdate}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 1}}",
		"unstable(Waiting for all replicas to be scheduled)" },
	{ "not all updated",
		"{metadata: {generation: 1}, "
		"spec: {updateStrategy: {type: RollingUpdate}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, "
		"updatedNumberScheduled: 1}}",
		"unstable(Waiting for all updated replicas to be scheduled)" },
	{ "not all available",
		"{metadata: {generation: 1}, "
		"spec: {updateStrategy: {type: RollingUpdate}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, "
		"updatedNumberScheduled: 2, numberAvailable: 1}}",
		"unstable(Waiting for all replicas to be available)" },
	{ "not all ready",
		"{metadata: {generation: 1}, "
		"spec: {updateStrategy: {type: RollingUpdate}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, "
		"updatedNumberScheduled: 2, numberAvailable: 2, numberReady: 1}}",
		"unstable(Waiting for all replicas to be ready)" },
	{ "complete",
		"{metadata: {generation: 1}, "
		"spec: {updateStrategy: {type: RollingUpdate}}, "
		"status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, "
		"updatedNumberScheduled: 2, numberAvailable: 2, numberReady: 2}}",
		"" },
	{ 0 },
};

static const struct row pod_rows[] = {
	{ "no status", "{}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "running, though not ready",
		"{status: {phase: Running, conditions: [{type: Ready, "
		"status: 'False'}]}}",
		"" },
	{ "succeeded", "{status: {phase: Succeeded}}", "" },
	{ "pending", "{status: {phase: Pending}}",
		"unstable(Pod is pending) unavailable(Pod is pending)" },
	{ "failed is not failed", "{status: {phase: Failed}}",
		"unstable(Pod has failed) unavailable(Pod has failed)" },
	{ "unknown", "{status: {phase: Unknown}}",
		"unstable(Pod phase is unknown) unavailable(Pod phase is unknown)" },
	{ "no phase", "{status: {}}",
		"unstable(Pod phase is unknown) unavailable(Pod phase is unknown)" },
	{ 0 },
};

static const struct row job_rows[] = {
	{ "no status", "{spec: {}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "running", "{spec: {}, status: {active: 1}}", "unstable(Waiting for jobs to finish)" },
	{ "done", "{spec: {}, status: {succeeded: 1}}", "" },
	{ "done partly", "{spec: {completions: 3}, status: {succeeded: 2}}",
		"unstable(Waiting for jobs to finish)" },
	{ "done all", "{spec: {completions: 3}, status: {succeeded: 3}}", "" },
	{ "failed, and stable",
		"{spec: {}, status: {conditions: [{type: Failed, status: 'True', "
		"message: Job has reached the specified backoff limit}]}}",
		"failed(Job has reached the specified backoff limit)" },
	{ "a condition that is not true",
		"{spec: {}, status: {conditions: [{type: Failed, "
		"status: 'False'}]}}",
		"unstable(Waiting for jobs to finish)" },
	{ "succeeded counts before failed",
		"{spec: {}, status: {succeeded: 1, "
		"conditions: [{type: Failed, status: 'True', message: late}]}}",
		"" },
	{ 0 },
};

static const struct row cron_job_rows[] = {
	{ "no status", "{spec: {}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "any status", "{spec: {}, status: {}}", "" },
	{ 0 },
};

static const struct row autoscaler_rows[] = {
	{ "no status", "{spec: {}}",
		"unstable(No status reported yet) unavailable(No availability reported)" },
	{ "as wanted", "{status: {currentReplicas: 2, desiredReplicas: 2}}", "" },
	{ "neither said", "{status: {}}", "" },
	{ "going up", "{status: {currentReplicas: 2, desiredReplicas: 5}}",
		"unstable(Waiting for HPA to complete a scale up, current: 2 desired: 5)" },
	{ "going down", "{status: {currentReplicas: 2, desiredReplicas: 1}}",
		"unstable(Waiting for HPA to complete a scale down, current: 2 desired: 1)" },
	{ 0 },
};

static const struct row other_rows[] = {
	{ "as it is", "{}", "" },
	{ "with a status that waits", "{status: {phase: Pending, loadBalancer: {}}}", "" },
	{ 0 },
};

static void write_condition(
	struct strbuf *buf, const char *word, const struct kube_condition *condition, bool usual)
{
	const char *message = condition->message;

	if (condition->state == usual && !message)
		return;
	strbuf_printf(buf, "%s%s(%s)", buf->length ? " " : "", word, message ? message : "");
}

static char *words(const struct kube_status *status)
{
	struct strbuf buf = STRBUF_INIT(4096);

	write_condition(&buf, status->stable.state ? "stable" : "unstable", &status->stable, true);
	write_condition(&buf, status->available.state ? "available" : "unavailable",
		&status->available, true);
	write_condition(&buf, "paused", &status->paused, false);
	write_condition(&buf, "failed", &status->failed, false);
	return strbuf_detach(&buf);
}

/* The rules give the same of what a watch keeps as of the whole object. */
static void check(const char *api_version, const char *kind, const struct row *rows)
{
	for (int i = 0; rows->what; rows += i++ % 2) {
		_cleanup_(val_free) struct val object = value_of(rows->object);
		_cleanup_(kube_status_free) struct kube_status status = { 0 };
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *got = NULL;

		val_set(&object, "apiVersion", val_string(api_version));
		val_set(&object, "kind", val_string(kind));
		if (i % 2)
			val_replace(&object, kube_status_parts(object));
		if (kube_status_of(object, &status, &err) < 0)
			fail_msg("%s: %s: %s", kind, rows->what, err_text(&err));
		got = words(&status);
		if (strcmp(got, rows->wanted) != 0)
			fail_msg("%s: %s: expected %s, got %s", kind, rows->what, rows->wanted, got);
	}
}

static void a_deployment_follows_its_rollout(void **state)
{
	check("apps/v1", "Deployment", deployment_rows);
}

static void a_replica_set_counts_its_replicas(void **state)
{
	check("apps/v1", "ReplicaSet", replica_set_rows);
}

static void a_stateful_set_follows_its_strategy(void **state)
{
	check("apps/v1", "StatefulSet", stateful_set_rows);
}

static void a_daemon_set_counts_its_nodes(void **state)
{
	check("apps/v1", "DaemonSet", daemon_set_rows);
}

static void a_pod_has_a_phase(void **state)
{
	check("v1", "Pod", pod_rows);
}

static void a_job_ends(void **state)
{
	check("batch/v1", "Job", job_rows);
}

static void a_cron_job_has_a_status(void **state)
{
	check("batch/v1", "CronJob", cron_job_rows);
	check("batch/v1beta1", "CronJob", cron_job_rows);
}

static void an_autoscaler_reaches_its_number(void **state)
{
	check("autoscaling/v2", "HorizontalPodAutoscaler", autoscaler_rows);
}

static void everything_else_is_stable(void **state)
{
	static const char *const kinds[][2] = { { "v1", "Service" }, { "v1", "ConfigMap" },
		{ "v1", "PersistentVolumeClaim" }, { "networking.k8s.io/v1", "Ingress" },
		{ "v1", "Namespace" }, { "stable.example.com/v1", "Deployment" },
		{ "argoproj.io/v1alpha1", "Rollout" } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		check(kinds[i][0], kinds[i][1], other_rows);
}

static void old_versions_of_workloads_are_not_understood(void **state)
{
	static const char *const kinds[] = { "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		_cleanup_(val_free) struct val object = value_of("{apiVersion: extensions/v1beta1}");
		struct kube_status status = { 0 };
		_cleanup_err_ struct err err = ERR_INIT;

		val_set(&object, "kind", val_string(kinds[i]));
		assert_int_equal(kube_status_of(object, &status, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		assert_non_null(strstr(err_text(&err), "extensions/v1beta1"));
	}
}

static void only_kinds_with_rules_are_looked_at(void **state)
{
	assert_true(kube_kind_settles("deployment"));
	assert_true(kube_kind_settles("horizontalpodautoscaler"));
	assert_false(kube_kind_settles("configMap"));
	assert_false(kube_kind_settles("Deployment.stable.example.com"));
}

static void a_watch_keeps_no_more_than_is_read(void **state)
{
	_cleanup_(val_free) struct val deployment = value_of(
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, uid: u, annotations: "
		"{a: b}, managedFields: [{}]}, spec: {replicas: 2, template: {spec: {}}}, status: {}}");
	_cleanup_(val_free) struct val secret = value_of(
		"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: YQ==}, status: {}}");
	_cleanup_(val_free) struct val kept_deployment = value_of(
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, uid: u}, "
		"spec: {replicas: 2}, status: {}}");
	_cleanup_(val_free) struct val kept_secret = value_of(
		"{apiVersion: v1, kind: Secret, metadata: {name: s}}");

	val_replace(&deployment, kube_status_parts(deployment));
	val_replace(&secret, kube_status_parts(secret));
	assert_true(val_equal(deployment, kept_deployment));
	assert_true(val_equal(secret, kept_secret));
}

static void people_see_how_far_it_is(void **state)
{
	static const struct row rows[] = {
		{ "Deployment",
			"{metadata: {generation: 1}, spec: {replicas: 3}, "
			"status: {observedGeneration: 1, replicas: 3, updatedReplicas: 3, "
			"availableReplicas: 1}}",
			"1 of 3 replicas available: Waiting for all replicas to be available" },
		{ "DaemonSet",
			"{metadata: {generation: 1}, spec: {updateStrategy: {type: RollingUpdate}}, "
			"status: {observedGeneration: 1, desiredNumberScheduled: 4, "
			"currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 3}}",
			"3 of 4 Pods available: Waiting for all replicas to be available" },
		{ "Pod", "{status: {phase: Pending}}", "Pod is pending" },
		{ "Service", "{}", "" },
		{ 0 },
	};

	for (const struct row *row = rows; row->what; row++) {
		_cleanup_(val_free) struct val object = value_of(row->object);
		_cleanup_(kube_status_free) struct kube_status status = { 0 };
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_free_ char *line = NULL;

		val_set(&object, "kind", val_string(row->what));
		val_set(&object, "apiVersion",
			val_string(strcmp(row->what, "Pod") == 0 ? "v1" : "apps/v1"));
		assert_int_equal(kube_status_of(object, &status, &err), 0);
		line = kube_status_line(object, &status);
		assert_string_equal(line, row->wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deployment_follows_its_rollout),
		cmocka_unit_test(a_replica_set_counts_its_replicas),
		cmocka_unit_test(a_stateful_set_follows_its_strategy),
		cmocka_unit_test(a_daemon_set_counts_its_nodes),
		cmocka_unit_test(a_pod_has_a_phase),
		cmocka_unit_test(a_job_ends),
		cmocka_unit_test(a_cron_job_has_a_status),
		cmocka_unit_test(an_autoscaler_reaches_its_number),
		cmocka_unit_test(everything_else_is_stable),
		cmocka_unit_test(old_versions_of_workloads_are_not_understood),
		cmocka_unit_test(only_kinds_with_rules_are_looked_at),
		cmocka_unit_test(a_watch_keeps_no_more_than_is_read),
		cmocka_unit_test(people_see_how_far_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
