/*
 * What expressions see of a run: a host over an execution snapshot (expressions.md 3), and the passes over a stage and a pipeline.
 */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "engine/internal.h"
#include "engine/view.h"
#include "model/secrets.h"
#include "net/fetch.h"
#include "store/store.h"

struct view {
	const struct execution *execution; /* NULL at submission */
	size_t index;
	struct val names; /* map: defined by the stage type while it evaluates */
	struct val trigger;
	struct val template_variables;
	struct fetch fetch;
	struct store *store;
	unsigned lookups;        /* in the store so far */
	const char *application; /* where pipelines are looked up */
};

static bool is_v4(const char *evaluator)
{
	return evaluator && strcasecmp(evaluator, "v4") == 0;
}

/* The snapshot outlives every evaluation over it: what lies in it is lent. */
static const struct val *view_context(const struct view *view, struct val_key *name)
{
	if (!view->execution || view->index == STAGE_NONE)
		return NULL;
	return context_find(view->execution, view->index, name);
}

/* trigger.parameters when there are any, else what the context has, else an empty map. */
static const struct val *view_parameters(const struct view *view, struct val_key *name)
{
	static const struct val none = { .kind = VAL_KIND_MAP };
	const struct val *parameters = val_find(view->trigger, name->text);
	if (parameters && val_count(*parameters) > 0)
		return parameters;
	parameters = view_context(view, name);
	return parameters ? parameters : &none;
}

/* The first build of more than one whose branch is neither master nor develop (expressions.md 3). */
static struct val scm_of_trigger(struct val trigger)
{
	struct val scm = val_get(val_get(trigger, "buildInfo"), "scm");
	for (size_t i = 0; i < val_count(scm); i++) {
		const char *branch = val_get_text(val_at(scm, i), "branch", "");
		if (strcmp(branch, "master") != 0 && strcmp(branch, "develop") != 0)
			return val_at(scm, i);
	}
	return val_at(scm, 0);
}

static const struct val *view_scm_info(
	const struct view *view, struct val_key *name, struct val *ret_made)
{
	const struct val *value = view_context(view, name);
	*ret_made = value ? VAL_NULL : val_ref(scm_of_trigger(view->trigger));
	return value ? value : ret_made;
}

static const struct val *host_root(void *data, struct val_key *key, struct val *ret_made)
{
	const struct view *view = data;
	struct str name = key->text;
	const struct val *defined = val_find(view->names, name);
	if (defined)
		return defined;
	if (str_is(name, "trigger") && (!view->execution || !view->execution->orchestration))
		return &view->trigger;
	if (str_is(name, "parameters"))
		return view_parameters(view, key);
	if (str_is(name, "scmInfo"))
		return view_scm_info(view, key, ret_made);
	if (str_is(name, "templateVariables") && !val_is_null(view->template_variables))
		return &view->template_variables;
	return view_context(view, key);
}

static struct val host_root_map(void *data)
{
	const struct view *view = data;
	bool in_stage = view->execution && view->index != STAGE_NONE;
	struct val_key parameters;
	val_key_init(&parameters, STR("parameters"));
	struct val map = in_stage ? context_all(view->execution, view->index) : val_map();
	val_set(&map, "trigger", val_ref(view->trigger));
	val_set(&map, "parameters", val_ref(*view_parameters(view, &parameters)));
	val_merge(&map, view->names);
	return map;
}

static struct val host_execution(void *data)
{
	const struct view *view = data;
	return execution_to_json(view->execution, false);
}

static size_t host_stage_count(void *data)
{
	const struct view *view = data;
	return stage_count(view->execution);
}

static struct val host_stage(void *data, size_t index)
{
	const struct view *view = data;
	if (index >= stage_count(view->execution))
		return VAL_NULL;
	_cleanup_(val_free) struct val json = stage_to_json(
		view->execution, stage_at(view->execution, index));
	return secrets_masked(json); /* another stage's Secrets are not for a webhook's payload */
}

static const struct val *host_stage_field(
	void *data, size_t index, struct str key, struct val *ret_made)
{
	const struct view *view = data;
	if (index >= stage_count(view->execution))
		return NULL;
	*ret_made = stage_member_to_json(view->execution, stage_at(view->execution, index), key);
	if (val_is_map(*ret_made))
		val_replace(ret_made, secrets_masked(*ret_made));
	return ret_made;
}

static const char *stage_text(const struct stage *stage, enum expr_stage_text text)
{
	switch (text) {
	case EXPR_STAGE_ID:
		return stage->id;
	case EXPR_STAGE_REF_ID:
		return stage->ref_id;
	case EXPR_STAGE_NAME:
		return stage->name;
	case EXPR_STAGE_TYPE:
		return stage->type;
	case EXPR_STAGE_STATUS:
		return status_name(stage->status);
	}
	return NULL;
}

static struct str host_stage_text(void *data, size_t index, enum expr_stage_text text)
{
	const struct view *view = data;
	if (index >= stage_count(view->execution))
		return (struct str){ NULL, 0 };
	const char *found = stage_text(stage_at(view->execution, index), text);
	return (struct str){ found, found ? strlen(found) : 0 };
}

static ptrdiff_t host_stage_find(void *data, struct str text, bool by_ref)
{
	const struct view *view = data;
	size_t index = by_ref ? stage_find_ref(view->execution, text) :
				stage_find_name(view->execution, text);
	return index == STAGE_NONE ? -1 : (ptrdiff_t)index;
}

static const struct val *host_stage_context(
	void *data, size_t index, struct str key, struct val *ret_made)
{
	const struct view *view = data;
	if (index >= stage_count(view->execution))
		return NULL;
	struct val context = stage_at(view->execution, index)->context;
	if (val_has_str(context, key)) {
		*ret_made = secrets_masked_member(context, key);
		return ret_made;
	}
	struct val_key of_context;
	val_key_init(&of_context, key);
	const struct val *found = context_find(view->execution, index, &of_context);
	if (!found)
		return NULL;
	*ret_made = secrets_masked(*found);
	return ret_made;
}

static int host_fetch(void *data, struct str url, struct strbuf *ret_body, struct err *err)
{
	return fetch_text(data, url, ret_body, err);
}

/* Both read the store: expressions call them on workers only, and so often at most. */
static int count_lookup(struct view *view, struct err *err)
{
	if (++view->lookups > LIMIT_EXPR_LOOKUPS)
		return err_set(err, ERR_TOO_LARGE, "more than %d lookups", LIMIT_EXPR_LOOKUPS);
	return 0;
}

static struct val host_pipeline_id(
	void *data, struct str name, const char *application, struct err *err)
{
	struct view *view = data;
	_cleanup_(val_free) struct val pipeline = VAL_NULL;
	_cleanup_free_ char *text = xstrndup(name.bytes, name.length);
	const char *where = application ? application : view->application;
	if (!where || count_lookup(view, err) < 0)
		return VAL_NULL;
	if (view->store->type->find_pipeline(view->store, where, text, &pipeline, err) < 0) {
		if (err->kind == ERR_NOT_FOUND)
			err_clear(err);
		return VAL_NULL;
	}
	return val_ref(val_get(pipeline, "id"));
}

static struct val host_application(void *data, struct str name, struct err *err)
{
	struct view *view = data;
	_cleanup_(val_free) struct val list = VAL_NULL;
	if (count_lookup(view, err) < 0 ||
		view->store->type->list_applications(view->store, &list, err) < 0)
		return VAL_NULL;
	for (size_t i = 0; i < val_count(list); i++)
		if (str_equal_nocase(str_of(val_get_text(val_at(list, i), "name", "")), name))
			return val_ref(val_at(list, i));
	return VAL_NULL;
}

/* What this evaluation has for its helpers beside the run. */
static void host_equip(struct expr_host *host, struct view *view, const struct evaluator *by)
{
	host->now_ms = by->now_ms;
	host->fetch = by->world->no_fetch || !by->world->url_policy ? NULL : host_fetch;
	host->fetch_data = &view->fetch;
	view->store = by->world->store;
	host->pipeline_id = view->store ? host_pipeline_id : NULL;
	host->application = view->store ? host_application : NULL;
	view->fetch = (struct fetch){ .http = by->world->http,
		.policy = by->world->url_policy,
		.clock = by->world->clock,
		.cancel = by->cancel };
}

struct evaluator evaluate_here(const struct engine *engine)
{
	return (struct evaluator){ engine->world, NULL, clock_now_ms(engine->clock) };
}

static struct expr_limits limits_of(const struct evaluator *by, bool allow_unknown_keys)
{
	return (struct expr_limits){
		.max_steps = by->cancel ? LIMIT_EXPR_STEPS : LIMIT_EXPR_INLINE_STEPS,
		.no_io = !by->cancel,
		.allow_unknown_keys = allow_unknown_keys,
	};
}

static const char *host_current_user(void *data)
{
	const struct view *view = data;
	return stage_user(view->execution, view->index);
}

static void look_at_stage(const struct execution *execution, size_t index, const char *evaluator,
	struct view *view, struct expr_host *host)
{
	*view = (struct view){ .execution = execution,
		.index = index,
		.trigger = execution->trigger,
		.application = execution->application };
	if (is_v4(evaluator))
		view->template_variables = execution->template_variables;
	*host = (struct expr_host){
		.data = view,
		.root = host_root,
		.root_map = host_root_map,
		.execution = execution->orchestration ? NULL : host_execution,
		.stage_count = host_stage_count,
		.stage = host_stage,
		.stage_field = host_stage_field,
		.stage_text = host_stage_text,
		.stage_find = host_stage_find,
		.stage_context = host_stage_context,
		.current_stage = index == STAGE_NONE ? -1 : (ptrdiff_t)index,
		.user = execution->user,
		.current_user = index == STAGE_NONE ? NULL : host_current_user,
	};
}

static void view_of_stage(const struct evaluator *by, const struct execution *execution,
	size_t index, struct view *view, struct expr_host *host)
{
	look_at_stage(execution, index, execution->spel_evaluator, view, host);
	host_equip(host, view, by);
}

struct stage_view {
	struct view view;
	struct expr_host host;
};

struct stage_view *stage_view_new(
	const struct execution *execution, size_t index, const char *evaluator, struct val names)
{
	struct stage_view *self = xnew(struct stage_view);
	look_at_stage(execution, index, evaluator ? evaluator : execution->spel_evaluator,
		&self->view, &self->host);
	self->view.names = val_ref(names);
	return self;
}

void stage_view_free(struct stage_view *self)
{
	if (self)
		val_free(&self->view.names);
	free(self);
}

const struct expr_host *stage_view_host(const struct stage_view *self)
{
	return &self->host;
}

enum expr_failure evaluation_values(
	struct evaluation *evaluation, const char *top_key, struct val value, struct val *ret)
{
	struct template_result result = { 0 };
	enum expr_failure failure = template_evaluate(value, top_key, evaluation->host,
		evaluation->limits, evaluation->now_ms, ret, &result);
	if (failure != EXPR_OK)
		return failure;
	evaluation->result.evaluated += result.evaluated;
	evaluation->result.failures += result.failures;
	evaluation->result.unresolved |= result.unresolved;
	if (val_count(result.summary) > 0)
		val_merge(&evaluation->result.summary, result.summary);
	template_result_free(&result);
	return EXPR_OK;
}

void evaluation_define(struct evaluation *evaluation, const char *name, struct val value)
{
	struct view *view = evaluation->names;
	val_set(&view->names, name, val_ref(value));
}

/* The same failures, maybe at another time: then the old entry stays, and nothing has changed. */
static bool summary_is_same(struct val before, struct val after)
{
	if (val_count(before) != val_count(after))
		return false;
	for (size_t i = 0; i < val_count(after); i++) {
		struct val old = val_get_str(before, val_key_at(after, i)),
			   list = val_value_at(after, i);
		if (val_count(old) != val_count(list))
			return false;
		for (size_t j = 0; j < val_count(list); j++)
			if (!val_equal(val_get(val_at(old, j), "level"),
				    val_get(val_at(list, j), "level")) ||
				!val_equal(val_get(val_at(old, j), "description"),
					val_get(val_at(list, j), "description")))
				return false;
	}
	return true;
}

enum expr_failure evaluate_stage(const struct evaluator *by, const struct execution *execution,
	size_t index, const struct stage_type *type, struct evaluated *ret)
{
	struct view view;
	struct expr_host host;
	const struct expr_limits limits = limits_of(by, true);
	view_of_stage(by, execution, index, &view, &host);
	struct evaluation evaluation = {
		.context = val_ref(stage_at(execution, index)->context),
		.evaluator = execution->spel_evaluator ? execution->spel_evaluator : "v3",
		.host = &host,
		.limits = &limits,
		.now_ms = by->now_ms,
		.names = &view,
	};
	struct val before = val_get(
		stage_at(execution, index)->context, "expressionEvaluationSummary");
	val_remove(&evaluation.context, "expressionEvaluationSummary");
	_cleanup_(val_free) struct val raw = raw_hide(type, &evaluation.context);
	enum expr_failure failure;
	if (type && type->evaluate) {
		failure = type->evaluate(&evaluation);
	} else {
		struct val evaluated = VAL_NULL;
		failure = evaluation_values(&evaluation, NULL, evaluation.context, &evaluated);
		if (failure == EXPR_OK)
			val_replace(&evaluation.context, evaluated);
	}
	if (failure == EXPR_OK) {
		raw_show(type, raw, &evaluation.context);
		_cleanup_(val_free) struct val summary = secrets_summary_masked(
			evaluation.context, evaluation.result.summary);
		if (val_count(summary) > 0)
			val_set(&evaluation.context, "expressionEvaluationSummary",
				val_ref(summary_is_same(before, summary) ? before : summary));
		ret->unresolved = evaluation.result.unresolved;
		ret->context = take(&evaluation.context);
	}
	val_free(&evaluation.context);
	template_result_free(&evaluation.result);
	val_free(&view.names);
	return failure;
}

/* By the nearest of self and parents that has one (2.7). */
char *stage_enabled_text(const struct execution *execution, size_t index)
{
	struct val enabled = VAL_NULL;
	for (; index != STAGE_NONE && !val_is_map(enabled) && !execution->orchestration;
		index = stage_at(execution, index)->parent)
		enabled = val_get(stage_at(execution, index)->context, "stageEnabled");
	if (!val_is_map(enabled) ||
		strcasecmp(val_get_text(enabled, "type", "expression"), "expression") != 0)
		return NULL;
	struct val expression = val_get(enabled, "expression");
	bool literal;
	if (val_is_null(expression) || str_trim(val_as_str(&expression)).length == 0)
		return val_as_bool(expression, &literal) && !literal ? xstrdup("${false}") : NULL;
	const char *text = val_text(&expression);
	return strstr(text, "${") ? xstrdup(text) : xasprintf("${%s}", text);
}

struct val summary_of(const char *what, const char *level, const char *why, int64_t now_ms)
{
	struct val entry = val_map(), list = val_list(), summary = val_map();
	val_set(&entry, "level", val_string(level));
	val_set(&entry, "description", val_string(why));
	val_set(&entry, "timestamp", val_int(now_ms));
	val_append(&list, entry);
	val_set(&summary, what, list);
	return summary;
}

/* VALUE as a boolean, or why it is none. */
static struct val enabled_value(const char *text, struct val value, int64_t now_ms)
{
	struct str word = val_as_str(&value);
	bool flag;
	if (val_as_bool(value, &flag))
		return val_bool(flag);
	if (str_equal_nocase(word, STR("true")) || str_equal_nocase(word, STR("false")))
		return val_bool(str_equal_nocase(word, STR("true")));
	_cleanup_(val_free) struct val shown = secrets_masked(value);
	_cleanup_free_ char *got = json_text(shown, JSON_COMPACT);
	_cleanup_free_ char *why = xasprintf(
		"stageEnabled: it came to %.80s, which is neither true nor false", got);
	struct str body = str_of(text);
	bool whole = str_starts(body, "${") && str_ends(body, "}");
	_cleanup_free_ char *what = whole ? xstrndup(text + 2, body.length - 3) : xstrdup(text);
	return summary_of(what, "INFO", why, now_ms);
}

enum expr_failure evaluate_enabled(const struct evaluator *by, const struct execution *execution,
	size_t index, const char *text, struct val *ret)
{
	struct view view;
	struct expr_host host;
	const struct expr_limits limits = limits_of(by, true);
	view_of_stage(by, execution, index, &view, &host);
	_cleanup_(val_free) struct val source = val_string(text), value = VAL_NULL;
	struct template_result result = { 0 };
	enum expr_failure failure = template_evaluate(
		source, "stageEnabled", &host, &limits, by->now_ms, &value, &result);
	if (failure == EXPR_OK)
		*ret = result.failures > 0 ?
			secrets_summary_masked(stage_at(execution, index)->context, result.summary) :
			enabled_value(text, value, by->now_ms);
	template_result_free(&result);
	return failure;
}

enum expr_failure task_evaluate(
	const struct task_input *in, const char *text, struct val *ret, struct err *err)
{
	struct view view;
	struct expr_host host;
	const struct evaluator by = { in->world, in->cancel, in->now_ms };
	const struct expr_limits limits = limits_of(&by, true);
	view_of_stage(&by, in->execution, in->stage_index, &view, &host);
	_cleanup_(val_free) struct val source = val_string(text);
	struct template_result result = { 0 };
	enum expr_failure failure = template_evaluate(
		source, NULL, &host, &limits, in->now_ms, ret, &result);
	if (failure == EXPR_OVER_BUDGET && in->cancel)
		err_set(err, ERR_TOO_LARGE, "the expression needs more than %d steps",
			LIMIT_EXPR_STEPS);
	if (failure == EXPR_OK && result.failures > 0) {
		failure = EXPR_FAILED;
		err_set(err, ERR_FAILED, "%s",
			val_get_text(val_at(result.failure_list, 0), "description",
				"it cannot be evaluated"));
		val_free(ret);
	}
	template_result_free(&result);
	return failure;
}

static void look_at_pipeline(const struct evaluator *by, struct val pipeline, struct val trigger,
	struct view *view, struct expr_host *host)
{
	*view = (struct view){ .trigger = trigger,
		.template_variables = val_get(pipeline, "templateVariables"),
		.application = val_get_text(pipeline, "application", NULL) };
	*host = (struct expr_host){
		.data = view,
		.root = host_root,
		.root_map = host_root_map,
		.current_stage = -1,
		.user = val_get_text(trigger, "user", NULL),
	};
	host_equip(host, view, by);
}

/*
 * The default of a parameter is the author's text, and a template. It is evaluated when it is used, since what an expression
 * takes out of `parameters` is not evaluated any more.
 */
static enum expr_failure evaluate_defaults(
	const struct evaluator *by, struct val pipeline, struct val *trigger)
{
	struct view view;
	struct expr_host host;
	const struct expr_limits limits = limits_of(by, false);
	struct val given = val_get(*trigger, "parameters");
	struct val declared = val_get(pipeline, "parameterConfig"), used = VAL_NULL;
	for (size_t i = 0; i < val_count(declared); i++) {
		struct val preset = val_get(val_at(declared, i), "default");
		const char *name = val_get_text(val_at(declared, i), "name", "");
		if (template_is_candidate(preset) && val_equal(preset, val_get(given, name)))
			val_set(&used, name, val_ref(preset));
	}
	if (val_is_null(used))
		return EXPR_OK;
	look_at_pipeline(by, pipeline, *trigger, &view, &host);
	struct template_result result = { 0 };
	struct val values = VAL_NULL;
	enum expr_failure failure = template_evaluate(
		used, NULL, &host, &limits, by->now_ms, &values, &result);
	if (failure == EXPR_OK)
		val_merge(val_edit(trigger, "parameters"), values);
	template_result_free(&result);
	val_free(&values);
	val_free(&used);
	return failure;
}

enum expr_failure evaluate_pipeline(const struct evaluator *by, const struct stage_registry *registry,
	struct val pipeline, struct val *trigger, struct val *ret)
{
	struct view view;
	struct expr_host host;
	struct val source = val_ref(pipeline);
	val_remove(&source, "trigger");       /* it is what it is */
	if (!template_is_candidate(source)) { /* all the runs share it */
		*ret = source;
		return EXPR_OK;
	}
	enum expr_failure failure = evaluate_defaults(by, pipeline, trigger);
	if (failure != EXPR_OK) {
		val_free(&source);
		return failure;
	}
	const struct expr_limits limits = limits_of(by, false);
	look_at_pipeline(by, pipeline, *trigger, &view, &host);
	/* v4 leaves the stages to their own start. */
	bool later = is_v4(val_get_text(pipeline, "spelEvaluator", NULL));
	if (later)
		val_remove(&source, "stages");
	struct val *stages = val_edit(&source, "stages");
	_cleanup_(val_free) struct val raw = stages ? raw_hide_all(registry, stages) : VAL_NULL;
	struct template_result result = { 0 };
	failure = template_evaluate(source, NULL, &host, &limits, by->now_ms, ret, &result);
	if (failure == EXPR_OK && stages)
		raw_show_all(registry, raw, val_edit(ret, "stages"));
	if (failure == EXPR_OK && later && val_has(pipeline, "stages"))
		val_set(ret, "stages", val_ref(val_get(pipeline, "stages")));
	template_result_free(&result);
	val_free(&source);
	return failure;
}
