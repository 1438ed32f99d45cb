#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/limits.h"
#include "net/address.h"
#include "net/http_client.h"
#include "net/ip_range.h"
#include "net/url.h"

static void policy_of(const char *json, struct url_policy *ret)
{
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_(val_free) struct val settings = VAL_NULL;

	if (json_parse(str_of(json), NULL, NULL, &settings, &err) < 0 ||
		url_policy_read(settings, ret, &err) < 0)
		fail_msg("%s: %s", json, err_text(&err));
}

static enum err_kind verdict(const struct url_policy *policy, const char *method, const char *url)
{
	_cleanup_err_ struct err err = ERR_INIT;

	if (url_policy_check_url(policy, method, url, &err) == 0)
		return ERR_NONE;
	assert_true(*err_text(&err));
	return err.kind;
}

static enum err_kind address_verdict(const struct url_policy *policy, const char *text, int port)
{
	_cleanup_err_ struct err err = ERR_INIT;
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	const struct sockaddr *address = (struct sockaddr *)&v4;

	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		address = (struct sockaddr *)&v6;
	else
		assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
	return url_policy_check_address(policy, address, &err) == 0 ? ERR_NONE : err.kind;
}

/* All that a resolver or a browser takes for loopback or link-local (security.md row 34). */
static const char *const inside_urls[] = {
	"http://localhost/",
	"http://LOCALHOST:8084/",
	"http://localhost./",
	"http://a.localhost/",
	"http://127.0.0.1/",
	"http://127.1/",
	"http://127.1./",
	"http://2130706433/",
	"http://0x7f.1/",
	"http://0x7f000001/",
	"http://0177.0.0.1/",
	"http://017700000001/",
	"http://0/",
	"http://0.0.0.0/",
	"http://127.0.0.1./",
	"http://%31%32%37.0.0.1/",
	"http://[::]/",
	"http://[::1]/",
	"http://[0:0:0:0:0:0:0:1]:8080/",
	"http://[::127.0.0.1]/",
	"http://[::ffff:127.0.0.1]/",
	"http://[::ffff:7f00:1]/",
	"http://[64:ff9b::7f00:1]/",
	"http://[64:ff9b:1::7f00:1]/",
	"http://[2002:7f00:1::]/",
	"http://[2001:0:1:2:3:4:80ff:fffe]/",
	"http://[fe80::1]/",
	"http://[fe80::1%25eth0]/",
	"http://[2001:db8::5efe:7f00:1]/",
	"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.\xe2\x93\xaa.\xe2\x91\xa0/",
	"http://169.254.10.1/",
};

static void every_spelling_of_an_inside_address_is_refused(void **state)
{
	static const char *const settings[] = { "{}", "{\"rejectVerbatimIps\":false}",
		"{\"rejectVerbatimIps\":false,\"allowedHostnamesRegex\":\".*\"}" };

	for (size_t s = 0; s < 3; s++) {
		_cleanup_(url_policy_free) struct url_policy policy = { 0 };

		policy_of(settings[s], &policy);
		for (size_t i = 0; i < sizeof(inside_urls) / sizeof(inside_urls[0]); i++) {
			if (verdict(&policy, "GET", inside_urls[i]) == ERR_NONE)
				fail_msg("%s lets %s pass", settings[s], inside_urls[i]);
		}
	}
}

static const struct {
	const char *address;
	const char *settings;
	enum err_kind expected;
} address_rows[] = {
	{ "93.184.216.34", "{}", ERR_NONE },
	{ "2606:2800:220:1::1", "{}", ERR_NONE },
	{ "10.1.2.3", "{}", ERR_NONE },
	{ "10.1.2.3", "{\"rejectPrivateAddresses\":true}", ERR_DENIED },
	{ "172.31.255.255", "{\"rejectPrivateAddresses\":true}", ERR_DENIED },
	{ "172.32.0.1", "{\"rejectPrivateAddresses\":true}", ERR_NONE },
	{ "::ffff:192.168.1.1", "{\"rejectPrivateAddresses\":true}", ERR_DENIED },
	{ "fd12::1", "{\"rejectPrivateAddresses\":true}", ERR_DENIED },
	{ "127.8.8.8", "{}", ERR_DENIED },
	{ "127.8.8.8", "{\"rejectLocalhost\":false}", ERR_NONE },
	{ "::1", "{}", ERR_DENIED },
	{ "::ffff:127.0.0.1", "{}", ERR_DENIED },
	{ "64:ff9b::7f00:1", "{}", ERR_DENIED },
	{ "2002:7f00:1::", "{}", ERR_DENIED },
	{ "2002:a00:1::", "{}", ERR_NONE },
	{ "169.254.1.1", "{}", ERR_DENIED },
	{ "169.254.1.1", "{\"rejectLinkLocal\":false}", ERR_NONE },
	{ "fe80::1", "{\"rejectLinkLocal\":\"false\"}", ERR_NONE },
	{ "224.0.0.1", "{}", ERR_DENIED },
	{ "255.255.255.255", "{}", ERR_DENIED },
	{ "ff02::1", "{}", ERR_DENIED },
	{ "10.63.245.46", "{\"rejectedIps\":[\"10.60.0.0/14\"]}", ERR_DENIED },
	{ "10.64.0.1", "{\"rejectedIps\":[\"10.60.0.0/14\"]}", ERR_NONE },
	{ "::ffff:10.63.1.1", "{\"rejectedIps\":[\"10.60.0.0/14\"]}", ERR_DENIED },
	{ "2001:db8::7", "{\"rejectedIps\":\"2001:db8::/32\"}", ERR_DENIED },
};

static void addresses_are_judged_by_the_settings(void **state)
{
	for (size_t i = 0; i < sizeof(address_rows) / sizeof(address_rows[0]); i++) {
		_cleanup_(url_policy_free) struct url_policy policy = { 0 };

		policy_of(address_rows[i].settings, &policy);
		if (address_verdict(&policy, address_rows[i].address, 443) != address_rows[i].expected)
			fail_msg("%s with %s", address_rows[i].address, address_rows[i].settings);
	}
}

/* security.md row 37 */
static void cloud_metadata_is_refused_whatever_settings_relax(void **state)
{
	static const char *const addresses[] = { "169.254.169.254", "fd00:ec2::254",
		"100.100.100.200", "169.254.0.23", "169.254.170.2", "::ffff:169.254.169.254",
		"64:ff9b::a9fe:a9fe" };
	static const char *const urls[] = { "http://169.254.169.254/latest/meta-data",
		"http://0xa9fea9fe/", "http://metadata.tencentyun.com/",
		"http://METADATA.google.internal/", "http://metadata.google.internal./",
		"http://[fd00:ec2::254]/" };
	_cleanup_(url_policy_free) struct url_policy policy = { 0 };

	policy_of("{\"rejectLocalhost\":false,\"rejectLinkLocal\":false,\"rejectVerbatimIps\":false,"
		  "\"allowedHostnamesRegex\":\".*\",\"excludedDomains\":[]}",
		&policy);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(address_verdict(&policy, addresses[i], 80), ERR_DENIED);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_int_equal(verdict(&policy, NULL, urls[i]), ERR_DENIED);
	assert_int_equal(address_verdict(&policy, "127.0.0.1", 80), ERR_NONE);
}

static void own_listeners_are_refused_whatever_settings_relax(void **state)
{
	_cleanup_(url_policy_free) struct url_policy policy = { 0 };

	policy_of("{\"rejectLocalhost\":false}", &policy);
	val_append(&policy.own_listeners, val_string("127.0.0.1:8084"));
	val_append(&policy.own_listeners, val_string("[2001:db8::1]:6443"));
	assert_int_equal(address_verdict(&policy, "127.0.0.1", 8084), ERR_DENIED);
	assert_int_equal(address_verdict(&policy, "127.9.9.9", 8084), ERR_DENIED);
	assert_int_equal(address_verdict(&policy, "::1", 8084), ERR_DENIED);
	assert_int_equal(address_verdict(&policy, "2001:db8::1", 6443), ERR_DENIED);
	assert_int_equal(address_verdict(&policy, "127.0.0.1", 8085), ERR_NONE);
	assert_int_equal(address_verdict(&policy, "93.184.216.34", 8084), ERR_NONE);
}

static const struct {
	const char *url;
	const char *settings;
	enum err_kind expected;
} url_rows[] = {
	{ "https://ci.example.com/job?x=1", "{}", ERR_NONE },
	{ "HTTPS://CI.example.com:8443/", "{}", ERR_NONE },
	{ "http://a_b.example.com/", "{}", ERR_NONE },
	{ "http://example.com./", "{}", ERR_NONE },
	/* row 38: tricks */
	{ "http://user:pass@example.com/", "{}", ERR_DENIED },
	{ "http://user@example.com/", "{}", ERR_DENIED },
	{ "http://a\\@b.example/", "{}", ERR_INVALID },
	{ "http://a#@b.example/", "{}", ERR_DENIED },
	{ "http://a.example/ b", "{}", ERR_INVALID },
	{ "http://a.example/\r\nX: y", "{}", ERR_INVALID },
	{ "http://a.example:0/", "{}", ERR_DENIED },
	{ "http://a.example:65536/", "{}", ERR_INVALID },
	{ "http://a.example:22/", "{}", ERR_DENIED },
	{ "http://a.example:25/", "{}", ERR_DENIED },
	{ "http://a.example:6379/", "{}", ERR_DENIED },
	{ "http://a.example:443/", "{}", ERR_NONE },
	{ "http://a.example:1024/", "{}", ERR_NONE },
	{ "http:///a.example/", "{}", ERR_INVALID },
	{ "http:/a.example/", "{}", ERR_INVALID },
	{ "a.example/x", "{}", ERR_INVALID },
	{ "//a.example/x", "{}", ERR_INVALID },
	{ "", "{}", ERR_INVALID },
	{ "file:///etc/passwd", "{}", ERR_INVALID },
	{ "gopher://a.example/", "{}", ERR_INVALID },
	{ "http://a.example%00.b/", "{}", ERR_INVALID },
	{ "http://a.exam%70le/", "{}", ERR_NONE },
	{ "http://b\xc3\xbc"
	  "cher.example/",
		"{}", ERR_DENIED },
	/* names */
	{ "http://intranet/", "{}", ERR_DENIED },
	{ "http://intranet/", "{\"allowedHostnamesRegex\":\".*\"}", ERR_NONE },
	{ "http://orca.spinnaker/", "{}", ERR_DENIED },
	{ "http://printer.local/", "{}", ERR_DENIED },
	{ "http://a.b.internal./", "{}", ERR_DENIED },
	{ "http://x.localdomain/", "{}", ERR_DENIED },
	{ "http://notinternal.com/", "{}", ERR_NONE },
	{ "http://a.b.internal/", "{\"excludedDomains\":[]}", ERR_NONE },
	{ "http://fluffy.kittens/", "{\"excludedDomainsFromEnvironment\":[\"TEST_NAMESPACE\"]}",
		ERR_DENIED },
	{ "http://kittens.org/", "{\"excludedDomainsFromEnvironment\":[\"TEST_NAMESPACE\"]}",
		ERR_NONE },
	{ "http://foo-bar.com/", "{\"extraExcludedPatterns\":[\".+-.+\"]}", ERR_DENIED },
	{ "http://example.com/", "{\"allowedHostnamesRegex\":\"\"}", ERR_DENIED },
	{ "http://127.0.0.1/",
		"{\"allowedHostnamesRegex\":\"\",\"rejectVerbatimIps\":false,"
		"\"rejectLocalhost\":false}",
		ERR_DENIED },
	{ "http://example.com/", "{\"allowedHostnamesRegex\":\"^api\\\\..*\"}", ERR_DENIED },
	{ "http://api.example.com/", "{\"allowedHostnamesRegex\":\"^api\\\\..*\"}", ERR_NONE },
	{ "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b/",
		"{\"allowedHostnamesRegex\":\"(a+)+c\"}", ERR_DENIED },
	{ "http://example.com/", "{\"allowedSchemes\":[\"https\"]}", ERR_DENIED },
	{ "http://localhost:8080/", "{\"rejectLocalhost\":false}", ERR_NONE },
	{ "http://127.0.0.1:8080/", "{\"rejectLocalhost\":false}", ERR_DENIED },
	{ "http://127.0.0.1:8080/", "{\"rejectLocalhost\":false,\"rejectVerbatimIps\":false}",
		ERR_NONE },
	{ "http://8.8.8.8/", "{}", ERR_DENIED },
	{ "http://8.8.8.8/", "{\"rejectVerbatimIps\":false}", ERR_NONE },
	{ "http://[2001:4860::8888]/", "{\"rejectVerbatimIps\":false}", ERR_NONE },
};

static void urls_are_judged_before_anything_is_resolved(void **state)
{
	setenv("TEST_NAMESPACE", "kittens", 1);
	for (size_t i = 0; i < sizeof(url_rows) / sizeof(url_rows[0]); i++) {
		_cleanup_(url_policy_free) struct url_policy policy = { 0 };

		policy_of(url_rows[i].settings, &policy);
		enum err_kind kind = verdict(&policy, "GET", url_rows[i].url);

		if (kind != url_rows[i].expected)
			fail_msg("%s with %s: %s", url_rows[i].url, url_rows[i].settings,
				err_kind_name(kind));
	}
}

static void a_url_beyond_the_limit_is_refused(void **state)
{
	_cleanup_(url_policy_free) struct url_policy policy = { 0 };
	_cleanup_free_ char *url = xasprintf("http://a.example/%0*d", 4 * LIMIT_URL_BYTES, 7);

	policy_of("{}", &policy);
	assert_int_equal(verdict(&policy, "GET", url), ERR_INVALID);
}

static void a_list_of_allowed_requests_refuses_the_rest(void **state)
{
	_cleanup_(url_policy_free) struct url_policy policy = { 0 };

	policy_of("{\"allowedRequests\":[{\"httpMethods\":[\"GET\",\"POST\"],"
		  "\"urlPrefix\":\"https://a.example/api\"},{\"method\":\"GET\","
		  "\"urlPrefix\":\"https://b.example\"}]}",
		&policy);
	assert_int_equal(verdict(&policy, "POST", "https://a.example/api/x?y"), ERR_NONE);
	assert_int_equal(verdict(&policy, "post", "https://A.example:443/api"), ERR_NONE);
	assert_int_equal(verdict(&policy, "PUT", "https://a.example/api"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "https://a.example/apis"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "https://a.example/api/../x"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "https://a.example/api/%2e%2e/x"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "http://a.example/api"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "https://b.example/any"), ERR_NONE);
	assert_int_equal(verdict(&policy, "GET", "https://b.example.evil.org/"), ERR_DENIED);
	assert_int_equal(verdict(&policy, "GET", "https://b.example:8443/"), ERR_DENIED);
}

static void bad_settings_are_named(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"rejectedIps\":[\"10.0.0.1/8\"]}", "rejectedIps" },
		{ "{\"rejectedIps\":[\"nonsense\"]}", "nonsense" },
		{ "{\"allowedHostnamesRegex\":\"(\"}", "allowedHostnamesRegex" },
		{ "{\"extraExcludedPatterns\":[\"[\"]}", "extraExcludedPatterns" },
		{ "{\"rejectLocalhost\":\"maybe\"}", "rejectLocalhost" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err err = ERR_INIT;
		_cleanup_(val_free) struct val settings = VAL_NULL;
		struct url_policy policy;

		assert_int_equal(json_parse(str_of(rows[i][0]), NULL, NULL, &settings, &err), 0);
		assert_int_equal(url_policy_read(settings, &policy, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		assert_non_null(strstr(err_text(&err), rows[i][1]));
	}
}

static void an_origin_is_written_in_one_way(void **state)
{
	static const char *const rows[][2] = {
		{ "https://A.Example/x?y#z", "https://a.example:443" },
		{ "http://u:p@a.example./", "http://a.example:80" },
		{ "http://[::1]:8080", "http://[::1]:8080" },
		{ "http://127.1:81/", "http://127.0.0.1:81" },
		{ "ftp://a/", NULL },
		{ "nonsense", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *origin = url_origin(rows[i][0]);

		if (rows[i][1])
			assert_string_equal(origin, rows[i][1]);
		else
			assert_null(origin);
	}
}

static void redirect_targets_are_resolved(void **state)
{
	static const char *const rows[][2] = {
		{ "/y", "https://a.example/y" },
		{ "z?q=1#f", "https://a.example/dir/z?q=1" },
		{ "//b.example/y", "https://b.example/y" },
		{ "http://c.example:8080/", "http://c.example:8080/" },
		{ "../../../up", "https://a.example/up" },
		{ "file:///etc/passwd", NULL },
		{ "gopher://a.example/", NULL },
		{ "http://", NULL },
	};
	_cleanup_err_ struct err err = ERR_INIT;
	_cleanup_url_ struct url base = { 0 };

	assert_int_equal(url_parse("https://a.example/dir/x?old=1", &base, &err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_url_ struct url url = { 0 };
		int result = url_resolve(&base, rows[i][0], &url, &err);

		if (!rows[i][1]) {
			assert_int_equal(result, -1);
			continue;
		}
		assert_int_equal(result, 0);
		_cleanup_free_ char *text = url_text(&url);

		assert_string_equal(text, rows[i][1]);
	}
}

static void percent_encoding_round_trips(void **state)
{
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1000);

	url_encode(&buf, STR("a b/\xe4\xbd\xa0?&=+%~._-"));
	assert_string_equal(buf.bytes, "a%20b%2F%E4%BD%A0%3F%26%3D%2B%25~._-");
	_cleanup_strbuf_ struct strbuf back = STRBUF_INIT(1000);

	assert_true(url_decode(&back, strbuf_str(&buf), false));
	assert_string_equal(back.bytes, "a b/\xe4\xbd\xa0?&=+%~._-");
	strbuf_reset(&back);
	assert_true(url_decode(&back, STR("a+b"), true));
	assert_string_equal(back.bytes, "a b");
	static const char *const bad[] = { "%", "%4", "%zz", "a%0", "%00", "%-1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strbuf_reset(&back);
		assert_false(url_decode(&back, str_of(bad[i]), false));
	}
}

static void ranges_hold_what_is_in_them(void **state)
{
	static const struct {
		const char *range;
		const char *address;
		bool holds;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.60.0.0/14", "10.63.255.255", true },
		{ "10.60.0.0/14", "10.64.0.0", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "1.2.3.4", "1.2.3.4", true },
		{ "1.2.3.4", "1.2.3.5", false },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_range range, one;

		assert_true(ip_range_parse(str_of(rows[i].range), &range));
		assert_true(ip_range_parse(str_of(rows[i].address), &one));
		assert_int_equal(ip_range_holds(&range, &one.first), rows[i].holds);
	}
	static const char *const bad[] = { "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.1",
		"010.0.0.0/8", "10.0.0.1/8", "::1/129", "a" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_range range;

		if (ip_range_parse(str_of(bad[i]), &range))
			fail_msg("%s is taken for a range", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_an_inside_address_is_refused),
		cmocka_unit_test(addresses_are_judged_by_the_settings),
		cmocka_unit_test(cloud_metadata_is_refused_whatever_settings_relax),
		cmocka_unit_test(own_listeners_are_refused_whatever_settings_relax),
		cmocka_unit_test(urls_are_judged_before_anything_is_resolved),
		cmocka_unit_test(a_url_beyond_the_limit_is_refused),
		cmocka_unit_test(a_list_of_allowed_requests_refuses_the_rest),
		cmocka_unit_test(bad_settings_are_named),
		cmocka_unit_test(an_origin_is_written_in_one_way),
		cmocka_unit_test(redirect_targets_are_resolved),
		cmocka_unit_test(percent_encoding_round_trips),
		cmocka_unit_test(ranges_hold_what_is_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
