/*
 * The part of the policy that looks at URLs and settings; addresses are judged in address.c.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/vec.h"
#include "net/address.h"
#include "net/ip_range.h"
#include "net/url.h"

const struct field url_policy_fields[] = {
	FIELD(struct url_policy, allowed_hostnames_regex, "allowedHostnamesRegex",
		.preset = ".*\\..+", .title = { "Allowed host names", "允许的主机名" },
		.help = { "Regular expression for the whole name; empty allows no calls at all.",
			"匹配完整主机名的正则表达式；为空则不允许任何调用。" }),
	FIELD(struct url_policy, allowed_schemes, "allowedSchemes",
		.preset = "[\"http\",\"https\"]", .title = { "Allowed schemes", "允许的协议" }),
	FIELD(struct url_policy, reject_localhost, "rejectLocalhost", .preset = "true",
		.title = { "Refuse this machine", "拒绝本机地址" }),
	FIELD(struct url_policy, reject_link_local, "rejectLinkLocal", .preset = "true",
		.title = { "Refuse link-local addresses", "拒绝链路本地地址" }),
	FIELD(struct url_policy, reject_verbatim_ips, "rejectVerbatimIps", .preset = "true",
		.title = { "Refuse addresses as hosts", "拒绝以 IP 地址作为主机" }),
	FIELD(struct url_policy, reject_private, "rejectPrivateAddresses", .preset = "false",
		.title = { "Refuse private addresses", "拒绝私有地址" },
		.help = { "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, fc00::/7.",
			"10.0.0.0/8、172.16.0.0/12、192.168.0.0/16、100.64.0.0/10、fc00::/7。" }),
	FIELD(struct url_policy, rejected_ips, "rejectedIps",
		.title = { "Refused addresses and ranges", "拒绝的地址和网段" }),
	FIELD(struct url_policy, excluded_domains, "excludedDomains",
		.preset = "[\"spinnaker\",\"local\",\"localdomain\",\"internal\"]",
		.title = { "Refused domains", "拒绝的域" }),
	FIELD(struct url_policy, excluded_domains_from_environment, "excludedDomainsFromEnvironment",
		.title = { "Variables with refused domains", "含拒绝域的环境变量" }),
	FIELD(struct url_policy, extra_excluded_patterns, "extraExcludedPatterns",
		.title = { "Refused host name patterns", "拒绝的主机名模式" }),
	FIELD(struct url_policy, allowed_requests, "allowedRequests", .flags = FIELD_LIST,
		.title = { "Allowed requests", "允许的请求" },
		.help = { "List of {method or httpMethods, urlPrefix}; when given, nothing else is allowed.",
			"{method 或 httpMethods, urlPrefix} 的列表；给出后只允许列表内的请求。" }),
	{ 0 },
};

struct url_policy_compiled {
	pcre2_code *allowed; /* NULL: no calls at all */
	VEC(pcre2_code *) excluded;
	VEC(char *) domains; /* excludedDomains and those of the environment */
};

/* The whole name must match, as with java.util.regex.Matcher.matches. */
static int compile(const char *setting, const char *pattern, pcre2_code **ret, struct err *err)
{
	int code;
	size_t at;

	*ret = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_CASELESS, &code, &at, NULL);
	if (*ret)
		return 0;
	PCRE2_UCHAR text[128] = "";

	pcre2_get_error_message(code, text, sizeof(text));
	return err_set(err, ERR_INVALID, "%s: %s at offset %zu", setting, (const char *)text, at);
}

/* -1 = it took too long: counts against the name. */
static int match(const pcre2_code *code, const char *host)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);

	pcre2_set_match_limit(limits, LIMIT_URL_MATCH_STEPS);
	int count = pcre2_match(code, (PCRE2_SPTR)host, strlen(host), 0, 0, data, limits);

	pcre2_match_context_free(limits);
	pcre2_match_data_free(data);
	return count >= 0 ? 1 : count == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

static int compile_policy(struct url_policy *policy, struct err *err)
{
	struct url_policy_compiled *compiled = policy->compiled = xnew(struct url_policy_compiled);
	const char *regex = policy->allowed_hostnames_regex;

	if (regex && str_trim(str_of(regex)).length > 0 &&
		compile("allowedHostnamesRegex", regex, &compiled->allowed, err) < 0)
		return -1;
	for (size_t i = 0; i < policy->extra_excluded_patterns.count; i++) {
		pcre2_code *code;

		if (compile("extraExcludedPatterns", policy->extra_excluded_patterns.items[i],
			    &code, err) < 0)
			return -1;
		vec_push(&compiled->excluded, code);
	}
	for (size_t i = 0; i < policy->excluded_domains.count; i++)
		vec_push(&compiled->domains, xstrdup(policy->excluded_domains.items[i]));
	for (size_t i = 0; i < policy->excluded_domains_from_environment.count; i++) {
		const char *value = getenv(policy->excluded_domains_from_environment.items[i]);

		if (value && *value)
			vec_push(&compiled->domains, xstrdup(value));
	}
	for (size_t i = 0; i < policy->rejected_ips.count; i++) {
		struct ip_range range;

		if (!ip_range_parse(str_of(policy->rejected_ips.items[i]), &range))
			return err_set(err, ERR_INVALID,
				"rejectedIps: %s is neither an address nor a range such as "
				"10.0.0.0/8",
				policy->rejected_ips.items[i]);
	}
	return 0;
}

int url_policy_read(struct val settings, struct url_policy *ret, struct err *err)
{
	struct url_policy policy = { 0 };
	_cleanup_(val_free) struct val map = val_is_null(settings) ? val_map() : val_ref(settings);

	if (fields_read(url_policy_fields, map, &policy, err) < 0)
		return err_wrap(err, "user-configured-url-restrictions");
	if (compile_policy(&policy, err) < 0) {
		url_policy_free(&policy);
		return err_wrap(err, "user-configured-url-restrictions");
	}
	*ret = policy;
	return 0;
}

void url_policy_free(struct url_policy *policy)
{
	struct url_policy_compiled *compiled = policy->compiled;

	if (compiled) {
		pcre2_code_free(compiled->allowed);
		for (size_t i = 0; i < compiled->excluded.count; i++)
			pcre2_code_free(compiled->excluded.items[i]);
		for (size_t i = 0; i < compiled->domains.count; i++)
			free(compiled->domains.items[i]);
		vec_free(&compiled->excluded);
		vec_free(&compiled->domains);
		free(compiled);
	}
	fields_free(url_policy_fields, policy);
	val_free(&policy->own_listeners);
	*policy = (struct url_policy){ 0 };
}

/* Ports below 1024 belong to other protocols; of those above, these take lines of HTTP for
 * commands. */
static const int refused_ports[] = { 2049, 6000, 6379, 6667, 11211 };

static int check_port(const struct url *url, struct err *err)
{
	bool refused = url->port < 1024 && url->port != 80 && url->port != 443;

	for (size_t i = 0; i < sizeof(refused_ports) / sizeof(refused_ports[0]); i++)
		refused = refused || url->port == refused_ports[i];
	if (refused)
		return err_set(err, ERR_DENIED,
			"port %d is not allowed (80, 443 and those from 1024 on are)", url->port);
	return 0;
}

static bool ends_with_domain(const char *host, const char *domain)
{
	size_t length = strlen(host);
	size_t tail = strlen(domain);

	if (domain[0] == '.') {
		domain++;
		tail--;
	}
	return tail > 0 && length > tail + 1 && host[length - tail - 1] == '.' &&
		strcasecmp(host + length - tail, domain) == 0;
}

static bool is_localhost_name(const char *host)
{
	return strcmp(host, "localhost") == 0 || ends_with_domain(host, "localhost") ||
		strcmp(host, "localhost.localdomain") == 0 || strcmp(host, "ip6-localhost") == 0 ||
		strcmp(host, "ip6-loopback") == 0;
}

static int check_characters(const struct url *url, struct err *err)
{
	for (const char *c = url->host; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
			return err_set(err, ERR_DENIED,
				"the host name holds a character that is none of a-z 0-9 - . _ "
				"(write names in other scripts as xn--…)");
	}
	return 0;
}

static int check_name(const struct url_policy *policy, const char *host, struct err *err)
{
	static const char *const metadata[] = { "metadata.google.internal", "metadata.goog",
		"metadata.tencentyun.com", "instance-data.ec2.internal" };
	const struct url_policy_compiled *compiled = policy->compiled;

	for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++) {
		if (strcmp(host, metadata[i]) == 0 || ends_with_domain(host, metadata[i]))
			return err_set(err, ERR_DENIED, "%s is a cloud's metadata service", host);
	}
	if (!compiled->allowed)
		return err_set(
			err, ERR_DENIED, "calls are switched off (allowedHostnamesRegex is empty)");
	if (is_localhost_name(host)) {
		/* As upstream: where this machine is allowed its name needs no dot. */
		return policy->reject_localhost ?
			err_set(err, ERR_DENIED, "%s is this machine (rejectLocalhost)", host) :
			0;
	}
	if (match(compiled->allowed, host) != 1)
		return err_set(err, ERR_DENIED,
			"host %s does not match the allowed names (allowedHostnamesRegex)", host);
	for (size_t i = 0; i < compiled->domains.count; i++) {
		if (ends_with_domain(host, compiled->domains.items[i]))
			return err_set(err, ERR_DENIED, "host %s is in domain %s (excludedDomains)",
				host, compiled->domains.items[i]);
	}
	for (size_t i = 0; i < compiled->excluded.count; i++) {
		if (match(compiled->excluded.items[i], host) != 0)
			return err_set(err, ERR_DENIED,
				"host %s matches a refused pattern (extraExcludedPatterns)", host);
	}
	return 0;
}

/* True and the address when the host is a literal one, in any spelling that a resolver takes for
 * one. */
static bool literal_address(const struct url *url, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((in_port_t)url->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t)url->port) };

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET6, url->host, &v6.sin6_addr) == 1) {
		memcpy(ret, &v6, sizeof(v6));
		return true;
	}
	if (inet_aton(url->host, &v4.sin_addr)) {
		memcpy(ret, &v4, sizeof(v4));
		return true;
	}
	return false;
}

static int check_host(const struct url_policy *policy, const struct url *url, struct err *err)
{
	struct sockaddr_storage address;

	if (url->zone)
		return err_set(err, ERR_DENIED, "addresses with a zone are not allowed");
	if (literal_address(url, &address)) {
		if (!policy->compiled->allowed)
			return check_name(policy, url->host, err);
		if (policy->reject_verbatim_ips)
			return err_set(err, ERR_DENIED,
				"an address as host is not allowed (rejectVerbatimIps)");
		return url_policy_check_address(policy, (struct sockaddr *)&address, err);
	}
	if (url->ipv6)
		return err_set(err, ERR_INVALID, "the URL has no valid host");
	if (check_characters(url, err) < 0)
		return -1;
	return check_name(policy, url->host, err);
}

static bool method_fits(struct val rule, const char *method)
{
	const char *one = val_get_text(rule, "method", NULL);
	struct val several = val_get(rule, "httpMethods");

	if (!method || (!one && val_is_null(several)))
		return true;
	if (one && strcasecmp(one, method) == 0)
		return true;
	for (size_t i = 0; i < val_count(several); i++) {
		struct val item = val_at(several, i);

		if (strcasecmp(val_text(&item), method) == 0)
			return true;
	}
	return false;
}

/* A prefix ends at a boundary: "https://a.example" does not allow "https://a.example.evil",
 * "/api" not "/apis". */
static bool prefix_fits(const char *prefix, const struct url *url)
{
	_cleanup_err_ struct err ignored = ERR_INIT;
	_cleanup_url_ struct url allowed = { 0 };

	if (url_parse(prefix, &allowed, &ignored) < 0 || !url_same_origin(&allowed, url))
		return false;
	size_t length = strlen(allowed.path);

	if (strncmp(allowed.path, url->path, length) != 0)
		return false;
	return allowed.path[length - 1] == '/' || url->path[length] == '\0' ||
		url->path[length] == '/';
}

static int check_allowed(
	const struct url_policy *policy, const char *method, const struct url *url, struct err *err)
{
	if (val_is_null(policy->allowed_requests))
		return 0;
	/* "%2e%2e" is a way out of a prefix for many servers. */
	bool hidden_dots = strcasestr(url->path, "%2e") != NULL;

	for (size_t i = 0; i < val_count(policy->allowed_requests) && !hidden_dots; i++) {
		struct val rule = val_at(policy->allowed_requests, i);

		if (method_fits(rule, method) && prefix_fits(val_get_text(rule, "urlPrefix", ""), url))
			return 0;
	}
	return err_set(err, ERR_DENIED, "%s %s://%s is not in the list of allowed requests",
		method ? method : "a call to", url->scheme, url->host);
}

static int check_scheme(const struct url_policy *policy, const struct url *url, struct err *err)
{
	for (size_t i = 0; i < policy->allowed_schemes.count; i++) {
		if (strcasecmp(policy->allowed_schemes.items[i], url->scheme) == 0)
			return 0;
	}
	return err_set(err, ERR_DENIED, "scheme %s is not allowed (allowedSchemes)", url->scheme);
}

int url_policy_check_url(
	const struct url_policy *policy, const char *method, const char *text, struct err *err)
{
	_cleanup_url_ struct url url = { 0 };

	if (url_parse(text, &url, err) < 0)
		return -1;
	if (url.userinfo)
		return err_set(err, ERR_DENIED, "a user or password in the URL is not allowed");
	if (check_scheme(policy, &url, err) < 0 || check_port(&url, err) < 0 ||
		check_host(policy, &url, err) < 0)
		return -1;
	return check_allowed(policy, method, &url, err);
}
