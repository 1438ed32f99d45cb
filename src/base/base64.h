/*
 * Base 64 (RFC 4648) of bytes. Pure, any thread.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/str.h"

/* Base64 to bytes, blanks ignored; NULL when it is none. Owned, terminated. */
char *base64_decode(struct str text, size_t *ret_length);
char *base64_encode(struct str bytes);

#endif
