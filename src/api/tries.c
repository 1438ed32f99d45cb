#include "api/tries.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"

/* One password that is to be hashed, for all requests that bring it meanwhile. */
struct
try {
	struct try *next;
	struct digest given;
	bool is_user;
	char *password;
	size_t length;
	VEC(struct http_exchange *) exchanges;
};

struct tries {
	char *hash;
	try_fn answer;
	void *data;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* With the lock: */
	bool stopping;
	struct try *first; /* the one that is being hashed, then those that wait */
	size_t count;
	struct digest remembered;
	int64_t remembered_until_ms;
	double allowed; /* wrong passwords, by now */
	int64_t allowed_at_ms;
};

/* Takes the first one out and answers its requests. Without the lock. */
static void finish(struct tries *tries, enum try_result result)
{
	pthread_mutex_lock(&tries->lock);
	struct try *try = tries->first;
	tries->first = try->next;
	tries->count--;
	if (result == TRY_RIGHT) {
		tries->remembered = try->given;
		tries->remembered_until_ms = clock_now_ms(clock_real()) + LIMIT_AUTH_REMEMBER_MS;
	} else if (result == TRY_WRONG) {
		tries->allowed--;
	}
	pthread_mutex_unlock(&tries->lock);
	for (size_t i = 0; i < try->exchanges.count; i++)
		tries->answer(tries->data, try->exchanges.items[i], result);
	vec_free(&try->exchanges);
	sodium_memzero(try->password, try->length);
	free(try->password);
	free(try);
}

static void *work(void *data)
{
	struct tries *tries = data;
	pthread_mutex_lock(&tries->lock);
	while (!tries->stopping) {
		struct try *try = tries->first;
		if (!try) {
			pthread_cond_wait(&tries->changed, &tries->lock);
			continue;
		}
		pthread_mutex_unlock(&tries->lock);
		/* For a wrong name too, so that time does not tell which names there are. */
		bool right = crypto_pwhash_str_verify(tries->hash, try->password, try->length) == 0 &&
			try->is_user;
		finish(tries, right ? TRY_RIGHT : TRY_WRONG);
		pthread_mutex_lock(&tries->lock);
	}
	pthread_mutex_unlock(&tries->lock);
	return NULL;
}

struct tries *tries_start(const char *hash, try_fn answer, void *data)
{
	struct tries *tries = xnew(struct tries);
	tries->hash = xstrdup(hash);
	tries->answer = answer;
	tries->data = data;
	tries->allowed = LIMIT_AUTH_FAILURES;
	pthread_mutex_init(&tries->lock, NULL);
	pthread_cond_init(&tries->changed, NULL);
	if (pthread_create(&tries->thread, NULL, work, tries) != 0)
		abort();
	return tries;
}

void tries_stop(struct tries *tries)
{
	if (!tries)
		return;
	pthread_mutex_lock(&tries->lock);
	tries->stopping = true;
	pthread_cond_broadcast(&tries->changed);
	pthread_mutex_unlock(&tries->lock);
	pthread_join(tries->thread, NULL);
	while (tries->first)
		finish(tries, TRY_STOPPED);
	pthread_cond_destroy(&tries->changed);
	pthread_mutex_destroy(&tries->lock);
	free(tries->hash);
	sodium_memzero(tries, sizeof(*tries));
	free(tries);
}

/* Whether a further one may be tried, even if all that wait turn out to be wrong; with the lock. */
static bool may_try(struct tries *tries, int64_t now_ms)
{
	tries->allowed += (double)(now_ms - tries->allowed_at_ms) / LIMIT_AUTH_FAILURE_MS;
	tries->allowed_at_ms = now_ms;
	if (tries->allowed > LIMIT_AUTH_FAILURES)
		tries->allowed = LIMIT_AUTH_FAILURES;
	return tries->allowed >= (double)(tries->count + 1);
}

/* Where GIVEN is tried, or the end. With the lock. */
static struct try **find(struct tries *tries, const struct digest *given)
{
	struct try **place = &tries->first;
	while (*place && !digest_equal(&(*place)->given, given))
		place = &(*place)->next;
	return place;
}

/* With the lock; to be the last of the list. */
static struct try *add(
	struct tries *tries, const struct digest *given, bool is_user, struct str password)
{
	struct try *try = xnew(struct try);
	try->given = *given;
	try->is_user = is_user;
	try->password = xmalloc(password.length + 1); /* it may hold zero bytes */
	memcpy(try->password, password.bytes, password.length);
	try->length = password.length;
	tries->count++;
	pthread_cond_signal(&tries->changed);
	return try;
}

struct http_refusal tries_check(struct tries *tries, const struct digest *given, bool is_user,
	struct str password, struct http_exchange *exchange)
{
	int64_t now = clock_now_ms(clock_real());
	struct http_refusal refusal = { .status = HTTP_CHECK_LATER };
	pthread_mutex_lock(&tries->lock);
	struct try **place = find(tries, given);
	if (now < tries->remembered_until_ms && digest_equal(given, &tries->remembered)) {
		refusal.status = 0;
	} else if (!*place && !may_try(tries, now)) {
		refusal = (struct http_refusal){ .status = 429,
			.text = "too many wrong passwords; try again in a moment" };
	} else {
		if (!*place)
			*place = add(tries, given, is_user, password);
		vec_push(&(*place)->exchanges, exchange);
	}
	pthread_mutex_unlock(&tries->lock);
	return refusal;
}
