#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "store/blob.h"
#include "store/sqlite.h"

/* Executions remembered; beyond, all are forgotten, which costs a look-up and one writing of their trigger each. */
#define WRITTEN_MAX 100000
#define CONFIGS_MAX 1000

/* Most documents are not larger. */
#define USUAL_BYTES 1000

/* A document as JSON and the large values that were taken out of it. */
struct document {
	struct strbuf text;
	struct large_list large;
};

static void document_free(struct document *document)
{
	strbuf_free(&document->text);
	large_free(&document->large);
}
#define _cleanup_document_ _cleanup_(document_free)
#define DOCUMENT_INIT                                   \
	(struct document)                               \
	{                                               \
		.text = STRBUF_INIT(LIMIT_STORED_BYTES) \
	}

static int check_size(const struct document *document, struct err *err)
{
	if (document->text.overflowed)
		return err_set(
			err, ERR_TOO_LARGE, "a document of more than %u bytes", LIMIT_STORED_BYTES);
	return 0;
}

static int write_whole(struct document *document, struct val value, struct err *err)
{
	strbuf_reserve(&document->text, USUAL_BYTES);
	json_write(&document->text, value, JSON_STORED);
	return check_size(document, err);
}

static int write_part(struct db *db, struct document *document, struct val map, struct err *err)
{
	strbuf_reserve(&document->text, USUAL_BYTES);
	return blob_write(db, map, 1, &document->text, &document->large, err);
}

static void bind_document(sqlite3_stmt *statement, int parameter, const struct document *document)
{
	if (document->text.length > 0)
		db_bind_str(statement, parameter, strbuf_str(&document->text));
}

static int forget_uses(struct db *db, int64_t key, int64_t stage, enum blob_part part, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, SQL_DELETE_USES, err);

	if (statement) {
		sqlite3_bind_int64(statement, 1, key);
		sqlite3_bind_int64(statement, 2, stage);
		sqlite3_bind_int64(statement, 3, part);
	}
	return db_run(db, statement, err);
}

/* The document's large values take the place of those it had. */
static int use_document(struct db *db, struct written *written, int64_t stage, enum blob_part part,
	const struct document *document, struct err *err)
{
	written->has_uses |= document->large.items.count > 0;
	if (document->text.length == 0 || !written->has_uses)
		return 0;
	if (forget_uses(db, written->key, stage, part, err) < 0)
		return -1;
	return blob_use(db, BLOB_OF_EXECUTION, written->key, stage, part, &document->large, err);
}

/* What is remembered */

static void written_free(struct written *written)
{
	if (!written)
		return;
	val_free(&written->trigger);
	val_free(&written->config);
	free(written);
}

static void forget_configs(struct sqlite_store *store)
{
	struct map_cursor cursor = { 0 };
	struct str id;
	void *kept;

	while (map_next(&store->configs, &cursor, &id, &kept)) {
		val_free(&((struct kept_config *)kept)->value);
		free(kept);
	}
	map_free(&store->configs);
}

void sqlite_forget_written(struct sqlite_store *store)
{
	struct map_cursor cursor = { 0 };
	struct str id;
	void *written;

	while (map_next(&store->written, &cursor, &id, &written))
		written_free(written);
	map_free(&store->written);
	forget_configs(store);
}

static struct written *remember(struct sqlite_store *store, const char *id, int64_t key)
{
	struct written *written = xnew(struct written);

	if (store->written.count >= WRITTEN_MAX)
		sqlite_forget_written(store);
	written->key = key;
	map_put(&store->written, str_of(id), written);
	return written;
}

/* *RET is NULL when there is no such execution. */
static int find_written(
	struct sqlite_store *store, const char *id, struct written **ret, struct err *err)
{
	int found;

	*ret = map_get(&store->written, str_of(id));
	if (*ret)
		return 0;

	_cleanup_done_ sqlite3_stmt *find = db_statement(store->writer, SQL_FIND_EXECUTION, err);
	if (!find)
		return -1;
	db_bind_text(find, 1, id);
	found = db_step(store->writer, find, err);
	if (found > 0) {
		*ret = remember(store, id, sqlite3_column_int64(find, 0));
		(*ret)->has_uses = true;
	}
	return found < 0 ? -1 : 0;
}

/* Executions */

/* The row of the configuration, which runs share. */
static int keep_config(struct sqlite_store *store, const struct execution *execution, int64_t *ret,
	struct err *err)
{
	_cleanup_document_ struct document document = DOCUMENT_INIT;
	struct str id = str_of(execution->config_id ? execution->config_id : "");
	struct kept_config *kept = map_get(&store->configs, id);

	if (kept && val_same(kept->value, execution->config)) {
		*ret = kept->key;
		return 0;
	}
	if (write_whole(&document, execution->config, err) < 0 ||
		blob_keep(store->writer, SQL_FIND_CONFIG, SQL_INSERT_CONFIG,
			strbuf_str(&document.text), ret, err) < 0)
		return -1;
	if (!kept) {
		if (store->configs.count >= CONFIGS_MAX)
			forget_configs(store);
		kept = xnew(struct kept_config);
		map_put(&store->configs, id, kept);
	}
	val_replace(&kept->value, val_ref(execution->config));
	kept->key = *ret;
	return 0;
}

static int insert_execution(struct sqlite_store *store, const struct execution *execution,
	const struct document *head, const struct document *trigger, int64_t config, struct err *err)
{
	sqlite3_stmt *insert = db_statement(store->writer, SQL_INSERT_EXECUTION, err);

	if (!insert)
		return -1;
	db_bind_text(insert, 1, execution->id);
	db_bind_text(insert, 2, execution->application);
	db_bind_text(insert, 3, execution->config_id);
	sqlite3_bind_int64(insert, 4, execution->build_ms);
	db_bind_text(insert, 5, status_name(execution->status));
	sqlite3_bind_int(insert, 6, status_is_complete(execution->status));
	bind_document(insert, 7, head);
	bind_document(insert, 8, trigger);
	sqlite3_bind_int64(insert, 9, config);
	return db_run(store->writer, insert, err);
}

static int update_execution(struct sqlite_store *store, int64_t key,
	const struct execution *execution, const struct document *head,
	const struct document *trigger, struct err *err)
{
	sqlite3_stmt *update = db_statement(store->writer, SQL_UPDATE_EXECUTION, err);

	if (!update)
		return -1;
	sqlite3_bind_int64(update, 1, key);
	db_bind_text(update, 2, status_name(execution->status));
	sqlite3_bind_int(update, 3, status_is_complete(execution->status));
	bind_document(update, 4, head);
	bind_document(update, 5, trigger);
	return db_run(store->writer, update, err);
}

/* One from before may have its own, with large values. */
static int set_config(struct db *db, const struct written *written, int64_t config, struct err *err)
{
	sqlite3_stmt *set = db_statement(db, SQL_SET_CONFIG, err);

	if (set) {
		sqlite3_bind_int64(set, 1, written->key);
		sqlite3_bind_int64(set, 2, config);
	}
	if (db_run(db, set, err) < 0)
		return -1;
	return written->has_uses ? forget_uses(db, written->key, -1, BLOB_CONFIG, err) : 0;
}

static bool is_written(const struct val *written, struct val now)
{
	return written && val_is_map(*written) && val_same(*written, now);
}

/* Trigger and config hardly ever change: they are written when they are not the very values that were written last. */
static int put_execution(
	struct sqlite_store *store, const struct execution *execution, struct err *err)
{
	_cleanup_document_ struct document head = DOCUMENT_INIT, trigger = DOCUMENT_INIT;
	struct db *db = store->writer;
	struct written *written;
	int64_t config = 0; /* none to be written */
	int result;

	strbuf_reserve(&head.text, USUAL_BYTES);
	execution_print_head(execution, &head.text);
	if (find_written(store, execution->id, &written, err) < 0 || check_size(&head, err) < 0)
		return -1;
	if (!is_written(written ? &written->trigger : NULL, execution->trigger) &&
		write_part(db, &trigger, execution->trigger, err) < 0)
		return -1;
	if (!is_written(written ? &written->config : NULL, execution->config) &&
		keep_config(store, execution, &config, err) < 0)
		return -1;
	if (written)
		result = update_execution(store, written->key, execution, &head, &trigger, err);
	else
		result = insert_execution(store, execution, &head, &trigger, config, err);
	if (result == 0 && written && config) {
		result = set_config(db, written, config, err);
		forget_configs(store); /* the one before may be gone */
	}
	if (result < 0)
		return -1;
	if (!written)
		written = remember(store, execution->id, sqlite3_last_insert_rowid(db->handle));
	val_replace(&written->trigger, val_ref(execution->trigger));
	val_replace(&written->config, val_ref(execution->config));
	return use_document(db, written, -1, BLOB_TRIGGER, &trigger, err);
}

static int put_stage(struct sqlite_store *store, const struct store_op *op, struct err *err)
{
	_cleanup_document_ struct document head = DOCUMENT_INIT, state = DOCUMENT_INIT;
	_cleanup_document_ struct document context = DOCUMENT_INIT, outputs = DOCUMENT_INIT;
	const struct stage *stage = stage_at(op->execution, op->index);
	struct db *db = store->writer;
	struct written *written;
	sqlite3_stmt *put;

	if (find_written(store, op->execution->id, &written, err) < 0)
		return -1;
	if (!written)
		return err_set(err, ERR_INTERNAL, "a stage of execution %s, which is not stored",
			op->execution->id);
	if (op->parts & STAGE_PART_HEAD) {
		strbuf_reserve(&head.text, USUAL_BYTES);
		stage_print_head(op->execution, stage, &head.text);
		stage_print_engine_state(stage, &state.text);
		if (check_size(&head, err) < 0 || check_size(&state, err) < 0)
			return -1;
	}
	if ((op->parts & STAGE_PART_CONTEXT) && write_part(db, &context, stage->context, err) < 0)
		return -1;
	if ((op->parts & STAGE_PART_OUTPUTS) && write_part(db, &outputs, stage->outputs, err) < 0)
		return -1;
	put = db_statement(db, SQL_PUT_STAGE, err);
	if (put) {
		sqlite3_bind_int64(put, 1, written->key * STORE_MAX_STAGES + (int64_t)op->index);
		bind_document(put, 2, &head);
		bind_document(put, 3, &state);
		bind_document(put, 4, &context);
		bind_document(put, 5, &outputs);
		if (op->parts & STAGE_PART_HEAD)
			sqlite3_bind_int(put, 6, stage->removed);
	}
	if (db_run(db, put, err) < 0)
		return -1;
	if (use_document(db, written, (int64_t)op->index, BLOB_CONTEXT, &context, err) < 0)
		return -1;
	return use_document(db, written, (int64_t)op->index, BLOB_OUTPUTS, &outputs, err);
}

static int run_with_key(struct db *db, enum statement number, int64_t key, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, number, err);

	if (statement)
		sqlite3_bind_int64(statement, 1, key);
	return db_run(db, statement, err);
}

static int run_with_text(struct db *db, enum statement number, const char *text, struct err *err)
{
	sqlite3_stmt *statement = db_statement(db, number, err);

	if (statement)
		db_bind_text(statement, 1, text);
	return db_run(db, statement, err);
}

static int delete_execution(struct sqlite_store *store, const char *id, struct err *err)
{
	static const enum statement steps[] = { SQL_DELETE_EVENT_USES, SQL_DELETE_EVENTS,
		SQL_DELETE_EXECUTION_USES, SQL_DELETE_STAGES, SQL_DELETE_EXECUTION };
	struct written *written;

	if (find_written(store, id, &written, err) < 0)
		return -1;
	for (size_t i = 0; written && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (run_with_key(store->writer, steps[i], written->key, err) < 0)
			return -1;
	written_free(map_remove(&store->written, str_of(id)));
	forget_configs(store); /* some may have gone with it */
	return 0;
}

/* Events */

static int insert_events(struct sqlite_store *store, const struct store_op *op, struct str text,
	const struct large_list *large, uint64_t *position, struct err *err)
{
	struct written *written = NULL;
	sqlite3_stmt *insert;

	if (op->key && find_written(store, op->key, &written, err) < 0)
		return -1;
	*position += op->count;
	insert = db_statement(store->writer, SQL_INSERT_EVENTS, err);
	if (insert) {
		sqlite3_bind_int64(insert, 1, (int64_t)*position);
		if (written)
			sqlite3_bind_int64(insert, 2, written->key);
		db_bind_str(insert, 3, text);
		sqlite3_bind_int(insert, 4, large->items.count > 0);
	}
	if (db_run(store->writer, insert, err) < 0)
		return -1;
	return blob_use(store->writer, BLOB_OF_EVENT, (int64_t)*position, 0, BLOB_EVENT, large, err);
}

/* A row. One with a large value holds that event alone. */
static int put_events(
	struct sqlite_store *store, const struct store_op *op, uint64_t *position, struct err *err)
{
	_cleanup_document_ struct document event = DOCUMENT_INIT;

	if (op->text.length > 0)
		return insert_events(store, op, strbuf_str(&op->text), &event.large, position, err);
	strbuf_add_char(&event.text, '[');
	/* Two levels: an event names what changed ("context") and holds the changed keys below. */
	if (blob_write(store->writer, op->value, 2, &event.text, &event.large, err) < 0)
		return -1;
	strbuf_add_char(&event.text, ']');
	return insert_events(store, op, strbuf_str(&event.text), &event.large, position, err);
}

/* The rest */

static int keep_history(struct db *db, const char *id, struct err *err)
{
	sqlite3_stmt *trim;

	if (run_with_text(db, SQL_KEEP_HISTORY, id, err) < 0)
		return -1;
	trim = db_statement(db, SQL_TRIM_HISTORY, err);
	if (trim) {
		db_bind_text(trim, 1, id);
		sqlite3_bind_int64(trim, 2, LIMIT_PIPELINE_HISTORY);
	}
	return db_run(db, trim, err);
}

static int put_pipeline(struct sqlite_store *store, struct val value, struct err *err)
{
	_cleanup_document_ struct document document = DOCUMENT_INIT;
	const char *id = val_get_text(value, "id", "");
	sqlite3_stmt *put;

	if (keep_history(store->writer, id, err) < 0 || write_whole(&document, value, err) < 0)
		return -1;
	put = db_statement(store->writer, SQL_PUT_PIPELINE, err);
	if (put) {
		db_bind_text(put, 1, id);
		db_bind_text(put, 2, val_get_text(value, "application", ""));
		db_bind_text(put, 3, val_get_text(value, "name", ""));
		bind_document(put, 4, &document);
	}
	return db_run(store->writer, put, err);
}

static int delete_pipeline(struct sqlite_store *store, const char *id, struct err *err)
{
	if (keep_history(store->writer, id, err) < 0)
		return -1;
	return run_with_text(store->writer, SQL_DELETE_PIPELINE, id, err);
}

/* A name and a document. */
static int put_named(struct sqlite_store *store, enum statement number, const char *name,
	struct val value, struct err *err)
{
	_cleanup_document_ struct document document = DOCUMENT_INIT;
	sqlite3_stmt *put;

	if (write_whole(&document, value, err) < 0)
		return -1;
	put = db_statement(store->writer, number, err);
	if (put) {
		db_bind_text(put, 1, name);
		bind_document(put, 2, &document);
	}
	return db_run(store->writer, put, err);
}

static int write_op(struct sqlite_store *store, const struct store_op *op, struct err *err)
{
	if (store_op_check(op, err) < 0)
		return -1;
	switch (op->kind) {
	case STORE_PUT_EXECUTION:
		return put_execution(store, op->execution, err);
	case STORE_PUT_STAGE:
		return put_stage(store, op, err);
	case STORE_DELETE_EXECUTION:
		return delete_execution(store, op->key, err);
	case STORE_PUT_PIPELINE:
		return put_pipeline(store, op->value, err);
	case STORE_DELETE_PIPELINE:
		return delete_pipeline(store, op->key, err);
	case STORE_PUT_APPLICATION:
		return put_named(store, SQL_PUT_APPLICATION, val_get_text(op->value, "name", ""),
			op->value, err);
	case STORE_EVENTS:
		return 0; /* write_batch */
	case STORE_PUT_MEMORY:
		if (val_is_null(op->value))
			return run_with_text(store->writer, SQL_DELETE_MEMORY, op->key, err);
		return put_named(store, SQL_PUT_MEMORY, op->key, op->value, err);
	}
	return 0;
}

/* Events last: what they belong to is there then. */
static int write_batch(struct sqlite_store *store, const struct store_batch *batch,
	uint64_t *position, struct err *err)
{
	if (db_do(store->writer, SQL_BEGIN_WRITE, err) < 0)
		return -1;
	for (size_t i = 0; i < batch->ops.count; i++)
		if (write_op(store, &batch->ops.items[i], err) < 0)
			return -1;
	for (size_t i = 0; i < batch->ops.count; i++)
		if (batch->ops.items[i].kind == STORE_EVENTS &&
			put_events(store, &batch->ops.items[i], position, err) < 0)
			return -1;
	if (db_do(store->writer, SQL_SWEEP_BLOBS, err) < 0)
		return -1;
	int64_t begin_us = clock_stopwatch_us();
	int result = db_do(store->writer, SQL_COMMIT, err);

	timing_add(&store->sync_time, clock_stopwatch_us() - begin_us);
	return result;
}

/* As if the batch had never been there. What went wrong before is the error to tell, not that of the rollback. */
static void roll_back(struct sqlite_store *store)
{
	_cleanup_err_ struct err ignored = ERR_INIT;

	if (!sqlite3_get_autocommit(store->writer->handle))
		db_do(store->writer, SQL_ROLLBACK, &ignored);
	sqlite_forget_written(store);
}

/* Those that are complete will hardly be written again. */
static void forget_completed(struct sqlite_store *store, const struct store_batch *batch)
{
	for (size_t i = 0; i < batch->ops.count; i++) {
		const struct store_op *op = &batch->ops.items[i];

		if (op->kind == STORE_PUT_EXECUTION && status_is_complete(op->execution->status))
			written_free(map_remove(&store->written, str_of(op->execution->id)));
	}
}

/*
 * SQLite begins its log anew where a commit finds all of it copied, and one that copies while others commit never gets there: the last
 * few pages are copied between two commits. So is a log that has become far too long.
 */
static void help_checkpoint(struct sqlite_store *store)
{
	if (atomic_exchange(&store->catch_up, false) || store->wal_pages > LIMIT_WAL_PAGES)
		sqlite3_wal_checkpoint_v2(
			store->writer->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int sqlite_commit(struct store *base, const struct store_batch *batch, uint64_t *ret_position,
	struct err *err)
{
	struct sqlite_store *store = sqlite_of(base);
	int64_t begin_us = clock_stopwatch_us();
	uint64_t position;
	int result = 0;

	pthread_mutex_lock(&store->write_mutex);
	help_checkpoint(store);
	position = store->position;
	if (atomic_load(&store->corrupt)) {
		result = err_set(err, ERR_INTERNAL,
			"the database %s is corrupt; nothing is written to it", store->path);
	} else if (batch->ops.count > 0) {
		result = write_batch(store, batch, &position, err);
		if (result < 0)
			roll_back(store);
		else
			forget_completed(store, batch);
	}
	if (result == 0) {
		*ret_position = store->position = position;
		timing_add(&store->commit_time, clock_stopwatch_us() - begin_us);
	}
	pthread_mutex_unlock(&store->write_mutex);
	return result;
}
