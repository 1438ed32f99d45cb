#include "model/secrets.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/limits.h"
#include "base/yaml.h"

#define MASK "***"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* With the key in any case: an object that slipped past its author is no less secret. */
static bool is_secret(struct val value)
{
	for (size_t i = 0; val_is_map(value) && i < val_count(value); i++) {
		struct val kind = val_value_at(value, i);

		if (str_equal_nocase(val_key_at(value, i), STR("kind")) && val_is_string(kind) &&
			str_equal_nocase(str_trim(val_as_str(&kind)), STR("secret")))
			return true;
	}
	return false;
}

/* A stage that is about a Secret, or a reference to one: no object, though it has a kind. */
static bool names_secret(struct val value)
{
	static const char *const keys[] = { "account", "credentials", "criteria", "mode",
		"patchBody", "manifestName", "name", "uid" };

	if (val_has(value, "metadata"))
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (val_has(value, keys[i]))
			return true;
	return false;
}

/* Whether KEY of a Secret, or of a patch of one, may hold a value: all that is not known to hold none, since a key may be misspelt. */
static bool is_value_key(struct str key)
{
	static const char *const known[] = { "apiVersion", "metadata", "type" };

	if (str_equal_nocase(key, STR("kind")))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(key, known[i]))
			return false;
	return true;
}

static bool is_data_key(struct str key)
{
	return str_equal_nocase(key, STR("data")) || str_equal_nocase(key, STR("stringData"));
}

/* The same of a map that is_secret. */
static bool is_value_of(struct val secret, struct str key)
{
	return is_data_key(key) || (!names_secret(secret) && is_value_key(key));
}

/* A stage that patches a Secret: the patch itself does not say what it is for. */
static bool patches_secret(struct val value)
{
	const char *name = val_get_text(value, "manifestName", "");
	bool named = strncasecmp(name, "secret", 6) == 0 && (name[6] == ' ' || name[6] == '.');

	return (named || is_secret(value)) && val_has(value, "patchBody");
}

static struct val child_at(struct val value, size_t index)
{
	return val_is_map(value) ? val_value_at(value, index) : val_at(value, index);
}

/* ---- manifests that are still text ------------------------------------------------------------ */

static void skip(struct str text, size_t *at, const char *characters)
{
	while (*at < text.length && strchr(characters, text.bytes[*at]) && text.bytes[*at])
		++*at;
}

/* Blanks, quotes, tags, anchors, the heads of block scalars and comments: what may stand before a value. */
static void skip_to_value(struct str text, size_t *at)
{
	for (;;) {
		skip(text, at, "\"'\\ \t\r\n");
		char c = *at < text.length ? text.bytes[*at] : 0;
		bool comment = c == '#';

		if (c == '|' || c == '>')
			skip(text, at, "|>+-0123456789");
		else if (c != '!' && c != '&' && !comment)
			return;
		while (*at < text.length && !strchr(comment ? "\n" : " \t\r\n", text.bytes[*at]))
			++*at;
	}
}

/* True when a text says `kind: Secret` somewhere, as YAML or JSON: quick, and true rather too often. */
static bool says_secret(struct str text)
{
	for (size_t i = 0; i + 4 < text.length; i++) {
		size_t at = i + 4;

		if (tolower((unsigned char)text.bytes[i]) != 'k' ||
			strncasecmp(text.bytes + i, "kind", 4) != 0)
			continue;
		skip(text, &at, "\"'\\ \t\r\n");
		if (at >= text.length || text.bytes[at] != ':')
			continue;
		at++;
		skip_to_value(text, &at);
		if (text.length - at >= 6 && strncasecmp(text.bytes + at, "secret", 6) == 0)
			return true;
	}
	return false;
}

/* WORD in any case; it is given in lower case. What cannot be in the word is skipped with all that it would have to be in (Horspool). */
static bool contains_word(struct str text, struct str word)
{
	unsigned char shifts[256];
	size_t last = word.length - 1;

	memset(shifts, (int)word.length, sizeof(shifts));
	for (size_t i = 0; i < last; i++) {
		unsigned char c = (unsigned char)word.bytes[i];

		shifts[c] = shifts[toupper(c)] = (unsigned char)(last - i);
	}
	for (size_t i = 0; i + word.length <= text.length;
		i += shifts[(unsigned char)text.bytes[i + last]])
		if ((text.bytes[i] | 0x20) == word.bytes[0] &&
			str_equal_nocase(str_slice(text, i, i + word.length), word))
			return true;
	return false;
}

/* Whether letters may be written as escapes, or a line be broken within a word, as YAML does in double quotes. */
static bool has_escapes(struct str text)
{
	for (size_t i = 0; i + 1 < text.length; i++)
		if (text.bytes[i] == '\\' && memchr("xuU\r\n", text.bytes[i + 1], 5))
			return true;
	return false;
}

/* Whether reading a text that does not say it may find a Secret all the same: both words are there, or could be. */
static bool may_hide_secret(struct str text)
{
	return str_contains(text, ":") &&
		(has_escapes(text) ||
			(contains_word(text, STR("secret")) && contains_word(text, STR("kind"))));
}

static bool holds_secret(struct val value);

/* True for a Secret however it is written: with an alias, or with escapes. A text that cannot be read is judged by its looks. */
static bool text_holds_secret(struct str text)
{
	_cleanup_(val_free) struct val documents = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	if (says_secret(text))
		return true;
	if (!may_hide_secret(text) || yaml_parse_all(text, &documents, &err) < 0)
		return false;
	for (size_t i = 0; i < val_count(documents); i++) {
		struct val document = val_at(documents, i);
		/* One that is its own text says nothing new. */
		bool same = val_is_string(document) && val_as_str(&document).length >= text.length;

		if (!same && holds_secret(document))
			return true;
	}
	return false;
}

/* An artifact that carries its content as base 64; the text is owned, NULL when it is none. */
static char *embedded_text(struct val value)
{
	struct val reference = val_get(value, "reference");
	size_t length;

	if (strcasecmp(val_get_text(value, "type", ""), "embedded/base64") != 0 ||
		!val_is_string(reference))
		return NULL;
	return base64_decode(val_as_str(&reference), &length);
}

static bool embeds_secret(struct val value)
{
	_cleanup_free_ char *text = embedded_text(value);

	return text && text_holds_secret(str_of(text));
}

static void mask(struct val *where);

/* Document by document; a text that cannot be read is hidden as a whole. */
static struct val masked_text(struct str text)
{
	_cleanup_(val_free) struct val documents = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_strbuf_ struct strbuf all = STRBUF_INIT(LIMIT_BODY_BYTES);

	if (yaml_parse_all(text, &documents, &err) < 0)
		return val_string(MASK);
	for (size_t i = 0; i < val_count(documents); i++) {
		struct val *document = val_edit_at(&documents, i);
		_cleanup_free_ char *shown = NULL;

		if (val_is_string(*document))
			return val_string(MASK);
		mask(document);
		shown = yaml_text(*document);
		strbuf_printf(&all, "%s%s", i ? "---\n" : "", shown);
	}
	return all.overflowed ? val_string(MASK) : val_str(strbuf_str(&all));
}

/* ---- values ----------------------------------------------------------------------------------- */

static bool holds_secret(struct val value)
{
	if (val_is_string(value))
		return text_holds_secret(val_as_str(&value));
	if (!val_is_map(value) && !val_is_list(value))
		return false;
	if (is_secret(value) || patches_secret(value) || embeds_secret(value))
		return true;
	for (size_t i = 0; i < val_count(value); i++) {
		if (holds_secret(child_at(value, i)))
			return true;
	}
	return false;
}

/* Whether a backslash begins one that is in a text itself, before a letter that is written as an escape. */
static bool has_double_escapes(struct str json)
{
	const char *end = json.bytes + json.length;

	for (const char *at = json.bytes; at < end && (at = memchr(at, '\\', (size_t)(end - at)));
		at++)
		if (end - at > 2 && at[1] == '\\' && memchr("xuU\\", at[2], 4))
			return true;
	return false;
}

/*
 * Each has the word in it: as a kind, in the name of a manifest, or in a text that is one; or it is base 64, or a text whose letters are
 * escapes, and then their backslash is one in JSON too.
 */
bool secrets_possible(struct str json)
{
	return has_double_escapes(json) || contains_word(json, STR("secret")) ||
		contains_word(json, STR("embedded/base64"));
}

/* The keys stay: they help people and give nothing away. */
static void mask_all(struct val *values)
{
	if (val_is_null(*values) || val_kind(*values) == VAL_KIND_BOOL)
		return;
	if (!val_is_map(*values)) {
		val_replace(values, val_string(MASK));
		return;
	}
	for (size_t i = 0; i < val_count(*values); i++)
		val_replace(val_edit_at(values, i), val_string(MASK));
}

static void mask_values(struct val *secret)
{
	bool names = names_secret(*secret);

	for (size_t i = 0; i < val_count(*secret); i++) {
		struct str key = val_key_at(*secret, i);

		if (is_data_key(key) || (!names && is_value_key(key)))
			mask_all(val_edit_at(secret, i));
	}
}

/* One patch: parts of the object, or an operation of a JSON patch. */
static void mask_patch(struct val *patch)
{
	if (!val_is_map(*patch))
		return;
	if (val_has(*patch, "op")) {
		if (val_has(*patch, "value"))
			val_set(patch, "value", val_string(MASK));
		return;
	}
	for (size_t i = 0; i < val_count(*patch); i++)
		if (is_value_key(val_key_at(*patch, i)))
			mask_all(val_edit_at(patch, i));
}

static void mask_patches(struct val *where)
{
	struct val *body = val_edit(where, "patchBody");

	if (val_is_string(*body))
		val_replace(body, val_string(MASK));
	for (size_t i = 0; val_is_list(*body) && i < val_count(*body); i++)
		mask_patch(val_edit_at(body, i));
	mask_patch(body);
}

static void mask(struct val *where)
{
	struct val annotations;

	if (!holds_secret(*where))
		return;
	if (val_is_string(*where)) {
		val_replace(where, masked_text(val_as_str(where)));
		return;
	}
	for (size_t i = 0; i < val_count(*where); i++)
		mask(val_edit_at(where, i));
	if (patches_secret(*where))
		mask_patches(where);
	if (embeds_secret(*where))
		val_set(where, "reference", val_string(MASK));
	if (!is_secret(*where))
		return;
	mask_values(where);
	annotations = val_get(val_get(*where, "metadata"), "annotations");
	if (val_has(annotations, LAST_APPLIED))
		val_set(val_edit(val_edit(where, "metadata"), "annotations"), LAST_APPLIED,
			val_string(MASK));
}

struct val secrets_masked(struct val value)
{
	struct val masked = val_ref(value);

	mask(&masked);
	return masked;
}

struct val secrets_masked_member(struct val map, struct str key)
{
	if (!is_secret(map) && !patches_secret(map) && !embeds_secret(map))
		return secrets_masked(val_get_str(map, key));
	_cleanup_(val_free) struct val masked = secrets_masked(map);
	return val_ref(val_get_str(masked, key));
}

/* ---- expressions that failed ------------------------------------------------------------------ */

/* The letters of TEXT that a summary keeps of an expression, and in which order. */
static bool counts(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/*
 * True when KEY may have been made from TEXT: its letters come in TEXT in that order (a summary leaves out what stands between
 * the expressions of a text, and names the run where a function needs it).
 */
static bool may_be_of(struct str key, struct str text)
{
	static const char added[] = "( #root.execution, ";
	size_t at = 0;

	for (size_t i = 0; i < key.length; i++) {
		if (key.length - i >= sizeof(added) - 1 &&
			memcmp(key.bytes + i, added, sizeof(added) - 1) == 0) {
			i += sizeof(added) - 2;
			continue;
		}
		if (!counts(key.bytes[i]))
			continue;
		while (at < text.length && text.bytes[at] != key.bytes[i])
			at++;
		if (at++ == text.length)
			return false;
	}
	return true;
}

/* True when an expression of KEY is written inside a Secret of VALUE. HIDDEN: VALUE is inside one. */
static bool comes_from_secret(struct val value, bool hidden, struct str key)
{
	bool secret = is_secret(value) || patches_secret(value);

	if (val_is_string(value)) {
		struct str text = val_as_str(&value);

		return (hidden || text_holds_secret(text)) && str_contains(text, "${") &&
			may_be_of(key, text);
	}
	for (size_t i = 0; i < val_count(value); i++) {
		bool inside = hidden;

		if (secret && val_is_map(value)) {
			struct str name = val_key_at(value, i);

			inside = hidden || str_is(name, "patchBody") ||
				(is_secret(value) && is_value_of(value, name));
			if (hidden || inside) {
				if (str_contains(name, "${") && may_be_of(key, name))
					return true;
			}
		}
		if (comes_from_secret(child_at(value, i), inside, key))
			return true;
	}
	return false;
}

/* What is told of a failure, without its text. */
static struct val hidden_failures(struct val failures)
{
	struct val list = val_list();

	for (size_t i = 0; i < val_count(failures); i++) {
		struct val failure = val_ref(val_at(failures, i));

		val_set(&failure, "description",
			val_string("Failed to evaluate an expression in the data of a Secret"));
		val_append(&list, failure);
	}
	return list;
}

struct val secrets_summary_masked(struct val context, struct val summary)
{
	_cleanup_(val_free) struct val masked = val_map();
	bool changed = false;

	if (!holds_secret(context))
		return val_ref(summary);
	for (size_t i = 0; i < val_count(summary); i++) {
		struct str key = val_key_at(summary, i);
		_cleanup_free_ char *name = NULL;

		if (!comes_from_secret(context, false, key)) {
			val_set_str(&masked, key, val_ref(val_value_at(summary, i)));
			continue;
		}
		changed = true;
		name = xasprintf(MASK " (%zu)", i + 1);
		val_set(&masked, name, hidden_failures(val_value_at(summary, i)));
	}
	return changed ? take(&masked) : val_ref(summary);
}
