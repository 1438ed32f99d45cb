/* What --account bound, kept beside the runs of a data directory, so that whoever takes one up need not say it again. */
#ifndef BINDINGS_H
#define BINDINGS_H

#include "base/err.h"
#include "options.h"
#include "setup.h"

/*
 * Binds what DIRECTORY has kept, then what OPTIONS give, and keeps both there. A context that was kept and is gone is told on standard
 * error: the run may not need it.
 */
int bindings_restore(
	struct setup *setup, const struct options *options, const char *directory, struct err *err);

#endif
