/* Group commit, and what becomes of queued writes when the file cannot take them. */
#include <signal.h>
#include <sys/resource.h>

#include "daemon/store/registry.h"

#include "tests/unit/store/store_support.h"

static struct ledger_record line;

static int setup(void **state)
{
	line = a_line("demo", "k_1", "m", NOON_MS);
	return setup_store(state);
}

static int64_t commits(void)
{
	struct store_counts counts;

	store_count(store, &counts);
	return counts.commits;
}

static void what_queues_during_a_commit_shares_the_next_one(void **state)
{
	int64_t before = commits();
	struct answer a = {0};

	(void)state;
	block_writer();
	for (int i = 0; i < 100; i++)
		assert_int_equal(store_settle(store, 0, &line, NULL, on_done, &a), 0);
	unblock_writer();
	wait_for(&a.calls, 100);
	assert_in_range(commits() - before, 1, 2);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 100);
	assert_int_equal(ask_sql("SELECT requests FROM usage_quarter WHERE project = 'demo'"), 100);
}

static int order[64], told;

static void on_ordered(void *ctx, int rc)
{
	assert_int_equal(rc, 0);
	order[told++] = *(int *)ctx;
}

static void done_comes_in_the_order_of_the_calls(void **state)
{
	static int names[64];

	(void)state;
	told = 0;
	for (int i = 0; i < 64; i++) {
		struct hold_record hold = a_hold(store_next_id(store));

		names[i] = i;
		if (i % 2)
			store_hold(store, &hold, on_ordered, &names[i]);
		else
			store_settle(store, 0, &line, NULL, on_ordered, &names[i]);
	}
	wait_for(&told, 64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(order[i], i);
}

static void queued_writes_are_counted_until_they_are_durable(void **state)
{
	struct store_counts counts;
	struct answer a = {0};

	(void)state;
	store_settle(store, 0, &line, NULL, on_done, &a);
	store_settle(store, 0, &line, NULL, on_done, &a);
	store_count(store, &counts);
	assert_int_equal(counts.queued, 2);
	wait_for(&a.calls, 2);
	store_count(store, &counts);
	assert_int_equal(counts.queued, 0);
	assert_int_equal(counts.writes, 2);
}

static void stopping_writes_what_is_queued(void **state)
{
	struct answer a = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		store_settle(store, 0, &line, NULL, on_done, &a);
	stop_store();
	assert_int_equal(a.calls, 20);
	assert_int_equal(a.rc, 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 20);
}

static void settle_again(void *ctx, int rc)
{
	assert_int_equal(rc, 0);
	store_settle(store, 0, &line, NULL, on_done, ctx);
}

static void done_may_queue_more(void **state)
{
	struct answer a = {0};

	(void)state;
	store_settle(store, 0, &line, NULL, settle_again, &a);
	wait_for(&a.calls, 1);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 2);
}

/* ---- a full disk: files may not grow ---- */

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void)
{
	limit_files(RLIM_INFINITY);
}

static int teardown(void **state)
{
	unlimit_files();
	return teardown_store(state);
}

static void a_full_disk_refuses_and_keeps_settlements(void **state)
{
	struct hold_record hold = a_hold(store_next_id(store));
	struct answer held = {0}, settled = {0}, second = {0}, refused = {0};
	struct store_counts counts;

	(void)state;
	store_hold(store, &hold, on_done, &held);
	wait_for(&held.calls, 1);
	limit_files(4096);
	assert_int_equal(store_settle(store, hold.id, &line, NULL, on_done, &settled), 0);
	wait_for(&settled.calls, 1);
	assert_int_equal(settled.rc, -ENOSPC);
	assert_int_equal(health_changes, 1);
	assert_false(store_healthy(store));
	assert_non_null(strstr(store_detail(store), "the disk is full"));
	assert_non_null(strstr(store_detail(store), "df -h"));

	assert_int_equal(store_hold(store, &hold, on_done, &refused), ERR_STATE);
	assert_int_equal(store_settle(store, 0, &line, NULL, on_done, &second), 0);
	wait_for(&second.calls, 1);
	assert_true(second.rc < 0);
	store_count(store, &counts);
	assert_int_equal(counts.queued, 2);

	unlimit_files();
	wait_for(&health_changes, 2);
	assert_true(store_healthy(store));
	assert_string_equal(store_detail(store), "");
	assert_int_equal(settled.calls, 1);
	assert_int_equal(second.calls, 1);
	assert_int_equal(refused.calls, 0);
	store_count(store, &counts);
	assert_int_equal(counts.queued, 0);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 2);
	assert_int_equal(ask_sql("SELECT count(*) FROM holds"), 0);
	assert_int_equal(ask_sql("SELECT requests FROM usage_day WHERE project = 'demo'"), 2);
}

static void what_was_kept_is_written_before_newer_lines(void **state)
{
	struct ledger_record newer = a_line("newer", "k_1", "m", NOON_MS);
	struct answer a = {0};

	(void)state;
	limit_files(4096);
	for (int i = 0; i < 3; i++)
		store_settle(store, 0, &line, NULL, on_done, &a);
	wait_for(&a.calls, 3);
	unlimit_files();
	wait_for(&health_changes, 2);
	settle(&newer);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE project = 'demo' AND seq < "
				 "(SELECT seq FROM ledger WHERE project = 'newer')"),
			 3);
}

static void usage_can_be_asked_for_while_the_disk_is_full(void **state)
{
	struct answer a = {0};

	(void)state;
	limit_files(4096);
	store_settle(store, 0, &line, NULL, on_done, &a);
	wait_for(&a.calls, 1);
	assert_false(store_healthy(store));
	assert_int_equal(store_load_projects(store, NULL, NULL), 0); /* there are none */
	unlimit_files();
}

static void a_stop_while_the_disk_is_full_ends_and_leaves_the_hold(void **state)
{
	struct hold_record hold = a_hold(store_next_id(store));
	struct answer held = {0}, settled = {0};
	struct store_counts counts;

	(void)state;
	store_hold(store, &hold, on_done, &held);
	wait_for(&held.calls, 1);
	limit_files(4096);
	store_settle(store, hold.id, &line, NULL, on_done, &settled);
	wait_for(&settled.calls, 1);
	stop_store();
	unlimit_files();
	assert_int_equal(settled.calls, 1);
	open_healthy();
	store_count(store, &counts);
	assert_int_equal(counts.open_holds_closed, 1);
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE outcome = 'interrupted'"), 1);
}

/* ---- another process' lock ---- */

static void a_short_lock_only_delays(void **state)
{
	struct answer a = {0};

	(void)state;
	block_writer();
	store_settle(store, 0, &line, NULL, on_done, &a);
	unblock_writer();
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
	assert_int_equal(health_changes, 0);
}

static void a_long_lock_is_told_and_passes(void **state)
{
	struct answer a = {0};

	(void)state;
	block_writer();
	store_settle(store, 0, &line, NULL, on_done, &a);
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, -EBUSY);
	assert_false(store_healthy(store));
	assert_non_null(strstr(store_detail(store), "fuser -v"));
	unblock_writer();
	wait_for(&health_changes, 2);
	assert_true(store_healthy(store));
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger"), 1);
}

static void a_file_that_was_moved_away_is_noticed(void **state)
{
	struct answer a = {0};

	(void)state;
	settle(&line);
	assert_int_equal(rename(store_file(), in_scratch("elsewhere")), 0);
	clock_advance_ms(61000);
	store_settle(store, 0, &line, NULL, on_done, &a);
	wait_for(&a.calls, 1);
	assert_true(a.rc < 0);
	assert_non_null(strstr(store_detail(store), "was moved"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(what_queues_during_a_commit_shares_the_next_one),
		T(done_comes_in_the_order_of_the_calls),
		T(queued_writes_are_counted_until_they_are_durable),
		T(stopping_writes_what_is_queued),
		T(done_may_queue_more),
		T(a_full_disk_refuses_and_keeps_settlements),
		T(what_was_kept_is_written_before_newer_lines),
		T(usage_can_be_asked_for_while_the_disk_is_full),
		T(a_stop_while_the_disk_is_full_ends_and_leaves_the_hold),
		T(a_short_lock_only_delays),
		T(a_long_lock_is_told_and_passes),
		T(a_file_that_was_moved_away_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
