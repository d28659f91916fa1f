#include "daemon/http/address.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/err.h"

void address_format(char out[ADDRESS_SIZE], const struct sockaddr *addr, socklen_t len)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[8];

	if (!addr || len < sizeof addr->sa_family) {
		snprintf(out, ADDRESS_SIZE, "?");
	} else if (addr->sa_family == AF_UNIX) {
		snprintf(out, ADDRESS_SIZE, "unix");
	} else if (getnameinfo(addr, len, host, sizeof host, port, sizeof port,
			       NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(out, ADDRESS_SIZE, "?");
	} else {
		snprintf(out, ADDRESS_SIZE, addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
			 port);
	}
}

/* Splits at the last colon; brackets around an IPv6 address go.  `host` holds 256 bytes. */
static int split(const char *text, char *host, const char **ret_port)
{
	const char *colon = strrchr(text, ':'), *from = text;
	size_t len;
	char *end;

	if (!colon)
		return ERR_SYNTAX;
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
		from++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return ERR_SYNTAX; /* an IPv6 address without brackets */
	}
	if (len >= 256 || colon[1] < '0' || colon[1] > '9' || strlen(colon + 1) > 5 ||
	    strtoul(colon + 1, &end, 10) > 65535 || *end)
		return ERR_SYNTAX;
	memcpy(host, from, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

int address_resolve(const char *text, struct addrinfo **ret_list)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char host[256];
	const char *port;
	int rc = split(text, host, &port);

	if (rc < 0)
		return rc;
	rc = getaddrinfo(!host[0] || strcmp(host, "*") == 0 ? NULL : host, port, &hints, ret_list);
	if (rc == EAI_SYSTEM)
		return -errno;
	if (rc == EAI_MEMORY)
		return -ENOMEM;
	return rc ? -EADDRNOTAVAIL : 0;
}
