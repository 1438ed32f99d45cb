/* Watches over scripted streams, on the virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/yaml.h"
#include "kubernetes/internal.h"
#include "lib/http_script.h"

#define START_MS 1700000000000
#define KEY "kubernetes:test/deployments.apps/shop/web"
#define BASE "/apis/apps/v1/namespaces/shop/deployments"
#define LIST BASE "?limit=500"
#define WATCH(seconds, version) \
	BASE "?watch=1&allowWatchBookmarks=true&timeoutSeconds=" seconds "&resourceVersion=" version
#define OBJECT(version, replicas)                                                                \
	"{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"" version \
	"\",\"managedFields\":[{}]},\"spec\":{\"replicas\":" replicas "}}"
#define LISTED(version, objects) \
	"{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" objects "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define EXPIRED EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}")

/* What the engine would get: keys in the order of their waking. Each holds the clock until it is taken. */
struct fixture {
	struct clock *clock;
	struct http_script *script;
	struct world world;
	struct kubernetes *kubernetes;
	struct kube_account *account;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	VEC(char *) keys;
	size_t taken;
};

static const struct kube_resource deployments = { "apps", "v1", "Deployment", "deployments",
	.namespaced = true, .can_list = true, .can_watch = true };

static void on_wake(void *data, const char *key)
{
	struct fixture *f = data;

	pthread_mutex_lock(&f->lock);
	vec_push(&f->keys, xstrdup(key));
	clock_hold(f->clock);
	pthread_cond_broadcast(&f->woken);
	pthread_mutex_unlock(&f->lock);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	_cleanup_(val_free) struct val settings = VAL_NULL;
	_cleanup_err_ struct err err = ERR_INIT;

	f->clock = clock_virtual(START_MS);
	clock_hold(f->clock);
	f->script = http_script_new(f->clock, NULL);
	pthread_mutex_init(&f->lock, NULL);
	clock_condition_init(&f->woken);
	f->world.clock = f->clock;
	f->world.http = http_script_transport(f->script);
	f->world.wake = on_wake;
	f->world.engine = f;
	f->kubernetes = kubernetes_new(&f->world);
	assert_int_equal(
		yaml_parse(STR("accounts:\n- name: test\n  kubeconfigContents: |\n"
			       "    clusters: [{name: a, cluster: {server: 'https://k8s'}}]\n"
			       "    contexts: [{name: c, context: {cluster: a, namespace: shop}}]\n"),
			&settings, &err),
		0);
	assert_int_equal(kubernetes_load_settings(f->kubernetes, settings, &err), 0);
	f->account = kubernetes_account(f->kubernetes, "test", &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kubernetes_free(f->kubernetes);
	http_script_assert_done(f->script);
	http_script_free(f->script);
	for (size_t i = 0; i < f->keys.count; i++) {
		if (i >= f->taken)
			clock_release(f->clock);
		free(f->keys.items[i]);
	}
	vec_free(&f->keys);
	pthread_cond_destroy(&f->woken);
	pthread_mutex_destroy(&f->lock);
	clock_release(f->clock);
	clock_free(f->clock);
	free(f);
	return 0;
}

/* Waits for the next wake-up, at most until UNTIL_MS of the clock; false when none came. */
static bool woken_until(struct fixture *f, int64_t until_ms)
{
	bool got;

	pthread_mutex_lock(&f->lock);
	while (f->taken == f->keys.count && !clock_wait(f->clock, &f->woken, &f->lock, until_ms))
		;
	got = f->taken < f->keys.count;
	if (got) {
		assert_string_equal(f->keys.items[f->taken++], KEY);
		clock_release(f->clock);
	}
	pthread_mutex_unlock(&f->lock);
	return got;
}

static void assert_woken(struct fixture *f)
{
	if (!woken_until(f, clock_now_ms(f->clock) + 600000))
		fail_msg("nobody was woken");
}

/* Lets MS pass without a wake-up. */
static void pass(struct fixture *f, int64_t ms)
{
	assert_false(woken_until(f, clock_now_ms(f->clock) + ms));
}

static int64_t watch(struct fixture *f)
{
	int64_t poll_ms;
	_cleanup_free_ char *key = kube_watch(f->account, &deployments, NULL, "web", &poll_ms);

	assert_string_equal(key, KEY);
	return poll_ms;
}

/* Replicas of the watched object; -1 = it is gone, -2 = it is not known, -3 = it will be soon. */
static int watched(struct fixture *f)
{
	_cleanup_(val_free) struct val object = VAL_NULL;

	switch (kube_watched(f->account, &deployments, NULL, "web", &object)) {
	case KUBE_SEEN:
		assert_false(val_has(val_get(object, "metadata"), "managedFields"));
		return (int)val_get_int(val_get(object, "spec"), "replicas", 0);
	case KUBE_GONE:
		return -1;
	case KUBE_SOON:
		return -3;
	case KUBE_UNSEEN:
		break;
	}
	return -2;
}

static const struct http_step synced_steps[] = {
	{ .url = LIST, .answer = LISTED("10", OBJECT("9", "1")) },
	{ 0 },
};
/* After the list, silence. */
static const struct http_piece silence[] = { { .hang = true }, { 0 } };

static void sync_up(struct fixture *f, const struct http_step *steps)
{
	http_script_add(f->script, synced_steps);
	http_script_add(f->script, steps);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(watch(f), LIMIT_WAIT_MS);
	assert_int_equal(watched(f), 1);
}

static void test_events_wake_and_are_kept(void **state)
{
	static const struct http_piece pieces[] = {
		{ .bytes = EVENT("MODIFIED", OBJECT("11", "2")), .delay_ms = 1000 },
		/* Of no interest to anybody. */
		{ .bytes = EVENT("ADDED", "{\"metadata\":{\"name\":\"x\"}}"), .delay_ms = 1000 },
		{ .bytes = "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"w",
			.delay_ms = 1000 },
		{ .bytes = "eb\"},\"spec\":{\"replicas\":3}}}\n" EVENT("DELETED", OBJECT("13", "3")),
			.delay_ms = 1000 },
		{ .hang = true },
		{ 0 },
	};
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	assert_woken(f);
	assert_int_equal(clock_now_ms(f->clock), START_MS + 1000);
	assert_int_equal(watched(f), 2);
	assert_woken(f);
	assert_int_equal(clock_now_ms(f->clock), START_MS + 4000);
	assert_woken(f);
	assert_int_equal(watched(f), -1);
}

static void test_a_stream_that_the_server_ends_goes_on_from_its_last_version(void **state)
{
	static const struct http_piece pieces[] = {
		{ .bytes = EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"40\"}}"),
			.delay_ms = 30000 },
		{ .delay_ms = 30000 },
		{ 0 },
	};
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces },
		{ .url = WATCH("60", "40"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	pass(f, 59000);
	watch(f);
	pass(f, 2000);
	assert_int_equal(watched(f), 1);
	assert_int_equal(http_script_count(f->script), 3);
	assert_int_equal(http_script_sent(f->script, 2)->at_ms, START_MS + 60000);
}

static void test_a_broken_stream_is_taken_up_again_at_once(void **state)
{
	static const struct http_piece pieces[] = {
		{ .bytes = EVENT("MODIFIED", OBJECT("11", "2")), .delay_ms = 1000 },
		{ .reset = true },
		{ 0 },
	};
	static const struct http_piece again[] = {
		{ .bytes = EVENT("MODIFIED", OBJECT("12", "3")), .delay_ms = 500 },
		{ .hang = true },
		{ 0 },
	};
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces },
		{ .url = WATCH("60", "11"), .pieces = again },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	assert_woken(f);
	assert_woken(f);
	assert_int_equal(clock_now_ms(f->clock), START_MS + 1500);
	assert_int_equal(watched(f), 3);
}

static void test_one_that_stays_broken_is_not_believed_and_listed_anew(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"),
			.error = ERR_UNAVAILABLE,
			.reason = "reset",
			.times = 2,
			.delay_ms = 500 },
		{ .url = LIST, .error = ERR_UNAVAILABLE, .reason = "connect", .times = 6 },
		{ .url = LIST, .answer = LISTED("20", "") },
		{ .url = WATCH("60", "20"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	assert_woken(f);
	assert_int_equal(watched(f), -2);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(watched(f), -1);
	assert_int_equal(watch(f), LIMIT_WAIT_MS);
	/* Twice 500 ms, a pause of 1 s, six attempts in 6.2 s, a pause of 2 s. */
	assert_int_equal(clock_now_ms(f->clock), START_MS + 10200);
	pass(f, 1);
}

static void check_expiry(struct fixture *f, const struct http_step *steps)
{
	sync_up(f, steps);
	assert_woken(f);
	assert_int_equal(watched(f), 5);
	pass(f, 1);
}

static void test_a_version_too_old_means_to_list_again(void **state)
{
	static const struct http_piece pieces[] = { { .bytes = EXPIRED, .delay_ms = 500 },
		{ .hang = true }, { 0 } };
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces },
		{ .url = LIST, .answer = LISTED("50", OBJECT("45", "5")) },
		{ .url = WATCH("60", "50"), .pieces = silence },
		{ 0 },
	};

	check_expiry(*state, steps);
}

static void test_so_does_a_410_as_answer(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"),
			.status = 410,
			.delay_ms = 500,
			.answer = "{\"reason\":\"Expired\"}" },
		{ .url = LIST, .answer = LISTED("50", OBJECT("45", "5")) },
		{ .url = WATCH("60", "50"), .pieces = silence },
		{ 0 },
	};

	check_expiry(*state, steps);
}

static void test_without_the_right_to_list_it_is_polled_and_tried_again_later(void **state)
{
	static const struct http_step steps[] = {
		{ .url = LIST, .status = 403, .answer = "{\"reason\":\"Forbidden\"}" },
		{ .url = LIST, .answer = LISTED("10", OBJECT("9", "1")) },
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_int_equal(watched(f), -2);
	pass(f, 59000);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_int_equal(http_script_count(f->script), 1);
	pass(f, 1000);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(watch(f), LIMIT_WAIT_MS);
	pass(f, 1);
}

static void test_without_the_right_to_watch_it_is_polled(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .status = 403, .answer = "{\"reason\":\"Forbidden\"}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, synced_steps);
	http_script_add(f->script, steps);
	watch(f);
	assert_woken(f);
	assert_woken(f);
	assert_int_equal(watched(f), -2);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
}

static void test_a_kind_that_cannot_be_watched_is_polled(void **state)
{
	static const struct kube_resource reviews = { "x", "v1", "Review", "reviews",
		.can_list = true };
	struct fixture *f = *state;
	int64_t poll_ms;
	_cleanup_free_ char *key = kube_watch(f->account, &reviews, NULL, "a", &poll_ms);

	assert_string_equal(key, "kubernetes:test/reviews.x//a");
	assert_int_equal(poll_ms, LIMIT_WATCH_POLL_MS);
}

static void test_it_ends_a_minute_after_the_last_wait_can_have_ended(void **state)
{
	static const struct http_piece lasting[] = { { .delay_ms = 60000 }, { 0 } };
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = lasting, .times = 2 },
		{ .url = LIST, .answer = LISTED("70", "") },
		{ .url = WATCH("60", "70"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	pass(f, 121000);
	assert_int_equal(http_script_count(f->script), 3);
	assert_int_equal(watched(f), -2);
	assert_int_equal(watch(f), LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(watched(f), -1);
	pass(f, 1);
}

static void test_the_last_stream_ends_with_the_interest(void **state)
{
	static const struct http_piece lasting[] = { { .delay_ms = 30000 }, { 0 } };
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = lasting, .times = 3 },
		{ .url = WATCH("30", "10"), .pieces = lasting },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	pass(f, 121000);
	assert_int_equal(watched(f), -2);
}

static void test_a_dead_connection_shows_by_its_silence(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	pass(f, 59000);
	watch(f);
	pass(f, 20000);
	assert_int_equal(http_script_sent(f->script, 2)->at_ms, START_MS + 75000);
	assert_int_equal(watched(f), 1);
}

static void test_our_own_write_is_seen_before_the_copy_is_believed(void **state)
{
	static const struct http_piece pieces[] = {
		{ .bytes = EVENT("MODIFIED", OBJECT("11", "2")), .delay_ms = 1000 },
		{ .bytes = EVENT("MODIFIED", OBJECT("12", "3")), .delay_ms = 1000 },
		{ .hang = true },
		{ 0 },
	};
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces },
		{ .method = "PATCH",
			.url = BASE "/web?fieldManager=gennaker",
			.answer = OBJECT("12", "3") },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val patch = val_map();
	_cleanup_err_ struct err err = ERR_INIT;

	sync_up(f, steps);
	assert_int_equal(kube_patch(f->account, &deployments, NULL, "web", NULL,
				 "application/merge-patch+json", patch, NULL, NULL, &err),
		0);
	assert_int_equal(watched(f), -3);
	assert_woken(f);
	assert_int_equal(watched(f), -3);
	assert_woken(f);
	assert_int_equal(watched(f), 3);
}

static void test_a_write_that_never_shows_is_not_waited_for(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ .method = "PATCH",
			.url = BASE "/web?fieldManager=gennaker",
			.answer = OBJECT("12", "3") },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val patch = val_map();
	_cleanup_err_ struct err err = ERR_INIT;

	sync_up(f, steps);
	assert_int_equal(kube_patch(f->account, &deployments, NULL, "web", NULL,
				 "application/merge-patch+json", patch, NULL, NULL, &err),
		0);
	pass(f, 9999);
	assert_int_equal(watched(f), -3);
	pass(f, 1);
	assert_int_equal(watched(f), 1);
}

static void test_a_write_that_the_list_has_is_not_waited_for(void **state)
{
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = silence },
		/* The answer came late: the controllers had gone on before the list was made. */
		{ .method = "PATCH",
			.url = BASE "/web?fieldManager=gennaker",
			.answer = OBJECT("8", "1") },
		/* Versions that are no numbers cannot be compared. */
		{ .method = "PATCH",
			.url = BASE "/web?fieldManager=gennaker",
			.answer = OBJECT("a8", "1") },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_(val_free) struct val patch = val_map();
	_cleanup_err_ struct err err = ERR_INIT;

	sync_up(f, steps);
	pass(f, 1); /* the watch has asked by then */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kube_patch(f->account, &deployments, NULL, "web", NULL,
					 "application/merge-patch+json", patch, NULL, NULL, &err),
			0);
		assert_int_equal(watched(f), i == 0 ? 1 : -3);
	}
}

/* The script has no step for a GET of the object unless the test gives it one. */
static enum kube_seen look(struct fixture *f, int64_t *ret_poll_ms)
{
	_cleanup_(kube_sight_free) struct kube_sight sight = { 0 };
	_cleanup_err_ struct err err = ERR_INIT;

	assert_int_equal(kube_look(f->account, &deployments, NULL, "web", NULL, &sight, &err), 0);
	assert_string_equal(sight.key, KEY);
	*ret_poll_ms = sight.poll_ms;
	return sight.seen;
}

static void test_nobody_asks_while_the_watch_is_about_to_list(void **state)
{
	static const struct http_step steps[] = {
		{ .url = LIST, .answer = LISTED("10", OBJECT("9", "1")), .delay_ms = 2000 },
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;
	int64_t poll_ms;

	http_script_add(f->script, steps);
	assert_int_equal(look(f, &poll_ms), KUBE_SOON);
	assert_int_equal(poll_ms, LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	assert_int_equal(clock_now_ms(f->clock), START_MS + 2000);
	assert_int_equal(look(f, &poll_ms), KUBE_SEEN);
	assert_int_equal(poll_ms, LIMIT_WAIT_MS);
	pass(f, 1);
}

static void test_one_asks_when_the_list_does_not_come(void **state)
{
	static const struct http_step steps[] = {
		{ .url = LIST, .answer = LISTED("10", OBJECT("9", "1")), .delay_ms = 25000 },
		{ .url = BASE "/web", .answer = OBJECT("9", "1") },
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;
	int64_t poll_ms;

	http_script_add(f->script, steps);
	assert_int_equal(look(f, &poll_ms), KUBE_SOON);
	pass(f, 19999);
	assert_int_equal(look(f, &poll_ms), KUBE_SOON);
	pass(f, 1);
	assert_int_equal(look(f, &poll_ms), KUBE_SEEN);
	assert_int_equal(poll_ms, LIMIT_WATCH_POLL_MS);
	assert_woken(f);
	pass(f, 1);
}

static void test_nonsense_in_the_stream_breaks_it(void **state)
{
	static const struct http_piece pieces[] = {
		{ .bytes = "<html>\n", .delay_ms = 500 },
		{ .hang = true },
		{ 0 },
	};
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces, .times = 2 },
		{ .url = LIST, .answer = LISTED("20", OBJECT("15", "7")) },
		{ .url = WATCH("60", "20"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;

	sync_up(f, steps);
	assert_woken(f);
	assert_int_equal(watched(f), -2);
	assert_woken(f);
	assert_int_equal(watched(f), 7);
	pass(f, 1);
}

static void test_an_event_beyond_the_cap_breaks_the_stream(void **state)
{
	static struct http_piece pieces[] = { { .delay_ms = 500 }, { .hang = true }, { 0 } };
	static const struct http_step steps[] = {
		{ .url = WATCH("60", "10"), .pieces = pieces, .times = 2 },
		{ .url = LIST, .answer = LISTED("20", OBJECT("15", "7")) },
		{ .url = WATCH("60", "20"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_free_ char *line = xmalloc(LIMIT_WATCH_LINE_BYTES + 3);

	memset(line, ' ', LIMIT_WATCH_LINE_BYTES + 1);
	memcpy(line + LIMIT_WATCH_LINE_BYTES + 1, "\n", 2);
	pieces[0].bytes = line;
	sync_up(f, steps);
	assert_woken(f);
	assert_woken(f);
	assert_int_equal(watched(f), 7);
	pass(f, 1);
}

static void test_too_many_objects_are_not_kept(void **state)
{
	static struct http_step steps[] = {
		{ .url = LIST },
		{ .url = WATCH("60", "10"), .pieces = silence },
		{ 0 },
	};
	struct fixture *f = *state;
	_cleanup_strbuf_ struct strbuf answer = STRBUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);

	strbuf_add_text(&answer, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[");
	for (int i = 0; i <= LIMIT_WATCH_OBJECTS; i++)
		strbuf_printf(&answer, "%s{\"metadata\":{\"name\":\"n%d\"}}", i ? "," : "", i);
	strbuf_add_text(&answer, "]}");
	steps[0].answer = answer.bytes;
	http_script_add(f->script, steps);
	watch(f);
	assert_woken(f);
	assert_int_equal(watched(f), -2);
	assert_int_equal(watch(f), LIMIT_WAIT_MS);
	pass(f, 1);
}

static void test_there_are_only_so_many_watches(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "/apis/apps/v1/namespaces/*", .status = 503, .times = HTTP_STEP_ALWAYS },
		{ 0 },
	};
	struct fixture *f = *state;
	int64_t poll_ms;

	http_script_add(f->script, steps);
	for (int i = 0; i <= LIMIT_WATCHES; i++) {
		_cleanup_free_ char *namespace = xasprintf("n%d", i);
		_cleanup_free_ char *key = kube_watch(
			f->account, &deployments, namespace, "web", &poll_ms);

		assert_int_equal(poll_ms, LIMIT_WATCH_POLL_MS);
	}
	assert_int_equal(f->kubernetes->watches.count, LIMIT_WATCHES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_events_wake_and_are_kept),
		TEST(test_a_stream_that_the_server_ends_goes_on_from_its_last_version),
		TEST(test_a_broken_stream_is_taken_up_again_at_once),
		TEST(test_one_that_stays_broken_is_not_believed_and_listed_anew),
		TEST(test_a_version_too_old_means_to_list_again),
		TEST(test_so_does_a_410_as_answer),
		TEST(test_without_the_right_to_list_it_is_polled_and_tried_again_later),
		TEST(test_without_the_right_to_watch_it_is_polled),
		TEST(test_a_kind_that_cannot_be_watched_is_polled),
		TEST(test_it_ends_a_minute_after_the_last_wait_can_have_ended),
		TEST(test_the_last_stream_ends_with_the_interest),
		TEST(test_a_dead_connection_shows_by_its_silence),
		TEST(test_our_own_write_is_seen_before_the_copy_is_believed),
		TEST(test_a_write_that_never_shows_is_not_waited_for),
		TEST(test_a_write_that_the_list_has_is_not_waited_for),
		TEST(test_nobody_asks_while_the_watch_is_about_to_list),
		TEST(test_one_asks_when_the_list_does_not_come),
		TEST(test_nonsense_in_the_stream_breaks_it),
		TEST(test_an_event_beyond_the_cap_breaks_the_stream),
		TEST(test_too_many_objects_are_not_kept),
		TEST(test_there_are_only_so_many_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
