#include "store/blob.h"

#include <openssl/evp.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"

#define HASH_BYTES 32

/* Where blob_write is. */
struct writer {
	struct db *db;
	struct strbuf *buf;
	struct large_list *list;
	struct err *err;
};

void large_free(struct large_list *list)
{
	for (size_t i = 0; i < list->items.count; i++)
		free(list->items.items[i].path);
	vec_free(&list->items);
}

int blob_keep(struct db *db, enum statement find, enum statement insert, struct str text,
	int64_t *ret, struct err *err)
{
	unsigned char hash[HASH_BYTES];
	sqlite3_stmt *put;
	int found;

	if (!EVP_Digest(text.bytes, text.length, hash, NULL, EVP_sha256(), NULL))
		return err_set(err, ERR_INTERNAL, "OpenSSL cannot make a SHA-256");

	_cleanup_done_ sqlite3_stmt *look = db_statement(db, find, err);
	if (!look)
		return -1;
	sqlite3_bind_blob(look, 1, hash, sizeof(hash), SQLITE_STATIC);
	found = db_step(db, look, err);
	if (found < 0)
		return -1;
	if (found) {
		*ret = sqlite3_column_int64(look, 0);
		return 0;
	}
	put = db_statement(db, insert, err);
	if (put) {
		sqlite3_bind_blob(put, 1, hash, sizeof(hash), SQLITE_STATIC);
		db_bind_str(put, 2, text);
	}
	if (db_run(db, put, err) < 0)
		return -1;
	*ret = sqlite3_last_insert_rowid(db->handle);
	return 0;
}

static char *path_text(const struct str *keys, size_t count)
{
	_cleanup_(val_free) struct val path = val_list();

	for (size_t i = 0; i < count; i++)
		val_append(&path, val_str(keys[i]));
	return json_text(path, JSON_COMPACT);
}

static int write_map(
	struct writer *writer, struct val map, struct str *keys, size_t depth, unsigned levels);

/* The value at keys[0 … depth - 1]. */
static int write_value(
	struct writer *writer, struct val value, struct str *keys, size_t depth, unsigned levels)
{
	struct strbuf *buf = writer->buf;
	size_t start = buf->length;
	struct large large;

	if (levels > 0 && val_is_map(value))
		return write_map(writer, value, keys, depth, levels);
	json_write(buf, value, JSON_STORED);
	if (buf->overflowed || buf->length - start <= LIMIT_INLINE_VALUE_BYTES)
		return 0;
	if (blob_keep(writer->db, SQL_FIND_BLOB, SQL_INSERT_BLOB,
		    str_slice(strbuf_str(buf), start, buf->length), &large.blob, writer->err) < 0)
		return -1;
	large.path = path_text(keys, depth);
	vec_push(&writer->list->items, large);
	buf->length = start;
	strbuf_add_text(buf, "null");
	return 0;
}

static int write_map(
	struct writer *writer, struct val map, struct str *keys, size_t depth, unsigned levels)
{
	strbuf_add_char(writer->buf, '{');
	for (size_t i = 0; i < val_count(map); i++) {
		if (i > 0)
			strbuf_add_char(writer->buf, ',');
		json_write_string(writer->buf, val_key_at(map, i));
		strbuf_add_char(writer->buf, ':');
		keys[depth] = val_key_at(map, i);
		if (write_value(writer, val_value_at(map, i), keys, depth + 1, levels - 1) < 0)
			return -1;
	}
	strbuf_add_char(writer->buf, '}');
	return 0;
}

int blob_write(struct db *db, struct val map, unsigned levels, struct strbuf *buf,
	struct large_list *list, struct err *err)
{
	struct writer writer = { .db = db, .buf = buf, .list = list, .err = err };
	struct str keys[4];

	if (write_map(&writer, map, keys, 0, levels) < 0)
		return -1;
	if (buf->overflowed)
		return err_set(err, ERR_TOO_LARGE, "a document of more than %zu bytes", buf->cap);
	return 0;
}

int blob_use(struct db *db, enum blob_kind kind, int64_t owner, int64_t stage, enum blob_part part,
	const struct large_list *list, struct err *err)
{
	for (size_t i = 0; i < list->items.count; i++) {
		sqlite3_stmt *insert = db_statement(db, SQL_INSERT_USE, err);

		if (!insert)
			return -1;
		sqlite3_bind_int64(insert, 1, kind);
		sqlite3_bind_int64(insert, 2, owner);
		sqlite3_bind_int64(insert, 3, stage);
		sqlite3_bind_int64(insert, 4, part);
		db_bind_text(insert, 5, list->items.items[i].path);
		sqlite3_bind_int64(insert, 6, list->items.items[i].blob);
		if (db_run(db, insert, err) < 0)
			return -1;
	}
	return 0;
}

int blob_put_back(struct db *db, sqlite3_stmt *row, int column, struct val *document, struct err *err)
{
	_cleanup_(val_free) struct val path = VAL_NULL;
	_cleanup_(val_free) struct val value = VAL_NULL;
	struct val *place = document;

	if (db_column_json(db, row, column, &path, err) < 0 ||
		db_column_json(db, row, column + 1, &value, err) < 0)
		return -1;
	for (size_t i = 0; place && i < val_count(path); i++) {
		struct val key = val_at(path, i);

		place = val_edit_str(place, val_as_str(&key));
	}
	if (!place)
		return err_set(err, ERR_INTERNAL,
			"the database %s is corrupt: a large value has lost its place", db->path);
	val_replace(place, take(&value));
	return 0;
}
