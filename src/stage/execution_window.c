/*
 * The stage before one that may start only inside a time window (stages.md 2.8): restrictExecutionDuringTimeWindow, and the plan that
 * puts it there. Times are in the engine's zone (settings: tasks.executionWindow.timezone); days are counted as upstream does, 1 = Sunday.
 * Where upstream polls every 30 s this waits for the exact moment.
 */
#include <stdlib.h>
#include <string.h>

#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "stage/stages.h"

#define DEFAULT_ZONE "America/Los_Angeles"
#define DAYS_AHEAD 8

struct window_config {
	struct val window; /* restrictedExecutionWindow */
	bool skip_remaining_wait;
};

/* Minutes of a day; both ends count, the last to its 59th second. */
struct span {
	int from, to;
};
struct spans {
	VEC(struct span) list;
};

static int number_of(struct val map, const char *key)
{
	struct val value = val_get(map, key);
	int64_t number = 0;
	if (!val_as_int(value, &number))
		str_to_int(str_trim(val_as_str(&value)), &number);
	return (int)number;
}

static void spans_free(struct spans *spans)
{
	vec_free(&spans->list);
}

static void span_add(struct spans *spans, int from, int to)
{
	struct span span = { .from = from, .to = to };
	vec_push(&spans->list, span);
}

/* A window that ends in an earlier hour than it begins goes over midnight. */
static void spans_read(struct val window, struct spans *ret)
{
	struct val list = val_get(window, "whitelist");
	for (size_t i = 0; i < val_count(list); i++) {
		struct val row = val_at(list, i);
		int start_hour = number_of(row, "startHour"), end_hour = number_of(row, "endHour");
		int from = start_hour * 60 + number_of(row, "startMin");
		int to = end_hour * 60 + number_of(row, "endMin");
		if (start_hour > end_hour) {
			span_add(ret, from, 24 * 60 - 1);
			span_add(ret, 0, to);
		} else {
			span_add(ret, from, to);
		}
	}
	if (ret->list.count == 0 && val_count(val_get(window, "days")) > 0)
		span_add(ret, 0, 24 * 60 - 1);
}

static bool day_is_allowed(struct val days, int day)
{
	for (size_t i = 0; i < val_count(days); i++) {
		int64_t allowed = 0;
		struct val value = val_at(days, i);
		if (!val_as_int(value, &allowed))
			str_to_int(val_as_str(&value), &allowed);
		if (allowed == day)
			return true;
	}
	return val_count(days) == 0;
}

static UCalendar *calendar_open(const char *zone, struct err *err)
{
	UChar name[128];
	UErrorCode status = U_ZERO_ERROR;
	u_uastrncpy(name, zone, sizeof(name) / sizeof(name[0]) - 1);
	name[sizeof(name) / sizeof(name[0]) - 1] = 0;
	UChar canonical[128];
	UBool known = 0;
	ucal_getCanonicalTimeZoneID(name, -1, canonical, 128, &known, &status);
	UCalendar *calendar = U_SUCCESS(status) ?
		ucal_open(name, -1, "en_US", UCAL_GREGORIAN, &status) :
		NULL;
	if (!calendar || U_FAILURE(status)) {
		err_set(err, ERR_INVALID, "tasks.executionWindow.timezone: there is no zone \"%s\"",
			zone);
		return NULL;
	}
	return calendar;
}

int window_check_zone(const char *zone, struct err *err)
{
	UCalendar *calendar = calendar_open(zone, err);
	if (!calendar)
		return -1;
	ucal_close(calendar);
	return 0;
}

/*
 * *RET_NEXT_MS: 0 when NOW_MS is inside the window, else the moment when it opens next; -1 when it never does.
 */
int window_next_start(
	struct val window, const char *zone, int64_t now_ms, int64_t *ret_next_ms, struct err *err)
{
	_cleanup_(spans_free) struct spans spans = { 0 };
	spans_read(window, &spans);
	if (spans.list.count == 0)
		return err_set(err, ERR_INVALID,
			"restrictedExecutionWindow: it has neither days nor hours");
	UCalendar *calendar = calendar_open(zone, err);
	if (!calendar)
		return -1;
	UErrorCode status = U_ZERO_ERROR;
	struct val days = val_get(window, "days");
	int64_t best = -1;
	for (int day = 0; day <= DAYS_AHEAD && best != 0; day++) {
		ucal_setMillis(calendar, (double)now_ms, &status);
		ucal_add(calendar, UCAL_DATE, day, &status);
		int minute = ucal_get(calendar, UCAL_HOUR_OF_DAY, &status) * 60 +
			ucal_get(calendar, UCAL_MINUTE, &status);
		if (!day_is_allowed(days, ucal_get(calendar, UCAL_DAY_OF_WEEK, &status)))
			continue;
		for (size_t i = 0; i < spans.list.count; i++) {
			struct span span = spans.list.items[i];
			if (day == 0 && minute >= span.from && minute <= span.to)
				best = 0;
			ucal_set(calendar, UCAL_HOUR_OF_DAY, span.from / 60);
			ucal_set(calendar, UCAL_MINUTE, span.from % 60);
			ucal_set(calendar, UCAL_SECOND, 0);
			ucal_set(calendar, UCAL_MILLISECOND, 0);
			int64_t at = (int64_t)ucal_getMillis(calendar, &status);
			if (best != 0 && at > now_ms && (best < 0 || at < best))
				best = at;
		}
		if (best > 0)
			break;
	}
	ucal_close(calendar);
	*ret_next_ms = best;
	return U_SUCCESS(status) ?
		0 :
		err_set(err, ERR_INTERNAL, "the calendar says %s", u_errorName(status));
}

/* "2026-11-28 08:00 (Asia/Shanghai)", owned: not how long it is until then, for the text is read later too. */
static char *moment_text(const char *zone, int64_t ms)
{
	_cleanup_err_ struct err ignored = ERR_INIT;
	UErrorCode status = U_ZERO_ERROR;
	UCalendar *calendar = calendar_open(zone, &ignored);
	if (!calendar)
		return xstrdup("later");
	ucal_setMillis(calendar, (double)ms, &status);
	char *text = xasprintf("%d-%02d-%02d %02d:%02d (%s)", ucal_get(calendar, UCAL_YEAR, &status),
		ucal_get(calendar, UCAL_MONTH, &status) + 1, ucal_get(calendar, UCAL_DATE, &status),
		ucal_get(calendar, UCAL_HOUR_OF_DAY, &status),
		ucal_get(calendar, UCAL_MINUTE, &status), zone);
	ucal_close(calendar);
	return text;
}

static int suspend(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct window_config *config = in->config;
	struct val setting = val_path(in->world->settings, "tasks.executionWindow.timezone");
	const char *zone = val_is_string(setting) ? val_text(&setting) : DEFAULT_ZONE;
	int64_t next;
	if (config->skip_remaining_wait)
		return task_done(out);
	if (window_next_start(config->window, zone, in->now_ms, &next, err) < 0) {
		task_context(out, "failureReason", val_string(err_text(err)));
		return -1;
	}
	if (next == 0)
		return task_done(out);
	if (next < 0)
		return err_set(err, ERR_INVALID, "restrictedExecutionWindow: it never opens");
	task_context(out, "scheduledTime", val_int(next));
	_cleanup_free_ char *opens = moment_text(zone, next);
	task_says(out, "outside of the execution window, which opens %s", opens);
	return task_again_at(out, next);
}

/* ---- jitter: a random wait after the window, counted from the window stage's start (as coded upstream) ------------------------- */

/* From the stage's id: random, and the same after a crash. */
static uint64_t lot_of(const char *id)
{
	uint64_t lot = 0;
	for (; *id; id++)
		lot = lot * 31 + (unsigned char)*id;
	return lot;
}

static int64_t jitter_ms(const struct task_input *in)
{
	const struct window_config *config = in->config;
	struct val jitter = val_get(config->window, "jitter");
	int64_t min = number_of(jitter, "minDelay"), max = number_of(jitter, "maxDelay");
	if (max <= min)
		return min * 1000;
	/* By the stage's id: the same after a crash. */
	return (min + (int64_t)(lot_of(in->stage->id) % (uint64_t)(max - min + 1))) * 1000;
}

static bool has_jitter(const struct task_input *in)
{
	const struct window_config *config = in->config;
	struct val jitter = val_get(config->window, "jitter");
	bool manual = strcmp(val_get_text(in->execution->trigger, "type", ""), "manual") == 0;
	return val_get_bool(jitter, "enabled", false) &&
		!(manual && val_get_bool(jitter, "skipManual", false));
}

static int wait_jitter(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct window_config *config = in->config;
	int64_t until = in->stage->start_ms + jitter_ms(in);
	(void)err;
	if (config->skip_remaining_wait || in->now_ms > until)
		return task_done(out);
	return task_again_at(out, until + 1);
}

const struct stage_type execution_window_stage = {
	.name = "restrictExecutionDuringTimeWindow",
	.title = { "Execution Window", "执行时间窗口" },
	.summary = { "Waits until the time window of its parent opens.",
		"等待父阶段的执行时间窗口开始。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD(struct window_config, window, "restrictedExecutionWindow",
			.flags = FIELD_REQUIRED | FIELD_MAP, .title = { "Time window", "时间窗口" },
			.help = { "{whitelist: [{startHour, startMin, endHour, endMin}], days: [1 = Sunday …], jitter}.",
				"{whitelist: [{startHour, startMin, endHour, endMin}], days: [1 为周日 …], jitter}。" }),
		FIELD(struct window_config, skip_remaining_wait, "skipRemainingWait",
			.flags = FIELD_SET_AT_RUN, .title = { "Skip the rest", "跳过剩余等待" },
			.help = { "True (by a PATCH) lets the parent start at once.",
				"通过 PATCH 设为 true 时父阶段立即开始。" })),
	.config_size = sizeof(struct window_config),
	.tasks = ROWS(struct task_row,
		{ .name = "suspendExecutionDuringTimeWindow",
			.run = suspend,
			.is_inline = true,
			.no_stage_timeout = true },
		{ .name = "waitForJitter",
			.run = wait_jitter,
			.is_inline = true,
			.when = has_jitter,
			.no_stage_timeout = true }),
};

int plan_execution_window(const struct task_input *in, struct stage_plan *plan, struct err *err)
{
	(void)err;
	struct val given = val_get(in->stage->context, "restrictExecutionDuringTimeWindow");
	bool restricted = false;
	if (!val_as_bool(given, &restricted)) /* a flag may come as a text */
		restricted = str_equal_nocase(str_trim(val_as_str(&given)), STR("true"));
	if (!restricted)
		return 0;
	struct val context = val_ref(in->stage->context);
	static const char *const left_out[] = { "restrictExecutionDuringTimeWindow",
		"stageTimeoutMs", "alias" };
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		val_remove(&context, left_out[i]);
	stage_plan_add(plan, "restrictExecutionDuringTimeWindow",
		"restrictExecutionDuringTimeWindow", context);
	return 0;
}
