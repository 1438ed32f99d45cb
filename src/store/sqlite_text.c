/*
 * An execution as JSON text, put together from the texts of its rows: what is read most often is read without being parsed.
 * Only a document that may hold a Secret is made into a value, to be masked; large values are put in as they lie in their blobs.
 */
#include "base/json.h"
#include "base/limits.h"
#include "model/secrets.h"
#include "store/blob.h"
#include "store/sqlite.h"

/* The row of a large value: the statement that reads them stands at the next one, in the order of the documents. */
struct printer {
	struct db *db;
	struct strbuf *buf;
	sqlite3_stmt *large; /* stage, part, path, value */
	bool has_large;
	bool brief; /* as in lists (execution_brief) */
};

static int next_large(struct printer *printer, struct err *err)
{
	int found = db_step(printer->db, printer->large, err);

	printer->has_large = found > 0;
	return found < 0 ? -1 : 0;
}

/* Where the next large value lies, seen from this document: < 0 before it, 0 in it, > 0 behind it. */
static int64_t large_place(const struct printer *printer, int64_t stage, int part)
{
	if (!printer->has_large)
		return 1;
	int64_t stages = sqlite3_column_int64(printer->large, 0) - stage;
	return stages ? stages : sqlite3_column_int(printer->large, 1) - part;
}

/* The document as a value, whole and masked. */
static int print_value(struct printer *printer, sqlite3_stmt *row, int column, int64_t stage,
	int part, struct err *err)
{
	_cleanup_(val_free) struct val document = VAL_NULL;
	_cleanup_(val_free) struct val masked = VAL_NULL;

	if (db_column_json(printer->db, row, column, &document, err) < 0)
		return -1;
	while (large_place(printer, stage, part) == 0)
		if (blob_put_back(printer->db, printer->large, 2, &document, err) < 0 ||
			next_large(printer, err) < 0)
			return -1;
	masked = secrets_masked(document);
	if (printer->brief && part == BLOB_TRIGGER)
		trigger_brief(&masked);
	json_write(printer->buf, masked, JSON_COMPACT);
	return 0;
}

/* PART < 0: one that has no large values. */
static int print_document(struct printer *printer, sqlite3_stmt *row, int column, int64_t stage,
	int part, struct err *err)
{
	struct str text = db_column(row, column);

	while (large_place(printer, stage, part) < 0) /* of a stage that only the engine sees */
		if (next_large(printer, err) < 0)
			return -1;
	if (large_place(printer, stage, part) == 0 || secrets_possible(text))
		return print_value(printer, row, column, stage, part, err);
	strbuf_add_str(printer->buf, text.length > 0 ? text : STR("{}"));
	return 0;
}

/* Opens the map again that was printed last, for another key. */
static void print_key(struct printer *printer, const char *key)
{
	printer->buf->length--;
	strbuf_printf(printer->buf, ",\"%s\":", key);
}

static int print_trigger(struct printer *printer, sqlite3_stmt *row, struct err *err)
{
	if (printer->brief && str_contains(db_column(row, 1), "\"parentExecution\""))
		return print_value(printer, row, 1, -1, BLOB_TRIGGER, err);
	return print_document(printer, row, 1, -1, BLOB_TRIGGER, err);
}

static int print_head(struct printer *printer, int64_t key, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(printer->db, SQL_READ_EXECUTION, err);
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, key);
	found = db_step(printer->db, read, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_INTERNAL, "the database %s has lost an execution",
			printer->db->path);
	if (print_document(printer, read, 0, -1, -1, err) < 0)
		return -1;
	print_key(printer, "trigger");
	if (print_trigger(printer, read, err) < 0)
		return -1;
	strbuf_add_text(printer->buf, ",\"initialConfig\":");
	return print_document(printer, read, 2, -1, BLOB_CONFIG, err);
}

static int print_stage(struct printer *printer, sqlite3_stmt *row, struct err *err)
{
	int64_t index = sqlite3_column_int64(row, 0);

	if (print_document(printer, row, 1, index, -1, err) < 0)
		return -1;
	print_key(printer, "context");
	if (print_document(printer, row, 2, index, BLOB_CONTEXT, err) < 0)
		return -1;
	strbuf_add_text(printer->buf, ",\"outputs\":");
	if (print_document(printer, row, 3, index, BLOB_OUTPUTS, err) < 0)
		return -1;
	strbuf_add_char(printer->buf, '}');
	return 0;
}

/* Its context is looked at only where it may have what is left of it, and its outputs not at all. */
static int print_stage_brief(struct printer *printer, sqlite3_stmt *row, struct err *err)
{
	_cleanup_(val_free) struct val stage = VAL_NULL, masked = VAL_NULL;
	struct val context = VAL_NULL;

	if (db_column_json(printer->db, row, 1, &stage, err) < 0 ||
		(str_contains(db_column(row, 2), "\"group\"") &&
			db_column_json(printer->db, row, 2, &context, err) < 0))
		return -1;
	val_set(&stage, "context", context);
	stage_brief(&stage);
	masked = secrets_masked(stage);
	json_write(printer->buf, masked, JSON_COMPACT);
	return 0;
}

static int print_stages(struct printer *printer, int64_t key, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *read = db_statement(printer->db, SQL_READ_STAGES, err);
	const char *separator = "";
	int found;

	if (!read)
		return -1;
	sqlite3_bind_int64(read, 1, key);
	sqlite3_bind_int(read, 2, 0);
	while ((found = db_step(printer->db, read, err)) > 0) {
		strbuf_add_text(printer->buf, separator);
		separator = ",";
		if ((printer->brief ? print_stage_brief : print_stage)(printer, read, err) < 0)
			return -1;
	}
	return found;
}

static int print(struct printer *printer, int64_t key, struct err *err)
{
	_cleanup_done_ sqlite3_stmt *large = db_statement(printer->db, SQL_READ_EXECUTION_BLOBS, err);

	if (!large)
		return -1;
	sqlite3_bind_int64(large, 1, key);
	printer->large = large;
	if (next_large(printer, err) < 0 || print_head(printer, key, err) < 0)
		return -1;
	strbuf_add_text(printer->buf, ",\"stages\":[");
	if (print_stages(printer, key, err) < 0)
		return -1;
	strbuf_add_text(printer->buf, "]}");
	return 0;
}

int sqlite_print_execution(struct store *store, const char *id, bool brief, struct strbuf *ret,
	uint64_t *ret_position, struct err *err)
{
	READER(reader, store, err);
	struct printer printer = { .db = reader.db, .buf = ret, .brief = brief };
	int64_t key;

	if (sqlite_find_execution(reader.db, id, &key, err) < 0 ||
		sqlite_position(reader.db, ret_position, err) < 0)
		return -1;
	return print(&printer, key, err);
}
