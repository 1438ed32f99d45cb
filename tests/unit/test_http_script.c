#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "lib/http_script.h"

struct world {
	struct clock *clock;
	struct http_script *script;
};

static int make_world(void **state)
{
	struct world *world = xnew(struct world);

	world->clock = clock_virtual(1000);
	clock_hold(world->clock);
	world->script = http_script_new(world->clock, NULL);
	*state = world;
	return 0;
}

static int end_world(void **state)
{
	struct world *world = *state;

	http_script_free(world->script);
	clock_release(world->clock);
	clock_free(world->clock);
	free(world);
	return 0;
}

static enum err_kind call(struct world *world, struct http_request request, struct http_response *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (!request.method)
		request.method = "GET";
	*ret = (struct http_response){ .body = STRBUF_INIT(0) };
	return http_perform(http_script_transport(world->script), &request, ret, &err) == 0 ?
		ERR_NONE :
		err.kind;
}
#define CALL(world, ret, ...) call(world, (struct http_request){ __VA_ARGS__ }, ret)
#define _cleanup_response_ _cleanup_(http_response_free)

static void steps_of_one_url_are_answered_in_order(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "http://a/x", .answer = "one", .headers = "{\"ETag\":\"1\"}" },
		{ .url = "http://a/x", .answer = "two", .status = 404, .delay_ms = 250 },
		{ .method = "POST", .url = "/y*", .body = "{\"a\":{\"b\":[1]}}", .header = "X: y" },
		{ .url = "/often", .times = HTTP_STEP_ALWAYS },
		{ 0 },
	};
	struct world *world = *state;
	_cleanup_response_ struct http_response one, two, three, none;
	_cleanup_(val_free) struct val headers = val_map();
	_cleanup_err_ struct err err = ERR_INIT;

	val_set(&headers, "x", val_string("y"));
	http_script_add(world->script, steps);
	assert_int_equal(CALL(world, &one, .url = "http://a/x"), ERR_NONE);
	assert_string_equal(one.body.bytes, "one");
	assert_string_equal(http_response_header(&one, "etag"), "1");
	assert_int_equal(CALL(world, &two, .url = "http://a/x"), ERR_NONE);
	assert_int_equal(two.status, 404);
	assert_int_equal(clock_now_ms(world->clock), 1250);
	assert_int_equal(http_script_finish(world->script, &err), -1);
	assert_int_equal(
		CALL(world, &three, .method = "POST", .url = "http://b/y/z?q", .headers = headers,
			.body = STR("{\"a\":{\"b\":[1],\"c\":2},\"d\":3}")),
		ERR_NONE);
	assert_int_equal(http_script_finish(world->script, &err), 0);
	assert_int_equal(CALL(world, &none, .url = "http://a/x"), ERR_INTERNAL);
	assert_int_equal(http_script_finish(world->script, &err), -1);
	assert_non_null(strstr(err_text(&err), "unexpected: GET http://a/x"));
	assert_int_equal(http_script_count(world->script), 4);
	assert_string_equal(http_script_sent(world->script, 2)->method, "POST");
	assert_string_equal(http_sent_header(http_script_sent(world->script, 2), "X"), "y");
}

static void errors_and_timeouts_come_after_their_time(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/e", .error = ERR_UNAVAILABLE, .reason = "connect", .delay_ms = 10 },
		{ .url = "/t", .delay_ms = 60000 },
		{ 0 },
	};
	struct world *world = *state;
	_cleanup_response_ struct http_response response;

	http_script_add(world->script, steps);
	assert_int_equal(CALL(world, &response, .url = "http://a/e"), ERR_UNAVAILABLE);
	assert_int_equal(clock_now_ms(world->clock), 1010);
	assert_int_equal(CALL(world, &response, .url = "http://a/t", .total_ms = 500), ERR_TIMEOUT);
	assert_int_equal(clock_now_ms(world->clock), 1510);
}

static int collect(void *data, const char *bytes, size_t length)
{
	strbuf_add(data, bytes, length);
	return 0;
}

static void a_stream_is_played_piece_by_piece(void **state)
{
	static const struct http_piece pieces[] = { { .bytes = "a", .delay_ms = 100 },
		{ .bytes = "b", .delay_ms = 200 }, { .hang = true }, { 0 } };
	static const struct http_piece broken[] = { { .bytes = "c" }, { .reset = true }, { 0 } };
	static const struct http_step steps[] = {
		{ .url = "/s", .pieces = pieces },
		{ .url = "/b", .pieces = broken },
		{ .url = "/gone", .status = 410, .answer = "no" },
		{ 0 },
	};
	struct world *world = *state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(100);
	_cleanup_response_ struct http_response response, gone;

	http_script_add(world->script, steps);
	assert_int_equal(CALL(world, &response, .url = "http://a/s", .on_body = collect,
				 .on_body_data = &text, .total_ms = 1000),
		ERR_TIMEOUT);
	assert_string_equal(text.bytes, "ab");
	assert_int_equal(clock_now_ms(world->clock), 2300);
	assert_int_equal(CALL(world, &response, .url = "http://a/b", .on_body = collect,
				 .on_body_data = &text),
		ERR_UNAVAILABLE);
	assert_string_equal(text.bytes, "abc");
	assert_int_equal(CALL(world, &gone, .url = "http://a/gone", .on_body = collect,
				 .on_body_data = &text),
		ERR_NONE);
	assert_string_equal(gone.body.bytes, "no");
}

static void a_fault_comes_before_the_effect_or_after_it(void **state)
{
	static const struct http_step steps[] = { { .method = "POST", .url = "/a", .status = 201 },
		{ 0 } };
	struct world *world = *state;
	_cleanup_response_ struct http_response response, busy, retried;
	_cleanup_(val_free) struct val headers = val_map();

	val_set(&headers, "Idempotency-Key", val_string("k1"));
	http_script_add(world->script, steps);
	http_script_allow_repeats(world->script);
	http_script_fault(world->script, 1, HTTP_FAULT_RESET, false);
	assert_int_equal(
		CALL(world, &response, .method = "POST", .url = "http://x/a", .headers = headers),
		ERR_UNAVAILABLE);
	assert_true(http_script_sent(world->script, 0)->lost);
	http_script_fault(world->script, 2, HTTP_FAULT_429, true);
	assert_int_equal(
		CALL(world, &busy, .method = "POST", .url = "http://x/a", .headers = headers),
		ERR_NONE);
	assert_int_equal(busy.status, 429);
	assert_int_equal(http_retry_after_ms(&busy, 0), 1000);
	/* The effect was there: the same key gets the same answer, another key would double it. */
	assert_int_equal(
		CALL(world, &retried, .method = "POST", .url = "http://x/a", .headers = headers),
		ERR_NONE);
	assert_int_equal(retried.status, 201);
	assert_true(http_script_sent(world->script, 2)->repeated);
	assert_int_equal(http_script_doubled_effects(world->script), 0);
	val_set(&headers, "Idempotency-Key", val_string("k2"));
	assert_int_equal(
		CALL(world, &response, .method = "POST", .url = "http://x/a", .headers = headers),
		ERR_INTERNAL);
	assert_int_equal(http_script_doubled_effects(world->script), 1);
}

static int die(void *data, size_t nth)
{
	return nth == *(size_t *)data ? -1 : 0;
}

static bool serve(void *data, const struct http_request *request, struct http_response *response)
{
	response->status = 200;
	strbuf_add_text(&response->body, request->method);
	return true;
}

static void a_server_in_c_answers_and_the_process_may_die_after_an_effect(void **state)
{
	struct world *world = *state;
	size_t nth = 2;
	_cleanup_response_ struct http_response first, second, third;

	http_script_serve(world->script, serve, NULL);
	http_script_after_effect(world->script, die, &nth);
	assert_int_equal(CALL(world, &first, .method = "PUT", .url = "http://x/a"), ERR_NONE);
	assert_string_equal(first.body.bytes, "PUT");
	assert_int_equal(CALL(world, &second, .method = "PUT", .url = "http://x/b"), ERR_CANCELED);
	assert_int_equal(CALL(world, &third, .url = "http://x/b"), ERR_NONE);
}

static void a_set_flag_ends_a_call(void **state)
{
	static const struct http_step steps[] = { { .url = "/a", .delay_ms = 100 }, { 0 } };
	struct world *world = *state;
	_cleanup_(cancel_unref_cleanup) struct cancel *cancel = cancel_new();
	_cleanup_response_ struct http_response response;

	http_script_add(world->script, steps);
	cancel_set(cancel);
	assert_int_equal(CALL(world, &response, .url = "http://x/a", .cancel = cancel), ERR_CANCELED);
	assert_int_equal(http_script_count(world->script), 0);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(steps_of_one_url_are_answered_in_order),
		WORLD(errors_and_timeouts_come_after_their_time),
		WORLD(a_stream_is_played_piece_by_piece),
		WORLD(a_fault_comes_before_the_effect_or_after_it),
		WORLD(a_server_in_c_answers_and_the_process_may_die_after_an_effect),
		WORLD(a_set_flag_ends_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
