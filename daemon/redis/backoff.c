#include "daemon/redis/backoff.h"

enum { SPREAD = 5 /* a fifth */ };

int64_t redis_backoff_next(struct redis_backoff *b, uint32_t random)
{
	int64_t wait_ms = REDIS_WAIT_MIN_MS, spread;

	for (unsigned i = 0; i < b->failures && wait_ms < REDIS_WAIT_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms >= REDIS_WAIT_MAX_MS)
		wait_ms = REDIS_WAIT_MAX_MS;
	else
		b->failures++;
	spread = wait_ms / SPREAD;
	return wait_ms - spread + random % (2 * spread + 1);
}

void redis_backoff_was_up(struct redis_backoff *b, int64_t up_ms)
{
	if (up_ms >= REDIS_WAIT_MAX_MS)
		b->failures = 0;
}
