#include "api/internal.h"

#include "base/alloc.h"
#include "base/clock.h"

/* On the store thread: those who follow the journal may look again. */
static void committed(void *data, uint64_t position)
{
	struct api *api = data;
	atomic_store(&api->position, position);
	http_stream_wake(api->server);
}

static void api_free(struct api *api)
{
	pthread_rwlock_destroy(&api->engine_lock);
	pthread_mutex_destroy(&api->copy_lock);
	pthread_cond_destroy(&api->copy_ended);
	free(api);
}

struct api *api_start(const struct api_setup *setup, struct err *err)
{
	struct api *api = xnew(struct api);
	api->setup = *setup;
	api->started_ms = clock_now_ms(clock_real());
	pthread_rwlock_init(&api->engine_lock, NULL);
	pthread_mutex_init(&api->copy_lock, NULL);
	pthread_cond_init(&api->copy_ended, NULL);
	struct http_server_setup server = {
		.address = setup->address,
		.port = setup->port,
		.threads = setup->threads,
		.guard = true,
		.extra_hosts = setup->extra_hosts,
		.check = routes_check,
		.challenge = setup->auth ? auth_challenge(setup->auth) : NULL,
		.handle = routes_handle,
		.data = api,
	};
	api->server = http_server_start(&server, err);
	if (!api->server) {
		api_free(api);
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
	api_admin_stop(api);
	http_server_stop(api->server, grace_ms);
	api_free(api);
}
