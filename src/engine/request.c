/*
 * Requests: saving pipelines, cancelling, patching, restarting (starting is in start.c). Each is answered after the commit of what it
 * changed.
 */
#include <stdio.h>
#include <strings.h>

#include "engine/internal.h"
#include "net/http_request.h"

static void reply_error(struct engine *engine, struct request *request, struct err *err)
{
	engine_reply(engine, request, VAL_NULL, err);
}

/* ---- pipelines ------------------------------------------------------------------------------------------------------------- */

struct val request_find_pipeline(
	struct engine *engine, const char *application, const char *name, bool any_case)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	struct str wanted = str_trim(str_of(name));
	for (void *document; map_next(&engine->pipelines, &cursor, &key, &document);) {
		struct val pipeline = *(struct val *)document;
		struct val its_name = val_get(pipeline, "name");
		struct str text = str_trim(val_as_str(&its_name));
		if (strcasecmp(val_get_text(pipeline, "application", ""), application) != 0)
			continue;
		if (any_case ? str_equal_nocase(text, wanted) : str_equal(text, wanted))
			return pipeline;
	}
	return VAL_NULL;
}

static void keep_pipeline(struct engine *engine, struct val document)
{
	struct val *boxed = xnew(struct val);
	*boxed = val_ref(document);
	struct val *old = map_put(
		&engine->pipelines, str_of(val_get_text(document, "id", "")), boxed);
	if (old) {
		val_free(old);
		free(old);
	}
}

static const struct field saved_fields[] = {
	FIELD_KNOWN("id", FIELD_STRING),
	FIELD_KNOWN("name", FIELD_STRING),
	FIELD_KNOWN("application", FIELD_STRING),
	{ 0 },
};

/* What nobody could put into a path is no name: people would have a pipeline that they cannot reach. */
static int check_saved_name(const char *key, struct val value, struct err *err)
{
	struct str text = str_trim(val_as_str(&value));
	if (text.length == 0)
		return err_set(err, ERR_INVALID, "%s: a pipeline that is saved needs one", key);
	if (!http_segment_can_be(text))
		return err_set(err, ERR_INVALID,
			"%s: no path can hold it; leave out \"/\", \"\\\" and control characters",
			key);
	return 0;
}

static int check_saved(
	struct engine *engine, const struct request *request, struct val *document, struct err *err)
{
	if (!val_is_map(*document))
		return err_set(err, ERR_INVALID, "a pipeline is a JSON object");
	struct val name_value = val_get(*document, "name");
	struct str name = str_trim(val_as_str(&name_value));
	struct val application_value = val_get(*document, "application");
	if (fields_strict(saved_fields, *document, "", err) < 0 ||
		check_saved_name("name", name_value, err) < 0 ||
		check_saved_name("application", application_value, err) < 0)
		return -1;
	const char *application = val_text(&application_value);
	if (name.length != val_as_str(&name_value).length) {
		_cleanup_free_ char *trimmed = xstrndup(name.bytes, name.length);
		val_set(document, "name", val_string(trimmed));
	}
	const char *id = val_get_text(*document, "id", "");
	struct val same_name = request_find_pipeline(
		engine, application, val_get_text(*document, "name", ""), true);
	if (!val_is_null(same_name) && strcmp(val_get_text(same_name, "id", ""), id) != 0)
		return err_set(err, ERR_INVALID,
			"A pipeline with name %s already exists in application %s",
			val_get_text(*document, "name", ""), application);
	struct val *stored = *id ? map_get(&engine->pipelines, str_of(id)) : NULL;
	if (request->stale_check && stored &&
		!val_equal(val_get(*stored, "lastModified"), val_get(*document, "lastModified")))
		return err_set(err, ERR_INVALID,
			"The submitted pipeline is stale: it was changed by somebody else since it was read");
	if (stored && val_is_null(val_get(*document, "index")) && val_has(*stored, "index"))
		val_set(document, "index", val_ref(val_get(*stored, "index")));
	return 0;
}

/* Cron triggers get ids; in a new pipeline all get fresh ones. */
static void set_trigger_ids(struct engine *engine, struct val *document, bool is_new)
{
	struct val *triggers = val_edit(document, "triggers");
	for (size_t i = 0; triggers && i < val_count(*triggers); i++) {
		struct val trigger = val_at(*triggers, i);
		if (strcmp(val_get_text(trigger, "type", ""), "cron") != 0 ||
			(!is_new && *val_get_text(trigger, "id", "")))
			continue;
		char id[37];
		uuid_make(&engine->ids, id);
		val_set(val_edit_at(triggers, i), "id", val_string(id));
	}
}

static void save_pipeline(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val document = val_ref(request->value);
	if (check_saved(engine, request, &document, &err) < 0) {
		reply_error(engine, request, &err);
		return;
	}
	bool is_new = *val_get_text(document, "id", "") == '\0';
	if (is_new) {
		char id[37];
		uuid_make(&engine->ids, id);
		val_set(&document, "id", val_string(id));
	}
	set_trigger_ids(engine, &document, is_new);
	int64_t now = clock_now_ms(engine->clock);
	val_set(&document, "lastModified", val_int(now));
	val_set(&document, "updateTs", val_format("%lld", (long long)now));
	val_set(&document, "lastModifiedBy", val_string(request->user ? request->user : "anonymous"));
	bool known = map_get(&engine->pipelines, str_of(val_get_text(document, "id", ""))) != NULL;
	keep_pipeline(engine, document);
	store_put_pipeline(&engine->batch->store, document);
	event_config(engine, document, known ? "update" : "create", request->user);
	engine_reply(engine, request, val_ref(document), NULL);
}

static void delete_pipeline(struct engine *engine, struct request *request)
{
	struct val found = request_find_pipeline(engine, request->application, request->name, true);
	if (!val_is_null(found)) {
		_cleanup_free_ char *id = xstrdup(val_get_text(found, "id", ""));
		event_config(engine, found, "delete", request->user);
		store_delete_pipeline(&engine->batch->store, id);
		struct val *boxed = map_remove(&engine->pipelines, str_of(id));
		val_free(boxed);
		free(boxed);
	}
	engine_reply(engine, request, VAL_NULL, NULL);
}

/* ---- runs ------------------------------------------------------------------------------------------------------------------------ */

/* The store still has a run whose deletion is on its way there. */
static int check_not_deleted(const struct engine *engine, const char *id, struct err *err)
{
	if (!map_get(&engine->deleted, str_of(id)))
		return 0;
	return err_set(err, ERR_NOT_FOUND, "Pipeline execution not found (id: %s)", id);
}

/* The status of a run that is not in memory, as it is stored; -1 with ERR_NOT_FOUND when there is none. */
static int stored_status(struct engine *engine, const char *id, enum status *ret, struct err *err)
{
	_cleanup_(val_free) struct val head = VAL_NULL;
	if (check_not_deleted(engine, id, err) < 0 ||
		store_get_head(engine->setup.store, id, &head, err) < 0)
		return -1;
	struct val status = val_get(head, "status");
	if (!status_parse(val_as_str(&status), ret))
		return err_set(err, ERR_NOT_FOUND, "Pipeline execution not found (id: %s)", id);
	return 0;
}

struct run *request_find_run(
	struct engine *engine, const char *id, enum status *ret_end, struct err *err)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	*ret_end = STATUS_NOT_STARTED;
	if (run && run->completed)
		*ret_end = run->execution->status;
	else if (!run)
		stored_status(engine, id, ret_end, err);
	return run;
}

int request_is_known_run(struct engine *engine, const char *id, bool *ret, struct err *err)
{
	enum status end;
	*ret = map_get(&engine->deleted, str_of(id)) || request_find_run(engine, id, &end, err) ||
		!err->kind;
	if (err->kind && err->kind != ERR_NOT_FOUND)
		return -1;
	err_clear(err);
	return 0;
}

static void run_cancel(struct run *run, const char *user, const char *reason)
{
	_cleanup_err_ struct err none = ERR_INIT;
	if (run->completed || run->execution->canceled)
		return;
	if (run->execution->status == STATUS_PAUSED)
		run_resume(run, user, &none);
	struct execution *execution = run_edit(run);
	execution->canceled = true;
	stage_set_text(&execution->canceled_by, user ? user : "anonymous");
	stage_set_text(&execution->cancellation_reason, reason);
	run->winding = true;
	event_run(run);
	run_look_all_running(run);
	look_run(run);
}

void request_cancel_run(struct engine *engine, const char *id, const char *user, const char *reason)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	if (run)
		run_cancel(run, user, reason);
}

void request_cancel_from_above(struct run *run)
{
	struct engine *engine = run->engine;
	struct run *above = run, *between[LIMIT_PIPELINE_DEPTH + 1]; /* from RUN on up */
	size_t count = 0;
	while (!above->winding) {
		struct run *child = above;
		if (count > LIMIT_PIPELINE_DEPTH)
			return;
		between[count++] = child;
		above = map_get(&engine->runs, str_of(run_parent_id(child->execution)));
		if (!above || !task_holds_run(above, child->execution))
			return;
	}
	for (; count > 0; above = between[count]) {
		_cleanup_free_ char *reason = xasprintf(
			"its parent pipeline %s was canceled", above->execution->id);
		run_cancel(between[--count], above->execution->canceled_by, reason);
	}
}

/* A run that has ended stays as it is: the reply says so. */
static void cancel_run(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum status end;
	struct run *run = request_find_run(engine, request->key, &end, &err);
	if (err.kind) {
		reply_error(engine, request, &err);
		return;
	}
	struct val told = VAL_NULL;
	if (run && !status_is_complete(end)) {
		run_cancel(run, request->user, request->reason);
	} else {
		told = val_map();
		val_set(&told, "id", val_string(request->key));
		val_set(&told, "status", val_string(status_name(end)));
		val_set(&told, "message",
			val_string("the run had already ended; nothing was canceled"));
	}
	engine_reply(engine, request, told, NULL);
}

/* The configuration that a restart goes by: the one that came with it, else the one that is stored now. Borrowed. */
static struct val restart_config(
	struct engine *engine, const struct request *request, const struct run *run)
{
	if (val_is_list(val_get(request->value, "stages")))
		return request->value;
	const char *id = run->execution->config_id;
	struct val *stored = id ? map_get(&engine->pipelines, str_of(id)) : NULL;
	return stored ? *stored : VAL_NULL;
}

/*
 * A run that a stage of another one has started goes on, so that stage waits for it again, if its run has ended; and so on up (stages.md
 * 2.12). The mark keeps the stage from starting another child.
 */
static void restart_parents(
	struct engine *engine, const struct run *run, const struct job *job, const char *user)
{
	for (unsigned depth = 0; depth < LIMIT_PIPELINE_DEPTH; depth++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct run *parent = load_take(engine, job, run_parent_id(run->execution));
		if (!parent)
			return; /* it had none, or that is gone */
		struct val stage_id = val_get(run->execution->trigger, "parentPipelineStageId");
		size_t index = stage_find_id(parent->execution, val_as_str(&stage_id));
		if (parent->completed && index != STAGE_NONE) {
			struct stage *stage = run_stage_edit(parent, index, STAGE_PART_CONTEXT);
			val_set(&stage->context, "_skipPipelineRestart", val_bool(true));
			run_restart_stage(parent, index, VAL_NULL, user, &err);
		}
		run_ready(parent); /* leaves the memory again when nothing came of it */
		if (parent->completed || index == STAGE_NONE || err.kind)
			return;
		run = parent;
	}
}

static void restart_stage(struct engine *engine, struct request *request, struct job *job)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct run *run = load_take(engine, job, request->key);
	if (!run) {
		if (job->status < 0)
			err_move(&err, &job->err);
		else
			check_not_deleted(engine, request->key, &err);
		reply_error(engine, request, &err);
		return;
	}
	size_t index = stage_find_id(run->execution, str_of(request->stage_id));
	if (index == STAGE_NONE)
		err_set(&err, ERR_NOT_FOUND, "Stage not found (id: %s)", request->stage_id);
	else
		run_restart_stage(
			run, index, restart_config(engine, request, run), request->user, &err);
	if (!err.kind)
		restart_parents(engine, run, job, request->user);
	engine_reply(engine, request, VAL_NULL, &err);
	run_ready(run); /* leaves the memory again when nothing came of it */
}

void request_loaded(struct engine *engine, struct job *job)
{
	struct request request = take(job->request);
	if (load_is_good(engine, job))
		restart_stage(engine, &request, job);
	else
		request_load(engine, &request);
	request_clear(&request);
}

static void pause_or_resume(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum status end;
	struct run *run = request_find_run(engine, request->key, &end, &err);
	if (status_is_complete(end))
		err_set(&err, ERR_CONFLICT, "the run has ended (%s)", status_name(end));
	else if (run && request->kind == REQUEST_PAUSE)
		run_pause(run, request->user, &err);
	else if (run)
		run_resume(run, request->user, &err);
	if (err.kind)
		reply_error(engine, request, &err);
	else
		engine_reply(engine, request, VAL_NULL, NULL);
}

static void delete_execution(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum status end;
	struct run *run = request_find_run(engine, request->key, &end, &err);
	if (run && !status_is_complete(end))
		err_set(&err, ERR_CONFLICT, "the run is still going; cancel it first");
	else if (run) /* its rows would be written after they were deleted */
		err_set(&err, ERR_CONFLICT, "the end of the run is being saved; try again");
	if (err.kind) {
		reply_error(engine, request, &err);
		return;
	}
	store_delete_execution(&engine->batch->store, request->key);
	struct effect deleted = { .kind = EFFECT_DELETED };
	snprintf(deleted.execution_id, sizeof(deleted.execution_id), "%s", request->key);
	map_put(&engine->deleted, str_of(deleted.execution_id), engine);
	load_spoil(engine, deleted.execution_id);
	engine_effect(engine, deleted);
	engine_reply(engine, request, VAL_NULL, NULL);
}

/* ---- what is going on ---------------------------------------------------------------------------------------------------------- */

/* Why a run goes on with none of its stages; owned. */
static char *standstill(const struct run *run)
{
	const struct execution *execution = run->execution;
	if (run->in_line)
		return xstrdup(
			"waits until another run of its pipeline ends (limitConcurrent, maxConcurrentExecutions)");
	if (execution->status == STATUS_PAUSED)
		return xasprintf("paused by %s", val_get_text(execution->paused, "pausedBy", "?"));
	return xstrdup("no stage of it runs");
}

static struct val stage_row(const struct stage *stage)
{
	struct val row = val_map();
	val_set(&row, "refId", val_string(stage->ref_id));
	val_set(&row, "name", val_string(stage->name));
	val_set(&row, "type", val_string(stage->type));
	return row;
}

/* A stage that nobody meant to skip: whether it is enabled could not be told. */
static void add_skipped(struct val *stages, const struct stage *stage)
{
	struct val summary = val_get(stage->context, "expressionEvaluationSummary");
	if (val_count(summary) == 0)
		return;
	struct val first = val_at(val_value_at(summary, 0), 0);
	struct val row = stage_row(stage);
	val_set(&row, "text", val_format("skipped: %s", val_get_text(first, "description", "")));
	val_append(stages, row);
}

/* What each running stage does; of a run that has none, one row says why. */
static struct val state_of(const struct run *run)
{
	struct val stages = val_list();
	bool any_runs = false;
	for (size_t i = 0; i < stage_count(run->execution); i++) {
		const struct stage *stage = run_stage(run, i);
		const struct stage_run *mine = run->stages[i];
		if (stage->status == STATUS_SKIPPED)
			add_skipped(&stages, stage);
		if (stage->status != STATUS_RUNNING)
			continue;
		any_runs = true;
		struct val state = stage_row(stage);
		const struct task *task = mine->current < stage->task_count ?
			&stage->tasks[mine->current] :
			NULL;
		if (task)
			val_set(&state, "task", val_string(task->name));
		val_set(&state, "inFlight", val_bool(mine->job != NULL));
		if (mine->job)
			val_set(&state, "since", val_int(mine->job->now_ms));
		if (mine->job && mine->job->slot)
			val_set(&state, "slot", val_string(mine->job->slot));
		if (mine->job && mine->job->queue)
			val_set(&state, "queuedSince", val_int(mine->job->queued_ms));
		if (mine->job && mine->job->queue == &run->engine->at_work)
			val_set(&state, "waitsForWorker", val_bool(true));
		if (mine->timer.place)
			val_set(&state, "nextLook", val_int(mine->timer.due_ms));
		struct val keys = val_list();
		for (size_t w = 0; w < mine->waiters.count; w++)
			val_append(&keys, val_string(mine->waiters.items[w]->key->name));
		val_set(&state, "waitsFor", keys);
		val_set(&state, "text", task ? val_ref(task->waiting_for) : VAL_NULL);
		val_append(&stages, state);
	}
	if (!any_runs) {
		_cleanup_free_ char *text = standstill(run);
		struct val state = val_map();
		val_set(&state, "text", val_string(text));
		val_append(&stages, state);
	}
	return stages;
}

static void state(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum status end;
	if (request->key && !atomic_load(&engine->stuck) &&
		!request_find_run(engine, request->key, &end, &err) && err.kind) {
		engine_reply(engine, request, VAL_NULL, &err);
		return;
	}
	struct val all = val_map();
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *run; map_next(&engine->runs, &cursor, &key, &run);)
		if (!request->key || str_is(key, request->key))
			val_set_str(&all, key, state_of(run));
	if (!atomic_load(&engine->stuck)) {
		engine_reply(engine, request, all, NULL);
		return;
	}
	_cleanup_err_ struct err none = ERR_INIT; /* not with the batch, which may take long */
	if (request->reply)
		request->reply(request->data, all, &none);
	val_free(&all);
}

void request_handle(struct engine *engine, struct request *request)
{
	switch (request->kind) {
	case REQUEST_START:
		request_start(engine, request);
		break;
	case REQUEST_CANCEL:
		cancel_run(engine, request);
		break;
	case REQUEST_PATCH_STAGE:
		request_patch(engine, request);
		break;
	case REQUEST_RESTART_STAGE:
		request_load(engine, request);
		break;
	case REQUEST_PAUSE:
	case REQUEST_RESUME:
		pause_or_resume(engine, request);
		break;
	case REQUEST_DELETE_EXECUTION:
		delete_execution(engine, request);
		break;
	case REQUEST_SAVE_PIPELINE:
		save_pipeline(engine, request);
		break;
	case REQUEST_DELETE_PIPELINE:
		delete_pipeline(engine, request);
		break;
	case REQUEST_STATE:
		state(engine, request);
		break;
	}
	request_clear(request);
}
