#include <math.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tui/model/words.h"

#define NOON INT64_C(1795521600000) /* 2026-11-24T12:00:00Z, a Tuesday */
#define MINUTE (60 * INT64_C(1000))
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static char to[WORDS_SIZE];

static void counts_have_commas(void **state)
{
	(void)state;
	assert_string_equal(words_count(to, 0), "0");
	assert_string_equal(words_count(to, 999), "999");
	assert_string_equal(words_count(to, 1000), "1,000");
	assert_string_equal(words_count(to, 12204), "12,204");
	assert_string_equal(words_count(to, INT64_MAX), "9,223,372,036,854,775,807");
	assert_string_equal(words_count(to, -1), "-");
}

static void short_counts_have_three_digits_and_six_columns(void **state)
{
	(void)state;
	assert_string_equal(words_short(to, 0), "0");
	assert_string_equal(words_short(to, 999), "999");
	assert_string_equal(words_short(to, 1000), "1.00 k");
	assert_string_equal(words_short(to, 9994), "9.99 k");
	assert_string_equal(words_short(to, 9996), "10.0 k");
	assert_string_equal(words_short(to, 16200), "16.2 k");
	assert_string_equal(words_short(to, 999499), "999 k");
	assert_string_equal(words_short(to, 999500), "1.00 M");
	assert_string_equal(words_short(to, 1820000), "1.82 M");
	assert_string_equal(words_short(to, -5), "-");
	for (int64_t n = 1; n > 0 && n < INT64_MAX / 7; n *= 7)
		assert_true(strlen(words_short(to, n)) <= 6);
	assert_string_equal(words_short(to, INT64_MAX), "9.22 E");
}

static void dollars_are_as_exact_as_they_are_small(void **state)
{
	(void)state;
	assert_string_equal(words_usd(to, 0), "$0.00");
	assert_string_equal(words_usd(to, 0.0012), "$0.0012");
	assert_string_equal(words_usd(to, 0.000004), "$0.000004");
	assert_string_equal(words_usd(to, 0.071), "$0.071");
	assert_string_equal(words_usd(to, 4.37), "$4.37");
	assert_string_equal(words_usd(to, 0.9996), "$1.00");
	assert_string_equal(words_usd(to, 1204.4), "$1,204");
	assert_string_equal(words_usd(to, -1), "-");
	assert_string_equal(words_usd(to, NAN), "-");
	assert_string_equal(words_usd(to, INFINITY), "-");
	assert_string_equal(words_usd(to, 1e300), "-");
	assert_string_equal(words_real(to, 4e-06), "0.000004");
	assert_string_equal(words_real(to, 3.25), "3.25");
	assert_string_equal(words_real(to, -7), "-7");
	assert_string_equal(words_real(to, 100), "100");
	assert_string_equal(words_real(to, 0), "0");
	assert_string_equal(words_real(to, 1e300), "1e+300");
	assert_string_equal(words_real(to, NAN), "nan");
}

static void bytes_are_in_powers_of_1024(void **state)
{
	(void)state;
	assert_string_equal(words_bytes(to, 17), "17 B");
	assert_string_equal(words_bytes(to, 1536), "1.5 K");
	assert_string_equal(words_bytes(to, INT64_C(231) << 20), "231 M");
	assert_string_equal(words_bytes(to, INT64_C(1023) << 20), "1023 M");
	assert_string_equal(words_bytes(to, (INT64_C(1024) << 20) - 1), "1.0 G");
	assert_string_equal(words_bytes(to, -1), "-");
	assert_string_equal(words_bytes(to, INT64_MAX), "8.0 E");
}

static void spans_have_the_two_units_that_count(void **state)
{
	(void)state;
	assert_string_equal(words_span(to, 0), "0.0 s");
	assert_string_equal(words_span(to, 449), "0.4 s");
	assert_string_equal(words_span(to, 21000), "21.0 s");
	assert_string_equal(words_span(to, 59999), "59.9 s");
	assert_string_equal(words_span(to, MINUTE), "1 m 0 s");
	assert_string_equal(words_span(to, 192000), "3 m 12 s");
	assert_string_equal(words_span(to, 2 * HOUR + 5 * MINUTE), "2 h 5 m");
	assert_string_equal(words_span(to, 3 * DAY + HOUR), "3 d");
	assert_string_equal(words_span(to, -1), "-");
}

static void per_cents_are_of_one(void **state)
{
	(void)state;
	assert_string_equal(words_per_cent(to, 0), "0 %");
	assert_string_equal(words_per_cent(to, 0.002), "0.2 %");
	assert_string_equal(words_per_cent(to, 0.57), "57 %");
	assert_string_equal(words_per_cent(to, 1.04), "104 %");
	assert_string_equal(words_per_cent(to, -1), "-");
	assert_string_equal(words_per_cent(to, NAN), "-");
}

static void numbers_of_peers_become_whole_ones_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(words_whole(0.4, 1000), 0);
	assert_int_equal(words_whole(41.5, 1000), 42);
	assert_int_equal(words_whole(1e300, 1000), 1000);
	assert_int_equal(words_whole(9.3e18, INT64_MAX), INT64_MAX);
	assert_int_equal(words_whole(-1e300, 1000), -1);
	assert_int_equal(words_whole(NAN, 1000), -1);
}

static int64_t time_of(const char *text)
{
	json_t *row = json_pack("{ss}", "at", text);
	int64_t at = words_time(row, "at");

	json_decref(row);
	return at;
}

static void times_are_read_as_the_daemon_writes_them(void **state)
{
	json_t *number = json_pack("{si}", "at", 7);

	(void)state;
	assert_int_equal(time_of("2026-11-24T12:00:00Z"), NOON);
	assert_int_equal(time_of("2026-11-24T12:00:00.120Z"), NOON + 120);
	assert_int_equal(time_of("2026-11-24T12:00:00.1Z"), NOON + 100);
	assert_int_equal(time_of("2026-11-24T12:00:00.123456789Z"), NOON + 123);
	assert_int_equal(time_of("2026-11-24T12:00:00"), 0);
	assert_int_equal(time_of("2026-11-24 12:00:00Z"), 0);
	assert_int_equal(time_of("2026-11-24T12:00:0"), 0);
	assert_int_equal(time_of(""), 0);
	assert_int_equal(time_of("1000-01-01T00:00:00Z"), 0);
	assert_int_equal(words_time(number, "at"), 0);
	assert_int_equal(words_time(NULL, "at"), 0);
	json_decref(number);
}

static void what_is_far_is_told_by_its_date(void **state)
{
	(void)state;
	assert_string_equal(words_until(to, NOON + 72 * MINUTE, NOON), "in 1 h 12 m");
	assert_string_equal(words_until(to, NOON + 2 * DAY - 3 * HOUR, NOON), "Thu 09:00");
	assert_string_equal(words_until(to, NOON + 7 * DAY, NOON), "2026-12-01");
	assert_string_equal(words_until(to, NOON - 1, NOON), "now");
	assert_string_equal(words_until(to, 0, NOON), "-");
	assert_string_equal(words_since(to, NOON - 6200, NOON), "6.2 s");
	assert_string_equal(words_since(to, NOON + 500, NOON), "0.0 s");
	assert_string_equal(words_since(to, 0, NOON), "-");
	assert_string_equal(words_clock(to, NOON + 118120), "12:01:58");
	assert_string_equal(words_clock(to, 0), "-");
	assert_string_equal(words_date(to, NOON), "2026-11-24");
	assert_string_equal(words_date(to, INT64_MAX), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_commas),
		cmocka_unit_test(short_counts_have_three_digits_and_six_columns),
		cmocka_unit_test(dollars_are_as_exact_as_they_are_small),
		cmocka_unit_test(bytes_are_in_powers_of_1024),
		cmocka_unit_test(spans_have_the_two_units_that_count),
		cmocka_unit_test(per_cents_are_of_one),
		cmocka_unit_test(numbers_of_peers_become_whole_ones_within_bounds),
		cmocka_unit_test(times_are_read_as_the_daemon_writes_them),
		cmocka_unit_test(what_is_far_is_told_by_its_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
