/*
 * The HTTP API: Gate's, as far as it is built (routes.c has the table), and a stream of what happens.
 *
 * Reads are committed reads, done on the server's threads. Writes go through the engine and are answered after their commit.
 *
 *	struct api *api = api_start(&setup, &err);  // reads work from here on; writes get 503
 *	api_open(api, engine);                      // writes work
 *	api_close(api);                             // writes get 503 again; those under way are answered by the engine
 *	engine_stop(engine, LIMIT_DRAIN_MS);
 *	api_stop(api, LIMIT_SERVER_STOP_MS);
 *
 * So a port in use is known before anything is run, and a client that waits for its reply gets one when the server stops.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>

#include "api/auth.h"
#include "base/err.h"
#include "base/field.h"
#include "base/val.h"
#include "engine/engine.h"
#include "engine/stage_type.h"
#include "stage/preconfigured.h"
#include "store/store.h"

struct api;

struct api_setup {
	struct store *store;                   /* borrowed; must outlive the API */
	const char *version;                   /* of the program, static */
	const char *address;                   /* where to listen; see http_server_setup */
	int port;                              /* 0 = any free one */
	int threads;                           /* 0 = by the machine */
	const struct str_list *extra_hosts;    /* may be NULL */
	struct auth *auth;                     /* borrowed; NULL = nobody has to say who he is */
	const struct preconfigured *webhooks;  /* borrowed; NULL = there are none */
	const struct stage_registry *registry; /* for lint and schema; NULL = there is none */
	/* The accounts there are, as kubernetes_describe gives them; owned result; any thread. NULL = there are none. */
	struct val (*accounts)(void *data);
	void *accounts_data;
};

/* Binds and serves. ERR_CONFLICT when the port is taken. */
struct api *api_start(const struct api_setup *setup, struct err *err);
int api_port(const struct api *api);
/* ENGINE is borrowed until api_close. Call it once, before any other thread may call api_close. */
void api_open(struct api *api, struct engine *engine);
/* When it returns no request is on its way into the engine any more. */
void api_close(struct api *api);
/* Ends the streams, waits for answers under way at most GRACE_MS, frees. After api_close and the end of the engine. */
void api_stop(struct api *api, int grace_ms);

#endif
