/*
 * Whole files. Errors name the path and the reason ("cannot read pipeline.json: No such file or directory").
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Reads PATH ("-" is standard input) of at most MAX bytes. On success *RET is set to a new buffer that the caller
 * frees. A larger file is ERR_TOO_LARGE, a missing one ERR_NOT_FOUND, a forbidden one ERR_DENIED.
 */
int file_read(const char *path, size_t max, struct strbuf *ret, struct err *err);

#endif
