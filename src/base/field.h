/*
 * Field tables: a JSON object is read into a struct by rows, and the same rows give lint, schema, forms and pages.
 *
 *	struct wait_config { struct secs wait_time; bool skip_remaining_wait; };
 *	.fields = ROWS(struct field,
 *		FIELD(struct wait_config, wait_time, "waitTime", .preset = "30",
 *		      .title = { "Wait time", "等待时间" }, .help = { "Seconds …", "秒数 …" }),
 *		FIELD(struct wait_config, skip_remaining_wait, "skipRemainingWait", .flags = FIELD_SET_AT_RUN)),
 *
 * FIELD takes the offset and, by _Generic, the type from the member, so that a row that disagrees with its struct
 * does not compile. Strings, lists and free values in the struct are owned by it: fields_free gives them back.
 *
 * Reading is as lenient as people's files ask for: a number or a flag may come as a string ("30", "true"), and a string
 * as a number or a flag; null and a missing key mean the preset (if there is one) or zero bytes; an empty string means
 * "not given" for everything but strings and free values. A preset leaves `given` false. A nested object that is missing
 * gets the presets of its rows, and nothing in it is required. What cannot be read is ERR_INVALID with the path:
 * "waitTime: expected a number of seconds, got \"soon\""; values of FIELD_SECRET rows are not shown.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/val.h"

/* English and Chinese. */
struct text2 {
	const char *en;
	const char *zh;
};

/* A duration; the JSON holds seconds (integer or decimal). */
struct secs {
	int64_t ms;
	bool given;
};
/* A number or a flag of which it matters whether it was there. */
struct opt_int {
	int64_t value;
	bool given;
};
struct opt_bool {
	bool value;
	bool given;
};
/* A list of strings; items are owned. */
struct str_list {
	char **items;
	size_t count;
};

enum field_type {
	FIELD_STRING,   /* char *, NULL when not given */
	FIELD_INT,      /* int64_t */
	FIELD_NUMBER,   /* double */
	FIELD_BOOL,     /* bool */
	FIELD_SECS,     /* struct secs */
	FIELD_OPT_INT,  /* struct opt_int */
	FIELD_OPT_BOOL, /* struct opt_bool */
	FIELD_STR_LIST, /* struct str_list; a single string is a list of one */
	FIELD_VALUE,    /* struct val: any JSON, kept as it is */
	FIELD_ENUM,     /* int: an index into .choices, which are matched without regard to case */
	FIELD_OBJECT,   /* a nested struct with .rows */
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0, /* missing, null and "" are errors */
	FIELD_RAW = 1 << 1, /* expressions in it are for the stage itself; no pass evaluates them */
	FIELD_SET_AT_RUN = 1 << 2, /* set by a PATCH or a task, not by authors */
	FIELD_UI = 1 << 3,         /* the engine ignores it; known, so that lint is silent */
	FIELD_SECRET = 1 << 4,     /* never shown */
	FIELD_MAP = 1 << 5,        /* a FIELD_VALUE that must be a map */
	FIELD_LIST = 1 << 6,       /* a FIELD_VALUE that must be a list */
};

struct field {
	const char *name; /* the JSON key */
	size_t offset;
	enum field_type type;
	unsigned flags;
	const char *preset; /* JSON text, or the bare text for strings and enums; NULL = none */
	const char *const *choices; /* FIELD_ENUM, and suggestions for strings; ends with NULL */
	const char *choices_in; /* the key, beside it, of the list of what it may be (field_is_offered) */
	/* FIELD_OBJECT; ends with a row without name. With FIELD_MAP or FIELD_LIST: of the map, or of each item; for lint, schema and
	 * pages, not for reading. */
	const struct field *rows;
	const char *unsupported_if; /* JSON text of a value that is not built yet: refused before any effect */
	const char *unsupported; /* … with this text; without unsupported_if any value but null, "", [] and {} is */
	struct text2 title;
	struct text2 help;
	const char *widget; /* console: how it is edited */
	const char *when;   /* console: shown only if, for example "source == artifact" */
};

/* An array of rows that ends with an empty one. */
#define ROWS(type, ...) ((const type[]){ __VA_ARGS__, { 0 } })

#define FIELD_TYPE_OF(type_, member_) \
	_Generic(((type_ *)0)->member_,                                                            \
		char *: FIELD_STRING,                                                              \
		int64_t: FIELD_INT,                                                                \
		double: FIELD_NUMBER,                                                              \
		bool: FIELD_BOOL,                                                                  \
		struct secs: FIELD_SECS,                                                           \
		struct opt_int: FIELD_OPT_INT,                                                     \
		struct opt_bool: FIELD_OPT_BOOL,                                                   \
		struct str_list: FIELD_STR_LIST,                                                   \
		struct val: FIELD_VALUE,                                                           \
		int: FIELD_ENUM,                                                                   \
		default: FIELD_OBJECT)

#define FIELD(type_, member_, name_, ...)                            \
	{                                                            \
		.name = (name_), .offset = offsetof(type_, member_), \
		.type = FIELD_TYPE_OF(type_, member_), ##__VA_ARGS__ \
	}
/* A key that is known (lint, schema, pages) but not read into the struct. */
#define FIELD_KNOWN(name_, type__, ...)                                                \
	{                                                                              \
		.name = (name_), .offset = (size_t)-1, .type = (type__), ##__VA_ARGS__ \
	}

/*
 * Reads OBJECT (a map; VAL_NULL counts as an empty one) by ROWS into the zeroed struct at TARGET. On failure what was
 * read is freed again. A row with `unsupported` that applies gives ERR_UNSUPPORTED, also one of FIELD_KNOWN.
 */
int fields_read(const struct field *rows, struct val object, void *target, struct err *err);
/* Gives back what fields_read put into TARGET, and zeroes those members. */
void fields_free(const struct field *rows, void *target);

/* One thing to say about a value. All borrowed, good until the call returns. */
enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_INFO };
struct finding {
	enum finding_level level;
	const char *code; /* "wrong-type", "required", "unsupported", "unknown-key"; static */
	const char *path;
	const char *key; /* the last step of the path, as the author wrote it */
	struct text2 text;
	struct val value;        /* what stands there */
	const struct field *row; /* its row; for an unknown key the one that was probably meant */
};
typedef void (*finding_fn)(void *data, const struct finding *finding);

/*
 * Looks at OBJECT without reading: calls REPORT for each wrong type, missing required key, unsupported mode (errors; a wrong type
 * of what the engine ignores is a warning) and unknown key that comes close to a known one which is not there (warnings), in nested
 * rows too. A string that holds "${" passes every type check. PATH (NULL or "" = none) and a dot are put before the field's name.
 */
void fields_check(const struct field *rows, struct val object, const char *path, finding_fn report,
	void *data);

/*
 * Refuses what is not built yet, and only that: ERR_UNSUPPORTED with "PATH.name: text" when an authored value of OBJECT meets a row's
 * `unsupported`. Strings that hold "${" pass: they are looked at again once they are evaluated.
 */
int fields_refuse(const struct field *rows, struct val object, const char *path, struct err *err);

/*
 * Of rows that no struct is read by (FIELD_KNOWN): whoever looks at such a value takes it as it is, where fields_check is lenient, so
 * "5" is no number there and 5 no string. ERR_INVALID with the first that does not fit; items of a list with rows are maps. Strings that
 * hold "${" pass, and so does what the engine ignores.
 */
int fields_strict(const struct field *rows, struct val object, const char *path, struct err *err);

/* ERR_INVALID: "expected WHAT, got VALUE", of a long value its beginning, of a list or map only that it is one. */
int field_misfit(const char *what, struct val value, struct err *err);

/* The index of TEXT, in any case, in ROW's choices; -1 when it is none of them, or there are none. */
int field_choice(const struct field *row, struct str text);

/* What ITEM of a list of choices stands for: itself, or its "value", as text (YAML reads yes as true); owned, NULL when it is no choice. */
char *field_offer(struct val item);
/* TEXT is what an item of LIST offers; where nothing is offered, everything is. */
bool field_is_offered(struct val list, struct str text);

/* The row of that name, or NULL. */
const struct field *field_find(const struct field *rows, struct str name);

#endif
