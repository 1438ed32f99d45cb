/*
 * Runs that have ended are in the store only. A request that needs them waits while a worker reads them, and is handled when they are there.
 */
#include "engine/internal.h"

struct job *request_on_worker(
	struct engine *engine, struct request *request, enum job_kind kind, const char *slot)
{
	struct job *job = xnew(struct job);
	job->kind = kind;
	job->slot = xstrdup(slot);
	job->engine = engine;
	job->cancel = cancel_new();
	job->now_ms = clock_now_ms(engine->clock);
	job->wake_seq = engine->wake_seq;
	job->request = xnew(struct request);
	*job->request = take(request);
	job_track(engine, job);
	engine_effect(engine, (struct effect){ .kind = EFFECT_DISPATCH, .job = job });
	return job;
}

bool job_is_request(const struct job *job)
{
	return job->kind == JOB_SUBMIT || job->kind == JOB_LOAD;
}

void request_load(struct engine *engine, struct request *request)
{
	engine->loads++;
	request_on_worker(engine, request, JOB_LOAD, "store");
}

void load_perform(struct job *job)
{
	const struct store *store = job->engine->setup.store;
	const char *id = job->request->key;
	for (unsigned depth = 0; depth <= LIMIT_PIPELINE_DEPTH && *id; depth++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct execution *execution;
		if (store->type->load_execution(job->engine->setup.store, id, &execution, &err) < 0) {
			if (depth == 0) {
				job->status = -1;
				err_move(&job->err, &err);
			}
			return; /* a run above that is gone is not restarted */
		}
		vec_push(&job->loaded, execution);
		if (!status_is_complete(execution->status))
			return; /* it is in the engine's memory */
		id = run_parent_id(execution);
	}
}

const char *run_parent_id(const struct execution *execution)
{
	struct val trigger = execution->trigger;
	if (!*val_get_text(trigger, "parentPipelineStageId", ""))
		return "";
	return val_get_text(val_get(trigger, "parentExecution"), "id", "");
}

void loaded_free(struct job *job)
{
	for (size_t i = 0; i < job->loaded.count; i++)
		execution_unref(job->loaded.items[i]);
	vec_free(&job->loaded);
}

void load_spoil(struct engine *engine, const char *id)
{
	if (engine->loads > 0)
		map_put(&engine->spoiled, str_of(id), engine);
}

bool load_is_good(struct engine *engine, struct job *job)
{
	bool good = true;
	for (size_t i = 0; i < job->loaded.count; i++)
		good &= !map_get(&engine->spoiled, str_of(job->loaded.items[i]->id));
	if (--engine->loads == 0)
		map_free(&engine->spoiled);
	return good;
}

struct run *load_take(struct engine *engine, const struct job *job, const char *id)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	for (size_t i = 0; i < job->loaded.count && !run && !map_get(&engine->deleted, str_of(id));
		i++) {
		struct execution *execution = job->loaded.items[i];
		if (strcmp(execution->id, id) != 0)
			continue;
		run = run_new(engine, execution_ref(execution));
		run->completed = run->saved = true;
	}
	return run;
}
