/* The cache over a back end that answers later, or cannot: what Redis is to a request. */
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/api/pipeline.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/api/fakes.h"
#include "tests/unit/test.h"

#define HELLO "{\"model\":\"haiku\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"

enum { GETS = 8 };

static struct {
	struct {
		void (*found)(void *ctx, struct answer *answer, bool failed);
		void *ctx;
	} gets[GETS];
	unsigned open, asked, puts;
	struct answer *kept;
} later;

static void get(void *self, const unsigned char key[CACHE_KEY_SIZE],
		void (*found)(void *ctx, struct answer *answer, bool failed), void *ctx)
{
	(void)self;
	(void)key;
	assert_true(later.open < GETS);
	later.gets[later.open].found = found;
	later.gets[later.open++].ctx = ctx;
	later.asked++;
}

static void put(void *self, const unsigned char key[CACHE_KEY_SIZE], struct answer *answer,
		int64_t ttl_ms)
{
	(void)self;
	(void)key;
	assert_int_equal(ttl_ms, 60000);
	later.puts++;
	answer_unref(later.kept);
	later.kept = answer_ref(answer);
}

static void flush(void *self)
{
	(void)self;
}

static void measure(void *self, struct cache_kept *ret_kept)
{
	(void)self;
	*ret_kept = (struct cache_kept){.entries = 0};
}

static void tell(struct answer *answer, bool failed)
{
	void (*found)(void *ctx, struct answer *answer, bool failed) = later.gets[0].found;
	void *ctx = later.gets[0].ctx;

	assert_true(later.open > 0);
	memmove(later.gets, later.gets + 1, --later.open * sizeof *later.gets);
	found(ctx, answer, failed);
	fake_flush();
}

static void later_free(void *self, void (*closed)(void *ctx), void *ctx)
{
	(void)self;
	while (later.open)
		tell(NULL, true);
	answer_unref(later.kept);
	later.kept = NULL;
	closed(ctx);
}

static int setup(void **state)
{
	static const struct cache_backend backend = {
		.get = get, .put = put, .flush = flush, .measure = measure, .free = later_free};
	int rc;

	memset(&later, 0, sizeof later);
	fakes_cache_backend = &backend;
	rc = fakes_setup(state);
	fakes_cache_backend = NULL;
	fakes.conf.cache.enabled = true;
	metrics_reset();
	return rc;
}

/* Sent, with its one look-up open. */
static struct exchange *waiting(void)
{
	struct exchange *x = fake_chat(HELLO);

	fake_send(x);
	assert_int_equal(later.open, 1);
	assert_null(fakes.job);
	assert_int_equal(x->status, 0);
	return x;
}

static void let_answer(struct exchange *x, const char *cache)
{
	assert_non_null(fakes.job);
	fake_text("forty-two");
	fake_done(FAULT_NONE);
	assert_int_equal(x->status, 200);
	assert_string_equal(fake_out(x, "x-ccapi-cache"), cache);
	fake_finish(x);
}

/* What an earlier request leaves: an answer, and a word by its bytes. */
static void answer_once(void)
{
	struct exchange *x = waiting();

	tell(NULL, false);
	let_answer(x, "miss");
	assert_int_equal(later.puts, 1);
	assert_int_equal(later.asked, 1);
}

static void a_miss_is_kept(void **state)
{
	(void)state;
	answer_once();
	assert_int_equal(metric_value(METRIC_CACHE_MISSES), 1);
	assert_int_equal(metric_value(METRIC_CACHE_BYPASSES), 0);
}

static void what_cannot_be_told_is_a_bypass_and_kept_all_the_same(void **state)
{
	struct exchange *x = waiting();

	(void)state;
	tell(NULL, true);
	let_answer(x, "bypass");
	assert_int_equal(later.puts, 1);
	assert_int_equal(metric_value(METRIC_CACHE_BYPASSES), 1);
	assert_int_equal(metric_value(METRIC_CACHE_MISSES), 0);
}

static void the_same_bytes_are_looked_up_without_being_parsed(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	tell(later.kept, false);
	assert_int_equal(x->status, 200);
	assert_string_equal(fake_out(x, "x-ccapi-cache"), "hit");
	assert_non_null(strstr(x->sent.data, "forty-two"));
	assert_int_equal(later.asked, 2); /* the short cut's alone */
	assert_int_equal(fakes.admit.hits, 1);
	assert_int_equal(fakes.submitted, 1);
	fake_finish(x);
}

static void who_finds_nothing_by_the_short_cut_goes_the_whole_way(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	tell(NULL, false);
	assert_int_equal(later.open, 0); /* nobody waits twice for the same */
	let_answer(x, "miss");
	assert_int_equal(later.asked, 2);
	assert_int_equal(fakes.submitted, 2);
}

static void who_cannot_be_told_by_the_short_cut_goes_the_whole_way(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	tell(NULL, true);
	tell(NULL, true);
	let_answer(x, "bypass");
	assert_int_equal(metric_value(METRIC_CACHE_BYPASSES), 1);
}

static void a_client_may_leave_during_a_look_up(void **state)
{
	(void)state;
	fake_abort(waiting());
	tell(NULL, false);
	assert_null(fakes.job);
}

static void a_client_may_leave_during_the_short_cut_s(void **state)
{
	(void)state;
	answer_once();
	fake_abort(waiting());
	tell(later.kept, false);
	assert_null(fakes.job);
	assert_int_equal(fakes.admit.hits, 0);
}

static void a_look_up_that_nobody_waits_for_outlives_the_cache(void **state)
{
	(void)state;
	answer_once();
	fake_abort(waiting());
	assert_int_equal(later.open, 1); /* told when the back end is freed */
}

static void who_waits_too_long_for_a_look_up_is_told(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	clock_advance_ms(600001);
	pipeline_tick(fakes.api);
	fake_assert_error(x, 504, "timeout", NULL);
	fake_finish(x);
	tell(later.kept, false);
	assert_int_equal(fakes.submitted, 1);
}

static void a_word_that_became_void_meanwhile_is_not_gone_by(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	fakes.models.generation++;
	tell(later.kept, false);
	assert_int_equal(x->status, 0);
	assert_int_equal(later.open, 1); /* parsed, routed and looked up anew */
	tell(NULL, false);
	let_answer(x, "miss");
}

static void limits_count_when_the_answer_comes(void **state)
{
	struct exchange *x;

	(void)state;
	answer_once();
	x = waiting();
	fakes.admit.refuse_limit = FAULT_LIMIT_REQUESTS;
	tell(later.kept, false);
	fake_assert_error(x, 429, "rate_limit_exceeded", NULL);
	fake_finish(x);
}

static void many_wait_for_their_own_short_cuts(void **state)
{
	struct exchange *x[3];

	(void)state;
	answer_once();
	for (int i = 0; i < 3; i++) {
		x[i] = fake_chat(HELLO);
		fake_send(x[i]);
	}
	assert_int_equal(later.open, 3);
	for (int i = 0; i < 3; i++)
		tell(later.kept, false);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(fake_out(x[i], "x-ccapi-cache"), "hit");
		fake_finish(x[i]);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_miss_is_kept),
		CASE(what_cannot_be_told_is_a_bypass_and_kept_all_the_same),
		CASE(the_same_bytes_are_looked_up_without_being_parsed),
		CASE(who_finds_nothing_by_the_short_cut_goes_the_whole_way),
		CASE(who_cannot_be_told_by_the_short_cut_goes_the_whole_way),
		CASE(a_client_may_leave_during_a_look_up),
		CASE(a_client_may_leave_during_the_short_cut_s),
		CASE(a_look_up_that_nobody_waits_for_outlives_the_cache),
		CASE(who_waits_too_long_for_a_look_up_is_told),
		CASE(a_word_that_became_void_meanwhile_is_not_gone_by),
		CASE(limits_count_when_the_answer_comes),
		CASE(many_wait_for_their_own_short_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
