#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"

static void forget(struct strbuf *buf)
{
	buf->bytes = (char *)"";
	buf->length = buf->capacity = 0;
	buf->overflowed = false;
}

void strbuf_free(struct strbuf *buf)
{
	if (buf->capacity)
		free(buf->bytes);
	forget(buf);
}

void strbuf_reset(struct strbuf *buf)
{
	buf->length = 0;
	buf->overflowed = false;
	if (buf->capacity)
		buf->bytes[0] = 0;
}

/* Makes room for MORE bytes and the terminator; false when they do not fit into the cap. */
static bool make_room(struct strbuf *buf, size_t more)
{
	if (buf->overflowed || more > buf->cap - buf->length) {
		buf->overflowed = true;
		return false;
	}
	size_t needed = buf->length + more + 1;
	if (needed <= buf->capacity)
		return true;
	size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
	if (capacity < needed)
		capacity = needed;
	buf->bytes = xrealloc(buf->capacity ? buf->bytes : NULL, capacity);
	buf->capacity = capacity;
	return true;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
	char *to = length > 0 ? strbuf_claim(buf, length) : NULL;
	if (to)
		memcpy(to, bytes, length);
}

void strbuf_add_str(struct strbuf *buf, struct str text)
{
	strbuf_add(buf, text.bytes, text.length);
}

void strbuf_add_text(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_add_cell(struct strbuf *buf, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '|')
			strbuf_add_char(buf, '\\');
		strbuf_add_char(buf, *text == '\n' ? ' ' : *text);
	}
}

char *strbuf_claim_more(struct strbuf *buf, size_t length)
{
	if (!make_room(buf, length))
		return NULL;
	char *bytes = buf->bytes + buf->length;
	buf->length += length;
	buf->bytes[buf->length] = 0;
	return bytes;
}

void strbuf_reserve(struct strbuf *buf, size_t length)
{
	if (length > buf->capacity && length < buf->cap) {
		buf->bytes = xrealloc(buf->capacity ? buf->bytes : NULL, length);
		buf->bytes[buf->length] = 0;
		buf->capacity = length;
	}
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	strbuf_vprintf(buf, format, args);
	va_end(args);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
	char *text = NULL;
	int length = vasprintf(&text, format, args);
	if (length < 0) {
		buf->overflowed = true;
		return;
	}
	strbuf_add(buf, text, (size_t)length);
	free(text);
}

char *strbuf_detach(struct strbuf *buf)
{
	char *text = buf->capacity ? buf->bytes : xstrdup("");
	forget(buf);
	return text;
}
