#include "lib/scenario_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"

/* All that is wrong with one play. */
struct findings {
	const char *variant;
	struct strbuf text;
};

#define FINDINGS_INIT(name)                                      \
	(struct findings)                                        \
	{                                                        \
		.variant = (name), .text = STRBUF_INIT(64 << 10) \
	}

__attribute__((format(printf, 2, 3))) static void find(
	struct findings *findings, const char *format, ...)
{
	va_list args;

	strbuf_add_text(&findings->text, "\n  ");
	va_start(args, format);
	strbuf_vprintf(&findings->text, format, args);
	va_end(args);
}

static void findings_end(struct findings *findings)
{
	if (findings->text.length > 0)
		fail_msg("[%s]%s", findings->variant, findings->text.bytes);
	strbuf_free(&findings->text);
}

/* ---- values ----------------------------------------------------------------------------------- */

/* Every key of WANTED is in GOT; lists have the same length; the rest is equal. */
static void compare(struct findings *findings, const char *place, struct val got, struct val wanted)
{
	if (val_is_map(wanted) && val_is_map(got)) {
		for (size_t i = 0; i < val_count(wanted); i++) {
			struct str key = val_key_at(wanted, i);
			_cleanup_free_ char *below = xasprintf("%s.%.*s", place, STR_ARG(key));

			compare(findings, below, val_get_str(got, key), val_value_at(wanted, i));
		}
		return;
	}
	if (val_is_list(wanted) && val_is_list(got) && val_count(wanted) == val_count(got)) {
		for (size_t i = 0; i < val_count(wanted); i++) {
			_cleanup_free_ char *below = xasprintf("%s.%zu", place, i);

			compare(findings, below, val_at(got, i), val_at(wanted, i));
		}
		return;
	}
	if (val_equal(got, wanted))
		return;
	_cleanup_free_ char *got_text = json_text(got, JSON_COMPACT);
	_cleanup_free_ char *wanted_text = json_text(wanted, JSON_COMPACT);

	find(findings, "%s: expected %.300s, got %.600s", place, wanted_text, got_text);
}

static struct val find_stage(struct val execution, struct str key)
{
	struct val stages = val_get(execution, "stages");

	for (int by_name = 0; by_name < 2; by_name++)
		for (size_t i = 0; i < val_count(stages); i++)
			if (str_is(key,
				    val_get_text(val_at(stages, i), by_name ? "name" : "refId", "")))
				return val_at(stages, i);
	return VAL_NULL;
}

/* ---- the file --------------------------------------------------------------------------------- */

static void check_keys(struct val map, const char *place, const char *known)
{
	for (size_t i = 0; i < val_count(map) && val_is_map(map); i++) {
		struct str key = val_key_at(map, i);
		_cleanup_free_ char *word = xasprintf(" %.*s ", STR_ARG(key));

		if (!strstr(known, word))
			fail_msg("%s: \"%.*s\" is not known here", place, STR_ARG(key));
	}
}

void scenario_check_keys(struct val document)
{
	struct val expect = val_get(document, "expect");
	struct val stages = val_get(expect, "stages");

	check_keys(document, "scenario",
		" title pipeline trigger settings accounts cluster exchanges actions expect faults crash sqlite ");
	check_keys(expect, "expect",
		" refused status duration execution stages count requests cluster ");
	check_keys(val_get(document, "faults"), "faults", " timeout reset 429 500 ");
	if (!val_is_map(expect))
		fail_msg("expect: missing");
	for (size_t i = 0; i < val_count(stages); i++)
		check_keys(val_value_at(stages, i), "expect.stages",
			" status type name start end context outputs tasks error without ");
	for (size_t i = 0; i < val_count(val_get(document, "exchanges")); i++)
		check_keys(val_at(val_get(document, "exchanges"), i), "exchanges",
			" method url body header times status headers answer delay error reason ");
	for (size_t i = 0; i < val_count(val_get(document, "actions")); i++)
		check_keys(val_at(val_get(document, "actions"), i), "actions",
			" at cancel user stage patch start refused ");
}

/* ---- every play ------------------------------------------------------------------------------- */

/* A stage as the journal tells it. */
static void replay_stage(struct val *stages, struct val data)
{
	struct val id = val_get(data, "stage");
	struct val stage = val_ref(val_get_str(*stages, val_as_str(&id)));

	val_set(&stage, "status", val_ref(val_get(data, "status")));
	for (int outputs = 0; outputs < 2; outputs++) {
		const char *key = outputs ? "outputs" : "context";
		struct val merged = val_ref(val_get(stage, key));
		struct val changed = val_get(data, key);

		for (size_t i = 0; i < val_count(changed); i++) {
			val_remove_str(&merged, val_key_at(changed, i));
			if (!val_is_null(val_value_at(changed, i)))
				val_set_str(&merged, val_key_at(changed, i),
					val_ref(val_value_at(changed, i)));
		}
		val_set(&stage, key, merged);
	}
	val_set_str(stages, val_as_str(&id), stage);
}

static struct val without_nulls(struct val map)
{
	struct val kept = val_map();

	for (size_t i = 0; i < val_count(map); i++)
		if (!val_is_null(val_value_at(map, i)))
			val_set_str(&kept, val_key_at(map, i), val_ref(val_value_at(map, i)));
	return kept;
}

/* Rule 12: the run can be shown as it was. */
static void check_journal(struct findings *findings, const struct outcome *outcome)
{
	_cleanup_(val_free) struct val stages = val_map();
	const char *status = "";

	for (size_t i = 0; i < val_count(outcome->events); i++) {
		struct val event = val_at(outcome->events, i);
		const char *kind = val_get_text(event, "event", "");

		if (strcmp(kind, "run") == 0)
			status = val_get_text(val_get(event, "data"), "status", "?");
		if (strcmp(kind, "stage") == 0)
			replay_stage(&stages, val_get(event, "data"));
	}
	if (!val_is_null(outcome->execution) &&
		strcmp(status, val_get_text(outcome->execution, "status", "?")) != 0)
		find(findings, "the journal ends with %s", status);
	struct val all = val_get(outcome->execution, "stages");

	for (size_t i = 0; i < val_count(all); i++) {
		struct val stage = val_at(all, i);
		struct val told = val_get(stages, val_get_text(stage, "id", ""));
		_cleanup_(val_free) struct val context = without_nulls(val_get(stage, "context"));
		_cleanup_(val_free) struct val told_context = without_nulls(val_get(told, "context"));
		_cleanup_free_ char *place = xasprintf(
			"journal of stage %s", val_get_text(stage, "refId", "?"));

		compare(findings, place, val_get(told, "status"), val_get(stage, "status"));
		compare(findings, place, told_context, context);
		compare(findings, place, context, told_context);
		_cleanup_(val_free) struct val outputs = without_nulls(val_get(told, "outputs"));

		compare(findings, place, outputs, val_get(stage, "outputs"));
	}
}

/* What the end of a run must not leave behind. */
static void check_ended(struct findings *findings, const struct outcome *outcome)
{
	struct val stages = val_get(outcome->execution, "stages");

	for (size_t i = 0; i < val_count(stages); i++) {
		struct val stage = val_at(stages, i);
		const char *status = val_get_text(stage, "status", "?");

		if (strcmp(status, "RUNNING") == 0)
			find(findings, "stage %s is still RUNNING",
				val_get_text(stage, "refId", "?"));
	}
}

void scenario_check_outcome(const char *variant, const struct outcome *outcome)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct findings findings = FINDINGS_INIT(variant);
	size_t doubled = http_script_doubled_effects(outcome->script);

	if (outcome->hangs) {
		_cleanup_free_ char *state = json_text(outcome->state, JSON_COMPACT);

		find(&findings, "the run hangs: %s", state);
	} else {
		check_ended(&findings, outcome);
	}
	if (outcome->complaint)
		find(&findings, "%s", outcome->complaint);
	if (doubled > 0)
		find(&findings, "%zu effects came twice under other keys", doubled);
	if (!outcome->hangs && !outcome->refused)
		check_journal(&findings, outcome);
	findings_end(&findings);
}

/* ---- expect ----------------------------------------------------------------------------------- */

static void check_error(
	struct findings *findings, const char *place, struct val stage, const char *wanted)
{
	struct val exception = val_get(val_get(stage, "context"), "exception");
	_cleanup_free_ char *text = json_text(exception, JSON_COMPACT);

	if (!strstr(text, wanted))
		find(findings, "%s: expected \"%s\" in the exception %s", place, wanted, text);
}

static void check_tasks(
	struct findings *findings, const char *place, struct val stage, struct val wanted)
{
	_cleanup_(val_free) struct val tasks = val_map();
	struct val all = val_get(stage, "tasks");

	for (size_t i = 0; i < val_count(all); i++)
		val_set(&tasks, val_get_text(val_at(all, i), "name", "?"),
			val_ref(val_get(val_at(all, i), "status")));
	if (val_is_map(wanted))
		compare(findings, place, tasks, wanted);
}

static void check_time(struct findings *findings, const char *place, struct val stage,
	const char *key, struct val wanted)
{
	int64_t offset;

	if (val_as_int(wanted, &offset) && val_get_int(stage, key, 0) - SCENARIO_START_MS != offset)
		find(findings, "%s.%s: expected %lld, got %lld", place, key, (long long)offset,
			(long long)(val_get_int(stage, key, 0) - SCENARIO_START_MS));
}

static void check_stage(
	struct findings *findings, struct val execution, struct str key, struct val wanted)
{
	_cleanup_free_ char *place = xasprintf("stage %.*s", STR_ARG(key));
	struct val stage = find_stage(execution, key);
	_cleanup_(val_free) struct val parts = val_ref(wanted);
	struct val without = val_get(wanted, "without");

	if (val_is_null(stage)) {
		find(findings, "%s: there is none", place);
		return;
	}
	check_time(findings, place, stage, "startTime", val_get(wanted, "start"));
	check_time(findings, place, stage, "endTime", val_get(wanted, "end"));
	check_tasks(findings, place, stage, val_get(wanted, "tasks"));
	if (val_has(wanted, "error"))
		check_error(findings, place, stage, val_get_text(wanted, "error", ""));
	for (size_t i = 0; i < val_count(without); i++) {
		struct val absent = val_at(without, i);

		if (val_has(val_get(stage, "context"), val_text(&absent)))
			find(findings, "%s: its context has \"%s\"", place, val_text(&absent));
	}
	static const char *const done[] = { "start", "end", "tasks", "error", "without" };

	for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++)
		val_remove(&parts, done[i]);
	compare(findings, place, stage, parts);
}

static struct val sent_to_val(const struct http_sent *sent)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = val_map();
	struct val body;

	val_set(&value, "method", val_string(sent->method));
	val_set(&value, "url", val_string(sent->url));
	val_set(&value, "at", val_int(sent->at_ms - SCENARIO_START_MS));
	val_set(&value, "header", val_ref(sent->headers));
	if (json_parse(str_of(sent->body), NULL, NULL, &body, &err) < 0)
		body = val_string(sent->body);
	val_set(&value, "body", body);
	return value;
}

static void check_requests(struct findings *findings, struct http_script *script, struct val wanted)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val sent = val_list();
	int64_t count = (int64_t)val_count(wanted);

	for (size_t i = 0; i < http_script_count(script); i++)
		val_append(&sent, sent_to_val(http_script_sent(script, i)));
	if (http_script_finish(script, &err) < 0) {
		_cleanup_free_ char *text = json_text(sent, JSON_COMPACT);

		find(findings, "requests: %sthese came: %.2000s", err_text(&err), text);
	}
	if (val_is_null(wanted))
		return;
	val_as_int(wanted, &count);
	if (count != (int64_t)val_count(sent))
		find(findings, "requests: expected %lld, got %zu", (long long)count, val_count(sent));
	else if (val_is_list(wanted))
		compare(findings, "requests", sent, wanted);
}

static void check_refused(struct findings *findings, struct val expect, const struct outcome *outcome)
{
	const char *wanted = val_get_text(expect, "refused", NULL);

	if (wanted && !outcome->refused)
		find(findings, "the start was not refused");
	else if (outcome->refused && !wanted)
		find(findings, "the start was refused: %s", outcome->refused);
	else if (wanted && !strstr(outcome->refused, wanted))
		find(findings, "refused: expected \"%s\", got \"%s\"", wanted, outcome->refused);
	if (wanted && !val_has(expect, "status") && !val_is_null(outcome->execution))
		find(findings, "the refused start has left an execution");
}

static void check_cluster(struct findings *findings, struct val cluster, struct val wanted)
{
	for (size_t i = 0; i < val_count(wanted); i++) {
		struct str path = val_key_at(wanted, i);
		struct val part = val_value_at(wanted, i);

		if (val_is_map(part))
			compare(findings, path.bytes, val_get_str(cluster, path), part);
		else if (val_has_str(cluster, path))
			find(findings, "%s: should not be there", path.bytes);
	}
}

void scenario_check_expected(struct val expect, const struct outcome *outcome)
{
	struct findings findings = FINDINGS_INIT("plain");
	struct val execution = outcome->execution;
	struct val stages = val_get(expect, "stages");
	int64_t number;

	check_refused(&findings, expect, outcome);
	if (val_has(expect, "status"))
		compare(&findings, "status", val_get(execution, "status"), val_get(expect, "status"));
	if (val_has(expect, "execution"))
		compare(&findings, "execution", execution, val_get(expect, "execution"));
	if (val_as_int(val_get(expect, "duration"), &number)) {
		int64_t took = val_get_int(execution, "endTime", 0) -
			val_get_int(execution, "startTime", 0);

		if (took != number)
			find(&findings, "duration: expected %lld, got %lld", (long long)number,
				(long long)took);
	}
	for (size_t i = 0; i < val_count(stages); i++)
		check_stage(&findings, execution, val_key_at(stages, i), val_value_at(stages, i));
	if (val_as_int(val_get(expect, "count"), &number) &&
		number != (int64_t)val_count(val_get(execution, "stages")))
		find(&findings, "count: expected %lld stages, got %zu", (long long)number,
			val_count(val_get(execution, "stages")));
	check_requests(&findings, outcome->script, val_get(expect, "requests"));
	check_cluster(&findings, outcome->cluster, val_get(expect, "cluster"));
	findings_end(&findings);
}

/* ---- against the plain play ------------------------------------------------------------------- */

void scenario_check_same(
	const char *variant, const struct outcome *plain, const struct outcome *outcome)
{
	struct findings findings = FINDINGS_INIT(variant);
	struct val stages = val_get(plain->execution, "stages");

	compare(&findings, "status", val_get(outcome->execution, "status"),
		val_get(plain->execution, "status"));
	if (val_count(stages) != val_count(val_get(outcome->execution, "stages")))
		find(&findings, "%zu stages instead of %zu",
			val_count(val_get(outcome->execution, "stages")), val_count(stages));
	for (size_t i = 0; i < val_count(stages); i++) {
		struct val wanted = val_at(stages, i);
		struct val ref = val_get(wanted, "refId");
		struct val stage = find_stage(outcome->execution, val_as_str(&ref));
		_cleanup_free_ char *place = xasprintf("stage %s", val_text(&ref));

		compare(&findings, place, val_get(stage, "status"), val_get(wanted, "status"));
		compare(&findings, place, val_get(stage, "outputs"), val_get(wanted, "outputs"));
		compare(&findings, place, val_get(wanted, "outputs"), val_get(stage, "outputs"));
	}
	compare(&findings, "cluster", outcome->cluster, plain->cluster);
	compare(&findings, "cluster", plain->cluster, outcome->cluster);
	findings_end(&findings);
}

const char *scenario_fault_name(enum http_fault fault)
{
	static const char *const names[] = { "timeout", "reset", "429", "500" };

	return names[fault];
}

/* A run that fails says why: some stage that failed has an exception, or the error of its webhook. */
static bool says_why(struct val execution)
{
	struct val stages = val_get(execution, "stages");

	for (size_t i = 0; i < val_count(stages); i++) {
		struct val context = val_get(val_at(stages, i), "context");
		struct val errors = val_path(context, "exception.details.errors");

		if (val_count(errors) > 0 || *val_get_text(val_get(context, "webhook"), "error", ""))
			return true;
	}
	return false;
}

static bool is_allowed(struct val allowed, const char *status, const char *plain)
{
	if (val_is_null(allowed))
		return strcmp(status, plain) == 0 || strcmp(status, "TERMINAL") == 0;
	for (size_t i = 0; i < val_count(allowed); i++)
		if (is_allowed(val_at(allowed, i), status, plain))
			return true;
	const char *text = val_text(&allowed);

	if (strcmp(text, "same") == 0)
		return strcmp(status, plain) == 0;
	return *text && strcmp(text, status) == 0;
}

void scenario_check_fault(const struct variant *variant, struct val faults,
	const struct outcome *plain, const struct outcome *outcome)
{
	struct findings findings = FINDINGS_INIT(variant->name);
	const char *status = val_get_text(outcome->execution, "status", "none");
	const char *before = val_get_text(plain->execution, "status", "none");

	if (!is_allowed(val_get(faults, scenario_fault_name(variant->fault)), status, before))
		find(&findings, "the run ended %s", status);
	if (strcmp(status, "TERMINAL") == 0 && strcmp(before, "TERMINAL") != 0 &&
		!says_why(outcome->execution))
		find(&findings, "the run ended TERMINAL and does not say why");
	findings_end(&findings);
}
