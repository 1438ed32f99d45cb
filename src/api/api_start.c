/*
 * Starting runs.
 */
#include "api/internal.h"

#include "base/alloc.h"

static void answer_ref(struct http_exchange *exchange, int status, struct val value, bool with_event)
{
	_cleanup_(val_free) struct val body = val_map();
	if (with_event)
		val_set(&body, "eventId", val_ref(val_get(value, "eventId")));
	val_set(&body, "ref", val_ref(val_get(value, "ref")));
	http_reply_json(exchange, status, body);
}

static void answer_accepted(struct http_exchange *exchange, struct val value)
{
	answer_ref(exchange, 202, value, false);
}

static void answer_accepted_v2(struct http_exchange *exchange, struct val value)
{
	answer_ref(exchange, 202, value, true);
}

static void answer_started(struct http_exchange *exchange, struct val value)
{
	answer_ref(exchange, 200, value, false);
}

/* The body is the trigger, and may be missing. */
static int read_trigger(struct call *call, struct val *ret, struct err *err)
{
	_cleanup_(val_free) struct val trigger = VAL_NULL;
	if (call_body(call, &trigger, err) < 0)
		return -1;
	if (val_is_null(trigger))
		trigger = val_map();
	if (!val_is_map(trigger))
		return err_set(
			err, ERR_INVALID, "the request's body must be a JSON object: the trigger");
	if (val_is_null(val_get(trigger, "type")))
		val_set(&trigger, "type", val_string("manual"));
	*ret = take(&trigger);
	return 0;
}

int api_start_stored(struct call *call, struct err *err)
{
	const char *name = call_param(call, "nameOrId");
	struct request request = { .kind = REQUEST_START, .check_parameters = true };
	if (read_trigger(call, &request.trigger, err) < 0)
		return -1;
	request.application = xstrdup(call_param(call, "app"));
	request.name = xstrdup(*name ? name : call_param(call, "name"));
	return call_submit(call, &request, answer_accepted, err);
}

/* As Deck starts: it looks for the run by its id, and there for what kept it from starting. */
int api_start_stored_v2(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_START, .keep_refused = true };
	struct id_source ids = { 0 };
	char event_id[37];
	if (read_trigger(call, &request.trigger, err) < 0)
		return -1;
	uuid_make(&ids, event_id);
	val_set(&request.trigger, "eventId", val_string(event_id));
	request.application = xstrdup(call_param(call, "app"));
	request.name = xstrdup(call_param(call, "nameOrId"));
	return call_submit(call, &request, answer_accepted_v2, err);
}

int api_start_document(struct call *call, struct err *err)
{
	struct request request = { .kind = REQUEST_START };
	if (call_body_map(call, "the pipeline", &request.value, err) < 0)
		return -1;
	return call_submit(call, &request, answer_started, err);
}
