/*
 * The journal: what changed, in the shape of the event stream ({"event", "at", "data"}; docs/reference/events.md). Events carry
 * keys and values that changed, so that a run can be shown as it was.
 */
#include "engine/internal.h"
#include "model/secrets.h"

static void event_add(
	struct engine *engine, const char *execution_id, const char *kind, struct val data)
{
	struct val event = val_map();
	val_set(&event, "event", val_string(kind));
	val_set(&event, "at", val_int(clock_now_ms(engine->clock)));
	val_set(&event, "data", data);
	store_event(&engine->batch->store, execution_id, event);
	val_free(&event);
}

static void set_ms(struct val *map, const char *key, int64_t ms)
{
	if (ms)
		val_set(map, key, val_int(ms));
}

void event_run(struct engine *engine, const struct execution *execution)
{
	struct val data = val_map();
	val_set(&data, "id", val_string(execution->id));
	val_set(&data, "app", val_string(execution->application));
	if (execution->config_id)
		val_set(&data, "config", val_string(execution->config_id));
	val_set(&data, "name", val_string(execution->name));
	val_set(&data, "status", val_string(status_name(execution->status)));
	set_ms(&data, "start", execution->start_ms);
	set_ms(&data, "end", execution->end_ms);
	val_set(&data, "by", val_string(execution->user ? execution->user : "anonymous"));
	if (execution->canceled) {
		val_set(&data, "canceled", val_bool(true));
		val_set(&data, "reason", val_string(execution->cancellation_reason));
	}
	event_add(engine, execution->id, "run", data);
}

static struct val stage_data(const struct execution *execution, const struct stage *stage)
{
	struct val data = val_map();
	val_set(&data, "run", val_string(execution->id));
	val_set(&data, "stage", val_string(stage->id));
	val_set(&data, "ref", val_string(stage->ref_id));
	if (stage->parent != STAGE_NONE)
		val_set(&data, "parent", val_string(stage_at(execution, stage->parent)->id));
	val_set(&data, "type", val_string(stage->type));
	val_set(&data, "name", val_string(stage->name));
	val_set(&data, "status", val_string(status_name(stage->status)));
	set_ms(&data, "start", stage->start_ms);
	set_ms(&data, "end", stage->end_ms);
	return data;
}

void event_new_stage(struct engine *engine, const struct execution *execution, size_t index)
{
	const struct stage *stage = stage_at(execution, index);
	struct val data = stage_data(execution, stage);
	if (val_count(stage->context) > 0)
		val_set(&data, "context", secrets_masked(stage->context));
	event_add(engine, execution->id, "stage", data);
}

void event_stage(struct run *run, size_t index, struct val changed_context, struct val changed_outputs)
{
	const struct stage *stage = run_stage(run, index);
	const struct stage_run *mine = run->stages[index];
	struct val data = stage_data(run->execution, stage);
	const struct task *task = mine->current < stage->task_count ? &stage->tasks[mine->current] :
								      NULL;
	if (task && !val_is_null(task->waiting_for) && stage->status == STATUS_RUNNING) {
		struct val wait = val_map();
		val_set(&wait, "kind", val_string(mine->waiters.count > 0 ? "key" : "time"));
		set_ms(&wait, "until", task->next_run_ms);
		val_set(&wait, "text", val_ref(task->waiting_for));
		val_set(&data, "wait", wait);
	}
	if (val_count(changed_context) > 0)
		val_set(&data, "context", secrets_masked(changed_context));
	if (val_count(changed_outputs) > 0)
		val_set(&data, "outputs", secrets_masked(changed_outputs));
	event_add(run->engine, run->execution->id, "stage", data);
}

void event_task(struct run *run, size_t index, size_t task)
{
	const struct stage *stage = run_stage(run, index);
	struct val data = val_map();
	val_set(&data, "run", val_string(run->execution->id));
	val_set(&data, "stage", val_string(stage->id));
	val_set(&data, "name", val_string(stage->tasks[task].name));
	val_set(&data, "status", val_string(status_name(stage->tasks[task].status)));
	event_add(run->engine, run->execution->id, "task", data);
}

void event_said(struct run *run, size_t index, const char *kind, struct val said)
{
	struct val data = val_map();
	val_set(&data, "run", val_string(run->execution->id));
	val_set(&data, "stage", val_string(run_stage(run, index)->id));
	_cleanup_(val_free) struct val masked = secrets_masked(said);
	val_merge(&data, masked);
	event_add(run->engine, run->execution->id, kind, data);
}

void event_config(struct engine *engine, struct val document, const char *operation, const char *user)
{
	struct val data = val_map();
	val_set(&data, "app", val_ref(val_get(document, "application")));
	val_set(&data, "id", val_ref(val_get(document, "id")));
	val_set(&data, "name", val_ref(val_get(document, "name")));
	val_set(&data, "op", val_string(operation));
	val_set(&data, "by", val_string(user ? user : "anonymous"));
	val_set(&data, "lastModified", val_ref(val_get(document, "updateTs")));
	event_add(engine, NULL, "config", data);
}

void event_dropped(struct engine *engine, const struct job *job)
{
	struct val data = val_map();
	val_set(&data, "run", val_string(job->execution_id));
	val_set(&data, "task", val_string(job->row ? job->row->name : "evaluate"));
	val_set(&data, "dispatch", val_int((int64_t)job->dispatch));
	val_set(&data, "text", val_string("a late result was dropped"));
	event_add(engine, job->execution_id, "dropped", data);
}
