/*
 * The store in memory. Rows hold snapshots and values by reference, so a commit copies nothing but what it shares; reads
 * take a reference under the lock and build their JSON outside of it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "model/secrets.h"
#include "store/store.h"

struct pipeline_row {
	struct val document;     /* VAL_NULL: deleted, only history is left */
	VEC(struct val) history; /* oldest first */
};

struct event_row {
	uint64_t seq;
	char *execution; /* id or NULL */
	struct val value;
};

struct memory_store {
	struct store base;
	pthread_rwlock_t lock;
	struct map executions;   /* id → struct execution * */
	struct map pipelines;    /* id → struct pipeline_row * */
	struct map applications; /* name in lower case → struct val * */
	struct map memory;       /* key → struct val * */
	VEC(struct event_row) events;
	uint64_t position;
};

static struct memory_store *memory_of(struct store *store)
{
	return (struct memory_store *)store;
}

/* Values in maps */

static struct val *boxed(struct val value)
{
	struct val *box = xmalloc(sizeof(*box));

	*box = value;
	return box;
}

static void box_free(struct val *box)
{
	if (box)
		val_free(box);
	free(box);
}

static char *lower_case(const char *text)
{
	char *lower = xstrdup(text);

	for (char *c = lower; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return lower;
}

/* Writing */

/* Every operation is looked at before the first is applied; what is applied then cannot fail. */
static int check_batch(
	const struct memory_store *memory, const struct store_batch *batch, struct err *err)
{
	struct map seen = { 0 }; /* ids that this batch puts ("+") or deletes ("-") */
	int result = 0;

	for (size_t i = 0; i < batch->ops.count && result == 0; i++) {
		const struct store_op *op = &batch->ops.items[i];
		const char *change;

		result = store_op_check(op, err);
		if (result < 0)
			break;
		if (op->kind == STORE_PUT_EXECUTION)
			map_put(&seen, str_of(op->execution->id), (char *)"+");
		if (op->kind == STORE_DELETE_EXECUTION)
			map_put(&seen, str_of(op->key), (char *)"-");
		if (op->kind != STORE_PUT_STAGE)
			continue;
		change = map_get(&seen, str_of(op->execution->id));
		if (change ? *change == '-' :
			     !map_get(&memory->executions, str_of(op->execution->id)))
			result = err_set(err, ERR_INTERNAL,
				"a stage of execution %s, which is not stored", op->execution->id);
	}
	map_free(&seen);
	return result;
}

/* The stored execution by the head of SNAPSHOT, with the stages that are stored. */
static void put_execution(struct memory_store *memory, struct execution *snapshot)
{
	struct str id = str_of(snapshot->id);
	struct execution *old = map_get(&memory->executions, id);
	struct execution *row;

	row = execution_with_stages(snapshot, old);
	map_put(&memory->executions, id, row);
	execution_unref(old);
}

static void put_stage(struct memory_store *memory, const struct store_op *op)
{
	struct str id = str_of(op->execution->id);
	struct execution *row = map_get(&memory->executions, id);
	struct stage *from = (struct stage *)stage_at(op->execution, op->index);
	const struct stage *old = op->index < stage_count(row) ? stage_at(row, op->index) : NULL;
	struct val context = VAL_NULL, outputs = VAL_NULL;

	if (op->parts == STAGE_PART_ALL || !old) {
		stage_put(&row, op->index, from);
	} else {
		struct stage *kept = stage_ref((struct stage *)old);

		context = val_ref(op->parts & STAGE_PART_CONTEXT ? from->context : kept->context);
		outputs = val_ref(op->parts & STAGE_PART_OUTPUTS ? from->outputs : kept->outputs);
		if (op->parts & STAGE_PART_HEAD)
			stage_put(&row, op->index, from);
		val_replace(&stage_edit(&row, op->index)->context, context);
		val_replace(&stage_edit(&row, op->index)->outputs, outputs);
		stage_unref(kept);
	}
	stage_index_outputs(&row, op->index);
	map_put(&memory->executions, id, row);
}

static void event_row_free(struct event_row *event)
{
	free(event->execution);
	val_free(&event->value);
}

static void delete_execution(struct memory_store *memory, const char *id)
{
	size_t kept = 0;

	execution_unref(map_remove(&memory->executions, str_of(id)));
	for (size_t i = 0; i < memory->events.count; i++) {
		struct event_row *event = &memory->events.items[i];

		if (event->execution && str_is(str_of(id), event->execution))
			event_row_free(event);
		else
			memory->events.items[kept++] = *event;
	}
	memory->events.count = kept;
}

static void keep_history(struct pipeline_row *row)
{
	if (val_is_null(row->document))
		return;
	if (row->history.count == LIMIT_PIPELINE_HISTORY) {
		val_free(&row->history.items[0]);
		memmove(row->history.items, row->history.items + 1,
			--row->history.count * sizeof(struct val));
	}
	vec_push(&row->history, take(&row->document));
}

static void put_pipeline(struct memory_store *memory, struct val document)
{
	struct str id = str_of(val_get_text(document, "id", ""));
	struct pipeline_row *row = map_get(&memory->pipelines, id);

	if (!row) {
		row = xnew(struct pipeline_row);
		map_put(&memory->pipelines, id, row);
	}
	keep_history(row);
	row->document = val_ref(document);
}

static void delete_pipeline(struct memory_store *memory, const char *id)
{
	struct pipeline_row *row = map_get(&memory->pipelines, str_of(id));

	if (row)
		keep_history(row);
}

static void put_application(struct memory_store *memory, struct val attributes)
{
	_cleanup_free_ char *name = lower_case(val_get_text(attributes, "name", ""));

	box_free(map_put(&memory->applications, str_of(name), boxed(val_ref(attributes))));
}

static void put_event(struct memory_store *memory, const char *execution_id, struct val value)
{
	struct event_row event = {
		.seq = ++memory->position,
		.execution = execution_id && map_get(&memory->executions, str_of(execution_id)) ?
			xstrdup(execution_id) :
			NULL,
		.value = val_ref(value),
	};

	val_set(&event.value, "seq", val_int((int64_t)event.seq));
	vec_push(&memory->events, event);
}

static void put_events(struct memory_store *memory, const struct store_op *op)
{
	if (op->text.length == 0) {
		put_event(memory, op->key, op->value);
		return;
	}
	_cleanup_(val_free) struct val list = json_reread(strbuf_str(&op->text));
	for (size_t i = 0; i < val_count(list); i++)
		put_event(memory, op->key, val_at(list, i));
}

static void put_memory(struct memory_store *memory, const char *key, struct val value)
{
	if (val_is_null(value))
		box_free(map_remove(&memory->memory, str_of(key)));
	else
		box_free(map_put(&memory->memory, str_of(key), boxed(val_ref(value))));
}

static void apply(struct memory_store *memory, const struct store_op *op)
{
	switch (op->kind) {
	case STORE_PUT_EXECUTION:
		put_execution(memory, op->execution);
		break;
	case STORE_PUT_STAGE:
		put_stage(memory, op);
		break;
	case STORE_DELETE_EXECUTION:
		delete_execution(memory, op->key);
		break;
	case STORE_PUT_PIPELINE:
		put_pipeline(memory, op->value);
		break;
	case STORE_DELETE_PIPELINE:
		delete_pipeline(memory, op->key);
		break;
	case STORE_PUT_APPLICATION:
		put_application(memory, op->value);
		break;
	case STORE_EVENTS:
		put_events(memory, op);
		break;
	case STORE_PUT_MEMORY:
		put_memory(memory, op->key, op->value);
		break;
	}
}

static int memory_commit(struct store *store, const struct store_batch *batch,
	uint64_t *ret_position, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	int result;

	pthread_rwlock_wrlock(&memory->lock);
	result = check_batch(memory, batch, err);
	/* Events last: what they belong to is there then. */
	for (int events = 0; result == 0 && events < 2; events++)
		for (size_t i = 0; i < batch->ops.count; i++)
			if ((batch->ops.items[i].kind == STORE_EVENTS) == events)
				apply(memory, &batch->ops.items[i]);
	if (result == 0)
		*ret_position = memory->position;
	pthread_rwlock_unlock(&memory->lock);
	return result;
}

/* Reading executions */

struct executions {
	VEC(struct execution *) list;
};

static void executions_free(struct executions *executions)
{
	for (size_t i = 0; i < executions->list.count; i++)
		execution_unref(executions->list.items[i]);
	vec_free(&executions->list);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(struct execution *const *)a)->id, (*(struct execution *const *)b)->id);
}

static int oldest_first(const void *a, const void *b)
{
	const struct execution *x = *(struct execution *const *)a, *y = *(struct execution *const *)b;

	if (x->build_ms != y->build_ms)
		return x->build_ms < y->build_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int newest_first(const void *a, const void *b)
{
	return oldest_first(b, a);
}

static void sort(struct executions *found, int (*compare)(const void *, const void *))
{
	if (found->list.count > 1)
		qsort(found->list.items, found->list.count, sizeof(found->list.items[0]), compare);
}

/* The same way as any other store: only what is stored elsewhere comes back, so that tests on this one see what is missing. */
static int rebuild(const struct execution *row, struct execution **ret, struct err *err)
{
	_cleanup_(val_free) struct val json = execution_to_json(row, false);
	struct val stages = val_list();

	for (size_t i = 0; i < stage_count(row); i++)
		val_append(&stages, stage_to_json(row, stage_at(row, i)));
	val_set(&json, "stages", stages);
	if (execution_from_json(json, ret, err) < 0)
		return err_wrap(err, "execution %s", row->id);
	for (size_t i = 0; i < stage_count(row); i++) {
		_cleanup_(val_free) struct val state = stage_engine_state(stage_at(row, i));

		stage_set_engine_state(stage_edit(ret, i), state);
	}
	return 0;
}

static int memory_load_active(struct store *store,
	void (*found)(void *data, struct execution *owned), void *data, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	_cleanup_(executions_free) struct executions active = { 0 };
	struct map_cursor cursor = { 0 };
	struct str id;
	void *row;

	pthread_rwlock_rdlock(&memory->lock);
	while (map_next(&memory->executions, &cursor, &id, &row))
		if (!status_is_complete(((struct execution *)row)->status))
			vec_push(&active.list, execution_ref(row));
	pthread_rwlock_unlock(&memory->lock);
	sort(&active, by_id);
	for (size_t i = 0; i < active.list.count; i++) {
		struct execution *execution;

		if (rebuild(active.list.items[i], &execution, err) < 0)
			return -1;
		found(data, execution);
	}
	return 0;
}

static int memory_load_execution(
	struct store *store, const char *id, struct execution **ret, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	_cleanup_(execution_unref_cleanup) struct execution *row = NULL;

	pthread_rwlock_rdlock(&memory->lock);
	row = map_get(&memory->executions, str_of(id));
	if (row)
		execution_ref(row);
	pthread_rwlock_unlock(&memory->lock);
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "there is no execution %s", id);
	return rebuild(row, ret, err);
}

static struct val json_for_people(const struct execution *execution, bool with_stages, bool head_only)
{
	_cleanup_(val_free) struct val json = execution_to_json(execution, with_stages);

	if (head_only) {
		val_remove(&json, "trigger");
		val_remove(&json, "initialConfig");
	}
	return secrets_masked(json);
}

static int memory_get_execution(struct store *store, const char *id, struct val *ret,
	uint64_t *ret_position, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	struct execution *row;

	pthread_rwlock_rdlock(&memory->lock);
	row = map_get(&memory->executions, str_of(id));
	if (row)
		execution_ref(row);
	uint64_t position = memory->position;
	pthread_rwlock_unlock(&memory->lock);
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "there is no execution %s", id);
	*ret = json_for_people(row, true, false);
	*ret_position = position;
	execution_unref(row);
	return 0;
}

static int memory_print_execution(struct store *store, const char *id, bool brief,
	struct strbuf *ret, uint64_t *ret_position, struct err *err)
{
	_cleanup_(val_free) struct val json = VAL_NULL;

	if (memory_get_execution(store, id, &json, ret_position, err) < 0)
		return -1;
	if (brief)
		execution_brief(&json);
	json_write(ret, json, JSON_COMPACT);
	return 0;
}

static bool is_in(const char *text, const char *const *list)
{
	if (!list)
		return true;
	for (; text && *list; list++)
		if (str_is(str_of(text), *list))
			return true;
	return false;
}

static bool is_behind(const struct execution_filter *filter, const struct execution *row)
{
	int64_t later = row->build_ms - filter->behind_ms;
	if (!filter->behind_id)
		return true;
	if (later == 0)
		later = strcmp(row->id, filter->behind_id);
	return filter->oldest_first ? later > 0 : later < 0;
}

static bool matches(const struct execution_filter *filter, const struct execution *row)
{
	if (filter->application &&
		strcasecmp(filter->application, row->application ? row->application : "") != 0)
		return false;
	if (filter->statuses && !(filter->statuses & (1u << row->status)))
		return false;
	if (row->build_ms < filter->built_from_ms ||
		(filter->built_to_ms && row->build_ms > filter->built_to_ms) ||
		!is_behind(filter, row))
		return false;
	return is_in(row->config_id, filter->config_ids) && is_in(row->id, filter->ids);
}

/* Of each config the newest LIMIT. */
static void keep_per_config(struct executions *found, size_t limit)
{
	struct map counts = { 0 };
	size_t kept = 0;

	sort(found, newest_first);
	for (size_t i = 0; i < found->list.count; i++) {
		struct execution *row = found->list.items[i];
		struct str config = str_of(row->config_id);
		size_t count = (size_t)map_get(&counts, config);

		if (row->config_id && count < limit) {
			map_put(&counts, config, (void *)(count + 1));
			found->list.items[kept++] = row;
		} else {
			execution_unref(row);
		}
	}
	found->list.count = kept;
	map_free(&counts);
}

static int memory_list_executions(struct store *store, const struct execution_filter *filter,
	struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	_cleanup_(executions_free) struct executions found = { 0 };
	size_t limit = filter->limit && filter->limit < LIMIT_LIST_ROWS ? filter->limit :
									  LIMIT_LIST_ROWS;
	struct map_cursor cursor = { 0 };
	struct str id;
	void *row;

	pthread_rwlock_rdlock(&memory->lock);
	while (map_next(&memory->executions, &cursor, &id, &row))
		if (matches(filter, row))
			vec_push(&found.list, execution_ref(row));
	*ret_position = memory->position;
	pthread_rwlock_unlock(&memory->lock);
	if (filter->per_config) {
		keep_per_config(&found, limit);
		limit = LIMIT_LIST_ROWS;
	}
	sort(&found, filter->oldest_first ? oldest_first : newest_first);
	*ret_list = val_list();
	for (size_t i = 0; i < found.list.count && i < limit; i++)
		val_append(ret_list,
			json_for_people(found.list.items[i],
				!filter->without_stages && !filter->heads_only, filter->heads_only));
	return 0;
}

/* Reading the rest */

static int memory_get_pipeline(struct store *store, const char *id, struct val *ret, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	struct val document = VAL_NULL;

	pthread_rwlock_rdlock(&memory->lock);
	const struct pipeline_row *row = map_get(&memory->pipelines, str_of(id));
	if (row)
		document = val_ref(row->document);
	pthread_rwlock_unlock(&memory->lock);
	if (val_is_null(document))
		return err_set(err, ERR_NOT_FOUND, "there is no pipeline with the id %s", id);
	*ret = document;
	return 0;
}

static int compare_documents(const void *a, const void *b)
{
	const struct val x = *(const struct val *)a, y = *(const struct val *)b;
	int order = strcasecmp(
		val_get_text(x, "application", ""), val_get_text(y, "application", ""));

	if (order == 0)
		order = strcmp(val_get_text(x, "name", ""), val_get_text(y, "name", ""));
	return order ? order : strcmp(val_get_text(x, "id", ""), val_get_text(y, "id", ""));
}

/* In order; the items are borrowed by the list until they are put into a val. */
static struct val sorted(struct val *items, size_t count)
{
	if (count > 1)
		qsort(items, count, sizeof(*items), compare_documents);
	return val_list_of(items, count);
}

/* APPLICATION and NAME: NULL = any. */
static struct val find_pipelines(
	struct memory_store *memory, const char *application, const char *name)
{
	VEC(struct val) found = { 0 };
	struct map_cursor cursor = { 0 };
	struct str id;
	void *value;

	pthread_rwlock_rdlock(&memory->lock);
	while (map_next(&memory->pipelines, &cursor, &id, &value)) {
		struct val document = ((struct pipeline_row *)value)->document;

		if (val_is_null(document))
			continue;
		if (application &&
			strcasecmp(application, val_get_text(document, "application", "")) != 0)
			continue;
		if (!name || str_is(str_of(name), val_get_text(document, "name", "")))
			vec_push(&found, val_ref(document));
	}
	pthread_rwlock_unlock(&memory->lock);

	struct val list = sorted(found.items, found.count);
	vec_free(&found);
	return list;
}

static int memory_find_pipeline(struct store *store, const char *application, const char *name,
	struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val found = find_pipelines(memory_of(store), application, name);

	if (val_count(found) == 0)
		return err_set(
			err, ERR_NOT_FOUND, "application %s has no pipeline %s", application, name);
	*ret = val_ref(val_at(found, 0));
	return 0;
}

static int memory_list_pipelines(
	struct store *store, const char *application, struct val *ret_list, struct err *err)
{
	*ret_list = find_pipelines(memory_of(store), application, NULL);
	return 0;
}

static int memory_pipeline_history(
	struct store *store, const char *id, size_t limit, struct val *ret_list, struct err *err)
{
	struct memory_store *memory = memory_of(store);

	*ret_list = val_list();
	pthread_rwlock_rdlock(&memory->lock);
	const struct pipeline_row *row = map_get(&memory->pipelines, str_of(id));
	for (size_t i = row ? row->history.count : 0; i-- > 0;)
		if (limit == 0 || val_count(*ret_list) < limit)
			val_append(ret_list, val_ref(row->history.items[i]));
	pthread_rwlock_unlock(&memory->lock);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct val x = *(const struct val *)a, y = *(const struct val *)b;

	return strcasecmp(val_get_text(x, "name", ""), val_get_text(y, "name", ""));
}

static int memory_list_applications(struct store *store, struct val *ret_list, struct err *err)
{
	struct memory_store *memory = memory_of(store);
	VEC(struct val) found = { 0 };
	struct map_cursor cursor = { 0 };
	struct str name;
	void *value;

	pthread_rwlock_rdlock(&memory->lock);
	while (map_next(&memory->applications, &cursor, &name, &value))
		vec_push(&found, val_ref(*(struct val *)value));
	pthread_rwlock_unlock(&memory->lock);
	if (found.count > 1)
		qsort(found.items, found.count, sizeof(found.items[0]), compare_names);
	*ret_list = val_list_of(found.items, found.count);
	vec_free(&found);
	return 0;
}

/* Index of the first event after POSITION. */
static size_t first_after(const struct memory_store *memory, uint64_t position)
{
	size_t low = 0, high = memory->events.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memory->events.items[middle].seq <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int memory_read_events(struct store *store, const char *execution_id, uint64_t after,
	size_t limit, struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	struct memory_store *memory = memory_of(store);

	if (limit == 0 || limit > LIMIT_LIST_ROWS)
		limit = LIMIT_LIST_ROWS;
	*ret_list = val_list();
	pthread_rwlock_rdlock(&memory->lock);
	for (size_t i = first_after(memory, after); i < memory->events.count; i++) {
		const struct event_row *event = &memory->events.items[i];

		if (val_count(*ret_list) == limit)
			break;
		if (!execution_id ||
			(event->execution && str_is(str_of(execution_id), event->execution)))
			val_append(ret_list, val_ref(event->value));
	}
	*ret_position = memory->position;
	pthread_rwlock_unlock(&memory->lock);
	return 0;
}

static int memory_get_memory(struct store *store, const char *key, struct val *ret, struct err *err)
{
	struct memory_store *memory = memory_of(store);

	pthread_rwlock_rdlock(&memory->lock);
	const struct val *value = map_get(&memory->memory, str_of(key));
	*ret = value ? val_ref(*value) : VAL_NULL;
	pthread_rwlock_unlock(&memory->lock);
	return 0;
}

static void memory_close(struct store *store)
{
	struct memory_store *memory = memory_of(store);
	struct map_cursor cursor = { 0 };
	struct str key;
	void *value;

	while (map_next(&memory->executions, &cursor, &key, &value))
		execution_unref(value);
	cursor = (struct map_cursor){ 0 };
	while (map_next(&memory->pipelines, &cursor, &key, &value)) {
		struct pipeline_row *row = value;

		val_free(&row->document);
		for (size_t i = 0; i < row->history.count; i++)
			val_free(&row->history.items[i]);
		vec_free(&row->history);
		free(row);
	}
	cursor = (struct map_cursor){ 0 };
	while (map_next(&memory->applications, &cursor, &key, &value))
		box_free(value);
	cursor = (struct map_cursor){ 0 };
	while (map_next(&memory->memory, &cursor, &key, &value))
		box_free(value);
	for (size_t i = 0; i < memory->events.count; i++)
		event_row_free(&memory->events.items[i]);
	vec_free(&memory->events);
	map_free(&memory->executions);
	map_free(&memory->pipelines);
	map_free(&memory->applications);
	map_free(&memory->memory);
	pthread_rwlock_destroy(&memory->lock);
	free(memory);
}

static const struct store_type memory_type = {
	.name = "memory",
	.commit = memory_commit,
	.load_active = memory_load_active,
	.load_execution = memory_load_execution,
	.get_execution = memory_get_execution,
	.print_execution = memory_print_execution,
	.list_executions = memory_list_executions,
	.get_pipeline = memory_get_pipeline,
	.find_pipeline = memory_find_pipeline,
	.list_pipelines = memory_list_pipelines,
	.pipeline_history = memory_pipeline_history,
	.list_applications = memory_list_applications,
	.read_events = memory_read_events,
	.get_memory = memory_get_memory,
	.close = memory_close,
};

struct store *store_memory_open(void)
{
	struct memory_store *memory = xnew(struct memory_store);

	memory->base.type = &memory_type;
	pthread_rwlock_init(&memory->lock, NULL);
	return &memory->base;
}
