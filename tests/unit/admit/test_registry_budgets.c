/* Setting and deleting budgets while requests settle. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"

#include "daemon/admit/admit.h"
#include "daemon/admit/registry.h"
#include "daemon/admit/registry_private.h"

#include "tests/unit/admit/budget_steps.h"
#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

/* ---- setting ---- */

static void budget_is_in_force_when_it_is_durable(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	assert_int_equal(put(&b), 0);
	assert_false(has_account(&p->budgets, WINDOW_DAY));
	fakes_end(0);
	assert_int_equal(outcome.rc, 0);
	assert_int_equal(view_of(&p->budgets, WINDOW_DAY).record.limit_tokens, 1000);
	assert_int_equal(fakes_last()->budget.created_ms, NOW_MS);
	assert_string_equal(fakes.events[1], "budget set");
}

static void budget_counts_what_was_used_since_its_window_began(void **state)
{
	static const struct fake_usage usage[] = {
		{SCOPE_PROJECT, "demo", {QUARTER_MS - DAY_MS, 1, 1}},
		{SCOPE_PROJECT, "demo", {QUARTER_MS - BUCKET_MS, 20, 2}},
		{SCOPE_PROJECT, "other", {QUARTER_MS, 300, 3}},
		{SCOPE_GLOBAL, "", {QUARTER_MS, 4000, 4}},
	};
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);

	(void)state;
	fakes.usage = usage;
	fakes.usage_count = 4;
	reg_new();
	make_project("demo");
	make_project("other");
	make_budget(&b);
	assert_int_equal(fakes_last()->from_ms, NOW_MS - NOW_MS % DAY_MS);
	assert_int_equal(used("demo", WINDOW_DAY), 20);
	b = budget_of(SCOPE_GLOBAL, "", WINDOW_TOTAL, 9000, -1);
	make_budget(&b);
	assert_int_equal(used("", WINDOW_TOTAL), 4000);
}

static void settlements_around_the_writing_count_once(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 100000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_project("other");
	use("demo", 1); /* queued before: in the sum */
	assert_int_equal(put(&b), 0);
	use("demo", 20);   /* queued after: not in it */
	use("other", 300); /* of no concern */
	fakes_end(0);      /* the first settlement */
	use("demo", 4000);
	fakes_end(0); /* the budget */
	assert_int_equal(used("demo", WINDOW_DAY), 4021);
	use("demo", 50000);
	assert_int_equal(used("demo", WINDOW_DAY), 54021);
	fakes_end_all();
	assert_int_equal(used("demo", WINDOW_DAY), 54021);
}

static void settlements_of_all_projects_count_for_everybody(void **state)
{
	struct budget_record b = budget_of(SCOPE_GLOBAL, "", WINDOW_DAY, 100000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_project("other");
	use("demo", 1);
	assert_int_equal(put(&b), 0);
	use("demo", 20);
	use("other", 300);
	fakes_end_all();
	assert_int_equal(used("", WINDOW_DAY), 321);
}

static void settlements_during_a_replacement_count_once(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 100000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 1);
	b.limit_tokens = 5;
	assert_int_equal(put(&b), 0);
	use("demo", 20);
	assert_int_equal(used("demo", WINDOW_DAY), 21); /* the old one is in force */
	fakes_end_all();
	assert_int_equal(used("demo", WINDOW_DAY), 21);
	assert_int_equal(view_of(registry_budgets(reg, SCOPE_PROJECT, "demo"), WINDOW_DAY)
				 .record.limit_tokens,
			 5);
}

static void settlements_of_a_window_that_ended_meanwhile_do_not_count(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_HOUR, 100000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	assert_int_equal(put(&b), 0);
	use("demo", 1);
	clock_advance_ms(3600 * 1000);
	use("demo", 20);
	fakes_end_all();
	assert_int_equal(used("demo", WINDOW_HOUR), 20);
}

static void budget_that_is_not_written_leaves_the_old_one(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_budget(&b);
	use("demo", 1);
	b.limit_tokens = 5;
	assert_int_equal(put(&b), 0);
	use("demo", 20);
	fakes_end(0);
	fakes_end(-EIO);
	assert_int_equal(outcome.rc, -EIO);
	assert_int_equal(used("demo", WINDOW_DAY), 21);
	assert_int_equal(view_of(registry_budgets(reg, SCOPE_PROJECT, "demo"), WINDOW_DAY)
				 .record.limit_tokens,
			 1000);
	assert_int_equal(put(&b), 0);
}

static void hold_from_before_the_budget_is_upon_it(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);
	const struct hold_request h = {"r", "m", {10, 10}, {100, 100}};
	struct ledger_record line = {.used = {.output_tokens = 30}};
	struct admission a;

	(void)state;
	reg_new();
	admit_begin(&a, reg, fakes_store(), make_project("demo"), NULL);
	assert_int_equal(admit_hold(&a, &h, outcome_done, &settled, &why), ADMIT_HELD);
	fakes_end(0);
	make_budget(&b);
	assert_int_equal(view_of(a.hold.lists[1], WINDOW_DAY).held.tokens, 100);
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &settled), 0);
	assert_int_equal(view_of(&a.project->budgets, WINDOW_DAY).held.tokens, 0);
	assert_int_equal(used("demo", WINDOW_DAY), 30);
	admit_end(&a);
}

static void budget_values_are_checked(void **state)
{
	static const struct {
		enum budget_window window;
		int64_t rolling_ms, tokens, micro_usd;
		int warn;
		const char *param;
	} bad[] = {
		{WINDOW_DAY, 0, -1, -1, 0, "tokens"},
		{WINDOW_DAY, 0, 0, -1, 0, "tokens"},
		{WINDOW_DAY, 0, -5, -1, 0, "tokens"},
		{WINDOW_DAY, 0, INT64_C(1000000000000001), -1, 0, "tokens"},
		{WINDOW_DAY, 0, -1, 0, 0, "usd"},
		{WINDOW_DAY, 0, -1, INT64_C(1000000000000000001), 0, "usd"},
		{WINDOW_DAY, 0, 1, -2, 0, "usd"},
		{WINDOW_DAY, 0, 1, -1, -1, "warn"},
		{WINDOW_DAY, 0, 1, -1, 101, "warn"},
		{WINDOW_DAY, 1, 1, -1, 0, "window"},
		{WINDOWS, 0, 1, -1, 0, "window"},
		{WINDOW_ROLLING, 0, 1, -1, 0, "window"},
		{WINDOW_ROLLING, 45 * 60 * 1000, 1, -1, 0, "window"},
		{WINDOW_ROLLING, 3600 * 1000 + 1, 1, -1, 0, "window"},
		{WINDOW_ROLLING, 367 * DAY_MS, 1, -1, 0, "window"},
	};
	struct budget_record b;

	(void)state;
	reg_new();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		b = budget_of(SCOPE_GLOBAL, "", bad[i].window, bad[i].tokens, bad[i].micro_usd);
		b.rolling_ms = bad[i].rolling_ms;
		b.warn_percent = bad[i].warn;
		assert_refused(put(&b), FAULT_INVALID_REQUEST, bad[i].param);
	}
	b = budget_of(SCOPE_PROJECT, "nobody", WINDOW_DAY, 1, -1);
	assert_refused(put(&b), FAULT_NOT_FOUND, "project");
	b = budget_of(SCOPE_KEY, "k_none", WINDOW_DAY, 1, -1);
	assert_refused(put(&b), FAULT_NOT_FOUND, "key");
	assert_int_equal(fakes.count, 0);
	b = budget_of(SCOPE_GLOBAL, "", WINDOW_ROLLING, INT64_C(1000000000000000),
		      INT64_C(1000000000000000000));
	b.rolling_ms = 366 * DAY_MS;
	b.warn_percent = 100;
	assert_int_equal(put(&b), 0);
}

static void subject_has_at_most_sixteen_budgets(void **state)
{
	struct budget_record b = budget_of(SCOPE_GLOBAL, "", WINDOW_ROLLING, 1, -1);

	(void)state;
	reg_new();
	for (int i = 0; i < 16; i++) {
		b.rolling_ms = (4 + i) * BUCKET_MS;
		make_budget(&b);
	}
	assert_int_equal(put(&b), 0); /* again, in its own place */
	fakes_end_all();
	b.rolling_ms = 100 * BUCKET_MS;
	assert_refused(put(&b), FAULT_INVALID_REQUEST, "window");
}

static void budgets_of_one_subject_change_one_at_a_time(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);
	struct budget_record other = budget_of(SCOPE_PROJECT, "other", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	make_project("other");
	assert_int_equal(put(&b), 0);
	assert_refused(put(&b), FAULT_CONFLICT, "project");
	assert_refused(reset(&b), FAULT_CONFLICT, "project");
	assert_int_equal(put(&other), 0);
}

static void budget_put_just_before_its_project_goes_goes_too(void **state)
{
	struct budget_record b = budget_of(SCOPE_KEY, "", WINDOW_DAY, 1000, -1);
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	strcpy(b.subject, k->record.id);
	assert_int_equal(put(&b), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &settled, &why), 0);
	fakes_end_all();
	assert_false(has_account(&k->budgets, WINDOW_DAY));
}

static void budget_that_is_told_after_the_deletion_is_not_in_force(void **state)
{
	struct budget_record b = budget_of(SCOPE_KEY, "", WINDOW_DAY, 1000, -1);
	struct key *k;

	(void)state;
	reg_new();
	make_project("demo");
	k = make_key("demo", NULL);
	strcpy(b.subject, k->record.id);
	assert_int_equal(put(&b), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &settled, &why), 0);
	fakes_end_newest(0);
	fakes_end(0);
	assert_false(has_account(&k->budgets, WINDOW_DAY));
}

/* ---- the clock ---- */

/* As on machines that know the time only when the network has told it. */
static void clock_that_was_set_does_not_forget_what_was_used(void **state)
{
	static const struct fake_usage usage[] = {{SCOPE_PROJECT, "demo", {QUARTER_MS, 70, 70}}};
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);
	struct budget_record raised = b;
	int64_t mono_us = clock_mono_us();
	size_t queued;

	(void)state;
	fakes.usage = usage;
	fakes.usage_count = 1;
	clock_freeze(mono_us, 1000);
	reg_new();
	make_project("demo");
	make_budget(&b);
	clock_freeze(mono_us, NOW_MS * 1000);
	raised.limit_tokens = 2000;
	registry_minute(reg, NOW_MS);
	use("demo", 5); /* is not in the sum */
	fakes_end_all();
	assert_int_equal(used("demo", WINDOW_DAY), 75);
	assert_int_equal(put(&raised), 0); /* while it is summed with the old limit */
	registry_minute(reg, NOW_MS + BUCKET_MS);
	fakes_end_all();
	assert_int_equal(view_of(registry_budgets(reg, SCOPE_PROJECT, "demo"), WINDOW_DAY)
				 .record.limit_tokens,
			 2000);
	queued = fakes.count;
	registry_minute(reg, NOW_MS + BUCKET_MS);
	assert_int_equal(fakes.count, queued);
}

/* ---- deleting ---- */

static void deleted_budget_is_gone_when_that_is_durable(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);
	struct project *p;

	(void)state;
	reg_new();
	p = make_project("demo");
	make_budget(&b);
	assert_int_equal(delete_it(&b), 0);
	assert_true(has_account(&p->budgets, WINDOW_DAY));
	fakes_end(-EIO);
	assert_true(has_account(&p->budgets, WINDOW_DAY));
	assert_int_equal(delete_it(&b), 0);
	fakes_end(0);
	assert_false(has_account(&p->budgets, WINDOW_DAY));
	assert_string_equal(fakes.events[fakes.event_count - 1], "budget deleted");
}

/* ---- thresholds ---- */

static void passed_threshold_is_told(void **state)
{
	struct budget_record b = budget_of(SCOPE_PROJECT, "demo", WINDOW_DAY, 1000, -1);

	(void)state;
	reg_new();
	make_project("demo");
	b.warn_percent = 80;
	make_budget(&b);
	use("demo", 799);
	assert_null(strstr(fakes.event_text, "threshold"));
	use("demo", 1);
	assert_string_equal(fakes.events[fakes.event_count - 1], "budget threshold");
	assert_non_null(strstr(fakes.event_text, "\"percent\":80,\"used_tokens\":800"));
	assert_non_null(strstr(fakes.event_text, "\"subject\":\"demo\",\"window\":\"day\",\"limit_"
						 "tokens\":1000"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(budget_is_in_force_when_it_is_durable),
		TEST(budget_counts_what_was_used_since_its_window_began),
		TEST(settlements_around_the_writing_count_once),
		TEST(settlements_of_all_projects_count_for_everybody),
		TEST(settlements_during_a_replacement_count_once),
		TEST(settlements_of_a_window_that_ended_meanwhile_do_not_count),
		TEST(budget_that_is_not_written_leaves_the_old_one),
		TEST(hold_from_before_the_budget_is_upon_it),
		TEST(budget_values_are_checked),
		TEST(subject_has_at_most_sixteen_budgets),
		TEST(budgets_of_one_subject_change_one_at_a_time),
		TEST(budget_put_just_before_its_project_goes_goes_too),
		TEST(clock_that_was_set_does_not_forget_what_was_used),
		TEST(budget_that_is_told_after_the_deletion_is_not_in_force),
		TEST(deleted_budget_is_gone_when_that_is_durable),
		TEST(passed_threshold_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
