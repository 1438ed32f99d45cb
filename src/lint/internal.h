/* What the files of lint share. */
#ifndef LINT_INTERNAL_H
#define LINT_INTERNAL_H

#include "base/map.h"
#include "base/vec.h"
#include "lint/lint.h"
#include "lint/rules.h"

/* Where in the document we are: lives on the stack, becomes text only for a finding. */
struct place {
	const struct place *up; /* NULL: the document */
	struct str key;
	ptrdiff_t index; /* in a list; -1: `key` counts */
};

struct told {
	size_t stage; /* its index + 1; 0 = the pipeline's own */
	size_t sequence;
	struct val finding;
};

struct lint {
	const struct stage_registry *registry;
	bool saving;
	bool is_yaml;
	struct val pipeline, stages; /* borrowed */
	VEC(struct told) told;
	bool full;
	/* What expressions may name. Values are an index + 1, or the lint itself. */
	bool references_known; /* false for a template's configuration, whose stages come from elsewhere */
	struct map stage_by_name;
	struct map repeated_names;
	struct map stage_by_ref;
	struct map parameters;
	bool parameters_open;     /* something may give parameters that are not declared */
	struct map variables;     /* of evaluateVariables stages */
	size_t comparisons;       /* made for "did you mean" */
	struct map unknown_types; /* told once each */
	bool keys_unknown; /* while a stage of an unknown type is looked at: its keys are its own */
};

/* One thing to say. Strings are borrowed, FIX is taken. */
struct found {
	enum lint_rule rule;
	const struct place *place;
	const char *path; /* instead of PLACE: "stages[2].waitTime" */
	const char *args[3];
	const enum finding_level *level; /* NULL = the rule's */
	struct str text;                 /* the text at the place, and in it … */
	size_t from, to;                 /* … the bytes that are meant; to == 0: all */
	struct val fix;
};
void lint_tell(struct lint *lint, struct found found);
/* Whether something is told about PATH. */
bool lint_has_told(const struct lint *lint, const char *path);

/* "stages[2].a", cut where it is too long, and "/stages/2/a" for JSON Patch, NULL then; owned. */
char *place_path(const struct place *place);
char *place_pointer(const struct place *place);
/* JSON Patch with one step, owned: replaces what stands at POINTER. */
struct val fix_replace(const char *pointer, struct val value /* taken */);

/* fields.c: what descriptors say about the pipeline and its stages. */
void check_pipeline_fields(struct lint *lint);
void check_stage_fields(struct lint *lint, size_t index);

/* refusals.c: what a run's STAGE of TYPE (may be NULL), at PATH, would refuse by itself. */
void check_refusals(
	struct lint *lint, struct val stage, const struct stage_type *type, const char *path);

/* checks.c: the stageEnabled of STAGE, which stands at ITEM. */
void check_guard(struct lint *lint, struct val stage, const struct place *item);
/* Time windows, words and manifests of STAGE of TYPE (may be NULL), which stands at ITEM. */
void check_stage_rules(struct lint *lint, struct val stage, const struct stage_type *type,
	const struct place *item);

/* expressions.c: every text below VALUE, which stands at PLACE. */
void check_expressions(struct lint *lint, struct val value, const struct place *place);
/* Keys of maps are templates too: that at PLACE. */
void check_key(struct lint *lint, const struct place *place);

/* types.c: expressions in OBJECT, which stands at PLACE, that can only come to what their rows cannot be read from. */
void check_types(
	struct lint *lint, const struct field *rows, struct val object, const struct place *place);

/* names.c: fills in what expressions may name. NEAREST gives the key of MAP that NAME was probably meant to be, or NULL; borrowed. */
void names_fill(struct lint *lint);
void names_free(struct lint *lint);
const char *names_nearest(struct lint *lint, const struct map *map, struct str name);
#define UNSUPPORTED_ZH "此处的功能"
/* chinese.c: an English text of a reader or a stage in Chinese, OTHERWISE when it is not known; owned. */
char *chinese(const char *text, const char *otherwise);

/* " (did you mean \"x\"?)", or ""; owned. */
char *hint_en(const char *near);
char *hint_zh(const char *near);

/* place.c: sets `line` of each of FINDINGS whose path stands in TEXT, which is JSON or YAML. */
void lines_fill(struct str text, bool is_yaml, struct val *findings);

#endif
