/*
 * Tasks and synthetic stages of a stage, from its type's table.
 */
#include <stdio.h>

#include "engine/internal.h"

int stage_config(const struct stage_type *type, const struct stage *stage, void **ret, struct err *err)
{
	*ret = NULL;
	if (!type || !type->fields || type->config_size == 0)
		return 0;
	void *config = xcalloc(1, type->config_size);
	if (fields_read(type->fields, stage->context, config, err) < 0) {
		free(config);
		return -1;
	}
	*ret = config;
	return 0;
}

void stage_config_free(const struct stage_type *type, void *config)
{
	if (!config)
		return;
	fields_free(type->fields, config);
	free(config);
}

static const char *implementing_of(const struct task_row *row)
{
	if (row->implementing)
		return intern(row->implementing);
	char text[160];
	snprintf(text, sizeof(text), "gennaker.%c%sTask",
		row->name[0] - (row->name[0] >= 'a' ? 'a' - 'A' : 0), row->name + 1);
	return intern(text);
}

void plan_tasks(struct run *run, size_t index, const struct stage_type *type, void *config)
{
	struct stage *stage = run_stage_edit(run, index, STAGE_PART_HEAD);
	struct task_input in;
	stage_input(run, index, 0, config, &in);
	size_t count = 0;
	for (const struct task_row *row = type->tasks; row && row->name; row++)
		count += !row->when || row->when(&in);
	free(stage->tasks);
	stage->tasks = xcalloc(count + 1, sizeof(*stage->tasks));
	stage->task_count = 0;
	for (const struct task_row *row = type->tasks; row && row->name; row++) {
		if (row->when && !row->when(&in))
			continue;
		size_t at = stage->task_count++;
		stage->tasks[at] = (struct task){
			.id = (int)at + 1,
			.name = intern(row->name),
			.implementing = implementing_of(row),
			.stage_start = at == 0,
			.stage_end = at == count - 1,
			.generation = stage->generation,
			.loop_start = row->loop_start,
			.loop_end = row->loop_end,
		};
	}
	run->stages[index]->current = 0;
}

/* How many synthetic stages of this owner the stage has had, removed ones too: their refIds are not used again. */
static size_t count_children(const struct run *run, size_t index, enum stage_owner owner)
{
	size_t count = 0;
	const struct stage *parent = run_stage(run, index);
	for (size_t i = 0; i < parent->child_count; i++)
		count += run_stage(run, parent->children[i])->owner == owner;
	return count;
}

static void plan_one(struct run *run, size_t index, enum stage_owner owner, size_t first,
	size_t gates, size_t position, struct val planned)
{
	size_t count = count_children(run, index, owner);
	size_t child_index = run_add_stage(run);
	const struct stage *parent = run_stage(run, index);
	char *ref_id = xasprintf(
		"%s%c%zu", parent->ref_id, owner == OWNER_BEFORE ? '<' : '>', count + 1);
	struct stage *child = run_stage_edit(run, child_index, STAGE_PART_ALL);
	stage_set_text(&child->ref_id, ref_id);
	free(ref_id);
	stage_set_text(&child->type, val_get_text(planned, "type", ""));
	stage_set_text(&child->name, val_get_text(planned, "name", ""));
	if (val_is_map(val_get(planned, "context")))
		val_replace(&child->context, val_ref(val_get(planned, "context")));
	child->unresolved = template_is_candidate(child->context);
	/* Linear, unless the plan says otherwise. */
	struct val requisites = val_get(planned, "requisites");
	size_t wanted = val_is_list(requisites) ? val_count(requisites) : position > 0;
	size_t *indexes = xcalloc(wanted + 1, sizeof(*indexes));
	for (size_t i = 0; i < wanted; i++) {
		int64_t at = (int64_t)position - 1;
		if (val_is_list(requisites) && val_as_int(val_at(requisites, i), &at))
			at += (int64_t)gates;
		indexes[i] = first + (size_t)at;
	}
	if (wanted == 0 && position >= gates && gates > 0)
		indexes[wanted++] = first + gates - 1;
	stage_set_requisites(&run->execution, child_index, indexes, wanted);
	stage_set_parent(&run->execution, child_index, index, owner);
	free(indexes);
	run_link_stage(run, child_index);
	event_new_stage(run, child_index);
}

int plan_stages(struct run *run, size_t index, enum plan_kind kind, void *config, size_t *ret_count,
	struct err *err)
{
	*ret_count = 0;
	const struct stage_type *type = registry_find_for(
		run->engine->setup.registry, run_stage(run, index));
	int (*plan_function)(
		const struct task_input *, struct stage_plan *, struct err *) = type->plan_before;
	int (*plan_first)(const struct task_input *, struct stage_plan *, struct err *) = NULL;
	if (kind == PLAN_BEFORE)
		plan_first = run->engine->setup.registry->plan_first;
	if (kind == PLAN_AFTER)
		plan_function = type->plan_after;
	if (kind == PLAN_FAILURE)
		plan_function = type->plan_on_failure;
	struct task_input in;
	stage_input(run, index, 0, config, &in);
	struct stage_plan plan = { 0 };
	int result = plan_first ? plan_first(&in, &plan, err) : 0;
	size_t gates = val_count(plan.stages); /* all others depend on the last of these */
	if (result == 0 && plan_function)
		result = plan_function(&in, &plan, err);
	size_t count = val_count(plan.stages), first = stage_count(run->execution);
	if (result == 0 && first + count > LIMIT_STAGES)
		result = err_set(err, ERR_TOO_LARGE, "more than %d stages in one run", LIMIT_STAGES);
	enum stage_owner owner = kind == PLAN_BEFORE ? OWNER_BEFORE : OWNER_AFTER;
	for (size_t i = 0; result == 0 && i < count; i++)
		plan_one(run, index, owner, first, gates, i, val_at(plan.stages, i));
	*ret_count = count;
	val_free(&plan.stages);
	return result;
}
