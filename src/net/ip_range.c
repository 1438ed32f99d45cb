#include "net/ip_range.h"

#include <arpa/inet.h>

bool ip_of_sockaddr(const struct sockaddr *address, struct ip *ret, int *ret_port)
{
	in_port_t port;

	*ret = (struct ip){ .family = address->sa_family };
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		memcpy(ret->bytes, &v4.sin_addr, 4);
		port = v4.sin_port;
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		memcpy(ret->bytes, &v6.sin6_addr, 16);
		port = v6.sin6_port;
	} else {
		return false;
	}
	if (ret_port)
		*ret_port = ntohs(port);
	return true;
}

/* True when all bits from FROM on are zero. */
static bool is_clear_from(const struct ip *ip, int from, int total)
{
	for (int bit = from; bit < total; bit++) {
		if (ip->bytes[bit / 8] & (0x80 >> (bit % 8)))
			return false;
	}
	return true;
}

bool ip_range_parse(struct str text, struct ip_range *ret)
{
	char address[INET6_ADDRSTRLEN];
	ptrdiff_t slash = str_find(text, "/", 0);
	struct str plain = slash < 0 ? text : str_slice(text, 0, (size_t)slash);
	int64_t bits = -1;

	if (plain.length == 0 || plain.length >= sizeof(address) ||
		memchr(plain.bytes, '\0', plain.length))
		return false;
	memcpy(address, plain.bytes, plain.length);
	address[plain.length] = '\0';
	*ret = (struct ip_range){ .first.family = strchr(address, ':') ? AF_INET6 : AF_INET };
	if (inet_pton(ret->first.family, address, ret->first.bytes) != 1)
		return false;
	int total = ret->first.family == AF_INET ? 32 : 128;

	if (slash >= 0 && !str_to_int(str_slice(text, (size_t)slash + 1, text.length), &bits))
		return false;
	if (slash < 0)
		bits = total;
	if (bits < 0 || bits > total)
		return false;
	ret->bits = (int)bits;
	return is_clear_from(&ret->first, ret->bits, total);
}

bool ip_range_holds(const struct ip_range *range, const struct ip *ip)
{
	int whole = range->bits / 8;
	int rest = range->bits % 8;

	if (range->first.family != ip->family ||
		memcmp(range->first.bytes, ip->bytes, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((range->first.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest)) == 0;
}

/* Where the IPv4 address lies behind a prefix; Teredo's is stored inverted. */
static const struct {
	const char *range;
	int at;
	unsigned char flip;
} embeddings[] = {
	{ "::ffff:0:0/96", 12, 0 },
	{ "::ffff:0:0:0/96", 12, 0 },
	{ "::/96", 12, 0 },
	{ "64:ff9b::/96", 12, 0 },
	{ "64:ff9b:1::/48", 12, 0 },
	{ "2002::/16", 2, 0 },
	{ "2001::/32", 12, 0xff },
};

static void embedded_at(const struct ip *ip, int at, unsigned char flip, struct ip *ret)
{
	*ret = (struct ip){ .family = AF_INET };
	for (int i = 0; i < 4; i++)
		ret->bytes[i] = ip->bytes[at + i] ^ flip;
}

bool ip_embedded(const struct ip *ip, struct ip *ret)
{
	if (ip->family != AF_INET6)
		return false;
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		struct ip_range range;

		if (!ip_range_parse(str_of(embeddings[i].range), &range) ||
			!ip_range_holds(&range, ip))
			continue;
		embedded_at(ip, embeddings[i].at, embeddings[i].flip, ret);
		return true;
	}
	/* ISATAP: …:0:5efe:a.b.c.d or …:200:5efe:a.b.c.d behind any prefix. */
	if ((ip->bytes[8] & 0xfd) == 0 && ip->bytes[9] == 0 && ip->bytes[10] == 0x5e &&
		ip->bytes[11] == 0xfe) {
		embedded_at(ip, 12, 0, ret);
		return true;
	}
	return false;
}

void ip_text(const struct ip *ip, char ret[INET6_ADDRSTRLEN])
{
	inet_ntop(ip->family, ip->bytes, ret, INET6_ADDRSTRLEN);
}
