/* Reference pages in Markdown, made from descriptors and rules. English, with the Chinese titles beside. Pure; owned results. */
#ifndef LINT_PAGE_H
#define LINT_PAGE_H

#include "engine/stage_type.h"

/* docs/reference/stages/TYPE.md */
char *page_stage(const struct stage_type *type);
/* docs/reference/stages/README.md: all types, and the fields of every stage. */
char *page_stages(const struct stage_registry *registry);
/* docs/reference/pipeline.md */
char *page_pipeline(void);
/* ROWS: of the settings. */
char *page_settings(const struct field *rows);
/* docs/reference/lint.md */
char *page_rules(void);

#endif
