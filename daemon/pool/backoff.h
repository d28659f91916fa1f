/* How fast worker starts may follow each other after failures: growing delays, and a breaker that
 * stops counting on starts after several in a row. */
#ifndef DAEMON_POOL_BACKOFF_H
#define DAEMON_POOL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	unsigned failures; /* in a row */
	int64_t until_us;  /* monotonic; no start before */
};

enum { BACKOFF_FIRST_MS = 500, BACKOFF_LAST_MS = 30000, BACKOFF_OPEN_AFTER = 5 };

void backoff_success(struct backoff *b);
void backoff_failure(struct backoff *b, int64_t now_us);
void backoff_pause(struct backoff *b, int64_t now_us); /* as after a first failure, counts none */
int64_t backoff_wait_ms(const struct backoff *b, int64_t now_us); /* 0: start now */
bool backoff_open(const struct backoff *b); /* the breaker: nobody should count on a start */

#endif
