/* The state of one claude-sim process: what the conversation holds, what the client set, and the
 * turn that runs. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/faults.h"
#include "tests/sim/ids.h"
#include "tests/sim/jbuf.h"
#include "tests/sim/models.h"

#define TOTALS_MAX 32
#define QUEUE_MAX 1024

/* One message of the conversation. */
struct entry {
	bool user;
	bool synthetic; /* put in by the CLI, not by the client */
	bool composed;  /* the line said "client_composed":true */
	char *uuid;
	json_t *content;
};

/* What one model used, since the start of the process or since the last result. */
struct total {
	char model[MODEL_ID_MAX];
	struct usage usage;
	double cost;
};

/* A user line that waits for its turn. */
struct queued {
	char *uuid;
	json_t *content;
	bool composed;
	bool query; /* false: it joins the conversation without a request */
};

struct session {
	char id[UUID_SIZE];
	char cwd[1024];
	char model[MODEL_ID_MAX];
	char thinking_display[32];
	struct jbuf system_prompt;
	json_t *env; /* of apply_flag_settings, over the environment of the process */
	struct entry *entries;
	size_t entry_count, entry_cap;
	struct total totals[TOTALS_MAX];
	size_t total_count;
	double total_cost;
	int64_t api_ms;
	int64_t result_index;
	int64_t served; /* turns begun */
	bool last_result_error;
	bool refuse_rewind, bad_rewind;
	struct jbuf plan; /* the rate_limit_info printed last */
};

enum phase {
	PHASE_IDLE,
	PHASE_CANNED_WAIT,  /* before the first token, or before a continuation */
	PHASE_CANNED_DELTA, /* streaming */
	PHASE_STALL,        /* silent until a timeout or an interrupt */
	PHASE_RETRY,        /* before an upstream request is repeated */
	PHASE_UPSTREAM,     /* the socket decides */
	PHASE_HUNG,         /* fault: dead to the world */
};

struct turn {
	enum phase phase;
	int64_t due_ns;     /* when the phase goes on by itself; -1: never */
	char *uuid;         /* of the (last) user line */
	struct jbuf uuids;  /* JSON array of all of them */
	struct jbuf prompt; /* the last user text, without directives */
	struct faults faults;
	json_t *body; /* CLAUDE_CODE_EXTRA_BODY or NULL */
	int64_t max_tokens;
	int64_t started_ns, sent_ns, first_ns;
	int requests; /* upstream requests or canned answers begun */
	int attempts; /* of the present request */
	int continuations;
	int num_turns;

	/* the answer in progress */
	struct jbuf answer;
	size_t answer_at, answer_deltas;
	bool tool_call;
	char planned_stop[40];
	const char *planned_sequence;
	struct jbuf scratch;

	/* the message in progress */
	bool message_open, block_open, had_text, headers_seen;
	int block_index;
	char block_type[32];
	char message_id[96], message_model[MODEL_ID_MAX], request_id[96];
	struct jbuf block_text;   /* text, thinking or partial JSON */
	struct jbuf block_extra;  /* signature, or the content_block of a tool_use */
	struct jbuf last_text;    /* last finished text block: the `result` field */
	struct jbuf begun;        /* ids of the messages begun, as the inside of a JSON array */
	int64_t streamed;         /* characters of the message so far */
	struct usage usage;       /* of the message in progress */
	struct usage sum;         /* of the finished ones */
	char stop_reason[40];     /* "" is null */
	const char *stream_error; /* error type of an SSE error event, while it is handled */
	struct total since;       /* since the last result */
	bool used;                /* `since` counts something */
};

struct upstream; /* upstream.h */

struct sim {
	struct faults faults;
	struct session session;
	struct turn turn;
	struct queued queue[QUEUE_MAX];
	size_t queue_count;
	struct upstream *upstream; /* NULL in canned mode */
	struct jbuf out;
	bool initialized;
	bool ending; /* end_session was asked for */
	int max_turns;
};

/* Value of a setting: what the client set, else the environment; NULL when unset ("null" is unset
 * too). */
const char *sim_env(const struct sim *sim, const char *name);
bool sim_env_true(const struct sim *sim, const char *name);
/* Writes what is buffered; ends the process when nobody reads any more. */
void sim_flush(struct sim *sim);
/* Version claimed, e.g. "2.1.330". */
const char *sim_version(const struct sim *sim);

#endif
