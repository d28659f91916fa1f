/* The dashboard's connection to the daemon, on a libuv loop: finds the socket, says hello,
 * subscribes, hands on events, asks what it is told to ask, and connects anew when the daemon goes.
 *
 *   connect -> hello checked -> subscribe -> snapshot() -> event()...
 *      ^                                                      |
 *      +---- lost(), wait 0.2 s .. 5 s <----------------------+
 *
 * Not blocking, bounded: a line of at most RPC_RESPONSE_MAX, at most FEED_CALLS_MAX calls.  A
 * daemon that says nothing for five seconds, where its figures come every second, is lost too; and
 * one that has not answered the subscription after ten. */
#ifndef TUI_FEED_FEED_H
#define TUI_FEED_FEED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "shared/jsonrpc.h"
#include "shared/verbs.h"

enum { FEED_CALLS_MAX = 64 };

struct feed_conf {
	uv_loop_t *loop;
	const char *socket; /* NULL: CCAPI_SOCKET, else where a daemon of ours or the system's is */
	int recent, logs;   /* what the snapshot is to hold */
	bool once;          /* for one screen: no second try */
	int beat_ms;        /* half the silence after which it is lost; 0: 2500 */
};

/* Called from the loop, never from inside a feed_* call. */
struct feed_events {
	/* Connected, hello seen; the snapshot follows. */
	void (*hello)(void *owner, const char *version, int64_t pid, enum verb_right right);
	/* When it is live, and whenever the daemon had more to tell than we took. */
	void (*snapshot)(void *owner, const json_t *snapshot);
	void (*event)(void *owner, const json_t *event); /* {"seq","at","topic","data"} */
	/* Every open call has been answered with RPC_TIMEOUT before: nobody knows whether it was
	 * done.  words: one or more lines.  for_good: another protocol, not permitted, or once.
	 * retry_ms: when it is tried again. */
	void (*lost)(void *owner, const char *words, bool for_good, int64_t retry_ms);
};

struct feed;

struct feed *feed_new(const struct feed_conf *conf, const struct feed_events *events, void *owner);

/* Exactly one of result and error; both borrowed. */
typedef void feed_answer(void *ctx, const json_t *result, const struct rpc_error *error);

/* params: taken, may be NULL.  0; or a negative code (no link, too many calls, no memory) and the
 * answer is not called. */
int feed_call(struct feed *f, const char *method, json_t *params, feed_answer *answer, void *ctx);
bool feed_is_live(const struct feed *f);
void feed_close(struct feed *f); /* frees itself from the loop; calls nothing any more.  NULL ok */

#endif
