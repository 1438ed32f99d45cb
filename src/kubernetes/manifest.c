#include "kubernetes/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "kubernetes/check.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define CONTENT_HASH "artifact.gennaker.io/content-hash"

/* ---- a request's documents -------------------------------------------------------------------- */

static const char *kind_of_value(struct val value)
{
	return val_is_null(value) ? "nothing" : val_kind_name(val_kind(value));
}

static int check_text(struct val map, const char *key, const char *place, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value) || (val_is_string(value) && val_as_str(&value).length == 0))
		return err_set(err, ERR_INVALID, "%s.%s: is required", place, key);
	if (!val_is_string(value))
		return err_set(err, ERR_INVALID, "%s.%s: expected a string, got %s", place, key,
			kind_of_value(value));
	return 0;
}

static int check_map(struct val map, const char *key, const char *place, struct err *err)
{
	struct val value = val_get(map, key);

	if (val_is_null(value) || val_is_map(value))
		return 0;
	return err_set(err, ERR_INVALID, "%s.metadata.%s: expected a map, got %s", place, key,
		kind_of_value(value));
}

static int check_metadata(struct val manifest, const char *place, struct err *err)
{
	struct val metadata = val_get(manifest, "metadata");
	_cleanup_free_ char *inner = xasprintf("%s.metadata", place);

	if (!val_is_map(metadata))
		return err_set(err, ERR_INVALID, "%s: expected a map, got %s", inner,
			kind_of_value(metadata));
	if (check_map(metadata, "annotations", place, err) < 0 ||
		check_map(metadata, "labels", place, err) < 0)
		return -1;
	if (!val_is_null(val_get(metadata, "namespace")) &&
		!val_is_string(val_get(metadata, "namespace")))
		return err_set(err, ERR_INVALID, "%s.namespace: expected a string, got %s", inner,
			kind_of_value(val_get(metadata, "namespace")));
	if (*val_get_text(metadata, "generateName", "") && val_is_null(val_get(metadata, "name")))
		return 0;
	return check_text(metadata, "name", inner, err);
}

static int check_manifest(struct val manifest, const char *place, struct err *err)
{
	_cleanup_free_ char *kind = NULL;

	if (check_text(manifest, "kind", place, err) < 0 ||
		check_text(manifest, "apiVersion", place, err) < 0 ||
		check_metadata(manifest, place, err) < 0)
		return -1;
	if (manifest_kind(manifest)->priority != KIND_REFUSED)
		return manifest_check(manifest, place, err);
	kind = manifest_kind_text(manifest);
	return err_set(err, ERR_INVALID, "%s.kind: an object of the kind %s cannot be deployed",
		place, kind);
}

static bool is_list(struct val value)
{
	return str_equal_nocase(str_of(val_get_text(value, "kind", "")), STR("list"));
}

static int flatten(struct val source, const char *place, struct val *list, struct err *err);

static int flatten_items(struct val items, const char *place, struct val *list, struct err *err)
{
	for (size_t i = 0; i < val_count(items); i++) {
		_cleanup_free_ char *inner = xasprintf("%s[%zu]", place, i);

		if (flatten(val_at(items, i), inner, list, err) < 0)
			return -1;
	}
	return 0;
}

/* Documents that are still text, as one line or many. */
static int flatten_text(struct val source, const char *place, struct val *list, struct err *err)
{
	_cleanup_(val_free) struct val documents = VAL_NULL;
	_cleanup_err_ struct err broken = ERR_INIT;

	if (yaml_parse_all(val_as_str(&source), &documents, &broken) < 0)
		return err_set(err, broken.kind, "%s: %s", place, err_text(&broken));
	for (size_t i = 0; i < val_count(documents); i++) {
		struct val document = val_at(documents, i);
		_cleanup_free_ char *inner = xasprintf("%s: document %zu", place, i + 1);
		const char *here = val_count(documents) > 1 ? inner : place;

		/* Text in text is none. */
		if (val_is_string(document))
			return err_set(err, ERR_INVALID, "%s: expected an object, got string%s", here,
				strstr(val_text(&document), "${") ?
					" whose expression was not resolved" :
					"");
		if (flatten(document, here, list, err) < 0)
			return -1;
	}
	return 0;
}

static int flatten(struct val source, const char *place, struct val *list, struct err *err)
{
	if (val_is_null(source))
		return 0;
	if (val_is_list(source))
		return flatten_items(source, place, list, err);
	if (val_is_string(source))
		return flatten_text(source, place, list, err);
	if (!val_is_map(source))
		return err_set(err, ERR_INVALID, "%s: expected an object, got %s", place,
			kind_of_value(source));
	if (is_list(source)) {
		_cleanup_free_ char *inner = xasprintf("%s.items", place);

		return flatten_items(val_get(source, "items"), inner, list, err);
	}
	if (check_manifest(source, place, err) < 0)
		return -1;
	if (val_count(*list) == LIMIT_KUBERNETES_MANIFESTS)
		return err_set(err, ERR_TOO_LARGE, "%s: more than %d objects in one stage", place,
			LIMIT_KUBERNETES_MANIFESTS);
	val_append(list, val_ref(source));
	return 0;
}

int manifests_flatten(struct val source, const char *place, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = val_list();

	if (flatten(source, place, &list, err) < 0)
		return -1;
	*ret = take(&list);
	return 0;
}

/* The definitions in LIST of kinds that live in no namespace; owned. */
static struct val cluster_definitions(struct val list)
{
	struct val definitions = val_list();

	for (size_t i = 0; i < val_count(list); i++) {
		struct val manifest = val_at(list, i);
		const char *name = manifest_kind(manifest)->name;

		if (name && strcmp(name, "customResourceDefinition") == 0 &&
			strcmp(val_get_text(val_get(manifest, "spec"), "scope", ""), "Cluster") == 0)
			val_append(&definitions, val_ref(manifest));
	}
	return definitions;
}

static bool is_defined(struct val definitions, struct val manifest)
{
	struct str group = api_version_group(val_get_text(manifest, "apiVersion", ""));

	for (size_t i = 0; i < val_count(definitions); i++) {
		struct val spec = val_get(val_at(definitions, i), "spec");

		if (str_equal_nocase(group, str_of(val_get_text(spec, "group", ""))) &&
			strcmp(val_get_text(val_get(spec, "names"), "kind", ""),
				val_get_text(manifest, "kind", "")) == 0)
			return true;
	}
	return false;
}

void manifests_override_namespace(
	struct val *list, const char *namespace, const struct kind_list *custom)
{
	_cleanup_(val_free) struct val definitions = cluster_definitions(*list);

	for (size_t i = 0; i < val_count(*list); i++) {
		struct val manifest = val_at(*list, i);

		if (manifest_kind_in(manifest, custom)->cluster || is_defined(definitions, manifest))
			continue;
		val_set(val_edit(val_edit_at(list, i), "metadata"), "namespace",
			val_string(namespace));
	}
}

/* ---- order ------------------------------------------------------------------------------------ */

struct place {
	size_t index;
	int priority;
};

static int place_compare(const void *a, const void *b)
{
	const struct place *left = a, *right = b;

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

size_t *manifests_order(struct val list, const struct kind_list *custom)
{
	size_t count = val_count(list);
	struct place *places = xcalloc(count ? count : 1, sizeof(*places));
	size_t *order = xcalloc(count ? count : 1, sizeof(*order));

	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){ i, manifest_kind_in(val_at(list, i), custom)->priority };
	qsort(places, count, sizeof(*places), place_compare);
	for (size_t i = 0; i < count; i++)
		order[i] = places[i].index;
	free(places);
	return order;
}

/* ---- parts ------------------------------------------------------------------------------------ */

const struct kind *manifest_kind(struct val manifest)
{
	return kind_find(str_of(val_get_text(manifest, "kind", "")),
		api_version_group(val_get_text(manifest, "apiVersion", "")));
}

const struct kind *manifest_kind_in(struct val manifest, const struct kind_list *custom)
{
	return kind_find_in(custom, str_of(val_get_text(manifest, "kind", "")),
		api_version_group(val_get_text(manifest, "apiVersion", "")));
}

const char *manifest_name(struct val manifest)
{
	return val_get_text(val_get(manifest, "metadata"), "name", "");
}

const char *manifest_namespace(struct val manifest)
{
	return val_get_text(val_get(manifest, "metadata"), "namespace", "");
}

char *manifest_kind_text(struct val manifest)
{
	return kind_text(str_of(val_get_text(manifest, "kind", "")),
		api_version_group(val_get_text(manifest, "apiVersion", "")));
}

char *manifest_full_name(struct val manifest, const char *name)
{
	_cleanup_free_ char *kind = manifest_kind_text(manifest);

	if (!name)
		name = manifest_name(manifest);
	if (!*name)
		name = val_get_text(val_get(manifest, "metadata"), "generateName", "");
	return xasprintf("%s %s", kind, name);
}

bool manifest_is_generated(struct val manifest)
{
	return !*manifest_name(manifest);
}

struct val manifest_annotation(struct val manifest, const char *key)
{
	struct val value = val_get(val_get(val_get(manifest, "metadata"), "annotations"), key);
	struct str text = val_as_str(&value);
	_cleanup_err_ struct err err = ERR_INIT;
	struct val parsed;

	if (text.length > 1 && text.bytes[0] == '"' && text.bytes[text.length - 1] == '"' &&
		json_parse(text, NULL, NULL, &parsed, &err) == 0)
		return parsed;
	return val_ref(value);
}

char *manifest_annotation_text(struct val manifest, const char *key)
{
	_cleanup_(val_free) struct val value = manifest_annotation(manifest, key);

	if (val_is_null(value))
		return NULL;
	return val_is_string(value) ? xstrdup(val_text(&value)) : json_text(value, JSON_COMPACT);
}

bool manifest_annotation_is_true(struct val manifest, const char *key)
{
	_cleanup_free_ char *text = manifest_annotation_text(manifest, key);

	return text && str_equal_nocase(str_of(text), STR("true"));
}

int manifest_name_parse(const char *text, char **ret_kind, char **ret_name, struct err *err)
{
	struct str rest = str_of(text), kind, name, more, plain, group;

	if (!str_split(&rest, ' ', &kind) || !str_split(&rest, ' ', &name) || !kind.length ||
		!name.length || str_split(&rest, ' ', &more))
		return err_set(err, ERR_INVALID,
			"expected a kind and a name, such as \"deployment web\", got \"%s\"", text);
	kind_split(kind, &plain, &group);
	*ret_kind = kind_text(plain, group);
	*ret_name = xstrndup(name.bytes, name.length);
	return 0;
}

void names_by_namespace_add(struct val *map, const char *namespace, const char *full_name)
{
	struct val *names;

	if (!val_has(*map, namespace))
		val_set(map, namespace, val_list());
	names = val_edit(map, namespace);
	for (size_t i = 0; i < val_count(*names); i++) {
		struct val name = val_at(*names, i);

		if (strcmp(val_text(&name), full_name) == 0)
			return;
	}
	val_append(names, val_string(full_name));
}

/* ---- what is kept back ------------------------------------------------------------------------ */

static bool is_secret(struct val object)
{
	const char *name = manifest_kind(object)->name;

	return name && strcmp(name, "secret") == 0;
}

void manifest_clean(struct val *manifest)
{
	static const char *const keys[] = { "managedFields", "uid", "creationTimestamp",
		"generation", "selfLink" };
	struct val *metadata = val_edit(manifest, "metadata");

	for (size_t i = 0; metadata && i < sizeof(keys) / sizeof(keys[0]); i++)
		val_remove(metadata, keys[i]);
	val_remove(manifest, "status");
}

/* Takes KEYS (ends with NULL) out of the map at WHERE, which may be none. */
static void remove_keys(struct val *where, const char *const *keys)
{
	for (; where && val_is_map(*where) && *keys; keys++)
		val_remove(where, *keys);
}

struct val manifest_for_output(struct val object)
{
	static const char *const always[] = { "managedFields", NULL };
	static const char *const values[] = { "data", "stringData", NULL };
	static const char *const hints[] = { LAST_APPLIED, CONTENT_HASH, NULL };
	struct val result = val_ref(object), *metadata = NULL;

	if (val_is_map(val_get(result, "metadata")))
		metadata = val_edit(&result, "metadata");
	remove_keys(metadata, always);
	if (!is_secret(object))
		return result;
	remove_keys(metadata ? val_edit(metadata, "annotations") : NULL, hints);
	remove_keys(&result, values);
	return result;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Short values only where they stand alone: "1" is part of many words that are none of it. */
static bool is_hit(struct str text, size_t at, size_t length)
{
	if (length >= 4)
		return true;
	return (at == 0 || !is_word(text.bytes[at - 1])) &&
		(at + length == text.length || !is_word(text.bytes[at + length]));
}

/* TEXT without SECRET; owned, or NULL when it does not occur. */
static char *text_without(const char *text, const char *secret)
{
	struct str whole = str_of(text);
	size_t length = strlen(secret), from = 0;
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_BODY_BYTES);

	for (ptrdiff_t at; length && (at = str_find(whole, secret, from)) >= 0;) {
		bool hit = is_hit(whole, (size_t)at, length);
		size_t end = (size_t)at + (hit ? length : 1);

		strbuf_add(&buf, text + from, (hit ? (size_t)at : end) - from);
		if (hit)
			strbuf_add_text(&buf, "***");
		from = end;
	}
	if (!buf.length)
		return NULL;
	strbuf_add_text(&buf, text + from);
	return strbuf_detach(&buf);
}

static void hide_in_value(struct val *where, const char *secret)
{
	char *text;

	if (val_is_string(*where)) {
		text = text_without(val_text(where), secret);
		if (text)
			val_replace(where, val_string(text));
		free(text);
		return;
	}
	if (!val_is_list(*where) && !val_is_map(*where))
		return;
	for (size_t i = 0; i < val_count(*where); i++)
		hide_in_value(val_edit_at(where, i), secret);
}

static void hide(struct err *err, const char *secret)
{
	char *text = err->text ? text_without(err->text, secret) : NULL;

	if (text) {
		free(err->text);
		err->text = text;
	}
	hide_in_value(&err->details, secret);
}

static void hide_values(struct val values, struct err *err)
{
	for (size_t i = 0; i < val_count(values); i++) {
		struct val value = val_is_map(values) ? val_value_at(values, i) : val_at(values, i);
		_cleanup_free_ char *text = NULL;

		if (val_is_map(value) || val_is_list(value)) {
			hide_values(value, err);
			continue;
		}
		if (val_is_null(value))
			continue;
		text = val_is_string(value) ? xstrdup(val_text(&value)) :
					      json_text(value, JSON_COMPACT);
		hide(err, text);
	}
}

/* TEXT with a mask in place of each object that it quotes, as a server does with one that a patch made wrong; owned, or NULL. */
static char *text_without_objects(const char *text)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(LIMIT_BODY_BYTES);
	const char *from = text, *at;

	while ((at = strstr(from, "\"{")) != NULL) {
		const char *end = at + 1;

		while (*end && *end != '"')
			end += *end == '\\' && end[1] ? 2 : 1;
		strbuf_printf(&buf, "%.*s\"***\"", (int)(at - from), from);
		from = *end ? end + 1 : end;
	}
	if (from == text)
		return NULL;
	strbuf_add_text(&buf, from);
	return strbuf_detach(&buf);
}

static void hide_objects_in(struct val *where)
{
	char *text = val_is_string(*where) ? text_without_objects(val_text(where)) : NULL;

	if (text)
		val_replace(where, val_string(text));
	free(text);
	if (!val_is_list(*where) && !val_is_map(*where))
		return;
	for (size_t i = 0; i < val_count(*where); i++)
		hide_objects_in(val_edit_at(where, i));
}

static void hide_objects(struct err *err)
{
	char *text = err->text ? text_without_objects(err->text) : NULL;

	if (text) {
		free(err->text);
		err->text = text;
	}
	hide_objects_in(&err->details);
}

void manifest_hide_secrets(struct val manifest, struct err *err)
{
	static const char *const shown[] = { "apiVersion", "kind", "metadata", "type" };
	_cleanup_(val_free) struct val values = VAL_NULL;

	if (!is_secret(manifest))
		return;
	values = val_ref(manifest);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		val_remove(&values, shown[i]);
	hide_values(values, err);
	hide_objects(err);
}
