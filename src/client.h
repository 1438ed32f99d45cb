/*
 * A server's API, for the commands: which server and who we are come from the options and the environment. One thread at a time,
 * but for the feeds (feed.h), which call on threads of their own.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdio.h>

#include "base/cleanup.h"
#include "net/http_client.h"
#include "options.h"

/* For the option tables of commands that talk to a server. */
#define CLIENT_CREDENTIALS                                                                        \
	{ "token", 0, "TOKEN", "Who we are to the server; better in $GENNAKER_TOKEN." },          \
	{                                                                                         \
		"user", 'u', "NAME:PASSWORD", "The same by a password; better in $GENNAKER_USER." \
	}
#define CLIENT_OPTIONS                                                                              \
	{ "server", 's', "URL", "The server; default $GENNAKER_SERVER or http://127.0.0.1:8084." }, \
		CLIENT_CREDENTIALS

/* These variables are ours and no settings. */
#define CLIENT_VARIABLES "GENNAKER_SERVER", "GENNAKER_TOKEN", "GENNAKER_USER"

struct client {
	struct http_transport *http;
	char *url;           /* "http://127.0.0.1:8084", without a slash at the end */
	char *authorization; /* the header's value, NULL = none */
};

/* ERR_INVALID when the server's URL is none, or there are two credentials. */
struct client *client_open(const struct options *options, struct err *err);
void client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free)

/* The headers of every request; owned. */
struct val client_headers(const struct client *client);

/*
 * One call. PATH begins with a slash; BODY VAL_NULL = none. *RET (may be NULL) is the answer's JSON, VAL_NULL when it has none. The
 * message of a refusal becomes the error; its kind is that of the status.
 */
int client_call(struct client *client, const char *method, const char *path, struct val body,
	struct val *ret, struct err *err);
/* The bytes of the answer go to FILE as they come. */
int client_download(
	struct client *client, const char *method, const char *path, FILE *file, struct err *err);

/* FORMAT with each %s percent-encoded as a segment or value of a query: ("/pipelines/%s", id). Owned. */
char *client_path(const char *format, ...);

/* The status to end with: wrong input is EXIT_USAGE, the rest EXIT_FAILED. */
int client_exit_status(const struct err *err);

#endif
