/* What the files of the WebSocket server share, and nobody else sees.
 *
 * server.c    libwebsockets in the loop: start, its callbacks, stop
 * adopt.c     a socket's way to libwebsockets
 * conn.c      one connection: its life, and how it is closed
 * receive.c   bytes of the socket to messages, with their bounds
 * send.c      the queue of what goes out
 * frames.c    the frames of RFC 6455, as they are received
 * sweep.c     the clock: pings, silence, readers that stand still, closes that take too long */
#ifndef DAEMON_WS_INTERNAL_H
#define DAEMON_WS_INTERNAL_H

#include <libwebsockets.h>

#include "shared/buf.h"

#include "daemon/ws/frames.h"
#include "daemon/ws/ws.h"

#define WS_AREA "ws"
#define WS_QUEUE_MAX ((size_t)64 * 1024 * 1024) /* memory of what waits for one peer */
#define WS_REASON_MAX 123
#define WS_SUBPROTOCOL "ccapi.v1"
#define WS_REQUEST_MAX 512 /* the upgrade request that libwebsockets sees */
#define WS_CODE_NONE 1006  /* there was no close frame */

/* Bytes of a message in one frame.  After libuv has called a socket writable the kernel mostly
 * takes as much at once; what it does not, libwebsockets copies. */
#define WS_FRAME_MAX ((size_t)64 * 1024)

/* An outgoing message; libwebsockets writes each frame's head into the room in front of it. */
struct ws_chunk {
	struct ws_chunk *next;
	size_t len, sent;
	unsigned char data[]; /* LWS_PRE bytes of room first */
};

/* Only forward. */
enum ws_state {
	WS_ACCEPTED,  /* not given to libwebsockets yet */
	WS_HANDSHAKE, /* libwebsockets answers the upgrade request */
	WS_OPEN,
	WS_FLUSHING, /* what is queued is sent, then the close frame */
	WS_CLOSING,  /* the close frame is sent, the peer's is waited for */
	WS_ENDING,   /* our side of the TCP connection is closed as well */
	WS_DROPPED   /* libwebsockets was told to close the socket */
};

struct ws_conn {
	struct ws_server *server;
	struct lws *wsi; /* NULL: libwebsockets does not have it (yet, any more) */
	void *user;
	int fd; /* libwebsockets's from WS_HANDSHAKE on */
	enum ws_state state;
	bool watched;   /* in the server's epoll */
	int code;       /* of the close frame that was sent or received; 0: none so far */
	int close_code; /* of the one that we are to send */
	char reason[WS_REASON_MAX + 1];
	bool deaf;        /* nothing more is understood from the peer: bytes are thrown away */
	bool peer_closed; /* its close frame has come */

	/* Sending. */
	struct ws_chunk *first, *last;
	size_t queued;    /* bytes in the chunks that libwebsockets has not taken */
	size_t in_flight; /* bytes at most that it has taken and the kernel has not */
	size_t memory;    /* of all chunks */
	size_t limit;     /* of its messages; 0: max_message */
	size_t high, low;
	bool was_high, stall_told;
	bool blocked; /* the kernel took no more when we wrote last */
	bool ping_due, pong_due;
	unsigned char pong[FRAMES_CONTROL_MAX];
	size_t pong_len;
	int unsent; /* what the kernel held at the last sweep */

	/* Receiving. */
	struct frames frames;
	struct buf message; /* as far as it has come */
	int64_t allowance;  /* messages that may come now, in thousandths */
	int64_t allowance_ms;

	/* Monotonic ms. */
	int64_t since_ms;  /* the state was entered, or its last sign of progress */
	int64_t heard_ms;  /* the peer has sent something, or made room for more */
	int64_t pinged_ms; /* 0: not since it was heard */
	int64_t taken_ms;  /* it has taken something, or nothing was waiting */

	struct ws_conn *prev, *next;
};

struct ws_server {
	uv_loop_t *loop;
	struct ws_conf conf;
	struct ws_handlers handlers;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct ws_conn *conns;    /* oldest first */
	struct ws_conn *fresh;    /* the first that libwebsockets does not have yet; NULL: none */
	struct ws_conn *adopting; /* libwebsockets does not know yet that it has this one */
	unsigned count;
	int input_fd; /* epoll over the sockets of all open connections */
	uv_poll_t input;
	uv_timer_t sweep, soon;
	uv_prepare_t prepare;
	unsigned open_handles;
	bool stopping, destroying;
	int64_t stop_ms;
	unsigned turns; /* of the loop since libwebsockets was told to go */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* server.c */
void ws_server_reap(struct ws_conn *w); /* frees it, after handlers->closed */

/* conn.c */
int ws_conn_opened(struct ws_conn *w); /* negative: drop it */
void ws_conn_enter(struct ws_conn *w, enum ws_state state);
void ws_conn_unwatch(struct ws_conn *w);
void ws_conn_drop(struct ws_conn *w); /* soon, and without another word */
void ws_conn_peer_closes(struct ws_conn *w, const unsigned char *payload, size_t len);
void ws_conn_violates(struct ws_conn *w, int code, const char *why);
void ws_conn_heard(struct ws_conn *w);
void ws_conn_progress(struct ws_conn *w); /* it has taken bytes for which it made room */
void ws_conn_close_sent(struct ws_conn *w);

/* receive.c */
void ws_receive(struct ws_conn *w); /* the socket is readable */

/* send.c */
int ws_send_some(struct ws_conn *w); /* the socket is writable; negative: drop it */
void ws_send_want(struct ws_conn *w);
void ws_send_clear(struct ws_conn *w); /* of the queue, what has not begun */

/* sweep.c */
void ws_sweep(struct ws_server *s);

#endif
