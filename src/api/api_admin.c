/*
 * For those who run the server.
 */
#include "api/internal.h"

#include "base/alloc.h"

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
