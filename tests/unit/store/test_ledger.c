#include "tests/unit/store/store_support.h"

static void a_hold_is_durable_when_done_comes(void **state)
{
	struct hold_record hold = a_hold(store_next_id(store));
	struct answer a = {0};

	(void)state;
	assert_int_equal(store_hold(store, &hold, on_done, &a), 0);
	assert_int_equal(a.calls, 0);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM holds WHERE id = 1 AND at_ms > 0 AND "
				 "request_id = 'req-1' AND project = 'demo' AND key_id = 'k_1' AND "
				 "model = 'claude-sonnet' AND prompt_tokens = 100 AND "
				 "prompt_micro_usd = 300 AND tokens = 1100 AND micro_usd = 15300"),
			 1);
}

static void settling_ends_the_hold_and_writes_one_line(void **state)
{
	struct hold_record hold = a_hold(store_next_id(store));
	struct ledger_record line = a_line("demo", "k_1", "claude-sonnet", NOON_MS);
	struct answer held = {0}, settled = {0};

	(void)state;
	line.used.errors = 2;
	line.used.cache_hits = 3;
	line.used.cache_read_tokens = 4;
	line.used.cache_creation_tokens = 5;
	line.used.thinking_tokens = 6;
	store_hold(store, &hold, on_done, &held);
	store_settle(store, hold.id, &line, NULL, on_done, &settled);
	wait_for(&settled.calls, 1);
	assert_int_equal(held.calls, 1);
	assert_int_equal(settled.rc, 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM holds"), 0);
	assert_int_equal(
		ask_sql("SELECT count(*) FROM ledger WHERE seq = 1 AND request_id = 'req-1' AND "
			"project = 'demo' AND key_id = 'k_1' AND model = 'claude-sonnet' AND route "
			"= 'requested' AND outcome = 'ok' AND requests = 1 AND errors = 2 AND "
			"cache_hits = 3 AND input_tokens = 10 AND output_tokens = 20 AND "
			"cache_read_tokens = 4 AND cache_creation_tokens = 5 AND thinking_tokens = "
			"6 "
			"AND cost_micro_usd = 50 AND held_tokens = 1100 AND held_micro_usd = 15300 "
			"AND queue_ms = 1 AND first_text_ms = 2 AND total_ms = 3"),
		1);
}

static void settling_adds_to_quarter_and_day_of_project_and_everybody(void **state)
{
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS + 20 * MINUTE_MS);

	(void)state;
	settle(&line);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM usage_quarter"), 2);
	assert_int_equal(ask_sql("SELECT count(*) FROM usage_day"), 2);
	assert_int_equal(ask_sql("SELECT at FROM usage_quarter WHERE project = 'demo' AND key_id = "
				 "'k_1' AND model = 'm' AND requests = 2 AND input_tokens = 20"),
			 NOON_MS + 15 * MINUTE_MS);
	assert_int_equal(ask_sql("SELECT at FROM usage_day WHERE project = '' AND key_id = '' AND "
				 "model = 'm' AND output_tokens = 40 AND cost_micro_usd = 100"),
			 TODAY_MS);
}

static void lines_without_a_project_count_once_for_everybody(void **state)
{
	struct ledger_record line = a_line("", "", "m", NOON_MS);

	(void)state;
	settle(&line);
	assert_int_equal(ask_sql("SELECT sum(requests) FROM usage_day"), 1);
}

static void the_ledger_refuses_to_be_changed(void **state)
{
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);
	sqlite3 *conn;

	(void)state;
	settle(&line);
	conn = connect_to(store_file());
	assert_int_equal(sqlite3_exec(conn, "UPDATE ledger SET input_tokens = 0", 0, 0, 0),
			 SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(conn, "DELETE FROM ledger", 0, 0, 0), SQLITE_CONSTRAINT);
	sqlite3_close(conn);
	assert_int_equal(ask_sql("SELECT sum(input_tokens) FROM ledger"), 10);
}

static void sums_stop_at_the_largest_number(void **state)
{
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);

	(void)state;
	line.used.input_tokens = INT64_MAX - 1;
	line.used.cost_micro_usd = INT64_MAX;
	settle(&line);
	settle(&line);
	settle(&line);
	assert_int_equal(ask_sql("SELECT input_tokens FROM usage_quarter WHERE project = 'demo'"),
			 INT64_MAX);
	assert_int_equal(ask_sql("SELECT cost_micro_usd FROM usage_day WHERE project = ''"),
			 INT64_MAX);
}

static void text_is_never_sql(void **state)
{
	struct ledger_record line =
		a_line("x'); DROP TABLE ledger; --", "%s\"'", "\xc3\xa9", NOON_MS);

	(void)state;
	settle(&line);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE project = "
				 "'x''); DROP TABLE ledger; --' AND key_id = '%s\"'''"),
			 2);
}

static void a_second_hold_of_the_same_id_fails_alone(void **state)
{
	struct hold_record first = a_hold(store_next_id(store)),
			   other = a_hold(store_next_id(store));
	struct answer a[4] = {0};

	(void)state;
	block_writer();
	store_hold(store, &first, on_done, &a[0]);
	store_hold(store, &first, on_done, &a[1]);
	store_hold(store, &other, on_done, &a[2]);
	store_hold(store, &first, on_done, &a[3]);
	unblock_writer();
	wait_for(&a[3].calls, 1);
	assert_int_equal(a[0].rc, 0);
	assert_int_equal(a[1].rc, -EEXIST);
	assert_int_equal(a[2].rc, 0);
	assert_int_equal(a[3].rc, -EEXIST);
	assert_true(store_healthy(store));
	assert_int_equal(ask_sql("SELECT count(*) FROM holds"), 2);
}

static void what_fails_beside_settlements_leaves_their_sums_right(void **state)
{
	struct hold_record hold = a_hold(store_next_id(store));
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);
	struct answer a = {0}, refused = {0}, last = {0};

	(void)state;
	block_writer();
	store_hold(store, &hold, on_done, &a);
	for (int i = 0; i < 5; i++) {
		store_settle(store, 0, &line, NULL, on_done, &a);
		store_hold(store, &hold, on_done, &refused);
	}
	store_settle(store, 0, &line, NULL, on_done, &last);
	unblock_writer();
	wait_for(&last.calls, 1);
	assert_int_equal(a.calls, 6);
	assert_int_equal(a.rc, 0);
	assert_int_equal(refused.calls, 5);
	assert_int_equal(refused.rc, -EEXIST);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 6);
	assert_int_equal(ask_sql("SELECT requests FROM usage_day WHERE project = ''"), 6);
	assert_int_equal(ask_sql("SELECT requests FROM usage_quarter WHERE project = 'demo'"), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)
		T(a_hold_is_durable_when_done_comes),
		T(settling_ends_the_hold_and_writes_one_line),
		T(settling_adds_to_quarter_and_day_of_project_and_everybody),
		T(lines_without_a_project_count_once_for_everybody),
		T(the_ledger_refuses_to_be_changed),
		T(sums_stop_at_the_largest_number),
		T(text_is_never_sql),
		T(a_second_hold_of_the_same_id_fails_alone),
		T(what_fails_beside_settlements_leaves_their_sums_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
