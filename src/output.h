/*
 * What commands print: a table for people, JSON or YAML for programs. Text from outside never reaches the terminal with its control
 * characters. One thread.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

#include "base/str.h"
#include "base/val.h"
#include "options.h"

#define OUTPUT_OPTION_LIKE(preset)                                                       \
	{                                                                                \
		"output", 'o', "table|json|yaml", "How to print it; default " preset "." \
	}
#define OUTPUT_OPTION OUTPUT_OPTION_LIKE("table")

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };

/* By --output, else OTHERWISE. -1 after a complaint. */
int output_read(const struct options *options, enum output otherwise, enum output *ret);

/* VALUE as JSON or YAML on standard output. */
void output_value(enum output output, struct val value);

/* A column: its title, and what stands in it for ROW (appended to BUF). */
struct column {
	const char *title; /* ends a table when NULL */
	void (*cell)(struct strbuf *buf, struct val row);
};
/* ROWS, a list, as columns; what is no table yet when ROWS is empty says EMPTY on standard error. */
void output_table(const struct column *columns, struct val rows, const char *empty);

/* Cells. */
void output_cell_text(struct strbuf *buf, struct val value); /* "-" for none */
void output_cell_time(struct strbuf *buf, int64_t ms);       /* local time; "-" for 0 */
void output_cell_duration(struct strbuf *buf, int64_t ms);   /* "1.2 s", "3:07 min" */
/* TEXT without control characters. */
void output_put_text(FILE *to, const char *text);

#endif
