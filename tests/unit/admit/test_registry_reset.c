/* Resetting budgets while requests settle. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/admit.h"
#include "daemon/admit/registry.h"

#include "tests/unit/admit/budget_steps.h"
#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

/* ---- resetting ---- */

static void reset_forgets_what_was_used(void **state)
{
	static const struct fake_usage usage[] = {
		{SCOPE_PROJECT, "demo", {QUARTER_MS - BUCKET_MS, 500, 500}},
		{SCOPE_PROJECT, "demo", {QUARTER_MS, 70, 70}},
		{SCOPE_PROJECT, "demo", {QUARTER_MS + BUCKET_MS, 3, 3}}, /* the clock was ahead */
	};
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1), *row;

	(void)state;
	fakes.usage = usage;
	fakes.usage_count = 3;
	reg_new();
	make_project("demo");
	make_budget(&b);
	assert_int_equal(used("demo", WINDOW_DAY), 573);
	assert_int_equal(reset(&b), 0);
	fakes_end_all();
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(used("demo", WINDOW_DAY), 3);
	assert_int_equal(fakes_last()->from_ms, QUARTER_MS);
	row = &fakes_last()->budget;
	assert_int_equal(row->from_ms, QUARTER_MS);
	assert_int_equal(row->base_tokens, 70);
	assert_int_equal(row->base_micro_usd, 70);
	assert_int_equal(row->limit_tokens, 1000);
	assert_string_equal(fakes.events[fakes.event_count - 1], "budget reset");
	use("demo", 5);
	assert_int_equal(used("demo", WINDOW_DAY), 8);
}

static void settlements_around_a_reset_count_once(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 1);
	assert_int_equal(reset(&b), 0);
	use("demo", 20); /* while the present quarter is summed: after the reset */
	fakes_end(0);    /* the first settlement */
	fakes_end(0);    /* the first sum */
	use("demo", 300);
	assert_int_equal(used("demo", WINDOW_DAY), 321); /* not reset yet */
	fakes_end(0);                                    /* the second settlement */
	fakes_end(0);                                    /* the second sum */
	assert_int_equal(outcome.calls, 1);
	assert_int_equal(used("demo", WINDOW_DAY), 320);
	use("demo", 4000);
	assert_int_equal(used("demo", WINDOW_DAY), 4320);
}

static void second_reset_in_one_quarter_forgets_again(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_TOTAL, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 1);
	assert_int_equal(reset(&b), 0);
	fakes_end_all();
	use("demo", 20);
	assert_int_equal(reset(&b), 0);
	fakes_end_all();
	assert_int_equal(fakes_last()->budget.base_tokens, 21);
	assert_int_equal(used("demo", WINDOW_TOTAL), 0);
}

static void reset_that_is_not_written_changes_nothing(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 30);
	fakes_end(0);
	assert_int_equal(reset(&b), 0);
	fakes_end(-EIO); /* the first sum */
	assert_int_equal(outcome.rc, -EIO);
	assert_int_equal(used("demo", WINDOW_DAY), 30);
	assert_int_equal(reset(&b), 0);
	fakes_end(0);
	fakes_end(-EIO); /* the record */
	assert_int_equal(outcome.rc, -EIO);
	assert_int_equal(reset(&b), 0);
	fakes.refuse = -ENOMEM; /* of the record's writing */
	fakes_end(0);
	fakes.refuse = 0;
	assert_int_equal(outcome.rc, -ENOMEM);
	use("demo", 4);
	assert_int_equal(used("demo", WINDOW_DAY), 34);
	assert_int_equal(reset(&b), 0);
}

static void reset_writes_nothing_after_its_project_was_deleted(void **state)
{
	struct budget_record b = budget_of(SCOPE_KEY, "", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	strcpy(b.subject, make_key("demo", NULL)->record.id);
	make_budget(&b);
	assert_int_equal(reset(&b), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &settled, &why), 0);
	fakes_end_all();
	assert_int_equal(fakes_last()->kind, FAKE_DELETE_PROJECT);
	assert_int_equal(outcome.rc, -ECANCELED);
}

static void new_limit_does_not_undo_a_reset(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 30);
	assert_int_equal(reset(&b), 0);
	fakes_end_all();
	use("demo", 4);
	b.limit_tokens = 2000;
	make_budget(&b);
	assert_int_equal(used("demo", WINDOW_DAY), 4);
	assert_int_equal(fakes_last()->budget.base_tokens, 30);
}

static void budget_that_is_not_there_is_neither_reset_nor_deleted(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, -1, -1);

	(void)state;
	reg_new();
	assert_refused(reset(&b), FAULT_NOT_FOUND, "project");
	make_project("demo");
	assert_refused(reset(&b), FAULT_NOT_FOUND, "window");
	assert_refused(delete_it(&b), FAULT_NOT_FOUND, "window");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reset_forgets_what_was_used),
		TEST(settlements_around_a_reset_count_once),
		TEST(second_reset_in_one_quarter_forgets_again),
		TEST(reset_that_is_not_written_changes_nothing),
		TEST(reset_writes_nothing_after_its_project_was_deleted),
		TEST(new_limit_does_not_undo_a_reset),
		TEST(budget_that_is_not_there_is_neither_reset_nor_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
