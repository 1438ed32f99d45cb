#include "lib/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "lib/scenario_check.h"
#include "lib/scenario_play.h"
#include "lib/temporary.h"

#define MOST_CRASHES 400 /* of one scenario, at each of the two points */
#define MOST_FAULTY 12   /* exchanges that go wrong; of more, the first and the last ones */

/* ---- reading ---------------------------------------------------------------------------------- */

static const char *keep(struct scenario *scenario, char *text)
{
	scenario->texts = xrealloc(
		scenario->texts, (scenario->text_count + 1) * sizeof(*scenario->texts));
	scenario->texts[scenario->text_count++] = text;
	return text;
}

/* A text as it is, anything else as JSON; NULL when there is none. */
static const char *step_text(struct scenario *scenario, struct val row, const char *key)
{
	struct val value = val_get(row, key);

	if (val_is_null(value))
		return NULL;
	return keep(scenario,
		val_is_string(value) ? xstrdup(val_text(&value)) : json_text(value, JSON_COMPACT));
}

static enum err_kind error_of(struct val row)
{
	const char *name = val_get_text(row, "error", "");

	for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++)
		if (*name && strcmp(err_kind_name((enum err_kind)kind), name) == 0)
			return (enum err_kind)kind;
	if (*name)
		fail_msg("exchanges: \"%s\" is no kind of error (base/err.h)", name);
	return ERR_NONE;
}

static void read_steps(struct scenario *scenario)
{
	struct val rows = val_get(scenario->document, "exchanges");

	scenario->steps = xcalloc(val_count(rows) + 1, sizeof(*scenario->steps));
	for (size_t i = 0; i < val_count(rows); i++) {
		struct val row = val_at(rows, i);
		const char *url = step_text(scenario, row, "url");

		scenario->steps[i] = (struct http_step){
			.method = step_text(scenario, row, "method"),
			.url = url ? url : "*",
			.body = step_text(scenario, row, "body"),
			.header = step_text(scenario, row, "header"),
			.times = (int)val_get_int(row, "times", 0),
			.status = (int)val_get_int(row, "status", 0),
			.headers = step_text(scenario, row, "headers"),
			.answer = step_text(scenario, row, "answer"),
			.delay_ms = (int)val_get_int(row, "delay", 0),
			.error = error_of(row),
			.reason = step_text(scenario, row, "reason"),
		};
	}
}

static void scenario_read(struct scenario *scenario, const char *path)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_BODY_BYTES);

	if (file_read(path, LIMIT_BODY_BYTES, &text, &err) < 0 ||
		yaml_parse(strbuf_str(&text), &scenario->document, &err) < 0)
		fail_msg("%s: %s", path, err_text(&err));
	scenario_check_keys(scenario->document);
	read_steps(scenario);
}

static void scenario_free(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->text_count; i++)
		free(scenario->texts[i]);
	free(scenario->texts);
	free(scenario->steps);
	val_free(&scenario->document);
}

/* ---- variants --------------------------------------------------------------------------------- */

/* Plays it; the number of lives. */
static size_t play_crash(
	const struct scenario *scenario, const struct variant *variant, const struct outcome *plain)
{
	struct outcome outcome;

	scenario_play(scenario, variant, &outcome);
	size_t lives = outcome.lives;

	scenario_check_outcome(variant->name, &outcome);
	scenario_check_same(variant->name, plain, &outcome);
	outcome_clear(&outcome);
	return lives;
}

/* A crash at every point in turn, until there is none left. */
static void play_crashes(const struct scenario *scenario, const struct outcome *plain)
{
	for (int point = 0; point < 2; point++) {
		for (uint64_t nth = 1; nth <= MOST_CRASHES; nth++) {
			struct variant variant = { 0 };

			snprintf(variant.name, sizeof(variant.name), "crash %s %llu",
				point ? "before result" : "after commit", (unsigned long long)nth);
			if (point)
				variant.crash_before_result = nth;
			else
				variant.crash_after_commit = nth;
			if (play_crash(scenario, &variant, plain) == 1)
				break;
		}
	}
	struct variant always = { .crash_after_commit = 1, .crash_always = true };

	snprintf(always.name, sizeof(always.name), "crash after the first commit of each life");
	play_crash(scenario, &always, plain);
}

static void play_fault(
	const struct scenario *scenario, const struct variant *variant, const struct outcome *plain)
{
	struct outcome outcome;

	scenario_play(scenario, variant, &outcome);
	scenario_check_outcome(variant->name, &outcome);
	scenario_check_fault(variant, val_get(scenario->document, "faults"), plain, &outcome);
	outcome_clear(&outcome);
}

static void play_faults(const struct scenario *scenario, const struct outcome *plain)
{
	size_t count = http_script_count(plain->script);

	for (size_t nth = 1; nth <= count; nth++) {
		if (nth > MOST_FAULTY - 2 && nth < count - 1)
			continue;
		for (int fault = HTTP_FAULT_TIMEOUT; fault <= HTTP_FAULT_500; fault++) {
			for (int after = 0; after < 2; after++) {
				struct variant variant = {
					.fault_nth = nth,
					.fault = (enum http_fault)fault,
					.fault_after = after,
				};

				snprintf(variant.name, sizeof(variant.name),
					"exchange %zu: %s %s its effect", nth,
					scenario_fault_name(variant.fault),
					after ? "after" : "before");
				play_fault(scenario, &variant, plain);
			}
		}
	}
}

static void play_sqlite(const struct scenario *scenario, const struct outcome *plain)
{
	char *directory = temporary_directory();
	struct variant variant = { .name = "SQLite", .directory = directory };

	play_crash(scenario, &variant, plain);
	temporary_remove(directory);
	directory = temporary_directory();
	variant = (struct variant){
		.directory = directory, .crash_after_commit = 1, .crash_always = true
	};
	snprintf(variant.name, sizeof(variant.name),
		"SQLite, crash after the first commit of each life");
	play_crash(scenario, &variant, plain);
	temporary_remove(directory);
}

void scenario_run(const struct scenario_setup *setup, const char *path)
{
	struct scenario scenario = { .setup = setup };
	struct variant plain_variant = { .name = "plain" };
	struct outcome plain;

	scenario_read(&scenario, path);
	scenario_play(&scenario, &plain_variant, &plain);
	scenario_check_outcome("plain", &plain);
	scenario_check_expected(val_get(scenario.document, "expect"), &plain);
	if (val_get_bool(scenario.document, "crash", true))
		play_crashes(&scenario, &plain);
	if (strcmp(val_get_text(scenario.document, "faults", ""), "skip") != 0)
		play_faults(&scenario, &plain);
	if (val_get_bool(scenario.document, "sqlite", false))
		play_sqlite(&scenario, &plain);
	outcome_clear(&plain);
	scenario_free(&scenario);
}
