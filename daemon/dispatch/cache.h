/* The response cache: complete answers by what was asked, exactly.
 *
 * Keys are SHA-256 sums: of the canonical request (project, resolved model, parameters that change
 * the answer, CLI version), and as a short cut of the raw body, which finds the same entry without
 * parsing.  An entry lives for its TTL; the bound in bytes is kept by dropping what was used
 * longest ago.
 *
 * Single flight: the first to ask for a key that is not there leads; who asks meanwhile follows and
 * is told when the leader has ended: with the answer, or with none, and then one follower leads.
 *
 * The back end that keeps entries stands behind struct cache_backend, so that another one (Redis)
 * can take the place of memory.  All of this is for the loop thread. */
#ifndef DAEMON_DISPATCH_CACHE_H
#define DAEMON_DISPATCH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/dispatch/answer.h"

enum { CACHE_KEY_SIZE = 32 };

/* What a back end knows of itself; 0 where it cannot tell. */
struct cache_kept {
	size_t entries, bytes;
	int64_t stores,
		evictions; /* since the start; evictions: for want of room, before the TTL */
};

/* Where entries are kept; every function may be called again from inside `found`.  A back end that
 * fails says so itself (log, metric); look-ups are then answered with `failed`. */
struct cache_backend {
	/* Answers by `found`, at once (from inside get) or later from the loop, exactly once;
	 * answer NULL: nothing there, or (failed) it cannot be told.  found takes a reference of
	 * its own. */
	void (*get)(void *self, const unsigned char key[CACHE_KEY_SIZE],
		    void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx);
	/* The answer if it is there and can be told at once, borrowed until the next call.  NULL
	 * for a back end that never can. */
	struct answer *(*peek)(void *self, const unsigned char key[CACHE_KEY_SIZE]);
	/* Takes the place of what the key had; takes a reference of its own. */
	void (*put)(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		    int64_t ttl_ms);
	void (*flush)(void *self);
	void (*measure)(void *self, struct cache_kept *ret_kept);
	/* Calls `found` for each get that is still open, then `closed`, once, from inside or later
	 * from the loop. */
	void (*free)(void *self, void (*closed)(void *ctx), void *ctx);
	void *self;
};

/* Two places for the same things: what the first does not have is looked for in the second, and
 * both keep what is put.  Takes both.  0, -ENOMEM (they are the caller's still). */
int cache_pair_new(const struct cache_backend *first, const struct cache_backend *second,
		   struct cache_backend *ret_backend);

/* Memory: entries with a TTL on the injected monotonic clock, LRU within max_bytes (text and
 * bookkeeping).  An answer above an eighth of max_bytes is not kept.  0, -ENOMEM. */
int cache_ram_new(size_t max_bytes, struct cache_backend *ret_backend);
void cache_ram_set_max(struct cache_backend *b, size_t max_bytes);

struct cache;

struct cache *cache_new(uv_loop_t *loop,
			const struct cache_backend *backend); /* takes it; NULL: out of memory, and
								 then it is the caller's still */
/* No ticket may be in a flight.  The loop calls `closed` (may be NULL) when all is freed. */
void cache_free(struct cache *c, void (*closed)(void *ctx), void *ctx);

enum cache_result {
	CACHE_HIT,
	CACHE_LEAD, /* it is not there */
	CACHE_BLIND /* likewise to lead: it cannot be told whether it is there */
};

enum cache_look {
	CACHE_LOOK,
	CACHE_FRESH, /* for no kept answer */
	CACHE_LOOKED /* just done by cache_fetch(), in vain */
};

/* One request's part in a flight.  Embedded in the request; zero before use. */
struct flight;
struct cache_ticket {
	struct flight *flight; /* NULL: none */
	bool leads;
	/* Below: the cache's. */
	bool looks, fresh;
	void (*ready)(void *ctx, enum cache_result result, struct answer *answer);
	void *ctx;
	struct cache_ticket *prev, *next;
};

/* Looks the key up and joins its flight.  ready is called once, from inside the call when the
 * answer is known at once, else from the loop: CACHE_HIT with a borrowed answer, or CACHE_LEAD or
 * CACHE_BLIND: go on and end with cache_settle.  Followers get either, when the leader has ended.
 * Only CACHE_LOOK asks the back end; all join a flight that is there.  ready may free the request
 * with its ticket, and may call every function here but cache_free.  0, -ENOMEM (ready is not
 * called). */
int cache_join(struct cache *c, const unsigned char key[CACHE_KEY_SIZE], enum cache_look look,
	       struct cache_ticket *t,
	       void (*ready)(void *ctx, enum cache_result result, struct answer *answer),
	       void *ctx);
/* The leader has its answer (keep_ms > 0: keep it so long; 0: hand it to followers only), or none
 * (answer NULL): then the oldest follower leads.  Never calls `ready` from inside: followers are
 * told from the loop.  A no-op without a flight. */
void cache_settle(struct cache *c, struct cache_ticket *t, struct answer *answer, int64_t keep_ms);
/* Whoever leaves early, leader or follower, also while the look-up is under way; `ready` is not
 * called after.  A no-op without a flight. */
void cache_leave(struct cache *c, struct cache_ticket *t);

/* Raw bodies as short cuts: `hash` stood for the canonical `key` under this generation of rules,
 * keys and models.  65536 are kept, oldest out first: about 12 MB, beside the bound of the
 * entries. */
struct cache_alias {
	unsigned char key[CACHE_KEY_SIZE];
	bool stream, include_usage;
	char model_id[96];
	char route[64], project[65];
};
/* Out of memory: there is no short cut then. */
void cache_put_alias(struct cache *c, const unsigned char hash[CACHE_KEY_SIZE],
		     const struct cache_alias *alias, uint64_t generation);
/* NULL: none, or of another generation, and then it is forgotten.  Valid until the next call. */
const struct cache_alias *
cache_find_alias(struct cache *c, const unsigned char hash[CACHE_KEY_SIZE], uint64_t generation);
/* The kept answer at once, if the back end can tell at once; borrowed until the next call of the
 * cache.  For the short cut: it is not counted. */
struct answer *cache_peek(struct cache *c, const unsigned char key[CACHE_KEY_SIZE]);

/* Asks the back end without joining a flight, where it cannot tell at once; found as in
 * cache_backend.get.  For the short cut, likewise. */
void cache_fetch(struct cache *c, const unsigned char key[CACHE_KEY_SIZE],
		 void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx);
bool cache_tells_at_once(const struct cache *c); /* by cache_peek */

void cache_flush(struct cache *c); /* entries and aliases; flights go on */

/* Requests that were not fresh: each ends as a hit, a miss (it leads) or followed; one that leads
 * because the back end could not tell is none of these. */
struct cache_counts {
	int64_t hits, misses, stores, evictions, followed;
	size_t entries, bytes; /* as the back end has them */
};
void cache_count(const struct cache *c, struct cache_counts *ret_counts);
void cache_note_hit(struct cache *c); /* a hit by the short cut */

#endif
