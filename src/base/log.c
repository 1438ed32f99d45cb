#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/str.h"

/* What may follow after the text was cut: the ellipsis, a quote, a brace, a newline. */
#define RESERVE_BYTES 8

static struct {
	enum log_level level;
	enum log_format format;
} setup = { .level = LOG_LEVEL_INFO, .format = LOG_FORMAT_AUTO };

struct line {
	bool json;
	bool full; /* something was cut; nothing more is added but the end */
	size_t length;
	char bytes[LIMIT_LOG_LINE_BYTES];
};

void log_setup(enum log_level level, enum log_format format)
{
	setup.level = level;
	setup.format = format;
}

/* Adds all LENGTH bytes or none; KEEP bytes stay free. */
static bool line_add(struct line *line, const char *bytes, size_t length, size_t keep)
{
	if (line->length + length + keep > sizeof(line->bytes))
		return false;
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
	return true;
}

static void line_add_text(struct line *line, const char *text)
{
	if (!line->full && !line_add(line, text, strlen(text), RESERVE_BYTES))
		line->full = true;
}

/* What stands for the character at TEXT in a line; returns how many of its bytes that took. */
static size_t escape(const struct line *line, const char *text, char ret[16])
{
	size_t length = str_utf8_length((struct str){ text, strnlen(text, 4) });
	unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];

	if (length == 0 && line->json)
		snprintf(ret, 16, "\xef\xbf\xbd"); /* U+FFFD */
	else if (length == 0)
		snprintf(ret, 16, "\\x%02x", c);
	else if (c == '\n')
		snprintf(ret, 16, "\\n");
	else if (c == '"' || c == '\\')
		snprintf(ret, 16, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		snprintf(ret, 16, "\\u%04x", c);
	else if (c == 0xc2 && next < 0xa0) /* C1 steers terminals too */
		snprintf(ret, 16, "\\u%04x", next);
	else
		snprintf(ret, 16, "%.*s", (int)length, text);
	return length ? length : 1;
}

static void line_add_escaped(struct line *line, const char *text)
{
	char piece[16];

	while (*text && !line->full) {
		text += escape(line, text, piece);
		if (!line_add(line, piece, strlen(piece), RESERVE_BYTES)) {
			line->full = true;
			line_add(line, "\xe2\x80\xa6", 3, 0); /* an ellipsis */
		}
	}
}

static void line_add_quoted(struct line *line, const char *text)
{
	if (line->full || !line_add(line, "\"", 1, RESERVE_BYTES)) {
		line->full = true;
		return;
	}
	line_add_escaped(line, text);
	line_add(line, "\"", 1, 0);
}

/* A value that is one plain word stands bare, any other in quotes. */
static void line_add_value(struct line *line, const char *text)
{
	bool bare = *text != '\0';

	for (const char *c = text; *c && bare; c++)
		bare = (unsigned char)*c > ' ' && *c != '"' && *c != '=' && *c != '\\';
	if (bare)
		line_add_escaped(line, text);
	else
		line_add_quoted(line, text);
}

static void line_add_pair(struct line *line, const char *name, const char *value)
{
	size_t start = line->length;

	if (line->json) {
		line_add_text(line, ",");
		line_add_quoted(line, name);
		line_add_text(line, ":");
		if (line->full || line->length + 2 * RESERVE_BYTES > sizeof(line->bytes)) {
			line->length = start; /* half a pair would not be JSON */
			line->full = true;
			return;
		}
		line_add_quoted(line, value);
		return;
	}
	line_add_text(line, " ");
	line_add_text(line, name);
	line_add_text(line, "=");
	line_add_value(line, value);
}

static void line_start(struct line *line, enum log_level level, const char *message)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	struct timespec now;
	struct tm parts;
	char text[64], stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	if (line->json) {
		gmtime_r(&now.tv_sec, &parts);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
		snprintf(text, sizeof(text), "{\"time\":\"%s.%03ldZ\"", stamp, now.tv_nsec / 1000000);
		line_add_text(line, text);
		line_add_pair(line, "level", names[level]);
		line_add_pair(line, "message", message);
		return;
	}
	localtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%H:%M:%S", &parts);
	snprintf(text, sizeof(text), "%s %-5s ", stamp, names[level]);
	line_add_text(line, text);
	line_add_escaped(line, message);
}

static void line_write(const struct line *line)
{
	size_t done = 0;

	while (done < line->length) {
		ssize_t wrote = write(STDERR_FILENO, line->bytes + done, line->length - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return; /* nowhere left to say so */
		done += (size_t)wrote;
	}
}

void log_write(enum log_level level, const char *message, ...)
{
	struct line line;
	const char *name;
	int saved = errno;
	va_list pairs;

	if (level < setup.level)
		return;
	line.json = setup.format == LOG_FORMAT_JSON ||
		(setup.format == LOG_FORMAT_AUTO && !isatty(STDERR_FILENO));
	line.full = false;
	line.length = 0;
	line_start(&line, level, message);
	va_start(pairs, message);
	while ((name = va_arg(pairs, const char *))) {
		const char *value = va_arg(pairs, const char *);

		if (value)
			line_add_pair(&line, name, value);
	}
	va_end(pairs);
	line_add(&line, line.json ? "}\n" : "\n", line.json ? 2 : 1, 0);
	line_write(&line);
	errno = saved;
}
