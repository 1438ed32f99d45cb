#include "judgments.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/field.h"

#define INPUTS_BYTES 4096

void judgments_free(struct judgments *judgments)
{
	for (size_t i = 0; i < judgments->stages.count; i++) {
		struct judgment *stage = &judgments->stages.items[i];
		free(stage->run_id);
		free(stage->stage_id);
		free(stage->name);
		val_free(&stage->context);
	}
	vec_free(&judgments->stages);
}

static struct judgment *judgment_get(struct judgments *judgments, struct val data, const char *child)
{
	const char *id = val_get_text(data, "stage", "");
	for (size_t i = 0; i < judgments->stages.count; i++)
		if (strcmp(judgments->stages.items[i].stage_id, id) == 0)
			return &judgments->stages.items[i];
	if (strcmp(val_get_text(data, "type", ""), "manualJudgment") != 0)
		return NULL;
	const char *name = val_get_text(data, "name", val_get_text(data, "ref", "?"));
	struct judgment fresh = {
		.run_id = xstrdup(val_get_text(data, "run", "")),
		.stage_id = xstrdup(id),
		.name = child ? xasprintf("%s / %s", child, name) : xstrdup(name),
		.context = val_map(),
	};
	vec_push(&judgments->stages, fresh);
	return &judgments->stages.items[judgments->stages.count - 1];
}

void judgments_event(struct judgments *judgments, struct val event, const char *child)
{
	struct val data = val_get(event, "data");
	struct judgment *stage = strcmp(val_get_text(event, "event", ""), "stage") == 0 ?
		judgment_get(judgments, data, child) :
		NULL;
	if (!stage)
		return;
	struct val status = val_get(data, "status"), context = val_get(data, "context");
	status_parse(val_as_str(&status), &stage->status);
	if (val_is_map(context))
		val_merge(&stage->context, context);
	if (stage->status == STATUS_NOT_STARTED) { /* perhaps anew */
		val_remove(&stage->context, "judgmentStatus");
		stage->answered = stage->refused = stage->told = false;
	}
	/* A stage that does not take an answer, of somebody without the role for it, empties it. */
	if (stage->answered && val_has(context, "judgmentStatus") && judgment_is_open(context)) {
		stage->answered = false;
		stage->refused = true;
	}
}

void judgments_end(struct judgments *judgments, const char *run_id)
{
	for (size_t i = 0; i < judgments->stages.count; i++)
		if (strcmp(judgments->stages.items[i].run_id, run_id) == 0)
			judgments->stages.items[i].status = STATUS_CANCELED;
}

struct judgment *judgments_waiting(struct judgments *judgments)
{
	for (size_t i = 0; i < judgments->stages.count; i++) {
		struct judgment *stage = &judgments->stages.items[i];
		if (stage->status == STATUS_RUNNING && !stage->answered &&
			judgment_is_open(stage->context))
			return stage;
	}
	return NULL;
}

bool judgment_is_open(struct val context)
{
	struct str given = str_of(val_get_text(context, "judgmentStatus", ""));
	return !str_equal_nocase(given, STR("continue")) && !str_equal_nocase(given, STR("stop"));
}

char *judgment_inputs(struct val context)
{
	struct val inputs = val_get(context, "judgmentInputs");
	struct strbuf text = STRBUF_INIT(INPUTS_BYTES);
	for (size_t i = 0; val_is_list(inputs) && i < val_count(inputs); i++) {
		_cleanup_free_ char *offer = field_offer(val_at(inputs, i));
		if (offer)
			strbuf_printf(&text, "%s%s", text.length > 0 ? ", " : "", offer);
	}
	return text.length > 0 ? strbuf_detach(&text) : NULL;
}

int judgment_patch_of(
	struct str verdict, struct str input, struct val context, struct val *ret, struct err *err)
{
	bool goes_on = str_is(verdict, "continue") || str_is(verdict, "c");
	if (!goes_on && !str_is(verdict, "stop") && !str_is(verdict, "s"))
		return err_set(err, ERR_INVALID, "a judgment is continue or stop, not \"%.*s\"",
			STR_ARG(verdict));
	/* An input is chosen to go on with; who stops need not. */
	if ((goes_on || input.length > 0) &&
		!field_is_offered(val_get(context, "judgmentInputs"), input)) {
		_cleanup_free_ char *inputs = judgment_inputs(context);
		return err_set(err, ERR_INVALID,
			input.length > 0 ? "\"%.*s\" is none of its inputs: %s" :
					   "%.*sit needs one of its inputs: %s",
			STR_ARG(input), inputs ? inputs : "");
	}
	struct val patch = val_map();
	val_set(&patch, "judgmentStatus", val_string(goes_on ? "continue" : "stop"));
	if (input.length > 0)
		val_set(&patch, "judgmentInput", val_str(input));
	*ret = patch;
	return 0;
}

int judgment_patch(const char *text, struct val context, struct val *ret, struct err *err)
{
	struct str all = str_trim(str_of(text));
	size_t length = 0;
	while (length < all.length && !strchr("= \t", all.bytes[length]))
		length++;
	struct str input = str_trim(str_slice(all, length + (length < all.length), all.length));
	return judgment_patch_of(str_slice(all, 0, length), input, context, ret, err);
}
