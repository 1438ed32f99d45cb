/*
 * The wait list (stages.md 2.10): a configuration that limits its concurrent executions lets runs wait, NOT_STARTED, until one ends.
 * Lines live in memory only: a restart looks at every run that has not started, and those that may not start line up again.
 */
#include "engine/internal.h"

#include "base/log.h"

struct line {
	char *config_id;
	size_t running;            /* runs of the configuration that are RUNNING */
	VEC(struct run *) waiters; /* in the order of their submission */
};

static struct line *line_get(struct engine *engine, const char *config_id)
{
	struct line *line = map_get(&engine->lines, str_of(config_id));
	if (!line) {
		line = xnew(struct line);
		line->config_id = xstrdup(config_id);
		map_put(&engine->lines, str_of(config_id), line);
	}
	return line;
}

static void line_free(struct engine *engine, struct line *line)
{
	map_remove(&engine->lines, str_of(line->config_id));
	vec_free(&line->waiters);
	free(line->config_id);
	free(line);
}

void lines_free(struct engine *engine)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *line; map_next(&engine->lines, &cursor, &key, &line);)
		line_free(engine, line);
	map_free(&engine->lines);
}

static void line_drop(struct line *line, struct run *run)
{
	for (size_t i = 0; i < line->waiters.count; i++) {
		if (line->waiters.items[i] != run)
			continue;
		memmove(&line->waiters.items[i], &line->waiters.items[i + 1],
			(line->waiters.count - i - 1) * sizeof(run));
		line->waiters.count--;
		run->in_line = false;
		return;
	}
}

static void run_turn_away(struct run *run, const char *reason)
{
	struct execution *execution = run_edit(run);
	execution->canceled = true;
	stage_set_text(&execution->canceled_by, "gennaker");
	stage_set_text(&execution->cancellation_reason, reason);
	run->winding = true;
	look_run(run);
}

/* By the limit of this run's own configuration, as it was when it was submitted. */
static bool has_room(const struct line *line, const struct execution *execution)
{
	if (execution->limit_concurrent)
		return line->running == 0;
	return execution->max_concurrent <= 0 || line->running < (size_t)execution->max_concurrent;
}

bool line_admits(struct run *run)
{
	const struct execution *execution = run->execution;
	if (!execution->config_id || (!execution->limit_concurrent && execution->max_concurrent <= 0))
		return true;
	struct line *line = line_get(run->engine, execution->config_id);
	if (has_room(line, execution)) {
		line_drop(line, run);
		return true;
	}
	if (run->in_line)
		return false;
	if (line->waiters.count >= LIMIT_WAIT_LIST) {
		run_turn_away(run, "too many executions of this pipeline wait already");
		return false;
	}
	run->in_line = true;
	vec_push(&line->waiters, run);
	log_debug("waits for another run of its pipeline", "execution", execution->id);
	return false;
}

/* One waiter for the one that ended: the oldest, or the newest instead of all older ones, as the ended one's configuration says. */
static void line_release(struct line *line, bool keep_waiting)
{
	if (line->waiters.count == 0)
		return;
	size_t chosen = keep_waiting ? 0 : line->waiters.count - 1;
	struct run *next = line->waiters.items[chosen];
	for (size_t i = 0; !keep_waiting && i < chosen; i++)
		run_turn_away(
			line->waiters.items[i], "superseded by a newer execution of this pipeline");
	look_run(next);
}

void line_moved(struct run *run, enum status from, enum status to)
{
	const struct execution *execution = run->execution;
	if (!execution->config_id)
		return;
	struct line *line = line_get(run->engine, execution->config_id);
	if (from == STATUS_RUNNING && to != STATUS_RUNNING)
		line->running--;
	else if (from != STATUS_RUNNING && to == STATUS_RUNNING)
		line->running++;
	bool waited = run->in_line;
	if (waited && to != STATUS_NOT_STARTED)
		line_drop(line, run);
	if (status_is_complete(to) && from != STATUS_NOT_STARTED)
		line_release(line, execution->keep_waiting);
	else if (status_is_complete(to) && line->running == 0)
		line_release(line,
			true); /* it was next and did not start: nobody else would let one in */
	if (line->running == 0 && line->waiters.count == 0)
		line_free(run->engine, line);
}
