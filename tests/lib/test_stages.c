#include "lib/test_stages.h"

static enum err_kind kind_of(const char *name)
{
	for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++)
		if (strcmp(err_kind_name((enum err_kind)kind), name) == 0)
			return (enum err_kind)kind;
	return ERR_INTERNAL;
}

static void add_all(struct val *to, struct val from)
{
	if (val_count(from) > 0)
		val_merge(to, from);
}

static int run_as_told(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val told = val_get(in->stage->context, in->task->name);
	struct val status_text = val_is_map(told) ? val_get(told, "status") : told;
	int64_t delay = val_get_int(told, "delay", 0);
	int64_t wait = val_get_int(told, "wait", 0);
	enum status status;

	if (wait > 0 && in->task->attempts == 0)
		return task_again_at(out, in->now_ms + wait);
	if (delay > 0 && in->cancel && task_sleep(in, in->now_ms + delay, err) < 0)
		return -1;
	add_all(&out->context, val_get(told, "context"));
	add_all(&out->outputs, val_get(told, "outputs"));
	val_replace(&out->remove, val_ref(val_get(told, "remove")));
	if (val_has(told, "error"))
		return err_set(err, kind_of(val_get_text(told, "error", "")),
			"%s failed as it was told", in->task->name);
	if (!status_parse(val_as_str(&status_text), &status))
		status = STATUS_SUCCEEDED;
	return task_status(out, status);
}

static bool has_second(const struct task_input *in)
{
	return val_has(in->stage->context, "second");
}

static int plan(const struct task_input *in, const char *key, struct stage_plan *ret)
{
	val_replace(&ret->stages, val_ref(val_get(in->stage->context, key)));
	return 0;
}

static int plan_before(const struct task_input *in, struct stage_plan *ret, struct err *err)
{
	struct val told = val_get(in->stage->context, "planError");

	if ((int64_t)in->stage->attempts <
		val_get_int(told, "times", val_is_null(told) ? 0 : INT64_MAX))
		return err_set(err, kind_of(val_get_text(told, "error", "")),
			"planning failed as it was told");
	return plan(in, "before", ret);
}

static int plan_after(const struct task_input *in, struct stage_plan *ret, struct err *err)
{
	if (val_get_bool(in->stage->context, "afterError", false))
		return err_set(err, ERR_FAILED, "planning what follows failed as it was told");
	return plan(in, "after", ret);
}

static int plan_on_failure(const struct task_input *in, struct stage_plan *ret, struct err *err)
{
	return plan(in, "onFailure", ret);
}

const struct stage_type test_stage = {
	.name = "test",
	.tasks = ROWS(struct task_row, { .name = "first", .run = run_as_told },
		{ .name = "second", .run = run_as_told, .when = has_second }),
	.plan_before = plan_before,
	.plan_after = plan_after,
	.plan_on_failure = plan_on_failure,
};

const struct stage_type test_inline_stage = {
	.name = "testInline",
	.tasks = ROWS(struct task_row, { .name = "first", .run = run_as_told, .is_inline = true },
		{ .name = "second", .run = run_as_told, .is_inline = true, .when = has_second }),
	.plan_before = plan_before,
	.plan_after = plan_after,
	.plan_on_failure = plan_on_failure,
};

const struct stage_type test_nothing_stage = {
	.name = "testNothing",
	.plan_before = plan_before,
	.plan_after = plan_after,
	.plan_on_failure = plan_on_failure,
};

static int succeed(const struct task_input *in, struct task_result *out, struct err *err)
{
	return task_done(out);
}

static int loop_body(const struct task_input *in, struct task_result *out, struct err *err)
{
	struct val keys = val_ref(val_get(in->stage->context, "keys"));
	int64_t rounds = val_get_int(in->stage->context, "rounds", 1);

	val_append(&keys, val_string(strrchr(in->idempotency_key, '-')));
	bool over = (int64_t)val_count(keys) >= rounds;

	task_context(out, "keys", keys);
	return task_status(out, over ? STATUS_SUCCEEDED : STATUS_REDIRECT);
}

const struct stage_type test_loop_stage = {
	.name = "testLoop",
	.tasks = ROWS(struct task_row, { .name = "enter", .run = succeed, .loop_start = true },
		{ .name = "body", .run = loop_body },
		{ .name = "leave", .run = succeed, .loop_end = true }),
};
