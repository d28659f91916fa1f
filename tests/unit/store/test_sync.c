/* Which writes are worth a sync of the disk: what costs money is, cache hits and holds that no
 * budget depends on are not. */
#include <stdatomic.h>
#include <string.h>

#include "tests/unit/store/store_support.h"

static atomic_int syncs;

/* SQLite's, too. */
int fdatasync(int fd)
{
	(void)fd;
	atomic_fetch_add(&syncs, 1);
	return 0;
}

static int syncs_of_hold(bool relaxed)
{
	struct hold_record hold = {
		.id = store_next_id(store), .project = "demo", .relaxed = relaxed};
	struct answer a = {0};

	atomic_store(&syncs, 0);
	assert_int_equal(store_hold(store, &hold, on_done, &a), 0);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
	return atomic_load(&syncs);
}

static int syncs_of_hit(void)
{
	struct answer a = {0};

	atomic_store(&syncs, 0);
	assert_int_equal(store_cache_hit(store, "demo", "", "m", NOON_MS, on_done, &a), 0);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
	return atomic_load(&syncs);
}

static int syncs_of_settlement(void)
{
	struct ledger_record line = {.at_ms = NOON_MS, .project = "demo", .outcome = "ok"};
	struct answer a = {0};

	atomic_store(&syncs, 0);
	assert_int_equal(store_settle(store, 0, &line, NULL, on_done, &a), 0);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
	return atomic_load(&syncs);
}

static void what_costs_money_is_synced(void **state)
{
	(void)state;
	assert_true(syncs_of_hold(false) > 0);
	assert_true(syncs_of_settlement() > 0);
}

static void hits_and_holds_without_a_budget_are_not(void **state)
{
	(void)state;
	assert_true(syncs_of_settlement() > 0); /* the file is warm */
	assert_int_equal(syncs_of_hit(), 0);
	assert_int_equal(syncs_of_hold(true), 0);
	assert_true(syncs_of_settlement() > 0);
	assert_int_equal(syncs_of_hit(), 0);
	assert_true(syncs_of_hold(false) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_costs_money_is_synced, setup_store,
						teardown_store),
		cmocka_unit_test_setup_teardown(hits_and_holds_without_a_budget_are_not,
						setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
