/* Pipeline files and parameters as they are given on the command line. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "base/err.h"
#include "base/val.h"
#include "options.h"

/* For the option tables of commands that start a run. */
#define PARAMETER_OPTION                                                                        \
	{                                                                                       \
		"parameter", 'p', "NAME=VALUE", "A parameter of the pipeline; may be repeated." \
	}

/* The pipeline in PATH ("-" = standard input), JSON or YAML; one without a name is named after its file. Owned. */
int document_read(const char *path, struct val *ret, struct err *err);
/* The same of a file that may hold a list of them, each with its name: a list in any case. Owned. */
int document_read_all(const char *path, struct val *ret, struct err *err);
/* Each -p NAME=VALUE of OPTIONS into the map *PARAMETERS, as text: as Gate's clients send them. */
int document_read_parameters(const struct options *options, struct val *parameters, struct err *err);
/*
 * Each -p of OPTIONS that PIPELINE does not declare is told on standard error. ERR_INVALID: one is surely a slip, since a parameter of
 * nearly that name is declared and not given.
 */
int document_check_parameters(struct val pipeline, const struct options *options, struct err *err);

#endif
