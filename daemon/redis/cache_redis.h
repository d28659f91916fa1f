/* Kept answers in Redis: second implementation of struct cache_backend.
 *
 * Keys are PREFIX:v1:cache:HEX and PREFIX:v1:replay:HEX; v1 is the version of what stands under
 * them.  Anything there that is not what we would have written (of another type, another version,
 * cut, garbled) is as if nothing were there. */
#ifndef DAEMON_REDIS_CACHE_REDIS_H
#define DAEMON_REDIS_CACHE_REDIS_H

#include "daemon/dispatch/cache.h"
#include "daemon/redis/redis.h"

enum redis_kind {
	REDIS_CACHE,  /* answers; may be flushed */
	REDIS_REPLAYS /* answers kept for Idempotency-Key: the first that is put stays; not flushed
		       */
};

/* r is stopped after the back end is freed.  0, -ENOMEM. */
int cache_redis_new(struct redis *r, enum redis_kind kind, struct cache_backend *ret_backend);

/* A value of REDIS_CACHE, of at most 8 MiB; NULL: out of memory, or no such value. */
struct answer *answer_from_value(const char *value, size_t len);
/* A value of REDIS_REPLAYS, to and from text, likewise. */
char *replay_to_json(const struct answer *a);
struct answer *replay_from_json(const char *json, size_t len);

#endif
