#include "shared/clock.h"

#include "tests/unit/test.h"

static void frozen_clocks_stand_until_advanced(void **state)
{
	(void)state;
	clock_freeze(5000500, 1700000000123456);
	assert_int_equal(clock_mono_us(), 5000500);
	assert_int_equal(clock_mono_ms(), 5000);
	assert_int_equal(clock_wall_ms(), 1700000000123);
	clock_advance_ms(1500);
	assert_int_equal(clock_mono_us(), 6500500);
	assert_int_equal(clock_wall_ms(), 1700000001623);
	clock_thaw();
}

static void thawed_clocks_follow_the_kernel(void **state)
{
	int64_t first;

	(void)state;
	clock_freeze(-1, -1);
	clock_thaw();
	first = clock_mono_us();
	assert_true(first > 0);
	assert_true(clock_mono_us() >= first);
	assert_true(clock_wall_ms() > 1600000000000);
}

static void a_moment_has_one_time_of_day(void **state)
{
	int64_t moment, first;

	(void)state;
	clock_freeze(5000000, INT64_C(1700000000123456));
	assert_int_equal(clock_wall_ms_at(0), 0);
	assert_int_equal(clock_wall_ms_at(4000000), INT64_C(1699999999123));
	clock_freeze(6000000, INT64_C(1700000001123999)); /* read half a millisecond later */
	assert_int_equal(clock_wall_ms_at(4000000), INT64_C(1699999999123));
	clock_freeze(6000000, INT64_C(1700003601123456)); /* the clock was set */
	assert_int_equal(clock_wall_ms_at(4000000), INT64_C(1700003599123));
	clock_thaw();
	moment = clock_mono_us();
	first = clock_wall_ms_at(moment);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(clock_wall_ms_at(moment), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frozen_clocks_stand_until_advanced),
		cmocka_unit_test(thawed_clocks_follow_the_kernel),
		cmocka_unit_test(a_moment_has_one_time_of_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
