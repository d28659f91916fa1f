#include "daemon/pool/backoff.h"

#include "tests/unit/test.h"

enum { NOW = 1000000000 };

static void nothing_waits_before_a_failure(void **state)
{
	struct backoff b = {0};

	(void)state;
	assert_int_equal(backoff_wait_ms(&b, NOW), 0);
	assert_false(backoff_open(&b));
}

static void waits_double_up_to_the_last(void **state)
{
	static const int64_t waits[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct backoff b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		backoff_failure(&b, NOW);
		assert_int_equal(backoff_wait_ms(&b, NOW), waits[i]);
	}
}

static void a_wait_ends_with_time_and_rounds_up(void **state)
{
	struct backoff b = {0};

	(void)state;
	backoff_failure(&b, NOW);
	assert_int_equal(backoff_wait_ms(&b, NOW + 1), 500);
	assert_int_equal(backoff_wait_ms(&b, NOW + 499999), 1);
	assert_int_equal(backoff_wait_ms(&b, NOW + 500000), 0);
}

static void the_breaker_opens_after_several_failures_in_a_row(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 1; i < BACKOFF_OPEN_AFTER; i++) {
		backoff_failure(&b, NOW);
		assert_false(backoff_open(&b));
	}
	backoff_failure(&b, NOW);
	assert_true(backoff_open(&b));
}

static void a_success_forgets_everything(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 0; i < 10; i++)
		backoff_failure(&b, NOW);
	backoff_success(&b);
	assert_false(backoff_open(&b));
	assert_int_equal(backoff_wait_ms(&b, NOW), 0);
	backoff_failure(&b, NOW);
	assert_int_equal(backoff_wait_ms(&b, NOW), 500);
}

static void a_pause_delays_and_counts_nothing(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 0; i < 2 * BACKOFF_OPEN_AFTER; i++)
		backoff_pause(&b, NOW);
	assert_int_equal(backoff_wait_ms(&b, NOW), BACKOFF_FIRST_MS);
	assert_false(backoff_open(&b));
	backoff_failure(&b, NOW);
	backoff_failure(&b, NOW);
	backoff_pause(&b, NOW); /* a longer wait stays */
	assert_int_equal(backoff_wait_ms(&b, NOW), 1000);
}

static void failures_for_ever_overflow_nothing(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		backoff_failure(&b, NOW);
	assert_int_equal(b.failures, 1000);
	assert_int_equal(backoff_wait_ms(&b, NOW), BACKOFF_LAST_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits_before_a_failure),
		cmocka_unit_test(waits_double_up_to_the_last),
		cmocka_unit_test(a_wait_ends_with_time_and_rounds_up),
		cmocka_unit_test(the_breaker_opens_after_several_failures_in_a_row),
		cmocka_unit_test(a_success_forgets_everything),
		cmocka_unit_test(a_pause_delays_and_counts_nothing),
		cmocka_unit_test(failures_for_ever_overflow_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
