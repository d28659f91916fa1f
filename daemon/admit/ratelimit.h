/* Rate limits of one subject (a key, a project, everybody): requests and tokens per minute as token
 * buckets that hold a minute's worth, and requests at one time.  Pure arithmetic over a monotonic
 * clock that callers pass in; no allocation. */
#ifndef DAEMON_ADMIT_RATELIMIT_H
#define DAEMON_ADMIT_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/records.h"

struct rate {
	struct rate_limits limits;
	double requests, tokens; /* what is left; tokens may be below 0 after a wrong estimate */
	int64_t filled_us;       /* when they were last filled up */
	int64_t running;         /* requests at this time */
};

enum rate_verdict { RATE_OK, RATE_REQUESTS, RATE_TOKENS, RATE_CONCURRENT };

/* Full buckets. */
void rate_init(struct rate *r, const struct rate_limits *limits, int64_t now_us);
/* New limits; what is left stays, at most the new capacity; a limit where none was begins full. */
void rate_set_limits(struct rate *r, const struct rate_limits *limits, int64_t now_us);

/* Whether one more request of `tokens` may begin; takes nothing.  A request larger than a whole
 * minute's tokens is let through when the bucket is full.  ret_wait_ms: until it may (0 if it may;
 * -1: when a running one ends), if nothing else takes from the buckets; the verdict names the one
 * that takes longest.  A limit of 0 lets nothing through, whatever the wait.  A clock that stands
 * still or goes back fills nothing. */
enum rate_verdict rate_check(struct rate *r, int64_t tokens, int64_t now_us, int64_t *ret_wait_ms);
void rate_take(struct rate *r, int64_t tokens); /* after RATE_OK; running counts up */
void rate_adjust(struct rate *r,
		 int64_t more_tokens); /* the true figure came: negative gives back */
void rate_release(struct rate *r);     /* the request has ended */

/* For the x-ratelimit-* headers; -1 where there is no such limit.  Reset: until the bucket is full
 * again. */
struct rate_view {
	int64_t limit_requests, remaining_requests, reset_requests_ms;
	int64_t limit_tokens, remaining_tokens, reset_tokens_ms;
};
void rate_look(struct rate *r, int64_t now_us, struct rate_view *ret_view);

#endif
