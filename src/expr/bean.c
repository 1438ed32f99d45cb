/* The execution as a typed object, and how the properties of all such objects are read. Private to expr. */
#include "expr/bean.h"

#include <string.h>

#include "expr/node.h"
#include "expr/status.h"

static const struct bean_class authentication_class = {
	.name = "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution.AuthenticationDetails",
	.title = "Authentication",
	.example = "execution.authentication",
	.properties =
		(const struct bean_property[]){
			{ .name = "user", .help = "who runs it" },
			{ .name = "allowedAccounts",
				.read = READ_LIST,
				.help = "accounts that they may use" },
			{ 0 },
		},
};

static int paused_flag(struct eval *ev, const struct bean *bean, struct value *ret)
{
	*ret = value_bool(!val_is_null(val_get(bean->json, "pauseTime")) &&
		val_is_null(val_get(bean->json, "resumeTime")));
	return 0;
}

static int paused_ms(struct eval *ev, const struct bean *bean, struct value *ret)
{
	int64_t from = val_get_int(bean->json, "pauseTime", 0);
	int64_t to = val_get_int(bean->json, "resumeTime", 0);
	*ret = value_long(from && to ? to - from : 0);
	return 0;
}

static const struct bean_class paused_class = {
	.name = "com.netflix.spinnaker.orca.api.pipeline.models.PipelineExecution.PausedDetails",
	.title = "Pause",
	.example = "execution.paused",
	.properties =
		(const struct bean_property[]){
			{ .name = "pausedBy", .help = "who paused it" },
			{ .name = "resumedBy", .help = "who let it go on" },
			{ .name = "pauseTime", .read = READ_LONG, .help = "when, ms" },
			{ .name = "resumeTime", .read = READ_LONG, .help = "when, ms" },
			{ .name = "paused",
				.read = READ_CALL,
				.call = paused_flag,
				.result = "boolean",
				.help = "whether it is paused" },
			{ .name = "pausedMs",
				.read = READ_CALL,
				.call = paused_ms,
				.result = "long",
				.help = "for how long it was" },
			{ 0 },
		},
};

static int execution_stages(struct eval *ev, const struct bean *bean, struct value *ret)
{
	/* A parent's stages are part of its JSON. */
	if (bean != &ev->execution_bean) {
		*ret = value_of_val(ev, val_get(bean->json, "stages"));
		return 0;
	}
	*ret = (struct value){ .kind = V_LIST, .form = FORM_STAGES };
	return 0;
}

const struct bean_class bean_execution_class = {
	.name = "com.netflix.spinnaker.orca.pipeline.model.PipelineExecutionImpl",
	.title = "Execution",
	.example = "execution",
	.properties =
		(const struct bean_property[]){
			{ .name = "id", .help = "its id" },
			{ .name = "application", .help = "the application" },
			{ .name = "name", .help = "the pipeline's name" },
			{ .name = "buildTime", .read = READ_LONG, .help = "when it was made, ms" },
			{ .name = "canceled", .read = READ_FLAG, .help = "whether it was canceled" },
			{ .name = "canceledBy", .help = "who canceled it" },
			{ .name = "cancellationReason", .help = "why" },
			{ .name = "limitConcurrent",
				.read = READ_FLAG,
				.help = "whether runs of this pipeline wait for each other" },
			{ .name = "maxConcurrentExecutions",
				.read = READ_COUNT,
				.help = "how many may run at once, 0 = any" },
			{ .name = "keepWaitingPipelines",
				.read = READ_FLAG,
				.help = "whether all that wait are kept" },
			{ .name = "context", .read = READ_MAP, .help = "its own context" },
			{ .name = "stages",
				.read = READ_CALL,
				.call = execution_stages,
				.result = "list of stages",
				.help = "all stages" },
			{ .name = "startTime", .read = READ_LONG, .help = "when it began, ms" },
			{ .name = "endTime", .read = READ_LONG, .help = "when it ended, ms" },
			{ .name = "startTimeExpiry",
				.read = READ_LONG,
				.help = "until when it must begin, ms" },
			{ .name = "status", .read = READ_STATUS, .help = "its status" },
			{ .name = "authentication",
				.read = READ_BEAN,
				.class = &authentication_class,
				.help = "who runs it" },
			{ .name = "paused",
				.read = READ_BEAN,
				.class = &paused_class,
				.help = "about a pause" },
			{ .name = "origin", .help = "what made it: api, deck" },
			{ .name = "trigger",
				.read = READ_BEAN,
				.class = &bean_trigger_class,
				.help = "the typed trigger; #root.trigger is a plain map" },
			{ .name = "description", .help = "its description" },
			{ .name = "pipelineConfigId", .help = "the pipeline's id" },
			{ .name = "notifications", .read = READ_LIST, .help = "its notifications" },
			{ .name = "spelEvaluator", .help = "v3 or v4" },
			{ .name = "templateVariables",
				.result = "Map",
				.help = "variables of its template" },
			{ .name = "partition", .help = "its partition" },
			{ 0 },
		},
};

struct value bean_new(
	struct eval *ev, const struct bean_class *class, struct val json, ptrdiff_t stage)
{
	struct bean *bean = arena_new(&ev->arena, struct bean);
	*bean = (struct bean){ .class = class, .json = json, .stage = stage };
	return (struct value){ .kind = V_BEAN, .bean = bean };
}

const struct bean_class *const *bean_classes(void)
{
	static const struct bean_class *const classes[] = {
		&bean_execution_class,
		&bean_stage_class,
		&bean_task_class,
		&bean_trigger_class,
		&bean_artifact_class,
		&bean_expected_artifact_class,
		&bean_build_info_class,
		&bean_scm_class,
		&authentication_class,
		&paused_class,
		NULL,
	};
	return classes;
}

/* Whether TYPES names TYPE as one of its words. */
static bool has_word(const char *types, const char *type)
{
	size_t length = strlen(type);
	for (const char *at = types; (at = strstr(at, type)) != NULL; at += length)
		if ((at == types || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return length > 0;
	return false;
}

static bool applies(const struct bean *bean, const struct bean_property *property)
{
	if (!property->only)
		return true;
	return has_word(property->only, val_get_text(bean->json, "type", "none"));
}

bool bean_property_is(const struct bean_property *row, struct str name)
{
	if (!name.length || (row->name[0] | 0x20) != (name.bytes[0] | 0x20))
		return false;
	struct str rest = str_slice(name, 1, name.length);
	return str_is(rest, row->name + 1) &&
		(row->name[0] == name.bytes[0] || (name.bytes[0] >= 'A' && name.bytes[0] <= 'Z'));
}

const struct bean_property *bean_find_property(const struct bean *bean, struct str name)
{
	const struct bean_property *row = bean->class->properties;
	for (; row && row->name && name.length; row++)
		if (bean_property_is(row, name) && applies(bean, row))
			return row;
	return NULL;
}

struct value bean_execution(struct eval *ev)
{
	if (!ev->execution_bean.class) {
		if (!ev->host || !ev->host->execution)
			return NULL_VALUE;
		ev->execution_bean.class = &bean_execution_class;
		ev->execution_bean.stage = -1;
	}
	return (struct value){ .kind = V_BEAN, .bean = &ev->execution_bean };
}

bool bean_is_execution(struct value value)
{
	return value.kind == V_BEAN && value.bean->class == &bean_execution_class;
}

/* The execution without its stages, a stage with all it has. The execution's is made when it is first asked for. */
struct val bean_json(struct eval *ev, const struct bean *bean)
{
	if (bean->class == &bean_stage_class)
		return bean_stage_json(ev, bean->stage);
	if (bean == &ev->execution_bean && val_is_null(bean->json))
		ev->execution_bean.json = ev->host->execution(ev->host->data);
	return bean->json;
}

struct val bean_field(struct eval *ev, const struct bean *bean, struct str key)
{
	return bean->class == &bean_stage_class ? bean_stage_field(ev, bean->stage, key) :
						  val_get_str(bean_json(ev, bean), key);
}

const char *bean_type_name(const struct bean *bean)
{
	return bean->class->name;
}

const struct java_method *bean_methods(const struct bean *bean)
{
	return bean->class->methods;
}

/* An entry of a map: its key and value cannot be read in the original, and so not here. */
static const struct bean_class entry_class = { .name = "java.util.Map.Entry" };

struct value bean_entry(struct eval *ev)
{
	return bean_new(ev, &entry_class, VAL_NULL, -1);
}

static struct value empty(struct eval *ev, enum bean_read read)
{
	if (read == READ_MAP)
		return value_of_table(table_new(ev, 0));
	return value_of_seq(V_LIST, seq_new(ev, 0));
}

static struct value beans(struct eval *ev, const struct bean_class *class, struct val list)
{
	size_t count = val_is_list(list) ? val_count(list) : 0;
	struct seq *seq = seq_new(ev, count);
	for (size_t i = 0; i < count; i++)
		seq_push(ev, seq, bean_new(ev, class, val_at(list, i), -1));
	return value_of_seq(V_LIST, seq);
}

static struct value status_named(struct eval *ev, struct str name)
{
	if (!str_equal(name, status_at(ev->last_status)->name)) {
		int index = status_find(name);
		ev->last_status = index < 0 ? status_find(STR("NOT_STARTED")) : index;
	}
	return (struct value){ .kind = V_STATUS, .integer = ev->last_status };
}

static __attribute__((noinline)) struct value read_json(
	struct eval *ev, const struct bean_property *row, struct val json)
{
	int64_t integer;
	bool flag = false;
	switch (row->read) {
	case READ_LONG:
		return val_as_int(json, &integer) ? value_long(integer) : value_of_val(ev, json);
	case READ_COUNT:
		return value_int(val_as_int(json, &integer) ? integer : 0);
	case READ_FLAG:
		return value_bool(val_as_bool(json, &flag) && flag);
	case READ_STATUS:
		return status_named(ev, val_as_str(&json));
	case READ_BEAN:
		return val_is_map(json) ? bean_new(ev, row->class, json, -1) : NULL_VALUE;
	case READ_BEANS:
		return beans(ev, row->class, json);
	case READ_TEXT:
		return val_is_string(json) ? value_of_val(ev, json) : eval_text(ev, row->otherwise);
	case READ_LIST:
	case READ_MAP:
		return val_is_null(json) ? empty(ev, row->read) : value_of_val(ev, json);
	default:
		return value_of_val(ev, json);
	}
}

const char *bean_nearest_property(const struct bean_class *class, struct str name)
{
	unsigned best = 3;
	const char *near = NULL;
	for (const struct bean_property *row = class->properties; row && row->name; row++)
		if (str_nearer(name, str_of(row->name), &best))
			near = row->name;
	return near;
}

/* As bean_find_property, by what the node has learned. */
static inline const struct bean_property *find_hinted(const struct bean *bean, struct node_hint *hint)
{
	if (hint_is_of(hint, bean->class) && applies(bean, hint->first))
		return hint->first;
	const struct bean_property *row = bean_find_property(bean, hint->key.text);
	if (row)
		hint_put(hint, bean->class, row, row);
	return row;
}

static inline int read_property(struct eval *ev, const struct bean *bean,
	const struct bean_property *row, struct value *ret)
{
	struct str text = { NULL, 0 };
	switch (row->read) {
	case READ_CALL:
		return row->call(ev, bean, ret);
	case READ_STAGE_STATUS:
		*ret = status_named(ev, bean_stage_text(ev, bean->stage, EXPR_STAGE_STATUS));
		return 0;
	case READ_STAGE_TEXT:
		text = bean_stage_text(ev, bean->stage, row->text);
		break;
	default:
		break;
	}
	*ret = text.bytes ? value_string(text) :
			    read_json(ev, row, bean_field(ev, bean, str_of(row->name)));
	return 0;
}

/* That only other types of triggers have the property, or which is near to NAME. */
static const char *property_hint(struct eval *ev, const struct bean *bean, struct str name)
{
	const struct bean_property *row = bean->class->properties;
	for (; row && row->name; row++)
		if (row->only && bean_property_is(row, name))
			return arena_printf(
				&ev->arena, " Only triggers of these types have it: %s", row->only);
	const char *near = bean_nearest_property(bean->class, name);
	return near ? arena_printf(&ev->arena, " Did you mean '%s'?", near) : "";
}

static __attribute__((noinline, cold)) int no_property(
	struct eval *ev, const struct bean *bean, struct str name)
{
	return fail(ev, FAIL_EVAL,
		"EL1008E: Property or field '%.*s' cannot be found on object of type '%s' - maybe not public or not valid?%s",
		STR_ARG(name), bean->class->name, property_hint(ev, bean, name));
}

int bean_property(struct eval *ev, struct value target, struct node_hint *hint, struct value *ret)
{
	const struct bean *bean = target.bean;
	const struct bean_property *row = find_hinted(bean, hint);
	return row ? read_property(ev, bean, row, ret) : no_property(ev, bean, hint->key.text);
}

int bean_getter(
	struct eval *ev, struct value target, struct str method, bool *ret_found, struct value *ret)
{
	size_t prefix = str_starts(method, "get") ? 3 : str_starts(method, "is") ? 2 : 0;
	struct str name = str_slice(method, prefix, method.length);
	bool capital = prefix && name.length && name.bytes[0] >= 'A' && name.bytes[0] <= 'Z';
	const struct bean_property *row = capital ? bean_find_property(target.bean, name) : NULL;
	*ret_found = row && (prefix == 3 || row->read == READ_FLAG);
	return *ret_found ? read_property(ev, target.bean, row, ret) : 0;
}
