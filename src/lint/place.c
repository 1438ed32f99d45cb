/* The lines of findings: one pass over a JSON text, with a look at each path. What is no JSON ends it early. */
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "lint/internal.h"

struct walker {
	const char *at, *end;
	int64_t line;
	struct map wanted; /* path → index of its first finding + 1 */
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

/* PATH without its last step. */
static struct str parent_of(struct str path)
{
	while (path.length && !strchr(".[", path.bytes[path.length - 1]))
		path.length--;
	return str_slice(path, 0, path.length ? path.length - 1 : 0);
}

/* One pass; with PARENTS the line is that of the object around. How many have none yet. */
static size_t fill(struct str text, struct val *findings, bool parents)
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
	skip(&walker);
	if (walker.wanted.count)
		walk(&walker, 0);
	for (size_t i = 0; i < count; i++)
		left += !val_has(val_at(*findings, i), "line");
	free(walker.next);
	strbuf_free(&walker.path);
	map_free(&walker.wanted);
	return left;
}

void lines_fill(struct str text, struct val *findings)
{
	if (fill(text, findings, false) > 0) /* what is missing is missed in the object around it */
		fill(text, findings, true);
}
