#include "daemon/store/usage.h"

#include "tests/unit/store/store_support.h"

static struct {
	int calls, rc;
	size_t count;
	struct usage_row rows[16];
} got;

static void on_usage(void *ctx, int rc, const struct usage_row *rows, size_t count)
{
	(void)ctx;
	got.calls++;
	got.rc = rc;
	got.count = count;
	assert_true(count <= 16);
	if (count > 0)
		memcpy(got.rows, rows, count * sizeof *rows);
}

static void ask(const char *project, const char *key, enum usage_group group, int64_t from,
		int64_t to)
{
	struct usage_query q = {.from_ms = from, .to_ms = to, .group = group};

	memset(&got, 0, sizeof got);
	strcpy(q.project, project);
	strcpy(q.key_id, key);
	assert_int_equal(store_usage(store, &q, on_usage, NULL), 0);
	memset(&q, 0xff, sizeof q); /* it was copied */
	assert_int_equal(got.calls, 0);
	wait_for(&got.calls, 1);
	assert_int_equal(got.rc, 0);
}

static void row_is(size_t i, const char *name, int64_t requests)
{
	assert_true(i < got.count);
	assert_string_equal(got.rows[i].name, name);
	assert_int_equal(got.rows[i].sum.requests, requests);
	assert_int_equal(got.rows[i].sum.input_tokens, 10 * requests);
	assert_int_equal(got.rows[i].sum.output_tokens, 20 * requests);
	assert_int_equal(got.rows[i].sum.cost_micro_usd, 50 * requests);
}

static void add(const char *project, const char *key, const char *model, int64_t at_ms)
{
	struct ledger_record line = a_line(project, key, model, at_ms);

	settle(&line);
}

/* Three days, two projects, three keys, two models. */
static int setup(void **state)
{
	if (setup_store(state) != 0)
		return -1;
	add("demo", "k_1", "haiku", TODAY_MS - DAY_MS);
	add("demo", "k_1", "opus", TODAY_MS + 5 * MINUTE_MS);
	add("demo", "k_2", "haiku", TODAY_MS + DAY_MS - 1);
	add("demo", "k_2", "haiku", TODAY_MS + DAY_MS);
	add("other", "k_3", "opus", TODAY_MS);
	return 0;
}

static void by_model(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_MODEL, 0, INT64_MAX);
	assert_int_equal(got.count, 2);
	row_is(0, "haiku", 3);
	row_is(1, "opus", 1);
	ask("", "", USAGE_BY_MODEL, 0, INT64_MAX);
	assert_int_equal(got.count, 2);
	row_is(0, "haiku", 3);
	row_is(1, "opus", 2);
}

static void by_day(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_DAY, 0, INT64_MAX);
	assert_int_equal(got.count, 3);
	row_is(0, "2026-11-23", 1);
	row_is(1, "2026-11-24", 2);
	row_is(2, "2026-11-25", 1);
	ask("", "", USAGE_BY_DAY, TODAY_MS, TODAY_MS + DAY_MS);
	assert_int_equal(got.count, 1);
	row_is(0, "2026-11-24", 3);
}

static void by_key(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_KEY, 0, INT64_MAX);
	assert_int_equal(got.count, 2);
	row_is(0, "k_1", 2);
	row_is(1, "k_2", 2);
	ask("", "", USAGE_BY_KEY, 0, INT64_MAX);
	assert_int_equal(got.count, 3);
	row_is(2, "k_3", 1);
}

static void by_project(void **state)
{
	(void)state;
	ask("", "", USAGE_BY_PROJECT, 0, INT64_MAX);
	assert_int_equal(got.count, 2);
	row_is(0, "demo", 4);
	row_is(1, "other", 1);
	ask("demo", "", USAGE_BY_PROJECT, 0, INT64_MAX);
	assert_int_equal(got.count, 1);
	row_is(0, "demo", 4);
}

static void as_one_sum(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_NOTHING, 0, INT64_MAX);
	assert_int_equal(got.count, 1);
	row_is(0, "", 4);
	ask("", "", USAGE_BY_NOTHING, 0, INT64_MAX);
	row_is(0, "", 5);
}

static void nothing_is_one_row_of_zeros_or_none(void **state)
{
	(void)state;
	ask("nobody", "", USAGE_BY_NOTHING, 0, INT64_MAX);
	assert_int_equal(got.count, 1);
	row_is(0, "", 0);
	ask("nobody", "", USAGE_BY_MODEL, 0, INT64_MAX);
	assert_int_equal(got.count, 0);
}

static void of_one_key(void **state)
{
	(void)state;
	ask("", "k_1", USAGE_BY_NOTHING, 0, INT64_MAX);
	row_is(0, "", 2);
	ask("demo", "k_2", USAGE_BY_DAY, 0, INT64_MAX);
	assert_int_equal(got.count, 2);
	row_is(0, "2026-11-24", 1);
	ask("other", "k_1", USAGE_BY_NOTHING, 0, INT64_MAX);
	row_is(0, "", 0);
	ask("", "k_3", USAGE_BY_MODEL, 0, INT64_MAX);
	assert_int_equal(got.count, 1);
	row_is(0, "opus", 1);
}

static void parts_of_days_count_by_quarters(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS + 15 * MINUTE_MS, INT64_MAX);
	row_is(0, "", 2);
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS, TODAY_MS + DAY_MS - 15 * MINUTE_MS);
	row_is(0, "", 1);
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS - 12 * HOUR_MS, TODAY_MS + DAY_MS + HOUR_MS);
	row_is(0, "", 3);
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS - DAY_MS, TODAY_MS + DAY_MS);
	row_is(0, "", 3);
}

static void times_are_rounded_down(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS + 14 * MINUTE_MS, TODAY_MS + 29 * MINUTE_MS);
	row_is(0, "", 1);
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS, TODAY_MS + 14 * MINUTE_MS);
	row_is(0, "", 0);
}

static void ranges_that_make_no_sense_are_empty(void **state)
{
	(void)state;
	ask("demo", "", USAGE_BY_NOTHING, INT64_MAX, INT64_MIN);
	row_is(0, "", 0);
	ask("demo", "", USAGE_BY_NOTHING, TODAY_MS + DAY_MS, TODAY_MS);
	row_is(0, "", 0);
	ask("demo", "", USAGE_BY_NOTHING, INT64_MIN, TODAY_MS);
	row_is(0, "", 1);
}

/* Whatever the range, the sum is that of the ledger. */
static void every_range_agrees_with_the_ledger(void **state)
{
	uint64_t random = 1;
	char sql[200];

	(void)state;
	for (int i = 0; i < 300; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		add("many", "k_9", "haiku", TODAY_MS + (int64_t)(random >> 33) % (4 * DAY_MS));
	}
	for (int i = 0; i < 40; i++) {
		int64_t from, to;

		random = random * 6364136223846793005u + 1442695040888963407u;
		from = TODAY_MS + (int64_t)(random >> 33) % 384 * BUCKET_MS;
		random = random * 6364136223846793005u + 1442695040888963407u;
		to = from + (int64_t)(random >> 33) % 384 * BUCKET_MS;
		ask("many", "", USAGE_BY_NOTHING, from, to);
		snprintf(sql, sizeof sql,
			 "SELECT count(*) FROM ledger WHERE project = 'many' AND at_ms >= %lld AND "
			 "at_ms < %lld",
			 (long long)from, (long long)to);
		row_is(0, "", ask_sql(sql));
	}
}

static void sums_of_rows_stop_at_the_largest_number(void **state)
{
	struct ledger_record line = a_line("rich", "k_1", "haiku", TODAY_MS);

	(void)state;
	line.used.cost_micro_usd = INT64_MAX - 10;
	settle(&line);
	strcpy(line.model, "opus");
	settle(&line);
	ask("rich", "", USAGE_BY_NOTHING, 0, INT64_MAX);
	assert_int_equal(got.rows[0].sum.cost_micro_usd, INT64_MAX);
	assert_int_equal(got.rows[0].sum.requests, 2);
}

static void stopping_waits_for_the_answer(void **state)
{
	struct usage_query q = {.to_ms = INT64_MAX};

	(void)state;
	memset(&got, 0, sizeof got);
	for (int i = 0; i < 8; i++)
		store_usage(store, &q, on_usage, NULL);
	stop_store();
	assert_int_equal(got.calls, 8);
	row_is(0, "", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_store)
		T(by_model),
		T(by_day),
		T(by_key),
		T(by_project),
		T(as_one_sum),
		T(nothing_is_one_row_of_zeros_or_none),
		T(of_one_key),
		T(parts_of_days_count_by_quarters),
		T(times_are_rounded_down),
		T(ranges_that_make_no_sense_are_empty),
		T(every_range_agrees_with_the_ledger),
		T(sums_of_rows_stop_at_the_largest_number),
		T(stopping_waits_for_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
