/*
 * Wait: goes on after a time. Exact to the millisecond where Orca polls; done strictly after startTime + waitTime.
 */
#include "stage/stages.h"

struct wait_config {
	struct secs wait_time;
	bool skip_remaining_wait;
};

static int wait_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct wait_config *config = in->config;
	int64_t until = in->stage->start_ms + config->wait_time.ms;
	(void)err;
	if (config->skip_remaining_wait || config->wait_time.ms <= 0 || in->now_ms > until)
		return task_done(out);
	task_says(out, "waiting %lld s", (long long)(config->wait_time.ms / 1000));
	return task_again_at(out, until + 1);
}

const struct stage_type wait_stage = {
	.name = "wait",
	.title = { "Wait", "等待" },
	.summary = { "Waits for a given time, then goes on.", "等待一定的时间后继续执行。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct wait_config, wait_time, "waitTime", .preset = "0",
			.title = { "Wait time", "等待时间" },
			.help = { "Seconds; an expression is fine; nothing means 0.",
				"秒数，可以使用表达式；不填为 0。" }),
		FIELD(struct wait_config, skip_remaining_wait, "skipRemainingWait",
			.flags = FIELD_SET_AT_RUN, .title = { "Skip the rest", "跳过剩余等待" },
			.help = { "True (by a PATCH of the running stage) ends the wait at once.",
				"通过 PATCH 设为 true 时立即结束等待。" }),
		FIELD_KNOWN("skipWaitText", FIELD_STRING, .flags = FIELD_UI,
			.title = { "Text for skipping", "跳过等待提示" })),
	.config_size = sizeof(struct wait_config),
	.tasks = ROWS(struct task_row, { .name = "wait", .run = wait_run, .is_inline = true }),
};
