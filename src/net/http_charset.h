/*
 * Texts of HTTP messages that are not UTF-8. Pure; any thread.
 */
#ifndef NET_HTTP_CHARSET_H
#define NET_HTTP_CHARSET_H

#include <stdbool.h>

#include "base/str.h"

/*
 * Appends BODY as UTF-8, by the charset that CONTENT_TYPE names; bytes that mean nothing there become U+FFFD. False, and
 * nothing is appended: no charset is named, it is UTF-8 or a part of it, or nobody knows it.
 */
bool http_decode(const char *content_type, struct str body, struct strbuf *ret);

#endif
