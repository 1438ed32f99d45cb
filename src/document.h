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
/* Each -p NAME=VALUE of OPTIONS into the map *PARAMETERS, as text: as Gate's clients send them. */
int document_read_parameters(const struct options *options, struct val *parameters, struct err *err);

#endif
