#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/status.h"

static void names_read_back(void **state)
{
	enum status status;

	for (int i = 0; i < STATUS_COUNT; i++) {
		assert_true(status_parse(str_of(status_name((enum status)i)), &status));
		assert_int_equal(status, i);
	}
	assert_false(status_parse(STR("succeeded"), &status));
	assert_false(status_parse(STR(""), &status));
}

/* One row a status, as Orca's ExecutionStatus has it. */
static void each_status_means_what_orca_says(void **state)
{
	static const struct {
		enum status status;
		bool complete, halt, successful, failure, lets;
	} rows[] = {
		{ STATUS_NOT_STARTED, false, false, false, false, false },
		{ STATUS_RUNNING, false, false, false, false, false },
		{ STATUS_PAUSED, false, false, false, false, false },
		{ STATUS_SUSPENDED, false, false, false, false, false },
		{ STATUS_REDIRECT, false, false, false, false, false },
		{ STATUS_BUFFERED, false, false, false, false, false },
		{ STATUS_SUCCEEDED, true, false, true, false, true },
		{ STATUS_SKIPPED, true, false, true, false, true },
		{ STATUS_FAILED_CONTINUE, true, false, false, true, true },
		{ STATUS_STOPPED, true, true, true, true, false },
		{ STATUS_TERMINAL, true, true, false, true, false },
		{ STATUS_CANCELED, true, true, false, false, false },
	};

	assert_int_equal(sizeof(rows) / sizeof(rows[0]), STATUS_COUNT);
	for (size_t i = 0; i < STATUS_COUNT; i++) {
		assert_int_equal(status_is_complete(rows[i].status), rows[i].complete);
		assert_int_equal(status_is_halt(rows[i].status), rows[i].halt);
		assert_int_equal(status_is_successful(rows[i].status), rows[i].successful);
		assert_int_equal(status_is_failure(rows[i].status), rows[i].failure);
		assert_int_equal(status_lets_downstream_start(rows[i].status), rows[i].lets);
	}
}

static void what_is_complete_moves_only_by_a_restart(void **state)
{
	for (int from = 0; from < STATUS_COUNT; from++) {
		for (int to = 0; to < STATUS_COUNT; to++) {
			if (!status_is_complete((enum status)from) || from == to)
				continue;
			assert_int_equal(
				status_may_move(STATUS_OF_STAGE, (enum status)from, (enum status)to),
				to == STATUS_NOT_STARTED);
			assert_int_equal(
				status_may_move(STATUS_OF_TASK, (enum status)from, (enum status)to),
				to == STATUS_NOT_STARTED);
		}
	}
	assert_true(status_may_move(STATUS_OF_EXECUTION, STATUS_TERMINAL, STATUS_RUNNING));
	assert_false(status_may_move(STATUS_OF_EXECUTION, STATUS_SUCCEEDED, STATUS_TERMINAL));
}

static void moves_are_as_the_table_says(void **state)
{
	static const struct {
		enum status_owner owner;
		enum status from, to;
		bool legal;
	} rows[] = {
		{ STATUS_OF_EXECUTION, STATUS_NOT_STARTED, STATUS_RUNNING, true },
		{ STATUS_OF_EXECUTION, STATUS_NOT_STARTED, STATUS_TERMINAL, true },
		{ STATUS_OF_EXECUTION, STATUS_RUNNING, STATUS_NOT_STARTED, false },
		{ STATUS_OF_EXECUTION, STATUS_RUNNING, STATUS_STOPPED, false },
		{ STATUS_OF_EXECUTION, STATUS_BUFFERED, STATUS_RUNNING, false },
		{ STATUS_OF_EXECUTION, STATUS_PAUSED, STATUS_RUNNING, true },
		{ STATUS_OF_STAGE, STATUS_NOT_STARTED, STATUS_SKIPPED, true },
		{ STATUS_OF_STAGE, STATUS_RUNNING, STATUS_STOPPED, true },
		{ STATUS_OF_STAGE, STATUS_RUNNING, STATUS_REDIRECT, false },
		{ STATUS_OF_STAGE, STATUS_RUNNING, STATUS_NOT_STARTED, false },
		{ STATUS_OF_STAGE, STATUS_RUNNING, STATUS_RUNNING, true },
		{ STATUS_OF_TASK, STATUS_RUNNING, STATUS_REDIRECT, true },
		{ STATUS_OF_TASK, STATUS_REDIRECT, STATUS_NOT_STARTED, true },
		{ STATUS_OF_TASK, STATUS_REDIRECT, STATUS_SUCCEEDED, false },
		{ STATUS_OF_TASK, STATUS_NOT_STARTED, STATUS_REDIRECT, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			status_may_move(rows[i].owner, rows[i].from, rows[i].to), rows[i].legal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_read_back),
		cmocka_unit_test(each_status_means_what_orca_says),
		cmocka_unit_test(what_is_complete_moves_only_by_a_restart),
		cmocka_unit_test(moves_are_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
