#include "engine/internal.h"

void inbox_init(struct inbox *inbox)
{
	pthread_mutex_init(&inbox->mutex, NULL);
	clock_condition_init(&inbox->condition);
	inbox->first = NULL;
	inbox->last = &inbox->first;
	inbox->urgent = NULL;
}

void inbox_free(struct inbox *inbox)
{
	while (inbox->first) {
		struct message *message = inbox->first;
		inbox->first = message->next;
		request_clear(&message->request);
		free(message);
	}
	map_free(&inbox->keys);
	pthread_cond_destroy(&inbox->condition);
	pthread_mutex_destroy(&inbox->mutex);
}

static size_t request_size(const struct request *request)
{
	return request->bytes ? request->bytes : 512;
}

void inbox_push(struct engine *engine, struct message *message)
{
	struct inbox *inbox = &engine->inbox;
	pthread_mutex_lock(&inbox->mutex);
	clock_hold(engine->clock);
	message->next = NULL;
	if (message->kind != MESSAGE_REQUEST && message->kind != MESSAGE_RESULT) {
		message->next = inbox->urgent;
		inbox->urgent = message;
	} else {
		*inbox->last = message;
		inbox->last = &message->next;
	}
	pthread_cond_signal(&inbox->condition);
	pthread_mutex_unlock(&inbox->mutex);
}

int engine_submit(struct engine *engine, struct request *request, struct err *err)
{
	struct inbox *inbox = &engine->inbox;
	bool stuck = atomic_load(&engine->stuck);
	if (stuck && request->kind != REQUEST_STATE)
		return err_set(err, ERR_UNAVAILABLE,
			"the store cannot write at the moment (is the disk full?); nothing was changed");
	if (request->kind == REQUEST_START && atomic_load(&engine->full))
		return err_set(err, ERR_UNAVAILABLE,
			"the disk of the data directory is nearly full: no new runs until there is space again");
	struct message *message = xnew(struct message);
	message->kind = MESSAGE_REQUEST;
	pthread_mutex_lock(&inbox->mutex);
	bool full = inbox->request_count >= LIMIT_INBOX_MESSAGES ||
		inbox->request_bytes + request_size(request) > LIMIT_INBOX_BYTES;
	if (inbox->closed || full) {
		bool closed = inbox->closed;
		pthread_mutex_unlock(&inbox->mutex);
		free(message);
		err_set(err, ERR_UNAVAILABLE,
			closed ? "the server is stopping" : "too many requests at once");
		err->retry_after_ms = 1000;
		return -1;
	}
	inbox->request_count++;
	inbox->request_bytes += request_size(request);
	message->request = take(request);
	clock_hold(engine->clock);
	if (stuck) { /* the others wait for the store */
		message->next = inbox->urgent;
		inbox->urgent = message;
	} else {
		*inbox->last = message;
		inbox->last = &message->next;
	}
	pthread_cond_signal(&inbox->condition);
	pthread_mutex_unlock(&inbox->mutex);
	return 0;
}

struct message *inbox_take_requests(struct engine *engine)
{
	struct inbox *inbox = &engine->inbox;
	struct message *taken = NULL, **last = &taken;
	pthread_mutex_lock(&inbox->mutex);
	for (struct message **link = &inbox->first; *link;) {
		struct message *message = *link;
		if (message->kind != MESSAGE_REQUEST) {
			link = &message->next;
			continue;
		}
		*link = message->next;
		message->next = NULL;
		message->bytes = request_size(&message->request);
		*last = message;
		last = &message->next;
	}
	inbox->last = &inbox->first;
	while (*inbox->last)
		inbox->last = &(*inbox->last)->next;
	pthread_mutex_unlock(&inbox->mutex);
	return taken;
}

bool engine_is_stuck(const struct engine *engine)
{
	return atomic_load(&engine->stuck);
}

void engine_refuse_starts(struct engine *engine, bool refuse)
{
	atomic_store(&engine->full, refuse);
}

void inbox_done(struct engine *engine, struct message *message)
{
	if (message->kind == MESSAGE_REQUEST) {
		struct inbox *inbox = &engine->inbox;
		pthread_mutex_lock(&inbox->mutex);
		inbox->request_count--;
		inbox->request_bytes -= message->bytes;
		pthread_mutex_unlock(&inbox->mutex);
	}
	free(message);
	clock_release(engine->clock);
}

void engine_wake(struct engine *engine, const char *key)
{
	struct inbox *inbox = &engine->inbox;
	pthread_mutex_lock(&inbox->mutex);
	if (!inbox->closed && !map_put(&inbox->keys, str_of(key), engine)) {
		clock_hold(engine->clock);
		pthread_cond_signal(&inbox->condition);
	}
	pthread_mutex_unlock(&inbox->mutex);
}

/* The first LIMIT_TURN_MESSAGES that are no urgent ones: the runs have their turn before the rest. */
static struct message *take_some(struct inbox *inbox)
{
	struct message *taken = inbox->first;
	struct message **link = &taken;
	for (unsigned i = 0; *link && i < LIMIT_TURN_MESSAGES; i++)
		link = &(*link)->next;
	inbox->first = *link;
	*link = NULL;
	if (!inbox->first)
		inbox->last = &inbox->first;
	return taken;
}

struct message *inbox_take(struct engine *engine, int64_t until_ms, bool blocked, struct map *ret_keys)
{
	struct inbox *inbox = &engine->inbox;
	struct message *taken = NULL;
	pthread_mutex_lock(&inbox->mutex);
	for (;;) {
		if (!blocked) {
			taken = take_some(inbox);
			*ret_keys = take(&inbox->keys);
		}
		struct message **last = &inbox->urgent; /* first of all */
		while (*last)
			last = &(*last)->next;
		*last = taken;
		taken = inbox->urgent;
		inbox->urgent = NULL;
		if (taken || ret_keys->count > 0)
			break;
		if (clock_wait(engine->clock, &inbox->condition, &inbox->mutex, until_ms))
			break;
	}
	pthread_mutex_unlock(&inbox->mutex);
	for (struct message *message = taken; message; message = message->next)
		message->bytes = request_size(&message->request);
	return taken;
}

void inbox_close(struct engine *engine)
{
	pthread_mutex_lock(&engine->inbox.mutex);
	engine->inbox.closed = true;
	pthread_mutex_unlock(&engine->inbox.mutex);
}

void request_clear(struct request *request)
{
	free(request->key);
	free(request->stage_id);
	free(request->application);
	free(request->name);
	free(request->reason);
	free(request->user);
	free(request->origin);
	free(request->id);
	val_free(&request->value);
	val_free(&request->trigger);
	memset(request, 0, sizeof(*request));
}

/* ---- engine_call: a request and its reply as one blocking call ------------------------------------------------ */

struct call {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	bool done;
	struct val value;
	struct err err;
};

static void call_reply(void *data, struct val value, const struct err *err)
{
	struct call *call = data;
	pthread_mutex_lock(&call->mutex);
	call->value = val_ref(value);
	if (err->kind) {
		err_set(&call->err, err->kind, "%s", err_text(err));
		call->err.details = val_ref(err->details);
		call->err.retry_after_ms = err->retry_after_ms;
	}
	call->done = true;
	pthread_cond_signal(&call->condition);
	pthread_mutex_unlock(&call->mutex);
}

int engine_call(struct engine *engine, struct request *request, struct val *ret, struct err *err)
{
	struct call call = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		.condition = PTHREAD_COND_INITIALIZER };
	request->reply = call_reply;
	request->data = &call;
	if (engine_submit(engine, request, err) < 0)
		return -1;
	pthread_mutex_lock(&call.mutex);
	while (!call.done)
		pthread_cond_wait(&call.condition, &call.mutex);
	pthread_mutex_unlock(&call.mutex);
	pthread_mutex_destroy(&call.mutex);
	pthread_cond_destroy(&call.condition);
	if (call.err.kind) {
		val_free(&call.value);
		err_move(err, &call.err);
		return -1;
	}
	if (ret)
		*ret = call.value;
	else
		val_free(&call.value);
	return 0;
}
