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

/* Lines of events that wait for a moment, so that many of them are one write a subscriber.  Each
 * batch is written once and shared by all who get all of it. */
struct feed {
	struct shared_text *batch; /* NULL: nothing waits */
	struct feed_line {
		const char *topic; /* a literal */
		uint64_t seq;
		size_t at, len;
	} * lines;
	size_t count, room;
	uv_timer_t flush, watch;
	/* As last told, to see what has changed. */
	unsigned waiting, running;
	bool paused;
	const char *state;
	char detail[128];
};

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
	struct feed feed;
	struct conn *conns;         /* open and closing ones */
	struct verb_call *requests; /* not answered yet */
	unsigned conn_count, reader_count;
	int64_t began_ms; /* monotonic */
	bool draining, stopping;
	uv_timer_t turn;   /* the loop's next turn */
	unsigned accepted; /* in this one */
	bool accept_later; /* a connection waits in the listener, for memory or the next turn */
	int open_handles;  /* listener and timers */
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
	struct subscription {
		bool open;
		json_t *topics;      /* NULL: all */
		size_t recent, logs; /* what its snapshots hold */
		uint64_t since;      /* events up to this one are in its snapshot */
		size_t snapshot_len; /* bytes of the snapshot, while some of it waits */
		bool behind;         /* it gets no event until it has read */
		int64_t behind_ms;
		uint64_t lost; /* events, since it is behind */
	} feed;
	struct conn *prev, *next;
};

void conn_accept(struct control *c);
/* Takes the bytes (malloc'ed; NULL: out of memory, the connection is cut). */
void conn_send(struct conn *conn, char *data, size_t len);
/* The same bytes for several; each holds a reference while it sends them. */
struct shared_text {
	struct buf text;
	unsigned refs;
};
void conn_send_shared(struct conn *conn, struct shared_text *text);
void shared_text_unref(struct shared_text *text);
size_t conn_waiting(const struct conn *conn); /* bytes of output */
void conn_pump(struct conn *conn);            /* the running request has ended */
void conn_end(struct conn *conn);             /* takes no more, closes when its output is out */
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
	bool patient; /* it may take long: no time-out */
	/* The connection has gone before the answer; NULL: the work goes on all the same. */
	void (*left)(struct verb_call *r);
	struct verb_call *prev, *next;

	/* For the verb: what it keeps until its change is durable, and what it then does. */
	void (*then)(struct verb_call *r);
	char subject[128];
	char secret[128];
	int64_t number;
	enum scope scope;
	void *work;
};

/* Looks at one line.  It is answered before this returns, or conn->running is set. */
void verb_call_begin(struct conn *conn, const char *line, size_t len);
/* Tells the connection that the answer takes too long; the request goes on alone. */
void verb_call_give_up(struct verb_call *r);

/* Something to be known before the answer; left out where the peer does not read.  Takes params. */
void verb_call_notify(struct verb_call *r, const char *method, json_t *params);

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
int feed_start(struct control *c);
void feed_stop(struct control *c, void (*closed)(uv_handle_t *handle));
void feed_second(struct control *c); /* once a second: figures */
/* Somebody has subscribed, or does no longer. */
void feed_audience_changed(struct control *c);
void feed_drained(struct conn *conn); /* some of its output has been taken */
void feed_end(struct conn *conn);     /* it subscribes no more */

/* ---- snapshot.c ---- */

json_t *snapshot_new(struct control *c, const struct subscription *s); /* NULL: out of memory */
bool feed_wants(const struct subscription *s, const char *topic);

/* ---- status.c ---- */

json_t *status_view(const struct control *c);
json_t *queue_view(const struct control *c);
json_t *service_view(const struct control *c);
json_t *cache_view(const struct control_deps *deps);
const char *service_state(const struct control *c); /* a literal */

#endif
