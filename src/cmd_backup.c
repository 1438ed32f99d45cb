/*
 * gennaker backup: a copy of a server's database, while it serves.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client.h"
#include "commands.h"
#include "settings.h"
#include "store/store.h"

static int cannot(const char *path, struct err *err)
{
	return err_set(err, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
}

/* Without a server: from the directory that the options or the settings name. */
static int copy_here(const struct options *options, const char *path, struct err *err)
{
	const char *given = options_get(options, "data-dir");
	_cleanup_(settings_free) struct settings settings = { 0 };
	_cleanup_(val_free) struct val all = VAL_NULL;
	if (given)
		return store_sqlite_backup(given, path, err);
	if (settings_load(options_get(options, "config"), &all, err) < 0 ||
		settings_read(all, &settings, err) < 0)
		return -1;
	_cleanup_free_ char *directory = settings_data_dir(&settings, err);
	return directory ? store_sqlite_backup(directory, path, err) : -1;
}

static int copy_from_server(const struct options *options, const char *path, struct err *err)
{
	_cleanup_(client_free_cleanup) struct client *client = client_open(options, err);
	if (!client)
		return -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return cannot(path, err);
	int result = client_download(client, "POST", "/admin/backup", file, err);
	if (result == 0 && (fflush(file) != 0 || fsync(fd) < 0))
		result = cannot(path, err);
	if (fclose(file) != 0 && result == 0)
		result = cannot(path, err);
	return result;
}

/* The name is given only to a whole copy. */
static int backup(const struct options *options, const char *path, const char *partial,
	struct val *ret_found, struct err *err)
{
	bool remote = options_has(options, "server");
	int result = remote ? copy_from_server(options, partial, err) :
			      copy_here(options, partial, err);
	if (result < 0)
		return -1;
	if (store_sqlite_check(partial, ret_found, err) < 0)
		return err_wrap(err, "the copy is not whole");
	return rename(partial, path) < 0 ? cannot(path, err) : 0;
}

static int backup_run(const struct options *options)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val found = VAL_NULL;
	const char *path = options->arguments.items[0];
	_cleanup_free_ char *partial = xasprintf("%s.partial", path);
	struct stat info;
	if (options_has(options, "server") &&
		(options_has(options, "data-dir") || options_has(options, "config")))
		return complain(EXIT_USAGE, "backup: give --server, or --data-dir or --config");
	if (stat(path, &info) == 0)
		return complain(EXIT_USAGE, "%s is there already; it is left as it is", path);
	if (stat(partial, &info) == 0)
		return complain(EXIT_USAGE,
			"%s is there already, of a copy that was broken off: remove it", partial);
	if (backup(options, path, partial, &found, &err) < 0) {
		unlink(partial);
		return complain(client_exit_status(&err), "%s", err_text(&err));
	}
	if (stat(path, &info) == 0)
		printf("%s: %lld runs, %lld pipelines, %lld bytes\n", path,
			(long long)val_get_int(found, "executions", 0),
			(long long)val_get_int(found, "pipelines", 0), (long long)info.st_size);
	return EXIT_OK;
}

const struct command backup_command = {
	.name = "backup",
	.arguments = "FILE",
	.min_arguments = 1,
	.max_arguments = 1,
	.summary = "Copy a server's database into a new file, while it serves or not.",
	.details = "Without --server the copy is taken from the data directory, on the same machine; without --data-dir that is the one of\n"
		   "the settings. To go back to a copy: stop the server, and put it as gennaker.db into an empty data directory.",
	.options = ROWS(struct option_row, { "data-dir", 0, "DIR", "The server's data directory." },
		{ "config", 'c', "FILE",
			"The server's settings; default gennaker.yml if there is one." },
		{ "server", 's', "URL", "Have the server send the copy; it wants to know who asks." },
		CLIENT_CREDENTIALS),
	.run = backup_run,
};
