/*
 * The journal: what changed, in the shape of the event stream ({"event", "at", "data"}; docs/reference/events.md). Events carry
 * keys and values that changed, so that a run can be shown as it was. They are written as the text that is stored: a run has more
 * of them than of anything else.
 */
#include "base/json.h"
#include "engine/internal.h"
#include "model/secrets.h"

#define LIST_BYTES 2000 /* of the usual list */

void events_flush(struct engine *engine, struct event_list *list, const char *execution_id)
{
	if (list->count > 0) {
		strbuf_add_char(&list->text, ']');
		store_events(&engine->batch->store, execution_id, &list->text, list->count);
	}
	strbuf_free(&list->text);
	list->count = 0;
}

/* The members of its data are to follow. */
static struct strbuf *event_begin(struct engine *engine, struct event_list *list, const char *kind)
{
	struct strbuf *text = &list->text;
	if (list->count == 0) {
		*text = STRBUF_INIT(SIZE_MAX / 2);
		strbuf_reserve(text, LIST_BYTES);
	}
	strbuf_add_char(text, list->count == 0 ? '[' : ',');
	list->begin = text->length;
	strbuf_add_char(text, '{');
	json_put_text(text, "event", kind);
	json_put_int(text, "at", clock_now_ms(engine->clock));
	json_put_key(text, "data");
	strbuf_add_char(text, '{');
	return text;
}

/* A large one goes its own way, so that the store takes its values out of it. */
static void event_split(struct engine *engine, struct event_list *list, const char *execution_id)
{
	struct str text = str_slice(strbuf_str(&list->text), list->begin, list->text.length);
	_cleanup_(val_free) struct val event = json_reread(text);
	list->text.length = list->begin - 1;
	events_flush(engine, list, execution_id);
	store_event(&engine->batch->store, execution_id, event);
}

static void event_end(struct engine *engine, struct event_list *list, const char *execution_id)
{
	strbuf_add_text(&list->text, "}}");
	size_t length = list->text.length - list->begin;
	if (length > LIMIT_INLINE_VALUE_BYTES) {
		event_split(engine, list, execution_id);
		return;
	}
	engine->batch->store.bytes +=
		length; /* they are in no batch yet, but a batch must not grow too large with them */
	if (++list->count == LIMIT_EVENTS_OF_ROW)
		events_flush(engine, list, execution_id);
}

static struct strbuf *run_event_begin(struct run *run, const char *kind)
{
	run_changed(run);
	return event_begin(run->engine, &run->events, kind);
}

static void run_event_end(struct run *run)
{
	event_end(run->engine, &run->events, run->execution->id);
}

static void put_run(struct strbuf *text, const struct execution *execution)
{
	json_put_text(text, "id", execution->id);
	json_put_text(text, "app", execution->application);
	json_put_text(text, "config", execution->config_id);
	json_put_text(text, "name", execution->name);
	json_put_text(text, "status", status_name(execution->status));
	json_put_nonzero(text, "start", execution->start_ms);
	json_put_nonzero(text, "end", execution->end_ms);
	json_put_text(text, "by", execution->user ? execution->user : "anonymous");
	if (execution->canceled) {
		json_put_bool(text, "canceled", true);
		json_put_text(text, "reason", execution->cancellation_reason);
	}
}

static void put_stage(
	struct strbuf *text, const struct execution *execution, const struct stage *stage)
{
	json_put_text(text, "run", execution->id);
	json_put_text(text, "stage", stage->id);
	json_put_text(text, "ref", stage->ref_id);
	if (stage->parent != STAGE_NONE)
		json_put_text(text, "parent", stage_at(execution, stage->parent)->id);
	json_put_text(text, "type", stage->type);
	json_put_text(text, "name", stage->name);
	json_put_text(text, "status", status_name(stage->status));
	json_put_nonzero(text, "start", stage->start_ms);
	json_put_nonzero(text, "end", stage->end_ms);
}

static void put_masked(struct strbuf *text, const char *key, struct val map)
{
	if (val_count(map) == 0)
		return;
	_cleanup_(val_free) struct val masked = secrets_masked(map);
	json_put_value(text, key, masked);
}

void event_run(struct run *run)
{
	put_run(run_event_begin(run, "run"), run->execution);
	run_event_end(run);
}

static void put_new_stage(struct strbuf *text, const struct execution *execution, size_t index)
{
	const struct stage *stage = stage_at(execution, index);
	put_stage(text, execution, stage);
	put_masked(text, "context", stage->context);
}

void event_new_stage(struct run *run, size_t index)
{
	put_new_stage(run_event_begin(run, "stage"), run->execution, index);
	run_event_end(run);
}

void event_refused(struct engine *engine, const struct execution *execution)
{
	struct event_list list = { 0 };
	put_run(event_begin(engine, &list, "run"), execution);
	event_end(engine, &list, execution->id);
	for (size_t i = 0; i < stage_count(execution); i++) {
		put_new_stage(event_begin(engine, &list, "stage"), execution, i);
		event_end(engine, &list, execution->id);
	}
	events_flush(engine, &list, execution->id);
}

static void put_wait(struct strbuf *text, const struct task *task, bool for_key)
{
	json_put_key(text, "wait");
	strbuf_add_char(text, '{');
	json_put_text(text, "kind", for_key ? "key" : "time");
	json_put_nonzero(text, "until", task->next_run_ms);
	json_put_value(text, "text", task->waiting_for);
	strbuf_add_char(text, '}');
}

void event_stage(struct run *run, size_t index, struct val changed_context, struct val changed_outputs)
{
	const struct stage *stage = run_stage(run, index);
	const struct stage_run *mine = run->stages[index];
	struct strbuf *text = run_event_begin(run, "stage");
	put_stage(text, run->execution, stage);
	const struct task *task = mine->current < stage->task_count ? &stage->tasks[mine->current] :
								      NULL;
	if (task && !val_is_null(task->waiting_for) && stage->status == STATUS_RUNNING)
		put_wait(text, task, mine->waiters.count > 0);
	put_masked(text, "context", changed_context);
	put_masked(text, "outputs", changed_outputs);
	run_event_end(run);
}

void event_task(struct run *run, size_t index, size_t task)
{
	const struct stage *stage = run_stage(run, index);
	struct strbuf *text = run_event_begin(run, "task");
	json_put_text(text, "run", run->execution->id);
	json_put_text(text, "stage", stage->id);
	json_put_text(text, "name", stage->tasks[task].name);
	json_put_text(text, "status", status_name(stage->tasks[task].status));
	run_event_end(run);
}

void event_said(struct run *run, size_t index, const char *kind, struct val said)
{
	struct val data = val_map();
	val_set(&data, "run", val_string(run->execution->id));
	val_set(&data, "stage", val_string(run_stage(run, index)->id));
	_cleanup_(val_free) struct val masked = secrets_masked(said);
	val_merge(&data, masked);
	struct strbuf *text = run_event_begin(run, kind);
	for (size_t i = 0; i < val_count(data); i++)
		json_put_member(text, val_key_at(data, i), val_value_at(data, i));
	run_event_end(run);
	val_free(&data);
}

void event_config(struct engine *engine, struct val document, const char *operation, const char *user)
{
	struct event_list list = { 0 };
	struct strbuf *text = event_begin(engine, &list, "config");
	json_put_value(text, "app", val_get(document, "application"));
	json_put_value(text, "id", val_get(document, "id"));
	json_put_value(text, "name", val_get(document, "name"));
	json_put_text(text, "op", operation);
	json_put_text(text, "by", user ? user : "anonymous");
	json_put_value(text, "lastModified", val_get(document, "updateTs"));
	event_end(engine, &list, NULL);
	events_flush(engine, &list, NULL);
}

void event_dropped(struct engine *engine, const struct job *job)
{
	struct event_list list = { 0 };
	struct strbuf *text = event_begin(engine, &list, "dropped");
	json_put_text(text, "run", job->execution_id);
	json_put_text(text, "task", job->row ? job->row->name : "evaluate");
	json_put_int(text, "dispatch", (int64_t)job->dispatch);
	json_put_text(text, "text", "a late result was dropped");
	event_end(engine, &list, job->execution_id);
	events_flush(engine, &list, job->execution_id);
}
