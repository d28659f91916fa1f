#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/err.h"

#include "daemon/admit/admit.h"
#include "daemon/observe/metrics.h"

#include "tests/unit/admit/admit_steps.h"
#include "tests/unit/admit/fixture.h"
#include "tests/unit/test.h"

/* ---- holds ---- */

static void hold_is_written_without_any_budget_and_not_waited_for(void **state)
{
	const struct hold_record *h;

	(void)state;
	begin(&a);
	assert_int_equal(hold(), ADMIT_HELD);
	h = &fakes_last()->hold;
	assert_true(h->relaxed);
	assert_int_equal(fakes_last()->kind, FAKE_HOLD);
	assert_int_equal(h->at_ms, NOW_MS);
	assert_string_equal(h->request_id, "req-1");
	assert_string_equal(h->project, "demo");
	assert_string_equal(h->key_id, key->record.id);
	assert_string_equal(h->model, "claude-opus");
	assert_int_equal(h->prompt_tokens, 100);
	assert_int_equal(h->prompt_micro_usd, 500);
	assert_int_equal(h->tokens, 1000);
	assert_int_equal(h->micro_usd, 6000);
	assert_int_equal(held.calls, 0);
	fakes_end(0);
	assert_int_equal(held.calls, 0);
	assert_int_equal(settle(1), 0);
	assert_int_equal(fakes_last()->id, h->id);
	admit_end(&a);
}

static void hold_is_upon_key_project_and_server(void **state)
{
	(void)state;
	budget(SCOPE_KEY, key->record.id, 5000, -1);
	budget(SCOPE_PROJECT, "demo", 5000, -1);
	budget(SCOPE_GLOBAL, "", 5000, 7000);
	begin_held();
	assert_int_equal(view_of(&key->budgets, WINDOW_DAY).held.tokens, 1000);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 1000);
	assert_int_equal(view_of(registry_global_budgets(reg), WINDOW_DAY).held.micro_usd, 6000);
	assert_int_equal(admit_left(&a).tokens, 4000);
	assert_int_equal(admit_left(&a).micro_usd, 1000);
	assert_int_equal(settle(10), 0);
	assert_int_equal(view_of(&key->budgets, WINDOW_DAY).held.tokens, 0);
	assert_int_equal(view_of(&key->budgets, WINDOW_DAY).used.tokens, 331);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 331);
	assert_int_equal(view_of(registry_global_budgets(reg), WINDOW_DAY).used.micro_usd, 90);
	admit_end(&a);
}

static void budget_refuses_and_nothing_is_written(void **state)
{
	(void)state;
	budget(SCOPE_KEY, key->record.id, 5000, -1);
	budget(SCOPE_GLOBAL, "", 999, -1);
	begin(&a);
	assert_int_equal(hold(), -EINVAL);
	assert_int_equal(why.fault, FAULT_BUDGET);
	assert_int_equal(fakes_open(), 0);
	assert_int_equal(view_of(&key->budgets, WINDOW_DAY).held.tokens, 0);
	assert_int_equal(metric_value(METRIC_REFUSED_BUDGET), 1);
	admit_end(&a);
	assert_int_equal(held.calls, 0);
}

static void hold_that_is_not_written_is_released(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 5000, -1);
	begin(&a);
	assert_int_equal(hold(), 0);
	fakes_end(-EIO);
	assert_int_equal(held.rc, -EIO);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 0);
	assert_int_equal(a.hold_id, 0);
	admit_end(&a);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 0);
}

static void hold_that_the_store_does_not_take_is_released(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 5000, -1);
	begin(&a);
	fakes.refuse = ERR_STATE;
	assert_int_equal(hold(), -EINVAL);
	assert_int_equal(why.fault, FAULT_STORE);
	fakes.refuse = -ENOMEM;
	assert_int_equal(hold(), -EINVAL);
	assert_int_equal(why.fault, FAULT_INTERNAL);
	fakes.refuse = 0;
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 0);
	assert_int_equal(held.calls, 0);
	admit_end(&a);
}

static void second_attempt_holds_as_much_again_if_it_may(void **state)
{
	struct ledger_record line = line_of(1);

	(void)state;
	budget(SCOPE_PROJECT, "demo", 2500, -1);
	begin_held();
	assert_true(admit_hold_again(&a));
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 2000);
	assert_false(admit_hold_again(&a));
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 2000);
	assert_int_equal(admit_settle(&a, &line, NULL, outcome_done, &settled), 0);
	assert_int_equal(fakes_last()->line.held_tokens, 2000);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 0);
	admit_end(&a);
}

/* ---- settlement ---- */

static void settlement_fills_in_who_and_what_was_held(void **state)
{
	const struct ledger_record *l;

	(void)state;
	begin_held();
	clock_advance_ms(5000);
	assert_int_equal(settle(4000), 0);
	l = &fakes_last()->line;
	assert_int_equal(l->at_ms, NOW_MS + 5000);
	assert_string_equal(l->project, "demo");
	assert_string_equal(l->key_id, key->record.id);
	assert_int_equal(l->held_tokens, 1000);
	assert_int_equal(l->held_micro_usd, 6000);
	assert_string_equal(l->request_id, "req-1");
	assert_int_equal(settled.calls, 0);
	fakes_end(0);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(settled.rc, 0);
	assert_int_equal(a.hold_id, 0);
	admit_end(&a);
}

static void settlement_counts_every_kind_of_token_once(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	begin_held();
	assert_int_equal(settle(4000), 0);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 4321);
	assert_int_equal(metric_value(METRIC_TOKENS_INPUT), 321);
	assert_int_equal(metric_value(METRIC_TOKENS_OUTPUT), 4000);
	assert_int_equal(metric_value(METRIC_COST_MICRO_USD), 90);
	admit_end(&a);
}

static void settlement_without_memory_is_charged_all_the_same(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	begin_held();
	fakes.refuse = -ENOMEM;
	assert_int_equal(settle(4000), -ENOMEM);
	fakes.refuse = 0;
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 4321);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 0);
	admit_end(&a);
}

static void settlement_after_the_key_was_revoked_is_charged(void **state)
{
	struct outcome o = {0, 1};

	(void)state;
	budget(SCOPE_KEY, key->record.id, 50000, -1);
	begin_held();
	assert_int_equal(registry_revoke_key(reg, key->record.id, outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_int_equal(settle(4000), 0);
	assert_int_equal(view_of(&key->budgets, WINDOW_DAY).used.tokens, 4321);
	admit_end(&a);
}

static void request_outlives_its_project(void **state)
{
	struct outcome o = {0, 1};

	(void)state;
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 10, &why), 0);
	assert_int_equal(hold(), 0);
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &o, &why), 0);
	fakes_end_all();
	assert_null(registry_find_project(reg, "demo"));
	assert_int_equal(settle(4000), 0);
	assert_string_equal(fakes_last()->line.project, "demo");
	fakes_end_all();
	admit_end(&a);
}

static void request_of_a_deleted_project_is_charged_to_its_namesake(void **state)
{
	struct outcome o = {0, 1};
	struct project *heir;

	(void)state;
	begin_held();
	assert_int_equal(registry_delete_project(reg, "demo", outcome_done, &o, &why), 0);
	fakes_end_all();
	heir = make_project("demo");
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	assert_int_equal(settle(4000), 0);
	assert_int_equal(view_of(&heir->budgets, WINDOW_DAY).used.tokens, 4321);
	assert_int_equal(view_of(&heir->budgets, WINDOW_DAY).held.tokens, 0);
	fakes_end_all();
	admit_end(&a);
}

static void cache_hit_costs_nothing_and_is_counted(void **state)
{
	struct rate_view v;

	(void)state;
	limit(SCOPE_KEY, key->record.id, 10, 10000, -1);
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	begin(&a);
	assert_int_equal(admit_limit(&a, 1000, &why), 0);
	assert_int_equal(admit_settle_hit(&a, "claude-opus", outcome_done, &settled), 0);
	assert_int_equal(fakes_last()->kind, FAKE_HIT);
	assert_string_equal(fakes_last()->line.project, "demo");
	assert_string_equal(fakes_last()->line.key_id, key->record.id);
	assert_string_equal(fakes_last()->line.model, "claude-opus");
	fakes_end(0);
	assert_int_equal(settled.calls, 1);
	rate_look(&key->rate, clock_mono_us(), &v);
	assert_int_equal(v.remaining_tokens, 10000);
	assert_int_equal(v.remaining_requests, 9);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 0);
	admit_end(&a);
}

/* ---- the end ---- */

static void end_may_come_at_any_time_and_again(void **state)
{
	unsigned refs = demo->refs;

	(void)state;
	admit_end(&a); /* never begun */
	begin(&a);
	assert_int_equal(demo->refs, refs + 1);
	admit_end(&a);
	admit_end(&a);
	assert_int_equal(demo->refs, refs);
	begin(&a);
	assert_int_equal(admit_limit(&a, 1, &why), 0);
	assert_int_equal(demo->rate.running, 1);
	admit_end(&a);
	admit_end(&a);
	assert_int_equal(demo->rate.running, 0);
	assert_null(a.project);
}

static void end_without_settlement_releases_the_hold(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	begin_held();
	admit_end(&a);
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).held.tokens, 0);
}

static void request_without_a_key_is_the_projects(void **state)
{
	(void)state;
	budget(SCOPE_PROJECT, "demo", 50000, -1);
	admit_begin(&a, reg, fakes_store(), demo, NULL);
	assert_int_equal(admit_limit(&a, 1, &why), 0);
	assert_int_equal(hold(), 0);
	assert_string_equal(fakes_last()->hold.key_id, "");
	fakes_end(0);
	assert_int_equal(settle(4000), 0);
	assert_string_equal(fakes_last()->line.key_id, "");
	assert_int_equal(view_of(&demo->budgets, WINDOW_DAY).used.tokens, 4321);
	admit_end(&a);
}

/* 200 requests at once against a budget that covers 20: it is never passed. */
static void many_at_once_never_pass_the_budget(void **state)
{
	enum { MANY = 200 };
	static struct admission many[MANY];
	struct budget_view v;
	int admitted = 0;

	(void)state;
	budget(SCOPE_PROJECT, "demo", 20 * 1000, -1);
	for (int i = 0; i < MANY; i++) {
		begin(&many[i]);
		if (admit_hold(&many[i], &request, outcome_done, &held, &why) == 0)
			admitted++;
		v = view_of(&demo->budgets, WINDOW_DAY);
		assert_true(v.used.tokens + v.held.tokens <= 20000);
	}
	assert_int_equal(admitted, 20);
	fakes_end_all();
	for (int i = 0; i < MANY; i++) {
		struct ledger_record line = line_of(i);

		if (many[i].hold.open)
			assert_int_equal(
				admit_settle(&many[i], &line, NULL, outcome_done, &settled), 0);
		admit_end(&many[i]);
	}
	v = view_of(&demo->budgets, WINDOW_DAY);
	assert_int_equal(v.held.tokens, 0);
	assert_int_equal(v.used.tokens, 20 * 321 + 19 * 20 / 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hold_is_written_without_any_budget_and_not_waited_for),
		TEST(hold_is_upon_key_project_and_server),
		TEST(budget_refuses_and_nothing_is_written),
		TEST(hold_that_is_not_written_is_released),
		TEST(hold_that_the_store_does_not_take_is_released),
		TEST(second_attempt_holds_as_much_again_if_it_may),
		TEST(settlement_fills_in_who_and_what_was_held),
		TEST(settlement_counts_every_kind_of_token_once),
		TEST(settlement_without_memory_is_charged_all_the_same),
		TEST(settlement_after_the_key_was_revoked_is_charged),
		TEST(request_outlives_its_project),
		TEST(request_of_a_deleted_project_is_charged_to_its_namesake),
		TEST(cache_hit_costs_nothing_and_is_counted),
		TEST(end_may_come_at_any_time_and_again),
		TEST(end_without_settlement_releases_the_hold),
		TEST(request_without_a_key_is_the_projects),
		TEST(many_at_once_never_pass_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
