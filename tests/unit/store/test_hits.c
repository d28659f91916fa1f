#include "tests/unit/store/store_support.h"

static int hit(const char *project, const char *model, int64_t at_ms, struct answer *a)
{
	return store_cache_hit(store, project, "k_1", model, at_ms, on_done, a);
}

static void hits_of_one_transaction_share_a_line(void **state)
{
	struct answer a = {0};

	(void)state;
	block_writer();
	hit("first", "m", NOON_MS, &a); /* keeps the writer */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(hit("demo", "m", NOON_MS, &a), 0);
	unblock_writer();
	wait_for(&a.calls, 1001);
	assert_int_equal(a.rc, 0);
	assert_in_range(ask_sql("SELECT count(*) FROM ledger WHERE project = 'demo'"), 1, 2);
	assert_int_equal(ask_sql("SELECT sum(requests) FROM ledger WHERE project = 'demo' AND "
				 "outcome = 'cache_hit' AND requests = cache_hits AND "
				 "cost_micro_usd = 0 AND input_tokens = 0"),
			 1000);
	assert_int_equal(ask_sql("SELECT cache_hits FROM usage_day WHERE project = 'demo'"), 1000);
}

static void projects_and_models_have_lines_of_their_own(void **state)
{
	struct answer a = {0};

	(void)state;
	block_writer();
	hit("first", "m", NOON_MS, &a);
	for (int i = 0; i < 5; i++) {
		hit("a", "m", NOON_MS, &a);
		hit("b", "m", NOON_MS, &a);
		hit("a", "n", NOON_MS, &a);
	}
	unblock_writer();
	wait_for(&a.calls, 16);
	assert_int_equal(ask_sql("SELECT sum(requests) FROM ledger WHERE project = 'a' AND model = "
				 "'m'"),
			 5);
	assert_int_equal(ask_sql("SELECT sum(requests) FROM ledger WHERE project = 'a' AND model = "
				 "'n'"),
			 5);
	assert_int_equal(ask_sql("SELECT sum(requests) FROM ledger WHERE project = 'b'"), 5);
}

static void each_counts_in_its_own_quarter(void **state)
{
	struct answer a = {0};

	(void)state;
	block_writer();
	hit("first", "m", NOON_MS, &a);
	hit("demo", "m", NOON_MS - 1, &a);
	hit("demo", "m", NOON_MS, &a);
	hit("demo", "m", NOON_MS - 1, &a);
	unblock_writer();
	wait_for(&a.calls, 4);
	assert_int_equal(ask_sql("SELECT requests FROM usage_quarter WHERE project = 'demo' AND at "
				 "< 1795521600000"),
			 2);
	assert_int_equal(ask_sql("SELECT requests FROM usage_quarter WHERE project = 'demo' AND at "
				 "= 1795521600000"),
			 1);
}

static void what_comes_after_a_commit_makes_a_new_line(void **state)
{
	struct answer a = {0};

	(void)state;
	for (int i = 1; i <= 3; i++) {
		hit("demo", "m", NOON_MS, &a);
		wait_for(&a.calls, i);
	}
	assert_int_equal(ask_sql("SELECT count(*) FROM ledger WHERE requests = 1"), 3);
}

static int left;

static void hit_again(void *ctx, int rc)
{
	assert_int_equal(rc, 0);
	if (left-- > 0)
		store_cache_hit(store, "demo", "k_1", "m", NOON_MS, hit_again, ctx);
	else
		++*(int *)ctx;
}

static void none_is_lost_while_the_writer_takes_them(void **state)
{
	int ended = 0;

	(void)state;
	left = 20000;
	for (int i = 0; i < 16; i++)
		store_cache_hit(store, "demo", "k_1", "m", NOON_MS, hit_again, &ended);
	wait_for(&ended, 16);
	assert_int_equal(ask_sql("SELECT sum(cache_hits) FROM ledger"), 20016);
	assert_int_equal(ask_sql("SELECT cache_hits FROM usage_quarter WHERE project = ''"), 20016);
}

static void names_that_are_too_long_are_refused(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(hit(name, "m", NOON_MS, NULL), ERR_LIMIT);
	assert_int_equal(hit("demo", name, NOON_MS, NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)
		T(hits_of_one_transaction_share_a_line),
		T(projects_and_models_have_lines_of_their_own),
		T(each_counts_in_its_own_quarter),
		T(what_comes_after_a_commit_makes_a_new_line),
		T(none_is_lost_while_the_writer_takes_them),
		T(names_that_are_too_long_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
