#include "model/artifact.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "expr/expr.h"

/* ---- one artifact -------------------------------------------------------------------------------------------------------------- */

static const char *const texts[] = { "type", "name", "version", "location", "reference",
	"artifactAccount", "provenance", "uuid", NULL };

static bool is_own_key(struct str key)
{
	for (const char *const *text = texts; *text; text++)
		if (str_equal(key, str_of(*text)))
			return true;
	return str_equal(key, STR("customKind")) || str_equal(key, STR("metadata"));
}

/* A number where a text is asked for is its text. */
static struct val as_text(struct val value)
{
	if (val_is_string(value) || val_is_null(value))
		return val_ref(value);
	_cleanup_free_ char *text = json_text(value, JSON_COMPACT);
	return val_string(text);
}

struct val artifact_clean(struct val artifact)
{
	if (!val_is_map(artifact))
		return VAL_NULL;
	struct val clean = val_map(), metadata = val_map();
	for (const char *const *key = texts; *key; key++) {
		struct val value = val_get(artifact, *key);
		if (!val_is_null(value))
			val_set(&clean, *key, as_text(value));
	}
	val_set(&clean, "customKind", val_bool(val_get_bool(artifact, "customKind", false)));
	if (val_is_map(val_get(artifact, "metadata")))
		val_replace(&metadata, val_ref(val_get(artifact, "metadata")));
	for (size_t i = 0; i < val_count(artifact); i++) {
		struct str key = val_key_at(artifact, i);
		struct val value = val_value_at(artifact, i);
		if (!is_own_key(key) && !str_equal(key, STR("kind")) && !val_is_null(value))
			val_set_str(&metadata, key, val_ref(value));
	}
	val_set(&clean, "metadata", metadata);
	return clean;
}

/* The two ways of keeping an embedded artifact are one type. */
static bool is_embedded(const char *type)
{
	return strcmp(type, "embedded/base64") == 0 || strcmp(type, "remote/base64") == 0;
}

static int field_matches(const char *key, struct val wanted, struct val actual, struct err *err)
{
	_cleanup_(val_free) struct val pattern = as_text(wanted);
	_cleanup_(val_free) struct val text = as_text(actual);
	_cleanup_err_ struct err why = ERR_INIT;
	if (val_as_str(&pattern).length == 0)
		return 1;
	if (val_is_null(actual))
		return 0;
	if (str_equal(val_as_str(&pattern), val_as_str(&text)))
		return 1;
	if (strcmp(key, "type") == 0 && is_embedded(val_text(&pattern)) &&
		is_embedded(val_text(&text)))
		return 1;
	int result = expr_text_matches(
		val_as_str(&text), val_as_str(&pattern), LIMIT_ARTIFACT_MATCH_STEPS, &why);
	if (result >= 0 || why.kind == ERR_INVALID) /* what is no pattern is equal or not */
		return result > 0;
	return err_set(err, ERR_TOO_LARGE, "%s: to match \"%.200s\" takes too long", key,
		val_text(&pattern));
}

int artifact_matches(struct val wanted, struct val artifact, struct err *err)
{
	static const char *const keys[] = { "type", "name", "version", "location", "reference" };
	int result = val_is_map(artifact);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && result > 0; i++)
		result = field_matches(
			keys[i], val_get(wanted, keys[i]), val_get(artifact, keys[i]), err);
	return result;
}

static bool has_equal(struct val list, struct val artifact)
{
	for (size_t i = 0; i < val_count(list); i++)
		if (val_equal(val_at(list, i), artifact))
			return true;
	return false;
}

void artifact_list_add(struct val *list, struct val artifact)
{
	_cleanup_(val_free) struct val clean = artifact_clean(artifact);
	if (!val_is_null(clean) && !has_equal(*list, clean))
		val_append(list, take(&clean));
}

static void add_all(struct val *list, struct val artifacts)
{
	for (size_t i = 0; i < val_count(artifacts); i++)
		artifact_list_add(list, val_at(artifacts, i));
}

/* ---- expected ones ------------------------------------------------------------------------------------------------------------- */

void artifact_binding_free(struct artifact_binding *binding)
{
	val_free(&binding->artifacts);
	val_free(&binding->expected);
}

/* How an author knows it. */
static const char *shown(struct val expected)
{
	const char *name = val_get_text(expected, "displayName", "");
	if (!*name)
		name = val_get_text(val_get(expected, "matchArtifact"), "name", "");
	return *name ? name : val_get_text(expected, "id", "?");
}

/* The first of LIST that matches, or VAL_NULL; -1 with ERR when there are more and there may be only one. */
static int find_match(
	struct val expected, struct val list, bool unique, struct val *ret, struct err *err)
{
	struct val wanted = val_get(expected, "matchArtifact");
	*ret = VAL_NULL;
	for (size_t i = 0; i < val_count(list); i++) {
		int result = artifact_matches(wanted, val_at(list, i), err);
		if (result < 0)
			return err_wrap(err, "expected artifact \"%s\"", shown(expected));
		if (result == 0)
			continue;
		if (!val_is_null(*ret))
			return err_set(err, ERR_INVALID,
				"Expected artifact \"%s\" matches multiple artifacts, for example "
				"\"%s\" and \"%s\"",
				shown(expected), val_get_text(*ret, "reference", "?"),
				val_get_text(val_at(list, i), "reference", "?"));
		*ret = val_at(list, i);
		if (!unique)
			break;
	}
	return 0;
}

static int not_found(struct val expected, struct val current, struct err *err)
{
	struct val wanted = val_get(expected, "matchArtifact");
	_cleanup_free_ char *text = json_text(wanted, JSON_COMPACT);
	return err_set(err, ERR_INVALID,
		"Unmatched expected artifact \"%s\" could not be resolved: none of the %zu artifacts "
		"here matches %.300s",
		shown(expected), val_count(current), text);
}

/* The artifact for EXPECTED, borrowed from one of the lists or from itself. */
static int resolve_one(struct val expected, const struct artifact_sources *sources,
	struct val current, struct val *prior, struct val *ret, struct err *err)
{
	if (find_match(expected, current, sources->unique, ret, err) < 0)
		return -1;
	if (val_is_null(*ret) && val_get_bool(expected, "usePriorArtifact", false) && sources->prior) {
		if (val_is_null(*prior)) {
			_cleanup_(val_free) struct val given = sources->prior(sources->data);
			*prior = val_list();
			add_all(prior, given);
		}
		if (find_match(expected, *prior, sources->unique, ret, err) < 0)
			return -1;
	}
	if (val_is_null(*ret) && val_get_bool(expected, "useDefaultArtifact", false) &&
		val_is_map(val_get(expected, "defaultArtifact")))
		*ret = val_get(expected, "defaultArtifact"); /* whether it matches or not */
	return val_is_null(*ret) ? not_found(expected, current, err) : 0;
}

/* EXPECTED as it is kept, with what was BOUND to it; owned. */
static struct val with_bound(struct val expected, struct val bound)
{
	static const char *const artifacts[] = { "matchArtifact", "defaultArtifact" };
	struct val kept = val_ref(expected);
	val_remove(&kept, "displayName");
	for (size_t i = 0; i < sizeof(artifacts) / sizeof(artifacts[0]); i++)
		if (val_is_map(val_get(kept, artifacts[i])))
			val_set(&kept, artifacts[i], artifact_clean(val_get(expected, artifacts[i])));
	val_set(&kept, "usePriorArtifact",
		val_bool(val_get_bool(expected, "usePriorArtifact", false)));
	val_set(&kept, "useDefaultArtifact",
		val_bool(val_get_bool(expected, "useDefaultArtifact", false)));
	val_set(&kept, "boundArtifact", artifact_clean(bound));
	return kept;
}

int artifacts_resolve(struct val expected, const struct artifact_sources *sources,
	struct artifact_binding *ret, struct err *err)
{
	_cleanup_(val_free) struct val current = val_list();
	_cleanup_(val_free) struct val prior = VAL_NULL;
	int result = 0;
	*ret = (struct artifact_binding){ .artifacts = val_list(), .expected = val_list() };
	add_all(&current, sources->current);
	for (size_t i = 0; i < val_count(expected) && result == 0; i++) {
		struct val one = val_at(expected, i), bound;
		if (!val_is_map(one))
			continue;
		result = resolve_one(one, sources, current, &prior, &bound, err);
		if (result < 0)
			break;
		artifact_list_add(&ret->artifacts, bound);
		val_append(&ret->expected, with_bound(one, bound));
	}
	if (result < 0)
		artifact_binding_free(ret);
	return result;
}

/* ---- the start of a run -------------------------------------------------------------------------------------------------------- */

static bool is_named(struct val ids, struct val id)
{
	for (size_t i = 0; i < val_count(ids) && val_is_string(id); i++)
		if (val_equal(val_at(ids, i), id))
			return true;
	return false;
}

/* Those that this start has to do with; owned list. The others do not keep it from running. */
static struct val considered(struct val pipeline, struct val trigger)
{
	struct val all = val_get(pipeline, "expectedArtifacts"), list = val_list();
	for (size_t i = 0; val_is_list(all) && i < val_count(all); i++) {
		struct val expected = val_at(all, i);
		if (is_named(val_get(trigger, "expectedArtifactIds"), val_get(expected, "id")) ||
			val_get_bool(expected, "useDefaultArtifact", false) ||
			val_get_bool(expected, "usePriorArtifact", false))
			val_append(&list, val_ref(expected));
	}
	return list;
}

int artifacts_resolve_trigger(struct val pipeline, struct val (*prior)(void *data), void *data,
	struct val *trigger, struct err *err)
{
	_cleanup_(val_free) struct val expected = considered(pipeline, *trigger);
	_cleanup_(val_free) struct val current = val_list();
	struct artifact_binding binding;
	add_all(&current, val_get(pipeline, "receivedArtifacts"));
	add_all(&current, val_get(*trigger, "artifacts"));
	const struct artifact_sources sources = {
		.current = current, .prior = prior, .data = data, .unique = true
	};
	if (artifacts_resolve(expected, &sources, &binding, err) < 0)
		return -1;
	add_all(&current, binding.artifacts);
	val_set(trigger, "artifacts", take(&current));
	if (val_count(binding.expected) > 0) {
		val_set(trigger, "expectedArtifacts", val_ref(binding.expected));
		val_set(trigger, "resolvedExpectedArtifacts", val_ref(binding.expected));
	}
	artifact_binding_free(&binding);
	return 0;
}

static void add_id(struct val *ids, struct val id)
{
	if (val_is_string(id) && !is_named(*ids, id))
		val_append(ids, val_ref(id));
}

static void add_ids_of_triggers(struct val pipeline, const char *parent_config, struct val *ids)
{
	struct val triggers = val_get(pipeline, "triggers");
	for (size_t i = 0; parent_config && i < val_count(triggers); i++) {
		struct val trigger = val_at(triggers, i);
		struct val named = val_get(trigger, "expectedArtifactIds");
		if (strcmp(val_get_text(trigger, "type", ""), "pipeline") != 0 ||
			strcmp(val_get_text(trigger, "pipeline", ""), parent_config) != 0 ||
			!val_get_bool(trigger, "enabled", false))
			continue;
		for (size_t j = 0; j < val_count(named); j++)
			add_id(ids, val_at(named, j));
	}
}

int artifacts_expect_received(
	struct val pipeline, const char *parent_config, struct val *trigger, struct err *err)
{
	struct val all = val_get(pipeline, "expectedArtifacts");
	struct val given = val_get(*trigger, "expectedArtifactIds");
	_cleanup_(val_free) struct val ids = val_is_list(given) ? val_ref(given) : val_list();
	add_ids_of_triggers(pipeline, parent_config, &ids);
	for (size_t i = 0; val_is_list(all) && i < val_count(all); i++) {
		struct val found;
		if (find_match(val_at(all, i), val_get(*trigger, "artifacts"), false, &found, err) < 0)
			return -1;
		if (!val_is_null(found))
			add_id(&ids, val_get(val_at(all, i), "id"));
	}
	if (val_count(ids) > 0)
		val_set(trigger, "expectedArtifactIds", take(&ids));
	return 0;
}

/* ---- what is seen of them ------------------------------------------------------------------------------------------------------ */

static void append_all(struct val *list, struct val artifacts)
{
	for (size_t i = 0; val_is_list(artifacts) && i < val_count(artifacts); i++)
		val_append(list, val_ref(val_at(artifacts, i)));
}

/* The lists at KEY of all that a stage sees, nearest first, joined; owned. */
static struct val seen_by(const struct execution *execution, size_t index, const char *key)
{
	struct val list = val_list();
	size_t count;
	size_t *ancestors = stage_ancestors(execution, index, &count);
	append_all(&list, val_get(stage_at(execution, index)->context, key));
	for (size_t i = 0; i < count; i++)
		append_all(&list, val_get(stage_at(execution, ancestors[i])->outputs, key));
	free(ancestors);
	append_all(&list, val_get(execution->trigger, key));
	return list;
}

struct val artifacts_visible(const struct execution *execution, size_t index)
{
	return seen_by(execution, index, "artifacts");
}

struct val artifacts_of_execution(const struct execution *execution)
{
	_cleanup_(val_free) struct val forth = val_list();
	struct val back = val_list();
	size_t count;
	size_t *order = execution_order(execution, &count);
	for (size_t i = 0; i < count; i++)
		append_all(&forth, val_get(stage_at(execution, order[i])->outputs, "artifacts"));
	free(order);
	for (size_t i = val_count(forth); i-- > 0;)
		val_append(&back, val_ref(val_at(forth, i)));
	append_all(&back, val_get(execution->trigger, "artifacts"));
	return back;
}

struct val artifact_bound(const struct execution *execution, size_t index, const char *id)
{
	_cleanup_(val_free) struct val all = seen_by(execution, index, "resolvedExpectedArtifacts");
	for (size_t i = 0; i < val_count(all); i++) {
		struct val expected = val_at(all, i);
		struct val bound = val_get(expected, "boundArtifact");
		if (strcmp(val_get_text(expected, "id", ""), id) != 0 || !val_is_map(bound))
			continue;
		const char *account = val_get_text(
			val_get(expected, "matchArtifact"), "artifactAccount", "");
		struct val found = val_ref(bound);
		if (*account && !*val_get_text(bound, "artifactAccount", ""))
			val_set(&found, "artifactAccount", val_string(account));
		return found;
	}
	return VAL_NULL;
}
