#include "kubernetes/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "kubernetes/manifest.h"

#define STRATEGY_PREFIX "strategy.spinnaker.io/"
#define PROPERTY "SPINNAKER_PROPERTY_"
#define CONFIG "SPINNAKER_CONFIG_JSON="

/* ---- what is run ------------------------------------------------------------------------------- */

/* A Job cannot be changed, so the old one goes first; other strategies make no sense for it. */
static void set_strategy(struct val *manifest)
{
	struct val *metadata = val_edit(manifest, "metadata"), *annotations;

	if (!val_is_map(val_get(*metadata, "annotations")))
		val_set(metadata, "annotations", val_map());
	annotations = val_edit(metadata, "annotations");
	for (size_t i = val_count(*annotations); i-- > 0;) {
		struct str key = val_key_at(*annotations, i);

		if (str_starts(key, STRATEGY_PREFIX))
			val_remove_str(annotations, key);
	}
	if (!manifest_is_generated(*manifest))
		val_set(annotations, STRATEGY_PREFIX "recreate", val_string("true"));
}

int job_manifest(struct val source, const char *place, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = VAL_NULL;
	const char *kind;

	if (manifests_flatten(source, place, &list, err) < 0)
		return -1;
	if (val_count(list) != 1)
		return err_set(err, ERR_INVALID,
			"%s: Run Job only supports manifests with a single Job.", place);
	kind = manifest_kind(val_at(list, 0))->name;
	if (!kind || strcmp(kind, "job") != 0)
		return err_set(err, ERR_INVALID,
			"%s: Only kind of Job is accepted for the Run Job operation.", place);
	*ret = val_ref(val_at(list, 0));
	val_free(&list);
	set_strategy(ret);
	return 0;
}

/* ---- how it went ------------------------------------------------------------------------------- */

/* The condition that says that it failed; VAL_NULL when there is none. Borrowed. */
static struct val failed_condition(struct val job)
{
	struct val conditions = val_get(val_get(job, "status"), "conditions");

	for (size_t i = 0; i < val_count(conditions); i++) {
		struct val condition = val_at(conditions, i);

		if (strcmp(val_get_text(condition, "type", ""), "Failed") == 0 &&
			strcmp(val_get_text(condition, "status", ""), "True") == 0)
			return condition;
	}
	return VAL_NULL;
}

enum job_state job_state_of(struct val job)
{
	int64_t wanted = val_get_int(val_get(job, "spec"), "completions", 1);

	if (val_is_null(val_get(job, "status")))
		return JOB_STATE_RUNNING;
	if (val_get_int(val_get(job, "status"), "succeeded", 0) >= wanted)
		return JOB_STATE_SUCCEEDED;
	return val_is_null(failed_condition(job)) ? JOB_STATE_RUNNING : JOB_STATE_FAILED;
}

static void copy(struct val *to, const char *key, struct val from, const char *from_key)
{
	if (val_has(from, from_key))
		val_set(to, key, val_ref(val_get(from, from_key)));
}

struct val job_status(struct val job, const char *account)
{
	static const char *const names[] = { "Running", "Succeeded", "Failed" };
	struct val status = val_map(), condition = failed_condition(job);
	struct val metadata = val_get(job, "metadata"), counts = val_get(job, "status");

	val_set(&status, "name", val_string(manifest_name(job)));
	val_set(&status, "location", val_string(manifest_namespace(job)));
	val_set(&status, "account", val_string(account));
	val_set(&status, "provider", val_string("kubernetes"));
	val_set(&status, "jobState", val_string(names[job_state_of(job)]));
	copy(&status, "createdTime", metadata, "creationTimestamp");
	copy(&status, "completedTime", counts, "completionTime");
	copy(&status, "reason", condition, "reason");
	copy(&status, "message", condition, "message");
	return status;
}

static struct val statuses_at(struct val pod, size_t list)
{
	return val_get(
		val_get(pod, "status"), list == 0 ? "containerStatuses" : "initContainerStatuses");
}

/* The state KEY ("terminated", "waiting") of a container, if it tells of a failure. Borrowed. */
static struct val bad_state(struct val container, const char *key)
{
	struct val state = val_get(val_get(container, "state"), key);

	if (strcmp(key, "terminated") == 0 && val_get_int(state, "exitCode", 0) == 0)
		return VAL_NULL;
	return state;
}

static struct val culprit_in(struct val pods, const char *key)
{
	for (size_t i = 0; i < 2 * val_count(pods); i++) {
		struct val pod = val_at(pods, i / 2), list = statuses_at(pod, i % 2);

		for (size_t j = 0; j < val_count(list); j++) {
			struct val state = bad_state(val_at(list, j), key), found = val_map();

			if (!val_is_map(state)) {
				val_free(&found);
				continue;
			}
			val_set(&found, "pod", val_string(manifest_name(pod)));
			val_set(&found, "namespace", val_string(manifest_namespace(pod)));
			copy(&found, "container", val_at(list, j), "name");
			copy(&found, "exitCode", state, "exitCode");
			copy(&found, "signal", state, "signal");
			copy(&found, "reason", state, "reason");
			copy(&found, "message", state, "message");
			return found;
		}
	}
	return VAL_NULL;
}

struct val job_culprit(struct val pods)
{
	struct val found = culprit_in(pods, "terminated");

	return val_is_null(found) ? culprit_in(pods, "waiting") : found;
}

char *job_failure_text(struct val status, struct val culprit, const char *log)
{
	struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	const char *message = val_get_text(culprit, "message", "");
	int64_t code;

	strbuf_printf(&text, "Job: '%s' failed. Reason: %s. Details: %s.",
		val_get_text(status, "name", ""), val_get_text(status, "reason", "none"),
		val_get_text(status, "message", "none"));
	if (val_is_null(culprit))
		return strbuf_detach(&text);
	strbuf_printf(&text, " Additional Details: Pod: '%s' had errors. Container: '%s'",
		val_get_text(culprit, "pod", ""), val_get_text(culprit, "container", ""));
	if (val_as_int(val_get(culprit, "exitCode"), &code))
		strbuf_printf(&text, " exited with code: %" PRId64 ".", code);
	else
		strbuf_add_text(&text, " is waiting.");
	strbuf_printf(&text, " Status: %s.", val_get_text(culprit, "reason", "none"));
	if (*message || *log)
		strbuf_printf(&text, " Logs: %s", *message ? message : log);
	return strbuf_detach(&text);
}

/* ---- what it said ------------------------------------------------------------------------------ */

struct val job_log_pod(struct val pods)
{
	for (size_t i = 0; i < val_count(pods); i++) {
		if (strcmp(val_get_text(val_get(val_at(pods, i), "status"), "phase", ""),
			    "Succeeded") == 0)
			return val_at(pods, i);
	}
	return val_at(pods, 0);
}

/* KEY=value, split at the first '='. */
static void add_property(struct str rest, struct val *map)
{
	_cleanup_free_ char *key = NULL;
	ptrdiff_t equals = str_find(rest, "=", 0);

	if (equals <= 0)
		return;
	key = xstrndup(rest.bytes, (size_t)equals);
	for (char *c = key; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
	val_set(map, key, val_str(str_trim(str_slice(rest, (size_t)equals + 1, rest.length))));
}

static int add_config(struct str text, unsigned line, struct val *map, struct err *err)
{
	_cleanup_(val_free) struct val value = VAL_NULL;

	if (json_parse(text, NULL, NULL, &value, err) < 0)
		return err_wrap(err, "line %u of the log: %s", line, CONFIG);
	if (!val_is_map(value))
		return err_set(err, ERR_INVALID, "line %u of the log: %s: expected an object", line,
			CONFIG);
	val_merge(map, value);
	return 0;
}

int job_properties(struct str log, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val map = val_map();
	struct str line;

	for (unsigned number = 1; str_split(&log, '\n', &line); number++) {
		struct str text = str_trim(line);
		ptrdiff_t at = str_find(text, PROPERTY, 0);

		if (str_starts(text, CONFIG)) {
			if (add_config(str_slice(text, strlen(CONFIG), text.length), number, &map,
				    err) < 0)
				return -1;
		} else if (at >= 0) {
			add_property(
				str_slice(text, (size_t)at + strlen(PROPERTY), text.length), &map);
		}
	}
	*ret = take(&map);
	return 0;
}
