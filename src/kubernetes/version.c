#include "kubernetes/version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/alloc.h"
#include "base/json.h"
#include "kubernetes/manifest.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

bool manifest_is_versioned(struct val manifest, struct opt_bool stage, const struct kind_list *custom)
{
	_cleanup_free_ char *text = manifest_annotation_text(
		manifest, "strategy.spinnaker.io/versioned");

	if (manifest_is_generated(manifest))
		return false;
	if (text)
		return str_equal_nocase(str_of(text), STR("true")); /* "yes" means no */
	return stage.given ? stage.value : manifest_kind_in(manifest, custom)->versioned;
}

char *manifest_content_hash(struct val manifest)
{
	static const char digits[] = "0123456789abcdef";
	_cleanup_(val_free) struct val content = val_ref(manifest);
	_cleanup_free_ char *text = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char *hex;

	val_remove(&content, "metadata");
	val_remove(&content, "status");
	text = json_text(content, JSON_CANONICAL);
	if (EVP_Digest(text, strlen(text), digest, &length, EVP_sha256(), NULL) != 1)
		abort(); /* OpenSSL without SHA-256 */
	hex = xcalloc(length * 2 + 1, 1);
	for (unsigned i = 0; i < length; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	return hex;
}

bool version_number(const char *version, int64_t *ret)
{
	int64_t number;

	if (version[0] != 'v' || !str_to_int(str_of(version + 1), &number) || number < 0 ||
		number >= INT32_MAX)
		return false;
	*ret = number;
	return true;
}

static bool object_version(struct val object, int64_t *ret)
{
	_cleanup_free_ char *text = manifest_annotation_text(object, "artifact.spinnaker.io/version");

	return text && version_number(text, ret);
}

/* Objects by age, oldest first; of one second in the order of the list. */
struct aged {
	const char *created;
	size_t index;
};

static int aged_compare(const void *a, const void *b)
{
	const struct aged *left = a, *right = b;
	int order = strcmp(left->created, right->created);

	if (order)
		return order;
	return left->index < right->index ? -1 : left->index > right->index;
}

/* Those of LIVE that are versions of NAME, oldest first; owned. */
static struct aged *versions_of(struct val live, const char *name, size_t *ret_count)
{
	struct aged *found = xcalloc(val_count(live) + 1, sizeof(*found));
	size_t count = 0;

	for (size_t i = 0; i < val_count(live); i++) {
		struct val object = val_at(live, i);
		_cleanup_free_ char *type = manifest_annotation_text(
			object, "artifact.spinnaker.io/type");
		_cleanup_free_ char *its = manifest_annotation_text(
			object, "artifact.spinnaker.io/name");

		if (type && its && strcmp(its, name) == 0)
			found[count++] = (struct aged){
				val_get_text(val_get(object, "metadata"), "creationTimestamp", ""), i
			};
	}
	qsort(found, count, sizeof(*found), aged_compare);
	*ret_count = count;
	return found;
}

/* Every top-level field but metadata is the same in both. */
static bool same_content(struct val a, struct val b)
{
	_cleanup_(val_free) struct val left = val_ref(a), right = val_ref(b);

	val_remove(&left, "metadata");
	val_remove(&right, "metadata");
	return val_equal(left, right);
}

static bool is_deployed_as(struct val object, struct val manifest, const char *content_hash)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val applied = VAL_NULL;
	struct val annotations = val_get(val_get(object, "metadata"), "annotations");
	const char *text = val_get_text(annotations, LAST_APPLIED, NULL);

	if (strcmp(val_get_text(annotations, ANNOTATION_CONTENT_HASH, ""), content_hash) == 0)
		return true;
	return text && json_parse(str_of(text), NULL, NULL, &applied, &err) == 0 &&
		same_content(applied, manifest);
}

char *version_choose(struct val manifest, struct val live, const char *content_hash, bool *ret_reused)
{
	int64_t highest = -1, number;
	size_t count;
	struct aged *versions = versions_of(live, manifest_name(manifest), &count);
	struct val found = VAL_NULL;

	for (size_t i = 0; i < count; i++) {
		struct val object = val_at(live, versions[i].index);

		if (!object_version(object, &number))
			continue;
		if (val_is_null(found) && is_deployed_as(object, manifest, content_hash))
			found = object;
		if (number > highest)
			highest = number;
	}
	free(versions);
	*ret_reused = !val_is_null(found);
	if (*ret_reused)
		return manifest_annotation_text(found, "artifact.spinnaker.io/version");
	return xasprintf("v%03" PRId64, highest + 1);
}

struct val versions_to_remove(struct val live, const char *type, const char *name, int64_t keep)
{
	struct val gone = val_list();
	size_t count, kept = 0;
	int64_t number;
	struct aged *versions = versions_of(live, name, &count);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *its = manifest_annotation_text(
			val_at(live, versions[i].index), "artifact.spinnaker.io/type");

		if (strcmp(its, type) == 0 && object_version(val_at(live, versions[i].index), &number))
			versions[kept++] = versions[i];
	}
	for (size_t i = 0; keep >= 0 && i + (uint64_t)keep < kept; i++) {
		struct val metadata = val_get(val_at(live, versions[i].index), "metadata");
		struct val entry = val_map();

		val_set(&entry, "name", val_ref(val_get(metadata, "name")));
		val_set(&entry, "uid", val_ref(val_get(metadata, "uid")));
		val_append(&gone, entry);
	}
	free(versions);
	return gone;
}

struct val version_newest(struct val live, const char *name)
{
	int64_t highest = -1, number;
	size_t count;
	struct aged *versions = versions_of(live, name, &count);
	struct val found = VAL_NULL;

	for (size_t i = 0; i < count; i++) {
		struct val object = val_at(live, versions[i].index);

		if (object_version(object, &number) && number > highest) {
			highest = number;
			found = object;
		}
	}
	free(versions);
	return found;
}
