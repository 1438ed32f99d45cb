/* Accounts that are read anew, and what they may do. */
#include "lib/values.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "kubernetes/access.h"
#include "kubernetes/events.h"
#include "kubernetes/internal.h"
#include "lib/http_script.h"

#define MAPS "/api/v1/namespaces/shop/configmaps"
static const struct kube_resource maps = { "", "v1", "ConfigMap", "configmaps", .namespaced = true,
	.can_list = true };

struct fixture {
	struct clock *clock;
	struct http_script *script;
	struct world world;
	struct kubernetes *kubernetes;
	struct err err;
};

static struct val row(const char *name, const char *server, const char *token, const char *more)
{
	_cleanup_free_ char *text = xasprintf(
		"{accounts: [{name: %s, kubeconfigContents: \"{clusters: [{name: a, cluster: {server: '%s'}}], users: "
		"[{name: u, user: {token: %s}}], contexts: [{name: c, context: {cluster: a, user: u, namespace: shop}}]}\"%s}]}",
		name, server, token, more);

	return value_of(text);
}

static struct kubernetes *load(struct fixture *f, const char *name, const char *server,
	const char *token, const char *more)
{
	_cleanup_(val_free) struct val settings = row(name, server, token, more);
	struct kubernetes *kubernetes = kubernetes_new(&f->world);

	if (kubernetes_load_settings(kubernetes, settings, &f->err) < 0)
		fail_msg("%s", err_text(&f->err));
	return kubernetes;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->clock = clock_virtual(1700000000000);
	clock_hold(f->clock);
	f->script = http_script_new(f->clock, NULL);
	f->world = (struct world){ .clock = f->clock, .http = http_script_transport(f->script) };
	f->err = ERR_INIT;
	f->kubernetes = load(f, "test", "https://one", "token-one", "");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_script_assert_done(f->script);
	kubernetes_free(f->kubernetes);
	http_script_free(f->script);
	err_clear(&f->err);
	clock_release(f->clock);
	clock_free(f->clock);
	free(f);
	return 0;
}

static struct kube_account *account(struct fixture *f, const char *name, int64_t began_ms)
{
	err_clear(&f->err);
	return kubernetes_account_since(f->kubernetes, name, began_ms, &f->err);
}

static void adopt(struct fixture *f, struct kubernetes *fresh)
{
	if (kubernetes_adopt(f->kubernetes, fresh, &f->err) < 0)
		fail_msg("%s", err_text(&f->err));
	kubernetes_free(fresh);
}

static void get(struct fixture *f, struct kube_account *from)
{
	struct val got = VAL_NULL;

	if (kube_get(from, &maps, NULL, "a", NULL, &got, &f->err) < 0)
		fail_msg("%s", err_text(&f->err));
	val_free(&got);
}

static void a_new_token_is_shown_by_the_same_account(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "https://one" MAPS "/a",
			.header = "Authorization: Bearer token-one",
			.answer = "{}" },
		{ .url = "https://one" MAPS "/a",
			.header = "Authorization: Bearer token-two",
			.answer = "{}" },
		{ 0 },
	};
	struct fixture *f = *state;
	struct kube_account *before = account(f, "test", 0);
	_cleanup_free_ char *text = NULL;

	http_script_add(f->script, steps);
	get(f, before);
	adopt(f, load(f, "test", "https://one", "token-two", ""));
	assert_ptr_equal(account(f, "test", 0), before);
	get(f, before);
	text = kube_without_secrets(before, NULL, "it says token-two");
	assert_string_equal(text, "it says *********");
}

static void another_row_counts_for_everybody(void **state)
{
	struct fixture *f = *state;
	struct kube_account *before = account(f, "test", 0), *after;
	int64_t now_ms = clock_now_ms(f->clock);

	adopt(f, load(f, "test", "https://one", "token-one", ", namespaces: [shop]"));
	after = account(f, "test", now_ms - 1000);
	assert_ptr_not_equal(after, before);
	assert_ptr_equal(account(f, "test", 0), after);
	assert_int_equal(kube_account_check_namespace(after, "x", "other", &f->err), -1);
	err_clear(&f->err);
	assert_int_equal(kube_account_check_namespace(before, "x", "other", &f->err), 0);
}

static struct kube_credential *credential(struct fixture *f, struct kube_account *of)
{
	struct kube_credential *got = NULL;

	if (kube_account_credential(of, NULL, NULL, &got, &f->err) < 0)
		fail_msg("%s", err_text(&f->err));
	return got;
}

static void another_row_shares_no_connection_with_the_one_before(void **state)
{
	struct fixture *f = *state;
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *before = credential(
		f, account(f, "test", 0));
	_cleanup_(kube_credential_unref_cleanup) struct kube_credential *after = NULL;

	adopt(f, load(f, "test", "https://one", "token-two", ", namespaces: [shop]"));
	after = credential(f, account(f, "test", 0));
	assert_string_not_equal(before->identity, after->identity);
}

static void stages_keep_the_cluster_that_they_began_with(void **state)
{
	struct fixture *f = *state;
	struct kube_account *first = account(f, "test", 0), *second;
	int64_t now_ms = clock_now_ms(f->clock);

	adopt(f, load(f, "test", "https://two", "token-one", ""));
	second = account(f, "test", 0);
	assert_string_equal(kube_account_server(second), "https://two");
	assert_ptr_equal(account(f, "test", now_ms - 1), first);
	assert_ptr_equal(account(f, "test", now_ms), second);
	adopt(f, load(f, "other", "https://two", "token-one", ""));
	assert_null(account(f, "test", 0));
	assert_non_null(strstr(err_text(&f->err), "known: other"));
	assert_ptr_equal(account(f, "test", now_ms - 1), first);
}

static void a_name_that_comes_back_is_watched_anew(void **state)
{
	struct fixture *f = *state;
	struct kube_account *first = account(f, "test", 0), *second;
	_cleanup_free_ char *before = NULL, *after = NULL;
	int64_t poll_ms;

	adopt(f, load(f, "other", "https://one", "token-one", ""));
	adopt(f, load(f, "test", "https://two", "token-one", ""));
	second = account(f, "test", 0);
	before = kube_watch(first, &maps, NULL, "a", &poll_ms);
	after = kube_watch(second, &maps, NULL, "a", &poll_ms);
	assert_string_not_equal(before, after);
}

static void nobody_keeps_an_account_that_was_broken(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = clock_now_ms(f->clock);

	err_set(&account(f, "test", 0)->problem, ERR_INVALID, "it has no user");
	adopt(f, load(f, "test", "https://two", "token-one", ""));
	assert_string_equal(kube_account_server(account(f, "test", now_ms - 1)), "https://two");
}

static void accounts_do_not_pile_up_without_end(void **state)
{
	struct fixture *f = *state;
	int done = 0;

	for (int i = 0; done == 0 && i <= LIMIT_KUBERNETES_RETIRED; i++) {
		struct kubernetes *fresh = load(
			f, "test", i % 2 ? "https://one" : "https://two", "token-one", "");

		done = kubernetes_adopt(f->kubernetes, fresh, &f->err);
		kubernetes_free(fresh);
	}
	assert_int_equal(done, -1);
	assert_non_null(strstr(err_text(&f->err), "restart the server"));
	assert_non_null(account(f, "test", 0));
}

static void warnings_that_took_long_are_not_asked_for_again(void **state)
{
	static const struct http_step steps[] = {
		{ .url = "https://one/api/v1/namespaces/shop/events?limit=500&fieldSelector=type%3DWarning",
			.delay_ms = LIMIT_KUBERNETES_EVENTS_MS + 1000,
			.answer = "{\"items\": [{\"reason\": \"Failed\"}]}" },
		{ 0 },
	};
	struct fixture *f = *state;

	http_script_add(f->script, steps);
	for (int i = 0; i < 2; i++) {
		_cleanup_(val_free) struct val warnings = kube_warnings(
			account(f, "test", 0), "shop", NULL);

		assert_int_equal(val_count(warnings), 1);
	}
}

/* The server, which is slow: another one asks for the warnings before it has answered. */
static bool serve_slowly(
	void *data, const struct http_request *request, struct http_response *response)
{
	struct fixture *f = data;
	_cleanup_(val_free) struct val meanwhile = kube_warnings(account(f, "test", 0), "shop", NULL);

	assert_non_null(strstr(request->url, "/events?"));
	assert_int_equal(val_count(meanwhile), 0);
	response->status = 200;
	strbuf_add_text(&response->body, "{\"items\": [{\"reason\": \"Failed\"}]}");
	return true;
}

static void nobody_waits_for_the_warnings_of_another(void **state)
{
	struct fixture *f = *state;
	_cleanup_(val_free) struct val warnings = VAL_NULL;

	http_script_serve(f->script, serve_slowly, f);
	warnings = kube_warnings(account(f, "test", 0), "shop", NULL);
	assert_int_equal(val_count(warnings), 1);
}

static void rules_allow_what_they_say(void **state)
{
	static const struct {
		const char *rules, *verb, *group, *resource;
		bool allowed;
	} rows[] = {
		{ "[{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]", "patch", "apps",
			"deployments/scale", true },
		{ "[{verbs: [get], apiGroups: [apps], resources: [deployments]}]", "get", "apps",
			"deployments", true },
		{ "[{verbs: [get], apiGroups: [apps], resources: [deployments]}]", "get", "apps",
			"deployments/scale", false },
		{ "[{verbs: [patch], apiGroups: [apps], resources: ['*/scale']}]", "patch", "apps",
			"deployments/scale", true },
		{ "[{verbs: [get], apiGroups: [''], resources: [deployments]}]", "get", "apps",
			"deployments", false },
		{ "[{verbs: [get], apiGroups: [apps], resources: [deployments], resourceNames: [a]}]",
			"get", "apps", "deployments", false },
		{ "[]", "get", "apps", "deployments", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(val_free) struct val rules = value_of(rows[i].rules);

		if (access_rules_allow(rules, rows[i].verb, rows[i].group, rows[i].resource) !=
			rows[i].allowed)
			fail_msg("%s of %s by %s", rows[i].verb, rows[i].resource, rows[i].rules);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_token_is_shown_by_the_same_account),
		TEST(another_row_counts_for_everybody),
		TEST(another_row_shares_no_connection_with_the_one_before),
		TEST(stages_keep_the_cluster_that_they_began_with),
		TEST(a_name_that_comes_back_is_watched_anew),
		TEST(nobody_keeps_an_account_that_was_broken),
		TEST(accounts_do_not_pile_up_without_end),
		TEST(warnings_that_took_long_are_not_asked_for_again),
		TEST(nobody_waits_for_the_warnings_of_another),
		cmocka_unit_test(rules_allow_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
