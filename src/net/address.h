/*
 * Which hosts may be called on behalf of users (webhooks, #fromUrl, artifacts): the verdict is
 * about resolved addresses, not names, and is taken again at every redirect and on the address
 * really connected.
 *
 * Names and defaults of settings are upstream's (user-configured-url-restrictions); reference
 * stages.md 4.6, security.md §5 rows 34 to 38. Any thread; nothing here resolves names.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/field.h"
#include "base/val.h"

struct url_policy_compiled; /* regular expressions and ranges, made by url_policy_read */

struct url_policy {
	bool reject_localhost; /* loopback, unspecified, an address of this machine */
	bool reject_link_local;
	bool reject_verbatim_ips; /* a literal address as host */
	bool reject_private; /* ours: RFC 1918, ULA, CGNAT; off, because upstream lets them pass */
	char *allowed_hostnames_regex; /* the whole name must match; "" = no calls at all */
	struct str_list allowed_schemes;
	struct str_list excluded_domains;                  /* names that end in one of them */
	struct str_list excluded_domains_from_environment; /* variables that hold further ones */
	struct str_list extra_excluded_patterns;
	struct str_list rejected_ips; /* addresses and CIDR ranges */
	/* list of {method or httpMethods, urlPrefix}; VAL_NULL = any */
	struct val allowed_requests;
	/* list of "address:port" never called, whatever settings say; set by the program */
	struct val own_listeners;
	pthread_mutex_t own_lock; /* zero bytes are PTHREAD_MUTEX_INITIALIZER */
	struct url_policy_compiled *compiled;
};
/* Adds "address:port" to own_listeners, once. */
void url_policy_protect(struct url_policy *policy, const char *listener);

/* The rows of `user-configured-url-restrictions` in the settings. */
extern const struct field url_policy_fields[];

/* The policy of SETTINGS (that map, or VAL_NULL for the defaults). Free with url_policy_free. */
int url_policy_read(struct val settings, struct url_policy *ret, struct err *err);
void url_policy_free(struct url_policy *policy);

/* Looks at scheme, host name, port and literal addresses of URL before anything is resolved.
 * ERR_INVALID for what is no URL, ERR_DENIED with the rule's name otherwise. METHOD may be NULL. */
int url_policy_check_url(
	const struct url_policy *policy, const char *method, const char *url, struct err *err);
/* Looks at one resolved ADDRESS, and at the IPv4 address inside an IPv6 one (mapped, NAT64, 6to4,
 * Teredo). Cloud metadata addresses, multicast and own listeners are always refused. */
int url_policy_check_address(
	const struct url_policy *policy, const struct sockaddr *address, struct err *err);

#endif
