/* Two back ends as one. */
#include <stdlib.h>
#include <string.h>

#include "daemon/dispatch/cache.h"

#include "tests/unit/test.h"

/* A back end that the test answers by hand. */
struct place {
	void (*found)(void *ctx, struct answer *answer, bool failed);
	void *ctx;
	unsigned gets, puts, flushes;
	bool freed;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static struct place places[2];
static struct cache_backend pair;
static const unsigned char key[CACHE_KEY_SIZE] = {1};
static char told[32];

static void get(void *self, const unsigned char of[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	struct place *p = self;

	assert_false(p->freed);
	assert_memory_equal(of, key, CACHE_KEY_SIZE);
	p->found = found;
	p->ctx = ctx;
	p->gets++;
}

static void put(void *self, const unsigned char of[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	struct place *p = self;

	assert_memory_equal(of, key, CACHE_KEY_SIZE);
	assert_string_equal(answer->text, "text");
	assert_int_equal(ttl_ms, 1234);
	p->puts++;
}

static void flush(void *self)
{
	((struct place *)self)->flushes++;
}

static void measure(void *self, struct cache_kept *ret_kept)
{
	*ret_kept = (struct cache_kept){.entries = (size_t)((struct place *)self - places) + 1};
}

/* As the real ones do: what is open is answered first; the first one takes its time. */
static void answer_place(struct place *p, const char *text, bool failed)
{
	struct answer *a = text ? answer_new(text, strlen(text)) : NULL;
	void (*found)(void *ctx, struct answer *answer, bool failed) = p->found;

	assert_non_null(found);
	p->found = NULL;
	found(p->ctx, a, failed);
	answer_unref(a);
}

static void place_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct place *p = self;

	p->closed = closed;
	p->closed_ctx = ctx;
}

static void close_place(struct place *p)
{
	if (p->found)
		answer_place(p, NULL, p == &places[1]);
	p->freed = true;
	p->closed(p->closed_ctx);
}

static void note_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static int setup(void **state)
{
	struct cache_backend ends[2];

	(void)state;
	memset(places, 0, sizeof places);
	told[0] = '\0';
	for (int i = 0; i < 2; i++)
		ends[i] = (struct cache_backend){.get = get,
						 .put = put,
						 .flush = flush,
						 .measure = measure,
						 .free = place_free,
						 .self = &places[i]};
	return cache_pair_new(&ends[0], &ends[1], &pair);
}

static int teardown(void **state)
{
	bool closed = false;

	(void)state;
	pair.free(pair.self, note_closed, &closed);
	assert_non_null(places[0].closed);
	assert_null(places[1].closed); /* not before the first is gone */
	close_place(&places[0]);
	assert_false(closed);
	close_place(&places[1]);
	assert_true(closed);
	return 0;
}

static void note_found(void *ctx, struct answer *answer, bool failed)
{
	(void)ctx;
	assert_string_equal(told, ""); /* once */
	strcpy(told, failed ? "failed" : answer ? answer->text : "nothing");
}

static void expect_told(const char *what)
{
	assert_string_equal(told, what);
	told[0] = '\0';
}

static void the_first_is_asked_first(void **state)
{
	(void)state;
	pair.get(pair.self, key, note_found, NULL);
	assert_int_equal(places[1].gets, 0);
	answer_place(&places[0], "first", false);
	expect_told("first");
	assert_int_equal(places[1].gets, 0);
}

static void the_second_is_asked_for_what_the_first_has_not(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		pair.get(pair.self, key, note_found, NULL);
		answer_place(&places[0], NULL, false);
		expect_told("");
		answer_place(&places[1], i == 0 ? "second" : NULL, i == 2);
		expect_told(i == 0 ? "second" : i == 1 ? "nothing" : "failed");
	}
}

/* It is the truth; without it the other may not be believed. */
static void the_first_s_failure_is_the_end(void **state)
{
	(void)state;
	pair.get(pair.self, key, note_found, NULL);
	answer_place(&places[0], NULL, true);
	expect_told("failed");
	assert_int_equal(places[1].gets, 0);
}

static void both_keep_what_is_put(void **state)
{
	struct answer *a = answer_new("text", 4);
	struct cache_kept kept;

	(void)state;
	pair.put(pair.self, key, a, 1234);
	pair.flush(pair.self);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(places[i].puts, 1);
		assert_int_equal(places[i].flushes, 1);
	}
	pair.measure(pair.self, &kept);
	assert_int_equal(kept.entries, 1);
	assert_null(pair.peek);
	answer_unref(a);
}

static void what_is_open_is_answered_before_it_closes(void **state)
{
	(void)state;
	pair.get(pair.self, key, note_found, NULL);
	teardown(state); /* the first passes it on while it closes; the second fails it */
	expect_told("failed");
	assert_int_equal(places[1].gets, 1);
	setup(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_first_is_asked_first),
		TEST(the_second_is_asked_for_what_the_first_has_not),
		TEST(the_first_s_failure_is_the_end),
		TEST(both_keep_what_is_put),
		TEST(what_is_open_is_answered_before_it_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
