/*
 * One parser of URLs for the whole program, libcurl's, so that what is checked is what is called.
 * Pure; any thread.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"

struct url {
	CURLU *handle; /* owned; for CURLOPT_CURLU */
	char *scheme;  /* lower case */
	/* lower case, numeric spellings normalised, without brackets and without a trailing dot */
	char *host;
	char *path;    /* starts with '/', dot segments removed; without the query */
	int port;      /* written or by scheme */
	bool ipv6;     /* the host stood in brackets */
	bool zone;     /* … with a zone id */
	bool userinfo; /* a user or a password was there */
};
#define _cleanup_url_ _cleanup_(url_free)

/* Parses an absolute http or https URL of at most LIMIT_URL_BYTES; ERR_INVALID names no part of
 * it but the host. */
int url_parse(const char *text, struct url *ret, struct err *err);
/* What LOCATION means on the page BASE. */
int url_resolve(const struct url *base, const char *location, struct url *ret, struct err *err);
void url_free(struct url *url);

/* The whole URL without user, password and fragment; owned. */
char *url_text(const struct url *url);
/* "https://host:port"; owned. */
char *url_origin_of(const struct url *url);
bool url_same_origin(const struct url *a, const struct url *b);

#endif
