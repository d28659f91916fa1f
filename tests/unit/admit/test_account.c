/* One budget: what counts in its window. */
#include "daemon/admit/account.h"
#include "daemon/admit/window.h"

#include "tests/unit/admit/budgets.h"
#include "tests/unit/test.h"

static struct account_list list;

static int begin(void **state)
{
	(void)state;
	return window_set_zone("UTC");
}

static int end(void **state)
{
	(void)state;
	budget_clear(&list);
	list = (struct account_list){0};
	return window_set_zone("UTC");
}

static void put(const struct budget_record *r, const struct usage_bucket *buckets, size_t count)
{
	assert_int_equal(budget_put(&list, r, buckets, count, NOW), 0);
}

static void put_new(enum budget_window w)
{
	struct budget_record r = record_of(w, 1000, NO_LIMIT);

	put(&r, NULL, 0);
}

/* ---- windows ---- */

static void each_calendar_window_starts_anew_at_its_end(void **state)
{
	(void)state;
	for (int w = WINDOW_HOUR; w <= WINDOW_MONTH; w++) {
		int64_t ends = window_end_ms((enum budget_window)w, 0, NOW);
		struct budget_view view;

		put_new((enum budget_window)w);
		charge_to(&list, 600, 0, NOW);
		view = last_view(&list, ends - 1);
		assert_int_equal(view.used.tokens, 600);
		assert_int_equal(view.window_start_ms,
				 window_start_ms((enum budget_window)w, 0, NOW));
		assert_int_equal(view.window_end_ms, ends);
		view = last_view(&list, ends);
		assert_int_equal(view.used.tokens, 0);
		assert_int_equal(view.window_start_ms, ends);
		budget_clear(&list);
	}
}

static void a_total_never_starts_anew(void **state)
{
	struct budget_view view;

	(void)state;
	put_new(WINDOW_TOTAL);
	charge_to(&list, 600, 0, NOW);
	view = last_view(&list, NOW + 36500 * DAY_MS);
	assert_int_equal(view.used.tokens, 600);
	assert_int_equal(view.window_start_ms, 0);
	assert_int_equal(view.window_end_ms, INT64_MAX);
}

static void a_rolling_window_lets_go_by_quarters(void **state)
{
	struct budget_view view;

	(void)state;
	put_new(WINDOW_ROLLING);
	charge_to(&list, 600, 0, NOW); /* in the quarter from 10:30 */
	view = last_view(&list, NOW + HOUR_MS + 5 * 60000 - 1);
	assert_int_equal(view.used.tokens, 600);
	assert_int_equal(view.window_start_ms, THE_HOUR + 2 * BUCKET_MS);
	assert_int_equal(view.window_end_ms, NOW + HOUR_MS + 5 * 60000);
	assert_int_equal(used_tokens(&list, NOW + HOUR_MS + 5 * 60000), 0);
}

/* A clock that is corrected back over midnight must not give the day's budget a second time. */
static void a_clock_set_back_over_the_border_forgets_nothing(void **state)
{
	int64_t midnight = TODAY + DAY_MS;

	(void)state;
	put_new(WINDOW_DAY);
	charge_to(&list, 100, 0, midnight + 1000);
	charge_to(&list, 20, 0, midnight - 1000);
	assert_int_equal(used_tokens(&list, midnight - HOUR_MS), 120);
	assert_int_equal(used_tokens(&list, midnight), 120);
	assert_int_equal(used_tokens(&list, midnight + DAY_MS), 0);
}

static void a_clock_set_back_far_gets_the_window_of_its_time(void **state)
{
	(void)state;
	put_new(WINDOW_DAY);
	charge_to(&list, 100, 0, NOW + 3650 * DAY_MS);
	assert_int_equal(used_tokens(&list, NOW), 100);
	assert_int_equal(last_view(&list, NOW).window_end_ms, TODAY + DAY_MS);
	assert_int_equal(used_tokens(&list, TODAY + DAY_MS), 0);
}

static void windows_are_the_zone_s(void **state)
{
	(void)state;
	if (window_set_zone("Asia/Kolkata") != 0)
		skip();
	put_new(WINDOW_HOUR);
	charge_to(&list, 100, 0, NOW);
	assert_int_equal(used_tokens(&list, THE_HOUR + 90 * 60000 - 1), 100);
	assert_int_equal(used_tokens(&list, THE_HOUR + 90 * 60000), 0);
}

/* ---- loading ---- */

static const struct usage_bucket history[] = {
	{TODAY - DAY_MS, 1, 10000000},
	{TODAY - BUCKET_MS, 10, 1000000},
	{TODAY, 100, 100000},
	{THE_HOUR - BUCKET_MS, 1000, 10000},
	{THE_HOUR, 10000, 1000},
	{THE_HOUR + BUCKET_MS, 100000, 100},
	{THE_HOUR + 2 * BUCKET_MS, 1000000, 10},
};

enum { HISTORY = sizeof history / sizeof *history };

static void buckets_before_the_window_do_not_count(void **state)
{
	static const struct {
		enum budget_window window;
		int64_t tokens, micro_usd;
	} expect[] = {
		{WINDOW_HOUR, 1110000, 1110},      {WINDOW_DAY, 1111100, 111110},
		{WINDOW_WEEK, 1111111, 11111110},  {WINDOW_MONTH, 1111111, 11111110},
		{WINDOW_TOTAL, 1111111, 11111110}, {WINDOW_ROLLING, 1111000, 11110},
	};

	(void)state;
	for (size_t i = 0; i < sizeof expect / sizeof *expect; i++) {
		struct budget_record r = record_of(expect[i].window, 5, 5);
		struct amount used;

		put(&r, history, HISTORY);
		used = last_view(&list, NOW).used;
		assert_int_equal(used.tokens, expect[i].tokens);
		assert_int_equal(used.micro_usd, expect[i].micro_usd);
		budget_clear(&list);

		put(&r, NULL, 0);
		for (size_t b = 0; b < HISTORY; b++)
			budget_add_used(&list, &r, &history[b], NOW);
		used = last_view(&list, NOW).used;
		assert_int_equal(used.tokens, expect[i].tokens);
		assert_int_equal(used.micro_usd, expect[i].micro_usd);
		budget_clear(&list);
	}
}

static void after_a_reset_only_what_came_later_counts(void **state)
{
	static const enum budget_window windows[] = {WINDOW_HOUR, WINDOW_DAY, WINDOW_TOTAL,
						     WINDOW_ROLLING};

	(void)state;
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		struct budget_record r = record_of(windows[i], 5, 5);
		struct amount used;

		r.from_ms = THE_HOUR + BUCKET_MS;
		r.base_tokens = 30000;
		r.base_micro_usd = 99;
		put(&r, history, HISTORY);
		used = last_view(&list, NOW).used;
		assert_int_equal(used.tokens, 1070000);
		assert_int_equal(used.micro_usd, 11);
		budget_clear(&list);
	}
}

/* A bucket may come in pieces; the first ones are the base. */
static void the_base_is_taken_off_once(void **state)
{
	const struct usage_bucket piece = {THE_HOUR, 40, 7};
	struct budget_record r = record_of(WINDOW_DAY, 1000, 1000);

	(void)state;
	r.from_ms = THE_HOUR;
	r.base_tokens = 100;
	r.base_micro_usd = 3;
	put(&r, NULL, 0);
	for (int i = 0; i < 4; i++)
		budget_add_used(&list, &r, &piece, NOW);
	assert_int_equal(used_tokens(&list, NOW), 60);
	assert_int_equal(last_view(&list, NOW).used.micro_usd, 25);
	charge_to(&list, 5, 0, NOW);
	assert_int_equal(used_tokens(&list, NOW), 65);
}

/* The base was used before the reset: what is charged now is not part of it. */
static void a_base_without_its_bucket_takes_nothing_off(void **state)
{
	struct budget_record r = record_of(WINDOW_DAY, 1000, NO_LIMIT);

	(void)state;
	r.from_ms = THE_HOUR + 2 * BUCKET_MS;
	r.base_tokens = 100;
	put(&r, NULL, 0);
	charge_to(&list, 40, 0, NOW);
	assert_int_equal(used_tokens(&list, NOW), 40);
}

static void usage_of_the_future_counts_where_its_time_is_in_the_window(void **state)
{
	const struct usage_bucket tomorrow = {TODAY + DAY_MS, 7, 7};

	(void)state;
	for (int w = 0; w < WINDOWS; w++) {
		struct budget_record r = record_of((enum budget_window)w, 5, 5);
		bool counts = w == WINDOW_ROLLING || w == WINDOW_WEEK || w == WINDOW_MONTH ||
			      w == WINDOW_TOTAL;

		put(&r, &tomorrow, 1);
		assert_int_equal(used_tokens(&list, NOW), counts ? 7 : 0);
		budget_clear(&list);
	}
}

static void negative_and_absurd_buckets_do_no_harm(void **state)
{
	const struct usage_bucket absurd[] = {{THE_HOUR, -5, INT64_MIN},
					      {THE_HOUR, INT64_MAX, INT64_MAX},
					      {THE_HOUR, INT64_MAX, 5},
					      {INT64_MAX, 1, 1},
					      {INT64_MIN, 1, 1}};

	(void)state;
	for (int w = 0; w < WINDOWS; w++) {
		struct budget_record r = record_of((enum budget_window)w, 5, 5);

		put(&r, absurd, sizeof absurd / sizeof *absurd);
		assert_int_equal(used_tokens(&list, NOW), INT64_MAX);
		assert_int_equal(last_view(&list, NOW).used.micro_usd, INT64_MAX);
		budget_clear(&list);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_calendar_window_starts_anew_at_its_end),
		T(a_total_never_starts_anew),
		T(a_rolling_window_lets_go_by_quarters),
		T(a_clock_set_back_over_the_border_forgets_nothing),
		T(a_clock_set_back_far_gets_the_window_of_its_time),
		T(windows_are_the_zone_s),
		T(buckets_before_the_window_do_not_count),
		T(after_a_reset_only_what_came_later_counts),
		T(the_base_is_taken_off_once),
		T(a_base_without_its_bucket_takes_nothing_off),
		T(usage_of_the_future_counts_where_its_time_is_in_the_window),
		T(negative_and_absurd_buckets_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
