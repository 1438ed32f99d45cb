#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/vec.h"
#include "base/yaml.h"

#define CELL_BYTES 4096
#define COLUMNS_MAX 16

int output_read(const struct options *options, enum output otherwise, enum output *ret)
{
	static const char *const names[] = { "table", "json", "yaml" };
	const char *given = options_get(options, "output");
	*ret = otherwise;
	if (!given)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(given, names[i]) == 0) {
			*ret = (enum output)i;
			return 0;
		}
	return complain(-1, "%s: --output is table, json or yaml, not \"%s\"",
		options->command->name, given);
}

void output_value(enum output output, struct val value)
{
	_cleanup_free_ char *text = output == OUTPUT_YAML ? yaml_text(value) :
							    json_text(value, JSON_PRETTY);
	fputs(text, stdout);
}

void output_put_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		/* C1 characters (U+0080 to U+009F) steer terminals too. */
		if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0) {
			fputc(' ', to);
			text++;
		} else {
			fputc(c < 0x20 || c == 0x7f ? ' ' : c, to);
		}
	}
}

/* ---- tables --------------------------------------------------------------------------------------------------------------------- */

/* Places on the screen: one a character, two for the wide ones of East Asia. */
static int width_of(const char *text)
{
	int width = 0;
	for (const char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if ((byte & 0xc0) == 0x80)
			continue;
		bool wide = (byte >= 0xe3 && byte <= 0xed && byte != 0xea) || byte == 0xf0;
		width += wide ? 2 : 1;
	}
	return width;
}

static size_t count_columns(const struct column *columns)
{
	size_t count = 0;
	while (columns[count].title && count < COLUMNS_MAX)
		count++;
	return count;
}

static void put_row(char *const *cells, const int *widths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		output_put_text(stdout, cells[i]);
		if (i + 1 < count)
			printf("%*s", widths[i] - width_of(cells[i]) + 2, "");
	}
	putchar('\n');
}

void output_table(const struct column *columns, struct val rows, const char *empty)
{
	size_t count = count_columns(columns), row_count = val_count(rows);
	int widths[COLUMNS_MAX] = { 0 };
	if (row_count == 0) {
		fprintf(stderr, "%s\n", empty);
		return;
	}
	_cleanup_free_ char **cells = xcalloc((row_count + 1) * count, sizeof(char *));
	for (size_t i = 0; i < (row_count + 1) * count; i++) {
		const struct column *column = &columns[i % count];
		struct strbuf buf = STRBUF_INIT(CELL_BYTES);
		if (i < count)
			strbuf_add_text(&buf, column->title);
		else
			column->cell(&buf, val_at(rows, i / count - 1));
		cells[i] = strbuf_detach(&buf);
		int width = width_of(cells[i]);
		if (width > widths[i % count])
			widths[i % count] = width;
	}
	for (size_t row = 0; row <= row_count; row++)
		put_row(cells + row * count, widths, count);
	for (size_t i = 0; i < (row_count + 1) * count; i++)
		free(cells[i]);
}

/* ---- cells ---------------------------------------------------------------------------------------------------------------------- */

void output_cell_text(struct strbuf *buf, struct val value)
{
	if (val_is_string(value) && val_as_str(&value).length > 0)
		strbuf_add_str(buf, val_as_str(&value));
	else if (val_is_null(value) || val_is_string(value))
		strbuf_add_char(buf, '-');
	else
		json_write(buf, value, JSON_COMPACT);
}

void output_cell_time(struct strbuf *buf, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[40];
	if (ms <= 0 || !localtime_r(&seconds, &parts) ||
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0)
		strbuf_add_char(buf, '-');
	else
		strbuf_add_text(buf, text);
}

void output_cell_duration(struct strbuf *buf, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < 60000)
		strbuf_printf(buf, "%lld.%d s", (long long)(ms / 1000), (int)(ms % 1000 / 100));
	else if (ms < 3600000)
		strbuf_printf(buf, "%lld:%02d min", (long long)(ms / 60000), (int)(ms / 1000 % 60));
	else
		strbuf_printf(buf, "%lld:%02d h", (long long)(ms / 3600000), (int)(ms / 60000 % 60));
}
