#include "kubernetes/deploy_plan.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/alloc.h"
#include "kubernetes/bind.h"
#include "kubernetes/decorate.h"
#include "kubernetes/manifest.h"
#include "kubernetes/traffic.h"
#include "kubernetes/version.h"

#define GENERATED_BASE_BYTES 58
#define GENERATED_LETTERS 5

enum deploy_strategy deploy_strategy_of(struct val manifest)
{
	_cleanup_free_ char *apply = manifest_annotation_text(
		manifest, "strategy.spinnaker.io/server-side-apply");

	if (manifest_is_generated(manifest))
		return DEPLOY_APPLY;
	if (manifest_annotation_is_true(manifest, "strategy.spinnaker.io/recreate"))
		return DEPLOY_RECREATE;
	if (manifest_annotation_is_true(manifest, "strategy.spinnaker.io/replace"))
		return DEPLOY_REPLACE;
	if (apply && str_equal_nocase(str_of(apply), STR("true")))
		return DEPLOY_APPLY_GENTLY;
	return DEPLOY_APPLY;
}

bool deploy_wants_server_side(struct val manifest)
{
	_cleanup_free_ char *apply = manifest_annotation_text(
		manifest, "strategy.spinnaker.io/server-side-apply");

	return apply &&
		(str_equal_nocase(str_of(apply), STR("true")) ||
			str_equal_nocase(str_of(apply), STR("force-conflicts")));
}

void deploy_walk_free(struct deploy_walk *walk)
{
	val_free(&walk->candidates);
	val_free(&walk->known);
	val_free(&walk->bound);
	val_free(&walk->produced);
}

struct val deploy_walk_bind(struct deploy_walk *walk, size_t index)
{
	struct val manifest = val_ref(val_at(walk->manifests, index));

	manifest_bind(&manifest, walk->candidates, walk->rules->account, &walk->bound);
	return manifest;
}

void deploy_walk_produce(struct deploy_walk *walk, struct val manifest, struct val entry)
{
	struct val artifact = manifest_artifact(manifest, val_get_text(entry, "version", ""),
		val_get_text(entry, "name", ""), walk->rules->account);

	artifacts_put(&walk->candidates, &walk->known, val_ref(artifact));
	val_append(&walk->produced, artifact);
}

/* NULL when the moniker has no such text. */
static const char *moniker_text(const struct deploy_rules *rules, const char *key)
{
	const char *text = val_get_text(rules->moniker, key, "");

	return *text ? text : NULL;
}

static struct opt_int moniker_sequence(const struct deploy_rules *rules)
{
	struct val value = val_get(rules->moniker, "sequence");
	struct opt_int sequence = { 0 };

	sequence.given = val_as_int(value, &sequence.value) ||
		(val_is_string(value) && str_to_int(val_as_str(&value), &sequence.value));
	return sequence;
}

static void decorate(struct val *manifest, const char *version, const char *content_hash,
	const struct deploy_rules *rules)
{
	const char *suffix = val_get_text(rules->settings, "managedBySuffix", "");
	_cleanup_free_ char *managed_by = xasprintf("spinnaker%s%s", *suffix ? "-" : "", suffix);
	const char *application = moniker_text(rules, "app");
	struct decoration decoration = {
		.application = application ? application : rules->application,
		.cluster = moniker_text(rules, "cluster"),
		.stack = moniker_text(rules, "stack"),
		.detail = moniker_text(rules, "detail"),
		.sequence = moniker_sequence(rules),
		.version = version,
		.content_hash = content_hash,
		.no_labels = !val_get_bool(rules->settings, "applyAppLabels", true),
		.managed_by = managed_by,
		.skip_template_labels = rules->skip_template_labels,
	};

	manifest_decorate(manifest, &decoration);
}

/* Services that the choice of names has found to fit. */
static void add_traffic(struct val *object, struct val entry)
{
	_cleanup_err_ struct err err = ERR_INIT;

	traffic_annotate(object, val_get(entry, "services"), &err);
	traffic_add_labels(object, val_get(entry, "labels"));
}

struct val deploy_object(struct val manifest, struct val entry, const struct deploy_rules *rules)
{
	const char *version = val_get_text(entry, "version", "");
	_cleanup_free_ char *content_hash = *version ? manifest_content_hash(manifest) : NULL;
	struct val object = val_ref(manifest);
	struct val replicas = val_get(entry, "replicas");

	if (!val_is_null(replicas) && val_is_map(val_get(object, "spec")))
		val_set(val_edit(&object, "spec"), "replicas", val_ref(replicas));
	add_traffic(&object, entry);
	decorate(&object, version, content_hash, rules);
	val_set(val_edit(&object, "metadata"), "name", val_ref(val_get(entry, "name")));
	manifest_clean(&object);
	return object;
}

char *deploy_generated_name(struct val manifest, const char *seed)
{
	/* Those of Kubernetes: no vowels, nothing that looks like something else. */
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	const char *base = val_get_text(val_get(manifest, "metadata"), "generateName", "");
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	char end[GENERATED_LETTERS + 1] = { 0 };
	unsigned length;

	if (EVP_Digest(seed, strlen(seed), digest, &length, EVP_sha256(), NULL) != 1)
		abort(); /* OpenSSL without SHA-256 */
	for (size_t i = 0; i < GENERATED_LETTERS; i++)
		end[i] = letters[(digest[2 * i] << 8 | digest[2 * i + 1]) % (sizeof(letters) - 1)];
	return xasprintf("%.*s%s", GENERATED_BASE_BYTES, base, end);
}

int deploy_check_manifest(struct val manifest, bool has_selectors, struct err *err)
{
	if (has_selectors && deploy_strategy_of(manifest) == DEPLOY_REPLACE)
		return err_set(err, ERR_INVALID,
			"label selectors cannot be used with the annotation "
			"strategy.spinnaker.io/replace");
	return 0;
}
