#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/map.h"
#include "model/execution.h"

static const char *const owner_names[] = { NULL, "STAGE_BEFORE", "STAGE_AFTER" };
static const char *const phase_names[] = { "idle", "planning", "before", "tasks", "after" };

#define PHASES (sizeof(phase_names) / sizeof(phase_names[0]))
#define ANONYMOUS "anonymous" /* what Gate sends for a user who has not said who he is */

/* Writing: what is not there is left out. */

static void put_value(struct strbuf *buf, const char *key, struct val value)
{
	if (!val_is_null(value))
		json_put_value(buf, key, value);
}

static void print_task(const struct task *task, struct strbuf *buf)
{
	char id[16];

	snprintf(id, sizeof(id), "%d", task->id);
	strbuf_add_char(buf, '{');
	json_put_text(buf, "id", id);
	json_put_text(buf, "name", task->name);
	json_put_text(buf, "implementingClass", task->implementing);
	json_put_text(buf, "status", status_name(task->status));
	json_put_nonzero(buf, "startTime", task->start_ms);
	json_put_nonzero(buf, "endTime", task->end_ms);
	json_put_bool(buf, "stageStart", task->stage_start);
	json_put_bool(buf, "stageEnd", task->stage_end);
	json_put_bool(buf, "loopStart", task->loop_start);
	json_put_bool(buf, "loopEnd", task->loop_end);
	if (!val_is_null(task->exception)) {
		json_put_key(buf, "taskExceptionDetails");
		strbuf_add_char(buf, '{');
		json_put_value(buf, "exception", task->exception);
		strbuf_add_char(buf, '}');
	}
	strbuf_add_char(buf, '}');
}

static void print_tasks(const struct stage *stage, struct strbuf *buf)
{
	json_put_key(buf, "tasks");
	strbuf_add_char(buf, '[');
	for (size_t i = 0; i < stage->task_count; i++) {
		if (i > 0)
			strbuf_add_char(buf, ',');
		print_task(&stage->tasks[i], buf);
	}
	strbuf_add_char(buf, ']');
}

static void print_requisites(
	const struct execution *execution, const struct stage *stage, struct strbuf *buf)
{
	json_put_key(buf, "requisiteStageRefIds");
	strbuf_add_char(buf, '[');
	for (size_t i = 0; i < stage->requisite_count; i++) {
		if (i > 0)
			strbuf_add_char(buf, ',');
		json_write_string(buf, str_of(stage_at(execution, stage->requisites[i])->ref_id));
	}
	strbuf_add_char(buf, ']');
}

void stage_print_head(const struct execution *execution, const struct stage *stage, struct strbuf *buf)
{
	strbuf_add_char(buf, '{');
	json_put_text(buf, "id", stage->id);
	json_put_text(buf, "refId", stage->ref_id);
	json_put_text(buf, "type", stage->type);
	json_put_text(buf, "name", stage->name);
	json_put_text(buf, "status", status_name(stage->status));
	json_put_nonzero(buf, "startTime", stage->start_ms);
	json_put_nonzero(buf, "endTime", stage->end_ms);
	json_put_nonzero(buf, "startTimeExpiry", stage->expiry_ms);
	json_put_nonzero(buf, "scheduledTime", stage->scheduled_ms);
	print_tasks(stage, buf);
	json_put_text(buf, "syntheticStageOwner", owner_names[stage->owner]);
	if (stage->parent != STAGE_NONE)
		json_put_text(buf, "parentStageId", stage_at(execution, stage->parent)->id);
	print_requisites(execution, stage, buf);
	put_value(buf, "lastModified", stage->last_modified);
	strbuf_add_char(buf, '}');
}

static struct val stage_head(const struct execution *execution, const struct stage *stage)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);

	stage_print_head(execution, stage, &text);
	return json_reread(strbuf_str(&text));
}

struct val stage_to_json(const struct execution *execution, const struct stage *stage)
{
	struct val json = stage_head(execution, stage);

	val_set(&json, "context", val_ref(stage->context));
	val_set(&json, "outputs", val_ref(stage->outputs));
	return json;
}

struct val stage_member_to_json(
	const struct execution *execution, const struct stage *stage, struct str key)
{
	if (str_is(key, "name"))
		return val_string(stage->name);
	if (str_is(key, "status"))
		return val_string(status_name(stage->status));
	if (str_is(key, "type"))
		return val_string(stage->type);
	if (str_is(key, "context"))
		return val_ref(stage->context);
	if (str_is(key, "outputs"))
		return val_ref(stage->outputs);
	if (str_is(key, "id"))
		return val_string(stage->id);
	if (str_is(key, "refId"))
		return val_string(stage->ref_id);
	if (str_is(key, "parentStageId"))
		return stage->parent == STAGE_NONE ?
			VAL_NULL :
			val_string(stage_at(execution, stage->parent)->id);
	_cleanup_(val_free) struct val head = stage_head(execution, stage);
	return val_ref(val_get_str(head, key));
}

static void print_authentication(const struct execution *execution, struct strbuf *buf)
{
	_cleanup_(val_free) struct val json = val_ref(val_get(execution->extra, "authentication"));

	val_set(&json, "user", val_string(execution->user ? execution->user : ANONYMOUS));
	if (!val_has(json, "allowedAccounts"))
		val_set(&json, "allowedAccounts", val_list());
	json_put_value(buf, "authentication", json);
}

/* What the JSON form may have beside the keys that are known here. */
static void print_extra(const struct execution *execution, struct strbuf *buf)
{
	for (size_t i = 0; i < val_count(execution->extra); i++) {
		struct str key = val_key_at(execution->extra, i);

		if (!str_is(key, "authentication"))
			json_put_member(buf, key, val_value_at(execution->extra, i));
	}
}

void execution_print_head(const struct execution *execution, struct strbuf *buf)
{
	strbuf_add_char(buf, '{');
	json_put_text(buf, "type", execution->orchestration ? "ORCHESTRATION" : "PIPELINE");
	json_put_text(buf, "id", execution->id);
	json_put_text(buf, "application", execution->application);
	json_put_text(buf, execution->orchestration ? "description" : "name", execution->name);
	json_put_text(buf, "pipelineConfigId", execution->config_id);
	json_put_text(buf, "status", status_name(execution->status));
	json_put_nonzero(buf, "buildTime", execution->build_ms);
	json_put_nonzero(buf, "startTime", execution->start_ms);
	json_put_nonzero(buf, "endTime", execution->end_ms);
	json_put_nonzero(buf, "startTimeExpiry", execution->expiry_ms);
	json_put_bool(buf, "canceled", execution->canceled);
	json_put_text(buf, "canceledBy", execution->canceled_by);
	json_put_text(buf, "cancellationReason", execution->cancellation_reason);
	json_put_bool(buf, "limitConcurrent", execution->limit_concurrent);
	json_put_int(buf, "maxConcurrentExecutions", execution->max_concurrent);
	json_put_bool(buf, "keepWaitingPipelines", execution->keep_waiting);
	json_put_text(buf, "origin", execution->origin);
	put_value(buf, "notifications", execution->notifications);
	put_value(buf, "paused", execution->paused);
	print_authentication(execution, buf);
	put_value(buf, "source", execution->source);
	json_put_text(buf, "spelEvaluator", execution->spel_evaluator);
	put_value(buf, "templateVariables", execution->template_variables);
	put_value(buf, "systemNotifications", execution->system_notifications);
	print_extra(execution, buf);
	strbuf_add_char(buf, '}');
}

static struct val stages_to_json(const struct execution *execution)
{
	struct val stages = val_list();

	for (size_t i = 0; i < stage_count(execution); i++)
		if (!stage_at(execution, i)->removed)
			val_append(&stages, stage_to_json(execution, stage_at(execution, i)));
	return stages;
}

struct val execution_to_json(const struct execution *execution, bool with_stages)
{
	_cleanup_strbuf_ struct strbuf head = STRBUF_INIT(SIZE_MAX / 2);

	execution_print_head(execution, &head);
	struct val json = json_reread(strbuf_str(&head));
	val_set(&json, "trigger", val_ref(execution->trigger));
	val_set(&json, "initialConfig", val_ref(execution->config));
	if (with_stages)
		val_set(&json, "stages", stages_to_json(execution));
	return json;
}

/* What is as it is at the beginning is left out. */

static void put_flag(struct strbuf *buf, const char *key, bool flag)
{
	if (flag)
		json_put_bool(buf, key, true);
}

void stage_print_engine_state(const struct stage *stage, struct strbuf *buf)
{
	strbuf_add_char(buf, '{');
	if (stage->phase != PHASE_IDLE)
		json_put_text(buf, "phase", phase_names[stage->phase]);
	put_flag(buf, "unresolved", stage->unresolved);
	put_flag(buf, "afterPlanned", stage->after_planned);
	put_flag(buf, "failurePlanned", stage->failure_planned);
	put_flag(buf, "planningFailed", stage->planning_failed);
	put_flag(buf, "cancelDone", stage->cancel_done);
	put_flag(buf, "removed", stage->removed);
	json_put_nonzero(buf, "attempts", stage->attempts);
	json_put_nonzero(buf, "retry", stage->retry_ms);
	json_put_nonzero(buf, "generation", stage->generation);
	if (stage->task_count > 0)
		json_put_key(buf, "tasks");
	for (size_t i = 0; i < stage->task_count; i++) {
		const struct task *task = &stage->tasks[i];

		strbuf_add_text(buf, i > 0 ? ",{" : "[{");
		json_put_nonzero(buf, "generation", task->generation);
		json_put_nonzero(buf, "attempts", task->attempts);
		put_flag(buf, "inFlight", task->in_flight);
		put_flag(buf, "waitsForKey", task->waits_for_key);
		put_value(buf, "waitingFor", task->waiting_for);
		json_put_nonzero(buf, "nextRun", task->next_run_ms);
		strbuf_add_char(buf, '}');
	}
	strbuf_add_text(buf, stage->task_count > 0 ? "]}" : "}");
}

struct val stage_engine_state(const struct stage *stage)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);

	stage_print_engine_state(stage, &text);
	return json_reread(strbuf_str(&text));
}

void stage_set_engine_state(struct stage *stage, struct val state)
{
	struct val tasks = val_get(state, "tasks");
	struct val phase = val_get(state, "phase");

	stage->phase = PHASE_IDLE;
	for (size_t i = 0; i < PHASES; i++)
		if (str_is(val_as_str(&phase), phase_names[i]))
			stage->phase = (enum stage_phase)i;
	stage->unresolved = val_get_bool(state, "unresolved", false);
	stage->after_planned = val_get_bool(state, "afterPlanned", false);
	stage->failure_planned = val_get_bool(state, "failurePlanned", false);
	stage->planning_failed = val_get_bool(state, "planningFailed", false);
	stage->cancel_done = val_get_bool(state, "cancelDone", false);
	stage->removed = val_get_bool(state, "removed", false);
	stage->attempts = (uint32_t)val_get_int(state, "attempts", 0);
	stage->retry_ms = val_get_int(state, "retry", 0);
	stage->generation = (uint32_t)val_get_int(state, "generation", 0);
	for (size_t i = 0; i < stage->task_count && i < val_count(tasks); i++) {
		struct val entry = val_at(tasks, i);
		struct task *task = &stage->tasks[i];

		task->generation = (uint32_t)val_get_int(entry, "generation", 0);
		task->attempts = (uint32_t)val_get_int(entry, "attempts", 0);
		task->in_flight = val_get_bool(entry, "inFlight", false);
		task->waits_for_key = val_get_bool(entry, "waitsForKey", false);
		task->next_run_ms = val_get_int(entry, "nextRun", 0);
		val_replace(&task->waiting_for, val_ref(val_get(entry, "waitingFor")));
	}
}

/* Reading: a null is as good as a missing key. */

static int wrong_type(const char *key, const char *expected, struct val value, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s: expected %s, got %s", key, expected,
		val_kind_name(val_kind(value)));
}

static int take_text(struct val map, const char *key, char **where, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value))
		return 0;
	if (!val_is_string(value))
		return wrong_type(key, "a string", value, err);
	stage_set_text(where, val_text(&value));
	return 0;
}

static int take_int(struct val map, const char *key, int64_t *where, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value) || val_as_int(value, where))
		return 0;
	return wrong_type(key, "a whole number", value, err);
}

static int take_bool(struct val map, const char *key, bool *where, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value) || val_as_bool(value, where))
		return 0;
	return wrong_type(key, "true or false", value, err);
}

static int take_value(
	struct val map, const char *key, enum val_kind kind, struct val *where, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value))
		return 0;
	if (val_kind(value) != kind)
		return wrong_type(key, val_kind_name(kind), value, err);
	val_replace(where, val_ref(value));
	return 0;
}

static void take_any(struct val map, const char *key, struct val *where)
{
	val_replace(where, val_ref(val_get(map, key)));
}

static int take_status(struct val map, enum status *where, struct err *err)
{
	struct val value = val_get(map, "status");

	if (val_is_null(value) || status_parse(val_as_str(&value), where))
		return 0;
	return err_set(err, ERR_INVALID, "status: \"%s\" is no status", val_text(&value));
}

static int take_id(struct val map, char where[ULID_LENGTH + 1], struct err *err)
{
	struct val value = val_get(map, "id");
	struct str id = val_as_str(&value);

	if (id.length == 0 || id.length > ULID_LENGTH)
		return err_set(err, ERR_INVALID, "id: expected a string of 1 to %d characters",
			ULID_LENGTH);
	memcpy(where, id.bytes, id.length);
	where[id.length] = 0;
	return 0;
}

static int task_from_json(struct val json, struct task *task, struct err *err)
{
	struct val id = val_get(json, "id");
	struct val name = val_get(json, "name");
	struct val implementing = val_get(json, "implementingClass");
	int64_t number;

	if (!val_as_int(id, &number) && !str_to_int(val_as_str(&id), &number))
		return err_set(err, ERR_INVALID, "id: expected a number");
	task->id = (int)number;
	if (val_is_string(name))
		task->name = intern(val_text(&name));
	if (val_is_string(implementing))
		task->implementing = intern(val_text(&implementing));
	val_replace(&task->exception, val_ref(val_path(json, "taskExceptionDetails.exception")));
	if (take_status(json, &task->status, err) < 0 ||
		take_int(json, "startTime", &task->start_ms, err) < 0 ||
		take_int(json, "endTime", &task->end_ms, err) < 0 ||
		take_bool(json, "stageStart", &task->stage_start, err) < 0 ||
		take_bool(json, "stageEnd", &task->stage_end, err) < 0 ||
		take_bool(json, "loopStart", &task->loop_start, err) < 0 ||
		take_bool(json, "loopEnd", &task->loop_end, err) < 0)
		return -1;
	return 0;
}

static int tasks_from_json(struct val list, struct stage *stage, struct err *err)
{
	size_t count = val_count(list);

	if (!val_is_list(list) && !val_is_null(list))
		return wrong_type("tasks", "a list", list, err);
	if (count == 0)
		return 0;
	stage->tasks = xcalloc(count, sizeof(*stage->tasks));
	stage->task_count = count;
	for (size_t i = 0; i < count; i++)
		if (task_from_json(val_at(list, i), &stage->tasks[i], err) < 0)
			return err_wrap(err, "tasks[%zu]", i);
	return 0;
}

static int stage_from_json(struct val json, struct stage *stage, struct err *err)
{
	struct val owner = val_get(json, "syntheticStageOwner");

	if (!val_is_map(json))
		return err_set(err, ERR_INVALID, "expected a map");
	if (take_id(json, stage->id, err) < 0 || take_text(json, "refId", &stage->ref_id, err) < 0 ||
		take_text(json, "type", &stage->type, err) < 0 ||
		take_text(json, "name", &stage->name, err) < 0 ||
		take_status(json, &stage->status, err) < 0 ||
		take_int(json, "startTime", &stage->start_ms, err) < 0 ||
		take_int(json, "endTime", &stage->end_ms, err) < 0 ||
		take_int(json, "startTimeExpiry", &stage->expiry_ms, err) < 0 ||
		take_int(json, "scheduledTime", &stage->scheduled_ms, err) < 0 ||
		take_value(json, "context", VAL_KIND_MAP, &stage->context, err) < 0 ||
		take_value(json, "outputs", VAL_KIND_MAP, &stage->outputs, err) < 0 ||
		take_value(json, "lastModified", VAL_KIND_MAP, &stage->last_modified, err) < 0)
		return -1;
	if (!val_is_null(owner)) {
		if (str_is(val_as_str(&owner), owner_names[OWNER_BEFORE]))
			stage->owner = OWNER_BEFORE;
		else if (str_is(val_as_str(&owner), owner_names[OWNER_AFTER]))
			stage->owner = OWNER_AFTER;
		else
			return err_set(err, ERR_INVALID, "syntheticStageOwner: \"%s\" is no owner",
				val_text(&owner));
	}
	return tasks_from_json(val_get(json, "tasks"), stage, err);
}

/* Ids and refIds of the stages to index + 1. */
struct places {
	struct map by_id, by_ref;
};

static void places_free(struct places *places)
{
	map_free(&places->by_id);
	map_free(&places->by_ref);
}

static void places_add(struct map *map, const char *key, size_t index)
{
	if (key && *key && !map_get(map, str_of(key)))
		map_put(map, str_of(key), (void *)(index + 1));
}

static size_t places_find(const struct map *map, struct val key)
{
	size_t place = (size_t)map_get(map, val_as_str(&key));

	return place ? place - 1 : STAGE_NONE;
}

static int link_requisites(struct execution **execution, size_t index, struct val json,
	const struct places *places, struct err *err)
{
	struct val list = val_get(json, "requisiteStageRefIds");
	size_t count = val_count(list);
	_cleanup_free_ size_t *requisites = xcalloc(count, sizeof(*requisites));

	for (size_t i = 0; i < count; i++) {
		struct val ref_id = val_at(list, i);

		requisites[i] = places_find(&places->by_ref, ref_id);
		if (requisites[i] == STAGE_NONE)
			return err_set(err, ERR_INVALID,
				"requisiteStageRefIds[%zu]: there is no stage \"%s\"", i,
				val_text(&ref_id));
	}
	stage_set_requisites(execution, index, requisites, count);
	return 0;
}

static int link_parent(struct execution **execution, size_t index, struct val json,
	const struct places *places, struct err *err)
{
	struct val id = val_get(json, "parentStageId");
	size_t parent;

	if (val_is_null(id))
		return 0;
	parent = places_find(&places->by_id, id);
	if (parent == STAGE_NONE || parent == index)
		return err_set(
			err, ERR_INVALID, "parentStageId: there is no stage \"%s\"", val_text(&id));
	stage_set_parent(execution, index, parent, stage_at(*execution, index)->owner);
	return 0;
}

static int stages_from_json(struct val list, struct execution **execution, struct err *err)
{
	_cleanup_(places_free) struct places places = { 0 };

	if (!val_is_list(list) && !val_is_null(list))
		return wrong_type("stages", "a list", list, err);
	for (size_t i = 0; i < val_count(list); i++) {
		struct stage *stage = stage_edit(execution, stage_add(execution));

		if (stage_from_json(val_at(list, i), stage, err) < 0)
			return err_wrap(err, "stages[%zu]", i);
		places_add(&places.by_id, stage->id, i);
		places_add(&places.by_ref, stage->ref_id, i);
		stage_index_outputs(execution, i);
	}
	for (size_t i = 0; i < val_count(list); i++) {
		struct val json = val_at(list, i);

		if (link_requisites(execution, i, json, &places, err) < 0 ||
			link_parent(execution, i, json, &places, err) < 0)
			return err_wrap(err, "stages[%zu]", i);
	}
	return 0;
}

static int authentication_from_json(struct val json, struct execution *execution, struct err *err)
{
	struct val authentication = val_get(json, "authentication");
	struct val accounts = val_get(authentication, "allowedAccounts");
	bool more = val_count(authentication) > 2 || val_count(accounts) > 0;

	if (!val_is_map(authentication) && !val_is_null(authentication))
		return wrong_type("authentication", "a map", authentication, err);
	if (take_text(authentication, "user", &execution->user, err) < 0)
		return err_wrap(err, "authentication");
	if (execution->user && str_is(str_of(execution->user), ANONYMOUS))
		stage_set_text(&execution->user, NULL);
	if (more)
		val_set(&execution->extra, "authentication", val_ref(authentication));
	return 0;
}

static int head_from_json(struct val json, struct execution *execution, struct err *err)
{
	const char *name = execution->orchestration ? "description" : "name";

	if (take_id(json, execution->id, err) < 0 ||
		take_text(json, "application", &execution->application, err) < 0 ||
		take_text(json, name, &execution->name, err) < 0 ||
		take_text(json, "pipelineConfigId", &execution->config_id, err) < 0 ||
		take_status(json, &execution->status, err) < 0 ||
		take_int(json, "buildTime", &execution->build_ms, err) < 0 ||
		take_int(json, "startTime", &execution->start_ms, err) < 0 ||
		take_int(json, "endTime", &execution->end_ms, err) < 0 ||
		take_int(json, "startTimeExpiry", &execution->expiry_ms, err) < 0 ||
		take_bool(json, "canceled", &execution->canceled, err) < 0 ||
		take_text(json, "canceledBy", &execution->canceled_by, err) < 0 ||
		take_text(json, "cancellationReason", &execution->cancellation_reason, err) < 0 ||
		take_bool(json, "limitConcurrent", &execution->limit_concurrent, err) < 0 ||
		take_int(json, "maxConcurrentExecutions", &execution->max_concurrent, err) < 0 ||
		take_bool(json, "keepWaitingPipelines", &execution->keep_waiting, err) < 0 ||
		take_text(json, "origin", &execution->origin, err) < 0 ||
		take_value(json, "trigger", VAL_KIND_MAP, &execution->trigger, err) < 0 ||
		take_value(json, "initialConfig", VAL_KIND_MAP, &execution->config, err) < 0 ||
		take_text(json, "spelEvaluator", &execution->spel_evaluator, err) < 0)
		return -1;
	take_any(json, "notifications", &execution->notifications);
	take_any(json, "paused", &execution->paused);
	take_any(json, "source", &execution->source);
	take_any(json, "templateVariables", &execution->template_variables);
	take_any(json, "systemNotifications", &execution->system_notifications);
	return authentication_from_json(json, execution, err);
}

/* All keys that head_from_json and stages_from_json read. */
static const char known_keys[] =
	"type id application pipelineConfigId status buildTime startTime endTime startTimeExpiry canceled "
	"canceledBy cancellationReason limitConcurrent maxConcurrentExecutions keepWaitingPipelines origin "
	"trigger stages notifications initialConfig paused authentication source spelEvaluator "
	"templateVariables systemNotifications";

static bool is_known(struct str key, bool orchestration)
{
	struct str rest = str_of(known_keys);

	for (struct str known; str_split(&rest, ' ', &known);)
		if (str_equal(key, known))
			return true;
	return str_is(key, orchestration ? "description" : "name");
}

static void keep_extra(struct val json, struct execution *execution)
{
	for (size_t i = 0; i < val_count(json); i++) {
		struct str key = val_key_at(json, i);
		struct val value = val_value_at(json, i);

		if (!val_is_null(value) && !is_known(key, execution->orchestration))
			val_set_str(&execution->extra, key, val_ref(value));
	}
}

int execution_from_json(struct val json, struct execution **ret, struct err *err)
{
	_cleanup_(execution_unref_cleanup) struct execution *execution = execution_new();

	if (!val_is_map(json))
		return err_set(err, ERR_INVALID, "an execution is a map, not %s",
			val_kind_name(val_kind(json)));
	execution->orchestration = str_is(str_of(val_get_text(json, "type", "")), "ORCHESTRATION");
	if (head_from_json(json, execution, err) < 0 ||
		stages_from_json(val_get(json, "stages"), &execution, err) < 0)
		return -1;
	keep_extra(json, execution);
	*ret = take(&execution);
	return 0;
}

/* ---- cut down for lists ------------------------------------------------------------------------ */

void trigger_brief(struct val *trigger)
{
	struct val *parent = val_edit(trigger, "parentExecution");

	if (parent && val_is_map(*parent))
		val_set(parent, "stages", val_list());
}

void stage_brief(struct val *stage)
{
	struct val context = val_map(), group = val_get(val_get(*stage, "context"), "group");

	if (!val_is_null(group))
		val_set(&context, "group", val_ref(group));
	val_set(stage, "context", context);
	val_set(stage, "outputs", val_map());
	val_set(stage, "tasks", val_list());
}

void execution_brief(struct val *execution)
{
	struct val *trigger = val_edit(execution, "trigger");
	struct val *stages = val_edit(execution, "stages");

	if (trigger)
		trigger_brief(trigger);
	for (size_t i = 0; stages && i < val_count(*stages); i++)
		stage_brief(val_edit_at(stages, i));
}
