/* A cache over a back end that the test answers by hand: at once, later, or when it is freed; and
 * askers that note what they are told. */
#ifndef TESTS_UNIT_DISPATCH_CACHE_SUPPORT_H
#define TESTS_UNIT_DISPATCH_CACHE_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/cache.h"

#include "tests/unit/test.h"

enum { GETS = 16 };

static struct {
	/* the back end */
	bool at_once;
	bool fails;           /* a look-up that is answered later is answered with failure */
	struct answer *holds; /* what get at once and put know; one for all keys */
	struct {
		void (*found)(void *ctx, struct answer *answer, bool failed);
		void *ctx;
	} gets[GETS];
	unsigned gets_count, puts, flushes;
	int64_t put_ttl;
	/* the front */
	uv_loop_t loop;
	struct cache *cache;
	char log[512]; /* who was told what: "a=lead b=text " */
	bool in_call;  /* nobody may be told now */
} fake;

static inline void fake_get(void *self, const unsigned char key[CACHE_KEY_SIZE],
			    void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	(void)self;
	(void)key;
	if (fake.at_once) {
		found(ctx, fake.holds, false);
		return;
	}
	assert_true(fake.gets_count < GETS);
	fake.gets[fake.gets_count].found = found;
	fake.gets[fake.gets_count++].ctx = ctx;
}

static inline void fake_put(void *self, const unsigned char key[CACHE_KEY_SIZE],
			    struct answer *answer, int64_t ttl_ms)
{
	(void)self;
	(void)key;
	fake.puts++;
	fake.put_ttl = ttl_ms;
	answer_ref(answer);
	answer_unref(fake.holds);
	fake.holds = answer;
}

static inline void fake_flush(void *self)
{
	(void)self;
	fake.flushes++;
	answer_unref(fake.holds);
	fake.holds = NULL;
}

static inline void fake_measure(void *self, struct cache_kept *ret_kept)
{
	(void)self;
	*ret_kept =
		(struct cache_kept){.entries = 1, .bytes = 2, .stores = fake.puts, .evictions = 4};
}

/* The oldest get that is open. */
static inline void answer_get(struct answer *answer)
{
	void (*found)(void *, struct answer *, bool) = fake.gets[0].found;
	void *ctx = fake.gets[0].ctx;

	assert_true(fake.gets_count > 0);
	memmove(fake.gets, fake.gets + 1, --fake.gets_count * sizeof *fake.gets);
	found(ctx, answer, fake.fails);
}

static inline void fake_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	while (fake.gets_count > 0)
		answer_get(NULL);
	fake_flush(self);
	closed(ctx);
}

static const struct cache_backend backend = {.get = fake_get,
					     .put = fake_put,
					     .flush = fake_flush,
					     .measure = fake_measure,
					     .free = fake_free};

/* ---- who asks ---- */

struct asker {
	const char *name;
	struct cache_ticket ticket;
	void (*then)(struct asker *); /* what it does when told */
	struct asker *other;
	unsigned told;
};

static inline const unsigned char *key_of(char name)
{
	static unsigned char key[CACHE_KEY_SIZE];

	memset(key, name, sizeof key);
	return key;
}

static inline void on_ready(void *ctx, enum cache_result result, struct answer *answer)
{
	struct asker *a = ctx;
	size_t at = strlen(fake.log);

	assert_false(fake.in_call);
	assert_int_equal(result == CACHE_HIT, answer != NULL);
	assert_int_equal(a->ticket.leads, result != CACHE_HIT);
	assert_int_equal(a->ticket.flight != NULL, result != CACHE_HIT);
	a->told++;
	snprintf(fake.log + at, sizeof fake.log - at, "%s=%s ", a->name,
		 answer                  ? answer->text
		 : result == CACHE_BLIND ? "blind"
					 : "lead");
	if (a->then)
		a->then(a);
}

static inline void join(struct asker *a, char key, bool fresh)
{
	assert_int_equal(cache_join(fake.cache, key_of(key), fresh ? CACHE_FRESH : CACHE_LOOK,
				    &a->ticket, on_ready, a),
			 0);
}

static inline struct answer *text_of(const char *text)
{
	struct answer *a = answer_new(text, strlen(text));

	assert_non_null(a);
	return a;
}

static inline void settle(struct asker *a, const char *text, int64_t keep_ms)
{
	struct answer *answer = text ? text_of(text) : NULL;

	fake.in_call = true;
	cache_settle(fake.cache, &a->ticket, answer, keep_ms);
	fake.in_call = false;
	answer_unref(answer);
	assert_null(a->ticket.flight);
	assert_false(a->ticket.leads);
}

static inline void leave(struct asker *a)
{
	fake.in_call = true;
	cache_leave(fake.cache, &a->ticket);
	fake.in_call = false;
	assert_null(a->ticket.flight);
}

static inline void get_finds(const char *text)
{
	struct answer *answer = text ? text_of(text) : NULL;

	answer_get(answer);
	answer_unref(answer);
}

/* Lets the loop tell; what was told since the last look, in order. */
static inline void expect_told(const char *told)
{
	uv_run(&fake.loop, UV_RUN_NOWAIT);
	assert_string_equal(fake.log, told);
	fake.log[0] = '\0';
}

static inline void expect_told_already(const char *told)
{
	assert_string_equal(fake.log, told);
	fake.log[0] = '\0';
}

static inline struct cache_counts counts(void)
{
	struct cache_counts counts;

	cache_count(fake.cache, &counts);
	return counts;
}

static inline int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof fake);
	fake.at_once = true;
	uv_loop_init(&fake.loop);
	fake.cache = cache_new(&fake.loop, &backend);
	return fake.cache ? 0 : -1;
}

static inline void note(void *ctx)
{
	++*(int *)ctx;
}

static inline int teardown(void **state)
{
	int closed = 0;

	(void)state;
	assert_false(uv_loop_alive(&fake.loop)); /* nobody is to be told any more */
	cache_free(fake.cache, note, &closed);
	assert_int_equal(closed, 0);
	uv_run(&fake.loop, UV_RUN_DEFAULT);
	assert_int_equal(closed, 1);
	assert_int_equal(uv_loop_close(&fake.loop), 0);
	return 0;
}

static inline void then_other_leaves(struct asker *a)
{
	cache_leave(fake.cache, &a->other->ticket);
}

static inline void then_join_once_more(struct asker *a)
{
	if (a->told == 1)
		join(a, 'k', false);
}

#endif
