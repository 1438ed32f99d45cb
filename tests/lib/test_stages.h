/*
 * Stage types for tests of the engine: what they do stands in their context.
 *
 *	type: test                # tasks "first" and "second" (that one only if the context has the key), on a worker
 *	type: testInline          # the same on the engine thread
 *	first: SUCCEEDED          # any status; or a map:
 *	first: { status: TERMINAL, outputs: {…}, context: {…}, remove: [ key ], delay: 500 (on the worker), wait: 700 (RUNNING once),
 *	         error: a kind of base/err.h }
 *	before: [ { type: test, name: n, context: {…}, requisites: [ 0 ] } ]      # synthetic stages; after, onFailure alike
 *	planError: { error: unavailable, times: 2 }    # planning before stages fails so often; afterError: planning those after
 *
 *	type: testNothing         # no task at all
 *	type: testLoop            # tasks enter, body, leave: body REDIRECTs until it has run `rounds` times; the context's `keys` gets
 *	                          # the idempotency key of each run of body
 */
#ifndef LIB_TEST_STAGES_H
#define LIB_TEST_STAGES_H

#include "engine/stage_type.h"

extern const struct stage_type test_stage, test_inline_stage, test_nothing_stage, test_loop_stage;

#endif
