#include "lint/page.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "lint/pipeline_fields.h"
#include "lint/rules.h"

#define GENERATED "<!-- Made by scripts/generate-docs from the descriptors. -->\n"

/* ---- cells ------------------------------------------------------------------------------------------------------------------------ */

static const char *type_words(const struct field *row)
{
	static const char *const words[] = {
		[FIELD_STRING] = "text",
		[FIELD_INT] = "whole number",
		[FIELD_NUMBER] = "number",
		[FIELD_BOOL] = "true or false",
		[FIELD_SECS] = "seconds",
		[FIELD_OPT_INT] = "whole number",
		[FIELD_OPT_BOOL] = "true or false",
		[FIELD_STR_LIST] = "list of texts",
		[FIELD_VALUE] = "any JSON",
		[FIELD_ENUM] = "one of",
		[FIELD_OBJECT] = "object",
	};
	return row->flags & FIELD_LIST ? "list" :
		row->flags & FIELD_MAP ? "object" :
					 words[row->type];
}

static void add_type(struct strbuf *buf, const struct field *row)
{
	strbuf_add_text(buf, type_words(row));
	if (!row->choices)
		return;
	strbuf_add_text(buf, row->type == FIELD_ENUM ? " " : ": ");
	for (size_t i = 0; row->choices[i]; i++)
		strbuf_printf(buf, "%s`%s`", i ? ", " : "", row->choices[i]);
}

static void add_sentence(struct strbuf *buf, const char *text)
{
	if (!text || !*text)
		return;
	if (buf->length && buf->bytes[buf->length - 1] != ' ')
		strbuf_add_char(buf, ' ');
	strbuf_add_cell(buf, text);
}

static void add_help(struct strbuf *buf, const struct field *row)
{
	add_sentence(buf, row->help.en);
	if (row->flags & FIELD_RAW)
		add_sentence(buf, "Expressions in it are for the stage itself.");
	if (row->flags & FIELD_SET_AT_RUN)
		add_sentence(buf, "Set while it runs, not by authors.");
	if (row->flags & FIELD_UI)
		add_sentence(buf, "Kept for user interfaces; without effect on a run.");
	if (row->when) {
		add_sentence(buf, "Counts when");
		strbuf_printf(buf, " `%s`.", row->when);
	}
	if (row->unsupported) {
		add_sentence(buf, "**Not built yet");
		if (row->unsupported_if)
			strbuf_printf(buf, "** when it is `%s`: ", row->unsupported_if);
		else
			strbuf_add_text(buf, "**: ");
		strbuf_add_cell(buf, row->unsupported);
		strbuf_add_char(buf, '.');
	}
}

/* ---- tables ----------------------------------------------------------------------------------------------------------------------- */

static void add_rows(struct strbuf *buf, const struct field *rows, const char *before)
{
	for (const struct field *row = rows; row && row->name; row++) {
		_cleanup_free_ char *name = xasprintf("%s%s", before, row->name);
		strbuf_printf(buf, "| `%s`%s | ", name,
			row->flags & FIELD_REQUIRED ? " **required**" : "");
		strbuf_add_cell(buf, row->title.en);
		if (row->title.zh && (!row->title.en || strcmp(row->title.en, row->title.zh) != 0)) {
			strbuf_add_text(buf, " · ");
			strbuf_add_cell(buf, row->title.zh);
		}
		strbuf_add_text(buf, " | ");
		add_type(buf, row);
		strbuf_add_text(buf, " | ");
		if (row->preset)
			strbuf_printf(buf, "`%s`", row->preset);
		strbuf_add_text(buf, " |");
		add_help(buf, row);
		strbuf_add_text(buf, " |\n");
		if (!row->rows)
			continue;
		_cleanup_free_ char *below = xasprintf(
			"%s%s.", name, row->flags & FIELD_LIST ? "[]" : "");
		add_rows(buf, row->rows, below);
	}
}

static void add_table(struct strbuf *buf, const struct field *rows)
{
	strbuf_add_text(buf, "| key | title | type | default | what |\n|---|---|---|---|---|\n");
	add_rows(buf, rows, "");
}

static void add_outputs(struct strbuf *buf, const struct field *rows)
{
	strbuf_add_text(buf,
		"\n## Outputs\n\nWhat later stages see.\n\n| key | type | what |\n|---|---|---|\n");
	for (const struct field *row = rows; row->name; row++) {
		strbuf_printf(buf, "| `%s` | ", row->name);
		add_type(buf, row);
		strbuf_add_text(buf, " |");
		add_sentence(buf, row->help.en ? row->help.en : row->title.en);
		strbuf_add_text(buf, " |\n");
	}
}

/* "90 s", "5 min". */
static void add_time(struct strbuf *buf, int64_t ms)
{
	long long seconds = (long long)ms / 1000;
	if (seconds % 3600 == 0)
		strbuf_printf(buf, "%lld h", seconds / 3600);
	else if (seconds % 60 == 0)
		strbuf_printf(buf, "%lld min", seconds / 60);
	else if (ms % 1000 == 0)
		strbuf_printf(buf, "%lld s", seconds);
	else
		strbuf_printf(buf, "%lld ms", (long long)ms);
}

static void add_tasks(struct strbuf *buf, const struct task_row *rows)
{
	static const char *const repeats[] = {
		[TASK_SAFE] = "runs again; that does no harm",
		[TASK_AFTER_CHECK] = "looks whether its effect has happened, and runs again if not",
		[TASK_NEVER] = "fails, and a person decides",
	};
	strbuf_add_text(buf,
		"\n## Tasks\n\n| task | time limit | after a crash in the middle of it |\n|---|---|---|\n");
	for (const struct task_row *row = rows; row->name; row++) {
		strbuf_printf(buf, "| `%s` | ", row->name);
		if (row->timeout_ms)
			add_time(buf, row->timeout_ms);
		if (row->timeout_ms && row->timeout_overridable)
			strbuf_add_text(buf, ", or `stageTimeoutMs`");
		strbuf_printf(buf, " | %s |\n", repeats[row->repeat]);
	}
}

/* ---- pages ------------------------------------------------------------------------------------------------------------------------ */

static struct strbuf begin(const char *title, const char *zh)
{
	struct strbuf buf = STRBUF_INIT(LIMIT_BODY_BYTES);
	strbuf_printf(&buf, GENERATED "# %s", title);
	if (zh && strcmp(zh, title) != 0)
		strbuf_printf(&buf, " · %s", zh);
	strbuf_add_text(&buf, "\n\n");
	return buf;
}

char *page_stage(const struct stage_type *type)
{
	struct strbuf buf = begin(type->title.en, type->title.zh);
	strbuf_printf(&buf, "`\"type\": \"%s\"`", type->name);
	for (const char *const *alias = type->aliases; alias && *alias; alias++)
		strbuf_printf(&buf, "%s`\"%s\"`", alias == type->aliases ? ", also " : ", ", *alias);
	strbuf_printf(&buf, " — %s\n\n%s\n\n## Fields\n\n", type->summary.en, type->summary.zh);
	if (type->fields && type->fields->name)
		add_table(&buf, type->fields);
	else
		strbuf_add_text(&buf, "None of its own.\n");
	strbuf_add_text(&buf, "\nAnd those of [every stage](README.md#fields-of-every-stage).\n");
	if (type->tasks && type->tasks->name)
		add_tasks(&buf, type->tasks);
	if (type->outputs && type->outputs->name)
		add_outputs(&buf, type->outputs);
	return strbuf_detach(&buf);
}

char *page_stages(const struct stage_registry *registry)
{
	struct strbuf buf = begin("Stages", "阶段");
	strbuf_add_text(&buf, "| type | title | what |\n|---|---|---|\n");
	for (const struct stage_type *const *type = registry->types; *type; type++) {
		strbuf_printf(&buf, "| [`%s`](%s.md) | %s", (*type)->name, (*type)->name,
			(*type)->title.en);
		if (strcmp((*type)->title.en, (*type)->title.zh) != 0)
			strbuf_printf(&buf, " · %s", (*type)->title.zh);
		strbuf_add_text(&buf, " |");
		add_sentence(&buf, (*type)->summary.en);
		strbuf_add_text(&buf, " |\n");
	}
	strbuf_add_text(&buf,
		"\nA stage of another type is kept as it is; a run fails when it gets there.\n\n## Fields of every stage\n\n"
		"Any scalar may be an expression, `\"${ … }\"`. Numbers and flags may come as texts; `\"\"` and `null` mean \"not given\". "
		"Keys that nobody knows are kept.\n\n");
	add_table(&buf, stage_fields);
	return strbuf_detach(&buf);
}

char *page_pipeline(void)
{
	struct strbuf buf = begin("Pipelines", "部署流程");
	strbuf_add_text(&buf,
		"The keys of a pipeline, as Spinnaker stores it. [Stages](stages/README.md) have pages of their own.\n\n");
	add_table(&buf, pipeline_fields);
	return strbuf_detach(&buf);
}

char *page_settings(const struct field *rows)
{
	struct strbuf buf = begin("Settings", "设置");
	strbuf_add_text(&buf,
		"The keys of `gennaker.yml`, all that the program reads; each is also a variable of the environment: `server.port` is "
		"`GENNAKER_SERVER_PORT`. The [guide](../guide/en/settings.md) says how they go together.\n\n");
	add_table(&buf, rows);
	return strbuf_detach(&buf);
}

/* With "…" where a finding fills something in. */
static void add_rule_text(struct strbuf *buf, const char *text)
{
	_cleanup_strbuf_ struct strbuf plain = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);
	for (const char *at = text; *at; at++) {
		bool filled_in = at[0] == '%' && at[1] >= '1' && at[1] <= '3';
		at += filled_in;
		if (!filled_in)
			strbuf_add_char(&plain, *at);
		else if (!str_ends(strbuf_str(&plain), "…"))
			strbuf_add_text(&plain, "…");
	}
	strbuf_add_cell(buf, plain.bytes);
}

char *page_rules(void)
{
	struct strbuf buf = begin("What lint looks for", "检查规则");
	strbuf_add_text(&buf,
		"`gennaker lint FILE…` and `POST /lint` give findings. An *error* is surely wrong: a run is refused, or ends badly. A *warning* "
		"is worth a look. An *info* is only said. `unsupported` is what is right and not built here yet.\n\n"
		"| code | level | text | when |\n|---|---|---|---|\n");
	for (size_t i = 0; i < RULE_COUNT; i++) {
		strbuf_printf(
			&buf, "| `%s` | %s | ", rules[i].code, finding_level_name(rules[i].level));
		add_rule_text(&buf, rules[i].text.en);
		strbuf_add_text(&buf, " |");
		add_sentence(&buf, rules[i].about);
		strbuf_add_text(&buf, " |\n");
	}
	return strbuf_detach(&buf);
}
