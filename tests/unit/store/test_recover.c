/* What a daemon that died has left. */
#include <sys/wait.h>

#include "tests/unit/store/store_support.h"

/* A child that writes `holds` holds and settles `settled` of them, then dies without an end. */
static void die_with_holds(int holds, int settled)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct ledger_record line = a_line("demo", "k_1", "claude-sonnet", NOON_MS);
		struct answer a = {0};

		if (uv_loop_fork(&loop) != 0)
			_exit(2);
		open_healthy();
		for (int i = 0; i < holds; i++) {
			struct hold_record hold = a_hold(store_next_id(store));

			store_hold(store, &hold, on_done, &a);
			if (i < settled)
				store_settle(store, hold.id, &line, NULL, on_done, &a);
		}
		wait_for(&a.calls, holds + settled);
		_exit(a.rc == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void open_holds_become_interrupted_lines(void **state)
{
	struct store_counts counts;

	(void)state;
	die_with_holds(5, 2);
	clock_advance_ms(HOUR_MS);
	open_healthy();
	store_count(store, &counts);
	assert_int_equal(counts.open_holds_closed, 3);
	assert_int_equal(ask_sql("SELECT count(*) FROM holds"), 0);
	assert_int_equal(
		ask_sql("SELECT count(*) FROM ledger WHERE outcome = 'interrupted' AND request_id "
			"= 'req-1' AND project = 'demo' AND key_id = 'k_1' AND model = "
			"'claude-sonnet' AND requests = 1 AND errors = 1 AND input_tokens = 100 "
			"AND "
			"output_tokens = 0 AND cost_micro_usd = 300 AND held_tokens = 1100 AND "
			"held_micro_usd = 15300 AND total_ms = -1"),
		3);
	assert_int_equal(ask_sql("SELECT min(at_ms) FROM ledger WHERE outcome = 'interrupted'"),
			 NOON_MS + HOUR_MS);
}

static void they_are_in_the_sums(void **state)
{
	(void)state;
	die_with_holds(3, 0);
	open_healthy();
	assert_int_equal(ask_sql("SELECT input_tokens FROM usage_quarter WHERE project = 'demo'"),
			 300);
	assert_int_equal(ask_sql("SELECT cost_micro_usd FROM usage_day WHERE project = ''"), 900);
}

static void they_are_charged_once_however_often_it_starts(void **state)
{
	struct store_counts counts;

	(void)state;
	die_with_holds(2, 0);
	die_with_holds(0, 0);
	for (int i = 0; i < 3; i++) {
		open_healthy();
		store_count(store, &counts);
		assert_int_equal(counts.open_holds_closed, 0);
		stop_store();
	}
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 2);
}

static void ids_are_not_given_out_again(void **state)
{
	int64_t first, second;
	struct hold_record hold;
	struct answer a = {0};

	(void)state;
	die_with_holds(3000, 3000);
	open_healthy();
	first = store_next_id(store);
	assert_true(first > 3000);
	assert_int_equal(store_next_id(store), first + 1);
	hold = a_hold(first);
	store_hold(store, &hold, on_done, &a);
	store_settle(store, first, &(struct ledger_record){.at_ms = NOON_MS}, NULL, on_done, &a);
	stop_store();
	assert_int_equal(a.calls, 2);
	open_healthy();
	second = store_next_id(store);
	assert_true(second > first + 1);
	assert_true(second < first + 10000); /* operators type the ids of overrides */
}

static void ids_survive_a_write_that_fails(void **state)
{
	struct hold_record hold;
	struct answer a = {0}, last = {0};
	int64_t id;

	(void)state;
	open_healthy();
	id = store_next_id(store);
	hold = a_hold(id);
	block_writer();
	store_hold(store, &hold, on_done, &a);
	/* The first one of these brings the whole group down, and with it a reservation. */
	hold.id = store_next_id(store) + 5000;
	store_hold(store, &hold, on_done, &a);
	store_hold(store, &hold, on_done, &a);
	unblock_writer();
	hold.id++;
	store_hold(store, &hold, on_done, &last);
	wait_for(&last.calls, 1);
	stop_store();
	open_healthy();
	assert_true(store_next_id(store) > hold.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_scratch, teardown_store)
		T(open_holds_become_interrupted_lines),
		T(they_are_in_the_sums),
		T(they_are_charged_once_however_often_it_starts),
		T(ids_are_not_given_out_again),
		T(ids_survive_a_write_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
