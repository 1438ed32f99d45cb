#include "kubernetes/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/deploy_plan.h"
#include "kubernetes/manifest.h"
#include "kubernetes/target.h"
#include "kubernetes/version.h"

/* ---- monikers ---------------------------------------------------------------------------------- */

/* Takes "-v003" (three to six digits) off the end of *NAME; false when it has none. */
static bool cut_sequence(struct str *name, int64_t *ret)
{
	size_t digits = 0;

	while (digits < name->length && name->bytes[name->length - 1 - digits] >= '0' &&
		name->bytes[name->length - 1 - digits] <= '9')
		digits++;
	if (digits < 3 || digits > 6 || name->length < digits + 2 ||
		name->bytes[name->length - digits - 1] != 'v' ||
		name->bytes[name->length - digits - 2] != '-')
		return false;
	str_to_int(str_slice(*name, name->length - digits, name->length), ret);
	name->length -= digits + 2;
	return true;
}

static bool consists_of(struct str text, const char *more)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.bytes[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9');

		if (!letter && (c == 0 || !strchr(more, c)))
			return false;
	}
	return true;
}

/* The application of "app-stack-detail": its first part. False when it is not of that form. */
static bool application_of(struct str cluster, struct str *ret)
{
	struct str rest = cluster, stack = STR("");

	if (!str_split(&rest, '-', ret) || !ret->length || !consists_of(*ret, "._"))
		return false;
	if (rest.bytes && str_split(&rest, '-', &stack) && !consists_of(stack, "._"))
		return false;
	return !rest.bytes || consists_of(rest, "._-~^");
}

static void set_text(struct val *map, const char *key, struct val object, const char *annotation,
	struct str otherwise)
{
	_cleanup_free_ char *text = manifest_annotation_text(object, annotation);

	if (text)
		val_set(map, key, val_string(text));
	else
		val_set(map, key, otherwise.length ? val_str(otherwise) : VAL_NULL);
}

struct val moniker_of(struct val object)
{
	struct str cluster = str_of(manifest_name(object)), application = STR("");
	bool system = str_starts(cluster, "system:");
	struct val moniker = val_map();
	int64_t sequence = 0, noted;
	bool numbered = cut_sequence(&cluster, &sequence);

	if (system)
		application = STR("system");
	else if (!application_of(cluster, &application)) {
		cluster = application = STR("");
		numbered = false;
	}
	if (object_sequence(object, &noted)) {
		sequence = noted;
		numbered = true;
	}
	set_text(&moniker, "app", object, "moniker.spinnaker.io/application", application);
	set_text(&moniker, "cluster", object, "moniker.spinnaker.io/cluster", cluster);
	set_text(&moniker, "stack", object, "moniker.spinnaker.io/stack", STR(""));
	set_text(&moniker, "detail", object, "moniker.spinnaker.io/detail", STR(""));
	val_set(&moniker, "sequence", numbered ? val_int(sequence) : VAL_NULL);
	return moniker;
}

/* ---- strategies -------------------------------------------------------------------------------- */

static const char *server_side_apply(struct val manifest)
{
	_cleanup_free_ char *text = manifest_annotation_text(
		manifest, "strategy.spinnaker.io/server-side-apply");

	if (text && str_equal_nocase(str_of(text), STR("true")))
		return "default";
	if (text && str_equal_nocase(str_of(text), STR("force-conflicts")))
		return "force-conflicts";
	return "disabled";
}

static const char *deploy_word(struct val manifest)
{
	switch (deploy_strategy_of(manifest)) {
	case DEPLOY_RECREATE:
		return "recreate";
	case DEPLOY_REPLACE:
		return "replace";
	case DEPLOY_APPLY_GENTLY:
		return "server-side-apply";
	case DEPLOY_APPLY:
		break;
	}
	return !manifest_is_generated(manifest) &&
			strcmp(server_side_apply(manifest), "disabled") != 0 ?
		"server-side-apply" :
		"apply";
}

struct val strategy_of(struct val manifest)
{
	_cleanup_free_ char *versioned = manifest_annotation_text(
		manifest, "strategy.spinnaker.io/versioned");
	_cleanup_free_ char *history = manifest_annotation_text(manifest, MAX_VERSION_HISTORY);
	struct val strategy = val_map();
	int64_t number;

	val_set(&strategy, "deploy", val_string(deploy_word(manifest)));
	val_set(&strategy, "serverSideApply", val_string(server_side_apply(manifest)));
	val_set(&strategy, "versioned",
		val_string(!versioned                                            ? "default" :
				str_equal_nocase(str_of(versioned), STR("true")) ? "true" :
										   "false"));
	val_set(&strategy, "maxVersionHistory",
		history && str_to_int(str_of(history), &number) ? val_int(number) : VAL_NULL);
	val_set(&strategy, "useSourceCapacity",
		val_bool(manifest_annotation_is_true(
			manifest, "strategy.spinnaker.io/use-source-capacity")));
	return strategy;
}

/* ---- names ------------------------------------------------------------------------------------- */

/* Those of LIVE that are of MANIFEST's kind, and in its namespace if it names one; owned. */
static struct val rivals_of(struct val manifest, struct val live)
{
	_cleanup_free_ char *kind = manifest_kind_text(manifest);
	const char *namespace = manifest_namespace(manifest);
	struct val list = val_list();

	for (size_t i = 0; i < val_count(live); i++) {
		struct val object = val_at(live, i);
		_cleanup_free_ char *its = manifest_kind_text(object);

		if (strcmp(its, kind) == 0 &&
			(!*namespace || strcmp(manifest_namespace(object), namespace) == 0))
			val_append(&list, val_ref(object));
	}
	return list;
}

/* The entry of a deploy's plan (deploy_plan.h) for MANIFEST, whose references are bound; owned. */
static struct val choose(
	struct val manifest, struct val live, const struct deploy_rules *rules, bool *ret_reused)
{
	_cleanup_(val_free) struct val rivals = rivals_of(manifest, live);
	_cleanup_free_ char *hash = manifest_content_hash(manifest), *version = NULL;
	struct val entry = val_map();

	*ret_reused = false;
	if (manifest_is_versioned(manifest, rules->versioned, rules->kinds)) {
		version = version_choose(manifest, rivals, hash, ret_reused);
		val_set(&entry, "name", val_format("%s-%s", manifest_name(manifest), version));
	} else {
		val_set(&entry, "name", val_string(manifest_name(manifest)));
	}
	val_set(&entry, "version", val_string(version ? version : ""));
	return entry;
}

static struct val describe(struct val manifest, struct val entry, bool reused)
{
	struct val row = moniker_of(manifest);
	const char *version = val_get_text(entry, "version", "");
	const char *name = val_get_text(entry, "name", "");
	int64_t number;

	if (val_is_null(val_get(row, "sequence")) && version_number(version, &number))
		val_set(&row, "sequence", val_int(number));
	val_set(&row, "version", *version ? val_string(version) : VAL_NULL);
	val_set(&row, "name", *name ? val_string(name) : VAL_NULL);
	val_set(&row, "reused", val_bool(reused));
	val_set(&row, "strategy", strategy_of(manifest));
	return row;
}

struct val names_chosen(struct val manifests, struct val live, struct opt_bool versioned,
	const struct kind_list *custom)
{
	struct deploy_rules rules = { .account = "", .versioned = versioned, .kinds = custom };
	_cleanup_(deploy_walk_free) struct deploy_walk walk = { .manifests = manifests,
		.rules = &rules,
		.candidates = val_list(),
		.bound = val_list(),
		.produced = val_list() };
	size_t *order = manifests_order(manifests, custom);
	struct val rows = val_list();

	for (size_t i = 0; i < val_count(manifests); i++)
		val_append(&rows, VAL_NULL);
	for (size_t i = 0; i < val_count(manifests); i++) {
		_cleanup_(val_free) struct val manifest = deploy_walk_bind(&walk, order[i]);
		_cleanup_(val_free) struct val entry = VAL_NULL;
		bool reused;

		entry = choose(manifest, live, &rules, &reused);
		deploy_walk_produce(&walk, manifest, entry);
		val_list_set(&rows, order[i], describe(manifest, entry, reused));
	}
	free(order);
	return rows;
}
