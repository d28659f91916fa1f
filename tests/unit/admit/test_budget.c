/* Lists of budgets and the holds upon them. */
#include <errno.h>

#include "daemon/admit/window.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/admit/budgets.h"
#include "tests/unit/test.h"

static struct account_list key, project, global;
static struct account_list *const all[HOLD_LISTS] = {&key, &project, &global};
static struct refusal why;

static int begin(void **state)
{
	(void)state;
	metrics_reset();
	memset(&why, 0, sizeof why);
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

static void put_soft(struct account_list *list, enum budget_window w, int64_t tokens)
{
	struct budget_record r = record_of(w, tokens, NO_LIMIT);

	r.soft = true;
	assert_int_equal(budget_put(list, &r, NULL, 0, NOW), 0);
}

static int take(struct budget_hold *h, int64_t tokens, int64_t micro_usd)
{
	return budget_hold_take(h, all, &(struct amount){tokens, micro_usd}, NOW, &why);
}

static struct amount left(void)
{
	return budget_left(all, NOW);
}

/* ---- fullness ---- */

static double fullness(int64_t used, int64_t held, int64_t limit_tokens, int64_t limit_micro_usd)
{
	return budget_fullness(&(struct budget_view){
		.record = record_of(WINDOW_MONTH, limit_tokens, limit_micro_usd),
		.used = {used, used},
		.held = {held, held}});
}

static void what_is_nearer_to_its_limit_tells_how_full_a_budget_is(void **state)
{
	(void)state;
	assert_true(fullness(10, 15, 100, NO_LIMIT) == 0.25);
	assert_true(fullness(10, 15, NO_LIMIT, 50) == 0.5);
	assert_true(fullness(10, 15, 100, 50) == 0.5);
	assert_true(fullness(150, 0, 100, 1000) == 1.5);
	assert_true(fullness(0, 0, 0, NO_LIMIT) == 1); /* nothing may be used of it */
}

/* ---- holds ---- */

static void a_hold_fits_to_the_last_token_and_not_one_more(void **state)
{
	struct budget_hold a = {0}, b = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&a, 999, 50), 0);
	assert_true(a.open);
	assert_int_equal(take(&b, 2, 0), -EINVAL);
	assert_int_equal(why.fault, FAULT_BUDGET);
	assert_false(b.open);
	assert_int_equal(take(&b, 1, 0), 0);
	assert_int_equal(held_tokens(&project, NOW), 1000);
	assert_int_equal(left().tokens, 0);
}

static void tokens_and_money_must_both_fit(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, 500);
	assert_int_equal(take(&h, 1000, 501), -EINVAL);
	assert_int_equal(take(&h, 1001, 500), -EINVAL);
	assert_int_equal(take(&h, 1000, 500), 0);
}

static void without_budgets_everything_fits(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	assert_false(budget_any(all));
	assert_int_equal(take(&h, INT64_MAX, INT64_MAX), 0);
	assert_int_equal(left().tokens, INT64_MAX);
	assert_int_equal(left().micro_usd, INT64_MAX);
	settle_with(&h, INT64_MAX, INT64_MAX, NOW);
	put(&global, WINDOW_DAY, 1, NO_LIMIT);
	assert_true(budget_any(all));
}

static void a_settlement_gives_back_the_hold_and_charges_what_was_used(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, 1000);
	assert_int_equal(take(&h, 800, 700), 0);
	settle_with(&h, 300, 100, NOW);
	assert_false(h.open);
	assert_int_equal(held_tokens(&project, NOW), 0);
	assert_int_equal(used_tokens(&project, NOW), 300);
	assert_int_equal(left().tokens, 700);
	assert_int_equal(left().micro_usd, 900);
}

static void a_hold_is_settled_once(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 800, 0), 0);
	settle_with(&h, 300, 0, NOW);
	settle_with(&h, 300, 0, NOW);
	assert_int_equal(used_tokens(&project, NOW), 300);
	assert_int_equal(held_tokens(&project, NOW), 0);
}

static void an_open_hold_is_not_taken_again(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 100, 0), 0);
	assert_int_equal(take(&h, 100, 0), -EINVAL);
	assert_int_equal(why.fault, FAULT_INTERNAL);
	assert_int_equal(held_tokens(&project, NOW), 100);
}

static void a_second_attempt_holds_as_much_again(void **state)
{
	struct budget_hold h = {0}, closed = {0};
	const struct amount more = {400, 0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 400, 0), 0);
	assert_int_equal(budget_hold_extend(&h, &more, NOW), 0);
	assert_int_equal(held_tokens(&project, NOW), 800);
	assert_int_equal(budget_hold_extend(&h, &more, NOW), -EINVAL);
	assert_int_equal(held_tokens(&project, NOW), 800);
	assert_int_equal(budget_hold_extend(&closed, &more, NOW), -EINVAL);
	settle_with(&h, 500, 0, NOW);
	assert_int_equal(held_tokens(&project, NOW), 0);
	assert_int_equal(used_tokens(&project, NOW), 500);
}

static void negative_amounts_hold_and_charge_nothing(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, 1000);
	assert_int_equal(take(&h, INT64_MIN, -1), 0);
	assert_int_equal(budget_hold_extend(&h, &(struct amount){-5, INT64_MIN}, NOW), 0);
	assert_int_equal(held_tokens(&project, NOW), 0);
	settle_with(&h, -5, INT64_MIN, NOW);
	assert_int_equal(used_tokens(&project, NOW), 0);
	assert_int_equal(left().micro_usd, 1000);
}

/* ---- several lists ---- */

static void every_budget_of_every_scope_must_let_it(void **state)
{
	struct account_list *lists[] = {&key, &project, &global};
	struct budget_hold h = {0};

	(void)state;
	for (size_t tight = 0; tight < HOLD_LISTS; tight++) {
		for (size_t i = 0; i < HOLD_LISTS; i++) {
			put(lists[i], WINDOW_HOUR, 5000, NO_LIMIT);
			put(lists[i], WINDOW_TOTAL, i == tight ? 1000 : 5000, NO_LIMIT);
		}
		assert_int_equal(take(&h, 1001, 0), -EINVAL);
		for (size_t i = 0; i < HOLD_LISTS; i++)
			assert_int_equal(held_tokens(lists[i], NOW), 0);
		assert_int_equal(left().tokens, 1000);
		assert_int_equal(take(&h, 1000, 0), 0);
		for (size_t i = 0; i < HOLD_LISTS; i++)
			assert_int_equal(held_tokens(lists[i], NOW), 1000);
		settle_with(&h, 0, 0, NOW);
	}
}

static void lists_that_are_not_there_are_passed_over(void **state)
{
	struct account_list *const some[HOLD_LISTS] = {NULL, &project, NULL};
	struct budget_hold h = {0};

	(void)state;
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	put(&global, WINDOW_DAY, 10, NO_LIMIT);
	assert_int_equal(budget_left(some, NOW).tokens, 1000);
	assert_int_equal(budget_hold_take(&h, some, &(struct amount){1000, 0}, NOW, &why), 0);
	settle_with(&h, 1000, 0, NOW);
	assert_int_equal(used_tokens(&project, NOW), 1000);
	assert_int_equal(used_tokens(&global, NOW), 0);
}

static void a_charge_without_a_hold_only_adds(void **state)
{
	struct budget_hold h = {.lists = {&key, &project, &global}};

	(void)state;
	put(&key, WINDOW_DAY, 1000, NO_LIMIT);
	put(&global, WINDOW_DAY, 1000, NO_LIMIT);
	settle_with(&h, 70, 0, NOW);
	assert_int_equal(used_tokens(&key, NOW), 70);
	assert_int_equal(used_tokens(&global, NOW), 70);
}

static void soft_budgets_never_refuse_and_leave_what_hard_ones_leave(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put_soft(&key, WINDOW_DAY, 0);
	put_soft(&project, WINDOW_TOTAL, 10);
	assert_int_equal(left().tokens, INT64_MAX);
	put(&global, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(left().tokens, 1000);
	assert_int_equal(take(&h, 1000, INT64_MAX), 0);
	assert_int_equal(held_tokens(&project, NOW), 1000);
	settle_with(&h, 900, 0, NOW);
	assert_int_equal(used_tokens(&project, NOW), 900);
}

/* ---- time ---- */

static void a_window_s_turn_lets_work_go_on_with_holds_kept(void **state)
{
	struct budget_hold a = {0}, b = {0};

	(void)state;
	put(&project, WINDOW_HOUR, 1000, NO_LIMIT);
	charge_to(&project, 600, 0, NOW);
	assert_int_equal(take_from(&a, &project, 400, 0, NOW), 0);
	assert_int_equal(take_from(&b, &project, 1, 0, NOW), -EINVAL);
	assert_int_equal(take_from(&b, &project, 601, 0, NOW + HOUR_MS), -EINVAL);
	assert_int_equal(take_from(&b, &project, 600, 0, NOW + HOUR_MS), 0);
	settle_with(&a, 400, 0, NOW + HOUR_MS); /* counts in the hour it ends in */
	assert_int_equal(used_tokens(&project, NOW + HOUR_MS), 400);
	assert_int_equal(held_tokens(&project, NOW + HOUR_MS), 600);
	settle_with(&b, 0, 0, NOW + HOUR_MS);
}

static void what_is_left_knows_of_the_turn(void **state)
{
	(void)state;
	put(&project, WINDOW_HOUR, 1000, NO_LIMIT);
	charge_to(&project, 600, 0, NOW);
	assert_int_equal(left().tokens, 400);
	assert_int_equal(budget_left(all, NOW + HOUR_MS).tokens, 1000);
}

/* ---- what passes the limit ---- */

static int64_t overrun_tokens(void)
{
	return metric_value(METRIC_BUDGET_OVERRUN_TOKENS);
}

static int64_t overrun_usd(void)
{
	return metric_value(METRIC_BUDGET_OVERRUN_MICRO_USD);
}

static void use_beyond_the_hold_is_charged_and_counted_once(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&key, WINDOW_DAY, 1000, 1000);
	put(&key, WINDOW_TOTAL, 1000, 1000);
	put(&project, WINDOW_DAY, 1000, NO_LIMIT);
	put(&global, WINDOW_DAY, 1000, NO_LIMIT);
	assert_int_equal(take(&h, 900, 20), 0);
	settle_with(&h, 1100, 25, NOW);
	assert_int_equal(used_tokens(&project, NOW), 1100);
	assert_int_equal(left().tokens, 0);
	assert_int_equal(overrun_tokens(), 200);
	assert_int_equal(overrun_usd(), 5);
	settle_with(&(struct budget_hold){.lists = {&key}}, 1, 2, NOW);
	assert_int_equal(overrun_tokens(), 201);
	assert_int_equal(overrun_usd(), 7);
}

static void only_hard_limits_are_overrun(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put_soft(&key, WINDOW_DAY, 10);
	assert_int_equal(take(&h, 1, 1), 0);
	settle_with(&h, 500, 500, NOW);
	assert_int_equal(overrun_tokens(), 0);
	put(&project, WINDOW_DAY, NO_LIMIT, 1000);
	assert_int_equal(take(&h, 1, 1), 0);
	settle_with(&h, 500, 500, NOW);
	assert_int_equal(overrun_tokens(), 0);
	assert_int_equal(overrun_usd(), 499);
}

/* ---- absurd values ---- */

static void absurd_holds_are_refused_and_given_back_exactly(void **state)
{
	struct budget_hold a = {0}, b = {0}, c = {0};

	(void)state;
	put_soft(&project, WINDOW_DAY, 1);
	assert_int_equal(take(&a, INT64_MAX, INT64_MAX), 0);
	assert_int_equal(take(&b, INT64_MAX, INT64_MAX), 0);
	assert_int_equal(take(&c, 5, 5), 0);
	assert_int_equal(budget_hold_extend(&b, &(struct amount){INT64_MAX, 1}, NOW), 0);
	assert_int_equal(held_tokens(&project, NOW), INT64_MAX);
	put(&global, WINDOW_DAY, INT64_MAX, INT64_MAX);
	assert_int_equal(left().tokens, 0);
	assert_int_equal(budget_hold_extend(&c, &(struct amount){0, 0}, NOW), -EINVAL);
	settle_with(&a, 0, 0, NOW);
	settle_with(&b, 0, 0, NOW);
	assert_int_equal(held_tokens(&project, NOW), 5);
	assert_int_equal(left().tokens, INT64_MAX - 5);
	settle_with(&c, 0, 0, NOW);
	assert_int_equal(held_tokens(&project, NOW), 0);
}

static void absurd_use_saturates_and_refuses(void **state)
{
	struct budget_hold h = {0};

	(void)state;
	put(&global, WINDOW_DAY, INT64_MAX, INT64_MAX);
	charge_to(&global, INT64_MAX, 0, NOW);
	charge_to(&global, INT64_MAX, 0, NOW);
	assert_int_equal(used_tokens(&global, NOW), INT64_MAX);
	assert_int_equal(take(&h, 1, 0), -EINVAL);
	assert_int_equal(left().tokens, 0);
	assert_int_equal(take(&h, 0, INT64_MAX), 0);
	settle_with(&h, INT64_MAX, INT64_MAX, NOW);
	assert_int_equal(budget_left(all, NOW + DAY_MS).tokens, INT64_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_nearer_to_its_limit_tells_how_full_a_budget_is),
		T(a_hold_fits_to_the_last_token_and_not_one_more),
		T(tokens_and_money_must_both_fit),
		T(without_budgets_everything_fits),
		T(a_settlement_gives_back_the_hold_and_charges_what_was_used),
		T(a_hold_is_settled_once),
		T(an_open_hold_is_not_taken_again),
		T(a_second_attempt_holds_as_much_again),
		T(negative_amounts_hold_and_charge_nothing),
		T(every_budget_of_every_scope_must_let_it),
		T(lists_that_are_not_there_are_passed_over),
		T(a_charge_without_a_hold_only_adds),
		T(soft_budgets_never_refuse_and_leave_what_hard_ones_leave),
		T(a_window_s_turn_lets_work_go_on_with_holds_kept),
		T(what_is_left_knows_of_the_turn),
		T(use_beyond_the_hold_is_charged_and_counted_once),
		T(only_hard_limits_are_overrun),
		T(absurd_holds_are_refused_and_given_back_exactly),
		T(absurd_use_saturates_and_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
