/* The budget of the settings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/admit/admit.h"
#include "daemon/admit/registry.h"
#include "daemon/admit/registry_private.h"

#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

#define TODAY_MS (NOW_MS - NOW_MS % DAY_MS)
#define MONTH_MS (TODAY_MS - 23 * DAY_MS)

static struct refusal why;
static struct outcome outcome;

static const struct project_record projects[] = {
	{.name = "a", .limits = {5, -1, -1}, .allowed_models = (char[]){"haiku"}},
	{.name = "b", .limits = {-1, -1, -1}},
};

static void have_projects(void)
{
	fakes.projects = projects;
	fakes.project_count = 2;
}

static int64_t used(const char *project, enum budget_window w)
{
	struct account_list *list = project[0] ? registry_budgets(reg, SCOPE_PROJECT, project)
					       : registry_global_budgets(reg);

	return view_of(list, w).used.tokens;
}

static void use(const char *project, int64_t tokens)
{
	struct ledger_record line = {.used = {.requests = 1, .output_tokens = tokens}};
	struct admission a;

	admit_begin(&a, reg, fakes_store(), registry_find_project(reg, project), NULL);
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &outcome), 0);
	admit_end(&a);
}

/* ---- the settings' budget ---- */

static struct budget_record conf(enum budget_window window, int64_t tokens)
{
	return budget_of(SCOPE_GLOBAL, "", window, tokens, -1);
}

static int64_t limit(enum budget_window w)
{
	return view_of(registry_global_budgets(reg), w).record.limit_tokens;
}

static void settings_budget_is_in_force_at_once_at_the_start(void **state)
{
	static const struct fake_usage usage[] = {{SCOPE_GLOBAL, "", {MONTH_MS, 20, 1}}};
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	fakes.usage = usage;
	fakes.usage_count = 1;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_int_equal(used("", WINDOW_MONTH), 20);
	assert_int_equal(fakes.count, 0); /* no row of the store */
}

static void settings_budget_comes_with_the_store(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	fakes.ill = true;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	fakes.ill = false;
	assert_int_equal(registry_reload(reg), 0);
	assert_int_equal(limit(WINDOW_MONTH), 100);
}

static void settings_budget_may_be_none(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), none = conf(WINDOW_MONTH, -1);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &none), 0);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	fakes_end_all();
	assert_int_equal(limit(WINDOW_MONTH), 100);
	assert_int_equal(registry_set_conf_budget(reg, &none), 0);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
}

static void settings_new_limit_keeps_what_was_counted(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	have_projects();
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	use("a", 7);
	c.limit_tokens = 50;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_int_equal(limit(WINDOW_MONTH), 50);
	assert_int_equal(used("", WINDOW_MONTH), 7);
}

static void settings_new_window_counts_settlements_once_and_leaves_no_row(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	have_projects();
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	use("a", 1);
	c.window = WINDOW_DAY;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	use("a", 20);
	assert_int_equal(limit(WINDOW_MONTH), 100); /* in force until the other is */
	fakes_end_all();
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
	assert_int_equal(used("", WINDOW_DAY), 21);
	assert_int_equal(fakes.ops[1].kind, FAKE_BUDGET);
	assert_int_equal(fakes.ops[2].kind, FAKE_DELETE_BUDGET);
	assert_int_equal(fakes.ops[2].budget.window, WINDOW_DAY);
}

static void trace_of_the_settings_budget_is_removed_at_the_start(void **state)
{
	struct budget_record trace = conf(WINDOW_DAY, 100);

	(void)state;
	fakes.budgets = &trace;
	fakes.budget_count = 1;
	reg_new();
	assert_false(has_account(registry_global_budgets(reg), WINDOW_DAY));
	assert_int_equal(fakes.count, 1);
	assert_int_equal(fakes_last()->kind, FAKE_DELETE_BUDGET);
}

static void own_budget_of_the_same_window_goes_before_the_settings(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_MONTH, 5);

	(void)state;
	have_projects();
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	use("a", 1);
	make_budget(&own);
	assert_int_equal(limit(WINDOW_MONTH), 5);
	assert_int_equal(used("", WINDOW_MONTH), 1);
	c.limit_tokens = 200;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	fakes_end_all();
	assert_int_equal(limit(WINDOW_MONTH), 5);
}

static void settings_budget_returns_when_the_own_one_is_deleted(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_MONTH, 5);

	(void)state;
	have_projects();
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	make_budget(&own);
	use("a", 1);
	assert_int_equal(registry_delete_budget(reg, &own, outcome_done, &outcome, &why), 0);
	fakes_end(0);                             /* the settlement */
	fakes_end(0);                             /* the deletion */
	assert_int_equal(limit(WINDOW_MONTH), 5); /* never without any */
	use("a", 20);
	fakes_end_all();
	assert_int_equal(limit(WINDOW_MONTH), 100);
	assert_int_equal(used("", WINDOW_MONTH), 21);
}

static void settings_budget_that_cannot_return_does_not_keep_the_own_one(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_MONTH, 5);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	make_budget(&own);
	assert_int_equal(registry_delete_budget(reg, &own, outcome_done, &outcome, &why), 0);
	fakes_end(0);
	fakes_end(-EIO);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
}

static void settings_new_window_that_is_taken_ends_the_old_one(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_WEEK, 5);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	make_budget(&own);
	c.window = WINDOW_WEEK;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
	assert_int_equal(limit(WINDOW_WEEK), 5);
}

static void own_budget_set_right_after_the_deletion_stays(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_MONTH, 5);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	make_budget(&own);
	assert_int_equal(registry_delete_budget(reg, &own, outcome_done, &outcome, &why), 0);
	fakes_end_all();
	own.limit_tokens = 6;
	make_budget(&own);
	assert_int_equal(limit(WINDOW_MONTH), 6);
}

static void settings_budget_waits_for_the_change_under_way(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100), own = conf(WINDOW_DAY, 5);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_int_equal(registry_put_budget(reg, &own, outcome_done, &outcome, &why), 0);
	c.window = WINDOW_WEEK;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_int_equal(fakes.count, 1);
	fakes_end_all();
	assert_int_equal(limit(WINDOW_DAY), 5);
	assert_int_equal(limit(WINDOW_WEEK), 100);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_MONTH));
}

static void settings_budget_is_neither_reset_nor_deleted_at_run_time(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	assert_int_equal(registry_reset_budget(reg, &c, outcome_done, &outcome, &why), -EINVAL);
	assert_int_equal(why.fault, FAULT_INVALID_REQUEST);
	assert_non_null(strstr(why.message, "settings"));
	assert_int_equal(registry_delete_budget(reg, &c, outcome_done, &outcome, &why), -EINVAL);
}

static void settings_budget_that_cannot_be_summed_leaves_the_old_one(void **state)
{
	struct budget_record c = conf(WINDOW_MONTH, 100);

	(void)state;
	reg_new();
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	c.window = WINDOW_DAY;
	assert_int_equal(registry_set_conf_budget(reg, &c), 0);
	fakes_end(-EIO);
	fakes_end(-EIO);
	assert_int_equal(limit(WINDOW_MONTH), 100);
	assert_false(has_account(registry_global_budgets(reg), WINDOW_DAY));
	assert_int_equal(registry_set_conf_budget(reg, &c), 0); /* a reload */
	fakes_end_all();
	assert_int_equal(limit(WINDOW_DAY), 100);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_budget_is_in_force_at_once_at_the_start),
		TEST(settings_budget_comes_with_the_store),
		TEST(settings_budget_may_be_none),
		TEST(settings_new_limit_keeps_what_was_counted),
		TEST(settings_new_window_counts_settlements_once_and_leaves_no_row),
		TEST(trace_of_the_settings_budget_is_removed_at_the_start),
		TEST(own_budget_of_the_same_window_goes_before_the_settings),
		TEST(settings_budget_returns_when_the_own_one_is_deleted),
		TEST(settings_budget_that_cannot_return_does_not_keep_the_own_one),
		TEST(settings_new_window_that_is_taken_ends_the_old_one),
		TEST(own_budget_set_right_after_the_deletion_stays),
		TEST(settings_budget_waits_for_the_change_under_way),
		TEST(settings_budget_is_neither_reset_nor_deleted_at_run_time),
		TEST(settings_budget_that_cannot_be_summed_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
