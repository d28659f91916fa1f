#include <stdlib.h>

#include "daemon/admit/rolling.h"
#include "daemon/store/records.h"

#include "tests/unit/test.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define START INT64_C(1795516200000) /* a quarter's beginning */

static struct rolling ring;

static int make_hour(void **state)
{
	(void)state;
	return rolling_init(&ring, HOUR_MS, START);
}

static int free_ring(void **state)
{
	(void)state;
	rolling_done(&ring);
	return 0;
}

static void add(int64_t at_ms, int64_t tokens)
{
	rolling_add(&ring, at_ms, (struct amount){tokens, 2 * tokens});
}

static void assert_used(int64_t tokens)
{
	struct amount used = rolling_used(&ring);

	assert_int_equal(used.tokens, tokens);
	assert_int_equal(used.micro_usd, 2 * tokens);
}

static void usage_counts_until_all_of_its_quarter_is_too_long_ago(void **state)
{
	(void)state;
	add(START, 1);
	add(START + BUCKET_MS - 1, 10);
	rolling_turn(&ring, START + HOUR_MS + BUCKET_MS - 1);
	assert_used(11);
	rolling_turn(&ring, START + HOUR_MS + BUCKET_MS);
	assert_used(0);
}

static void quarters_leave_one_by_one(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		rolling_turn(&ring, START + i * BUCKET_MS);
		add(START + i * BUCKET_MS, 1 << i);
	}
	assert_used(31);
	rolling_turn(&ring, START + 5 * BUCKET_MS);
	assert_used(30);
	rolling_turn(&ring, START + 7 * BUCKET_MS);
	assert_used(24);
	add(START + 7 * BUCKET_MS, 100);
	rolling_turn(&ring, START + 9 * BUCKET_MS);
	assert_used(100);
}

static void a_long_pause_forgets_everything(void **state)
{
	(void)state;
	add(START, 5);
	rolling_turn(&ring, START + 3650 * DAY_MS);
	assert_used(0);
	add(START + 3650 * DAY_MS, 7);
	assert_used(7);
	rolling_turn(&ring, INT64_MAX);
	assert_used(0);
}

static void the_past_counts_where_it_belongs(void **state)
{
	(void)state;
	add(START - 5 * BUCKET_MS, 1000); /* gone */
	add(START - 4 * BUCKET_MS, 1);
	add(START - BUCKET_MS, 10);
	assert_used(11);
	rolling_turn(&ring, START + BUCKET_MS);
	assert_used(10);
	rolling_turn(&ring, START + 4 * BUCKET_MS);
	assert_used(0);
}

static void the_future_counts_as_now(void **state)
{
	(void)state;
	add(START + DAY_MS, 1);
	assert_used(1);
	rolling_turn(&ring, START + HOUR_MS);
	assert_used(1);
	rolling_turn(&ring, START + HOUR_MS + BUCKET_MS);
	assert_used(0);
}

static void a_clock_set_back_a_little_changes_nothing(void **state)
{
	(void)state;
	add(START, 1);
	rolling_turn(&ring, START - HOUR_MS);
	add(START - HOUR_MS, 10);
	assert_used(11);
	rolling_turn(&ring, START + BUCKET_MS);
	assert_used(1);
	rolling_turn(&ring, START + HOUR_MS + BUCKET_MS);
	assert_used(0);
}

static void a_clock_set_back_far_keeps_what_was_used_for_one_length(void **state)
{
	(void)state;
	add(START, 1);
	rolling_turn(&ring, START - DAY_MS);
	assert_used(1);
	add(START - DAY_MS, 10);
	rolling_turn(&ring, START - DAY_MS + HOUR_MS);
	assert_used(11);
	rolling_turn(&ring, START - DAY_MS + HOUR_MS + BUCKET_MS);
	assert_used(0);
}

/* A sum that was cut off would not come back to what is true when a quarter leaves. */
static void absurd_amounts_saturate_and_leave_again(void **state)
{
	(void)state;
	rolling_add(&ring, START, (struct amount){INT64_MAX, INT64_MAX});
	rolling_add(&ring, START, (struct amount){INT64_MAX, INT64_MAX});
	rolling_turn(&ring, START + BUCKET_MS);
	rolling_add(&ring, START + BUCKET_MS, (struct amount){INT64_MAX, 3});
	assert_int_equal(rolling_used(&ring).tokens, INT64_MAX);
	assert_int_equal(rolling_used(&ring).micro_usd, INT64_MAX);
	rolling_turn(&ring, START + HOUR_MS + BUCKET_MS);
	assert_int_equal(rolling_used(&ring).tokens, INT64_MAX);
	assert_int_equal(rolling_used(&ring).micro_usd, 3);
	rolling_turn(&ring, START + HOUR_MS + 2 * BUCKET_MS);
	assert_used(0);
}

static void times_before_1970_do_no_harm(void **state)
{
	struct rolling r;

	(void)state;
	assert_int_equal(rolling_init(&r, HOUR_MS, INT64_MIN), 0);
	rolling_add(&r, INT64_MIN, (struct amount){1, 1});
	rolling_turn(&r, INT64_MIN);
	assert_int_equal(rolling_used(&r).tokens, 1);
	rolling_done(&r);
}

/* Against every single use, remembered: never less than what the length holds, and no more than a
 * quarter of an hour more. */
static void the_sum_is_never_less_than_what_was_used(void **state)
{
	enum { USES = 3000 };
	static int64_t times[USES], tokens[USES];
	int64_t now = START;

	(void)state;
	srand(4711);
	for (int n = 0; n < USES; n++) {
		int64_t least = 0, most = 0;

		now += rand() % 40 ? rand() % 120000 : rand() % (3 * HOUR_MS);
		rolling_turn(&ring, now);
		times[n] = now;
		tokens[n] = rand() % 1000;
		add(now, tokens[n]);
		for (int i = n; i >= 0 && times[i] > now - HOUR_MS - BUCKET_MS; i--) {
			most += tokens[i];
			least += times[i] > now - HOUR_MS ? tokens[i] : 0;
		}
		assert_in_range(rolling_used(&ring).tokens, least, most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			usage_counts_until_all_of_its_quarter_is_too_long_ago, make_hour,
			free_ring),
		cmocka_unit_test_setup_teardown(quarters_leave_one_by_one, make_hour, free_ring),
		cmocka_unit_test_setup_teardown(a_long_pause_forgets_everything, make_hour,
						free_ring),
		cmocka_unit_test_setup_teardown(the_past_counts_where_it_belongs, make_hour,
						free_ring),
		cmocka_unit_test_setup_teardown(the_future_counts_as_now, make_hour, free_ring),
		cmocka_unit_test_setup_teardown(a_clock_set_back_a_little_changes_nothing,
						make_hour, free_ring),
		cmocka_unit_test_setup_teardown(
			a_clock_set_back_far_keeps_what_was_used_for_one_length, make_hour,
			free_ring),
		cmocka_unit_test_setup_teardown(absurd_amounts_saturate_and_leave_again, make_hour,
						free_ring),
		cmocka_unit_test(times_before_1970_do_no_harm),
		cmocka_unit_test_setup_teardown(the_sum_is_never_less_than_what_was_used, make_hour,
						free_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
