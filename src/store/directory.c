#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/sqlite.h"

#define HEADER_BYTES 100
static const char magic[16] = "SQLite format 3";

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_fd_ _cleanup_(close_file)

static int cannot(const char *what, const char *path, struct err *err)
{
	enum err_kind kind = errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED :
										   ERR_UNAVAILABLE;

	return err_set(err, kind, "cannot %s %s: %s", what, path, strerror(errno));
}

/* With its parents; for its owner only. */
static int make_directory(const char *directory, struct err *err)
{
	_cleanup_free_ char *path = xstrdup(directory);

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return cannot("make the directory", path, err);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return cannot("make the directory", path, err);
	return 0;
}

static int held_by_other(const char *directory, int lock, struct err *err)
{
	char pid[32] = "";
	ssize_t length = pread(lock, pid, sizeof(pid) - 1, 0);

	pid[length > 0 ? length : 0] = 0;
	pid[strspn(pid, "0123456789")] = 0;
	if (!*pid)
		return err_set(err, ERR_CONFLICT,
			"the data directory %s is in use by another process", directory);
	return err_set(err, ERR_CONFLICT,
		"the data directory %s is in use by process %s; stop that, or use another directory",
		directory, pid);
}

int directory_lock(const char *directory, int *ret_lock, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/lock", directory);
	_cleanup_fd_ int lock = -1;

	if (make_directory(directory, err) < 0)
		return -1;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return cannot("write to the data directory: cannot open", path, err);
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? held_by_other(directory, lock, err) :
					      cannot("lock", path, err);
	/* Only for people; a full disk does not matter here. */
	if (ftruncate(lock, 0) < 0 || dprintf(lock, "%d\n", (int)getpid()) < 0)
		errno = 0;
	*ret_lock = lock;
	lock = -1;
	return 0;
}

static bool is_filled(const char *path, const char *suffix)
{
	_cleanup_free_ char *name = xasprintf("%s%s", path, suffix);
	struct stat info;

	return stat(name, &info) == 0 && info.st_size > 0;
}

/* A new file, whose name is safe on the disk before anything is written to it. */
static int make_file(const char *path, struct err *err)
{
	_cleanup_free_ char *directory = xstrdup(path);
	_cleanup_fd_ int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_cleanup_fd_ int folder = -1;

	*strrchr(directory, '/') = 0;
	folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0 || folder < 0 || fsync(folder) < 0)
		return cannot("make the database", path, err);
	return 0;
}

int database_file_check(const char *path, bool *ret_unclean, struct err *err)
{
	char header[HEADER_BYTES] = "";
	_cleanup_fd_ int file = open(path, O_RDWR | O_CLOEXEC);
	ssize_t length;

	*ret_unclean = is_filled(path, "-wal");
	if (file < 0 && errno != ENOENT)
		return cannot("open the database", path, err);
	if (file < 0 && !*ret_unclean)
		return make_file(path, err);
	length = file < 0 ? 0 : pread(file, header, sizeof(header), 0);
	if (length < 0)
		return cannot("read the database", path, err);
	if (length == 0 && !*ret_unclean)
		return 0;
	/* SQLite would throw the log of an empty or missing file away. */
	if (length < HEADER_BYTES || memcmp(header, magic, sizeof(magic)) != 0)
		return err_set(err, ERR_INTERNAL,
			"the database %s is corrupt: %s; it is left as it is: restore a copy, or move it away",
			path,
			file < 0 ? "only its log is there" : "it does not begin as a database does");
	return 0;
}
