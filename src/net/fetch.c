#include "net/fetch.h"

#include "base/alloc.h"
#include "base/limits.h"

/* What is left of the time that all fetches of a pass have together. */
static int64_t left_ms(struct fetch *fetch)
{
	int64_t now = clock_now_ms(fetch->clock);
	if (fetch->count == 0)
		fetch->begun_ms = now;
	return LIMIT_EXPR_FETCH_PASS_MS - (now - fetch->begun_ms);
}

static int check_bounds(struct fetch *fetch, int64_t *ret_left_ms, struct err *err)
{
	*ret_left_ms = left_ms(fetch);
	if (fetch->count >= LIMIT_EXPR_FETCHES)
		return err_set(err, ERR_TOO_LARGE,
			"more than %d URLs are fetched while one stage is evaluated",
			LIMIT_EXPR_FETCHES);
	if (*ret_left_ms <= 0)
		return err_set(err, ERR_TOO_LARGE,
			"fetching URLs has taken more than %d s while one stage is evaluated",
			LIMIT_EXPR_FETCH_PASS_MS / 1000);
	return 0;
}

static bool is_passing(int status)
{
	return status == 429 || status == 500 || status == 503 || status == 504;
}

/* One exchange. *RET_AGAIN: another one may fare better. */
static int fetch_once(struct fetch *fetch, const char *url, int64_t left, struct strbuf *ret_body,
	bool *ret_again, struct err *err)
{
	struct http_request request = {
		.method = "GET",
		.url = url,
		.policy = fetch->policy,
		.follow_redirects = true,
		.accept_gzip = true,
		.total_ms = left < LIMIT_EXPR_FETCH_MS ? (int)left : LIMIT_EXPR_FETCH_MS,
		.max_response = LIMIT_EXPR_STRING_BYTES,
		.cancel = fetch->cancel,
	};
	struct http_response response = { 0 };
	if (http_perform(fetch->http, &request, &response, err) < 0) {
		const char *reason = val_get_text(err->details, "reason", "");
		*ret_again = (err->kind == ERR_UNAVAILABLE || err->kind == ERR_TIMEOUT) &&
			strcmp(reason, "resolve") != 0;
		return -1;
	}
	int result = 0;
	if (response.status >= 200 && response.status < 300) {
		strbuf_add_str(ret_body, strbuf_str(&response.body));
	} else {
		_cleanup_free_ char *origin = url_origin(response.effective_url);
		*ret_again = is_passing(response.status);
		result = err_set(err, ERR_FAILED, "%s answered with status %d",
			origin ? origin : "the server", response.status);
	}
	http_response_free(&response);
	return result;
}

int fetch_text(struct fetch *fetch, struct str url, struct strbuf *ret_body, struct err *err)
{
	_cleanup_free_ char *text = xstrndup(url.bytes, url.length);
	bool again = false;
	int64_t left;
	if (strlen(text) != url.length)
		return err_set(err, ERR_INVALID, "the URL holds a NUL byte");
	/* The client looks at the URL without its user and password. */
	if (url_policy_check_url(fetch->policy, "GET", text, err) < 0 ||
		check_bounds(fetch, &left, err) < 0)
		return -1;
	fetch->count++;
	if (fetch_once(fetch, text, left, ret_body, &again, err) == 0)
		return 0;
	if (!again || left_ms(fetch) <= LIMIT_EXPR_FETCH_RETRY_MS)
		return -1;
	int64_t at = clock_now_ms(fetch->clock) + LIMIT_EXPR_FETCH_RETRY_MS;
	_cleanup_err_ struct err stopped = ERR_INIT;
	if (cancel_sleep(fetch->cancel, fetch->clock, at, &stopped) < 0) {
		err_move(err, &stopped);
		return -1;
	}
	left = left_ms(fetch);
	if (left <= 0) /* it slept for longer; none would mean the client's own deadline */
		return -1;
	err_clear(err);
	return fetch_once(fetch, text, left, ret_body, &again, err);
}
