#include "daemon/redis/backoff.h"

#include "tests/unit/test.h"

/* The waits without and with all of the spread. */
static void expect_next(struct redis_backoff *b, int64_t least, int64_t most)
{
	struct redis_backoff same = *b;

	assert_int_equal(redis_backoff_next(&same, 0), least);
	assert_int_equal(redis_backoff_next(b, (uint32_t)(most - least)), most);
}

static void waits_double_up_to_their_bound(void **state)
{
	struct redis_backoff b = {0};

	(void)state;
	expect_next(&b, 80, 120);
	expect_next(&b, 160, 240);
	expect_next(&b, 320, 480);
	expect_next(&b, 640, 960);
	expect_next(&b, 1280, 1920);
	expect_next(&b, 2560, 3840);
	for (int i = 0; i < 100; i++)
		expect_next(&b, 4000, 6000);
}

static void any_random_number_is_within_the_spread(void **state)
{
	(void)state;
	for (uint32_t random = UINT32_MAX; random > UINT32_MAX - 1000; random--) {
		struct redis_backoff b = {0};
		int64_t wait_ms = redis_backoff_next(&b, random);

		assert_in_range(wait_ms, 80, 120);
	}
}

static void only_what_lasted_was_a_success(void **state)
{
	struct redis_backoff b = {0};

	(void)state;
	expect_next(&b, 80, 120);
	redis_backoff_was_up(&b, 4999);
	expect_next(&b, 160, 240);
	redis_backoff_was_up(&b, 5000);
	expect_next(&b, 80, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_their_bound),
		cmocka_unit_test(any_random_number_is_within_the_spread),
		cmocka_unit_test(only_what_lasted_was_a_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
