/* The thresholds that one budget tells. */
#include "daemon/admit/account.h"
#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/admit/budgets.h"
#include "tests/unit/test.h"

static struct account_list list;

static struct {
	int count, percents[32];
	struct budget_record record;
	struct amount used;
} told;

static void note(void *ctx, const struct budget_record *r, int percent, const struct amount *used)
{
	assert_ptr_equal(ctx, &told);
	told.percents[told.count++ % 32] = percent;
	told.record = *r;
	told.used = *used;
}

static int begin(void **state)
{
	const struct budget_events events = {.threshold = note, .ctx = &told};

	(void)state;
	memset(&told, 0, sizeof told);
	metrics_reset();
	budget_listen(&events);
	return window_set_zone("UTC");
}

static int end(void **state)
{
	const struct budget_events nobody = {0};

	(void)state;
	budget_clear(&list);
	list = (struct account_list){0};
	budget_listen(&nobody);
	return window_set_zone("UTC");
}

static void put(const struct budget_record *r, const struct usage_bucket *buckets, size_t count)
{
	assert_int_equal(budget_put(&list, r, buckets, count, NOW), 0);
}

static void put_new(enum budget_window w, int64_t limit_tokens, int warn_percent)
{
	struct budget_record r = record_of(w, limit_tokens, NO_LIMIT);

	r.warn_percent = warn_percent;
	put(&r, NULL, 0);
}

static void thresholds_are_told_once_each(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 1000, 80);
	charge_to(&list, 799, 0, NOW);
	assert_int_equal(told.count, 0);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.percents[0], 80);
	assert_int_equal(told.used.tokens, 800);
	assert_string_equal(told.record.subject, "demo");
	charge_to(&list, 199, 0, NOW);
	assert_int_equal(told.count, 1);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.percents[1], 100);
	charge_to(&list, 1000, 0, NOW);
	assert_int_equal(told.count, 2);
	assert_int_equal(metric_value(METRIC_BUDGET_THRESHOLDS), 2);
}

static void one_settlement_may_tell_both(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 1000, 80);
	charge_to(&list, 5000, 0, NOW);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.percents[0], 80);
	assert_int_equal(told.percents[1], 100);
}

static void without_a_warning_the_limit_is_told(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 1000, 0);
	charge_to(&list, 1000, 0, NOW);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.percents[0], 100);
}

static void a_warning_at_100_is_the_limit_s(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 1000, 100);
	charge_to(&list, 1000, 0, NOW);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.percents[0], 100);
}

static void holds_tell_nothing(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put_new(WINDOW_DAY, 1000, 80);
	assert_int_equal(take_from(&h, &list, 1000, 0, NOW), 0);
	settle_with(&h, 10, 0, NOW);
	assert_int_equal(told.count, 0);
}

static void soft_budgets_tell_too(void **state)
{
	struct budget_record r = record_of(WINDOW_MONTH, NO_LIMIT, 1000000);

	(void)state;
	r.soft = true;
	r.warn_percent = 50;
	put(&r, NULL, 0);
	charge_to(&list, INT64_MAX, 500000, NOW);
	charge_to(&list, INT64_MAX, 500000, NOW);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.percents[0], 50);
	assert_int_equal(told.percents[1], 100);
	assert_true(told.record.soft);
}

static void money_and_tokens_share_one_warning(void **state)
{
	struct budget_record r = record_of(WINDOW_DAY, 1000, 1000);

	(void)state;
	r.warn_percent = 50;
	put(&r, NULL, 0);
	charge_to(&list, 600, 0, NOW);
	charge_to(&list, 0, 600, NOW);
	assert_int_equal(told.count, 1);
	charge_to(&list, 0, 400, NOW);
	charge_to(&list, 400, 0, NOW);
	assert_int_equal(told.count, 2);
}

static void a_new_window_tells_again(void **state)
{
	(void)state;
	put_new(WINDOW_HOUR, 1000, 0);
	charge_to(&list, 1000, 0, NOW);
	charge_to(&list, 1000, 0, NOW + HOUR_MS);
	assert_int_equal(told.count, 2);
}

static void a_rolling_window_tells_again_after_use_fell(void **state)
{
	(void)state;
	put_new(WINDOW_ROLLING, 1000, 0);
	charge_to(&list, 600, 0, NOW);
	charge_to(&list, 600, 0, NOW + BUCKET_MS);
	charge_to(&list, 600, 0, NOW + 2 * BUCKET_MS);
	assert_int_equal(told.count, 1);
	charge_to(&list, 600, 0, NOW + 2 * HOUR_MS);
	assert_int_equal(told.count, 1);
	charge_to(&list, 600, 0, NOW + 2 * HOUR_MS);
	assert_int_equal(told.count, 2);
}

static void a_raise_tells_again_and_a_lower_limit_with_the_next_use(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 1000, 80);
	charge_to(&list, 1000, 0, NOW);
	assert_int_equal(told.count, 2);
	put_new(WINDOW_DAY, 2000, 80);
	charge_to(&list, 100, 0, NOW);
	assert_int_equal(told.count, 2);
	put_new(WINDOW_DAY, 1100, 80);
	assert_int_equal(told.count, 2);
	charge_to(&list, 0, 0, NOW);
	assert_int_equal(told.count, 4);
	charge_to(&list, 100, 0, NOW);
	assert_int_equal(told.count, 4);
}

static void a_reset_tells_again(void **state)
{
	struct budget_record r = record_of(WINDOW_DAY, 1000, NO_LIMIT);

	(void)state;
	put(&r, NULL, 0);
	charge_to(&list, 1000, 0, NOW);
	r.from_ms = THE_HOUR + 2 * BUCKET_MS;
	r.base_tokens = 1000;
	put(&r, NULL, 0);
	assert_int_equal(used_tokens(&list, NOW), 0);
	charge_to(&list, 1000, 0, NOW);
	assert_int_equal(told.count, 2);
}

/* Else every restart of the daemon would tell it again. */
static void what_was_passed_before_loading_is_not_told(void **state)
{
	const struct usage_bucket bucket = {THE_HOUR, 1000, 0};
	struct budget_record r = record_of(WINDOW_DAY, 1000, NO_LIMIT);

	(void)state;
	r.warn_percent = 80;
	put(&r, &bucket, 1);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 0);
	charge_to(&list, 1000, 0, NOW + DAY_MS);
	assert_int_equal(told.count, 2);
}

/* The same when a budget is put again with what it has used, by buckets. */
static void putting_it_again_repeats_nothing_and_swallows_nothing(void **state)
{
	const struct usage_bucket some = {THE_HOUR, 900, 0}, all = {THE_HOUR, 1000, 0};
	struct budget_record r = record_of(WINDOW_DAY, 1000, NO_LIMIT);

	(void)state;
	r.warn_percent = 80;
	put(&r, NULL, 0);
	charge_to(&list, 900, 0, NOW);
	assert_int_equal(told.count, 1);
	put(&r, &some, 1);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 1);
	put(&r, &all, 1);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.percents[1], 100);
}

static void a_limit_of_zero_is_reached_by_use_alone(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, 0, 50);
	charge_to(&list, 0, 500, NOW);
	assert_int_equal(told.count, 0);
	charge_to(&list, 1, 0, NOW);
	assert_int_equal(told.count, 2);
}

static void absurd_limits_are_compared_right(void **state)
{
	(void)state;
	put_new(WINDOW_DAY, INT64_MAX, 99);
	charge_to(&list, INT64_MAX / 100 * 98, 0, NOW);
	assert_int_equal(told.count, 0);
	charge_to(&list, INT64_MAX, 0, NOW);
	assert_int_equal(told.count, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(thresholds_are_told_once_each),
		T(one_settlement_may_tell_both),
		T(without_a_warning_the_limit_is_told),
		T(a_warning_at_100_is_the_limit_s),
		T(holds_tell_nothing),
		T(soft_budgets_tell_too),
		T(money_and_tokens_share_one_warning),
		T(a_new_window_tells_again),
		T(a_rolling_window_tells_again_after_use_fell),
		T(a_raise_tells_again_and_a_lower_limit_with_the_next_use),
		T(a_reset_tells_again),
		T(what_was_passed_before_loading_is_not_told),
		T(putting_it_again_repeats_nothing_and_swallows_nothing),
		T(a_limit_of_zero_is_reached_by_use_alone),
		T(absurd_limits_are_compared_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
