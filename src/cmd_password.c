/*
 * gennaker password: the hash of a password for the settings.
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "api/auth.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "commands.h"

/* One line of standard input, without its end; not shown while it is typed. */
static bool read_password(const char *prompt, char *ret, size_t size)
{
	struct termios old, silent;
	bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	if (is_terminal) {
		fputs(prompt, stderr);
		silent = old;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	bool found = fgets(ret, (int)size, stdin) != NULL;
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (found)
		ret[strcspn(ret, "\r\n")] = '\0';
	return found && *ret;
}

static int password_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	char password[LIMIT_CREDENTIAL_BYTES / 2], again[LIMIT_CREDENTIAL_BYTES / 2];
	if (!read_password("Password: ", password, sizeof(password)))
		return complain(EXIT_USAGE, "password: there is none");
	if (strlen(password) == sizeof(password) - 1) /* there may have been more of it */
		return complain(
			EXIT_USAGE, "password: it is longer than %zu bytes", sizeof(password) - 2);
	if (isatty(STDIN_FILENO) &&
		(!read_password("Again: ", again, sizeof(again)) || strcmp(password, again) != 0))
		return complain(EXIT_USAGE, "password: these are two different ones");
	_cleanup_free_ char *hash = auth_hash_password(password, &err);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(again, sizeof(again));
	if (!hash)
		return complain(EXIT_FAILED, "%s", err_text(&err));
	printf("%s\n", hash);
	return EXIT_OK;
}

const struct command password_command = {
	.name = "password",
	.arguments = "",
	.summary = "Make the hash of a password, for server.auth.basic.passwordHash.",
	.details = "It is asked for on a terminal, and else read from standard input.",
	.run = password_run,
};
