/* Jobs that a stage runs: what may be run, how it went, why it failed, what its log says. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/job.h"

#define JOB(metadata) "{apiVersion: batch/v1, kind: Job, metadata: {" metadata "}}"
#define ONE "!manifest: Run Job only supports manifests with a single Job."
#define KIND "!manifest: Only kind of Job is accepted for the Run Job operation."

static void one_job_is_run(void **state)
{
	static const struct {
		const char *what, *source, *wanted; /* annotations, or '!' and the error */
	} rows[] = {
		{ "a Job", JOB("name: a"), "{strategy.spinnaker.io/recreate: 'true'}" },
		{ "a list of one", "[" JOB("name: a") "]",
			"{strategy.spinnaker.io/recreate: 'true'}" },
		{ "a List of one", "{apiVersion: v1, kind: List, items: [" JOB("name: a") "]}",
			"{strategy.spinnaker.io/recreate: 'true'}" },
		{ "other strategies go",
			JOB("name: a, annotations: {strategy.spinnaker.io/replace: 'true', "
			    "strategy.spinnaker.io/versioned: 'true', x: 'no'}"),
			"{x: 'no', strategy.spinnaker.io/recreate: 'true'}" },
		{ "a name to be made", JOB("generateName: a-"), "{}" },
		{ "a name to be made",
			JOB("generateName: a-, annotations: {strategy.spinnaker.io/recreate: "
			    "'true', x: 'no'}"),
			"{x: 'no'}" },
		{ "two Jobs", "[" JOB("name: a") ", " JOB("name: b") "]", ONE },
		{ "no Job", "[]", ONE },
		{ "another kind", "{apiVersion: v1, kind: Pod, metadata: {name: a}}", KIND },
		{ "a kind of that name",
			"{apiVersion: example.com/v1, kind: Job, metadata: {name: a}}", KIND },
		{ "no name", JOB("labels: {}"), "!manifest.metadata.name: is required" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val source = value_of(rows[i].source), job = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		if (job_manifest(source, "manifest", &job, &err) == 0)
			assert_value(rows[i].what, val_get(val_get(job, "metadata"), "annotations"),
				rows[i].wanted);
		else
			assert_string_equal(err_text(&err), rows[i].wanted + 1);
	}
}

static void a_state_is_read(void **state)
{
	static const struct {
		const char *job;
		enum job_state wanted;
	} rows[] = {
		{ "{}", JOB_STATE_RUNNING },
		{ "{status: {}}", JOB_STATE_RUNNING },
		{ "{status: {active: 1}}", JOB_STATE_RUNNING },
		{ "{status: {succeeded: 1}}", JOB_STATE_SUCCEEDED },
		{ "{spec: {completions: 2}, status: {succeeded: 1}}", JOB_STATE_RUNNING },
		{ "{spec: {completions: 2}, status: {succeeded: 2}}", JOB_STATE_SUCCEEDED },
		{ "{status: {conditions: [{type: Failed, status: 'True'}]}}", JOB_STATE_FAILED },
		{ "{status: {conditions: [{type: Failed, status: 'False'}]}}", JOB_STATE_RUNNING },
		{ "{status: {conditions: [{type: FailureTarget, status: 'True'}]}}",
			JOB_STATE_RUNNING },
		{ "{status: {succeeded: 1, conditions: [{type: Failed, status: 'True'}]}}",
			JOB_STATE_SUCCEEDED },
		{ "{status: {conditions: [{type: Suspended, status: 'True'}, {type: Failed, status: "
		  "'True'}]}}",
			JOB_STATE_FAILED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val job = value_of(rows[i].job);

		assert_int_equal(job_state_of(job), rows[i].wanted);
	}
}

#define POD(name, list, states) \
	"{metadata: {name: " name ", namespace: shop}, status: {" list ": [" states "]}}"
#define ENDED(name, code, more) \
	"{name: " name ", state: {terminated: {exitCode: " code ", reason: Error" more "}}}"
#define WAITS(name) \
	"{name: " name ", state: {waiting: {reason: ImagePullBackOff, message: no image}}}"
#define FAILED_JOB                                                                             \
	"{metadata: {name: a, namespace: shop}, status: {conditions: [{type: Failed, status: " \
	"'True', reason: BackoffLimitExceeded, message: too often}]}}"
#define START "Job: 'a' failed. Reason: BackoffLimitExceeded. Details: too often."

static void a_failure_is_explained(void **state)
{
	static const struct {
		const char *what, *pods, *log, *wanted;
	} rows[] = {
		{ "no Pods", "[]", "", START },
		{ "a good container", "[" POD("p", "containerStatuses", ENDED("main", "0", "")) "]",
			"", START },
		{ "an exit code", "[" POD("p", "containerStatuses", ENDED("main", "3", "")) "]", "",
			START " Additional Details: Pod: 'p' had errors. Container: 'main' exited "
			      "with code: 3. Status: Error." },
		{ "with its log", "[" POD("p", "containerStatuses", ENDED("main", "3", "")) "]",
			"last words",
			START " Additional Details: Pod: 'p' had errors. Container: 'main' exited "
			      "with code: 3. Status: Error. Logs: last words" },
		{ "with its message",
			"[" POD("p", "containerStatuses", ENDED("main", "3", ", message: it said")) "]",
			"last words",
			START " Additional Details: Pod: 'p' had errors. Container: 'main' exited "
			      "with code: 3. Status: Error. Logs: it said" },
		{ "one that waits", "[" POD("p", "containerStatuses", WAITS("main")) "]", "",
			START " Additional Details: Pod: 'p' had errors. Container: 'main' is "
			      "waiting. Status: ImagePullBackOff. Logs: no image" },
		{ "an end counts more than a wait",
			"[" POD("p", "containerStatuses", WAITS("main")) ", " POD("q",
				"containerStatuses",
				ENDED("good", "0", "") ", " ENDED("bad", "1", "")) "]",
			"",
			START " Additional Details: Pod: 'q' had errors. Container: 'bad' exited with "
			      "code: 1. Status: Error." },
		{ "an init container",
			"[" POD("p", "initContainerStatuses", ENDED("init", "2", "")) "]", "",
			START " Additional Details: Pod: 'p' had errors. Container: 'init' exited "
			      "with code: 2. Status: Error." },
	};
	_cleanup_(val_free) struct val job = value_of(FAILED_JOB);
	_cleanup_(val_free) struct val status = job_status(job, "prod");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val pods = value_of(rows[i].pods);
		_cleanup_(val_free) struct val culprit = job_culprit(pods);
		_cleanup_free_ char *text = job_failure_text(status, culprit, rows[i].log);

		if (strcmp(text, rows[i].wanted) != 0)
			fail_msg("%s: %s", rows[i].what, text);
	}
	assert_value("status", status,
		"{name: a, location: shop, account: prod, provider: kubernetes, jobState: Failed, "
		"reason: BackoffLimitExceeded, message: too often}");
}

static void a_log_names_properties(void **state)
{
	static const struct {
		const char *what, *log, *wanted; /* '!' and a part of the error */
	} rows[] = {
		{ "nothing", "", "{}" },
		{ "other lines", "hello\nworld\n", "{}" },
		{ "a property", "SPINNAKER_PROPERTY_COLOR=blue\n", "{color: blue}" },
		{ "in a line", "2024 INFO SPINNAKER_PROPERTY_MY_KEY=a b \r\nx", "{my_key: a b}" },
		{ "the first = splits", "SPINNAKER_PROPERTY_URL=http://a/?b=c",
			"{url: 'http://a/?b=c'}" },
		{ "an empty value", "SPINNAKER_PROPERTY_A=", "{a: ''}" },
		{ "no value", "SPINNAKER_PROPERTY_A", "{}" },
		{ "no key", "SPINNAKER_PROPERTY_=a", "{}" },
		{ "the last wins", "SPINNAKER_PROPERTY_A=1\nSPINNAKER_PROPERTY_a=2", "{a: '2'}" },
		{ "an object", "  SPINNAKER_CONFIG_JSON={\"a\": {\"b\": 1}}", "{a: {b: 1}}" },
		{ "both", "SPINNAKER_CONFIG_JSON={\"a\": 1}\nSPINNAKER_PROPERTY_B=2",
			"{a: 1, b: '2'}" },
		{ "not at the start of the line", "x SPINNAKER_CONFIG_JSON={\"a\": 1}", "{}" },
		{ "no JSON", "\nSPINNAKER_CONFIG_JSON={a", "!line 2 of the log" },
		{ "no object", "SPINNAKER_CONFIG_JSON=[1]", "!expected an object" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val got = VAL_NULL;
		_cleanup_err_ struct err err = ERR_INIT;

		if (job_properties(str_of(rows[i].log), &got, &err) == 0)
			assert_value(rows[i].what, got, rows[i].wanted);
		else if (rows[i].wanted[0] != '!' || !strstr(err_text(&err), rows[i].wanted + 1))
			fail_msg("%s: %s", rows[i].what, err_text(&err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_job_is_run),
		cmocka_unit_test(a_state_is_read),
		cmocka_unit_test(a_failure_is_explained),
		cmocka_unit_test(a_log_names_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
