/*
 * The lines of findings: one pass over the text, with a look at each path. JSON is walked by hand (what is none ends it early), YAML
 * by libyaml's events, which know their lines; what an alias stands for has those of its anchor, so that nothing is noted there.
 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "lint/internal.h"

struct walker {
	const char *at, *end; /* JSON */
	int64_t line;
	yaml_parser_t *yaml; /* YAML */
	struct map wanted;   /* path → index of its first finding + 1 */
	struct val *findings;
	size_t *next; /* further findings of the same path, as index + 1 */
	struct strbuf path;
};

static void skip(struct walker *walker)
{
	while (walker->at < walker->end) {
		char c = *walker->at, after = walker->end - walker->at > 1 ? walker->at[1] : 0;
		const char *close = walker->at + 1;
		if (c == '/' && after == '/')
			close = memchr(walker->at, '\n', (size_t)(walker->end - walker->at));
		else if (c == '/' && after == '*')
			close = memmem(walker->at, (size_t)(walker->end - walker->at), "*/", 2);
		else if (!strchr(" \t\r\n,:", c))
			return;
		if (!close)
			close = walker->end;
		for (; walker->at < close; walker->at++)
			walker->line += *walker->at == '\n';
		if (c == '/' && after == '*' && walker->at < walker->end)
			walker->at += 2;
	}
}

/* Behind the string; its raw bytes. */
static struct str skip_string(struct walker *walker)
{
	const char *from = ++walker->at;
	while (walker->at < walker->end && *walker->at != '"')
		walker->at += *walker->at == '\\' ? 2 : 1;
	struct str raw = { from,
		(size_t)((walker->at < walker->end ? walker->at : walker->end) - from) };
	if (walker->at < walker->end)
		walker->at++;
	return raw;
}

static void note(struct walker *walker, int64_t line)
{
	size_t found = (size_t)(uintptr_t)map_get(&walker->wanted, strbuf_str(&walker->path));
	for (; found; found = walker->next[found - 1])
		val_set(val_edit_at(walker->findings, found - 1), "line", val_int(line));
}

static void cut(struct strbuf *buf, size_t length)
{
	if (!buf->length)
		return;
	buf->length = length;
	buf->bytes[length] = 0;
}

static void walk(struct walker *walker, unsigned depth);

static void walk_items(struct walker *walker, char close, unsigned depth)
{
	size_t length = walker->path.length;
	walker->at++;
	for (size_t i = 0; skip(walker), walker->at < walker->end && *walker->at != close; i++) {
		int64_t line = walker->line;
		if (close == '}') {
			if (*walker->at != '"')
				return;
			struct str key = skip_string(walker);
			strbuf_printf(&walker->path, "%s%.*s", length ? "." : "", STR_ARG(key));
			skip(walker);
		} else {
			strbuf_printf(&walker->path, "[%zu]", i);
		}
		note(walker, line);
		const char *before = walker->at;
		walk(walker, depth + 1);
		if (walker->at == before) /* YAML that looks like JSON */
			walker->at = walker->end;
		cut(&walker->path, length);
	}
	if (walker->at < walker->end)
		walker->at++;
}

static void walk(struct walker *walker, unsigned depth)
{
	if (walker->at >= walker->end || depth > LIMIT_JSON_DEPTH) {
		walker->at = walker->end;
		return;
	}
	switch (*walker->at) {
	case '{':
		walk_items(walker, '}', depth);
		break;
	case '[':
		walk_items(walker, ']', depth);
		break;
	case '"':
		skip_string(walker);
		break;
	default: /* a number or a word */
		while (walker->at < walker->end && !strchr(" \t\r\n,:]}", *walker->at))
			walker->at++;
	}
}

/* ---- YAML ---------------------------------------------------------------------------------------------------------------------- */

static bool walk_yaml(struct walker *walker, const yaml_event_t *event, unsigned depth);

/* Behind the value of the map whose KEY was read. A key that is no text has no place in a path. */
static bool walk_yaml_value(struct walker *walker, const yaml_event_t *key, unsigned depth)
{
	yaml_event_t event;
	if (key->type == YAML_SCALAR_EVENT) {
		strbuf_printf(&walker->path, "%s%s", walker->path.length ? "." : "",
			(const char *)key->data.scalar.value);
		note(walker, (int64_t)key->start_mark.line + 1);
	} else if (!walk_yaml(walker, key, depth + 1)) {
		return false;
	}
	if (!yaml_parser_parse(walker->yaml, &event))
		return false;
	bool more = walk_yaml(walker, &event, depth + 1);
	yaml_event_delete(&event);
	return more;
}

static bool walk_yaml_items(struct walker *walker, yaml_event_type_t end, unsigned depth)
{
	size_t length = walker->path.length;
	for (size_t i = 0;; i++) {
		yaml_event_t event;
		if (!yaml_parser_parse(walker->yaml, &event))
			return false;
		bool more = event.type != end;
		if (more && end == YAML_SEQUENCE_END_EVENT) {
			strbuf_printf(&walker->path, "[%zu]", i);
			note(walker, (int64_t)event.start_mark.line + 1);
			more = walk_yaml(walker, &event, depth + 1);
		} else if (more) {
			more = walk_yaml_value(walker, &event, depth);
		}
		bool ended = event.type == end;
		yaml_event_delete(&event);
		cut(&walker->path, length);
		if (ended || !more)
			return ended;
	}
}

/* Behind the node that EVENT begins; false: the text ended. */
static bool walk_yaml(struct walker *walker, const yaml_event_t *event, unsigned depth)
{
	if (depth > LIMIT_JSON_DEPTH)
		return false;
	if (event->type == YAML_MAPPING_START_EVENT)
		return walk_yaml_items(walker, YAML_MAPPING_END_EVENT, depth);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return walk_yaml_items(walker, YAML_SEQUENCE_END_EVENT, depth);
	return event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT;
}

static void walk_yaml_text(struct walker *walker, struct str text)
{
	yaml_parser_t parser;
	yaml_event_t event;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.bytes, text.length);
	walker->yaml = &parser;
	for (bool before = true; before && yaml_parser_parse(&parser, &event);) {
		before = event.type == YAML_STREAM_START_EVENT ||
			event.type == YAML_DOCUMENT_START_EVENT;
		if (!before)
			walk_yaml(walker, &event, 0);
		yaml_event_delete(&event);
	}
	walker->yaml = NULL;
	yaml_parser_delete(&parser);
}

/* ---- both ---------------------------------------------------------------------------------------------------------------------- */

/* PATH without its last step. */
static struct str parent_of(struct str path)
{
	while (path.length && !strchr(".[", path.bytes[path.length - 1]))
		path.length--;
	return str_slice(path, 0, path.length ? path.length - 1 : 0);
}

/* One pass; with PARENTS the line is that of the object around. How many have none yet. */
static size_t fill(struct str text, bool is_yaml, struct val *findings, bool parents)
{
	size_t count = val_count(*findings), left = 0;
	struct walker walker = {
		.at = text.bytes,
		.end = text.bytes + text.length,
		.line = 1,
		.findings = findings,
		.next = xcalloc(count + 1, sizeof(size_t)),
		.path = STRBUF_INIT(LIMIT_LINT_PATH_BYTES),
	};
	for (size_t i = count; i > 0; i--) {
		struct val finding = val_at(*findings, i - 1);
		struct str path = str_of(val_get_text(finding, "path", ""));
		if (val_has(finding, "line"))
			continue;
		if (parents)
			path = parent_of(path);
		if (path.length)
			walker.next[i - 1] = (size_t)(uintptr_t)map_put(
				&walker.wanted, path, (void *)(uintptr_t)i);
	}
	if (walker.wanted.count && is_yaml) {
		walk_yaml_text(&walker, text);
	} else if (walker.wanted.count) {
		skip(&walker);
		walk(&walker, 0);
	}
	for (size_t i = 0; i < count; i++)
		left += !val_has(val_at(*findings, i), "line");
	free(walker.next);
	strbuf_free(&walker.path);
	map_free(&walker.wanted);
	return left;
}

void lines_fill(struct str text, bool is_yaml, struct val *findings)
{
	if (fill(text, is_yaml, findings, false) >
		0) /* what is missing is missed in the object around it */
		fill(text, is_yaml, findings, true);
}
