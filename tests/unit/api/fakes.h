/* Stand-ins for the HTTP exchange, dispatch and the pool, so that the API can be driven by hand: a
 * test makes an exchange, hands it in, plays the worker, and looks at what was sent. */
#ifndef TESTS_UNIT_API_FAKES_H
#define TESTS_UNIT_API_FAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "shared/buf.h"

#include "daemon/admit/admit.h"
#include "daemon/api/api.h"

enum { FAKE_HEADERS = 32 };

struct fake_header {
	char *name, *value;
};

struct exchange {
	char *method, *path, *body;
	struct fake_header in[FAKE_HEADERS], out[FAKE_HEADERS];
	size_t in_count, out_count;
	void *user;
	void (*on_abort)(void *user, struct exchange *x);
	void (*on_drain)(void *user, struct exchange *x);
	int64_t started_us;
	/* What was answered. */
	int status;
	char *type;
	struct buf sent; /* the body, or what the stream has carried */
	bool streaming, ended, cut;
	size_t high, low;
	size_t queued; /* set by the test: what the reader has not taken */
};

/* What admission and the store say, and what they were told. */
struct fake_admit {
	bool healthy, loaded;
	bool stalled; /* fake_flush() does nothing: the store takes its time */
	enum fault refuse_limit;
	bool key_is_over; /* rate_check() says so of "ccapi_good" */
	bool refuse_hold;
	int hold_rc, settle_rc;
	unsigned scopes; /* of the key "ccapi_good", project "keyed"; 0: chat */
	struct amount left;
	struct rate_view view;

	int open; /* admissions begun and not ended */
	unsigned holds, settled, hits;
	struct amount held;
	struct ledger_record line; /* the last one */
	bool kept;
};

struct fakes {
	uv_loop_t loop;
	struct conf conf;
	struct api *api;
	struct http_handlers handlers;
	enum pool_health health;
	bool body_mode, draining;
	struct models models;
	struct plan_limits plan;
	enum fault refuse;          /* what dispatch_submit answers */
	struct job *job;            /* the last one submitted, while it is open */
	bool several;               /* more may be submitted: the test keeps them and sets `job` */
	bool foreign_host, no_room; /* for WebSockets */
	unsigned submitted, cancelled, pauses, resumes;
	int64_t held_us; /* what dispatch says of it */
	struct fake_admit admit;
	struct routing *routing;
	struct sessions *sessions;
	struct cache *cache, *replays;
};

extern struct fakes fakes;
/* What the cache is made over by fakes_setup(); NULL: memory. */
extern const struct cache_backend *fakes_cache_backend;

int fakes_setup(void **state); /* frozen clock, a ready pool with haiku and sonnet */
int fakes_teardown(void **state);

struct exchange *fake_exchange(const char *method, const char *path);
struct exchange *fake_chat(const char *body); /* POST /v1/chat/completions with JSON */
void fake_add_header(struct exchange *x, const char *name, const char *value);
const char *fake_out(const struct exchange *x, const char *name); /* NULL: not sent */

void fake_send(struct exchange *x); /* head, then request unless answered; flushes */
void fake_flush(void);              /* holds and lines become durable */
void fake_revoke_key(void);         /* "ccapi_good" */
void fakes_admit_setup(void);
void fake_finish(struct exchange *x); /* the answer is sent; frees x */
void fake_abort(struct exchange *x);  /* the client is gone; frees x */

/* x was answered with an OpenAI error; code and param NULL: they are null. */
void fake_assert_error(const struct exchange *x, int status, const char *code, const char *param);

void fake_text(const char *text);
void fake_done(enum fault fault); /* ends fakes.job with the usage and model of a haiku answer */
void fake_run_loop(void);         /* until the thread pool has nothing left */

#endif
