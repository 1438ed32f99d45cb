/*
 * For those who run the server: what it is doing, and copies of its database.
 */
#include "api/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"

static void answer_state(struct http_exchange *exchange, struct val value)
{
	http_reply_json(exchange, 200, value);
}

int api_admin_state(struct call *call, struct err *err)
{
	const char *id = http_query(call->exchange, "id");
	struct request request = { .kind = REQUEST_STATE, .key = id ? xstrdup(id) : NULL };
	return call_submit(call, &request, answer_state, err);
}

/* ---- backup --------------------------------------------------------------------------------------------------------------------- */

/* A copy that is being made, on a thread of its own: it takes its time, and a server has few threads. */
struct copy {
	struct api *api;
	struct http_exchange *exchange;
};

static int copy_fill(void *data, struct strbuf *buf)
{
	const int *file = data;
	_cleanup_free_ char *piece = xmalloc(LIMIT_SERVER_STREAM_PIECE_BYTES);
	ssize_t length = read(*file, piece, LIMIT_SERVER_STREAM_PIECE_BYTES);
	if (length < 0)
		log_error("a copy cannot be read back", "error", strerror(errno));
	if (length <= 0)
		return -1;
	strbuf_add(buf, piece, (size_t)length);
	return 0;
}

static void copy_end(void *data)
{
	int *file = data;
	close(*file);
	free(file);
}

static void answer_copy(struct http_exchange *exchange, int file)
{
	int *boxed = xmalloc(sizeof(*boxed));
	_cleanup_(val_free) struct val headers = val_map();
	*boxed = file;
	val_set(&headers, "Content-Disposition", val_string("attachment; filename=\"gennaker.db\""));
	http_reply_stream(
		exchange, 200, "application/vnd.sqlite3", headers, copy_fill, copy_end, boxed);
}

static void *copy_main(void *data)
{
	struct copy *copy = data;
	struct api *api = copy->api;
	struct store *store = api->setup.store;
	_cleanup_err_ struct err err = ERR_INIT;
	int file;
	if (store->type->backup(store, &api->copy_stop, &file, &err) < 0)
		answer_error(copy->exchange, &err);
	else
		answer_copy(copy->exchange, file);
	free(copy);
	pthread_mutex_lock(&api->copy_lock);
	api->copying = false;
	pthread_cond_signal(&api->copy_ended);
	pthread_mutex_unlock(&api->copy_lock);
	return NULL;
}

static int copy_start(struct copy *copy, struct err *err)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int result = pthread_create(&thread, &attributes, copy_main, copy);
	pthread_attr_destroy(&attributes);
	return result ? err_set(err, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(result)) :
			0;
}

int api_admin_backup(struct call *call, struct err *err)
{
	struct api *api = call->api;
	if (!api->setup.store->type->backup)
		return err_set(err, ERR_UNSUPPORTED, "this server keeps nothing on a disk");
	/* Reads mask what Kubernetes Secrets hold; a copy does not. */
	if (!api->setup.auth)
		return err_set(err, ERR_DENIED,
			"a copy holds secrets, so it is given only where people say who they are (server.auth in the "
			"settings); here use: gennaker backup FILE --data-dir DIR");
	pthread_mutex_lock(&api->copy_lock);
	bool busy = api->copying || atomic_load(&api->copy_stop);
	api->copying = api->copying || !busy;
	pthread_mutex_unlock(&api->copy_lock);
	if (busy)
		return err_set(err, ERR_CONFLICT, "a copy is being made already");
	struct copy *copy = xnew(struct copy);
	copy->api = api;
	copy->exchange = call->exchange;
	if (copy_start(copy, err) == 0)
		return 0;
	free(copy);
	pthread_mutex_lock(&api->copy_lock);
	api->copying = false;
	pthread_mutex_unlock(&api->copy_lock);
	return -1;
}

void api_admin_stop(struct api *api)
{
	atomic_store(&api->copy_stop, true);
	pthread_mutex_lock(&api->copy_lock);
	while (api->copying)
		pthread_cond_wait(&api->copy_ended, &api->copy_lock);
	pthread_mutex_unlock(&api->copy_lock);
}
