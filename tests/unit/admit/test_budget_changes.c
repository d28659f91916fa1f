/* Budgets that are put, changed and removed, with holds open. */
#include <errno.h>

#include "shared/err.h"

#include "daemon/admit/window.h"

#include "tests/unit/admit/budgets.h"
#include "tests/unit/test.h"

static struct account_list key, project, global;
static struct account_list *const all[HOLD_LISTS] = {&key, &project, &global};

static int begin(void **state)
{
	(void)state;
	return window_set_zone("UTC");
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < HOLD_LISTS; i++) {
		budget_clear(all[i]);
		*all[i] = (struct account_list){0};
	}
	return 0;
}

static void put(struct account_list *list, enum budget_window w, int64_t tokens, int64_t micro_usd)
{
	struct budget_record r = record_of(w, tokens, micro_usd);

	assert_int_equal(budget_put(list, &r, NULL, 0, NOW), 0);
}

static int take(struct budget_hold *h, int64_t tokens, int64_t micro_usd)
{
	struct refusal why;

	return budget_hold_take(h, all, &(struct amount){tokens, micro_usd}, NOW, &why);
}

static struct amount left(void)
{
	return budget_left(all, NOW);
}

/* ---- changes while holds are open ---- */

static void a_limit_lowered_below_what_is_taken_only_refuses_new_holds(void **state)
{
	struct budget_hold a = {0}, b = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	charge_to(&project, 300, 0, NOW);
	assert_int_equal(take(&a, 500, 0), 0);
	put(&project, WINDOW_DAY, 400, NO_LIMIT);
	assert_int_equal(used_tokens(&project, NOW), 300);
	assert_int_equal(held_tokens(&project, NOW), 500);
	assert_int_equal(left().tokens, 0);
	assert_int_equal(take(&b, 1, 0), -EINVAL);
	assert_int_equal(take(&b, 0, 0), -EINVAL);
	settle_with(&a, 50, 0, NOW);
	assert_int_equal(take(&b, 50, 0), 0);
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(left().tokens, 600);
	settle_with(&b, 0, 0, NOW);
}

static void a_removed_budget_does_not_matter_to_open_holds(void **state)
{
	struct budget_record r = record_of(WINDOW_DAY, 0, 0);
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	put(&project, WINDOW_TOTAL, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 600, 0), 0);
	assert_true(budget_remove(&project, &r));
	assert_false(budget_remove(&project, &r));
	settle_with(&h, 500, 0, NOW);
	assert_int_equal(last_view(&project, NOW).record.window, WINDOW_TOTAL);
	assert_int_equal(used_tokens(&project, NOW), 500);
	assert_int_equal(held_tokens(&project, NOW), 0);
}

/* The open hold will be charged to it: it must be held upon it as well. */
static void a_budget_put_later_has_the_open_holds_upon_it(void **state)
{
	struct budget_hold a = {0}, b = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&a, 600, 0), 0);
	assert_true(budget_remove(&project, &(struct budget_record){.window = WINDOW_DAY}));
	put(&project, WINDOW_DAY, 700, NO_LIMIT);
	assert_int_equal(held_tokens(&project, NOW), 600);
	assert_int_equal(take(&b, 101, 0), -EINVAL);
	assert_int_equal(take(&b, 100, 0), 0);
	settle_with(&a, 600, 0, NOW);
	settle_with(&b, 100, 0, NOW);
	assert_int_equal(used_tokens(&project, NOW), 700);
	budget_clear(&project);
	assert_false(budget_any(all));
}

static void clearing_a_list_keeps_its_open_holds(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 600, 0), 0);
	budget_clear(&project);
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(left().tokens, 400);
	settle_with(&h, 100, 0, NOW);
	assert_int_equal(left().tokens, 900);
}

static void another_limit_keeps_what_was_used_and_a_reset_does_not(void **state)
{
	static const enum budget_window windows[] = {WINDOW_DAY, WINDOW_ROLLING};
	struct budget_hold h = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct budget_record r = record_of(windows[i], 2000, NO_LIMIT);

		put(&key, windows[i], 1000, NO_LIMIT);
		assert_int_equal(take(&h, 100, 0), 0);
		charge_to(&key, 600, 0, NOW);
		assert_int_equal(budget_put(&key, &r, NULL, 0, NOW), 0);
		assert_int_equal(used_tokens(&key, NOW), 600);
		r.from_ms = THE_HOUR + 2 * BUCKET_MS;
		r.base_tokens = 600;
		assert_int_equal(budget_put(&key, &r, NULL, 0, NOW), 0);
		assert_int_equal(used_tokens(&key, NOW), 0);
		assert_int_equal(held_tokens(&key, NOW), 100);
		settle_with(&h, 0, 0, NOW);
		budget_clear(&key);
	}
}

/* ---- lists of accounts ---- */

static void count_window(void *ctx, const struct budget_view *view)
{
	char text[WINDOW_TEXT_SIZE];

	window_print(view->record.window, view->record.rolling_ms, text);
	strcat(strcat(ctx, text), " ");
}

static void accounts_stand_in_the_order_of_windows_once_each(void **state)
{
	static const enum budget_window windows[] = {WINDOW_TOTAL, WINDOW_ROLLING, WINDOW_HOUR,
						     WINDOW_MONTH, WINDOW_DAY,     WINDOW_WEEK};
	struct budget_record longer = record_of(WINDOW_ROLLING, 1, 1);
	char text[200] = "";

	(void)state;
	longer.rolling_ms = 2 * HOUR_MS;
	assert_int_equal(budget_put(&key, &longer, NULL, 0, NOW), 0);
	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < WINDOWS; i++)
			put(&key, windows[i], 1000, NO_LIMIT);
	budget_each(&key, NOW, count_window, text);
	assert_string_equal(text, "hour day week month total rolling:1h rolling:2h ");
	assert_true(budget_remove(&key, &longer));
	assert_true(budget_remove(&key, &(struct budget_record){.window = WINDOW_HOUR}));
	*text = '\0';
	budget_each(&key, NOW, count_window, text);
	assert_string_equal(text, "day week month total rolling:1h ");
}

static void windows_that_do_not_exist_are_refused(void **state)
{
	static const struct {
		int window;
		int64_t rolling_ms;
	} bad[] = {{WINDOWS, 0},
		   {-1, 0},
		   {WINDOW_DAY, HOUR_MS},
		   {WINDOW_ROLLING, 0},
		   {WINDOW_ROLLING, -HOUR_MS},
		   {WINDOW_ROLLING, HOUR_MS + 1},
		   {WINDOW_ROLLING, INT64_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct budget_record r = record_of((enum budget_window)bad[i].window, 1, 1);

		r.rolling_ms = bad[i].rolling_ms;
		assert_int_equal(budget_put(&key, &r, NULL, 0, NOW), ERR_LIMIT);
	}
	assert_false(budget_any(all));
}

static void usage_of_a_budget_that_is_not_there_is_passed_over(void **state)
{
	struct budget_record r = record_of(WINDOW_DAY, 1, 1);

	(void)state;
	put(&key, WINDOW_HOUR, 1000, NO_LIMIT);
	budget_add_used(&key, &r, &(struct usage_bucket){THE_HOUR, 5, 5}, NOW);
	assert_int_equal(used_tokens(&key, NOW), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_limit_lowered_below_what_is_taken_only_refuses_new_holds),
		T(a_removed_budget_does_not_matter_to_open_holds),
		T(a_budget_put_later_has_the_open_holds_upon_it),
		T(clearing_a_list_keeps_its_open_holds),
		T(another_limit_keeps_what_was_used_and_a_reset_does_not),
		T(accounts_stand_in_the_order_of_windows_once_each),
		T(windows_that_do_not_exist_are_refused),
		T(usage_of_a_budget_that_is_not_there_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
