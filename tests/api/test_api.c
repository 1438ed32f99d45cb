/*
 * The API before its engine is there and after it is gone: what is committed can be read, writes get 503. Everything else is
 * tested as a black box (test_*.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/http_client.h"

struct fixture {
	struct store *store;
	struct api *api;
	struct world world;
	struct engine *engine;
};

static const struct stage_type *const no_types[] = { NULL };
static const struct stage_registry registry = { .types = no_types };

static int setup(void **state)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct fixture *fixture = xnew(struct fixture);
	fixture->store = store_memory_open();
	struct api_setup api = { .store = fixture->store, .version = "1", .address = "127.0.0.1" };
	fixture->api = api_start(&api, &err);
	assert_non_null(fixture->api);
	fixture->world.clock = clock_real();
	fixture->world.http = http_transport_curl(clock_real(), "test");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	api_stop(fixture->api, LIMIT_SERVER_STOP_MS);
	http_transport_free(fixture->world.http);
	store_close(fixture->store);
	free(fixture);
	return 0;
}

static void open_engine(struct fixture *fixture)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct engine_setup engine = {
		.world = &fixture->world,
		.store = fixture->store,
		.registry = &registry,
	};
	fixture->engine = engine_start(&engine, &err);
	assert_non_null(fixture->engine);
	api_open(fixture->api, fixture->engine);
}

static void close_engine(struct fixture *fixture)
{
	api_close(fixture->api);
	engine_stop(fixture->engine, LIMIT_DRAIN_MS);
}

/* The status; the body, parsed, in *RET_BODY (may be NULL), and whether the client is asked to come again. */
static int call(struct fixture *fixture, const char *method, const char *path, const char *body,
	struct val *ret_body, bool *ret_retry)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d%s", api_port(fixture->api), path);
	struct http_request request = { .method = method, .url = url, .body = str_of(body) };
	struct http_response response = { 0 };
	if (!body)
		request.body = (struct str){ 0 };
	assert_int_equal(http_perform(fixture->world.http, &request, &response, &err), 0);
	int status = response.status;
	*ret_retry = *http_response_header(&response, "retry-after") != '\0';
	if (ret_body)
		assert_int_equal(
			json_parse(strbuf_str(&response.body), NULL, NULL, ret_body, &err), 0);
	http_response_free(&response);
	return status;
}

static const char pipeline[] = "{\"application\": \"a\", \"name\": \"p\", \"stages\": []}";

static void writes_are_refused_before_the_engine_is_there(void **state)
{
	_cleanup_(val_free) struct val error = VAL_NULL;
	bool retry;
	assert_int_equal(call(*state, "POST", "/pipelines", pipeline, &error, &retry), 503);
	assert_true(retry);
	assert_string_equal(val_get_text(error, "error", ""), "Service Unavailable");
	assert_int_equal(
		call(*state, "GET", "/applications/a/pipelineConfigs", NULL, NULL, &retry), 200);
	assert_int_equal(call(*state, "GET", "/health", NULL, NULL, &retry), 200);
}

static void what_was_saved_can_be_read_when_the_engine_is_gone(void **state)
{
	_cleanup_(val_free) struct val list = VAL_NULL;
	bool retry;
	open_engine(*state);
	assert_int_equal(call(*state, "POST", "/pipelines", pipeline, NULL, &retry), 200);
	close_engine(*state);
	assert_int_equal(call(*state, "DELETE", "/pipelines/a/p", NULL, NULL, &retry), 503);
	assert_true(retry);
	assert_int_equal(
		call(*state, "GET", "/applications/A/pipelineConfigs", NULL, &list, &retry), 200);
	assert_int_equal(val_count(list), 1);
}

static void a_port_that_is_taken_is_a_conflict(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_err_ struct err err = ERR_INIT;
	struct api_setup second = {
		.store = fixture->store,
		.version = "1",
		.address = "127.0.0.1",
		.port = api_port(fixture->api),
	};
	assert_null(api_start(&second, &err));
	assert_int_equal(err.kind, ERR_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			writes_are_refused_before_the_engine_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_saved_can_be_read_when_the_engine_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_is_taken_is_a_conflict, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
