/* A path and, after a NUL, a document: both readers of a path agree, and what it leads to is JSON again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	if (!end)
		return 0;
	struct str path = { (const char *)data, (size_t)(end - data) };
	struct str text = { (const char *)end + 1, size - path.length - 1 };
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_err_ struct err wrong = ERR_INIT;
	_cleanup_(val_free) struct val root = VAL_NULL;
	_cleanup_(val_free) struct val found = VAL_NULL;
	if (!str_is_utf8(path) || json_parse(text, NULL, NULL, &root, &err) < 0)
		return 0;
	int result = json_path_read(path, root, &found, &err);
	bool can_be_written = json_path_check(path, &wrong) == 0;
	if (can_be_written != (result == 0 || err.kind != ERR_INVALID))
		abort();
	if (result < 0 && (!val_is_null(found) || !str_is_utf8(str_of(err_text(&err)))))
		abort();
	free(json_text(found, JSON_COMPACT));
	return 0;
}
