#include <stdlib.h>

#include "daemon/admit/ratelimit.h"

#include "tests/unit/test.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

enum { NONE = -1 };

static const int64_t start_us = 12345;

static struct rate make(int64_t requests, int64_t tokens, int64_t concurrent)
{
	const struct rate_limits limits = {requests, tokens, concurrent};
	struct rate r;

	rate_init(&r, &limits, start_us);
	return r;
}

/* Takes if it may. */
static enum rate_verdict ask(struct rate *r, int64_t tokens, int64_t now_us, int64_t *ret_wait_ms)
{
	enum rate_verdict v = rate_check(r, tokens, now_us, ret_wait_ms);

	if (v == RATE_OK)
		rate_take(r, tokens);
	return v;
}

static struct rate_view view_of(struct rate *r, int64_t now_us)
{
	struct rate_view v;

	rate_look(r, now_us, &v);
	return v;
}

static void a_minute_s_worth_goes_at_once_and_not_one_more(void **state)
{
	struct rate r = make(60, NONE, NONE);
	int64_t wait;

	(void)state;
	for (int i = 0; i < 60; i++) {
		assert_int_equal(ask(&r, 1000, start_us, &wait), RATE_OK);
		assert_int_equal(wait, 0);
	}
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_REQUESTS);
	assert_int_equal(wait, 1000);
	assert_int_equal(ask(&r, 1, start_us + SECOND_US - 1000, &wait), RATE_REQUESTS);
	assert_int_equal(wait, 1);
	assert_int_equal(ask(&r, 1, start_us + SECOND_US, &wait), RATE_OK);
	assert_int_equal(ask(&r, 1, start_us + SECOND_US, &wait), RATE_REQUESTS);
}

static void without_limits_everything_passes(void **state)
{
	struct rate r = make(NONE, NONE, NONE);
	struct rate_view v;
	int64_t wait = 5;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ask(&r, INT64_MAX, start_us, &wait), RATE_OK);
	assert_int_equal(wait, 0);
	assert_int_equal(r.running, 1000);
	v = view_of(&r, start_us);
	assert_int_equal(v.limit_requests, -1);
	assert_int_equal(v.remaining_requests, -1);
	assert_int_equal(v.reset_requests_ms, -1);
	assert_int_equal(v.limit_tokens, -1);
	assert_int_equal(v.remaining_tokens, -1);
	assert_int_equal(v.reset_tokens_ms, -1);
}

static void a_check_takes_nothing(void **state)
{
	struct rate r = make(1, 10, 1);
	int64_t wait;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(rate_check(&r, 10, start_us, &wait), RATE_OK);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 10);
}

static void running_requests_are_bounded_until_one_ends(void **state)
{
	struct rate r = make(NONE, NONE, 2);
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 1, start_us + 99 * MINUTE_US, &wait), RATE_CONCURRENT);
	assert_int_equal(wait, -1);
	rate_release(&r);
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_OK);
	for (int i = 0; i < 5; i++)
		rate_release(&r);
	assert_int_equal(r.running, 0);
}

static void tokens_are_taken_and_come_back_with_time(void **state)
{
	struct rate r = make(NONE, 6000, NONE);
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&r, 5000, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 2000, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 10000);
	assert_int_equal(ask(&r, 1000, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 10);
	assert_int_equal(ask(&r, 2000, start_us + 20 * SECOND_US, &wait), RATE_OK);
}

static void the_true_figure_corrects_the_estimate(void **state)
{
	struct rate r = make(NONE, 6000, NONE);
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&r, 5000, start_us, &wait), RATE_OK);
	rate_adjust(&r, -4000);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 5000);
	rate_adjust(&r, -4000);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 6000);
	rate_adjust(&r, 9000); /* in debt by 3000 */
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 0);
	assert_int_equal(view_of(&r, start_us).reset_tokens_ms, 90000);
	assert_int_equal(ask(&r, 0, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 30000);
	assert_int_equal(ask(&r, 1000, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 40000);
	assert_int_equal(ask(&r, 1000, start_us + 40 * SECOND_US, &wait), RATE_OK);
}

static void a_request_larger_than_the_limit_waits_for_a_full_bucket(void **state)
{
	struct rate r = make(NONE, 6000, NONE);
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&r, 60000, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 60000, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 600000);
	assert_int_equal(ask(&r, 60000, start_us + 10 * MINUTE_US - 1000, &wait), RATE_TOKENS);
	assert_int_equal(wait, 1);
	assert_int_equal(ask(&r, 60000, start_us + 10 * MINUTE_US, &wait), RATE_OK);
}

static void the_longest_wait_is_told(void **state)
{
	struct rate r = make(60, 6000, NONE);
	int64_t wait;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(ask(&r, 100, start_us, &wait), RATE_OK);
	assert_int_equal(ask(&r, 1000, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 10000);
	assert_int_equal(ask(&r, 10, start_us, &wait), RATE_REQUESTS);
	assert_int_equal(wait, 1000);
}

static void a_limit_of_zero_lets_nothing_through(void **state)
{
	struct rate requests = make(0, NONE, NONE), tokens = make(NONE, 0, NONE),
		    concurrent = make(NONE, NONE, 0);
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&requests, 1, start_us + MINUTE_US, &wait), RATE_REQUESTS);
	assert_true(wait > 0);
	assert_int_equal(ask(&tokens, 0, start_us + MINUTE_US, &wait), RATE_TOKENS);
	assert_true(wait > 0);
	assert_int_equal(ask(&concurrent, 1, start_us + MINUTE_US, &wait), RATE_CONCURRENT);
	assert_int_equal(wait, -1);
	assert_int_equal(view_of(&tokens, start_us).limit_tokens, 0);
	assert_int_equal(view_of(&tokens, start_us).remaining_tokens, 0);
	assert_int_equal(view_of(&tokens, start_us).reset_tokens_ms, 0);
}

static void a_clock_that_stands_still_or_goes_back_fills_nothing(void **state)
{
	struct rate r = make(60, NONE, NONE);
	int64_t wait;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(ask(&r, 0, start_us, &wait), RATE_OK);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ask(&r, 0, start_us, &wait), RATE_REQUESTS);
	assert_int_equal(ask(&r, 0, start_us - MINUTE_US, &wait), RATE_REQUESTS);
	assert_int_equal(ask(&r, 0, start_us + SECOND_US - 1000, &wait), RATE_REQUESTS);
	assert_int_equal(ask(&r, 0, start_us + SECOND_US, &wait), RATE_OK);
}

/* Many small steps of the clock fill as much as a large one. */
static void looking_often_loses_nothing(void **state)
{
	struct rate r = make(7, 1000003, NONE);
	int64_t now = start_us, wait;

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_int_equal(ask(&r, 1000003 / 7, now, &wait), RATE_OK);
	assert_int_equal(rate_check(&r, 1000003, now, &wait), RATE_TOKENS);
	for (int64_t i = 0; i < wait * 1000; i += 37)
		(void)view_of(&r, now + i);
	now += wait * 1000;
	assert_int_equal(rate_check(&r, 1000003, now, &wait), RATE_OK);
}

static void a_huge_gap_fills_the_buckets_once(void **state)
{
	struct rate r = make(10, 100, NONE);
	int64_t wait;

	(void)state;
	r.filled_us = INT64_MIN;
	rate_take(&r, 1000000);
	assert_int_equal(rate_check(&r, 100, INT64_MAX, &wait), RATE_OK);
	assert_int_equal(view_of(&r, INT64_MAX).remaining_requests, 10);
	assert_int_equal(view_of(&r, INT64_MAX).remaining_tokens, 100);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(&r, 10, INT64_MAX, &wait), RATE_OK);
	assert_int_equal(ask(&r, 0, INT64_MAX, &wait), RATE_REQUESTS);
	assert_int_equal(view_of(&r, INT64_MAX).remaining_tokens, 0);
}

static void absurd_amounts_overflow_nothing(void **state)
{
	struct rate r = make(INT64_MAX, INT64_MAX, INT64_MAX);
	int64_t wait;

	(void)state;
	assert_int_equal(view_of(&r, start_us).remaining_tokens, INT64_MAX);
	assert_int_equal(ask(&r, INT64_MAX, start_us, &wait), RATE_OK);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 0);
	assert_int_equal(ask(&r, INT64_MAX, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 60000);
	rate_adjust(&r, INT64_MIN);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, INT64_MAX);
	rate_adjust(&r, INT64_MAX);
	rate_adjust(&r, INT64_MAX);
	assert_int_equal(ask(&r, INT64_MIN, start_us, &wait), RATE_TOKENS);
	r = make(NONE, 1, NONE);
	rate_adjust(&r, INT64_MAX);
	assert_int_equal(ask(&r, 1, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, INT64_MAX);
}

static void negative_estimates_count_as_nothing(void **state)
{
	struct rate r = make(NONE, 100, NONE);
	int64_t wait;

	(void)state;
	rate_adjust(&r, 50);
	assert_int_equal(ask(&r, -1000, start_us, &wait), RATE_OK);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 50);
}

static void new_limits_keep_what_is_left(void **state)
{
	struct rate r = make(100, 1000, NONE);
	const struct rate_limits larger = {200, 2000, NONE}, smaller = {10, 100, NONE},
				 none = {NONE, NONE, NONE};
	int64_t wait;

	(void)state;
	assert_int_equal(ask(&r, 400, start_us, &wait), RATE_OK);
	rate_set_limits(&r, &larger, start_us);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 600);
	assert_int_equal(view_of(&r, start_us).remaining_requests, 99);
	rate_set_limits(&r, &smaller, start_us);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 100);
	assert_int_equal(view_of(&r, start_us).remaining_requests, 10);
	rate_adjust(&r, 150); /* in debt by 50 */
	rate_set_limits(&r, &larger, start_us);
	assert_int_equal(ask(&r, 0, start_us, &wait), RATE_TOKENS);
	assert_int_equal(wait, 1500);
	rate_set_limits(&r, &none, start_us);
	assert_int_equal(ask(&r, 1000000, start_us, &wait), RATE_OK);
	rate_set_limits(&r, &smaller, start_us);
	assert_int_equal(view_of(&r, start_us).remaining_tokens, 100);
	assert_int_equal(view_of(&r, start_us).remaining_requests, 10);
	assert_int_equal(r.running, 2);
}

static void new_limits_fill_up_by_the_old_ones_until_now(void **state)
{
	struct rate r = make(60, NONE, NONE);
	const struct rate_limits faster = {6000, NONE, NONE};
	int64_t wait;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(ask(&r, 0, start_us, &wait), RATE_OK);
	rate_set_limits(&r, &faster, start_us + 10 * SECOND_US);
	assert_int_equal(view_of(&r, start_us + 10 * SECOND_US).remaining_requests, 10);
	assert_int_equal(view_of(&r, start_us + 11 * SECOND_US).remaining_requests, 110);
}

static void resets_say_when_the_buckets_are_full(void **state)
{
	struct rate r = make(60, 6000, NONE);
	int64_t wait;
	struct rate_view v;

	(void)state;
	v = view_of(&r, start_us);
	assert_int_equal(v.reset_requests_ms, 0);
	assert_int_equal(v.reset_tokens_ms, 0);
	assert_int_equal(ask(&r, 3000, start_us, &wait), RATE_OK);
	v = view_of(&r, start_us + SECOND_US / 2);
	assert_int_equal(v.limit_requests, 60);
	assert_int_equal(v.remaining_requests, 59);
	assert_int_equal(v.reset_requests_ms, 500);
	assert_int_equal(v.limit_tokens, 6000);
	assert_int_equal(v.remaining_tokens, 3050);
	assert_int_equal(v.reset_tokens_ms, 29500);
}

/* ---- by property ---- */

static uint64_t seed;

static int64_t rnd(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

/* A millisecond less than the wait does not do (a microsecond of doubt apart). */
static void assert_wait_is_exact(const struct rate *r, int64_t tokens, int64_t now_us, int64_t wait,
				 uint64_t began_with)
{
	struct rate early = *r, late = *r;
	int64_t unused;

	if (rate_check(&late, tokens, now_us + wait * 1000, &unused) != RATE_OK)
		fail_msg("seed %llu: still refused after %lld ms", (unsigned long long)began_with,
			 (long long)wait);
	if (wait > 1 &&
	    rate_check(&early, tokens, now_us + (wait - 1) * 1000 - 1, &unused) == RATE_OK)
		fail_msg("seed %llu: let through before %lld ms", (unsigned long long)began_with,
			 (long long)wait);
}

/* Over any time, no more goes through than one bucket and what flowed in. */
static void no_more_passes_than_the_limits_say(void **state)
{
	const char *given = getenv("CCAPI_TEST_SEED");
	uint64_t began_with = given ? strtoull(given, NULL, 10) : 20261124;

	(void)state;
	seed = began_with;
	for (int run = 0; run < 300; run++) {
		int64_t requests = 1 + rnd(600), tokens = 1 + rnd(run % 2 ? 1000 : 10000000);
		struct rate r = make(requests, tokens, NONE);
		int64_t now = start_us, passed = 0, spent = 0, largest = 0, wait;

		for (int step = 0; step < 500; step++) {
			int64_t wants = rnd(tokens + tokens / 4);

			now += rnd(3) ? rnd(SECOND_US) : rnd(20 * SECOND_US);
			if (ask(&r, wants, now, &wait) == RATE_OK) {
				passed++;
				spent += wants;
				largest = wants > largest ? wants : largest;
			} else {
				assert_wait_is_exact(&r, wants, now, wait, began_with);
			}
			if ((double)passed > 1e-6 + (double)requests *
							     (1 + (double)(now - start_us) / 6e7) ||
			    (double)(spent - largest) >
				    1 + (double)tokens * (1 + (double)(now - start_us) / 6e7))
				fail_msg("seed %llu: %lld requests, %lld tokens after %lld us",
					 (unsigned long long)began_with, (long long)passed,
					 (long long)spent, (long long)(now - start_us));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_s_worth_goes_at_once_and_not_one_more),
		cmocka_unit_test(without_limits_everything_passes),
		cmocka_unit_test(a_check_takes_nothing),
		cmocka_unit_test(running_requests_are_bounded_until_one_ends),
		cmocka_unit_test(tokens_are_taken_and_come_back_with_time),
		cmocka_unit_test(the_true_figure_corrects_the_estimate),
		cmocka_unit_test(a_request_larger_than_the_limit_waits_for_a_full_bucket),
		cmocka_unit_test(the_longest_wait_is_told),
		cmocka_unit_test(a_limit_of_zero_lets_nothing_through),
		cmocka_unit_test(a_clock_that_stands_still_or_goes_back_fills_nothing),
		cmocka_unit_test(looking_often_loses_nothing),
		cmocka_unit_test(a_huge_gap_fills_the_buckets_once),
		cmocka_unit_test(absurd_amounts_overflow_nothing),
		cmocka_unit_test(negative_estimates_count_as_nothing),
		cmocka_unit_test(new_limits_keep_what_is_left),
		cmocka_unit_test(new_limits_fill_up_by_the_old_ones_until_now),
		cmocka_unit_test(resets_say_when_the_buckets_are_full),
		cmocka_unit_test(no_more_passes_than_the_limits_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
