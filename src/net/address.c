#include "net/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "net/ip_range.h"

/* Why an address is refused. The order is that of the checks. */
enum rule {
	RULE_METADATA,
	RULE_NEVER,
	RULE_LOCALHOST,
	RULE_LINK_LOCAL,
	RULE_PRIVATE,
};

static const struct {
	const char *range;
	enum rule rule;
} special_ranges[] = {
	/* What clouds tell a machine about itself, credentials among it. */
	{ "169.254.169.254/32", RULE_METADATA },
	{ "169.254.170.2/32", RULE_METADATA },
	{ "169.254.170.23/32", RULE_METADATA },
	{ "169.254.0.23/32", RULE_METADATA },
	{ "100.100.100.200/32", RULE_METADATA },
	{ "192.0.0.192/32", RULE_METADATA },
	{ "fd00:ec2::/32", RULE_METADATA },
	{ "fd20:ce::254/128", RULE_METADATA },
	{ "224.0.0.0/4", RULE_NEVER },
	{ "240.0.0.0/4", RULE_NEVER },
	{ "ff00::/8", RULE_NEVER },
	{ "127.0.0.0/8", RULE_LOCALHOST },
	{ "0.0.0.0/8", RULE_LOCALHOST },
	{ "::/128", RULE_LOCALHOST },
	{ "::1/128", RULE_LOCALHOST },
	{ "169.254.0.0/16", RULE_LINK_LOCAL },
	{ "fe80::/10", RULE_LINK_LOCAL },
	{ "10.0.0.0/8", RULE_PRIVATE },
	{ "172.16.0.0/12", RULE_PRIVATE },
	{ "192.168.0.0/16", RULE_PRIVATE },
	{ "100.64.0.0/10", RULE_PRIVATE },
	{ "192.0.0.0/24", RULE_PRIVATE },
	{ "198.18.0.0/15", RULE_PRIVATE },
	{ "fc00::/7", RULE_PRIVATE },
	{ "fec0::/10", RULE_PRIVATE },
};

static bool same_address(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool is_of_this_machine(const struct ip *ip)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next) {
		struct ip own;

		found = entry->ifa_addr && ip_of_sockaddr(entry->ifa_addr, &own, NULL) &&
			same_address(&own, ip);
	}
	freeifaddrs(list);
	return found;
}

static bool is_local(const struct ip *ip)
{
	struct ip_range range;

	for (size_t i = 0; i < sizeof(special_ranges) / sizeof(special_ranges[0]); i++) {
		if (special_ranges[i].rule == RULE_LOCALHOST &&
			ip_range_parse(str_of(special_ranges[i].range), &range) &&
			ip_range_holds(&range, ip))
			return true;
	}
	return is_of_this_machine(ip);
}

/* As they are just now; owned. */
static struct val own_listeners(const struct url_policy *policy)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&policy->own_lock;
	struct val listeners;

	pthread_mutex_lock(lock);
	listeners = val_ref(policy->own_listeners);
	pthread_mutex_unlock(lock);
	return listeners;
}

void url_policy_protect(struct url_policy *policy, const char *listener)
{
	bool known = false;

	pthread_mutex_lock(&policy->own_lock);
	for (size_t i = 0; i < val_count(policy->own_listeners) && !known; i++) {
		struct val entry = val_at(policy->own_listeners, i);

		known = str_is(val_as_str(&entry), listener);
	}
	if (!known)
		val_append(&policy->own_listeners, val_string(listener));
	pthread_mutex_unlock(&policy->own_lock);
}

/*
 * "127.0.0.1:8084", "[::1]:8084", "0.0.0.0:8084". A port that we listen on is refused on every
 * address of this machine, since one listener may be reached by several.
 */
static bool is_own_listener(const struct url_policy *policy, const struct ip *ip, int port)
{
	_cleanup_(val_free) struct val listeners = own_listeners(policy);

	for (size_t i = 0; i < val_count(listeners); i++) {
		struct val entry = val_at(listeners, i);
		struct str text = val_as_str(&entry);
		const char *colon = memrchr(text.bytes, ':', text.length);
		int64_t listening;
		struct ip_range range;

		if (!colon)
			continue;
		size_t at = (size_t)(colon - text.bytes);
		struct str host = str_slice(text, 0, at);

		if (!str_to_int(str_slice(text, at + 1, text.length), &listening) || listening != port)
			continue;
		if (str_starts(host, "[") && str_ends(host, "]"))
			host = str_slice(host, 1, host.length - 1);
		if (ip_range_parse(host, &range) && ip_range_holds(&range, ip))
			return true;
		if (is_local(ip))
			return true;
	}
	return false;
}

static int check_rule(
	const struct url_policy *policy, enum rule rule, const char *name, struct err *err)
{
	switch (rule) {
	case RULE_METADATA:
		return err_set(err, ERR_DENIED, "%s is a cloud's metadata service", name);
	case RULE_NEVER:
		return err_set(err, ERR_DENIED, "%s is no address of one machine", name);
	case RULE_LOCALHOST:
		if (policy->reject_localhost)
			return err_set(err, ERR_DENIED,
				"%s is an address of this machine (rejectLocalhost)", name);
		break;
	case RULE_LINK_LOCAL:
		if (policy->reject_link_local)
			return err_set(err, ERR_DENIED,
				"%s is a link-local address (rejectLinkLocal)", name);
		break;
	case RULE_PRIVATE:
		if (policy->reject_private)
			return err_set(err, ERR_DENIED,
				"%s is a private address (rejectPrivateAddresses)", name);
		break;
	}
	return 0;
}

static int check_ip(const struct url_policy *policy, const struct ip *ip, int port, struct err *err)
{
	char name[INET6_ADDRSTRLEN];

	ip_text(ip, name);
	for (size_t i = 0; i < sizeof(special_ranges) / sizeof(special_ranges[0]); i++) {
		struct ip_range range;

		if (ip_range_parse(str_of(special_ranges[i].range), &range) &&
			ip_range_holds(&range, ip) &&
			check_rule(policy, special_ranges[i].rule, name, err) < 0)
			return -1;
	}
	if (policy->reject_localhost && is_of_this_machine(ip))
		return check_rule(policy, RULE_LOCALHOST, name, err);
	for (size_t i = 0; i < policy->rejected_ips.count; i++) {
		struct ip_range range;

		if (ip_range_parse(str_of(policy->rejected_ips.items[i]), &range) &&
			ip_range_holds(&range, ip))
			return err_set(err, ERR_DENIED, "%s is in %s (rejectedIps)", name,
				policy->rejected_ips.items[i]);
	}
	if (is_own_listener(policy, ip, port))
		return err_set(
			err, ERR_DENIED, "%s port %d is a listener of this program", name, port);
	return 0;
}

int url_policy_check_address(
	const struct url_policy *policy, const struct sockaddr *address, struct err *err)
{
	struct ip ip;
	struct ip inner;
	int port;

	if (!ip_of_sockaddr(address, &ip, &port))
		return err_set(err, ERR_DENIED, "not an internet address");
	if (check_ip(policy, &ip, port, err) < 0)
		return -1;
	if (ip_embedded(&ip, &inner))
		return check_ip(policy, &inner, port, err);
	return 0;
}
