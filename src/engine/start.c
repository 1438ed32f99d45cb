/*
 * Starting runs: what a start may not do, its artifacts, its expressions (on a worker when they take long), and the run that comes of it, or
 * the TERMINAL one that says why there is none.
 */
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "engine/internal.h"
#include "model/artifact.h"

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
		found = request_find_pipeline(engine, request->application, request->name, false);
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

static const struct field artifact_fields[] = {
	FIELD_KNOWN("type", FIELD_STRING),
	{ 0 },
};

/* What the engine itself reads of a trigger (stages.md 1.7). */
static const struct field trigger_fields[] = {
	FIELD_KNOWN("type", FIELD_STRING),
	FIELD_KNOWN("user", FIELD_STRING),
	FIELD_KNOWN("correlationId", FIELD_STRING),
	FIELD_KNOWN("parameters", FIELD_VALUE, .flags = FIELD_MAP),
	FIELD_KNOWN("artifacts", FIELD_VALUE, .flags = FIELD_LIST, .rows = artifact_fields),
	FIELD_KNOWN("expectedArtifactIds", FIELD_VALUE, .flags = FIELD_LIST),
	FIELD_KNOWN("resolvedExpectedArtifacts", FIELD_VALUE, .flags = FIELD_LIST),
	FIELD_KNOWN("notifications", FIELD_VALUE, .flags = FIELD_LIST),
	FIELD_KNOWN("parentExecution", FIELD_VALUE, .flags = FIELD_MAP),
	FIELD_KNOWN("dryRun", FIELD_BOOL),
	FIELD_KNOWN("rebake", FIELD_BOOL),
	FIELD_KNOWN("strategy", FIELD_BOOL),
	{ 0 },
};

static bool is_expected(struct val document, const char *id)
{
	struct val all = val_get(document, "expectedArtifacts");
	for (size_t i = 0; val_is_list(all) && i < val_count(all); i++)
		if (strcmp(val_get_text(val_at(all, i), "id", ""), id) == 0)
			return true;
	return false;
}

/* PATH stands before the names of TRIGGER's members: "" where it is the request itself. */
static int check_trigger(struct val document, struct val trigger, const char *path, struct err *err)
{
	struct val ids = val_get(trigger, "expectedArtifactIds");
	if (fields_strict(trigger_fields, trigger, path, err) < 0)
		return -1;
	for (size_t i = 0; val_is_list(ids) && i < val_count(ids); i++) {
		struct val id = val_at(ids, i);
		if (!val_is_string(id) && field_misfit("a string", id, err) < 0)
			return err_wrap(err, "%sexpectedArtifactIds[%zu]", path, i);
		if (!is_expected(document, val_text(&id)))
			return err_set(err, ERR_INVALID,
				"%sexpectedArtifactIds[%zu]: the pipeline expects no artifact \"%s\"",
				path, i, val_text(&id));
	}
	return 0;
}

/* Before anything else: what this start may not do. */
static int start_check(
	struct engine *engine, const struct request *request, struct val document, struct err *err)
{
	if (!val_is_map(document))
		return err_set(err, ERR_INVALID, "a pipeline is a JSON object");
	bool known = request->id && !ulid_is_valid(str_of(request->id));
	if (request->id && !known && request_is_known_run(engine, request->id, &known, err) < 0)
		return -1;
	if (known)
		return err_set(err, ERR_INVALID, "\"%s\" is not a new execution id", request->id);
	bool inside = !val_is_map(request->trigger);
	struct val trigger = inside ? val_get(document, "trigger") : request->trigger;
	if (!val_is_null(trigger) && !val_is_map(trigger)) {
		field_misfit("a map", trigger, err);
		return err_wrap(err, "trigger");
	}
	if (check_trigger(document, trigger, inside ? "trigger." : "", err) < 0)
		return -1;
	if (request->check_parameters &&
		pipeline_check_parameters(document, val_get(trigger, "parameters"), err) < 0)
		return -1;
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
	for (size_t i = 0; i < stage_count(execution); i++)
		store_put_stage(&engine->batch->store, execution, i, STAGE_PART_ALL);
	event_refused(engine, execution);
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

static int wrap_child(struct err *err, struct val wanted)
{
	return err_wrap(err, "pipeline \"%s\"", val_get_text(wanted, "pipeline", ""));
}

/* ---- artifacts of a start ---------------------------------------------------------------------------------------------------------- */

struct prior {
	struct store *store;
	const char *config_id;          /* of the run that is to be started, or NULL */
	const struct execution *latest; /* of those in memory, or NULL */
};

/* Of the stored runs of the pipeline the one that began last, owned; NULL when there is none. Looks at the newest few. */
static struct execution *stored_prior(const struct prior *prior)
{
	struct store *store = prior->store;
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
	if (!prior->config_id)
		return val_list();
	struct execution *stored = stored_prior(prior);
	const struct execution *latest = prior->latest;
	if (!latest || (stored && stored->start_ms > latest->start_ms))
		latest = stored;
	struct val artifacts = latest ? artifacts_of_execution(latest) : val_list();
	execution_unref(stored);
	return artifacts;
}

/* Of the runs of the pipeline that are in memory the one that began last, owned; NULL when there is none. */
static struct execution *prior_in_memory(struct engine *engine, struct val document)
{
	const char *config_id = val_get_text(document, "id", "");
	struct map_cursor cursor = { 0 };
	struct execution *latest = NULL;
	struct str key;
	for (void *run; map_next(&engine->runs, &cursor, &key, &run);) {
		struct execution *other = ((struct run *)run)->execution;
		if (other->start_ms && other->config_id && strcmp(other->config_id, config_id) == 0 &&
			(!latest || other->start_ms >= latest->start_ms))
			latest = other;
	}
	return latest ? execution_ref(latest) : NULL;
}

/* Whether the run before may be asked for its artifacts: that is read from the store, so a worker binds them. */
static bool asks_prior(struct val document)
{
	struct val all = val_get(document, "expectedArtifacts");
	bool flag;
	for (size_t i = 0; val_is_list(all) && i < val_count(all); i++) {
		struct val wanted = val_get(val_at(all, i), "usePriorArtifact");
		if (!val_is_null(wanted) && (!val_as_bool(wanted, &flag) || flag))
			return true;
	}
	return false;
}

/* Before the document is evaluated, so that its expressions see what is bound; only the expected artifacts' own come earlier. */
static int bind_artifacts(struct engine *engine, const struct evaluator *by, struct prior *prior,
	struct request *request, struct val document, struct err *err)
{
	if (val_count(val_get(document, "expectedArtifacts")) == 0)
		return artifacts_resolve_trigger(document, NULL, NULL, &request->trigger, err);
	_cleanup_(val_free) struct val expected = val_map();
	_cleanup_(val_free) struct val evaluated = VAL_NULL;
	static const char *const keys[] = { "expectedArtifacts", "receivedArtifacts",
		"parameterConfig", "templateVariables" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (val_has(document, keys[i]))
			val_set(&expected, keys[i], val_ref(val_get(document, keys[i])));
	if (evaluate_pipeline(by, engine->setup.registry, expected, &request->trigger, &evaluated) !=
		EXPR_OK)
		return err_set(err, ERR_TOO_LARGE,
			"expectedArtifacts: their expressions need more than %d steps",
			by->cancel ? LIMIT_EXPR_STEPS : LIMIT_EXPR_INLINE_STEPS);
	return artifacts_resolve_trigger(
		evaluated, prior ? prior_artifacts : NULL, prior, &request->trigger, err);
}

int start_bind(const struct job *job, const struct evaluator *by, struct err *err)
{
	struct request *request = job->request;
	struct prior prior = { .store = job->engine->setup.store,
		.config_id = val_get_text(request->value, "id", NULL),
		.latest = job->prior };
	if (bind_artifacts(job->engine, by, &prior, request, request->value, err) == 0)
		return 0;
	return job->kind == JOB_CHILD ? wrap_child(err, job->result.start_run) : -1;
}

/* What can be said against the execution that was made of PIPELINE, before it is a run. */
static int check_execution(
	struct engine *engine, struct execution **execution, struct val pipeline, struct err *err)
{
	if (pipeline_check_enabled(pipeline, err) < 0)
		return -1;
	for (size_t i = 0; i < stage_count(*execution); i++)
		fill_stage(engine, execution, i);
	for (size_t i = 0; i < stage_count(*execution); i++)
		if (refuse_stage(engine, *execution, i, err) < 0)
			return -1;
	return 0;
}

static struct pipeline_start start_of(
	struct engine *engine, const struct request *request, struct val pipeline)
{
	return (struct pipeline_start){
		.pipeline = pipeline,
		.trigger = request->trigger,
		.user = request->user,
		.origin = request->origin,
		.now_ms = clock_now_ms(engine->clock),
		.ids = &engine->ids,
		.id = request->id,
	};
}

/*
 * A run of the evaluated PIPELINE, with everything about it in the batch. -1: it was refused, and why is in ERR; *RET_REFUSED (may be NULL)
 * refers to the TERMINAL run that says so, VAL_NULL when there is none.
 */
static int start_run(struct engine *engine, const struct request *request, struct val pipeline,
	struct run **ret, struct val *ret_refused, struct err *err)
{
	const struct pipeline_start start = start_of(engine, request, pipeline);
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
	event_run(run);
	for (size_t i = 0; i < stage_count(run->execution); i++)
		event_new_stage(run, i);
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
	engine_reply(engine, request, VAL_NULL, err);
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
		const struct pipeline_start start = start_of(engine, request, document);
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
	if (request->user)
		val_set(&trigger, "user", val_string(request->user));
	val_replace(&request->trigger, trigger);
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

void request_start(struct engine *engine, struct request *request)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct run *correlated = find_correlated(engine, request);
	if (correlated) {
		engine_reply(engine, request, ref_of(correlated->execution), NULL);
		return;
	}
	struct val document = VAL_NULL;
	if (start_document(engine, request, &document, &err) < 0) {
		engine_reply(engine, request, VAL_NULL, &err);
		return;
	}
	if (start_check(engine, request, document, &err) < 0) {
		start_refused(engine, request, document, request->keep_refused && !request->id, &err);
		val_free(&document);
		return;
	}
	start_trigger(request, document);
	const struct evaluator by = evaluate_here(engine);
	bool binds = asks_prior(document);
	if (!binds && bind_artifacts(engine, &by, NULL, request, document, &err) < 0) {
		start_refused(engine, request, document, true, &err);
		val_free(&document);
		return;
	}
	val_replace(&request->value, document);
	struct val evaluated = VAL_NULL;
	if (binds ||
		evaluate_pipeline(&by, engine->setup.registry, request->value, &request->trigger,
			&evaluated) == EXPR_OVER_BUDGET) {
		struct execution *prior = binds ? prior_in_memory(engine, request->value) : NULL;
		struct job *job = request_on_worker(engine, request, JOB_SUBMIT, "expressions");
		job->binds = binds;
		job->prior = prior;
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

/* ---- runs that a stage starts ------------------------------------------------------------------------------------------------------- */

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
	bool *ret_binds, struct request *ret, struct err *err)
{
	const struct evaluator by = evaluate_here(engine);
	if (trigger_depth(val_get(wanted, "trigger")) > LIMIT_PIPELINE_DEPTH)
		return err_set(err, ERR_TOO_LARGE,
			"pipelines started by pipelines are more than %d deep", LIMIT_PIPELINE_DEPTH);
	const char *target = val_get_text(wanted, "pipeline", "");
	const char *user = val_get_text(wanted, "user", parent->execution->user);
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
	*ret_binds = asks_prior(document);
	if (result == 0 && !*ret_binds)
		result = bind_artifacts(engine, &by, NULL, ret, document, err);
	val_replace(&ret->value, document);
	if (result < 0)
		request_clear(ret);
	return result;
}

int request_child_prepare(struct engine *engine, const struct run *parent, struct job *job)
{
	struct val wanted = job->result.start_run;
	struct request request;
	if (child_request(engine, parent, wanted, &job->binds, &request, &job->err) < 0)
		return wrap_child(&job->err, wanted);
	job->request = xnew(struct request);
	*job->request = request;
	if (job->binds) {
		job->prior = prior_in_memory(engine, request.value);
		return 1;
	}
	const struct evaluator by = evaluate_here(engine);
	return evaluate_pipeline(&by, engine->setup.registry, request.value, &job->request->trigger,
		       &job->evaluated) == EXPR_OVER_BUDGET;
}

int request_child_start(
	struct engine *engine, const struct job *job, struct run **ret, struct err *err)
{
	if (start_run(engine, job->request, job->evaluated, ret, NULL, err) < 0)
		return wrap_child(err, job->result.start_run);
	return 0;
}
