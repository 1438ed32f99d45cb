#include "model/execution.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

/* Of 10,000 stages a snapshot's first change then copies 157 pointers to leaves and 64 to stages. */
#define STAGE_LEAF 64

#define SKIP(type) offsetof(type, id)

struct stage_leaf {
	atomic_uint refs;
	size_t count;
	struct stage *stages[STAGE_LEAF];
};

struct stage_vec {
	atomic_uint refs;
	size_t count; /* of stages */
	size_t leaf_count;
	size_t capacity; /* of leaves */
	struct stage_leaf **leaves;
};

struct output_keys {
	atomic_uint refs;
	pthread_rwlock_t lock; /* the owner adds while readers of snapshots look */
	struct map keys;
};

static void ref_up(atomic_uint *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True when it was the last one, and all that others did before is visible. */
static bool ref_down(atomic_uint *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static bool ref_shared(atomic_uint *refs)
{
	return atomic_load_explicit(refs, memory_order_acquire) != 1;
}

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static size_t *copy_indexes(const size_t *indexes, size_t count)
{
	size_t *copy;

	if (count == 0)
		return NULL;
	copy = xmalloc(count * sizeof(*copy));
	memcpy(copy, indexes, count * sizeof(*copy));
	return copy;
}

void stage_set_text(char **where, const char *text)
{
	char *old = *where;

	*where = copy_text(text);
	free(old);
}

/* Stages */

static struct stage *stage_new(void)
{
	struct stage *stage = xnew(struct stage);

	atomic_init(&stage->refs, 1);
	stage->parent = STAGE_NONE;
	stage->context = val_map();
	stage->outputs = val_map();
	return stage;
}

static struct task *copy_tasks(const struct task *tasks, size_t count)
{
	struct task *copy;

	if (count == 0)
		return NULL;
	copy = xmalloc(count * sizeof(*copy));
	memcpy(copy, tasks, count * sizeof(*copy));
	for (size_t i = 0; i < count; i++) {
		val_ref(copy[i].exception);
		val_ref(copy[i].waiting_for);
	}
	return copy;
}

static struct stage *stage_copy(const struct stage *from)
{
	struct stage *stage = xmalloc(sizeof(*stage));

	/* All but the count, which others may change at this moment. */
	memcpy((char *)stage + SKIP(struct stage), (const char *)from + SKIP(struct stage),
		sizeof(*stage) - SKIP(struct stage));
	atomic_init(&stage->refs, 1);
	stage->ref_id = copy_text(from->ref_id);
	stage->type = copy_text(from->type);
	stage->name = copy_text(from->name);
	stage->children = copy_indexes(from->children, from->child_count);
	stage->requisites = copy_indexes(from->requisites, from->requisite_count);
	stage->context = val_ref(from->context);
	stage->outputs = val_ref(from->outputs);
	stage->last_modified = val_ref(from->last_modified);
	stage->tasks = copy_tasks(from->tasks, from->task_count);
	return stage;
}

void task_clear(struct task *task)
{
	val_free(&task->exception);
	val_free(&task->waiting_for);
}

struct stage *stage_ref(struct stage *stage)
{
	ref_up(&stage->refs);
	return stage;
}

void stage_unref(struct stage *stage)
{
	if (!stage || !ref_down(&stage->refs))
		return;
	for (size_t i = 0; i < stage->task_count; i++)
		task_clear(&stage->tasks[i]);
	free(stage->tasks);
	free(stage->ref_id);
	free(stage->type);
	free(stage->name);
	free(stage->children);
	free(stage->requisites);
	val_free(&stage->context);
	val_free(&stage->outputs);
	val_free(&stage->last_modified);
	free(stage);
}

/* The list of stages */

static void leaf_unref(struct stage_leaf *leaf)
{
	if (!ref_down(&leaf->refs))
		return;
	for (size_t i = 0; i < leaf->count; i++)
		stage_unref(leaf->stages[i]);
	free(leaf);
}

static struct stage_leaf *leaf_copy(const struct stage_leaf *from)
{
	struct stage_leaf *leaf = xmalloc(sizeof(*leaf));

	atomic_init(&leaf->refs, 1);
	leaf->count = from->count;
	for (size_t i = 0; i < from->count; i++)
		leaf->stages[i] = stage_ref(from->stages[i]);
	return leaf;
}

static struct stage_vec *vec_new(void)
{
	struct stage_vec *vec = xnew(struct stage_vec);

	atomic_init(&vec->refs, 1);
	return vec;
}

static void vec_unref(struct stage_vec *vec)
{
	if (!ref_down(&vec->refs))
		return;
	for (size_t i = 0; i < vec->leaf_count; i++)
		leaf_unref(vec->leaves[i]);
	free(vec->leaves);
	free(vec);
}

static struct stage_vec *vec_copy(const struct stage_vec *from)
{
	struct stage_vec *vec = vec_new();

	vec->count = from->count;
	vec->leaf_count = vec->capacity = from->leaf_count;
	vec->leaves = xmalloc(vec->capacity * sizeof(struct stage_leaf *));
	for (size_t i = 0; i < vec->leaf_count; i++) {
		vec->leaves[i] = from->leaves[i];
		ref_up(&vec->leaves[i]->refs);
	}
	return vec;
}

/* The unshared list of *EXECUTION, which is unshared itself after this. */
static struct stage_vec *vec_edit(struct execution **execution)
{
	struct execution *head = execution_edit(execution);

	if (ref_shared(&head->stages->refs)) {
		struct stage_vec *old = head->stages;

		head->stages = vec_copy(old);
		vec_unref(old);
	}
	return head->stages;
}

static struct stage_leaf *vec_edit_leaf(struct stage_vec *vec, size_t number)
{
	struct stage_leaf *old = vec->leaves[number];

	if (ref_shared(&old->refs)) {
		vec->leaves[number] = leaf_copy(old);
		leaf_unref(old);
	}
	return vec->leaves[number];
}

/* Takes STAGE. */
static void vec_append(struct stage_vec *vec, struct stage *stage)
{
	struct stage_leaf *leaf;

	if (vec->count == vec->leaf_count * STAGE_LEAF) {
		if (vec->leaf_count == vec->capacity) {
			vec->capacity = vec->capacity ? vec->capacity * 2 : 1;
			vec->leaves = xrealloc(
				vec->leaves, vec->capacity * sizeof(struct stage_leaf *));
		}
		leaf = xnew(struct stage_leaf);
		atomic_init(&leaf->refs, 1);
		vec->leaves[vec->leaf_count++] = leaf;
	}
	leaf = vec_edit_leaf(vec, vec->leaf_count - 1);
	leaf->stages[leaf->count++] = stage;
	vec->count++;
}

size_t stage_count(const struct execution *execution)
{
	return execution->stages->count;
}

const struct stage *stage_at(const struct execution *execution, size_t index)
{
	return execution->stages->leaves[index / STAGE_LEAF]->stages[index % STAGE_LEAF];
}

size_t stage_find_id(const struct execution *execution, struct str id)
{
	for (size_t i = 0; i < stage_count(execution); i++)
		if (str_is(id, stage_at(execution, i)->id))
			return i;
	return STAGE_NONE;
}

size_t stage_find_ref(const struct execution *execution, struct str ref_id)
{
	size_t synthetic = STAGE_NONE;

	for (size_t i = 0; i < stage_count(execution); i++) {
		const struct stage *stage = stage_at(execution, i);

		if (!stage->ref_id || !str_is(ref_id, stage->ref_id))
			continue;
		if (stage->owner == OWNER_NONE)
			return i;
		if (synthetic == STAGE_NONE)
			synthetic = i;
	}
	return synthetic;
}

size_t stage_find_name(const struct execution *execution, struct str name_or_id)
{
	for (size_t i = 0; i < stage_count(execution); i++) {
		const struct stage *stage = stage_at(execution, i);

		if ((stage->name && str_is(name_or_id, stage->name)) || str_is(name_or_id, stage->id))
			return i;
	}
	return STAGE_NONE;
}

struct stage *stage_edit(struct execution **execution, size_t index)
{
	struct stage_leaf *leaf = vec_edit_leaf(vec_edit(execution), index / STAGE_LEAF);
	struct stage **place = &leaf->stages[index % STAGE_LEAF];

	if (ref_shared(&(*place)->refs)) {
		struct stage *old = *place;

		*place = stage_copy(old);
		stage_unref(old);
	}
	return *place;
}

size_t stage_add(struct execution **execution)
{
	struct stage_vec *vec = vec_edit(execution);

	vec_append(vec, stage_new());
	return vec->count - 1;
}

void stage_put(struct execution **execution, size_t index, struct stage *stage)
{
	struct stage_vec *vec = vec_edit(execution);

	while (vec->count <= index)
		vec_append(vec, stage_new());

	struct stage_leaf *leaf = vec_edit_leaf(vec, index / STAGE_LEAF);
	struct stage *old = leaf->stages[index % STAGE_LEAF];

	leaf->stages[index % STAGE_LEAF] = stage_ref(stage);
	stage_unref(old);
}

void stage_set_parent(
	struct execution **execution, size_t index, size_t parent, enum stage_owner owner)
{
	struct stage *child = stage_edit(execution, index);
	struct stage *above;

	child->parent = parent;
	child->owner = owner;
	above = stage_edit(execution, parent);
	above->children = xrealloc(above->children, (above->child_count + 1) * sizeof(size_t));
	above->children[above->child_count++] = index;
}

void stage_set_requisites(
	struct execution **execution, size_t index, const size_t *requisites, size_t count)
{
	struct stage *stage = stage_edit(execution, index);
	size_t *old = stage->requisites;

	stage->requisites = copy_indexes(requisites, count);
	stage->requisite_count = count;
	free(old);
}

/* The keys of outputs */

static struct output_keys *output_keys_new(void)
{
	struct output_keys *keys = xnew(struct output_keys);

	atomic_init(&keys->refs, 1);
	pthread_rwlock_init(&keys->lock, NULL);
	return keys;
}

static void output_keys_unref(struct output_keys *keys)
{
	if (!ref_down(&keys->refs))
		return;
	pthread_rwlock_destroy(&keys->lock);
	map_free(&keys->keys);
	free(keys);
}

static bool output_keys_have(struct output_keys *keys, struct str key)
{
	pthread_rwlock_rdlock(&keys->lock);
	bool have = map_get(&keys->keys, key) != NULL;
	pthread_rwlock_unlock(&keys->lock);
	return have;
}

bool stage_outputs_may_have(const struct execution *execution, struct str key)
{
	return output_keys_have(execution->output_keys, key);
}

void stage_index_outputs(struct execution **execution, size_t index)
{
	struct output_keys *keys = (*execution)->output_keys;
	struct val outputs = stage_at(*execution, index)->outputs;

	for (size_t i = 0; i < val_count(outputs); i++) {
		struct str key = val_key_at(outputs, i);

		if (output_keys_have(keys, key))
			continue;
		pthread_rwlock_wrlock(&keys->lock);
		map_put(&keys->keys, key, keys);
		pthread_rwlock_unlock(&keys->lock);
	}
}

/* Executions */

struct execution *execution_new(void)
{
	struct execution *execution = xnew(struct execution);

	atomic_init(&execution->refs, 1);
	execution->trigger = val_map();
	execution->config = val_map();
	execution->extra = val_map();
	execution->stages = vec_new();
	execution->output_keys = output_keys_new();
	return execution;
}

static struct execution *execution_copy(const struct execution *from)
{
	struct execution *execution = xmalloc(sizeof(*execution));

	memcpy((char *)execution + SKIP(struct execution),
		(const char *)from + SKIP(struct execution),
		sizeof(*execution) - SKIP(struct execution));
	atomic_init(&execution->refs, 1);
	execution->application = copy_text(from->application);
	execution->name = copy_text(from->name);
	execution->config_id = copy_text(from->config_id);
	execution->canceled_by = copy_text(from->canceled_by);
	execution->cancellation_reason = copy_text(from->cancellation_reason);
	execution->origin = copy_text(from->origin);
	execution->user = copy_text(from->user);
	execution->spel_evaluator = copy_text(from->spel_evaluator);
	val_ref(from->trigger);
	val_ref(from->config);
	val_ref(from->notifications);
	val_ref(from->system_notifications);
	val_ref(from->source);
	val_ref(from->template_variables);
	val_ref(from->paused);
	val_ref(from->extra);
	ref_up(&execution->stages->refs);
	ref_up(&execution->output_keys->refs);
	return execution;
}

struct execution *execution_with_stages(const struct execution *head, const struct execution *other)
{
	struct execution *execution = execution_copy(head);

	vec_unref(execution->stages);
	output_keys_unref(execution->output_keys);
	execution->stages = other ? other->stages : vec_new();
	execution->output_keys = other ? other->output_keys : output_keys_new();
	if (other) {
		ref_up(&other->stages->refs);
		ref_up(&other->output_keys->refs);
	}
	return execution;
}

struct execution *execution_ref(struct execution *execution)
{
	ref_up(&execution->refs);
	return execution;
}

void execution_unref(struct execution *execution)
{
	if (!execution || !ref_down(&execution->refs))
		return;
	free(execution->application);
	free(execution->name);
	free(execution->config_id);
	free(execution->canceled_by);
	free(execution->cancellation_reason);
	free(execution->origin);
	free(execution->user);
	free(execution->spel_evaluator);
	val_free(&execution->trigger);
	val_free(&execution->config);
	val_free(&execution->notifications);
	val_free(&execution->system_notifications);
	val_free(&execution->source);
	val_free(&execution->template_variables);
	val_free(&execution->paused);
	val_free(&execution->extra);
	vec_unref(execution->stages);
	output_keys_unref(execution->output_keys);
	free(execution);
}

struct execution *execution_edit(struct execution **execution)
{
	struct execution *old = *execution;

	if (ref_shared(&old->refs)) {
		*execution = execution_copy(old);
		execution_unref(old);
	}
	return *execution;
}
