/* What lint looks for: one row a rule. The reference page (docs/reference/lint.md) is made from it. */
#ifndef LINT_RULES_H
#define LINT_RULES_H

#include "base/field.h"

enum lint_rule {
	RULE_SYNTAX,
	RULE_TEMPLATE,
	RULE_NOT_JSON,
	RULE_DUPLICATE_KEY,
	RULE_NO_PIPELINE,
	RULE_NO_LIST,
	RULE_NO_STAGES,
	RULE_NO_STAGE,
	RULE_NO_TYPE,
	RULE_NO_REF,
	RULE_SAME_REF,
	RULE_UNKNOWN_REF,
	RULE_CIRCLE,
	RULE_NUMBER_REF,
	RULE_NO_APPLICATION,
	RULE_NO_NAME,
	RULE_UNKNOWN_TYPE,
	RULE_UNSUPPORTED,
	RULE_NOT_YET,
	RULE_REQUIRED,
	RULE_REFUSED,
	RULE_WRONG_TYPE,
	RULE_BARE_EXPRESSION,
	RULE_NO_CHOICE,
	RULE_GUARD,
	RULE_WINDOW,
	RULE_MANIFEST,
	RULE_UNKNOWN_KEY,
	RULE_FAILURE_FLAGS,
	RULE_NAMELESS_PARAMETER,
	RULE_SAME_PARAMETER,
	RULE_NO_OPTION,
	RULE_OPEN_EXPRESSION,
	RULE_YAML_COMMENT,
	RULE_BROKEN_EXPRESSION,
	RULE_FOREIGN_EXPRESSION,
	RULE_UNKNOWN_STAGE,
	RULE_AMBIGUOUS_STAGE,
	RULE_NO_JUDGMENT,
	RULE_UNKNOWN_PARAMETER,
	RULE_PARAMETER_WORD,
	RULE_UNKNOWN_FUNCTION,
	RULE_ARGUMENT_COUNT,
	RULE_UNKNOWN_CLASS,
	RULE_UNKNOWN_METHOD,
	RULE_UNKNOWN_PROPERTY,
	RULE_NEVER_FITS,
	RULE_BEAN,
	RULE_TOO_MANY,
	RULE_COUNT,
};

struct rule {
	const char *code;
	enum finding_level level;
	struct text2 text; /* %1, %2, %3 are filled in */
	const char *about; /* for the page: when, and why at this level */
};

extern const struct rule rules[RULE_COUNT];

/* "error", "warning", "info"; static. */
const char *finding_level_name(enum finding_level level);

#endif
