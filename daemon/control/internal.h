/* What the files of the control socket share.  Ownership: the control owns connections and
 * requests; a connection knows its running request and a request its connection, and either may go
 * first: the other then holds NULL. */
#ifndef DAEMON_CONTROL_INTERNAL_H
#define DAEMON_CONTROL_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "shared/buf.h"
#include "shared/jsonrpc.h"
#include "shared/verbs.h"

#include "daemon/admit/refusal.h"
#include "daemon/control/control.h"
#include "daemon/control/limits.h"
#include "daemon/control/peer.h"
#include "daemon/observe/events.h"

#define CONTROL_AREA "control"

struct control {
	struct control_deps deps;
	struct control_rights rights;
	struct control_socket {
		int fd; /* until the loop has it */
		dev_t dev;
		ino_t ino;
	} socket;
	uv_pipe_t listener;
	uv_timer_t sweep;
	struct event_listener events;
	struct conn *conns;         /* open and closing ones */
	struct verb_call *requests; /* not answered yet */
	unsigned conn_count, reader_count;
	int64_t began_ms; /* monotonic */
	bool draining, stopping;
	bool accept_later; /* there was no memory for a connection that waits */
	int open_handles;  /* listener and sweep */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- control.c ---- */

void control_check_closed(struct control *c); /* calls `closed` and frees when nothing is left */

/* ---- conn.c ---- */

struct conn {
	struct control *control;
	uv_pipe_t pipe;
	struct peer peer;
	struct buf in;
	size_t at;           /* of `in` that is done with */
	int64_t line_ms;     /* when the incomplete line began; 0: there is none */
	int64_t active_ms;   /* when something was last read or answered */
	int64_t progress_ms; /* when the waiting output last became less */
	size_t waiting;      /* how much it was then */
	unsigned writes;     /* under way */
	unsigned bad_requests;
	bool counted, reading, eof, pumping;
	bool ending;  /* takes no more requests, closes when its output is out */
	bool closing; /* handle is being closed */
	struct verb_call *running;
	bool subscribed;
	json_t *topics; /* of the subscription; NULL: all */
	struct conn *prev, *next;
};

void conn_accept(struct control *c);
/* Takes the bytes (malloc'ed; NULL: out of memory, the connection is cut). */
void conn_send(struct conn *conn, char *data, size_t len);
size_t conn_waiting(const struct conn *conn); /* bytes of output */
void conn_pump(struct conn *conn);            /* the running request has ended */
void conn_close(struct conn *conn);           /* now; what is waiting is lost */
void conn_sweep(struct conn *conn, int64_t now_ms);

/* ---- verb_call.c ---- */

struct verb_call {
	struct control *control;
	struct conn *conn; /* NULL: gone, or told that it took too long */
	struct rpc_request rpc;
	const struct verb *verb;
	const json_t *params; /* checked by the verb's table; NULL: none */
	struct peer peer;
	int64_t began_ms;
	struct verb_call *prev, *next;

	/* For the verb: what it keeps until its change is durable, and what it then does. */
	void (*then)(struct verb_call *r);
	char subject[128];
	char secret[128];
	int64_t number;
	enum scope scope;
};

/* Looks at one line.  It is answered before this returns, or conn->running is set. */
void verb_call_begin(struct conn *conn, const char *line, size_t len);
/* Tells the connection that the answer takes too long; the request goes on alone. */
void verb_call_give_up(struct verb_call *r);

/* Each answers and frees the request.  NULL: out of memory. */
void verb_call_answer(struct verb_call *r, json_t *result); /* takes it */
void verb_call_answer_text(struct verb_call *r, const struct buf *json);
void verb_call_fail(struct verb_call *r, const struct rpc_error *e);
void verb_call_refuse(struct verb_call *r, enum rpc_code code, const char *field, const char *fmt,
		      ...) __attribute__((format(printf, 4, 5)));

/* For changes: what the module said at once (0: `verb_call_done` will come), and what the store
 * said later; r->then answers when it is well. */
void verb_call_started(struct verb_call *r, int rc, const struct refusal *why);
void verb_call_done(void *ctx, int rc);

/* ---- feed.c ---- */

void feed_event(void *ctx, const struct event *e); /* ctx: the control */

#endif
