#include "tests/unit/store/store_support.h"

static const unsigned char one[HASH_SIZE] = {1}, two[HASH_SIZE] = {2};

static struct {
	int calls, rc;
	bool found;
	struct idempotency_record record;
	char text[64];
} got;

static void on_found(void *ctx, int rc, const struct idempotency_record *record)
{
	(void)ctx;
	got.calls++;
	got.rc = rc;
	got.found = record != NULL;
	if (!record)
		return;
	got.record = *record;
	snprintf(got.text, sizeof got.text, "%s", record->answer ? record->answer : "(none)");
}

static void look(const char *project, const unsigned char *key)
{
	memset(&got, 0, sizeof got);
	assert_int_equal(store_find_answer(store, project, key, on_found, NULL), 0);
	assert_int_equal(got.calls, 0);
	wait_for(&got.calls, 1);
	assert_int_equal(got.rc, 0);
}

static void keep(const char *project, const unsigned char *key, int64_t at_ms, const char *answer)
{
	struct idempotency_record record = {.at_ms = at_ms, .answer = (char *)answer};
	struct ledger_record line = a_line(project, "k_1", "m", at_ms);
	struct answer a = {0};

	strcpy(record.project, project);
	memcpy(record.key_hash, key, HASH_SIZE);
	memcpy(record.body_hash, key, HASH_SIZE);
	assert_int_equal(store_settle(store, 0, &line, &record, on_done, &a), 0);
	memset(&record, 0xff, sizeof record); /* it was copied */
	wait_for(&a.calls, 1);
	assert_int_equal(a.rc, 0);
}

static void a_kept_answer_is_found(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, "{\"a\":1}");
	look("demo", one);
	assert_true(got.found);
	assert_string_equal(got.text, "{\"a\":1}");
	assert_string_equal(got.record.project, "demo");
	assert_memory_equal(got.record.key_hash, one, HASH_SIZE);
	assert_memory_equal(got.record.body_hash, one, HASH_SIZE);
	assert_int_equal(got.record.at_ms, NOON_MS);
}

static void other_keys_and_projects_have_none(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, "{}");
	look("demo", two);
	assert_false(got.found);
	look("other", one);
	assert_false(got.found);
}

static void an_answer_too_large_is_known_without_its_text(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, NULL);
	look("demo", one);
	assert_true(got.found);
	assert_null(got.record.answer);
}

static void answers_outlive_a_restart(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, "{}");
	stop_store();
	open_healthy();
	look("demo", one);
	assert_true(got.found);
}

static void the_first_answer_stays_for_a_day(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, "first");
	keep("demo", one, NOON_MS + DAY_MS - 1, "second");
	look("demo", one);
	assert_string_equal(got.text, "first");
}

static void one_that_has_run_out_is_replaced(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS - DAY_MS, "first");
	keep("demo", one, NOON_MS, "second");
	look("demo", one);
	assert_string_equal(got.text, "second");
	assert_int_equal(got.record.at_ms, NOON_MS);
}

static void one_that_has_run_out_is_not_found(void **state)
{
	(void)state;
	keep("demo", one, NOON_MS, "first");
	clock_advance_ms(DAY_MS - 1);
	look("demo", one);
	assert_true(got.found);
	clock_advance_ms(1);
	look("demo", one);
	assert_false(got.found);
}

static void what_has_run_out_is_deleted_bit_by_bit(void **state)
{
	struct answer a = {0};
	struct ledger_record line = a_line("demo", "k_1", "m", NOON_MS);

	(void)state;
	for (int i = 0; i < 1200; i++) {
		struct idempotency_record record = {.project = "demo", .at_ms = NOON_MS};

		memcpy(record.key_hash, &i, sizeof i);
		store_settle(store, 0, &line, &record, on_done, &a);
	}
	wait_for(&a.calls, 1200);
	keep("another", one, NOON_MS + DAY_MS, "young");
	clock_advance_ms(DAY_MS);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM kept_answers"), 701);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM kept_answers"), 701);
	clock_advance_ms(100);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM kept_answers"), 201);
	clock_advance_ms(100);
	settle(&line);
	assert_int_equal(ask_sql("SELECT count(*) FROM kept_answers"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)
		T(a_kept_answer_is_found),
		T(other_keys_and_projects_have_none),
		T(an_answer_too_large_is_known_without_its_text),
		T(answers_outlive_a_restart),
		T(the_first_answer_stays_for_a_day),
		T(one_that_has_run_out_is_replaced),
		T(one_that_has_run_out_is_not_found),
		T(what_has_run_out_is_deleted_bit_by_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
