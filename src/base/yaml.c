/*
 * The reader. It takes libyaml's events one by one and builds the value by recursion, whose depth is capped.
 *
 * An alias is one more reference to its anchor's value, so it costs no memory here; but whoever writes the value as JSON
 * pays for it in full. Hence each anchor knows how many nodes and bytes it stands for, and the sum over the whole text
 * is capped.
 */
#include "base/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/yaml_scalar.h"

#define TAG_PREFIX "tag:yaml.org,2002:"

struct anchor {
	struct val value; /* owned */
	size_t nodes;
	size_t bytes;
	unsigned height; /* levels of lists and maps */
	bool open;       /* we are inside the node */
};

struct reader {
	struct str text;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct map anchors; /* of this document: name to struct anchor, owned */
	size_t aliases;
	size_t nodes;
	size_t bytes;
	struct err *err;
};

static int read_node(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height);

static int fail_at(struct reader *reader, yaml_mark_t mark, enum err_kind kind, const char *text)
{
	return err_set(reader->err, kind, "line %zu, column %zu: %s", mark.line + 1,
		mark.column + 1, text);
}

static int fail(struct reader *reader, enum err_kind kind, const char *text)
{
	return fail_at(reader, reader->event.start_mark, kind, text);
}

/* The mark of the byte at OFFSET: bytes that are no text stop libyaml before it counts lines. */
static yaml_mark_t mark_of_offset(struct str text, size_t offset)
{
	yaml_mark_t mark = { .index = offset };

	for (size_t i = 0; i < offset && i < text.length; i++) {
		unsigned char c = (unsigned char)text.bytes[i];

		if (c == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((c & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int fail_in_parser(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	_cleanup_free_ char *text = NULL;

	if (parser->error == YAML_MEMORY_ERROR)
		abort();
	if (parser->error == YAML_READER_ERROR)
		return fail_at(reader, mark_of_offset(reader->text, parser->problem_offset),
			ERR_INVALID, parser->problem);
	if (parser->error == YAML_SCANNER_ERROR && *parser->buffer.pointer == '\t')
		return fail_at(
			reader, parser->problem_mark, ERR_INVALID, "a tab where YAML wants spaces");
	if (!parser->context)
		return fail_at(reader, parser->problem_mark, ERR_INVALID, parser->problem);
	text = xasprintf("%s (%s that starts in line %zu)", parser->problem, parser->context,
		parser->context_mark.line + 1);
	return fail_at(reader, parser->problem_mark, ERR_INVALID, text);
}

static int next_event(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return fail_in_parser(reader);
	return 0;
}

static int count(struct reader *reader, size_t nodes, size_t bytes)
{
	reader->nodes += nodes;
	reader->bytes += bytes;
	if (reader->nodes > LIMIT_YAML_NODES)
		return fail(reader, ERR_TOO_LARGE, "too many values");
	if (reader->bytes > LIMIT_YAML_BYTES)
		return fail(reader, ERR_TOO_LARGE, "too long when its aliases are expanded");
	return 0;
}

static void anchors_clear(struct reader *reader)
{
	struct map_cursor cursor = { 0 };
	struct str name;
	void *value;

	while (map_next(&reader->anchors, &cursor, &name, &value)) {
		struct anchor *anchor = value;

		val_free(&anchor->value);
		free(anchor);
	}
	map_free(&reader->anchors);
}

static int read_alias(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height)
{
	const char *name = (const char *)reader->event.data.alias.anchor;
	const struct anchor *anchor = map_get(&reader->anchors, str_of(name));

	if (!anchor || anchor->open) {
		_cleanup_free_ char *text = xasprintf(
			anchor ? "the anchor \"%s\" contains itself" : "there is no anchor \"%s\"",
			name);

		return fail(reader, ERR_INVALID, text);
	}
	if (++reader->aliases > LIMIT_YAML_ALIASES)
		return fail(reader, ERR_TOO_LARGE, "too many aliases");
	if (count(reader, anchor->nodes, anchor->bytes) < 0)
		return -1;
	if (depth + anchor->height > LIMIT_JSON_DEPTH)
		return fail(reader, ERR_INVALID, "nested too deep");
	*ret = val_ref(anchor->value);
	*ret_height = anchor->height;
	return 0;
}

/* Whether a scalar of that kind may have that tag; tags that are no type of JSON leave it a string. */
static const struct scalar_tag {
	const char *name;
	unsigned kinds;
} scalar_tags[] = {
	{ "null", 1 << YAML_SCALAR_NULL },
	{ "bool", 1 << YAML_SCALAR_BOOL },
	{ "int", 1 << YAML_SCALAR_INT },
	{ "float", 1 << YAML_SCALAR_INT | 1 << YAML_SCALAR_FLOAT | 1 << YAML_SCALAR_NOT_FINITE },
};

/* The row of a tag that asks for a type, or NULL. */
static const struct scalar_tag *tag_find(const char *tag)
{
	if (!tag || strncmp(tag, TAG_PREFIX, sizeof(TAG_PREFIX) - 1) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(scalar_tags) / sizeof(scalar_tags[0]); i++) {
		if (strcmp(tag + sizeof(TAG_PREFIX) - 1, scalar_tags[i].name) == 0)
			return &scalar_tags[i];
	}
	return NULL;
}

static int read_scalar(struct reader *reader, struct val *ret)
{
	const char *tag_text = (const char *)reader->event.data.scalar.tag;
	const struct scalar_tag *tag = tag_find(tag_text);
	bool plain = !tag_text && reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct str text = { (const char *)reader->event.data.scalar.value,
		reader->event.data.scalar.length };
	enum yaml_scalar kind;

	if (count(reader, 1, text.length) < 0)
		return -1;
	if (!plain && !tag) {
		*ret = val_str(text);
		return 0;
	}
	kind = yaml_scalar_read(text, ret);
	if (tag && !(tag->kinds & (1u << kind))) {
		_cleanup_free_ char *what = xasprintf(
			"\"%.*s\" is no !!%s", STR_ARG(text), tag->name);

		val_free(ret);
		return fail(reader, ERR_INVALID, what);
	}
	if (kind == YAML_SCALAR_NOT_FINITE)
		return fail(reader, ERR_INVALID, "infinity and \"not a number\" are no JSON numbers");
	return 0;
}

static int read_sequence(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height)
{
	_cleanup_(val_free) struct val list = val_list();
	unsigned height = 0;

	for (;;) {
		struct val item = VAL_NULL;
		unsigned item_height = 0;

		if (next_event(reader) < 0)
			return -1;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (read_node(reader, depth + 1, &item, &item_height) < 0)
			return -1;
		if (item_height > height)
			height = item_height;
		val_append(&list, item);
	}
	*ret = take(&list);
	*ret_height = height + 1;
	return 0;
}

/* Whether the current event is the key `<<` (https://yaml.org/type/merge.html). */
static bool is_merge_key(const struct reader *reader)
{
	const yaml_event_t *event = &reader->event;
	const char *tag;

	if (event->type != YAML_SCALAR_EVENT ||
		strcmp((const char *)event->data.scalar.value, "<<") != 0)
		return false;
	tag = (const char *)event->data.scalar.tag;
	return tag ? strcmp(tag, TAG_PREFIX "merge") == 0 :
		     event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Appends the map, or the maps of the list, that a merge key holds to *MERGES. */
static int read_merge(struct reader *reader, unsigned depth, struct val *merges, unsigned *ret_height)
{
	_cleanup_(val_free) struct val value = VAL_NULL;
	yaml_mark_t mark;
	bool fine;

	if (next_event(reader) < 0)
		return -1;
	mark = reader->event.start_mark;
	if (read_node(reader, depth, &value, ret_height) < 0)
		return -1;
	fine = val_is_map(value) || val_is_list(value);
	if (val_is_map(value))
		val_append(merges, val_ref(value));
	for (size_t i = 0; val_is_list(value) && i < val_count(value); i++) {
		fine = fine && val_is_map(val_at(value, i));
		val_append(merges, val_ref(val_at(value, i)));
	}
	if (!fine)
		return fail_at(
			reader, mark, ERR_INVALID, "\"<<\" merges a map or a list of maps only");
	return 0;
}

/* The maps of MERGES fill in what MAP does not have; the first that has a key wins. */
static void merge(struct val *map, struct val merges)
{
	for (size_t i = 0; i < val_count(merges); i++) {
		struct val from = val_at(merges, i);

		for (size_t j = 0; j < val_count(from); j++) {
			if (!val_has_str(*map, val_key_at(from, j)))
				val_set_str(map, val_key_at(from, j), val_ref(val_value_at(from, j)));
		}
	}
}

/* Reads a key; numbers and flags become their text in JSON, as Kubernetes has it. */
static int read_key(struct reader *reader, unsigned depth, struct val map, struct val *ret)
{
	_cleanup_(val_free) struct val key = VAL_NULL;
	_cleanup_free_ char *text = NULL;
	yaml_mark_t mark = reader->event.start_mark;
	unsigned height;

	if (read_node(reader, depth, &key, &height) < 0)
		return -1;
	if (val_is_null(key) || val_is_list(key) || val_is_map(key)) {
		text = xasprintf("a key must be text, not %s", val_kind_name(val_kind(key)));
		return fail_at(reader, mark, ERR_INVALID, text);
	}
	if (!val_is_string(key)) {
		text = json_text(key, JSON_COMPACT);
		val_replace(&key, val_string(text));
	}
	if (val_has_str(map, val_as_str(&key))) {
		free(text);
		text = xasprintf("the key \"%s\" stands twice", val_text(&key));
		return fail_at(reader, mark, ERR_INVALID, text);
	}
	*ret = take(&key);
	return 0;
}

static int read_pair(struct reader *reader, unsigned depth, struct val *map, unsigned *ret_height)
{
	_cleanup_(val_free) struct val key = VAL_NULL;
	struct val value = VAL_NULL;

	if (read_key(reader, depth, *map, &key) < 0 || next_event(reader) < 0 ||
		read_node(reader, depth, &value, ret_height) < 0)
		return -1;
	val_set_str(map, val_as_str(&key), value);
	return 0;
}

static int read_mapping(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height)
{
	_cleanup_(val_free) struct val map = val_map();
	_cleanup_(val_free) struct val merges = VAL_NULL;
	unsigned height = 0;

	for (;;) {
		unsigned value_height = 0;
		int result;

		if (next_event(reader) < 0)
			return -1;
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (is_merge_key(reader))
			result = read_merge(reader, depth + 1, &merges, &value_height);
		else
			result = read_pair(reader, depth + 1, &map, &value_height);
		if (result < 0)
			return -1;
		if (value_height > height)
			height = value_height;
	}
	merge(&map, merges);
	*ret = take(&map);
	*ret_height = height + 1;
	return 0;
}

static int read_content(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height)
{
	*ret_height = 0;
	if (reader->event.type == YAML_SCALAR_EVENT)
		return read_scalar(reader, ret);
	if (depth == LIMIT_JSON_DEPTH)
		return fail(reader, ERR_INVALID, "nested too deep");
	if (count(reader, 1, 0) < 0)
		return -1;
	if (reader->event.type == YAML_SEQUENCE_START_EVENT)
		return read_sequence(reader, depth, ret, ret_height);
	return read_mapping(reader, depth, ret, ret_height);
}

/* The anchor of that name, made or emptied, and open. */
static struct anchor *anchor_open(struct reader *reader, const char *name)
{
	struct anchor *anchor = map_get(&reader->anchors, str_of(name));

	if (!anchor) {
		anchor = xnew(struct anchor);
		map_put(&reader->anchors, str_of(name), anchor);
	}
	anchor->open = true;
	return anchor;
}

/* Reads the node whose first event is the current one; afterwards its last is. DEPTH = lists and maps around it. */
static int read_node(struct reader *reader, unsigned depth, struct val *ret, unsigned *ret_height)
{
	const yaml_event_t *event = &reader->event;
	size_t nodes = reader->nodes, bytes = reader->bytes;
	struct anchor *anchor;
	const yaml_char_t *name;

	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(reader, depth, ret, ret_height);
	name = event->type == YAML_SCALAR_EVENT          ? event->data.scalar.anchor :
		event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor :
							   event->data.mapping_start.anchor;
	if (!name)
		return read_content(reader, depth, ret, ret_height);
	anchor = anchor_open(reader, (const char *)name);
	if (read_content(reader, depth, ret, ret_height) < 0)
		return -1;
	val_replace(&anchor->value, val_ref(*ret));
	anchor->nodes = reader->nodes - nodes;
	anchor->bytes = reader->bytes - bytes;
	anchor->height = *ret_height;
	anchor->open = false;
	return 0;
}

/* Reads all documents into *LIST. */
static int read_stream(struct reader *reader, struct val *list)
{
	unsigned height, number = 0;

	do {
		struct val document = VAL_NULL;

		if (next_event(reader) < 0)
			return number ? err_wrap(reader->err, "after document %u", number) : -1;
		if (reader->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		number++;
		if (next_event(reader) < 0 || read_node(reader, 0, &document, &height) < 0)
			return number > 1 ? err_wrap(reader->err, "document %u", number) : -1;
		if (!val_is_null(document))
			val_append(list, document);
		anchors_clear(reader);
	} while (reader->event.type != YAML_STREAM_END_EVENT);
	return 0;
}

int yaml_parse_all(struct str text, struct val *ret_list, struct err *err)
{
	struct reader reader = { .text = text, .err = err };
	_cleanup_(val_free) struct val list = val_list();
	int result;

	if (text.length > LIMIT_BODY_BYTES)
		return err_set(err, ERR_TOO_LARGE, "larger than %u bytes", LIMIT_BODY_BYTES);
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser,
		(const unsigned char *)(text.length ? text.bytes : ""), text.length);
	result = read_stream(&reader, &list);
	anchors_clear(&reader);
	yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	if (result == 0)
		*ret_list = take(&list);
	return result;
}

int yaml_parse(struct str text, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val list = VAL_NULL;

	if (yaml_parse_all(text, &list, err) < 0)
		return -1;
	if (val_count(list) > 1)
		return err_set(
			err, ERR_INVALID, "%zu documents where one is expected", val_count(list));
	*ret = val_ref(val_at(list, 0));
	return 0;
}

static const char *event_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return (const char *)event->data.mapping_start.tag;
	default:
		return NULL;
	}
}

static bool is_own_tag(const char *tag)
{
	static const char *const own[] = { "null", "bool", "int", "float", "str", "seq", "map",
		"binary", "timestamp", "omap", "pairs", "set", "merge" };
	if (!tag || strcmp(tag, "!") == 0)
		return true;
	if (strncmp(tag, TAG_PREFIX, sizeof(TAG_PREFIX) - 1) != 0)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(tag + sizeof(TAG_PREFIX) - 1, own[i]) == 0)
			return true;
	return false;
}

int yaml_check_tags(struct str text, struct err *err)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int result = 0;
	bool more = memchr(text.bytes, '!', text.length) != NULL;

	if (!more)
		return 0;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.bytes, text.length);
	while (more && yaml_parser_parse(&parser, &event)) {
		const char *tag = event_tag(&event);
		if (!is_own_tag(tag))
			result = err_set(err, ERR_INVALID,
				"line %zu, column %zu: the tag %.100s names no type of YAML",
				event.start_mark.line + 1, event.start_mark.column + 1, tag);
		more = result == 0 && event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return result;
}

/* The index after the comment that starts at AT, or AT when none does; *RET_YAML is set for one that JSON has not. */
static size_t skip_comment(struct str text, size_t at, bool *ret_yaml)
{
	struct str rest = str_slice(text, at, text.length);
	bool yaml = str_starts(rest, "#");
	ptrdiff_t end;

	if (yaml || str_starts(rest, "//"))
		end = str_find(text, "\n", at);
	else if (str_starts(rest, "/*"))
		end = str_find(text, "*/", at + 2);
	else
		return at;
	*ret_yaml = *ret_yaml || yaml;
	if (end < 0)
		return text.length;
	return (size_t)end + (text.bytes[end] == '\n' ? 1 : 2);
}

/* Whether TEXT starts as JSON does, after blanks and comments of either language. */
static bool looks_like_json(struct str text)
{
	bool yaml_comment = false;
	size_t at = 0, before;

	do {
		before = at;
		while (at < text.length && memchr(" \t\r\n", text.bytes[at], 4))
			at++;
		at = skip_comment(text, at, &yaml_comment);
	} while (at > before);
	return at < text.length && !yaml_comment && (text.bytes[at] == '{' || text.bytes[at] == '[');
}

int yaml_or_json_parse(struct str text, struct val *ret, struct err *err)
{
	static const struct json_options options = { .comments = true };
	_cleanup_err_ struct err ignored = ERR_INIT;
	_cleanup_(val_free) struct val value = VAL_NULL;

	if (!looks_like_json(text))
		return yaml_parse(text, ret, err);
	if (json_parse(text, &options, NULL, ret, err) == 0)
		return 0;
	/* Flow YAML may start the same way: {a: b}. But anything with // before it is a plain scalar of YAML too. */
	if (err->kind != ERR_INVALID || yaml_parse(text, &value, &ignored) < 0 ||
		val_is_string(value))
		return -1;
	err_clear(err);
	*ret = take(&value);
	return 0;
}
