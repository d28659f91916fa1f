/* The HTTP side of the port: connections in libmicrohttpd's external loop, watched for disconnects,
 * bounded in head, body, number and time. */
#ifndef DAEMON_HTTP_SERVER_H
#define DAEMON_HTTP_SERVER_H

#include <sys/socket.h>
#include <uv.h>

#include "daemon/http/exchange.h"

struct http_conf {
	size_t max_body, max_head;
	unsigned max_connections;
	int64_t head_timeout, body_timeout, idle_timeout, stall_timeout; /* ms */
	size_t max_bodies; /* memory of all request bodies together; 0: 16 x max_body, at least 64
			      MB */
	const char *const
		*hosts; /* allowed Host values without port, lower case; NULL-terminated; copied */
};

struct http_server;

/* NULL: out of memory or descriptors (errno).  `handlers` is copied. */
struct http_server *http_server_new(uv_loop_t *loop, const struct http_conf *conf,
				    const struct http_handlers *handlers);
int http_server_configure(struct http_server *s,
			  const struct http_conf *conf); /* on reload; max_head stays as it was */

/* Whether a Host value (with or without port) is served here, for heads that others take. */
bool http_server_allows_host(const struct http_server *s, const char *host);

/* Takes an accepted, non-blocking socket: it is the server's from now on, also when this fails
 * (then it is closed). */
void http_server_adopt(struct http_server *s, int fd, const struct sockaddr *addr,
		       socklen_t addr_len);

unsigned http_server_connections(const struct http_server *s);
unsigned http_server_exchanges(const struct http_server *s); /* answers not complete yet */

/* While draining every answer carries `Connection: close` and idle connections are closed. */
void http_server_drain(struct http_server *s);

/* Aborts what is open, closes everything; `closed` is called from the loop when no handle is left,
 * then s is freed. */
void http_server_stop(struct http_server *s, void (*closed)(void *ctx), void *ctx);

#endif
