/* What is there after a start. */
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

static struct budget_record row(enum scope scope, const char *subject, enum budget_window window)
{
	struct budget_record b = budget_of(scope, subject, window, 1000000, -1);

	b.created_ms = 1;
	return b;
}

static int64_t used(const char *project, enum budget_window w)
{
	struct account_list *list = project[0] ? registry_budgets(reg, SCOPE_PROJECT, project)
					       : registry_global_budgets(reg);

	return view_of(list, w).used.tokens;
}

/* ---- rows ---- */

static void loaded_rows_are_found(void **state)
{
	static const struct key_record keys[] = {
		{.id = "k_1", .project = "a", .hash = {1}, .limits = {-1, 7, -1}, .label = "one"}};
	struct key *k;

	(void)state;
	have_projects();
	fakes.keys = keys;
	fakes.key_count = 1;
	reg_new();
	assert_true(registry_loaded(reg));
	assert_string_equal(registry_find_project(reg, "a")->record.allowed_models, "haiku");
	assert_int_equal(registry_find_project(reg, "a")->rate.limits.requests_per_minute, 5);
	k = registry_find_key(reg, "k_1");
	assert_string_equal(k->record.label, "one");
	assert_int_equal(k->rate.limits.tokens_per_minute, 7);
	assert_ptr_equal(k->project, registry_find_project(reg, "a"));
}

static void keys_of_a_project_that_is_gone_are_revoked(void **state)
{
	static const struct key_record keys[] = {
		{.id = "k_1", .project = "gone", .hash = {1}, .revoked_ms = 5},
		{.id = "k_2", .project = "gone", .hash = {2}},
	};

	(void)state;
	fakes.keys = keys;
	fakes.key_count = 2;
	reg_new();
	assert_int_equal(registry_find_key(reg, "k_1")->record.revoked_ms, 5);
	assert_int_equal(registry_find_key(reg, "k_2")->record.revoked_ms, NOW_MS);
	assert_null(registry_find_project(reg, "gone"));
}

static void ill_store_gives_an_empty_registry_that_loads_later(void **state)
{
	struct project_record wanted = {.name = "new", .limits = {-1, -1, -1}};

	(void)state;
	have_projects();
	fakes.ill = true;
	reg_new();
	assert_false(registry_loaded(reg));
	assert_int_equal(registry_reload(reg), ERR_STATE);
	assert_int_equal(registry_create_project(reg, &wanted, outcome_done, &outcome, &why),
			 -EINVAL);
	assert_int_equal(why.fault, FAULT_STORE);
	fakes.ill = false;
	assert_int_equal(registry_reload(reg), 0);
	assert_true(registry_loaded(reg));
	assert_int_equal(registry_count_projects(reg), 2);
	assert_int_equal(registry_reload(reg), ERR_STATE);
}

static void load_that_fails_leaves_nothing(void **state)
{
	(void)state;
	have_projects();
	fakes.load_rc = -EIO;
	reg_new();
	assert_false(registry_loaded(reg));
	assert_int_equal(registry_count_projects(reg), 0);
	fakes.load_rc = 0;
	assert_int_equal(registry_reload(reg), 0);
	assert_int_equal(registry_count_projects(reg), 2);
}

/* ---- what was used ---- */

static void budgets_count_their_windows_usage(void **state)
{
	static const struct fake_usage usage[] = {
		{SCOPE_PROJECT, "a", {MONTH_MS - BUCKET_MS, 1, 1}},
		{SCOPE_PROJECT, "a", {MONTH_MS, 20, 1}},
		{SCOPE_PROJECT, "a", {TODAY_MS - BUCKET_MS, 300, 1}},
		{SCOPE_PROJECT, "a", {TODAY_MS, 4000, 1}},
		{SCOPE_PROJECT, "b", {TODAY_MS, 50000, 1}},
		{SCOPE_PROJECT, "nobody", {TODAY_MS, 600000, 1}},
	};
	struct budget_record rows[] = {
		row(SCOPE_PROJECT, "a", WINDOW_TOTAL), row(SCOPE_PROJECT, "a", WINDOW_MONTH),
		row(SCOPE_PROJECT, "a", WINDOW_DAY), row(SCOPE_PROJECT, "b", WINDOW_DAY),
		row(SCOPE_PROJECT, "a", WINDOW_HOUR)};

	(void)state;
	have_projects();
	fakes.usage = usage;
	fakes.usage_count = 6;
	fakes.budgets = rows;
	fakes.budget_count = 5;
	reg_new();
	assert_int_equal(used("a", WINDOW_TOTAL), 4321);
	assert_int_equal(used("a", WINDOW_MONTH), 4320);
	assert_int_equal(used("a", WINDOW_DAY), 4000);
	assert_int_equal(used("a", WINDOW_HOUR), 0);
	assert_int_equal(used("b", WINDOW_DAY), 50000);
}

static void rolling_budgets_are_loaded_by_quarters(void **state)
{
	static const struct fake_usage usage[] = {
		{SCOPE_PROJECT, "a", {QUARTER_MS - 4 * BUCKET_MS, 1, 1}},
		{SCOPE_PROJECT, "a", {QUARTER_MS - 3 * BUCKET_MS, 20, 1}},
		{SCOPE_PROJECT, "a", {QUARTER_MS, 300, 1}},
	};
	struct budget_record b = row(SCOPE_PROJECT, "a", WINDOW_ROLLING);

	(void)state;
	have_projects();
	b.rolling_ms = 4 * BUCKET_MS;
	fakes.usage = usage;
	fakes.usage_count = 3;
	fakes.budgets = &b;
	fakes.budget_count = 1;
	reg_new();
	assert_false(fakes.passes[0].by_day);
	assert_true(used("a", WINDOW_ROLLING) == 320 || used("a", WINDOW_ROLLING) == 321);
	clock_advance_ms(4 * BUCKET_MS);
	assert_int_equal(used("a", WINDOW_ROLLING), 300);
}

/* A store is asked by scope and window, however many budgets there are. */
static void many_budgets_are_loaded_in_few_passes(void **state)
{
	enum { MANY = 1000 };
	static struct project_record many[MANY];
	static struct budget_record rows[2 * MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		many[i].limits = unlimited;
		snprintf(many[i].name, sizeof many[i].name, "p%d", i);
		rows[2 * i] = row(SCOPE_PROJECT, many[i].name, WINDOW_DAY);
		rows[2 * i + 1] = row(SCOPE_PROJECT, many[i].name, WINDOW_MONTH);
	}
	fakes.projects = many;
	fakes.project_count = MANY;
	fakes.budgets = rows;
	fakes.budget_count = 2 * MANY;
	reg_new();
	assert_int_equal(fakes.pass_count, 2);
	assert_int_equal(fakes.passes[0].from_ms, TODAY_MS);
	assert_int_equal(fakes.passes[1].from_ms, MONTH_MS);
	assert_true(fakes.passes[1].by_day);
}

static void reset_budgets_count_from_their_reset(void **state)
{
	static const struct fake_usage usage[] = {
		{SCOPE_PROJECT, "a", {MONTH_MS, 1, 1}},
		{SCOPE_PROJECT, "a", {MONTH_MS + DAY_MS + BUCKET_MS, 70, 30}},
		{SCOPE_PROJECT, "a", {MONTH_MS + DAY_MS + 2 * BUCKET_MS, 300, 1}},
		{SCOPE_PROJECT, "a", {TODAY_MS, 4000, 1}},
		{SCOPE_PROJECT, "b", {TODAY_MS, 5, 1}},
	};
	struct budget_record rows[] = {row(SCOPE_PROJECT, "a", WINDOW_MONTH),
				       row(SCOPE_PROJECT, "b", WINDOW_MONTH)};

	(void)state;
	have_projects();
	rows[0].from_ms = MONTH_MS + DAY_MS + BUCKET_MS;
	rows[0].base_tokens = 50;
	rows[0].base_micro_usd = 30;
	fakes.usage = usage;
	fakes.usage_count = 5;
	fakes.budgets = rows;
	fakes.budget_count = 2;
	reg_new();
	assert_int_equal(used("a", WINDOW_MONTH), 4320);
	assert_int_equal(
		view_of(registry_budgets(reg, SCOPE_PROJECT, "a"), WINDOW_MONTH).used.micro_usd, 2);
	assert_int_equal(used("b", WINDOW_MONTH), 5);
}

static void many_resets_share_one_pass(void **state)
{
	enum { MANY = 40 };
	static struct project_record many[MANY];
	static struct budget_record rows[MANY + 1];
	static struct fake_usage usage[2 * MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		int64_t from_ms = MONTH_MS + (i + 1) * BUCKET_MS;

		many[i].limits = unlimited;
		snprintf(many[i].name, sizeof many[i].name, "p%d", i);
		rows[i] = row(SCOPE_PROJECT, many[i].name, WINDOW_MONTH);
		rows[i].from_ms = from_ms;
		usage[2 * i] = (struct fake_usage){
			SCOPE_PROJECT, many[i].name, {from_ms - BUCKET_MS, 1, 1}};
		usage[2 * i + 1] =
			(struct fake_usage){SCOPE_PROJECT, many[i].name, {from_ms, 20, 1}};
	}
	rows[0].from_ms = 0; /* never reset: of the ordinary pass */
	fakes.projects = many;
	fakes.project_count = MANY;
	fakes.budgets = rows;
	fakes.budget_count = MANY;
	fakes.usage = usage;
	fakes.usage_count = 2 * MANY;
	reg_new();
	assert_int_equal(fakes.pass_count, 2);
	assert_true(fakes.passes[0].by_day);
	assert_false(fakes.passes[1].by_day); /* resets fall into the middle of days */
	assert_int_equal(used("p0", WINDOW_MONTH), 21);
	for (int i = 1; i < MANY; i++)
		assert_int_equal(used(many[i].name, WINDOW_MONTH), 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fakes_setup, fakes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loaded_rows_are_found),
		TEST(keys_of_a_project_that_is_gone_are_revoked),
		TEST(ill_store_gives_an_empty_registry_that_loads_later),
		TEST(load_that_fails_leaves_nothing),
		TEST(budgets_count_their_windows_usage),
		TEST(rolling_budgets_are_loaded_by_quarters),
		TEST(many_budgets_are_loaded_in_few_passes),
		TEST(reset_budgets_count_from_their_reset),
		TEST(many_resets_share_one_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
