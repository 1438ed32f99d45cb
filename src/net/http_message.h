/*
 * Names and values of HTTP messages. Pure; any thread.
 */
#ifndef NET_HTTP_MESSAGE_H
#define NET_HTTP_MESSAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "base/val.h"

/* A token of RFC 9110 5.6.2: methods and header names. */
bool http_is_token(struct str text);
/* No control characters but the tab. */
bool http_is_field_value(struct str text);
/* Appends a header to a map lower-case name → string or list of strings. Bytes that are no UTF-8
 * are taken for Latin-1. */
void http_headers_add(struct val *headers, struct str name, struct str value);

/* The headers of a request of ours: tokens, no line ends, none of those that frame a message or
 * name its host. */
int http_check_request_headers(struct val headers, struct err *err);
/* May go along to another origin: all others may carry credentials. */
bool http_is_harmless_header(struct str name);
/* Belongs to a body: dropped when a redirect turns the request into a GET. */
bool http_is_body_header(struct str name);

#endif
