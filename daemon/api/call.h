/* One request for an answer of the model, from its body to its last byte, and the ways to write
 * that answer.  pipeline.c is where to read what happens to it. */
#ifndef DAEMON_API_CALL_H
#define DAEMON_API_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/buf.h"

#include "daemon/admit/admit.h"
#include "daemon/api/chat_request.h"
#include "daemon/api/errors.h"
#include "daemon/api/request.h"
#include "daemon/dispatch/cache.h"
#include "daemon/dispatch/job.h"
#include "daemon/dispatch/sessions.h"
#include "daemon/observe/activity.h"

struct call;

/* How an answer is written.  None is called once nobody waits for it any more (call_is_wanted). */
struct encoder {
	void (*text)(struct call *c, const char *text, size_t len);
	void (*end)(struct call *c); /* job->result says how */
	void (*fail)(struct call *c, const struct failure *f);
	void (*tick)(struct call *c,
		     int64_t now_us); /* about every second while the call is open */
	bool streams;                 /* text goes out as it comes, and cannot be taken back */
};

extern const struct encoder openai_json;   /* one object at the end */
extern const struct encoder openai_sse;    /* a stream of chunks */
extern const struct encoder batch_item;    /* one of the results of a batch */
extern const struct encoder ws_frames;     /* messages of a WebSocket */
extern const struct encoder operator_text; /* an operator's test: operator_chat.h */

/* What openai_sse keeps. */
struct sse_state {
	struct buf prefix; /* of every text chunk, up to the text itself */
	struct buf frame;
	bool begun;      /* headers are out */
	bool role_sent;  /* the first chunk is out */
	bool paused;     /* the worker waits for the reader */
	int64_t sent_us; /* when something was last sent; at first: when the request came */
};

/* What is under way for a call; each ends in a callback, and only then may the call be freed. */
enum busy {
	BUSY_NOT,
	BUSY_DECODING,  /* the thread pool parses, or writes a conversation out */
	BUSY_SESSION,   /* its session is looked up */
	BUSY_RECALLING, /* an answer is looked for, or another call's is waited for */
	BUSY_HOLDING,   /* the hold is being written */
	BUSY_RUNNING,   /* dispatch has the job */
	BUSY_SETTLING   /* the ledger's line is being written */
};

/* Where the answer came from. */
enum cache_state { CACHE_STATE_BYPASS, CACHE_STATE_MISS, CACHE_STATE_HIT };

/* What recall.c keeps: the two places where an earlier answer may be. */
struct recall {
	bool caches, replays; /* whether the request has joined either */
	bool pending;         /* on_ready has not come yet */
	unsigned char cache_key[HASH_SIZE], replay_key[HASH_SIZE], body_hash[HASH_SIZE];
	unsigned char raw_hash[HASH_SIZE]; /* of the body as it came */
	bool raw;                          /* raw_hash is set */
	uint64_t generation;               /* of the rules by which cache_key came about */
	struct cache_ticket cache, replay;
	bool missed;              /* the short cut has asked for what word says, in vain */
	bool blind;               /* the cache could not be asked */
	struct fetch *fetch;      /* the short cut's look-up, while it is open */
	struct cache_alias *word; /* what the short cut goes by, while it waits for that */
	struct answer *answer;    /* what was found, a reference */
	bool replayed;            /* ... for Idempotency-Key */
};

/* Of a turn that was not kept although it was answered. */
enum session_fate {
	SESSION_FATE_NONE,
	SESSION_FATE_CONFLICT, /* another daemon was faster, and its turn stays */
	SESSION_FATE_LOST      /* too long an answer, no memory */
};

/* What session_stage.c keeps. */
struct call_session {
	char id[SESSION_ID_SIZE]; /* "": none */
	struct session_ticket ticket;
	struct session *before; /* a reference; NULL: a new one */
	char *system;           /* what is kept with it */
	bool looked;            /* the look-up has answered */
	bool joined;            /* the prompt has the whole conversation */
	int seal_result;
	enum session_fate fate;
	void (*kept)(struct call *c);
};

struct call {
	struct request *req; /* req->x is NULL once answered or aborted, and always for parts */
	struct api *api;
	struct job *job;
	const struct encoder *encoder;
	struct chat_request chat;
	struct failure failure; /* why it failed before or beside the job's own result */
	size_t stage;           /* the next one to run */
	enum busy busy;
	bool strict;
	bool gone;      /* nobody waits any more */
	bool cancelled; /* by an operator: whoever waits is told so */
	bool waiting;   /* for the pool to start */
	int64_t wait_from_us, wait_until_us;
	int64_t held_us; /* how long the queue had been held in all when the call began */
	char *body;      /* a copy, while the thread pool decodes; of a part: its own */
	size_t body_len;
	bool parsed;
	int parse_result;
	uv_work_t work;

	char *idempotency_key; /* NULL: none */
	struct admission admission;
	struct amount prompt_estimate;
	bool held;                /* there is a hold to settle */
	struct job_usage earlier; /* of the attempts that are over, with their cost */
	struct recall recall;
	enum cache_state cache_state;
	struct call_session session;

	char id[40]; /* "chatcmpl-..." */
	int64_t created;
	char model_id[96]; /* by the catalogue; what answered is job->result.model_id */
	char route[ROUTE_NAME_SIZE];
	char reason[160];    /* why that route, for operators */
	uint64_t text_bytes; /* that came from the worker in this attempt */
	struct activity activity;
	struct buf answer; /* the text, as far as it is kept */
	bool must_keep;    /* the answer is sent whole or checked: too long a text is an error */
	bool may_keep;     /* it would be good to keep: too long a text is not kept */
	struct sse_state sse;

	/* Of a part of a batch (batch.h), of a chat on a WebSocket (stream_private.h), of an
	 * operator's (operator_chat.c). */
	void *owner;
	void *slot;
	void (*over)(struct call *c); /* last call, before it is freed: the job is still there */

	struct call *prev, *next; /* api->calls */
};

/* body: NULL, the exchange's; else malloc'ed, taken over.  NULL: out of memory. */
struct call *call_new(struct request *r, const struct encoder *encoder, char *body, size_t len);
/* Frees; nothing may be under way. */
void call_free(struct call *c);
bool call_is_wanted(const struct call *c);
bool call_failed(const struct call *c);
const char *call_session_id(const struct call *c);   /* as the client is told; NULL: none */
const char *call_session_fate(const struct call *c); /* "conflict", "lost"; NULL: kept */

const char *call_cache_word(const struct call *c); /* "hit", "miss", "bypass" */

/* call_record.c: for observe/activity.h; ctx is the call. */
void call_record(void *ctx, struct activity_record *to);
bool call_cancel(void *ctx);

/* Queues text up to pool.max_answer; false: too long, the job is cancelled and call->failure says
 * so. */
bool call_keep_text(struct call *c, const char *text, size_t len);

/* The reader of a stream is too slow, or has caught up. */
void call_pause(struct call *c, bool paused);

#endif
