#include "kubernetes/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"

#define GENERATION "Waiting for status generation to match updated object generation"

void kube_status_free(struct kube_status *status)
{
	free(status->stable.message);
	free(status->available.message);
	free(status->paused.message);
	free(status->failed.message);
	*status = (struct kube_status){ 0 };
}

static void set(struct kube_condition *condition, bool state, const char *message)
{
	condition->state = state;
	free(condition->message);
	condition->message = message && *message ? xstrdup(message) : NULL;
}

static void unstable(struct kube_status *status, const char *message)
{
	set(&status->stable, false, message);
}

static void unstable_and_unavailable(struct kube_status *status, const char *message)
{
	set(&status->stable, false, message);
	set(&status->available, false, message);
}

/* What the rules of a kind look at. */
struct look {
	struct val object, spec, status;
	struct kube_status *result;
};

static int64_t wanted(const struct look *look)
{
	return val_get_int(look->spec, "replicas", 0);
}

static int64_t counted(const struct look *look, const char *key)
{
	return val_get_int(look->status, key, 0);
}

/* A count of the status that is below a number, and what that means. The first that applies is said. */
struct shortfall {
	const char *key;
	const char *message;
};

static const char *first_short(
	const struct look *look, int64_t number, const struct shortfall *shortfalls)
{
	for (; shortfalls->key; shortfalls++) {
		if (number > counted(look, shortfalls->key))
			return shortfalls->message;
	}
	return NULL;
}

static bool generation_is_current(const struct look *look)
{
	struct val observed = val_get(look->status, "observedGeneration");
	struct val generation = val_get(val_get(look->object, "metadata"), "generation");

	return val_is_number(observed) && val_equal(observed, generation);
}

static bool is_condition(struct val condition, const char *type, const char *state)
{
	return strcmp(val_get_text(condition, "type", ""), type) == 0 &&
		strcmp(val_get_text(condition, "status", ""), state) == 0;
}

static void deployment_conditions(const struct look *look)
{
	struct val conditions = val_get(look->status, "conditions");

	for (size_t i = 0; i < val_count(conditions); i++) {
		struct val condition = val_at(conditions, i);
		const char *reason = val_get_text(condition, "reason", "");
		const char *message = val_get_text(condition, "message", "");

		if (strcmp(reason, "DeploymentPaused") == 0)
			set(&look->result->paused, true, message);
		if (is_condition(condition, "Available", "False"))
			unstable_and_unavailable(look->result, message);
		if (strcmp(val_get_text(condition, "type", ""), "Progressing") == 0 &&
			strcmp(reason, "ProgressDeadlineExceeded") == 0)
			set(&look->result->failed, true, "Deployment exceeded its progress deadline");
	}
}

static void deployment_status(const struct look *look)
{
	static const struct shortfall updated[] = {
		{ "updatedReplicas", "Waiting for all replicas to be updated" }, { 0 }
	};
	static const struct shortfall ready[] = {
		{ "availableReplicas", "Waiting for all replicas to be available" },
		{ "readyReplicas", "Waiting for all replicas to be ready" }, { 0 }
	};
	const char *message;

	if (!generation_is_current(look)) {
		unstable(look->result, GENERATION);
		return;
	}
	deployment_conditions(look);
	message = first_short(look, wanted(look), updated);
	if (!message && counted(look, "replicas") > counted(look, "updatedReplicas"))
		message = "Waiting for old replicas to finish termination";
	if (!message)
		message = first_short(look, wanted(look), ready);
	if (message)
		unstable(look->result, message);
}

/* The generation comes last, so that scaling down passes quickly. */
static void replica_set_status(const struct look *look)
{
	static const struct shortfall shortfalls[] = {
		{ "fullyLabeledReplicas", "Waiting for all replicas to be fully-labeled" },
		{ "readyReplicas", "Waiting for all replicas to be ready" },
		{ "availableReplicas", "Waiting for all replicas to be available" }, { 0 }
	};
	const char *message = first_short(look, wanted(look), shortfalls);

	if (message)
		unstable_and_unavailable(look->result, message);
	else if (!generation_is_current(look))
		unstable(look->result, "Waiting for replicaset spec update to be observed");
}

static struct val stateful_strategy(const struct look *look)
{
	return val_get(look->spec, "updateStrategy");
}

static bool is_on_delete(const struct look *look)
{
	return strcmp(val_get_text(stateful_strategy(look), "type", ""), "OnDelete") == 0;
}

/* True when a partition decides: an updatedReplicas of 0 is not in the JSON, and then the revisions do. */
static bool partition_decides(const struct look *look)
{
	struct val strategy = stateful_strategy(look), partition;
	struct val rolling = val_get(strategy, "rollingUpdate");
	int64_t number;

	if (strcmp(val_get_text(strategy, "type", ""), "RollingUpdate") != 0 ||
		val_is_null(val_get(look->status, "updatedReplicas")) || val_is_null(rolling))
		return false;
	partition = val_get(rolling, "partition");
	if (val_as_int(partition, &number) &&
		counted(look, "updatedReplicas") < counted(look, "replicas") - number)
		unstable(look->result, "Waiting for partitioned roll out to finish");
	else
		set(&look->result->stable, true, "Partitioned roll out complete");
	return true;
}

static void stateful_set_status(const struct look *look)
{
	static const struct shortfall first[] = {
		{ "replicas", "Waiting for at least the desired replica count to be met" },
		{ "readyReplicas", "Waiting for all updated replicas to be ready" }, { 0 }
	};
	static const struct shortfall scheduled[] = {
		{ "currentReplicas", "Waiting for all updated replicas to be scheduled" }, { 0 }
	};
	const char *message;

	if (is_on_delete(look))
		return;
	if (!generation_is_current(look)) {
		unstable(look->result, GENERATION);
		return;
	}
	message = first_short(look, wanted(look), first);
	if (!message && partition_decides(look))
		return;
	if (!message)
		message = first_short(look, wanted(look), scheduled);
	if (!message &&
		strcmp(val_get_text(look->status, "currentRevision", ""),
			val_get_text(look->status, "updateRevision", "")) != 0)
		message = "Waiting for the updated revision to match the current revision";
	if (message)
		unstable(look->result, message);
}

static void daemon_set_status(const struct look *look)
{
	static const struct shortfall shortfalls[] = {
		{ "currentNumberScheduled", "Waiting for all replicas to be scheduled" },
		{ "updatedNumberScheduled", "Waiting for all updated replicas to be scheduled" },
		{ "numberAvailable", "Waiting for all replicas to be available" },
		{ "numberReady", "Waiting for all replicas to be ready" }, { 0 }
	};
	const char *strategy = val_get_text(val_get(look->spec, "updateStrategy"), "type", "");
	const char *message = NULL;

	if (!generation_is_current(look))
		message = GENERATION;
	else if (strcmp(strategy, "RollingUpdate") == 0)
		message = first_short(look, counted(look, "desiredNumberScheduled"), shortfalls);
	if (message)
		unstable(look->result, message);
}

/* A Pod that failed is not "failed": it waits for the time-out. Whether it is ready is not looked at. */
static void pod_status(const struct look *look)
{
	const char *phase = val_get_text(look->status, "phase", "");

	if (strcmp(phase, "Running") == 0 || strcmp(phase, "Succeeded") == 0)
		return;
	unstable_and_unavailable(look->result,
		strcmp(phase, "Pending") == 0        ? "Pod is pending" :
			strcmp(phase, "Failed") == 0 ? "Pod has failed" :
						       "Pod phase is unknown");
}

static void job_status(const struct look *look)
{
	struct val conditions = val_get(look->status, "conditions");

	if (counted(look, "succeeded") >= val_get_int(look->spec, "completions", 1))
		return;
	for (size_t i = 0; i < val_count(conditions); i++) {
		struct val condition = val_at(conditions, i);

		if (!is_condition(condition, "Failed", "True"))
			continue;
		set(&look->result->failed, true, val_get_text(condition, "message", ""));
		return;
	}
	unstable(look->result, "Waiting for jobs to finish");
}

static void any_status(const struct look *look)
{
	(void)look;
}

static void autoscaler_status(const struct look *look)
{
	int64_t desired = counted(look, "desiredReplicas");
	int64_t current = counted(look, "currentReplicas");
	_cleanup_free_ char *message = NULL;

	if (desired == current)
		return;
	message = xasprintf("Waiting for HPA to complete a scale %s, current: %" PRId64
			    " desired: %" PRId64,
		desired > current ? "up" : "down", current, desired);
	unstable(look->result, message);
}

static const struct rules {
	const char *kind;
	bool apps_v1;        /* no other version of it is understood */
	bool without_status; /* is looked at even when there is no status */
	void (*look)(const struct look *look);
} all_rules[] = {
	{ "deployment", true, false, deployment_status },
	{ "replicaSet", true, false, replica_set_status },
	{ "statefulSet", true, true, stateful_set_status },
	{ "daemonSet", true, false, daemon_set_status },
	{ "pod", false, false, pod_status },
	{ "job", false, false, job_status },
	{ "cronJob", false, false, any_status },
	{ "horizontalpodautoscaler", false, false, autoscaler_status },
	{ 0 },
};

static const struct rules *rules_of(const char *kind)
{
	for (const struct rules *rules = all_rules; rules->kind; rules++) {
		if (kind && strcmp(kind, rules->kind) == 0)
			return rules;
	}
	return NULL;
}

bool kube_kind_settles(const char *kind)
{
	return rules_of(kind) != NULL;
}

int kube_status_of(struct val object, struct kube_status *ret, struct err *err)
{
	const struct rules *rules = rules_of(manifest_kind(object)->name);
	const char *version = val_get_text(object, "apiVersion", "");
	struct look look = { .object = object,
		.spec = val_get(object, "spec"),
		.status = val_get(object, "status"),
		.result = ret };

	if (rules && rules->apps_v1 && strcmp(version, "apps/v1") != 0)
		return err_set(err, ERR_INVALID,
			"the state of a %s of %s is not understood, "
			"only of apps/v1",
			rules->kind, version);
	*ret = (struct kube_status){ .stable.state = true, .available.state = true };
	if (!rules)
		return 0;
	if (val_is_null(look.status) && !(rules->without_status && is_on_delete(&look))) {
		unstable(ret, "No status reported yet");
		set(&ret->available, false, "No availability reported");
		return 0;
	}
	rules->look(&look);
	return 0;
}

/* FROM's values at KEYS; owned. */
static struct val chosen(struct val from, const char *const *keys)
{
	struct val some = val_map();

	for (; *keys; keys++) {
		if (val_has(from, *keys))
			val_set(&some, *keys, val_ref(val_get(from, *keys)));
	}
	return some;
}

struct val kube_status_parts(struct val object)
{
	static const char *const whole[] = { "apiVersion", "kind", NULL };
	static const char *const of_metadata[] = { "name", "namespace", "uid", "resourceVersion",
		"generation", "creationTimestamp", "deletionTimestamp", "finalizers", NULL };
	static const char *const of_spec[] = { "replicas", "updateStrategy", "completions",
		"selector", NULL };
	struct val parts = chosen(object, whole);

	val_set(&parts, "metadata", chosen(val_get(object, "metadata"), of_metadata));
	if (!rules_of(manifest_kind(object)->name))
		return parts;
	val_set(&parts, "spec", chosen(val_get(object, "spec"), of_spec));
	if (val_has(object, "status"))
		val_set(&parts, "status", val_ref(val_get(object, "status")));
	return parts;
}

/* Which two numbers tell people how far it is. */
static const struct progress {
	const char *kind;
	const char *ready;     /* of the status */
	const char *of_status; /* NULL = spec.replicas */
	const char *what;
} progresses[] = {
	{ "deployment", "availableReplicas", NULL, "replicas available" },
	{ "replicaSet", "availableReplicas", NULL, "replicas available" },
	{ "statefulSet", "readyReplicas", NULL, "replicas ready" },
	{ "daemonSet", "numberAvailable", "desiredNumberScheduled", "Pods available" },
	{ 0 },
};

char *kube_status_line(struct val object, const struct kube_status *status)
{
	const char *kind = manifest_kind(object)->name;
	struct look look = { .object = object,
		.spec = val_get(object, "spec"),
		.status = val_get(object, "status") };
	const char *message = status->failed.state ? status->failed.message : status->stable.message;
	const struct progress *progress = progresses;
	int64_t total;

	while (progress->kind && !(kind && strcmp(kind, progress->kind) == 0))
		progress++;
	if (!progress->kind)
		return xstrdup(message ? message : "");
	total = progress->of_status ? counted(&look, progress->of_status) : wanted(&look);
	return xasprintf("%" PRId64 " of %" PRId64 " %s%s%s%s", counted(&look, progress->ready),
		total, progress->what, status->paused.state ? ", paused" : "", message ? ": " : "",
		message ? message : "");
}
