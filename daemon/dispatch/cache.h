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
 * can take the place of memory. */
#ifndef DAEMON_DISPATCH_CACHE_H
#define DAEMON_DISPATCH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/dispatch/answer.h"

enum { CACHE_KEY_SIZE = 32 };

/* Where entries are kept.  `get` answers by `found`, at once (from inside get) or later from the
 * loop, exactly once; answer NULL: nothing there.  found takes a reference of its own. */
struct cache_backend {
	void (*get)(void *self, const unsigned char key[CACHE_KEY_SIZE],
		    void (*found)(void *ctx, struct answer *answer), void *ctx);
	void (*put)(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		    int64_t ttl_ms);
	void (*flush)(void *self);
	void (*measure)(void *self, size_t *ret_entries, size_t *ret_bytes);
	void (*free)(void *self);
	void *self;
};

/* Memory: entries with a TTL on the injected monotonic clock, LRU within max_bytes (text and
 * bookkeeping).  An answer above an eighth of max_bytes is not kept.  0, -ENOMEM. */
int cache_ram_new(size_t max_bytes, struct cache_backend *ret_backend);
void cache_ram_set_max(struct cache_backend *b, size_t max_bytes);

struct cache;

struct cache *cache_new(const struct cache_backend *backend); /* takes it; NULL: out of memory */
void cache_free(struct cache *c);                             /* no flight may be open */

enum cache_result { CACHE_HIT, CACHE_LEAD, CACHE_FOLLOW };

/* One request's part in a flight.  Embedded in the request; zero before use. */
struct flight;
struct cache_ticket {
	struct flight *flight; /* NULL: none */
	bool leads;
	void (*ready)(void *ctx, enum cache_result result, struct answer *answer);
	void *ctx;
	struct cache_ticket *prev, *next;
};

/* Looks the key up and joins its flight.  ready is called once, from inside the call when the
 * answer is known at once, else from the loop: CACHE_HIT with a borrowed answer, or CACHE_LEAD: go
 * on and end with cache_settle.  Followers get either, when the leader has ended.  fresh: do not
 * look for a kept answer (still joins a flight).  0, -ENOMEM (ready is not called). */
int cache_join(struct cache *c, const unsigned char key[CACHE_KEY_SIZE], bool fresh,
	       struct cache_ticket *t,
	       void (*ready)(void *ctx, enum cache_result result, struct answer *answer),
	       void *ctx);
/* The leader has its answer (keep_ms > 0: keep it so long; 0: hand it to followers only), or none
 * (answer NULL): then the oldest follower leads.  Never calls `ready` from inside: followers are
 * told from the loop. */
void cache_settle(struct cache *c, struct cache_ticket *t, struct answer *answer, int64_t keep_ms);
/* Whoever leaves early, leader or follower; a no-op without a flight. */
void cache_leave(struct cache *c, struct cache_ticket *t);

/* Raw bodies as short cuts: `hash` stood for the canonical `key` under this generation of rules,
 * keys and models.  A bounded number is kept, oldest out first. */
struct cache_alias {
	unsigned char key[CACHE_KEY_SIZE];
	bool stream, include_usage;
	char model_id[96];
};
void cache_put_alias(struct cache *c, const unsigned char hash[CACHE_KEY_SIZE],
		     const struct cache_alias *alias, uint64_t generation);
const struct cache_alias *cache_find_alias(struct cache *c,
					   const unsigned char hash[CACHE_KEY_SIZE],
					   uint64_t generation); /* NULL: none */
/* The kept answer at once, if the back end can tell at once; borrowed.  For the short cut. */
struct answer *cache_peek(struct cache *c, const unsigned char key[CACHE_KEY_SIZE]);

void cache_flush(struct cache *c);

struct cache_counts {
	int64_t hits, misses, stores, evictions, followed;
	size_t entries, bytes;
};
void cache_count(const struct cache *c, struct cache_counts *ret_counts);
void cache_note_hit(struct cache *c); /* a hit by the short cut */

#endif
