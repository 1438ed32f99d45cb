#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"

struct row {
	char *id, *name, *type;
	struct row *parent;
	enum status status;
	int64_t start_ms, end_ms;
	char *wait;
	char *error;
	struct val failed; /* expressionEvaluationSummary */
	bool failed_told;
	bool started; /* told, in plain mode */
};

struct progress {
	FILE *out;
	bool terminal;
	struct map by_id;
	VEC(struct row *) rows;
	enum status status;
	char *name, *run_id, *reason;
	int64_t start_ms, end_ms, now_ms;
	unsigned drawn; /* lines on the screen */
};

struct progress *progress_new(FILE *out, bool terminal)
{
	struct progress *progress = xnew(struct progress);
	progress->out = out;
	progress->terminal = terminal;
	return progress;
}

static void row_free(struct row *row)
{
	free(row->id);
	free(row->name);
	free(row->type);
	free(row->wait);
	free(row->error);
	val_free(&row->failed);
	free(row);
}

void progress_free(struct progress *progress)
{
	for (size_t i = 0; i < progress->rows.count; i++)
		row_free(progress->rows.items[i]);
	vec_free(&progress->rows);
	map_free(&progress->by_id);
	free(progress->name);
	free(progress->run_id);
	free(progress->reason);
	free(progress);
}

/* ---- how things look -------------------------------------------------------------------------------------------------------- */

static const struct look {
	const char *sign, *colour;
} looks[STATUS_COUNT] = {
	[STATUS_NOT_STARTED] = { "○", "\033[2m" },
	[STATUS_RUNNING] = { "▶", "\033[36m" },
	[STATUS_PAUSED] = { "‖", "\033[35m" },
	[STATUS_SUSPENDED] = { "‖", "\033[35m" },
	[STATUS_REDIRECT] = { "↺", "\033[36m" },
	[STATUS_BUFFERED] = { "○", "\033[2m" },
	[STATUS_SUCCEEDED] = { "✔", "\033[32m" },
	[STATUS_SKIPPED] = { "⤼", "\033[2m" },
	[STATUS_FAILED_CONTINUE] = { "!", "\033[33m" },
	[STATUS_STOPPED] = { "■", "\033[33m" },
	[STATUS_TERMINAL] = { "✖", "\033[31m" },
	[STATUS_CANCELED] = { "⊘", "\033[33m" },
};

/* Text from outside never reaches the terminal with its control characters. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];
		if (c == 0xc2 && next >= 0x80 &&
			next < 0xa0) { /* U+0080 to U+009F: control characters, too */
			fputc(' ', out);
			text++;
		} else {
			fputc(c < 0x20 || c == 0x7f ? ' ' : c, out);
		}
	}
}

static void put_seconds(FILE *out, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < 10000)
		fprintf(out, "%lld.%03d s", (long long)(ms / 1000), (int)(ms % 1000));
	else if (ms < 60000)
		fprintf(out, "%lld.%d s", (long long)(ms / 1000), (int)(ms % 1000 / 100));
	else
		fprintf(out, "%lld:%02d min", (long long)(ms / 60000), (int)(ms / 1000 % 60));
}

static unsigned depth_of(const struct row *row)
{
	unsigned depth = 0;
	for (; row->parent; row = row->parent)
		depth++;
	return depth;
}

static void draw_row(struct progress *progress, const struct row *row)
{
	const struct look *look = &looks[row->status];
	FILE *out = progress->out;
	fprintf(out, "%*s%s%s\033[0m ", (int)depth_of(row) * 2 + 1, "", look->colour, look->sign);
	put_text(out, row->name);
	fputs(" \033[2m", out);
	if (row->start_ms)
		put_seconds(out, (row->end_ms ? row->end_ms : progress->now_ms) - row->start_ms);
	if (status_is_halt(row->status) || row->status == STATUS_FAILED_CONTINUE)
		fprintf(out, " %s", status_name(row->status));
	const char *text = row->status == STATUS_RUNNING ? row->wait : row->error;
	if (text) {
		fputs("  ", out);
		put_text(out, text);
	}
	fputs("\033[0m\033[K\n", out);
	progress->drawn++;
}

static void draw_tree(struct progress *progress, const struct row *parent)
{
	for (size_t i = 0; i < progress->rows.count; i++) {
		const struct row *row = progress->rows.items[i];
		if (row->parent != parent)
			continue;
		draw_row(progress, row);
		draw_tree(progress, row);
	}
}

static bool fits_screen(const struct progress *progress)
{
	struct winsize size = { 0 };
	if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return true;
	return progress->rows.count + 2 < size.ws_row;
}

void progress_tick(struct progress *progress, int64_t now_ms)
{
	progress->now_ms = now_ms;
	if (!progress->terminal)
		return;
	if (!fits_screen(progress)) {
		progress->terminal = false;
		return;
	}
	fputs("\033[?7l", progress->out); /* long lines are cut, so that one row is one line */
	if (progress->drawn)
		fprintf(progress->out, "\033[%uA\r", progress->drawn);
	progress->drawn = 0;
	draw_tree(progress, NULL);
	fputs("\033[?7h", progress->out);
	fflush(progress->out);
}

void progress_leave(struct progress *progress)
{
	progress->drawn = 0;
}

/* ---- failed expressions -------------------------------------------------------------------------------------------------------- */

#define FAILED_SHOWN 5
#define FAILED_BYTES 300

/* Text that may be of any length, bounded. */
static void put_cut(FILE *out, const char *text)
{
	struct str shown = str_cut(str_of(text), FAILED_BYTES);
	_cleanup_free_ char *copy = xasprintf("%.*s", STR_ARG(shown));
	put_text(out, copy);
	if (shown.length < strlen(text))
		fputs("…", out);
}

/* "Failed to evaluate [waitTime]: zz not found" as "waitTime" and "zz not found"; owned. */
static const char *split_description(const char *description, char **ret_key)
{
	static const char before[] = "Failed to evaluate [";
	const char *end = strchr(description, ']');
	*ret_key = NULL;
	if (strncmp(description, before, sizeof(before) - 1) != 0 || !end)
		return description;
	const char *key = description + sizeof(before) - 1;
	*ret_key = xstrndup(key, (size_t)(end - key));
	end += end[1] == ':' ? 2 : 1;
	return *end == ' ' ? end + 1 : end;
}

/* Its parent's context is the beginning of a synthetic stage's. */
static bool is_inherited(const struct row *row, struct str expression)
{
	return row->parent && val_has_str(row->parent->failed, expression);
}

/* Each expression of ROW that could not be evaluated, once: "Set: variables: ${ nope }: nope not found". */
static void put_failed(FILE *out, struct row *row, const char *before)
{
	size_t shown = 0, more = 0;
	for (size_t i = 0; i < val_count(row->failed) && !row->failed_told; i++) {
		struct str expression = val_key_at(row->failed, i);
		struct val entry = val_at(val_value_at(row->failed, i), 0);
		_cleanup_free_ char *key = NULL;
		const char *why = split_description(val_get_text(entry, "description", ""), &key);
		if (is_inherited(row, expression))
			continue;
		if (shown == FAILED_SHOWN) {
			more++;
			continue;
		}
		shown++;
		fputs(before, out);
		put_text(out, row->name);
		fputs(": ", out);
		put_cut(out, key ? key : "");
		fputs(key ? ": ${" : "${", out);
		put_cut(out, expression.bytes);
		fputs("}: ", out);
		put_cut(out, why);
		fputc('\n', out);
	}
	if (more) {
		fputs(before, out);
		put_text(out, row->name);
		fprintf(out, ": %zu more expressions failed\n", more);
	}
	row->failed_told = true;
}

/* ---- plain lines -------------------------------------------------------------------------------------------------------------- */

static void plain_start(struct progress *progress, const struct row *row, enum status status)
{
	const struct look *look = &looks[status];
	fprintf(progress->out, "%*s%s ", (int)depth_of(row) * 2, "", look->sign);
	put_text(progress->out, row->name);
}

static void plain_end(struct progress *progress)
{
	fputc('\n', progress->out);
	fflush(progress->out);
}

static void plain_change(
	struct progress *progress, struct row *row, enum status before, const char *wait)
{
	if (row->status == STATUS_RUNNING && before != STATUS_RUNNING) {
		plain_start(progress, row, STATUS_RUNNING);
		fputs(" (", progress->out);
		put_text(progress->out, row->type);
		fputc(')', progress->out);
		plain_end(progress);
	}
	if (row->status == STATUS_RUNNING && wait && (!row->wait || strcmp(row->wait, wait) != 0)) {
		fprintf(progress->out, "%*s… ", (int)depth_of(row) * 2, "");
		put_text(progress->out, row->name);
		fputs(": ", progress->out);
		put_text(progress->out, wait);
		plain_end(progress);
	}
	if (status_is_complete(row->status) && !status_is_complete(before)) {
		plain_start(progress, row, row->status);
		fprintf(progress->out, " %s", status_name(row->status));
		if (row->start_ms) {
			fputs("  ", progress->out);
			put_seconds(progress->out, row->end_ms - row->start_ms);
		}
		plain_end(progress);
		if (!status_is_halt(row->status)) { /* else it is the reason, and the summary has it */
			_cleanup_free_ char *margin = xasprintf("%*s! ", (int)depth_of(row) * 2, "");
			put_failed(progress->out, row, margin);
		}
	}
}

/* ---- events ------------------------------------------------------------------------------------------------------------------- */

static void set_text(char **where, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;
	free(*where);
	*where = copy;
}

static struct row *row_get(struct progress *progress, struct val data)
{
	const char *id = val_get_text(data, "stage", "");
	struct row *row = map_get(&progress->by_id, str_of(id));
	if (row)
		return row;
	row = xnew(struct row);
	row->id = xstrdup(id);
	row->name = xstrdup(val_get_text(data, "name", val_get_text(data, "ref", "?")));
	row->type = xstrdup(val_get_text(data, "type", ""));
	row->parent = map_get(&progress->by_id, str_of(val_get_text(data, "parent", "")));
	map_put(&progress->by_id, str_of(id), row);
	vec_push(&progress->rows, row);
	return row;
}

/* The first line of an exception's errors. */
static void row_take_exception(struct row *row, struct val exception)
{
	struct val details = val_get(exception, "details");
	struct val errors = val_get(details, "errors");
	struct val first = val_count(errors) > 0 ? val_at(errors, 0) : val_get(details, "error");
	if (val_is_string(first))
		set_text(&row->error, val_text(&first));
}

static void stage_event(struct progress *progress, struct val data)
{
	struct row *row = row_get(progress, data);
	enum status before = row->status;
	struct val status = val_get(data, "status");
	status_parse(val_as_str(&status), &row->status);
	row->start_ms = val_get_int(data, "start", row->start_ms);
	row->end_ms = val_get_int(data, "end", row->end_ms);
	struct val context = val_get(data, "context");
	if (val_is_map(val_get(context, "exception")))
		row_take_exception(row, val_get(context, "exception"));
	struct val webhook_error = val_get(val_get(context, "webhook"), "error");
	if (val_is_string(webhook_error))
		set_text(&row->error, val_text(&webhook_error));
	if (val_has(context, "expressionEvaluationSummary")) {
		val_replace(&row->failed, val_ref(val_get(context, "expressionEvaluationSummary")));
		row->failed_told = false;
	}
	const char *wait = val_get_text(val_get(data, "wait"), "text", NULL);
	if (!progress->terminal)
		plain_change(progress, row, before, wait);
	if (wait)
		set_text(&row->wait, wait);
}

static void run_event(struct progress *progress, struct val data)
{
	struct val status = val_get(data, "status");
	status_parse(val_as_str(&status), &progress->status);
	set_text(&progress->run_id, val_get_text(data, "id", ""));
	set_text(&progress->name, val_get_text(data, "name", ""));
	set_text(&progress->reason, val_get_text(data, "reason", NULL));
	progress->start_ms = val_get_int(data, "start", 0);
	progress->end_ms = val_get_int(data, "end", 0);
}

void progress_event(struct progress *progress, struct val event)
{
	const char *kind = val_get_text(event, "event", "");
	struct val data = val_get(event, "data");
	if (strcmp(kind, "stage") == 0)
		stage_event(progress, data);
	else if (strcmp(kind, "run") == 0)
		run_event(progress, data);
}

bool progress_is_complete(const struct progress *progress, enum status *ret_status)
{
	if (!status_is_complete(progress->status))
		return false;
	*ret_status = progress->status;
	return true;
}

void progress_summary(struct progress *progress)
{
	FILE *out = progress->out;
	const struct look *look = &looks[progress->status];
	fprintf(out, "%s ", look->sign);
	put_text(out, progress->name ? progress->name : "");
	fprintf(out, " %s", status_name(progress->status));
	if (progress->end_ms && progress->start_ms) {
		fputs("  ", out);
		put_seconds(out, progress->end_ms - progress->start_ms);
	}
	fputs("  (", out);
	put_text(out, progress->run_id ? progress->run_id : "");
	fputs(")\n", out);
	if (progress->reason) {
		fputs("  ", out);
		put_text(out, progress->reason);
		fputc('\n', out);
	}
	for (size_t i = 0; i < progress->rows.count; i++) {
		struct row *row = progress->rows.items[i];
		bool failed = status_is_halt(row->status) || row->status == STATUS_FAILED_CONTINUE;
		if (row->error && failed) {
			fputs("  ", out);
			put_text(out, row->name);
			fputs(": ", out);
			put_text(out, row->error);
			fputc('\n', out);
		}
		if (status_is_complete(row->status))
			put_failed(out, row, failed ? "  " : "! ");
	}
	fflush(out);
}
