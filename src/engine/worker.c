/*
 * Worker threads: elastic, each runs one job at a time in straight-line C. How many there are is bounded by LIMIT_WORKERS; how
 * many may be at one origin by slots, before a job comes here.
 */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "engine/internal.h"

struct workers {
	struct engine *engine;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	pthread_cond_t gone;
	struct job *first, **last;
	size_t queued, idle, threads;
	VEC(pthread_t) ended; /* threads that have come to their end and wait to be joined */
	bool end;
	atomic_bool starved; /* the last thread could not be started */
};

struct workers *workers_new(struct engine *engine)
{
	struct workers *workers = xnew(struct workers);
	workers->engine = engine;
	workers->last = &workers->first;
	pthread_mutex_init(&workers->mutex, NULL);
	pthread_cond_init(&workers->condition, NULL);
	pthread_cond_init(&workers->gone, NULL);
	return workers;
}

/* ---- what a job does ------------------------------------------------------------------------------------------------- */

static void perform_task(struct job *job)
{
	struct task_input in = {
		.execution = job->execution,
		.stage = stage_at(job->execution, job->stage),
		.stage_index = job->stage,
		.config = job->config,
		.world = job->engine->world,
		.cancel = job->cancel,
		.now_ms = job->now_ms,
		.idempotency_key = job->key,
		.timed_out = job->timed_out,
	};
	in.task = &in.stage->tasks[job->task];
	int (*function)(const struct task_input *, struct task_result *, struct err *) = job->row->run;
	if (job->kind == JOB_RECOVER)
		function = job->row->recover;
	if (job->kind == JOB_CANCEL)
		function = job->row->cancel;
	job->status = function(&in, &job->result, &job->err);
	/* "It has not happened": then run it now, under the same idempotency key. */
	if (job->kind == JOB_RECOVER && job->status == 0 && job->result.status == STATUS_NOT_STARTED)
		job->status = job->row->run(&in, &job->result, &job->err);
}

static void perform_evaluate(struct job *job, const struct evaluator *by)
{
	struct evaluated evaluated = { 0 };
	if (evaluate_stage(by, job->execution, job->stage, job->type, &evaluated) == EXPR_OK)
		job->evaluated = evaluated.context;
	else
		job->status = err_set(&job->err, ERR_TOO_LARGE,
			"the expressions of this stage need more than %d steps", LIMIT_EXPR_STEPS);
}

static void perform_enabled(struct job *job, const struct evaluator *by)
{
	_cleanup_free_ char *text = stage_enabled_text(job->execution, job->stage);
	if (text && evaluate_enabled(by, job->execution, job->stage, text, &job->evaluated) != EXPR_OK)
		job->status = err_set(&job->err, ERR_TOO_LARGE,
			"stageEnabled: its expression needs more than %d steps", LIMIT_EXPR_STEPS);
}

static void perform_submit(struct job *job, const struct evaluator *by)
{
	const char *name = val_get_text(job->request->value, "name", "");
	if (job->binds && start_bind(job, by, &job->err) < 0)
		job->status = -1;
	else if (evaluate_pipeline(by, job->engine->setup.registry, job->request->value,
			 &job->request->trigger, &job->evaluated) != EXPR_OK)
		job->status = err_set(&job->err, ERR_TOO_LARGE,
			"the expressions of pipeline \"%s\" need more than %d steps", name,
			LIMIT_EXPR_STEPS);
}

void job_perform(struct job *job)
{
	const struct evaluator by = { job->engine->world, job->cancel, job->now_ms };
	switch (job->kind) {
	case JOB_TASK:
	case JOB_RECOVER:
	case JOB_CANCEL:
		perform_task(job);
		return;
	case JOB_EVALUATE:
		perform_evaluate(job, &by);
		break;
	case JOB_ENABLED:
		perform_enabled(job, &by);
		break;
	case JOB_SUBMIT:
	case JOB_CHILD:
		perform_submit(job, &by);
		break;
	case JOB_LOAD:
		load_perform(job);
		break;
	}
	if (cancel_is_set(job->cancel)) { /* then a URL may not have been fetched: it is no result */
		val_free(&job->evaluated);
		job->status = err_set(
			&job->err, ERR_CANCELED, "canceled while expressions were evaluated");
	}
	if (job->kind == JOB_CHILD && job->status < 0)
		job->result.status = STATUS_RUNNING; /* the task has not come to its end */
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

static struct job *worker_next(struct workers *workers)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_WORKER_IDLE_MS / 1000;
	workers->idle++;
	while (!workers->first && !workers->end) {
		if (pthread_cond_timedwait(&workers->condition, &workers->mutex, &until) == ETIMEDOUT)
			break;
	}
	workers->idle--;
	struct job *job = workers->first;
	if (!job)
		return NULL;
	workers->first = job->next;
	if (!workers->first)
		workers->last = &workers->first;
	workers->queued--;
	return job;
}

static void *worker_main(void *data)
{
	struct workers *workers = data;
	struct engine *engine = workers->engine;
	pthread_mutex_lock(&workers->mutex);
	for (struct job *job; (job = worker_next(workers));) {
		pthread_mutex_unlock(&workers->mutex);
		job_perform(job);
		struct message *message = xnew(struct message);
		message->kind = MESSAGE_RESULT;
		message->job = job;
		inbox_push(engine, message);
		clock_release(engine->clock); /* the job's */
		pthread_mutex_lock(&workers->mutex);
	}
	workers->threads--;
	vec_push(&workers->ended, pthread_self());
	pthread_cond_signal(&workers->gone);
	pthread_mutex_unlock(&workers->mutex);
	return NULL;
}

/* Joins those that have ended, so that what libraries keep for each thread is gone with it. Called and left with the mutex held. */
static void join_ended(struct workers *workers)
{
	while (workers->ended.count > 0) {
		pthread_t thread = workers->ended.items[--workers->ended.count];
		pthread_mutex_unlock(&workers->mutex); /* it may be about to unlock it itself */
		pthread_join(thread, NULL);
		pthread_mutex_lock(&workers->mutex);
	}
}

static void worker_start(struct workers *workers)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	join_ended(workers);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	pthread_attr_setstacksize(&attributes, LIMIT_WORKER_STACK_BYTES);
#endif
	pthread_t thread;
	bool started = pthread_create(&thread, &attributes, worker_main, workers) == 0;
	if (started)
		workers->threads++;
	else if (!atomic_load(&workers->starved))
		log_error("cannot start a worker thread; trying again");
	atomic_store(&workers->starved, !started);
	pthread_attr_destroy(&attributes);
}

static bool needs_worker(const struct workers *workers)
{
	return workers->idle < workers->queued && workers->threads < LIMIT_WORKERS;
}

bool workers_starve(const struct workers *workers)
{
	return atomic_load(&workers->starved);
}

void workers_retry(struct workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	if (needs_worker(workers))
		worker_start(workers);
	else
		atomic_store(&workers->starved, false);
	pthread_mutex_unlock(&workers->mutex);
}

void workers_push(struct workers *workers, struct job *job)
{
	clock_hold(workers->engine->clock);
	pthread_mutex_lock(&workers->mutex);
	job->next = NULL;
	*workers->last = job;
	workers->last = &job->next;
	workers->queued++;
	if (needs_worker(workers))
		worker_start(workers);
	pthread_cond_signal(&workers->condition);
	pthread_mutex_unlock(&workers->mutex);
}

void workers_metrics(struct workers *workers, struct val *metrics)
{
	pthread_mutex_lock(&workers->mutex);
	val_set(metrics, "gennaker_workers", val_int((int64_t)workers->threads));
	val_set(metrics, "gennaker_workers_idle", val_int((int64_t)workers->idle));
	pthread_mutex_unlock(&workers->mutex);
}

void workers_free(struct workers *workers)
{
	pthread_mutex_lock(&workers->mutex);
	workers->end = true;
	while (workers->first) { /* not begun: the next start does it */
		struct job *job = workers->first;
		workers->first = job->next;
		job_forget(workers->engine, job);
		clock_release(workers->engine->clock);
	}
	pthread_cond_broadcast(&workers->condition);
	while (workers->threads > 0)
		pthread_cond_wait(&workers->gone, &workers->mutex);
	join_ended(workers);
	pthread_mutex_unlock(&workers->mutex);
	vec_free(&workers->ended);
	pthread_cond_destroy(&workers->condition);
	pthread_cond_destroy(&workers->gone);
	pthread_mutex_destroy(&workers->mutex);
	free(workers);
}
