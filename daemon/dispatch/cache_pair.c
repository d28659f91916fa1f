/* Two back ends as one.  A look-up that the first one has nothing for goes to the second.
 *
 * Both answer what is open before they have closed; so a look-up needs no list, but the second must
 * be there until the first has closed, because what the first answers last is passed on to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/cache.h"

struct pair {
	struct cache_backend first, second;
	void (*closed)(void *ctx);
	void *ctx;
};

struct look_up {
	struct pair *pair;
	unsigned char key[CACHE_KEY_SIZE];
	void (*found)(void *ctx, struct answer *answer, bool failed);
	void *ctx;
};

static void in_first(void *ctx, struct answer *answer, bool failed)
{
	struct look_up *l = ctx;
	struct look_up copy = *l;

	free(l);
	if (answer || failed)
		copy.found(copy.ctx, answer, failed);
	else
		copy.pair->second.get(copy.pair->second.self, copy.key, copy.found, copy.ctx);
}

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	struct pair *p = self;
	struct look_up *l = malloc(sizeof *l);

	if (!l) {
		found(ctx, NULL, true);
		return;
	}
	*l = (struct look_up){.pair = p, .found = found, .ctx = ctx};
	memcpy(l->key, key, CACHE_KEY_SIZE);
	p->first.get(p->first.self, key, in_first, l);
}

static void put(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	struct pair *p = self;

	p->first.put(p->first.self, key, answer, ttl_ms);
	p->second.put(p->second.self, key, answer, ttl_ms);
}

static void flush(void *self)
{
	struct pair *p = self;

	p->first.flush(p->first.self);
	p->second.flush(p->second.self);
}

static void measure(void *self, struct cache_kept *ret_kept)
{
	struct pair *p = self;

	p->first.measure(p->first.self, ret_kept);
}

static void second_closed(void *ctx)
{
	struct pair *p = ctx;

	p->closed(p->ctx);
	free(p);
}

static void first_closed(void *ctx)
{
	struct pair *p = ctx;

	p->second.free(p->second.self, second_closed, p);
}

static void pair_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct pair *p = self;

	p->closed = closed;
	p->ctx = ctx;
	p->first.free(p->first.self, first_closed, p);
}

int cache_pair_new(const struct cache_backend *first, const struct cache_backend *second,
		   struct cache_backend *ret_backend)
{
	struct pair *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->first = *first;
	p->second = *second;
	*ret_backend = (struct cache_backend){.get = get,
					      .put = put,
					      .flush = flush,
					      .measure = measure,
					      .free = pair_free,
					      .self = p};
	return 0;
}
