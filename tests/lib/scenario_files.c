#include "lib/scenario_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/alloc.h"
#include "base/log.h"

struct file {
	const struct scenario_setup *setup;
	char *path;
};

static atomic_int logged_errors;

void __wrap_log_write(enum log_level level, const char *message, ...) __attribute__((sentinel));

void __wrap_log_write(enum log_level level, const char *message, ...)
{
	if (level != LOG_LEVEL_ERROR)
		return;
	atomic_fetch_add(&logged_errors, 1);
	print_error("logged: %s\n", message);
}

static void play(void **state)
{
	const struct file *file = *state;

	atomic_store(&logged_errors, 0);
	scenario_run(file->setup, file->path);
	assert_int_equal(atomic_load(&logged_errors), 0);
}

static int is_scenario(const struct dirent *entry)
{
	return str_ends(str_of(entry->d_name), ".yaml");
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(name, argv[i]))
			return true;
	}
	return argc < 2;
}

int scenario_files(const struct scenario_setup *setup, const char *folder, int argc, char **argv)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_scenario, alphasort);
	struct CMUnitTest *tests = xcalloc((size_t)count + 1, sizeof(*tests));
	struct file *files = xcalloc((size_t)count + 1, sizeof(*files));
	size_t chosen = 0;

	for (int i = 0; i < count; i++) {
		if (!is_wanted(entries[i]->d_name, argc, argv))
			continue;
		files[chosen] = (struct file){ setup, xasprintf("%s/%s", folder, entries[i]->d_name) };
		tests[chosen] = (struct CMUnitTest){ .name = entries[i]->d_name,
			.test_func = play,
			.initial_state = &files[chosen] };
		chosen++;
	}
	int failed = _cmocka_run_group_tests("scenarios", tests, chosen, NULL, NULL);

	for (size_t i = 0; i < chosen; i++)
		free(files[i].path);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(files);
	free(tests);
	return failed;
}
