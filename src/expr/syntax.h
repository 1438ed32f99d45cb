/* The language in short: one row a construct, for the reference page. Private to expr. */
#ifndef EXPR_SYNTAX_H
#define EXPR_SYNTAX_H

struct syntax_row {
	const char *form; /* `a ?: b` */
	const char *help;
	const char *example; /* an expression, or, with "${" in it, a text */
};

struct syntax_section {
	const char *title;
	const char *text;              /* above the table; NULL = none */
	const struct syntax_row *rows; /* ends with a row without form */
};

/* Ends with a section without title. */
const struct syntax_section *syntax_sections(void);

#endif
