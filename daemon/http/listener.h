/* The port: listening sockets (own or systemd's), accept, a look at the request head without taking
 * it (MSG_PEEK), and the hand-over to whoever speaks that protocol. */
#ifndef DAEMON_HTTP_LISTENER_H
#define DAEMON_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

/* What a peeked head asks for. */
enum peek_verdict {
	PEEK_MORE, /* cannot be told yet */
	PEEK_HTTP,
	PEEK_WEBSOCKET /* GET with Upgrade: websocket */
};

/* Classifies the first bytes of a connection; never reads past len.  Bounded heads that stay
 * undecided are HTTP. */
enum peek_verdict peek_classify(const char *head, size_t len);

/* Is this certainly no HTTP request (a TLS handshake, say)? */
bool peek_is_garbage(const char *head, size_t len);

struct listener_conf {
	int64_t head_timeout; /* ms until the head must have decided */
	unsigned max_pending; /* connections whose head is not decided */
};

/* Where connections go; the socket belongs to the callee. */
struct listener_targets {
	void (*http)(void *ctx, int fd, const struct sockaddr *addr, socklen_t addr_len);
	/* Looks at a complete head, through its empty line, that asks for a WebSocket.  What
	 * `websocket` gets; NULL: http takes the connection.  Both functions may be NULL: then http
	 * takes all. */
	void *(*upgrade)(void *ctx, const char *head, size_t len, const struct sockaddr *addr,
			 socklen_t addr_len);
	void (*websocket)(void *ctx, int fd, void *user);
	void *ctx;
};

struct listener;

struct listener *listener_new(uv_loop_t *loop, const struct listener_conf *conf,
			      const struct listener_targets *targets);

/* Listens on "HOST:PORT" or "[V6]:PORT" (port 0: a free one); every address that a host name
 * resolves to. 0, -errno, or ERR_SYNTAX.  Logs `listening on ADDRESS:PORT` for each socket. */
int listener_add(struct listener *l, const char *address);
int listener_add_fd(struct listener *l, int fd); /* a bound, listening socket from systemd */

/* The i-th listening socket as "127.0.0.1:8080"; NULL past the last. */
const char *listener_address(const struct listener *l, size_t i);

void listener_close_sockets(
	struct listener *l); /* no new connections; those being looked at go on */
void listener_stop(struct listener *l, void (*closed)(void *ctx),
		   void *ctx); /* closes all, then frees l */

#endif
