/* One request for an answer of the model, from its decoded body to its last byte, and the ways to
 * write that answer. */
#ifndef DAEMON_API_CALL_H
#define DAEMON_API_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/buf.h"

#include "daemon/api/chat_request.h"
#include "daemon/api/errors.h"
#include "daemon/api/request.h"
#include "daemon/dispatch/job.h"

struct call;

/* How an answer is written.  None is called once call->req->x is NULL; `end` and `fail` end the
 * exchange. */
struct encoder {
	void (*text)(struct call *c, const char *text, size_t len);
	void (*end)(struct call *c); /* job->result says how */
	void (*fail)(struct call *c, const struct failure *f);
	void (*tick)(struct call *c, int64_t now_us); /* about every second while the job is open */
};

extern const struct encoder openai_json; /* one object at the end */
extern const struct encoder openai_sse;  /* a stream of chunks */

/* What openai_sse keeps. */
struct sse_state {
	struct buf prefix; /* of every text chunk, up to the text itself */
	struct buf frame;
	bool begun;      /* headers are out */
	bool role_sent;  /* the first chunk is out */
	bool paused;     /* the worker waits for the reader */
	int64_t sent_us; /* when something was last sent; at first: when the request came */
};

struct call {
	struct request *req; /* req->x is NULL once answered or aborted */
	struct api *api;
	struct job *job;
	const struct encoder *encoder;
	struct chat_request chat;
	struct failure failure; /* why it failed before or beside the job's own result */
	size_t stage;           /* the next one to run */
	bool strict;
	bool on_thread; /* the thread pool decodes: nothing may be freed */
	bool submitted; /* ops->done will come */
	bool waiting;   /* for the pool to start */
	int64_t wait_from_us, wait_until_us;
	char *body; /* a copy, while the thread pool decodes */
	size_t body_len;
	int parse_result;
	uv_work_t work;

	char id[40]; /* "chatcmpl-..." */
	int64_t created;
	char model_id[96]; /* by the catalogue; what answered is job->result.model_id */
	const char *route;
	struct buf answer; /* the text: of plain answers, and of streams that must be JSON */
	struct sse_state sse;

	struct call *prev, *next; /* api->calls */
};

/* Queues text up to pool.max_answer; false: too long, the job is cancelled and call->failure says
 * so. */
bool call_keep_text(struct call *c, const char *text, size_t len);

/* The reader of a stream is too slow, or has caught up. */
void call_pause(struct call *c, bool paused);

#endif
