/* What the runners of specs share: the lines of a file, the counts, and TAP on standard output. */
#ifndef SPEC_FILE_H
#define SPEC_FILE_H

#include "base/str.h"
#include "base/val.h"

struct rule;

struct spec_file {
	const char *path;
	struct str rest;
	unsigned line;           /* of the line that was read last */
	bool trims;              /* blanks at the ends of lines mean nothing */
	struct val names;        /* @name = value */
	const struct rule *rule; /* which the cases are about, where there are several */
	unsigned passed, failed;
	bool verbose;
};

/* The next line; false at the end of the file. */
bool spec_next_line(struct spec_file *file, struct str *ret);
/* The next one that is no comment and not empty. */
bool spec_next_text(struct spec_file *file, struct str *ret);
/* Counts the case that begins at LINE, and names it by TITLE when it failed or all are asked for. */
void spec_count(struct spec_file *file, unsigned line, struct str title, bool good);
/* Runs the files of "PROGRAM [-v] FILE…", of at most MAX_BYTES each; the exit status. */
int spec_main(
	int argc, char **argv, size_t max_bytes, bool trims, void (*run)(struct spec_file *file));

#endif
