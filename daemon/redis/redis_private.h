/* What redis.c (commands, states) and connect.c (coming up) share; nobody else includes this. */
#ifndef DAEMON_REDIS_REDIS_PRIVATE_H
#define DAEMON_REDIS_REDIS_PRIVATE_H

#include <hiredis/async.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "daemon/redis/backoff.h"
#include "daemon/redis/redis.h"
#include "daemon/redis/refusal.h"

enum {
	REDIS_DETAIL_MAX = 200,
	REDIS_ADDRESSES = 8, /* of one host name */
	REDIS_ADDRESS_SIZE = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE,
	REDIS_REFUSALS = 8 /* kinds of errors that are remembered as told */
};

/* One that is not answered yet. */
struct command {
	struct redis *r;
	void (*done)(void *ctx, const redisReply *reply); /* NULL: nobody asks, or was told */
	void *ctx;
	size_t bytes;
	int64_t begun_ms;
	struct command *prev, *next;
};

/* A kind of trouble, and when it was last logged. */
struct told {
	char kind[REFUSAL_KIND_SIZE];
	int64_t at_ms;
};

struct redis {
	uv_loop_t *loop;
	struct redis_address address;
	char *prefix;
	int64_t timeout_ms;

	enum redis_state state;
	char detail[REDIS_DETAIL_MAX];
	enum redis_state told_state; /* CONNECTING: nothing was told yet */
	char told_detail[REDIS_DETAIL_MAX];
	struct told told[REDIS_REFUSALS];
	int64_t up_since_ms;

	struct command *open; /* in their order */
	unsigned open_count;
	size_t open_bytes;
	uv_timer_t deadline; /* of the first open command, or of the step of coming up */
	bool late;           /* that deadline has passed; one more look at the socket */

	redisAsyncContext *ac; /* NULL: none */
	int64_t step_ms;       /* since when the present step of coming up is under way */
	uv_getaddrinfo_t resolving;
	bool resolves;
	char addresses[REDIS_ADDRESSES][REDIS_ADDRESS_SIZE];
	unsigned address_count;
	unsigned first, tried; /* which of them is tried first; how many were */
	bool spoilt;           /* AUTH or SELECT could not be asked: it must not come up */
	struct redis_backoff backoff;
	uv_timer_t again; /* the next try */

	bool stopping;
	unsigned handles; /* not closed yet */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* ---- redis.c ---- */

/* The one place where the state changes. */
void redis_enter(struct redis *r, enum redis_state state, const char *detail);
/* As redis_ask, whatever the state; r->ac is there. */
void redis_command(struct redis *r, void (*done)(void *ctx, const redisReply *reply), void *ctx,
		   int argc, const char *const *argv, const size_t *lengths);
/* Restarts the deadline of a step of coming up. */
void redis_begin_step(struct redis *r);
/* Down: all that is open fails for the reason (a label of METRIC_REDIS_FAILURES), the connection is
 * dropped, and tried again later.  `why` is for an operator. */
void redis_give_up(struct redis *r, const char *reason, const char *why);
/* The same when the peer's own error says why. */
void redis_give_up_refused(struct redis *r, const char *text);
/* A handle or the look-up of the host is over; the last one frees when it is stopped. */
void redis_part_closed(struct redis *r);

/* ---- connect.c ---- */

void redis_begin(struct redis *r);      /* a try to come up */
void redis_disconnect(struct redis *r); /* drops the connection; the library calls what is open */
/* The library is about to free this connection of itself: forgets it, and gives up. */
void redis_lost(struct redis *r, redisAsyncContext *ac);

#endif
