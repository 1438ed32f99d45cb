/*
 * Addresses of both families and ranges of them ("10.0.0.0/8", "fe80::/10", a single address).
 * Pure; any thread.
 */
#ifndef NET_IP_RANGE_H
#define NET_IP_RANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

struct ip {
	int family;              /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* the first 4 for AF_INET, zero beyond */
};
struct ip_range {
	struct ip first;
	int bits;
};

bool ip_of_sockaddr(
	const struct sockaddr *address, struct ip *ret, int *ret_port); /* ret_port may be NULL */
/* Only the usual spellings, no octal or short ones; host bits must be zero in a range. */
bool ip_range_parse(struct str text, struct ip_range *ret);
bool ip_range_holds(const struct ip_range *range, const struct ip *ip);
/* The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 (RFC 6052, 8215), 6to4, Teredo,
 * ISATAP. */
bool ip_embedded(const struct ip *ip, struct ip *ret);
void ip_text(const struct ip *ip, char ret[INET6_ADDRSTRLEN]);

#endif
