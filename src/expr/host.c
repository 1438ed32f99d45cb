/* A host over one JSON map: for `gennaker eval` and for tests. */
#include <stdlib.h>

#include "base/alloc.h"
#include "expr/expr.h"
#include "expr/graph.h"

/* What stages are most often asked for. */
struct stage_parts {
	struct val texts[EXPR_STAGE_STATUS + 1]; /* BORROWED from them */
	const struct val *context;               /* in it; NULL = it has none */
};

struct map_host {
	struct expr_host host;
	struct val context;   /* owned */
	struct val execution; /* owned, without `stages` */
	struct val stages;    /* owned */
	struct stage_parts *parts;
};

static const struct val *map_root(void *data, struct val_key *name, struct val *ret_made)
{
	struct map_host *map = data;
	return val_find_key(map->context, name);
}

static struct val map_root_map(void *data)
{
	struct map_host *map = data;
	return val_ref(map->context);
}

static struct val map_execution(void *data)
{
	struct map_host *map = data;
	return val_ref(map->execution);
}

static size_t map_stage_count(void *data)
{
	struct map_host *map = data;
	return val_is_list(map->stages) ? val_count(map->stages) : 0;
}

static struct val stage_at(void *data, size_t index)
{
	struct map_host *map = data;
	return val_at(map->stages, index);
}

static struct val map_stage(void *data, size_t index)
{
	return val_ref(stage_at(data, index));
}

static struct val stage_field(void *data, size_t index, struct str key)
{
	return val_get_str(stage_at(data, index), key);
}

static const struct val *map_stage_field(
	void *data, size_t index, struct str key, struct val *ret_made)
{
	return val_find(stage_at(data, index), key);
}

static struct str map_stage_text(void *data, size_t index, enum expr_stage_text text)
{
	struct map_host *map = data;
	const struct val *value = &map->parts[index].texts[text];
	return val_is_string(*value) ? val_as_str(value) : (struct str){ NULL, 0 };
}

static bool field_is(const struct val *value, struct str text)
{
	return val_is_string(*value) && str_equal(val_as_str(value), text);
}

static ptrdiff_t map_stage_find(void *data, struct str text, bool by_ref)
{
	struct map_host *map = data;
	for (size_t i = 0; i < map_stage_count(data); i++) {
		const struct val *texts = map->parts[i].texts;
		if (by_ref ? field_is(&texts[EXPR_STAGE_REF_ID], text) :
			     field_is(&texts[EXPR_STAGE_NAME], text) ||
					field_is(&texts[EXPR_STAGE_ID], text))
			return (ptrdiff_t)i;
	}
	return -1;
}

static const struct val *map_stage_context(
	void *data, size_t index, struct str key, struct val *ret_made)
{
	struct map_host *map = data;
	bool exists = index < map_stage_count(data) && map->parts[index].context;
	const struct val *there = exists ? val_find(*map->parts[index].context, key) : NULL;
	if (there)
		return there;

	struct graph graph = { map_stage_count(data), stage_field, data };
	graph_list before = { 0 };
	graph_ancestors(&graph, index, &before);
	for (size_t i = 0; i < before.count && !there; i++)
		there = val_find(val_get(stage_at(data, before.items[i]), "outputs"), key);
	vec_free(&before);
	return there;
}

static ptrdiff_t find_id(struct map_host *map, const char *id)
{
	for (size_t i = 0; id && i < map_stage_count(map); i++)
		if (field_is(&map->parts[i].texts[EXPR_STAGE_ID], str_of(id)))
			return (ptrdiff_t)i;
	return -1;
}

static void read_parts(struct map_host *map)
{
	map->parts = xcalloc(map_stage_count(map), sizeof(*map->parts));
	for (size_t i = 0; i < map_stage_count(map); i++) {
		struct val stage = stage_at(map, i);
		map->parts[i] = (struct stage_parts){
			.texts = {
				[EXPR_STAGE_ID] = val_get(stage, "id"),
				[EXPR_STAGE_REF_ID] = val_get(stage, "refId"),
				[EXPR_STAGE_NAME] = val_get(stage, "name"),
				[EXPR_STAGE_TYPE] = val_get(stage, "type"),
				[EXPR_STAGE_STATUS] = val_get(stage, "status"),
			},
			.context = val_find(stage, STR("context")),
		};
	}
}

struct expr_host *expr_host_of_map(struct val context, const char *current_stage_id)
{
	struct map_host *map = xnew(struct map_host);
	map->context = val_ref(context);
	map->host = (struct expr_host){
		.data = map,
		.root = map_root,
		.root_map = map_root_map,
		.current_stage = -1,
	};
	struct val execution = val_get(context, "execution");
	if (!val_is_map(execution))
		return &map->host;
	map->execution = val_ref(execution);
	map->stages = val_ref(val_get(execution, "stages"));
	val_remove(&map->execution, "stages");
	read_parts(map);
	map->host.execution = map_execution;
	map->host.stage_count = map_stage_count;
	map->host.stage = map_stage;
	map->host.stage_field = map_stage_field;
	map->host.stage_text = map_stage_text;
	map->host.stage_find = map_stage_find;
	map->host.stage_context = map_stage_context;
	map->host.current_stage = find_id(map, current_stage_id);
	struct val user = val_path(map->execution, "authentication.user");
	if (val_is_string(user))
		map->host.user = val_get_text(
			val_get(map->execution, "authentication"), "user", NULL);
	return &map->host;
}

void expr_host_free(struct expr_host *host)
{
	if (!host)
		return;
	struct map_host *map = host->data;
	val_free(&map->context);
	val_free(&map->execution);
	val_free(&map->stages);
	free(map->parts);
	free(map);
}
