/*
 * A scenario: a pipeline, scripted exchanges and the expected execution, in one YAML file, played on a virtual clock.
 *
 *	title: A webhook that is busy is called again after its Retry-After
 *	pipeline: { stages: [ { refId: 1, type: webhook, url: "https://ci.example.com/a" } ] }   # application, name: optional
 *	trigger: { parameters: { env: prod } }
 *	settings: { rejectLocalhost: false }        # of user-configured-url-restrictions
 *	exchanges:                                   # lib/http_script.h: method, url, body, header, times (-1 = always);
 *	  - { method: POST, url: /a, status: 429, headers: { retry-after: "7" } }   # status, headers, answer, delay, error, reason
 *	  - { method: POST, url: /a, answer: { ok: true } }
 *	actions:                                     # at: milliseconds after the start
 *	  - { at: 500, cancel: changed my mind, user: joe }
 *	  - { at: 500, stage: 1, patch: { skipRemainingWait: true }, refused: has ended }
 *	  - { at: 500, start: true, refused: is running already }    # the same pipeline once more
 *	expect:
 *	  refused: a part of the text                # the start; then the rest is about the execution that it leaves, if any
 *	  status: SUCCEEDED
 *	  duration: 7000                             # exact
 *	  execution: { canceledBy: joe }             # a part of its JSON
 *	  stages:                                    # by refId, or by name
 *	    1: { status: SUCCEEDED, start: 0, end: 7000, context: {…}, outputs: {…}, error: a part of the exception,
 *	         tasks: { createWebhook: SUCCEEDED }, without: [ keys that its context must not have ] }
 *	  count: 1                                   # stages in all
 *	  requests: 2                                # or a list of parts: { method, url, body, at, header: { name: value } }
 *	  cluster: { /api/v1/…/a: {…}, /api/v1/…/b: false }   # parts of what a server holds; false: nothing
 *	faults: { timeout: TERMINAL, 500: same }     # how a run with this fault ends; a list is "one of"; "skip"; else same or TERMINAL
 *	crash: false                                 # leaves the variants with crashes out
 *	sqlite: true                                 # plays it on SQLite, too
 *
 * It is played plain; then with a crash after each commit in turn, and before each result of a task (a fresh engine goes on with
 * the same store); then with each exchange in turn going wrong, before and after its effect. After a crash the end must be the
 * same; no effect may double without the same Idempotency-Key; and nothing may hang: time ends after 30 virtual days. In all of
 * them the journal, replayed, must give the execution. With SCENARIO_VERBOSE in the environment each variant is named.
 */
#ifndef LIB_SCENARIO_H
#define LIB_SCENARIO_H

#include "engine/engine.h"
#include "lib/http_script.h"

struct scenario_setup {
	const struct stage_registry *registry;
	/* Adds to the world of one life of the process what stages need besides clock and HTTP (accounts), and takes it away
	 * again. DOCUMENT is the scenario. Both may be NULL. */
	void *(*open)(struct world *world, struct val document);
	void (*close)(struct world *world, void *opened);
	/* A server in C, asked before the exchanges. One a play, so it outlives each life of the process; what it holds in
	 * the end (owned) must be the same after a crash, and is what `expect.cluster` is about. May be NULL. */
	void *(*server_new)(struct clock *clock, struct val document);
	http_script_serve_fn server_serve;
	struct val (*server_state)(void *server);
	void (*server_free)(void *server);
};

/* Plays the file in all its variants; a cmocka failure names the variant. */
void scenario_run(const struct scenario_setup *setup, const char *path);

#endif
