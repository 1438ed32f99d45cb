#include "kubernetes/stage_source.h"

#include <stdlib.h>
#include <string.h>

#include "kubernetes/bind.h"

const char *const source_names[] = { "text", "artifact", NULL };

/* ---- expressions ------------------------------------------------------------------------------ */

/* What tasks put there, with texts of the cluster's and of artifacts in it; and all that begins with "outputs.". */
static const char *const told[] = { "artifacts", "cleanUpTargets", "completionDetails",
	"deleteTargets", "deployPlan", "events", "exception", "execution", "failedManifests",
	"jobPlan", "jobStatus", "kato.tasks", "messages", "newestWarning", "optionalArtifacts",
	"patchBefore", "propertyFileContents", "restartDetails", "rolloutFollowUps",
	"stableManifests", "warnings", NULL };

static bool is_one_of(struct str key, const char *const *keys)
{
	while (*keys && !str_is(key, *keys))
		keys++;
	return *keys != NULL;
}

static bool is_told(struct str key)
{
	return str_starts(key, "outputs.") || is_one_of(key, told);
}

static bool skips_expressions(struct val context)
{
	struct val flag = val_get(context, "skipExpressionEvaluation");
	bool skip = false;

	if (val_is_string(flag))
		return str_equal_nocase(val_as_str(&flag), STR("true"));
	return val_as_bool(flag, &skip) && skip;
}

/* Adds to *TARGET what of SOURCE is (or is not) one of KEYS, evaluated. */
static enum expr_failure evaluate_part(struct evaluation *evaluation, struct val source,
	const char *const *keys, bool wanted, struct val *target)
{
	_cleanup_(val_free) struct val part = val_map(), evaluated = VAL_NULL;
	enum expr_failure failure;

	for (size_t i = 0; i < val_count(source); i++) {
		struct str key = val_key_at(source, i);

		if (!is_told(key) && is_one_of(key, keys) == wanted)
			val_set_str(&part, key, val_ref(val_value_at(source, i)));
	}
	failure = evaluation_values(evaluation, NULL, part, &evaluated);
	if (failure == EXPR_OK)
		val_merge(target, evaluated);
	return failure;
}

/* Adds to *TARGET what of SOURCE is one of KEYS; NULL = what was told. */
static void keep_part(struct val source, const char *const *keys, struct val *target)
{
	for (size_t i = 0; i < val_count(source); i++) {
		struct str key = val_key_at(source, i);

		if (keys ? is_one_of(key, keys) && !is_told(key) : is_told(key))
			val_set_str(target, val_key_at(source, i), val_ref(val_value_at(source, i)));
	}
}

enum expr_failure source_evaluate(struct evaluation *evaluation, const char *const *sources)
{
	_cleanup_(val_free) struct val result = val_map();
	struct val context = evaluation->context;
	enum expr_failure failure = evaluate_part(evaluation, context, sources, false, &result);

	if (failure == EXPR_OK && !skips_expressions(result))
		failure = evaluate_part(evaluation, context, sources, true, &result);
	else if (failure == EXPR_OK)
		keep_part(context, sources, &result);
	if (failure != EXPR_OK)
		return failure;
	keep_part(context, NULL, &result);
	val_replace(&evaluation->context, take(&result));
	return EXPR_OK;
}

enum expr_failure given_evaluate(struct evaluation *evaluation)
{
	static const char *const none[] = { NULL };

	return source_evaluate(evaluation, none);
}

/* ---- artifacts -------------------------------------------------------------------------------- */

static void add_artifacts(struct val *list, struct val artifacts)
{
	for (size_t i = 0; i < val_count(artifacts); i++) {
		if (val_is_map(val_at(artifacts, i)))
			artifacts_add(list, val_ref(val_at(artifacts, i)));
	}
}

struct val source_artifacts(const struct task_input *in)
{
	struct val list = val_list();
	size_t count;
	size_t *ancestors = stage_ancestors(in->execution, in->stage_index, &count);

	for (size_t i = 0; i < count; i++) {
		if (ancestors[i] != in->stage_index)
			add_artifacts(&list,
				val_get(stage_at(in->execution, ancestors[i])->outputs, "artifacts"));
	}
	free(ancestors);
	add_artifacts(&list, val_get(in->execution->trigger, "artifacts"));
	return list;
}
