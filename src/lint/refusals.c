/* What a stage would refuse before it does anything: its type's own `check`, asked over what stands in the document. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/template.h"
#include "lint/internal.h"

/* "options.cascading: expected …" about STAGE: 17, and its first word is the key of a value. 0: it names none. */
static size_t place_length(const char *text, struct str *ret_key)
{
	size_t key = strcspn(text, " .[:"), length = strcspn(text, " :");
	if (key == 0 || text[length] != ':' || text[length + 1] != ' ')
		return 0;
	*ret_key = (struct str){ text, key };
	return length;
}

static bool is_missing(struct val value)
{
	return val_is_null(value) ||
		(val_is_string(value) && str_trim(val_as_str(&value)).length == 0);
}

/*
 * A run evaluates expressions before it asks, so that a refusal of what holds one means nothing here; what is not built is refused
 * in any case, when the run is started.
 */
static void tell_refusal(struct lint *lint, struct val stage, const char *path, const struct err *err)
{
	static const enum finding_level wrong = FINDING_ERROR;
	struct str key = { 0 };
	size_t length = place_length(err_text(err), &key);
	struct val value = length ? val_get_str(stage, key) : stage;
	bool unsupported = err->kind == ERR_UNSUPPORTED;
	if (!unsupported && (err->kind != ERR_INVALID || template_is_candidate(value)))
		return;
	_cleanup_free_ char *at = xasprintf(
		"%s%s%.*s", path, length ? "." : "", (int)length, err_text(err));
	if (lint_has_told(lint, at))
		return;
	const char *text = err_text(err) + (length ? length + 2 : 0);
	_cleanup_free_ char *zh = chinese(text, unsupported ? UNSUPPORTED_ZH : "该字段的值无法使用");
	/* "is required" wants to know what. */
	bool names = length && str_starts(str_of(text), "is ");
	_cleanup_free_ char *en = xasprintf(
		"%.*s%s%s", names ? (int)length : 0, err_text(err), names ? " " : "", text);
	lint_tell(lint,
		(struct found){
			.rule = unsupported ? RULE_UNSUPPORTED : RULE_REFUSED,
			.path = at,
			.args = { en, zh },
			.level = !unsupported && length && !is_missing(value) ? &wrong : NULL,
		});
}

static struct execution *execution_of(struct lint *lint, struct val context)
{
	struct execution *execution = execution_new();
	execution->application = xstrdup(val_get_text(lint->pipeline, "application", ""));
	size_t index = stage_add(&execution);
	struct stage *stage = stage_edit(&execution, index);
	stage_set_text(&stage->ref_id, val_get_text(context, "refId", "1"));
	stage_set_text(&stage->type, val_get_text(context, "type", ""));
	stage_set_text(&stage->name, val_get_text(context, "name", ""));
	val_free(&stage->context);
	stage->context = context;
	return execution;
}

void check_refusals(
	struct lint *lint, struct val stage, const struct stage_type *type, const char *path)
{
	static const struct world nowhere;
	_cleanup_err_ struct err err = ERR_INIT;
	if (!type || !(type->check || type->needs) || !type->config_size)
		return;
	struct val context = val_ref(stage);
	if (type->fill)
		type->fill(type, &context);
	_cleanup_(execution_unref_cleanup) struct execution *execution = execution_of(lint, context);
	_cleanup_free_ void *config = xcalloc(1, type->config_size);
	/* What cannot be read was told, or holds expressions. */
	if (fields_read(type->fields, context, config, &err) < 0)
		return;
	struct task_input in = {
		.execution = execution,
		.stage = stage_at(execution, 0),
		.config = config,
		.world = &nowhere,
	};
	if ((type->check && type->check(&in, &err) < 0) ||
		(type->needs && type->needs(&in, &err) < 0))
		tell_refusal(lint, stage, path, &err);
	fields_free(type->fields, config);
}
