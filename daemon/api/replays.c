#include "daemon/api/replays.h"

#include <stdlib.h>
#include <string.h>

#include "shared/log.h"

#include "daemon/store/ledger.h"

struct look_up {
	void (*found)(void *ctx, struct answer *answer);
	void *ctx;
};

static struct answer *answer_of(const struct idempotency_record *record)
{
	struct answer *a = record->answer ? answer_from_json(record->answer) : answer_new("", 0);

	if (!a)
		return NULL;
	a->lost = !record->answer;
	memcpy(a->body_hash, record->body_hash, sizeof a->body_hash);
	return a;
}

/* A store that cannot be read is no reason to ask the model twice unseen, but the request will not
 * get past its hold either. */
static void looked_up(void *ctx, int rc, const struct idempotency_record *record)
{
	struct look_up *l = ctx;
	struct answer *a = rc == 0 && record ? answer_of(record) : NULL;

	if (rc < 0)
		log_warn("replays", "no look at the answers kept for Idempotency-Key: code %d", rc);
	l->found(l->ctx, a);
	answer_unref(a);
	free(l);
}

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer), void *ctx)
{
	struct look_up *l = malloc(sizeof *l);

	if (l) {
		l->found = found;
		l->ctx = ctx;
		if (store_find_answer(self, "", key, looked_up, l) == 0)
			return;
	}
	free(l);
	found(ctx, NULL);
}

static void put(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	(void)self; /* the ledger's transaction has written it */
	(void)key;
	(void)answer;
	(void)ttl_ms;
}

static void flush(void *self)
{
	(void)self; /* what was promised is not forgotten */
}

static void measure(void *self, struct cache_kept *ret_kept)
{
	(void)self;
	*ret_kept = (struct cache_kept){.entries = 0};
}

/* The store answers each open look-up before it closes; it is not ours to free. */
static void release(void *self, void (*closed)(void *ctx), void *ctx)
{
	(void)self;
	closed(ctx);
}

void replays_backend(struct store *store, struct cache_backend *ret_backend)
{
	*ret_backend = (struct cache_backend){.get = get,
					      .put = put,
					      .flush = flush,
					      .measure = measure,
					      .free = release,
					      .self = store};
}
