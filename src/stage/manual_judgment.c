/*
 * Manual Judgment: waits until a person says continue or stop (stages.md 4.3). The word comes by a
 * PATCH of the running stage, which wakes the task at once; nothing is polled.
 */
#include <strings.h>

#include "base/limits.h"
#include "stage/stages.h"

#define JUDGMENT_TIMEOUT_MS (INT64_C(3) * 24 * 3600 * 1000)

struct manual_judgment_config {
	char *judgment_status;
	struct val notifications;
	bool send_notifications;
	struct str_list required_roles;
	struct str_list selected_roles;
};

static int judgment_run(const struct task_input *in, struct task_result *out, struct err *err);
static void judgment_restart(struct val *context, struct val *outputs);

static const struct field input_fields[] = {
	FIELD_KNOWN("value", FIELD_STRING, .flags = FIELD_REQUIRED, .title = { "Value", "选项" }),
	{ 0 },
};

const struct stage_type manual_judgment_stage = {
	.name = "manualJudgment",
	.title = { "Manual Judgment", "人工确认" },
	.summary = { "Waits until a person lets the run go on, or stops it.",
		"等待人工确认后继续执行或终止。" },
	.category = "general",
	.fields = ROWS(struct field,
		FIELD_KNOWN("instructions", FIELD_STRING, .widget = "code:text",
			.title = { "Instructions", "指引说明" },
			.help = { "Helps the person who decides; simple HTML or Markdown.",
				"帮助确认人进行人工确认。" }),
		FIELD_KNOWN("judgmentInputs", FIELD_VALUE, .flags = FIELD_LIST, .rows = input_fields,
			.widget = "rows", .title = { "Judgment inputs", "输入选项" },
			.help = { "Choices offered, each {value: …} or a text; read later with #judgment('name').",
				"供确认人选择，每项为 {value: …} 或文本，可决定下游阶段的执行行为。" }),
		FIELD(struct manual_judgment_config, selected_roles, "selectedStageRoles",
			.widget = "multi", .title = { "Authorized groups", "确认人（用户组）" },
			.help = { "Only these may decide, where authorization is on.",
				"若配置了确认人，则只有确认人具备确认权限。" }),
		FIELD(struct manual_judgment_config, required_roles, "requiredJudgmentRoles",
			.widget = "multi",
			.title = { "Authorized groups (wins)", "确认人（用户组，优先）" },
			.help = { "Takes the place of selectedStageRoles.",
				"优先于 selectedStageRoles。" }),
		FIELD_KNOWN("propagateAuthenticationContext", FIELD_BOOL, .preset = "false",
			.title = { "Propagate authentication", "以确认人的身份继续执行" },
			.help = { "Later stages run as the person who continued.",
				"后续阶段使用确认人的权限。" }),
		FIELD_KNOWN("continueButtonLabel", FIELD_STRING, .flags = FIELD_UI,
			.title = { "Label of the continue button", "继续按钮文字" }),
		FIELD_KNOWN("stopButtonLabel", FIELD_STRING, .flags = FIELD_UI,
			.title = { "Label of the stop button", "终止按钮文字" }),
		FIELD(struct manual_judgment_config, send_notifications, "sendNotifications",
			.preset = "false", .title = { "Send notifications", "发送通知" }),
		FIELD(struct manual_judgment_config, notifications, "notifications",
			.title = { "Notify", "通知人" },
			.help = { "The person notified need not be allowed to decide.",
				"通知人与确认人相互独立。" }),
		FIELD(struct manual_judgment_config, judgment_status, "judgmentStatus",
			.flags = FIELD_SET_AT_RUN,
			.choices = (const char *const[]){ "continue", "stop", NULL },
			.title = { "Judgment", "确认结果" },
			.help = { "Set by a PATCH of the running stage.", "通过 PATCH 设置。" }),
		FIELD_KNOWN("judgmentInput", FIELD_STRING, .flags = FIELD_SET_AT_RUN,
			.choices_in = "judgmentInputs", .title = { "Chosen input", "所选选项" })),
	.config_size = sizeof(struct manual_judgment_config),
	.restart = judgment_restart,
	.tasks = ROWS(struct task_row,
		{
			.name = "waitForJudgment",
			.run = judgment_run,
			.is_inline = true,
			.poll_every_ms = 15000,
			.timeout_ms = JUDGMENT_TIMEOUT_MS,
			.timeout_overridable = true,
		}),
};

static void judgment_restart(struct val *context, struct val *outputs)
{
	(void)outputs;
	val_remove(context, "judgmentStatus");
	val_remove(context, "lastModifiedBy");
}

/* ---- notifications --------------------------------------------------------------------------- */

static bool wants_state(struct val notification, const char *state)
{
	struct val when = val_get(notification, "when");
	for (size_t i = 0; i < val_count(when); i++) {
		struct val word = val_at(when, i);
		if (strcmp(val_text(&word), state) == 0)
			return true;
	}
	return !val_is_list(when); /* the older form: for whoever has no list, all of it */
}

/* When NOTIFICATION is due for STATE: in the past, in the future, or never (CLOCK_FOREVER). */
static int64_t due_at(struct val notification, const char *state)
{
	int64_t last, every = val_get_int(notification, "notifyEveryMs", -1);
	if (!val_is_map(notification) || !wants_state(notification, state))
		return CLOCK_FOREVER;
	if (!val_as_int(val_get(val_get(notification, "lastNotifiedByNotificationState"), state),
		    &last))
		return 0;
	return every > 0 && last < CLOCK_FOREVER - every ? last + every : CLOCK_FOREVER;
}

/* Says that NOTIFICATION is due; addresses may hold secrets and are left out. */
static void notify(
	struct task_result *out, struct val *notification, const char *state, int64_t now_ms)
{
	struct val said = val_map();
	val_set(&said, "at", val_int(now_ms));
	val_set(&said, "level", val_string("info"));
	val_set(&said, "text",
		val_format("%s notification \"%s\" is due; notifications are not sent yet",
			val_get_text(*notification, "type", "a"), state));
	task_event(out, "log", said);
	struct val last = val_ref(val_get(*notification, "lastNotifiedByNotificationState"));
	val_set(&last, state, val_int(now_ms));
	val_set(notification, "lastNotifiedByNotificationState", last);
}

/* Those that are due; when the next one is, CLOCK_FOREVER = none. */
static int64_t notify_due(
	const struct task_input *in, const char *state, bool waits, struct task_result *out)
{
	const struct manual_judgment_config *config = in->config;
	_cleanup_(val_free) struct val all = val_ref(config->notifications);
	int64_t next = CLOCK_FOREVER;
	bool changed = false;
	if (!waits && !config->send_notifications)
		return next;
	for (size_t i = 0; val_is_list(all) && i < val_count(all); i++) {
		if (due_at(val_at(all, i), state) <= in->now_ms) {
			notify(out, val_edit_at(&all, i), state, in->now_ms);
			changed = true;
		}
		int64_t due = due_at(val_at(all, i), state);
		next = due < next ? due : next;
	}
	if (changed)
		task_context(out, "notifications", take(&all));
	return next;
}

/* ---- the task -------------------------------------------------------------------------------- */

static void say_judgment(const struct task_input *in, const char *state, struct task_result *out)
{
	struct val said = val_map();
	val_set(&said, "state", val_string(state));
	if (strcmp(state, "waiting") != 0)
		val_set(&said, "by",
			val_string(val_get_text(in->stage->last_modified, "user", "anonymous")));
	task_event(out, "judgment", said);
}

static void say_who(const struct manual_judgment_config *config, struct task_result *out)
{
	const struct str_list *roles = config->required_roles.count > 0 ? &config->required_roles :
									  &config->selected_roles;
	struct strbuf text = STRBUF_INIT(512);
	for (size_t i = 0; i < roles->count; i++) {
		strbuf_add_text(&text, i > 0 ? ", " : " by ");
		strbuf_add_text(&text, roles->items[i]);
	}
	task_says(out, "waiting for a judgment%s", text.bytes);
	strbuf_free(&text);
}

/* When it times out, as far as this stage's own settings say; the engine knows the rest. */
static int64_t own_deadline(const struct task_input *in)
{
	double ms;
	if (!val_as_double(val_get(in->stage->context, "stageTimeoutMs"), &ms) || ms < 0 || ms > 1e15)
		return in->task->start_ms + JUDGMENT_TIMEOUT_MS;
	return in->task->start_ms + (int64_t)ms;
}

static int judgment_run(const struct task_input *in, struct task_result *out, struct err *err)
{
	const struct manual_judgment_config *config = in->config;
	struct str word = str_of(config->judgment_status);
	(void)err;
	if (str_equal_nocase(word, STR("continue"))) {
		notify_due(in, "manualJudgmentContinue", false, out);
		say_judgment(in, "continue", out);
		return task_done(out);
	}
	if (str_equal_nocase(word, STR("stop"))) {
		notify_due(in, "manualJudgmentStop", false, out);
		say_judgment(in, "stop", out);
		return task_status(out, STATUS_TERMINAL);
	}
	if (in->task->attempts == 0)
		say_judgment(in, "waiting", out);
	say_who(config, out);
	int64_t next = notify_due(in, "manualJudgment", true, out), deadline = own_deadline(in);
	next = next < deadline ? next : deadline;
	return task_again_at(out, next > in->now_ms ? next : in->now_ms + 1);
}
