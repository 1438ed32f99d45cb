#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/fixture.h"

struct store *must_open(const char *directory)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct store *store = store_sqlite_open(directory, &err);

	if (!store)
		fail_msg("%s", err_text(&err));
	return store;
}

struct val parsed(const char *json)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value;

	if (json_parse(str_of(json), NULL, NULL, &value, &err) < 0)
		fail_msg("%s: %s", json, err_text(&err));
	return value;
}

static void add_stage(struct execution **execution, const char *ref_id, const char *requisite)
{
	size_t index = stage_add(execution);
	size_t before = requisite ? stage_find_ref(*execution, str_of(requisite)) : 0;
	struct stage *stage = stage_edit(execution, index);

	snprintf(stage->id, sizeof(stage->id), "S%s-%.20s", ref_id, (*execution)->id);
	stage_set_text(&stage->ref_id, ref_id);
	stage_set_text(&stage->type, "wait");
	stage_set_text(&stage->name, ref_id);
	stage->context = parsed("{\"waitTime\":30,\"text\":\"\\u0000 \\\"é\"}");
	stage->outputs = parsed("{\"n\":1}");
	stage_index_outputs(execution, index);
	stage_set_requisites(execution, index, &before, requisite ? 1 : 0);
}

struct execution *sample(const char *id, const char *application, const char *config,
	int64_t build_ms, enum status status)
{
	struct execution *execution = execution_new();
	struct stage *stage;

	snprintf(execution->id, sizeof(execution->id), "%s", id);
	stage_set_text(&execution->application, application);
	stage_set_text(&execution->name, "deploy");
	stage_set_text(&execution->config_id, config);
	stage_set_text(&execution->origin, "api");
	execution->build_ms = build_ms;
	execution->status = status;
	val_replace(&execution->trigger, parsed("{\"type\":\"manual\",\"parameters\":{\"a\":1.0}}"));
	val_replace(&execution->config, parsed("{\"name\":\"deploy\",\"stages\":[]}"));
	val_set(&execution->extra, "partition", val_string("east"));
	add_stage(&execution, "1", NULL);
	add_stage(&execution, "2", "1");
	add_stage(&execution, "2<1", NULL);
	stage_set_parent(&execution, 2, 1, OWNER_BEFORE);
	stage = stage_edit(&execution, 0);
	stage->status = STATUS_RUNNING;
	stage->start_ms = build_ms + 5;
	stage->phase = PHASE_TASKS;
	stage->attempts = 2;
	stage->unresolved = true;
	stage->tasks = xcalloc(1, sizeof(*stage->tasks));
	stage->task_count = 1;
	stage->tasks[0] = (struct task){
		.id = 1,
		.name = intern("wait"),
		.implementing = intern("WaitTask"),
		.status = STATUS_RUNNING,
		.start_ms = build_ms + 6,
		.stage_start = true,
		.stage_end = true,
		.in_flight = true,
		.generation = 3,
		.attempts = 7,
		.next_run_ms = build_ms + 30000,
		.exception = parsed("{\"details\":{\"error\":\"x\"}}"),
	};
	return execution;
}

void put_all(struct store_batch *batch, struct execution *execution)
{
	store_put_execution(batch, execution);
	for (size_t i = 0; i < stage_count(execution); i++)
		store_put_stage(batch, execution, i, STAGE_PART_ALL);
}

uint64_t commit(struct store *store, struct store_batch *batch)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position = 0;

	if (store->type->commit(store, batch, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	store_batch_clear(batch);
	return position;
}

enum err_kind commit_fails(struct store *store, struct store_batch *batch)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position = 12345;

	assert_int_equal(store->type->commit(store, batch, &position, &err), -1);
	assert_int_equal(position, 12345);
	store_batch_clear(batch);
	return err.kind;
}

void put_event(struct store_batch *batch, const char *execution_id, const char *json)
{
	_cleanup_(val_free) struct val event = parsed(json);

	store_event(batch, execution_id, event);
}

static void assert_printed(struct store *store, const char *id, bool brief, struct val expected,
	uint64_t expected_position)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	uint64_t position;

	if (store->type->print_execution(store, id, brief, &text, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	_cleanup_(val_free) struct val printed = VAL_NULL;
	if (json_parse(strbuf_str(&text), &(struct json_options){ .max_depth = SIZE_MAX }, NULL,
		    &printed, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_same_json(printed, expected);
	assert_int_equal(position, expected_position);
}

struct val read_execution(struct store *store, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position;
	struct val json;

	if (store->type->get_execution(store, id, &json, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	/* As text it is the same, whole and cut down. */
	_cleanup_(val_free) struct val cut = val_ref(json);
	execution_brief(&cut);
	assert_printed(store, id, false, json, position);
	assert_printed(store, id, true, cut, position);
	return json;
}

bool has_execution(struct store *store, const char *id)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val json = VAL_NULL;
	uint64_t position;

	if (store->type->get_execution(store, id, &json, &position, &err) == 0)
		return true;
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	return false;
}

struct val read_events(struct store *store, const char *execution_id, uint64_t after, size_t limit)
{
	_cleanup_err_ struct err err = ERR_INIT;
	uint64_t position;
	struct val events;

	if (store->type->read_events(store, execution_id, after, limit, &events, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	return events;
}

char *list_ids(struct store *store, const struct execution_filter *filter)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val list = VAL_NULL;
	struct strbuf ids = STRBUF_INIT(100000);
	uint64_t position;

	if (store->type->list_executions(store, filter, &list, &position, &err) < 0)
		fail_msg("%s", err_text(&err));
	for (size_t i = 0; i < val_count(list); i++)
		strbuf_printf(
			&ids, "%s%s", i > 0 ? " " : "", val_get_text(val_at(list, i), "id", "?"));
	return strbuf_detach(&ids);
}

void assert_same_json(struct val actual, struct val expected)
{
	if (val_equal(actual, expected))
		return;

	_cleanup_free_ char *a = json_text(actual, JSON_CANONICAL);
	_cleanup_free_ char *b = json_text(expected, JSON_CANONICAL);
	fail_msg("is       %.3000s\nshall be %.3000s", a, b);
}

struct val long_text(size_t length, unsigned seed)
{
	_cleanup_free_ char *text = xmalloc(length + 1);
	uint64_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < length; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		text[i] = (char)('a' + (x >> 59) % 26);
	}
	text[length] = 0;
	return val_string(text);
}
