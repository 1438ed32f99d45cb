#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/str.h"
#include "model/secrets.h"
#include "store/blob.h"
#include "store/sqlite.h"

int sqlite_position(struct db *db, uint64_t *ret, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_POSITION, err);
	int found = read ? db_step(db, read, err) : -1;

	if (found < 0)
		return -1;
	*ret = found ? (uint64_t)sqlite3_column_int64(read, 0) : 0;
	return 0;
}

/* Executions */

int sqlite_find_execution(struct db *db, const char *id, int64_t *ret, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *find = db_statement(db, SQL_FIND_EXECUTION, err);
	int found;

	if (!find)
		return -1;
	db_bind_text(find, 1, id);
	found = db_step(db, find, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "there is no execution %s", id);
	*ret = sqlite3_column_int64(find, 0);
	return 0;
}

struct stage_row {
	int64_t index;
	struct val head, context, outputs, state;
};

/* An execution as it is read; all members owned. */
struct execution_row {
	struct val head, trigger, config;
	VEC(struct stage_row) stages;
};

static void execution_row_free(struct execution_row *row)
{
	val_free(&row->head);
	val_free(&row->trigger);
	val_free(&row->config);
	for (size_t i = 0; i < row->stages.count; i++) {
		val_free(&row->stages.items[i].head);
		val_free(&row->stages.items[i].context);
		val_free(&row->stages.items[i].outputs);
		val_free(&row->stages.items[i].state);
	}
	vec_free(&row->stages);
}

static int read_head(
	struct db *db, int64_t key, bool head_only, struct execution_row *row, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_READ_EXECUTION, err);
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, key);
	found = db_step(db, read, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_INTERNAL, "the database %s has lost an execution", db->path);
	if (db_column_json(db, read, 0, &row->head, err) < 0)
		return -1;
	if (head_only)
		return 0;
	if (db_column_json(db, read, 1, &row->trigger, err) < 0)
		return -1;
	return db_column_json(db, read, 2, &row->config, err);
}

/* FOR_ENGINE: with its state, and the stages that only the engine sees. */
static int read_stages(
	struct db *db, int64_t key, bool for_engine, struct execution_row *row, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_READ_STAGES, err);
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, key);
	sqlite3_bind_int(read, 2, for_engine);
	while ((found = db_step(db, read, err)) > 0) {
		struct stage_row *stage;

		vec_push(&row->stages, (struct stage_row){ .index = sqlite3_column_int64(read, 0) });
		stage = &row->stages.items[row->stages.count - 1];
		if (db_column_json(db, read, 1, &stage->head, err) < 0 ||
			db_column_json(db, read, 2, &stage->context, err) < 0 ||
			db_column_json(db, read, 3, &stage->outputs, err) < 0 ||
			(for_engine && db_column_json(db, read, 4, &stage->state, err) < 0))
			return -1;
	}
	return found;
}

/* Stage INDEX of what was read, or NULL: a list without stages has no use for their blobs. */
static struct stage_row *stage_row_of(struct execution_row *row, int64_t index)
{
	size_t low = 0, high = row->stages.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (row->stages.items[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < row->stages.count && row->stages.items[low].index == index ?
		&row->stages.items[low] :
		NULL;
}

static struct val *document_of(struct execution_row *row, int64_t index, enum blob_part part)
{
	struct stage_row *stage;

	if (index < 0)
		return part == BLOB_TRIGGER ? &row->trigger : &row->config;
	stage = stage_row_of(row, index);
	if (!stage)
		return NULL;
	return part == BLOB_CONTEXT ? &stage->context : &stage->outputs;
}

static int read_blobs(struct db *db, int64_t key, struct execution_row *row, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_READ_EXECUTION_BLOBS, err);
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, key);
	while ((found = db_step(db, read, err)) > 0) {
		struct val *document = document_of(row, sqlite3_column_int64(read, 0),
			(enum blob_part)sqlite3_column_int(read, 1));

		if (document && blob_put_back(db, read, 2, document, err) < 0)
			return -1;
	}
	return found;
}

/* Spinnaker's JSON of what was read. */
static struct val row_to_json(struct execution_row *row, bool with_stages)
{
	struct val json = take(&row->head);
	struct val stages = val_list();

	val_set(&json, "trigger", take(&row->trigger));
	val_set(&json, "initialConfig", take(&row->config));
	for (size_t i = 0; i < row->stages.count; i++) {
		struct val stage = take(&row->stages.items[i].head);
		struct val context = take(&row->stages.items[i].context);
		struct val outputs = take(&row->stages.items[i].outputs);

		val_set(&stage, "context", val_is_null(context) ? val_map() : context);
		val_set(&stage, "outputs", val_is_null(outputs) ? val_map() : outputs);
		val_append(&stages, stage);
	}
	if (with_stages)
		val_set(&json, "stages", stages);
	else
		val_free(&stages);
	return json;
}

static int read_execution(
	struct db *db, int64_t key, bool with_stages, struct val *ret, struct err *err)
{
	_cleanup_(execution_row_free) struct execution_row row = { 0 };

	if (read_head(db, key, false, &row, err) < 0 ||
		(with_stages && read_stages(db, key, false, &row, err) < 0) ||
		read_blobs(db, key, &row, err) < 0)
		return -1;
	*ret = row_to_json(&row, with_stages);
	return 0;
}

/* Of the execution itself, without trigger and initialConfig. */
static int read_head_only(struct db *db, int64_t key, struct val *ret, struct err *err)
{
	_cleanup_(execution_row_free) struct execution_row row = { 0 };

	if (read_head(db, key, true, &row, err) < 0)
		return -1;
	*ret = take(&row.head);
	return 0;
}

static int load_execution(struct db *db, int64_t key, struct execution **ret, struct err *err)
{
	_cleanup_(execution_row_free) struct execution_row row = { 0 };
	_cleanup_(val_free) struct val json = VAL_NULL;

	if (read_head(db, key, false, &row, err) < 0 || read_stages(db, key, true, &row, err) < 0 ||
		read_blobs(db, key, &row, err) < 0)
		return -1;
	for (size_t i = 0; i < row.stages.count; i++)
		if (row.stages.items[i].index != (int64_t)i)
			return err_set(err, ERR_INTERNAL,
				"the database %s has lost stage %zu of an execution", db->path, i);
	json = row_to_json(&row, true);
	if (execution_from_json(json, ret, err) < 0)
		return err_wrap(err, "execution %s", val_get_text(json, "id", "?"));
	for (size_t i = 0; i < row.stages.count; i++)
		stage_set_engine_state(stage_edit(ret, i), row.stages.items[i].state);
	return 0;
}

struct keys {
	VEC(int64_t) list;
};

static void keys_free(struct keys *keys)
{
	vec_free(&keys->list);
}

int sqlite_load_active(struct store *store, void (*found)(void *data, struct execution *owned),
	void *data, struct err *err)
{
	_cleanup_(keys_free) struct keys keys = { 0 };
	READER(reader, store, err);
	_cleanup_done_ sqlite3_stmt *active = db_statement(reader.db, SQL_ACTIVE_EXECUTIONS, err);
	int more;

	if (!active)
		return -1;
	while ((more = db_step(reader.db, active, err)) > 0)
		vec_push(&keys.list, sqlite3_column_int64(active, 0));
	if (more < 0)
		return -1;
	for (size_t i = 0; i < keys.list.count; i++) {
		struct execution *execution = NULL;

		if (load_execution(reader.db, keys.list.items[i], &execution, err) < 0)
			return -1;
		found(data, execution);
	}
	return 0;
}

int sqlite_load_execution(struct store *store, const char *id, struct execution **ret, struct err *err)
{
	READER(reader, store, err);
	int64_t key;

	if (sqlite_find_execution(reader.db, id, &key, err) < 0)
		return -1;
	return load_execution(reader.db, key, ret, err);
}

int sqlite_get_execution(struct store *store, const char *id, struct val *ret,
	uint64_t *ret_position, struct err *err)
{
	_cleanup_(val_free) struct val execution = VAL_NULL;
	READER(reader, store, err);
	uint64_t position;
	int64_t key;

	if (sqlite_find_execution(reader.db, id, &key, err) < 0 ||
		sqlite_position(reader.db, &position, err) < 0 ||
		read_execution(reader.db, key, true, &execution, err) < 0)
		return -1;
	*ret = secrets_masked(execution);
	*ret_position = position;
	return 0;
}

/* Lists of executions: first which, then their rows. */

struct listed {
	int64_t key, build_ms;
	char id[ULID_LENGTH + 1];
};

struct listing {
	VEC(struct listed) rows;
};

static void listing_free(struct listing *listing)
{
	vec_free(&listing->rows);
}

/* " AND column IN (?,?,…)" for as many as are in TEXTS. */
static void add_in(struct strbuf *sql, const char *column, const char *const *texts)
{
	if (!texts)
		return;
	strbuf_printf(sql, " AND %s IN (", column);
	for (size_t i = 0; texts[i]; i++)
		strbuf_add_text(sql, i > 0 ? ",?" : "?");
	strbuf_add_char(sql, ')');
}

static void add_statuses(struct strbuf *sql, unsigned statuses)
{
	const char *separator = " AND status IN (";

	for (int i = 0; i < STATUS_COUNT; i++) {
		if (!(statuses & (1u << i)))
			continue;
		strbuf_printf(sql, "%s'%s'", separator, status_name((enum status)i));
		separator = ",";
	}
	if (statuses)
		strbuf_add_char(sql, ')');
}

static int bind_all(sqlite3_stmt *statement, int parameter, const char *const *texts)
{
	for (; texts && *texts; texts++)
		db_bind_text(statement, parameter++, *texts);
	return parameter;
}

static void statement_finalize(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

/* Appends what FILTER wants, of CONFIGS instead of its own, at most LIMIT. */
static int list(struct db *db, const struct execution_filter *filter, const char *const *configs,
	bool oldest_first, size_t limit, struct listing *listing, struct err *err)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT(1u << 20);
	_cleanup_(statement_finalize) sqlite3_stmt *statement = NULL;
	const char *order = oldest_first ? "ASC" : "DESC";
	int parameter = 1, found;

	strbuf_add_text(&sql, "SELECT key, build_ms, id FROM executions WHERE 1");
	if (filter->application)
		strbuf_add_text(&sql, " AND application = ?");
	add_in(&sql, "config_id", configs);
	add_in(&sql, "id", filter->ids);
	add_statuses(&sql, filter->statuses);
	if (filter->built_from_ms)
		strbuf_add_text(&sql, " AND build_ms >= ?");
	if (filter->built_to_ms)
		strbuf_add_text(&sql, " AND build_ms <= ?");
	if (filter->behind_id)
		strbuf_printf(
			&sql, " AND (build_ms, id) %s (?, ?)", filter->oldest_first ? ">" : "<");
	strbuf_printf(&sql, " ORDER BY build_ms %s, id %s LIMIT ?", order, order);
	if (sqlite3_prepare_v2(db->handle, sql.bytes, (int)sql.length, &statement, NULL) != SQLITE_OK)
		return db_error(db, err);
	if (filter->application)
		db_bind_text(statement, parameter++, filter->application);
	parameter = bind_all(statement, parameter, configs);
	parameter = bind_all(statement, parameter, filter->ids);
	if (filter->built_from_ms)
		sqlite3_bind_int64(statement, parameter++, filter->built_from_ms);
	if (filter->built_to_ms)
		sqlite3_bind_int64(statement, parameter++, filter->built_to_ms);
	if (filter->behind_id) {
		sqlite3_bind_int64(statement, parameter++, filter->behind_ms);
		db_bind_text(statement, parameter++, filter->behind_id);
	}
	sqlite3_bind_int64(statement, parameter, (int64_t)limit);
	while ((found = db_step(db, statement, err)) > 0) {
		struct listed row = {
			.key = sqlite3_column_int64(statement, 0),
			.build_ms = sqlite3_column_int64(statement, 1),
		};
		struct str id = db_column(statement, 2);

		memcpy(row.id, id.bytes, id.length < ULID_LENGTH ? id.length : ULID_LENGTH);
		vec_push(&listing->rows, row);
	}
	return found;
}

static int oldest_first(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->build_ms != y->build_ms)
		return x->build_ms < y->build_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int newest_first(const void *a, const void *b)
{
	return oldest_first(b, a);
}

struct texts {
	VEC(char *) list;
};

static void texts_free(struct texts *texts)
{
	for (size_t i = 0; i < texts->list.count; i++)
		free(texts->list.items[i]);
	vec_free(&texts->list);
}

static int read_configs(struct db *db, struct texts *configs, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_LIST_CONFIGS, err);
	int found = -1;

	while (read && (found = db_step(db, read, err)) > 0)
		vec_push(&configs->list, xstrdup(db_column(read, 0).bytes));
	return found;
}

/* Of each config the newest LIMIT, each by its own index range. */
static int list_per_config(struct db *db, const struct execution_filter *filter, size_t limit,
	struct listing *listing, struct err *err)
{
	_cleanup_(texts_free) struct texts all = { 0 };
	const char *const *configs = filter->config_ids;

	if (!configs) {
		if (read_configs(db, &all, err) < 0)
			return -1;
		vec_push(&all.list, NULL);
		configs = (const char *const *)all.list.items;
	}
	for (; *configs; configs++) {
		const char *const one[] = { *configs, NULL };

		if (list(db, filter, one, false, limit, listing, err) < 0)
			return -1;
	}
	if (listing->rows.count > 1)
		qsort(listing->rows.items, listing->rows.count, sizeof(struct listed),
			filter->oldest_first ? oldest_first : newest_first);
	if (listing->rows.count > LIMIT_LIST_ROWS)
		listing->rows.count = LIMIT_LIST_ROWS;
	return 0;
}

int sqlite_list_executions(struct store *store, const struct execution_filter *filter,
	struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	size_t limit = filter->limit && filter->limit < LIMIT_LIST_ROWS ? filter->limit :
									  LIMIT_LIST_ROWS;
	_cleanup_(listing_free) struct listing listing = { 0 };
	_cleanup_(val_free) struct val executions = val_list();
	uint64_t position;
	int result;
	READER(reader, store, err);

	if (filter->per_config)
		result = list_per_config(reader.db, filter, limit, &listing, err);
	else
		result = list(reader.db, filter, filter->config_ids, filter->oldest_first, limit,
			&listing, err);
	if (result < 0 || sqlite_position(reader.db, &position, err) < 0)
		return -1;
	for (size_t i = 0; i < listing.rows.count; i++) {
		_cleanup_(val_free) struct val execution = VAL_NULL;
		int64_t key = listing.rows.items[i].key;

		if (filter->heads_only)
			result = read_head_only(reader.db, key, &execution, err);
		else
			result = read_execution(
				reader.db, key, !filter->without_stages, &execution, err);
		if (result < 0)
			return -1;
		val_append(&executions, secrets_masked(execution));
	}
	*ret_list = take(&executions);
	*ret_position = position;
	return 0;
}

/* Documents */

/* The document of the one row; NOTHING is told when there is none. The bindings must live as long as the call. */
static int read_one(
	struct db *db, sqlite3_stmt *bound, struct val *ret, int *ret_found, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = bound;

	*ret_found = db_step(db, read, err);
	if (*ret_found <= 0)
		return *ret_found;
	return db_column_json(db, read, 0, ret, err);
}

static int read_all(struct db *db, sqlite3_stmt *bound, struct val *ret_list, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = bound;
	_cleanup_(val_free) struct val documents = val_list();
	int found;

	while ((found = db_step(db, read, err)) > 0) {
		struct val document;

		if (db_column_json(db, read, 0, &document, err) < 0)
			return -1;
		val_append(&documents, document);
	}
	if (found < 0)
		return -1;
	*ret_list = take(&documents);
	return 0;
}

int sqlite_get_pipeline(struct store *store, const char *id, struct val *ret, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(reader.db, SQL_READ_PIPELINE, err);
	int found;

	if (!read)
		return -1;
	db_bind_text(read, 1, id);
	if (read_one(reader.db, read, ret, &found, err) < 0)
		return -1;
	return found ? 0 : err_set(err, ERR_NOT_FOUND, "there is no pipeline with the id %s", id);
}

int sqlite_find_pipeline(struct store *store, const char *application, const char *name,
	struct val *ret, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(reader.db, SQL_FIND_PIPELINE, err);
	int found;

	if (!read)
		return -1;
	db_bind_text(read, 1, application);
	db_bind_text(read, 2, name);
	if (read_one(reader.db, read, ret, &found, err) < 0)
		return -1;
	return found ?
		0 :
		err_set(err, ERR_NOT_FOUND, "application %s has no pipeline %s", application, name);
}

int sqlite_list_pipelines(
	struct store *store, const char *application, struct val *ret_list, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(
		reader.db, application ? SQL_LIST_APPLICATION_PIPELINES : SQL_LIST_PIPELINES, err);

	if (!read)
		return -1;
	if (application)
		db_bind_text(read, 1, application);
	return read_all(reader.db, read, ret_list, err);
}

int sqlite_pipeline_history(
	struct store *store, const char *id, size_t limit, struct val *ret_list, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(reader.db, SQL_READ_HISTORY, err);

	if (!read)
		return -1;
	db_bind_text(read, 1, id);
	sqlite3_bind_int64(read, 2, limit ? (int64_t)limit : LIMIT_PIPELINE_HISTORY);
	return read_all(reader.db, read, ret_list, err);
}

int sqlite_list_applications(struct store *store, struct val *ret_list, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(reader.db, SQL_LIST_APPLICATIONS, err);

	if (!read)
		return -1;
	return read_all(reader.db, read, ret_list, err);
}

int sqlite_get_memory(struct store *store, const char *key, struct val *ret, struct err *err)
{
	READER(reader, store, err);
	sqlite3_stmt *read = db_statement(reader.db, SQL_READ_MEMORY, err);
	struct val value = VAL_NULL;
	int found;

	if (!read)
		return -1;
	db_bind_text(read, 1, key);
	if (read_one(reader.db, read, &value, &found, err) < 0)
		return -1;
	*ret = value;
	return 0;
}

/* Events */

static int read_event_blobs(struct db *db, int64_t seq, struct val *event, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(db, SQL_READ_EVENT_BLOBS, err);
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, seq);
	while ((found = db_step(db, read, err)) > 0)
		if (blob_put_back(db, read, 0, event, err) < 0)
			return -1;
	return found;
}

/* Those events of the row that come after AFTER, up to LIMIT in the list. The row's position is that of its last event. */
static int add_events(struct db *db, sqlite3_stmt *row, uint64_t after, size_t limit,
	struct val *events, struct err *err)
{
	_cleanup_(val_free) struct val value = VAL_NULL;
	int64_t seq = sqlite3_column_int64(row, 0);

	if (db_column_json(db, row, 1, &value, err) < 0)
		return -1;
	if (sqlite3_column_int(row, 2) && /* then it is the only one */
		read_event_blobs(db, seq, val_edit_at(&value, 0), err) < 0)
		return -1;
	seq -= (int64_t)val_count(value);
	for (size_t i = 0; i < val_count(value) && val_count(*events) < limit; i++) {
		struct val event = val_ref(val_at(value, i));

		seq++;
		if ((uint64_t)seq <= after) {
			val_free(&event);
			continue;
		}
		val_set(&event, "seq", val_int(seq));
		val_append(events, event);
	}
	return 0;
}

int sqlite_read_events(struct store *store, const char *execution_id, uint64_t after, size_t limit,
	struct val *ret_list, uint64_t *ret_position, struct err *err)
{
	_cleanup_(val_free) struct val events = val_list();
	READER(reader, store, err);
	_cleanup_done_ sqlite3_stmt *read = db_statement(
		reader.db, execution_id ? SQL_READ_EXECUTION_EVENTS : SQL_READ_EVENTS, err);
	uint64_t position;
	int found = 0;

	if (!read)
		return -1;
	if (limit == 0 || limit > LIMIT_LIST_ROWS)
		limit = LIMIT_LIST_ROWS;
	sqlite3_bind_int64(read, 1, (int64_t)after);
	sqlite3_bind_int64(read, 2, (int64_t)limit);
	if (execution_id)
		db_bind_text(read, 3, execution_id);
	while (val_count(events) < limit && (found = db_step(reader.db, read, err)) > 0)
		if (add_events(reader.db, read, after, limit, &events, err) < 0)
			return -1;
	if (found < 0 || sqlite_position(reader.db, &position, err) < 0)
		return -1;
	*ret_list = take(&events);
	*ret_position = position;
	return 0;
}
