/* Kept answers in memory.
 *
 * An entry is in three structures at once: the table by key, the list by last use (the oldest at
 * the end), and the heap by time of expiry (the first to expire on top).  What has expired is
 * dropped by every put, so that it never takes the place of something that is still good, and by
 * the get that finds it.
 *
 * The bound counts what malloc hands out for an entry and its answer, and a share of table and
 * heap.  An answer that a reader still holds when its entry is dropped is the reader's from then
 * on, and not counted. */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "shared/clock.h"

#include "daemon/dispatch/cache.h"
#include "daemon/dispatch/cache_table.h"

/* Bytes of heap and table for an entry: both double when they are full. */
enum { SHARE = 2 * sizeof(void *) + sizeof(UT_hash_bucket) };
enum { HEAP_MIN = 64, BIGGEST_PART = 8 };

struct entry {
	unsigned char key[CACHE_KEY_SIZE];
	struct answer *answer;
	int64_t expires_us; /* monotonic; the first microsecond at which it is gone */
	size_t cost;        /* bytes that it counts for */
	size_t at;          /* index in the heap */
	struct entry *prev, *next;
	UT_hash_handle hh;
};

struct ram {
	size_t max, bytes, count;
	struct entry *table, *list;
	struct entry **heap;
	size_t heap_room;
	int64_t stores, evictions;
};

/* ---- the heap ---- */

static void heap_set(struct ram *r, size_t at, struct entry *e)
{
	r->heap[at] = e;
	e->at = at;
}

/* `e` goes where it belongs, from the free place `at`. */
static void heap_settle(struct ram *r, size_t at, struct entry *e)
{
	size_t child;

	while (at > 0 && e->expires_us < r->heap[(at - 1) / 2]->expires_us) {
		heap_set(r, at, r->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	while ((child = 2 * at + 1) < r->count) {
		if (child + 1 < r->count &&
		    r->heap[child + 1]->expires_us < r->heap[child]->expires_us)
			child++;
		if (e->expires_us <= r->heap[child]->expires_us)
			break;
		heap_set(r, at, r->heap[child]);
		at = child;
	}
	heap_set(r, at, e);
}

static int heap_make_room(struct ram *r)
{
	size_t room = r->heap_room ? 2 * r->heap_room : HEAP_MIN;
	struct entry **heap;

	if (r->count < r->heap_room)
		return 0;
	heap = realloc(r->heap, room * sizeof *heap);
	if (!heap)
		return -ENOMEM;
	r->heap = heap;
	r->heap_room = room;
	return 0;
}

/* ---- entries ---- */

/* What malloc takes for `size` bytes: a word in front, and whole pairs of words. */
static size_t malloc_cost(size_t size)
{
	return (size + 8 + 15) & ~(size_t)15;
}

static size_t cost_of(const struct answer *answer)
{
	return malloc_cost(sizeof(struct entry)) +
	       malloc_cost(sizeof(struct answer) + answer->len + 1) + SHARE;
}

static struct entry *find(struct ram *r, const unsigned char *key)
{
	struct entry *e;

	HASH_FIND(hh, r->table, key, CACHE_KEY_SIZE, e);
	return e;
}

static void drop(struct ram *r, struct entry *e)
{
	struct entry *last = r->heap[--r->count];

	if (last != e)
		heap_settle(r, e->at, last);
	HASH_DEL(r->table, e);
	DL_DELETE(r->list, e);
	r->bytes -= e->cost;
	answer_unref(e->answer);
	free(e);
}

static void drop_expired(struct ram *r)
{
	int64_t now = clock_mono_us();

	while (r->count > 0 && now >= r->heap[0]->expires_us)
		drop(r, r->heap[0]);
}

static void make_room(struct ram *r, size_t bytes)
{
	while (r->count > 0 && r->bytes > r->max - bytes) {
		drop(r, r->list->prev);
		r->evictions++;
	}
}

/* ---- the back end's functions ---- */

static struct answer *peek(void *self, const unsigned char key[CACHE_KEY_SIZE])
{
	struct ram *r = self;
	struct entry *e = find(r, key);

	if (!e)
		return NULL;
	if (clock_mono_us() >= e->expires_us) {
		drop(r, e);
		return NULL;
	}
	if (e != r->list) {
		DL_DELETE(r->list, e);
		DL_PREPEND(r->list, e);
	}
	return e->answer;
}

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	found(ctx, peek(self, key), false);
}

static int64_t expiry(int64_t ttl_ms)
{
	int64_t us;

	if (__builtin_mul_overflow(ttl_ms, INT64_C(1000), &us) ||
	    __builtin_add_overflow(clock_mono_us(), us, &us))
		return INT64_MAX;
	return us;
}

static int insert(struct ram *r, const unsigned char *key, struct answer *answer, size_t cost,
		  int64_t expires_us)
{
	struct entry *e = heap_make_room(r) == 0 ? malloc(sizeof *e) : NULL;

	if (!e)
		return -ENOMEM;
	*e = (struct entry){.answer = answer, .expires_us = expires_us, .cost = cost};
	memcpy(e->key, key, CACHE_KEY_SIZE);
	HASH_ADD(hh, r->table, key, CACHE_KEY_SIZE, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	DL_PREPEND(r->list, e);
	heap_settle(r, r->count++, e);
	r->bytes += cost;
	r->stores++;
	return 0;
}

static void put(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	struct ram *r = self;
	size_t cost = cost_of(answer);
	struct entry *e = find(r, key);

	answer_ref(answer); /* before the old entry goes, which may hold the same one */
	if (e)
		drop(r, e);
	drop_expired(r);
	if (cost <= r->max / BIGGEST_PART && ttl_ms > 0) {
		make_room(r, cost);
		if (insert(r, key, answer, cost, expiry(ttl_ms)) == 0)
			return;
	}
	answer_unref(answer); /* too large, or no memory: it is asked for again */
}

static void flush(void *self)
{
	struct ram *r = self;

	while (r->list)
		drop(r, r->list);
	free(r->heap);
	r->heap = NULL;
	r->heap_room = 0;
}

static void measure(void *self, struct cache_kept *ret_kept)
{
	struct ram *r = self;

	drop_expired(r);
	*ret_kept = (struct cache_kept){.entries = r->count,
					.bytes = r->bytes,
					.stores = r->stores,
					.evictions = r->evictions};
}

static void ram_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	flush(self);
	free(self);
	closed(ctx);
}

int cache_ram_new(size_t max_bytes, struct cache_backend *ret_backend)
{
	struct ram *r = calloc(1, sizeof *r);

	if (!r)
		return -ENOMEM;
	cache_table_init();
	r->max = max_bytes;
	*ret_backend = (struct cache_backend){.get = get,
					      .peek = peek,
					      .put = put,
					      .flush = flush,
					      .measure = measure,
					      .free = ram_free,
					      .self = r};
	return 0;
}

void cache_ram_set_max(struct cache_backend *b, size_t max_bytes)
{
	struct ram *r = b->self;

	r->max = max_bytes;
	drop_expired(r);
	make_room(r, 0);
}
