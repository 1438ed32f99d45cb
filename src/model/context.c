#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "model/execution.h"

/*
 * The walk over a stage's ancestors, nearest first, in Orca's order: the stage itself; where a stage has requisites, these
 * in the order written, then their synthetic stages, then the same from each of them on; where it has none but a parent:
 * the before stages (of an after stage), the parent, and from the parent on.
 *
 * Each stage is told once, so that a wide graph costs no more than its edges. A stack instead of recursion, because
 * workers have small stacks.
 */
struct walk {
	const struct execution *execution;
	uint8_t *told, *visited; /* bits by index */
	VEC(size_t) pending;
	bool (*look)(void *data, size_t index); /* true: enough */
	void *data;
	bool done;
};

static bool test_and_set(uint8_t *bits, size_t index)
{
	uint8_t bit = (uint8_t)(1u << (index % 8));
	bool was = bits[index / 8] & bit;

	bits[index / 8] |= bit;
	return was;
}

static bool is_set(const uint8_t *bits, size_t index)
{
	return bits[index / 8] & (1u << (index % 8));
}

static void walk_tell(struct walk *walk, size_t index)
{
	if (!walk->done && !test_and_set(walk->told, index))
		walk->done = walk->look(walk->data, index);
}

static void walk_tell_children(struct walk *walk, const struct stage *parent, bool only_before)
{
	for (size_t i = 0; i < parent->child_count; i++) {
		size_t child = parent->children[i];

		if (!only_before || stage_at(walk->execution, child)->owner == OWNER_BEFORE)
			walk_tell(walk, child);
	}
}

static void walk_requisites(struct walk *walk, const struct stage *stage)
{
	for (size_t i = 0; i < stage->requisite_count; i++)
		if (!is_set(walk->visited, stage->requisites[i]))
			walk_tell(walk, stage->requisites[i]);
	for (size_t i = 0; i < stage->requisite_count; i++)
		if (!is_set(walk->visited, stage->requisites[i]))
			walk_tell_children(
				walk, stage_at(walk->execution, stage->requisites[i]), false);
	for (size_t i = stage->requisite_count; i-- > 0;)
		if (!is_set(walk->visited, stage->requisites[i]))
			vec_push(&walk->pending, stage->requisites[i]);
}

static void walk_parent(struct walk *walk, const struct stage *stage)
{
	if (stage->owner == OWNER_AFTER)
		walk_tell_children(walk, stage_at(walk->execution, stage->parent), true);
	walk_tell(walk, stage->parent);
	vec_push(&walk->pending, stage->parent);
}

static void walk_ancestors(const struct execution *execution, size_t index,
	bool (*look)(void *data, size_t index), void *data)
{
	size_t bytes = stage_count(execution) / 8 + 1;
	struct walk walk = { .execution = execution, .look = look, .data = data };

	walk.told = xcalloc(2, bytes);
	walk.visited = walk.told + bytes;
	walk_tell(&walk, index);
	vec_push(&walk.pending, index);
	while (!walk.done && walk.pending.count > 0) {
		size_t at = walk.pending.items[--walk.pending.count];
		const struct stage *stage = stage_at(execution, at);

		if (test_and_set(walk.visited, at))
			continue;
		if (stage->requisite_count > 0)
			walk_requisites(&walk, stage);
		else if (stage->parent != STAGE_NONE)
			walk_parent(&walk, stage);
	}
	vec_free(&walk.pending);
	free(walk.told);
}

struct indexes {
	VEC(size_t) list;
};

static bool collect(void *data, size_t index)
{
	struct indexes *indexes = data;

	vec_push(&indexes->list, index);
	return false;
}

size_t *stage_ancestors(const struct execution *execution, size_t index, size_t *ret_count)
{
	struct indexes indexes = { 0 };

	walk_ancestors(execution, index, collect, &indexes);
	*ret_count = indexes.list.count;
	return indexes.list.items;
}

/* Gives each stage whose requisites all have a step the one behind theirs; true when there were any. */
static bool raise_steps(const struct execution *execution, size_t *steps, bool *known)
{
	bool changed = false;

	for (size_t i = 0; i < stage_count(execution); i++) {
		const struct stage *stage = stage_at(execution, i);
		size_t step = 0;
		bool ready = !known[i] && stage->parent == STAGE_NONE && !stage->removed;

		for (size_t j = 0; j < stage->requisite_count && ready; j++) {
			size_t before = stage->requisites[j];

			ready = known[before];
			step = ready && steps[before] + 1 > step ? steps[before] + 1 : step;
		}
		if (!ready)
			continue;
		steps[i] = step;
		known[i] = changed = true;
	}
	return changed;
}

struct placed {
	size_t step, index;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

size_t *execution_order(const struct execution *execution, size_t *ret_count)
{
	size_t count = stage_count(execution), placed_count = 0;
	size_t *steps = xcalloc(count + 1, sizeof(*steps));
	bool *known = xcalloc(count + 1, sizeof(*known));
	struct placed *placed = xcalloc(count + 1, sizeof(*placed));

	while (raise_steps(execution, steps, known))
		;
	for (size_t i = 0; i < count; i++)
		if (known[i])
			placed[placed_count++] = (struct placed){ .step = steps[i], .index = i };
	qsort(placed, placed_count, sizeof(*placed), compare_placed);
	for (size_t i = 0; i < placed_count; i++)
		steps[i] = placed[i].index;
	free(known);
	free(placed);
	*ret_count = placed_count;
	return steps;
}

struct search {
	const struct execution *execution;
	struct str key;
	const struct val *found;
};

static bool has_key(void *data, size_t index)
{
	struct search *search = data;

	search->found = val_find(stage_at(search->execution, index)->outputs, search->key);
	return search->found != NULL;
}

const struct val *context_find(const struct execution *execution, size_t index, struct val_key *key)
{
	struct search search = { .execution = execution, .key = key->text };

	search.found = val_find_key(stage_at(execution, index)->context, key);
	if (!search.found && stage_outputs_may_have(execution, key->text))
		walk_ancestors(execution, index, has_key, &search);
	return search.found;
}

struct val context_get(
	const struct execution *execution, size_t index, struct str key, bool *ret_found)
{
	struct val_key wanted;

	val_key_init(&wanted, key);
	const struct val *found = context_find(execution, index, &wanted);

	*ret_found = found != NULL;
	return found ? *found : VAL_NULL;
}

struct judge {
	const struct execution *execution;
	size_t index; /* whose judge is looked for */
	const char *user;
};

static bool hands_identity_on(void *data, size_t index)
{
	struct judge *judge = data;
	const struct stage *stage = stage_at(judge->execution, index);

	if (index == judge->index || stage->status == STATUS_SKIPPED ||
		!val_get_bool(stage->context, "propagateAuthenticationContext", false))
		return false;
	const char *word = val_get_text(stage->context, "judgmentStatus", "");
	const char *user = val_get_text(stage->last_modified, "user", "");

	if (strcasecmp(word, "continue") == 0 && *user && strcmp(user, "anonymous") != 0)
		judge->user = user;
	return true;
}

const char *stage_user(const struct execution *execution, size_t index)
{
	struct judge judge = { .execution = execution, .index = index, .user = execution->user };

	walk_ancestors(execution, index, hands_identity_on, &judge);
	return judge.user;
}

struct view {
	const struct execution *execution;
	struct val keys;
};

static bool add_outputs(void *data, size_t index)
{
	struct view *view = data;
	struct val outputs = stage_at(view->execution, index)->outputs;

	for (size_t i = 0; i < val_count(outputs); i++) {
		struct str key = val_key_at(outputs, i);

		if (!val_has_str(view->keys, key))
			val_set_str(&view->keys, key, val_ref(val_value_at(outputs, i)));
	}
	return false;
}

struct val context_all(const struct execution *execution, size_t index)
{
	struct view view = {
		.execution = execution,
		.keys = val_ref(stage_at(execution, index)->context),
	};

	walk_ancestors(execution, index, add_outputs, &view);
	return view.keys;
}
