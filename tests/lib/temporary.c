#include "lib/temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

char *temporary_directory(void)
{
	const char *root = getenv("TMPDIR");
	char *path = xasprintf("%s/gennaker-test-XXXXXX", root ? root : "/tmp");

	if (!mkdtemp(path))
		fail_msg("cannot make %s", path);
	return path;
}

void temporary_remove(char *directory)
{
	DIR *opened = opendir(directory);

	for (struct dirent *entry; opened && (entry = readdir(opened));) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, entry->d_name);

		unlink(path);
	}
	if (opened)
		closedir(opened);
	rmdir(directory);
	free(directory);
}
