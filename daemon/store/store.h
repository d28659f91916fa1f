/* The store: one SQLite file, one writer thread, group commit.
 *
 * All functions are for the loop thread.  Writes are queued; everything that queued while the last
 * COMMIT ran becomes the next transaction, and `done` is called from the loop after it is durable
 * (WAL, synchronous=FULL).  Two kinds cost no sync of their own: cache hits, and holds that no
 * budget depends on; when they are done they survive the process, but a power cut only if something
 * else was written after them.  Reads run on the thread pool over connections of their own.  Only
 * what is said to be for the start reads on the calling thread.
 *
 * A store that cannot work (newer schema, corrupt, locked, disk full, not writable) is no reason to
 * end: store_healthy() says so, store_detail() why and what mends it, writes are refused, and
 * nothing is overwritten.  After a full disk or a lock it tries again by itself. */
#ifndef DAEMON_STORE_STORE_H
#define DAEMON_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct store;

/* Opens or makes `path` (0600), checks and migrates it, closes the open holds of a dead daemon as
 * "interrupted".  `health` is called from the loop whenever store_healthy() has changed; may be
 * NULL.  NULL: out of memory. */
struct store *store_new(uv_loop_t *loop, const char *path, void (*health)(void *ctx), void *ctx);

bool store_healthy(const struct store *s);
const char *
store_detail(const struct store *s); /* "" when healthy; for the operator, never clients */
const char *store_path(const struct store *s);

/* A fresh id for holds and overrides, rising, unique in this file for ever. */
int64_t store_next_id(struct store *s);

struct store_counts {
	int64_t commits, writes;   /* since the start */
	int64_t queued;            /* writes not yet durable */
	int64_t open_holds_closed; /* at the start, as interrupted */
	int64_t schema_version, file_bytes;
};
void store_count(const struct store *s, struct store_counts *ret_counts);

/* Writes what is queued, then closes, calls `closed` from the loop and frees. */
void store_stop(struct store *s, void (*closed)(void *ctx), void *ctx);

#endif
