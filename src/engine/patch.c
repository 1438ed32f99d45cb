/*
 * PATCH of a stage: what is merged into its context, and what is not. The rows of the stage's type, and those of all stages, say what fits
 * where; what does not changes nothing.
 */
#include "base/json.h"
#include "engine/internal.h"

/* ---- what fits ----------------------------------------------------------------------------------------------------------------- */

/* What a stage has beside its context (stages.md 1.5): set in a context it would mean nothing. */
static const char *const stage_members[] = { "id", "refId", "type", "name", "status", "context",
	"outputs", "tasks", "startTime", "endTime", "startTimeExpiry", "scheduledTime",
	"requisiteStageRefIds", "parentStageId", "syntheticStageOwner", "lastModified", NULL };

struct patch_check {
	struct val patch;
	struct err *err;
};

/* One finding about a value of the patch; the first is the answer. */
static void take_finding(void *data, const struct finding *finding)
{
	struct patch_check *check = data;
	if (finding->level != FINDING_ERROR || check->err->kind)
		return;
	bool required = strcmp(finding->code, "required") == 0;
	if (required && !val_has(check->patch, finding->path)) /* it stands in the stage, or deeper */
		return;
	bool unbuilt = strcmp(finding->code, "unsupported") == 0;
	err_set(check->err, unbuilt ? ERR_UNSUPPORTED : ERR_INVALID, "%s: %s", finding->path,
		finding->text.en);
}

/* A word that a person gives while the stage runs is one of its choices, and is given once. */
static int check_choice(const struct field *row, const struct stage *stage, struct val patch,
	struct val patched, struct err *err)
{
	struct val value = val_get(patch, row->name), before = val_get(stage->context, row->name);
	if (!val_has(patch, row->name))
		return 0;
	if (status_is_going(stage->status) && field_choice(row, val_as_str(&before)) >= 0)
		return err_set(err, ERR_CONFLICT,
			"%s: it is \"%s\" already (by %s) and cannot be changed any more",
			row->name, val_text(&before),
			val_get_text(stage->last_modified, "user", "the pipeline"));
	if (val_is_null(value) || (val_is_string(value) && val_as_str(&value).length == 0))
		return 0;
	if (row->choices && field_choice(row, val_as_str(&value)) < 0) {
		struct strbuf names = STRBUF_INIT(1024);
		for (const char *const *choice = row->choices; *choice; choice++)
			strbuf_printf(&names, "%s\"%s\"", names.length ? " or " : "", *choice);
		_cleanup_free_ char *got = json_text(value, JSON_COMPACT);
		err_set(err, ERR_INVALID, "%s: expected %s, got %.80s", row->name, names.bytes, got);
		strbuf_free(&names);
		return -1;
	}
	struct val offered = row->choices_in ? val_get(patched, row->choices_in) : VAL_NULL;
	if (!field_is_offered(offered, val_as_str(&value)) && !template_is_candidate(offered))
		return err_set(err, ERR_INVALID, "%s: \"%.80s\" is none of %s", row->name,
			val_text(&value), row->choices_in);
	return 0;
}

/* What people set in a stage of another type, to a stage of this one would be lost. Other keys may be anybody's. */
static int check_foreign(const struct stage_registry *registry, const struct stage_type *type,
	struct val patch, struct err *err)
{
	for (size_t i = 0; type && i < val_count(patch); i++) {
		struct str key = val_key_at(patch, i);
		struct val value = val_value_at(patch, i);
		bool empty = val_is_null(value) ||
			(val_is_string(value) && val_as_str(&value).length == 0);
		if (empty || (type->fields && field_find(type->fields, key)) ||
			field_find(stage_fields, key))
			continue;
		for (const struct stage_type *const *other = registry->types; *other; other++) {
			const struct field *row = (*other)->fields ?
				field_find((*other)->fields, key) :
				NULL;
			if (row && (row->flags & FIELD_SET_AT_RUN) &&
				(row->choices || row->choices_in || row->type == FIELD_BOOL))
				return err_set(err, ERR_INVALID,
					"%s: a stage of type \"%s\" does not look at it, one of type \"%s\" does",
					row->name, type->name, (*other)->name);
		}
	}
	return 0;
}

/* A time that a person gives is one: "" would mean none, and a negative one that it is over. */
static int check_seconds(const struct field *row, struct val patch, struct val seen, struct err *err)
{
	struct val value = val_get(val_has(seen, row->name) ? seen : patch, row->name);
	struct str text = str_trim(val_as_str(&value));
	double number;
	if (!val_has(patch, row->name) || val_is_null(value))
		return 0;
	bool negative = val_as_double(value, &number) ? number < 0 : str_starts(text, "-");
	if (!negative && !(val_is_string(value) && text.length == 0))
		return 0;
	field_misfit("a number of seconds from 0", value, err);
	return err_wrap(err, "%s", row->name);
}

/* The context as the stage will see it next; false: only a worker can tell. */
static bool evaluate_patched(const struct run *run, size_t index, const struct stage_type *type,
	struct val patched, struct val *ret)
{
	const struct evaluator by = evaluate_here(run->engine);
	struct evaluated evaluated = { 0 };
	*ret = val_ref(patched);
	if (!template_is_candidate(patched))
		return true;
	_cleanup_(execution_unref_cleanup) struct execution *copy = execution_ref(run->execution);
	val_replace(&stage_edit(&copy, index)->context, val_ref(patched));
	if (evaluate_stage(&by, copy, index, type, &evaluated) != EXPR_OK)
		return false;
	val_replace(ret, evaluated.context);
	return true;
}

/* Of a stage that runs the whole context is read again and again: what could not be read would end it. */
static int check_running(const struct run *run, size_t index, const struct stage_type *type,
	struct val patch, struct val patched, struct err *err)
{
	_cleanup_(val_free) struct val seen = VAL_NULL;
	bool runs = run_stage(run, index)->status == STATUS_RUNNING;
	if (runs && !evaluate_patched(run, index, type, patched, &seen))
		return 0;
	for (const struct field *row = type ? type->fields : NULL; row && row->name; row++)
		if (row->type == FIELD_SECS && check_seconds(row, patch, seen, err) < 0)
			return -1;
	if (!runs)
		return 0;
	void *config;
	const struct stage view = { .context = seen };
	if (stage_config(type, &view, &config, err) < 0)
		return -1;
	stage_config_free(type, config);
	return 0;
}

static int check_values(const struct run *run, size_t index, const struct stage_type *type,
	struct val patch, struct err *err)
{
	const struct stage *stage = run_stage(run, index);
	const struct field *const tables[] = { type ? type->fields : NULL, stage_fields };
	struct patch_check check = { patch, err };
	_cleanup_(val_free) struct val patched = val_ref(stage->context);
	val_merge(&patched, patch);
	for (const char *const *member = stage_members; *member; member++)
		if (val_has(patch, *member) && !(tables[0] && field_find(tables[0], str_of(*member))))
			return err_set(err, ERR_INVALID,
				"%s: it is no part of the stage's context, which is all that a PATCH changes",
				*member);
	if (check_foreign(run->engine->setup.registry, type, patch, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (tables[i])
			fields_check(tables[i], patch, NULL, take_finding, &check);
		if (err->kind || fields_strict(tables[i], patch, "", err) < 0)
			return -1;
		for (const struct field *row = tables[i]; row && row->name; row++)
			if ((row->flags & FIELD_SET_AT_RUN) && row->type == FIELD_STRING &&
				check_choice(row, stage, patch, patched, err) < 0)
				return -1;
	}
	return check_running(run, index, type, patch, patched, err);
}

static int check_skip(
	const struct stage_type *type, const struct stage *stage, struct val patch, struct err *err)
{
	bool skippable = val_get_bool(stage->context, "canManuallySkip", false) ||
		(type && type->skippable_key &&
			val_get_bool(stage->context, type->skippable_key, false));
	if (val_get_bool(patch, "manualSkip", false) && (stage->parent != STAGE_NONE || !skippable))
		return err_set(err, ERR_NOT_ALLOWED, "manualSkip: stage \"%s\" may not be skipped",
			stage->name);
	return 0;
}

static int check_patch(
	const struct run *run, const struct request *request, size_t index, struct err *err)
{
	if (index == STAGE_NONE)
		return err_set(err, ERR_NOT_FOUND, "Stage not found (id: %s)", request->stage_id);
	const struct stage *stage = run_stage(run, index);
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	if (!val_is_map(request->value))
		return err_set(err, ERR_INVALID, "a patch is a JSON object");
	if (status_is_complete(stage->status))
		return err_set(err, ERR_CONFLICT,
			"stage \"%s\" has ended (%s) and cannot be changed any more", stage->name,
			status_name(stage->status));
	if (run->winding || run->completed)
		return err_set(err, ERR_CONFLICT,
			"the run is coming to its end; stage \"%s\" cannot be changed any more",
			stage->name);
	if (check_values(run, index, type, request->value, err) < 0)
		return -1;
	return check_skip(type, stage, request->value, err);
}

/* ---- the patch ----------------------------------------------------------------------------------------------------------------- */

static void patch_stage(struct run *run, size_t index, struct val wanted, const char *user)
{
	struct stage_run *mine = run->stages[index];
	_cleanup_(val_free) struct val patch = val_ref(wanted);
	val_set(&patch, "lastModifiedBy", val_string(user));
	struct val patched = take(&mine->patched); /* wins over the result of a task that is in flight */
	stage_merge(run, index, patch, VAL_NULL, VAL_NULL);
	val_merge(&patched, patch);
	mine->patched = patched;
	struct val modified = val_map();
	val_set(&modified, "user", val_string(user));
	val_set(&modified, "allowedAccounts", val_list());
	val_set(&modified, "lastModifiedTime", val_int(clock_now_ms(run->engine->clock)));
	val_replace(&run_stage_edit(run, index, STAGE_PART_HEAD)->last_modified, modified);
	mine->woken = true;
	look(run, index);
}

void request_patch(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	enum status end;
	struct run *run = request_find_run(engine, request->key, &end, &err);
	size_t index = run ? stage_find_id(run->execution, str_of(request->stage_id)) : STAGE_NONE;
	if (!run && !err.kind)
		err_set(&err, ERR_CONFLICT,
			"the run has ended (%s); its stages cannot be changed any more",
			status_name(end));
	if (err.kind || check_patch(run, request, index, &err) < 0) {
		engine_reply(engine, request, VAL_NULL, &err);
		return;
	}
	patch_stage(run, index, request->value, request->user ? request->user : "anonymous");
	engine_reply(engine, request, VAL_NULL, NULL);
}
