#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 16384

static enum err_kind kind_of_errno(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EISDIR:
	case ENAMETOOLONG:
		return ERR_INVALID;
	default:
		return ERR_FAILED;
	}
}

static int read_failed(const char *name, int number, struct err *err)
{
	return err_set(err, kind_of_errno(number), "cannot read %s: %s", name, strerror(number));
}

static int read_all(int fd, const char *name, size_t max, struct strbuf *buf, struct err *err)
{
	char chunk[CHUNK_BYTES];

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_failed(name, errno, err);
		if (got == 0)
			return 0;
		strbuf_add(buf, chunk, (size_t)got);
		if (buf->overflowed)
			return err_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", name, max);
	}
}

int file_read(const char *path, size_t max, struct strbuf *ret, struct err *err)
{
	bool standard_input = strcmp(path, "-") == 0;
	const char *name = standard_input ? "standard input" : path;
	struct strbuf buf = STRBUF_INIT(max);
	int fd, result;

	fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return read_failed(name, errno, err);
	result = read_all(fd, name, max, &buf, err);
	if (!standard_input)
		close(fd);
	if (result < 0)
		strbuf_free(&buf);
	else
		*ret = buf;
	return result;
}
