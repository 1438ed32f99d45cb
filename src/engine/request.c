/*
 * Requests: starting runs, cancelling, patching, saving pipelines. Each is answered after the commit of what it changed.
 */
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "engine/internal.h"
#include "model/artifact.h"
#include "model/secrets.h"

static void reply_error(struct engine *engine, struct request *request, struct err *err)
{
	engine_reply(engine, request, VAL_NULL, err);
}

/* ---- pipelines ------------------------------------------------------------------------------------------------------------- */

static struct val find_pipeline(
	struct engine *engine, const char *application, const char *name, bool any_case)
{
	struct map_cursor cursor = { 0 };
	struct str key;
	struct str wanted = str_trim(str_of(name));
	for (void *document; map_next(&engine->pipelines, &cursor, &key, &document);) {
		struct val pipeline = *(struct val *)document;
		struct val its_name = val_get(pipeline, "name");
		struct str text = str_trim(val_as_str(&its_name));
		if (strcasecmp(val_get_text(pipeline, "application", ""), application) != 0)
			continue;
		if (any_case ? str_equal_nocase(text, wanted) : str_equal(text, wanted))
			return pipeline;
	}
	return VAL_NULL;
}

static void keep_pipeline(struct engine *engine, struct val document)
{
	struct val *boxed = xnew(struct val);
	*boxed = val_ref(document);
	struct val *old = map_put(
		&engine->pipelines, str_of(val_get_text(document, "id", "")), boxed);
	if (old) {
		val_free(old);
		free(old);
	}
}

static int check_saved(
	struct engine *engine, const struct request *request, struct val *document, struct err *err)
{
	if (!val_is_map(*document))
		return err_set(err, ERR_INVALID, "a pipeline is a JSON object");
	struct val name_value = val_get(*document, "name");
	struct str name = str_trim(val_as_str(&name_value));
	const char *application = val_get_text(*document, "application", "");
	if (name.length == 0 || str_trim(str_of(application)).length == 0)
		return err_set(err, ERR_INVALID, "%s: a pipeline that is saved needs one",
			name.length == 0 ? "name" : "application");
	if (name.length != val_as_str(&name_value).length) {
		_cleanup_free_ char *trimmed = xstrndup(name.bytes, name.length);
		val_set(document, "name", val_string(trimmed));
	}
	const char *id = val_get_text(*document, "id", "");
	struct val same_name = find_pipeline(
		engine, application, val_get_text(*document, "name", ""), true);
	if (!val_is_null(same_name) && strcmp(val_get_text(same_name, "id", ""), id) != 0)
		return err_set(err, ERR_INVALID,
			"A pipeline with name %s already exists in application %s",
			val_get_text(*document, "name", ""), application);
	struct val *stored = *id ? map_get(&engine->pipelines, str_of(id)) : NULL;
	if (request->stale_check && stored &&
		!val_equal(val_get(*stored, "lastModified"), val_get(*document, "lastModified")))
		return err_set(err, ERR_INVALID,
			"The submitted pipeline is stale: it was changed by somebody else since it was read");
	if (stored && val_is_null(val_get(*document, "index")) && val_has(*stored, "index"))
		val_set(document, "index", val_ref(val_get(*stored, "index")));
	return 0;
}

/* Cron triggers get ids; in a new pipeline all get fresh ones. */
static void set_trigger_ids(struct engine *engine, struct val *document, bool is_new)
{
	struct val *triggers = val_edit(document, "triggers");
	for (size_t i = 0; triggers && i < val_count(*triggers); i++) {
		struct val trigger = val_at(*triggers, i);
		if (strcmp(val_get_text(trigger, "type", ""), "cron") != 0 ||
			(!is_new && *val_get_text(trigger, "id", "")))
			continue;
		char id[37];
		uuid_make(&engine->ids, id);
		val_set(val_edit_at(triggers, i), "id", val_string(id));
	}
}

static void save_pipeline(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val document = val_ref(request->value);
	if (check_saved(engine, request, &document, &err) < 0) {
		reply_error(engine, request, &err);
		return;
	}
	bool is_new = *val_get_text(document, "id", "") == '\0';
	if (is_new) {
		char id[37];
		uuid_make(&engine->ids, id);
		val_set(&document, "id", val_string(id));
	}
	set_trigger_ids(engine, &document, is_new);
	int64_t now = clock_now_ms(engine->clock);
	val_set(&document, "lastModified", val_int(now));
	val_set(&document, "updateTs", val_format("%lld", (long long)now));
	val_set(&document, "lastModifiedBy", val_string(request->user ? request->user : "anonymous"));
	bool known = map_get(&engine->pipelines, str_of(val_get_text(document, "id", ""))) != NULL;
	keep_pipeline(engine, document);
	store_put_pipeline(&engine->batch->store, document);
	event_config(engine, document, known ? "update" : "create", request->user);
	engine_reply(engine, request, val_ref(document), NULL);
}

static void delete_pipeline(struct engine *engine, struct request *request)
{
	struct val found = find_pipeline(engine, request->application, request->name, true);
	if (!val_is_null(found)) {
		_cleanup_free_ char *id = xstrdup(val_get_text(found, "id", ""));
		event_config(engine, found, "delete", request->user);
		store_delete_pipeline(&engine->batch->store, id);
		struct val *boxed = map_remove(&engine->pipelines, str_of(id));
		val_free(boxed);
		free(boxed);
	}
	engine_reply(engine, request, VAL_NULL, NULL);
}

/* ---- starting ---------------------------------------------------------------------------------------------------------------- */

/* The document of a start, with id, application and name; owned. */
static int start_document(
	struct engine *engine, const struct request *request, struct val *ret, struct err *err)
{
	if (!val_is_null(request->value)) {
		*ret = val_ref(request->value);
		return 0;
	}
	struct val found = VAL_NULL;
	if (request->key) {
		struct val *boxed = map_get(&engine->pipelines, str_of(request->key));
		found = boxed ? *boxed : VAL_NULL;
	} else if (request->application && request->name) {
		found = find_pipeline(engine, request->application, request->name, false);
		struct val *boxed = val_is_null(found) ?
			map_get(&engine->pipelines, str_of(request->name)) :
			NULL;
		if (boxed &&
			strcasecmp(val_get_text(*boxed, "application", ""), request->application) == 0)
			found = *boxed;
	}
	if (val_is_null(found))
		return err_set(err, ERR_NOT_FOUND,
			"Pipeline not found (application: %s, name or id: %s)",
			request->application ? request->application : "?",
			request->name ? request->name : (request->key ? request->key : "?"));
	*ret = val_ref(found);
	return 0;
}

/* The store still has a run whose deletion is on its way there. */
static int check_not_deleted(const struct engine *engine, const char *id, struct err *err)
{
	if (!map_get(&engine->deleted, str_of(id)))
		return 0;
	return err_set(err, ERR_NOT_FOUND, "Pipeline execution not found (id: %s)", id);
}

/* The run, or NULL with ERR_NOT_FOUND; *RET_COMPLETE when it is one that has ended. */
static struct run *find_run(struct engine *engine, const char *id, bool *ret_complete, struct err *err)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	*ret_complete = run && run->completed;
	if (run)
		return run;
	struct val found = VAL_NULL;
	uint64_t position;
	if (check_not_deleted(engine, id, err) < 0)
		return NULL;
	if (engine->setup.store->type->get_execution(
		    engine->setup.store, id, &found, &position, err) == 0) {
		*ret_complete = true;
		val_free(&found);
	}
	return NULL;
}

static bool is_known_run(struct engine *engine, const char *id)
{
	_cleanup_err_ struct err none = ERR_INIT;
	bool complete;
	return find_run(engine, id, &complete, &none) || complete ||
		map_get(&engine->deleted, str_of(id)) != NULL;
}

/* Before anything else: what this start may not do. */
static int start_check(
	struct engine *engine, const struct request *request, struct val document, struct err *err)
{
	if (!val_is_map(document))
		return err_set(err, ERR_INVALID, "a pipeline is a JSON object");
	if (request->id && (!ulid_is_valid(str_of(request->id)) || is_known_run(engine, request->id)))
		return err_set(err, ERR_INVALID, "\"%s\" is not a new execution id", request->id);
	struct val trigger = val_is_map(request->trigger) ? request->trigger :
							    val_get(document, "trigger");
	const char *missing = pipeline_missing_parameter(document, val_get(trigger, "parameters"));
	if (request->check_parameters && missing)
		return err_set(err, ERR_INVALID, "Required parameter %s is missing", missing);
	if (strcmp(val_get_text(document, "type", ""), "templatedPipeline") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			"type: pipeline templates are not built yet; render it first");
	return 0;
}

/* What a stage asks for that is not built: refused while nothing has happened. */
static int refuse_stage(
	struct engine *engine, struct execution *execution, size_t index, struct err *err)
{
	const struct stage *stage = stage_at(execution, index);
	const struct stage_type *type = registry_find_for(engine->setup.registry, stage);
	char path[32];
	snprintf(path, sizeof(path), "stages[%zu]", index);
	if (fields_refuse(stage_fields, stage->context, path, err) < 0)
		return -1;
	if (!type)
		return 0; /* kept, and fails clearly when it is reached */
	if (fields_refuse(type->fields, stage->context, path, err) < 0)
		return -1;
	_cleanup_err_ struct err quiet = ERR_INIT;
	void *config;
	if (!type->check || stage_config(type, stage, &config, &quiet) < 0)
		return 0; /* what is wrong, and not unbuilt, is the stage's own failure */
	struct task_input in = {
		.execution = execution,
		.stage = stage,
		.stage_index = index,
		.config = config,
		.world = engine->world,
		.now_ms = clock_now_ms(engine->clock),
	};
	int result = type->check(&in, &quiet);
	stage_config_free(type, config);
	if (result < 0 && quiet.kind == ERR_UNSUPPORTED) {
		err_move(err, &quiet);
		return err_wrap(err, "%s", path);
	}
	return 0;
}

static void fill_stage(struct engine *engine, struct execution **execution, size_t index)
{
	const struct stage_type *type = registry_find_for(
		engine->setup.registry, stage_at(*execution, index));
	if (!type || !type->fill)
		return;
	struct stage *stage = stage_edit(execution, index);
	type->fill(type, &stage->context);
	stage->unresolved = template_is_candidate(stage->context);
}

/* A start that failed leaves a TERMINAL execution (taken) behind, and is refused. */
static void start_failed(struct engine *engine, struct execution *execution, const struct err *err)
{
	execution->status = STATUS_TERMINAL;
	execution->canceled = true;
	stage_set_text(&execution->canceled_by, "system");
	_cleanup_free_ char *reason = xasprintf("Failed on startup: %s", err_text(err));
	stage_set_text(&execution->cancellation_reason, reason);
	store_put_execution(&engine->batch->store, execution);
	event_run(engine, execution);
	for (size_t i = 0; i < stage_count(execution); i++) {
		store_put_stage(&engine->batch->store, execution, i, STAGE_PART_ALL);
		event_new_stage(engine, execution, i);
	}
	execution_unref(execution);
}

static struct val ref_of(const struct execution *execution)
{
	struct val ref = val_map();
	val_set(&ref, "ref", val_format("/pipelines/%s", execution->id));
	val_set(&ref, "id", val_string(execution->id));
	if (val_has(execution->trigger, "eventId"))
		val_set(&ref, "eventId", val_ref(val_get(execution->trigger, "eventId")));
	return ref;
}

/* ---- artifacts of a start ---------------------------------------------------------------------------------------------------------- */

struct prior {
	struct engine *engine;
	const char *config_id; /* of the run that is to be started, or NULL */
};

/* Of the stored runs of the pipeline the one that began last, owned; NULL when there is none. Looks at the newest few. */
static struct execution *stored_prior(const struct prior *prior)
{
	struct store *store = prior->engine->setup.store;
	const char *configs[] = { prior->config_id, NULL };
	const struct execution_filter filter = {
		.config_ids = configs, .limit = LIMIT_PRIOR_RUNS, .without_stages = true
	};
	_cleanup_(val_free) struct val list = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	struct execution *found = NULL;
	const char *id = NULL;
	int64_t latest = 0;
	uint64_t position;
	if (store->type->list_executions(store, &filter, &list, &position, &err) == 0)
		for (size_t i = 0; i < val_count(list); i++) {
			int64_t start = val_get_int(val_at(list, i), "startTime", 0);
			if (start <= latest)
				continue;
			latest = start;
			id = val_get_text(val_at(list, i), "id", "");
		}
	if (id)
		store->type->load_execution(store, id, &found, &err);
	if (err.kind)
		log_warn("the artifacts of the run before cannot be read", "pipeline",
			prior->config_id, "error", err_text(&err));
	return found;
}

/* The artifacts of the run of the same pipeline that began last, however it ended; owned. */
static struct val prior_artifacts(void *data)
{
	const struct prior *prior = data;
	struct map_cursor cursor = { 0 };
	struct str key;
	if (!prior->config_id)
		return val_list();
	struct execution *stored = stored_prior(prior);
	const struct execution *latest = stored;
	for (void *run; map_next(&prior->engine->runs, &cursor, &key, &run);) {
		const struct execution *other = ((struct run *)run)->execution;
		if (other->start_ms && other->config_id &&
			strcmp(other->config_id, prior->config_id) == 0 &&
			(!latest || other->start_ms >= latest->start_ms))
			latest = other;
	}
	struct val artifacts = latest ? artifacts_of_execution(latest) : val_list();
	execution_unref(stored);
	return artifacts;
}

/* Before the document is evaluated, so that its expressions see what is bound; only the expected artifacts' own come earlier. */
static int bind_artifacts(
	struct engine *engine, struct request *request, struct val document, struct err *err)
{
	struct prior prior = { .engine = engine, .config_id = val_get_text(document, "id", NULL) };
	const struct evaluator by = evaluate_here(engine);
	_cleanup_(val_free) struct val expected = val_map();
	_cleanup_(val_free) struct val evaluated = VAL_NULL;
	static const char *const keys[] = { "expectedArtifacts", "receivedArtifacts",
		"templateVariables" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (val_has(document, keys[i]))
			val_set(&expected, keys[i], val_ref(val_get(document, keys[i])));
	if (evaluate_pipeline(&by, engine->setup.registry, expected, request->trigger, &evaluated) !=
		EXPR_OK)
		return err_set(err, ERR_TOO_LARGE,
			"expectedArtifacts: their expressions need more than %d steps",
			LIMIT_EXPR_INLINE_STEPS);
	return artifacts_resolve_trigger(evaluated, prior_artifacts, &prior, &request->trigger, err);
}

/* What can be said against the execution that was made of PIPELINE, before it is a run. */
static int check_execution(
	struct engine *engine, struct execution **execution, struct val pipeline, struct err *err)
{
	if (val_get_bool(pipeline, "disabled", false))
		return err_set(
			err, ERR_INVALID, "\"%s\" is disabled", val_get_text(pipeline, "name", ""));
	for (size_t i = 0; i < stage_count(*execution); i++)
		fill_stage(engine, execution, i);
	for (size_t i = 0; i < stage_count(*execution); i++)
		if (refuse_stage(engine, *execution, i, err) < 0)
			return -1;
	return 0;
}

/*
 * A run of the evaluated PIPELINE, with everything about it in the batch. -1: it was refused, and why is in ERR; *RET_REFUSED (may be NULL)
 * refers to the TERMINAL run that says so, VAL_NULL when there is none.
 */
static int start_run(struct engine *engine, const struct request *request, struct val pipeline,
	struct run **ret, struct val *ret_refused, struct err *err)
{
	struct pipeline_start start = {
		.pipeline = pipeline,
		.trigger = request->trigger,
		.user = request->user,
		.origin = request->origin,
		.now_ms = clock_now_ms(engine->clock),
		.ids = &engine->ids,
		.id = request->id,
	};
	struct execution *execution;
	int result = pipeline_to_execution(&start, &execution, err);
	if (result == 0)
		result = check_execution(engine, &execution, pipeline, err);
	if (result < 0) {
		if (execution && ret_refused)
			*ret_refused = ref_of(execution);
		if (execution)
			start_failed(engine, execution, err);
		return -1;
	}
	struct run *run = run_new(engine, execution);
	run_edit(run);
	for (size_t i = 0; i < stage_count(run->execution); i++)
		run_stage_edit(run, i, STAGE_PART_ALL);
	event_run(run->engine, run->execution);
	for (size_t i = 0; i < stage_count(run->execution); i++)
		event_new_stage(engine, run->execution, i);
	atomic_fetch_add(&engine->metric_started, 1);
	look_run(run);
	*ret = run;
	return 0;
}

static void reply_refused(struct engine *engine, struct request *request,
	struct val refused /* taken */, struct err *err)
{
	if (request->keep_refused && !val_is_null(refused)) {
		engine_reply(engine, request, refused, NULL);
		return;
	}
	val_free(&refused);
	reply_error(engine, request, err);
}

static void start_evaluated(struct engine *engine, struct request *request, struct val pipeline)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val refused = VAL_NULL;
	struct run *run;
	if (start_run(engine, request, pipeline, &run, &refused, &err) < 0)
		reply_refused(engine, request, refused, &err);
	else
		engine_reply(engine, request, ref_of(run->execution), NULL);
}

/* Refused before it was a run; when it is to be KEPT, the run that says so has DOCUMENT as it is written. */
static void start_refused(struct engine *engine, struct request *request, struct val document,
	bool kept, struct err *err)
{
	struct val refused = VAL_NULL;
	if (kept) {
		_cleanup_err_ struct err none = ERR_INIT;
		struct pipeline_start start = {
			.pipeline = document,
			.trigger = request->trigger,
			.user = request->user,
			.origin = request->origin,
			.now_ms = clock_now_ms(engine->clock),
			.ids = &engine->ids,
			.id = request->id,
		};
		struct execution *execution;
		pipeline_to_execution(&start, &execution, &none);
		if (execution) {
			refused = ref_of(execution);
			start_failed(engine, execution, err);
		}
	}
	reply_refused(engine, request, refused, err);
}

/* The trigger as expressions see it while the pipeline is evaluated: with the defaults of parameters. */
static void start_trigger(struct request *request, struct val document)
{
	struct val given = val_is_map(request->trigger) ? request->trigger :
							  val_get(document, "trigger");
	struct val trigger = val_is_map(given) ? val_ref(given) : val_map();
	val_set(&trigger, "parameters",
		pipeline_parameters(document, val_get(trigger, "parameters")));
	val_replace(&request->trigger, trigger);
}

static void start_on_worker(struct engine *engine, struct request *request)
{
	struct job *job = xnew(struct job);
	job->kind = JOB_SUBMIT;
	job->slot = xstrdup("expressions");
	job->engine = engine;
	job->cancel = cancel_new();
	job->now_ms = clock_now_ms(engine->clock);
	job->wake_seq = engine->wake_seq;
	job->request = xnew(struct request);
	*job->request = take(request);
	job_track(engine, job);
	engine_effect(engine, (struct effect){ .kind = EFFECT_DISPATCH, .job = job });
}

/* A start that says by its correlation id that it is one which has been made already, and still runs (stages.md 1.7). */
static struct run *find_correlated(struct engine *engine, const struct request *request)
{
	struct val trigger = val_is_map(request->trigger) ? request->trigger :
							    val_get(request->value, "trigger");
	const char *wanted = val_get_text(trigger, "correlationId", "");
	const char *application = request->application ?
		request->application :
		val_get_text(request->value, "application", "");
	struct run *run = *wanted ? map_get(&engine->correlated, str_of(wanted)) : NULL;
	while (run &&
		(run->completed ||
			(*application && strcasecmp(run->execution->application, application) != 0)))
		run = run->correlated_next;
	return run;
}

static void start(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct run *correlated = find_correlated(engine, request);
	if (correlated) {
		engine_reply(engine, request, ref_of(correlated->execution), NULL);
		return;
	}
	struct val document = VAL_NULL;
	if (start_document(engine, request, &document, &err) < 0) {
		reply_error(engine, request, &err);
		return;
	}
	if (start_check(engine, request, document, &err) < 0) {
		start_refused(engine, request, document, request->keep_refused && !request->id, &err);
		val_free(&document);
		return;
	}
	start_trigger(request, document);
	if (bind_artifacts(engine, request, document, &err) < 0) {
		start_refused(engine, request, document, true, &err);
		val_free(&document);
		return;
	}
	val_replace(&request->value, document);
	const struct evaluator by = evaluate_here(engine);
	struct val evaluated = VAL_NULL;
	if (evaluate_pipeline(&by, engine->setup.registry, request->value, request->trigger,
		    &evaluated) == EXPR_OVER_BUDGET) {
		start_on_worker(engine, request);
		return;
	}
	start_evaluated(engine, request, evaluated);
	val_free(&evaluated);
}

void request_submitted(struct engine *engine, struct job *job)
{
	struct request request = take(job->request);
	/* Its id may have been taken meanwhile, or the same start been made. */
	struct run *correlated = job->status < 0 ? NULL : find_correlated(engine, &request);
	if (correlated)
		engine_reply(engine, &request, ref_of(correlated->execution), NULL);
	else if (job->status < 0)
		start_refused(engine, &request, request.value, true, &job->err);
	else if (start_check(engine, &request, job->evaluated, &job->err) < 0)
		start_refused(engine, &request, job->evaluated, request.keep_refused && !request.id,
			&job->err);
	else
		start_evaluated(engine, &request, job->evaluated);
	request_clear(&request);
}

/* ---- runs ------------------------------------------------------------------------------------------------------------------------ */

/* How many pipelines have started one another up to this trigger. */
static unsigned trigger_depth(struct val trigger)
{
	unsigned depth = 0;
	while (val_is_map(val_get(trigger, "parentExecution")) && depth <= LIMIT_PIPELINE_DEPTH) {
		trigger = val_get(val_get(trigger, "parentExecution"), "trigger");
		depth++;
	}
	return depth;
}

/* What the run PARENT asks for with WANTED, with its document and trigger; owned. */
static int child_request(struct engine *engine, const struct run *parent, struct val wanted,
	struct request *ret, struct err *err)
{
	if (trigger_depth(val_get(wanted, "trigger")) > LIMIT_PIPELINE_DEPTH)
		return err_set(err, ERR_TOO_LARGE,
			"pipelines started by pipelines are more than %d deep", LIMIT_PIPELINE_DEPTH);
	const char *target = val_get_text(wanted, "pipeline", "");
	const char *user = parent->execution->user;
	*ret = (struct request){
		.kind = REQUEST_START,
		.application = xstrdup(
			val_get_text(wanted, "application", parent->execution->application)),
		.origin = xstrdup("pipeline"),
		.user = user ? xstrdup(user) : NULL,
		.trigger = val_ref(val_get(wanted, "trigger")),
	};
	bool is_id = map_get(&engine->pipelines, str_of(target)) != NULL;
	*(is_id ? &ret->key : &ret->name) = xstrdup(target);
	struct val document = VAL_NULL;
	int result = start_document(engine, ret, &document, err);
	if (result == 0)
		result = start_check(engine, ret, document, err);
	if (result == 0) {
		start_trigger(ret, document);
		result = artifacts_expect_received(
			document, parent->execution->config_id, &ret->trigger, err);
	}
	if (result == 0)
		result = bind_artifacts(engine, ret, document, err);
	val_replace(&ret->value, document);
	if (result < 0)
		request_clear(ret);
	return result;
}

static int wrap_child(struct err *err, struct val wanted)
{
	return err_wrap(err, "pipeline \"%s\"", val_get_text(wanted, "pipeline", ""));
}

int request_child_prepare(struct engine *engine, const struct run *parent, struct job *job)
{
	struct val wanted = job->result.start_run;
	struct request request;
	if (child_request(engine, parent, wanted, &request, &job->err) < 0)
		return wrap_child(&job->err, wanted);
	job->request = xnew(struct request);
	*job->request = request;
	const struct evaluator by = evaluate_here(engine);
	return evaluate_pipeline(&by, engine->setup.registry, request.value, request.trigger,
		       &job->evaluated) == EXPR_OVER_BUDGET;
}

int request_child_start(
	struct engine *engine, const struct job *job, struct run **ret, struct err *err)
{
	if (start_run(engine, job->request, job->evaluated, ret, NULL, err) < 0)
		return wrap_child(err, job->result.start_run);
	return 0;
}

static void run_cancel(struct run *run, const char *user, const char *reason)
{
	_cleanup_err_ struct err none = ERR_INIT;
	if (run->completed || run->execution->canceled)
		return;
	if (run->execution->status == STATUS_PAUSED)
		run_resume(run, user, &none);
	struct execution *execution = run_edit(run);
	execution->canceled = true;
	stage_set_text(&execution->canceled_by, user ? user : "anonymous");
	stage_set_text(&execution->cancellation_reason, reason);
	run->winding = true;
	event_run(run->engine, run->execution);
	run_look_all_running(run);
	look_run(run);
}

void request_cancel_run(struct engine *engine, const char *id, const char *user, const char *reason)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	if (run)
		run_cancel(run, user, reason);
}

static void cancel_run(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool complete;
	struct run *run = find_run(engine, request->key, &complete, &err);
	if (!run && !complete) {
		reply_error(engine, request, &err);
		return;
	}
	if (run)
		run_cancel(run, request->user, request->reason);
	engine_reply(engine, request, VAL_NULL, NULL);
}

/* A running stage reads its fields again and again: what it could not read would end it. */
static int check_patch_types(
	const struct run *run, const struct stage *stage, struct val patch, struct err *err)
{
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	_cleanup_(val_free) struct val context = val_ref(stage->context);
	val_merge(&context, patch);
	if (stage->status != STATUS_RUNNING || template_is_candidate(context))
		return 0;
	const struct stage patched = { .context = context };
	void *config;
	if (stage_config(type, &patched, &config, err) < 0)
		return -1;
	stage_config_free(type, config);
	return 0;
}

static int check_patch(
	const struct run *run, const struct request *request, size_t index, struct err *err)
{
	if (index == STAGE_NONE)
		return err_set(err, ERR_NOT_FOUND, "Stage not found (id: %s)", request->stage_id);
	const struct stage *stage = run_stage(run, index);
	if (!val_is_map(request->value))
		return err_set(err, ERR_INVALID, "a patch is a JSON object");
	if (status_is_complete(stage->status))
		return err_set(err, ERR_CONFLICT,
			"stage \"%s\" has ended (%s); it cannot be changed any more", stage->name,
			status_name(stage->status));
	const struct stage_type *type = registry_find_for(run->engine->setup.registry, stage);
	bool skippable = val_get_bool(stage->context, "canManuallySkip", false) ||
		(type && type->skippable_key &&
			val_get_bool(stage->context, type->skippable_key, false));
	if (val_get_bool(request->value, "manualSkip", false) &&
		(stage->parent != STAGE_NONE || !skippable))
		return err_set(err, ERR_NOT_ALLOWED, "manualSkip: stage \"%s\" may not be skipped",
			stage->name);
	return check_patch_types(run, stage, request->value, err);
}

static void patch_stage(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool complete;
	struct run *run = find_run(engine, request->key, &complete, &err);
	if (!run || complete) {
		if (complete)
			err_set(&err, ERR_CONFLICT,
				"the run has ended; its stages cannot be changed any more");
		reply_error(engine, request, &err);
		return;
	}
	size_t index = stage_find_id(run->execution, str_of(request->stage_id));
	if (check_patch(run, request, index, &err) < 0) {
		reply_error(engine, request, &err);
		return;
	}
	const char *user = request->user ? request->user : "anonymous";
	struct val patch = val_ref(request->value);
	val_set(&patch, "lastModifiedBy", val_string(user));
	struct stage_run *mine = run->stages[index];
	struct val patched = take(&mine->patched); /* wins over the result of a task that is in flight */
	stage_merge(run, index, patch, VAL_NULL, VAL_NULL);
	val_merge(&patched, patch);
	val_free(&patch);
	mine->patched = patched;
	struct val modified = val_map();
	val_set(&modified, "user", val_string(user));
	val_set(&modified, "allowedAccounts", val_list());
	val_set(&modified, "lastModifiedTime", val_int(clock_now_ms(engine->clock)));
	val_replace(&run_stage_edit(run, index, STAGE_PART_HEAD)->last_modified, modified);
	mine->woken = true;
	look(run, index);
	_cleanup_(val_free) struct val json = execution_to_json(run->execution, true);
	engine_reply(engine, request, secrets_masked(json), NULL);
}

/* A run that has ended comes back into memory; what fails leaves it out again. */
static struct run *run_to_restart(struct engine *engine, const char *id, struct err *err)
{
	struct run *run = map_get(&engine->runs, str_of(id));
	struct execution *execution;
	if (run)
		return run;
	if (check_not_deleted(engine, id, err) < 0 ||
		engine->setup.store->type->load_execution(engine->setup.store, id, &execution, err) <
			0)
		return NULL;
	run = run_new(engine, execution);
	run->completed = run->saved = true;
	return run;
}

static void reply_run(struct engine *engine, struct request *request, struct run *run, struct err *err)
{
	if (err->kind) {
		reply_error(engine, request, err);
		return;
	}
	_cleanup_(val_free) struct val json = execution_to_json(run->execution, true);
	engine_reply(engine, request, secrets_masked(json), NULL);
}

/* The configuration that a restart goes by: the one that came with it, else the one that is stored now. Borrowed. */
static struct val restart_config(
	struct engine *engine, const struct request *request, const struct run *run)
{
	if (val_is_list(val_get(request->value, "stages")))
		return request->value;
	const char *id = run->execution->config_id;
	struct val *stored = id ? map_get(&engine->pipelines, str_of(id)) : NULL;
	return stored ? *stored : VAL_NULL;
}

/*
 * A run that a stage of another one has started goes on, so that stage waits for it again, if its run has ended; and so on up (stages.md
 * 2.12). The mark keeps the stage from starting another child.
 */
static void restart_parents(struct engine *engine, const struct run *run, const char *user)
{
	for (unsigned depth = 0; depth <= LIMIT_PIPELINE_DEPTH; depth++) {
		_cleanup_err_ struct err err = ERR_INIT;
		struct val trigger = run->execution->trigger;
		const char *id = val_get_text(val_get(trigger, "parentExecution"), "id", "");
		const char *stage_id = val_get_text(trigger, "parentPipelineStageId", "");
		struct run *parent = *id && *stage_id ? run_to_restart(engine, id, &err) : NULL;
		if (!parent)
			return; /* it had none, or that is gone */
		size_t index = stage_find_id(parent->execution, str_of(stage_id));
		if (parent->completed && index != STAGE_NONE) {
			struct stage *stage = run_stage_edit(parent, index, STAGE_PART_CONTEXT);
			val_set(&stage->context, "_skipPipelineRestart", val_bool(true));
			run_restart_stage(parent, index, VAL_NULL, user, &err);
		}
		run_ready(parent); /* leaves the memory again when nothing came of it */
		if (parent->completed || index == STAGE_NONE || err.kind)
			return;
		run = parent;
	}
}

static void restart_stage(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct run *run = run_to_restart(engine, request->key, &err);
	if (!run) {
		reply_error(engine, request, &err);
		return;
	}
	size_t index = stage_find_id(run->execution, str_of(request->stage_id));
	if (index == STAGE_NONE)
		err_set(&err, ERR_NOT_FOUND, "Stage not found (id: %s)", request->stage_id);
	else
		run_restart_stage(
			run, index, restart_config(engine, request, run), request->user, &err);
	if (!err.kind)
		restart_parents(engine, run, request->user);
	reply_run(engine, request, run, &err);
	run_ready(run); /* leaves the memory again when nothing came of it */
}

static void pause_or_resume(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool complete;
	struct run *run = find_run(engine, request->key, &complete, &err);
	if (complete)
		err_set(&err, ERR_CONFLICT, "the run has ended");
	else if (run && request->kind == REQUEST_PAUSE)
		run_pause(run, request->user, &err);
	else if (run)
		run_resume(run, request->user, &err);
	if (err.kind)
		reply_error(engine, request, &err);
	else
		engine_reply(engine, request, VAL_NULL, NULL);
}

static void delete_execution(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	bool complete;
	struct run *run = find_run(engine, request->key, &complete, &err);
	if (run && !complete)
		err_set(&err, ERR_CONFLICT, "the run is still going; cancel it first");
	else if (run) /* its rows would be written after they were deleted */
		err_set(&err, ERR_CONFLICT, "the end of the run is being saved; try again");
	if (err.kind) {
		reply_error(engine, request, &err);
		return;
	}
	store_delete_execution(&engine->batch->store, request->key);
	struct effect deleted = { .kind = EFFECT_DELETED };
	snprintf(deleted.execution_id, sizeof(deleted.execution_id), "%s", request->key);
	map_put(&engine->deleted, str_of(deleted.execution_id), engine);
	engine_effect(engine, deleted);
	engine_reply(engine, request, VAL_NULL, NULL);
}

/* ---- what is going on ---------------------------------------------------------------------------------------------------------- */

static struct val state_of(const struct run *run)
{
	struct val stages = val_list();
	for (size_t i = 0; i < stage_count(run->execution); i++) {
		const struct stage *stage = run_stage(run, i);
		const struct stage_run *mine = run->stages[i];
		if (stage->status != STATUS_RUNNING)
			continue;
		struct val state = val_map();
		val_set(&state, "refId", val_string(stage->ref_id));
		val_set(&state, "name", val_string(stage->name));
		val_set(&state, "type", val_string(stage->type));
		if (mine->current < stage->task_count)
			val_set(&state, "task", val_string(stage->tasks[mine->current].name));
		val_set(&state, "inFlight", val_bool(mine->job != NULL));
		if (mine->job)
			val_set(&state, "since", val_int(mine->job->now_ms));
		if (mine->job && mine->job->slot)
			val_set(&state, "slot", val_string(mine->job->slot));
		if (mine->job && mine->job->queue)
			val_set(&state, "queuedSince", val_int(mine->job->queued_ms));
		if (mine->job && mine->job->queue == &run->engine->at_work)
			val_set(&state, "waitsForWorker", val_bool(true));
		if (mine->timer.place)
			val_set(&state, "nextLook", val_int(mine->timer.due_ms));
		struct val keys = val_list();
		for (size_t w = 0; w < mine->waiters.count; w++)
			val_append(&keys, val_string(mine->waiters.items[w]->key->name));
		val_set(&state, "waitsFor", keys);
		val_set(&state, "text", val_string(mine->waiting_for));
		val_append(&stages, state);
	}
	return stages;
}

static void state(struct engine *engine, struct request *request)
{
	struct val all = val_map();
	struct map_cursor cursor = { 0 };
	struct str key;
	for (void *run; map_next(&engine->runs, &cursor, &key, &run);)
		if (!request->key || str_is(key, request->key))
			val_set_str(&all, key, state_of(run));
	if (!atomic_load(&engine->stuck)) {
		engine_reply(engine, request, all, NULL);
		return;
	}
	_cleanup_err_ struct err none = ERR_INIT; /* not with the batch, which may take long */
	if (request->reply)
		request->reply(request->data, all, &none);
	val_free(&all);
}

void request_handle(struct engine *engine, struct request *request)
{
	switch (request->kind) {
	case REQUEST_START:
		start(engine, request);
		break;
	case REQUEST_CANCEL:
		cancel_run(engine, request);
		break;
	case REQUEST_PATCH_STAGE:
		patch_stage(engine, request);
		break;
	case REQUEST_RESTART_STAGE:
		restart_stage(engine, request);
		break;
	case REQUEST_PAUSE:
	case REQUEST_RESUME:
		pause_or_resume(engine, request);
		break;
	case REQUEST_DELETE_EXECUTION:
		delete_execution(engine, request);
		break;
	case REQUEST_SAVE_PIPELINE:
		save_pipeline(engine, request);
		break;
	case REQUEST_DELETE_PIPELINE:
		delete_pipeline(engine, request);
		break;
	case REQUEST_STATE:
		state(engine, request);
		break;
	}
	request_clear(request);
}
