/*
 * What the console's editor asks: mistakes in a pipeline, and the rows of descriptors. Ours, not Gate's.
 */
#include "api/internal.h"

#include "base/alloc.h"
#include "base/json.h"
#include "lint/lint.h"
#include "lint/pipeline_fields.h"
#include "lint/schema.h"

/* The registry; there is none where the API is tested without stages. */
static int registry_of(const struct call *call, const struct stage_registry **ret, struct err *err)
{
	*ret = call->api->setup.registry;
	return *ret ? 0 : err_set(err, ERR_UNAVAILABLE, "this server knows no stage types");
}

/* POST /lint: any text is an answer, also one that does not parse. */
int api_lint(struct call *call, struct err *err)
{
	const struct stage_registry *registry;
	struct lint_options options = { 0 };
	if (registry_of(call, &registry, err) < 0 ||
		call_query_bool(call, "save", false, &options.saving, err) < 0)
		return -1;
	_cleanup_(val_free) struct val findings = lint_text(
		http_body(call->exchange), registry, &options);
	return answer_json(call, findings);
}

/* With an ETag, as these change with the program only. */
static int answer_described(struct call *call, struct val body)
{
	_cleanup_free_ char *text = json_text(body, JSON_COMPACT);
	_cleanup_free_ char *tag = xasprintf("\"%s-%016llx\"", call->api->setup.version,
		(unsigned long long)str_hash(str_of(text)));
	const char *known = http_header(call->exchange, "If-None-Match");
	_cleanup_(val_free) struct val headers = val_map();
	val_set(&headers, "ETag", val_string(tag));
	val_set(&headers, "Cache-Control", val_string("no-cache"));
	if (known && str_contains(str_of(known), tag))
		http_reply(call->exchange, 304, NULL, STR(""), headers);
	else
		http_reply(call->exchange, 200, "application/json", str_of(text), headers);
	return 0;
}

int api_schema_stages(struct call *call, struct err *err)
{
	const struct stage_registry *registry;
	_cleanup_(val_free) struct val body = val_map();
	bool summary;
	if (registry_of(call, &registry, err) < 0)
		return -1;
	const char *text = http_query(call->exchange, "summary");
	summary = text && !str_is(str_of(text), "0") && !str_equal_nocase(str_of(text), STR("false"));
	struct val stages = val_list();
	for (const struct stage_type *const *type = registry->types; *type; type++)
		val_append(&stages, stage_describe(*type, summary));
	if (!summary)
		val_set(&body, "fields", fields_describe(stage_fields));
	val_set(&body, "stages", stages);
	return answer_described(call, body);
}

int api_schema_stage(struct call *call, struct err *err)
{
	const struct stage_registry *registry;
	if (registry_of(call, &registry, err) < 0)
		return -1;
	const char *name = call_param(call, "type");
	const struct stage_type *type = registry_find(registry, name);
	if (!type)
		return err_set(err, ERR_NOT_FOUND, "there is no stage type \"%s\" here", name);
	_cleanup_(val_free) struct val body = stage_describe(type, false);
	return answer_described(call, body);
}

int api_schema_pipeline(struct call *call, struct err *err)
{
	_cleanup_(val_free) struct val body = val_map();
	val_set(&body, "fields", fields_describe(pipeline_fields));
	return answer_described(call, body);
}
