/*
 * A test program that plays all scenarios of a folder. Link it with -Wl,--wrap=log_write: an error in the log is a mistake
 * of the engine, and no scenario may cause one.
 */
#ifndef LIB_SCENARIO_FILES_H
#define LIB_SCENARIO_FILES_H

#include "lib/scenario.h"

/* One cmocka test for each *.yaml of FOLDER: all of them, or those whose names hold an argument. What main returns. */
int scenario_files(const struct scenario_setup *setup, const char *folder, int argc, char **argv);

#endif
