/*
 * Plays the scenarios of this folder (lib/scenario.h), one cmocka test a file: all of them, or those that the command line names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "lib/scenario.h"
#include "stage/stages.h"

static const struct stage_type *const types[] = {
	&evaluate_variables_stage,
	&wait_stage,
	&webhook_stage,
	NULL,
};

static const struct stage_registry registry = { .types = types };

/* An error in the log is a mistake of the engine (an illegal move, an end that it does not know): no scenario may cause one. */
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
	const struct scenario_setup setup = { .registry = &registry };
	const char *path = *state;

	atomic_store(&logged_errors, 0);
	scenario_run(&setup, path);
	assert_int_equal(atomic_load(&logged_errors), 0);
}

static int is_scenario(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count = scandir(SCENARIOS, &entries, is_scenario, alphasort);
	struct CMUnitTest *tests = xcalloc((size_t)count + 1, sizeof(*tests));
	size_t chosen = 0;

	for (int i = 0; i < count; i++) {
		bool wanted = argc < 2;

		for (int arg = 1; arg < argc; arg++)
			wanted |= strstr(entries[i]->d_name, argv[arg]) != NULL;
		if (!wanted)
			continue;
		tests[chosen].name = entries[i]->d_name;
		tests[chosen].test_func = play;
		tests[chosen++].initial_state = xasprintf("%s/%s", SCENARIOS, entries[i]->d_name);
	}
	int failed = _cmocka_run_group_tests("scenarios", tests, chosen, NULL, NULL);

	for (size_t i = 0; i < chosen; i++)
		free(tests[i].initial_state);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(tests);
	return failed;
}
