/* What the files of the HTTP server share, and nobody else sees.
 *
 * server.c      the daemon in the loop, limits, drain, stop
 * connection.c  one client's socket: disconnects, deadlines
 * request.c     the request from its first line to the handler's answer
 * exchange.c    what handlers ask and say
 * stream.c      answers written piece by piece
 * reply.c       handing an answer to libmicrohttpd, and replacing the ones it makes itself
 * linger.c      sockets that are read to their end after a refusal */
#ifndef DAEMON_HTTP_INTERNAL_H
#define DAEMON_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "daemon/http/address.h"
#include "daemon/http/head.h"
#include "daemon/http/server.h"

#define STREAM_QUEUE_MAX                                                                           \
	((size_t)64 * 1024 * 1024) /* a handler that ignores the watermarks is cut there */

struct chunk;
struct lingerer;

struct http_server {
	uv_loop_t *loop;
	struct http_conf conf; /* hosts: our copy */
	struct http_handlers handlers;
	struct MHD_Daemon *mhd;
	size_t max_head;    /* as libmicrohttpd was started; a reload does not change it */
	int disconnects_fd; /* epoll over all connections, for hang-ups only */
	uv_poll_t mhd_poll, disconnects;
	uv_prepare_t prepare;
	uv_timer_t mhd_timer, sweep, stop_soon;
	unsigned handles; /* not closed yet */
	bool dirty;       /* MHD_run has something to do */
	bool draining, stopping;
	bool limit_logged; /* since the last sweep */
	struct connection *connections, *to_nudge;
	unsigned connection_count, exchange_count;
	struct exchange *drained; /* streams whose on_drain is due */
	size_t body_bytes;        /* memory of all bodies being read or in use */
	struct lingerer *lingering;
	unsigned lingering_count;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* A client's connection; lives as long as libmicrohttpd's. */
struct connection {
	struct http_server *server;
	struct MHD_Connection *mhd;
	int fd;
	struct exchange *x; /* NULL between requests */
	int64_t since;      /* monotonic ms: adopted, or the last request complete */
	unsigned requests;
	bool suspended;
	bool gone; /* the client has closed its side */
	bool to_nudge;
	bool linger; /* we close while the client may still be sending */
	struct connection *prev, *next, *nudge_prev, *nudge_next;
	char peer[ADDRESS_SIZE];
};

enum phase {
	PHASE_HEAD,   /* the request line is here */
	PHASE_BODY,   /* the head is complete */
	PHASE_WAIT,   /* the handler has the request */
	PHASE_ANSWER, /* libmicrohttpd has the answer, or its beginning */
};

struct exchange {
	struct connection *conn;
	struct http_server *server;
	enum phase phase;
	const char *method;
	const char *raw_target; /* in libmicrohttpd's memory */
	size_t raw_len;
	struct head_target target;
	int64_t started_us;
	int64_t since; /* monotonic ms: phase entered, or last sign of progress in PHASE_ANSWER */
	int unsent;    /* what the kernel held at the last sweep */
	bool http10, has_body;
	bool announced; /* a handler knows it */
	bool answered;  /* exchange_reply or exchange_stream_begin was called */
	bool ended;     /* the handler is through with it */
	bool aborted;   /* the client is gone, or the server stops */
	bool told;      /* on_abort was called */
	bool close;     /* no further request on this connection */
	bool streaming;
	bool cut;
	struct buf body;
	size_t body_account; /* part of server->body_bytes */
	size_t swallowed;    /* bytes of a body that is not wanted */
	int refusal;         /* status to answer once the body is over; 0: none */
	const char *refusal_message;
	int status;
	struct buf headers; /* name NUL value NUL ... */
	char *reply;
	const void *fixed; /* the reply, when it is not ours */
	size_t reply_len;
	struct chunk *chunks;
	size_t queued, high, low;
	bool was_high, drain_due;
	void (*on_drain)(void *user, struct exchange *x);
	void (*on_abort)(void *user, struct exchange *x);
	void *user;
	struct exchange *drain_prev, *drain_next;
};

/* server.c */
void server_wake(struct http_server *s); /* there is work for MHD_run */

/* connection.c */
int connections_init(struct http_server *s);
void connections_watch(struct http_server *s); /* starts the handles */
void connections_sweep_start(struct http_server *s);
void connections_close_idle(struct http_server *s);
void connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
		       enum MHD_ConnectionNotificationCode code);
void connection_suspend(struct connection *c);
void connection_resume(struct connection *c); /* if suspended */
void connection_nudge(
	struct connection *c); /* soon: if the client is gone, make libmicrohttpd see it */
void connections_nudge(struct http_server *s); /* now */
struct connection *connection_of(struct MHD_Connection *mhd);

/* request.c: libmicrohttpd's callbacks */
void *request_line(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_len, void **con_cls);
void request_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
		       enum MHD_RequestTerminationCode code);

/* exchange.c */
struct exchange *exchange_new(struct connection *c);
void exchange_free(struct exchange *x);
void exchange_abort(struct exchange *x); /* tells the handler, once, unless it is through */
void exchange_drop_body(struct exchange *x);

/* stream.c */
struct MHD_Response *stream_response(struct exchange *x);
void stream_clear(struct exchange *x);
void streams_run_drains(struct http_server *s);

/* reply.c */
enum MHD_Result reply_queue(struct exchange *x); /* the answer that the handler has given */
void reply_check_interposed(void);

/* linger.c */
void linger_start(struct http_server *s, int fd); /* takes a copy of fd */
void linger_sweep(struct http_server *s, int64_t now);
void linger_stop_all(struct http_server *s);

/* A handle of the server is closed. */
void server_handle_closed(uv_handle_t *handle);

#endif
