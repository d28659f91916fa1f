#include <string.h>

#include "shared/err.h"
#include "shared/units.h"

#include "tests/unit/test.h"

static void assert_duration(const char *text, int64_t ms)
{
	int64_t value = -1;

	assert_int_equal(units_parse_duration(text, &value), 0);
	assert_int_equal(value, ms);
}

static void assert_size(const char *text, int64_t bytes)
{
	int64_t value = -1;

	assert_int_equal(units_parse_size(text, &value), 0);
	assert_int_equal(value, bytes);
}

static void durations_take_each_unit_and_plain_seconds(void **state)
{
	(void)state;
	assert_duration("250ms", 250);
	assert_duration("30s", 30000);
	assert_duration("5m", 300000);
	assert_duration("1h", 3600000);
	assert_duration("1d", 86400000);
	assert_duration("90", 90000);
	assert_duration("0", 0);
}

static void sizes_are_binary_multiples_in_either_case(void **state)
{
	(void)state;
	assert_size("16K", 16384);
	assert_size("16k", 16384);
	assert_size("32M", INT64_C(32) << 20);
	assert_size("1G", INT64_C(1) << 30);
	assert_size("2T", INT64_C(2) << 40);
	assert_size("100", 100);
}

static void malformed_text_is_refused_and_leaves_the_value(void **state)
{
	const char *const bad[] = {"",     "s",   "-1s",  "+1",  " 1s",  "1s ",
				   "1.5h", "1 s", "1sec", "5mm", "0x10", "1e3"};
	int64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(units_parse_duration(bad[i], &value), ERR_SYNTAX);
		assert_int_equal(units_parse_size(bad[i], &value), ERR_SYNTAX);
	}
	assert_int_equal(units_parse_size("1s", &value), ERR_SYNTAX);
	assert_int_equal(units_parse_duration("1G", &value), ERR_SYNTAX);
	assert_int_equal(value, 7);
}

static void values_that_do_not_fit_are_refused(void **state)
{
	int64_t value = 7;

	(void)state;
	assert_size("9223372036854775807", INT64_MAX);
	assert_int_equal(units_parse_size("9223372036854775808", &value), ERR_LIMIT);
	assert_int_equal(units_parse_size("8388608T", &value), ERR_LIMIT);
	assert_int_equal(units_parse_duration("9223372036854775807", &value), ERR_LIMIT);
	assert_int_equal(units_parse_duration("106751991168d", &value), ERR_LIMIT);
	assert_int_equal(value, 7);
}

static void printing_takes_the_largest_unit_that_divides(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	units_print_duration(60000, text);
	assert_string_equal(text, "1m");
	units_print_duration(75000, text);
	assert_string_equal(text, "75s");
	units_print_duration(1500, text);
	assert_string_equal(text, "1500ms");
	units_print_duration(0, text);
	assert_string_equal(text, "0s");
	units_print_size(INT64_C(400) << 20, text);
	assert_string_equal(text, "400M");
	units_print_size(1025, text);
	assert_string_equal(text, "1025");
	units_print_size(-5, text);
	assert_string_equal(text, "0");
}

static void printed_values_parse_to_themselves(void **state)
{
	const int64_t values[] = {0,     1,        999,  1000,    59999,
				  60000, 86400000, 1024, 1048577, INT64_MAX};
	char text[UNITS_TEXT_MAX];
	int64_t back;

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		units_print_duration(values[i], text);
		assert_int_equal(units_parse_duration(text, &back), 0);
		assert_int_equal(back, values[i]);
		units_print_size(values[i], text);
		assert_int_equal(units_parse_size(text, &back), 0);
		assert_int_equal(back, values[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_take_each_unit_and_plain_seconds),
		cmocka_unit_test(sizes_are_binary_multiples_in_either_case),
		cmocka_unit_test(malformed_text_is_refused_and_leaves_the_value),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(printing_takes_the_largest_unit_that_divides),
		cmocka_unit_test(printed_values_parse_to_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
