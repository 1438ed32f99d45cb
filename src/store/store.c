#include "store/store.h"

#include "base/alloc.h"
#include "base/limits.h"

_Static_assert(LIMIT_STAGES <= STORE_MAX_STAGES, "each stage of an execution has a key");

/* Values looked at to guess how large one is; beyond that the guess goes by what was seen. */
#define SIZE_LOOKS 200

void store_close(struct store *store)
{
	if (store)
		store->type->close(store);
}

static size_t size_of(struct val value)
{
	return val_rough_size(value, SIZE_LOOKS);
}

static void batch_add(struct store_batch *batch, struct store_op op, size_t bytes)
{
	vec_push(&batch->ops, op);
	batch->bytes += sizeof(op) + bytes;
}

void store_batch_clear(struct store_batch *batch)
{
	for (size_t i = 0; i < batch->ops.count; i++) {
		struct store_op *op = &batch->ops.items[i];

		execution_unref(op->execution);
		free(op->key);
		val_free(&op->value);
		strbuf_free(&op->text);
	}
	vec_free(&batch->ops);
	batch->bytes = 0;
}

void store_put_execution(struct store_batch *batch, struct execution *snapshot)
{
	struct store_op op = { .kind = STORE_PUT_EXECUTION, .execution = execution_ref(snapshot) };

	batch_add(batch, op, 1000 + size_of(snapshot->trigger) + size_of(snapshot->config));
}

void store_put_stage(
	struct store_batch *batch, struct execution *snapshot, size_t index, unsigned parts)
{
	const struct stage *stage = stage_at(snapshot, index);
	struct store_op op = {
		.kind = STORE_PUT_STAGE,
		.execution = execution_ref(snapshot),
		.index = index,
		.parts = parts,
	};
	size_t bytes = 500 + stage->task_count * 200;

	if (parts & STAGE_PART_CONTEXT)
		bytes += size_of(stage->context);
	if (parts & STAGE_PART_OUTPUTS)
		bytes += size_of(stage->outputs);
	batch_add(batch, op, bytes);
}

static void add_key(struct store_batch *batch, enum store_op_kind kind, const char *key)
{
	batch_add(batch, (struct store_op){ .kind = kind, .key = xstrdup(key) }, 0);
}

static void add_value(
	struct store_batch *batch, enum store_op_kind kind, const char *key, struct val value)
{
	struct store_op op = {
		.kind = kind,
		.key = key ? xstrdup(key) : NULL,
		.value = val_ref(value),
		.count = 1,
	};

	batch_add(batch, op, size_of(value));
}

void store_delete_execution(struct store_batch *batch, const char *id)
{
	add_key(batch, STORE_DELETE_EXECUTION, id);
}

void store_put_pipeline(struct store_batch *batch, struct val document)
{
	add_value(batch, STORE_PUT_PIPELINE, NULL, document);
}

void store_delete_pipeline(struct store_batch *batch, const char *id)
{
	add_key(batch, STORE_DELETE_PIPELINE, id);
}

void store_put_application(struct store_batch *batch, struct val attributes)
{
	add_value(batch, STORE_PUT_APPLICATION, NULL, attributes);
}

void store_event(struct store_batch *batch, const char *execution_id, struct val event)
{
	add_value(batch, STORE_EVENTS, execution_id, event);
}

void store_events(
	struct store_batch *batch, const char *execution_id, struct strbuf *list, size_t count)
{
	struct store_op op = {
		.kind = STORE_EVENTS,
		.key = execution_id ? xstrdup(execution_id) : NULL,
		.text = *list,
		.count = count,
	};

	*list = STRBUF_INIT(list->cap);
	batch_add(batch, op, op.text.length);
}

void store_put_memory(struct store_batch *batch, const char *key, struct val value)
{
	add_value(batch, STORE_PUT_MEMORY, key, value);
}

static int need_texts(const char *what, struct val map, const char *const *keys, struct err *err)
{
	if (!val_is_map(map))
		return err_set(err, ERR_INVALID, "%s is a map, not %s", what,
			val_kind_name(val_kind(map)));
	for (; *keys; keys++)
		if (val_get_text(map, *keys, "")[0] == 0)
			return err_set(err, ERR_INVALID, "%s without %s", what, *keys);
	return 0;
}

int store_op_check(const struct store_op *op, struct err *err)
{
	switch (op->kind) {
	case STORE_PUT_EXECUTION:
		if (op->execution->id[0] == 0)
			return err_set(err, ERR_INVALID, "an execution without id");
		return 0;
	case STORE_PUT_STAGE:
		if (op->index >= stage_count(op->execution) || op->index >= STORE_MAX_STAGES)
			return err_set(err, ERR_INVALID, "execution %s has no stage %zu",
				op->execution->id, op->index);
		return 0;
	case STORE_PUT_PIPELINE:
		return need_texts("a pipeline", op->value,
			(const char *[]){ "id", "application", "name", NULL }, err);
	case STORE_PUT_APPLICATION:
		return need_texts("an application", op->value, (const char *[]){ "name", NULL }, err);
	case STORE_EVENTS:
		if (op->text.length > 0)
			return 0;
		return need_texts("an event", op->value, (const char *[]){ NULL }, err);
	case STORE_DELETE_EXECUTION:
	case STORE_DELETE_PIPELINE:
	case STORE_PUT_MEMORY:
		return 0;
	}
	return err_set(err, ERR_INTERNAL, "no such operation: %d", (int)op->kind);
}

int store_get_head(struct store *store, const char *id, struct val *ret, struct err *err)
{
	const char *ids[] = { id, NULL };
	const struct execution_filter filter = { .ids = ids, .heads_only = true };
	_cleanup_(val_free) struct val list = VAL_NULL;
	uint64_t position;
	if (store->type->list_executions(store, &filter, &list, &position, err) < 0)
		return -1;
	if (val_count(list) == 0)
		return err_set(err, ERR_NOT_FOUND, "Pipeline execution not found (id: %s)", id);
	*ret = val_ref(val_at(list, 0));
	return 0;
}
