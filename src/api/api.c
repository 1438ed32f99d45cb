#include "api/internal.h"

#include "base/alloc.h"

/* On the store thread: those who follow the journal may look again. */
static void committed(void *data, uint64_t position)
{
	struct api *api = data;
	atomic_store(&api->position, position);
	http_stream_wake(api->server);
}

struct api *api_start(const struct api_setup *setup, struct err *err)
{
	struct api *api = xnew(struct api);
	api->setup = *setup;
	pthread_rwlock_init(&api->engine_lock, NULL);
	struct http_server_setup server = {
		.address = setup->address,
		.port = setup->port,
		.threads = setup->threads,
		.guard = true,
		.extra_hosts = setup->extra_hosts,
		.check = setup->auth ? routes_check : NULL,
		.challenge = setup->auth ? auth_challenge(setup->auth) : NULL,
		.handle = routes_handle,
		.data = api,
	};
	api->server = http_server_start(&server, err);
	if (!api->server) {
		pthread_rwlock_destroy(&api->engine_lock);
		free(api);
		return NULL;
	}
	return api;
}

int api_port(const struct api *api)
{
	return http_server_port(api->server);
}

void api_open(struct api *api, struct engine *engine)
{
	engine_on_commit(engine, committed, api);
	pthread_rwlock_wrlock(&api->engine_lock);
	api->engine = engine;
	pthread_rwlock_unlock(&api->engine_lock);
}

void api_close(struct api *api)
{
	pthread_rwlock_wrlock(&api->engine_lock);
	api->engine = NULL;
	pthread_rwlock_unlock(&api->engine_lock);
}

void api_stop(struct api *api, int grace_ms)
{
	http_server_stop(api->server, grace_ms);
	pthread_rwlock_destroy(&api->engine_lock);
	free(api);
}
