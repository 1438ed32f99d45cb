/* The helper functions: one table. Private to expr, but for the listing. */
#ifndef EXPR_FUNCTIONS_H
#define EXPR_FUNCTIONS_H

#include "expr/eval.h"
#include "expr/java.h"

/* A helper: #name(args). Codes of arguments as in java.h; they may be null, which the function decides about. */
struct function {
	const char *name;
	const char *args;
	bool execution; /* the original hands it the execution: its calls are rewritten in texts */
	java_fn call;
	const char *result;
	const char *help;
	const char *example;
};

/* All helpers, sorted by subject; ends with a row without name. */
const struct function *functions(void);
const struct function *function_find(struct str name);
/* Calls the helper that NODE names. */
int function_call(struct eval *ev, const struct node *node, const struct value *args, size_t count,
	struct value *ret);

/* functions_stage.c */
int fn_stage(struct eval *ev, const struct call *call, struct value *ret);
int fn_stage_by_ref_id(struct eval *ev, const struct call *call, struct value *ret);
int fn_current_stage(struct eval *ev, const struct call *call, struct value *ret);
int fn_stage_exists(struct eval *ev, const struct call *call, struct value *ret);
int fn_judgment(struct eval *ev, const struct call *call, struct value *ret);
int fn_current_user(struct eval *ev, const struct call *call, struct value *ret);
int fn_trigger_artifact(struct eval *ev, const struct call *call, struct value *ret);
int fn_trigger_artifact_by_type(struct eval *ev, const struct call *call, struct value *ret);
int fn_resolved_artifacts(struct eval *ev, const struct call *call, struct value *ret);
int fn_deployed_server_groups(struct eval *ev, const struct call *call, struct value *ret);
int fn_manifest_label_value(struct eval *ev, const struct call *call, struct value *ret);
int fn_cf_service_key(struct eval *ev, const struct call *call, struct value *ret);
int fn_pipeline_id(struct eval *ev, const struct call *call, struct value *ret);
int fn_pipeline_id_or_null(struct eval *ev, const struct call *call, struct value *ret);
int fn_pipeline_id_in_application(struct eval *ev, const struct call *call, struct value *ret);
int fn_application_metadata(struct eval *ev, const struct call *call, struct value *ret);
int fn_canary_config_id(struct eval *ev, const struct call *call, struct value *ret);

#endif
