#include "daemon/api/replays.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/log.h"

#include "daemon/store/ledger.h"

struct replays {
	struct store *store;
	unsigned open;             /* look-ups that the store has not answered */
	void (*closed)(void *ctx); /* NULL: not being freed */
	void *ctx;
};

struct look_up {
	struct replays *replays;
	void (*found)(void *ctx, struct answer *answer, bool failed);
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

static void free_when_idle(struct replays *r)
{
	if (!r->closed || r->open)
		return;
	r->closed(r->ctx);
	free(r);
}

/* A store that cannot be read is no reason to ask the model twice unseen, but the request will not
 * get past its hold either. */
static void looked_up(void *ctx, int rc, const struct idempotency_record *record)
{
	struct look_up *l = ctx;
	struct answer *a = rc == 0 && record ? answer_of(record) : NULL;

	if (rc < 0)
		log_warn("replays", "no look at the answers kept for Idempotency-Key: code %d", rc);
	l->found(l->ctx, a, rc < 0);
	answer_unref(a);
	l->replays->open--;
	free_when_idle(l->replays);
	free(l);
}

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	struct replays *r = self;
	struct look_up *l = malloc(sizeof *l);

	if (l) {
		*l = (struct look_up){.replays = r, .found = found, .ctx = ctx};
		r->open++;
		if (store_find_answer(r->store, "", key, looked_up, l) == 0)
			return;
		r->open--;
	}
	free(l);
	found(ctx, NULL, true);
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

/* Look-ups cannot be called back; the store answers them soon. */
static void release(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct replays *r = self;

	r->closed = closed;
	r->ctx = ctx;
	free_when_idle(r);
}

int replays_backend(struct store *store, struct cache_backend *ret_backend)
{
	struct replays *r = calloc(1, sizeof *r);

	if (!r)
		return -ENOMEM;
	r->store = store;
	*ret_backend = (struct cache_backend){.get = get,
					      .put = put,
					      .flush = flush,
					      .measure = measure,
					      .free = release,
					      .self = r};
	return 0;
}
