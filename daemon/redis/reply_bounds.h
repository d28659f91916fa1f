/* A bound for what one answer may cost in memory.  hiredis makes a list of as many elements as its
 * head announces, and objects as long as bytes come: without a bound a few bytes are gigabytes. */
#ifndef DAEMON_REDIS_REPLY_BOUNDS_H
#define DAEMON_REDIS_REPLY_BOUNDS_H

#include <hiredis/hiredis.h>
#include <stddef.h>

enum { REPLY_MAX = 64 * 1024 * 1024 };

/* Embedded beside the reader, which it must outlive. */
struct reply_bounds {
	size_t bytes; /* of the answer that is being read */
};

/* Beyond the bound the reader fails with REDIS_ERR_OOM. */
void reply_bounds_attach(struct reply_bounds *b, redisReader *reader);

#endif
