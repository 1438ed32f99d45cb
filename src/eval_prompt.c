/* The prompt of `gennaker eval -i`: libedit for the line and its history, expr/complete.h behind Tab. */
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "eval.h"
#include "expr/complete.h"
#include "output.h"

#define COLUMNS 100 /* of the list that a second Tab would want */

struct prompt {
	struct eval_session *session;
	EditLine *edit;
	History *history;
	char *file; /* of the history, NULL = nowhere */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = 1;
}

/* ---- completion ---------------------------------------------------------------------------------------------------------------- */

struct words {
	VEC(char *) list;
};

static void add_word(void *data, const char *word, const char *help)
{
	struct words *words = data;
	for (size_t i = 0; i < words->list.count; i++)
		if (strcmp(words->list.items[i], word) == 0)
			return;
	vec_push(&words->list, xstrdup(word));
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many bytes all of them begin with. */
static size_t common_length(const struct words *words)
{
	size_t length = strlen(words->list.items[0]);
	for (size_t i = 1; i < words->list.count; i++) {
		size_t same = 0;
		while (same < length && words->list.items[i][same] == words->list.items[0][same])
			same++;
		length = same;
	}
	while (length > 0 && ((unsigned char)words->list.items[0][length] & 0xc0) == 0x80)
		length--;
	return length;
}

static void print_words(const struct words *words)
{
	size_t width = 0, column = 0;
	for (size_t i = 0; i < words->list.count; i++)
		if (strlen(words->list.items[i]) > width)
			width = strlen(words->list.items[i]);
	putchar('\n');
	for (size_t i = 0; i < words->list.count; i++) {
		output_put_text(stdout, words->list.items[i]);
		column += width + 2;
		bool last = i + 1 == words->list.count || column + width > COLUMNS;
		printf("%*s", last ? 0 : (int)(width + 2 - strlen(words->list.items[i])), "");
		if (!last)
			continue;
		putchar('\n');
		column = 0;
	}
	fflush(stdout);
}

static unsigned char complete(EditLine *edit, wint_t key)
{
	struct prompt *prompt;
	const LineInfo *line = el_line(edit);
	struct str left = { line->buffer, (size_t)(line->cursor - line->buffer) };
	struct words words = { 0 };
	unsigned char result = CC_ERROR;
	if (el_get(edit, EL_CLIENTDATA, &prompt) < 0)
		return CC_ERROR;
	size_t begun = expr_complete(left, &prompt->session->host, add_word, &words);
	if (words.list.count > 0) {
		qsort(words.list.items, words.list.count, sizeof(char *), compare_words);
		size_t length = common_length(&words);
		_cleanup_free_ char *more = xstrndup(
			words.list.items[0] + begun, length > begun ? length - begun : 0);
		if (*more && el_insertstr(edit, more) == 0) {
			result = CC_REFRESH;
		} else if (words.list.count > 1) {
			print_words(&words);
			result = CC_REDISPLAY;
		}
	}
	for (size_t i = 0; i < words.list.count; i++)
		free(words.list.items[i]);
	vec_free(&words.list);
	return result;
}

/* ---- history ------------------------------------------------------------------------------------------------------------------- */

/* $XDG_STATE_HOME/gennaker/eval-history, made for its owner only; NULL when there is no place for it. */
static char *history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *base = state && *state == '/' ? xstrdup(state) :
		home && *home == '/'                       ? xasprintf("%s/.local/state", home) :
							     NULL;
	if (!base)
		return NULL;
	_cleanup_free_ char *directory = xasprintf("%s/gennaker", base);
	for (char *slash = directory + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(directory, 0700);
		*slash = '/';
	}
	mkdir(directory, 0700);
	char *file = xasprintf("%s/eval-history", directory);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fchmod(fd, 0600) == 0) {
		close(fd);
		return file;
	}
	complain(0, "%s: %s; the history is not kept", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(file);
	return NULL;
}

static void remember(struct prompt *prompt, const char *line)
{
	HistEvent event;
	history(prompt->history, &event, H_ENTER, line);
	if (prompt->file)
		history(prompt->history, &event, H_SAVE, prompt->file);
}

/* ---- the prompt ---------------------------------------------------------------------------------------------------------------- */

static char *prompt_text(EditLine *edit)
{
	static char text[] = "> ";
	return text;
}

static void prompt_open(struct prompt *prompt)
{
	HistEvent event;
	setlocale(LC_CTYPE, "");
	prompt->edit = el_init("gennaker", stdin, stdout, stderr);
	prompt->history = history_init();
	prompt->file = history_file();
	history(prompt->history, &event, H_SETSIZE, LIMIT_PROMPT_HISTORY);
	history(prompt->history, &event, H_SETUNIQUE, 1);
	if (prompt->file)
		history(prompt->history, &event, H_LOAD, prompt->file);
	el_set(prompt->edit, EL_CLIENTDATA, prompt);
	el_set(prompt->edit, EL_PROMPT, prompt_text);
	el_set(prompt->edit, EL_EDITOR, "emacs");
	el_set(prompt->edit, EL_HIST, history, prompt->history);
	/* The narrow one leaks copies of its texts. */
	el_wset(prompt->edit, EL_ADDFN, L"complete", L"completes what is being typed", complete);
	el_set(prompt->edit, EL_BIND, "^I", "complete", NULL);
	el_set(prompt->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

static void prompt_close(struct prompt *prompt)
{
	history_end(prompt->history);
	el_end(prompt->edit);
	free(prompt->file);
}

/* The next line; NULL at the end. Ctrl-C begins the line anew. */
static const char *prompt_read(struct prompt *prompt)
{
	const struct sigaction ours = { .sa_handler = on_interrupt };
	struct sigaction before;
	const char *line;
	int count;
	sigaction(SIGINT, &ours, &before);
	do {
		interrupted = 0;
		line = el_gets(prompt->edit, &count);
		if (interrupted) {
			el_reset(prompt->edit);
			putchar('\n');
		}
	} while (!line && interrupted);
	sigaction(SIGINT, &before, NULL); /* it ends an evaluation that takes long */
	return line;
}

static const char help_text[] =
	"An expression, or a text with ${…}: its value is printed. Tab completes names, helpers, methods and classes.\n"
	"  #root              all that is seen here\n"
	"  #stage('NAME')     a stage of the execution\n"
	"Up and down, Ctrl-R: earlier lines. Ctrl-C: this line anew. quit, exit, Ctrl-D: the end. (A key of such a name: #root.quit)\n"
	"The language: docs/reference/expressions.md\n";

/* What is no expression; a key of that name is #root.help. */
static bool is_command(const char *word, bool *ret_end)
{
	bool help = strcmp(word, "help") == 0 || strcmp(word, "?") == 0;
	*ret_end = strcmp(word, "quit") == 0 || strcmp(word, "exit") == 0;
	if (help)
		fputs(help_text, stdout);
	return help || *ret_end;
}

int eval_prompt(struct eval_session *session)
{
	struct prompt prompt = { .session = session };
	bool is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	prompt_open(&prompt);
	if (is_terminal)
		puts("Tab completes, help explains, quit or Ctrl-D ends.");
	for (const char *line; (line = prompt_read(&prompt));) {
		struct str text = str_trim(str_of(line));
		_cleanup_free_ char *copy = xstrndup(text.bytes, text.length);
		if (!*copy)
			continue;
		bool end;
		remember(&prompt, copy);
		if (!is_command(copy, &end))
			eval_print(session, copy);
		else if (end)
			break;
		fflush(stdout);
	}
	if (is_terminal)
		putchar('\n');
	prompt_close(&prompt);
	return EXIT_OK;
}
