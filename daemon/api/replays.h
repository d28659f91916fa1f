/* The answers kept for Idempotency-Key, as a back end of the cache's front: looked up in the store,
 * written there with the ledger's line (recall_write_kept).  The key is a hash of project and
 * Idempotency-Key together. */
#ifndef DAEMON_API_REPLAYS_H
#define DAEMON_API_REPLAYS_H

#include "daemon/dispatch/cache.h"
#include "daemon/store/store.h"

/* The store must outlive it.  0, -ENOMEM. */
int replays_backend(struct store *store, struct cache_backend *ret_backend);

#endif
