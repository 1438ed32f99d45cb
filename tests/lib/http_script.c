#include "lib/http_script.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/vec.h"

#define MAX_SERVERS 8

struct entry {
	const struct http_step *step;
	int used;
};

struct fault {
	size_t nth;
	enum http_fault kind;
	bool after;
};

struct http_script {
	struct http_transport transport; /* first: the transport is the script */
	struct clock *clock;
	struct cancel *never; /* for requests without a flag of their own */
	pthread_mutex_t lock;
	VEC(struct entry) entries;
	VEC(struct http_sent *) sent;
	VEC(char *) unexpected;
	struct {
		http_script_serve_fn serve;
		void *data;
	} servers[MAX_SERVERS];
	size_t server_count;
	bool repeats;
	struct fault fault;
	int (*seen)(void *data, size_t nth);
	void *seen_data;
};

static int script_perform(struct http_transport *transport, const struct http_request *request,
	struct http_response *ret, struct err *err);

static void script_transport_free(struct http_transport *transport)
{
}

static const struct http_transport_type script_type = {
	.perform = script_perform,
	.free = script_transport_free,
};

struct http_script *http_script_new(struct clock *clock, const struct http_step *steps)
{
	struct http_script *script = xnew(struct http_script);

	script->transport.type = &script_type;
	script->clock = clock;
	script->never = cancel_new();
	pthread_mutex_init(&script->lock, NULL);
	if (steps)
		http_script_add(script, steps);
	return script;
}

void http_script_free(struct http_script *script)
{
	for (size_t i = 0; i < script->sent.count; i++) {
		struct http_sent *sent = script->sent.items[i];

		free(sent->method);
		free(sent->url);
		free(sent->body);
		val_free(&sent->headers);
		free(sent);
	}
	for (size_t i = 0; i < script->unexpected.count; i++)
		free(script->unexpected.items[i]);
	vec_free(&script->sent);
	vec_free(&script->unexpected);
	vec_free(&script->entries);
	cancel_unref(script->never);
	pthread_mutex_destroy(&script->lock);
	free(script);
}

struct http_transport *http_script_transport(struct http_script *script)
{
	return &script->transport;
}

void http_script_add(struct http_script *script, const struct http_step *steps)
{
	pthread_mutex_lock(&script->lock);
	for (; steps->url; steps++)
		vec_push(&script->entries, ((struct entry){ .step = steps }));
	pthread_mutex_unlock(&script->lock);
}

void http_script_serve(struct http_script *script, http_script_serve_fn serve, void *data)
{
	assert_true(script->server_count < MAX_SERVERS);
	script->servers[script->server_count].serve = serve;
	script->servers[script->server_count++].data = data;
}

void http_script_allow_repeats(struct http_script *script)
{
	script->repeats = true;
}

void http_script_fault(struct http_script *script, size_t nth, enum http_fault fault, bool after)
{
	pthread_mutex_lock(&script->lock);
	script->fault = (struct fault){ .nth = nth, .kind = fault, .after = after };
	pthread_mutex_unlock(&script->lock);
}

void http_script_after_effect(
	struct http_script *script, int (*seen)(void *data, size_t nth), void *data)
{
	script->seen = seen;
	script->seen_data = data;
}

/* Every key of WANTED is in GOT, lists have the same length, the rest is equal. */
static bool val_contains(struct val got, struct val wanted)
{
	if (val_is_map(wanted)) {
		for (size_t i = 0; i < val_count(wanted); i++) {
			struct str key = val_key_at(wanted, i);

			if (!val_has_str(got, key) ||
				!val_contains(val_get_str(got, key), val_value_at(wanted, i)))
				return false;
		}
		return val_is_map(got);
	}
	if (!val_is_list(wanted))
		return val_equal(got, wanted);
	if (!val_is_list(got) || val_count(got) != val_count(wanted))
		return false;
	for (size_t i = 0; i < val_count(wanted); i++) {
		if (!val_contains(val_at(got, i), val_at(wanted, i)))
			return false;
	}
	return true;
}

static struct val json_of(struct str text)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct val value = VAL_NULL;

	if (json_parse(text, NULL, NULL, &value, &err) < 0)
		return VAL_NULL;
	return value;
}

static bool body_fits(const char *wanted, struct str body)
{
	_cleanup_(val_free) struct val want = json_of(str_of(wanted));
	_cleanup_(val_free) struct val got = json_of(body);

	if (val_is_null(want))
		return str_equal(body, str_of(wanted));
	return val_contains(got, want);
}

static bool url_fits(const char *wanted, const char *url)
{
	size_t length = strlen(wanted);
	bool prefix = length > 0 && wanted[length - 1] == '*';

	if (wanted[0] == '/') {
		const char *host = strstr(url, "://");

		host = host ? host + 3 : url;
		url = host + strcspn(host, "/?#");
	}
	return prefix ? strncmp(url, wanted, length - 1) == 0 : strcmp(url, wanted) == 0;
}

/* The value at NAME in any case of a map of headers: "" when there is none, the first of
 * several. */
static struct val header_of(struct val headers, const char *name)
{
	for (size_t i = 0; i < val_count(headers); i++) {
		struct val value = val_value_at(headers, i);

		if (str_equal_nocase(val_key_at(headers, i), str_of(name)))
			return val_is_list(value) ? val_at(value, 0) : value;
	}
	return VAL_NULL;
}

static bool header_fits(const char *wanted, struct val headers)
{
	const char *colon = strchr(wanted, ':');

	if (!colon)
		return false;
	_cleanup_free_ char *name = xstrndup(wanted, (size_t)(colon - wanted));
	struct val value = header_of(headers, name);

	return str_equal(val_as_str(&value), str_trim(str_of(colon + 1)));
}

static bool step_fits(const struct http_step *step, const struct http_request *request)
{
	return strcmp(step->method ? step->method : "GET", request->method) == 0 &&
		url_fits(step->url, request->url) &&
		(!step->body || body_fits(step->body, request->body)) &&
		(!step->header || header_fits(step->header, request->headers));
}

static bool is_used_up(const struct entry *entry)
{
	int times = entry->step->times ? entry->step->times : 1;

	return times != HTTP_STEP_ALWAYS && entry->used >= times;
}

static bool is_reading(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		strcmp(method, "OPTIONS") == 0;
}

const char *http_sent_header(const struct http_sent *sent, const char *name)
{
	for (size_t i = 0; i < val_count(sent->headers); i++) {
		struct str key = val_key_at(sent->headers, i);

		if (str_equal_nocase(key, str_of(name)))
			return val_get_text(sent->headers, key.bytes, "");
	}
	return "";
}

static bool same_request(const struct http_sent *sent, const struct http_request *request)
{
	struct val key = header_of(request->headers, "Idempotency-Key");

	return strcmp(sent->method, request->method) == 0 && strcmp(sent->url, request->url) == 0 &&
		str_equal(str_of(sent->body), request->body) &&
		strcmp(http_sent_header(sent, "Idempotency-Key"), val_text(&key)) == 0;
}

/* What answered the same request before. With the lock. */
static const struct http_step *earlier_step(
	const struct http_script *script, const struct http_request *request)
{
	for (size_t i = script->sent.count; i-- > 0;) {
		const struct http_sent *sent = script->sent.items[i];

		if (sent->step && same_request(sent, request))
			return sent->step;
	}
	for (size_t i = script->entries.count; is_reading(request->method) && i-- > 0;) {
		if (step_fits(script->entries.items[i].step, request))
			return script->entries.items[i].step;
	}
	return NULL;
}

/* Finds what answers REQUEST and counts it as used. With the lock. */
static const struct http_step *take_step(
	struct http_script *script, const struct http_request *request, bool *ret_repeated)
{
	for (size_t i = 0; i < script->entries.count; i++) {
		struct entry *entry = &script->entries.items[i];

		if (is_used_up(entry) || !step_fits(entry->step, request))
			continue;
		entry->used++;
		return entry->step;
	}
	*ret_repeated = true;
	return script->repeats ? earlier_step(script, request) : NULL;
}

static struct http_sent *record(struct http_script *script, const struct http_request *request)
{
	struct http_sent *sent = xnew(struct http_sent);

	sent->method = xstrdup(request->method);
	sent->url = xstrdup(request->url);
	sent->body = xstrndup(request->body.bytes ? request->body.bytes : "", request->body.length);
	sent->headers = val_ref(request->headers);
	sent->at_ms = script->clock ? clock_now_ms(script->clock) : 0;
	vec_push(&script->sent, sent);
	return sent;
}

/* What happens to one exchange, decided under the lock. */
struct plan {
	size_t nth;
	bool faulty;
	struct fault fault;
	bool served; /* by a function; the response is there */
	const struct http_step *step;
};

static void decide(struct http_script *script, const struct http_request *request,
	struct http_response *response, struct plan *plan)
{
	struct http_sent *sent = record(script, request);

	plan->nth = script->sent.count;
	plan->fault = script->fault;
	plan->faulty = script->fault.nth == plan->nth;
	if (plan->faulty && !plan->fault.after) {
		sent->lost = true;
		return;
	}
	for (size_t i = 0; i < script->server_count && !plan->served; i++)
		plan->served = script->servers[i].serve(script->servers[i].data, request, response);
	if (plan->served)
		return;
	sent->step = plan->step = take_step(script, request, &sent->repeated);
	if (!plan->step)
		vec_push(&script->unexpected, xasprintf("%s %s", request->method, request->url));
}

static int fail_as(struct err *err, enum err_kind kind, const char *reason, const char *text)
{
	err_set(err, kind, "%s", text);
	if (reason)
		val_set(&err->details, "reason", val_string(reason));
	return -1;
}

static int total_ms_of(const struct http_request *request)
{
	return request->total_ms ? request->total_ms : LIMIT_HTTP_READ_MS;
}

/* Passes DELAY_MS; ERR_TIMEOUT when the request does not wait so long, ERR_CANCELED when its
 * flag is set. */
static int pass_time(struct http_script *script, const struct http_request *request,
	int64_t delay_ms, struct err *err)
{
	struct cancel *cancel = request->cancel ? request->cancel : script->never;
	int most = total_ms_of(request);

	if (cancel_is_set(cancel))
		return err_set(err, ERR_CANCELED, "canceled");
	if (delay_ms == 0 && most > 0)
		return 0;
	assert_non_null(script->clock);
	int64_t until = clock_now_ms(script->clock) + (delay_ms < most ? delay_ms : most);

	if (cancel_sleep(cancel, script->clock, until, err) < 0)
		return -1;
	return delay_ms < most ? 0 : fail_as(err, ERR_TIMEOUT, "timeout", "no answer in time");
}

static int play_pieces(struct http_script *script, const struct http_request *request,
	const struct http_step *step, struct http_response *response, struct err *err)
{
	const struct http_piece *piece = step->pieces;

	for (; piece->bytes || piece->delay_ms || piece->hang || piece->reset; piece++) {
		if (pass_time(script, request, piece->delay_ms, err) < 0)
			return -1;
		if (piece->hang)
			return pass_time(script, request, INT64_MAX, err);
		if (piece->reset)
			return fail_as(err, ERR_UNAVAILABLE, "reset", "connection reset");
		struct str bytes = str_of(piece->bytes);

		if (!request->on_body)
			strbuf_add_str(&response->body, bytes);
		else if (bytes.length > 0 &&
			request->on_body(request->on_body_data, bytes.bytes, bytes.length) < 0)
			return 0;
	}
	return 0;
}

static int answer_body(
	const struct http_request *request, struct http_response *response, struct str body)
{
	bool streams = request->on_body && response->status >= 200 && response->status < 300;

	if (streams && body.length > 0)
		request->on_body(request->on_body_data, body.bytes, body.length);
	else if (!streams && strcmp(request->method, "HEAD") != 0)
		strbuf_add_str(&response->body, body);
	return 0;
}

static void lower_headers(const char *json, struct http_response *response)
{
	_cleanup_(val_free) struct val headers = json_of(str_of(json));

	for (size_t i = 0; i < val_count(headers); i++) {
		struct str key = val_key_at(headers, i);
		_cleanup_free_ char *name = xstrndup(key.bytes, key.length);

		for (char *c = name; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
		val_set(&response->headers, name, val_ref(val_value_at(headers, i)));
	}
}

static int play_step(struct http_script *script, const struct http_request *request,
	const struct http_step *step, struct http_response *response, struct err *err)
{
	if (pass_time(script, request, step->delay_ms, err) < 0)
		return -1;
	if (step->error != ERR_NONE)
		return fail_as(err, step->error, step->reason, "the script says so");
	response->status = step->status ? step->status : 200;
	response->headers = val_map();
	lower_headers(step->headers ? step->headers : "{}", response);
	if (step->pieces)
		return play_pieces(script, request, step, response, err);
	return answer_body(request, response, str_of(step->answer));
}

static int play_fault(struct http_script *script, const struct http_request *request,
	enum http_fault fault, struct http_response *response, struct err *err)
{
	static const char busy[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
				   "\"message\":\"a fault of the script\",\"code\":%d}";
	_cleanup_free_ char *text = NULL;

	val_free(&response->headers);
	strbuf_reset(&response->body);
	response->headers = val_map();
	switch (fault) {
	case HTTP_FAULT_TIMEOUT:
		return pass_time(script, request, INT64_MAX, err);
	case HTTP_FAULT_RESET:
		return fail_as(err, ERR_UNAVAILABLE, "reset", "connection reset");
	case HTTP_FAULT_429:
		response->status = 429;
		val_set(&response->headers, "retry-after", val_string("1"));
		break;
	case HTTP_FAULT_500:
		response->status = 500;
		break;
	}
	val_set(&response->headers, "content-type", val_string("application/json"));
	text = xasprintf(busy, response->status);
	return answer_body(request, response, str_of(text));
}

static int play(struct http_script *script, const struct http_request *request,
	const struct plan *plan, struct http_response *response, struct err *err)
{
	bool lost = plan->faulty && !plan->fault.after;

	if (!lost && script->seen && script->seen(script->seen_data, plan->nth) < 0)
		return err_set(err, ERR_CANCELED, "the process is dead");
	if (plan->faulty)
		return play_fault(script, request, plan->fault.kind, response, err);
	if (plan->step)
		return play_step(script, request, plan->step, response, err);
	if (!plan->served)
		return err_set(err, ERR_INTERNAL, "the script has nothing for %s %s",
			request->method, request->url);
	if (request->on_body) {
		_cleanup_free_ char *body = strbuf_detach(&response->body);

		return answer_body(request, response, str_of(body));
	}
	return 0;
}

static int script_perform(struct http_transport *transport, const struct http_request *request,
	struct http_response *ret, struct err *err)
{
	struct http_script *script = (struct http_script *)transport;
	struct http_response response = { .body = STRBUF_INIT(LIMIT_HTTP_RESPONSE_BYTES) };
	struct plan plan = { 0 };

	if (request->policy &&
		url_policy_check_url(request->policy, request->method, request->url, err) < 0)
		return -1;
	if (cancel_is_set(request->cancel))
		return err_set(err, ERR_CANCELED, "canceled before the call");
	pthread_mutex_lock(&script->lock);
	decide(script, request, &response, &plan);
	pthread_mutex_unlock(&script->lock);
	int result = play(script, request, &plan, &response, err);

	if (result < 0) {
		http_response_free(&response);
		return -1;
	}
	response.effective_url = xstrdup(request->url);
	*ret = response;
	return 0;
}

size_t http_script_count(struct http_script *script)
{
	pthread_mutex_lock(&script->lock);
	size_t count = script->sent.count;

	pthread_mutex_unlock(&script->lock);
	return count;
}

const struct http_sent *http_script_sent(struct http_script *script, size_t index)
{
	pthread_mutex_lock(&script->lock);
	const struct http_sent *sent = index < script->sent.count ? script->sent.items[index] : NULL;

	pthread_mutex_unlock(&script->lock);
	return sent;
}

int http_script_finish(struct http_script *script, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT(LIMIT_ERROR_TEXT_BYTES);

	pthread_mutex_lock(&script->lock);
	for (size_t i = 0; i < script->unexpected.count; i++)
		strbuf_printf(&text, "unexpected: %s\n", script->unexpected.items[i]);
	for (size_t i = 0; i < script->entries.count; i++) {
		const struct entry *entry = &script->entries.items[i];
		const struct http_step *step = entry->step;

		if (!is_used_up(entry) && step->times != HTTP_STEP_ALWAYS)
			strbuf_printf(&text, "did not come: %s %s (step %zu, %d times so far)\n",
				step->method ? step->method : "GET", step->url, i, entry->used);
	}
	pthread_mutex_unlock(&script->lock);
	return text.length == 0 ? 0 : err_set(err, ERR_FAILED, "%s", text.bytes);
}

void http_script_assert_done(struct http_script *script)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (http_script_finish(script, &err) == 0)
		return;
	for (size_t i = 0; i < http_script_count(script); i++) {
		const struct http_sent *sent = http_script_sent(script, i);

		print_error("%zu at %lld: %s %s %.200s%s%s\n", i + 1, (long long)sent->at_ms,
			sent->method, sent->url, sent->body, sent->lost ? " (lost)" : "",
			sent->repeated ? " (repeated)" : "");
	}
	fail_msg("%s", err_text(&err));
}

/*
 * Kubernetes has no place for a key; instead applying or merging the same again, and deleting what has a given uid, change nothing. So do
 * operations for one version of an object, and those that set or take labels.
 */
static bool is_harmless_again(const struct http_sent *sent)
{
	const char *type = http_sent_header(sent, "Content-Type");

	if (strcmp(sent->method, "PATCH") == 0)
		return strcmp(type, "application/json-patch+json") != 0 ||
			strstr(sent->body, "\"/metadata/resourceVersion\"") ||
			strstr(sent->body, "/metadata/labels");
	return strcmp(sent->method, "DELETE") == 0 &&
		strstr(sent->body, "\"preconditions\":{\"uid\":") != NULL;
}

static bool is_effect(const struct http_sent *sent)
{
	return !sent->lost && !is_reading(sent->method) && !is_harmless_again(sent);
}

size_t http_script_doubled_effects(struct http_script *script)
{
	size_t doubled = 0;

	pthread_mutex_lock(&script->lock);
	for (size_t i = 0; i < script->sent.count; i++) {
		const struct http_sent *sent = script->sent.items[i];
		bool again = false;

		for (size_t earlier = 0; earlier < i && !again && is_effect(sent); earlier++) {
			const struct http_sent *old = script->sent.items[earlier];
			const char *key = http_sent_header(sent, "Idempotency-Key");

			again = is_effect(old) && strcmp(old->method, sent->method) == 0 &&
				strcmp(old->url, sent->url) == 0 &&
				strcmp(old->body, sent->body) == 0 &&
				(!*key || strcmp(key, http_sent_header(old, "Idempotency-Key")) != 0);
		}
		doubled += again;
	}
	pthread_mutex_unlock(&script->lock);
	return doubled;
}
