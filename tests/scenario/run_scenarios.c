/*
 * Plays the scenarios of this folder (lib/scenario.h), one cmocka test a file: all of them, or those that the command line names.
 */
#include "lib/scenario_files.h"
#include "lib/test_stages.h"
#include "stage/stages.h"

static const struct stage_type *const types[] = {
	&check_preconditions_stage,
	&evaluate_variables_stage,
	&execution_window_stage,
	&manual_judgment_stage,
	&test_inline_stage,
	&test_loop_stage,
	&test_nothing_stage,
	&test_stage,
	&wait_stage,
	&webhook_stage,
	NULL,
};

static const struct stage_registry registry = { .types = types, .plan_first = plan_execution_window };

int main(int argc, char **argv)
{
	static const struct scenario_setup setup = { .registry = &registry };

	return scenario_files(&setup, SCENARIOS, argc, argv);
}
