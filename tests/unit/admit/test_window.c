#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/err.h"
#include "shared/log.h"

#include "daemon/admit/window.h"

#include "tests/unit/test.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define MINUTE_MS (INT64_C(60) * 1000)

/* 2026-11-24T10:40:00Z, a Tuesday. */
#define TUESDAY INT64_C(1795516800000)

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month - 1,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = minute};

	return (int64_t)timegm(&tm) * 1000;
}

static void zone_or_skip(const char *name)
{
	int rc = window_set_zone(name);

	if (rc)
		print_message("no zone %s on this machine\n", name);
	if (rc)
		skip();
}

static int back_to_utc(void **state)
{
	(void)state;
	return window_set_zone("UTC");
}

static void assert_window(enum budget_window w, int64_t now, int64_t start, int64_t end)
{
	assert_int_equal(window_start_ms(w, 0, now), start);
	assert_int_equal(window_end_ms(w, 0, now), end);
}

/* ---- words ---- */

static void windows_are_read_and_printed(void **state)
{
	static const struct {
		const char *text;
		enum budget_window window;
		int64_t rolling_ms;
		const char *printed;
	} good[] = {
		{"hour", WINDOW_HOUR, 0, "hour"},
		{"day", WINDOW_DAY, 0, "day"},
		{"week", WINDOW_WEEK, 0, "week"},
		{"month", WINDOW_MONTH, 0, "month"},
		{"total", WINDOW_TOTAL, 0, "total"},
		{"rolling:24h", WINDOW_ROLLING, 24 * HOUR_MS, "rolling:24h"},
		{"rolling:1h", WINDOW_ROLLING, HOUR_MS, "rolling:1h"},
		{"rolling:60m", WINDOW_ROLLING, HOUR_MS, "rolling:1h"},
		{"rolling:75m", WINDOW_ROLLING, 75 * MINUTE_MS, "rolling:75m"},
		{"rolling:366d", WINDOW_ROLLING, 366 * DAY_MS, "rolling:8784h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		enum budget_window w;
		int64_t rolling_ms = -1;
		char text[WINDOW_TEXT_SIZE];

		assert_int_equal(window_parse(good[i].text, &w, &rolling_ms), 0);
		assert_int_equal(w, good[i].window);
		assert_int_equal(rolling_ms, good[i].rolling_ms);
		window_print(w, rolling_ms, text);
		assert_string_equal(text, good[i].printed);
	}
}

static void windows_that_do_not_exist_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} bad[] = {
		{"", ERR_UNKNOWN},
		{"year", ERR_UNKNOWN},
		{"Month", ERR_UNKNOWN},
		{"months", ERR_UNKNOWN},
		{"mont", ERR_UNKNOWN},
		{" day", ERR_UNKNOWN},
		{"day ", ERR_UNKNOWN},
		{":", ERR_UNKNOWN},
		{"day:", ERR_SYNTAX},
		{"day:24h", ERR_SYNTAX},
		{"rolling", ERR_SYNTAX},
		{"rolling:", ERR_SYNTAX},
		{"rolling:h", ERR_SYNTAX},
		{"rolling:-1h", ERR_SYNTAX},
		{"rolling:1.5h", ERR_SYNTAX},
		{"rolling:1h ", ERR_SYNTAX},
		{"rolling:1h:2h", ERR_SYNTAX},
		{"rolling:0h", ERR_LIMIT},
		{"rolling:45m", ERR_LIMIT},
		{"rolling:61m", ERR_LIMIT},
		{"rolling:367d", ERR_LIMIT},
		{"rolling:99999999999999999999d", ERR_LIMIT},
		{"rolling:9223372036854775807d", ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		enum budget_window w = WINDOWS;
		int64_t rolling_ms = -1;

		assert_int_equal(window_parse(bad[i].text, &w, &rolling_ms), bad[i].rc);
		assert_int_equal(w, WINDOWS);
		assert_int_equal(rolling_ms, -1);
	}
}

/* ---- zones ---- */

static void utc_needs_no_zone_files(void **state)
{
	(void)state;
	assert_int_equal(window_set_zone(""), 0);
	assert_int_equal(window_set_zone("UTC"), 0);
	assert_window(WINDOW_DAY, TUESDAY, utc(2026, 11, 24, 0, 0), utc(2026, 11, 25, 0, 0));
}

static void the_environment_s_zone_does_not_count(void **state)
{
	(void)state;
	setenv("TZ", "XYZ-5:00", 1);
	tzset();
	assert_window(WINDOW_DAY, TUESDAY, utc(2026, 11, 24, 0, 0), utc(2026, 11, 25, 0, 0));
	assert_int_equal(window_set_zone("UTC"), 0);
	assert_window(WINDOW_DAY, TUESDAY, utc(2026, 11, 24, 0, 0), utc(2026, 11, 25, 0, 0));
}

static void names_that_are_no_zone_change_nothing(void **state)
{
	static const char *const bad[] = {
		"Europe/Nowhere",
		"Europe",
		"Europe/",
		"/usr/share/zoneinfo/Europe/Berlin",
		"../zoneinfo/Europe/Berlin",
		"Europe/../Europe/Berlin",
		"./Europe/Berlin",
		":Europe/Berlin",
		"tzdata.zi",
		"leapseconds",
		"right/Europe/Berlin",
		"CET-1CEST",
		"Europe/Berlin ",
		"UTC ",
		"Europe/Berlin\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};

	zone_or_skip("Asia/Tokyo");
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(window_set_zone(bad[i]), ERR_UNKNOWN);
	assert_window(WINDOW_DAY, TUESDAY, utc(2026, 11, 23, 15, 0), utc(2026, 11, 24, 15, 0));
}

static void the_log_stays_in_utc(void **state)
{
	char path[] = "/tmp/test_window.XXXXXX", line[256] = "";
	int saved = dup(STDERR_FILENO), fd = mkstemp(path);

	zone_or_skip("Asia/Tokyo");
	(void)state;
	assert_true(saved >= 0 && fd >= 0);
	unlink(path);
	clock_freeze(0, TUESDAY * 1000);
	dup2(fd, STDERR_FILENO);
	log_info("test", "hello");
	dup2(saved, STDERR_FILENO);
	clock_thaw();
	assert_true(pread(fd, line, sizeof line - 1, 0) > 0);
	assert_non_null(strstr(line, "2026-11-24T10:40:00"));
	close(fd);
	close(saved);
}

/* ---- calendar windows ---- */

static void calendar_windows_in_utc(void **state)
{
	int64_t midnight = utc(2026, 11, 24, 0, 0);

	(void)state;
	assert_int_equal(TUESDAY, utc(2026, 11, 24, 10, 40));
	assert_window(WINDOW_HOUR, TUESDAY, utc(2026, 11, 24, 10, 0), utc(2026, 11, 24, 11, 0));
	assert_window(WINDOW_DAY, TUESDAY, midnight, midnight + DAY_MS);
	assert_window(WINDOW_WEEK, TUESDAY, utc(2026, 11, 23, 0, 0), utc(2026, 11, 30, 0, 0));
	assert_window(WINDOW_MONTH, TUESDAY, utc(2026, 11, 1, 0, 0), utc(2026, 12, 1, 0, 0));
	assert_window(WINDOW_TOTAL, TUESDAY, 0, INT64_MAX);
	assert_window(WINDOW_DAY, midnight, midnight, midnight + DAY_MS);
	assert_window(WINDOW_DAY, midnight - 1, midnight - DAY_MS, midnight);
}

static void months_have_their_lengths(void **state)
{
	(void)state;
	assert_window(WINDOW_MONTH, utc(2028, 2, 29, 12, 0), utc(2028, 2, 1, 0, 0),
		      utc(2028, 3, 1, 0, 0));
	assert_window(WINDOW_MONTH, utc(2026, 2, 28, 23, 59), utc(2026, 2, 1, 0, 0),
		      utc(2026, 3, 1, 0, 0));
	assert_window(WINDOW_MONTH, utc(2026, 12, 31, 23, 59), utc(2026, 12, 1, 0, 0),
		      utc(2027, 1, 1, 0, 0));
	assert_window(WINDOW_WEEK, utc(2026, 12, 31, 23, 59), utc(2026, 12, 28, 0, 0),
		      utc(2027, 1, 4, 0, 0));
}

static void days_are_the_zone_s(void **state)
{
	(void)state;
	zone_or_skip("Europe/Berlin");
	assert_window(WINDOW_DAY, TUESDAY, utc(2026, 11, 23, 23, 0), utc(2026, 11, 24, 23, 0));
	assert_window(WINDOW_MONTH, utc(2026, 10, 31, 22, 59), utc(2026, 9, 30, 22, 0),
		      utc(2026, 10, 31, 23, 0));
	assert_window(WINDOW_MONTH, utc(2026, 10, 31, 23, 0), utc(2026, 10, 31, 23, 0),
		      utc(2026, 11, 30, 23, 0));
}

static void days_have_23_or_25_hours_where_clocks_change(void **state)
{
	(void)state;
	zone_or_skip("Europe/Berlin");
	assert_window(WINDOW_DAY, utc(2026, 3, 29, 12, 0), utc(2026, 3, 28, 23, 0),
		      utc(2026, 3, 29, 22, 0));
	assert_window(WINDOW_DAY, utc(2026, 10, 25, 12, 0), utc(2026, 10, 24, 22, 0),
		      utc(2026, 10, 25, 23, 0));
	assert_window(WINDOW_WEEK, utc(2026, 10, 25, 12, 0), utc(2026, 10, 18, 22, 0),
		      utc(2026, 10, 25, 23, 0));
}

/* 03:00 summer time becomes 02:00: two windows of one hour each, told apart by their distance from
 * UTC.  In spring 02:00 does not exist. */
static void an_hour_that_comes_twice_is_two_windows(void **state)
{
	(void)state;
	zone_or_skip("Europe/Berlin");
	assert_window(WINDOW_HOUR, utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 0, 0),
		      utc(2026, 10, 25, 1, 0));
	assert_window(WINDOW_HOUR, utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 1, 0),
		      utc(2026, 10, 25, 2, 0));
	assert_window(WINDOW_HOUR, utc(2026, 3, 29, 0, 59), utc(2026, 3, 29, 0, 0),
		      utc(2026, 3, 29, 1, 0));
	assert_window(WINDOW_HOUR, utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 0),
		      utc(2026, 3, 29, 2, 0));
}

static void hours_begin_with_the_zone_s_hour(void **state)
{
	(void)state;
	zone_or_skip("Asia/Kolkata"); /* +05:30 */
	assert_window(WINDOW_HOUR, utc(2026, 11, 24, 10, 40), utc(2026, 11, 24, 10, 30),
		      utc(2026, 11, 24, 11, 30));
	assert_window(WINDOW_DAY, utc(2026, 11, 24, 10, 40), utc(2026, 11, 23, 18, 30),
		      utc(2026, 11, 24, 18, 30));
	zone_or_skip("Asia/Kathmandu"); /* +05:45 */
	assert_window(WINDOW_HOUR, utc(2026, 11, 24, 10, 40), utc(2026, 11, 24, 10, 15),
		      utc(2026, 11, 24, 11, 15));
}

/* At Lord Howe the clock goes back from 02:00 to 01:30 and forward from 02:00 to 02:30. */
static void a_change_by_half_an_hour_makes_a_short_hour(void **state)
{
	int64_t back = utc(2026, 4, 4, 15, 0), forward = utc(2026, 10, 3, 15, 30);

	(void)state;
	zone_or_skip("Australia/Lord_Howe");
	assert_window(WINDOW_HOUR, back - 1, back - HOUR_MS, back);
	assert_window(WINDOW_HOUR, back, back, back + HOUR_MS / 2);
	assert_window(WINDOW_HOUR, back + HOUR_MS / 2, back + HOUR_MS / 2, back + 3 * HOUR_MS / 2);
	assert_window(WINDOW_HOUR, forward - 1, forward - HOUR_MS, forward);
	assert_window(WINDOW_HOUR, forward, forward, forward + HOUR_MS / 2);
}

static void a_midnight_that_does_not_exist_is_the_first_moment_after_it(void **state)
{
	(void)state;
	zone_or_skip("America/Sao_Paulo"); /* 2018-11-04 began at 01:00 (-02) */
	assert_window(WINDOW_DAY, utc(2018, 11, 4, 2, 59), utc(2018, 11, 3, 3, 0),
		      utc(2018, 11, 4, 3, 0));
	assert_window(WINDOW_DAY, utc(2018, 11, 4, 3, 0), utc(2018, 11, 4, 3, 0),
		      utc(2018, 11, 5, 2, 0));
	zone_or_skip("Africa/Cairo"); /* 2024-04-26 began at 01:00 (+03) */
	assert_window(WINDOW_DAY, utc(2024, 4, 25, 21, 59), utc(2024, 4, 24, 22, 0),
		      utc(2024, 4, 25, 22, 0));
	assert_window(WINDOW_DAY, utc(2024, 4, 25, 22, 0), utc(2024, 4, 25, 22, 0),
		      utc(2024, 4, 26, 21, 0));
}

/* From 1987 to 2011 clocks in St. John's went back at 00:01: Sunday began twice. */
static void a_midnight_that_comes_twice_counts_once(void **state)
{
	int64_t sunday = utc(2010, 11, 7, 2, 30), next = utc(2010, 11, 8, 3, 30);

	(void)state;
	zone_or_skip("America/St_Johns");
	assert_window(WINDOW_DAY, sunday - 1, utc(2010, 11, 6, 2, 30), sunday);
	for (int64_t t = sunday; t < next; t += BUCKET_MS)
		assert_window(WINDOW_DAY, t, sunday, next);
}

static void a_date_that_does_not_exist_is_passed_over(void **state)
{
	int64_t change = utc(2011, 12, 30, 10, 0); /* from the 29th, -10, to the 31st, +14 */

	(void)state;
	zone_or_skip("Pacific/Apia");
	assert_window(WINDOW_DAY, change - 1, change - DAY_MS, change);
	assert_window(WINDOW_DAY, change, change, change + DAY_MS);
	assert_window(WINDOW_MONTH, change, utc(2011, 12, 1, 10, 0), utc(2011, 12, 31, 10, 0));
}

/* ---- rolling windows ---- */

/* A quarter counts while any moment of it is less than the length ago. */
static void rolling_windows_count_whole_quarters(void **state)
{
	static const int64_t lengths[] = {HOUR_MS, 75 * MINUTE_MS, 24 * HOUR_MS, 366 * DAY_MS};

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		int64_t length = lengths[i];

		for (int64_t t = TUESDAY; t < TUESDAY + 4 * BUCKET_MS; t += 61 * 1000 + 1) {
			int64_t start = window_start_ms(WINDOW_ROLLING, length, t);
			int64_t end = window_end_ms(WINDOW_ROLLING, length, t);

			assert_int_equal(start % BUCKET_MS, 0);
			assert_true(start <= t - length && t - length < start + BUCKET_MS);
			assert_true(t < end);
			assert_int_equal(window_start_ms(WINDOW_ROLLING, length, end - 1), start);
			assert_int_equal(window_start_ms(WINDOW_ROLLING, length, end),
					 start + BUCKET_MS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_read_and_printed),
		cmocka_unit_test(windows_that_do_not_exist_are_told_apart),
		cmocka_unit_test(the_environment_s_zone_does_not_count),
		cmocka_unit_test(utc_needs_no_zone_files),
		cmocka_unit_test_teardown(names_that_are_no_zone_change_nothing, back_to_utc),
		cmocka_unit_test_teardown(the_log_stays_in_utc, back_to_utc),
		cmocka_unit_test(calendar_windows_in_utc),
		cmocka_unit_test(months_have_their_lengths),
		cmocka_unit_test_teardown(days_are_the_zone_s, back_to_utc),
		cmocka_unit_test_teardown(days_have_23_or_25_hours_where_clocks_change,
					  back_to_utc),
		cmocka_unit_test_teardown(an_hour_that_comes_twice_is_two_windows, back_to_utc),
		cmocka_unit_test_teardown(hours_begin_with_the_zone_s_hour, back_to_utc),
		cmocka_unit_test_teardown(a_change_by_half_an_hour_makes_a_short_hour, back_to_utc),
		cmocka_unit_test_teardown(
			a_midnight_that_does_not_exist_is_the_first_moment_after_it, back_to_utc),
		cmocka_unit_test_teardown(a_midnight_that_comes_twice_counts_once, back_to_utc),
		cmocka_unit_test_teardown(a_date_that_does_not_exist_is_passed_over, back_to_utc),
		cmocka_unit_test(rolling_windows_count_whole_quarters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
