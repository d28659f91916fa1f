/* Requests for answers as operators watch them: those under way, the last ones that have ended, and
 * figures of the last minutes.  Whoever serves a request (api/) embeds a struct activity and tells
 * when something has changed; what is shown of it is read from him when somebody looks.  One a
 * process, for the loop thread. */
#ifndef DAEMON_OBSERVE_ACTIVITY_H
#define DAEMON_OBSERVE_ACTIVITY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACTIVITY_ENDED_MAX = 1000, ACTIVITY_HISTORY_S = 300 };

enum activity_state { ACTIVITY_PREPARING, ACTIVITY_QUEUED, ACTIVITY_RUNNING, ACTIVITY_ENDED };
enum activity_change { CHANGE_ACCEPTED, CHANGE_QUEUED, CHANGE_DISPATCHED, CHANGE_FIRST_TOKEN };

/* What is known of a request; "", 0 and -1 where nothing is.  Holds no prompt and no answer. */
struct activity_record {
	char id[129];
	uint64_t number; /* of this process: ids are the clients', and may come twice */
	enum activity_state state;
	char method[16], path[96], peer[64];
	bool stream;
	const char *priority; /* literals, like cache */
	char project[65], key_id[24], key_label[129];
	char model_asked[96], model[96], route[64], reason[160];
	const char *cache; /* "hit", "miss", "bypass"; NULL: not looked at yet */
	unsigned worker, attempts;
	int warm; /* 1: the worker had served its project before; -1: not known */
	int64_t accepted_ms, queued_ms, dispatched_ms, first_token_ms, ended_ms; /* wall clock */
	int64_t input_tokens, cache_read_tokens, cache_creation_tokens, output_tokens;
	bool output_estimated;
	int64_t cost_micro_usd, held_tokens, held_micro_usd; /* held: -1: nothing */
	char outcome[32], error[200];
	int status;
};

struct activity {
	void (*record)(void *ctx, struct activity_record *to); /* `to` is zeroed */
	/* Ends the request, by an operator's order; false: it is ending already.  May end the
	 * activity. */
	bool (*cancel)(void *ctx);
	void *ctx;
	const char *id; /* the owner's */
	uint64_t number;
	bool begun;
	struct activity *prev, *next;
};

void activity_begin(struct activity *a);
void activity_changed(struct activity *a, enum activity_change change);
/* Over: the record is kept.  No-op if it has not begun. */
void activity_end(struct activity *a);
void activity_count_text(size_t bytes); /* of answers, as they come */

/* ---- for operators ---- */

struct activity_query {
	bool live, ended;
	const char *project; /* NULL: all */
	size_t count;        /* the newest ones */
};

json_t *activity_list(const struct activity_query *q); /* an array, the oldest first */
/* The newest one of that id, one under way before all that have ended; number: that one of them, 0:
 * any. */
json_t *activity_find(const char *id, uint64_t number); /* NULL: there is none */
/* Cancels the one under way that activity_find() finds, and returns its number; 0: there is none,
 * or it is ending already. */
uint64_t activity_cancel(const char *id, uint64_t number);
unsigned activity_live_count(void);

/* Once a second: the history goes on. */
void activity_tick(unsigned waiting);
/* Adds requests_per_minute, tokens_per_second, errors_per_cent, cache_hits_per_cent,
 * first_token_ms, counts. */
void activity_add_stats(json_t *to);
json_t *activity_progress(void); /* [{"id","number","output_tokens"}] of those with text so far */
/* {"tokens_per_second":[...],"waiting":[...]}, one a second, the oldest first. */
json_t *activity_history(void);

void activity_reset(void); /* forgets everything; for tests, and at the process's end */

#endif
