/* How long to wait before Redis is tried again: 100 ms, doubling to 5 s, a fifth more or less so
 * that several daemons do not come together. */
#ifndef DAEMON_REDIS_BACKOFF_H
#define DAEMON_REDIS_BACKOFF_H

#include <stdint.h>

enum { REDIS_WAIT_MIN_MS = 100, REDIS_WAIT_MAX_MS = 5000 };

/* Zero: the first try. */
struct redis_backoff {
	unsigned failures; /* in a row */
};

/* Counts a failure; `random` is any number, all of them equally likely.  Milliseconds. */
int64_t redis_backoff_next(struct redis_backoff *b, uint32_t random);
/* What was up for up_ms has gone down: that was a success only if it lasted, so that a server that
 * drops each connection at once is not tried, and told, ten times a second. */
void redis_backoff_was_up(struct redis_backoff *b, int64_t up_ms);

#endif
