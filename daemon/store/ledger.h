/* The ledger: holds before the work, one line after it, and the answers kept for Idempotency-Key.
 */
#ifndef DAEMON_STORE_LEDGER_H
#define DAEMON_STORE_LEDGER_H

#include <stddef.h>

#include "daemon/store/records.h"
#include "daemon/store/store.h"

/* Writes the hold.  0: `done` will come, exactly once, with 0 when it is durable; ERR_STATE or
 * -ENOMEM: nothing was queued.  The record is copied. */
int store_hold(struct store *s, const struct hold_record *hold, void (*done)(void *ctx, int rc),
	       void *ctx);

/* Ends the hold (0: there was none) and appends the line, the rollups and, if not NULL, the kept
 * answer, in one transaction.  `done` as above.  A settlement that was queued is never dropped:
 * when the store fails, `done` gets the code and the line is written as soon as the store works
 * again.  -ENOMEM, or ERR_STATE after store_stop(): nothing was queued. */
int store_settle(struct store *s, int64_t hold_id, const struct ledger_record *line,
		 const struct idempotency_record *kept, void (*done)(void *ctx, int rc), void *ctx);

/* Counts a cache hit: hits of the same project, key and model that come before the next commit
 * share one line.  `done` comes when it is durable.  0, ERR_STATE, -ENOMEM; here and below
 * ERR_LIMIT for a name that is longer than any can be. */
int store_cache_hit(struct store *s, const char *project, const char *key_id, const char *model,
		    int64_t at_ms, void (*done)(void *ctx, int rc), void *ctx);

/* The newest `count` lines with seq below `before` (0: from the end), oldest first, of one project
 * ("": all). lines are valid during the call.  0, ERR_STATE (the file is not open),
 * -ENOMEM. */
int store_ledger_tail(struct store *s, const char *project, int64_t before, size_t count,
		      void (*done)(void *ctx, int rc, const struct ledger_record *lines,
				   size_t count),
		      void *ctx);

/* Looks for a kept answer younger than 24 h.  record is NULL when there is none; valid during the
 * call.  0, ERR_STATE, -ENOMEM. */
int store_find_answer(struct store *s, const char *project, const unsigned char key_hash[HASH_SIZE],
		      void (*done)(void *ctx, int rc, const struct idempotency_record *record),
		      void *ctx);

#endif
