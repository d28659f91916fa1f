/* Windows at any time in any zone. */
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "daemon/admit/window.h"

#include "tests/unit/test.h"

#define HOUR_MS (INT64_C(3600) * 1000)

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

struct walk {
	const char *zone;
	int from_year, years;
	bool quarters; /* offsets are whole quarters of an hour in these years */
};

/* Every quarter near a border and of every fifth day, else the odd one. */
static int64_t walk_step(enum budget_window w, int64_t now, int64_t start, int64_t end)
{
	bool near = now - start < HOUR_MS || end - now <= HOUR_MS;

	if (w == WINDOW_HOUR)
		return now % (5 * DAY_MS) < DAY_MS || end - now == BUCKET_MS
			       ? BUCKET_MS
			       : end - now - BUCKET_MS;
	return near ? BUCKET_MS : BUCKET_MS * ((end - now - HOUR_MS) / BUCKET_MS / 3 + 1);
}

/* The windows of one kind, walked through in the order of time. */
static void walk_window(const struct walk *walk, enum budget_window w)
{
	static const int64_t longest[] = {HOUR_MS, 26 * HOUR_MS, 7 * DAY_MS + 2 * HOUR_MS,
					  31 * DAY_MS + 2 * HOUR_MS};
	int64_t now = utc(walk->from_year, 1, 1, 0, 0);
	int64_t until = utc(walk->from_year + walk->years, 1, 1, 0, 0);
	int64_t start = window_start_ms(w, 0, now), end = window_end_ms(w, 0, now);

	for (; now < until; now += walk_step(w, now, start, end)) {
		int64_t at = now + now / BUCKET_MS * 7919 % BUCKET_MS; /* some time in it */
		int64_t s = window_start_ms(w, 0, at), e = window_end_ms(w, 0, at);

		if (at >= end) {
			assert_int_equal(s, end);
			start = s;
			end = e;
		}
		if (s != start || e != end || s > at || at >= e || s % BUCKET_MS != 0 ||
		    e % BUCKET_MS != 0 || (walk->quarters && e - s > longest[w]))
			fail_msg("%s window %d at %" PRId64 ": %" PRId64 "..%" PRId64
				 ", not %" PRId64 "..%" PRId64,
				 walk->zone, (int)w, at, s, e, start, end);
	}
}

static void windows_have_no_gaps_and_no_overlaps(void **state)
{
	static const struct walk walks[] = {
		{"UTC", 2026, 1, true},
		{"Europe/Berlin", 2026, 2, true},
		{"America/Sao_Paulo", 2018, 1, true},
		{"America/St_Johns", 2010, 1, true},
		{"America/Havana", 2026, 1, true},
		{"Africa/Cairo", 2024, 1, true},
		{"Asia/Kathmandu", 2026, 1, true},
		{"Asia/Beirut", 2026, 1, true},
		{"Asia/Gaza", 2011, 1, true},
		{"Asia/Pyongyang", 2018, 1, true},
		{"Australia/Lord_Howe", 2026, 1, true},
		{"Antarctica/Troll", 2026, 1, true},
		{"Pacific/Apia", 2011, 1, true},
		{"Pacific/Chatham", 2026, 1, true},
		{"Africa/Monrovia", 1971, 2, false}, /* -00:44:30 until 1972 */
		{"Pacific/Kwajalein", 1993, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		if (window_set_zone(walks[i].zone) != 0) {
			print_message("no zone %s on this machine\n", walks[i].zone);
			continue;
		}
		for (int w = WINDOW_HOUR; w <= WINDOW_MONTH; w++)
			walk_window(&walks[i], (enum budget_window)w);
	}
}

/* Against the calendar of the C library, where no clock changes within an hour of midnight. */
static void days_and_months_begin_on_the_zone_s_dates(void **state)
{
	(void)state;
	zone_or_skip("America/New_York");
	for (int64_t t = utc(2026, 1, 1, 12, 0); t < utc(2030, 1, 1, 0, 0); t += 6 * HOUR_MS) {
		time_t now = (time_t)(t / 1000);
		struct tm tm;

		assert_non_null(localtime_r(&now, &tm));
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_isdst = -1;
		assert_int_equal(window_start_ms(WINDOW_DAY, 0, t), (int64_t)mktime(&tm) * 1000);
		tm.tm_mday -= (tm.tm_wday + 6) % 7;
		tm.tm_isdst = -1;
		assert_int_equal(window_start_ms(WINDOW_WEEK, 0, t), (int64_t)mktime(&tm) * 1000);
		assert_non_null(localtime_r(&now, &tm));
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_mday = 1;
		tm.tm_isdst = -1;
		assert_int_equal(window_start_ms(WINDOW_MONTH, 0, t), (int64_t)mktime(&tm) * 1000);
	}
}

static void absurd_times_have_windows(void **state)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_C(253402300799999), INT64_MAX};

	(void)state;
	if (window_set_zone("America/Los_Angeles") != 0)
		print_message("in UTC\n");
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		for (int w = 0; w < WINDOWS; w++) {
			int64_t length = w == WINDOW_ROLLING ? 24 * HOUR_MS : 0;
			int64_t start = window_start_ms((enum budget_window)w, length, times[i]);

			assert_true(start <= times[i] || times[i] < 0);
			assert_true(window_end_ms((enum budget_window)w, length, times[i]) >
				    times[i] - (times[i] == INT64_MAX));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(windows_have_no_gaps_and_no_overlaps, back_to_utc),
		cmocka_unit_test_teardown(days_and_months_begin_on_the_zone_s_dates, back_to_utc),
		cmocka_unit_test_teardown(absurd_times_have_windows, back_to_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
