/*
 * Which hosts may be called on behalf of users (webhooks, #fromUrl, artifacts): the verdict is about resolved addresses,
 * not names, and is taken again at every redirect and on the address really connected.
 *
 * Names of settings are upstream's (user-configured-url-restrictions). Pure; any thread.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/field.h"
#include "base/val.h"

struct url_policy {
	bool reject_localhost;	   /* rejectLocalhost, default true: loopback, unspecified */
	bool reject_link_local;	   /* rejectLinkLocal, default true */
	bool reject_verbatim_ips;  /* rejectVerbatimIps, default true: a literal address as host */
	bool reject_private;	   /* rejectPrivateAddresses (ours), default true: RFC 1918, ULA, CGNAT, … */
	char *allowed_hostnames_regex; /* allowedHostnamesRegex, default ".*\\..*"-like: a dot is needed; NULL = any */
	struct str_list allowed_schemes;     /* allowedSchemes, default http, https */
	struct str_list exclude_hosts;	     /* excludeHostnames / suffixes refused: spinnaker, local, localdomain, internal */
	struct str_list rejected_ips;	     /* rejectedIps: CIDR ranges */
	struct val allowed_requests;	     /* list of {method, urlPrefix}; VAL_NULL = any */
	struct val own_listeners;	     /* list of "address:port" that are never called, whatever settings say */
};

/* The rows of `user-configured-url-restrictions` in the settings. */
extern const struct field url_policy_fields[];

/* The policy of SETTINGS (that map, or VAL_NULL for the defaults). Free with url_policy_free. */
int url_policy_read(struct val settings, struct url_policy *ret, struct err *err);
void url_policy_free(struct url_policy *policy);

/* Looks at scheme, host name, port and literal addresses of URL before anything is resolved. ERR_INVALID for what is no URL,
 * ERR_DENIED with the rule's name otherwise. METHOD may be NULL. */
int url_policy_check_url(const struct url_policy *policy, const char *method, const char *url, struct err *err);
/* Looks at one resolved ADDRESS. Cloud metadata addresses are always refused. */
int url_policy_check_address(const struct url_policy *policy, const struct sockaddr *address, struct err *err);

#endif
