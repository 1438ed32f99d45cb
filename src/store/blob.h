/*
 * Large values of a document: stored once, by their content (SHA-256), with a count of the rows of `uses` that name them.
 * The rows' triggers count; blobs that nobody uses any more are swept at the end of the batch. All of it is part of the
 * batch's transaction, so the counts are right after any crash.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "base/vec.h"
#include "store/db.h"

enum blob_kind { BLOB_OF_EXECUTION, BLOB_OF_EVENT };
/* Which document of an execution (stage -1) or a stage. */
enum blob_part { BLOB_TRIGGER, BLOB_CONFIG, BLOB_CONTEXT, BLOB_OUTPUTS, BLOB_EVENT };

/* What was taken out of a document: where it belongs, and its blob. */
struct large {
	char *path; /* JSON: a list of keys */
	int64_t blob;
};
struct large_list {
	VEC(struct large) items;
};
void large_free(struct large_list *list);

/* The key of the row that holds TEXT: FIND looks for it by its hash, INSERT makes it if there is none. */
int blob_keep(struct db *db, enum statement find, enum statement insert, struct str text,
	int64_t *ret, struct err *err);
/*
 * Appends MAP as JSON to BUF. Values over LIMIT_INLINE_VALUE_BYTES in its first LEVELS levels become null there, blobs in
 * the database and entries of LIST.
 */
int blob_write(struct db *db, struct val map, unsigned levels, struct strbuf *buf,
	struct large_list *list, struct err *err);
/* Says that the document of OWNER has the blobs of LIST. */
int blob_use(struct db *db, enum blob_kind kind, int64_t owner, int64_t stage, enum blob_part part,
	const struct large_list *list, struct err *err);
/* Puts the value (JSON) in COLUMN + 1 back into *DOCUMENT, at the path in COLUMN. */
int blob_put_back(
	struct db *db, sqlite3_stmt *row, int column, struct val *document, struct err *err);

#endif
