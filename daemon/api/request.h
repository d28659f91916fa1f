/* One HTTP request as the API sees it: its id, its place in the access log, and the ways to answer
 * it. */
#ifndef DAEMON_API_REQUEST_H
#define DAEMON_API_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/api/api.h"
#include "daemon/api/errors.h"
#include "daemon/observe/access_log.h"

struct call;
struct docs;
struct route;

struct api {
	struct api_deps deps;
	struct docs *docs;
	int64_t started_us, started_wall_s;
	uv_timer_t timer;       /* runs while calls are open */
	struct call *calls;     /* every open call */
	struct call *next_call; /* of pipeline_tick, while it goes through them */
	unsigned batches;       /* open ones */
	unsigned waiting;       /* calls that wait for the pool to start */
	struct streams {        /* WebSockets: stream.c */
		struct stream *list;
		unsigned open;
		uv_timer_t timer; /* runs while one has still to send its key */
		bool draining;
	} streams;
	unsigned refs; /* the owner's, until the timers are closed, and one per request */
};

/* Lives from the request's head until both the exchange and the call are over; then the access log
 * line is written. */
struct request {
	struct api *api;
	struct exchange *x; /* NULL once answered or gone */
	const struct route *route;
	const char *arg;   /* what stands for "{id}" in the route's path; lives as long as x */
	struct call *call; /* of routes that ask the model */
	void (*gone)(
		struct request *r); /* of other routes that answer later: the client has left */
	void *user;                 /* theirs */
	struct key *key;            /* who asks, a reference; NULL: without a key */
	bool head_checked;          /* the head was found good before the body came */
	int64_t started_us;
	unsigned refs;
	struct access_entry entry; /* entry.request_id is the request's id */
};

struct request *request_new(struct api *api, struct exchange *x); /* NULL: out of memory */
/* One without an exchange: of a connection that becomes a WebSocket.  asked_id: x-request-id. */
struct request *request_new_bare(struct api *api, const char *method, const char *path,
				 const char *peer, const char *asked_id);
/* One of several that a request asks for: has its key, an id of its own and no exchange. */
struct request *request_new_part(struct request *whole, size_t index);
void request_ref(struct request *r);
void request_unref(struct request *r);
void request_count(const struct request *r); /* by route, method and status: it is over */
void request_drop(struct request *r);        /* the only reference; it leaves no trace in the log */

/* Each of these ends the answer: r->x is NULL after.  The buffer's content is taken. */
void request_reply(struct request *r, int status, const char *content_type, struct buf *body);
void request_fail(struct request *r, const struct failure *f);

/* x-request-id, openai-processing-ms and CORS; for answers that do not end through the functions
 * above. */
void request_add_headers(struct request *r);

enum { TICK_WAITING_MS = 50, TICK_OPEN_MS = 1000 }; /* how often open calls are looked at */
void api_run_timer(struct api *api);                /* after api->calls or api->waiting changed */

void api_ref(struct api *api);
void api_unref(struct api *api);

#endif
