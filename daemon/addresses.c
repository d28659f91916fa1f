#include "daemon/addresses.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const own_names[] = {"localhost", "127.0.0.1", "[::1]"};

/* "Example.org:80" -> "example.org", "[::1]:80" -> "[::1]" */
static char *host_of(const char *address)
{
	const char *colon = strrchr(address, ':');
	const char *bracket = strrchr(address, ']');
	size_t len = strlen(address);
	char *host;

	if (colon && (!bracket || colon > bracket))
		len = (size_t)(colon - address);
	host = strndup(address, len);
	for (char *c = host; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return host;
}

char **addresses_allowed_hosts(const struct conf *conf)
{
	const size_t own_count = sizeof own_names / sizeof own_names[0];
	size_t allowed = conf->http.allowed_hosts.count, listen = conf->listen.count, n = 0;
	char **hosts = calloc(allowed + listen + own_count + 1, sizeof *hosts);

	if (!hosts)
		return NULL;
	for (size_t i = 0; i < allowed; i++)
		hosts[n++] = host_of(conf->http.allowed_hosts.items[i]);
	for (size_t i = 0; i < listen; i++)
		hosts[n++] = host_of(conf->listen.items[i]);
	for (size_t i = 0; i < own_count; i++)
		hosts[n++] = host_of(own_names[i]);
	for (size_t i = 0; i < n; i++) {
		if (!hosts[i]) {
			for (size_t j = i + 1; j < n; j++)
				free(hosts[j]);
			addresses_free_hosts(hosts);
			return NULL;
		}
	}
	return hosts;
}

void addresses_free_hosts(char **hosts)
{
	for (char **host = hosts; host && *host; host++)
		free(*host);
	free(hosts);
}

bool addresses_socket_is_local(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} addr;
	socklen_t len = sizeof addr;

	if (getsockname(fd, &addr.any, &len) < 0)
		return false;
	switch (addr.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(addr.v4.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&addr.v6.sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&addr.v6.sin6_addr) &&
			addr.v6.sin6_addr.s6_addr[12] == 127);
	default:
		return false;
	}
}
