#include "kubernetes/decorate.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "kubernetes/manifest.h"
#include "kubernetes/version.h"

#define APPLICATION_LABEL "app.kubernetes.io/name"
#define MANAGED_BY_LABEL "app.kubernetes.io/managed-by"
#define SEQUENCE "moniker.spinnaker.io/sequence"

/* The map at KEY of *MAP, made when there is none. */
static struct val *edit_map(struct val *map, const char *key)
{
	if (!val_is_map(val_get(*map, key)))
		val_set(map, key, val_map());
	return val_edit(map, key);
}

/* Keeps what is there. */
static void add(struct val *map, const char *key, const char *text)
{
	if (text && !val_has(*map, key))
		val_set(map, key, val_string(text));
}

struct notes {
	const struct decoration *decoration;
	char *type, *cluster, *sequence; /* sequence NULL = none */
	const char *name, *location;
};

static void annotate(struct val *annotations, const struct notes *notes)
{
	const struct decoration *decoration = notes->decoration;

	add(annotations, "artifact.spinnaker.io/type", notes->type);
	add(annotations, "artifact.spinnaker.io/name", notes->name);
	add(annotations, "artifact.spinnaker.io/location", notes->location);
	add(annotations, "artifact.spinnaker.io/version", decoration->version);
	add(annotations, "moniker.spinnaker.io/application", decoration->application);
	add(annotations, "moniker.spinnaker.io/cluster", notes->cluster);
	add(annotations, "moniker.spinnaker.io/stack", decoration->stack);
	add(annotations, "moniker.spinnaker.io/detail", decoration->detail);
	add(annotations, SEQUENCE, notes->sequence);
}

static void label(struct val *labels, const struct notes *notes)
{
	add(labels, APPLICATION_LABEL, notes->decoration->application);
	val_set(labels, MANAGED_BY_LABEL, val_string(notes->decoration->managed_by));
	if (notes->sequence)
		val_set(labels, SEQUENCE, val_string(notes->sequence));
}

/* The metadata of the Pod template, or NULL: specs of custom kinds may be anything. */
static struct val *template_metadata(struct val *manifest)
{
	struct val template = val_get(val_get(*manifest, "spec"), "template");

	if (!val_is_map(val_get(template, "metadata")))
		return NULL;
	return val_edit(val_edit(val_edit(manifest, "spec"), "template"), "metadata");
}

void manifest_decorate(struct val *manifest, const struct decoration *decoration)
{
	_cleanup_free_ char *kind = manifest_kind_text(*manifest);
	_cleanup_free_ char *type = xasprintf("kubernetes/%s", kind);
	_cleanup_free_ char *cluster = decoration->cluster ? xstrdup(decoration->cluster) :
							     manifest_full_name(*manifest, NULL);
	_cleanup_free_ char *sequence = NULL;
	_cleanup_free_ char *name = xstrdup(manifest_name(*manifest));
	_cleanup_free_ char *location = xstrdup(manifest_namespace(*manifest));
	struct notes notes = { .decoration = decoration,
		.type = type,
		.cluster = cluster,
		.name = name,
		.location = location };
	struct val *metadata = edit_map(manifest, "metadata"), *annotations;
	int64_t number = decoration->sequence.value;

	if (version_number(decoration->version, &number) || decoration->sequence.given)
		sequence = xasprintf("%" PRId64, number);
	notes.sequence = sequence;
	annotations = edit_map(metadata, "annotations");
	annotate(annotations, &notes);
	if (decoration->content_hash)
		val_set(annotations, ANNOTATION_CONTENT_HASH, val_string(decoration->content_hash));
	if (!decoration->no_labels)
		label(edit_map(metadata, "labels"), &notes);
	metadata = template_metadata(manifest);
	if (!metadata)
		return;
	annotate(edit_map(metadata, "annotations"), &notes);
	if (!decoration->no_labels && !decoration->skip_template_labels)
		label(edit_map(metadata, "labels"), &notes);
}

struct val manifest_artifact(
	struct val manifest, const char *version, const char *reference, const char *account)
{
	_cleanup_free_ char *kind = manifest_kind_text(manifest);
	const char *name = manifest_name(manifest);
	struct val artifact = val_map(), metadata = val_map();

	val_set(&metadata, "account", val_string(account));
	val_set(&artifact, "customKind", val_bool(false));
	val_set(&artifact, "type", val_format("kubernetes/%s", kind));
	val_set(&artifact, "name", val_string(*name ? name : reference));
	val_set(&artifact, "location", val_string(manifest_namespace(manifest)));
	val_set(&artifact, "version", val_string(version));
	val_set(&artifact, "reference", val_string(reference));
	val_set(&artifact, "metadata", metadata);
	return artifact;
}
