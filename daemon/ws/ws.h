/* WebSocket connections, as the layers above see them: what daemon/http/exchange.h is for requests.
 *
 * Life: the listener hands over a socket whose upgrade request was looked at and found good; when
 * the handshake is done the server calls handlers->open, then ->message for each whole text message
 * (checked to be UTF-8, within max_message and the rate), at last ->closed, after which the
 * connection is gone.  A handshake that fails calls `closed` alone.  The server itself sends pings,
 * answers them, and closes with 1002, 1003, 1007, 1008 and 1009 what breaks the rules; its close
 * codes always reach a peer that reads.  All on the loop thread; no callback runs inside a call
 * that the handler makes. */
#ifndef DAEMON_WS_WS_H
#define DAEMON_WS_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum ws_close_code {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001, /* the server is shutting down */
	WS_CLOSE_PROTOCOL = 1002,
	WS_CLOSE_UNSUPPORTED = 1003, /* binary messages */
	WS_CLOSE_NOT_UTF8 = 1007,
	WS_CLOSE_POLICY = 1008, /* key, rate, silence */
	WS_CLOSE_TOO_LARGE = 1009,
	WS_CLOSE_INTERNAL = 1011
};

struct ws_conf {
	unsigned max_connections;
	size_t max_message;
	int64_t max_rate;      /* messages a second on average, bursts of two seconds */
	int64_t ping_interval; /* ms */
	int64_t stall_timeout; /* ms that a peer may take nothing while bytes wait for it */
};

struct ws_conn;

struct ws_handlers {
	/* The handshake is done. */
	void (*open)(void *ctx, struct ws_conn *w);
	/* Valid during the call; NUL-terminated. */
	void (*message)(void *ctx, struct ws_conn *w, const char *text, size_t len);
	/* What was queued has fallen below `low` after having been above `high` (ws_watch). */
	void (*drained)(void *ctx, struct ws_conn *w);
	/* The peer has taken nothing for stall_timeout; again only after it has taken something. */
	void (*stalled)(void *ctx, struct ws_conn *w);
	/* The connection is over, w is gone when this returns.  code: what was sent or received,
	 * 1006 when there was no close frame either way.  user: as given to ws_server_adopt. */
	void (*closed)(void *ctx, struct ws_conn *w, int code);
	void *ctx;
};

struct ws_server;

/* NULL: out of memory, or libwebsockets cannot start (logged).  `handlers` is copied. */
struct ws_server *ws_server_new(uv_loop_t *loop, const struct ws_conf *conf,
				const struct ws_handlers *handlers);
void ws_server_configure(struct ws_server *s, const struct ws_conf *conf); /* on reload */

/* Whether another connection is within max_connections. */
bool ws_server_has_room(const struct ws_server *s);

/* Takes an accepted, non-blocking socket whose upgrade request is still unread; it is the server's
 * from now on.  user: ws_user().  When it cannot be served, `closed` is called from the loop with
 * 1006; from inside only when there is no memory for that. */
void ws_server_adopt(struct ws_server *s, int fd, void *user);

unsigned ws_server_connections(const struct ws_server *s);

/* Closes all with 1001, without waiting longer than a few seconds for those that do not answer,
 * then frees s; `closed` is called from the loop when no handle is left. */
void ws_server_stop(struct ws_server *s, void (*closed)(void *ctx), void *ctx);

void *ws_user(const struct ws_conn *w);

/* Another bound of messages than max_message, while the peer is not known, say; 0: max_message. */
void ws_limit(struct ws_conn *w, size_t most);

/* Queues a text message, which is copied.  Nothing after ws_close.  False: no memory, or more than
 * the queue's bound (64 MiB) is waiting: the connection is then being closed with 1011 or 1008. */
bool ws_send(struct ws_conn *w, const char *text, size_t len);
size_t ws_queued(const struct ws_conn *w); /* bytes that the kernel has not taken yet */
void ws_watch(struct ws_conn *w, size_t high, size_t low);

/* Sends what is queued, then the close frame; the peer has a few seconds to answer.  reason: up to
 * 123 bytes of UTF-8, more is cut.  A second call is passed over.  Messages that still come are
 * passed over, too. */
void ws_close(struct ws_conn *w, enum ws_close_code code, const char *reason);

#endif
