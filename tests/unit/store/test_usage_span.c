/* What budgets are told: store_usage_load() and store_put_budget(). */
#include "daemon/store/registry.h"
#include "daemon/store/usage.h"

#include "tests/unit/store/store_support.h"

static struct {
	int calls, rc;
	size_t count;
	struct {
		char subject[SUBJECT_SIZE];
		struct usage_bucket bucket;
	} all[32];
} got;

static void on_bucket(void *ctx, const char *subject, const struct usage_bucket *b)
{
	(void)ctx;
	assert_true(got.count < 32);
	strcpy(got.all[got.count].subject, subject);
	got.all[got.count++].bucket = *b;
}

static void on_budget(void *ctx, int rc, const struct usage_bucket *buckets, size_t count)
{
	(void)ctx;
	got.calls++;
	got.rc = rc;
	for (size_t i = 0; i < count; i++)
		on_bucket(NULL, "", &buckets[i]);
}

static void load(enum scope scope, int64_t from_ms, bool by_day)
{
	memset(&got, 0, sizeof got);
	assert_int_equal(store_usage_load(store, scope, from_ms, by_day, on_bucket, NULL), 0);
}

static void bucket_is(size_t i, const char *subject, int64_t at_ms, int64_t requests)
{
	assert_true(i < got.count);
	assert_string_equal(got.all[i].subject, subject);
	assert_int_equal(got.all[i].bucket.bucket_ms, at_ms);
	assert_int_equal(got.all[i].bucket.tokens, 30 * requests);
	assert_int_equal(got.all[i].bucket.micro_usd, 50 * requests);
}

static void add(const char *project, const char *key, const char *model, int64_t at_ms)
{
	struct ledger_record line = a_line(project, key, model, at_ms);

	settle(&line);
}

static int setup(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	add("demo", "k_1", "haiku", TODAY_MS - 2 * DAY_MS + HOUR_MS);
	add("demo", "k_1", "opus", TODAY_MS - DAY_MS + HOUR_MS);
	add("demo", "k_2", "haiku", TODAY_MS - DAY_MS + 2 * HOUR_MS);
	add("other", "k_3", "haiku", TODAY_MS + HOUR_MS);
	add("demo", "k_1", "haiku", TODAY_MS + HOUR_MS);
	add("demo", "k_1", "opus", TODAY_MS + 2 * HOUR_MS);
	add("demo", "", "opus", TODAY_MS + 2 * HOUR_MS);
	return 0;
}

static void quarters_of_every_project(void **state)
{
	(void)state;
	load(SCOPE_PROJECT, TODAY_MS - DAY_MS, false);
	assert_int_equal(got.count, 5);
	bucket_is(0, "demo", TODAY_MS - DAY_MS + HOUR_MS, 1);
	bucket_is(1, "demo", TODAY_MS - DAY_MS + 2 * HOUR_MS, 1);
	bucket_is(2, "demo", TODAY_MS + HOUR_MS, 1);
	bucket_is(3, "demo", TODAY_MS + 2 * HOUR_MS, 2);
	bucket_is(4, "other", TODAY_MS + HOUR_MS, 1);
}

static void whole_days_as_one_bucket(void **state)
{
	(void)state;
	load(SCOPE_PROJECT, TODAY_MS - 2 * DAY_MS, true);
	assert_int_equal(got.count, 5);
	bucket_is(0, "demo", TODAY_MS - 2 * DAY_MS, 1);
	bucket_is(1, "demo", TODAY_MS - DAY_MS, 2);
	bucket_is(2, "demo", TODAY_MS + HOUR_MS, 1); /* a day that is not over */
	bucket_is(3, "demo", TODAY_MS + 2 * HOUR_MS, 2);
	bucket_is(4, "other", TODAY_MS + HOUR_MS, 1);
}

static void the_rest_of_the_first_day_by_quarters(void **state)
{
	(void)state;
	load(SCOPE_GLOBAL, TODAY_MS - 2 * DAY_MS + HOUR_MS + 7 * MINUTE_MS, true);
	assert_int_equal(got.count, 4);
	bucket_is(0, "", TODAY_MS - 2 * DAY_MS + HOUR_MS, 1);
	bucket_is(1, "", TODAY_MS - DAY_MS, 2);
	bucket_is(2, "", TODAY_MS + HOUR_MS, 2);
	bucket_is(3, "", TODAY_MS + 2 * HOUR_MS, 2);
}

static void keys_without_the_keyless(void **state)
{
	(void)state;
	load(SCOPE_KEY, TODAY_MS, true);
	assert_int_equal(got.count, 3);
	bucket_is(0, "k_1", TODAY_MS + HOUR_MS, 1);
	bucket_is(1, "k_1", TODAY_MS + 2 * HOUR_MS, 1);
	bucket_is(2, "k_3", TODAY_MS + HOUR_MS, 1);
}

static void all_kinds_of_tokens_count_but_thinking_only_once(void **state)
{
	struct ledger_record line = a_line("kinds", "k_1", "m", TODAY_MS);

	(void)state;
	line.used.cache_read_tokens = 100;
	line.used.cache_creation_tokens = 1000;
	line.used.thinking_tokens = 15;
	settle(&line);
	load(SCOPE_PROJECT, TODAY_MS, false);
	for (size_t i = 0; i < got.count; i++)
		if (strcmp(got.all[i].subject, "kinds") == 0)
			assert_int_equal(got.all[i].bucket.tokens, 1130);
}

/* ---- budgets ---- */

static struct budget_record budget(enum scope scope, const char *subject, enum budget_window window)
{
	struct budget_record r = {.scope = scope,
				  .window = window,
				  .limit_tokens = 1000,
				  .limit_micro_usd = -1,
				  .warn_percent = 80};

	strcpy(r.subject, subject);
	return r;
}

static void put(const struct budget_record *r, int64_t from_ms)
{
	memset(&got, 0, sizeof got);
	assert_int_equal(store_put_budget(store, r, from_ms, on_budget, NULL), 0);
	wait_for(&got.calls, 1);
	assert_int_equal(got.rc, 0);
}

static void a_budget_is_told_what_its_subject_used(void **state)
{
	struct budget_record r = budget(SCOPE_PROJECT, "demo", WINDOW_TOTAL);

	(void)state;
	put(&r, 0);
	assert_int_equal(got.count, 4);
	bucket_is(0, "", TODAY_MS - 2 * DAY_MS, 1);
	bucket_is(1, "", TODAY_MS - DAY_MS, 2);
	bucket_is(2, "", TODAY_MS + HOUR_MS, 1);
	bucket_is(3, "", TODAY_MS + 2 * HOUR_MS, 2);
	r = budget(SCOPE_KEY, "k_1", WINDOW_DAY);
	put(&r, TODAY_MS);
	assert_int_equal(got.count, 2);
	bucket_is(0, "", TODAY_MS + HOUR_MS, 1);
	r = budget(SCOPE_GLOBAL, "", WINDOW_HOUR);
	put(&r, TODAY_MS + HOUR_MS);
	assert_int_equal(got.count, 2);
	bucket_is(0, "", TODAY_MS + HOUR_MS, 2);
}

static void rolling_ones_get_quarters_only(void **state)
{
	struct budget_record r = budget(SCOPE_PROJECT, "demo", WINDOW_ROLLING);

	(void)state;
	r.rolling_ms = 3 * DAY_MS;
	put(&r, TODAY_MS - 2 * DAY_MS);
	assert_int_equal(got.count, 5);
	bucket_is(0, "", TODAY_MS - 2 * DAY_MS + HOUR_MS, 1);
}

static void nothing_used_is_no_bucket(void **state)
{
	struct budget_record r = budget(SCOPE_PROJECT, "nobody", WINDOW_TOTAL);

	(void)state;
	put(&r, 0);
	assert_int_equal(got.count, 0);
}

static void settlements_before_it_count_and_later_ones_do_not(void **state)
{
	struct ledger_record line = a_line("ordered", "k_9", "m", NOON_MS);
	struct budget_record r = budget(SCOPE_PROJECT, "ordered", WINDOW_DAY);
	struct answer a = {0};

	(void)state;
	memset(&got, 0, sizeof got);
	block_writer(); /* so that all of it is one transaction, but for the first */
	for (int i = 0; i < 4; i++)
		store_settle(store, 0, &line, NULL, on_done, &a);
	assert_int_equal(store_put_budget(store, &r, TODAY_MS, on_budget, NULL), 0);
	for (int i = 0; i < 3; i++)
		store_settle(store, 0, &line, NULL, on_done, &a);
	unblock_writer();
	wait_for(&a.calls, 7);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.count, 1);
	bucket_is(0, "", NOON_MS, 4);
	assert_int_equal(ask_sql("SELECT requests FROM usage_day WHERE project = 'ordered'"), 7);
}

static void the_order_holds_when_the_group_is_run_again(void **state)
{
	struct ledger_record line = a_line("ordered", "k_9", "m", NOON_MS);
	struct budget_record r = budget(SCOPE_PROJECT, "ordered", WINDOW_DAY);
	struct hold_record hold = a_hold(store_next_id(store));
	struct answer a = {0}, refused = {0};

	(void)state;
	memset(&got, 0, sizeof got);
	block_writer();
	store_hold(store, &hold, on_done, &a);
	store_settle(store, 0, &line, NULL, on_done, &a);
	store_put_budget(store, &r, TODAY_MS, on_budget, NULL);
	store_settle(store, 0, &line, NULL, on_done, &a);
	store_hold(store, &hold, on_done, &refused);
	unblock_writer();
	wait_for(&refused.calls, 1);
	assert_int_equal(refused.rc, -EEXIST);
	assert_int_equal(got.count, 1);
	bucket_is(0, "", NOON_MS, 1);
	assert_int_equal(ask_sql("SELECT requests FROM usage_day WHERE project = 'ordered'"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_store)
		T(quarters_of_every_project),
		T(whole_days_as_one_bucket),
		T(the_rest_of_the_first_day_by_quarters),
		T(keys_without_the_keyless),
		T(all_kinds_of_tokens_count_but_thinking_only_once),
		T(a_budget_is_told_what_its_subject_used),
		T(rolling_ones_get_quarters_only),
		T(nothing_used_is_no_bucket),
		T(settlements_before_it_count_and_later_ones_do_not),
		T(the_order_holds_when_the_group_is_run_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
