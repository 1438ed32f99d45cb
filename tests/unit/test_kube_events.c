/* Which events are about what is waited for. */
#include "lib/values.h"

#include "base/alloc.h"
#include "kubernetes/events.h"

#define EVENT(kind, name, time, message)                                                    \
	"{type: Warning, reason: R, message: \"" message "\", involvedObject: {kind: " kind \
	", name: " name "}, lastTimestamp: '" time "'}"

static void events_of_children_count(void **state)
{
	static const struct {
		const char *kind, *name, *about, *called;
		bool concerns;
	} rows[] = {
		{ "deployment", "web", "Deployment", "web", true },
		{ "deployment", "web", "ReplicaSet", "web-7c5d", true },
		{ "deployment", "web", "Pod", "web-7c5d-xk2lp", true },
		{ "deployment", "web", "Pod", "web-7c5d", false },
		{ "deployment", "web", "Pod", "web-api-7c5d-xk2lp", false },
		{ "deployment", "web", "Deployment", "web-api", false },
		{ "deployment", "web", "Service", "web", false },
		{ "deployment", "web", "Pod", "website-7c5d-xk2lp", false },
		{ "replicaSet", "web-v003", "Pod", "web-v003-xk2lp", true },
		{ "statefulSet", "db", "Pod", "db-0", true },
		{ "statefulSet", "db", "Pod", "db-0-x", false },
		{ "job", "once", "Pod", "once-b4c5d", true },
		{ "cronJob", "nightly", "Pod", "nightly-28123-b4c5d", true },
		{ "Crontab.stable.example.com", "a", "Pod", "a-0", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *text = xasprintf(
			"{involvedObject: {kind: %s, name: %s}}", rows[i].about, rows[i].called);
		_cleanup_(val_free) struct val event = value_of(text);

		if (event_concerns(event, rows[i].kind, rows[i].name) != rows[i].concerns)
			fail_msg("%s %s: %s %s", rows[i].kind, rows[i].name, rows[i].about,
				rows[i].called);
	}
}

static void the_newest_is_told(void **state)
{
	_cleanup_(val_free) struct val events = value_of(
		"[" EVENT("Pod", "web-7c5d-xk2lp", "2026-01-01T00:00:05Z", "second") ", " EVENT(
			"Deployment", "web", "2026-01-01T00:00:01Z", "first") ", " EVENT("Pod",
			"other-7c5d-xk2lp", "2026-01-01T00:00:09Z", "foreign") "]");
	struct val newest = event_newest(events, "deployment", "web", 0);
	_cleanup_(val_free) struct val summary = event_summary(newest);

	assert_value("newest", summary,
		"{object: Pod web-7c5d-xk2lp, type: Warning, reason: R, message: second, count: 1, "
		"lastTimestamp: '2026-01-01T00:00:05Z'}");
	assert_true(val_is_null(event_newest(events, "deployment", "web", event_time(newest) + 1)));
}

static void all_are_told_oldest_first(void **state)
{
	_cleanup_(val_free) struct val events = value_of(
		"[" EVENT("Pod", "web-7c5d-xk2lp", "2026-01-01T00:00:05Z", "second") ", " EVENT(
			"Deployment", "web", "2026-01-01T00:00:01Z", "first") ", " EVENT("Pod",
			"other-7c5d-xk2lp", "2026-01-01T00:00:02Z", "foreign") "]");
	_cleanup_(val_free) struct val list = events_about(events, "deployment", "web"),
				       texts = val_list();

	for (size_t i = 0; i < val_count(list); i++)
		val_append(&texts, val_ref(val_get(val_at(list, i), "message")));
	assert_value("in order", texts, "[first, second]");
}

static void what_a_cluster_says_is_no_expression(void **state)
{
	_cleanup_(val_free) struct val event = value_of(
		EVENT("Pod", "a", "2026-01-01T00:00:05Z", "${ trigger } $${x} $ {y}"));
	_cleanup_(val_free) struct val summary = event_summary(event);

	assert_string_equal(val_get_text(summary, "message", ""), "$ { trigger } $$ {x} $ {y}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_children_count),
		cmocka_unit_test(the_newest_is_told),
		cmocka_unit_test(all_are_told_oldest_first),
		cmocka_unit_test(what_a_cluster_says_is_no_expression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
